"""`dlm-course check` on the files that students have: what it prints, its exit code, and what it leaves alone."""

import copy
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.course.questions import questions
from dlm_course.course.student.assemble import assemble
from dlm_course.course.student.validate import CouldNotRun, validate
from dlm_course.course.topics import notebook_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NAME = notebook_name("01")
IDS = [question.id for question in questions("01")]
PASSED = [f"✓ {id_}" for id_ in IDS]
SOLVED = nbformat.read(ROOT / "solutions" / NAME, as_version=4)


@pytest.fixture
def solved():
    return copy.deepcopy(SOLVED)


def place_of(notebook, id_):
    return [cell.id for cell in notebook.cells].index(id_)


def answer(notebook, number):
    """The cell of the answer to task 01-number."""
    return notebook.cells[place_of(notebook, IDS[number - 1])]


def add(notebook, after, *sources):
    place = place_of(notebook, after) + 1
    notebook.cells[place:place] = [new_code_cell(source) for source in sources]


def check(*arguments, cwd, **environment):
    """The command as a student runs it."""
    return subprocess.run([Path(sys.executable).with_name("dlm-course"), "check", *map(str, arguments)], cwd=cwd,
                          env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False)


def lines(done):
    return done.stdout.splitlines()


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# Exit code 0: what costs nothing

@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A right notebook full of what students leave in theirs, in a folder of their own; one run for all of it."""
    folder = tmp_path_factory.mktemp("my course") / "Übung (1)'s"
    folder.mkdir()
    (folder / "numbers.txt").write_text("1 2 3")
    (folder / "my_tools.py").write_text("def transpose(matrix):\n    return matrix.T\n")
    student = copy.deepcopy(SOLVED)
    add(student, "title", "!echo hi", "import warnings\nwarnings.warn('at the top')")
    add(student, "setup",
        "!echo hi\n!ls no-such-file",
        "%%time\ntimed = sum(range(10))",
        "%timeit -n 1 -r 1 sum(range(10))",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])",
        "print('a helper'); Q",
        "import sys\nprint('error', file=sys.stderr)",
        "numbers = open('numbers.txt').read().split()\nassert len(numbers) == 3",
        "open('written.txt', 'w').write('by the student')",
        "from my_tools import transpose",
        "%%bash\necho hello\nexit 3",
        "%no_such_magic",
        "def helper(:",
        "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass",
        "import logging\nlogging.warning('careful')",
        "input('your name? ')")
    answer(student, 1).source = "\n".join([
        "%%time", "# Task 01-1", "print('defining', numbers)", "def next_distribution(matrix, x):",
        "    print('called'); warnings.warn('careful'); print('error', file=sys.stderr)",
        "    assert len(numbers) == 3", "    display(HTML('<i>y</i>'))", "    return transpose(matrix)[x]"])
    answer(student, 2).source += "\nassert (cumulative_matrix(matrices, 0) == torch.eye(4)).all()\nmatrices"
    answer(student, 3).source += "\nraise ValueError('behind the answer: he died, Timeout')"
    add(student, IDS[2], "1 / 0", "raise SystemExit(1)", "raise KeyboardInterrupt", "assert False, 'Timeout'")
    answer(student, 4).source += "\nprint('✗ 01-4-sample-paths: not really')"
    add(student, f"{IDS[3]}-check", "raise TimeoutError('Timeout, died')")
    path = folder / "my homework.ipynb"
    nbformat.write(student, path)
    before = snapshot(folder)
    return check(path.name, cwd=folder), before, snapshot(folder)


def test_helpers_shell_lines_magics_prints_warnings_and_cells_that_raise_cost_nothing(everything):
    done, _, _ = everything
    assert lines(done) == PASSED
    assert done.returncode == 0


def test_nothing_is_said_but_the_verdicts(everything):
    done, _, _ = everything
    assert done.stderr == ""


def test_relative_paths_are_the_students_and_the_file_stays_as_it_was(everything):
    _, before, after = everything
    assert after[Path("written.txt")] == b"by the student"
    left = {path for path in after if path not in before and "__pycache__" not in path.parts}
    assert left == {Path("written.txt")}
    assert all(after[path] == content for path, content in before.items())


# Exit code 1: not all passed

@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """One answer wrong, one deleted, one raising, one twice, one right; checked by the file's path from elsewhere."""
    folder = tmp_path_factory.mktemp("mixed")
    student = copy.deepcopy(SOLVED)
    answer(student, 1).source = "# Task 01-1\ndef next_distribution(matrix, x):\n    return matrix[x]"
    student.cells.remove(answer(student, 2))
    answer(student, 3).source = "# Task 01-3\ndef marginal_by_paths(*args):\n    raise TimeoutError('Timeout')"
    student.cells.insert(place_of(student, IDS[3]), new_code_cell("# Task 01-4\ndef sample_paths(): return 1"))
    path = folder / "x.ipynb"
    nbformat.write(student, path)
    stamp = path.stat().st_mtime_ns
    done = check(path, cwd=ROOT)
    assert path.stat().st_mtime_ns == stamp
    return done


def test_a_wrong_a_deleted_and_a_raising_answer(mixed):
    assert mixed.returncode == 1
    verdicts = [line for line in lines(mixed) if line[0] in "✓✗○"]
    assert [line.split(":")[0] for line in verdicts] == [
        f"✗ {IDS[0]}", f"○ {IDS[1]}", f"✗ {IDS[2]}", f"✓ {IDS[3]}", f"✓ {IDS[4]}"]
    assert "row of Q" in verdicts[0]
    assert verdicts[1] == f"○ {IDS[1]}: not attempted"
    assert "marginal_by_paths raised TimeoutError: Timeout" in verdicts[2]


def test_a_note_says_that_an_answer_was_duplicated(mixed):
    assert [line for line in lines(mixed) if line[0] not in "✓✗○"] == [
        f"note: {IDS[3]}: 2 cells hold an answer; the last one that is not the stub is taken"]


def test_a_topic_means_the_exercise_in_the_checkout():
    before = snapshot(ROOT / "exercises")
    done = check("01", cwd=ROOT / "lectures")
    assert (done.returncode, done.stderr) == (1, "")
    assert lines(done) == [f"○ {id_}: not attempted" for id_ in IDS]
    assert snapshot(ROOT / "exercises") == before


# Exit code 2: something could not run

@pytest.mark.parametrize(("content", "said"), [(None, "no such file"), ("not JSON", "not a notebook"),
                                               ("", "not a notebook")])
def test_a_file_that_cannot_be_checked(tmp_path, content, said):
    path = tmp_path / "homework.ipynb"
    if content is not None:
        path.write_text(content)
    done = check(path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{path}: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_other_files_are_checked_all_the_same(tmp_path, solved):
    nbformat.write(solved, tmp_path / "good.ipynb")
    done = check("missing.ipynb", "good.ipynb", cwd=tmp_path)
    assert done.returncode == 2
    assert lines(done) == PASSED
    assert "missing.ipynb: no such file" in done.stderr


def test_a_damaged_notebook_is_refused_without_a_traceback(tmp_path, solved):
    for cell in solved.cells:
        cell.pop("cell_type")
    path = tmp_path / "homework.ipynb"
    path.write_text(json.dumps(solved))
    done = check(path, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_byte_order_mark_costs_nothing_and_half_a_character_costs_its_own_file(tmp_path, solved):
    (tmp_path / "marked.ipynb").write_text(nbformat.writes(solved), encoding="utf-8-sig")
    answer(solved, 1).source += "  # \ud83d"
    (tmp_path / "half.ipynb").write_text(json.dumps(solved))
    done = check("half.ipynb", "marked.ipynb", cwd=tmp_path)
    assert (done.returncode, lines(done)) == (2, PASSED)
    assert done.stderr.startswith("half.ipynb: a cell holds '\\ud83d', half a character")
    assert done.stderr.count("\n") == 1


def could_not_run(done):
    """The reason, where no question was reached."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("homework.ipynb: could not run: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("package", ["nbval", "ipykernel", "pytest"])
def test_an_installation_that_was_interrupted(tmp_path, solved, package):
    nbformat.write(solved, tmp_path / "homework.ipynb")
    (tmp_path / "broken" / package).mkdir(parents=True)
    (tmp_path / "broken" / package / "__init__.py").write_text("raise ImportError('half of it is missing')")
    reason = could_not_run(check("homework.ipynb", cwd=tmp_path, PYTHONPATH=with_path(tmp_path / "broken")))
    assert "nbval did not start: " in reason
    assert "half of it is missing" in reason


def test_a_kernel_that_does_not_start(tmp_path, solved):
    nbformat.write(solved, tmp_path / "homework.ipynb")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ipykernel_launcher.py").write_text("open('no/such/file')")
    reason = could_not_run(check("homework.ipynb", cwd=tmp_path, PYTHONPATH=with_path(tmp_path / "broken")))
    assert "the kernel did not start (Kernel died before replying to kernel_info): FileNotFoundError: " in reason
    assert "'no/such/file'" in reason


def test_a_setting_of_ipython_that_stops_the_kernel(tmp_path, solved):
    nbformat.write(solved, tmp_path / "homework.ipynb")
    (tmp_path / "ipython" / "profile_default").mkdir(parents=True)
    (tmp_path / "ipython" / "profile_default" / "ipython_kernel_config.py").write_text("raise SystemExit('not today')")
    done = check("homework.ipynb", cwd=tmp_path, IPYTHONDIR=str(tmp_path / "ipython"))
    assert could_not_run(done).endswith("the kernel did not start (Kernel died before replying to kernel_info): "
                                        "not today\n")


def test_a_notebook_that_nbval_cannot_read(tmp_path, solved):
    assembly = assemble(solved, "01")
    next(cell for cell in assembly.notebook.cells if cell.cell_type == "code").metadata["tags"] = [["no tag"]]
    with pytest.raises(CouldNotRun, match=r"could not run: .*unhashable type") as caught:
        validate(assembly, tmp_path)
    assert caught.value.verdicts == []


# What does not matter: plugins, settings and variables of pytest

def with_path(folder):
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture
def plugins(tmp_path):
    """A folder with an installed plugin that deselects, reverses and repeats what pytest runs, then ends it early."""
    folder = tmp_path / "site-packages"
    metadata = folder / "hostile-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pytest11]\nhostile = hostile\n")
    (folder / "hostile.py").write_text("""
import pytest

def pytest_collection_modifyitems(items):
    items[:] = items[:0:-1] * 2

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    print("hostile")
    if item.name == "Cell 3":
        pytest.exit("enough")
""")
    return folder


def test_the_plugin_of_these_tests_is_found_by_pytest(tmp_path, plugins):
    """Else the next test would show nothing."""
    (tmp_path / "test_two.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-v", "-c", os.devnull, "test_two.py"], cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": with_path(plugins)}, capture_output=True, text=True,
                          check=False)
    assert done.stdout.count("::test_b PASSED") == 2
    assert "::test_a" not in done.stdout


@pytest.mark.parametrize("variables", [
    {}, {"PYTEST_PLUGINS": "hostile", "PYTEST_ADDOPTS": "-p hostile --no-such-option"},
    {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NBGRADER_EXECUTION": "autograde"},
], ids=["installed", "named", "variables"])
def test_neither_plugins_nor_settings_nor_variables_decide(tmp_path, solved, plugins, variables):
    """Settings lie beside the notebook, above it, and above the folder of temporary files."""
    folder, temporary = tmp_path / "course" / "exercises", tmp_path / "course" / "tmp"
    for place in (folder, temporary):
        place.mkdir(parents=True)
    for place in (tmp_path / "course", folder, temporary):
        for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            (place / name).write_text(f"[{section}]\naddopts = --no-such-option\n")
        (place / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--no-such-option'\n")
        (place / "conftest.py").write_text("raise RuntimeError\n")
    answer(solved, 1).source = "# NBVAL_SKIP\n" + answer(solved, 1).source
    solved.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "gone", "language": "R"}
    nbformat.write(solved, folder / "homework.ipynb")
    done = check("homework.ipynb", cwd=folder, TMPDIR=str(temporary), TEMP=str(temporary),
                 PYTHONPATH=with_path(plugins), **variables)
    assert (done.returncode, lines(done), done.stderr) == (0, PASSED, "")


# Cells that never end, and kernels that do

CELL_TIMEOUT = 15  # seconds: on a busy machine importing torch takes half of it
NO_END = f"✗ {IDS[1]}: not judged: it did not finish within 15 seconds, or ended its kernel"
NOT_REACHED = [f"○ {id_}: not judged: the notebook did not run as far as this" for id_ in IDS]


def stopped(notebook, folder):
    start = time.monotonic()
    with pytest.raises(CouldNotRun) as caught:
        validate(assemble(notebook, "01"), folder, CELL_TIMEOUT)
    assert time.monotonic() - start < 10 * CELL_TIMEOUT
    return caught.value


def test_a_cell_that_never_ends(tmp_path, solved, monkeypatch):
    add(solved, IDS[2], "\n# my loop\nwhile True:\n    pass")
    path = tmp_path / "homework.ipynb"
    nbformat.write(solved, path)
    monkeypatch.setattr("dlm_course.course.student.check_notebook.validate",
                        functools.partial(validate, cell_timeout=CELL_TIMEOUT))
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2
    assert result.stdout.splitlines() == PASSED    # the loop was interrupted, and the kernel went on
    assert result.stderr == f"{path}: a cell did not finish within 15 seconds, or ended its kernel: `# my loop`\n"


def test_a_cell_that_cannot_be_interrupted(tmp_path, solved):
    add(solved, IDS[1], "import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass")
    error = stopped(solved, tmp_path)
    assert str(error) == "a cell did not finish within 15 seconds, or ended its kernel: `import time`"
    assert [str(verdict) for verdict in error.verdicts] == [PASSED[0], *NOT_REACHED[1:]]


def test_a_cell_that_ends_its_kernel(tmp_path, solved):
    add(solved, IDS[1], "import os; os._exit(0)")
    error = stopped(solved, tmp_path)
    assert "ended its kernel: `import os; os._exit(0)`" in str(error)
    assert [str(verdict) for verdict in error.verdicts] == [PASSED[0], *NOT_REACHED[1:]]


def test_an_answer_that_never_ends(tmp_path, solved):
    answer(solved, 2).source = "# Task 01-2\ndef cumulative_matrix(matrices, t):\n    while True:\n        pass"
    error = stopped(solved, tmp_path)
    assert f'`check("{IDS[1]}")`' in str(error)
    assert [str(verdict) for verdict in error.verdicts] == [PASSED[0], NO_END, *PASSED[2:]]


def test_what_an_answer_does_after_its_check_costs_nothing(tmp_path, solved):
    """The cell that uses the functions once they pass is not run: it is there to be looked at."""
    source = answer(solved, 5).source
    answer(solved, 5).source = source.replace("### BEGIN SOLUTION", "while len(before) > 40_000: pass")
    assert answer(solved, 5).source != source
    verdicts = validate(assemble(solved, "01"), tmp_path, cell_timeout=CELL_TIMEOUT)
    assert [str(verdict) for verdict in verdicts] == PASSED


# Output that a right answer leaves in the cell of its check

@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """Right answers that leave something besides the verdict in the output of their checks; the last one is wrong."""
    student = copy.deepcopy(SOLVED)
    wrapped = {
        1: "import matplotlib.pyplot as plt\ndef leak(): plt.plot([1, 2])",
        2: "import logging\nlogging.basicConfig(level='INFO', force=True)\ndef leak(): logging.info('called')",
        3: "import sys\nlog = sys.stdout\ndef leak(): print('called', file=log)",
    }
    for number, source in wrapped.items():
        cell = answer(student, number)
        name = questions("01")[number - 1].name
        cell.source += (f"\n{source}\ndef {name}(*args, answer={name}, leak=leak):\n    leak()\n"
                        "    return answer(*args)\n")
    answer(student, 5).source = ("# Task 01-5\nimport sys\nlog = sys.stdout\ndef estimate_matrix(before, *others):\n"
                                 "    print('called', file=log)\n    return before")
    verdicts = validate(assemble(student, "01"), tmp_path_factory.mktemp("leaking"))
    return [str(verdict) for verdict in verdicts]


@pytest.mark.parametrize("number", [1, 2, 3], ids=["figure", "logging", "kept-stdout"])
def test_a_right_answer_passes_whatever_it_leaves_below_its_check(leaking, number):
    assert leaking[number - 1] == PASSED[number - 1]


def test_a_wrong_answer_keeps_its_reason_whatever_it_prints(leaking):
    assert leaking[4].startswith(f"✗ {IDS[4]}: shape (200,), expected (4, 4)")
