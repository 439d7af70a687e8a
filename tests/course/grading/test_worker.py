"""The worker: one record a submission, whatever it holds; one mistake costs once; the same grades wherever it runs."""

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from small_class import CUMULATIVE, ESTIMATE, NEXT, PATHS, RIGHT, SAMPLE
from small_graders import SEED, SHORT, FakeBox, always_right, needs_bubblewrap, right_outputs
from small_strangers import EXERCISE, WRONG, answering, cell, full, notebook, packed
from small_styles import class_of_right_answers, stored
from small_submissions import ROOT

from dlm_course.course.grading import worker
from dlm_course.course.grading.handed_in.listing import FileLimits
from dlm_course.course.grading.handed_in.submissions import Submission, find_submissions
from dlm_course.course.grading.numbers import COMPUTED, NOT_COMPUTED
from dlm_course.course.grading.records import to_json
from dlm_course.course.grading.sandbox import processes
from dlm_course.course.grading.sandbox.box import BoxLost, SandboxError
from dlm_course.course.grading.sandbox.wire import Limits, Reply, encode_outputs
from dlm_course.course.grading.worker import Assignment, Grader, Stopped
from dlm_course.course.questions import Output
from dlm_course.course.topics import TOPICS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="no sandbox on Windows")]

ASSIGNMENT = Assignment("01", SEED, limits=SHORT)


def submitted(content, **fields):
    return Submission("ada", "01", "ada/01_single_token_chains.ipynb", content, **fields)


SOLVED = submitted(packed(notebook(RIGHT)))


def graded(monkeypatch, submission, reply=always_right, assignment=ASSIGNMENT):
    """The record of a submission, and the made-up boxes that were opened."""
    boxes = []
    monkeypatch.setattr(worker, "open_box", lambda *_: boxes.append(FakeBox(reply)) or boxes[-1])
    with Grader(assignment) as grader:
        record = grader.grade(submission)
    assert all(box.closed for box in boxes)
    return record, boxes


def signs(record):
    return "".join(result.status for result in record.results)


# A record

def test_a_solved_notebook(monkeypatch):
    record, (box,) = graded(monkeypatch, SOLVED)
    assert (record.student, record.topic, record.file, record.seed) == ("ada", "01", SOLVED.file, SEED)
    assert (record.problem, record.notes, record.words) == ("", (), ())
    assert [(result.question, result.points) for result in record.results] == [
        (NEXT, 1), (CUMULATIVE, 2), (PATHS, 3), (SAMPLE, 3), (ESTIMATE, 2)]
    assert {(result.reason, result.flags) for result in record.results} == {("", ())}
    assert [result.source for result in record.results] == list(RIGHT.values())
    assert [job.name for job in box.jobs] == ["next_distribution", "cumulative_matrix", "marginal_by_paths",
                                              "sample_paths", "estimate_matrix"]


def test_the_numbers_of_a_project_are_computed_from_its_models_alone(monkeypatch):
    project = replace(ASSIGNMENT, topic="10")
    content = (ROOT / "solutions" / "10_capstone.ipynb").read_bytes()
    without = Submission("ada", "10", "ada/10_capstone.ipynb", content)

    def reply(job):
        if job.name == "numbers":
            value = np.array([[64.0, 65], [64, 66], [64, 64], [2, 2], [2, 2]])
            return Reply("done", encode_outputs([Output(value, "Tensor")]))
        return Reply("time")

    record, (box,) = graded(monkeypatch, without, reply, project)
    assert [job.name for job in box.jobs].count("numbers") == 0
    assert record.notes[-1] == f"{NOT_COMPUTED}: no models were handed in with it"
    unreadable, _ = graded(monkeypatch, replace(without, no_models="x.safetensors is too large"), reply, project)
    assert unreadable.notes[-1] == f"{NOT_COMPUTED}: x.safetensors is too large"
    with_models, (box,) = graded(monkeypatch, replace(without, models=b"1"), reply, project)
    assert [job.name for job in box.jobs].count("numbers") == 1
    assert with_models.notes[-1].startswith(f"{COMPUTED}, on 2 windows of 64 characters")
    assert with_models.results == record.results
    others = graded(monkeypatch, replace(without, models=b"2"), reply, project)[0]
    assert len({record.key, with_models.key, others.key}) == 3
    failed, _ = graded(monkeypatch, replace(without, models=b"1"),
                       lambda job: BoxLost if job.name == "numbers" else Reply("time"), project)
    assert failed.notes[-1] == f"{NOT_COMPUTED}: that took the sandbox with it"
    assert failed.results == record.results


@pytest.mark.parametrize(("kind", "said"), [("bubblewrap", "bubblewrap"), ("none", "none"),
                                            ("container:course:1", "container course:1")])
def test_the_sandbox_is_in_the_record(monkeypatch, kind, said):
    assert graded(monkeypatch, SOLVED, assignment=replace(ASSIGNMENT, sandbox=kind))[0].sandbox == said


def test_what_cannot_be_read_asks_nothing(monkeypatch):
    record, (box,) = graded(monkeypatch, submitted(b"no notebook"))
    assert record.problem.startswith(f"{SOLVED.file}: is not a notebook")
    assert signs(record) == "○○○○○"
    assert {(result.points, result.reason) for result in record.results} == {(0, "nothing could be graded")}
    assert box.jobs == []


def test_what_was_not_attempted_asks_nothing(monkeypatch):
    record, (box,) = graded(monkeypatch, submitted(packed(notebook({PATHS: RIGHT[PATHS]}))))
    assert signs(record) == "○○✓○○"
    assert [job.name for job in box.jobs] == ["marginal_by_paths"]


def test_a_stub_is_tried_where_the_student_has_other_cells(monkeypatch):
    """They may define what is asked for."""
    record, (box,) = graded(monkeypatch, submitted(packed(notebook({}, RIGHT[NEXT].replace("# Task 01-1", "")))))
    assert signs(record) == "✓✓✓✓✓"
    assert len(box.jobs) == 5


def test_the_cells_before_the_check_run_and_no_checks(monkeypatch):
    made = notebook(RIGHT, "at_the_top = 1")
    made["cells"].append(cell("at_the_end = 1"))
    _, (box,) = graded(monkeypatch, submitted(packed(made)))
    ids = [id_ for id_, _ in box.jobs[1].cells]
    assert ids[1:] == ["setup", NEXT, CUMULATIVE]
    assert next(source for _, source in box.jobs[1].cells) == "at_the_top = 1"
    assert not any("at_the_end" in source for job in box.jobs for _, source in job.cells)


def test_half_the_points_for_all_but_a_border_case(monkeypatch):
    def reply(job):
        if job.name != "cumulative_matrix":
            return right_outputs(job.name)
        key = worker.answer_key(worker.questions("01")[1], SEED)
        return Reply("done", encode_outputs([
            Output(np.zeros((3, 3)) if case.edge else key.expected(n), "Tensor") for n, case in enumerate(key.cases)]))
    result = graded(monkeypatch, SOLVED, reply)[0].results[1]
    assert (result.points, result.out_of, result.status) == (1, 2, "✗")
    assert result.reason.startswith("right, except in a border case")


def test_long_texts_are_cut(monkeypatch):
    long = submitted(full({NEXT: RIGHT[NEXT] + "#" * 30_000}), notes=tuple(f"note {n}" for n in range(50)))
    record, _ = graded(monkeypatch, long)
    assert len(record.results[0].source) == 20_001
    assert record.notes == (*(f"note {n}" for n in range(20)), "and 30 more notes")


# How a job ends

LIMITS = Limits(wall=9, cpu=5, memory=3 * 2**30, output=2**21)
ENDS = {
    # ended, detail -> the words, the flag
    ("time", ""): ("did not finish in time; there are 5 seconds of computing, and 9 seconds in all", "timeout"),
    ("memory", ""): ("took more than 3,072 MiB of memory", "out of memory"),
    ("size", ""): ("gave back more than 2 MiB", "too much output"),
    ("died", "SIGSEGV"): ("ended the process before there was a result (SIGSEGV)", "process ended"),
    ("died", ""): ("ended the process before there was a result (it is not known how)", "process ended"),
}


@pytest.mark.parametrize(("end", "said"), ENDS.items(), ids=str)
@pytest.mark.parametrize(("at", "what"), [("", "next_distribution"), (NEXT, "its cell")])
def test_a_limit_is_told_in_words(monkeypatch, end, said, at, what):
    ended, detail = end
    record, _ = graded(monkeypatch, submitted(answering("x = 1")), lambda _: Reply(ended, at=at, detail=detail),
                       replace(ASSIGNMENT, limits=LIMITS))
    assert (signs(record), record.points) == ("✗○○○○", 0)
    assert record.results[0].reason == f"{what} {said[0]}"
    assert record.results[0].flags == (said[1],)


def left_out(names, cells=None):
    """A reply that dies in cells whose source holds one of these texts, as long as one is there."""
    def reply(job):
        at = next((id_ for id_, source in job.cells if any(name in source for name in names)), None)
        return Reply("died", at=at, detail="exit code 1") if at else right_outputs(job.name)
    return reply


def test_a_cell_that_ends_the_process_costs_its_own_task_alone(monkeypatch):
    record, (box,) = graded(monkeypatch, submitted(full({NEXT: "END"})), left_out(["END"]))
    assert signs(record) == "✗✓✓✓✓"
    assert record.results[0].reason == "its cell ended the process before there was a result (exit code 1)"
    assert record.notes == (f"the cell {NEXT} ended the process before there was a result (exit code 1); the cell was "
                            "left out",)
    assert len(box.jobs) == 6    # once more for the second task, and not again for the third


def test_an_own_cell_that_ends_the_process_costs_nothing(monkeypatch):
    record, _ = graded(monkeypatch, submitted(full({}, "\n  END\nx = 1")), left_out(["END"]))
    assert (signs(record), record.points) == ("✓✓✓✓✓", 11)
    assert record.notes == ("a cell of your own, `END`, ended the process before there was a result (exit code 1); the "
                            "cell was left out",)


def test_three_cells_are_left_out_and_no_more(monkeypatch):
    """Each may take all the time that there is."""
    record, (box,) = graded(monkeypatch, submitted(full({}, *(f"END {n}" for n in range(5)))), left_out(["END"]))
    assert signs(record) == "✗✗✗✗✗"
    assert record.results[4].reason.startswith("a cell of your own, `END 3`, ended the process")
    assert len(record.notes) == 3
    assert len(box.jobs) == 4 + 4


def test_a_cell_that_is_not_there_cannot_be_left_out(monkeypatch):
    """Which cell ran is what the student's process says."""
    record, (box,) = graded(monkeypatch, SOLVED, lambda _: Reply("died", at="forged", detail="exit code 1"))
    assert signs(record) == "✗✗✗✗✗"
    assert len(box.jobs) == 5


def test_a_lost_box_is_opened_anew_and_the_job_asked_again(monkeypatch):
    lost = []
    record, boxes = graded(monkeypatch, SOLVED, lambda job: lost.append(1) or BoxLost
                           if job.name == "marginal_by_paths" and not lost else right_outputs(job.name))
    assert signs(record) == "✓✓✓✓✓"
    assert {flag for result in record.results for flag in result.flags} == set()
    assert len(boxes) == 2


def test_a_job_that_takes_two_boxes_with_it_is_not_asked_a_third_time(monkeypatch):
    record, boxes = graded(monkeypatch, SOLVED, lambda job: BoxLost if job.name == "marginal_by_paths" else
                           right_outputs(job.name))
    assert signs(record) == "✓✓✗✓✓"
    assert record.results[2].flags == ("sandbox lost",)
    assert len(boxes) == 3


def test_where_no_box_opens_any_more_nobody_is_graded(monkeypatch):
    boxes = []

    def opened(*_):
        if boxes:
            raise SandboxError("no more")
        boxes.append(FakeBox(lambda _: BoxLost))
        return boxes[0]
    monkeypatch.setattr(worker, "open_box", opened)
    with Grader(ASSIGNMENT) as grader, pytest.raises(SandboxError, match="no more"):
        grader.grade(SOLVED)


# What comes back

@pytest.mark.parametrize(("raw", "said"), [
    (b"", "cannot be used: no outputs"), (b"o\0\0\0\0", "cannot be used"),
    (encode_outputs([Output(np.zeros(4), "Tensor")] * 2), "2 outputs for 5 cases"),
    (encode_outputs([Output(np.zeros(4), "Tensor")] * 6), "another number of cases than 5"),
], ids=["nothing", "no JSON", "too few", "too many"])
def test_what_cannot_be_used_is_wrong_and_flagged(monkeypatch, raw, said):
    record, _ = graded(monkeypatch, submitted(answering("x = 1")), lambda _: Reply("done", raw))
    assert (record.results[0].status, record.results[0].flags) == ("✗", ("odd result",))
    assert said in record.results[0].reason


def test_what_no_judge_has_thought_of_is_wrong_and_flagged(monkeypatch):
    def judge(*_):
        raise ZeroDivisionError
    monkeypatch.setattr(worker, "judge", judge)
    record, _ = graded(monkeypatch, submitted(answering("x = 1")))
    assert record.results[0].reason == "what came back cannot be judged (ZeroDivisionError)"
    assert record.results[0].flags == ("odd result",)


@pytest.mark.parametrize(("raised", "said"), [
    ("NameError: name 'x' is not defined", "its cell raised NameError: name 'x' is not defined"),
    ("SyntaxError: expected ':' (<ipython-input-1-0f>, line 3)", "its cell raised SyntaxError: expected ':' (line 3)"),
    ("MemoryError: ", "its cell raised MemoryError"),
])
def test_a_cell_that_raised_before_it_defined_the_answer_was_attempted(monkeypatch, raised, said):
    not_there = Reply("done", encode_outputs([Output(attempted=False)]), raised=((NEXT, raised),))
    result = graded(monkeypatch, submitted(answering("x")), lambda _: not_there)[0].results[0]
    assert (result.status, result.reason) == ("✗", said)


def test_another_cell_that_raised_does_not_make_an_attempt(monkeypatch):
    not_there = Reply("done", encode_outputs([Output(attempted=False)]), raised=(("other", "NameError: x"),))
    result = graded(monkeypatch, submitted(answering("x")), lambda _: not_there)[0].results[0]
    assert (result.status, result.reason) == ("○", "not attempted")


# Faults

def test_a_fault_of_the_grader_stops_no_class(monkeypatch):
    def assemble(*_):
        raise KeyError("of which nobody thought")
    monkeypatch.setattr(worker, "assemble", assemble)
    record, _ = graded(monkeypatch, SOLVED)
    assert record.problem == ("the grader failed on it (KeyError: 'of which nobody thought'); please report this, and "
                              "grade it by hand")
    assert signs(record) == "○○○○○"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()], ids=repr)
def test_for_a_machine_without_room_no_student_pays(monkeypatch, error):
    def reply(_):
        raise error
    with pytest.raises(type(error)):
        graded(monkeypatch, SOLVED, reply)


def test_a_box_is_closed_whatever_happens(monkeypatch):
    box = FakeBox(always_right)
    monkeypatch.setattr(worker, "open_box", lambda *_: box)
    with pytest.raises(ZeroDivisionError), Grader(ASSIGNMENT):
        raise ZeroDivisionError
    assert box.closed == 1


def test_no_box_is_opened_for_an_unknown_topic(monkeypatch):
    monkeypatch.setattr(worker, "open_box", lambda *_: pytest.fail("a box was opened"))
    with pytest.raises(ValueError, match="99"), Grader(replace(ASSIGNMENT, topic="99")):
        pass


def test_one_that_was_stopped_grades_nothing_more(monkeypatch):
    boxes = []

    def reply(job):
        grader.stop()    # from another thread, while the job runs, which is lost then
        return BoxLost
    monkeypatch.setattr(worker, "open_box", lambda *_: boxes.append(FakeBox(reply)) or boxes[-1])
    with Grader(ASSIGNMENT) as grader, pytest.raises(Stopped):
        grader.grade(SOLVED)
    assert len(boxes) == 1
    assert boxes[0].interrupted
    assert boxes[0].closed


def test_one_that_was_stopped_while_its_box_opened_ends(monkeypatch):
    box = FakeBox(always_right)
    grader = Grader(ASSIGNMENT)
    monkeypatch.setattr(worker, "open_box", lambda *_: grader.stop() or box)
    with pytest.raises(Stopped), grader:
        pass
    assert box.closed


# Keys

def test_a_key_is_of_all_that_a_record_depends_on():
    others = [replace(SOLVED, content=b"other"), replace(SOLVED, topic=None), replace(SOLVED, file="other"),
              replace(SOLVED, notes=("a note",)), replace(SOLVED, content=None, problem="none")]
    assignments = [replace(ASSIGNMENT, topic="02"), replace(ASSIGNMENT, seed=8), replace(ASSIGNMENT, sandbox="none"),
                   replace(ASSIGNMENT, limits=Limits()), replace(ASSIGNMENT, file_limits=FileLimits(cells=3))]
    keys = [ASSIGNMENT.key(SOLVED), *map(ASSIGNMENT.key, others), *(other.key(SOLVED) for other in assignments)]
    assert len(set(keys)) == len(keys)
    assert ASSIGNMENT.key(replace(SOLVED, student="ben")) == keys[0]


def test_the_key_in_the_record_is_that_of_the_submission(monkeypatch):
    for submission in (SOLVED, submitted(b"")):
        assert graded(monkeypatch, submission)[0].key == ASSIGNMENT.key(submission)


# In a sandbox

@pytest.fixture(scope="module")
def grader():
    needs_bubblewrap()
    with Grader(ASSIGNMENT) as grader:
        yield grader


def test_one_mistake_costs_once(grader):
    record = grader.grade(submitted(full({NEXT: WRONG, SAMPLE: stored("01_single_token_chains").source_of(
        SAMPLE, "on-the-next-distribution-above")})))
    assert signs(record) == "✗✓✓✓✓"
    assert record.results[0].reason.startswith("wrong value")
    assert record.sandbox == "bubblewrap"


def test_the_same_submission_gives_the_same_bytes(grader):
    hostile = submitted(full({NEXT: "import os\nos._exit(1)"}, "1 / 0"))
    assert to_json(grader.grade(hostile)) == to_json(grader.grade(hostile))


@pytest.mark.slow
def test_a_warm_parent_that_is_killed_costs_nobody_anything(grader):
    expected = grader.grade(SOLVED)
    slow = submitted(packed(notebook(RIGHT, "import time\ntime.sleep(1)")))
    before = grader._box

    def kill():
        for pid in (before._process.pid, *processes.below(before._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    killed = threading.Timer(2.5, kill)
    killed.start()
    record = grader.grade(slow)
    killed.join()
    assert grader._box is not before
    assert record.results == expected.results


@pytest.mark.slow
def test_a_grader_that_is_stopped_ends_at_once(grader):
    with Grader(ASSIGNMENT) as other:
        threading.Timer(1, other.stop).start()
        start = time.monotonic()
        with pytest.raises(Stopped):
            other.grade(submitted(full({}, "import time\ntime.sleep(1000)")))
        assert time.monotonic() - start < 5


@pytest.mark.slow
@pytest.mark.parametrize("topic", TOPICS)
def test_every_stored_right_answer_is_right_on_hidden_cases(topic, tmp_path):
    needs_bubblewrap()
    name = f"{topic}_{TOPICS[topic]}"
    number = class_of_right_answers(name, tmp_path / "class")
    lost, seen = [], 0
    with Grader(Assignment(topic, SEED)) as grader:
        for submission in find_submissions(tmp_path / "class", topic):
            record = grader.grade(submission)
            assert record.problem == ""
            answered = [result for result in record.results if result.source and result.status != "○"]
            lost += [(record.student, result.question, result.reason) for result in answered
                     if result.points != result.out_of]
            seen += len(answered)
    assert lost == []
    assert seen == number


def test_the_exercise_itself_is_not_attempted(grader):
    assert signs(grader.grade(submitted(packed(EXERCISE)))) == "○○○○○"
