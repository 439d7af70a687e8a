"""CSV files: harmless to spreadsheets, and what others write can be read."""

import csv

import pytest
from small_class import STUDENTS

from dlm_course.course.grading.report.tables import cell, read_table, write_table


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1", "＝1", "＋1", "－1",
                                  "＠x", "--", "\u3000=1", "\u00a0@x"])
def test_what_could_be_a_formula_gets_an_apostrophe(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["anna", "-", "a=b", "1+1", "'=1", "", "王", '"quoted"'])
def test_other_text_stays(text):
    assert cell(text) == text


@pytest.mark.parametrize("value", [-1.5, 0, 2, 0.5])
def test_numbers_are_numbers(value):
    assert float(cell(value)) == value


def test_what_is_written_is_read_again_as_utf8_with_a_mark(tmp_path):
    rows = [["student", "total"], *([student, n / 2] for n, student in enumerate(STUDENTS))]
    write_table(tmp_path / "book.csv", rows)
    assert (tmp_path / "book.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,total\r\n")
    with (tmp_path / "book.csv").open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.reader(file))
    assert read == [[cell(value) for value in row] for row in rows]
    assert not any(value.startswith(tuple("=+-@\t\r")) for row in read for value in row)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [True, False])
def test_tables_of_others_are_read(tmp_path, delimiter, mark):
    text = delimiter.join(("Student", "ID", "x")) + "\r\n" + delimiter.join(('"Doe, Jane"', "7")) + "\n\n"
    (tmp_path / "theirs.csv").write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
    table = read_table(tmp_path / "theirs.csv")
    assert (table.header, table.delimiter) == (["Student", "ID", "x"], delimiter)
    assert table.rows == [["Doe, Jane", "7", ""]]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfea\0", b"caf\xe9"])
def test_what_is_no_table_is_an_error(tmp_path, content):
    (tmp_path / "theirs.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"is empty|UTF-16|not UTF-8|no text"):
        read_table(tmp_path / "theirs.csv")
