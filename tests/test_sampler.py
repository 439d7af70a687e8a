"""The lambda-schedule sampler, against the exact law of the reverse chain."""

from itertools import pairwise, product

import pytest
import torch
from small_cases import arbitrary_denoiser, language

from dlm_course.decoding import with_temperature
from dlm_course.sampler import lambda_schedule, levels
from dlm_course.schedule import Schedule
from dlm_course.transition import AbsorbingTransition, carry_over


def exact_law(denoiser, template, rates, mask_id):
    """The law of the output, by carrying the distribution over all states of the sequence through every step."""
    num_states = mask_id + 1
    law = {tuple(template): 1.0}
    for before, after in pairwise(rates):
        reveal = (before - after) / before
        new = {}
        for state, mass in law.items():
            logits = denoiser(torch.tensor([state]), None)[0]
            probs = logits[:, :mask_id].softmax(-1)
            choices = [[(x, 1.0)] if x != mask_id else
                       [(k, reveal * float(probs[i, k])) for k in range(mask_id)] + [(mask_id, 1 - reveal)]
                       for i, x in enumerate(state)]
            for combination in product(*choices):
                key = tuple(x for x, _ in combination)
                weight = mass
                for _, p in combination:
                    weight *= p
                if weight:
                    new[key] = new.get(key, 0.0) + weight
        law = new
    assert all(mask_id not in state for state in law)
    assert num_states > mask_id
    return law


def assert_law(samples, law):
    count = len(samples)
    found = {}
    for row in samples.tolist():
        found[tuple(row)] = found.get(tuple(row), 0) + 1
    for state in set(law) | set(found):
        p = law.get(state, 0.0)
        assert abs(found.get(state, 0) / count - p) < 5 * (p * (1 - p) / count) ** 0.5 + 1e-3 * (p < 1e-3), state


@pytest.mark.parametrize("make", [lambda: language(3, 3).denoiser, lambda: arbitrary_denoiser(3, 3)],
                         ids=["Bayes", "arbitrary"])
@pytest.mark.parametrize(("steps", "kind"), [(1, "linear"), (2, "linear"), (3, "cosine"), (5, "linear")])
@pytest.mark.parametrize("template", [(3, 3, 3), (3, 1, 3)], ids=["free", "infilling"])
def test_the_samples_have_the_law_of_the_reverse_chain(make, steps, kind, template):
    denoiser, rates = make(), levels(steps, kind)
    samples = lambda_schedule(denoiser, torch.tensor([template]).repeat(20_000, 1), rates, 3,
                              generator=torch.Generator().manual_seed(steps))
    assert_law(samples, exact_law(denoiser, template, rates.tolist(), 3))


def test_the_law_is_that_of_the_transition_reverse_step():
    """One step from t = T of the L-step chain, once through Transition.reverse and once through the coins."""
    words = language(3, 2)
    transition = AbsorbingTransition(4, Schedule.linear(3))
    xt = torch.tensor([[3, 3]])
    probs = carry_over(words.denoiser(xt), xt, 3).softmax(-1)
    expected = transition.reverse(xt, probs, 3)[0]
    rho = (1 - 2 / 3) / 1
    assert torch.allclose(expected[:, :3], rho * probs[0, :, :3], rtol=0, atol=1e-12)
    assert torch.allclose(expected[:, 3], torch.full((2,), 1 - rho, dtype=torch.float64), rtol=0, atol=1e-12)


def test_more_steps_come_closer_to_the_data_with_the_bayes_denoiser():
    words = language(3, 3)

    def divergence(steps):
        law = exact_law(words.denoiser, (3, 3, 3), levels(steps).tolist(), 3)
        return sum(float(p) * float(torch.log(p / law[tuple(x.tolist())]))
                   for x, p in zip(words.sequences(), words.joint.flatten(), strict=True))

    kls = [divergence(steps) for steps in (1, 2, 4, 8, 16)]
    assert all(later < earlier for earlier, later in pairwise(kls))
    assert kls[-1] < kls[0] / 5


def test_what_is_visible_in_a_template_is_never_overwritten_and_the_trajectory_only_reveals():
    states = []
    template = torch.tensor([[0, 3, 3, 2], [3, 3, 1, 3]])
    out = lambda_schedule(lambda xt, time: torch.zeros(*xt.shape, 4), template, levels(6), 3,
                          generator=torch.Generator().manual_seed(0), callback=lambda step, x: states.append(x))
    assert len(states) == 7
    assert torch.equal(states[0], template)
    assert torch.equal(states[-1], out)
    for before, after in pairwise(states):
        assert torch.equal(after[before != 3], before[before != 3])
    assert (out != 3).all()
    assert torch.equal(template, torch.tensor([[0, 3, 3, 2], [3, 3, 1, 3]]))


def test_the_network_runs_only_on_rows_in_which_something_changes():
    rows = []

    def denoiser(xt, time):
        rows.append(len(xt))
        return torch.zeros(*xt.shape, 4)

    template = torch.full((8, 2), 3)
    template[0] = 1
    lambda_schedule(denoiser, template, levels(200), 3, generator=torch.Generator().manual_seed(0))
    assert len(rows) < 15
    assert sum(rows) <= 14


def test_the_same_seed_gives_the_same_sample():
    words, template = language(3, 3), torch.full((5, 3), 3)
    a, b, c = (lambda_schedule(words.denoiser, template, levels(4), 3, generator=torch.Generator().manual_seed(s))
               for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_levels_go_from_exactly_one_to_exactly_zero():
    for kind in ("linear", "cosine"):
        for steps in (1, 2, 7, 128):
            rates = levels(steps, kind)
            assert len(rates) == steps + 1
            assert float(rates[0]) == 1
            assert float(rates[-1]) == 0
            assert (rates.diff() < 0).all()


def test_an_empty_batch_is_an_empty_sample():
    empty = torch.zeros(0, 3, dtype=torch.long)
    assert lambda_schedule(language(3, 3).denoiser, empty, levels(2), 3).shape == (0, 3)


def test_temperature_renormalises_the_power():
    words = language(3, 2)
    xt = torch.tensor([[3, 3]])
    cold = with_temperature(words.denoiser, 0.5)(xt, None)[..., :3].softmax(-1)
    squared = words.denoiser(xt)[..., :3].softmax(-1) ** 2
    assert torch.allclose(cold, squared / squared.sum(-1, keepdim=True), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: levels(0), "num_sampling_steps"),
    (lambda: levels(3, "sigmoid"), "linear or cosine"),
    (lambda: lambda_schedule(None, torch.zeros(3), levels(2), 3), "batch, n"),
    (lambda: lambda_schedule(None, torch.zeros(1, 3).long(), torch.tensor([1.0, 0.5]), 3), "exactly 0"),
    (lambda: lambda_schedule(None, torch.zeros(1, 3).long(), torch.tensor([0.9, 0.0]), 3), "exactly 1"),
    (lambda: with_temperature(None, 0.0), "positive"),
    (lambda: lambda_schedule(None, torch.zeros(1, 3).long(), levels(2), -1), "mask_id"),
    (lambda: lambda_schedule(lambda xt, time: torch.zeros(1, 4), torch.full((1, 3), 3), levels(1), 3), "logits"),
])
def test_errors_name_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()
