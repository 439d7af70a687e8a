"""A small comparison: a masked model, its twin and a few windows, untrained; and its file."""

import torch

from dlm_course.model.comparison import save_comparison
from dlm_course.model.denoiser import Denoiser, DenoiserConfig
from dlm_course.text.corpora import CharTokenizer

TOKENIZER = CharTokenizer("abcde")


def models(seed=0, **shape):
    """A masked model and its twin."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = [Denoiser(DenoiserConfig(6, 5, **{"max_length": 12, "width": 16, "depth": 1, "num_heads": 2, **shape},
                                        causal=causal)) for causal in (False, True)]
        for parameter in (weights for model in made for weights in model.parameters() if weights.ndim == 2):
            parameter.data.mul_(8)    # so that they say something
    return made


def windows(count=6, length=10):
    return torch.randint(5, (count, length), generator=torch.Generator().manual_seed(3))


def file_of(path, texts=None, **shape):
    """The bytes of such a comparison, written to `path`."""
    save_comparison(path, *models(**shape), TOKENIZER, windows() if texts is None else texts)
    return path.read_bytes()
