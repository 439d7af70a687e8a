"""Checks of the numbers that functions are given.

A number may come from numpy or torch as well as from Python: np.int64(4) is an int here. A bool or a float is not.
"""

import math
from numbers import Integral, Real
from typing import Any

LARGEST_COUNT = 2**31 - 1   # more steps, states or sequences than this are a slip of the keyboard
LARGEST_SEED = 2**32 - 1    # of a larger seed torch's generator on the CPU would read the last 32 bits alone


def as_int(value: Any) -> int | None:
    """The value as Python's int; None for anything else than an integer, bools included."""
    value = _plain(value)
    return None if isinstance(value, bool) or not isinstance(value, Integral) else int(value)


def as_float(value: Any) -> float:
    """The value as Python's float; NaN, which no range holds, for anything but a real number, for bools too."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def check_int(value: Any, name: str, least: int = 1, most: int = LARGEST_COUNT) -> int:
    """The value as Python's int. Raises ValueError unless it is an integer in least..most."""
    number = as_int(value)
    if number is None or not least <= number <= most:
        upper = "" if most == LARGEST_COUNT and (number is None or number < least) else f" and <= {most:,}"
        raise ValueError(f"{name} must be an int >= {least}{upper}, got {value!r}")
    return number


def check_seed(seed: Any) -> int:
    """The seed as Python's int. Raises ValueError unless it is an integer in 0..2^32 - 1."""
    return check_int(seed, "seed", 0, LARGEST_SEED)


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's number; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value
