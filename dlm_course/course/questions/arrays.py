"""What a student's function takes and returns, as arrays: to compare, and to see whether it was changed."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_array(result: object) -> np.ndarray | None:
    """A copy of the result as an array, None where it is nothing of the kind."""
    if isinstance(result, Tensor):
        result = result.detach().cpu().to_dense().resolve_conj().resolve_neg()
        return (result.float() if result.dtype == torch.bfloat16 else result).numpy().copy()  # numpy has no bfloat16
    if isinstance(result, np.ndarray | np.generic | bool | int | float):
        return np.array(result)
    return None


def same(before: Any, after: Any) -> bool:
    """True if an argument is after a call what it was before, by content."""
    if isinstance(before, Tensor):
        before, after = as_array(before), as_array(after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    return before == after
