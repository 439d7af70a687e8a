"""VAE: a point is decoded from a Gaussian latent, and an encoder says which latents may have given it.

    p(z) = N(0, I),   p_θ(x | z) = Π_i Cat(π_θ^i(z)),   q_φ(z | x) = N(μ_φ(x), diag σ_φ²(x))
    log p_θ(x) >= E_{q_φ(z|x)}[log p_θ(x | z)] - KL(q_φ(z | x) || p(z))

The decoder gives probabilities of bins: nothing is lost to dequantisation, and a bin may have any probability. What it
cannot say is how the coordinates of x depend on each other once z is given: z has to carry that, and pays for it. The
less z must tell, the closer a Gaussian q comes to the true p_θ(z | x), whose distance is what the bound loses. So the
full KL is trained from the first step on: with a warm-up z would first tell more than needed, modes apart that one
product of categoricals can hold together, and this is hardly unlearned. Latent coordinates that are of no use are
left at the prior.

`nll` is the bound above, an unbiased estimate of it from one z a point; `importance_weighted_nll` a tighter one.
Sources: "Course Overview", VAE; Kingma and Welling 2014; Burda et al. 2016 for several draws.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from dlm_course.chain.categorical import sample
from dlm_course.families.family import HALF_SIDE, Family, PointNetwork, check_points


class VAE(Family):
    """A Gaussian encoder and a categorical decoder. `latent_size` is n, up to 16, unless given."""

    name = "VAE"
    likelihood = "bound"

    def __init__(self, vocab_size: int, length: int = 2, *, latent_size: int | None = None, width: int = 64,
                 depth: int = 2):
        super().__init__(vocab_size, length)
        self.latent_size = min(length, 16) if latent_size is None else latent_size
        if self.latent_size < 1:
            raise ValueError(f"latent_size must be at least 1, got {latent_size}")
        self.encoder = PointNetwork(length, 2 * self.latent_size, width=width, depth=depth)
        self.decoder = PointNetwork(self.latent_size, length * vocab_size, width=width, depth=depth)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ of q(z | x), each (batch, latent_size). Shapes: x (batch, n) bins."""
        centres = (x + 0.5) * (2 * HALF_SIDE / self.vocab_size) - HALF_SIDE
        return self.encoder(centres).chunk(2, -1)

    def decode(self, z: Tensor) -> Tensor:
        """The logits of p(x | z), (batch, n, V). Shapes: z (batch, latent_size)."""
        return self.decoder(z).view(len(z), self.length, self.vocab_size)

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        return self.nll(x, generator=generator).mean()

    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        mean, log_std = self.encode(x)
        z = mean + log_std.exp() * torch.randn(mean.shape, device=x.device, generator=generator)
        kl = ((mean**2 + (2 * log_std).exp() - 1) / 2 - log_std).sum(-1)
        return kl - log_prob(x, self.decode(z))

    @torch.no_grad()
    def importance_weighted_nll(self, x: Tensor, num_draws: int, *, generator: torch.Generator | None = None) -> Tensor:
        """-log (1/M) Σ_m p(x | z_m) p(z_m) / q(z_m | x), z_m ~ q(z | x), M = num_draws, in nats.

        On average it is above -log p(x), the less so the more draws; one draw gives the bound of `nll`.
        Shapes: x (batch, n) bins; returns (batch,). Raises: ValueError for num_draws < 1.
        """
        check_points(x, self.vocab_size, self.length)
        if num_draws < 1:
            raise ValueError(f"num_draws must be at least 1, got {num_draws}")
        mean, log_std = self.encode(x)
        log_weights = []
        for _ in range(num_draws):
            noise = torch.randn(mean.shape, device=x.device, generator=generator)
            z = mean + log_std.exp() * noise
            log_ratio = ((noise**2 - z**2) / 2 + log_std).sum(-1)       # log p(z) - log q(z | x)
            log_weights.append(log_prob(x, self.decode(z)) + log_ratio)
        return math.log(num_draws) - torch.stack(log_weights).logsumexp(0)

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        self.calls_per_sample(num_sampling_steps)
        z = torch.randn(num, self.latent_size, device=self.device(), generator=generator)
        return sample(self.decode(z).softmax(-1), generator=generator)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        if num_sampling_steps not in (None, 1):
            raise ValueError(f"a {self.name} takes one call, got num_sampling_steps {num_sampling_steps!r}")
        return 1


def log_prob(x: Tensor, logits: Tensor) -> Tensor:
    """log Π_i Cat(x^i) of bins. Shapes: x (batch, n), logits (batch, n, V); returns (batch,)."""
    return -F.cross_entropy(logits.transpose(1, 2), x.long(), reduction="none").sum(-1)
