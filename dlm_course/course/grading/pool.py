"""Pool: submissions to graders, on this machine or on a Dask cluster; records come back as they are ready.

A record depends on its assignment and its submission alone, so that where it was made cannot be seen in it. What is
given back is a generator: closing it ends all graders at once, whatever they are at.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Any

from dlm_course.course.grading.handed_in.submissions import Submission, read
from dlm_course.course.grading.records import Record, from_json, to_json
from dlm_course.course.grading.sandbox.box import SandboxError
from dlm_course.course.grading.worker import Assignment, Grader

Records = Generator[Record, None, None]

_BATCH = 4       # submissions that a worker of a cluster gets at a time
_PATIENCE = 20   # seconds that graders that were stopped may take for their end, one whose box opens for example


def on_this_machine(assignment: Assignment, submissions: Sequence[Submission], jobs: int) -> Records:
    """Grade in `jobs` threads, each with a box of its own. A record more or less waits for who takes them.

    Raises: SandboxError where no box opens, OSError where this machine has no room.
    """
    waiting: queue.SimpleQueue[Submission] = queue.SimpleQueue()
    for submission in submissions:
        waiting.put(submission)
    ready: queue.Queue[Record | BaseException] = queue.Queue(maxsize=2 * jobs)
    stopped = threading.Event()
    graders = [Grader(assignment) for _ in range(min(jobs, len(submissions)))]

    def put(found: Record | BaseException) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                return ready.put(found, timeout=0.1)

    def work(grader: Grader) -> None:
        try:
            with grader:
                while not stopped.is_set():
                    try:
                        submission = waiting.get_nowait()
                    except queue.Empty:
                        return
                    put(grader.grade(submission))
        except BaseException as error:    # it is raised where the records are taken
            put(error)

    # Daemons: one that hangs must not keep the command from its end, which ends the boxes as well.
    threads = [threading.Thread(target=work, args=(grader,), name=f"grader-{n}", daemon=True)
               for n, grader in enumerate(graders)]
    try:
        for thread in threads:
            thread.start()
        for _ in submissions:
            found = ready.get()
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        stopped.set()
        for grader in graders:
            grader.stop()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            if thread.ident:
                thread.join(max(0.0, until - time.monotonic()))


def on_cluster(assignment: Assignment, submissions: Sequence[Submission], address: str) -> Records:
    """Grade on the Dask cluster whose scheduler has this address, "tcp://10.0.0.1:8786" for example, in batches.

    The workers need this package, of the same version, and the sandbox. What they get is the submissions' content, so
    that they need not see the folder. A worker that is lost has its batch done by another.
    Raises: ImportError without dask.distributed, SandboxError where the cluster cannot be reached, or where a worker
    has no sandbox or another version.
    """
    if not submissions:
        return
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ImportError("--scheduler needs dask.distributed, an optional extra: pip install -e '.[grading]' in the "
                          "course's folder") from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise SandboxError(f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, and "
                           "workers with `dask worker ADDRESS`") from None
    batches = iter([submissions[start:start + _BATCH] for start in range(0, len(submissions), _BATCH)])
    run = token_hex(8)
    keys: dict[Any, list[str]] = {}    # of the records to come, by the key of their batch

    def submit() -> list[Any]:
        batch = next(batches, None)
        if batch is None:
            return []
        sent = [replace(read(submission, assignment.file_limits), place=None) for submission in batch]
        future = client.submit(_grade_batch, run, assignment, sent, pure=False)
        keys[future.key] = [assignment.key(submission) for submission in sent]
        return [future]

    with client:
        threads = client.nthreads()
        if not threads:
            raise SandboxError(f"the Dask scheduler at {address} has no workers; start some: `dask worker {address}`")
        try:
            first = [future for _ in range(2 * sum(threads.values())) for future in submit()]
            running = as_completed(first, loop=client.loop)
            for future in running:
                records = [from_json(line) for line in _result(future)]
                if [record.key for record in records] != keys.pop(future.key):
                    raise SandboxError("a worker of the cluster has another version of the course; install the same "
                                       "on all of them, and start the workers anew")
                for more in submit():
                    running.add(more)
                yield from records
        finally:
            with contextlib.suppress(Exception):    # a cluster that is gone has nothing to be ended
                client.run(_end, run, on_error="ignore")


def _result(future: Any) -> list[str]:
    """What a batch gave. Raises SandboxError for whatever goes wrong there."""
    try:
        lines: list[str] = future.result()
    except SandboxError as error:
        raise SandboxError(f"on a worker of the cluster: {error}") from None
    except Exception as error:    # KilledWorker, a package that is not there, a full disk
        reason = " ".join(str(error).split())[:400]
        raise SandboxError(f"a worker of the cluster failed ({type(error).__name__}: {reason}); does it have this "
                           "package, of the same version?") from None
    return lines


# On a worker of a cluster

_graders: dict[tuple[str, int], Grader] = {}    # by run and thread
_ended: set[str] = set()                        # runs


def _grade_batch(run: str, assignment: Assignment, batch: Sequence[Submission]) -> list[str]:
    """The records of a batch as JSON. A thread of a worker keeps its box for the next batch of the same run."""
    place = run, threading.get_ident()
    grader = _graders.get(place)
    if grader is None:
        grader = _graders[place] = Grader(assignment)    # before it is entered: it can be stopped meanwhile
        if run in _ended:
            grader.stop()
        try:
            grader.__enter__()
        except BaseException:
            _graders.pop(place, None)
            raise
    return [to_json(grader.grade(submission)) for submission in batch]


def _end(run: str) -> None:
    """End the boxes of a run on this worker, also those that are at work."""
    _ended.add(run)
    for place in [place for place in list(_graders) if place[0] == run]:
        grader = _graders.pop(place, None)
        if grader:
            grader.stop()
            grader.__exit__()
