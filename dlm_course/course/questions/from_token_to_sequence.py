"""Topic 04: damage to sequences, total correlation, the Bayes denoiser, a KL over positions, any order of revealing."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import cross_entropy, entropy, kl, one_hot
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition
from dlm_course.course.questions.given import GivenFunction
from dlm_course.course.questions.mistakes import Shows, everywhere, mistakes, slip, somewhere
from dlm_course.course.questions.question import Case, Question


def _random(generator: torch.Generator, *shape: int, power: float = 2.0) -> Tensor:
    """Positive numbers of this shape that sum to 1 over the last dimension."""
    weights = torch.rand(shape, dtype=torch.float64, generator=generator) ** power + 0.02
    return weights / weights.sum(-1, keepdim=True)


def _joint(generator: torch.Generator, vocab_size: int, length: int) -> Tensor:
    return _random(generator, vocab_size**length, power=6.0).reshape((vocab_size,) * length)


def _joint_with_zeros(generator: torch.Generator) -> Tensor:
    joint = _joint(generator, 3, 3)
    joint[0, 1] = joint[2, 2, 1] = 0
    return joint / joint.sum()


_RARE = ("small probabilities count like all others. Is there a threshold, a clamp, a number that is added, or a "
         "product that underflows?")
_SINGLE = "the arguments may be float32: create tensors with the dtype of what was given"
_holds_nan = somewhere(lambda value, *_: np.isnan(value).any())


# 04-1: how likely is this damage?

def forward_log_prob(matrix: Tensor, x0: Tensor, xt: Tensor) -> Tensor:
    return _position_probs(matrix, x0, xt).log().sum(-1)


def _position_probs(matrix: Tensor, x0: Tensor, xt: Tensor) -> Tensor:
    """q(X_t^i | X_0^i) of every position."""
    return matrix[xt, x0]


def _each_pair_once(matrix: Tensor, x0: Tensor, xt: Tensor) -> Tensor:
    return torch.stack([torch.stack([matrix[pair].log() for pair in {*zip(now, before, strict=True)}]).sum()
                        for now, before in zip(xt.tolist(), x0.tolist(), strict=True)])


def _forward_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    general = _random(generator, 4, 4).T.contiguous()
    x0, xt = torch.randint(4, (2, 5, 3), generator=generator)
    absorbing = AbsorbingTransition(4, Schedule.linear(4)).cumulative_matrix(1)
    clean = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])
    damaged = torch.tensor([[0, 3, 2, 3], [3, 2, 1, 1]])
    impossible = torch.tensor([[0, 3, 1, 3], [3, 2, 1, 1]])
    rare = general.clone()
    rare[1, 2] = 1e-36
    return [Case((general, x0, xt), "random Q, K = 4, x0 of shape (5, 3)"),
            Case((general, x0[:, :1], xt[:, :1]), "random Q, K = 4, n = 1"),
            Case((absorbing, clean, damaged), "absorbing, K = 4, x0 of shape (2, 4)"),
            Case((general, x0[:3], xt[1:4]), "random Q, K = 4, x0 of shape (3, 3)"),
            Case((absorbing, clean, impossible), "a visible token that is not the clean one",
                 edge="q(X_t | X_0) is 0 there, its logarithm -infinity, and for the other sequence it is finite"),
            Case((general, x0.reshape(1, -1).repeat(1, 400), xt.reshape(1, -1).repeat(1, 400)), "n = 6000",
                 edge="in long texts a product of probabilities underflows to 0, and a count may be too large for its "
                      "dtype: add up the logarithms"),
            Case((rare / rare.sum(0), torch.tensor([[2, 0, 2], [1, 2, 3]]).repeat(1, 20),
                  torch.tensor([[1, 3, 1], [1, 0, 2]]).repeat(1, 20)), "a step of probability 1e-36, 40 times",
                 edge=_RARE),
            Case((general.float(), x0.reshape(1, -1).repeat(1, 40), xt.reshape(1, -1).repeat(1, 40)),
                 "n = 600, float32", edge=_SINGLE + "; a product underflows earlier there")]


FORWARD_LOG_PROB = Question(
    id="04-1-forward-log-prob",
    points=2,
    name="forward_log_prob",
    cases=_forward_cases,
    reference=forward_log_prob,
    misconceptions=mistakes({
        "the indices are exchanged: matrix[i, j] is the probability of i *given* j, so x_t is the row and x_0 the "
        "column": slip(forward_log_prob, matrix=lambda matrix: matrix.T),
        "this is the probability; asked is its logarithm": slip(forward_log_prob, lambda log_q: log_q.exp()),
        "the indices are exchanged, and the logarithm is missing":
            slip(forward_log_prob, lambda log_q: log_q.exp(), matrix=lambda matrix: matrix.T),
        "the probabilities of the positions are added before the logarithm; independent positions multiply, so their "
        "logarithms add": slip(_position_probs, lambda q: q.sum(-1).log()),
        "pairs that come up twice in a text are counted once, as in a set; every position counts": _each_pair_once,
        "the mean over positions; the logarithm of a product is the sum":
            slip(_position_probs, lambda q: q.log().mean(-1)),
        "the logarithm of the mean over positions; independent positions multiply":
            slip(_position_probs, lambda q: q.mean(-1).log()),
        "the probabilities of the positions are added; asked is the sum of their logarithms":
            slip(_position_probs, lambda q: q.sum(-1)),
        "this is -log q; asked is log q": slip(forward_log_prob, lambda log_q: -log_q),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(forward_log_prob, lambda log_q: log_q / math.log(2)),
        "this is to the base 10; the course computes in nats (natural logarithm)":
            slip(forward_log_prob, lambda log_q: log_q / math.log(10)),
        "only whether a token stayed is looked at, as if changing had one probability; pick the entry of the pair "
        "(x_t, x_0)": lambda matrix, x0, xt: torch.where(
            x0 == xt, matrix[x0, x0], 1 - matrix[x0, x0]).log().sum(-1),
        "only positions that changed are counted: staying has a probability too":
            slip(_position_probs, lambda q, x0, xt: (q.log() * (xt != x0)).sum(-1)),
        "only positions that stayed are counted: changing has a probability too":
            slip(_position_probs, lambda q, x0, xt: (q.log() * (xt == x0)).sum(-1)),
        "the matrix is squared or applied twice: it is Q_{1:t} already":
            slip(forward_log_prob, matrix=lambda matrix: matrix @ matrix),
        "this uses x_t alone, the sum of its row; pick the entry of the pair (x_t, x_0)":
            slip(forward_log_prob, matrix=lambda matrix: matrix.sum(1, keepdim=True).expand_as(matrix)),
        "the columns are put through a softmax; they are probabilities already":
            slip(forward_log_prob, matrix=lambda matrix: matrix.softmax(0)),
        "the rows are normalised, as for x_0 given x_t; asked is x_t given x_0, the entry of the matrix as it is":
            slip(forward_log_prob, matrix=lambda matrix: matrix / matrix.sum(1, keepdim=True)),
        "x_t is not looked at: these are the diagonal entries of x_0; pick the entry of the pair (x_t, x_0)":
            slip(forward_log_prob, xt=lambda x0: x0),
        "x_0 is not looked at: these are the diagonal entries of x_t; pick the entry of the pair (x_t, x_0)":
            slip(forward_log_prob, x0=lambda xt: xt),
        "only the last position is counted: add up all of them": slip(_position_probs, lambda q: q.log()[:, -1]),
        "only the first position is counted: add up all of them": slip(_position_probs, lambda q: q.log()[:, 0]),
        "the result holds NaN: 0 times the logarithm of 0. Pick the entries first, then take logarithms": _holds_nan,
    }),
)


# 04-2: what the positions know of each other

def _marginals(joint: Tensor) -> list[Tensor]:
    return [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]


def _pair(joint: Tensor, i: int, j: int) -> Tensor:
    """The joint of two positions, (V, V)."""
    return joint.movedim((i, j), (0, 1)).reshape(len(joint), len(joint), -1).sum(-1)


def _without_one(joint: Tensor) -> list[Tensor]:
    """The joints of all positions but one."""
    return [joint.sum(i) for i in range(joint.ndim)]


def _total_entropy(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([entropy(part.flatten()) for part in parts]).sum()


def total_correlation(joint: Tensor, *, parts: Callable[[Tensor], Sequence[Tensor]] = _marginals) -> Tensor:
    """The entropies of the positions, or of other parts, minus that of the whole."""
    return _total_entropy(parts(joint)) - _total_entropy([joint])


def _correlation_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 3)
    zeros = _joint_with_zeros(generator)
    independent = torch.einsum("a,b->ab", *_random(generator, 2, 3))
    return [Case((_joint(generator, 3, 3),), "V = 3, n = 3"), Case((_joint(generator, 4, 2),), "V = 4, n = 2"),
            Case((_joint(generator, 2, 4),), "V = 2, n = 4"),
            Case((zeros,), "V = 3, n = 3, some sequences impossible", edge="a term with probability 0 is 0, not NaN"),
            Case((independent,), "independent positions", edge="independent positions have total correlation 0"),
            Case((0.99 * independent + 0.01 * torch.eye(3) / 3,), "positions that are nearly independent",
                 edge="a small total correlation is not 0"),
            Case((_random(generator, 5),), "n = 1", edge="a single position has total correlation 0"),
            Case((_joint(generator, 2, 6),), "V = 2, n = 6", edge="the table may have any number of dimensions"),
            Case((_mostly_one_text(generator),), "V = 5, n = 6, most texts of a probability near 1e-6", edge=_RARE),
            Case((_joint(generator, 3, 3).float(),), "float32", edge=_SINGLE)]


def _mostly_one_text(generator: torch.Generator) -> Tensor:
    """One text that is likely; 2 in 100 fall on the thousands of others."""
    joint = 0.02 * _random(generator, 5**6)
    joint[1234] += 0.98
    return joint.reshape((5,) * 6)


def _parts(parts: Callable[[Tensor], Sequence[Tensor]]) -> Callable:
    return slip(total_correlation, parts=parts)


TOTAL_CORRELATION = Question(
    id="04-2-total-correlation",
    points=2,
    name="total_correlation",
    cases=_correlation_cases,
    reference=total_correlation,
    misconceptions=mistakes({
        "the sign is off: it is the sum of the positions' entropies minus the joint one, never negative":
            slip(total_correlation, lambda value: -value),
        "this is the sum of the positions' entropies; subtract the entropy of the whole":
            lambda joint: _total_entropy(_marginals(joint)),
        "this is the entropy of the whole; asked is how much less that is than the sum over positions":
            lambda joint: _total_entropy([joint]),
        "each marginal sums over its *own* dimension only; the marginal of position i sums over all others":
            _parts(_without_one),
        "these are sums of mutual informations of pairs; for more than two positions that is another number":
            lambda joint: sum(total_correlation(_pair(joint, i, j))
                              for i, j in itertools.combinations(range(joint.ndim), 2)),
        "only the first two positions are looked at": slip(total_correlation, joint=lambda joint: _pair(joint, 0, 1)),
        "every position is given the marginal of the first; each has its own":
            _parts(lambda joint: _marginals(joint)[:1] * joint.ndim),
        "every position is given the marginal of the last; each has its own":
            _parts(lambda joint: _marginals(joint)[-1:] * joint.ndim),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(total_correlation, lambda value: value / math.log(2)),
        "this is a number per position; asked is that of the whole sequence":
            slip(total_correlation, lambda value, joint: value / joint.ndim),
        "the entropies are added, the joint one too; it is to be subtracted":
            lambda joint: _total_entropy([*_marginals(joint), joint]),
        "the KL's arguments are swapped: it is KL(joint || product of the marginals)":
            lambda joint: kl(torch.cartesian_prod(*_marginals(joint)).prod(-1), joint.flatten()),
        "this is the dual total correlation, H(X) minus the sum of H(X^i | the others); asked is the sum of H(X^i) "
        "minus H(X)": lambda joint: _total_entropy(_without_one(joint)) - (joint.ndim - 1) * _total_entropy([joint]),
        "this is the share of the positions' entropies that is common; asked is the amount, in nats":
            slip(total_correlation, lambda value, joint: value / _total_entropy(_marginals(joint))),
        "one position is left out of the sum of entropies: all n count":
            (_parts(lambda joint: _marginals(joint)[1:]), _parts(lambda joint: _marginals(joint)[:-1])),
        "only three positions are looked at; the table may have any number of dimensions":
            _parts(lambda joint: _marginals(joint)[:3]),
        "this is what the first position shares with the rest; the positions of the rest share more":
            _parts(lambda joint: [_marginals(joint)[0], joint.sum(0)]),
        "these are the mutual informations of neighbours; positions further apart, and three at once, share more":
            lambda joint: sum(total_correlation(_pair(joint, i, i + 1)) for i in range(joint.ndim - 1)),
        "n log V stands for the sum of the positions' entropies, as if every symbol were equally likely; use the "
        "marginals": lambda joint: math.log(joint.numel()) - _total_entropy([joint]),
        "this is the mean of the positions' entropies minus the joint one; asked is their sum":
            lambda joint: _total_entropy(_marginals(joint)) / joint.ndim - _total_entropy([joint]),
        "the mean of -p log p stands for the entropy; it is their sum":
            lambda joint: _total_entropy(_marginals(joint)) / len(joint) - _total_entropy([joint]) / joint.numel(),
        "the result is negative, and total correlation never is: is every marginal a distribution, and every entropy "
        "a sum of -p log p?": somewhere(lambda value, *_: value < -1e-6),
    }),
)


# 04-3: guess like Bayes

def bayes_denoiser(joint: Tensor, xt: Tensor, mask_id: int, *,
                   fits: Callable[[Tensor, Tensor], Tensor] = lambda agrees, visible: (agrees | ~visible).all(-1),
                   combine: Callable[..., Tensor] = torch.sum, normalise: bool = True) -> Tensor:
    """The rows; or from other texts than those that fit, combined by another rule than the sum, or not normalised."""
    texts = torch.cartesian_prod(*[torch.arange(len(joint))] * joint.ndim).reshape(-1, joint.ndim)    # (V^n, n)
    weights = torch.where(fits(texts == xt, xt != mask_id), joint.flatten(), 0.0)    # (V^n,)
    rows = combine(weights[:, None, None] * one_hot(texts, len(joint)), 0)    # (n, V)
    return rows / rows.sum(-1, keepdim=True) if normalise else rows


def _denoiser_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 5)
    three, four = _joint(generator, 3, 3), _joint(generator, 2, 4)
    rare = three.clone()
    rare[:, 0] *= 1e-26
    rare[2] *= 1e-3
    return [Case((three, torch.tensor([3, 1, 3]), 3), "V = 3, X_t = mask 1 mask"),
            Case((three, torch.tensor([2, 3, 0]), 3), "V = 3, X_t = 2 mask 0"),
            Case((four, torch.tensor([1, 7, 7, 0]), 7), "V = 2, n = 4, X_t = 1 mask mask 0, mask_id = 7"),
            Case((four, torch.tensor([-1, 0, 1, -1]), -1), "V = 2, n = 4, X_t = mask 0 1 mask, mask_id = -1"),
            Case((_joint(generator, 4, 5), torch.tensor([0, 9, 3, 1, 2]), 9), "V = 4, n = 5, X_t = 0 mask 3 1 2"),
            Case((three, torch.tensor([3, 3, 3]), 3), "everything masked",
                 edge="with nothing visible the rows are the marginals of the language"),
            Case((three, torch.tensor([2, 0, 1]), 3), "nothing masked",
                 edge="a visible token is certain: its row is one-hot"),
            Case((_joint_with_zeros(generator), torch.tensor([0, 3, 3]), 3), "some sequences impossible",
                 edge="symbols that cannot stand there have probability 0, without NaN"),
            Case((rare / rare.sum(), torch.tensor([3, 0, 3]), 3), "a visible token of probability below 1e-12",
                 edge=_RARE),
            Case((three.float(), torch.tensor([3, 3, 1]), 3), "float32", edge=_SINGLE)]


def _conditioned_on(seen: Callable[[int, Tensor], Tensor]) -> Callable:
    """The denoiser whose row i is conditioned on those visible tokens alone whose positions j have seen(i, j)."""
    def wrong(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
        return torch.stack([bayes_denoiser(joint, torch.where(seen(i, torch.arange(len(xt))), xt, mask_id), mask_id)[i]
                            for i in range(len(xt))])
    return wrong


def _where_masked(wrong: Callable[..., Tensor]) -> Callable:
    """The rows of `wrong` for the masked tokens, and the right ones for the visible tokens."""
    return lambda joint, xt, mask_id: torch.where(
        (xt == mask_id)[:, None], wrong(joint, xt, mask_id), bayes_denoiser(joint, xt, mask_id))


def _naive_bayes(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    """The visible tokens taken as independent given x_0^i."""
    rows = []
    for i, row in enumerate(_marginals(joint)):
        for j in range(len(xt)):
            if j != i and xt[j] != mask_id:
                row = row * _pair(joint, i, j)[:, xt[j]] / _marginals(joint)[i]
        rows.append(row / row.sum())
    return torch.stack(rows)


def _guesses_fed_back(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    xt, rows = xt.clone(), []
    for i in range(joint.ndim):
        rows.append(bayes_denoiser(joint, xt, mask_id)[i])
        xt[i] = rows[i].argmax()
    return torch.stack(rows)


def _masked_rows(test: Callable[[np.ndarray, np.ndarray], bool | np.bool_],
                 target: Callable[..., Tensor] = bayes_denoiser) -> Shows:
    """Where test(value, target) is true of the rows of the masked tokens in every case."""
    def symptom(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        masked = [(xt == mask_id).numpy() for _, xt, mask_id in (case.args for case in cases)]
        return all(test(value[rows], target(*case.args).numpy()[rows])
                   for case, value, rows in zip(cases, values, masked, strict=True))
    return Shows(symptom)


def _close(value: np.ndarray, target: np.ndarray) -> bool:
    return np.allclose(value, target, rtol=1e-4, atol=1e-6)


BAYES_DENOISER = Question(
    id="04-3-bayes-denoiser",
    points=3,
    name="bayes_denoiser",
    cases=_denoiser_cases,
    reference=bayes_denoiser,
    misconceptions=mistakes({
        "the visible tokens are not looked at: these are the marginals of the language":
            lambda joint, xt, mask_id: torch.stack(_marginals(joint)),
        "the masked rows ignore the visible tokens: condition on them":
            _masked_rows(_close, lambda joint, xt, mask_id: torch.stack(_marginals(joint))),
        "right for masked positions; a visible position must agree with *itself* too, its row is one-hot":
            _conditioned_on(lambda i, j: j != i),
        "the rows are not normalised: divide by the probability of the visible tokens":
            slip(bayes_denoiser, normalise=False),
        "only the tokens to the left are looked at; those to the right count as well":
            _conditioned_on(lambda i, j: j <= i),
        "only the tokens to the right are looked at; those to the left count as well":
            _conditioned_on(lambda i, j: j >= i),
        "only the direct neighbours are looked at; all visible tokens count":
            _conditioned_on(lambda i, j: (j - i).abs() <= 1),
        "only the first visible token is looked at; all visible tokens count":
            _where_masked(slip(bayes_denoiser, fits=lambda agrees, visible: agrees[:, visible][:, 0])),
        "only the first two visible tokens are looked at; all visible tokens count":
            _where_masked(slip(bayes_denoiser, fits=lambda agrees, visible: (
                agrees | ~visible | (visible.cumsum(-1) > 2)).all(-1))),
        "only tokens at a distance of at most two are looked at; all visible tokens count":
            _conditioned_on(lambda i, j: (j - i).abs() <= 2),
        "a sequence is kept if it agrees with one visible token; it must agree with all of them":
            _where_masked(slip(bayes_denoiser, fits=lambda agrees, visible: agrees.any(-1))),
        "the visible tokens are combined as if they were independent given x_0^i (naive Bayes); condition the joint on "
        "all of them at once": _where_masked(_naive_bayes),
        "these are logarithms; asked are the probabilities": slip(bayes_denoiser, lambda rows: rows.log()),
        "each row puts everything on the likeliest symbol; the others keep their probabilities":
            slip(bayes_denoiser, lambda rows: one_hot(rows.argmax(-1), rows.shape[-1])),
        "this looks at the single likeliest sequence that fits; sum over all sequences that fit": everywhere(
            lambda value, *_: np.isin(value, (0.0, 1.0)).all() and np.allclose(value.sum(-1), 1)),
        "the masked rows are right; the row of a visible token must be one-hot, because it is certain":
            _masked_rows(_close),
        "the masked rows are uniform, as if all sequences that fit were equally likely: weigh each by its probability "
        "p(X)":
            slip(bayes_denoiser, joint=lambda joint: torch.ones_like(joint)),
        "the weights are put through a softmax; divide them by their sum":
            slip(bayes_denoiser, lambda rows: rows.softmax(-1), normalise=False),
        "the likeliest sequence of each symbol is kept; add up *all* sequences that fit":
            slip(bayes_denoiser, combine=torch.amax),
        "a guess is taken for a visible token in the rows after it; only the tokens of X_t are visible":
            _guesses_fed_back,
        "whether a token is masked hangs on its size; mask_id is any number that is no symbol, so compare with it":
            (slip(bayes_denoiser, xt=lambda xt, mask_id: xt.clamp(max=mask_id)),
             slip(bayes_denoiser, xt=lambda joint, xt, mask_id: torch.where(
                 (xt == mask_id) & (xt < 0), len(joint) - 1, xt))),
        "the positions are in the reverse order: dimension i of the table is position i":
            slip(bayes_denoiser, lambda rows: rows.flip(0)),
        "the dimensions of the table are exchanged: dimension i of the table is position i":
            slip(bayes_denoiser, joint=lambda joint: joint.permute(*reversed(range(joint.ndim)))),
        "the result holds NaN: no sequence fits. Is the mask taken for a symbol, or mask_id to be V?": _holds_nan,
        "the masked rows are right up to a factor: every row must sum to 1": _masked_rows(
            lambda value, target: (value.sum(-1) > 0).all() and _close(value / value.sum(-1, keepdims=True), target)),
        "the rows do not sum to 1: every row is a distribution over the V symbols":
            somewhere(lambda value, *_: (abs(value.sum(-1) - 1) > 1e-3).any()),
    }),
)


# 04-4: one step's loss for a sequence

def sequence_kl(posterior: Tensor, model: Tensor) -> Tensor:
    return kl(posterior, model).sum(-1)


def _kl_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 9)
    q, p = _random(generator, 2, 3, 4), _random(generator, 2, 3, 4)
    chain = AbsorbingTransition(4, Schedule.linear(4))
    masked, visible = (chain.posterior(torch.tensor([xt]), torch.tensor([[0, 2, 1, 1]]), 3)
                       for xt in ([3, 3, 3, 3], [3, 3, 1, 3]))
    rare = p.clone()
    rare[1, :2, 2] = 1e-14    # torch.distributions, a right answer, takes 2e-16 for all that is below
    return [Case((q, p), "batch of 2, n = 3, K = 4"),
            Case((_random(generator, 5, 2, 3), _random(generator, 5, 2, 3)), "batch of 5, n = 2, K = 3"),
            Case((q[:, :1], p[:, :1]), "n = 1"),
            Case((_random(generator, 3, 3, 3), _random(generator, 3, 3, 3)), "batch of 3, n = 3, K = 3"),
            Case((_random(generator, 1, 5, 3), _random(generator, 1, 5, 3)), "batch of 1, n = 5, K = 3"),
            Case((masked, _random(generator, 1, 4, 4)), "a posterior with zeros",
                 edge="a term with q = 0 is 0, and the other terms of its position stay"),
            Case((visible, _random(generator, 1, 4, 4)), "a posterior that is certain in one position",
                 edge="its KL there is -log of what the model gives to that state: the position counts"),
            Case((q, rare / rare.sum(-1, keepdim=True)), "a model with probabilities of 1e-14", edge=_RARE),
            Case((q.repeat(1, 2000, 1), p.repeat(1, 2000, 1)), "n = 6000",
                 edge="texts may be long: add up the KLs; an exponential of the sum, or a product, is too large"),
            Case((q.float(), p.float()), "float32", edge=_SINGLE)]


SEQUENCE_KL = Question(
    id="04-4-sequence-kl",
    points=1,
    name="sequence_kl",
    cases=_kl_cases,
    reference=sequence_kl,
    misconceptions=mistakes({
        "the mean over positions; the KL between products is the *sum* of the KLs": lambda q, p: kl(q, p).mean(-1),
        "the mean over positions and states; the KL between products is a plain sum over both":
            lambda q, p: kl(q, p).mean(-1) / q.shape[-1],
        "this is the mean over the batch, the same number for every sequence; each sequence has its own KL":
            lambda q, p: sequence_kl(q, p).mean().expand(len(q)),
        "the mean over the K states; the KL is a sum over states and over positions":
            lambda q, p: sequence_kl(q, p) / q.shape[-1],
        "the arguments are swapped: KL(posterior || model), weighed by the posterior":
            lambda q, p: sequence_kl(p, q),
        "the KLs of the positions are multiplied; the *probabilities* multiply, so the KLs add":
            lambda q, p: kl(q, p).prod(-1),
        "this is the cross-entropy: subtract the posterior's entropy": lambda q, p: cross_entropy(q, p).sum(-1),
        "only the largest position is kept; every position counts": lambda q, p: kl(q, p).amax(-1),
        "this is the KL between the averages over positions; sum the KLs of the positions":
            lambda q, p: kl(q.mean(1), p.mean(1)),
        "the positions are multiplied to one distribution before the KL; the product of distributions is one over "
        "whole sequences": lambda q, p: kl(*(each.log().sum(1).softmax(-1) for each in (q, p))),
        "every position of the posterior meets every position of the model; each meets its own":
            lambda q, p: -(q.sum(1) * p.log().sum(1)).sum(-1) - entropy(q).sum(-1),
        "the distributions are added over positions before the KL":
            lambda q, p: (q.sum(1) * (q.sum(1) / p.sum(1)).log()).sum(-1),
        "logarithm and mean are exchanged, log of the mean of q/p; the KL is the mean, over the posterior, of log(q/p)":
            lambda q, p: (q**2 / p).sum(-1).log().sum(-1),
        "this is in bits; the course computes in nats (natural logarithm)":
            lambda q, p: sequence_kl(q, p) / math.log(2),
        "the sign is off: a KL is never negative": lambda q, p: -sequence_kl(q, p),
        "the terms are not weighed by the posterior": lambda q, p: (q / p).log().sum((-1, -2)),
        "the entropy is added; the KL is the cross-entropy minus the posterior's entropy":
            lambda q, p: (cross_entropy(q, p) + entropy(q)).sum(-1),
        "this is the symmetric sum of both directions; asked is KL(posterior || model)":
            lambda q, p: sequence_kl(q, p) + sequence_kl(p, q),
        "this is the symmetric mean of both directions; asked is KL(posterior || model)":
            lambda q, p: (sequence_kl(q, p) + sequence_kl(p, q)) / 2,
        "the model's probabilities stand where their logarithms belong (kl_div takes model.log())":
            lambda q, p: -(entropy(q) + (q * p).sum(-1)).sum(-1),
        "only the last position is counted: add up all of them": lambda q, p: kl(q, p)[:, -1],
        "only the first position is counted: add up all of them": lambda q, p: kl(q, p)[:, 0],
        "only the likeliest state of the posterior is counted; weigh all states by the posterior":
            lambda q, p: -p.gather(-1, q.argmax(-1, keepdim=True)).log().sum((-1, -2)),
        "the model is put through a softmax; it holds probabilities already":
            lambda q, p: sequence_kl(q, p.softmax(-1)),
        "both are put through a softmax; they are probabilities already":
            lambda q, p: sequence_kl(q.softmax(-1), p.softmax(-1)),
        "this is the difference of the two entropies; in a KL both logarithms are weighed by the posterior":
            lambda q, p: (entropy(p) - entropy(q)).sum(-1),
        "the absolute values of the terms are added; their signs belong to the KL":
            lambda q, p: (q * (q / p).log()).abs().sum((-1, -2)),
    }),
)


# 04-5: one token at a time, in any order

def ordered_nll(denoiser: Callable[[Tensor], Tensor], x0: Tensor, order: list[int], mask_id: int, *,
                seen: Callable[[list[int], int], list[int]] = lambda order, j: order[:j],
                price: Callable[[Tensor], Tensor] = lambda probs: -probs.log().sum()) -> Tensor:
    """The loss; or with other positions that are seen in step j, or another price of the n probabilities."""
    predicted = _predictions(denoiser, x0, order, mask_id, seen=seen)
    return price(predicted[torch.arange(len(order)), order, x0[order]])


def _predictions(denoiser: Callable[[Tensor], Tensor], x0: Tensor, order: list[int], mask_id: int, *,
                 seen: Callable[[list[int], int], list[int]] = lambda order, j: order[:j]) -> Tensor:
    """What is predicted in step j for position i, (n, n, V)."""
    steps = []
    for j in range(len(order)):
        xt = torch.full_like(x0, mask_id)
        xt[seen(order, j)] = x0[seen(order, j)]
        steps.append(denoiser(xt))
    return torch.stack(steps)


class _TableDenoiser(GivenFunction):
    """p(x_0^i | X_t) from a random table over all X_t: consistent with no language, so that every order counts."""

    def __init__(self, generator: torch.Generator, vocab_size: int, length: int, mask_id: int,
                 rare: int | None = None):
        self.table = _random(generator, *(vocab_size + 1,) * length, length, vocab_size)
        if rare is not None:
            self.table[..., rare] = 1e-36
            self.table /= self.table.sum(-1, keepdim=True)
        self.mask_id, self.vocab_size = mask_id, vocab_size

    def __call__(self, xt: Tensor) -> Tensor:
        if xt.shape != self.table.shape[-2:-1]:
            raise ValueError(f"the denoiser takes one text, of shape {tuple(self.table.shape[-2:-1])}, and was called "
                             f"with the shape {tuple(xt.shape)}")
        unknown = xt[(xt != self.mask_id) & ((xt < 0) | (xt >= self.vocab_size))]
        if len(unknown):
            raise ValueError(f"the denoiser was given {int(unknown[0])}, which is neither a symbol nor mask_id")
        state = torch.where(xt == self.mask_id, self.vocab_size, xt).long()
        return self.table[tuple(state)].clone()


class _LongDenoiser(GivenFunction):
    """Another row for every position, whatever is visible: for long texts.

    It refuses what is visible in no step of `order`, so that an answer that tries all orders comes to an end.
    """

    def __init__(self, generator: torch.Generator, order: list[int], vocab_size: int):
        self.rows, self.order = _random(generator, len(order), vocab_size).float(), list(order)

    def __call__(self, xt: Tensor) -> Tensor:
        if xt.shape != self.rows.shape[:1]:
            raise ValueError(f"the denoiser takes one text, of shape {tuple(self.rows.shape[:1])}, and was called with "
                             f"the shape {tuple(xt.shape)}")
        visible = (xt >= 0) & (xt < self.rows.shape[1])
        if not visible[self.order[:int(visible.sum())]].all():
            raise ValueError("the tokens that the denoiser was shown are not the first ones of order")
        return self.rows.clone()


def _order_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 11)
    three, four = _TableDenoiser(generator, 3, 3, 3), _TableDenoiser(generator, 2, 4, 9)
    long = torch.randperm(250, generator=generator).tolist()
    return [Case((three, torch.tensor([2, 0, 1]), [1, 2, 0], 3), "n = 3, order 1, 2, 0"),
            Case((four, torch.tensor([1, 0, 0, 1]), [2, 3, 1, 0], 9), "n = 4, order 2, 3, 1, 0, mask_id = 9"),
            Case((four, torch.tensor([0, 1, 0, 1]), [3, 1, 0, 2], 9), "n = 4, order 3, 1, 0, 2"),
            Case((_TableDenoiser(generator, 2, 5, 2), torch.tensor([1, 1, 0, 1, 0]), [4, 0, 3, 2, 1], 2),
                 "n = 5, order 4, 0, 3, 2, 1"),
            Case((_TableDenoiser(generator, 4, 1, 4), torch.tensor([2]), [0], 4), "n = 1",
                 edge="a single token is predicted from a mask"),
            Case((_TableDenoiser(generator, 3, 3, 3), torch.tensor([2, 0, 1]), [1, 2, 0], 3), "n = 3, another denoiser",
                 edge="the result belongs to the denoiser of this call: keep nothing from the calls before"),
            Case((_TableDenoiser(generator, 4, 3, 4, rare=2), torch.tensor([2, 1, 3]), [1, 0, 2], 4),
                 "a token of probability 1e-36", edge=_RARE),
            Case((_LongDenoiser(generator, long, 60), torch.randint(60, (len(long),), generator=generator), long, 99),
                 f"n = {len(long)}, V = 60, float32",
                 edge="the product of hundreds of probabilities underflows to 0: add up their logarithms")]


def _guess_revealed(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    xt, nll = torch.full_like(x0, mask_id), torch.zeros((), dtype=torch.float64)
    for place in order:
        row = denoiser(xt.clone())[place]
        nll = nll - row[x0[place]].log()
        xt[place] = row.argmax()
    return nll


def _reveal_by_value(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    return ordered_nll(denoiser, x0, order, mask_id, seen=lambda order, j: [
        place for place in range(len(x0)) if x0[place] in x0[order[:j]]])


def _seen(seen: Callable[[list[int], int], list[int]]) -> Callable:
    return slip(ordered_nll, seen=seen)


def _price(price: Callable[[Tensor], Tensor]) -> Callable:
    return slip(ordered_nll, price=price)


ORDERED_NLL = Question(
    id="04-5-ordered-nll",
    points=3,
    name="ordered_nll",
    cases=_order_cases,
    reference=ordered_nll,
    misconceptions=mistakes({
        "the token is revealed *before* it is predicted, so the model is asked for what it sees: predict, then reveal":
            _seen(lambda order, j: order[:j + 1]),
        "nothing is ever revealed: every prediction is made from masks only": _seen(lambda order, j: []),
        "nothing is masked when the denoiser is called: start from masks only, and reveal one token a step":
            _seen(lambda order, j: order),
        "0 is a symbol, not the mask: begin with mask_id everywhere": slip(ordered_nll, mask_id=lambda: 0),
        "the positions are revealed from left to right; follow `order`":
            slip(ordered_nll, order=lambda order: sorted(order)),
        "the positions are revealed in the opposite order: order[0] comes first":
            slip(ordered_nll, order=lambda order: order[::-1]),
        "order[j] is the position that comes in step j; here it is taken for the step in which position j comes":
            slip(ordered_nll, order=lambda order: [order.index(place) for place in range(len(order))]),
        "every token is predicted from *all* the others; in its step only those revealed before are visible":
            _seen(lambda order, j: order[:j] + order[j + 1:]),
        "only the token revealed last is visible; all that were revealed before stay visible":
            _seen(lambda order, j: order[max(j - 1, 0):j]),
        "two tokens are predicted from the same state; look again after each one":
            _seen(lambda order, j: order[:j - j % 2]),
        "order[j] is revealed in step j, but position j is predicted and paid for: it is order[j] for both":
            slip(_predictions, lambda rows, x0: -rows[range(len(x0)), range(len(x0)), x0].log().sum()),
        "order[j] is predicted in step j, but position j is revealed: it is order[j] for both":
            _seen(lambda order, j: list(range(j))),
        "the row is that of order[j], but the token paid for is x0[j]: it is x0[order[j]]":
            slip(_predictions, lambda rows, x0, order: -rows[range(len(x0)), order, x0].log().sum()),
        "every token with the same symbol is revealed at once; reveal the position order[j] alone": _reveal_by_value,
        "the guess is revealed; pay for the true token, and reveal the true token": _guess_revealed,
        "this is the mean over all orders; asked is the one that is given":
            lambda denoiser, x0, order, mask_id: torch.stack([
                ordered_nll(denoiser, x0, list(each), mask_id) for each in itertools.permutations(order)]).mean(),
        "these are the entropies of the rows; pay for the true token, -log of its probability":
            slip(_predictions, lambda rows, order: entropy(rows[range(len(order)), order]).sum()),
        "this is log p; asked is -log p": slip(ordered_nll, lambda nll: -nll),
        "this is the probability; asked is -log of it": slip(ordered_nll, lambda nll: (-nll).exp()),
        "the mean over the tokens; asked is the sum": slip(ordered_nll, lambda nll, x0: nll / len(x0)),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(ordered_nll, lambda nll: nll / math.log(2)),
        "the probabilities are added and no logarithm is taken":
            (_price(lambda probs: probs.sum()), _price(lambda probs: -probs.sum())),
        "one logarithm of the sum of the probabilities; every step has its own logarithm":
            _price(lambda probs: -probs.sum().log()),
        "the first step, from masks only, is not paid for": _price(lambda probs: -probs[1:].log().sum()),
        "the last token is not paid for: there are n steps": _price(lambda probs: -probs[:-1].log().sum()),
        "only the first step is paid for; does the return stand in the loop?": _price(lambda probs: -probs[0].log()),
        "only the last step is paid for; add up all steps": _price(lambda probs: -probs[-1].log()),
        "in every step all masked tokens are paid for; pay for the token of this step only":
            slip(_predictions, lambda rows, x0, order: -sum(
                row[order[j:], x0[order[j:]]].log().sum() for j, row in enumerate(rows))),
        "in every step all tokens are paid for; pay for the token of this step only":
            slip(_predictions, lambda rows, x0: -rows[:, range(len(x0)), x0].log().sum()),
        "the rows are put through a softmax; the denoiser returns probabilities already":
            slip(ordered_nll, denoiser=lambda denoiser: lambda xt: denoiser(xt).softmax(-1)),
        "the likeliest symbol is paid for; pay for the true one, x0[place]":
            slip(_predictions, lambda rows, order: -rows[range(len(order)), order].amax(-1).log().sum()),
    }),
)

QUESTIONS = (FORWARD_LOG_PROB, TOTAL_CORRELATION, BAYES_DENOISER, SEQUENCE_KL, ORDERED_NLL)
