"""Take out of notebooks what merely opening and saving them writes: `python -m dlm_course.course.author.tidy FILE...`

JupyterLab adds the version of the kernel's Python, whether a cell was folded or scrolled, and its own line breaks. No
author has changed these, so no commit should show them.
"""

import argparse
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlm_course.files import write_whole

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("dlm_course", "widgets")            # of a notebook: what `execute` stores
KEPT_OF_CELLS = ("nbgrader", "tags")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """A copy of the notebook with the metadata that the course uses, and no other."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = {**METADATA, **{name: notebook.metadata[name] for name in KEPT if name in notebook.metadata}}
    for cell in notebook.cells:
        cell.metadata = {name: cell.metadata[name] for name in KEPT_OF_CELLS if name in cell.metadata}
    return nbformat.from_dict(notebook)


def tidy_file(path: Path) -> bool:
    """Rewrite the file, as a whole, if it holds more than it should; True if it did."""
    text = path.read_text(encoding="utf-8")
    tidied = nbformat.writes(tidy(nbformat.reads(text, as_version=4))) + "\n"
    if tidied != text:
        write_whole(path, tidied)
    return tidied != text


def main() -> None:
    parser = argparse.ArgumentParser(description="Take out of notebooks what merely opening and saving them writes.")
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        if tidy_file(path):
            print(f"{path}: put back in order")


if __name__ == "__main__":
    main()
