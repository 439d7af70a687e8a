"""The yardsticks of lecture 09 on models whose distance from the truth is known, and the study that uses them."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_cases import seeded

from dlm_course.families import measures
from dlm_course.families.family import Family
from dlm_course.families.grid import GridData, ring, spiral
from dlm_course.families.measures import FAMILIES, build, draw, gap, quality, train


class Known(Family):
    """A law over the pairs of a grid, given as a table."""

    name = "known"
    likelihood = "exact"

    def __init__(self, law):
        super().__init__(len(law))
        self.law = GridData("law", law, torch.empty(0, 2), 0.0)
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def loss(self, x, *, generator=None):
        return self.nll(x).mean() + self.weight

    def nll(self, x, *, generator=None):
        return -self.law.log_prob(x)

    def sample(self, num, *, generator=None, num_sampling_steps=None):
        return self.law.sample(num, generator=generator)

    def calls_per_sample(self, num_sampling_steps=None):
        return 1


def test_the_gap_of_an_exact_likelihood_is_the_kl():
    data, other = ring(16, spread=0.05), ring(16, spread=0.06)
    due = sum(p * math.log(p / q) for p, q in zip(data.probs.flatten().tolist(), other.probs.flatten().tolist(),
                                                  strict=True))
    found = gap(Known(other.probs), data)
    assert due > 0.01
    assert abs(found.mean - due) < 5 * found.standard_error
    assert found.standard_error < 0.01
    assert found.kind == "exact"
    assert str(found).endswith("(exact)")


def test_the_gap_of_the_truth_is_nothing_and_batches_do_not_matter():
    data = spiral(16)
    found = gap(Known(data.probs), data, num_points=500)
    assert abs(found.mean) < 1e-12
    assert gap(Known(ring(16).probs), data, num_points=500, batch_size=64) == gap(
        Known(ring(16).probs), data, num_points=500, batch_size=500)


def test_the_gap_follows_its_seed():
    model, data = Known(ring(16, spread=0.06).probs), ring(16, spread=0.05)
    assert gap(model, data, num_points=300) == gap(model, data, num_points=300)
    assert gap(model, data, num_points=300) != gap(model, data, num_points=300, seed=2)


def test_the_gap_is_measured_on_points_that_training_has_not_seen(monkeypatch):
    seen = []
    monkeypatch.setattr(Known, "fit", lambda model, data, *rest, **options: seen.append(data))
    monkeypatch.setattr(measures, "build", lambda name, vocab_size, **options: Known(ring(vocab_size).probs))
    model = train("VAE", ring(16), 1, num_points=500)
    monkeypatch.setattr(model, "nll", lambda x, **options: seen.append(x) or -model.law.log_prob(x))
    gap(model, ring(16), num_points=500, seed=1)
    assert not torch.equal(seen[0], seen[1])
    with pytest.raises(ValueError, match=r"seeds of training are in 0\.\.2\^31 - 1"):
        train("VAE", ring(16), measures.EVALUATION)


def test_no_likelihood_no_gap():
    model = Known(ring(16).probs)
    model.likelihood = "none"
    assert gap(model, ring(16)) is None


def test_quality_of_the_truth_is_at_its_floor():
    data = ring(16)
    found = quality(data.sample(20_000, generator=seeded(0)), data)
    assert 0.85 < found.total_variation / found.floor < 1.15
    assert len(found.modes) == 8
    assert all(abs(share - 1) < 0.1 for share in found.modes)


def test_quality_of_half_the_modes():
    data = ring(16, spread=0.02)
    half = data.probs.clone()
    half[:, :8] = 0         # three modes and the halves of two more
    found = quality(draw(Known(half / half.sum()), 20_000, generator=seeded(0)), data)
    assert found.total_variation == pytest.approx(0.5, abs=0.02)
    assert sorted(round(share) for share in found.modes) == [0, 0, 0, 1, 1, 2, 2, 2]
    assert quality(torch.tensor([[1, 1]]), spiral(16)).modes == ()


def test_draw_comes_in_batches_and_passes_its_arguments_on(monkeypatch):
    model, seen = Known(ring(16).probs), []

    def sample(num, *, generator=None, num_sampling_steps=None):
        seen.append((num, num_sampling_steps))
        return torch.zeros(num, 2, dtype=torch.long)

    monkeypatch.setattr(model, "sample", sample)
    assert draw(model, 25, num_sampling_steps=3, batch_size=10).shape == (25, 2)
    assert seen == [(10, 3), (10, 3), (5, 3)]


# The families by name

def test_the_budgets_name_known_options():
    assert len(FAMILIES) == 8
    for budget in FAMILIES.values():
        assert budget.num_steps > 0
        assert set(budget.options) <= {"batch_size", "learning_rate", "average"}
        assert list(budget.sampling_steps) == sorted(budget.sampling_steps)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_built_from_its_seed_and_called_by_its_name(name):
    before = torch.get_rng_state()
    first, again, other = build(name, 8, seed=1), build(name, 8, seed=1), build(name, 8, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(first, Family)
    assert first.name == name
    weights = [torch.cat([weight.flatten() for weight in model.parameters()]) for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_small_network(name):
    assert 20_000 <= sum(weight.numel() for weight in build(name, 32).parameters()) <= 70_000


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_trained_and_measured(name):
    data = ring(8, num_modes=4, spread=0.06)
    model = train(name, data, 0, num_steps=2, num_points=500)
    assert not model.training
    found = gap(model, data, num_points=20)
    assert (found is None) == (model.likelihood == "none")
    assert found is None or math.isfinite(found.mean)
    for steps in (None, *FAMILIES[name].sampling_steps[:1]):
        assert draw(model, 30, num_sampling_steps=steps, generator=seeded(0)).shape == (30, 2)
        assert model.calls_per_sample(steps) >= 1


def test_an_unknown_name():
    with pytest.raises(KeyError, match="no family is called 'transformer'; there are autoregressive, "):
        build("transformer", 8)


# The study

@pytest.fixture
def study(monkeypatch):
    path = Path(__file__).parents[2] / "studies" / "families.py"
    specification = importlib.util.spec_from_file_location("families_study", path)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "families_study", module)
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_study_stores_each_row_and_resumes(study, tmp_path, monkeypatch):
    out = tmp_path / "families.json"
    options = ["--training-steps", "2", "--samples", "40", "--families", "VAE", "absorbing diffusion",
               "--out", str(out), "--seeds", "1"]
    run, done = study.run, []

    def interrupted(name, data, *rest):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append((name, data.name))
        return run(name, data, *rest)

    monkeypatch.setattr(study, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.main(options)
    table = json.loads(out.read_text())
    assert len(out.read_text().splitlines()) == 1 + 4 + 1                 # a line a row
    assert [(row["family"], row["data"]) for row in table["rows"]] == [*done[:2], ("VAE", "digits"), done[2]]
    first, pictures = table["rows"][0], table["rows"][2]
    assert first["gap"]["kind"] == "bound"
    assert len(first["modes"]) == 8
    assert first["settings"]["num_steps"] == 2
    assert np.shape(pictures["samples"]) == (12, 64)
    assert 1 < pictures["bits_per_pixel"]["mean"] < 8
    curve = table["rows"][3]["over_steps"]
    assert [point["sampling_steps"] for point in curve] == [1, 2, 4, 8, 16, 32]
    assert [point["calls"] for point in curve] == [1, 2, 2, 2, 2, 2]
    assert all(0 <= point["total_variation"] <= 1 for point in curve)

    done.clear()
    study.main([*options, "--resume"])
    assert done == [("absorbing diffusion", "spiral")]
    rows = json.loads(out.read_text())["rows"]
    assert rows[:4] == table["rows"]
    assert [(row["family"], row["data"]) for row in rows[4:]] == [("absorbing diffusion", "spiral"),
                                                                  ("absorbing diffusion", "digits")]
    assert rows[4]["modes"] == []


def test_the_study_asks_for_longer_budgets(study):
    for name, budget in FAMILIES.items():
        assert study.settings(name, None, 10)["num_steps"] == study.LONGER * budget.num_steps
