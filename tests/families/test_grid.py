"""The data of the families: the mass of each bin by integrals on fine grids, draws, and how samples are judged."""

import math

import pytest
import torch
from small_cases import seeded

from dlm_course.families.grid import frequencies, mode_shares, ring, spiral, stray_share

SHAPES = pytest.mark.parametrize("shape", [ring, spiral])


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
