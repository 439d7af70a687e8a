"""A comparison in one file: a masked model, its autoregressive twin, and the text on which both are measured.

Whoever has the file can compute the numbers again that its author reports, with nothing of the author's but weights and
text.
"""

import os
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dlm_course.arguments import check_int, check_seed
from dlm_course.bound.continuous import mask_count_loss
from dlm_course.bound.discrete import check_sequences
from dlm_course.model.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dlm_course.model.denoiser import Denoiser, autoregressive_nll, described, restored
from dlm_course.text.corpora import CharTokenizer

BATCH = 64  # windows at a time


@dataclass(frozen=True)
class Comparison:
    """A masked model and its autoregressive twin, of one alphabet, and the held-out windows (count, n) of its states.

    Raises: ValueError for models or windows that do not fit each other.
    """

    masked: Denoiser
    twin: Denoiser
    tokenizer: CharTokenizer
    windows: Tensor

    def __post_init__(self) -> None:
        if self.masked.config.causal or not self.twin.config.causal:
            raise ValueError("the masked model must read both sides (causal=False) and its twin the left one "
                             f"(causal=True), got causal={self.masked.config.causal} and {self.twin.config.causal}")
        check_sequences(self.windows, "windows", self.tokenizer.vocab_size)     # no mask: that is state vocab_size
        if len(self.windows) < 2:
            raise ValueError(f"a standard error needs at least two windows, got {len(self.windows)}")
        for model in (self.masked, self.twin):
            states, mask_id = self.tokenizer.num_states, self.tokenizer.mask_id
            if (model.config.num_states, model.config.mask_id) != (states, mask_id):
                raise ValueError(f"an alphabet of {states - 1} characters needs models of {states} states with the mask"
                                 f" {mask_id}, got {model.config.num_states} and {model.config.mask_id}")
            if model.config.max_length < self.windows.shape[1]:
                raise ValueError(f"the windows have {self.windows.shape[1]} characters, and a model takes at most "
                                 f"{model.config.max_length}")


def save_comparison(path: str | os.PathLike[str], masked: Denoiser, twin: Denoiser, tokenizer: CharTokenizer,
                    windows: Tensor) -> None:
    """Write both models and the windows, which are text that can be read again, to one safetensors file.

    Shapes: windows (count, n), integer states without masks.
    Raises: ValueError for what makes no `Comparison`.
    """
    Comparison(masked, twin, tokenizer, windows)
    tensors = {f"{name}.{key}": weights for name, model in (("masked", masked), ("twin", twin))
               for key, weights in model.state_dict().items()}
    write_checkpoint(path, {**tensors, "windows": windows.to(torch.int32)},
                     {"masked": asdict(masked.config), "twin": asdict(twin.config), "alphabet": tokenizer.alphabet})


def load_comparison(path: str | os.PathLike[str]) -> Comparison:
    """What `save_comparison` wrote, on the CPU. Raises: CheckpointError, also for parts that do not fit each other."""
    tensors, description = read_checkpoint(path)
    with described(path):
        if "windows" not in tensors:
            raise CheckpointError("it holds a model, but no comparison; `save_comparison` writes one")
        masked, twin = (restored(description[name], f"{name}.", tensors) for name in ("masked", "twin"))
        return Comparison(masked, twin, CharTokenizer(description["alphabet"]), tensors["windows"].long())


@torch.no_grad()
def compare(comparison: Comparison, *, num_draws: int = 8, seed: int = 1) -> tuple[Tensor, Tensor]:
    """What each window costs in nats: estimates of the masked model's bound, and the twin's -log p, exactly.

    Shapes: returns (num_draws, count), one set of masks in each row, and (count,), both float64.
    """
    num_draws, generator = check_int(num_draws, "num_draws"), torch.Generator().manual_seed(check_seed(seed))
    masked, twin = comparison.masked.eval(), comparison.twin.eval()
    batches = comparison.windows.split(BATCH)
    bounds = [torch.cat([mask_count_loss(masked, batch, masked.config.mask_id, generator=generator).double()
                         for batch in batches]) for _ in range(num_draws)]
    return torch.stack(bounds), torch.cat([autoregressive_nll(twin, batch).double() for batch in batches])
