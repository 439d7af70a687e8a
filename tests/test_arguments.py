"""What counts as a number, wherever it comes from."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from small_cases import INTS, NO_COUNTS

from dlm_course.arguments import LARGEST_COUNT, LARGEST_SEED, as_float, as_int, check_int, check_seed


@pytest.mark.parametrize("make", [int, *INTS])
def test_an_integer_of_any_make_becomes_pythons(make):
    for number in (as_int(make(4)), check_int(make(4), "steps"), check_seed(make(4))):
        assert number == 4
        assert type(number) is int


@pytest.mark.parametrize("value", [True, np.bool_(False), torch.tensor(True), 4.0, np.float64(4), torch.tensor(4.0),
                                   "4", None, math.nan, [4], np.array([4]), torch.tensor([4])], ids=repr)
def test_nothing_else_is_an_int(value):
    assert as_int(value) is None


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_what_is_no_count_is_refused_by_name_and_shown(value):
    with pytest.raises(ValueError, match=r"^steps must be an int >= 1") as failure:
        check_int(value, "steps")
    assert repr(value) in str(failure.value)


def test_the_bounds_belong_to_the_range_and_the_upper_one_is_named_where_it_counts():
    assert check_int(0, "batch_size", least=0) == 0
    assert check_int(LARGEST_COUNT, "steps") == LARGEST_COUNT
    with pytest.raises(ValueError, match="steps must be an int >= 1 and <= 2,147,483,647, got 2147483648"):
        check_int(LARGEST_COUNT + 1, "steps")
    with pytest.raises(ValueError, match=r"depth must be an int >= 1 and <= 9, got -3"):
        check_int(-3, "depth", most=9)
    assert check_seed(0) == 0
    assert check_seed(LARGEST_SEED) == LARGEST_SEED
    for seed in (-1, LARGEST_SEED + 1):
        with pytest.raises(ValueError, match=rf"seed must be an int >= 0 and <= 4,294,967,295, got {seed}"):
            check_seed(seed)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5),
                                   Fraction(1, 2)], ids=repr)
def test_a_real_number_of_any_make_becomes_pythons(value):
    assert as_float(value) == 0.5
    assert type(as_float(value)) is float


@pytest.mark.parametrize("value", [True, np.bool_(True), torch.tensor(True), "0.5", None, 1j, [0.5],
                                   torch.tensor([0.5]), math.nan, 10**400, -10**400],
                         ids=lambda value: repr(value)[:20])
def test_nothing_else_is_in_any_range(value):
    assert math.isnan(as_float(value))
