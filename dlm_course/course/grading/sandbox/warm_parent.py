"""The warm parent, in the sandbox: a process with torch loaded, which forks for every question.

    python -m dlm_course.course.grading.sandbox.warm_parent bubblewrap | container | none

It reads frames from its standard input and answers on its standard output: first the settings, then job after job.
Jobs and what comes back stay in mappings that are gone before the next fork, so that no answer finds another's, or a
reference, in its memory.
"""

import functools
import json
import mmap
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

from dlm_course.course.grading.sandbox import confine, wire
from dlm_course.course.grading.sandbox.forked import Answer, Forked, empty, fork


class Broken(RuntimeError):
    """Something of the sandbox does not work; the message says what."""


def main() -> None:
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)    # what an import prints is for the eyes of whoever finds out why it does not start
    try:
        settings = _settings(requests)
        limits = wire.Limits(**settings["limits"])
        means = _confine_parent(sys.argv[1])
        answer = _load(settings["imports"])
        if means == "users":
            empty(wire.SCRATCH)    # what the libraries wrote there, as another user than the answers
    except Exception as error:
        wire.write_all(replies, wire.frame({"problem": f"{type(error).__name__}: {error}"}))
        raise
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)
    wire.write_all(replies, wire.frame({"python": list(sys.version_info[:2]), "means": means}))
    while (job := _next_job(requests)) is not None:
        forked = Forked(means, limits, answer, job)
        try:
            forked.watch(requests)
        except EOFError:
            return
        finally:
            forked.end()
        head = {"problem": forked.problem} if forked.problem else {"ended": forked.ended, "detail": forked.detail}
        with forked.received() as received:
            wire.write_all(replies, wire.frame(head, len(received)))
            wire.write_all(replies, received)
        forked.forget()


def _settings(requests: int) -> dict[str, Any]:
    head, _ = wire.frame_lengths(_exactly(requests, wire.FRAME_START))
    settings: dict[str, Any] = json.loads(_exactly(requests, head))
    return settings


def _next_job(requests: int) -> mmap.mmap | None:
    """The body of the next frame, None if there will be none. It is in no other memory of this process."""
    try:
        head, length = wire.frame_lengths(_exactly(requests, wire.FRAME_START))
        _exactly(requests, head)
    except EOFError:
        return None
    job = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with memoryview(job) as view:
        at = 0
        while at < length:
            with view[at:] as rest:
                size = os.readv(requests, [rest])
            if not size:
                return None
            at += size
    return job


def _exactly(fd: int, length: int) -> bytes:
    """So many bytes. Raises EOFError if there are no more."""
    found = b""
    while len(found) < length:
        piece = os.read(fd, length - len(found))
        if not piece:
            raise EOFError("the grader is gone")
        found += piece
    return found


def _confine_parent(kind: str) -> str:
    """What this process gives up itself; returns the means by which its forks are confined.

    Raises: Broken, or OSError, where it is not allowed what it needs.
    """
    if kind == "none":
        means = "processes"
    elif not (os.getppid() in (0, 1) and os.getpid() < 10):    # it kills all processes that it sees
        raise Broken("the warm parent is not the first process of a sandbox")
    elif kind == "bubblewrap":
        if os.getuid() == 0:
            confine.uncover_proc()
            confine.become(confine.NOBODY)
        means = "namespaces"
    elif os.getuid() != 0:
        raise Broken("the container must start as its root user, which runs answers as another user")
    else:
        means = "namespaces" if _can_make_namespaces() else "users"
    if kind != "none" and not confine.knows_calls():
        raise Broken(f"no filter of system calls is known for {platform.machine()}")
    if sys.platform == "linux":
        confine.set_dumpable(False)
        confine.adopt_orphans()
    return means


def _can_make_namespaces() -> bool:
    def outside() -> None:
        confine.become(confine.NOBODY)
        confine.set_dumpable(True)
        confine.new_namespaces()
        if os.waitpid(fork(lambda: confine.fresh_mounts(wire.SCRATCH, 2**20)), 0)[1]:
            raise Broken("mounts are not allowed")
    return os.waitpid(fork(outside), 0)[1] == 0


def _load(imports: Sequence[str]) -> Answer:
    """What a fork does with a job, ready to be done at once. Raises Broken if that takes a second thread."""
    from dlm_course.course.grading.sandbox import answering

    shell = answering.prepare(imports)
    if sys.platform == "linux":
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:    # a fork has only the one, and would wait for what the others hold
            raise Broken(f"the warm parent has {threads} threads and must have one")
    return functools.partial(answering.answer, shell)


if __name__ == "__main__":
    main()
