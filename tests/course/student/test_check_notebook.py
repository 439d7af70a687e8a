"""What `dlm-course check` does with a file: whatever it holds, an outcome, and never an exception."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dlm_course.course.questions import questions
from dlm_course.course.student import check_notebook as checking
from dlm_course.course.student.check_notebook import Outcome, check_notebook
from dlm_course.course.student.validate import CouldNotRun
from dlm_course.course.topics import notebook_name
from dlm_course.course.verdict import Verdict

ROOT = Path(__file__).parents[3]
IDS = [question.id for question in questions("01")]
SOLVED = nbformat.read(ROOT / "solutions" / notebook_name("01"), as_version=4)
TEXT = json.dumps(SOLVED, ensure_ascii=False)
PASSED, FAILED = Verdict(IDS[0], "✓"), Verdict(IDS[1], "✗", "wrong")


def test_torch_is_not_waited_for_before_the_notebook_runs():
    """Importing it takes longer than all else that the command does in its own process."""
    code = "import sys; import dlm_course.course.student.check_notebook; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "homework.ipynb"
    path.write_text(TEXT, encoding="utf-8")
    return path


def outcome(monkeypatch, path, what):
    """The outcome where the run gives, or raises, this."""
    def validate(*_):
        if isinstance(what, Exception):
            raise what
        return what
    monkeypatch.setattr(checking, "validate", validate)
    return check_notebook(path)


def test_the_verdicts(monkeypatch, path):
    assert outcome(monkeypatch, path, [PASSED, FAILED]) == Outcome((PASSED, FAILED))
    assert outcome(monkeypatch, path, [PASSED]).passed
    assert not outcome(monkeypatch, path, [PASSED, FAILED]).passed


def test_what_could_not_run_keeps_the_verdicts_that_there_are(monkeypatch, path):
    assert outcome(monkeypatch, path, CouldNotRun("a cell hung", [PASSED])) == \
        Outcome((PASSED,), (), f"{path}: a cell hung")
    assert not outcome(monkeypatch, path, CouldNotRun("a cell hung", [PASSED])).passed


def test_the_notes(monkeypatch, path):
    student = copy.deepcopy(SOLVED)
    student.cells.append(nbformat.v4.new_code_cell("# Task 01-1\nx = 1"))
    nbformat.write(student, path)
    for what in ([PASSED], CouldNotRun("a cell hung", [PASSED])):
        assert len(outcome(monkeypatch, path, what).notes) == 1


def test_a_machine_that_fails_is_named(monkeypatch, path):
    assert outcome(monkeypatch, path, OSError(28, "No space left on device")).problem == \
        f"{path}: could not be checked (OSError: [Errno 28] No space left on device)"


@pytest.mark.parametrize("content", [
    TEXT.encode("utf-8-sig"), TEXT.replace("\n", "\r\n").encode(), json.dumps(SOLVED).encode()],
    ids=["byte-order-mark", "crlf", "escapes"])
def test_texts_that_editors_save_are_read(monkeypatch, path, content):
    path.write_bytes(content)
    assert outcome(monkeypatch, path, [PASSED]).passed


@pytest.mark.parametrize(("encoding", "said"), [
    ("utf-16", "it is UTF-16, not UTF-8 (the > of Windows PowerShell writes UTF-16)"),
    ("utf-32", "it is UTF-32, not UTF-8"), ("utf-16-le", "it holds NUL bytes"), ("utf-16-be", "it holds NUL bytes"),
    ("latin-1", "it is not UTF-8 (byte ")])
def test_texts_in_another_encoding_are_named_with_the_cure(path, encoding, said):
    path.write_bytes(TEXT.replace("✓", "Ü").encode(encoding, "replace"))
    problem = check_notebook(path).problem
    assert problem.startswith(f"{path}: cannot be read: {said}")
    assert problem.endswith("open it in an editor and save it as UTF-8")


def test_half_a_character_is_named_with_its_line(path):
    student = copy.deepcopy(SOLVED)
    cell = next(cell for cell in student.cells if cell.id == IDS[1])
    cell.source += "\n# für \ud83d\nx = 1"
    path.write_text(json.dumps(student))
    assert check_notebook(path).problem == (f"{path}: a cell holds '\\ud83d', half a character (an emoji cut in two?); "
                                            "type its line anew: # für \\ud83d")


def test_half_a_character_in_text_or_output_costs_nothing(monkeypatch, path):
    student = copy.deepcopy(SOLVED)
    student.cells[0].source += "\ud83d"
    student.cells[0].metadata["name"] = student.metadata["name"] = "\ud83d"
    path.write_text(json.dumps(student))
    assert outcome(monkeypatch, path, [PASSED]).passed


def places(value, path=()):
    """The paths of all that a JSON value holds."""
    for key in value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0):
        yield (*path, key)
        yield from places(value[key], (*path, key))


def test_whatever_stands_at_a_place_the_file_is_refused_or_assembled_and_can_be_written(monkeypatch, path):
    """Each value of a small notebook in turn is replaced by what does not belong there."""
    written = []
    monkeypatch.setattr(checking, "validate", lambda assembly, _: written.append(nbformat.writes(assembly.notebook)
                                                                                 .encode()) or [PASSED])
    content = json.loads(TEXT)
    answer = next(cell for cell in content["cells"] if cell["id"] == IDS[0])
    check = next(cell for cell in content["cells"] if cell["id"] == f"{IDS[0]}-check")
    content["cells"] = [content["cells"][0], answer, check]
    refused = 0
    for place in list(places(content)):
        for value in (None, 1, 1.5, True, [], ["a"], [1], {}, {"a": 1}, "", "\ud800", 10**400, float("nan")):
            damaged = json.loads(json.dumps(content))
            inner = damaged
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            path.write_text(json.dumps(damaged))
            problem = check_notebook(path).problem
            assert "could not be checked" not in problem, (place, value)
            refused += bool(problem)
    assert refused > 50
    assert len(written) > 50
