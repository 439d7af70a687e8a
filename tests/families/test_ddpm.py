"""DDPM: its coefficients by Bayes, its bound by quadrature, its sampler against its own law."""

import math
from itertools import pairwise

import pytest
import torch
from small_cases import seeded
from torch.distributions import Normal, kl_divergence

from dlm_course.chain.categorical import entropy
from dlm_course.families.ddpm import DDPM
from dlm_course.families.grid import ring

GRID = torch.linspace(-9, 9, 1201)


def arbitrary(vocab_size=3, length=1, num_steps=4, **options):
    """A model with some weights in its last layer, which starts at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = DDPM(vocab_size, length, num_steps=num_steps, width=32, **options)
        torch.nn.init.normal_(model.network.last.weight, std=0.1)
    return model.eval()


def bin_probs(model, mean, variance):
    """(grid, V): the Gaussian at the centres, normalised."""
    log_density = Normal(mean, variance.sqrt()).log_prob(model.centres)
    return (log_density - log_density.logsumexp(-1, keepdim=True)).exp()


@torch.no_grad()
def law(model, levels):
    """The law of x_0 (V,) of a chain over these steps, one coordinate: the density of x_t carried along a grid."""
    mass = Normal(0.0, 1.0).log_prob(GRID).exp() * (GRID[1] - GRID[0])
    for t, s in pairwise(levels[:-1]):
        mean, variance = model.posterior(GRID[:, None], torch.full((len(GRID),), t))
        alpha_t, alpha_s = float(model.alpha_bar[t]), float(model.alpha_bar[s])
        # x_s given x_t and x_0 by the product of two Gaussians: x_s given x_0, and x_t given x_s
        share = alpha_t / alpha_s
        precision = 1 / (1 - alpha_s) + share / (1 - share)
        from_x0, from_xt = math.sqrt(alpha_s) / (1 - alpha_s) / precision, math.sqrt(share) / (1 - share) / precision
        step = Normal(from_xt * GRID[:, None] + from_x0 * mean, (1 / precision + from_x0**2 * variance).sqrt())
        mass = mass @ step.log_prob(GRID[None]).exp() * (GRID[1] - GRID[0])
    mean, variance = model.posterior(GRID[:, None], torch.full((len(GRID),), levels[-2]))
    return mass @ bin_probs(model, mean, variance)


@torch.no_grad()
def exact_bound(model, x):
    """The bound of one coordinate's bin, every expectation by quadrature."""
    x0, total = model.centres[x], 0.0
    for t in range(1, model.num_steps + 1):
        alpha_t, alpha_s = float(model.alpha_bar[t]), float(model.alpha_bar[t - 1])
        weight = Normal(math.sqrt(alpha_t) * x0, math.sqrt(1 - alpha_t)).log_prob(GRID).exp() * (GRID[1] - GRID[0])
        mean, variance = (part[:, 0] for part in model.posterior(GRID[:, None], torch.full((len(GRID),), t)))
        if t == 1:
            total -= float(weight @ bin_probs(model, mean[:, None], variance[:, None])[:, x].log().clamp(min=-99))
        else:
            share = alpha_t / alpha_s
            from_xt = math.sqrt(share) * (1 - alpha_s) / (1 - alpha_t)
            from_x0 = math.sqrt(alpha_s) * (1 - share) / (1 - alpha_t)
            noise = (1 - alpha_s) * (1 - share) / (1 - alpha_t)
            q = Normal(from_xt * GRID + from_x0 * x0, math.sqrt(noise))
            p = Normal(from_xt * GRID + from_x0 * mean, (noise + from_x0**2 * variance).sqrt())
            total += float(weight @ kl_divergence(q, p))
    last = float(model.alpha_bar[-1])
    return total + float(kl_divergence(Normal(math.sqrt(last) * x0, math.sqrt(1 - last)), Normal(0.0, 1.0)))


def test_nll_is_the_bound_and_the_bound_is_above_the_exact_value():
    model = arbitrary()
    probs = law(model, [4, 3, 2, 1, 0])
    assert float(probs.sum()) == pytest.approx(1, abs=1e-4)
    for x in range(3):
        draws = model.nll(torch.full((4000, 1), x), generator=seeded(x))
        bound = exact_bound(model, x)
        assert abs(float(draws.mean()) - bound) < 5 * float(draws.std()) / math.sqrt(4000) + 1e-3
        assert bound > -float(probs[x].log())


def test_the_loss_is_an_unbiased_estimate_of_the_same_bound():
    model = arbitrary()
    x = torch.tensor([[0], [1], [2]]).repeat(64, 1)
    with torch.no_grad():
        losses = torch.stack([model.loss(x, generator=seeded(i)) for i in range(300)])
    expected = sum(exact_bound(model, x) for x in range(3)) / 3
    assert abs(float(losses.mean()) - expected) < 5 * float(losses.std()) / math.sqrt(300) + 1e-3


@pytest.mark.parametrize(("steps", "levels"), [(None, [4, 3, 2, 1, 0]), (2, [4, 2, 0]), (1, [4, 0])])
def test_the_sampler_has_the_law_of_the_chain(steps, levels):
    model, num = arbitrary(), 20_000
    probs = law(model, levels)
    x = model.sample(num, generator=seeded(7), num_sampling_steps=steps)
    found = torch.bincount(x[:, 0], minlength=3) / num
    assert ((found - probs).abs() < 5 * (probs * (1 - probs) / num).sqrt() + 1e-4).all()


def test_with_the_exact_posterior_the_bound_closes_as_the_steps_grow():
    """Two far bins, one coordinate: mean and variance of x_0 given x_t in closed form, the bound near log 2."""
    bounds = []
    for num_steps in (4, 32, 256):
        model = DDPM(2, 1, num_steps=num_steps, first_noise=0.1, width=8)

        def posterior(xt, t, model=model):
            alpha_bar = model.alpha_bar[t][:, None].float()
            logits = -(xt - alpha_bar.sqrt() * model.centres) ** 2 / (2 * (1 - alpha_bar))
            mean = logits.softmax(-1) @ model.centres[:, None]
            return mean, (1 - mean**2).clamp(min=1e-6)              # the centres are -1 and 1

        model.posterior = posterior
        bounds.append(exact_bound(model, 0))
    assert bounds[0] > bounds[1] > bounds[2] > math.log(2)
    assert bounds[2] < math.log(2) + 0.05


def test_two_steps_are_needed():
    with pytest.raises(ValueError, match="at least 2"):
        DDPM(3, num_steps=1)


@pytest.mark.slow
def test_some_training_comes_near_the_entropy():
    data = ring(8, num_modes=4, spread=0.06)
    torch.manual_seed(0)
    model = DDPM(8, num_steps=50, width=64)
    model.fit(data.sample(20_000, generator=seeded(0)), 500, seeded(1), learning_rate=4e-3, progress=False)
    x = data.sample(2000, generator=seeded(2))
    assert float(model.nll(x, generator=seeded(3)).mean()) < float(entropy(data.probs.flatten())) + 0.35
