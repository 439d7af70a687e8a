"""One job in a fork; what becomes of it in a sandbox is tested with the box."""

import json
import mmap
import os
import signal
import subprocess
import sys
from textwrap import dedent

import pytest

from dlm_course.course.grading.sandbox import forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on Windows")


def test_a_fork_does_what_it_is_told_and_ends():
    reader, writer = os.pipe()
    pid = forked.fork(lambda: os.write(writer, b"done") and None)
    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(reader, 10) == b"done"
    for fd in (reader, writer):
        os.close(fd)


def test_a_fork_tells_its_problem():
    def fails():
        raise OSError(1, "no")
    reader, writer = os.pipe()
    assert os.waitstatus_to_exitcode(os.waitpid(forked.fork(fails, writer), 0)[1]) == 1
    assert os.read(reader, 100) == b"PermissionError: [Errno 1] no"
    for fd in (reader, writer):
        os.close(fd)


@pytest.mark.parametrize(("do", "code", "detail"), [
    (lambda: None, 0, ""),
    (lambda: os._exit(3), 3, "exit code 3"),
    (lambda: os._exit(101), 100, "exit code 100"),    # not to be taken for out of time
    (lambda: os._exit(255), 100, "exit code 100"),
    (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, "SIGTERM"),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), 137, "SIGKILL"),
    (lambda: os.kill(os.getpid(), signal.SIGXCPU), 101, ""),
], ids=["done", "3", "101", "255", "terminated", "killed", "cpu"])
def test_how_a_process_ended(do, code, detail):
    _, status = os.waitpid(forked.fork(do), 0)
    assert forked._exit_code(status, False) == code
    assert forked._detail(code) == detail


def test_one_killed_after_its_time_is_out_of_time():
    _, status = os.waitpid(forked.fork(lambda: os.kill(os.getpid(), signal.SIGKILL)), 0)
    assert forked._exit_code(status, True) == forked._OUT_OF_TIME


def test_a_folder_is_emptied_however_deep(tmp_path):
    inside = tmp_path / "folder"
    for name in ("a", "b/c", "b/.d/e"):
        (inside / name).mkdir(parents=True)
        (inside / name / "file").write_text("x")
    (inside / "link").symlink_to(tmp_path)
    (inside / "dangling").symlink_to("nowhere")
    (tmp_path / "kept").write_text("kept")
    (inside / "b").chmod(0)
    here = os.getcwd()
    try:
        os.chdir(inside / "a")
        for _ in range(300):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
    finally:
        os.chdir(here)
    forked.empty(str(inside))
    assert list(inside.iterdir()) == []
    assert (tmp_path / "kept").read_text() == "kept"


JOBS = {
    # name: (what the fork does, limits, how it ended, detail, what came back)
    "done": ("os.write(out, job + b'!')", {}, "done", "", b"the job!"),
    "nothing": ("pass", {}, "done", "", b""),
    "died": ("os.write(out, b'x'); os._exit(5)", {}, "died", "exit code 5", b"x"),
    "closed": ("os.close(out); time.sleep(0.3)", {}, "done", "", b""),
    "child": ("os.write(out, b'x') if os.fork() else time.sleep(50)", {}, "done", "", b"x"),
    "sleeps": ("os.write(out, b'x'); time.sleep(50)", {"wall": 0.5}, "time", "", b"x"),
    "computes": ("while True: pass", {"cpu": 1}, "time", "", b""),
    "endless": ("while True: os.write(out, bytes(10))", {"output": 100}, "size", "", bytes(100)),
    "too long": ("os.write(out, bytes(101))", {"output": 100}, "size", "", bytes(100)),
    "just right": ("os.write(out, bytes(100))", {"output": 100}, "done", "", bytes(100)),
    "problem": ("raise ValueError('no')", {}, "died", "exit code 1", b""),
} | ({
    "memory": ("x = bytearray(2**28); time.sleep(50)", {"memory": 2**27}, "memory", "", b""),
    "memory, while it writes": ("x = bytearray(2**28)\nwhile True: os.write(out, b'x' * 9); time.sleep(0.01)",
                                {"memory": 2**27}, "memory", "", None),
} if sys.platform == "linux" else {})


@pytest.fixture(scope="module")
def ended():
    """What became of each job, in a process of its own, since it ends all that is below it."""
    code = dedent("""
        import json, mmap, os, sys, time
        from dlm_course.course.grading.sandbox import confine
        from dlm_course.course.grading.sandbox.forked import Forked
        from dlm_course.course.grading.sandbox.wire import Limits
        if sys.platform == "linux":
            confine.adopt_orphans()
        requests, grader = os.pipe()

        def became(source, limits):
            job = mmap.mmap(-1, 7, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            job[:] = b"the job"
            forked = Forked("processes", Limits(**limits), lambda job, out: exec(source, globals() | locals()), job)
            folder = forked._scratch
            try:
                forked.watch(requests)
            except EOFError:
                forked.ended = "no grader"
            forked.end()
            with forked.received() as received:
                found = [forked.ended, forked.detail, forked.problem, received.hex()]
            forked.forget()
            return [*found, job.closed, os.path.exists(folder)]

        found = {name: became(*job) for name, job in json.loads(sys.argv[1]).items()}
        os.close(grader)
        print(json.dumps({**found, "no grader": became("time.sleep(50)", {})}))
        """)
    jobs = json.dumps({name: job[:2] for name, job in JOBS.items()})
    done = subprocess.run([sys.executable, "-c", code, jobs], capture_output=True, text=True, check=False, timeout=200)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", JOBS)
def test_what_becomes_of_a_job(ended, name):
    *_, ending, detail, received = JOBS[name]
    found = ended[name]
    assert found[:3] == [ending, detail, ""]
    assert received is None or bytes.fromhex(found[3]) == received
    assert found[4:] == [True, False]    # the mapping of the job is closed, its folder removed


def test_a_job_ends_with_its_grader(ended):
    assert ended["no grader"][0] == "no grader"


def test_the_mapping_of_a_job_is_private():
    """What the fork writes into it is not seen by the parent, or by the next fork."""
    job = mmap.mmap(-1, 3, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    job[:] = b"abc"
    os.waitpid(forked.fork(lambda: job.__setitem__(slice(0, 3), b"xyz")), 0)
    assert job[:] == b"abc"
