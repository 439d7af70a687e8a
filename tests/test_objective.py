"""The absorbing objective, on table languages small enough to enumerate."""

import math
from itertools import pairwise, product

import pytest
import torch
from small_cases import arbitrary_denoiser, language

from dlm_course.elbo import (
    bits_per_character,
    exact_rho_weighted_loss,
    masked_cross_entropy,
    per_token,
    rho_weighted_loss,
    rho_weighted_term,
)
from dlm_course.mask_rate import METHODS, continuous_loss, draw_uniform, exact_continuous_loss, mask_count_loss
from dlm_course.schedule import Schedule
from dlm_course.transition import AbsorbingTransition

SIZES = [(2, 1), (2, 3), (3, 2), (3, 3)]


def by_hand(denoiser, x0, mask_id, weight_of_pattern):
    """Sum over masks of a weight times the masked cross-entropy, the softmax over the non-mask states written out."""
    total = 0.0
    for pattern in product((False, True), repeat=len(x0)):
        xt = [mask_id if masked else int(x) for masked, x in zip(pattern, x0, strict=True)]
        logits = denoiser(torch.tensor([xt]), None)[0]
        loss = 0.0
        for i, masked in enumerate(pattern):
            if masked:
                scores = [float(logits[i, k]) for k in range(logits.shape[-1]) if k != mask_id]
                loss += math.log(sum(math.exp(s) for s in scores)) - float(logits[i, int(x0[i])])
        total += weight_of_pattern(sum(pattern)) * loss
    return total


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
    nodes, weights = map(torch.tensor, __import__("numpy").polynomial.legendre.leggauss(8))
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


def estimates(function, repeats=400):
    draws = torch.stack([function(torch.Generator().manual_seed(seed)) for seed in range(repeats)])
    return draws.mean(0), draws.std(0) / math.sqrt(repeats)


def assert_unbiased(function, exact):
    mean, standard_error = estimates(function)
    assert ((mean - exact).abs() < 5 * standard_error + 1e-9).all(), (mean, exact, standard_error)


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
    (torch.tensor([0.5]), 0.0, "density must be positive"), (torch.tensor([0.5]), torch.ones(1, 1), "of shape")])
def test_a_mask_rate_or_density_that_does_not_fit_is_refused(rate, density, message):
    with pytest.raises(ValueError, match=message):
        continuous_loss(arbitrary_denoiser(3, 3), torch.tensor([[0, 1, 2]]), rate, 3, density=density)


def test_a_language_refuses_sequences_of_another_length():
    for call in (language(3, 3).log_prob, language(3, 3).denoiser):
        with pytest.raises(ValueError, match="length 3"):
            call(torch.zeros(5, 2, dtype=torch.long))


def test_conversions():
    assert float(per_token(torch.tensor(6.0), 3)) == 2
    assert float(bits_per_character(torch.tensor(6 * math.log(2)), 3)) == pytest.approx(2)


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
