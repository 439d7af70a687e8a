"""The processes of a sandbox as /proc shows them: which there are, what memory they take, and their end.

Where there is no /proc, on other systems than Linux, nothing is seen and nothing is counted.
"""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Collection
from pathlib import Path

_PROC = Path("/proc")
_FIRST = 100    # process ids up to this are those of a namespace that has just begun


def all_but(*spared: int) -> list[int]:
    """The process ids in sight."""
    return [int(path.name) for path in _PROC.glob("[0-9]*") if int(path.name) not in spared]


def below(ancestor: int) -> list[int]:
    """The process ids of the children of a process, of their children, and so on."""
    children: dict[int, list[int]] = {}
    for pid in all_but():
        children.setdefault(_parent(pid), []).append(pid)
    found, todo = [], [ancestor]
    while todo:
        new = children.pop(todo.pop(), [])
        found += new
        todo += new
    return found


def _parent(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):    # it has just ended
        return -1


def take_more_than(pids: Collection[int], most: int) -> bool:
    """True if the memory of these processes together is more than so many bytes.

    What several of them share is counted once. That takes milliseconds a process, so it is only done where a simpler
    sum is already too large.
    """
    return sum(map(_resident, pids)) > most and sum(map(_share, pids)) > most


def _resident(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def _share(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):    # it ended, or hides its memory
        return _resident(pid)


def tasks_of_this_user() -> int:
    """The processes and threads that the kernel counts when one more is to be made."""
    count, uid = 0, os.getuid()
    for path in _PROC.glob("[0-9]*/task"):
        with contextlib.suppress(OSError):
            count += len(os.listdir(path)) if path.stat().st_uid == uid else 0
    return count


def end_all_in_sight() -> None:
    """Kill every process of this pid namespace but its first and the caller, at one stroke, and wait for their end.

    Raises: RuntimeError unless the caller is the namespace's first process or a child of it, as a warm parent is:
    anywhere else this would end all processes of a user.
    """
    if os.getppid() > 1 or os.getpid() > _FIRST:
        raise RuntimeError("the warm parent has no pid namespace of its own")
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def end_below(child: int, seconds: float = 5) -> None:
    """Kill the processes below the caller, which must have adopted its orphans, and this child's group; and wait.

    Processes that fork faster than they are found can outlive this.
    """
    end = time.monotonic() + seconds
    while True:
        for kill, pid in [(os.killpg, child), *((os.kill, pid) for pid in below(os.getpid()))]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.002)
        except ChildProcessError:
            return
        if time.monotonic() > end:
            return

