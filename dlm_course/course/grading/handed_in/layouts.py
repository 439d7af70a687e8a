"""Layouts: which student handed in which files, in a folder or a zip of a class.

`NN_topic.ipynb` being an exercise's notebook:

    <student>/NN_topic.ipynb, or deeper below <student>/
    submitted/<student>/<assignment>/NN_topic.ipynb, nbgrader's; also the folder that holds submitted/
    <student>_NN_topic.ipynb for all students in one folder
    what Moodle, Canvas and Gradescope export (names.py says how they name it)
    any of these in a folder that lies alone
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dlm_course.course.grading.handed_in.listing import MEBI, Entry, FileLimits, Tree, Unreadable, files_below
from dlm_course.course.grading.handed_in.names import (
    CHECKPOINTS,
    METADATA,
    NOTEBOOKS,
    Owner,
    owner_of_file,
    owner_of_folder,
    submitters,
    topic_said,
)
from dlm_course.files import NotText, text_of

SUBMITTED = "submitted"   # nbgrader's folder
_SHOWN = 3


@dataclass(frozen=True)
class File:
    """A notebook, a zip or a checkpoint that a student handed in.

    name        the name that the student gave it
    topic       the one that this name, or that of the innermost folder that says one, says; None if none does
    attachment  Canvas's number of it
    depth       how many of the student's folders it lies in
    """

    entry: Entry
    name: str
    topic: str | None = None
    attachment: int = 0
    depth: int = 0

    @property
    def is_zip(self) -> bool:
        return self.name.lower().endswith(".zip")


@dataclass
class HandedIn:
    """All that one student handed in.

    owner        as the first of the names says it
    files        the notebooks and zips
    checkpoints  the models of a project
    others       some of what is no notebook, in words
    remarks      what should be known of how they came
    """

    owner: Owner
    files: list[File] = field(default_factory=list)
    checkpoints: list[File] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, entries: Iterable[Entry], owner: Owner, above: int) -> None:
        """Take in what lies below the first `above` names of each entry's parts; these are not the student's."""
        for entry in entries:
            own = (*entry.parts[above:-1], owner.rest or entry.name)
            said = next(filter(None, map(topic_said, reversed(own))), None)
            file = File(entry, own[-1], said, owner.attachment, len(own) - 1)
            if file.name.lower().endswith(NOTEBOOKS):
                self.files.append(file)
                continue
            if file.name.lower().endswith(CHECKPOINTS):
                self.checkpoints.append(file)
            if len(self.others) < _SHOWN:
                self.others.append(f"{own[-1]} {entry.problem}" if entry.problem else own[-1])

    @property
    def instead(self) -> str:
        """What lies where a notebook is missing."""
        return f"; there is {', '.join(self.others)}" if self.others else ""


def students_in(tree: Tree, limits: FileLimits, is_submitted: bool = False) -> dict[str, HandedIn]:
    """What each student handed in, by the student's label; empty where nobody is.

    is_submitted  the tree is nbgrader's folder of this name: what lies in it are students' folders

    Raises: Unreadable where the students' folders cannot be listed.
    """
    top = () if is_submitted else _class_folder(tree, (), limits)
    children = tree.children(top)
    people = _gradescopes_people(tree, children)
    found: dict[str, HandedIn] = {}
    for child in children:
        owner = _owner(child)
        if owner is None:
            continue
        entries = [child] if not child.folder else _files_of(tree, child, limits)
        together = people.get(child.name, [owner.student]) if child.folder else [owner.student]
        for student in together:
            handed_in = found.setdefault(student, HandedIn(replace(owner, student=student)))
            handed_in.add(entries, owner, len(top) + child.folder)
            if len(together) > 1:
                others = ", ".join(other for other in together if other != student)
                handed_in.remarks.append(f"handed in together with {others}")
    return found


def whose(children: Iterable[Entry]) -> list[Owner]:
    """Whose the things are that a system has named; not those that people have named."""
    return [owner for child in children if (owner := _owner(child)) and owner.system]


def _owner(child: Entry) -> Owner | None:
    """Whose a thing in a class's folder is; None for what is no submission. A link stands for a student's folder."""
    if child.folder:
        return owner_of_folder(child.name)
    return owner_of_file(child.name) or (owner_of_folder(child.name) if child.problem else None)


def _files_of(tree: Tree, folder: Entry, limits: FileLimits) -> list[Entry]:
    try:
        return list(files_below(tree, folder.parts, limits))
    except Unreadable as error:
        return [Entry(folder.parts, problem=str(error))]


def _class_folder(tree: Tree, parts: tuple[str, ...], limits: FileLimits) -> tuple[str, ...]:
    """The folder in which each thing is a student's: `parts`, or one below it. Raises: Unreadable."""
    children = tree.children(parts)
    folders = [child for child in children if child.folder]
    for folder in folders:
        if folder.name.lower() == SUBMITTED:
            return folder.parts
    alone = len(folders) == 1 and not any(_owner(child) for child in children if not child.folder)
    if alone and len(parts) < limits.depth and _holds_a_class(tree, folders[0], limits):
        return _class_folder(tree, folders[0].parts, limits)
    return parts


def _holds_a_class(tree: Tree, folder: Entry, limits: FileLimits) -> bool:
    """Whether a folder that lies alone is around those of a class: not one student's, nor one around that."""
    if owner_of_folder(folder.name).system:
        return False
    try:
        children = tree.children(folder.parts)
    except Unreadable:
        return False
    if any(child.name == METADATA or child.name.lower() == SUBMITTED for child in children) or whose(children):
        return True
    files = [owner for child in children if not child.folder and (owner := _owner(child))]
    if files:
        return all(owner.sure for owner in files) and len({owner.student for owner in files}) > 1
    folders = [child for child in children if child.folder]
    if len(folders) == 1 and len(folder.parts) < limits.depth:
        return _holds_a_class(tree, folders[0], limits)
    with_work = [child for child in folders if topic_said(child.name) is None and _holds_work(tree, child, limits)]
    return len(with_work) > 1


def _holds_work(tree: Tree, folder: Entry, limits: FileLimits) -> bool:
    return any(entry.name.lower().endswith(NOTEBOOKS) for entry in _files_of(tree, folder, limits))


def _gradescopes_people(tree: Tree, children: Iterable[Entry]) -> dict[str, list[str]]:
    """By folder who handed it in; empty where Gradescope has not made the folders, or its file cannot be read."""
    for child in children:
        if child.name == METADATA and not child.folder:
            try:
                with tree.copy(child, 50 * MEBI, ratio=10_000) as file:
                    return submitters(text_of(file.read()))
            except (Unreadable, NotText, OSError):
                break
    return {}
