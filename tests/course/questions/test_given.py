"""Functions that a case hands over: a copy is the function itself, and equal ones are equal."""

import copy

import pytest
import torch
from small_questions import ID

from dlm_course.course.questions import Case, Question, answer_key, judge, run
from dlm_course.course.questions.given import GivenFunction


class Line(GivenFunction):
    def __init__(self, slope, points):
        self.slope, self.points = slope, points

    def __call__(self, x):
        return self.slope * x + self.points.sum()


class Steep(Line):
    pass


POINTS = torch.tensor([1.0, 2.0], dtype=torch.float64)


def test_a_copy_is_the_function_itself():
    line = Line(2, POINTS)
    assert copy.deepcopy(line) is line
    assert copy.deepcopy((line, [line]))[1][0] is line


def test_those_with_equal_attributes_are_equal_and_others_are_not():
    assert Line(2, POINTS) == Line(2, POINTS.clone())
    assert Line(2, POINTS) != Line(3, POINTS)
    assert Line(2, POINTS) != Line(2, POINTS + 1)
    assert Line(2, POINTS) != Steep(2, POINTS)
    assert Line(2, POINTS) != 2
    with pytest.raises(TypeError, match="unhashable"):
        {Line(2, POINTS)}


def test_an_answer_is_given_the_function():
    question = Question(id=ID, points=1, name="at_two", reference=lambda line: line(2 * torch.ones(1)),
                        cases=lambda seed: [Case((Line(seed + 2, POINTS),), "a line")])
    key, cases = answer_key(question, 0), question.cases(0)
    assert judge(key, run(lambda line: line(torch.full((1,), 2.0)), cases)).passed
    assert not judge(key, run(lambda line: line(torch.ones(1)), cases)).passed
