"""Two-dimensional data whose distribution is known: mixtures of Gaussians, cut into the V x V bins of a grid.

A point is a pair of bins, two categorical tokens. Families of continuous densities see it as a number in each bin,
uniformly drawn (`family.dequantise`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_course.chain.categorical import entropy


@dataclass(frozen=True)
class GridData:
    """A distribution over pairs of bins.

    probs    (V, V), float64: the probability of each pair, exactly
    centres  (number of modes, 2), float64: the modes' centres, in bins; empty for data without separate modes
    spread   the modes' standard deviation, in bins
    """

    name: str
    probs: Tensor
    centres: Tensor
    spread: float

    @property
    def vocab_size(self) -> int:
        """The number of bins of an axis, V."""
        return len(self.probs)

    def entropy(self) -> Tensor:
        """H of a pair, in nats: no likelihood is below it on average."""
        return entropy(self.probs.flatten())

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), in nats. Shapes: x (..., 2) bins; returns (...)."""
        return self.probs[x[..., 0], x[..., 1]].log()

    def sample(self, num: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw pairs of bins, (num, 2), int64."""
        cumulative = self.probs.flatten().cumsum(0)     # one table for all draws, where `categorical.sample` has rows
        u = torch.rand(num, dtype=torch.float64, generator=generator)
        index = torch.searchsorted(cumulative / cumulative[-1], u, right=True)
        return torch.stack([index // self.vocab_size, index % self.vocab_size], -1)


def ring(vocab_size: int = 32, *, num_modes: int = 8, spread: float = 0.0275) -> GridData:
    """Gaussians on a circle across 3/4 of the grid; the spread is their standard deviation, in sides of the grid."""
    angles = 2 * math.pi * torch.arange(num_modes, dtype=torch.float64) / num_modes
    centres = 0.5 + 0.375 * torch.stack([angles.cos(), angles.sin()], -1)
    return GridData("ring", _binned(centres, spread, vocab_size), centres * vocab_size, spread * vocab_size)


def spiral(vocab_size: int = 32, *, spread: float = 0.018) -> GridData:
    """One arm that winds twice around the middle, of even thickness and density along its length."""
    turns = torch.linspace(0.15, 1, 2000, dtype=torch.float64)
    angles, radius = 4 * math.pi * turns, 0.42 * turns
    arm = 0.5 + torch.stack([radius * angles.cos(), radius * angles.sin()], -1)
    length = arm.diff(dim=0).norm(dim=-1)
    return GridData("spiral", _binned((arm[1:] + arm[:-1]) / 2, spread, vocab_size, length / length.sum()),
                    torch.empty(0, 2, dtype=torch.float64), spread * vocab_size)


def _binned(centres: Tensor, spread: float, vocab_size: int, weights: Tensor | None = None) -> Tensor:
    """The mass of a mixture of round Gaussians in each bin of the unit square, of what falls into the square."""
    weights = torch.full((len(centres),), 1 / len(centres), dtype=torch.float64) if weights is None else weights
    edges = torch.linspace(0, 1, vocab_size + 1, dtype=torch.float64)
    low, high = (edges[:-1, None, None] - centres) / spread, (edges[1:, None, None] - centres) / spread
    right = low > 0    # the difference of two numbers near 1 would lose the tail: there the mirrored bin is taken
    low, high = torch.where(right, -high, low), torch.where(right, -low, high)
    mass = (torch.special.erfc(-high / 2**0.5) - torch.special.erfc(-low / 2**0.5)) / 2      # (V, modes, 2)
    probs = torch.einsum("im,jm,m->ij", mass[..., 0], mass[..., 1], weights)
    return probs / probs.sum()


def frequencies(x: Tensor, vocab_size: int) -> Tensor:
    """The share of samples in each pair of bins, (V, V), float64. Shapes: x (N, 2) bins."""
    counts = torch.bincount((x[:, 0] * vocab_size + x[:, 1]).cpu(), minlength=vocab_size**2)
    return counts.reshape(vocab_size, vocab_size).double() / len(x)


def mode_shares(x: Tensor, data: GridData) -> Tensor:
    """The share of samples within three spreads of each mode, (number of modes,), float64, in units of what is due.

    A mode is covered if its share is near 1 and dropped if near 0. Shapes: x (N, 2) bins.
    Raises: ValueError for data without separate modes.
    """
    if not len(data.centres):
        raise ValueError(f"{data.name} has no separate modes to count")
    return _mass_near_modes(frequencies(x, data.vocab_size), data) / _mass_near_modes(data.probs, data)


def stray_share(x: Tensor, data: GridData, *, kept: float = 0.99) -> float:
    """The share of samples outside the smallest set of bins that holds `kept` of the data: 1 - kept or less is due.

    It sees what total variation does not: whether an error is points where there are no data, or points at the right
    places in the wrong numbers. Shapes: x (N, 2) bins.
    """
    probs, order = data.probs.flatten().sort(descending=True)
    inside = torch.zeros(len(probs), dtype=torch.bool)
    inside[order[:int(torch.searchsorted(probs.cumsum(0), kept)) + 1]] = True
    return 1 - float(inside[(x[:, 0] * data.vocab_size + x[:, 1]).cpu()].double().mean())


def _mass_near_modes(probs: Tensor, data: GridData) -> Tensor:
    middles = torch.arange(data.vocab_size, dtype=torch.float64) + 0.5
    grid = torch.cartesian_prod(middles, middles)
    near = (grid[:, None] - data.centres).norm(dim=-1) < 3 * data.spread
    return probs.flatten() @ near.double()
