"""The n-gram yardstick: a distribution whatever was seen, the formula by hand, and what it samples."""

import itertools
import math

import pytest
import torch
from small_cases import INTS, NO_COUNTS

from dlm_course.text.corpora import CharTokenizer, load_text, split
from dlm_course.text.ngram import NGram

V = 4
TOKENS = torch.tensor([0, 1, 0, 2, 0, 1, 1, 0, 2, 0, 1, 0])     # state 3 never occurs


def model(**options):
    return NGram(TOKENS, V, **options)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("discount", [0.25, 0.75, 1.0])
def test_every_context_has_a_distribution_without_a_zero(order, discount):
    ngram = model(order=order, discount=discount)
    for length in range(order + 2):
        for context in itertools.product(range(V), repeat=length):
            values = [ngram.probability(state, context) for state in range(V)]
            assert math.fsum(values) == pytest.approx(1, abs=1e-12), context
            assert min(values) > 0, context


def test_the_formula_by_hand():
    ngram = model(order=2, discount=0.5)
    # Twelve characters: 0 six times, 1 four times, 2 twice; three different ones.
    alone = [(5.5 + 1.5 / 4) / 12, (3.5 + 1.5 / 4) / 12, (1.5 + 1.5 / 4) / 12, (0 + 1.5 / 4) / 12]
    assert [ngram.probability(state) for state in range(V)] == pytest.approx(alone)
    # After 0, five times: 1 three times, 2 twice.
    after = [(0 + 2 * 0.5 * alone[0]) / 5, (2.5 + 2 * 0.5 * alone[1]) / 5, (1.5 + 2 * 0.5 * alone[2]) / 5,
             (0 + 2 * 0.5 * alone[3]) / 5]
    assert [ngram.probability(state, (0,)) for state in range(V)] == pytest.approx(after)
    assert ngram.probability(1, (3, 3, 0)) == pytest.approx(after[1])     # only the last character counts
    assert ngram.probability(1, (3,)) == pytest.approx(alone[1])          # never seen: the shorter context decides


def test_the_nll_is_the_chain_rule_with_nothing_before_a_sequence():
    ngram = model(order=3)
    x0 = torch.tensor([[0, 1, 3, 0, 2], [2, 0, 1, 1, 1]])
    expected = [-sum(math.log(ngram.probability(row[i], tuple(row[:i]))) for i in range(5)) for row in x0.tolist()]
    assert ngram.nll(x0).tolist() == pytest.approx(expected)
    assert ngram.nll(x0).dtype == torch.float64


def test_all_sequences_together_have_probability_1():
    x0 = torch.tensor(list(itertools.product(range(V), repeat=5)))
    assert float((-model(order=4).nll(x0)).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_it_samples_its_own_distribution():
    ngram = model(order=2)
    x = ngram.sample(4000, 2, generator=torch.Generator().manual_seed(1))
    assert x.shape == (4000, 2)
    found = torch.bincount(x[:, 0] * V + x[:, 1], minlength=V * V) / len(x)
    law = torch.tensor([ngram.probability(a) * ngram.probability(b, (a,)) for a in range(V) for b in range(V)])
    assert float((found - law).abs().sum()) / 2 < 0.03
    assert torch.equal(x[:3], ngram.sample(3, 2, generator=torch.Generator().manual_seed(1)))


def test_on_text_a_longer_memory_is_better():
    text = load_text()[:60_000]
    tokenizer = CharTokenizer.from_text(text)
    train, held_out = split(tokenizer.encode(text))
    bits = [float(NGram(train, tokenizer.vocab_size, order=order).nll(held_out[None])) / len(held_out) / math.log(2)
            for order in (1, 2, 3, 4)]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] - bits[-1] > 1


@pytest.mark.parametrize(("tokens", "options"), [
    *((TOKENS, {"order": value}) for value in NO_COUNTS[:-1]), (TOKENS, {"discount": 0.0}),
    (TOKENS, {"discount": 1.5}), (TOKENS, {"discount": math.nan}), (TOKENS, {"discount": True}),
    (TOKENS, {"discount": "1"}), (TOKENS[None], {}), (TOKENS + 2, {})])
def test_it_refuses_what_gives_no_distribution(tokens, options):
    with pytest.raises(ValueError, match=r"an order of at least 1|holds the state"):
        NGram(tokens, V, **options)


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_counts_that_are_none_are_refused_by_name(value):
    with pytest.raises(ValueError, match="vocab_size must be an int >= 1"):
        NGram(TOKENS, value)
    with pytest.raises(ValueError, match="length must be an int >= 1"):
        model().sample(2, value)
    if value != 0:
        with pytest.raises(ValueError, match="num must be an int >= 0"):
            model().sample(value, 3)


@pytest.mark.parametrize("make", INTS)
def test_counts_are_integers_of_any_make(make):
    ngram, x0 = NGram(TOKENS, make(V), order=make(3)), torch.tensor([[0, 1, 3]])
    assert torch.equal(ngram.nll(x0), model(order=3).nll(x0))
    assert torch.equal(ngram.sample(make(2), make(3), generator=torch.Generator().manual_seed(0)),
                       model(order=3).sample(2, 3, generator=torch.Generator().manual_seed(0)))


def test_an_order_beyond_the_text_counts_as_the_longest_context_there_is():
    x0 = torch.tensor([[0, 1, 3, 2]])
    assert torch.equal(model(order=10**20).nll(x0), model(order=len(TOKENS)).nll(x0))


def test_empty_batches_and_states_of_fewer_bytes_do():
    x0 = torch.tensor([[0, 1, 3], [2, 2, 2]])
    for dtype in (torch.uint8, torch.int32):
        assert torch.equal(NGram(TOKENS.to(dtype), V).nll(x0.to(dtype)), model().nll(x0))
    assert model().nll(x0[:0]).shape == (0,)
    assert model().sample(0, 3).shape == (0, 3)
    for wrong in (x0[0], x0[:, :0]):
        with pytest.raises(ValueError, match=r"x0 must have shape \(batch, n\)"):
            model().nll(wrong)
