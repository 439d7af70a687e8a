"""One training loop: AdamW, warm-up and decay, gradient clipping, averaged weights, checkpoints, exact resume.

Started by torchrun or `accelerate launch`, the same loop runs in several processes, which Accelerate holds together.
"""

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm.auto import tqdm

from dlm_course.arguments import as_float, check_int, check_seed
from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dlm_course.model.denoiser import Denoiser, DenoiserConfig, save_denoiser
from dlm_course.model.evaluation import LOSSES, held_out_bits, loss_per_sequence
from dlm_course.model.pretrained import PretrainedDenoiser
from dlm_course.text.corpora import MASK_CHAR, CharTokenizer, random_sequences, sequences, split

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]    # it brings no types

STATE = 3   # of what the checkpoint of an unfinished run holds
DRAWS = 4   # of masks at an evaluation: with more, a short training would spend most of its time on them
REFRESH = 0.5   # seconds between two pictures of a progress bar: of thousands in one cell, Jupyter's messages get lost


@dataclass(frozen=True)
class TrainingConfig:
    """A training run. Budgets are in steps; every random number follows from `seed`."""

    num_steps: int = 2000
    batch_size: int = 32                # sequences in a step, of all processes together
    length: int = 128
    learning_rate: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    evaluate_every: int = 500
    checkpoint_every: int = 100
    held_out: float = 0.1
    loss: str = "mask-count"            # a name of evaluation.LOSSES; a causal model has one loss only
    keep_best: bool = False             # end with the weights of the best evaluation, not with the last
    mixed_precision: bool = False       # the network in bfloat16, for a GPU; the weights and the loss stay float32

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        for name in ("num_steps", "batch_size", "length", "evaluate_every", "checkpoint_every", "warmup"):
            self._set(name, check_int(getattr(self, name), name, least=0 if name == "warmup" else 1))
        self._set("seed", check_seed(self.seed))
        for name, expected, fits in (("learning_rate", "in (0, 1]", lambda x: 0 < x <= 1),
                                     ("clip", "positive", lambda x: x > 0),
                                     ("weight_decay", "at least 0 and finite", lambda x: 0 <= x < math.inf),
                                     ("average", "the decay of the averaged weights, in [0, 1)", lambda x: 0 <= x < 1),
                                     ("held_out", "a share in (0, 1)", lambda x: 0 < x < 1)):
            number = as_float(getattr(self, name))
            if not fits(number):
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")
            self._set(name, number)

    def _set(self, name: str, number: float) -> None:
        object.__setattr__(self, name, number)      # Python's, which the description of a checkpoint can hold


class Evaluation(TypedDict):
    """An entry of a run's record, in bits per character: of the last step's texts, and of the held-out ones."""

    step: int
    train: float
    held_out: float
    standard_error: float


class RunOptions(TypedDict, total=False):
    """How a run is carried out, which changes nothing of what it gives; see `train`."""

    device: torch.device | str
    progress: bool
    callback: Callable[[int, float], None] | None


@dataclass
class Run:
    """What training gives: the model with its averaged weights, its tokenizer, and the record of evaluations."""

    model: Denoiser
    tokenizer: CharTokenizer
    num_steps: int
    step: int = 0
    history: list[Evaluation] = field(default_factory=list)
    interrupted: bool = False


class Average:
    """The exponential moving average of a model's weights, which is what samples and evaluations use.

    The model must stay on its device: the tensors that it has now are those that are averaged.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self._own = decay, model.state_dict()
        self.weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def update(self, step: int) -> None:
        # Early on the average is short: the first weights are noise that 0.999^step would keep for long.
        decay = min(self.decay, (1 + step) / (10 + step))
        get_ema_multi_avg_fn(decay)([self.weights[name] for name in self._own], [*self._own.values()], step)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Within the block, the model has the averaged weights."""
        own = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(own)


def learning_rate(step: int, config: TrainingConfig) -> float:
    """The rate of step 1..num_steps: linear up during the warm-up, then a cosine down to a tenth."""
    if step <= config.warmup:
        return config.learning_rate * step / config.warmup
    progress = (step - config.warmup) / max(1, config.num_steps - config.warmup)
    return config.learning_rate * (0.55 + 0.45 * math.cos(math.pi * min(progress, 1.0)))


def fit(model: Denoiser | PretrainedDenoiser, draw: Callable[[torch.Generator], Tensor], config: TrainingConfig, *,
        progress: bool = True, callback: Callable[[int, float], None] | None = None) -> Tensor:
    """Train a model in memory on batches from `draw(generator)`, as for a language that can be sampled.

    No held-out text, no checkpoints, one process: of `config` the budget, the optimiser, the loss and the seed count.
    The model ends with its averaged weights, in evaluation mode. `callback(step, loss)` is called after each step.
    Shapes: draw returns x0 (batch, n) states on the model's device; returns the losses (num_steps,), nats a token.
    """
    texts, masks = _generators(config.seed, next(model.parameters()).device)
    optimizer, average = _optimizer(model, config), Average(model, config.average)
    model.train()
    losses = []
    for step in tqdm(range(1, config.num_steps + 1), disable=not progress, unit="step", desc="training",
                     mininterval=REFRESH):
        x0 = draw(texts)
        losses.append(_update(model, optimizer, average, x0, step, masks, config) / x0.shape[1])
        if callback:
            callback(step, losses[-1])
    model.load_state_dict(average.weights)
    model.eval()
    return torch.tensor(losses)


def _update(model: Denoiser | PretrainedDenoiser, optimizer: torch.optim.Optimizer, average: Average, x0: Tensor,
            step: int, masks: torch.Generator, config: TrainingConfig, engine: "Accelerator | None" = None) -> float:
    """Step number `step`, 1..num_steps, on one batch, this process's part of it; returns its loss, nats a sequence."""
    with torch.autocast(x0.device.type, torch.bfloat16, enabled=config.mixed_precision):
        loss = loss_per_sequence(model, x0, masks, config.loss).mean()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config)
    optimizer.zero_grad(set_to_none=True)
    (loss / x0.shape[1]).backward()
    loss = loss.detach()
    if engine:
        # The whole gradient as one vector, added up in the same order at every step. DistributedDataParallel arranges
        # its buckets anew after its first step: with three processes a resumed run would round differently.
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        mean, loss = engine.reduce([nn.utils.parameters_to_vector(gradients), loss], reduction="mean")
        nn.utils.vector_to_parameters(mean, gradients)
    if not bool(loss.isfinite()):
        raise ValueError(f"the loss of step {step} is {float(loss)}: the training diverged; lower the learning_rate")
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    average.update(step)
    return float(loss)


def train(text: str, config: TrainingConfig, model_config: dict[str, Any] | None = None, *,
          device: torch.device | str = "cpu", checkpoint: str | os.PathLike[str] | None = None, resume: bool = False,
          progress: bool = True, callback: Callable[[int, float], None] | None = None) -> Run:
    """Train a model on a text; the end of the text is held out and evaluated.

    `model_config` overrides fields of DenoiserConfig (width, depth, causal, ...). With `checkpoint`, the state of the
    run is written there every `checkpoint_every` steps, and at the end the finished model, its averaged weights alone.
    Ctrl-C ends the run early (it says `interrupted`) and leaves the last checkpoint; `resume` goes on from it and gives
    bit for bit the run that was not interrupted, on the CPU of the same machine with the same number of threads.
    With `config.keep_best` the model is chosen by the held-out part, so that its number there is too good: report that
    of a part that was kept from `text`.
    `callback(step, loss)` is called after each step with the loss in bits per character.
    In several processes (torchrun, `accelerate launch`) each draws its batch_size / processes texts and their masks,
    mask counts stratified among its own; the gradients are averaged, so that all have the same weights, the main one
    writes. Each evaluates, or it would wait for the one that does. Resuming takes the same number of processes, which
    read the same file.
    Raises: ValueError for a text that is too short or a batch that the processes cannot share, CheckpointError where a
    checkpoint does not belong to this run.
    """
    if resume and checkpoint is None:
        raise ValueError("resume needs a checkpoint to go on from")
    if checkpoint is not None:  # found out now, not after the first steps
        folder = Path(checkpoint).resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise ValueError(f"{checkpoint}: the folder {folder} cannot be written")
    engine, processes, process = _engine(device), 1, 0
    if engine:
        device, processes, process = engine.device, engine.num_processes, engine.process_index
    if config.batch_size % processes:
        raise ValueError(f"{processes} processes cannot share a batch of {config.batch_size} sequences: choose a "
                         "multiple of their number")
    if MASK_CHAR in text:
        raise ValueError(f"the text holds {MASK_CHAR!r} at position {text.index(MASK_CHAR)}, which stands for a masked "
                         "character here: put another one in its place")
    tokenizer = CharTokenizer.from_text(text)
    train_tokens, held_out = (part.to(device) for part in split(tokenizer.encode(text), config.held_out))
    if len(held_out) < 2 * config.length:
        raise ValueError(f"the text has {len(text)} characters, of which {len(held_out)} are held out, but two "
                         f"sequences of {config.length} are needed there: use a longer text, a smaller length or, in "
                         "Python, a larger held_out")
    held_out = sequences(held_out, config.length)[:256]
    shape = DenoiserConfig(tokenizer.num_states, tokenizer.mask_id, **{"max_length": config.length,
                                                                      **(model_config or {})})
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn on the CPU, the same everywhere
        torch.default_generator.manual_seed(config.seed)
        model = Denoiser(shape).to(device)
    optimizer = _optimizer(model, config)
    average = Average(model, config.average)
    run = Run(model, tokenizer, config.num_steps)
    state = _State(run, optimizer, average, _generators(config.seed, device, process), config, _sha256(text), engine,
                   processes, process)
    if resume and checkpoint is not None:
        state.restore(checkpoint)

    model.train()
    bar = tqdm(total=config.num_steps, initial=run.step, disable=not progress or process > 0, unit="step",
               desc="training", mininterval=REFRESH)
    try:
        while run.step < config.num_steps:
            bits = state.advance(train_tokens)
            bar.set_postfix({"bits/char": f"{bits:.2f}"}, refresh=False)
            bar.update()
            if run.step % config.evaluate_every == 0 or run.step == config.num_steps:
                with average.applied(model):
                    estimate = held_out_bits(model, held_out, num_draws=DRAWS, generator=_evaluation_generator(device))
                run.history.append({"step": run.step, "train": bits, "held_out": estimate.mean,
                                    "standard_error": estimate.standard_error})
                if config.keep_best and all(estimate.mean < row["held_out"] for row in run.history[:-1]):
                    state.best = {name: tensor.clone() for name, tensor in average.weights.items()}
            if checkpoint and run.step % config.checkpoint_every == 0:
                state.save(checkpoint)
            if callback:
                callback(run.step, bits)
    except KeyboardInterrupt:
        run.interrupted = True
    finally:
        bar.close()
    model.load_state_dict(state.best or average.weights)
    model.eval()
    if checkpoint and not run.interrupted:
        if process == 0:
            save_denoiser(checkpoint, model, tokenizer, history=run.history, training=asdict(config),
                          text_sha256=state.text_sha256)
        if engine:
            engine.wait_for_everyone()  # the file is there when any of them goes on
    return run


def train_from(checkpoint: str | os.PathLike[str], text: str, **options: Unpack[RunOptions]) -> Run:
    """Go on with an interrupted run, its configuration taken from the checkpoint. Raises as `train`."""
    _, description = read_checkpoint(checkpoint)
    _check_unfinished(checkpoint, description)
    config = _config(checkpoint, description["training"])
    return train(text, config, _network_settings(description), checkpoint=checkpoint,
                 resume=True, **options)


def twin_path(checkpoint: str | os.PathLike[str]) -> Path:
    """Where the twin of a model is kept: model.twin.safetensors, beside model.safetensors."""
    path = Path(checkpoint)
    return path.with_name(f"{path.stem}.twin{path.suffix}")


def train_twin(checkpoint: str | os.PathLike[str], text: str, **options: Unpack[RunOptions]) -> Run:
    """Train the autoregressive twin of a finished masked model: the same size, steps and texts, to `twin_path`.

    A twin that was interrupted is gone on with. Its evaluation, exact, costs a fraction of the masked model's, and it
    overfits early: it is evaluated at every checkpoint.
    `options` are `device`, `progress` and `callback` of `train`. Raises as `train`, and CheckpointError for a masked
    model that is not finished, is causal, or was trained on another text.
    """
    twin = twin_path(checkpoint)
    if twin.exists():
        return train_from(twin, text, **options)
    _, description = read_checkpoint(checkpoint)
    notes = description.get("notes", {})
    if "training" not in notes or description["config"]["causal"]:
        raise CheckpointError(f"{checkpoint}: holds no finished masked model, which a twin belongs to")
    if notes.get("text_sha256") != _sha256(text):
        raise CheckpointError(f"{checkpoint}: its record names another text, or none; a twin needs the same one")
    config = _config(checkpoint, notes["training"])
    config = replace(config, evaluate_every=min(config.evaluate_every, config.checkpoint_every))
    return train(text, config, {**_network_settings(description), "causal": True}, checkpoint=twin, **options)


@dataclass
class _State:
    """Everything that a step changes, and so everything that a checkpoint holds."""

    run: Run
    optimizer: torch.optim.Optimizer
    average: Average
    generators: list[torch.Generator]   # of texts and of masks, of this process
    config: TrainingConfig
    text_sha256: str
    engine: "Accelerator | None"
    processes: int
    process: int
    best: dict[str, Tensor] = field(default_factory=dict)   # the averaged weights to keep; empty for the last ones

    def advance(self, tokens: Tensor) -> float:
        """One step of training; returns the loss in bits per character."""
        config, (texts, masks) = self.config, self.generators
        x0 = random_sequences(tokens, config.length, config.batch_size // self.processes, generator=texts)
        loss = _update(self.run.model, self.optimizer, self.average, x0, self.run.step + 1, masks, config, self.engine)
        self.run.step += 1
        return loss / (config.length * math.log(2))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state, so that `restore` continues as if nothing had happened. All processes call it."""
        generators = torch.stack([generator.get_state() for generator in self.generators])[None]
        if self.engine:
            generators = self.engine.gather(generators.to(self.engine.device))
        if self.process > 0:
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.run.model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.weights.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        tensors["generators"] = generators  # (processes, 2, bytes)
        write_checkpoint(path, tensors, {
            "state": STATE, "config": asdict(self.run.model.config), "alphabet": self.run.tokenizer.alphabet,
            "training": asdict(self.config), "text_sha256": self.text_sha256, "step": self.run.step,
            "device": self.generators[0].device.type, "notes": {"history": self.run.history}})

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Take up the state of a checkpoint. Raises CheckpointError where it belongs to another run."""
        tensors, description = read_checkpoint(path)
        _check_unfinished(path, description)
        for name, given, stored in (("number of processes", self.processes, len(tensors["generators"])),
                                    ("text", self.text_sha256, description.get("text_sha256")),
                                    ("device", self.generators[0].device.type, description.get("device")),
                                    ("network", asdict(self.run.model.config), description.get("config")),
                                    ("training configuration", asdict(self.config), description.get("training"))):
            if given != stored:
                raise CheckpointError(f"{path}: its run had another {name}; resume with the same one, or start afresh "
                                      "under another name")
        self.run.model.load_state_dict(_starting_with("model.", tensors))
        device = next(self.run.model.parameters()).device
        self.average.weights, self.best = (
            {name: tensor.to(device) for name, tensor in _starting_with(part, tensors).items()}
            for part in ("average.", "best."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _starting_with("optimizer.", tensors).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        for generator, value in zip(self.generators, tensors["generators"][self.process], strict=True):
            generator.set_state(value.clone())  # torch misreads a view (and may crash)
        self.run.step = description["step"]
        self.run.history = description["notes"]["history"]


def _check_unfinished(path: str | os.PathLike[str], description: dict[str, Any]) -> None:
    if "training" not in description:
        raise CheckpointError(f"{path}: holds a finished model, not the state of a run to go on with")
    if description.get("state") != STATE:
        raise CheckpointError(f"{path}: the state of a run of another version ({description.get('state', 1)}, this one "
                              f"goes on with {STATE}); train again, or use the version that wrote it")


def _config(path: str | os.PathLike[str], settings: dict[str, Any]) -> TrainingConfig:
    try:
        return TrainingConfig(**settings)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the settings of its run do not fit this version ({error})") from None


def _network_settings(description: dict[str, Any]) -> dict[str, Any]:
    """The network of a checkpoint, without what its text decides."""
    return {key: value for key, value in description["config"].items() if key not in ("num_states", "mask_id")}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _starting_with(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": config.weight_decay},
                              {"params": others, "weight_decay": 0.0}],
                             lr=config.learning_rate, betas=(0.9, 0.98))


def _generators(seed: int, device: torch.device | str, process: int = 0) -> list[torch.Generator]:
    """One for the texts and one for the masks of a process: a masked model and its twin read the same texts."""
    # A prime apart, so that small seeds share no numbers; the CPU's generator takes the last 32 bits of a seed alone.
    return [torch.Generator(device).manual_seed(seed + 1_000_003 * (2 * process + use)) for use in (0, 1)]


def _engine(device: torch.device | str) -> "Accelerator | None":
    """What holds the processes of this run together; None where there is one, which needs nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:  # set by torchrun and by `accelerate launch`
        return None
    try:
        from accelerate import Accelerator
    except ImportError:
        raise ValueError("several processes need Accelerate: pip install -e '.[distributed]' in the course's folder"
                         ) from None
    # Precision is the configuration's affair, not that of `accelerate launch`.
    return Accelerator(cpu=torch.device(device).type == "cpu", mixed_precision="no")


def _evaluation_generator(device: torch.device | str) -> torch.Generator:
    """The same masks at every evaluation, so that two of them differ by the model alone."""
    return torch.Generator(device).manual_seed(1)
