"""Evaluation: what its numbers must be. What it measures is tested beside the bound, the samplers and training."""

import math

import numpy as np
import pytest
import torch
from small_cases import INTS, NO_COUNTS

from dlm_course.model.denoiser import Denoiser, DenoiserConfig
from dlm_course.model.evaluation import Estimate, estimate, excess_over_bayes, held_out_bits
from dlm_course.text.languages import MarkovLanguage

LANGUAGE = MarkovLanguage(torch.eye(3, dtype=torch.float64) * 0.85 + 0.05, length=4)
X0 = LANGUAGE.sample(6, generator=torch.Generator().manual_seed(0))
COUNTS = {
    "excess, num_sequences": ("num_sequences", lambda n: excess_over_bayes(model(), LANGUAGE, num_sequences=n,
                                                                           batch_size=4)),
    "excess, batch_size": ("batch_size", lambda n: excess_over_bayes(model(), LANGUAGE, num_sequences=6, batch_size=n)),
    "held-out, num_draws": ("num_draws", lambda n: held_out_bits(model(), X0, num_draws=n, generator=seeded())),
    "held-out, batch_size": ("batch_size", lambda n: held_out_bits(model(), X0, batch_size=n, generator=seeded())),
}


def model(**changes):
    torch.manual_seed(0)
    return Denoiser(DenoiserConfig(4, 3, **{"max_length": 4, "width": 16, "depth": 1, "num_heads": 2, **changes}))


def seeded():
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_is_none_is_refused_by_name(name, value):
    argument, call = COUNTS[name]
    with pytest.raises(ValueError, match=rf"{argument} must be an int >= 1"):
        call(value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_an_integer_of_any_make(name, make):
    assert COUNTS[name][1](make(3)) == COUNTS[name][1](3)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**20, 1.0, True, "0", None, math.nan])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match=r"seed must be an int >= 0 and <= 4,294,967,295, got"):
        excess_over_bayes(model(), LANGUAGE, num_sequences=4, seed=seed)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_states_of_fewer_bytes_do(dtype, causal):
    network = model(causal=causal)
    small, due = (held_out_bits(network, x0, generator=seeded()) for x0 in (X0.to(dtype), X0))
    assert small == due


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_measured_in_float32(dtype, causal):
    network = model(causal=causal).to(dtype)

    class Float64(torch.nn.Module):
        config = network.config

        def forward(self, *arguments):
            return network(*arguments).double()

    ours, due = (held_out_bits(each.eval(), X0, generator=seeded()) for each in (network, Float64()))
    assert ours.mean == pytest.approx(due.mean, rel=1e-6)
    assert ours.standard_error == pytest.approx(due.standard_error, rel=1e-5)


def test_fewer_than_two_sequences_have_no_standard_error():
    for x0 in (X0[:1], X0[:0]):
        with pytest.raises(ValueError, match=rf"at least two sequences, got {len(x0)}"):
            held_out_bits(model(), x0)
    assert estimate(torch.tensor([1, 3])) == Estimate(2.0, 1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_an_estimate_is_the_mean_and_its_standard_error(dtype):
    losses = (torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 7 + 1000).to(dtype)
    values = losses.numpy().astype(np.float64)
    ours = estimate(losses)
    assert isinstance(ours, Estimate)
    assert ours.mean == pytest.approx(values.mean(), abs=1e-10)
    assert ours.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(50), abs=1e-10)
    assert estimate(torch.tensor([1, 3])) == Estimate(2.0, 1.0)
    assert str(Estimate(1.23456, 0.5)) == "1.235 ± 0.500"


@pytest.mark.parametrize("losses", [torch.tensor(1.0), torch.tensor([1.0]), torch.zeros(0), torch.zeros(3, 2)])
def test_an_estimate_of_fewer_than_two_losses_is_refused(losses):
    with pytest.raises(ValueError, match="at least two losses, got shape"):
        estimate(losses)
