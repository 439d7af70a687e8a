"""DDPM: noise is added in T steps, and a network learns to take each step back.

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 - ᾱ_t) I)
    -log p_θ(x_0) <= E[-log p_θ(x_0 | x_1)] + Σ_{t=2..T} E KL(q(x_{t-1} | x_t, x_0) ‖ p_θ(x_{t-1} | x_t))
                     + KL(q(x_T | x_0) ‖ N(0, I))

Here x_0 are the centres of the bins. To say where x_s was, s < t, is to say where x_0 was. With the mean m and the
variance v of x_0 given x_t, each coordinate its own, x_s has given x_t the mean and the variance of

    q(x_s | x_t, x_0) = N(a x_t + c x_0, b I):   p_θ(x_s | x_t) = N(a x_t + c m, b + c² v),

for s = t - 1, for longer steps, and for s = 0, where a = b = 0 and c = 1 and the Gaussian is cut to the bins' centres.

Seen as score matching: ∇ log p_t(x_t) = (√ᾱ_t E[x_0 | x_t] - x_t) / (1 - ᾱ_t) is the score of the data with noise on
them, so the network that knows the mean m of x_0 knows the score, and the squared error of m in the bound is, up to its
weight, that of denoising score matching.

`nll` is the bound above, an unbiased estimate of it: every term of every point, each at one draw of x_t.
Sources: "Diffusion / DDPM" (Ho et al. 2020); the cut Gaussian follows their section 3.3; learned variances: Nichol and
Dhariwal 2021, Bao et al. 2022; even steps in log SNR and low-discrepancy times: Kingma et al. 2021.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from dlm_course.chain.categorical import sample
from dlm_course.families.family import HALF_SIDE, Family, PointNetwork, check_points


class DDPM(Family):
    """Gaussian diffusion in T steps.

    The log SNR, log ᾱ_t / (1 - ᾱ_t), falls evenly from noise of `first_noise` bins at t = 1 to -7 at t = T: at first
    the bins are blurred just so much that the data look smooth, at last next to nothing is left of them.
    """

    name = "DDPM"
    likelihood = "bound"
    alpha_bar: Tensor
    centres: Tensor

    def __init__(self, vocab_size: int, length: int = 2, *, num_steps: int = 200, first_noise: float = 0.5,
                 width: int = 96, depth: int = 2):
        super().__init__(vocab_size, length)
        if num_steps < 2:
            raise ValueError(f"num_steps must be at least 2, got {num_steps}")
        self.num_steps = num_steps
        side = 2 * HALF_SIDE / vocab_size
        log_snr = torch.linspace(-2 * math.log(first_noise * side), -7, num_steps, dtype=torch.float64)
        self.register_buffer("alpha_bar", torch.cat([torch.ones(1), log_snr.sigmoid()]).double())     # t = 0..T
        self.register_buffer("centres", (torch.arange(vocab_size) + 0.5) * side - HALF_SIDE)
        self.network = PointNetwork(length, 2 * length, width=width, depth=depth, timed=True)
        nn.init.zeros_(self.network.last.weight)
        nn.init.zeros_(self.network.last.bias)

    def posterior(self, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of x_0 given x_t, coordinate by coordinate.

        The network says both of v = √ᾱ ε - √(1-ᾱ) x_0, whose size is 1 at every noise; x_0 = √ᾱ x_t - √(1-ᾱ) v.
        Shapes: xt (batch, n), t (batch,) in 1..T; returns twice (batch, n).
        """
        alpha_bar = self.alpha_bar[t][:, None].float()
        mean, log_variance = self.network(xt, t / self.num_steps).chunk(2, -1)
        return alpha_bar.sqrt() * xt - (1 - alpha_bar).sqrt() * mean, (1 - alpha_bar) * log_variance.clamp(-12, 4).exp()

    def coefficients(self, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """a, b and c of q(x_s | x_t, x_0) = N(a x_t + c x_0, b I), s < t. Shapes: s, t (batch,); returns (batch, 1)."""
        at_s, at_t = self.alpha_bar[s][:, None], self.alpha_bar[t][:, None]
        step, rest = at_t / at_s, 1 - at_t
        a, b, c = step.sqrt() * (1 - at_s), (1 - at_s) * (1 - step), at_s.sqrt() * (1 - step)
        return (a / rest).float(), (b / rest).float(), (c / rest).float()

    def bin_logits(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The Gaussian cut to the bins' centres. Shapes: mean and variance (batch, n); returns (batch, n, V)."""
        return -(self.centres - mean[..., None]) ** 2 / (2 * variance[..., None])

    def terms(self, x: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        """Term t of the bound, nats, at one draw of x_t. Shapes: x (batch, n) bins, t (batch,); returns (batch,)."""
        x0 = self.centres[x]
        alpha_bar = self.alpha_bar[t][:, None].float()
        noise = torch.randn(x0.shape, device=x0.device, generator=generator)
        xt = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
        mean, variance = self.posterior(xt, t)
        _, b, c = self.coefficients(t - 1, t)
        total = b + c**2 * variance
        b = torch.where(t[:, None] == 1, total, b)                  # b = 0 at t = 1, the decoder's, which uses no KL
        kl = (b / total - 1 - (b / total).log() + (c * (x0 - mean)) ** 2 / total) / 2
        decoded = -self.bin_logits(mean, variance).log_softmax(-1).gather(-1, x[..., None])[..., 0]
        return torch.where(t[:, None] == 1, decoded, kl).sum(-1)

    def prior_term(self, x: Tensor) -> Tensor:
        """KL(q(x_T | x_0) ‖ N(0, I)), nats: next to nothing. Shapes: x (batch, n) bins; returns (batch,)."""
        last = self.alpha_bar[-1]
        return ((last * self.centres[x] ** 2 - last - (1 - last).log()) / 2).sum(-1).float()

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        # One term a point: for a quarter of them that of t = 1, much larger than the others, whose steps are spread
        # evenly with a common random shift. The average varies far less than over times drawn one by one.
        shift = torch.rand((), device=x.device, generator=generator)
        u = (torch.randperm(len(x), device=x.device, generator=generator) + shift) / len(x)
        t = torch.where(u < 0.25, 1, 2 + ((u - 0.25) / 0.75 * (self.num_steps - 1)).long()).clamp(max=self.num_steps)
        weight = torch.where(t == 1, 4, (self.num_steps - 1) / 0.75)
        return (weight * self.terms(x, t, generator) + self.prior_term(x)).mean()

    @torch.no_grad()
    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        return self.prior_term(x) + sum(self.terms(x, torch.full_like(x[:, 0], t), generator)
                                        for t in range(1, self.num_steps + 1))

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        calls = self.calls_per_sample(num_sampling_steps)
        levels = [round(i * self.num_steps / calls) for i in range(calls, -1, -1)]
        xt = torch.randn(num, self.length, device=self.device(), generator=generator)
        for t, s in pairwise(torch.tensor(levels, device=xt.device)[:, None].expand(-1, num)):
            mean, variance = self.posterior(xt, t)
            a, b, c = self.coefficients(s, t)
            noise = torch.randn(xt.shape, device=xt.device, generator=generator)
            xt = a * xt + c * mean + (b + c**2 * variance).sqrt() * noise
        return sample(self.bin_logits(mean, variance).softmax(-1), generator=generator)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        if num_sampling_steps is None:
            return self.num_steps
        if not 1 <= num_sampling_steps <= self.num_steps:
            raise ValueError(f"num_sampling_steps must be in 1..{self.num_steps}, the steps of the chain, got "
                             f"{num_sampling_steps}")
        return num_sampling_steps
