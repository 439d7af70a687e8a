"""What is released are the stored files, and release refuses what does not fit the questions."""

import copy
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dlm_course.course.author import release as releasing
from dlm_course.course.author.execute import comparable
from dlm_course.course.author.release import clear, release, write_release
from dlm_course.course.questions import questions
from dlm_course.course.topics import RELEASED, TOPICS, notebook_name

ROOT = Path(__file__).parents[3]
NAME = notebook_name("01")
IDS = [question.id for question in questions("01")]


def stored(folder, topic="01"):
    return nbformat.read(folder / notebook_name(topic), as_version=4)


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.id == id_)


# The stored files

@pytest.fixture(scope="module", params=["00", "01"])    # what the others store, nbval runs and compares
def fresh(request):
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


def test_a_solution_with_a_cell_that_raises_is_named(solutions):
    edit(solutions, lambda notebook: notebook.cells.insert(1, new_code_cell("raise RuntimeError('no data')")))
    with pytest.raises(ValueError, match=rf"a cell of {NAME} raises RuntimeError: no data"):
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
