"""spreadsheets.py: no text from a student begins a formula, and it comes back as it was, whatever Excel writes."""

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_course.course.grading.report.spreadsheets import TableError, escape, read_table, unescape, write_table

COLUMNS = ("student", "text", "points")
SIGNS = "=+-@＝＋－＠"
TRICKY = st.text(st.sampled_from(f"{SIGNS}'\t\r\n; ,\"a\u00a0")) | st.text()


@given(TRICKY)
def test_escaped_text_comes_back(text):
    assert unescape(escape(text)) == text


@given(TRICKY)
def test_no_cell_begins_a_formula_however_the_file_is_split(text):
    escaped = escape(text)
    assert not escaped.startswith(("\t", "\r", "\n"))
    for split in (escaped, *escaped.replace("\r", "\n").replace("\t", "\n").replace(";", "\n").split("\n")):
        assert not split.lstrip(" \u00a0").startswith(tuple(SIGNS))


@given(TRICKY)
def test_what_begins_no_formula_stays_as_it_is(text):
    if not any(sign in text for sign in f"{SIGNS}\t\r\n"):
        assert escape(text) == text


@pytest.mark.parametrize(("text", "escaped"), [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'\t'=1"), ("\r1", "'\r1"),
    ("'=1", "''=1"), ("'tis", "'tis"), ("  =1", "'  =1"), ("a = 1", "a = 1"),
    ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
    ("Two things:\n- one\n- two", "Two things:\n'- one\n'- two"), ("", ""), ("＝1", "'＝1"), ("2 - 1", "2 - 1")])
def test_forms_of_a_formula(text, escaped):
    assert escape(text) == escaped
    assert unescape(escaped) == text


def read(content, needed=COLUMNS):
    return [row for _, row in read_table(content, needed)]


ROWS = st.lists(st.fixed_dictionaries({"student": st.text(min_size=1).filter(str.strip), "text": TRICKY,
                                       "points": st.sampled_from(["", "1", "0.5"])}), max_size=5)


@given(ROWS)
def test_a_table_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    write_table(path, COLUMNS, rows)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")   # by which Excel knows UTF-8
    assert read(content) == rows


def saved(rows, delimiter=",", encoding="utf-8-sig", **style):
    """As a spreadsheet saves a table: cells are quoted only where they must be."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, **style).writerows(rows)
    return text.getvalue().encode(encoding, "replace")


LINES = [["Student", " text ", "points"], ["Müller", "'=1; \"x\"\n'- y, z", "1,5"], ["", "", ""], ["Ødegård", "b", "2"]]
BACK = [{"student": "Müller", "text": "=1; \"x\"\n- y, z", "points": "1,5"},
        {"student": "Ødegård", "text": "b", "points": "2"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(encoding, delimiter):
    assert read(saved(LINES, delimiter, encoding)) == BACK
    assert read(saved(LINES, delimiter, encoding, lineterminator="\n")) == BACK


def test_the_line_that_names_the_separator_is_skipped():
    assert read(b"sep=;\r\n" + saved(LINES, ";", "utf-8")) == BACK


def test_rows_have_the_numbers_of_the_spreadsheet():
    assert [number for number, _ in read_table(saved(LINES), COLUMNS)] == [2, 4]


def test_short_rows_are_filled_and_more_columns_do_not_matter():
    content = saved([["mine", "student", "text", "points"], ["x", "ada"], ["x", "bob", "t", "1", "more"]])
    assert [row["points"] for row in read(content)] == ["", "1"]


@pytest.mark.parametrize(("content", "said"), [
    (b"", "has no column student, text, points; its first row is: empty"),
    (b"student;points\r\n", "has no column text; its first row is: student, points"),
    (b"PK\3\4", "has no column student"), (bytes(range(256)), "has no column"),
    (b"student,text,points\r\n" + b"x" * 200_000, "is no table that can be read: field larger than"),
    (b"student,text,points\r\n" + b'"x' + b"y" * 200_000, "is no table that can be read")])
def test_what_is_no_table_says_what_is_missing(content, said):
    with pytest.raises(TableError) as caught:
        read(content)
    assert said in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_below_the_columns_are_rows_or_no_table(content):
    with contextlib.suppress(TableError):
        assert all(set(row) >= set(COLUMNS) for row in read(b"student,text,points\n" + content))


def test_half_characters_do_not_stop_the_table(tmp_path):
    write_table(tmp_path / "t.csv", COLUMNS, [{"student": "a\udcff", "text": "\ud800"}])
    assert read((tmp_path / "t.csv").read_bytes()) == [{"student": r"a\udcff", "text": r"\ud800", "points": ""}]
