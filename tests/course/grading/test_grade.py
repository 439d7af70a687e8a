"""Grading a class: a class of strangers in one run; killed, interrupted, short of room, and asked again."""

import base64
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from small_class import CUMULATIVE, NEXT, RIGHT
from small_graders import SEED, FakeGrader, needs_bubblewrap
from small_strangers import (
    ALL_RIGHT,
    CHEATS,
    EXECUTION,
    EXERCISE,
    FILES,
    KINDS,
    PUBLIC_ANSWERS,
    answering,
    full,
    in_function,
    make_class,
    notebook,
    packed,
    student_of,
)
from small_styles import STYLES, make_styles
from small_submissions import NAME, OTHER_NAME, ROOT, SOLVED, lay, zipped
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.course.grading import grade as grading
from dlm_course.course.grading.grade import Done, GradeError, grade, topic_in, write_report
from dlm_course.course.grading.handed_in import submissions
from dlm_course.course.grading.handed_in.listing import Folder
from dlm_course.course.grading.handed_in.names import printable
from dlm_course.course.grading.handed_in.submissions import SubmissionsError
from dlm_course.course.grading.records import Record, Store, StoreError, Words, load_records
from dlm_course.course.grading.report.spreadsheets import TableError, read_table, write_table
from dlm_course.course.grading.sandbox import box, processes
from dlm_course.course.grading.sandbox.box import SandboxError
from dlm_course.course.grading.sandbox.wire import Limits
from dlm_course.course.grading.worker import Assignment, Grader
from dlm_course.course.questions import answer_key, find, judge, references_before, run
from dlm_course.course.topics import TOPICS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no sandbox on Windows")


@pytest.fixture(autouse=True)
def _signals_as_before():
    """The command takes SIGTERM for Ctrl-C, also in the process of the tests that call it there."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def fake(monkeypatch):
    return FakeGrader.put(monkeypatch)


def small_class(folder, *students, content=SOLVED):
    return lay(folder, {f"{student}/{NAME}": content for student in students})


def contents(folder):
    """By path below a folder, a hash of each file, links not followed."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


# A class of strangers

@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """All kinds and all styles, graded in one run: the records by student, and where all is.

    In bubblewrap, or in what DLM_COURSE_SANDBOX names: "container:IMAGE".
    """
    sandbox = os.environ.get("DLM_COURSE_SANDBOX", "bubblewrap")
    if sandbox == "bubblewrap":
        needs_bubblewrap()
    place = tmp_path_factory.mktemp("strangers")
    folder, report, outside = place / "class", place / "report", place / "outside"
    make_class(folder, report, outside)
    make_styles(folder)
    handed_in = contents(folder)
    with warnings.catch_warnings():    # numpy's, of odd numbers
        warnings.simplefilter("ignore")
        done = grade(folder, report, "01", seed=SEED, sandbox=sandbox, seconds=4,    # what hangs takes 4 or 8
                     jobs=os.cpu_count() or 1)
    records = load_records(report)
    return {"records": {record.student: record for record in records}, "done": done, "report": report,
            "folder": folder, "outside": outside, "handed_in": handed_in}


def signs(record):
    return "".join("½" if 0 < result.points < result.out_of else result.status for result in record.results)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_its_documented_outcome(strangers, name):
    kind, record = KINDS[name], strangers["records"][printable(student_of(name), 1000)]
    assert signs(record) == kind.signs
    assert [result.points for result in record.results] == [
        {"✓": result.out_of, "½": result.out_of / 2}.get(sign, 0)
        for sign, result in zip(kind.signs, record.results, strict=True)]
    wrong = next((result.reason for result in record.results if result.status == "✗"), "not attempted")
    assert re.search(kind.says, record.problem or wrong), record.problem or wrong
    assert bool(record.problem) == (kind.signs == "○○○○○" and {result.reason for result in record.results} == {
        "nothing could be graded"})
    assert not kind.note or any(kind.note in note for note in record.notes), record.notes
    flags = [flag for result in record.results for flag in result.flags]
    assert not kind.flag or kind.flag in flags, flags


@pytest.mark.slow
def test_one_record_each(strangers):
    assert len(strangers["records"]) == len(KINDS) + len(STYLES) == strangers["done"].graded
    assert strangers["done"].problems == sum(bool(record.problem) for record in strangers["records"].values()) > 20
    assert min(len(FILES), len(EXECUTION), len(CHEATS)) > 25


@pytest.mark.slow
def test_no_cheat_has_points_for_a_wrong_answer(strangers):
    """The wrong answer of a cheat is its only one."""
    assert {name: points for name in CHEATS if (points := strangers["records"][name].points)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_no_right_answer_loses_points_for_its_style(strangers, style):
    record = strangers["records"][f"right, {style}"]
    assert (record.problem, [result.reason for result in record.results]) == ("", [""] * 5)
    assert (signs(record), record.points) == (ALL_RIGHT, record.out_of)


@pytest.mark.slow
def test_nothing_outside_of_the_sandbox_was_touched(strangers):
    assert not strangers["outside"].exists()
    assert contents(strangers["folder"]) == strangers["handed_in"]
    assert {path.name for path in strangers["report"].iterdir()} == {
        "records.jsonl", "records.lock", "settings.json", "gradebook.csv", "overview.html", "pages"}
    assert json.loads((strangers["report"] / "settings.json").read_text(encoding="utf-8"))["seed"] == SEED
    assert not [pid for pid in processes.below(os.getpid()) if _command(pid).startswith("bwrap")]


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@pytest.mark.slow
def test_the_report_has_a_page_and_a_row_each(strangers):
    pages = {path.name for path in (strangers["report"] / "pages").iterdir()}
    rows = read_table((strangers["report"] / "gradebook.csv").read_bytes(), ("student", "total", "page"))
    assert {row["student"] for _, row in rows} == set(strangers["records"])
    assert {Path(row["page"]).name for _, row in rows} == pages
    assert len(pages) == len(strangers["records"])
    for text in [strangers["report"] / "overview.html", *(strangers["report"] / "pages").iterdir()]:
        assert "<script>alert" not in text.read_text(encoding="utf-8")


@pytest.mark.slow
def test_graded_again_they_are_the_same_bytes(strangers, tmp_path):
    """Some of them, by one grader instead of several, in another report."""
    names = [name for n, name in enumerate(KINDS) if n % 6 == 0 and "differs in case" not in KINDS[name].note]
    make_class(tmp_path / "class", strangers["report"], strangers["outside"], names, said=strangers["folder"])
    grade(tmp_path / "class", tmp_path / "report", "01", seed=SEED, seconds=4, jobs=1)
    lines = set((strangers["report"] / "records.jsonl").read_text(encoding="ascii").splitlines())
    again = (tmp_path / "report" / "records.jsonl").read_text(encoding="ascii").splitlines()
    assert [line for line in again if line not in lines] == []
    assert len(again) == len(names)


def test_what_is_hard_coded_is_right_in_the_self_check():
    """So that the cheat fails by its seed alone."""
    question = find(NEXT)
    names = {"torch": pytest.importorskip("torch")}
    exec(PUBLIC_ANSWERS, names)
    found = {}
    for seed in (0, SEED):
        outputs = run(names["next_distribution"], question.cases(seed), references_before(question))
        found[seed] = judge(answer_key(question, seed), outputs).status
    assert found == {0: "✓", SEED: "✗"}


@pytest.mark.slow
def test_without_a_sandbox_solutions_can_be_read(tmp_path):
    """So that the theft fails by the sandbox alone."""
    make_class(tmp_path / "class", tmp_path / "report", tmp_path / "outside", ["reading solutions"])
    with Grader(Assignment("01", SEED, sandbox="none")) as grader:
        record = grader.grade(submissions.find_submissions(tmp_path / "class", "01")[0])
    assert (signs(record), record.sandbox) == ("✓○○○○", "none")


# Killed, interrupted, and resumed

def command(*arguments):
    return [sys.executable, "-c", "from dlm_course.cli import main; main()", "grade", *map(str, arguments)]


def started(*arguments):
    return subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)


def lines_of(report):
    path = report / "records.jsonl"
    return path.read_bytes().splitlines() if path.exists() else []


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def slow_class(tmp_path_factory):
    """Twelve students, each a moment's work, and the report of an undisturbed run on them."""
    needs_bubblewrap()
    place = tmp_path_factory.mktemp("slow")
    for n in range(12):
        answer = in_function(f"import time\ntime.sleep(0.2)\nassert {n} != 5")
        lay(place / "class", {f"student {n:02}/{NAME}": b"" if n == 3 else answer})
    grade(place / "class", place / "undisturbed", "01", seed=SEED, jobs=2)
    return place


def same_report(report, place):
    return all((report / name).read_bytes() == (place / "undisturbed" / name).read_bytes()
               for name in ("records.jsonl", "gradebook.csv", "overview.html"))


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_a_run_that_is_ended_goes_on_and_grades_nobody_twice(slow_class, tmp_path, end):
    report = tmp_path / "report"
    running = started(slow_class / "class", "--out", report, "--seed", SEED, "--jobs", 2)
    wait_for(lambda: len(lines_of(report)) >= 4)    # the last one may not be on the disk yet: then it is taken back
    below = processes.below(running.pid)
    assert below
    start = time.monotonic()
    os.kill(running.pid, end)
    stdout, stderr = running.communicate(timeout=60)
    assert time.monotonic() - start < 10
    assert stdout == ""
    if end == signal.SIGKILL:
        assert running.returncode == -signal.SIGKILL
    else:
        assert running.returncode == 130
        assert stderr == f"interrupted; what is graded stands in {report}, and the same command goes on from there\n"
    wait_for(lambda: not any(_command(pid) for pid in below), 10)
    kept = lines_of(report)
    assert 3 <= len(kept) < 12
    done = grade(slow_class / "class", report, "01", jobs=2)    # the seed is that of the report
    assert done == Done(12 - len(kept), len(kept), 1)
    assert set(kept) <= set(lines_of(report))
    assert same_report(report, slow_class)


def test_nobody_is_graded_twice(fake, tmp_path):
    small_class(tmp_path / "class", *"abcdefgh")
    graded = []

    def does(submission):
        if len(graded) == 3 and not hasattr(does, "resumed"):
            raise KeyboardInterrupt
        graded.append(submission.student)
    fake(does=does)
    with pytest.raises(KeyboardInterrupt):
        grade(tmp_path / "class", tmp_path / "report", "01", jobs=1)
    kept = len(lines_of(tmp_path / "report"))
    does.resumed = True
    assert grade(tmp_path / "class", tmp_path / "report", "01", jobs=1) == Done(8 - kept, kept, 0)
    assert kept >= 2
    assert set(graded) == set("abcdefgh")
    assert len(graded) - len(set(graded)) <= 1    # who was ready and not yet kept
    assert grade(tmp_path / "class", tmp_path / "report", "01") == Done(0, 8, 0)


def test_a_class_that_is_graded_opens_no_box(fake, tmp_path):
    small_class(tmp_path / "class", "ada")
    grade(tmp_path / "class", tmp_path / "report", "01")
    FakeGrader.made.clear()
    grade(tmp_path / "class", tmp_path / "report", "01")
    assert FakeGrader.made == []


def test_who_has_handed_in_something_else_is_graded_again(fake, tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    grade(tmp_path / "class", tmp_path / "report", "01")
    (tmp_path / "class" / "ben" / NAME).write_bytes(b"")
    lay(tmp_path / "class", {f"eve/{NAME}": SOLVED})
    assert grade(tmp_path / "class", tmp_path / "report", "01") == Done(2, 1, 1)
    assert [bool(record.problem) for record in load_records(tmp_path / "report")] == [False, True, False]


# No room, no right, no lock

@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for a few records, and what makes more room."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], capture_output=True,
                      check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield place, lambda: subprocess.run(["mount", "-o", "remount,size=8m", place], check=True)
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(params=["a small disk", "a full disk", "a quota"])
def short_of_room(request, tmp_path, monkeypatch):
    """The same, also where the disk is made up."""
    if request.param == "a small disk":
        return request.getfixturevalue("small_disk")
    write, written = os.write, []
    error = OSError(errno.ENOSPC if request.param == "a full disk" else errno.EDQUOT, "no room")

    def writes(handle, data):
        if len(data) > 10_000:    # a record; half of it is written, then there is no room
            written.append(len(data))
            if len(written) > 4:
                write(handle, data[:len(data) // 2])
                raise error
        return write(handle, data)
    monkeypatch.setattr(os, "write", writes)
    return tmp_path, lambda: monkeypatch.setattr(os, "write", write)


def test_a_full_disk_loses_nothing(fake, short_of_room, tmp_path):
    place, make_room = short_of_room
    fake(does=lambda submission: {"notes": ("x" * 20_000,)})
    small_class(tmp_path / "class", *"abcdefghijklmn")
    arguments = ["grade", str(tmp_path / "class"), "--out", str(place / "report"), "--topic", "1"]
    failed = CliRunner().invoke(app, arguments)
    assert failed.exit_code == 2, failed.output
    assert re.search(r"records.jsonl cannot be written: .*; (the disk is full|your quota is used up): make room and "
                     "run the same command again", failed.stderr)
    kept = lines_of(place / "report")
    assert 3 <= len(kept) < 14
    assert all(json.loads(line)["notes"] == ["x" * 20_000] for line in kept)
    assert (place / "report" / "records.jsonl").read_bytes().endswith(b"\n")
    make_room()
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{14 - len(kept)} graded, {len(kept)} were graded before" in done.stdout
    assert len(lines_of(place / "report")) == 14


def test_a_disk_that_is_full_at_the_end_loses_nothing(fake, tmp_path, monkeypatch):
    small_class(tmp_path / "class", "ada", "ben")

    def full_disk(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
    with monkeypatch.context() as patch:
        patch.setattr("dlm_course.course.grading.report.overview.write_whole", full_disk)
        with pytest.raises(GradeError, match=r"overview.html cannot be written: No space left on device; .*make room"):
            grade(tmp_path / "class", tmp_path / "report", "01")
    assert grade(tmp_path / "class", tmp_path / "report", "01") == Done(0, 2, 0)
    assert (tmp_path / "report" / "overview.html").exists()


def test_two_graders_cannot_share_a_report(fake, tmp_path):
    small_class(tmp_path / "class", "ada")
    with Store(tmp_path / "report"):
        done = CliRunner().invoke(app, ["grade", str(tmp_path / "class"), "--out", str(tmp_path / "report")])
    assert done.exit_code == 2
    assert "another grading run is writing there" in done.stderr
    grade(tmp_path / "class", tmp_path / "report", "01")


def test_the_report_is_the_runs_own_until_it_is_written(fake, tmp_path, monkeypatch):
    small_class(tmp_path / "class", "ada")

    def meanwhile(*_):
        with pytest.raises(StoreError, match="another grading run"):
            Store(tmp_path / "report")
    monkeypatch.setattr(grading, "write_overview", meanwhile)
    grade(tmp_path / "class", tmp_path / "report", "01")


@pytest.mark.parametrize("where", ["class", "class/report", "class/ada/report"])
def test_a_report_does_not_lie_among_the_submissions(tmp_path, where):
    small_class(tmp_path / "class", "ada")
    before = contents(tmp_path)
    with pytest.raises(GradeError, match="among the submissions; give the report a folder elsewhere"):
        grade(tmp_path / "class", tmp_path / where, "01")
    assert contents(tmp_path) == before


def test_a_report_takes_no_folder_of_something_else(fake, tmp_path):
    """Its pages would replace those that are there."""
    small_class(tmp_path / "class", "ada")
    lay(tmp_path / "site", {"pages/index.html": b"my page"})
    before = contents(tmp_path)
    with pytest.raises(GradeError, match="holds other files than a report, pages for example"):
        grade(tmp_path / "class", tmp_path / "site", "01")
    assert contents(tmp_path) == before
    lay(tmp_path / "empty", {".gitkeep": b""})
    grade(tmp_path / "class", tmp_path / "empty", "01")


# What was settled

def test_the_first_run_settles_the_seed_and_the_limits(fake, tmp_path):
    small_class(tmp_path / "class", "ada")
    grade(tmp_path / "class", tmp_path / "report", "01", seconds=7)
    first = json.loads((tmp_path / "report" / "settings.json").read_text(encoding="utf-8"))
    assert first["topic"] == "01"
    assert 1 <= first["seed"] < 2**31
    assert (first["limits"]["cpu"], first["limits"]["wall"]) == (7, 14)
    assert grade(tmp_path / "class", tmp_path / "report", "01").graded == 0
    assert json.loads((tmp_path / "report" / "settings.json").read_text(encoding="utf-8")) == first
    assert [record.seed for record in load_records(tmp_path / "report")] == [first["seed"]]


def test_each_new_report_has_cases_of_its_own(fake, tmp_path):
    small_class(tmp_path / "class", "ada")
    for n in range(3):
        grade(tmp_path / "class", tmp_path / f"{n}", "01")
    assert len({load_records(tmp_path / f"{n}")[0].seed for n in range(3)}) == 3


@pytest.mark.parametrize("changed", [{"seed": 8}, {"seconds": 5}, {"sandbox": "none"}], ids=str)
def test_another_seed_limit_or_sandbox_grades_all_anew(fake, tmp_path, changed):
    small_class(tmp_path / "class", "ada", "ben")
    grade(tmp_path / "class", tmp_path / "report", "01", seed=SEED)
    assert grade(tmp_path / "class", tmp_path / "report", "01", **changed) == Done(2, 0, 0)
    assert len(load_records(tmp_path / "report")) == 2


@pytest.mark.parametrize("seed", [0, -1, 2**31, 1.0, "7", True, float("nan")], ids=repr)
def test_seeds_that_are_none(fake, tmp_path, seed):
    small_class(tmp_path / "class", "ada")
    with pytest.raises(GradeError, match="is no seed of hidden cases: give a whole number from 1 to 2,147,483,647"):
        grade(tmp_path / "class", tmp_path / "report", "01", seed=seed)
    assert grade(tmp_path / "class", tmp_path / "report", "01").graded == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"topic": "01", "seed": "7", "limits": {}}',
                                  '{"topic": "01", "seed": true, "limits": {}}',
                                  '{"topic": "99", "seed": 7, "limits": {}}',
                                  '{"topic": "01", "seed": 7, "limits": {"wall": "60"}}',
                                  '{"topic": "01", "seed": 7, "limits": {"cpu": 1.5}}',
                                  '{"topic": "01", "seed": 7, "limits": {"memory": -1}}',
                                  '{"topic": "01", "seed": 7, "limits": {"wall": NaN}}',
                                  '{"topic": "01", "seed": 7, "limits": {"other": 1}}', "\udcff"], ids=repr)
def test_settings_that_are_damaged(fake, tmp_path, text):
    small_class(tmp_path / "class", "ada")
    grade(tmp_path / "class", tmp_path / "report", "01")
    (tmp_path / "report" / "settings.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(GradeError, match=r"does not hold the settings of a report .*put it back as it was"):
        grade(tmp_path / "class", tmp_path / "report", "01")


def test_another_topics_report(fake, tmp_path):
    small_class(tmp_path / "class", "ada")
    grade(tmp_path / "class", tmp_path / "report", "01")
    before = contents(tmp_path)
    with pytest.raises(GradeError, match="is the report of topic 01; give topic 02 another with --out"):
        grade(tmp_path / "class", tmp_path / "report", "02")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(("arguments", "said"), [
    ({"topic": "99"}, "there is no topic '99'; the topics are 00, 01"),
    ({"seconds": 0.5}, "0.5 seconds for a question"), ({"seconds": float("nan")}, "nan seconds"),
    ({"jobs": 0}, "0 graders"), ({"again": ["zoe", "ada"]}, "no submission by zoe lies in")], ids=str)
def test_what_cannot_be_asked_for(fake, tmp_path, arguments, said):
    small_class(tmp_path / "class", "ada")
    with pytest.raises(GradeError, match=said):
        grade(tmp_path / "class", tmp_path / "report", **{"topic": "01", **arguments})
    assert not (tmp_path / "report").exists()


def test_one_student_again(fake, tmp_path):
    small_class(tmp_path / "class", "ada", "ben", "eve")
    grade(tmp_path / "class", tmp_path / "report", "01")
    before = lines_of(tmp_path / "report")
    graded = []
    fake(does=lambda submission: graded.append(submission.student))
    assert grade(tmp_path / "class", tmp_path / "report", "01", again=["ben"]) == Done(1, 2, 0)
    assert graded == ["ben"]
    assert lines_of(tmp_path / "report") == before


# The topic

def test_the_topic_is_what_the_files_are_called_by(tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    assert topic_in(tmp_path / "class") == "01"
    (tmp_path / "class.zip").write_bytes(zipped({f"ada/{OTHER_NAME}": SOLVED}))
    assert topic_in(tmp_path / "class.zip") == "02"


def test_several_topics_or_none_are_told(tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    lay(tmp_path / "class", {f"ben/{OTHER_NAME}": SOLVED})
    with pytest.raises(GradeError, match="topics 01, 02; say which one to grade, --topic 01 for example"):
        topic_in(tmp_path / "class")
    lay(tmp_path / "none", {"ada/homework.ipynb": SOLVED})
    with pytest.raises(GradeError, match="no file's name says its topic"):
        topic_in(tmp_path / "none")
    with pytest.raises(SubmissionsError):
        topic_in(tmp_path / "not there")


def test_the_class_is_listed_once_for_all_topics(tmp_path, monkeypatch):
    small_class(tmp_path / "class", *(f"student {n}" for n in range(20)))
    listed = []
    children = Folder.children
    monkeypatch.setattr(Folder, "children", lambda self, parts, most=None: listed.append(parts) or children(
        self, parts, most))
    topic_in(tmp_path / "class")
    assert len(listed) < 2 * 22 < 20 * len(TOPICS)


# The report

def test_pages_of_who_is_gone_go_too(fake, tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    grade(tmp_path / "class", tmp_path / "report", "01")
    with Store(tmp_path / "report"):
        pass
    kept = [line for line in lines_of(tmp_path / "report") if b'"ada"' in line]
    (tmp_path / "report" / "records.jsonl").write_bytes(b"\n".join(kept) + b"\n")
    lay(tmp_path / "report" / "pages", {"notes.txt": b"mine"})
    write_report(tmp_path / "report")
    assert {path.name for path in (tmp_path / "report" / "pages").iterdir()} == {"ada.html", "notes.txt"}


# A picture of one black pixel
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


def showing(png, task=NEXT):
    """The exercise, in which the answer to a task shows this PNG."""
    made = notebook({})
    answer = next(cell for cell in made["cells"] if cell["id"] == task)
    answer["outputs"] = [{"output_type": "display_data", "metadata": {},
                          "data": {"image/png": base64.b64encode(png).decode(), "text/plain": "<Figure>"}}]
    return packed(made)


def test_pages_show_the_figures_of_the_notebooks_also_when_they_are_made_anew(fake, tmp_path):
    small_class(tmp_path / "class", "ada", content=showing(PIXEL))
    small_class(tmp_path / "class", "ben", content=showing(b"<script>"))
    small_class(tmp_path / "class", "eve")
    report = tmp_path / "report"
    grade(tmp_path / "class", report, "01")
    shutil.rmtree(tmp_path / "class")    # the pages are made from the report alone
    for name in ("ada", "ben", "eve"):
        (report / "pages" / f"{name}.html").unlink()
    write_report(report)
    ada, ben, eve = ((report / "pages" / f"{name}.html").read_text(encoding="utf-8") for name in ("ada", "ben", "eve"))
    assert ada.count("data:image/png;base64,") == 1
    assert "figure that your notebook shows below your answer to 01-1" in ada
    assert "no sound PNG" in ben
    assert "data:image" not in ben + eve
    assert "script" not in "".join(path.read_text(encoding="latin-1") for path in (report / "figures").rglob("*.png"))


def test_figures_of_what_was_handed_in_before_go(fake, tmp_path):
    small_class(tmp_path / "class", "ada", content=showing(PIXEL))
    grade(tmp_path / "class", tmp_path / "report", "01")
    first, = (tmp_path / "report" / "figures").iterdir()
    lay(tmp_path / "report" / "figures", {".DS_Store": b"a file manager's"})
    small_class(tmp_path / "class", "ada", content=showing(PIXEL, CUMULATIVE))
    grade(tmp_path / "class", tmp_path / "report", "01")
    assert (tmp_path / "report" / "figures" / ".DS_Store").exists()
    second, = (path for path in (tmp_path / "report" / "figures").iterdir() if path.is_dir())
    assert first != second
    assert [path.name for path in second.iterdir()] == [f"{CUMULATIVE}.png"]


def test_who_has_no_submission_any_more_stays_and_is_told(fake, tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    grade(tmp_path / "class", tmp_path / "report", "01")
    shutil.rmtree(tmp_path / "class" / "ben")
    done = CliRunner().invoke(app, ["grade", str(tmp_path / "class"), "--out", str(tmp_path / "report")])
    assert "note: 1 in the report have no submission in" in done.stdout
    assert len(load_records(tmp_path / "report")) == 2


def with_words(text, student="ada"):
    return Record(student, "10", "x", "0" * 64, SEED, "none", words=(Words("10-5-the-text", text, "rubric", 2.0),))


def in_store(report, *records):
    with Store(report) as store:
        for record in records:
            store.append(record)


def entered(report, points):
    """What a person enters into the table of answers in words."""
    rows = [row for _, row in read_table((report / "words.csv").read_bytes(), ("student",))]
    write_table(report / "words.csv", list(rows[0]), [{**row, "points": points} for row in rows])


def test_points_that_a_person_enters_count(tmp_path):
    in_store(tmp_path, with_words("My diary."))
    write_report(tmp_path)
    entered(tmp_path, "1.5")
    write_report(tmp_path)
    assert grading.given_points(tmp_path, load_records(tmp_path)) == {("ada", "10-5-the-text"): 1.5}
    assert "1.5" in (tmp_path / "gradebook.csv").read_text(encoding="utf-8-sig")


def test_a_text_that_changed_after_it_was_graded_is_asked_for_again(tmp_path):
    """The points of the old text are kept aside: they must not keep the class from being graded."""
    in_store(tmp_path, with_words("My diary."), with_words("Ben's.", "ben"))
    write_report(tmp_path)
    entered(tmp_path, "1")
    in_store(tmp_path, with_words("My other diary."))
    _, notes = write_report(tmp_path)
    assert len(notes) == 1
    assert "words.old-1.csv" in notes[0]
    assert grading.given_points(tmp_path, load_records(tmp_path)) == {("ben", "10-5-the-text"): 1.0}


def test_points_that_are_none_are_told(tmp_path):
    in_store(tmp_path, with_words("My diary."))
    write_report(tmp_path)
    entered(tmp_path, "many")
    with pytest.raises(TableError, match="'many' is not a number of points"):
        write_report(tmp_path)


# The command

def invoke(*arguments):
    return CliRunner().invoke(app, ["grade", *map(str, arguments)])


def test_the_command_says_what_it_did(fake, tmp_path):
    small_class(tmp_path / "class", "ada", "ben")
    done = invoke(tmp_path / "class", "--out", tmp_path / "report")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"2 graded. See {tmp_path / 'report' / 'overview.html'}\n"
    lay(tmp_path / "class", {f"eve/{NAME}": b""})
    done = invoke(tmp_path / "class", "--out", tmp_path / "report", "--topic", "1", "--jobs", "1")
    assert done.exit_code == 1
    assert done.stdout.startswith("1 graded, 2 were graded before; in the report 1 could not be graded. See ")


@pytest.mark.parametrize(("arguments", "said"), [
    (["--container", "x", "--no-sandbox"], "--container and --no-sandbox exclude each other"),
    (["--topic", "99"], "there is no topic '99'"), (["--again", "zoe"], "no submission by zoe"),
    (["--seed", "0"], "0 is no seed of hidden cases"), (["--seconds", "0"], "Invalid value for '--seconds'"),
    (["--jobs", "0"], "Invalid value for '--jobs'"), (["--seed", "x"], "Invalid value for '--seed'"),
    (["--container", ""], ""), (["--scheduler", "x"], "dask|Dask")], ids=" ".join)
def test_the_command_refuses(fake, tmp_path, arguments, said, monkeypatch):
    if arguments == ["--scheduler", "x"]:
        monkeypatch.setitem(sys.modules, "distributed", None)
    small_class(tmp_path / "class", "ada")
    done = invoke(tmp_path / "class", "--out", tmp_path / "report", *arguments)
    assert done.exit_code == (2 if said else 0)
    assert re.search(said, done.stderr)
    assert "Traceback" not in done.stderr


def test_there_is_nothing_to_grade(tmp_path):
    done = invoke(tmp_path / "not there", "--out", tmp_path / "report")
    assert done.exit_code == 2
    assert "give the folder of submissions" in done.stderr
    assert not (tmp_path / "report").exists()


def test_without_bubblewrap_the_command_says_what_to_install(tmp_path, monkeypatch):
    small_class(tmp_path / "class", "ada")
    monkeypatch.setattr(box.shutil, "which", lambda name: None)
    done = invoke(tmp_path / "class", "--out", tmp_path / "report")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "apt install bubblewrap" in done.stderr if sys.platform == "linux" else "container" in done.stderr
    assert done.stderr.count("--container IMAGE") == 1
    assert not (tmp_path / "report").exists()    # a report in which nothing was graded is no report
    with pytest.raises(SandboxError):
        grade(tmp_path / "class", tmp_path / "report", "01")


def test_without_a_sandbox_the_report_says_so(tmp_path):
    small_class(tmp_path / "class", "ada", content=answering(RIGHT[NEXT]))
    done = invoke(tmp_path / "class", "--out", tmp_path / "report", "--no-sandbox", "--jobs", "1")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: without a sandbox students' code runs as you")
    record, = load_records(tmp_path / "report")
    assert (record.sandbox, record.points) == ("none", 1)
    assert json.loads((tmp_path / "report" / "settings.json").read_text(encoding="utf-8"))["sandbox"] == "none"
    text = re.sub(r"<[^>]+>|\s+", " ", (tmp_path / "report" / "overview.html").read_text(encoding="utf-8"))
    assert re.search(r"sandbox", text, re.IGNORECASE)
    assert re.search(r"\bnone\b|without a sandbox|no sandbox", text, re.IGNORECASE)


# A cluster

@pytest.mark.slow
def test_a_cluster_of_two_workers_gives_the_same_files(tmp_path):
    needs_bubblewrap()
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra `grading`")
    names = [name for n, name in enumerate(KINDS) if n % 4 == 0]
    make_class(tmp_path / "class", tmp_path / "report", tmp_path / "outside", names)
    grade(tmp_path / "class", tmp_path / "here", "01", seed=SEED, seconds=4, jobs=2)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                                  worker_dashboard_address="127.0.0.1:0") as cluster:
        grade(tmp_path / "class", tmp_path / "there", "01", seed=SEED, seconds=4, scheduler=cluster.scheduler_address)
    for name in ("records.jsonl", "gradebook.csv", "overview.html", "settings.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name
    assert contents(tmp_path / "here" / "pages") == contents(tmp_path / "there" / "pages")


# Many

MEASURED = """
import resource, sys
from pathlib import Path
from dlm_course.course.grading.grade import grade
done = grade(Path(sys.argv[1]), Path(sys.argv[2]), "01", seed=7, jobs=2)
print(done.graded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's own memory is Linux's")
def test_the_graders_memory_does_not_grow_with_the_class(tmp_path):
    needs_bubblewrap()
    peak = {}
    for number in (20, 200):
        place = tmp_path / f"{number}"
        # One task each is asked of the sandbox; outputs of half a megabyte, which must not gather.
        made = notebook({CUMULATIVE: RIGHT[CUMULATIVE]})
        made["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 500_000}]
        small_class(place / "class", *(f"{n:03}" for n in range(number)), content=packed(made))
        done = subprocess.run([sys.executable, "-c", MEASURED, place / "class", place / "report"], check=True,
                              capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        graded, kibibytes = map(int, done.stdout.split())
        assert graded == number
        peak[number] = kibibytes / 1024
    assert peak[200] < peak[20] + 15, peak


def test_default_limits_are_those_of_the_help():
    assert (Limits().cpu, Limits().wall) == (30, 60)
    assert "30 if left out" in " ".join(CliRunner().invoke(app, ["grade", "--help"]).stdout.split())


def test_the_exercise_is_what_students_get():
    assert [cell for cell in EXERCISE["cells"] if cell.get("id") == NEXT]
    assert full({}) != packed(EXERCISE)
