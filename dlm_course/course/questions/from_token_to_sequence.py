"""Topic 04: damage to sequences, total correlation, the Bayes denoiser, a KL over positions, any order of revealing."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import cross_entropy, entropy, kl
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition
from dlm_course.course.questions.question import Case, Misconception, Question
from dlm_course.text.languages import TableLanguage


def _random(generator: torch.Generator, *shape: int, power: float = 2.0) -> Tensor:
    """Positive numbers of this shape that sum to 1 over the last dimension."""
    weights = torch.rand(shape, dtype=torch.float64, generator=generator) ** power + 0.02
    return weights / weights.sum(-1, keepdim=True)


def _joint(generator: torch.Generator, vocab_size: int, length: int) -> Tensor:
    return _random(generator, vocab_size**length, power=6.0).reshape((vocab_size,) * length)


# 04-1: how likely is this damage?

def forward_log_prob(matrix: Tensor, x0: Tensor, xt: Tensor) -> Tensor:
    return matrix[xt, x0].log().sum(-1)


def _forward_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    general = _random(generator, 4, 4).T.contiguous()
    x0, xt = torch.randint(4, (2, 5, 3), generator=generator)
    absorbing = AbsorbingTransition(4, Schedule.linear(4)).cumulative_matrix(1)
    clean = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])
    damaged = torch.tensor([[0, 3, 2, 3], [3, 2, 1, 1]])
    impossible = torch.tensor([[0, 3, 1, 3], [3, 2, 1, 1]])
    return [Case((general, x0, xt), "random Q, K = 4, x0 of shape (5, 3)"),
            Case((general, x0[:, :1], xt[:, :1]), "random Q, K = 4, n = 1"),
            Case((absorbing, clean, damaged), "absorbing, K = 4, x0 of shape (2, 4)"),
            Case((absorbing, clean, impossible), "a visible token that is not the clean one",
                 edge="q(X_t | X_0) is 0 there, its logarithm -infinity, and for the other sequence it is finite"),
            Case((general, x0.reshape(1, -1).repeat(1, 400), xt.reshape(1, -1).repeat(1, 400)), "n = 6000",
                 edge="the product of thousands of probabilities underflows to 0: add up their logarithms")]


FORWARD_LOG_PROB = Question(
    id="04-1-forward-log-prob",
    points=2,
    name="forward_log_prob",
    cases=_forward_cases,
    reference=forward_log_prob,
    misconceptions=(
        Misconception("the indices are exchanged: matrix[i, j] is the probability of i *given* j, so x_t is the row "
                      "and x_0 the column", lambda matrix, x0, xt: forward_log_prob(matrix, xt, x0)),
        Misconception("this is the probability; asked is its logarithm",
                      lambda matrix, x0, xt: forward_log_prob(matrix, x0, xt).exp()),
        Misconception("the indices are exchanged, and the logarithm is missing",
                      lambda matrix, x0, xt: forward_log_prob(matrix, xt, x0).exp()),
        Misconception("the probabilities of the positions are added before the logarithm; independent positions "
                      "multiply, so their logarithms add", lambda matrix, x0, xt: matrix[xt, x0].sum(-1).log()),
        Misconception("the mean over positions; the logarithm of a product is the sum",
                      lambda matrix, x0, xt: matrix[xt, x0].log().mean(-1)),
        Misconception("the logarithm of the mean over positions; independent positions multiply",
                      lambda matrix, x0, xt: matrix[xt, x0].mean(-1).log()),
        Misconception("the probabilities of the positions are added; asked is the sum of their logarithms",
                      lambda matrix, x0, xt: matrix[xt, x0].sum(-1)),
        Misconception("this is -log q; asked is log q", lambda matrix, x0, xt: -forward_log_prob(matrix, x0, xt)),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda matrix, x0, xt: forward_log_prob(matrix, x0, xt) / np.log(2)),
        Misconception("this is to the base 10; the course computes in nats (natural logarithm)",
                      lambda matrix, x0, xt: forward_log_prob(matrix, x0, xt) / np.log(10)),
        Misconception("only positions that changed are counted: staying has a probability too",
                      lambda matrix, x0, xt: (matrix[xt, x0].log() * (xt != x0)).sum(-1)),
        Misconception("only positions that stayed are counted: changing has a probability too",
                      lambda matrix, x0, xt: (matrix[xt, x0].log() * (xt == x0)).sum(-1)),
        Misconception("the matrix is squared or applied twice: it is Q_{1:t} already",
                      lambda matrix, x0, xt: forward_log_prob(matrix @ matrix, x0, xt)),
        Misconception("this uses x_t alone, the sum of its row; pick the entry of the pair (x_t, x_0)",
                      lambda matrix, x0, xt: matrix.sum(1)[xt].log().sum(-1)),
        Misconception("the columns are put through a softmax; they are probabilities already",
                      lambda matrix, x0, xt: forward_log_prob(matrix.softmax(0), x0, xt)),
        Misconception("the rows are normalised, as for x_0 given x_t; asked is x_t given x_0, the entry of the matrix "
                      "as it is",
                      lambda matrix, x0, xt: forward_log_prob(matrix / matrix.sum(1, keepdim=True), x0, xt)),
        Misconception("x_t is not looked at: these are the diagonal entries of x_0; pick the entry of the pair "
                      "(x_t, x_0)", lambda matrix, x0, xt: forward_log_prob(matrix, x0, x0)),
        Misconception("x_0 is not looked at: these are the diagonal entries of x_t; pick the entry of the pair "
                      "(x_t, x_0)", lambda matrix, x0, xt: forward_log_prob(matrix, xt, xt)),
        Misconception("only the last position is counted: add up all of them",
                      lambda matrix, x0, xt: matrix[xt, x0].log()[:, -1]),
        Misconception("only the first position is counted: add up all of them",
                      lambda matrix, x0, xt: matrix[xt, x0].log()[:, 0]),
        Misconception("the result holds NaN: 0 times the logarithm of 0. Pick the entries first, then take logarithms",
                      symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
    ),
)


# 04-2: what the positions know of each other

def _marginals(joint: Tensor) -> list[Tensor]:
    return [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]


def total_correlation(joint: Tensor) -> Tensor:
    return sum(entropy(p) for p in _marginals(joint)) - entropy(joint.flatten())


def _correlation_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 3)
    zeros = _joint(generator, 3, 3)
    zeros[0, 1] = zeros[2, 2, 1] = 0
    return [Case((_joint(generator, 3, 3),), "V = 3, n = 3"), Case((_joint(generator, 4, 2),), "V = 4, n = 2"),
            Case((_joint(generator, 2, 4),), "V = 2, n = 4"),
            Case((zeros / zeros.sum(),), "V = 3, n = 3, some sequences impossible",
                 edge="a term with probability 0 is 0, not NaN"),
            Case((torch.einsum("a,b->ab", *_random(generator, 2, 3)),), "independent positions",
                 edge="independent positions have total correlation 0"),
            Case((_random(generator, 5),), "n = 1", edge="a single position has total correlation 0")]


def _leave_one_out(joint: Tensor) -> Tensor:
    return sum(entropy(joint.sum(i).flatten()) for i in range(joint.ndim))


def _pairwise(joint: Tensor, *, neighbours: bool = False) -> Tensor:
    total = torch.zeros((), dtype=joint.dtype)
    for i, j in itertools.combinations(range(joint.ndim), 2):
        if not neighbours or j == i + 1:
            pair = joint.movedim((i, j), (0, 1)).reshape(len(joint), len(joint), -1).sum(-1)
            total = total + total_correlation(pair)
    return total


def _first_pair(joint: Tensor) -> Tensor:
    return total_correlation(joint.reshape(len(joint), len(joint), -1).sum(-1))


TOTAL_CORRELATION = Question(
    id="04-2-total-correlation",
    points=2,
    name="total_correlation",
    cases=_correlation_cases,
    reference=total_correlation,
    misconceptions=(
        Misconception("the sign is off: it is the sum of the positions' entropies minus the joint one, never negative",
                      lambda joint: -total_correlation(joint)),
        Misconception("this is the sum of the positions' entropies; subtract the entropy of the whole",
                      lambda joint: sum(map(entropy, _marginals(joint)))),
        Misconception("this is the entropy of the whole; asked is how much less that is than the sum over positions",
                      lambda joint: entropy(joint.flatten())),
        Misconception("each marginal sums over its *own* dimension only; the marginal of position i sums over all "
                      "others",
                      lambda joint: _leave_one_out(joint) - entropy(joint.flatten())),
        Misconception("these are sums of mutual informations of pairs; for more than two positions that is another "
                      "number",
                      _pairwise),
        Misconception("only the first two positions are looked at", _first_pair),
        Misconception("every position is given the marginal of the first; each has its own",
                      lambda joint: joint.ndim * entropy(_marginals(joint)[0]) - entropy(joint.flatten())),
        Misconception("every position is given the marginal of the last; each has its own",
                      lambda joint: joint.ndim * entropy(_marginals(joint)[-1]) - entropy(joint.flatten())),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda joint: total_correlation(joint) / np.log(2)),
        Misconception("this is a number per position; asked is that of the whole sequence",
                      lambda joint: total_correlation(joint) / joint.ndim),
        Misconception("the entropies are added, the joint one too; it is to be subtracted",
                      lambda joint: sum(map(entropy, _marginals(joint))) + entropy(joint.flatten())),
        Misconception("the KL's arguments are swapped: it is KL(joint || product of the marginals)",
                      lambda joint: kl(_product(joint).flatten(), joint.flatten())),
        Misconception("this is the dual total correlation, H(X) minus the sum of H(X^i | the others); asked is the sum "
                      "of H(X^i) minus H(X)",
                      lambda joint:
                      _leave_one_out(joint) - (joint.ndim - 1) * entropy(joint.flatten())),
        Misconception("this is the share of the positions' entropies that is common; asked is the amount, in nats",
                      lambda joint: total_correlation(joint) / sum(map(entropy, _marginals(joint)))),
        Misconception("one position is left out of the sum of entropies: all n count",
                      lambda joint: sum(map(entropy, _marginals(joint)[1:])) - entropy(joint.flatten())),
        Misconception("one position is left out of the sum of entropies: all n count",
                      lambda joint: sum(map(entropy, _marginals(joint)[:-1])) - entropy(joint.flatten())),
        Misconception("only three positions are looked at; the table may have any number of dimensions",
                      lambda joint: sum(map(entropy, _marginals(joint)[:3])) - entropy(joint.flatten())),
        Misconception("this is what the first position shares with the rest; the positions of the rest share more",
                      lambda joint: entropy(_marginals(joint)[0]) + entropy(joint.sum(0).flatten())
                      - entropy(joint.flatten())),
        Misconception("these are the mutual informations of neighbours; positions further apart, and three at once, "
                      "share more", lambda joint: _pairwise(joint, neighbours=True)),
        Misconception("n log V stands for the sum of the positions' entropies, as if every symbol were equally likely; "
                      "use the marginals", lambda joint: np.log(joint.numel()) - entropy(joint.flatten())),
        Misconception("this is the mean of the positions' entropies minus the joint one; asked is their sum",
                      lambda joint: sum(map(entropy, _marginals(joint))) / joint.ndim - entropy(joint.flatten())),
        Misconception("the mean of -p log p stands for the entropy; it is their sum", lambda joint: sum(
            entropy(p) / p.numel() for p in _marginals(joint)) - entropy(joint.flatten()) / joint.numel()),
        Misconception("the result is negative, and total correlation never is: is every marginal a distribution, and "
                      "every entropy a sum of -p log p?",
                      symptom=lambda cases, values: any(value < -1e-6 for value in values)),
    ),
)


def _product(joint: Tensor) -> Tensor:
    product = torch.ones((), dtype=joint.dtype)
    for p in _marginals(joint):
        product = product[..., None] * p
    return product


# 04-3: guess like Bayes

def bayes_denoiser(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    language = TableLanguage(joint)
    state = torch.where(xt == mask_id, language.mask_id, xt)
    return language.denoiser(state[None])[0].softmax(-1)[:, :-1]


def _denoiser_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 5)
    three, four = _joint(generator, 3, 3), _joint(generator, 2, 4)
    zeros = _joint(generator, 3, 3)
    zeros[0, 1] = zeros[2, 2, 1] = 0
    return [Case((three, torch.tensor([3, 1, 3]), 3), "V = 3, X_t = mask 1 mask"),
            Case((three, torch.tensor([2, 3, 0]), 3), "V = 3, X_t = 2 mask 0"),
            Case((four, torch.tensor([1, 7, 7, 0]), 7), "V = 2, n = 4, X_t = 1 mask mask 0, mask_id = 7"),
            Case((four, torch.tensor([-1, 0, 1, -1]), -1), "V = 2, n = 4, X_t = mask 0 1 mask, mask_id = -1"),
            Case((three, torch.tensor([3, 3, 3]), 3), "everything masked",
                 edge="with nothing visible the rows are the marginals of the language"),
            Case((three, torch.tensor([2, 0, 1]), 3), "nothing masked",
                 edge="a visible token is certain: its row is one-hot"),
            Case((zeros / zeros.sum(), torch.tensor([0, 3, 3]), 3), "some sequences impossible",
                 edge="symbols that cannot stand there have probability 0, without NaN")]


def _conditioned(joint: Tensor, xt: Tensor, mask_id: int, on: Callable[[int, int], bool]) -> Tensor:
    """Row i conditioned on those visible positions j for which on(i, j)."""
    rows = []
    for i in range(joint.ndim):
        weights = joint
        for j in range(joint.ndim):
            if xt[j] != mask_id and on(i, j):
                keep = torch.zeros(len(joint), dtype=joint.dtype)
                keep[xt[j]] = 1
                weights = weights * keep.reshape([-1 if k == j else 1 for k in range(joint.ndim)])
        row = weights.movedim(i, 0).reshape(len(joint), -1).sum(1)
        rows.append(row / row.sum())
    return torch.stack(rows)


def _unnormalised(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    visible = [int(x) if x != mask_id else slice(None) for x in xt]
    return bayes_denoiser(joint, xt, mask_id) * joint[tuple(visible)].sum()


def _from_single_conditionals(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    """Naive Bayes: the visible tokens taken as independent given x_0^i."""
    rows = []
    for i in range(joint.ndim):
        row = _marginals(joint)[i]
        for j in range(joint.ndim):
            if j != i and xt[j] != mask_id:
                pair = joint.movedim((i, j), (0, 1)).reshape(len(joint), len(joint), -1).sum(-1)
                row = row * pair[:, xt[j]] / pair.sum(1)
        if xt[i] != mask_id:
            row = torch.nn.functional.one_hot(xt[i], len(joint)).to(joint.dtype)
        rows.append(row / row.sum())
    return torch.stack(rows)


def _any_visible(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    agrees = torch.full(joint.shape, bool((xt == mask_id).all()))
    for i in range(joint.ndim):
        if xt[i] != mask_id:
            agrees.movedim(i, 0)[xt[i]] = True
    rows = torch.stack(_marginals(joint * agrees / (joint * agrees).sum()))
    return torch.where((xt == mask_id)[:, None], rows, bayes_denoiser(joint, xt, mask_id))


def _likeliest_of_each(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    for i in range(joint.ndim):
        if xt[i] != mask_id:
            joint = joint * torch.nn.functional.one_hot(xt[i], len(joint)).reshape([-1] + [1] * (joint.ndim - 1 - i))
    rows = torch.stack([joint.movedim(i, 0).reshape(len(joint), -1).amax(1) for i in range(joint.ndim)])
    return rows / rows.sum(-1, keepdim=True)


def _guesses_fed_back(joint: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    xt, rows = xt.clone(), []
    for i in range(joint.ndim):
        rows.append(bayes_denoiser(joint, xt, mask_id)[i])
        xt[i] = rows[i].argmax()
    return torch.stack(rows)


def _masked_rows(cases, values, found: Callable[[np.ndarray, np.ndarray], bool], visible: bool = False) -> bool:
    return all(found(value[place], bayes_denoiser(*case.args).numpy()[place])
               for case, value in zip(cases, values, strict=True)
               for place in [((case.args[1] != case.args[2]) if visible else (case.args[1] == case.args[2])).numpy()])


def _close(value: np.ndarray, target: np.ndarray) -> bool:
    return np.allclose(value, target, rtol=1e-4, atol=1e-6)


BAYES_DENOISER = Question(
    id="04-3-bayes-denoiser",
    points=3,
    name="bayes_denoiser",
    cases=_denoiser_cases,
    reference=bayes_denoiser,
    misconceptions=(
        Misconception("the visible tokens are not looked at: these are the marginals of the language",
                      lambda joint, xt, mask_id: torch.stack(_marginals(joint))),
        Misconception("the masked rows ignore the visible tokens: condition on them",
                      symptom=lambda cases, values: all(
                          _close(value[place], torch.stack(_marginals(case.args[0])).numpy()[place])
                          for case, value in zip(cases, values, strict=True)
                          for place in [(case.args[1] == case.args[2]).numpy()])),
        Misconception("right for masked positions; a visible position must agree with *itself* too, its row is one-hot",
                      lambda joint, xt, mask_id: _conditioned(joint, xt, mask_id, lambda i, j: i != j)),
        Misconception("the rows are not normalised: divide by the probability of the visible tokens", _unnormalised),
        Misconception("only the tokens to the left are looked at; those to the right count as well",
                      lambda joint, xt, mask_id: _conditioned(joint, xt, mask_id, lambda i, j: j <= i)),
        Misconception("only the tokens to the right are looked at; those to the left count as well",
                      lambda joint, xt, mask_id: _conditioned(joint, xt, mask_id, lambda i, j: j >= i)),
        Misconception("only the direct neighbours are looked at; all visible tokens count",
                      lambda joint, xt, mask_id: _conditioned(joint, xt, mask_id, lambda i, j: abs(i - j) <= 1)),
        Misconception("only the first visible token is looked at; all visible tokens count",
                      lambda joint, xt, mask_id: _conditioned(
                          joint, xt, mask_id, lambda i, j: j in (i, int((xt != mask_id).int().argmax())))),
        Misconception("a sequence is kept if it agrees with one visible token; it must agree with all of them",
                      _any_visible),
        Misconception("the visible tokens are combined as if they were independent given x_0^i (naive Bayes); "
                      "condition the joint on all of them at once", _from_single_conditionals),
        Misconception("these are logarithms; asked are the probabilities",
                      lambda joint, xt, mask_id: bayes_denoiser(joint, xt, mask_id).log()),
        Misconception("each row puts everything on the likeliest symbol; the others keep their probabilities",
                      lambda joint, xt, mask_id: torch.nn.functional.one_hot(
                          bayes_denoiser(joint, xt, mask_id).argmax(-1), len(joint)).to(joint.dtype)),
        Misconception("this looks at the single likeliest sequence that fits; sum over all sequences that fit",
                      symptom=lambda cases, values: all(
                          np.isin(value, (0.0, 1.0)).all() and np.allclose(value.sum(-1), 1) for value in values)),
        Misconception("the masked rows are right; the row of a visible token must be one-hot, because it is certain",
                      symptom=lambda cases, values: _masked_rows(cases, values, _close)),
        Misconception("the sequences that fit are counted, not weighed by their probability",
                      lambda joint, xt, mask_id:
                      bayes_denoiser(torch.full_like(joint, 1 / joint.numel()), xt, mask_id)),
        Misconception("the weights are put through a softmax; divide them by their sum",
                      lambda joint, xt, mask_id: _unnormalised(joint, xt, mask_id).softmax(-1)),
        Misconception("the likeliest sequence of each symbol is kept; add up *all* sequences that fit",
                      _likeliest_of_each),
        Misconception("a guess is taken for a visible token in the rows after it; only the tokens of X_t are visible",
                      _guesses_fed_back),
        Misconception("whether a token is masked hangs on its size; mask_id is any number that is no symbol, so "
                      "compare with it", lambda joint, xt, mask_id:
                      bayes_denoiser(joint, torch.where(xt < mask_id, xt, mask_id), mask_id)),
        Misconception("whether a token is masked hangs on its size; mask_id is any number that is no symbol, so "
                      "compare with it", lambda joint, xt, mask_id: bayes_denoiser(
                          joint, torch.where((xt == mask_id) & (xt < 0), len(joint) - 1, xt), mask_id)),
        Misconception("the positions are in the reverse order: dimension i of the table is position i",
                      lambda joint, xt, mask_id: bayes_denoiser(joint, xt, mask_id).flip(0)),
        Misconception("the dimensions of the table are exchanged: dimension i of the table is position i",
                      lambda joint, xt, mask_id: bayes_denoiser(
                          joint.permute(*reversed(range(joint.ndim))), xt, mask_id)),
        Misconception("the result holds NaN: no sequence fits. Is the mask taken for a symbol, or mask_id to be V?",
                      symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
        Misconception("the masked rows are right up to a factor: every row must sum to 1",
                      symptom=lambda cases, values: _masked_rows(cases, values, lambda value, target: bool(
                          (value.sum(-1) > 0).all()) and _close(value / value.sum(-1, keepdims=True), target))),
        Misconception("the rows do not sum to 1: every row is a distribution over the V symbols",
                      symptom=lambda cases, values: any((abs(value.sum(-1) - 1) > 1e-3).any() for value in values)),
    ),
)


# 04-4: one step's loss for a sequence

def sequence_kl(posterior: Tensor, model: Tensor) -> Tensor:
    return kl(posterior, model).sum(-1)


def _kl_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 9)
    q, p = _random(generator, 2, 3, 4), _random(generator, 2, 3, 4)
    chain = AbsorbingTransition(4, Schedule.linear(4))
    posterior = chain.posterior(torch.tensor([[3, 3, 1, 3]]), torch.tensor([[0, 2, 1, 1]]), 3)
    return [Case((q, p), "batch of 2, n = 3, K = 4"),
            Case((_random(generator, 5, 2, 3), _random(generator, 5, 2, 3)), "batch of 5, n = 2, K = 3"),
            Case((q[:, :1], p[:, :1]), "n = 1"),
            Case((posterior, _random(generator, 1, 4, 4)), "a posterior with zeros", edge="a term with q = 0 is 0")]


SEQUENCE_KL = Question(
    id="04-4-sequence-kl",
    points=1,
    name="sequence_kl",
    cases=_kl_cases,
    reference=sequence_kl,
    misconceptions=(
        Misconception("the mean over positions; the KL between products is the *sum* of the KLs",
                      lambda q, p: kl(q, p).mean(-1)),
        Misconception("the mean over positions and states; the KL between products is a plain sum over both",
                      lambda q, p: kl(q, p).mean(-1) / q.shape[-1]),
        Misconception("the mean over the K states; the KL is a sum over states and over positions",
                      lambda q, p: kl(q, p).sum(-1) / q.shape[-1]),
        Misconception("the arguments are swapped: KL(posterior || model), weighed by the posterior",
                      lambda q, p: kl(p, q).sum(-1)),
        Misconception("the KLs of the positions are multiplied; the *probabilities* multiply, so the KLs add",
                      lambda q, p: kl(q, p).prod(-1)),
        Misconception("this is the cross-entropy: subtract the posterior's entropy",
                      lambda q, p: cross_entropy(q, p).sum(-1)),
        Misconception("only the largest position is kept; every position counts", lambda q, p: kl(q, p).amax(-1)),
        Misconception("this is the KL between the averages over positions; sum the KLs of the positions",
                      lambda q, p: kl(q.mean(1), p.mean(1))),
        Misconception("the distributions are added over positions before the KL", lambda q, p: (
            torch.special.xlogy(q.sum(1), q.sum(1)) - torch.special.xlogy(q.sum(1), p.sum(1))).sum(-1)),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda q, p: kl(q, p).sum(-1) / np.log(2)),
        Misconception("the sign is off: a KL is never negative", lambda q, p: -kl(q, p).sum(-1)),
        Misconception("the terms are not weighed by the posterior", lambda q, p: (q / p).log().sum((-1, -2))),
        Misconception("the entropy is added; the KL is the cross-entropy minus the posterior's entropy",
                      lambda q, p: (cross_entropy(q, p) + entropy(q)).sum(-1)),
        Misconception("this is the symmetric sum of both directions; asked is KL(posterior || model)",
                      lambda q, p: (kl(q, p) + kl(p, q)).sum(-1)),
        Misconception("this is the symmetric mean of both directions; asked is KL(posterior || model)",
                      lambda q, p: (kl(q, p) + kl(p, q)).sum(-1) / 2),
        Misconception("the model's probabilities stand where their logarithms belong (kl_div takes model.log())",
                      lambda q, p: -(entropy(q) + (q * p).sum(-1)).sum(-1)),
        Misconception("only the last position is counted: add up all of them", lambda q, p: kl(q, p)[:, -1]),
        Misconception("only the first position is counted: add up all of them", lambda q, p: kl(q, p)[:, 0]),
        Misconception("only the likeliest state of the posterior is counted; weigh all states by the posterior",
                      lambda q, p: -p.gather(-1, q.argmax(-1, keepdim=True)).log().sum((-1, -2))),
        Misconception("the model is put through a softmax; it holds probabilities already",
                      lambda q, p: kl(q, p.softmax(-1)).sum(-1)),
        Misconception("both are put through a softmax; they are probabilities already",
                      lambda q, p: kl(q.softmax(-1), p.softmax(-1)).sum(-1)),
        Misconception("this is the difference of the two entropies; in a KL both logarithms are weighed by the "
                      "posterior", lambda q, p: (entropy(p) - entropy(q)).sum(-1)),
        Misconception("the absolute values of the terms are added; their signs belong to the KL",
                      lambda q, p: (q * (q / p).log()).abs().sum((-1, -2))),
    ),
)


# 04-5: one token at a time, in any order

def ordered_nll(denoiser: Callable[[Tensor], Tensor], x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    return _walk(denoiser, x0, order, mask_id)


def _walk(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int, *, reveal_first: bool = False,
          reveal: bool = True) -> Tensor:
    xt, nll = torch.full_like(x0, mask_id), torch.zeros((), dtype=torch.float64)
    for place in order:
        if reveal_first:
            xt[place] = x0[place]
        nll = nll - denoiser(xt.clone())[place, x0[place]].log()
        if reveal:
            xt[place] = x0[place]
    return nll


class _TableDenoiser:
    """p(x_0^i | X_t) from a random table over all X_t: consistent with no language, so that every order counts."""

    def __init__(self, generator: torch.Generator, vocab_size: int, length: int, mask_id: int):
        self.table = _random(generator, *(vocab_size + 1,) * length, length, vocab_size)
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

    def __deepcopy__(self, memo: dict) -> "_TableDenoiser":
        return self  # a function, as far as the student is concerned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _TableDenoiser) and self.mask_id == other.mask_id and \
            torch.equal(self.table, other.table)

    __hash__ = None


def _order_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 11)
    three, four = _TableDenoiser(generator, 3, 3, 3), _TableDenoiser(generator, 2, 4, 9)
    return [Case((three, torch.tensor([2, 0, 1]), [1, 2, 0], 3), "n = 3, order 1, 2, 0"),
            Case((four, torch.tensor([1, 0, 0, 1]), [2, 3, 1, 0], 9), "n = 4, order 2, 3, 1, 0, mask_id = 9"),
            Case((four, torch.tensor([0, 1, 0, 1]), [3, 1, 0, 2], 9), "n = 4, order 3, 1, 0, 2"),
            Case((_TableDenoiser(generator, 4, 1, 4), torch.tensor([2]), [0], 4), "n = 1",
                 edge="a single token is predicted from a mask")]


def _inverse(order: list[int]) -> list[int]:
    return [order.index(place) for place in range(len(order))]


def _pseudo(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    nll = torch.zeros((), dtype=torch.float64)
    for place in range(len(x0)):
        xt = x0.clone()
        xt[place] = mask_id
        nll = nll - denoiser(xt)[place, x0[place]].log()
    return nll


def _pay_with(denoiser: Callable, x0: Tensor, order: Sequence[int], mask_id: int, *,
              visible: Callable[[int], Sequence[int]]) -> Tensor:
    """The loss where in step j the positions visible(j) can be seen."""
    nll = torch.zeros((), dtype=torch.float64)
    for j, place in enumerate(order):
        xt, seen = torch.full_like(x0, mask_id), list(visible(j))
        xt[seen] = x0[seen]
        nll = nll - denoiser(xt)[place, x0[place]].log()
    return nll


def _guess_revealed(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    xt, nll = torch.full_like(x0, mask_id), torch.zeros((), dtype=torch.float64)
    for place in order:
        row = denoiser(xt.clone())[place]
        nll = nll - row[x0[place]].log()
        xt[place] = row.argmax()
    return nll


ORDERED_NLL = Question(
    id="04-5-ordered-nll",
    points=3,
    name="ordered_nll",
    cases=_order_cases,
    reference=ordered_nll,
    misconceptions=(
        Misconception("the token is revealed *before* it is predicted, so the model is asked for what it sees: "
                      "predict, then reveal", lambda denoiser, x0, order, mask_id:
                      _walk(denoiser, x0, order, mask_id, reveal_first=True)),
        Misconception("nothing is ever revealed: every prediction is made from masks only",
                      lambda denoiser, x0, order, mask_id: _walk(denoiser, x0, order, mask_id, reveal=False)),
        Misconception("nothing is masked when the denoiser is called: start from masks only, and reveal one token a "
                      "step", lambda denoiser, x0, order, mask_id:
                      -denoiser(x0)[range(len(x0)), x0].log().sum()),
        Misconception("0 is a symbol, not the mask: begin with mask_id everywhere",
                      lambda denoiser, x0, order, mask_id: ordered_nll(denoiser, x0, order, 0)),
        Misconception("the positions are revealed from left to right; follow `order`",
                      lambda denoiser, x0, order, mask_id: ordered_nll(denoiser, x0, sorted(order), mask_id)),
        Misconception("the positions are revealed in the opposite order: order[0] comes first",
                      lambda denoiser, x0, order, mask_id: ordered_nll(denoiser, x0, order[::-1], mask_id)),
        Misconception("order[j] is the position that comes in step j; here it is taken for the step in which position "
                      "j comes",
                      lambda denoiser, x0, order, mask_id: ordered_nll(denoiser, x0, _inverse(order), mask_id)),
        Misconception("every token is predicted from *all* the others; in its step only those revealed before are "
                      "visible",
                      _pseudo),
        Misconception("only the token revealed last is visible; all that were revealed before stay visible",
                      lambda denoiser, x0, order, mask_id: _pay_with(
                          denoiser, x0, order, mask_id, visible=lambda j: order[max(j - 1, 0):j])),
        Misconception("two tokens are predicted from the same state; look again after each one",
                      lambda denoiser, x0, order, mask_id: _pay_with(
                          denoiser, x0, order, mask_id, visible=lambda j: order[:j - j % 2])),
        Misconception("order[j] is revealed in step j, but position j is predicted and paid for: it is order[j] for "
                      "both", lambda denoiser, x0, order, mask_id: _pay_with(
                          denoiser, x0, range(len(x0)), mask_id, visible=lambda j: order[:j])),
        Misconception("order[j] is predicted in step j, but position j is revealed: it is order[j] for both",
                      lambda denoiser, x0, order, mask_id: _pay_with(
                          denoiser, x0, order, mask_id, visible=lambda j: range(j))),
        Misconception("the row is that of order[j], but the token paid for is x0[j]: it is x0[order[j]]",
                      lambda denoiser, x0, order, mask_id: -torch.stack(
                          _rows(denoiser, x0, order, mask_id))[range(len(x0)), x0].log().sum()),
        Misconception("the guess is revealed; pay for the true token, and reveal the true token",
                      _guess_revealed),
        Misconception("this is the mean over all orders; asked is the one that is given",
                      lambda denoiser, x0, order, mask_id: torch.stack([
                          ordered_nll(denoiser, x0, list(each), mask_id)
                          for each in itertools.permutations(order)]).mean()),
        Misconception("these are the entropies of the rows; pay for the true token, -log of its probability",
                      lambda denoiser, x0, order, mask_id: entropy(
                          torch.stack(_rows(denoiser, x0, order, mask_id))).sum()),
        Misconception("this is log p; asked is -log p", lambda denoiser, x0, order, mask_id:
                      -ordered_nll(denoiser, x0, order, mask_id)),
        Misconception("this is the probability; asked is -log of it", lambda denoiser, x0, order, mask_id:
                      (-ordered_nll(denoiser, x0, order, mask_id)).exp()),
        Misconception("the mean over the tokens; asked is the sum", lambda denoiser, x0, order, mask_id:
                      ordered_nll(denoiser, x0, order, mask_id) / len(x0)),
        Misconception("this is in bits; the course computes in nats (natural logarithm)", lambda denoiser, x0, order,
                      mask_id: ordered_nll(denoiser, x0, order, mask_id) / np.log(2)),
        Misconception("the probabilities are added and no logarithm is taken", lambda denoiser, x0, order, mask_id:
                      _steps(denoiser, x0, order, mask_id).sum()),
        Misconception("the probabilities are added and no logarithm is taken", lambda denoiser, x0, order, mask_id:
                      -_steps(denoiser, x0, order, mask_id).sum()),
        Misconception("one logarithm of the sum of the probabilities; every step has its own logarithm",
                      lambda denoiser, x0, order, mask_id: -_steps(denoiser, x0, order, mask_id).sum().log()),
        Misconception("the first step, from masks only, is not paid for", lambda denoiser, x0, order, mask_id:
                      -_steps(denoiser, x0, order, mask_id)[1:].log().sum()),
        Misconception("the last token is not paid for: there are n steps", lambda denoiser, x0, order, mask_id:
                      -_steps(denoiser, x0, order, mask_id)[:-1].log().sum()),
        Misconception("only the first step is paid for; does the return stand in the loop?", lambda denoiser, x0,
                      order, mask_id: -_steps(denoiser, x0, order, mask_id)[0].log()),
        Misconception("only the last step is paid for; add up all steps", lambda denoiser, x0, order, mask_id:
                      -_steps(denoiser, x0, order, mask_id)[-1].log()),
        Misconception("in every step all masked tokens are paid for; pay for the token of this step only",
                      lambda denoiser, x0, order, mask_id: _pay(denoiser, x0, order, mask_id, masked=True)),
        Misconception("in every step all tokens are paid for; pay for the token of this step only",
                      lambda denoiser, x0, order, mask_id: _pay(denoiser, x0, order, mask_id, masked=False)),
        Misconception("the rows are put through a softmax; the denoiser returns probabilities already",
                      lambda denoiser, x0, order, mask_id: ordered_nll(
                          lambda xt: denoiser(xt).softmax(-1), x0, order, mask_id)),
        Misconception("the likeliest symbol is paid for; pay for the true one, x0[place]", lambda denoiser, x0, order,
                      mask_id: -torch.stack([row.max() for row in _rows(denoiser, x0, order, mask_id)]).log().sum()),
    ),
)


def _rows(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> list[Tensor]:
    """What is predicted in each step for the position of that step, (V,) each."""
    xt, rows = torch.full_like(x0, mask_id), []
    for place in order:
        rows.append(denoiser(xt.clone())[place])
        xt[place] = x0[place]
    return rows


def _steps(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int) -> Tensor:
    rows = _rows(denoiser, x0, order, mask_id)
    return torch.stack([row[x0[place]] for row, place in zip(rows, order, strict=True)])


def _pay(denoiser: Callable, x0: Tensor, order: list[int], mask_id: int, *, masked: bool) -> Tensor:
    xt, nll = torch.full_like(x0, mask_id), torch.zeros((), dtype=torch.float64)
    for place in order:
        log_probs = denoiser(xt.clone()).log().gather(-1, x0[:, None]).squeeze(-1)
        nll = nll - (log_probs[xt == mask_id] if masked else log_probs).sum()
        xt[place] = x0[place]
    return nll


QUESTIONS = (FORWARD_LOG_PROB, TOTAL_CORRELATION, BAYES_DENOISER, SEQUENCE_KL, ORDERED_NLL)
