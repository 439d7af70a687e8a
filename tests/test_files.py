"""Files are written as a whole."""

import stat

import pytest

from dlm_course.files import write_whole


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["os.fdopen", "pathlib.Path.chmod", "pathlib.Path.replace"])
def test_an_interruption_leaves_the_old_file(tmp_path, monkeypatch, where):
    path = tmp_path / "file.ipynb"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_text_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.ipynb"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new " * 100_000 + "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_keeps_its_mode_and_a_new_one_can_be_read_by_all(tmp_path):
    path = tmp_path / "deep" / "er" / "file.ipynb"
    write_whole(path, "text with ✓\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == "new"
