"""release.py and execute.py: the stored files are what the solutions give, and nothing of a student's is lost."""

import copy
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from dlm_course.authoring import RELEASED, notebook_name
from dlm_course.authoring import release as releasing
from dlm_course.authoring.execute import comparable, execute, source_hash, write_if_changed, write_whole
from dlm_course.authoring.release import clear, release, reset, untouched, write_release
from dlm_course.checks import TOPICS, questions
from dlm_course.cli import app

ROOT = Path(__file__).parents[2]
NAME = notebook_name("01")
IDS = [question.id for question in questions("01")]


def stored(folder, topic="01"):
    return nbformat.read(folder / notebook_name(topic), as_version=4)


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.id == id_)


# The stored files

@pytest.fixture(scope="module", params=TOPICS)
def fresh(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # The capstone keeps its models here: those of the solution serve the exercise, whose cells are the same.
        patch.setenv("DLM_COURSE_KEEP", str(tmp_path_factory.mktemp("models")))
        return request.param, release(request.param, ROOT / "solutions")


@pytest.mark.slow
def test_a_fresh_release_gives_the_stored_files(fresh):
    topic, result = fresh
    for notebook, folder in ((result.solution, ROOT / "solutions"), (result.exercise, ROOT / "exercises"),
                             (result.released, RELEASED)):
        assert comparable(notebook) == comparable(stored(folder, topic)), folder
        assert notebook.metadata["dlm_course"] == stored(folder, topic).metadata["dlm_course"]


@pytest.mark.slow
def test_writing_it_changes_nothing_twice(fresh, tmp_path, monkeypatch):
    topic, result = fresh
    monkeypatch.setattr(releasing, "release", lambda *_: result)
    monkeypatch.setattr(releasing, "RELEASED", tmp_path / "released")
    written = write_release(topic, tmp_path)
    assert written == [tmp_path / folder / notebook_name(topic) for folder in ("solutions", "exercises", "released")]
    assert write_release(topic, tmp_path) == []
    for path in written:
        shutil.copy((RELEASED if path.parent.name == "released" else ROOT / path.parent.name) / path.name, path)
    assert write_release(topic, tmp_path) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_exercise_and_packaged_copy_are_the_cleared_solution(topic):
    """Without running anything: sources and metadata of the cells, and the stored verdicts."""
    def cells(notebook):
        return [(cell.cell_type, cell.id, cell.source, cell.metadata) for cell in notebook.cells]

    solution, exercise, packaged = (
        stored(folder, topic) for folder in (ROOT / "solutions", ROOT / "exercises", RELEASED))
    assert cells(exercise) == cells(packaged) == cells(clear(solution))
    for question in questions(topic):
        id_ = f"{question.id}-check"
        assert [output["text"] for output in cell_of(solution, id_).outputs] == [f"✓ {question.id}\n"]
        assert [output["text"] for output in cell_of(exercise, id_).outputs] == [f"○ {question.id}: not attempted\n"]
        assert [output["text"] for output in cell_of(packaged, id_).outputs] == [f"✓ {question.id}\n"]


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_of_a_solution_is_left(topic):
    for folder in (ROOT / "exercises", RELEASED):
        assert "SOLUTION" not in (folder / notebook_name(topic)).read_text(encoding="utf-8")


def test_clearing_keeps_what_stands_around_a_solution():
    source = ("# Task 01-1\ndef f(x):\n    \"\"\"Twice.\"\"\"\n    ### BEGIN SOLUTION\n    y = 2 * x\n\n    return y\n"
              "    ### END SOLUTION\n\nf(1)\n### BEGIN SOLUTION\nz = 1\n### END SOLUTION")
    solution = new_notebook(cells=[new_code_cell(source), new_markdown_cell(source)])
    before = copy.deepcopy(solution)
    code, text = clear(solution).cells
    assert code.source == '# Task 01-1\ndef f(x):\n    """Twice."""\n    ...\n\nf(1)\n...'
    assert text.source == source
    assert solution == before


# Answers in words

def words(source="A model answer.", **changes):
    nbgrader = {"grade": True, "grade_id": "01-9-words", "locked": False, "points": 2, "schema_version": 3,
                "solution": True, "task": False}
    return new_markdown_cell(source, id="01-9-words", metadata={"nbgrader": nbgrader | changes})


def test_an_answer_in_words_is_taken_out_whole():
    cleared = clear(new_notebook(cells=[words(), new_markdown_cell("A question.")]))
    assert [cell.source for cell in cleared.cells] == ["YOUR ANSWER HERE", "A question."]
    assert cleared.cells[0].metadata == words().metadata


@pytest.mark.parametrize(("cell", "said"), [
    (words(""), "no model answer"), (words("YOUR ANSWER HERE"), "no model answer"), (words(points=0), "points"),
    (words(points="2"), "points"), (words(grade_id="other"), "metadata"), (words(locked=True), "metadata")])
def test_release_refuses_an_answer_in_words_that_is_not_in_order(solutions, cell, said):
    edit(solutions, lambda notebook: notebook.cells.append(cell))
    with pytest.raises(ValueError, match=rf"01-9-words.*{said}"):
        release("01", solutions)


# Reset

@pytest.mark.parametrize("topic", TOPICS)
def test_reset_gives_the_stored_exercise_byte_for_byte(tmp_path, topic):
    assert reset(topic, tmp_path / "exercises") is None
    name = notebook_name(topic)
    assert (tmp_path / "exercises" / name).read_bytes() == (ROOT / "exercises" / name).read_bytes()
    assert [path.name for path in (tmp_path / "exercises").iterdir()] == [name]


def test_reset_does_nothing_to_an_untouched_file(tmp_path):
    path = tmp_path / NAME
    shutil.copy(ROOT / "exercises" / NAME, path)
    os.utime(path, (1, 1))
    assert reset("01", tmp_path) is None
    assert path.stat().st_mtime == 1
    assert list(tmp_path.iterdir()) == [path]


EDITED = nbformat.writes(stored(ROOT / "solutions")).encode()


@pytest.mark.parametrize("content", [EDITED, b"", b"not a notebook", b"\xff\xfe\x00 no text", b"{}\r\nof Windows\r\n"],
                         ids=["edited", "empty", "text", "bytes", "crlf"])
def test_reset_keeps_the_old_file(tmp_path, content):
    path = tmp_path / NAME
    path.write_bytes(content)
    kept = reset("01", tmp_path)
    assert kept.parent == tmp_path
    assert kept.suffix == ".ipynb"
    assert kept.read_bytes() == content
    assert path.read_bytes() == (ROOT / "exercises" / NAME).read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([path, kept])


def test_reset_never_overwrites_an_earlier_backup(tmp_path):
    path = tmp_path / NAME
    kept = []
    for number in range(3):
        path.write_text(f"try {number}")
        kept.append(reset("01", tmp_path))
        assert reset("01", tmp_path) is None
    assert len(set(kept)) == 3
    assert [file.read_text() for file in kept] == ["try 0", "try 1", "try 2"]


def test_reset_that_is_interrupted_has_lost_nothing(tmp_path, monkeypatch):
    path = tmp_path / NAME
    path.write_text("mine")
    monkeypatch.setattr(releasing, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reset("01", tmp_path)
    assert path.read_text() == "mine"


def test_reset_refuses_a_topic_without_exercises(tmp_path):
    with pytest.raises(ValueError, match="no exercises for topic '99'"):
        reset("99", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_reset_command_says_where_the_old_file_is(tmp_path, monkeypatch):
    (tmp_path / "lectures").mkdir()
    (tmp_path / "exercises").mkdir()
    monkeypatch.chdir(tmp_path / "lectures")
    (tmp_path / "exercises" / NAME).write_text("mine")
    first, second, wrong = (CliRunner().invoke(app, ["reset", topic]) for topic in ("01", "01", "99"))
    assert first.output == f"exercises/{NAME} is as released; yours is kept as {Path(NAME).stem}.old-1.ipynb\n"
    assert second.output == f"exercises/{NAME} is as released\n"
    assert [first.exit_code, second.exit_code, wrong.exit_code] == [0, 0, 2]
    assert "no exercises for topic '99'" in wrong.stderr


def test_untouched_is_the_exercise_and_the_package_keeps_its_copy():
    assert comparable(untouched("01")) == comparable(stored(ROOT / "exercises"))
    assert cell_of(stored(RELEASED), f"{IDS[0]}-check").outputs[0]["text"].startswith("✓")


# What release refuses

@pytest.fixture
def solutions(tmp_path):
    folder = tmp_path / "solutions"
    folder.mkdir()
    shutil.copy(ROOT / "solutions" / NAME, folder)
    return folder


def edit(folder, change):
    notebook = stored(folder)
    change(notebook)
    nbformat.write(notebook, folder / NAME)


def remove(id_):
    return lambda notebook: notebook.cells.remove(cell_of(notebook, id_))


def replace(id_, old, new):
    def change(notebook):
        cell = cell_of(notebook, id_)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)
    return change


def tell_nbgrader(id_, **metadata):
    return lambda notebook: cell_of(notebook, id_).metadata["nbgrader"].update(metadata)


def swap(id_, other):
    def change(notebook):
        places = [notebook.cells.index(cell_of(notebook, name)) for name in (id_, other)]
        first, second = places
        notebook.cells[first], notebook.cells[second] = notebook.cells[second], notebook.cells[first]
    return change


@pytest.mark.parametrize(("change", "said"), [
    (remove(IDS[1]), f"no cell with the id {IDS[1]}"),
    (remove(f"{IDS[1]}-check"), f"no cell with the id {IDS[1]}-check"),
    (replace(IDS[0], "    ### BEGIN SOLUTION\n", ""), "marke"),
    (replace(IDS[0], "### END SOLUTION", ""), "marke"),
    (replace(IDS[0], "### END SOLUTION", "### END SOLUTIONS"), "marke"),
    (replace(IDS[0], "# Task 01-1", "# Task 01-2"), "needs a first line `# Task 01-1`"),
    (replace(IDS[0], "# Task 01-1\n", ""), "needs a first line `# Task 01-1`"),
    (replace(f"{IDS[0]}-check", IDS[0], IDS[1]), "must be: check"),
    (replace(f"{IDS[0]}-check", ")", ")\nprint(1)"), "must be: check"),
    (tell_nbgrader(f"{IDS[1]}-check", points=3), "needs the nbgrader metadata"),
    (tell_nbgrader(IDS[1], grade_id="other"), "needs the nbgrader metadata"),
    (tell_nbgrader(IDS[1], schema_version=2), "needs the nbgrader metadata"),
    (lambda notebook: cell_of(notebook, IDS[1]).metadata.pop("nbgrader"), "needs the nbgrader metadata"),
    (swap(IDS[0], IDS[1]), "before that of an earlier question"),
    (swap(IDS[0], f"{IDS[0]}-check"), "before that of an earlier question"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_release_refuses_cells_that_do_not_fit_the_questions(solutions, change, said, monkeypatch):
    monkeypatch.setattr(releasing, "execute", lambda *_: pytest.fail("this is seen without running anything"))
    edit(solutions, change)
    with pytest.raises(ValueError, match=said):
        release("01", solutions)


def test_release_refuses_where_there_are_no_solutions(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{NAME} is missing; run from the course's checkout"):
        release("01", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("change", "said"), [
    (replace(IDS[0], "matrix.T[x]", "matrix[x]"), f"the solution does not pass: ✗ {IDS[0]}: "),
    (replace(IDS[0], "def next", "def my_next"), f"the solution does not pass: ○ {IDS[0]}"),
    (replace(IDS[0], "    ### BEGIN", "    matrix = matrix.clone()\n    ### BEGIN"),
     f"the stub is not judged as not attempted: ✗ {IDS[0]}"),
], ids=["wrong", "other-name", "stub"])
def test_release_refuses_other_verdicts(solutions, change, said):
    before = {path: path.read_bytes() for path in solutions.rglob("*")}
    edit(solutions, change)
    edited = (solutions / NAME).read_bytes()
    with pytest.raises(ValueError, match=said):
        release("01", solutions)
    assert (solutions / NAME).read_bytes() == edited
    assert set(solutions.rglob("*")) == set(before)


@pytest.mark.parametrize("addition", ["\n### BEGIN SOLUTION\nsecret = 1", "\n### END SOLUTION",
                                      "\n### BEGIN SOLUTION\nsecret = 1\n### END SOLUTIONS"],
                         ids=["begin", "end", "misspelt"])
def test_release_refuses_markers_that_would_be_left(solutions, addition, monkeypatch):
    """What stands behind a marker without a partner would be handed to the students."""
    monkeypatch.setattr(releasing, "execute", lambda notebook, folder: notebook)
    monkeypatch.setattr(releasing, "_check_verdicts", lambda *_: None)
    edit(solutions, lambda notebook: cell_of(notebook, IDS[0]).update(
        source=cell_of(notebook, IDS[0]).source + addition))
    with pytest.raises(ValueError, match=r"SOLUTION|marker|marked"):
        release("01", solutions)


# Files are written as a whole

def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["os.fdopen", "pathlib.Path.chmod", "pathlib.Path.replace"])
def test_an_interruption_leaves_the_old_file(tmp_path, monkeypatch, where):
    path = tmp_path / "file.ipynb"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_text_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.ipynb"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new " * 100_000 + "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_keeps_its_mode_and_a_new_one_can_be_read_by_all(tmp_path):
    path = tmp_path / "deep" / "er" / "file.ipynb"
    write_whole(path, "text with ✓\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == "new"


def picture(data, text="<Figure>", source="draw()"):
    return new_notebook(cells=[new_code_cell(source, id="a", execution_count=1, outputs=[
        new_output("display_data", {"image/png": data, "text/plain": text})])])


def test_a_file_is_rewritten_only_where_source_or_text_changed(tmp_path):
    path = tmp_path / "file.ipynb"
    assert write_if_changed(picture("AAAA"), path)
    assert not write_if_changed(picture("AAAA"), path)
    assert not write_if_changed(picture("BBBB"), path)
    assert write_if_changed(picture("AAAA", text="<Figure with 2 axes>"), path)
    assert write_if_changed(picture("CCCC", source="draw(2)"), path)
    assert "CCCC" in path.read_text()


def test_a_change_of_the_source_is_never_hidden_by_a_stale_picture(tmp_path):
    """The file's source was edited by hand, and only the picture differs: what was executed tells."""
    path = tmp_path / "file.ipynb"
    old, new = picture("AAAA"), picture("BBBB")
    old.metadata["dlm_course"] = {"source_sha256": "of the old source"}
    new.metadata["dlm_course"] = {"source_sha256": "of the new source"}
    write_if_changed(old, path)
    assert write_if_changed(new, path)


def test_the_source_hash_sees_every_source_and_type_and_no_output():
    base = new_notebook(cells=[new_code_cell("a"), new_markdown_cell("b")])
    others = [new_notebook(cells=cells) for cells in (
        [new_code_cell("a"), new_markdown_cell("c")], [new_code_cell("a"), new_code_cell("b")],
        [new_markdown_cell("b"), new_code_cell("a")], [new_code_cell("ab")], [])]
    assert len({source_hash(notebook) for notebook in [base, *others]}) == 6
    same = new_notebook(cells=[new_code_cell("a", execution_count=3, outputs=[new_output("stream", text="x")]),
                               new_markdown_cell("b")])
    assert source_hash(same) == source_hash(base)


# Execute: one notebook for all of it, run by the command, so that a notebook that hangs fails within a minute

CELLS = {
    "widgets": "import ipywidgets\n@ipywidgets.interact(k=ipywidgets.IntSlider(value=3, min=0, max=9))\n"
               "def double(k):\n    print('twice', k, 'is', 2 * k)",
    "dropdown": "_ = ipywidgets.interact(lambda name: print(name), name=['a', 'b'])",
    "prints": "import sys, time\nfor n in range(20):\n    print(n, flush=True)\n    time.sleep(0.01)",
    "errors": "for n in range(3):\n    print(n, file=sys.stderr, flush=True)\n    time.sleep(0.01)",
    "kinds": "from IPython.display import HTML, display\n"
             "print('before')\ndisplay(HTML('<b>x</b>'))\nprint('after')\n6 * 7",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "raises": "1 / 0",
    "folder": "from pathlib import Path\nprint(Path('data.txt').read_text())",
    "quiet": "x = 1",
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("executed")
    (folder / "data.txt").write_text("beside the notebook")
    cells = [new_code_cell(source, id=id_) for id_, source in CELLS.items()]
    notebook = new_notebook(cells=[new_markdown_cell("# Text", id="text"), *cells],
                            metadata={"authors": ["who"], "kernelspec": {"name": "mine", "display_name": "Mine"}})
    cell_of(notebook, "raises").metadata["tags"] = ["raises-exception"]
    cell_of(notebook, "quiet").outputs = [new_output("stream", text="old")]
    cell_of(notebook, "quiet").execution_count = 99
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    done = subprocess.run([sys.executable, "-m", "dlm_course.authoring.execute", str(path)], timeout=60, check=False,
                          capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}: written\n"
    return path


@pytest.fixture
def result(executed):
    return nbformat.read(executed, as_version=4)


def test_interact_does_not_hang_and_shows_its_output(result):
    nbformat.validate(result)
    streams, views = [], []
    for output in cell_of(result, "widgets").outputs:
        (streams if output.output_type == "stream" else views).append(output)
    assert [output["text"] for output in streams] == ["twice 3 is 6\n"]
    assert views[0]["data"]["text/plain"].startswith("interactive(children=(IntSlider(value=3")
    state = result.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert views[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] in state
    assert "IntSliderModel" in [model["model_name"] for model in state.values()]


def test_prints_are_joined(result):
    assert [output["text"] for output in cell_of(result, "prints").outputs] == ["".join(f"{n}\n" for n in range(20))]
    errors = cell_of(result, "errors").outputs
    assert [(output["name"], output["text"]) for output in errors] == [("stderr", "0\n1\n2\n")]


def test_no_output_is_dropped(result):
    kinds = cell_of(result, "kinds").outputs
    assert [output.output_type for output in kinds] == ["stream", "display_data", "stream", "execute_result"]
    assert kinds[0]["text"] == "before\n"
    assert kinds[1]["data"]["text/html"] == "<b>x</b>"
    assert kinds[2]["text"] == "after\n"
    assert kinds[3]["data"]["text/plain"] == "42"
    assert "image/png" in cell_of(result, "picture").outputs[0]["data"]
    assert cell_of(result, "raises").outputs[0]["ename"] == "ZeroDivisionError"
    assert cell_of(result, "folder").outputs[0]["text"] == "beside the notebook\n"


def test_old_outputs_and_counts_are_gone(result):
    assert cell_of(result, "quiet").outputs == []
    assert [cell.execution_count for cell in result.cells if cell.cell_type == "code"] == list(range(1, len(CELLS) + 1))


def test_no_timing_and_nothing_of_the_machine_is_stored(result):
    assert {cell.id: cell.metadata for cell in result.cells if cell.metadata} == {
        "raises": {"tags": ["raises-exception"]}}
    assert set(result.metadata) == {"kernelspec", "language_info", "dlm_course", "widgets"}
    assert result.metadata["kernelspec"]["name"] == "python3"
    assert result.metadata["language_info"] == {"name": "python"}
    assert result.metadata["dlm_course"] == {"source_sha256": source_hash(result)}


@pytest.mark.slow
def test_nbval_passes_on_it(executed):
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
                           f"--rootdir={executed.parent}", str(executed)], cwd=executed.parent, timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CELLS)} passed" in done.stdout


@pytest.mark.slow
def test_a_second_run_changes_nothing(executed, result):
    """Widgets have new ids each time; the text is the same."""
    again = execute(result, executed.parent)
    assert comparable(again) == comparable(result)
    assert not write_if_changed(again, executed)


def test_widget_state_of_an_earlier_run_does_not_stay(executed, result):
    """The cells with widgets are gone: so is what they stored."""
    result.cells = [cell for cell in result.cells if cell.id == "quiet"]
    assert "widgets" not in execute(result, executed.parent).metadata


@pytest.mark.parametrize("source", ["print('before')\n_ = interact(show, k=(0, 2))",
                                    "_ = interact(show, k=(0, 2))\n_ = interact(show, k=(4, 6))"],
                         ids=["print", "another"])
def test_interact_does_not_drop_what_stood_before_it(tmp_path, source):
    """It clears its own output area; nbval, which shows none, sees everything that the cell gave."""
    notebook = new_notebook(cells=[
        new_code_cell("from ipywidgets import interact\ndef show(k): print(k)"), new_code_cell(source)])
    outputs = execute(notebook, tmp_path).cells[1].outputs
    text = "".join(output.get("text", "") for output in outputs)
    assert text == ("before\n1\n" if "before" in source else "1\n5\n")
    assert len([output for output in outputs if output.output_type == "display_data"]) == source.count("interact")


def test_a_cell_that_raises_is_an_error_and_what_was_handed_over_stays_as_it_is(tmp_path):
    notebook = new_notebook(cells=[new_code_cell("print(1)", outputs=[new_output("stream", text="old")]),
                                   new_code_cell("1 / 0")])
    before = copy.deepcopy(notebook)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(notebook, tmp_path)
    assert notebook == before
