"""words.py: an answer in words is found wherever the student has written it."""

import copy
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from small_submissions import ROOT

from dlm_course.course.grading.handed_in.words import COURSE_TEXT, MOST, words_of
from dlm_course.course.topics import TOPICS, notebook_name

TOPIC = "10"
NAME = notebook_name(TOPIC)
SOLVED = nbformat.read(ROOT / "solutions" / NAME, as_version=4)
EXERCISE = nbformat.read(ROOT / "exercises" / NAME, as_version=4)
IDS = ["10-5-the-text", "10-6-the-number", "10-7-the-sampler", "10-8-the-limits"]
MODEL_ANSWERS = {cell.id: cell.source for cell in SOLVED.cells if cell.id in IDS}
FIRST, SECOND = IDS[:2]


@pytest.fixture
def notebook():
    return copy.deepcopy(EXERCISE)


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.id == id_)


def after(notebook, id_, *cells):
    place = [cell.id for cell in notebook.cells].index(id_) + 1
    notebook.cells[place:place] = cells


def texts(notebook):
    words, _ = words_of(notebook, TOPIC)
    assert [answer.question for answer in words] == IDS
    return {answer.question: answer.text for answer in words if answer.text}


def notes(notebook):
    return [note for note in words_of(notebook, TOPIC)[1] if note != COURSE_TEXT]


def test_each_question_comes_with_its_answer_its_rules_and_its_points():
    words, found_notes = words_of(SOLVED, TOPIC)
    assert {answer.question: answer.text for answer in words} == MODEL_ANSWERS
    assert [answer.out_of for answer in words] == [2.0, 2.0, 2.0, 2.0]
    for number, answer in enumerate(words, 1):
        assert answer.rubric.startswith(f"## In words {number} · ")
        assert "| points | full | half | none |" in answer.rubric
        assert answer.text not in answer.rubric
    assert found_notes == (COURSE_TEXT,)


@pytest.mark.parametrize("source", ["\n" * 10**6 + "x = 1", " " * 10**6 + "x = 1", "SOURCE = '" * 10**5], ids=len)
def test_much_of_nothing_takes_no_time(notebook, source):
    notebook.cells.append(new_code_cell(source))
    start = time.process_time()
    words_of(notebook, TOPIC)
    assert time.process_time() - start < 2    # it took hours


def test_what_nobody_wrote_is_empty(notebook):
    assert texts(notebook) == {}
    assert [answer.question for answer in words_of(notebook, TOPIC)[0]] == IDS


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != TOPIC])
def test_other_topics_ask_for_none(topic):
    assert words_of(SOLVED, topic) == ((), ())


def test_an_answer_is_found_by_its_id_alone(notebook):
    cell = cell_of(notebook, FIRST)
    cell.source, cell.metadata = "My text.", {}
    assert (texts(notebook), notes(notebook)) == ({FIRST: "My text."}, [])


def test_an_answer_is_found_by_its_grade_id_alone(notebook):
    cell = cell_of(notebook, FIRST)
    cell.source, cell["id"] = "My text.", "new"
    assert (texts(notebook), notes(notebook)) == ({FIRST: "My text."}, [])


def test_an_answer_is_found_below_its_heading_alone(notebook):
    """As after Colab, which keeps neither ids nor nbgrader's metadata."""
    cell_of(notebook, FIRST).source = "My text."
    cell_of(notebook, IDS[3]).source = "The limits.\n\n- one"
    for number, cell in enumerate(notebook.cells):
        cell["id"], cell.metadata = f"new-{number}", {}
    assert (texts(notebook), notes(notebook)) == ({FIRST: "My text.", IDS[3]: "The limits.\n\n- one"}, [])


def test_an_answer_goes_on_in_the_cells_below_it_up_to_the_next_given_one(notebook):
    cell_of(notebook, FIRST).source = "My text."
    after(notebook, FIRST, new_markdown_cell("It is long."), new_code_cell("len(text)"), new_raw_cell("It is mine."))
    after(notebook, "rubric", new_markdown_cell("A letter to the reader."))
    assert texts(notebook) == {FIRST: "My text.\n\nIt is long.\n\nIt is mine."}
    assert notes(notebook) == [f"{FIRST}: the answer goes on in a cell of the student's own"]


def test_an_answer_in_a_new_cell_below_the_one_that_was_meant(notebook):
    after(notebook, FIRST, new_markdown_cell("My text."))
    assert (texts(notebook), notes(notebook)) == ({FIRST: "My text."}, [])


def test_an_answer_in_the_cell_of_the_question(notebook):
    cell_of(notebook, "question-2").source += "\n\nMy number is 2.\n"
    assert texts(notebook) == {SECOND: "My number is 2."}
    assert notes(notebook) == [f"{SECOND}: the answer was typed into the cell of the question"]


@pytest.mark.parametrize("make", [new_code_cell, new_raw_cell])
def test_an_answer_in_a_cell_of_another_kind(notebook, make):
    place = [cell.id for cell in notebook.cells].index(FIRST)
    notebook.cells[place] = make("My text.", id=FIRST)
    assert texts(notebook) == {FIRST: "My text."}
    assert notes(notebook) == [f"{FIRST}: the answer stands in a {'code' if make is new_code_cell else 'raw'} cell"]


def test_an_answer_twice_and_one_of_which_the_request_was_left_over(notebook):
    cell_of(notebook, FIRST).source = "YOUR ANSWER HERE\n\nMy text."
    again = copy.deepcopy(cell_of(notebook, FIRST))
    again.source, again["id"] = "Better.", "copy"
    after(notebook, FIRST, again)
    assert texts(notebook) == {FIRST: "My text.\n\nBetter."}


def test_deleted_and_reordered_cells(notebook):
    solved = copy.deepcopy(SOLVED)
    solved.cells = [cell for cell in reversed(solved.cells) if cell.id != FIRST]
    assert texts(solved) == {id_: text for id_, text in MODEL_ANSWERS.items() if id_ != FIRST}


def test_a_very_long_answer_is_cut_and_noted(notebook):
    cell_of(notebook, FIRST).source = "x" * 50_000
    assert texts(notebook) == {FIRST: "x" * MOST + "…"}
    assert notes(notebook) == [f"{FIRST}: the answer has 50,000 characters; 30,000 are in the table"]


@pytest.mark.parametrize(("settings", "is_the_courses"), [
    ('SOURCE = "python-reference"', True), ("SOURCE='python-reference'  # as it was", True),
    ('SOURCE = "~/texts/letters.txt"', False), ('SOURCE = "python-reference"\nSOURCE = "mine.txt"', False),
    ("", False), ('# SOURCE = "python-reference"', False)])
def test_the_courses_own_text_is_noted(notebook, settings, is_the_courses):
    cell_of(notebook, "settings").source = settings
    assert (COURSE_TEXT in words_of(notebook, TOPIC)[1]) == is_the_courses
