"""Grade a class: submissions in, a report out. What `dlm-course grade` does.

    REPORT/settings.json    topic, seed, sandbox and limits: a later run on the same report takes the same
    REPORT/records.jsonl    a record a submission, the truth: all else is made from it
    REPORT/gradebook.csv    a row a student
    REPORT/overview.html    for the instructor
    REPORT/pages/           a page a student
    REPORT/figures/         the figures that the notebooks show, for the pages
    REPORT/words.csv        answers in words, for the person who grades them; points that are entered there count
"""

import contextlib
import difflib
import json
import math
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dlm_course.course.grading.handed_in.listing import FileLimits
from dlm_course.course.grading.handed_in.notebooks import notebook_of
from dlm_course.course.grading.handed_in.submissions import Submission, find_submissions, read, topics_said
from dlm_course.course.grading.pool import on_cluster, on_this_machine
from dlm_course.course.grading.records import LOCK, RECORDS, Record, Store, StoredRecords, StoreError
from dlm_course.course.grading.report.exports import grade_book
from dlm_course.course.grading.report.figures import clean_png
from dlm_course.course.grading.report.overview import write_overview
from dlm_course.course.grading.report.pages import write_pages
from dlm_course.course.grading.report.written import Points, merge, write_table
from dlm_course.course.grading.sandbox.wire import Limits
from dlm_course.course.grading.worker import Assignment
from dlm_course.course.topics import TOPICS, notebook_name
from dlm_course.files import write_whole

SETTINGS, WORDS, PAGES, FIGURES = "settings.json", "words.csv", "pages", "figures"

_MOST_SECONDS = 3600
_SEEDS = range(1, 2**31)    # 0 is the self-check's


class GradeError(ValueError):
    """What was asked for cannot be done; the message says why, and what to do."""


@dataclass(frozen=True)
class Done:
    """What a run did.

    graded    submissions that were graded now
    before    those that had been before
    problems  of all records, those of submissions in which nothing could be graded
    others    records of students who have no submission any more
    notes     what became of the table of answers in words
    """

    graded: int
    before: int
    problems: int
    others: int = 0
    notes: tuple[str, ...] = ()


def grade(source: Path, report: Path, topic: str, *, seed: int | None = None, sandbox: str = "bubblewrap",
          jobs: int = 2, scheduler: str = "", seconds: float | None = None, again: Sequence[str] = (),
          progress: Callable[[Iterator[Record], int], Iterable[Record]] = lambda records, number: records) -> Done:
    """Grade the submissions of a topic that the report does not hold yet, and write the report anew.

    source     a folder of submissions, or the zip that a learning platform exports
    seed       of the hidden cases; drawn at random for a new report, and kept in its settings
    jobs       graders on this machine; or `scheduler`, the address of a Dask cluster
    seconds    of computing that a question may take, and twice as many in all
    again      students who are graded again whatever the report holds, after an appeal for example
    progress   wraps the records as they come, with their number
    Raises: GradeError, SubmissionsError, SandboxError, StoreError, RecordError, TableError; whatever was graded until
    then is in the report, and the next run goes on from there.
    """
    if topic not in TOPICS:
        raise GradeError(f"there is no topic {topic!r}; the topics are {', '.join(TOPICS)}")
    if seconds is not None and not 1 <= seconds <= _MOST_SECONDS:
        raise GradeError(f"{seconds:g} seconds for a question are not between 1 and {_MOST_SECONDS}")
    if jobs < 1:
        raise GradeError(f"{jobs} graders cannot grade; give at least 1")
    _check_place(report, source)
    found = find_submissions(source, topic)
    unknown = set(again) - {submission.student for submission in found}
    if unknown:
        names = [submission.student for submission in found]
        near = [close for name in sorted(unknown) for close in difflib.get_close_matches(name, names, 1)]
        raise GradeError(f"no submission by {', '.join(sorted(unknown)[:5])} lies in {source}; students are called as "
                         "in the grade book" + (f": did you mean {near[0]!r}?" if near else ""))
    with _gone_if_empty(report), Store(report) as store:
        assignment = _settled(report, topic, seed, sandbox, seconds)
        todo = [submission for submission in found
                if submission.student in again or not _is_done(store, submission, assignment)]
        records = on_cluster(assignment, todo, scheduler) if scheduler else on_this_machine(assignment, todo, jobs)
        with contextlib.closing(records):
            handed_in = {submission.student: submission for submission in todo}
            for record in progress(records, len(todo)):
                _keep_figures(report, record, handed_in[record.student], assignment)
                store.append(record)
        store.tidy()
        records_now, notes = write_report(report)
    students = {submission.student for submission in found}
    return Done(len(todo), len(found) - len(todo), sum(bool(record.problem) for record in records_now),
                sum(record.student not in students for record in records_now), tuple(notes))


def write_report(report: Path) -> tuple[Sequence[Record], list[str]]:
    """Make grade book, pages, overview and the table of answers in words from the records; the records, and notes.

    Points that a person has entered in the table count. An answer that was handed in anew since waits for points again;
    then the old table is kept beside the new one, and a note says so. A table with a mistake in it is left as it is.
    Raises: StoreError, RecordError, TableError, GradeError where it cannot be written.
    """
    records, notes = StoredRecords(report), list[str]()
    with _writing(report):
        if any(record.words for record in records):
            if (report / WORDS).exists():
                merge(report / WORDS, records, without_changed=True)
            notes = write_table(records, report / WORDS)
        given = given_points(report, records)
        folder = report / PAGES
        folder.mkdir(exist_ok=True)
        names = write_pages(records, folder, given, lambda record: _figures(report, record))
        for path in folder.glob("*.html"):
            if path.name not in names.values():
                path.unlink()    # of a student who is no longer in the records
        keys = {record.key for record in records}
        for path in (report / FIGURES).glob("*"):
            if path.name not in keys and re.fullmatch("[0-9a-f]{64}", path.name):    # what else is there is not ours
                shutil.rmtree(path)
        pages = {student: f"{PAGES}/{name}" for student, name in names.items()}
        write_overview(records, report / "overview.html", pages, given)
        grade_book(records, report / "gradebook.csv", pages, given)
    return records, notes


def _keep_figures(report: Path, record: Record, submission: Submission, assignment: Assignment) -> None:
    """Put the figures that the notebook shows below its answers beside the records: pages are made without the file."""
    submission = read(submission, assignment.file_limits)
    if b"image/png" not in (submission.content or b""):
        return
    found = notebook_of(submission, assignment.topic, assignment.file_limits).figures
    with _writing(report):
        for question, content in found.items():
            write_whole(report / FIGURES / record.key / f"{question}.png", clean_png(content) or b"no sound PNG")


def _figures(report: Path, record: Record) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (report / FIGURES / record.key).glob("*.png")}


def given_points(report: Path, records: Sequence[Record]) -> Points:
    """The points that a person has entered in the report's table of answers in words."""
    path = report / WORDS
    return merge(path, records) if path.exists() else {}


def topic_in(source: Path) -> str:
    """The topic that the files in a folder are called by. Raises: GradeError unless it is one, SubmissionsError."""
    found = topics_said(source)
    if not found:
        raise GradeError(f"{source}: no file's name says its topic, such as {notebook_name('01')}; say it: --topic 01")
    if len(found) > 1:
        raise GradeError(f"{source} holds notebooks of the topics {', '.join(sorted(found))}; say which one to grade, "
                         f"--topic {max(found, key=found.__getitem__)} for example, and give each a report of its own")
    return next(iter(found))


@contextlib.contextmanager
def _gone_if_empty(report: Path) -> Iterator[None]:
    """A new report in which nothing was graded, since no sandbox opened for example, is taken away again."""
    is_new = not report.exists()
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if is_new and not (report / RECORDS).stat().st_size:
                for name in (SETTINGS, RECORDS, LOCK):
                    (report / name).unlink(missing_ok=True)
                report.rmdir()
        raise


def _is_done(store: Store, submission: Submission, assignment: Assignment) -> bool:
    whole = read(submission, assignment.file_limits)
    return store.done(assignment.key(whole), whole.student, assignment.topic) is not None


def _check_place(report: Path, source: Path) -> None:
    """Raises GradeError for a folder in which a report would mix with something else."""
    if source.is_dir() and report.resolve().is_relative_to(source.resolve()):
        raise GradeError(f"{report} lies in {source}, among the submissions; give the report a folder elsewhere, --out")
    if not report.is_dir():
        return
    names = {path.name for path in report.iterdir() if not path.name.startswith(".")}
    if names and not names & {SETTINGS, RECORDS, LOCK}:
        raise GradeError(f"{report} holds other files than a report, {min(names)} for example; give the report a "
                         "folder of its own, --out")


# Settings

def _settled(report: Path, topic: str, seed: int | None, sandbox: str, seconds: float | None) -> Assignment:
    """What is graded and how: as the report's first run settled it, and what this one may change."""
    path = report / SETTINGS
    old = _old_settings(path)
    if old and old["topic"] != topic:
        raise GradeError(f"{report} is the report of topic {old['topic']}; give topic {topic} another with --out")
    if seed is None:
        seed = old["seed"] if old else secrets.choice(_SEEDS)
    if type(seed) is not int or seed not in _SEEDS:
        raise GradeError(f"{seed!r} is no seed of hidden cases: give a whole number from 1 to {_SEEDS[-1]:,}, or none. "
                         "0 is that of the self-check, whose cases every student has")
    limits = old["limits"] if old else Limits()
    if seconds is not None:
        limits = replace(limits, wall=2 * float(seconds), cpu=math.ceil(seconds))
    settings = {"topic": topic, "seed": seed, "sandbox": sandbox, "limits": asdict(limits)}
    with _writing(report):
        write_whole(path, json.dumps(settings, indent=1) + "\n")
    return Assignment(topic, seed, sandbox, limits, FileLimits())


def _old_settings(path: Path) -> dict[str, Any]:
    """Topic, seed and limits as an earlier run wrote them; empty if there was none."""
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        limits = Limits(**old["limits"])
        numbers = {field.name: getattr(limits, field.name) for field in fields(limits)}
        for name, value in numbers.items():
            if not (type(value) is int or (name == "wall" and type(value) is float)) or not 0 < value < 2**50:
                raise ValueError(f"{name} is {value!r}")
        if old["topic"] not in TOPICS or type(old["seed"]) is not int or old["seed"] not in _SEEDS:
            raise ValueError("topic or seed are none")
        return {"topic": old["topic"], "seed": old["seed"], "limits": limits}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise GradeError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise GradeError(f"{path} does not hold the settings of a report ({type(error).__name__}: {str(error)[:100]}); "
                         "put it back as it was. Without it all is graded anew, on new hidden cases") from None


@contextlib.contextmanager
def _writing(report: Path) -> Iterator[None]:
    """Within the block, what goes wrong with writing becomes a GradeError that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise GradeError(f"{error.filename or report} cannot be written: {error.strerror or error}; what is graded "
                         f"stays graded in {report / RECORDS}: make room, and run the same command again") from None
