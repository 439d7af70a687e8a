"""Languages whose likelihood is known, with their exact Bayes denoisers: the yardsticks for everything approximate.

Each is a distribution over sequences of n symbols out of V; the mask of the absorbing chain is state V. What a
corrupted token still tells of its x_0 is its **evidence**, the likelihoods q(x_t^i | x_0^i = v) of shape (batch, n, V):
all ones for a mask, a one-hot vector for a visible token, a row of Q_{1:t} in general. From the evidence of all
positions a language computes p(x_0^i | X_t); that is its Bayes denoiser, for any chain that corrupts positions
independently.
"""

import functools
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from dlm_course.arguments import check_int
from dlm_course.bound.discrete import DenoiserFunction, all_states
from dlm_course.chain.categorical import check_probabilities, check_states, entropy, one_hot, sample
from dlm_course.chain.transition import AbsorbingTransition, MatrixTransition, Transition


class Language(ABC):
    """A distribution over sequences of `length` symbols 0..vocab_size-1."""

    vocab_size: int
    length: int

    @property
    def mask_id(self) -> int:
        """The state of the mask, V."""
        return self.vocab_size

    @property
    def num_states(self) -> int:
        """K = V + 1, the mask included."""
        return self.vocab_size + 1

    @abstractmethod
    def log_prob(self, x0: Tensor) -> Tensor:
        """log p(X) exactly, in nats; -inf where it is impossible. Shapes: x0 (..., n) symbols; returns (...)."""

    @abstractmethod
    def sample(self, batch_size: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw sequences, (batch_size, n), int64, on the CPU."""

    @abstractmethod
    def _posterior(self, evidence: Tensor) -> Tensor:
        """p(x_0^i = v | evidence), (batch, n, V); all zero or NaN where the evidence is impossible."""

    def entropy(self) -> Tensor:
        """H(X) = -sum p log p over all V^n sequences, in nats. Raises ValueError for more than 100,000 of them."""
        return torch.special.entr(self.log_prob(self.sequences()).exp()).sum()

    def sequences(self) -> Tensor:
        """All V^n sequences, (V^n, n), the last symbol changing fastest. ValueError for more than 100,000 of them."""
        return all_states(self.vocab_size, self.length)

    def denoiser(self, xt: Tensor, time: Tensor | None = None) -> Tensor:
        """The Bayes denoiser of the absorbing chain: logits log p(x_0^i | visible tokens), (batch, n, K), float64.

        It ignores the time, as it may. The mask has logit -inf. Where the visible tokens are impossible the logits are
        those of the uniform distribution, which means nothing but is no NaN.
        Shapes: xt (batch, n) states 0..V.
        """
        self._check_batch(xt, self.num_states)
        evidence = one_hot(xt, self.num_states)[..., :-1] + (xt.long() == self.mask_id)[..., None]
        return torch.nn.functional.pad(self._log_posterior(evidence), (0, 1), value=-torch.inf)

    def bayes_denoiser(self, transition: Transition) -> DenoiserFunction:
        """The Bayes denoiser of any chain on K >= V states: logits log p(x_0^i | X_t), (batch, n, K), float64.

        Its time is the step t. States that are no symbols have logit -inf. For the absorbing chain it is `denoiser`,
        once X_t can be reached.
        Raises: ValueError for a chain on fewer than V states, or an absorbing one whose mask is a symbol.
        """
        extra = transition.num_states - self.vocab_size
        if extra < 0:
            raise ValueError(f"the transition has {transition.num_states} states, fewer than the language's "
                             f"{self.vocab_size} symbols")
        if isinstance(transition, AbsorbingTransition) and transition.mask_id < self.vocab_size:
            raise ValueError(f"the mask of the transition, {transition.mask_id}, is one of the language's symbols "
                             f"0..{self.vocab_size - 1}; its mask is {self.mask_id}")

        def denoiser(xt: Tensor, time: Tensor) -> Tensor:
            self._check_batch(xt, transition.num_states)
            evidence = transition.likelihood(xt, time)[..., :self.vocab_size]
            return torch.nn.functional.pad(self._log_posterior(evidence), (0, extra), value=-torch.inf)

        return denoiser

    def _log_posterior(self, evidence: Tensor) -> Tensor:
        probs = self._posterior(evidence)
        total = probs.sum(-1, keepdim=True)
        return torch.where(total > 0, probs / total, 1 / self.vocab_size).log()

    def _check_batch(self, xt: Tensor, num_states: int) -> None:
        self._check(xt, num_states, "xt")
        if xt.ndim != 2:
            raise ValueError(f"xt must have shape (batch, {self.length}), got {tuple(xt.shape)}; a single sequence is "
                             "xt[None]")

    def _check(self, x: Tensor, num_states: int, name: str) -> None:
        check_states(x, num_states, name)
        if x.ndim == 0 or x.shape[-1] != self.length:
            raise ValueError(f"{name} must be sequences of length {self.length}, got shape {tuple(x.shape)}")


class TableLanguage(Language):
    """Any distribution over sequences of n symbols out of V, held as a table of V^n probabilities.

    Arguments: `joint` of shape (V,) * n, floating point, summing to 1.
    Raises: ValueError for a table that is no distribution or has unequal dimensions.

        >>> TableLanguage(torch.tensor([[0.5, 0.0], [0.0, 0.5]])).log_prob(torch.tensor([1, 1])).exp().item()
        0.5
    """

    def __init__(self, joint: Tensor):
        if joint.ndim == 0 or len(set(joint.shape)) != 1:
            raise ValueError(f"joint must have shape (V,) * n, got {tuple(joint.shape)}")
        check_probabilities(joint.flatten(), "joint")
        self.joint = joint.to(torch.float64) / joint.sum(dtype=torch.float64)
        self.vocab_size, self.length = joint.shape[0], joint.ndim

    def log_prob(self, x0: Tensor) -> Tensor:
        self._check(x0, self.vocab_size, "x0")
        return self.joint.to(x0.device)[tuple(x0.long().unbind(-1))].log()

    def sample(self, batch_size: int, *, generator: torch.Generator | None = None) -> Tensor:
        batch_size = check_int(batch_size, "batch_size", least=0)
        index = sample(self.joint.flatten().expand(batch_size, -1), generator=generator)
        return self.sequences()[index]

    def _posterior(self, evidence: Tensor) -> Tensor:
        every = self.sequences().to(evidence.device)                                        # (V^n, n)
        weights = self.joint.flatten().to(evidence.device).expand(len(evidence), -1)        # (batch, V^n)
        for i in range(self.length):
            weights = weights * evidence[:, i, every[:, i]]
        return torch.einsum("bs,snv->bnv", weights, one_hot(every, self.vocab_size))


def words_of_ads() -> TableLanguage:
    """The small language of lectures 04 to 06: words of three letters out of `a`, `d`, `s`, the symbols 0, 1, 2.

    Six good words, ads 0.30, sad 0.25, das 0.15, ada, sas and dad 0.10 each, in 98 of 100 cases; else any of the 27
    strings, equally likely.
    """
    joint = torch.full((3, 3, 3), 0.02 / 27, dtype=torch.float64)
    for word, probability in {"ads": 0.30, "sad": 0.25, "das": 0.15, "ada": 0.10, "sas": 0.10, "dad": 0.10}.items():
        joint[tuple("ads".index(letter) for letter in word)] += 0.98 * probability
    return TableLanguage(joint)


class HiddenMarkovLanguage(Language):
    """A hidden state s^i walks a Markov chain of S states and emits one symbol at each position.

    Formula: p(X) = sum over s^1..s^n of p(s^1) e(x^1 | s^1) prod_i A(s^i | s^{i-1}) e(x^i | s^i).
    Arguments, column-stochastic as everywhere in the course: `initial` (S,); `matrix` (S, S) with matrix[i, j] =
    p(s^i = i | s^{i-1} = j); `emission` (V, S) with emission[v, j] = e(v | j); `length` n.
    Likelihoods and the Bayes denoiser come from the forward-backward algorithm, O(n S^2) a sequence, in logarithms: a
    hidden state that long looked impossible may yet be the right one.
    Raises: ValueError for shapes that do not fit, or columns that do not sum to 1.
    Source: Rabiner 1989, "A tutorial on hidden Markov models", equations 18 to 27.
    """

    def __init__(self, initial: Tensor, matrix: Tensor, emission: Tensor, length: int):
        num_hidden = initial.numel()
        if initial.ndim != 1 or matrix.shape != (num_hidden, num_hidden) or emission.ndim != 2 or \
                emission.shape[1] != num_hidden:
            raise ValueError(f"initial (S,), matrix (S, S) and emission (V, S) do not fit: {tuple(initial.shape)}, "
                             f"{tuple(matrix.shape)}, {tuple(emission.shape)}")
        for name, columns in {"initial": initial, "matrix.T": matrix.T, "emission.T": emission.T}.items():
            check_probabilities(columns, name)
        length = check_int(length, "length")
        self.initial, self.matrix, self.emission = (
            tensor.to(torch.float64) / tensor.sum(0, dtype=torch.float64) for tensor in (initial, matrix, emission))
        self.vocab_size, self.length = emission.shape[0], length

    def log_prob(self, x0: Tensor) -> Tensor:
        self._check(x0, self.vocab_size, "x0")
        flat = x0.reshape(-1, self.length)
        return self._forward(one_hot(flat, self.vocab_size))[1].reshape(x0.shape[:-1])

    def sample(self, batch_size: int, *, generator: torch.Generator | None = None) -> Tensor:
        batch_size = check_int(batch_size, "batch_size", least=0)
        hidden = sample(self.initial.expand(batch_size, -1), generator=generator)
        # As `sample` draws, but what it computes of its probabilities is computed once for all positions.
        emission, matrix = (part.T.cumsum(-1) for part in (self.emission, self.matrix))
        emission, matrix = emission / emission[:, -1:], matrix / matrix[:, -1:]
        uniforms = torch.rand((self.length, 2, batch_size, 1), dtype=torch.float64, generator=generator)
        symbols = []
        for for_symbol, for_next in uniforms:
            symbols.append((emission[hidden] <= for_symbol).sum(-1))
            hidden = (matrix[hidden] <= for_next).sum(-1)
        return torch.stack(symbols, -1)

    def _forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """log p(s^i, evidence before i), (batch, n, S), and the log-likelihood of all evidence, (batch,)."""
        matrix, weights = self.matrix.to(evidence.device).log(), self._log_weights(evidence)
        ahead = self.initial.to(evidence.device).log().expand(len(evidence), -1)
        before = [ahead]
        for i in range(self.length - 1):
            ahead = ((ahead + weights[:, i])[:, None, :] + matrix).logsumexp(-1)
            before.append(ahead)
        return torch.stack(before, 1), (ahead + weights[:, -1]).logsumexp(-1)

    def _log_weights(self, evidence: Tensor) -> Tensor:
        return (evidence @ self.emission.to(evidence.device)).log()

    def _posterior(self, evidence: Tensor) -> Tensor:
        matrix, weights = self.matrix.to(evidence.device).log(), self._log_weights(evidence)
        before, log_likelihood = self._forward(evidence)
        behind = torch.zeros_like(before[:, 0])                         # log p(evidence after i | s^i)
        after = [behind]
        for i in range(self.length - 1, 0, -1):
            behind = ((behind + weights[:, i])[:, :, None] + matrix).logsumexp(1)
            after.append(behind)
        hidden = before + torch.stack(after[::-1], 1)                   # log p(s^i, evidence elsewhere)
        hidden = (hidden - hidden.amax(-1, keepdim=True)).exp()
        probs = (hidden @ self.emission.to(evidence.device).T) * evidence
        return torch.where(log_likelihood.isfinite()[:, None, None], probs, 0.0)


class MarkovLanguage(HiddenMarkovLanguage):
    """A Markov chain over the symbols themselves: p(X) = p(x^1) prod_i A(x^i | x^{i-1}).

    Arguments: `matrix` (V, V), column-stochastic; `length` n; `initial` (V,), the stationary law of `matrix` unless
    given. Raises: ValueError for what is no chain, or where no unique stationary law exists and none is given.

        >>> MarkovLanguage(torch.tensor([[0.5, 0.5], [0.5, 0.5]]), length=3).entropy().item() / 3     # log 2
        0.6931471805599453
    """

    def __init__(self, matrix: Tensor, length: int, initial: Tensor | None = None):
        self._chain = MatrixTransition(matrix, num_steps=1)
        initial = self._chain.stationary() if initial is None else initial
        super().__init__(initial, matrix, torch.eye(len(matrix), dtype=torch.float64), length)

    def denoiser(self, xt: Tensor, time: Tensor | None = None) -> Tensor:
        """As for every language. In a chain a masked symbol hangs on its nearest visible neighbours alone.

        Formula: p(x^i | x^j, x^k) is proportional to (A^{i-j})[x^i, x^j] (A^{k-i})[x^k, x^i] for the visible j < i < k
        next to it; with nothing visible on the left p(x^i) comes first, on the right 1 second.
        Cost: O(batch n V) a call, and once, for the powers of A, O(n V^3).
        """
        self._check_batch(xt, self.num_states)
        powers, laws = self._log_powers.to(xt.device), self._log_laws.to(xt.device)
        place = torch.arange(self.length, device=xt.device)
        seen = xt != self.mask_id
        symbols = xt.long().clamp(max=self.vocab_size - 1)
        left = torch.where(seen, place, -1).cummax(-1).values                          # -1: nothing visible there
        right = torch.where(seen, place, self.length).flip(-1).cummin(-1).values.flip(-1)
        at_left, at_right = (symbols.gather(-1, at.clamp(0, self.length - 1)) for at in (left, right))
        logits = torch.where((left >= 0)[..., None], powers[place - left.clamp(min=0), :, at_left], laws) + \
            torch.where((right < self.length)[..., None],
                        powers[right.clamp(max=self.length - 1) - place, at_right], 0.0)
        before = torch.nn.functional.pad(left[:, :-1], (1, 0), value=-1)               # the visible one before this one
        from_before = powers[place - before.clamp(min=0), symbols, symbols.gather(-1, before.clamp(min=0))]
        steps = torch.where(before >= 0, from_before, laws[place, symbols])
        possible = (steps.isfinite() | ~seen).all(-1)
        logits = torch.where(possible[:, None, None], logits, 0.0).log_softmax(-1)
        return torch.nn.functional.pad(logits, (0, 1), value=-torch.inf)

    @functools.cached_property
    def _log_powers(self) -> Tensor:
        """log A^d for d = 0..n-1, (n, V, V): in logarithms, so that what is rare does not become impossible."""
        matrix = self.matrix.log()
        powers = [torch.eye(self.vocab_size, dtype=torch.float64).log()]
        for _ in range(self.length - 1):
            powers.append((matrix[:, :, None] + powers[-1]).logsumexp(1))
        return torch.stack(powers)

    @functools.cached_property
    def _log_laws(self) -> Tensor:
        """log p(x^i = v), (n, V)."""
        return (self._log_powers + self.initial.log()).logsumexp(-1)

    def entropy(self) -> Tensor:
        """H(X) = H(x^1) + sum_i H(x^i | x^{i-1}) exactly, in nats, for any length."""
        total, law, by_symbol = entropy(self.initial), self.initial, entropy(self.matrix.T)
        for _ in range(self.length - 1):
            total, law = total + law @ by_symbol, self.matrix @ law
        return total

    def pair_entropies(self) -> Tensor:
        """G[j, k] = H(x^k | x^j) exactly for positions 1 <= j < k <= n, in nats; float64, (n+2, n+2), 0 elsewhere.

        Row 0 stands for nothing visible on the left, G[0, k] = H(x^k); column n+1 for nothing on the right, where it
        is 0. The entropy of a symbol between its nearest visible neighbours, which are all that it depends on, is then
        H(x^i | x^j, x^k) = G[j, i] + G[i, k] - G[j, k] for 0 <= j < i < k <= n+1, by the chain rule and the Markov
        property. Cost: O(n V^3 + n^2 V).
        """
        by_position, power = [self.initial], torch.eye(self.vocab_size, dtype=torch.float64)
        for _ in range(self.length - 1):
            by_position.append(self.matrix @ by_position[-1])
        laws = torch.stack(by_position)                                                 # (n, V)
        pairs = torch.zeros(self.length + 2, self.length + 2, dtype=torch.float64)
        pairs[0, 1:-1] = entropy(laws)
        for distance in range(1, self.length):
            power = self.matrix @ power
            left = torch.arange(1, self.length - distance + 1)
            pairs[left, left + distance] = laws[left - 1] @ entropy(power.T)
        return pairs

    def entropy_rate(self) -> Tensor:
        """lim H(X) / n = sum_j pi_j H(A[:, j]) exactly, in nats a symbol, pi the stationary law.

        Raises: ValueError where there is no unique stationary law.
        Source: Cover and Thomas, Elements of information theory, theorem 4.2.4.
        """
        return self._chain.stationary() @ entropy(self.matrix.T)
