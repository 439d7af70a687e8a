"""categorical.py against numpy and plain loops; what importing the package promises."""

import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS

from dlm_course import cross_entropy, entropy, kl, one_hot, sample
from dlm_course.chain import categorical

FLOATS = [torch.float32, torch.float64]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
DOUBLE = torch.float64


def seeded(device="cpu", seed=0):
    return torch.Generator(device).manual_seed(seed)


def probs_of(rows, dtype=DOUBLE, device="cpu"):
    return torch.tensor(rows, dtype=dtype, device=device)


def fix_uniforms(monkeypatch, u):
    """Let torch.rand return `u` everywhere: edges that chance would show once in 2^53 draws."""
    def rand(*size, dtype=None, **_):
        assert dtype is DOUBLE, "the docstring promises float64 uniforms"
        return torch.full(size[0] if isinstance(size[0], tuple | torch.Size) else size, u, dtype=dtype)
    monkeypatch.setattr(torch, "rand", rand)


def assert_counts(draws, probs):
    """Every state as often as due, within 5 standard errors; a state of probability 0 never."""
    draws, n = draws.flatten().tolist(), draws.numel()
    for state, p in enumerate(probs):
        count = draws.count(state)
        assert abs(count - n * p) <= 5 * math.sqrt(n * p * (1 - p)), (state, count, n * p)
        assert p > 0 or count == 0


def test_doctests_pass():
    assert doctest.testmod(categorical).failed == 0


# --- one_hot --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("states", INTEGERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_one_hot_has_a_single_1_where_the_state_is(states, dtype):
    x = torch.tensor([[0, 2, 1], [3, 3, 0]], dtype=states)
    hot = one_hot(x, 4, dtype=dtype)
    assert hot.dtype == dtype
    assert hot.tolist() == [[[float(k == state) for k in range(4)] for state in row] for row in x.tolist()]
    assert one_hot(x[0, 1], 4).tolist() == [0, 0, 1, 0]  # a single state, without dimensions
    assert one_hot(x, 4).dtype == DOUBLE


def test_one_hot_of_small_integers_does_not_wrap_around():
    assert one_hot(torch.tensor([44], dtype=torch.uint8), 301).nonzero().tolist() == [[0, 44]]  # 300 is 44 in uint8


@pytest.mark.parametrize(("x", "error", "message"), [
    (torch.tensor([0.0, 1.0]), TypeError, "float32.*argmax"),
    (torch.tensor([True]), TypeError, "bool"),
    (torch.tensor([1j]), TypeError, "complex"),
    ([0, 1], TypeError, "list"),
    (torch.tensor([0, 3]), ValueError, r"state 3.*0\.\.2.*mask"),
    (torch.tensor([-1, 0]), ValueError, r"state -1.*0\.\.2"),
])
def test_one_hot_names_what_is_wrong_with_a_state(x, error, message):
    with pytest.raises(error, match=message):
        one_hot(x, 3)


# --- sample ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", [[0.2, 0.5, 0.3], [0.0, 0.7, 0.0, 0.3], [0.0, 0.0, 1.0], [1.0, 0.0], [1.0]])
def test_sample_draws_every_state_as_often_as_due_and_none_of_probability_0(row, dtype, device):
    draws = sample(probs_of(row, dtype, device).expand(20_000, -1), generator=seeded(device))
    assert draws.device.type == device.type
    assert draws.dtype == torch.int64
    assert draws.shape == (20_000,)
    assert_counts(draws, row)


def test_sample_draws_rows_independently_each_from_its_own_distribution():
    rows = [[0.9, 0.1, 0.0], [0.0, 0.5, 0.5]]
    draws = sample(probs_of(rows).expand(20_000, 2, 3), generator=seeded())
    joint = [p * q for p in rows[0] for q in rows[1]]
    assert_counts(draws[:, 0] * 3 + draws[:, 1], joint)


@pytest.mark.parametrize(("row", "u", "due"), [
    ([0.0, 1.0], 0.0, 1),                     # x = min {k : u < p_0 + ... + p_k}: "<=" would draw state 0
    ([0.0, 0.0, 0.5, 0.5], 0.0, 2),
    ([0.5, 0.0, 0.5], 0.5, 2),                # on the edge between two states, over one that must not come
    ([0.5, 0.5, 0.0], 0.5, 1),
    ([0.25, 0.75], 0.25 - 2**-54, 0),
    ([1.0, 0.0], 1 - 2**-53, 0),
    ([0.1] * 10 + [0.0], 1 - 2**-53, 9),      # ten times 0.1 adds up to this very u, not to 1
])
def test_sample_inverts_the_cumulative_sum_up_to_its_edges(monkeypatch, row, u, due):
    fix_uniforms(monkeypatch, u)
    assert sample(probs_of([row, row])).tolist() == [due, due]


def test_sample_draws_the_last_state_of_float32_sums_below_1(monkeypatch):
    fix_uniforms(monkeypatch, 1 - 2**-53)
    row = torch.full((7,), 1 / 7, dtype=torch.float32) - 1e-7  # sums to 1 - 7e-7, within the tolerance
    assert float(row.sum(dtype=DOUBLE)) < 1 - 5e-7
    assert sample(row[None]).tolist() == [6]


@pytest.mark.parametrize("dtype", FLOATS)
def test_sample_neither_starves_nor_invents_rare_states(dtype):
    # 5% of the mass on 50,000 states of 1e-6 each: 25 due in 500 draws. Another 50,000 states of 1e-9 are due 0.025
    # times: any seen would be invented. Starved states of 1e-9 take too many draws to see; the next test finds them.
    common, rare, rarest = 1, 50_000, 50_000
    row = torch.cat([torch.full((rarest,), 1e-9, dtype=DOUBLE), torch.full((common,), 0.95 - 5e-5, dtype=DOUBLE),
                     torch.full((rare,), 1e-6, dtype=DOUBLE)]).to(dtype)
    generator = seeded()
    draws = torch.cat([sample(row.expand(50, -1), generator=generator) for _ in range(10)])
    due = 500 * rare * 1e-6
    assert abs(int((draws > rarest).sum()) - due) <= 5 * math.sqrt(due)
    assert int((draws < rarest).sum()) == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_sample_resolves_states_of_probability_1e_9_among_50_000(dtype):
    # The uniforms are known (same seed, the docstring's formula), and the rare states are laid around each of them: the
    # state that the formula names must come, or a neighbour by the rounding of 50,000 additions. Uniforms or sums in
    # float32, whose numbers are 6e-8 apart, are off by dozens of states; Gumbel noise in float32, which ends at 16.6,
    # hardly ever lifts log 1e-9 = -20.7 over a common state.
    u = torch.rand((20, 1), dtype=DOUBLE, generator=seeded()).clamp(0.01, 0.99)
    rare = torch.full((20, 50_000), 1e-9, dtype=DOUBLE)
    before = u - 24_999.5e-9
    probs = torch.cat([before, rare, 1 - before - 5e-5], dim=-1).to(dtype)
    draws = sample(probs, generator=seeded()).tolist()
    sums = probs.double().numpy().cumsum(-1)
    for row, level, drawn in zip(sums / sums[:, -1:], u[:, 0].tolist(), draws, strict=True):
        due = np.searchsorted(row, level, side="right")
        assert 20_000 < due < 30_000
        assert abs(drawn - due) <= 1


def test_sample_follows_its_generator():
    probs = torch.full((100, 5), 0.2, dtype=DOUBLE)
    first, again, other = (sample(probs, generator=seeded(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(3)
    first = sample(probs)
    torch.manual_seed(3)
    assert torch.equal(first, sample(probs))  # without one: torch's own


# --- entropy, cross_entropy, kl -------------------------------------------------------------------------------------

def entropy_by_loop(p):
    return -sum(a * math.log(a) for a in p if a > 0)


def cross_entropy_by_loop(q, p):
    return sum(0.0 if a == 0 else math.inf if b == 0 else -a * math.log(b) for a, b in zip(q, p, strict=True))


PAIRS = [  # q, p
    ([0.2, 0.5, 0.3], [0.1, 0.1, 0.8]),
    ([0.0, 0.5, 0.5], [0.2, 0.4, 0.4]),       # 0 log 0 = 0
    ([0.0, 1.0, 0.0], [0.0, 0.25, 0.75]),     # 0 log (0/0) = 0
    ([0.5, 0.5, 0.0], [1.0, 0.0, 0.0]),       # infinite: p excludes what q allows
    ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("q", "p"), PAIRS)
def test_entropies_equal_plain_sums_in_nats(q, p, dtype, device):
    a, b = probs_of(q, dtype, device), probs_of(p, dtype, device)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    due = [entropy_by_loop(q), cross_entropy_by_loop(q, p), cross_entropy_by_loop(q, p) - entropy_by_loop(q)]
    for got, expected in zip([entropy(a), cross_entropy(a, b), kl(a, b)], due, strict=True):
        assert got.device.type == device.type
        assert got.dtype == dtype
        assert float(got) == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_entropy_of_the_uniform_law_is_log_K_and_of_a_sure_state_0():
    assert float(entropy(torch.full((8,), 1 / 8, dtype=DOUBLE))) == pytest.approx(math.log(8), rel=1e-15)
    assert float(entropy(probs_of([0.0, 1.0]))) == 0


def test_kl_of_equal_distributions_is_exactly_0_and_its_order_matters():
    p = torch.rand(50, 7, dtype=DOUBLE, generator=seeded()).softmax(-1)
    assert kl(p, p).eq(0).all()
    sure, fair = probs_of([1.0, 0.0]), probs_of([0.5, 0.5])
    assert float(kl(sure, fair)) == pytest.approx(math.log(2))
    assert float(kl(fair, sure)) == math.inf


def test_q_and_p_broadcast_over_leading_dimensions():
    q, p = torch.rand(4, 1, 3, generator=seeded()).softmax(-1), torch.rand(5, 3, generator=seeded(seed=1)).softmax(-1)
    for function in (cross_entropy, kl):
        got = function(q, p)
        assert got.shape == (4, 5)
        assert torch.equal(got[2, 3], function(q[2, 0], p[3]))


@pytest.mark.parametrize("function", [cross_entropy, kl])
def test_q_and_p_over_different_numbers_of_states_are_an_error(function):
    with pytest.raises(ValueError, match=r"K|states|shape"):
        function(probs_of([0.5, 0.5]), probs_of([1.0]))


def test_a_cross_entropy_of_0_is_not_minus_0():
    assert math.copysign(1, float(cross_entropy(probs_of([1.0, 0.0]), probs_of([1.0, 0.0])))) == 1


# --- what is not a distribution -------------------------------------------------------------------------------------

NOT_PROBABILITIES = [
    (torch.tensor([-0.5, 1.5]), ValueError, "negative.*-0.5.*softmax"),
    (torch.tensor([math.nan, 1.0]), ValueError, "NaN"),
    (torch.tensor([math.inf, 0.0]), ValueError, "infinity"),
    (torch.tensor([0.5, 0.4]), ValueError, "sums to 0.9.*expected 1"),
    (torch.tensor([[0.5, 0.5], [1.0, 1.0]]), ValueError, "sums to 2"),
    (torch.tensor([[0.5, 0.3], [0.5, 0.7]]), ValueError, "last"),  # columns sum to 1, rows do not
    (torch.tensor([1 - 1e-4, 0.0]), ValueError, "sums to 0.9999"),
    (torch.tensor(1.0), ValueError, "last dimension"),
    (torch.zeros(3, 0), ValueError, r"K >= 1.*\(3, 0\)"),
    (torch.tensor([0, 1]), TypeError, "int64"),
    (torch.tensor([True, False]), TypeError, "bool"),
    ([0.5, 0.5], TypeError, "list"),
]


@pytest.mark.parametrize(("bad", "error", "message"), NOT_PROBABILITIES)
def test_what_is_not_a_distribution_is_refused_with_the_reason(bad, error, message):
    good = torch.tensor([0.5, 0.5])
    for call in (lambda: sample(bad), lambda: entropy(bad), lambda: cross_entropy(bad, good),
                 lambda: cross_entropy(good, bad), lambda: kl(bad, good), lambda: kl(good, bad)):
        with pytest.raises(error, match=message):
            call()


def test_the_argument_at_fault_is_named():
    good, bad = torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.6])
    for function in (cross_entropy, kl):
        with pytest.raises(ValueError, match=r"^q "):
            function(bad, good)
        with pytest.raises(ValueError, match=r"^p "):
            function(good, bad)


def test_rounding_of_a_large_float32_softmax_is_no_error():
    probs = (20 * torch.randn(4, 50_000, generator=seeded())).softmax(-1)
    assert sample(probs, generator=seeded()).shape == entropy(probs).shape == (4,)


def test_no_rows_are_no_error():
    probs = torch.zeros(0, 3)
    assert sample(probs).shape == entropy(probs).shape == kl(probs, probs).shape == (0,)
    assert one_hot(torch.zeros(2, 0, dtype=torch.long), 3).shape == (2, 0, 3)


# --- any shape ------------------------------------------------------------------------------------------------------

@given(batch=st.lists(st.integers(0, 3), max_size=3), num_states=st.integers(1, 6), dtype=st.sampled_from(FLOATS),
       seed=st.integers(0, 1000), zeros=st.booleans())
def test_any_batch_of_distributions(batch, num_states, dtype, seed, zeros):
    rng = np.random.default_rng(seed)
    q, p = rng.dirichlet(np.ones(num_states), (2, *batch))
    if zeros:
        q[..., rng.integers(num_states)] += 1e-3  # so that something stays
        q = np.where(q < q.max(-1, keepdims=True) / 2, 0, q)
        q = q / q.sum(-1, keepdims=True)
    a, b = torch.tensor(q, dtype=dtype), torch.tensor(p, dtype=dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    kept = [tensor.clone() for tensor in (a, b)]

    draws = sample(a, generator=seeded(seed=seed))
    assert draws.shape == tuple(batch)
    assert (a.gather(-1, draws[..., None]) > 0).all()
    assert (kl(a, b) >= -tolerance).all()
    assert (entropy(a) <= math.log(num_states) + tolerance).all()
    assert (entropy(a) >= -tolerance).all()
    for index in np.ndindex(*batch):
        due = [entropy_by_loop(q[index]), cross_entropy_by_loop(q[index], p[index])]
        got = [float(entropy(a)[index]), float(cross_entropy(a, b)[index])]
        assert got == pytest.approx(due, rel=tolerance, abs=tolerance)
        assert float(kl(a, b)[index]) == pytest.approx(due[1] - due[0], rel=tolerance, abs=tolerance)
    assert all(torch.equal(tensor, before) for tensor, before in zip((a, b), kept, strict=True))  # nothing mutated


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_a_number_of_states_that_is_none_is_refused(value):
    for x in (torch.tensor([0]), torch.zeros(0, dtype=torch.long)):
        with pytest.raises(ValueError, match="num_states must be an int >= 1"):
            one_hot(x, value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.uint16])
def test_states_and_their_number_are_integers_of_any_make(make, dtype):
    x = torch.tensor([[0, 2], [1, 1]])
    assert torch.equal(one_hot(x.to(dtype), make(3)), one_hot(x, 3))
