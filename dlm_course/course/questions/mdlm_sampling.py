"""Topic 08: when to reveal, one step, one token at a time, temperature, the price of revealing together."""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Question
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


def reveal_probabilities(rate: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    before, after = _levels(rate, num_steps)
    return (before - after) / before


def _levels(rate: Callable[[Tensor], Tensor], num_steps: int, points: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The levels r_0..r_{L-1} before the steps and r_1..r_L after them, at these points of progress."""
    points = torch.arange(num_steps + 1, dtype=torch.float64) / num_steps if points is None else points
    rates = rate(points)
    return rates[:-1], rates[1:]


def _shares(rate: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    before, after = _levels(rate, 0, points)
    return (before - after) / before


def _of_levels(of: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return lambda rate, num_steps: of(*_levels(rate, num_steps))


def _steps_from_one(num_steps: int) -> Tensor:
    return torch.arange(1, num_steps + 1, dtype=torch.float64)


def _rate_cases(seed: int) -> list[Case]:
    numbers = 1.5 + torch.rand(2, generator=torch.Generator().manual_seed(seed))
    first, second = (numbers * 100).round().div(100).tolist()
    return [Case((_Rate(1, first), 4), f"rate(s) = (1 - s)^{first:.2f}, L = 4"),
            Case((_Rate(second, 1), 5), f"rate(s) = 1 - s^{second:.2f}, L = 5"),
            Case((_Rate(1, 1), 3), "rate(s) = 1 - s, L = 3"),
            Case((_Rate(second, 1), 1), "L = 1", edge="one step reveals everything, with probability 1")]


REVEAL_PROBABILITIES = Question(
    id="08-1-reveal-probabilities",
    points=2,
    name="reveal_probabilities",
    cases=_rate_cases,
    reference=reveal_probabilities,
    misconceptions=(
        Misconception("the division is missing: this is the share of *all* tokens that the step reveals; of those that "
                      "are still masked it is that over r_(l-1)", _of_levels(lambda before, after: before - after)),
        Misconception("L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps",
                      lambda rate, num_steps: _shares(rate, torch.linspace(0, 1, num_steps, dtype=torch.float64))),
        Misconception("L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps, and no number "
                      "put at the end makes up for it", lambda rate, num_steps: torch.cat([
                          _shares(rate, torch.linspace(0, 1, num_steps, dtype=torch.float64)), torch.ones(1)])),
        Misconception("L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps, and no number "
                      "put in front makes up for it", lambda rate, num_steps: torch.cat([
                          torch.zeros(1), _shares(rate, torch.linspace(0, 1, num_steps, dtype=torch.float64))])),
        Misconception("the progress l/L is rounded down to a whole number: l // L is 0 until the end; divide with /",
                      lambda rate, num_steps: (torch.arange(num_steps) == num_steps - 1).double()),
        Misconception("rate is taken at 1 - l/L, so that the levels rise: it takes the progress of the sampler, l/L, "
                      "and is 1 at 0", lambda rate, num_steps: _shares(
                          rate, torch.arange(num_steps, -1, -1, dtype=torch.float64) / num_steps)),
        Misconception("the last level is not 0: the L + 1 levels are rate(l/L), l = 0..L; here masks are left at the "
                      "end", lambda rate, num_steps: _shares(
                          rate, torch.arange(num_steps + 1, dtype=torch.float64) / (num_steps + 1))),
        Misconception("there is one level too many: L steps have the levels l/L, l = 0..L", lambda rate, num_steps:
                      _shares(rate, torch.arange(num_steps + 2, dtype=torch.float64) / (num_steps + 1))),
        Misconception("the first level is not 1: the sampler starts from masks only, r_0 = rate(0)",
                      lambda rate, num_steps: _shares(rate, (torch.arange(num_steps + 1).double() + 1) / (num_steps + 1)
                                                      ).nan_to_num(0.0)),
        Misconception("divided by r_l, the level after the step; a coin is thrown for tokens masked *before* it, "
                      "r_(l-1)", _of_levels(lambda before, after: (before - after) / after)),
        Misconception("this is r_l / r_(l-1), the probability to *stay* masked; reveal is 1 minus that",
                      _of_levels(lambda before, after: after / before)),
        Misconception("this is the mask rate after each step; asked is the probability to be revealed in it",
                      _of_levels(lambda before, after: after)),
        Misconception("this is the mask rate before each step; asked is the probability to be revealed in it",
                      _of_levels(lambda before, after: before)),
        Misconception("this is the share that is visible after each step; asked is the probability to be revealed in "
                      "the step, if masked before it", _of_levels(lambda before, after: 1 - after)),
        Misconception("this is the share that is visible before each step; asked is the probability to be revealed in "
                      "the step, if masked before it", _of_levels(lambda before, after: 1 - before)),
        Misconception("these are the L + 1 levels; asked are the L probabilities", lambda rate, num_steps: rate(
            torch.arange(num_steps + 1, dtype=torch.float64) / num_steps)),
        Misconception("this is the forward chain's beta, (lambda_t - lambda_(t-1))/(1 - lambda_(t-1)): divided by what "
                      "is visible; divide by what is masked before the step, r_(l-1)",
                      _of_levels(lambda before, after: (before - after) / (1 - after))),
        Misconception("the sampler's steps come in the reverse order: it starts from masks only, r_0 = rate(0) = 1",
                      lambda rate, num_steps: reveal_probabilities(rate, num_steps).flip(0)),
        Misconception("the sign is off: the level before the step is the larger one",
                      _of_levels(lambda before, after: (after - before) / before)),
        Misconception("1/(L - l + 1) belongs to levels that fall in a straight line; use rate",
                      lambda rate, num_steps: 1 / _steps_from_one(num_steps).flip(0)),
        Misconception("1/L is the same in every step; use the levels of rate",
                      lambda rate, num_steps: torch.full((num_steps,), 1 / num_steps)),
        Misconception("the first step is left out: it goes from r_0 = 1 to r_1",
                      lambda rate, num_steps: reveal_probabilities(rate, num_steps)[1:]),
        Misconception("the last step is left out: it goes to r_L = 0, and reveals what is left",
                      lambda rate, num_steps: reveal_probabilities(rate, num_steps)[:-1]),
        Misconception("these are products over the steps so far; each step has its own probability",
                      lambda rate, num_steps: reveal_probabilities(rate, num_steps).cumprod(0)),
        Misconception("these are divided by their sum; each step has a probability of its own, and they need not sum "
                      "to 1", lambda rate, num_steps: _normalised(reveal_probabilities(rate, num_steps))),
        Misconception("this is the logarithm of r_(l-1) / r_l, near the probability for small steps only; "
                      "take 1 - r_l / r_(l-1)", _of_levels(lambda before, after: (before / after).log())),
        Misconception("this is squared", lambda rate, num_steps: reveal_probabilities(rate, num_steps) ** 2),
        Misconception("the result is not finite: a division by the level after the last step, 0? Divide by the one "
                      "before", symptom=lambda cases, values: not all(np.isfinite(value).all() for value in values)),
        Misconception("a probability is above 1 or below 0: take (r_(l-1) - r_l)/r_(l-1), with r_0 = 1 and levels that "
                      "fall", symptom=lambda cases, values: any(
                          ((value > 1 + 1e-6) | (value < -1e-6)).any() for value in values)),
        Misconception("the last probability is not 1: the last step goes to r_L = rate(1) = 0 and reveals whatever is "
                      "left", symptom=lambda cases, values: all(abs(value[-1] - 1) > 1e-3 for value in values)),
    ),
)


# 08-2: one step

_ROWS, _PLACES = 8000, 3
_TEMPLATES = ((None, 1, None), (None, None, 0))     # two kinds of rows, None a mask


def step(logits: Tensor, xt: Tensor, reveal_probability: float, mask_id: int, generator: torch.Generator) -> Tensor:
    states = torch.arange(logits.shape[-1])
    probs = torch.where(states == mask_id, -torch.inf, logits).softmax(-1)
    drawn = torch.multinomial(probs.reshape(-1, len(states)), 1, generator=generator).reshape(xt.shape)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < reveal_probability)
    return torch.where(reveal, drawn, xt)


def _probs(logits: Tensor, mask_id: int) -> Tensor:
    return torch.where(torch.arange(logits.shape[-1]) == mask_id, -torch.inf, logits).softmax(-1)


def _two_kinds(logits: Tensor, xt: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(logits[row], xt[row]) for row in (0, len(xt) // 2)]


def _product(outcomes: list[Tensor]) -> Tensor:
    """The probability of each row of states, (K^n,), where positions are independent."""
    joint = torch.ones(1, dtype=torch.float64)
    for probs in outcomes:
        joint = (joint[:, None] * probs).flatten()
    return joint


def _point(state: int, num_states: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(state), num_states).double()


def _independent(of_masked: Callable[[Tensor, float, int], Tensor] | None = None,
                 of_visible: Callable[[Tensor, float, int, int], Tensor] | None = None) -> Callable:
    """The law of a step whose tokens are independent: of a masked token, of a visible one."""
    of_masked = of_masked or (lambda logits, r, mask_id: _mixed(r, _probs(logits, mask_id), mask_id))
    of_visible = of_visible or (lambda logits, r, mask_id, state: _point(state, len(logits)))

    def law(logits: Tensor, xt: Tensor, r: float, mask_id: int) -> Tensor:
        return torch.stack([_product([
            of_masked(logits_i, r, mask_id) if state == mask_id else of_visible(logits_i, r, mask_id, state)
            for logits_i, state in zip(row_logits, row.tolist(), strict=True)])
            for row_logits, row in _two_kinds(logits, xt)])

    return law


def _mixed(r: float, probs: Tensor, mask_id: int) -> Tensor:
    """Revealed with probability r, and then by probs."""
    return r * probs + (1 - r) * _point(mask_id, len(probs))


def _one_coin(logits: Tensor, xt: Tensor, r: float, mask_id: int) -> Tensor:
    revealed, kept = (_independent()(logits, xt, coin, mask_id) for coin in (1.0, 0.0))
    return r * revealed + (1 - r) * kept


def _coin_again(logits: Tensor, r: float, mask_id: int) -> Tensor:
    """The number below r that decided to reveal decides the token, too: by the cumulative probabilities."""
    ends = _probs(logits, mask_id).cumsum(0).clamp(max=r)
    first = torch.cat([ends[:1], ends.diff()])
    return first + (1 - first.sum()) * _point(mask_id, len(logits))


def _likeliest(logits: Tensor, mask_id: int) -> Tensor:
    return _point(int(_probs(logits, mask_id).argmax()), len(logits))


def _even(logits: Tensor, mask_id: int) -> Tensor:
    return _probs(torch.zeros_like(logits), mask_id)


def _with_logits(of: Callable[[Tensor], Tensor]) -> Callable:
    """The law of a right step that is given other logits."""
    return lambda logits, xt, r, mask_id: _independent()(of(logits), xt, r, mask_id)


def _left_out(logits: Tensor, mask_id: int) -> Tensor:
    """The mask's logit is left out, and the states behind it are drawn under the number of the one before."""
    others = torch.arange(len(logits)) != mask_id
    return torch.nn.functional.pad(logits[others].softmax(-1), (0, 1))


def _frequencies(case: Case, values: np.ndarray, num_states: int) -> np.ndarray:
    """How often each row of states came up among the rows of either kind, (2, K^n)."""
    if ((values < 0) | (values >= num_states)).any():
        raise ValueError(f"wrong value: a state that is none of 0..{num_states - 1}")
    numbers = values.astype(int) @ (num_states ** np.arange(_PLACES)[::-1])
    return np.stack([np.bincount(half, minlength=num_states**_PLACES) / len(half)
                     for half in np.split(numbers, 2)])


def _text_called(index: tuple[int, ...], template: Tensor, symbols: Tensor) -> str:
    """"the frequency of text [0, 1, 1] from [2, 1, 2]": the entry of `_frequencies` for these symbols, of one kind."""
    kind, number = index
    text = symbols[torch.tensor(number) // len(symbols) ** torch.arange(_PLACES - 1, -1, -1) % len(symbols)]
    return f"the frequency of text {text.tolist()} from {template[kind * (len(template) // 2)].tolist()}"


def _overwritten(at: int, mask_at: int) -> Callable:
    """True if a token that was given has changed in every case; `at` and `mask_at` are the arguments' numbers."""
    def symptom(cases: list[Case], values: list[np.ndarray]) -> bool:
        return all(((value != case.args[at].numpy()) & (case.args[at].numpy() != case.args[mask_at])).any()
                   for case, value in zip(cases, values, strict=True))

    return symptom


def _no_state(cases: list[Case], values: list[np.ndarray]) -> bool:
    return any(((value < 0) | (value > 2)).any() for value in values)


_NO_STATE = Misconception("a state that is none of 0..K-1", symptom=_no_state)


def _dependent(features: Callable[[Case, np.ndarray], np.ndarray]) -> Callable:
    """True if in some case a text tells of another: one of the next three, its twin, one half a batch away, its mirror.

    The covariances of their features, (rows, f), are about standard normal where texts are independent; of features
    that are too rare for that none is taken.
    """
    def symptom(cases: list[Case], values: list[np.ndarray]) -> bool:
        return any(_largest_score(features(case, value).astype(float)) > 6
                   for case, value in zip(cases[1:], values[1:], strict=True))     # the first two have one seed

    return symptom


def _largest_score(features: np.ndarray) -> float:
    centred = np.concatenate([(half - half.mean(0)) * (half.std(0) > 0.25) for half in np.split(features, 2)])
    centred = centred[:, centred.any(0)]
    pairs = [(centred[:-lag], centred[lag:]) for lag in (1, 2, 3, len(centred) // 2)]
    pairs += [(centred[::2], centred[1::2]), (centred[:len(centred) // 2], centred[::-1][:len(centred) // 2])]
    return max(np.abs(one.T @ other / np.sqrt((one**2).T @ other**2 + 1e-9)).max(initial=0) for one, other in pairs)


def _same_in_all_rows(test: Callable[[Case, np.ndarray], np.ndarray]) -> Callable:
    """True if what the test makes of the values, (rows, n), is the same for all rows of a kind, in every case."""
    return lambda cases, values: all(
        (half == half[:1]).all() for case, value in zip(cases, values, strict=True)
        for half in np.split(test(case, value), 2))


def _tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    """Five standard deviations, and six texts more, for what is rare is not normal; what is impossible stays so."""
    return 5 * np.sqrt(law * (1 - law) / (_ROWS / 2)) + np.where(law > 1e-12, 6 / (_ROWS / 2), 1e-9)


def _rows_of_two_kinds(vocabulary: Tensor, mask_id: int) -> Tensor:
    kinds = [[mask_id if symbol is None else int(vocabulary[symbol]) for symbol in row] for row in _TEMPLATES]
    return torch.tensor(kinds).repeat_interleave(_ROWS // 2, 0)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


def _half_seeded(cases: list[Case], values: list[np.ndarray]) -> bool:
    """True if another seed gives the same coins, or the same tokens, although these differ from text to text."""
    coins, tokens = ([value == 2 for value in values], values)
    both = ~coins[0] & ~coins[2]
    vary = any((half != half[:1]).any() for half in np.split(coins[0], 2))
    if (coins[0] == coins[2]).all():
        return vary
    several = any(len(set(half[~masked].tolist())) > 1 for half, masked in
                  zip(np.split(tokens[0][:, 0], 2), np.split(coins[0][:, 0], 2), strict=True))
    return vary and several and bool((tokens[0][both] == tokens[2][both]).all())


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


def _fits(part: Callable[[np.ndarray, int], np.ndarray], cases: list[Case], values: list[np.ndarray]) -> bool:
    """True if this part of the law is right in all cases."""
    for case, value in zip(cases, values, strict=True):
        seen, law = (part(joint, case.args[3]) for joint in (_frequencies(case, value, 3),
                                                             _independent()(*case.args).numpy()))
        if (np.abs(seen - law) > _tolerance(case, law.clip(0, 1))).any():
            return False
    return True


def _right_on_average(cases: list[Case], values: list[np.ndarray]) -> bool:
    for case, value in zip(cases, values, strict=True):
        masked = (case.args[1] == case.args[3]).numpy()
        share = (value != case.args[3])[masked].mean()
        if abs(share - case.args[2]) > 5 * (case.args[2] * (1 - case.args[2]) / masked.sum()) ** 0.5:
            return False
    return True


def _only_right_where_mask_is(state: int) -> Callable:
    """True if the cases with this mask are right, and in the others it is this state that is never drawn."""
    def symptom(cases: list[Case], values: list[np.ndarray]) -> bool:
        pairs = [*zip(cases, values, strict=True)]
        right = [pair for pair in pairs if pair[0].args[3] == state]
        others = [pair for pair in pairs if pair[0].args[3] != state]
        return _fits(lambda joint, mask_id: joint, *zip(*right, strict=True)) and not any(
            (value[(case.args[1] == case.args[3]).numpy()] == state).any() for case, value in others)

    return symptom


def _step_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.stack([torch.randperm(3, generator=generator) for _ in range(6)]).reshape(2, 3, 3)
    logits = (1.5 * spread + 0.4 * torch.rand(2, 3, 3, generator=generator)).double().repeat_interleave(_ROWS // 2, 0)
    last, first = (_rows_of_two_kinds(torch.tensor(symbols), mask)
                   for symbols, mask in (([0, 1], 2), ([1, 2], 0)))
    label = "8000 rows of n = 3, K = 3, reveal_probability = "
    return [Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 22),
            Case((logits, first, 0.9, 0), label + "0.9, mask_id = 0", seed + 23),
            Case((logits, last, 1.0, 2), label + "1", seed + 24,
                 edge="with probability 1 every mask is revealed, as in the sampler's last step, and the mask is never "
                      "drawn"),
            Case((logits, last, 0.0, 2), label + "0", seed + 25, edge="with probability 0 nothing changes")]


STEP = Question(
    id="08-2-step",
    points=3,
    name="step",
    cases=_step_cases,
    reference=_independent(),
    stand_in=step,
    view=lambda case, values: _frequencies(case, values, 3),
    entry=lambda case, index: _text_called(index, case.args[1], torch.arange(3)),
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance,
    misconceptions=(
        Misconception("logits are not probabilities: softmax them before you draw (or is there NaN, the softmax of "
                      "-inf only?)", raised="probability tensor contains|invalid multinomial distribution"),
        _NO_STATE,
        Misconception("nothing is revealed", symptom=lambda cases, values: all(
            (value == case.args[1].numpy()).all() for case, value in zip(cases, values, strict=True))),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True, symptom=lambda cases, values:
                      (values[0] != values[1]).any()),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values:
                      (values[0] == values[2]).all() and (values[0] != cases[0].args[1].numpy()).any()),
        Misconception("the coins follow the generator, the tokens do not, or the other way round: hand `generator` to "
                      "every function that draws", always=True, symptom=_half_seeded),
        Misconception("visible tokens are drawn anew, all of them; what is given is never touched", _independent(
            lambda logits, r, mask_id: _mixed(r, _probs(logits, mask_id), mask_id),
            lambda logits, r, mask_id, state: _probs(logits, mask_id))),
        Misconception("a visible token has changed: only tokens that are still masked are revealed",
                      symptom=_overwritten(1, 3)),
        Misconception("the mask is predicted: exclude its logit (-inf) before the softmax", _independent(
            lambda logits, r, mask_id: _mixed(r, logits.softmax(-1), mask_id))),
        Misconception("the mask's logit is left out, and the states behind it are not counted up again by one",
                      _independent(lambda logits, r, mask_id: _mixed(r, _left_out(logits, mask_id), mask_id))),
        Misconception("the likeliest token is taken; draw from the probabilities", _independent(
            lambda logits, r, mask_id: _mixed(r, _likeliest(logits, mask_id), mask_id))),
        Misconception("the likeliest state is taken, even if it is the mask; exclude the mask, then draw", _independent(
            lambda logits, r, mask_id: _mixed(r, _point(int(logits.argmax()), len(logits)), mask_id))),
        Misconception("all symbols are equally likely; draw from the softmax of the logits", _independent(
            lambda logits, r, mask_id: _mixed(r, _even(logits, mask_id), mask_id))),
        Misconception("every mask is revealed, whatever its coin; only with probability reveal_probability",
                      _independent(lambda logits, r, mask_id: _probs(logits, mask_id))),
        Misconception("tokens are revealed with probability 1 - reveal_probability", _independent(
            lambda logits, r, mask_id: _mixed(1 - r, _probs(logits, mask_id), mask_id))),
        Misconception("two coins are thrown for each token", _independent(
            lambda logits, r, mask_id: _mixed(r * r, _probs(logits, mask_id), mask_id))),
        Misconception("one coin is thrown for a whole text; each masked token has its own", _one_coin),
        Misconception("the coins are the same for all texts of the batch; each masked token has its own",
                      symptom=_same_in_all_rows(lambda case, value: value == case.args[3])),
        Misconception("the coins are numbers from a normal distribution; take uniform ones, torch.rand", _independent(
            lambda logits, r, mask_id: _mixed(0.5 * (1 + math.erf(r / 2**0.5)), _probs(logits, mask_id), mask_id))),
        Misconception("one number decides twice, whether to reveal and what: draw the token with a number of its own",
                      _independent(_coin_again)),
        Misconception("the probabilities are those of the next position", _with_logits(
            lambda logits: logits.roll(-1, 1))),
        Misconception("the probabilities are those of the position before", _with_logits(
            lambda logits: logits.roll(1, 1))),
        Misconception("all positions are drawn from the logits of the first; each has its own", _with_logits(
            lambda logits: logits[:, :1].expand_as(logits))),
        Misconception("all texts are drawn from the logits of the first; each has its own", _with_logits(
            lambda logits: logits[:1].expand_as(logits))),
        Misconception("the softmax is taken over the positions; the states are the last dimension", _with_logits(
            lambda logits: logits.log_softmax(1))),
        Misconception("the softmax is taken over the texts; the states are the last dimension", _with_logits(
            lambda logits: logits.log_softmax(0))),
        Misconception("all texts get the same tokens; draw for each text", symptom=lambda cases, values: all(
            len(set(half[half[:, place] != case.args[3], place].tolist())) <= 1
            for case, value in zip(cases, values, strict=True) for half in np.split(value, 2)
            for place in range(_PLACES))),
        Misconception("the logits are drawn from as if they were probabilities: softmax them first", _independent(
            lambda logits, r, mask_id: _mixed(r, _normalised(torch.where(
                torch.arange(len(logits)) == mask_id, 0.0, logits)), mask_id))),
        Misconception("the logits are drawn from as if they were probabilities, the mask's too: exclude the mask, then "
                      "softmax", _independent(lambda logits, r, mask_id: _mixed(r, _normalised(logits), mask_id))),
        Misconception("the mask's logit is set to 0, which is no probability of 0; set it to -inf", _independent(
            lambda logits, r, mask_id: _mixed(r, torch.where(
                torch.arange(len(logits)) == mask_id, 0.0, logits).softmax(-1), mask_id))),
        Misconception("the softmax is taken twice", _independent(
            lambda logits, r, mask_id: _mixed(r, _probs(_probs(logits, mask_id), mask_id), mask_id))),
        Misconception("the softmax is taken twice, or the probabilities are taken for logits", _with_logits(
            lambda logits: logits.softmax(-1))),
        Misconception("the softmax is taken twice, and the mask has probability", _independent(
            lambda logits, r, mask_id: _mixed(r, logits.softmax(-1).softmax(-1), mask_id))),
        Misconception("the mask is taken for the last state; use mask_id", symptom=_only_right_where_mask_is(2)),
        Misconception("the mask is taken for state 0; use mask_id", symptom=_only_right_where_mask_is(0)),
        Misconception("the same number of tokens is revealed in every text; each masked token throws a coin of its own",
                      symptom=_same_in_all_rows(lambda case, value: (value == case.args[3]).sum(1))),
        Misconception("the coins are right, the tokens are not: each is drawn from the softmax of its own logits, "
                      "without the mask, and comes back to its own place", symptom=lambda cases, values:
                      _fits(_patterns, cases, values) and not _fits(_singles, cases, values)),
        Misconception("one text tells of another: every text throws its own coins and draws its own tokens, "
                      "independently", always=True, symptom=_dependent(
                          lambda case, value: np.eye(3)[value].reshape(len(value), -1))),
        Misconception("how many tokens are revealed is right on average, but not which: every masked token throws a "
                      "coin of its own, independent of the others", symptom=lambda cases, values:
                      _right_on_average(cases, values) and not _fits(_patterns, cases, values)),
        Misconception("each token by itself is right, but those of a text are not drawn independently",
                      symptom=lambda cases, values: _fits(_patterns, cases, values)),
        Misconception("not the right share of the masked tokens is revealed: is each coin a uniform number below "
                      "reveal_probability, and can the mask never be drawn?", symptom=lambda cases, values:
                      not _right_on_average(cases, values)),
    ),
)


# 08-3: one token at a time

class _Table:
    """A model of three positions and two symbols: an arbitrary conditional for each state, so that the order shows."""

    def __init__(self, table: Tensor, mask_id: int):
        self.table, self.mask_id = table, mask_id    # (3, 3, 3, 3, 2): states a, b, c; position; symbol; 2 is the mask
        back = self.relabelled(torch.arange(3), back=True)
        self.laws = {}      # of the fillings of the two kinds of templates, by _filled
        self.probs = torch.nn.functional.pad(table, (0, 1))[back][:, back][:, :, back][..., back]

    def __call__(self, xt: Tensor) -> Tensor:
        xt = torch.as_tensor(xt)
        if xt.ndim != 2 or xt.shape[1] != _PLACES:
            raise ValueError(f"the denoiser takes texts of shape (B, {_PLACES}), got {tuple(xt.shape)}")
        if xt.is_floating_point() or xt.dtype == torch.bool:
            raise TypeError(f"the denoiser takes integer states, not {xt.dtype}")
        if bool(((xt < 0) | (xt > 2)).any()):
            raise ValueError("the denoiser was given a state that is none of 0..2")
        return self.probs[tuple(xt.long().unbind(1))]

    def relabelled(self, states: Tensor, *, back: bool = False) -> Tensor:
        """The states of this table (2 is the mask) among those of the case (mask_id is), or back."""
        return states if self.mask_id == 2 else torch.remainder(states + (-1 if back else 1), 3)

    def log_probs(self, xt: Tensor, time: Tensor) -> Tensor:
        """As the package's laws ask: log-probabilities where 2 is the mask."""
        probs = self.table[tuple(xt.unbind(1))]
        return torch.cat([probs, torch.zeros_like(probs[..., :1])], -1).log()

    def __deepcopy__(self, memo: dict) -> "_Table":
        return self  # a function, as far as the student is concerned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.mask_id == other.mask_id and torch.equal(self.table, other.table)

    __hash__ = None


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
    """The law of a filling for the two kinds of rows, (2, 8), from (table, template of one text, mask 2)."""
    def of_case(denoiser: _Table, template: Tensor, mask_id: int) -> Tensor:
        if law not in denoiser.laws:
            kinds = denoiser.relabelled(template[[0, len(template) // 2]], back=True)
            denoiser.laws[law] = torch.stack([law(denoiser, kind).flatten() for kind in kinds])
        return denoiser.laws[law]

    return of_case


def _in_order(order: list[int]) -> Callable:
    return _filled(lambda table, kind: order_law(table.log_probs, 2, _PLACES, torch.tensor(order), kind))


def _every_order(kind: Tensor) -> list[tuple[int, ...]]:
    return [*itertools.permutations((kind == 2).nonzero().flatten().tolist())]


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
        total = torch.zeros(len(texts), dtype=torch.float64)
        for order in _every_order(kind):
            own = []
            for k, position in enumerate(order):
                shown = torch.tensor([i in seen(order, k) for i in range(_PLACES)])
                states = torch.where(shown, texts, kind)
                own.append(table.table[tuple(states.unbind(1))][range(len(texts)), row(order, k), texts[:, position]])
            total += possible * chance(torch.stack(own, -1), texts[:, list(order)])
        return total / len(_every_order(kind))

    return _filled(law)


def _one_number(own: Tensor, tokens: Tensor) -> Tensor:
    """The chance of tokens that one uniform number decides: token 0 below its probability, token 1 above."""
    return (torch.where(tokens == 0, own, 1.0).amin(-1) - torch.where(tokens == 1, 1 - own, 0.0).amax(-1)).clamp(min=0)


_ORDERS = [_in_order([1 + place for place in order]) for order in itertools.permutations(range(_PLACES))]
_GROUPED = [_in_order([*order]) for order in itertools.product(range(1, _PLACES + 1), repeat=_PLACES)
            if {*order} == {*range(1, max(order) + 1)}]     # several in one step, too


def _likeliest_of(denoiser: _Table) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda xt, time: torch.where(denoiser.log_probs(xt, time) == denoiser.log_probs(xt, time).amax(-1, True),
                                        0.0, -torch.inf)


def _evenly(xt: Tensor, time: Tensor) -> Tensor:
    return torch.zeros(*xt.shape, 3, dtype=torch.float64)


def _fillings(case: Case, values: np.ndarray) -> np.ndarray:
    """How often each of the 8 texts came up among the rows of either kind, (2, 8)."""
    denoiser, _, mask_id = case.args
    if (values == mask_id).any():
        raise ValueError("wrong value: masks are left at the end")
    texts = denoiser.relabelled(torch.from_numpy(values.astype(np.int64)), back=True).numpy()
    return _frequencies(case, texts, 2)


def _of_one_order(cases: list[Case], values: list[np.ndarray]) -> bool:
    """True if in each case the law is that of a single order, be it another one each time."""
    return all(any((np.abs(_fillings(case, value) - law) <= _tolerance(case, law)).all()
                   for law in (of_case(*case.args).numpy() for of_case in _ORDERS))
               for case, value in zip(cases, values, strict=True))


def _of_a_mixture(orders: list[Callable]) -> Callable:
    """True if the law is that of a mixture of these orders: the likeliest one, by EM, fits the texts of all seeds."""
    def symptom(cases: list[Case], values: list[np.ndarray]) -> bool:
        seen = np.mean([_fillings(cases[i], values[i]) for i in (0, 2, 3)], 0)
        every = torch.stack([of_case(*cases[0].args) for of_case in orders], 1).numpy()
        for laws, shares in zip(every, seen, strict=True):
            weights = np.full(len(laws), 1 / len(laws))
            for _ in range(1000):
                weights = weights * (laws @ (shares / (weights @ laws + 1e-300)))
            if (np.abs(weights @ laws - shares) > _tolerance(cases[0], weights @ laws) / 3**0.5).any():
                return False
        return True

    return symptom


def _few_texts(cases: list[Case], values: list[np.ndarray]) -> bool:
    """True if of either kind no more texts come up than there are orders."""
    return all(len(np.unique(half, axis=0)) <= math.factorial((kind[0] == case.args[2]).sum())
               for case, value in zip(cases, values, strict=True)
               for half, kind in zip(np.split(value, 2), np.split(case.args[1].numpy(), 2), strict=True))


def _one_token(cases: list[Case], values: list[np.ndarray]) -> bool:
    """True if all masks of a text become the same token."""
    return all((np.where(masked, value, -1).max(1) == np.where(masked, value, 9).min(1)).all()
               for value, masked in ((value, (case.args[1] == case.args[2]).numpy())
                                     for case, value in zip(cases, values, strict=True)))


def _left(cases: list[Case], values: list[np.ndarray]) -> bool:
    return any((value == case.args[2]).any() for case, value in zip(cases, values, strict=True))


def _left_where_mask_is_first(cases: list[Case], values: list[np.ndarray]) -> bool:
    return all((value == case.args[2]).any() == (case.args[2] == 0) for case, value in zip(cases, values, strict=True))


def _whole_texts(case: Case, value: np.ndarray) -> np.ndarray:
    """The three tokens of each text, and which of the 27 texts it is."""
    return np.concatenate([value, np.eye(27)[value @ [9, 3, 1]]], 1)


@functools.cache
def _filling_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    table = torch.softmax(2.5 * torch.randn(3, 3, 3, 3, 2, dtype=torch.float64, generator=generator), -1)
    last, first = _Table(table, 2), _Table(table, 0)
    kinds = torch.tensor([[1, 2, 2], [2, 2, 2]]).repeat_interleave(_ROWS // 2, 0)
    label = "8000 templates of n = 3, K = 3"
    return [Case((last, kinds, 2), label, seed + 11), Case((last, kinds, 2), label, seed + 11),
            Case((last, kinds, 2), label, seed + 12),
            Case((first, first.relabelled(kinds), 0), label + ", mask_id = 0", seed + 13)]


ONE_AT_A_TIME = Question(
    id="08-3-one-at-a-time",
    points=3,
    name="one_at_a_time",
    cases=_filling_cases,
    reference=_filled(lambda table, kind: one_at_a_time_law(table.log_probs, 2, _PLACES, kind)),
    stand_in=one_at_a_time,
    view=_fillings,
    entry=lambda case, index: _text_called(index, case.args[1], case.args[0].relabelled(torch.arange(2))),
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance,
    misconceptions=(
        _NO_STATE,
        Misconception("nothing is revealed", symptom=lambda cases, values: all(
            (value == case.args[1].numpy()).all() for case, value in zip(cases, values, strict=True))),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True,
                      symptom=lambda cases, values: (values[0] != values[1]).any()),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("the template is overwritten: tokens that are given stay, also in texts that are finished before "
                      "the others", symptom=_overwritten(1, 2)),
        Misconception("masks are left where the mask is state 0: it is not always the last state; use mask_id",
                      symptom=_left_where_mask_is_first),
        Misconception("masks are left at the end: take as many steps as the text with the most masks needs",
                      symptom=lambda cases, values: _left(cases, values) and _same_in_all_rows(
                          lambda case, value: (value == case.args[2]).sum(1))(cases, values)),
        Misconception("masks are left in some texts: a position that was filled before is chosen again, by a new order "
                      "in every step, or the mask is drawn. Draw one order for each text, or choose among what is "
                      "still masked", symptom=_left),
        Misconception("all tokens come from one call: call the denoiser again after every token, so that it sees it",
                      _filled(lambda table, kind: lambda_schedule_law(table.log_probs, 2, _PLACES, levels(1), kind))),
        Misconception("the order is left to right, always; draw a random one for each text", _in_order([1, 2, 3])),
        Misconception("the order is right to left, always; draw a random one for each text", _in_order([3, 2, 1])),
        Misconception("the surest position comes first; the order is random, whatever the denoiser says",
                      _filled(lambda table, kind: surest_first_law(table.log_probs, 2, _PLACES, _PLACES, kind))),
        Misconception("the likeliest token is taken; draw from the probabilities", _filled(
            lambda table, kind: one_at_a_time_law(_likeliest_of(table), 2, _PLACES, kind))),
        Misconception("all tokens are the likeliest of one call: call again after every token, and draw", _filled(
            lambda table, kind: lambda_schedule_law(_likeliest_of(table), 2, _PLACES, levels(1), kind))),
        Misconception("all symbols are equally likely; draw from the denoiser's probabilities", _filled(
            lambda table, kind: one_at_a_time_law(_evenly, 2, _PLACES, kind))),
        Misconception("all texts share one order; draw one for each", symptom=_of_one_order),
        Misconception("coins decide what is revealed, so that some steps reveal several tokens: one in each step",
                      _filled(lambda table, kind: lambda_schedule_law(table.log_probs, 2, _PLACES, levels(_PLACES),
                                                                      kind))),
        Misconception("two tokens are revealed in one step: each must see the one before", _filled(
            lambda table, kind: random_order_law(table.log_probs, 2, _PLACES, 2) if bool((kind == 2).all()) else
            lambda_schedule_law(table.log_probs, 2, _PLACES, levels(1), kind))),
        Misconception("the denoiser's answer is one step old: ask again after every token, before the next is drawn",
                      _over_orders(seen=lambda order, k: order[:max(k - 1, 0)])),
        Misconception("the denoiser is shown the last token only; leave all that were drawn in the text",
                      _over_orders(seen=lambda order, k: order[max(k - 1, 0):k])),
        Misconception("the probabilities are taken at the number of the step; take those of the position that is "
                      "revealed", _over_orders(row=lambda order, k: k)),
        Misconception("the last token is the likeliest one; draw it, too", _over_orders(
            chance=lambda own, tokens: own[:, :-1].prod(-1) * (own[:, -1] > 0.5))),
        Misconception("one random number decides all tokens of a text; draw a new one in each step",
                      _over_orders(chance=_one_number)),
        Misconception("tokens are drawn everywhere and the surest draw is kept, which prefers likely tokens; choose "
                      "the position first, at random", _filled(
                          lambda table, kind: maskgit_law(table.log_probs, 2, _PLACES, _PLACES, kind))),
        Misconception("the denoiser's probabilities are taken for logits: a softmax of them", _filled(
            lambda table, kind: one_at_a_time_law(
                lambda xt, time: table.log_probs(xt, time).exp(), 2, _PLACES, kind))),
        Misconception("all texts are the same; draw for each text", symptom=_same_in_all_rows(
            lambda case, value: value)),
        Misconception("all masks of a text become the same token; draw each when its turn comes", symptom=_one_token),
        Misconception("texts with the same order get the same tokens; each text draws tokens of its own",
                      symptom=_few_texts),
        Misconception("each token is drawn as it should be, given what is visible, but not all orders are equally "
                      "likely", symptom=_of_a_mixture(_ORDERS)),
        Misconception("each token is drawn as it should be, given what was visible, but some steps reveal several "
                      "tokens, as coins do: one in each step, so that it sees all those before", symptom=_of_a_mixture(
                          _GROUPED)),
        Misconception("one text tells of another: every text has an order of its own and draws its own tokens, "
                      "independently", always=True, symptom=_dependent(_whole_texts)),
    ),
)


# 08-4: temperature

def with_temperature(probs: Tensor, temperature: float) -> Tensor:
    return (probs.log() / temperature).softmax(-1)


def _temperature_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(2, 3, 4, dtype=torch.float64, generator=generator) + 0.05
    probs = probs / probs.sum(-1, keepdim=True)
    with_zero = torch.tensor([[0.34, 0.34, 0.32, 0.0], [0.0, 0.02, 0.47, 0.51]], dtype=torch.float64)
    return [Case((probs, 0.5), "probs of shape (2, 3, 4), temperature = 0.5"),
            Case((probs, 2.0), "probs of shape (2, 3, 4), temperature = 2"),
            Case((with_zero, 0.7), "a state of probability 0, temperature = 0.7"),
            Case((with_zero, 4.0), "a state of probability 0, temperature = 4"),
            Case((probs[:1], 1.0), "temperature = 1", edge="temperature 1 changes nothing"),
            Case((with_zero, 5e-4), "temperature = 0.0005",
                 edge="equally likely states stay so at any temperature, and 0.34 to the power of 2000 is 0 for the "
                      "computer: stay with logarithms until the softmax")]


def _powers(probs: Tensor, power: float) -> Tensor:
    return (probs.log() * power).softmax(-1)


TEMPERATURE = Question(
    id="08-4-with-temperature",
    points=1,
    name="with_temperature",
    cases=_temperature_cases,
    reference=with_temperature,
    misconceptions=(
        Misconception("the probabilities are taken for logits: softmax(p/T). Take their logarithm first",
                      lambda probs, temperature: (probs / temperature).softmax(-1)),
        Misconception("the probabilities are taken for logits, and the temperature multiplies; take softmax(log(p)/T)",
                      lambda probs, temperature: (probs * temperature).softmax(-1)),
        Misconception("the temperature multiplies; it divides the logarithms: a low one sharpens",
                      lambda probs, temperature: _powers(probs, temperature)),
        Misconception("the powers are p^T; they are p^(1/T), and do not sum to 1 here",
                      lambda probs, temperature: probs**temperature),
        Misconception("the powers p^(1/T) do not sum to 1 yet: divide by their sum",
                      lambda probs, temperature: probs ** (1 / temperature)),
        Misconception("these are logarithms, log(p)/T: a softmax is missing",
                      lambda probs, temperature: probs.log() / temperature),
        Misconception("these are log-probabilities; asked are probabilities",
                      lambda probs, temperature: (probs.log() / temperature).log_softmax(-1)),
        Misconception("the temperature changes nothing: is it used? Dividing the probabilities by T and normalising "
                      "takes it out again; take powers", lambda probs, temperature: probs),
        Misconception("the probabilities are divided by T, which is no distribution: take powers p^(1/T), and "
                      "normalise", lambda probs, temperature: probs / temperature),
        Misconception("the softmax of the probabilities: without their logarithm, and without a temperature",
                      lambda probs, temperature: probs.softmax(-1)),
        Misconception("all the mass is on the likeliest state: that is the limit of temperature 0",
                      lambda probs, temperature: torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]
                                                                             ).to(probs)),
        Misconception("normalised over everything at once; each position has its own distribution, over the last "
                      "dimension", lambda probs, temperature: probs ** (1 / temperature)
                      / (probs ** (1 / temperature)).sum()),
        Misconception("normalised over the wrong dimension: the states are the last one",
                      lambda probs, temperature: (probs.log() / temperature).softmax(-2)),
        Misconception("normalised over the wrong dimension: the states are the last one",
                      lambda probs, temperature: (probs.log() / temperature).softmax(0)),
        Misconception("normalised over the wrong dimension: the states are the last one",
                      lambda probs, temperature: (probs.log() / temperature).softmax(1)),
        Misconception("the logarithm is that of base 2; a softmax undoes the natural one", lambda probs, temperature:
                      (probs.log2() / temperature).softmax(-1)),
        Misconception("the logarithm is that of base 10; a softmax undoes the natural one", lambda probs, temperature:
                      (probs.log10() / temperature).softmax(-1)),
        Misconception("these are the squares, p^2, whatever the temperature; the power is 1/T",
                      lambda probs, temperature: _powers(probs, 2)),
        Misconception("1/T is rounded to a whole number, which is 0 at high temperatures; keep the fraction",
                      symptom=lambda cases, values: all(
                          np.allclose(values[i], _powers(cases[i].args[0], power), atol=1e-5)
                          for i, power in ((0, 2), (1, 0)))),
        Misconception("the powers are p^(1/T^2): the temperature is applied twice",
                      lambda probs, temperature: _powers(probs, 1 / temperature**2)),
        Misconception("the result holds NaN: log 0 is -inf, whose exponential is 0 again, unless it meets a 0 or "
                      "another infinity on the way",
                      symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
        Misconception("a state of probability 0 has got some: its logarithm is -inf, and stays it. Even a small "
                      "number put in its place counts at a high temperature",
                      symptom=lambda cases, values: any(((case.args[0].numpy() == 0) & (value > 1e-5)).any()
                                                        for case, value in zip(cases, values, strict=True))),
        Misconception("the probabilities of a position do not sum to 1", symptom=lambda cases, values: any(
            (np.abs(value.sum(-1) - 1) > 1e-4).any() for value in values)),
    ),
)


# 08-5: the price of revealing together

def price(p: Tensor, order: Tensor) -> Tensor:
    return _priced(lambda p, visible, group: _singly(p, visible, group) - _given(p, group, visible))(p, order)


def _sets(order: Tensor, number: int) -> tuple[list[int], list[int]]:
    """The positions that are visible before step `number`, and those that it reveals."""
    return (order < number).nonzero().squeeze(-1).tolist(), (order == number).nonzero().squeeze(-1).tolist()


def _entropy(p: Tensor, kept: list[int]) -> Tensor:
    """H of these positions together, in nats."""
    return torch.special.entr(_sum(p, _others(p, kept))).sum()


def _given(p: Tensor, positions: list[int], seen: list[int],
           entropy: Callable[[Tensor, list[int]], Tensor] = _entropy) -> Tensor:
    return entropy(p, sorted({*positions, *seen})) - entropy(p, seen)


def _priced_by(entropy: Callable[[Tensor, list[int]], Tensor]) -> Callable:
    return _priced(lambda p, visible, group: sum(_given(p, [i], visible, entropy) for i in group)
                   - _given(p, group, visible, entropy))


def _priced(of_step: Callable[[Tensor, list[int], list[int]], Tensor]) -> Callable:
    """The sum over the steps of (p, visible, group)."""
    return lambda p, order: sum((of_step(p, *_sets(order, number)) for number in range(1, int(order.max()) + 1)),
                                p.new_zeros(()))


def _singly(p: Tensor, visible: list[int], group: list[int]) -> Tensor:
    return sum(_given(p, [i], visible) for i in group)


def _sum(p: Tensor, positions: list[int], *, keepdim: bool = True) -> Tensor:
    """The sum over these positions; over none of them it is p, where torch adds up everything."""
    return p.sum(dim=positions, keepdim=keepdim) if positions else p


def _output(p: Tensor, order: Tensor, over: Callable[[Tensor, list[int]], Tensor] = _sum,
            under: Callable[[Tensor, list[int]], Tensor] = _sum) -> Tensor:
    """The law of what is written: the product over the positions of p(x^i | visible before its step).

    `over` and `under` sum in its numerators and denominators.
    """
    law = torch.ones_like(p)
    for i, number in enumerate(order.tolist()):
        unseen = (order >= number).nonzero().squeeze(-1).tolist()
        law = law * over(p, [j for j in unseen if j != i]) / under(p, unseen)
    return law


def _dropping(p: Tensor, positions: list[int]) -> Tensor:
    return _sum(p, positions, keepdim=False)


def _adding_up(p: Tensor, positions: list[int]) -> Tensor:
    return p.sum(dim=positions, keepdim=True)


def _written(over: Callable[[Tensor, list[int]], Tensor], under: Callable[[Tensor, list[int]], Tensor]) -> Callable:
    """The price by the law of what is written, whose marginals are summed in these ways."""
    return lambda p, order: _relative_entropy(p, _output(p, order, over, under))


def _others(p: Tensor, positions: list[int]) -> list[int]:
    return [i for i in range(p.ndim) if i not in positions]


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p / q).log()).sum()


def _price_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)

    def joint(vocab_size: int, length: int) -> Tensor:
        weights = torch.randn((vocab_size,) * length, dtype=torch.float64, generator=generator).mul(1.5).exp()
        return weights / weights.sum()

    p, q, longer = joint(2, 4), joint(3, 3), joint(2, 5)
    return [Case((p, torch.tensor([2, 1, 1, 2])), "V = 2, n = 4, order = [2, 1, 1, 2]"),
            Case((longer, torch.tensor([3, 1, 2, 3, 2])), "V = 2, n = 5, order = [3, 1, 2, 3, 2]"),
            Case((q, torch.tensor([1, 2, 1])), "V = 3, n = 3, order = [1, 2, 1]"),
            Case((q, torch.tensor([1, 1, 1])), "V = 3, n = 3, everything in one step"),
            Case((q, torch.tensor([2, 3, 1])), "V = 3, n = 3, one at a time",
                 edge="one position a step costs nothing")]


PRICE = Question(
    id="08-5-price",
    points=3,
    name="price",
    cases=_price_cases,
    reference=price,
    tolerance=lambda case, expected: 1e-5 + 1e-4 * np.abs(expected),
    misconceptions=(
        Misconception("what is visible is not looked at: condition both entropies of a step on the positions revealed "
                      "before it", _priced(lambda p, visible, group: _singly(p, [], group) - _given(p, group, []))),
        Misconception("this is the price of one step for everything: condition each position on what earlier steps of "
                      "`order` have revealed",
                      lambda p, order: price(p, torch.ones_like(order))),
        Misconception("the joint entropy is not subtracted: this is the cross-entropy of what is written, and the data "
                      "have an entropy of their own", _priced(_singly)),
        Misconception("only the joint entropies: together they are H(X), in any order", _priced(
            lambda p, visible, group: _given(p, group, visible))),
        Misconception("the sign is off: the entropies one by one are at least the joint one",
                      lambda p, order: -price(p, order)),
        Misconception("this is in bits; asked are nats", lambda p, order: price(p, order) / math.log(2)),
        Misconception("each position is given all others, also those of its own step, which it cannot see",
                      _priced(lambda p, visible, group: sum(
                          _given(p, [i], [j for j in range(p.ndim) if j != i]) for i in group)
                          - _given(p, group, visible))),
        Misconception("the positions of a step are given each other; they are drawn together, and see only earlier "
                      "steps", _priced(lambda p, visible, group: sum(
                          _given(p, [i], [*visible, *[j for j in group if j != i]]) for i in group)
                          - _given(p, group, visible))),
        Misconception("conditioned on the positions of all other steps; visible are those of earlier ones",
                      _priced(lambda p, visible, group: sum(
                          _given(p, [i], _others(p, group)) for i in group) - _given(p, group, _others(p, group)))),
        Misconception("H(A | S) = H(A and S) - H(S): H(S) is not subtracted", _priced(lambda p, visible, group: sum(
            _entropy(p, [*visible, i]) for i in group) - _entropy(p, [*visible, *group]))),
        Misconception("H(A | S) is H(A and S) - H(S), not H(A) - H(S)", _priced(lambda p, visible, group: sum(
            _entropy(p, [i]) - _entropy(p, visible) for i in group) - _entropy(p, group) + _entropy(p, visible))),
        Misconception("the positions that are kept are summed over; a marginal is the sum over all others",
                      _priced_by(lambda p, kept: _entropy(p, _others(p, kept)))),
        Misconception("sum over an empty list of dimensions adds up everything: where no position is left to sum over, "
                      "take p itself", _priced_by(lambda p, kept: _entropy(p, kept) * (len(kept) < p.ndim))),
        Misconception("sum over an empty list of dimensions adds up everything: where no position is left to sum over, "
                      "take p itself", _written(_adding_up, _sum)),
        Misconception("the marginals lose the dimensions that are summed, and line up with other positions: "
                      "keepdim=True", _written(_dropping, _dropping)),
        Misconception("the marginals lose the dimensions that are summed, and line up with other positions: "
                      "keepdim=True", _written(_sum, _dropping)),
        Misconception("the law of the texts is a product of p(x^i | visible); the division by p(visible) is missing",
                      _written(_sum, lambda p, positions: torch.ones(()).to(p))),
        Misconception("the texts weigh the same; weigh each logarithm by the text's probability p", lambda p, order:
                      (p / _output(p, order)).log().mean()),
        Misconception("averaged over the texts of the table; add up, in kl_div with reduction=\"sum\"",
                      lambda p, order: price(p, order) / p.numel()),
        Misconception("the joint entropy is not conditioned on what is visible; the entropies one by one are", _priced(
            lambda p, visible, group: _singly(p, visible, group) - _given(p, group, []))),
        Misconception("conditioned on the positions that come *later*; visible are those of earlier steps",
                      lambda p, order: price(p, int(order.max()) + 1 - order)),
        Misconception("conditioned on the step just before only; all earlier ones are visible",
                      lambda p, order: sum((_singly(p, _sets(order, number - 1)[1], _sets(order, number)[1])
                                            - _given(p, _sets(order, number)[1], _sets(order, number - 1)[1])
                                            for number in range(1, int(order.max()) + 1)), p.new_zeros(()))),
        Misconception("this is KL(output || data); asked is KL(data || output)",
                      lambda p, order: _relative_entropy(_output(p, order), p)),
        Misconception("this is the total variation; asked is the KL", lambda p, order:
                      (p - _output(p, order)).abs().sum() / 2),
        Misconception("the last step is missing", lambda p, order: price(p, order) - _of_step(p, order, -1)),
        Misconception("the first step is missing", lambda p, order: price(p, order) - _of_step(p, order, 1)),
        Misconception("this is the price of the first step alone; add up the steps",
                      lambda p, order: _of_step(p, order, 1)),
        Misconception("this is the price of the last step alone; add up the steps",
                      lambda p, order: _of_step(p, order, -1)),
        Misconception("averaged over the steps; they add up", lambda p, order: price(p, order) / order.max()),
        Misconception("divided by n: asked is the price of a text, not of a token", lambda p, order:
                      price(p, order) / p.ndim),
        Misconception("H(X) is subtracted in every step; each step has a joint entropy of its own group",
                      _priced(lambda p, visible, group: _singly(p, visible, group)
                              - _entropy(p, list(range(p.ndim))))),
        Misconception("always 0, the price of one position at a time: the positions with the same order[i], the step "
                      "of position i, are drawn together and see only earlier steps", symptom=lambda cases, values: all(
                          abs(value) < 1e-6 for value in values)),
        Misconception("the price is a KL and never negative; are the two entropies of a step given the same?",
                      symptom=lambda cases, values: any(value < -1e-6 for value in values)),
    ),
)


def _of_step(p: Tensor, order: Tensor, number: int) -> Tensor:
    visible, group = _sets(order, number if number > 0 else int(order.max()))
    return _singly(p, visible, group) - _given(p, group, visible)


QUESTIONS = (REVEAL_PROBABILITIES, STEP, ONE_AT_A_TIME, TEMPERATURE, PRICE)
