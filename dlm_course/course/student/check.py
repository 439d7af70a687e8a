"""Check one answer, in the notebook: the line that a student reads below a task."""

import functools
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from dlm_course.course.questions import Question, answer_key, find, judge, questions, references_before, run
from dlm_course.course.student.page import watched
from dlm_course.course.topics import TOPICS
from dlm_course.course.verdict import Verdict

_LOOK_UP = object()
_RIGHT: dict[str, object] = {}  # question id -> the answer to it that has passed, in this kernel


def check(question_id: str, answer: object = _LOOK_UP) -> None:
    """Try your answer to one task and print one line: ✓ passed, ✗ and the reason, or ○ not attempted.

    In JupyterLab the line wraps between words and its symbols are set; after two seconds a line says that the check is
    at work, until the verdict takes its place.

    `answer` is looked up by its name among your notebook's definitions unless it is given. Under nbgrader a verdict
    other than ✓ is raised as an AssertionError, because nbgrader gives full points to a cell that merely prints.
    Raises: ValueError for an id that is no question's.
    """
    question = find(question_id)
    if answer is _LOOK_UP:
        answer = sys._getframe(1).f_globals.get(question.name, _LOOK_UP)
    page = watched()
    if answer is _LOOK_UP:
        verdict = Verdict(question.id, "○", f"not attempted: there is no {question.name} yet. Run its cell; is the "
                                            "name as it was given?")
    else:
        with page.at_work(question.id) if page else nullcontext():
            outputs = run(answer, question.cases(0), references_before(question))
            verdict = judge(answer_key(question, 0), outputs)
        if verdict.passed:
            _RIGHT[question.id] = answer
    if os.environ.get("NBGRADER_EXECUTION") and not verdict.passed:
        raise AssertionError(str(verdict))
    if page:
        page.show(verdict, question.name)
    else:
        print(verdict)


def passed(*tasks: str) -> SimpleNamespace | None:
    """Your functions of these tasks, by their names, once their checks have passed; else None, and a line says so.

    It counts what `check` has said of the function as it is now. `tasks` are as in "05-1", or whole ids. What the
    functions return comes as torch tensors, float64 or int64, whatever they were written with.
    Raises: ValueError for what is no task's.
    """
    names = sys._getframe(1).f_globals
    asked = [_question(task) for task in tasks]
    waiting = [q.id[:4] for q in asked if q.id not in _RIGHT or names.get(q.name) is not _RIGHT[q.id]]
    if waiting:
        print(f"○ this cell waits for task{'s' * (len(waiting) > 1)} {', '.join(waiting)}: run it when the check "
              f"{'of each ' * (len(waiting) > 1)}says ✓")
        return None
    return SimpleNamespace(**{q.name: _in_torch(names[q.name]) for q in asked})


def _in_torch(answer: Callable[..., Any]) -> Callable[..., Tensor]:
    @functools.wraps(answer)
    def function(*args: Any, **keywords: Any) -> Tensor:
        result = torch.as_tensor(answer(*args, **keywords))
        return result.double() if result.is_floating_point() else result.long()
    return function


def _question(task: str) -> Question:
    of_topic = questions(task[:2]) if task[:2] in TOPICS else ()
    return next((question for question in of_topic if question.id[:4] == task), None) or find(task)
