"""The command line on terminals whose code page lacks characters: every command prints, none ends in a traceback.

And the commands that have no other test: what they write, what they say, their exit codes.
"""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from small_class import QUESTIONS, capstone_class, record, result
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.course.grading.records import RECORDS, to_json
from dlm_course.course.questions import find
from dlm_course.course.student.check_notebook import Outcome
from dlm_course.course.topics import TOPICS, notebook_name, task_ids
from dlm_course.course.verdict import Verdict

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("dlm-course")

# As on Windows, on a bare console, and in the C locale where Python is told not to think better of it.
TERMINALS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(params=[name if name == "cp1252" else pytest.param(name, marks=pytest.mark.slow) for name in TERMINALS])
def run(request, tmp_path):
    """Run the command on the terminal: its exit code, stdout and stderr."""
    def run(*arguments):
        variables = TERMINALS[request.param]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "LC_ALL")}
        done = subprocess.run([COMMAND, *map(str, arguments)], cwd=tmp_path, env={**environment, **variables},
                              capture_output=True, timeout=300, check=False)
        encoding = variables.get("PYTHONIOENCODING", "ascii").partition(":")[0]
        # Replaced is what typer writes: where there is ASCII alone it takes UTF-8 for its help and its own errors.
        stdout, stderr = (stream.decode(encoding, "replace") for stream in (done.stdout, done.stderr))
        assert "Traceback" not in stderr
        return done.returncode, stdout, stderr
    return run


@pytest.mark.slow
def test_check(run, tmp_path):
    student = nbformat.read(ROOT / "solutions" / notebook_name("00"), as_version=4)
    id_ = next(cell.id for cell in student.cells if cell.id.endswith("-check")).removesuffix("-check")
    answer = next(cell for cell in student.cells if cell.id == id_)
    nbformat.write(student, tmp_path / "right.ipynb")
    answer.source = "raise ValueError('λ 😀')"
    nbformat.write(student, tmp_path / "wrong.ipynb")
    student.cells.remove(answer)
    nbformat.write(student, tmp_path / "00_open.ipynb")
    code, stdout, stderr = run("check", "right.ipynb", "wrong.ipynb", "00_open.ipynb", "○.ipynb")
    assert code == 2
    assert stdout.splitlines() == [f"ok {id_}", rf"not ok {id_}: its cell raised ValueError: \u03bb \U0001f600",
                                   f"-- {id_}: not attempted"]
    assert stderr.endswith(".ipynb: no such file; check takes a topic (01) or the path of a notebook\n")


@pytest.mark.parametrize("arguments", [("reset", "✓"), ("check", "½"), ("train", "λ.txt"), ("sample", "the λ___"),
                                       ("train", "--depth", "λ"), ("λ",), ("sample", "--checkpoint", "λ.safetensors")],
                         ids=" ".join)
def test_refusals(run, arguments):
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, "")
    assert stderr


def test_help(run):
    code, stdout, stderr = run("sample", "--help")
    assert (code, stderr) == (0, "")
    assert "Text with blanks" in stdout


def test_reset(run, tmp_path):
    for name in ("lectures", "exercises"):
        (tmp_path / name).mkdir()
    assert run("reset", "1")[0] == 0


def test_a_sample_shows_its_blanks(run):
    code, stdout, _ = run("sample", "the ___", "--show-steps", "--seed", "0", "--steps", "4")
    assert code == 0
    assert stdout.splitlines()[0] == "   0  'the ___'"


@pytest.mark.slow
def test_a_model_of_emoji_is_trained_and_writes(run, tmp_path):
    (tmp_path / "text.txt").write_text("😀😁 über λ\n" * 100, encoding="utf-8")
    code, stdout, _ = run("train", "text.txt", "--steps", "2", "--width", "8", "--depth", "1", "--length", "16",
                          "--batch-size", "2")
    assert code == 0
    assert " bits per character on held-out text" in stdout
    code, stdout, _ = run("sample", "--checkpoint", "model.safetensors", "--steps", "4", "--seed", "0")
    assert code == 0
    assert r"\U0001f60" in stdout
    code, stdout, _ = run("sample", "___", "--checkpoint", "model.safetensors", "--show-steps", "--steps", "4")
    assert code == 0
    assert stdout.startswith("   0  '___'\n")


def test_a_folder_with_exercises_alone_is_the_course(tmp_path, monkeypatch):
    """As in a class's repository: `reset 01` puts back the notebook that stands there, and no other."""
    (tmp_path / "exercises").mkdir()
    mine = tmp_path / "exercises" / "01_single_token_chains.ipynb"
    mine.write_text("mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "exercises")
    done = CliRunner().invoke(app, ["reset", "01"])
    assert done.exit_code == 0
    assert (tmp_path / "exercises" / "01_single_token_chains.old-1.ipynb").read_text(encoding="utf-8") == "mine"
    assert mine.read_text(encoding="utf-8").startswith("{")


# Export: a report, made of records by hand, for each platform

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Exercise 01 (4711)
    Points Possible,,,,,11
"Lovelace, Ada",101,,ada,A,
"Turing, Alan",102,,alan,A,
"""
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (grade),Feedback comments
Participant 1,Ada Lovelace,ada@example.org,Submitted for grading,,100,-,
Participant 2,Alan Turing,alan@example.org,Submitted for grading,,100,-,
"""


def report_of(folder, records):
    folder.mkdir()
    (folder / RECORDS).write_text("".join(f"{to_json(one)}\n" for one in records), encoding="ascii")
    return folder


@pytest.fixture
def report(tmp_path):
    """Of two students, all right and nothing right."""
    return report_of(tmp_path / "report", [record("Ada Lovelace", [result(question) for question in QUESTIONS]),
                                           record("alan", [result(question, "○") for question in QUESTIONS])])


def export(*arguments):
    """Exit code, and the lines printed."""
    done = CliRunner().invoke(app, ["export", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output.splitlines()


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_export_alone_makes_the_report_anew(report):
    assert export(report) == (0, [f"written: {report / 'gradebook.csv'}, overview.html, 2 in pages/"])
    assert [row["total"] for row in rows(report / "gradebook.csv")] == ["11", "0"]
    assert sorted(path.name for path in report.iterdir()) == ["gradebook.csv", "overview.html", "pages", RECORDS]


def test_export_fills_the_tables_of_platforms_and_says_what_it_wrote(report, tmp_path):
    (tmp_path / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    (tmp_path / "moodle.csv").write_text(MOODLE, encoding="utf-8")
    code, lines = export(report, "--canvas", tmp_path / "canvas.csv", "--assignment", "Exercise 01", "--moodle",
                         tmp_path / "moodle.csv", "--gradescope")
    moodles_own = "alan: left out, no row fits; enter these points by hand"
    assert lines[1:] == [f"written: {report / 'for-canvas.csv'}", f"written: {report / 'for-moodle.csv'}",
                         "note: points were scaled from 11 to 100, the table's maximum grade", f"note: {moodles_own}",
                         f"written: {report / 'for-gradescope.zip'}"]
    assert code == 1      # somebody was left out
    assert [row["Exercise 01 (4711)"] for row in rows(report / "for-canvas.csv")] == ["11", "11", "0"]
    assert [row["Grade"] for row in rows(report / "for-moodle.csv")] == ["100", ""]
    assert (report / "for-gradescope.zip").stat().st_size > 0


def test_points_that_were_scaled_are_no_failure(report, tmp_path):
    (tmp_path / "moodle.csv").write_text(MOODLE.replace("alan@example.org", "alan"), encoding="utf-8")
    code, lines = export(report, "--moodle", tmp_path / "moodle.csv")
    assert (code, len(lines)) == (0, 3)


def test_points_entered_in_words_count(tmp_path):
    report = report_of(tmp_path / "report", capstone_class())
    assert export(report)[1] == [f"written: {report / 'gradebook.csv'}, overview.html, 2 in pages/; answers in words "
                                 "without points: 4, see words.csv"]
    table = report / "words.csv"
    text = table.read_text(encoding="utf-8-sig")
    assert text.count('"","2"') == 4      # points, out_of
    table.write_text(text.replace('"","2"', '"1.5","2"'), encoding="utf-8-sig")
    assert export(report)[1] == [f"written: {report / 'gradebook.csv'}, overview.html, 2 in pages/"]
    assert [row["total"] for row in rows(report / "gradebook.csv")] == ["6", "6"]
    table.write_text(text.replace('"","2"', '"three","2"'), encoding="utf-8-sig")
    code, lines = export(report)
    assert code == 2
    assert lines[0] == f"{table}: nothing is taken over, since"
    assert "'three' is not a number of points" in lines[1]


def test_an_answer_in_words_that_was_handed_in_anew_waits_again(tmp_path):
    records = capstone_class()
    report = report_of(tmp_path / "report", records)
    export(report)
    table = report / "words.csv"
    table.write_text(table.read_text(encoding="utf-8-sig").replace('"","2"', '"2","2"'), encoding="utf-8-sig")
    later = replace(records[0], words=(replace(records[0].words[0], text="Another text."), *records[0].words[1:]))
    (report / RECORDS).write_text("".join(f"{to_json(one)}\n" for one in (later, records[1])), encoding="ascii")
    code, lines = export(report)
    assert code == 0
    assert lines == [f"written: {report / 'gradebook.csv'}, overview.html, 2 in pages/; answers in words without "
                     "points: 1, see words.csv",
                     "note: words.csv: of the answers that were graded 1 changed, or are gone; the table as it was is "
                     "kept as words.old-1.csv"]
    assert [row["total"] for row in rows(report / "gradebook.csv")] == ["5", "7"]
    assert export(report)[1] == lines[:1]


def test_a_table_with_a_mistake_in_it_is_left_as_it_is(tmp_path):
    """Here one column was sorted without the others: written anew, the points would be those of other students."""
    report = report_of(tmp_path / "report", capstone_class())
    export(report)
    table = report / "words.csv"
    found = rows(table)
    found[0]["row"], found[1]["row"] = found[1]["row"], found[0]["row"]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows({**row, "points": "1"} for row in found)
    before = table.read_bytes()
    assert export(report)[0] == 2
    assert table.read_bytes() == before


def test_export_enters_points_into_nbgraders_gradebook(report, tmp_path):
    gradebook = pytest.importorskip("nbgrader.api").Gradebook
    database = tmp_path / "gradebook.db"
    assert export(report, "--nbgrader", database) == (0, [
        f"written: {report / 'gradebook.csv'}, overview.html, 2 in pages/", f"written: {database}"])
    with gradebook(f"sqlite:///{database}") as book:
        assert {row["student"]: row["score"] for row in book.submission_dicts("01")} == {"Ada Lovelace": 11, "alan": 0}
    database.write_text("no database" * 100, encoding="ascii")
    code, lines = export(report, "--nbgrader", database)
    assert code == 2
    assert lines[-1].startswith(f"{database}: is no gradebook that nbgrader can use")


def test_export_refuses_with_one_line(report, tmp_path):
    (tmp_path / "canvas.csv").write_text("name,points\nada,3\n", encoding="utf-8")
    for arguments, said in (((tmp_path / "none",), "no such file"), ((report, "--canvas", "x.csv"), "go together"),
                            ((report, "--assignment", "x"), "go together"),
                            ((report, "--moodle", tmp_path / "none.csv"), "No such file"),
                            ((report, "--canvas", tmp_path / "canvas.csv", "--assignment", "x"), "Gradebook, Export")):
        code, lines = export(*arguments)
        assert code == 2
        assert said in lines[-1]


# Verdicts for a workflow

@pytest.mark.slow
def test_check_writes_its_verdicts_as_json(tmp_path):
    solved = ROOT / "solutions" / notebook_name("00")
    verdicts = tmp_path / "verdicts.json"
    done = CliRunner().invoke(app, ["check", str(solved), "--json", str(verdicts)])
    assert done.exit_code == 0
    found = json.loads(verdicts.read_text(encoding="utf-8"))
    assert [test["status"] for test in found["tests"]] == ["pass"]
    assert found["status"] == "pass"


# Progress

def checked_all(monkeypatch, passed, *arguments):
    """What is printed where the tasks named have passed, and those of a topic "?" could not run."""
    def check_notebook(path):
        topic = path.name[:2]
        return Outcome(tuple(Verdict(id_, "✓" if id_ in passed else "✗", "" if id_ in passed else "wrong")
                             for id_ in task_ids(topic)), problem="" if topic != "04" else "could not run")

    monkeypatch.setattr("dlm_course.course.student.check_notebook.check_notebook", check_notebook)
    return CliRunner().invoke(app, ["check", *arguments]).stdout.splitlines()


TASKS = [id_ for topic in TOPICS for id_ in task_ids(topic)]
POINTS = {id_: find(id_).points for id_ in TASKS}


@pytest.mark.parametrize("passed", [[], TASKS[:1], TASKS[:7], TASKS[1:], TASKS[:20] + TASKS[21:30], TASKS])
def test_check_of_all_ends_with_the_progress_and_the_next_task(monkeypatch, passed):
    *lines, last = checked_all(monkeypatch, passed)
    assert [line.split(":")[0].split()[1] for line in lines] == TASKS
    counts, _, following = last.partition("; next: ")
    assert counts == (f"{len(passed)} of {len(TASKS)} tasks, {sum(POINTS[id_] for id_ in passed)} of "
                      f"{sum(POINTS.values())} points")
    left = [id_ for id_ in TASKS if id_ not in passed]
    assert following == (f"{left[0]}, in exercises/{notebook_name(left[0][:2])}" if left else "")


def test_check_of_one_topic_says_nothing_of_the_others(monkeypatch):
    assert checked_all(monkeypatch, TASKS, "01") == [f"✓ {id_}" for id_ in task_ids("01")]


def test_what_could_not_run_is_an_error_in_the_json(tmp_path):
    verdicts = tmp_path / "verdicts.json"
    done = CliRunner().invoke(app, ["check", str(tmp_path / "none.ipynb"), "--json", str(verdicts)])
    assert done.exit_code == 2
    assert json.loads(verdicts.read_text(encoding="utf-8")) == {"version": 1, "status": "error", "max_score": 0,
                                                                "tests": []}
