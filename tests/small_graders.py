"""Sandboxes for tests of grading, real and made up."""

import os
import threading
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from small_class import RIGHT

from dlm_course.course.grading import pool
from dlm_course.course.grading.handed_in.submissions import read
from dlm_course.course.grading.records import Record, Result
from dlm_course.course.grading.sandbox.box import BoxLost, SandboxError, open_box
from dlm_course.course.grading.sandbox.wire import Limits, Reply, encode_outputs
from dlm_course.course.grading.worker import Stopped
from dlm_course.course.questions import answer_key, questions, references_before, run

SEED = 7
SHORT = Limits(wall=8, cpu=4)


def needs_bubblewrap():
    """Skips a test where there is no sandbox; fails it where DLM_COURSE_REQUIRE_SANDBOX is set."""
    missing = _missing()
    if missing and os.environ.get("DLM_COURSE_REQUIRE_SANDBOX"):
        pytest.fail(f"{missing}, and DLM_COURSE_REQUIRE_SANDBOX is set")
    if missing:
        pytest.skip(missing)


@cache
def _missing():
    try:
        open_box("bubblewrap", SHORT).close()
    except SandboxError as error:
        return str(error)
    return ""


class FakeBox:
    """In the place of a box: `reply(job)` says what comes of each job; BoxLost is raised."""

    def __init__(self, reply):
        self.reply, self.name = reply, "made up"
        self.jobs, self.closed, self.interrupted = [], 0, False

    def ask(self, job):
        self.jobs.append(job)
        found = self.reply(job)
        if found is BoxLost:
            raise BoxLost("made up")
        return found

    def interrupt(self):
        self.interrupted = True

    def close(self):
        self.closed += 1


class FakeGrader:
    """In the place of a grader: all that can be read is right. `does(submission)` may give other fields of a record."""

    does = staticmethod(lambda submission: None)
    opens = staticmethod(lambda: None)
    made: list

    @classmethod
    def put(cls, monkeypatch):
        """In the place of the pool's graders. Returns what gives them other methods."""
        cls.made = []
        monkeypatch.setattr(pool, "Grader", cls)
        return lambda **methods: [monkeypatch.setattr(cls, name, staticmethod(method))
                                  for name, method in methods.items()]

    def __init__(self, assignment):
        self.assignment, self.stopped, self.entered, self.left = assignment, threading.Event(), 0, 0
        self.made.append(self)

    def __enter__(self):
        self.opens()
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.left += 1

    def stop(self):
        self.stopped.set()

    def grade(self, submission):
        submission = read(submission)
        found = self.does(submission)
        if self.stopped.is_set():
            raise Stopped
        results = tuple(Result(question.id, question.points, question.points, "✓") for question in questions("01"))
        record = Record(submission.student, "01", submission.file, self.assignment.key(submission),
                        self.assignment.seed, self.assignment.sandbox,
                        submission.problem or ("" if submission.content else "it is empty"), results=results)
        return replace(record, **found) if isinstance(found, dict) else record


@cache
def right_outputs(name, seed=SEED):
    """The reply to a job in which the function of this name, of topic 01, is right."""
    question = next(question for question in questions("01") if question.name == name)
    names = {"torch": torch, "product": product}
    exec(RIGHT[question.id], names)
    outputs = run(names[name], answer_key(question, seed).cases, references_before(question))
    return Reply("done", encode_outputs(outputs))


def always_right(job):
    return right_outputs(job.name)
