"""What is said of an answer: one line."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The one line that a student reads: ✓ passed, ✗ failed, ○ not attempted."""

    id: str
    status: str
    reason: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "✓"

    def __str__(self) -> str:
        return f"{self.status} {self.id}" + (f": {self.reason}" if self.reason else "")


_LONGEST = 240  # characters of an exception's message

# What torch adds to its messages for those who work on torch, or who know its signatures by heart.
_ADDED = re.compile(r"""
    ,?\ but\ expected\ one\ of:\ \*.*                           # the signatures of all variants of a function
    | \(?Could\ this\ error\ message\ be\ improved\?.*
    | Hint:\ enable\ anomaly\ detection.*
    | If\ error\ is\ occurring\ somewhere\ inside\ PyTorch.*
    | Exception\ raised\ from\ .*\(most\ recent\ call\ first\).*  # frames of C++
    """, re.VERBOSE)


def in_short(message: str) -> str:
    """The message of an exception in one line: its start and its end where it is long, without what torch adds.

    What was done stands at the start of torch's messages, the sizes that do not fit often at the end.
    """
    message = " ".join(message.split())
    message = _ADDED.sub("", message).strip() or message
    message = re.sub(r"torch\.Size\((\[[\d, ]*\])\)", r"\1", message)
    if len(message) <= _LONGEST:
        return message
    start, end = message[:_LONGEST * 2 // 3], message[-_LONGEST // 3 + 3:]
    return f"{start.rpartition(' ')[0] or start} … {end.partition(' ')[2] or end}"
