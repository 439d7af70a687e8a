"""The exact laws against sums in plain Python, and the price of parallel decoding against sums over paths."""

import math
from itertools import pairwise, permutations, product

import pytest
import torch
from small_cases import INTS, NO_COUNTS, arbitrary_denoiser, language, seeded, timed_denoiser
from small_laws import (
    apart,
    as_dict,
    by_coins,
    by_order,
    by_reverse,
    by_surest,
    by_surest_draws,
    over_all_orders,
    token_probs,
)

from dlm_course.bound.discrete import exact_rho_weighted_loss, reverse_model
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, MatrixTransition, UniformTransition
from dlm_course.model.evaluation import order_kl, path_kl
from dlm_course.sampling.exact import left_to_right, levels, random_order, spaced_order
from dlm_course.sampling.laws import (
    ancestral_law,
    lambda_schedule_law,
    maskgit_law,
    one_at_a_time_law,
    order_law,
    random_order_law,
    sampling_floor,
    surest_first_law,
    total_variation,
)
from dlm_course.text.languages import HiddenMarkovLanguage, MarkovLanguage

CASES = {  # a denoiser, V, n and a template or None
    "Bayes": (lambda: language(3, 3).denoiser, 3, (3, 3, 3)),
    "Bayes, infilling": (lambda: language(3, 3).denoiser, 3, (3, 1, 3)),
    "Bayes, longer": (lambda: language(2, 4).denoiser, 2, (2, 2, 2, 2)),
    "arbitrary": (lambda: arbitrary_denoiser(3, 3), 3, (3, 3, 3)),
    "arbitrary, infilling": (lambda: arbitrary_denoiser(3, 3), 3, (0, 3, 3)),
    "arbitrary, longer": (lambda: arbitrary_denoiser(2, 4), 2, (2, 2, 2, 2)),
    "arbitrary, longer, infilling": (lambda: arbitrary_denoiser(2, 4), 2, (2, 1, 2, 2)),
    "one position": (lambda: arbitrary_denoiser(3, 1), 3, (3,)),
    "one mask": (lambda: arbitrary_denoiser(3, 3), 3, (2, 0, 3)),
    "nothing to fill": (lambda: arbitrary_denoiser(3, 3), 3, (2, 0, 1)),
}
every_case = pytest.mark.parametrize("name", CASES)


def case(name):
    make, vocab_size, template = CASES[name]
    free = all(x == vocab_size for x in template)
    return make(), vocab_size, template, None if free else torch.tensor(template)


def assert_law(law, due, vocab_size, length):
    assert law.shape == (vocab_size,) * length
    assert law.dtype == torch.float64
    assert abs(float(law.sum()) - 1) < 1e-10
    assert apart(as_dict(law), due) < 1e-10


@every_case
@pytest.mark.parametrize(("steps", "kind"), [(1, "linear"), (2, "cosine"), (3, "linear")])
def test_the_law_of_the_lambda_schedule(name, steps, kind):
    denoiser, vocab_size, template, given = case(name)
    rates = levels(steps, kind)
    law = lambda_schedule_law(denoiser, vocab_size, len(template), rates, given)
    assert_law(law, by_coins(denoiser, template, rates.tolist(), vocab_size), vocab_size, len(template))


@pytest.mark.parametrize("template", [(2, 2, 2), (2, 0, 2)], ids=str)
def test_the_law_of_the_lambda_schedule_for_a_denoiser_that_reads_the_mask_rate(template):
    high, low, rates = arbitrary_denoiser(2, 3), arbitrary_denoiser(2, 3, seed=2), levels(3)

    def denoiser(xt, time):
        return torch.where((time > 0.6)[:, None, None], high(xt, time), low(xt, time))

    law = lambda_schedule_law(denoiser, 2, 3, rates, torch.tensor(template), time_input=True)
    assert_law(law, by_coins(denoiser, template, rates.tolist(), 2), 2, 3)
    assert float((law - lambda_schedule_law(denoiser, 2, 3, rates, torch.tensor(template))).abs().max()) > 1e-3


@every_case
def test_the_law_of_one_token_at_a_time(name):
    denoiser, vocab_size, template, given = case(name)
    law = one_at_a_time_law(denoiser, vocab_size, len(template), given)
    assert_law(law, over_all_orders(denoiser, template, vocab_size), vocab_size, len(template))


@pytest.mark.parametrize("name", [name for name in CASES if case(name)[3] is None])
def test_the_law_of_random_orders_is_the_average_over_partitions(name):
    denoiser, vocab_size, template, _ = case(name)
    for steps in range(1, len(template) + 1):
        sizes = [len(range(step, len(template), steps)) for step in range(steps)]
        orders = set(permutations([step for step, size in enumerate(sizes, 1) for _ in range(size)]))
        laws = [by_order(denoiser, template, order, vocab_size) for order in orders]
        due = {x: sum(law[x] for law in laws) / len(laws) for x in laws[0]}
        assert_law(random_order_law(denoiser, vocab_size, len(template), steps), due, vocab_size, len(template))


@every_case
def test_the_law_of_an_order(name):
    denoiser, vocab_size, template, given = case(name)
    length = len(template)
    for steps in range(1, length + 1):
        for order in (spaced_order(length, steps), random_order(1, length, steps, generator=seeded(steps))[0]):
            law = order_law(denoiser, vocab_size, length, order, given)
            assert_law(law, by_order(denoiser, template, order.tolist(), vocab_size), vocab_size, length)


@every_case
@pytest.mark.parametrize(("exact", "due"), [(surest_first_law, by_surest), (maskgit_law, by_surest_draws)],
                         ids=["surest first", "maskgit"])
def test_the_law_of_a_choice(name, exact, due):
    denoiser, vocab_size, template, given = case(name)
    for steps in range(1, len(template) + 1):
        law = exact(denoiser, vocab_size, len(template), steps, given)
        assert_law(law, due(denoiser, template, steps, vocab_size), vocab_size, len(template))


@pytest.mark.parametrize(("exact", "due"), [(surest_first_law, by_surest), (maskgit_law, by_surest_draws)],
                         ids=["surest first", "maskgit"])
def test_the_law_of_a_choice_among_equals(exact, due):
    """Probabilities from a few values, so that most choices are ties."""
    table = torch.randint(2, (3, 3, 3, 3, 4, 3), generator=seeded(4)).double()

    def denoiser(xt, time):
        return table[tuple(xt.unbind(-1))]

    for steps in (1, 2, 3, 4):
        assert_law(exact(denoiser, 2, 4, steps), due(denoiser, (2, 2, 2, 2), steps, 2), 2, 4)


def given_template(words, template):
    data = {x: p for x, p in as_dict(words.joint).items()
            if all(given in (words.mask_id, symbol) for given, symbol in zip(template, x, strict=True))}
    return {x: p / sum(data.values()) for x, p in data.items()}


@pytest.mark.parametrize("template", [(2, 2, 2, 2), (2, 0, 2, 2), (1, 2, 2, 0)], ids=str)
def test_with_the_bayes_denoiser_one_token_a_step_is_the_data_given_the_template_in_every_order(template):
    words = language(2, 4)
    arguments, given = (words.denoiser, 2, 4), torch.tensor(template)
    data = given_template(words, template)
    laws = [one_at_a_time_law(*arguments, given), surest_first_law(*arguments, 4, given),
            order_law(*arguments, left_to_right(4), given), order_law(*arguments, torch.tensor([3, 1, 4, 2]), given)]
    for law in laws:
        assert_law(law, data, 2, 4)


def test_with_a_bayes_denoiser_of_eight_tokens_one_at_a_time_is_the_data():
    words = MarkovLanguage(columns(4, seed=2), 8)
    states = torch.cartesian_prod(*[torch.arange(4)] * 8)
    data = words.log_prob(states).exp().reshape((4,) * 8)
    assert float((one_at_a_time_law(words.denoiser, 4, 8) - data).abs().max()) < 1e-10
    assert float((order_law(words.denoiser, 4, 8, torch.tensor([3, 1, 5, 8, 2, 6, 4, 7])) - data).abs().max()) < 1e-10


@pytest.mark.slow
def test_the_laws_of_eight_tokens_sum_to_1_and_come_closer_to_the_data_with_more_levels():
    words = MarkovLanguage(columns(4, seed=2), 8)
    data = one_at_a_time_law(words.denoiser, 4, 8)
    distances = []
    for steps in (1, 2, 4, 8):
        law = lambda_schedule_law(words.denoiser, 4, 8, levels(steps))
        assert abs(float(law.sum()) - 1) < 1e-10
        distances.append(float(total_variation(law, data)))
    assert all(later < earlier for earlier, later in pairwise(distances))
    for exact in (surest_first_law, maskgit_law):
        assert abs(float(exact(words.denoiser, 4, 8, 4).sum()) - 1) < 1e-10


@pytest.mark.parametrize("law", [
    lambda f, template: lambda_schedule_law(f, 3, 4, levels(5), template),
    lambda f, template: one_at_a_time_law(f, 3, 4, template),
    lambda f, template: surest_first_law(f, 3, 4, 3, template),
    lambda f, template: maskgit_law(f, 3, 4, 3, template),
])
@pytest.mark.parametrize("template", [None, torch.tensor([3, 1, 3, 3])], ids=["free", "infilling"])
def test_the_denoiser_is_asked_once_about_each_state_and_given_the_share_of_masks(law, template):
    seen = []

    def denoiser(xt, time):
        assert torch.equal(time, (xt == 3).sum(-1) / 4)
        seen.extend(map(tuple, xt.tolist()))
        return torch.zeros(*xt.shape, 4)

    law(denoiser, template)
    assert len(set(seen)) == len(seen)
    assert all(3 in state for state in seen)
    assert template is None or all(state[1] == 1 for state in seen)


CHAINS = {"uniform": lambda: UniformTransition(3, Schedule.linear(3)),
          "absorbing": lambda: AbsorbingTransition(3, Schedule.cosine(3)),
          "absorbing, the mask first": lambda: AbsorbingTransition(3, Schedule.linear(3), mask_id=0),
          "matrices": lambda: MatrixTransition(torch.tensor([[[0.7, 0.2, 0.0], [0.2, 0.5, 0.3], [0.1, 0.3, 0.7]],
                                                             [[0.1, 0.4, 0.3], [0.6, 0.3, 0.1], [0.3, 0.3, 0.6]]]))}
PRIORS = {"stationary": None, "one for all": torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
          "one for each": torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.0, 0.4], [0.1, 0.8, 0.1]], dtype=torch.float64)}


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("chain", CHAINS)
def test_the_law_of_ancestral_sampling(chain, prior, length):
    transition, prior = CHAINS[chain](), PRIORS[prior]
    prior = prior[:length] if prior is not None and prior.ndim == 2 else prior
    if prior is None and chain == "matrices":
        prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)  # its steps share no stationary law
    reverse = reverse_model(timed_denoiser(2, length, transition.num_steps), transition)
    tokens = (transition.stationary() if prior is None else prior).expand(length, 3).tolist()
    start = {x: math.prod(tokens[i][k] for i, k in enumerate(x)) for x in product(range(3), repeat=length)}
    due = by_reverse(reverse, start, transition.num_steps)
    law = ancestral_law(reverse, transition, length, prior)
    if isinstance(transition, AbsorbingTransition):  # the mask is left out, and the symbols above it move down
        shift = int(transition.mask_id == 0)
        assert sum(p for x, p in due.items() if transition.mask_id in x) < 1e-12
        due = {tuple(k - shift for k in x): p for x, p in due.items() if transition.mask_id not in x}
        assert_law(law, due, 2, length)
    else:
        assert_law(law, due, 3, length)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_absorbing_chain_has_the_law_of_the_lambda_schedule_on_its_grid(steps):
    denoiser, rates = arbitrary_denoiser(3, 4), levels(steps, "cosine")
    transition = AbsorbingTransition(4, Schedule.from_mask_rate(rates[:-1].flip(0)))
    law = ancestral_law(reverse_model(denoiser, transition), transition, 4)
    assert float((law - lambda_schedule_law(denoiser, 3, 4, rates)).abs().max()) < 1e-10


def test_the_mixture_samples_one_token_of_the_uniform_chain_exactly_and_plug_in_does_not():
    words, transition = language(3, 1, seed=5), UniformTransition(3, Schedule.linear(4))
    denoiser = words.bayes_denoiser(transition)
    mixture, plug_in = (ancestral_law(reverse_model(denoiser, transition, plug_in=plug_in), transition, 1)
                        for plug_in in (False, True))
    assert float(total_variation(mixture, words.joint)) < 1e-10
    assert float(total_variation(plug_in, words.joint)) > 0.05


def test_for_two_tokens_total_variation_falls_like_one_over_the_number_of_steps():
    words = language(4, 2)
    distances = [float(total_variation(lambda_schedule_law(words.denoiser, 4, 2, levels(steps)), words.joint))
                 for steps in (1, 2, 3, 8)]
    for steps, distance in zip((1, 2, 3, 8), distances, strict=True):
        assert distance == pytest.approx(distances[0] / steps, abs=1e-12)


def test_total_variation_is_the_largest_difference_of_an_events_probability():
    p, q = (torch.rand(2, 3, dtype=torch.float64, generator=seeded(seed)) for seed in (1, 2))
    p, q = p / p.sum(), q / q.sum()
    events = list(product((False, True), repeat=6))
    due = max(float((p - q).flatten()[torch.tensor(event)].sum()) for event in events)
    assert float(total_variation(p, q)) == pytest.approx(due, abs=1e-12)
    assert float(total_variation(p, p)) == 0


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_sampling_floor_is_the_mean_over_all_counts(count):
    p = [0.5, 0.3, 0.15, 0.05, 0.0]
    due = sum(math.comb(count, c) * q**c * (1 - q) ** (count - c) * abs(c / count - q)
              for q in p for c in range(count + 1)) / 2
    assert float(sampling_floor(torch.tensor(p, dtype=torch.float64), count)) == pytest.approx(due, abs=1e-12)


def test_the_sampling_floor_is_what_true_samples_show_and_falls_like_the_root_of_their_number():
    words, count = language(3, 3), 200
    draws = words.sample(count * 500, generator=seeded(1))
    index = (draws * torch.tensor([9, 3, 1])).sum(-1).reshape(500, count)
    found = torch.stack([row.bincount(minlength=27) for row in index]).double() / count
    distances = (found - words.joint.flatten()).abs().sum(-1) / 2
    floor = float(sampling_floor(words.joint, count))
    assert abs(float(distances.mean()) - floor) < 5 * float(distances.std()) / 500**0.5
    assert float(sampling_floor(words.joint, 4_000_000)) * 2_000 == pytest.approx(
        float(sampling_floor(words.joint, 40_000)) * 200, rel=0.01)
    assert float(sampling_floor(torch.tensor([1.0, 0.0]), 50)) == 0


# The price of parallel decoding

def columns(num_symbols, seed):
    numbers = torch.rand(num_symbols, num_symbols, dtype=torch.float64, generator=seeded(seed)) ** 3
    return numbers / numbers.sum(0)


def markov(num_symbols, length, seed=3):
    start = torch.rand(num_symbols, dtype=torch.float64, generator=seeded(seed + 50))
    return MarkovLanguage(columns(num_symbols, seed), length, start / start.sum())


def with_zeros(length):
    matrix = torch.tensor([[0.5, 0.0, 0.2], [0.5, 0.0, 0.0], [0.0, 1.0, 0.8]], dtype=torch.float64)
    return MarkovLanguage(matrix, length, torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64))


LANGUAGES = {"V=3 n=3": lambda: markov(3, 3), "V=2 n=4": lambda: markov(2, 4), "n=1": lambda: markov(3, 1),
             "stationary": lambda: MarkovLanguage(columns(3, 4), 3), "zeros": lambda: with_zeros(4)}
every_language = pytest.mark.parametrize("name", LANGUAGES)


def data_of(words):
    every = words.sequences()
    return {tuple(x): math.exp(p) for x, p in zip(every.tolist(), words.log_prob(every).tolist(), strict=True)
            if p > -math.inf}


def kl(p, q):
    return sum(mass * math.log(mass / q[x]) for x, mass in p.items())


def kl_of_paths(data, denoiser, length, rates, mask_id):
    """KL(data path || sampler path): a path is a sequence, and for every token the step in which it is revealed."""
    probs, total, steps = token_probs(denoiser, mask_id), 0.0, range(1, len(rates))
    for x, mass in data.items():
        for reveal in product(steps, repeat=length):
            forward = mass * math.prod(rates[step - 1] - rates[step] for step in reveal)
            backward = 1.0
            for step in steps:
                state = tuple(v if at < step else mask_id for v, at in zip(x, reveal, strict=True))
                share = (rates[step - 1] - rates[step]) / rates[step - 1]
                for i, at in enumerate(reveal):
                    if at == step:
                        backward *= share * probs(state)[i][x[i]]
                    elif at > step:
                        backward *= 1 - share
            total += forward * math.log(forward / backward)
    return total


def gap_of_the_bound(words, denoiser, rates):
    """NELBO_L - H on the sampler's own grid, averaged over the data."""
    transition = AbsorbingTransition(words.num_states, Schedule.from_mask_rate(rates[:-1].flip(0)))
    data = data_of(words)
    bound = exact_rho_weighted_loss(denoiser, torch.tensor(list(data)), transition)
    return sum(mass * (nelbo + math.log(mass)) for mass, nelbo in zip(data.values(), bound.tolist(), strict=True))


@pytest.mark.parametrize(("steps", "kind"), [(1, "linear"), (2, "cosine"), (3, "linear")])
@every_language
def test_the_kl_of_paths_is_the_bound_less_the_entropy(name, steps, kind):
    words, rates = LANGUAGES[name](), levels(steps, kind)
    data = data_of(words)
    by_paths = kl_of_paths(data, words.denoiser, words.length, rates.tolist(), words.mask_id)
    assert gap_of_the_bound(words, words.denoiser, rates) == pytest.approx(by_paths, abs=1e-10)
    assert float(path_kl(words, rates)) == pytest.approx(by_paths, abs=1e-10)
    output = kl(data, as_dict(lambda_schedule_law(words.denoiser, words.vocab_size, words.length, rates)))
    assert output < by_paths + 1e-10


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_kl_of_paths_is_the_bound_less_the_entropy_for_an_arbitrary_denoiser_too(steps):
    words, rates, denoiser = markov(3, 3), levels(steps, "cosine"), arbitrary_denoiser(3, 3)
    data = data_of(words)
    by_paths = kl_of_paths(data, denoiser, 3, rates.tolist(), 3)
    assert gap_of_the_bound(words, denoiser, rates) == pytest.approx(by_paths, abs=1e-10)
    assert float(path_kl(words, rates)) < by_paths - 0.1  # the error of the model comes on top of that of factorising
    of_texts = kl(data, as_dict(lambda_schedule_law(denoiser, 3, 3, rates)))
    if steps == 1:
        assert of_texts == pytest.approx(by_paths, abs=1e-10)       # a path of one step is its text
    else:
        assert of_texts < by_paths - 0.1


@pytest.mark.parametrize(("steps", "kind", "last"), [(1, "linear", None), (6, "cosine", None), (4, "geometric", 0.1)])
def test_the_kl_of_paths_of_longer_languages(steps, kind, last):
    words, rates = markov(2, 7), levels(steps, kind, last=last)
    assert float(path_kl(words, rates)) == pytest.approx(gap_of_the_bound(words, words.denoiser, rates), abs=1e-10)


def test_times_the_number_of_steps_the_kl_of_paths_tends_to_half_the_sum_of_informations():
    words = markov(8, 16)
    laws, matrix = [words.initial], words.matrix
    for _ in range(15):
        laws.append(matrix @ laws[-1])

    def information(i):
        """H(x^i) - H(x^i | all others), the others being its neighbours."""
        past = torch.diag(laws[i - 1]) if i else torch.ones(1, 1, dtype=torch.float64)
        here = matrix @ past if i else words.initial[:, None]                               # p(x^i = b, x^{i-1} = a)
        future = matrix.T if i < 15 else torch.ones(8, 1, dtype=torch.float64)              # p(x^{i+1} = c | x^i = b)
        joint = here[:, :, None] * future[:, None, :]                                       # [b, a, c]
        return float(sum(torch.special.entr(law).sum() for law in (joint.sum((1, 2)), joint.sum(0)))
                     - torch.special.entr(joint).sum())

    limit = sum(map(information, range(16))) / 2
    ratios = [float(steps * path_kl(words, levels(steps)) / limit) for steps in (16, 64, 256)]
    assert all(abs(later - 1) < abs(earlier - 1) / 3 for earlier, later in pairwise(ratios))
    assert ratios[-1] == pytest.approx(1, abs=1e-3)


@every_language
def test_entropies_between_neighbours_are_those_of_the_joint(name):
    words = LANGUAGES[name]()
    data, length, pairs = data_of(words), words.length, words.pair_entropies()

    def joint(positions):
        law = {}
        for x, mass in data.items():
            key = tuple(x[i - 1] for i in positions if 1 <= i <= length)
            law[key] = law.get(key, 0.0) + mass
        return -sum(p * math.log(p) for p in law.values())

    for j, i, k in product(range(length + 2), repeat=3):
        if j < i < k:
            due = joint((j, i, k)) - joint((j, k))
            assert float(pairs[j, i] + pairs[i, k] - pairs[j, k]) == pytest.approx(due, abs=1e-10)


@every_language
def test_the_kl_of_an_order_is_that_of_its_output(name):
    words = LANGUAGES[name]()
    data, length = data_of(words), words.length
    for order in product(range(1, length + 1), repeat=length):
        if set(order) == set(range(1, max(order) + 1)):
            law = by_order(words.denoiser, (words.mask_id,) * length, order, words.mask_id)
            assert float(order_kl(words, torch.tensor(order))) == pytest.approx(kl(data, law), abs=1e-10)


def test_one_position_a_step_costs_nothing_and_all_at_once_the_total_correlation():
    words = markov(8, 16)
    assert float(order_kl(words, left_to_right(16))) == 0
    assert float(order_kl(words, random_order(1, 16, 16, generator=seeded(1))[0])) == 0
    correlation = float(words.pair_entropies()[0].sum() - words.entropy())
    assert float(order_kl(words, torch.ones(16, dtype=torch.long))) == pytest.approx(correlation, abs=1e-10)
    assert float(path_kl(words, levels(1))) == pytest.approx(correlation, abs=1e-10)
    costs = [float(order_kl(words, spaced_order(16, steps))) for steps in (1, 2, 4, 8)]
    assert all(later < earlier for earlier, later in pairwise(costs))


FLAT = MarkovLanguage(torch.full((2, 2), 0.5), 3)


def nothing(xt, time):
    return torch.zeros(*xt.shape, 3)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: lambda_schedule_law(nothing, 2, 3, torch.tensor([1.0, 0.5])), "exactly 0"),
    (lambda: lambda_schedule_law(nothing, 2, 3, torch.tensor([1.0, 0.2, 0.6, 0.0])), "fall strictly"),
    (lambda: lambda_schedule_law(nothing, 2, 3, levels(2), torch.tensor([2, 2])), r"one sequence of shape \(3,\)"),
    (lambda: one_at_a_time_law(nothing, 2, 3, torch.tensor([[2, 2, 2]])), r"one sequence of shape \(3,\)"),
    (lambda: one_at_a_time_law(nothing, 2, 3, torch.tensor([3, 2, 2])), "states up to 3"),
    (lambda: one_at_a_time_law(nothing, 2, 3, torch.tensor([-1, 2, 2])), "state -1"),
    (lambda: one_at_a_time_law(nothing, 4, 10), "too many to enumerate"),
    (lambda: one_at_a_time_law(nothing, 2, 3, [2, 2, 2]), "one sequence of shape .* got list"),
    (lambda: one_at_a_time_law(nothing, 2, 3, torch.zeros(0)), r"one sequence of shape .* got shape \(0,\)"),
    (lambda: one_at_a_time_law(nothing, 3, 3), "vocab_size"),
    (lambda: one_at_a_time_law(lambda xt, time: torch.zeros(1, 3), 2, 3), "logits"),
    (lambda: order_law(nothing, 2, 3, torch.tensor([1, 3, 3])), "no position in step 2"),
    (lambda: order_law(nothing, 2, 3, torch.tensor([1, 2])), r"shape \(3,\)"),
    (lambda: order_law(nothing, 2, 3, torch.ones(2, 3).long()), "one order"),
    (lambda: surest_first_law(nothing, 2, 3, 4), r"1\.\.3"),
    (lambda: maskgit_law(nothing, 2, 3, 0), r"1\.\.3"),
    (lambda: ancestral_law(None, UniformTransition(2, Schedule([0.5])), 30), "too many to enumerate"),
    (lambda: ancestral_law(None, UniformTransition(2, Schedule([0.5])), 3, torch.ones(3) / 3), "prior must have shape"),
    (lambda: ancestral_law(lambda xt, t: torch.ones(1, 3, 2), UniformTransition(2, Schedule([0.5])), 3),
     "reverse model must return"),
    (lambda: ancestral_law(lambda xt, t: torch.tensor([0.5, 0.5]).expand(len(xt), 3, 2),
                           AbsorbingTransition(2, Schedule([1.0])), 3), "the output has masks"),
    (lambda: total_variation(torch.ones(2), torch.ones(1)), "one shape"),
    (lambda: sampling_floor(torch.ones(2) / 2, 0), "num_samples"),
    (lambda: path_kl(FLAT, torch.tensor([1.0, 0.5])), "exactly 0"),
    (lambda: order_kl(FLAT, torch.tensor([1, 3, 3])), "no position in step 2"),
    (lambda: order_kl(FLAT, torch.ones(1, 3).long()), "one order"),
])
def test_errors_name_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_only_a_markov_language_has_its_price_computed_at_any_length():
    hidden = HiddenMarkovLanguage(torch.ones(1), torch.ones(1, 1), torch.full((2, 1), 0.5), 3)
    for call in (lambda: path_kl(hidden, levels(2)), lambda: order_kl(hidden, left_to_right(3))):
        with pytest.raises(TypeError, match="MarkovLanguage, got HiddenMarkovLanguage"):
            call()


# Numbers of any make

LAW_COUNTS = {  # the argument's name, and a law as a function of it
    "lambda_schedule_law, V": ("vocab_size", lambda n: lambda_schedule_law(nothing_of(2), n, 3, levels(2))),
    "lambda_schedule_law, n": ("length", lambda n: lambda_schedule_law(nothing_of(2), 2, n, levels(2))),
    "one_at_a_time_law, V": ("vocab_size", lambda n: one_at_a_time_law(nothing_of(2), n, 3)),
    "one_at_a_time_law, n": ("length", lambda n: one_at_a_time_law(nothing_of(2), 2, n)),
    "random_order_law, n": ("length", lambda n: random_order_law(nothing_of(2), 2, n, 2)),
    "random_order_law, L": ("num_sampling_steps", lambda n: random_order_law(nothing_of(2), 2, 3, n)),
    "order_law, n": ("length", lambda n: order_law(nothing_of(2), 2, n, torch.tensor([1, 2]))),
    "surest_first_law, n": ("length", lambda n: surest_first_law(nothing_of(2), 2, n, 2)),
    "surest_first_law, L": ("num_sampling_steps", lambda n: surest_first_law(nothing_of(2), 2, 3, n)),
    "maskgit_law, n": ("length", lambda n: maskgit_law(nothing_of(2), 2, n, 2)),
    "maskgit_law, L": ("num_sampling_steps", lambda n: maskgit_law(nothing_of(2), 2, 3, n)),
    "ancestral_law, n": ("length", lambda n: ancestral_law(coin, UniformTransition(2, Schedule([0.5])), n)),
    "sampling_floor": ("num_samples", lambda n: sampling_floor(torch.ones(2) / 2, n)),
}


def nothing_of(vocab_size):
    return lambda xt, time: torch.zeros(*xt.shape, vocab_size + 1)


def coin(xt, t):
    return torch.full((*xt.shape, 2), 0.5)


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("name", LAW_COUNTS)
def test_a_count_that_is_none_is_refused_by_name(name, value):
    argument, law = LAW_COUNTS[name]
    with pytest.raises(ValueError, match=rf"{argument} must be an int"):
        law(value)


@pytest.mark.parametrize("make", INTS)
@pytest.mark.parametrize("name", LAW_COUNTS)
def test_a_count_is_an_integer_of_any_make(name, make):
    law = LAW_COUNTS[name][1]
    assert torch.equal(law(make(2)), law(2))


def test_a_huge_length_is_refused_at_once():
    for length in (200, 10**9):
        with pytest.raises(ValueError, match="too many to enumerate"):
            one_at_a_time_law(nothing_of(2), 2, length)
