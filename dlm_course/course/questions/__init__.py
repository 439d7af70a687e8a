"""The exercises' questions, one module a topic, in the order of the tasks.

A module holds `QUESTIONS`. Its name is the topic's: `lectures/01_single_token_chains.ipynb` belongs to
`questions/single_token_chains.py`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from dlm_course.course.questions.judging import AnswerKey, answer_key, judge
from dlm_course.course.questions.question import Case, Misconception, Output, Question
from dlm_course.course.questions.running import run
from dlm_course.course.topics import TOPICS

__all__ = ["AnswerKey", "Case", "Misconception", "Output", "Question", "answer_key", "find", "judge",
           "questions", "references_before", "run"]


def questions(topic: str) -> tuple[Question, ...]:
    """The questions of a topic, "01" for example. Raises ValueError for a topic that has none."""
    if topic not in TOPICS:
        raise ValueError(f"no exercises for topic {topic!r}; there are exercises for {', '.join(TOPICS)}")
    return import_module(f"{__name__}.{TOPICS[topic]}").QUESTIONS


def find(question_id: str) -> Question:
    """The question with this id. Raises ValueError, naming those that exist, where there is none."""
    topic = str(question_id)[:2]
    known = questions(topic) if topic in TOPICS else [q for topic in TOPICS for q in questions(topic)]
    for question in known:
        if question.id == question_id:
            return question
    raise ValueError(f"no question {question_id!r}; was the check cell changed? The ids are: "
                     + ", ".join(question.id for question in known))


def references_before(question: Question) -> dict[str, Callable[..., Any]]:
    """The references of the topic's earlier tasks by name: with these, not with the student's, a task is judged."""
    earlier = {}
    for other in questions(question.id[:2]):
        if other.id == question.id:
            break
        earlier[other.name] = other.stand_in or other.reference
    return earlier
