"""When nbval has run a lecture to its end, each of its cells is run once more: `tests/notebooks/again.py`."""

import os
from collections import defaultdict
from pathlib import Path

import nbformat

AGAIN = Path(__file__).parent / "tests" / "notebooks" / "again.py"
SECONDS = 20    # for one cell: what it would fail of shows before; longer are the trainings alone


def pytest_collection_modifyitems(items):
    try:
        from nbval.plugin import IPyNbCell, IPyNbFile
    except ImportError:    # the package can be tested without the notebooks
        return
    lectures = {item.parent for item in items if isinstance(item.parent, IPyNbFile)
                and item.path.parent == Path(__file__).parent / "lectures"}
    if not hasattr(os, "fork"):
        return
    for lecture in lectures:
        cells = [item for item in items if item.parent is lecture]
        last = len([cell for cell in lecture.nb.cells if cell.cell_type == "code"]) - 1
        if cells[-1].cell_num != last:    # only some of the cells were asked for
            continue
        sources = {item.cell.id: item.cell.source for item in cells if "raises-exception" not in item.cell.metadata.get(
            "tags", [])}
        code = f"exec(compile(open({str(AGAIN)!r}).read(), {AGAIN.name!r}, 'exec'), " \
               f"{{'CELLS': {sources!r}, 'SECONDS': {SECONDS}}})"
        cell = nbformat.v4.new_code_cell(code, execution_count=last + 2, outputs=[nbformat.v4.new_output(
            "stream", name="stdout", text=f"✓ each of the {len(sources)} cells runs again\n")])
        again = IPyNbCell.from_parent(lecture, name="each cell again", cell_num=last + 1, cell=cell,
                                      options=defaultdict(bool, check=True))
        items.insert(items.index(cells[-1]) + 1, again)
