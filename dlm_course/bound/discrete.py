"""The discrete bound: for every transition, and as the rho_t-weighted masked cross-entropy of the absorbing chain.

    -log p(X_0) <= E[-log p(X_0 | X_1)] + sum_{t=2}^T E[KL(q(X_{t-1} | X_t, X_0) || p(X_{t-1} | X_t))]
                   + KL(q(X_T | X_0) || p(X_T))

A denoiser is anything callable as `denoiser(xt, time)` that returns logits (batch, n, K) of X_0; a reverse model, as
`reverse(xt, t)`, returns the probabilities (batch, n, K) of X_{t-1}. `time` and `t` are the step, of shape (batch,).
Losses are sums over tokens in nats, of shape (batch,); `per_token` and `bits_per_character` convert.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from dlm_course.arguments import check_int
from dlm_course.chain.categorical import check_probabilities, check_states, kl
from dlm_course.chain.schedule import check_time
from dlm_course.chain.transition import AbsorbingTransition, Transition, carry_over, check_mask_id, plug_in_reverse

DenoiserFunction = Callable[[Tensor, Tensor], Tensor]
ReverseFunction = Callable[[Tensor, Tensor], Tensor]


def per_token(loss: Tensor, length: int) -> Tensor:
    """A loss summed over `length` tokens, in nats, as nats per token."""
    return loss / check_int(length, "length")


def bits_per_character(loss: Tensor, length: int) -> Tensor:
    """A loss summed over `length` tokens, in nats, as bits per token: loss / (n log 2)."""
    return loss / (check_int(length, "length") * math.log(2))


def time_free(function: Callable[[Tensor], Tensor]) -> DenoiserFunction:
    """A denoiser that ignores the time, made of a function of X_t alone.

    For the absorbing chain nothing is lost: given which tokens are masked, the posterior of the others does not depend
    on the time (Sahoo et al. 2024; Ou et al. 2024).
    """
    return lambda xt, time: function(xt)


# The bound of any chain (lectures 03 and 04)

def reverse_model(denoiser: DenoiserFunction, transition: Transition, *, plug_in: bool = False) -> ReverseFunction:
    """The reverse model that a denoiser defines: the x_0-parametrisation, position by position.

    Formula: p(x_{t-1}^i | X_t) = sum_{x_0} q(x_{t-1}^i | x_t^i, x_0) p(x_0^i = x_0 | X_t), the mixture of posteriors;
    with `plug_in` the form that puts p into the posterior's formula in place of x_0 (see `plug_in_reverse`). Under an
    absorbing transition visible tokens are carried over and the mask is given no mass.
    Source: a choice that the slides make silently between "Discrete conditioned reverse distribution" and "Reverse
    Model for Sequence"; Austin et al. 2021 (D3PM), section 3.3.
    """
    def reverse(xt: Tensor, t: Tensor) -> Tensor:
        logits = ask(denoiser, xt, t)
        if isinstance(transition, AbsorbingTransition):
            logits = carry_over(logits, xt, transition.mask_id)
        x0_probs = logits.to(torch.float64).softmax(-1)
        if plug_in:
            return plug_in_reverse(transition, xt, x0_probs, t)
        return transition.reverse(xt, x0_probs, t)

    return reverse


@dataclass(frozen=True)
class DiscreteBound:
    """The parts of the negative ELBO, in nats.

    terms  (batch, T): terms[:, t-1] is L_t. The first is the reconstruction E[-log p(X_0 | X_1)], which is L_1 by the
           same formula, since q(X_0 | X_1, X_0) has all its mass on X_0.
    prior  (batch,): KL(q(X_T | X_0) || p(X_T))
    """

    terms: Tensor
    prior: Tensor

    @property
    def nelbo(self) -> Tensor:
        """The negative ELBO, (batch,): the sum of all parts. Its exact value is never below -log p(X_0)."""
        return self.terms.sum(-1) + self.prior


def step_kl(reverse: ReverseFunction, x0: Tensor, xt: Tensor, transition: Transition, t: int | Tensor) -> Tensor:
    """KL(q(X_{t-1} | X_t, X_0) || p(X_{t-1} | X_t)) = sum_i KL(q(x_{t-1}^i | x_t^i, x_0^i) || p(x_{t-1}^i | X_t)).

    At t = 1 it is -log p(X_0 | X_1). Infinite where the reverse model excludes what the posterior does not.
    Shapes: x0, xt (batch, n) states, t an int or (batch,) in 1..T; returns (batch,), float64, in nats.
    Raises: ValueError where X_t cannot be reached from X_0, or the reverse model's shape is not (batch, n, K).
    Source: "Reverse Model for Sequence", Objective.
    """
    t = _expand_time(t, x0, transition)
    posterior, model = transition.posterior(xt, x0, t), reverse(xt, t)
    check_reverse_shape(model, xt, transition.num_states)
    return kl(posterior, model.to(torch.float64)).sum(-1)


def prior_kl(x0: Tensor, transition: Transition, prior: Tensor | None = None) -> Tensor:
    """KL(q(X_T | X_0) || p(X_T)) for a prior that draws its tokens independently.

    It has no parameters. For the absorbing chain and the prior e_m it is 0 if alpha_bar_T = 0 and infinite otherwise.
    Shapes: x0 (batch, n) states; prior (K,) or (n, K), the transition's stationary law unless given; returns (batch,),
    float64, in nats.
    Raises: ValueError for another shape, or where no prior is given and the transition has no stationary law.
    Source: "ELBO", the second term.
    """
    check_sequences(x0, "x0", transition.num_states)
    prior = token_prior(transition, x0.shape[-1], prior).to(x0.device)
    return kl(transition.marginal(x0, transition.num_steps), prior).sum(-1)


def token_prior(transition: Transition, length: int, prior: Tensor | None = None) -> Tensor:
    """The law p(x_T^i) of each of n tokens, (n, K), float64: the prior, or the transition's stationary law.

    Shapes: prior (K,) or (n, K). Raises: ValueError for another shape, or where no prior is given and the transition
    has no stationary law.
    """
    prior = transition.stationary() if prior is None else prior
    if prior.shape not in ((transition.num_states,), (length, transition.num_states)):
        raise ValueError(f"prior must have shape {(transition.num_states,)} or {(length, transition.num_states)}, got "
                         f"{tuple(prior.shape)}")
    check_probabilities(prior, "prior")
    prior = prior.to(torch.float64)
    return (prior / prior.sum(-1, keepdim=True)).expand(length, -1)


def sampled_bound(reverse: ReverseFunction, x0: Tensor, transition: Transition, *, prior: Tensor | None = None,
                  generator: torch.Generator | None = None) -> DiscreteBound:
    """An unbiased estimate of the bound: for every t one draw of X_t ~ q(X_t | X_0) a sequence, T calls of the model.

    For a standard error repeat the sequence along the batch: `evaluation.estimate(sampled_bound(...).nelbo)`.
    Shapes: x0 (batch, n) states; returns terms (batch, T). Raises: as `step_kl` and `prior_kl`.
    Source: "ELBO".
    """
    terms = [step_kl(reverse, x0, transition.sample(x0, t, generator=generator), transition, t)
             for t in range(1, transition.num_steps + 1)]
    return DiscreteBound(torch.stack(terms, -1), prior_kl(x0, transition, prior))


def exact_bound(reverse: ReverseFunction, x0: Tensor, transition: Transition, *,
                prior: Tensor | None = None) -> DiscreteBound:
    """The bound exactly: the expectation over X_t is a sum over all K^n states of the sequence.

    Shapes: x0 (batch, n) states with K^n <= 100,000; returns terms (batch, T).
    Raises: ValueError for more states, else as `step_kl` and `prior_kl`.
    Source: "ELBO".
    """
    check_sequences(x0, "x0", transition.num_states)
    states = all_states(transition.num_states, x0.shape[-1], x0.device)
    terms = x0.new_zeros((len(x0), transition.num_steps), dtype=torch.float64)
    for t in range(1, transition.num_steps + 1):
        marginal = transition.marginal(x0, t)                                           # (batch, n, K)
        weights = marginal.new_ones(len(x0), len(states))                               # q(X_t | X_0), (batch, K^n)
        for i in range(x0.shape[-1]):
            weights *= marginal[:, i, states[:, i]]
        # The model is asked once about every state that some X_0 of the batch can reach: elsewhere it has no duty.
        reached = states[(weights > 0).any(0)]
        weights = weights[:, (weights > 0).any(0)]
        model = reverse(reached, _expand_time(t, reached, transition))                  # (states, n, K)
        check_reverse_shape(model, reached, transition.num_states)
        for row, x in enumerate(x0):
            possible = weights[row] > 0
            posterior = transition.posterior(reached[possible], x.expand(int(possible.sum()), -1), t)
            divergence = kl(posterior, model[possible].to(torch.float64)).sum(-1)
            terms[row, t - 1] = (weights[row, possible] * divergence).sum()
    return DiscreteBound(terms, prior_kl(x0, transition, prior))


def all_states(num_states: int, length: int, device: torch.device | str = "cpu") -> Tensor:
    """All K^n sequences of n states, (K^n, n), the last position changing fastest. ValueError for more than 100,000."""
    num_states, length = check_int(num_states, "num_states"), check_int(length, "length")
    if length > 100 or num_states**length > 100_000:    # the power of a huge length would take an age itself
        raise ValueError(f"{num_states}^{length} sequences are too many to enumerate (at most 100,000); estimate "
                         "instead")
    single = torch.arange(num_states, device=device)
    return torch.cartesian_prod(*[single] * length).reshape(-1, length)


def _expand_time(t: int | Tensor, x: Tensor, transition: Transition) -> Tensor:
    """One t a sequence, (batch,)."""
    t = check_time(t, 1, transition.num_steps)
    check_sequences(x, "x0", transition.num_states)
    t = torch.as_tensor(t, device=x.device).long()      # uint8 as an index would be taken for a mask
    if t.shape not in ((), (1,), x.shape[:1]):
        raise ValueError(f"t must be an int or of shape {tuple(x.shape[:1])}, one a sequence, got {tuple(t.shape)}")
    return t.expand(x.shape[:1])


def check_reverse_shape(model: Tensor, xt: Tensor, num_states: int) -> None:
    """Raise ValueError unless the reverse model gave probabilities of shape (batch, n, K)."""
    if model.shape != (*xt.shape, num_states):
        raise ValueError(f"the reverse model must return probabilities of shape {(*xt.shape, num_states)} "
                         f"for xt of shape {tuple(xt.shape)}, got {tuple(model.shape)}")


def check_sequences(x: Tensor, name: str, num_states: int | None = None) -> None:
    """Raise unless x holds a batch of sequences, (batch, n) integer states 0..K-1, n >= 1; the batch may be empty.

    Raises TypeError for anything but an integer tensor, ValueError for another shape or a state out of range; without
    `num_states` every state from 0 on will do.
    """
    if isinstance(x, Tensor) and (x.ndim != 2 or x.shape[1] == 0):
        raise ValueError(f"{name} must have shape (batch, n) with n >= 1, got {tuple(x.shape)}; a single sequence is "
                         f"{name}[None]")
    if num_states is None:
        num_states = max(int(x.long().max()), 0) + 1 if isinstance(x, Tensor) and x.numel() else 1
    check_states(x, num_states, name)


# The same bound for the absorbing chain (lecture 05)

def at_least_float32(logits: Tensor) -> Tensor:
    """Logits of half precision (bfloat16, float16) in float32, all others as they are.

    A log-softmax over K states, and the sum of n of its numbers, have errors of about 1/256 of their size in bfloat16:
    nats a sequence. The gradient goes back to the logits in their own dtype.
    """
    return logits.float() if logits.dtype.itemsize < 4 else logits


def ask(denoiser: DenoiserFunction, xt: Tensor, time: Tensor) -> Tensor:
    """The denoiser's logits, (batch, n, K), of half precision in float32. Raises ValueError for another shape."""
    logits = denoiser(xt, time)
    if logits.shape[:-1] != xt.shape:
        raise ValueError(f"the denoiser must return logits (batch, n, K) for xt {tuple(xt.shape)}, got "
                         f"{tuple(logits.shape)}")
    return at_least_float32(logits)


def masked_cross_entropy(denoiser: DenoiserFunction, x0: Tensor, xt: Tensor, time: Tensor, mask_id: int) -> Tensor:
    """sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)), the visible tokens carried over and the mask given no mass.

    Shapes: x0, xt (batch, n) states, time as the denoiser takes it; returns (batch,), in nats.
    Raises: ValueError where x0 holds the mask or has another shape than xt, or the denoiser's logits have another shape
    than (batch, n, K).
    Source: "Absorbing Diffusion", the sequence-level L_t without its factor.
    """
    if x0.shape != xt.shape:
        raise ValueError(f"x0 and xt must have one shape, got {tuple(x0.shape)} and {tuple(xt.shape)}")
    check_sequences(x0, "x0")
    check_sequences(xt, "xt")
    x0, xt, mask_id = x0.long(), xt.long(), check_int(mask_id, "mask_id", least=0)
    if bool((x0 == mask_id).any()):
        raise ValueError(f"x0 holds the mask ({mask_id}): the clean text has none; were x0 and xt swapped?")
    logits, masked = ask(denoiser, xt, time), xt == mask_id
    check_mask_id(mask_id, logits.shape[-1])
    check_states(x0, logits.shape[-1], "x0")
    check_states(xt, logits.shape[-1], "xt")
    # A visible token costs nothing, whatever is said of it: the softmax runs over the rows of masked ones alone.
    log_probs = logits[masked].index_fill(-1, torch.tensor(mask_id, device=xt.device), -torch.inf).log_softmax(-1)
    picked = log_probs.gather(-1, x0[masked][:, None]).squeeze(-1)
    return 0.0 - picked.new_zeros(xt.shape).masked_scatter(masked, picked).sum(-1)  # 0.0 - 0.0 is 0.0, not -0.0


def rho_weighted_term(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition, t: Tensor, *,
                      generator: torch.Generator | None = None) -> Tensor:
    """One draw of L_t = E_{q(X_t|X_0)} rho_t sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)), for t of shape (batch,).

    Its sum over t = 1..T is the negative bound where the chain ends at alpha_bar_T = 0; the term t = 1, with rho_1 = 1,
    is the reconstruction.
    Shapes: x0 (batch, n) states, t an int or (batch,) in 1..T; returns (batch,), in nats.
    Source: "Absorbing Diffusion", Objective: sequence-level L_t.
    """
    t = _expand_time(t, x0, transition)
    xt = transition.sample(x0, t, generator=generator)
    loss = masked_cross_entropy(denoiser, x0, xt, t, transition.mask_id)
    return transition.schedule.rho(t).to(loss) * loss


def rho_weighted_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition, *,
                      generator: torch.Generator | None = None) -> Tensor:
    """An unbiased estimate of the negative bound from a single t a sequence: T times the term of t ~ U{1..T}.

    Shapes: x0 (batch, n) states; returns (batch,), in nats.
    Raises: ValueError where alpha_bar_T > 0: the prior term would be infinite.
    """
    _check_end(transition)
    t = torch.randint(1, transition.num_steps + 1, x0.shape[:1], device=x0.device, generator=generator)
    return transition.num_steps * rho_weighted_term(denoiser, x0, transition, t, generator=generator)


def exact_rho_weighted_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition) -> Tensor:
    """The negative bound exactly, by summing over all T steps and all 2^n mask patterns.

    Shapes: x0 (batch, n) states with n <= 12; returns (batch,), in nats.
    Raises: ValueError for a longer sequence, or where alpha_bar_T > 0.
    """
    _check_end(transition)
    return _sum_over_steps(denoiser, x0, transition, transition.schedule.rho)


def masked_lm_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition, *,
                   generator: torch.Generator | None = None) -> Tensor:
    """A surrogate, not the bound: the slide's "final objective", which drops rho_t. A draw, as `rho_weighted_loss`.

    Formula: T times the term of t ~ U{1..T} of sum_t E sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)); with visible tokens
    carried over the indicator changes nothing. It has the same minimiser over all functions as the bound and weighs the
    steps differently, by 1 >= rho_t; so it is above the rho_t-weighted sum, and grows with T.
    Shapes: x0 (batch, n) states; returns (batch,), in nats.
    Source: "Final objective: masked LM".
    """
    t = torch.randint(1, transition.num_steps + 1, x0.shape[:1], device=x0.device, generator=generator)
    xt = transition.sample(x0, t, generator=generator)
    return transition.num_steps * masked_cross_entropy(denoiser, x0, xt, t, transition.mask_id)


def exact_masked_lm_loss(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition) -> Tensor:
    """The surrogate `masked_lm_loss` exactly, for any alpha_bar_T.

    Shapes: x0 (batch, n) states with n <= 12; returns (batch,), in nats. Raises: ValueError for a longer sequence.
    """
    return _sum_over_steps(denoiser, x0, transition, lambda t: 1.0)


def _sum_over_steps(denoiser: DenoiserFunction, x0: Tensor, transition: AbsorbingTransition,
                    factor: Callable[[int], Tensor | float]) -> Tensor:
    """sum_t factor(t) E_{q(X_t|X_0)} sum_i [x_t^i = e_m] (-log p(x_0^i | X_t)), over all mask patterns."""
    check_sequences(x0, "x0", transition.num_states)
    x0, total = x0.long(), torch.zeros((), device=x0.device)    # of no dimension: the losses decide the dtype
    for masked in mask_patterns(x0.shape[-1], x0.device):
        count = int(masked.sum())
        xt = torch.where(masked, transition.mask_id, x0)
        for t in range(1, transition.num_steps + 1):
            mask_rate = float(transition.schedule.mask_rate(t))
            weight = mask_rate**count * (1 - mask_rate)**(x0.shape[-1] - count)
            if weight:
                time = torch.full(x0.shape[:1], t, device=x0.device)
                loss = masked_cross_entropy(denoiser, x0, xt, time, transition.mask_id)
                total = total + weight * float(factor(t)) * loss
    return total


def mask_patterns(length: int, device: torch.device | str = "cpu") -> list[Tensor]:
    """All non-empty sets of masked positions, as boolean tensors (n,). Raises ValueError for n > 12."""
    if length > 12:
        raise ValueError(f"2^n mask patterns are enumerated for n <= 12, got n = {length}; estimate instead")
    return [torch.tensor(pattern, device=device) for pattern in product((False, True), repeat=length) if any(pattern)]


def _check_end(transition: AbsorbingTransition) -> None:
    end = float(transition.schedule.alpha_bar(transition.num_steps))
    if end != 0:
        raise ValueError(f"alpha_bar_T = {end:.3g}, but the bound of the absorbing chain is finite only for "
                         "alpha_bar_T = 0: end the schedule there (linear, cosine and geometric do)")
