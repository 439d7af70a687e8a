"""Check one answer, in the notebook: the line that a student reads below a task."""

import os
import sys
from contextlib import nullcontext

from dlm_course.course.questions import answer_key, find, judge, references_before, run
from dlm_course.course.student.page import watched
from dlm_course.course.verdict import Verdict

_LOOK_UP = object()


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
    if os.environ.get("NBGRADER_EXECUTION") and not verdict.passed:
        raise AssertionError(str(verdict))
    if page:
        page.show(verdict, question.name)
    else:
        print(verdict)
