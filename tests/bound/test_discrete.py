"""The discrete bound of any chain against its definition: sums over every path X_0, ..., X_T of whole sequences."""

import math
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_cases import (
    arbitrary_denoiser,
    assert_close,
    assert_mean,
    bayes_table,
    language,
    resampling_steps,
    seeded,
    timed_denoiser,
    token_paths,
)
from small_losses import RATES, SCHEDULES, SIZES, assert_unbiased, by_hand, every_schedule

from dlm_course import (
    AbsorbingTransition,
    DiscreteBound,
    MatrixTransition,
    Schedule,
    UniformTransition,
    bits_per_character,
    exact_bound,
    exact_masked_lm_loss,
    exact_rho_weighted_loss,
    masked_lm_loss,
    per_token,
    prior_kl,
    reverse_model,
    rho_weighted_loss,
    sampled_bound,
    step_kl,
)
from dlm_course.bound.discrete import all_states, rho_weighted_term, time_free

DOUBLE = torch.float64
COSINE = [1 - math.cos(math.pi / 4), 1.0]  # beta_t of cosine(2): lambda_1 = 1 - cos(pi/4), lambda_2 = 1


def columns(rng, shape, zeros=False):
    """Random (..., K, K) column-stochastic matrices; with `zeros` small entries are dropped."""
    rows = rng.dirichlet(np.full(shape[-1], 0.8), shape[:-1])
    if zeros:
        rows = np.where(rows >= rows.max(-1, keepdims=True) / 3, rows, 0)
    return (rows / rows.sum(-1, keepdims=True)).swapaxes(-1, -2)


def random_case(length, shape, seed, zeros=False):
    steps = columns(np.random.default_rng(seed), shape, zeros)
    return MatrixTransition(torch.tensor(steps)), steps, length


def repeated_case(num_states, length, num_steps, seed):
    step = columns(np.random.default_rng(seed), (num_states, num_states))
    return MatrixTransition(torch.tensor(step), num_steps), np.stack([step] * num_steps), length


def uniform_case(num_states, length, betas):
    return UniformTransition(num_states, Schedule(betas)), resampling_steps(betas, np.ones(num_states) / num_states), \
        length


def absorbing_case(num_states, length, betas, mask_id):
    return AbsorbingTransition(num_states, Schedule(betas), mask_id), \
        resampling_steps(betas, np.eye(num_states)[mask_id]), length


CASES = {  # transition, its step matrices, the length n
    "uniform": uniform_case(3, 2, [0.3, 0.1, 0.6]),
    "uniform, one token, six steps": uniform_case(5, 1, [0.2, 0.3, 0.1, 0.4, 0.2, 0.5]),
    "uniform to the end": uniform_case(2, 3, COSINE),
    "uniform, four tokens": uniform_case(2, 4, [0.3, 0.5]),
    "absorbing, linear": absorbing_case(3, 2, [1 / 3, 1 / 2, 1.0], 2),
    "absorbing, six steps": absorbing_case(4, 1, [1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2, 1.0], 3),
    "absorbing, cosine, mask inside": absorbing_case(4, 2, COSINE, 1),
    "absorbing, four tokens": absorbing_case(3, 4, [1.0], 2),
    "absorbing, short of the end": absorbing_case(3, 3, [0.4, 0.3], 2),
    "one matrix repeated": repeated_case(3, 2, 3, seed=1),
    "matrices": random_case(2, (3, 3, 3), seed=2),
    "matrices, four tokens": random_case(4, (2, 2, 2), seed=3),
    "matrices, one step": random_case(4, (1, 4, 4), seed=4),
    "zeros": random_case(2, (2, 3, 3), seed=5, zeros=True),
    "zeros, one token, five steps": random_case(1, (5, 4, 4), seed=6, zeros=True),
}
REVERSES = ("direct", "mixture", "plug-in")
every_case = pytest.mark.parametrize("name", CASES)


@cache
def states_of(name):
    _, steps, length = CASES[name]
    return list(product(range(steps.shape[1]), repeat=length))


@cache
def forward_of(name):
    """q(X_t = b | X_{t-1} = a) as [t-1, a, b]: a product over the positions."""
    _, steps, length = CASES[name]
    states = np.array(states_of(name))
    forward = np.ones((len(steps), len(states), len(states)))
    for t, i in product(range(len(steps)), range(length)):
        forward[t] *= steps[t][states[:, i][None, :], states[:, i][:, None]]
    return forward


@cache
def starts_of(name):
    """The X_0 to try: data only, at most nine of them."""
    transition, states = CASES[name][0], states_of(name)
    mask_id = getattr(transition, "mask_id", None)
    data = [index for index, state in enumerate(states) if mask_id not in state]
    return data[::-(-len(data) // 9)]


def softmax(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@cache
def case(name, kind):
    """The reverse model as a function, and p(x_{t-1}^i = a | X_t = b) as [t-1, b, i, a] from the definition."""
    transition, steps, length = CASES[name]
    num_steps, num_states, states = len(steps), steps.shape[1], states_of(name)
    rng = np.random.default_rng(len(name))
    shape = (num_steps, len(states), length, num_states)
    powers = torch.tensor([num_states**(length - 1 - i) for i in range(length)])
    if kind == "direct":
        table = rng.dirichlet(np.ones(num_states), shape[:-1])
        return lambda xt, t: torch.tensor(table)[t - 1, (xt * powers).sum(-1)], table
    logits = rng.normal(size=shape)
    reverse = reverse_model(lambda xt, t: torch.tensor(logits)[t - 1, (xt * powers).sum(-1)], transition,
                            plug_in=kind == "plug-in")
    mask_id = getattr(transition, "mask_id", None)
    joint = token_paths(steps)
    table = np.full(shape, np.nan)  # nan where X_t cannot be reached from anywhere: the model has no duty there
    for t, b, i in np.ndindex(num_steps, len(states), length):
        seen, scores = states[b][i], logits[t, b, i]
        if mask_id is not None and seen == mask_id:
            scores = np.where(np.arange(num_states) == mask_id, -np.inf, scores)
        elif mask_id is not None:
            scores = np.where(np.arange(num_states) == seen, 0.0, -np.inf)
        probs = softmax(scores)
        if kind == "mixture":
            reachable = joint[t + 1, :, :, seen].sum(-1)
            mixed = sum(probs[x0] * joint[t + 1, x0, :, seen] / reachable[x0]
                        for x0 in range(num_states) if reachable[x0] > 0)
        else:
            mixed = steps[t][seen] * sum(probs[x0] * joint[t + 1, x0].sum(-1) for x0 in range(num_states))
        if np.sum(mixed) > 0:
            table[t, b, i] = mixed / np.sum(mixed)
    return reverse, table


def whole_sequence(name, table):
    """p(X_{t-1} = a | X_t = b) as [t-1, b, a]: a product over the positions."""
    states = np.array(states_of(name))
    return np.prod([table[:, :, i, states[:, i]] for i in range(states.shape[1])], axis=0)


def log(p):
    return math.log(p) if p > 0 else -math.inf


def paths_from(forward, start):
    """Every path X_0..X_T that is possible from X_0 = `start`, with its probability."""
    paths = [((start,), 1.0)]
    for step in forward:
        paths = [((*path, b), q * step[path[-1], b]) for path, q in paths for b in np.flatnonzero(step[path[-1]])]
    return paths


def bound_by_paths(forward, backward, end, start):
    """The negative ELBO as one expectation over paths, then its terms and its prior."""
    num_steps, num_states = forward.shape[:2]
    pairs = np.zeros((num_steps, num_states, num_states))  # P(X_{t-1} = a, X_t = b | X_0) as [t-1, a, b]
    whole = 0.0
    for path, q in paths_from(forward, start):
        log_p = log(end[path[-1]]) + sum(log(backward[t, path[t + 1], path[t]]) for t in range(num_steps))
        whole += q * (math.log(q) - log_p)
        for t in range(num_steps):
            pairs[t, path[t], path[t + 1]] += q
    terms = np.zeros(num_steps)
    for t, a, b in np.argwhere(pairs > 0):
        terms[t] += pairs[t, a, b] * (math.log(pairs[t, a, b] / pairs[t, :, b].sum()) - log(backward[t, b, a]))
    law = pairs[-1].sum(0)
    return whole, terms, sum(law[b] * (math.log(law[b]) - log(end[b])) for b in np.flatnonzero(law))


def priors(name):
    """Named priors: the argument and its (n, K) table; the default only where every step shares a stationary law."""
    transition, steps, length = CASES[name]
    num_states = steps.shape[1]
    rng = np.random.default_rng(9)
    shared, own = rng.dirichlet(np.ones(num_states)), rng.dirichlet(np.ones(num_states), length)
    found = {"(K,)": (torch.tensor(shared), np.stack([shared] * length)), "(n, K)": (torch.tensor(own), own)}
    if not isinstance(transition, MatrixTransition) or name == "one matrix repeated":
        law = np.ones(num_states) / num_states
        for _ in range(3000):
            law = steps[0] @ law
        found["default"] = (None, np.stack([law] * length))
    return found


def whole_prior(name, table):
    return np.array([math.prod(table[i, x] for i, x in enumerate(state)) for state in states_of(name)])


def started(name):
    return torch.tensor([states_of(name)[start] for start in starts_of(name)])


@pytest.mark.parametrize("kind", REVERSES)
@every_case
def test_the_exact_bound_is_the_expectation_over_every_path(name, kind):
    transition = CASES[name][0]
    reverse, table = case(name, kind)
    forward, backward = forward_of(name), whole_sequence(name, table)
    label, (prior, by_position) = list(priors(name).items())[-1]
    bound = exact_bound(reverse, started(name), transition, prior=prior)
    assert isinstance(bound, DiscreteBound)
    assert bound.terms.dtype == bound.prior.dtype == DOUBLE
    for row, start in enumerate(starts_of(name)):
        whole, terms, end = bound_by_paths(forward, backward, whole_prior(name, by_position), start)
        assert_close(bound.terms[row], terms)
        assert float(bound.prior[row]) == pytest.approx(end, abs=1e-10), label
        assert float(bound.nelbo[row]) == pytest.approx(whole, abs=1e-10)


@every_case
def test_the_prior_term_is_a_divergence_of_whole_sequences_for_every_form_of_prior(name):
    transition, forward = CASES[name][0], forward_of(name)
    for prior, by_position in priors(name).values():
        got, end = prior_kl(started(name), transition, prior), whole_prior(name, by_position)
        assert_close(exact_bound(case(name, "direct")[0], started(name), transition, prior=prior).prior, got.numpy())
        for row, start in enumerate(starts_of(name)):
            law = np.eye(len(end))[start]
            for step in forward:
                law = law @ step
            due = sum(law[b] * (math.log(law[b]) - log(end[b])) for b in np.flatnonzero(law > 0))
            assert float(got[row]) == pytest.approx(due, abs=1e-10)


def test_the_cases_tell_mixture_from_plug_in_and_have_unreachable_states():
    for name in ("uniform", "matrices", "zeros"):
        apart = case(name, "mixture")[1] - case(name, "plug-in")[1]
        assert np.nanmax(np.abs(apart)) > 0.01
    assert (forward_of("zeros")[0] == 0).any()
    assert_close(case("absorbing, linear", "mixture")[1], case("absorbing, linear", "plug-in")[1])


@pytest.mark.parametrize("name", ["uniform", "absorbing, short of the end", "matrices", "zeros"])
def test_step_kl_of_every_pair_is_the_divergence_from_the_posterior_over_paths(name):
    transition, forward = CASES[name][0], forward_of(name)
    reverse, table = case(name, "direct")
    backward, states = whole_sequence(name, table), torch.tensor(states_of(name))
    for start in starts_of(name)[:4]:
        law = np.eye(len(states))[start]
        for t, step in enumerate(forward, start=1):
            pairs, law = law[:, None] * step, law @ step
            seen = np.flatnonzero(law)
            due = [sum(pairs[a, b] / law[b] * (math.log(pairs[a, b] / law[b]) - log(backward[t - 1, b, a]))
                       for a in np.flatnonzero(pairs[:, b])) for b in seen]
            x0 = states[start].expand(len(seen), -1)
            for given_t in (t, torch.full((len(seen),), t), torch.tensor(t), torch.tensor([t], dtype=torch.int32)):
                assert_close(step_kl(reverse, x0, states[seen], transition, given_t), due)


def test_step_kl_takes_another_t_for_every_row():
    transition, reverse = CASES["uniform"][0], case("uniform", "direct")[0]
    x0, xt = torch.tensor([[0, 1], [2, 2], [1, 0]]), torch.tensor([[1, 1], [2, 0], [1, 0]])
    mixed = step_kl(reverse, x0, xt, transition, torch.tensor([3, 1, 2]))
    for row, t in enumerate((3, 1, 2)):
        assert torch.equal(mixed[row:row + 1], step_kl(reverse, x0[row:row + 1], xt[row:row + 1], transition, t))


def test_the_first_step_costs_the_reconstruction():
    reverse, table = case("uniform", "direct")
    x0, xt = torch.tensor([[0, 1]]), torch.tensor([[2, 1]])
    due = -math.log(table[0, 2 * 3 + 1, 0, 0] * table[0, 2 * 3 + 1, 1, 1])
    assert float(step_kl(reverse, x0, xt, CASES["uniform"][0], 1)) == pytest.approx(due, abs=1e-12)


def model_log_likelihood(backward, end, start):
    """log p(X_0): the sum of p(X_T) prod_t p(X_{t-1} | X_t) over all X_1..X_T."""
    num_steps, num_states = backward.shape[:2]
    total = 0.0
    for path in product(range(num_states), repeat=num_steps):
        total += end[path[-1]] * math.prod(backward[t, b, a] for t, (a, b) in
                                           enumerate(zip((start, *path), path, strict=False)))
    return log(total)


@pytest.mark.parametrize("kind", REVERSES)
@pytest.mark.parametrize("name", ["uniform", "uniform to the end", "absorbing, linear",
                                  "absorbing, cosine, mask inside", "matrices", "matrices, four tokens"])
def test_the_bound_is_never_below_minus_the_models_log_likelihood(name, kind):
    reverse, table = case(name, kind)
    backward = whole_sequence(name, np.nan_to_num(table))  # what has no entry has no weight
    prior, by_position = list(priors(name).values())[-1]
    nelbo = exact_bound(reverse, started(name), CASES[name][0], prior=prior).nelbo
    gaps = [float(nelbo[row]) + model_log_likelihood(backward, whole_prior(name, by_position), start)
            for row, start in enumerate(starts_of(name))]
    assert min(gaps) > -1e-10
    assert max(gaps) > 1e-3


ONE_TOKEN = {
    "uniform": uniform_case(4, 1, [0.3, 0.2, 0.5, 0.1]),
    "absorbing": absorbing_case(4, 1, [0.25, 1 / 3, 0.5, 1.0], 3),
    "absorbing, short of the end": absorbing_case(4, 1, [0.25, 0.3], 3),
    "matrices": random_case(1, (4, 4, 4), seed=7),
    "zeros": random_case(1, (3, 4, 4), seed=8, zeros=True),
}


@pytest.mark.parametrize("name", ONE_TOKEN)
def test_for_one_token_the_exact_reverse_and_the_true_prior_make_the_bound_the_log_likelihood(name):
    transition, steps, _ = ONE_TOKEN[name]
    data = np.append(np.random.default_rng(1).dirichlet(np.ones(3)), 0.0)  # the last state is no data
    joint = np.einsum("x,txab->tab", data, token_paths(steps))             # P(x_{t-1} = a, x_t = b)
    table, bayes = np.zeros_like(joint), bayes_table(steps, data)
    for t, b in product(range(1, len(steps) + 1), range(4)):
        total = joint[t, :, b].sum()
        table[t, b] = joint[t, :, b] / total if total > 0 else 0.25
    by_bayes = reverse_model(lambda xt, t: torch.tensor(bayes)[t[:, None], xt].log(), transition)
    end = torch.tensor(joint[len(steps)].sum(0))
    x0 = torch.arange(3)[:, None]
    for reverse in (lambda xt, t: torch.tensor(table)[t[:, None], xt], by_bayes):
        bound = exact_bound(reverse, x0, transition, prior=end)
        assert_close(bound.nelbo, -np.log(data[:3]))
    # The prior term, averaged over the data, is I(x_0; x_T).
    law = joint[len(steps)].sum(0)
    given_x0 = token_paths(steps)[len(steps)].sum(1)
    information = sum(data[x] * given_x0[x, b] * math.log(given_x0[x, b] / law[b])
                      for x, b in np.argwhere(given_x0 > 0) if data[x] > 0)
    assert float(bound.prior @ torch.tensor(data[:3])) == pytest.approx(information, abs=1e-10)


SAMPLED = ("uniform", "absorbing, linear", "matrices", "zeros")


@pytest.mark.parametrize("kind", ["direct", "mixture"])
@pytest.mark.parametrize("name", SAMPLED)
def test_every_term_of_the_sampled_bound_is_unbiased(name, kind):
    transition, length = CASES[name][0], CASES[name][2]
    reverse, table = case(name, kind)
    prior, by_position = priors(name)["(n, K)"]
    rows, repeats = started(name)[:2], 3000
    bound = sampled_bound(reverse, rows.repeat(repeats, 1), transition, prior=prior, generator=seeded(3))
    assert bound.terms.shape == (2 * repeats, transition.num_steps)
    assert bound.prior.shape == bound.nelbo.shape == (2 * repeats,)
    assert rows.shape == (2, length)
    for row, start in enumerate(starts_of(name)[:2]):
        whole, terms, end = bound_by_paths(forward_of(name), whole_sequence(name, table),
                                           whole_prior(name, by_position), start)
        assert_mean(bound.terms[row::2], terms)
        assert_mean(bound.nelbo[row::2], whole)
        assert_close(bound.prior[row::2], np.full(repeats, end))


def test_the_terms_of_the_sampled_bound_have_a_draw_of_their_own():
    reverse = case("uniform", "direct")[0]
    terms = sampled_bound(reverse, torch.tensor([[0, 1]]).repeat(4000, 1), CASES["uniform"][0],
                          generator=seeded(4)).terms
    assert float(torch.corrcoef(terms.T).fill_diagonal_(0).abs().max()) < 5 / math.sqrt(4000)


def test_an_impossible_pair_is_refused():
    transition, reverse = CASES["absorbing, linear"][0], case("absorbing, linear", "mixture")[0]
    x0 = torch.tensor([[0, 1], [0, 1]])
    for xt, t in ((torch.tensor([[1, 1], [2, 1]]), 1), (torch.tensor([[2, 2], [2, 1]]), 3)):
        with pytest.raises(ValueError, match="cannot be reached"):
            step_kl(reverse, x0, xt, transition, t)


def test_a_reverse_model_that_excludes_what_happens_costs_infinity():
    transition = CASES["uniform"][0]
    bound = exact_bound(lambda xt, t: torch.nn.functional.one_hot(xt, 3).double(), torch.tensor([[0, 1]]), transition)
    assert bound.terms.tolist() == [[math.inf] * 3]
    assert float(bound.nelbo) == math.inf


def test_an_absorbing_chain_that_leaves_something_visible_pays_an_infinite_prior():
    reverse, transition = case("absorbing, short of the end", "mixture")[0], CASES["absorbing, short of the end"][0]
    x0 = torch.tensor([[0, 1, 0], [1, 1, 1]])
    for bound in (exact_bound(reverse, x0, transition), sampled_bound(reverse, x0, transition, generator=seeded(1))):
        assert bound.prior.tolist() == [math.inf, math.inf]
        assert bound.nelbo.tolist() == [math.inf, math.inf]
        assert bound.terms.isfinite().all()
    ended = CASES["absorbing, linear"][0]
    assert prior_kl(torch.tensor([[0, 1]]), ended).tolist() == [0.0]


def test_a_chain_without_a_stationary_law_needs_a_prior():
    reverse, transition = case("matrices", "direct")[0], CASES["matrices"][0]
    for bound in (exact_bound, sampled_bound):
        with pytest.raises(ValueError, match="no stationary law"):
            bound(reverse, torch.tensor([[0, 1]]), transition)


@pytest.mark.parametrize("bad", [lambda xt, t: torch.full((len(xt), 3), 1 / 3), lambda xt, t: torch.ones(len(xt), 2, 1),
                                 lambda xt, t: torch.full((1, 2, 3), 1 / 3), lambda xt, t: torch.full((3,), 1 / 3)])
def test_a_reverse_model_of_another_shape_is_refused(bad):
    transition, x0 = CASES["uniform"][0], torch.tensor([[0, 1], [1, 2]])
    for call in (lambda: exact_bound(bad, x0, transition), lambda: step_kl(bad, x0, x0, transition, 1),
                 lambda: sampled_bound(bad, x0, transition)):
        with pytest.raises(ValueError, match=r"the reverse model must return probabilities of shape"):
            call()


def test_t_and_the_number_of_states_stay_within_their_limits():
    transition, reverse = CASES["uniform"][0], case("uniform", "direct")[0]
    x0 = torch.tensor([[0, 1]])
    for t in (0, 4, torch.tensor([4]), torch.tensor([0])):
        with pytest.raises(ValueError, match=r"outside 1\.\.3"):
            step_kl(reverse, x0, x0, transition, t)
    with pytest.raises(ValueError, match="too many to enumerate"):
        exact_bound(reverse, torch.zeros(1, 11, dtype=torch.long), transition)
    with pytest.raises(ValueError, match="too many to enumerate"):
        all_states(2, 17)
    assert all_states(2, 15).shape == (32_768, 15)
    assert all_states(3, 2).tolist() == [list(state) for state in product(range(3), repeat=2)]
    assert all_states(1, 1).tolist() == [[0]]


def test_the_exact_bound_asks_only_about_states_that_can_be_reached():
    asked = []

    def reverse(xt, t):
        asked.append((xt.tolist(), t.tolist()))
        return torch.full((*xt.shape, 3), 1 / 3)

    exact_bound(reverse, torch.tensor([[0, 1], [0, 0]]), CASES["absorbing, linear"][0])
    states = [[[a, b] for a in (0, 2) for b in (0, 1, 2)]] * 2 + [[[2, 2]]]
    assert asked == [(some, [t] * len(some)) for t, some in enumerate(states, start=1)]


def test_a_time_free_denoiser_is_not_told_the_time():
    assert time_free(lambda xt: xt + 1)(torch.tensor([1]), torch.tensor([7])).tolist() == [2]


@st.composite
def situations(draw):
    """What makes a chain of any kind on a device, data for it, a dtype of logits, and whether to plug in."""
    num_states, num_steps = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    kind = draw(st.sampled_from(["uniform", "absorbing", "matrices", "zeros"]))
    betas = [*rng.uniform(0.05, 0.95, num_steps - 1), draw(st.sampled_from([0.3, 1.0]))]
    mask_id = int(rng.integers(num_states))
    steps = torch.tensor(columns(rng, (num_steps, num_states, num_states), zeros=kind == "zeros"))

    def made(device):
        if kind == "uniform":
            return UniformTransition(num_states, Schedule(betas))
        if kind == "absorbing":
            return AbsorbingTransition(num_states, Schedule(betas), mask_id)
        return MatrixTransition(steps.to(device))

    shape = (draw(st.integers(0, 4)), draw(st.integers(1, 3)))
    x0 = torch.tensor(rng.integers(num_states, size=shape),
                      dtype=draw(st.sampled_from([torch.int64, torch.int32, torch.uint8])))
    if kind == "absorbing":
        x0 = torch.where(x0 == mask_id, (mask_id + 1) % num_states, x0).to(x0.dtype)
    return made, x0, draw(st.sampled_from([torch.float32, DOUBLE])), draw(st.booleans())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(situations())
def test_the_bound_of_any_chain_has_its_shapes_is_finite_and_changes_nothing(device, situation):
    made, x0, dtype, plug_in = situation
    transition, x0 = made(device), x0.to(device)
    num_states, (batch_size, length) = transition.num_states, x0.shape
    weights = torch.randn(num_states, num_states, generator=seeded(2)).to(device, dtype)
    returned = []

    def denoiser(xt, t):
        assert xt.device.type == t.device.type == device.type
        assert t.shape == (len(xt),)
        logits = weights[xt.long()] + weights[xt.long()].mean(1, keepdim=True) * t[:, None, None]
        returned.append((logits, logits.clone()))
        return logits

    reverse, before = reverse_model(denoiser, transition, plug_in=plug_in), x0.clone()
    prior = torch.full((num_states,), 1 / num_states, dtype=DOUBLE, device=device)
    bound = sampled_bound(reverse, x0, transition, prior=prior, generator=seeded(5, device))
    again = sampled_bound(reverse, x0, transition, prior=prior, generator=seeded(5, device))
    exact = exact_bound(reverse, x0, transition, prior=prior)
    assert torch.equal(bound.terms, again.terms)
    for made_bound in (bound, exact):
        assert made_bound.terms.shape == (batch_size, transition.num_steps)
        assert made_bound.prior.shape == made_bound.nelbo.shape == (batch_size,)
        for part in (made_bound.terms, made_bound.prior, made_bound.nelbo):
            assert part.dtype == DOUBLE
            assert part.device.type == device.type
            assert part.isfinite().all()
            assert (part > -1e-12).all()
    for t in range(1, transition.num_steps + 1):
        xt = transition.sample(x0, t, generator=seeded(6, device)).to(x0.dtype)
        seen, model = xt.clone(), reverse(xt, torch.full((batch_size,), t, device=device))
        assert model.shape == (batch_size, length, num_states)
        assert model.dtype == DOUBLE
        assert (model >= 0).all()
        assert_close(model.sum(-1), np.ones((batch_size, length)))
        loss = step_kl(reverse, x0, xt, transition, t)
        assert loss.shape == (batch_size,)
        assert loss.dtype == DOUBLE
        assert loss.isfinite().all()
        assert (loss > -1e-12).all()
        assert torch.equal(loss, step_kl(reverse, x0, xt, transition, torch.full((batch_size,), t, device=device)))
        if isinstance(transition, AbsorbingTransition):
            assert (loss[(xt.long() != transition.mask_id).all(-1)] == 0).all()
        assert torch.equal(xt, seen)
    assert torch.equal(x0, before)
    assert all(torch.equal(logits, copy) for logits, copy in returned)


# Numbers and states of any make

def test_t_is_an_integer_of_any_make():
    transition, reverse = CASES["uniform"][0], case("uniform", "direct")[0]
    x0 = torch.tensor([[0, 1], [2, 2]])
    due = step_kl(reverse, x0, x0, transition, 2)
    for t in (np.int64(2), np.uint8(2), torch.tensor(2), torch.tensor([2, 2], dtype=torch.uint8)):
        assert torch.equal(step_kl(reverse, x0, x0, transition, t), due)
    for t in (True, 2.0, np.float64(2), None, math.nan):
        with pytest.raises(ValueError, match="t must be an int"):
            step_kl(reverse, x0, x0, transition, t)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_states_of_fewer_bytes_and_empty_batches_do(dtype):
    transition, reverse = CASES["uniform"][0], case("uniform", "direct")[0]
    x0 = torch.tensor([[0, 1], [2, 2]])
    for small, due in ((x0.to(dtype), x0), (x0[:0].to(dtype), x0[:0])):
        exact, wanted = (exact_bound(reverse, x, transition) for x in (small, due))
        assert torch.equal(exact.terms, wanted.terms)
        assert torch.equal(exact.prior, wanted.prior)
        assert exact.terms.shape == (len(due), 3)
        sampled, wanted = (sampled_bound(reverse, x, transition, generator=seeded(1)) for x in (small, due))
        assert torch.equal(sampled.terms, wanted.terms)
        assert torch.equal(step_kl(reverse, small, small, transition, 2), step_kl(reverse, due, due, transition, 2))
        assert torch.equal(prior_kl(small, transition), prior_kl(due, transition))


@pytest.mark.parametrize(("x0", "error", "message"), [
    (torch.tensor([0, 1]), ValueError, r"x0 must have shape \(batch, n\) with n >= 1, got \(2,\)"),
    (torch.zeros(1, 0, dtype=torch.long), ValueError, r"n >= 1, got \(1, 0\)"),
    (torch.tensor([[0.0, 1.0]]), TypeError, "x0 must be an integer tensor"),
    (torch.tensor([[0, 3]]), ValueError, "x0 holds the state 3"), (torch.tensor([[0, -1]]), ValueError, "the state -1"),
])
def test_what_is_no_batch_of_sequences_is_refused(x0, error, message):
    transition, reverse = CASES["uniform"][0], case("uniform", "direct")[0]
    for call in (lambda: exact_bound(reverse, x0, transition), lambda: sampled_bound(reverse, x0, transition),
                 lambda: step_kl(reverse, x0, x0, transition, 1), lambda: prior_kl(x0, transition)):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_bound_of_half_precision_logits_is_that_of_the_same_numbers_in_float64(dtype):
    table = torch.randn(3, 3, generator=seeded(1)).to(dtype)
    x0 = torch.tensor([[0, 1], [2, 2]])
    for transition in (CASES["uniform"][0], AbsorbingTransition(3, Schedule.linear(3))):
        x0 = x0.clamp(max=1) if isinstance(transition, AbsorbingTransition) else x0
        reverse, exact = (reverse_model(lambda xt, t, kind=kind: table[xt].to(kind), transition)
                          for kind in (dtype, torch.float64))
        terms, due = (exact_bound(model, x0, transition).terms for model in (reverse, exact))
        assert terms.dtype == torch.float64
        assert torch.equal(terms, due)


# The absorbing chain: the rho_t-weighted loss and its surrogate

@pytest.mark.parametrize(("vocab_size", "length"), SIZES)
@pytest.mark.parametrize("schedule", [Schedule.linear(1), Schedule.linear(5), Schedule.cosine(4),
                                      Schedule.geometric(3, 0.1)], ids=repr)
def test_the_exact_discrete_bound_is_the_sum_over_steps_and_masks(vocab_size, length, schedule):
    denoiser = arbitrary_denoiser(vocab_size, length)
    transition = AbsorbingTransition(vocab_size + 1, schedule)
    x0 = language(vocab_size, length).sequences()
    ours = exact_rho_weighted_loss(denoiser, x0, transition)
    rates = [0.0] + [float(schedule.mask_rate(t)) for t in range(1, schedule.num_steps + 1)]
    for row, x in zip(ours, x0, strict=True):
        expected = by_hand(denoiser, x, vocab_size, lambda k: sum(
            (now - before) / now * now**k * (1 - now)**(length - k)
            for before, now in pairwise(rates)))
        assert float(row) == pytest.approx(expected, abs=1e-10)


def test_the_single_step_estimate_is_unbiased():
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2], [2, 2, 0]]).repeat(20, 1)
    transition = AbsorbingTransition(4, Schedule.cosine(5))
    assert_unbiased(lambda g: rho_weighted_loss(denoiser, x0, transition, generator=g).view(20, 2).mean(0),
                    exact_rho_weighted_loss(denoiser, x0[:2], transition))


def test_a_sum_of_terms_over_all_steps_is_unbiased_too():
    denoiser, x0 = arbitrary_denoiser(3, 2), torch.tensor([[0, 2]]).repeat(50, 1)
    transition = AbsorbingTransition(4, Schedule.linear(3))
    assert_unbiased(lambda g: sum(rho_weighted_term(denoiser, x0, transition, torch.full((50,), t), generator=g)
                                  for t in (1, 2, 3)).mean(0, keepdim=True),
                    exact_rho_weighted_loss(denoiser, x0[:1], transition))


def sum_of_steps_by_hand(denoiser, x0, mask_id, rates, factor):
    """sum_t factor(lambda_{t-1}, lambda_t) times the expected masked cross-entropy at step t."""
    return sum(factor(before, now) * by_hand(denoiser, x0, mask_id, lambda k, now=now: now**k * (1 - now)**(
        len(x0) - k), torch.tensor([t])) for t, (before, now) in enumerate(pairwise([0.0, *rates]), start=1))


def surrogate_by_hand(denoiser, x0, mask_id, rates):
    return sum_of_steps_by_hand(denoiser, x0, mask_id, rates, lambda before, now: 1.0)


def bound_by_hand(denoiser, x0, mask_id, rates):
    return sum_of_steps_by_hand(denoiser, x0, mask_id, rates, lambda before, now: (now - before) / now)


@every_schedule
@pytest.mark.parametrize("mask_id", [1, 2])
def test_the_surrogate_and_the_bound_of_a_denoiser_told_the_time_are_their_sums(name, mask_id):
    rates, transition = RATES[name], AbsorbingTransition(3, SCHEDULES[name], mask_id)
    denoiser = timed_denoiser(2, 3, len(rates))
    x0 = torch.tensor(list(product([v for v in range(3) if v != mask_id], repeat=3)))
    surrogate, bound = exact_masked_lm_loss(denoiser, x0, transition), exact_rho_weighted_loss(denoiser, x0, transition)
    assert surrogate.shape == bound.shape == (8,)
    assert_close(surrogate, [surrogate_by_hand(denoiser, x, mask_id, rates) for x in x0])
    assert_close(bound, [bound_by_hand(denoiser, x, mask_id, rates) for x in x0])
    assert (surrogate >= bound - 1e-12).all()
    assert name == "one step" or (surrogate > bound + 1e-3).all()


@every_schedule
@pytest.mark.parametrize("plug_in", [False, True])
def test_the_rho_weighted_loss_is_the_bound_of_the_reverse_model_of_an_inconsistent_denoiser(name, plug_in):
    for mask_id in (1, 2):
        transition, denoiser = AbsorbingTransition(3, SCHEDULES[name], mask_id), timed_denoiser(2, 3, len(RATES[name]))
        x0 = torch.tensor(list(product([v for v in range(3) if v != mask_id], repeat=3)))
        bound = exact_bound(reverse_model(denoiser, transition, plug_in=plug_in), x0, transition)
        assert_close(bound.nelbo, exact_rho_weighted_loss(denoiser, x0, transition).numpy())
        assert_close(bound.nelbo, [bound_by_hand(denoiser, x, mask_id, RATES[name]) for x in x0])
        assert (bound.prior == 0).all()


@pytest.mark.parametrize("make", [Schedule.linear, Schedule.cosine])
def test_the_surrogate_grows_with_the_number_of_steps(make):
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2], [2, 2, 0]])
    losses = torch.stack([exact_masked_lm_loss(denoiser, x0, AbsorbingTransition(4, make(num_steps)))
                          for num_steps in (1, 2, 4, 8, 16)])
    assert (losses[1:] > losses[:-1] + 0.1).all()
    assert (losses[-1] > 5 * losses[0]).all()  # in proportion to T in the end; the bound itself converges


def test_the_surrogate_is_defined_for_a_chain_that_leaves_something_visible():
    denoiser, x0 = timed_denoiser(2, 3, 2), torch.tensor([[0, 1, 1]])
    transition = AbsorbingTransition(3, Schedule([0.4, 0.5]))
    assert_close(exact_masked_lm_loss(denoiser, x0, transition), [surrogate_by_hand(denoiser, x0[0], 2, [0.4, 0.7])])
    with pytest.raises(ValueError, match="alpha_bar_T"):
        exact_rho_weighted_loss(denoiser, x0, transition)


@every_schedule
def test_single_draws_of_bound_and_surrogate_are_unbiased_for_a_denoiser_told_the_time(name):
    rates, transition = RATES[name], AbsorbingTransition(3, SCHEDULES[name])
    denoiser = timed_denoiser(2, 2, len(rates))
    x0 = torch.tensor([[0, 1]])
    many = x0.repeat(3000, 1)
    assert_mean(masked_lm_loss(denoiser, many, transition, generator=seeded(1)),
                surrogate_by_hand(denoiser, x0[0], 2, rates))
    assert_mean(rho_weighted_loss(denoiser, many, transition, generator=seeded(2)),
                bound_by_hand(denoiser, x0[0], 2, rates))


def test_every_term_is_unbiased_and_t_is_an_int_or_one_a_row():
    denoiser, rates = timed_denoiser(2, 2, 4), RATES["linear"]
    transition, x0 = AbsorbingTransition(3, SCHEDULES["linear"]), torch.tensor([[0, 1]]).repeat(3000, 1)
    for t in (1, 2, 3, 4):
        due = sum_of_steps_by_hand(denoiser, x0[0], 2, rates,
                                   lambda before, now, t=t: (now - before) / now * (now == t / 4))
        draws = rho_weighted_term(denoiser, x0, transition, t, generator=seeded(t))
        assert_mean(draws, due)
        assert torch.equal(draws, rho_weighted_term(denoiser, x0, transition, torch.full((3000,), t),
                                                    generator=seeded(t)))


def test_conversions():
    assert float(per_token(torch.tensor(6.0), 3)) == 2
    assert float(bits_per_character(torch.tensor(6 * math.log(2)), 3)) == pytest.approx(2)
