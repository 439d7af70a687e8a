"""The test whether the draws of one text tell of those of another."""

import numpy as np
import pytest

from dlm_course.course.questions.mistakes import dependent

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


def test_faint_dependence_shows_where_it_adds_up_along_the_text():
    generator = np.random.default_rng(1)
    own = generator.random((ROWS, 4))
    copied = (generator.random((ROWS, 1)) < 0.085) & (np.arange(ROWS) % 2 == 1)[:, None]
    masked = np.where(copied, np.roll(own, (1, 1), (0, 1)), own) < 0.5
    assert dependent(masked, np.zeros(ROWS), along_the_text=True)
    assert not dependent(masked, np.zeros(ROWS))
