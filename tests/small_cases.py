"""Cases small enough to enumerate: a random language, a denoiser that is consistent with none, sums over paths."""

import math
from itertools import product

import numpy as np
import torch

from dlm_course.bound.discrete import time_free
from dlm_course.text.languages import TableLanguage

NO_COUNTS = [0, -1, True, np.bool_(True), 2.0, "2", None, math.nan, math.inf, 10**20]    # what is no int >= 1
INTS = [np.int64, np.int32, np.uint8, torch.tensor]                                 # what makes an int out of another


def language(vocab_size, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    joint = torch.rand((vocab_size,) * length, dtype=torch.float64, generator=generator) ** 3
    return TableLanguage(joint / joint.sum())


def arbitrary_denoiser(vocab_size, length, seed=1):
    """Logits from a table over every state of the sequence, the mask given some mass: nothing is consistent."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn((vocab_size + 1,) * length + (length, vocab_size + 1), dtype=torch.float64, generator=generator)
    return time_free(lambda xt: table[tuple(xt.unbind(-1))])


def timed_denoiser(vocab_size, length, num_steps, seed=1):
    """Another table for every step t = 1..T."""
    tables = [arbitrary_denoiser(vocab_size, length, seed + t) for t in range(num_steps)]
    return lambda xt, t: torch.stack([tables[int(at) - 1](x[None], None)[0] for x, at in zip(xt, t, strict=True)])


def seeded(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def resampling_steps(betas, pi):
    """The (T, K, K) matrices Q_t, entry by entry: stay with probability 1 - beta_t, else draw from pi."""
    states = range(len(pi))
    return np.array([[[(1 - b) * (i == j) + b * pi[i] for j in states] for i in states] for b in betas])


def token_paths(steps):
    """P(x_{t-1} = a, x_t = b | x_0) as [t, x_0, a, b] for t = 1..T, summed over every path of one token; [0] is 0."""
    num_steps, num_states = steps.shape[:2]
    joint = np.zeros((num_steps + 1, *[num_states] * 3))
    for path in product(range(num_states), repeat=num_steps + 1):
        probability = math.prod(steps[t, path[t + 1], path[t]] for t in range(num_steps))
        for t in range(1, num_steps + 1):
            joint[t, path[0], path[t - 1], path[t]] += probability
    return joint


def bayes_table(steps, data):
    """p(x_0 = v | x_t = b) of one token as [t, b, v] for t = 1..T; flat where x_t = b never happens."""
    weights = data[None, None, :] * token_paths(steps).sum(2).swapaxes(1, 2)
    totals = weights.sum(-1, keepdims=True)
    return np.where(totals > 0, weights / np.where(totals > 0, totals, 1), 1 / len(data))


def assert_close(got, due, tolerance=1e-10):
    got = got.detach().cpu().numpy() if isinstance(got, torch.Tensor) else np.asarray(got)
    due = np.asarray(due)
    assert got.shape == due.shape
    assert np.allclose(got, due, rtol=0, atol=tolerance, equal_nan=True), np.nanmax(np.abs(got - due))


def assert_mean(draws, due):
    """The mean over the first dimension is as due, within five standard errors."""
    standard_error = draws.std(0) / math.sqrt(len(draws))
    apart = (draws.mean(0) - torch.as_tensor(due, dtype=torch.float64, device=draws.device)).abs()
    assert (apart < 5 * standard_error + 1e-9).all(), (apart, standard_error)
