"""CSV files that a spreadsheet can open without harm, and those of others, read."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlm_course.course.grading.wording import number, printable
from dlm_course.files import text_of, write_whole

# What makes a spreadsheet read a cell as a formula, the full-width forms included.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: str | float) -> str:
    """A value as a cell: numbers are short; text is printable, and one that could be a formula gets an apostrophe."""
    if not isinstance(value, str):
        return number(value)
    text = printable(value, keep="\t\r\n")
    if text == "-":    # how Moodle's tables say that there is nothing
        return text
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def write_table(path: Path, rows: Iterable[Sequence[str | float]], delimiter: str = ",", *, mark: bool = True) -> None:
    """Write rows as CSV in UTF-8, with a byte order mark by which Excel knows it; every cell is made harmless."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([cell(value) for value in row]
                                                                            for row in rows)
    write_whole(path, text.getvalue().encode("utf-8-sig" if mark else "utf-8"))


@dataclass(frozen=True)
class Table:
    """A CSV file of somebody else: its header, its rows (padded to the header's length), and its delimiter."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str


def read_table(path: Path) -> Table:
    """Read a CSV file in UTF-8, with commas, semicolons or tabs.

    Raises: OSError; NotText, a ValueError, where it is no text in UTF-8; ValueError for an empty file.
    """
    text = text_of(path.read_bytes())
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if text.strip() else [[]]
    if not header:
        raise ValueError(f"{path}: is empty; expected a CSV file with a header")
    return Table(header, [row + [""] * (len(header) - len(row)) for row in rows if any(row)], delimiter)
