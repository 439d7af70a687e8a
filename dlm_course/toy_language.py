"""Languages whose likelihood is known, with their exact Bayes denoisers: the yardsticks for everything approximate."""

import torch
from torch import Tensor

from dlm_course.categorical import check_probabilities, check_states, entropy, sample


class TableLanguage:
    """Any distribution over sequences of n symbols out of V, held as a table of V^n probabilities.

    Arguments: `joint` of shape (V,) * n, floating point, summing to 1. The mask of the absorbing chain is state V.
    Raises: ValueError for a table that is no distribution or has unequal dimensions.
    """

    def __init__(self, joint: Tensor):
        if joint.ndim == 0 or len(set(joint.shape)) != 1:
            raise ValueError(f"joint must have shape (V,) * n, got {tuple(joint.shape)}")
        check_probabilities(joint.flatten(), "joint")
        self.joint = joint.to(torch.float64) / joint.sum(dtype=torch.float64)
        self.vocab_size, self.length = joint.shape[0], joint.ndim
        self.mask_id, self.num_states = self.vocab_size, self.vocab_size + 1

    def sequences(self) -> Tensor:
        """All V^n sequences, (V^n, n), in the order of joint.flatten()."""
        return torch.cartesian_prod(*[torch.arange(self.vocab_size)] * self.length).reshape(-1, self.length)

    def log_prob(self, x0: Tensor) -> Tensor:
        """log p(X), in nats. Shapes: x0 (..., n) states; returns (...)."""
        self._check(x0, self.vocab_size, "x0")
        return self.joint.to(x0.device)[tuple(x0.long().unbind(-1))].log()

    def entropy(self) -> Tensor:
        """H(X) = -sum p log p, in nats."""
        return entropy(self.joint.flatten())

    def sample(self, batch_size: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw sequences, (batch_size, n)."""
        index = sample(self.joint.flatten().expand(batch_size, -1), generator=generator)
        return self.sequences().to(index.device)[index]

    def denoiser(self, xt: Tensor, time: Tensor | None = None) -> Tensor:
        """The Bayes denoiser of the absorbing chain: logits log p(x_0^i | visible tokens), (batch, n, K), float64.

        The mask has logit -inf. For sequences whose visible tokens are impossible all logits are NaN-free but
        meaningless: they are those of the uniform distribution.
        """
        self._check(xt, self.num_states, "xt")
        every = self.sequences().to(xt.device)                                              # (V^n, n)
        fits = ((xt[:, None] == every) | (xt[:, None] == self.mask_id)).all(-1)             # (batch, V^n)
        weights = fits * self.joint.flatten().to(xt.device)                                 # (batch, V^n)
        chosen = torch.nn.functional.one_hot(every, self.vocab_size).double()               # (V^n, n, V)
        probs = torch.einsum("bs,snv->bnv", weights, chosen)
        total = probs.sum(-1, keepdim=True)
        probs = torch.where(total > 0, probs / total, 1 / self.vocab_size)
        return torch.nn.functional.pad(probs.log(), (0, 1), value=-torch.inf)

    def _check(self, x: Tensor, num_states: int, name: str) -> None:
        check_states(x, num_states, name)
        if x.ndim == 0 or x.shape[-1] != self.length:
            raise ValueError(f"{name} must be sequences of length {self.length}, got shape {tuple(x.shape)}")
