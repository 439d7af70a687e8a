"""The box: a warm parent in a sandbox, asked for one question after the other.

    with open_box("bubblewrap", Limits(), topic="01") as box:
        reply = box.ask(make_job(question, seed, cells))
        if reply.ended == "done":
            outputs = decode_outputs(reply.raw, len(answer_key(question, seed).cases))

Kinds of box, from the strongest:

    bubblewrap        every job in namespaces of its own: no network, no other processes, no files but the libraries
                      and an empty folder in memory, a filter of system calls, the kernel's limits, one kill for all
    container:IMAGE   the same warm parent in docker or podman, with the image's Python and libraries. Where the engine
                      allows no namespaces within the container, and by default docker does not, a job runs as another
                      user than the warm parent instead. That is weaker: the jobs of one box share what a container
                      has, so they follow each other, never run together; what a job left is killed and deleted before
                      the next one; and what several of its processes share counts more than once as memory
    none              a process like any other, with the limits alone: it sees all files of its user, other processes
                      and the network, and can kill the warm parent

What no kind defends against: faults of the kernel; memory that the kernel itself takes for an answer (pipes, sockets);
an answer that slows down its neighbours for as long as its limits allow. It sees the inputs of its cases, and can claim
of its own outputs what it likes: to claim the right ones it must solve the task. Podman was tried with the class of
strangers of the tests (tests/small_strangers.py), docker was not: its command line is tested, and the warm parent's
part with a stand-in for it.
"""

import contextlib
import functools
import importlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, NoReturn, Protocol, Self

import cloudpickle

from dlm_course.course.grading.sandbox import launch, processes, wire
from dlm_course.course.grading.sandbox.wire import Job, Limits, Reply
from dlm_course.course.questions import Question, answer_key, references_before
from dlm_course.course.topics import TOPICS

_START = 120.0    # seconds that a warm parent has to start
_GRACE = 30.0     # seconds that it has to end a job whose time is over
_ENDED, _NO_ANSWER = "it ended", "it does not answer"


class SandboxError(RuntimeError):
    """There is no sandbox to be had; the message says why, and what to install or to change."""


class BoxLost(RuntimeError):
    """The warm parent is gone, or does not answer: its job can be asked of a new box."""


class Box(Protocol):
    """One job at a time. `name` is what a record says of the sandbox.

    It lives no longer than the thread that opened it.
    """

    name: str

    def ask(self, job: Job) -> Reply:
        """Run a job. Raises BoxLost."""
        ...

    def interrupt(self) -> None:
        """Kill what runs, from another thread: there `ask` raises BoxLost. It must still be closed."""
        ...

    def close(self) -> None:
        ...

    def __enter__(self) -> Self:
        ...

    def __exit__(self, *_: object) -> None:
        ...


def make_job(question: Question, seed: int, cells: Sequence[tuple[str, str]]) -> Job:
    """The job of one question: these code cells, as (id, source), then its function on the cases of this seed."""
    return Job(tuple(cells), question.name, payload(question, seed))


@functools.lru_cache(maxsize=32)
def payload(question: Question, seed: int) -> bytes:
    """The references of the tasks before this one, and the cases, as the sandbox needs them.

    What is defined in the topic's module travels by value, since that module is not there. Of a case only what a call
    needs is sent, not what the border cases are.
    """
    module = importlib.import_module(f"dlm_course.course.questions.{TOPICS[question.id[:2]]}")
    cloudpickle.register_pickle_by_value(module)
    cases = [(case.args, case.seed, case.goes_on, case.raises, case.says) for case in answer_key(question, seed).cases]
    text: bytes = cloudpickle.dumps((references_before(question), cases))
    return text


def open_box(kind: str, limits: Limits | None = None, topic: str = "") -> Box:
    """Start a box of this kind, "bubblewrap", "container:IMAGE" or "none", and try it out.

    With a topic, what its notebook imports is loaded beforehand. That takes a second or two at the start, and none for
    each question.

    Raises: SandboxError where it does not work here, ValueError for another kind.
    """
    limits = limits or Limits()
    if not hasattr(os, "fork"):
        raise SandboxError("grading needs Linux or macOS (on Windows: WSL 2), since it starts each question as a copy "
                           "of a process")
    box = _started(kind, limits)
    try:
        box.begin(launch.given_imports(topic) if topic else [])
        _try_out(box)
    except BoxLost as error:
        said = box.said()
        box.close()
        raise SandboxError(_explained(box.name, str(error), said)) from None
    except BaseException:
        box.close()
        raise
    return box


def _started(kind: str, limits: Limits) -> "_Started":
    place = tempfile.TemporaryDirectory(prefix="dlm-course-box-", ignore_cleanup_errors=True)
    try:
        copy = Path(place.name, "course")
        copy.mkdir()
        launch.copy_package(copy)
        os.chmod(place.name, 0o755)
        if kind == "bubblewrap":
            return _Started(kind, _in_bubblewrap(copy), limits, place)
        if kind == "none":
            return _Started(kind, launch.plain(copy), limits, place)
        start, _, image = kind.partition(":")
        if start == "container" and image and not image.startswith("-"):
            return _Started(f"container {image}", _in_container(image, copy, limits), limits, place)
        raise ValueError(f"no sandbox is called {kind!r}: bubblewrap, container:IMAGE or none")
    except BaseException:
        place.cleanup()
        raise


def _try_out(box: Box) -> None:
    """Raises BoxLost unless the simplest job of all has the right answer."""
    cases = cloudpickle.dumps(({}, [((41.0,), None, False, None, "")]))
    reply = box.ask(Job((("trial", "def trial(x):\n    return x + 1"),), "trial", cases))
    if reply.ended != "done" or wire.decode_outputs(reply.raw, 1)[0].value != 42:
        raise BoxLost(f"a trial ended with {reply.ended!r} {reply.detail}")


class _Started:
    """A box whose warm parent is a process of this machine, or the client of one in a container."""

    def __init__(self, name: str, start: launch.Launch, limits: Limits,
                 place: "tempfile.TemporaryDirectory[str]") -> None:
        self.name, self.limits = name, limits
        self._start, self._place, self._lock, self._lost = start, place, threading.Lock(), False
        self._errors: IO[bytes] = tempfile.TemporaryFile()    # noqa: SIM115
        self._process = subprocess.Popen(start.command, env=start.environment, cwd=place.name, bufsize=0,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                                         start_new_session=True)    # no Ctrl-C of the terminal's
        assert self._process.stdin
        assert self._process.stdout
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)

    def begin(self, imports: Sequence[str]) -> None:
        """Wait until the warm parent is ready. Raises BoxLost if it does not get there."""
        hello, _ = self._exchange(wire.frame({"limits": asdict(self.limits), "imports": list(imports)}), _START)
        if hello["python"] != list(sys.version_info[:2]):
            mine = ".".join(map(str, sys.version_info[:2]))
            self._lose(f"it has Python {'.'.join(map(str, hello['python']))}, and the grader {mine}; they must agree")

    def ask(self, job: Job) -> Reply:
        body = wire.encode_job(job)
        with self._lock:
            head, stream = self._exchange(wire.frame({}, len(body)) + body, self.limits.wall + _GRACE)
        ended, detail = head.get("ended"), head.get("detail")
        if ended not in wire.ENDINGS or not isinstance(detail, str):
            self._lose("it answered something else than how a job ended")
        outputs, raised, at = wire.split(stream)
        if ended != "done":
            return Reply(ended, b"", raised, at, detail)
        return Reply("done", outputs, raised) if outputs else Reply("died", b"", raised, at, "exit code 0")

    def _exchange(self, question: bytes, seconds: float) -> tuple[Mapping[str, Any], bytes]:
        """Send a frame and wait for one. Raises BoxLost."""
        if self._lost:
            raise BoxLost("it was lost before")
        end = time.monotonic() + seconds
        try:
            at = 0
            while at < len(question):
                self._wait(self._to, select.POLLOUT, end)
                at += os.write(self._to, question[at:at + 2**16])
            length, body_length = wire.frame_lengths(self._read(wire.FRAME_START, end))
            head, body = json.loads(self._read(length, end)), self._read(body_length, end)
        except BrokenPipeError:
            self._lose(_ENDED)
        except (OSError, EOFError, ValueError) as error:
            self._lose(str(error) or type(error).__name__)
        if "problem" in head:
            self._lose(str(head["problem"]))
        return head, body

    def _read(self, length: int, end: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            self._wait(self._from, select.POLLIN, end)
            piece = os.read(self._from, min(length - len(found), 2**20))
            if not piece:
                raise EOFError(_ENDED)
            found += piece
        return bytes(found)

    def _wait(self, fd: int, what: int, end: float) -> None:
        poll = select.poll()
        poll.register(fd, what)
        if not poll.poll(max(0.0, 1000 * (end - time.monotonic()))):
            raise TimeoutError(_NO_ANSWER)

    def _lose(self, reason: str) -> NoReturn:
        self._lost = True
        self._kill()
        raise BoxLost(reason)

    def _kill(self) -> None:
        """One kill for the warm parent and all that it started."""
        if self._start.kill:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(self._start.kill, capture_output=True, check=False, timeout=_GRACE)
        if self._process.poll() is None:    # else its number may be another process's by now
            for pid in (self._process.pid, *processes.below(self._process.pid)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def interrupt(self) -> None:
        self._lost = True
        self._kill()

    def said(self) -> str:
        """The last that the warm parent, or what should have started it, said of its troubles."""
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End the warm parent, and what is left of the last job."""
        self._lost = True
        with self._lock:    # no other thread reads from what is closed
            for stream in (self._process.stdin, self._process.stdout):
                assert stream
                with contextlib.suppress(OSError):
                    stream.close()    # it ends by itself when its input does
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._kill()
            self._errors.close()
            self._place.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _in_bubblewrap(copy: Path) -> launch.Launch:
    if sys.platform != "linux":
        raise SandboxError("bubblewrap is for Linux. Elsewhere a container does the same: container:IMAGE, with docker "
                           "or podman and an image that has the course's requirements")
    if not shutil.which("bwrap"):
        raise SandboxError("bubblewrap is not installed: there is no bwrap on the PATH. Install it (apt install "
                           "bubblewrap, dnf install bubblewrap, pacman -S bubblewrap), or take a container instead: "
                           "container:IMAGE")
    return launch.bubblewrap(copy)


def _in_container(image: str, copy: Path, limits: Limits) -> launch.Launch:
    engines = [engine for name in ("docker", "podman") if (engine := shutil.which(name))]
    if not engines:
        raise SandboxError("there is neither docker nor podman on the PATH; install one of them, or take bubblewrap")
    problems = []
    for engine in engines:    # docker's client may be there without an engine, and podman work
        said = ""
        try:
            done = subprocess.run(launch.looking_for_the_course(engine, image), capture_output=True, text=True,
                                  check=False, errors="replace", timeout=_START)
            said = done.stderr
            hidden = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            problems.append(f"{engine} could not run python3 in the image {image!r}. Does `{engine} run --rm {image} "
                            f"python3 --version` work? If there is no such image here: `{engine} pull {image}`. It "
                            f"said: {' '.join(said.split())[:300] or 'nothing'}")
        else:
            return launch.container(engine, image, copy, limits, hidden, f"dlm-course-{token_hex(8)}")
    raise SandboxError(". And ".join(problems))


def _explained(name: str, problem: str, said: str) -> str:
    """Why the sandbox did not start, and what to do about it."""
    text = f"the sandbox ({name}) does not work here: {problem}"
    if problem in (_ENDED, _NO_ANSWER) and said:
        text += f"; it said: {_last(said)}"
    if name == "bubblewrap":
        text += f". {_advice(said + problem)}"
    elif name != "none":
        text += ". The image needs the course's requirements (pip install dlm-course) and the grader's Python"
    return text


_SETTINGS = {    # of the kernel: the value with which there are no namespaces, and what to do about it
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1", "Ubuntu's AppArmor lets no program make namespaces of users. Allow it: sudo sysctl "
             "kernel.apparmor_restrict_unprivileged_userns=0"),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0", "This system lets only root make namespaces of users. Allow it: sudo sysctl "
             "kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces": (
        "0", "This system allows no namespaces of users. Allow them: sudo sysctl user.max_user_namespaces=15000"),
}
_IN_A_CONTAINER = ("/.dockerenv", "/run/.containerenv")


def _advice(said: str) -> str:
    """What usually keeps bubblewrap from working, as far as this machine's settings and the message tell."""
    elsewhere = "or take a container instead: container:IMAGE"
    for path, (value, advice) in _SETTINGS.items():
        with contextlib.suppress(OSError):
            if Path(path).read_text(encoding="ascii").strip() == value:
                return f"{advice}; {elsewhere}"
    if any(Path(mark).exists() for mark in _IN_A_CONTAINER):
        return ("The grader itself runs in a container, which may make no namespaces. Grade outside of it, or start it "
                "with --security-opt seccomp=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN")
    if "nknown option" in said:
        return f"bubblewrap 0.5 or newer is needed; install it, {elsewhere}"
    if re.search("namespace|not permitted|Permission denied|uid map", said):
        return ("The kernel refused what a sandbox needs, namespaces of its own: does a container or a policy "
                f"(AppArmor, SELinux) forbid them? Grade elsewhere, {elsewhere}")
    return f"Does `{shutil.which('bwrap')} --ro-bind / / true` work? If not, see what it says, {elsewhere}"


def _last(text: str) -> str:
    """The last line of what a program said."""
    return " ".join((text.strip().splitlines() or ["nothing"])[-1].split())[:300]
