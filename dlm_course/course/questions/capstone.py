"""Topic 10: leaks between windows, bits per character with their error, a distance of bigrams, templates."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlm_course.course.questions.mistakes import Shows, agreeing, everywhere, mistakes, slip
from dlm_course.course.questions.question import Case, Question

# 10-1: does the split leak?

def _inside(places: Tensor, starts: Tensor, length: int) -> Tensor:
    return (starts <= places) & (places < starts + length)


def leaked(train_starts: Tensor, held_out_starts: Tensor, length: int, *, inside: Callable = _inside,
           share: Callable[[Tensor], Tensor] = lambda shared: shared.any(-1).double().mean(-1)) -> Tensor:
    """The share of each held-out window; or what else is made of `shared` (held-out windows, places, training windows).

    inside   (places, starts, length) -> shared: 1 where the character lies in the training window. A window's first
             place is places[:, :1], and the last dimension of places has one entry
    """
    places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
    return share(inside(places, train_starts, length).double())


def _leaked_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    train = torch.tensor([20, 0, 40, 21, 6]) + seed
    held_out = torch.tensor([3, 10, 22, 50, 36, 44, 13, 46]) + seed
    return [Case((train, held_out, 6), "8 held-out windows, 5 for training, length 6"),
            Case((torch.randint(60, (6,), generator=generator), torch.randint(60, (9,), generator=generator), 5),
                 "9 held-out windows, 6 for training, length 5"),
            Case((torch.arange(0, 40, 4), torch.tensor([2, 12, 39, 41]), 7), "overlapping training windows, length 7"),
            Case((torch.arange(0, 30, 3), torch.arange(32, 50, 3), 3), "the end of the text held out"),
            Case((torch.tensor([17, 4, 60, 4, 33, 90]) + seed, torch.tensor([4, 33, 5, 60, 18, 4]) + seed, 1),
                 "length 1"),
            Case((70_000 + torch.tensor([4100, 130, 1700, 200, 5301 - 2**16]),
                  70_000 + torch.tensor([0, 1250, 4000, 5301]), 1201), "length 1201, far into a text"),
            Case((torch.tensor([30, 10]) + seed, torch.tensor([7, 1, 12, 27, 36]) + seed, 5),
                 "2 windows for training, some held-out ones before the first"),
            Case((train, held_out[:1], 6), "a single held-out window", edge="one window has one share, of shape (1,)"),
            Case((torch.arange(0), torch.arange(3), 4), "no window for training",
                 edge="where nothing is trained on nothing can leak: zeros")]


def _last_start_unsorted(train_starts: Tensor, held_out_starts: Tensor, length: int) -> Tensor:
    places = held_out_starts[:, None] + torch.arange(length)
    last = torch.searchsorted(train_starts, places, right=True) - 1
    return ((last >= 0) & (places < train_starts[last.clamp(min=0)] + length)).double().mean(1)


def _marks_assigned(train_starts: Tensor, held_out_starts: Tensor, length: int) -> Tensor:
    change = torch.zeros(1 + length + int(torch.cat([train_starts, held_out_starts]).max()), dtype=torch.int64)
    change[train_starts] = 1
    change[train_starts + length] = -1
    return (change.cumsum(0) > 0)[held_out_starts[:, None] + torch.arange(length)].double().mean(1)


LEAKED = Question(
    id="10-1-leaked",
    points=3,
    name="leaked",
    cases=_leaked_cases,
    reference=leaked,
    misconceptions=mistakes({
        "a held-out window that touches a training window counts as leaked whole; asked is the share of its characters":
            slip(leaked, share=lambda shared: shared.amax((1, 2))),
        "a character in two training windows is counted twice; count the *characters* that lie in at least one":
            slip(leaked, share=lambda shared: shared.sum(-1).mean(-1)),
        "the overlaps are added up and cut off at 1: two training windows that overlap are still counted twice. Count "
        "characters": slip(leaked, share=lambda shared: shared.sum(-1).mean(-1).clamp(max=1)),
        "only the training window that shares most is counted; a character may lie in any of them":
            slip(leaked, share=lambda shared: shared.mean(1).amax(-1)),
        "this is the number of characters; divide by the length of the window":
            slip(leaked, lambda share, length: length * share),
        "this is in percent; asked is a share between 0 and 1": slip(leaked, lambda share: 100 * share),
        "this is the share that does *not* leak": slip(leaked, lambda share: 1 - share),
        "only training windows that begin before the held-out one, or with it, are counted; later ones overlap it too":
            slip(leaked, inside=lambda places, starts, length: _inside(places, starts, length) & (
                starts <= places[:, :1])),
        "only training windows that begin after the held-out one, or with it, are counted; earlier ones overlap it too":
            slip(leaked, inside=lambda places, starts, length: _inside(places, starts, length) & (
                starts >= places[:, :1])),
        "only windows with the same start are compared; windows that are shifted share characters too":
            slip(leaked, inside=lambda places, starts, length: starts == places[:, :1]),
        "a window is taken to end at start + length, that character included; it ends one before":
            slip(leaked, inside=lambda places, starts, length: _inside(places, starts, length + 1)),
        "a window is taken to have length - 1 characters: it ends with start + length - 1, that one included":
            slip(leaked, inside=lambda places, starts, length: _inside(places, starts, length - 1)),
        "the character at a training window's start is left out: start <= place":
            slip(leaked, inside=lambda places, starts, length: (starts < places) & (places < starts + length)),
        "everything between the first and the last training window is taken for training text; gaps are none":
            slip(leaked, inside=lambda places, starts, length: (starts.min() <= places) & (
                places < starts.max() + length)),
        "only the training windows' *starts* are looked for among the characters; a window has `length` of them":
            slip(leaked, inside=lambda places, starts, length: places == starts),
        "only the first character of the held-out window is looked at":
            slip(leaked, share=lambda shared: shared.amax(-1)[:, 0]),
        "only the last character of the held-out window is looked at":
            slip(leaked, share=lambda shared: shared.amax(-1)[:, -1]),
        "only the first and the last character of the held-out window are looked at":
            slip(leaked, share=lambda shared: shared.amax(-1)[:, [0, -1]].mean(-1)),
        "only the first training window is looked at: is a return, or an assignment, inside the loop?":
            slip(leaked, share=lambda shared: shared[..., 0].mean(-1)),
        "only the last training window counts: does each one overwrite what the others found?":
            slip(leaked, share=lambda shared: shared[..., -1].mean(-1)),
        "the overlaps are averaged over the training windows; a character leaks if it lies in one":
            slip(leaked, share=lambda shared: shared.mean((1, 2))),
        "a character must lie in every training window here; one is enough":
            slip(leaked, share=lambda shared: shared.amin(-1).mean(-1)),
        "the share is that of all leaked characters together; divide by the length of a window":
            slip(leaked, lambda share: share / share.sum().clamp(min=1e-12)),
        "the held-out windows are sorted; the shares are asked in the order that was given":
            slip(leaked, held_out_starts=lambda held_out_starts: held_out_starts.sort().values),
        "the training windows are searched as if they were in order (searchsorted, say): sort their starts first":
            _last_start_unsorted,
        "a place where one training window ends and another starts is marked once: the marks of starts and ends add "
        "up, with index_add or bincount; assigning them, one overwrites the other": _marks_assigned,
        "this says which windows leak more than half; asked is the share itself":
            slip(leaked, lambda share: (share >= 0.5).double()),
    }),
)


# 10-2: bits per character

def bits_with_error(
        nats: Tensor, lengths: Tensor, *, unit: float = math.log(2),
        ratio: Callable[[Tensor, Tensor], Tensor] = lambda nats, lengths: nats.sum() / lengths.sum(),
        residuals: Callable[[Tensor, Tensor], Tensor] =
        lambda nats, lengths: nats - nats.sum() / lengths.sum() * lengths,
        error: Callable[[Tensor, Tensor], Tensor] = lambda r, total: r.std() * len(r) ** 0.5 / total) -> Tensor:
    """The ratio and its error, in units of so many nats; `error` is made of the residuals and sum(lengths)."""
    return torch.stack([ratio(nats, lengths), error(residuals(nats, lengths), lengths.sum())]) / unit


def _error(error: Callable[[Tensor, Tensor], Tensor], **switches: Callable) -> Callable:
    return slip(bits_with_error, error=error, **switches)


def _scaled(*factors: float) -> Callable:
    return slip(bits_with_error, lambda both: both * torch.tensor(factors, dtype=torch.float64))


def _bits_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for count, longest, scale in ((30, 900, 1.0), (6, 300, 1.0), (2, 50, 1.0), (9, 90_000, 1.0), (12, 400, 0.003)):
        lengths = torch.randint(20, longest, (count,), generator=generator)
        lengths[0], lengths[1] = 25, longest
        each = 1.5 + 0.3 * torch.randn(count, dtype=torch.float64, generator=generator) + 8 / lengths
        cases.append(Case((scale * each * lengths, lengths), f"D = {count} passages"))
    return cases


BITS_WITH_ERROR = Question(
    id="10-2-bits-with-error",
    points=3,
    name="bits_with_error",
    cases=_bits_cases,
    reference=bits_with_error,
    misconceptions=mistakes({
        # A mean of the passages' own numbers is the ratio where each passage has one character.
        "this is the mean of the passages' own bits per character, in which a short passage weighs as much as a long "
        "one; asked are all bits over all characters": slip(
            bits_with_error, nats=lambda nats, lengths: nats / lengths, lengths=lambda lengths: lengths**0),
        "this is the mean of the passages' own numbers, and in nats": slip(
            bits_with_error, nats=lambda nats, lengths: nats / lengths, lengths=lambda lengths: lengths**0, unit=1),
        "the first number is right; the error is that of the mean of the passages' own bits per character. Take the "
        "residuals, nats - R lengths":
            _error(lambda r, total: r.std() / len(r) ** 0.5, residuals=lambda nats, lengths: nats / lengths),
        "the error is that of the nats alone: a long passage costs more nats, and that is no error. Take the "
        "residuals, nats - R lengths": slip(bits_with_error, residuals=lambda nats, lengths: nats),
        "the first number is the mean of the passages' own; the error is right":
            slip(bits_with_error, ratio=lambda nats, lengths: (nats / lengths).mean()),
        "these are nats; divide both by log 2": slip(bits_with_error, unit=1),
        "multiplied by log 2; divide: a nat is 1.44 bits": slip(bits_with_error, unit=1 / math.log(2)),
        "the first number is in bits, the error still in nats": _scaled(1, math.log(2)),
        "the first number is in nats, the error in bits": _scaled(math.log(2), 1),
        "divided by log 10, or log10 is taken: these are decimal digits; divide by log 2":
            slip(bits_with_error, unit=math.log(10)),
        "the sum of squares is divided by D here; by D - 1, because R is estimated from the same passages":
            _error(lambda r, total: r.std(correction=0) * len(r) ** 0.5 / total),
        "the sum of squares is divided by D - 1 but not multiplied by D: the error is too small by sqrt(D)":
            _error(lambda r, total: r.std() / total),
        "this is the spread of single passages, too large by sqrt(D): the error of the whole has sqrt(D) s over all "
        "characters": _error(lambda r, total: r.std() * len(r) / total),
        "the residuals' spread is not divided by the number of characters":
            _error(lambda r, total: r.std() * len(r) ** 0.5),
        "the residuals' spread is divided by sqrt(D) only; it is that of nats a passage, and one passage has "
        "sum(lengths)/D characters on average": _error(lambda r, total: r.std() / len(r) ** 0.5),
        "the second number is the variance; take the root":
            slip(bits_with_error, lambda both: torch.stack([both[0], both[1].square()])),
        "the error comes first here; asked is the number, then its error":
            slip(bits_with_error, lambda both: both.flip(0)),
        "this is half the width of a 95 % interval, 1.96 standard errors; asked is one": _scaled(1, 1.96),
        "every character is counted as an independent observation; those of a passage hang together":
            _error(lambda r, total: r.std() / total.sqrt()),
        "these are bits a *passage*: divided by D, not by the number of characters":
            slip(bits_with_error, lengths=lambda lengths: lengths**0),
        "these are bits of the whole text; divide by the number of characters":
            slip(bits_with_error, lambda both, lengths: both * lengths.sum()),
        "this is characters per bit; asked are bits per character":
            slip(bits_with_error, lambda both: torch.stack([1 / both[0], both[1]])),
        "this is the median of the passages' own numbers; asked are all bits over all characters":
            slip(bits_with_error, ratio=lambda nats, lengths: (nats / lengths).quantile(0.5)),
        "the mean of the nats is subtracted in place of R lengths: a long passage costs more nats, and that is no "
        "error": _error(lambda r, total: r.square().sum().sqrt() / total,
                        residuals=lambda nats, lengths: nats - nats.mean()),
        "this is the jackknife, which is a good error too; asked is that of the residuals, by the formula":
            _error(lambda without, total: without.std(correction=0) * (len(without) - 1) ** 0.5,
                   residuals=lambda nats, lengths: (nats.sum() - nats) / (lengths.sum() - lengths)),
        "the residuals are added up, not their squares: their sum is 0 by the choice of R":
            _error(lambda r, total: r.sum() / total),
        "the residuals' sizes are averaged; take the root of the sum of squares":
            _error(lambda r, total: r.abs().mean() * len(r) ** 0.5 / total),
        "the longest passage serves as the length of all":
            slip(bits_with_error, lengths=lambda lengths: lengths.max().expand_as(lengths)),
        "R is that of the mean of the passages' own numbers where the residuals are taken; take the R that is returned":
            slip(bits_with_error, residuals=lambda nats, lengths: nats - (nats / lengths).mean() * lengths),
        "R is in bits where it meets the nats: nats - R lengths, all in nats, and one division by log 2 at the end":
            slip(bits_with_error, residuals=lambda nats, lengths: nats - nats.sum() / lengths.sum() / math.log(2)
                 * lengths),
        "the residuals are cut to whole numbers: are they written into a tensor of integers, like `lengths`?":
            slip(bits_with_error, residuals=lambda nats, lengths: (nats - nats.sum() / lengths.sum() * lengths).trunc(),
                 error=lambda r, total: (r.square().sum() / (len(r) - 1) * len(r)).sqrt() / total),
        "each squared residual is divided by its passage's length; asked is the plain sum of squares": slip(
            bits_with_error, residuals=lambda nats, lengths: (
                nats - nats.sum() / lengths.sum() * lengths) / lengths.sqrt(),
            error=lambda r, total: (r.square().sum() / (len(r) - 1) / total).sqrt()),
        "the first number is right, the error is not: it is sqrt(D) s over all characters, in bits, with the s of the "
        "residuals nats - R lengths": agreeing(bits_with_error, 0),
    }),
)


# 10-3: how far from the text are the samples?

def _pairs(x: Tensor, num_states: int, *, gap: int = 1) -> Tensor:
    """The number of each pair, (texts, n - gap)."""
    return x[:, :-gap] * num_states + x[:, gap:]


def bigram_distance(samples: Tensor, reference: Tensor, num_states: int, *,
                    codes: Callable[[Tensor, int], Tensor] = _pairs,
                    shares: Callable[[Tensor, Tensor], Tensor] = lambda counts, x: counts / counts.sum(),
                    distance: Callable[[Tensor, Tensor], Tensor] = lambda p, q: (p - q).abs().sum() / 2) -> Tensor:
    """The distance; or with other codes (x, V) that are counted, shares of the counts (V, V), a distance of these."""
    p, q = (shares(torch.bincount(codes(x, num_states).flatten(), minlength=num_states**2)
                   .reshape(num_states, num_states).double(), x) for x in (samples, reference))
    return distance(p, q)


def _codes(codes: Callable[[Tensor, int], Tensor]) -> Callable:
    return slip(bigram_distance, codes=codes)


def _shares(shares: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return slip(bigram_distance, shares=shares)


def _distance(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return slip(bigram_distance, distance=distance)


def _conditional(counts: Tensor, x: Tensor) -> Tensor:
    """p(b given a), 0 where a never stands before another."""
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * (p / q).log(), 0.0).sum()


def _bigram_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)

    def draw(rows: int, length: int, num_states: int, power: float) -> Tensor:
        weights = torch.rand(num_states, generator=generator) ** power + 0.05
        texts = torch.multinomial(weights.expand(rows, -1), length, replacement=True, generator=generator)
        texts[::2, 1:] = (texts[::2, :-1] + 1) % num_states         # so that the order of a pair tells
        return texts

    return [Case((draw(5, 9, 4, 1.0), draw(12, 7, 4, 2.0), 4), "5 samples of length 9, V = 4"),
            Case((draw(40, 6, 5, 2.0), draw(50, 10, 5, 1.0), 5), "40 samples of length 6, V = 5"),
            Case((draw(9, 2, 3, 1.0), draw(7, 2, 3, 1.0), 3), "samples of length 2, V = 3"),
            Case((draw(20, 20, 70, 1.0), draw(15, 30, 70, 1.0), 70), "20 samples of length 20, V = 70"),
            Case((draw(3, 1000, 3, 1.0), draw(2, 1300, 3, 2.0), 3), "3 samples of length 1000, V = 3"),
            Case((draw(12, 8, 3, 1.0), draw(10, 9, 6, 1.0), 6), "samples in which half of V = 6 states do not occur"),
            Case((draw(20, 20, 300, 1.0), draw(15, 30, 300, 1.0), 300), "20 samples of length 20, V = 300"),
            Case((torch.tensor([[250, 7]]), torch.tensor([[31, 171]]), 300), "a pair each, V = 300",
                 edge="there are V^2 = 90,000 pairs: is a number of 16 bits too short for them?"),
            Case((torch.tensor([[0, 1, 0]]), torch.tensor([[2, 2, 2], [2, 2, 2]]), 4), "nothing in common",
                 edge="two sets of pairs without a common one are at distance 1")]


def _shorter(p: Tensor, q: Tensor) -> Tensor:
    """The distance up to the last pair of that set whose last pair comes first."""
    end = 1 + min(int(each.flatten().nonzero().max()) for each in (p, q))
    return (p - q).flatten()[:end].abs().sum() / 2


def _weighed_rows(samples: Tensor, reference: Tensor, num_states: int, *, by_reference: bool = False) -> Tensor:
    texts = reference if by_reference else samples
    first = torch.bincount(texts[:, :-1].flatten(), minlength=num_states).double()
    return bigram_distance(samples, reference, num_states, shares=_conditional, distance=lambda p, q: (
        first / first.sum() * (p - q).abs().sum(1)).sum() / 2)


BIGRAM_DISTANCE = Question(
    id="10-3-bigram-distance",
    points=3,
    name="bigram_distance",
    cases=_bigram_cases,
    reference=bigram_distance,
    misconceptions=mistakes({
        "the half is missing: total variation is half the sum, so that it lies between 0 and 1":
            slip(bigram_distance, lambda distance: 2 * distance),
        "pairs are also formed of the last character of one text and the first of the next; the texts are separate":
            _codes(lambda x, num_states: _pairs(x.reshape(1, -1), num_states)),
        "the last character of a text has the first for a neighbour here, as `roll` leaves it; it has none":
            _codes(lambda x, num_states: x * num_states + x.roll(-1, 1)),
        "both sets are cut to the same number of texts and characters; shares can be compared without that":
            lambda samples, reference, num_states: bigram_distance(
                samples[:len(reference), :reference.shape[1]], reference[:len(samples), :samples.shape[1]], num_states),
        "this compares what follows each character, p(b given a), weighed by the samples' own characters; asked are "
        "the shares of the pairs": _weighed_rows,
        "this compares what follows each character, p(b given a), weighed by the reference's characters; asked are the "
        "shares of the pairs": slip(_weighed_rows, by_reference=True),
        "the counts are cut to the shorter of two tables, as bincount without minlength leaves them: what lies beyond "
        "counts": _distance(_shorter),
        "this compares single characters; asked are pairs of neighbours": _codes(lambda x, num_states: x),
        "single characters are compared, and the half is missing":
            slip(bigram_distance, lambda distance: 2 * distance, codes=lambda x, num_states: x),
        "the order of a pair is lost: ab and ba are two":
            _shares(lambda counts, x: (counts + counts.T) / counts.sum() / 2),
        "different pairs fall on the same number, like a + b; a * num_states + b keeps them apart":
            _codes(lambda x, num_states: x[:, :-1] + x[:, 1:]),
        "different pairs fall on the same number: a (num_states - 1) + b; take a * num_states + b":
            _codes(lambda x, num_states: _pairs(x, num_states - 1)),
        "the pairs do not overlap: of abcd only ab and cd are counted, bc is a pair too":
            _codes(lambda x, num_states: _pairs(x, num_states)[:, ::2]),
        "the pairs run over the texts, down the columns; neighbours stand in the same row":
            _codes(lambda x, num_states: _pairs(x.T, num_states)),
        "each row of the table of pairs is normalised: p(b given a), averaged over a. Asked are the shares of the "
        "pairs themselves":
            slip(bigram_distance, lambda distance, num_states: distance / num_states, shares=_conditional),
        "the same, p(b given a), added up over a: asked are the shares of the pairs themselves": _shares(_conditional),
        "counts are compared, not shares: divide each by its own number of pairs": _shares(lambda counts, x: counts),
        "a pair that occurs often is counted once: `p[a, b] += 1` with tensors of indices adds 1 to an entry however "
        "often it is named. bincount counts": _shares(lambda counts, x: (counts > 0) / (counts > 0).sum().double()),
        "both sets of counts are divided by the number of pairs in the samples; divide each by its own":
            slip(bigram_distance, lambda distance, samples: distance / samples[:, 1:].numel(),
                 shares=lambda counts, x: counts),
        "both sets of counts are divided by the number of pairs in the reference; divide each by its own":
            slip(bigram_distance, lambda distance, reference: distance / reference[:, 1:].numel(),
                 shares=lambda counts, x: counts),
        "the counts are divided by the number of characters; a text of n characters has n - 1 pairs":
            _shares(lambda counts, x: counts / x.numel()),
        "the counts are divided by the number of texts; divide by the number of pairs":
            _shares(lambda counts, x: counts / len(x)),
        "this is the largest difference; total variation is half the sum of all":
            _distance(lambda p, q: (p - q).abs().max()),
        "this is the Euclidean distance; total variation adds up absolute differences":
            _distance(lambda p, q: (p - q).square().sum().sqrt()),
        "this is the sum of squares; total variation adds up absolute differences":
            _distance(lambda p, q: (p - q).square().sum()),
        "this is half the sum of squares; total variation adds up absolute differences":
            _distance(lambda p, q: (p - q).square().sum() / 2),
        "the absolute differences are averaged over the pairs; half their *sum* is asked":
            _distance(lambda p, q: (p - q).abs().mean()),
        "half the differences' mean over the pairs; half their *sum* is asked":
            _distance(lambda p, q: (p - q).abs().mean() / 2),
        "the differences are added up with their signs, which gives 0: take absolute values":
            _distance(lambda p, q: (p - q).sum().abs()),
        "this is the overlap; the distance is 1 minus it": slip(bigram_distance, lambda distance: 1 - distance),
        "only pairs that the samples hold are counted: what they never say is then free. Add up over all pairs":
            _distance(lambda p, q: torch.where(p > 0, (p - q).abs(), 0.0).sum() / 2),
        "only pairs that the text holds are counted: what is made up is then free. Add up over all pairs":
            _distance(lambda p, q: torch.where(q > 0, (p - q).abs(), 0.0).sum() / 2),
        "this compares which pairs occur, not how often":
            _distance(lambda p, q: 1 - ((p > 0) & (q > 0)).sum() / ((p > 0) | (q > 0)).sum().double()),
        "this is a Kullback-Leibler divergence; asked is the total variation": _distance(_divergence),
        "this is a Kullback-Leibler divergence, of the text from the samples; asked is the total variation":
            _distance(lambda p, q: _divergence(q, p)),
        "a count of 1 is added to every pair: no smoothing is asked for": _shares(
            lambda counts, x: (counts + 1) / (counts + 1).sum()),
        # A text of two characters has no such pair.
        "neighbours are next to each other; here one character lies between them": everywhere(
            lambda value, samples, reference, num_states: samples.shape[1] == 2 or abs(value - bigram_distance(
                torch.tensor(samples), torch.tensor(reference), num_states,
                codes=lambda x, num_states: _pairs(x, num_states, gap=2)).numpy()) < 1e-5),
        "each sample is compared by itself and the distances averaged: a single text is always far away. Count the "
        "pairs of all samples together": lambda samples, reference, num_states: torch.stack(
            [bigram_distance(sample[None], reference, num_states) for sample in samples]).mean(),
        "only the first sample is compared": slip(bigram_distance, samples=lambda samples: samples[:1]),
    }),
)


# 10-4: a template becomes a state

def template_tokens(template: str, alphabet: str, blank: str, *, mask: Callable[[str], int] = len,
                    also: Callable[[str], bool] = lambda char: False) -> Tensor:
    """The states; or with another one for the mask, of the alphabet, or masks also at other characters than blanks."""
    unknown = set(template) - set(alphabet + blank)
    if unknown:
        raise ValueError(f"the model does not know {sorted(unknown)}; it knows {alphabet!r}, and {blank!r} is a gap")
    return torch.tensor([mask(alphabet) if char == blank or also(char) else alphabet.index(char)
                         for char in template], dtype=torch.int64)


def _template(change: Callable[..., str]) -> Callable:
    return slip(template_tokens, template=change)


def _template_cases(seed: int) -> list[Case]:
    refused = "a character outside the alphabet must raise ValueError with a message that names it; a mask, another " \
              "character or nothing in its place would overwrite what was given"
    signs = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    first = ("the ____ cat", "a cat ___ the", "that ____ tea", "eat the ____ at")[seed % 4]
    return [Case((first, " ehtac", "_"), f"{first!r}, blank '_'"),
            Case((" _A*b**_ ", " _Aab", "*"), "' _A*b**_ ', blank '*', with '_' in the alphabet"),
            Case(("???", "yx", "?"), "'???', blank '?'"),
            Case(("teatea", "aet", "_"), "'teatea', without a blank"),
            Case(("tea_", "tea", "_"), "'tea_', alphabet 'tea'"),
            Case(("a\nb??C\n", "bCc\na", "?"), "a template of two lines"),
            Case(("e\u0301_e", "\u0301ea", "_"), "an accent that is a character of its own",
                 edge="a letter and the accent behind it are two characters, as they were given: normalise nothing"),
            Case((signs[::-50] + "*" + signs[:3], signs, "*"), "an alphabet of 300 signs"),
            # No message of Python's own holds a 7, a Q, a _ or a 9: one that does names what was given.
            Case(("the 7at", " ehtac", "_"), "'the 7at' without '7' in the alphabet", edge=refused, raises=ValueError,
                 says="7"),
            Case(("Qe_", "aeq", "_"), "'Qe_' without 'Q' in the alphabet", edge=refused, raises=ValueError, says="Q"),
            Case(("tea9", "aet", "_"), "'tea9' without '9' in the alphabet", edge=refused, raises=ValueError, says="9"),
            Case(("5_", "+-9 ", "_"), "'5_' with the alphabet '+-9 '", edge=refused, raises=ValueError, says="5"),
            Case(("te_?", "aet", "?"), "'te_?' with the blank '?', without '_' in the alphabet", edge=refused,
                 raises=ValueError, says="_")]


TEMPLATE_TOKENS = Question(
    id="10-4-template-tokens",
    points=3,
    name="template_tokens",
    cases=_template_cases,
    reference=template_tokens,
    misconceptions=mistakes({
        "a blank becomes state 0, which is a character; the mask is state V, the number of characters":
            slip(template_tokens, mask=lambda alphabet: 0),
        "a blank becomes the last character, V - 1; the mask is state V: characters are 0..V-1":
            slip(template_tokens, mask=lambda alphabet: len(alphabet) - 1),
        "a blank becomes V + 1; the mask is state V: characters are 0..V-1":
            slip(template_tokens, mask=lambda alphabet: len(alphabet) + 1),
        "a blank becomes -1: is it looked up in the alphabet with find? The mask is state V":
            slip(template_tokens, mask=lambda alphabet: -1),
        "the characters are counted from 1; alphabet[0] is state 0":
            slip(template_tokens, lambda states, alphabet: (states + 1).clamp(max=len(alphabet))),
        "all states are one too high; alphabet[0] is state 0 and the mask V":
            slip(template_tokens, lambda states: states + 1),
        "the blanks are dropped; each is a mask in its place":
            _template(lambda template, blank: template.replace(blank, "")),
        "blanks in a row become one mask; each is a character to fill in": _template(
            lambda template, blank: "".join(char for place, char in enumerate(template)
                                            if char != blank or template[:place][-1:] != blank)),
        "the alphabet is sorted first; state i is alphabet[i], in the order that was given":
            slip(template_tokens, alphabet=lambda alphabet: "".join(sorted(alphabet))),
        "the spaces at the ends are stripped; they were given, and stay": _template(lambda template: template.strip()),
        "the blank is taken to be '_', always; use `blank`: '_' may be a character of the text":
            Shows(lambda cases, values: (values[1] == len(cases[1].args[1])).tolist() == [
                char == "_" for char in cases[1].args[0]]),
        "the blank is taken to be '_' as well as `blank`: '_' may be a character of the text":
            slip(template_tokens, also=lambda char: char == "_"),
        "spaces become masks; only blanks do": slip(template_tokens, also=lambda char: char == " "),
        "everything that is no letter becomes a mask; only blanks do":
            slip(template_tokens, also=lambda char: not char.isalpha()),
        "everything becomes a mask: what was given is overwritten; only blanks do":
            slip(template_tokens, also=lambda char: True),
        "masks and characters are exchanged: what was given is masked": everywhere(
            lambda value, template, alphabet, blank: (value == len(alphabet)).tolist() == [
                char != blank for char in template]),
        "the template is turned round; the order stays": _template(lambda template: template[::-1]),
        "these are Unicode numbers (ord); a state is a place in the alphabet": everywhere(
            lambda value, template, alphabet, blank: "?" in template or all(
                state == ord(char) for state, char in zip(value, template, strict=True) if char != blank)),
        "only the first blank becomes a mask": lambda template, alphabet, blank: torch.tensor(
            [0 if char == blank and blank in template[:place] else (alphabet + blank).index(char)
             for place, char in enumerate(template)]),
        "the template is written in lower case first; a character that was given stays what it is":
            _template(lambda template: template.lower()),
        "the alphabet is taken from the template; it was given": everywhere(
            lambda value, template, alphabet, blank: any(
                value.tolist() == [(own + blank).index(char) for char in template]
                for own in ("".join(sorted(set(template) - {blank})), "".join(sorted(set(template)))))),
        "this marks where the blanks are, 1 or 0; asked are states": everywhere(
            lambda value, template, alphabet, blank: value.tolist() == [char == blank for char in template]),
        "the state of the first blank is written into every place": everywhere(
            lambda value, *_: len(set(value.tolist())) == 1),
        "the states count from the end of the alphabet; state i is alphabet[i]":
            slip(template_tokens, alphabet=lambda alphabet: alphabet[::-1]),
    }),
)


QUESTIONS = (LEAKED, BITS_WITH_ERROR, BIGRAM_DISTANCE, TEMPLATE_TOKENS)
