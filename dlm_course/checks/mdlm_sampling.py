"""Topic 08: when to reveal, one step, one token at a time, temperature, the price of revealing together."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.checks.question import Case, Misconception, Question
from dlm_course.laws import (
    lambda_schedule_law,
    one_at_a_time_law,
    order_law,
    random_order_law,
    surest_first_law,
)
from dlm_course.sampler import levels

# 08-1: when to reveal

@dataclass(frozen=True)
class _Rate:
    """A mask rate as a function of the progress s in [0, 1]: 1 at s = 0, 0 at s = 1."""

    kind: str

    def __call__(self, progress: Tensor) -> Tensor:
        progress = torch.as_tensor(progress, dtype=torch.float64)
        if bool(((progress < -1e-6) | (progress > 1 + 1e-6)).any()):
            raise ValueError(f"rate takes a progress from 0 to 1, got {float(progress.min()):.4g} to "
                             f"{float(progress.max()):.4g}")
        progress = progress.clamp(0, 1)
        return {"1 - s": 1 - progress, "(1 - s)^2": (1 - progress) ** 2, "1 - s^2": 1 - progress**2}[self.kind]


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


REVEAL_PROBABILITIES = Question(
    id="08-1-reveal-probabilities",
    points=2,
    name="reveal_probabilities",
    cases=lambda seed: [Case((_Rate("(1 - s)^2"), 4), "rate(s) = (1 - s)^2, L = 4"),
                        Case((_Rate("1 - s^2"), 5), "rate(s) = 1 - s^2, L = 5"),
                        Case((_Rate("1 - s"), 3), "rate(s) = 1 - s, L = 3"),
                        Case((_Rate("1 - s^2"), 1), "L = 1", edge="one step reveals everything, with probability 1")],
    reference=reveal_probabilities,
    misconceptions=(
        Misconception("the division is missing: this is the share of *all* tokens that the step reveals; of those that "
                      "are still masked it is that over r_(l-1)", _of_levels(lambda before, after: before - after)),
        Misconception("L steps need L + 1 levels: with L levels from 1 to 0 there are only L - 1 steps",
                      lambda rate, num_steps: _shares(rate, torch.linspace(0, 1, num_steps, dtype=torch.float64))),
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


def _shifted(by: int) -> Callable:
    return lambda logits, xt, r, mask_id: _independent()(logits.roll(by, 1), xt, r, mask_id)


def _frequencies(case: Case, values: np.ndarray, num_states: int) -> np.ndarray:
    """How often each row of states came up among the rows of either kind, (2, K^n)."""
    if ((values < 0) | (values >= num_states)).any():
        raise ValueError(f"wrong value: a state that is none of 0..{num_states - 1}")
    numbers = values.astype(int) @ (num_states ** np.arange(_PLACES)[::-1])
    return np.stack([np.bincount(half, minlength=num_states**_PLACES) / len(half)
                     for half in np.split(numbers, 2)])


def _overwritten(at: int, mask_at: int) -> Callable:
    """True if a token that was given has changed in every case; `at` and `mask_at` are the arguments' numbers."""
    def symptom(cases: list[Case], values: list[np.ndarray]) -> bool:
        return all(((value != case.args[at].numpy()) & (case.args[at].numpy() != case.args[mask_at])).any()
                   for case, value in zip(cases, values, strict=True))

    return symptom


def _same_in_all_rows(test: Callable[[Case, np.ndarray], np.ndarray]) -> Callable:
    """True if what the test makes of the values, (rows, n), is the same for all rows of a kind, in every case."""
    return lambda cases, values: all(
        (half == half[:1]).all() for case, value in zip(cases, values, strict=True)
        for half in np.split(test(case, value), 2))


def _tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    return 5 * np.sqrt(law * (1 - law) / (_ROWS / 2)) + 1e-9


def _rows_of_two_kinds(vocabulary: Tensor, mask_id: int) -> Tensor:
    kinds = [[mask_id if symbol is None else int(vocabulary[symbol]) for symbol in row] for row in _TEMPLATES]
    return torch.tensor(kinds).repeat_interleave(_ROWS // 2, 0)


def _step_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.stack([torch.randperm(3, generator=generator) for _ in range(6)]).reshape(2, 3, 3)
    logits = (1.1 * spread + 0.4 * torch.rand(2, 3, 3, generator=generator)).double().repeat_interleave(_ROWS // 2, 0)
    last, first = (_rows_of_two_kinds(torch.tensor(symbols), mask)
                   for symbols, mask in (([0, 1], 2), ([1, 2], 0)))
    label = "8000 rows of n = 3, K = 3, reveal_probability = "
    return [Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 21),
            Case((logits, last, 0.4, 2), label + "0.4", seed + 22),
            Case((logits, first, 0.7, 0), label + "0.7, mask_id = 0", seed + 23),
            Case((logits, last, 1.0, 2), label + "1", seed + 24,
                 edge="with probability 1 every mask is revealed, as in the sampler's last step"),
            Case((logits, last, 0.0, 2), label + "0", seed + 25, edge="with probability 0 nothing changes")]


STEP = Question(
    id="08-2-step",
    points=3,
    name="step",
    cases=_step_cases,
    reference=_independent(),
    stand_in=step,
    view=lambda case, values: _frequencies(case, values, 3),
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance,
    misconceptions=(
        Misconception("nothing is revealed", symptom=lambda cases, values: all(
            (value == case.args[1].numpy()).all() for case, value in zip(cases, values, strict=True))),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True, symptom=lambda cases, values:
                      (values[0] != values[1]).any()),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("the coins follow the generator, the tokens do not, or the other way round: hand `generator` to "
                      "every function that draws", always=True, symptom=lambda cases, values:
                      ((values[0] == 2) == (values[2] == 2)).all()),
        Misconception("visible tokens are drawn anew, all of them; what is given is never touched", _independent(
            lambda logits, r, mask_id: _mixed(r, _probs(logits, mask_id), mask_id),
            lambda logits, r, mask_id, state: _probs(logits, mask_id))),
        Misconception("a visible token has changed: only tokens that are still masked are revealed",
                      symptom=_overwritten(1, 3)),
        Misconception("the mask is predicted: exclude its logit (-inf) before the softmax", _independent(
            lambda logits, r, mask_id: _mixed(r, logits.softmax(-1), mask_id))),
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
        Misconception("the probabilities are those of the next position", _shifted(-1)),
        Misconception("the probabilities are those of the position before", _shifted(1)),
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
        Misconception("the softmax is taken twice, and the mask has probability", _independent(
            lambda logits, r, mask_id: _mixed(r, logits.softmax(-1).softmax(-1), mask_id))),
        Misconception("the mask is taken for the last state; use mask_id", symptom=lambda cases, values: all(
            (_frequencies(case, value, 3) - _independent()(*case.args).numpy() <= _tolerance(
                case, _independent()(*case.args).numpy())).all() == (case.args[3] == 2)
            for case, value in zip(cases, values, strict=True))),
        Misconception("how many tokens are revealed is right on average, but the coins of a text are not independent",
                      symptom=lambda cases, values: all(
                          _right_on_average(case, value) for case, value in zip(cases, values, strict=True))),
    ),
)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum()


def _right_on_average(case: Case, value: np.ndarray) -> bool:
    masked = (case.args[1] == case.args[3]).numpy()
    share = (value != case.args[3])[masked].mean()
    return abs(share - case.args[2]) < 5 * (case.args[2] * (1 - case.args[2]) / masked.sum()) ** 0.5


# 08-3: one token at a time

class _Table:
    """A model of three positions and two symbols: an arbitrary conditional for each state, so that the order shows."""

    def __init__(self, table: Tensor, mask_id: int):
        self.table, self.mask_id = table, mask_id    # (3, 3, 3, 3, 2): states a, b, c; position; symbol; 2 is the mask

    def __call__(self, xt: Tensor) -> Tensor:
        xt = torch.as_tensor(xt)
        if xt.ndim != 2 or xt.shape[1] != _PLACES:
            raise ValueError(f"the denoiser takes texts of shape (B, {_PLACES}), got {tuple(xt.shape)}")
        if xt.is_floating_point() or xt.dtype == torch.bool:
            raise TypeError(f"the denoiser takes integer states, not {xt.dtype}")
        if bool(((xt < 0) | (xt > 2)).any()):
            raise ValueError("the denoiser was given a state that is none of 0..2")
        probs = self.table[tuple(self.relabelled(xt.long(), back=True).unbind(1))]
        return torch.stack([probs.new_zeros(probs.shape[:-1]) if state == self.mask_id
                            else probs[..., int(self.relabelled(torch.tensor(state), back=True))]
                            for state in range(3)], -1)

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
        kinds = denoiser.relabelled(template[[0, len(template) // 2]], back=True)
        return torch.stack([law(denoiser, kind).flatten() for kind in kinds])

    return of_case


def _in_order(order: list[int]) -> Callable:
    return _filled(lambda table, kind: order_law(table.log_probs, 2, _PLACES, torch.tensor(order), kind))


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
    orders = [_in_order([1 + place for place in order]) for order in itertools.permutations(range(_PLACES))]
    return all(any((np.abs(_fillings(case, value) - law) <= _tolerance(case, law)).all()
                   for law in (order(*case.args).numpy() for order in orders))
               for case, value in zip(cases, values, strict=True))


def _left(cases: list[Case], values: list[np.ndarray]) -> bool:
    return any((value == case.args[2]).any() for case, value in zip(cases, values, strict=True))


def _filling_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    table = torch.softmax(2.5 * torch.randn(3, 3, 3, 3, 2, dtype=torch.float64, generator=generator), -1)
    last, first = _Table(table, 2), _Table(table, 0)
    kinds = torch.tensor([[2, 2, 2], [2, 1, 2]]).repeat_interleave(_ROWS // 2, 0)
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
    expects=lambda case: (tuple(case.args[1].shape), "i"),
    tolerance=_tolerance,
    misconceptions=(
        Misconception("nothing is revealed", symptom=lambda cases, values: all(
            (value == case.args[1].numpy()).all() for case, value in zip(cases, values, strict=True))),
        Misconception("the draws do not follow the generator: the same seed gave two results. Hand `generator` to "
                      "every function that draws", always=True,
                      symptom=lambda cases, values: (values[0] != values[1]).any()),
        Misconception("two seeds gave the same result: draw with the given generator, without seeding inside",
                      always=True, symptom=lambda cases, values: (values[0] == values[2]).all()),
        Misconception("the template is overwritten: tokens that are given stay", symptom=_overwritten(1, 2)),
        Misconception("masks are left, in some texts: is a new order drawn in every step? It reveals some positions "
                      "twice, others never. Draw one order for each text, or choose among what is still masked",
                      symptom=lambda cases, values: _left(cases, values) and all(
                          0.001 < (value == case.args[2]).mean() < 0.4
                          for case, value in zip(cases, values, strict=True))),
        Misconception("masks are left at the end: go on until there is none", symptom=_left),
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
        Misconception("all texts are the same; draw for each text", symptom=_same_in_all_rows(
            lambda case, value: value)),
    ),
)


# 08-4: temperature

def with_temperature(probs: Tensor, temperature: float) -> Tensor:
    return (probs.log() / temperature).softmax(-1)


def _temperature_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(2, 3, 4, dtype=torch.float64, generator=generator) + 0.05
    probs = probs / probs.sum(-1, keepdim=True)
    with_zero = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.0, 0.1, 0.2, 0.7]], dtype=torch.float64)
    return [Case((probs, 0.5), "probs of shape (2, 3, 4), temperature = 0.5"),
            Case((probs, 2.0), "probs of shape (2, 3, 4), temperature = 2"),
            Case((with_zero, 0.7), "a state of probability 0, temperature = 0.7"),
            Case((probs[:1], 1.0), "temperature = 1", edge="temperature 1 changes nothing"),
            Case((with_zero, 5e-4), "temperature = 0.0005",
                 edge="0.7 to the power of 2000 is 0 for the computer: stay with logarithms until the softmax")]


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
        Misconception("the probabilities are taken for logits, and the temperature multiplies: softmax(log(p)/T)",
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
        Misconception("the powers are p^(1/T^2): the temperature is applied twice",
                      lambda probs, temperature: _powers(probs, 1 / temperature**2)),
        Misconception("the result holds NaN: log 0 is -inf, whose exponential is 0 again, unless it meets a 0 or "
                      "another infinity on the way",
                      symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
        Misconception("a state of probability 0 has got some: its logarithm is -inf, and stays it",
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
    others = [i for i in range(p.ndim) if i not in kept]
    marginal = p.sum(dim=others) if others else p
    return torch.special.entr(marginal).sum()


def _given(p: Tensor, positions: list[int], seen: list[int]) -> Tensor:
    return _entropy(p, sorted({*positions, *seen})) - _entropy(p, seen)


def _priced(of_step: Callable[[Tensor, list[int], list[int]], Tensor]) -> Callable:
    """The sum over the steps of (p, visible, group)."""
    return lambda p, order: sum((of_step(p, *_sets(order, number)) for number in range(1, int(order.max()) + 1)),
                                p.new_zeros(()))


def _singly(p: Tensor, visible: list[int], group: list[int]) -> Tensor:
    return sum(_given(p, [i], visible) for i in group)


def _output(p: Tensor, order: Tensor) -> Tensor:
    """The law of what is written: the product over the positions of p(x^i | visible before its step)."""
    law = torch.ones_like(p)
    for number in range(1, int(order.max()) + 1):
        visible, group = _sets(order, number)
        for i in group:
            pair = p.sum(dim=[j for j in range(p.ndim) if j not in (*visible, i)], keepdim=True)
            law = law * pair / pair.sum(dim=i, keepdim=True)
    return law


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
        Misconception("this is the price of one step for everything; the positions of `order` come in several",
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
        Misconception("`order` is taken for the list of positions in the order of revealing: order[i] is the step in "
                      "which position i is revealed", symptom=lambda cases, values: all(
                          abs(value) < 1e-6 for value in values)),
        Misconception("the price is a KL and never negative; are the two entropies of a step given the same?",
                      symptom=lambda cases, values: any(value < -1e-6 for value in values)),
    ),
)


def _of_step(p: Tensor, order: Tensor, number: int) -> Tensor:
    visible, group = _sets(order, number if number > 0 else int(order.max()))
    return _singly(p, visible, group) - _given(p, group, visible)


QUESTIONS = (REVEAL_PROBABILITIES, STEP, ONE_AT_A_TIME, TEMPERATURE, PRICE)
