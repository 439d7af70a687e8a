"""The laws of the samplers in plain Python, as {sequence: probability}: sums over coins, orders, draws and paths."""

import math
from collections import defaultdict
from functools import cache
from itertools import pairwise, permutations, product

import torch


def token_probs(denoiser, mask_id):
    """state -> for every position the probabilities of the symbols 0..V-1, the mask (V) given none."""
    @cache
    def probs(state, time=None):
        logits = denoiser(torch.tensor([state]), time and torch.tensor([time]))[0].tolist()
        weights = [[math.exp(value) for value in row[:mask_id]] for row in logits]
        return [[weight / sum(row) for weight in row] for row in weights]

    return probs


def masks_of(state, mask_id):
    return [i for i, x in enumerate(state) if x == mask_id]


def filled(state, tokens):
    """The state with tokens {position: symbol}."""
    return tuple(tokens.get(i, x) for i, x in enumerate(state))


def fillings(template, mask_id):
    masks = masks_of(template, mask_id)
    return [filled(template, dict(zip(masks, choice, strict=True)))
            for choice in product(range(mask_id), repeat=len(masks))]


def step_by_positions(law, outcomes):
    """One step in which every position has its own outcomes(state) = [[(new symbol, probability), ...], ...]."""
    new = defaultdict(float)
    for state, mass in law.items():
        for combination in product(*outcomes(state)):
            new[tuple(x for x, _ in combination)] += mass * math.prod(p for _, p in combination)
    return dict(new)


def by_coins(denoiser, template, rates, mask_id, remask=0.0):
    """The lambda schedule; with `remask` what is visible, and not given, is masked again with probability sigma."""
    probs, law = token_probs(denoiser, mask_id), {tuple(template): 1.0}
    for before, after in pairwise(rates):
        sigma = 0.0 if before == 1 else min(remask, after / (1 - before))
        share = ((1 - after) - (1 - sigma) * (1 - before)) / before         # with alpha = 1 - rate, as in the paper

        def outcomes(state, before=before, sigma=sigma, share=share):
            return [[(x, 1.0)] if template[i] != mask_id else
                    [(x, 1 - sigma), (mask_id, sigma)] if x != mask_id else
                    [(mask_id, 1 - share), *((v, share * p) for v, p in enumerate(probs(state, before)[i]))]
                    for i, x in enumerate(state)]

        law = step_by_positions(law, outcomes)
    assert sum(mass for state, mass in law.items() if mask_id in state) < 1e-12
    return {state: mass for state, mass in law.items() if mask_id not in state}


def by_groups(denoiser, template, groups, mask_id):
    """Groups of positions, one after the other; those of a group do not see each other."""
    probs, law = token_probs(denoiser, mask_id), {}
    for x in fillings(template, mask_id):
        state, mass = tuple(template), 1.0
        for group in groups:
            mass *= math.prod(probs(state)[i][x[i]] for i in group)
            state = filled(state, {i: x[i] for i in group})
        assert state == x
        law[x] = mass
    return law


def by_order(denoiser, template, order, mask_id):
    groups = [[i for i in masks_of(template, mask_id) if order[i] == step] for step in range(1, max(order) + 1)]
    return by_groups(denoiser, template, groups, mask_id)


def over_all_orders(denoiser, template, mask_id):
    every = list(permutations(masks_of(template, mask_id)))
    laws = [by_groups(denoiser, template, [[i] for i in order], mask_id) for order in every]
    return {x: sum(law[x] for law in laws) / len(every) for x in laws[0]}


def sizes(template, num_steps, mask_id):
    """Equal numbers, the larger first: positions are dealt out to the steps in turn."""
    count = len(masks_of(template, mask_id))
    return [len(range(step, count, num_steps)) for step in range(num_steps)]


def the_surest(confidence, number):
    """The `number` positions of largest confidence {position: p}, of equal ones the first."""
    return sorted(confidence, key=lambda i: (-round(confidence[i], 9), i))[:number]


def by_surest(denoiser, template, num_steps, mask_id):
    probs, law = token_probs(denoiser, mask_id), {tuple(template): 1.0}
    for number in sizes(template, num_steps, mask_id):
        new = defaultdict(float)
        for state, mass in law.items():
            table = probs(state)
            group = the_surest({i: max(table[i]) for i in masks_of(state, mask_id)}, number)
            for choice in product(range(mask_id), repeat=len(group)):
                p = math.prod(table[i][v] for i, v in zip(group, choice, strict=True))
                new[filled(state, dict(zip(group, choice, strict=True)))] += mass * p
        law = dict(new)
    return law


def by_surest_draws(denoiser, template, num_steps, mask_id):
    probs, law = token_probs(denoiser, mask_id), {tuple(template): 1.0}
    for number in sizes(template, num_steps, mask_id):
        new = defaultdict(float)
        for state, mass in law.items():
            table, masks = probs(state), masks_of(state, mask_id)
            for choice in product(range(mask_id), repeat=len(masks)):
                draws = dict(zip(masks, choice, strict=True))
                kept = the_surest({i: table[i][v] for i, v in draws.items()}, number)
                p = math.prod(table[i][v] for i, v in draws.items())
                new[filled(state, {i: draws[i] for i in kept})] += mass * p
        law = dict(new)
    return law


def by_reverse(reverse, start, num_steps):
    """The reverse chain from a law {state: probability} of X_T."""
    law = start
    for t in range(num_steps, 0, -1):
        @cache
        def outcomes(state, t=t):
            return [list(enumerate(row)) for row in reverse(torch.tensor([state]), torch.tensor([t]))[0].tolist()]

        law = step_by_positions(law, outcomes)
    return law


def as_dict(law):
    """A tensor (V,) * n as {sequence: probability}."""
    states = product(*map(range, law.shape))
    return {x: p for x, p in zip(states, law.flatten().tolist(), strict=True) if p}


def apart(law, other):
    """The largest difference of two probabilities."""
    return max(abs(law.get(x, 0.0) - other.get(x, 0.0)) for x in {*law, *other})


def assert_samples(samples, law):
    """Every frequency is within five standard errors of its probability; what is impossible does not occur."""
    found, count = defaultdict(int), len(samples)
    for row in samples.tolist():
        found[tuple(row)] += 1
    for x in {*law, *found}:
        p = law.get(x, 0.0)
        room = 5 * (p * (1 - p) / count) ** 0.5 + 1e-3 * (0 < p < 1e-3)
        assert abs(found[x] / count - p) <= room, (x, found[x] / count, p)
