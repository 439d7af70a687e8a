"""How good a model is: held-out bits per character with a standard error; how far a sampler is from its data."""

import itertools
import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dlm_course.arguments import check_int, check_seed
from dlm_course.bound.continuous import continuous_loss, draw_uniform, mask_count_loss
from dlm_course.bound.discrete import DenoiserFunction, bits_per_character
from dlm_course.model.denoiser import Denoiser, MaskedModel, autoregressive_nll
from dlm_course.model.pretrained import PretrainedDenoiser
from dlm_course.sampling.exact import check_order, check_rates
from dlm_course.text.languages import Language, MarkovLanguage


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


class Loss(Protocol):
    """What a denoiser can be trained on: nats a sequence, (batch,)."""

    def __call__(self, denoiser: DenoiserFunction, x0: Tensor, mask_id: int, *,
                 generator: torch.Generator | None = None) -> Tensor: ...


def _mask_rate_loss(method: str, *, weighted: bool) -> Loss:
    def loss(denoiser: DenoiserFunction, x0: Tensor, mask_id: int, *,
             generator: torch.Generator | None = None) -> Tensor:
        mask_rate = draw_uniform(len(x0), method=method, generator=generator, device=x0.device)
        # A density of 1/lambda cancels the weight: the plain sum over masked tokens, a surrogate.
        return continuous_loss(denoiser, x0, mask_rate, mask_id, density=1.0 if weighted else 1 / mask_rate,
                               generator=generator)

    return loss


LOSSES: dict[str, Loss] = {     # by name
    "mask-count": mask_count_loss,                                  # the bound: counts, stratified, weight n/k
    "mask-rate": _mask_rate_loss("iid", weighted=True),              # the bound: independent lambda, weight 1/lambda
    "mask-rate-stratified": _mask_rate_loss("stratified", weighted=True),
    "unweighted": _mask_rate_loss("stratified", weighted=False),     # a surrogate: the slides' step 4, without a weight
}


def loss_per_sequence(model: MaskedModel, x0: Tensor, generator: torch.Generator | None,
                      loss: str = "mask-count") -> Tensor:
    """In nats a sequence, (batch,): exactly -log p for a causal model; for a denoiser the loss of that name.

    All but "unweighted" are unbiased estimates of the bound.
    """
    if model.config.causal:
        return autoregressive_nll(model, x0)
    return LOSSES[loss](model, x0, model.config.mask_id, generator=generator)


@torch.no_grad()
def excess_over_bayes(model: MaskedModel, language: Language, *, num_sequences: int = 2048, batch_size: int = 256,
                      seed: int = 1) -> Estimate:
    """What the model's bound exceeds the entropy of the language by, in nats a token, with its standard error.

    For a denoiser: its loss minus that of the Bayes denoiser, whose bound is -log p(x), on the same sequences with the
    same masks, so that most of the noise cancels. For a causal model, exactly -log p_theta(x) + log p(x).
    """
    num_sequences, batch_size = check_int(num_sequences, "num_sequences"), check_int(batch_size, "batch_size")
    seed = check_seed(seed)
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
def held_out_bits(model: Denoiser | PretrainedDenoiser, x0: Tensor, *, num_draws: int = 8, batch_size: int = 64,
                  generator: torch.Generator | None = None) -> Estimate:
    """Bits per character on held-out sequences: exact for a causal model, a bound (estimated) for a denoiser.

    For a denoiser each sequence is masked `num_draws` times, the mask counts stratified over the batch. The standard
    error is that of independent sequences; stratification makes the true one smaller, if anything.
    Shapes: x0 (count, n) states; `generator` lives on their device.
    Raises: ValueError for fewer than two sequences, which have no standard error.
    """
    if len(x0) < 2:
        raise ValueError(f"a standard error needs at least two sequences, got {len(x0)}")
    num_draws, batch_size = check_int(num_draws, "num_draws"), check_int(batch_size, "batch_size")
    training = model.training
    model.eval()
    try:
        losses = torch.cat([_losses(model, batch, num_draws, generator) for batch in x0.split(batch_size)])
    finally:
        model.train(training)
    return estimate(bits_per_character(losses.double(), x0.shape[1]))


def _losses(model: MaskedModel, x0: Tensor, num_draws: int, generator: torch.Generator | None) -> Tensor:
    draws = 1 if model.config.causal else num_draws  # the exact likelihood needs no second draw
    return torch.stack([loss_per_sequence(model, x0, generator) for _ in range(draws)]).mean(0)


# The price of parallel decoding, for a Markov language and its exact Bayes denoiser

def path_kl(language: MarkovLanguage, rates: Tensor) -> Tensor:
    """KL(data path || sampler path) of the lambda-schedule sampler, exactly, in nats; at any length.

    Formula: NELBO_L - H(X) with NELBO_L = sum_l (r_{l-1} - r_l) F(r_{l-1}) and F(lambda) = sum_i E H(x^i | visible),
    every other position being masked with probability lambda. A path is the states after all L steps; its KL is above
    that of the output alone. Only the nearest visible neighbours count: the left one is i - a with probability
    lambda^(a-1) (1 - lambda), and none with probability lambda^(i-1). Cost: O(n^3) a step.
    As L grows with linear levels, L times it tends to (1/2) sum_i [H(x^i) - H(x^i | all others)].
    Shapes: rates (L+1,); returns a float64 scalar.
    Raises: ValueError for rates that do not fall strictly from 1 to 0, TypeError for another kind of language.
    """
    pairs, mask_rates = _pair_entropies(language), check_rates(rates).tolist()
    total = -language.entropy()
    for before, after in itertools.pairwise(mask_rates):
        left, right = _nearest_visible(language.length, before)
        # The sum over i, j, k of left[i, j] right[i, k] (G[j, i] + G[i, k] - G[j, k]): the rows of both sum to 1.
        masked = (left * pairs[:, 1:-1].T).sum() + (right * pairs[1:-1]).sum() - (left @ pairs * right).sum()
        total = total + (before - after) * masked
    return total


def _nearest_visible(length: int, mask_rate: float) -> tuple[Tensor, Tensor]:
    """P(j is the nearest visible position on the left of i) and on its right, (n, n+2) each, float64.

    Rows are i = 1..n; the columns 0 and n+1 stand for none. Other positions are masked with probability mask_rate > 0.
    """
    place = torch.arange(length + 2)
    apart = place - place[1:-1, None]
    ends = (place == 0) | (place == length + 1)
    weight = mask_rate ** (apart.abs().double() - 1)
    weight = torch.where(ends, weight, weight * (1 - mask_rate))
    return weight.where(apart < 0, 0.0), weight.where(apart > 0, 0.0)


def order_kl(language: MarkovLanguage, order: Tensor) -> Tensor:
    """KL(data || output) of `reveal_in_order` for one order, exactly, in nats; at any length.

    Formula: sum over the steps of (sum of the entropies of the positions revealed - their joint entropy), both given
    what is visible before the step; with one position a step it is 0. By the chain rule the joint entropy is that of
    each position given what is visible or was revealed in the same step on its left.
    Shapes: order (n,), steps 1..L; returns a float64 scalar.
    Raises: ValueError for an order with missing steps or of another shape, TypeError for another kind of language.
    """
    pairs, order = _pair_entropies(language), check_order(order, language.length)
    if order.ndim != 1:
        raise ValueError(f"the KL belongs to one order, of shape ({language.length},), got {tuple(order.shape)}")

    def conditional(i: int, left: int, right: int) -> Tensor:
        return pairs[left, i] + pairs[i, right] - pairs[left, right]

    steps, total = order.tolist(), pairs.new_zeros(())
    for i, step in enumerate(steps, 1):
        earlier = [j for j, other in enumerate(steps, 1) if other < step]
        together = [j for j, other in enumerate(steps, 1) if other <= step]
        right = min((j for j in earlier if j > i), default=language.length + 1)
        alone, joint = (max((j for j in seen if j < i), default=0) for seen in (earlier, together))
        total = total + conditional(i, alone, right) - conditional(i, joint, right)
    return total


def _pair_entropies(language: MarkovLanguage) -> Tensor:
    if not isinstance(language, MarkovLanguage):
        raise TypeError(f"language must be a MarkovLanguage, got {type(language).__name__}; others are enumerated, see "
                        "laws.py")
    return language.pair_entropies()
