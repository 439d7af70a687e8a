"""The samplers, against their laws in plain Python."""

import math
import sys
from itertools import pairwise

import pytest
import torch
from small_cases import INTS, NO_COUNTS, arbitrary_denoiser, language, seeded, timed_denoiser
from small_laws import apart, as_dict, assert_samples, by_coins, by_order, by_reverse, over_all_orders

from dlm_course.bound.discrete import reverse_model
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, MatrixTransition, UniformTransition, carry_over
from dlm_course.sampling import exact
from dlm_course.sampling.exact import (
    ancestral,
    first_hitting,
    lambda_schedule,
    left_to_right,
    levels,
    random_order,
    reveal_in_order,
    spaced_order,
)

DENOISERS = {"Bayes": lambda: language(3, 3).denoiser, "arbitrary": lambda: arbitrary_denoiser(3, 3)}
every_denoiser = pytest.mark.parametrize("make", DENOISERS.values(), ids=DENOISERS)
every_template = pytest.mark.parametrize("template", [(3, 3, 3), (3, 1, 3), (0, 1, 2)],
                                         ids=["free", "infilling", "nothing to fill"])


def rows(template, count=20_000):
    return torch.tensor([template]).repeat(count, 1)


@every_denoiser
@pytest.mark.parametrize(("steps", "kind"), [(1, "linear"), (2, "linear"), (3, "cosine"), (5, "linear")])
@every_template
def test_the_samples_have_the_law_of_the_reverse_chain(make, steps, kind, template):
    denoiser, rates = make(), levels(steps, kind)
    law = by_coins(denoiser, template, rates.tolist(), 3)
    assert_samples(lambda_schedule(denoiser, rows(template), rates, 3, generator=seeded(steps)), law)
    assert_samples(first_hitting(denoiser, rows(template), 3, rates=rates, generator=seeded(steps + 10)), law)


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
        law = by_coins(words.denoiser, (3, 3, 3), levels(steps).tolist(), 3)
        return sum(float(p) * float(torch.log(p / law[tuple(x.tolist())]))
                   for x, p in zip(words.sequences(), words.joint.flatten(), strict=True))

    kls = [divergence(steps) for steps in (1, 2, 4, 8, 16)]
    assert all(later < earlier for earlier, later in pairwise(kls))
    assert kls[-1] < kls[0] / 5


@every_denoiser
@every_template
def test_first_hitting_averages_over_all_orders(make, template):
    denoiser = make()
    samples = first_hitting(denoiser, rows(template), 3, generator=seeded(1))
    assert_samples(samples, over_all_orders(denoiser, template, 3))


def reads_the_rate(xt, time):
    """One of two tables, by the mask rate."""
    high, low = arbitrary_denoiser(2, 3), arbitrary_denoiser(2, 3, seed=2)
    return torch.where((time > 0.6)[:, None, None], high(xt, time), low(xt, time))


def test_a_denoiser_may_read_the_mask_rate():
    template, rates = (2, 2, 2), levels(3)
    law = by_coins(reads_the_rate, template, rates.tolist(), 2)
    assert apart(law, by_coins(arbitrary_denoiser(2, 3), template, rates.tolist(), 2)) > 0.02
    for run in (lambda_schedule(reads_the_rate, rows(template), rates, 2, generator=seeded(1)),
                first_hitting(reads_the_rate, rows(template), 2, rates=rates, generator=seeded(2))):
        assert_samples(run, law)


def test_first_hitting_is_the_limit_of_many_levels():
    denoiser, template = arbitrary_denoiser(2, 3), (2, 2, 2)
    limit = over_all_orders(denoiser, template, 2)
    gaps = [apart(by_coins(denoiser, template, levels(steps).tolist(), 2), limit) for steps in (4, 16, 64)]
    assert gaps[1] < gaps[0] / 3
    assert gaps[2] < gaps[1] / 3


@every_denoiser
@every_template
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (1, 1, 1), (2, 1, 2)], ids=str)
def test_a_fixed_order_has_the_product_of_its_groups_as_law(make, template, order):
    denoiser = make()
    samples = reveal_in_order(denoiser, rows(template, 10_000), torch.tensor(order), 3, generator=seeded(1))
    assert_samples(samples, by_order(denoiser, template, order, 3))


def test_every_sequence_may_have_its_own_order():
    denoiser, template = arbitrary_denoiser(3, 3), (3, 3, 3)
    orders = torch.tensor([[1, 2, 2], [2, 1, 1]]).repeat_interleave(20_000, 0)
    samples = reveal_in_order(denoiser, rows(template, 40_000), orders, 3, generator=seeded(1))
    for order, part in zip(([1, 2, 2], [2, 1, 1]), samples.split(20_000), strict=True):
        assert_samples(part, by_order(denoiser, template, order, 3))


@pytest.mark.parametrize("template", [(3, 3, 3), (3, 1, 3)], ids=["free", "infilling"])
def test_with_the_bayes_denoiser_one_token_a_step_in_any_order_is_the_data_given_the_template(template):
    words = language(3, 3)
    data = {x: p for x, p in as_dict(words.joint).items()
            if all(given in (3, symbol) for given, symbol in zip(template, x, strict=True))}
    data = {x: p / sum(data.values()) for x, p in data.items()}
    for order in ((1, 2, 3), (3, 2, 1), (2, 1, 3)):
        assert apart(by_order(words.denoiser, template, order, 3), data) < 1e-10
        samples = reveal_in_order(words.denoiser, rows(template, 10_000), torch.tensor(order), 3, generator=seeded(1))
        assert_samples(samples, data)
    assert apart(over_all_orders(words.denoiser, template, 3), data) < 1e-10
    assert_samples(first_hitting(words.denoiser, rows(template), 3, generator=seeded(1)), data)
    random = random_order(20_000, 3, 3, generator=seeded(2))
    assert_samples(reveal_in_order(words.denoiser, rows(template), random, 3, generator=seeded(3)), data)


CHAINS = {"uniform": lambda: UniformTransition(3, Schedule.linear(3)),
          "absorbing": lambda: AbsorbingTransition(4, Schedule.cosine(3)),
          "absorbing, the mask first": lambda: AbsorbingTransition(4, Schedule.linear(3), mask_id=0),
          "matrices": lambda: MatrixTransition(torch.tensor([[[0.7, 0.2, 0.0], [0.2, 0.5, 0.3], [0.1, 0.3, 0.7]],
                                                             [[0.1, 0.4, 0.3], [0.6, 0.3, 0.1], [0.3, 0.3, 0.6]]]))}


@pytest.mark.parametrize("plug_in", [False, True], ids=["mixture", "plug-in"])
@pytest.mark.parametrize("chain", CHAINS)
def test_ancestral_samples_have_the_marginal_of_the_reverse_chain(chain, plug_in):
    transition = CHAINS[chain]()
    num_states, num_steps = transition.num_states, transition.num_steps
    reverse = reverse_model(timed_denoiser(num_states - 1, 2, num_steps), transition, plug_in=plug_in)
    starts = [(num_states - 1, 0), (0, 0)]
    if plug_in and chain.startswith("absorbing"):
        starts = [(transition.mask_id,) * 2]  # the plug-in form has no answer where the chain cannot have been
    for start in starts:
        states = []
        samples = ancestral(reverse, rows(start, 5_000), num_steps, generator=seeded(1),
                            callback=lambda step, x, states=states: states.append((step, x)))
        assert_samples(samples, by_reverse(reverse, {start: 1.0}, num_steps))
        assert [step for step, _ in states] == list(range(num_steps + 1))
        assert torch.equal(states[0][1], rows(start, 5_000))
        assert torch.equal(states[-1][1], samples)


def test_ancestral_with_the_exact_denoiser_of_one_token_gives_the_data_under_the_uniform_chain():
    words, transition = language(3, 1), UniformTransition(3, Schedule.linear(4))
    reverse = reverse_model(words.bayes_denoiser(transition), transition)
    start = torch.randint(3, (20_000, 1), generator=seeded(1))
    assert_samples(ancestral(reverse, start, 4, generator=seeded(2)), as_dict(words.joint))


def test_ancestral_under_the_absorbing_chain_has_the_law_of_the_lambda_schedule_also_from_a_template():
    denoiser, template, rates = arbitrary_denoiser(3, 3), (3, 1, 3), levels(3, "cosine")
    transition = AbsorbingTransition(4, Schedule.from_mask_rate(rates[:-1].flip(0)))
    samples = ancestral(reverse_model(denoiser, transition), rows(template), 3, generator=seeded(1))
    assert_samples(samples, by_coins(denoiser, template, rates.tolist(), 3))


def samplers(mask_id=3):
    """Each as sampler(denoiser, template, generator, callback)."""
    return {
        "lambda_schedule": lambda f, x, g, c: lambda_schedule(f, x, levels(6), mask_id, generator=g, callback=c),
        "first_hitting": lambda f, x, g, c: first_hitting(f, x, mask_id, generator=g, callback=c),
        "first_hitting, levels": lambda f, x, g, c: first_hitting(f, x, mask_id, rates=levels(6), generator=g,
                                                                  callback=c),
        "in order": lambda f, x, g, c: reveal_in_order(f, x, spaced_order(4, 2), mask_id, generator=g, callback=c),
    }


every_sampler = pytest.mark.parametrize("name", samplers())


@every_sampler
def test_what_is_visible_in_a_template_is_never_overwritten_and_the_trajectory_only_reveals(name, device):
    states = []
    template = torch.tensor([[0, 3, 3, 2], [3, 3, 1, 3], [1, 1, 0, 2]], device=device)
    kept = template.clone()

    def watch(step, x):
        assert step == len(states)
        states.append(x.clone())
        x.fill_(2)  # it is a copy

    out = samplers()[name](lambda xt, time: torch.zeros(*xt.shape, 4, device=device), template,
                           seeded(1, device), watch)
    assert len(states) == {"first_hitting": 3, "in order": 2}.get(name, 6) + 1
    assert torch.equal(states[0], template)
    assert torch.equal(states[-1], out)
    for before, after in pairwise(states):
        assert torch.equal(after[before != 3], before[before != 3])
    assert (out != 3).all()
    assert torch.equal(template, kept)


@every_sampler
def test_small_integers_mask_0_and_a_vocabulary_of_300_work(name):
    template = torch.tensor([[0, 255, 0, 7]], dtype=torch.uint8)
    out = samplers(mask_id=0)[name](lambda xt, time: torch.zeros(*xt.shape, 300), template, seeded(1), None)
    assert out.dtype == torch.int64
    assert out[0, [1, 3]].tolist() == [255, 7]
    assert (out > 0).all()


@every_sampler
def test_an_empty_batch_and_the_same_seed(name):
    sampler, denoiser = samplers()[name], arbitrary_denoiser(3, 4)
    empty = torch.zeros(0, 4, dtype=torch.long)
    assert sampler(denoiser, empty, seeded(1), None).shape == (0, 4)
    a, b, c = (sampler(denoiser, rows((3, 3, 3, 3), 5), seeded(seed), None) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@every_sampler
def test_the_network_sees_a_row_only_when_one_of_its_tokens_is_due_and_tokens_are_drawn_only_there(name, monkeypatch):
    seen, drawn, changed = [], [], []
    draw = exact.sample
    monkeypatch.setattr(exact, "sample",
                        lambda probs, generator: drawn.append(len(probs)) or draw(probs, generator=generator))

    def denoiser(xt, time):
        assert time.shape == xt.shape[:1]
        seen.append(len(xt))
        return torch.zeros(*xt.shape, 4)

    template = torch.tensor([[1, 1, 1, 1], [3, 1, 1, 1], [3, 3, 3, 3], [1, 3, 3, 1]])
    samplers()[name](denoiser, template, seeded(3), lambda step, x: changed.append(x))
    due = [int((after != before).any(-1).sum()) for before, after in pairwise(changed)]
    assert seen == [count for count in due if count]
    assert sum(drawn) == 7


def recorded(calls):
    def denoiser(xt, time):
        assert time.dtype == torch.get_default_dtype()
        calls.append((xt.clone(), time.clone()))
        return torch.zeros(*xt.shape, 4)

    return denoiser


def test_the_time_of_a_denoiser_is_the_mask_rate_before_the_step():
    for run in (lambda f: lambda_schedule(f, rows((3, 3, 3), 500), levels(4), 3, generator=seeded(1)),
                lambda f: first_hitting(f, rows((3, 3, 3), 500), 3, rates=levels(4), generator=seeded(1))):
        calls = []
        run(recorded(calls))
        assert [time.unique().tolist() for _, time in calls] == [[1.0], [0.75], [0.5], [0.25]]


def test_the_time_of_a_denoiser_is_the_share_of_masks_in_a_given_order():
    calls = []
    reveal_in_order(recorded(calls), torch.tensor([[3, 3, 3, 3], [3, 1, 3, 1]]), torch.tensor([2, 1, 1, 3]), 3)
    assert [time.tolist() for _, time in calls] == [[1.0, 0.5], [0.5, 0.25], [0.25]]
    for xt, time in calls:
        assert torch.equal((xt == 3).sum(-1) / 4, time)


def test_the_times_of_first_hitting_are_those_of_independent_uniform_draws():
    """The k-th of n masks is revealed at the k-th largest of n uniform numbers: mean (n + 1 - k) / (n + 1)."""
    calls, count = [], 4_000
    first_hitting(recorded(calls), rows((3, 1, 3, 3), count), 3, generator=seeded(1))
    times = torch.stack([time for _, time in calls], -1)
    assert (times.diff(dim=-1) < 0).all()
    assert [int((xt == 3).sum(-1).unique()) for xt, _ in calls] == [3, 2, 1]
    spread = (3 / 80) ** 0.5  # of the largest and smallest of three; the middle one has 1/20
    assert torch.allclose(times.mean(0), torch.tensor([0.75, 0.5, 0.25]), atol=5 * 1.2 * spread / count**0.5, rtol=0)


def test_orders_hold_every_step_as_evenly_as_possible():
    assert left_to_right(4).tolist() == [1, 2, 3, 4]
    assert spaced_order(7, 3).tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert spaced_order(3, 1).tolist() == [1, 1, 1]
    order = random_order(3_000, 5, 2, generator=seeded(1))
    assert order.shape == (3_000, 5)
    assert ((order == 1).sum(-1) == 3).all()
    assert ((order == 2).sum(-1) == 2).all()
    groups = torch.tensor([sum(2**i for i in range(5) if row[i] == 2) for row in order.tolist()]).bincount()
    assert (groups > 0).sum() == math.comb(5, 2)
    assert abs(groups[groups > 0] / 3_000 - 0.1).max() < 5 * (0.09 / 3_000) ** 0.5
    assert torch.equal(order, random_order(3_000, 5, 2, generator=seeded(1)))


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


def test_levels_go_from_exactly_one_to_exactly_zero():
    for kind, last in (("linear", None), ("cosine", None), ("geometric", 0.05)):
        for steps in (2, 7, 128) if last else (1, 2, 7, 128):
            rates = levels(steps, kind, last=last)
            assert len(rates) == steps + 1
            assert float(rates[0]) == 1
            assert float(rates[-1]) == 0
            assert (rates.diff() < 0).all()


def test_levels_are_what_their_formulas_say():
    assert levels(4).tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert levels(3, "cosine").tolist() == pytest.approx([1, math.cos(math.pi / 6), 0.5, 0], abs=1e-12)
    assert levels(4, "geometric", last=0.008).tolist() == pytest.approx([1, 0.2, 0.04, 0.008, 0], abs=1e-12)
    assert levels(2, "geometric", last=0.3).tolist() == [1, 0.3, 0]


MASKS = torch.full((2, 3), 3)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: levels(0), "num_sampling_steps"),
    (lambda: levels(3, "sigmoid"), "linear, cosine or geometric"),
    (lambda: levels(3, "geometric"), "geometric levels, which need it"),
    (lambda: levels(3, "linear", last=0.1), "no others take it"),
    (lambda: levels(1, "geometric", last=0.1), "at least 2 steps"),
    (lambda: levels(3, "geometric", last=1.0), r"in \(0, 1\)"),
    (lambda: spaced_order(3, 4), r"1\.\.3"),
    (lambda: random_order(2, 3, 0), r"1\.\.3"),
    (lambda: lambda_schedule(None, torch.zeros(3), levels(2), 3), "batch, n"),
    (lambda: first_hitting(None, torch.zeros(3), 3), "batch, n"),
    (lambda: ancestral(None, torch.zeros(3).long(), 3), r"start\[None\]"),
    (lambda: lambda_schedule(None, MASKS, torch.tensor([1.0, 0.5]), 3), "exactly 0"),
    (lambda: lambda_schedule(None, MASKS, torch.tensor([0.9, 0.0]), 3), "exactly 1"),
    (lambda: lambda_schedule(None, MASKS, torch.tensor([1.0, 0.2, 0.4, 0.0]), 3), "fall strictly"),
    (lambda: first_hitting(None, MASKS, 3, rates=torch.tensor([1.0, 0.5, 0.5, 0.0])), "fall strictly"),
    (lambda: first_hitting(None, MASKS, 3, rates=torch.tensor([1.0, math.nan, 0.0])), "fall strictly"),
    (lambda: first_hitting(None, MASKS, 3, rates=torch.tensor([0.0, 1.0])), "exactly 1"),
    (lambda: reveal_in_order(None, MASKS, torch.tensor([1, 3, 1]), 3), "no position in step 2 of 1..3"),
    (lambda: reveal_in_order(None, MASKS, torch.tensor([[1, 2, 1], [1, 1, 1]]), 3), "no position in step 2"),
    (lambda: reveal_in_order(None, MASKS, torch.tensor([0, 1, 2]), 3), "counted from 1"),
    (lambda: reveal_in_order(None, MASKS, torch.tensor([1, 2]), 3), r"shape \(3,\)"),
    (lambda: reveal_in_order(None, MASKS, torch.ones(3), 3), "integer tensor"),
    (lambda: reveal_in_order(None, MASKS, torch.ones(5, 3).long(), 3), r"\(3,\) or \(2, 3\)"),
    (lambda: lambda_schedule(None, MASKS, levels(2), -1), "mask_id"),
    (lambda: first_hitting(lambda xt, time: torch.zeros(*xt.shape, 3), MASKS, 3), "mask_id must be one of"),
    (lambda: lambda_schedule(None, torch.full((1, 3), -1), levels(2), 3), "state -1"),
    (lambda: lambda_schedule(lambda xt, time: torch.zeros(1, 4), MASKS, levels(1), 3), "logits"),
    (lambda: reveal_in_order(lambda xt, time: torch.zeros(1, 4), MASKS, torch.ones(3).long(), 3), "logits"),
    (lambda: ancestral(lambda xt, t: torch.ones(2, 4), MASKS, 2), "reverse model must return"),
    (lambda: ancestral(None, MASKS, 0), "num_steps"),
    (lambda: lambda_schedule(None, torch.zeros(2, 0).long(), levels(2), 3), r"n >= 1, got \(2, 0\)"),
    (lambda: levels(10**6 + 1), "num_sampling_steps must be an int >= 1 and <= 1,000,000"),
    (lambda: levels(4, "geometric", last="0.1"), "last = '0.1'"),
    (lambda: levels(4, "geometric", last=math.nan), "last = nan"),
    (lambda: levels(4, "geometric", last=True), "last = True"),
])
def test_errors_name_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Numbers and states of any make

COUNTS = {  # the argument's name, its least value, and a function of it
    "levels": ("num_sampling_steps", 1, levels),
    "cosine levels": ("num_sampling_steps", 1, lambda n: levels(n, "cosine")),
    "left_to_right": ("length", 1, left_to_right),
    "spaced_order, n": ("length", 1, lambda n: spaced_order(n, 1)),
    "spaced_order, L": ("num_sampling_steps", 1, lambda n: spaced_order(4, n)),
    "random_order, batch": ("batch_size", 0, lambda n: random_order(n, 3, 2, generator=seeded(1))),
    "random_order, n": ("length", 1, lambda n: random_order(2, n, 1, generator=seeded(1))),
    "ancestral": ("num_steps", 1, lambda n: ancestral(lambda x, t: torch.ones(*x.shape, 4) / 4, MASKS, n,
                                                      generator=seeded(1))),
    "lambda_schedule": ("mask_id", 0, lambda n: lambda_schedule(FLAT, MASKS, levels(2), n, generator=seeded(1))),
    "first_hitting": ("mask_id", 0, lambda n: first_hitting(FLAT, MASKS, n, generator=seeded(1))),
    "reveal_in_order": ("mask_id", 0, lambda n: reveal_in_order(FLAT, MASKS, left_to_right(3), n, generator=seeded(1))),
}
SAMPLERS = {
    "lambda_schedule": lambda x: lambda_schedule(FLAT, x, levels(4), 3, generator=seeded(1)),
    "first_hitting": lambda x: first_hitting(FLAT, x, 3, generator=seeded(1)),
    "first_hitting with rates": lambda x: first_hitting(FLAT, x, 3, rates=levels(4), generator=seeded(1)),
    "reveal_in_order": lambda x: reveal_in_order(FLAT, x, left_to_right(3), 3, generator=seeded(1)),
    "ancestral": lambda x: ancestral(lambda x, t: torch.ones(*x.shape, 4) / 4, x, 3, generator=seeded(1)),
}


def FLAT(xt, time):
    return torch.zeros(*xt.shape, 4)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (_, least, _) in COUNTS.items()
                                             for value in NO_COUNTS if not (value == 0 == least)])
def test_a_count_that_is_none_is_refused_by_name(name, value):
    argument, _, call = COUNTS[name]
    with pytest.raises(ValueError, match=f"{argument} must be an int"):
        call(value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_an_integer_of_any_make(name, make):
    call = COUNTS[name][2]
    assert torch.equal(call(make(3)), call(3))


@pytest.mark.parametrize("name", SAMPLERS)
def test_states_of_fewer_bytes_and_empty_batches_do(name):
    sampler, due = SAMPLERS[name], SAMPLERS[name](MASKS)
    for dtype in (torch.uint8, torch.int32):
        assert torch.equal(sampler(MASKS.to(dtype)), due)
        assert sampler(MASKS[:0].to(dtype)).shape == (0, 3)
    assert random_order(0, 3, 2).shape == (0, 3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_no_batch_of_states_is_refused(name):
    for x in (torch.full((2, 3), 3.0), torch.full((2, 3), math.nan), torch.ones(2, 3, dtype=torch.bool), [[3, 3]]):
        with pytest.raises(TypeError, match="must be an integer tensor"):
            SAMPLERS[name](x)


def test_rates_and_orders_that_are_no_tensors_are_refused():
    with pytest.raises(TypeError, match=r"rates must be a tensor of mask rates, got list; levels\(L\)"):
        lambda_schedule(FLAT, MASKS, [1.0, 0.0], 3)
    with pytest.raises(TypeError, match="order must be an integer tensor, a step for each position, got list"):
        reveal_in_order(FLAT, MASKS, [1, 2, 3], 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ancestral"])
def test_the_samples_of_half_precision_logits_are_those_of_the_same_numbers_in_float64(monkeypatch, name, dtype):
    logits = (3 * torch.randn(3, 4, generator=seeded(4))).to(dtype)
    here, drawn = sys.modules[__name__], []
    for kind in (dtype, torch.float64):
        monkeypatch.setattr(here, "FLAT", lambda xt, time, kind=kind: logits.to(kind).expand(*xt.shape, 4))
        drawn.append(SAMPLERS[name](torch.full((500, 3), 3)))
    assert torch.equal(*drawn)
