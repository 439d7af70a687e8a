"""numbers.py: a project's numbers, computed again in the sandbox; whatever else lies there becomes a reason."""

import json
import math
import sys

import pytest
import torch
from small_graders import SHORT, needs_bubblewrap
from small_models import TOKENIZER, file_of, models, windows

from dlm_course.course.grading.numbers import COMPUTED, NOT_COMPUTED, numbers_job, numbers_said
from dlm_course.course.grading.sandbox.box import open_box
from dlm_course.course.grading.sandbox.wire import Reply, encode_outputs
from dlm_course.course.questions import Output
from dlm_course.course.questions.capstone import bits_with_error
from dlm_course.model.comparison import Comparison, compare
from dlm_course.model.evaluation import estimate

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="no sandbox on Windows")]


def said_of(value=None, **fields):
    return numbers_said(Reply("done", encode_outputs([Output(value, "Tensor", **fields)])))


def test_bits_and_errors_are_those_of_the_notebook():
    generator = torch.Generator().manual_seed(1)
    bounds, exact = (40 + torch.randn(*shape, 40, generator=generator, dtype=torch.float64) for shape in ((3,), ()))
    about = torch.tensor([64.0, 40, 40])[:, None].expand(-1, 40)
    said = said_of(torch.cat([bounds, exact[None], about]).numpy())
    assert said.startswith(f"{COMPUTED}, on 40 windows of 64 characters, in bits per character: ")
    by_masks = estimate(bounds.mean(1) / 64 / math.log(2)).standard_error
    assert said.endswith(f"; 3 sets of masks, which alone move the bound by ± {by_masks:.3f}")
    for name, nats in (("masked model (bound)", bounds.mean(0)), ("twin (exact)", exact)):
        sums = torch.stack([part.sum() for part in nats.split(16)])
        error = float(bits_with_error(sums, torch.tensor([1024, 1024, 512]))[1])
        assert f"{name} {estimate(nats / 64 / math.log(2))} over windows, ± {error:.3f} over passages" in said


def test_one_passage_has_no_error_over_passages():
    assert said_of(torch.tensor([[1.0, 2.0], [1.0, 3.0], [10, 10], [2, 2], [2, 2]]).double().numpy()).endswith(
        "twin (exact) 0.289 ± 0.144 over windows; 1 set of masks")


def test_windows_that_were_not_looked_at_or_repeat_themselves_are_said():
    said = said_of(torch.tensor([[1.0, 2.0], [1.0, 3.0], [600, 600], [7, 7], [5, 5]]).double().numpy())
    assert "on 2 of 7 windows of 600 characters" in said
    assert "over passages" not in said
    assert said.endswith("; 1 set of masks; only 5 of the windows differ")


@pytest.mark.parametrize(("reply", "reason"), [
    (None, "that took the sandbox with it"), (Reply("time"), "that took too long"),
    (Reply("memory"), "that took too much memory"), (Reply("died", detail="SIGSEGV"), "that ended the process"),
    (Reply("size"), "that ended the process"), (Reply("done", b"x" * 40), "something else than outputs")])
def test_what_did_not_come_to_an_end_is_a_reason(reply, reason):
    assert numbers_said(reply) == f"{NOT_COMPUTED}: {reason}"


def test_numbers_that_are_none_are_a_reason():
    for value in (math.nan, math.inf):
        assert said_of(torch.tensor([[1, 2], [1, value], [9, 9], [2, 2], [2, 2]]).double().numpy()) == (
            f"{NOT_COMPUTED}: the models give NaN or infinity")
    assert said_of(error="raised CheckpointError: no models, at `numbers(content)`") == (
        f"{NOT_COMPUTED}: CheckpointError: no models")


def header(**entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


def test_models_are_run_in_the_sandbox_and_strange_files_are_reasons(tmp_path):
    needs_bubblewrap()
    path = tmp_path / "models.safetensors"
    content = file_of(path, windows(130, 12))
    inflated = {"num_states": 6, "mask_id": 5, "max_length": 2**30, "width": 16, "depth": 1, "num_heads": 2}
    described = json.dumps({"format": 1, "alphabet": "abcde", "masked": inflated, "twin": inflated})
    two = {"dtype": "I32", "shape": [2, 1], "data_offsets": [0, 8]}
    strange = {
        b"": "CheckpointError: the file: not a whole safetensors file",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.": "not a whole safetensors file",
        content[:-1]: "file not fully covered",
        (2**62).to_bytes(8, "little") + b"{": "not a whole safetensors file",
        header(x={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}): "not a whole safetensors file",
        header(__metadata__={"dlm_course": described}, windows=two) + bytes(8): "can't allocate memory",
        file_of(path, windows(400_000, 12), width=64, depth=8): "that took too long",
        file_of(path, windows(150, 12_000), max_length=12_000, width=128): "take too long",
    }
    with open_box("bubblewrap", SHORT, "10") as box:
        said = numbers_said(box.ask(numbers_job(content)))
        bounds, exact = compare(Comparison(*models(), TOKENIZER, windows(130, 12)), num_draws=8)
        assert f"masked model (bound) {estimate(bounds.mean(0) / 12 / math.log(2))} over windows" in said
        assert f"twin (exact) {estimate(exact / 12 / math.log(2))} over windows" in said
        assert "; 8 sets of masks, which alone move the bound by ± " in said
        for other, reason in strange.items():
            said = numbers_said(box.ask(numbers_job(other)))
            assert said.startswith(NOT_COMPUTED)
            assert reason in said
        assert numbers_said(box.ask(numbers_job(content))).startswith(COMPUTED)    # the next student has the same box
