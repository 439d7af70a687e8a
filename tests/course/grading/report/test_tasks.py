"""Tasks as the released notebooks have them."""

import pytest

from dlm_course.course.grading.report.tasks import plain, sheet, task
from dlm_course.course.questions import questions
from dlm_course.course.topics import TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_every_question_has_its_task_in_order(topic):
    tasks = [task for task in sheet(topic).tasks.values() if "YOUR ANSWER HERE" not in task.given]
    assert [task.question for task in tasks] == [question.id for question in questions(topic)]
    for one in sheet(topic).tasks.values():
        assert one.title
        assert one.read_again
        assert not set("$\\{}`") & set(one.title + one.read_again)


def test_a_task_has_its_title_its_cell_and_what_to_read():
    one = task("01-2-cumulative-matrix")
    assert (one.number, one.title) == ("01-2", "Many steps in one matrix")
    assert one.given.startswith("# Task 01-2\ndef cumulative_matrix(matrices, t):")
    assert one.read_again == "lecture 01, section 6 · The order of the product"
    assert sheet("01").title == "Exercises 01 · Single-token chains"


def test_the_capstone_explains_itself_and_has_answers_in_words():
    assert task("10-2-bits-with-error").read_again == "these exercises, section 4 · Report a number"
    assert task("10-5-the-text").title == "The text"


@pytest.mark.parametrize("question", ["01-9-unknown", "77-1-unknown", ""])
def test_an_unknown_question_is_called_by_its_id(question):
    assert (task(question).title, task(question).given) == (question, "")


@pytest.mark.parametrize(("heading", "shown"), [
    ("From $t$ to $\\lambda$", "From t to λ"), ("Why $\\bar\\alpha_T$ must be 0", "Why α_T must be 0"),
    ("$1/\\lambda$ is a weight", "1/λ is a weight"), ("The `check`", "The check"), ("Plain", "Plain")])
def test_headings_lose_the_marks_of_formulas(heading, shown):
    assert plain(heading) == shown
