"""One job in a fork of the warm parent: its start, the watch over it, its end, and what it sent back, unread.

The fork is confined by one of three means:

    namespaces  users, processes, mounts and System V objects of its own
    users       where the kernel gives no namespaces, in a container: the warm parent is root there, the fork another
    processes   the limits alone
"""

import contextlib
import mmap
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from secrets import randbelow, token_hex

from dlm_course.course.grading.sandbox import confine, processes
from dlm_course.course.grading.sandbox.wire import SCRATCH, Limits

Answer = Callable[[bytes, int], None]

_TICK = 0.05           # seconds from one look at the memory to the next
_PIECE = 2**16         # bytes read at a time
# Of each warm parent its own, since the kernel counts the processes of a user in all containers.
_USER = 50_000 + randbelow(10_000)
_OUT_OF_TIME = 101     # as an exit code; an answer's own are at most 100, and a signal's 128 and more


def fork(do: Callable[[], None], problems: int | None = None) -> int:
    """The id of a new process that does this and ends. An exception's text goes to the file descriptor `problems`."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        do()
        code = 0
    except BaseException as error:
        if problems is not None:
            os.write(problems, f"{type(error).__name__}: {error}".encode()[:1000])
    finally:
        os._exit(code)


class Forked:
    """A job that runs. `answer(job, out)` is what it does, `out` the file descriptor that it writes to.

    ended    "" while it runs; then "done", "time", "memory", "size" or "died"
    detail   of one that died: "exit code 3", "SIGSEGV"
    problem  why the fork could not be confined; then nothing was run
    """

    def __init__(self, means: str, limits: Limits, answer: Answer, job: mmap.mmap) -> None:
        self.means, self.limits, self.answer = means, limits, answer
        self.ended, self.detail, self.problem, self.length = "", "", "", 0
        self._deadline = time.monotonic() + limits.wall
        self._scratch = tempfile.mkdtemp(prefix="dlm-course-scratch-") if means == "processes" else SCRATCH
        self._reader, writer = os.pipe()
        self._problems, problems = os.pipe()
        self._pid = fork(lambda: self._start(job, writer, problems), problems)
        for fd in (writer, problems):
            os.close(fd)
        job.close()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._problems, False)
        # Made after the fork, and not shared with others: only the warm parent writes into it.
        self._output = mmap.mmap(-1, limits.output + _PIECE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    # What the fork does

    def _start(self, job: mmap.mmap, writer: int, problems: int) -> None:
        os.setsid()
        if self.means == "namespaces":
            self._start_in_namespaces(job, writer, problems)
            return
        if self.means == "users":
            confine.set_limits(self.limits)
            confine.become(_USER)
            confine.set_dumpable(True)
            confine.filter_calls()
        elif sys.platform == "linux":
            confine.die_with_parent()
            confine.set_dumpable(True)
            confine.set_limits(self.limits, others=processes.tasks_of_this_user())
        else:
            confine.set_limits(self.limits, others=1000)
        confine.be_the_first_to_go()
        self._run(job, writer, problems)

    def _start_in_namespaces(self, job: mmap.mmap, writer: int, problems: int) -> None:
        if os.getuid() == 0:
            confine.become(_USER)
        confine.set_dumpable(True)
        confine.be_the_first_to_go()
        confine.new_namespaces()
        first = fork(lambda: self._run_as_first_process(job, writer, problems), problems)
        for fd in (writer, problems):
            os.close(fd)
        _, status, usage = os.wait4(first, 0)
        os._exit(_exit_code(status, usage.ru_utime + usage.ru_stime >= self.limits.cpu))

    def _run_as_first_process(self, job: mmap.mmap, writer: int, problems: int) -> None:
        """When this process ends, the kernel kills all others of its pid namespace."""
        os.setsid()
        confine.set_limits(self.limits)
        confine.fresh_mounts(SCRATCH, self.limits.scratch)
        confine.drop_capabilities()
        confine.filter_calls()
        self._run(job, writer, problems)

    def _run(self, job: mmap.mmap, writer: int, problems: int) -> None:
        os.chdir(self._scratch)
        os.environ.update(HOME=self._scratch, TMPDIR=self._scratch)
        os.close(problems)
        text = job[:]
        job.close()
        self.answer(text, writer)

    # What the warm parent does

    def watch(self, requests: int) -> None:
        """Wait for the end, or for a limit that is reached. Raises EOFError if the grader closes `requests`."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(requests, 0)    # its end is told anyway
        open_, look = True, time.monotonic() + _TICK
        while not self.ended:
            now = time.monotonic()
            if now >= self._deadline:
                self.ended = "time"
                return
            if now >= look:
                look = now + _TICK
                if processes.take_more_than(self._members(), self.limits.memory):
                    self.ended = "memory"
                    return
            self._look_for_its_end()
            for fd, _ in poll.poll(1000 * min(look - now, self._deadline - now) if open_ else 2):
                if fd == requests:
                    raise EOFError("the grader is gone")
                open_ = self._read()
                if not open_:
                    poll.unregister(self._reader)

    def _members(self) -> list[int]:
        if self.means == "processes":
            return processes.below(os.getpid())
        return processes.all_but(1, os.getpid())

    def _read(self) -> bool:
        """Read what there is. False if no more will come, or if it is more than may come."""
        while self.length <= self.limits.output:
            try:
                with memoryview(self._output) as view, view[self.length:self.length + _PIECE] as piece:
                    size = os.readv(self._reader, [piece])
            except BlockingIOError:
                return True
            if not size:
                return False
            self.length += size
        self.ended = "size"
        return False

    def _look_for_its_end(self) -> None:
        pid, status, usage = os.wait4(self._pid, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        if self.means != "namespaces":
            code = _exit_code(status, usage.ru_utime + usage.ru_stime >= self.limits.cpu)
        self._read()    # what it wrote before it ended
        if not self.ended:
            self.ended = "done" if code == 0 else "time" if code == _OUT_OF_TIME else "died"
            self.detail = _detail(code)

    def end(self) -> None:
        """Kill all that is left of it, and wait until nothing is."""
        if self.means == "processes":
            processes.end_below(self._pid)
            shutil.rmtree(self._scratch, ignore_errors=True)
        else:
            processes.end_all_in_sight()
        with contextlib.suppress(BlockingIOError):
            self.problem = os.read(self._problems, 1000).decode("utf-8", "replace")
        for fd in (self._reader, self._problems):
            os.close(fd)
        if self.means == "users":
            self._empty_folders()

    def _empty_folders(self) -> None:
        """Without mounts of its own, a job's files would be there for the next one."""
        def as_that_user() -> None:
            confine.become(_USER)
            for folder in (SCRATCH, "/dev/shm"):
                empty(folder)
        if os.waitpid(fork(as_that_user), 0)[1]:
            self.problem = "the files that a job left could not be removed"

    def received(self) -> memoryview:
        """What was sent back, at most limits.output bytes."""
        return memoryview(self._output)[:min(self.length, self.limits.output)]

    def forget(self) -> None:
        """Give the memory of what was sent back to the kernel, which clears it."""
        self._output.close()


def empty(folder: str) -> None:
    """Remove all that is in a folder, however deep: what lies in a folder below is first moved to the top."""
    top = Path(folder)
    while entries := list(top.iterdir()):
        for entry in entries:
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                continue
            entry.chmod(0o700)
            for inner in entry.iterdir():
                if inner.is_dir() and not inner.is_symlink():
                    inner.chmod(0o700)    # a folder that is moved is written to: its `..` changes
                inner.rename(top / token_hex(16))
            entry.rmdir()


def _exit_code(status: int, computed_long: bool) -> int:
    """How a process ended, as one number: its exit code, up to 100; out of time; or 128 and the signal's number."""
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and computed_long):
        return _OUT_OF_TIME
    return min(code, 100) if code >= 0 else 128 - code


def _detail(code: int) -> str:
    if code in (0, _OUT_OF_TIME):
        return ""
    if code < 128:
        return f"exit code {code}"
    try:
        return signal.Signals(code - 128).name
    except ValueError:
        return f"signal {code - 128}"
