"""The heuristics, against their laws in plain Python, and against the data, which they miss."""

import math
from itertools import pairwise

import pytest
import torch
from small_cases import INTS, NO_COUNTS, arbitrary_denoiser, language, seeded
from small_laws import apart, as_dict, assert_samples, by_coins, by_surest, by_surest_draws, over_all_orders

from dlm_course.bound.discrete import time_free
from dlm_course.sampling import heuristic
from dlm_course.sampling.exact import levels
from dlm_course.sampling.heuristic import maskgit, remasking, surest_first, with_temperature
from dlm_course.text.languages import TableLanguage

DENOISERS = {"Bayes": lambda: language(3, 3).denoiser, "arbitrary": lambda: arbitrary_denoiser(3, 3)}
every_denoiser = pytest.mark.parametrize("make", DENOISERS.values(), ids=DENOISERS)
every_template = pytest.mark.parametrize("template", [(3, 3, 3), (3, 1, 3), (0, 1, 2)],
                                         ids=["free", "infilling", "nothing to fill"])
LAWS = {"surest first": (surest_first, by_surest), "maskgit": (maskgit, by_surest_draws)}
by_number = pytest.mark.parametrize("name", LAWS)


def rows(template, count=20_000):
    return torch.tensor([template]).repeat(count, 1)


def variation(law, other):
    return sum(abs(law.get(x, 0.0) - other.get(x, 0.0)) for x in {*law, *other}) / 2


@by_number
@every_denoiser
@every_template
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_samples_have_the_law_of_the_choice(name, make, template, steps):
    (sampler, exact), denoiser = LAWS[name], make()
    samples = sampler(denoiser, rows(template), steps, 3, generator=seeded(steps))
    assert_samples(samples, exact(denoiser, template, steps, 3))


@by_number
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_samples_have_the_law_of_the_choice_also_in_longer_sequences(name, steps):
    (sampler, exact), denoiser = LAWS[name], arbitrary_denoiser(2, 4)
    for template in ((2, 2, 2, 2), (2, 2, 0, 2)):
        samples = sampler(denoiser, rows(template), steps, 2, generator=seeded(steps))
        assert_samples(samples, exact(denoiser, template, steps, 2))


@every_denoiser
@pytest.mark.parametrize("template", [(3, 3, 3), (3, 1, 3)], ids=["free", "infilling"])
@pytest.mark.parametrize(("steps", "remask"), [(1, 0.5), (2, 0.3), (3, 1.0), (5, 0.2)])
def test_remasking_has_the_law_of_its_coins_and_keeps_the_mask_rates(make, template, steps, remask):
    denoiser, rates, states = make(), levels(steps), []
    samples = remasking(denoiser, rows(template), rates, 3, remask, generator=seeded(steps),
                        callback=lambda step, x: states.append(x))
    assert_samples(samples, by_coins(denoiser, template, rates.tolist(), 3, remask))
    free = torch.tensor(template) == 3
    for rate, x in zip(rates.tolist(), states, strict=True):
        share = float((x[:, free] == 3).double().mean())
        assert abs(share - rate) < 5 * (rate * (1 - rate) / x[:, free].numel()) ** 0.5 + 1e-12
        assert (x[:, ~free] == torch.tensor(template)[~free]).all()


def test_without_remasking_it_is_the_lambda_schedule_and_with_it_another_law():
    denoiser, template, rates = arbitrary_denoiser(3, 3), (3, 3, 3), levels(4)
    plain = by_coins(denoiser, template, rates.tolist(), 3)
    assert_samples(remasking(denoiser, rows(template), rates, 3, 0.0, generator=seeded(1)), plain)
    assert variation(by_coins(denoiser, template, rates.tolist(), 3, 1.0), plain) > 0.01
    data, words = as_dict(language(3, 3).joint), language(3, 3)
    assert variation(by_coins(words.denoiser, template, rates.tolist(), 3, 1.0), data) > 0.01


def test_tokens_are_masked_again_but_not_those_of_the_template_and_not_in_the_last_step():
    states = []
    remasking(time_free(lambda xt: torch.zeros(*xt.shape, 4)), rows((3, 1, 3), 200), levels(6), 3, 1.0,
              generator=seeded(1), callback=lambda step, x: states.append(x))
    again = [int(((before != 3) & (after == 3)).sum()) for before, after in pairwise(states)]
    assert again[0] == again[-1] == 0
    assert all(count > 10 for count in again[1:-1])


def test_surest_first_one_token_a_step_with_the_bayes_denoiser_is_the_data_given_the_template():
    words = language(3, 3)
    for template in ((3, 3, 3), (3, 1, 3)):
        data = {x: p for x, p in as_dict(words.joint).items()
                if all(given in (3, symbol) for given, symbol in zip(template, x, strict=True))}
        data = {x: p / sum(data.values()) for x, p in data.items()}
        assert apart(by_surest(words.denoiser, template, 3, 3), data) < 1e-10
        assert_samples(surest_first(words.denoiser, rows(template), 3, 3, generator=seeded(1)), data)


def test_the_heuristics_miss_the_data_where_they_should():
    words, template = language(3, 3), (3, 3, 3)
    data = as_dict(words.joint)
    for steps in (1, 2):
        assert variation(by_surest(words.denoiser, template, steps, 3), data) > 0.05
    for steps in (1, 2, 3):
        assert variation(by_surest_draws(words.denoiser, template, steps, 3), data) > 0.05
    table = arbitrary_denoiser(3, 3)  # consistent with no joint: another order, another law
    assert variation(by_surest(table, template, 3, 3), over_all_orders(table, template, 3)) > 0.05


def test_maskgit_favours_what_is_likely_already_with_two_independent_tokens():
    """p = (0.9, 0.1) at both: one step is exact; with two the survivor of the first step is 1 only if both are."""
    words = TableLanguage(torch.tensor([[0.81, 0.09], [0.09, 0.01]], dtype=torch.float64))
    assert apart(by_surest_draws(words.denoiser, (2, 2), 1, 2), as_dict(words.joint)) < 1e-10
    # Draws 00, 01: position 1 is kept as 0. 10: position 2 as 0. 11: position 1 as 1. The other is drawn afresh.
    due = {(0, 0): 0.9 * 0.9 + 0.09 * 0.9, (0, 1): 0.9 * 0.1, (1, 0): 0.09 * 0.1 + 0.01 * 0.9, (1, 1): 0.01 * 0.1}
    assert apart(by_surest_draws(words.denoiser, (2, 2), 2, 2), due) < 1e-10
    assert_samples(maskgit(words.denoiser, rows((2, 2), 100_000), 2, 2, generator=seeded(1)), due)


@by_number
def test_equal_confidences_are_taken_in_the_order_of_positions(name):
    """Also when rounding makes them differ in the last digit, as forward-backward sums do."""
    noise = 1e-14 * torch.randn(1, 5, 1, dtype=torch.float64, generator=seeded(1))
    states = []
    LAWS[name][0](lambda xt, time: noise.expand(len(xt), 5, 4) * torch.arange(4), rows((3,) * 5, 7), 5, 3,
                  generator=seeded(1), callback=lambda step, x: states.append(x))
    for step, x in enumerate(states):
        assert ((x != 3) == (torch.arange(5) < step)).all()


@by_number
def test_each_row_reveals_its_own_masks_in_equal_numbers_and_the_network_sees_only_rows_that_change(name, device):
    calls, states = [], []

    def denoiser(xt, time):
        calls.append((xt.clone(), time.clone()))
        return torch.randn(*xt.shape, 4, generator=seeded(len(calls), device), device=device)

    template = torch.tensor([[3] * 7, [3, 1, 3, 1, 1, 1, 1], [0, 1, 2, 0, 1, 2, 0]], device=device)
    out = LAWS[name][0](denoiser, template, 3, 3, generator=seeded(1, device),
                        callback=lambda step, x: states.append(x))
    assert [(x == 3).sum(-1).tolist() for x in states] == [[7, 2, 0], [4, 1, 0], [2, 0, 0], [0, 0, 0]]
    assert [len(xt) for xt, _ in calls] == [2, 2, 1]
    for xt, time in calls:
        assert torch.equal((xt == 3).sum(-1) / 7, time)
    assert torch.equal(out[template != 3], template[template != 3])
    for before, after in pairwise(states):
        assert torch.equal(after[before != 3], before[before != 3])


HEURISTICS = {
    "surest first": lambda f, x, g: surest_first(f, x, 2, 3, generator=g),
    "maskgit": lambda f, x, g: maskgit(f, x, 2, 3, generator=g),
    "remasking": lambda f, x, g: remasking(f, x, levels(3), 3, 0.5, generator=g),
}


@pytest.mark.parametrize("name", HEURISTICS)
def test_an_empty_batch_and_the_same_seed(name):
    denoiser, template = arbitrary_denoiser(3, 3), rows((3, 3, 3), 8)
    run = HEURISTICS[name]
    assert run(denoiser, template[:0], seeded(1)).shape == (0, 3)
    a, b, c = (run(denoiser, template, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert (template == 3).all()


def test_numbers_due_are_as_equal_as_possible():
    for count in range(9):
        for steps in range(1, 9):
            due = [heuristic.number_due(count, step, steps) for step in range(1, steps + 1)]
            assert sum(due) == count
            assert max(due) - min(due) <= 1
            assert due == sorted(due, reverse=True)


def test_temperature_renormalises_the_power():
    words = language(3, 2)
    xt = torch.tensor([[3, 3]])
    cold = with_temperature(words.denoiser, 0.5)(xt, None)[..., :3].softmax(-1)
    squared = words.denoiser(xt)[..., :3].softmax(-1) ** 2
    assert torch.allclose(cold, squared / squared.sum(-1, keepdim=True), rtol=0, atol=1e-12)


MASKS = torch.full((2, 3), 3)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: with_temperature(None, 0.0), "positive"),
    (lambda: with_temperature(None, -1), "positive, got -1"),
    (lambda: with_temperature(None, math.nan), "positive, got nan"),
    (lambda: with_temperature(None, math.inf), "positive, got inf"),
    (lambda: with_temperature(None, 10**400), "positive"),
    (lambda: with_temperature(None, True), "positive, got True"),
    (lambda: with_temperature(None, "1"), "positive, got '1'"),
    (lambda: remasking(None, MASKS, levels(2), 3, -0.1), "probability in \\[0, 1\\], got -0.1"),
    (lambda: remasking(None, MASKS, levels(2), 3, True), "got True"),
    (lambda: remasking(None, MASKS, levels(2), 3, "0"), "got '0'"),
    (lambda: surest_first(None, MASKS, 4, 3), r"1\.\.3"),
    (lambda: maskgit(None, MASKS, 0, 3), r"1\.\.3"),
    (lambda: maskgit(None, MASKS, 2.0, 3), "must be an int"),
    (lambda: surest_first(None, torch.zeros(3), 1, 3), "batch, n"),
    (lambda: maskgit(None, MASKS, 1, -1), "mask_id"),
    (lambda: surest_first(lambda xt, time: torch.zeros(*xt.shape, 3), MASKS, 1, 3), "mask_id must be one of"),
    (lambda: maskgit(lambda xt, time: torch.zeros(1, 4), MASKS, 1, 3), "logits"),
    (lambda: remasking(None, MASKS, torch.tensor([1.0, 0.5]), 3, 0.1), "exactly 0"),
    (lambda: remasking(None, MASKS, torch.tensor([1.0, 0.2, 0.3, 0.0]), 3, 0.1), "fall strictly"),
    (lambda: remasking(None, MASKS, levels(2), 3, 1.1), r"remask must be a probability"),
    (lambda: remasking(None, MASKS, levels(2), 3, math.nan), r"remask must be a probability"),
    (lambda: remasking(None, MASKS[0], levels(2), 3, 0.1), "batch, n"),
])
def test_errors_name_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Numbers and states of any make

SAMPLERS = {  # of a template, a mask_id and a number of steps
    "surest_first": lambda x, mask_id=3, steps=2: surest_first(flat, x, steps, mask_id, generator=seeded(1)),
    "maskgit": lambda x, mask_id=3, steps=2: maskgit(flat, x, steps, mask_id, generator=seeded(1)),
    "remasking": lambda x, mask_id=3, steps=2: remasking(flat, x, levels(steps), mask_id, 0.3, generator=seeded(1)),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


def flat(xt, time):
    return torch.zeros(*xt.shape, 4)


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@every_sampler
def test_a_count_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match="num_sampling_steps must be an int"):
        SAMPLERS[name](MASKS, steps=value)
    if value != 0:
        with pytest.raises(ValueError, match="mask_id must be an int >= 0"):
            SAMPLERS[name](MASKS, mask_id=value)


@pytest.mark.parametrize("make", INTS)
@every_sampler
def test_a_count_is_an_integer_of_any_make(name, make):
    assert torch.equal(SAMPLERS[name](MASKS, make(3), make(2)), SAMPLERS[name](MASKS, 3, 2))


@every_sampler
def test_states_of_fewer_bytes_and_empty_batches_do(name):
    due = SAMPLERS[name](MASKS)
    for dtype in (torch.uint8, torch.int32):
        assert torch.equal(SAMPLERS[name](MASKS.to(dtype)), due)
        assert SAMPLERS[name](MASKS[:0].to(dtype)).shape == (0, 3)


@pytest.mark.parametrize("temperature", [2, torch.tensor(2.0), 0.5])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_temperature_divides_half_precision_logits_in_float32(dtype, temperature):
    logits = torch.randn(5, 4, generator=seeded(1)).to(dtype)
    cooled = with_temperature(lambda xt, time: logits, temperature)(None, None)
    assert torch.equal(cooled, logits.float() / float(temperature))
