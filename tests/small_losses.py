"""Losses written out: sums over all sets of masks, schedules by their definitions, and means over many draws."""

import math
from itertools import product

import pytest
import torch

from dlm_course.chain.schedule import Schedule

SIZES = [(2, 1), (2, 3), (3, 2), (3, 3)]    # vocab_size, length
RATES = {  # lambda_1..lambda_T from their definitions
    "one step": [1.0],
    "linear": [t / 4 for t in range(1, 5)],
    "cosine": [1 - math.cos(math.pi * t / 6) for t in (1, 2)] + [1.0],
    "geometric": [0.01, 0.1, 1.0],
    "uneven": [0.05, 0.6, 0.61, 0.9, 1.0],
}
SCHEDULES = {"one step": Schedule.linear(1), "linear": Schedule.linear(4), "cosine": Schedule.cosine(3),
             "geometric": Schedule.geometric(3, 0.01), "uneven": Schedule.from_mask_rate(RATES["uneven"])}
every_schedule = pytest.mark.parametrize("name", RATES)


def by_hand(denoiser, x0, mask_id, weight_of_pattern, time=None):
    """Sum over masks of a weight times the masked cross-entropy, the softmax over the non-mask states written out."""
    total = 0.0
    for pattern in product((False, True), repeat=len(x0)):
        xt = [mask_id if masked else int(x) for masked, x in zip(pattern, x0, strict=True)]
        logits = denoiser(torch.tensor([xt]), time)[0]
        loss = 0.0
        for i, masked in enumerate(pattern):
            if masked:
                scores = [float(logits[i, k]) for k in range(logits.shape[-1]) if k != mask_id]
                loss += math.log(sum(math.exp(s) for s in scores)) - float(logits[i, int(x0[i])])
        total += weight_of_pattern(sum(pattern)) * loss
    return total


def estimates(function, repeats=400):
    draws = torch.stack([function(torch.Generator().manual_seed(seed)) for seed in range(repeats)])
    return draws.mean(0), draws.std(0) / math.sqrt(repeats)


def assert_unbiased(function, exact):
    mean, standard_error = estimates(function)
    assert ((mean - exact).abs() < 5 * standard_error + 1e-9).all(), (mean, exact, standard_error)
