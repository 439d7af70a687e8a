"""Normalizing flow: an invertible network between points and noise, so that the density of a point is known exactly.

    y = f_θ(z),   log p_θ(y) = log p(z) + log |det ∂z/∂y|

Bins are seen as points, y = 4 (x + u) / V - 2 with a number u in [0, 1)^n. Each coupling leaves one half of the
coordinates as it is, reads from it a mixture of logistics for each coordinate of the other half, and replaces that
coordinate by the logit of its cumulative probability. The Jacobian is triangular: its log-determinant is a sum of
log-slopes. Where the mixtures are the true conditional distributions, what comes out is logistic noise, which is p(z).

`log_density` is log p_θ(y), exactly. `nll` is a bound of -log P(x) of the bins, P(x) = ∫ p_θ(y) dy over the bin:

    -log P(x) <= E_{u ~ q(u|x)}[log q(u | x) - log p_θ(y)] - n log(4 / V),

an unbiased estimate of it from one u a point. With u uniform, log q = 0, p_θ would have to be a staircase to make the
bound tight; a learned q gives more of u where p_θ is large within the bin, and most of that price is saved.
Sources: "Course Overview", normalizing flows; Ho et al. 2019 (Flow++): mixture couplings, learned dequantisation.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlm_course.families.family import HALF_SIDE, Family, PointNetwork, check_points, log_cell, quantise


class CouplingFlow(Family):
    """Couplings that change the even and the odd coordinates in turn.

    Two are enough for pairs in principle, one for p(y^1 | y^2) and one for p(y^2). Longer points need more: within a
    coupling the changed coordinates do not see each other.
    """

    name = "coupling flow"
    likelihood = "bound"

    def __init__(self, vocab_size: int, length: int = 2, *, num_couplings: int = 2, num_components: int = 16,
                 width: int = 64, depth: int = 2):
        super().__init__(vocab_size, length)
        if length < 2 or num_couplings < 2:
            raise ValueError(f"couplings change one half of the coordinates given the other, in turn: at least two of "
                             f"each are needed, got length {length} and num_couplings {num_couplings}")
        self.couplings = nn.ModuleList(Coupling(length, index % 2, num_components, width, depth)
                                       for index in range(num_couplings))
        self.dequantiser = PointNetwork(length, 2 * length, width=width, depth=depth)
        nn.init.zeros_(self.dequantiser.last.weight)
        nn.init.zeros_(self.dequantiser.last.bias)

    def to_noise(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The noise z of points and log |det ∂z/∂y|. Shapes: y (batch, n); returns (batch, n) and (batch,)."""
        log_det = torch.zeros(len(y), device=y.device)
        for coupling in self.couplings:
            y, log_slopes = coupling(y)
            log_det = log_det + log_slopes.sum(-1)
        return y, log_det

    def to_points(self, z: Tensor) -> Tensor:
        """The points y = f_θ(z) of noise, by bisection. Shapes: z (batch, n); returns (batch, n)."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            z = coupling.inverse(z)
        return z

    def log_density(self, y: Tensor) -> Tensor:
        """log p_θ(y), exactly. Shapes: y (batch, n), anywhere in R^n; returns (batch,)."""
        z, log_det = self.to_noise(y)
        return log_logistic(z).sum(-1) + log_det

    def dequantise(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw u from q(u | x): the points y and log q(u | x). Shapes: x (batch, n) bins; returns (batch, n), (batch,).

        u = sigmoid(shift + scale a) with a ~ logistic: uniform for shift 0 and scale 1, where training starts.
        """
        side = 2 * HALF_SIDE / self.vocab_size
        shift, log_scale = self.dequantiser((x + 0.5) * side - HALF_SIDE).chunk(2, -1)
        a = logistic(x.shape, x.device, generator)
        logit_u = shift + log_scale.exp() * a
        log_q = log_logistic(a) - log_scale - log_logistic(logit_u)     # u (1 - u) is the logistic density
        return (x + logit_u.sigmoid()) * side - HALF_SIDE, log_q.sum(-1)

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        return self.nll(x, generator=generator).mean()

    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        y, log_q = self.dequantise(x, generator)
        return log_q - self.log_density(y) - log_cell(self.vocab_size, self.length)

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        self.calls_per_sample(num_sampling_steps)
        return quantise(self.to_points(logistic((num, self.length), self.device(), generator)), self.vocab_size)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        """One for each coupling: bisection asks the mixture many times, the network that gives it once."""
        if num_sampling_steps not in (None, len(self.couplings)):
            raise ValueError(f"this {self.name} takes one call a coupling, {len(self.couplings)}; got "
                             f"num_sampling_steps {num_sampling_steps!r}")
        return len(self.couplings)


class Coupling(nn.Module):
    """Every second coordinate from `first` on becomes logit F(y^i), F the cumulative mixture read from the others."""

    def __init__(self, length: int, first: int, num_components: int, width: int, depth: int):
        super().__init__()
        self.num_components = num_components
        self.changed, self.kept = slice(first, None, 2), slice(1 - first, None, 2)
        num_changed = len(range(length)[self.changed])
        self.network = PointNetwork(length - num_changed, num_changed * 3 * num_components, width=width, depth=depth)
        nn.init.normal_(self.network.last.weight, std=0.01)
        start = torch.zeros(num_changed, num_components, 3)     # at first: equal weights, components side by side
        start[..., 1], start[..., 2] = torch.linspace(-HALF_SIDE, HALF_SIDE, num_components), -0.5
        self.network.last.bias.data = start.flatten()

    def mixture(self, kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights, locations and log-scales, each (batch, changed, components), given (batch, kept)."""
        weight, location, log_scale = self.network(kept).unflatten(-1, (-1, self.num_components, 3)).unbind(-1)
        return weight.log_softmax(-1), location, log_scale.clamp(min=-7)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The new coordinates (batch, n) and the log-slopes of the changed ones, (batch, changed)."""
        log_weight, location, log_scale = self.mixture(y[:, self.kept])
        a = (y[:, self.changed, None] - location) / log_scale.exp()
        log_below, log_above = log_cumulative(log_weight, a)
        log_pdf = (log_weight + log_logistic(a) - log_scale).logsumexp(-1)
        new = y.clone()
        new[:, self.changed] = log_below - log_above
        return new, log_pdf - log_below - log_above         # d logit(F) / dF = 1 / (F (1 - F))

    def inverse(self, z: Tensor) -> Tensor:
        """The coordinates (batch, n) before. A quantile of the mixture lies between those of its components."""
        log_weight, location, log_scale = self.mixture(z[:, self.kept])
        due = z[:, self.changed]
        quantiles = location + log_scale.exp() * due[..., None]
        low, high = quantiles.amin(-1), quantiles.amax(-1)
        for _ in range(40):
            middle = (low + high) / 2
            log_below, log_above = log_cumulative(log_weight, (middle[..., None] - location) / log_scale.exp())
            too_low = log_below - log_above < due
            low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
        new = z.clone()
        new[:, self.changed] = (low + high) / 2
        return new


def log_cumulative(log_weight: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """log F and log (1 - F) of a mixture of logistics; a (..., components) are the distances to each in its scale."""
    return (log_weight + F.logsigmoid(a)).logsumexp(-1), (log_weight + F.logsigmoid(-a)).logsumexp(-1)


def log_logistic(a: Tensor) -> Tensor:
    """log of the logistic density, sigmoid(a) (1 - sigmoid(a)), at each a."""
    return F.logsigmoid(a) + F.logsigmoid(-a)


def logistic(shape: torch.Size | tuple[int, ...], device: torch.device, generator: torch.Generator | None) -> Tensor:
    """Logistic noise: the logit of a uniform number."""
    return torch.rand(shape, device=device, generator=generator).logit(eps=1e-6)
