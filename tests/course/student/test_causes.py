"""Why a check printed no verdict: the student reads what did it, once, and not that the answer is wrong."""

import copy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from dlm_course.course.questions import questions
from dlm_course.course.student.assemble import assemble
from dlm_course.course.student.causes import why_no_verdict
from dlm_course.course.student.validate import validate
from dlm_course.course.topics import notebook_name

ROOT = Path(__file__).parents[3]
IDS = [question.id for question in questions("01")]
SOLVED = nbformat.read(ROOT / "solutions" / notebook_name("01"), as_version=4)


def verdicts(folder, *, after="setup", source=None):
    """The verdicts on a right notebook with one more cell, run in the folder."""
    student = copy.deepcopy(SOLVED)
    if source:
        place = [cell.id for cell in student.cells].index(after) + 1
        student.cells.insert(place, new_code_cell(source))
    return [str(verdict) for verdict in validate(assemble(student, "01"), folder)]


def not_judged(reason, first=IDS[0]):
    """The lines of all questions from `first` on: the reason, and then that it is the same."""
    left = IDS[IDS.index(first):]
    return [f"✗ {first}: not judged: {reason}", *(f"✗ {id_}: not judged: the same as for {first}" for id_ in left[1:])]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "reason"), [
    ("check = True", "`check` means something else here (TypeError: 'bool' object is not callable); is it rebound by "
                     "`check = True`? Choose another name there"),
    ("def check(x):\n    return x",
     "`check` means something else here; is it rebound by `def check(x):`? Choose another name there"),
    ("%reset -f", "`check` is no longer defined here; is it removed by `%reset -f`?"),
    ("globals().pop('check');", "`check` is no longer defined here; is it removed by a cell of yours?"),
    ("import io, sys\nsys.stdout = io.StringIO()",
     "its check printed nothing; is sys.stdout, or print, replaced by `sys.stdout = io.StringIO()`?"),
    ("import builtins\nbuiltins.print = lambda *args, **options: None", "its check printed nothing; is sys.stdout, or "
     "print, replaced by `builtins.print = lambda *args, **options: None`?"),
    ("import sys\nsys.stdout.close()",
     "its check raised ValueError: I/O operation on closed file; is that of `sys.stdout.close()`?"),
], ids=["rebound", "redefined", "reset", "removed", "stdout", "print", "closed"])
def test_a_cell_that_takes_the_verdicts_away_is_named_once(tmp_path, source, reason):
    assert verdicts(tmp_path, source=source) == not_judged(reason)


@pytest.mark.slow
def test_the_questions_before_such_a_cell_keep_their_verdicts(tmp_path):
    lines = verdicts(tmp_path, after=f"{IDS[1]}-check", source="subprocess = dict(check=True)\ncheck = None")
    assert lines[:2] == [f"✓ {id_}" for id_ in IDS[:2]]
    assert lines[2:] == not_judged("`check` means something else here (TypeError: 'NoneType' object is not callable); "
                                   "is it rebound by `check = None`? Choose another name there", first=IDS[2])


@pytest.mark.slow
def test_a_setup_cell_that_fails(tmp_path):
    assert verdicts(tmp_path, after="title", source="import sys\nsys.modules['torch'] = None") == not_judged(
        "the set-up cell raised ModuleNotFoundError: import of torch halted; None in sys.modules")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "content", "raised"), [
    ("torch.py", "", "ImportError: cannot import name 'Tensor' from 'torch'"),
    ("torch.py", "raise RuntimeError('mine')", "RuntimeError: mine"),
    ("torch.py", "def helper(:", "SyntaxError: invalid syntax"),
    ("torch/__init__.py", "", "ImportError: cannot import name 'Tensor' from 'torch'"),
    ("lazy_loader.py", "", "AttributeError: module 'lazy_loader' has no attribute"),
], ids=["empty", "raises", "syntax", "package", "dependency"])
def test_a_file_that_shadows_a_module_is_to_be_renamed(tmp_path, name, content, raised):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    (tmp_path / "test.py").write_text("")  # shadows a module, too, but nothing comes of it
    first, *others = verdicts(tmp_path)
    assert first.startswith(f"✗ {IDS[0]}: not judged: the set-up cell raised {raised}")
    shadow = name.partition("/")[0]
    assert first.endswith(f"; {shadow} in the notebook's folder is taken for the module {shadow.partition('.')[0]}: "
                          "rename it")
    assert others == not_judged("")[1:]


def report(raised, traceback=""):
    ran = {"source": "", "printed": "", "message": "", "raised": "", "traceback": ""}
    return {"problems": [], "cells": {"setup": {**ran, "raised": raised, "traceback": traceback},
                                      f"{IDS[0]}-check": {**ran, "raised": "NameError: name 'check' is not defined"}}}


@pytest.mark.parametrize(("name", "raised", "blamed"), [
    ("random.py", "AttributeError: partially initialized module 'random' has no attribute 'Random'", True),
    ("numpy.py", "ModuleNotFoundError: No module named 'numpy.linalg'; 'numpy' is not a package", True),
    ("random.py", "ModuleNotFoundError: No module named 'torch'", False),
    ("check.py", "NameError: name 'check' is not defined", False),
    ("my_tools.py", "ImportError: cannot import name 'f' from 'my_tools'", False),
    ("random.txt", "AttributeError: module 'random' has no attribute 'Random'", False),
])
def test_only_a_file_that_the_exception_names_is_blamed(tmp_path, name, raised, blamed):
    (tmp_path / name).write_text("")
    reason = why_no_verdict(IDS[0], report(raised), tmp_path)
    assert reason.startswith(f"the set-up cell raised {raised}")
    assert reason.endswith(f"{name} in the notebook's folder is taken for the module {name[:-3]}: rename it") is blamed


def test_a_traceback_that_abbreviates_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "numbers.py").write_text("")
    traceback = "\x1b[36mFile \x1b[39m\x1b[32m~/numbers.py:1\x1b[39m"
    assert why_no_verdict(IDS[0], report("ZeroDivisionError: division by zero", traceback), tmp_path).endswith(
        "numbers.py in the notebook's folder is taken for the module numbers: rename it")
