"""assemble.py: whatever happened to a student's file, the answers are found and the rest is the package's own.

No notebook is run here. Where it matters what the assembled cells do, `verdicts` executes their sources in order.
"""

import contextlib
import copy
import json
import re
import warnings
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

from dlm_course.course.questions import TOPICS, questions
from dlm_course.course.student.assemble import NotebookError, assemble, read_notebook, topic_of
from dlm_course.course.topics import RELEASED, notebook_name

ROOT = Path(__file__).parents[3]
TOPIC = "01"
NAME = notebook_name(TOPIC)
IDS = [question.id for question in questions(TOPIC)]
FIRST, SECOND = IDS[:2]
SOLVED = nbformat.read(ROOT / "solutions" / NAME, as_version=4)
PACKAGED = nbformat.read(RELEASED / NAME, as_version=4)
STUB = next(cell.source for cell in PACKAGED.cells if cell.id == FIRST)
ANSWER = next(cell.source for cell in SOLVED.cells if cell.id == FIRST)


@pytest.fixture
def solved():
    return copy.deepcopy(SOLVED)


@pytest.fixture
def untouched():
    return nbformat.read(ROOT / "exercises" / NAME, as_version=4)


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.get("id") == id_)


def place_of(notebook, id_):
    return notebook.cells.index(cell_of(notebook, id_))


def answers(notebook):
    """The source of each question's own cell."""
    return {id_: cell_of(notebook, id_).source for id_ in IDS}


def own_cells(notebook):
    """The sources that are not the package's, in order."""
    given_ids = {cell.id for cell in PACKAGED.cells}
    return [cell.source for cell in notebook.cells if cell.id not in given_ids]


def forget(cell, *, id_=True, nbgrader=True, line=True):
    """Take from an answer's cell what it could be found by."""
    if id_:
        cell["id"] = "0a1b2c3d"
    if nbgrader:
        cell.metadata.pop("nbgrader", None)
    if line:
        cell.source = cell.source.partition("\n")[2]
    return cell


def verdicts(notebook, capsys):
    """What the checks print when the cells are executed one after the other; a cell that raises does not end it."""
    capsys.readouterr()
    namespace = {"__name__": "__main__"}
    lines = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            try:
                exec(cell.source, namespace)
            except Exception as error:
                print(type(error).__name__)
            printed = capsys.readouterr().out
            if cell.id.endswith("-check"):
                lines.append(printed.strip())
    return lines


PASSED = [f"✓ {id_}" for id_ in IDS]


# The plain case

def test_a_solved_notebook_is_the_packages_copy_with_the_answers(solved):
    assembly = assemble(solved, TOPIC)
    assert assembly.topic == TOPIC
    assert assembly.notes == ()
    assert answers(assembly.notebook) == answers(SOLVED)
    assert [cell.id for cell in assembly.notebook.cells] == [cell.id for cell in PACKAGED.cells]
    for cell, given_cell in zip(assembly.notebook.cells, PACKAGED.cells, strict=True):
        if cell.id not in IDS:
            assert cell == given_cell


def test_an_untouched_notebook_is_the_packages_copy(untouched):
    assembly = assemble(untouched, TOPIC)
    assert assembly.notes == ()
    assert assembly.notebook == PACKAGED


def test_the_assembled_notebook_is_valid_and_every_check_expects_to_pass(solved):
    solved.cells.insert(3, new_code_cell("helper = 1"))
    notebook = assemble(solved, TOPIC).notebook
    nbformat.validate(notebook)
    for id_ in IDS:
        assert cell_of(notebook, f"{id_}-check").outputs[0]["text"] == f"✓ {id_}\n"


def test_the_students_notebook_is_not_changed(solved):
    solved.cells.insert(3, new_code_cell("helper = 1"))
    before = copy.deepcopy(solved)
    assemble(solved, TOPIC)
    assert solved == before


def test_the_solutions_pass_and_the_stubs_are_not_attempted(solved, untouched, capsys):
    assert verdicts(assemble(solved, TOPIC).notebook, capsys) == PASSED
    assert verdicts(assemble(untouched, TOPIC).notebook, capsys) == [f"○ {id_}: not attempted" for id_ in IDS]


# How an answer is found

def test_an_answer_is_found_by_the_cells_id_alone(solved):
    for id_ in IDS:
        forget(cell_of(solved, id_), id_=False)
    found = answers(assemble(solved, TOPIC).notebook)
    assert found == {id_: source.partition("\n")[2] for id_, source in answers(SOLVED).items()}


def test_an_answer_is_found_by_its_grade_id_alone(solved):
    for number, id_ in enumerate(IDS):
        forget(cell_of(solved, id_), nbgrader=False)["id"] = f"new-{number}"
    found = answers(assemble(solved, TOPIC).notebook)
    assert found == {id_: source.partition("\n")[2] for id_, source in answers(SOLVED).items()}


def test_an_answer_is_found_by_its_first_line_alone(solved):
    for number, id_ in enumerate(IDS):
        forget(cell_of(solved, id_), line=False)["id"] = f"new-{number}"
    assembly = assemble(solved, TOPIC)
    assert answers(assembly.notebook) == answers(SOLVED)
    assert own_cells(assembly.notebook) == []


@pytest.mark.parametrize("line", ["# Task 01-2", "#Task 01-2", "# task 01-2", "#   TASK   01-2", "# Task 01-2: my try",
                                  "# Task 01-2 (second version)", "\n\n  # Task 01-2"])
def test_forms_of_the_first_line(untouched, line):
    source = f"{line}\ndef cumulative_matrix(matrices, t): return 1"
    untouched.cells.append(new_code_cell(source))
    assert answers(assemble(untouched, TOPIC).notebook)[SECOND] == source


@pytest.mark.parametrize("line", ["# Task 01-20", "# Task 1-2", "# Task 01-9", "# Task 99-2", "# Tasks 01-2",
                                  "Task 01-2", "x = 1  # Task 01-2", "x = 1\n# Task 01-2", '"# Task 01-2"'])
def test_lines_that_name_no_task(untouched, line):
    untouched.cells.append(new_code_cell(line))
    notebook = assemble(untouched, TOPIC).notebook
    assert answers(notebook) == answers(PACKAGED)
    assert own_cells(notebook) == [line]


def test_only_code_cells_are_answers(untouched):
    untouched.cells.append(new_markdown_cell("# Task 01-2\nmy answer is 7"))
    untouched.cells.append(new_raw_cell("# Task 01-2\nx = 7"))
    assert assemble(untouched, TOPIC).notebook == PACKAGED


def test_the_id_goes_before_the_grade_id_and_this_before_the_line(untouched):
    cell = cell_of(untouched, FIRST)
    cell.source = "# Task 01-3\nby_id = 1"
    cell.metadata["nbgrader"]["grade_id"] = SECOND
    untouched.cells.append(new_code_cell("# Task 01-3\nby_grade_id = 1", metadata={"nbgrader": {"grade_id": SECOND}}))
    found = answers(assemble(untouched, TOPIC).notebook)
    assert found[FIRST].endswith("by_id = 1")
    assert found[SECOND].endswith("by_grade_id = 1")
    assert found[IDS[2]] == answers(PACKAGED)[IDS[2]]


def test_a_notebook_without_any_id_or_metadata_is_checked_by_its_first_lines(solved, capsys):
    """As after Colab, which keeps neither cell ids nor nbgrader's metadata."""
    solved.nbformat_minor = 0
    solved.metadata = {"colab": {"provenance": []}}
    for cell in solved.cells:
        del cell["id"]
        cell.metadata = {"id": "aBcDeF"}
    assembly = assemble(nbformat.reads(json.dumps(solved), as_version=4), TOPIC)
    assert answers(assembly.notebook) == answers(SOLVED)
    assert verdicts(assembly.notebook, capsys) == PASSED


# Deleted, duplicated, reordered, renamed

@pytest.mark.parametrize("id_", IDS)
def test_a_deleted_answer_is_the_stub(solved, id_, capsys):
    solved.cells.remove(cell_of(solved, id_))
    assembly = assemble(solved, TOPIC)
    assert answers(assembly.notebook) == {**answers(SOLVED), id_: answers(PACKAGED)[id_]}
    expected = [f"○ {other}: not attempted" if other == id_ else f"✓ {other}" for other in IDS]
    assert verdicts(assembly.notebook, capsys) == expected


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_turned_into_text_is_the_stub(solved, kind):
    place = place_of(solved, FIRST)
    make = new_markdown_cell if kind == "markdown" else new_raw_cell
    solved.cells[place] = make(ANSWER, id=FIRST, metadata=solved.cells[place].metadata)
    assert answers(assemble(solved, TOPIC).notebook)[FIRST] == STUB


def test_an_emptied_answer_is_taken_as_it_is(solved, capsys):
    cell_of(solved, FIRST).source = ""
    assert verdicts(assemble(solved, TOPIC).notebook, capsys)[0].startswith(f"○ {FIRST}: not attempted: there is no ")


def test_a_file_with_nothing_but_the_answers_is_enough(solved, capsys):
    solved.cells = [cell_of(solved, id_) for id_ in IDS]
    assembly = assemble(solved, TOPIC)
    assert assembly.notes == ()
    assert verdicts(assembly.notebook, capsys) == PASSED


@pytest.mark.parametrize(("sources", "taken", "note"), [
    ([STUB, ANSWER], ANSWER, "2 cells hold an answer; the last one that is not the stub is taken"),
    ([ANSWER, STUB], ANSWER, "2 cells hold an answer; the last one that is not the stub is taken"),
    ([ANSWER, STUB + "\n\n", STUB], ANSWER, "3 cells hold an answer; the last one that is not the stub is taken"),
    (["# Task 01-1\nold = 1", ANSWER], ANSWER, "2 cells hold an answer; the last one that is not the stub is taken"),
    ([ANSWER, "# Task 01-1\nnew = 1"], "# Task 01-1\nnew = 1",
     "2 cells hold an answer; the last one that is not the stub is taken"),
    ([STUB, STUB], STUB, "2 cells hold an answer; all are the stub"),
])
def test_of_duplicates_the_last_that_is_not_the_stub_is_taken_and_a_note_says_so(untouched, sources, taken, note):
    place = place_of(untouched, FIRST)
    cell = untouched.cells.pop(place)
    for number, source in enumerate(sources):
        untouched.cells.insert(place + number, new_code_cell(source, id=FIRST if number == 0 else f"copy-{number}",
                                                             metadata=copy.deepcopy(cell.metadata)))
    assembly = assemble(untouched, TOPIC)
    assert answers(assembly.notebook)[FIRST] == taken
    assert assembly.notes == (f"{FIRST}: {note}",)
    written = [source for source in sources if source.strip() != STUB]
    assert own_cells(assembly.notebook) == written[:-1]


def test_a_duplicate_far_away_counts_too(solved):
    solved.cells.append(new_code_cell("# Task 01-1\nlater = 1"))
    assembly = assemble(solved, TOPIC)
    assert answers(assembly.notebook)[FIRST] == "# Task 01-1\nlater = 1"
    assert len(assembly.notes) == 1


@pytest.fixture
def merged(solved, tmp_path):
    """What a merge by hand leaves behind: two cells with one id."""
    extra = copy.deepcopy(cell_of(solved, FIRST))
    extra.source = "# Task 01-1\nmerged = 1"
    solved.cells.append(extra)
    path = tmp_path / NAME
    path.write_text(json.dumps(solved), encoding="utf-8")
    return path


def test_two_cells_with_one_id_are_read(merged):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assembly = assemble(read_notebook(merged), TOPIC)
    assert answers(assembly.notebook)[FIRST] == "# Task 01-1\nmerged = 1"
    assert len(assembly.notes) == 1


def test_nbformats_warnings_do_not_reach_the_student(merged):
    """A line with a path into site-packages is of no use to them; assemble's note says what matters."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_notebook(merged)
    assert not caught


def test_the_order_of_the_cells_does_not_matter(solved, capsys):
    solved.cells.reverse()
    assembly = assemble(solved, TOPIC)
    assert [cell.id for cell in assembly.notebook.cells] == [cell.id for cell in PACKAGED.cells]
    assert verdicts(assembly.notebook, capsys) == PASSED


@pytest.mark.parametrize("name", ["homework.ipynb", "02_final.ipynb", "copy of 01.ipynb", "Übung – Kopie.ipynb", NAME])
def test_the_name_of_the_file_does_not_matter(solved, tmp_path, name):
    path = tmp_path / name
    nbformat.write(solved, path)
    student = read_notebook(path)
    assert topic_of(student, path) == TOPIC
    assert answers(assemble(student, topic_of(student, path)).notebook) == answers(SOLVED)


def test_without_an_answer_the_name_decides(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell("x = 1")])
    assert topic_of(notebook, tmp_path / "01_mine.ipynb") == TOPIC


# What was given

@pytest.mark.parametrize("source", ["", "pass", f'print("✓ {FIRST}")', f'check("{SECOND}")', "1 / 0"])
def test_edited_checks_are_ignored(solved, source):
    for id_ in IDS:
        cell_of(solved, f"{id_}-check").source = source
    notebook = assemble(solved, TOPIC).notebook
    assert own_cells(notebook) == []
    assert all(cell_of(notebook, f"{id_}-check").source == f'check("{id_}")' for id_ in IDS)


def test_edited_checks_with_a_new_id_are_ignored_too(solved):
    for number, id_ in enumerate(IDS):
        cell = cell_of(solved, f"{id_}-check")
        cell["id"], cell.source = f"new-{number}", "check = print"
    assert own_cells(assemble(solved, TOPIC).notebook) == []


def test_an_import_added_to_a_given_cell_survives(solved, capsys):
    setup = cell_of(solved, "setup")
    setup.source = f"import math\n{setup.source}"
    cell_of(solved, FIRST).source = ANSWER.replace("return ", "return math.sqrt(1) * ")
    notebook = assemble(solved, TOPIC).notebook
    assert cell_of(notebook, "setup") == cell_of(PACKAGED, "setup")
    assert notebook.cells[place_of(notebook, "setup") + 1].source == setup.source
    assert verdicts(notebook, capsys) == PASSED


@pytest.mark.parametrize("source", ["", "from itertools import product", "# all gone", "1 / 0"])
def test_what_was_taken_from_a_given_cell_is_there_again(solved, source, capsys):
    cell_of(solved, "setup").source = source
    assert verdicts(assemble(solved, TOPIC).notebook, capsys) == PASSED


def test_edits_of_text_are_irrelevant(solved):
    expected = assemble(solved, TOPIC).notebook
    for cell in solved.cells:
        if cell.cell_type == "markdown":
            cell.source = f"My notes. {cell.source[:10]}\n$x$ <b>"
            cell.metadata = {"tags": ["mine"]}
    solved.cells.insert(0, new_markdown_cell("# Task 01-1"))
    solved.cells.append(new_markdown_cell("done", attachments={"a.png": {"image/png": "AAAA"}}))
    assert assemble(solved, TOPIC).notebook == expected
    solved.cells = [cell for cell in solved.cells if cell.cell_type == "code"]
    assert assemble(solved, TOPIC).notebook == expected


OUTPUTS = [
    new_output("stream", name="stdout", text=f"✓ {FIRST}\n"),
    new_output("stream", name="stderr", text="Traceback"),
    new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["\x1b[31m1 / 0"]),
    new_output("execute_result", {"text/plain": "tensor(1)", "text/html": "<b>1</b>"}, execution_count=77),
    new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}),
    new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "gone"}}),
    nbformat.from_dict({"output_type": "display_data", "data": {"application/x-unknown": [1, None]}, "metadata": {}}),
]


def test_stored_outputs_are_ignored(solved, tmp_path):
    expected = assemble(solved, TOPIC).notebook
    for number, cell in enumerate(solved.cells):
        if cell.cell_type == "code":
            cell.outputs = copy.deepcopy(OUTPUTS[number % len(OUTPUTS):] + OUTPUTS)
            cell.execution_count = 100 - number
            cell.metadata["execution"] = {"iopub.status.busy": "2020-01-01"}
    solved.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    path = tmp_path / NAME
    path.write_text(json.dumps(solved), encoding="utf-8")
    assert assemble(read_notebook(path), TOPIC).notebook == expected


def test_tags_of_an_answer_do_not_reach_the_package(solved):
    expected = assemble(solved, TOPIC).notebook
    for cell in solved.cells:
        cell.metadata["tags"] = ["nbval-skip", "raises-exception"]
    assert assemble(solved, TOPIC).notebook == expected


# Cells of the student's own

def test_own_cells_stand_behind_the_given_cell_that_they_follow_in_order(solved):
    for id_ in ("title", "setup", FIRST, f"{FIRST}-check", "task-2", SECOND):
        place = place_of(solved, id_) + 1
        solved.cells[place:place] = [new_code_cell(f"first = '{id_}'"), new_code_cell(f"second = '{id_}'")]
    solved.cells.insert(0, new_code_cell("at_the_top = 1"))
    solved.cells.append(new_code_cell("at_the_end = 1"))
    notebook = assemble(solved, TOPIC).notebook
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in solved.cells]


def test_their_outputs_are_not_compared(solved):
    solved.cells.insert(3, new_code_cell("print(1)", outputs=[OUTPUTS[0]], execution_count=3))
    notebook = assemble(solved, TOPIC).notebook
    own = next(cell for cell in notebook.cells if cell.source == "print(1)")
    assert own.metadata["tags"] == ["nbval-ignore-output"]
    assert own.outputs == []
    assert own.execution_count is None


@pytest.mark.parametrize("source", ["", "   ", "\n\n"])
def test_empty_cells_are_left_out(solved, source):
    solved.cells.insert(3, new_code_cell(source))
    assert own_cells(assemble(solved, TOPIC).notebook) == []


def test_a_helper_may_stand_anywhere_before_its_use(solved, capsys):
    solved.cells.insert(0, new_code_cell("def transpose(matrix): return matrix.T"))
    solved.cells.insert(place_of(solved, FIRST), new_code_cell("def pick(matrix, x): return transpose(matrix)[x]"))
    cell_of(solved, FIRST).source = ANSWER.replace("matrix.T[x]", "pick(matrix, x)")
    assert verdicts(assemble(solved, TOPIC).notebook, capsys) == PASSED


def test_helpers_keep_their_order_where_tasks_were_moved(solved, capsys):
    """The second task was done first, with a helper behind it that the helper of the first task builds upon."""
    place = place_of(solved, f"{SECOND}-check")
    solved.cells.insert(place + 1, new_code_cell("def transpose(matrix): return matrix.T"))
    for cell in reversed([cell_of(solved, "setup"), cell_of(solved, SECOND), cell_of(solved, f"{SECOND}-check"),
                          solved.cells[place + 1]]):
        solved.cells.remove(cell)
        solved.cells.insert(0, cell)
    solved.cells.insert(place_of(solved, FIRST), new_code_cell("transposed = transpose(Q)\n"
                                                               "def pick(matrix, x): return transpose(matrix)[x]"))
    cell_of(solved, FIRST).source = ANSWER.replace("matrix.T[x]", "pick(matrix, x)")
    assert verdicts(solved, capsys)[1] == f"✓ {FIRST}", "from top to bottom the student's own file works"
    notebook = assemble(solved, TOPIC).notebook
    assert own_cells(notebook) == ["def transpose(matrix): return matrix.T",
                                   "transposed = transpose(Q)\ndef pick(matrix, x): return transpose(matrix)[x]"]
    assert verdicts(notebook, capsys) == PASSED


HELPER = "def pick(matrix, x):\n    return matrix.T[x]"
USE = "def next_distribution(matrix, x):\n    return pick(matrix, x)"
TRIAL = "next_distribution(Q, torch.tensor(2))"


@pytest.mark.parametrize("metadata", [True, False], ids=["metadata-copied", "metadata-lost"])
@pytest.mark.parametrize("parts", [[f"# Task 01-1\n{HELPER}", USE], [f"# Task 01-1\n{HELPER}", USE, TRIAL],
                                   [f"# Task 01-1\n{HELPER}\n{USE}", TRIAL], ["# Task 01-1", HELPER, USE]])
def test_an_answer_split_over_cells_keeps_its_parts(untouched, parts, metadata, capsys):
    place = place_of(untouched, FIRST)
    cell = untouched.cells.pop(place)
    for number, source in enumerate(parts):
        copied = copy.deepcopy(cell.metadata) if metadata or number == 0 else {}
        untouched.cells.insert(place + number, new_code_cell(source, id=FIRST if number == 0 else f"part-{number}",
                                                             metadata=copied))
    assembly = assemble(untouched, TOPIC)
    sources = [cell.source for cell in assembly.notebook.cells]
    assert [source for source in sources if source in parts] == parts
    assert bool(assembly.notes) is metadata
    assert verdicts(assembly.notebook, capsys)[0] == f"✓ {FIRST}"


# At random

def editable(notebook):
    return [cell for cell in notebook.cells if cell.get("id") not in IDS]


@given(st.data())
def test_the_answers_survive_whatever_happens_to_the_other_cells(data):
    student = copy.deepcopy(SOLVED)
    for number in range(data.draw(st.integers(0, 4), label="own cells")):
        place = data.draw(st.integers(0, len(student.cells)))
        student.cells.insert(place, new_code_cell(f"own_{number} = {number}"))
    for cell in editable(student):
        copies = data.draw(st.sampled_from([1, 1, 1, 0, 2, 3]))
        place = student.cells.index(cell)
        student.cells[place:place + 1] = [
            nbformat.from_dict({**cell, "id": f"copy-{place}-{number}" if number else cell["id"]})
            for number in range(copies)]
    others = data.draw(st.permutations(editable(student)))
    places = iter(others)
    student.cells = [cell if cell.get("id") in IDS else next(places) for cell in student.cells]
    assembly = assemble(student, TOPIC)
    assert answers(assembly.notebook) == answers(SOLVED)
    assert assembly.notes == ()
    assert [cell.id for cell in assembly.notebook.cells if cell.id in {c.id for c in PACKAGED.cells}] == \
        [cell.id for cell in PACKAGED.cells]
    own = [cell.source for cell in student.cells if cell.source.startswith("own_")]
    assert sorted(source for source in own_cells(assembly.notebook) if source.startswith("own_")) == sorted(own)


@given(st.lists(st.tuples(st.integers(0, len(SOLVED.cells)), st.sampled_from(["code", "markdown", "empty"])),
                max_size=8))
def test_own_cells_keep_their_order_where_the_given_ones_stand_in_theirs(inserts):
    student = copy.deepcopy(SOLVED)
    for number, (place, kind) in enumerate(inserts):
        student.cells.insert(place, new_markdown_cell(f"own_{number}") if kind == "markdown"
                             else new_code_cell(f"own_{number} = 1" if kind == "code" else ""))
    notebook = assemble(student, TOPIC).notebook
    expected = [cell.source for cell in student.cells if cell.source and
                not (cell.cell_type == "markdown" and cell.source.startswith("own_"))]
    assert [cell.source for cell in notebook.cells] == expected


@given(st.permutations(range(len(SOLVED.cells))))
def test_the_answers_are_found_in_any_order(order):
    student = copy.deepcopy(SOLVED)
    student.cells = [student.cells[place] for place in order]
    assert assemble(student, TOPIC).notebook == assemble(SOLVED, TOPIC).notebook


# Files that are no notebook of a topic

def written(tmp_path, content, name="homework.ipynb"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path):
    """The message with which the file is refused."""
    with pytest.raises(NotebookError) as caught:
        topic_of(read_notebook(path), path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
    return message


SOURCE = json.dumps(SOLVED)


@pytest.mark.parametrize("content", [
    "", "   \n", "not a notebook", "{", "[]", "{}", "null", "3", '"text"', SOURCE[:2000], f"<<<<<<< HEAD\n{SOURCE}",
    SOURCE.replace('"nbformat": 4,', '"nbformat": 5,'), SOURCE.replace('"nbformat": 4,', '"nbformat": "four",'),
    SOURCE.replace('"cells"', '"sells"'), SOURCE.replace('"source"', '"sauce"'), SOURCE.replace('"metadata"', '"data"'),
], ids=lambda content: re.sub(r"\W+", "-", content[:20]) or "empty")
def test_a_file_that_is_no_notebook(tmp_path, content):
    message = refused(written(tmp_path, content))
    assert "not a notebook" in message
    assert "`dlm-course reset` makes a fresh one and keeps this file" in message


def test_a_file_that_is_no_text(tmp_path):
    assert "cannot be read" in refused(written(tmp_path, b"\x89PNG\r\n\xff\x00"))


def test_a_missing_file(tmp_path):
    message = refused(tmp_path / "nowhere.ipynb")
    assert "no such file; check takes a topic (01) or the path of a notebook" in message


def test_a_name_without_its_ending_is_completed_in_the_message(tmp_path):
    path = written(tmp_path, SOURCE)
    assert f"no such file; is it {path}?" in refused(path.with_suffix(""))


def test_a_folder(tmp_path):
    assert "is a folder; check takes a topic (01) or the path of a notebook" in refused(tmp_path)


def test_a_file_of_another_kind_is_not_called_damaged(tmp_path):
    message = refused(written(tmp_path, "print(2)\n", name="answers.py"))
    assert "not a notebook" in message
    assert "check takes a topic (01) or the path of an .ipynb file" in message
    assert "reset" not in message


@pytest.mark.parametrize("sources", [[], ["x = 1"], ["# Task 99-1\nx = 1"], ["# Task 01-9\nx = 1"]])
def test_a_notebook_of_no_topic(tmp_path, sources):
    path = tmp_path / "homework.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    assert "holds no answer to any exercise" in refused(path)
    assert "first line is `# Task 01-2`" in refused(path)


def of_version_3(*sources):
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "collapsed": False, "metadata": {},
                                    "prompt_number": 1, "input": source, "outputs": []} for source in sources]}]})


def test_a_notebook_of_format_3_without_answers(tmp_path):
    assert "holds no answer to any exercise" in refused(written(tmp_path, of_version_3("x = 1")))


def test_a_notebook_of_format_3_with_answers_is_read(tmp_path):
    student = read_notebook(written(tmp_path, of_version_3(ANSWER)))
    assert answers(assemble(student, TOPIC).notebook)[FIRST] == ANSWER


def test_a_source_in_lines_is_read(tmp_path, solved):
    content = json.loads(json.dumps(solved))
    for cell in content["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    path = written(tmp_path, json.dumps(content))
    assert answers(assemble(read_notebook(path), topic_of(read_notebook(path), path)).notebook) == answers(SOLVED)


@pytest.mark.parametrize("damage", [{"nbgrader": None}, {"nbgrader": "mine"}, {"nbgrader": []}])
def test_damaged_nbgrader_metadata_costs_nothing(tmp_path, solved, damage):
    """The ids of the cells and the first lines are still there."""
    for cell in solved.cells:
        cell.metadata = damage
    path = written(tmp_path, json.dumps(solved))
    student = read_notebook(path)
    assert answers(assemble(student, topic_of(student, path)).notebook) == answers(SOLVED)


@pytest.mark.parametrize("key", ["cell_type", "metadata", "source", "outputs", "id"])
def test_a_cell_that_lacks_a_part_is_refused_or_read(tmp_path, solved, key):
    content = json.loads(json.dumps(solved))
    content["cells"][place_of(solved, "setup")].pop(key)
    path = written(tmp_path, json.dumps(content))
    with contextlib.suppress(NotebookError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbformat's
        student = read_notebook(path)
        assert answers(assemble(student, topic_of(student, path)).notebook) == answers(SOLVED)


def test_a_cell_that_is_no_cell_is_refused(tmp_path, solved):
    content = json.loads(json.dumps(solved))
    content["cells"].append("text")
    assert "not a notebook" in refused(written(tmp_path, json.dumps(content)))


# Every topic

@pytest.mark.parametrize("topic", TOPICS)
def test_every_topics_solution_and_exercise_are_known_by_their_answers(topic):
    for folder in ("solutions", "exercises"):
        notebook = nbformat.read(ROOT / folder / notebook_name(topic), as_version=4)
        assert topic_of(notebook, Path("homework.ipynb")) == topic
        found = {cell.id: cell.source for cell in assemble(notebook, topic).notebook.cells}
        assert all(found[question.id] == cell_of(notebook, question.id).source for question in questions(topic))


# A student's project

def test_the_cells_of_a_project_are_left_out_and_the_students_own_stay():
    """Neither the long runs that were given nor what the student made of their settings; answers in words neither."""
    student = nbformat.read(ROOT / "exercises" / notebook_name("10"), as_version=4)
    cell_of(student, "settings").source = "BUDGET = 1_000_000"
    student.cells.insert(place_of(student, "settings") + 1, new_code_cell("helper = 1"))
    cell_of(student, "10-5-the-text").source = "My text is the phone book."
    cell_of(student, "10-1-leaked").source = "# Task 10-1\ndef leaked(*args):\n    return helper"
    assembled = assemble(student, "10").notebook
    code = [cell for cell in assembled.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code][:3] == [cell_of(student, id_).source if id_ else "helper = 1"
                                                 for id_ in ("setup", None, "10-1-leaked")]
    assert [cell.id for cell in code if cell.id != code[1].id] == \
        ["setup", *(id_ for question in questions("10") for id_ in (question.id, f"{question.id}-check"))]
    assert cell_of(assembled, "10-5-the-text").source == "YOUR ANSWER HERE"
