"""Sandboxes for tests of grading, real and made up."""

import os
from functools import cache
from itertools import product

import pytest
import torch
from small_class import RIGHT

from dlm_course.course.grading.box import BoxLost, SandboxError, open_box
from dlm_course.course.grading.wire import Limits, Reply, encode_outputs
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
