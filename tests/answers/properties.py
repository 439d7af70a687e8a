"""What a wrong answer could exploit: the properties that the cases of a task have, or the reason why one need not.

A topic's table has for each task a row with every property below. An entry is

    True        the cases show it, by the test below
    a function  of the cases, that says whether they show it: where the test below does not fit
    names       of stored wrong answers that exploit its absence; all of them must be in the topic's list, where they
                are rejected
    a text      why it cannot matter here

A new property is asked of every task at once; a new task must answer for all of them.
"""

from collections.abc import Callable, Iterator

import numpy as np
from torch import Tensor

from dlm_course.course.questions.arrays import as_array


def leaves(value) -> Iterator[np.ndarray]:
    """The arrays and numbers of an argument, also those in lists."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, Tensor | np.ndarray | float | int) and not isinstance(value, bool):
        yield as_array(value)


def floats(cases) -> Iterator[np.ndarray]:
    for case in cases:
        yield from (leaf for leaf in leaves(case.args) if leaf.dtype.kind == "f")


def _rare_mass(cases):
    return any(((leaf > 0) & (leaf < 1e-12) | np.isfinite(leaf) & (leaf < -60)).any() for leaf in floats(cases))


def _batch_sizes(cases):
    shapes = [leaf.shape for case in cases for leaf in leaves(case.args) if leaf.ndim == 2 and leaf.dtype.kind == "i"]
    return all(any(holds(*shape) for shape in shapes) for holds in (
        lambda b, n: 1 < b < n, lambda b, n: b == n, lambda b, n: b > n, lambda b, n: b == 1))


def _shapes(cases):
    def of(place):
        return {tuple(np.shape(as_array(case.args[place]))) for case in cases if isinstance(case.args[place], Tensor)}

    return any({(), (1,), (2, 3, 4)} <= of(place) for place in range(len(cases[0].args)))


def _both_floats(cases):
    return {"float32", "float64"} <= {leaf.dtype.name for leaf in floats(cases) if leaf.ndim}


# By name: what it guards against, and the test; None where each task needs its own function or names.
PROPERTIES: dict[str, tuple[str, Callable | None]] = {
    "rare mass": ("a probability below 1e-12, or one whose -log is above 60: against thresholds, clamps, epsilons",
                  _rare_mass),
    "two calls": ("two calls on one generator: against a copy of it, and against seeding inside",
                  lambda cases: any(case.goes_on for case in cases)),
    "ordinary batch": ("a batch without the text that is special, all masks for example", None),
    "batch sizes": ("B < n, B = n, B > n and B = 1: against one size taken for the other", _batch_sizes),
    "odd rates": ("rates that are no tenths, and small ones", None),
    "letters": ("at least four letters, one of them rare: against top-2, coins for two letters, cut-offs", None),
    "long or many": ("lengths above 1,000, where a product underflows, or counts above 70,000", None),
    "shapes": ("arguments of the shapes (), (1,) and (2, 3, 4)", _shapes),
    "two chains": ("two chains of the same size and time in one run: against a cache by time", None),
    "sparse and late": ("a chain with zeros, looked at after two steps and more", None),
    "across the batch": ("dependence of one text on another", None),
    "along the text": ("dependence of one position on another", None),
    "ends of time": ("the first and the last time", None),
    "both floats": ("float32 and float64", _both_floats),
    "large logits": ("logits of 100 and more: against exp without a maximum",
                     lambda cases: any((np.isfinite(leaf) & (np.abs(leaf) >= 100)).any() for leaf in floats(cases))),
    "-inf": ("minus infinity, in an argument or in the right result",
             lambda cases: any(np.isneginf(leaf).any() for leaf in floats(cases))),
}


def no(reason, *names):
    """A part of a row: these properties cannot matter, for one reason."""
    return dict.fromkeys(names, reason)


DRAWS_NOTHING = no("nothing is drawn", "two calls", "across the batch", "along the text")
NO_TEXTS = no("takes no batch of texts", "ordinary batch", "batch sizes")
NO_CHAIN = no("takes no chain", "two chains", "sparse and late")
NO_LOGITS = no("takes no logits", "large logits", "-inf")
NO_FLOATS = no("takes no floating point numbers", "rare mass", "both floats", "large logits", "-inf")
NO_TIME = no("has no time", "ends of time")
