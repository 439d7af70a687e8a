"""Counting as a language model: which character follows the last few, each shorter context smoothing the longer one.

The yardstick for trained models: it has nothing to learn, and on a short text it is hard to beat.
"""

from collections import Counter, defaultdict

import torch
from torch import Tensor

from dlm_course.arguments import as_float, as_int, check_int
from dlm_course.bound.discrete import check_sequences
from dlm_course.chain.categorical import check_states


class NGram:
    """Interpolated absolute discounting, from the contexts of 0, 1, ..., order - 1 characters before.

    Formula: p_k(b | c) = max(N(cb) - d, 0) / N(c) + d * D(c) / N(c) * p_{k-1}(b | c without its first character), with
    N the counts in `tokens`, D(c) the number of different characters that follow c, and p_{-1} = 1/V. A context that
    was never followed by anything leaves p_{k-1} as it is. The probabilities of the V characters sum to 1, and none
    is 0, so that what the tokens do not hold has a price too. Nothing is tuned: d = 0.75 is the customary discount.
    Shapes: tokens (n,), integer states 0..vocab_size - 1.
    Raises: ValueError for an order below 1 or a discount outside (0, 1], TypeError or ValueError for other tokens.
    Source: Ney, Essen and Kneser, On structuring probabilistic dependences in stochastic language modelling (1994).
    """

    def __init__(self, tokens: Tensor, vocab_size: int, *, order: int = 5, discount: float = 0.75):
        self.vocab_size = check_int(vocab_size, "vocab_size")
        check_states(tokens, self.vocab_size, "tokens")
        self.order, self.discount = as_int(order) or 0, as_float(discount)
        if tokens.ndim != 1 or self.order < 1 or not 0 < self.discount <= 1:
            raise ValueError(f"an n-gram model needs tokens (n,), an order of at least 1 and a discount in (0, 1], got "
                             f"{tuple(tokens.shape)}, {order!r} and {discount!r}")
        # context -> how often each character follows it
        self.following: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        states = tuple(tokens.tolist())
        for length in range(min(self.order, len(states))):     # no longer context stands before a character
            for place in range(length, len(states)):
                self.following[states[place - length:place]][states[place]] += 1
        self.totals = {context: counts.total() for context, counts in self.following.items()}

    def probability(self, state: int, context: tuple[int, ...] = ()) -> float:
        """p(state | context); of the context the last order - 1 characters count."""
        value = 1 / self.vocab_size
        for start in range(len(context), max(len(context) - self.order, -1), -1):
            seen = context[start:]
            if seen in self.totals:
                counts, discount = self.following[seen], self.discount
                value = (max(counts[state] - discount, 0) + discount * len(counts) * value) / self.totals[seen]
        return value

    def nll(self, x0: Tensor) -> Tensor:
        """-log p of each sequence by the chain rule, nats; as for a causal network nothing stands before a sequence.

        Shapes: x0 (batch, n), integer states 0..vocab_size - 1; returns (batch,), float64.
        """
        check_sequences(x0, "x0", self.vocab_size)
        before = self.order - 1
        probs = [[self.probability(row[place], tuple(row[max(place - before, 0):place])) for place in range(len(row))]
                 for row in x0.tolist()]
        return -torch.tensor(probs, dtype=torch.float64).reshape(x0.shape).log().sum(-1)

    def sample(self, num: int, length: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Sequences drawn from left to right: (num, length), int64."""
        num, length = check_int(num, "num", least=0), check_int(length, "length")
        rows = []
        for _ in range(num):
            row: tuple[int, ...] = ()
            for _ in range(length):
                context = row[max(len(row) - self.order + 1, 0):]
                weights = torch.tensor([self.probability(state, context) for state in range(self.vocab_size)])
                row += (int(torch.multinomial(weights, 1, generator=generator)),)
            rows.append(row)
        return torch.tensor(rows, dtype=torch.int64).reshape(num, length)
