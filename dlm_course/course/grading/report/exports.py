"""The grade book, and what other programs read: nbgrader's database, Gradescope's and GitHub's results."""

import io
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlm_course.course.grading.records import Record
from dlm_course.course.grading.report.summary import Given, Item, items, points_of, result_of, to_look_at, total
from dlm_course.course.grading.report.tables import write_table
from dlm_course.course.grading.report.tasks import task
from dlm_course.course.grading.wording import number, one_line, printable
from dlm_course.course.questions import find
from dlm_course.course.topics import notebook_name
from dlm_course.course.verdict import Verdict
from dlm_course.files import write_whole


def grade_book(records: Sequence[Record], path: Path, pages: Mapping[str, str], given: Given | None = None) -> None:
    """Write the grade book as CSV, a row a submission in the order given.

    Columns: student, file, total, out_of, one a question (empty where an answer in words waits for a person), problem,
    needs a look, page. `pages` names each student's HTML page, `given` the points of answers in words.

    Where the folders are called by e-mail address, ID number or username, Moodle's grade import (Grades, Import, CSV
    file) takes this file as it is: map "student" to that field, "total" to the grade item, ignore the rest.
    https://docs.moodle.org/en/Grade_import
    """
    given = given or {}
    questions = items(records)
    out_of = sum(item.out_of for item in questions)
    rows: list[list[str | float]] = [["student", "file", "total", "out_of", *(item.question for item in questions),
                                      "problem", "needs a look", "page"]]
    for record in records:
        points = [points_of(record, item, given) for item in questions]
        rows.append([record.student, record.file, total(record, questions, given), out_of,
                     *("" if one is None else one for one in points), record.problem,
                     "; ".join(to_look_at(record, given)), pages.get(record.student, "")])
    write_table(path, rows)


def feedback(record: Record, questions: Sequence[Item], given: Given) -> list[str]:
    """A line a question, for what shows text only: "01-2 Many steps in one matrix: 1 of 2 points. ✗ right, ..."."""
    lines = [f"Your file could not be graded: {one_line(record.problem)}"] if record.problem else []
    for item in questions:
        title, points = task(item.question), points_of(record, item, given)
        result = result_of(record, item.question)
        earned = "not graded yet" if points is None else f"{number(points)} of {number(item.out_of)} points"
        said = f" {result.status} {one_line(result.reason)}".rstrip() if result else ""
        lines.append(f"{title.number} {title.title}: {earned}.{said}")
    return lines


# nbgrader

def nbgrader(records: Sequence[Record], database: str, given: Given | None = None,
             course: str = "") -> tuple[str, ...]:
    """Write the points into nbgrader's gradebook as manual scores: `nbgrader export` and the formgrader show them.

    The assignment is called as the topic ("01"), the notebook as its file without ".ipynb", the grade cells as in the
    released notebook: what `nbgrader generate_assignment 01` made is filled, what is missing is made. A manual score
    goes before nbgrader's own. Answers in words without points are left to the formgrader.

    database  "sqlite:///gradebook.db", for example
    course    nbgrader's CourseDirectory.course_id, "" unless it is set
    returns   a line for each student who was left out, since nbgrader's tools cannot hold the name
    raises    ImportError with advice where nbgrader is not installed

    https://nbgrader.readthedocs.io/en/stable/api/gradebook.html
    """
    try:
        from nbgrader.api import Grade, Gradebook, MissingEntry
    except ImportError as error:
        raise ImportError("nbgrader is not installed; pip install -e '.[nbgrader]' in the course's folder") from error
    if not records:
        return ()
    given, questions, left_out = given or {}, items(records), []
    course = course or "default_course"    # nbgrader's own name for a course without one
    with _as_nbgrader_needs_it(), Gradebook(database, course_id=course) as book:
        assignment, notebook = records[0].topic, notebook_name(records[0].topic).removesuffix(".ipynb")
        try:
            book.find_assignment(assignment)
        except MissingEntry:
            book.add_assignment(assignment, course_id=course)
        book.update_or_create_notebook(notebook, assignment)
        for item in questions:
            book.update_or_create_grade_cell(_grade_cell(item), notebook, assignment, max_score=item.out_of,
                                             cell_type="markdown" if item.in_words else "code")
        cells = {item: book.find_grade_cell(_grade_cell(item), notebook, assignment) for item in questions}
        for record in records:
            if not _nbgrader_can_hold(record.student):
                left_out.append(f"{one_line(record.student, 80)}: not in nbgrader's gradebook, which takes names of "
                                "letters, digits, blanks and . _ - @, up to 128 of them")
                continue
            book.update_or_create_student(record.student)
            submission = book.update_or_create_submission(assignment, record.student)
            theirs = next(theirs for theirs in submission.notebooks if theirs.name == notebook)
            grades = {grade.name: grade for grade in theirs.grades}
            for item, cell in cells.items():
                points = points_of(record, item, given)
                grade = grades.get(cell.name) or Grade(cell_id=cell.id, notebook=theirs)
                grade.manual_score, grade.needs_manual_grade = points, points is None
                book.db.add(grade)
        book.db.commit()
    return tuple(left_out)


@contextmanager
def _as_nbgrader_needs_it() -> Iterator[None]:
    """For a new database nbgrader calls the program alembic, which lies beside Python but need not be on the PATH.

    Warnings of SQLAlchemy about the way in which nbgrader uses it are for nobody here.
    """
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Object of type")
            yield
    finally:
        os.environ["PATH"] = before


def _grade_cell(item: Item) -> str:
    return item.question if item.in_words else f"{item.question}-check"


def _nbgrader_can_hold(student: str) -> bool:
    """nbgrader's export writes names as they are, without quotes: a comma or a line break would shift its columns."""
    return (0 < len(student) <= 128 and all(sign.isalnum() or sign in " ._-@" for sign in student)
            and student == student.strip(" .") and student[0].isalnum())


# Gradescope

_SETUP = """#!/usr/bin/env bash
# Nothing to install: the results are in this archive.
"""

_RUN = '''#!/usr/bin/env python3
"""Hand out the result that was computed before; nothing of the submission is run."""
import json
import pathlib
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/autograder")
results = json.loads((root / "source" / "results.json").read_text(encoding="utf-8"))
submission = json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))
keys = [f"submission_{submission.get('id')}", str(submission.get("id"))]
for user in submission.get("users", []):
    keys += [str(user.get("email") or "").casefold(), str(user.get("id") or "")]
found = [results[key] for key in keys if key in results]
if not found:
    found = [{"score": 0, "output": "There is no result for this submission yet. Was it handed in after grading?"}]
(root / "results").mkdir(exist_ok=True)
(root / "results" / "results.json").write_text(json.dumps(found[0]), encoding="utf-8")
'''


def gradescope_result(record: Record, questions: Sequence[Item], given: Given) -> dict[str, Any]:
    """The results.json of a submission, in the form that Gradescope documents for autograders.

    https://gradescope-autograders.readthedocs.io/en/latest/specs/
    """
    tests = []
    for item, line in zip(questions, feedback(record, questions, given)[bool(record.problem):], strict=True):
        points = points_of(record, item, given)
        tests.append({"name": f"{task(item.question).number} {task(item.question).title}", "score": points or 0,
                      "max_score": item.out_of, "status": "passed" if points == item.out_of else "failed",
                      "output": line, "visibility": "visible"})
    notes = [record.problem, *record.notes]
    return {"score": total(record, questions, given), "output": "\n".join(one_line(note) for note in notes if note),
            "tests": tests}


def gradescope(records: Sequence[Record], path: Path, given: Given | None = None) -> None:
    """Write an autograder for Gradescope that hands out our results: a zip to upload, then "Regrade All Submissions".

    Gradescope imports no table of scores; results come from an autograder (see `gradescope_result`). Ours looks a
    submission up by its number, as the folders of Gradescope's own export are called ("submission_123456"), or by the
    e-mail address or the number of who handed it in, whichever the folders of SUBMISSIONS were called by; not by name,
    which people share and change. It runs nothing of a student's.

    https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/
    """
    given, questions = given or {}, items(records)
    results = {record.student.casefold() if "@" in record.student else record.student:
               gradescope_result(record, questions, given) for record in records}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, mode in (("setup.sh", _SETUP, 0o755), ("run_autograder", _RUN, 0o755),
                                 ("results.json", json.dumps(results, indent=1), 0o644)):
            entry = zipfile.ZipInfo(name)    # of a fixed date: the same grades are the same bytes
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    write_whole(path, content.getvalue())


# GitHub

def check_result(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """What `dlm-course check` found, in the form of GitHub Classroom's autograders.

    The reporter reads it as JSON in base64, from the variable <RUNNER>_RESULTS: it adds up `score`, shows `name` and
    `message`, and turns red unless `status` is "pass". The service itself ended on 28 August 2026; the action still
    runs in a workflow of one's own. Its successor Classroom 50 wants a `result.json` in which each test has
    `test-name`, `passed`, `score` and `max-score`, and around them what only its runner knows.

    https://github.com/classroom-resources/autograding-grading-reporter
    https://github.com/orgs/community/discussions/205975
    https://github.com/foundation50/classroom50/wiki/Advanced-Autograding
    """
    tests = []
    for verdict in verdicts:
        most = find(verdict.id).points
        tests.append({"name": verdict.id, "status": "pass" if verdict.passed else "fail",
                      "score": most if verdict.passed else 0, "max_score": most, "message": printable(verdict.reason),
                      "test_code": f'check("{verdict.id}")', "filename": notebook_name(verdict.id[:2]), "line_no": 0,
                      "duration": 0})
    return {"version": 1, "status": "pass" if all(test["status"] == "pass" for test in tests) else "fail",
            "max_score": sum(test["max_score"] for test in tests), "tests": tests}
