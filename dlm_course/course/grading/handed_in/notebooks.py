"""Notebooks: from the bytes that a student handed in to a notebook of the topic, repaired, or the problem with it.

Of a cell only its kind, its id, its source, and nbgrader's name and points for it are kept: outputs and attachments
count for nothing, and may be huge; a figure among them is kept aside. What is left is small enough for nbformat, which
also converts formats 1 to 3.
"""

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from dlm_course.course.grading.handed_in.listing import MEBI, FileLimits
from dlm_course.course.grading.handed_in.names import printable
from dlm_course.course.grading.handed_in.submissions import LIMITS, Submission, read
from dlm_course.course.questions import questions
from dlm_course.course.student.assemble import NotANotebook, answered, answered_by_cell, parse
from dlm_course.course.topics import TOPICS
from dlm_course.files import NotText, text_of


@dataclass(frozen=True)
class Reading:
    """What a submission holds: a notebook of the topic, or the problem why there is none; and what was settled.

    figures  by question the last PNG that the file shows below the answer, as it is there: nobody has looked into it
    """

    notebook: NotebookNode | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    figures: Mapping[str, bytes] = field(default_factory=dict)


class _Problem(ValueError):
    """Why a file cannot be graded, in words for the student."""


def notebook_of(submission: Submission, topic: str, limits: FileLimits = LIMITS) -> Reading:
    """The submission's notebook, whatever state it is in, or the problem with it. Raises nothing.

    What counts is whether it answers the topic's questions, not what its file is called. What was done to other cells
    costs nothing: checks deleted or edited, metadata stripped, cells reordered, outputs forged, points changed.
    """
    submission = read(submission, limits)
    if submission.content is None:
        return Reading(None, submission.problem, submission.notes)
    notes = list(submission.notes)
    try:
        notebook, shown = _parsed(submission.content, limits, notes)
        _settle(notebook, topic, submission.topic, notes)
    except (_Problem, NotText, NotANotebook) as error:
        return Reading(None, f"{submission.file}: {printable(str(error))}", tuple(notes))
    except Exception as error:  # whatever nobody thought of: the next submission must be graded
        reason = printable(f"{type(error).__name__}: {' '.join(str(error).split())}", 200)
        return Reading(None, f"{submission.file}: could not be read ({reason})", tuple(notes))
    return Reading(notebook, "", tuple(notes), _figures(notebook, topic, shown))


def _parsed(content: bytes, limits: FileLimits, notes: list[str]) -> tuple[NotebookNode, list[bytes | None]]:
    """The notebook, and the PNG that each of its cells shows."""
    if len(content) > limits.size:
        raise _Problem(f"is too large: {len(content) / MEBI:.1f} MiB, at most {limits.size / MEBI:g} MiB are read")
    text = text_of(content)
    if not text.strip():
        raise _Problem("is empty; was it saved?")
    raw = _json(text, limits)
    if not isinstance(raw, dict):
        raise _Problem(f"is not a notebook: its JSON is a {type(raw).__name__}, not an object")
    lists = [raw.get("cells"), *(sheet.get("cells") for sheet in _dicts(raw.get("worksheets")))]
    count = sum(len(cells) for cells in lists if isinstance(cells, list))
    if count > limits.cells:
        raise _Problem(f"has {count:,} cells; at most {limits.cells:,} are read")
    shown = [_png(cell) for cell in _dicts(raw.get("cells"))]
    for cells in lists:
        for cell in _dicts(cells):
            cell.pop("outputs", None)
            cell.pop("attachments", None)
            if cell.get("cell_type") == "code":
                cell["outputs"] = []
    if raw.get("nbformat") == 4:
        if not isinstance(raw.get("cells"), list):
            raise _Problem("is not a notebook: it has no list of cells")
        _note_kernel(raw.get("metadata"), notes)
        raw = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(map(_slim, _dicts(raw["cells"])))}
    notebook = parse(json.dumps(raw))
    if raw.get("nbformat") != 4:
        notes.append(f"the notebook is of nbformat {raw.get('nbformat', 1)}; it was converted to 4")
    for cell in notebook.cells:
        whole = re.sub("[\ud800-\udfff]", "\ufffd", cell.source)
        if whole != cell.source:
            notes.append("half a character (an emoji cut in two?) was replaced by \ufffd in the cell that begins "
                         f"{printable(whole.strip().partition(chr(10))[0], 60)}")
            cell.source = whole
    return notebook, shown


def _json(text: str, limits: FileLimits) -> Any:
    """What the text holds as JSON, neither so much nor so deep that others would wait for it."""
    if sum(map(text.count, "[{,")) > limits.values:
        raise _Problem(f"holds more than {limits.values:,} values; clear the outputs, save, and hand it in again")
    too_deep = _Problem(f"nests more than {limits.nesting} lists and objects in one another; no notebook does")
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        conflict = "; it holds the marks of a merge conflict" if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE) else ""
        raise _Problem(f"is not a notebook: its JSON breaks at line {error.lineno}, column {error.colno} "
                       f"({error.msg}){conflict}; was it saved while being edited by hand, or only in part?") from None
    except RecursionError:
        raise too_deep from None
    level = [raw]
    for _ in range(limits.nesting + 1):
        level = [child for value in level for child in _children(value)]
        if not level:
            return raw
    raise too_deep


def _children(value: object) -> Iterator[Any]:
    """The lists and objects in a list or an object."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in inside if isinstance(child, (dict, list)))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _png(cell: Mapping[str, Any]) -> bytes | None:
    """The last PNG that a cell of nbformat 4 shows."""
    for output in reversed(_dicts(cell.get("outputs"))):
        data = output.get("data")
        png = data.get("image/png") if isinstance(data, dict) else None
        if isinstance(png, list):
            png = "".join(part for part in png if isinstance(part, str))
        if isinstance(png, str):
            with contextlib.suppress(ValueError):
                return base64.b64decode(png)
    return None


def _figures(notebook: NotebookNode, topic: str, shown: Sequence[bytes | None]) -> dict[str, bytes]:
    """By question the last PNG from its answer on, before the next answer."""
    figures: dict[str, bytes] = {}
    question = None
    for id_, png in zip(answered_by_cell(notebook, topic), shown, strict=False):    # older formats show none
        question = id_ or question
        if question and png:
            figures[question] = png
    return figures


def _note_kernel(metadata: object, notes: list[str]) -> None:
    """Notes a kernel that is not Python's; the answers are run as Python whatever it is."""
    metadata = metadata if isinstance(metadata, dict) else {}
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        spec = metadata.get(part)
        language = spec.get(key) if isinstance(spec, dict) else None
        if isinstance(language, str) and language and language.lower() not in ("python", "ipython"):
            notes.append(f"the notebook's kernel is for {printable(language, 40)}; the answers are run as Python")
            return


def _slim(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell with nothing but what counts, and that of the right type."""
    kind = cell.get("cell_type")
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    slim: dict[str, Any] = {"cell_type": kind if kind in ("code", "markdown", "raw") else "raw",
                            "source": source if isinstance(source, str) else "", "metadata": {}}
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(nbgrader, dict):
        slim["metadata"]["nbgrader"] = {key: value for key in ("grade_id", "points")
                                        if isinstance(value := nbgrader.get(key), (str, int, float))}
    if isinstance(cell.get("id"), str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell["id"]):
        slim["id"] = cell["id"]
    return slim | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _settle(notebook: NotebookNode, topic: str, said: str | None, notes: list[str]) -> None:
    """Raises _Problem for the notebook of another topic, or of none; else notes what became of the topic's cells."""
    here = answered(notebook, topic)
    if not here and not any(name.startswith(f"{topic}-") for cell in notebook.cells for name in _names_of(cell)):
        other = max(TOPICS, key=lambda other: len(answered(notebook, other)))
        if answered(notebook, other):
            raise _Problem(f"is the notebook of topic {other} ({TOPICS[other]}), not of {topic} ({TOPICS[topic]})")
        if said != topic:
            raise _Problem("holds no answer to any exercise; an answer stands in its task's own cell, or in one whose "
                           f"first line is `# Task {topic}-1`")
    kinds = {name: cell.cell_type for cell in reversed(notebook.cells) for name in _names_of(cell)}
    points = {name: cell.metadata["nbgrader"].get("points") for cell in notebook.cells for name in _names_of(cell)
              if "points" in cell.metadata.get("nbgrader", {})}
    for question in questions(topic):
        if question.id not in here:
            kind = kinds.get(question.id)
            notes.append(f"{question.id}: its cell is {kind}, not code, so there is no answer" if kind in
                         ("markdown", "raw") else f"{question.id}: no cell holds an answer")
        edited = points.get(f"{question.id}-check", question.points)
        if edited != question.points:
            notes.append(f"{question.id}: its points were changed from {question.points} to "
                         f"{printable(str(edited), 20)}, which counts for nothing")


def _names_of(cell: NotebookNode) -> set[str]:
    """What a cell can be found by: its id and nbgrader's name for it."""
    return {name for name in (cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id")) if name}
