"""Topic 05: rho_t, the absorbing posterior, carry-over, the weighted loss, one step that stands for all."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import one_hot
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import carry_over as package_carry_over
from dlm_course.course.questions.question import Case, Misconception, Question

# 05-1: how fresh is the mask?


def rho(beta: Tensor) -> Tensor:
    schedule = Schedule(beta)
    return schedule.rho(torch.arange(1, schedule.num_steps + 1))


def _rho_cases(seed: int) -> list[Case]:
    some = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.05
    cosine = Schedule.cosine(5)
    return [Case((some,), "T = 6, ends at alpha_bar_T > 0"),
            Case((cosine.beta(torch.arange(1, 6)),), "cosine, T = 5"),
            Case((torch.tensor([0.3, 0.2, 0.0, 0.7], dtype=torch.float64),), "T = 4, a step that does nothing"),
            Case((torch.tensor([0.4], dtype=torch.float64),), "T = 1", edge="rho_1 is 1 for every schedule")]


def _products(beta: Tensor) -> tuple[Tensor, Tensor]:
    """alpha_bar_t and alpha_bar_{t-1} for t = 1..T."""
    alpha_bar = (1 - beta).cumprod(0)
    return alpha_bar, torch.cat([beta.new_ones(1), alpha_bar[:-1]])


def _with(beta: Tensor, formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    return formula(beta, *_products(beta))


def _after_the_first(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable:
    """True if the formula gives all values but the first, which may have been set by hand, or be x/0."""
    return lambda cases, values: all(
        np.allclose(value[1:], _with(*case.args, formula)[1:].numpy(), rtol=1e-4, atol=1e-6)
        for case, value in zip(cases, values, strict=True))


def _earlier(before: Tensor) -> Tensor:
    """alpha_bar_{t-2}, 1 where there is none."""
    return torch.cat([before.new_ones(1), before[:-1]])


def _nan_where_beta_is_1(cases, values) -> bool:
    return any(np.isnan(value).any() for value in values) and all(
        np.allclose(np.where(np.isnan(value) & (case.args[0] == 1).numpy(), right, value), right, rtol=1e-4, atol=1e-6)
        for case, value in zip(cases, values, strict=True) for right in [rho(*case.args).numpy()])


RHO = Question(
    id="05-1-rho",
    points=2,
    name="rho",
    cases=_rho_cases,
    reference=rho,
    misconceptions=(
        Misconception("alpha_bar_t stands in the numerator; it is alpha_bar_{t-1}: visible *until* t-1, then hit",
                      symptom=_after_the_first(lambda b, now, before: b * now / (1 - now))),
        Misconception("alpha_bar_{t-2} stands in the numerator; it is alpha_bar_{t-1}: visible *until* t-1, then hit",
                      symptom=_after_the_first(lambda b, now, before: b * _earlier(before) / (1 - now))),
        Misconception("alpha_bar is one step behind, alpha_bar_{t-2} above and alpha_bar_{t-1} below; they are "
                      "alpha_bar_{t-1} and alpha_bar_t",
                      symptom=_after_the_first(lambda b, now, before: b * _earlier(before) / (1 - before))),
        Misconception("the denominator is 1 - alpha_bar_{t-1}, masked before; the token is masked *at t*: 1 - "
                      "alpha_bar_t (and at t = 1 this is x/0)",
                      symptom=_after_the_first(lambda b, now, before: b * before / (1 - before))),
        Misconception("divided by 1 - alpha_bar_T, the same for every t; divide by 1 - alpha_bar_t",
                      lambda beta: _with(beta, lambda b, now, before: b * before / (1 - now[-1]))),
        Misconception("brackets are missing: x / 1 - alpha_bar_t is (x / 1) - alpha_bar_t; write x / (1 - alpha_bar_t)",
                      lambda beta: _with(beta, lambda b, now, before: b * before - now)),
        Misconception("this is beta_t alpha_bar_{t-1}, the share of *all* tokens masked in step t; rho_t is the share "
                      "of those masked at t: divide by 1 - alpha_bar_t",
                      lambda beta: _with(beta, lambda b, now, before: b * before)),
        Misconception("this is beta_t / (1 - alpha_bar_t); the token was also visible until then, which has "
                      "probability alpha_bar_{t-1}", lambda beta: _with(beta, lambda b, now, before: b / (1 - now))),
        Misconception("divided by alpha_bar_t, the tokens still visible; divide by those masked, 1 - alpha_bar_t",
                      lambda beta: _with(beta, lambda b, now, before: b * before / now)),
        Misconception("this is 1 - rho_t, the probability that the mask was there before", lambda beta: 1 - rho(beta)),
        Misconception("beta_t is the way forward, the share of the visible tokens that get masked; rho_t looks back, "
                      "among those that are masked", lambda beta: beta),
        Misconception("this is 1/t, right for the linear schedule only: use beta",
                      lambda beta: 1 / torch.arange(1, len(beta) + 1, dtype=beta.dtype)),
        Misconception("the values are one step off: the first should be rho_1 = 1", lambda beta: rho(beta).roll(-1)),
        Misconception("the values are one step off: the first should be rho_1 = 1", lambda beta: rho(beta).roll(1)),
        Misconception("the values come in the reverse order: rho_1 = 1 comes first", lambda beta: rho(beta).flip(0)),
        Misconception("these are the mask rates lambda_t = 1 - alpha_bar_t",
                      lambda beta: _with(beta, lambda b, now, before: 1 - now)),
        Misconception("these are the alpha_bar_t", lambda beta: _with(beta, lambda b, now, before: now)),
        Misconception("the betas are added up; alpha_bar_t is the *product* of the 1 - beta_s", lambda beta: (
            beta * (1 - beta.cumsum(0) + beta) / beta.cumsum(0))),
        Misconception("alpha_bar_t is the product of the beta_s here; it is that of the 1 - beta_s",
                      lambda beta: beta * torch.cat([beta.new_ones(1), beta.cumprod(0)[:-1]]) / (1 - beta.cumprod(0))),
        Misconception("1 - beta_t stands for alpha_bar_t; alpha_bar_t is the product of all the 1 - beta_s up to t",
                      symptom=lambda cases, values: np.allclose(
                          values[0][1:], 1 - cases[0].args[0][:-1].numpy(), rtol=1e-4)),
        Misconception("NaN where beta_t = 1: alpha_bar_t / (1 - beta_t) is 0/0 there; take alpha_bar_{t-1} from the "
                      "list of products, one place earlier", symptom=_nan_where_beta_is_1),
        Misconception("the first value is off: alpha_bar_0 = 1, so rho_1 = 1", symptom=lambda cases, values: all(
            np.allclose(value[1:], rho(*case.args)[1:].numpy(), rtol=1e-4, atol=1e-6)
            for case, value in zip(cases, values, strict=True))),
        Misconception("a probability above 1: is the denominator 1 - alpha_bar_t, with alpha_bar_t the product of the "
                      "1 - beta_s?", symptom=lambda cases, values: any((value > 1 + 1e-6).any() for value in values)),
    ),
)


# 05-2: two cases, no matrix

def absorbing_posterior(xt: Tensor, x0: Tensor, rho: Tensor, mask_id: int, num_states: int) -> Tensor:
    return _rows(xt, x0, rho, mask_id, num_states)


def _rows(xt: Tensor, x0: Tensor, rho: Tensor, mask_id: int, num_states: int, *, reveal: Tensor | float | None = None,
          stay: Tensor | float | None = None, visible: Tensor | None = None) -> Tensor:
    """The posterior, or what a mistake makes of the masses of a masked token or of the rows of visible ones."""
    rho = rho[:, None, None]
    reveal, stay = rho if reveal is None else reveal, 1 - rho if stay is None else stay
    clean, mask = one_hot(x0, num_states), one_hot(torch.tensor(mask_id), num_states)
    return torch.where((xt == mask_id)[..., None], reveal * clean + stay * mask, clean if visible is None else visible)


def _two_case_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randint(4, (3, 4), generator=generator)
    hidden = torch.tensor([[True, False, True, False], [False, True, True, False], [True, False, False, True]])
    rates = torch.tensor([0.2, 0.35, 0.9], dtype=torch.float64)
    return [Case((torch.where(hidden, 4, x0), x0, rates, 4, 5), "batch of 3, n = 4, K = 5, the mask last"),
            Case((torch.where(hidden[:2], 0, x0[:2] + 1), x0[:2] + 1, rates[:2], 0, 5),
                 "batch of 2, K = 5, mask_id = 0"),
            Case((torch.tensor([[2, 2]]), torch.tensor([[1, 0]]), rates[1:2], 2, 3), "a single sequence, all masked"),
            Case((torch.where(hidden, 4, x0), x0, torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64), 4, 5),
                 "rho_t = 1", edge="with rho_t = 1 a masked token was its letter for certain")]


def _right_where(condition: Callable[[int, int], bool]) -> Callable:
    """True if the answer is right in those cases alone whose mask_id and num_states satisfy the condition."""
    return lambda cases, values: all(
        np.allclose(value, absorbing_posterior(*case.args).numpy(), atol=1e-5) == condition(*case.args[3:])
        for case, value in zip(cases, values, strict=True))


def _one_rate_for_all(cases, values) -> bool:
    xt, x0, rates, mask_id, num_states = cases[0].args
    masses = np.take_along_axis(values[0], x0.numpy()[..., None], -1)[(xt == mask_id).numpy()]
    rate = torch.as_tensor(masses[0]).double().expand_as(rates)
    return np.allclose(values[0], absorbing_posterior(xt, x0, rate, mask_id, num_states).numpy(), atol=1e-5)


def _printed(xt: Tensor, x0: Tensor, rho: Tensor, mask_id: int, num_states: int) -> Tensor:
    return _rows(xt, x0, rho, mask_id, num_states, reveal=0.0)


ABSORBING_POSTERIOR = Question(
    id="05-2-absorbing-posterior",
    points=2,
    name="absorbing_posterior",
    cases=_two_case_cases,
    reference=absorbing_posterior,
    misconceptions=(
        Misconception("rho_t and 1 - rho_t are exchanged: rho_t is the probability that the token was its *letter* a "
                      "step ago", lambda xt, x0, rho, mask_id, num_states:
                      absorbing_posterior(xt, x0, 1 - rho, mask_id, num_states)),
        Misconception("this is what the slide's formula gives, (1-rho_t) e_m for a masked token: the mass rho_t on x_0 "
                      "is missing, and nothing would ever be revealed", _printed),
        Misconception("a masked token stays a mask for certain here; with probability rho_t it was its letter, x_0, "
                      "not x_t",
                      lambda xt, x0, rho, mask_id, num_states:
                      _rows(xt, x0, rho, mask_id, num_states, reveal=0.0, stay=1.0)),
        Misconception("a masked token is its letter for certain here; that is so with probability rho_t only",
                      lambda xt, x0, rho, mask_id, num_states:
                      _rows(xt, x0, rho, mask_id, num_states, reveal=1.0, stay=0.0)),
        Misconception("the rows of masked tokens sum to rho_t: the mask keeps the mass 1 - rho_t",
                      lambda xt, x0, rho, mask_id, num_states: _rows(xt, x0, rho, mask_id, num_states, stay=0.0)),
        Misconception("the rows of masked tokens do not sum to 1: the mask keeps 1 - rho_t, not 1",
                      lambda xt, x0, rho, mask_id, num_states: _rows(xt, x0, rho, mask_id, num_states, stay=1.0)),
        Misconception("visible tokens get a coin too; a visible token was never a mask, its row is one-hot",
                      lambda xt, x0, rho, mask_id, num_states: (
                          rho[:, None, None] * one_hot(x0, num_states)
                          + (1 - rho[:, None, None]) * one_hot(torch.tensor(mask_id), num_states)).expand(
                              *xt.shape, num_states)),
        Misconception("the cases are exchanged: the coin belongs to the *masked* tokens",
                      lambda xt, x0, rho, mask_id, num_states: torch.where(
                          (xt != mask_id)[..., None], rho[:, None, None] * one_hot(x0, num_states)
                          + (1 - rho[:, None, None]) * one_hot(torch.tensor(mask_id), num_states),
                          one_hot(xt, num_states))),
        Misconception("the rows of visible tokens are zero; they are one-hot",
                      lambda xt, x0, rho, mask_id, num_states: _rows(
                          xt, x0, rho, mask_id, num_states, visible=torch.zeros(*xt.shape, num_states).double())),
        Misconception("the mass rho_t is spread over all letters; x_0 is known, and it is the only letter that it can "
                      "be",
                      lambda xt, x0, rho, mask_id, num_states: torch.where(
                          (xt == mask_id)[..., None], torch.where(torch.arange(num_states) == mask_id,
                          1 - rho[:, None, None], rho[:, None, None] / (num_states - 1)), one_hot(x0, num_states))),
        Misconception("the mass 1 - rho_t is spread over all the other states; all of it stands on the mask",
                      lambda xt, x0, rho, mask_id, num_states: torch.where(
                          (xt == mask_id)[..., None], torch.where(torch.arange(num_states) == x0[..., None],
                          rho[:, None, None], (1 - rho[:, None, None]) / (num_states - 1)), one_hot(x0, num_states))),
        Misconception("the mask is taken for the last state; use mask_id", symptom=_right_where(
            lambda mask_id, num_states: mask_id == num_states - 1)),
        Misconception("the mask is taken for state 0; use mask_id", symptom=_right_where(
            lambda mask_id, num_states: mask_id == 0)),
        Misconception("every sequence has its own rho_t: here one number serves the whole batch",
                      symptom=_one_rate_for_all),
        Misconception("an entry is negative: probabilities are asked for, not their logarithms",
                      symptom=lambda cases, values: any((value < -1e-6).any() for value in values)),
        Misconception("the last dimension does not sum to 1", symptom=lambda cases, values: any(
            (abs(value.sum(-1) - 1) > 1e-3).any() for value in values)),
    ),
)


# 05-3: what the model need not learn

def carry_over(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    return package_carry_over(logits, xt, mask_id)


def _softmax_of_reference(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    return carry_over(logits, xt, mask_id).softmax(-1)


def _softmax(case: Case, value: np.ndarray) -> np.ndarray:
    if np.isnan(value).any():
        raise ValueError("the logits hold NaN")
    if (value == np.inf).any():
        raise ValueError("a logit is +infinity: its softmax is NaN; exclude states with -inf instead")
    if (value == -np.inf).all(-1).any():
        raise ValueError("a row excludes every state, its softmax is NaN")
    return torch.from_numpy(value).double().softmax(-1).numpy()


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
                 edge="a visible token is certain whatever the network said: exclude the other states, with -inf")]


def _changed(mask: bool = True, visible: bool = True) -> Callable:
    """The softmax of logits to which only one of the two corrections is made."""
    def wrong(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
        right = carry_over(logits, xt, mask_id)
        masked = (xt == mask_id)[..., None]
        return torch.where(masked, right if mask else logits, right if visible else logits).softmax(-1)

    return wrong


def _places(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Where a position is visible, (batch, n), and which states are excluded there, (batch, n, K)."""
    return (case.args[1] != case.args[2]).numpy(), carry_over(*case.args).isinf().numpy()


def _soft(value: np.ndarray) -> np.ndarray:
    return torch.from_numpy(value).double().softmax(-1).numpy()


def _same_softmax(value: np.ndarray, case: Case) -> np.ndarray:
    """Which positions have the right softmax, (batch, n)."""
    return (np.abs(_soft(value) - _softmax_of_reference(*case.args).numpy()) < 1e-4).all(-1)


def _holds(test: Callable[[Case, np.ndarray], bool], some: bool = False) -> Callable:
    """The test in every case, or in some."""
    return lambda cases, values: (any if some else all)(
        test(case, value) for case, value in zip(cases, values, strict=True))


def _nothing_left(visible: bool) -> Callable[[Case, np.ndarray], bool]:
    """A row of -inf only, at a position that is visible, or masked."""
    return lambda case, value: bool(((value == -np.inf).all(-1) & (_places(case)[0] == visible)).any())


def _too_mild(limit: float) -> Callable[[Case, np.ndarray], bool]:
    """Excluded states have one finite logit, not below the limit, or -inf; all else is right."""
    def test(case: Case, value: np.ndarray) -> bool:
        _, excluded = _places(case)
        finite = value[excluded & np.isfinite(value)]
        return bool(len(finite) and (finite == finite[0]).all() and limit <= finite[0] <= 0
                    and _same_softmax(np.where(excluded, -np.inf, value), case).all())

    return test


def _likelier_only(case: Case, value: np.ndarray) -> bool:
    """Masked positions are right; at visible ones the token is more probable than the network says, not certain."""
    visible, _ = _places(case)
    tokens = case.args[1].numpy()[..., None]
    ours, raw = (np.take_along_axis(_soft(each), tokens, -1)[..., 0][visible] for each in (value, case.args[0].numpy()))
    return bool(_same_softmax(value, case)[~visible].all() and (ours >= raw).all()
                and ((ours < 1).any() or not visible.any()))


def _guessed(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    """The softmax of logits in which the likeliest letter is filled in for a mask."""
    states = torch.where(xt == mask_id, carry_over(logits, xt, mask_id).argmax(-1), xt)
    return one_hot(states, logits.shape[-1])


def _no_mask_anywhere(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    return torch.where(torch.arange(logits.shape[-1]) == mask_id, -torch.inf, logits).softmax(-1)


CARRY_OVER = Question(
    id="05-3-carry-over",
    points=2,
    name="carry_over",
    cases=_carry_cases,
    reference=_softmax_of_reference,
    stand_in=carry_over,
    view=_softmax,
    expects=lambda case: (tuple(case.args[0].shape), "f"),
    tolerance=lambda case, expected: 1e-5,
    misconceptions=(
        Misconception("nothing is changed: these are the softmaxes of the network's own logits",
                      _changed(mask=False, visible=False)),
        Misconception("visible tokens are right; at masked positions the mask must have probability 0",
                      _changed(mask=False)),
        Misconception("masked positions are right; a visible token must be certain, its softmax one-hot",
                      _changed(visible=False)),
        Misconception("the mask is excluded everywhere, which is right at masked positions; a visible token must be "
                      "certain, its softmax one-hot", _no_mask_anywhere),
        Misconception("the mask is excluded at *visible* positions; it must go at the masked ones, and a visible token "
                      "must be certain", lambda logits, xt, mask_id: torch.where(
                          (xt == mask_id)[..., None], logits.softmax(-1), _no_mask_anywhere(logits, xt, mask_id))),
        Misconception("the cases are exchanged: it is at *visible* positions that the token alone is left, at masked "
                      "ones all but the mask", lambda logits, xt, mask_id: torch.where(
                          (xt == mask_id)[..., None], one_hot(xt, logits.shape[-1]),
                          _no_mask_anywhere(logits, xt, mask_id))),
        Misconception("a logit is +infinity: its softmax is NaN; exclude states with -inf instead",
                      symptom=_holds(lambda case, value: bool((value == np.inf).any()), some=True)),
        Misconception("the logits hold NaN: 0 times infinity is one; put -inf in with torch.where or masked_fill",
                      symptom=_holds(lambda case, value: bool(np.isnan(value).any()), some=True)),
        Misconception("a logit of 0 is no probability of 0: exclude a state with -inf", lambda logits, xt, mask_id:
                      torch.where(carry_over(logits, xt, mask_id).isfinite(), logits, 0.0).softmax(-1)),
        Misconception("at masked positions everything *but* the mask is excluded; it is the mask that must go",
                      lambda logits, xt, mask_id: torch.where(
                          torch.arange(logits.shape[-1]) == xt[..., None], logits, -torch.inf).softmax(-1)),
        Misconception("the tokens that are seen are excluded; a visible token is the one that is certain",
                      lambda logits, xt, mask_id: torch.where(
                          torch.arange(logits.shape[-1]) == xt[..., None], -torch.inf, logits).softmax(-1)),
        Misconception("these are probabilities, not logits: leave the softmax to the caller", symptom=lambda cases,
                      values: all(np.allclose(value, _softmax_of_reference(*case.args).numpy(), atol=1e-4)
                                  for case, value in zip(cases, values, strict=True))),
        Misconception("visible tokens hold one-hot *probabilities*; as logits they say next to nothing (softmax of 1 "
                      "and 0): exclude the other states with -inf", symptom=lambda cases, values: any(
                          np.allclose(value[place], np.eye(value.shape[-1])[case.args[1].numpy()[place]])
                          for case, value in zip(cases, values, strict=True)
                          for place in [(case.args[1] != case.args[2]).numpy()] if place.any())),
        Misconception("the mask is taken for the last state; use mask_id", symptom=lambda cases, values:
                      _same_softmax(values[0], cases[0]).all() and not _same_softmax(values[1], cases[1]).all()),
        Misconception("logits[:, mask_id] is a position, and all its states are excluded; the states are the last "
                      "dimension, logits[..., mask_id]", symptom=_holds(
                          lambda case, value: bool((value[:, case.args[2]] == -np.inf).all()))),
        Misconception("a row excludes every state, its softmax is NaN; a visible token must be left allowed",
                      symptom=_holds(_nothing_left(visible=True), some=True)),
        Misconception("a row excludes every state, its softmax is NaN; at masked positions only the mask must go",
                      symptom=_holds(_nothing_left(visible=False), some=True)),
        Misconception("a logit of 0 is no probability of 0: exclude a state with -inf", symptom=_holds(_too_mild(0.0))),
        Misconception("excluded states keep some mass, their logits are low but not low enough: -inf is probability 0",
                      symptom=_holds(_too_mild(-100.0))),
        Misconception("a visible token is made likelier, not certain: exclude the other states with -inf",
                      symptom=_holds(_likelier_only)),
        Misconception("a masked position is filled with the likeliest letter; all letters keep their logits there",
                      _guessed),
        Misconception("the right states are excluded, but at masked positions the others do not keep their logits",
                      symptom=_holds(lambda case, value: bool(((_soft(value) < 1e-6) >= _places(case)[1]).all()
                                                              and (value > -np.inf).any(-1).all()
                                                              and _same_softmax(value, case)[_places(case)[0]].all()))),
    ),
)


# 05-4: the loss

def weighted_loss(log_probs: Tensor, x0: Tensor, xt: Tensor, rho: Tensor, mask_id: int) -> Tensor:
    return rho * _masked(_losses(log_probs, x0), xt, mask_id)


def _losses(log_probs: Tensor, states: Tensor) -> Tensor:
    return -log_probs.gather(-1, states[..., None]).squeeze(-1)


def _masked(losses: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    return torch.where(xt == mask_id, losses, 0.0).sum(-1)


def _count(xt: Tensor, mask_id: int) -> Tensor:
    return (xt == mask_id).sum(-1)


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
    return [Case((log_probs, x0, xt, rates, 3), "batch of 3, n = 5, K = 4, the mask last"),
            Case(first, "batch of 3, K = 4, mask_id = 0"),
            Case((log_probs[:1], x0[:1], xt[:1], rates[2:], 3), "a single sequence"),
            Case((log_probs, x0, none, rates, 3), "one sequence without masks",
                 edge="where nothing is masked the loss is 0"),
            Case((certain, x0, xt, rates, 3), "log-probabilities of -inf at visible positions",
                 edge="visible tokens must be left out, not multiplied by 0: 0 times infinity is NaN")]


WEIGHTED_LOSS = Question(
    id="05-4-weighted-loss",
    points=2,
    name="weighted_loss",
    cases=_loss_cases,
    reference=weighted_loss,
    misconceptions=(
        Misconception("all tokens are counted; only masked ones are, the indicator [x_t^i = e_m]",
                      lambda log_probs, x0, xt, rho, mask_id: rho * _losses(log_probs, x0).sum(-1)),
        Misconception("the *visible* tokens are counted; it is the masked ones that pay",
                      lambda log_probs, x0, xt, rho, mask_id:
                      rho * torch.where(xt == mask_id, 0.0, _losses(log_probs, x0)).sum(-1)),
        Misconception("the mean over masked tokens; the bound has their *sum*",
                      lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, rho, mask_id) / _count(xt, mask_id)),
        Misconception("the mean over masked tokens times n; the bound has their *sum*, however many they are",
                      lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, rho, mask_id) * xt.shape[1] / _count(xt, mask_id)),
        Misconception("the mean over all n tokens; the bound has the sum", lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, rho, mask_id) / xt.shape[1]),
        Misconception("the factor rho_t is missing", lambda log_probs, x0, xt, rho, mask_id:
                      _masked(_losses(log_probs, x0), xt, mask_id)),
        Misconception("the factor rho_t is missing, and the sum over masked tokens has become a mean",
                      lambda log_probs, x0, xt, rho, mask_id:
                      _masked(_losses(log_probs, x0), xt, mask_id) / _count(xt, mask_id)),
        Misconception("all tokens are counted, and the factor rho_t is missing",
                      lambda log_probs, x0, xt, rho, mask_id: _losses(log_probs, x0).sum(-1)),
        Misconception("divided by rho_t; multiply by it", lambda log_probs, x0, xt, rho, mask_id:
                      _masked(_losses(log_probs, x0), xt, mask_id) / rho),
        Misconception("the weight is 1 - rho_t; it is rho_t", lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, 1 - rho, mask_id)),
        Misconception("the sign is off: the loss is -log p, never negative", lambda log_probs, x0, xt, rho, mask_id:
                      -weighted_loss(log_probs, x0, xt, rho, mask_id)),
        Misconception("the probability of the *mask* is scored, because x_t is gathered; score the true token, x_0",
                      lambda log_probs, x0, xt, rho, mask_id: rho * _masked(_losses(log_probs, xt), xt, mask_id)),
        Misconception("all tokens are counted, and x_t is gathered in the place of x_0",
                      lambda log_probs, x0, xt, rho, mask_id: rho * _losses(log_probs, xt).sum(-1)),
        Misconception("rho_t stands inside the logarithm; it is a factor in front of the sum",
                      lambda log_probs, x0, xt, rho, mask_id:
                      _masked(_losses(log_probs, x0) - rho.log()[:, None], xt, mask_id)),
        Misconception("a masked token pays 1 - p here; it pays -log p",
                      lambda log_probs, x0, xt, rho, mask_id:
                      rho * _masked(1 - _losses(log_probs, x0).neg().exp(), xt, mask_id)),
        Misconception("this is the probability, not its logarithm: log_probs are logarithms already, no exp",
                      lambda log_probs, x0, xt, rho, mask_id:
                      rho * _masked(_losses(log_probs, x0).neg().exp(), xt, mask_id)),
        Misconception("the logarithm is taken once more: log_probs are logarithms already",
                      lambda log_probs, x0, xt, rho, mask_id: rho * _masked(-(-log_probs).log().gather(
                          -1, x0[..., None]).squeeze(-1), xt, mask_id)),
        Misconception("the result holds NaN: log_probs are logarithms already, and negative; no further logarithm",
                      symptom=lambda cases, values: all(np.isnan(value).all() for value in values)),
        Misconception("the likeliest token is scored; score the true one, x_0", lambda log_probs, x0, xt, rho, mask_id:
                      rho * _masked(-log_probs.amax(-1), xt, mask_id)),
        Misconception("every state is scored, not only the true token: gather x_0",
                      lambda log_probs, x0, xt, rho, mask_id: rho * _masked(-log_probs.sum(-1), xt, mask_id)),
        Misconception("this is in bits; asked are nats", lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, rho, mask_id) / np.log(2)),
        Misconception("rho_t is squared", lambda log_probs, x0, xt, rho, mask_id:
                      weighted_loss(log_probs, x0, xt, rho**2, mask_id)),
        Misconception("the masked tokens of the whole batch are thrown together; every sequence sums its own "
                      "(reduction=\"none\" in a library loss)", symptom=lambda cases, values: np.ptp(
                          values[0] / cases[0].args[3].numpy()) < 1e-4 * np.abs(values[0]).max()),
        Misconception("rho_t is applied token by token along the wrong dimension, or one rho_t to all sequences: each "
                      "sequence has its own", symptom=lambda cases, values: np.allclose(
                          _relative(values[0]), _relative(_masked(
                              _losses(*cases[0].args[:2]), cases[0].args[2], cases[0].args[4]).numpy()), rtol=1e-4)),
        Misconception("the mask is taken for the last state; use mask_id", symptom=lambda cases, values: np.allclose(
            values[0], weighted_loss(*cases[0].args).numpy(), rtol=1e-4) and not np.allclose(
                values[1], weighted_loss(*cases[1].args).numpy(), rtol=1e-4)),
    ),
)


# 05-5: one step stands for all

_NUM_ROWS = 6000
_RATES = torch.tensor([0.2, 0.6, 1.0], dtype=torch.float64)     # rho = 1, 2/3, 2/5
_PRICES = (1.0, 0.35)                                           # what the two tokens cost when masked


class _PriceList:
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

    def __deepcopy__(self, memo: dict) -> "_PriceList":
        return self  # a function, as far as the student is concerned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _PriceList) and self.mask_id == other.mask_id and torch.equal(self.x0, other.x0)

    __hash__ = None


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


def _atoms(weights: Tensor, mean: bool = False) -> np.ndarray:
    """The possible values other than 0, (T, 3): weights[t-1] times the price of each pattern with a mask."""
    prices = [sum(price for price, masked in zip(_PRICES, pattern, strict=True) if masked)
              / (sum(pattern) if mean else 1) for pattern in _PATTERNS[1:]]
    return weights[:, None].numpy() * np.array(prices)


def _one_t(rate: float) -> Tensor:
    """The probability of each pattern, (4,), if every token is masked with this rate, by itself."""
    return torch.tensor([np.prod([rate if masked else 1 - rate for masked in pattern]) for pattern in _PATTERNS])


def _law(steps: tuple[float, ...] = (1, 1, 1), rates: Tensor = _RATES, weighed_as: tuple[int, ...] = (1, 2, 3),
         one_t: Callable[[float], Tensor] = _one_t) -> Tensor:
    """The probability of 0, and of each value of `_atoms(3 * _RHO)`: (10,).

    steps       how often t = 1, 2, 3 is drawn, in thirds; what is missing from 1 gives 0
    weighed_as  the step whose rho_t stands in the weight; 0 for none, the value is 0
    """
    law = torch.zeros(4, 4, dtype=torch.float64)
    for share, rate, step in zip(steps, rates.tolist(), weighed_as, strict=True):
        law[step] += share / 3 * one_t(rate)
    return torch.cat([1 - law[1:, 1:].sum()[None], law[1:, 1:].flatten()])


def _alike(rate: float) -> Tensor:
    return torch.tensor([1 - rate, 0, 0, rate]).double()


def _at_least_one(rate: float) -> Tensor:
    """Where both coins say no, the smaller number masks its token."""
    none, first, second, both = _one_t(rate)
    return torch.stack([0 * none, first + none / 2, second + none / 2, both])


def _frequencies(values: np.ndarray, atoms: np.ndarray) -> np.ndarray | None:
    """How often 0 and each of the atoms came up; None if another value did."""
    atoms = np.concatenate([[0.0], atoms.flatten()])
    distance = np.abs(values.astype(float)[:, None] - atoms)
    if not (distance.min(1) < 1e-4).all():
        return None
    return np.bincount(distance.argmin(1), minlength=len(atoms)) / len(values)


def _single_term_view(case: Case, values: np.ndarray) -> np.ndarray:
    frequencies = _frequencies(values, _atoms(3 * _RHO))
    if frequencies is None:
        raise ValueError("wrong value: a draw that is not T rho_t times what masked tokens pay, for any t")
    return frequencies


def _single_term_cases(seed: int) -> list[Case]:
    x0 = torch.randint(4, (_NUM_ROWS, 2), generator=torch.Generator().manual_seed(seed))
    label = "T = 3, lambda = 0.2, 0.6, 1, 6000 sequences of 2 tokens"
    return [Case((_PriceList(x0, 4), x0, _RATES, 4), label, seed + 11),
            Case((_PriceList(x0, 4), x0, _RATES, 4), label, seed + 11),
            Case((_PriceList(x0, 4), x0, _RATES, 4), label, seed + 12),
            Case((_PriceList(x0 + 1, 0), x0 + 1, _RATES, 0), label + ", mask_id = 0", seed + 13)]


def _every(test: Callable[[np.ndarray], bool]) -> Callable:
    return lambda cases, values: all(test(value) for value in values)


def _weights(weights: Tensor, mean: bool = False) -> Callable:
    return _every(lambda value: _frequencies(value, _atoms(weights, mean)) is not None)


def _draws(**change) -> Callable:
    """The weights are right, but t or the masks follow another law."""
    return lambda masked_loss, x0, mask_rate, mask_id: _law(**change)


def _one_step_for_all(value: np.ndarray) -> bool:
    """All values are those of one t, and 0 as often as this t gives it."""
    return any(_frequencies(value, row) is not None and abs((value == 0).mean() - (1 - rate)**2) < 0.05
               for row, rate in zip(_atoms(3 * _RHO), _RATES.tolist(), strict=True))


def _steps(value: np.ndarray) -> np.ndarray | None:
    """The t of each sequence, (batch,), 0 where nothing is masked; None for an impossible value."""
    if _frequencies(value, _atoms(3 * _RHO)) is None:
        return None
    distance = np.abs(value.astype(float)[:, None] - np.concatenate([[0.0], _atoms(3 * _RHO).flatten()]))
    return np.array([0, 1, 1, 1, 2, 2, 2, 3, 3, 3])[distance.argmin(1)]


def _steps_not_drawn(cases, values) -> bool:
    """With two seeds, every sequence has the same t wherever both draws tell it."""
    first, second = _steps(values[0]), _steps(values[2])
    if first is None or second is None:
        return False
    told = (first > 0) & (second > 0)
    return bool((first == second)[told].all() and len(set(first[told])) > 1)


def _steps_dealt_out(cases, values) -> bool:
    """t = 3, where all is masked, comes up in a third of the sequences to the very one, with each of three seeds."""
    return all(steps is not None and (steps == 3).sum() == _NUM_ROWS / 3
               for steps in map(_steps, (values[0], values[2], values[3])))


def _patterns_seen(values: list[np.ndarray]) -> np.ndarray | None:
    """Which pattern with a mask ever came up with which t, (T, 3); None if the weights are wrong."""
    frequencies = [_frequencies(value, _atoms(3 * _RHO)) for value in values]
    return None if any(f is None for f in frequencies) else sum(frequencies)[1:].reshape(3, 3) > 0


def _same_coins_for_all(cases, values) -> bool:
    seen = [_patterns_seen([value]) for value in values]
    return all(s is not None and (s.sum(1) <= 1).all() and s.any(1).sum() > 1 for s in seen)


def _same_number_of_masks(cases, values) -> bool:
    seen = _patterns_seen(values)
    return seen is not None and not (seen[:, :2].any(1) & seen[:, 2]).any() and seen[:, :2].any()


def _first_weight_wraps_round(value: np.ndarray) -> bool:
    """lambda_T stands in the place of lambda_0; the other weights are right."""
    weights = 3 * torch.cat([1 - _RATES[-1:] / _RATES[:1], _RHO[1:]])
    return bool((value < 0).any()) and _frequencies(value, _atoms(weights)) is not None


def _right_on_average(value: np.ndarray) -> bool:
    """The mean is the bound, lambda_T = 1 times the prices, but the draws are others than one t gives."""
    return bool(np.isfinite(value).all() and _frequencies(value, _atoms(3 * _RHO)) is None
                and abs(value.mean() - sum(_PRICES)) < 5 * value.std() / _NUM_ROWS**0.5 + 1e-9)


SINGLE_TERM = Question(
    id="05-5-single-term",
    points=3,
    name="single_term",
    cases=_single_term_cases,
    reference=lambda masked_loss, x0, mask_rate, mask_id: _law(),
    stand_in=single_term,
    view=_single_term_view,
    expects=lambda case: ((_NUM_ROWS,), "f"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / _NUM_ROWS) + 1e-9,
    misconceptions=(
        Misconception("every draw is 0: no token handed to masked_loss is masked; put mask_id where the coin says so",
                      symptom=_every(lambda value: (value == 0).all())),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True, symptom=lambda cases, values:
                      not np.array_equal(values[0], values[1], equal_nan=True)),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values:
                      np.array_equal(values[0], values[2], equal_nan=True) and len(np.unique(values[0])) > 1),
        Misconception("a sequence has the same t whatever the seed; draw every t, with the generator",
                      always=True, symptom=_steps_not_drawn),
        Misconception("every t comes up exactly equally often; each sequence draws its own t, independently of the "
                      "others", always=True, symptom=_steps_dealt_out),
        # the weights
        Misconception("one t serves the whole batch; every sequence draws its own", symptom=_every(_one_step_for_all)),
        Misconception("the weight rho_t is missing, and the factor T too", symptom=_weights(torch.ones(3).double())),
        Misconception("the factor T is missing: one step stands for T of them", symptom=_weights(_RHO)),
        Misconception("the weight rho_t is missing", symptom=_weights(torch.full((3,), 3.0, dtype=torch.float64))),
        Misconception("multiplied by t; the factor is T, one step stands for T of them",
                      symptom=_weights(torch.arange(1, 4) * _RHO)),
        Misconception("multiplied by 2, here T - 1 and also n; the factor is T, one step stands for T of them",
                      symptom=_weights(2 * _RHO)),
        Misconception("the weight is T/t, right for the linear schedule only; it is T rho_t, from mask_rate",
                      symptom=_weights(3 / torch.arange(1, 4))),
        Misconception("the weight is lambda_t - lambda_{t-1}; rho_t is that divided by lambda_t",
                      symptom=_weights(3 * (_RATES - _BEFORE))),
        Misconception("the weight is 1/lambda_t, that of the continuous bound; in discrete time it is "
                      "rho_t = (lambda_t - lambda_{t-1}) / lambda_t, times T", symptom=_weights(1 / _RATES)),
        Misconception("the weight is T/lambda_t; it is T rho_t, rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      symptom=_weights(3 / _RATES)),
        Misconception("the weight is beta_t, the way forward; it is rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      symptom=_weights(3 * _BETA)),
        Misconception("the weight is lambda_t; it is rho_t = (lambda_t - lambda_{t-1}) / lambda_t",
                      symptom=_weights(3 * _RATES)),
        Misconception("the weight is infinite for some t: rho_t divides by lambda_t, the share that is masked",
                      symptom=_every(lambda value: np.isinf(value).any())),
        Misconception("the draws hold NaN: is t = 0 among them? rho_0 is 0/0; t is uniform on 1..T",
                      symptom=_every(lambda value: np.isnan(value).any())),
        Misconception("the weight is 1 - rho_t, the probability of staying masked", symptom=_weights(3 * (1 - _RHO))),
        Misconception("the weight of t = 1 is negative: lambda_0 = 0 stands before lambda_1, so rho_1 = 1",
                      symptom=_every(_first_weight_wraps_round)),
        Misconception("the loss is divided by n; the bound has a sum over tokens", symptom=_weights(3 * _RHO / 2)),
        Misconception("the loss is divided by the number of masked tokens; the bound has their *sum*",
                      symptom=_weights(3 * _RHO, mean=True)),
        Misconception("multiplied by T^2: the factor T belongs in once", symptom=_weights(9 * _RHO)),
        Misconception("the loss is divided by T; one step stands for T of them, so multiply",
                      symptom=_weights(_RHO / 3)),
        Misconception("the sign is off: masked_loss is positive already", symptom=_weights(-3 * _RHO)),
        Misconception("a mean over the batch, or over draws, has been taken: every sequence has its own estimate",
                      symptom=_every(lambda value: len(np.unique(np.round(value, 6))) == 1)),
        Misconception("right on average, but not from one t: draw a single t and a single X_t for each sequence",
                      symptom=_every(_right_on_average)),
        # t
        Misconception("t = T is never drawn: t is uniform on 1..T, and torch.randint leaves its upper end out",
                      _draws(steps=(1.5, 1.5, 0))),
        Misconception("t = T is never drawn, and t = 0 in its place: t is uniform on 1..T", _draws(steps=(1, 1, 0))),
        Misconception("t = 1 is never drawn: t is uniform on 1..T", _draws(steps=(0, 1.5, 1.5))),
        Misconception("t = 1 gives 0 whatever is masked: lambda_0 = 0, so rho_1 = 1", _draws(weighed_as=(0, 2, 3))),
        Misconception("t is drawn with the probabilities lambda_t; it is uniform on 1..T, and the weight makes up for "
                      "it", _draws(steps=tuple((3 * _RATES / _RATES.sum()).tolist()))),
        *(Misconception("the weight is that of another step: rho_t belongs to the t whose lambda_t masks",
                        _draws(weighed_as=steps)) for steps in [(2, 3, 1), (2, 3, 3), (3, 1, 2), (1, 1, 2)]),
        # the masks
        Misconception("a whole sequence shares one coin; every token needs a coin of its own", _draws(one_t=_alike)),
        Misconception("lambda_t is the probability of being masked; here it is that of staying",
                      _draws(rates=1 - _RATES)),
        Misconception("masked with lambda_{t-1}; X_t is masked with lambda_t", _draws(rates=_BEFORE)),
        Misconception("masked with beta_t, the rate of a single step; X_t is masked with lambda_t",
                      _draws(rates=_BETA)),
        Misconception("masked with rho_t; X_t is masked with lambda_t", _draws(rates=_RHO)),
        Misconception("masked with t/T, the rate of the linear schedule; X_t is masked with lambda_t, from mask_rate",
                      _draws(rates=torch.arange(1, 4).double() / 3)),
        Misconception("every token is masked with 1/2, whatever t is; the rate is lambda_t",
                      _draws(rates=torch.full((3,), 0.5).double())),
        Misconception("every token is masked, whatever t is; the rate is lambda_t",
                      _draws(rates=torch.ones(3).double())),
        Misconception("at least one token is masked in every sequence; where no coin says so the draw is 0",
                      _draws(one_t=_at_least_one)),
        Misconception("the same positions are masked in every sequence of a t; every token of every sequence needs a "
                      "coin of its own", symptom=_same_coins_for_all),
        Misconception("all sequences of a t have the same number of masks; with a coin a token the number varies",
                      symptom=_same_number_of_masks),
    ),
)

QUESTIONS = (RHO, ABSORBING_POSTERIOR, CARRY_OVER, WEIGHTED_LOSS, SINGLE_TERM)
