"""transition.py against the sum over every path x_0, x_1, ..., x_T, taken in plain loops."""

import doctest
import math
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS

from dlm_course import (
    AbsorbingTransition,
    MatrixTransition,
    Schedule,
    UniformTransition,
    carry_over,
    plug_in_reverse,
    sample,
)
from dlm_course.chain import transition

DOUBLE = torch.float64
BETAS = [0.3, 0.1, 0.6, 0.2, 0.5]
ENDS = [0.2, 0.4, 0.1, 0.5, 1.0]  # alpha_bar_5 = 0: every token is masked at the end


def seeded(device="cpu", seed=0):
    return torch.Generator(device).manual_seed(seed)


# --- step matrices, entry by entry ----------------------------------------------------------------------------------

def uniform_steps(num_states, betas):
    states = range(num_states)
    return np.array([[[(1 - b) * (i == j) + b / num_states for j in states] for i in states] for b in betas])


def absorbing_steps(num_states, betas, mask_id):
    states = range(num_states)
    return np.array([[[(1 - b) * (i == j) + b * (i == mask_id) for j in states] for i in states] for b in betas])


def random_steps(num_states, num_steps, seed):
    """Columns from a sparse-ish Dirichlet law, so that neither the transpose nor another order of steps comes close."""
    columns = np.random.default_rng(seed).dirichlet(np.full(num_states, 0.7), (num_steps, num_states))
    return columns.swapaxes(1, 2)


def ladder_steps(num_states, num_steps, seed):
    """A state stays or climbs by one, so that no state below x_0, nor more than t above it, can be reached."""
    up = np.random.default_rng(seed).uniform(0.2, 0.8, (num_steps, num_states))
    steps = np.zeros((num_steps, num_states, num_states))
    for t, j in np.ndindex(num_steps, num_states):
        steps[t, j, j] = 1 - up[t, j] if j < num_states - 1 else 1
        if j < num_states - 1:
            steps[t, j + 1, j] = up[t, j]
    return steps


def shuffle_steps(num_states, num_steps, seed):
    """Permutations with a single forking column each: nearly every pair is unreachable."""
    rng = np.random.default_rng(seed)
    steps = np.stack([np.eye(num_states)[rng.permutation(num_states)] for _ in range(num_steps)])
    for step in steps:
        step[:, 0] = 0.6 * step[:, 0] + 0.4 * step[:, 1]
    return steps


def matrices(steps):
    return MatrixTransition(torch.tensor(steps))


REPEATED = random_steps(4, 1, seed=3)[0]
CHAINS = {
    "uniform K=2": (UniformTransition(2, Schedule(BETAS[:3])), uniform_steps(2, BETAS[:3])),
    "uniform K=5": (UniformTransition(5, Schedule(BETAS)), uniform_steps(5, BETAS)),
    "uniform to the end": (UniformTransition(3, Schedule(ENDS)), uniform_steps(3, ENDS)),
    "absorbing K=2": (AbsorbingTransition(2, Schedule(BETAS[:1])), absorbing_steps(2, BETAS[:1], 1)),
    "absorbing K=5": (AbsorbingTransition(5, Schedule(BETAS)), absorbing_steps(5, BETAS, 4)),
    "absorbing, mask first": (AbsorbingTransition(3, Schedule(BETAS), mask_id=0), absorbing_steps(3, BETAS, 0)),
    "absorbing, mask inside, to the end": (AbsorbingTransition(4, Schedule(ENDS), mask_id=2),
                                           absorbing_steps(4, ENDS, 2)),
    "matrices K=3": (matrices(random_steps(3, 4, seed=1)), random_steps(3, 4, seed=1)),
    "matrices K=5": (matrices(random_steps(5, 5, seed=2)), random_steps(5, 5, seed=2)),
    "one matrix repeated": (MatrixTransition(torch.tensor(REPEATED), num_steps=5), np.stack([REPEATED] * 5)),
    "ladder": (matrices(ladder_steps(5, 3, seed=4)), ladder_steps(5, 3, seed=4)),
    "shuffle": (matrices(shuffle_steps(4, 4, seed=5)), shuffle_steps(4, 4, seed=5)),
    "uniform as matrices": (matrices(uniform_steps(4, BETAS)), uniform_steps(4, BETAS)),
    "absorbing as matrices": (matrices(absorbing_steps(4, ENDS, 1)), absorbing_steps(4, ENDS, 1)),
}
every_chain = pytest.mark.parametrize("name", CHAINS)


@cache
def path_sums(name):
    """joint[t, x_0, a, b] = P(x_{t-1} = a, x_t = b | x_0) and law[t, x_0, b] = q(x_t = b | x_0), from all paths."""
    steps = CHAINS[name][1].tolist()
    num_steps, num_states = len(steps), len(steps[0])
    joint = np.zeros((num_steps + 1, *[num_states] * 3))
    for path in product(range(num_states), repeat=num_steps + 1):
        probability = 1.0
        for t in range(1, num_steps + 1):
            probability *= steps[t - 1][path[t]][path[t - 1]]
        if probability > 0:
            for t in range(1, num_steps + 1):
                joint[t, path[0], path[t - 1], path[t]] += probability
    law = joint.sum(2)
    law[0] = np.eye(num_states)
    return joint, law


def times(name, first=1):
    return range(first, len(CHAINS[name][1]) + 1)


def assert_close(got, due, tolerance=1e-10):
    got = got.detach().cpu().numpy() if isinstance(got, torch.Tensor) else np.asarray(got)
    assert got.shape == np.shape(due)
    assert np.abs(got - due).max(initial=0) <= tolerance


def assert_counts(counts, probabilities):
    """Every cell as often as due within 5 standard errors; a cell of probability 0 stays empty."""
    counts, probabilities = np.asarray(counts), np.asarray(probabilities)
    n = counts.sum()
    assert (np.abs(counts - n * probabilities) <= 5 * np.sqrt(n * probabilities * (1 - probabilities)) + 1e-9).all()


# --- the references themselves --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["matrices K=3", "matrices K=5", "shuffle"])
def test_a_wrong_order_or_a_transpose_would_show(name):
    steps, (_, law) = CHAINS[name][1], path_sums(name)
    right = wrong = np.eye(len(steps[0]))
    for step in steps:
        right, wrong = step @ right, wrong @ step
    assert_close(right, law[-1].T)
    assert np.abs(wrong - right).max() > 0.05
    for table in (*steps, right):
        assert np.abs(table - table.T).max() > 0.05


def test_some_pairs_are_unreachable_and_some_are_not():
    for name in ("ladder", "shuffle", "absorbing K=5", "absorbing, mask inside, to the end"):
        _, law = path_sums(name)
        assert (law[1:] == 0).any()
        assert (law[1:] > 0).any()


# --- Q_t, Q_{1:t}, q(x_t | x_0), by paths ---------------------------------------------------------------------------

@every_chain
def test_matrices_and_marginals_equal_the_sum_over_paths(name):
    chain, steps = CHAINS[name]
    _, law = path_sums(name)
    states = torch.arange(chain.num_states)
    assert (chain.num_steps, chain.num_states) == steps.shape[:2]
    for t in times(name, first=0):
        assert_close(chain.cumulative_matrix(t), law[t].T)  # Q_{1:t}[i, j] = q(x_t = i | x_0 = j)
        assert_close(chain.marginal(states, t), law[t])
    for t in times(name):
        assert_close(chain.step_matrix(t), steps[t - 1])
        assert_close(chain.step(states, t), steps[t - 1].T)


@every_chain
def test_t_0_is_the_identity(name):
    chain, _ = CHAINS[name]
    states = torch.arange(chain.num_states)
    identity = torch.eye(chain.num_states, dtype=DOUBLE)
    for t in (0, torch.tensor(0)):
        assert torch.equal(chain.cumulative_matrix(t), identity)
        assert torch.equal(chain.marginal(states, t), identity)
        assert torch.equal(chain.sample(states, t, generator=seeded()), states)


@every_chain
def test_matrices_take_t_of_any_shape(name):
    chain, _ = CHAINS[name]
    last = chain.num_steps
    t = torch.tensor([[1, last], [last, 1], [max(1, last - 1), 1]])
    for method in (chain.step_matrix, chain.cumulative_matrix):
        got = method(t)
        assert got.shape == (3, 2, chain.num_states, chain.num_states)
        for index in np.ndindex(3, 2):
            assert torch.equal(got[index], method(int(t[index])))


# --- q(x_{t-1} | x_t, x_0) and its mixtures, by paths ---------------------------------------------------------------

@every_chain
def test_posterior_equals_bayes_over_paths(name):
    chain, _ = CHAINS[name]
    joint, law = path_sums(name)
    for t in times(name):
        x0, xt = np.nonzero(law[t])
        got = chain.posterior(torch.tensor(xt), torch.tensor(x0), t)
        assert_close(got, joint[t, x0, :, xt] / law[t, x0, xt][:, None])
        if t == 1:
            assert_close(got, np.eye(chain.num_states)[x0])


@every_chain
def test_posterior_of_an_unreachable_pair_is_an_error_with_their_count(name):
    chain, _ = CHAINS[name]
    _, law = path_sums(name)
    for t in times(name):
        pairs = torch.tensor(np.argwhere(law[t] == 0))
        if len(pairs):
            with pytest.raises(ValueError, match=rf"cannot be reached.*for {len(pairs)} of the pairs.*q\(x_\{{t-1\}}"):
                chain.posterior(pairs[:, 1], pairs[:, 0], t)


def reverse_by_paths(name, t, p):
    """sum_{x_0} q(x_{t-1} | x_t, x_0) p(x_0) for every x_t, p renormalised over the x_0 that lead to x_t."""
    joint, law = path_sums(name)
    num_states = law.shape[1]
    rows = np.full((num_states, num_states), np.nan)  # nan: no x_0 of positive mass leads there
    for xt in range(num_states):
        allowed = [x0 for x0 in range(num_states) if law[t, x0, xt] > 0 and p[x0] > 0]
        if allowed:
            total = sum(p[x0] for x0 in allowed)
            rows[xt] = sum(p[x0] / total * joint[t, x0, :, xt] / law[t, x0, xt] for x0 in allowed)
    return rows


def laws_of_x0(num_states, seed=0):
    """Distributions on x_0: all states, one state left out (any), a single state, nearly flat."""
    rng = np.random.default_rng(seed)
    full = rng.dirichlet(np.ones(num_states))
    yield full
    for left_out in range(num_states):
        some = np.where(np.arange(num_states) == left_out, 0, full)
        yield some / some.sum()
    yield np.eye(num_states)[rng.integers(num_states)]


@every_chain
def test_reverse_equals_the_mixture_of_posteriors_over_paths(name):
    chain, _ = CHAINS[name]
    for t, p in product(times(name), laws_of_x0(chain.num_states)):
        due = reverse_by_paths(name, t, p)
        possible = ~np.isnan(due[:, 0])
        xt = torch.tensor(np.flatnonzero(possible))
        probs = torch.tensor(p).expand(len(xt), -1)
        assert_close(chain.reverse(xt, probs, t), due[possible])
        impossible = torch.tensor(np.flatnonzero(~possible))
        if len(impossible) and not isinstance(chain, AbsorbingTransition):
            with pytest.raises(ValueError, match=rf"cannot be reached, for {len(impossible)} of the tokens"):
                chain.reverse(impossible, torch.tensor(p).expand(len(impossible), -1), t)


@every_chain
def test_reverse_with_the_bayes_posterior_of_x0_runs_the_chain_backwards(name):
    # With p(x_0 | x_t) by Bayes, averaging over x_t gives q(x_{t-1}): what the reverse chain is for.
    chain, _ = CHAINS[name]
    _, law = path_sums(name)
    prior = np.random.default_rng(7).dirichlet(np.ones(chain.num_states))
    for t in times(name):
        joint = prior[:, None] * law[t]
        seen = np.flatnonzero(joint.sum(0))
        bayes = (joint / joint.sum(0, where=joint.sum(0) > 0, initial=1e-300))[:, seen].T
        bayes = bayes / bayes.sum(-1, keepdims=True)
        back = chain.reverse(torch.tensor(seen), torch.tensor(bayes), t).numpy()
        assert_close(joint.sum(0)[seen] @ back, prior @ law[t - 1])


# --- draws ----------------------------------------------------------------------------------------------------------

DRAWN = ["uniform K=5", "absorbing, mask inside, to the end", "matrices K=3", "ladder"]


@pytest.mark.parametrize("name", DRAWN)
def test_sample_has_the_law_of_the_marginal(name, device):
    chain, n = CHAINS[name][0], 4000
    chain = MatrixTransition(chain.step_matrix(torch.arange(1, chain.num_steps + 1)).to(device)) \
        if isinstance(chain, MatrixTransition) else chain
    _, law = path_sums(name)
    x0 = torch.arange(chain.num_states, device=device).expand(n, -1)
    for t in times(name, first=0):
        draws = chain.sample(x0, t, generator=seeded(device, seed=t))
        assert draws.device.type == device.type
        assert draws.dtype == torch.int64
        for state in range(chain.num_states):
            assert_counts(np.bincount(draws[:, state].cpu(), minlength=chain.num_states), law[t, state])


@pytest.mark.parametrize("name", ["uniform K=2", "absorbing, mask first", "matrices K=3", "ladder"])
def test_sample_path_draws_every_path_as_often_as_its_probability(name):
    # The joint law of the whole path, from one start: no independence between steps, no step out of order.
    chain, steps = CHAINS[name]
    start, n = 1, 20_000
    paths = chain.sample_path(torch.full((n,), start), generator=seeded())
    assert paths.shape == (chain.num_steps + 1, n)
    assert (paths[0] == start).all()
    counts = np.zeros([chain.num_states] * chain.num_steps)
    np.add.at(counts, tuple(paths[1:].numpy()), 1)
    due = np.zeros_like(counts)
    for path in np.ndindex(*due.shape):
        due[path] = math.prod(steps[t][b, a] for t, (a, b) in enumerate(zip((start, *path), path, strict=False)))
    assert_counts(counts, due)


@pytest.mark.parametrize("name", DRAWN)
def test_sample_path_has_the_joint_law_of_neighbouring_steps(name):
    chain, _ = CHAINS[name]
    joint, _ = path_sums(name)
    paths = chain.sample_path(torch.arange(chain.num_states).expand(4000, -1), generator=seeded(seed=1)).numpy()
    for t, state in product(times(name), range(chain.num_states)):
        counts = np.zeros_like(joint[t, state])
        np.add.at(counts, (paths[t - 1, :, state], paths[t, :, state]), 1)
        assert_counts(counts, joint[t, state])


@pytest.mark.parametrize("name", DRAWN)
def test_draws_follow_their_generator(name):
    chain, _ = CHAINS[name]
    x0 = torch.zeros(50, 4, dtype=torch.long)
    for draw in (lambda generator: chain.sample(x0, 2, generator=generator),
                 lambda generator: chain.sample_path(x0, generator=generator)):
        assert torch.equal(draw(seeded(seed=1)), draw(seeded(seed=1)))
        assert not torch.equal(draw(seeded(seed=1)), draw(seeded(seed=2)))


def test_absorbing_sample_keeps_tokens_and_masks_at_the_edges_of_u(monkeypatch):
    # A token is masked if u < lambda_t. u = 0 at t = 0 must keep it; lambda_1 = 1e-9 must tell u = 0.5e-9 from 2e-9,
    # and the largest u must be masked at t = T.
    chain, x0 = AbsorbingTransition(3, Schedule.geometric(3, 1e-9)), torch.tensor([0, 1])
    for u, t, due in [(0.0, 0, [0, 1]), (0.5e-9, 1, [2, 2]), (2e-9, 1, [0, 1]), (1 - 2**-53, 3, [2, 2])]:
        def rand(*_, u=u, dtype=None, **__):
            return torch.full((2,), u, dtype=dtype or torch.get_default_dtype())
        monkeypatch.setattr(torch, "rand", rand)
        assert chain.sample(x0, t).tolist() == due


# --- closed forms ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [name for name in CHAINS if name.startswith(("uniform", "absorbing"))])
def test_closed_forms_equal_the_general_chain_built_from_their_step_matrices(name):
    chain, steps = CHAINS[name]
    general = matrices(steps)
    states = torch.arange(chain.num_states)
    rng = np.random.default_rng(0)
    for t in times(name):
        assert_close(chain.cumulative_matrix(t), general.cumulative_matrix(t).numpy())
        # Pairs of matching states are reachable unless everything is masked by then.
        if float(chain.cumulative_matrix(t).diagonal().min()) > 0:
            probs = torch.tensor(rng.dirichlet(np.ones(chain.num_states), chain.num_states))
            assert_close(chain.posterior(states, states, t), general.posterior(states, states, t).numpy())
            assert_close(chain.reverse(states, probs, t), general.reverse(states, probs, t).numpy())
            assert_close(plug_in_reverse(chain, states, probs, t), plug_in_reverse(general, states, probs, t).numpy())


@pytest.mark.parametrize("make", [UniformTransition, AbsorbingTransition])
def test_closed_forms_build_no_matrix(make, monkeypatch):
    def refuse(*_):
        raise AssertionError("a K x K matrix was built")
    for method in ("step_matrix", "cumulative_matrix"):
        monkeypatch.setattr(make, method, refuse)
    num_states = 200_000  # K x K float64 numbers would take 320 GB
    chain = make(num_states, Schedule(BETAS))
    x0 = torch.tensor([[0, 199_999], [77, 5]])
    probs = torch.full((2, 2, num_states), 1 / num_states, dtype=DOUBLE)
    for t in (3, torch.tensor([2, 5])):
        xt = chain.sample(x0, t, generator=seeded())
        for got in (chain.marginal(x0, t), chain.step(x0, t), chain.posterior(xt, x0, t), chain.reverse(xt, probs, t),
                    plug_in_reverse(chain, xt, probs, t)):
            assert_close(got.sum(-1), np.ones((2, 2)))
    assert chain.sample_path(x0, generator=seeded()).shape == (6, 2, 2)
    assert chain.stationary().shape == (num_states,)


def test_beta_is_the_probability_of_being_resampled_not_of_changing():
    stay = UniformTransition(5, Schedule([0.4])).step_matrix(1).diagonal()  # 1 - beta (K-1)/K
    assert_close(stay, np.full(5, 1 - 0.4 * 4 / 5))


# --- t, states and shapes -------------------------------------------------------------------------------------------

def loop_over_tokens(function, shape, t):
    """function(index, t of that token, an int) for every index, stacked to `shape`."""
    rows = []
    for index in np.ndindex(*shape):
        at = t if isinstance(t, int) else int(t[index[:t.ndim]])
        rows.append(function(index, at))
    return torch.stack(rows).reshape(*shape, *rows[0].shape)


@pytest.mark.parametrize("name", ["uniform K=5", "absorbing K=5", "matrices K=5", "one matrix repeated"])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_batched_results_equal_looped_ones_for_every_form_of_t(name, dtype, device):
    chain, _ = CHAINS[name]
    if isinstance(chain, MatrixTransition):
        chain = MatrixTransition(chain.step_matrix(torch.arange(1, chain.num_steps + 1)).to(device))
    shape = (3, 2, 2)
    # Every x_t reachable at every t: for the absorbing chain a token or its mask.
    x0 = torch.randint(chain.num_states, shape, generator=seeded()).to(device, dtype)
    xt = chain.sample(x0, 5, generator=seeded(device)).to(dtype)
    p = torch.tensor(np.random.default_rng(0).dirichlet(np.ones(chain.num_states), shape), device=device)
    by_token = torch.randint(1, 6, shape, generator=seeded(seed=2))
    for t in (2, torch.tensor(5), by_token[:, 0, 0], by_token[:, :, 0], by_token):
        calls = {
            "marginal": (lambda t: chain.marginal(x0, t), lambda i, t: chain.marginal(x0[i], t)),
            "step": (lambda t: chain.step(x0, t), lambda i, t: chain.step(x0[i], t)),
            "posterior": (lambda t: chain.posterior(xt, x0, t), lambda i, t: chain.posterior(xt[i], x0[i], t)),
            "reverse": (lambda t: chain.reverse(xt, p, t), lambda i, t: chain.reverse(xt[i], p[i], t)),
            "plug-in": (lambda t: plug_in_reverse(chain, xt, p, t),
                        lambda i, t: plug_in_reverse(chain, xt[i], p[i], t)),
        }
        for label, (batched, single) in calls.items():
            for given_t in (t,) if isinstance(t, int) else (t.to(dtype), t.to(device, dtype)):  # on either device
                got = batched(given_t)
                assert got.device.type == device.type, label
                assert got.dtype == DOUBLE
                assert got.shape == (*shape, chain.num_states)
                torch.testing.assert_close(got, loop_over_tokens(single, shape, t), rtol=0, atol=1e-13)
        assert chain.sample(x0, t, generator=seeded(device)).shape == shape
    on_device = by_token.to(device)
    assert chain.step_matrix(on_device).device.type == chain.cumulative_matrix(on_device).device.type == device.type


def test_sampling_respects_the_t_of_every_row():
    chain = AbsorbingTransition(4, Schedule([0.5, 1.0]))
    x0 = torch.zeros(3, 1000, dtype=torch.long)
    masked = (chain.sample(x0, torch.tensor([0, 1, 2]), generator=seeded()) == 3).sum(-1).tolist()
    assert masked[0] == 0
    assert abs(masked[1] - 500) < 5 * math.sqrt(250)
    assert masked[2] == 1000


@pytest.mark.parametrize("name", ["uniform K=5", "matrices K=5"])
def test_posterior_broadcasts_x_t_against_x_0(name):
    chain, _ = CHAINS[name]
    states = torch.arange(5)
    table = chain.posterior(states[:, None], states[None, :], torch.tensor([1, 2, 3, 4, 5]).expand(5, 5))
    assert table.shape == (5, 5, 5)
    table = chain.posterior(states[:, None], states, 3)
    for xt, x0 in product(range(5), repeat=2):
        torch.testing.assert_close(table[xt, x0], chain.posterior(torch.tensor(xt), torch.tensor(x0), 3))


SMALL = {"uniform": UniformTransition(3, Schedule.linear(4)), "absorbing": AbsorbingTransition(3, Schedule.linear(4)),
         "matrices": MatrixTransition(torch.tensor(random_steps(3, 4, seed=0)))}
THIRDS = torch.full((2, 3), 1 / 3, dtype=DOUBLE)
STATES = torch.tensor([0, 2])
METHODS = {  # name: first allowed t, call
    "step_matrix": (1, lambda chain, t: chain.step_matrix(t)),
    "cumulative_matrix": (0, lambda chain, t: chain.cumulative_matrix(t)),
    "marginal": (0, lambda chain, t: chain.marginal(STATES, t)),
    "step": (1, lambda chain, t: chain.step(STATES, t)),
    "sample": (0, lambda chain, t: chain.sample(STATES, t)),
    "posterior": (1, lambda chain, t: chain.posterior(STATES, STATES, t)),
    "reverse": (1, lambda chain, t: chain.reverse(STATES, THIRDS, t)),
    "plug_in_reverse": (1, lambda chain, t: plug_in_reverse(chain, STATES, THIRDS, t)),
}


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("method", METHODS)
def test_t_that_is_no_step_is_a_value_error_that_names_it(kind, method):
    first, call = METHODS[method]
    chain = SMALL[kind]
    for bad in (first - 1, 5):
        for t in (bad, torch.tensor(bad), torch.tensor([1, bad])):
            with pytest.raises(ValueError, match=rf"t = {bad} is outside {first}\.\.4"):
                call(chain, t)
    for t, given_t in [(2.0, r"float 2\.0"), (True, "bool True"), (None, "None"), (torch.tensor([2.0, 2.0]), "float32"),
                       (torch.tensor([True, True]), "torch.bool")]:
        with pytest.raises(ValueError, match=rf"t must be an int or an integer tensor in \d\.\.4, got.*{given_t}"):
            call(chain, t)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("method", [name for name in METHODS if not name.endswith("_matrix")])
def test_t_whose_shape_does_not_lead_is_a_value_error_that_names_both_shapes(kind, method):
    for t in (torch.tensor([1, 2, 3]), torch.tensor([1]), torch.tensor([[1, 2]]), torch.tensor([[1], [2]])):
        with pytest.raises(ValueError, match=rf"\({t.shape[0]}.*\(2,\).*leading"):
            METHODS[method][1](SMALL[kind], t)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize(("x", "error", "message"), [
    (torch.tensor([0, 3]), ValueError, r"state 3.*num_states = 3.*0\.\.2.*mask counted"),
    (torch.tensor([-1, 0]), ValueError, "state -1"),
    (torch.tensor([0.0, 1.0]), TypeError, "float32"),
    (torch.tensor([True, False]), TypeError, "bool"),
])
def test_states_that_are_none_are_refused_by_every_method(kind, x, error, message):
    chain, good = SMALL[kind], STATES
    for call in (lambda: chain.marginal(x, 1), lambda: chain.step(x, 1), lambda: chain.sample(x, 1),
                 lambda: chain.posterior(x, good, 1), lambda: chain.posterior(good, x, 1),
                 lambda: chain.reverse(x, THIRDS, 1), lambda: plug_in_reverse(chain, x, THIRDS, 1),
                 lambda: carry_over(torch.zeros(2, 3), x, 2)):
        with pytest.raises(error, match=message):
            call()
    if error is ValueError:
        with pytest.raises(error, match=message):
            chain.sample_path(x)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("x", [torch.tensor([0.7, 1.2]), torch.tensor([True, False])])
def test_states_that_are_no_integers_are_refused_by_sample_path(kind, x):
    with pytest.raises(TypeError, match="integer tensor"):
        SMALL[kind].sample_path(x)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_matrix_transition_takes_t_of_every_integer_dtype(dtype):
    chain, x, t = SMALL["matrices"], torch.tensor([0, 1, 2, 2]), torch.tensor([1, 2, 3, 4])
    p = torch.full((4, 3), 1 / 3, dtype=DOUBLE)
    for call in (chain.marginal, chain.step, lambda x, t: chain.posterior(x, x, t),
                 lambda x, t: chain.reverse(x, p, t), lambda x, t: chain.sample(x, t, generator=seeded())):
        assert torch.equal(call(x, t.to(dtype)), call(x, t))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16])
def test_closed_forms_take_t_of_every_integer_dtype(dtype):
    x, t = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 2, 3, 4])
    for chain in (UniformTransition(3, Schedule(BETAS)), AbsorbingTransition(3, Schedule(BETAS))):
        assert torch.equal(chain.marginal(x, t.to(dtype)), chain.marginal(x, t))
        assert torch.equal(chain.posterior(x, x, t.to(dtype)), chain.posterior(x, x, t))


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize(("probs", "error", "message"), [
    (torch.full((3,), 1 / 3), ValueError, r"shape \(2, 3\).*xt of shape \(2,\).*num_states = 3.*got \(3,\)"),
    (torch.full((2, 2), 1 / 2), ValueError, r"shape \(2, 3\).*got \(2, 2\)"),
    (torch.zeros(2, 3), ValueError, "x0_probs sums to 0"),
    (torch.tensor([[2.0, -1.0, 0.0]] * 2), ValueError, "x0_probs holds a negative.*logits"),
    (torch.full((2, 3), math.nan), ValueError, "x0_probs holds NaN"),
    (torch.ones(2, 3, dtype=torch.long), TypeError, "x0_probs.*int64"),
])
def test_x0_probs_that_are_none_are_refused(kind, probs, error, message):
    for reverse in (SMALL[kind].reverse, lambda *args: plug_in_reverse(SMALL[kind], *args)):
        with pytest.raises(error, match=message):
            reverse(STATES, probs, 2)


@pytest.mark.parametrize("kind", SMALL)
def test_no_states_are_no_error(kind):
    chain, none = SMALL[kind], torch.zeros(0, 2, dtype=torch.long)
    assert chain.marginal(none, 1).shape == chain.posterior(none, none, 1).shape == (0, 2, 3)
    assert chain.reverse(none, torch.zeros(0, 2, 3), torch.zeros(0, dtype=torch.long)).shape == (0, 2, 3)
    assert chain.sample(none, 2).shape == (0, 2)
    assert chain.sample_path(none).shape == (5, 0, 2)


@pytest.mark.parametrize("kind", SMALL)
def test_a_chain_shares_no_memory_with_what_comes_in_or_goes_out(kind):
    chain = SMALL[kind]
    for call in (lambda: chain.step_matrix(2), lambda: chain.cumulative_matrix(2), lambda: chain.cumulative_matrix(0),
                 lambda: chain.marginal(STATES, 2), lambda: chain.step(STATES, 2),
                 *([chain.stationary] if kind != "matrices" else [])):
        before = call().clone()
        call().zero_()
        assert torch.equal(call(), before)
    x, t, p = STATES.clone(), torch.tensor([2, 3]), THIRDS.clone()
    chain.reverse(x, p, t)
    plug_in_reverse(chain, x, p, t)
    chain.posterior(x, x, t)
    chain.sample_path(x).zero_()
    assert torch.equal(x, STATES)
    assert t.tolist() == [2, 3]
    assert torch.equal(p, THIRDS)


# --- constructors ---------------------------------------------------------------------------------------------------

ONE = Schedule.linear(1)
ROWS = torch.tensor([[0.9, 0.1], [0.5, 0.5]])  # rows sum to 1, columns do not
GOOD = ROWS.T
BAD_CHAINS = {
    "one state": (lambda: UniformTransition(1, ONE), ValueError, "int >= 2, got 1"),
    "2.0 states": (lambda: UniformTransition(2.0, ONE), ValueError, r"got 2\.0"),
    "True states": (lambda: AbsorbingTransition(True, ONE), ValueError, "got True"),
    "betas, not a schedule": (lambda: UniformTransition(3, [0.5]), TypeError, "Schedule.*list.*Schedule\\(beta\\)"),
    "mask outside": (lambda: AbsorbingTransition(3, ONE, mask_id=3), ValueError, r"0\.\.2, got 3.*V \+ 1"),
    "mask negative": (lambda: AbsorbingTransition(3, ONE, mask_id=-1), ValueError, r"0\.\.2, got -1"),
    "mask True": (lambda: AbsorbingTransition(3, ONE, mask_id=True), ValueError, "got True"),
    "rows": (lambda: MatrixTransition(ROWS, 2), ValueError, "every column.*its rows do.*transpose"),
    "rows, stacked": (lambda: MatrixTransition(torch.stack([GOOD, ROWS])), ValueError, "every column"),
    "neither": (lambda: MatrixTransition(torch.full((2, 2), 0.4), 2), ValueError, r"every column.*must sum to 1$"),
    "negative": (lambda: MatrixTransition(torch.tensor([[1.5, 0.5], [-0.5, 0.5]]), 2), ValueError, "none negative"),
    "NaN": (lambda: MatrixTransition(torch.full((2, 2), math.nan), 2), ValueError, "finite"),
    "integers": (lambda: MatrixTransition(torch.eye(2, dtype=torch.long), 2), ValueError, "floating-point"),
    "not square": (lambda: MatrixTransition(torch.full((3, 2), 1 / 3), 2), ValueError, r"\(K, K\).*\(3, 2\)"),
    "a vector": (lambda: MatrixTransition(torch.ones(3)), ValueError, r"got shape \(3,\)"),
    "no steps": (lambda: MatrixTransition(torch.zeros(0, 2, 2)), ValueError, r"got shape \(0, 2, 2\)"),
    "a list": (lambda: MatrixTransition([[1.0]]), ValueError, "got list"),
    "how often": (lambda: MatrixTransition(GOOD), ValueError, "needs num_steps.*got None"),
    "0 times": (lambda: MatrixTransition(GOOD, num_steps=0), ValueError, "num_steps.*got 0"),
    "2.0 times": (lambda: MatrixTransition(GOOD, num_steps=2.0), ValueError, r"num_steps.*got 2\.0"),
    "contradiction": (lambda: MatrixTransition(torch.stack([GOOD] * 3), num_steps=2), ValueError,
                      "3 matrices were given, but num_steps = 2"),
}


@pytest.mark.parametrize("name", BAD_CHAINS)
def test_impossible_chains_are_refused_with_the_reason(name):
    make, error, message = BAD_CHAINS[name]
    with pytest.raises(error, match=message):
        make()


def test_matrix_transition_copies_its_matrices_and_may_be_told_their_number():
    given_matrices = torch.tensor(random_steps(3, 2, seed=0))
    chain = MatrixTransition(given_matrices, num_steps=2)
    due = given_matrices.clone()
    given_matrices.zero_()
    assert_close(chain.step_matrix(torch.tensor([1, 2])), due.numpy(), 1e-15)
    assert_close(chain.step(torch.tensor([0]), 1)[0], due[0, :, 0].numpy(), 1e-15)


def test_mask_id_is_the_last_state_unless_given():
    assert AbsorbingTransition(4, ONE).mask_id == 3
    assert AbsorbingTransition(4, ONE, mask_id=0).mask_id == 0


def test_float32_matrices_are_held_in_float64():
    chain = MatrixTransition(torch.tensor(random_steps(4, 3, seed=0), dtype=torch.float32))
    assert chain.step_matrix(1).dtype == chain.marginal(torch.tensor([0]), 3).dtype == DOUBLE


def test_a_long_chain_of_float32_matrices_keeps_its_mass():
    step = torch.tensor(random_steps(4, 1, seed=0)[0], dtype=torch.float32)
    chain = MatrixTransition(step * (1 - 1e-6), num_steps=50)  # the columns are off by 1e-6: accepted
    chain.sample(torch.arange(4), 50, generator=seeded())
    assert_close(chain.marginal(torch.arange(4), 50).sum(-1), np.ones(4))


@pytest.mark.parametrize("kind", SMALL)
def test_repr_names_the_kind_and_the_sizes(kind):
    assert repr(SMALL[kind]).startswith(f"{type(SMALL[kind]).__name__}(num_states=3")


def test_doctests_pass():
    results = doctest.testmod(transition)
    assert results.attempted > 0
    assert results.failed == 0


# --- stationary -----------------------------------------------------------------------------------------------------

def power_iteration(step, rounds=5000):
    pi = np.full(len(step), 1 / len(step))
    for _ in range(rounds):
        pi = step @ pi
    return pi


def test_stationary_of_uniform_and_absorbing():
    assert_close(UniformTransition(4, Schedule(BETAS)).stationary(), np.full(4, 1 / 4), 0)
    assert_close(AbsorbingTransition(4, Schedule(BETAS)).stationary(), [0, 0, 0, 1], 0)
    assert_close(AbsorbingTransition(4, Schedule(BETAS), mask_id=1).stationary(), [0, 1, 0, 0], 0)


@pytest.mark.parametrize(("num_states", "seed"), [(2, 0), (3, 1), (5, 2), (5, 3)])
def test_stationary_of_one_repeated_matrix_is_the_limit_of_power_iteration(num_states, seed):
    step = random_steps(num_states, 1, seed)[0]
    assert_close(MatrixTransition(torch.tensor(step), num_steps=3).stationary(), power_iteration(step))


def test_stationary_is_found_where_different_steps_share_it():
    base = random_steps(4, 1, seed=4)[0]
    pi = power_iteration(base)
    lazy = np.stack([(1 - b) * np.eye(4) + b * base for b in (0.3, 0.9, 0.0, 0.5)])  # one step does nothing
    assert_close(matrices(lazy).stationary(), pi)
    assert_close(matrices(absorbing_steps(4, BETAS, 2)).stationary(), [0, 0, 1, 0])
    assert_close(matrices(uniform_steps(4, BETAS)).stationary(), np.full(4, 1 / 4))
    # Two matrices that differ and do not commute, but are both doubly stochastic: uniform is shared.
    cycles = np.stack([np.eye(4)[[1, 2, 3, 0]], np.eye(4)[[2, 1, 3, 0]]])
    assert_close(matrices(cycles).stationary(), np.full(4, 1 / 4))
    # Periodic: no limit, but one stationary law. Transient states get nothing.
    assert_close(MatrixTransition(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), num_steps=2).stationary(), [0.5, 0.5])
    assert_close(matrices(ladder_steps(5, 3, seed=4)).stationary(), [0, 0, 0, 0, 1])


CLASSES = np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.2, 0.7], [0.0, 0.0, 0.8, 0.3]])


@pytest.mark.parametrize(("steps", "message"), [
    (np.eye(3)[None], "more than one"),
    (CLASSES[None], "more than one"),
    (np.stack([CLASSES, np.eye(4)]), "more than one"),
    (random_steps(3, 2, seed=0), "no distribution is stationary for all steps"),
    (np.concatenate([uniform_steps(3, [0.5]), absorbing_steps(3, [0.5], 2)]), "no distribution"),
    (np.concatenate([absorbing_steps(3, [0.5], 1), absorbing_steps(3, [0.5], 2)]), "no distribution"),
])
def test_stationary_that_is_not_unique_or_not_shared_is_an_error(steps, message):
    with pytest.raises(ValueError, match=message):
        matrices(steps).stationary()


def test_stationary_of_float32_matrices():
    step = random_steps(4, 1, seed=0)[0]
    chain = MatrixTransition(torch.tensor(step, dtype=torch.float32), num_steps=3)
    assert_close(chain.stationary(), power_iteration(step), 1e-6)


def test_a_chain_that_stops_corrupting_never_reaches_its_stationary_law():
    # beta_t = 1/(t+1)^2: alpha_bar tends to 1/2, so half of the mass stays at x_0.
    schedule = Schedule([1 / (t + 1) ** 2 for t in range(1, 2001)])
    for chain in (UniformTransition(3, schedule), AbsorbingTransition(3, schedule)):
        law, pi = chain.marginal(torch.tensor(0), 2000), chain.stationary()
        assert_close(law, 0.5 * np.array([1, 0, 0]) + 0.5 * pi.numpy(), 1e-3)
        assert float((law - pi).abs().max()) > 0.3
    enough = AbsorbingTransition(3, Schedule.constant(0.1, 500))
    assert_close(enough.marginal(torch.tensor(0), 500), enough.stationary().numpy())


# --- AbsorbingTransition.reverse ------------------------------------------------------------------------------------

@pytest.mark.parametrize("mask_id", [0, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_absorbing_reverse_reveals_masked_tokens_at_rate_rho_and_keeps_visible_ones(mask_id, dtype, device):
    chain = AbsorbingTransition(4, Schedule(ENDS), mask_id=mask_id)
    xt = torch.tensor([[0, 1, 2, 3], [mask_id] * 4], device=device)
    p = torch.tensor(np.random.default_rng(0).dirichlet(np.ones(4), (2, 4)), device=device, dtype=dtype)  # mask too
    kept = 1.0
    for t, beta in enumerate(ENDS, start=1):
        before, kept = kept, kept * (1 - beta)
        rho = beta * before / (1 - kept)
        due = np.eye(4)[xt.cpu()]
        for index in np.ndindex(2, 4):
            if int(xt[index]) == mask_id:
                due[index] = rho * p[index].double().cpu().numpy() + (1 - rho) * np.eye(4)[mask_id]
        for given_t in (t, torch.tensor([t, t], device=device)):
            got = chain.reverse(xt, p, given_t)
            assert got.device.type == device.type
            assert got.dtype == DOUBLE
            assert_close(got, due, 1e-6 if dtype == torch.float32 else 1e-10)
            assert_close(got.sum(-1), np.ones((2, 4)), 1e-15)  # float32 probabilities are renormalised


def test_absorbing_reverse_keeps_a_clamped_template_even_where_the_chain_would_not():
    # At t = T the chain has masked everything, and p may exclude what is seen: a visible token stays all the same.
    chain = AbsorbingTransition(3, Schedule.linear(4))
    template = torch.tensor([0, 1])
    excluded = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    for t in (1, 2, 4):
        assert chain.reverse(template, excluded, t).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_absorbing_reverse_of_the_first_step_reveals_everything():
    probs = torch.tensor([[0.25, 0.75, 0.0]], dtype=DOUBLE)
    assert AbsorbingTransition(3, Schedule.linear(4)).reverse(torch.tensor([2]), probs, 1).tolist() == probs.tolist()


def test_absorbing_reverse_is_never_negative():
    chain = AbsorbingTransition(3, Schedule([0.25, 0.5]))
    back = chain.reverse(torch.tensor([2]), torch.tensor([[0.5, 0.5, 0.0]]), 1)
    assert (back >= 0).all()
    assert int(sample(back)) < 2


def test_byte_tokens_are_not_taken_for_a_mask_beyond_their_dtype():
    # Bytes as tokens and the mask as number 257: the first vocabulary one thinks of.
    x, probs = torch.tensor([0], dtype=torch.uint8), torch.full((1, 257), 1 / 257, dtype=DOUBLE)
    assert int(AbsorbingTransition(257, ONE).reverse(x, probs, 1).argmax()) == 0
    assert carry_over(torch.zeros(1, 257), x, 256).isfinite().nonzero().tolist() == [[0, 0]]


# --- plug_in_reverse ------------------------------------------------------------------------------------------------

def test_plug_in_counts_x_t_twice_under_the_uniform_chain():
    # By hand: K = 2, beta = 1/2 twice, x_2 = 0. Q = [[3, 1], [1, 3]]/4, Q_{1:2} = [[5, 3], [3, 5]]/8, so for a fair x_0
    # p(x_0 | x_2) = (5/8, 3/8). Posteriors: x_0 = 0 gives (9, 1)/10, x_0 = 1 gives (1, 1)/2. The mixture is
    # (9/16 + 3/16, ...) = (3/4, 1/4), which is Bayes. Plug-in: (3/4, 1/4) * Q p = (3 * 18, 1 * 14)/128, so (27, 7)/34.
    chain, xt = UniformTransition(2, Schedule([0.5, 0.5])), torch.tensor(0)
    bayes = torch.tensor([5 / 8, 3 / 8], dtype=DOUBLE)
    assert_close(chain.reverse(xt, bayes, 2), [3 / 4, 1 / 4], 1e-15)
    assert_close(plug_in_reverse(chain, xt, bayes, 2), [27 / 34, 7 / 34], 1e-15)
    # p(x_0) without x_2, the leave-one-out of a single token, puts plug-in right.
    assert_close(plug_in_reverse(chain, xt, torch.tensor([0.5, 0.5], dtype=DOUBLE), 2), [3 / 4, 1 / 4], 1e-15)


@pytest.mark.parametrize("name", ["uniform to the end", "matrices K=3", "absorbing, mask first"])
def test_mixture_with_p_given_all_and_plug_in_with_leave_one_out_are_exact_for_two_tokens(name):
    chain, _ = CHAINS[name]
    joint, law = path_sums(name)
    states = range(3)
    data = np.random.default_rng(5).dirichlet(np.full(9, 0.4)).reshape(3, 3)  # p(x_0^1, x_0^2), dependent
    if isinstance(chain, AbsorbingTransition):
        data[chain.mask_id], data[:, chain.mask_id] = 0, 0  # the mask is no data
        data /= data.sum()
    largest = 0.0
    for t, a, b in product(times(name), states, states):  # X_t = (a, b)
        exact, given_all, given_other = np.zeros(3), np.zeros(3), np.zeros(3)
        for u, v in product(states, states):
            exact += data[u, v] * joint[t, u, :, a] * law[t, v, b]
            given_all[u] += data[u, v] * law[t, u, a] * law[t, v, b]
            given_other[u] += data[u, v] * law[t, v, b]
        if exact.sum() < 1e-12:
            continue
        exact, given_all, given_other = (weights / weights.sum() for weights in (exact, given_all, given_other))
        xt = torch.tensor(a)
        assert_close(chain.reverse(xt, torch.tensor(given_all), t), exact)
        assert_close(plug_in_reverse(chain, xt, torch.tensor(given_other), t), exact)
        largest = max(largest, np.abs(plug_in_reverse(chain, xt, torch.tensor(given_all), t).numpy() - exact).max())
    assert largest < 1e-10 if name.startswith("absorbing") else largest > 0.02


@pytest.mark.parametrize("mask_id", [0, 3])
def test_plug_in_equals_the_mixture_under_absorbing_once_logits_are_carried_over(mask_id):
    chain = AbsorbingTransition(4, Schedule(BETAS), mask_id=mask_id)
    xt = torch.tensor([0, 1, 2, 3, mask_id])
    logits = torch.randn(5, 4, dtype=DOUBLE, generator=seeded())
    probs = carry_over(logits, xt, mask_id).softmax(-1)
    for t in range(1, 6):
        assert_close(plug_in_reverse(chain, xt, probs, t), chain.reverse(xt, probs, t).numpy())
    # Mass on the mask breaks it: plug-in weighs the mask by 1, the data states by their chance to be masked.
    leaky = logits.softmax(-1)
    masked = slice(4, 5)
    apart = plug_in_reverse(chain, xt[masked], leaky[masked], 3) - chain.reverse(xt[masked], leaky[masked], 3)
    assert float(apart.abs().max()) > 0.01


def test_plug_in_of_an_impossible_x_t_is_an_error():
    chain = AbsorbingTransition(3, Schedule.linear(2))
    with pytest.raises(ValueError, match="cannot be reached, for 1 of the tokens"):
        plug_in_reverse(chain, torch.tensor([0, 2]), torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), 2)


# --- carry_over -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mask_id", [0, 1, 3])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, DOUBLE])
def test_carry_over_keeps_what_is_seen_and_never_predicts_the_mask(mask_id, dtype, device):
    xt = torch.tensor([[0, 1, 2, 3], [mask_id] * 4], device=device)
    logits = torch.randn(2, 4, 4, generator=seeded()).to(device, dtype)
    before = logits.clone()
    got = carry_over(logits, xt, mask_id)
    assert got.dtype == dtype
    assert got.device.type == device.type
    assert torch.equal(logits, before)  # not mutated
    probs = got.double().softmax(-1).cpu()
    for index in np.ndindex(2, 4):
        state = int(xt[index])
        due = np.eye(4)[state]
        if state == mask_id:  # the softmax over the other states
            weights = [0.0 if k == mask_id else math.exp(value) for k, value in enumerate(logits[index].tolist())]
            due = np.array(weights) / sum(weights)
        assert_close(probs[index], due, 1e-12)
        excluded = [k for k in range(4) if due[k] == 0]
        assert (got[index][excluded] == -torch.inf).all()


def test_carry_over_does_not_mind_what_the_denoiser_says_where_it_does_not_count():
    xt, mask_id = torch.tensor([1, 2]), 2
    for nonsense in (-torch.inf, torch.inf, torch.nan, 1e30):
        logits = torch.tensor([[0.0, nonsense, nonsense],   # a visible token
                               [1.0, 2.0, nonsense]])       # a masked one: its logit of the mask
        probs = carry_over(logits, xt, mask_id).softmax(-1)
        assert probs[0].tolist() == [0, 1, 0]
        assert_close(probs[1].double(), [*np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum(), 0], 1e-6)


def test_gradients_through_carry_over_are_those_of_a_softmax_over_the_data_states():
    xt, mask_id, target = torch.tensor([0, 3, 3, 1]), 3, torch.tensor([0, 2, 0, 1])
    logits = torch.randn(4, 4, dtype=DOUBLE, generator=seeded())
    logits[0, 0] = -torch.inf  # a visible token the denoiser rules out
    logits.requires_grad_()
    loss = -carry_over(logits, xt, mask_id).log_softmax(-1).gather(-1, target[:, None]).sum()
    loss.backward()
    due = np.zeros((4, 4))
    for row in (1, 2):  # the masked ones
        weights = np.exp(logits[row, :3].detach().numpy())
        due[row, :3] = weights / weights.sum()
        due[row, int(target[row])] -= 1
    assert math.isfinite(loss.item())
    assert_close(logits.grad, due, 1e-14)


@pytest.mark.parametrize(("logits", "xt", "mask_id", "error", "message"), [
    (torch.zeros(2, 3), torch.tensor([0]), 2, ValueError, r"\(1,\) \+ \(K,\), got \(2, 3\)"),
    (torch.zeros(3), torch.tensor([0, 1, 2]), 2, ValueError, r"\(3,\) \+ \(K,\), got \(3,\)"),
    (torch.tensor(0.0), torch.tensor(0), 0, ValueError, r"got \(\)"),
    (torch.zeros(2, 3), torch.tensor([0, 1]), 3, ValueError, r"0\.\.2, got 3"),
    (torch.zeros(2, 3), torch.tensor([0, 1]), -1, ValueError, r"0\.\.2, got -1"),
    (torch.zeros(2, 3), torch.tensor([0, 3]), 2, ValueError, "xt holds the state 3"),
    (torch.zeros(2, 3), torch.tensor([0.0, 1.0]), 2, TypeError, "xt must be an integer"),
])
def test_carry_over_refuses_what_does_not_fit(logits, xt, mask_id, error, message):
    with pytest.raises(error, match=message):
        carry_over(logits, xt, mask_id)


# --- any chain, any shape -------------------------------------------------------------------------------------------

@st.composite
def situations(draw):
    """A random chain of any kind, with states, probabilities and a t that fit it."""
    num_states, num_steps = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    kind = draw(st.sampled_from(["uniform", "absorbing", "matrices", "zeros", "one matrix"]))
    if kind in ("uniform", "absorbing"):
        schedule = Schedule.from_mask_rate(np.cumsum(rng.dirichlet(np.ones(num_steps + 1)))[:-1] + 1e-9)
        chain = UniformTransition(num_states, schedule) if kind == "uniform" else \
            AbsorbingTransition(num_states, schedule, mask_id=int(rng.integers(num_states)))
    else:
        columns = rng.dirichlet(np.ones(num_states), (num_steps, num_states))
        if kind == "zeros":
            columns = np.where(columns >= columns.max(-1, keepdims=True) / 3, columns, 0)
            columns = columns / columns.sum(-1, keepdims=True)
        steps = torch.tensor(columns.swapaxes(1, 2))
        chain = MatrixTransition(steps[0], num_steps) if kind == "one matrix" else MatrixTransition(steps)
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    x0 = torch.tensor(rng.integers(num_states, size=shape), dtype=draw(st.sampled_from([torch.uint8, torch.int32,
                                                                                        torch.int64])))
    leading = draw(st.integers(-1, len(shape)))
    t = torch.tensor(rng.integers(1, num_steps + 1, size=shape[:max(leading, 0)]))
    p = torch.tensor(rng.dirichlet(np.ones(num_states), shape).reshape(*shape, num_states),
                     dtype=draw(st.sampled_from([torch.float32, DOUBLE])))
    return chain, x0, int(t) if leading == -1 else t, p


@given(situations())
def test_columns_sum_to_1_and_steps_compose(situation):
    chain, _, t, _ = situation
    step, before, after = chain.step_matrix(t), chain.cumulative_matrix(t - 1), chain.cumulative_matrix(t)
    lead = tuple(t.shape) if isinstance(t, torch.Tensor) else ()
    for matrix in (step, before, after):
        assert matrix.shape == (*lead, chain.num_states, chain.num_states)
        assert (matrix >= 0).all()
        assert_close(matrix.sum(-2), np.ones((*lead, chain.num_states)), 1e-12)
    assert_close(step @ before, after.numpy(), 1e-12)


@given(situations())
def test_rows_of_every_method_are_distributions_of_the_right_shape_and_dtype(situation):
    chain, x0, t, p = situation
    xt = chain.sample(x0, t, generator=seeded())
    assert xt.shape == x0.shape
    assert xt.dtype == torch.int64
    marginal = chain.marginal(x0, t)
    assert (marginal.gather(-1, xt[..., None]) > 0).all()
    for got in (marginal, chain.step(x0, t), chain.posterior(xt, x0, t), chain.posterior(xt.to(x0.dtype), x0, t),
                chain.reverse(xt, p, t)):
        assert got.dtype == DOUBLE
        assert got.shape == (*x0.shape, chain.num_states)
        assert (got >= 0).all()
        assert_close(got.sum(-1), np.ones(x0.shape), 1e-12)
    path = chain.sample_path(x0, generator=seeded())
    assert path.shape == (chain.num_steps + 1, *x0.shape)
    assert path.dtype == torch.int64
    for s in range(1, chain.num_steps + 1):
        assert (chain.step(path[s - 1], s).gather(-1, path[s][..., None]) > 0).all()


@given(situations())
def test_posteriors_averaged_over_x_t_give_the_earlier_marginal(situation):
    chain, x0, t, _ = situation
    marginal = chain.marginal(x0, t)
    total = torch.zeros_like(marginal)
    for state in range(chain.num_states):
        weight = marginal[..., state]
        # Where this state cannot be reached, one that can stands in, with weight 0.
        xt = torch.where(weight > 0, state, marginal.argmax(-1))
        total += weight[..., None] * chain.posterior(xt, x0, t)
    assert_close(total, chain.marginal(x0, t - 1).numpy(), 1e-12)


@given(situations())
def test_reverse_of_a_sure_x_0_is_the_posterior(situation):
    chain, x0, t, _ = situation
    xt = chain.sample(x0, t, generator=seeded())
    sure = torch.nn.functional.one_hot(x0.long(), chain.num_states).double()
    assert_close(chain.reverse(xt, sure, t), chain.posterior(xt, x0, t).numpy(), 1e-12)
    assert_close(plug_in_reverse(chain, xt, sure, t), chain.posterior(xt, x0, t).numpy(), 1e-12)


@given(situations(), st.integers(0, 5))
def test_carry_over_keeps_shape_and_gives_distributions(situation, mask_id):
    chain, xt, _, p = situation
    mask_id = min(mask_id, chain.num_states - 1)
    probs = carry_over(p.log(), xt, mask_id).softmax(-1)
    assert probs.shape == p.shape
    assert probs.dtype == p.dtype
    assert_close(probs.sum(-1).double(), np.ones(xt.shape), 1e-6)
    assert (probs[..., mask_id] == 0).all()
    visible = xt != mask_id
    assert (probs[visible].argmax(-1) == xt[visible]).all()
    assert (probs[visible].amax(-1) == 1).all()


# --- numbers of any make --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value", [1, *NO_COUNTS], ids=repr)
@pytest.mark.parametrize("make", [UniformTransition, AbsorbingTransition])
def test_a_number_of_states_that_is_none_is_refused(make, value):
    with pytest.raises(ValueError, match="num_states must be an int >= 2"):
        make(value, ONE)


@pytest.mark.parametrize("value", [value for value in NO_COUNTS if value is not None and value != 0], ids=repr)
def test_a_mask_that_is_no_state_is_refused(value):
    for call in (lambda: AbsorbingTransition(3, ONE, mask_id=value),
                 lambda: carry_over(torch.zeros(2, 3), STATES, value)):
        with pytest.raises(ValueError, match=r"mask_id must be one of the states 0\.\.2, got"):
            call()


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_a_number_of_steps_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="num_steps"):
        MatrixTransition(GOOD, num_steps=value)


@pytest.mark.parametrize("make", INTS)
def test_states_masks_and_steps_are_integers_of_any_make(make):
    assert torch.equal(AbsorbingTransition(make(3), ONE, make(1)).step_matrix(1),
                       AbsorbingTransition(3, ONE, 1).step_matrix(1))
    assert torch.equal(MatrixTransition(GOOD, make(2)).cumulative_matrix(2),
                       MatrixTransition(GOOD, 2).cumulative_matrix(2))
    assert torch.equal(carry_over(torch.zeros(2, 3), STATES, make(2)), carry_over(torch.zeros(2, 3), STATES, 2))


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", SMALL)
def test_t_is_an_integer_of_any_make(kind, method, make):
    call = METHODS[method][1]
    torch.manual_seed(0)
    due = call(SMALL[kind], 2)
    torch.manual_seed(0)
    assert torch.equal(call(SMALL[kind], make(2)), due)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
@pytest.mark.parametrize("kind", SMALL)
def test_states_of_fewer_bytes_do_in_every_method(kind, dtype):
    chain, small = SMALL[kind], STATES.to(dtype)
    for call in (lambda x: chain.marginal(x, 2), lambda x: chain.step(x, 2), lambda x: chain.likelihood(x, 2),
                 lambda x: chain.reverse(x, THIRDS, 2), lambda x: plug_in_reverse(chain, x, THIRDS, 2),
                 lambda x: chain.posterior(x, x, 2), lambda x: chain.sample(x, 2, generator=seeded()),
                 lambda x: chain.sample_path(x, generator=seeded()), lambda x: carry_over(torch.zeros(2, 3), x, 2)):
        assert torch.equal(call(small), call(STATES))
