"""Records: what came of a submission, one line of JSON each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One question of one submission.

    question  "01-2-cumulative-matrix"
    points    earned: all, half ("right, except in a border case"), or 0
    status    "✓", "✗" or "○"
    reason    what the verdict says; printable, at most 400 characters
    flags     for a human's look: "timeout", "uses dlm_course.X", ...
    source    the answer's source as assembled
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
    """An answer in words, which a person grades."""

    question: str
    text: str
    rubric: str
    out_of: float


@dataclass(frozen=True)
class Record:
    """One submission.

    student  as the folder, or the zip, calls them
    file     the path below SUBMISSIONS (for a zip: "class.zip!/inner/path")
    key      a hash of all that decides the grade
    sandbox  "bubblewrap", "container IMAGE" or "none"
    problem  why nothing could be graded: then results are all ○ with 0 points
    notes    duplicates, misplaced answers, ...: what was settled by rule
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
        return sum(result.points for result in self.results)

    @property
    def out_of(self) -> float:
        return sum(result.out_of for result in self.results)
