"""The n-gram yardstick: a distribution whatever was seen, the formula by hand, and what it samples."""

import itertools
import math

import pytest
import torch

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
    (TOKENS, {"order": 0}), (TOKENS, {"discount": 0.0}), (TOKENS, {"discount": 1.5}), (TOKENS[None], {}),
    (TOKENS + 2, {})])
def test_it_refuses_what_gives_no_distribution(tokens, options):
    with pytest.raises(ValueError, match=r"an order of at least 1|holds the state"):
        NGram(tokens, V, **options)
