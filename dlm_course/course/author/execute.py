"""Run notebooks from top to bottom and store their outputs: `python -m dlm_course.course.author.execute FILE...`"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from dlm_course.course.author.tidy import METADATA
from dlm_course.files import write_whole

CELL_TIMEOUT = 600  # seconds; a lecture as a whole takes at most four minutes


class _Client(NotebookClient):
    """interact clears its own output; nbclient would clear the whole cell's."""

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        pass


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """A copy of the notebook with the outputs of a fresh run, its working directory `folder`.

    Raises: nbclient.exceptions.CellExecutionError for a cell that raises, unless it is tagged raises-exception.
    """
    notebook = nbformat.from_dict(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = _Client(notebook, timeout=CELL_TIMEOUT, record_timing=False, kernel_name="python3",
                     resources={"metadata": {"path": str(folder)}})
    # With its registry nbclient intercepts the output of ipywidgets.interact and waits for ever (nbclient #312).
    client.widget_registry = {}
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    notebook.metadata = {
        **METADATA,
        # What was run: images are not compared, so this tells that they are those of the present source.
        "dlm_course": {"source_sha256": source_hash(notebook)},
        **({"widgets": notebook.metadata["widgets"]} if "widgets" in notebook.metadata else {}),
    }
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with prints that follow each other made one: how the kernel cuts them up depends on timing."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else NotebookNode()
        if output.output_type == "stream" and last.get("output_type") == "stream" and last["name"] == output["name"]:
            last["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def source_hash(notebook: NotebookNode) -> str:
    """A checksum of the cells' types and sources."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        digest.update(f"{cell.cell_type}\0{cell.source}\0".encode())
    return digest.hexdigest()


def comparable(notebook: NotebookNode) -> list[tuple[Any, ...]]:
    """What of a notebook must not change unless its source did.

    Everything but images, widget state, and the outputs of cells tagged nbval-ignore-output, which differ from machine
    to machine.
    """
    def outputs(cell: NotebookNode) -> list[dict[str, Any]]:
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            return []
        return [{key: {kind: content for kind, content in value.items() if kind.startswith("text/")}
                 if key == "data" else value for key, value in output.items()} for output in cell.get("outputs", [])]

    return [(cell.cell_type, cell.get("id"), cell.source, cell.metadata, outputs(cell)) for cell in notebook.cells]


def write_if_changed(notebook: NotebookNode, path: Path) -> bool:
    """Write the notebook unless the file holds the same cells, outputs and executed source; True if written.

    The file is replaced as a whole: an interruption leaves the old one.
    """
    if path.exists():
        old = nbformat.read(path, as_version=4)
        if comparable(old) == comparable(notebook) and \
                old.metadata.get("dlm_course") == notebook.metadata.get("dlm_course"):
            return False
    write_whole(path, nbformat.writes(notebook) + "\n")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Run notebooks and store their outputs.")
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        notebook = execute(nbformat.read(path, as_version=4), path.parent)
        print(f"{path}: {'written' if write_if_changed(notebook, path) else 'unchanged'}", flush=True)


if __name__ == "__main__":
    main()
