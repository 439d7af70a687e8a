"""Training in several processes: two of them on the CPU, held together by Accelerate and started by torchrun.

This file is also what the two processes run: all trainings in one start, which takes seconds.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlm_course.bound.continuous import mask_count_loss
from dlm_course.model.checkpoint import CheckpointError, read_checkpoint
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, load_denoiser
from dlm_course.model.training import TrainingConfig, train, train_from
from dlm_course.text.corpora import CharTokenizer, load_text, random_sequences, split

TORCHRUN = str(Path(sys.executable).with_name("torchrun"))
SHAPE = {"width": 16, "depth": 1, "num_heads": 2}
# A clip that binds: averaging clipped gradients would be another update than clipping the average.
CONFIG = TrainingConfig(num_steps=9, batch_size=6, length=16, warmup=3, evaluate_every=3, checkpoint_every=2, clip=0.05,
                        seed=5)
SECONDS = 240


def course_text():
    return load_text("python-reference")[:6000]


def interrupt_at(number):
    def callback(step, loss):
        if step == number:
            raise KeyboardInterrupt

    return callback


def worker(folder):
    """What each of the processes does."""
    options = {"progress": False}
    text, rank = course_text(), os.environ["RANK"]
    whole = train(text, CONFIG, SHAPE, checkpoint=folder / "whole.safetensors", **options)
    train(text, CONFIG, SHAPE, checkpoint=folder / "cut.safetensors", callback=interrupt_at(5), **options)
    if rank == "0":
        shutil.copy(folder / "cut.safetensors", folder / "left.safetensors")
    resumed = train_from(folder / "cut.safetensors", text, **options)
    first = replace(CONFIG, checkpoint_every=1)
    train(text, first, SHAPE, checkpoint=folder / "first.safetensors", callback=interrupt_at(1), **options)
    try:
        train(text, replace(CONFIG, batch_size=5), SHAPE, **options)
        message = "no error"
    except ValueError as error:
        message = str(error)
    torch.save({"whole": whole.model.state_dict(), "resumed": resumed.model.state_dict(), "history": whole.history,
                "resumed history": resumed.history, "message": message}, folder / f"{rank}.pt")


def torchrun(*arguments, processes=2):
    return [TORCHRUN, "--standalone", "--nproc-per-node", str(processes), *map(str, arguments)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    done = subprocess.run(torchrun(__file__, folder), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_all_processes_end_with_the_same_weights_in_one_checkpoint(folder):
    one, other = (torch.load(folder / f"{rank}.pt") for rank in (0, 1))
    assert same(one["whole"], other["whole"])
    assert one["history"] == other["history"]
    loaded, _, notes = load_denoiser(folder / "whole.safetensors")
    assert same(loaded.state_dict(), one["whole"])
    assert notes["history"] == one["history"]
    assert sorted(path.name for path in folder.glob("*")) == [
        "0.pt", "1.pt", *(f"{name}.safetensors" for name in ("cut", "first", "left", "whole"))]
    assert "2 processes cannot share a batch of 5" in one["message"]


@pytest.mark.slow
def test_interrupted_and_resumed_is_uninterrupted_bit_for_bit(folder):
    for rank in (0, 1):
        ends = torch.load(folder / f"{rank}.pt")
        assert same(ends["whole"], ends["resumed"])
        assert ends["history"] == ends["resumed history"]
    whole, resumed = (read_checkpoint(folder / f"{name}.safetensors") for name in ("whole", "cut"))
    assert same(whole[0], resumed[0])
    assert whole[1] == resumed[1]


@pytest.mark.slow
def test_the_first_update_is_that_of_the_average_gradient(folder):
    """Both parts of the batch are drawn here again, one after the other, and AdamW's first step is written out."""
    text = course_text()
    tokenizer = CharTokenizer.from_text(text)
    tokens, _ = split(tokenizer.encode(text))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(CONFIG.seed)
        model = Denoiser(DenoiserConfig(tokenizer.num_states, tokenizer.mask_id, CONFIG.length, **SHAPE))
    parts = []
    for process in (0, 1):
        texts, masks = (torch.Generator().manual_seed(CONFIG.seed + 1_000_003 * (2 * process + use)) for use in (0, 1))
        x0 = random_sequences(tokens, CONFIG.length, 3, generator=texts)
        loss = mask_count_loss(model, x0, tokenizer.mask_id, generator=masks).mean() / CONFIG.length
        parts.append(torch.autograd.grad(loss, list(model.parameters())))
    gradient = [(a + b) / 2 for a, b in zip(*parts, strict=True)]
    norm = sum(float(g.square().sum()) for g in gradient) ** 0.5
    assert norm > CONFIG.clip
    assert not torch.allclose(parts[0][0], parts[1][0], rtol=0.1)              # the processes drew different texts
    gradient = [g * CONFIG.clip / norm for g in gradient]

    stored, _ = read_checkpoint(folder / "first.safetensors")
    assert stored["generators"].shape[:2] == (2, 2)
    assert len({bytes(state.tolist()) for state in stored["generators"].flatten(0, 1)}) == 4
    rate = CONFIG.learning_rate / CONFIG.warmup
    # The optimizer counts matrices first; its average of gradients has 1 - 0.9 of the first one.
    order = [*(i for i, p in enumerate(model.parameters()) if p.ndim >= 2),
             *(i for i, p in enumerate(model.parameters()) if p.ndim < 2)]
    for number, index in enumerate(order):
        torch.testing.assert_close(stored[f"optimizer.{number}.exp_avg"], 0.1 * gradient[index], rtol=1e-4, atol=1e-8)
    for (name, parameter), g in zip(model.named_parameters(), gradient, strict=True):
        decayed = parameter.detach() * (1 - rate * CONFIG.weight_decay * (parameter.ndim >= 2))
        certain = g.abs() > 1e-6        # where the gradient is rounding alone, so is its sign
        torch.testing.assert_close(stored[f"model.{name}"][certain], (decayed - rate * g / (g.abs() + 1e-8))[certain],
                                   rtol=1e-5, atol=rate * 0.01)


@pytest.mark.slow
def test_another_number_of_processes_is_refused(folder):
    with pytest.raises(CheckpointError, match="another number of processes"):
        train_from(folder / "left.safetensors", course_text(), progress=False)


@pytest.mark.slow
def test_the_command_in_two_processes_ends_by_a_signal_and_goes_on(tmp_path):
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(course_text(), encoding="utf-8")
    command = torchrun("-m", "dlm_course.cli", "train", text, "--out", out)
    small = ["--steps", "600", "--batch-size", "4", "--length", "16", "--width", "16", "--depth", "1"]
    process = subprocess.Popen([*command, *small],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + SECONDS / 2
    while not out.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=SECONDS / 2)
    assert process.returncode != 0, error
    assert read_checkpoint(out)[1]["step"] % 100 == 0
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["m.safetensors"]
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.count(f"written: {out}") == 1
    assert resumed.stdout.count("step 600") == 1
    load_denoiser(out)


def test_without_accelerate_the_extra_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match=r"pip install -e '\.\[distributed\]' in the course's folder"):
        train(course_text(), CONFIG, SHAPE, progress=False)


if __name__ == "__main__":
    worker(Path(sys.argv[1]))
