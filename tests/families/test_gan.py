"""The GAN: its two losses by hand, and what training leaves behind."""

import math

import pytest
import torch
from small_cases import seeded
from torch import nn

from dlm_course.families.family import dequantise, quantise
from dlm_course.families.gan import GAN
from dlm_course.families.grid import mode_shares, ring


def arbitrary(vocab_size=8, length=2, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GAN(vocab_size, length, **{"width": 16, "depth": 1, **options})


class Slope(nn.Module):
    """The critic D(x) = w · x, whose slope is w everywhere."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, x):
        return x @ self.weights[:, None]


def pairs(model, x, seed):
    """The data points and the made ones, in the order in which both losses draw them."""
    generator = seeded(seed)
    real = dequantise(x, model.vocab_size, generator=generator)
    return real, model.generator(torch.randn(len(x), model.noise_size, generator=generator)).detach()


def test_both_losses_by_hand():
    model, x = arbitrary(penalty=0.3), torch.randint(8, (50, 2), generator=seeded(0))
    model.critic = Slope([0.5, -1.5])
    real, made = pairs(model, x, 1)
    lead = (real - made) @ torch.tensor([0.5, -1.5])
    by_hand = sum(math.log1p(math.exp(-value)) for value in lead.tolist()) / 50 + 0.3 * (0.5**2 + 1.5**2)
    assert float(model.critic_loss(x, generator=seeded(1))) == pytest.approx(by_hand, rel=1e-5)
    by_hand = sum(math.log1p(math.exp(value)) for value in lead.tolist()) / 50
    assert float(model.loss(x, generator=seeded(1))) == pytest.approx(by_hand, rel=1e-5)


def test_each_loss_teaches_its_own_network():
    model, x = arbitrary(), torch.randint(8, (50, 2), generator=seeded(0))
    model.critic_loss(x, generator=seeded(1)).backward()
    assert all(parameter.grad is None for parameter in model.generator.parameters())
    # what is added to every score cancels in a pair
    learned = [name for name, parameter in model.critic.named_parameters() if bool((parameter.grad.abs() > 1e-9).any())]
    assert set(dict(model.critic.named_parameters())) - set(learned) <= {"last.bias"}
    model.zero_grad()
    model.loss(x, generator=seeded(1)).backward()
    assert all(bool((parameter.grad != 0).any()) for parameter in model.generator.parameters())


def test_the_penalty_is_on_the_slope():
    """Its derivative by the critic's weights, which passes through the slope: by finite differences."""
    x = torch.randint(8, (50, 2), generator=seeded(0))
    model = arbitrary(penalty=2.0).double()
    model.make = lambda num, generator: torch.randn(num, 2, generator=generator, dtype=torch.float64)
    weight = model.critic.first.weight
    slope, = torch.autograd.grad(model.critic_loss(x, generator=seeded(1)), weight)
    found = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[0, 1] += sign * 1e-5
        found.append(float(model.critic_loss(x, generator=seeded(1)).detach()))
        with torch.no_grad():
            weight[0, 1] -= sign * 1e-5
    assert float(slope[0, 1]) == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-3, abs=1e-6)


def test_samples_are_the_bins_of_what_is_made():
    model = arbitrary()
    x = model.sample(500, generator=seeded(3))
    assert torch.equal(x, quantise(model.generator(torch.randn(500, 2, generator=seeded(3))), 8))


def test_training_ends_with_the_averaged_generator():
    data = ring(8).sample(500, generator=seeded(0))

    def trained(average):
        model = arbitrary()
        model.fit(data, 5, seeded(1), batch_size=32, average=average, progress=False)
        return model.state_dict()

    averaged, last = trained(0.9), trained(0.0)
    assert all(torch.equal(averaged[name], last[name]) for name in last if name.startswith("critic"))
    assert any(not torch.equal(averaged[name], last[name]) for name in last if name.startswith("generator"))


@pytest.mark.slow
def test_some_training_finds_all_of_four_modes():
    data = ring(16, num_modes=4, spread=0.05)
    torch.manual_seed(0)
    model = GAN(16, width=64, depth=1)
    model.fit(data.sample(20_000, generator=seeded(0)), 300, seeded(1), batch_size=128, progress=False)
    assert float(mode_shares(model.sample(5000, generator=seeded(2)), data).min()) > 0.3
