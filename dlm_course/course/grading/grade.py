"""Grade a class: submissions in, a report out. What `dlm-course grade` does.

    REPORT/settings.json    topic, seed, sandbox and limits: a later run on the same report takes the same
    REPORT/records.jsonl    a record a submission, the truth: all else is made from it
    REPORT/gradebook.csv    a row a student
    REPORT/overview.html    for the instructor
    REPORT/pages/           a page a student
    REPORT/words.csv        answers in words, for the person who grades them; points that are entered there count
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dlm_course.course.grading.exports import grade_book
from dlm_course.course.grading.listing import FileLimits
from dlm_course.course.grading.overview import write_overview
from dlm_course.course.grading.pages import write_pages
from dlm_course.course.grading.pool import on_cluster, on_this_machine
from dlm_course.course.grading.records import Record, Store, load_records
from dlm_course.course.grading.submissions import Submission, find_submissions, read
from dlm_course.course.grading.wire import Limits
from dlm_course.course.grading.worker import Assignment
from dlm_course.course.grading.written import Points, merge, write_table
from dlm_course.files import write_whole

SETTINGS, WORDS = "settings.json", "words.csv"


class GradeError(ValueError):
    """What was asked for cannot be done; the message says why, and what to do."""


@dataclass(frozen=True)
class Done:
    """What a run did: how many were graded now, and how many had been before; of all, how many could not be read; and
    notes on the table of answers in words."""

    graded: int
    before: int
    problems: int
    notes: tuple[str, ...] = ()


def grade(source: Path, report: Path, topic: str, *, seed: int | None = None, sandbox: str = "bubblewrap",
          jobs: int = 2, scheduler: str = "", wall: float | None = None, again: Sequence[str] = (),
          progress: Callable[[Iterator[Record], int], Iterable[Record]] = lambda records, number: records) -> Done:
    """Grade the submissions of a topic that the report does not hold yet, and write the report anew.

    source     a folder of submissions, or the zip that a learning platform exports
    seed       of the hidden cases; drawn at random for a new report, and kept in its settings
    jobs       graders on this machine; or `scheduler`, the address of a Dask cluster
    wall       seconds that a question may take
    again      students who are graded again whatever the report holds, after an appeal for example
    progress   wraps the records as they come, with their number
    Raises: GradeError, SubmissionsError, SandboxError, StoreError, RecordError.
    """
    found = find_submissions(source, topic)
    unknown = set(again) - {submission.student for submission in found}
    if unknown:
        raise GradeError(f"no submission by {', '.join(sorted(unknown)[:5])} lies in {source}; students are called as "
                         "in the grade book")
    with Store(report) as store:
        assignment = _settled(report, topic, seed, sandbox, wall)
        todo = [submission for submission in found
                if submission.student in again or not _is_done(store, submission, assignment)]
        records = on_cluster(assignment, todo, scheduler) if scheduler else on_this_machine(assignment, todo, jobs)
        for record in progress(records, len(todo)):
            store.append(record)
        store.tidy()
    records_now, notes = write_report(report)
    return Done(len(todo), len(found) - len(todo), sum(bool(record.problem) for record in records_now), tuple(notes))


def write_report(report: Path) -> tuple[list[Record], list[str]]:
    """Make grade book, pages, overview and the table of answers in words from the records; the records, and notes.

    Points that a person has entered in the table count. An answer that was handed in anew since waits for points again;
    then the old table is kept beside the new one, and a note says so. A table with a mistake in it is left as it is.
    Raises: StoreError, RecordError, TableError.
    """
    records, notes = load_records(report), []
    if any(record.words for record in records):
        if (report / WORDS).exists():
            merge(report / WORDS, records, without_changed=True)
        notes = write_table(records, report / WORDS)
    given = given_points(report, records)
    folder = report / "pages"
    folder.mkdir(exist_ok=True)
    names = write_pages(records, folder, given)
    for path in folder.glob("*.html"):
        if path.name not in names.values():
            path.unlink()    # of a student who is no longer in the records
    pages = {student: f"pages/{name}" for student, name in names.items()}
    write_overview(records, report / "overview.html", pages, given)
    grade_book(records, report / "gradebook.csv", pages, given)
    return records, notes


def given_points(report: Path, records: Sequence[Record]) -> Points:
    """The points that a person has entered in the report's table of answers in words."""
    path = report / WORDS
    return merge(path, records) if path.exists() else {}


def topic_in(source: Path) -> str:
    """The topic that most files in a folder are called by. Raises GradeError where none is."""
    from dlm_course.course.topics import TOPICS, notebook_name

    found = Counter(topic for topic in TOPICS for submission in find_submissions(source, topic)
                    if submission.topic == topic and notebook_name(topic))
    if not found:
        raise GradeError(f"{source}: no file's name says its topic, such as {notebook_name('01')}; say it: --topic 01")
    if len(found) > 1:
        raise GradeError(f"{source} holds notebooks of the topics {', '.join(sorted(found))}; say which one to grade, "
                         f"--topic {max(found, key=found.__getitem__)} for example, and give each a report of its own")
    return next(iter(found))


def _is_done(store: Store, submission: Submission, assignment: Assignment) -> bool:
    whole = read(submission, assignment.file_limits)
    return store.done(assignment.key(whole), whole.student, assignment.topic) is not None


def _settled(report: Path, topic: str, seed: int | None, sandbox: str, wall: float | None) -> Assignment:
    """What is graded and how: as the report's first run settled it, and what this one may change."""
    path = report / SETTINGS
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if old and old["topic"] != topic:
        raise GradeError(f"{report} is the report of topic {old['topic']}; give topic {topic} another with --out")
    limits = Limits(**old.get("limits", {}))
    if wall is not None:
        limits = Limits(**{**asdict(limits), "wall": float(wall), "cpu": max(1, round(wall))})
    seed = old.get("seed", secrets.randbelow(2**31)) if seed is None else seed
    assignment = Assignment(topic, seed, sandbox, limits, FileLimits())
    write_whole(path, json.dumps({"topic": topic, "seed": seed, "sandbox": sandbox, "limits": asdict(limits)}, indent=1)
                + "\n")
    return assignment
