"""The pool: all submissions are graded once, by whom makes no difference, and nothing runs on when it is closed."""

import os
import signal
import sys
import threading
import time

import pytest
from small_class import RIGHT
from small_graders import SEED, SHORT, FakeGrader, needs_bubblewrap
from small_strangers import answering, full, notebook, packed

from dlm_course.course.grading import pool
from dlm_course.course.grading.handed_in.submissions import Submission
from dlm_course.course.grading.pool import on_cluster, on_this_machine
from dlm_course.course.grading.records import to_json
from dlm_course.course.grading.sandbox import processes
from dlm_course.course.grading.sandbox.box import SandboxError
from dlm_course.course.grading.worker import Assignment, Grader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no sandbox on Windows")

ASSIGNMENT = Assignment("01", SEED, limits=SHORT)


def submitted(number, content=b""):
    return Submission(f"student {number:03}", "01", f"{number}.ipynb", content)


@pytest.fixture
def fake(monkeypatch):
    return FakeGrader.put(monkeypatch)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("grader-")]


# On this machine

@pytest.mark.parametrize(("jobs", "number"), [(1, 5), (3, 20), (8, 2), (2, 0)])
def test_all_are_graded_once(fake, jobs, number):
    found = list(on_this_machine(ASSIGNMENT, [submitted(n) for n in range(number)], jobs))
    assert sorted(record.student for record in found) == [f"student {n:03}" for n in range(number)]
    assert len(FakeGrader.made) == min(jobs, number)
    assert all((grader.entered, grader.left) == (1, 1) for grader in FakeGrader.made)
    assert threads() == []


def test_graders_wait_for_who_takes_the_records(fake):
    """Else the records of a large class would gather in memory."""
    graded = []
    fake(does=lambda submission: graded.append(submission.student))
    records = on_this_machine(ASSIGNMENT, [submitted(n) for n in range(100)], jobs=2)
    next(records)
    time.sleep(0.5)
    assert len(graded) <= 1 + 2 * 2 + 2
    records.close()
    assert threads() == []


@pytest.mark.parametrize("error", [SandboxError("no box"), OSError(28, "full"), KeyboardInterrupt()], ids=repr)
def test_what_goes_wrong_is_raised_where_the_records_are_taken(fake, error):
    def does(submission):
        if submission.student.endswith("5"):
            raise error
    fake(does=does)
    with pytest.raises(type(error)):
        list(on_this_machine(ASSIGNMENT, [submitted(n) for n in range(50)], jobs=2))
    assert threads() == []


def test_a_box_that_does_not_open_is_told(fake):
    def opens():
        raise SandboxError("no box")
    fake(opens=opens)
    with pytest.raises(SandboxError, match="no box"):
        list(on_this_machine(ASSIGNMENT, [submitted(n) for n in range(3)], jobs=2))


def test_closing_stops_what_runs(fake):
    fake(does=lambda submission: submission.student == "student 000" or [
        grader.stopped.wait(30) for grader in FakeGrader.made])
    records = on_this_machine(ASSIGNMENT, [submitted(n) for n in range(9)], jobs=3)
    next(records)
    start = time.monotonic()
    records.close()
    assert time.monotonic() - start < 5
    assert threads() == []


def test_one_that_hangs_keeps_nobody(fake, monkeypatch):
    monkeypatch.setattr(pool, "_PATIENCE", 0.2)
    release = threading.Event()
    fake(does=lambda submission: submission.student == "student 001" and release.wait(30))
    records = on_this_machine(ASSIGNMENT, [submitted(n) for n in range(2)], jobs=2)
    next(records)
    records.close()
    assert all(thread.daemon for thread in threads())
    release.set()


@pytest.mark.slow
def test_closing_ends_the_boxes_with_what_they_are_at():
    needs_bubblewrap()
    before = set(processes.below(os.getpid()))
    hangs = packed(notebook(RIGHT, "while True: pass"))
    records = on_this_machine(Assignment("01", SEED), [submitted(0), submitted(1, hangs), submitted(2, hangs)], jobs=2)
    next(records)
    time.sleep(1)
    start = time.monotonic()
    records.close()
    assert time.monotonic() - start < 8
    assert set(processes.below(os.getpid())) <= before
    assert threads() == []


# On a cluster

FREE = "127.0.0.1:0"    # a free port


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[grading\]'"):
        next(on_cluster(ASSIGNMENT, [submitted(0)], "tcp://127.0.0.1:1"))


def test_where_there_is_nothing_to_do_no_cluster_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert list(on_cluster(ASSIGNMENT, [], "tcp://127.0.0.1:1")) == []


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread each, as `dask worker` starts them."""
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra `grading`")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=FREE,
                                  worker_dashboard_address=FREE) as cluster:
        yield cluster


CLASS = [submitted(0, packed(notebook(RIGHT))), submitted(1, b"no notebook"), submitted(2, answering("x = 1")),
         submitted(3, full({}, "import os\nos._exit(1)")),
         *(submitted(n, packed(notebook({}))) for n in range(4, 20))]


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(cluster):
    needs_bubblewrap()
    here = {record.student: to_json(record) for record in on_this_machine(ASSIGNMENT, CLASS, jobs=2)}
    there = {record.student: to_json(record) for record in on_cluster(ASSIGNMENT, CLASS, cluster.scheduler_address)}
    assert here == there
    assert len(here) == len(CLASS)


@pytest.mark.slow
def test_no_box_is_left_on_a_cluster(cluster, monkeypatch):
    needs_bubblewrap()
    monkeypatch.setattr(pool, "_BATCH", 1)
    records = on_cluster(ASSIGNMENT, [submitted(n, full({}, "import time\ntime.sleep(1000)")) for n in range(9)],
                         cluster.scheduler_address)
    taker = threading.Thread(target=lambda: next(records, None), daemon=True)
    taker.start()
    taker.join()    # the first is done: the cell was left out
    assert boxes_of(cluster)
    start = time.monotonic()
    records.close()
    assert time.monotonic() - start < 10
    until = time.monotonic() + 5
    while boxes_of(cluster) and time.monotonic() < until:
        time.sleep(0.1)
    assert boxes_of(cluster) == []


def boxes_of(cluster):
    """The processes below the cluster's workers that are bubblewrap's."""
    found = []
    for pid in processes.below(os.getpid()):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                found += [pid] if file.read().startswith("bwrap") else []
        except OSError:
            pass
    return found


@pytest.mark.slow
def test_a_worker_that_is_lost_has_its_work_done_by_another(cluster):
    needs_bubblewrap()
    slow = [submitted(n, full({}, "import time\ntime.sleep(0.5)")) for n in range(8)]
    pids = [worker.pid for worker in cluster.workers.values()]
    found = []
    killer = threading.Timer(6, lambda: os.kill(pids[0], signal.SIGKILL))
    killer.start()
    found = list(on_cluster(ASSIGNMENT, slow, cluster.scheduler_address))
    killer.join()
    assert sorted(record.student for record in found) == [submission.student for submission in slow]
    assert {record.points for record in found} == {11}


@pytest.mark.slow
def test_workers_of_another_version_are_noticed(cluster, monkeypatch):
    needs_bubblewrap()
    monkeypatch.setattr(Assignment, "key", lambda self, submission: "of another version")
    with pytest.raises(SandboxError, match="another version of the course"):
        list(on_cluster(ASSIGNMENT, [submitted(0)], cluster.scheduler_address))


@pytest.mark.slow
def test_what_goes_wrong_on_a_worker_is_told(cluster):
    bad = Assignment("01", SEED, sandbox="container:no-image-of-this-name")
    with pytest.raises(SandboxError, match=r"on a worker of the cluster: .*(docker|podman)"):
        list(on_cluster(bad, [submitted(0)], cluster.scheduler_address))


@pytest.mark.slow
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_where_no_scheduler_answers(address):
    pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra `grading`")
    with pytest.raises(SandboxError, match="no Dask scheduler answers at"):
        next(on_cluster(ASSIGNMENT, [submitted(0)], address))


@pytest.mark.slow
def test_a_cluster_without_workers():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra `grading`")
    with distributed.LocalCluster(n_workers=0, dashboard_address=FREE) as empty, \
            pytest.raises(SandboxError, match="has no workers"):
        next(on_cluster(ASSIGNMENT, [submitted(0)], empty.scheduler_address))


def test_a_batch_is_graded_in_the_box_of_its_run_and_thread(fake):
    batch = [submitted(0), submitted(1)]
    lines = pool._grade_batch("run", ASSIGNMENT, batch)
    assert len(lines) == 2
    pool._grade_batch("run", ASSIGNMENT, batch)
    assert len(FakeGrader.made) == 1
    pool._grade_batch("other", ASSIGNMENT, batch)
    pool._end("run")
    first, other = FakeGrader.made
    assert (first.stopped.is_set(), first.left) == (True, 1)
    assert (other.stopped.is_set(), other.left) == (False, 0)
    pool._end("other")
    assert pool._graders == {}


def test_the_real_grader_has_what_the_pool_needs():
    names = {name for name in vars(FakeGrader) if not name.startswith("_")}
    assert names - {"does", "made", "opens", "put"} <= set(vars(Grader))
