"""Topic 06: the discrete bound as a staircase, stratified rates, the weighted estimate, exact counts, the integral."""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.schedule import Schedule
from dlm_course.course.questions.mistakes import (
    Shows,
    against,
    dependent,
    everywhere,
    mistakes,
    seeding,
    slip,
    somewhere,
    uneven_sets,
)
from dlm_course.course.questions.question import Case, Question

# 06-1: from t to lambda

@dataclass(frozen=True)
class _Polynomial:
    """F(lambda) = lambda times a polynomial, as for a language of short words."""

    coefficients: tuple[float, ...]

    def __call__(self, mask_rate: Tensor) -> Tensor:
        return mask_rate * sum(c * mask_rate**power for power, c in enumerate(self.coefficients))


@dataclass(frozen=True)
class _Root:
    """F(lambda) = lambda^0.1, which counts small rates, too."""

    def __call__(self, mask_rate: Tensor) -> Tensor:
        return torch.as_tensor(mask_rate) ** 0.1


@dataclass(frozen=True)
class _WithLogarithm:
    """F(lambda) = lambda - lambda log(lambda), which is NaN as computed at 0."""

    def __call__(self, mask_rate: Tensor) -> Tensor:
        rate = torch.as_tensor(mask_rate)
        return rate - rate * rate.log()


def discrete_bound(F: Callable[[Tensor], Tensor], mask_rate: Tensor, *,
                   weight: Callable[[Tensor, Tensor], Tensor] = lambda before, after: (after - before) / after,
                   at: Callable[[Tensor, Tensor], Tensor] = lambda before, after: after,
                   over: Callable[[Tensor], Tensor] = torch.sum) -> Tensor:
    """The bound; or with other weights of (lambda_{t-1}, lambda_t), with F at other rates, another total."""
    before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
    return over(weight(before, mask_rate) * F(at(before, mask_rate)))


def _middle(before: Tensor, after: Tensor) -> Tensor:
    return (before + after) / 2


def _bound_with(weight: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return slip(discrete_bound, weight=weight)


def _staircase_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    levels = (torch.rand(5, dtype=torch.float64, generator=generator) + 0.2).cumsum(0)
    cosine = Schedule.cosine(4)
    return [Case((_Polynomial((1.1, 0.9, 0.7)), levels / levels[-1]), "T = 5, uneven steps"),
            Case((_Polynomial((2.0, -0.5)), cosine.mask_rate(torch.arange(1, 5))), "cosine, T = 4"),
            Case((_Polynomial((1.0, 0.3, 0.2)), torch.tensor([0.1, 0.2, 1.0], dtype=torch.float64)),
                 "T = 3, uneven steps"),
            Case((_Polynomial((1.1, 0.9, 0.7)), (levels / levels[-1]).float() ** 2), "T = 5, in float32"),
            Case((_Polynomial((150.0, 50.0)), torch.tensor([1.0], dtype=torch.float64)), "T = 1",
                 edge="with one step it is F(1), here 200 nats"),
            Case((_Root(), torch.tensor([1e-5, 0.3, 1.0], dtype=torch.float64)), "a small lambda_1",
                 edge="lambda_1 may be small, and rho_1 is 1 all the same. Is it limited, or something added to it?"),
            Case((_WithLogarithm(), torch.tensor([0.2, 0.7, 1.0], dtype=torch.float64)), "an F with a logarithm",
                 edge="F takes rates in (0, 1]: it need not have a value at 0, and is not asked for one")]


DISCRETE_BOUND = Question(
    id="06-1-discrete-bound",
    points=2,
    name="discrete_bound",
    cases=_staircase_cases,
    reference=discrete_bound,
    misconceptions=mistakes({
        "divided by lambda_{t-1}, which is 0 at t = 1; rho_t divides by lambda_t":
            _bound_with(lambda before, after: (after - before) / before),
        "the division by lambda_t is missing: rho_t = (lambda_t - lambda_{t-1}) / lambda_t":
            _bound_with(lambda before, after: after - before),
        "F is averaged over both ends of a step, as in the trapezoid rule; it stands at lambda_t":
            lambda F, mask_rate: (discrete_bound(F, mask_rate) + discrete_bound(
                F, mask_rate, at=lambda before, after: before)) / 2,
        "F is taken at lambda_{t-1}, the left end; X_t is masked with lambda_t, the right end":
            slip(discrete_bound, at=lambda before, after: before),
        "the middle of each step is taken; the discrete bound stands on right ends, F(lambda_t)":
            slip(discrete_bound, weight=lambda before, after: (after - before) / _middle(before, after), at=_middle),
        "F in the middle of each step, divided by lambda_t; the discrete bound has F(lambda_t)":
            slip(discrete_bound, at=_middle),
        "the weights 1/t belong to the linear schedule; rho_t = (lambda_t - lambda_{t-1}) / lambda_t":
            _bound_with(lambda before, after: 1 / torch.arange(1, len(after) + 1)),
        "every step has the width 1/T here, which only the linear schedule has":
            _bound_with(lambda before, after: 1 / (len(after) * after)),
        "F(lambda)/lambda is added up without the widths lambda_t - lambda_{t-1}":
            _bound_with(lambda before, after: 1 / after),
        "rho_t is missing: this is the slides' \"final objective\", a surrogate":
            _bound_with(lambda before, after: torch.ones_like(after)),
        "the weights are log(lambda_t / lambda_{t-1}), the integral of 1/lambda over a step; rho_t is the width over "
        "the right end, (lambda_t - lambda_{t-1}) / lambda_t":
            _bound_with(lambda before, after: torch.where(before > 0, (after / before).log(), 1)),
        "this is the mean of rho_t F; the bound is the sum": slip(discrete_bound, over=torch.mean),
        "multiplied by T, as an estimate from a single t is; the sum over all t has no factor":
            slip(discrete_bound, lambda bound, mask_rate: bound * len(mask_rate)),
        "the first step is missing: lambda_0 = 0, and rho_1 = 1":
            slip(discrete_bound, over=lambda terms: terms[1:].sum()),
        "the last step is missing": slip(discrete_bound, over=lambda terms: terms[:-1].sum()),
        "the weights are beta_t, the way forward: (lambda_t - lambda_{t-1}) / (1 - lambda_{t-1}); rho_t divides by "
        "lambda_t": _bound_with(lambda before, after: (after - before) / (1 - before)),
        "the weights are lambda_t; they are rho_t = (lambda_t - lambda_{t-1}) / lambda_t":
            _bound_with(lambda before, after: after),
        "the rectangles are as high as the curve at their left ends, and the first one is missing; rho_t F(lambda_t) "
        "takes lambda_t, the right end": slip(
            discrete_bound, weight=lambda before, after: (after - before) / before, at=lambda before, after: before,
            over=lambda terms: terms[1:].sum()),
        "the rectangles are as high as the curve at their left ends, F(lambda_{t-1}) / lambda_{t-1}; take lambda_t, "
        "the right end": everywhere(lambda value, F, rate: np.isclose(
            value, rate[0] * F.coefficients[0] + (np.diff(rate) / rate[:-1] * F(rate[:-1])).sum(), rtol=2e-3)),
        "the width and the rate do not belong to the same step: rho_t F(lambda_t) has the same t throughout": (
            slip(discrete_bound, weight=lambda before, after: ((after - before) / after).roll(1),
                 over=lambda terms: terms[1:].sum()),
            _bound_with(lambda before, after: ((after - before) / after).roll(-1))),
        "this is the trapezoidal rule, closer to the integral; the discrete bound has right ends":
            lambda F, rate: torch.trapezoid(torch.cat([rate.new_tensor(F.coefficients[:1]), F(rate) / rate]),
                                            torch.cat([rate.new_zeros(1), rate])),
        "this is the trapezoidal rule, but for the first step; the discrete bound has right ends":
            lambda F, rate: F(rate[:1]).sum() + torch.trapezoid(F(rate) / rate, rate),
        "this is the trapezoidal rule, without the first step; the discrete bound has right ends, and starts at "
        "lambda_0 = 0": lambda F, rate: torch.trapezoid(F(rate) / rate, rate),
        "this is the integral of F(lambda)/lambda, the limit of many steps; asked is the bound of these T steps":
            lambda F, rate: sum(c / (power + 1) for power, c in enumerate(F.coefficients)),
        "the sign is off: F and rho_t are positive, and so is the bound": slip(discrete_bound, lambda bound: -bound),
        "this is in bits; asked are nats": slip(discrete_bound, lambda bound: bound / math.log(2)),
        "lambda_0 is lambda_T = 1 here, as `roll` leaves it; it is 0":
            _bound_with(lambda before, after: (after - after.roll(1)) / after),
        "divided by lambda_t twice: rho_t = (lambda_t - lambda_{t-1}) / lambda_t, and F has no further weight":
            _bound_with(lambda before, after: (after - before) / after**2),
        "the weights are 1 - rho_t = lambda_{t-1} / lambda_t; they are rho_t":
            _bound_with(lambda before, after: before / after),
        "F is taken at the widths lambda_t - lambda_{t-1}; it belongs at lambda_t":
            slip(discrete_bound, at=lambda before, after: after - before),
        "these are the rates t/T of the linear schedule; use the given mask_rate":
            slip(discrete_bound, mask_rate=lambda mask_rate: (torch.ones_like(mask_rate) / len(mask_rate)).cumsum(0)),
        "the result is not finite: a division by lambda_0 = 0?":
            somewhere(lambda value, *_: not np.isfinite(value).all()),
        "the result is huge: divided by lambda_{t-1}, or what stands for lambda_0 = 0? rho_t divides by lambda_t":
            everywhere(lambda value, *_: np.abs(value) > 1e3),
    }),
)


# 06-2: one draw per piece

def stratified_rates(u: Tensor) -> Tensor:
    return (_index(u) + 1 - u) / len(u)


def _index(u: Tensor) -> Tensor:
    return torch.arange(len(u), dtype=u.dtype)


def _rate_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    return [Case((torch.rand(6, dtype=torch.float64, generator=generator) * 0.8 + 0.1,), "B = 6"),
            Case((torch.rand(5, dtype=torch.float64, generator=generator) * 0.8 + 0.1,), "B = 5"),
            Case((torch.zeros(4, dtype=torch.float64),), "u = 0",
                 edge="u = 0 must give the right ends 1/B, ..., 1: a rate of 0 would weigh infinitely"),
            Case((torch.tensor([0.25], dtype=torch.float64),), "B = 1", edge="one piece is the whole of (0, 1]"),
            Case((torch.tensor([1 - 2.0**-13, 0.5, 0.25], dtype=torch.float64),), "u near 1",
                 edge="a rate may be small, here 1 - u over B. Is there a threshold, a clamp or something added?"),
            Case((torch.tensor([1 - 2.0**-24, 0.5, 0.25, 0.75]),), "u as near 1 as float32 can be, B = 4",
                 edge="the rate is 2^-26 there, and not 0: measure from the right end of the piece, i + 1 - u"),
            Case((torch.rand(300, generator=generator),), "B = 300, in float32",
                 edge="a batch may be large, and in float32")]


def _against_right(test: Callable[[np.ndarray, np.ndarray], bool | np.bool]) -> Shows:
    """Where test(value, right rates) is true in every case."""
    return everywhere(lambda value, u: test(value, stratified_rates(torch.from_numpy(u)).numpy()))


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
    tolerance=lambda case, expected: 1e-4 * expected + np.where(expected < 1e-3, np.minimum(1e-7, expected / 2), 1e-6),
    misconceptions=mistakes({
        "this is (i + u) / B, which can be 0: there nothing is masked and 1/lambda is infinite. Count from the right "
        "end, (i + 1 - u) / B": lambda u: (_index(u) + u) / len(u),
        "one u serves all pieces (that is the one-offset way); each piece has its own":
            slip(stratified_rates, u=lambda u: u[:1].expand_as(u)),
        "these are independent rates, 1 - u; one from each of B pieces was asked for": lambda u: 1 - u,
        "these are the u themselves; one rate from each of B pieces was asked for": lambda u: u,
        "u is not shrunk to the width of a piece: (i + 1 - u) / B as a whole is divided by B": (
            lambda u: (_index(u) + 1) / len(u) - u, lambda u: _index(u) / len(u) + u),
        "the pieces are numbered from 0; here they start at 1, and the last rate is above 1":
            lambda u: (_index(u) + 2 - u) / len(u),
        "the pieces are numbered from 0 to B-1, and the right end is i + 1; here the first rate is negative or 0":
            lambda u: (_index(u) - u) / len(u),
        "the pieces are numbered from 1, and u is added: the last rate is above 1":
            lambda u: (_index(u) + 1 + u) / len(u),
        "the division by B is missing": lambda u: _index(u) + 1 - u,
        "divided by B + 1: there are B pieces": lambda u: (_index(u) + 1 - u) / (len(u) + 1),
        "divided by B - 1: there are B pieces": lambda u: (_index(u) + 1 - u) / max(len(u) - 1, 1),
        "the pieces come in descending order; lambda_0 belongs to the first piece":
            lambda u: stratified_rates(u.flip(0)).flip(0),
        "u is not used: these are the right ends of the pieces": lambda u: (_index(u) + 1) / len(u),
        "u is not used: these are the left ends of the pieces": lambda u: _index(u) / len(u),
        "u is not used: these are the middles of the pieces": lambda u: (_index(u) + 0.5) / len(u),
        "the u are sorted; that does not put one into each piece": (
            lambda u: u.sort().values, lambda u: (1 - u).sort().values),
        "brackets are missing: all of i + 1 - u is divided by B, here u alone is":
            lambda u: _index(u) + 1 - u / len(u),
        "brackets are missing: all of i + 1 - u is divided by B, here 1 - u alone is":
            lambda u: _index(u) + (1 - u) / len(u),
        "all rates lie in the first piece, (1 - u) / B: the number i of the piece is missing":
            lambda u: (1 - u) / len(u),
        "the steps are added up; one rate from each piece was asked for": lambda u: ((1 - u) / len(u)).cumsum(0),
        "the u are sorted first; each piece has its own u_i, in the order given":
            slip(stratified_rates, u=lambda u: u.sort().values),
        "rounded to whole numbers: // is floor division, / divides":
            everywhere(lambda value, u: (value == np.round(value)).all()),
        "the right rates, but not in increasing order":
            _against_right(lambda value, right: np.allclose(np.sort(value), right, rtol=1e-4)),
        "the rates are squeezed towards 1, away from 0 by some epsilon; the B pieces cut the whole of (0, 1]":
            _against_right(_squeezed),
        "one rate in each piece, but not where u puts it: use the given u_i, each for its own piece":
            everywhere(lambda value, u: (np.ceil(value * len(u)) == np.arange(1, len(u) + 1)).all()),
        "a rate is above 1 or not above 0":
            somewhere(lambda value, u: (value > 1 + 1e-6).any() or (value < -1e-6).any()),
    }),
)


# 06-3: the estimate

def continuous_estimate(log_p: Tensor, masked: Tensor, mask_rate: Tensor, density: Tensor, *,
                        price: Callable[[Tensor], Tensor] = torch.neg,
                        weight: Callable[[Tensor, Tensor], Tensor] = lambda rate, density: 1 / (rate * density),
                        ) -> Tensor:
    """The estimate; or with prices of log p, weights."""
    return weight(mask_rate, density) * torch.where(masked, price(log_p), 0.0).sum(-1)


def _estimate_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    log_p = -torch.rand(4, 6, dtype=torch.float64, generator=generator) * 2 - 0.1
    masked = torch.tensor([[1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0], [0, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 1]]) == 1
    rate = torch.tensor([0.12, 0.45, 0.8, 0.5], dtype=torch.float64)
    density = torch.tensor([0.4, 0.9, 1.6, 1.2], dtype=torch.float64)
    tiny = torch.tensor([0.00002, 0.003, 0.8, 0.5], dtype=torch.float64)
    sure = log_p.clone()
    sure[0, 0], sure[2, 3] = -250, -25
    none = masked & torch.tensor([[False], [True], [True], [True]])
    return [Case((log_p, masked, rate, density), "batch of 4, n = 6"),
            Case((log_p[1:3], masked[1:3], rate[1:3], density[1:3]), "batch of 2, n = 6"),
            Case((log_p[:, :4], masked[:, :4], rate, density), "batch of 4, n = 4"),
            Case((log_p[:, :2], masked[:, :2], rate, density), "batch of 4, n = 2"),
            Case((log_p, masked, tiny, density), "small mask rates",
                 edge="the weight 1/(lambda g) must not be clipped, nor an epsilon added to lambda: the estimate would "
                 "be too small, silently"),
            Case((sure, masked, rate, density), "a masked token with log p = -250",
                 edge="log p must not be clipped: a model that is sure of the wrong token pays for it"),
            Case((log_p[1:2], masked[1:2], rate[1:2], density[1:2]), "a batch of one",
                 edge="a batch of one keeps its dimension"),
            Case((log_p, none, rate, density), "a sequence without masks",
                 edge="where nothing is masked the estimate is 0"),
            Case((torch.where(masked, log_p, -torch.inf), masked, rate, density), "-inf at visible positions",
                 edge="visible tokens must be left out, not multiplied by 0: 0 times infinity is NaN")]


def _estimate_with(weight: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return slip(continuous_estimate, weight=weight)


def _mean_over_masked(estimate: Tensor, masked: Tensor) -> Tensor:
    """What becomes of an estimate where the mean over masked tokens is taken for the sum."""
    return estimate / masked.sum(-1)


def _n_times_mean_over_masked(estimate: Tensor, masked: Tensor) -> Tensor:
    return masked.shape[1] * estimate / masked.sum(-1)


def _weights(cases: Sequence[Case], values: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """The weight that each value gives to the sum over masked tokens, with lambda and g."""
    found = []
    for case, value in zip(cases, values, strict=True):
        log_p, masked, rate, density = (arg.numpy() for arg in case.args)
        found.append([value / np.where(masked, -log_p, 0).sum(-1), rate, density])
    return found


def _one_weight(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if lambda, or g, or both are the same for all sequences."""
    return any(all(_constant(weight * rate**of_rate * density**of_density)
                   for weight, rate, density in _weights(cases, values))
               for of_rate, of_density in ((0, 0), (1, 0), (0, 1)))


def _constant(numbers: np.ndarray) -> bool:
    return bool(np.isfinite(numbers).all() and np.allclose(numbers, numbers[0], rtol=1e-3))


def _something_added(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True for 1 / ((lambda + eps) g) and 1 / (lambda g + eps) with a small eps > 0."""
    weight, rate, density = map(np.concatenate, zip(*_weights(cases, values), strict=True))
    if not (np.isfinite(weight) & (weight != 0)).all():
        return False
    added = 1 / weight - rate * density
    return any(np.allclose(eps, eps[0], rtol=0.05) and 0 < eps[0] < 0.1 for eps in (added / density, added))


def _clipped(value: np.ndarray, log_p: np.ndarray, masked: np.ndarray, rate: np.ndarray, density: np.ndarray) -> bool:
    """True if the values are right but for those with the largest weights, which are too small."""
    right = np.where(masked, -log_p, 0).sum(-1) / (rate * density)
    low = value < right * (1 - 1e-4)
    if not low.any() or low.all() or not np.allclose(value[~low], right[~low], rtol=1e-4):
        return False
    return any(weight[low].min() > weight[~low].max() for weight in (1 / (rate * density), 1 / rate))


CONTINUOUS_ESTIMATE = Question(
    id="06-3-continuous-estimate",
    points=2,
    name="continuous_estimate",
    cases=_estimate_cases,
    reference=continuous_estimate,
    misconceptions=mistakes({
        "the weight 1/lambda is missing: this is divided by g only": _estimate_with(lambda rate, density: 1 / density),
        "the density is missing: divide by g(lambda) too, because lambda is not drawn uniformly":
            _estimate_with(lambda rate, density: 1 / rate),
        "there is no weight: divide by lambda g(lambda)": _estimate_with(lambda rate, density: torch.ones_like(rate)),
        "multiplied by the density; what is drawn often must count *less*: divide by it":
            _estimate_with(lambda rate, density: density / rate),
        "multiplied by lambda; the weight is 1/lambda": _estimate_with(lambda rate, density: rate / density),
        "multiplied by lambda g(lambda); divide by it": _estimate_with(lambda rate, density: rate * density),
        "the mean over masked tokens: with 1/lambda on top the number of masks is weighed twice; take the sum":
            slip(continuous_estimate, _mean_over_masked),
        "the mean over masked tokens times n is the weight n/k, for counts; here the weight is 1/(lambda g)":
            slip(continuous_estimate, _n_times_mean_over_masked, weight=lambda rate, density: 1 / density),
        "this is n times the mean over masked tokens, the weight n/k; here lambda was drawn, the weight is 1/(lambda "
        "g)": slip(continuous_estimate, _n_times_mean_over_masked, weight=lambda rate, density: torch.ones_like(rate)),
        "the mean over masked tokens, divided by g; take the sum, divided by lambda g(lambda)":
            slip(continuous_estimate, _mean_over_masked, weight=lambda rate, density: 1 / density),
        "the mean over masked tokens, divided by lambda; take the sum, divided by lambda g(lambda)":
            slip(continuous_estimate, _mean_over_masked, weight=lambda rate, density: 1 / rate),
        "the mean over masked tokens, without a weight":
            slip(continuous_estimate, _mean_over_masked, weight=lambda rate, density: torch.ones_like(rate)),
        "the mean over all n tokens; the estimate is a sum, in nats a sequence":
            slip(continuous_estimate, lambda estimate, masked: estimate / masked.shape[1]),
        "all tokens are counted; only masked ones are":
            slip(continuous_estimate, masked=lambda masked: torch.ones_like(masked)),
        "the *visible* tokens are counted; the masked ones pay":
            slip(continuous_estimate, masked=lambda masked: ~masked),
        "the sign is off: what is paid is -log p, never negative": slip(continuous_estimate, price=torch.clone),
        "the weight is 1/(1 - lambda), the share of visible tokens; it is 1/lambda":
            _estimate_with(lambda rate, density: 1 / ((1 - rate) * density)),
        "lambda is squared: the weight is 1/(lambda g)": _estimate_with(lambda rate, density: 1 / (rate**2 * density)),
        "this is in bits; asked are nats": slip(continuous_estimate, lambda estimate: estimate / math.log(2)),
        "the probabilities are added, not their logarithms: log_p is a logarithm already, no exp":
            slip(continuous_estimate, price=torch.exp),
        "1 - p is paid for a masked token; it is -log p":
            slip(continuous_estimate, price=lambda log_p: 1 - log_p.exp()),
        "NaN: log_p is negative, a logarithm already; take no logarithm of it":
            somewhere(lambda value, *_: np.isnan(value).any()),
        "divided by lambda + g(lambda); divide by the product":
            _estimate_with(lambda rate, density: 1 / (rate + density)),
        "one lambda or one g serves the whole batch; each sequence has its own": Shows(_one_weight),
        "something is added to lambda, or to lambda g, against a division by 0; lambda is above 0, and the weight "
        "exactly 1/(lambda g)": Shows(_something_added),
        "the weights are normalised over the batch (self-normalised importance sampling): that is biased": (
            _estimate_with(lambda rate, density: _normalised(1 / (rate * density))),
            _estimate_with(lambda rate, density: len(rate) * _normalised(1 / (rate * density))),
            _estimate_with(lambda rate, density: len(rate) * _normalised(1 / density) / rate)),
        "the weight 1/(lambda g) is clipped: the estimate is too small, silently": somewhere(_clipped),
    }),
)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


# 06-4: exactly k masks

_LENGTH, _ROWS = 4, 6000
_PATTERNS = list(itertools.product((0, 1), repeat=_LENGTH))


def mask_exactly(x0: Tensor, num_masked: Tensor, mask_id: int, generator: torch.Generator) -> Tensor:
    shuffled = torch.rand(x0.shape, generator=generator).argsort(-1)
    return torch.where(shuffled < num_masked[:, None], mask_id, x0)


def _equally_likely(draws: Callable[[int], Iterable[Collection[int]]]) -> Callable:
    """The probability of each pattern for k = 0..n, (n + 1, 2^n), where these draws of the masked positions are."""
    law = []
    for k in range(_LENGTH + 1):
        drawn = [tuple(int(i in draw) for i in range(_LENGTH)) for draw in draws(k)]
        law.append([drawn.count(pattern) / len(drawn) for pattern in _PATTERNS])
    return lambda x0, num_masked, mask_id: torch.tensor(law, dtype=torch.float64)


_short_law = _equally_likely(lambda k: itertools.combinations(range(_LENGTH), k))


def _right_law(x0: Tensor, num_masked: Tensor, mask_id: int) -> Tensor:
    """Of short texts the law of the patterns; of others the share of masks, and of those at even positions, (2, B)."""
    if x0.shape[1] == _LENGTH:
        return _short_law(x0, num_masked, mask_id)
    share = num_masked.double() / x0.shape[1]
    return torch.stack([share, share / 2])


def _name_of_share(case: Case, index: tuple[int, ...]) -> str:
    """"of 1,200 sequences with num_masked = 2, the share with masks at 0 and 3": an entry of `_pattern_frequencies`."""
    first, second = index
    if case.args[0].shape[1] != _LENGTH:
        return f"of sequence {second}, the share of masks{' at even positions' if first else ''}"
    places = [str(place) for place, masked in enumerate(_PATTERNS[second]) if masked]
    where = f"{'a mask' if len(places) == 1 else 'masks'} at {', '.join(places)}" if places else "no mask"
    return f"of {_ROWS // (_LENGTH + 1):,} sequences with num_masked = {first}, the share with {where}"


def _pattern_frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    x0, num_masked, mask_id = (np.asarray(arg) for arg in case.args)
    masked = xt == mask_id
    if (xt[~masked] != x0[~masked]).any():
        raise ValueError("wrong value: a token that is not masked must stay what it is")
    if masked.shape[1] != _LENGTH:
        return np.stack([masked.mean(1), masked[:, ::2].sum(1) / masked.shape[1]])
    numbers = masked.astype(int) @ (2 ** np.arange(_LENGTH)[::-1])
    return np.stack([np.bincount(numbers[num_masked == k], minlength=2**_LENGTH) / (num_masked == k).sum()
                     for k in range(_LENGTH + 1)])


def _tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    length = case.args[0].shape[1]
    if length != _LENGTH:    # the share is exact, where it is masked is drawn
        spread = 6 * np.sqrt(law[0] * (1 - law[0]) / length) / 2 if length > 100 else np.ones(law.shape[1])
        return np.stack([np.full(law.shape[1], 1e-6), spread + 1e-6])
    return 5 * np.sqrt(law * (1 - law) / (_ROWS / (_LENGTH + 1))) + 1e-9


def _mask_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randint(300, (_ROWS, _LENGTH), generator=generator)
    counts = (torch.arange(_ROWS) + 2) % (_LENGTH + 1)
    long = x0.flatten().reshape(-1, 2000)
    same = torch.tensor([1, 1, 2, 4]).repeat(_ROWS, 1)
    label = "x0 of shape (6000, 4), num_masked 2, 3, 4, 0, 1, 2, ..."
    return [Case((x0, counts, 300), label, seed + 21), Case((x0, counts, 300), label, seed + 21),
            Case((x0, counts, 300), label, seed + 22),
            other := Case((same, counts, 0), label + ", mask_id = 0, all sequences 1, 1, 2, 4", seed + 23),
            replace(other, goes_on=True),
            *(Case((long[:len(masked)], torch.tensor(masked), 300), f"{len(masked)} x n = 2000, num_masked {masked}",
                   seed + 24, edge="a batch may have one sequence, or fewer than a sequence has tokens; num_masked may "
                   "be any of 0..n") for masked in ([700], [1999, 3, 0, 2000, 301])),
            Case((x0[:3, :3], torch.tensor([2, 0, 3]), 300), "3 x n = 3, num_masked [2, 0, 3]", seed + 25,
                 edge="a batch may have as many sequences as a sequence has tokens")]


def _masks(test: Callable[[np.ndarray, np.ndarray], bool | np.bool]) -> Shows:
    """Where test(masked, num_masked) is true in every case."""
    return everywhere(lambda xt, x0, num_masked, mask_id: test(xt == mask_id, num_masked))


def _right_numbers(masked: np.ndarray, counts: np.ndarray) -> bool:
    return bool((masked.sum(1) == counts).all())


def _wrong_only_at(number: int) -> Shows:
    """Where the number of masks is wrong in some texts, and in these it should be this number."""
    return _masks(lambda masked, counts: {*counts[masked.sum(1) != counts]} == {number})


def _depends_on_the_states(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if only the cases in which the states are tied to positions show that some sets are more likely."""
    uneven = []
    for case, value in zip(cases, values, strict=True):
        law = _right_law(*case.args).numpy()
        uneven.append((np.abs(_pattern_frequencies(case, value) - law) > _tolerance(case, law)).any())
    return uneven == [False, False, False, True, True]


MASK_EXACTLY = Question(
    id="06-4-mask-exactly",
    points=3,
    name="mask_exactly",
    cases=_mask_cases,
    reference=_right_law,
    stand_in=mask_exactly,
    view=_pattern_frequencies,
    entry=_name_of_share,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=_tolerance,
    misconceptions=mistakes({
        "the mask is taken for the last state, or for another; use mask_id": Shows(
            lambda cases, values: not (values[3] == 0).any() and (values[0] == 300).any()),
        "tokens change, but none becomes mask_id": somewhere(
            lambda xt, x0, num_masked, mask_id: (xt != x0).any() and not (xt == mask_id).any()),
        "tokens that are not masked have changed: only the chosen positions become mask_id": somewhere(
            lambda xt, x0, num_masked, mask_id: ((xt != x0) & (xt != mask_id)).any()),
        "nothing is masked": _masks(lambda masked, counts: not masked.any()),
        "always the first k positions are masked; the set must be random":
            _masks(lambda masked, counts: (masked == (np.arange(_LENGTH) < counts[:, None])).all()),
        "always the last k positions are masked; the set must be random":
            _masks(lambda masked, counts: (masked == (np.arange(_LENGTH)[::-1] < counts[:, None])).all()),
        "every sequence has the same number of masks; each has its own num_masked":
            _masks(lambda masked, counts: (masked.sum(1) == masked[0].sum()).all()),
        "all sequences with the same k have the same positions masked; every sequence draws its own set":
            _masks(lambda masked, counts: all((masked[counts == k] == masked[counts == k][0]).all()
                                              for k in range(_LENGTH + 1))),
        "the *visible* tokens number k: k is the number of masks":
            _masks(lambda masked, counts: _right_numbers(~masked, counts)),
        "one token too many is masked: of the ranks 0..n-1 exactly k are *smaller than* k":
            _masks(lambda masked, counts: _right_numbers(masked, np.minimum(counts + 1, _LENGTH))),
        "one token too few is masked: of the ranks 0..n-1 exactly k are smaller than k":
            _masks(lambda masked, counts: _right_numbers(masked, np.maximum(counts - 1, 0))),
        "where num_masked is 0 a token is masked all the same; there none is": _wrong_only_at(0),
        "where num_masked is n a token stays visible; there all are masked": _wrong_only_at(_LENGTH),
        **seeding(same=[(0, 1)], other=(0, 2), again=(3, 4)),
        "these are coins with probability k/n: the number of masks is k on average only": _equally_likely(
            lambda k: [[i for i, die in enumerate(dice) if die < k]
                       for dice in itertools.product(range(_LENGTH), repeat=_LENGTH)]),
        "positions are drawn with replacement: the same one twice leaves fewer than k masks":
            _equally_likely(lambda k: itertools.product(range(_LENGTH), repeat=k)),
        "the masks are neighbours: all sets of k positions must be equally likely, not only blocks": (
            _equally_likely(lambda k: [range(start, start + k) for start in range(_LENGTH - k + 1)]),
            _masks(lambda masked, counts: _right_numbers(masked, counts) and not (
                (masked[:, 0] == masked[:, 2]) & (masked[:, 1] == masked[:, 3]) & (counts == 2)).any())),
        "one position is never masked where k < n; all sets of k positions must be equally likely":
            _masks(lambda masked, counts: _right_numbers(masked, counts)
                   and not masked[counts < _LENGTH].any(0).all()),
        "the number of masks is not num_masked in every sequence":
            somewhere(lambda xt, x0, num_masked, mask_id: not _right_numbers(xt == mask_id, num_masked)),
        "the sets depend on the states in x0: all sets of k positions must be equally likely, whatever the tokens are":
            Shows(_depends_on_the_states),
        "the masks of one sequence tell of those of another; every sequence draws its own set, independently of the "
        "others": somewhere(lambda xt, x0, num_masked, mask_id: dependent(
            xt == mask_id, num_masked, along_the_text=True), always=True),
        "the number of masks is right, but not all sets of that size are equally likely": (
            _masks(_right_numbers),
            Shows(lambda cases, values: uneven_sets(*(values[i] == cases[i].args[2] for i in (0, 2, 3, 4))), True)),
    }),
)


# 06-5: the integral, exactly

def exact_bound(losses: Tensor, *, weight: Callable[[int, int], float] = lambda n, k: 1 / (k * math.comb(n, k)),
                ) -> Tensor:
    """The sum over the patterns with k > 0 masks; or with other weights."""
    total = losses.new_zeros(())
    for pattern in itertools.product((0, 1), repeat=losses.ndim):
        if any(pattern):
            total = total + weight(losses.ndim, sum(pattern)) * losses[pattern]
    return total


def _exact_with(weight: Callable[[int, int], float]) -> Callable:
    return slip(exact_bound, weight=weight)


def _with_length_2(losses: Tensor) -> Tensor:
    """With n = len(losses), which is 2, for every number of tokens."""
    return losses[0, 1] / 2 + losses[1, 0] / 2 + losses[1, 1] / 2


def _pattern_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for length in (3, 4, 5, 2, 1):
        losses = torch.rand((2,) * length, dtype=torch.float64, generator=generator) + 0.2
        sizes = sum(torch.meshgrid(*[torch.arange(2)] * length, indexing="ij"))
        cases.append(Case((losses * sizes,), f"n = {length}",
                          edge="with one token it is the loss of that token" if length == 1 else ""))
    sure = cases[1].args[0].clone()
    sure[1, 0], sure[:, 1, 1] = 0, 0
    nine = torch.rand((2,) * 9, dtype=torch.float64, generator=generator)
    nine[(0,) * 9] = 0
    parity = cases[0].args[0].clone()
    parity[0, 0, 1] = parity[0, 1, 0] = parity[1, 0, 0] = 0
    return [*cases, Case((cases[0].args[0] * 100,), "n = 3, losses above 100", edge="losses are not limited"),
            Case((sure,), "n = 4, some losses 0", edge="a pattern whose loss is 0 counts like the others"),
            Case((parity,), "n = 3, a single mask costs nothing",
                 edge="the losses of all numbers of masks count: where one mask costs nothing two may cost much"),
            Case((nine,), "n = 9", edge="n may be larger: every pattern of masks has its own loss"),
            Case((cases[0].args[0].float(),), "n = 3, in float32", edge="losses may be in float32")]


EXACT_BOUND = Question(
    id="06-5-exact-bound",
    points=2,
    name="exact_bound",
    cases=_pattern_cases,
    reference=exact_bound,
    misconceptions=mistakes({
        "the weight is 1/C(n, k): the 1/k is missing, so patterns with many masks count too much":
            _exact_with(lambda n, k: 1 / math.comb(n, k)),
        "the weight is 1/k: the 1/C(n, k) is missing, there are C(n, k) patterns with k masks":
            _exact_with(lambda n, k: 1 / k),
        "the weight is n/k: that is for a single draw of k; over all patterns it is 1 / (k C(n, k))":
            _exact_with(lambda n, k: n / k),
        "all patterns count alike; the weight is 1 / (k C(n, k))": _exact_with(lambda n, k: 1),
        "this is the plain mean over all patterns; the weight is 1 / (k C(n, k))": torch.mean,
        "this is the plain mean over the patterns with masks; the weight is 1 / (k C(n, k))":
            lambda losses: losses.sum() / (losses.numel() - 1),
        "the weight is 1 / (n C(n, k)): that is the average without n/k; it is 1 / (k C(n, k))":
            _exact_with(lambda n, k: 1 / (n * math.comb(n, k))),
        "the weight is k / C(n, k); divide by k too": _exact_with(lambda n, k: k / math.comb(n, k)),
        "the weight is C(n, k) / k; divide by C(n, k) too": _exact_with(lambda n, k: math.comb(n, k) / k),
        "the weight is 1 / (k C(n-1, k-1)) or the like: 1 / (n C(n-1, k-1)) would be right, 1 / (k C(n, k)) is what "
        "was asked": _exact_with(lambda n, k: 1 / (k * math.comb(n - 1, k - 1))),
        "the binomial coefficient is C(n-1, k); it is C(n, k)":
            _exact_with(lambda n, k: 1 / (k * max(math.comb(n - 1, k), 1))),
        "the binomial coefficient is C(n, k-1); it is C(n, k)":
            _exact_with(lambda n, k: 1 / (k * math.comb(n, k - 1))),
        "k counts the visible tokens here; it is the number of masked ones, of 1s in the pattern": (
            _exact_with(lambda n, k: 1 / (max(n - k, 1) * math.comb(n, k))),
            _exact_with(lambda n, k: (k < n) / (max(n - k, 1) * math.comb(n, k)))),
        "n is len(losses) here, which is always 2; it is the number of dimensions, losses.ndim": (
            _with_length_2, everywhere(lambda value, losses: not np.isfinite(value) if losses.ndim != 2 else
                                       np.isclose(value, exact_bound(torch.from_numpy(losses)), rtol=1e-4))),
        "n is losses.numel() here, the number of patterns; it is the number of tokens, losses.ndim":
            _exact_with(lambda n, k: 1 / (k * math.comb(2**n, k))),
        "divided by k^2: l(S) is the sum over the masked tokens, and the weight has one k":
            _exact_with(lambda n, k: 1 / (k**2 * math.comb(n, k))),
        "k C(n, k) is n C(n-1, k-1), not n C(n-1, k)": _exact_with(lambda n, k: 1 / (n * max(math.comb(n - 1, k), 1))),
        "of each number k of masks only one pattern is looked at, the last k or the first k; all sets of positions "
        "count":
            (lambda losses: sum(losses[(0,) * (losses.ndim - k) + (1,) * k] / k for k in range(1, losses.ndim + 1)),
             lambda losses: sum(losses[(1,) * k + (0,) * (losses.ndim - k)] / k for k in range(1, losses.ndim + 1))),
        "multiplied by n, as for a single draw of k; the sum over all patterns has the weight 1 / (k C(n, k))":
            _exact_with(lambda n, k: n / (k * math.comb(n, k))),
        "divided by n + 1, as if k = 0 counted too: k runs from 1 to n":
            _exact_with(lambda n, k: n / ((n + 1) * k * math.comb(n, k))),
        "divided by n: a sum over tokens was asked for, in nats a sequence":
            _exact_with(lambda n, k: 1 / (n * k * math.comb(n, k))),
        "divided by 2^n: the weights 1 / (k C(n, k)) are all there is":
            _exact_with(lambda n, k: 1 / (2**n * k * math.comb(n, k))),
        "this integrates without 1/lambda: the weight of a pattern is 1 / (k C(n, k)), not 1 / ((n+1) C(n, k))":
            _exact_with(lambda n, k: 1 / ((n + 1) * math.comb(n, k))),
        "the weight is 1/k!; it is 1 / (k C(n, k))": _exact_with(lambda n, k: 1 / math.factorial(k)),
        "only patterns with one mask are counted: all of them are, with 1 / (k C(n, k))":
            _exact_with(lambda n, k: (k == 1) / n),
        "only the pattern with all tokens masked is counted; every pattern is, with 1 / (k C(n, k))": (
            _exact_with(lambda n, k: k == n), _exact_with(lambda n, k: (k == n) / n)),
        "the patterns with a single mask are missing: k runs from 1 to n":
            _exact_with(lambda n, k: (k > 1) / (k * math.comb(n, k))),
        "the pattern with all tokens masked is missing": _exact_with(lambda n, k: (k < n) / (k * math.comb(n, k))),
        "the sign is off: the losses are -log p already": slip(exact_bound, lambda bound: -bound),
        "this is in bits; asked are nats": slip(exact_bound, lambda bound: bound / math.log(2)),
        "near the bound, but not it: is the integral over lambda approximated, on a grid? The weights 1 / (k C(n, k)) "
        "are the integrals, exactly": against(exact_bound, lambda value, right: np.allclose(value, right, rtol=0.02)),
        "the result is always 0: does the return stand inside the loop, behind the empty pattern?":
            everywhere(lambda value, losses: value == 0),
        "the empty pattern divides by 0: leave it out, it has no masked token and no weight":
            somewhere(lambda value, losses: np.isnan(value)),
        "a pattern with masks is divided by 0: does k count the masked tokens, and is the coefficient math.comb(n, "
        "k), n first?": somewhere(lambda value, losses: np.isinf(value)),
    }),
)

QUESTIONS = (DISCRETE_BOUND, STRATIFIED_RATES, CONTINUOUS_ESTIMATE, MASK_EXACTLY, EXACT_BOUND)
