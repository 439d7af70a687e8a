"""The languages against sums over every sequence and every path of hidden states."""

import doctest
import math
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS, assert_close, language, resampling_steps, seeded, token_paths

from dlm_course import (
    AbsorbingTransition,
    HiddenMarkovLanguage,
    MarkovLanguage,
    MatrixTransition,
    Schedule,
    TableLanguage,
    UniformTransition,
    exact_bound,
    exact_continuous_loss,
    exact_rho_weighted_loss,
    reverse_model,
)
from dlm_course.text import languages

DOUBLE = torch.float64


def halves(*shape):
    return torch.full(shape, 0.5, dtype=DOUBLE)


def column_stochastic(rng, num_rows, num_columns):
    return rng.dirichlet(np.full(num_rows, 0.7), num_columns).T


def joint_by_paths(initial, matrix, emission, length):
    """p(X) as an array (V,) * n: for every X the sum over all paths of hidden states."""
    num_symbols, num_hidden = emission.shape
    joint = np.zeros((num_symbols,) * length)
    for x in np.ndindex(*joint.shape):
        for hidden in product(range(num_hidden), repeat=length):
            p = initial[hidden[0]] * math.prod(matrix[b, a] for a, b in pairwise(hidden))
            joint[x] += p * math.prod(emission[v, s] for v, s in zip(x, hidden, strict=True))
    return joint


def hidden_markov(num_symbols, num_hidden, length, seed):
    rng = np.random.default_rng(seed)
    numbers = (rng.dirichlet(np.ones(num_hidden)), column_stochastic(rng, num_hidden, num_hidden),
               column_stochastic(rng, num_symbols, num_hidden))
    return HiddenMarkovLanguage(*map(torch.tensor, numbers), length), joint_by_paths(*numbers, length)


def hidden_markov_with_zeros(length):
    """A hidden state never left, one never returned to, and symbols that some states cannot emit."""
    numbers = (np.array([0.0, 0.6, 0.4]), np.array([[0.5, 0.3, 0.0], [0.5, 0.0, 0.0], [0.0, 0.7, 1.0]]),
               np.array([[0.2, 0.0, 0.5], [0.8, 0.0, 0.5], [0.0, 1.0, 0.0]]))
    return HiddenMarkovLanguage(*map(torch.tensor, numbers), length), joint_by_paths(*numbers, length)


def stationary(matrix):
    law = np.linalg.matrix_power((matrix + np.eye(len(matrix))) / 2, 2000)  # lazy, so that periods do not matter
    return law[:, 0]


def markov(num_symbols, length, seed, start=None):
    matrix = column_stochastic(np.random.default_rng(seed), num_symbols, num_symbols)
    initial = stationary(matrix) if start is None else np.array(start)
    made = MarkovLanguage(torch.tensor(matrix), length, None if start is None else torch.tensor(initial))
    return made, joint_by_paths(initial, matrix, np.eye(num_symbols), length)


def table(num_symbols, length, seed, zeros=False):
    joint = np.random.default_rng(seed).dirichlet(np.full(num_symbols**length, 0.5)).reshape((num_symbols,) * length)
    if zeros:
        joint = np.where(joint > np.median(joint), joint, 0)
        joint = joint / joint.sum()
    return TableLanguage(torch.tensor(joint)), joint


LANGUAGES = {  # a language and its probabilities, an array (V,) * n
    "table": table(3, 3, seed=1),
    "table with zeros": table(2, 4, seed=2, zeros=True),
    "table of one position": table(4, 1, seed=3),
    "hidden V=3 S=2": hidden_markov(3, 2, 4, seed=4),
    "hidden V=2 S=3": hidden_markov(2, 3, 4, seed=5),
    "hidden, one position": hidden_markov(3, 2, 1, seed=6),
    "hidden with zeros": hidden_markov_with_zeros(4),
    "Markov, stationary": markov(3, 4, seed=7),
    "Markov, started": markov(3, 3, seed=8, start=[0.7, 0.0, 0.3]),
    "Markov, two symbols": markov(2, 4, seed=9),
}
every_language = pytest.mark.parametrize("name", LANGUAGES)


def posterior_by_hand(joint, evidence):
    """p(x_0^i = v | evidence) as (n, V), evidence (n, V); None where it is impossible."""
    length, num_symbols = evidence.shape
    weights = np.zeros((length, num_symbols))
    for x in np.ndindex(*joint.shape):
        p = joint[x] * math.prod(evidence[i, v] for i, v in enumerate(x))
        for i, v in enumerate(x):
            weights[i, v] += p
    total = weights[0].sum()
    return weights / total if total > 0 else None


def assert_posterior(logits, joint, evidence):
    """Logits (n, K) are the logarithms of the posterior, -inf beyond V; all alike where the evidence is impossible."""
    num_symbols = joint.shape[0]
    due = posterior_by_hand(joint, evidence)
    due = np.full(evidence.shape, 1 / num_symbols) if due is None else due
    assert logits.dtype == DOUBLE
    assert_close(logits[:, :num_symbols].exp(), due)
    assert (logits[:, num_symbols:] == -torch.inf).all()


@every_language
def test_log_prob_is_the_sum_over_hidden_paths_and_its_probabilities_sum_to_1(name):
    words, joint = LANGUAGES[name]
    x0 = words.sequences()
    assert x0.tolist() == [list(x) for x in np.ndindex(*joint.shape)]
    assert (words.vocab_size, words.length) == (joint.shape[0], joint.ndim)
    assert (words.mask_id, words.num_states) == (joint.shape[0], joint.shape[0] + 1)
    assert joint.sum() == pytest.approx(1, abs=1e-12)
    assert_close(words.log_prob(x0).exp(), joint.flatten())
    assert float(words.log_prob(x0).exp().sum()) == pytest.approx(1, abs=1e-12)
    seen = joint.flatten() > 0
    assert_close(words.log_prob(x0)[seen], np.log(joint.flatten()[seen]))
    assert (words.log_prob(x0)[~seen] == -torch.inf).all()


@every_language
def test_the_denoiser_is_bayes_for_every_pattern_of_masks(name):
    words, joint = LANGUAGES[name]
    xt = torch.tensor(list(product(range(words.num_states), repeat=words.length)))
    logits = words.denoiser(xt)
    assert logits.shape == (*xt.shape, words.num_states)
    for row, x in zip(logits, xt.tolist(), strict=True):
        evidence = np.array([[float(state in (v, words.mask_id)) for v in range(words.vocab_size)] for state in x])
        assert_posterior(row, joint, evidence)


BETAS = [0.3, 0.2, 0.5]


def random_steps(num_states, seed, zeros=False):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(num_states, 0.7), (3, num_states))
    if zeros:
        rows = np.where(rows >= rows.max(-1, keepdims=True) / 3, rows, 0)
    return (rows / rows.sum(-1, keepdims=True)).swapaxes(1, 2)


@cache
def chain(kind, num_states):
    """A transition of three steps, and q(x_t = b | x_0) as [t, x_0, b] from all paths of one token."""
    if kind == "uniform":
        steps, made = resampling_steps(BETAS, np.ones(num_states) / num_states), \
            UniformTransition(num_states, Schedule(BETAS))
    elif kind == "absorbing":
        betas = [1 / 3, 1 / 2, 1.0]
        steps, made = resampling_steps(betas, np.eye(num_states)[-1]), AbsorbingTransition(num_states, Schedule(betas))
    else:
        steps = random_steps(num_states, seed=num_states, zeros=kind == "zeros")
        made = MatrixTransition(torch.tensor(steps))
    law = token_paths(steps).sum(2)
    law[0] = np.eye(num_states)
    return made, law


@pytest.mark.parametrize("name", ["table", "Markov, started", "hidden, one position", "table of one position",
                                  "hidden V=2 S=3", "hidden with zeros"])
@pytest.mark.parametrize(("kind", "extra"), [("uniform", 0), ("uniform", 1), ("absorbing", 1), ("matrices", 0),
                                             ("matrices", 2), ("zeros", 1)])
def test_the_bayes_denoiser_of_any_chain_is_bayes_for_every_state_and_step(name, kind, extra):
    words, joint = LANGUAGES[name]
    num_states = words.vocab_size + extra
    transition, law = chain(kind, num_states)
    denoiser = words.bayes_denoiser(transition)
    xt = torch.tensor(list(product(range(num_states), repeat=words.length)))
    if len(xt) > 120:  # every state of the shorter languages, a spread of the longer ones
        xt = xt[::3]
    for t in (0, 1, 2, 3):
        logits = denoiser(xt, torch.full((len(xt),), t))
        assert logits.shape == (*xt.shape, num_states)
        assert torch.equal(denoiser(xt, t), logits)
        for row, x in zip(logits, xt.tolist(), strict=True):
            assert_posterior(row, joint, np.stack([law[t, :words.vocab_size, state] for state in x]))


def test_the_bayes_denoiser_takes_another_step_for_every_row():
    words, joint = LANGUAGES["hidden V=3 S=2"]
    transition, law = chain("uniform", 3)
    xt, t = torch.tensor([[0, 1, 2, 2], [0, 1, 2, 2], [2, 2, 0, 1]]), torch.tensor([3, 1, 2])
    for row, x, at in zip(words.bayes_denoiser(transition)(xt, t), xt.tolist(), t.tolist(), strict=True):
        assert_posterior(row, joint, np.stack([law[at, :, state] for state in x]))


@pytest.mark.parametrize("name", ["table", "hidden V=3 S=2", "hidden with zeros", "Markov, started"])
def test_for_the_absorbing_chain_the_bayes_denoiser_is_the_denoiser(name):
    words, _ = LANGUAGES[name]
    transition = AbsorbingTransition(words.num_states, Schedule([0.4, 0.3]))
    xt = torch.tensor(list(product(range(words.num_states), repeat=words.length)))
    for t in (1, 2):
        assert_close(words.bayes_denoiser(transition)(xt, t).exp(), words.denoiser(xt, torch.tensor([t])).exp().numpy())


@every_language
def test_draws_have_the_law_of_the_language(name):
    words, joint = LANGUAGES[name]
    count = 20_000
    draws = words.sample(count, generator=seeded(1))
    assert draws.shape == (count, words.length)
    assert draws.dtype == torch.int64
    counts = np.zeros(joint.shape)
    np.add.at(counts, tuple(draws.numpy().T), 1)
    assert (np.abs(counts - count * joint) <= 5 * np.sqrt(count * joint * (1 - joint)) + 1e-9).all()
    assert torch.equal(draws[:50], words.sample(count, generator=seeded(1))[:50])
    assert not torch.equal(draws, words.sample(count, generator=seeded(2)))


def entropy_by_hand(joint):
    return -sum(p * math.log(p) for p in joint.flatten() if p > 0)


@every_language
def test_the_entropy_is_minus_the_mean_log_probability(name):
    words, joint = LANGUAGES[name]
    assert float(words.entropy()) == pytest.approx(entropy_by_hand(joint), abs=1e-10)


@pytest.mark.parametrize("start", [None, [0.9, 0.1]])
def test_the_entropy_rate_is_the_limit_of_what_one_more_symbol_adds(start):
    matrix = np.array([[0.52, 0.42], [0.48, 0.58]])  # the second eigenvalue is 0.1
    initial = stationary(matrix) if start is None else np.array(start)
    lengths = (2, 9, 10)
    entropies = {n: entropy_by_hand(joint_by_chain_rule(initial, matrix, n)) for n in lengths}
    words = {n: MarkovLanguage(torch.tensor(matrix), n, None if start is None else torch.tensor(start, dtype=DOUBLE))
             for n in lengths}
    for n in lengths:
        assert float(words[n].entropy()) == pytest.approx(entropies[n], abs=1e-10)
    assert float(words[2].entropy_rate()) == pytest.approx(entropies[10] - entropies[9], abs=1e-8)
    if start is None:
        assert_close(words[2].initial, initial)
        alone = entropy_by_hand(initial)
        assert float(words[2].entropy_rate()) == pytest.approx(entropies[2] - alone, abs=1e-10)


def joint_by_chain_rule(initial, matrix, length):
    joint = np.zeros((len(initial),) * length)
    for x in np.ndindex(*joint.shape):
        joint[x] = initial[x[0]] * math.prod(matrix[b, a] for a, b in pairwise(x))
    return joint


def test_a_periodic_chain_has_a_stationary_law_and_a_rate_but_not_every_symbol_adds_it():
    # 0 -> 1 or 2 with 0.3 and 0.7, and back to 0: every second symbol is free, half a choice a symbol.
    matrix = torch.tensor([[0.0, 1.0, 1.0], [0.3, 0.0, 0.0], [0.7, 0.0, 0.0]], dtype=DOUBLE)
    choice = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    words = MarkovLanguage(matrix, 2001, torch.tensor([1.0, 0.0, 0.0], dtype=DOUBLE))
    assert float(words.entropy_rate()) == pytest.approx(choice / 2, abs=1e-12)
    assert float(words.entropy()) == pytest.approx(1000 * choice, abs=1e-8)
    assert float(MarkovLanguage(matrix, 2000, words.initial).entropy()) == pytest.approx(1000 * choice, abs=1e-8)
    assert_close(MarkovLanguage(matrix, 2).initial, [0.5, 0.15, 0.35])
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert float(MarkovLanguage(swap, 50).entropy()) == pytest.approx(math.log(2), abs=1e-12)
    assert float(MarkovLanguage(swap, 50).entropy_rate()) == pytest.approx(0, abs=1e-12)


def test_a_chain_of_two_closed_classes_needs_a_start_and_has_no_rate():
    apart = torch.eye(2, dtype=DOUBLE)
    with pytest.raises(ValueError, match="more than one distribution is stationary"):
        MarkovLanguage(apart, 3)
    words = MarkovLanguage(apart, 3, torch.tensor([0.25, 0.75], dtype=DOUBLE))
    assert_close(words.log_prob(torch.tensor([[0, 0, 0], [1, 1, 1], [0, 1, 1]])).exp(), [0.25, 0.75, 0])
    with pytest.raises(ValueError, match="more than one distribution is stationary"):
        words.entropy_rate()
    sink = torch.tensor([[0.5, 0.0], [0.5, 1.0]], dtype=DOUBLE)  # a transient symbol does no harm
    assert_close(MarkovLanguage(sink, 3).initial, [0, 1])


@every_language
def test_any_leading_shape_and_integer_dtype_will_do(name):
    words, joint = LANGUAGES[name]
    x0 = words.sample(6, generator=seeded(3))
    due = [joint[tuple(x)] for x in x0.tolist()]
    for dtype in (torch.int64, torch.int32, torch.uint8):
        assert_close(words.log_prob(x0.to(dtype)).exp(), due)
        assert_close(words.denoiser(x0.to(dtype)).exp(), words.denoiser(x0).exp().numpy())
    assert_close(words.log_prob(x0.reshape(2, 3, -1)).exp(), np.reshape(due, (2, 3)))
    assert_close(words.log_prob(x0[0]).exp(), due[0])
    assert words.log_prob(x0[:0]).shape == (0,)
    assert words.denoiser(x0[:0]).shape == (0, words.length, words.num_states)


@pytest.mark.parametrize("name", ["table with zeros", "hidden with zeros", "Markov, started"])
def test_impossible_evidence_gives_uniform_logits_and_leaves_the_other_rows_alone(name):
    words, joint = LANGUAGES[name]
    impossible = torch.tensor([np.argwhere(joint == 0)[0].tolist(), np.argwhere(joint > 0)[0].tolist()])
    logits = words.denoiser(impossible)
    assert_close(logits[0, :, :-1], np.full((words.length, words.vocab_size), -math.log(words.vocab_size)), 1e-15)
    assert_close(logits[1].exp()[:, :-1], np.eye(words.vocab_size)[impossible[1]])
    assert not logits.isnan().any()


def test_rare_is_not_impossible():
    rare = 1e-150
    joint = torch.tensor([[0.5, 0.5 - 4 * rare], [rare, 3 * rare]], dtype=DOUBLE)
    start, matrix = torch.tensor([1.0, rare], dtype=DOUBLE), torch.tensor([[1.0, 0.25], [rare, 0.75]], dtype=DOUBLE)
    for words in (TableLanguage(joint), MarkovLanguage(matrix, 2, start)):
        assert_close(words.denoiser(torch.tensor([[1, 2]])).exp()[0], [[0, 1, 0], [0.25, 0.75, 0]])
    words = MarkovLanguage(matrix, 3, start)  # 0 1 1 after a sure 0, against 1 1 1 from a rare start
    assert_close(words.denoiser(torch.tensor([[2, 1, 1]])).exp()[0, 0], [1 / 1.75, 0.75 / 1.75, 0])


LONG = 2000


def log_sum(values):
    top = max(values)
    return -math.inf if top == -math.inf else top + math.log(sum(math.exp(v - top) for v in values))


def log(p):
    return math.log(p) if p > 0 else -math.inf


def log_likelihood_by_hand(numbers, x, num_symbols):
    """log p(visible symbols) by the forward sum in log space; state V is a mask."""
    initial, matrix, emission = (array.tolist() for array in numbers)
    states = range(len(initial))
    ahead = [log(initial[s]) for s in states]
    for i, v in enumerate(x):
        here = [ahead[s] + (0.0 if v == num_symbols else log(emission[v][s])) for s in states]
        ahead = here if i == len(x) - 1 else [log_sum([here[r] + log(matrix[s][r]) for r in states]) for s in states]
    return log_sum(ahead)


def long_languages():
    rng = np.random.default_rng(11)
    numbers = (rng.dirichlet(np.ones(3)), column_stochastic(rng, 3, 3), column_stochastic(rng, 4, 3))
    sticky = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    return [(HiddenMarkovLanguage(*map(torch.tensor, numbers), LONG), numbers),
            (MarkovLanguage(torch.tensor(sticky), LONG), (np.ones(3) / 3, sticky, np.eye(3)))]


@pytest.mark.parametrize(("words", "numbers"), long_languages(), ids=["hidden", "Markov"])
def test_long_sequences_neither_underflow_nor_give_nan(words, numbers):
    x0 = words.sample(2, generator=seeded(12))
    due = [log_likelihood_by_hand(numbers, x, words.vocab_size) for x in x0.tolist()]
    assert np.allclose(words.log_prob(x0), due, rtol=1e-10)
    rng = np.random.default_rng(13)
    xt = torch.where(torch.tensor(rng.random((2, LONG)) < 0.1), words.mask_id, x0)
    xt[1] = words.mask_id
    assert log_likelihood_by_hand(numbers, xt[0].tolist(), words.vocab_size) < math.log(5e-324)
    logits = words.denoiser(xt)
    assert not logits.isnan().any()
    assert_close(logits.exp().sum(-1), np.ones((2, LONG)))
    masked = np.flatnonzero(xt[0] == words.mask_id)
    for i in (masked[0], masked[len(masked) // 2], masked[-1]):
        scores = []
        for v in range(words.vocab_size):
            x = xt[0].tolist()
            x[i] = v
            scores.append(log_likelihood_by_hand(numbers, x, words.vocab_size))
        assert_close(logits[0, i, :-1].exp(), np.exp(np.array(scores) - log_sum(scores)), 1e-9)
    law = np.array(numbers[0])
    for i in range(LONG):  # with everything masked, the marginal of each position
        if i in (0, 1, LONG - 1):
            assert_close(logits[1, i, :-1].exp(), numbers[2] @ law)
        law = numbers[1] @ law


@pytest.mark.parametrize(("zeros", "ones"), [(1000, 1000), (1200, 800), (800, 1200)])
def test_hidden_states_that_never_mix_stay_exact_in_long_sequences(zeros, ones):
    # Two topics, never left: p(X) = (0.9^zeros 0.1^ones + 0.1^zeros 0.9^ones) / 2. Either topic's share underflows.
    words = HiddenMarkovLanguage(halves(2), torch.eye(2, dtype=DOUBLE),
                                 torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=DOUBLE), zeros + ones)
    x0 = torch.tensor([0] * zeros + [1] * ones)
    topics = [log(0.5) + zeros * log(p) + ones * log(1 - p) for p in (0.9, 0.1)]
    assert float(words.log_prob(x0)) == pytest.approx(log_sum(topics), rel=1e-12)
    xt = torch.cat([x0[:5], torch.tensor([words.mask_id]), x0[6:]])[None]
    topics = [topics[0] - log(0.9), topics[1] - log(0.1)]
    share = math.exp(topics[0] - log_sum(topics))  # of the first topic, without token 5
    logits = words.denoiser(xt)
    assert_close(logits[0, 5, :2].exp(), [0.9 * share + 0.1 * (1 - share), 0.1 * share + 0.9 * (1 - share)], 1e-9)
    assert (logits[0, [0, -1], [0, 1]].exp() == 1).all()


@pytest.mark.parametrize("name", ["hidden V=3 S=2", "Markov, stationary", "Markov, started", "hidden with zeros",
                                  "table", "table with zeros"])
def test_with_the_bayes_denoiser_the_continuous_bound_is_minus_log_p_of_every_sequence(name):
    words, joint = LANGUAGES[name]
    possible = torch.tensor(np.argwhere(joint > 0))
    bound = exact_continuous_loss(words.denoiser, possible, words.mask_id)
    assert_close(bound, -np.log(joint[joint > 0]))


def bounds_over_the_data(words, joint, make, num_steps):
    """The averages of the rho-weighted loss and of the bound of the x_0-parametrised reverse over the data."""
    possible, weights = torch.tensor(np.argwhere(joint > 0)), joint[joint > 0]
    transition = AbsorbingTransition(words.num_states, make(num_steps))
    yield float(exact_rho_weighted_loss(words.denoiser, possible, transition).numpy() @ weights)
    if words.length < 4 and num_steps < 5:
        reverse = reverse_model(words.bayes_denoiser(transition), transition)
        yield float(exact_bound(reverse, possible, transition).nelbo.numpy() @ weights)


@pytest.mark.parametrize("make", [Schedule.linear, Schedule.cosine])
@pytest.mark.parametrize("name", ["hidden V=3 S=2", "Markov, stationary", "Markov, started", "table"])
def test_the_discrete_bound_falls_from_the_total_correlation_to_the_entropy(name, make):
    words, joint = LANGUAGES[name]
    entropy = entropy_by_hand(joint)
    positions = range(joint.ndim)
    correlation = sum(entropy_by_hand(joint.sum(tuple(j for j in positions if j != i))) for i in positions) - entropy
    gaps = []
    for num_steps in (1, 2, 4, 8, 16, 32):
        averages = list(bounds_over_the_data(words, joint, make, num_steps))
        assert averages[-1] == pytest.approx(averages[0], abs=1e-10)
        gaps.append(averages[0] - entropy)
    assert gaps[0] == pytest.approx(correlation, abs=1e-10)
    assert all(0 < later < earlier for earlier, later in pairwise(gaps))
    assert gaps[-1] < gaps[0] / 16


def test_a_table_refuses_what_is_no_distribution():
    for joint, message in ((torch.tensor(1.0), r"\(V,\) \* n, got \(\)"), (torch.full((2, 3), 1 / 6), r"got \(2, 3\)"),
                           (torch.tensor([0.5, 0.4]), "expected 1"), (torch.tensor([1.5, -0.5]), "negative"),
                           (torch.tensor([math.nan, 1.0]), "NaN")):
        with pytest.raises(ValueError, match=message):
            TableLanguage(joint)
    with pytest.raises(TypeError, match="joint must be a floating-point tensor"):
        TableLanguage(torch.tensor([1, 0]))


def test_languages_of_float32_numbers_sum_to_1_in_float64():
    joint, columns = torch.rand(3, 3, generator=seeded(1)), torch.rand(3, 3, generator=seeded(1))
    columns = columns / columns.sum(0)
    for words in (TableLanguage(joint / joint.sum()), MarkovLanguage(columns, 3),
                  HiddenMarkovLanguage(torch.full((3,), 1 / 3), columns, columns, 3)):
        assert float(words.log_prob(words.sequences()).exp().sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", ["table", "hidden V=3 S=2", "Markov, started"])
def test_a_single_corrupted_sequence_without_its_batch_is_refused(name):
    words, _ = LANGUAGES[name]
    with pytest.raises(ValueError, match="xt"):
        words.denoiser(torch.zeros(words.length, dtype=torch.long))


@pytest.mark.parametrize(("numbers", "message"), [
    ((halves(2), halves(2, 3), halves(2, 2)), r"do not fit: \(2,\), \(2, 3\), \(2, 2\)"),
    ((halves(2), halves(3, 3), halves(2, 2)), "do not fit"),
    ((halves(2), halves(2, 2), halves(2, 3)), "do not fit"),
    ((halves(2), halves(2, 2), halves(2)), "do not fit"),
    ((halves(2, 2), halves(2, 2), halves(2, 2)), "do not fit"),
    ((halves(2) / 2, halves(2, 2), halves(2, 2)), "initial sums to 0.5"),
    ((halves(2), torch.tensor([[0.9, 0.1], [0.5, 0.5]]), halves(2, 2)), "matrix.T sums to"),
    ((halves(2), halves(2, 2), torch.tensor([[0.9, 0.1], [0.5, 0.5]])), "emission.T sums to"),
    ((torch.tensor([2.0, -1.0]), halves(2, 2), halves(2, 2)), "initial holds a negative number"),
])
def test_a_hidden_markov_language_refuses_what_does_not_fit(numbers, message):
    with pytest.raises(ValueError, match=message):
        HiddenMarkovLanguage(*numbers, 3)


@pytest.mark.parametrize("length", NO_COUNTS, ids=repr)
def test_a_length_is_a_positive_int(length):
    for make in (lambda: HiddenMarkovLanguage(halves(2), halves(2, 2), halves(2, 2), length),
                 lambda: MarkovLanguage(halves(2, 2), length)):
        with pytest.raises(ValueError, match="length must be an int >= 1"):
            make()


def test_a_markov_language_refuses_what_is_no_chain():
    for matrix, message in ((torch.tensor([[0.9, 0.1], [0.5, 0.5]]), "its rows do"), (halves(2), "must be a tensor"),
                            (halves(2, 3), "must be a tensor"), (halves(2, 2) / 2, "must sum to 1"),
                            (halves(1, 2, 2), "do not fit")):
        with pytest.raises(ValueError, match=message):
            MarkovLanguage(matrix, 3)
    with pytest.raises(ValueError, match="do not fit"):
        MarkovLanguage(halves(2, 2), 3, torch.full((3,), 1 / 3))
    with pytest.raises(ValueError, match="initial sums to"):
        MarkovLanguage(halves(2, 2), 3, halves(2) / 2)


@every_language
def test_sequences_of_another_length_or_with_other_states_are_refused(name):
    words, _ = LANGUAGES[name]
    short = torch.zeros(2, words.length + 1, dtype=torch.long)
    single = torch.zeros((), dtype=torch.long)
    transition = UniformTransition(words.num_states, Schedule([0.5]))
    calls = {"x0": words.log_prob, "xt": words.denoiser}
    for label, call in (*calls.items(), ("xt", lambda x: words.bayes_denoiser(transition)(x, 1))):
        for x in (short, single):
            with pytest.raises(ValueError, match=f"{label} must be sequences of length {words.length}"):
                call(x)
    with pytest.raises(ValueError, match="x0 holds the state"):
        words.log_prob(torch.full((1, words.length), words.mask_id))
    for call in (words.denoiser, lambda x: words.bayes_denoiser(transition)(x, 1)):
        with pytest.raises(ValueError, match="xt holds the state"):
            call(torch.full((1, words.length), words.mask_id + 1))
    with pytest.raises(TypeError, match="x0 must be an integer tensor"):
        words.log_prob(torch.zeros(1, words.length))


def test_a_chain_on_fewer_states_than_symbols_is_refused():
    words, _ = LANGUAGES["table"]
    with pytest.raises(ValueError, match="2 states, fewer than the language's 3 symbols"):
        words.bayes_denoiser(UniformTransition(2, Schedule([0.5])))


def test_too_many_sequences_to_enumerate_are_refused_and_a_markov_entropy_needs_none():
    words = MarkovLanguage(halves(2, 2), 17)
    with pytest.raises(ValueError, match="too many to enumerate"):
        words.sequences()
    assert float(words.entropy()) == pytest.approx(17 * math.log(2), abs=1e-10)
    with pytest.raises(ValueError, match="too many to enumerate"):
        HiddenMarkovLanguage(halves(2), halves(2, 2), halves(2, 2), 17).entropy()


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(languages).failed == 0


@st.composite
def random_languages(draw):
    """A random language of any kind, some of its numbers zero, and states that fit it."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    num_symbols, num_hidden, length = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 4))

    def stochastic(num_rows, num_columns):
        rows = rng.dirichlet(np.ones(num_rows), num_columns)
        rows = np.where(rows >= rows.max(-1, keepdims=True) / draw(st.sampled_from([2, 1e9])), rows, 0)
        return torch.tensor((rows / rows.sum(-1, keepdims=True)).T)

    kind = draw(st.sampled_from(["table", "hidden", "Markov"]))
    if kind == "table":
        words = TableLanguage(stochastic(num_symbols**length, 1)[:, 0].reshape((num_symbols,) * length))
    elif kind == "hidden":
        words = HiddenMarkovLanguage(stochastic(num_hidden, 1)[:, 0], stochastic(num_hidden, num_hidden),
                                     stochastic(num_symbols, num_hidden), length)
    else:
        words = MarkovLanguage(stochastic(num_symbols, num_symbols), length, stochastic(num_symbols, 1)[:, 0])
    xt = torch.tensor(rng.integers(num_symbols + 1, size=(draw(st.integers(0, 4)), length)),
                      dtype=draw(st.sampled_from([torch.int64, torch.int32, torch.uint8])))
    return words, xt


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_languages())
def test_a_denoisers_logits_are_log_probabilities_that_keep_what_is_seen(device, case):
    words, xt = case
    xt = xt.to(device)
    before = xt.clone()
    logits = words.denoiser(xt, torch.ones(len(xt), device=device))
    assert logits.shape == (*xt.shape, words.num_states)
    assert logits.dtype == DOUBLE
    assert logits.device.type == device.type
    assert not logits.isnan().any()
    assert torch.equal(xt, before)
    assert (logits[..., words.mask_id] == -torch.inf).all()
    assert_close(logits.exp().sum(-1), np.ones(xt.shape))
    for row, x in zip(logits, xt.long(), strict=True):
        visible = x != words.mask_id
        flat = (row[:, :-1] - row[:, :1]).abs().max() == 0
        kept = row.gather(-1, torch.where(visible, x, 0)[:, None])[visible]
        assert flat or (kept == 0).all()
    assert_close(words.log_prob(words.sequences().to(device)).exp().sum(), 1.0)
    draws = words.sample(5, generator=seeded(1))
    assert words.log_prob(draws).isfinite().all()
    assert torch.equal(draws, words.sample(5, generator=seeded(1)))


def test_the_words_of_ads_are_six_good_ones_and_some_errors():
    words = languages.words_of_ads()
    assert words.joint.shape == (3, 3, 3)
    assert float(words.joint[0, 1, 2]) == pytest.approx(0.98 * 0.30 + 0.02 / 27, abs=1e-12)          # ads
    assert float(words.joint[1, 1, 1]) == pytest.approx(0.02 / 27, abs=1e-12)                         # ddd
    assert int((words.joint > 0.01).sum()) == 6
    assert float(words.joint.sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("value", [value for value in NO_COUNTS if value != 0], ids=repr)
@every_language
def test_a_number_of_draws_that_is_none_is_refused(name, value):
    with pytest.raises(ValueError, match="batch_size must be an int >= 0"):
        LANGUAGES[name][0].sample(value)


@every_language
def test_numbers_of_any_make_and_empty_batches_do(name):
    words, _ = LANGUAGES[name]
    for make in INTS:
        assert torch.equal(words.sample(make(3), generator=seeded(1)), words.sample(3, generator=seeded(1)))
    x = words.sample(4, generator=seeded(1))
    for dtype in (torch.uint8, torch.int32):
        assert torch.equal(words.log_prob(x.to(dtype)), words.log_prob(x))
        assert torch.equal(words.denoiser(x.to(dtype)), words.denoiser(x))
    none = words.sample(0)
    assert none.shape == (0, words.length)
    assert words.log_prob(none).shape == (0,)
    assert words.denoiser(none).shape == (0, words.length, words.num_states)


def test_a_byte_is_no_mask_of_more_than_its_bits():
    """A language of 256 symbols, whose mask a uint8 state equals modulo 256."""
    words = TableLanguage(torch.full((256,), 1 / 256, dtype=DOUBLE))
    x = torch.tensor([[0], [255]])
    assert torch.equal(words.denoiser(x.to(torch.uint8)), words.denoiser(x))


@pytest.mark.parametrize("make", INTS)
def test_a_length_is_an_integer_of_any_make(make):
    words = MarkovLanguage(halves(2, 2), make(3))
    assert type(words.length) is int
    assert words.sample(2).shape == (2, 3)


def test_a_language_refuses_sequences_of_another_length():
    for call in (language(3, 3).log_prob, language(3, 3).denoiser):
        with pytest.raises(ValueError, match="length 3"):
            call(torch.zeros(5, 2, dtype=torch.long))
