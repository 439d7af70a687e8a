"""The data and the face that the families share: integrals by fine grids, the way from bins to points, training."""

import math

import pytest
import torch
from small_cases import seeded
from torch import nn

from dlm_course.families.family import (
    HALF_SIDE,
    Family,
    NoLikelihoodError,
    PointNetwork,
    check_points,
    dequantise,
    log_cell,
    quantise,
    waves,
)
from dlm_course.families.grid import frequencies, mode_shares, ring, spiral, stray_share

SHAPES = pytest.mark.parametrize("shape", [ring, spiral])


# The data

def integrated(centres, weights, spread, vocab_size, fine=24):
    """Bin probabilities of a mixture in the unit square, by a midpoint rule with fine x fine points a bin."""
    middles = (torch.arange(vocab_size * fine, dtype=torch.float64) + 0.5) / (vocab_size * fine)
    wave = torch.exp(-((middles[:, None, None] - centres) ** 2) / (2 * spread**2))          # (points, modes, 2)
    density = torch.einsum("im,jm,m->ij", wave[..., 0], wave[..., 1], weights)
    mass = density.reshape(vocab_size, fine, vocab_size, fine).sum((1, 3))
    return mass / mass.sum()


def test_ring_holds_the_mass_of_each_bin():
    angles = [2 * math.pi * k / 5 for k in range(5)]
    centres = torch.tensor([[0.5 + 0.375 * math.cos(a), 0.5 + 0.375 * math.sin(a)] for a in angles],
                           dtype=torch.float64)
    due = integrated(centres, torch.full((5,), 0.2, dtype=torch.float64), 0.05, 16)
    got = ring(16, num_modes=5, spread=0.05).probs
    assert torch.allclose(got, due, atol=2e-5)
    assert abs(float(got.sum()) - 1) < 1e-12


def test_spiral_holds_the_mass_of_each_bin():
    s = torch.linspace(0, 1, 4001, dtype=torch.float64)
    turns = 0.15 + 0.85 * (s[1:] + s[:-1]) / 2
    arm = 0.5 + 0.42 * torch.stack([turns * (4 * math.pi * turns).cos(), turns * (4 * math.pi * turns).sin()], -1)
    # The speed |d arm / d turns| of a spiral of radius r = 0.42 turns: sqrt(r'^2 + (r angle')^2).
    speed = 0.42 * (1 + (4 * math.pi * turns) ** 2).sqrt()
    due = integrated(arm, speed / speed.sum(), 0.04, 12, fine=12)
    assert torch.allclose(spiral(12, spread=0.04).probs, due, atol=2e-4)


@SHAPES
def test_entropy_and_log_prob(shape):
    data = shape()
    table = data.probs.tolist()
    assert float(data.entropy()) == pytest.approx(-sum(p * math.log(p) for row in table for p in row if p), abs=1e-9)
    x = torch.tensor([[0, 3], [28, 16], [5, 27]])
    assert data.log_prob(x).exp().tolist() == pytest.approx([table[a][b] for a, b in x.tolist()], rel=1e-9)
    assert data.log_prob(x[0]).shape == ()
    assert (data.probs > 0).all()


@SHAPES
def test_samples_follow_the_probabilities(shape):
    data, num = shape(12, spread=0.05), 40_000
    x = data.sample(num, generator=seeded(0))
    assert x.dtype == torch.int64
    assert x.shape == (num, 2)
    expected, counts = num * data.probs, torch.zeros(12, 12, dtype=torch.float64)
    for a, b in x.tolist():
        counts[a, b] += 1
    assert torch.allclose(frequencies(x, 12), counts / num)
    common = expected > 5
    chi_square = float(((counts - expected) ** 2 / expected)[common].sum())
    degrees = int(common.sum())
    assert abs(chi_square - degrees) < 6 * math.sqrt(2 * degrees)
    assert torch.equal(x, data.sample(num, generator=seeded(0)))


def test_stray_share_is_what_lies_outside_the_likeliest_bins():
    data, inside, mass = spiral(), set(), 0.0       # the ring's bins are alike by eights: no one set is the smallest
    bins = ((float(data.probs[a, b]), a, b) for a in range(32) for b in range(32))
    for mass_of_bin, a, b in sorted(bins, reverse=True):
        if mass < 0.99:
            inside.add((a, b))
            mass += mass_of_bin
    x = torch.randint(32, (3000, 2), generator=seeded(0))
    assert stray_share(x, data) == pytest.approx(sum(pair not in inside for pair in map(tuple, x.tolist())) / 3000)
    for shape in (data, ring()):
        assert 0.007 < stray_share(shape.sample(50_000, generator=seeded(1)), shape) < 0.011


def test_mode_shares():
    data = ring()
    assert mode_shares(data.sample(50_000, generator=seeded(0)), data).sub(1).abs().max() < 0.06
    on_the_right = torch.tensor([[28, 16]])                             # near (0.875, 0.5), the first mode
    shares = mode_shares(on_the_right.expand(10, -1), data)
    near = [math.dist((a + 0.5, b + 0.5), (28, 16)) < 3 * data.spread for a in range(32) for b in range(32)]
    due = 1 / float(data.probs.flatten()[torch.tensor(near)].sum())
    assert shares.tolist() == pytest.approx([due] + 7 * [0], rel=1e-9)
    with pytest.raises(ValueError, match=r"spiral has no separate modes"):
        mode_shares(on_the_right, spiral())


# From bins to points and back

@pytest.mark.parametrize("vocab_size", [2, 7, 32])
def test_dequantise_fills_each_bin_evenly_and_quantise_undoes_it(vocab_size):
    x = torch.arange(vocab_size).repeat_interleave(4000)[:, None].expand(-1, 2)
    z = dequantise(x, vocab_size, generator=seeded(0))
    assert z.dtype == torch.float32
    assert torch.equal(quantise(z, vocab_size), x)
    within = ((z.double() + HALF_SIDE) / (2 * HALF_SIDE) * vocab_size - x).flatten()
    assert -1e-5 < float(within.min()) < 0.001
    assert 0.999 < float(within.max()) < 1 + 1e-5
    # Kolmogorov's distance to the uniform distribution: above 2 / sqrt(N) with a probability of 7e-4.
    rank = (torch.arange(len(within), dtype=torch.float64) + 0.5) / len(within)
    assert (within.sort().values - rank).abs().max() < 2 / math.sqrt(len(within))
    assert torch.equal(z, dequantise(x, vocab_size, generator=seeded(0)))


def test_quantise_counts_what_is_outside_to_the_ends():
    z = torch.tensor([[-9.0, 9.0], [-2.0, 2.0], [-1.01, -0.99], [0.0, 1.99]])
    assert quantise(z, 4).tolist() == [[0, 3], [0, 3], [0, 1], [2, 3]]


def test_log_cell_is_the_volume_of_a_bin():
    assert log_cell(32, 2) == pytest.approx(math.log((4 / 32) ** 2))
    assert log_cell(4, 5) == pytest.approx(0)


def test_a_dequantised_density_pays_more_than_its_bins_and_as_much_where_it_is_flat():
    vocab_size, side = 4, 1.0
    x = torch.arange(vocab_size).repeat_interleave(50_000)[:, None]
    z = dequantise(x, vocab_size, generator=seeded(0)).double()

    def paid(log_density):
        cost = -log_density(z) - log_cell(vocab_size, 1)
        return cost.reshape(vocab_size, -1).mean(1)

    def normal(z):
        return -(z**2) / 2 - 0.5 * math.log(2 * math.pi)

    edges = torch.linspace(-2, 2, vocab_size + 1, dtype=torch.float64)
    mass = torch.special.ndtr(edges).diff()
    # By hand: E_u (z^2 / 2) over a bin [a, b] of side 1 is (a^2 + a b + b^2) / 6.
    low, high = edges[:-1], edges[1:]
    due = (low**2 + low * high + high**2) / 6 + 0.5 * math.log(2 * math.pi) - math.log(side)
    assert torch.allclose(paid(normal), due, atol=0.01)
    assert (paid(normal) > -mass.log() + 0.01).all()

    heights = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=torch.float64)
    steps = paid(lambda z: heights[quantise(z, vocab_size)[:, 0]].log()[:, None])
    assert torch.allclose(steps, -(heights * side).log(), atol=1e-12)


# The face

class Marginals(Family):
    """Each coordinate from its own table."""

    name = "marginals"
    likelihood = "exact"

    def __init__(self, vocab_size, length=2):
        super().__init__(vocab_size, length)
        self.logits = nn.Parameter(torch.randn(length, vocab_size))

    def nll(self, x, *, generator=None):
        check_points(x, self.vocab_size, self.length)
        places = torch.arange(self.length)
        return -self.logits.log_softmax(-1)[places, x].sum(-1)

    def loss(self, x, *, generator=None):
        return self.nll(x).mean()

    def sample(self, num, *, generator=None, num_sampling_steps=None):
        return torch.multinomial(self.logits.softmax(-1), num, replacement=True, generator=generator).T

    def calls_per_sample(self, num_sampling_steps=None):
        return 1


def fitted(num_steps, seed=0, **options):
    torch.manual_seed(0)
    model = Marginals(4)
    data = torch.tensor([[0, 1], [0, 2], [1, 2], [0, 2]])
    return model, model.fit(data, num_steps, seeded(seed), batch_size=8, progress=False, **options)


def test_fit_is_determined_by_its_generator():
    (first, losses), (again, same), (other, different) = fitted(30), fitted(30), fitted(30, seed=1)
    assert losses.shape == (30,)
    assert torch.equal(losses, same)
    assert torch.equal(first.logits, again.logits)
    assert not torch.equal(losses, different)
    assert not torch.equal(first.logits, other.logits)
    assert not first.training


def test_fit_finds_the_frequencies():
    model, losses = fitted(400, learning_rate=5e-2, average=0.9)
    due = torch.tensor([[0.75, 0.25, 0, 0], [0, 0.25, 0.75, 0]])
    assert torch.allclose(model.logits.softmax(-1), due, atol=0.06)
    assert losses[-50:].mean() < losses[:50].mean() - 0.5


def test_fit_ends_with_averaged_weights(monkeypatch):
    """The weights after each step, caught from Adam, averaged by hand."""
    visited, step = [], torch.optim.Adam.step

    def caught(self, *arguments):
        step(self, *arguments)
        visited.append(self.param_groups[0]["params"][0].detach().clone())

    monkeypatch.setattr(torch.optim.Adam, "step", caught)
    torch.manual_seed(0)
    due = torch.randn(2, 4)
    model, _ = fitted(40, average=0.8)
    for number, weights in enumerate(visited, 1):
        keep = min(0.8, (1 + number) / (10 + number))
        due = keep * due + (1 - keep) * weights
    assert torch.allclose(model.logits, due, atol=1e-6)
    assert not torch.allclose(model.logits, visited[-1], atol=1e-6)


def test_fit_warms_up_and_decays(monkeypatch):
    rates, step = [], torch.optim.Adam.step

    def caught(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", caught)
    fitted(200, learning_rate=0.1)
    assert rates[0] == pytest.approx(0.1 / 50)
    assert max(rates) == pytest.approx(max(rates[45:55]))
    assert 0.003 < rates[-1] < 0.006
    assert rates[50:] == sorted(rates[50:], reverse=True)


@pytest.mark.parametrize("wrong", [torch.zeros(3, 3, dtype=torch.long), torch.zeros(3, dtype=torch.long),
                                   torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.bool)])
def test_points_of_another_kind_are_refused(wrong):
    with pytest.raises(ValueError, match=r"points must be integer bins of shape \(batch, 2\), got torch\..* of shape"):
        check_points(wrong, 4, 2)


@pytest.mark.parametrize("bin_", [-1, 4])
def test_bins_out_of_range_are_refused(bin_):
    with pytest.raises(ValueError, match=rf"bins must be in 0\.\.3, got .*{bin_}"):
        check_points(torch.tensor([[1, bin_]]), 4, 2)
    with pytest.raises(ValueError, match=r"bins must be in 0\.\.3"):
        Marginals(4).fit(torch.tensor([[1, bin_]]), 1, seeded(0), progress=False)


def test_no_points_are_points():
    check_points(torch.zeros(0, 2, dtype=torch.long), 4, 2)


@pytest.mark.parametrize(("vocab_size", "length"), [(1, 2), (4, 0)])
def test_families_need_bins_and_coordinates(vocab_size, length):
    with pytest.raises(ValueError, match=rf"vocab_size {vocab_size} and length {length}"):
        Marginals(vocab_size, length)


def test_a_family_without_likelihood_says_so():
    class Silent(Marginals):
        name = "silent"
        nll = Family.nll

    with pytest.raises(NoLikelihoodError, match=r"silent has no likelihood"):
        Silent(4).nll(torch.tensor([[0, 1]]))


def test_device(device):
    assert Marginals(4).to(device).device().type == device.type


# The network

def test_waves():
    x = torch.tensor([[0.1, -0.3]])
    due = [[[f(2 * math.pi * 2**k * v) for f in (math.sin, math.cos) for k in range(3)] for v in (0.1, -0.3)]]
    assert torch.allclose(waves(x, 3), torch.tensor(due), atol=1e-5)


@pytest.mark.parametrize(("length", "num_outputs", "num_waves"), [(1, 3, 1), (2, 8, 4), (64, 128, 2)])
def test_point_network_shapes_and_gradients(length, num_outputs, num_waves):
    z = torch.randn(5, length, generator=seeded(0))
    network = PointNetwork(length, num_outputs, width=16, depth=1, num_waves=num_waves)
    assert network(z).shape == (5, num_outputs)
    timed = PointNetwork(length, num_outputs, width=16, depth=1, num_waves=num_waves, timed=True)
    time = torch.linspace(0, 1, 5)
    assert timed(z, time).shape == (5, num_outputs)
    assert not torch.allclose(timed(z, time), timed(z, 1 - time))
    timed(z, time).square().sum().backward()
    assert all(bool((weight.grad != 0).any()) for weight in timed.parameters())
