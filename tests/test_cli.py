"""The command line on terminals whose code page lacks characters: every command prints, none ends in a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.course.topics import notebook_name

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("dlm-course")

# As on Windows, on a bare console, and in the C locale where Python is told not to think better of it.
TERMINALS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(params=[name if name == "cp1252" else pytest.param(name, marks=pytest.mark.slow) for name in TERMINALS])
def run(request, tmp_path):
    """Run the command on the terminal: its exit code, stdout and stderr."""
    def run(*arguments):
        variables = TERMINALS[request.param]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "LC_ALL")}
        done = subprocess.run([COMMAND, *map(str, arguments)], cwd=tmp_path, env={**environment, **variables},
                              capture_output=True, timeout=300, check=False)
        encoding = variables.get("PYTHONIOENCODING", "ascii").partition(":")[0]
        # Replaced is what typer writes: where there is ASCII alone it takes UTF-8 for its help and its own errors.
        stdout, stderr = (stream.decode(encoding, "replace") for stream in (done.stdout, done.stderr))
        assert "Traceback" not in stderr
        return done.returncode, stdout, stderr
    return run


@pytest.mark.slow
def test_check(run, tmp_path):
    student = nbformat.read(ROOT / "solutions" / notebook_name("00"), as_version=4)
    id_ = next(cell.id for cell in student.cells if cell.id.endswith("-check")).removesuffix("-check")
    answer = next(cell for cell in student.cells if cell.id == id_)
    nbformat.write(student, tmp_path / "right.ipynb")
    answer.source = "raise ValueError('λ 😀')"
    nbformat.write(student, tmp_path / "wrong.ipynb")
    student.cells.remove(answer)
    nbformat.write(student, tmp_path / "00_open.ipynb")
    code, stdout, stderr = run("check", "right.ipynb", "wrong.ipynb", "00_open.ipynb", "○.ipynb")
    assert code == 2
    assert stdout.splitlines() == [f"ok {id_}", rf"not ok {id_}: its cell raised ValueError: \u03bb \U0001f600",
                                   f"-- {id_}: not attempted"]
    assert stderr.endswith(".ipynb: no such file; check takes a topic (01) or the path of a notebook\n")


@pytest.mark.parametrize("arguments", [("reset", "✓"), ("check", "½"), ("train", "λ.txt"), ("sample", "the λ___"),
                                       ("train", "--depth", "λ"), ("λ",), ("sample", "--checkpoint", "λ.safetensors")],
                         ids=" ".join)
def test_refusals(run, arguments):
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, "")
    assert stderr


def test_help(run):
    code, stdout, stderr = run("sample", "--help")
    assert (code, stderr) == (0, "")
    assert "Text with blanks" in stdout


def test_reset(run, tmp_path):
    for name in ("lectures", "exercises"):
        (tmp_path / name).mkdir()
    assert run("reset", "1")[0] == 0


def test_a_sample_shows_its_blanks(run):
    code, stdout, _ = run("sample", "the ___", "--show-steps", "--seed", "0", "--steps", "4")
    assert code == 0
    assert stdout.splitlines()[0] == "   0  'the ___'"


@pytest.mark.slow
def test_a_model_of_emoji_is_trained_and_writes(run, tmp_path):
    (tmp_path / "text.txt").write_text("😀😁 über λ\n" * 100, encoding="utf-8")
    code, stdout, _ = run("train", "text.txt", "--steps", "2", "--width", "8", "--depth", "1", "--length", "16",
                          "--batch-size", "2")
    assert code == 0
    assert " bits per character on held-out text" in stdout
    code, stdout, _ = run("sample", "--checkpoint", "model.safetensors", "--steps", "4", "--seed", "0")
    assert code == 0
    assert r"\U0001f60" in stdout
    code, stdout, _ = run("sample", "___", "--checkpoint", "model.safetensors", "--show-steps", "--steps", "4")
    assert code == 0
    assert stdout.startswith("   0  '___'\n")


def test_a_folder_with_exercises_alone_is_the_course(tmp_path, monkeypatch):
    """As in a class's repository: `reset 01` puts back the notebook that stands there, and no other."""
    (tmp_path / "exercises").mkdir()
    mine = tmp_path / "exercises" / "01_single_token_chains.ipynb"
    mine.write_text("mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "exercises")
    done = CliRunner().invoke(app, ["reset", "01"])
    assert done.exit_code == 0
    assert (tmp_path / "exercises" / "01_single_token_chains.old-1.ipynb").read_text(encoding="utf-8") == "mine"
    assert mine.read_text(encoding="utf-8").startswith("{")
