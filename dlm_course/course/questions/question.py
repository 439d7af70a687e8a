"""A question: what the student defines, on which cases it is tried, and what the known mistakes are called.

`run` is the only code that touches the student's function; `judge` is pure and sees nothing but arrays. `check` in a
notebook uses the two.
"""

import copy
import dis
import functools
import inspect
import random
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
import torch
from IPython.utils.capture import capture_output
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """One call of the student's function: positional arguments, and the seed of a `generator` where it draws.

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


def run(answer: object, cases: Sequence[Case], earlier: Mapping[str, Callable[..., Any]] | None = None) -> list[Output]:
    """Call the student's function on copies of the cases and record what comes of it.

    Its prints, warnings and pictures are swallowed, global random states are fixed for the call and restored, and the
    functions of earlier tasks that it uses are replaced by their references for as long as it runs, so that one
    mistake is not counted twice.
    """
    if answer is None or answer is Ellipsis or _is_stub(answer):
        return [Output(attempted=False)]
    if not callable(answer):
        return [Output(type_name=type(answer).__name__, error=f"is {_article(type(answer).__name__)}, not a function")]
    outputs = []
    numpy_state, python_state = np.random.get_state(), random.getstate()
    pyplot = sys.modules.get("matplotlib.pyplot")
    figures = pyplot.get_fignums() if pyplot else []
    try:
        with torch.random.fork_rng(devices=[]), _substituted(answer, earlier or {}), capture_output(), \
                warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(0)
            np.random.seed(0)
            random.seed(0)
            for case in cases:
                outputs.append(_call(answer, case))
                if outputs[-1].error or not outputs[-1].attempted:
                    break
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot:
            for number in set(pyplot.get_fignums()) - set(figures):
                pyplot.close(number)
    return outputs


def judge(question: Question, cases: Sequence[Case], outputs: Sequence[Output]) -> Verdict:
    """The verdict on recorded outputs. Order: attempted, exception, type, shape, dtype, input mutated, value.

    `outputs` may end early, with an exception. Border cases are judged after all others.
    """
    if not all(output.attempted for output in outputs):
        return Verdict(question.id, "○", "not attempted")
    inner = sum(not case.edge for case in cases)
    problem = _problem(question, cases[:inner], outputs[:inner])
    if not problem:
        for case, output in zip(cases[inner:], outputs[inner:], strict=False):
            wrong = _plain_problem(question, [case], [output])
            if wrong:
                wrong = "" if wrong.startswith("wrong value") else f" {wrong.removesuffix(f' ({case.label})')};"
                problem = f"right, except in a border case, {case.label}:{wrong} {case.edge}"
                break
    return Verdict(question.id, "✗", problem) if problem else Verdict(question.id, "✓")


def _problem(question: Question, cases: Sequence[Case], outputs: Sequence[Output]) -> str:
    """What is wrong in these cases, by the name of the mistake where it is known; "" if nothing is."""
    problem = _plain_problem(question, cases, outputs)
    values = [output.value for output in outputs if output.value is not None]
    if len(values) < len(outputs):
        known = (mistake.message for mistake in question.misconceptions
                 if mistake.raised and re.search(mistake.raised, problem))
        return "; ".join([problem, *known])
    form = _form_problem(question, cases, outputs, values)
    for mistake in question.misconceptions:
        if mistake.symptom is not None:
            found = not form and bool(problem or mistake.always) and bool(mistake.symptom(cases, values))
        else:
            found = bool(problem) and mistake.wrong is not None and _agrees(question, mistake.wrong, cases, values)
        if found:
            return mistake.message
    return problem


def _plain_problem(question: Question, cases: Sequence[Case], outputs: Sequence[Output]) -> str:
    """The first thing that is wrong, in the order of judgement, without a guess at its cause."""
    values = []
    for case, output in zip(cases, outputs, strict=False):
        if output.error:
            return f"{question.name} {output.error} ({case.label})"
        if output.value is None:
            hint = "; is the return statement missing?" if output.type_name == "NoneType" else ""
            return f"{question.name} returned {_article(output.type_name)}, expected a tensor{hint} ({case.label})"
        values.append(output.value)
    return _form_problem(question, cases, outputs, values) or _value_problem(question, cases, values)


def _expected(question: Question, case: Case) -> np.ndarray:
    if case.raises:
        return np.array(True)
    expected = _as_array(question.reference(*copy.deepcopy(case.args)))
    if expected is None:
        raise TypeError(f"the reference of {question.id} returned nothing that can be compared ({case.label})")
    return expected


def _expected_form(question: Question, case: Case) -> tuple[tuple[int, ...], str]:
    """The shape and the kind of dtype of the raw output."""
    if question.expects:
        return question.expects(case)
    expected = _expected(question, case)
    return expected.shape, expected.dtype.kind


def _form_problem(question: Question, cases: Sequence[Case], outputs: Sequence[Output],
                  values: Sequence[np.ndarray]) -> str:
    wanted = [_expected_form(question, case) for case in cases]
    for case, value, (shape, _) in zip(cases, values, wanted, strict=True):
        if value.shape != tuple(shape):
            return f"shape {value.shape}, expected {tuple(shape)} ({case.label})"
    for value, (_, kind) in zip(values, wanted, strict=True):
        if _kind(value.dtype.kind) != _kind(kind):
            return f"dtype {value.dtype}, expected {_kind(kind)}"
    for output in outputs:
        if output.mutated:
            return f"{question.name} changed its argument {output.mutated} in place; work on a copy (clone)"
    return ""


def _value_problem(question: Question, cases: Sequence[Case], values: Sequence[np.ndarray]) -> str:
    for case, value in zip(cases, values, strict=True):
        target = _expected(question, case)
        try:
            seen = question.view(case, value) if question.view else value
        except ValueError as error:
            return f"{error} ({case.label})"
        name = functools.partial(question.entry, case) if question.entry else None
        difference = _difference(seen, target, question.tolerance(case, target), name)
        if difference:
            return f"{difference} ({case.label})"
    return ""


def _agrees(question: Question, wrong: Callable[..., Any], cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if the values are those of the wrong function in every case."""
    for case, value in zip(cases, values, strict=True):
        try:
            target = _as_array(wrong(*copy.deepcopy(case.args)))
            seen = question.view(case, value) if question.view else value
            if target is None or seen.shape != target.shape:
                return False
            if _difference(seen, target, question.tolerance(case, target)):
                return False
        except Exception:
            return False  # this mistake cannot even be made on this case, or the values are nothing to compare
    return True


def _difference(seen: np.ndarray, target: np.ndarray, tolerance: np.ndarray | float,
                name: Callable[[tuple[int, ...]], str] | None = None) -> str:
    if seen.shape != target.shape:
        return f"wrong value: what is compared has the shape {seen.shape}, expected {target.shape}"
    if seen.dtype.kind == "f" and np.isnan(seen).any() and not np.isnan(target).any():
        return "the result holds NaN"
    if seen.dtype.kind == "b" or target.dtype.kind == "b":
        off = seen != target
    else:
        with np.errstate(invalid="ignore"):
            off = ~(((np.abs(seen - target) <= tolerance) & np.isfinite(target)) | (seen == target))
    if not off.any():
        return ""
    index = tuple(int(i) for i in np.argwhere(off)[0])
    entry = name(index) if name else f"entry {list(index)}" if index else "it"
    is_now, should_be = (f"{float(value):.4g}" for value in (seen[index], target[index]))
    if is_now == should_be:
        is_now, should_be = (f"{float(value):.9g}" for value in (seen[index], target[index]))
    return f"wrong value: {entry} is {is_now}, expected {should_be}"


def _kind(kind: str) -> str:
    return {"f": "floating point", "i": "integer", "u": "integer", "b": "boolean"}.get(kind, kind)


def _article(type_name: str) -> str:
    return "None" if type_name == "NoneType" else f"{'an' if type_name[:1] in 'aeiou' else 'a'} {type_name}"


def _call(answer: Callable[..., Any], case: Case) -> Output:
    args = copy.deepcopy(case.args)
    keywords = {} if case.seed is None else {"generator": torch.Generator().manual_seed(case.seed)}
    try:
        result = answer(*args, **keywords)
    except NotImplementedError:
        return Output(attempted=False)
    except (Exception, SystemExit) as error:
        if case.raises and isinstance(error, case.raises):
            if case.says not in str(error):
                return Output(error=f"{_one_line(error, answer)}; the message must name {case.says!r}")
            return Output(value=np.array(True))
        return Output(error=_one_line(error, answer))
    if result is Ellipsis:
        return Output(attempted=False)
    if case.raises:
        return Output(value=np.array(False))
    try:
        value = _as_array(result)
    except Exception as error:  # a tensor that numpy cannot hold
        return Output(error=f"returned a tensor that cannot be read ({type(error).__name__})")
    mutated = next((f"number {n}" for n, (before, after) in enumerate(zip(case.args, args, strict=True), 1)
                    if not same(before, after)), "")
    return Output(value=value, type_name=type(result).__name__, mutated=mutated)


def same(before: Any, after: Any) -> bool:
    """True if an argument is after a call what it was before, by content."""
    if isinstance(before, Tensor):
        before, after = _as_array(before), _as_array(after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    return before == after


def _as_array(result: object) -> np.ndarray | None:
    """A copy of the result as an array, None where it is nothing of the kind."""
    if isinstance(result, Tensor):
        result = result.detach().cpu().to_dense().resolve_conj().resolve_neg()
        return (result.float() if result.dtype == torch.bfloat16 else result).numpy().copy()  # numpy has no bfloat16
    if isinstance(result, np.ndarray | np.generic | bool | int | float):
        return np.array(result)
    return None


def _one_line(error: BaseException, answer: Callable[..., Any]) -> str:
    """"raised ValueError: its message, at `the student's line`"."""
    message = " ".join(str(error).split())
    text = f"raised {type(error).__name__}" + (f": {message[:160]}" if message else "")
    home = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == home and frame.line]
    return text + (f", at `{lines[-1]}`" if lines else "")


def _is_stub(answer: object) -> bool:
    """True for a function whose body does nothing: `...`, `pass`, a docstring. A forgotten return is no stub."""
    answer = inspect.unwrap(answer) if callable(answer) else answer
    if not isinstance(answer, FunctionType):
        return False
    operations = {instruction.opname for instruction in dis.get_instructions(answer)}
    constants = [constant for constant in answer.__code__.co_consts if constant is not answer.__doc__]
    return operations <= {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"} and \
        all(constant is None or constant is Ellipsis for constant in constants)


@contextmanager
def _substituted(answer: Callable[..., Any], earlier: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Within the block, the student's functions for earlier tasks are the references."""
    names = getattr(inspect.unwrap(answer), "__globals__", None)
    if names is None:
        yield
        return
    missing = object()
    before = {name: names.get(name, missing) for name in earlier}
    names.update(earlier)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                names.pop(name, None)
            else:
                names[name] = value
