"""Cases small enough to enumerate: a random language, and a denoiser that is consistent with none."""

import torch

from dlm_course.elbo import time_free
from dlm_course.toy_language import TableLanguage


def language(vocab_size, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    joint = torch.rand((vocab_size,) * length, dtype=torch.float64, generator=generator) ** 3
    return TableLanguage(joint / joint.sum())


def arbitrary_denoiser(vocab_size, length, seed=1):
    """Logits from a table over every state of the sequence, the mask given some mass: nothing is consistent."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn((vocab_size + 1,) * length + (length, vocab_size + 1), dtype=torch.float64, generator=generator)
    return time_free(lambda xt: table[tuple(xt.unbind(-1))])
