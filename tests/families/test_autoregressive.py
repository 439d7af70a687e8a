"""The autoregressive family: a product of conditionals, each asked for by itself here."""

import math
from itertools import product

import pytest
import torch
from small_cases import assert_close, seeded
from small_laws import assert_samples

from dlm_course.families.autoregressive import Autoregressive


def arbitrary(vocab_size=3, length=3):
    """A model whose conditionals are far from flat."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Autoregressive(vocab_size, length, width=16)
        torch.nn.init.normal_(model.network.head.weight, std=0.5)
        torch.nn.init.normal_(model.network.embedding.weight)
    return model.eval()


@torch.no_grad()
def law(model):
    """{x: product of the conditionals}, the network called on every prefix by itself, which holds no later token."""
    def conditional(prefix):
        logits = model.network(torch.tensor([[model.vocab_size, *prefix]]))[0, -1].tolist()
        weights = [math.exp(value) for value in logits[:model.vocab_size]]
        return [weight / sum(weights) for weight in weights]

    return {x: math.prod(conditional(x[:i])[x[i]] for i in range(model.length))
            for x in product(range(model.vocab_size), repeat=model.length)}


def test_nll_is_the_exact_likelihood_and_sums_to_one():
    model = arbitrary()
    due = law(model)
    probs = (-model.nll(torch.tensor(list(due)))).exp()
    assert_close(probs, list(due.values()), 1e-6)
    assert float(probs.detach().sum()) == pytest.approx(1, abs=1e-5)
    assert max(due.values()) > 3 * min(due.values())


def test_the_samples_have_that_law_after_one_call_a_token():
    model, calls = arbitrary(), []
    model.network.register_forward_hook(lambda *_: calls.append(1))
    samples = model.sample(20_000, generator=seeded(1))
    assert len(calls) == model.calls_per_sample() == model.calls_per_sample(3) == 3
    assert_samples(samples, law(model))


def test_it_learns_which_token_follows_which():
    """x^2 = x^1 + 1 with probability 3/4, x^1 uniform."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Autoregressive(4, width=16)
    first, right = torch.randint(4, (4096,), generator=seeded(1)), torch.rand(4096, generator=seeded(2)) < 0.75
    data = torch.stack([first, (first + torch.where(right, 1, 2)) % 4], 1)
    model.fit(data, 150, seeded(3), batch_size=128, learning_rate=1e-2, progress=False)
    entropy = math.log(4) - 0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert abs(float(model.nll(data).detach().mean()) - entropy) < 0.03
