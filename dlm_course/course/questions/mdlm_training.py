"""Topic 07: masks for a batch, the loss of a step, a paired comparison, the loop."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.mistakes import (
    Shows,
    against,
    close,
    dependent,
    everywhere,
    mistakes,
    seeding,
    slip,
    somewhere,
    uneven_sets,
)
from dlm_course.course.questions.question import Case, Question

# 07-1: masks for a batch

_ROWS, _LENGTH = 6000, 4
_WIDE_ROWS, _STEPS = 100, 4    # texts so long that a piece holds several k: there the numbers u in the pieces show
_LONG = 3000                   # a single text
_PATTERNS = list(itertools.product((0, 1), repeat=_LENGTH))


def corrupt(x0: Tensor, mask_id: int, generator: torch.Generator) -> Tensor:
    batch_size, length = x0.shape
    piece = torch.randperm(batch_size, generator=generator)
    u = 1 - (piece + torch.rand(batch_size, generator=generator)) / batch_size
    shuffled = torch.rand(x0.shape, generator=generator).argsort(-1)
    return torch.where(shuffled < (u * length).ceil().clamp(min=1)[:, None], mask_id, x0)


def _law(of_count: Callable[[int], float]) -> Callable:
    """The probability of every pattern where all sets of the same number are equally likely."""
    law = [of_count(sum(pattern)) / math.comb(_LENGTH, sum(pattern)) for pattern in _PATTERNS]
    wide = [1.0, *[1 / _STEPS] * _STEPS]
    return lambda x0, mask_id: torch.tensor(
        law if x0.shape[1] == _LENGTH else wide if _several(x0) else [1.0], dtype=torch.float64)


def _several(x0: Tensor | np.ndarray) -> bool:
    """True if a piece holds several k, as many in each."""
    return x0.shape == (_WIDE_ROWS, _WIDE_ROWS * _STEPS)


def _distinct(number: int) -> float:
    """The probability of so many positions where k of them, k ~ U{1..n}, are drawn with replacement."""
    draws = [list(itertools.product(range(_LENGTH), repeat=k)) for k in range(1, _LENGTH + 1)]
    return sum(sum(len(set(places)) == number for places in drawn) / len(drawn) for drawn in draws) / _LENGTH


def _pattern_frequencies(case: Case, xt: np.ndarray) -> np.ndarray:
    """The share of each pattern; of longer texts that of the pieces with a text of their own, and of the k in them."""
    x0, mask_id = case.args
    masked = xt == mask_id
    if (xt[~masked] != x0.numpy()[~masked]).any():
        raise ValueError("wrong value: a token that is not masked must stay what it is")
    if x0.shape[1] == _LENGTH:
        return np.bincount(masked.astype(int) @ (2 ** np.arange(_LENGTH)[::-1]), minlength=2**_LENGTH) / len(xt)
    counts = masked.sum(1)
    shares = [_in_their_pieces(counts, x0.shape[1]).mean()]
    if _several(x0):
        shares.extend(np.bincount((counts - 1) % _STEPS, minlength=_STEPS) / len(xt))
    return np.array(shares)


def _in_their_pieces(counts: np.ndarray, length: int) -> np.ndarray:
    """Of the texts by their k, from few to many, whether the l-th has one that a u in ((l - 1)/B, l/B] gives.

    In float32 a u near the end of its piece may be rounded across it: one mask more or less is let pass.
    """
    ends = np.arange(len(counts) + 1) * length / len(counts)
    counts = np.sort(counts)
    return (counts >= np.maximum(np.floor(ends[:-1]), 1)) & (counts <= np.minimum(np.ceil(ends[1:]) + 1, length))


def _name_of_share(case: Case, index: tuple[int, ...]) -> str:
    x0, texts = case.args[0], f"of {len(case.args[0]):,} texts"
    if x0.shape[1] == _LENGTH:
        places = [str(place) for place, masked in enumerate(_PATTERNS[index[0]], 1) if masked]
        where = "no mask" if not places else f"masks at position {places[0]} alone" if len(places) == 1 else \
            f"masks at positions {', '.join(places[:-1])} and {places[-1]}"
        return f"{texts}, the share with {where} (of 1..{_LENGTH})"
    if index[0]:
        return f"{texts}, the share with k = {index[0]}, {index[0] + _STEPS}, {index[0] + 2 * _STEPS} and so on"
    return f"{texts}, the share whose k comes from a piece of (0, 1] that no other text has"


def _masks(test: Callable[[np.ndarray], bool | np.bool], *, always: bool = False) -> Shows:
    """Where the test is true of the masks in every case of short texts."""
    return everywhere(lambda xt, x0, mask_id: xt.shape[1] != _LENGTH or test(xt == mask_id), always=always)


def _counts(test: Callable[[np.ndarray], bool | np.bool], *, always: bool = False) -> Shows:
    return _masks(lambda masked: test(masked.sum(1)), always=always)


def _in_shares(*shares: float) -> Callable:
    """A test whether 0, 1, ..., n masks come up in these shares of the texts, to within one as strata allow."""
    return lambda counts: bool((np.abs(np.bincount(counts, minlength=_LENGTH + 1) - _ROWS * np.array(shares)) <= 1.5)
                               .all())


_even = _in_shares(0, *[1 / _LENGTH] * _LENGTH)


def _about(of_count: Callable[[int], float]) -> Callable:
    """A test whether the numbers of masks come up about as often as where every text draws its own by itself."""
    law = np.array([of_count(k) for k in range(_LENGTH + 1)])
    return lambda counts: bool((np.abs(np.bincount(counts, minlength=_LENGTH + 1) / len(counts) - law)
                                <= 5 * np.sqrt(law * (1 - law) / len(counts))).all())


_about_even = _about(lambda k: (k > 0) / _LENGTH)
_as_with_replacement = _about(_distinct)


def _changed(xt: np.ndarray, x0: np.ndarray, mask_id: int) -> bool:
    return bool(((xt != mask_id) & (xt != x0)).any())


def _same_order(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if texts get about the same k whatever the seed: of 0 and 2 it differs."""
    return _alike(*((values[i] == cases[i].args[1]).sum(1) for i in (0, 2)))


def _alike(counts: np.ndarray, other: np.ndarray) -> bool:
    """True if the two go together, more than any two that are independent."""
    return bool(min(counts.std(), other.std()) > 0 and
                abs(np.corrcoef(counts, other)[0, 1]) > 7 / len(counts) ** 0.5)


def _draws_repeat(one: np.ndarray, other: np.ndarray) -> bool:
    """True if the pieces, the numbers in them or the sets are the same in two batches of masks."""
    first, second = one.sum(1), other.sum(1)
    if min(first.min(), second.min(), first.std(), second.std()) == 0:
        return False
    numbers = len(one) < _ROWS and (((first - second) % _STEPS == 0).all() or
                                    (np.sort(first) == np.sort(second)).all())
    nested = ((one <= other).all(1) | (one >= other).all(1)).all()
    return bool(_alike(first, second) or numbers or nested)


def _one_place(xt: np.ndarray, x0: np.ndarray, mask_id: int) -> bool:
    """True if in a wide case the u come with one k of their pieces, or with two."""
    return not _several(x0) or len(set(((xt == mask_id).sum(1) - 1) % _STEPS)) <= 2


def _follows_the_rows(counts: np.ndarray) -> bool:
    """True if the counts go with the row, or are nearly those of the row before, as where pieces are only rolled."""
    return bool(counts.std() > 0 and (abs(np.corrcoef(counts, np.arange(_ROWS))[0, 1]) > 0.1 or
                                      np.corrcoef(counts, np.roll(counts, 1))[0, 1] > 0.9))


def _corrupt_cases(seed: int) -> list[Case]:
    x0 = torch.randint(5, (_ROWS, _LENGTH), generator=torch.Generator().manual_seed(seed))
    wide = x0.flatten().repeat(2)[:_WIDE_ROWS * _WIDE_ROWS * _STEPS].reshape(_WIDE_ROWS, -1)
    label = "x0 of shape (6000, 4)"
    square, long = (x0.flatten()[:num].reshape(size, -1) for num, size in ((60 * 60, 60), (_LONG, 1)))
    return [Case((x0, 5), label, seed + 31), Case((x0, 5), label, seed + 31), Case((x0, 5), label, seed + 32),
            Case((x0 + 1, 0), label + ", mask_id = 0", seed + 33),
            *[other := Case((wide + 300, 5), f"x0 of shape {tuple(wide.shape)}", seed + 34)] * 2,
            replace(other, goes_on=True),
            Case((square + (square >= 2), 2), "x0 of shape (60, 60), mask_id = 2", seed + 35),
            *[single := Case((long, 5), f"x0 of shape (1, {_LONG})", seed + 36)],
            *[replace(single, goes_on=True)] * 3,
            Case((x0[:1, :1], 5), "a single text of one token", seed + 37,
                 edge="k is 1 there, the whole text: torch.randint leaves its upper end out")]


CORRUPT = Question(
    id="07-1-corrupt",
    points=3,
    name="corrupt",
    cases=_corrupt_cases,
    reference=_law(lambda k: (k > 0) / _LENGTH),
    stand_in=corrupt,
    view=_pattern_frequencies,
    entry=_name_of_share,
    expects=lambda case: (tuple(case.args[0].shape), "i"),
    tolerance=lambda case, law: 5 * np.sqrt(law * (1 - law) / len(case.args[0])) + 1e-9,
    misconceptions=mistakes({
        "nothing is masked": everywhere(lambda xt, x0, mask_id: (xt == x0).all()),
        **seeding(same=[(0, 1), (4, 5)], other=(0, 2), again=(5, 6)),
        "the mask is taken for another state; use mask_id": somewhere(
            lambda xt, x0, mask_id: _changed(xt, x0, mask_id) and not (xt == mask_id).any()),
        "tokens or whole texts have changed places: one that is not masked must stay what and where it is; only the "
        "pieces are shuffled": everywhere(lambda xt, x0, mask_id: len(xt) == 1 or _changed(xt, x0, mask_id)),
        "all texts have the same number of masks; each draws its own k": _counts(lambda counts: counts.std() == 0),
        "u n is rounded to the nearest number, so that k = 0 occurs; round up, with ceil":
            _counts(_in_shares(1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8)),
        "u n is rounded to the nearest number, and 0 made 1: k = 1 comes too often, k = n too rarely. Round up, with "
        "ceil": _counts(_in_shares(0, 3 / 8, 1 / 4, 1 / 4, 1 / 8)),
        "u n is rounded down, and 0 made 1: k = 1 comes twice as often as it should, k = n never. Round up, with ceil":
            _counts(_in_shares(0, 1 / 2, 1 / 4, 1 / 4, 0)),
        "k = 0 occurs, and k = n does not: ceil(u n) of a u in (0, 1] is at least 1, a text without masks teaches "
        "nothing. Is u n rounded down, or are there k *visible* positions?":
            _counts(lambda counts: (counts == 0).mean() > 0.1 and (counts == _LENGTH).mean() < 0.05),
        "k = 0 occurs, as with coins at a rate, or with a k from 0..n; mask *exactly* k = ceil(u n) positions, at "
        "least 1": _counts(lambda counts: (counts == 0).any()),
        "k = n never occurs: ceil(u n) goes up to n": _counts(lambda counts: counts.max() < _LENGTH),
        "one mask too many: k = 1 never occurs": _counts(lambda counts: counts.min() > 1),
        "fewer than k positions are masked: they are drawn with replacement, some of them twice":
            _counts(_as_with_replacement),
        "the pieces are dealt in order, be it from a random start: neighbours in the batch get about the same number "
        "of masks. Deal the pieces in random order (torch.randperm)": _counts(_follows_the_rows, always=True),
        "the pieces are dealt in one order, whatever the generator's seed; shuffle them with it":
            Shows(_same_order, always=True),
        "the numbers of masks are not stratified: with one u in each of B equal pieces every k comes up equally "
        "often, to within one. Are they drawn independently?":
            _counts(lambda counts: not _even(counts) and _about_even(counts), always=True),
        "not all numbers of masks come up equally often: with one u in each of B equal pieces, and k = ceil(u n), each "
        "of 1..n does, to within one": _counts(lambda counts: not _even(counts), always=True),
        "in longer texts the pieces are not those of (0, 1]: with k = ceil(u n) and B pieces the l-th smallest k is "
        "about l n/B": everywhere(lambda xt, x0, mask_id: not _several(x0) or
                                  _in_their_pieces((xt == mask_id).sum(1), x0.shape[1]).mean() < 0.9),
        "the numbers u do not fill their pieces: they lie at one place of them (an end, the middle, one number for "
        "all) or in one half; take one uniform number from each piece": everywhere(_one_place),
        "the first k positions are masked, always; draw a random set":
            _masks(lambda masked: (masked[:, :-1] >= masked[:, 1:]).all()),
        "the last k positions are masked, always; draw a random set":
            _masks(lambda masked: (masked[:, :-1] <= masked[:, 1:]).all()),
        "texts with the same k have the same positions masked; every text draws its own set":
            _masks(lambda masked: (masked[masked.sum(1) == 2] == masked[masked.sum(1) == 2][:1]).all()),
        "some draws are the same whatever the seed, or the same in a second call with the same generator: the pieces, "
        "the numbers in them or the sets. Hand `generator` itself to every function that draws": Shows(
            lambda cases, values: any(_draws_repeat(*(values[i] == cases[i].args[1] for i in pair))
                                      for pair in ((0, 2), (5, 6))), always=True),
        "a single text of a batch gets the same number of masks in every call: its piece is all of (0, 1], and u is "
        "uniform in it": Shows(lambda cases, values: len({
            int((value == case.args[1]).sum()) for case, value in zip(cases, values, strict=True)
            if len(value) == 1}) == 1, always=True),
        "the masks of one text tell of those of another: every text draws its own set, independently": somewhere(
            lambda xt, x0, mask_id: xt.shape[1] == _LENGTH and dependent(
                xt == mask_id, (xt == mask_id).sum(1), along_the_text=True), always=True),
        "the number of masks of one text tells of that of another: deal the pieces in random order": _counts(
            lambda counts: dependent(np.eye(_LENGTH)[counts - 1], np.zeros(len(counts))), always=True),
        "the numbers of masks are right, but not all sets of k positions are equally likely": (
            _counts(_even),
            Shows(lambda cases, values: uneven_sets(*(values[i] == cases[i].args[1] for i in (0, 2, 3))), True)),
    }),
)


# 07-2: the loss

def mdlm_loss(logits: Tensor, x0: Tensor, xt: Tensor, mask_id: int, *, mask: float | None = -math.inf,
              dim: int | None = -1, price: Callable[[Tensor], Tensor] = torch.neg,
              weight: Callable[[int, Tensor], Tensor | float] = lambda n, k: n / k,
              where: Callable[[Tensor], Tensor] = lambda masked: masked) -> Tensor:
    """The loss; or with other logits of the mask, prices of log p, weights, or tokens that are counted."""
    if mask is not None:
        logits = torch.where(torch.arange(logits.shape[-1]) == mask_id, mask, logits)
    masked = xt == mask_id
    log_probs = logits.log_softmax(dim) if dim is not None else logits
    prices = price(log_probs.gather(-1, x0[..., None]).squeeze(-1))
    return weight(xt.shape[1], masked.sum(-1)) * torch.where(where(masked), prices, 0.0).sum(-1)


def _loss_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(3, 6, 5, dtype=torch.float64, generator=generator)
    x0 = torch.randint(4, (3, 6), generator=generator)
    hidden = torch.tensor([[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 1]]) == 1
    rarest = x0[1, 2]    # with a probability of about e^-13
    logits[1, 2, rarest] = logits[1, 2, [v for v in range(4) if v != rarest]].logsumexp(-1) - 13
    long_logits = torch.randn(1, 2000, 3, dtype=torch.float64, generator=generator)
    long = torch.randint(2, (1, 2000), generator=generator)
    long_hidden = torch.rand(1, 2000, generator=generator) < 0.7
    # seven texts of three tokens, one token with -log p near 65, a text of tokens with 0.0005
    rare = 1.5 * torch.randn(7, 3, 6, dtype=torch.float64, generator=generator)
    tokens = torch.randint(5, (7, 3), generator=generator)
    rare[1, 1, tokens[1, 1]] = -65.0
    rare[2] = 9.0 * torch.nn.functional.one_hot(tokens[2], 6)
    seven = torch.tensor([[0, 1, 0], [0, 1, 1], [1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]]) == 1
    # five of five, whose exponentials have no float32
    level = 120.0 * torch.tensor([1, -1, 1, 1, -1])[:, None] * torch.tensor([1, -1, 1, -1, 1])
    large = 1.5 * torch.randn(5, 5, 4, generator=generator) + level[..., None]
    square = torch.randint(3, (5, 5), generator=generator)
    five = torch.rand(5, 5, generator=generator).argsort(-1) < torch.tensor([[1], [3], [2], [5], [4]])
    return [Case((logits, x0, torch.where(hidden, 4, x0), 4), "batch of 3, n = 6, K = 5, the mask last"),
            Case((logits, x0 + 1, torch.where(hidden, 0, x0 + 1), 0), "batch of 3, n = 6, K = 5, mask_id = 0"),
            Case((logits[1:2], x0[1:2], torch.where(hidden[1:2], 4, x0[1:2]), 4), "a single text"),
            Case((logits[:, :1], x0[:, :1], torch.full_like(x0[:, :1], 4), 4), "batch of 3, n = 1"),
            Case((logits, x0 + (x0 >= 2), torch.full_like(x0, 2), 2), "all tokens masked, mask_id = 2"),
            Case((rare, tokens, torch.where(seven, 5, tokens), 5), "batch of 7, n = 3, K = 6",
                 edge="one true token has a probability of about e^-65 there, others one of nearly 1, and each costs "
                      "what it costs: without clamps, thresholds and small numbers that are added"),
            Case((large, square, torch.where(five, 3, square), 3), "batch of 5, n = 5, logits near 120 and -120",
                 edge="only differences of logits count: log_softmax subtracts the largest one first, and the mask's "
                      "logit is -inf, below any other"),
            Case((logits + 25.0 * (torch.arange(5) == 4), x0, torch.where(hidden, 4, x0), 4),
                 "the logit of the mask 25 above the others",
                 edge="exclude the mask before the softmax: after it nothing may be left of the others"),
            Case((long_logits, long, torch.where(long_hidden, 2, long), 2), "a single text of n = 2000",
                 edge="a product of so many probabilities is 0 for the computer, and eight or sixteen bits hold no "
                      "such sums: add up logarithms, in float32 or float64"),
            Case(((6 * logits).float() - 40 * (torch.arange(5) == 4), x0, torch.where(hidden, 4, x0), 4),
                 "logits far apart, float32",
                 edge="a token costs what it costs, also where its probability is next to nothing")]


def _priced(price: Callable[[Tensor], Tensor]) -> Callable:
    return slip(mdlm_loss, price=price)


def _weight(weight: Callable[[int, Tensor], Tensor | float], **switches: Any) -> Callable:
    return slip(mdlm_loss, weight=weight, **switches)


def _limited(least: float) -> Callable:
    """log p is not taken below this."""
    return _priced(lambda log_p: -log_p.clamp(min=least))


def _with_more(more: float) -> Callable:
    """A number is added to p."""
    return _priced(lambda log_p: -(log_p.exp() + more).log())


MDLM_LOSS = Question(
    id="07-2-mdlm-loss",
    points=2,
    name="mdlm_loss",
    cases=_loss_cases,
    reference=mdlm_loss,
    misconceptions=mistakes({
        "the mask keeps its mass: exclude its logit (-inf) before the softmax": slip(mdlm_loss, mask=None),
        "all tokens are counted; only masked ones pay": slip(mdlm_loss, where=torch.ones_like),
        "all tokens are counted, and the mask keeps its mass": slip(mdlm_loss, where=torch.ones_like, mask=None),
        "all tokens are counted, with equal weights: this is no masked loss":
            _weight(lambda n, k: 1.0, where=torch.ones_like),
        "the *visible* tokens are counted; the masked ones pay": slip(mdlm_loss, where=torch.logical_not),
        "the weight n/k is missing: this is the plain sum": _weight(lambda n, k: 1.0),
        "this is the mean over masked tokens, nats a *token*; the loss of a text is n times that":
            _weight(lambda n, k: 1 / k),
        "this is the mean over masked tokens, and the mask keeps its mass": _weight(lambda n, k: 1 / k, mask=None),
        "divided by n; the weight is n/k": _weight(lambda n, k: 1 / n),
        "the weight is k/n; it is n/k: few masks count much": _weight(lambda n, k: k / n),
        "n/k times the *mean* over masked tokens: k is divided by twice": _weight(lambda n, k: n / k**2),
        "the weight is n; it is n/k, divided by the number of masks": _weight(lambda n, k: n),
        "k counts the masks of the whole batch; each text has its own": _weight(lambda n, k: n / k.sum()),
        "the k of the first text serves the whole batch; each text has its own": _weight(lambda n, k: n / k[:1]),
        "k counts the *visible* tokens; it is the number of masks": _weight(lambda n, k: n / (n - k).clamp(min=1)),
        "the weight is n/(k + 1); it is n/k, and k is never 0": _weight(lambda n, k: n / (k + 1)),
        "the size of the batch, B, is taken for n, the length of a text": _weight(lambda n, k: len(k) / k),
        "the number of states, K, is taken for n, the length of a text":
            slip(mdlm_loss, lambda loss, logits, x0: loss * logits.shape[-1] / x0.shape[1]),
        "the sign is off: the loss is -log p, never negative": slip(mdlm_loss, lambda loss: -loss),
        "x_t is scored, which is the mask; score the true token, x_0": slip(mdlm_loss, x0=lambda xt: xt, mask=None),
        "the logits are taken for log-probabilities: a log_softmax is missing": slip(mdlm_loss, mask=None, dim=None),
        "one k serves the whole batch; each text has its own": _weight(lambda n, k: n / k.double().mean()),
        "the softmax runs over the positions; it belongs over the states, the last dimension": slip(mdlm_loss, dim=1),
        "the softmax runs over the batch; it belongs over the states, the last dimension": slip(mdlm_loss, dim=0),
        "the probability is taken for its logarithm": slip(mdlm_loss, price=lambda log_p: -log_p.exp()),
        "this is in bits; asked are nats": slip(mdlm_loss, lambda loss: loss / math.log(2)),
        "the likeliest token is scored; score the true one, x_0": slip(
            mdlm_loss, x0=lambda logits, mask_id: logits.index_fill(-1, torch.tensor(mask_id), -math.inf).argmax(-1)),
        "these are 1 - p, not -log p": slip(mdlm_loss, price=lambda log_p: 1 - log_p.exp()),
        "the mask's logit is set to 0, which is no probability of 0; set it to -inf": slip(mdlm_loss, mask=0.0),
        "the mask is taken for the last state; use mask_id": Shows(lambda cases, values: np.allclose(
            values[0], mdlm_loss(*cases[0].args).numpy(), rtol=1e-4) and not np.allclose(
                values[1], mdlm_loss(*cases[1].args).numpy(), rtol=1e-2)),
        "small probabilities are clamped, or a number is added to them; a rare token costs what it costs": (
            *map(_limited, (-3, -5, -7, -10, math.log(1e-2), math.log(1e-3))),
            *map(_with_more, (1e-2, 1e-4, 1e-6, 1e-8))),
        "the result is not finite: does a -inf meet a 0 (0 times -inf is NaN; select with gather or torch.where), or "
        "is x_t scored, whose mask has -inf?": somewhere(lambda value, *_: not np.isfinite(value).all()),
    }),
)


# 07-3: who is better?

def paired_difference(ours: Tensor, theirs: Tensor, *, mean: Callable = torch.mean,
                      error: Callable[[Tensor], Tensor] = lambda d: d.std() / len(d) ** 0.5) -> Tensor:
    """The mean of the differences and its standard error, or what else is made of the differences."""
    return torch.stack([mean(ours - theirs), error(ours - theirs)])


def _variances_less_covariance(ours: Tensor, theirs: Tensor, *, least: float = -math.inf) -> Tensor:
    common = ((ours - ours.mean()) * (theirs - theirs.mean())).mean()
    variance = (ours.var() + theirs.var() - 2 * common).clamp(min=least)
    return torch.stack([(ours - theirs).mean(), (variance / len(ours)).sqrt()])


def _alone(ours: Tensor) -> Tensor:
    return paired_difference(ours, torch.zeros_like(ours))


def _second(error: Callable[..., Tensor]) -> Callable:
    return slip(paired_difference, error=error)


def _paired_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    common, few = (torch.randn(size, dtype=torch.float64, generator=generator) for size in (40, 5))
    noise, other = (torch.randn(size, dtype=torch.float64, generator=generator) for size in (40, 5))
    two = torch.tensor([[1.0, 2.5], [1.5, 1.0]], dtype=torch.float64)
    many, near = 100 + 20 * torch.randn(2, 1200, generator=generator)
    far = many + 0.01 * near
    far[7] -= 60    # one text decides
    return [Case((2 + common, 1.7 + common + 0.1 * noise), "N = 40"), Case((few + 1, 0.5 * few + other), "N = 5"),
            Case((two[1], two[0]), "N = 2"), Case((many, far), "N = 1200, float32"),
            Case((torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0, 1.0])), "N = 3, one text with the same loss",
                 edge="a text on which both lose the same counts, with the difference 0; and one model may lose the "
                      "same on every text"),
            Case(((500 + 0.05 * noise).float(), torch.zeros(40)), "N = 40, far apart and hardly different, float32",
                 edge="the mean of the squares less the square of the mean loses all digits there: subtract the mean "
                      "first"),
            Case((2 + common, 2 + common + 0.002 * noise), "N = 40, nearly the same losses",
                 edge="small differences count as they are, without a smallest value")]


PAIRED_DIFFERENCE = Question(
    id="07-3-paired-difference",
    points=2,
    name="paired_difference",
    cases=_paired_cases,
    reference=paired_difference,
    misconceptions=mistakes({
        "the standard error treats the two as independent: subtract first, text by text, so that what they share "
        "cancels": lambda ours, theirs: torch.stack(
            [(ours - theirs).mean(), ((ours.var() + theirs.var()) / len(ours)).sqrt()]),
        "the variances of both divide by N - 1, what they share by N: take the differences first, and their variance":
            (_variances_less_covariance, against(slip(_variances_less_covariance, least=0.0), functools.partial(
                close, rtol=0.01))),
        "the difference of two standard errors is no standard error of the difference: subtract first":
            lambda ours, theirs: _alone(ours) - _alone(theirs),
        "the sum of the two standard errors is no standard error of the difference: subtract first":
            lambda ours, theirs: torch.stack([(ours - theirs).mean(), _alone(ours)[1] + _alone(theirs)[1]]),
        "this is the standard deviation; the standard error of a mean is that over sqrt(N)": _second(torch.std),
        "this is the standard deviation, and its variance divides by N; the standard error of a mean is that with "
        "N - 1, over sqrt(N)": _second(lambda d: d.std(correction=0)),
        "the standard deviation is divided by N; it is by sqrt(N)": _second(lambda d: d.std() / len(d)),
        "the standard error is too large by sqrt(2): the variance of the differences holds what both models add, so it "
        "is not doubled": _second(lambda d: (2 * d.var() / len(d)).sqrt()),
        "the standard error is too small by sqrt(2): there are N differences, not 2 N losses":
            _second(lambda d: (d.var() / (2 * len(d))).sqrt()),
        "these are two standard errors, about half of a 95 % interval; asked is one": _second(
            lambda d: 2 * d.std() / len(d) ** 0.5),
        "this is the variance over N; take the root": _second(lambda d: d.var() / len(d)),
        "this is the variance of the differences": _second(torch.var),
        "the variance divides by N here; by N - 1, because the mean is estimated from the same texts":
            _second(lambda d: d.std(correction=0) / len(d) ** 0.5),
        "divided by sqrt(N - 1): the standard deviation has N - 1 in it already, the mean has N":
            _second(lambda d: d.std() / (len(d) - 1) ** 0.5),
        "the difference is theirs minus ours; asked is ours minus theirs":
            lambda ours, theirs: paired_difference(theirs, ours),
        "the absolute differences are averaged; the sign of each counts":
            lambda ours, theirs: _alone((ours - theirs).abs()),
        "the standard error comes first here; asked is the mean, then the standard error":
            slip(paired_difference, lambda both: both.flip(0)),
        "this is the sum of the differences; asked is their mean": slip(paired_difference, mean=torch.sum),
        "this is the sum of the differences, and the standard error of the sum":
            slip(paired_difference, lambda both, ours: len(ours) * both),
        "the median of the differences; asked is their mean": slip(paired_difference, mean=lambda d: d.quantile(0.5)),
        "the *lower* median of the differences; asked is their mean": slip(paired_difference, mean=torch.median),
        "the mean has lost its sign: it is negative where ours is better":
            slip(paired_difference, lambda both: both.abs()),
        "the standard error is that of our losses alone; it is that of the differences":
            lambda ours, theirs: torch.stack([(ours - theirs).mean(), _alone(ours)[1]]),
        "this is the mean of our losses; asked is that of the differences, ours minus theirs":
            lambda ours, theirs: torch.stack([ours.mean(), paired_difference(ours, theirs)[1]]),
        "this is the variance over sqrt(N); take the standard deviation, the root of the variance":
            _second(lambda d: d.var() / len(d) ** 0.5),
        "the standard deviation is multiplied by sqrt(N); divide": _second(lambda d: d.std() * len(d) ** 0.5),
        "the squares are those of the differences; subtract their mean first: d_i - mean(d)":
            _second(lambda d: (d.square().sum() / (len(d) - 1) / len(d)).sqrt()),
        "both are sorted before they are subtracted, which breaks the pairs: each difference is of the same text":
            lambda ours, theirs: paired_difference(ours.sort().values, theirs.sort().values),
        "this looks at our losses alone": lambda ours, theirs: _alone(ours),
        "this is the mean over its standard error; the two were asked for":
            slip(paired_difference, lambda both: both[0] / both.flip(0)),
        "this is half the width of a 95 % interval, 1.96 standard errors; asked is one":
            slip(paired_difference, lambda both: both * torch.tensor([1.0, 1.96]).double()),
    }),
)


# 07-4: the loop

@dataclass(frozen=True)
class _Quartic:
    """A loss whose gradient depends on the weights, so that the place of every step counts; not symmetric."""

    power: int = 4
    factor: float = 1.0

    def __call__(self, weights: Tensor, batch: Tensor) -> Tensor:
        return self.factor * ((1.1 * weights - batch) ** self.power).mean()


@dataclass(frozen=True)
class _HeldTarget:
    """A loss with a target made of the weights, through which no gradient goes: differences see another slope."""

    def __call__(self, weights: Tensor, batch: Tensor) -> Tensor:
        return ((weights - batch) ** 2 * (1 + weights.detach() ** 2)).mean()


def descend(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float, *, memory: float = 0.0,
            of: Callable[[Tensor], Tensor] = torch.neg, over: Callable[[list[Tensor]], Tensor] = lambda path: path[-1],
            ) -> Tensor:
    """Gradient descent; or with remembered gradients, a step of something else, another end of the path of weights."""
    total, path = torch.zeros_like(weights), [weights]
    for batch in batches:
        total = memory * total + _gradient(loss_of, path[-1], batch)
        path.append(path[-1] + learning_rate * of(total))
    return over(path)


def _gradient(loss_of: Callable, weights: Tensor, batch: Tensor) -> Tensor:
    variable = weights.clone().requires_grad_()
    return torch.autograd.grad(loss_of(variable, batch), variable)[0]


def _through_all_steps(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    first = weights.clone().requires_grad_()
    newest = first
    for batch in batches:
        gradient, = torch.autograd.grad(loss_of(newest, batch), first, create_graph=True)
        newest = newest - learning_rate * gradient
    return newest.detach()


def _one_step_late(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    before = newest = weights
    for batch in batches:
        before, newest = newest, newest - learning_rate * _gradient(loss_of, before, batch)
    return newest


def _descend_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    batches = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    weights = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    blocks = torch.randn(3, 2, 3, 4, dtype=torch.float64, generator=generator)
    rest = torch.stack([1.1 * weights, 1.1 * weights + 1e-3, 1.1 * weights - 1e-3])
    return [Case((_Quartic(), weights, batches, 0.03), "four batches, learning_rate = 0.03"),
            Case((_Quartic(2), torch.ones(2, 3, 4, dtype=torch.float64), blocks, 3.0),
                 "weights of shape (2, 3, 4), learning_rate = 3"),
            Case((_Quartic(), weights, batches[:2], 0.05), "two batches, learning_rate = 0.05"),
            Case((_HeldTarget(), torch.tensor([0.7], dtype=torch.float64), batches[:3], 0.1),
                 "weights of shape (1,), a loss with a part that is detached"),
            Case((_Quartic(), torch.tensor(90.0), batches.float(), 1e-6),
                 "weights of shape (), large, and large gradients",
                 edge="gradient and weights are used as they are, however large: nothing is clipped"),
            Case((_Quartic(2, 1e-4), weights, rest, 1e4), "gradients near 0, learning_rate = 10,000",
                 edge="every batch makes its step, however small the gradient is, or where it is 0"),
            Case((_Quartic(), weights, batches[:0], 0.1), "no batches",
                 edge="without a step the weights are those that were given")]


def _one_step(over: Callable[[list[Tensor]], Tensor | float]) -> Callable:
    return lambda loss_of, weights, batches, learning_rate: weights - learning_rate * over(
        [_gradient(loss_of, weights, batch) for batch in batches])


def _batches(change: Callable[[Tensor], Tensor]) -> Callable:
    return slip(descend, batches=lambda batches: change(batches))


def _by(optimizer: Callable[..., torch.optim.Optimizer], **settings: Any) -> Callable:
    """Descent in the steps of this optimizer of torch."""
    def optimized(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
        variable = weights.clone().requires_grad_()
        steps = optimizer([variable], lr=learning_rate, **settings)
        for batch in batches:
            variable.grad = _gradient(loss_of, variable.detach(), batch)
            steps.step()
        return variable.detach()

    return optimized


def _by_differences(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
    """Descent along central differences."""
    for batch in batches:
        moves = 1e-5 * torch.eye(weights.numel(), dtype=torch.float64).reshape(-1, *weights.shape)
        slopes = torch.stack([(loss_of(weights + move, batch) - loss_of(weights - move, batch)) / 2e-5
                              for move in moves])
        weights = weights - learning_rate * slopes.reshape(weights.shape)
    return weights


def _clipped(most: float) -> tuple[Callable, Callable]:
    """Descent along gradients of at most this norm, or with entries of at most this size."""
    return (slip(descend, of=lambda gradient: -gradient / (gradient.norm() / most).clamp(min=1)),
            slip(descend, of=lambda gradient: -gradient.clamp(-most, most)))


def _scheduled(share: Callable[[int, int], float]) -> Callable:
    """Descent with this share of the learning rate in each step."""
    def descent(loss_of: Callable, weights: Tensor, batches: Tensor, learning_rate: float) -> Tensor:
        for step, batch in enumerate(batches):
            weights = weights - share(step, len(batches)) * learning_rate * _gradient(loss_of, weights, batch)
        return weights

    return descent


DESCEND = Question(
    id="07-4-descend",
    points=3,
    name="descend",
    cases=_descend_cases,
    reference=descend,
    misconceptions=mistakes({
        "the gradients add up from step to step: set them to zero before every backward (or use torch.autograd.grad)":
            slip(descend, memory=1.0),
        "the steps go uphill: subtract the gradient": slip(descend, of=torch.clone),
        "the learning rate is not used": slip(descend, learning_rate=lambda: 1.0),
        "all gradients are taken at the first weights; each step starts from where the last one ended":
            _one_step(sum),
        "the gradients are those with respect to the *first* weights, through all steps since; in each step it is that "
        "with respect to the newest": _through_all_steps,
        "each gradient but the first is taken before the step that goes before it: take it at the newest weights":
            _one_step_late,
        "one step on the average gradient; take one step for each batch":
            _one_step(lambda gradients: sum(gradients) / len(gradients)),
        "only the last batch makes a step": _batches(lambda batches: batches[-1:]),
        "only the first batch makes a step: is a return inside the loop?": _batches(lambda batches: batches[:1]),
        "the last batch makes no step": _batches(lambda batches: batches[:-1]),
        "the first batch makes no step": _batches(lambda batches: batches[1:]),
        "the batches come in the reverse order": _batches(lambda batches: batches.flip(0)),
        "the weights are returned as they were given: no step is taken, or its result is lost":
            slip(descend, over=lambda path: path[0]),
        "the step is divided by the number of batches; every batch makes a whole step":
            slip(descend, learning_rate=lambda learning_rate, batches: learning_rate / len(batches)),
        "only the sign of the gradient is used": slip(descend, of=lambda gradient: -gradient.sign()),
        "this is the change of the weights; asked are the weights":
            slip(descend, over=lambda path: path[-1] - path[0]),
        "this is the last gradient; asked are the weights":
            lambda loss_of, weights, batches, learning_rate: _gradient(
                loss_of, descend(loss_of, weights, batches[:-1], learning_rate), batches[-1]),
        "the batch is given as the weights: loss_of takes the weights first":
            slip(descend, loss_of=lambda loss_of: lambda weights, batch: loss_of(batch, weights)),
        "every step uses the first batch; each batch makes one":
            _batches(lambda batches: batches[:1].expand_as(batches)),
        "every batch makes two steps; take one step for each":
            _batches(lambda batches: batches.repeat_interleave(2, 0)),
        "the loop goes twice through the batches; once is asked": _batches(lambda batches: torch.cat([batches] * 2)),
        "this is an average of the weights; asked are the last ones":
            slip(descend, over=lambda path: torch.stack(path).mean(0)),
        "this is the average of the weights after each step; asked are the last ones":
            slip(descend, over=lambda path: torch.stack(path[1:]).mean(0)),
        "the steps have momentum; plain gradient descent is asked": slip(descend, memory=0.9),
        "the gradient is clipped; plain gradient descent is asked: the learning rate times the gradient": tuple(
            clipped for most in (0.1, 0.5, 1, 5, 10) for clipped in _clipped(most)),
        "the gradient is divided by its length; plain gradient descent is asked: the learning rate times the gradient":
            slip(descend, of=lambda gradient: -gradient / gradient.norm()),
        "the weights decay besides the steps; plain gradient descent is asked": tuple(
            _by(torch.optim.SGD, weight_decay=decay) for decay in (1e-3, 0.01, 0.1)),
        "the steps have Nesterov's momentum; plain gradient descent is asked":
            _by(torch.optim.SGD, momentum=0.9, nesterov=True),
        "these are the steps of Adam; plain gradient descent is asked: the learning rate times the gradient": tuple(
            _by(kind) for kind in (torch.optim.Adam, torch.optim.AdamW)),
        "the gradient is divided by what its squares have been, as in RMSprop and Adagrad; plain gradient descent is "
        "asked: the learning rate times the gradient": tuple(
            _by(kind) for kind in (torch.optim.RMSprop, torch.optim.Adagrad)),
        "the gradient is that of finite differences: where a part of the loss is detached, autograd's is another one":
            _by_differences,
        "the learning rate falls from step to step; it is the same in each": (
            _scheduled(lambda step, num: 1 / (step + 1)), _scheduled(lambda step, num: 1 - step / num),
            _scheduled(lambda step, num: 1 / (step + 1) ** 0.5)),
        "the learning rate warms up from step to step; it is the same in each":
            _scheduled(lambda step, num: (step + 1) / num),
        "the learning rate is a number of your own; use learning_rate": Shows(lambda cases, values: any(
            all(np.allclose(value, descend(*(*case.args[:3], rate)), rtol=1e-4)
                for case, value in zip(cases, values, strict=True)) for rate in (1e-3, 1e-2, 0.02, 0.03, 0.05, 0.1))),
        "the weights diverge: is the gradient subtracted, times the learning rate?":
            somewhere(lambda value, *_: not np.isfinite(value).all() or np.abs(value).max() > 1e3),
    }),
)

QUESTIONS = (CORRUPT, MDLM_LOSS, PAIRED_DIFFERENCE, DESCEND)
