"""notebooks.py: whatever a student handed in is a notebook of the topic, or a problem in words; nothing raises."""

import copy
import json
import time
from dataclasses import replace

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell
from small_submissions import NAME, OTHER_SOLVED, SOLVED, TOPIC

from dlm_course.course.grading.handed_in import notebooks
from dlm_course.course.grading.handed_in.notebooks import notebook_of
from dlm_course.course.grading.handed_in.submissions import LIMITS, Submission
from dlm_course.course.questions import questions
from dlm_course.course.student.assemble import assemble
from dlm_course.course.topics import RELEASED

IDS = [question.id for question in questions(TOPIC)]
FIRST, SECOND = IDS[:2]
NOTEBOOK = json.loads(SOLVED)
ANSWERS = {cell["id"]: "".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["id"] in IDS}
STUBS = {cell.id: cell.source for cell in nbformat.read(RELEASED / NAME, as_version=4).cells if cell.id in IDS}


def reading(content, said=TOPIC, **limits):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return notebook_of(Submission("ada", said, f"ada/{NAME}", content), TOPIC, replace(LIMITS, **limits))


def problem(content, said=TOPIC, **limits):
    found = reading(content, said, **limits)
    assert found.notebook is None
    assert found.problem.startswith(f"ada/{NAME}: ")
    assert len(found.problem.splitlines()) == 1
    assert len(found.problem) < 500
    return found.problem.removeprefix(f"ada/{NAME}: ")


def answers(found):
    """The sources that are run for each question, the stub where there is none."""
    assert found.problem == ""
    cells = {cell.id: cell.source for cell in assemble(found.notebook, TOPIC).notebook.cells}
    return {id_: cells[id_] for id_ in IDS}


def changed(change):
    """The solved notebook after a change of its cells by id, or of the whole."""
    notebook = copy.deepcopy(NOTEBOOK)
    change(notebook, {cell["id"]: cell for cell in notebook["cells"]})
    return notebook


def shown(png):
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": png}}


@pytest.mark.parametrize("png", ["QQ==", ["Q", "Q=="], "QQ==\n"], ids=str)
def test_the_last_png_below_an_answer_is_kept_aside(png):
    def draws(notebook, cells):
        cells[FIRST]["outputs"] = [shown("Qg=="), shown(png), {"output_type": "stream", "name": "stdout", "text": "x"}]
        own = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "plt.show()", "outputs": [shown("Qw==")]}
        place = notebook["cells"].index(cells[f"{SECOND}-check"])
        notebook["cells"].insert(place + 1, own)
        notebook["cells"].insert(0, {**own, "id": "above"})
    found = reading(changed(draws))
    assert found.figures == {FIRST: b"A", SECOND: b"C"}
    assert "QQ==" not in nbformat.writes(found.notebook)


@pytest.mark.parametrize("outputs", [None, "x", [None], [{}], [{"data": None}], [{"data": {"image/png": None}}],
                                     [{"data": {"image/png": [1]}}], [{"data": {"image/png": "\ud800"}}],
                                     [{"data": {"image/png": "ä"}}], [{"data": {"image/png": "A"}}]], ids=str)
def test_outputs_that_are_none_show_no_figure(outputs):
    found = reading(changed(lambda notebook, cells: cells[FIRST].update(outputs=outputs)))
    assert found.problem == ""
    assert not any(found.figures.values())


def of_cells(cells, **more):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells} | more


def test_a_solved_notebook_is_read_without_a_note():
    found = reading(SOLVED)
    assert answers(found) == ANSWERS
    assert found.notes == ()
    nbformat.validate(found.notebook)


def test_an_untouched_notebook_holds_the_stubs():
    found = reading((RELEASED / NAME).read_bytes())
    assert (answers(found), found.notes) == (STUBS, ())


# What is no notebook of the topic

@pytest.mark.parametrize(("content", "said"), [
    (b"", "is empty; was it saved?"), (b" \n\t ", "is empty"), (b"\xef\xbb\xbf", "is empty"),
    (b"not a notebook", "is not a notebook: its JSON breaks at line 1, column 1"),
    (SOLVED[:3000], "its JSON breaks at line"),
    (b"<<<<<<< HEAD\n" + SOLVED, "it holds the marks of a merge conflict"),
    (b"[]", "its JSON is a list, not an object"), (b"3", "its JSON is a int"), (b"null", "its JSON is a NoneType"),
    (b'"text"', "its JSON is a str"), (b"{}", "not a notebook"), (b'{"nbformat": 4}', "it has no list of cells"),
    (json.dumps(of_cells({})).encode(), "it has no list of cells"),
    (json.dumps(of_cells([], nbformat=5)).encode(), "not a notebook (NBFormatError: Unsupported nbformat version 5)"),
    (json.dumps(of_cells([], nbformat="four")).encode(), "not a notebook"),
    (json.dumps(of_cells([], nbformat=[4])).encode(), "not a notebook"),
    (json.dumps({"nbformat": 3, "worksheets": 7}).encode(), "not a notebook"),
    (SOLVED.decode().encode("utf-16"), "it is UTF-16, not UTF-8"),
    (SOLVED.decode().encode("utf-16-le"), "it holds NUL bytes"),
    ("für".encode("latin-1") + SOLVED, "it is not UTF-8 (byte 1)"),
    (b"\x89PNG\r\n\x1a\n\0", "it holds NUL bytes: a binary file"),
    (b'{"a": ' + b"9" * 5000 + b"}", "could not be read (ValueError"),
], ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else "")
def test_a_file_that_is_no_notebook(content, said):
    assert said in problem(content)


@pytest.mark.parametrize("content", [
    b"[" * 100_000, b'{"a":' * 100_000, b"[" * 200 + b"]" * 200,
    b'{"nbformat": 4, "metadata": ' + b'{"a":' * 150 + b"1" + b"}" * 150 + b', "cells": []}'])
def test_deeply_nested_json(content):
    assert problem(content) == "nests more than 100 lists and objects in one another; no notebook does"


def test_the_limits():
    many = of_cells([{"cell_type": "code", "source": "x", "metadata": {}, "outputs": []}] * 11)
    assert problem(many, cells=10) == "has 11 cells; at most 10 are read"
    assert "holds no answer" in problem(many, None, cells=11)
    old = {"nbformat": 3, "worksheets": [{"cells": many["cells"][:6]}, {"cells": many["cells"][:5]}]}
    assert problem(old, cells=10) == "has 11 cells; at most 10 are read"
    assert "holds more than 1,000 values; clear the outputs" in problem(b"[" + b"1," * 1000 + b"1]", values=1000)
    assert "is too large: 0.0 MiB" in problem(SOLVED, size=1000)


def test_another_assignments_notebook_is_named_whatever_its_file_is_called():
    for said in (TOPIC, "02", None):
        assert problem(OTHER_SOLVED, said) == \
            "is the notebook of topic 02 (uniform_vs_absorbing), not of 01 (single_token_chains)"


def test_a_notebook_of_no_exercise_is_refused_unless_its_name_says_the_topic():
    nothing = of_cells([{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}])
    for said in (None, "02"):
        assert "holds no answer to any exercise" in problem(nothing, said)
    found = reading(nothing)
    assert answers(found) == STUBS
    assert found.notes == tuple(f"{id_}: no cell holds an answer" for id_ in IDS)


def test_one_answer_to_the_topic_is_enough_among_those_of_another():
    mixed = json.loads(OTHER_SOLVED)
    mixed["cells"].append({"cell_type": "code", "source": ANSWERS[FIRST], "metadata": {}, "outputs": []})
    assert answers(reading(mixed, "02")) == STUBS | {FIRST: ANSWERS[FIRST]}


# What was done to the notebook

def of_version_3(sources, outputs=()):
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "collapsed": False, "metadata": {},
                                    "prompt_number": 1, "input": source, "outputs": list(outputs)}
                                   for source in sources]}]}


def test_format_3_is_converted():
    found = reading(of_version_3(ANSWERS.values(), [{"output_type": "pyout", "text": "1"}]), None)
    assert answers(found) == ANSWERS
    assert found.notes == ("the notebook is of nbformat 3; it was converted to 4",)


@pytest.mark.parametrize("spec", [
    {"kernelspec": {"name": "ir", "language": "R"}}, {"language_info": {"name": "R"}},
    {"kernelspec": {"name": "ir"}, "language_info": {"name": "R"}}])
def test_another_kernel_is_noted_and_the_answers_are_run_as_python(spec):
    found = reading(NOTEBOOK | {"metadata": spec})
    assert answers(found) == ANSWERS
    assert found.notes == ("the notebook's kernel is for R; the answers are run as Python",)


@pytest.mark.parametrize("spec", [{}, None, 7, {"kernelspec": None}, {"kernelspec": {"language": 3}},
                                  {"kernelspec": {"name": "my-env", "language": "Python"}}])
def test_kernels_that_are_python_or_nothing(spec):
    found = reading(NOTEBOOK | {"metadata": spec})
    assert (answers(found), found.notes) == (ANSWERS, ())


def test_duplicate_ids():
    def change(notebook, cells):
        for cell in notebook["cells"]:
            cell["id"] = "same"
    found = reading(changed(change))
    assert (answers(found), found.notes) == (ANSWERS, ())   # nbgrader's names are still there
    assert len({cell.id for cell in found.notebook.cells}) == len(found.notebook.cells)


@pytest.mark.parametrize("ids", ["bad id!", "", "x" * 65, 7, None, [], {"a": 1}])
def test_ids_that_are_none(ids):
    def change(notebook, cells):
        for cell in notebook["cells"]:
            cell["id"] = ids
    assert answers(reading(changed(change))) == ANSWERS


def test_a_duplicated_answer_and_one_split_in_two_are_read_as_they_are():
    def change(notebook, cells):
        place = notebook["cells"].index(cells[FIRST])
        notebook["cells"].insert(place, {**cells[FIRST], "id": "copy", "source": f"# Task {FIRST[:4]}\nhelper = 1"})
    found = reading(changed(change))
    assembly = assemble(found.notebook, TOPIC)
    assert assembly.answers[FIRST].source == ANSWERS[FIRST]
    assert assembly.answers[FIRST].before == (f"# Task {FIRST[:4]}\nhelper = 1",)
    assert assembly.notes == (f"{FIRST}: 2 cells hold an answer; the last one that is not the stub is taken",)


def test_deleted_checks_cost_nothing():
    def change(notebook, cells):
        notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].endswith("-check")]
    found = reading(changed(change))
    assert (answers(found), found.notes) == (ANSWERS, ())


def test_a_deleted_answer_is_noted():
    found = reading(changed(lambda notebook, cells: notebook["cells"].remove(cells[FIRST])))
    assert answers(found) == ANSWERS | {FIRST: STUBS[FIRST]}
    assert found.notes == (f"{FIRST}: no cell holds an answer",)


def test_all_metadata_stripped():
    def change(notebook, cells):
        notebook["metadata"] = {}
        for cell in notebook["cells"]:
            cell.pop("id")
            cell["metadata"] = {}
    found = reading(changed(change), None)
    assert (answers(found), found.notes) == (ANSWERS, ())


def test_reordered_cells():
    found = reading(changed(lambda notebook, cells: notebook["cells"].reverse()))
    assert (answers(found), found.notes) == (ANSWERS, ())


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_code_turned_to_text_is_noted_and_is_no_answer(kind):
    def change(notebook, cells):
        cells[FIRST]["cell_type"] = kind
    found = reading(changed(change))
    assert answers(found) == ANSWERS | {FIRST: STUBS[FIRST]}
    assert found.notes == (f"{FIRST}: its cell is {kind}, not code, so there is no answer",)


def test_all_code_turned_to_text_is_still_the_topics():
    def change(notebook, cells):
        for cell in notebook["cells"]:
            cell["cell_type"] = "markdown"
    assert answers(reading(changed(change), None)) == STUBS


def test_edited_points_are_noted():
    def change(notebook, cells):
        cells[f"{FIRST}-check"]["metadata"]["nbgrader"]["points"] = 1000
    found = reading(changed(change))
    assert answers(found) == ANSWERS
    points = questions(TOPIC)[0].points
    assert found.notes == (f"{FIRST}: its points were changed from {points} to 1000, which counts for nothing",)


def test_outputs_and_attachments_do_not_even_come_in():
    def change(notebook, cells):
        for cell in notebook["cells"]:
            cell["attachments"] = {"a.png": {"image/png": "AAAA"}}
            if cell["cell_type"] == "code":
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"✓ {FIRST}\n" * 1000}, 7, None]
                cell["execution_count"] = "forged"
    found = reading(changed(change))
    assert answers(found) == ANSWERS
    assert all(cell.get("outputs", []) == [] and "attachments" not in cell for cell in found.notebook.cells)


@pytest.mark.parametrize("damage", [None, "mine", [], {}, {"nbgrader": None}, {"nbgrader": {"grade_id": [1]}},
                                    {"nbgrader": {"grade_id": None, "points": float("nan")}}])
def test_damaged_metadata_of_cells(damage):
    def change(notebook, cells):
        for cell in notebook["cells"]:
            cell["metadata"] = damage
    assert answers(reading(changed(change))) == ANSWERS


@pytest.mark.parametrize("key", ["cell_type", "metadata", "source", "outputs", "id", "execution_count"])
def test_a_cell_that_lacks_a_part(key):
    found = reading(changed(lambda notebook, cells: cells["setup"].pop(key)))
    assert answers(found) == ANSWERS


@pytest.mark.parametrize("source", [None, 7, {"a": 1}, ["a", 7, None], ["def f():\n", "    pass\n"]])
def test_sources_of_any_type(source):
    def change(notebook, cells):
        notebook["cells"] += [{**cells["setup"], "id": "own", "source": source}, "no cell", None, 7]
    assert answers(reading(changed(change))) == ANSWERS


def test_half_a_character_is_replaced_and_noted_and_no_other_answer_suffers():
    def change(notebook, cells):
        cells[FIRST]["source"] = f"# Task {FIRST[:4]}\nx = '\ud83d'"
    found = reading(changed(change))
    assert answers(found) == ANSWERS | {FIRST: f"# Task {FIRST[:4]}\nx = '\ufffd'"}
    assert found.notes == ("half a character (an emoji cut in two?) was replaced by \ufffd in the cell that begins "
                           f"# Task {FIRST[:4]}",)


def test_utf8_with_a_byte_order_mark():
    assert answers(reading(b"\xef\xbb\xbf" + SOLVED)) == ANSWERS


# Whatever comes

def test_a_submission_is_read_if_it_was_not(tmp_path):
    found = notebook_of(Submission("ada", None, "x", None, "x is a symbolic link", ("note",)), TOPIC)
    assert (found.notebook, found.problem, found.notes) == (None, "x is a symbolic link", ("note",))


def test_notes_on_the_submission_stay(monkeypatch):
    submission = Submission("ada", TOPIC, "x.ipynb", SOLVED, "", ("2 files were handed in",))
    assert notebook_of(submission, TOPIC).notes == ("2 files were handed in",)
    monkeypatch.setattr(notebooks, "parse", lambda text: 1 / 0)
    found = notebook_of(submission, TOPIC)
    assert found.problem == "x.ipynb: could not be read (ZeroDivisionError: division by zero)"
    assert found.notes == ("2 files were handed in",)


JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["cells", "nbformat", "metadata", "source", "cell_type", "id", "nbgrader"]) |
                        st.text(max_size=3), inner, max_size=5), max_leaves=20)


@given(JSON, st.sampled_from([1, 2, 3, 4]))
def test_any_json_is_read_or_refused(value, version):
    for content in (value, of_cells(value, nbformat=version), of_cells([value, value], nbformat=version),
                    of_cells([{"cell_type": "code", "source": value, "metadata": value, "id": value}]),
                    {"nbformat": version, "worksheets": value}, {"nbformat": 3, "worksheets": [{"cells": [value]}]}):
        found = reading(json.dumps(content).encode(), None)
        assert (found.notebook is None) == bool(found.problem)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    assert reading(content).problem or not content.strip()


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_most_that_the_limits_allow_takes_seconds(number):
    """What nobody's submission may do: keep all others waiting."""
    output = {"output_type": "stream", "name": "stdout", "text": "x"}
    cell = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [output] * 100, "id": "same"}
    content = [of_cells([cell] * 2000), of_cells([dict(cell, source="#" * 9000)] * 2000),
               of_version_3(["x = 1"] * 2000, [output] * 100)][number]
    start = time.monotonic()
    reading(content, None)
    assert time.monotonic() - start < 30


@pytest.mark.slow
def test_own_cells_without_end_are_assembled_in_time():
    notebook = nbformat.from_dict(json.loads(SOLVED))
    notebook.cells += [new_code_cell(f"x = {n}") for n in range(1900)]
    start = time.monotonic()
    assemble(reading(notebook).notebook, TOPIC)
    assert time.monotonic() - start < 20
