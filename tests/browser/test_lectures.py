"""The lectures in JupyterLab: readable before a cell is run, and true after Restart & Run All."""

from pathlib import Path

import pytest

from dlm_course.course.author.tidy import tidy_file

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).parents[2]
LECTURE = "lectures/01_single_token_chains.ipynb"


def pictures(notebook):
    """The widths of all pictures that the page shows, 0 for one that did not load."""
    return [image.evaluate("image => image.naturalWidth")
            for image in notebook.page.locator(".jp-Notebook .jp-OutputArea-output img").all()]


def stored_outputs(notebook):
    return [output for cell in notebook.stored for output in cell.get("outputs", [])]


def test_lecture_01_can_be_read_as_it_is_stored(open_notebook):
    notebook = open_notebook(LECTURE)
    assert notebook.complaints() == []
    stored = sum("image/png" in output.get("data", {}) for output in stored_outputs(notebook))
    assert len(pictures(notebook)) == stored > 5
    assert min(pictures(notebook)) > 100
    assert notebook.left_as_typed() == []
    assert notebook.page.locator(".jp-Notebook mjx-container").count() > 50
    assert notebook.elsewhere == []


def test_lecture_01_runs_to_its_end_and_every_claim_holds(open_notebook):
    notebook = open_notebook(LECTURE)
    notebook.restart_and_run_all()
    assert notebook.complaints() == []
    claims = [line for output in stored_outputs(notebook) for line in "".join(output.get("text", "")).splitlines()
              if line.startswith("✓")]
    assert len(claims) > 10
    assert [line for line in notebook.outputs().splitlines() if line.startswith("✓")] == claims
    assert sum("image/png" in output.get("data", {}) for output in stored_outputs(notebook)) == len(pictures(notebook))
    assert min(pictures(notebook)) > 100


def test_opening_and_saving_a_lecture_leaves_nothing_to_commit(open_notebook):
    for name in ("lectures/00_start_here.ipynb", "lectures/02_uniform_vs_absorbing.ipynb"):    # one has widgets
        notebook = open_notebook(name)
        path = notebook.lab.folder / name
        notebook.cell("title").click()
        while '"version":' not in path.read_text(encoding="utf-8"):    # known when the kernel has answered
            notebook.page.keyboard.press("Control+s")
            notebook.page.wait_for_timeout(500)
        assert tidy_file(path)
        assert path.read_bytes() == (ROOT / name).read_bytes()
