"""The vocabulary of mistakes: wrong functions made from the right one, and what shows in the values.

A topic's mistakes are a mapping: the message, then the answer that earns it, the most telling first.

    misconceptions=mistakes({
        "the sign is off": slip(loss, lambda value: -value),                       # the right one, and then ...
        "the mask keeps its mass": slip(loss, mask=None),                          # ... with another switch
        "the result is not finite": somewhere(lambda value, *_: not np.isfinite(value).all()),
        **seeding(same=[(0, 1)], other=(0, 2), again=(2, 4)),                      # what every sampler can get wrong
        **rare_lost(loss),                                                         # ... and every threshold
    })
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Symptom


@dataclass(frozen=True)
class Shows:
    """A mistake that is known by `symptom(cases, values)`; with `always`, also where the values pass."""

    symptom: Symptom
    always: bool = False


@dataclass(frozen=True)
class Raises:
    """A mistake that is known by a pattern in the text of an exception, to which the message is added."""

    pattern: str


Sign = Shows | Raises | Callable[..., Any]


def mistakes(known: Mapping[str, Sign | tuple[Sign, ...]]) -> tuple[Misconception, ...]:
    """The misconceptions of a question, the most telling first: message -> the sign of it, or several signs."""
    found = []
    for message, signs in known.items():
        for sign in signs if isinstance(signs, tuple) else (signs,):
            if isinstance(sign, Shows):
                found.append(Misconception(message, symptom=sign.symptom, always=sign.always))
            elif isinstance(sign, Raises):
                found.append(Misconception(message, raised=sign.pattern))
            else:
                found.append(Misconception(message, wrong=sign))
    return tuple(found)


def slip(right: Callable[..., Any], then: Callable[..., Any] | None = None, **changes: Any) -> "Slip":
    """The right function made to err: in its arguments, in its switches (keyword-only), or in what comes of it.

    An argument becomes what its change, a function of arguments by their names, gives; `then` is such a function of
    the result, its first parameter. A switch is set to the value.
    """
    unknown = changes.keys() - inspect.signature(right).parameters.keys()
    if unknown:
        raise TypeError(f"{right.__name__} has no argument or switch {', '.join(sorted(unknown))}")
    return Slip(right, (then,) if then else (), changes)


@dataclass(frozen=True, eq=False)
class Slip:
    """What `slip` makes: a function of the arguments of `right` that errs."""

    right: Callable[..., Any]
    thens: tuple[Callable[..., Any], ...]
    changes: Mapping[str, Any]

    def __call__(self, *args: Any) -> Any:
        names = [name for name, p in inspect.signature(self.right).parameters.items() if p.kind is not p.KEYWORD_ONLY]
        given = dict(zip(names, args, strict=True))
        changed = {name: change(*(given[need] for need in inspect.signature(change).parameters))
                   if name in names else change for name, change in self.changes.items()}
        result = self.right(**{**given, **changed})
        for then in self.thens:
            result = then(result, *(given[need] for need in list(inspect.signature(then).parameters)[1:]))
        return result

    def and_also(self, other: "Slip") -> "Slip | None":
        """Both slips at once; None where they are of two functions, or change the same."""
        if self.right is not other.right or self.changes.keys() & other.changes.keys():
            return None
        return Slip(self.right, (*self.thens, *other.thens), {**self.changes, **other.changes})


def everywhere(test: Callable[..., Any], *, always: bool = False) -> Shows:
    """test(value, *arguments) of every case, all of them arrays."""
    return Shows(lambda cases, values: all(test(*_arrays(case, value)) for case, value in
                                           zip(cases, values, strict=True)), always)


def somewhere(test: Callable[..., Any], *, always: bool = False) -> Shows:
    """test(value, *arguments) of at least one case, all of them arrays."""
    return Shows(lambda cases, values: any(test(*_arrays(case, value)) for case, value in
                                           zip(cases, values, strict=True)), always)


def seeding(same: Sequence[tuple[int, int]], other: tuple[int, int],
            again: tuple[int, int]) -> dict[str, Sign | tuple[Sign, ...]]:
    """The three mistakes of every sampler, from pairs of cases that give the same where one is made.

    same   with the same seed; there they must be equal
    other  with different seeds
    again  a case, and one that goes on with its generator
    """
    return {
        "the draws do not follow the generator: the same seed gave two results. Hand `generator` to every function "
        "that draws": Shows(lambda cases, values: any(bool((values[i] != values[j]).any()) for i, j in same), True),
        "two seeds gave the same result: draw with the given generator, without seeding inside":
            Shows(lambda cases, values: bool((values[other[0]] == values[other[1]]).all()), True),
        "a second call with the same generator gave the same result as the first: the draws must move the given "
        "generator on. A copy of it, or another one with its seed, leaves it where it was":
            Shows(lambda cases, values: bool((values[again[0]] == values[again[1]]).all()), True)}


def dependent(features: np.ndarray, kinds: np.ndarray, *, along_the_text: bool = False) -> bool:
    """True if one text of a batch tells of another, by the features (texts, f) of each.

    Texts of the same kind, (texts,), have the same law. From each feature the mean over the texts of its kind is
    subtracted; then every feature of a text is multiplied by every feature of another: of the next five, of the one
    half a batch away, of its twin in a batch of pairs and of its mirror image; and all this once more among only
    those texts in which something varies. Where feature i is that of position i, `along_the_text` adds up the
    products along the text, too, at every shift.

    A score is the sum of such products over the texts, divided by the root of the sum of their squares, or of what
    that is on average, whichever is larger: where few of the rare ones came up, the sum of squares is too small. Where
    texts are independent the products have the mean 0 and are uncorrelated, so that the score is about standard
    normal: it is beyond 6 with a probability of 2e-9, and a check has a few thousand scores. Sums of rare products are
    not normal, so a feature with a standard deviation of at most 1/4 among the texts of its kind is left out.

    What shows in no feature by itself may show in all together. Turned so that they are uncorrelated and of variance 1
    among the texts of a kind, their squared scores add up to a chi-square variable with a degree of freedom each.
    """
    names, kinds = np.unique(kinds, return_inverse=True)
    centred, white = (np.zeros(features.shape) for _ in range(2))
    variances = np.zeros((len(names), features.shape[1]))
    for kind in range(len(names)):
        own = features[kinds == kind].astype(float)
        own -= own.mean(0)
        variance = (own**2).mean(0)
        varies = variance > 0.25**2
        centred[kinds == kind] = own * varies
        variances[kind] = variance * varies
        white[kinds == kind] = _whitened(own)
    some = centred.any(1)
    scores = [score for chosen in ([...] if some.all() else [..., some])
              for score in _scores(centred[chosen], kinds[chosen], variances, along_the_text)]
    directions = (white != 0).sum(1)
    return bool(np.abs(np.concatenate(scores)).max() > 6) or any(
        _tell(white[one], white[other], float(directions[one] @ directions[other]))
        for one, other in _pairs(len(white)))


def too_even(chi_square: float, freedom: int) -> bool:
    """True if a chi-square statistic is smaller than independent draws make it, but for one time in 10^9."""
    return bool(torch.special.gammainc(torch.tensor(freedom / 2), torch.tensor(chi_square / 2)) < 1e-9)


def too_uneven(chi_square: float, freedom: int) -> bool:
    """True if a chi-square statistic is larger than independent draws make it, but for one time in 10^9."""
    return bool(torch.special.gammaincc(torch.tensor(freedom / 2), torch.tensor(chi_square / 2)) < 1e-9)


def uneven_sets(*masks: np.ndarray) -> bool:
    """True if not all sets of k positions come up equally often, over all masks (texts, n) and all k together."""
    masked = np.concatenate(masks)
    chi_square, freedom = 0.0, 0
    for k in range(1, masked.shape[1]):
        own = masked[masked.sum(1) == k]
        sets = math.comb(masked.shape[1], k)
        if len(own) >= 20 * sets:
            counts = np.unique(own @ 2 ** np.arange(masked.shape[1]), return_counts=True)[1]
            expected = len(own) / sets
            chi_square += ((counts - expected)**2 / expected).sum() + (sets - len(counts)) * expected
            freedom += sets - 1
    return freedom > 0 and too_uneven(chi_square, freedom)


def _scores(texts: np.ndarray, kinds: np.ndarray, variances: np.ndarray, along_the_text: bool) -> Iterator[np.ndarray]:
    """`variances` (kinds, f) are those of the features, `kinds` (texts,) say whose a text has."""
    waves = np.fft.rfft(texts) if along_the_text and texts.size else None
    squared, num = texts**2, len(variances)
    for one, other in _pairs(len(texts)):
        meetings = np.bincount(kinds[one] * num + kinds[other], minlength=num**2).reshape(num, num)
        squares = np.maximum(squared[one].T @ squared[other], variances.T @ meetings @ variances)
        yield _score(texts[one].T @ texts[other], squares)
        if waves is not None:
            # sum_i one[i] other[i - shift] for every shift at once, as a product of Fourier transforms
            products = np.fft.irfft(waves[one] * waves[other].conj(), texts.shape[1])
            yield _score(products.sum(0), (products**2).sum(0))


def _score(total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    return (total / np.sqrt(squares + 1e-9)).flatten()


def _whitened(texts: np.ndarray) -> np.ndarray:
    """In the directions in which they vary by more than 1/5, with variance 1 in each; 0 in the others."""
    variances, directions = np.linalg.eigh(texts.T @ texts / max(len(texts), 1))
    return texts @ (directions * np.where(variances > 1 / 25, variances.clip(1 / 25)**-0.5, 0))


def _tell(one: np.ndarray, other: np.ndarray, freedom: float) -> bool:
    """Whether the squared scores add up to more than those of independent texts, by 6 standard deviations.

    freedom  the number of products that vary, of all pairs of texts together

    The cube root of a chi-square variable over its degrees of freedom d is about normal: mean 1 - 2/9d, variance 2/9d
    (Wilson and Hilferty 1931).
    """
    freedom /= max(len(one), 1)
    if freedom < 1:
        return False
    spread = 2 / (9 * freedom)
    return bool(np.cbrt(((one.T @ other)**2).sum() / len(one) / freedom) > 1 - spread + 6 * np.sqrt(spread))


def _pairs(num: int) -> list[tuple[slice, slice]]:
    """Of `num` texts those that are compared, the n-th of the one slice with the n-th of the other."""
    half = num // 2
    mirrored = slice(num - 1, num - 1 - half, -1) if half < num else slice(0, 0)
    return [*((slice(0, max(num - lag, 0)), slice(lag, num)) for lag in (1, 2, 3, 4, 5, half)),
            (slice(0, 2 * half, 2), slice(1, num, 2)), (slice(0, half), mirrored)]


def _arrays(case: Case, value: np.ndarray) -> list:
    return [value, *(arg.numpy() if isinstance(arg, Tensor) else arg for arg in case.args)]


def close(value: np.ndarray, other: np.ndarray, *, rtol: float | np.ndarray = 1e-4) -> bool:
    """True if the two agree, as near as an answer must come to the reference; NaN agrees with NaN."""
    return np.allclose(value, other, rtol=rtol, atol=1e-6, equal_nan=True)


def nearly(value: np.ndarray, other: np.ndarray) -> bool:
    """True if the two differ by a ten-thousandth, or are in the ratio of 1 to 1.001, at most."""
    return np.allclose(value, other, rtol=1e-3, atol=1e-4)


def against(other: Callable[..., Tensor], test: Callable[[np.ndarray, np.ndarray], Any] = close) -> Shows:
    """test(value, other(*arguments)) of every case, both arrays: where a mistake shows in part, or gives NaN."""
    return Shows(lambda cases, values: all(test(value, other(*case.args).numpy()) for case, value in
                                           zip(cases, values, strict=True)))


def rare_lost(right: Callable[..., Tensor]) -> dict[str, Sign | tuple[Sign, ...]]:
    """What a threshold makes wrong where small numbers count: those below 1e-6, or, if it is larger, some more."""
    cause = "is there a threshold, a clamp or an epsilon, or is a dtype too short?"
    return {f"right up to 1e-6, but what is rarer than that is wrong: {cause}": against(right),
            f"nearly right everywhere, but not for small numbers: {cause}": against(right, nearly)}


def agreeing(other: Callable[..., Tensor], at: Any = ..., *, rtol: float | np.ndarray = 1e-4) -> Shows:
    """The values of every case are those of `other` at this index, whatever they are elsewhere."""
    return against(other, lambda value, right: close(value[at], right[at], rtol=rtol))


def only_where(right: Callable[..., Tensor], condition: Callable[..., bool]) -> Shows:
    """A mistake that does no harm in some cases: right there, and wrong in all others.

    The condition is a function of arguments by their names.
    """
    names = list(inspect.signature(right).parameters)
    needs = [names.index(name) for name in inspect.signature(condition).parameters]
    return Shows(lambda cases, values: all(
        close(value, right(*case.args).numpy()) == condition(*(case.args[i] for i in needs))
        for case, value in zip(cases, values, strict=True)))
