"""Schedules: how much of the signal each step t = 1..T of the chain destroys.

A schedule is the sequence beta_1..beta_T together with what follows from it: alpha_bar_t, lambda_t and rho_t. The
same numbers drive the uniform and the absorbing chain; only for the absorbing one is lambda_t the mask rate.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dlm_course.arguments import as_float, as_int, check_int


def check_time(t: int | Tensor, first: int, last: int) -> int | Tensor:
    """`t`, an int as Python's. Raises ValueError unless it is an int or integer tensor with values in first..last."""
    if isinstance(t, Tensor):
        if t.is_floating_point() or t.is_complex() or t.dtype == torch.bool:
            raise ValueError(f"t must be an int or an integer tensor in {first}..{last}, got a tensor of dtype "
                             f"{t.dtype}; the steps of the chain are counted, a mask rate in [0, 1] is not a step")
        if t.numel() == 0:
            return t
        low, high = int(t.min()), int(t.max())
    else:
        number = as_int(t)
        if number is None:
            raise ValueError(f"t must be an int or an integer tensor in {first}..{last}, got {type(t).__name__} {t!r}")
        t = low = high = number
    if low < first or high > last:
        hint = "; t = 0 is the clean state, before the first step" if low == 0 and first == 1 else ""
        raise ValueError(f"t = {low if low < first else high} is outside {first}..{last}{hint}")
    return t


class Schedule:
    """The numbers beta_t, alpha_bar_t, lambda_t and rho_t of a chain of T steps, in float64.

    Formulas, for t = 1..T with alpha_bar_0 = 1:
        beta_t       corruption probability of step t (for the uniform chain: the probability of being resampled)
        alpha_bar_t  = (1 - beta_1) ... (1 - beta_t)
        lambda_t     = 1 - alpha_bar_t, the mask rate of the absorbing chain
        rho_t        = beta_t alpha_bar_{t-1} / (1 - alpha_bar_t) = (lambda_t - lambda_{t-1}) / lambda_t

    Every method takes `t` as an int or an integer tensor of any shape, and returns float64 of that shape on the device
    of `t`; t outside the range is a ValueError.

        >>> schedule = Schedule([0.5, 0.5])
        >>> float(schedule.alpha_bar(2)), float(schedule.mask_rate(2))
        (0.25, 0.75)

    Raises ValueError unless every beta_t is in [0, 1] and beta_1 > 0 (else rho_1 is 0/0), or if the chain goes on after
    a step with beta_t = 1, when nothing is left to destroy.
    Source: "Absorbing Diffusion: Forward Process" and "From Discrete Time to Mask Rate".
    """

    def __init__(self, beta: Sequence[float] | Tensor):
        beta = _numbers(beta, "beta")
        outside = ~((beta >= 0) & (beta <= 1))
        if bool(outside.any()):
            t = int(outside.nonzero()[0])
            raise ValueError(f"every beta_t must be a probability in [0, 1], got beta_{t + 1} = {float(beta[t])}")
        if bool((beta[:-1] == 1).any()):
            t = int((beta == 1).nonzero()[0]) + 1
            raise ValueError(f"beta_{t} = 1 leaves alpha_bar_{t} = 0: the steps after it, up to T = {len(beta)}, have "
                             "nothing left to destroy; end the schedule there")
        alpha_bar = (1 - beta).cumprod(0)
        before = torch.cat([beta.new_ones(1), alpha_bar[:-1]])
        # Summed, not 1 - alpha_bar: the small lambda_t of a gentle start would be rounded away there.
        self._set(beta, (beta * before).cumsum(0).clamp(max=1).where(alpha_bar > 0, 1.0), alpha_bar)

    def _set(self, beta: Tensor, mask_rate: Tensor, alpha_bar: Tensor) -> None:
        if float(mask_rate[0]) == 0:
            raise ValueError("beta_1 = 0: the first step must corrupt something, else rho_1 is 0/0; "
                             "drop leading steps that do nothing")
        zero = mask_rate.new_zeros(1)
        self._beta = beta
        self._mask_rate = torch.cat([zero, mask_rate])
        self._alpha_bar = torch.cat([zero + 1, alpha_bar])

    @classmethod
    def from_mask_rate(cls, mask_rate: Sequence[float] | Tensor) -> "Schedule":
        """The schedule with the given lambda_1..lambda_T, strictly increasing in (0, 1].

        Formula: beta_t = (lambda_t - lambda_{t-1}) / (1 - lambda_{t-1}), lambda_0 = 0. Raises ValueError otherwise.
        """
        mask_rate = _numbers(mask_rate, "mask_rate")
        before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
        wrong = ~((mask_rate > before) & (mask_rate <= 1))
        if bool(wrong.any()):
            t = int(wrong.nonzero()[0])
            raise ValueError("lambda_1..lambda_T must increase strictly from above 0 to at most 1, got "
                             f"lambda_{t + 1} = {float(mask_rate[t])} after lambda_{t} = {float(before[t])}")
        schedule = cls.__new__(cls)
        schedule._set((mask_rate - before) / (1 - before), mask_rate, 1 - mask_rate)
        return schedule

    @classmethod
    def linear(cls, num_steps: int) -> "Schedule":
        """lambda_t = t / T: every step masks the same share of the whole; rho_t = 1/t."""
        num_steps = check_int(num_steps, "num_steps")
        return cls.from_mask_rate(torch.arange(1, num_steps + 1, dtype=torch.float64) / num_steps)

    @classmethod
    def cosine(cls, num_steps: int) -> "Schedule":
        """lambda_t = 1 - cos(pi t / (2T)), with alpha_bar_T = 0 exactly."""
        num_steps = check_int(num_steps, "num_steps")
        angle = torch.arange(1, num_steps + 1, dtype=torch.float64) * (math.pi / (2 * num_steps))
        # 1 - cos a = 2 sin^2(a/2) without cancellation; the last value is set, since cos(pi/2) is 6e-17 in float64.
        mask_rate = 2 * torch.sin(angle / 2) ** 2
        mask_rate[-1] = 1.0
        return cls.from_mask_rate(mask_rate)

    @classmethod
    def geometric(cls, num_steps: int, first: float) -> "Schedule":
        """lambda_t = first^((T - t) / (T - 1)): geometric from lambda_1 = `first` to lambda_T = 1.

        With `first` fixed the mesh does not shrink as T grows: limits T -> infinity need `first` -> 0 along with it.
        Raises ValueError unless num_steps >= 2 and 0 < first < 1.
        """
        num_steps = check_int(num_steps, "num_steps", least=2)
        if not 0 < as_float(first) < 1:
            raise ValueError(f"first must be in (0, 1): it is lambda_1, got {first!r}")
        exponent = torch.arange(num_steps - 1, -1, -1, dtype=torch.float64) / (num_steps - 1)
        return cls.from_mask_rate(as_float(first)**exponent)

    @classmethod
    def constant(cls, beta: float, num_steps: int) -> "Schedule":
        """beta_t = `beta` at every step, so alpha_bar_t = (1 - beta)^t.

        For beta < 1 it does not end at alpha_bar_T = 0: it serves the stationary limit, not the bound.
        """
        num_steps = check_int(num_steps, "num_steps")
        if not 0 <= as_float(beta) <= 1:
            raise ValueError(f"beta must be a probability in [0, 1], got {beta!r}")
        return cls(torch.full((num_steps,), as_float(beta), dtype=torch.float64))

    @property
    def num_steps(self) -> int:
        """T, the number of steps."""
        return self._beta.numel()

    def beta(self, t: int | Tensor) -> Tensor:
        """beta_t, the corruption probability of step t, for t in 1..T."""
        t = check_time(t, 1, self.num_steps)
        return _look_up(self._beta, t - 1)

    def alpha_bar(self, t: int | Tensor) -> Tensor:
        """alpha_bar_t, the probability of having met no corruption up to t, for t in 0..T; alpha_bar_0 = 1."""
        t = check_time(t, 0, self.num_steps)
        return _look_up(self._alpha_bar, t)

    def mask_rate(self, t: int | Tensor) -> Tensor:
        """lambda_t = 1 - alpha_bar_t, for t in 0..T; lambda_0 = 0."""
        t = check_time(t, 0, self.num_steps)
        return _look_up(self._mask_rate, t)

    def rho(self, t: int | Tensor) -> Tensor:
        """rho_t = (lambda_t - lambda_{t-1}) / lambda_t, for t in 1..T; rho_1 = 1.

        For the absorbing chain: the probability that a token masked at t was masked in step t, not before.
        """
        return self.beta(t) * self.alpha_bar(t - 1) / self.mask_rate(t)

    def __repr__(self) -> str:
        return f"Schedule(num_steps={self.num_steps}, alpha_bar_T={float(self._alpha_bar[-1]):.4g})"


def _look_up(table: Tensor, t: int | Tensor) -> Tensor:
    return table.to(t.device)[t.long()] if isinstance(t, Tensor) else table[t].clone()


def _numbers(values: Sequence[float] | Tensor, name: str) -> Tensor:
    try:
        values = torch.as_tensor(values, dtype=torch.float64, device="cpu").detach().clone()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"{name} must be a sequence of T >= 1 numbers, got {values!r}") from None
    if values.ndim != 1 or values.numel() == 0:
        raise ValueError(f"{name} must be a sequence of T >= 1 numbers, got shape {tuple(values.shape)}")
    return values
