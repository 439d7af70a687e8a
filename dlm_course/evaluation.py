"""How good a model is: held-out bits per character with a standard error."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_course.denoiser import Denoiser, autoregressive_nll
from dlm_course.elbo import DenoiserFunction, bits_per_character
from dlm_course.mask_rate import continuous_loss, draw_uniform, mask_count_loss
from dlm_course.toy_language import Language


@dataclass(frozen=True)
class Estimate:
    """A mean over sequences and the standard error of that mean."""

    mean: float
    standard_error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.standard_error:.3f}"


def estimate(losses: Tensor) -> Estimate:
    """The mean of independent losses and its standard error, std / sqrt(count).

    Shapes: losses (count,): one a sequence, or independent draws for one sequence.
    Raises: ValueError for fewer than two, which have no standard error.
    """
    if losses.ndim != 1 or len(losses) < 2:
        raise ValueError(f"a standard error needs a vector of at least two losses, got shape {tuple(losses.shape)}")
    losses = losses.double()
    return Estimate(float(losses.mean()), float(losses.std()) / math.sqrt(len(losses)))


def _mask_rate_loss(method: str, *, weighted: bool) -> Callable[..., Tensor]:
    def loss(denoiser: DenoiserFunction, x0: Tensor, mask_id: int, *, generator: torch.Generator | None) -> Tensor:
        mask_rate = draw_uniform(len(x0), method=method, generator=generator, device=x0.device)
        # A density of 1/lambda cancels the weight: the plain sum over masked tokens, a surrogate.
        return continuous_loss(denoiser, x0, mask_rate, mask_id, density=1.0 if weighted else 1 / mask_rate,
                               generator=generator)

    return loss


# What a denoiser can be trained on, by name: (denoiser, x0, mask_id, generator) -> nats a sequence.
LOSSES = {
    "mask-count": mask_count_loss,                                  # the bound: counts, stratified, weight n/k
    "mask-rate": _mask_rate_loss("iid", weighted=True),              # the bound: independent lambda, weight 1/lambda
    "mask-rate-stratified": _mask_rate_loss("stratified", weighted=True),
    "unweighted": _mask_rate_loss("stratified", weighted=False),     # a surrogate: the slides' step 4, without a weight
}


def loss_per_sequence(model: Denoiser, x0: Tensor, generator: torch.Generator | None,
                      loss: str = "mask-count") -> Tensor:
    """In nats a sequence, (batch,): exactly -log p for a causal model; for a denoiser the loss of that name.

    All but "unweighted" are unbiased estimates of the bound.
    """
    if model.config.causal:
        return autoregressive_nll(model, x0)
    return LOSSES[loss](model, x0, model.config.mask_id, generator=generator)


@torch.no_grad()
def excess_over_bayes(model: Denoiser, language: Language, *, num_sequences: int = 2048, batch_size: int = 256,
                      seed: int = 1) -> Estimate:
    """What the model's bound exceeds the entropy of the language by, in nats a token, with its standard error.

    For a denoiser: its loss minus that of the Bayes denoiser, whose bound is -log p(x), on the same sequences with the
    same masks, so that most of the noise cancels. For a causal model, exactly -log p_theta(x) + log p(x).
    """
    generator = torch.Generator().manual_seed(seed)
    differences = []
    for number in range(-(-num_sequences // batch_size)):
        x0 = language.sample(batch_size, generator=generator)
        if model.config.causal:
            excess = autoregressive_nll(model, x0).double() + language.log_prob(x0)
        else:
            ours, bayes = (mask_count_loss(denoiser, x0, language.mask_id,
                                           generator=torch.Generator().manual_seed(seed + 1 + number))
                           for denoiser in (model, language.denoiser))
            excess = ours.double() - bayes
        differences.append(excess / language.length)
    return estimate(torch.cat(differences))


@torch.no_grad()
def held_out_bits(model: Denoiser, x0: Tensor, *, num_draws: int = 8, batch_size: int = 64,
                  generator: torch.Generator | None = None) -> Estimate:
    """Bits per character on held-out sequences: exact for a causal model, a bound (estimated) for a denoiser.

    For a denoiser each sequence is masked `num_draws` times, the mask counts stratified over the batch. The standard
    error is that of independent sequences; stratification makes the true one smaller, if anything.
    Shapes: x0 (count, n) states; `generator` lives on their device.
    Raises: ValueError for fewer than two sequences, which have no standard error.
    """
    if len(x0) < 2:
        raise ValueError(f"a standard error needs at least two sequences, got {len(x0)}")
    training = model.training
    model.eval()
    try:
        losses = torch.cat([_losses(model, batch, num_draws, generator) for batch in x0.split(batch_size)])
    finally:
        model.train(training)
    return estimate(bits_per_character(losses.double(), x0.shape[1]))


def _losses(model: Denoiser, x0: Tensor, num_draws: int, generator: torch.Generator | None) -> Tensor:
    draws = 1 if model.config.causal else num_draws  # the exact likelihood needs no second draw
    return torch.stack([loss_per_sequence(model, x0, generator) for _ in range(draws)]).mean(0)


