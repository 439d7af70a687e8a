"""Tables that a learning platform gave, filled with our points, so that it takes them back: Canvas's and Moodle's.

Both platforms find their students by numbers of their own, which we do not know. So the instructor passes the table
that the platform exports, and each record is matched to a row of it, by the first of these that finds any:

1. the number that the platform writes into the names of downloaded files: "doejane_123_4567_01_....ipynb" (Canvas),
   "Jane Doe_12345_assignsubmission_file_" (Moodle);
2. what the folder of the student is called, where it is an id, a login or an e-mail address of the table;
3. the name, capitals, blanks and punctuation aside, in either order: "Doe, Jane", "Jane Doe", "doejane".

What fits no row, or several, or a row that another record fits as well, is left out and named in the notes.
"""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dlm_course.course.grading.records import Record
from dlm_course.course.grading.report.exports import feedback
from dlm_course.course.grading.report.summary import Given, Item, items, total
from dlm_course.course.grading.report.tables import Table, read_table, write_table
from dlm_course.course.grading.wording import number, one_line

_MOODLE_IDS = ("identifier", "email address", "id number", "username")


class ExportError(ValueError):
    """A table that a platform would not give."""


def canvas(records: Sequence[Record], exported: Path, assignment: str, path: Path,
           given: Given | None = None) -> tuple[str, ...]:
    """Fill the column of an assignment in the gradebook that Canvas exported (Gradebook, Export).

    The result holds the columns that identify students, the row "Points Possible", this one column and the students
    who have a record, nothing else, so that importing it changes no other grade. Where the assignment's points possible
    differ from ours, points are scaled. Scores have two decimals, the most that Canvas keeps.

    assignment  the title or the number in "Exercise 01 (4711)", or both
    returns     notes: who was left out, and whether points were scaled
    raises      ExportError for a file that is no such export, or has no such assignment; OSError

    Canvas wants "Student" and "ID" first, "Section" last of the columns that identify, and finds students by "ID":
    https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb, gradebook_exporter.rb.
    """
    table = _read(exported)
    first = table.header[0] if table.header else ""
    if first not in ("Student", "LastName") or not {"ID", "Section"} <= set(table.header):
        raise ExportError(f"{exported}: begins with the columns {_names(table.header)}; expected Student, ID, ..., "
                          "Section, as in Canvas under Gradebook, Export")
    column, last = _assignment(table, assignment, exported), table.header.index("Section")
    possible = next((row for row in table.rows if "Points Possible" in row[0]), None)
    students = [row for row in table.rows if row[table.header.index("ID")].strip().isdigit()]
    questions = items(records)
    scale, notes = _scale(questions, possible[column] if possible else "", "points possible")

    def keys(row: list[str]) -> Iterable[Sequence[str]]:
        cells = dict(zip(table.header, row, strict=False))
        yield [cells["ID"]]
        yield [cells.get(name, "") for name in ("ID", "SIS User ID", "SIS Login ID", "Integration ID")]
        names = [cells["LastName"], cells["FirstName"]] if first == "LastName" else cells["Student"].split(",")
        yield [_letters(names), _letters(names[::-1])]

    matched, unmatched = match(records, students, keys, canvas_number)
    kept = [[*table.header[:last + 1], table.header[column]]]
    kept += [[*possible[:last + 1], possible[column]]] if possible else []
    for n, record in matched.items():
        kept.append([*students[n][:last + 1], number(scale * total(record, questions, given or {}))])
    write_table(path, kept, table.delimiter, mark=first == "Student")
    return (*notes, *unmatched)


def moodle(records: Sequence[Record], worksheet: Path, path: Path, given: Given | None = None) -> tuple[str, ...]:
    """Fill the columns "Grade" and "Feedback comments" of a Moodle assignment's offline grading worksheet.

    The worksheet comes from the assignment (feedback type "Offline grading worksheet"; Submissions, Actions, Download
    grading worksheet), with the site in English, and goes back by "Upload grading worksheet". Rows without a record are
    as they were, and so is "Last modified (grade)", by which Moodle keeps a grade that somebody has changed since.
    Where its "Maximum grade" differs from ours, points are scaled. The feedback is HTML, as Moodle takes it to be.

    returns  notes: who was left out, and whether points were scaled
    raises   ExportError for a file that is no such worksheet; OSError

    https://github.com/moodle/moodle/blob/main/mod/assign/feedback/offline/importgradeslib.php
    """
    table = _read(worksheet)
    by_name = {name.strip().casefold(): n for n, name in enumerate(table.header)}
    if not {"identifier", "grade", "last modified (grade)"} <= set(by_name):
        raise ExportError(f"{worksheet}: has the columns {_names(table.header)}; expected Identifier, Full name, ..., "
                          "Grade, ..., Last modified (grade): the grading worksheet of a Moodle assignment, downloaded "
                          "with the site's language set to English")
    questions = items(records)
    most = by_name.get("maximum grade")
    scale, notes = _scale(questions, next((row[most] for row in table.rows), "") if most is not None else "",
                          "maximum grade")

    def keys(row: list[str]) -> Iterable[Sequence[str]]:
        yield re.findall(r"\d+$", row[by_name["identifier"]].strip())
        yield [row[n] for name, n in by_name.items() if name in _MOODLE_IDS]
        names = row[by_name["full name"]].split() if "full name" in by_name else []
        yield [_letters(names), _letters([*names[1:], *names[:1]])]

    matched, unmatched = match(records, table.rows, keys, moodle_number)
    for n, record in matched.items():
        row = table.rows[n]
        row[by_name["grade"]] = number(scale * total(record, questions, given or {}))
        theirs = row[by_name["full name"]] if "full name" in by_name else ""
        by_number = moodle_number(record) == _only(r"(\d+)$", row[by_name["identifier"]].strip())
        if by_number and theirs and not re.search(r"\d$", theirs) and not _same_person(record.student, theirs):
            notes.append(f"{one_line(record.student, 80)}: is {one_line(theirs, 80)} in the table, by the number in "
                         "the folder's name; are they the same person?")
        if "feedback comments" in by_name:
            row[by_name["feedback comments"]] = "<br>".join(html.escape(line) for line
                                                            in feedback(record, questions, given or {}))
    write_table(path, [table.header, *table.rows])
    return (*notes, *unmatched)


def canvas_number(record: Record) -> str:
    """The user's number in the name of a file of Canvas, "doejane_LATE_123_4567_01_....ipynb" -> "123"; else ""."""
    return _only(r"(?:^|/)[^/_]*_(?:LATE_)?(\d+)_\d+_[^/]*?(?:$|!/)", record.file)


def moodle_number(record: Record) -> str:
    """The participant's number in the name of a folder of Moodle, "Jane Doe_123_assignsubmission_file_"; else ""."""
    return _only(r"_(\d+)_assignsubmission_", record.file)


def match(records: Sequence[Record], rows: Sequence[list[str]], keys: Callable[[list[str]], Iterable[Sequence[str]]],
          number_of: Callable[[Record], str]) -> tuple[dict[int, Record], list[str]]:
    """Which record belongs to which row, by the rules of this module, and a note on each that belongs to none.

    keys       row -> its numbers, its ids, its names: what the record's number, its student, its letters must equal
    number_of  record -> the platform's number in the name of its file
    """
    places: tuple[dict[str, set[int]], ...] = ({}, {}, {})
    for n, row in enumerate(rows):
        for place, found in zip(places, keys(row), strict=True):
            for key in found:
                if key.strip():
                    place.setdefault(key.strip().casefold(), set()).add(n)
    claims: dict[int, list[Record]] = {}
    notes = []
    for record in records:
        wanted = (number_of(record), record.student.strip(), _letters([record.student]))
        fits = [place[key.casefold()] for place, key in zip(places, wanted, strict=True) if key.casefold() in place]
        if not fits or len(fits[0]) > 1:
            reason = "several rows fit" if fits else "no row fits"
            notes.append(f"{one_line(record.student, 80)}: left out, {reason}; enter these points by hand")
        else:
            claims.setdefault(fits[0].pop(), []).append(record)
    for n, several in claims.items():
        if len(several) > 1:
            names = ", ".join(one_line(record.student, 80) for record in several)
            notes.append(f"{names}: left out, since they fit the same row, {one_line(rows[n][0], 80)}")
    return {n: claim[0] for n, claim in sorted(claims.items()) if len(claim) == 1}, notes


def _only(pattern: str, text: str) -> str:
    """What the pattern finds; "" if nothing, or several: a student who imitates the pattern is matched by name."""
    found = re.findall(pattern, text)
    return found[0] if len(found) == 1 else ""


def _letters(names: Sequence[str]) -> str:
    """Letters and digits only: how Canvas writes a name into that of a file."""
    return "".join(sign for name in names for sign in name.casefold() if sign.isalnum())


def _same_person(student: str, name: str) -> bool:
    """True if what we call a student holds all parts of the name, or is none: a number, an e-mail address."""
    ours = _letters([student])
    return "@" in student or not re.search(r"[^\W\d]", student) or all(
        _letters([part]) in ours for part in name.split())


def _read(path: Path) -> Table:
    try:
        return read_table(path)
    except ValueError as error:
        raise ExportError(str(error)) from None


def _assignment(table: Table, assignment: str, path: Path) -> int:
    """The number of the column of an assignment, whose header is "title (number)"."""
    columns = {n: parts for n, name in enumerate(table.header) if n > table.header.index("Section")
               and (parts := re.fullmatch(r"(.*?)\s*\((\d+)\)", name.strip(), re.DOTALL))}
    found = [n for n, parts in columns.items() if assignment.strip() in (parts[0], parts[1].strip(), parts[2])]
    if len(found) != 1:
        raise ExportError(f"{path}: {'several assignments are' if found else 'no assignment is'} called "
                          f"{assignment!r}; there are {_names(table.header[n] for n in columns)}. If it is not there, "
                          "create it in Canvas, and export again")
    return found[0]


def _scale(questions: Sequence[Item], most: str, called: str) -> tuple[float, list[str]]:
    """By how much points are multiplied, and a note if that is not 1."""
    out_of = sum(item.out_of for item in questions)
    try:
        theirs = float(most.strip().replace(",", "."))
    except ValueError:
        return 1, []
    if theirs == out_of or theirs <= 0 or out_of == 0:
        return 1, []
    return theirs / out_of, [f"points were scaled from {number(out_of)} to {number(theirs)}, the table's {called}"]


def _names(columns: Iterable[str]) -> str:
    return ", ".join(repr(one_line(name, 60)) for name in columns) or "none"
