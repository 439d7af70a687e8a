"""Processes as /proc shows them: those below one, their memory, and their end."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from dlm_course.course.grading.sandbox import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")


@pytest.fixture
def family():
    """A process with a child and a grandchild; the second line that it prints is the grandchild's id."""
    code = ("import os, time\nif os.fork() == 0:\n    if os.fork() == 0:\n        x = bytearray(2**26)\n"
            "        print(os.getpid(), flush=True)\n    time.sleep(100)\ntime.sleep(100)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        grandchild = int(process.stdout.readline())
        yield process.pid, grandchild
        for pid in (*processes.below(process.pid), process.pid):
            os.kill(pid, 9)


def test_what_is_below_a_process(family):
    pid, grandchild = family
    assert len(processes.below(pid)) == 2
    assert grandchild in processes.below(pid)
    assert set(processes.below(pid)) < set(processes.below(os.getpid()))
    assert processes.below(grandchild) == []
    assert processes.below(2**30) == []


def test_all_but_some():
    pids = processes.all_but(1)
    assert os.getpid() in pids
    assert 1 not in pids
    assert os.getpid() not in processes.all_but(1, os.getpid())


def test_memory_that_is_shared_counts_once(family):
    """The parent's is shared with its child, and the grandchild has 64 MiB of its own."""
    pid, grandchild = family
    assert processes.take_more_than([grandchild], 2**26)
    assert not processes.take_more_than([grandchild], 2**27)
    assert not processes.take_more_than([], 0)
    assert not processes.take_more_than([2**30], 0)    # it has ended
    everyone = [pid, *processes.below(pid)]
    assert sum(map(processes._share, everyone)) < sum(map(processes._resident, everyone))


def test_tasks_are_counted_with_their_threads():
    code = ("import threading, time\n"
            "from dlm_course.course.grading.sandbox.processes import tasks_of_this_user as tasks\n"
            "before = tasks()\n"
            "for _ in range(50): threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n"
            "print(tasks() - before)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 20 < int(done.stdout) < 200    # others come and go


def test_the_end_of_all_below():
    """In a process of its own, since it ends all children of its caller."""
    code = dedent("""
        import os, signal, subprocess, sys, time
        from pathlib import Path
        from dlm_course.course.grading.sandbox import confine, processes
        confine.adopt_orphans()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            for _ in range(4):
                if not os.fork():
                    os.setsid()
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    if not os.fork():
                        os.write(writer, b".")
                        time.sleep(100)
                    os._exit(0)
            time.sleep(100)
        seen = b""
        while len(seen) < 4:
            seen += os.read(reader, 4)
        below = processes.below(os.getpid())
        processes.end_below(child)
        print(len(below) >= 5, processes.below(os.getpid()), [p for p in below if Path(f"/proc/{p}").exists()])
        """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "True [] []\n", done.stderr


@pytest.mark.parametrize(("pid", "parent"), [(4711, 1), (4711, 4700), (60, 50)])
def test_outside_of_a_namespace_of_its_own_nothing_is_ended(monkeypatch, pid, parent):
    """There, all in sight are all processes of this user."""
    killed = []
    monkeypatch.setattr(processes.os, "kill", lambda *args: killed.append(args))
    monkeypatch.setattr(processes.os, "getpid", lambda: pid)
    monkeypatch.setattr(processes.os, "getppid", lambda: parent)
    with pytest.raises(RuntimeError, match="no pid namespace"):
        processes.end_all_in_sight()
    assert killed == []
