"""Flow matching: its likelihood against closed forms and the Jacobian, its sampler against fields that are known."""

import math
from itertools import pairwise

import pytest
import torch
from small_cases import seeded
from torch import nn
from torch.distributions import Normal

from dlm_course.families.family import HALF_SIDE, dequantise, log_cell
from dlm_course.families.flow_matching import FlowMatching
from dlm_course.families.grid import ring
from dlm_course.families.paths import Marginal, OptimalTransport


class Known(nn.Module):
    """A field that is given, in place of the network; one parameter, so that it has a device."""

    def __init__(self, function):
        super().__init__()
        self.function, self.nothing = function, nn.Parameter(torch.zeros(()))

    def forward(self, x, t):
        return self.function(x, t)


def arbitrary(vocab_size=8, length=2, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return FlowMatching(vocab_size, length, width=32, **options).eval()


def with_field(function, vocab_size=64, length=2, **options):
    model = arbitrary(vocab_size, length, **options)
    model.field = Known(function)
    return model


@pytest.mark.parametrize("length", [1, 2, 6], ids=lambda n: f"n = {n}")
def test_the_likelihood_of_a_linear_field_is_a_gaussian(length):
    """dx = (k x + c) dt takes N(0, 1) to N(c (e^k - 1) / k, e^2k); from 5 coordinates on by Hutchinson, exact here."""
    k, c = -0.7, 0.5
    model = with_field(lambda x, t: k * x + c, length=length, num_solver_steps=100)
    x = torch.randint(64, (50, length), generator=seeded(0))
    z = dequantise(x, 64, generator=seeded(1))                                  # what nll draws first
    expected = -Normal(c * math.expm1(k) / k, math.exp(k)).log_prob(z).sum(-1) - log_cell(64, length)
    assert torch.allclose(model.nll(x, generator=seeded(1)), expected, rtol=0, atol=2e-3)


def test_the_likelihood_is_the_change_of_variables_of_the_samplers_map():
    """From the same network, forwards: x(1) and the determinant of its Jacobian by x(0), by autograd."""
    model = arbitrary()
    x = torch.randint(2, 6, (20, 2), generator=seeded(0))
    z = dequantise(x, 8, generator=seeded(1))
    times = torch.linspace(0, 1, 401)

    def solve(start, times):
        for a, b in pairwise(times):
            slope = model.field(start, a.expand(len(start)))
            ahead = model.field(start + (b - a) * slope, b.expand(len(start)))
            start = start + (b - a) / 2 * (slope + ahead)
        return start

    noise = solve(z, times.flip(0)).detach().requires_grad_()
    arrived = solve(noise, times)
    assert torch.allclose(arrived, z, rtol=0, atol=1e-3)
    jacobian = torch.stack([torch.autograd.grad(arrived[:, i].sum(), noise, retain_graph=True)[0] for i in range(2)], 1)
    log_density = Normal(0.0, 1.0).log_prob(noise).sum(-1) - jacobian.det().abs().log()
    found = model.nll(x, generator=seeded(1), num_solver_steps=400)
    assert torch.allclose(found, -log_density - log_cell(8, 2), rtol=0, atol=5e-3)


def test_on_average_it_is_above_the_cost_of_the_bin():
    """Normal(0.3, 0.5) cut into bins of half a unit: both sides in closed form."""
    k, c = math.log(0.5), 0.3 * math.log(0.5) / (0.5 - 1)
    model = with_field(lambda x, t: k * x + c, vocab_size=8, length=1, num_solver_steps=50)
    edges = torch.linspace(-HALF_SIDE, HALF_SIDE, 9)
    exact = -torch.log(Normal(0.3, 0.5).cdf(edges).diff())
    for x in range(2, 7):
        nll = model.nll(torch.full((4000, 1), x), generator=seeded(x))
        assert float(nll.mean()) > float(exact[x]) - 1e-3
        mass = (-nll).exp()
        assert abs(float(mass.mean()) - math.exp(-exact[x])) < 5 * float(mass.std()) / math.sqrt(4000) + 1e-3


def test_above_a_few_coordinates_the_divergence_is_unbiased():
    model = arbitrary(8, 6)
    x = torch.randn(1, 6, generator=seeded(0))
    exact = torch.autograd.functional.jacobian(lambda z: model.field(z, torch.full((1,), 0.3))[0], x)[:, 0].trace()
    signs = (2 * torch.randint(2, (5000, 6), generator=seeded(1)) - 1).float()
    _, found = model.slope_and_divergence(x.expand(5000, -1), 0.3, signs)
    assert abs(float(found.mean() - exact)) < 5 * float(found.std()) / math.sqrt(5000) + 1e-5


def test_with_the_exact_field_the_samples_are_the_data():
    points = torch.tensor([[-1.4, 0.6], [0.6, 1.4], [0.9, -0.9]])
    exact = Marginal(OptimalTransport(), points)
    model = with_field(lambda x, t: exact.field(x, t.clamp(max=0.999)), vocab_size=8, num_solver_steps=40)
    x, num = model.sample(6000, generator=seeded(0)), 6000
    found = [float((x == torch.tensor(bins)).all(-1).double().mean()) for bins in ([1, 5], [5, 6], [5, 2])]
    assert sum(found) > 0.999
    assert all(abs(share - 1 / 3) < 5 * math.sqrt(2 / 9 / num) + 0.005 for share in found)


def test_the_loss_has_its_minimum_at_the_average_velocity():
    """One data point in small bins: the field (x_1 - x) / (1 - t) leaves no more than the bin's width."""
    bins = torch.tensor([[100, 30]])
    x1 = (bins + 0.5) * (2 * HALF_SIDE / 256) - HALF_SIDE
    model = with_field(lambda x, t: (x1 - x) / (1 - t[:, None]).clamp(min=1e-3), vocab_size=256)
    few = bins.repeat(500, 1)
    best = float(model.loss(few, generator=seeded(0)))
    model.field = Known(lambda x, t: (x1 - x) / (1 - t[:, None]).clamp(min=1e-3) + 0.3)
    other = float(model.loss(few, generator=seeded(0)))
    assert other == pytest.approx(best + 2 * 0.3**2, abs=0.05)


def test_a_solver_step_is_needed():
    with pytest.raises(ValueError, match="num_solver_steps"):
        FlowMatching(8, num_solver_steps=0)


@pytest.mark.slow
def test_some_training_comes_near_the_entropy():
    data = ring(8, num_modes=4, spread=0.06)
    torch.manual_seed(0)
    model = FlowMatching(8, width=64)
    model.fit(data.sample(20_000, generator=seeded(0)), 500, seeded(1), learning_rate=4e-3, progress=False)
    x = data.sample(1000, generator=seeded(2))
    assert float(model.nll(x, generator=seeded(3)).mean()) < float(data.entropy()) + 0.6
