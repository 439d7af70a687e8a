"""Checkpoints: one file, written whole; one that is damaged or foreign is refused with the cause."""

import math

import pytest
import torch
from safetensors.torch import save_file

from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, load_denoiser, save_denoiser
from dlm_course.text.corpora import CharTokenizer


def model(depth=2):
    return Denoiser(DenoiserConfig(num_states=6, mask_id=5, max_length=12, width=16, depth=depth, num_heads=2))


def test_what_is_written_is_read(tmp_path):
    tensors = {"weights": torch.tensor([[1.0, 2.0]]), "counts": torch.tensor([3])}
    path = tmp_path / "m.safetensors"
    write_checkpoint(path, tensors, {"format": 1, "config": {"width": 16}, "notes": {"text": "é"}})
    read, description = read_checkpoint(path)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    assert description["config"] == {"width": 16}
    assert description["notes"] == {"text": "é"}


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


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused_by_the_name_of_their_file(tmp_path, value):
    network = model()
    with torch.no_grad():
        network.blocks[1].out.weight[2, 3] = value
    save_denoiser(tmp_path / "diverged.safetensors", network, CharTokenizer("abcde"))
    with pytest.raises(CheckpointError, match=r"diverged\.safetensors: .* NaN or infinity \(blocks\.1\.out\.weight\)"):
        load_denoiser(tmp_path / "diverged.safetensors")
