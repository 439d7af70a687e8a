"""Pool: submissions to graders, on this machine or on a Dask cluster; records come back as they are ready.

A record depends on its assignment and its submission alone, so that where it was made cannot be seen in it.
"""

import queue
import threading
from collections.abc import Iterator, Sequence

from dlm_course.course.grading.box import SandboxError
from dlm_course.course.grading.records import Record, from_json, to_json
from dlm_course.course.grading.submissions import Submission, read
from dlm_course.course.grading.worker import Assignment, Grader

_BATCH = 4    # submissions that a worker of a cluster gets at a time


def on_this_machine(assignment: Assignment, submissions: Sequence[Submission], jobs: int) -> Iterator[Record]:
    """Grade in `jobs` threads, each with a box of its own. A record more or less waits for who takes them.

    Raises: SandboxError where no box opens.
    """
    waiting: queue.SimpleQueue[Submission] = queue.SimpleQueue()
    for submission in submissions:
        waiting.put(submission)
    ready: queue.Queue[Record | BaseException] = queue.Queue(maxsize=2 * jobs)
    stopped = threading.Event()

    def put(found: Record | BaseException) -> None:
        while not stopped.is_set():
            try:
                return ready.put(found, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            with Grader(assignment) as grader:
                while not stopped.is_set():
                    try:
                        submission = waiting.get_nowait()
                    except queue.Empty:
                        return
                    put(grader.grade(submission))
        except BaseException as error:    # it is raised where the records are taken
            put(error)

    threads = [threading.Thread(target=work, name=f"grader-{n}") for n in range(min(jobs, len(submissions)))]
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
        for thread in threads:
            thread.join()


def on_cluster(assignment: Assignment, submissions: Sequence[Submission], address: str) -> Iterator[Record]:
    """Grade on the Dask cluster whose scheduler has this address, "tcp://10.0.0.1:8786" for example, in batches.

    The workers need this package, and the sandbox. What they get is the submissions' content, so that they need not see
    the folder. A worker that is lost has its batch done by another.
    Raises: ImportError without dask.distributed, SandboxError where the cluster cannot be reached or a worker has no
    sandbox.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ImportError("--scheduler needs dask.distributed, an optional extra: pip install -e '.[grading]' in the "
                          "course's folder") from error
    batches = iter([submissions[start:start + _BATCH] for start in range(0, len(submissions), _BATCH)])
    try:
        client = Client(address, timeout="30s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise SandboxError(f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, and "
                           "workers with `dask worker ADDRESS`") from None
    with client:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            raise SandboxError(f"the Dask scheduler at {address} has no workers; start some: `dask worker {address}`")

        def submit() -> list:
            batch = next(batches, None)
            if batch is None:
                return []
            sent = [read(submission, assignment.file_limits) for submission in batch]
            return [client.submit(_grade_batch, assignment, sent, pure=False)]

        ahead = 2 * sum(worker["nthreads"] for worker in workers.values())
        running = as_completed([future for _ in range(ahead) for future in submit()], loop=client.loop)
        for future in running:
            lines = future.result()
            for future in submit():
                running.add(future)
            yield from map(from_json, lines)


_here = threading.local()


def _grade_batch(assignment: Assignment, batch: Sequence[Submission]) -> list[str]:
    """The records of a batch as JSON. A thread of a cluster's worker keeps its box for the next batch."""
    if getattr(_here, "assignment", None) != assignment:
        if hasattr(_here, "grader"):
            _here.grader.__exit__()
        _here.grader, _here.assignment = Grader(assignment), assignment
    return [to_json(_here.grader.grade(submission)) for submission in batch]
