"""Reset: an untouched exercise notebook from the package's copy, the student's own kept beside it."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlm_course.course.topics import RELEASED, notebook_name
from dlm_course.course.verdict import Verdict
from dlm_course.files import name_for_the_old, write_whole


def untouched(topic: str) -> NotebookNode:
    """The exercise notebook as released, from the package's copy."""
    return with_verdicts(nbformat.read(RELEASED / notebook_name(topic), as_version=4), "○")


def reset(topic: str, exercises: Path) -> Path | None:
    """Put an untouched exercise notebook in place; returns where the old one was kept, None if there was nothing new.

    Raises: ValueError for an unknown topic, OSError where the folder cannot be written.
    """
    path = exercises / notebook_name(topic)
    text = nbformat.writes(untouched(topic)) + "\n"
    kept = None
    if path.exists():
        old = path.read_bytes()
        if old.replace(b"\r\n", b"\n") == text.encode():
            return None
        kept = name_for_the_old(path)
        kept.write_bytes(old)
    write_whole(path, text)
    return kept


def with_verdicts(notebook: NotebookNode, status: str) -> NotebookNode:
    """The notebook with the stored output of every check cell that of the given verdict, ✓ or ○."""
    notebook = nbformat.from_dict(notebook)
    cells = {cell.id: cell for cell in notebook.cells}
    for id_ in cells:
        if check := cells.get(f"{id_}-check"):
            verdict = Verdict(id_, status, "not attempted" if status == "○" else "")
            check.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"{verdict}\n")]
    return notebook
