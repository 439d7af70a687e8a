"""Records: what came of one submission, and the file that keeps them, REPORT/records.jsonl.

One record is one line of JSON in ASCII. A record that a store has taken is on the disk, whole; a crash in the middle of
a line leaves a torn last line, which is dropped. No time is kept: the same grades are the same bytes.
"""

import errno
import hashlib
import json
import os
import stat
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from dlm_course.course.topics import RELEASED, TOPICS, notebook_name

RECORDS = "records.jsonl"
LOCK = "records.lock"

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_COURSE = Path(__file__).parents[1]
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


STATUSES = ("✓", "✗", "○")
# The flags of an answer that a limit, or the answer itself, ended; by how the sandbox calls it.
ENDED = {"time": "timeout", "memory": "out of memory", "size": "too much output", "died": "process ended"}

_Part = TypeVar("_Part")


class RecordError(ValueError):
    """A line that holds no record; the message says which, and the cure."""


class StoreError(OSError):
    """The report's folder cannot be used; the message says why, and the cure."""


@dataclass(frozen=True)
class Result:
    """What came of one question of one submission.

    points  earned: all, half ("right, except in a border case"), or 0
    status  "✓", "✗" or "○", not attempted
    reason  what the verdict says; printable, at most 400 characters
    flags   for a human's look: "timeout", "uses dlm_course.X"
    source  the answer's source as assembled
    """

    question: str
    points: float
    out_of: int
    status: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Words:
    """An answer in words, with the question and its rules for points beside it. A person grades it."""

    question: str
    text: str
    rubric: str
    out_of: float


@dataclass(frozen=True)
class Record:
    """What came of one submission.

    student  as the folder, or the zip, calls them
    file     below the folder of submissions; in a zip "class.zip!/inner/path"
    key      of `key_of`: the same key and student, the same grades
    sandbox  "bubblewrap", "container IMAGE" or "none"
    problem  why nothing could be graded: then results are all ○ with 0 points
    notes    what was settled by rule: duplicates, misplaced answers
    """

    student: str
    topic: str
    file: str
    key: str
    seed: int
    sandbox: str
    problem: str = ""
    notes: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    words: tuple[Words, ...] = ()

    @property
    def points(self) -> float:
        """Those of the questions that the sandbox answered; answers in words are not in it."""
        return sum(float(result.points) for result in self.results)

    @property
    def out_of(self) -> float:
        """The most that `points` can be."""
        return sum(float(result.out_of) for result in self.results)


def to_json(record: Record) -> str:
    """The record as one line in ASCII, without its line end: the same for 1 point and 1.0 points.

    Halves of characters survive, but two that belong together come back as one character.
    """
    raw = asdict(record)
    for result in raw["results"]:
        result["points"] = float(result["points"])
    for words in raw["words"]:
        words["out_of"] = float(words["out_of"])
    return json.dumps(raw, ensure_ascii=True, allow_nan=False)


def from_json(line: str) -> Record:
    """The record that a line holds. Raises: RecordError."""
    try:
        raw = json.loads(line)
        results = tuple(_made(Result, result) for result in raw["results"])
        words = tuple(_made(Words, word) for word in raw["words"])
        return _made(Record, {**raw, "results": results, "words": words})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordError(f"holds no record ({type(error).__name__}: {str(error)[:120]})") from None


def _made(kind: Callable[..., _Part], raw: Mapping[str, Any]) -> _Part:
    """An object of one of the dataclasses above. Raises TypeError for a value of another type than its fields have."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    for name, value in values.items():
        fits = (isinstance(value, tuple) if name in ("results", "words") else
                isinstance(value, tuple) and all(isinstance(x, str) for x in value) if name in ("flags", "notes") else
                type(value) is int if name == "seed" else
                type(value) in (int, float) if name in ("points", "out_of") else isinstance(value, str))
        if not fits:
            raise TypeError(f"{name} is {str(value)[:40]}")
    made = kind(**values)
    if isinstance(made, Result) and not (made.status in STATUSES and 0 <= made.points <= made.out_of):
        raise ValueError(f"{made.question}: status {made.status!r} with {made.points:g} of {made.out_of} points; the "
                         f"status is one of {' '.join(STATUSES)}, half points go with ✗")
    return made


def key_of(content: bytes | None, topic: str, seed: int, *limits: object, problem: str = "") -> str:
    """What a record's grades depend on, as a SHA-256 in hexadecimal digits.

    The submission's bytes, or the problem where there are none; the released notebook; the sources of the topic's
    questions, of what runs and judges them, and of the grader; the package's version; the seed; the limits, by their
    repr. Two students who hand in the same bytes have the same key.
    """
    digest = hashlib.sha256()
    for part in (b"" if content is None else content, problem.encode("utf-8", "surrogatepass"),
                 _assignment(topic), str(seed).encode(), *(repr(limit).encode() for limit in limits)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@cache
def _assignment(topic: str) -> bytes:
    """A hash of all that is the same for every submission of a topic."""
    others = {f"{name}.py" for number, name in TOPICS.items() if number != topic}
    digest = hashlib.sha256()
    sources = [path for path in (_COURSE / "questions").glob("*.py") if path.name not in others]
    sources += [*(_COURSE / "grading").rglob("*.py"), _COURSE / "student" / "assemble.py"]
    sources += [_COURSE.parent / "__init__.py"]  # the version
    for path in [RELEASED / notebook_name(topic), *sorted(sources)]:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(path.name.encode() + len(content).to_bytes(8, "big") + content)
    return digest.digest()


class Store:
    """The records in a report's folder, which one grading run has for itself. A context manager.

    Of two records of one student and topic the later one counts. In memory are only the keys and where the lines are.

    Raises: StoreError where the folder cannot be written or another run has it, RecordError for a damaged line.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORDS
        self._adding = threading.Lock()
        self._lines: dict[tuple[str, str], tuple[str, int]] = {}
        with ExitStack() as opened:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._lock = _locked(folder / LOCK)
                opened.callback(os.close, self._lock)
                self._file = os.open(self.path, _APPEND, 0o666)
                opened.callback(os.close, self._file)
                whole = 0
                for record, start, whole in _lines(self.path):  # noqa: B007
                    self._lines[record.student, record.topic] = (record.key, start)
                if os.fstat(self._file).st_size > whole:
                    os.ftruncate(self._file, whole)  # a torn line must not be joined to the next one
                _sync_folder(folder)
            except OSError as error:
                raise error if isinstance(error, StoreError) else _cannot("used", folder, error) from None
            opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let another run have the folder."""
        for handle in (self._file, self._lock):
            if handle >= 0:
                os.close(handle)
        self._file = self._lock = -1

    def done(self, key: str, student: str, topic: str) -> Record | None:
        """The student's record if it has this key, None if the submission must be graded."""
        known, start = self._lines.get((student, topic), (None, 0))
        return self._at(start) if known == key else None

    def append(self, record: Record) -> None:
        """Keep a record. When this returns it is on the disk; when it raises nothing of it is.

        Raises: StoreError.
        """
        line = to_json(record).encode("ascii") + b"\n"
        with self._adding:
            start = os.fstat(self._file).st_size
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._file, line[written:])
                os.fsync(self._file)
            except BaseException as error:
                os.ftruncate(self._file, start)
                if isinstance(error, OSError):
                    raise _cannot("written", self.path, error) from None
                raise
            self._lines[record.student, record.topic] = (record.key, start)

    def records(self) -> Iterator[Record]:
        """All records that count, by student, then topic."""
        for name in sorted(self._lines):
            yield self._at(self._lines[name][1])

    def tidy(self) -> None:
        """Put the file in the order of `records` and drop what does not count: the same grades are the same bytes.

        The old file or the new one is there, never half of one. Raises: StoreError.
        """
        with self._adding:
            name = ""
            try:
                handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".records-")
                lines: dict[tuple[str, str], tuple[str, int]] = {}
                with os.fdopen(handle, "wb") as file:
                    for record in self.records():
                        lines[record.student, record.topic] = (record.key, file.tell())
                        file.write(to_json(record).encode("ascii") + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(stat.S_IMODE(os.fstat(self._file).st_mode))
                os.close(self._file)
                self._file = -1  # Windows replaces no open file
                Path(name).replace(self.path)
                self._lines = lines
            except OSError as error:
                Path(name).unlink(missing_ok=True) if name else None
                raise _cannot("written", self.path, error) from None
            finally:
                if self._file < 0:
                    self._file = os.open(self.path, _APPEND, 0o666)
            _sync_folder(self.path.parent)

    def _at(self, start: int) -> Record:
        with self.path.open("rb") as file:
            file.seek(start)
            return from_json(file.readline().decode("ascii"))


class StoredRecords(Sequence[Record]):
    """The records that count in a report's folder, by student, then topic; also while a run adds to them.

    Each is read when it is asked for: in memory is only where the lines are.
    Raises: StoreError where there are none, RecordError for a damaged line.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / RECORDS
        try:
            found = {(record.student, record.topic): start for record, start, _ in _lines(path)}
            self._file = path.open("rb")    # kept: another run may put a new file in its place
        except FileNotFoundError:
            raise StoreError(f"{path}: no such file; `dlm-course grade` writes it") from None
        except OSError as error:
            raise _cannot("read", path, error) from None
        weakref.finalize(self, self._file.close)
        self._starts = [found[name] for name in sorted(found)]

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...

    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        self._file.seek(self._starts[place])
        return from_json(self._file.readline().decode("ascii"))


def load_records(folder: Path) -> list[Record]:
    """All of `StoredRecords` at once. Raises as that does."""
    return list(StoredRecords(folder))


def _lines(path: Path) -> Iterator[tuple[Record, int, int]]:
    """Each record, and where its line starts and ends; a torn last line is left out. Raises: RecordError."""
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            start, end = end, end + len(line)
            if line.endswith(b"\n"):
                try:
                    yield from_json(line.decode("ascii")), start, end
                except ValueError as error:
                    reason = error if isinstance(error, RecordError) else "holds no record (it is not ASCII)"
                    raise RecordError(f"{path}, line {number}: {reason}; delete the line, and its submission is "
                                      "graded anew") from None


def _locked(path: Path) -> int:
    """A handle to the file that only one process can have. Raises: StoreError where another one has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # on some network drives nobody can have a file alone
            os.close(handle)
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise StoreError(f"{path.parent}: another grading run is writing there; wait for it, stop it, or give "
                             "another folder with --out") from None
        if error.errno not in _NO_LOCKS:
            raise
    return handle


def _lock(handle: int) -> None:
    """The system lets it go when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk too; Windows has no such call, and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _cannot(what: str, path: Path, error: OSError) -> StoreError:
    cures = {errno.ENOSPC: "the disk is full: make room and run the same command again; what is graded stays graded",
             errno.EDQUOT: "your quota is used up: make room and run the same command again",
             errno.EROFS: "give a folder that can be written with --out",
             errno.EACCES: "give a folder that can be written with --out"}
    cure = cures.get(error.errno or 0, "")
    return StoreError(f"{path} cannot be {what}: {error.strerror or error}" + (f"; {cure}" if cure else ""))
