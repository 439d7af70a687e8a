"""Tables of Canvas and Moodle, filled with our points."""

import csv
import html
import io
import re

import pytest
from small_class import BORDER, CUMULATIVE, NEXT, QUESTIONS, record, result

from dlm_course.course.grading.report.lms import ExportError, canvas, canvas_number, moodle, moodle_number

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Notes,Exercise 01 (4711),Exercise 02 (4712),Final Score
    Points Possible,,,,,,11,10,(read only)
"Lovelace, Ada",101,s101,ada,A,,3.00,9,50
"Turing, Alan",102,s102,alan@example.org,A,=private note,,8,
"Doe, Jane",103,s103,jane1,B,,,7,
"Doe, Jane",104,s104,jane2,B,,,6,
"=cmd, Eve",105,s105,eve,B,,,5,
"Student, Test",106,,0f0f,A,,,,
"""

MOODLE = [
    ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed",
     "Last modified (submission)", "Last modified (grade)", "Feedback comments"],
    ["Participant 201", "Ada Lovelace", "ada@example.org", "Submitted for grading", "", "11", "Yes",
     "Monday, 1 June 2026, 10:00 AM", "-", ""],
    ["Participant 202", "Alan Turing", "alan@example.org", "Submitted for grading", "4.00", "11", "Yes",
     "Monday, 1 June 2026, 11:00 AM", "Tuesday, 2 June 2026, 9:00 AM", "old"],
    ["Participant 203", "Jane Doe", "jane1@example.org", "No submission", "", "11", "Yes", "-", "-", ""],
    ["Participant 204", "Jane Doe", "jane2@example.org", "No submission", "", "11", "Yes", "-", "-", ""],
    ["Participant 205", "=1+1 Eve", "eve@example.org", "No submission", "", "11", "Yes", "-", "-", ""],
]


def as_csv(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def graded(student, points=2, file=""):
    """A record of topic 01 with this many points."""
    left, results = points, []
    for question, most in QUESTIONS.items():
        earned = min(left, most)
        left -= earned
        results.append(result(question, "✓" if earned == most else "✗", points=earned))
    return record(student, results, file=file)


def read(path, delimiter=","):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.fixture
def exported(tmp_path):
    (tmp_path / "canvas.csv").write_bytes(CANVAS.encode("utf-8-sig"))
    return tmp_path / "canvas.csv"


@pytest.fixture
def worksheet(tmp_path):
    (tmp_path / "moodle.csv").write_bytes(as_csv(MOODLE).encode("utf-8-sig"))
    return tmp_path / "moodle.csv"


def canvas_scores(records, exported, assignment="Exercise 01"):
    notes = canvas(records, exported, assignment, exported.with_name("filled.csv"))
    table = read(exported.with_name("filled.csv"))
    return table, {row[1]: row[-1] for row in table[2:]}, notes


# Canvas

@pytest.mark.parametrize(("student", "file", "found"), [
    ("lovelaceada", "lovelaceada_101_9001_01_single_token_chains.ipynb", "101"),
    ("lovelaceada", "class.zip!/lovelaceada_LATE_101_9001_01_single_token_chains-2.ipynb", "101"),
    ("lovelaceada", "class.zip!/lovelaceada_101_9001_work.zip!/deep/01_single_token_chains.ipynb", "101"),
    ("101", "", "101"), ("s102", "", "102"), ("alan@example.org", "", "102"), ("JANE1", "", "103"),
    ("lovelaceada", "", "101"), ("Ada Lovelace", "", "101"), ("Turing, Alan", "", "102"), ("turing_alan", "", "102"),
    ("doejane", "doejane_104_9_01_single_token_chains.ipynb", "104"),
])
def test_canvas_finds_its_students_by_number_login_or_name(exported, student, file, found):
    _, scores, notes = canvas_scores([graded(student, 5, file)], exported)
    assert scores == {found: "5"}
    assert notes == ()


def test_canvas_gets_the_columns_that_it_wants_and_one_assignment(exported):
    table, scores, _ = canvas_scores([graded("ada"), graded("eve", 10.5)], exported)
    assert table[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercise 01 (4711)"]
    assert table[1][0].strip() == "Points Possible"
    assert table[1][-1] == "11"
    assert scores == {"101": "2", "105": "10.5"}
    assert [row[0] for row in table[2:]] == ["Lovelace, Ada", "'=cmd, Eve"]


@pytest.mark.parametrize("assignment", ["Exercise 01 (4711)", "Exercise 01", "4711", " Exercise 01 "])
def test_an_assignment_goes_by_title_number_or_both(exported, assignment):
    assert canvas_scores([graded("ada")], exported, assignment)[1] == {"101": "2"}


@pytest.mark.parametrize("assignment", ["Exercise", "Exercise 03", "47", "Final Score", "Notes", ""])
def test_an_unknown_assignment_is_an_error_that_names_the_known_ones(exported, assignment):
    with pytest.raises(ExportError, match=r"no assignment is called .*there are 'Exercise 01 \(4711\)', 'Exercise 02"):
        canvas_scores([graded("ada")], exported, assignment)


def test_points_are_scaled_to_what_canvas_counts(exported):
    _, scores, notes = canvas_scores([graded("ada", 5)], exported, "4712")
    assert scores == {"101": "4.55"}
    assert notes == ("points were scaled from 11 to 10, the table's points possible",)


def test_who_fits_no_row_or_several_is_left_out_and_named(exported):
    _, scores, notes = canvas_scores([graded("nobody"), graded("Jane Doe"), graded("ada"), graded("s101"),
                                      graded("alan@example.org")], exported)
    assert scores == {"102": "2"}
    assert notes == (
        "nobody: left out, no row fits; enter these points by hand",
        "Jane Doe: left out, several rows fit; enter these points by hand",
        "ada, s101: left out, since they fit the same row, Lovelace, Ada")


def test_names_in_two_columns_and_semicolons_are_read(tmp_path):
    head = "LastName;FirstName;ID;SIS Login ID;Section;Exercise 01 (4711)\n    Points Possible;;;;;11,00\n"
    (tmp_path / "canvas.csv").write_text(head + "Lovelace;Ada;101;x;A;\n", encoding="utf-8")
    assert canvas([graded("lovelaceada", 3)], tmp_path / "canvas.csv", "4711", tmp_path / "filled.csv") == ()
    assert (tmp_path / "filled.csv").read_bytes() == (
        b"LastName;FirstName;ID;SIS Login ID;Section;Exercise 01 (4711)\r\n    Points Possible;;;;;11,00\r\n"
        b"Lovelace;Ada;101;x;A;3\r\n")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Student,ID\nx,1\n", as_csv(MOODLE)])
def test_what_is_no_gradebook_of_canvas_is_an_error(tmp_path, text):
    (tmp_path / "canvas.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ExportError, match=r"canvas\.csv: (is empty|begins with the columns )"):
        canvas([], tmp_path / "canvas.csv", "4711", tmp_path / "filled.csv")


# Moodle

def moodle_rows(records, worksheet):
    notes = moodle(records, worksheet, worksheet.with_name("filled.csv"))
    header, *rows = read(worksheet.with_name("filled.csv"))
    return [dict(zip(header, row, strict=True)) for row in rows], notes


@pytest.mark.parametrize(("student", "file", "found"), [
    ("Ada Lovelace", "class.zip!/Ada Lovelace_201_assignsubmission_file_/01_single_token_chains.ipynb", 0),
    ("Jane Doe", "Jane Doe_204_assignsubmission_file_/01_single_token_chains.ipynb", 3),
    ("Jane Doe", "Jane Doe_204_assignsubmission_file_01_single_token_chains.ipynb", 3),
    ("jane1@example.org", "", 2), ("Alan@example.org", "", 1), ("Turing Alan", "", 1), ("adalovelace", "", 0),
])
def test_moodle_finds_its_participants_by_number_address_or_name(worksheet, student, file, found):
    before = read(worksheet)[1:]
    rows, notes = moodle_rows([graded(student, 7, file)], worksheet)
    assert notes == ()
    assert [row["Grade"] for row in rows] == ["7" if n == found else row[4] for n, row in enumerate(before)]


def test_a_number_of_somebody_else_is_told(worksheet):
    file = "Ida Rhodes_201_assignsubmission_file_/01_single_token_chains.ipynb"
    rows, notes = moodle_rows([graded("Ida Rhodes_201", 7, file)], worksheet)
    assert rows[0]["Grade"] == "7"
    note, = notes
    assert re.match("Ida Rhodes_201: is .*Lovelace in the table, by the number in the folder's name; are they", note)


def test_moodle_keeps_all_else_and_shows_the_feedback_as_html(worksheet):
    one = record("Participant <b>", [result(NEXT, "✗", "shape (3,) < <script>alert(1)</script>"),
                                     result(CUMULATIVE, "✗", BORDER, points=1)],
                 file="x_202_assignsubmission_file_/a.ipynb")
    rows, _ = moodle_rows([one], worksheet)
    assert rows[1]["Last modified (grade)"] == "Tuesday, 2 June 2026, 9:00 AM"
    assert rows[1]["Grade"] == "3.67"    # of 3 points, scaled to 11
    assert "<script>" not in rows[1]["Feedback comments"]
    first, second = rows[1]["Feedback comments"].split("<br>")
    assert html.unescape(first).endswith("0 of 1 points. ✗ shape (3,) < <script>alert(1)</script>")
    assert html.unescape(second).endswith(BORDER)
    assert rows[4]["Full name"] == "'=1+1 Eve"
    assert rows[0]["Feedback comments"] == ""


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", as_csv(MOODLE).replace(",Grade,", ",Bewertung,"), CANVAS])
def test_what_is_no_worksheet_of_moodle_is_an_error(tmp_path, text):
    (tmp_path / "moodle.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ExportError, match=r"moodle\.csv: (is empty|has the columns .* expected Identifier)"):
        moodle([], tmp_path / "moodle.csv", tmp_path / "filled.csv")


# What a student can write into a name

@pytest.mark.parametrize("file", [
    "anna_101_5_x_102_6_y.ipynb/01.ipynb", "anna/_102_5_01.ipynb.ipynb/x.ipynb", "anna/01_single_token_chains.ipynb",
    "anna_1/01_x.ipynb"])
def test_only_the_name_that_canvas_made_is_a_number_of_canvas(file):
    assert canvas_number(graded("anna", file=file)) == ""


@pytest.mark.parametrize("file", [
    "Eve_205_assignsubmission_file_/x_202_assignsubmission_file_.ipynb", "anna/01.ipynb",
    "a_b_assignsubmission_file_/x"])
def test_a_file_that_imitates_moodle_is_matched_by_name(file):
    assert moodle_number(graded("Eve", file=file)) == ""
