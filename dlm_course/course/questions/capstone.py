"""Topic 10: leaks between windows, bits per character with their error, a distance of bigrams, templates."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Question

# 10-1: does the split leak?

def leaked(train_starts: Tensor, held_out_starts: Tensor, length: int) -> Tensor:
    return _shared(train_starts, held_out_starts, length).any(-1).double().mean(-1)


def _shared(train_starts: Tensor, held_out_starts: Tensor, length: int) -> Tensor:
    """(held-out windows, positions, training windows): does the character lie in the training window?"""
    places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
    return (train_starts <= places) & (places < train_starts + length)


def _of_shared(share: Callable[[Tensor], Tensor]) -> Callable:
    return lambda *args: share(_shared(*args).double())


def _inside(held_out_starts: Tensor, length: int, where: Callable[[Tensor], Tensor]) -> Tensor:
    return where(held_out_starts[:, None] + torch.arange(length)).double().mean(-1)


def _leaked_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    train = torch.tensor([20, 0, 40, 21, 6]) + seed
    held_out = torch.tensor([3, 10, 22, 50, 36, 44, 13, 46]) + seed
    return [Case((train, held_out, 6), "8 held-out windows, 5 for training, length 6"),
            Case((torch.randint(60, (6,), generator=generator), torch.randint(60, (9,), generator=generator), 5),
                 "9 held-out windows, 6 for training, length 5"),
            Case((torch.arange(0, 40, 4), torch.tensor([2, 12, 39, 41]), 7), "overlapping training windows, length 7"),
            Case((torch.arange(0, 30, 3), torch.arange(32, 50, 3), 3), "the end of the text held out"),
            Case((torch.arange(0), torch.arange(3), 4), "no window for training",
                 edge="where nothing is trained on nothing can leak: zeros")]


LEAKED = Question(
    id="10-1-leaked",
    points=3,
    name="leaked",
    cases=_leaked_cases,
    reference=leaked,
    misconceptions=(
        Misconception("a held-out window that touches a training window counts as leaked whole; asked is the share of "
                      "its characters", _of_shared(lambda shared: shared.amax((1, 2)))),
        Misconception("a character in two training windows is counted twice; count the *characters* that lie in at "
                      "least one", _of_shared(lambda shared: shared.sum(-1).mean(-1))),
        Misconception("the overlaps are added up and cut off at 1: two training windows that overlap are still counted "
                      "twice. Count characters", _of_shared(lambda shared: shared.sum(-1).mean(-1).clamp(max=1))),
        Misconception("only the training window that shares most is counted; a character may lie in any of them",
                      _of_shared(lambda shared: shared.mean(1).amax(-1))),
        Misconception("this is the number of characters; divide by the length of the window",
                      lambda *args: args[2] * leaked(*args)),
        Misconception("this is in percent; asked is a share between 0 and 1", lambda *args: 100 * leaked(*args)),
        Misconception("this is the share that does *not* leak", lambda *args: 1 - leaked(*args)),
        Misconception("only training windows that begin before the held-out one, or with it, are counted; later ones "
                      "overlap it too", lambda train, held_out, length: (_shared(train, held_out, length) & (
                          train <= held_out[:, None, None])).any(-1).double().mean(-1)),
        Misconception("only training windows that begin after the held-out one, or with it, are counted; earlier ones "
                      "overlap it too", lambda train, held_out, length: (_shared(train, held_out, length) & (
                          train >= held_out[:, None, None])).any(-1).double().mean(-1)),
        Misconception("only windows with the same start are compared; windows that are shifted share characters too",
                      lambda train, held_out, length: (held_out[:, None] == train).any(-1).double()),
        Misconception("a window is taken to end at start + length, that character included; it ends one before",
                      lambda train, held_out, length: _inside(held_out, length, lambda places: (
                          (train <= places[..., None]) & (places[..., None] <= train + length)).any(-1))),
        Misconception("a window is taken to have length - 1 characters: it ends with start + length - 1, that one "
                      "included", lambda train, held_out, length: _inside(held_out, length, lambda places: (
                          (train <= places[..., None]) & (places[..., None] < train + length - 1)).any(-1))),
        Misconception("the character at a training window's start is left out: start <= place",
                      lambda train, held_out, length: _inside(held_out, length, lambda places: (
                          (train < places[..., None]) & (places[..., None] < train + length)).any(-1))),
        Misconception("everything between the first and the last training window is taken for training text; gaps are "
                      "none", lambda train, held_out, length: _inside(held_out, length, lambda places: (
                          (train.min() <= places) & (places < train.max() + length)))),
        Misconception("only the training windows' *starts* are looked for among the characters; a window has `length` "
                      "of them", lambda train, held_out, length: _inside(
                          held_out, length, lambda places: torch.isin(places, train))),
        Misconception("only the first character of the held-out window is looked at",
                      _of_shared(lambda shared: shared.amax(-1)[:, 0])),
        Misconception("only the last character of the held-out window is looked at",
                      _of_shared(lambda shared: shared.amax(-1)[:, -1])),
        Misconception("only the first and the last character of the held-out window are looked at",
                      _of_shared(lambda shared: shared.amax(-1)[:, [0, -1]].mean(-1))),
        Misconception("only the first training window is looked at: is a return, or an assignment, inside the loop?",
                      _of_shared(lambda shared: shared[..., 0].mean(-1))),
        Misconception("only the last training window counts: does each one overwrite what the others found?",
                      _of_shared(lambda shared: shared[..., -1].mean(-1))),
        Misconception("the overlaps are averaged over the training windows; a character leaks if it lies in one",
                      _of_shared(lambda shared: shared.mean((1, 2)))),
        Misconception("a character must lie in every training window here; one is enough",
                      _of_shared(lambda shared: shared.amin(-1).mean(-1))),
        Misconception("the share is that of all leaked characters together; divide by the length of a window",
                      lambda *args: leaked(*args) / leaked(*args).sum().clamp(min=1e-12)),
        Misconception("this says which windows leak more than half; asked is the share itself",
                      lambda *args: (leaked(*args) >= 0.5).double()),
    ),
)


# 10-2: bits per character

def bits_with_error(nats: Tensor, lengths: Tensor) -> Tensor:
    return _ratio(nats, lengths) / math.log(2)


def _ratio(nats: Tensor, lengths: Tensor, *, correction: int = 1) -> Tensor:
    ratio = nats.sum() / lengths.sum()
    return torch.stack([ratio, (nats - ratio * lengths).std(correction=correction) * len(nats)**0.5 / lengths.sum()])


def _with_error(error: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The right ratio with another second number, given in nats."""
    return lambda nats, lengths: torch.stack([nats.sum() / lengths.sum(), error(nats, lengths)]) / math.log(2)


def _residuals(nats: Tensor, lengths: Tensor) -> Tensor:
    return nats - nats.sum() / lengths.sum() * lengths


def _each(nats: Tensor, lengths: Tensor) -> Tensor:
    each = nats / lengths
    return torch.stack([each.mean(), each.std() / len(each)**0.5])


def _jackknife(nats: Tensor, lengths: Tensor) -> Tensor:
    without = (nats.sum() - nats) / (lengths.sum() - lengths)
    return ((len(nats) - 1) / len(nats) * (without - without.mean()).square().sum()).sqrt()


def _scaled(*factors: float) -> Callable:
    return lambda nats, lengths: bits_with_error(nats, lengths) * torch.tensor(factors, dtype=torch.float64)


def _bits_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for count, longest in ((30, 900), (6, 300), (2, 50)):
        lengths = torch.randint(20, longest, (count,), generator=generator)
        lengths[0], lengths[1] = 25, longest
        each = 1.5 + 0.3 * torch.randn(count, dtype=torch.float64, generator=generator) + 8 / lengths
        cases.append(Case((each * lengths, lengths), f"D = {count} passages"))
    return cases


BITS_WITH_ERROR = Question(
    id="10-2-bits-with-error",
    points=3,
    name="bits_with_error",
    cases=_bits_cases,
    reference=bits_with_error,
    misconceptions=(
        Misconception("this is the mean of the passages' own bits per character, in which a short passage weighs as "
                      "much as a long one; asked are all bits over all characters",
                      lambda nats, lengths: _each(nats, lengths) / math.log(2)),
        Misconception("this is the mean of the passages' own numbers, and in nats", _each),
        Misconception("the first number is right; the error is that of the mean of the passages' own bits per "
                      "character. Take the residuals, nats - R lengths",
                      _with_error(lambda nats, lengths: _each(nats, lengths)[1])),
        Misconception("the error is that of the nats alone: a long passage costs more nats, and that is no error. Take "
                      "the residuals, nats - R lengths", _with_error(
                          lambda nats, lengths: nats.std() * len(nats)**0.5 / lengths.sum())),
        Misconception("the first number is the mean of the passages' own; the error is right", lambda nats, lengths:
                      torch.stack([_each(nats, lengths)[0], _ratio(nats, lengths)[1]]) / math.log(2)),
        Misconception("these are nats; divide both by log 2", _ratio),
        Misconception("multiplied by log 2; divide: a nat is 1.44 bits", lambda nats, lengths:
                      _ratio(nats, lengths) * math.log(2)),
        Misconception("the first number is in bits, the error still in nats", _scaled(1, math.log(2))),
        Misconception("the first number is in nats, the error in bits", _scaled(math.log(2), 1)),
        Misconception("divided by log 10, or log10 is taken: these are decimal digits; divide by log 2",
                      _scaled(*[math.log(2) / math.log(10)] * 2)),
        Misconception("the sum of squares is divided by D here; by D - 1, because R is estimated from the same "
                      "passages", lambda nats, lengths: _ratio(nats, lengths, correction=0) / math.log(2)),
        Misconception("the sum of squares is divided by D - 1 but not multiplied by D: the error is too small by "
                      "sqrt(D)", _with_error(lambda nats, lengths: _residuals(nats, lengths).std() / lengths.sum())),
        Misconception("this is the spread of single passages, too large by sqrt(D): the error of the whole has "
                      "sqrt(D) s over all characters",
                      _with_error(lambda nats, lengths: _residuals(nats, lengths).std() * len(nats) / lengths.sum())),
        Misconception("the residuals' spread is not divided by the number of characters",
                      _with_error(lambda nats, lengths: _residuals(nats, lengths).std() * len(nats)**0.5)),
        Misconception("the residuals' spread is divided by sqrt(D) only; it is that of nats a passage, and one passage "
                      "has sum(lengths)/D characters on average",
                      _with_error(lambda nats, lengths: _residuals(nats, lengths).std() / len(nats)**0.5)),
        Misconception("the second number is the variance; take the root", lambda nats, lengths: torch.stack(
            [_ratio(nats, lengths)[0] / math.log(2), (_ratio(nats, lengths)[1] / math.log(2)).square()])),
        Misconception("the error comes first here; asked is the number, then its error",
                      lambda nats, lengths: bits_with_error(nats, lengths).flip(0)),
        Misconception("this is half the width of a 95 % interval, 1.96 standard errors; asked is one",
                      _scaled(1, 1.96)),
        Misconception("every character is counted as an independent observation; those of a passage hang together",
                      _with_error(lambda nats, lengths: _residuals(nats, lengths).std() / lengths.sum().sqrt())),
        Misconception("these are bits a *passage*: divided by D, not by the number of characters",
                      lambda nats, lengths: torch.stack([nats.mean(), nats.std() / len(nats)**0.5]) / math.log(2)),
        Misconception("these are bits of the whole text; divide by the number of characters",
                      lambda nats, lengths: bits_with_error(nats, lengths) * lengths.sum()),
        Misconception("this is characters per bit; asked are bits per character", lambda nats, lengths: torch.stack(
            [1 / bits_with_error(nats, lengths)[0], bits_with_error(nats, lengths)[1]])),
        Misconception("this is the median of the passages' own numbers; asked are all bits over all characters",
                      lambda nats, lengths: torch.stack([(nats / lengths).quantile(0.5), _ratio(nats, lengths)[1]])
                      / math.log(2)),
        Misconception("the mean of the nats is subtracted in place of R lengths: a long passage costs more nats, and "
                      "that is no error", _with_error(lambda nats, lengths: (nats - nats.mean()).square().sum().sqrt()
                                                      / lengths.sum())),
        Misconception("this is the jackknife, which is a good error too; asked is that of the residuals, by the "
                      "formula", _with_error(_jackknife)),
        Misconception("the residuals are added up, not their squares: their sum is 0 by the choice of R",
                      _with_error(lambda nats, lengths: torch.zeros((), dtype=torch.float64))),
        Misconception("the residuals' sizes are averaged; take the root of the sum of squares", _with_error(
            lambda nats, lengths: _residuals(nats, lengths).abs().mean() * len(nats)**0.5 / lengths.sum())),
        Misconception("the longest passage serves as the length of all", lambda nats, lengths: torch.stack(
            [nats.mean(), nats.std() / len(nats)**0.5]) / lengths.max() / math.log(2)),
        Misconception("R is that of the mean of the passages' own numbers where the residuals are taken; take the R "
                      "that is returned", _with_error(lambda nats, lengths: (
                          nats - (nats / lengths).mean() * lengths).std() * len(nats)**0.5 / lengths.sum())),
    ),
)


# 10-3: how far from the text are the samples?

def bigram_distance(samples: Tensor, reference: Tensor, num_states: int) -> Tensor:
    return _apart(samples, reference, num_states)


def _pairs(x: Tensor, num_states: int, *, gap: int = 1) -> Tensor:
    return _shares(x[:, :-gap] * num_states + x[:, gap:], num_states**2)


def _shares(codes: Tensor, num_codes: int) -> Tensor:
    counts = torch.bincount(codes.flatten(), minlength=num_codes).double()
    return counts / counts.sum()


def _half_l1(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().sum() / 2


def _apart(samples: Tensor, reference: Tensor, num_states: int, *, shares: Callable = _pairs,
           distance: Callable = _half_l1) -> Tensor:
    """The distance, or what a mistake makes of the shares (x, V) or of the distance (p, q)."""
    return distance(shares(samples, num_states), shares(reference, num_states))


def _by_shares(shares: Callable) -> Callable:
    return lambda *args: _apart(*args, shares=shares)


def _by_distance(distance: Callable) -> Callable:
    return lambda *args: _apart(*args, distance=distance)


def _row_shares(x: Tensor, num_states: int) -> Tensor:
    counts = _pairs(x, num_states).reshape(num_states, num_states)
    return (counts / counts.sum(1, keepdim=True).clamp(min=1e-12)).flatten() / num_states


def _unordered(x: Tensor, num_states: int) -> Tensor:
    shares = _pairs(x, num_states).reshape(num_states, num_states)
    return (shares + shares.T) / 2


def _smoothed(x: Tensor, num_states: int) -> Tensor:
    counts = _pairs(x, num_states) * x[:, 1:].numel() + 1
    return counts / counts.sum()


def _occurring(x: Tensor, num_states: int) -> Tensor:
    once = (_pairs(x, num_states) > 0).double()
    return once / once.sum()


def _over_one_total(which: int) -> Callable:
    """The mistake of dividing both sets of counts by the number of pairs in one of them, args[which]."""
    return lambda *args: _half_l1(*(_pairs(x, args[2]) * x[:, 1:].numel() / args[which][:, 1:].numel()
                                    for x in args[:2]))


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * (p / q).log(), 0.0).sum()


def _collided(x: Tensor, num_states: int) -> Tensor:
    return _shares(x[:, :-1] + x[:, 1:], 2 * num_states)


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
            Case((torch.tensor([[0, 1, 0]]), torch.tensor([[2, 2, 2], [2, 2, 2]]), 4), "nothing in common",
                 edge="two sets of pairs without a common one are at distance 1")]


BIGRAM_DISTANCE = Question(
    id="10-3-bigram-distance",
    points=3,
    name="bigram_distance",
    cases=_bigram_cases,
    reference=bigram_distance,
    misconceptions=(
        Misconception("the half is missing: total variation is half the sum, so that it lies between 0 and 1",
                      lambda *args: 2 * bigram_distance(*args)),
        Misconception("pairs are also formed of the last character of one text and the first of the next; the texts "
                      "are separate", _by_shares(lambda x, num_states: _pairs(x.reshape(1, -1), num_states))),
        Misconception("this compares single characters; asked are pairs of neighbours",
                      _by_shares(lambda x, num_states: _shares(x, num_states))),
        Misconception("single characters are compared, and the half is missing", lambda *args: 2 * _apart(
            *args, shares=lambda x, num_states: _shares(x, num_states))),
        Misconception("the order of a pair is lost: ab and ba are two", _by_shares(_unordered)),
        Misconception("different pairs fall on the same number, like a + b; a * num_states + b keeps them apart",
                      _by_shares(_collided)),
        Misconception("different pairs fall on the same number: a (num_states - 1) + b; take a * num_states + b",
                      _by_shares(lambda x, num_states: _shares(x[:, :-1] * (num_states - 1) + x[:, 1:],
                                                               num_states**2))),
        Misconception("the pairs do not overlap: of abcd only ab and cd are counted, bc is a pair too",
                      _by_shares(lambda x, num_states: _shares(
                          x[:, :x.shape[1] // 2 * 2:2] * num_states + x[:, 1::2], num_states**2))),
        Misconception("the pairs run over the texts, down the columns; neighbours stand in the same row",
                      _by_shares(lambda x, num_states: _pairs(x.T, num_states))),
        Misconception("each row of the table of pairs is normalised: p(b given a), averaged over a. Asked are the "
                      "shares of the pairs themselves", _by_shares(_row_shares)),
        Misconception("the same, p(b given a), added up over a: asked are the shares of the pairs themselves",
                      lambda *args: args[2] * _apart(*args, shares=_row_shares)),
        Misconception("counts are compared, not shares: divide each by its own number of pairs", _by_shares(
            lambda x, num_states: torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(),
                                                 minlength=num_states**2).double())),
        Misconception("a pair that occurs often is counted once: `p[a, b] += 1` with tensors of indices adds 1 to an "
                      "entry however often it is named. bincount counts", _by_shares(_occurring)),
        Misconception("both sets of counts are divided by the number of pairs in the samples; divide each by its own",
                      _over_one_total(0)),
        Misconception("both sets of counts are divided by the number of pairs in the reference; divide each by its own",
                      _over_one_total(1)),
        Misconception("the counts are divided by the number of characters; a text of n characters has n - 1 pairs",
                      _by_shares(lambda x, num_states: _pairs(x, num_states) * (x.shape[1] - 1) / x.shape[1])),
        Misconception("the counts are divided by the number of texts; divide by the number of pairs",
                      _by_shares(lambda x, num_states: _pairs(x, num_states) * (x.shape[1] - 1))),
        Misconception("this is the largest difference; total variation is half the sum of all",
                      _by_distance(lambda p, q: (p - q).abs().max())),
        Misconception("this is the Euclidean distance; total variation adds up absolute differences",
                      _by_distance(lambda p, q: (p - q).square().sum().sqrt())),
        Misconception("this is the sum of squares; total variation adds up absolute differences",
                      _by_distance(lambda p, q: (p - q).square().sum())),
        Misconception("this is half the sum of squares; total variation adds up absolute differences",
                      _by_distance(lambda p, q: (p - q).square().sum() / 2)),
        Misconception("the absolute differences are averaged over the pairs; half their *sum* is asked",
                      _by_distance(lambda p, q: (p - q).abs().mean())),
        Misconception("half the differences' mean over the pairs; half their *sum* is asked",
                      _by_distance(lambda p, q: (p - q).abs().mean() / 2)),
        Misconception("the differences are added up with their signs, which gives 0: take absolute values",
                      _by_distance(lambda p, q: (p - q).sum().abs())),
        Misconception("this is the overlap; the distance is 1 minus it",
                      lambda *args: 1 - bigram_distance(*args)),
        Misconception("only pairs that the samples hold are counted: what they never say is then free. Add up over all "
                      "pairs", _by_distance(lambda p, q: torch.where(p > 0, (p - q).abs(), 0.0).sum() / 2)),
        Misconception("only pairs that the text holds are counted: what is made up is then free. Add up over all "
                      "pairs", _by_distance(lambda p, q: torch.where(q > 0, (p - q).abs(), 0.0).sum() / 2)),
        Misconception("this compares which pairs occur, not how often", _by_distance(
            lambda p, q: 1 - ((p > 0) & (q > 0)).sum() / ((p > 0) | (q > 0)).sum().double())),
        Misconception("this is a Kullback-Leibler divergence; asked is the total variation", _by_distance(_divergence)),
        Misconception("this is a Kullback-Leibler divergence, of the text from the samples; asked is the total "
                      "variation", _by_distance(lambda p, q: _divergence(q, p))),
        Misconception("a count of 1 is added to every pair: no smoothing is asked for", _by_shares(_smoothed)),
        Misconception("neighbours are next to each other; here one character lies between them", symptom=lambda cases,
                      values: all(abs(float(value) - float(_apart(
                          *case.args, shares=lambda x, num_states: _pairs(x, num_states, gap=2)))) < 1e-5
                          for case, value in zip(cases, values, strict=True) if case.args[0].shape[1] > 2)),
        Misconception("each sample is compared by itself and the distances averaged: a single text is always far away. "
                      "Count the pairs of all samples together", lambda samples, reference, num_states: torch.stack(
                          [_apart(sample[None], reference, num_states) for sample in samples]).mean()),
        Misconception("only the first sample is compared", lambda samples, reference, num_states:
                      _apart(samples[:1], reference, num_states)),
    ),
)


# 10-4: a template becomes a state

def template_tokens(template: str, alphabet: str, blank: str) -> Tensor:
    unknown = set(template) - set(alphabet + blank)
    if unknown:
        raise ValueError(f"the model does not know {sorted(unknown)}; it knows {alphabet!r}, and {blank!r} is a gap")
    return _states(template, alphabet, lambda char: len(alphabet) if char == blank else alphabet.index(char))


def _states(template: str, alphabet: str, state: Callable[[str], int]) -> Tensor:
    return torch.tensor([state(char) for char in template], dtype=torch.int64)


def _blank_is(mask: Callable[[str], int]) -> Callable:
    """The mistake of another state for blanks."""
    return lambda template, alphabet, blank: _states(
        template, alphabet, lambda char: mask(alphabet) if char == blank else alphabet.index(char))


def _rewritten(change: Callable[[str, str], str]) -> Callable:
    """The mistake of another template: change(template, blank)."""
    return lambda template, alphabet, blank: template_tokens(change(template, blank), alphabet, blank)


def _masked_where(where: Callable[[str, str], bool]) -> Callable:
    """The mistake of masks at other characters: where(character, blank)."""
    return lambda template, alphabet, blank: _states(
        template, alphabet, lambda char: len(alphabet) if where(char, blank) else
        len(alphabet) if char == blank else alphabet.index(char))


def _template_cases(seed: int) -> list[Case]:
    refused = "a character outside the alphabet must raise ValueError with a message that names it; a mask, another " \
              "character or nothing in its place would overwrite what was given"
    first = ("the ____ cat", "a cat ___ the", "that ____ tea", "eat the ____ at")[seed % 4]
    return [Case((first, " ehtac", "_"), f"{first!r}, blank '_'"),
            Case((" _A*b**_ ", " _Aab", "*"), "' _A*b**_ ', blank '*', with '_' in the alphabet"),
            Case(("???", "yx", "?"), "'???', blank '?'"),
            Case(("teatea", "aet", "_"), "'teatea', without a blank"),
            # No message of Python's own holds a 7, a Q or a _: one that does names what was given.
            Case(("the 7at", " ehtac", "_"), "'the 7at' without '7' in the alphabet", edge=refused, raises=ValueError,
                 says="7"),
            Case(("Qe_", "aeq", "_"), "'Qe_' without 'Q' in the alphabet", edge=refused, raises=ValueError, says="Q"),
            Case(("te_?", "aet", "?"), "'te_?' with the blank '?', without '_' in the alphabet", edge=refused,
                 raises=ValueError, says="_")]


TEMPLATE_TOKENS = Question(
    id="10-4-template-tokens",
    points=3,
    name="template_tokens",
    cases=_template_cases,
    reference=template_tokens,
    misconceptions=(
        Misconception("a blank becomes state 0, which is a character; the mask is state V, the number of characters",
                      _blank_is(lambda alphabet: 0)),
        Misconception("a blank becomes the last character, V - 1; the mask is state V: characters are 0..V-1",
                      _blank_is(lambda alphabet: len(alphabet) - 1)),
        Misconception("a blank becomes V + 1; the mask is state V: characters are 0..V-1",
                      _blank_is(lambda alphabet: len(alphabet) + 1)),
        Misconception("a blank becomes -1: is it looked up in the alphabet with find? The mask is state V",
                      _blank_is(lambda alphabet: -1)),
        Misconception("the characters are counted from 1; alphabet[0] is state 0", lambda *args: torch.where(
            template_tokens(*args) < len(args[1]), template_tokens(*args) + 1, len(args[1]))),
        Misconception("all states are one too high; alphabet[0] is state 0 and the mask V",
                      lambda *args: template_tokens(*args) + 1),
        Misconception("the blanks are dropped; each is a mask in its place",
                      _rewritten(lambda template, blank: template.replace(blank, ""))),
        Misconception("blanks in a row become one mask; each is a character to fill in", _rewritten(
            lambda template, blank: "".join(char for place, char in enumerate(template)
                                            if char != blank or template[:place][-1:] != blank))),
        Misconception("the alphabet is sorted first; state i is alphabet[i], in the order that was given",
                      lambda template, alphabet, blank: template_tokens(template, "".join(sorted(alphabet)), blank)),
        Misconception("the spaces at the ends are stripped; they were given, and stay",
                      _rewritten(lambda template, blank: template.strip())),
        Misconception("the blank is taken to be '_', always; use `blank`: '_' may be a character of the text",
                      symptom=lambda cases, values: (values[1] == len(cases[1].args[1])).tolist() == [
                          char == "_" for char in cases[1].args[0]]),
        Misconception("the blank is taken to be '_' as well as `blank`: '_' may be a character of the text",
                      _masked_where(lambda char, blank: char == "_")),
        Misconception("spaces become masks; only blanks do", _masked_where(lambda char, blank: char == " ")),
        Misconception("everything that is no letter becomes a mask; only blanks do",
                      _masked_where(lambda char, blank: not char.isalpha())),
        Misconception("everything becomes a mask: what was given is overwritten; only blanks do",
                      _masked_where(lambda char, blank: True)),
        Misconception("masks and characters are exchanged: what was given is masked",
                      symptom=lambda cases, values: all(
                          ((value == len(case.args[1])) == [char != case.args[2] for char in case.args[0]]).all()
                          for case, value in zip(cases, values, strict=True))),
        Misconception("the template is turned round; the order stays",
                      _rewritten(lambda template, blank: template[::-1])),
        Misconception("these are Unicode numbers (ord); a state is a place in the alphabet", symptom=lambda cases,
                      values: all((value == [ord(char) for char in case.args[0]])[
                          [char != case.args[2] for char in case.args[0]]].all()
                          for case, value in zip(cases, values, strict=True) if "?" not in case.args[0])),
        Misconception("only the first blank becomes a mask", lambda template, alphabet, blank: torch.tensor(
            [0 if char == blank and blank in template[:place] else (alphabet + blank).index(char)
             for place, char in enumerate(template)])),
        Misconception("the template is written in lower case first; a character that was given stays what it is",
                      _rewritten(lambda template, blank: template.lower())),
        Misconception("the alphabet is taken from the template; it was given", symptom=lambda cases, values: all(
            value.tolist() in ([sorted(own).index(char) if char in own else len(own) for char in case.args[0]],
                               [sorted(set(case.args[0])).index(char) for char in case.args[0]])
            for case, value in zip(cases, values, strict=True) for own in [set(case.args[0]) - {case.args[2]}])),
        Misconception("this marks where the blanks are, 1 or 0; asked are states", symptom=lambda cases, values: all(
            value.tolist() == [int(char == case.args[2]) for char in case.args[0]]
            for case, value in zip(cases, values, strict=True))),
        Misconception("the state of the first blank is written into every place", symptom=lambda cases, values: all(
            len(set(value.tolist())) == 1 for value in values)),
        Misconception("the states count from the end of the alphabet; state i is alphabet[i]",
                      lambda template, alphabet, blank: template_tokens(template, alphabet[::-1], blank)),
    ),
)


QUESTIONS = (LEAKED, BITS_WITH_ERROR, BIGRAM_DISTANCE, TEMPLATE_TOKENS)
