"""Spreadsheets: CSV that Excel opens, with text from strangers in it, and what Excel writes back.

A spreadsheet takes a cell that begins with =, +, - or @ for a formula, which may call programs or send data away. Where
commas are decimal signs, Excel splits a file at its semicolons and line ends instead, so a cell may begin there, too.
An apostrophe before it makes it text; `unescape` takes it away again.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dlm_course.files import write_whole

_FORMULA = "[=+\\-@＝＋－＠]"   # Excel reads the wide ones as well
_WITHIN = re.compile(rf"([;\t\r\n])([' \u00a0]*{_FORMULA})")
_WITHIN_ESCAPED = re.compile(rf"([;\t\r\n])'([' \u00a0]*{_FORMULA})")
_AT_START = re.compile(rf"[' \u00a0]*(?:{_FORMULA}|[\t\r\n])")


class TableError(ValueError):
    """A file that is no table, or not the one that is needed; the message says what is missing."""


def escape(text: str) -> str:
    """The text, an apostrophe wherever a spreadsheet would begin a formula."""
    text = _WITHIN.sub(r"\1'\2", text)
    return f"'{text}" if _AT_START.match(text) else text


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    if text.startswith("'") and _AT_START.match(text, 1):
        text = text[1:]
    return _WITHIN_ESCAPED.sub(r"\1\2", text)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write rows as CSV in UTF-8 with a byte order mark, by which Excel knows it; every cell escaped and quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([escape(row.get(column, "")) for column in columns] for row in rows)
    write_whole(path, text.getvalue().encode("utf-8-sig", "backslashreplace"))


def read_table(content: bytes, needed: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table that a spreadsheet saved, each with its number there; every cell is unescaped.

    Commas, semicolons or tabs stand between the cells; the text is in UTF-8, UTF-16 or Windows' code page 1252.
    Empty rows are left out. Raises: TableError where a needed column is missing.
    """
    text = _decoded(content)
    if re.match(r"sep=.\r?\n", text):  # a line that some programs write for Excel
        text = text.partition("\n")[2]
    needed = list(needed)
    header: list[str] = []
    for delimiter in ",;\t":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise TableError(f"is no table that can be read: {error}") from None
        found = [name.strip().lower() for name in rows[0]] if rows else []
        if set(needed) <= set(found):
            return [(number, dict.fromkeys(found, "") | {name: unescape(cell) for name, cell in
                                                         zip(found, row, strict=False)})
                    for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
        header = max(header, found, key=len)
    missing = ", ".join(name for name in needed if name not in header)
    raise TableError(f"has no column {missing}; its first row is: {', '.join(header)[:200] or 'empty'}")


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
