"""schedule.py against exact fractions and 50-digit decimals."""

import doctest
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS

from dlm_course import Schedule
from dlm_course.chain import schedule

DOUBLE = torch.float64
PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
BETAS = [0.3, 0.1, 0.6, 0.0, 0.2, 1.0]  # nothing happens in step 4, everything in step 6


def exact_from_beta(betas):
    """alpha_bar_0..T, lambda_0..T and rho_1..T of exact rational betas."""
    alpha_bar = [Fraction(1)]
    for beta in betas:
        alpha_bar.append(alpha_bar[-1] * (1 - Fraction(beta)))
    rho = [Fraction(beta) * alpha_bar[t] / (1 - alpha_bar[t + 1]) for t, beta in enumerate(betas)]
    return alpha_bar, [1 - a for a in alpha_bar], rho


def cosine_rate(t, num_steps):
    """1 - cos(pi t / (2T)) from its Taylor series, to 50 digits."""
    angle = PI * t / (2 * num_steps)
    term, total = Decimal(1), Decimal(0)
    for k in range(1, 30):
        term *= -angle * angle / ((2 * k - 1) * (2 * k))
        total -= term
    return total


def geometric_rate(t, num_steps, first):
    return Decimal(first) ** (Decimal(num_steps - t) / Decimal(num_steps - 1)) if t else Decimal(0)


def assert_follows_mask_rates(made, rates, relative):
    """Every number of the schedule against lambda_0..lambda_T in high precision; `relative` for lambda, beta, rho."""
    num_steps = len(rates) - 1
    assert made.num_steps == num_steps
    for t in range(num_steps + 1):
        assert float(made.mask_rate(t)) == pytest.approx(float(rates[t]), rel=relative, abs=0)
        assert float(made.alpha_bar(t)) == pytest.approx(float(1 - rates[t]), rel=0, abs=4e-16)
    for t in range(1, num_steps + 1):
        step = rates[t] - rates[t - 1]
        assert float(made.beta(t)) == pytest.approx(float(step / (1 - rates[t - 1])), rel=relative, abs=0)
        assert float(made.rho(t)) == pytest.approx(float(step / rates[t]), rel=relative, abs=0)


ENDING = {
    "linear": (Schedule.linear, lambda t, T: Fraction(t, T)),
    "cosine": (Schedule.cosine, cosine_rate),
    "geometric": (lambda T: Schedule.geometric(T, 0.001), lambda t, T: geometric_rate(t, T, 0.001)),
}


def test_doctests_pass():
    results = doctest.testmod(schedule)
    assert results.attempted > 0
    assert results.failed == 0


# --- the formulas ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("num_steps", [2, 3, 8, 1000])
def test_named_schedules_follow_their_formula(name, num_steps):
    make, rate = ENDING[name]
    with localcontext() as context:
        context.prec = 50
        rates = [rate(t, num_steps) for t in range(num_steps + 1)]
        # The subtraction lambda_t - lambda_{t-1} of float64 numbers loses about T of the 2^53 units.
        assert_follows_mask_rates(make(num_steps), rates, relative=1e-15 * max(10, 2 * num_steps))


def test_linear_has_rho_1_over_t_for_every_number_of_steps():
    for num_steps in (1, 5, 50):
        t = torch.arange(1, num_steps + 1)
        torch.testing.assert_close(Schedule.linear(num_steps).rho(t), 1 / t.to(DOUBLE), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ENDING)
def test_alpha_bar_ends_at_exactly_0_and_starts_at_exactly_1(name):
    for num_steps in [2, 3, 7, 10, 49, 100, 1000]:
        made = ENDING[name][0](num_steps)
        assert float(made.alpha_bar(num_steps)) == 0
        assert float(made.mask_rate(num_steps)) == float(made.beta(num_steps)) == 1
        assert float(made.alpha_bar(0)) == 1
        assert float(made.mask_rate(0)) == 0


@pytest.mark.parametrize("make", [Schedule.linear, Schedule.cosine])
def test_one_step_masks_everything(make):
    made = make(1)
    assert [float(made.beta(1)), float(made.alpha_bar(1)), float(made.mask_rate(1)), float(made.rho(1))] == [1, 0, 1, 1]


def test_constant_is_a_power_that_does_not_end_at_0():
    for beta, num_steps in [(0.25, 5), (0.5, 10), (1e-12, 3)]:
        alpha_bar, rates, rho = exact_from_beta([beta] * num_steps)
        made = Schedule.constant(beta, num_steps)
        assert alpha_bar[-1] > 0
        for t in range(num_steps + 1):
            assert float(made.alpha_bar(t)) == pytest.approx(float(alpha_bar[t]), rel=1e-14)
            assert float(made.mask_rate(t)) == pytest.approx(float(rates[t]), rel=1e-14, abs=0)
        assert [float(made.rho(t)) for t in range(1, num_steps + 1)] == pytest.approx(list(map(float, rho)), rel=1e-13)
        assert torch.equal(made.beta(torch.arange(1, num_steps + 1)), torch.full((num_steps,), beta, dtype=DOUBLE))


def test_a_schedule_from_beta_multiplies_exactly():
    alpha_bar, rates, rho = exact_from_beta(BETAS)
    made = Schedule(BETAS)
    times = torch.arange(len(BETAS) + 1)
    assert made.num_steps == len(BETAS)
    assert made.beta(times[1:]).tolist() == BETAS
    assert made.alpha_bar(times).tolist() == pytest.approx(list(map(float, alpha_bar)), rel=1e-14, abs=0)
    assert made.mask_rate(times).tolist() == pytest.approx(list(map(float, rates)), rel=1e-14, abs=0)
    assert made.rho(times[1:]).tolist() == pytest.approx(list(map(float, rho)), rel=1e-14, abs=0)


def test_rho_is_the_share_of_the_mask_rate_that_a_step_adds():
    for made in (Schedule(BETAS), Schedule.cosine(9), Schedule.constant(0.3, 4)):
        t = torch.arange(1, made.num_steps + 1)
        share = (made.mask_rate(t) - made.mask_rate(t - 1)) / made.mask_rate(t)
        torch.testing.assert_close(made.rho(t), share, rtol=1e-12, atol=1e-15)
        assert float(made.rho(1)) == pytest.approx(1, rel=1e-15)


def test_a_schedule_need_not_reach_its_limit():
    # beta_t = 1/(t+1)^2: alpha_bar_T = (T+2) / (2 (T+1)), which tends to 1/2.
    for num_steps in (1, 10, 1000):
        made = Schedule([1 / (t + 1) ** 2 for t in range(1, num_steps + 1)])
        due = Fraction(num_steps + 2, 2 * (num_steps + 1))
        assert float(made.alpha_bar(num_steps)) == pytest.approx(float(due), rel=1e-13)
    assert float(made.alpha_bar(1000)) == pytest.approx(0.5, abs=1e-3)


# --- small numbers --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("first", [1e-12, 1e-30])
def test_geometric_keeps_small_rates_to_full_relative_accuracy(first):
    with localcontext() as context:
        context.prec = 50
        rates = [geometric_rate(t, 20, first) for t in range(21)]
    made = Schedule.geometric(20, first)
    assert float(made.mask_rate(1)) == float(made.beta(1)) == first
    assert_follows_mask_rates(made, rates, relative=1e-13)


def test_cosine_keeps_its_first_rates_where_1_minus_cos_cancels():
    with localcontext() as context:
        context.prec = 50
        due = float(cosine_rate(1, 1000))
    naive = 1 - math.cos(math.pi / 2000)
    assert abs(naive / due - 1) > 1e-12  # what the test is there for
    assert float(Schedule.cosine(1000).mask_rate(1)) == pytest.approx(due, rel=1e-15)


def test_small_betas_are_not_rounded_away():
    made = Schedule([1e-18] * 5)  # 1 - 1e-18 is 1 in float64
    for t in range(1, 6):
        assert float(made.mask_rate(t)) == pytest.approx(t * 1e-18, rel=1e-14)
        assert float(made.rho(t)) == pytest.approx(1 / t, rel=1e-14)


# --- from_mask_rate -------------------------------------------------------------------------------------------------

def test_from_mask_rate_gives_back_the_rates_and_the_betas():
    rates = [0.001, 0.3, 0.31, 0.9, 1.0]
    made = Schedule.from_mask_rate(rates)
    assert made.mask_rate(torch.arange(6)).tolist() == [0.0, *rates]
    again = Schedule(made.beta(torch.arange(1, 6)))
    torch.testing.assert_close(again.mask_rate(torch.arange(6)), made.mask_rate(torch.arange(6)), rtol=1e-14, atol=0)
    assert Schedule.from_mask_rate(torch.tensor([0.25, 0.5])).mask_rate(2) == 0.5  # float32 in, float64 out


@given(st.lists(st.floats(0.001, 0.99), min_size=1, max_size=8))
@example([0.25, 0.5])
def test_round_trip_between_betas_and_rates(betas):
    made = Schedule(betas)
    t = torch.arange(1, len(betas) + 1)
    again = Schedule.from_mask_rate(made.mask_rate(t)) if (made.mask_rate(t).diff() > 0).all() else made
    # 1 - lambda_{t-1} in the denominator: the error grows as the signal that is left shrinks.
    error = (again.beta(t) - made.beta(t)).abs() * made.alpha_bar(t - 1)
    assert float(error.max()) <= 1e-14
    for one in (made, again):
        assert one.beta(t).dtype == one.alpha_bar(t).dtype == one.mask_rate(t).dtype == one.rho(t).dtype == DOUBLE
        assert ((one.alpha_bar(t) + one.mask_rate(t) - 1).abs() <= 1e-15).all()
        assert (one.alpha_bar(t).diff() <= 0).all()


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=6, unique=True))
def test_rho_of_given_mask_rates_is_a_probability_and_rho_1_is_exactly_1(rates):
    made = Schedule.from_mask_rate([*sorted(rates), 1.0])
    rho = made.rho(torch.arange(1, made.num_steps + 1))
    assert float(rho[0]) == 1
    assert ((rho > 0) & (rho <= 1)).all()


def test_rho_1_is_exactly_1_for_given_betas():
    assert [b for b in range(1, 1001) if float(Schedule([b / 1000]).rho(1)) != 1] == []


# --- arguments ------------------------------------------------------------------------------------------------------

def test_t_of_any_shape_integer_dtype_and_device_gives_float64_of_its_shape(device):
    made = Schedule(BETAS)
    for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        for t in (torch.tensor(3), torch.tensor([1, 6, 2]), torch.tensor([[1, 2], [3, 6]]), torch.zeros(0, 2)):
            t = t.to(device, dtype)
            for name in ("beta", "alpha_bar", "mask_rate", "rho"):
                got = getattr(made, name)(t)
                assert got.dtype == DOUBLE
                assert got.shape == t.shape
                assert got.device.type == device.type
                assert got.flatten().tolist() == [float(getattr(made, name)(s)) for s in t.flatten().tolist()]
    assert made.beta(1).shape == ()


@pytest.mark.parametrize(("name", "first"), [("beta", 1), ("rho", 1), ("alpha_bar", 0), ("mask_rate", 0)])
def test_t_out_of_range_names_the_value_and_the_range(name, first):
    method = getattr(Schedule.linear(4), name)
    method(first)
    method(4)
    for bad in (first - 1, 5, 100):
        for t in (bad, torch.tensor(bad), torch.tensor([2, bad, 3])):
            with pytest.raises(ValueError, match=rf"t = {bad} is outside {first}\.\.4"):
                method(t)
    if first == 1:
        with pytest.raises(ValueError, match="t = 0 is the clean state"):
            method(0)


@pytest.mark.parametrize(("t", "given"), [(2.0, r"float 2\.0"), (True, "bool True"), ("2", "str '2'"), (None, "None"),
                                          (torch.tensor(2.0), "float32"), (torch.tensor([True]), "torch.bool")])
def test_t_that_is_no_integer_is_a_value_error_that_names_it(t, given):
    for name in ("beta", "rho", "alpha_bar", "mask_rate"):
        with pytest.raises(ValueError, match=rf"t must be an int or an integer tensor in \d\.\.4, got.*{given}"):
            getattr(Schedule.linear(4), name)(t)


@pytest.mark.parametrize("t", [2.0, True, torch.tensor(2.0)])
def test_t_that_is_no_integer_is_told_the_range(t):
    with pytest.raises(ValueError, match=r"1\.\.4"):
        Schedule.linear(4).beta(t)


BAD_SCHEDULES = {
    "no betas": (lambda: Schedule([]), r"T >= 1.*\(0,\)"),
    "a number": (lambda: Schedule(0.5), r"sequence.*\(\)"),
    "a table": (lambda: Schedule(torch.full((2, 2), 0.5)), r"\(2, 2\)"),
    "negative": (lambda: Schedule([0.5, -0.1]), r"\[0, 1\].*-0\.1"),
    "above 1": (lambda: Schedule([0.5, 1.1]), r"\[0, 1\].*1\.1"),
    "NaN": (lambda: Schedule([0.5, math.nan]), r"\[0, 1\].*nan"),
    "beta_1 = 0": (lambda: Schedule([0.0, 0.5]), r"beta_1 = 0.*0/0"),
    "nothing left": (lambda: Schedule([0.5, 1.0, 0.5]), r"beta_2 = 1 leaves alpha_bar_2 = 0"),
    "no rates": (lambda: Schedule.from_mask_rate([]), r"T >= 1.*\(0,\)"),
    "one rate without a list": (lambda: Schedule.from_mask_rate(0.5), "sequence"),
    "equal rates": (lambda: Schedule.from_mask_rate([0.5, 0.5]), "increase strictly"),
    "falling rates": (lambda: Schedule.from_mask_rate([0.5, 0.4]), "increase strictly"),
    "a rate of 0": (lambda: Schedule.from_mask_rate([0.0, 0.5]), r"lambda_1 = 0\.0 after lambda_0"),
    "a negative rate": (lambda: Schedule.from_mask_rate([-0.5, 0.5]), "above 0"),
    "a rate above 1": (lambda: Schedule.from_mask_rate([0.5, 1.5]), r"at most 1.*1\.5"),
    "a NaN rate": (lambda: Schedule.from_mask_rate([0.5, math.nan]), "nan"),
    "linear(0)": (lambda: Schedule.linear(0), ">= 1, got 0"),
    "linear(2.0)": (lambda: Schedule.linear(2.0), r"got 2\.0"),
    "linear(True)": (lambda: Schedule.linear(True), "got True"),
    "cosine(-1)": (lambda: Schedule.cosine(-1), ">= 1, got -1"),
    "geometric(1)": (lambda: Schedule.geometric(1, 0.1), ">= 2, got 1"),
    "geometric from 0": (lambda: Schedule.geometric(3, 0.0), r"lambda_1, got 0\.0"),
    "geometric from 1": (lambda: Schedule.geometric(3, 1.0), r"lambda_1, got 1\.0"),
    "geometric from NaN": (lambda: Schedule.geometric(3, math.nan), "lambda_1, got nan"),
    "constant for 0 steps": (lambda: Schedule.constant(0.5, 0), ">= 1, got 0"),
    "constant 0": (lambda: Schedule.constant(0, 3), "beta_1 = 0"),
    "constant 1": (lambda: Schedule.constant(1, 3), "beta_1 = 1 leaves alpha_bar_1 = 0"),
    "constant -1": (lambda: Schedule.constant(-1, 3), r"\[0, 1\]"),
    "constant NaN": (lambda: Schedule.constant(math.nan, 3), r"\[0, 1\], got nan"),
    "constant text": (lambda: Schedule.constant("0.5", 3), r"\[0, 1\], got '0\.5'"),
    "geometric from text": (lambda: Schedule.geometric(3, "0.1"), r"lambda_1, got '0\.1'"),
    "geometric from True": (lambda: Schedule.geometric(3, True), "lambda_1, got True"),
    "text": (lambda: Schedule("0.5"), r"sequence of T >= 1 numbers, got '0\.5'"),
    "texts": (lambda: Schedule(["0.5"]), "sequence of T >= 1 numbers"),
    "nothing": (lambda: Schedule(None), "sequence of T >= 1 numbers, got None"),
    "beyond a float": (lambda: Schedule([10**400]), "sequence of T >= 1 numbers"),
}


@pytest.mark.parametrize("name", BAD_SCHEDULES)
def test_impossible_schedules_are_value_errors_that_say_why(name):
    make, message = BAD_SCHEDULES[name]
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [Schedule, Schedule.from_mask_rate])
def test_the_number_at_fault_is_shown_however_late_it_comes(make):
    with pytest.raises(ValueError, match=r"1\.5"):
        make([0.01 * t for t in range(1, 20)] + [1.5])


def test_a_schedule_shares_no_memory_with_what_comes_in_or_goes_out():
    betas = torch.tensor([0.5, 0.25], dtype=DOUBLE)
    rates = torch.tensor([0.5, 1.0], dtype=DOUBLE)
    made, from_rates = Schedule(betas), Schedule.from_mask_rate(rates)
    betas.zero_()
    rates.zero_()
    assert float(made.beta(1)) == float(from_rates.mask_rate(1)) == 0.5
    for name in ("beta", "alpha_bar", "mask_rate", "rho"):
        method = getattr(made, name)
        for t in (1, torch.tensor([1, 2])):
            before = method(t).clone()
            method(t).zero_()
            assert torch.equal(method(t), before)


def test_repr_names_the_steps_and_where_the_schedule_ends():
    assert repr(Schedule([0.5, 0.5])) == "Schedule(num_steps=2, alpha_bar_T=0.25)"


MAKERS = {"linear": Schedule.linear, "cosine": Schedule.cosine,
          "geometric": lambda steps: Schedule.geometric(steps, 0.1),
          "constant": lambda steps: Schedule.constant(0.5, steps)}


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("name", MAKERS)
def test_a_number_of_steps_that_is_none_is_refused(name, value):
    with pytest.raises(ValueError, match=r"num_steps must be an int >= [12]"):
        MAKERS[name](value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("name", MAKERS)
def test_steps_are_integers_of_any_make(name, make):
    schedule = MAKERS[name](make(4))
    assert repr(schedule) == repr(MAKERS[name](4))
    for method in (schedule.beta, schedule.rho, schedule.alpha_bar, schedule.mask_rate):
        assert float(method(make(3))) == float(method(3))
        with pytest.raises(ValueError, match=r"t = 5 is outside \d\.\.4"):
            method(make(5))
