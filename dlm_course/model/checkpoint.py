"""Checkpoints: one safetensors file, whose header holds the JSON description of what is in it. No pickle.

One file, replaced as a whole, is either the old or the new checkpoint, whenever a run is interrupted.
"""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dlm_course.files import write_whole

FORMAT = 1


class CheckpointError(RuntimeError):
    """A file that is no checkpoint of this package, is damaged, or is of another version."""


def write_checkpoint(path: str | os.PathLike[str], tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write tensors and a JSON-serialisable description to `path`, atomically."""
    header = {"dlm_course": json.dumps({"format": FORMAT, **description})}
    write_whole(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
                           metadata=header))


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description of a checkpoint. Raises CheckpointError, with the usual cause."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; `dlm-course train` writes one")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get("dlm_course")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error}); was the copy or download cut short?"
                              ) from None
    if header is None:
        raise CheckpointError(f"{path}: a safetensors file, but not one written by dlm_course")
    try:
        description = json.loads(header)
    except ValueError:
        description = None
    if not isinstance(description, dict):
        raise CheckpointError(f"{path}: its description is damaged; was the file edited?")
    if description.get("format") != FORMAT:
        raise CheckpointError(f"{path}: checkpoint format {description.get('format')}, but this version reads format "
                              f"{FORMAT}; train again, or use the version that wrote it")
    return tensors, description
