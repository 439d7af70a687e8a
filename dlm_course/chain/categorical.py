"""Categorical distributions over K states: one-hot vectors, exact draws, entropies in nats.

Probabilities are tensors of shape (..., K) whose last dimension sums to 1. States are integer tensors with values
in 0..K-1. Every other module of the package builds on these few functions.
"""

import torch
from torch import Tensor

from dlm_course.arguments import check_int

# How far a sum of probabilities may be from 1: room for float32 softmax over a large vocabulary, far below a mistake.
SUM_TOLERANCE = 1e-5


def check_states(x: Tensor, num_states: int, name: str = "x") -> None:
    """Raise unless `x` is an integer tensor with values in 0..num_states-1.

    Raises TypeError for anything but an integer tensor, ValueError for a value outside the range.
    """
    if not isinstance(x, Tensor) or x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        given = f"dtype {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name} must be an integer tensor of state indices, got {given}; "
                        "a one-hot tensor becomes indices with x.argmax(-1)")
    if x.numel() == 0:
        return
    low, high = int(x.long().min()), int(x.long().max())    # torch has no min of uint16 and its like
    if low < 0 or high >= num_states:
        raise ValueError(f"{name} holds the state {low if low < 0 else high}, but with num_states = {num_states} the "
                         f"states are 0..{num_states - 1}; is the mask counted in num_states?")


def check_probabilities(probs: Tensor, name: str = "probs") -> None:
    """Raise unless the last dimension of `probs` holds probabilities: finite, not negative, with sum 1.

    Raises TypeError for anything but a floating-point tensor, ValueError for numbers that are no probabilities.
    """
    if not isinstance(probs, Tensor) or not probs.is_floating_point():
        given = f"dtype {probs.dtype}" if isinstance(probs, Tensor) else type(probs).__name__
        raise TypeError(f"{name} must be a floating-point tensor of probabilities, got {given}")
    if probs.ndim == 0 or probs.shape[-1] == 0:
        raise ValueError(f"{name} needs a last dimension of K >= 1 states, got shape {tuple(probs.shape)}")
    if probs.numel() == 0:
        return
    if not bool(torch.isfinite(probs).all()):
        raise ValueError(f"{name} holds NaN or infinity; the usual cause is 0/0 or the log of 0")
    if bool((probs < 0).any()):
        raise ValueError(f"{name} holds a negative number ({float(probs.min()):.3g}); are these logits? "
                         "softmax(-1) turns logits into probabilities")
    totals = probs.detach().sum(-1, dtype=torch.float64)
    worst = totals.flatten()[(totals - 1).abs().argmax()]
    if abs(float(worst) - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} sums to {float(worst):.6g} over its last dimension, expected 1; "
                         "is the dimension of the states the last one, and is it normalised?")


def one_hot(x: Tensor, num_states: int, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """The one-hot vectors of the states `x`.

    Formula: one_hot(x)[..., k] = [x = k].
    Shapes: x (...), integer, values in 0..num_states-1; returns (..., num_states) in `dtype`, on x's device.
    Raises: TypeError for a tensor that is not integer, ValueError for a state outside the range or num_states < 1.
    Source: "Discrete Diffusion Markov Chain", where x_t in {0,1}^K is a one-hot vector.
    """
    num_states = check_int(num_states, "num_states")
    check_states(x, num_states)
    return (x.long().unsqueeze(-1) == torch.arange(num_states, device=x.device)).to(dtype)


def sample(probs: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Draw states from Cat(probs), independently for every leading index.

    Formula: x = min {k : u < p_0 + ... + p_k} with u uniform from 0 to the sum of all, in float64 whatever the dtype of
    `probs`, so that rare states are neither starved nor invented; a state of probability 0 is never drawn.
    Shapes: probs (..., K); returns int64 (...). `generator` lives on the device of `probs`.
    Raises: TypeError or ValueError where `probs` are no probabilities.
    """
    check_probabilities(probs)
    cumulative = probs.cumsum(-1, dtype=torch.float64)
    total = cumulative[..., -1:]
    u = total * torch.rand(total.shape, dtype=torch.float64, device=probs.device, generator=generator)
    # Rounded up, u could be the total itself, and lie beyond every state.
    u = torch.minimum(u, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, u, right=True).squeeze(-1)


def entropy(probs: Tensor) -> Tensor:
    """H(p) = -sum_k p_k log p_k in nats, with 0 log 0 = 0.

    Shapes: probs (..., K); returns (...) in the dtype of `probs`.
    Raises: TypeError or ValueError where `probs` are no probabilities.
    """
    check_probabilities(probs)
    return torch.special.entr(probs).sum(-1)


def cross_entropy(q: Tensor, p: Tensor) -> Tensor:
    """H(q, p) = -sum_k q_k log p_k in nats; infinite where q gives mass to a state that p excludes.

    Shapes: q and p broadcast to (..., K); returns (...). For logits use torch.log_softmax, which does not underflow.
    Raises: TypeError or ValueError where `q` or `p` are no probabilities.
    Source: "ELBO term", the slide on the categorical KL.
    """
    _check_pair(q, p)
    return 0.0 - torch.special.xlogy(q, p).sum(-1)  # 0.0 - 0.0 is 0.0, where the negative of 0.0 prints as -0.


def kl(q: Tensor, p: Tensor) -> Tensor:
    """KL(Cat(q) || Cat(p)) = sum_k q_k log(q_k / p_k) = H(q, p) - H(q) in nats.

    Infinite where q gives mass to a state that p excludes; the order of the arguments matters.
    Shapes: q and p broadcast to (..., K); returns (...).
    Raises: TypeError or ValueError where `q` or `p` are no probabilities.
    Source: "ELBO term", the slide on the categorical KL.
    """
    _check_pair(q, p)
    # One sum of differences in place of a difference of sums: equal distributions give exactly 0.
    return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)


def _check_pair(q: Tensor, p: Tensor) -> None:
    check_probabilities(q, "q")
    check_probabilities(p, "p")
    if q.shape[-1] != p.shape[-1]:
        raise ValueError(f"q and p must have the same number of states K in their last dimension, got {q.shape[-1]} "
                         f"and {p.shape[-1]}; does one of them lack the mask?")
