"""Topic 08: when to reveal, one step, one token at a time, temperature, the price of revealing together."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.given import GivenFunction
from dlm_course.course.questions.mistakes import (
    Raises,
    Shows,
    dependent,
    everywhere,
    mistakes,
    seeding,
    slip,
    somewhere,
)
from dlm_course.course.questions.question import Case, Question
from dlm_course.sampling.exact import levels
from dlm_course.sampling.laws import (
    lambda_schedule_law,
    maskgit_law,
    one_at_a_time_law,
    order_law,
    random_order_law,
    surest_first_law,
)

# 08-1: when to reveal

@dataclass(frozen=True)
class _Rate:
    """A mask rate as a function of the progress s in [0, 1], (1 - s^inner)^outer: 1 at s = 0, 0 at s = 1."""

    inner: float
    outer: float

    def __call__(self, progress: Tensor) -> Tensor:
        progress = torch.as_tensor(progress, dtype=torch.float64)
        if bool(((progress < -1e-6) | (progress > 1 + 1e-6)).any()):
            raise ValueError(f"rate takes a progress from 0 to 1, got {float(progress.min()):.4g} to "
                             f"{float(progress.max()):.4g}")
        return (1 - progress.clamp(0, 1) ** self.inner) ** self.outer


def _even_points(num_steps: int) -> Tensor:
    return torch.arange(num_steps + 1, dtype=torch.float64) / num_steps


def reveal_probabilities(rate: Callable[[Tensor], Tensor], num_steps: int, *,
                         points: Callable[[int], Tensor] = _even_points,
                         of: Callable[[Tensor, Tensor], Tensor] = lambda before, after: (before - after) / before,
                         ) -> Tensor:
    """The probabilities; or at other points of progress, or of the levels something else."""
    rates = rate(points(num_steps))
    return of(rates[:-1], rates[1:])


def _of_levels(of: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return slip(reveal_probabilities, of=of)


def _hazard(rate: Callable[[Tensor], Tensor], num_steps: int, *,
            of: Callable[[Tensor], Tensor] = lambda hazard: hazard.clamp(0, 1)) -> Tensor:
    start, little = _even_points(num_steps)[:-1], 1e-6
    p = of((rate(start) - rate(start + little)) / little / rate(start) / num_steps)
    p[-1] = 1
    return p


def _by_subtracting(rate: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    rates, left, found = rate(_even_points(num_steps)), 1.0, []
    for share in (rates[:-1] - rates[1:]).tolist():
        found.append(min(share / left, 1.0) if left > 0 else 1.0)
        left -= found[-1]
    return torch.tensor(found, dtype=torch.float64)


def _one_point_too_few(num_steps: int) -> Tensor:
    return torch.linspace(0, 1, num_steps, dtype=torch.float64)


def _rate_cases(seed: int) -> list[Case]:
    numbers = 1.5 + torch.rand(2, generator=torch.Generator().manual_seed(seed))
    first, second = (numbers * 100).round().div(100).tolist()
    return [Case((_Rate(1, first), 4), f"rate(s) = (1 - s)^{first:.2f}, L = 4"),
            Case((_Rate(second, 1), 5), f"rate(s) = 1 - s^{second:.2f}, L = 5"),
            Case((_Rate(1, 1), 3), "rate(s) = 1 - s, L = 3"),
            Case((_Rate(second, 1), 1), "L = 1", edge="one step reveals everything, with probability 1"),
            Case((_Rate(1, first), 49), "L = 49",
                 edge="49 steps have 50 levels, rate(l/49): 49 widths of 1/49, added up, need not be 1; and small "
                      "levels count as they are, nothing is added to them"),
            Case((_Rate(1, 12), 20), "rate(s) = (1 - s)^12, L = 20",
                 edge="the levels fall to 1e-16 there, and count however small they are: what is divided by has no "
                      "smallest value, and nothing is added to it")]


def _of_visible(least: float) -> Callable:
    """With the share that is visible, or this number where it is larger, below the line."""
    return _of_levels(lambda before, after: (before - after) / (1 - before).clamp(min=least))


REVEAL_PROBABILITIES = Question(
    id="08-1-reveal-probabilities",
    points=2,
    name="reveal_probabilities",
    cases=_rate_cases,
    reference=reveal_probabilities,
    misconceptions=mistakes({
        "the division is missing: this is the share of *all* tokens that the step reveals; of those that are still "
        "masked it is that over r_(l-1)": _of_levels(lambda before, after: before - after),
        "L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps":
            slip(reveal_probabilities, points=_one_point_too_few),
        "L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps, and no number put at the end "
        "makes up for it":
            slip(reveal_probabilities, lambda p: torch.cat([p, torch.ones(1)]), points=_one_point_too_few),
        "L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps, and no number put in front "
        "makes up for it":
            slip(reveal_probabilities, lambda p: torch.cat([torch.zeros(1), p]), points=_one_point_too_few),
        "the progress l/L is rounded down to a whole number: l // L is 0 until the end; divide with /":
            slip(reveal_probabilities, points=lambda num_steps: _even_points(num_steps).floor()),
        "rate is taken at 1 - l/L, so that the levels rise: it takes the progress of the sampler, l/L, and is 1 at 0":
            slip(reveal_probabilities, points=lambda num_steps: _even_points(num_steps).flip(0)),
        "rate is read as the share that is *visible*: it is the share of masks, 1 at the start, and divides the "
        "difference": _of_levels(lambda before, after: (after - before) / (1 - before)),
        "rate is read as the share that is *visible*, and 0/0 kept away: it is the share of masks, 1 at the start": (
            *[_of_visible(least) for least in (1e-3, 1e-6, 1e-8, 1e-9, 1e-12)],),
        "the last level is not 0: the L + 1 levels are rate(l/L), l = 0..L; here masks are left at the end":
            slip(reveal_probabilities, points=lambda num_steps: _even_points(num_steps + 1)[:-1]),
        "there is one level too many: L steps have the levels l/L, l = 0..L":
            slip(reveal_probabilities, points=lambda num_steps: _even_points(num_steps + 1)),
        "the first level is not 1: the sampler starts from masks only, r_0 = rate(0)":
            slip(reveal_probabilities, points=lambda num_steps: _even_points(num_steps + 1)[1:]),
        "divided by r_l, the level after the step; a coin is thrown for tokens masked *before* it, r_(l-1)":
            _of_levels(lambda before, after: (before - after) / after),
        "this is r_l / r_(l-1), the probability to *stay* masked; reveal is 1 minus that":
            _of_levels(lambda before, after: after / before),
        "this is the mask rate after each step; asked is the probability to be revealed in it":
            _of_levels(lambda before, after: after),
        "this is the mask rate before each step; asked is the probability to be revealed in it":
            _of_levels(lambda before, after: before),
        "this is the share that is visible after each step; asked is the probability to be revealed in the step, if "
        "masked before it": _of_levels(lambda before, after: 1 - after),
        "this is the share that is visible before each step; asked is the probability to be revealed in the step, if "
        "masked before it": _of_levels(lambda before, after: 1 - before),
        "these are the L + 1 levels; asked are the L probabilities":
            lambda rate, num_steps: rate(_even_points(num_steps)),
        "this is the forward chain's beta, (lambda_t - lambda_(t-1))/(1 - lambda_(t-1)): divided by what is visible; "
        "divide by what is masked before the step, r_(l-1)":
            _of_levels(lambda before, after: (before - after) / (1 - after)),
        "the sampler's steps come in the reverse order: it starts from masks only, r_0 = rate(0) = 1":
            slip(reveal_probabilities, lambda p: p.flip(0)),
        "the sign is off: the level before the step is the larger one": slip(reveal_probabilities, lambda p: -p),
        "this is made of -r'/r at the start of the step, times its length: near the probability for many steps only; "
        "take 1 - r_l / r_(l-1)": (_hazard, slip(_hazard, of=lambda hazard: 1 - (-hazard).exp())),
        "the progress ends before 1: masks are left at the end. The levels are rate(l/L), l = 0..L":
            tuple(slip(reveal_probabilities, points=lambda num_steps, end=end: end * _even_points(num_steps))
                  for end in (0.99, 0.999, 0.9999)),
        "what is still masked is multiplied by 1 - p in each step; here p is subtracted from it": _by_subtracting,
        "1/(L - l + 1) belongs to levels that fall in a straight line; use rate":
            lambda rate, num_steps: 1 / torch.arange(num_steps, 0, -1),
        "1/L is the same in every step; use the levels of rate":
            lambda rate, num_steps: torch.full((num_steps,), 1 / num_steps),
        "the first step is left out: it goes from r_0 = 1 to r_1": slip(reveal_probabilities, lambda p: p[1:]),
        "the last step is left out: it goes to r_L = 0, and reveals what is left":
            slip(reveal_probabilities, lambda p: p[:-1]),
        "these are products over the steps so far; each step has its own probability":
            slip(reveal_probabilities, lambda p: p.cumprod(0)),
        "these are divided by their sum; each step has a probability of its own, and they need not sum to 1":
            slip(reveal_probabilities, lambda p: p / p.sum()),
        "this is the logarithm of r_(l-1) / r_l, near the probability for small steps only; take 1 - r_l / r_(l-1)":
            _of_levels(lambda before, after: (before / after).log()),
        "this is squared": slip(reveal_probabilities, lambda p: p**2),
        "the result is not finite: a division by the level after the last step, 0? Divide by the one before":
            somewhere(lambda value, *_: not np.isfinite(value).all()),
        "a probability is above 1 or below 0: take (r_(l-1) - r_l)/r_(l-1), with r_0 = 1 and levels that fall":
            somewhere(lambda value, *_: ((value > 1 + 1e-6) | (value < -1e-6)).any()),
        "the last probability is not 1: the last step goes to r_L = rate(1) = 0 and reveals whatever is left":
            everywhere(lambda value, *_: abs(value[-1] - 1) > 1e-3),
    }),
)


# 08-2: one step

_ROWS, _PLACES = 8000, 3
_TEMPLATES = [[2, 1, 2], [2, 2, 0]]     # two kinds of rows, 2 the mask


def step(logits: Tensor, xt: Tensor, reveal_probability: float, mask_id: int, generator: torch.Generator) -> Tensor:
    probs = _probs(logits, mask_id).flatten(0, -2)
    drawn = torch.multinomial(probs, 1, generator=generator).reshape(xt.shape)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < reveal_probability)
    return torch.where(reveal, drawn, xt)


def _probs(logits: Tensor, mask_id: int, *, mask: float = -torch.inf) -> Tensor:
    return torch.where(torch.arange(logits.shape[-1]) == mask_id, mask, logits).softmax(-1)


def _product(outcomes: list[Tensor]) -> Tensor:
    """The probability of each row of states, (K^n,), where positions are independent."""
    return functools.reduce(lambda joint, probs: (joint[:, None] * probs).flatten(), outcomes)


def _point(state: int, num_states: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(state), num_states).double()


def _mixed(r: float, probs: Tensor, mask_id: int) -> Tensor:
    """Revealed with probability r, and then by probs."""
    return r * probs + (1 - r) * _point(mask_id, len(probs))


# The probabilities of four letters at any position of an ordinary batch, in an order that depends on the position.
_LETTERS, _PERIOD = [0.6, 0.3, 0.095, 0.005], 8


def _ordinary_step(rows: int, length: int, r: float, mask_id: int, generator: torch.Generator, *,
                   dtype: torch.dtype = torch.float64, level: float = 0.0) -> tuple[Tensor, Tensor, float, int]:
    """The arguments of a step of texts that look like any: four letters, most tokens masked, one text without a mask.

    Logits of the two halves of the alphabet's orders lie about `level` and -`level`.
    """
    orders = torch.rand(_PERIOD, len(_LETTERS), generator=generator).argsort(-1)
    logits = torch.tensor(_LETTERS, dtype=torch.float64).log()[orders]
    logits = torch.cat([logits[:, :mask_id], torch.ones(_PERIOD, 1), logits[:, mask_id:]], 1)
    logits = logits + level * (-1.0) ** torch.arange(_PERIOD)[:, None]
    visible = torch.rand(rows, length, generator=generator) < 0.2
    visible[0], visible[1:2] = False, True
    tokens = torch.randint(len(_LETTERS), (rows, length), generator=generator)
    xt = torch.where(visible, tokens + (tokens >= mask_id), mask_id)
    return logits.repeat(length // _PERIOD, 1).expand(rows, -1, -1).to(dtype), xt, r, mask_id


def _mask_above(logits: Tensor, xt: Tensor, r: float, mask_id: int) -> tuple[Tensor, Tensor, float, int]:
    """These arguments, with the logit of the mask raised by 25."""
    return logits + 25.0 * (torch.arange(logits.shape[-1]) == mask_id), xt, r, mask_id


def _is_ordinary(xt: Tensor) -> bool:
    return xt.shape[1] != _PLACES


def _shares_of_letters(case: Case, values: np.ndarray) -> np.ndarray:
    """Of the masked tokens the share of the likeliest letter, of the next, ..., and last of those that stay masked."""
    logits, xt, _, mask_id = (arg.numpy() if isinstance(arg, Tensor) else arg for arg in case.args)
    num_states = logits.shape[-1]
    if ((values < 0) | (values >= num_states)).any():
        raise ValueError(f"a state that is none of 0..{num_states - 1}")
    if (values != xt)[xt != mask_id].any():
        raise ValueError("a visible token has changed")
    ranks = (-np.where(np.arange(num_states) == mask_id, -np.inf, logits)).argsort(-1).argsort(-1)
    seen = np.take_along_axis(ranks, values[..., None].astype(int), -1)[xt == mask_id]
    return np.bincount(seen[:, 0], minlength=num_states) / len(seen)


def _step_law(logits: Tensor, xt: Tensor, r: float, mask_id: int, *,
              masked: Callable[[Tensor, float, int], Tensor] = lambda logits, r, mask_id: _mixed(
                  r, _probs(logits, mask_id), mask_id),
              visible: Callable[[Tensor, int, int], Tensor] = lambda logits, state, mask_id: _point(state, len(logits)),
              ) -> Tensor:
    """The probability of each row of states, of either kind, (2, K^n); or with another law of a token.

    Of an ordinary batch the law of a token, the likeliest letter first.
    """
    if _is_ordinary(xt):
        return torch.tensor([*(r * p for p in _LETTERS), 1 - r], dtype=torch.float64)
    return torch.stack([_product([
        masked(logits[row, i], r, mask_id) if state == mask_id else
        visible(logits[row, i], state, mask_id) for i, state in enumerate(xt[row].tolist())])
        for row in (0, len(xt) // 2)])


def _drawn_from(probs: Callable[[Tensor, int], Tensor]) -> Callable:
    """The law of a step that draws its tokens from probs(logits, mask_id)."""
    return slip(_step_law, masked=lambda logits, r, mask_id: _mixed(r, probs(logits, mask_id), mask_id))


def _of_logits(change: Callable[[Tensor], Tensor]) -> Callable:
    return slip(_step_law, logits=lambda logits: change(logits))


def _one_coin_a_text(logits: Tensor, xt: Tensor, r: float, mask_id: int) -> Tensor:
    revealed, kept = (_step_law(logits, xt, coin, mask_id) for coin in (1.0, 0.0))
    return r * revealed + (1 - r) * kept


def _token_by_the_coin(logits: Tensor, r: float, mask_id: int) -> Tensor:
    """The number below r that decided to reveal decides the token, too: by the cumulative probabilities."""
    ends = _probs(logits, mask_id).cumsum(0).clamp(max=r)
    first = torch.cat([ends[:1], ends.diff()])
    return first + (1 - first.sum()) * _point(mask_id, len(logits))


def _without_the_mask(logits: Tensor, mask_id: int) -> Tensor:
    """The mask's logit is left out, and the states behind it are drawn under the number of the one before."""
    others = torch.arange(len(logits)) != mask_id
    return torch.nn.functional.pad(logits[others].softmax(-1), (0, 1))


def _frequencies(texts: np.ndarray, num_states: int) -> np.ndarray:
    """How often each row of states came up among the rows of either kind, (2, K^n)."""
    if ((texts < 0) | (texts >= num_states)).any():
        raise ValueError(f"wrong value: a state that is none of 0..{num_states - 1}")
    numbers = texts.astype(int) @ (num_states ** np.arange(_PLACES)[::-1])
    return np.stack([np.bincount(half, minlength=num_states**_PLACES) / len(half)
                     for half in np.split(numbers, 2)])


def _name_of_text(index: tuple[int, ...], template: Tensor, symbols: Tensor) -> str:
    """"of 4,000 texts [2, 1, 2], the share that becomes [0, 1, 1]": an entry of `_frequencies` for these symbols."""
    if len(index) != 2:
        return "the share"    # of a border case, whose sentence stands in its place
    kind, number = index
    text = symbols[torch.tensor(number) // len(symbols) ** torch.arange(_PLACES - 1, -1, -1) % len(symbols)]
    half = len(template) // 2
    return f"of {half:,} texts {template[kind * half].tolist()}, the share that becomes {text.tolist()}"


_no_state = somewhere(lambda value, *_: ((value < 0) | (value > 2)).any())


def _all_same(rows: np.ndarray) -> bool:
    """True if all rows of a kind are the same."""
    return all((half == half[:1]).all() for half in np.split(rows, 2))


def _tells_of_another(features: np.ndarray) -> bool:
    """True if one text tells of another, whose first half is of one kind and its second half of another."""
    return dependent(features, np.arange(len(features)) // (len(features) // 2))


def _tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    """Five standard deviations, and six texts more, for what is rare is not normal; what is impossible stays so.

    Texts of a kind are counted, or the masked tokens of an ordinary batch.
    """
    xt = case.args[1]
    number = int((xt == case.args[3]).sum()) if _is_ordinary(xt) else len(xt) / 2
    return 5 * np.sqrt(law * (1 - law) / number) + np.where(law > 1e-12, 6 / number, 1e-9)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


def _coins_or_tokens_repeat(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if another seed gives the same coins or the same tokens, or a second call does."""
    return any(_repeat(values[i], values[j], cases[i].args[3]) for i, j in ((0, 2), (3, 4)))


def _repeat(one: np.ndarray, other: np.ndarray, mask_id: int) -> bool:
    """True if the coins are the same in both, or the tokens, although these differ from text to text."""
    coins, others = one == mask_id, other == mask_id
    if _all_same(coins) or (coins == others).all():
        return not _all_same(coins)
    several = any(len(set(tokens[tokens != mask_id].tolist())) > 1 for half in np.split(one, 2) for tokens in half.T)
    both = ~coins & ~others
    return several and bool((one[both] == other[both]).all())


def _patterns(joint: np.ndarray, mask_id: int) -> np.ndarray:
    """The probability of each set of masked positions, (2, 2, 2, 2), from that of each row of states, (2, K^n)."""
    joint = joint.reshape(2, 3, 3, 3)
    for place in range(1, 4):
        masked = joint.take([mask_id], place)
        joint = np.concatenate([masked, joint.sum(place, keepdims=True) - masked], place)
    return joint


def _singles(joint: np.ndarray, mask_id: int) -> np.ndarray:
    """The probability of each state at each position, (3, 2, K)."""
    joint = joint.reshape(2, 3, 3, 3)
    return np.stack([joint.sum(tuple({1, 2, 3} - {place})) for place in (1, 2, 3)])


def _fits(cases: Sequence[Case], values: Sequence[np.ndarray],
          part: Callable[[np.ndarray, int], np.ndarray] = lambda joint, mask_id: joint) -> bool:
    """True if the law, or this part of it, is right in all cases."""
    for case, value in zip(cases, values, strict=True):
        seen, law = (part(joint, case.args[3]) for joint in (_frequencies(value, 3), _step_law(*case.args).numpy()))
        if (np.abs(seen - law) > _tolerance(case, law.clip(0, 1))).any():
            return False
    return True


def _right_on_average(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    for case, value in zip(cases, values, strict=True):
        masked = (case.args[1] == case.args[3]).numpy()
        share = (value != case.args[3])[masked].mean()
        if abs(share - case.args[2]) > 5 * (case.args[2] * (1 - case.args[2]) / masked.sum()) ** 0.5:
            return False
    return True


def _exact_in_the_batch(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if the number of revealed tokens hits its mean in four calls: coins do so with a probability of 3e-7."""
    def off(case: Case, value: np.ndarray) -> float:
        masked = int((case.args[1] == case.args[3]).sum())
        return abs(masked - int((value == case.args[3]).sum()) - case.args[2] * masked)

    return all(off(cases[i], values[i]) <= 1 for i in (0, 2, 3, 4))


def _only_right_where_mask_is(state: int) -> Shows:
    """Where the cases with this mask are right, and in the others it is this state that is never drawn."""
    def symptom(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        right = [(case, value) for case, value in zip(cases, values, strict=True) if case.args[3] == state]
        return _fits(*zip(*right, strict=True)) and not any(
            (value[(case.args[1] == case.args[3]).numpy()] == state).any()
            for case, value in zip(cases, values, strict=True) if case.args[3] != state)

    return Shows(symptom)


def _step_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.stack([torch.randperm(3, generator=generator) for _ in range(6)]).reshape(2, 3, 3)
    logits = (1.5 * spread + 0.4 * torch.rand(2, 3, 3, generator=generator)).double().repeat_interleave(_ROWS // 2, 0)
    last = torch.tensor(_TEMPLATES).repeat_interleave(_ROWS // 2, 0)
    first = (last + 1) % 3
    label = "8000 rows of n = 3, K = 3, reveal_probability = "
    return [Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 22),
            other := Case((logits, first, 0.9, 0), label + "0.9, mask_id = 0", seed + 23),
            replace(other, goes_on=True),
            Case((*_few(logits, last), 1.0, 2), "2000 rows of n = 3, K = 3, reveal_probability = 1", seed + 24,
                 edge="with probability 1 every mask is revealed, as in the sampler's last step, and the mask is never "
                      "drawn"),
            Case((*_few(logits, last), 0.0, 2), "2000 rows of n = 3, K = 3, reveal_probability = 0", seed + 25,
                 edge="with probability 0 nothing changes"),
            Case(_ordinary_step(1000, 16, 0.83, 2, generator), "1000 rows of n = 16, K = 5, mask_id = 2", seed + 26,
                 edge="each of the four letters comes up as often as its logits say, also the rare one, with a "
                      "probability of 0.005, and the mask may be any state"),
            Case(_ordinary_step(60, 200, 0.004, 4, generator, dtype=torch.float32),
                 "60 rows of n = 200, K = 5, reveal_probability = 0.004, float32", seed + 27,
                 edge="a small probability counts as it is: of 10,000 masked tokens about 40 are revealed"),
            Case(_ordinary_step(40, 40, 0.617, 4, generator, level=150.0), "40 rows of n = 40, K = 5, logits near 150 "
                 "and -150", seed + 28,
                 edge="only differences of logits count, so that the mask's needs -inf, below any other"),
            Case(_mask_above(*_ordinary_step(40, 40, 0.617, 4, generator)),
                 "40 rows of n = 40, K = 5, the logit of the mask 25 above the others", seed + 30,
                 edge="exclude the mask before the softmax: after it nothing may be left of the others"),
            Case(_ordinary_step(1, 304, 0.37, 0, generator), "one row of n = 304, K = 5", seed + 29,
                 edge="a batch may be a single text")]


def _few(*batches: Tensor) -> list[Tensor]:
    """1000 rows of each half."""
    return [torch.cat([batch[:1000], batch[-1000:]]) for batch in batches]


_SEEDING = seeding(same=[(0, 1)], other=(0, 2), again=(3, 4))
_, _TWO_SEEDS, _TWICE = _SEEDING    # the messages
_SEEDING[_TWO_SEEDS] = Shows(    # but a single coin for all texts may well reveal nothing with either seed
    lambda cases, values: bool((values[0] == values[2]).all() and (values[0] != cases[0].args[1].numpy()).any()), True)
_SEEDING[_TWICE] = Shows(        # or the same twice
    lambda cases, values: bool((values[3] == values[4]).all()) and not _all_same(values[3] == 0), True)


STEP = Question(
    id="08-2-step",
    points=3,
    name="step",
    cases=_step_cases,
    reference=_step_law,
    stand_in=step,
    view=lambda case, values: _shares_of_letters(case, values) if _is_ordinary(case.args[1]) else
    _frequencies(values, 3),
    entry=lambda case, index: _name_of_text(index, case.args[1], torch.arange(3)),
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance,
    misconceptions=mistakes({
        "logits are not probabilities: softmax them before you draw (or is there NaN, the softmax of -inf only?)":
            Raises("probability tensor contains|invalid multinomial distribution"),
        "a state that is none of 0..K-1": _no_state,
        "nothing is revealed": everywhere(lambda value, logits, xt, *_: (value == xt).all()),
        **_SEEDING,
        "the coins follow the generator, the tokens do not, or the other way round: with another seed, or in a second "
        "call, one of them is the same. Hand `generator` itself to every function that draws":
            Shows(_coins_or_tokens_repeat, always=True),
        "visible tokens are drawn anew, all of them; what is given is never touched":
            slip(_step_law, visible=lambda logits, state, mask_id: _probs(logits, mask_id)),
        "a visible token has changed: only tokens that are still masked are revealed":
            everywhere(lambda value, logits, xt, r, mask_id: ((value != xt) & (xt != mask_id)).any()),
        "the mask is predicted: exclude its logit (-inf) before the softmax":
            _drawn_from(lambda logits, mask_id: logits.softmax(-1)),
        "the mask's logit is left out, and the states behind it are not counted up again by one":
            _drawn_from(_without_the_mask),
        "the likeliest token is taken; draw from the probabilities": _drawn_from(
            lambda logits, mask_id: _point(int(_probs(logits, mask_id).argmax()), len(logits))),
        "the likeliest state is taken, even if it is the mask; exclude the mask, then draw":
            _drawn_from(lambda logits, mask_id: _point(int(logits.argmax()), len(logits))),
        "all symbols are equally likely; draw from the softmax of the logits": _of_logits(torch.zeros_like),
        "every mask is revealed, whatever its coin; only with probability reveal_probability":
            slip(_step_law, r=lambda: 1.0),
        "tokens are revealed with probability 1 - reveal_probability":
            slip(_step_law, r=lambda r: 1 - r),
        "two coins are thrown for each token":
            slip(_step_law, r=lambda r: r * r),
        "one coin is thrown for a whole text; each masked token has its own": _one_coin_a_text,
        "of texts with the same logits all have the same positions revealed: each masked token of each text throws a "
        "coin of its own, whatever its logits say":
            everywhere(lambda value, logits, xt, r, mask_id: _all_same(value == mask_id)),
        "the coins are numbers from a normal distribution; take uniform ones, torch.rand":
            slip(_step_law, r=lambda r: (1 + math.erf(r / 2**0.5)) / 2),
        "one number decides twice, whether to reveal and what: draw the token with a number of its own":
            slip(_step_law, masked=_token_by_the_coin),
        "the probabilities are those of the next position": _of_logits(lambda logits: logits.roll(-1, 1)),
        "the probabilities are those of the position before": _of_logits(lambda logits: logits.roll(1, 1)),
        "all positions are drawn from the logits of the first; each has its own":
            _of_logits(lambda logits: logits[:, :1].expand_as(logits)),
        "all texts are drawn from the logits of the first; each has its own":
            _of_logits(lambda logits: logits[:1].expand_as(logits)),
        "the softmax is taken over the positions; the states are the last dimension":
            _of_logits(lambda logits: logits.log_softmax(1)),
        "the softmax is taken over the texts; the states are the last dimension":
            _of_logits(lambda logits: logits.log_softmax(0)),
        "all texts get the same tokens; draw for each text": everywhere(lambda value, logits, xt, r, mask_id: all(
            len(set(tokens[tokens != mask_id].tolist())) <= 1 for half in np.split(value, 2) for tokens in half.T)),
        "the logits are drawn from as if they were probabilities: softmax them first":
            _drawn_from(lambda logits, mask_id: _normalised(logits * (torch.arange(len(logits)) != mask_id))),
        "the logits are drawn from as if they were probabilities, the mask's too: exclude the mask, then softmax":
            _drawn_from(lambda logits, mask_id: _normalised(logits)),
        "the mask's logit is set to 0, which is no probability of 0; set it to -inf":
            _drawn_from(lambda logits, mask_id: _probs(logits, mask_id, mask=0.0)),
        "the softmax is taken twice": _drawn_from(lambda logits, mask_id: _probs(_probs(logits, mask_id), mask_id)),
        "the softmax is taken twice, or the probabilities are taken for logits":
            _of_logits(lambda logits: logits.softmax(-1)),
        "the softmax is taken twice, and the mask has probability":
            _drawn_from(lambda logits, mask_id: logits.softmax(-1).softmax(-1)),
        "the mask is taken for the last state; use mask_id": _only_right_where_mask_is(2),
        "the mask is taken for state 0; use mask_id": _only_right_where_mask_is(0),
        "the same number of tokens is revealed in every text; each masked token throws a coin of its own":
            everywhere(lambda value, logits, xt, r, mask_id: _all_same((value == mask_id).sum(1))),
        "the coins are right, the tokens are not: each is drawn from the softmax of its own logits, without the mask, "
        "and comes back to its own place": Shows(
            lambda cases, values: _fits(cases, values, _patterns) and not _fits(cases, values, _singles)),
        "in every call just the given share of the batch's masked tokens is revealed, to within one; each throws a "
        "coin of its own, so that their number varies": Shows(_exact_in_the_batch, always=True),
        "one text tells of another: every text throws its own coins and draws its own tokens, independently": somewhere(
            lambda value, *_: _tells_of_another(np.eye(3)[value].reshape(len(value), -1)), always=True),
        "how many tokens are revealed is right on average, but not which: every masked token throws a coin of its own, "
        "independent of the others": Shows(
            lambda cases, values: _right_on_average(cases, values) and not _fits(cases, values, _patterns)),
        "each token by itself is right, but those of a text are not drawn independently":
            Shows(lambda cases, values: _fits(cases, values, _patterns)),
        "not the right share of the masked tokens is revealed: is each coin a uniform number below reveal_probability, "
        "and can the mask never be drawn?": Shows(lambda cases, values: not _right_on_average(cases, values)),
    }),
)


# 08-3: one token at a time

class _Table(GivenFunction):
    """A model of three positions and V symbols: an arbitrary conditional for each state, so that the order shows."""

    def __init__(self, table: Tensor, mask_id: int):
        # (V + 1, V + 1, V + 1, 3, V): states a, b, c; position; symbol; V is the mask
        self.table, self.mask_id, self.vocab_size = table, mask_id, table.shape[-1]
        back = self.relabelled(torch.arange(self.vocab_size + 1), back=True)
        self.laws: dict[tuple, Tensor] = {}    # of the fillings of the two kinds of templates, by _filled
        self.probs = torch.nn.functional.pad(table, (0, 1))[back][:, back][:, :, back][..., back]

    def __call__(self, xt: Tensor) -> Tensor:
        xt = torch.as_tensor(xt)
        if xt.ndim != 2 or xt.shape[1] != _PLACES:
            raise ValueError(f"the denoiser takes texts of shape (B, {_PLACES}), got {tuple(xt.shape)}")
        if xt.is_floating_point() or xt.dtype == torch.bool:
            raise TypeError(f"the denoiser takes integer states, not {xt.dtype}")
        if bool(((xt < 0) | (xt > self.vocab_size)).any()):
            raise ValueError(f"the denoiser was given a state that is none of 0..{self.vocab_size}")
        return self.probs[tuple(xt.long().unbind(1))]

    def relabelled(self, states: Tensor, *, back: bool = False) -> Tensor:
        """The states of this table (V is the mask) among those of the case (mask_id is), or back."""
        shift = self.mask_id - self.vocab_size
        return torch.remainder(states + (-shift if back else shift), self.vocab_size + 1)

    def log_probs(self, xt: Tensor, time: Tensor) -> Tensor:
        """As the package's laws ask: log-probabilities where V is the mask."""
        probs = self.table[tuple(xt.unbind(1))]
        return torch.cat([probs, torch.zeros_like(probs[..., :1])], -1).log()


def one_at_a_time(denoiser: Callable[[Tensor], Tensor], template: Tensor, mask_id: int,
                  generator: torch.Generator) -> Tensor:
    x, rows = template.clone(), torch.arange(len(template))
    place = torch.rand(template.shape, generator=generator)
    while bool((x == mask_id).any()):
        chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
        drawn = torch.multinomial(denoiser(x)[rows, chosen], 1, generator=generator).squeeze(-1)
        x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
    return x


def _filled(law: Callable[[_Table, Tensor], Tensor]) -> Callable:
    """The law of a filling for the two kinds of rows, (2, 8), from (table, template of one text, mask 2).

    Border cases are judged by what is right there: of four letters the law of each position, of few texts a 1.
    """
    def of_case(denoiser: _Table, template: Tensor, mask_id: int) -> Tensor:
        if len(template) < _FEW:
            return torch.ones(1)
        kinds = denoiser.relabelled(template[[0, len(template) // 2]], back=True)
        if denoiser.vocab_size > 2:
            joint = torch.stack([one_at_a_time_law(denoiser.log_probs, denoiser.vocab_size, _PLACES, kind)
                                 for kind in kinds])
            return _of_positions(joint)
        known = law, *kinds.flatten().tolist()
        if known not in denoiser.laws:
            denoiser.laws[known] = torch.stack([law(denoiser, kind).flatten() for kind in kinds])
        return denoiser.laws[known]

    return of_case


def _of_positions(joint: Tensor) -> Tensor:
    """The law of each position, (2, 3, V), from that of the texts of either kind, (2, V, V, V)."""
    return torch.stack([joint.sum([1 + i for i in range(_PLACES) if i != place]) for place in range(_PLACES)], 1)


def _filled_by(law: Callable[..., Tensor], *settings: Any,
               change: Callable[[Tensor], Tensor] = lambda log_probs: log_probs) -> Callable:
    """A law of the package with these settings; or of a denoiser with changed log-probabilities."""
    return _filled(lambda table, kind: law(
        lambda xt, time: change(table.log_probs(xt, time)), 2, _PLACES, *settings, kind))


def _in_order(order: Sequence[int]) -> Callable:
    return _filled_by(order_law, torch.tensor(order))


def _over_orders(seen: Callable = lambda order, k: order[:k], row: Callable = lambda order, k: order[k],
                 chance: Callable[[Tensor, Tensor], Tensor] = lambda own, tokens: own.prod(-1)) -> Callable:
    """The law of a filling in a random order that makes a mistake on its way.

    seen    (order, k) -> the positions among those drawn that the denoiser is shown in step k
    row     (order, k) -> the position whose probabilities are taken
    chance  (texts, steps) probabilities of the tokens, and tokens, in their order -> that of the texts
    """
    texts = torch.tensor([*itertools.product(range(2), repeat=_PLACES)])

    def law(table: _Table, kind: Tensor) -> Tensor:
        possible = ((kind == 2) | (texts == kind)).all(1)
        orders = [*itertools.permutations((kind == 2).nonzero().flatten().tolist())]
        total = torch.zeros(len(texts), dtype=torch.float64)
        for order in orders:
            own = []
            for k, position in enumerate(order):
                shown = torch.tensor([i in seen(order, k) for i in range(_PLACES)])
                states = torch.where(shown, texts, kind)
                own.append(table.table[tuple(states.unbind(1))][range(len(texts)), row(order, k), texts[:, position]])
            total += possible * chance(torch.stack(own, -1), texts[:, list(order)])
        return total / len(orders)

    return _filled(law)


def _one_number(own: Tensor, tokens: Tensor) -> Tensor:
    """The chance of tokens that one uniform number decides: token 0 below its probability, token 1 above."""
    return (torch.where(tokens == 0, own, 1.0).amin(-1) - torch.where(tokens == 1, 1 - own, 0.0).amax(-1)).clamp(min=0)


_ORDERS = [_in_order(order) for order in itertools.permutations(range(1, _PLACES + 1))]
_GROUPED = [_in_order(order) for order in itertools.product(range(1, _PLACES + 1), repeat=_PLACES)
            if {*order} == {*range(1, max(order) + 1)}]     # several in one step, too


def _likeliest(log_probs: Tensor) -> Tensor:
    return torch.where(log_probs == log_probs.amax(-1, True), 0.0, -torch.inf)


def _fillings(case: Case, values: np.ndarray) -> np.ndarray:
    """How often each of the 8 texts came up among the rows of either kind, (2, 8); or as `_filled` says."""
    denoiser, template, mask_id = case.args
    if (values == mask_id).any():
        raise ValueError("masks are left at the end")
    if ((template != mask_id).numpy() & (values != template.numpy())).any():
        raise ValueError("a token of the template has changed")
    texts = denoiser.relabelled(torch.from_numpy(values.astype(np.int64)), back=True)
    frequencies = _frequencies(texts.numpy(), denoiser.vocab_size) if len(texts) >= _FEW else np.ones(1)
    if denoiser.vocab_size == 2:
        return frequencies
    return _of_positions(torch.from_numpy(frequencies).reshape(2, *[denoiser.vocab_size] * _PLACES)).numpy()


def _tolerance_of_filling(case: Case, law: np.ndarray) -> np.ndarray:
    number, law = max(len(case.args[1]) / 2, 1), law.clip(0, 1)
    return 5 * np.sqrt(law * (1 - law) / number) + np.where(law > 1e-12, 6 / number, 1e-9)


def _of_one_order(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if in each case the law is that of a single order, be it another one each time."""
    return all(any((np.abs(_fillings(case, value) - law) <= _tolerance_of_filling(case, law)).all()
                   for law in (of_case(*case.args).numpy() for of_case in _ORDERS))
               for case, value in zip(cases, values, strict=True))


def _of_a_mixture(orders: list[Callable]) -> Shows:
    """Where the law is that of a mixture of these orders: the likeliest one, by EM, fits the texts of all seeds."""
    def symptom(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        seen = np.mean([_fillings(cases[i], values[i]) for i in (0, 2, 3)], 0)
        every = torch.stack([of_case(*cases[0].args) for of_case in orders], 1).numpy()
        for laws, shares in zip(every, seen, strict=True):
            weights = np.full(len(laws), 1 / len(laws))
            for _ in range(1000):
                weights = weights * (laws @ (shares / (weights @ laws + 1e-300)))
            if (np.abs(weights @ laws - shares) > _tolerance_of_filling(cases[0], weights @ laws) / 3**0.5).any():
                return False
        return True

    return Shows(symptom)


def _draws_repeat(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
    """True if a text tells of the same one with another seed, or in a second call."""
    return any(_goes_with(values[i], values[j]) for i, j in ((0, 2), (3, 4)))


def _goes_with(one: np.ndarray, other: np.ndarray) -> bool:
    """Scores as in `dependent`, of a text of one batch and its twin in the other."""
    total, squares = 0.0, 1e-9
    for half, twin in zip(np.split(one, 2), np.split(other, 2), strict=True):
        features, others = (_features(texts) - _features(texts).mean(0) for texts in (half, twin))
        features, others = (each * ((each**2).mean(0) > 0.25**2) for each in (features, others))
        total, squares = total + features.T @ others, squares + (features**2).T @ others**2
    return bool((np.abs(total) / np.sqrt(squares) > 6).any())


def _features(texts: np.ndarray) -> np.ndarray:
    """The three tokens of each text, and which of the 27 texts it is."""
    return np.concatenate([texts, np.eye(27)[texts @ [9, 3, 1]]], 1)


def _few_texts(value: np.ndarray, denoiser: _Table, template: np.ndarray, mask_id: int) -> bool:
    """True if of either kind no more texts come up than there are orders."""
    return all(len(np.unique(half, axis=0)) <= math.factorial((kind[0] == mask_id).sum())
               for half, kind in zip(np.split(value, 2), np.split(template, 2), strict=True))


def _one_token(value: np.ndarray, denoiser: _Table, template: np.ndarray, mask_id: int) -> bool:
    """True if all masks of a text become the same token."""
    masked = template == mask_id
    return bool((np.where(masked, value, -1).max(1) == np.where(masked, value, 9).min(1)).all())


_FEW = 10    # texts, of which no frequencies are taken
_FOUR_LETTERS = [0.6, 0.27, 0.1, 0.03]


def _four_letters(generator: torch.Generator) -> Tensor:
    """A table of four letters whose order depends on the state, except for the rare one, which is the position's."""
    orders = torch.rand(5, 5, 5, _PLACES, 3, generator=generator).argsort(-1)
    table = torch.tensor(_FOUR_LETTERS[:3], dtype=torch.float64)[orders]
    return torch.stack([
        torch.cat([table[..., i, :i + 1], torch.full((5, 5, 5, 1), _FOUR_LETTERS[3]), table[..., i, i + 1:]], -1)
        for i in range(_PLACES)], -2)


@functools.cache
def _filling_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    table = torch.softmax(2.5 * torch.randn(3, 3, 3, 3, 2, dtype=torch.float64, generator=generator), -1)
    last, first, letters = _Table(table, 2), _Table(table, 0), _Table(_four_letters(generator), 2)
    kinds = torch.tensor([[1, 2, 2], [2, 2, 2]]).repeat_interleave(_ROWS // 2, 0)
    label = "8000 templates of n = 3, K = 3"
    return [Case((last, kinds, 2), label, seed + 11), Case((last, kinds, 2), label, seed + 11),
            Case((last, kinds, 2), label, seed + 12),
            other := Case((first, first.relabelled(kinds), 0), label + ", mask_id = 0", seed + 13),
            replace(other, goes_on=True),
            Case((last, torch.tensor([[1, 2, 2], [2, 2, 0]]).repeat_interleave(1000, 0), 2),
                 "2000 templates, none of masks only", seed + 14,
                 edge="no text may keep a mask, whatever the other texts of the batch look like"),
            Case((letters, letters.relabelled(torch.tensor([[1, 4, 4], [4, 4, 4]]).repeat_interleave(2000, 0)), 2),
                 "4000 templates, K = 5, mask_id = 2", seed + 15,
                 edge="each of the four letters comes up as often as the denoiser says, also the rare one, with a "
                      "probability of 0.03, and the mask may be any state"),
            *[Case((last, template, 2), f"a batch of {len(template)}", seed + 16,
                   edge="a batch may have fewer texts than positions, as many, or one text alone")
              for template in (torch.tensor([[2, 2, 2], [0, 2, 1]]), torch.tensor([[2, 2, 2], [1, 2, 2], [2, 0, 1]]),
                               torch.tensor([[2, 2, 2]]))]]


ONE_AT_A_TIME = Question(
    id="08-3-one-at-a-time",
    points=3,
    name="one_at_a_time",
    cases=_filling_cases,
    reference=_filled_by(one_at_a_time_law),
    stand_in=one_at_a_time,
    view=_fillings,
    entry=lambda case, index: _name_of_text(index, case.args[1], case.args[0].relabelled(torch.arange(2))),
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance_of_filling,
    misconceptions=mistakes({
        "a state that is none of 0..K-1": _no_state,
        "nothing is revealed": everywhere(lambda value, denoiser, template, mask_id: (value == template).all()),
        "masks are left where the mask is state 0: it is not always the last state; use mask_id":
            everywhere(lambda value, denoiser, template, mask_id: (value == mask_id).any() == (mask_id == 0)),
        **seeding(same=[(0, 1)], other=(0, 2), again=(3, 4)),
        "the template is overwritten: tokens that are given stay, also in texts that are finished before the others":
            everywhere(lambda value, denoiser, template, mask_id: ((value != template) & (template != mask_id)).any()),
        "masks are left at the end: take as many steps as the text with the most masks needs": everywhere(
            lambda value, denoiser, template, mask_id: (value == mask_id).any()
            and _all_same((value == mask_id).sum(1))),
        "masks are left in some texts: a position that was filled before is chosen again, by a new order in every "
        "step, or the mask is drawn. Draw one order for each text, or choose among what is still masked":
            somewhere(lambda value, denoiser, template, mask_id: (value == mask_id).any()),
        "all tokens come from one call: call the denoiser again after every token, so that it sees it":
            _filled_by(lambda_schedule_law, levels(1)),
        "the order is left to right, always; draw a random one for each text": _in_order([1, 2, 3]),
        "the order is right to left, always; draw a random one for each text": _in_order([3, 2, 1]),
        "the surest position comes first; the order is random, whatever the denoiser says":
            _filled_by(surest_first_law, _PLACES),
        "the likeliest token is taken; draw from the probabilities":
            _filled_by(one_at_a_time_law, change=_likeliest),
        "all tokens are the likeliest of one call: call again after every token, and draw":
            _filled_by(lambda_schedule_law, levels(1), change=_likeliest),
        "all symbols are equally likely; draw from the denoiser's probabilities":
            _filled_by(one_at_a_time_law, change=torch.zeros_like),
        "all texts share one order; draw one for each": Shows(_of_one_order),
        "coins decide what is revealed, so that some steps reveal several tokens: one in each step":
            _filled_by(lambda_schedule_law, levels(_PLACES)),
        "two tokens are revealed in one step: each must see the one before": _filled(
            lambda table, kind: random_order_law(table.log_probs, 2, _PLACES, 2) if bool((kind == 2).all()) else
            lambda_schedule_law(table.log_probs, 2, _PLACES, levels(1), kind)),
        "the denoiser's answer is one step old: ask again after every token, before the next is drawn":
            _over_orders(seen=lambda order, k: order[:max(k - 1, 0)]),
        "the denoiser is shown the last token only; leave all that were drawn in the text":
            _over_orders(seen=lambda order, k: order[max(k - 1, 0):k]),
        "the probabilities are taken at the number of the step; take those of the position that is revealed":
            _over_orders(row=lambda order, k: k),
        "the last token is the likeliest one; draw it, too":
            _over_orders(chance=lambda own, tokens: own[:, :-1].prod(-1) * (own[:, -1] > 0.5)),
        "one random number decides all tokens of a text; draw a new one in each step":
            _over_orders(chance=_one_number),
        "tokens are drawn everywhere and the surest draw is kept, which prefers likely tokens; choose the position "
        "first, at random": _filled_by(maskgit_law, _PLACES),
        "the denoiser's probabilities are taken for logits: a softmax of them":
            _filled_by(one_at_a_time_law, change=torch.exp),
        "all texts are the same; draw for each text": everywhere(lambda value, *_: _all_same(value)),
        "all masks of a text become the same token; draw each when its turn comes": everywhere(_one_token),
        "texts with the same order get the same tokens; each text draws tokens of its own": everywhere(_few_texts),
        "each token is drawn as it should be, given what is visible, but not all orders are equally likely":
            _of_a_mixture(_ORDERS),
        "each token is drawn as it should be, given what was visible, but some steps reveal several tokens, as coins "
        "do: one in each step, so that it sees all those before": _of_a_mixture(_GROUPED),
        "one text tells of another: every text has an order of its own and draws its own tokens, independently":
            somewhere(lambda value, *_: _tells_of_another(_features(value)), always=True),
        "some draws are the same with another seed, or in a second call with the same generator: the order or the "
        "tokens. Hand `generator` itself to every function that draws": Shows(_draws_repeat, always=True),
    }),
)


# 08-4: temperature

def with_temperature(probs: Tensor, temperature: float, *, dim: int = -1) -> Tensor:
    return (probs.log() / temperature).softmax(dim)


def _temperature_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(2, 3, 4, dtype=torch.float64, generator=generator) + 0.05
    probs = probs / probs.sum(-1, keepdim=True)
    with_zero = torch.tensor([[0.34, 0.34, 0.32, 0.0], [0.0, 0.02, 0.47, 0.51]], dtype=torch.float64)
    rare = torch.tensor([[1e-36, 0.0, 0.3, 0.7], [0.2, 0.8, 1e-36, 0.0]], dtype=torch.float64)
    ties = torch.tensor([[0.46, 0.46, 0.04, 0.04], [0.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    near = torch.tensor([[0.3335, 0.3334, 0.3331, 0.0]], dtype=torch.float64)
    single = torch.softmax(torch.randn(5, generator=generator), -1)
    return [Case((probs, 0.5), "probs of shape (2, 3, 4), temperature = 0.5"),
            Case((probs, 2.0), "probs of shape (2, 3, 4), temperature = 2"),
            Case((with_zero, 0.7), "a state of probability 0, temperature = 0.7"),
            Case((with_zero, 4.0), "a state of probability 0, temperature = 4"),
            Case((probs[:1], 1.0), "temperature = 1", edge="temperature 1 changes nothing"),
            Case((single, 0.3), "float32 probs of shape (5,), temperature = 0.3",
                 edge="probs may have any number of dimensions, one too"),
            Case((torch.ones(1, dtype=torch.float64), 0.5), "probs of shape (1,)", edge="a single state has it all"),
            Case((rare, 50.0), "states of probability 0 and 1e-36, temperature = 50",
                 edge="a state of probability 1e-36 gets a fifth of what a likely one gets there, one of 0 nothing: "
                      "neither probabilities nor the temperature have a smallest or a largest value"),
            Case((ties, 0.08), "temperature = 0.08", edge="equally likely states stay so at any temperature"),
            Case((ties, 5e-4), "temperature = 0.0005",
                 edge="equally likely states stay so at any temperature, and 0.46 to the power of 2000 is 0 for the "
                      "computer: stay with logarithms, without a limit to them, until the softmax"),
            Case((near, 5e-4), "probabilities nearly alike, temperature = 0.0005",
                 edge="the temperature is used as it is, however low: with a limit to it these states stay alike")]


def _powers(probs: Tensor, power: float) -> Tensor:
    return (probs.log() * power).softmax(-1)


TEMPERATURE = Question(
    id="08-4-with-temperature",
    points=1,
    name="with_temperature",
    cases=_temperature_cases,
    reference=with_temperature,
    misconceptions=mistakes({
        "the probabilities are taken for logits: softmax(p/T). Take their logarithm first":
            lambda probs, temperature: (probs / temperature).softmax(-1),
        "the probabilities are taken for logits, and the temperature multiplies; take softmax(log(p)/T)":
            lambda probs, temperature: (probs * temperature).softmax(-1),
        "these are the log-odds, log(p/(1-p)), of each state by itself; take the logarithms, softmax(log(p)/T)":
            lambda probs, temperature: (probs.logit() / temperature).softmax(-1),
        "the temperature multiplies; it divides the logarithms: a low one sharpens": _powers,
        "the powers are p^T; they are p^(1/T), and do not sum to 1 here": torch.pow,
        "the powers p^(1/T) do not sum to 1 yet: divide by their sum":
            lambda probs, temperature: probs ** (1 / temperature),
        "these are logarithms, log(p)/T: a softmax is missing": lambda probs, temperature: probs.log() / temperature,
        "these are log-probabilities; asked are probabilities": slip(with_temperature, lambda probs: probs.log()),
        "the temperature changes nothing: is it used? Dividing the probabilities by T and normalising takes it out "
        "again; take powers": lambda probs, temperature: probs,
        "the probabilities are divided by T, which is no distribution: take powers p^(1/T), and normalise": torch.div,
        "the softmax of the probabilities: without their logarithm, and without a temperature":
            lambda probs, temperature: probs.softmax(-1),
        "all the mass is on the likeliest state: that is the limit of temperature 0": lambda probs, temperature:
            torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]).to(probs),
        "normalised over everything at once; each position has its own distribution, over the last dimension":
            lambda probs, temperature: _normalised(probs ** (1 / temperature)),
        "normalised over the wrong dimension: the states are the last one": tuple(
            slip(with_temperature, dim=dim) for dim in (-2, 0, 1)),
        "the logarithm is that of base 2; a softmax undoes the natural one":
            lambda probs, temperature: (probs.log2() / temperature).softmax(-1),
        "the logarithm is that of base 10; a softmax undoes the natural one":
            lambda probs, temperature: (probs.log10() / temperature).softmax(-1),
        "these are the squares, p^2, whatever the temperature; the power is 1/T":
            lambda probs, temperature: _powers(probs, 2),
        "1/T is rounded to a whole number, which is 0 at high temperatures; keep the fraction": Shows(
            lambda cases, values: all(np.allclose(values[i], _powers(cases[i].args[0], power), atol=1e-5)
                                      for i, power in ((0, 2), (1, 0)))),
        "the powers are p^(1/T^2): the temperature is applied twice":
            slip(with_temperature, temperature=lambda temperature: temperature**2),
        "the result holds NaN: log 0 is -inf, whose exponential is 0 again, unless it meets a 0 or another infinity on "
        "the way": somewhere(lambda value, *_: np.isnan(value).any()),
        "a state of probability 0 has got some: its logarithm is -inf, and stays it. Even a small number put in its "
        "place counts at a high temperature":
            somewhere(lambda value, probs, temperature: ((probs == 0) & (value > 1e-5)).any()),
        "the probabilities of a position do not sum to 1":
            somewhere(lambda value, *_: (np.abs(value.sum(-1) - 1) > 1e-4).any()),
    }),
)


# 08-5: the price of revealing together

_OfPositions = Callable[[Tensor, list[int]], Tensor]    # of p, and of some positions


def _others(p: Tensor, positions: list[int]) -> list[int]:
    return [i for i in range(p.ndim) if i not in positions]


def _sum(p: Tensor, positions: list[int], *, keepdim: bool = True) -> Tensor:
    """The sum over these positions; over none of them it is p, where torch adds up everything."""
    return p.sum(dim=positions, keepdim=keepdim) if positions else p


def _entropy(p: Tensor, kept: list[int]) -> Tensor:
    """The entropy of these positions together, in nats."""
    return torch.special.entr(_sum(p, _others(p, kept))).sum()


def _entropy_by(log_weighed: Callable[[Tensor], Tensor], p: Tensor, kept: list[int]) -> Tensor:
    """The entropy, where m log m of a probability m is taken to be something else."""
    return -log_weighed(_sum(p, _others(p, kept))).sum()


def _one_by_one(H: Callable[..., Tensor], group: list[int], given: list[int]) -> Tensor:
    """The entropies of the positions of a group one by one, each given these others."""
    return torch.stack([H([i], [j for j in given if j != i]) for i in group]).sum()


def _one_by_one_minus_together(H: Callable[..., Tensor], visible: list[int], group: list[int],
                               later: list[int]) -> Tensor:
    return _one_by_one(H, group, visible) - H(group, visible)


def price(p: Tensor, order: Tensor, *, of_step: Callable[..., Tensor] = _one_by_one_minus_together,
          entropy: _OfPositions = _entropy, over: Callable[[Tensor], Tensor] = torch.sum) -> Tensor:
    """The price; or with something else of a step, another entropy, or another total of the steps.

    of_step(H, visible, group, later) is given H(positions, given), a conditional entropy, and the positions that are
    revealed before the step, in it and after it.
    """
    def H(positions: list[int], given: Sequence[int] = ()) -> Tensor:
        return entropy(p, sorted({*positions, *given})) - entropy(p, [*given])

    steps = []
    for number in range(1, int(order.max()) + 1):
        visible, group, later = (at.nonzero().flatten().tolist()
                                 for at in (order < number, order == number, order > number))
        steps.append(of_step(H, visible, group, later))
    return over(torch.stack(steps))


def _priced(of_step: Callable[..., Tensor]) -> Callable:
    return slip(price, of_step=of_step)


def _runs(positions: list[int]) -> list[list[int]]:
    """The neighbours among positions in order, together."""
    starts = [n for n, place in enumerate(positions) if n == 0 or place != positions[n - 1] + 1]
    return [positions[start:end] for start, end in itertools.pairwise([*starts, len(positions)])]


def _given_the_step_before(p: Tensor, order: Tensor) -> Tensor:
    def of_step(H: Callable[..., Tensor], visible: list[int], group: list[int], later: list[int]) -> Tensor:
        last = [i for i in visible if order[i] == order[group[0]] - 1]
        return _one_by_one_minus_together(H, last, group, later)

    return price(p, order, of_step=of_step)


def _output(p: Tensor, order: Tensor, over: _OfPositions = _sum, under: _OfPositions = _sum) -> Tensor:
    """The law of what is written: the product over the positions of p(x^i | visible before its step).

    `over` and `under` sum in its numerators and denominators.
    """
    law = torch.ones_like(p)
    for i, number in enumerate(order.tolist()):
        unseen = (order >= number).nonzero().flatten().tolist()
        law = law * over(p, [j for j in unseen if j != i]) / under(p, unseen)
    return law


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p / q).log()).sum()


def _price_of_output(over: _OfPositions, under: _OfPositions) -> Callable:
    """The price by the law of what is written, whose marginals are summed in these ways."""
    return lambda p, order: _relative_entropy(p, _output(p, order, over, under))


def _sum_without_keepdim(p: Tensor, positions: list[int]) -> Tensor:
    return _sum(p, positions, keepdim=False)


def _sum_over_all_for_none(p: Tensor, positions: list[int]) -> Tensor:
    return p.sum(dim=positions, keepdim=True)


def _price_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)

    def joint(vocab_size: int, length: int) -> Tensor:
        weights = torch.randn((vocab_size,) * length, dtype=torch.float64, generator=generator).mul(1.5).exp()
        return weights / weights.sum()

    p, q, longer = joint(2, 4), joint(3, 3), joint(2, 5)
    wide, four = joint(3, 5), joint(4, 3)
    four[1] = four[1] * 1e-14
    four = four / four.sum()
    return [Case((p, torch.tensor([2, 1, 1, 2])), "V = 2, n = 4, order = [2, 1, 1, 2]"),
            Case((longer, torch.tensor([3, 1, 2, 3, 2])), "V = 2, n = 5, order = [3, 1, 2, 3, 2]"),
            Case((longer, torch.tensor([1, 2, 2, 1, 2])), "V = 2, n = 5, order = [1, 2, 2, 1, 2]"),
            Case((q, torch.tensor([1, 2, 1])), "V = 3, n = 3, order = [1, 2, 1]"),
            Case((q, torch.tensor([1, 1, 1])), "V = 3, n = 3, everything in one step"),
            Case((q, torch.tensor([2, 3, 1])), "V = 3, n = 3, one at a time",
                 edge="one position a step costs nothing"),
            Case((wide, torch.tensor([2, 1, 3, 1, 2])), "V = 3, n = 5, order = [2, 1, 3, 1, 2]",
                 edge="most texts have a probability below 0.005 there, and each counts with what it has: without "
                      "clamps, thresholds and small numbers that are added"),
            Case((four, torch.tensor([2, 1, 2])), "V = 4, n = 3, a letter of probability 1e-14",
                 edge="a rare letter counts with the probability it has: without clamps, thresholds and small numbers "
                      "that are added")]


PRICE = Question(
    id="08-5-price",
    points=3,
    name="price",
    cases=_price_cases,
    reference=price,
    tolerance=lambda case, expected: 1e-5 + 1e-4 * np.abs(expected),
    misconceptions=mistakes({
        "what is visible is not looked at: condition both entropies of a step on the positions revealed before it":
            _priced(lambda H, visible, group, later: _one_by_one(H, group, []) - H(group)),
        "this is the price of one step for everything: condition each position on what earlier steps of `order` have "
        "revealed": slip(price, order=lambda order: torch.ones_like(order)),
        "the joint entropy is not subtracted: this is the cross-entropy of what is written, and the data have an "
        "entropy of their own": _priced(lambda H, visible, group, later: _one_by_one(H, group, visible)),
        "only the joint entropies: together they are H(X), in any order":
            _priced(lambda H, visible, group, later: H(group, visible)),
        "the sign is off: the entropies one by one are at least the joint one": slip(price, lambda nats: -nats),
        "this is in bits; asked are nats": slip(price, lambda nats: nats / math.log(2)),
        "each position is given all others, also those of its own step, which it cannot see": _priced(
            lambda H, visible, group, later: _one_by_one(H, group, visible + group + later) - H(group, visible)),
        "the positions of a step are given each other; they are drawn together, and see only earlier steps":
            _priced(lambda H, visible, group, later: _one_by_one(H, group, visible + group) - H(group, visible)),
        "conditioned on the positions of all other steps; visible are those of earlier ones": _priced(
            lambda H, visible, group, later: _one_by_one(H, group, visible + later) - H(group, visible + later)),
        "these are the informations that pairs of a step share; three positions share more, or less, than their pairs":
            _priced(lambda H, visible, group, later: sum(
                (_one_by_one(H, [*pair], visible) - H([*pair], visible) for pair in itertools.combinations(group, 2)),
                H([]))),
        "the positions of a step that are no neighbours are taken for steps of their own; all with the same order[i] "
        "are drawn together": (_priced(lambda H, visible, group, later: sum(
            _one_by_one(H, run, visible) - H(run, visible) for run in _runs(group))),
            slip(price, order=lambda order: 1 + torch.cat([order.new_zeros(1), order.diff() != 0]).cumsum(0))),
        "H(S) is subtracted once for a step with several positions; it is in the conditional entropy of each of them, "
        "and in the joint one": _priced(lambda H, visible, group, later: (
            _one_by_one(H, group, visible) - H(group, visible)
            + max(len(group) - 2, 0) * H(visible))),
        "H(A | S) = H(A and S) - H(S): H(S) is not subtracted": _priced(
            lambda H, visible, group, later: sum(H([*visible, i]) for i in group) - H(visible + group)),
        "H(A | S) is H(A and S) - H(S), not H(A) - H(S)": _priced(
            lambda H, visible, group, later: sum(H([i]) - H(visible) for i in group) - (H(group) - H(visible))),
        "the positions that are kept are summed over; a marginal is the sum over all others":
            slip(price, entropy=lambda p, kept: _entropy(p, _others(p, kept))),
        "sum over an empty list of dimensions adds up everything: where no position is left to sum over, take p "
        "itself": (slip(price, entropy=lambda p, kept: _entropy(p, kept) * (len(kept) < p.ndim)),
                   _price_of_output(_sum_over_all_for_none, _sum)),
        "the marginals lose the dimensions that are summed, and line up with other positions: keepdim=True": (
            _price_of_output(_sum_without_keepdim, _sum_without_keepdim), _price_of_output(_sum, _sum_without_keepdim)),
        "the law of the texts is a product of p(x^i | visible); the division by p(visible) is missing":
            _price_of_output(_sum, lambda p, positions: p.new_ones(())),
        "the texts weigh the same; weigh each logarithm by the text's probability p":
            lambda p, order: (p / _output(p, order)).log().mean(),
        "averaged over the texts of the table; add up, in kl_div with reduction=\"sum\"":
            slip(price, lambda nats, p: nats / p.numel()),
        "the joint entropy is not conditioned on what is visible; the entropies one by one are":
            _priced(lambda H, visible, group, later: _one_by_one(H, group, visible) - H(group)),
        "conditioned on the positions that come *later*; visible are those of earlier steps":
            slip(price, order=lambda order: order.max() + 1 - order),
        "conditioned on the step just before only; all earlier ones are visible": _given_the_step_before,
        "this is KL(output || data); asked is KL(data || output)":
            lambda p, order: _relative_entropy(_output(p, order), p),
        "this is the total variation; asked is the KL": lambda p, order: (p - _output(p, order)).abs().sum() / 2,
        "small probabilities are clamped or dropped, or a number is added to them; each counts with what it has": (
            *[slip(price, entropy=lambda p, kept, more=more: _entropy_by(lambda m: m * (m + more).log(), p, kept))
              for more in (1e-2, 1e-3, 1e-4, 1e-5)],
            slip(price, entropy=lambda p, kept: _entropy_by(lambda m: m * m.clamp(min=1e-2).log(), p, kept)),
            *[slip(price, entropy=lambda p, kept, least=least: _entropy_by(
                lambda m: torch.where(m > least, m * m.log(), 0), p, kept)) for least in (1e-2, 1e-3)]),
        "the last step is missing": slip(price, over=lambda steps: steps[:-1].sum()),
        "the first step is missing": slip(price, over=lambda steps: steps[1:].sum()),
        "this is the price of the first step alone; add up the steps": slip(price, over=lambda steps: steps[0]),
        "this is the price of the last step alone; add up the steps": slip(price, over=lambda steps: steps[-1]),
        "averaged over the steps; they add up": slip(price, over=torch.mean),
        "divided by n: asked is the price of a text, not of a token": slip(price, lambda nats, p: nats / p.ndim),
        "H(X) is subtracted in every step; each step has a joint entropy of its own group": _priced(
            lambda H, visible, group, later: _one_by_one(H, group, visible) - H(visible + group + later)),
        "always 0, the price of one position at a time: the positions with the same order[i], the step of position i, "
        "are drawn together and see only earlier steps": everywhere(lambda value, *_: abs(value) < 1e-6),
        "the price is a KL and never negative; are the two entropies of a step given the same?":
            somewhere(lambda value, *_: value < -1e-6),
    }),
)

QUESTIONS = (REVEAL_PROBABILITIES, STEP, ONE_AT_A_TIME, TEMPERATURE, PRICE)
