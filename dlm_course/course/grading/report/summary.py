"""What grade book, pages and overview share: the questions of a topic, points, and what a person must look at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dlm_course.course.grading.numbers import COMPUTED, NOT_COMPUTED
from dlm_course.course.grading.records import Record, Result

# Points that a person gave for answers in words, by (student, question).
Given = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Item:
    """A question and what it is worth; `in_words`: a person grades it."""

    question: str
    out_of: float
    in_words: bool = False


def items(records: Iterable[Record]) -> tuple[Item, ...]:
    """The questions of the records, all of one topic, in the order of the tasks.

    Raises: ValueError for records of several topics: their questions are not a class's answers to one sheet.
    """
    found: dict[str, Item] = {}
    topics = set()
    for record in records:
        topics.add(record.topic)
        for result in record.results:
            found.setdefault(result.question, Item(result.question, result.out_of))
        for words in record.words:
            found.setdefault(words.question, Item(words.question, words.out_of, in_words=True))
    if len(topics) > 1:
        raise ValueError(f"records of the topics {', '.join(sorted(topics))} in one report; grade each topic into a "
                         "report of its own")
    return tuple(found[question] for question in sorted(found))


def result_of(record: Record, question: str) -> Result | None:
    """What a record says of a question that is run; None where it says nothing."""
    return next((result for result in record.results if result.question == question), None)


def points_of(record: Record, item: Item, given: Given) -> float | None:
    """The points of a question; None while an answer in words waits for a person."""
    if not item.in_words:
        result = result_of(record, item.question)
        return result.points if result else 0
    if (record.student, item.question) in given:
        return given[record.student, item.question]
    return None if any(words.question == item.question for words in record.words) else 0


def total(record: Record, questions: Sequence[Item], given: Given) -> float:
    """The sum of the points; answers in words that wait for a person count 0 so far."""
    return sum(points_of(record, item, given) or 0 for item in questions)


def is_half(result: Result) -> bool:
    """Whether an answer is right, except in a border case."""
    return result.status == "✗" and 0 < result.points < result.out_of


def numbers_missing(record: Record) -> str:
    """The note on why the numbers of a project that was worked on were not computed again; "" if there is none."""
    worked_on = any(result.status != "○" for result in record.results) or any(words.text for words in record.words)
    return next((note for note in record.notes if worked_on and note.startswith(NOT_COMPUTED)), "")


def numbers_of(record: Record) -> str:
    """The note on a project's numbers that were computed again; "" if there is none."""
    return next((note for note in record.notes if note.startswith(COMPUTED)), "")


def to_look_at(record: Record, given: Given) -> tuple[str, ...]:
    """Why a person should look at this record; empty where nothing asks for it."""
    waiting = sum((record.student, words.question) not in given for words in record.words)
    return (*((f"not graded: {record.problem}",) if record.problem else ()),
            *(f"{result.question[:4]}: {flag}" for result in record.results for flag in result.flags),
            *(("numbers of the project",) if numbers_missing(record) else ()),
            *((f"{waiting} answer{'s' if waiting > 1 else ''} in words to grade",) if waiting else ()))
