"""Topic 05: rho_t, the absorbing posterior, carry-over, the weighted loss, one step that stands for all."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import one_hot
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import carry_over
from dlm_course.course.questions.given import GivenFunction
from dlm_course.course.questions.mistakes import (
    Shows,
    dependent,
    everywhere,
    mistakes,
    only_where,
    seeding,
    slip,
    somewhere,
)
from dlm_course.course.questions.question import Case, Question

# 05-1: how fresh is the mask?

def rho(beta: Tensor, *, alpha_bar: Callable[[Tensor], Tensor] = lambda beta: (1 - beta).cumprod(0),
        formula: Callable[..., Tensor] = lambda b, now, before: b * before / (1 - now)) -> Tensor:
    """rho_t; or what another formula makes of beta_t, alpha_bar_t and alpha_bar_{t-1}.

    Written apart from `Schedule.rho`, with a switch for each mistake.
    """
    now = alpha_bar(beta)
    return formula(beta, now, torch.cat([beta.new_ones(1), now[:-1]]))


def _formula(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable:
    return slip(rho, formula=formula)


def _but_for_the_first(**switches: Callable) -> Shows:
    """All values but the first are these; that one may have been set by hand, or be x/0."""
    return everywhere(lambda value, beta: np.allclose(
        value[1:], rho(torch.from_numpy(beta), **switches)[1:].numpy(), rtol=1e-4, atol=1e-6))


def _earlier(before: Tensor) -> Tensor:
    """alpha_bar_{t-2}, 1 where there is none."""
    return torch.cat([before.new_ones(1), before[:-1]])


def _nan_where_beta_is_1(value: np.ndarray, beta: np.ndarray) -> bool:
    right = rho(torch.from_numpy(beta)).numpy()
    return np.allclose(np.where(np.isnan(value) & (beta == 1), right, value), right, rtol=1e-4, atol=1e-6)


def _something_added(value: np.ndarray, beta: np.ndarray) -> bool:
    """True if the values are those of a denominator with the same small number added for every t."""
    now = np.cumprod(1 - beta.astype(float))
    above = beta * np.concatenate([[1.0], now[:-1]])
    some = (value > 0) & (above > 0)
    extra = above[some] / value[some] - (1 - now)[some]
    return bool(some.any() and extra.min() > 1e-6 and np.ptp(extra) < 0.01 * extra.max() + 1e-6)


def _before(beta: Tensor) -> Tensor:
    """t - 1 for every t."""
    return torch.arange(len(beta))


def _of_a_constant(beta: Tensor) -> Tensor:
    return beta * (1 - beta)**_before(beta) / (1 - (1 - beta)**(_before(beta) + 1))


def _from_the_end(beta: Tensor) -> Tensor:
    now = (1 - beta).flip(0).cumprod(0).flip(0)
    return beta * torch.cat([now[1:], now.new_ones(1)]) / (1 - now)


def _divided_back(beta: Tensor) -> Tensor:
    return rho(beta, formula=lambda b, now, before: b * (now / (1 - b)).nan_to_num(0) / (1 - now))


def _rho_cases(seed: int) -> list[Case]:
    some = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.05
    cosine = Schedule.cosine(5)
    return [Case((some,), "T = 6, ends at alpha_bar_T > 0"),
            Case((cosine.beta(torch.arange(1, 6)),), "cosine, T = 5"),
            Case((torch.tensor([0.3, 0.2, 0.0, 0.7], dtype=torch.float64),), "T = 4, a step that does nothing"),
            Case((some.float() * 0.9,), "T = 6, in float32"),
            Case((torch.tensor([0.4], dtype=torch.float64),), "T = 1", edge="rho_1 is 1 for every schedule"),
            Case((torch.tensor([0.9995, 1.0], dtype=torch.float64),), "T = 2, little is left after the first step",
                 edge="what is still visible may be little, but it is masked in the last step"),
            Case((torch.tensor([1e-3, 1e-4, 0.2], dtype=torch.float64),), "T = 3, two steps that do little",
                 edge="where little is masked the denominator is small, but above 0. Is it limited, or is something "
                 "added to it?")]


RHO = Question(
    id="05-1-rho",
    points=2,
    name="rho",
    cases=_rho_cases,
    reference=rho,
    misconceptions=mistakes({
        "alpha_bar_t stands in the numerator; it is alpha_bar_{t-1}: visible *until* t-1, then hit":
            _but_for_the_first(formula=lambda b, now, before: b * now / (1 - now)),
        "alpha_bar_{t-2} stands in the numerator; it is alpha_bar_{t-1}: visible *until* t-1, then hit":
            _but_for_the_first(formula=lambda b, now, before: b * _earlier(before) / (1 - now)),
        "alpha_bar is one step behind, alpha_bar_{t-2} above and alpha_bar_{t-1} below; they are alpha_bar_{t-1} and "
        "alpha_bar_t": _but_for_the_first(formula=lambda b, now, before: b * _earlier(before) / (1 - before)),
        "the denominator is 1 - alpha_bar_{t-1}, masked before; the token is masked *at t*: 1 - alpha_bar_t (and at "
        "t = 1 this is x/0)": _but_for_the_first(formula=lambda b, now, before: b * before / (1 - before)),
        "divided by 1 - alpha_bar_T, the same for every t; divide by 1 - alpha_bar_t":
            _formula(lambda b, now, before: b * before / (1 - now[-1])),
        "the last denominator is 1, as if everything were masked at T; it is 1 - alpha_bar_T, whatever that is":
            _formula(lambda b, now, before: b * before / (1 - now).where(torch.arange(len(b)) < len(b) - 1, 1)),
        "the betas are added up; a masked token cannot be masked again, so alpha_bar_t is the *product* of the "
        "1 - beta_s": (slip(rho, alpha_bar=lambda beta: 1 - beta.cumsum(0).clamp(max=1)),
            slip(rho, formula=lambda b, now, before: (before - now) / (1 - now),
                 alpha_bar=lambda beta: 1 - beta.cumsum(0).clamp(max=1))),
        "the products run from the end, over s >= t; alpha_bar_t is the product of the 1 - beta_s up to t":
            (_from_the_end, slip(rho, alpha_bar=lambda beta: (1 - beta).flip(0).cumprod(0).flip(0))),
        "0 where beta_t = 1: alpha_bar_{t-1} is not alpha_bar_t / (1 - beta_t) there; take it from the list of "
        "products, one place earlier": _divided_back,
        "alpha_bar_{t+1} stands in the numerator; it is alpha_bar_{t-1}, one place *earlier* in the list of products":
            _formula(lambda b, now, before: b * torch.cat([now[1:], now.new_ones(1)]) / (1 - now)),
        "multiplied by T: that belongs to an estimate from a single t": slip(rho, lambda rho: len(rho) * rho),
        "1 where beta_t = 1; a token that is masked at t may have been masked before, also in such a step":
            slip(rho, lambda rho, beta: rho.where(beta < 1, 1)),
        "0 from the first beta_t = 0 on: such a step masks nothing, and the schedule goes on after it":
            slip(rho, lambda rho, beta: rho * (beta > 0).cumprod(0)),
        "alpha_bar_t is (1 - beta_t)^t here, as if beta were constant; it is the product of all the 1 - beta_s up to t":
            (_of_a_constant, lambda beta: _of_a_constant(beta).nan_to_num(0),
             slip(rho, alpha_bar=lambda beta: (1 - beta)**(_before(beta) + 1))),
        "brackets are missing: x / 1 - alpha_bar_t is (x / 1) - alpha_bar_t; write x / (1 - alpha_bar_t)":
            _formula(lambda b, now, before: b * before - now),
        "this is beta_t alpha_bar_{t-1}, the share of *all* tokens masked in step t; rho_t is the share of those "
        "masked at t: divide by 1 - alpha_bar_t": _formula(lambda b, now, before: b * before),
        "this is beta_t / (1 - alpha_bar_t); the token was also visible until then, which has probability "
        "alpha_bar_{t-1}": _formula(lambda b, now, before: b / (1 - now)),
        "divided by alpha_bar_t, the tokens still visible; divide by those masked, 1 - alpha_bar_t":
            _formula(lambda b, now, before: b * before / now),
        "this is 1 - rho_t, the probability that the mask was there before": slip(rho, lambda rho: 1 - rho),
        "beta_t is the way forward, the share of the visible tokens that get masked; rho_t looks back, among those "
        "that are masked": _formula(lambda b, now, before: b),
        "this is 1/t, right for the linear schedule only: use beta":
            lambda beta: 1 / torch.arange(1, len(beta) + 1, dtype=beta.dtype),
        "the values are one step off: the first should be rho_1 = 1":
            (slip(rho, lambda rho: rho.roll(-1)), slip(rho, lambda rho: rho.roll(1))),
        "the values come in the reverse order: rho_1 = 1 comes first": slip(rho, lambda rho: rho.flip(0)),
        "these are the mask rates lambda_t = 1 - alpha_bar_t": _formula(lambda b, now, before: 1 - now),
        "these are the alpha_bar_t": _formula(lambda b, now, before: now),
        "the betas are added up; alpha_bar_t is the *product* of the 1 - beta_s":
            slip(rho, alpha_bar=lambda beta: 1 - beta.cumsum(0)),
        "alpha_bar_t is the product of the beta_s here; it is that of the 1 - beta_s":
            slip(rho, alpha_bar=lambda beta: beta.cumprod(0)),
        "1 - beta_t stands for alpha_bar_t; alpha_bar_t is the product of all the 1 - beta_s up to t":
            Shows(lambda cases, values: np.allclose(values[0][1:], 1 - cases[0].args[0][:-1].numpy(), rtol=1e-4)),
        "NaN where beta_t = 1: alpha_bar_t / (1 - beta_t) is 0/0 there; take alpha_bar_{t-1} from the list of "
        "products, one place earlier": everywhere(_nan_where_beta_is_1),
        "something is added to the denominator, against a division by 0; 1 - alpha_bar_t is above 0, since beta_1 is":
            everywhere(_something_added),
        "the first value is off: alpha_bar_0 = 1, so rho_1 = 1": _but_for_the_first(),
        "a probability above 1: is the denominator 1 - alpha_bar_t, with alpha_bar_t the product of the 1 - beta_s?":
            somewhere(lambda value, beta: (value > 1 + 1e-6).any()),
    }),
)


# 05-2: two cases, no matrix

def absorbing_posterior(
        xt: Tensor, x0: Tensor, rho: Tensor, mask_id: int, num_states: int, *,
        coin: Callable[..., Tensor] = lambda rho, letter, mask: rho * letter + (1 - rho) * mask,
        where: Callable[[Tensor], Tensor] = lambda masked: masked) -> Tensor:
    """The posterior; or with another row, made of rho and the one-hot rows of letter and mask, or at other places."""
    row = coin(rho[:, None, None], one_hot(x0, num_states), one_hot(torch.tensor(mask_id), num_states))
    return torch.where(where(xt == mask_id)[..., None], row, one_hot(xt, num_states))


def _coin(coin: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable:
    return slip(absorbing_posterior, coin=coin)


def _rates_taking_turns(xt: Tensor, x0: Tensor, rho: Tensor, mask_id: int, num_states: int) -> Tensor:
    flat = absorbing_posterior(xt.reshape(-1, 1), x0.reshape(-1, 1), rho.repeat(xt.shape[1]), mask_id, num_states)
    return flat.reshape(*xt.shape, num_states)


def _one_rate_for_all(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """The first masked token's rate, that of its letter, explains the whole batch."""
    xt, x0, rho, mask_id, num_states = cases[0].args
    rates = np.take_along_axis(values[0], x0.numpy()[..., None], -1)[(xt == mask_id).numpy()]
    everyone = torch.full_like(rho, float(rates[0, 0]))
    return np.allclose(values[0], absorbing_posterior(xt, x0, everyone, mask_id, num_states).numpy(), atol=1e-5)


def _posterior_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randint(4, (3, 4), generator=generator)
    hidden = torch.tensor([[True, False, True, False], [False, True, True, False], [True, False, False, True]])
    rates = torch.tensor([0.2, 0.35, 0.9], dtype=torch.float64)
    many = torch.randint(250, 299, (6, 3), generator=generator)
    some = torch.arange(18).reshape(6, 3) % 4 < 2
    return [Case((torch.where(hidden, 4, x0), x0, rates, 4, 5), "batch of 3, n = 4, K = 5, the mask last"),
            Case((torch.where(hidden[:2], 0, x0[:2] + 1), x0[:2] + 1, rates[:2], 0, 5),
                 "batch of 2, K = 5, mask_id = 0"),
            Case((torch.tensor([[2, 2]]), torch.tensor([[1, 0]]), rates[1:2], 2, 3), "a single sequence, all masked"),
            Case((torch.tensor([[0, 1], [1, 0]]), torch.tensor([[2, 1], [1, 1]]), rates[:2], 0, 5),
                 "batch of 2, n = 2, K = 5, some states nowhere"),
            Case((torch.where(hidden[:, :3], 4, x0[:, :3]), x0[:, :3], rates.flip(0), 4, 5),
                 "batch of 3, n = 3, K = 5"),
            Case((torch.where(some, 299, many), many, torch.linspace(0.1, 0.8, 6), 299, 300),
                 "batch of 6, n = 3, K = 300, rho in float32"),
            Case((torch.where(hidden, 4, x0), x0, torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64), 4, 5),
                 "rho_t = 1", edge="with rho_t = 1 a masked token was its letter for certain"),
            Case((torch.where(hidden, 4, x0), x0, torch.tensor([1e-14, 1e-5, 0.5], dtype=torch.float64), 4, 5),
                 "rho_t = 1e-14", edge="rho_t may be small. Is there a threshold, a clamp or something added?")]


ABSORBING_POSTERIOR = Question(
    id="05-2-absorbing-posterior",
    points=2,
    name="absorbing_posterior",
    cases=_posterior_cases,
    reference=absorbing_posterior,
    # where rho_t is small: what 1 - (1 - rho_t) loses in float64 is forgiven, a threshold is not
    tolerance=lambda case, expected: 1e-4 * expected + np.where((expected > 0) & (expected < 1e-4), 1e-15, 1e-6),
    misconceptions=mistakes({
        "rho_t and 1 - rho_t are exchanged: rho_t is the probability that the token was its *letter* a step ago":
            slip(absorbing_posterior, rho=lambda rho: 1 - rho),
        "this is what the slide's formula gives, (1-rho_t) e_m for a masked token: the mass rho_t on x_0 is missing, "
        "and nothing would ever be revealed": _coin(lambda rho, letter, mask: (1 - rho) * mask),
        "a masked token stays a mask for certain here; with probability rho_t it was its letter, x_0, not x_t":
            _coin(lambda rho, letter, mask: mask),
        "a masked token is its letter for certain here; that is so with probability rho_t only":
            _coin(lambda rho, letter, mask: letter),
        "the rows of masked tokens sum to rho_t: the mask keeps the mass 1 - rho_t":
            _coin(lambda rho, letter, mask: rho * letter),
        "the rows of masked tokens do not sum to 1: the mask keeps 1 - rho_t, not 1":
            _coin(lambda rho, letter, mask: rho * letter + mask),
        "this is the way forward, in which a visible token may become the mask; asked is the way back, on which a "
        "masked token may have been its letter": lambda xt, x0, rho, mask_id, num_states: absorbing_posterior(
            mask_id * torch.ones_like(xt), xt, (1 - rho), mask_id, num_states),
        "visible tokens get a coin too; a visible token was never a mask, its row is one-hot":
            slip(absorbing_posterior, where=torch.ones_like),
        "the cases are exchanged: the coin belongs to the *masked* tokens":
            slip(absorbing_posterior, where=torch.logical_not),
        "the rows of visible tokens are zero; they are one-hot": slip(
            absorbing_posterior, lambda rows, xt, mask_id: torch.where((xt == mask_id)[..., None], rows, 0.0)),
        "the mass rho_t is spread over all letters; x_0 is known, and it is the only letter that it can be":
            _coin(lambda rho, letter, mask: rho * (1 - mask) / (len(mask) - 1) + (1 - rho) * mask),
        "the mass 1 - rho_t is spread over all the other states; all of it stands on the mask":
            _coin(lambda rho, letter, mask: rho * letter + (1 - rho) * (1 - letter) / (len(mask) - 1)),
        "the mask is taken for the last state; use mask_id":
            only_where(absorbing_posterior, lambda mask_id, num_states: mask_id == num_states - 1),
        "the mask is taken for state 0; use mask_id": only_where(absorbing_posterior, lambda mask_id: mask_id == 0),
        "the rho_t do not go with their sequences: laid out along the positions, `repeat` takes turns; use "
        "rho[:, None], or repeat_interleave": _rates_taking_turns,
        "every sequence has its own rho_t: here one number serves the whole batch": Shows(_one_rate_for_all),
        "an entry is negative: probabilities are asked for, not their logarithms":
            somewhere(lambda rows, *_: (rows < -1e-6).any()),
        "the last dimension does not sum to 1": somewhere(lambda rows, *_: (abs(rows.sum(-1) - 1) > 1e-3).any()),
    }),
)


# 05-3: what the model need not learn

def _probabilities(logits: Tensor, xt: Tensor, mask_id: int, *, at_masks: str = "all but the mask",
                   at_visible: str = "the token", excluded: float = -math.inf) -> Tensor:
    """The softmax after carry-over; or where other states are left, or the excluded ones get another logit."""
    states, token = torch.arange(logits.shape[-1]), xt[..., None]
    left = {"all": states >= 0, "all but the mask": states != mask_id, "all but the token": states != token,
            "the token": states == token}
    return torch.where(torch.where(token == mask_id, left[at_masks], left[at_visible]), logits, excluded).softmax(-1)


def _right(logits: np.ndarray, xt: np.ndarray, mask_id: int) -> np.ndarray:
    return _probabilities(torch.from_numpy(logits), torch.from_numpy(xt), mask_id).numpy()


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).double().softmax(-1).numpy()


def _softmax_unless_nan(case: Case, value: np.ndarray) -> np.ndarray:
    if np.isnan(value).any():
        raise ValueError("the logits hold NaN")
    if (value == np.inf).any():
        raise ValueError("a logit is +infinity: its softmax is NaN; exclude states with -inf instead")
    if (value == -np.inf).all(-1).any():
        raise ValueError("a row excludes every state, its softmax is NaN")
    return _softmax(value)


def _same_softmax(value: np.ndarray, logits: np.ndarray, xt: np.ndarray, mask_id: int) -> np.ndarray:
    """Which positions have the right softmax, (batch, n)."""
    return (np.abs(_softmax(value) - _right(logits, xt, mask_id)) < 1e-4).all(-1)


def _finite_not_below(limit: float) -> Shows:
    """Excluded states have one finite logit, not below the limit, or -inf; all else is right."""
    def test(value: np.ndarray, logits: np.ndarray, xt: np.ndarray, mask_id: int) -> bool:
        excluded = _right(logits, xt, mask_id) == 0
        finite = value[excluded & np.isfinite(value)]
        return bool(len(finite) and (finite == finite[0]).all() and limit <= finite[0] <= 0
                    and _same_softmax(np.where(excluded, -np.inf, value), logits, xt, mask_id).all())

    return everywhere(test)


def _likelier_only(value: np.ndarray, logits: np.ndarray, xt: np.ndarray, mask_id: int) -> bool:
    """Masked positions are right; at visible ones the token is more probable than the network says, not certain."""
    visible = xt != mask_id
    ours, raw = (np.take_along_axis(_softmax(each), xt[..., None], -1)[..., 0][visible] for each in (value, logits))
    return bool(_same_softmax(value, logits, xt, mask_id)[~visible].all() and (ours >= raw).all()
                and ((ours < 1).any() or not visible.any()))


def _right_states_excluded(value: np.ndarray, logits: np.ndarray, xt: np.ndarray, mask_id: int) -> bool:
    """The states that must have probability 0 have it; visible positions are right."""
    excluded = _right(logits, xt, mask_id) == 0
    return bool((_softmax(value)[excluded] < 1e-6).all() and (value > -np.inf).any(-1).all()
                and _same_softmax(value, logits, xt, mask_id)[xt != mask_id].all())


def _carry_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 5, 4, dtype=torch.float64, generator=generator)
    x0 = torch.randint(3, (2, 5), generator=generator)
    hidden = torch.tensor([[True, False, True, False, False], [False, True, True, True, False]])
    return [Case((logits, torch.where(hidden, 3, x0), 3), "batch of 2, n = 5, K = 4, the mask last"),
            Case((logits, torch.where(hidden, 0, x0 + 1), 0), "batch of 2, K = 4, mask_id = 0"),
            Case((logits.float(), torch.where(hidden, 3, x0), 3), "float32 logits"),
            Case((logits, torch.full_like(x0, 3), 3), "everything masked"),
            Case((logits + 400 * torch.eye(4, dtype=torch.float64)[(x0 + 1) % 3], torch.where(hidden, 3, x0), 3),
                 "a network that is very sure of another token",
                 edge="a visible token is certain whatever the network said: exclude the other states, with -inf"),
            Case((torch.where(hidden[..., None] & (torch.arange(4) != 3), logits - 200, logits),
                  torch.where(hidden, 3, x0), 3), "a network that is very sure of the mask",
                 edge="at a masked position the mask is excluded, with -inf, and the others keep their logits"),
            Case((1e5 * logits, torch.where(hidden, 3, x0), 3), "logits of some 100,000",
                 edge="a network may be as sure as it likes: exclude the other states with -inf, add nothing"),
            Case((logits + 2000 * (torch.arange(4) == 3), torch.where(hidden, 3, x0), 3),
                 "the logit of the mask 2,000 above the others",
                 edge="exclude the mask before any softmax: after it nothing may be left of the others"),
            Case((logits[:, :2], torch.tensor([[0, 1], [1, 0]]), 0), "batch of 2, n = 2, some states nowhere",
                 edge="there are as many states as logits, whichever of them occur"),
            Case((logits[:, :2], torch.tensor([[3, 1], [0, 3]]), 3), "batch of 2, n = 2",
                 edge="the batch may be as large as a sequence is long, or larger"),
            Case((logits[:1, :1].expand(3, -1, -1), torch.tensor([[3], [1], [0]]), 3), "batch of 3, n = 1",
                 edge="the batch may be as large as a sequence is long, or larger"),
            Case((logits[:1], torch.where(hidden[:1], 3, x0[:1]), 3), "a single sequence",
                 edge="a batch of one keeps its dimension")]


def _nearly_right(value: np.ndarray, logits: np.ndarray, xt: np.ndarray, mask_id: int) -> bool:
    """True if the softmax is right but for small probabilities where there should be none."""
    softmax, right = _softmax(value), _right(logits, xt, mask_id)
    return bool(np.isfinite(value).all() and np.allclose(softmax, right, rtol=0, atol=1e-5)
                and (softmax[right == 0] > 1e-13).any())


CARRY_OVER = Question(
    id="05-3-carry-over",
    points=2,
    name="carry_over",
    cases=_carry_cases,
    reference=_probabilities,
    stand_in=carry_over,
    view=_softmax_unless_nan,
    expects=lambda case: (tuple(case.args[0].shape), "f"),
    tolerance=lambda case, expected: np.where(expected == 0, 1e-13, 1e-5),
    misconceptions=mistakes({
        "nothing is changed: these are the softmaxes of the network's own logits (`out[where][:, k] = ...` writes into "
        "a copy)":
            slip(_probabilities, at_masks="all", at_visible="all"),
        "visible tokens are right; at masked positions the mask must have probability 0":
            slip(_probabilities, at_masks="all"),
        "masked positions are right; a visible token must be certain, its softmax one-hot":
            slip(_probabilities, at_visible="all"),
        "the mask is excluded everywhere, which is right at masked positions; a visible token must be certain, its "
        "softmax one-hot": slip(_probabilities, at_visible="all but the mask"),
        "the mask is excluded at *visible* positions; it must go at the masked ones, and a visible token must be "
        "certain": slip(_probabilities, at_masks="all", at_visible="all but the mask"),
        "the cases are exchanged: it is at *visible* positions that the token alone is left, at masked ones all but "
        "the mask": slip(_probabilities, at_masks="the token", at_visible="all but the mask"),
        "a logit is +infinity: its softmax is NaN; exclude states with -inf instead":
            somewhere(lambda value, *_: (value == np.inf).any()),
        "the logits hold NaN: 0 times infinity is one; put -inf in with torch.where or masked_fill":
            somewhere(lambda value, *_: np.isnan(value).any()),
        "at masked positions everything *but* the mask is excluded; it is the mask that must go":
            slip(_probabilities, at_masks="the token"),
        "the tokens that are seen are excluded; a visible token is the one that is certain":
            slip(_probabilities, at_visible="all but the token"),
        "what is excluded keeps a small probability; with a logit of -inf it is 0": everywhere(_nearly_right),
        "these are probabilities, not logits: leave the softmax to the caller":
            everywhere(lambda value, *args: np.allclose(value, _right(*args), atol=1e-4)),
        "visible tokens hold one-hot *probabilities*; as logits they say next to nothing (softmax of 1 and 0): exclude "
        "the other states with -inf": somewhere(
            lambda value, logits, xt, mask_id: (xt != mask_id).any() and np.allclose(
                value[xt != mask_id], np.eye(value.shape[-1])[xt[xt != mask_id]])),
        "the mask is taken for the last state; use mask_id": everywhere(
            lambda value, logits, xt, mask_id:
            _same_softmax(value, logits, xt, mask_id).all() == (mask_id == logits.shape[-1] - 1)),
        "logits[:, mask_id] is a position, and all its states are excluded; the states are the last dimension, "
        "logits[..., mask_id]": everywhere(lambda value, logits, xt, mask_id: (value[:, mask_id] == -np.inf).all()),
        "a row excludes every state, its softmax is NaN; a visible token must be left allowed": somewhere(
            lambda value, logits, xt, mask_id: (value[xt != mask_id] == -np.inf).all(-1).any()),
        "a row excludes every state, its softmax is NaN; at masked positions only the mask must go": somewhere(
            lambda value, logits, xt, mask_id: (value[xt == mask_id] == -np.inf).all(-1).any()),
        "a state that is to be excluded has the logit 0, which is no probability of 0: exclude it with -inf":
            (slip(_probabilities, excluded=0.0), _finite_not_below(0.0)),
        "excluded states keep some mass, their logits are low but not low enough: -inf is probability 0":
            _finite_not_below(-100.0),
        "a visible token is made likelier, not certain: exclude the other states with -inf":
            everywhere(_likelier_only),
        "a masked position is filled with the likeliest letter; all letters keep their logits there":
            slip(_probabilities, lambda probs: one_hot(probs.argmax(-1), probs.shape[-1])),
        "the right states are excluded, but at masked positions the others do not keep their logits":
            everywhere(_right_states_excluded),
    }),
)


# 05-4: the loss

def weighted_loss(log_probs: Tensor, x0: Tensor, xt: Tensor, rho: Tensor, mask_id: int, *,
                  price: Callable[[Tensor], Tensor] = torch.neg,
                  where: Callable[[Tensor], Tensor] = lambda masked: masked,
                  weight: Callable[..., Tensor] = lambda rho, n, k: rho) -> Tensor:
    """The loss; or with other prices of log p, tokens that are counted, or weights, k of n tokens being masked."""
    masked = xt == mask_id
    prices = price(log_probs.gather(-1, x0[..., None]).squeeze(-1))
    return weight(rho, xt.shape[1], masked.sum(-1)) * torch.where(where(masked), prices, 0.0).sum(-1)


def _one_token_each(log_probs: Tensor, x0: Tensor, xt: Tensor, rho: Tensor, mask_id: int) -> Tensor:
    """Of each sequence the last masked token."""
    masked = xt == mask_id
    last = masked & (masked.flip(1).cumsum(1).flip(1) == 1)
    return weighted_loss(log_probs, x0, torch.where(last, mask_id, x0 + (x0 == mask_id)), rho, mask_id)


def _unweighted(rho: Tensor, n: int, k: Tensor) -> Tensor:
    return torch.ones_like(rho)


def _constant_times_rho(value: np.ndarray, log_probs: np.ndarray, x0: np.ndarray, xt: np.ndarray, rho: np.ndarray,
                        mask_id: int) -> bool:
    """True for whole multiples of rho_t, as where nothing is summed but ones."""
    times = value / rho
    return bool(np.ptp(times) < 1e-6 and abs(times[0] - np.round(times[0])) < 1e-6)


def _relative(values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return values / values[:1]


def _loss_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(3, 5, 4, dtype=torch.float64, generator=generator).log_softmax(-1)
    x0 = torch.randint(3, (3, 5), generator=generator)
    hidden = torch.tensor([[True, False, True, False, False], [False, True, True, True, False],
                           [True, False, False, True, True]])
    rates = torch.tensor([1.0, 0.35, 0.6], dtype=torch.float64)
    xt = torch.where(hidden, 3, x0)
    # The mask first: the same letters, counted from 1, and the log-probabilities in that order.
    first = (log_probs.roll(1, -1), x0 + 1, torch.where(hidden, 0, x0 + 1), rates, 0)
    certain = torch.where((xt == 3)[..., None], log_probs, torch.full_like(log_probs, -torch.inf))
    none = torch.where(torch.tensor([[False], [True], [True]]), xt, x0)
    sure = log_probs.scatter(-1, x0[..., None], torch.where(xt == 3, -70.0, -1.0).double()[..., None]).log_softmax(-1)
    wide = torch.randn(6, 3, 300, generator=generator).log_softmax(-1)
    many = torch.randint(250, 299, (6, 3), generator=generator)
    some = torch.arange(18).reshape(6, 3) % 4 < 2
    return [Case((log_probs, x0, xt, rates, 3), "batch of 3, n = 5, K = 4, the mask last"),
            Case(first, "batch of 3, K = 4, mask_id = 0"),
            Case((log_probs[:1], x0[:1], xt[:1], rates[2:], 3), "a single sequence"),
            Case((log_probs[:, :3], x0[:, :3], xt[:, :3], rates, 3), "batch of 3, n = 3"),
            Case((log_probs[::2, :1], x0[::2, :1], xt[::2, :1], rates[::2], 3), "batch of 2, n = 1"),
            Case((wide, many, torch.where(some, 299, many), torch.linspace(0.3, 0.9, 6), 299),
                 "batch of 6, n = 3, K = 300, in float32"),
            Case((log_probs, x0, none, rates, 3), "one sequence without masks",
                 edge="where nothing is masked the loss is 0"),
            Case((log_probs, x0, none.flip(0), rates, 3), "the last sequence without masks",
                 edge="where nothing is masked the loss is 0, at the end of the batch, too"),
            Case(((1e4 * sure).log_softmax(-1), x0, xt, rates, 3), "masked tokens with log p far below -100",
                 edge="a model that is sure of the wrong token pays for it: -log p is not limited"),
            Case((sure, x0, xt, rates, 3), "a masked token with log p = -70",
                 edge="a model that is sure of the wrong token pays for it: -log p is not limited"),
            Case((certain, x0, xt, rates, 3), "log-probabilities of -inf at visible positions",
                 edge="visible tokens must be left out, not multiplied by 0: 0 times infinity is NaN")]


WEIGHTED_LOSS = Question(
    id="05-4-weighted-loss",
    points=2,
    name="weighted_loss",
    cases=_loss_cases,
    reference=weighted_loss,
    misconceptions=mistakes({
        "all tokens are counted; only masked ones are, the indicator [x_t^i = e_m]":
            slip(weighted_loss, where=torch.ones_like),
        "masked tokens whose symbol is 0 are left out: is 0 the number that is ignored? It is a symbol like others":
            slip(weighted_loss, xt=lambda xt, x0: torch.where(x0 == 0, -1, xt)),
        "the *visible* tokens are counted; it is the masked ones that pay":
            slip(weighted_loss, where=torch.logical_not),
        "the mean over masked tokens; the bound has their *sum*":
            slip(weighted_loss, weight=lambda rho, n, k: rho / k),
        "the mean over masked tokens times n; the bound has their *sum*, however many they are":
            slip(weighted_loss, weight=lambda rho, n, k: rho * n / k),
        "the mean over all n tokens; the bound has the sum": slip(weighted_loss, weight=lambda rho, n, k: rho / n),
        "the factor rho_t is missing": slip(weighted_loss, weight=_unweighted),
        "the factor rho_t is missing, and the sum over masked tokens has become a mean":
            slip(weighted_loss, weight=lambda rho, n, k: 1 / k),
        "all tokens are counted, and the factor rho_t is missing":
            slip(weighted_loss, where=torch.ones_like, weight=_unweighted),
        "divided by rho_t; multiply by it": slip(weighted_loss, weight=lambda rho, n, k: 1 / rho),
        "the weight is 1 - rho_t; it is rho_t": slip(weighted_loss, weight=lambda rho, n, k: 1 - rho),
        "the sign is off: the loss is -log p, never negative": slip(weighted_loss, lambda loss: -loss),
        "the probability of the *mask* is scored, because x_t is gathered; score the true token, x_0":
            slip(weighted_loss, x0=lambda xt: xt),
        "all tokens are counted, and x_t is gathered in the place of x_0":
            slip(weighted_loss, x0=lambda xt: xt, where=torch.ones_like),
        "rho_t stands inside the logarithm; it is a factor in front of the sum": slip(
            weighted_loss, log_probs=lambda log_probs, rho: log_probs + rho.log()[:, None, None], weight=_unweighted),
        "rho_t stands inside the logarithm, too; it is a factor in front of the sum, and nowhere else": slip(
            weighted_loss, log_probs=lambda log_probs, rho: log_probs + rho.log()[:, None, None]),
        "of each sequence only one masked token is counted: `out[rows] += loss` adds once to a row that is named "
        "several times. Use index_add_, or torch.where and a sum": _one_token_each,
        "a masked token pays 1 - p here; it pays -log p": slip(weighted_loss, price=lambda log_p: 1 - log_p.exp()),
        "this is the probability, not its logarithm: log_probs are logarithms already, no exp":
            slip(weighted_loss, price=torch.exp),
        "the logarithm is taken once more: log_probs are logarithms already":
            slip(weighted_loss, price=lambda log_p: -(-log_p).log()),
        "the result holds NaN: log_probs are logarithms already, and negative; no further logarithm":
            everywhere(lambda value, *_: np.isnan(value).all()),
        "the likeliest token is scored; score the true one, x_0":
            slip(weighted_loss, x0=lambda log_probs: log_probs.argmax(-1)),
        "every state is scored, not only the true token: gather x_0": slip(
            weighted_loss, log_probs=lambda log_probs: log_probs.sum(-1, keepdim=True).expand_as(log_probs)),
        "this is in bits; asked are nats": slip(weighted_loss, lambda loss: loss / math.log(2)),
        "rho_t is squared": slip(weighted_loss, weight=lambda rho, n, k: rho**2),
        "these are multiples of rho_t that do not hang on log_probs: rho_t weighs what the masked tokens of each "
        "sequence cost": everywhere(_constant_times_rho),
        "the masked tokens of the whole batch are thrown together; every sequence sums its own. A library loss needs "
        "reduction=\"none\", and indexing with a boolean mask flattens the batch": everywhere(
            lambda value, log_probs, x0, xt, rho, mask_id: np.ptp(value / rho) < 1e-4 * np.abs(value).max()),
        "divided by the number of sequences, as a mean over the batch is; each sequence has its own loss": slip(
            weighted_loss, lambda loss: loss / len(loss)),
        "rho_t is applied token by token along the wrong dimension, or one rho_t to all sequences: each sequence has "
        "its own": Shows(lambda cases, values: np.allclose(_relative(values[0]), _relative(
            weighted_loss(*cases[0].args, weight=_unweighted).numpy()), rtol=1e-4)),
        "the mask is taken for the last state; use mask_id":
            only_where(weighted_loss, lambda log_probs, mask_id: mask_id == log_probs.shape[-1] - 1),
    }),
)


# 05-5: one step stands for all

_NUM_ROWS = 6000
_RATES = torch.tensor([0.2, 0.6, 1.0], dtype=torch.float64)     # rho = 1, 2/3, 2/5
_PRICES = (1.0, 0.35)                                           # what the two tokens cost when masked


class _PriceList(GivenFunction):
    """A model whose token i pays _PRICES[i] when it is masked, so that a draw tells its t and its masks."""

    def __init__(self, x0: Tensor, mask_id: int):
        self.x0, self.mask_id = x0.clone(), mask_id

    def __call__(self, xt: Tensor) -> Tensor:
        xt = torch.as_tensor(xt)
        if xt.shape != self.x0.shape:
            raise ValueError(f"masked_loss takes the whole batch, xt of shape {tuple(self.x0.shape)}, not "
                             f"{tuple(xt.shape)}")
        if xt.is_floating_point() or xt.dtype == torch.bool:
            raise TypeError(f"masked_loss takes integer states, not {xt.dtype}")
        masked = xt == self.mask_id
        if (xt[~masked] != self.x0[~masked]).any():
            raise ValueError("masked_loss was given a token that is neither x_0 nor mask_id")
        return (masked * torch.tensor(_PRICES, dtype=torch.float64)).sum(-1)


def single_term(masked_loss: Callable, x0: Tensor, mask_rate: Tensor, mask_id: int,
                generator: torch.Generator) -> Tensor:
    before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
    step = torch.randint(len(mask_rate), x0.shape[:1], generator=generator)
    masked = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
    return len(mask_rate) * ((mask_rate - before) / mask_rate)[step] * masked_loss(torch.where(masked, mask_id, x0))


_PATTERNS = list(itertools.product((False, True), repeat=2))
_BEFORE = torch.cat([_RATES.new_zeros(1), _RATES[:-1]])
_BETA = (_RATES - _BEFORE) / (1 - _BEFORE)
_RHO = (_RATES - _BEFORE) / _RATES


def _one_t(rate: float) -> Tensor:
    """The probability of each pattern, (4,), if every token is masked with this rate, by itself."""
    return torch.tensor([np.prod([rate if masked else 1 - rate for masked in pattern]) for pattern in _PATTERNS])


def _alike(rate: float) -> Tensor:
    return torch.tensor([1 - rate, 0, 0, rate]).double()


def _any_t(rate: float) -> Tensor:
    """Masked at a t of its own, whatever the rate of the other is."""
    return torch.stack([_one_t(float(each)) for each in _RATES]).mean(0)


def _evenly_spread(rate: float) -> Tensor:
    """The two coins are one number u and the one half a turn away: (u + i/2) mod 1."""
    none, both = max(1 - 2 * rate, 0), max(2 * rate - 1, 0)
    return torch.tensor([none, (1 - none - both) / 2, (1 - none - both) / 2, both]).double()


def _at_least_one(rate: float) -> Tensor:
    """Where both coins say no, the smaller number masks its token."""
    none, first, second, both = _one_t(rate)
    return torch.stack([0 * none, first + none / 2, second + none / 2, both])


def _values(weights: Tensor, mean: bool = False) -> np.ndarray:
    """The possible values other than 0, (T, 3): weights[t-1] times the price of each pattern with a mask."""
    prices = [sum(price for price, masked in zip(_PRICES, pattern, strict=True) if masked)
              / (sum(pattern) if mean else 1) for pattern in _PATTERNS[1:]]
    return weights[:, None].numpy() * np.array(prices)


_POSSIBLE = _values(3 * _RHO)


def _law(*, steps: Sequence[float] = (1, 1, 1), rates: Sequence[float] | Tensor = _RATES,
         weighed_as: Sequence[int] = (1, 2, 3), one_t: Callable[[float], Tensor] = _one_t) -> Callable:
    """A function of a case, whatever it holds: the probability of 0 and of each value in _POSSIBLE, (10,).

    steps       how often t = 1, 2, 3 is drawn, in thirds; what is missing from 1 gives 0
    rates       with which probability a token is masked then
    weighed_as  the step whose rho_t stands in the weight; 0 for none, the value is 0
    one_t       the probability of each pattern at a rate
    """
    law = torch.zeros(4, 4, dtype=torch.float64)
    few = torch.ones(1, dtype=torch.float64)    # of a few draws it is only asked whether they are possible
    for share, rate, step in zip(steps, rates, weighed_as, strict=True):
        law[step] += share / 3 * one_t(float(rate))
    whole = torch.cat([1 - law[1:, 1:].sum()[None], law[1:, 1:].flatten()])
    return lambda masked_loss, x0, mask_rate, mask_id: whole if len(x0) == _NUM_ROWS else few


def _numbers(draws: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """Which of the possible values each draw is, counted from 1 row by row; 0 for a 0, -1 for another value."""
    distance = np.abs(draws.astype(float)[:, None] - np.concatenate([[0.0], possible.flatten()]))
    return np.where(distance.min(1) < 1e-4, distance.argmin(1), -1)


def _all_among(draws: np.ndarray, possible: np.ndarray) -> bool:
    return bool((_numbers(draws, possible) >= 0).all())


def _steps(numbers: np.ndarray) -> np.ndarray:
    """The t of each sequence, (batch,), of three numbers a step; 0 where nothing is masked."""
    return (numbers + 2) // 3


def _frequencies(case: Case, draws: np.ndarray) -> np.ndarray:
    numbers = _numbers(draws, _POSSIBLE)
    if (numbers < 0).any():
        raise ValueError("wrong value: a draw that is not T rho_t times what masked tokens pay, for any t")
    return np.bincount(numbers, minlength=10) / len(draws) if len(draws) == _NUM_ROWS else np.ones(1)


def _name_of_draw(case: Case, index: tuple[int, ...]) -> str:
    """"of 6,000 sequences, the share with t = 2 and masks at position 0": an entry of `_frequencies`."""
    if index == (0,):
        return f"of {_NUM_ROWS:,} sequences, the share that pays 0"
    step, pattern = divmod(index[0] - 1, 3)
    places = [str(place) for place, masked in enumerate(_PATTERNS[1 + pattern]) if masked]
    return (f"of {_NUM_ROWS:,} sequences, the share with t = {step + 1} and "
            f"{'a mask' if len(places) == 1 else 'masks'} at {' and '.join(places)}")


def _one_tells_of_another(numbers: list[np.ndarray]) -> bool:
    return any(dependent(np.eye(10)[each], np.zeros(len(each), int)) for each in numbers)


def _weights(weights: Tensor, mean: bool = False) -> Shows:
    return everywhere(lambda draws, *_: _all_among(draws, _values(weights, mean)))


def _where_weights_are_right(test: Callable[[list[np.ndarray]], bool], *, always: bool = False) -> Shows:
    """The test of which numbers (`_numbers`) were drawn in each case: what t and masks are, not what they weigh."""
    def shows(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        numbers = [_numbers(value, _POSSIBLE) for value in values]
        return all((each >= 0).all() for each in numbers) and test(numbers)

    return Shows(shows, always)


def _steps_not_drawn(numbers: list[np.ndarray]) -> bool:
    """With two seeds, every sequence has the same t wherever both draws tell it."""
    first, second = _steps(numbers[0]), _steps(numbers[2])
    told = (first > 0) & (second > 0)
    return bool((first == second)[told].all() and len(set(first[told])) > 1)


def _steps_dealt_out(numbers: list[np.ndarray]) -> bool:
    """t = 3, where all is masked, comes up in a third of the sequences to the very one, whatever the seed."""
    return all((_steps(each) == 3).sum() == _NUM_ROWS / 3 for each in numbers)


def _patterns_seen(numbers: np.ndarray) -> np.ndarray:
    """Which pattern with a mask ever came up with which t, (T, 3)."""
    return np.bincount(numbers, minlength=10)[1:].reshape(3, 3) > 0


def _same_coins_for_all(numbers: list[np.ndarray]) -> bool:
    seen = [_patterns_seen(each) for each in numbers]
    return all((each.sum(1) <= 1).all() and each.any(1).sum() > 1 for each in seen)


def _same_number_of_masks(numbers: list[np.ndarray]) -> bool:
    seen = _patterns_seen(np.concatenate(numbers))
    return bool(not (seen[:, :2].any(1) & seen[:, 2]).any() and seen[:, :2].any())


def _one_step_for_all(draws: np.ndarray, *_: object) -> bool:
    """All values are those of one t, and 0 as often as this t gives it."""
    return any(_all_among(draws, row) and abs((draws == 0).mean() - (1 - rate)**2) < 0.05
               for row, rate in zip(_POSSIBLE, _RATES.tolist(), strict=True))


def _first_weight_wraps_round(draws: np.ndarray, *_: object) -> bool:
    """lambda_T stands in the place of lambda_0; the other weights are right."""
    weights = 3 * torch.cat([1 - _RATES[-1:] / _RATES[:1], _RHO[1:]])
    return bool((draws < 0).any()) and _all_among(draws, _values(weights))


def _right_on_average(draws: np.ndarray, *_: object) -> bool:
    """The mean is the bound, lambda_T = 1 times the prices, but the draws are others than one t gives."""
    return bool(np.isfinite(draws).all() and not _all_among(draws, _POSSIBLE)
                and abs(draws.mean() - sum(_PRICES)) < 5 * draws.std() / _NUM_ROWS**0.5 + 1e-9)


def _single_term_cases(seed: int) -> list[Case]:
    x0 = torch.randint(300, (_NUM_ROWS, 2), generator=torch.Generator().manual_seed(seed))
    label = "T = 3, lambda = 0.2, 0.6, 1, 6000 sequences of 2 tokens"
    return [Case((_PriceList(x0, 300), x0, _RATES, 300), label, seed + 11),
            Case((_PriceList(x0, 300), x0, _RATES, 300), label, seed + 11),
            Case((_PriceList(x0, 300), x0, _RATES, 300), label, seed + 12),
            other := Case((_PriceList(x0 + 1, 0), x0 + 1, _RATES, 0), label + ", mask_id = 0", seed + 13),
            replace(other, goes_on=True),
            *(Case((_PriceList(x0[:size], 300), x0[:size], _RATES, 300), f"a batch of {size}", seed + 14,
                   edge="a batch may have one sequence, or as many as a sequence has tokens") for size in (1, 2))]


SINGLE_TERM = Question(
    id="05-5-single-term",
    points=3,
    name="single_term",
    cases=_single_term_cases,
    reference=_law(),
    stand_in=single_term,
    view=_frequencies,
    entry=_name_of_draw,
    expects=lambda case: ((len(case.args[1]),), "f"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / _NUM_ROWS) + 1e-9,
    misconceptions=mistakes({
        "every draw is 0: no token handed to masked_loss is masked; put mask_id where the coin says so":
            everywhere(lambda draws, *_: (draws == 0).all()),
        "the loss is divided by the number of masked tokens, 0/0 where there is none; the bound has their *sum*":
            everywhere(lambda draws, *_: np.isnan(draws).any() and _all_among(
                draws[~np.isnan(draws)], _values(3 * _RHO, mean=True))),
        "the draws hold NaN: is t = 0 among them? rho_0 is 0/0; t is uniform on 1..T":
            everywhere(lambda draws, *_: np.isnan(draws).any()),
        "a mean over the batch, or over draws, has been taken: every sequence has its own estimate":
            everywhere(lambda draws, *_: len(np.unique(np.round(draws, 6))) == 1),
        **seeding(same=[(0, 1)], other=(0, 2), again=(3, 4)),
        "a sequence has the same t whatever the seed; draw every t, with the generator":
            _where_weights_are_right(_steps_not_drawn, always=True),
        "every t comes up exactly equally often; each sequence draws its own t, independently of the others":
            _where_weights_are_right(_steps_dealt_out, always=True),
        "what one sequence drew tells of another; every sequence draws its t and its coins independently":
            _where_weights_are_right(_one_tells_of_another, always=True),
        # the weights
        "one t serves the whole batch; every sequence draws its own": everywhere(_one_step_for_all),
        "the weight rho_t is missing, and the factor T too": _weights(torch.ones(3)),
        "the factor T is missing: one step stands for T of them": _weights(_RHO),
        "the weight rho_t is missing": _weights(3 * torch.ones(3)),
        "multiplied by t; the factor is T, one step stands for T of them": _weights(torch.arange(1, 4) * _RHO),
        "multiplied by 2, here T - 1 and also n; the factor is T, one step stands for T of them": _weights(2 * _RHO),
        "the weight is T/t, right for the linear schedule only; it is T rho_t, from mask_rate":
            _weights(3 / torch.arange(1, 4)),
        "the weight is lambda_t - lambda_{t-1}; rho_t is that divided by lambda_t": _weights(3 * (_RATES - _BEFORE)),
        "the weight is 1/lambda_t, that of the continuous bound; in discrete time it is rho_t = (lambda_t - "
        "lambda_{t-1}) / lambda_t, times T": _weights(1 / _RATES),
        "the weight is T/lambda_t; it is T rho_t, rho_t = (lambda_t - lambda_{t-1}) / lambda_t": _weights(3 / _RATES),
        "the weight is beta_t, the way forward; it is rho_t = (lambda_t - lambda_{t-1}) / lambda_t":
            _weights(3 * _BETA),
        "the weight is lambda_t; it is rho_t = (lambda_t - lambda_{t-1}) / lambda_t": _weights(3 * _RATES),
        "the weight is infinite for some t: rho_t divides by lambda_t, the share that is masked":
            everywhere(lambda draws, *_: np.isinf(draws).any()),
        "the weight is 1 - rho_t, the probability of staying masked": _weights(3 * (1 - _RHO)),
        "the weight of t = 1 is negative: lambda_0 = 0 stands before lambda_1, so rho_1 = 1":
            everywhere(_first_weight_wraps_round),
        "the loss is divided by n; the bound has a sum over tokens": _weights(3 * _RHO / 2),
        "the loss is divided by the number of masked tokens; the bound has their *sum*": _weights(3 * _RHO, mean=True),
        "the loss is divided by the share of the tokens that is masked; the bound has their *sum*":
            everywhere(lambda draws, *_: _all_among(draws, _values(6 * _RHO, mean=True)) and not _all_among(
                draws, _POSSIBLE)),
        "multiplied by T^2: the factor T belongs in once": _weights(9 * _RHO),
        "the loss is divided by T; one step stands for T of them, so multiply": _weights(_RHO / 3),
        "the sign is off: masked_loss is positive already": _weights(-3 * _RHO),
        "all t have one weight, the sum of the rho_t (T times their mean): right on average where t is drawn in "
        "proportion to rho_t, but asked is a uniform t, weighed by T rho_t of that t":
            _weights(_RHO.sum() * torch.ones(3)),
        "no sequence is without masks: the coins may all fall the other way, and the draw is 0 then. Do not toss again":
            everywhere(lambda draws, *_: (draws > 0).all() and _all_among(draws, _POSSIBLE)),
        "right on average, but not from one t (is masked_loss called once?): draw a single t and a single X_t for each "
        "sequence":
            everywhere(_right_on_average),
        # t
        "t = T is never drawn: t is uniform on 1..T, and torch.randint leaves its upper end out":
            _law(steps=(1.5, 1.5, 0)),
        "t = T is never drawn, and t = 0 in its place: t is uniform on 1..T": _law(steps=(1, 1, 0)),
        "t = 1 is never drawn: t is uniform on 1..T": _law(steps=(0, 1.5, 1.5)),
        "t = 1 gives 0 whatever is masked: lambda_0 = 0, so rho_1 = 1": _law(weighed_as=(0, 2, 3)),
        "t is drawn with the probabilities lambda_t; it is uniform on 1..T, and the weight makes up for it":
            _law(steps=(3 * _RATES / _RATES.sum()).tolist()),
        "the weight is that of another step: rho_t belongs to the t whose lambda_t masks":
            (*(_law(weighed_as=steps) for steps in [(2, 3, 1), (2, 3, 3), (3, 1, 2), (1, 1, 2)]), _law(one_t=_any_t)),
        # the masks
        "a whole sequence shares one coin; every token needs a coin of its own": _law(one_t=_alike),
        "the number of masks of a sequence is as near lambda_t n as it can be, as if it were drawn first, or one "
        "number spread evenly over the tokens; every token needs a coin of its own":
            _law(one_t=_evenly_spread),
        "lambda_t is the probability of being masked; here it is that of staying": _law(rates=1 - _RATES),
        "masked with lambda_{t-1}; X_t is masked with lambda_t": _law(rates=_BEFORE),
        "masked with beta_t, the rate of a single step; X_t is masked with lambda_t": _law(rates=_BETA),
        "masked with rho_t; X_t is masked with lambda_t": _law(rates=_RHO),
        "masked with t/T, the rate of the linear schedule; X_t is masked with lambda_t, from mask_rate":
            _law(rates=(1 / 3, 2 / 3, 1)),
        "every token is masked with 1/2, whatever t is; the rate is lambda_t": _law(rates=(0.5, 0.5, 0.5)),
        "every token is masked, whatever t is; the rate is lambda_t": _law(rates=(1, 1, 1)),
        "at least one token is masked in every sequence; where no coin says so the draw is 0":
            _law(one_t=_at_least_one),
        "the same positions are masked in every sequence of a t; every token of every sequence needs a coin of its own":
            _where_weights_are_right(_same_coins_for_all),
        "all sequences of a t have the same number of masks; with a coin a token the number varies":
            _where_weights_are_right(_same_number_of_masks),
    }),
)

QUESTIONS = (RHO, ABSORBING_POSTERIOR, CARRY_OVER, WEIGHTED_LOSS, SINGLE_TERM)
