"""The continuous bound: the mask rate lambda in place of the step t, and estimators that differ in their variance.

    L = integral over lambda in (0, 1] of (1/lambda) E_{q(X_lambda|X_0)} sum_i [x^i = e_m] (-log p(x_0^i | X_lambda))

rho_t / (lambda_t - lambda_{t-1}) is 1/lambda_t for every T, so 1/lambda is the weight in the limit. It is no density:
lambda is drawn from one, g, and the loss weighted by 1 / (lambda g(lambda)). Or the number k of masked tokens is drawn
first: uniform on 1..n, weight n/k. All losses are sums over tokens in nats, of shape (batch,). Each is an unbiased
estimate of L, the one with k for a denoiser that ignores the time (it is given k/n). The denoiser's time has torch's
default dtype, float32 unless changed.
"""

import math

import torch
from torch import Tensor

from dlm_course.arguments import check_int
from dlm_course.bound.discrete import DenoiserFunction, check_sequences, mask_patterns, masked_cross_entropy

METHODS = ("iid", "stratified", "offset")


def draw_uniform(batch_size: int, *, method: str = "stratified", generator: torch.Generator | None = None,
                 device: torch.device | str = "cpu") -> Tensor:
    """Numbers in (0, 1], each uniform on its own; shape (batch_size,), float64.

    "iid": independent. "stratified": one in each of batch_size equal pieces. "offset": one draw, shifted by i /
    batch_size. The last two cover the interval evenly and come in random order, so that rows of a batch are not tied to
    a piece.
    Raises: ValueError for another method or a negative batch_size.
    """
    batch_size = check_int(batch_size, "batch_size", least=0)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")

    def draw(count: int) -> Tensor:
        return torch.rand(count, dtype=torch.float64, device=device, generator=generator)

    if method == "iid":
        u = draw(batch_size)
    else:
        place = torch.randperm(batch_size, device=device, generator=generator)
        u = (place + draw(1 if method == "offset" else batch_size)) / batch_size
    # rand gives [0, 1); lambda = 0, which rounding could make of it, would mask nothing and weigh it infinitely.
    return (1 - u).clamp(min=2**-53)


def continuous_loss(denoiser: DenoiserFunction, x0: Tensor, mask_rate: Tensor, mask_id: int, *,
                    density: Tensor | float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """The estimate of L from one lambda a sequence, drawn from a density g: masked cross-entropy / (lambda g(lambda)).

    The weight 1/lambda belongs to the *sum* over masked tokens; a mean over them would count it twice.
    Shapes: x0 (batch, n) states, mask_rate (batch,) in (0, 1], density g(mask_rate), a number or (batch,); returns
    (batch,), in nats. The denoiser's time is lambda.
    Raises: ValueError for a mask rate outside (0, 1] or a density that is not positive and finite.
    Source: "Discrete ELBO Revisited", with w(lambda) = 1/lambda.
    """
    check_sequences(x0, "x0")
    mask_id = check_int(mask_id, "mask_id", least=0)
    if not isinstance(mask_rate, Tensor) or mask_rate.shape != x0.shape[:1]:
        given = tuple(mask_rate.shape) if isinstance(mask_rate, Tensor) else f"{type(mask_rate).__name__} {mask_rate!r}"
        raise ValueError(f"mask_rate must be a tensor of shape {tuple(x0.shape[:1])}, one a sequence, got {given}; "
                         "draw_uniform(len(x0)) draws one for each")
    mask_rate = mask_rate.double()
    if not bool(((mask_rate > 0) & (mask_rate <= 1)).all()):
        raise ValueError("mask_rate must be in (0, 1]: at 0 nothing is masked and the weight 1/lambda is infinite")
    density = torch.as_tensor(density, dtype=torch.float64, device=x0.device)
    if density.shape not in ((), mask_rate.shape) or not bool(((density > 0) & density.isfinite()).all()):
        raise ValueError(f"density must be positive and finite, a number or of shape {tuple(mask_rate.shape)}, got "
                         f"shape {tuple(density.shape)}; where g is 0 no lambda is drawn")
    x0 = x0.long()
    u = torch.rand(x0.shape, dtype=torch.float64, device=x0.device, generator=generator)
    xt = torch.where(u < mask_rate[:, None], mask_id, x0)
    loss = masked_cross_entropy(denoiser, x0, xt, mask_rate.to(torch.get_default_dtype()), mask_id)
    return loss / (mask_rate * density).to(loss)


def mask_count_loss(denoiser: DenoiserFunction, x0: Tensor, mask_id: int, *, method: str = "stratified",
                    generator: torch.Generator | None = None) -> Tensor:
    """The estimate of L that draws the number of masked tokens first: k ~ U{1..n}, a random set of size k, weight n/k.

    The second moment is finite, where lambda ~ U(0, 1) with independent masks has one that diverges logarithmically.
    Shapes: x0 (batch, n) states; returns (batch,), in nats. The denoiser's time is k/n.
    """
    check_sequences(x0, "x0")
    x0, mask_id = x0.long(), check_int(mask_id, "mask_id", least=0)
    batch_size, length = x0.shape
    u = draw_uniform(batch_size, method=method, generator=generator, device=x0.device)
    num_masked = (u * length).ceil().long().clamp(min=1)
    # The argsort of random numbers is a random permutation: its k values below k stand in a random set of places.
    shuffled = torch.rand(x0.shape, dtype=torch.float64, device=x0.device, generator=generator).argsort(-1)
    xt = torch.where(shuffled < num_masked[:, None], mask_id, x0)
    loss = masked_cross_entropy(denoiser, x0, xt, num_masked / length, mask_id)
    return loss * (length / num_masked).to(loss)


def paid_by_count(denoiser: DenoiserFunction, x0: Tensor, mask_id: int) -> Tensor:
    """[k]: what the masked tokens pay, summed over all sets S of k masked positions, sum_{|S| = k} l(S).

    For a denoiser that ignores the time these n + 1 numbers a sequence give the bound at every mask rate: F(lambda) =
    sum_k lambda^k (1-lambda)^(n-k) paid[k] is what the masked tokens pay on average.
    Shapes: x0 (batch, n) states with n <= 12; returns (n + 1, batch), in nats, its first row 0. The denoiser's time is
    k/n. Raises: ValueError for a longer sequence.
    """
    check_sequences(x0, "x0")
    x0, length, mask_id = x0.long(), x0.shape[-1], check_int(mask_id, "mask_id", least=0)
    paid = [torch.zeros((), device=x0.device)] * (length + 1)      # of no dimension: the losses decide the dtype
    for masked in mask_patterns(length, x0.device):
        count = int(masked.sum())
        time = torch.full(x0.shape[:1], count / length, device=x0.device)
        loss = masked_cross_entropy(denoiser, x0, torch.where(masked, mask_id, x0), time, mask_id)
        paid[count] = paid[count] + loss
    return torch.stack([torch.zeros_like(paid[-1]), *paid[1:]])


def exact_continuous_loss(denoiser: DenoiserFunction, x0: Tensor, mask_id: int) -> Tensor:
    """L exactly, for a denoiser that ignores the time: the sum over all non-empty sets S of masked positions.

    Formula: sum_S 1 / (|S| C(n, |S|)) sum_{i in S} (-log p(x_0^i | X_S masked)), since the integral over lambda of
    lambda^(|S|-1) (1-lambda)^(n-|S|) is 1 / (|S| C(n, |S|)).
    Shapes: x0 (batch, n) states with n <= 12; returns (batch,), in nats. The denoiser's time is |S|/n.
    Raises: ValueError for a longer sequence.
    """
    paid, length = paid_by_count(denoiser, x0, mask_id), x0.shape[-1]
    return sum((paid[count] / (count * math.comb(length, count)) for count in range(1, length + 1)),
               start=torch.zeros_like(paid[0]))
