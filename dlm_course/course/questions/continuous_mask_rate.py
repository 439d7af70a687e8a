"""Topic 06: the discrete bound as a staircase, stratified rates, the weighted estimate, exact counts, the integral."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.schedule import Schedule
from dlm_course.course.questions.question import Case, Misconception, Question

# 06-1: from t to lambda


@dataclass(frozen=True)
class _Polynomial:
    """F(lambda) = lambda times a polynomial, as for a language of short words."""

    coefficients: tuple[float, ...]

    def __call__(self, mask_rate: Tensor) -> Tensor:
        return mask_rate * sum(c * mask_rate**power for power, c in enumerate(self.coefficients))

    def __deepcopy__(self, memo: dict) -> "_Polynomial":
        return self  # a function, as far as the student is concerned


def discrete_bound(F: Callable[[Tensor], Tensor], mask_rate: Tensor) -> Tensor:
    return (_widths(mask_rate) / mask_rate * F(mask_rate)).sum()


def _widths(mask_rate: Tensor) -> Tensor:
    return torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))


def _before(mask_rate: Tensor) -> Tensor:
    return mask_rate - _widths(mask_rate)


def _left_ends(F: Callable[[Tensor], Tensor], rate: Tensor) -> Tensor:
    """The rectangles from lambda_1 on, each as high as the curve at its left end."""
    return (rate.diff() / rate[:-1] * F(rate[:-1])).sum()


def _left_ends_with_the_limit(F: Callable[[Tensor], Tensor], rate: Tensor) -> Tensor:
    """With the first rectangle too, as high as the curve at 0."""
    return _left_ends(F, rate) + rate[0] * F.coefficients[0]


def _staircase_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    levels = (torch.rand(5, dtype=torch.float64, generator=generator) + 0.2).cumsum(0)
    cosine = Schedule.cosine(4)
    return [Case((_Polynomial((1.1, 0.9, 0.7)), levels / levels[-1]), "T = 5, uneven steps"),
            Case((_Polynomial((2.0, -0.5)), cosine.mask_rate(torch.arange(1, 5))), "cosine, T = 4"),
            Case((_Polynomial((1.0, 0.3, 0.2)), torch.tensor([0.1, 0.2, 1.0], dtype=torch.float64)),
                 "T = 3, uneven steps"),
            Case((_Polynomial((1.5, 0.5)), torch.tensor([1.0], dtype=torch.float64)), "T = 1",
                 edge="with one step it is F(1)")]


DISCRETE_BOUND = Question(
    id="06-1-discrete-bound",
    points=2,
    name="discrete_bound",
    cases=_staircase_cases,
    reference=discrete_bound,
    misconceptions=(
        Misconception("divided by lambda_{t-1}, which is 0 at t = 1; rho_t divides by lambda_t",
                      lambda F, rate: (_widths(rate) / _before(rate) * F(rate)).sum()),
        Misconception("the division by lambda_t is missing: rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      lambda F, rate: (_widths(rate) * F(rate)).sum()),
        Misconception("F is taken at lambda_{t-1}, the left end; X_t is masked with lambda_t, the right end",
                      lambda F, rate: (_widths(rate) / rate * F(_before(rate))).sum()),
        Misconception("the middle of each step is taken; the discrete bound stands on right ends, F(lambda_t)",
                      lambda F, rate: (_widths(rate) / (rate - _widths(rate) / 2)
                                       * F(rate - _widths(rate) / 2)).sum()),
        Misconception("F in the middle of each step, divided by lambda_t; the discrete bound has F(lambda_t)",
                      lambda F, rate: (_widths(rate) / rate * F(rate - _widths(rate) / 2)).sum()),
        Misconception("the weights 1/t belong to the linear schedule; rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      lambda F, rate: (F(rate) / torch.arange(1, len(rate) + 1)).sum()),
        Misconception("every step has the width 1/T here, which only the linear schedule has",
                      lambda F, rate: (F(rate) / rate).mean()),
        Misconception("F(lambda)/lambda is added up without the widths lambda_t - lambda_{t-1}",
                      lambda F, rate: (F(rate) / rate).sum()),
        Misconception("rho_t is missing: this is the slides' \"final objective\", a surrogate",
                      lambda F, rate: F(rate).sum()),
        Misconception("this is the mean of rho_t F; the bound is the sum", lambda F, rate:
                      discrete_bound(F, rate) / len(rate)),
        Misconception("multiplied by T, as an estimate from a single t is; the sum over all t has no factor",
                      lambda F, rate: discrete_bound(F, rate) * len(rate)),
        Misconception("the first step is missing: lambda_0 = 0, and rho_1 = 1",
                      lambda F, rate: ((rate[1:] - rate[:-1]) / rate[1:] * F(rate[1:])).sum()),
        Misconception("the last step is missing", lambda F, rate: (
            (_widths(rate) / rate * F(rate))[:-1]).sum()),
        Misconception("the weights are beta_t, the way forward: (lambda_t - lambda_{t-1}) / (1 - lambda_{t-1}); rho_t "
                      "divides by lambda_t", lambda F, rate: (_widths(rate) / (1 - _before(rate)) * F(rate)).sum()),
        Misconception("the weights are lambda_t; they are rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      lambda F, rate: (rate * F(rate)).sum()),
        Misconception("the rectangles are as high as the curve at their left ends, and the first one is missing; rho_t "
                      "F(lambda_t) takes lambda_t, the right end", _left_ends),
        Misconception("the rectangles are as high as the curve at their left ends, F(lambda_{t-1}) / lambda_{t-1}; "
                      "take lambda_t, the right end", symptom=lambda cases, values: all(
                          np.isclose(value, float(_left_ends_with_the_limit(*case.args)), rtol=2e-3)
                          for case, value in zip(cases, values, strict=True))),
        Misconception("the width and the rate do not belong to the same step: rho_t F(lambda_t) has the same t "
                      "throughout",
                      lambda F, rate: ((_widths(rate) / rate)[:-1] * F(rate[1:])).sum()),
        Misconception("the width and the rate do not belong to the same step: rho_t F(lambda_t) has the same t "
                      "throughout",
                      lambda F, rate: ((_widths(rate) / rate).roll(-1) * F(rate)).sum()),
        Misconception("this is the trapezoidal rule, closer to the integral; the discrete bound has right ends",
                      lambda F, rate: torch.trapezoid(
                          torch.cat([F(rate[:1] * 1e-9) / (rate[:1] * 1e-9), F(rate) / rate]),
                          torch.cat([rate.new_zeros(1), rate]))),
        Misconception("this is the trapezoidal rule, without the first step; the discrete bound has right ends, and "
                      "starts at lambda_0 = 0", lambda F, rate: torch.trapezoid(F(rate) / rate, rate)),
        Misconception("this is the integral of F(lambda)/lambda, the limit of many steps; asked is the bound of these "
                      "T steps",
                      lambda F, rate: sum(c / (power + 1) for power, c in enumerate(F.coefficients))),
        Misconception("the sign is off: F and rho_t are positive, and so is the bound",
                      lambda F, rate: -discrete_bound(F, rate)),
        Misconception("this is in bits; asked are nats", lambda F, rate: discrete_bound(F, rate) / math.log(2)),
        Misconception("lambda_0 is lambda_T = 1 here, as `roll` leaves it; it is 0",
                      lambda F, rate: ((rate - rate.roll(1)) / rate * F(rate)).sum()),
        Misconception("divided by lambda_t twice: rho_t = (lambda_t - lambda_{t-1}) / lambda_t, and F has no further "
                      "weight", lambda F, rate: (_widths(rate) / rate**2 * F(rate)).sum()),
        Misconception("the weights are 1 - rho_t = lambda_{t-1} / lambda_t; they are rho_t",
                      lambda F, rate: (_before(rate) / rate * F(rate)).sum()),
        Misconception("F is taken at the widths lambda_t - lambda_{t-1}; it belongs at lambda_t",
                      lambda F, rate: (_widths(rate) / rate * F(_widths(rate))).sum()),
        Misconception("these are the rates t/T of the linear schedule; use the given mask_rate",
                      lambda F, rate: discrete_bound(F, torch.arange(1, len(rate) + 1, dtype=rate.dtype) / len(rate))),
        Misconception("the result is not finite: a division by lambda_0 = 0?",
                      symptom=lambda cases, values: not all(np.isfinite(value).all() for value in values)),
        Misconception("the result is huge: divided by lambda_{t-1}, or what stands for lambda_0 = 0? rho_t divides by "
                      "lambda_t", symptom=lambda cases, values: all(np.abs(value) > 1e3 for value in values)),
    ),
)


# 06-2: one draw per piece

def stratified_rates(u: Tensor) -> Tensor:
    return (torch.arange(len(u), dtype=u.dtype) + 1 - u) / len(u)


def _rate_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    return [Case((torch.rand(6, dtype=torch.float64, generator=generator) * 0.8 + 0.1,), "B = 6"),
            Case((torch.rand(5, dtype=torch.float64, generator=generator) * 0.8 + 0.1,), "B = 5"),
            Case((torch.zeros(4, dtype=torch.float64),), "u = 0",
                 edge="u = 0 must give the right ends 1/B, ..., 1: a rate of 0 would weigh infinitely"),
            Case((torch.tensor([0.25], dtype=torch.float64),), "B = 1", edge="one piece is the whole of (0, 1]")]


def _index(u: Tensor) -> Tensor:
    return torch.arange(len(u), dtype=u.dtype)


def _rates(cases: list[Case], values: list) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each value and what belongs there."""
    return [(value, stratified_rates(*case.args).numpy()) for case, value in zip(cases, values, strict=True)]


def _squeezed(value: np.ndarray, right: np.ndarray) -> bool:
    """True for eps + (1 - eps) right with a small eps."""
    share = (1 - value) / (1 - right)
    return bool(np.allclose(share, share[0], atol=1e-5) and 0.8 < share[0] < 1)


STRATIFIED_RATES = Question(
    id="06-2-stratified-rates",
    points=1,
    name="stratified_rates",
    cases=_rate_cases,
    reference=stratified_rates,
    misconceptions=(
        Misconception("this is (i + u) / B, which can be 0: there nothing is masked and 1/lambda is infinite. Count "
                      "from the right end, (i + 1 - u) / B", lambda u: (_index(u) + u) / len(u)),
        Misconception("one u serves all pieces (that is the one-offset way); each piece has its own",
                      lambda u: (_index(u) + 1 - u[0]) / len(u)),
        Misconception("these are independent rates, 1 - u; one from each of B pieces was asked for", lambda u: 1 - u),
        Misconception("these are the u themselves; one rate from each of B pieces was asked for", lambda u: u),
        Misconception("u is not shrunk to the width of a piece: (i + 1 - u) / B as a whole is divided by B",
                      lambda u: (_index(u) + 1) / len(u) - u),
        Misconception("u is not shrunk to the width of a piece: (i + 1 - u) / B as a whole is divided by B",
                      lambda u: _index(u) / len(u) + u),
        Misconception("the pieces are numbered from 0; here they start at 1, and the last rate is above 1",
                      lambda u: (_index(u) + 2 - u) / len(u)),
        Misconception("the pieces are numbered from 0 to B-1, and the right end is i + 1; here the first rate is "
                      "negative or 0", lambda u: (_index(u) - u) / len(u)),
        Misconception("the pieces are numbered from 1, and u is added: the last rate is above 1",
                      lambda u: (_index(u) + 1 + u) / len(u)),
        Misconception("the division by B is missing", lambda u: _index(u) + 1 - u),
        Misconception("divided by B + 1: there are B pieces", lambda u: (_index(u) + 1 - u) / (len(u) + 1)),
        Misconception("divided by B - 1: there are B pieces", lambda u: (_index(u) + 1 - u) / max(len(u) - 1, 1)),
        Misconception("the pieces come in descending order; lambda_0 belongs to the first piece",
                      lambda u: stratified_rates(u.flip(0)).flip(0)),
        Misconception("u is not used: these are the right ends of the pieces", lambda u: (_index(u) + 1) / len(u)),
        Misconception("u is not used: these are the left ends of the pieces", lambda u: _index(u) / len(u)),
        Misconception("u is not used: these are the middles of the pieces", lambda u: (_index(u) + 0.5) / len(u)),
        Misconception("the u are sorted; that does not put one into each piece", lambda u: u.sort().values),
        Misconception("the u are sorted; that does not put one into each piece", lambda u: (1 - u).sort().values),
        Misconception("brackets are missing: all of i + 1 - u is divided by B, here u alone is",
                      lambda u: _index(u) + 1 - u / len(u)),
        Misconception("brackets are missing: all of i + 1 - u is divided by B, here 1 - u alone is",
                      lambda u: _index(u) + (1 - u) / len(u)),
        Misconception("all rates lie in the first piece, (1 - u) / B: the number i of the piece is missing",
                      lambda u: (1 - u) / len(u)),
        Misconception("the steps are added up; one rate from each piece was asked for",
                      lambda u: ((1 - u) / len(u)).cumsum(0)),
        Misconception("the u are sorted first; each piece has its own u_i, in the order given",
                      lambda u: stratified_rates(u.sort().values)),
        Misconception("rounded to whole numbers: // is floor division, / divides", symptom=lambda cases, values: all(
            (value == np.round(value)).all() for value in values)),
        Misconception("the right rates, but not in increasing order", symptom=lambda cases, values: all(
            np.allclose(np.sort(value), right, rtol=1e-4) for value, right in _rates(cases, values))),
        Misconception("the rates are squeezed towards 1, away from 0 by some epsilon; the B pieces cut the whole of "
                      "(0, 1]", symptom=lambda cases, values: all(
                          _squeezed(value, right) for value, right in _rates(cases, values))),
        Misconception("one rate in each piece, but not where u puts it: use the given u_i, each for its own piece",
                      symptom=lambda cases, values: all(
                          (np.ceil(value * len(value)) == np.arange(1, len(value) + 1)).all() for value in values)),
        Misconception("a rate is above 1 or not above 0", symptom=lambda cases, values: any(
            (value > 1 + 1e-6).any() or (value < -1e-6).any() for value in values)),
    ),
)


# 06-3: the estimate

def continuous_estimate(log_p: Tensor, masked: Tensor, mask_rate: Tensor, density: Tensor) -> Tensor:
    return _paid(log_p, masked) / (mask_rate * density)


def _paid(log_p: Tensor, masked: Tensor) -> Tensor:
    return torch.where(masked, -log_p, 0.0).sum(-1)


def _estimate_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    log_p = -torch.rand(4, 6, dtype=torch.float64, generator=generator) * 2 - 0.1
    masked = torch.tensor([[1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0], [0, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 1]]) == 1
    rate = torch.tensor([0.12, 0.45, 0.8, 0.5], dtype=torch.float64)
    density = torch.tensor([0.4, 0.9, 1.6, 1.2], dtype=torch.float64)
    tiny = torch.tensor([0.00002, 0.003, 0.8, 0.5], dtype=torch.float64)
    sure = log_p.clone()
    sure[0, 0], sure[2, 3] = -40, -25
    none = masked & torch.tensor([[False], [True], [True], [True]])
    return [Case((log_p, masked, rate, density), "batch of 4, n = 6"),
            Case((log_p[1:3], masked[1:3], rate[1:3], density[1:3]), "batch of 2, n = 6"),
            Case((log_p, masked, tiny, density), "small mask rates",
                 edge="the weight 1/(lambda g) must not be clipped, nor an epsilon added to lambda: the estimate would "
                 "be too small, silently"),
            Case((sure, masked, rate, density), "a masked token with log p = -40",
                 edge="log p must not be clipped: a model that is sure of the wrong token pays for it"),
            Case((log_p, none, rate, density), "a sequence without masks",
                 edge="where nothing is masked the estimate is 0"),
            Case((torch.where(masked, log_p, -torch.inf), masked, rate, density), "-inf at visible positions",
                 edge="visible tokens must be left out, not multiplied by 0: 0 times infinity is NaN")]


def _weights(cases: list[Case], values: list) -> list[np.ndarray]:
    """The weight that each value gives to the sum over masked tokens."""
    return [value / _paid(*case.args[:2]).numpy() for case, value in zip(cases, values, strict=True)]


def _constant(numbers: np.ndarray) -> bool:
    return bool(np.isfinite(numbers).all() and np.allclose(numbers, numbers[0], rtol=1e-3))


def _one_weight(cases: list[Case], values: list) -> bool:
    """True if lambda, or g, or both are the same for all sequences."""
    return any(all(_constant(weight * factor(*case.args[2:]).numpy()) for case, weight in
                   zip(cases, _weights(cases, values), strict=True))
               for factor in (lambda rate, density: rate.new_ones(()), lambda rate, density: rate,
                              lambda rate, density: density))


def _something_added(cases: list[Case], values: list) -> bool:
    """True for 1 / ((lambda + eps) g) and 1 / (lambda g + eps) with a small eps > 0."""
    weights = _weights(cases, values)
    if not all((np.isfinite(weight) & (weight != 0)).all() for weight in weights):
        return False
    for share in (lambda rate, density: density, lambda rate, density: torch.ones_like(rate)):
        eps = np.concatenate([((1 / weight - rate * density) / share(rate, density)).numpy()
                              for (*_, rate, density), weight in
                              zip((case.args for case in cases), map(torch.from_numpy, weights), strict=True)])
        if np.allclose(eps, eps[0], rtol=0.05) and 0 < eps[0] < 0.1:
            return True
    return False


def _clipped(cases: list[Case], values: list) -> bool:
    """True if the values are right but for those with the largest weights, which are too small."""
    for case, value in zip(cases, values, strict=True):
        right, weight = continuous_estimate(*case.args).numpy(), 1 / (case.args[2] * case.args[3]).numpy()
        low = value < right * (1 - 1e-4)
        if low.any() and not low.all() and np.allclose(value[~low], right[~low], rtol=1e-4):
            return any(small[low].min() > small[~low].max() for small in (weight, 1 / case.args[2].numpy()))
    return False


def _mean_over_masked(log_p: Tensor, masked: Tensor) -> Tensor:
    return _paid(log_p, masked) / masked.sum(-1)


CONTINUOUS_ESTIMATE = Question(
    id="06-3-continuous-estimate",
    points=2,
    name="continuous_estimate",
    cases=_estimate_cases,
    reference=continuous_estimate,
    misconceptions=(
        Misconception("the weight 1/lambda is missing: this is divided by g only",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) / density),
        Misconception("the density is missing: divide by g(lambda) too, because lambda is not drawn uniformly",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) / rate),
        Misconception("there is no weight: divide by lambda g(lambda)",
                      lambda log_p, masked, rate, density: _paid(log_p, masked)),
        Misconception("multiplied by the density; what is drawn often must count *less*: divide by it",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) / rate * density),
        Misconception("multiplied by lambda; the weight is 1/lambda",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) * rate / density),
        Misconception("multiplied by lambda g(lambda); divide by it",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) * rate * density),
        Misconception("the mean over masked tokens: with 1/lambda on top the number of masks is weighed twice; take "
                      "the sum",
                      lambda log_p, masked, rate, density: _mean_over_masked(log_p, masked) / (rate * density)),
        Misconception("the mean over masked tokens times n is the weight n/k, for counts; here the weight is 1/(lambda "
                      "g)",
                      lambda log_p, masked, rate, density:
                      _mean_over_masked(log_p, masked) * log_p.shape[1] / density),
        Misconception("this is n times the mean over masked tokens, the weight n/k; here lambda was drawn, the weight "
                      "is 1/(lambda g)", lambda log_p, masked, rate, density:
                      _mean_over_masked(log_p, masked) * log_p.shape[1]),
        Misconception("the mean over masked tokens, divided by g; take the sum, divided by lambda g(lambda)",
                      lambda log_p, masked, rate, density: _mean_over_masked(log_p, masked) / density),
        Misconception("the mean over masked tokens, divided by lambda; take the sum, divided by lambda g(lambda)",
                      lambda log_p, masked, rate, density: _mean_over_masked(log_p, masked) / rate),
        Misconception("the mean over masked tokens, without a weight",
                      lambda log_p, masked, rate, density: _mean_over_masked(log_p, masked)),
        Misconception("the mean over all n tokens; the estimate is a sum, in nats a sequence",
                      lambda log_p, masked, rate, density:
                      continuous_estimate(log_p, masked, rate, density) / log_p.shape[1]),
        Misconception("all tokens are counted; only masked ones are", lambda log_p, masked, rate, density:
                      -log_p.sum(-1) / (rate * density)),
        Misconception("the *visible* tokens are counted; the masked ones pay", lambda log_p, masked, rate, density:
                      _paid(log_p, ~masked) / (rate * density)),
        Misconception("the sign is off: what is paid is -log p, never negative", lambda log_p, masked, rate, density:
                      -continuous_estimate(log_p, masked, rate, density)),
        Misconception("the weight is 1/(1 - lambda), the share of visible tokens; it is 1/lambda",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) / ((1 - rate) * density)),
        Misconception("lambda is squared: the weight is 1/(lambda g)", lambda log_p, masked, rate, density:
                      _paid(log_p, masked) / (rate**2 * density)),
        Misconception("this is in bits; asked are nats", lambda log_p, masked, rate, density:
                      continuous_estimate(log_p, masked, rate, density) / math.log(2)),
        Misconception("the probabilities are added, not their logarithms: log_p is a logarithm already, no exp",
                      lambda log_p, masked, rate, density:
                      torch.where(masked, log_p.exp(), 0.0).sum(-1) / (rate * density)),
        Misconception("1 - p is paid for a masked token; it is -log p", lambda log_p, masked, rate, density:
                      torch.where(masked, 1 - log_p.exp(), 0.0).sum(-1) / (rate * density)),
        Misconception("NaN: log_p is negative, a logarithm already; take no logarithm of it",
                      symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
        Misconception("divided by lambda + g(lambda); divide by the product", lambda log_p, masked, rate, density:
                      _paid(log_p, masked) / (rate + density)),
        Misconception("one lambda or one g serves the whole batch; each sequence has its own", symptom=_one_weight),
        Misconception("something is added to lambda, or to lambda g, against a division by 0; lambda is above 0, and "
                      "the weight exactly 1/(lambda g)", symptom=_something_added),
        Misconception("the weights are normalised over the batch (self-normalised importance sampling): that is biased",
                      lambda log_p, masked, rate, density: _paid(log_p, masked) * _normalised(1 / (rate * density))),
        Misconception("the weights are normalised over the batch (self-normalised importance sampling): that is biased",
                      lambda log_p, masked, rate, density:
                      _paid(log_p, masked) * _normalised(1 / (rate * density)) * len(rate)),
        Misconception("the weight 1/(lambda g) is clipped: the estimate is too small, silently",
                      symptom=_clipped),
    ),
)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


# 06-4: exactly k masks

_LENGTH, _ROWS = 4, 6000
_PATTERNS = list(itertools.product((0, 1), repeat=_LENGTH))


def mask_exactly(x0: Tensor, num_masked: Tensor, mask_id: int, generator: torch.Generator) -> Tensor:
    shuffled = torch.rand(x0.shape, generator=generator).argsort(-1)
    return torch.where(shuffled < num_masked[:, None], mask_id, x0)


def _by_count(law: Callable[[int], list[float]]) -> Callable:
    """The probability of each pattern of masks given k, for k = 0..n, shape (n + 1, 2^n)."""
    return lambda x0, num_masked, mask_id: torch.tensor([law(k) for k in range(_LENGTH + 1)], dtype=torch.float64)


def _even(k: int) -> list[float]:
    return [(sum(pattern) == k) / math.comb(_LENGTH, k) for pattern in _PATTERNS]


def _coins(k: int) -> list[float]:
    rate = k / _LENGTH
    return [rate ** sum(pattern) * (1 - rate) ** (_LENGTH - sum(pattern)) for pattern in _PATTERNS]


def _block(k: int) -> list[float]:
    """k neighbouring positions, all places equally likely."""
    places = [tuple(int(start <= i < start + k) for i in range(_LENGTH)) for start in range(_LENGTH - k + 1)]
    return [places.count(pattern) / len(places) for pattern in _PATTERNS]


def _with_replacement(k: int) -> list[float]:
    hits = [tuple(int(i in draw) for i in range(_LENGTH)) for draw in itertools.product(range(_LENGTH), repeat=k)]
    return [hits.count(pattern) / len(hits) for pattern in _PATTERNS]


def _frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    x0, num_masked, mask_id = (np.asarray(arg) for arg in case.args)
    masked = xt == mask_id
    if (xt[~masked] != x0[~masked]).any():
        raise ValueError("wrong value: a token that is not masked must stay what it is")
    numbers = masked.astype(int) @ (2 ** np.arange(_LENGTH)[::-1])
    return np.stack([np.bincount(numbers[num_masked == k], minlength=2**_LENGTH) / (num_masked == k).sum()
                     for k in range(_LENGTH + 1)])


def _mask_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randint(5, (_ROWS, _LENGTH), generator=generator)
    counts = (torch.arange(_ROWS) + 2) % (_LENGTH + 1)
    same = torch.tensor([1, 1, 2, 4]).repeat(_ROWS, 1)
    label = "x0 of shape (6000, 4), num_masked 2, 3, 4, 0, 1, 2, ..."
    return [Case((x0, counts, 5), label, seed + 21), Case((x0, counts, 5), label, seed + 21),
            Case((x0, counts, 5), label, seed + 22),
            Case((same, counts, 0), label + ", mask_id = 0, all sequences 1, 1, 2, 4", seed + 23)]


def _masks(cases: list[Case], values: list) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(value == case.args[2], case.args[1].numpy()) for case, value in zip(cases, values, strict=True)]


def _every(test: Callable[[np.ndarray, np.ndarray], bool]) -> Callable:
    return lambda cases, values: all(test(masked, counts) for masked, counts in _masks(cases, values))


def _wrong_number_only_at(number: int) -> Callable:
    return _every(lambda masked, counts: (masked.sum(1) == counts)[counts != number].all())


def _right_numbers(cases: list[Case], values: list) -> bool:
    return _every(lambda masked, counts: (masked.sum(1) == counts).all())(cases, values)


def _depends_on_the_states(cases: list[Case], values: list) -> bool:
    """True if only the case in which the states are tied to positions shows that some sets are more likely."""
    uneven = []
    for case, value in zip(cases, values, strict=True):
        law = _by_count(_even)(*case.args).numpy()
        uneven.append((np.abs(_frequencies(case, value) - law) > MASK_EXACTLY.tolerance(case, law)).any())
    return _right_numbers(cases, values) and uneven == [False, False, False, True]


def _dependent(cases: list[Case], values: list) -> bool:
    """True if the masks of one sequence tell of those of another, at the same positions or at shifted ones."""
    return _right_numbers(cases, values) and any(
        abs(score) > 6 for masked, counts in _masks(cases, values) for score in _scores(masked, counts))


def _scores(masked: np.ndarray, counts: np.ndarray) -> list[float]:
    """Covariances between the masks of sequences b and b + lag, about standard normal where these are independent."""
    centred = masked.astype(float)
    for k in range(_LENGTH + 1):
        centred[counts == k] -= centred[counts == k].mean(0)
    centred = centred[(counts > 0) & (counts < _LENGTH)]
    scores = []
    for lag in (1, 2, 3, 4, 5, len(centred) // 2):
        for shift in range(_LENGTH):
            products = (centred[:-lag] * np.roll(centred[lag:], shift, axis=1)).sum(1)
            scores.append(products.sum() / max(float(np.sqrt((products**2).sum())), 1e-12))
    return scores


MASK_EXACTLY = Question(
    id="06-4-mask-exactly",
    points=3,
    name="mask_exactly",
    cases=_mask_cases,
    reference=_by_count(_even),
    stand_in=mask_exactly,
    view=_frequencies,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / (_ROWS / (_LENGTH + 1))) + 1e-9,
    misconceptions=(
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to the "
                      "function that draws", always=True, symptom=lambda cases, values: (values[0] != values[1]).any()),
        Misconception("the mask is taken for the last state, or for another; use mask_id", symptom=lambda cases, values:
                      not (values[3] == 0).any() and (values[0] == 5).any()),
        Misconception("tokens change, but none becomes mask_id", symptom=lambda cases, values: any(
            (value != case.args[0].numpy()).any() and not (value == case.args[2]).any()
            for case, value in zip(cases, values, strict=True))),
        Misconception("tokens that are not masked have changed: only the chosen positions become mask_id",
                      symptom=lambda cases, values: any(
                          (value != case.args[0].numpy())[value != case.args[2]].any()
                          for case, value in zip(cases, values, strict=True))),
        Misconception("nothing is masked", symptom=_every(lambda masked, counts: not masked.any())),
        Misconception("always the first k positions are masked; the set must be random", symptom=_every(
            lambda masked, counts: (masked == (np.arange(_LENGTH) < counts[:, None])).all())),
        Misconception("always the last k positions are masked; the set must be random", symptom=_every(
            lambda masked, counts: (masked == (np.arange(_LENGTH)[::-1] < counts[:, None])).all())),
        Misconception("every sequence has the same number of masks; each has its own num_masked",
                      symptom=_every(lambda masked, counts: (masked.sum(1) == masked[0].sum()).all())),
        Misconception("all sequences with the same k have the same positions masked; every sequence draws its own set",
                      symptom=_every(lambda masked, counts: all(
                          (masked[counts == k] == masked[counts == k][0]).all() for k in range(_LENGTH + 1)))),
        Misconception("the *visible* tokens number k: k is the number of masks", symptom=_every(
            lambda masked, counts: (masked.sum(1) == _LENGTH - counts).all())),
        Misconception("one token too many is masked: of the ranks 0..n-1 exactly k are *smaller than* k",
                      symptom=_every(
            lambda masked, counts: (masked.sum(1) == np.minimum(counts + 1, _LENGTH)).all())),
        Misconception("one token too few is masked: of the ranks 0..n-1 exactly k are smaller than k", symptom=_every(
            lambda masked, counts: (masked.sum(1) == np.maximum(counts - 1, 0)).all())),
        Misconception("where num_masked is 0 a token is masked all the same; there none is",
                      symptom=lambda cases, values:
                      _wrong_number_only_at(0)(cases, values) and not _right_numbers(cases, values)),
        Misconception("where num_masked is n a token stays visible; there all are masked",
                      symptom=lambda cases, values:
                      _wrong_number_only_at(_LENGTH)(cases, values) and not _right_numbers(cases, values)),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("these are coins with probability k/n: the number of masks is k on average only",
                      _by_count(_coins)),
        Misconception("positions are drawn with replacement: the same one twice leaves fewer than k masks",
                      _by_count(_with_replacement)),
        Misconception("the masks are neighbours: all sets of k positions must be equally likely, not only blocks",
                      _by_count(_block)),
        Misconception("the masks are neighbours: all sets of k positions must be equally likely, not only blocks",
                      symptom=_every(lambda masked, counts: (masked.sum(1) == counts).all() and not (
                          (masked[:, 0] == masked[:, 2]) & (masked[:, 1] == masked[:, 3]) & (counts == 2)).any())),
        Misconception("one position is never masked where k < n; all sets of k positions must be equally likely",
                      symptom=lambda cases, values: _right_numbers(cases, values) and _every(
                          lambda masked, counts: not masked[counts < _LENGTH].any(0).all())(cases, values)),
        Misconception("the sets depend on the states in x0: all sets of k positions must be equally likely, whatever "
                      "the tokens are", symptom=_depends_on_the_states),
        Misconception("the masks of one sequence tell of those of another; every sequence draws its own set, "
                      "independently of the others", always=True, symptom=_dependent),
        Misconception("the number of masks is not num_masked in every sequence",
                      symptom=lambda cases, values: not _right_numbers(cases, values)),
        Misconception("the number of masks is right, but not all sets of that size are equally likely",
                      symptom=_right_numbers),
    ),
)


# 06-5: the integral, exactly

def exact_bound(losses: Tensor) -> Tensor:
    return _weighted(losses, lambda n, k: 1 / (k * math.comb(n, k)))


def _weighted(losses: Tensor, weight: Callable[[int, int], float]) -> Tensor:
    total = losses.new_zeros(())
    for pattern in itertools.product((0, 1), repeat=losses.ndim):
        if any(pattern):
            total = total + weight(losses.ndim, sum(pattern)) * losses[pattern]
    return total


def _first_axis(losses: Tensor) -> Tensor:
    """With n = len(losses), which is 2, for every number of tokens."""
    return sum(losses[pattern] / (sum(pattern) * math.comb(2, sum(pattern)))
               for pattern in itertools.product((0, 1), repeat=len(losses)) if any(pattern))


def _pattern_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for length in (3, 4, 2, 1):
        losses = torch.rand((2,) * length, dtype=torch.float64, generator=generator) + 0.2
        sizes = sum(torch.meshgrid(*[torch.arange(2)] * length, indexing="ij"))
        cases.append(Case((losses * sizes,), f"n = {length}",
                          edge="with one token it is the loss of that token" if length == 1 else ""))
    return cases


EXACT_BOUND = Question(
    id="06-5-exact-bound",
    points=2,
    name="exact_bound",
    cases=_pattern_cases,
    reference=exact_bound,
    misconceptions=(
        Misconception("the weight is 1/C(n, k): the 1/k is missing, so patterns with many masks count too much",
                      lambda losses: _weighted(losses, lambda n, k: 1 / math.comb(n, k))),
        Misconception("the weight is 1/k: the 1/C(n, k) is missing, there are C(n, k) patterns with k masks",
                      lambda losses: _weighted(losses, lambda n, k: 1 / k)),
        Misconception("the weight is n/k: that is for a single draw of k; over all patterns it is 1 / (k C(n, k))",
                      lambda losses: _weighted(losses, lambda n, k: n / k)),
        Misconception("all patterns count alike; the weight is 1 / (k C(n, k))",
                      lambda losses: _weighted(losses, lambda n, k: 1)),
        Misconception("this is the plain mean over all patterns; the weight is 1 / (k C(n, k))",
                      lambda losses: losses.mean()),
        Misconception("this is the plain mean over the patterns with masks; the weight is 1 / (k C(n, k))",
                      lambda losses: losses.sum() / (losses.numel() - 1)),
        Misconception("the weight is 1 / (n C(n, k)): that is the average without n/k; it is 1 / (k C(n, k))",
                      lambda losses: _weighted(losses, lambda n, k: 1 / (n * math.comb(n, k)))),
        Misconception("the weight is k / C(n, k); divide by k too", lambda losses:
                      _weighted(losses, lambda n, k: k / math.comb(n, k))),
        Misconception("the weight is C(n, k) / k; divide by C(n, k) too", lambda losses:
                      _weighted(losses, lambda n, k: math.comb(n, k) / k)),
        Misconception("the weight is 1 / (k C(n-1, k-1)) or the like: 1 / (n C(n-1, k-1)) would be right, 1 / (k C(n, "
                      "k)) is what was asked",
                      lambda losses: _weighted(losses, lambda n, k: 1 / (k * math.comb(n - 1, k - 1)))),
        Misconception("the binomial coefficient is C(n-1, k); it is C(n, k)", lambda losses:
                      _weighted(losses, lambda n, k: 1 / (k * max(math.comb(n - 1, k), 1)))),
        Misconception("the binomial coefficient is C(n, k-1); it is C(n, k)", lambda losses:
                      _weighted(losses, lambda n, k: 1 / (k * math.comb(n, k - 1)))),
        Misconception("k counts the visible tokens here; it is the number of masked ones, of 1s in the pattern",
                      lambda losses: _weighted(losses, lambda n, k: 1 / (max(n - k, 1) * math.comb(n, k)))),
        Misconception("k counts the visible tokens here; it is the number of masked ones, of 1s in the pattern",
                      lambda losses: _weighted(losses, lambda n, k: (k < n) / (max(n - k, 1) * math.comb(n, k)))),
        Misconception("n is len(losses) here, which is always 2; it is the number of dimensions, losses.ndim",
                      _first_axis),
        Misconception("n is len(losses) here, which is always 2; it is the number of dimensions, losses.ndim",
                      symptom=lambda cases, values: all(
                          np.isclose(value, float(exact_bound(*case.args)), rtol=1e-4) if case.args[0].ndim == 2
                          else not np.isfinite(value) for case, value in zip(cases, values, strict=True))),
        Misconception("n is losses.numel() here, the number of patterns; it is the number of tokens, losses.ndim",
                      lambda losses: _weighted(losses, lambda n, k: 1 / (k * math.comb(2**n, k)))),
        Misconception("divided by k^2: l(S) is the sum over the masked tokens, and the weight has one k",
                      lambda losses: _weighted(losses, lambda n, k: 1 / (k**2 * math.comb(n, k)))),
        Misconception("multiplied by n, as for a single draw of k; the sum over all patterns has the weight 1 / (k "
                      "C(n, k))",
                      lambda losses: losses.ndim * exact_bound(losses)),
        Misconception("divided by n + 1, as if k = 0 counted too: k runs from 1 to n",
                      lambda losses: losses.ndim / (losses.ndim + 1) * exact_bound(losses)),
        Misconception("divided by n: a sum over tokens was asked for, in nats a sequence",
                      lambda losses: exact_bound(losses) / losses.ndim),
        Misconception("divided by 2^n: the weights 1 / (k C(n, k)) are all there is",
                      lambda losses: exact_bound(losses) / losses.numel()),
        Misconception("this integrates without 1/lambda: the weight of a pattern is 1 / (k C(n, k)), not "
                      "1 / ((n+1) C(n, k))", lambda losses:
                      _weighted(losses, lambda n, k: 1 / ((n + 1) * math.comb(n, k)))),
        Misconception("the weight is 1/k!; it is 1 / (k C(n, k))", lambda losses:
                      _weighted(losses, lambda n, k: 1 / math.factorial(k))),
        Misconception("only patterns with one mask are counted: all of them are, with 1 / (k C(n, k))",
                      lambda losses: _weighted(losses, lambda n, k: (k == 1) / n)),
        Misconception("only the pattern with all tokens masked is counted; every pattern is, with 1 / (k C(n, k))",
                      lambda losses: losses[(1,) * losses.ndim]),
        Misconception("only the pattern with all tokens masked is counted; every pattern is, with 1 / (k C(n, k))",
                      lambda losses: losses[(1,) * losses.ndim] / losses.ndim),
        Misconception("the patterns with a single mask are missing: k runs from 1 to n", lambda losses:
                      _weighted(losses, lambda n, k: (k > 1) / (k * math.comb(n, k)))),
        Misconception("the pattern with all tokens masked is missing", lambda losses:
                      _weighted(losses, lambda n, k: (k < n) / (k * math.comb(n, k)))),
        Misconception("the sign is off: the losses are -log p already", lambda losses: -exact_bound(losses)),
        Misconception("this is in bits; asked are nats", lambda losses: exact_bound(losses) / math.log(2)),
        Misconception("the result is always 0: does the return stand inside the loop, behind the empty pattern?",
                      symptom=lambda cases, values: all(value == 0 for value in values)),
        Misconception("the empty pattern divides by 0: leave it out, it has no masked token and no weight",
                      symptom=lambda cases, values: any(np.isnan(value) for value in values)),
        Misconception("a pattern with masks is divided by 0: does k count the masked tokens, and is the coefficient "
                      "math.comb(n, k), n first?", symptom=lambda cases, values: any(
                          np.isinf(value) for value in values)),
    ),
)

QUESTIONS = (DISCRETE_BOUND, STRATIFIED_RATES, CONTINUOUS_ESTIMATE, MASK_EXACTLY, EXACT_BOUND)
