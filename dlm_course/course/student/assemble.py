"""Assemble: the answers of a student's notebook, and the student's own cells, put into the package's copy of it.

A student's file has been edited, and cells have been deleted, duplicated, reordered and renamed. What counts are the
answers; everything that was given with the exercise is taken from the package. Cells tagged `project` are a student's
own work: long runs with settings of one's own, on which no answer depends. They are left out.
"""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlm_course.course.topics import RELEASED, TOPICS, notebook_name, task_ids
from dlm_course.files import NotText, text_of

TASK_LINE = re.compile(r"^#\s*Task\s+(\d\d-\d+)\b", re.IGNORECASE)


class NotebookError(ValueError):
    """A file that is no notebook, or not that of a topic."""


class NotANotebook(NotebookError):
    """Text that nbformat cannot read; the message says what it trips over."""


@dataclass(frozen=True)
class Answer:
    """What a notebook holds for one question.

    source   the cell that counts: the last one that is not the stub, or the stub if there is nothing else
    before   those that were written before it, in order: they run before it, so that a split cell keeps its parts
    cells    how many cells hold an answer, stubs included
    """

    source: str
    before: tuple[str, ...] = ()
    cells: int = 1

    def note(self, stub: str) -> str:
        """What the student should know of the choice; "" where there was nothing to choose."""
        if self.cells == 1:
            return ""
        taken = "all are the stub" if self.source.strip() == stub.strip() else \
            "the last one that is not the stub is taken"
        return f"{self.cells} cells hold an answer; {taken}"


@dataclass(frozen=True)
class Assembly:
    """The notebook to be validated, and what the student should know of how it came about.

    answers  by question id, in the order of the student's notebook; a question without a cell is not there
    """

    topic: str
    notebook: NotebookNode
    notes: tuple[str, ...]
    answers: Mapping[str, Answer]


def read_notebook(path: Path) -> NotebookNode:
    """The student's notebook. Raises NotebookError, with the usual cause, for anything that is none."""
    if path.is_dir():
        raise NotebookError(f"{path}: is a folder; check takes a topic (01) or the path of a notebook")
    try:
        text = text_of(path.read_bytes())
    except FileNotFoundError:
        longer = path.with_name(f"{path.name}.ipynb")
        hint = f"is it {longer}?" if longer.exists() else "check takes a topic (01) or the path of a notebook"
        raise NotebookError(f"{path}: no such file; {hint}") from None
    except (OSError, NotText) as error:
        raise NotebookError(f"{path}: cannot be read: {error}") from None
    try:
        notebook = parse(text)
    except NotANotebook as error:
        advice = ("was it saved while being edited by hand? `dlm-course reset` makes a fresh one and keeps this file"
                  if path.suffix == ".ipynb" else "check takes a topic (01) or the path of an .ipynb file")
        raise NotebookError(f"{path}: {error}; {advice}") from None
    for cell in notebook.cells:
        _check_characters(cell, path)
    return notebook


def parse(text: str) -> NotebookNode:
    """The notebook that the text of a file holds, in nbformat 4, each source a string. Raises NotANotebook.

    nbgrader's metadata are dropped where they are none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbformat's own, of duplicate ids: they cost nothing here
            notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
            if cell.cell_type not in ("code", "markdown", "raw") or not _is_sound(cell.metadata.get("nbgrader")):
                cell.metadata.pop("nbgrader", None)
    except Exception as error:  # nbformat raises whatever it trips over
        reason = " ".join(str(error).split())[:120]
        raise NotANotebook(f"not a notebook ({type(error).__name__}: {reason})") from None
    return notebook


def _is_sound(nbgrader: object) -> bool:
    return isinstance(nbgrader, dict) and isinstance(nbgrader.get("grade_id", ""), str)


def _check_characters(cell: NotebookNode, path: Path) -> None:
    """Raises NotebookError for code that no file in UTF-8 can hold, though JSON's escapes can."""
    half = re.search("[\ud800-\udfff]", cell.source)
    if half and cell.cell_type == "code":
        line = cell.source[cell.source.rfind("\n", 0, half.start()) + 1:].partition("\n")[0].strip()
        line = line.encode("utf-8", "backslashreplace").decode()[:120]
        raise NotebookError(f"{path}: a cell holds {half.group()!r}, half a character (an emoji cut in two?); type its "
                            f"line anew: {line}")


def topic_of(notebook: NotebookNode, path: Path) -> str:
    """The topic whose answers the notebook holds, whatever the file is called.

    Raises NotebookError where there is none.
    """
    found = [topic for topic in TOPICS for _ in answered(notebook, topic)]
    if found:
        return max(set(found), key=found.count)
    if path.name[:2] in TOPICS:
        return path.name[:2]
    raise NotebookError(f"{path}: holds no answer to any exercise; an answer stands in its task's own cell, or in one "
                        "whose first line is `# Task 01-2`")


def answered(notebook: NotebookNode, topic: str) -> list[str]:
    """The id of a question of the topic for each cell that holds an answer to it, in the order of the cells."""
    return [id_ for id_ in answered_by_cell(notebook, topic) if id_]


def answered_by_cell(notebook: NotebookNode, topic: str) -> list[str | None]:
    """For each cell the id of the question of the topic that it answers, None where it answers none."""
    names = _by_name(topic)
    return [_answered_by(cell, names) for cell in notebook.cells]


def assemble(student: NotebookNode, topic: str) -> Assembly:
    """Put the student's answers and own cells into the package's copy of the topic's exercise.

    An answer is found by the cell's id, then by nbgrader's grade_id, then by a first line `# Task 01-2`; of several the
    last that is not the stub counts, and those before it run before it (a cell that was split keeps its parts). Code
    cells of the student's own stand behind the given cell that they follow, or earlier where their order would suffer.
    Given cells that the student has changed run too, behind the original, except for the checks.
    """
    copy = nbformat.read(RELEASED / notebook_name(topic), as_version=4)
    given = {cell.id: cell for cell in copy.cells}
    sources, own = _sort_out(student, given, topic)
    answers = {id_: _choose(of_one, given[id_].source) for id_, of_one in sources.items()}
    notes = [f"{id_}: {note}" for id_, answer in answers.items() if (note := answer.note(given[id_].source))]
    copy.cells = _put_together(copy.cells, answers, _places(own, [None, *given]))
    return Assembly(topic, copy, tuple(notes), answers)


# A cell of the student's own: the id of the given cell that it follows, None at the top, and its source.
Own = tuple[str | None, str]


def _sort_out(student: NotebookNode, given: Mapping[str, NotebookNode],
              topic: str) -> tuple[dict[str, list[str]], list[Own]]:
    """The sources of all cells that answer a question, by its id, and the student's own cells; the rest is dropped."""
    names = _by_name(topic)
    answers: dict[str, list[str]] = {}
    own: list[Own] = []
    anchor = None
    for cell in student.cells:
        id_ = _answered_by(cell, names)
        if id_:
            anchor = id_
            answers.setdefault(id_, []).append(cell.source)
            continue
        known = cell.get("id") if cell.get("id") in given else cell.metadata.get("nbgrader", {}).get("grade_id")
        if known in given:
            anchor = known
            changed = cell.source.strip() != given[known].source.strip()
            if cell.cell_type != "code" or known.endswith("-check") or not changed or _is_project(given[known]):
                continue
        if cell.cell_type == "code" and cell.source.strip():
            own.append((anchor, cell.source))
    return answers, own


def _choose(sources: Sequence[str], stub: str) -> Answer:
    """Of all the cells that answer one question the one that counts, and those that run before it."""
    written = [source for source in sources if source.strip() != stub.strip()]
    return Answer(written[-1], tuple(written[:-1]), len(sources)) if written else Answer(stub, cells=len(sources))


def _places(own: Sequence[Own], order: Sequence[str | None]) -> dict[str | None, list[str]]:
    """By the id of a given cell the own cells that stand behind it: no later than those that follow them.

    Those that follow may use what they define.
    """
    places: dict[str | None, list[str]] = {}
    earliest = len(order)
    for anchor, source in reversed(own):
        earliest = min(earliest, order.index(anchor))
        places.setdefault(order[earliest], []).insert(0, source)
    return places


def _put_together(given: Sequence[NotebookNode], answers: Mapping[str, Answer],
                  places: Mapping[str | None, Sequence[str]]) -> list[NotebookNode]:
    """The given cells with the answers in them and the own cells between them; a project's are left out."""
    cells = _as_new(places.get(None, ()))
    for cell in given:
        answer = answers.get(cell.id)
        if answer:
            cells += _as_new(answer.before)
            cell.source = answer.source
        cells += [] if _is_project(cell) else [cell]
        cells += _as_new(places.get(cell.id, ()))
    return cells


def is_written(cell: NotebookNode) -> bool:
    """True for an answer in words, which a person grades: nbgrader's "manually graded answer"."""
    nbgrader = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "markdown" and bool(nbgrader.get("solution") and nbgrader.get("grade"))


def _is_project(cell: NotebookNode) -> bool:
    return "project" in cell.metadata.get("tags", [])


def _by_name(topic: str) -> dict[str, str]:
    """The ways in which an answer can be named, each with the question's id."""
    return {name: id_ for id_ in task_ids(topic) for name in (id_, id_[:4])}


def _answered_by(cell: NotebookNode, names: dict[str, str]) -> str | None:
    """The id of the question that a cell answers, None if it answers none."""
    if cell.cell_type != "code":
        return None
    first_line = TASK_LINE.match(cell.source.lstrip())
    for name in (cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id"),
                 first_line and first_line.group(1)):
        if name in names:
            return names[name]
    return None


def _as_new(sources: Iterable[str]) -> list[NotebookNode]:
    """Cells that are run for what they define; whatever they print is not compared."""
    return [nbformat.v4.new_code_cell(source, metadata={"tags": ["nbval-ignore-output"]}) for source in sources]
