"""Topic 07: masks for a batch, the loss of a step, a paired comparison, the loop."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Question

# 07-1: masks for a batch

_ROWS, _LENGTH = 6000, 4
_WIDE_ROWS, _STEPS = 100, 4    # texts so long that a piece holds several k: there the numbers u in the pieces show
_PATTERNS = list(itertools.product((0, 1), repeat=_LENGTH))


def corrupt(x0: Tensor, mask_id: int, generator: torch.Generator) -> Tensor:
    batch_size, length = x0.shape
    piece = torch.randperm(batch_size, generator=generator)
    u = 1 - (piece + torch.rand(batch_size, generator=generator)) / batch_size
    shuffled = torch.rand(x0.shape, generator=generator).argsort(-1)
    return torch.where(shuffled < (u * length).ceil().clamp(min=1)[:, None], mask_id, x0)


def _law(of_count: Callable[[int], float], of_set: Callable[[tuple], float] | None = None) -> Callable:
    """The probability of every pattern: that of its number of masks, times that of the set given the number."""
    of_set = of_set or (lambda pattern: 1 / math.comb(_LENGTH, sum(pattern)))
    law = [of_count(sum(pattern)) * of_set(pattern) for pattern in _PATTERNS]
    return lambda x0, mask_id: torch.tensor(law if x0.shape[1] == _LENGTH else [1 / _STEPS] * _STEPS,
                                            dtype=torch.float64)


def _distinct(number: int) -> float:
    """The probability of so many positions where k of them, k ~ U{1..n}, are drawn with replacement."""
    draws = [list(itertools.product(range(_LENGTH), repeat=k)) for k in range(1, _LENGTH + 1)]
    return sum(sum(len(set(places)) == number for places in drawn) / len(drawn) for drawn in draws) / _LENGTH


def _pattern_frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    x0, mask_id = case.args
    masked = xt == mask_id
    if (xt[~masked] != x0.numpy()[~masked]).any():
        raise ValueError("wrong value: a token that is not masked must stay what it is")
    if x0.shape[1] != _LENGTH:
        return np.bincount((masked.sum(1) - 1) % _STEPS, minlength=_STEPS) / len(xt)
    return np.bincount(masked.astype(int) @ (2 ** np.arange(_LENGTH)[::-1]), minlength=2**_LENGTH) / len(xt)


def _masks(cases: list[Case], values: list) -> list[np.ndarray]:
    return [value == case.args[1] for case, value in zip(cases, values, strict=True) if value.shape[1] == _LENGTH]


def _counts(cases: list[Case], values: list) -> list[np.ndarray]:
    return [masked.sum(1) for masked in _masks(cases, values)]


def _every(test: Callable[[np.ndarray], bool]) -> Callable:
    return lambda cases, values: all(test(counts) for counts in _counts(cases, values))


def _in_shares(*shares: float) -> Callable:
    """A test whether 0, 1, ..., n masks come up in these shares of the texts, to within one as strata allow."""
    return lambda counts: bool((np.abs(np.bincount(counts, minlength=_LENGTH + 1) - _ROWS * np.array(shares)) <= 1.5)
                               .all())


_even = _in_shares(0, *[1 / _LENGTH] * _LENGTH)


def _changed(case: Case, value: np.ndarray) -> np.ndarray:
    return (value != case.args[1]) & (value != case.args[0].numpy())


def _same_order(cases: list[Case], values: list) -> bool:
    """True if texts get about the same k whatever the seed: of 0, 1 and 3 the last two differ."""
    first, other, _ = (_counts(cases, values)[i] for i in (0, 2, 3))
    return bool(min(first.std(), other.std()) > 0 and abs(np.corrcoef(first, other)[0, 1]) > 0.1)


def _one_place(cases: list[Case], values: list) -> bool:
    """True if in every wide case all u lie at one place of their pieces, or at two k where one is rounded."""
    places = [((value == case.args[1]).sum(1) - 1) % _STEPS for case, value in zip(cases, values, strict=True)
              if value.shape[1] != _LENGTH]
    return all(len(set(place.tolist())) <= 2 for place in places)


def _dependent(cases: list[Case], values: list) -> bool:
    """True if the masks of one text tell of those of another, at the same positions or at shifted ones."""
    return any(abs(score) > 6 for masked in _masks(cases, values) for score in _scores(masked))


def _scores(masked: np.ndarray) -> list[float]:
    """Covariances between the masks of texts b and b + lag, about standard normal where these are independent."""
    counts, centred = masked.sum(1), masked.astype(float)
    for k in set(counts.tolist()):
        centred[counts == k] -= centred[counts == k].mean(0)
    scores = []
    for lag in (1, 2, 3, 4, len(centred) // 2):
        for shift in range(_LENGTH):
            products = (centred[:-lag] * np.roll(centred[lag:], shift, axis=1)).sum(1)
            scores.append(products.sum() / max(float(np.sqrt((products**2).sum())), 1e-12))
    return scores


def _follows_the_rows(counts: np.ndarray) -> bool:
    """True if the counts go with the row, or with those of the row before, as where the pieces are only rolled."""
    rows = np.arange(_ROWS)
    return bool(counts.std() > 0 and max(abs(np.corrcoef(counts, other)[0, 1])
                                         for other in (rows, np.roll(counts, 1))) > 0.1)


def _corrupt_cases(seed: int) -> list[Case]:
    x0 = torch.randint(5, (_ROWS, _LENGTH), generator=torch.Generator().manual_seed(seed))
    wide = x0.flatten().repeat(2)[:_WIDE_ROWS * _WIDE_ROWS * _STEPS].reshape(_WIDE_ROWS, -1)
    label = "x0 of shape (6000, 4)"
    return [Case((x0, 5), label, seed + 31), Case((x0, 5), label, seed + 31), Case((x0, 5), label, seed + 32),
            Case((x0 + 1, 0), label + ", mask_id = 0", seed + 33),
            *[Case((wide, 5), f"x0 of shape {tuple(wide.shape)}", seed + 34)] * 2]


CORRUPT = Question(
    id="07-1-corrupt",
    points=3,
    name="corrupt",
    cases=_corrupt_cases,
    reference=_law(lambda k: (k > 0) / _LENGTH),
    stand_in=corrupt,
    view=_pattern_frequencies,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / len(case.args[0])) + 1e-9,
    misconceptions=(
        Misconception("nothing is masked", symptom=lambda cases, values: all(
            (value == case.args[0].numpy()).all() for case, value in zip(cases, values, strict=True))),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True, symptom=lambda cases, values:
                      (values[0] != values[1]).any() or (values[4] != values[5]).any()),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("the mask is taken for another state; use mask_id", symptom=lambda cases, values: any(
            _changed(case, value).any() and not (value == case.args[1]).any()
            for case, value in zip(cases, values, strict=True))),
        Misconception("tokens or whole texts have changed places: one that is not masked must stay what and where it "
                      "is; only the pieces are shuffled", symptom=lambda cases, values: all(
                          _changed(case, value).any() for case, value in zip(cases, values, strict=True))),
        Misconception("all texts have the same number of masks; each draws its own k", symptom=_every(
            lambda counts: counts.std() == 0)),
        Misconception("u n is rounded to the nearest number, so that k = 0 occurs; round up, with ceil",
                      symptom=_every(_in_shares(1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8))),
        Misconception("k = 0 occurs, and k = n does not: ceil(u n) of a u in (0, 1] is at least 1, a text without "
                      "masks teaches nothing. Is u n rounded down, or are there k *visible* positions?",
                      symptom=_every(lambda counts: (counts == 0).mean() > 0.1 and (counts == _LENGTH).mean() < 0.05)),
        Misconception("k = 0 occurs, as with coins at a rate, or with a k from 0..n; mask *exactly* k = ceil(u n) "
                      "positions, at least 1", symptom=_every(lambda counts: (counts == 0).any())),
        Misconception("k = n never occurs: ceil(u n) goes up to n",
                      symptom=_every(lambda counts: counts.max() < _LENGTH)),
        Misconception("one mask too many: k = 1 never occurs", symptom=_every(lambda counts: counts.min() > 1)),
        Misconception("fewer than k positions are masked: they are drawn with replacement, some of them twice",
                      _law(_distinct)),
        Misconception("the pieces are dealt in order: early texts of the batch get few masks, late ones many, or the "
                      "other way round. Deal them in random order (torch.randperm)",
                      always=True, symptom=_every(_follows_the_rows)),
        Misconception("the pieces are dealt in one order, whatever the generator's seed; shuffle them with it",
                      always=True, symptom=_same_order),
        Misconception("the numbers of masks are not stratified: with one u in each of B equal pieces every k comes up "
                      "equally often, to within one. Are they drawn independently?",
                      always=True, symptom=_every(lambda counts: not _even(counts))),
        Misconception("all u lie at one place of their pieces, an end, the middle, or one number for all; take one "
                      "uniform number from each piece", symptom=_one_place),
        Misconception("the first k positions are masked, always; draw a random set", symptom=lambda cases, values: all(
            (masked[:, :-1] >= masked[:, 1:]).all() for masked in _masks(cases, values))),
        Misconception("the last k positions are masked, always; draw a random set", symptom=lambda cases, values: all(
            (masked[:, :-1] <= masked[:, 1:]).all() for masked in _masks(cases, values))),
        Misconception("texts with the same k have the same positions masked; every text draws its own set",
                      symptom=lambda cases, values: all(
                          (masked[masked.sum(1) == 2] == masked[masked.sum(1) == 2][:1]).all()
                          for masked in _masks(cases, values))),
        Misconception("the masks of one text tell of those of another: every text draws its own set, independently",
                      always=True, symptom=_dependent),
        Misconception("the numbers of masks are right, but not all sets of k positions are equally likely",
                      symptom=_every(_even)),
    ),
)


# 07-2: the loss

def mdlm_loss(logits: Tensor, x0: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    return _weighted(logits, x0, xt, mask_id)


def _without_mask(logits: Tensor, mask_id: int) -> Tensor:
    return torch.where(torch.arange(logits.shape[-1]) == mask_id, -torch.inf, logits)


def _each(logits: Tensor, states: Tensor) -> Tensor:
    return -logits.log_softmax(-1).gather(-1, states[..., None]).squeeze(-1)


def _weighted(logits: Tensor, x0: Tensor, xt: Tensor, mask_id: int, *, exclude: bool = True,
              weight: Callable[[int, Tensor], Tensor] | None = None, where: Callable | None = None,
              states: Tensor | None = None) -> Tensor:
    """The loss, or what a mistake makes of the logits, of the weight (n, k), or of the tokens that are counted."""
    masked = xt == mask_id
    losses = _each(_without_mask(logits, mask_id) if exclude else logits, x0 if states is None else states)
    counted = masked if where is None else where(masked)
    weight = weight or (lambda n, k: n / k)
    return weight(xt.shape[1], masked.sum(-1)) * torch.where(counted, losses, 0.0).sum(-1)


def _all(masked: Tensor) -> Tensor:
    return torch.ones_like(masked)


def _loss_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(3, 6, 5, dtype=torch.float64, generator=generator)
    x0 = torch.randint(4, (3, 6), generator=generator)
    hidden = torch.tensor([[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 1]]) == 1
    return [Case((logits, x0, torch.where(hidden, 4, x0), 4), "batch of 3, n = 6, K = 5, the mask last"),
            Case((logits, x0 + 1, torch.where(hidden, 0, x0 + 1), 0), "batch of 3, n = 6, K = 5, mask_id = 0"),
            Case((logits[1:2], x0[1:2], torch.where(hidden[1:2], 4, x0[1:2]), 4), "a single text"),
            Case((logits, x0, torch.full_like(x0, 4), 4), "all tokens masked")]


MDLM_LOSS = Question(
    id="07-2-mdlm-loss",
    points=2,
    name="mdlm_loss",
    cases=_loss_cases,
    reference=mdlm_loss,
    misconceptions=(
        Misconception("the mask keeps its mass: exclude its logit (-inf) before the softmax",
                      lambda logits, x0, xt, mask_id: _weighted(logits, x0, xt, mask_id, exclude=False)),
        Misconception("all tokens are counted; only masked ones pay",
                      lambda logits, x0, xt, mask_id: _weighted(logits, x0, xt, mask_id, where=_all)),
        Misconception("all tokens are counted, and the mask keeps its mass", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, where=_all, exclude=False)),
        Misconception("all tokens are counted, with equal weights: this is no masked loss",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, where=_all, weight=lambda n, k: torch.ones(()))),
        Misconception("the *visible* tokens are counted; the masked ones pay",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, where=torch.logical_not)),
        Misconception("the weight n/k is missing: this is the plain sum",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: torch.ones(()))),
        Misconception("this is the mean over masked tokens, nats a *token*; the loss of a text is n times that",
                      lambda logits, x0, xt, mask_id: _weighted(logits, x0, xt, mask_id, weight=lambda n, k: 1 / k)),
        Misconception("this is the mean over masked tokens, and the mask keeps its mass",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: 1 / k, exclude=False)),
        Misconception("divided by n; the weight is n/k", lambda logits, x0, xt, mask_id: _weighted(
            logits, x0, xt, mask_id, weight=lambda n, k: torch.tensor(1 / n))),
        Misconception("the weight is k/n; it is n/k: few masks count much", lambda logits, x0, xt, mask_id: _weighted(
            logits, x0, xt, mask_id, weight=lambda n, k: k / n)),
        Misconception("n/k times the *mean* over masked tokens: k is divided by twice",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: n / k**2)),
        Misconception("the weight is n; it is n/k, divided by the number of masks", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, weight=lambda n, k: torch.tensor(n))),
        Misconception("k counts the masks of the whole batch; each text has its own",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: n / k.sum())),
        Misconception("the k of the first text serves the whole batch; each text has its own",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: n / k[:1])),
        Misconception("k counts the *visible* tokens; it is the number of masks", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, weight=lambda n, k: n / (n - k).clamp(min=1))),
        Misconception("the weight is n/(k + 1); it is n/k, and k is never 0",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: n / (k + 1))),
        Misconception("the size of the batch, B, is taken for n, the length of a text", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, weight=lambda n, k: len(k) / k)),
        Misconception("the number of states, K, is taken for n, the length of a text", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, weight=lambda n, k: logits.shape[-1] / k)),
        Misconception("the sign is off: the loss is -log p, never negative",
                      lambda logits, x0, xt, mask_id: -mdlm_loss(logits, x0, xt, mask_id)),
        Misconception("x_t is scored, which is the mask; score the true token, x_0",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, states=xt, exclude=False)),
        Misconception("the logits are taken for log-probabilities: a log_softmax is missing",
                      lambda logits, x0, xt, mask_id: (xt.shape[1] / (xt == mask_id).sum(-1)) * torch.where(
                          xt == mask_id, -logits.gather(-1, x0[..., None]).squeeze(-1), 0.0).sum(-1)),
        Misconception("one k serves the whole batch; each text has its own",
                      lambda logits, x0, xt, mask_id: _weighted(
                          logits, x0, xt, mask_id, weight=lambda n, k: n / k.double().mean())),
        Misconception("the softmax runs over the positions; it belongs over the states, the last dimension",
                      lambda logits, x0, xt, mask_id: (xt.shape[1] / (xt == mask_id).sum(-1)) * torch.where(
                          xt == mask_id, -_without_mask(logits, mask_id).log_softmax(1).gather(
                              -1, x0[..., None]).squeeze(-1), 0.0).sum(-1)),
        Misconception("the softmax runs over the batch; it belongs over the states, the last dimension",
                      lambda logits, x0, xt, mask_id: (xt.shape[1] / (xt == mask_id).sum(-1)) * torch.where(
                          xt == mask_id, -_without_mask(logits, mask_id).log_softmax(0).gather(
                              -1, x0[..., None]).squeeze(-1), 0.0).sum(-1)),
        Misconception("the probability is taken for its logarithm", lambda logits, x0, xt, mask_id: (
            xt.shape[1] / (xt == mask_id).sum(-1)) * torch.where(
                xt == mask_id, -(-_each(_without_mask(logits, mask_id), x0)).exp(), 0.0).sum(-1)),
        Misconception("this is in bits; asked are nats", lambda logits, x0, xt, mask_id:
                      mdlm_loss(logits, x0, xt, mask_id) / math.log(2)),
        Misconception("the likeliest token is scored; score the true one, x_0", lambda logits, x0, xt, mask_id:
                      _weighted(logits, x0, xt, mask_id, states=_without_mask(logits, mask_id).argmax(-1))),
        Misconception("these are 1 - p, not -log p", lambda logits, x0, xt, mask_id: (
            xt.shape[1] / (xt == mask_id).sum(-1)) * torch.where(
                xt == mask_id, 1 - (-_each(_without_mask(logits, mask_id), x0)).exp(), 0.0).sum(-1)),
        Misconception("the mask's logit is set to 0, which is no probability of 0; set it to -inf",
                      lambda logits, x0, xt, mask_id: _weighted(
                          torch.where(torch.arange(logits.shape[-1]) == mask_id, 0.0, logits), x0, xt, mask_id,
                          exclude=False)),
        Misconception("the mask is taken for the last state; use mask_id", symptom=lambda cases, values: np.allclose(
            values[0], mdlm_loss(*cases[0].args).numpy(), rtol=1e-4) and not np.allclose(
                values[1], mdlm_loss(*cases[1].args).numpy(), rtol=1e-4)),
        Misconception("the result is not finite: does a -inf meet a 0 (0 times -inf is NaN; select with gather or "
                      "torch.where), or is x_t scored, whose mask has -inf?",
                      symptom=lambda cases, values: not all(np.isfinite(value).all() for value in values)),
    ),
)


# 07-3: who is better?

def paired_difference(ours: Tensor, theirs: Tensor) -> Tensor:
    return _summary(ours - theirs)


def _summary(values: Tensor, *, correction: int = 1) -> Tensor:
    return torch.stack([values.mean(), values.std(correction=correction) / len(values) ** 0.5])


def _second(ours: Tensor, theirs: Tensor, error: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([(ours - theirs).mean(), error(ours - theirs)])


def _paired_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    common, few = (torch.randn(size, dtype=torch.float64, generator=generator) for size in (40, 5))
    noise, other = (torch.randn(size, dtype=torch.float64, generator=generator) for size in (40, 5))
    two = torch.tensor([[1.0, 2.5], [1.5, 1.0]], dtype=torch.float64)
    return [Case((2 + common, 1.7 + common + 0.1 * noise), "N = 40"), Case((few + 1, 0.5 * few + other), "N = 5"),
            Case((two[1], two[0]), "N = 2")]


PAIRED_DIFFERENCE = Question(
    id="07-3-paired-difference",
    points=2,
    name="paired_difference",
    cases=_paired_cases,
    reference=paired_difference,
    misconceptions=(
        Misconception("the standard error treats the two as independent: subtract first, text by text, so that what "
                      "they share cancels", lambda ours, theirs: torch.stack(
                          [(ours - theirs).mean(), ((ours.var() + theirs.var()) / len(ours)).sqrt()])),
        Misconception("the difference of two standard errors is no standard error of the difference: subtract first",

                      lambda ours, theirs: _summary(ours) - _summary(theirs)),
        Misconception("the sum of the two standard errors is no standard error of the difference: subtract first",
                      lambda ours, theirs: torch.stack(
                          [(ours - theirs).mean(), _summary(ours)[1] + _summary(theirs)[1]])),
        Misconception("this is the standard deviation; the standard error of a mean is that over sqrt(N)",
                      lambda ours, theirs: _second(ours, theirs, lambda d: d.std())),
        Misconception("the standard deviation is divided by N; it is by sqrt(N)",
                      lambda ours, theirs: _second(ours, theirs, lambda d: d.std() / len(d))),
        Misconception("this is the variance over N; take the root", lambda ours, theirs:
                      _second(ours, theirs, lambda d: d.var() / len(d))),
        Misconception("this is the variance of the differences", lambda ours, theirs:
                      _second(ours, theirs, lambda d: d.var())),
        Misconception("the variance divides by N here; by N - 1, because the mean is estimated from the same texts",
                      lambda ours, theirs: _summary(ours - theirs, correction=0)),
        Misconception("divided by sqrt(N - 1): the standard deviation has N - 1 in it already, the mean has N",
                      lambda ours, theirs: _second(ours, theirs, lambda d: d.std() / (len(d) - 1) ** 0.5)),
        Misconception("the difference is theirs minus ours; asked is ours minus theirs",
                      lambda ours, theirs: paired_difference(theirs, ours)),
        Misconception("the absolute differences are averaged; the sign of each counts",
                      lambda ours, theirs: _summary((ours - theirs).abs())),
        Misconception("the standard error comes first here; asked is the mean, then the standard error",
                      lambda ours, theirs: paired_difference(ours, theirs).flip(0)),
        Misconception("this is the sum of the differences; asked is their mean", lambda ours, theirs: torch.stack(
            [(ours - theirs).sum(), paired_difference(ours, theirs)[1]])),
        Misconception("this is the sum of the differences, and the standard error of the sum", lambda ours, theirs:
                      len(ours) * paired_difference(ours, theirs)),
        Misconception("the median of the differences; asked is their mean", lambda ours, theirs: torch.stack(
            [(ours - theirs).quantile(0.5), paired_difference(ours, theirs)[1]])),
        Misconception("the *lower* median of the differences; asked is their mean", lambda ours, theirs: torch.stack(
            [(ours - theirs).median(), paired_difference(ours, theirs)[1]])),
        Misconception("the mean has lost its sign: it is negative where ours is better", lambda ours, theirs:
                      paired_difference(ours, theirs).abs()),
        Misconception("the standard error is that of our losses alone; it is that of the differences",
                      lambda ours, theirs: torch.stack([(ours - theirs).mean(), _summary(ours)[1]])),
        Misconception("this is the mean of our losses; asked is that of the differences, ours minus theirs",
                      lambda ours, theirs: torch.stack([ours.mean(), _summary(ours - theirs)[1]])),
        Misconception("this is the variance over sqrt(N); take the standard deviation, the root of the variance",
                      lambda ours, theirs: _second(ours, theirs, lambda d: d.var() / len(d) ** 0.5)),
        Misconception("the standard deviation is multiplied by sqrt(N); divide",
                      lambda ours, theirs: _second(ours, theirs, lambda d: d.std() * len(d) ** 0.5)),
        Misconception("the squares are those of the differences; subtract their mean first: d_i - mean(d)",
                      lambda ours, theirs: _second(ours, theirs, lambda d: (
                          d.square().sum() / (len(d) - 1) / len(d)).sqrt())),
        Misconception("both are sorted before they are subtracted, which breaks the pairs: each difference is of the "
                      "same text", lambda ours, theirs: _summary(ours.sort().values - theirs.sort().values)),
        Misconception("this looks at our losses alone", lambda ours, theirs: _summary(ours)),
        Misconception("this is the mean over its standard error; the two were asked for", lambda ours, theirs:
                      paired_difference(ours, theirs)[0] / paired_difference(ours, theirs).flip(0)),
        Misconception("this is half the width of a 95 % interval, 1.96 standard errors; asked is one",
                      lambda ours, theirs: paired_difference(ours, theirs) * torch.tensor([1.0, 1.96]).double()),
    ),
)


# 07-4: the loop

@dataclass(frozen=True)
class _Quartic:
    """A loss whose gradient depends on the weights, so that the place of every step counts; not symmetric."""

    power: int = 4

    def __call__(self, weights: Tensor, batch: Tensor) -> Tensor:
        return ((1.1 * weights - batch) ** self.power).mean()


def descend(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    return _path(loss_of, weights, batches, learning_rate)


def _gradient(loss_of: Callable, weights: Tensor, batch: Tensor) -> Tensor:
    variable = weights.clone().requires_grad_()
    return torch.autograd.grad(loss_of(variable, batch), variable)[0]


def _path(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float, *, memory: float = 0.0,
          sign: float = -1.0) -> Tensor:
    """Gradient descent whose gradients are remembered by a factor: 0 forgets, 1 adds all of them up."""
    total = torch.zeros_like(weights)
    for batch in batches:
        total = memory * total + _gradient(loss_of, weights, batch)
        weights = weights + sign * learning_rate * total
    return weights


def _descend_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    batches = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    weights = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    return [Case((_Quartic(), weights, batches, 0.03), "four batches, learning_rate = 0.03"),
            Case((_Quartic(2), torch.ones(2, 3, dtype=torch.float64), batches[:3], 0.4), "weights of shape (2, 3)"),
            Case((_Quartic(), weights, batches[:2], 0.05), "two batches, learning_rate = 0.05"),
            Case((_Quartic(), weights, batches[:0], 0.1), "no batches",
                 edge="without a step the weights are those that were given")]


DESCEND = Question(
    id="07-4-descend",
    points=3,
    name="descend",
    cases=_descend_cases,
    reference=descend,
    misconceptions=(
        Misconception("the gradients add up from step to step: set them to zero before every backward (or use "
                      "torch.autograd.grad)", lambda loss_of, weights, batches, learning_rate:
                      _path(loss_of, weights, batches, learning_rate, memory=1.0)),
        Misconception("the steps go uphill: subtract the gradient", lambda loss_of, weights, batches, learning_rate:
                      _path(loss_of, weights, batches, learning_rate, sign=1.0)),
        Misconception("the learning rate is not used", lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches, 1.0)),
        Misconception("all gradients are taken at the first weights; each step starts from where the last one ended",
                      lambda loss_of, weights, batches, learning_rate: weights - learning_rate * sum(
                          _gradient(loss_of, weights, batch) for batch in batches)),
        Misconception("one step on the average gradient; take one step for each batch",
                      lambda loss_of, weights, batches, learning_rate: weights - learning_rate * sum(
                          _gradient(loss_of, weights, batch) for batch in batches) / len(batches)),
        Misconception("only the last batch makes a step", lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches[-1:], learning_rate)),
        Misconception("only the first batch makes a step: is a return inside the loop?",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches[:1], learning_rate)),
        Misconception("the last batch makes no step", lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches[:-1], learning_rate)),
        Misconception("the first batch makes no step", lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches[1:], learning_rate)),
        Misconception("the batches come in the reverse order", lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches.flip(0), learning_rate)),
        Misconception("the weights are returned as they were given: no step is taken, or its result is lost",
                      lambda loss_of, weights, batches, learning_rate: weights),
        Misconception("the step is divided by the number of batches; every batch makes a whole step",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches, learning_rate / len(batches))),
        Misconception("only the sign of the gradient is used", lambda loss_of, weights, batches, learning_rate:
                      _signed(loss_of, weights, batches, learning_rate)),
        Misconception("this is the change of the weights; asked are the weights",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches, learning_rate) - weights),
        Misconception("this is the last gradient; asked are the weights", lambda loss_of, weights, batches,
                      learning_rate: _gradient(loss_of, descend(loss_of, weights, batches[:-1], learning_rate),
                                               batches[-1])),
        Misconception("the batch is given as the weights: loss_of takes the weights first",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(lambda w, batch: loss_of(batch, w), weights, batches, learning_rate)),
        Misconception("every step uses the first batch; each batch makes one", lambda loss_of, weights, batches,
                      learning_rate: descend(loss_of, weights, batches[:1].expand_as(batches), learning_rate)),
        Misconception("every batch makes two steps; take one step for each",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, batches.repeat_interleave(2, 0), learning_rate)),
        Misconception("the loop goes twice through the batches; once is asked",
                      lambda loss_of, weights, batches, learning_rate:
                      descend(loss_of, weights, torch.cat([batches, batches]), learning_rate)),
        Misconception("this is an average of the weights; asked are the last ones",
                      lambda loss_of, weights, batches, learning_rate: torch.stack(
                          [descend(loss_of, weights, batches[:s], learning_rate) for s in range(len(batches) + 1)]
                      ).mean(0)),
        Misconception("this is the average of the weights after each step; asked are the last ones",
                      lambda loss_of, weights, batches, learning_rate: torch.stack(
                          [descend(loss_of, weights, batches[:s + 1], learning_rate) for s in range(len(batches))]
                      ).mean(0)),
        Misconception("the steps have momentum; plain gradient descent is asked",
                      lambda loss_of, weights, batches, learning_rate:
                      _path(loss_of, weights, batches, learning_rate, memory=0.9)),
        Misconception("these are the steps of Adam; plain gradient descent is asked: the learning rate times the "
                      "gradient", lambda loss_of, weights, batches, learning_rate:
                      _adam(loss_of, weights, batches, learning_rate)),
        Misconception("the learning rate is a number of your own; use learning_rate", symptom=lambda cases, values: any(
            all(np.allclose(value, descend(*case.args[:3], rate), rtol=1e-4)
                for case, value in zip(cases, values, strict=True)) for rate in (1e-3, 1e-2, 0.02, 0.03, 0.05, 0.1))),
        Misconception("the weights diverge: is the gradient subtracted, times the learning rate?",
                      symptom=lambda cases, values: any(
                          not np.isfinite(value).all() or np.abs(value).max() > 1e3 for value in values)),
    ),
)


def _signed(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    for batch in batches:
        weights = weights - learning_rate * _gradient(loss_of, weights, batch).sign()
    return weights


def _adam(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    variable = weights.clone().requires_grad_()
    optimizer = torch.optim.Adam([variable], lr=learning_rate)
    for batch in batches:
        variable.grad = _gradient(loss_of, variable.detach(), batch)
        optimizer.step()
    return variable.detach()


QUESTIONS = (CORRUPT, MDLM_LOSS, PAIRED_DIFFERENCE, DESCEND)
