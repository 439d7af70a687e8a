"""How the suite is run: what goes to one worker, the longest first; and each cell of a lecture once more at its end."""

import os
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent
AGAIN = ROOT / "tests" / "notebooks" / "again.py"
SECONDS = 20    # for one cell that is run again: what it would fail of shows before; longer are the trainings alone

# The longest files, the longest first: started last, one of them would keep a worker busy when the others are done.
LONGEST = ["lectures/09_", "solutions/10_", "exercises/10_", "lectures/07_", "lectures/06_", "lectures/08_",
           "tests/course/student/test_validate", "tests/browser", "tests/model/test_training", "tests/test_types",
           "lectures/05_", "tests/course/author/test_nbgrader"]


def pytest_addoption(parser):
    parser.addoption("--once", action="store_true", help="do not run each cell of a lecture once more at its end")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if config.getoption("--nbval", default=False) and not config.getoption("--once") and hasattr(os, "fork"):
        _add_each_cell_again(items)
    for item in items:    # with --dist loadgroup: a file goes to one worker, unless its tests say otherwise
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(_group_of(item)))
    items.sort(key=lambda item: next((n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start)),
                                     len(LONGEST)))


def _group_of(item):
    if "10_capstone.ipynb" in item.nodeid:    # the exercise takes the models that the solution has trained
        return "10_capstone"
    return item.nodeid.partition("::")[0]


def _add_each_cell_again(items):
    """After the last cell of each lecture a test that `tests/notebooks/again.py` gives, in the lecture's kernel."""
    from nbval.plugin import IPyNbCell

    cells_of = defaultdict(list)
    for item in items:
        if isinstance(item, IPyNbCell) and item.path.parent == ROOT / "lectures":
            cells_of[item.parent].append(item)
    for lecture, cells in cells_of.items():
        if len(cells) < sum(cell.cell_type == "code" for cell in lecture.nb.cells):    # only some were asked for
            continue
        sources = {item.cell.id: item.cell.source for item in cells
                   if "raises-exception" not in item.cell.metadata.get("tags", [])}
        names = {"CELLS": sources, "SECONDS": SECONDS}
        said = f"✓ each of the {len(sources)} cells runs again\n"
        cell = nbformat.v4.new_code_cell(
            f"exec(compile(open({str(AGAIN)!r}).read(), {AGAIN.name!r}, 'exec'), {names!r})",
            execution_count=len(cells) + 1, outputs=[nbformat.v4.new_output("stream", name="stdout", text=said)])
        again = IPyNbCell.from_parent(lecture, name="each cell again", cell_num=len(cells), cell=cell,
                                      options=defaultdict(bool, check=True))
        items.insert(items.index(cells[-1]) + 1, again)
