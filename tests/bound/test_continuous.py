"""The absorbing objective, on table languages small enough to enumerate."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS, arbitrary_denoiser, assert_close, assert_mean, language, seeded
from small_losses import SCHEDULES, SIZES, assert_unbiased, by_hand

from dlm_course.bound import discrete
from dlm_course.bound.continuous import (
    METHODS,
    continuous_loss,
    draw_uniform,
    exact_continuous_loss,
    mask_count_loss,
    paid_by_count,
)
from dlm_course.bound.discrete import (
    all_states,
    at_least_float32,
    bits_per_character,
    exact_masked_lm_loss,
    exact_rho_weighted_loss,
    masked_cross_entropy,
    masked_lm_loss,
    per_token,
    rho_weighted_loss,
    rho_weighted_term,
)
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition
from dlm_course.text.languages import MarkovLanguage


@pytest.mark.parametrize(("vocab_size", "length"), SIZES)
def test_with_the_bayes_denoiser_the_continuous_bound_is_the_log_likelihood_of_every_sequence(vocab_size, length):
    words = language(vocab_size, length)
    x0 = words.sequences()
    bound = exact_continuous_loss(words.denoiser, x0, words.mask_id)
    assert torch.allclose(bound, -words.log_prob(x0), rtol=0, atol=1e-10)
    assert float((bound * words.joint.flatten()).sum()) == pytest.approx(float(words.entropy()), abs=1e-10)


@pytest.mark.parametrize(("vocab_size", "length"), SIZES)
def test_the_exact_continuous_bound_is_the_integral_over_the_mask_rate(vocab_size, length):
    denoiser = arbitrary_denoiser(vocab_size, length)
    x0 = language(vocab_size, length).sequences()
    ours = exact_continuous_loss(denoiser, x0, vocab_size)
    # Gauss-Legendre with enough nodes integrates lambda^(k-1) (1-lambda)^(n-k) exactly.
    nodes, weights = map(torch.tensor, np.polynomial.legendre.leggauss(8))
    nodes, weights = (nodes + 1) / 2, weights / 2
    for row, x in zip(ours, x0, strict=True):
        expected = by_hand(denoiser, x, vocab_size, lambda k: 0.0 if k == 0 else float(
            (weights * nodes**(k - 1) * (1 - nodes)**(length - k)).sum()))
        assert float(row) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("make", [Schedule.linear, Schedule.cosine])
def test_averaged_over_the_data_the_discrete_bound_falls_to_the_entropy_as_T_doubles(make):
    words = language(3, 3)
    gaps = []
    for num_steps in (1, 2, 4, 8, 16, 32):
        transition = AbsorbingTransition(words.num_states, make(num_steps))
        bound = exact_rho_weighted_loss(words.denoiser, words.sequences(), transition)
        gaps.append(float((bound * words.joint.flatten()).sum() - words.entropy()))
    assert all(later < earlier for earlier, later in pairwise(gaps))
    assert 0 < gaps[-1] < gaps[0] / 8


@pytest.mark.parametrize("method", METHODS)
def test_the_mask_count_estimate_is_unbiased(method):
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2], [2, 2, 0]]).repeat(20, 1)
    assert_unbiased(lambda g: mask_count_loss(denoiser, x0, 3, method=method, generator=g).view(20, 2).mean(0),
                    exact_continuous_loss(denoiser, x0[:2], 3))


@pytest.mark.parametrize("method", METHODS)
def test_the_mask_rate_estimate_is_unbiased_for_any_density(method):
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2], [2, 2, 0]]).repeat(20, 1)

    def from_uniform(g):
        rate = draw_uniform(40, method=method, generator=g)
        return continuous_loss(denoiser, x0, rate, 3, generator=g).view(20, 2).mean(0)

    def from_a_density_proportional_to_the_root(g):  # g(l) = 1 / (2 sqrt l), the square of a uniform number
        rate = draw_uniform(40, method=method, generator=g) ** 2
        return continuous_loss(denoiser, x0, rate, 3, density=0.5 / rate.sqrt(), generator=g).view(20, 2).mean(0)

    exact = exact_continuous_loss(denoiser, x0[:2], 3)
    assert_unbiased(from_uniform, exact)
    assert_unbiased(from_a_density_proportional_to_the_root, exact)


def test_stratified_and_offset_draws_cover_every_piece():
    for method in ("stratified", "offset"):
        u = draw_uniform(16, method=method, generator=torch.Generator().manual_seed(0))
        assert sorted((u * 16).ceil().tolist()) == list(range(1, 17))
    assert ((draw_uniform(10_000, method="iid", generator=torch.Generator().manual_seed(0)) > 0).all())
    with pytest.raises(ValueError, match="iid, stratified, offset"):
        draw_uniform(4, method="sobol")


def test_visible_tokens_and_the_mask_cost_nothing():
    denoiser = arbitrary_denoiser(3, 3)
    x0, xt = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 3, 2]])
    loss = masked_cross_entropy(denoiser, x0, xt, torch.tensor([0.5]), 3)
    logits = denoiser(xt, None)[0, 1, :3]
    assert float(loss) == pytest.approx(float(-logits.log_softmax(-1)[1]), abs=1e-12)
    assert float(masked_cross_entropy(denoiser, x0, x0, torch.tensor([0.5]), 3)) == 0


def test_a_visible_token_costs_nothing_even_where_it_is_not_the_clean_one():
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2]])
    other = torch.tensor([[1, 3, 0]])
    due = -denoiser(other, None)[0, 1, :3].log_softmax(-1)[1]
    assert_close(masked_cross_entropy(denoiser, x0, other, torch.tensor([0.5]), 3), [due])


@pytest.mark.parametrize("x0", [torch.tensor([[0, 1, 2]]), torch.tensor([[0], [1]])])
def test_clean_text_of_another_shape_than_the_corrupted_one_is_refused(x0):
    with pytest.raises(ValueError, match="x0"):
        masked_cross_entropy(arbitrary_denoiser(3, 3), x0, torch.full((2, 3), 3), torch.ones(2), 3)


@pytest.mark.parametrize("shape", [(1, 3, 4), (2, 2, 4), (2, 4), (2, 3)])
def test_logits_of_another_shape_are_refused(shape):
    x0 = torch.tensor([[0, 1, 2], [2, 1, 0]])
    with pytest.raises(ValueError, match=r"the denoiser must return logits \(batch, n, K\)"):
        masked_cross_entropy(lambda xt, time: torch.zeros(shape), x0, torch.full_like(x0, 3), torch.ones(2), 3)


def test_byte_states_and_a_time_of_the_networks_dtype_do_in_every_loss():
    """A mask_id beyond uint8, and a network that multiplies the time with float32 weights."""
    seen = []

    def denoiser(xt, time):
        seen.append(time.dtype)
        return torch.zeros(*xt.shape, 301)

    x0, mask_id = torch.tensor([[0, 1, 255]], dtype=torch.uint8), 300
    transition = AbsorbingTransition(301, Schedule.linear(2), mask_id)
    for loss in (mask_count_loss(denoiser, x0, mask_id), exact_continuous_loss(denoiser, x0, mask_id),
                 continuous_loss(denoiser, x0, torch.tensor([0.5], dtype=torch.float64), mask_id)):
        assert torch.isfinite(loss).all()
    assert set(seen) == {torch.float32}
    assert torch.isfinite(exact_rho_weighted_loss(denoiser, x0, transition)).all()


@pytest.mark.parametrize(("rate", "density", "message"), [
    (torch.tensor([float("nan")]), 1.0, "in \\(0, 1\\]"), (torch.tensor(0.5), 1.0, "one a sequence"),
    (torch.tensor([1.5]), 1.0, "in \\(0, 1\\]"), (torch.tensor([-0.5]), 1.0, "in \\(0, 1\\]"),
    (torch.tensor([0.5]), torch.tensor([float("nan")]), "density must be positive"),
    (torch.tensor([0.5]), math.inf, "density must be positive and finite"),
    (0.5, 1.0, r"mask_rate must be a tensor of shape \(1,\), one a sequence, got float 0.5; draw_uniform"),
    (torch.tensor([0.5]), 0.0, "density must be positive"), (torch.tensor([0.5]), torch.ones(1, 1), "of shape")])
def test_a_mask_rate_or_density_that_does_not_fit_is_refused(rate, density, message):
    with pytest.raises(ValueError, match=message):
        continuous_loss(arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2]]), rate, 3, density=density)


EIGHT = MarkovLanguage(torch.tensor([[0.7, 0.2], [0.3, 0.8]], dtype=torch.float64), 8)
WORD = [0, 1, 1, 0, 0, 0, 1, 1]


def exact_cases():
    """A denoiser and L for WORD: with Bayes -log p by the chain rule, else a sum over the 255 sets of masks."""
    matrix, start = [[0.7, 0.2], [0.3, 0.8]], 0.4  # stationary: 0.4 * 0.3 = 0.6 * 0.2
    yield EIGHT.denoiser, -math.log(start * math.prod(matrix[b][a] for a, b in pairwise(WORD)))
    arbitrary = arbitrary_denoiser(2, 8)
    yield arbitrary, by_hand(arbitrary, torch.tensor(WORD), 2, lambda k: 1 / (k * math.comb(8, k)) if k else 0.0)


def by_mask_count(method):
    return lambda denoiser, x0, g: mask_count_loss(denoiser, x0, 2, method=method, generator=g)


def by_mask_rate(method, power):
    """lambda = u^power has the density g(lambda) = lambda^(1/power - 1) / power."""
    def loss(denoiser, x0, g):
        rate = draw_uniform(len(x0), method=method, generator=g) ** power
        return continuous_loss(denoiser, x0, rate, 2, density=rate ** (1 / power - 1) / power, generator=g)

    return loss


ESTIMATORS = {f"{method} {label}": make(method) for method in METHODS for label, make in {
    "mask counts": by_mask_count, "uniform rates": lambda method: by_mask_rate(method, 1.0),
    "rates of density 1/(2 sqrt l)": lambda method: by_mask_rate(method, 2.0),
    "rates of density 3/2 sqrt l": lambda method: by_mask_rate(method, 2 / 3)}.items()}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_of_the_continuous_bound_has_the_exact_mean(name):
    for denoiser, due in exact_cases():
        generator, x0 = seeded(1), torch.tensor([WORD]).repeat(8, 1)
        batches = torch.stack([ESTIMATORS[name](denoiser, x0, generator).mean() for _ in range(400)])
        assert_mean(batches, due)


def test_the_exact_continuous_bound_of_eight_tokens_is_the_sum_over_sets_of_masks():
    for denoiser, due in exact_cases():
        assert_close(exact_continuous_loss(denoiser, torch.tensor([WORD]), 2), [due])


def test_the_number_of_masks_is_uniform_and_the_set_is_any_of_its_size():
    seen = []

    def denoiser(xt, time):
        assert torch.equal(time, (xt == 2).sum(-1) / 3)
        seen.append(xt == 2)
        return torch.zeros(*xt.shape, 3)

    for method in METHODS:
        seen.clear()
        losses = mask_count_loss(denoiser, torch.zeros(12_000, 3, dtype=torch.long), 2, method=method,
                                 generator=seeded(1))
        assert_close(losses, np.full(12_000, 3 * math.log(2)), 1e-5)  # n/k times k log 2
        patterns = (seen[0] * torch.tensor([4, 2, 1])).sum(-1).bincount(minlength=8) / 12_000
        due = torch.tensor([0, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 3])
        assert ((patterns - due).abs() <= 5 * (due * (1 - due) / 12_000).sqrt()).all()
        if method != "iid":  # as many of each size as can be
            assert seen[0].sum(-1).bincount().tolist() == [0, 4000, 4000, 4000]


def test_the_time_of_the_continuous_losses_is_the_mask_rate():
    seen = []

    def denoiser(xt, time):
        seen.append((xt, time))
        return torch.zeros(*xt.shape, 3)

    x0, rate = torch.zeros(4000, 3, dtype=torch.long), torch.tensor([0.25, 1.0]).repeat(2000)
    continuous_loss(denoiser, x0, rate, 2, generator=seeded(1))
    assert torch.equal(seen[0][1], rate)
    masked = (seen[0][0] == 2).double().mean(-1)
    assert (masked[1::2] == 1).all()
    assert_mean(masked[0::2], 0.25)
    seen.clear()
    exact_continuous_loss(denoiser, x0[:1], 2)
    assert sorted(float(time * 3) for _, time in seen) == pytest.approx([1, 1, 1, 2, 2, 2, 3])


@pytest.mark.parametrize("method", METHODS)
def test_every_uniform_draw_is_uniform_on_its_own_and_rows_are_not_tied_to_a_piece(method):
    draws = torch.stack([draw_uniform(4, method=method, generator=seeded(seed)) for seed in range(1, 2001)])
    assert draws.dtype == torch.float64
    assert ((draws > 0) & (draws <= 1)).all()
    for power in (1, 2, 3):
        assert_mean(draws**power, torch.full((4,), 1 / (power + 1), dtype=torch.float64))
    shift = (draws[:, :1] - draws) % 0.25
    assert bool(torch.minimum(shift, 0.25 - shift).max() < 1e-12) == (method == "offset")
    assert draw_uniform(0, method=method).shape == (0,)


def test_no_uniform_draw_is_0(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: torch.full(shape, 1 - 2**-53, dtype=torch.float64))
    for method in METHODS:
        assert 0 < float(draw_uniform(8, method=method).min()) < 1e-10


def test_stratified_mask_counts_spread_five_times_less_than_independent_mask_rates():
    """n = 256, a fixed batch of 32, lambda uniform on [0.001, 1]; seeds 1 (text), 2 and 3; 80 and 240 repeats.

    The text has weak ties (a symbol stays with probability 0.3, not 1/4): what is left to stratified counts is which
    tokens are masked, and with ties as strong as 0.7 the ratio is about 2.
    """
    words = MarkovLanguage(torch.eye(4, dtype=torch.float64) * (0.3 - 0.7 / 3) + 0.7 / 3, 256)
    x0, generator = words.sample(32, generator=seeded(1)), seeded(2)
    counts = torch.stack([mask_count_loss(words.denoiser, x0, 4, method="stratified", generator=generator).mean()
                          for _ in range(80)])
    rates = 0.001 + 0.999 * draw_uniform(240 * 32, method="iid", generator=seeded(3))
    independent = continuous_loss(words.denoiser, x0.repeat(240, 1), rates, 4, density=1 / 0.999, generator=generator)
    independent = independent.view(240, 32).mean(1)
    exact = -words.log_prob(x0).mean()
    assert_mean(counts, exact)
    assert (independent.mean() - exact).abs() < 5 * independent.std() / math.sqrt(240) + 0.001 * exact  # cut at 0.001
    assert independent.std() > 5 * counts.std()


@st.composite
def batches(draw):
    """Clean states, the mask among K states, a schedule that ends, and the dtype of logits."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    num_states, shape = draw(st.integers(2, 7)), (draw(st.integers(0, 5)), draw(st.integers(1, 6)))
    mask_id = draw(st.integers(0, num_states - 1))
    x0 = rng.integers(num_states - 1, size=shape)
    x0 = torch.tensor(x0 + (x0 >= mask_id), dtype=draw(st.sampled_from([torch.int64, torch.int32, torch.uint8])))
    schedule = draw(st.sampled_from(list(SCHEDULES.values())))
    return x0, AbsorbingTransition(num_states, schedule, mask_id), draw(st.sampled_from([torch.float32, torch.float64]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches())
def test_every_loss_has_its_shape_and_dtype_is_finite_follows_its_generator_and_changes_nothing(device, batch):
    x0, transition, dtype = batch
    x0, mask_id = x0.to(device), transition.mask_id
    weights = torch.randn(transition.num_states, transition.num_states, generator=seeded(2)).to(device, dtype)
    returned = []

    def denoiser(xt, time):
        assert xt.device.type == time.device.type == device.type
        assert xt.dtype == torch.int64
        assert time.shape == x0.shape[:1]
        logits = weights[xt] + weights[xt].mean(1, keepdim=True) * time.to(dtype)[:, None, None]
        returned.append((logits, logits.clone()))
        return logits

    rate = draw_uniform(len(x0), generator=seeded(3, device), device=device)
    t = torch.ones(len(x0), dtype=torch.long, device=device)
    losses = {
        "term": lambda g: rho_weighted_term(denoiser, x0, transition, t, generator=g),
        "bound": lambda g: rho_weighted_loss(denoiser, x0, transition, generator=g),
        "surrogate": lambda g: masked_lm_loss(denoiser, x0, transition, generator=g),
        "rate": lambda g: continuous_loss(denoiser, x0, rate, mask_id, generator=g),
        "float32 rate": lambda g: continuous_loss(denoiser, x0, rate.float(), mask_id, density=rate, generator=g),
        **{method: lambda g, method=method: mask_count_loss(denoiser, x0, mask_id, method=method, generator=g)
           for method in METHODS},
        "exact bound": lambda g: exact_rho_weighted_loss(denoiser, x0, transition),
        "exact surrogate": lambda g: exact_masked_lm_loss(denoiser, x0, transition),
        "exact continuous": lambda g: exact_continuous_loss(denoiser, x0, mask_id),
    }
    before = x0.clone()
    for label, loss in losses.items():
        got = loss(seeded(4, device))
        assert got.shape == x0.shape[:1], label
        assert got.dtype == dtype, label
        assert got.device.type == device.type
        assert got.isfinite().all(), label
        assert (got >= 0).all(), label
        assert torch.equal(got, loss(seeded(4, device))), label
    assert torch.equal(x0, before)
    assert all(torch.equal(logits, copy) for logits, copy in returned)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches(), st.integers(0, 10_000))
def test_only_masked_tokens_cost_anything_and_each_costs_its_cross_entropy(device, batch, seed):
    x0, transition, dtype = batch
    x0, mask_id, num_states = x0.to(device), transition.mask_id, transition.num_states
    xt = transition.sample(x0, 1, generator=seeded(seed, device)).to(x0.dtype)
    logits = torch.randn(*x0.shape, num_states, generator=seeded(seed)).to(device, dtype)
    time = torch.ones(len(x0), device=device)
    loss = masked_cross_entropy(lambda x, time: logits, x0, xt, time, mask_id)
    assert loss.shape == x0.shape[:1]
    assert loss.dtype == dtype
    due = np.zeros(len(x0))
    for row, i in np.argwhere(xt.cpu().numpy() == mask_id):
        scores = [value for k, value in enumerate(logits[row, i].tolist()) if k != mask_id]
        due[row] += math.log(sum(map(math.exp, scores))) - float(logits[row, i, int(x0[row, i])])
    assert_close(loss.double(), due, 1e-5 if dtype == torch.float32 else 1e-10)
    # What is said of visible tokens, and of the mask, does not count.
    noise = torch.where((xt == mask_id)[..., None], logits, torch.randn_like(logits) * 50)
    noise[..., mask_id] = 30.0
    assert torch.equal(masked_cross_entropy(lambda x, time: noise, x0, xt, time, mask_id), loss)


def test_errors_name_the_cause():
    denoiser, x0 = arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2]])
    with pytest.raises(ValueError, match="alpha_bar_T"):
        rho_weighted_loss(denoiser, x0, AbsorbingTransition(4, Schedule.constant(0.1, 5)))
    with pytest.raises(ValueError, match="swapped"):
        masked_cross_entropy(denoiser, torch.tensor([[0, 3, 2]]), x0, torch.tensor([1]), 3)
    with pytest.raises(ValueError, match="weight 1/lambda"):
        continuous_loss(denoiser, x0, torch.tensor([0.0]), 3)
    with pytest.raises(ValueError, match="n <= 12"):
        exact_continuous_loss(denoiser, torch.zeros(1, 13, dtype=torch.long), 3)
    with pytest.raises(ValueError, match="logits"):
        masked_cross_entropy(lambda xt, time: torch.zeros(1, 4), x0, x0, torch.tensor([1]), 3)


@pytest.mark.parametrize(("vocab_size", "length"), SIZES)
def test_what_is_paid_by_count_is_the_sum_over_the_sets_of_each_size(vocab_size, length):
    denoiser, x0 = arbitrary_denoiser(vocab_size, length), language(vocab_size, length).sequences()
    paid = paid_by_count(denoiser, x0, vocab_size)
    assert paid.shape == (length + 1, len(x0))
    for count, row in enumerate(paid):
        for value, x in zip(row, x0, strict=True):
            expected = by_hand(denoiser, x, vocab_size, lambda k, count=count: float(k == count))
            assert float(value) == pytest.approx(expected, abs=1e-10)


# Half precision: the network may use it, the loss may not

HALVES = [torch.bfloat16, torch.float16]


class Lookup(torch.nn.Module):
    """Logits from a table by what is visible at a position and beside it, in the dtype of its weights."""

    def __init__(self, num_states, dtype):
        super().__init__()
        table = torch.randn(num_states, num_states, generator=seeded(3)) * 2
        self.here, self.left = (torch.nn.Parameter(table.to(dtype)) for table in (table, table.T))

    def forward(self, xt, time=None):
        return self.here[xt] + self.left[xt.roll(1, -1)]


LOSSES = {  # every loss that a network of any length may be given: a function of (denoiser, x0, generator)
    "mask count": lambda f, x0, g: mask_count_loss(f, x0, 28, generator=g),
    "mask rate": lambda f, x0, g: continuous_loss(f, x0, draw_uniform(len(x0), generator=g), 28, generator=g),
    "rho-weighted": lambda f, x0, g: rho_weighted_loss(f, x0, AbsorbingTransition(29, Schedule.linear(8)), generator=g),
    "masked LM": lambda f, x0, g: masked_lm_loss(f, x0, AbsorbingTransition(29, Schedule.linear(8)), generator=g),
    "all masked": lambda f, x0, g: masked_cross_entropy(f, x0, torch.full_like(x0, 28), torch.ones(len(x0)), 28),
}
EXACT = {
    "continuous": lambda f, x0: exact_continuous_loss(f, x0, 28),
    "paid by count": lambda f, x0: paid_by_count(f, x0, 28)[1:],
    "rho-weighted": lambda f, x0: exact_rho_weighted_loss(f, x0, AbsorbingTransition(29, Schedule.linear(3))),
    "masked LM": lambda f, x0: exact_masked_lm_loss(f, x0, AbsorbingTransition(29, Schedule.linear(3))),
}


@pytest.mark.parametrize("length", [128, 2048])
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_half_precision_logits_is_that_of_the_same_numbers_in_float32(name, dtype, length):
    denoiser, x0 = Lookup(29, dtype), torch.randint(28, (6, length), generator=seeded(1))
    loss = LOSSES[name](denoiser, x0, seeded(2))
    assert loss.dtype == torch.float32
    due = LOSSES[name](lambda xt, time: denoiser(xt).float(), x0, seeded(2))
    assert torch.equal(loss, due)
    exact = LOSSES[name](lambda xt, time: denoiser(xt).double(), x0, seeded(2))
    assert exact.dtype == torch.float64
    assert torch.allclose(loss.double(), exact, rtol=1e-5, atol=0)
    loss.sum().backward()
    for weights in denoiser.parameters():
        assert weights.grad.dtype == dtype
        assert weights.grad.isfinite().all()
        assert weights.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", EXACT)
def test_exact_losses_of_half_precision_logits_are_those_of_the_same_numbers_in_float32(name, dtype):
    denoiser, x0 = Lookup(29, dtype), torch.tensor([[3, 0, 27, 5], [1, 1, 2, 9]])
    loss = EXACT[name](denoiser, x0)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, EXACT[name](lambda xt, time: denoiser(xt).float(), x0))
    assert torch.allclose(loss.double(), EXACT[name](lambda xt, time: denoiser(xt).double(), x0), rtol=1e-5, atol=0)


@torch.no_grad()
@pytest.mark.parametrize(("length", "batch_size"), [(128, 400), (2048, 40)])
def test_the_bias_of_a_bfloat16_loss_is_gone(monkeypatch, length, batch_size):
    denoiser, x0 = Lookup(29, torch.bfloat16), torch.randint(28, (batch_size, length), generator=seeded(1))

    def errors(function):
        """Of every sequence, in bits a character."""
        exact = mask_count_loss(lambda xt, time: denoiser(xt).double(), x0, 28, generator=seeded(2))
        return bits_per_character(mask_count_loss(function, x0, 28, generator=seeded(2)).double() - exact, length)

    ours = errors(denoiser)
    assert abs(float(ours.mean())) < 1e-6
    assert float(ours.abs().max()) < 1e-5
    monkeypatch.setattr(discrete, "at_least_float32", lambda logits: logits)    # the sum left in bfloat16
    biased = errors(denoiser)
    assert abs(float(biased.mean())) > 1e-3
    assert float(biased.abs().max()) > 1e-2


def test_logits_of_other_dtypes_stay_as_they_are():
    for dtype in (torch.float32, torch.float64):
        logits = torch.zeros(2, 3, dtype=dtype)
        assert at_least_float32(logits) is logits
    assert [at_least_float32(torch.zeros(1, dtype=dtype)).dtype for dtype in HALVES] == [torch.float32] * 2


# Numbers and states of any make, and those that are none

COUNTS = {  # a function of an int >= `least`, its name and least
    "per_token": ("length", 1, lambda n: per_token(torch.tensor([6.0]), n)),
    "bits_per_character": ("length", 1, lambda n: bits_per_character(torch.tensor([6.0]), n)),
    "all_states, states": ("num_states", 1, lambda n: all_states(n, 2)),
    "all_states, length": ("length", 1, lambda n: all_states(2, n)),
    "draw_uniform": ("batch_size", 0, lambda n: draw_uniform(n, generator=seeded(1))),
    "mask_count_loss": ("mask_id", 0, lambda n: mask_count_loss(UNIFORM, WORDS, n, generator=seeded(1))),
    "continuous_loss": ("mask_id", 0, lambda n: continuous_loss(UNIFORM, WORDS, torch.ones(2), n, generator=seeded(1))),
    "masked_cross_entropy": ("mask_id", 0, lambda n: masked_cross_entropy(UNIFORM, WORDS, WORDS + 1, torch.ones(2), n)),
    "exact_continuous_loss": ("mask_id", 0, lambda n: exact_continuous_loss(UNIFORM, WORDS, n)),
    "paid_by_count": ("mask_id", 0, lambda n: paid_by_count(UNIFORM, WORDS, n)),
}
WORDS = torch.tensor([[0, 1, 2], [2, 2, 0]])
EMPTY = torch.zeros(0, 3, dtype=torch.long)
CHAIN = AbsorbingTransition(4, Schedule.linear(3))
OF_STATES = {  # every loss as a function of x0
    "mask_count_loss": lambda x0: mask_count_loss(UNIFORM, x0, 3, generator=seeded(1)),
    "continuous_loss": lambda x0: continuous_loss(UNIFORM, x0, torch.full(x0.shape[:1], 0.5), 3, generator=seeded(1)),
    "exact_continuous_loss": lambda x0: exact_continuous_loss(UNIFORM, x0, 3),
    "paid_by_count": lambda x0: paid_by_count(UNIFORM, x0, 3),
    "masked_cross_entropy": lambda x0: masked_cross_entropy(UNIFORM, x0, x0, torch.ones(x0.shape[:1]), 3),
    "rho_weighted_term": lambda x0: rho_weighted_term(UNIFORM, x0, CHAIN, 2, generator=seeded(1)),
    "rho_weighted_loss": lambda x0: rho_weighted_loss(UNIFORM, x0, CHAIN, generator=seeded(1)),
    "masked_lm_loss": lambda x0: masked_lm_loss(UNIFORM, x0, CHAIN, generator=seeded(1)),
    "exact_rho_weighted_loss": lambda x0: exact_rho_weighted_loss(UNIFORM, x0, CHAIN),
    "exact_masked_lm_loss": lambda x0: exact_masked_lm_loss(UNIFORM, x0, CHAIN),
}


def UNIFORM(xt, time):
    return torch.zeros(*xt.shape, 4)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (_, least, _) in COUNTS.items()
                                             for value in NO_COUNTS if not (value == 0 == least)])
def test_a_count_that_is_none_is_refused_by_name(name, value):
    argument, least, call = COUNTS[name]
    with pytest.raises(ValueError, match=rf"{argument} must be an int >= {least}|too many to enumerate"):
        call(value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_an_integer_of_any_make(name, make):
    assert torch.equal(COUNTS[name][2](make(3)), COUNTS[name][2](3))


@pytest.mark.parametrize("method", METHODS)
def test_no_draws_are_no_error(method):
    assert draw_uniform(0, method=method).shape == (0,)


@pytest.mark.parametrize("name", OF_STATES)
def test_states_of_fewer_bytes_and_empty_batches_do_in_every_loss(name):
    loss, due = OF_STATES[name], OF_STATES[name](WORDS)
    for dtype in (torch.uint8, torch.int32):
        assert torch.equal(loss(WORDS.to(dtype)), due)
        assert loss(EMPTY.to(dtype)).shape == (*due.shape[:-1], 0)


@pytest.mark.parametrize(("x0", "error", "message"), [
    (torch.tensor([0, 1, 2]), ValueError, r"x0 must have shape \(batch, n\) with n >= 1, got \(3,\).*x0\[None\]"),
    (torch.zeros(2, 3, 4, dtype=torch.long), ValueError, r"got \(2, 3, 4\)"),
    (torch.zeros(2, 0, dtype=torch.long), ValueError, r"n >= 1, got \(2, 0\)"),
    (torch.tensor([[0.0, 1.0]]), TypeError, "x0 must be an integer tensor.*float32"),
    (torch.tensor([[math.nan, 1.0]]), TypeError, "x0 must be an integer tensor"),
    (torch.tensor([[True, False]]), TypeError, "x0 must be an integer tensor.*bool"),
    (torch.tensor([[0, -1]]), ValueError, "x0 holds the state -1"),
    (torch.tensor([[0, 4]]), ValueError, "x0 holds the state 4"),
    (torch.tensor([[0, 3]]), ValueError, "x0 holds the mask|cannot be reached"),
], ids=["one sequence", "three dimensions", "no tokens", "floats", "NaN", "bools", "negative", "beyond K", "a mask"])
@pytest.mark.parametrize("name", OF_STATES)
def test_what_is_no_batch_of_clean_text_is_refused(name, x0, error, message):
    with pytest.raises(error, match=message):
        OF_STATES[name](x0)


@pytest.mark.parametrize("mask_id", [3, 7])
def test_a_mask_beyond_the_states_is_refused_also_where_nothing_is_masked(mask_id):
    x = torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match=f"mask_id must be one of the states 0..2, got {mask_id}"):
        masked_cross_entropy(lambda xt, time: torch.zeros(*xt.shape, 3), x, x, torch.ones(1), mask_id)
