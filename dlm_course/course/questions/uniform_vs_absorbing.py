"""Topic 02: closed forms, masking by coins, beta from lambda, information left, a band matrix that stays symmetric."""

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import entropy, kl
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, UniformTransition
from dlm_course.course.questions.question import Case, Misconception, Question

# 02-1: one formula for both chains


def closed_form(alpha_bar: float, pi: Tensor) -> Tensor:
    num_states = len(pi)
    return alpha_bar * torch.eye(num_states, dtype=torch.float64) + (1 - alpha_bar) * pi[:, None].expand(-1, num_states)


def _closed_form_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    some = torch.rand(4, dtype=torch.float64, generator=generator)
    alpha_bar = round(float(torch.rand((), generator=generator)) * 0.4 + 0.2, 3)
    return [Case((alpha_bar, torch.eye(4, dtype=torch.float64)[3]), f"absorbing, K = 4, alpha_bar = {alpha_bar}"),
            Case((alpha_bar, torch.full((3,), 1 / 3, dtype=torch.float64)), f"uniform, K = 3, alpha_bar = {alpha_bar}"),
            Case((0.7, some / some.sum()), "another pi, K = 4, alpha_bar = 0.7"),
            Case((1.0, some / some.sum()), "another pi, K = 4, alpha_bar = 1")]


CLOSED_FORM = Question(
    id="02-1-closed-form",
    points=1,
    name="closed_form",
    cases=_closed_form_cases,
    reference=closed_form,
    misconceptions=(
        Misconception("the matrix is transposed: every *column* of the second part is pi, so it is pi 1^T, not 1 pi^T",
                      lambda alpha_bar, pi: closed_form(alpha_bar, pi).T),
        Misconception("alpha_bar and 1 - alpha_bar are exchanged: alpha_bar is the probability of having met no "
                      "resampling, and belongs to the identity",
                      lambda alpha_bar, pi: closed_form(1 - alpha_bar, pi)),
        Misconception("(1 - alpha_bar) diag(pi) moves nothing to another state; a resampled token goes to i with "
                      "probability pi_i whatever it was, which is pi 1^T", lambda alpha_bar, pi:
                      alpha_bar * torch.eye(len(pi), dtype=torch.float64) + (1 - alpha_bar) * pi.diag()),
        Misconception("this is right for the uniform chain only: the second part must use pi, not 1/K",
                      lambda alpha_bar, pi: closed_form(alpha_bar, torch.full_like(pi, 1 / len(pi)))),
        Misconception("this is right for the absorbing chain with the mask last only: the second part must use pi",
                      lambda alpha_bar, pi: closed_form(alpha_bar, torch.eye(len(pi), dtype=torch.float64)[-1])),
        Misconception("the columns sum to more than 1: the part that keeps the token is alpha_bar I, not I",
                      lambda alpha_bar, pi: closed_form(alpha_bar, pi)
                      + (1 - alpha_bar) * torch.eye(len(pi), dtype=torch.float64)),
        Misconception("the columns sum to more than 1: what is drawn afresh is (1 - alpha_bar) pi 1^T, not pi 1^T",
                      lambda alpha_bar, pi: closed_form(alpha_bar, pi) + alpha_bar * pi[:, None]),
        Misconception("alpha_bar stands in every entry; alpha_bar I stands on the diagonal only (torch.eye)",
                      lambda alpha_bar, pi: (alpha_bar + (1 - alpha_bar) * pi)[:, None].expand(-1, len(pi))),
        Misconception("the columns sum to less than 1: alpha_bar I is missing, the token that was never resampled",
                      lambda alpha_bar, pi: (1 - alpha_bar) * pi[:, None].expand(-1, len(pi))),
        Misconception("the second part is pi pi^T; every column of it must be pi, which is pi 1^T: torch.outer of pi "
                      "and ones", lambda alpha_bar, pi:
                      alpha_bar * torch.eye(len(pi), dtype=torch.float64) + (1 - alpha_bar) * torch.outer(pi, pi)),
        Misconception("a resampled token may draw itself again: the diagonal is alpha_bar + (1 - alpha_bar) pi_j, not "
                      "alpha_bar", lambda alpha_bar, pi: closed_form(alpha_bar, pi) - (1 - alpha_bar) * pi.diag()),
    ),
)


# 02-2: a coin for every token

_NUM_ROWS, _LENGTH = 4000, 3


def mask_tokens(x0: Tensor, mask_rate: float, mask_id: int, generator: torch.Generator) -> Tensor:
    return torch.where(torch.rand(x0.shape, generator=generator) < mask_rate, mask_id, x0)


def mask_law(x0: Tensor, mask_rate: float, mask_id: int) -> Tensor:
    """The probability of each of the 2^n mask patterns, shape (2,) * n."""
    return _patterns([mask_rate] * x0.shape[-1])


def _patterns(rates: list[float]) -> Tensor:
    law = torch.ones((), dtype=torch.float64)
    for rate in rates:
        law = law[..., None] * torch.tensor([1 - rate, rate], dtype=torch.float64)
    return law


def _one_coin_a_row(x0: Tensor, mask_rate: float, mask_id: int) -> Tensor:
    law = torch.zeros((2,) * x0.shape[-1], dtype=torch.float64)
    law[(0,) * x0.shape[-1]], law[(1,) * x0.shape[-1]] = 1 - mask_rate, mask_rate
    return law


def _mask_frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    x0, _, mask_id = case.args
    masked = xt == mask_id
    if (xt[~masked] != x0.numpy()[~masked]).any():
        raise ValueError("a token that is not masked must stay what it is")
    counts = np.zeros((2,) * masked.shape[1])
    np.add.at(counts, tuple(masked.T.astype(int)), 1)
    return counts / len(xt)


def _masked(cases, values) -> list[np.ndarray]:
    return [value == case.args[2] for case, value in zip(cases, values, strict=True)]


def _mask_cases(seed: int) -> list[Case]:
    x0 = torch.randint(5, (_NUM_ROWS, _LENGTH), generator=torch.Generator().manual_seed(seed))
    rate = 0.3
    return [Case((x0, rate, 5), f"x0 of shape (4000, 3), lambda = {rate}", seed),
            Case((x0, rate, 5), f"x0 of shape (4000, 3), lambda = {rate}", seed),
            Case((x0, rate, 5), f"x0 of shape (4000, 3), lambda = {rate}", seed + 1),
            Case((x0 + 1, 0.8, 0), "x0 of shape (4000, 3), lambda = 0.8, mask_id = 0", seed),
            Case((x0, 1.0, 5), "lambda = 1", seed, edge="at lambda = 1 every token is masked"),
            Case((x0, 0.0, 5), "lambda = 0", seed, edge="at lambda = 0 no token is masked")]


MASK_TOKENS = Question(
    id="02-2-mask-tokens",
    points=2,
    name="mask_tokens",
    cases=_mask_cases,
    reference=mask_law,
    stand_in=mask_tokens,
    view=_mask_frequencies,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / _NUM_ROWS) + 1e-9,
    misconceptions=(
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to the "
                      "function that draws", always=True, symptom=lambda cases, values: (values[0] != values[1]).any()),
        Misconception("the mask is always the last state here; use mask_id", symptom=lambda cases, values:
                      bool((values[3] == 6).any() or (values[3] == 5).mean() > 0.5)),
        Misconception("tokens change, but none becomes mask_id: that is what a masked token must become, whichever "
                      "state it is", symptom=lambda cases, values: any(
                          (value != case.args[0].numpy()).any() and not (value == case.args[2]).any()
                          for case, value in zip(cases, values, strict=True))),
        Misconception("the same positions are masked in every sequence; every token of every sequence needs a coin of "
                      "its own", symptom=lambda cases, values: all((masked == masked[0]).all()
                                                                   for masked in _masked(cases, values))),
        Misconception("every sequence has the same number of masks; with independent coins the number varies",
                      symptom=lambda cases, values: all((masked.sum(1) == masked[0].sum()).all()
                                                        for masked in _masked(cases, values))),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("the share of masks is the same at lambda = 0.3 and at lambda = 0.8: compare the coins with "
                      "mask_rate", symptom=lambda cases, values:
                      abs(_masked(cases, values)[0].mean() - _masked(cases, values)[3].mean()) < 0.05),
        Misconception("lambda is the probability of being masked; here it is that of staying",
                      lambda x0, mask_rate, mask_id: mask_law(x0, 1 - mask_rate, mask_id)),
        Misconception("a whole sequence shares one coin; every token needs a coin of its own", _one_coin_a_row),
    ),
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
            Case((torch.tensor([0.4], dtype=torch.float64),), "T = 1")]


def _differences(mask_rate: Tensor) -> Tensor:
    return torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))


BETA_FROM_MASK_RATE = Question(
    id="02-3-beta-from-mask-rate",
    points=2,
    name="beta_from_mask_rate",
    cases=_beta_cases,
    reference=beta_from_mask_rate,
    misconceptions=(
        Misconception("lambda_t - lambda_{t-1} is the share of *all* tokens masked in step t; beta_t is the share "
                      "among those still visible: divide by 1 - lambda_{t-1}", _differences),
        Misconception("divided by lambda_t this is rho_t, the way back (lecture 05); beta_t is the share among the "
                      "tokens still visible: divide by 1 - lambda_{t-1}", lambda rate: _differences(rate) / rate),
        Misconception("only the first value is off: lambda_0 = 0, so beta_1 = lambda_1", symptom=lambda cases, values:
                      all(np.allclose(value[1:], beta_from_mask_rate(*case.args)[1:].numpy(), rtol=1e-4, atol=1e-6)
                          for case, value in zip(cases, values, strict=True))),
        Misconception("divided by alpha_bar_t, the tokens visible *after* the step; divide by alpha_bar_{t-1}, those "
                      "visible before it", symptom=lambda cases, values: not np.isfinite(values[0]).all() and
                      np.isfinite(values[1]).all()),
        Misconception("divided by alpha_bar_t, the tokens visible *after* the step; divide by alpha_bar_{t-1}, those "
                      "visible before it", lambda rate: _differences(rate) / (1 - rate)),
        Misconception("this is 1 - beta_t, the probability of staying", lambda rate: 1 - beta_from_mask_rate(rate)),
        Misconception("these are the lambda_t themselves, the damage up to t; beta_t is that of step t alone",
                      lambda rate: rate),
        Misconception("these are lambda_t computed from beta_t, by a product; asked is the other direction",
                      lambda rate: 1 - torch.cumprod(1 - rate, 0)),
        Misconception("the mask rates lambda_t are used as if they were alpha_bar_t; alpha_bar_t is 1 - lambda_t",
                      lambda rate: 1 - rate / torch.cat([rate.new_ones(1), rate[:-1]])),
        Misconception("this is 1/(T - t + 1), right for the linear schedule only: use the given mask_rate",
                      lambda rate: 1 / torch.arange(len(rate), 0, -1, dtype=torch.float64)),
        Misconception("these are the right values in the reverse order: beta_1 comes first",
                      lambda rate: beta_from_mask_rate(rate).flip(0)),
    ),
)


# 02-4: what is left to know

def mutual_information(p0: Tensor, matrix: Tensor) -> Tensor:
    pt = matrix @ p0
    return sum((p0[j] * kl(matrix[:, j], pt) for j in range(len(p0)) if p0[j] > 0), torch.zeros((), dtype=p0.dtype))


def _terms(weights: Tensor, matrix: Tensor, pt: Tensor) -> Tensor:
    """The sum of w log(Q/p), where terms of weight 0 are 0."""
    return torch.nansum(torch.special.xlogy(weights, matrix) - torch.special.xlogy(weights, pt))


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
            Case((p0, other / other.sum(0)), "another chain, K = 5")]


MUTUAL_INFORMATION = Question(
    id="02-4-mutual-information",
    points=3,
    name="mutual_information",
    cases=_information_cases,
    reference=mutual_information,
    misconceptions=(
        Misconception("0 log 0 gave NaN: some states have probability 0, and their terms are 0",
                      symptom=lambda cases, values: any(np.isnan(value) for value in values)),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda p0, matrix: mutual_information(p0, matrix) / np.log(2)),
        Misconception("this is to the base 10; the course computes in nats (natural logarithm)",
                      lambda p0, matrix: mutual_information(p0, matrix) / np.log(10)),
        Misconception("the matrix is transposed: [Q_{1:t}]_{ij} is the probability of i given x_0 = j, and belongs to "
                      "p(x_0 = j), the column",
                      lambda p0, matrix: _terms(p0 * matrix.T, matrix.T, (matrix.T @ p0)[:, None])),
        Misconception("row i is weighed by p(x_0 = i); weigh column j by p(x_0 = j)",
                      lambda p0, matrix: _terms(p0[:, None] * matrix, matrix, (matrix @ p0)[:, None])),
        Misconception("p(x_t) is broadcast along the rows: row i is to be divided by p(x_t = i), which is pt[:, None]",
                      lambda p0, matrix: _terms(p0 * matrix, matrix, matrix @ p0)),
        Misconception("this is H(x_t) + H(x_t | x_0); the information is H(x_t) - H(x_t | x_0)",
                      lambda p0, matrix: 2 * entropy(matrix @ p0) - mutual_information(p0, matrix)),
        Misconception("this is H(x_0 | x_t), what x_t leaves open; the information is H(x_0) - H(x_0 | x_t)",
                      lambda p0, matrix: entropy(p0) - mutual_information(p0, matrix)),
        Misconception("this is -H(x_0 | x_t), what x_t leaves open; the information is H(x_0) - H(x_0 | x_t)",
                      lambda p0, matrix: mutual_information(p0, matrix) - entropy(p0)),
        Misconception("this is the share of H(x_0) that is left; asked is the information itself",
                      lambda p0, matrix: mutual_information(p0, matrix) / entropy(p0)),
        Misconception("this is right for equally likely x_0 only: weigh by p0, and compute p(x_t) from it",
                      lambda p0, matrix: mutual_information(torch.full_like(p0, 1 / len(p0)), matrix)),
        Misconception("the terms are not weighed: column j counts p(x_0 = j) times",
                      lambda p0, matrix: _terms(matrix, matrix, (matrix @ p0)[:, None])),
        Misconception("this is H(x_t | x_0), the noise that the chain adds; the information is H(x_t) - H(x_t | x_0)",
                      lambda p0, matrix: sum(p0[j] * entropy(matrix[:, j]) for j in range(len(p0)))),
        Misconception("this is H(x_t); the information is H(x_t) - H(x_t | x_0)",
                      lambda p0, matrix: entropy(matrix @ p0)),
        Misconception("this is H(x_0), what there was to know; asked is what x_t still tells of it",
                      lambda p0, matrix: entropy(p0)),
        Misconception("the sign is off: information is never negative",
                      lambda p0, matrix: -mutual_information(p0, matrix)),
        Misconception("the states of x_0 are weighed equally; weigh column j by p(x_0 = j)",
                      lambda p0, matrix: sum(kl(matrix[:, j], matrix @ p0) for j in range(4)) / len(p0)),
        Misconception("H(x_0) - H(x_t) is not the information: x_t can be uncertain and still tell much",
                      lambda p0, matrix: entropy(p0) - entropy(matrix @ p0)),
        Misconception("H(x_t) - H(x_0) is not the information; subtract H(x_t | x_0), the noise that the chain adds",
                      lambda p0, matrix: entropy(matrix @ p0) - entropy(p0)),
        Misconception("the p(x_t) inside is that of equally likely x_0; it is Q_{1:t} p_0",
                      lambda p0, matrix: sum(p0[j] * kl(matrix[:, j], matrix.mean(1)) for j in range(len(p0)))),
        Misconception("the result is negative, and information never is: is a weight p(x_0 = j) missing in a term?",
                      symptom=lambda cases, values: any(value < -1e-6 for value in values)),
        Misconception("0 log 0 makes the whole result 0: only its own term is 0, the others count",
                      symptom=lambda cases, values: all(
                          value == 0 or np.isclose(value, mutual_information(*case.args), rtol=1e-4, atol=1e-6)
                          for case, value in zip(cases, values, strict=True))),
    ),
)


# 02-5: neighbours first

def gaussian_band(num_states: int, sigma: float) -> Tensor:
    weights = _gaussian(num_states, sigma)
    return _filled_up(weights / weights.sum(0).max())


def _filled_up(matrix: Tensor) -> Tensor:
    """With the diagonal that makes the columns sum to 1."""
    off = matrix.clone().fill_diagonal_(0)
    return off + torch.diag(1 - off.sum(0))


def _band_of(weights: Tensor) -> Tensor:
    return _filled_up(weights / weights.sum(0).max())


def _differences_of_levels(num_states: int) -> Tensor:
    levels = torch.arange(num_states, dtype=torch.float64)
    return levels[:, None] - levels


def _gaussian(num_states: int, sigma: float) -> Tensor:
    levels = torch.arange(num_states, dtype=torch.float64)
    return torch.exp(-(levels[:, None] - levels) ** 2 / (2 * sigma**2))


BAND_MATRIX = Question(
    id="02-5-gaussian-band",
    points=2,
    name="gaussian_band",
    cases=lambda seed: [Case((k, s), f"K = {k}, sigma = {s}") for k, s in
                        ((5, 1.0), (17, 1.5 + 0.1 * (seed % 5)), (3, 0.7))],
    reference=gaussian_band,
    misconceptions=(
        Misconception("each column is divided by its own sum: the columns sum to 1, but the matrix is no longer "
                      "symmetric, and its limit no longer uniform. Divide all by the same number, the largest sum, and "
                      "let the diagonal take up the remainder",
                      lambda num_states, sigma: _gaussian(num_states, sigma) / _gaussian(num_states, sigma).sum(0)),
        Misconception("each row is divided by its own sum: here columns must sum to 1, and the matrix must stay "
                      "symmetric", lambda num_states, sigma:
                      _gaussian(num_states, sigma) / _gaussian(num_states, sigma).sum(1, keepdim=True)),
        Misconception("the columns at the edge do not sum to 1: let the diagonal take up what is missing",
                      lambda num_states, sigma:
                      _gaussian(num_states, sigma) / _gaussian(num_states, sigma).sum(0).max()),
        Misconception("the exponent lacks the factor 1/2: exp(-(i - j)^2 / (2 sigma^2))",
                      lambda num_states, sigma: gaussian_band(num_states, sigma / 2**0.5)),
        Misconception("sigma is not squared: exp(-(i - j)^2 / (2 sigma^2))",
                      lambda num_states, sigma: gaussian_band(num_states, sigma**0.5)),
        Misconception("`/ 2 * sigma**2` multiplies by sigma^2: put brackets round the 2 sigma^2",
                      lambda num_states, sigma: gaussian_band(num_states, 1 / sigma)),
        Misconception("the distance is not squared: exp(-(i - j)^2 / (2 sigma^2))", lambda num_states, sigma:
                      _band_of(torch.exp(-_differences_of_levels(num_states).abs() / (2 * sigma**2)))),
        Misconception("the minus sign is lost, so that the far levels weigh most: exp(-(i - j)^2 / (2 sigma^2))",
                      lambda num_states, sigma:
                      _band_of(torch.exp(_differences_of_levels(num_states) ** 2 / (2 * sigma**2)))),
        Misconception("the levels lie between 0 and 1 here; they are 0, ..., K-1, and sigma counts levels",
                      lambda num_states, sigma: gaussian_band(num_states, sigma * (num_states - 1))),
        Misconception("the largest column sum is taken without the diagonal of w, which belongs to it",
                      lambda num_states, sigma: _band_of(_gaussian(num_states, sigma).fill_diagonal_(0))),
        Misconception("divided by the sum of the whole of w; c is the largest sum of a single column",
                      lambda num_states, sigma:
                      _filled_up(_gaussian(num_states, sigma) / _gaussian(num_states, sigma).sum())),
        Misconception("a negative entry on the diagonal is no probability: divide by the largest column sum first",
                      symptom=lambda cases, values: any((value < -1e-6).any() for value in values)),
        Misconception("the columns do not sum to 1: the diagonal is 1 minus the sum of the other entries of its column",
                      symptom=lambda cases, values: any((np.abs(value.sum(0) - 1) > 1e-4).any() for value in values)),
    ),
)

QUESTIONS = (CLOSED_FORM, MASK_TOKENS, BETA_FROM_MASK_RATE, MUTUAL_INFORMATION, BAND_MATRIX)
