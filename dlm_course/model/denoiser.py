"""The transformer: bidirectional as a denoiser of masked text, causal as its autoregressive twin.

Rotary positions, and a short depthwise convolution in each block: with a few minutes of training on a CPU, neighbours
seen through the convolution are what a small model learns from first.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlm_course.arguments import LARGEST_COUNT, as_int, check_int
from dlm_course.bound.discrete import at_least_float32, check_sequences
from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dlm_course.text.corpora import CharTokenizer

MOST_BLOCKS, MOST_WEIGHTS = 1000, 10**9   # 20 GB to train in float32: a larger network is a slip of the keyboard


@dataclass(frozen=True)
class DenoiserConfig:
    """The shape of the network. `num_states` K counts the mask; `max_length` is the longest sequence it takes.

    Raises: ValueError for numbers that make no network: each is an int >= 1 (K >= 2), `width` a multiple of
    2 `num_heads`, and `kernel_size` odd unless the network is causal.
    """

    num_states: int
    mask_id: int
    max_length: int = 128
    width: int = 128
    depth: int = 4
    num_heads: int = 4
    kernel_size: int = 5
    causal: bool = False
    time_input: bool = False

    def __post_init__(self) -> None:
        for name in ("num_states", "max_length", "width", "depth", "num_heads", "kernel_size"):
            most = MOST_BLOCKS if name == "depth" else LARGEST_COUNT
            number = check_int(getattr(self, name), name, least=2 if name == "num_states" else 1, most=most)
            object.__setattr__(self, name, number)      # Python's, which the description of a checkpoint can hold
        mask_id = as_int(self.mask_id)
        if mask_id is None or not 0 <= mask_id < self.num_states:
            raise ValueError(f"mask_id must be one of the states 0..{self.num_states - 1}, got {self.mask_id!r}")
        object.__setattr__(self, "mask_id", mask_id)
        if self.width % (2 * self.num_heads):
            raise ValueError(f"width must be a multiple of {2 * self.num_heads}, two channels (a rotary pair) for each "
                             f"of {self.num_heads} heads, got {self.width}")
        if self.kernel_size % 2 == 0 and not self.causal:
            raise ValueError(f"kernel_size must be odd, so that as many neighbours are seen on the left as on the "
                             f"right, got {self.kernel_size}")
        weights = self.depth * self.width * (12 * self.width + self.kernel_size) + 2 * self.num_states * self.width
        if weights > MOST_WEIGHTS:
            raise ValueError(f"width {self.width} and depth {self.depth} make a network of about {weights:.1e} "
                             f"weights, more than the {MOST_WEIGHTS:.0e} that are supported: were they mistyped?")


class Denoiser(nn.Module):
    """p_theta(x_0 | X_t): logits (batch, n, K) for states (batch, n), in the dtype of the weights.

    By default the time is accepted and ignored: for the absorbing chain the posterior of masked tokens does not depend
    on it. With `time_input=True` it is read, as lambda in [0, 1], of shape (batch,). With `causal=True` the same
    network reads to the left only, and its logits at position i are for token i + 1.
    """

    rotation: Tensor

    def __init__(self, config: DenoiserConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.num_states, config.width)
        self.time_embedding = _TimeEmbedding(config.width) if config.time_input else None
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.depth))
        self.norm = nn.RMSNorm(config.width)
        self.head = nn.Linear(config.width, config.num_states)
        angles = torch.outer(torch.arange(config.max_length, dtype=torch.float32),
                             10_000.0 ** -torch.linspace(0, 1, config.width // config.num_heads // 2))
        self.register_buffer("rotation", torch.stack([angles.cos(), angles.sin()]), persistent=False)
        self.apply(_initialise)

    def forward(self, xt: Tensor, time: Tensor | None = None) -> Tensor:
        """Logits (batch, n, K).

        Raises: ValueError for a sequence longer than max_length, states out of range, or, where a time is read, none or
        another than (batch,) in [0, 1].
        """
        check_sequences(xt, "xt", self.config.num_states)
        length = xt.shape[-1]
        if length > self.config.max_length:
            raise ValueError(f"the sequence has {length} tokens, but this model takes at most "
                             f"{self.config.max_length}")
        hidden = self.embedding(xt.long())
        if self.time_embedding is not None:
            if time is None:
                raise ValueError("this model reads the mask rate (time_input=True): call it as denoiser(xt, time)")
            _check_mask_rate(time, len(xt))
            hidden = hidden + self.time_embedding(time)[:, None]
        for block in self.blocks:
            hidden = block(hidden, self.rotation[:, :length])
        return self.head(self.norm(hidden))


def _check_mask_rate(time: Tensor, batch_size: int) -> None:
    if not isinstance(time, Tensor) or time.shape != (batch_size,):
        given = f"shape {tuple(time.shape)}" if isinstance(time, Tensor) else f"{type(time).__name__} {time!r}"
        raise ValueError(f"time must be a tensor of shape ({batch_size},), a mask rate for each sequence, got {given}")
    if not bool(((time >= 0) & (time <= 1)).all()):
        raise ValueError(f"time must hold mask rates in [0, 1], got {float(time.min()):.3g} to {float(time.max()):.3g};"
                         " a step t becomes one by schedule.mask_rate(t)")


class _TimeEmbedding(nn.Module):
    """lambda (batch,) as waves of eight frequencies, then an MLP: (batch, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(16, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, time: Tensor) -> Tensor:
        angles = torch.pi * time.to(torch.float32)[:, None] * 2.0 ** torch.arange(8, device=time.device)
        return self.mlp(torch.cat([angles.cos(), angles.sin()], -1).to(next(self.mlp.parameters()).dtype))


class _Block(nn.Module):
    """Neighbours (depthwise convolution), then everything (attention), then each position by itself (MLP)."""

    def __init__(self, config: DenoiserConfig):
        super().__init__()
        self.causal, self.num_heads = config.causal, config.num_heads
        self.norms = nn.ModuleList(nn.RMSNorm(config.width) for _ in range(3))
        self.convolution = nn.Conv1d(config.width, config.width, config.kernel_size, groups=config.width)
        left = config.kernel_size - 1 if config.causal else config.kernel_size // 2
        self.padding = (left, config.kernel_size - 1 - left)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.mlp = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.GELU(),
                                 nn.Linear(4 * config.width, config.width))

    def forward(self, hidden: Tensor, rotation: Tensor) -> Tensor:
        batch, length, width = hidden.shape
        neighbours = F.pad(self.norms[0](hidden).transpose(1, 2), self.padding)             # (batch, width, n + ...)
        hidden = hidden + self.convolution(neighbours).transpose(1, 2)
        qkv = self.qkv(self.norms[1](hidden))                                               # (batch, n, 3 width)
        qkv = qkv.view(batch, length, 3, self.num_heads, width // self.num_heads)           # (batch, n, 3, heads, d)
        qk, v = qkv.permute(2, 0, 3, 1, 4).split([2, 1])                                    # (..., batch, heads, n, d)
        q, k = _rotate(qk, rotation)
        attended = F.scaled_dot_product_attention(q, k, v[0], is_causal=self.causal)
        hidden = hidden + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return hidden + self.mlp(self.norms[2](hidden))


def _rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotary positions: each pair of channels turned by an angle proportional to the position. (..., n, d)."""
    cos, sin = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


class MaskedModelConfig(Protocol):
    """What a loss asks of a model's configuration: which state is the mask, and whether it reads to the left only."""

    @property
    def mask_id(self) -> int: ...

    @property
    def causal(self) -> bool: ...


class MaskedModel(Protocol):
    """A model that a loss can be taken of: a `Denoiser`, a `PretrainedDenoiser`, or a network of your own."""

    @property
    def config(self) -> MaskedModelConfig: ...

    def __call__(self, xt: Tensor, time: Tensor | None = None) -> Tensor: ...


def autoregressive_nll(model: MaskedModel, x0: Tensor) -> Tensor:
    """-log p(X) = -sum_i log p(x^i | x^{1:i-1}) of a causal model, exactly; the mask stands in for what precedes x^1.

    Shapes: x0 (batch, n) states; returns (batch,), in nats. The mask gets no mass.
    Raises: ValueError if the model is not causal or x0 is no batch of sequences without masks.
    """
    if not model.config.causal:
        raise ValueError("the autoregressive likelihood needs a causal model: this one sees the token it predicts")
    check_sequences(x0, "x0")
    x0 = x0.long()
    if bool((x0 == model.config.mask_id).any()):
        raise ValueError(f"x0 holds the mask ({model.config.mask_id}), which has no probability under this model")
    start = torch.full_like(x0[:, :1], model.config.mask_id)
    logits = at_least_float32(model(torch.cat([start, x0[:, :-1]], dim=1)))
    logits = logits.index_fill(-1, torch.tensor([model.config.mask_id], device=logits.device), -torch.inf)
    return F.cross_entropy(logits.transpose(1, 2), x0, reduction="none").sum(-1)


def save_denoiser(path: str | os.PathLike[str], model: Denoiser, tokenizer: CharTokenizer, **notes: object) -> None:
    """Write the weights, the shape of the network, the alphabet and any JSON-serialisable notes to one file."""
    write_checkpoint(path, {f"model.{name}": tensor for name, tensor in model.state_dict().items()},
                     {"config": asdict(model.config), "alphabet": tokenizer.alphabet, "notes": notes})


def load_denoiser(path: str | os.PathLike[str],
                  device: torch.device | str = "cpu") -> tuple[Denoiser, CharTokenizer, dict[str, Any]]:
    """The model (in evaluation mode, on `device`), its tokenizer and the notes of a checkpoint.

    Reads what `save_denoiser` wrote, and the checkpoints of a training run, of which it takes the averaged weights.
    Raises: CheckpointError for a file that is damaged, of another version, or does not fit its own description, and for
    weights that are not finite.
    """
    tensors, description = read_checkpoint(path)
    prefix = "average." if any(name.startswith("average.") for name in tensors) else "model."
    with described(path):
        model = restored(description["config"], prefix, tensors)
        tokenizer = CharTokenizer(description["alphabet"])
    return model.to(device), tokenizer, description.get("notes", {})


@contextmanager
def described(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raises CheckpointError, with the file's name, for whatever does not fit the description of a checkpoint."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: the weights do not fit the description ({' '.join(str(error).split())[:200]})"
                              ) from None


def restored(config: Mapping[str, Any], prefix: str, tensors: Mapping[str, Tensor]) -> Denoiser:
    """The network of this shape with the tensors whose names begin with `prefix`, in evaluation mode, on the CPU.

    Raises: CheckpointError for weights that are not finite; KeyError, TypeError, ValueError or RuntimeError for a shape
    that is none, or that the tensors do not have.
    """
    with torch.random.fork_rng(devices=[]):  # the first weights, soon replaced, are drawn from the global generator
        model = Denoiser(DenoiserConfig(**config))
    model.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items()
                           if name.startswith(prefix)})
    for name, weights in model.named_parameters():
        if not bool(weights.isfinite().all()):
            raise CheckpointError(f"its weights hold NaN or infinity ({name}): the run that trained them diverged; "
                                  "train again, with a smaller learning rate")
    return model.eval().requires_grad_(False)
