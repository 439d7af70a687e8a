"""The grade book, and what nbgrader, Gradescope and GitHub read."""

import base64
import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from small_class import BORDER, CUMULATIVE, NEXT, QUESTIONS, STUDENTS, capstone_class, record, result, small_class

from dlm_course.course.grading.report.exports import (
    check_result,
    feedback,
    grade_book,
    gradescope,
    gradescope_result,
    nbgrader,
)
from dlm_course.course.grading.report.summary import items
from dlm_course.course.grading.report.tables import cell
from dlm_course.course.topics import notebook_name
from dlm_course.course.verdict import Verdict

ROOT = Path(__file__).parents[4]


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# The grade book

def test_the_grade_book_has_a_row_a_submission(tmp_path):
    records = small_class()
    grade_book(records, tmp_path / "grades.csv", {"anna": "pages/anna.html"})
    book = rows(tmp_path / "grades.csv")
    assert list(book[0]) == ["student", "file", "total", "out_of", *QUESTIONS, "problem", "needs a look", "page"]
    assert [row["student"] for row in book] == [cell(record.student) for record in records]
    assert sorted(row["student"].removeprefix("'") for row in book) == sorted(cell(name).removeprefix("'")
                                                                              for name in STUDENTS)
    for row, one in zip(book, records, strict=True):
        assert float(row["total"]) == one.points == sum(float(row[question]) for question in QUESTIONS)
        assert row["out_of"] == "11"
    by_student = {row["student"]: row for row in book}
    assert by_student["anna"]["page"] == "pages/anna.html"
    assert by_student["ben"]["needs a look"] == "01-5: uses dlm_course.chain"
    assert by_student["hiro"]["problem"].startswith("not a notebook")
    assert by_student["hiro"]["needs a look"].startswith("not graded: not a notebook")


def test_no_cell_of_the_grade_book_is_a_formula(tmp_path):
    zoe = record("zoe", [result(NEXT, "✗", "=1+1", flags=["@SUM(1)"])], problem="+cmd|'/C calc'!A0", file="-x/01.ipynb")
    records = [*small_class(), zoe]
    grade_book(records, tmp_path / "grades.csv", dict.fromkeys(STUDENTS, "=page"))
    for row in rows(tmp_path / "grades.csv"):
        for name, value in row.items():
            assert not value.lstrip().startswith(("=", "+", "-", "@")), (name, value)


def test_answers_in_words_are_empty_until_they_have_points(tmp_path):
    grade_book(capstone_class(), tmp_path / "grades.csv", {}, {("anna", "10-5-the-text"): 1.5})
    anna, ben = rows(tmp_path / "grades.csv")
    assert (anna["10-5-the-text"], anna["10-6-the-number"], anna["total"], anna["out_of"]) == ("1.5", "", "4.5", "10")
    assert (ben["10-5-the-text"], ben["total"]) == ("", "3")
    assert ben["needs a look"] == "2 answers in words to grade"


def test_a_class_of_nobody_has_a_header(tmp_path):
    grade_book([], tmp_path / "grades.csv", {})
    assert rows(tmp_path / "grades.csv") == []


def test_feedback_is_a_line_a_question():
    one = record("anna", [result(NEXT), result(CUMULATIVE, "✗", BORDER, points=1)])
    assert feedback(one, items([one]), {}) == ["01-1 Where does it go?: 1 of 1 points. ✓",
                                               f"01-2 Many steps in one matrix: 1 of 2 points. ✗ {BORDER}"]
    assert feedback(record("ben", problem="no notebook"), (), {}) == ["Your file could not be graded: no notebook"]


# nbgrader

PROGRAM = str(Path(sys.executable).with_name("nbgrader"))


def export(folder, *options):
    """What nbgrader's own export says of each student: score, max_score."""
    done = subprocess.run([PROGRAM, "export", "--to=theirs.csv", f"--db=sqlite:///{folder / 'gradebook.db'}", *options],
                          cwd=folder, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "JUPYTER_CONFIG_DIR": str(folder), "HOME": str(folder),
                               "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])})
    assert done.returncode == 0, done.stderr
    return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in rows(folder / "theirs.csv")}


@pytest.mark.slow
def test_nbgrader_exports_our_points(tmp_path):
    pytest.importorskip("nbgrader")
    records = small_class()
    left_out = nbgrader(records, f"sqlite:///{tmp_path / 'gradebook.db'}")
    exported = export(tmp_path)
    expected = {record.student: (record.points, 11) for record in records if record.student in exported}
    assert exported == expected
    assert {"anna", "ben", "hiro", "CON", "con", "Ada Lovelace", "ada lovelace", "王小明"} <= set(exported)
    assert len(exported) + len(left_out) == len(records)
    assert any(line.startswith("<script>alert(1)</script>: not in nbgrader's gradebook") for line in left_out)
    assert any(line.startswith("two lines: ") for line in left_out)


@pytest.mark.slow
def test_regraded_points_replace_the_old_ones(tmp_path):
    pytest.importorskip("nbgrader")
    database = f"sqlite:///{tmp_path / 'gradebook.db'}"
    for points in (1, 2):
        nbgrader([record("anna", [result(CUMULATIVE, "✗", points=points)])], database)
    assert export(tmp_path) == {"anna": (2, 2)}


@pytest.mark.slow
def test_a_question_that_came_later_is_added(tmp_path):
    pytest.importorskip("nbgrader")
    database = f"sqlite:///{tmp_path / 'gradebook.db'}"
    nbgrader([record("anna", [result(NEXT)])], database)
    nbgrader([record("anna", [result(NEXT), result(CUMULATIVE)])], database)
    assert export(tmp_path) == {"anna": (3, 3)}


def grades_of(database, student, topic):
    from nbgrader.api import Gradebook

    with Gradebook(database) as book:
        return {grade.name: (grade.score, grade.needs_manual_grade, grade.max_score)
                for notebook in book.find_submission(topic, student).notebooks for grade in notebook.grades}


@pytest.mark.slow
def test_answers_in_words_wait_in_the_formgrader(tmp_path):
    pytest.importorskip("nbgrader")
    database = f"sqlite:///{tmp_path / 'gradebook.db'}"
    nbgrader(capstone_class(), database, {("anna", "10-5-the-text"): 1.5})
    assert grades_of(database, "anna", "10") == {
        "10-1-leaked-check": (3, False, 3), "10-2-bits-with-error-check": (0, False, 3),
        "10-5-the-text": (1.5, False, 2), "10-6-the-number": (0, True, 2)}
    assert export(tmp_path) == {"anna": (4.5, 10), "ben": (3, 10)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Object of type")    # SQLAlchemy, of nbgrader
def test_an_assignment_that_nbgrader_made_and_graded_takes_our_points(tmp_path, monkeypatch):
    """generate_assignment and autograde make the cells under the same names; a manual score goes before their own."""
    api = pytest.importorskip("nbgrader.apps.api")
    from traitlets.config import Config

    name = notebook_name("00")
    for folder, source in (("source/00", "solutions"), ("submitted/anna/00", "exercises")):
        (tmp_path / folder).mkdir(parents=True)
        notebook = nbformat.read(ROOT / source / name, as_version=4)
        nbformat.write(notebook, tmp_path / folder / name)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    grader = api.NbGraderAPI(config=config)
    done = grader.generate_assignment("00")
    assert done["success"], done["log"]
    done = grader.autograde("00", "anna")
    assert done["success"], done["log"]
    database = f"sqlite:///{tmp_path / 'gradebook.db'}"
    assert grades_of(database, "anna", "00") == {"00-1-mask-share-check": (0, False, 1)}

    from dlm_course.course.grading.records import Result

    ours = [record(student, [Result("00-1-mask-share", 1, 1, "✓")], topic="00") for student in ("anna", "ben")]
    assert nbgrader(ours, database) == ()
    assert grades_of(database, "anna", "00") == {"00-1-mask-share-check": (1, False, 1)}
    assert export(tmp_path) == {"anna": (1, 1), "ben": (1, 1)}


def test_without_nbgrader_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[nbgrader\]'"):
        nbgrader(small_class(), "sqlite://")


# Gradescope

def test_a_result_for_gradescope_has_its_documented_form():
    one = record("anna", [result(NEXT), result(CUMULATIVE, "✗", BORDER, points=1)], notes=["two cells"])
    assert gradescope_result(one, items([one]), {}) == {
        "score": 2, "output": "two cells", "tests": [
            {"name": "01-1 Where does it go?", "score": 1, "max_score": 1, "status": "passed", "visibility": "visible",
             "output": "01-1 Where does it go?: 1 of 1 points. ✓"},
            {"name": "01-2 Many steps in one matrix", "score": 1, "max_score": 2, "status": "failed",
             "visibility": "visible", "output": f"01-2 Many steps in one matrix: 1 of 2 points. ✗ {BORDER}"}]}
    lost = record("ben", [result(NEXT, "○")], problem="not a notebook")
    assert gradescope_result(lost, items([lost]), {})["output"] == "not a notebook"


def autograde(folder, archive, metadata):
    """What Gradescope would show: the archive unpacked as it does, run for a submission with this metadata."""
    (folder / "source").mkdir(parents=True)
    with zipfile.ZipFile(archive) as file:
        assert {entry.filename: entry.external_attr >> 16 & 0o777 for entry in file.infolist()} == {
            "setup.sh": 0o755, "run_autograder": 0o755, "results.json": 0o644}
        file.extractall(folder / "source")
    (folder / "submission_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    subprocess.run([sys.executable, folder / "source" / "run_autograder", folder], check=True, timeout=60)
    return json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("student", "metadata"), [
    ("submission_4711", {"id": 4711, "users": [{"email": "x@example.org", "id": 1, "name": "Ann"}]}),
    ("Ann@example.org", {"id": 1, "users": [{"email": "ann@example.org", "id": 2, "name": "Ann"}]}),
    ("1234", {"id": 5, "users": [{"email": None, "id": 1234, "name": "Ann"}]}),
])
def test_the_autograder_hands_out_a_students_own_result(tmp_path, student, metadata):
    others = [record("Ann", [result(NEXT, "✗")]), record("submission_47", [result(NEXT, "✗")])]
    gradescope([*others, record(student, [result(NEXT)])], tmp_path / "autograder.zip")
    assert autograde(tmp_path / "run", tmp_path / "autograder.zip", metadata)["score"] == 1


def test_nobody_gets_another_ones_result_by_taking_their_name(tmp_path):
    gradescope([record("Ann", [result(NEXT)]), record("CON", [result(NEXT)])], tmp_path / "autograder.zip")
    found = autograde(tmp_path / "run", tmp_path / "autograder.zip",
                      {"id": 9, "users": [{"email": "con", "id": 9, "name": "Ann"}]})
    assert found["score"] == 0
    assert found["output"].startswith("There is no result for this submission yet")


def test_the_same_records_make_the_same_archive(tmp_path):
    for name in ("a.zip", "b.zip"):
        gradescope(small_class(), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


# GitHub

def test_a_check_is_told_in_the_form_of_github_classroom():
    found = check_result([Verdict(NEXT, "✓"), Verdict(CUMULATIVE, "✗", BORDER), Verdict("01-5-estimate-matrix", "○")])
    assert (found["version"], found["status"], found["max_score"]) == (1, "fail", 5)
    assert [(test["name"], test["status"], test["score"], test["max_score"]) for test in found["tests"]] == [
        (NEXT, "pass", 1, 1), (CUMULATIVE, "fail", 0, 2), ("01-5-estimate-matrix", "fail", 0, 2)]
    assert found["tests"][1]["message"] == BORDER
    assert json.loads(base64.b64decode(base64.b64encode(json.dumps(found).encode()))) == found


def test_all_right_is_a_pass():
    assert check_result([Verdict(NEXT, "✓")])["status"] == "pass"
