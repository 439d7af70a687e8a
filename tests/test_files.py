"""Texts that people saved are read, or named with the cure; files are written as a whole."""

import stat

import pytest

from dlm_course.files import NotText, text_of, write_whole


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_with_and_without_a_byte_order_mark_its_line_ends_as_they_are(encoding):
    assert text_of("✓ Ü\r\n😀".encode(encoding)) == "✓ Ü\r\n😀"
    assert text_of("".encode(encoding)) == ""


@pytest.mark.parametrize(("content", "said"), [
    ("text".encode("utf-16"), "it is UTF-16, not UTF-8"), (b"\xfe\xff" + "中".encode("utf-16-be"), "it is UTF-16"),
    ("text".encode("utf-32"), "it is UTF-32, not UTF-8"), ("text".encode("utf-16-le"), "it holds NUL bytes"),
    (b"PK\0\1", "it holds NUL bytes: a binary file"), ("für".encode("latin-1"), "it is not UTF-8 .byte 1"),
    ("\ud800".encode("utf-8", "surrogatepass"), "it is not UTF-8 .byte 0")])
def test_what_is_no_text_in_utf8_is_named_with_the_cure(content, said):
    with pytest.raises(NotText, match=f"^{said}.*open it in an editor and save it as UTF-8$"):
        text_of(content)
