"""Writing with a model, from Python and from the command line."""

import json
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from dlm_course.cli import app
from dlm_course.model.checkpoint import read_checkpoint
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, load_denoiser, save_denoiser
from dlm_course.model.evaluation import LOSSES
from dlm_course.model.training import TrainingConfig, train
from dlm_course.model.writing import SHIPPED, write
from dlm_course.text.corpora import CharTokenizer

COMMAND = str(Path(sys.executable).with_name("dlm-course"))
TEXT = "the cat sat on the mat. the dog sat on the log. " * 60


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    train(TEXT, TrainingConfig(num_steps=5, batch_size=4, length=24), {"width": 16, "depth": 1, "num_heads": 2},
          progress=False, checkpoint=path)
    return path


def run(*arguments):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_a_template_is_kept_and_its_blanks_are_filled(checkpoint):
    result = write("the ___ sat_", checkpoint=checkpoint, num=3, num_sampling_steps=4, seed=0)
    assert len(result.texts) == 3
    for text in result.texts:
        assert len(text) == 12
        assert text[:4] == "the "
        assert text[7:11] == " sat"
        assert "▢" not in text
        assert "_" not in text
    assert result.steps[0] == ["the ▢▢▢ sat▢"] * 3
    assert len(result.steps) == 5
    assert result.steps[-1] == result.texts


def test_the_seed_decides_the_text(checkpoint):
    a, b, c = (write(checkpoint=checkpoint, num_sampling_steps=6, seed=seed).texts for seed in (0, 0, 1))
    assert a == b != c
    assert len(a[0]) == 24


@pytest.mark.parametrize(("options", "message"), [
    ({"template": "the _at" * 9}, "63 characters, but this model takes 1 to 24"),
    ({"template": "The ___"}, "'T' at position 0"),
    ({"template": ""}, "0 characters"),
    ({"template": "the cat"}, "no blank"),
    ({"length": 25}, "1 to 24"),
    ({"template": "the_", "length": 3}, "not both"),
    ({"num": 0}, "num"),
    ({"temperature": 0.0}, "positive"),
    ({"num_sampling_steps": 0}, "num_sampling_steps"),
])
def test_what_does_not_fit_is_a_clear_error(checkpoint, options, message):
    with pytest.raises(ValueError, match=message):
        write(checkpoint=checkpoint, **options)


def test_an_autoregressive_checkpoint_is_refused(tmp_path):
    tokenizer = CharTokenizer("abc")
    path = tmp_path / "twin.safetensors"
    save_denoiser(path, Denoiser(DenoiserConfig(4, 3, 8, 16, 1, 2, causal=True)), tokenizer)
    with pytest.raises(ValueError, match="autoregressive"):
        write(checkpoint=path)


def test_the_shipped_model_writes_english_looking_text_within_a_few_megabytes():
    assert SHIPPED.stat().st_size < 5e6
    text = write(num_sampling_steps=64, seed=0).texts[0]
    words = {word.strip(".,;:()'") for word in text.split()}
    common = {"the", "a", "of", "is", "to", "in", "and", "object", "if", "be", "as", "an", "class", "for"}
    assert len(words & common) >= 3


@pytest.mark.slow
def test_sample_on_the_command_line(checkpoint, tmp_path):
    done = run("sample", "the ___", "--checkpoint", checkpoint, "--steps", 3, "--seed", 1, "--num", 2,
               "--save", tmp_path / "steps.json")
    assert done.returncode == 0, done.stderr
    assert [len(line) for line in done.stdout.rstrip("\n").split("\n")] == [7, 7]
    saved = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    assert len(saved["steps"]) == 4
    shown = run("sample", "the ___", "--checkpoint", checkpoint, "--steps", 3, "--seed", 1, "--show-steps")
    assert shown.stdout.splitlines()[0] == "   0  'the ▢▢▢'"
    steps = [line.split("  ")[-1] for line in shown.stdout.splitlines()]
    assert len(steps) >= 2
    assert all(one != other for one, other in pairwise(steps))      # a step in which nothing changed is not shown
    wrong = run("sample", "THE ___", "--checkpoint", checkpoint)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert "'T'" in wrong.stderr


@pytest.mark.slow
def test_train_on_the_command_line_writes_and_refuses(tmp_path):
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    options = ("train", text, "--out", out, "--steps", 6, "--length", 16, "--width", 16, "--depth", 1)
    done = run(*options)
    assert done.returncode == 0, done.stderr
    assert "bits per character" in done.stdout
    again = run(*options)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    finished = run("train", text, "--out", out, "--resume")
    assert finished.returncode == 2
    assert "finished model" in finished.stderr
    short = tmp_path / "short.txt"
    short.write_text("too short", encoding="utf-8")
    for arguments, message in ((("train", short, "--out", tmp_path / "x.safetensors"), "held out"),
                               (("train", tmp_path / "none.txt"), "none.txt"),
                               (("train", text, "--device", "tpu9", "--out", tmp_path / "y.safetensors"), "device")):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert message in failed.stderr
        assert "Traceback" not in failed.stderr


def test_train_refuses_what_does_not_fit_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)      # the command runs within this process
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    whole = SHIPPED.read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:100_000])
    (tmp_path / "future.safetensors").write_bytes(whole.replace(b'\\"format\\": 1', b'\\"format\\": 9', 1))
    (tmp_path / "kept.twin.safetensors").write_bytes(b"")
    for options, message in ((("--loss", "mean"), "loss must be one of mask-count"),
                             (("--causal", "--twin"), "leave out --twin and --loss"),
                             (("--causal", "--loss", "unweighted"), "leave out --twin and --loss"),
                             (("--twin", "--out", tmp_path / "kept.safetensors"), "kept.twin.safetensors exists"),
                             (("--resume", "--out", tmp_path / "short.safetensors"), "cut short"),
                             (("--resume", "--twin", "--out", tmp_path / "short.safetensors"), "cut short"),
                             (("--resume", "--out", tmp_path / "future.safetensors"), "checkpoint format 9"),
                             (("--resume", "--loss", "unweighted", "--mixed-precision"),
                              "leave out --loss, --mixed-precision"),
                             (("--resume", "--twin"), "no such checkpoint")):
        failed = CliRunner().invoke(app, ["train", *map(str, (text, "--out", out, *options))])
        assert failed.exit_code == 2, options
        assert message in failed.stderr
        assert not out.exists()
    shown = CliRunner().invoke(app, ["train", "--help"]).output
    assert all(loss in shown for loss in LOSSES)


@pytest.mark.slow
def test_a_twin_on_the_command_line_is_compared_and_resumed(tmp_path):
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    twin = tmp_path / "m.twin.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    small = ("--steps", 120, "--length", 16, "--width", 16, "--depth", 1, "--loss", "mask-rate", "--mixed-precision")
    done = run("train", text, "--out", out, "--twin", *small)
    assert done.returncode == 0, done.stderr
    head, masked, autoregressive = done.stdout.splitlines()[-3:]
    assert head.split() == ["held-out", "bits", "per", "character", "last", "best"]
    number = r"\d\.\d{3} ± \d\.\d{3}"
    assert re.fullmatch(rf"masked model \(upper bound\) +{number} +{number} at step 120", masked)
    history = load_denoiser(twin)[2]["history"]
    assert [entry["step"] for entry in history] == [100, 120]
    last, best = history[-1], min(history, key=lambda entry: entry["held_out"])
    shown = [f"{entry['held_out']:.3f} ± {entry['standard_error']:.3f}" for entry in (last, best)]
    assert re.split(r"  +", autoregressive) == ["autoregressive twin (exact)", shown[0],
                                                f"{shown[1]} at step {best['step']}"]
    for path in (out, twin):
        made = load_denoiser(path)[2]["training"]
        assert (made["loss"], made["mixed_precision"], made["num_steps"]) == ("mask-rate", True, 120)

    written = twin.read_bytes()
    twin.unlink()                       # as if the run had been interrupted before the twin's first checkpoint
    resumed = run("train", text, "--out", out, "--twin", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines()[-3:] == [head, masked, autoregressive]
    assert twin.read_bytes() == written


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_ended_run_leaves_the_last_checkpoint_and_resume_goes_on(tmp_path, how):
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    options = ["train", text, "--out", out, "--steps", 1500, "--length", 16, "--width", 16, "--depth", 1]
    process = subprocess.Popen([COMMAND, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(how)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "--resume goes on from it" in error
    assert 0 < read_checkpoint(out)[1]["step"] < 1500
    assert read_checkpoint(out)[1]["step"] % 100 == 0
    refused = run("train", text, "--out", out, "--resume", "--steps", 9)
    assert refused.returncode == 2
    assert "--steps" in refused.stderr
    resumed = run("train", text, "--out", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "step 1500" in resumed.stdout


def test_nothing_global_is_seeded(checkpoint):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    write(checkpoint=checkpoint, num_sampling_steps=2, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
