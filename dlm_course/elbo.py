"""The discrete bound of the absorbing chain: rho_t times a cross-entropy on the masked tokens, summed over t.

A denoiser is anything callable as `denoiser(xt, time)` that returns logits (batch, n, K); here `time` is the step t, of
shape (batch,). Losses are sums over tokens in nats, of shape (batch,); `per_token` and `bits_per_character` convert.
"""

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from dlm_course.categorical import check_states
from dlm_course.schedule import check_time
from dlm_course.transition import AbsorbingTransition, carry_over

DenoiserFunction = Callable[[Tensor, Tensor], Tensor]


def per_token(loss: Tensor, length: int) -> Tensor:
    """A loss summed over `length` tokens, in nats, as nats per token."""
    return loss / length


def bits_per_character(loss: Tensor, length: int) -> Tensor:
    """A loss summed over `length` tokens, in nats, as bits per token: loss / (n log 2)."""
    return loss / (length * math.log(2))


def time_free(function: Callable[[Tensor], Tensor]) -> DenoiserFunction:
    """A denoiser that ignores the time, made of a function of X_t alone.

    For the absorbing chain nothing is lost: given which tokens are masked, the posterior of the others does not depend
    on the time (Sahoo et al. 2024; Ou et al. 2024).
    """
    return lambda xt, time: function(xt)


def masked_cross_entropy(denoiser: DenoiserFunction, x0: Tensor, xt: Tensor, time: Tensor, mask_id: int) -> Tensor:
    """sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)), the visible tokens carried over and the mask given no mass.

    Shapes: x0, xt (batch, n) states, time as the denoiser takes it; returns (batch,), in nats.
    Raises: ValueError where x0 holds the mask, or the denoiser's logits have another shape than (batch, n, K).
    Source: "Absorbing Diffusion", the sequence-level L_t without its factor.
    """
    x0, xt = x0.long(), xt.long()
    if bool((x0 == mask_id).any()):
        raise ValueError(f"x0 holds the mask ({mask_id}): the clean text has none; were x0 and xt swapped?")
    logits = denoiser(xt, time)
    if logits.shape[:-1] != xt.shape:
        raise ValueError(f"the denoiser must return logits (batch, n, K) for xt {tuple(xt.shape)}, got "
                         f"{tuple(logits.shape)}")
    check_states(x0, logits.shape[-1], "x0")
    log_probs = carry_over(logits, xt, mask_id).log_softmax(-1)
    picked = log_probs.gather(-1, x0.long().unsqueeze(-1)).squeeze(-1)
    return 0.0 - torch.where(xt == mask_id, picked, 0.0).sum(-1)  # 0.0 - 0.0 is 0.0, not -0.0


def rho_weighted_term(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition, t: Tensor, *,
                      generator: torch.Generator | None = None) -> Tensor:
    """One draw of L_t = E_{q(X_t|X_0)} rho_t sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)), for t of shape (batch,).

    Its sum over t = 1..T is the negative bound where the chain ends at alpha_bar_T = 0; the term t = 1, with rho_1 = 1,
    is the reconstruction.
    Shapes: x0 (batch, n) states, t an int or (batch,) in 1..T; returns (batch,), in nats.
    Source: "Absorbing Diffusion", Objective: sequence-level L_t.
    """
    check_time(t, 1, transition.num_steps)
    t = torch.as_tensor(t, device=x0.device).expand(x0.shape[:1])
    xt = transition.sample(x0, t, generator=generator)
    loss = masked_cross_entropy(denoiser, x0, xt, t, transition.mask_id)
    return transition.schedule.rho(t).to(loss) * loss


def rho_weighted_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition, *,
                      generator: torch.Generator | None = None) -> Tensor:
    """An unbiased estimate of the negative bound from a single t a sequence: T times the term of t ~ U{1..T}.

    Shapes: x0 (batch, n) states; returns (batch,), in nats.
    Raises: ValueError where alpha_bar_T > 0: the prior term would be infinite.
    """
    _check_end(transition)
    t = torch.randint(1, transition.num_steps + 1, x0.shape[:1], device=x0.device, generator=generator)
    return transition.num_steps * rho_weighted_term(denoiser, x0, transition, t, generator=generator)


def exact_rho_weighted_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition) -> Tensor:
    """The negative bound exactly, by summing over all T steps and all 2^n mask patterns.

    Shapes: x0 (batch, n) states with n <= 12; returns (batch,), in nats.
    Raises: ValueError for a longer sequence, or where alpha_bar_T > 0.
    """
    _check_end(transition)
    x0, total = x0.long(), 0.0
    for masked in mask_patterns(x0.shape[-1], x0.device):
        count = int(masked.sum())
        xt = torch.where(masked, transition.mask_id, x0)
        for t in range(1, transition.num_steps + 1):
            mask_rate = float(transition.schedule.mask_rate(t))
            weight = mask_rate**count * (1 - mask_rate)**(x0.shape[-1] - count)
            if weight:
                time = torch.full(x0.shape[:1], t, device=x0.device)
                loss = masked_cross_entropy(denoiser, x0, xt, time, transition.mask_id)
                total = total + weight * float(transition.schedule.rho(t)) * loss
    return total


def mask_patterns(length: int, device: torch.device | str = "cpu") -> list[Tensor]:
    """All non-empty sets of masked positions, as boolean tensors (n,). Raises ValueError for n > 12."""
    if length > 12:
        raise ValueError(f"2^n mask patterns are enumerated for n <= 12, got n = {length}; estimate instead")
    return [torch.tensor(pattern, device=device) for pattern in product((False, True), repeat=length) if any(pattern)]


def _check_end(transition: AbsorbingTransition) -> None:
    end = float(transition.schedule.alpha_bar(transition.num_steps))
    if end != 0:
        raise ValueError(f"alpha_bar_T = {end:.3g}, but the bound of the absorbing chain is finite only for "
                         "alpha_bar_T = 0: end the schedule there (linear, cosine and geometric do)")
