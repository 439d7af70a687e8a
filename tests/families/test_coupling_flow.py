"""The coupling flow: its Jacobian by autograd, its density and the mass of its bins by quadrature."""

import math

import pytest
import torch
from small_cases import assert_close, seeded
from small_laws import as_dict, assert_samples

from dlm_course.families.coupling_flow import CouplingFlow


def arbitrary(vocab_size=4, length=2):
    """A model that is far from its start, the dequantiser's uniform noise included."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CouplingFlow(vocab_size, length, num_couplings=3, num_components=4, width=16, depth=1)
        for coupling in model.couplings:
            torch.nn.init.normal_(coupling.network.last.weight, std=0.15)
        torch.nn.init.normal_(model.dequantiser.last.weight, std=0.15)
    return model.eval()


@torch.no_grad()
def masses(model, per_bin, beyond=16):
    """The mass of each cell of the grid, (V + 2 beyond)^2: that of the V x V bins and of as large cells around them."""
    side = 4 / model.vocab_size
    cells = model.vocab_size + 2 * beyond
    points = (torch.arange(cells * per_bin) + 0.5) * (side / per_bin) - 2 - beyond * side
    density = torch.cat([model.log_density(torch.cartesian_prod(rows, points)).exp() for rows in points.split(100)])
    return density.double().view(cells, per_bin, cells, per_bin).sum((1, 3)) * (side / per_bin) ** 2


@pytest.fixture(scope="module")
def arbitrary_masses():
    return masses(arbitrary(), per_bin=40)


def test_the_density_integrates_to_one(arbitrary_masses):
    assert float(arbitrary_masses.sum()) == pytest.approx(1, abs=2e-3)
    assert float(arbitrary_masses.max()) > 0.03


@pytest.mark.parametrize("length", [2, 3, 5])
def test_the_inverse_undoes_the_flow(length):
    """In float64: where the density is flat, float32 leaves a few thousandths."""
    model = arbitrary(length=length).double()
    y = 2 * torch.randn(500, length, generator=seeded(1), dtype=torch.float64)
    z, _ = model.to_noise(y)
    assert_close(model.to_points(z), y, 1e-6)
    z = torch.rand(500, length, generator=seeded(2), dtype=torch.float64).logit()
    assert_close(model.to_noise(model.to_points(z))[0], z, 1e-6)


@pytest.mark.parametrize("length", [2, 3, 5])
def test_the_log_determinant_is_that_of_the_jacobian(length):
    model = arbitrary(length=length)
    y = torch.randn(6, length, generator=seeded(1))
    log_det = model.to_noise(y)[1].detach()
    for point, due in zip(y, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: model.to_noise(v[None])[0][0], point)
        assert float(torch.linalg.slogdet(jacobian).logabsdet) == pytest.approx(float(due), abs=1e-3)
        noise = model.to_noise(point[None])[0][0].detach()
        logistic = (-noise - 2 * torch.log1p((-noise).exp())).sum()
        assert float(model.log_density(point[None]).detach()) == pytest.approx(float(logistic + due), abs=1e-3)


def test_a_coupling_leaves_one_half_alone_and_is_increasing_in_the_other():
    coupling = arbitrary(length=5).couplings[0]
    y = torch.randn(50, 5, generator=seeded(1))
    further = y.clone()
    further[:, ::2] += 0.1
    before, after = coupling(y)[0], coupling(further)[0]
    assert torch.equal(before[:, 1::2], y[:, 1::2])
    assert bool((after[:, ::2] > before[:, ::2]).all())


def test_nll_bounds_the_mass_of_the_bin_which_its_weights_give_on_average(arbitrary_masses):
    """E exp(-nll) = E_q p(y) side^n / q(u | x) is the mass of the bin, whatever q; E nll is above its -log."""
    model = arbitrary()
    inside = arbitrary_masses[16:-16, 16:-16]
    for x in torch.cartesian_prod(torch.arange(4), torch.arange(4)):
        with torch.no_grad():
            nll = model.nll(x.expand(4000, 2), generator=seeded(int(4 * x[0] + x[1]))).double()
        weights = (-nll).exp()
        mass = float(inside[tuple(x)])
        assert abs(float(weights.mean()) - mass) < 5 * float(weights.std()) / math.sqrt(4000) + 1e-3 * mass
        assert float(nll.mean()) > -math.log(mass) - 5 * float(nll.std()) / math.sqrt(4000)
        assert float(nll.std()) > 0.01


def test_the_dequantiser_starts_from_uniform_numbers():
    model = CouplingFlow(4)
    x = torch.tensor([[0, 3]]).expand(4000, 2)
    y, log_q = model.dequantise(x, seeded(1))
    assert_close(log_q, torch.zeros(4000), 1e-4)
    u = (y.detach() + 2) - x
    assert abs(float(u.mean()) - 0.5) < 5 * math.sqrt(1 / 12 / 8000)
    assert abs(float((u**2).mean()) - 1 / 3) < 5 * math.sqrt(4 / 45 / 8000)


def test_the_dequantisers_density_is_that_of_its_numbers():
    """E 1/q(u | x) is the volume of the unit cube, and the numbers stay in the bin."""
    model = arbitrary()
    x = torch.tensor([[0, 3]]).expand(20_000, 2)
    with torch.no_grad():
        y, log_q = model.dequantise(x, seeded(1))
    inverse = (-log_q).exp().double()
    assert abs(float(inverse.mean()) - 1) < 5 * float(inverse.std()) / math.sqrt(20_000)
    assert float(inverse.std()) > 0.05
    assert bool(((y + 2 - x >= 0) & (y + 2 - x <= 1)).all())


def test_the_samples_have_the_density_s_masses(arbitrary_masses):
    """What lies outside counts to the outermost bins."""
    law = arbitrary_masses
    for _ in range(2):      # once along each axis
        law = torch.cat([law[:17].sum(0, keepdim=True), law[17:19], law[19:].sum(0, keepdim=True)]).T
    assert_samples(arbitrary().sample(40_000, generator=seeded(1)), as_dict(law))


def test_far_points_have_finite_densities():
    model = arbitrary()
    y = torch.tensor([[0.0, 0.0], [80.0, -80.0], [-1000.0, 1000.0]])
    assert bool(torch.isfinite(model.log_density(y)).all())


def test_it_learns_which_bin_goes_with_which():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CouplingFlow(4, num_couplings=2, num_components=6, width=32)
    first = torch.randint(4, (4096, 1), generator=seeded(1))
    data = torch.cat([first, 3 - first], 1)
    model.fit(data, 200, seeded(2), batch_size=128, learning_rate=5e-3, progress=False)
    nll = model.nll(data, generator=seeded(3)).detach()
    assert float(nll.mean()) < math.log(4) + 0.4                            # independent bins cost 2 log 4
    samples = model.sample(1000, generator=seeded(4))
    assert float((samples.sum(1) == 3).double().mean()) > 0.9


def test_two_halves_and_two_couplings_are_needed():
    with pytest.raises(ValueError, match="one half"):
        CouplingFlow(4, 1)
    with pytest.raises(ValueError, match="num_couplings 1"):
        CouplingFlow(4, 2, num_couplings=1)
