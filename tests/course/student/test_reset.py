"""Reset gives the exercise as released, and nothing of a student's is lost."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.course.author.execute import comparable
from dlm_course.course.questions import questions
from dlm_course.course.student import reset as resetting
from dlm_course.course.student.reset import reset, untouched
from dlm_course.course.topics import RELEASED, TOPICS, notebook_name

ROOT = Path(__file__).parents[3]
NAME = notebook_name("01")
IDS = [question.id for question in questions("01")]


def stored(folder, topic="01"):
    return nbformat.read(folder / notebook_name(topic), as_version=4)


def cell_of(notebook, id_):
    return next(cell for cell in notebook.cells if cell.id == id_)


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("topic", TOPICS)
def test_reset_gives_the_stored_exercise_byte_for_byte(tmp_path, topic):
    assert reset(topic, tmp_path / "exercises") is None
    name = notebook_name(topic)
    assert (tmp_path / "exercises" / name).read_bytes() == (ROOT / "exercises" / name).read_bytes()
    assert [path.name for path in (tmp_path / "exercises").iterdir()] == [name]


def test_reset_does_nothing_to_an_untouched_file(tmp_path):
    path = tmp_path / NAME
    shutil.copy(ROOT / "exercises" / NAME, path)
    os.utime(path, (1, 1))
    assert reset("01", tmp_path) is None
    assert path.stat().st_mtime == 1
    assert list(tmp_path.iterdir()) == [path]


EDITED = nbformat.writes(stored(ROOT / "solutions")).encode()


@pytest.mark.parametrize("content", [EDITED, b"", b"not a notebook", b"\xff\xfe\x00 no text", b"{}\r\nof Windows\r\n"],
                         ids=["edited", "empty", "text", "bytes", "crlf"])
def test_reset_keeps_the_old_file(tmp_path, content):
    path = tmp_path / NAME
    path.write_bytes(content)
    kept = reset("01", tmp_path)
    assert kept.parent == tmp_path
    assert kept.suffix == ".ipynb"
    assert kept.read_bytes() == content
    assert path.read_bytes() == (ROOT / "exercises" / NAME).read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([path, kept])


def test_reset_never_overwrites_an_earlier_backup(tmp_path):
    path = tmp_path / NAME
    kept = []
    for number in range(3):
        path.write_text(f"try {number}")
        kept.append(reset("01", tmp_path))
        assert reset("01", tmp_path) is None
    assert len(set(kept)) == 3
    assert [file.read_text() for file in kept] == ["try 0", "try 1", "try 2"]


def test_reset_that_is_interrupted_has_lost_nothing(tmp_path, monkeypatch):
    path = tmp_path / NAME
    path.write_text("mine")
    monkeypatch.setattr(resetting, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reset("01", tmp_path)
    assert path.read_text() == "mine"


def test_reset_refuses_a_topic_without_exercises(tmp_path):
    with pytest.raises(ValueError, match="no exercises for topic '99'"):
        reset("99", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_reset_command_says_where_the_old_file_is(tmp_path, monkeypatch):
    (tmp_path / "lectures").mkdir()
    (tmp_path / "exercises").mkdir()
    monkeypatch.chdir(tmp_path / "lectures")
    (tmp_path / "exercises" / NAME).write_text("mine")
    first, second, wrong = (CliRunner().invoke(app, ["reset", topic]) for topic in ("01", "01", "99"))
    assert first.output == f"exercises/{NAME} is as released; yours is kept as {Path(NAME).stem}.old-1.ipynb\n"
    assert second.output == f"exercises/{NAME} is as released\n"
    assert [first.exit_code, second.exit_code, wrong.exit_code] == [0, 0, 2]
    assert "no exercises for topic '99'" in wrong.stderr


def test_untouched_is_the_exercise_and_the_package_keeps_its_copy():
    assert comparable(untouched("01")) == comparable(stored(ROOT / "exercises"))
    assert cell_of(stored(RELEASED), f"{IDS[0]}-check").outputs[0]["text"].startswith("✓")
