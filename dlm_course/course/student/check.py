"""Check one answer, in the notebook: the line that a student reads below a task."""

import os
import sys

from dlm_course.course.questions import answer_key, find, judge, references_before, run
from dlm_course.course.verdict import Verdict

_LOOK_UP = object()


def check(question_id: str, answer: object = _LOOK_UP) -> None:
    """Try your answer to one task and print one line: ✓ passed, ✗ and the reason, or ○ not attempted.

    `answer` is looked up by its name among your notebook's definitions unless it is given. Under nbgrader a verdict
    other than ✓ is raised as an AssertionError, because nbgrader gives full points to a cell that merely prints.
    Raises: ValueError for an id that is no question's.
    """
    question = find(question_id)
    if answer is _LOOK_UP:
        answer = sys._getframe(1).f_globals.get(question.name, _LOOK_UP)
    if answer is _LOOK_UP:
        verdict = Verdict(question.id, "○", f"not attempted: there is no {question.name} yet. Run its cell; is the "
                                            "name as it was given?")
    else:
        outputs = run(answer, question.cases(0), references_before(question))
        verdict = judge(answer_key(question, 0), outputs)
    if os.environ.get("NBGRADER_EXECUTION") and not verdict.passed:
        raise AssertionError(str(verdict))
    print(verdict)
