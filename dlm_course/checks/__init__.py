"""The exercises' questions, one module a topic, and the check that a student calls.

A module holds `QUESTIONS`, in the order of the tasks. Its name is the topic's: `lectures/01_single_token_chains.ipynb`
belongs to `checks/single_token_chains.py`.
"""

import os
import sys
from importlib import import_module

from dlm_course.checks.question import Case, Misconception, Output, Question, Verdict, judge, run

__all__ = ["TOPICS", "Case", "Misconception", "Output", "Question", "Verdict", "check", "find", "judge", "questions",
           "references_before", "run"]

TOPICS = {
    "00": "start_here",
    "01": "single_token_chains",
    "02": "uniform_vs_absorbing",
    "03": "elbo_and_posterior",
    "04": "from_token_to_sequence",
    "05": "rho_weighted_loss",
    "06": "continuous_mask_rate",
    "07": "mdlm_training",
    "08": "mdlm_sampling",
    "09": "course_overview",
    "10": "capstone",
}

_LOOK_UP = object()


def questions(topic: str) -> tuple[Question, ...]:
    """The questions of a topic, "01" for example. Raises ValueError for a topic that has none."""
    if topic not in TOPICS:
        raise ValueError(f"no exercises for topic {topic!r}; there are exercises for {', '.join(TOPICS)}")
    return import_module(f"dlm_course.checks.{TOPICS[topic]}").QUESTIONS


def find(question_id: str) -> Question:
    """The question with this id. Raises ValueError, naming those that exist, where there is none."""
    topic = str(question_id)[:2]
    known = questions(topic) if topic in TOPICS else [q for topic in TOPICS for q in questions(topic)]
    for question in known:
        if question.id == question_id:
            return question
    raise ValueError(f"no question {question_id!r}; was the check cell changed? The ids are: "
                     + ", ".join(question.id for question in known))


def references_before(question: Question) -> dict:
    """The references of the topic's earlier tasks by name: with these, not with the student's, a task is judged."""
    earlier = {}
    for other in questions(question.id[:2]):
        if other.id == question.id:
            break
        earlier[other.name] = other.stand_in or other.reference
    return earlier


def check(question_id: str, answer=_LOOK_UP) -> None:
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
        cases = question.cases(0)
        verdict = judge(question, cases, run(answer, cases, references_before(question)))
    if os.environ.get("NBGRADER_EXECUTION") and not verdict.passed:
        raise AssertionError(str(verdict))
    print(verdict)
