"""Writing with a model, from Python and from the command line."""

import json
import math
import re
import signal
import subprocess
import sys
import time
from itertools import chain, pairwise
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import torch
from small_cases import INTS, NO_COUNTS
from typer.testing import CliRunner

from dlm_course import cli
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
    """The command, within this process: another one would import torch anew. tests/test_cli.py runs it as people do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "signal", lambda *_: None)
        return CliRunner().invoke(app, [*map(str, arguments)])


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
    ({"length": 25}, r"length must be an int in 1\.\.24, .*, got 25"),
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
    assert done.exit_code == 0, done.stderr
    assert [len(line) for line in done.stdout.rstrip("\n").split("\n")] == [7, 7]
    saved = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    assert len(saved["steps"]) == 4
    shown = run("sample", "the ___", "--checkpoint", checkpoint, "--steps", 3, "--seed", 1, "--show-steps")
    assert shown.stdout.splitlines()[0] == "   0  'the ▢▢▢'"
    steps = [line.split("  ")[-1] for line in shown.stdout.splitlines()]
    assert len(steps) >= 2
    assert all(one != other for one, other in pairwise(steps))      # a step in which nothing changed is not shown
    wrong = run("sample", "THE ___", "--checkpoint", checkpoint)
    assert wrong.exit_code == 2
    assert "Traceback" not in wrong.stderr
    assert "'T'" in wrong.stderr


@pytest.mark.slow
def test_train_on_the_command_line_writes_and_refuses(tmp_path):
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    options = ("train", text, "--out", out, "--steps", 6, "--length", 16, "--width", 16, "--depth", 1)
    done = run(*options)
    assert done.exit_code == 0, done.stderr
    assert "bits per character" in done.stdout
    again = run(*options)
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    finished = run("train", text, "--out", out, "--resume")
    assert finished.exit_code == 2
    assert "finished model" in finished.stderr
    short = tmp_path / "short.txt"
    short.write_text("too short", encoding="utf-8")
    for arguments, message in ((("train", short, "--out", tmp_path / "x.safetensors"), "held out"),
                               (("train", tmp_path / "none.txt"), "none.txt"),
                               (("train", text, "--device", "tpu9", "--out", tmp_path / "y.safetensors"), "device")):
        failed = run(*arguments)
        assert failed.exit_code == 2
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
    assert done.exit_code == 0, done.stderr
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
    assert resumed.exit_code == 0, resumed.stderr
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
    assert refused.exit_code == 2
    assert "--steps" in refused.stderr
    resumed = run("train", text, "--out", out, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "step 1500" in resumed.stdout


def test_nothing_global_is_seeded(checkpoint):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    write(checkpoint=checkpoint, num_sampling_steps=2, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


# Numbers of any make, and those that are none

@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_a_count_that_is_none_is_refused_by_name(checkpoint, value):
    for name in ("num", "num_sampling_steps", *(["length"] if value is not None else [])):
        with pytest.raises(ValueError, match=rf"^{name} must be an int") as failure:
            write(checkpoint=checkpoint, **{name: value})
        assert repr(value) in str(failure.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"num": 10_001}, "num must be an int >= 1 and <= 10,000, got 10001"),
    *(({"seed": value}, "seed must be an int >= 0 and <= 4,294,967,295")
      for value in (-1, 2**32, 10**20, 1.0, True, "1")),
    *(({"temperature": value}, "temperature must be positive") for value in (-1, math.nan, math.inf, True, "1", None))])
def test_other_numbers_out_of_range_are_refused(checkpoint, options, message):
    with pytest.raises(ValueError, match=message):
        write(checkpoint=checkpoint, **options)


@pytest.mark.parametrize("make", INTS)
def test_numbers_of_any_make_do(checkpoint, make):
    options = {"num": 2, "length": 5, "num_sampling_steps": 3, "seed": 1}
    assert write(checkpoint=checkpoint, **{name: make(value) for name, value in options.items()}) == \
        write(checkpoint=checkpoint, **options)


# Advice that can be followed

@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Untrained models of texts with underscores, without, in upper case, and one that diverged."""
    folder = tmp_path_factory.mktemp("alphabets")
    for name, alphabet in (("underscores", "a_b c"), ("plain", "ab c"), ("upper", "AB C"), ("diverged", "ab c")):
        tokenizer = CharTokenizer(alphabet)
        model = Denoiser(DenoiserConfig(tokenizer.num_states, tokenizer.mask_id, 24, 16, 1, 2))
        if name == "diverged":
            torch.nn.init.constant_(model.head.weight, math.nan)
        save_denoiser(folder / f"{name}.safetensors", model, tokenizer)
    return folder


@pytest.mark.parametrize(("name", "template", "advice"), [
    ("plain", "abc", r"no blank to fill: write _ \(or ▢\) for each$"),
    ("underscores", "a_b", r"no blank to fill: write ▢ \(_ is in its text\) for each$"),
    *(("plain", f"a{mask}b", rf"'{re.escape(mask[0])}' at position 1: .*; a blank is written _ \(or ▢\) here$")
      for mask in ("□", "■", "[MASK]", "<mask>", "<|mask|>", "{MASK}", "[Mask]")),
    ("plain", "a<mask>", r"does not know '<' at position 1: .*; a blank is written _ \(or ▢\) here$"),
    ("underscores", "a□b", r"; a blank is written ▢ \(_ is in its text\) here$"),
    ("plain", "A_", r"does not know 'A' at position 0: .*; it knows 'a': write the template in lower case$"),
    ("upper", "a_", r"does not know 'a' at position 0: .*; it knows 'A': write the template in upper case$"),
    ("plain", "a5_", r"does not know '5' at position 1: its text has only ' abc'$"),
    ("plain", "Z_", r"does not know 'Z' at position 0: its text has only ' abc'$"),
    ("plain", "[_", r"does not know '\[' at position 0: its text has only ' abc'$"),
])
def test_the_advice_about_a_template_can_be_followed(checkpoints, name, template, advice):
    with pytest.raises(ValueError, match=advice):
        write(template, checkpoint=checkpoints / f"{name}.safetensors")


def test_what_the_advice_says_works(checkpoints):
    assert write("a▢b", checkpoint=checkpoints / "underscores.safetensors", seed=0).texts[0][::2] == "ab"
    assert write("a_b", checkpoint=checkpoints / "plain.safetensors", seed=0).texts[0][::2] == "ab"


def test_weights_that_are_not_finite_are_laid_to_their_file(checkpoints):
    path = checkpoints / "diverged.safetensors"
    failed = CliRunner().invoke(app, ["sample", "--checkpoint", str(path)])
    assert failed.exit_code == 2
    assert failed.stderr.startswith(f"{path}: its weights hold NaN or infinity (head.weight)")


# Every option of the commands

HUGE = "99999999999999999999"
WRONG_INTEGERS = ("0", "-1", "-16", HUGE, "1.5", "nan", "inf", "1e3", "True", "")
TRAIN_OPTIONS = {  # option: wrong values; what else is in the command
    "--steps": WRONG_INTEGERS, "--batch-size": WRONG_INTEGERS, "--length": WRONG_INTEGERS,
    "--width": (*WRONG_INTEGERS, "10", "80000", "1000000000"), "--depth": (*WRONG_INTEGERS, "1001"),
    "--seed": ("-1", "4294967296", HUGE, "1.5", "nan", "inf", ""), "--loss": ("mean", ""), "--device": ("tpu9", ""),
}
SAMPLE_OPTIONS = {
    "--num": (*WRONG_INTEGERS, "10001"), "--length": (*WRONG_INTEGERS, "25"), "--steps": (*WRONG_INTEGERS, "1000001"),
    "--temperature": ("0", "-1", "nan", "inf", "-inf", "1e400", "warm", ""),
    "--seed": ("-1", "4294967296", HUGE, "1.5", "nan", ""), "--device": ("tpu9", ""),
}
SMALL = {"--steps": "2", "--batch-size": "2", "--length": "16", "--width": "16", "--depth": "1"}


def refused(arguments, option):
    """The command ends with code 2, without a traceback, and names the option."""
    failed = CliRunner().invoke(app, arguments)
    assert failed.exit_code == 2, (arguments, failed.output, failed.exception)
    assert isinstance(failed.exception, SystemExit)
    assert "Traceback" not in failed.output
    assert re.search(rf"{option}\b", failed.stderr), failed.stderr
    return failed.stderr


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in TRAIN_OPTIONS.items()
                                               for value in values])
def test_train_refuses_a_value_and_names_its_option(tmp_path, monkeypatch, option, value):
    monkeypatch.setattr(signal, "signal", lambda *_: None)      # the command runs within this process
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text(TEXT, encoding="utf-8")
    options = {**SMALL, option: value}
    message = refused(["train", str(text), "--out", str(out), *chain(*options.items())], option)
    assert value in message or "valid integer" in message       # which typer says, without the value
    assert not out.exists()


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in SAMPLE_OPTIONS.items()
                                               for value in values])
def test_sample_refuses_a_value_and_names_its_option(checkpoint, option, value):
    message = refused(["sample", "--checkpoint", str(checkpoint), option, value], option)
    given = str(float(value)) if "temperature must be" in message else value
    assert given in message or "valid integer" in message or "valid number" in message


@pytest.mark.parametrize("command", ["train", "sample"])
def test_every_option_with_a_number_is_tried_above(command):
    hints = get_type_hints(getattr(cli, command))
    numbers = {"--" + name.replace("_", "-") for name, hint in hints.items() if {int, float} & {hint, *get_args(hint)}}
    assert numbers <= set(TRAIN_OPTIONS if command == "train" else SAMPLE_OPTIONS)
    assert len(numbers) >= 5


def test_a_text_that_holds_the_sign_of_a_mask_is_told_so_by_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    text, out = tmp_path / "own.txt", tmp_path / "m.safetensors"
    text.write_text("the ▢at sat. " * 100, encoding="utf-8")
    failed = CliRunner().invoke(app, ["train", str(text), "--out", str(out)])
    assert failed.exit_code == 2
    assert failed.stderr == ("the text holds '▢' at position 4, which stands for a masked character here: put another "
                             "one in its place\n")
    assert not out.exists()


@pytest.mark.parametrize("error", [
    MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                 "to allocate 48000000000 bytes.")], ids=["Python", "CUDA", "CPU"])
def test_memory_that_does_not_suffice_is_no_traceback(tmp_path, monkeypatch, checkpoint, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    text = tmp_path / "own.txt"
    text.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr("dlm_course.model.training.train", fails)
    monkeypatch.setattr("dlm_course.model.writing.write", fails)
    train_on_it = ["train", str(text), "--out", str(tmp_path / "m")]
    for arguments, options in ((train_on_it, "--batch-size"), (["sample"], "--num")):
        failed = CliRunner().invoke(app, arguments)
        assert failed.exit_code == 2
        assert failed.stderr.startswith("the memory of this machine does not suffice")
        assert options in failed.stderr
    error = RuntimeError("another fault, which must not be hidden")
    assert CliRunner().invoke(app, ["sample"]).exception is error
