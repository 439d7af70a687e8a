"""The continuous side that the slides recall: paths from noise (t = 0) to data (t = 1), and the marginals they make.

Every conditional path is p_t(x | x_1) = N(m_t x_1, s_t² I). A point moves along it by the flow
x_t = m_t x_1 + s_t ε, so with the velocity, the conditional vector field,

    f(x, x_1, t) = m'_t x_1 + s'_t / s_t (x - m_t x_1).

The data's marginal p_t(x) = E p_t(x | x_1) moves by the average of f over p(x_1 | x), in closed form for a few points.
Every choice of g(t) >= 0 gives an equation with these same marginals: the ODE (g = 0) and the reverse SDE

    dx = [f(x, t) + g(t)²/2 ∇ log p_t(x)] dt + g(t) dw.

t is a number, or a tensor that broadcasts to the shape of x but its last dimension. Computes in the dtype of x.
Sources: "Recap of Previous Lecture"; Song et al. 2021; Lipman et al. 2023.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Path(ABC):
    """The path to a point x_1, t from 0 (noise) to 1 (data)."""

    name: str

    @abstractmethod
    def scale(self, t: float | Tensor) -> Tensor:
        """m_t, the share of x_1 in the mean. Shapes: t (...); returns (...)."""

    @abstractmethod
    def std(self, t: float | Tensor) -> Tensor:
        """s_t, the standard deviation of the noise. Shapes: t (...); returns (...)."""

    @abstractmethod
    def field(self, x: Tensor, x1: Tensor, t: float | Tensor) -> Tensor:
        """f(x, x_1, t), for t < 1. Shapes: x and x1 (..., n), t (...); returns (..., n)."""

    @abstractmethod
    def diffusion(self, t: float | Tensor) -> Tensor:
        """g(t) of the reverse SDE. Shapes: t (...); returns (...)."""

    def mean(self, x1: Tensor, t: float | Tensor) -> Tensor:
        """m_t x_1. Shapes: x1 (..., n), t (...); returns (..., n)."""
        return self.scale(_time_like(t, x1))[..., None] * x1

    def sample(self, x1: Tensor, t: float | Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw x_t ~ p_t(x | x_1). Shapes: x1 (..., n), t (...); returns (..., n)."""
        noise = torch.randn(x1.shape, dtype=x1.dtype, device=x1.device, generator=generator)
        return self.mean(x1, t) + self.std(_time_like(t, x1))[..., None] * noise


class VarianceExploding(Path):
    """N(x_1, σ_{1-t}² I) with σ_s = low (high/low)^s: f = -σ'_{1-t}/σ_{1-t} (x - x_1)."""

    name = "VE"

    def __init__(self, low: float = 0.01, high: float = 5.0):
        if not 0 < low < high:
            raise ValueError(f"the noise must grow from low > 0 to high > low, got {low} and {high}")
        self.low, self.rate = low, math.log(high / low)

    def scale(self, t: float | Tensor) -> Tensor:
        return torch.ones_like(torch.as_tensor(t))

    def std(self, t: float | Tensor) -> Tensor:
        return self.low * torch.exp(self.rate * (1 - torch.as_tensor(t)))

    def field(self, x: Tensor, x1: Tensor, t: float | Tensor) -> Tensor:
        return -self.rate * (x - x1)

    def diffusion(self, t: float | Tensor) -> Tensor:
        return self.std(t) * math.sqrt(2 * self.rate)                       # g² is the derivative of σ_s² by s


class VariancePreserving(Path):
    """N(α_{1-t} x_1, (1 - α_{1-t}²) I): f = α'_{1-t} / (1 - α_{1-t}²) (α_{1-t} x - x_1).

    α_s = exp(-½ ∫_0^s β(r) dr) with β(r) = low + (high - low) r.
    """

    name = "VP"

    def __init__(self, low: float = 0.1, high: float = 20.0):
        if not 0 < low <= high:
            raise ValueError(f"the rate of noise must grow from low > 0 to high >= low, got {low} and {high}")
        self.low, self.high = low, high

    def _beta(self, t: float | Tensor) -> Tensor:
        return self.low + (self.high - self.low) * (1 - torch.as_tensor(t))

    def scale(self, t: float | Tensor) -> Tensor:
        s = 1 - torch.as_tensor(t)
        return torch.exp(-(self.low + (self.high - self.low) * s / 2) * s / 2)

    def std(self, t: float | Tensor) -> Tensor:
        s = 1 - torch.as_tensor(t)
        return torch.sqrt(-torch.expm1(-(self.low + (self.high - self.low) * s / 2) * s))

    def field(self, x: Tensor, x1: Tensor, t: float | Tensor) -> Tensor:
        t = _time_like(t, x)[..., None]
        alpha = self.scale(t)
        return -self._beta(t) / 2 * alpha / self.std(t) ** 2 * (alpha * x - x1)     # α'_s = -β(s)/2 α_s

    def diffusion(self, t: float | Tensor) -> Tensor:
        return self._beta(t).sqrt()


class OptimalTransport(Path):
    """N(t x_1, (1 - t)² I): f = (x_1 - x) / (1 - t), which is x_1 - ε all along the path: a straight line, evenly fast.

    It comes without an SDE; g(t)² = 2 (1 - t) is one choice of many.
    """

    name = "OT"

    def scale(self, t: float | Tensor) -> Tensor:
        return torch.as_tensor(t)

    def std(self, t: float | Tensor) -> Tensor:
        return 1 - torch.as_tensor(t)

    def field(self, x: Tensor, x1: Tensor, t: float | Tensor) -> Tensor:
        return (x1 - x) / (1 - _time_like(t, x)[..., None])

    def diffusion(self, t: float | Tensor) -> Tensor:
        return torch.sqrt(2 * (1 - torch.as_tensor(t)))


class Marginal:
    """p_t(x) of data points, equally likely: a mixture of N Gaussians. Shapes: points (N, n); x (..., n), t (...)."""

    def __init__(self, path: Path, points: Tensor):
        if points.ndim != 2 or not len(points) or not points.is_floating_point():
            raise ValueError(f"points must be floating-point, of shape (N, n), got {points.dtype} of shape "
                             f"{tuple(points.shape)}")
        self.path, self.points = path, points

    def _parts(self, x: Tensor, t: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log N(x; m_t x_i, s_t²) (..., N), the differences m_t x_i - x (..., N, n) and s_t² (...)."""
        t = _time_like(t, x)
        difference = self.path.scale(t)[..., None, None] * self.points - x[..., None, :]
        variance = self.path.std(t)[..., None] ** 2
        log_density = -(difference**2).sum(-1) / (2 * variance) - x.shape[-1] / 2 * torch.log(2 * math.pi * variance)
        return log_density, difference, variance

    def log_prob(self, x: Tensor, t: float | Tensor) -> Tensor:
        """log p_t(x), (...)."""
        return self._parts(x, t)[0].logsumexp(-1) - math.log(len(self.points))

    def score(self, x: Tensor, t: float | Tensor) -> Tensor:
        """∇ log p_t(x) = Σ_i p(x_1 = x_i | x) (m_t x_i - x) / s_t², (..., n)."""
        log_density, difference, variance = self._parts(x, t)
        return (log_density.softmax(-1)[..., None] * difference).sum(-2) / variance

    def field(self, x: Tensor, t: float | Tensor) -> Tensor:
        """f(x, t) = Σ_i p(x_1 = x_i | x) f(x, x_i, t), the field of the probability-flow ODE, (..., n)."""
        weights = self._parts(x, t)[0].softmax(-1)
        fields = self.path.field(x[..., None, :], self.points, _time_like(t, x)[..., None])
        return (weights[..., None] * fields).sum(-2)

    def trajectories(self, start: Tensor, num_steps: int, *, stochastic: bool = False, end: float = 0.999,
                     generator: torch.Generator | None = None) -> Tensor:
        """From x_0 = start along the ODE, in Heun's steps, or the reverse SDE, in Euler's, evenly from t = 0 to end.

        Shapes: start (..., n); returns (num_steps + 1, ..., n). Raises: ValueError unless 0 < end < 1.
        """
        if not 0 < end < 1:
            raise ValueError(f"end must be in (0, 1), got {end}: fields may be infinite at t = 1")
        step, x, visited = end / num_steps, start, [start]
        for t in (i * step for i in range(num_steps)):
            if stochastic:
                g = self.path.diffusion(_time_like(t, x))[..., None]
                noise = torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
                x = x + step * (self.field(x, t) + g**2 / 2 * self.score(x, t)) + math.sqrt(step) * g * noise
            else:
                slope = self.field(x, t)
                x = x + step / 2 * (slope + self.field(x + step * slope, t + step))
            visited.append(x)
        return torch.stack(visited)


def _time_like(t: float | Tensor, x: Tensor) -> Tensor:
    """t as a tensor of the leading shape of x (..., n), its dtype and device."""
    return torch.as_tensor(t, dtype=x.dtype, device=x.device).expand(x.shape[:-1])
