"""An HTML page a student: each question's points, what was wrong with it, what to read again, and their own answer."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlm_course.course.grading.records import ENDED, Record, Result
from dlm_course.course.grading.report.figures import clean_png, size_of
from dlm_course.course.grading.report.rendering import image, render
from dlm_course.course.grading.report.summary import Given, Item, is_half, items, points_of, result_of, total
from dlm_course.course.grading.report.tasks import sheet, task
from dlm_course.course.grading.wording import number, one_line
from dlm_course.files import write_whole

# What Windows takes for a device, with any ending, and what a web server shows for a folder.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index|default)(\..*)?")


def write_pages(records: Sequence[Record], folder: Path, given: Given | None = None,
                figures: Callable[[Record], Mapping[str, bytes]] | None = None) -> dict[str, str]:
    """Write a page a record into the folder. Returns each student's file name.

    given    points of answers in words
    figures  record -> the PNG files that the student's notebook shows, by question; asked for one record at a time
    """
    names = page_names(record.student for record in records)
    questions = items(records)
    for record in records:
        text = page(record, questions, given or {}, figures(record) if figures else {})
        write_whole(folder / names[record.student], text)
    return names


def page(record: Record, questions: Sequence[Item], given: Given, figures: Mapping[str, bytes]) -> str:
    """The page of one student. It holds nothing of others and needs nothing but itself."""
    shown = [_question(record, item, given, figures.get(item.question)) for item in questions]
    try:
        title = sheet(record.topic).title
    except ValueError:
        title = f"Exercises {one_line(record.topic, 40)}"
    return render("page.html", sheet=title, student=one_line(record.student, 100), file=one_line(record.file, 300),
                  total=total(record, questions, given), out_of=sum(item.out_of for item in questions),
                  waiting=sum(question["points"] is None for question in shown),
                  problem=one_line(record.problem, 1_000), notes=[one_line(note, 1_000) for note in record.notes],
                  questions=[] if record.problem else shown)


def _question(record: Record, item: Item, given: Given, figure: bytes | None) -> dict[str, Any]:
    """What the page says of one question."""
    titles, points = task(item.question), points_of(record, item, given)
    result = result_of(record, item.question)
    words = next((words.text for words in record.words if words.question == item.question), "")
    sign, kind, verdict = _verdict(record, item, points)
    png = clean_png(figure) if figure else None
    width, height = size_of(png) if png else (0, 0)
    return {
        "number": titles.number, "title": titles.title, "label": "In words" if item.in_words else "Task",
        "sign": sign, "kind": kind, "verdict": verdict, "points": points, "out_of": item.out_of,
        "earned": "–" if points is None else number(points),
        "reason": one_line(result.reason) if result and result.status == "✗" else "",
        "read_again": "" if item.in_words or points == item.out_of or _never_ended(result) else titles.read_again,
        "source": result.source if result else "", "text": words,
        "image": image(png) if png else "", "width": width, "height": height, "unsound": bool(figure) and not png,
    }


def _never_ended(result: Result | None) -> bool:
    """True where a limit ended the answer, about which no lecture says anything."""
    return result is not None and not set(ENDED.values()).isdisjoint(result.flags)


def _verdict(record: Record, item: Item, points: float | None) -> tuple[str, str, str]:
    """Sign, kind (a class of the style sheet), and words."""
    result = result_of(record, item.question)
    if item.in_words:
        return ("…", "open", "not graded yet") if points is None else ("•", "open", "graded by a person")
    if result is None or result.status == "○":
        return "○", "open", "not attempted"
    if result.status == "✓":
        return "✓", "right", "right"
    return ("½", "half", "half right") if is_half(result) else ("✗", "wrong", "not right")


def page_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student, safe on every system and different even where capitals are not told apart.

    A name of small letters, digits and single . _ - stays as it is: "anna" -> "anna.html". Every other one is reduced
    to that, 40 characters at most, and followed by a part of its hash: "Müller, Jörg" -> "muller-jorg-1f0c....html".
    So a student's file name does not depend on who else is in the class.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted(set(students)):
        length = 12
        while (name := _page_name(student, length)) in taken:
            length += 4
        taken.add(name)
        names[student] = f"{name}.html"
    return names


def _page_name(student: str, length: int) -> str:
    if (re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", student) and len(student) <= 40
            and not _RESERVED.fullmatch(student) and not re.search(r"-[0-9a-f]{12,}$", student)):
        return student
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", student[:200]).casefold()
                      if not unicodedata.combining(sign))
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:40].strip("-") or "student"
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug}-{digest[:length]}"
