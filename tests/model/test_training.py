"""The training loop: it learns, it resumes bit for bit, and an interruption loses nothing but the last steps."""

import itertools
import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from small_cases import INTS, NO_COUNTS

from dlm_course.model import training
from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, load_denoiser
from dlm_course.model.evaluation import LOSSES, held_out_bits, loss_per_sequence
from dlm_course.model.training import TrainingConfig, fit, learning_rate, train, train_from, train_twin, twin_path
from dlm_course.text.corpora import sequences, split
from dlm_course.text.languages import MarkovLanguage

TEXT = "the cat sat on the mat. the dog sat on the log. " * 60
TINY = {"width": 16, "depth": 1, "num_heads": 2}
CONFIG = TrainingConfig(num_steps=12, batch_size=4, length=16, warmup=3, evaluate_every=6, checkpoint_every=4)


def weights(run):
    return run.model.state_dict()


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("causal", [False, True])
def test_it_learns_a_repeating_text(causal):
    config = replace(CONFIG, num_steps=150, evaluate_every=150, warmup=10, learning_rate=1e-2)
    run = train(TEXT, config, {**TINY, "causal": causal}, progress=False)
    assert run.history[-1]["held_out"] < (1.0 if causal else 2.2)      # log2 of its 15 characters is 3.9
    assert 0 < run.history[-1]["standard_error"] < 0.3


def test_the_same_seed_gives_the_same_run_and_another_another():
    a, b, c = (train(TEXT, replace(CONFIG, seed=seed), TINY, progress=False) for seed in (0, 0, 1))
    assert same(weights(a), weights(b))
    assert a.history == b.history
    assert not same(weights(a), weights(c))


def interrupt_at_7(step, loss):
    if step == 7:
        raise KeyboardInterrupt


@pytest.mark.parametrize("causal", [False, True])
def test_an_interrupted_run_resumed_is_the_uninterrupted_one_bit_for_bit(tmp_path, causal):
    shape = {**TINY, "causal": causal}
    whole = train(TEXT, CONFIG, shape, progress=False, checkpoint=tmp_path / "whole.safetensors")

    path = tmp_path / "cut.safetensors"
    cut = train(TEXT, CONFIG, shape, progress=False, checkpoint=path, callback=interrupt_at_7)
    assert cut.interrupted
    assert cut.step == 7
    assert read_checkpoint(path)[1]["step"] == 4                          # the last checkpoint, whole

    resumed = train_from(path, TEXT, progress=False)
    assert not resumed.interrupted
    assert resumed.step == 12
    assert same(weights(whole), weights(resumed))
    assert whole.history == resumed.history
    ours, theirs = read_checkpoint(tmp_path / "whole.safetensors"), read_checkpoint(path)
    assert same(ours[0], theirs[0])
    assert ours[1] == theirs[1]


# A causal model has learned so little text by heart within 100 steps.
OVERFITTING = "".join(f"{number * number * 7919 % 10_007} " for number in range(80))


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_best_evaluation_is_kept_also_by_a_resumed_run(tmp_path, interrupted):
    config = replace(CONFIG, num_steps=100, evaluate_every=10, checkpoint_every=30, learning_rate=2e-2, keep_best=True)
    shape, path = {**TINY, "width": 48, "causal": True}, tmp_path / "m.safetensors"

    def interrupt(step, loss):
        if interrupted and step == 95:
            raise KeyboardInterrupt

    train(OVERFITTING, config, shape, progress=False, checkpoint=path, callback=interrupt)
    if interrupted:                                                       # goes on from step 90, after the best one
        train_from(path, OVERFITTING, progress=False)
    model, tokenizer, notes = load_denoiser(path)
    found = [row["held_out"] for row in notes["history"]]
    assert len(found) == 10
    assert min(found) < found[-1] - 0.01
    held_out = sequences(split(tokenizer.encode(OVERFITTING), config.held_out)[1], config.length)
    assert held_out_bits(model, held_out).mean == pytest.approx(min(found), abs=1e-6)
    whole = train(OVERFITTING, config, shape, progress=False)
    assert same(weights(whole), model.state_dict())


@pytest.mark.parametrize("callback", [None, interrupt_at_7], ids=["finished", "interrupted"])
def test_a_training_checkpoint_is_a_model_with_the_averaged_weights(tmp_path, callback):
    path = tmp_path / "m.safetensors"
    config = CONFIG if callback is None else replace(CONFIG, checkpoint_every=7, evaluate_every=7)
    run = train(TEXT, config, TINY, progress=False, checkpoint=path, callback=callback)
    loaded, tokenizer, notes = load_denoiser(path)
    assert same(loaded.state_dict(), weights(run))
    assert tokenizer == run.tokenizer
    assert notes["history"] == run.history


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    train(TEXT, CONFIG, TINY, progress=False, checkpoint=path, callback=interrupt_at_7)
    for text, config, shape, message in (
            (TEXT + "x", CONFIG, TINY, "another text"),
            (TEXT, replace(CONFIG, seed=3), TINY, "another training configuration"),
            (TEXT, CONFIG, {**TINY, "depth": 2}, "another network")):
        with pytest.raises(CheckpointError, match=message):
            train(text, config, shape, checkpoint=path, resume=True, progress=False)
    with pytest.raises(ValueError, match="resume needs a checkpoint"):
        train(TEXT, CONFIG, TINY, resume=True, progress=False)
    finished = tmp_path / "finished.safetensors"
    train(TEXT, CONFIG, TINY, progress=False, checkpoint=finished)
    for resume in (lambda: train_from(finished, TEXT), lambda: train(TEXT, CONFIG, TINY, checkpoint=finished,
                                                                     resume=True, progress=False)):
        with pytest.raises(CheckpointError, match="finished model"):
            resume()
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        train_from(tmp_path / "absent.safetensors", TEXT)


def test_an_unfinished_run_of_another_version_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    train(TEXT, CONFIG, TINY, progress=False, checkpoint=path, callback=interrupt_at_7)
    tensors, description = read_checkpoint(path)
    del description["state"], description["format"]                       # as the first version wrote it
    write_checkpoint(path, tensors, description)
    with pytest.raises(CheckpointError, match=r"state of a run of another version \(1, .* with 3\)"):
        train_from(path, TEXT, progress=False)
    load_denoiser(path)                                                   # as a model it can be read


def test_a_twin_reads_the_same_texts_and_belongs_to_a_finished_masked_model(tmp_path, monkeypatch):
    read = []
    draw = training.random_sequences
    monkeypatch.setattr(training, "random_sequences", lambda *a, **k: read.append(draw(*a, **k)) or read[-1])
    path = tmp_path / "m.safetensors"
    masked = train(TEXT, CONFIG, TINY, progress=False, checkpoint=path)
    twin = train_twin(path, TEXT, progress=False)
    assert len(read) == 2 * CONFIG.num_steps
    assert torch.equal(torch.stack(read[:12]), torch.stack(read[12:]))
    assert replace(twin.model.config, causal=False) == masked.model.config
    assert twin.model.config.causal
    assert [entry["step"] for entry in twin.history] == [4, 8, 12]        # at every checkpoint: it overfits early
    alone = train(TEXT, CONFIG, {**TINY, "causal": True}, progress=False)
    assert same(weights(alone), weights(twin))
    assert twin_path(path).name == "m.twin.safetensors"
    assert same(load_denoiser(twin_path(path))[0].state_dict(), weights(twin))

    for checkpoint, text, message in ((path, TEXT, "finished model"),     # the twin is there, and finished
                                      (twin_path(path), TEXT, "no finished masked model")):
        with pytest.raises(CheckpointError, match=message):
            train_twin(checkpoint, text, progress=False)
    twin_path(path).unlink()
    with pytest.raises(CheckpointError, match="another text, or none"):
        train_twin(path, TEXT + "x", progress=False)
    train_twin(path, TEXT, progress=False, callback=interrupt_at_7)
    assert same(weights(train_twin(path, TEXT, progress=False)), weights(twin))


def test_the_evaluation_does_not_touch_the_run():
    """More evaluations give the same weights: they draw from a generator of their own."""
    often = train(TEXT, replace(CONFIG, evaluate_every=1), TINY, progress=False)
    never = train(TEXT, replace(CONFIG, evaluate_every=100), TINY, progress=False)
    assert same(weights(often), weights(never))
    assert len(often.history) == 12
    assert len(never.history) == 1


def test_training_does_not_touch_the_global_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(TEXT, CONFIG, TINY, progress=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_text_too_short_is_told_how_short():
    with pytest.raises(ValueError, match=r"the text has 100 characters, of which 10 are held out"):
        train("ab" * 50, CONFIG, TINY, progress=False)
    for name, value in (("num_steps", 0), ("learning_rate", -1.0), ("clip", 0.0), ("average", 1.0)):
        with pytest.raises(ValueError, match=name):
            TrainingConfig(**{name: value})


def test_the_learning_rate_warms_up_and_decays():
    rates = [learning_rate(step, CONFIG) for step in range(1, 13)]
    assert rates[:3] == pytest.approx([CONFIG.learning_rate * k / 3 for k in (1, 2, 3)])
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[2:]))
    assert rates[-1] == pytest.approx(CONFIG.learning_rate / 10)


def test_it_trains_where_it_is_told(device):
    run = train(TEXT, CONFIG, TINY, device=device, progress=False)
    assert next(run.model.parameters()).device.type == torch.device(device).type


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_by_name_trains(loss):
    config = replace(CONFIG, loss=loss, num_steps=60, evaluate_every=60, learning_rate=1e-2)
    run = train(TEXT, config, TINY, progress=False)
    assert run.history[-1]["held_out"] < 3.7                               # log2 of its 15 characters is 3.9


def test_another_loss_is_refused():
    with pytest.raises(ValueError, match="loss must be one of mask-count"):
        TrainingConfig(loss="mean")


def test_fit_trains_on_what_is_drawn_and_repeats_itself():
    words = MarkovLanguage(torch.eye(3, dtype=torch.float64) * 0.85 + 0.05, length=4)       # much to learn
    config = replace(CONFIG, num_steps=40, learning_rate=1e-2)

    def fitted():
        torch.manual_seed(1)
        model = Denoiser(DenoiserConfig(4, 3, max_length=4, width=16, depth=1, num_heads=2))
        losses = fit(model, lambda generator: words.sample(16, generator=generator), config, progress=False)
        return model, losses

    (model, losses), (again, same_losses) = fitted(), fitted()
    assert losses.shape == (40,)
    assert losses[-10:].mean() < 0.8 * losses[:10].mean()
    assert torch.equal(losses, same_losses)
    assert same(model.state_dict(), again.state_dict())
    assert not model.training


def test_mixed_precision_leaves_the_weights_in_float32():
    run = train(TEXT, replace(CONFIG, mixed_precision=True), TINY, progress=False)
    assert all(parameter.dtype == torch.float32 for parameter in run.model.parameters())
    assert run.history[-1]["held_out"] < 4.5


def test_a_model_with_time_input_trains_and_needs_the_time():
    run = train(TEXT, CONFIG, {**TINY, "time_input": True}, progress=False)
    with pytest.raises(ValueError, match="reads the mask rate"):
        run.model(torch.zeros(1, 4, dtype=torch.long))
    early, late = (run.model(torch.full((1, 4), run.tokenizer.mask_id), torch.tensor([rate])) for rate in (0.1, 0.9))
    assert not torch.equal(early, late)


# Numbers of any make, and those that are none

INTEGERS = ("num_steps", "batch_size", "length", "evaluate_every", "checkpoint_every")


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("name", [*INTEGERS, "warmup"])
def test_a_count_that_is_none_is_refused_by_name(name, value):
    if name == "warmup" and value == 0:
        assert learning_rate(1, TrainingConfig(warmup=0)) == pytest.approx(2e-3, rel=1e-3)
        return
    with pytest.raises(ValueError, match=rf"^{name} must be an int >= [01]") as failure:
        TrainingConfig(**{name: value})
    assert repr(value) in str(failure.value)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**20, 1.0, True, "0", None, math.nan])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match=r"^seed must be an int >= 0 and <= 4,294,967,295, got"):
        TrainingConfig(seed=seed)


@pytest.mark.parametrize(("name", "wrong"), [
    ("learning_rate", [0, -1e-3, 1.5, 1e30, math.inf, math.nan]), ("clip", [0, -1.0, math.nan]),
    ("weight_decay", [-0.1, math.inf, math.nan]), ("average", [-0.1, 1, 1.5, math.nan]),
    ("held_out", [0, 1, -0.1, 1.5, math.nan])])
def test_a_number_out_of_its_range_is_refused_by_name(name, wrong):
    for value in (*wrong, True, "0.1", None, 10**400):
        with pytest.raises(ValueError, match=rf"^{name} must be .*, got ") as failure:
            TrainingConfig(**{name: value})
        assert repr(value) in str(failure.value)


def test_the_ends_of_the_ranges_are_in_them():
    config = TrainingConfig(learning_rate=1, clip=math.inf, weight_decay=0, average=0, held_out=0.999)
    assert (config.learning_rate, config.clip, config.weight_decay, config.average) == (1.0, math.inf, 0.0, 0.0)
    assert TrainingConfig(seed=2**32 - 1).seed == 2**32 - 1


@pytest.mark.parametrize("make", INTS)
def test_a_configuration_of_numbers_of_any_make_is_that_of_pythons_own(make):
    config = TrainingConfig(**{name: make(6) for name in INTEGERS}, seed=make(3), learning_rate=np.float64(0.01),
                            clip=torch.tensor(0.5))
    assert config == TrainingConfig(**dict.fromkeys(INTEGERS, 6), seed=3, learning_rate=0.01, clip=0.5)
    assert TrainingConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_a_run_with_numbers_of_numpy_is_resumed(tmp_path):
    config = replace(CONFIG, num_steps=np.int64(12), seed=np.int64(0), learning_rate=np.float64(2e-3))
    path = tmp_path / "m.safetensors"
    shape = {name: np.int64(value) for name, value in TINY.items()}
    assert train(TEXT, config, shape, progress=False, checkpoint=path, callback=interrupt_at_7).interrupted
    assert same(weights(train_from(path, TEXT, progress=False)), weights(train(TEXT, CONFIG, TINY, progress=False)))


@pytest.mark.parametrize("shape", [{"depth": 0}, {"width": -16}, {"num_heads": 0}, {"kernel_size": 2}, {"width": 10}])
def test_a_network_that_is_none_is_refused_before_a_step(tmp_path, shape):
    path = tmp_path / "m.safetensors"
    with pytest.raises(ValueError, match=rf"^{next(iter(shape))} must be"):
        train(TEXT, CONFIG, {**TINY, **shape}, progress=False, checkpoint=path)
    assert not path.exists()


def test_settings_of_a_checkpoint_that_are_none_are_refused_by_the_name_of_the_file(tmp_path):
    path = tmp_path / "m.safetensors"
    train(TEXT, CONFIG, TINY, progress=False, checkpoint=path, callback=interrupt_at_7)
    tensors, description = read_checkpoint(path)
    for wrong in ({"num_steps": 0}, {"patience": 3}):
        changed = {**description, "training": {**description["training"], **wrong}}
        write_checkpoint(path, tensors, changed)
        with pytest.raises(CheckpointError, match=rf"m\.safetensors: the settings of its run .*{next(iter(wrong))}"):
            train_from(path, TEXT, progress=False)


def test_a_text_that_holds_the_sign_of_a_mask_is_told_where():
    with pytest.raises(ValueError, match=r"the text holds '▢' at position 3, .*: put another one in its place"):
        train("the▢cat" * 500, CONFIG, TINY, progress=False)


def test_a_run_that_diverges_says_so_and_leaves_the_last_good_checkpoint(tmp_path):
    def spoil(step, loss):
        if step == 7:
            with torch.no_grad():
                run_models[-1].embedding.weight.fill_(math.nan)

    run_models, path = [], tmp_path / "m.safetensors"
    make = training.Denoiser

    def remembered(config):
        run_models.append(make(config))
        return run_models[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "Denoiser", remembered)
        with pytest.raises(ValueError, match="the loss of step 8 is nan: the training diverged; lower the learning_"):
            train(TEXT, CONFIG, TINY, progress=False, checkpoint=path, callback=spoil)
    assert load_denoiser(path)[0].embedding.weight.isfinite().all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_under_mixed_precision_the_loss_is_that_of_the_logits_in_float32(loss, causal):
    torch.manual_seed(0)
    model = Denoiser(DenoiserConfig(6, 5, max_length=128, **TINY, causal=causal))
    x0 = torch.randint(5, (4, 128), generator=torch.Generator().manual_seed(1))
    given = []

    class Float32(torch.nn.Module):
        config = model.config

        def forward(self, *arguments):
            given.append(model(*arguments))
            return given[-1].float()

    losses = []
    for network in (model, Float32()):
        with torch.autocast("cpu", torch.bfloat16):
            losses.append(loss_per_sequence(network, x0, torch.Generator().manual_seed(2), loss))
    assert given[0].dtype == torch.bfloat16
    assert losses[0].dtype == torch.float32
    assert torch.equal(*losses)
