"""`check`, as a cell of a notebook calls it."""

import pytest
from small_questions import ID, doubling

from dlm_course import check
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
