"""The transformer and its checkpoints."""

import math
from dataclasses import asdict

import pytest
import torch
from small_cases import INTS, NO_COUNTS

from dlm_course.bound.continuous import mask_count_loss
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, autoregressive_nll, load_denoiser, save_denoiser
from dlm_course.text.corpora import CharTokenizer

TINY = {"num_states": 6, "mask_id": 5, "max_length": 12, "width": 16, "depth": 2, "num_heads": 2}


def model(device="cpu", **changes):
    torch.manual_seed(0)
    made = Denoiser(DenoiserConfig(**{**TINY, **changes})).to(device)
    with torch.no_grad():  # weights large enough that every part of the network matters
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape).to(device))
    return made.eval()


def test_logits_have_the_shape_and_dtype_promised(device):
    logits = model(device)(torch.randint(6, (3, 7), device=device), torch.rand(3, device=device))
    assert logits.shape == (3, 7, 6)
    assert logits.dtype == torch.float32
    assert logits.device.type == torch.device(device).type


def test_the_denoiser_reads_the_whole_sequence_and_the_twin_only_the_left():
    x = torch.randint(5, (1, 12), generator=torch.Generator().manual_seed(0))
    for causal in (False, True):
        network = model(causal=causal)
        base = network(x)
        for place in range(12):
            changed = x.clone()
            changed[0, place] = (changed[0, place] + 1) % 5
            moved = (network(changed) - base).abs().amax(-1)[0] > 1e-6
            expected = torch.arange(12) >= place if causal else torch.ones(12, dtype=torch.bool)
            assert torch.equal(moved, expected)


def test_the_denoiser_knows_where_a_token_stands():
    x = torch.tensor([[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]])
    logits = model()(x)[0]
    assert not torch.allclose(logits[2], logits[4], atol=1e-4)


def test_batches_are_independent():
    network, x = model(), torch.randint(6, (4, 9), generator=torch.Generator().manual_seed(1))
    together = network(x)
    assert torch.allclose(together[2:3], network(x[2:3]), atol=1e-5)


@torch.no_grad()
def test_the_autoregressive_likelihood_sums_to_one_over_all_sequences():
    network = model(num_states=4, mask_id=3, causal=True)
    every = torch.cartesian_prod(*[torch.arange(3)] * 4)
    assert float((-autoregressive_nll(network, every)).exp().sum()) == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_the_autoregressive_likelihood_is_the_product_of_its_conditionals():
    network = model(num_states=4, mask_id=3, causal=True)
    x = torch.tensor([[2, 0, 1]])
    total = 0.0
    for i in range(3):
        logits = network(torch.cat([torch.tensor([[3]]), x[:, :i]], dim=1))[0, -1, :3]
        total -= float(logits.log_softmax(-1)[x[0, i]])
    assert float(autoregressive_nll(network, x)) == pytest.approx(total, abs=1e-5)
    with pytest.raises(ValueError, match="causal"):
        autoregressive_nll(model(), x)


X = torch.tensor([[0, 1, 2], [2, 4, 0]])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: model()(torch.zeros(1, 13, dtype=torch.long)), "at most 12"),
    (lambda: model()(torch.full((1, 3), 6)), "0..5"),
    (lambda: DenoiserConfig(6, 6), "mask_id"),
    (lambda: DenoiserConfig(6, 5, width=10, num_heads=4), "width must be a multiple of 8, two channels .*, got 10"),
    (lambda: DenoiserConfig(6, 5, kernel_size=4), "kernel_size must be odd, .* got 4"),
    (lambda: DenoiserConfig(6, 5, depth=1001), "depth must be an int >= 1 and <= 1,000, got 1001"),
    (lambda: DenoiserConfig(6, 5, width=80_000), r"width 80000 and depth 4 make a network of about 3\.1e\+11 weights"),
    (lambda: model()(X[0]), r"xt must have shape \(batch, n\) .* got \(3,\); .* xt\[None\]"),
    (lambda: model()(torch.zeros(2, 0, dtype=torch.long)), r"n >= 1, got \(2, 0\)"),
    (lambda: model(time_input=True)(X, 0.5), r"time must be a tensor of shape \(2,\), .* got float 0\.5"),
    (lambda: model(time_input=True)(X, torch.tensor(0.5)), r"shape \(2,\), .* got shape \(\)"),
    (lambda: model(time_input=True)(X, torch.tensor([3, 7])), r"in \[0, 1\], got 3 to 7; a step t becomes one"),
    (lambda: model(time_input=True)(X, torch.tensor([0.5, math.nan])), r"in \[0, 1\], got nan"),
    (lambda: autoregressive_nll(model(causal=True), X[0]), "x0 must have shape"),
    (lambda: autoregressive_nll(model(causal=True), X - 1), "x0 holds the state -1"),
])
def test_errors_name_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_saved_model_comes_back_the_same(tmp_path):
    network, tokenizer = model(), CharTokenizer("abcde")
    save_denoiser(tmp_path / "m.safetensors", network, tokenizer, bits=2.0)
    again, alphabet, notes = load_denoiser(tmp_path / "m.safetensors")
    x = torch.randint(6, (2, 9))
    assert torch.equal(again(x), network(x))
    assert alphabet == tokenizer
    assert notes == {"bits": 2.0}
    assert not again.training
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_attention_uses_rotary_positions_that_depend_on_distance():
    from dlm_course.model.denoiser import _rotate
    network = model()
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    at = network.rotation

    def score(i, j):
        return float((_rotate(q, at[:, i:i + 1]) * _rotate(k, at[:, j:j + 1])).sum())

    assert score(3, 1) == pytest.approx(score(9, 7), abs=1e-4)
    assert not math.isclose(score(3, 1), score(3, 2), abs_tol=1e-4)


# Numbers and states of any make

NUMBERS = ("num_states", "max_length", "width", "depth", "num_heads", "kernel_size")


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_makes_no_network_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be an int >= [12]") as failure:
        DenoiserConfig(**{**TINY, name: value})
    assert repr(value) in str(failure.value)


@pytest.mark.parametrize("value", [value for value in NO_COUNTS if value != 0], ids=repr)
def test_a_mask_that_is_no_state_is_refused(value):
    with pytest.raises(ValueError, match=r"mask_id must be one of the states 0\.\.5, got"):
        DenoiserConfig(**{**TINY, "mask_id": value})


@pytest.mark.parametrize("make", INTS)
def test_a_network_of_numbers_of_any_make_is_saved_and_loaded(tmp_path, make):
    config = DenoiserConfig(**{name: make(value) for name, value in TINY.items()})
    assert config == DenoiserConfig(**TINY)
    assert all(type(value) in (int, bool) for value in asdict(config).values())
    save_denoiser(tmp_path / "m.safetensors", Denoiser(config), CharTokenizer("abcde"))
    assert load_denoiser(tmp_path / "m.safetensors")[0].config == config


def test_an_even_kernel_is_for_causal_networks():
    assert model(causal=True, kernel_size=4)(X).shape == (2, 3, 6)
    assert model(kernel_size=1)(X).shape == (2, 3, 6)


@pytest.mark.parametrize("changes", [{}, {"causal": True}, {"time_input": True}], ids=["denoiser", "causal", "timed"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_states_of_fewer_bytes_and_empty_batches_do(dtype, changes):
    network, time = model(**changes), torch.tensor([0.2, 0.7])
    assert torch.equal(network(X.to(dtype), time), network(X, time))
    assert network(X[:0].to(dtype), time[:0]).shape == (0, 3, 6)
    if network.config.causal:
        assert torch.equal(autoregressive_nll(network, X.to(dtype)), autoregressive_nll(network, X))
        assert autoregressive_nll(network, X[:0].to(dtype)).shape == (0,)
    else:
        assert mask_count_loss(network, X[:0].to(dtype), 5).shape == (0,)


@pytest.mark.parametrize("x", [torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), [[0, 1]]],
                         ids=["floats", "bools", "a list"])
def test_what_are_no_states_is_refused(x):
    for call in (model(), lambda x: autoregressive_nll(model(causal=True), x)):
        with pytest.raises(TypeError, match="must be an integer tensor"):
            call(x)


# Half precision

@pytest.mark.parametrize("length", [128, 2048])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("changes", [{}, {"causal": True}, {"time_input": True}], ids=["denoiser", "causal", "timed"])
def test_the_loss_of_a_network_in_half_precision_is_that_of_its_logits_in_float32(dtype, length, changes):
    network = model(max_length=length, depth=1, **changes).to(dtype)
    x0 = torch.randint(5, (2, length), generator=torch.Generator().manual_seed(0))

    class Float32(torch.nn.Module):
        config = network.config

        def forward(self, *arguments):
            return network(*arguments).float()

    def loss(network):
        if network.config.causal:
            return autoregressive_nll(network, x0)
        return mask_count_loss(network, x0, 5, generator=torch.Generator().manual_seed(1))

    ours = loss(network)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, loss(Float32()))
    ours.mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.dtype == dtype, name
        assert parameter.grad.isfinite().all(), name
    assert network.embedding.weight.grad.abs().sum() > 0
