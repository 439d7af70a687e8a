"""Samplers that are exact in law: each says which distribution its output has.

Those of the absorbing chain fill the masks of a template step by step: *which* masked positions come next is decided
without looking at what they would become (by coins, by times drawn beforehand, by an order), and their tokens are then
drawn from p(x_0^i | X) independently. `ancestral` takes any chain from any state back to t = 0.

A template is a state X with masks where text is wanted: all masks for a free sample. What is visible in it is never
overwritten. A denoiser is callable as `denoiser(xt, time)` and returns logits (batch, n, K); its time has torch's
default dtype. The network runs only on rows in which a token is due, and tokens are drawn, in float64, only there.
`callback(l, X)` is called with l = 0..L and a copy of X after step l; `generator` lives on the device of the states.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlm_course.arguments import as_float, as_int, check_int
from dlm_course.bound.discrete import DenoiserFunction, ReverseFunction, ask, check_sequences
from dlm_course.chain.categorical import sample
from dlm_course.chain.transition import carry_over

Callback = Callable[[int, Tensor], None]

MOST_STEPS = 10**6    # of a sampler: hardly any of more steps would reveal a token


# Which rates, which order

def levels(num_sampling_steps: int, kind: str = "linear", *, last: float | None = None) -> Tensor:
    """The L + 1 mask rates r_0 = 1 > r_1 > ... > r_L = 0 of a sampler with L steps, float64.

    "linear": r_l = 1 - l/L. "cosine": r_l = cos(pi l / (2L)), which reveals few tokens at first, many at last.
    "geometric": r_l = last^(l / (L-1)) for l < L, then 0: every step but the last reveals the same share of what is
    still masked.
    Raises: ValueError for L < 1, another kind, or `last` where it does not belong; "geometric" needs L >= 2 and
    0 < last < 1.
    """
    num_sampling_steps = check_int(num_sampling_steps, "num_sampling_steps", most=MOST_STEPS)
    if (kind == "geometric") != (last is not None):
        raise ValueError(f"last is the rate r_(L-1) of geometric levels, which need it and no others take it; got "
                         f"kind {kind!r} and last {last!r}")
    share = torch.arange(num_sampling_steps + 1, dtype=torch.float64) / num_sampling_steps
    if kind == "linear":
        return 1 - share
    if kind == "cosine":
        rates = torch.cos(share * (math.pi / 2))
    elif kind == "geometric":
        if last is None or num_sampling_steps < 2 or not 0 < as_float(last) < 1:
            raise ValueError(f"geometric levels fall from 1 to last, in (0, 1), and then to 0, so they need at least 2 "
                             f"steps; got {num_sampling_steps} and last = {last!r}")
        rates = as_float(last) ** (share * num_sampling_steps / (num_sampling_steps - 1))
    else:
        raise ValueError(f"kind must be linear, cosine or geometric, got {kind!r}")
    rates[-1] = 0.0  # cos(pi/2) is 6e-17 in floating point; a geometric sequence never gets there
    return rates


def left_to_right(length: int) -> Tensor:
    """The order 1, 2, ..., n: one position a step, as an autoregressive model writes. Returns int64 (n,)."""
    return spaced_order(length, length)


def spaced_order(length: int, num_sampling_steps: int) -> Tensor:
    """The order in which positions revealed together stand far apart: position i = 0..n-1 in step (i mod L) + 1.

    Returns int64 (n,). Raises: ValueError unless 1 <= L <= n.
    """
    length = check_int(length, "length")
    return torch.arange(length) % check_num_sampling_steps(num_sampling_steps, length) + 1


def random_order(batch_size: int, length: int, num_sampling_steps: int, *,
                 generator: torch.Generator | None = None) -> Tensor:
    """For each sequence its own random partition of the n positions into L steps, of sizes as equal as possible.

    Returns int64 (batch_size, n), on the generator's device. Raises: ValueError unless 1 <= L <= n, or for a negative
    batch_size.
    """
    order, batch_size = spaced_order(length, num_sampling_steps), check_int(batch_size, "batch_size", least=0)
    device = generator.device if generator else torch.device("cpu")
    # The argsort of random numbers is a random permutation.
    shuffled = torch.rand(batch_size, len(order), dtype=torch.float64, device=device, generator=generator).argsort(-1)
    return order.to(device)[shuffled]


# The samplers

@torch.no_grad()
def lambda_schedule(denoiser: DenoiserFunction, template: Tensor, rates: Tensor, mask_id: int, *,
                    generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template along the mask rates r_0 = 1 > ... > r_L = 0.

    In step l each masked token is revealed with probability (r_{l-1} - r_l) / r_{l-1}, by an independent coin, and
    drawn from p(x_0^i | X). The law is the marginal of the L-step reverse chain: not the data's, even for the exact
    Bayes denoiser, because tokens revealed in the same step do not see each other; it tends to it as L grows.
    Shapes: template (batch, n) states, rates (L+1,); returns int64 (batch, n) without masks. The denoiser's time is
    the mask rate r_{l-1}.
    Raises: ValueError for rates that do not fall strictly from 1 to 0, or a template that is no batch of states.
    Source: "Algorithm: Masked Diffusion Language Model", Sampling, with L + 1 levels for L steps.
    """
    x, mask_rates = open_template(template, mask_id), check_rates(rates).tolist()

    def advance(step: int, x: Tensor) -> Tensor:
        before, after = mask_rates[step - 1], mask_rates[step]
        coins = torch.rand(x.shape, dtype=torch.float64, device=x.device, generator=generator)
        where = (x == mask_id) & (coins < (before - after) / before)
        return reveal(denoiser, x, where, before, mask_id, generator)

    return walk(x, len(mask_rates) - 1, advance, callback)


@torch.no_grad()
def first_hitting(denoiser: DenoiserFunction, template: Tensor, mask_id: int, *, rates: Tensor | None = None,
                  generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template at times drawn beforehand: u^i ~ U[0, 1) for each, revealed as lambda falls past it.

    Without `rates` one token a step, the latest time first. For a denoiser that ignores the time the law is the
    average over all orders of prod_j p(x^{s_j} | x^{s_1}, ..., x^{s_{j-1}}), the limit L -> infinity of
    `lambda_schedule`: the data's for the exact Bayes denoiser. With `rates` all tokens with r_l <= u^i < r_{l-1} are
    revealed in step l, and the law is that of `lambda_schedule`.
    Shapes: template (batch, n) states, rates (L+1,); returns int64 (batch, n) without masks. Without `rates` L is the
    largest number of masks in a row. The denoiser's time is u^i, or r_{l-1}.
    Raises: as `lambda_schedule`.
    Source: Zheng et al. 2024, "Masked diffusion models are secretly time-agnostic masked models".
    """
    x = open_template(template, mask_id)
    times = torch.rand(x.shape, dtype=torch.float64, device=x.device, generator=generator)
    times = times.masked_fill(x != mask_id, -1.0)  # what is visible would come last, and its turn never comes
    if rates is None:
        order = times.argsort(-1, descending=True).argsort(-1) + 1
        num_steps = int((x == mask_id).sum(-1).max()) if len(x) else 0
    else:
        rates = check_rates(rates).to(x.device)
        order = len(rates) - torch.bucketize(times, rates.flip(0), right=True)      # the number of levels above u
        num_steps = len(rates) - 1

    def advance(step: int, x: Tensor) -> Tensor:
        where = (order == step) & (x == mask_id)
        time = times.where(where, -1.0).amax(-1) if rates is None else rates[step - 1]
        return reveal(denoiser, x, where, time, mask_id, generator)

    return walk(x, num_steps, advance, callback)


@torch.no_grad()
def reveal_in_order(denoiser: DenoiserFunction, template: Tensor, order: Tensor, mask_id: int, *,
                    generator: torch.Generator | None = None, callback: Callback | None = None) -> Tensor:
    """Fill the masks of a template in a given order: position i in step order[i], positions of one step together.

    The law is the product over the steps l of prod_{i: order[i] = l} p(x^i | X after step l-1): for the exact Bayes
    denoiser the data's if every step has one position, for any order; else tokens of the same step do not see each
    other (`evaluation.order_kl` says what that costs).
    Shapes: template (batch, n) states; order (n,), or (batch, n) with one for each sequence, of the steps 1..L, each
    with a position at least (visible ones count, and stay); returns int64 (batch, n) without masks. The denoiser's
    time is the share of masked positions, as in `mask_count_loss`.
    Raises: ValueError for an order with missing steps or of another shape, or a template that is no batch of states.
    """
    x = open_template(template, mask_id)
    order = check_order(order, x.shape[-1]).to(x.device)
    if order.shape not in (x.shape[-1:], x.shape):
        raise ValueError(f"order must have shape {tuple(x.shape[-1:])} or {tuple(x.shape)} for a template of shape "
                         f"{tuple(x.shape)}, got {tuple(order.shape)}")

    def advance(step: int, x: Tensor) -> Tensor:
        where = (order == step) & (x == mask_id)
        return reveal(denoiser, x, where, share_masked(x, mask_id), mask_id, generator)

    return walk(x, int(order.max()) if order.numel() else 0, advance, callback)


@torch.no_grad()
def ancestral(reverse: ReverseFunction, start: Tensor, num_steps: int, *, generator: torch.Generator | None = None,
              callback: Callback | None = None) -> Tensor:
    """Walk the reverse chain from X_T = `start` to X_0: X_{t-1} ~ prod_i p(x_{t-1}^i | X_t) for t = T..1.

    The law is the reverse chain's marginal of X_0, for every reverse model of `reverse_model` and every start. For a
    sample of the model the start is drawn from the prior; a start that holds text is no template, since uniform and
    matrix chains do not keep what is visible. Every row goes through the model in every step; for the absorbing chain
    `lambda_schedule` has the same law and skips what does not change.
    Shapes: start (batch, n) states; returns int64 (batch, n). `callback(l, X)` gets X_{T-l}.
    Raises: ValueError for a start that is no batch of states, num_steps < 1, or probabilities of another shape than
    (batch, n, K).
    Source: "Reverse Model for Sequence", Sampling.
    """
    num_steps = check_int(num_steps, "num_steps")

    def advance(step: int, x: Tensor) -> Tensor:
        probs = reverse(x, torch.full(x.shape[:1], num_steps + 1 - step, device=x.device))
        if probs.shape[:-1] != x.shape:
            raise ValueError(f"the reverse model must return probabilities (batch, n, K) for xt {tuple(x.shape)}, got "
                             f"{tuple(probs.shape)}")
        return sample(probs, generator=generator)

    return walk(_batch_of_states(start, "start"), num_steps, advance, callback)


# What they share with the heuristics

def walk(x: Tensor, num_steps: int, advance: Callable[[int, Tensor], Tensor], callback: Callback | None) -> Tensor:
    """X after x = advance(l, x) for l = 1..num_steps, each state shown to the callback on the way."""
    if callback:
        callback(0, x.clone())
    for step in range(1, num_steps + 1):
        x = advance(step, x)
        if callback:
            callback(step, x.clone())
    return x


def reveal(denoiser: DenoiserFunction, x: Tensor, where: Tensor, time: Tensor | float, mask_id: int,
           generator: torch.Generator | None) -> Tensor:
    """X with the tokens at `where` drawn from p(x_0^i | X), each independently.

    Shapes: x (batch, n) states, where (batch, n) bool, true at masks only, time a number or (batch,).
    """
    rows = where.any(-1).nonzero().squeeze(-1)
    if not len(rows):
        return x
    time = torch.as_tensor(time, dtype=torch.get_default_dtype(), device=x.device).expand(len(x))
    logits = ask(denoiser, x[rows], time[rows])[where[rows]]
    masks = torch.full(logits.shape[:1], mask_id, device=x.device)
    probs = carry_over(logits, masks, mask_id).double().softmax(-1)
    return x.masked_scatter(where, sample(probs, generator=generator))


def share_masked(x: Tensor, mask_id: int) -> Tensor:
    """k/n, the share of masked positions, (batch,), in torch's default dtype."""
    return (x == mask_id).sum(-1) / x.shape[-1]


def open_template(template: Tensor, mask_id: int) -> Tensor:
    """The template as a state of its own to work on, int64 (batch, n). Raises ValueError for what is no template."""
    check_int(mask_id, "mask_id", least=0)
    return _batch_of_states(template, "template")


def _batch_of_states(x: Tensor, name: str) -> Tensor:
    check_sequences(x, name)
    return x.long().clone()


def check_rates(rates: Tensor) -> Tensor:
    """The mask rates in float64. Raises ValueError unless they fall strictly from 1 to 0."""
    if not isinstance(rates, Tensor):
        raise TypeError(f"rates must be a tensor of mask rates, got {type(rates).__name__}; levels(L) gives one")
    rates = rates.double()
    if rates.ndim != 1 or rates.numel() < 2 or float(rates[0]) != 1 or float(rates[-1]) != 0 \
            or not bool((rates.diff() < 0).all()):
        raise ValueError("rates must fall strictly from exactly 1 to exactly 0 (L steps need L + 1 levels); "
                         "levels(L) gives them")
    return rates


def check_order(order: Tensor, length: int) -> Tensor:
    """The order in int64. Raises ValueError unless each of its rows of n positions holds every step 1..L."""
    if not isinstance(order, Tensor):
        raise TypeError(f"order must be an integer tensor, a step for each position, got {type(order).__name__}")
    if order.is_floating_point() or order.dtype == torch.bool or order.ndim not in (1, 2) or order.shape[-1] != length:
        raise ValueError(f"order must be an integer tensor of shape ({length},) or (batch, {length}), a step for each "
                         f"position, got dtype {order.dtype} and shape {tuple(order.shape)}")
    if order.numel() and int(order.min()) < 1:
        raise ValueError(f"order holds the step {int(order.min())}, but steps are counted from 1; add 1?")
    num_steps = int(order.max()) if order.numel() else 0
    for step in range(1, num_steps + 1):
        if not bool((order == step).any(-1).all()):
            raise ValueError(f"order has no position in step {step} of 1..{num_steps}: each step needs one in every "
                             "sequence")
    return order.long()


def check_num_sampling_steps(num_sampling_steps: int, length: int) -> int:
    """L as Python's int. Raises ValueError unless 1 <= L <= n."""
    number = as_int(num_sampling_steps)
    if number is None or not 1 <= number <= length:
        raise ValueError(f"num_sampling_steps must be an int in 1..{length}, so that each step has one of the {length} "
                         f"positions, got {num_sampling_steps!r}")
    return number
