"""Heuristics that help samples look good or come fast, and cost exactness: each says how its law differs.

What `exact.py` says of templates, denoisers, generators and callbacks holds here too. The denoiser's time is the
share of masked positions, but for `remasking`, where it is the mask rate.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from dlm_course.arguments import as_float
from dlm_course.bound.discrete import DenoiserFunction, ask, at_least_float32
from dlm_course.chain.categorical import sample
from dlm_course.chain.transition import carry_over
from dlm_course.sampling.exact import (
    Callback,
    check_num_sampling_steps,
    check_rates,
    open_template,
    reveal,
    share_masked,
    walk,
)

Count = TypeVar("Count", int, Tensor)     # of one template, or of each in a batch


def with_temperature(denoiser: DenoiserFunction, temperature: float) -> DenoiserFunction:
    """The denoiser with its logits divided by the temperature: p^(1/temperature), renormalised, token by token.

    Below 1 likely tokens gain, above 1 unlikely ones; the samples no longer follow the model. Raises ValueError unless
    temperature > 0.
    """
    divisor = as_float(temperature)
    if not 1e-6 < divisor < float("inf"):
        raise ValueError(f"temperature must be positive, got {temperature!r}; near 0 the likeliest token always wins")
    return lambda xt, time: at_least_float32(denoiser(xt, time)) / divisor


@torch.no_grad()
def surest_first(denoiser: DenoiserFunction, template: Tensor, num_sampling_steps: int, mask_id: int, *,
                 generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template in L steps, each time the positions whose likeliest token is likeliest.

    Each step reveals as equal numbers of positions as possible: those of largest max_v p(x^i = v | X), ties broken by
    position; their tokens are then *drawn*. The law is prod_l prod_{i in R_l} p(x^i | X), R_l a function of X. With the
    exact Bayes denoiser and one token a step it is the data's: choosing a position by what is visible, before its token
    is drawn, does no harm. It differs with several at once, which do not see each other (and sure ones often hang
    together), and for a denoiser that is consistent with no joint, from all other orders'.
    Shapes: template (batch, n) states; returns int64 (batch, n) without masks.
    Raises: ValueError unless 1 <= L <= n, or for a template that is no batch of states.
    Source: Kim et al. 2025, "Train for the worst, plan for the best", the confidence "top probability".
    """
    def choose(state: Tensor, probs: Tensor, due: Tensor) -> Tensor:
        where = surest(probs.amax(-1), state == mask_id, due)
        return state.masked_scatter(where, sample(probs[where], generator=generator))

    return _fill_by_number(denoiser, template, num_sampling_steps, mask_id, choose, callback)


@torch.no_grad()
def maskgit(denoiser: DenoiserFunction, template: Tensor, num_sampling_steps: int, mask_id: int, *,
            generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template in L steps, each time drawing every masked token and keeping the surest *draws*.

    Each step keeps as equal numbers as possible: those of largest p(x^i = drawn token | X), ties broken by position;
    the others are masked again. No noise is added to the confidences. The law is not the data's, not even with the
    exact Bayes denoiser and one token a step (unless all draws are equally sure): a rare token seldom survives the
    choice, so likely ones gain.
    Shapes: template (batch, n) states; returns int64 (batch, n) without masks.
    Raises: as `surest_first`.
    Source: Chang et al. 2022, "MaskGIT", section 3.2, with equal numbers in place of its mask schedule.
    """
    def choose(state: Tensor, probs: Tensor, due: Tensor) -> Tensor:
        masked = state == mask_id
        draws = state.masked_scatter(masked, sample(probs[masked], generator=generator))
        where = surest(probs.gather(-1, draws[..., None]).squeeze(-1), masked, due)
        return torch.where(where, draws, state)

    return _fill_by_number(denoiser, template, num_sampling_steps, mask_id, choose, callback)


@torch.no_grad()
def remasking(denoiser: DenoiserFunction, template: Tensor, rates: Tensor, mask_id: int, remask: float, *,
              generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template along mask rates, with second thoughts: what was revealed may be masked again.

    In step l, with r = r_{l-1} and s = r_l, each visible token that the template does not hold is masked again with
    probability sigma_l = min(remask, s / (1 - r)), and each masked one is revealed with probability
    (r - s + sigma_l (1 - r)) / r, by independent coins. The cap keeps that a probability, and the share of masked
    positions at s: r (1 - reveal) + (1 - r) sigma_l = s. In the last step s = 0, so nothing is masked again.
    The law is the marginal of this chain, which has the mask rates of `lambda_schedule` but is another one unless
    `remask` is 0: a token may be drawn again when more is known, and more tokens are revealed at once. It is not the
    data's, even for the exact Bayes denoiser.
    Shapes: template (batch, n) states, rates (L+1,), remask a number in [0, 1]; returns int64 (batch, n) without masks.
    The denoiser's time is r_{l-1}.
    Raises: ValueError for rates that do not fall strictly from 1 to 0, `remask` outside [0, 1], or a template that is
    no batch of states.
    Source: Wang et al. 2025, "Remasking discrete diffusion models with inference-time scaling" (ReMDM), the
    schedule "cap", with r = 1 - alpha_t and s = 1 - alpha_s.
    """
    if not 0 <= as_float(remask) <= 1:
        raise ValueError(f"remask must be a probability in [0, 1], got {remask!r}")
    x, mask_rates, remask = open_template(template, mask_id), check_rates(rates).tolist(), as_float(remask)
    given = x != mask_id

    def advance(step: int, x: Tensor) -> Tensor:
        before, after = mask_rates[step - 1], mask_rates[step]
        sigma = min(remask, after / (1 - before)) if before < 1 else 0.0  # at first there is nothing to mask again
        coins = torch.rand(x.shape, dtype=torch.float64, device=x.device, generator=generator)
        masked = x == mask_id
        where = masked & (coins < (before - after + sigma * (1 - before)) / before)
        again = ~masked & ~given & (coins < sigma)
        return reveal(denoiser, x, where, before, mask_id, generator).masked_fill(again, mask_id)

    return walk(x, len(mask_rates) - 1, advance, callback)


def number_due(num_masked: Count, step: int, num_sampling_steps: int) -> Count:
    """How many of the template's k masks step l = 1..L reveals: k // L, and one more in the first k mod L steps."""
    return num_masked // num_sampling_steps + (step <= num_masked % num_sampling_steps)


def round_confidence(confidence: Tensor) -> Tensor:
    """Probabilities to nine decimals: what differs by rounding errors only is a tie."""
    return confidence.double().round(decimals=9)


def surest(confidence: Tensor, masked: Tensor, due: Tensor) -> Tensor:
    """Where the `due` largest confidences among the masked positions are, of equal ones the first.

    Shapes: confidence (batch, n), masked (batch, n) bool, due (batch,); returns (batch, n) bool.
    """
    confidence = round_confidence(confidence).masked_fill(~masked, -1.0)
    rank = confidence.argsort(dim=-1, descending=True, stable=True).argsort(-1)
    return masked & (rank < due[:, None])


def _fill_by_number(denoiser: DenoiserFunction, template: Tensor, num_sampling_steps: int, mask_id: int,
                    choose: Callable[[Tensor, Tensor, Tensor], Tensor], callback: Callback | None) -> Tensor:
    """Steps that reveal a number of positions: choose(X, p(x_0^i | X), number due) is X with so many masks less."""
    x = open_template(template, mask_id)
    num_sampling_steps = check_num_sampling_steps(num_sampling_steps, x.shape[-1])
    num_masked = (x == mask_id).sum(-1)

    def advance(step: int, x: Tensor) -> Tensor:
        due = number_due(num_masked, step, num_sampling_steps)
        rows = due.nonzero().squeeze(-1)
        if not len(rows):
            return x
        logits = ask(denoiser, x[rows], share_masked(x[rows], mask_id))
        probs = carry_over(logits, x[rows], mask_id).double().softmax(-1)
        return x.index_copy(0, rows, choose(x[rows], probs, due[rows]))

    return walk(x, num_sampling_steps, advance, callback)
