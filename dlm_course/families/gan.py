"""GAN: a generator makes points of noise, a critic tells them from data, each learns against the other.

    z ~ N(0, I),  x = G(z):   min_G max_D  E log σ(D(x_data) - D(G(z)))  - γ/2 (E ‖∇D(x_data)‖² + E ‖∇D(G(z))‖²)

The critic judges pairs, a data point against a made one, and both learn by the non-saturating loss: G maximises
E log σ(D(G(z)) - D(x_data)). Judged in pairs, a generator that leaves a mode out is not at rest, as it can be in the
classical game; the penalties on the critic's slope, at the data and at what is made, are what makes the game converge.

There is no likelihood: p_θ is known by its samples only. The training loss is no measure of quality either.
Sources: "GAN (L5)"; Goodfellow et al. 2014; Jolicoeur-Martineau 2019 (pairs); Huang et al. 2024, "R3GAN" (pairs and
both penalties); Mescheder et al. 2018 (the penalties).
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from dlm_course.families.family import Family, PointNetwork, check_points, dequantise, quantise
from dlm_course.model.training import REFRESH, Average


class GAN(Family):
    """Two networks of points; the generator's is the averaged one after `fit`."""

    name = "GAN"
    likelihood = "none"

    def __init__(self, vocab_size: int, length: int = 2, *, noise_size: int | None = None, width: int = 80,
                 depth: int = 2, penalty: float = 0.05):
        super().__init__(vocab_size, length)
        self.noise_size, self.penalty = noise_size or length, penalty
        self.generator = PointNetwork(self.noise_size, length, width=width, depth=depth, num_waves=3)
        self.critic = PointNetwork(length, 1, width=width, depth=depth)

    def make(self, num: int, generator: torch.Generator | None) -> Tensor:
        """G(z), (num, n), float32."""
        return self.generator(torch.randn(num, self.noise_size, device=self.device(), generator=generator))

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """The generator's loss: the critic's doubt, a made point against a data point."""
        check_points(x, self.vocab_size, self.length)
        real = dequantise(x, self.vocab_size, generator=generator)
        return F.softplus(self.critic(real) - self.critic(self.make(len(x), generator))).mean()

    def critic_loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """The critic's loss with its penalties. Shapes: x (batch, n) bins; returns ()."""
        real = dequantise(x, self.vocab_size, generator=generator)
        with torch.no_grad():
            made = self.make(len(x), generator)
        points = torch.cat([real, made]).requires_grad_()
        scores = self.critic(points)
        slopes, = torch.autograd.grad(scores.sum(), points, create_graph=True)
        for_real, for_made = scores.chunk(2)
        return F.softplus(for_made - for_real).mean() + self.penalty * (slopes**2).sum(-1).mean()

    def fit(self, data: Tensor, num_steps: int, generator: torch.Generator, *, batch_size: int = 256,
            learning_rate: float = 3e-3, average: float = 0.995, progress: bool = True) -> Tensor:
        """Train as the other families do, but with an optimiser for each network, a step of each in turn.

        Momentum would keep pushing where the opponent no longer is, so there is none.
        """
        check_points(data, self.vocab_size, self.length)
        optimizers = [torch.optim.Adam(network.parameters(), lr=learning_rate, betas=(0.0, 0.99), fused=True)
                      for network in (self.critic, self.generator)]
        averaged, losses = Average(self.generator, average), []
        self.train()
        for step in tqdm(range(1, num_steps + 1), disable=not progress, unit="step", desc=self.name,
                         mininterval=REFRESH):
            for optimizer, loss_of in zip(optimizers, (self.critic_loss, self.loss), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate * min(1, 2 * (1 - (step - 1) / num_steps))
                x = data[torch.randint(len(data), (batch_size,), generator=generator, device=data.device)]
                loss = loss_of(x, generator=generator)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            averaged.update(step)
            losses.append(float(loss.detach()))
        self.generator.load_state_dict(averaged.weights)
        self.eval()
        return torch.tensor(losses)

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        self.calls_per_sample(num_sampling_steps)
        return quantise(self.make(num, generator), self.vocab_size)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        if num_sampling_steps not in (None, 1):
            raise ValueError(f"a {self.name} takes one call, got num_sampling_steps {num_sampling_steps!r}")
        return 1
