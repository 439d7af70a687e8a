"""Topic 02: closed forms, masking by coins, beta from lambda, information left, a band matrix that stays symmetric."""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import entropy
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, UniformTransition
from dlm_course.course.questions.mistakes import (
    Shows,
    against,
    close,
    dependent,
    everywhere,
    mistakes,
    nearly,
    only_where,
    rare_lost,
    seeding,
    slip,
    somewhere,
)
from dlm_course.course.questions.question import Case, Question

# 02-1: one formula for both chains


def closed_form(alpha_bar: float, pi: Tensor, *,
                drawn: Callable[[Tensor], Tensor] = lambda pi: pi[:, None].expand(-1, len(pi))) -> Tensor:
    """The matrix; or with something else of pi in the place of pi 1^T."""
    return alpha_bar * _identity(pi) + (1 - alpha_bar) * drawn(pi)


def _identity(pi: Tensor) -> Tensor:
    return torch.eye(len(pi), dtype=torch.float64)


def _drawn_without_itself(alpha_bar: float, pi: Tensor) -> Tensor:
    others = pi[:, None].expand(-1, len(pi)) * (1 - _identity(pi))
    return closed_form(alpha_bar, pi, drawn=lambda pi: others / others.sum(0))


def _closed_form_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    some = torch.rand(4, dtype=torch.float64, generator=generator)
    alpha_bar = round(float(torch.rand((), generator=generator)) * 0.4 + 0.2, 3)
    return [Case((alpha_bar, _identity(some)[3]), f"absorbing, K = 4, alpha_bar = {alpha_bar}"),
            Case((alpha_bar, torch.full((3,), 1 / 3, dtype=torch.float64)), f"uniform, K = 3, alpha_bar = {alpha_bar}"),
            Case((0.7, some / some.sum()), "another pi, K = 4, alpha_bar = 0.7"),
            Case((0.35, torch.tensor([5e-13, 0.0, 0.75, 0.25 - 5e-13, 0.0], dtype=torch.float64)),
                 "a pi with rare states, K = 5, alpha_bar = 0.35"),
            Case((0.0, some / some.sum()), "another pi, K = 4, alpha_bar = 0"),
            Case((1.0, some / some.sum()), "another pi, K = 4, alpha_bar = 1")]


CLOSED_FORM = Question(
    id="02-1-closed-form",
    points=1,
    name="closed_form",
    cases=_closed_form_cases,
    reference=closed_form,
    tolerance=lambda case, expected: 1e-15 + 1e-4 * np.abs(expected),     # what is rare counts, too
    misconceptions=mistakes({
        "the matrix is transposed: every *column* of the second part is pi, so it is pi 1^T, not 1 pi^T":
            slip(closed_form, lambda matrix: matrix.T),
        "alpha_bar and 1 - alpha_bar are exchanged: alpha_bar is the probability of having met no resampling, and "
        "belongs to the identity": slip(closed_form, alpha_bar=lambda alpha_bar: 1 - alpha_bar),
        "(1 - alpha_bar) diag(pi) moves nothing to another state; a resampled token goes to i with probability pi_i "
        "whatever it was, which is pi 1^T": slip(closed_form, drawn=torch.diag),
        "this is right for the uniform chain only: the second part must use pi, not 1/K":
            slip(closed_form, pi=lambda pi: torch.full_like(pi, 1 / len(pi))),
        "this is right for the absorbing chain with the mask last only: the second part must use pi":
            slip(closed_form, pi=lambda pi: _identity(pi)[-1]),
        "the columns sum to more than 1: the part that keeps the token is alpha_bar I, not I":
            slip(closed_form, lambda matrix, alpha_bar: matrix + (1 - alpha_bar) * _identity(matrix)),
        "the columns sum to more than 1: what is drawn afresh is (1 - alpha_bar) pi 1^T, not pi 1^T":
            slip(closed_form, lambda matrix, alpha_bar, pi: matrix + alpha_bar * pi[:, None]),
        "alpha_bar stands in every entry; alpha_bar I stands on the diagonal only (torch.eye)":
            slip(closed_form, lambda matrix, alpha_bar: matrix + alpha_bar * (1 - _identity(matrix))),
        "the columns sum to less than 1: alpha_bar I is missing, the token that was never resampled":
            slip(closed_form, lambda matrix, alpha_bar: matrix - alpha_bar * _identity(matrix)),
        "the second part is pi pi^T; every column of it must be pi, which is pi 1^T: torch.outer of pi and ones":
            slip(closed_form, drawn=lambda pi: torch.outer(pi, pi)),
        "a resampled token may draw itself again: the diagonal is alpha_bar + (1 - alpha_bar) pi_j, not alpha_bar":
            slip(closed_form, lambda matrix, alpha_bar, pi: matrix - (1 - alpha_bar) * pi.diag()),
        "a resampled token may draw its old state again: every column of the second part is pi itself, the state it "
        "had included": against(_drawn_without_itself, lambda value, wrong: close(
            value[:, np.isfinite(wrong).all(0)], wrong[:, np.isfinite(wrong).all(0)])),
        "the diagonal is 1 minus the rest of its *row*; it is the columns that sum to 1":
            slip(closed_form, lambda matrix: matrix + (1 - matrix.sum(1)).diag()),
        **rare_lost(closed_form),
    }),
)


# 02-2: a coin for every token

_DRAWS_A_ZERO = 2313    # of torch.rand(64, 64) with this seed one number is 0, which happens once in 2^24 numbers
_SHORT = 6    # up to this length the patterns of masks are counted; of longer sequences, the share of masks in each


def mask_tokens(x0: Tensor, mask_rate: float, mask_id: int, generator: torch.Generator) -> Tensor:
    return torch.where(torch.rand(x0.shape, generator=generator) < mask_rate, mask_id, x0)


def mask_law(x0: Tensor, mask_rate: float, mask_id: int) -> Tensor:
    """The probability of each mask pattern, shape (2,) * n; of long sequences, the share of masks, shape (batch,)."""
    batch, n = x0.shape
    if n > _SHORT:
        return torch.full((batch,), mask_rate, dtype=torch.float64)
    coin = torch.tensor([1 - mask_rate, mask_rate], dtype=torch.float64)
    return functools.reduce(lambda law, coin: law[..., None] * coin, [coin] * n)


def _mask_frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    x0, _, mask_id = case.args
    masked = xt == mask_id
    if (xt[~masked] != x0.numpy()[~masked]).any():
        raise ValueError("a token that is not masked must stay what it is")
    batch, n = xt.shape
    if n > _SHORT:
        return masked.mean(1)
    counts = np.zeros((2,) * n)
    np.add.at(counts, tuple(masked.T.astype(int)), 1)
    return counts / batch


def _mask_entry(case: Case, index: tuple[int, ...]) -> str:
    batch, n = case.args[0].shape
    if n > _SHORT:
        return f"of {n:,} tokens in sequence {index[0]}, the share that is masked"
    at = [str(i) for i, masked in enumerate(index) if masked]
    where = f"with masks at position{'s' * (len(at) > 1)} {', '.join(at)} only" if at else "without a mask"
    return f"of {batch:,} sequences, the share {where}"


def _mask_tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    """Five standard errors, and four counts where the normal approximation is poor."""
    batch, n = case.args[0].shape
    num = n if n > _SHORT else batch
    return 5 * np.sqrt(law * (1 - law) / num) + np.where(law * (1 - law) > 0, 4 / num, 1e-9)


def _masks(test: Callable[[np.ndarray], bool]) -> Shows:
    """Where the test is true of the masks in every case."""
    return everywhere(lambda xt, x0, mask_rate, mask_id: test(xt == mask_id))


def _equal_tokens_together(xt: np.ndarray, x0: np.ndarray, mask_rate: float, mask_id: int) -> bool:
    """True if two tokens of a sequence that are equal, if there are any, are both masked or both not."""
    masked = xt == mask_id
    some = slice(0, 20)    # of long sequences
    equal = x0[:, some, None] == x0[:, None, some]
    return not (equal & (masked[:, some, None] != masked[:, None, some])).any()


def _tells_of_another(xt: np.ndarray, x0: np.ndarray, mask_rate: float, mask_id: int) -> bool:
    """True if the masks of one sequence tell of those of another."""
    return len(xt) >= 1000 and dependent(xt == mask_id, np.zeros(len(xt)))


def _repeats_itself(xt: np.ndarray, x0: np.ndarray, mask_rate: float, mask_id: int) -> bool:
    """True if in long sequences a position tells of one up to half the length away, or of its mirror image.

    A product of two independent tokens, less the mean, has the mean 0: a sum of n/2 of them and more is about normal.
    """
    n = xt.shape[1]
    share = (xt == mask_id).mean()
    if n < 1000 or mask_rate < 0.1 or not 0.1 < share < 0.9:
        return False
    centred = (xt == mask_id) - share
    waves = np.fft.rfft(centred, 2 * n)
    sums = np.fft.irfft(np.abs(waves)**2, 2 * n)[:, 1:n // 2] / np.sqrt(n - np.arange(1, n // 2))
    mirrored = (centred * centred[:, ::-1])[:, :n // 2].sum(1) / np.sqrt(n // 2)
    return bool(max(np.abs(sums).max(), np.abs(mirrored).max()) > 7 * share * (1 - share))


def _mask_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)

    def case(batch: int, n: int, mask_rate: float, label: str = "", mask_id: int = 5, **options: Any) -> Case:
        x0 = torch.randint(max(mask_id, 5), (batch, n), generator=generator) + (mask_id == 0)
        return Case((x0, mask_rate, mask_id), label or f"x0 of shape ({batch}, {n}), lambda = {mask_rate}",
                    **{"seed": seed, **options})

    few = case(40, 40, 0.45)
    return [case(4000, 5, 0.3), few, few, other := replace(few, seed=seed + 1), replace(other, goes_on=True),
            case(3000, 4, 0.8, "x0 of shape (3000, 4), lambda = 0.8, mask_id = 0", mask_id=0),
            case(3, 4000, 0.37, "x0 of shape (3, 4000), lambda = 0.37, mask_id = 300", mask_id=300),
            case(1, 200_000, 0.0005),
            case(50, 3, 1.0, "lambda = 1", edge="at lambda = 1 every token is masked"),
            case(50, 3, 0.0, "lambda = 0", edge="at lambda = 0 no token is masked"),
            case(64, 64, 0.0, "lambda = 0, and among the random numbers is a 0", seed=_DRAWS_A_ZERO,
                 edge="random numbers lie in [0, 1): a coin that shows 0 is not below lambda = 0")]


MASK_TOKENS = Question(
    id="02-2-mask-tokens",
    points=2,
    name="mask_tokens",
    cases=_mask_cases,
    reference=mask_law,
    stand_in=mask_tokens,
    view=_mask_frequencies,
    entry=_mask_entry,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=_mask_tolerance,
    misconceptions=mistakes({
        "the mask is always the last state here; use mask_id":
            Shows(lambda cases, values: bool((values[5] == 6).any() or (values[5] == 5).mean() > 0.5)),
        "tokens change, but none becomes mask_id: that is what a masked token must become, whichever state it is":
            somewhere(lambda xt, x0, mask_rate, mask_id: (xt != x0).any() and not (xt == mask_id).any()),
        "the same positions are masked in every sequence; every token of every sequence needs a coin of its own":
            _masks(lambda masked: (masked == masked[0]).all()),
        "a whole sequence shares one coin; every token needs a coin of its own":
            _masks(lambda masked: (masked == masked[:, :1]).all()),
        "equal tokens of a sequence are always masked together; every token needs a coin of its own":
            everywhere(_equal_tokens_together),
        "every sequence has the same number of masks; with independent coins the number varies":
            _masks(lambda masked: np.ptp(masked.sum(1)) == 0),
        "the number of masks of a sequence is always lambda n, rounded down or up; with independent coins it varies":
            Shows(lambda cases, values: np.ptp((values[0] == 5).sum(1)) <= 1 and np.ptp((values[5] == 0).sum(1)) <= 1),
        **seeding(same=[(1, 2)], other=(1, 3), again=(3, 4)),
        "the number of masks in the whole batch is always lambda times the number of tokens, or next to it; with "
        "independent coins it varies": Shows(lambda cases, values: all(
            abs((xt == mask_id).sum() - mask_rate * xt.size) <= 1
            for xt, (_, mask_rate, mask_id) in zip(values, [case.args for case in cases], strict=True)), True),
        "the share of masks is the same at lambda = 0.3 and at lambda = 0.8: compare the coins with mask_rate":
            Shows(lambda cases, values: abs((values[0] == 5).mean() - (values[5] == 0).mean()) < 0.05),
        "lambda is the probability of being masked; here it is that of staying":
            slip(mask_law, mask_rate=lambda mask_rate: 1 - mask_rate),
        "a token is masked with probability lambda^2 here, as if two coins had to agree; one coin a token is enough":
            slip(mask_law, mask_rate=lambda mask_rate: mask_rate**2),
        "the masks of one sequence tell of those of another; every token needs a coin of its own":
            somewhere(_tells_of_another, always=True),
        "in a long sequence the masks at one position tell of those at another; every token needs a coin of its own":
            somewhere(_repeats_itself, always=True),
        "right but at lambda = 0.0005, where too many tokens are masked, or too few: are the coins coarse (whole "
        "numbers, a short dtype), or are small rates cut off?": Shows(
            lambda cases, values: abs((values[7] == 5).mean() - 5e-4) > 2e-4
            and abs((values[0] == 5).mean() - 0.3) < 0.05 and abs((values[5] == 0).mean() - 0.8) < 0.05),
    }),
)


# 02-3: from lambda back to beta

def beta_from_mask_rate(mask_rate: Tensor) -> Tensor:
    schedule = Schedule.from_mask_rate(mask_rate)
    return schedule.beta(torch.arange(1, schedule.num_steps + 1))


def _beta_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    some = torch.rand(6, dtype=torch.float64, generator=generator).cumsum(0)
    return [Case((torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=torch.float64),), "linear, T = 4"),
            Case((some / (some[-1] + 0.3),), "T = 6, ends below 1"),
            Case((torch.tensor([5e-5, 0.5, 1 - 2**-20, 1 - 2**-21, 1], dtype=torch.float64),),
                 "T = 5, starts and ends slowly"),
            Case((torch.tensor([0.1, 0.15, 0.6, 0.9], dtype=torch.float64),), "another curve, T = 4"),
            Case((torch.tensor([0.4], dtype=torch.float64),), "T = 1")]


def _differences(mask_rate: Tensor) -> Tensor:
    return torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))


def _added_up(rate: Tensor) -> Tensor:
    """With the sum of the betas before in the place of lambda_{t-1}, in the numerator."""
    hidden, visible, betas = 0.0, 1.0, []
    for each in rate.tolist():
        betas.append((each - hidden) / visible if visible else math.nan)
        hidden, visible = hidden + betas[-1], visible * (1 - betas[-1])
    return torch.tensor(betas, dtype=rate.dtype)


def _overwritten(rate: Tensor) -> Tensor:
    beta = rate.clone()
    for t in range(1, len(beta)):
        beta[t] = (rate[t] - beta[t - 1]) / (1 - beta[t - 1])
    return beta


BETA_FROM_MASK_RATE = Question(
    id="02-3-beta-from-mask-rate",
    points=2,
    name="beta_from_mask_rate",
    cases=_beta_cases,
    reference=beta_from_mask_rate,
    misconceptions=mistakes({
        "lambda_t - lambda_{t-1} is the share of *all* tokens masked in step t; beta_t is the share among those still "
        "visible: divide by 1 - lambda_{t-1}": _differences,
        "divided by lambda_t this is rho_t, the way back (lecture 05); beta_t is the share among the tokens still "
        "visible: divide by 1 - lambda_{t-1}": lambda rate: _differences(rate) / rate,
        "only the first value is off: lambda_0 = 0, so beta_1 = lambda_1":
            against(beta_from_mask_rate, lambda value, right: close(value[1:], right[1:])),
        "divided by alpha_bar_t, the tokens visible *after* the step; divide by alpha_bar_{t-1}, those visible before "
        "it": (lambda rate: _differences(rate) / (1 - rate), lambda rate: -_differences(rate) / (1 - rate)),
        "these are the differences of -log(1 - lambda_t), which are -log(1 - beta_t); the two are near only where "
        "beta_t is small":
            lambda rate: -torch.log1p(-beta_from_mask_rate(rate)),
        "from the third value on the lambda_{t-1} inside is a beta already: is the tensor overwritten while it is "
        "still read? Work on a copy": _overwritten,
        "the alpha_bar_t are products already: divide neighbours, alpha_bar_t / alpha_bar_{t-1}, without another "
        "cumprod": lambda rate: 1 - (1 - rate) / torch.cat([rate.new_ones(1), torch.cumprod(1 - rate, 0)[:-1]]),
        "1 - beta_t is not the t-th root of alpha_bar_t, which it would be if all steps were alike: divide neighbours":
            lambda rate: 1 - (1 - rate)**(1 / torch.arange(1, len(rate) + 1)),
        "beta_t is limited at 0.999, as in some schedules for images; it may be 1":
            against(beta_from_mask_rate, lambda value, right: close(value, right.clip(max=0.999))),
        "the share that is masked grows by beta_t times the share that is visible, not by beta_t": _added_up,
        "this is 1 - beta_t, the probability of staying": slip(beta_from_mask_rate, lambda beta: 1 - beta),
        "these are the lambda_t themselves, the damage up to t; beta_t is that of step t alone": lambda rate: rate,
        "these are lambda_t computed from beta_t, by a product; asked is the other direction":
            lambda rate: 1 - torch.cumprod(1 - rate, 0),
        "the mask rates lambda_t are used as if they were alpha_bar_t; alpha_bar_t is 1 - lambda_t":
            lambda rate: 1 - rate / torch.cat([rate.new_ones(1), rate[:-1]]),
        "this is 1/(T - t + 1), right for the linear schedule only: use the given mask_rate":
            lambda rate: 1 / torch.arange(len(rate), 0, -1, dtype=torch.float64),
        "these are the right values in the reverse order: beta_1 comes first":
            slip(beta_from_mask_rate, lambda beta: beta.flip(0)),
        "right but where lambda is near 0 or near 1: is there a threshold, a clamp or an epsilon?":
            only_where(beta_from_mask_rate, lambda mask_rate: bool(mask_rate[0] > 1e-3)),
        "nearly right everywhere: is there a threshold, a clamp or an epsilon?": against(
            beta_from_mask_rate, lambda value, right: nearly(value[right < 0.999], right[right < 0.999])),
    }),
)


# 02-4: what is left to know

def mutual_information(p0: Tensor, matrix: Tensor, *, weight: Callable[[Tensor, Tensor], Tensor] = torch.mul,
                       marginal: Callable[[Tensor, Tensor], Tensor] = lambda p0, matrix: (matrix @ p0)[:, None],
                       ) -> Tensor:
    """The sum of w log(Q/p), where terms of weight 0 are 0; or with other weights w, or another p(x_t)."""
    w, pt = weight(p0, matrix), marginal(p0, matrix)
    return torch.nansum(torch.special.xlogy(w, matrix) - torch.special.xlogy(w, pt))


_RARE = torch.tensor([0.6, 0.4 - 2e-4, 2e-4], dtype=torch.float64)
_NOISE = torch.tensor([[0.52, 0.5, 2e-5], [0.48 - 1e-5, 0.5 - 4e-5, 0.3], [1e-5, 4e-5, 0.7 - 2e-5]],
                      dtype=torch.float64)


_TINY = "K = 2, nothing is lost, a state of probability 1e-7"


def _information_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    p0 = torch.rand(4, dtype=torch.float64, generator=generator) + 0.1
    p0 = torch.cat([p0 / p0.sum(), torch.zeros(1, dtype=torch.float64)])
    other = torch.rand(5, 5, dtype=torch.float64, generator=generator).clamp(min=0.1)       # not symmetric
    other[0, 1] = other[2, 3] = 0
    schedule = Schedule.linear(4)
    absorbing, uniform = AbsorbingTransition(5, schedule), UniformTransition(5, schedule)
    return [Case((p0, absorbing.cumulative_matrix(1)), "absorbing, K = 5, t = 1 of 4"),
            Case((p0, uniform.cumulative_matrix(2)), "uniform, K = 5, t = 2 of 4"),
            Case((p0, uniform.cumulative_matrix(0)), "t = 0"),
            Case((p0, absorbing.cumulative_matrix(4)), "absorbing, t = T"),
            Case((p0, other / other.sum(0)), "another chain, K = 5"),
            Case((_RARE, _NOISE), "rare states, K = 3, little information"),
            Case((_RARE.flip(0), _NOISE), "rare states in another order, K = 3, little information"),
            Case((torch.tensor([1 - 1e-7, 1e-7], dtype=torch.float64), torch.eye(2, dtype=torch.float64)),
                 _TINY)]


MUTUAL_INFORMATION = Question(
    id="02-4-mutual-information",
    points=3,
    name="mutual_information",
    cases=_information_cases,
    reference=mutual_information,
    # Where there is hardly any information float32 has lost a hundredth of it, and a threshold of 1e-6 a tenth.
    tolerance=lambda case, expected: 0.05 * expected if case.label == _TINY else 1e-6 + 1e-4 * np.abs(expected),
    misconceptions=mistakes({
        "0 log 0 gave NaN: some states have probability 0, and their terms are 0":
            somewhere(lambda value, *_: np.isnan(value)),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(mutual_information, lambda nats: nats / math.log(2)),
        "this is to the base 10; the course computes in nats (natural logarithm)":
            slip(mutual_information, lambda nats: nats / math.log(10)),
        "the matrix is transposed: [Q_{1:t}]_{ij} is the probability of i given x_0 = j, and belongs to p(x_0 = j), "
        "the column": slip(mutual_information, matrix=lambda matrix: matrix.T),
        "row i is weighed by p(x_0 = i); weigh column j by p(x_0 = j)":
            slip(mutual_information, weight=lambda p0, matrix: p0[:, None] * matrix),
        "p(x_t) is broadcast along the rows: row i is to be divided by p(x_t = i), which is pt[:, None]":
            slip(mutual_information, marginal=lambda p0, matrix: matrix @ p0),
        "this is H(x_t) + H(x_t | x_0); the information is H(x_t) - H(x_t | x_0)":
            slip(mutual_information, lambda information, p0, matrix: 2 * entropy(matrix @ p0) - information),
        "this is H(x_0 | x_t), what x_t leaves open; the information is H(x_0) - H(x_0 | x_t)":
            slip(mutual_information, lambda information, p0: entropy(p0) - information),
        "this is -H(x_0 | x_t), what x_t leaves open; the information is H(x_0) - H(x_0 | x_t)":
            slip(mutual_information, lambda information, p0: information - entropy(p0)),
        "this is the share of H(x_0) that is left; asked is the information itself":
            slip(mutual_information, lambda information, p0: information / entropy(p0)),
        "this is right for equally likely x_0 only: weigh by p0, and compute p(x_t) from it":
            slip(mutual_information, p0=lambda p0: torch.full_like(p0, 1 / len(p0))),
        "the terms are not weighed: column j counts p(x_0 = j) times":
            slip(mutual_information, weight=lambda p0, matrix: matrix),
        "this is H(x_t | x_0), the noise that the chain adds; the information is H(x_t) - H(x_t | x_0)":
            slip(mutual_information, lambda information, p0, matrix: entropy(matrix @ p0) - information),
        "this is H(x_t); the information is H(x_t) - H(x_t | x_0)": lambda p0, matrix: entropy(matrix @ p0),
        "this is H(x_0), what there was to know; asked is what x_t still tells of it": lambda p0, matrix: entropy(p0),
        "the sign is off: information is never negative": slip(mutual_information, lambda information: -information),
        "the states of x_0 are weighed equally; weigh column j by p(x_0 = j)":
            slip(mutual_information, weight=lambda p0, matrix: (p0 > 0) * matrix / len(p0)),
        "H(x_0) - H(x_t) is not the information: x_t can be uncertain and still tell much":
            lambda p0, matrix: entropy(p0) - entropy(matrix @ p0),
        "H(x_t) - H(x_0) is not the information; subtract H(x_t | x_0), the noise that the chain adds":
            lambda p0, matrix: entropy(matrix @ p0) - entropy(p0),
        "the p(x_t) inside is that of equally likely x_0; it is Q_{1:t} p_0":
            (slip(mutual_information, marginal=lambda p0, matrix: matrix.mean(1, keepdim=True)),
             slip(mutual_information, lambda information, p0, matrix:
                  information - entropy(matrix @ p0) + entropy(matrix.mean(1)))),
        "this is H(x_0) - H(x_t | x_0): p(x_t), which is Q_{1:t} p_0, belongs where p_0 stands":
            slip(mutual_information, lambda information, p0, matrix: information - entropy(matrix @ p0) + entropy(p0)),
        "the entropies of the columns are averaged; H(x_t | x_0) weighs column j by p(x_0 = j)":
            (lambda p0, matrix: entropy(matrix @ p0) - torch.special.entr(matrix).sum(0).mean(),
             lambda p0, matrix: entropy(matrix @ p0) - torch.special.entr(matrix).sum(0)[p0 > 0].mean()),
        "states that x_0 never has are left out, also as x_t: only their columns are without weight, their rows count":
            lambda p0, matrix: mutual_information(p0[p0 > 0], matrix[p0 > 0][:, p0 > 0]),
        "the entropies of the columns are added up; H(x_t | x_0) weighs column j by p(x_0 = j)":
            lambda p0, matrix: entropy(matrix @ p0) - torch.special.entr(matrix).sum(),
        "these are the entropies of the rows; H(x_t | x_0 = j) is that of column j":
            (lambda p0, matrix: entropy(matrix @ p0) - torch.special.entr(matrix).sum(1) @ p0,
             lambda p0, matrix: entropy(matrix @ p0) - torch.special.entr(matrix).sum(1) @ (matrix @ p0)),
        "this is log K - H(x_t | x_0), as if x_t were uniform; its distribution is Q_{1:t} p_0":
            slip(mutual_information, lambda information, p0, matrix:
                 information - entropy(matrix @ p0) + math.log(len(p0))),
        "this compares joint and product the wrong way round: the weights are p(x_0 = j) Q_ij, and the logarithm is "
        "that of Q_ij / p(x_t = i)": lambda p0, matrix: torch.nansum(
            torch.special.xlogy(p0 * (matrix @ p0)[:, None], (matrix @ p0)[:, None])
            - torch.special.xlogy(p0 * (matrix @ p0)[:, None], matrix)),
        "Q_ij is divided by p(x_0 = i); the logarithm compares it with p(x_t = i), the distribution after the steps":
            slip(mutual_information, marginal=lambda p0, matrix: p0[:, None]),
        "this is the mean of the terms; they are to be added up":
            slip(mutual_information, lambda information, matrix: information / matrix.numel()),
        "this is alpha_bar H(x_0), as in the absorbing chain; for any other chain the sum must be computed":
            (lambda p0, matrix: matrix[0, 0] * entropy(p0),
             lambda p0, matrix: matrix.diag()[p0 > 0].min() * entropy(p0)),
        "the result is negative, and information never is: compare the weights and both sides of the quotient with the "
        "formula":
            somewhere(lambda value, *_: value < -1e-6),
        "0 log 0 makes the whole result 0: only its own term is 0, the others count":
            against(mutual_information, lambda value, right: value == 0 or close(value, right)),
        "right but where some states are rare: is there a threshold, a clamp or an epsilon?":
            only_where(mutual_information, lambda p0: len(p0) > 3),
    }),
)


# 02-5: neighbours first

def _filled_up(matrix: Tensor) -> Tensor:
    """With the diagonal that makes the columns sum to 1."""
    off = matrix.clone().fill_diagonal_(0)
    return off + torch.diag(1 - off.sum(0))


def gaussian_band(num_states: int, sigma: float, *, divisor: Callable[[Tensor], Tensor] = lambda w: w.sum(0).max(),
                  exponent: Callable[[Tensor, float], Tensor] = lambda d, sigma: -d**2 / (2 * sigma**2),
                  fill: Callable[[Tensor], Tensor] = _filled_up) -> Tensor:
    """The band; or with another exponent of distance and sigma, another divisor, or the diagonal left as it is."""
    levels = torch.arange(num_states, dtype=torch.float64)
    w = exponent(levels[:, None] - levels, sigma).exp()
    return fill(w / divisor(w))


def _sinkhorn(num_states: int, sigma: float) -> Tensor:
    scale = torch.ones(num_states, dtype=torch.float64)
    w = gaussian_band(num_states, sigma, divisor=lambda w: torch.ones(()), fill=torch.clone)
    for _ in range(500):
        scale = (scale / (w @ scale)).sqrt()
    return scale[:, None] * w * scale


BAND_MATRIX = Question(
    id="02-5-gaussian-band",
    points=2,
    name="gaussian_band",
    cases=lambda seed: [Case((k, s), f"K = {k}, sigma = {s}") for k, s in
                        ((5, 1.0), (17, 1.5 + 0.1 * (seed % 5)), (3, 0.7), (2, 1.2), (4, 0.3), (30, 3.0))],
    reference=gaussian_band,
    # What is rare counts, too; on the diagonal, a difference, digits are lost.
    tolerance=lambda case, expected: 1e-25 + 1e-4 * np.abs(expected) + 1e-6 * np.eye(len(expected)),
    misconceptions=mistakes({
        "each column is divided by its own sum: the columns sum to 1, but the matrix is no longer symmetric, and its "
        "limit no longer uniform. Divide all by the same number, the largest sum, and let the diagonal take up the "
        "remainder": slip(gaussian_band, divisor=lambda w: w.sum(0), fill=torch.clone),
        "each row is divided by its own sum: here columns must sum to 1, and the matrix must stay symmetric":
            slip(gaussian_band, divisor=lambda w: w.sum(1, keepdim=True), fill=torch.clone),
        "the columns at the edge do not sum to 1: let the diagonal take up what is missing":
            slip(gaussian_band, fill=torch.clone),
        "the exponent lacks the factor 1/2: exp(-(i - j)^2 / (2 sigma^2))":
            slip(gaussian_band, exponent=lambda d, sigma: -d**2 / sigma**2),
        "sigma is not squared: exp(-(i - j)^2 / (2 sigma^2))":
            slip(gaussian_band, exponent=lambda d, sigma: -d**2 / (2 * sigma)),
        "`/ 2 * sigma**2` multiplies by sigma^2: put brackets round the 2 sigma^2":
            slip(gaussian_band, exponent=lambda d, sigma: -d**2 / 2 * sigma**2),
        "the distance is not squared: exp(-(i - j)^2 / (2 sigma^2))":
            slip(gaussian_band, exponent=lambda d, sigma: -d.abs() / (2 * sigma**2)),
        "the minus sign is lost, so that the far levels weigh most: exp(-(i - j)^2 / (2 sigma^2))":
            slip(gaussian_band, exponent=lambda d, sigma: d**2 / (2 * sigma**2)),
        "the levels lie between 0 and 1 here; they are 0, ..., K-1, and sigma counts levels":
            slip(gaussian_band, sigma=lambda sigma, num_states: sigma * (num_states - 1)),
        "the largest column sum is taken without the diagonal of w, which belongs to it":
            slip(gaussian_band, divisor=lambda w: (w.sum(0) - w.diag()).max()),
        "divided by the sum of the whole of w; c is the largest sum of a single column":
            slip(gaussian_band, divisor=torch.sum),
        "the levels lie on a ring here, the last beside the first; the distance is |i - j|":
            slip(gaussian_band, exponent=lambda d, sigma:
                 -torch.minimum(d.abs(), len(d) - d.abs())**2 / (2 * sigma**2)),
        "rows and columns are scaled until all sums are 1 (Sinkhorn's way), which is another matrix: divide all of w "
        "by one number c, and let the diagonal take up what is missing": _sinkhorn,
        "each column is divided by its own sum, and the result made symmetric; divide all of w by one number c":
            slip(gaussian_band, divisor=lambda w: w.sum(0), fill=lambda matrix: _filled_up((matrix + matrix.T) / 2)),
        "some entries are 0: every level can be reached from every other, however rarely":
            somewhere(lambda value, *_: (value + np.eye(len(value)) == 0).any()
                      and np.abs(value.sum(0) - 1).max() < 1e-4),
        "a negative entry on the diagonal is no probability: divide by the largest column sum first":
            somewhere(lambda value, *_: (value < -1e-6).any()),
        "the columns do not sum to 1: the diagonal is 1 minus the sum of the other entries of its column":
            somewhere(lambda value, *_: (np.abs(value.sum(0) - 1) > 1e-4).any()),
        **rare_lost(gaussian_band),
    }),
)

QUESTIONS = (CLOSED_FORM, MASK_TOKENS, BETA_FROM_MASK_RATE, MUTUAL_INFORMATION, BAND_MATRIX)
