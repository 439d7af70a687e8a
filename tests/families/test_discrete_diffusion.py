"""Absorbing and uniform diffusion as families: bounds and laws by enumeration, and what time and order cost."""

import math
from itertools import permutations, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_cases import arbitrary_denoiser, language, seeded

from dlm_course.bound.discrete import exact_bound
from dlm_course.chain.transition import UniformTransition
from dlm_course.families.discrete_diffusion import AbsorbingDiffusion, UniformDiffusion
from dlm_course.families.grid import frequencies, ring
from dlm_course.sampling.exact import levels
from dlm_course.sampling.laws import (
    ancestral_law,
    lambda_schedule_law,
    one_at_a_time_law,
    sampling_floor,
    total_variation,
)

BOTH = pytest.mark.parametrize("family", [AbsorbingDiffusion, UniformDiffusion])


def drawn(family, vocab_size, length=2, seed=0, **arguments):
    """A small model whose weights say something arbitrary."""
    torch.manual_seed(seed)
    model = family(vocab_size, length, width=16, depth=1, **arguments).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=seeded(seed + 1)))
    return model


def everything(vocab_size, length):
    return torch.tensor(list(product(range(vocab_size), repeat=length)))


def absorbing_probs(model, x, masked, position):
    """p(x^i | the others with these masked), straight from the network."""
    xt = x.clone()
    xt[:, list(masked)] = model.vocab_size
    with torch.no_grad():
        logits = model.denoiser(xt).double()[:, position, :model.vocab_size]
    return logits.softmax(-1).gather(-1, x[:, position, None])[:, 0]


def by_orders(model, x):
    """For each order of the positions log p of x revealed along it, (orders, batch)."""
    rows = []
    for order in permutations(range(model.length)):
        factors = [absorbing_probs(model, x, order[j:], order[j]) for j in range(model.length)]
        rows.append(torch.stack(factors).log().sum(0))
    return torch.stack(rows)


# The likelihoods

@pytest.mark.parametrize(("vocab_size", "length"), [(5, 2), (3, 3), (2, 4)])
def test_absorbing_nll_is_the_mean_over_orders_and_bounds_the_law(vocab_size, length):
    model, x = drawn(AbsorbingDiffusion, vocab_size, length), everything(vocab_size, length)
    log_probs = by_orders(model, x)
    assert torch.allclose(model.nll(x).double(), -log_probs.mean(0), atol=1e-5)
    law = log_probs.exp().mean(0)
    assert abs(float(law.sum()) - 1) < 1e-6
    assert (model.nll(x).double() > -law.log() - 1e-6).all()
    assert (model.nll(x).double() > -law.log() + 1e-3).any()        # a bound, and not the likelihood itself


def test_absorbing_nll_of_long_points_is_an_unbiased_estimate():
    model, x = drawn(AbsorbingDiffusion, 3, 5), torch.tensor([[0, 2, 1, 1, 0]])
    due = -by_orders(model, x).mean()
    draws = model.nll(x.expand(20_000, -1), generator=seeded(0)).double()
    assert abs(draws.mean() - due) < 5 * draws.std() / math.sqrt(len(draws))


def test_uniform_nll_of_pairs_is_the_exact_bound_above_the_chains_law():
    model, x = drawn(UniformDiffusion, 4, num_steps=5), everything(4, 2)
    with torch.no_grad():
        assert torch.allclose(model.nll(x), exact_bound(model.reverse(model.chain), x, model.chain).nelbo, atol=1e-12)
        law = ancestral_law(model.reverse(model.chain), model.chain, 2)
    assert abs(float(law.sum()) - 1) < 1e-12
    assert (model.nll(x) > -law.flatten().log()).all()


def test_uniform_nll_of_longer_points_is_an_unbiased_estimate():
    model, x = drawn(UniformDiffusion, 3, 3, num_steps=4), torch.tensor([[0, 2, 1]])
    with torch.no_grad():
        due = exact_bound(model.reverse(model.chain), x, model.chain).nelbo
    draws = model.nll(x.expand(4000, -1), generator=seeded(0))
    assert abs(draws.mean() - due) < 5 * draws.std() / math.sqrt(len(draws))


@BOTH
def test_the_loss_is_the_bound_on_average(family):
    model, x = drawn(family, 4), torch.tensor([[1, 3]])
    losses = torch.stack([model.loss(x.expand(200, -1), generator=seeded(seed)).detach().double()
                          for seed in range(60)])
    assert abs(losses.mean() - float(model.nll(x))) < 5 * losses.std() / math.sqrt(len(losses)) + 1e-6


# The samplers

@BOTH
@pytest.mark.parametrize("num_sampling_steps", [None, 1, 3])
def test_samples_follow_the_models_own_law(family, num_sampling_steps):
    model, num = drawn(family, 4, **({"num_steps": 6} if family is UniformDiffusion else {})), 20_000
    x = model.sample(num, generator=seeded(0), num_sampling_steps=num_sampling_steps)
    with torch.no_grad():
        if family is UniformDiffusion:
            chain = model.respaced(num_sampling_steps)
            law = ancestral_law(model.reverse(chain), chain, 2)
        elif num_sampling_steps is None:
            law = by_orders(model, everything(4, 2)).exp().mean(0).reshape(4, 4)
        else:
            law = lambda_schedule_law(model.denoiser, 4, 2, levels(num_sampling_steps))
    expected = num * law.flatten()
    chi_square = float(((num * frequencies(x, 4).flatten() - expected) ** 2 / expected).sum())
    assert chi_square < 15 + 6 * math.sqrt(30)


# What makes them what they are

@given(st.integers(2, 4), st.integers(1, 12), st.integers(0, 10_000))
def test_two_tokens_revealed_in_steps_miss_the_data_by_a_share_of_what_one_step_misses(vocab_size, num_steps, seed):
    """TV_L = TV_1 / L, for a pair, the linear schedule and the Bayes denoiser: both fall into one of L equal steps with
    probability 1/L, and only then they do not see each other."""
    words = language(vocab_size, 2, seed)
    due = words.joint
    independent = due.sum(1, keepdim=True) * due.sum(0)
    law = lambda_schedule_law(words.denoiser, vocab_size, 2, levels(num_steps))
    assert abs(total_variation(law, due) - total_variation(independent, due) / num_steps) < 1e-12


def test_the_bound_is_tight_where_the_two_orders_agree():
    """𝓛 averages the logarithms of the orders, the law their probabilities: the same for Bayes only."""
    words, table = language(3, 2), arbitrary_denoiser(3, 2)
    for denoiser, consistent in ((words.denoiser, True), (table, False)):
        model = AbsorbingDiffusion(3)
        del model.denoiser
        model.denoiser = denoiser
        law = one_at_a_time_law(denoiser, 3, 2).flatten()
        excess = model.nll(everything(3, 2)) + law.log()
        assert bool((excess.abs() < 1e-10).all()) == consistent


def test_uniform_denoiser_weighs_in_what_a_token_says_of_itself():
    """With a network that says nothing p(x_0 | x_t) is q(x_t | x_0) normalised, by hand."""
    model = drawn(UniformDiffusion, 4, num_steps=3)
    with torch.no_grad():
        for weight in model.network.head.parameters():
            weight.zero_()
    t, xt = torch.tensor([2]), torch.tensor([[1, 3]])
    kept, kept_before = math.cos(math.pi / 3), math.cos(math.pi / 6)      # alpha_bar of the cosine schedule
    beta = 1 - kept / kept_before
    for i, b in enumerate(xt[0].tolist()):
        at_t = [kept * (a == b) + (1 - kept) / 4 for a in range(4)]
        due = [sum(at_t[a] / sum(at_t) * (kept_before * (k == a) + (1 - kept_before) / 4)
                   * ((1 - beta) * (k == b) + beta / 4) / at_t[a] for a in range(4)) for k in range(4)]
        got = model.reverse(model.chain)(xt, t)[0, i].tolist()
        assert got == pytest.approx(due, abs=1e-6)


def test_a_respaced_chain_is_the_same_corruption_seen_less_often():
    model = drawn(UniformDiffusion, 5, num_steps=12)
    for num_steps, times in ((12, range(13)), (4, (0, 3, 6, 9, 12)), (1, (0, 12))):
        chain = model.respaced(num_steps)
        assert isinstance(chain, UniformTransition)
        for step, t in enumerate(times):
            assert torch.allclose(chain.cumulative_matrix(step), model.chain.cumulative_matrix(t), atol=1e-12)


def test_a_respaced_chain_asks_about_noise_levels_the_network_knows():
    model, seen = drawn(UniformDiffusion, 5, num_steps=12), []
    model.network.register_forward_hook(lambda module, inputs, output: seen.append(float(inputs[1][0])))
    model.sample(3, num_sampling_steps=5, generator=seeded(0))
    known = [1 - math.cos(math.pi * t / 24) for t in range(1, 13)]
    assert len(seen) == 5
    assert all(min(abs(level - due) for due in known) < 1e-6 for level in seen)
    assert seen == sorted(seen, reverse=True)


# Training

@pytest.mark.slow
@pytest.mark.parametrize(("family", "most"), [(AbsorbingDiffusion, 0.05), (UniformDiffusion, 0.35)])
def test_a_short_run_learns_a_small_ring(family, most):
    data = ring(8, num_modes=4, spread=0.06)
    torch.manual_seed(0)
    model = family(8, 2, width=32)
    model.fit(data.sample(5000, generator=seeded(0)), 200, seeded(1), progress=False, learning_rate=1e-2,
              average=0.98)
    excess = (data.probs.flatten() * model.nll(everything(8, 2)).double()).sum() - data.entropy()
    assert -1e-6 < excess < most
    x = model.sample(4000, generator=seeded(2))
    assert total_variation(frequencies(x, 8), data.probs) < sampling_floor(data.probs, 4000) + 0.15


def test_uniform_diffusion_has_no_more_steps_than_it_was_trained_with():
    model = drawn(UniformDiffusion, 4)
    assert model.calls_per_sample() == 32
    with pytest.raises(ValueError, match=r"in 1\.\.32.*got 33"):
        model.sample(2, num_sampling_steps=33)
