"""Autoregressive: one token after the other, each drawn given those before it.

    p_θ(x) = Π_i p_θ(x^i | x^{1:i-1})

The network is the causal twin of the denoiser: one call on all of x gives every factor, since its logits at position i
see the tokens to the left only; the mask, which never occurs in x, stands in for what precedes x^1. To draw x^i the
tokens before it must be there: n calls, one after the other.

`nll` is -log p_θ(x) of the bins, exactly. Bins are tokens, without any order among them.
Source: "Course Overview", autoregressive models; the causal transformer of lecture 07.
"""

import torch
from torch import Tensor

from dlm_course.chain.categorical import sample
from dlm_course.families.family import Family, check_points
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, autoregressive_nll


class Autoregressive(Family):
    """The causal transformer, from left to right."""

    name = "autoregressive"
    likelihood = "exact"

    def __init__(self, vocab_size: int, length: int = 2, *, width: int = 64, depth: int = 1):
        super().__init__(vocab_size, length)
        self.start = vocab_size
        self.network = Denoiser(DenoiserConfig(vocab_size + 1, self.start, max_length=length, width=width, depth=depth,
                                               kernel_size=3, causal=True))

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        return self.nll(x).mean()

    def nll(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        check_points(x, self.vocab_size, self.length)
        return autoregressive_nll(self.network, x)

    @torch.no_grad()
    def sample(self, num: int, *, generator: torch.Generator | None = None,
               num_sampling_steps: int | None = None) -> Tensor:
        self.calls_per_sample(num_sampling_steps)
        x = torch.full((num, 1), self.start, device=self.device())
        for _ in range(self.length):
            probs = self.network(x)[:, -1, :self.vocab_size].softmax(-1)        # of the next token: (num, V)
            x = torch.cat([x, sample(probs, generator=generator)[:, None]], dim=1)
        return x[:, 1:]

    def calls_per_sample(self, num_sampling_steps: int | None = None) -> int:
        if num_sampling_steps not in (None, self.length):
            raise ValueError(f"{self.name} models take one call a token, {self.length} here; got num_sampling_steps "
                             f"{num_sampling_steps!r}")
        return self.length
