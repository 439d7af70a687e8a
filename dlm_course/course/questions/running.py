"""Run a student's function on the cases of a question: the only code that touches it."""

import copy
import dis
import functools
import inspect
import linecache
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
import torch
from IPython.utils.capture import capture_output

from dlm_course.course.questions.arrays import as_array, same
from dlm_course.course.questions.question import Case, Output, with_article
from dlm_course.course.verdict import in_short

_LONGEST_LINE = 120  # characters of a student's line in a verdict


def run(answer: object, cases: Sequence[Case], earlier: Mapping[str, Callable[..., Any]] | None = None) -> list[Output]:
    """Call the student's function on copies of the cases and record what comes of it.

    Its prints, warnings and pictures are swallowed, global random states are fixed for the call and restored, and the
    functions of earlier tasks that it uses are replaced by their references for as long as it runs, so that one
    mistake is not counted twice.
    """
    if answer is None or answer is Ellipsis or _is_stub(answer):
        return [Output(attempted=False)]
    if not callable(answer):
        kind = type(answer).__name__
        return [Output(type_name=kind, error=f"is {with_article(kind)}, not a function")]
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
            generator = None
            for case in cases:
                if not case.goes_on:
                    generator = None if case.seed is None else torch.Generator().manual_seed(case.seed)
                outputs.append(_call(answer, case, generator))
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


def _call(answer: Callable[..., Any], case: Case, generator: torch.Generator | None) -> Output:
    args = copy.deepcopy(case.args)
    keywords = {} if generator is None else {"generator": generator}
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
        value = as_array(result)
    except Exception as error:  # a tensor that numpy cannot hold
        return Output(error=f"returned a tensor that cannot be read ({type(error).__name__})")
    mutated = next((f"number {n}" for n, (before, after) in enumerate(zip(case.args, args, strict=True), 1)
                    if not same(before, after)), "")
    return Output(value=value, type_name=type(result).__name__, mutated=mutated)


def _one_line(error: BaseException, answer: Callable[..., Any]) -> str:
    """"raised ValueError: its message, at `the student's line`"."""
    message, line = in_short(str(error)), _line_of(error, answer)
    return f"raised {type(error).__name__}" + (f": {message}" if message else "") + (f", at `{line}`" if line else "")


def _line_of(error: BaseException, answer: Callable[..., Any]) -> str:
    """The last line that ran among the student's own: in any cell or file that shares the answer's names.

    A decorated answer, a partial one and a helper in another cell have their lines, too; "" if none can be read.
    """
    names = _globals_of(answer)
    lines = [linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
             for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_globals is names]
    line = next((line for line in reversed(lines) if line), "").replace("`", "'")
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"


def _is_stub(answer: object) -> bool:
    """True for a function whose body does nothing: `...`, `pass`, a docstring. A forgotten return is no stub."""
    answer = inspect.unwrap(answer) if callable(answer) else answer
    if not isinstance(answer, FunctionType):
        return False
    operations = {instruction.opname for instruction in dis.get_instructions(answer)}
    constants = [constant for constant in answer.__code__.co_consts if constant is not answer.__doc__]
    return operations <= {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"} and \
        all(constant is None or constant is Ellipsis for constant in constants)


def _globals_of(answer: Callable[..., Any]) -> dict[str, Any] | None:
    """Where the names stand that the student's function uses, also if it is an object that can be called."""
    while isinstance(answer, functools.partial):
        answer = answer.func
    if not hasattr(inspect.unwrap(answer), "__globals__"):
        answer = type(answer).__call__
    return getattr(inspect.unwrap(answer), "__globals__", None)


@contextmanager
def _substituted(answer: Callable[..., Any], earlier: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Within the block, the student's functions for earlier tasks are the references."""
    names = _globals_of(answer)
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
