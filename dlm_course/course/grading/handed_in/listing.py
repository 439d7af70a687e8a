"""Listing: what lies in a folder or a zip of strangers, and the bytes of one file of it.

Nothing here follows a symbolic link, waits for a pipe, unpacks a zip by its names or believes the sizes it states.
"""

import os
import re
import stat
import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

from dlm_course.course.grading.handed_in.names import is_junk, printable

MEBI = 2**20
_CHUNK = 2**18
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_STEP = os.O_RDONLY | _NOFOLLOW | getattr(os, "O_DIRECTORY", 0)
_LINK = "is a symbolic link, which is not followed: hand in the file itself"
_TOO_MANY = "holds so many files that it was not looked into"
_SPECIAL = "is no regular file but a pipe, a socket or a device"
_DEEPEST = 16   # folders in one another, in a zip
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)   # the others unpack without bounds; no system uses them


@dataclass(frozen=True)
class FileLimits:
    """What a submission may be at most; more is refused, with the number.

    size, archive    bytes of a notebook, and of a zip that a student hands in
    checkpoint       bytes of a project's models; in the sandbox no file may be larger
    files, depth     files below a student's folder or in their zip, and folders in one another
    members          files in any zip
    ratio            how many times as large a file in a zip may become as it is packed, above one MiB
    cells            of a notebook
    values, nesting  of its JSON: the values, and the lists and objects in one another
    """

    size: int = 20 * MEBI
    archive: int = 100 * MEBI
    checkpoint: int = 32 * MEBI
    files: int = 10_000
    depth: int = 8
    members: int = 100_000
    ratio: int = 200
    cells: int = 2_000
    values: int = 2_000_000
    nesting: int = 100


class Unreadable(ValueError):
    """A file or folder that cannot be read; the message says why, and does not name it."""


@dataclass(frozen=True)
class Entry:
    """One thing in a folder or a zip.

    parts    the names on the way to it
    folder   whether it is one
    problem  why it must not be read: a link, for example; "" if it may
    member   in a zip, its number there
    """

    parts: tuple[str, ...]
    folder: bool = False
    problem: str = ""
    member: int = 0

    @property
    def name(self) -> str:
        return self.parts[-1]


class Tree(Protocol):
    """A folder, or a zip."""

    def children(self, parts: tuple[str, ...], most: int | None = None) -> list[Entry]:
        """What lies in the folder `parts`, sorted by name, without what nobody hands in on purpose.

        Raises: Unreadable, also for more than `most` entries.
        """

    def copy(self, entry: Entry, most: int, ratio: int) -> IO[bytes]:
        """The content of a file, at its beginning.

        Raises: Unreadable, for more than `most` bytes as well, and OSError where this machine fails.
        """


class Folder:
    """A folder on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def children(self, parts: tuple[str, ...], most: int | None = None) -> list[Entry]:
        try:
            with os.scandir(self.root.joinpath(*parts)) as found:
                listed = [_described(parts, entry) for entry in islice(
                    (entry for entry in found if not is_junk(entry.name)), None if most is None else most + 1)]
        except OSError as error:
            raise Unreadable(f"cannot be listed: {error.strerror}") from None
        if most is not None and len(listed) > most:
            raise Unreadable(_TOO_MANY)
        return sorted(listed, key=lambda entry: entry.name)

    def copy(self, entry: Entry, most: int, ratio: int) -> IO[bytes]:
        if entry.problem:
            raise Unreadable(entry.problem)
        file = _open_below(self.root, entry.parts)
        try:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise Unreadable(f"is too large: {size / MEBI:.1f} MiB, at most {most / MEBI:g} MiB are read")
        except BaseException:
            file.close()
            raise
        return file


def _described(parts: tuple[str, ...], entry: os.DirEntry[str]) -> Entry:
    below = (*parts, entry.name)
    if entry.is_symlink() or _is_junction(entry):
        return Entry(below, problem=_LINK)
    if entry.is_dir(follow_symlinks=False):
        return Entry(below, folder=True)
    return Entry(below, problem="" if entry.is_file(follow_symlinks=False) else _SPECIAL)


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Windows' other kind of link."""
    return bool(getattr(entry, "is_junction", bool)())


def _open_below(root: Path, parts: Sequence[str]) -> IO[bytes]:
    """Open a regular file, no step on the way to it a link, even if somebody puts one there meanwhile."""
    try:
        if os.open in os.supports_dir_fd and _NOFOLLOW:
            at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                for name in parts[:-1]:
                    below = os.open(name, _STEP, dir_fd=at)
                    os.close(at)
                    at = below
                _check_regular(os.stat(parts[-1], dir_fd=at, follow_symlinks=False))  # opening a device may act on it
                handle = os.open(parts[-1], _READ, dir_fd=at)
            finally:
                os.close(at)
        else:
            for n in range(1, len(parts)):
                if stat.S_ISLNK(os.lstat(root.joinpath(*parts[:n])).st_mode):
                    raise Unreadable(_LINK)
            path = root.joinpath(*parts)
            _check_regular(os.lstat(path))
            handle = os.open(path, _READ)
        file = os.fdopen(handle, "rb")
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    try:
        _check_regular(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(_LINK if stat.S_ISLNK(status.st_mode) else _SPECIAL)


@dataclass
class _Level:
    """A folder in a zip: what lies in it, by name; a name can be there twice."""

    folders: dict[str, Entry] = field(default_factory=dict)
    files: list[Entry] = field(default_factory=list)


class Zip:
    """A zip of at most `most` files, the names in its folders sorted out. Raises: Unreadable."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        _check_count(file, most)
        try:
            self._zip = zipfile.ZipFile(file)
        except Exception as error:  # zipfile raises whatever it trips over
            raise Unreadable(f"is no zip that can be read ({_reason(error)})") from None
        self._members = self._zip.infolist()
        self._levels: dict[tuple[str, ...], _Level] = {(): _Level()}
        for number, info in enumerate(self._members):
            self._sort_in(number, info)

    def _sort_in(self, number: int, info: zipfile.ZipInfo) -> None:
        name = _name_of(info)
        parts = tuple(part for part in re.sub(r"^[A-Za-z]:", "", name).split("/") if part not in ("", ".", ".."))
        if not parts:
            return
        problem = _problem_of(name, info)
        if len(parts) > _DEEPEST:
            parts, name, problem = parts[:_DEEPEST], "", f"lies more than {_DEEPEST} folders deep"
        for n in range(1, len(parts) + name.endswith("/")):
            if parts[:n] not in self._levels:
                self._levels[parts[:n]] = _Level()
                self._levels[parts[:n - 1]].folders[parts[n - 1]] = Entry(parts[:n], folder=True)
        if not name.endswith("/"):
            self._levels[parts[:-1]].files.append(Entry(parts, problem=problem, member=number))

    def children(self, parts: tuple[str, ...], most: int | None = None) -> list[Entry]:
        level = self._levels.get(parts, _Level())
        found = [entry for entry in (*level.folders.values(), *level.files) if not is_junk(entry.name)]
        if most is not None and len(found) > most:
            raise Unreadable(_TOO_MANY)
        return sorted(found, key=lambda entry: (entry.name, entry.member))

    def copy(self, entry: Entry, most: int, ratio: int) -> IO[bytes]:
        if entry.problem:
            raise Unreadable(entry.problem)
        info = self._members[entry.member]
        copied = tempfile.SpooledTemporaryFile(max_size=8 * MEBI)  # noqa: SIM115
        size = 0
        try:
            with self._zip.open(info) as packed:
                while chunk := packed.read(_CHUNK):
                    size += len(chunk)  # of the stream, whatever the header says
                    if size > most:
                        raise Unreadable(f"is too large: more than {most / MEBI:g} MiB when unpacked")
                    if size > MEBI and size > ratio * max(info.compress_size, 1):
                        raise Unreadable(f"grows to more than {ratio} times its size when unpacked (a zip bomb?)")
                    copied.write(chunk)
        except Exception as error:
            copied.close()
            if isinstance(error, (Unreadable, OSError)):  # a full disk is no damage
                raise
            raise Unreadable(f"is damaged in its zip ({_reason(error)})") from None
        copied.seek(0)
        return copied


def _check_count(file: IO[bytes], most: int) -> None:
    """Raises Unreadable for a zip of too many files before zipfile makes an object of each."""
    count, overlap = 0, b""
    file.seek(0)
    while chunk := file.read(MEBI):
        count += (overlap + chunk).count(b"PK\1\2")  # with each file's entry in the directory begins
        overlap = chunk[-3:]
        if count > most:
            raise Unreadable(f"is a zip of more than {most:,} files")
    file.seek(0)


def _name_of(info: zipfile.ZipInfo) -> str:
    """The name of a file in a zip, with / between folders; names in UTF-8 that do not say so are read as UTF-8."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.orig_filename
    return name.replace("\\", "/")


def _problem_of(name: str, info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0  # 3 is Unix
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/") or "\0" in name:
        return f"has a name in the zip that leads out of it, {printable(name, 80)}"
    if stat.S_ISLNK(kind):
        return _LINK
    if kind and not stat.S_ISREG(kind):
        return _SPECIAL
    if info.flag_bits & 1:
        return "is encrypted: it needs a password; zip it without one"
    if info.compress_type not in _METHODS:
        return f"is packed by method {info.compress_type}, which is not read; zip it with the usual one (deflate)"
    return ""


def _reason(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())}", 120)


def tree_of(source: Path, limits: FileLimits) -> Tree:
    """The folder or the zip at a path. Raises: Unreadable."""
    if source.is_dir():
        return Folder(source)
    try:
        status = source.stat()
        return _opened(source, status.st_mtime_ns, status.st_size, limits.members, os.getpid())
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None


@lru_cache(maxsize=1)   # a class's zip is listed once a process, not once a submission
def _opened(source: Path, modified: int, size: int, most: int, process: int) -> Zip:
    file = source.open("rb")
    try:
        return Zip(file, most)
    except BaseException:
        file.close()
        raise


def files_below(tree: Tree, parts: tuple[str, ...], limits: FileLimits) -> Iterator[Entry]:
    """All files below a folder, the shallow ones first; where something was not looked at, an entry says so.

    Raises: Unreadable where the folder itself cannot be listed.
    """
    level = [(child, 0) for child in tree.children(parts, limits.files)]
    count = len(level)
    queue = deque(level)
    while queue:
        entry, depth = queue.popleft()
        if not entry.folder:
            yield entry
            continue
        try:
            if depth == limits.depth:
                raise Unreadable(f"lies more than {limits.depth} folders deep")
            children = tree.children(entry.parts, limits.files - count)
        except Unreadable as error:
            yield Entry(entry.parts, problem=str(error))
            continue
        count += len(children)
        queue.extend((child, depth + 1) for child in children)
