"""Answering, in the sandbox: a student's cells, then the function on the cases, and what comes of it on the wire.

`prepare` is called once, in the warm parent, and `answer` in a fork of it, which ends with it.
"""

import contextlib
import gc
import importlib
import os
import pkgutil
import random
import sys
import traceback
import types
from collections.abc import Iterator, Sequence

import cloudpickle
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dlm_course.course.grading.sandbox.wire import Job, cell_begins, cell_raised, decode_job, encode_outputs, write_all
from dlm_course.course.questions.question import Case, Output
from dlm_course.course.questions.running import run

_OUT = 3    # the file descriptor to which the reports go, the only one besides the standard ones


def prepare(imports: Sequence[str] = ()) -> InteractiveShell:
    """The shell that runs cells, with everything loaded that an answer needs; and import statements, run once.

    Cells need no history, and nobody sees what they show: that would only take time.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot
    import numpy
    import torch

    torch.set_num_threads(1)
    for name in _library():
        importlib.import_module(name)
    _without_check()
    for line in imports:
        exec(line, {})
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.ast_node_interactivity = "none"
    shell = _Shell.instance(config=config)
    shell.magics_manager.magics["line"]["matplotlib"] = lambda line: None    # the pictures of %matplotlib inline
    random.seed(0)    # what cells draw without a seed is the same in every run
    numpy.random.seed(0)
    torch.manual_seed(0)
    gc.collect()
    gc.freeze()    # so that collections in the forks do not copy what they share
    return shell


def _library() -> Iterator[str]:
    """The package's modules that students build on, but for the pictures, which load much that few answers need."""
    root = __name__.partition(".")[0]
    for module in pkgutil.walk_packages(sys.modules[root].__path__, f"{root}."):
        if module.name.split(".")[1] not in ("course", "show", "cli"):
            yield module.name


class _Shell(InteractiveShell):
    """A shell for cells that nobody watches: what they print is not kept, and no traceback is drawn."""

    system = InteractiveShell.system_raw    # `!ls`, without a terminal

    def showtraceback(self, *_: object, **__: object) -> None:
        pass

    showsyntaxerror = showtraceback

    def ask_exit(self) -> None:
        """`exit()` ends nothing, as in a notebook."""

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        yield


def _without_check() -> None:
    """What a notebook imports for its checks are functions that do nothing here, since no question is."""
    module = types.ModuleType("dlm_course.course.student.check")
    module.check = module.passed = lambda *_, **__: None    # type: ignore[attr-defined]
    sys.modules[module.__name__] = module


def answer(shell: InteractiveShell, job: bytes, out: int) -> None:
    """Run a job, as `wire.encode_job` made it, and report to the file descriptor `out`.

    All other file descriptors are closed, and the standard ones lead nowhere.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if out != _OUT:
        os.dup2(out, _OUT)
    os.closerange(_OUT + 1, 1024)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(fd, "w", encoding="utf-8", errors="replace", closefd=False) for fd in (1, 2))
    write_all(_OUT, encode_outputs(_outputs(shell, decode_job(job))))


def _outputs(shell: InteractiveShell, job: Job) -> list[Output]:
    earlier, cases = cloudpickle.loads(job.payload)
    _withhold(job.name)
    sys.modules["__main__"] = shell.user_module
    for id_, source in job.cells:
        write_all(_OUT, cell_begins(id_))
        try:
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        if error is not None:
            said = traceback.format_exception_only(error)[-1]    # whatever its __str__ does
            write_all(_OUT, cell_raised(id_, " ".join(said.split())))
    write_all(_OUT, cell_begins(""))
    given = [Case(args, "", seed, goes_on=goes_on, raises=raises, says=says)
             for args, seed, goes_on, raises, says in cases]
    try:
        return run(shell.user_ns.get(job.name), given, earlier)
    except BaseException as error:    # run lets through what is no Exception: KeyboardInterrupt, for one
        return [Output(error=f"raised {type(error).__name__}")]


def _withhold(name: str) -> None:
    """What a task asks for cannot be imported from the package, where it has the same name there.

    The package's own functions go on using it, so that a student who is bent on it finds it: the grader looks at the
    sources, too.
    """
    class Withheld(types.ModuleType):
        def __getattribute__(self, attribute: str) -> object:
            asking = str(sys._getframe(1).f_globals.get("__name__"))
            if attribute == name and not asking.startswith(root + "."):
                raise AttributeError(f"{name} is what the task asks for: it cannot be taken from dlm_course")
            return super().__getattribute__(attribute)

    root = __name__.partition(".")[0]
    for key, module in list(sys.modules.items()):
        if key == root or (key.startswith(root + ".") and isinstance(vars(module).get(name), types.FunctionType)):
            module.__class__ = Withheld
