"""Files: read the text that people saved, write files whole."""

import codecs
import os
import tempfile
from pathlib import Path

_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",  # before UTF-16, whose mark begins the same
          codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class NotText(ValueError):
    """The content of a file is no text in UTF-8: the message says what it is, and the cure."""


def text_of(content: bytes) -> str:
    """The text of a file that a person saved: UTF-8, a byte order mark is dropped, line ends stay as they are.

    Raises: NotText.
    """
    cure = "open it in an editor and save it as UTF-8"
    for mark, kind in _MARKS.items():
        if content.startswith(mark):
            raise NotText(f"it is {kind}, not UTF-8 (the > of Windows PowerShell writes UTF-16); {cure}")
    if b"\0" in content:
        raise NotText(f"it holds NUL bytes: a binary file, or text in UTF-16; if it is text, {cure}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText(f"it is not UTF-8 (byte {error.start}); {cure}") from error


def name_for_the_old(path: Path) -> Path:
    """A name beside the file that nothing has, under which its old content can be kept: words.old-1.csv."""
    number = 1
    while (kept := path.with_name(f"{path.stem}.old-{number}{path.suffix}")).exists():
        number += 1
    return kept


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Replace the file at once, the old one or the new one, never half of one; text is written as UTF-8.

    An interruption leaves the old file, and no other.
    """
    path = Path(path).resolve()  # what a link points to, not the link
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
