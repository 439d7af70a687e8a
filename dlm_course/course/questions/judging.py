"""Judge what a student's function gave: pure, from arrays alone."""

import copy
import functools
import inspect
import itertools
import re
from collections.abc import Callable, Sequence

import numpy as np

from dlm_course.course.questions.arrays import as_array
from dlm_course.course.questions.mistakes import Slip
from dlm_course.course.questions.question import Output, Question, with_article
from dlm_course.course.verdict import Verdict


class AnswerKey:
    """What the reference and the known mistakes give on the cases of a seed, each computed once, when it is needed.

    The cases are the key's own: no student's function has seen them. `answer_key` keeps the keys made last.
    """

    def __init__(self, question: Question, seed: int) -> None:
        self.question, self.cases = question, tuple(question.cases(seed))
        self.expected = functools.cache(self._expected)
        self.mistaken = functools.cache(self._mistaken)

    def _expected(self, n: int) -> np.ndarray:
        """What is right in case n."""
        case = self.cases[n]
        if case.raises:
            return np.array(True)
        expected = as_array(self.question.reference(*copy.deepcopy(case.args)))
        if expected is None:
            raise TypeError(f"the reference of {self.question.id} returned nothing that can be compared ({case.label})")
        return expected

    def _mistaken(self, number: int, n: int) -> np.ndarray | None:
        """What the function of this misconception gives in case n; None where it cannot even be made."""
        wrong = self.question.misconceptions[number].wrong
        assert wrong is not None
        try:
            return as_array(wrong(*copy.deepcopy(self.cases[n].args)))
        except Exception:
            return None

    def form(self, n: int) -> tuple[tuple[int, ...], str]:
        """The shape and the kind of dtype of the raw output in case n."""
        if self.question.expects:
            return self.question.expects(self.cases[n])
        return self.expected(n).shape, self.expected(n).dtype.kind


answer_key = functools.lru_cache(maxsize=32)(AnswerKey)


def judge(key: AnswerKey, outputs: Sequence[Output]) -> Verdict:
    """The verdict on the recorded outputs, one a case of the key, or fewer if the last is an exception.

    Order: attempted, exception, type, shape, dtype, input mutated, value. Border cases are judged after all others.
    Raises: ValueError for another number of outputs, since a missing one could not be wrong.
    """
    id = key.question.id
    if not all(output.attempted for output in outputs):
        return Verdict(id, "○", "not attempted")
    if len(outputs) != len(key.cases) and not (len(outputs) < len(key.cases) and outputs and outputs[-1].error):
        raise ValueError(f"{len(outputs)} outputs for {len(key.cases)} cases of {id}: one a case is needed")
    inner = sum(not case.edge for case in key.cases)
    problem = _Answer(key, range(inner), outputs[:inner]).problem_by_name()
    if not problem:
        for n, (case, output) in enumerate(zip(key.cases[inner:], outputs[inner:], strict=False), inner):
            wrong = _Answer(key, range(n, n + 1), [output]).problem()
            if wrong:
                wrong = "" if wrong.startswith("wrong value") else f" {wrong.removesuffix(f' ({case.label})')};"
                problem = f"right, except in a border case, {case.label}:{wrong} {case.edge}"
                break
    return Verdict(id, "✗", problem) if problem else Verdict(id, "✓")


class _Answer:
    """An answer's outputs in the cases `at`, and what is wrong with them."""

    def __init__(self, key: AnswerKey, at: range, outputs: Sequence[Output]) -> None:
        self.key, self.question, self.at, self.outputs = key, key.question, at, outputs
        self.values = [output.value for output in outputs if output.value is not None]
        self.seen = functools.cache(self._seen)

    def problem_by_name(self) -> str:
        """What is wrong, by the name of the mistake where it is known; "" if nothing is."""
        problem = self.problem()
        if len(self.values) < len(self.outputs):
            known = (mistake.message for mistake in self.question.misconceptions
                     if mistake.raised and re.search(mistake.raised, problem))
            return "; ".join([problem, *known])
        form = self._form_problem()
        cases = [self.key.cases[n] for n in self.at]
        for number, mistake in enumerate(self.question.misconceptions):
            if mistake.symptom is not None:
                found = not form and bool(problem or mistake.always) and bool(mistake.symptom(cases, self.values))
            else:
                found = bool(problem) and mistake.wrong is not None and self._agrees(number)
            if found:
                return mistake.message
        return (problem.startswith("wrong value") and self._two_at_once()) or problem

    def problem(self) -> str:
        """The first thing that is wrong, in the order of judgement, without a guess at its cause."""
        for n, output in zip(self.at, self.outputs, strict=False):
            name, label = self.question.name, self.key.cases[n].label
            if output.error:
                return f"{name} {output.error} ({label})"
            if output.value is None:
                hint = "; is the return statement missing?" if output.type_name == "NoneType" else ""
                return f"{name} returned {with_article(output.type_name)}, expected a tensor{hint} ({label})"
        return self._form_problem() or self._value_problem()

    def _form_problem(self) -> str:
        wanted = [self.key.form(n) for n in self.at]
        for n, value, (shape, _) in zip(self.at, self.values, wanted, strict=True):
            if value.shape != tuple(shape):
                return f"shape {value.shape}, expected {tuple(shape)} ({self.key.cases[n].label})"
        for value, (_, kind) in zip(self.values, wanted, strict=True):
            if _kind(value.dtype.kind) != _kind(kind):
                return f"dtype {value.dtype}, expected {_kind(kind)}"
        for output in self.outputs:
            if output.mutated:
                return (f"{self.question.name} changed its argument {self._argument(output.mutated)} in place; work on "
                        "a copy (clone)")
        return ""

    def _argument(self, which: str) -> str:
        """The name of the argument that "number 2" is; what an untrusted process wrote otherwise stays as it is."""
        names = list(inspect.signature(self.question.stand_in or self.question.reference).parameters)
        number = re.fullmatch(r"number ([1-9])", which)
        return names[int(number[1]) - 1] if number and int(number[1]) <= len(names) else which

    def _value_problem(self) -> str:
        found, refused = {}, False
        for n in self.at:
            case = self.key.cases[n]
            name = functools.partial(self.question.entry, case) if self.question.entry else None
            try:
                difference = self._difference(n, self.key.expected(n), name)
            except ValueError as error:
                difference, refused = str(error), True
            if difference:
                found[n] = f"{difference} ({case.label})"
        if not found:
            return ""
        return next(iter(found.values())) + ("" if refused or self.question.entry else self._where(list(found)))

    def _where(self, wrong: Sequence[int]) -> str:
        """What all the entries and cases have in common, or which of them are right: what is seen, without a guess."""
        seen, expected = ([values(n) for n in self.at] for values in (self.seen, self.key.expected))
        if _near(seen, expected):
            return "; all is nearly right: is something rounded, approximated or added, or a dtype too short?"
        if len(wrong) == len(self.at):
            return _in_common(seen, expected)
        right = [n for n in self.at if n not in wrong]
        few = min(right, wrong[1:], key=len)
        if len(wrong) == 1:
            return "; right in all other cases"
        if len(few) > 3:
            return f"; right in {len(right)} of {len(self.at)} cases"
        labels = "; ".join(self.key.cases[n].label for n in few)
        return f"; right only in: {labels}" if few == right else f"; wrong also in: {labels}; right in all others"

    def _two_at_once(self) -> str:
        """Two known slips that together give the values in every case; "" if there are none."""
        slips = [(mistake.message, mistake.wrong) for mistake in self.question.misconceptions
                 if isinstance(mistake.wrong, Slip)]
        for (message, one), (another, other) in itertools.combinations(slips, 2):
            both = one.and_also(other) if message != another else None
            if both and all(self._is_of(both, n) for n in self.at):
                return f"two mistakes at once. {message}. And: {another}"
        return ""

    def _is_of(self, wrong: Slip, n: int) -> bool:
        """True if the value of case n is what this function gives."""
        try:
            target = as_array(wrong(*copy.deepcopy(self.key.cases[n].args)))
            return target is not None and not self._difference(n, target)
        except Exception:
            return False

    def _agrees(self, number: int) -> bool:
        """True if the values are those of this misconception's function in every case."""
        for n in self.at:
            target = self.key.mistaken(number, n)
            try:
                if target is None or self._difference(n, target):
                    return False
            except Exception:
                return False    # the values are nothing to compare
        return True

    def _seen(self, n: int) -> np.ndarray:
        """What is compared in case n."""
        value = self.values[n - self.at.start]
        return self.question.view(self.key.cases[n], value) if self.question.view else value

    def _difference(self, n: int, target: np.ndarray, name: Callable[[tuple[int, ...]], str] | None = None) -> str:
        return _difference(self.seen(n), target, self.question.tolerance(self.key.cases[n], target), name)


def _difference(seen: np.ndarray, target: np.ndarray, tolerance: np.ndarray | float,
                name: Callable[[tuple[int, ...]], str] | None) -> str:
    """The first entry in which the two differ, in words; "" if there is none."""
    if seen.shape != target.shape:
        return f"wrong value: what is compared has the shape {seen.shape}, expected {target.shape}"
    if seen.dtype.kind == "f" and np.isnan(seen).any() and not np.isnan(target).any():
        return "the result holds NaN"
    if seen.dtype.kind == "b" or target.dtype.kind == "b":
        off = seen != target
    else:
        with np.errstate(invalid="ignore"):
            off = ~(((np.abs(seen - target) <= tolerance) & np.isfinite(target)) | (seen == target)
                    | (np.isnan(seen) & np.isnan(target)))    # what a known mistake gives may be NaN
    if not off.any():
        return ""
    index = tuple(int(i) for i in np.argwhere(off)[0])
    entry = name(index) if name else f"entry {list(index)}" if index else "it"
    is_now, should_be = (f"{float(value):.4g}" for value in (seen[index], target[index]))
    if is_now == should_be:
        is_now, should_be = (f"{float(value):.9g}" for value in (seen[index], target[index]))
    return f"wrong value: {entry} is {is_now}, expected {should_be}"


def _near(seen: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> bool:
    """True if every entry of every case is right to two digits or more."""
    return all(one.shape == other.shape and one.dtype.kind == "f" and np.allclose(one, other, rtol=5e-3, atol=1e-6)
               for one, other in zip(seen, expected, strict=True))


def _in_common(seen: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str:
    """The factor or the difference that all entries of all cases have in common, in words; "" if there is none."""
    if any(one.shape != other.shape or one.dtype.kind != "f" for one, other in zip(seen, expected, strict=True)):
        return ""
    one, other = (np.concatenate([values.ravel() for values in all]) for all in (seen, expected))
    if len(one) < 3 or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return ""
    counts = np.abs(other) > 1e-3
    factor = np.median(one[counts] / other[counts]) if counts.sum() >= 3 else 0.0
    if factor and np.allclose(one, factor * other, rtol=1e-4, atol=1e-6):
        return f"; every entry of every case is {factor:.4g} times what is expected"
    shift = np.median(one - other)
    if np.allclose(one, other + shift, rtol=1e-4, atol=1e-6):
        return f"; every entry of every case is too {'large' if shift > 0 else 'small'} by {abs(shift):.4g}"
    return ""


def _kind(kind: str) -> str:
    return {"f": "floating point", "i": "integer", "u": "integer", "b": "boolean"}.get(kind, kind)
