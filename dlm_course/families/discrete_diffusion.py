"""Discrete diffusion: tokens are destroyed in steps, and a denoiser p_θ(x_0 | X_t) takes each step back.

    q(X_t | X_0) = Π_i Cat(Q_{1:t} x_0^i),   Q_{1:t} = ᾱ_t I + (1 - ᾱ_t) π 1ᵀ
    -log p_θ(X_0) <= E[-log p_θ(X_0 | X_1)] + Σ_{t=2..T} E KL(q(X_{t-1} | X_t, X_0) ‖ p_θ(X_{t-1} | X_t))
                     + KL(q(X_T | X_0) ‖ p(X_T))

with p_θ(x_{t-1}^i | X_t) = Σ_{x_0} q(x_{t-1}^i | x_t^i, x_0) p_θ(x_0^i = x_0 | X_t). Two chains: π = e_m, the mask
("Absorbing Diffusion"), and π = 1/K ("Uniform vs. Absorbing Transition Matrix"). Both are put together from the parts
of lectures 01 to 08; bins are tokens, without any order among them.
Sources: Austin et al. 2021 (D3PM); Sahoo et al. 2024 (MDLM); Zheng et al. 2024 for `first_hitting`.
"""

import torch
from torch import Tensor

from dlm_course.bound.continuous import draw_uniform, exact_continuous_loss, mask_count_loss
from dlm_course.bound.discrete import ReverseFunction, all_states, prior_kl, reverse_model, sampled_bound, step_kl
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import UniformTransition
from dlm_course.families.family import Family, check_points
from dlm_course.model.denoiser import Denoiser, DenoiserConfig
from dlm_course.sampling.exact import ancestral, first_hitting, lambda_schedule, levels


class AbsorbingDiffusion(Family):
    """Masked diffusion in continuous time: T -> infinity, where the bound no longer depends on the schedule.

    𝓛 = Σ_S 1 / (|S| C(n, |S|)) Σ_{i in S} (-log p_θ(x^i | X with S masked)) >= -log p_θ(X), with p_θ the law of
    revealing one token at a time in random order, which is how it samples: n calls. With L steps tokens are revealed
    along the mask rates 1 - l/L, and those of the same step do not see each other.
    `nll` is 𝓛: for n <= 4 exactly, over all 2^n - 1 sets S; for longer points an unbiased estimate, one set a point.
    """

    name = "absorbing diffusion"
    likelihood = "bound"

    def __init__(self, vocab_size: int, length: int = 2, *, width: int = 64, depth: int = 1):
        super().__init__(vocab_size, length)
        self.mask_id = vocab_size
        self.denoiser = Denoiser(DenoiserConfig(vocab_size + 1, self.mask_id, max_length=length, kernel_size=3,
                                                width=width, depth=depth))

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        return mask_count_loss(self.denoiser, x, self.mask_id, generator=generator).mean()

    @torch.no_grad()
    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        if self.length <= 4:
            return exact_continuous_loss(self.denoiser, x, self.mask_id)
        return mask_count_loss(self.denoiser, x, self.mask_id, generator=generator)

    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        masks = torch.full((num, self.length), self.mask_id, device=self.device())
        if num_sampling_steps is None:
            return first_hitting(self.denoiser, masks, self.mask_id, generator=generator)
        return lambda_schedule(self.denoiser, masks, levels(num_sampling_steps), self.mask_id, generator=generator)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        """At most that many: where a step reveals nothing of a point the network is not asked about it."""
        if num_sampling_steps is None:
            return self.length
        return min(len(levels(num_sampling_steps)) - 1, self.length)     # `levels` refuses what is no number of steps


class UniformDiffusion(Family):
    """Tokens are replaced at random in T steps along the cosine schedule, and any token may be corrected until the end.

    What a token itself says of its origin is known: p(x_0^i | X_t) ∝ q(x_t^i | x_0^i) p(x_0^i | X_t^{-i}). So the
    network, which reads λ_t, adds to the logarithm of the first factor, and has to learn only what the others tell.
    `nll` is the bound of the T-step chain: for pairs of up to 64 bins exactly; else an unbiased estimate of it, every
    term of every point at one draw of X_t.
    """

    name = "uniform diffusion"
    likelihood = "bound"

    def __init__(self, vocab_size: int, length: int = 2, *, num_steps: int = 32, width: int = 48, depth: int = 1):
        super().__init__(vocab_size, length)
        self.chain = UniformTransition(vocab_size, Schedule.cosine(num_steps))
        # There is no mask: the mask_id means nothing here.
        self.network = Denoiser(DenoiserConfig(vocab_size, mask_id=0, max_length=length, kernel_size=3, width=width,
                                               depth=depth, time_input=True))

    def reverse(self, chain: UniformTransition) -> ReverseFunction:
        """p_θ(X_{t-1} | X_t) of a chain, the model's own or one with fewer steps: the network reads λ_t, not t."""
        def denoiser(xt: Tensor, t: Tensor) -> Tensor:
            return self.network(xt, chain.schedule.mask_rate(t)).double() + chain.likelihood(xt, t).log()

        return reverse_model(denoiser, chain)

    def respaced(self, num_sampling_steps: int | None) -> UniformTransition:
        """The same corruption seen at L of the T times only: a step of this chain makes about T / L of the model's."""
        num_steps = self.calls_per_sample(num_sampling_steps)
        times = torch.linspace(0, self.chain.num_steps, num_steps + 1).round().long()[1:]
        return UniformTransition(self.vocab_size, Schedule.from_mask_rate(self.chain.schedule.mask_rate(times)))

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        u = draw_uniform(len(x), generator=generator, device=x.device)
        t = (u * self.chain.num_steps).ceil().long()                    # one term a point stands for all T
        xt = self.chain.sample(x, t, generator=generator)
        terms = self.chain.num_steps * step_kl(self.reverse(self.chain), x, xt, self.chain, t)
        return (terms + prior_kl(x, self.chain)).mean()

    @torch.no_grad()
    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        if self.length == 2 and self.vocab_size <= 64:
            return bound_of_pairs(self.reverse(self.chain), self.chain, self.device())[x[:, 0], x[:, 1]]
        return sampled_bound(self.reverse(self.chain), x, self.chain, generator=generator).nelbo

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        chain = self.respaced(num_sampling_steps)
        start = torch.randint(self.vocab_size, (num, self.length), device=self.device(), generator=generator)
        return ancestral(self.reverse(chain), start, chain.num_steps, generator=generator)

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        if num_sampling_steps is None:
            return self.chain.num_steps
        if not 1 <= num_sampling_steps <= self.chain.num_steps:
            raise ValueError(f"num_sampling_steps must be in 1..{self.chain.num_steps}, the T of the model's chain, "
                             f"got {num_sampling_steps}")
        return num_sampling_steps


def bound_of_pairs(reverse: ReverseFunction, chain: UniformTransition, device: torch.device) -> Tensor:
    """The bound of every pair X_0 = (a, d) at once, exactly: `exact_bound` for n = 2, in K^4 multiplications a step.

    KL(q(x_{t-1}^1 | x_t^1 = b, a) ‖ p(. | X_t = (b, c))) is a table over b, c and a; its mean over X_t given X_0, with
    that of the second token, is L_t. Shapes: returns (K, K), float64, in nats.
    """
    states, pairs = torch.arange(chain.num_states, device=device), all_states(chain.num_states, 2, device)
    bound = prior_kl(pairs, chain).reshape(len(states), -1)
    for t in range(1, chain.num_steps + 1):
        posterior = chain.posterior(states[:, None], states, t)                             # (x_t, x_0, x_{t-1})
        negative_entropy = torch.special.xlogy(posterior, posterior).sum(-1)                # (x_t, x_0)
        model = reverse(pairs, torch.full_like(pairs[:, 0], t)).log().unflatten(0, (len(states), -1))
        first = negative_entropy[:, None] - torch.einsum("bak,bck->bca", posterior, model[:, :, 0])
        second = negative_entropy - torch.einsum("cdk,bck->bcd", posterior, model[:, :, 1])
        q = chain.marginal(states, t)                                                       # (x_0, x_t)
        bound += torch.einsum("ab,dc,bca->ad", q, q, first) + torch.einsum("ab,dc,bcd->ad", q, q, second)
    return bound
