"""Notebooks are run as a reader would, and rewritten only where source or text changed."""

import copy
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dlm_course.course.author.execute import comparable, execute, source_hash, write_if_changed


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.id == id_)


def picture(data, text="<Figure>", source="draw()"):
    return new_notebook(cells=[new_code_cell(source, id="a", execution_count=1, outputs=[
        new_output("display_data", {"image/png": data, "text/plain": text})])])


def test_a_file_is_rewritten_only_where_source_or_text_changed(tmp_path):
    path = tmp_path / "file.ipynb"
    assert write_if_changed(picture("AAAA"), path)
    assert not write_if_changed(picture("AAAA"), path)
    assert not write_if_changed(picture("BBBB"), path)
    assert write_if_changed(picture("AAAA", text="<Figure with 2 axes>"), path)
    assert write_if_changed(picture("CCCC", source="draw(2)"), path)
    assert "CCCC" in path.read_text()


def test_a_change_of_the_source_is_never_hidden_by_a_stale_picture(tmp_path):
    """The file's source was edited by hand, and only the picture differs: what was executed tells."""
    path = tmp_path / "file.ipynb"
    old, new = picture("AAAA"), picture("BBBB")
    old.metadata["dlm_course"] = {"source_sha256": "of the old source"}
    new.metadata["dlm_course"] = {"source_sha256": "of the new source"}
    write_if_changed(old, path)
    assert write_if_changed(new, path)


def test_the_source_hash_sees_every_source_and_type_and_no_output():
    base = new_notebook(cells=[new_code_cell("a"), new_markdown_cell("b")])
    others = [new_notebook(cells=cells) for cells in (
        [new_code_cell("a"), new_markdown_cell("c")], [new_code_cell("a"), new_code_cell("b")],
        [new_markdown_cell("b"), new_code_cell("a")], [new_code_cell("ab")], [])]
    assert len({source_hash(notebook) for notebook in [base, *others]}) == 6
    same = new_notebook(cells=[new_code_cell("a", execution_count=3, outputs=[new_output("stream", text="x")]),
                               new_markdown_cell("b")])
    assert source_hash(same) == source_hash(base)


# Execute: one notebook for all of it, run by the command, so that a notebook that hangs fails within a minute

CELLS = {
    "widgets": "import ipywidgets\n@ipywidgets.interact(k=ipywidgets.IntSlider(value=3, min=0, max=9))\n"
               "def double(k):\n    print('twice', k, 'is', 2 * k)",
    "dropdown": "_ = ipywidgets.interact(lambda name: print(name), name=['a', 'b'])",
    "prints": "import sys, time\nfor n in range(20):\n    print(n, flush=True)\n    time.sleep(0.01)",
    "errors": "for n in range(3):\n    print(n, file=sys.stderr, flush=True)\n    time.sleep(0.01)",
    "kinds": "from IPython.display import HTML, display\n"
             "print('before')\ndisplay(HTML('<b>x</b>'))\nprint('after')\n6 * 7",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "raises": "1 / 0",
    "folder": "from pathlib import Path\nprint(Path('data.txt').read_text())",
    "quiet": "x = 1",
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("executed")
    (folder / "data.txt").write_text("beside the notebook")
    cells = [new_code_cell(source, id=id_) for id_, source in CELLS.items()]
    notebook = new_notebook(cells=[new_markdown_cell("# Text", id="text"), *cells],
                            metadata={"authors": ["who"], "kernelspec": {"name": "mine", "display_name": "Mine"}})
    cell_of(notebook, "raises").metadata["tags"] = ["raises-exception"]
    cell_of(notebook, "quiet").outputs = [new_output("stream", text="old")]
    cell_of(notebook, "quiet").execution_count = 99
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    done = subprocess.run([sys.executable, "-m", "dlm_course.course.author.execute", str(path)], timeout=60,
                          check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}: written\n"
    return path


@pytest.fixture
def result(executed):
    return nbformat.read(executed, as_version=4)


def test_interact_does_not_hang_and_shows_its_output(result):
    nbformat.validate(result)
    streams, views = [], []
    for output in cell_of(result, "widgets").outputs:
        (streams if output.output_type == "stream" else views).append(output)
    assert [output["text"] for output in streams] == ["twice 3 is 6\n"]
    assert views[0]["data"]["text/plain"].startswith("interactive(children=(IntSlider(value=3")
    state = result.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert views[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] in state
    assert "IntSliderModel" in [model["model_name"] for model in state.values()]


def test_prints_are_joined(result):
    assert [output["text"] for output in cell_of(result, "prints").outputs] == ["".join(f"{n}\n" for n in range(20))]
    errors = cell_of(result, "errors").outputs
    assert [(output["name"], output["text"]) for output in errors] == [("stderr", "0\n1\n2\n")]


def test_no_output_is_dropped(result):
    kinds = cell_of(result, "kinds").outputs
    assert [output.output_type for output in kinds] == ["stream", "display_data", "stream", "execute_result"]
    assert kinds[0]["text"] == "before\n"
    assert kinds[1]["data"]["text/html"] == "<b>x</b>"
    assert kinds[2]["text"] == "after\n"
    assert kinds[3]["data"]["text/plain"] == "42"
    assert "image/png" in cell_of(result, "picture").outputs[0]["data"]
    assert cell_of(result, "raises").outputs[0]["ename"] == "ZeroDivisionError"
    assert cell_of(result, "folder").outputs[0]["text"] == "beside the notebook\n"


def test_old_outputs_and_counts_are_gone(result):
    assert cell_of(result, "quiet").outputs == []
    assert [cell.execution_count for cell in result.cells if cell.cell_type == "code"] == list(range(1, len(CELLS) + 1))


def test_no_timing_and_nothing_of_the_machine_is_stored(result):
    assert {cell.id: cell.metadata for cell in result.cells if cell.metadata} == {
        "raises": {"tags": ["raises-exception"]}}
    assert set(result.metadata) == {"kernelspec", "language_info", "dlm_course", "widgets"}
    assert result.metadata["kernelspec"]["name"] == "python3"
    assert result.metadata["language_info"] == {"name": "python"}
    assert result.metadata["dlm_course"] == {"source_sha256": source_hash(result)}


@pytest.mark.slow
def test_nbval_passes_on_it(executed):
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
                           f"--rootdir={executed.parent}", str(executed)], cwd=executed.parent, timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CELLS)} passed" in done.stdout


@pytest.mark.slow
def test_a_second_run_changes_nothing(executed, result):
    """Widgets have new ids each time; the text is the same."""
    again = execute(result, executed.parent)
    assert comparable(again) == comparable(result)
    assert not write_if_changed(again, executed)


def test_widget_state_of_an_earlier_run_does_not_stay(executed, result):
    """The cells with widgets are gone: so is what they stored."""
    result.cells = [cell for cell in result.cells if cell.id == "quiet"]
    assert "widgets" not in execute(result, executed.parent).metadata


@pytest.mark.parametrize("source", ["print('before')\n_ = interact(show, k=(0, 2))",
                                    "_ = interact(show, k=(0, 2))\n_ = interact(show, k=(4, 6))"],
                         ids=["print", "another"])
def test_interact_does_not_drop_what_stood_before_it(tmp_path, source):
    """It clears its own output area; nbval, which shows none, sees everything that the cell gave."""
    notebook = new_notebook(cells=[
        new_code_cell("from ipywidgets import interact\ndef show(k): print(k)"), new_code_cell(source)])
    outputs = execute(notebook, tmp_path).cells[1].outputs
    text = "".join(output.get("text", "") for output in outputs)
    assert text == ("before\n1\n" if "before" in source else "1\n5\n")
    assert len([output for output in outputs if output.output_type == "display_data"]) == source.count("interact")


def test_a_cell_that_raises_is_an_error_and_what_was_handed_over_stays_as_it_is(tmp_path):
    notebook = new_notebook(cells=[new_code_cell("print(1)", outputs=[new_output("stream", text="old")]),
                                   new_code_cell("1 / 0")])
    before = copy.deepcopy(notebook)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(notebook, tmp_path)
    assert notebook == before
