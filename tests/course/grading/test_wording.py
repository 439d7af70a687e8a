"""Text of students for people's eyes."""

import pytest

from dlm_course.course.grading.wording import number, one_line, printable, without_blank_runs


@pytest.mark.parametrize(("text", "shown"), [
    ("Müller 王小明 يوسف", "Müller 王小明 يوسف"),
    ("🏳️‍🌈", "🏳️‍🌈"),
    ("a\u202eb", r"a\u202eb"),
    ("a\u2066b\u2069", r"a\u2066b\u2069"),
    ("a\x1b[31m", r"a\x1b[31m"),
    ("a\x00b", r"a\x00b"),
    ("a\udce9b", r"a\udce9b"),
    ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
    ("a\nb\tc", r"a\nb\tc"),
])
def test_what_cannot_be_seen_is_spelled_out(text, shown):
    assert printable(text) == shown
    assert printable(text).encode("utf-8")


def test_a_source_keeps_its_lines():
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


def test_one_line_is_one_line_of_limited_length():
    assert one_line("  two\n\n lines\t ") == "two lines"
    assert one_line("x" * 30, 10) == "x" * 9 + "…"
    assert one_line("\u202e" * 30, 10) == r"\u202e\u2" + "…"


@pytest.mark.parametrize(("value", "shown"), [(2, "2"), (1.5, "1.5"), (0, "0"), (1 / 3, "0.33"), (10.0, "10"),
                                              (100, "100")])
def test_numbers_are_short(value, shown):
    assert number(value) == shown


def test_lines_of_blanks_become_empty_ones():
    assert without_blank_runs("a\n  \n\t\n  b\n \n") == "a\n\n\n  b\n\n"
    assert without_blank_runs(" \n" * 10**5) == "\n" * 10**5
