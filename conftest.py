"""How the suite is run: what goes to one worker, the longest first; and each cell of a lecture once more at its end."""

import itertools
import os
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager

ROOT = Path(__file__).parent
AGAIN = ROOT / "tests" / "notebooks" / "again.py"
SECONDS = 6    # for one cell that is run again: an error shows sooner, only trainings run longer

# The longest files, the longest first: started last, one of them would keep a worker busy when the others are done.
LONGEST = ["lectures/09_", "solutions/10_", "exercises/10_", "tests/course/grading/test_grade", "lectures/07_",
           "lectures/06_", "lectures/08_", "tests/course/grading/test_worker", "tests/course/student/test_validate",
           "tests/browser", "tests/model/test_training", "tests/test_types", "lectures/05_",
           "tests/course/author/test_nbgrader"]


def pytest_addoption(parser):
    parser.addoption("--once", action="store_true", help="do not run each cell of a lecture once more at its end")


def pytest_configure(config):
    """Kernels on socket files: a TCP port that is free when it is chosen may be another worker's a moment later."""
    if config.getoption("--nbval", default=False) and os.name == "posix":
        import nbval.kernel

        folder, number = tempfile.TemporaryDirectory(prefix="kernels-"), itertools.count()
        config.add_cleanup(folder.cleanup)
        nbval.kernel.KernelManager = lambda **options: KernelManager(
            transport="ipc", ip=f"{folder.name}/{next(number)}", **options)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if config.getoption("--nbval", default=False) and not config.getoption("--once") and hasattr(os, "fork"):
        _add_each_cell_again(items)
    items.sort(key=lambda item: next((n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start)),
                                     len(LONGEST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores: some tests wait, for a browser, a kernel, a time limit."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With --dist loadfile: a file goes to one worker, but for the exceptions of `_group_of`."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _group_of(nodeid)

    return ByGroup(config, log) if config.getvalue("dist") == "loadfile" else None


def _group_of(nodeid):
    """What goes to one worker, by a test's id."""
    file, _, test = nodeid.partition("::")
    if "10_capstone.ipynb" in file:    # the exercise takes the models that the solution has trained
        return "10_capstone"
    if file.startswith("tests/browser/"):    # one browser and one JupyterLab for all of them
        return "browser"
    topic = re.search(r"\[(\d\d)\b", test)
    return f"{file}, topic {topic[1]}" if file.endswith("test_questions.py") and topic else file


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
        cell = nbformat.v4.new_code_cell("", execution_count=len(cells) + 1, outputs=[
            nbformat.v4.new_output("stream", name="stdout", text="✓ each cell runs again\n")])
        again = IPyNbCell.from_parent(lecture, name="each cell again", cell_num=len(cells), cell=cell,
                                      options=defaultdict(bool, check=True))
        again.again = [item for item in cells if "raises-exception" not in item.cell.metadata.get("tags", [])]
        items.insert(items.index(cells[-1]) + 1, again)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if hasattr(item, "again"):
        names = {"CELLS": {cell.cell.id: (cell.cell.source, getattr(cell, "seconds", 0.0)) for cell in item.again},
                 "SECONDS": SECONDS}
        item.cell.source = f"exec(compile(open({str(AGAIN)!r}).read(), {AGAIN.name!r}, 'exec'), {names!r})"
    start = time.monotonic()
    try:
        return (yield)
    finally:
        item.seconds = time.monotonic() - start
