"""Samplers of the absorbing chain that are exact in law: each says which distribution its output has.

A template is a state X with masks where text is wanted: all masks for a free sample. What is visible in it is never
overwritten. A denoiser is callable as `denoiser(xt, time)` and returns logits (batch, n, K); `time` is lambda here.
"""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlm_course.categorical import check_states, sample
from dlm_course.elbo import DenoiserFunction
from dlm_course.transition import carry_over


def levels(num_sampling_steps: int, kind: str = "linear") -> Tensor:
    """The L + 1 mask rates r_0 = 1 > r_1 > ... > r_L = 0 of a sampler with L steps, float64.

    "linear": r_l = 1 - l/L. "cosine": r_l = cos(pi l / (2L)), which reveals few tokens at first, many at last.
    Raises: ValueError for L < 1 or another kind.
    """
    if not isinstance(num_sampling_steps, int) or num_sampling_steps < 1:
        raise ValueError(f"num_sampling_steps must be an int >= 1, got {num_sampling_steps!r}")
    share = torch.arange(num_sampling_steps + 1, dtype=torch.float64) / num_sampling_steps
    if kind == "linear":
        return 1 - share
    if kind == "cosine":
        rates = torch.cos(share * (math.pi / 2))
        rates[-1] = 0.0  # cos(pi/2) is 6e-17 in floating point
        return rates
    raise ValueError(f"kind must be linear or cosine, got {kind!r}")


@torch.no_grad()
def lambda_schedule(denoiser: DenoiserFunction, template: Tensor, rates: Tensor, mask_id: int, *,
                    generator: torch.Generator | None = None,
                    callback: Callable[[int, Tensor], None] | None = None) -> Tensor:
    """Fill the masks of a template along the mask rates r_0 = 1 > ... > r_L = 0.

    In step l each masked token is revealed with probability (r_{l-1} - r_l) / r_{l-1}, by an independent coin, and
    drawn from p(x_0^i | X). The law is the marginal of the L-step reverse chain: not the data's, even for the exact
    Bayes denoiser, because tokens revealed in the same step do not see each other; it tends to it as L grows.
    Shapes: template (batch, n) states, rates (L+1,); returns int64 (batch, n) without masks. `generator` lives on the
    device of the template. `callback(l, X)` is called with l = 0..L, X after step l (a copy).
    Raises: ValueError for rates that do not fall strictly from 1 to 0, or a template that is no batch of states.
    Source: "Algorithm: Masked Diffusion Language Model", Sampling, with L + 1 levels for L steps.
    """
    if template.ndim != 2:
        raise ValueError(f"template must have shape (batch, n), got {tuple(template.shape)}")
    if not isinstance(mask_id, int) or mask_id < 0:
        raise ValueError(f"mask_id must be a state, an int >= 0, got {mask_id!r}")
    if rates.ndim != 1 or rates.numel() < 2 or float(rates[0]) != 1 or float(rates[-1]) != 0 \
            or bool((rates.diff() >= 0).any()):
        raise ValueError("rates must fall strictly from exactly 1 to exactly 0 (L steps need L + 1 levels); "
                         "levels(L) gives them")
    if template.numel():
        check_states(template, max(int(template.max()), mask_id) + 1, "template")
    x = template.long().clone()
    if callback:
        callback(0, x.clone())
    rates = rates.tolist()
    for step, (before, after) in enumerate(itertools.pairwise(rates), 1):
        # Which positions change is drawn first: the network runs on rows where one does, tokens are drawn only there.
        coins = torch.rand(x.shape, dtype=torch.float64, device=x.device, generator=generator)
        reveal = (x == mask_id) & (coins < (before - after) / before)
        rows = reveal.any(-1).nonzero().squeeze(-1)
        if len(rows):
            time = torch.full((len(rows),), before, device=x.device)
            logits = denoiser(x[rows], time)
            if logits.shape[:-1] != x[rows].shape:
                raise ValueError(f"the denoiser must return logits (batch, n, K) for xt {tuple(x[rows].shape)}, got "
                                 f"{tuple(logits.shape)}")
            logits = logits[reveal[rows]]
            logits = carry_over(logits, torch.full(logits.shape[:1], mask_id, device=x.device), mask_id)
            x[reveal] = sample(logits.double().softmax(-1), generator=generator)
        if callback:
            callback(step, x.clone())
    return x
