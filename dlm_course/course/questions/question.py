"""A question: what the student defines, on which cases it is tried, and what the known mistakes are called.

`running.run` is the only code that touches the student's function; `judging.judge` is pure and sees nothing but arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One call of the student's function: positional arguments, and the seed of a `generator` where it draws.

    With `goes_on` the generator is that of the case before, as its call has left it: what draws must move it on.
    A case with `edge`, a sentence, is a border case: it stands behind the others and is judged after them, so that a
    mistake is recognised whatever it does there, and where only the border is wrong the sentence says what belongs.
    With `raises`, a type of exceptions, the call must be refused with one of these, its message holding `says`; only
    whether it was is compared.
    """

    args: tuple[Any, ...]
    label: str
    seed: int | None = None
    edge: str = ""
    raises: type[Exception] | None = None
    says: str = ""
    goes_on: bool = False


@dataclass(frozen=True)
class Output:
    """What one call gave: an array, or the reason why there is none. `attempted` is False for a stub."""

    value: np.ndarray | None = None
    type_name: str = ""
    error: str = ""
    mutated: str = ""
    attempted: bool = True


# Of cases and values, whether a mistake shows in them.
Symptom = Callable[[Sequence[Case], Sequence[np.ndarray]], bool | np.bool_]


@dataclass(frozen=True)
class Misconception:
    """A known mistake and the message it earns.

    Either `wrong`, a function that makes the mistake (same arguments as the reference): the message is given to answers
    that agree with it on every case. Or `symptom(cases, values)`, true where the mistake shows in the values, whose
    shapes and dtypes are right by then. With `always`, a symptom counts also where the values pass. Or `raised`, a
    pattern in the text of an exception that does not tell a student the cause: the message is added to it.
    """

    message: str
    wrong: Callable[..., Any] | None = None
    symptom: Symptom | None = None
    always: bool = False
    raised: str = ""


@dataclass(frozen=True)
class Question:
    """One task of an exercise set.

    id              "01-2-cumulative-matrix": also the id of the answer's cell and nbgrader's grade_id
    points          what it is worth
    name            the function that the student defines
    cases           seed -> the cases; the seed decides every random number in them
    reference       the right function, same arguments; for a sampler the law that its draws must have
    stand_in        what later tasks call in place of the student's function; the reference unless that is a law
    misconceptions  known mistakes, the most telling first
    view            (case, output) -> the array that is compared with the reference's; for a sampler, frequencies. May
                    raise ValueError with a reason
    entry           (case, index) -> what this entry of the view is called in "... is 0.1, expected 0.2"
    expects         case -> (shape, kind) of the raw output, where a view makes it differ from the reference's
    tolerance       (case, expected) -> how far from the reference an answer may be; the default admits float32
    """

    id: str
    points: int
    name: str
    cases: Callable[[int], Sequence[Case]]
    reference: Callable[..., Any]
    misconceptions: tuple[Misconception, ...] = ()
    stand_in: Callable[..., Any] | None = None
    view: Callable[[Case, np.ndarray], np.ndarray] | None = None
    entry: Callable[[Case, tuple[int, ...]], str] | None = None
    expects: Callable[[Case], tuple[tuple[int, ...], str]] | None = None
    tolerance: Callable[[Case, np.ndarray], np.ndarray | float] = field(
        default=lambda case, expected: 1e-6 + 1e-4 * np.abs(expected) if expected.dtype.kind == "f" else 0)


def with_article(type_name: str) -> str:
    """How a verdict calls what it was given, "a list" for example."""
    return "None" if type_name == "NoneType" else f"{'an' if type_name[:1] in 'aeiou' else 'a'} {type_name}"
