# make lab            open the course in JupyterLab       (BROWSER=no PORT=8899 for a machine without a screen)
# make test           prove it: package, answers, notebooks
# make test-quick     the part of it that takes under three minutes
# make test-notebooks the part of it that runs every notebook and compares its outputs
# make topic N=05     the proof of one topic: its answers and its notebooks
# make mutants        for authors: break right answers by machine, show which of them pass (an hour and more; N=05: one topic)
# make notebooks      for authors: execute lectures and solutions, release the exercises
# make study          for authors: repeat the longer runs that lectures plot (under two hours)
# make clean          remove the environment
#
# The first call makes the environment in .venv: with the CPU build of torch, or, for a GPU, with TORCH=cu130 (any build
# named at https://download.pytorch.org/whl) or TORCH=pypi (what the Python package index gives).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYTEST := $(BIN)/pytest -n auto --maxprocesses=8 --dist loadfile --no-loadscope-reorder --durations=10
PIP    := $(BIN)/python -m pip --disable-pip-version-check
TORCH  ?=
BROWSER ?= yes
PORT   ?=

# Hundreds of processes import the package, and compile it anew where a machine forbids them to keep what they compile.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab test test-quick test-notebooks topic mutants notebooks study clean FORCE
.DEFAULT_GOAL := help

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

lab: $(VENV)/ready
	@$(if $(filter yes no,$(BROWSER)),env -u BROWSER) $(BIN)/dlm-course lab $(if $(filter no,$(BROWSER)),--no-browser) $(if $(PORT),--port $(PORT))

# One thread a process: two on a busy machine are slower than one. Capstone: the exercise takes the models that the solution
# has trained. Then the lectures in which threads can matter run once more on two: 00, 04, 05 and 06. The others compute with
# tensors that torch does not divide, or set the number of their threads themselves.
test: $(VENV)/ready-test
	$(BIN)/ruff check
	rm -rf $(VENV)/capstone
	OMP_NUM_THREADS=1 DLM_COURSE_KEEP=$(CURDIR)/$(VENV)/capstone $(PYTEST) --nbval tests lectures solutions exercises \
	    --timeout=1200
	OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive $(PYTEST) --nbval --once lectures/0[0456]_* --timeout=1200

test-quick: $(VENV)/ready-test
	$(BIN)/ruff check
	OMP_NUM_THREADS=1 $(PYTEST) tests -m "not slow"

test-notebooks: $(VENV)/ready-test
	OMP_NUM_THREADS=1 $(PYTEST) --nbval lectures solutions exercises --timeout=1200

ifeq ($(filter topic,$(MAKECMDGOALS))$(wildcard solutions/$(N)_*.ipynb),topic)
$(error which topic? two digits: make topic N=05)
endif
topic: $(VENV)/ready-test
	OMP_NUM_THREADS=1 $(PYTEST) -q tests/course/questions tests/notebooks -k "$(N)"
	OMP_NUM_THREADS=1 $(PYTEST) -q --nbval tests/answers/test_$(N)_* $(wildcard lectures/$(N)_*) solutions/$(N)_* \
	    exercises/$(N)_*

# The survivors are then in files to look at, .venv/mutants/NN-k-name.txt.
mutants: $(VENV)/ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore tests/answers/mutants.py --into $(VENV)/mutants $(N)

notebooks: $(VENV)/ready
	$(BIN)/python -m dlm_course.course.author.execute lectures/*.ipynb
	$(BIN)/dlm-course release

study: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/python studies/mdlm_training.py
	OMP_NUM_THREADS=1 $(BIN)/python studies/families.py

clean:
	rm -rf $(VENV)

# The environment. `unfinished` marks an installation under way: after an interruption the next call starts afresh. An
# orderly failure of pip (no network, say) leaves an environment that was there before as it was.
ifneq ($(wildcard $(VENV)/unfinished),)
$(VENV)/ready: FORCE
endif

define start
	@if [ -e $(VENV)/unfinished ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	        { echo "Python 3.11 to 3.13 is needed, $$($(PYTHON) --version) was found: make lab PYTHON=python3.12"; exit 1; }; \
	    echo "Making the environment in $(VENV), once: some minutes, about 500 MB to download and 1.6 GB on disk"; \
	    $(PYTHON) -m venv --clear $(VENV) || exit 1; \
	fi; touch $(VENV)/unfinished
endef

ifneq ($(TORCH),)
ifneq ($(TORCH),$(shell cat $(VENV)/torch-build 2>/dev/null))
$(VENV)/ready: FORCE
endif
endif

# On Linux the package index gives the CUDA build of torch, some gigabytes: so torch comes first and from its own index.
# A wheel directory that pip is told of (PIP_FIND_LINKS) is preferred: it may be all there is.
$(VENV)/ready: pyproject.toml constraints.txt
	$(start)
	@pin=$$(grep '^torch==' constraints.txt); \
	build="$(TORCH)"; [ -n "$$build" ] || build=$$(cat $(VENV)/torch-build 2>/dev/null || echo cpu); \
	if [ "$$build $$pin" = "$$(cat $(VENV)/torch-build $(VENV)/torch-pin 2>/dev/null | tr '\n' ' ' | sed 's/ $$//')" ]; then :; \
	elif [ "$$build" = pypi ]; then \
	    $(PIP) install --quiet --no-deps --force-reinstall -c constraints.txt torch; \
	elif [ "$$build" = cpu ] && [ -n "$$PIP_FIND_LINKS" ] && \
	    $(PIP) install --quiet --no-index --no-deps --force-reinstall -c constraints.txt torch 2>/dev/null; then :; \
	else \
	    $(PIP) install --quiet --no-deps --force-reinstall -c constraints.txt torch \
	        --index-url https://download.pytorch.org/whl/$$build; \
	fi && echo "$$build" > $(VENV)/torch-build && echo "$$pin" > $(VENV)/torch-pin && \
	$(PIP) install --quiet -c constraints.txt -e . || { [ ! -e $@ ] || rm -f $(VENV)/unfinished; exit 1; }
	@rm -f $(VENV)/unfinished; touch $@

$(VENV)/ready-test: $(VENV)/ready
	@touch $(VENV)/unfinished
	$(PIP) install --quiet -c constraints.txt -e '.[test]' || { rm -f $(VENV)/unfinished; exit 1; }
	@rm -f $(VENV)/unfinished; touch $@
