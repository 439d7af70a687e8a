"""What the families share: one face, one training loop, small networks, and the way from bins to points and back."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from dlm_course.model.training import REFRESH, Average

HALF_SIDE = 2.0    # bins 0..V-1 lie on the interval [-2, 2], where data have about unit variance


class NoLikelihoodError(TypeError):
    """Asked for the likelihood of a family that has none."""


class Family(nn.Module, ABC):
    """A generative model of points x in {0, ..., V-1}^n: pairs of bins, or pixels.

    name        of the family
    likelihood  what `nll` gives: "exact", "bound" (above the true -log p on average), "estimate", or "none"

    `fit` trains it in place, `sample` draws points, `nll` says what they cost, `calls_per_sample` what a draw costs.
    The first weights are drawn from the global generator: seed it before.
    """

    name: str
    likelihood: str

    def __init__(self, vocab_size: int, length: int = 2):
        super().__init__()
        if vocab_size < 2 or length < 1:
            raise ValueError(f"points need at least two bins and one coordinate, got vocab_size {vocab_size} and "
                             f"length {length}")
        self.vocab_size, self.length = vocab_size, length

    @abstractmethod
    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """The training loss of a batch, nats a point where it is a likelihood. Shapes: x (batch, n) bins -> ()."""

    @abstractmethod
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        """Draw points, (num, n), int64 bins. Families that sample in steps take their number.

        Raises: ValueError for a number that cannot be; without steps, for any but `calls_per_sample()`.
        """

    @abstractmethod
    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        """How many times a network is evaluated, one after the other, to draw a point. Raises as `sample` does."""

    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """-log p(x) or what stands for it, see `likelihood`, in nats. Shapes: x (batch, n) bins; returns (batch,)."""
        raise NoLikelihoodError(f"{self.name} has no likelihood: it can be drawn from, but not asked how probable a "
                                "point is")

    def fit(self, data: Tensor, num_steps: int, generator: torch.Generator, *, batch_size: int = 256,
            learning_rate: float = 2e-3, average: float = 0.999, progress: bool = True) -> Tensor:
        """Train on batches drawn from the data: Adam, warm-up and cosine, averaged weights at the end.

        Shapes: data (N, n) bins, on the model's device as the generator; returns the losses, (num_steps,).
        """
        check_points(data, self.vocab_size, self.length)
        optimizer = torch.optim.Adam(self.parameters(), lr=learning_rate, betas=(0.9, 0.99), fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 50) * (
            0.52 + 0.48 * math.cos(math.pi * step / num_steps)))
        averaged, losses = Average(self, average), []
        self.train()
        for step in tqdm(range(1, num_steps + 1), disable=not progress, unit="step", desc=self.name,
                         mininterval=REFRESH):
            x = data[torch.randint(len(data), (batch_size,), generator=generator, device=data.device)]
            loss = self.loss(x, generator=generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            averaged.update(step)
            losses.append(float(loss.detach()))
        self.load_state_dict(averaged.weights)
        self.eval()
        return torch.tensor(losses)

    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device


def check_points(x: Tensor, vocab_size: int, length: int) -> None:
    """Raises ValueError unless x holds points (batch, length) of bins 0..vocab_size-1."""
    if x.ndim != 2 or x.shape[1] != length or x.is_floating_point() or x.dtype == torch.bool:
        raise ValueError(f"points must be integer bins of shape (batch, {length}), got {x.dtype} of shape "
                         f"{tuple(x.shape)}")
    if len(x) and not 0 <= int(x.min()) <= int(x.max()) < vocab_size:
        raise ValueError(f"bins must be in 0..{vocab_size - 1}, got {int(x.min())} to {int(x.max())}")


def dequantise(x: Tensor, vocab_size: int, *, generator: torch.Generator | None = None) -> Tensor:
    """z = 4 (x + u) / V - 2 with u ~ U[0, 1): a uniform number in each bin, in [-2, 2], float32.

    A density p(z) gives the bin the mass P(x) = E_u p(z) side^n, side = 4 / V, so by Jensen
    -log P(x) <= -E_u log p(z) - n log(side): what a dequantised density pays, `log_cell` included, is a bound.
    """
    u = torch.rand(x.shape, device=x.device, generator=generator)
    return (x + u) * (2 * HALF_SIDE / vocab_size) - HALF_SIDE


def quantise(z: Tensor, vocab_size: int) -> Tensor:
    """The bins of points z, int64; what lies outside [-2, 2] counts to the first and the last bin."""
    return ((z + HALF_SIDE) * (vocab_size / (2 * HALF_SIDE))).floor().long().clamp(0, vocab_size - 1)


def log_cell(vocab_size: int, length: int) -> float:
    """n log(4 / V): the logarithm of the volume of a bin."""
    return length * math.log(2 * HALF_SIDE / vocab_size)


class PointNetwork(nn.Module):
    """A residual MLP on points (batch, n) and, with `timed`, on times (batch,) in [0, 1]; returns (batch, num_outputs).

    Points and times are seen as waves of several frequencies, too: a small network learns sharp shapes from them that
    it hardly learns from the numbers themselves. Raises: ValueError for times without `timed`, and for none with it.
    """

    def __init__(self, length: int, num_outputs: int, *, width: int = 96, depth: int = 2, timed: bool = False,
                 num_waves: int = 4):
        super().__init__()
        self.num_waves, self.timed = num_waves, timed
        self.first = nn.Linear(length * (1 + 2 * num_waves) + 10 * timed, width)
        self.layers = nn.ModuleList(nn.Sequential(nn.RMSNorm(width), nn.Linear(width, width), nn.SiLU(),
                                                  nn.Linear(width, width)) for _ in range(depth))
        self.last = nn.Linear(width, num_outputs)

    def forward(self, z: Tensor, time: Tensor | None = None) -> Tensor:
        if (time is None) == self.timed:
            raise ValueError(f"a network with timed={self.timed} takes {'times' if self.timed else 'no times'}")
        inputs = [z, waves(z / HALF_SIDE / 2, self.num_waves).flatten(1)]
        if time is not None:
            inputs.append(waves(time[:, None] / 2, 5).flatten(1))
        hidden = self.first(torch.cat(inputs, -1))
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        return self.last(hidden)


def waves(x: Tensor, num_waves: int) -> Tensor:
    """sin and cos of 2 pi 2^k x, k = 0..num_waves-1: (..., 2 num_waves)."""
    angles = 2 * math.pi * x[..., None] * 2.0 ** torch.arange(num_waves, device=x.device)
    return torch.cat([angles.sin(), angles.cos()], -1)
