"""The paths from noise to data: their fields against their flows, and two ways along the marginals against the law."""

import math

import pytest
import torch
from small_cases import seeded

from dlm_course.families.paths import Marginal, OptimalTransport, VarianceExploding, VariancePreserving

PATHS = [VarianceExploding(low=0.05, high=4.0), VariancePreserving(), OptimalTransport()]
every_path = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
POINTS = torch.tensor([[-1.5, 0.5], [0.5, 1.5], [1.0, -1.0]], dtype=torch.float64)


def draws(num, seed=0):
    return torch.randn(num, 2, dtype=torch.float64, generator=seeded(seed))


@every_path
def test_the_field_is_the_velocity_of_the_flow(path):
    x1, noise = draws(50), draws(50, 1)
    t = torch.linspace(0.02, 0.97, 50, dtype=torch.float64)

    def flow(t):
        return path.scale(t)[:, None] * x1 + path.std(t)[:, None] * noise

    velocity = (flow(t + 1e-6) - flow(t - 1e-6)) / 2e-6
    assert torch.allclose(path.field(flow(t), x1, t), velocity, rtol=1e-6, atol=1e-6)


def test_the_paths_begin_at_noise_and_end_at_the_point():
    start, end = torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    exploding, preserving, transport = PATHS
    assert float(exploding.std(start)) == pytest.approx(4)
    assert float(exploding.std(end)) == pytest.approx(0.05)
    assert float(preserving.scale(start)) == pytest.approx(math.exp(-5.025))       # the integral of β is 10.05
    assert (float(preserving.scale(end)), float(preserving.std(end))) == (1, 0)
    assert (float(transport.scale(start)), float(transport.std(start))) == (0, 1)
    assert (float(transport.scale(end)), float(transport.std(end))) == (1, 0)
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert torch.allclose(preserving.scale(t) ** 2 + preserving.std(t) ** 2, torch.ones_like(t), rtol=0, atol=1e-12)


def test_ot_is_straight_and_even_ve_straight_and_uneven_vp_bent():
    x1, noise, t = POINTS[:1], torch.tensor([[0.3, 2.0]], dtype=torch.float64), torch.linspace(0, 0.9, 10).double()
    turn, speed = {}, {}
    for path in PATHS:
        velocity = path.field(path.scale(t)[:, None] * x1 + path.std(t)[:, None] * noise, x1, t)
        length = velocity.norm(dim=-1)
        turn[path.name] = float(1 - ((velocity / length[:, None]) @ (velocity[0] / length[0])).min())
        speed[path.name] = float(length.max() / length.min())
    assert turn["OT"] < 1e-9
    assert turn["VE"] < 1e-9
    assert turn["VP"] > 0.1
    assert speed["OT"] == pytest.approx(1)
    assert speed["VE"] > 10


@every_path
def test_a_draw_has_the_mean_and_the_standard_deviation(path):
    t = 0.4
    x = path.sample(POINTS[:1].expand(40_000, -1), t, generator=seeded(3))
    std = float(path.std(torch.tensor(t)))
    assert ((x.mean(0) - path.mean(POINTS[0], t)).abs() < 5 * std / 200).all()
    assert (x.std(0) / std - 1).abs().max() < 5 / math.sqrt(2 * 40_000)
    assert torch.equal(x, path.sample(POINTS[:1].expand(40_000, -1), t, generator=seeded(3)))


@every_path
def test_the_marginal_is_the_mixture_and_the_score_its_derivative(path):
    marginal, x, t = Marginal(path, POINTS), draws(20).requires_grad_(), 0.6
    now = torch.tensor(t, dtype=torch.float64)
    mean, std = path.scale(now) * POINTS, float(path.std(now))
    density = sum(torch.exp(-((x - m) ** 2).sum(-1) / (2 * std**2)) / (2 * math.pi * std**2) for m in mean) / 3
    assert torch.allclose(marginal.log_prob(x, t).exp(), density, rtol=1e-10, atol=1e-300)
    score, = torch.autograd.grad(marginal.log_prob(x, t).sum(), x)
    assert torch.allclose(marginal.score(x, t), score, rtol=1e-9, atol=1e-9)


@every_path
def test_the_marginal_field_fulfils_the_continuity_equation(path):
    """∂/∂t log p + div f + f · ∇ log p = 0, the derivatives by autograd."""
    marginal, x = Marginal(path, POINTS), draws(20).requires_grad_()
    t = torch.full((20,), 0.5, dtype=torch.float64, requires_grad=True)
    by_t, = torch.autograd.grad(marginal.log_prob(x, t).sum(), t)
    field = marginal.field(x, t)
    div = sum(torch.autograd.grad(field[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(2))
    assert (by_t + div + (field * marginal.score(x, t)).sum(-1)).abs().max() < 1e-8


@every_path
@pytest.mark.parametrize("stochastic", [False, True], ids=["ODE", "SDE"])
def test_the_ode_and_the_sde_arrive_at_the_marginal(path, stochastic):
    marginal, num, end = Marginal(path, POINTS), 2000, 0.7
    middles = POINTS[torch.arange(num) % 3]
    start = path.sample(middles, 0.0, generator=seeded(5))
    visited = marginal.trajectories(start, 100, stochastic=stochastic, end=end, generator=seeded(6))
    assert visited.shape == (101, num, 2)
    assert torch.equal(visited[0], start)
    scale, std = float(path.scale(torch.tensor(end))), float(path.std(torch.tensor(end)))
    low, high = -1.5 * scale - 2, 1.5 * scale + 2
    edges = torch.linspace(low, high, 9, dtype=torch.float64)
    below = torch.special.ndtr((edges[:, None, None] - scale * POINTS) / std)            # of each mode, each coordinate
    for i in range(2):
        exact = torch.cat([below[:1, :, i], below[:, :, i].diff(dim=0), 1 - below[-1:, :, i]]).mean(-1)
        found = torch.bincount(torch.bucketize(visited[-1, :, i].contiguous(), edges), minlength=10) / num
        assert ((found - exact).abs() < 5 * (exact * (1 - exact) / num).sqrt() + 0.01).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="floating-point"):
        Marginal(PATHS[0], torch.zeros(3, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="end must be"):
        Marginal(PATHS[2], POINTS).trajectories(POINTS, 10, end=1.0)
    with pytest.raises(ValueError, match="low > 0"):
        VarianceExploding(low=0)
    with pytest.raises(ValueError, match="high >= low"):
        VariancePreserving(low=2, high=1)
