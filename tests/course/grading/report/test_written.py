"""written.py: a person gets one table, and what is entered comes back as points, or with a reason why not."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_course.course.grading.handed_in.words import COURSE_TEXT
from dlm_course.course.grading.numbers import COMPUTED
from dlm_course.course.grading.records import Record, Words
from dlm_course.course.grading.report.spreadsheets import TableError
from dlm_course.course.grading.report.written import COLUMNS, halve, merge, table, write_table

QUESTIONS = ("10-5-the-text", "10-6-the-number")
RUBRIC = "## In words 1\n\n| points | full |\n| --- | --- |\n- it's; \"all\""


def record(student, *texts, notes=()):
    words = tuple(Words(question, text, RUBRIC, 2.0) for question, text in zip(QUESTIONS, texts, strict=True))
    return Record(student, "10", "x.ipynb", "key", 0, "none", notes=notes, words=words)


RECORDS = [record("bob", "My text: Żółć 😀", "=1+1"), record("=ada\n", "- a list;\r\n-2", "")]


def enter(path, points, **more):
    """As a person enters points by student and question, and saves the table again in its form."""
    form = {"delimiter": ",", "encoding": "utf-8-sig", "change": lambda row: row} | more
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    for row in rows:
        given_points = points.get((row["student"].removeprefix("'"), row["question"]))
        row["points"] = row["points"] if given_points is None else given_points
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, form.get("columns", COLUMNS), delimiter=form["delimiter"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(form["change"](row) for row in rows)
    path.write_bytes(text.getvalue().encode(form["encoding"], "replace"))


@pytest.fixture
def path(tmp_path):
    write_table(RECORDS, tmp_path / "written.csv")
    return tmp_path / "written.csv"


def refused(path, records=RECORDS):
    with pytest.raises(TableError) as caught:
        merge(path, records)
    return str(caught.value)


def test_the_table_is_in_the_order_in_which_one_grades():
    rows = table(RECORDS)
    assert [(row["question"], row["student"]) for row in rows] == [
        (question, student) for question in QUESTIONS for student in ("=ada\n", "bob")]
    assert [row["points"] for row in rows] == ["", "", "0", ""]    # nothing was written: nothing to grade
    assert {row["rubric"] for row in rows} == {RUBRIC}
    assert {row["out_of"] for row in rows} == {"2"}
    assert {row["course text"] for row in rows} == {""}
    assert len({row["row"] for row in rows}) == 4


def test_the_table_is_csv_with_every_text_escaped(path):
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(COLUMNS)
    assert rows[1][0] == "'=ada\n"
    assert rows[1][2] == "'- a list;\r\n'-2"
    assert rows[4][2] == "'=1+1"
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_no_record_with_words_is_an_empty_table(tmp_path):
    write_table([replace(RECORDS[0], words=())], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8-sig").count("\n") == 1
    assert merge(tmp_path / "t.csv", []) == {}


ENTERED = {("bob", QUESTIONS[0]): "1.5", ("bob", QUESTIONS[1]): "2", ("=ada\n", QUESTIONS[0]): "0.5"}


@pytest.mark.parametrize("form", [
    {}, {"delimiter": ";"}, {"delimiter": "\t", "encoding": "utf-16"}, {"encoding": "utf-8"},
    {"delimiter": ";", "encoding": "cp1252"},     # Żółć is lost: the row is known by its own name
    {"change": lambda row: {**row, "points": row["points"].replace(".", ",")}, "delimiter": ";"},
    {"change": lambda row: {**row, "text": "", "rubric": ""}},
    {"columns": ("row", "points", "question", "student", "notes of my own")},
    {"columns": COLUMNS[:-1]},                    # without the rows' names the text must be the same
], ids=["as-written", "semicolons", "tabs-utf16", "utf8", "cp1252", "decimal-commas", "texts-emptied", "other-columns",
        "no-names"])
def test_what_is_entered_comes_back_in_whatever_form_the_table_was_saved(path, form):
    enter(path, ENTERED, **form)
    assert merge(path, RECORDS) == {("bob", QUESTIONS[0]): 1.5, ("bob", QUESTIONS[1]): 2.0,
                                    ("=ada\n", QUESTIONS[0]): 0.5, ("=ada\n", QUESTIONS[1]): 0.0}


def test_what_is_not_graded_yet_is_not_there(path):
    enter(path, {("bob", QUESTIONS[0]): " 1 "})
    assert merge(path, RECORDS) == {("bob", QUESTIONS[0]): 1.0, ("=ada\n", QUESTIONS[1]): 0.0}


@pytest.mark.parametrize("student", ["007", "1E5", "2-3"])
def test_a_name_that_a_spreadsheet_takes_for_a_number_is_known_by_its_row(tmp_path, student):
    records = [record(student, "a", "b")]
    write_table(records, tmp_path / "t.csv")
    enter(tmp_path / "t.csv", {(student, QUESTIONS[0]): "1"}, change=lambda row: {**row, "student": "100000"})
    assert merge(tmp_path / "t.csv", records) == {(student, QUESTIONS[0]): 1.0}


@pytest.mark.parametrize(("entered", "said"), [
    ("2.5", "row 3 (bob, 10-5-the-text): 2.5 points are not between 0 and 2"),
    ("-1", "-1 points are not between 0 and 2"), ("'-1", "-1 points are not between 0 and 2"),
    ("1.3", "1.3: nothing finer than half a point is given"), ("0.25", "nothing finer than half"),
    ("two", "'two' is not a number of points, such as 1.5 or 1,5"), ("1. May", "made a date of it"),
    ("nan", "is not a number"), ("inf", "is not a number"), ("1e0", "is not a number"), ("=1+1", "is not a number"),
    ("1.5 points", "is not a number"), ("½", "is not a number"), ("9" * 400, "is not a number")])
def test_points_that_do_not_fit_are_named(path, entered, said):
    enter(path, {("bob", QUESTIONS[0]): entered})
    message = refused(path)
    assert message.startswith(f"{path}: nothing is taken over, since\n")
    assert said in message
    assert len(message) < 500


def test_all_that_does_not_fit_is_named_at_once(path):
    enter(path, {("bob", QUESTIONS[0]): "3", ("bob", QUESTIONS[1]): "x", ("=ada\n", QUESTIONS[0]): "1"})
    assert [line.partition(" (")[0] for line in refused(path).splitlines()[1:]] == ["row 3", "row 5"]


def test_an_unknown_student(path):
    enter(path, ENTERED)
    assert "row 3 (bob, 10-5-the-text): there is no such student in this report" in refused(path, RECORDS[1:])


def test_an_unknown_question(path):
    enter(path, ENTERED, change=lambda row: {**row, "question": "10-9-x", "row": ""})
    assert "the student has no answer in words of this name; there are 10-5-the-text, 10-6-the-number" in refused(path)


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[:-1]])
def test_a_text_that_has_changed_in_between(path, columns):
    enter(path, ENTERED, columns=columns)
    changed = [record("bob", "Another text", "=1+1"), RECORDS[1]]
    assert "row 3 (bob, 10-5-the-text): the text has changed since this table was written" in refused(path, changed)
    assert "row 5" not in refused(path, changed)


def test_a_column_that_was_sorted_without_the_others(path):
    others = {"bob": "=ada\n", "=ada\n": "bob"}
    enter(path, ENTERED, change=lambda row: {**row, "student": others[row["student"].removeprefix("'")]})
    assert "the row is that of bob: was one column sorted without the others?" in refused(path)


def test_one_answer_in_two_rows(path):
    enter(path, ENTERED)
    path.write_bytes(path.read_bytes() + path.read_bytes().split(b"\r\n", 1)[1])
    assert len(merge(path, RECORDS)) == 4    # twice the same is no contradiction
    enter(path, ENTERED)
    rows = path.read_bytes().replace(b"1.5", b"1", 1)
    path.write_bytes(path.read_bytes() + rows.split(b"\r\n", 1)[1])
    assert "other points are entered for this answer in another row" in refused(path)


def test_what_is_no_table(path):
    path.write_bytes(b"PK\3\4")
    assert "the table needs the columns student, question" in refused(path)
    path.unlink()
    assert "cannot be read: No such file" in refused(path)


# The course's own text

def test_with_the_courses_text_the_sum_is_halved_and_rounded_up(tmp_path):
    records = [record("ada", "a", "b", notes=(COURSE_TEXT,)), record("bob", "a", "b")]
    path = tmp_path / "t.csv"
    write_table(records, path)
    points = {(student, question): "1.5" for student in ("ada", "bob") for question in QUESTIONS}
    enter(path, points)
    assert merge(path, records) == {("ada", QUESTIONS[0]): 1.0, ("ada", QUESTIONS[1]): 0.5,
                                    ("bob", QUESTIONS[0]): 1.5, ("bob", QUESTIONS[1]): 1.5}
    swapped = {"ada": "no", "bob": "X"}     # what the person says goes before what the notebook says
    enter(path, points, change=lambda row: {**row, "course text": swapped[row["student"]]})
    assert merge(path, records) == {("bob", QUESTIONS[0]): 1.0, ("bob", QUESTIONS[1]): 0.5,
                                    ("ada", QUESTIONS[0]): 1.5, ("ada", QUESTIONS[1]): 1.5}


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4).map(lambda halves: halves / 2)))
def test_halving_follows_the_rubric_and_gives_nothing_finer_than_half(points):
    halved = halve(points)
    assert sum(halved.values()) == -(-sum(points.values()) // 1) / 2    # half the sum, rounded up to half a point
    assert all(0 <= halved[question] <= points[question] and halved[question] * 2 % 1 == 0 for question in points)


# A table that is there

def test_what_was_entered_stays_when_the_table_is_written_again(path):
    enter(path, ENTERED, change=lambda row: {**row, "course text": "x"}, delimiter=";")
    more = [*RECORDS, record("eve", "new", "new")]
    assert write_table(more, path) == []
    assert {(row["student"], row["question"]): row["points"] for row in csv.DictReader(io.StringIO(
        path.read_bytes().decode("utf-8-sig"), newline="")) if row["points"]} == {
            ("bob", QUESTIONS[0]): "1.5", ("bob", QUESTIONS[1]): "2", ("'=ada\n", QUESTIONS[0]): "0.5",
            ("'=ada\n", QUESTIONS[1]): "0"}
    assert merge(path, more)[("bob", QUESTIONS[0])] == 1.0
    assert [other.name for other in path.parent.iterdir()] == ["written.csv"]


def test_what_was_entered_for_a_text_that_has_changed_is_kept_beside(path):
    enter(path, ENTERED)
    entered = path.read_bytes()
    changed = [record("bob", "Another text", "=1+1"), RECORDS[1]]
    for number in (1, 2):
        path.write_bytes(entered)
        (note,) = write_table(changed, path)
        assert note == ("written.csv: of the answers that were graded 1 changed, or are gone; the table as it was is "
                        f"kept as written.old-{number}.csv")
        assert path.with_name(f"written.old-{number}.csv").read_bytes() == entered
    assert merge(path, changed)[("bob", QUESTIONS[1])] == 2.0


def test_another_file_in_the_place_of_the_table_is_kept(tmp_path):
    (tmp_path / "t.csv").write_text("my own notes")
    (note,) = write_table(RECORDS, tmp_path / "t.csv")
    assert note.endswith("; the table as it was is kept as t.old-1.csv")
    assert (tmp_path / "t.old-1.csv").read_text() == "my own notes"


def test_the_numbers_of_a_project_stand_beside_the_answers_and_come_anew(path):
    numbers = f"{COMPUTED}: 3.1"
    with_numbers = [replace(RECORDS[0], notes=(numbers,)), RECORDS[1]]
    assert [row["numbers"] for row in table(with_numbers)] == ["", numbers, "", numbers]
    enter(path, {("bob", QUESTIONS[0]): "1.5"})
    assert write_table(with_numbers, path) == []
    assert merge(path, with_numbers) == {("bob", QUESTIONS[0]): 1.5, ("=ada\n", QUESTIONS[1]): 0}
    assert numbers in path.read_text(encoding="utf-8-sig")
