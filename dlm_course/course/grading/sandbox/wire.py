"""The bytes between the grader and the sandbox.

Grader and warm parent exchange frames: two lengths, a head in JSON, a body. What a student's process writes passes
through the warm parent unread. It is a stream of reports: which cell begins, which cell raised, and at the end the
outputs, a head in JSON and the arrays as raw bytes. A student can write into that stream, too. So the side that reads
it, `split` and `decode_outputs`, believes nothing, and nothing is ever unpickled there.
"""

import json
import math
import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlm_course.course.questions.question import Output

ENDINGS = ("done", "time", "memory", "size", "died")
SCRATCH = "/scratch"    # in a sandbox, where an answer may write

# What an array from the sandbox may hold: numbers as this machine stores them.
_DTYPES = frozenset(np.dtype(code).str for code in "?bBhHiIqQefdFD")
_ADDRESS = re.compile("0x[0-9a-f]{6,16}")    # "<object at 0x7f2a...>"
_HEAD = 64 * 2**10      # bytes of JSON before the arrays
_ENTRIES = 2**24        # entries of an array, and of an empty one with its zeros taken for ones
_FRAME, _REPORT = struct.Struct("<IQ"), struct.Struct("<cI")
_CELL, _RAISED, _OUTPUTS = b"c", b"r", b"o"


class WireError(ValueError):
    """What came from the sandbox is not what was asked for; the message says in what way."""


@dataclass(frozen=True)
class Limits:
    """What one question of one submission may use.

    wall           seconds, from its start to its last output
    cpu            seconds of computing, of each process
    address_space  bytes that a process may take, beyond what is loaded before it starts
    memory         bytes of all its processes together
    output         bytes that it may send back
    processes      processes and threads at one time
    file_size      bytes of one file
    scratch        bytes of all files together, and once more in /dev/shm
    open_files     open files of each process
    """

    wall: float = 60.0
    cpu: int = 30
    address_space: int = 2**30
    memory: int = 2 * 2**30
    output: int = 8 * 2**20
    processes: int = 64
    file_size: int = 32 * 2**20
    scratch: int = 64 * 2**20
    open_files: int = 256


@dataclass(frozen=True)
class Job:
    """One question of one submission: the cells to run, in order, as (id, source), and the function to try.

    `payload` holds the references of earlier tasks and the cases; `box.payload` makes it.
    """

    cells: tuple[tuple[str, str], ...]
    name: str
    payload: bytes


@dataclass(frozen=True)
class Reply:
    """How a job ended, and what it left.

    ended    "done": the outputs are there; "time", "memory", "size": that limit was reached; "died": the process ended
             by itself, without outputs
    raw      the outputs, for `decode_outputs`; empty unless done
    raised   the cells that raised, and what: (id, message)
    at       the cell that was running when it ended, without which the others could be run; "" if that was the
             function, or if it is done
    detail   what ended a process that died: "exit code 3", "SIGSEGV"

    All but `ended` comes from the student's process, which can forge it.
    """

    ended: str
    raw: bytes = b""
    raised: tuple[tuple[str, str], ...] = ()
    at: str = ""
    detail: str = ""


# Frames, between the grader and the warm parent

def frame(head: dict[str, Any], body_length: int = 0) -> bytes:
    """What goes before a body of this length."""
    text = json.dumps(head).encode()
    return _FRAME.pack(len(text), body_length) + text


FRAME_START = _FRAME.size


def frame_lengths(start: bytes) -> tuple[int, int]:
    """The lengths of head and body, from a frame's first bytes. Raises WireError for more than any frame has."""
    head, body = _FRAME.unpack(start)
    if head > 2**20 or body > 2**30:
        raise WireError(f"a frame of {head} and {body} bytes")
    return head, body


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of it. Raises OSError where nobody reads any more."""
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            at += os.write(fd, view[at:])


# What the grader sends for a question

def encode_job(job: Job) -> bytes:
    text = json.dumps({"cells": job.cells, "name": job.name}).encode()
    return len(text).to_bytes(4, "little") + text + job.payload


def decode_job(data: bytes) -> Job:
    end = 4 + int.from_bytes(data[:4], "little")
    head = json.loads(data[4:end])
    return Job(tuple((id_, source) for id_, source in head["cells"]), head["name"], data[end:])


# What a student's process writes

def cell_begins(id_: str) -> bytes:
    """A report: this cell is run now; "" for the function, after the last cell."""
    return _report(_CELL, id_.encode("utf-8", "replace")[:200])


def cell_raised(id_: str, message: str) -> bytes:
    """A report: this cell raised."""
    return _report(_RAISED, json.dumps([id_[:200], message[:400]]).encode())


def encode_outputs(outputs: Sequence[Output]) -> bytes:
    """The last report. An array that holds no numbers becomes an error; other byte orders become this machine's."""
    head, arrays = [], []
    for output in outputs:
        value, error = _plain(output.value), output.error
        if output.value is not None and value is None:
            error = f"returned an array of dtype {str(output.value.dtype)[:80]}, expected numbers"
        head.append({"shape": None if value is None else list(value.shape),
                     "dtype": None if value is None else value.dtype.str,
                     "type_name": output.type_name[:80], "error": error[:400], "mutated": output.mutated[:80],
                     "attempted": output.attempted})
        arrays.append(b"" if value is None else value.tobytes())
        if error:    # what comes after an error is not judged
            break
    return _report(_OUTPUTS, json.dumps(head).encode()) + b"".join(arrays)


def _report(kind: bytes, payload: bytes) -> bytes:
    return _REPORT.pack(kind, len(payload)) + payload


def _plain(value: np.ndarray | None) -> np.ndarray | None:
    """The same numbers in one of the dtypes that are let through; None where there are none."""
    if value is None or value.dtype.str in _DTYPES:
        return value
    if value.dtype.kind in "fc":    # more digits than a double has
        return value.astype("d" if value.dtype.kind == "f" else "D")
    return value.astype(value.dtype.newbyteorder("=")) if value.dtype.kind in "iu" else None


# The same, read by the grader

def split(stream: bytes) -> tuple[bytes, tuple[tuple[str, str], ...], str]:
    """The outputs, for `decode_outputs`; the cells that raised, and what; the cell that ran last, "" for the function.

    What is no report counts as outputs, so that `decode_outputs` says what is wrong with it. Outputs are empty if
    there are none.
    """
    at, running = 0, ""
    raised: dict[str, str] = {}
    while len(stream) - at >= _REPORT.size:
        kind, length = _REPORT.unpack_from(stream, at)
        payload = stream[at + _REPORT.size:at + _REPORT.size + length]
        if kind not in (_CELL, _RAISED) or len(payload) < length or len(raised) > 1000:
            break
        if kind == _CELL:
            running = _text(payload.decode("utf-8", "replace"), 200)
        else:
            try:
                id_, message = _json(payload)
                raised[_text(id_, 200)] = _text(message, 400)
            except (WireError, TypeError, ValueError):
                break
        at += _REPORT.size + length
    return stream[at:], tuple(raised.items()), running


def decode_outputs(raw: bytes, number_of_cases: int) -> list[Output]:
    """The outputs of a job: one a case, or fewer where the last is an error or says that the task was not attempted.

    Raises: WireError with a reason for anything else.
    """
    if len(raw) < _REPORT.size:
        raise WireError("no outputs")
    kind, length = _REPORT.unpack_from(raw)
    if kind != _OUTPUTS or length > _HEAD or len(raw) < _REPORT.size + length:
        raise WireError("something else than outputs")
    head = _json(raw[_REPORT.size:_REPORT.size + length])
    if not isinstance(head, list) or not 1 <= len(head) <= number_of_cases:
        raise WireError(f"outputs for another number of cases than {number_of_cases}")
    outputs, at = [], _REPORT.size + length
    for entry in head:
        value, at = _array(entry, raw, at)
        outputs.append(_output(entry, value))
    if at != len(raw):
        raise WireError("more bytes than the arrays have")
    ends = [n for n, output in enumerate(outputs) if output.error or not output.attempted]
    if ends and ends[0] != len(outputs) - 1:
        raise WireError("outputs after an error")
    if not ends and len(outputs) < number_of_cases:
        raise WireError(f"{len(outputs)} outputs for {number_of_cases} cases")
    return outputs


def _array(entry: object, raw: bytes, at: int) -> tuple[np.ndarray | None, int]:
    """The array that begins at this byte, None where an output has none; and the byte behind it."""
    if not isinstance(entry, dict):
        raise WireError("an output that is no object")
    shape, code = entry.get("shape"), entry.get("dtype")
    if shape is None and code is None:
        return None, at
    if not isinstance(code, str) or code not in _DTYPES:
        raise WireError("an array of another dtype than numbers have")
    if not isinstance(shape, list) or len(shape) > 16 or not all(type(size) is int and size >= 0 for size in shape):
        raise WireError("an array without a shape")
    if math.prod(max(size, 1) for size in shape) > _ENTRIES:
        raise WireError("an array that is too large")
    dtype, count = np.dtype(code), math.prod(shape)
    end = at + count * dtype.itemsize
    if end > len(raw):
        raise WireError("an array that is cut off")
    if dtype.kind == "b":   # only 0 and 1 are truth values
        return np.frombuffer(raw, np.uint8, count, at).reshape(shape) != 0, end
    return np.frombuffer(raw, dtype, count, at).reshape(shape).copy(), end


def _output(entry: dict[str, Any], value: np.ndarray | None) -> Output:
    attempted = entry.get("attempted")
    if not isinstance(attempted, bool):
        raise WireError("an output that does not say whether the task was attempted")
    output = Output(value, _text(entry.get("type_name"), 80), _text(entry.get("error"), 400),
                    _text(entry.get("mutated"), 80), attempted)
    if value is not None and (output.error or not attempted):
        raise WireError("an array together with an error")
    if value is None and attempted and not output.error and not output.type_name:
        raise WireError("an output without anything in it")
    return output


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise WireError("something else than JSON") from None


def _text(text: object, length: int) -> str:
    """A text that can be printed anywhere, and is the same in every run. Raises WireError for what is no text."""
    if not isinstance(text, str):
        raise WireError("something else than a text")
    text = _ADDRESS.sub("0x...", text[:length])
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
