"""The exact law of each sampler's output, by enumeration: a tensor (V,) * n of probabilities, for small V and n.

A law is carried through the steps as the distribution over all states between the template and its fillings: for each
of the 2^m sets of masked positions (m those masked in the template) all V^(visible) states at once. The denoiser is
asked once for every set, and given the share of masked positions as its time, as the samplers that reveal a number of
positions do; `lambda_schedule_law` asks one that reads the mask rate again in each step. V = 4 and n = 8 (65,536
outcomes, 390,625 states) take seconds.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import torch
from torch import Tensor

from dlm_course.arguments import check_int
from dlm_course.bound.discrete import DenoiserFunction, ReverseFunction, ask, check_reverse_shape, token_prior
from dlm_course.chain.transition import AbsorbingTransition, Transition, carry_over
from dlm_course.sampling.exact import check_num_sampling_steps, check_order, check_rates, open_template, share_masked
from dlm_course.sampling.heuristic import number_due, round_confidence, surest

MOST_STATES = 2_000_000
_ROWS = 4096    # of states that a denoiser is asked about at a time

# The positions that a step may reveal, and the probability of each of their outcomes: (states, C, ..., C), one C for
# each position; C is V, or V + 1 where the last outcome is to stay masked.
Move = tuple[tuple[int, ...], Tensor]


def lambda_schedule_law(denoiser: DenoiserFunction, vocab_size: int, length: int, rates: Tensor,
                        template: Tensor | None = None, *, time_input: bool = False) -> Tensor:
    """The law of `lambda_schedule`, and of `first_hitting` with rates: the marginal of the L-step reverse chain.

    Cost: (2V + 1)^m multiplications a step, since a token is masked before and after, revealed, or visible already.
    For a denoiser that reads the time set `time_input`: it is then asked in every step, with the mask rate r_{l-1}.
    Shapes: rates (L+1,), template (n,) states, the mask being V, all masks unless given; returns (V,) * n, float64.
    Raises: ValueError for rates that do not fall strictly from 1 to 0, a template that does not fit, or more than
    2,000,000 states (V + 1)^m.
    """
    mask_rates = check_rates(rates).tolist()

    def coins(step: int, masked: tuple[int, ...], probs: Tensor) -> Iterator[Move]:
        share = (mask_rates[step - 1] - mask_rates[step]) / mask_rates[step - 1]
        stay = probs.new_full((*probs.shape[:2], 1), 1 - share)
        yield masked, _product(torch.cat([share * probs, stay], -1))

    fillings = _Fillings(denoiser, vocab_size, length, template)
    return _carry(fillings, len(mask_rates) - 1, coins, mask_rates[:-1] if time_input else None)


def one_at_a_time_law(denoiser: DenoiserFunction, vocab_size: int, length: int,
                      template: Tensor | None = None) -> Tensor:
    """The law of `first_hitting` without rates: the average over all orders of prod_j p(x^{s_j} | x^{s_{<j}}).

    It is that of a denoiser that ignores the time, or is told the share of masked positions by another sampler, such as
    `reveal_in_order` with a `random_order` of n steps; `first_hitting` itself tells it the times it drew.
    Shapes and errors as `lambda_schedule_law`.
    """
    fillings = _Fillings(denoiser, vocab_size, length, template)
    return _average_over_sets(fillings, fillings.num_masked)


def random_order_law(denoiser: DenoiserFunction, vocab_size: int, length: int, num_sampling_steps: int) -> Tensor:
    """The law of `reveal_in_order` from masks only, with a `random_order` of L steps: the average over partitions.

    With L = n it is `one_at_a_time_law`.
    Shapes: returns (V,) * n, float64. Raises: ValueError unless 1 <= L <= n, or for more than 2,000,000 states.
    """
    length = check_int(length, "length")
    num_sampling_steps = check_num_sampling_steps(num_sampling_steps, length)
    return _average_over_sets(_Fillings(denoiser, vocab_size, length, None), num_sampling_steps)


def _average_over_sets(fillings: "_Fillings", num_steps: int) -> Tensor:
    """Each step reveals as equal a number of positions as possible, all sets of that size equally likely."""
    def any_set(step: int, masked: tuple[int, ...], probs: Tensor) -> Iterator[Move]:
        sets = list(combinations(range(len(masked)), number_due(fillings.num_masked, step, num_steps)))
        for chosen in sets:
            yield tuple(masked[j] for j in chosen), _product(probs[:, chosen]) / len(sets)

    return _carry(fillings, num_steps, any_set)


def order_law(denoiser: DenoiserFunction, vocab_size: int, length: int, order: Tensor,
              template: Tensor | None = None) -> Tensor:
    """The law of `reveal_in_order` for one order (n,), int64 steps 1..L: prod_l prod_{i: order[i] = l} p(x^i | X).

    Shapes and errors as `lambda_schedule_law`; ValueError for an order with missing steps or of another shape.
    """
    order = check_order(order, check_int(length, "length"))
    if order.ndim != 1:
        raise ValueError(f"the law belongs to one order, of shape ({length},), got {tuple(order.shape)}")
    fillings = _Fillings(denoiser, vocab_size, length, template)
    steps = order[fillings.masked_in_template.cpu()].tolist()

    def group(step: int, masked: tuple[int, ...], probs: Tensor) -> Iterator[Move]:
        chosen = [j for j, position in enumerate(masked) if steps[position] == step]
        yield tuple(masked[j] for j in chosen), _product(probs[:, chosen])

    return _carry(fillings, int(order.max()), group)


def surest_first_law(denoiser: DenoiserFunction, vocab_size: int, length: int, num_sampling_steps: int,
                     template: Tensor | None = None) -> Tensor:
    """The law of `surest_first`. Shapes and errors as `lambda_schedule_law`; ValueError unless 1 <= L <= n."""
    num_sampling_steps = check_num_sampling_steps(num_sampling_steps, check_int(length, "length"))
    fillings = _Fillings(denoiser, vocab_size, length, template)

    def most_confident(step: int, masked: tuple[int, ...], probs: Tensor) -> Iterator[Move]:
        confidence = probs.amax(-1)
        due = confidence.new_full((len(probs),), number_due(fillings.num_masked, step, num_sampling_steps))
        sure = surest(confidence, torch.ones_like(confidence, dtype=torch.bool), due)           # (states, masked)
        for chosen in sure.unique(dim=0):
            here = (sure == chosen).all(-1).to(probs)
            positions = chosen.nonzero().squeeze(-1).tolist()
            yield tuple(masked[j] for j in positions), _product(probs[:, positions], here)

    return _carry(fillings, num_sampling_steps, most_confident)


def maskgit_law(denoiser: DenoiserFunction, vocab_size: int, length: int, num_sampling_steps: int,
                template: Tensor | None = None) -> Tensor:
    """The law of `maskgit`: a set of draws is kept if every other position draws a token that is less sure.

    Shapes and errors as `lambda_schedule_law`; ValueError unless 1 <= L <= n.
    """
    num_sampling_steps = check_num_sampling_steps(num_sampling_steps, check_int(length, "length"))
    fillings = _Fillings(denoiser, vocab_size, length, template)

    def surest_draws(step: int, masked: tuple[int, ...], probs: Tensor) -> Iterator[Move]:
        for kept in combinations(range(len(masked)), number_due(fillings.num_masked, step, num_sampling_steps)):
            yield tuple(masked[j] for j in kept), _product(probs[:, kept]) * _others_are_less_sure(probs, kept)

    return _carry(fillings, num_sampling_steps, surest_draws)


def ancestral_law(reverse: ReverseFunction, transition: Transition, length: int,
                  prior: Tensor | None = None) -> Tensor:
    """The law of `ancestral` from starts drawn from the prior: the reverse chain's marginal of X_0.

    Formula: p(X_{t-1}) = sum_{X_t} p(X_t) prod_i p(x_{t-1}^i | X_t), K^(2n) multiplications a step; one matrix product
    for the two halves of the sequence.
    Shapes: prior (K,) or (n, K), the transition's stationary law unless given; returns (K,) * n, float64, or for an
    absorbing transition (V,) * n, the mask left out.
    Raises: ValueError for another shape of the prior or of the reverse model, more than 2,000,000 states K^n, or an
    absorbing chain that leaves masks.
    """
    length = check_int(length, "length")
    num_states, first = transition.num_states, length // 2
    _check_number(num_states, length)
    prior = token_prior(transition, length, prior)
    law = _product(prior[None])[0].flatten()
    for t in range(transition.num_steps, 0, -1):
        after = law.new_zeros(num_states**first, num_states ** (length - first))
        for index in law.nonzero().squeeze(-1).split(_ROWS):
            xt = _sequences(num_states, length, index)
            probs = reverse(xt, torch.full(xt.shape[:1], t, device=xt.device)).to(law)
            check_reverse_shape(probs, xt, num_states)
            left, right = (_product(half).reshape(len(xt), -1) for half in (probs[:, :first], probs[:, first:]))
            after += (law[index, None] * left).T @ right
        law = after.flatten()
    law = law.reshape((num_states,) * length)
    if isinstance(transition, AbsorbingTransition):
        symbols = torch.tensor([k for k in range(num_states) if k != transition.mask_id], device=law.device)
        for i in range(length):
            law = law.index_select(i, symbols)
        if abs(float(law.sum()) - 1) > 1e-9:
            raise ValueError(f"the output has masks with probability {1 - float(law.sum()):.3g}, but the reverse model "
                             "must have revealed every token by t = 0")
    return law


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """TV(p, q) = (1/2) sum_x |p(x) - q(x)|, the largest difference of the two probabilities of any event.

    Shapes: p and q of one shape, such as (V,) * n. Raises: ValueError for different shapes.
    """
    if p.shape != q.shape:
        raise ValueError(f"p and q must have one shape, got {tuple(p.shape)} and {tuple(q.shape)}")
    return (p - q).abs().sum() / 2


def sampling_floor(p: Tensor, num_samples: int) -> Tensor:
    """E TV(empirical law of N true samples, p): what a perfect sampler shows. It falls like N^(-1/2).

    Formula, exact: (1/2) sum_x E|C_x / N - p(x)| with C_x ~ Binomial(N, p(x)), whose mean absolute deviation is
    2 k C(N, k) p^k (1 - p)^(N-k+1) with k = floor(N p) + 1.
    Shapes: p of any shape, summing to 1. Raises: ValueError for num_samples < 1.
    Source: de Moivre 1730; Diaconis and Zabell 1991, "Closed form summation for classical distributions".
    """
    num_samples = check_int(num_samples, "num_samples")
    p = p.double().flatten()
    total = torch.tensor(float(num_samples), dtype=torch.float64, device=p.device)
    k = (total * p).floor() + 1
    log_choose = torch.lgamma(total + 1) - torch.lgamma(k + 1) - torch.lgamma(total - k + 1)
    log_power = torch.special.xlogy(k, p) + torch.special.xlog1py(total - k + 1, -p)
    return (k * (log_choose + log_power).exp()).sum() / num_samples


class _Fillings:
    """The states between a template and its fillings, and what the denoiser says of them.

    Positions are counted 0..m-1 among those that are masked in the template; a law over the states is a tensor
    (V + 1,) * m whose last index is the mask.
    """

    def __init__(self, denoiser: DenoiserFunction, vocab_size: int, length: int, template: Tensor | None):
        vocab_size, length = check_int(vocab_size, "vocab_size"), check_int(length, "length")
        if template is None:
            _check_number(vocab_size + 1, length)
            template = torch.full((length,), vocab_size)
        if not isinstance(template, Tensor) or template.shape != (length,):
            given = f"shape {tuple(template.shape)}" if isinstance(template, Tensor) else type(template).__name__
            raise ValueError(f"template must be one sequence of shape ({length},) of states 0..{vocab_size}, the last "
                             f"the mask; got {given}")
        if bool((template > vocab_size).any()):
            raise ValueError(f"template must hold states 0..{vocab_size}, the last the mask; got states up to "
                             f"{int(template.max())}")
        self._denoiser, self.vocab_size = denoiser, vocab_size
        self._template = open_template(template[None], vocab_size)[0]
        self.masked_in_template = (self._template == vocab_size).nonzero().squeeze(-1)
        self.num_masked = len(self.masked_in_template)
        _check_number(vocab_size + 1, self.num_masked)
        self._probs: dict[tuple[tuple[int, ...], float | None], Tensor] = {}

    def masked_sets(self, law: Tensor) -> list[tuple[int, ...]]:
        """The sets of positions that are masked together in some state of a law: () where none is."""
        for i in range(self.num_masked):    # the largest probability of all symbols of i, and that of its mask
            symbols, mask = law.split([self.vocab_size, 1], i)
            law = torch.cat([symbols.amax(i, keepdim=True), mask], i)
        return [tuple(i for i, masked in enumerate(found) if masked) for found in law.nonzero().tolist()]

    def probs(self, masked: tuple[int, ...], time: float | None = None) -> Tensor:
        """p(x_0^i | X) of the masked positions in every state with just these masked: (V^visible, masked, V).

        The time is the share of masked positions unless given.
        """
        if (masked, time) not in self._probs:
            visible = [i for i in range(self.num_masked) if i not in masked]
            symbols = _sequences(self.vocab_size, len(visible),
                                 torch.arange(self.vocab_size ** len(visible), device=self._template.device))
            states = self._template.repeat(len(symbols), 1)
            states[:, self.masked_in_template[visible]] = symbols
            self._probs[masked, time] = torch.cat([self._ask(rows, time)[:, self.masked_in_template[list(masked)], :-1]
                                                   for rows in states.split(_ROWS)])
        return self._probs[masked, time]

    @torch.no_grad()
    def _ask(self, states: Tensor, time: float | None) -> Tensor:
        share = share_masked(states, self.vocab_size)
        logits = ask(self._denoiser, states, share if time is None else torch.full_like(share, time))
        if logits.shape[-1] != self.vocab_size + 1:
            raise ValueError(f"the denoiser's logits have {logits.shape[-1]} states, expected vocab_size + 1 = "
                             f"{self.vocab_size + 1}: the symbols and the mask")
        return carry_over(logits, states, self.vocab_size).double().softmax(-1)

    def start(self) -> Tensor:
        """All mass on the template."""
        law = torch.zeros((self.vocab_size + 1,) * self.num_masked, dtype=torch.float64, device=self._template.device)
        law[(self.vocab_size,) * self.num_masked] = 1.0
        return law

    def mass(self, law: Tensor, masked: tuple[int, ...]) -> Tensor:
        """The part of a law in which just these positions are masked, (V^visible,)."""
        index = tuple(self.vocab_size if i in masked else slice(self.vocab_size) for i in range(self.num_masked))
        return law[index].flatten()

    def add(self, law: Tensor, mass: Tensor, masked: tuple[int, ...], drawn: tuple[int, ...]) -> None:
        """Add to a law, in place: mass (V^visible, C, ..., C) of the symbols that were visible and of those drawn."""
        sizes = {i: self.vocab_size for i in range(self.num_masked) if i not in masked}
        visible = [*sizes]
        sizes |= dict(zip(drawn, mass.shape[1:], strict=True))
        known = sorted(sizes)
        target = law[tuple(slice(sizes[i]) if i in sizes else self.vocab_size for i in range(self.num_masked))]
        target = target.permute([known.index(i) for i in (*visible, *drawn)])
        target += mass.reshape(target.shape)

    def output(self, law: Tensor) -> Tensor:
        """The law of the whole sequence, (V,) * n, from one in which nothing is masked any more."""
        output = law.new_zeros((self.vocab_size,) * len(self._template))
        index = tuple(slice(None) if x == self.vocab_size else x for x in self._template.tolist())
        output[index] = law[(slice(self.vocab_size),) * self.num_masked]
        return output


def _carry(fillings: _Fillings, num_steps: int, moves: Callable[[int, tuple[int, ...], Tensor], Iterator[Move]],
           times: list[float] | None = None) -> Tensor:
    """Carry the law from the template through the steps: moves(l, masked, probs) is what step l does there."""
    law = fillings.start()
    for step in range(1, num_steps + 1):
        after = torch.zeros_like(law)
        for masked in fillings.masked_sets(law):
            mass = fillings.mass(law, masked)
            if masked:
                probs = fillings.probs(masked, times[step - 1] if times else None)
                for drawn, outcomes in moves(step, masked, probs):
                    weights = mass.reshape(-1, *[1] * len(drawn))
                    fillings.add(after, weights * outcomes, masked, drawn)
            else:
                fillings.add(after, mass, (), ())
        law = after
    return fillings.output(law)


def _product(factors: Tensor, first: Tensor | None = None) -> Tensor:
    """Probabilities of r independent outcomes, (states, r, C), as their joint, (states, C, ..., C); times `first`."""
    joint = factors.new_ones(len(factors)) if first is None else first
    for j in range(factors.shape[1]):
        joint = joint[..., None] * factors[:, j].reshape(-1, *[1] * j, factors.shape[-1])
    return joint


def _others_are_less_sure(probs: Tensor, kept: tuple[int, ...]) -> Tensor:
    """P(every position not kept draws a token that is less sure than all those kept), for each outcome of the kept.

    Of equal confidences the first position is the surer.
    Shapes: probs (states, masked, V); returns (states, V, ..., V).
    """
    confidence = round_confidence(probs)
    num_states, _, vocab_size = probs.shape
    shape = (num_states, *[vocab_size] * len(kept))
    outcomes = torch.stack([confidence[:, j].reshape(-1, *[1] * place, vocab_size, *[1] * (len(kept) - place - 1))
                            .expand(shape) for place, j in enumerate(kept)], -1)
    least = outcomes.amin(-1)
    where = torch.where(outcomes == least[..., None], torch.tensor(kept, device=probs.device), -1).amax(-1)
    chance = torch.ones_like(least)
    for k in set(range(probs.shape[1])) - set(kept):
        draw, weight = (table[:, k].reshape(num_states, *[1] * len(kept), vocab_size) for table in (confidence, probs))
        below = (draw < least[..., None]) | ((draw == least[..., None]) & (where[..., None] < k))
        chance *= (below * weight).sum(-1)
    return chance


def _sequences(base: int, length: int, index: Tensor) -> Tensor:
    """The sequences of these numbers, (index, n), in the order in which a tensor (base,) * n is flattened."""
    places = base ** torch.arange(length - 1, -1, -1, device=index.device)
    return index[:, None] // places % base


def _check_number(num_states: int, length: int) -> None:
    if length > 100 or num_states**length > MOST_STATES:    # the power of a huge length would take an age itself
        raise ValueError(f"{num_states}^{length} states are too many to enumerate (at most {MOST_STATES:,}); compare "
                         "samples instead")
