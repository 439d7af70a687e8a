"""The transformer and its checkpoints."""

import math

import pytest
import torch

from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
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


@pytest.mark.parametrize(("call", "message"), [
    (lambda: model()(torch.zeros(1, 13, dtype=torch.long)), "at most 12"),
    (lambda: model()(torch.full((1, 3), 6)), "0..5"),
    (lambda: DenoiserConfig(6, 6), "mask_id"),
    (lambda: DenoiserConfig(6, 5, width=10, num_heads=4), "multiple"),
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


def test_a_damaged_or_foreign_file_is_a_clear_error(tmp_path):
    path = tmp_path / "m.safetensors"
    save_denoiser(path, model(), CharTokenizer("abcde"))
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    with pytest.raises(CheckpointError, match="cut short"):
        load_denoiser(path)
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_denoiser(path)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_denoiser(tmp_path / "absent.safetensors")
    tensors, description = read_checkpoint_of(whole, path)
    write_checkpoint(path, tensors, {**description, "format": 99})
    with pytest.raises(CheckpointError, match="format 99"):
        load_denoiser(path)
    write_checkpoint(path, tensors, {**description, "config": {**description["config"], "depth": 3}})
    with pytest.raises(CheckpointError, match="do not fit"):
        load_denoiser(path)
    from safetensors.torch import save_file
    for header in ("{bad", "[]"):
        save_file({"x": torch.zeros(1)}, path, metadata={"dlm_course": header})
        with pytest.raises(CheckpointError, match="description is damaged"):
            load_denoiser(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not one written by dlm_course"):
        load_denoiser(path)


def read_checkpoint_of(content, path):
    path.write_bytes(content)
    return read_checkpoint(path)


def test_an_interrupted_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    save_denoiser(path, model(), CharTokenizer("abcde"))
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_denoiser(path, model(depth=1), CharTokenizer("abcde"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_attention_uses_rotary_positions_that_depend_on_distance():
    from dlm_course.model.denoiser import _rotate
    network = model()
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    at = network.rotation

    def score(i, j):
        return float((_rotate(q, at[:, i:i + 1]) * _rotate(k, at[:, j:j + 1])).sum())

    assert score(3, 1) == pytest.approx(score(9, 7), abs=1e-4)
    assert not math.isclose(score(3, 1), score(3, 2), abs_tol=1e-4)
