"""Opening a notebook changes nothing that a commit would show."""

import copy
import json
from pathlib import Path

import nbformat
import pytest

from dlm_course.course.author.tidy import tidy, tidy_file

ROOT = Path(__file__).parents[3]
STORED = [path for folder in ("lectures", "exercises", "solutions") for path in sorted((ROOT / folder).glob("*.ipynb"))]


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_stored_notebooks_are_tidy(path):
    assert nbformat.writes(tidy(nbformat.read(path, as_version=4))) + "\n" == path.read_text(encoding="utf-8")


def test_what_opening_adds_is_taken_out_and_what_was_written_stays(tmp_path):
    stored = STORED[0].read_text(encoding="utf-8")
    opened = json.loads(stored)
    opened["metadata"]["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    opened["metadata"]["language_info"] = {"name": "python", "version": "3.12.1", "file_extension": ".py"}
    opened["cells"][0]["metadata"] = {"jp-MarkdownHeadingCollapsed": True, "editable": True}
    opened["cells"][1]["metadata"]["scrolled"] = True
    path = tmp_path / "lecture.ipynb"
    path.write_text(json.dumps(opened, indent=2), encoding="utf-8")
    assert tidy_file(path)
    assert path.read_text(encoding="utf-8") == stored
    assert not tidy_file(path)


def test_it_changes_no_source_output_tag_or_points():
    notebook = nbformat.read(ROOT / "solutions" / "01_single_token_chains.ipynb", as_version=4)
    before = copy.deepcopy(notebook)
    after = tidy(notebook)
    assert notebook == before
    assert [(cell.source, cell.get("outputs"), cell.metadata) for cell in after.cells] == \
        [(cell.source, cell.get("outputs"), cell.metadata) for cell in before.cells]
