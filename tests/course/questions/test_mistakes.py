"""The vocabulary of mistakes: dependence of draws, the right function with a slip, what shows in the values."""

import numpy as np
import pytest
import torch

from dlm_course.course.questions import Case
from dlm_course.course.questions.mistakes import (
    Raises,
    Shows,
    against,
    agreeing,
    close,
    dependent,
    everywhere,
    mistakes,
    only_where,
    rare_lost,
    seeding,
    slip,
    somewhere,
    too_even,
    too_uneven,
    uneven_sets,
)

ROWS = 4000
KINDS = np.arange(ROWS) % 3 + 1     # so many of four positions are masked


def masks(source=None, shift=0):
    """Masks of random positions; those of text b are those of text source(b), shifted, if that is no later text."""
    ranks = np.random.default_rng(0).random((ROWS, 4)).argsort(1).argsort(1)
    for b in range(ROWS) if source else ():
        if 0 <= source(b) < b:
            ranks[b] = np.roll(ranks[source(b)], shift)
    return ranks < KINDS[:, None]


@pytest.mark.parametrize("along_the_text", [False, True])
def test_independent_texts_are_not_called_dependent_whatever_their_kinds(along_the_text):
    assert not dependent(masks(), KINDS, along_the_text=along_the_text)
    certain = np.where(KINDS[:, None] == 1, np.arange(4) == 0, masks())
    assert not dependent(certain, KINDS, along_the_text=along_the_text)


@pytest.mark.parametrize("source", [
    *(pytest.param(lambda b, lag=lag: b - lag if b // lag % 2 else -1, id=f"{lag} before") for lag in (1, 2, 3, 4, 5)),
    pytest.param(lambda b: b - ROWS // 2, id="half a batch before"),
    pytest.param(lambda b: ROWS - 1 - b, id="mirror image")])
@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("along_the_text", [False, True])
def test_texts_that_copy_another_are_dependent(source, shift, along_the_text):
    assert dependent(masks(source, shift), KINDS, along_the_text=along_the_text)


@pytest.mark.parametrize("along_the_text", [False, True])
def test_faint_dependence_shows_where_it_adds_up(along_the_text):
    """In all features together, or along the text: in no product of two is it beyond chance."""
    generator = np.random.default_rng(1)
    own = generator.random((ROWS, 4))
    copied = (generator.random((ROWS, 1)) < 0.085) & (np.arange(ROWS) % 2 == 1)[:, None]
    masked = np.where(copied, np.roll(own, (1, 1), (0, 1)), own) < 0.5
    assert dependent(masked, np.zeros(ROWS), along_the_text=along_the_text)


def test_rare_states_that_never_meet_by_chance_are_no_dependence():
    """Of two independent texts both in a state of probability 0.07: about ten in 2,000 pairs, or once none of them."""
    rare, pairs = np.zeros((4000, 3), dtype=bool), np.random.default_rng(2).choice(2000, 280, replace=False)
    rare[pairs * 2 + (np.arange(280) % 2), 1] = True
    assert not dependent(rare, np.zeros(4000))


# Wrong functions made from the right one

def power(x, n, *, sign=1):
    return sign * x.double() ** n


X, N = torch.tensor([1.0, 2.0, 3.0]), 2
CASES = [Case((X, N), "three numbers"), Case((X[:1], 3), "one number")]


@pytest.mark.parametrize(("wrong", "expected"), [
    (slip(power), [1, 4, 9]),
    (slip(power, sign=-1), [-1, -4, -9]),
    (slip(power, n=lambda: 1), [1, 2, 3]),
    (slip(power, n=lambda n: n + 1), [1, 8, 27]),
    (slip(power, x=lambda n, x: n * x), [4, 16, 36]),
    (slip(power, lambda result: result.sum()), 14),
    (slip(power, lambda result, n: n * result), [2, 8, 18]),
    (slip(power, lambda result, x: result - x, n=lambda: 3, sign=-1), [-2, -10, -30]),
], ids=["right", "switch", "constant", "argument", "of-another", "result", "result-and-argument", "all"])
def test_a_slip_is_the_right_function_with_something_changed(wrong, expected):
    before = X.clone()
    assert wrong(X, N).tolist() == expected
    assert torch.equal(X, before)


# What shows in the values

def values(of=lambda value: value):
    return [of(power(*case.args).numpy()) for case in CASES]


def test_everywhere_and_somewhere_ask_about_every_case():
    assert everywhere(lambda value, x, n: value.shape == x.shape).symptom(CASES, values())
    assert not everywhere(lambda value, x, n: n == 2).symptom(CASES, values())
    assert somewhere(lambda value, x, n: n == 2).symptom(CASES, values())
    assert not somewhere(lambda value, x, n: n == 7).symptom(CASES, values())
    assert everywhere(lambda *_: True, always=True).always
    assert not everywhere(lambda *_: True).always


def test_against_another_function_where_a_mistake_shows_in_part():
    half = values(lambda value: np.concatenate([value[:1], 0 * value[1:]]))
    assert against(power).symptom(CASES, values())
    assert not against(power).symptom(CASES, half)
    assert against(power, lambda value, right: value[0] == right[0]).symptom(CASES, half)
    assert agreeing(power, np.s_[:1]).symptom(CASES, half)
    assert not agreeing(power, np.s_[1:]).symptom(CASES, half)
    assert agreeing(power, rtol=0.1).symptom(CASES, values(lambda value: 1.05 * value))
    assert not agreeing(power).symptom(CASES, values(lambda value: 1.05 * value))


def test_close_takes_nan_for_nan_and_rounding_for_nothing():
    assert close(np.array([np.nan, 1.0]), np.array([np.nan, 1.00001]))
    assert not close(np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
    assert not close(np.array([1.0]), np.array([1.01]))


def test_right_in_some_cases_alone():
    wrong = [power(*CASES[0].args).numpy(), power(*CASES[1].args).numpy() + 1]
    assert only_where(power, lambda n: n == 2).symptom(CASES, wrong)
    assert not only_where(power, lambda n: n == 2).symptom(CASES, values())
    assert not only_where(power, lambda n: n == 3).symptom(CASES, wrong)


@pytest.mark.parametrize(("threshold", "shown"), [(0, [True, True]), (1e-7, [True, True]), (1e-5, [False, True]),
                                                  (1e-2, [False, False])])
def test_what_is_rare_is_lost_below_a_threshold(threshold, shown):
    def law():
        return torch.tensor([0.999, 1e-3, 5e-6, 5e-8], dtype=torch.float64)
    value = np.where(law().numpy() < threshold, 0, law().numpy())
    found = rare_lost(law).values()
    assert [bool(sign.symptom([Case((), "a law")], [value])) for sign in found] == shown


def test_draws_are_too_even_where_no_independent_ones_are():
    generator = np.random.default_rng(0)
    counts = generator.multinomial(600, [0.2, 0.3, 0.5], size=(2000, 16))
    expected = 600 * np.array([0.2, 0.3, 0.5])
    assert not any(too_even(((each - expected)**2 / expected).sum(), freedom=32) for each in counts)
    nearly_exact = expected + generator.integers(-1, 2, (16, 3))
    assert too_even(((nearly_exact - expected)**2 / expected).sum(), freedom=32)


def test_draws_are_too_uneven_where_the_law_is_another():
    generator = np.random.default_rng(0)
    expected = 600 * np.array([0.2, 0.3, 0.5])
    for law, uneven in (([0.2, 0.3, 0.5], False), ([0.25, 0.25, 0.5], True)):
        counts = generator.multinomial(600, law, size=(200, 16))
        assert {too_uneven(((each - expected)**2 / expected).sum(), freedom=32) for each in counts} == {uneven}


def test_sets_are_uneven_if_some_are_likelier_than_others_of_their_size():
    generator = np.random.default_rng(0)
    counts = np.repeat(np.arange(5), 2000)[:, None]
    for _ in range(50):
        even = generator.random((10_000, 4)).argsort(1) < counts
        assert not any((uneven_sets(even), uneven_sets(even[::2], even[1::2])))
    assert not uneven_sets(even[:10])    # too few to tell
    tilted = (generator.random((10_000, 4)) * [1, 1, 1, 1.3]).argsort(1).argsort(1) < counts
    assert all((uneven_sets(tilted), uneven_sets(tilted[::2], tilted[1::2])))
    assert uneven_sets(np.tile([[True, False], [True, False], [True, False], [False, True]], (200, 1)))


def test_the_mistakes_of_a_sampler():
    signs = list(seeding(same=[(0, 1)], other=(0, 2), again=(2, 3)).values())
    a, b = np.array([1, 2]), np.array([2, 1])
    for draws, shown in (([a, a, b, a], [False, False, False]), ([a, b, b, a], [True, False, False]),
                         ([a, a, a, b], [False, True, False]), ([a, a, b, b], [False, False, True])):
        assert [bool(sign.symptom(None, draws)) for sign in signs] == shown
    assert all(sign.always for sign in signs)


# Messages and their signs

def test_a_message_has_one_sign_or_several_in_the_order_they_are_given():
    negative, zero = slip(power, sign=-1), slip(power, sign=0)
    shows = everywhere(lambda *_: True, always=True)
    found = mistakes({"the sign": negative, "nothing": (zero, shows), "it raised": Raises("no such")})
    assert [mistake.message for mistake in found] == ["the sign", "nothing", "nothing", "it raised"]
    assert [mistake.wrong for mistake in found] == [negative, zero, None, None]
    assert (found[2].symptom, found[2].always) == (shows.symptom, True)
    assert found[3].raised == "no such"
    assert Shows(shows.symptom, True) == shows
