"""What is said of an answer: one line."""

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
