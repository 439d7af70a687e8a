"""Written: the table in which a person grades the answers in words, and the points that come back from it.

A row holds a student's answer, the question with its rules beside it, and a cell for the points: whole and half ones,
nothing finer. Where a student has kept the course's own text, which the column "course text" says, the points of all
answers are added up, halved, and rounded up to half a point, as the rubric has it. "numbers" are those that the
project's models were found to achieve. `row` names student, question and text in a way that no spreadsheet changes.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dlm_course.course.grading.handed_in.words import COURSE_TEXT
from dlm_course.course.grading.records import Record, Words
from dlm_course.course.grading.report.spreadsheets import TableError, read_table
from dlm_course.course.grading.report.spreadsheets import write_table as write_rows
from dlm_course.course.grading.report.summary import numbers_missing, numbers_of
from dlm_course.files import name_for_the_old

COLUMNS = ("student", "question", "text", "rubric", "points", "out_of", "course text", "numbers", "row")

Points = dict[tuple[str, str], float]   # by student and question


@dataclass(frozen=True)
class _Asked:
    """One answer that is to be graded."""

    student: str
    words: Words
    course_text: bool
    numbers: str

    @property
    def row(self) -> str:
        digest = hashlib.sha256()
        for part in (self.student, self.words.question, self.words.text):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return f"row-{digest.hexdigest()[:16]}"


def table(records: Iterable[Record]) -> list[dict[str, str]]:
    """A row for every answer in words, by question, then student. Where nothing was written, 0 points are entered."""
    return [{"student": asked.student, "question": asked.words.question, "text": asked.words.text,
             "rubric": asked.words.rubric, "points": "" if asked.words.text else "0",
             "out_of": f"{asked.words.out_of:g}", "course text": "x" if asked.course_text else "",
             "numbers": asked.numbers, "row": asked.row}
            for asked in sorted(_asked(records), key=lambda asked: (asked.words.question, asked.student))]


def write_table(records: Iterable[Record], path: Path) -> list[str]:
    """Write the table for the person who grades, as CSV; returns notes on what became of a table that was there.

    What was entered there is kept where the text is the same. Where something that was entered has no place in the new
    table, the old one is kept beside it.
    """
    rows = table(records)
    notes = []
    if path.exists():
        content = path.read_bytes()
        try:
            entered = {row["row"]: row for _, row in read_table(content, COLUMNS) if row["points"].strip()}
        except TableError as error:
            lost = f"the table that was there {error}"
        else:
            for row in rows:
                if row["row"] in entered:
                    old = entered.pop(row["row"])
                    row.update({"points": old["points"], "course text": old["course text"]})
            without_place = sum(bool(old["text"]) for old in entered.values())   # 0 for no text was not entered
            lost = f"of the answers that were graded {without_place} changed, or are gone" if without_place else ""
        if lost:
            kept = name_for_the_old(path)
            kept.write_bytes(content)
            notes.append(f"{path.name}: {lost}; the table as it was is kept as {kept.name}")
    write_rows(path, COLUMNS, rows)
    return notes


def merge(path: Path, records: Iterable[Record], *, without_changed: bool = False) -> Points:
    """The points that were entered in a table, by student and question; what is not graded yet is not in it.

    without_changed  leave out answers whose text has changed since the table was written, in place of raising

    Raises: TableError, naming every row in which something does not fit: an unknown student, a text that has changed
    since the table was written, points that are no number, too many, negative or finer than half, two for one answer.
    """
    try:
        rows = read_table(path.read_bytes(), ("student", "question", "points"))
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None
    except TableError as error:
        raise TableError(f"{path} {error}; the table needs the columns {', '.join(COLUMNS)}") from None
    answers = {asked.row: asked for asked in _asked(records)}
    points: Points = {}
    with_course_text = set()
    problems = []
    for number, row in rows:
        if not row.get("points", "").strip():
            continue
        try:
            asked = _answer_of(row, answers)
            entered = _points(row["points"], asked.words.out_of)
            if points.setdefault((asked.student, asked.words.question), entered) != entered:
                raise ValueError("other points are entered for this answer in another row")
            if row.get("course text", "").strip().lower() not in ("", "0", "no", "false"):
                with_course_text.add(asked.student)
        except _Changed as error:
            problems += [] if without_changed else [_problem(number, row, error)]
        except ValueError as error:
            problems.append(_problem(number, row, error))
    if problems:
        more = f"\n... and {len(problems) - 20} more rows" if len(problems) > 20 else ""
        raise TableError(f"{path}: nothing is taken over, since\n" + "\n".join(problems[:20]) + more)
    for student in with_course_text:
        points.update({(student, question): halved for question, halved in halve(
            {question: value for (other, question), value in points.items() if other == student}).items()})
    return points


class _Changed(ValueError):
    """The student's text is another one since the table was written."""


def _problem(number: int, row: Mapping[str, str], error: ValueError) -> str:
    return f"row {number} ({row.get('student', '')[:60]}, {row.get('question', '')[:60]}): {error}"


def halve(points: Mapping[str, float]) -> dict[str, float]:
    """The points by question, so that their sum is half of what it was, rounded up to half a point.

    Each is halved; of those that leave a quarter, the first ones are rounded up and the others down.
    """
    halves = {question: round(2 * value) for question, value in points.items()}   # in half points
    odd = [question for question in sorted(halves) if halves[question] % 2]
    up = odd[:(len(odd) + 1) // 2]
    return {question: (value // 2 + (question in up)) / 2 for question, value in halves.items()}


def _asked(records: Iterable[Record]) -> list[_Asked]:
    return [_Asked(record.student, words, COURSE_TEXT in record.notes, numbers_of(record) or numbers_missing(record))
            for record in records for words in record.words]


def _answer_of(row: Mapping[str, str], answers: Mapping[str, _Asked]) -> _Asked:
    """The answer that a row is about: by its `row`, or by student, question and text where that column is gone."""
    student, question, name = row["student"], row["question"], row.get("row", "").strip()
    others = [asked for asked in answers.values() if asked.student == student]
    asked = answers.get(name)
    if asked:
        if others and asked.student != student:  # the name of nobody is one that the spreadsheet took for a number
            raise ValueError(f"the row is that of {asked.student}: was one column sorted without the others?")
        return asked
    if not others:
        raise ValueError("there is no such student in this report")
    for asked in others:
        if asked.words.question == question:
            if not name and _plain(asked.words.text) == _plain(row.get("text", "")):
                return asked
            raise _Changed("the text has changed since this table was written: grade the one in a new table")
    raise ValueError("the student has no answer in words of this name; there are "
                     + ", ".join(asked.words.question for asked in others))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _points(text: str, out_of: float) -> float:
    text = text.strip()
    if not re.fullmatch(r"-?\d{1,9}([.,]\d{0,9})?", text):
        raise ValueError(f"{text[:40]!r} is not a number of points, such as 1.5 or 1,5 (a spreadsheet may have made a "
                         "date of it)")
    points = float(text.replace(",", "."))
    if not 0 <= points <= out_of:
        raise ValueError(f"{text} points are not between 0 and {out_of:g}")
    if points * 2 != int(points * 2):
        raise ValueError(f"{text}: nothing finer than half a point is given")
    return points
