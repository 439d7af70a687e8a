"""The warm parent's end of the conversation: settings, jobs, and when it refuses or ends."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import cloudpickle
import pytest

from dlm_course.course.grading.sandbox import wire
from dlm_course.course.grading.sandbox.wire import Job, Limits, decode_outputs, encode_job, split

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on Windows")

SETTINGS = {"limits": asdict(Limits()), "imports": ["import textwrap"]}
CASES = cloudpickle.dumps(({}, [((), None, False, None, "")]))
JOB = encode_job(Job((("a", "def answer(): return 3"),), "answer", CASES))


def conversation(kind, *frames, replies):
    """So many replies of a warm parent of this kind to these frames; then its end, exit code and errors."""
    command = [sys.executable, "-m", "dlm_course.course.grading.sandbox.warm_parent", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        parent.stdin.write(b"".join(frames))
        parent.stdin.flush()
        said = []
        for _ in range(replies):
            head, body = wire.frame_lengths(parent.stdout.read(wire.FRAME_START))
            said.append((json.loads(parent.stdout.read(head)), parent.stdout.read(body)))
        parent.stdin.close()
        assert parent.stdout.read() == b""
        errors = parent.stderr.read().decode()
    return said, parent.returncode, errors


def test_one_reply_a_job_until_there_are_no_more():
    asked = wire.frame({}, len(JOB)) + JOB
    (hello, _), *replies = conversation("none", wire.frame(SETTINGS), asked, asked, replies=3)[0]
    assert hello == {"python": list(sys.version_info[:2]), "means": "processes"}
    assert [head for head, _ in replies] == [{"ended": "done", "detail": ""}] * 2
    for _, stream in replies:
        assert decode_outputs(split(stream)[0], 1)[0].value == 3


def test_an_end_in_the_midst_of_a_job():
    replies, code, _ = conversation("none", wire.frame(SETTINGS), wire.frame({}, len(JOB)) + JOB[:-1],
                                    replies=1)
    assert "means" in replies[0][0]
    assert code == 0


@pytest.mark.parametrize("kind", ["bubblewrap", "container"])
def test_outside_of_a_sandbox_it_refuses(kind):
    """It kills all the processes that it sees."""
    replies, code, _ = conversation(kind, wire.frame(SETTINGS), replies=1)
    assert replies == [({"problem": "Broken: the warm parent is not the first process of a sandbox"}, b"")]
    assert code == 1


@pytest.mark.parametrize(("settings", "problem"), [
    ({**SETTINGS, "imports": ["import nothing_of_this_name"]}, "ModuleNotFoundError: No module named 'nothing_of"),
    ({**SETTINGS, "imports": ["import threading, time",
                              "import sys; sys.modules['threading'].Thread(target=sys.modules['time'].sleep, "
                              "args=(9,), daemon=True).start()"]},
     "Broken: the warm parent has 2 threads and must have one"),
    ({"imports": []}, "KeyError"),
], ids=["import", "thread", "no limits"])
def test_a_problem_is_told(settings, problem):
    if "threads" in problem and sys.platform != "linux":
        pytest.skip("threads are counted by /proc")
    replies, code, said = conversation("none", wire.frame(settings), replies=1)
    assert replies[0][0]["problem"].startswith(problem)
    assert code == 1
    assert "Traceback" in said
