"""records.py: a record survives a round trip, and what a store has taken is on the disk, whatever ends the grader."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_course.course.grading import records
from dlm_course.course.grading.records import (
    Record,
    RecordError,
    Result,
    Store,
    StoredRecords,
    StoreError,
    Words,
    from_json,
    key_of,
    load_records,
    to_json,
)

WRONG_RESULTS = [{"points": 99.0}, {"points": -1.0}, {"status": "½"}, {"status": ""}, {"points": float("inf")}]
RESULTS = (Result("01-1-a", 1.0, 1, "✓", source="def f(): ..."),
           Result("01-2-b", 0.5, 1, "✗", "right, except in a border case", ("timeout",)),
           Result("01-3-c", 0.0, 2, "○", "not attempted"))
RECORD = Record("Żółć\ud800 😀", "01", "a\nb.ipynb", "k1", 4711, "none", "", ("a note",), RESULTS,
                (Words("10-5-d", "=1+1", "| points |", 2.0),))


def record(student="ada", key="k", **changes):
    return replace(RECORD, student=student, key=key, **changes)


# One record

def text(**more):
    """Any text, lone halves of a character included, but no two that JSON would join."""
    return st.text(st.characters(exclude_categories=()), **more).map(
        lambda string: string.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))


NUMBERS = st.floats(0, 100, allow_nan=False)
ANY_RESULT = st.builds(Result, text(), st.floats(0, 5), st.integers(5, 9), st.sampled_from("✓✗○"), text(),
                       st.lists(text(), max_size=2).map(tuple), text())
ANY_RECORD = st.builds(Record, text(), text(), text(), text(), st.integers(0, 2**32), text(), text(),
                       st.lists(text(), max_size=3).map(tuple), st.lists(ANY_RESULT, max_size=3).map(tuple),
                       st.lists(st.builds(Words, text(), text(), text(), NUMBERS), max_size=2).map(tuple))


@given(ANY_RECORD)
def test_a_record_survives_the_round_trip_in_one_line_of_ascii(made):
    line = to_json(made)
    assert from_json(line) == made
    assert to_json(from_json(line)) == line
    assert line.isascii()
    assert len(line.splitlines()) == 1


def test_the_same_grades_are_the_same_bytes():
    whole = replace(RECORD, results=tuple(replace(result, points=int(result.points)) for result in RESULTS[::2]))
    decimal = replace(RECORD, results=tuple(replace(result, points=float(result.points)) for result in RESULTS[::2]))
    assert to_json(whole) == to_json(decimal)


def test_points():
    assert (RECORD.points, RECORD.out_of) == (1.5, 4.0)
    assert (replace(RECORD, results=()).points, replace(RECORD, results=()).out_of) == (0, 0)


@pytest.mark.parametrize("points", [float("nan"), float("inf")])
def test_points_that_are_no_number_are_not_kept(points):
    with pytest.raises(ValueError, match="JSON"):
        to_json(replace(RECORD, results=(replace(RESULTS[0], points=points),)))


@pytest.mark.parametrize("change", [
    {"student": 7}, {"seed": "1"}, {"seed": True}, {"notes": "text"}, {"notes": [1]}, {"results": [[]]},
    {"results": None}, {"words": [{}]}, {"more": ""}, {"problem": None},
    {"results": [{**json.loads(to_json(RECORD))["results"][0], "points": "1"}]}])
def test_a_line_of_another_form_is_refused(change):
    with pytest.raises(RecordError, match="holds no record"):
        from_json(json.dumps({**json.loads(to_json(RECORD)), **change}))


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "7", '{"student": "ada"}'])
def test_a_line_that_is_no_record_is_refused(line):
    with pytest.raises(RecordError, match="holds no record"):
        from_json(line)


# What a record's grades depend on

def test_a_key_changes_with_all_that_the_grades_depend_on_and_with_nothing_else(monkeypatch, tmp_path):
    key = key_of(b"content", "01", 0, "limits", 20)
    assert key == key_of(b"content", "01", 0, "limits", 20)
    assert len(key) == 64
    others = [key_of(b"Content", "01", 0, "limits", 20), key_of(b"content", "02", 0, "limits", 20),
              key_of(b"content", "01", 1, "limits", 20), key_of(b"content", "01", 0, "limits", 21),
              key_of(b"content", "01", 0, "limits"), key_of(b"", "01", 0, "limits", 20),
              key_of(None, "01", 0, "limits", 20, problem="is a link"), key_of(b"conten", "01", 0, "tlimits", 20)]
    assert len({key, *others}) == len(others) + 1
    (tmp_path / "01_single_token_chains.ipynb").write_text("another exercise")
    monkeypatch.setattr(records, "RELEASED", tmp_path)
    records._assignment.cache_clear()
    assert key_of(b"content", "01", 0, "limits", 20) != key
    records._assignment.cache_clear()


def test_a_key_changes_with_the_questions_of_its_topic_and_with_the_grader(monkeypatch, tmp_path):
    course = tmp_path / "course"
    for name in ("questions/single_token_chains", "questions/uniform_vs_absorbing", "questions/judging",
                 "student/assemble", "grading/box", "../__init__"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / f"{name}.py").write_bytes(b"1\n")
    monkeypatch.setattr(records, "_COURSE", course)

    def key():
        records._assignment.cache_clear()
        return key_of(b"", "01", 0)

    before = key()
    (course / "questions/uniform_vs_absorbing.py").write_bytes(b"2\n")
    (course / "questions/judging.py").write_bytes(b"1\r\n")   # a checkout on Windows
    assert key() == before
    keys = {before}
    for name in ("questions/single_token_chains", "questions/judging", "student/assemble", "grading/box",
                 "../__init__"):
        (course / f"{name}.py").write_bytes(b"2\n")
        keys.add(key())
    assert len(keys) == 6
    records._assignment.cache_clear()


@pytest.mark.parametrize("change", WRONG_RESULTS, ids=str)
def test_points_and_status_that_a_person_mistyped(change):
    raw = json.loads(to_json(RECORD))
    raw["results"][0].update(change)
    with pytest.raises(RecordError, match=r"the status is one of ✓ ✗ ○, half points go with ✗"):
        from_json(json.dumps(raw))


# The store

def test_a_store_keeps_records_and_finds_them_again(tmp_path):
    folder = tmp_path / "deep" / "report"
    with Store(folder) as store:
        assert list(store.records()) == []
        for name in ("bob", "ada", RECORD.student):
            store.append(record(name, f"k-{name}"))
    with Store(folder) as store:
        assert [kept.student for kept in store.records()] == ["ada", "bob", RECORD.student]
        assert store.done("k-ada", "ada", "01") == record("ada", "k-ada")
        for asked in (("k-bob", "ada", "01"), ("k-ada", "bob", "01"), ("k-ada", "ada", "02"), ("", "x", "")):
            assert store.done(*asked) is None
    assert load_records(folder) == [record(name, f"k-{name}") for name in ("ada", "bob", RECORD.student)]


def test_stored_records_are_read_one_at_a_time_and_stay_what_they_were(tmp_path):
    with Store(tmp_path) as store:
        for name in "cab":
            store.append(record(name, "k" * 1000))
        stored = StoredRecords(tmp_path)
        store.append(record("d"))
        store.tidy()    # puts a new file in its place
        store.append(record("a", "new"))
    assert len(stored) == 3
    assert [one.student for one in stored] == ["a", "b", "c"]
    assert stored[-1] == record("c", "k" * 1000)
    assert [one.student for one in stored[:2]] == ["a", "b"]
    assert stored[0].key == "k" * 1000
    with pytest.raises(IndexError):
        _ = stored[3]
    assert len(StoredRecords(tmp_path)) == 4


def test_the_later_record_of_a_student_counts(tmp_path):
    with Store(tmp_path) as store:
        for key in ("old", "new"):
            store.append(record(key=key))
        store.append(record(key="other", topic="02"))
        assert (store.done("old", "ada", "01"), store.done("new", "ada", "01")) == (None, record(key="new"))
    assert [kept.key for kept in load_records(tmp_path)] == ["new", "other"]


def test_a_tidy_file_is_the_same_bytes_whatever_order_the_records_came_in(tmp_path):
    made = [record(name, f"k-{name}") for name in "edcab"]
    for folder, order in ((tmp_path / "a", made), (tmp_path / "b", [record("c", "old"), *reversed(made)])):
        with Store(folder) as store:
            for one in order:
                store.append(one)
            store.tidy()
            assert store.done("k-c", "c", "01") == record("c", "k-c")
            store.append(record("f", "k-f"))
            assert len(list(store.records())) == 6
    assert (tmp_path / "a/records.jsonl").read_bytes() == (tmp_path / "b/records.jsonl").read_bytes()
    assert [kept.student for kept in load_records(tmp_path / "a")] == list("abcdef")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"records.jsonl", "records.lock"}


@pytest.mark.parametrize("where", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
def test_a_file_that_cannot_be_tidied_stays_as_it_is(tmp_path, monkeypatch, where):
    with Store(tmp_path) as store:
        for name in "ba":
            store.append(record(name))
        before = store.path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(where, lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
            with pytest.raises(StoreError, match="the disk is full"):
                store.tidy()
        assert store.path.read_bytes() == before
        store.append(record("c"))
    assert [kept.student for kept in load_records(tmp_path)] == ["a", "b", "c"]
    assert {path.name for path in tmp_path.iterdir()} == {"records.jsonl", "records.lock"}


@pytest.mark.parametrize("torn", [b"{", b'{"student": "bob', b"\xff" * 70_000, b'{"student": "' + b"a" * 200_000])
def test_a_torn_last_line_is_dropped_and_overwritten(tmp_path, torn):
    with Store(tmp_path) as store:
        store.append(record("ada"))
    with store.path.open("ab") as file:
        file.write(torn)
    assert [kept.student for kept in load_records(tmp_path)] == ["ada"]
    with Store(tmp_path) as store:
        assert [kept.student for kept in store.records()] == ["ada"]
        store.append(record("bob"))
    assert [kept.student for kept in load_records(tmp_path)] == ["ada", "bob"]


def test_a_file_that_is_nothing_but_a_torn_line(tmp_path):
    (tmp_path / "records.jsonl").write_bytes(b"{" * 100_000)
    with Store(tmp_path) as store:
        store.append(record("ada"))
    assert load_records(tmp_path) == [record("ada")]


@pytest.mark.parametrize("damaged", [b"{}\n", b"\xff\n", b"\n", b"<<<<<<< HEAD\n"])
def test_a_damaged_line_is_named_and_the_run_that_cannot_begin_leaves_no_lock(tmp_path, damaged):
    path = tmp_path / "records.jsonl"
    path.write_bytes(to_json(record()).encode() + b"\n" + damaged + to_json(record("bob")).encode() + b"\n")
    for open_ in (Store, load_records):
        with pytest.raises(RecordError, match=r"records\.jsonl, line 2: holds no record .*; delete the line, and its"):
            open_(tmp_path)
    path.write_bytes(b"")
    Store(tmp_path).close()


def test_records_are_read_without_a_report(tmp_path):
    with pytest.raises(StoreError, match="no such file; `dlm-course grade` writes it"):
        load_records(tmp_path)


def test_many_threads_add_to_one_store(tmp_path):
    with Store(tmp_path) as store:
        threads = [threading.Thread(target=lambda n=n: [store.append(record(f"{n}-{m}")) for m in range(20)])
                   for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(load_records(tmp_path)) == 100


def test_memory_does_not_grow_with_what_was_graded(tmp_path):
    long = record(results=(replace(RESULTS[0], source="x" * 20_000),))
    with Store(tmp_path) as store:
        tracemalloc.start()
        try:
            for n in range(300):
                store.append(replace(long, student=f"student {n}"))
            assert sum(1 for _ in store.records()) == 300
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()


# Two graders

def other_process(code, folder):
    return subprocess.Popen([sys.executable, "-c", f"import sys\nfrom pathlib import Path\n"
                             f"from dlm_course.course.grading.records import *\nfolder = Path({str(folder)!r})\n"
                             f"record = from_json({to_json(RECORD)!r})\n{code}"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_graders_on_one_report_are_refused(tmp_path):
    with Store(tmp_path):
        with pytest.raises(StoreError, match="another grading run is writing there; wait for it, stop it, or give"):
            Store(tmp_path)
        _, said = other_process("Store(folder)", tmp_path).communicate(timeout=60)
        assert "StoreError" in said
        assert "another grading run is writing there" in said
    Store(tmp_path).close()


def test_where_no_file_can_be_locked_a_grader_runs_without(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_lock", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks")))
    with Store(tmp_path) as store:
        store.append(record())
    assert load_records(tmp_path) == [record()]


# What ends a grader

@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 0.2])
def test_a_grader_that_is_killed_while_it_writes_leaves_whole_records_and_no_lock(tmp_path, seconds):
    process = other_process(
        "store = Store(folder)\nprint('ready', flush=True)\nfrom dataclasses import replace\n"
        "for n in range(100_000):\n    store.append(replace(record, student=f'{n:06}', notes=('x' * 100_000,)))\n",
        tmp_path)
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    kept = load_records(tmp_path)
    assert [one.student for one in kept] == [f"{n:06}" for n in range(len(kept))]
    with Store(tmp_path) as store:
        assert store.path.read_bytes().endswith(b"\n") or not kept
        store.append(record("the next"))
    assert len(load_records(tmp_path)) == len(kept) + 1


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as POSIX has them")
def test_a_grader_that_is_killed_in_the_middle_of_a_line_leaves_that_line_to_the_next_run(tmp_path):
    process = other_process(
        "store = Store(folder)\nstore.append(record)\nreal = os.write\n"
        "def half(handle, line):\n    real(handle, line[:len(line) // 2])\n    print('half', flush=True)\n"
        "    sys.stdin.read()\nos.write = half\n"
        "store.append(record)\n", tmp_path)
    assert process.stdout.readline() == "half\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    path = tmp_path / "records.jsonl"
    assert path.read_bytes().count(b"\n") == 1
    assert not path.read_bytes().endswith(b"\n")
    assert load_records(tmp_path) == [RECORD]
    with Store(tmp_path) as store:
        store.append(record("bob"))
    assert path.read_bytes().count(b"\n") == 2
    assert load_records(tmp_path) == [record("bob"), RECORD]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   OSError(errno.EDQUOT, "Disk quota exceeded"),
                                   OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_record_that_cannot_be_written_leaves_nothing_torn(tmp_path, monkeypatch, error, call):
    def fail(handle, line=b""):
        real(handle, *[line[:50]] * (call == "write"))
        raise error

    with Store(tmp_path) as store:
        store.append(record("ada"))
        real = getattr(os, call)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else StoreError) as caught:
                store.append(record("bob"))
        assert store.path.read_bytes() == to_json(record("ada")).encode() + b"\n"
        assert store.done("k", "bob", "01") is None
        store.append(record("eve"))
    if isinstance(error, OSError):
        assert str(caught.value).startswith(f"{store.path} cannot be written: {error.strerror}")
    if getattr(error, "errno", 0) == errno.ENOSPC:
        assert "the disk is full: make room and run the same command again; what is graded stays" in str(caught.value)
    assert [kept.student for kept in load_records(tmp_path)] == ["ada", "eve"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB: only root can make one."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True) \
        if hasattr(os, "geteuid") and os.geteuid() == 0 and sys.platform == "linux" else None
    if done is None or done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_what_was_graded(small_disk):
    kept = []
    with Store(small_disk) as store:
        with pytest.raises(StoreError, match="cannot be written: No space left on device; the disk is full"):  # noqa: PT012
            for n in range(1000):
                store.append(record(f"{n:03}", notes=("x" * 5000,)))
                kept.append(f"{n:03}")
        assert 3 < len(kept) < 100
        assert [one.student for one in store.records()] == kept
    assert store.path.read_bytes().endswith(b"\n")
    assert [one.student for one in load_records(small_disk)] == kept


def test_a_disk_that_can_only_be_read(small_disk):
    Store(small_disk / "report").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for folder in (small_disk / "report", small_disk / "new"):
        with pytest.raises(StoreError, match=r"cannot be used: Read-only file system; give a folder .* with --out"):
            Store(folder)
    assert load_records(small_disk / "report") == []


def test_a_report_that_cannot_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match=r"cannot be used: (File exists|Not a directory)"):
        Store(blocked)
    (tmp_path / "report" / "records.jsonl").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be used: Is a directory"):
        Store(tmp_path / "report")
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, *rest, **more: real(path, flags, *rest, **more) if not flags &
                        os.O_CREAT else (_ for _ in ()).throw(OSError(errno.EACCES, "Permission denied")))
    with pytest.raises(StoreError, match="Permission denied; give a folder that can be written with --out"):
        Store(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_a_folder_in_which_one_may_only_read(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write anywhere")
        for folder in (tmp_path, tmp_path / "report"):
            with pytest.raises(StoreError, match="Permission denied; give a folder that can be written with --out"):
                Store(folder)
    finally:
        tmp_path.chmod(0o700)
