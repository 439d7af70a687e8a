"""`check`, as a cell of a notebook calls it."""

import numpy as np
import pytest
import torch
from small_questions import ID, doubling

from dlm_course import check, passed
from dlm_course.course.questions import questions


def test_check_looks_the_answer_up_by_its_name(capsys, made_up):
    made_up(doubling())
    namespace = {"check": check}
    for source, line in [("", f"○ {ID}: not attempted"), ("double = ...", f"○ {ID}: not attempted"),
                         ("def double(x): return 2 * x", f"✓ {ID}"),
                         ("double = 7", f"✗ {ID}: double is a")]:
        exec(source, namespace)
        assert exec(f'check("{ID}")', namespace) is None
        assert capsys.readouterr().out.startswith(line)


def test_check_tries_what_it_is_given(capsys, made_up):
    made_up(doubling())
    check(ID, lambda x: 2 * x)
    check(ID, None)
    check(ID, lambda x: x)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓", "○", "✗"]


@pytest.mark.parametrize("id_", ["01-9-no-such", "01-1", "", "Task 01-1", 3, None])
def test_an_unknown_id_is_an_error_that_names_the_known_ones(id_):
    with pytest.raises(ValueError, match=r"no question .* was the check cell changed.*01-2-cumulative-matrix"):
        check(id_)


def test_an_unknown_topic_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"no exercises for topic '99'; there are exercises for .*01"):
        questions("99")


@pytest.mark.parametrize("answer", [None, lambda x: x, lambda x: 1 / 0])
def test_under_nbgrader_a_failure_is_raised(answer, made_up, monkeypatch, capsys):
    made_up(doubling())
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match=f"[✗○] {ID}: "):
        check(ID, answer)
    assert capsys.readouterr().out == ""


def test_under_nbgrader_a_passed_check_prints_as_ever(made_up, monkeypatch, capsys):
    made_up(doubling())
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check(ID, lambda x: 2 * x)
    assert capsys.readouterr().out == f"✓ {ID}\n"


def test_a_cell_waits_until_its_tasks_pass(capsys, made_up):
    made_up(doubling())
    namespace = {"check": check, "passed": passed}

    def says(source):
        exec(source, namespace)
        capsys.readouterr()
        exec(f'result = passed("{ID[:4]}")', namespace)
        line = capsys.readouterr().out
        assert (namespace["result"] is None) == bool(line)
        return line

    waits = f"○ this cell waits for task {ID[:4]}: run it when the check says ✓\n"
    assert says("") == waits
    assert says("def double(x): return 2 * x") == waits                            # not checked yet
    assert says(f'check("{ID}")') == ""
    assert says("") == ""                                                          # run again
    assert says("def double(x): return x + x") == waits                            # another answer, not checked yet
    assert says(f'double = lambda x: x\ncheck("{ID}")') == waits
    assert says(f'double = lambda x: 2 * x\ncheck("{ID}")') == ""


@pytest.mark.parametrize("result", ["2 * x", "2 * np.asarray(x)", "(2 * x).float()"])
def test_a_cell_has_tensors_from_the_functions(capsys, made_up, result):
    made_up(doubling())
    namespace = {"check": check, "passed": passed, "np": np}
    exec(f'def double(x): return {result}\ncheck("{ID}")\nyours = passed("{ID[:4]}")', namespace)
    found = namespace["yours"].double(torch.tensor([1.0, 2.0]))
    assert found.tolist() == [2, 4]
    assert found.dtype == torch.float64
    assert namespace["yours"].double(torch.tensor([1])).dtype in (torch.int64, torch.float64)


def test_what_a_cell_waits_for_is_said(capsys):
    namespace = {"passed": passed}
    exec('result = passed("01-1", "01-2-cumulative-matrix")', namespace)
    assert namespace["result"] is None
    assert capsys.readouterr().out == "○ this cell waits for tasks 01-1, 01-2: run it when the check of each says ✓\n"


@pytest.mark.parametrize("task", ["01", "01-9", "", "99-1", "01-1-next"])
def test_a_cell_that_waits_for_what_is_no_task_is_an_error(task):
    with pytest.raises(ValueError, match=r"no question"):
        passed(task)
