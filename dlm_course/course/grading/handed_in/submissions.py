"""Submissions: each student's notebook for an exercise, found in a folder or a zip, and read when it is graded.

The layouts stand in layouts.py; the class may also come as a zip, or as a folder with nothing in it but one zip. A
student may hand in a zip in place of a notebook; a zip within that is not opened.

Every student is in the list exactly once, whatever lies there. Of several notebooks by one student one is taken, and a
note says which: one that can be read before one that cannot; one called as it was released before one whose name, or
whose folder, says the topic otherwise, before one that says no topic, before a zip, before one that says another topic;
then Canvas's latest file, then the highest number of an attempt (`-2`, ` (2)`), then the one in fewer folders, then the
last name in natural order; of one name twice in a zip the later one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

from dlm_course.course.grading.handed_in.layouts import SUBMITTED, File, HandedIn, students_in, whose
from dlm_course.course.grading.handed_in.listing import (
    MEBI,
    Entry,
    FileLimits,
    Tree,
    Unreadable,
    Zip,
    files_below,
    tree_of,
)
from dlm_course.course.grading.handed_in.names import (
    Owner,
    attempt_said,
    in_natural_order,
    is_plain,
    owner_of_file,
    printable,
)
from dlm_course.course.topics import is_project, notebook_name

LIMITS = FileLimits()


class SubmissionsError(ValueError):
    """There is nothing to grade at all: the message says what was given and what is needed."""


@dataclass(frozen=True)
class Place:
    """Where a submission is read from, an entry of the folder or the zip of all, for which topic; and its models."""

    source: Path
    entry: Entry
    asked: str
    models: Entry | None = None


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one exercise.

    student    as the folder or the zip calls them; what cannot be printed is escaped
    topic      the one that the file's name says, None if it says none; what counts is its content
    file       below the folder of submissions; in a zip "class.zip!/inner/path"
    content    the bytes; None before `read`, and where there is a problem
    models     those of the checkpoint that lies beside the notebook of a project; None where there is none
    no_models  why they could not be read
    problem    why there is nothing to grade
    notes      what was settled by rule
    """

    student: str
    topic: str | None
    file: str
    content: bytes | None = field(default=None, repr=False)
    problem: str = ""
    notes: tuple[str, ...] = ()
    place: Place | None = field(default=None, repr=False)
    models: bytes | None = field(default=None, repr=False)
    no_models: str = ""


def find_submissions(source: Path, topic: str, limits: FileLimits = LIMITS) -> list[Submission]:
    """What every student handed in for a topic, sorted by student. Nothing is read yet.

    Raises: SubmissionsError where the source cannot be listed or nobody is in it, ValueError for an unknown topic.
    Nothing that a student can hand in raises.
    """
    name = notebook_name(topic)
    source, students, inside = _students_of(source, limits)
    if not students:
        raise SubmissionsError(f"{source}: no submission lies there; a student has a folder with {name} in it, or a "
                               f"file like ada_{name}")
    labels = _labels(students)
    alike = Counter(map(_folded, labels.values()))
    found = []
    for student, handed_in in students.items():
        if alike[_folded(labels[student])] > 1:
            handed_in.remarks.append("another student's name differs in case, or in how accents are written, only")
        found.append(_submission(labels[student], handed_in, Place(source, Entry(()), topic), inside))
    return sorted(found, key=lambda submission: submission.student)


def topics_said(source: Path, limits: FileLimits = LIMITS) -> Counter[str]:
    """By topic, how many students have a file that is called by it. Raises: SubmissionsError."""
    _, students, _ = _students_of(source, limits)
    return Counter(topic for handed_in in students.values() for topic in {file.topic for file in handed_in.files}
                   if topic is not None)


def _students_of(source: Path, limits: FileLimits) -> tuple[Path, dict[str, HandedIn], str]:
    """The folder or zip in which all lies, what each student handed in, and what stands before a file's name there.

    Raises: SubmissionsError.
    """
    try:
        if source.suffix.lower() == ".ipynb" and source.is_file():
            owner = owner_of_file(source.name) or Owner(source.stem, source.name)
            students = {owner.student: HandedIn(owner)}
            students[owner.student].add([Entry((source.name,))], owner, 0)
            return source.parent, students, ""
        zipped, students = _students_in_only_zip(source, limits)
        if zipped:
            source = source / zipped
        else:
            students = students_in(tree_of(source, limits), limits, source.name.lower() == SUBMITTED)
        return source, students, "" if source.is_dir() else f"{printable(source.name)}!/"
    except (Unreadable, OSError) as error:
        raise SubmissionsError(f"{source}: {error}; give the folder of submissions, or the zip of them that your "
                               "course's system exports") from None


def read(submission: Submission, limits: FileLimits = LIMITS) -> Submission:
    """The submission with its content, or with the problem why there is none. Raises nothing."""
    place = submission.place
    if submission.problem or submission.content is not None or place is None:
        return submission
    file = submission.file
    try:
        tree = tree_of(place.source, limits)
        if not place.entry.name.lower().endswith(".zip"):
            return _with_models(replace(submission, content=_content(tree, place.entry, limits.size, limits.ratio)),
                                tree, place.models, limits)
        with tree.copy(place.entry, limits.archive, limits.ratio) as packed:
            inner = Zip(packed, limits.files)
            if len({owner.student for owner in whose(inner.children(()))}) > 1:
                raise Unreadable("is the export of a whole class: unpack it, or give it alone")
            handed_in = HandedIn(Owner("", ""))
            handed_in.add(files_below(inner, (), limits), handed_in.owner, 0)
            best = _best(handed_in, place.asked)
            if best is None or best.is_zip:
                raise Unreadable("holds no notebook but a zip within the zip, which is not opened: hand in the "
                                 "notebook" if best else f"holds no notebook{printable(handed_in.instead)}")
            file = f"{file}!/{_printed(best.entry.parts)}"
            content = _content(inner, best.entry, limits.size, limits.ratio)
            submission = replace(submission, topic=best.topic, file=file, content=content,
                                 notes=(*submission.notes, *_notes(handed_in, best, place.asked)))
            models = _models(handed_in, place.asked)
            return _with_models(submission, *((inner, models) if models else (tree, place.models)), limits)
    except Unreadable as error:
        return replace(submission, file=file, problem=f"{file} {error}")
    except OSError as error:
        return replace(submission, file=file, problem=f"{file} cannot be read: {error.strerror or error}")


def _content(tree: Tree, entry: Entry, most: int, ratio: int) -> bytes:
    content = bytearray()
    with tree.copy(entry, most, ratio) as file:
        while chunk := file.read(MEBI):
            content += chunk
            if len(content) > most:  # of a file that grows, or states no size
                raise Unreadable(f"is too large: more than {most / MEBI:g} MiB")
    return bytes(content)


def _with_models(submission: Submission, tree: Tree, entry: Entry | None, limits: FileLimits) -> Submission:
    """The submission with the models that lie at the entry; with a note where they cannot be read."""
    if entry is None:
        return submission
    try:
        return replace(submission, models=_content(tree, entry, limits.checkpoint, limits.ratio))
    except Unreadable as error:
        return replace(submission, no_models=printable(f"{entry.name} {error}"))


def _students_in_only_zip(source: Path, limits: FileLimits) -> tuple[str, dict[str, HandedIn]]:
    """The name of the zip of a class that is the only thing in a folder, and its students; "" if there is none.

    A zip of one notebook, or with a student's name on it, is that student's.
    """
    if not source.is_dir():
        return "", {}
    lying = [child for child in tree_of(source, limits).children(()) if child.folder or owner_of_file(child.name)]
    name = lying[0].name if len(lying) == 1 else ""
    if not name.lower().endswith(".zip") or lying[0].folder or lying[0].problem:
        return "", {}
    try:
        students = students_in(tree_of(source / name, limits), limits)
    except Unreadable:
        return "", {}  # as a student's, it has an entry with this problem
    owner = owner_of_file(name)
    of_one = len(students) < 2 and (bool(owner and owner.system) or not all(
        handed_in.owner.sure for handed_in in students.values()))
    return ("", {}) if of_one or not students else (name, students)


# One student

def _submission(student: str, handed_in: HandedIn, place: Place, inside: str) -> Submission:
    remarks = tuple(printable(remark) for remark in handed_in.remarks)
    best = _best(handed_in, place.asked)
    if best is None:
        return Submission(student, None, "", problem=printable(f"no notebook was handed in{handed_in.instead}"),
                          notes=remarks)
    file = inside + _printed(best.entry.parts)
    return Submission(student, best.topic, file, problem=f"{file} {best.entry.problem}" if best.entry.problem else "",
                      notes=(*remarks, *_notes(handed_in, best, place.asked)),
                      place=replace(place, entry=best.entry, models=_models(handed_in, place.asked)))


def _best(handed_in: HandedIn, asked: str) -> File | None:
    """The one of a student's files that is graded, by the rule at the top of this module; None if there is none."""
    return max(handed_in.files, key=lambda file: _rank(file, asked), default=None)


def _models(handed_in: HandedIn, asked: str) -> Entry | None:
    """The checkpoint of a project that is taken, by the same rule; None if there is none, or no project."""
    if not is_project(asked):
        return None
    best = max(handed_in.checkpoints, key=lambda file: _rank(file, asked), default=None)
    return best.entry if best else None


def _rank(file: File, asked: str) -> tuple[Any, ...]:
    if file.topic not in (asked, None):
        fit = 0
    elif file.is_zip:
        fit = 1
    else:
        fit = 2 + (file.topic == asked) + (file.topic == asked and is_plain(file.name))
    return (not file.entry.problem, fit, not file.is_zip, file.attachment, attempt_said(file.name), -file.depth,
            [in_natural_order(part) for part in file.entry.parts], file.entry.member)


def _notes(handed_in: HandedIn, best: File, asked: str) -> list[str]:
    """What was settled between several files for the topic."""
    others = [file for file in handed_in.files if file is not best and file.topic in (asked, None)]
    notes = [f"{printable(file.name)} {file.entry.problem}" for file in others if file.entry.problem]
    passed_over = [_printed(file.entry.parts) for file in others if not file.entry.problem]
    taken = _printed(best.entry.parts)
    if passed_over:
        shown = ["another of the same name" if name == taken else name for name in passed_over[:3]]
        more = f" and {len(passed_over) - 3} more" if len(passed_over) > 3 else ""
        notes.insert(0, f"{len(passed_over) + 1} files were handed in: {taken} is graded, not {', '.join(shown)}{more}")
    models = _models(handed_in, asked)
    if models and len(handed_in.checkpoints) > 1:
        shown = [_printed(file.entry.parts) for file in handed_in.checkpoints if file.entry is not models][:3]
        notes.insert(0, f"{len(handed_in.checkpoints)} files of models were handed in: {_printed(models.parts)} is "
                        f"read, not {', '.join(shown)}")
    return notes[:5]


def _printed(parts: Iterable[str]) -> str:
    return printable("/".join(parts), 1000)


def _labels(students: Iterable[str]) -> dict[str, str]:
    """By student a label that can be printed, no two alike."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted(students):
        plain = label = printable(student, 1000)
        number = 2
        while label in taken:
            label = f"{plain} ({number})"
            number += 1
        taken.add(label)
        labels[student] = label
    return labels


def _folded(label: str) -> str:
    return normalize("NFC", normalize("NFC", label).casefold())
