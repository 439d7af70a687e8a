"""The VAE: its likelihood and its bound by quadrature over one latent number."""

import math
from itertools import product

import pytest
import torch
from small_cases import assert_close, seeded
from small_laws import assert_samples
from torch.distributions import Normal, kl_divergence

from dlm_course.families.vae import VAE

STEP = 20 / 8000        # exactly: the difference of two float32 numbers is not
GRID = torch.linspace(-10, 10, 8001)[:, None]
WEIGHTS = Normal(0.0, 1.0).log_prob(GRID[:, 0]).exp().double() * STEP
POINTS = list(product(range(3), repeat=2))


def arbitrary(vocab_size=3, length=2):
    """A model whose decoder listens to its latent and whose encoder is not the posterior."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VAE(vocab_size, length, latent_size=1, width=16)
        torch.nn.init.normal_(model.decoder.last.weight, std=0.4)
        torch.nn.init.normal_(model.encoder.last.weight, std=0.15)
    return model.eval()


@torch.no_grad()
def given(model, x):
    """p(x | z) at every z of the grid."""
    probs = model.decode(GRID).double().softmax(-1)
    return math.prod(probs[:, i, v] for i, v in enumerate(x))


def law(model):
    """{x: integral of p(x | z) p(z)}."""
    return {x: float(WEIGHTS @ given(model, x)) for x in product(range(model.vocab_size), repeat=model.length)}


@torch.no_grad()
def bound(model, x):
    """-ELBO by quadrature: E_q[-log p(x | z)] + KL."""
    mean, log_std = model.encode(torch.tensor([x]))
    q = Normal(mean[0, 0], log_std[0, 0].exp())
    weights = q.log_prob(GRID[:, 0]).exp().double() * STEP
    return float(-(weights @ given(model, x).log()) + kl_divergence(q, Normal(0.0, 1.0)))


def mean_and_error(draws):
    return float(draws.double().mean()), float(draws.double().std()) / math.sqrt(len(draws))


def test_nll_is_the_bound_and_the_bound_is_above_the_exact_value():
    model = arbitrary()
    exact = law(model)
    assert sum(exact.values()) == pytest.approx(1, abs=1e-5)
    assert max(exact.values()) > 2 * min(exact.values())
    for seed, x in enumerate(POINTS):
        with torch.no_grad():
            mean, error = mean_and_error(model.nll(torch.tensor([x]).expand(5000, 2), generator=seeded(seed)))
        assert abs(mean - bound(model, x)) < 5 * error
        assert bound(model, x) > -math.log(exact[x])
    assert sum(bound(model, x) + math.log(exact[x]) for x in POINTS) > 0.1      # not tight, so that order is seen below


def test_more_draws_bring_the_bound_down_to_the_exact_value():
    model = arbitrary()
    for seed, x in enumerate(POINTS[:3]):
        rows, exact = torch.tensor([x]).expand(4000, 2), -math.log(law(model)[x])
        at = {draws: mean_and_error(model.importance_weighted_nll(rows, draws, generator=seeded(seed)))
              for draws in (1, 4, 64)}
        assert abs(at[1][0] - bound(model, x)) < 5 * at[1][1]
        assert at[1][0] > at[4][0] > at[64][0] > exact - 5 * at[64][1]
        assert at[64][0] - exact < (at[1][0] - exact) / 10 + 5 * at[64][1]


def test_the_importance_weights_are_the_likelihood_on_average():
    model = arbitrary()
    for seed, x in enumerate(POINTS):
        nll = model.importance_weighted_nll(torch.tensor([x]).expand(20_000, 2), 1, generator=seeded(seed))
        mean, error = mean_and_error((-nll).exp())
        assert abs(mean - law(model)[x]) < 5 * error


def test_the_samples_have_the_exact_law():
    model = arbitrary()
    assert_samples(model.sample(40_000, generator=seeded(1)), law(model))


def test_the_bound_is_tight_where_the_encoder_is_the_posterior():
    """A decoder that ignores z has the prior as its posterior."""
    model = arbitrary()
    with torch.no_grad():
        model.decoder.last.weight.zero_()
        for weight in (model.encoder.last.weight, model.encoder.last.bias):
            weight.zero_()
        x = torch.tensor(POINTS)
        due = -torch.tensor(list(law(model).values())).log()
        assert_close(model.nll(x, generator=seeded(1)), due, 1e-5)
        assert_close(model.importance_weighted_nll(x, 3, generator=seeded(1)), due, 1e-5)


def test_coordinates_are_independent_given_the_latent():
    model = arbitrary()
    z = torch.randn(1, 1, generator=seeded(1)).expand(20_000, 1)
    marginals = model.decode(z[:1])[0].softmax(-1).tolist()
    real = torch.randn
    try:
        torch.randn = lambda *shape, **_: z
        samples = model.sample(20_000, generator=seeded(2))
    finally:
        torch.randn = real
    assert_samples(samples, {x: marginals[0][x[0]] * marginals[1][x[1]] for x in POINTS})


def test_the_generator_decides_the_draws_of_the_importance_weights():
    model, x = arbitrary(), torch.tensor([[0, 1], [2, 2]])
    first, again, other = (model.importance_weighted_nll(x, 3, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_importance_weights_stay_on_the_device_of_the_model(device):
    x = torch.tensor([[0, 1], [2, 2]], device=device)
    nll = arbitrary().to(device).importance_weighted_nll(x, 2, generator=seeded(1, device))
    assert nll.device.type == device.type


def test_it_learns_which_bin_goes_with_which():
    """Independent bins cost 2 log 2, the truth log 2: only the latent can tell the two pairs apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VAE(4, width=32)
    first = torch.randint(2, (4096, 1), generator=seeded(1))
    data = torch.cat([1 + first, 2 - first], 1)
    model.fit(data, 400, seeded(2), batch_size=128, learning_rate=5e-3, progress=False)
    assert float(model.nll(data, generator=seeded(3)).detach().mean()) < math.log(2) + 0.4
    assert float((model.sample(1000, generator=seeded(4)).sum(1) == 3).double().mean()) > 0.85


def test_long_points_have_sixteen_latent_numbers():
    assert VAE(17, 64).encode(torch.zeros(5, 64, dtype=torch.long))[0].shape == (5, 16)


def test_what_is_no_point_no_number_of_draws_and_no_size_is_refused():
    model = arbitrary()
    with pytest.raises(ValueError, match="shape"):
        model.importance_weighted_nll(torch.zeros(4, 3, dtype=torch.long), 2)
    with pytest.raises(ValueError, match="num_draws"):
        model.importance_weighted_nll(torch.tensor([[0, 1]]), 0)
    with pytest.raises(ValueError, match="latent_size"):
        VAE(3, latent_size=0)
