"""Points and what to look at."""

import pytest
from small_class import CUMULATIVE, ESTIMATE, NEXT, QUESTIONS, capstone_class, record, result, small_class

from dlm_course.course.grading.numbers import COMPUTED, NOT_COMPUTED
from dlm_course.course.grading.report.summary import (
    is_half,
    items,
    numbers_missing,
    numbers_of,
    points_of,
    result_of,
    to_look_at,
    total,
)


def test_the_questions_come_in_the_order_of_the_tasks_with_their_points():
    backwards = record("anna", [result(question) for question in reversed(QUESTIONS)])
    assert [(item.question, item.out_of) for item in items([backwards])] == list(QUESTIONS.items())


def test_a_record_that_lacks_a_question_does_not_hide_it():
    assert len(items([record("empty"), record("anna", [result(question) for question in QUESTIONS])])) == 5
    assert items([]) == ()


def test_two_topics_are_no_class():
    with pytest.raises(ValueError, match=r"records of the topics 01, 10 in one report; grade each topic"):
        items([*small_class(), *capstone_class()])


def test_answers_in_words_wait_until_a_person_gives_points():
    anna, ben = capstone_class()
    questions = items([anna, ben])
    assert [item.in_words for item in questions] == [False, False, True, True]
    assert [points_of(anna, item, {}) for item in questions] == [3, 0, None, None]
    given = {("anna", "10-5-the-text"): 1.5, ("ben", "10-5-the-text"): 0}
    assert [points_of(anna, item, given) for item in questions] == [3, 0, 1.5, None]
    assert [points_of(ben, item, given) for item in questions] == [3, 0, 0, None]
    assert (total(anna, questions, given), total(ben, questions, given)) == (4.5, 3)
    assert to_look_at(anna, given) == ("1 answer in words to grade",)
    assert to_look_at(anna, {}) == ("2 answers in words to grade",)


def test_without_the_cell_an_answer_in_words_has_no_points_and_nobody_waits():
    anna, _ = capstone_class()
    without = record("carl", topic="10", problem="not a notebook")
    assert [points_of(without, item, {}) for item in items([anna, without])] == [0, 0, 0, 0]


def test_half_points_are_half_right():
    assert is_half(result(CUMULATIVE, "✗", points=1))
    assert not is_half(result(CUMULATIVE, "✗"))
    assert not is_half(result(CUMULATIVE))


def test_the_numbers_of_a_project_ask_for_a_look():
    missing = f"{NOT_COMPUTED}: too large"
    worked_on = record("anna", [result(NEXT)], topic="10", notes=[missing])
    assert to_look_at(worked_on, {}) == ("numbers of the project",)
    assert numbers_missing(worked_on) == missing
    untouched = record("anna", [result(NEXT, "○")], topic="10", notes=[missing])
    assert (to_look_at(untouched, {}), numbers_missing(untouched)) == ((), "")
    computed = record("anna", [result(NEXT)], topic="10", notes=["another", f"{COMPUTED}: 3.1"])
    assert (to_look_at(computed, {}), numbers_of(computed)) == ((), f"{COMPUTED}: 3.1")


def test_problems_and_flags_ask_for_a_look():
    flagged = record("anna", [result(ESTIMATE, flags=["timeout", "uses dlm_course.chain"])], problem="too large")
    assert to_look_at(flagged, {}) == ("not graded: too large", "01-5: timeout", "01-5: uses dlm_course.chain")
    assert to_look_at(record("ben", [result(NEXT)]), {}) == ()
    assert result_of(flagged, NEXT) is None
