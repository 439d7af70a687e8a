"""comparison.py: what is written is what is read and gives the same numbers; what does not fit together is refused."""

import itertools
import math
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file
from small_models import TOKENIZER, file_of, models, windows

from dlm_course.bound.continuous import mask_count_loss
from dlm_course.model.checkpoint import CheckpointError, write_checkpoint
from dlm_course.model.comparison import Comparison, compare, load_comparison, save_comparison
from dlm_course.model.denoiser import autoregressive_nll, save_denoiser
from dlm_course.text.corpora import CharTokenizer


def test_what_is_written_gives_the_same_numbers(tmp_path):
    masked, twin = models()
    path = tmp_path / "10_capstone.safetensors"
    save_comparison(path, masked, twin, TOKENIZER, windows(70).to(torch.int16))
    read = load_comparison(path)
    assert (read.tokenizer.alphabet, read.windows.tolist()) == ("abcde", windows(70).tolist())
    assert (read.masked.config, read.twin.config) == (masked.config, twin.config)
    assert not any(weights.requires_grad for weights in read.masked.parameters())
    bounds, exact = compare(read, num_draws=2, seed=4)
    assert (bounds.shape, exact.shape, bounds.dtype) == ((2, 70), (70,), torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(exact, autoregressive_nll(twin, windows(70)).double())
        generator = torch.Generator().manual_seed(4)
        first = torch.cat([mask_count_loss(masked, batch, 5, generator=generator) for batch in windows(70).split(64)])
    torch.testing.assert_close(bounds[0], first.double())
    again, _ = compare(Comparison(masked, twin, TOKENIZER, windows(70)), num_draws=2, seed=4)
    torch.testing.assert_close(again, bounds)


def test_the_bound_is_that_of_the_chain_rule():
    """For two tokens the bound is the mean over both orders, which two masked calls give exactly."""
    masked, twin = models()
    texts = torch.tensor([*itertools.product(range(5), repeat=2)])
    bounds, exact = compare(Comparison(masked, twin, TOKENIZER, texts), num_draws=4000)
    with torch.no_grad():
        def log_p(place, seen):
            xt = torch.full_like(texts, 5)
            if seen:
                xt[:, 1 - place] = texts[:, 1 - place]
            logits = masked(xt)[..., :5]
            return logits.double().log_softmax(-1)[:, place].gather(-1, texts[:, [place]])[:, 0]
        by_orders = -(log_p(0, False) + log_p(1, True) + log_p(1, False) + log_p(0, True)) / 2
    error = bounds.std(0) / math.sqrt(len(bounds))
    assert ((bounds.mean(0) - by_orders).abs() < 5 * error + 1e-6).all()
    assert float((-exact).exp().sum()) == pytest.approx(1, abs=1e-5)    # the twin's probabilities of all texts


def test_what_makes_no_comparison_is_refused(tmp_path):
    masked, twin = models()
    for given, words in (((twin, masked, TOKENIZER, windows()), "must read both sides .* got causal=True and False"),
                         ((masked, masked, TOKENIZER, windows()), "its twin the left one"),
                         ((masked, twin, CharTokenizer("abcd"), windows() % 4), "needs models of 5 states"),
                         ((masked, twin, TOKENIZER, windows()[:1]), "at least two windows, got 1"),
                         ((masked, twin, TOKENIZER, windows() + 1), "windows holds the state 5, but"),
                         ((masked, twin, TOKENIZER, windows(length=13)), "have 13 characters, and a model takes at "
                                                                         "most 12"),
                         ((masked, twin, TOKENIZER, windows()[0]), "windows must have shape")):
        with pytest.raises(ValueError, match=words):
            save_comparison(tmp_path / "m.safetensors", *given)
    with pytest.raises(TypeError, match="integer"):
        save_comparison(tmp_path / "m.safetensors", masked, twin, TOKENIZER, windows().double())
    assert not (tmp_path / "m.safetensors").exists()


def test_a_file_of_something_else_is_a_clear_error(tmp_path):
    path = tmp_path / "m.safetensors"
    masked, twin = models()
    save_denoiser(path, masked, TOKENIZER)
    with pytest.raises(CheckpointError, match="holds a model, but no comparison"):
        load_comparison(path)
    path.write_bytes(file_of(path)[:-7])
    with pytest.raises(CheckpointError, match="cut short"):
        load_comparison(path)
    file_of(path)
    tensors = load_file(path)
    whole = {"format": 1, "masked": asdict(masked.config), "twin": asdict(twin.config), "alphabet": "abcde"}
    write_checkpoint(path, tensors, whole)
    load_comparison(path)
    for change, words in (({"masked": {"depth": 1}}, "do not fit the description"),
                          ({"alphabet": "abcdef"}, "needs models of 7 states"),
                          ({"alphabet": "abc"}, "windows holds the state"),
                          ({"twin": asdict(masked.config)}, "do not fit|its twin the left one"),
                          ({"masked": {**whole["masked"], "width": 10**7}}, "was it mistyped|were they mistyped"),
                          ({"masked": None}, "do not fit"), ({"alphabet": "aacde"}, "do not fit")):
        write_checkpoint(path, tensors, {**whole, **change})
        with pytest.raises(CheckpointError, match=words):
            load_comparison(path)
    for name in ("masked.head.weight", "twin.embedding.weight"):
        write_checkpoint(path, {**tensors, name: tensors[name] * math.nan}, whole)
        with pytest.raises(CheckpointError, match="NaN or infinity"):
            load_comparison(path)
    write_checkpoint(path, {**tensors, "windows": tensors["windows"] + 3}, whole)
    with pytest.raises(CheckpointError, match="windows holds the state"):
        load_comparison(path)
    write_checkpoint(path, {name: tensor for name, tensor in tensors.items() if name != "twin.head.bias"}, whole)
    with pytest.raises(CheckpointError, match="Missing key"):
        load_comparison(path)
