"""The contract that every family keeps, on tiny models; then what family.py offers: training, points, networks."""

import copy
import math
from dataclasses import dataclass

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
from dlm_course.families.grid import ring
from dlm_course.families.measures import FAMILIES, build
from dlm_course.model.denoiser import Denoiser
from dlm_course.text.corpora import load_digits

# The contract


@dataclass(frozen=True)
class Promise:
    """What a family, built tiny, says of itself.

    arguments   that make it tiny
    likelihood  what its nll is
    calls       num_sampling_steps -> the network's calls for a pair; other numbers are refused
    refusal     what the error says of other numbers
    drawn       whether the nll of a pair depends on random draws
    """

    arguments: dict
    likelihood: str
    calls: dict
    refusal: str
    drawn: bool


PROMISES = {
    "autoregressive": Promise({"width": 16}, "exact", {None: 2, 2: 2}, "one call a token, 2 here; got", False),
    "coupling flow": Promise({"num_couplings": 3, "num_components": 4, "width": 16, "depth": 1}, "bound",
                             {None: 3, 3: 3}, "one call a coupling, 3; got", True),
    "VAE": Promise({"width": 16}, "bound", {None: 1, 1: 1}, "a VAE takes one call, got", True),
    "GAN": Promise({"noise_size": 3, "width": 16, "depth": 1}, "none", {None: 1, 1: 1}, "a GAN takes one call, got",
                   False),
    "DDPM": Promise({"num_steps": 4, "width": 16}, "bound", {None: 4, 1: 1, 2: 2, 4: 4},
                    r"num_sampling_steps must be in 1\.\.4, the steps of the chain, got", True),
    "flow matching": Promise({"num_solver_steps": 3, "width": 16}, "estimate", {None: 6, 1: 2, 4: 8},
                             "the solver needs at least one step, got", True),
    "absorbing diffusion": Promise({"width": 16}, "bound", {None: 2, 1: 1, 2: 2, 4: 2},
                                   "num_sampling_steps must be an int >= 1 and <= 1,000,000, got", False),
    "uniform diffusion": Promise({"num_steps": 6, "width": 16}, "bound", {None: 6, 1: 1, 4: 4, 6: 6},
                                 r"num_sampling_steps must be in 1\.\.6, the T of the model's chain, got", False),
}
EVERY = pytest.mark.parametrize("name", FAMILIES)
DATA = ring(8, num_modes=4, spread=0.06).sample(2000, generator=seeded(0))
PAIRS = torch.cartesian_prod(torch.arange(8), torch.arange(8))


def tiny(name, vocab_size=8, length=2, seed=0):
    return build(name, vocab_size, length, seed=seed, **PROMISES[name].arguments)


def fit(model, num_steps, seed=1, data=DATA, **options):
    """Steps large enough to be seen."""
    return model.fit(data, num_steps, seeded(seed, data.device),
                     **{"batch_size": 64, "learning_rate": 1e-2, "progress": False} | options)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    """One trained model a family; tests leave it as it is."""
    trained = tiny(request.param)
    fit(trained, 40)
    trained.zero_grad()
    return trained


def promise(model):
    return PROMISES[model.name]


def draws(model):
    """Each way to draw from a model, from a generator alone: samples with each number of steps, and the nll."""
    found = [lambda g, steps=steps: model.sample(50, generator=g, num_sampling_steps=steps)
             for steps in promise(model).calls]
    return found + [lambda g: model.nll(DATA[:50], generator=g).detach()] * promise(model).drawn


def test_every_family_has_a_promise():
    assert list(PROMISES) == list(FAMILIES)


def test_it_says_what_it_is(model):
    assert isinstance(model, Family)
    assert (model.vocab_size, model.length, model.device().type) == (8, 2, "cpu")
    assert type(model).likelihood == model.likelihood == promise(model).likelihood
    assert bool(FAMILIES[model.name].sampling_steps) == (len(promise(model).calls) > 2)


def test_samples_are_points(model):
    for steps in promise(model).calls:
        x = model.sample(200, generator=seeded(0), num_sampling_steps=steps)
        assert (x.shape, x.dtype, x.requires_grad) == ((200, 2), torch.int64, False)
        assert 0 <= int(x.min()) < int(x.max()) < 8
        assert model.sample(1, generator=seeded(0), num_sampling_steps=steps).shape == (1, 2)


def test_the_generator_decides_and_moves_on(model):
    for draw in draws(model):
        generator = seeded(1)
        first, later = draw(generator), draw(generator)
        assert torch.equal(draw(seeded(1)), first)
        assert not torch.equal(first, later)
        assert not torch.equal(draw(seeded(2)), first)
        assert not torch.equal(generator.get_state(), seeded(1).get_state())


def test_without_a_generator_the_global_one_decides(model):
    with torch.random.fork_rng(devices=[]):
        for draw in draws(model):
            found = []
            for seed in (1, 1, 2):
                torch.manual_seed(seed)
                found.append(draw(None))
            assert torch.equal(found[0], found[1])
            assert not torch.equal(found[0], found[2])


def test_with_a_generator_the_global_one_rests_and_the_model_stays_as_it_is(model):
    before, weights = torch.get_rng_state(), copy.deepcopy(model.state_dict())
    for draw in draws(model):
        draw(seeded(1))
    model.loss(DATA[:50], generator=seeded(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_a_point_takes_as_many_calls_as_announced(model):
    calls, hooks = [], [part.register_forward_hook(lambda *_: calls.append(1)) for part in model.modules()
                        if isinstance(part, PointNetwork | Denoiser)]
    for steps, due in promise(model).calls.items():
        counts = []
        for seed in range(8):
            calls.clear()
            model.sample(1, generator=seeded(seed), num_sampling_steps=steps)
            counts.append(len(calls))
        assert max(counts) == model.calls_per_sample(steps) == due
        # Where a step of absorbing diffusion reveals nothing of the point, the network is not asked.
        assert min(counts) == due or model.name == "absorbing diffusion"
    for hook in hooks:
        hook.remove()


def test_other_numbers_of_steps_are_refused(model):
    wrong = [steps for steps in (-1, 0, 7) if steps not in promise(model).calls]
    if model.name in ("flow matching", "absorbing diffusion"):
        wrong.remove(7)         # they take any number of steps
    for steps in wrong:
        with pytest.raises(ValueError, match=rf"{promise(model).refusal} (num_sampling_steps )?{steps}$"):
            model.sample(2, num_sampling_steps=steps)
        with pytest.raises(ValueError, match=rf"{promise(model).refusal} (num_sampling_steps )?{steps}$"):
            model.calls_per_sample(steps)


def test_nll_is_a_finite_number_a_point(model):
    if model.likelihood == "none":
        with pytest.raises(NoLikelihoodError, match=f"{model.name} has no likelihood"):
            model.nll(DATA[:5])
        assert issubclass(NoLikelihoodError, TypeError)
        return
    x = DATA[:50].clone()
    nll = model.nll(x, generator=seeded(1))
    assert nll.shape == (50,)
    assert nll.is_floating_point()
    assert bool(nll.isfinite().all())
    assert torch.equal(x, DATA[:50])
    assert torch.equal(model.nll(x, generator=seeded(1)), nll)
    assert torch.equal(model.nll(x.int(), generator=seeded(1)), nll)
    assert torch.equal(model.nll(x, generator=seeded(2)), nll) != promise(model).drawn


def test_nll_is_a_likelihood_of_its_kind(model):
    """exp(-E nll) sums to 1 over all points where it is exact; where it bounds -log p, to no more."""
    if model.likelihood == "none":
        return
    num_draws = 20 if promise(model).drawn else 1
    nll = sum(model.nll(PAIRS, generator=seeded(seed)).detach().double() for seed in range(num_draws)) / num_draws
    total = float((-nll).exp().sum())
    if model.likelihood == "exact":
        assert total == pytest.approx(1, abs=1e-5)
    else:
        assert 0.3 < total < 1.01


def test_the_loss_is_one_finite_number_that_follows_the_generator(model):
    loss = model.loss(DATA[:50], generator=seeded(1))
    assert loss.shape == ()
    assert bool(loss.isfinite())
    assert torch.equal(model.loss(DATA[:50], generator=seeded(1)), loss)
    assert torch.equal(model.loss(DATA[:50].int(), generator=seeded(1)), loss)


@EVERY
def test_gradients_reach_every_weight(name):
    """After one step, since some layers start at zero; a GAN's loss teaches its generator."""
    model = tiny(name, 5, 3)
    data = torch.randint(5, (64, 3), generator=seeded(0))
    fit(model, 1, data=data)
    model.zero_grad()
    model.loss(data, generator=seeded(1)).backward()
    taught = model.generator if name == "GAN" else model
    for key, weight in taught.named_parameters():
        assert weight.grad is not None, key
        assert bool(weight.grad.isfinite().all()), key
        assert bool((weight.grad != 0).any()), key


@EVERY
def test_fit_follows_its_seed_and_leaves_the_rest_alone(name):
    before, data = torch.get_rng_state(), DATA.clone()
    models = [tiny(name) for _ in range(3)]
    losses = [fit(model, 3, seed, data) for model, seed in zip(models, (1, 1, 2), strict=True)]
    states = [torch.cat([value.flatten() for value in model.state_dict().values()]) for model in models]
    assert losses[0].shape == (3,)
    assert bool(losses[0].isfinite().all())
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert not any(model.training for model in models)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(data, DATA)


def test_fit_changes_every_layer_and_what_points_cost(model):
    fresh = tiny(model.name)
    for (key, after), start in zip(model.named_parameters(), fresh.parameters(), strict=True):
        cancels = key.startswith("critic.") and key.endswith("bias")    # what is added to both scores of a pair
        assert cancels or not torch.equal(after, start), key
    if model.likelihood != "none":
        cost = [float(m.nll(DATA[:500], generator=seeded(3)).detach().mean()) for m in (model, fresh)]
        assert cost[0] < cost[1] - 0.03


@EVERY
def test_fit_shows_its_progress_or_nothing(name, capsys):
    fit(tiny(name), 1)
    assert capsys.readouterr() == ("", "")
    fit(tiny(name), 1, progress=True)
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(("wrong", "message"), [
    (torch.tensor([[0, 8]]), r"bins must be in 0\.\.7, got 0 to 8"),
    (torch.tensor([[-1, 3]]), r"bins must be in 0\.\.7, got -1 to 3"),
    (torch.tensor([[0, 1, 2]]), r"integer bins of shape \(batch, 2\), got torch\.int64 of shape \(1, 3\)"),
    (torch.tensor([0, 1]), r"integer bins of shape \(batch, 2\), got torch\.int64 of shape \(2,\)"),
    (torch.tensor([[0.0, 1.0]]), r"integer bins of shape \(batch, 2\), got torch\.float32 of shape \(1, 2\)"),
    (torch.tensor([[True, False]]), r"integer bins of shape \(batch, 2\), got torch\.bool of shape \(1, 2\)"),
], ids=["bin 8", "bin -1", "three coordinates", "no batch", "floats", "bools"])
def test_what_is_no_point_is_refused(model, wrong, message):
    with pytest.raises(ValueError, match=message):
        model.loss(wrong)
    with pytest.raises(ValueError, match=message):
        fit(model, 1, data=wrong)
    if model.likelihood != "none":
        with pytest.raises(ValueError, match=message):
            model.nll(wrong)


@EVERY
@pytest.mark.parametrize(("vocab_size", "length"), [(1, 2), (4, 0)])
def test_it_needs_bins_and_coordinates(name, vocab_size, length):
    with pytest.raises(ValueError, match=rf"at least two bins .* got vocab_size {vocab_size} and length {length}"):
        tiny(name, vocab_size, length)


def test_its_weights_are_all_it_knows(model):
    """Loaded into a model of other weights, they give the same draws."""
    other = tiny(model.name, seed=5)
    other.load_state_dict(model.state_dict())
    for draw, again in zip(draws(model), draws(other.eval()), strict=True):
        assert torch.equal(draw(seeded(1)), again(seeded(1)))
    if model.likelihood != "none":
        assert torch.equal(model.nll(PAIRS, generator=seeded(1)), other.nll(PAIRS, generator=seeded(1)))


def test_everything_stays_on_the_device_of_the_model(model, device):
    moved, x = copy.deepcopy(model).to(device), DATA[:50].to(device)
    assert moved.device().type == device.type
    for steps in promise(model).calls:
        drawn = moved.sample(8, generator=seeded(1, device), num_sampling_steps=steps)
        assert (drawn.device.type, drawn.dtype) == (device.type, torch.int64)
    assert moved.loss(x, generator=seeded(1, device)).device.type == device.type
    if model.likelihood != "none":
        assert moved.nll(x, generator=seeded(1, device)).device.type == device.type
    fit(moved, 2, data=x)
    assert all(value.device.type == device.type for value in moved.state_dict().values())


@EVERY
def test_digits_are_points(name):
    """64 coordinates, where the likelihoods that enumerate pairs are estimated."""
    images = load_digits()[0].flatten(1)
    model = tiny(name, 17, 64)
    assert bool(fit(model, 2, data=images, batch_size=8).isfinite().all())
    for steps in (None, 4):
        if steps in promise(model).calls:
            samples = model.sample(4, generator=seeded(1), num_sampling_steps=steps)
            assert samples.shape == (4, 64)
            assert 0 <= int(samples.min()) <= int(samples.max()) < 17
    if model.likelihood != "none":
        nll = model.nll(images[:16], generator=seeded(1))
        assert nll.shape == (16,)
        assert bool(nll.isfinite().all())
        assert torch.equal(model.nll(images[:16], generator=seeded(1)), nll)


# What all inherit

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


@pytest.mark.parametrize("timed", [True, False])
def test_point_network_takes_times_if_it_is_timed(timed):
    network = PointNetwork(2, 1, width=4, depth=1, timed=timed)
    with pytest.raises(ValueError, match=f"timed={timed} takes {'times' if timed else 'no times'}"):
        network(torch.zeros(3, 2), None if timed else torch.zeros(3))
