"""Flow matching: an ODE that carries noise to data along straight conditional paths.

    x_t = (1 - t) ε + t x_1,   ε ~ N(0, I):   min E ‖f_θ(x_t, t) - (x_1 - ε)‖²
    dx = f_θ(x, t) dt from t = 0 to 1,   log p_1(x(1)) = log N(x(0); 0, I) - ∫ div f_θ(x(t), t) dt

x_1 are the dequantised points. The field that the regression finds is the average of the conditional ones,
E[x_1 - ε | x_t]: it has the right marginals p_t, though no point moves straight any more (`paths.py`).

`nll` integrates the ODE and the divergence backwards together, from a point drawn in the bin. But for the solver's
error it is -log p_1 of that point, less the log volume of a bin: on average a bound for the bin (`dequantise`). The
divergence is exact, by one backward pass a coordinate; above `EXACT_UP_TO` coordinates it is Hutchinson's unbiased
estimate vᵀ (∂f/∂x) v with one random sign vector v a trajectory.
Sources: "SDE / Flow matching"; Lipman et al. 2023; Liu et al. 2023; Chen et al. 2018; Grathwohl et al. 2019.
"""

import math
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from dlm_course.families.family import Family, PointNetwork, check_points, dequantise, log_cell, quantise

EXACT_UP_TO = 4      # coordinates whose divergence is computed exactly

Time = TypeVar("Time", float, Tensor)


class FlowMatching(Family):
    """The optimal-transport path, and Heun's method, whose step costs two network calls."""

    name = "flow matching"
    likelihood = "estimate"

    def __init__(self, vocab_size: int, length: int = 2, *, num_solver_steps: int = 25, width: int = 96,
                 depth: int = 2):
        super().__init__(vocab_size, length)
        if num_solver_steps < 1:
            raise ValueError(f"num_solver_steps must be at least 1, got {num_solver_steps}")
        self.num_solver_steps = num_solver_steps
        self.field = PointNetwork(length, length, width=width, depth=depth, timed=True)

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        x1 = dequantise(x, self.vocab_size, generator=generator)
        noise = torch.randn(x1.shape, device=x.device, generator=generator)
        # Times spread evenly with a common random shift, then bent towards the data, where the field is finest.
        shift = torch.rand((), device=x.device, generator=generator)
        t = _bend((torch.randperm(len(x), device=x.device, generator=generator) + shift) / len(x))
        xt = (1 - t[:, None]) * noise + t[:, None] * x1
        return ((self.field(xt, t) - (x1 - noise)) ** 2).sum(-1).mean()

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        x = torch.randn(num, self.length, device=self.device(), generator=generator)
        for start, end in pairwise(self._times(num_sampling_steps)):
            slope = self.field(x, x.new_full((num,), start))
            ahead = self.field(x + (end - start) * slope, x.new_full((num,), end))
            x = x + (end - start) / 2 * (slope + ahead)
        return quantise(x, self.vocab_size)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        return 2 * (len(self._times(num_sampling_steps)) - 1)

    def _times(self, num_steps: int | None) -> list[float]:
        """0 = t_0 < ... < t_L = 1, bent as in training."""
        num_steps = self.num_solver_steps if num_steps is None else num_steps
        if num_steps < 1:
            raise ValueError(f"the solver needs at least one step, got {num_steps}")
        return [_bend(i / num_steps) for i in range(num_steps + 1)]

    def nll(self, x: Tensor, *, generator: torch.Generator | None = None,
            num_solver_steps: int | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        z = dequantise(x, self.vocab_size, generator=generator)
        signs = (2 * torch.randint(2, z.shape, device=x.device, generator=generator) - 1).to(z)
        gained = torch.zeros_like(z[:, 0])
        for start, end in pairwise(self._times(num_solver_steps)[::-1]):
            slope, div = self.slope_and_divergence(z, start, signs)
            ahead, div_ahead = self.slope_and_divergence(z + (end - start) * slope, end, signs)
            z = z + (end - start) / 2 * (slope + ahead)
            gained = gained + (end - start) / 2 * (div + div_ahead)
        log_noise = -(z**2).sum(-1) / 2 - self.length / 2 * math.log(2 * math.pi)
        return -(log_noise + gained) - log_cell(self.vocab_size, self.length)

    @torch.enable_grad()
    def slope_and_divergence(self, x: Tensor, t: float, signs: Tensor) -> tuple[Tensor, Tensor]:
        """f_θ(x, t) and its divergence, the sum of ∂f^i/∂x^i. Shapes: x (batch, n); returns (batch, n) and (batch,)."""
        x = x.detach().requires_grad_()
        slope = self.field(x, x.new_full((len(x),), t))
        if self.length <= EXACT_UP_TO:
            divergence = sum((torch.autograd.grad(slope[:, i].sum(), x, retain_graph=True)[0][:, i]
                              for i in range(self.length)), start=torch.zeros_like(x[:, 0]))
        else:
            divergence = (torch.autograd.grad((slope * signs).sum(), x)[0] * signs).sum(-1)
        return slope.detach(), divergence


def _bend(u: Time) -> Time:
    """[0, 1] to [0, 1], three quarters of it into the last half."""
    return 1 - (1 - u) ** 2
