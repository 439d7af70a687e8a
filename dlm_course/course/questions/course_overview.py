"""Topic 09: a likelihood of each kind, the two conditional fields, total variation with its floor, the trilemma."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Question

# 09-1: the autoregressive likelihood

class _Conditional:
    """p(next symbol | prefix) of three symbols: it depends on every symbol of the prefix, and on its order."""

    def __init__(self, weights: Tensor):
        self.weights = weights

    def __call__(self, prefix: Tensor) -> Tensor:
        prefix = torch.as_tensor(prefix)
        if prefix.ndim != 2:
            raise ValueError(f"conditional takes prefixes of shape (B, length so far), got {tuple(prefix.shape)}")
        if prefix.shape[1] >= len(self.weights):
            raise ValueError(f"conditional takes at most {len(self.weights) - 1} symbols, got {prefix.shape[1]}")
        places = torch.arange(prefix.shape[1])
        return self.weights[0, 0].expand(len(prefix), -1).add(
            self.weights[places + 1, prefix.long()].sum(1)).softmax(-1)

    def __deepcopy__(self, memo: dict) -> "_Conditional":
        return self  # a function, as far as the student is concerned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Conditional) and torch.equal(self.weights, other.weights)

    __hash__ = None


def log_likelihood(conditional: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return _factors(conditional, x).log().sum(-1)


def _factors(conditional: Callable[[Tensor], Tensor], x: Tensor, prefix: Callable | None = None,
             symbol: Callable | None = None) -> Tensor:
    """p(x^i | ...), (B, n), from what is seen before i = 0..n-1, and the symbol that is scored."""
    prefix = prefix or (lambda i: x[:, :i])
    symbol = symbol or (lambda i: x[:, i])
    return torch.stack([conditional(prefix(i)).gather(-1, symbol(i)[:, None])[:, 0] for i in range(x.shape[1])], -1)


def _of_factors(of: Callable[[Tensor], Tensor]) -> Callable:
    return lambda conditional, x: of(_factors(conditional, x))


def _autoregressive_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    conditional = _Conditional(1.5 * torch.randn(5, 3, 3, dtype=torch.float64, generator=generator))
    x = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1], [1, 0, 0, 2]])
    more = torch.tensor([[2, 0, 1], [0, 0, 2], [1, 2, 1], [0, 1, 1], [2, 1, 0]])   # more texts than symbols
    weights = 0.1 * torch.randn(76, 3, 3, dtype=torch.float64, generator=generator)
    weights[0, 0] = torch.tensor([12.0, 0.0, 0.0])                                 # symbols 1 and 2 are unlikely
    return [Case((conditional, x), "three texts, n = 4"), Case((conditional, more), "five texts, n = 3"),
            Case((conditional, x[:, :1]), "n = 1", edge="the first symbol has the empty prefix, of shape (B, 0)"),
            Case((_Conditional(weights), torch.randint(1, 3, (1, 75), generator=generator)), "n = 75, unlikely",
                 edge="a product of so many probabilities underflows to 0; add up their logarithms")]


LOG_LIKELIHOOD = Question(
    id="09-1-log-likelihood",
    points=2,
    name="log_likelihood",
    cases=_autoregressive_cases,
    reference=log_likelihood,
    misconceptions=(
        Misconception("each symbol is given itself, too: x^i has the prefix x^1, ..., x^(i-1)",
                      lambda conditional, x: _factors(conditional, x, prefix=lambda i: x[:, :i + 1]).log().sum(-1)),
        Misconception("the *next* symbol's probability is gathered with the symbol before it: after a prefix of i "
                      "symbols comes x^(i+1)", lambda conditional, x: _factors(
                          conditional, x, symbol=lambda i: x[:, max(i - 1, 0)]).log().sum(-1)),
        Misconception("each symbol is given the whole text; x^i has the prefix x^1, ..., x^(i-1)",
                      lambda conditional, x: _factors(conditional, x, prefix=lambda i: x).log().sum(-1)),
        Misconception("only the symbol just before is seen; the prefix is everything before",
                      lambda conditional, x: _factors(conditional, x, prefix=lambda i: x[:, max(i - 1, 0):i]
                                                      ).log().sum(-1)),
        Misconception("the prefix is one symbol too short: x^i has the prefix x^1, ..., x^(i-1)",
                      lambda conditional, x: _factors(conditional, x, prefix=lambda i: x[:, :max(i - 1, 0)]
                                                      ).log().sum(-1)),
        Misconception("every text is given the prefix of the first text; each has its own", lambda conditional, x:
                      _factors(conditional, x, prefix=lambda i: x[:1, :i].expand(len(x), -1)).log().sum(-1)),
        Misconception("each symbol is given what stands behind it; its prefix is what stands before",
                      lambda conditional, x: _factors(conditional, x, prefix=lambda i: x[:, i + 1:]).log().sum(-1)),
        Misconception("nothing is seen: every symbol is given the empty prefix", lambda conditional, x: _factors(
            conditional, x, prefix=lambda i: x[:, :0]).log().sum(-1)),
        Misconception("the prefix comes in reverse order", lambda conditional, x: _factors(
            conditional, x, prefix=lambda i: x[:, :i].flip(1)).log().sum(-1)),
        Misconception("the text is read from right to left", lambda conditional, x:
                      log_likelihood(conditional, x.flip(1))),
        Misconception("the first symbol is left out; it has the empty prefix, of shape (B, 0)",
                      _of_factors(lambda factors: factors[:, 1:].log().sum(-1))),
        Misconception("the last symbol is left out; there are n factors", _of_factors(
            lambda factors: factors[:, :-1].log().sum(-1))),
        Misconception("this is the last factor alone; add up the logarithms of all",
                      _of_factors(lambda factors: factors[:, -1].log())),
        Misconception("this is the first factor alone; add up the logarithms of all, and return after the loop",
                      _of_factors(lambda factors: factors[:, 0].log())),
        Misconception("this is the probability; asked is its logarithm", _of_factors(lambda factors: factors.prod(-1))),
        Misconception("the probabilities are added up; add their logarithms",
                      _of_factors(lambda factors: factors.sum(-1))),
        Misconception("the logarithm of a sum is no sum of logarithms: take the logarithm of each factor first",
                      _of_factors(lambda factors: factors.sum(-1).log())),
        Misconception("the sign is off: this is -log p", _of_factors(lambda factors: -factors.log().sum(-1))),
        Misconception("averaged over the symbols; a text's log-likelihood is their sum",
                      _of_factors(lambda factors: factors.log().mean(-1))),
        Misconception("this is the perplexity; asked is the sum of the logarithms", _of_factors(
            lambda factors: (-factors.log().mean(-1)).exp())),
        Misconception("this is in bits; asked are nats", _of_factors(lambda factors: factors.log2().sum(-1))),
        Misconception("this is the decimal logarithm; asked are nats, the natural one", _of_factors(
            lambda factors: factors.log10().sum(-1))),
        Misconception("added up over the batch; every text has its own", _of_factors(
            lambda factors: factors.log().sum())),
        Misconception("added up over the batch; every text has its own", _of_factors(
            lambda factors: factors.log().sum().expand(len(factors)))),
        Misconception("averaged over the batch; every text has its own", _of_factors(
            lambda factors: factors.log().sum(-1).mean())),
        Misconception("these are the logarithms one by one; add them up", _of_factors(lambda factors: factors.log())),
        Misconception("the likeliest symbol is scored; score the one that stands there", lambda conditional, x:
                      torch.stack([conditional(x[:, :i]).amax(-1) for i in range(x.shape[1])], -1).log().sum(-1)),
        Misconception("this is minus the entropy of the conditionals; score the symbol that stands there, with weight "
                      "1", lambda conditional, x: sum(torch.special.xlogy(p, p).sum(-1) for p in (
                          conditional(x[:, :i]) for i in range(x.shape[1])))),
        Misconception("the softmax is taken again: the conditional gives probabilities", lambda conditional, x:
                      torch.stack([conditional(x[:, :i]).log_softmax(-1).gather(-1, x[:, i:i + 1])[:, 0]
                                   for i in range(x.shape[1])], -1).sum(-1)),
    ),
)


# 09-2: the change of variables

@dataclass(frozen=True)
class _Waves:
    """A function of the first coordinate, (B,) -> (B,): amplitude times a sine plus an offset."""

    amplitude: float
    frequency: float
    offset: float

    def __call__(self, z: Tensor) -> Tensor:
        z = torch.as_tensor(z)
        if z.ndim != 1:
            raise ValueError(f"scale and shift take the first coordinate, shape (B,), got {tuple(z.shape)}")
        return self.offset + self.amplitude * torch.sin(self.frequency * z)


def flow_log_prob(x: Tensor, log_scale: Callable, shift: Callable) -> Tensor:
    s, t = log_scale(x[:, 0]), shift(x[:, 0])
    return _normal(x[:, 0]) + _normal((x[:, 1] - t) * (-s).exp()) - s


def _normal(z: Tensor) -> Tensor:
    return -0.5 * (z**2 + math.log(2 * math.pi))


def _flow(of: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable:
    """From x^1, x^2, s(x^1), t(x^1)."""
    return lambda x, log_scale, shift: of(x[:, 0], x[:, 1], log_scale(x[:, 0]), shift(x[:, 0]))


def _flow_cases(seed: int) -> list[Case]:
    x = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.3
    return [Case((x, _Waves(0.8, 1.3, 0.4), _Waves(1.1, 0.7, -0.5)), "five points"),
            Case((x[:2], _Waves(0.5, 2.0, -0.9), _Waves(0.6, 1.5, 1.0)), "two points, another flow"),
            Case((x[:3], _Waves(0.7, 1.1, 0.3), _Waves(0.9, 1.9, 0.2)), "three points, another flow")]


FLOW_LOG_PROB = Question(
    id="09-2-flow-log-prob",
    points=2,
    name="flow_log_prob",
    cases=_flow_cases,
    reference=flow_log_prob,
    misconceptions=(
        Misconception("the sign of the log-determinant: dz/dx = exp(-s), so its logarithm is -s; where the flow "
                      "stretches, the density thins", _flow(lambda a, b, s, t: _normal(a) + _normal(
                          (b - t) * (-s).exp()) + s)),
        Misconception("the log-determinant is missing: log p(z) is no density of x", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s).exp()))),
        Misconception("the determinant is taken for its logarithm", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s).exp()) - s.exp())),
        Misconception("the determinant is taken for its logarithm", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s).exp()) + (-s).exp())),
        Misconception("the flow is run the wrong way: from x to z, subtract the shift, then divide by exp(s)", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b * s.exp() + t) - s)),
        Misconception("the flow is run the wrong way: from x to z, subtract the shift, then divide by exp(s); the "
                      "log-determinant of that way is -s", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b * s.exp() + t) + s)),
        Misconception("multiplied by exp(s) where the way back divides", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * s.exp()) - s)),
        Misconception("multiplied by exp(s) where the way back divides", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * s.exp()) + s)),
        Misconception("undone in the wrong order: subtract the shift first, then divide", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b * (-s).exp() - t) - s)),
        Misconception("s is taken for the scale; the scale is exp(s)", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) / s) - s)),
        Misconception("s is taken for the scale; the scale is exp(s)", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) / s) - s.abs().log())),
        Misconception("the shift is forgotten", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b * (-s).exp()) - s)),
        Misconception("the shift is added; the way back subtracts it", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b + t) * (-s).exp()) - s)),
        Misconception("x is scored as if it were z: undo the flow first", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b))),
        Misconception("x is scored as if it were z: undo the flow first", _flow(
            lambda a, b, s, t: _normal(a) + _normal(b) - s)),
        Misconception("the first coordinate is moved, too; z^1 = x^1", _flow(
            lambda a, b, s, t: _normal((a - t) * (-s).exp()) + _normal((b - t) * (-s).exp()) - s)),
        Misconception("the first coordinate is moved, too; z^1 = x^1", _flow(
            lambda a, b, s, t: _normal((a - t) * (-s).exp()) + _normal((b - t) * (-s).exp()) - 2 * s)),
        Misconception("the second coordinate's density is missing: x^2, given x^1, is normal, too", _flow(
            lambda a, b, s, t: _normal(a))),
        Misconception("the second coordinate's density is missing: x^2, given x^1, is normal, too", _flow(
            lambda a, b, s, t: _normal(a) - s)),
        Misconception("averaged over the two coordinates; their logarithms add up", _flow(
            lambda a, b, s, t: (_normal(a) + _normal((b - t) * (-s).exp())) / 2 - s)),
        Misconception("averaged over the two coordinates; their logarithms add up", lambda x, log_scale, shift:
                      flow_log_prob(x, log_scale, shift) / 2),
        Misconception("the first coordinate's own density is missing: z^1 = x^1 is normal, too", _flow(
            lambda a, b, s, t: _normal((b - t) * (-s).exp()) - s)),
        Misconception("the normaliser of the normal density is missing: -log(2 pi)/2 for each coordinate", _flow(
            lambda a, b, s, t: -0.5 * (a**2 + ((b - t) * (-s).exp()) ** 2) - s)),
        Misconception("the normaliser of the normal density is counted once; there are two coordinates", _flow(
            lambda a, b, s, t: -0.5 * (a**2 + ((b - t) * (-s).exp()) ** 2 + math.log(2 * math.pi)) - s)),
        Misconception("the normaliser is log(2 pi) for each coordinate; it is half of that", _flow(
            lambda a, b, s, t: -0.5 * (a**2 + ((b - t) * (-s).exp()) ** 2) - 2 * math.log(2 * math.pi) - s)),
        Misconception("the normaliser of the normal density has the wrong sign: it is -log(2 pi)/2 for each "
                      "coordinate", _flow(lambda a, b, s, t: -0.5 * (a**2 + ((b - t) * (-s).exp()) ** 2)
                                          + math.log(2 * math.pi) - s)),
        Misconception("the square is not halved", _flow(lambda a, b, s, t: -(a**2) - ((b - t) * (-s).exp()) ** 2
                                                        - math.log(2 * math.pi) - s)),
        Misconception("scale and shift are computed from the second coordinate; they see the first only", lambda x,
                      log_scale, shift: _normal(x[:, 0]) + _normal(
                          (x[:, 1] - shift(x[:, 1])) * (-log_scale(x[:, 1])).exp()) - log_scale(x[:, 1])),
        Misconception("the coordinates have changed places: the first is left alone, the second is moved", lambda x,
                      log_scale, shift: flow_log_prob(x.flip(-1), log_scale, shift)),
        Misconception("log_scale and shift have changed places", lambda x, log_scale, shift:
                      flow_log_prob(x, shift, log_scale)),
        Misconception("the log-determinant is halved; exp(s) is the scale, not the variance", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s).exp()) - s / 2)),
        Misconception("exp(s) is taken for the variance; it is the scale", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s / 2).exp()) - s / 2)),
        Misconception("the scale is squared: exp(s) is the standard deviation, which a Normal takes, not exp(2 s)",
                      _flow(lambda a, b, s, t: _normal(a) + _normal((b - t) * (-2 * s).exp()) - 2 * s)),
        Misconception("the log-determinant is counted twice", _flow(
            lambda a, b, s, t: _normal(a) + _normal((b - t) * (-s).exp()) - 2 * s)),
        Misconception("the sign is off: this is -log p", lambda x, log_scale, shift:
                      -flow_log_prob(x, log_scale, shift)),
        Misconception("this is the density; asked is its logarithm", lambda x, log_scale, shift:
                      flow_log_prob(x, log_scale, shift).exp()),
        Misconception("averaged over the batch; every point has its own", lambda x, log_scale, shift:
                      flow_log_prob(x, log_scale, shift).mean()),
        Misconception("added up over the batch; every point has its own", lambda x, log_scale, shift:
                      flow_log_prob(x, log_scale, shift).sum()),
        Misconception("this is in bits; asked are nats", lambda x, log_scale, shift:
                      flow_log_prob(x, log_scale, shift) / math.log(2)),
    ),
)


# 09-3: the bound of a VAE

def vae_bound(logits: Tensor, x: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    return _elbo(logits, x, mean, log_var)


def _elbo(logits: Tensor, x: Tensor, mean: Tensor, log_var: Tensor, *, weight: float = 1.0,
          price: Callable[[Tensor, Tensor], Tensor] | None = None,
          fit: Callable[[Tensor, Tensor], Tensor] | None = None) -> Tensor:
    price = price or (lambda mean, log_var: 0.5 * (mean**2 + log_var.exp() - log_var - 1))
    fit = fit or (lambda logits, x: logits.log_softmax(-1).gather(-1, x[..., None]).squeeze(-1))
    return fit(logits, x).sum(-1) - weight * price(mean, log_var).sum(-1)


def _with(**change) -> Callable:
    return lambda logits, x, mean, log_var: _elbo(logits, x, mean, log_var, **change)


def _fit(logits: Tensor, x: Tensor) -> Tensor:
    return logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(-1)


def _kl(mean: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(-1)


def _vae_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 2, 5, dtype=torch.float64, generator=generator)
    x = torch.randint(5, (3, 2), generator=generator)
    mean, log_var = (torch.randn(3, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    return [Case((logits, x, mean, log_var), "batch of 3, n = 2, K = 5, four latent numbers"),
            Case((logits[:1], x[:1], mean[:1, :1], log_var[:1, :1] - 1), "a single point, one latent number"),
            Case((logits, x, 0 * mean, 0 * log_var), "an encoder that ignores x",
                 edge="where the encoder gives the prior the KL is 0")]


VAE_BOUND = Question(
    id="09-3-vae-bound",
    points=2,
    name="vae_bound",
    cases=_vae_cases,
    reference=vae_bound,
    misconceptions=(
        Misconception("the KL is added; it is subtracted: a bound *below* log p", _with(weight=-1.0)),
        Misconception("the KL is missing: this is the reconstruction alone", _with(weight=0.0)),
        Misconception("this is the KL alone; log p(x | z) is missing", _with(
            fit=lambda logits, x: logits[..., 0] * 0, weight=-1.0)),
        Misconception("this is minus the KL alone; log p(x | z) is missing", _with(
            fit=lambda logits, x: logits[..., 0] * 0)),
        Misconception("the sign is off: this is the loss, minus the bound", lambda logits, x, mean, log_var:
                      -vae_bound(logits, x, mean, log_var)),
        Misconception("this is KL(p || q), of the prior from the encoder; it is KL(q || p)", _with(
            price=lambda mean, log_var: 0.5 * ((mean**2 + 1) * (-log_var).exp() + log_var - 1))),
        Misconception("the KL is not halved", _with(weight=2.0)),
        Misconception("the KL is halved twice", _with(weight=0.5)),
        Misconception("the result holds NaN: log_var is a logarithm and may be negative; the variance is its "
                      "exponential", symptom=lambda cases, values: any(np.isnan(value).any() for value in values)),
        Misconception("log_var is taken for the variance: its exponential is", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + log_var - log_var.abs().log() - 1))),
        Misconception("log_var is taken for the logarithm of the standard deviation; it is that of the variance",
                      _with(price=lambda mean, log_var: 0.5 * (mean**2 + (2 * log_var).exp() - 2 * log_var - 1))),
        Misconception("the variance is squared; it is exp(log_var), and log_var its logarithm", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + (2 * log_var).exp() - log_var - 1))),
        Misconception("the term -1 of the KL is missing: it is 0 where the encoder gives the prior", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + log_var.exp() - log_var))),
        Misconception("the 1 of the KL is subtracted once; it belongs to each latent number", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + log_var.exp() - log_var - 1 / mean.shape[1]))),
        Misconception("the variance itself is missing in the KL: (mu^2 + sigma^2 - log sigma^2 - 1)/2", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 - log_var - 1))),
        Misconception("the term -log sigma^2 is missing in the KL: (mu^2 + sigma^2 - log sigma^2 - 1)/2", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + log_var.exp() - 1))),
        Misconception("the standard deviation stands where the variance belongs, exp(log_var)", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + (log_var / 2).exp() - log_var - 1))),
        Misconception("the mean is not squared", _with(
            price=lambda mean, log_var: 0.5 * (mean + log_var.exp() - log_var - 1))),
        Misconception("the logarithm of the variance has the wrong sign in the KL", _with(
            price=lambda mean, log_var: 0.5 * (mean**2 + log_var.exp() + log_var - 1))),
        Misconception("the mean does not enter the KL", _with(
            price=lambda mean, log_var: 0.5 * (log_var.exp() - log_var - 1))),
        Misconception("the logits are taken for log-probabilities: a log_softmax is missing", _with(
            fit=lambda logits, x: logits.gather(-1, x[..., None]).squeeze(-1))),
        Misconception("the probability is taken for its logarithm", _with(
            fit=lambda logits, x: logits.softmax(-1).gather(-1, x[..., None]).squeeze(-1))),
        Misconception("the cross-entropy is added; log p(x | z) is minus the cross-entropy", _with(
            fit=lambda logits, x: -logits.log_softmax(-1).gather(-1, x[..., None]).squeeze(-1))),
        Misconception("the reconstruction is averaged over the coordinates; their logarithms add up",
                      lambda logits, x, mean, log_var: _fit(logits, x) / x.shape[1] - _kl(mean, log_var)),
        Misconception("the KL is averaged over the latent numbers; it adds up", lambda logits, x, mean, log_var:
                      _elbo(logits, x, mean, log_var, weight=1 / mean.shape[1])),
        Misconception("the bound is averaged over the coordinates; it is a sum", lambda logits, x, mean, log_var:
                      vae_bound(logits, x, mean, log_var) / x.shape[1]),
        Misconception("only the first latent number pays its KL; add up over all", lambda logits, x, mean, log_var:
                      vae_bound(logits, x, mean[:, :1], log_var[:, :1])),
        Misconception("the KL is added up over the batch; every point has its own", lambda logits, x, mean, log_var:
                      _fit(logits, x) - _kl(mean, log_var).sum()),
        Misconception("the KL is averaged over the batch; every point has its own", lambda logits, x, mean, log_var:
                      _fit(logits, x) - _kl(mean, log_var).mean()),
        Misconception("the cross-entropy is averaged over the batch and the coordinates (reduction='mean'); each point "
                      "has its own sum", lambda logits, x, mean, log_var:
                      _fit(logits, x).mean() / x.shape[1] - _kl(mean, log_var)),
        Misconception("the cross-entropy is added up over the batch; every point has its own",
                      lambda logits, x, mean, log_var: _fit(logits, x).sum() - _kl(mean, log_var)),
        Misconception("the softmax runs over the coordinates; it belongs over the bins, the last dimension", _with(
            fit=lambda logits, x: logits.log_softmax(1).gather(-1, x[..., None]).squeeze(-1))),
        Misconception("the softmax is taken twice: log_softmax and cross_entropy take the logits", _with(
            fit=lambda logits, x: logits.softmax(-1).log_softmax(-1).gather(-1, x[..., None]).squeeze(-1))),
        Misconception("the logits are reshaped where their axes should change places: transpose(1, 2)", _with(
            fit=lambda logits, x: logits.reshape(len(x), -1, x.shape[1]).log_softmax(1).gather(1, x[:, None])[:, 0])),
        Misconception("the probabilities are added up over the coordinates before the logarithm; add their logarithms",
                      lambda logits, x, mean, log_var: logits.softmax(-1).gather(-1, x[..., None])[..., 0].sum(-1).log()
                      - _kl(mean, log_var)),
        Misconception("every bin is scored, not only the true one: gather x", _with(
            fit=lambda logits, x: logits.log_softmax(-1).sum(-1))),
        Misconception("the likeliest bin is scored; score the true one: gather x", _with(
            fit=lambda logits, x: logits.log_softmax(-1).amax(-1))),
        Misconception("averaged over the batch; every point has its own", lambda logits, x, mean, log_var:
                      vae_bound(logits, x, mean, log_var).mean()),
        Misconception("added up over the batch; every point has its own", lambda logits, x, mean, log_var:
                      vae_bound(logits, x, mean, log_var).sum()),
        Misconception("this is in bits; asked are nats", lambda logits, x, mean, log_var:
                      vae_bound(logits, x, mean, log_var) / math.log(2)),
    ),
)


# 09-4: the two conditional fields

@dataclass(frozen=True)
class _Growth:
    """sigma(s) = low + (high - low) s^2: the noise of a variance exploding process, s from 0 (data) to 1 (noise)."""

    low: float
    high: float
    derivative: bool = False

    def __call__(self, s: float) -> Tensor:
        _check_time(s)
        s = torch.as_tensor(s, dtype=torch.float64)
        return 2 * (self.high - self.low) * s if self.derivative else self.low + (self.high - self.low) * s**2


@dataclass(frozen=True)
class _Decay:
    """alpha(s) = exp(-rate s^2): what the variance preserving process keeps of the data at s."""

    rate: float
    derivative: bool = False

    def __call__(self, s: float) -> Tensor:
        _check_time(s)
        s = torch.as_tensor(s, dtype=torch.float64)
        value = (-self.rate * s**2).exp()
        return -2 * self.rate * s * value if self.derivative else value


def _check_time(s: float) -> None:
    if not bool(((torch.as_tensor(s) >= 0) & (torch.as_tensor(s) <= 1)).all()):
        raise ValueError(f"sigma and alpha take times in [0, 1], got {s}")


def conditional_fields(x: Tensor, x1: Tensor, t: float, sigma: Callable, d_sigma: Callable, alpha: Callable,
                       d_alpha: Callable) -> Tensor:
    return _fields(x, x1, t, sigma, d_sigma, alpha, d_alpha)


def _fields(x: Tensor, x1: Tensor, t: float, sigma: Callable, d_sigma: Callable, alpha: Callable, d_alpha: Callable, *,
            exploding: Callable | None = None, preserving: Callable | None = None, clock: Callable | None = None
            ) -> Tensor:
    """Both fields, or what a mistake makes of one: of (x, x1, sigma, sigma'), of (x, x1, alpha, alpha')."""
    s = (clock or (lambda t: 1 - t))(t)
    exploding = exploding or (lambda x, x1, sigma, slope: -slope / sigma * (x - x1))
    preserving = preserving or (lambda x, x1, alpha, slope: slope / (1 - alpha**2) * (alpha * x - x1))
    return torch.stack([exploding(x, x1, sigma(s), d_sigma(s)), preserving(x, x1, alpha(s), d_alpha(s))])


def _wrong_fields(**change) -> Callable:
    return lambda *args: _fields(*args, **change)


def _field_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x, x1 = (torch.randn(4, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    ve, vp = (_Growth(0.1, 5.0), _Growth(0.1, 5.0, True)), (_Decay(2.0), _Decay(2.0, True))
    return [Case((x, x1, 0.3, *ve, *vp), "four points, t = 0.3"), Case((x, x1, 0.8, *ve, *vp), "four points, t = 0.8"),
            Case((x[:1], x1[:1], 0.5, _Growth(0.2, 2.0), _Growth(0.2, 2.0, True), _Decay(0.7), _Decay(0.7, True)),
                 "one point, t = 0.5, other schedules")]


CONDITIONAL_FIELDS = Question(
    id="09-4-conditional-fields",
    points=2,
    name="conditional_fields",
    cases=_field_cases,
    reference=conditional_fields,
    misconceptions=(
        Misconception("sigma and alpha are taken at t; the path runs from noise (t = 0) to data (t = 1), so they are "
                      "taken at 1 - t", _wrong_fields(clock=lambda t: t)),
        Misconception("the sign of VE: sigma falls along the path, so with d(1 - t)/dt = -1 the field points to x_1",
                      _wrong_fields(exploding=lambda x, x1, sigma, slope: slope / sigma * (x - x1))),
        Misconception("the sign of VP: alpha' is taken at 1 - t, and d(1 - t)/dt = -1 (the chain rule)", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: -slope / (1 - alpha**2) * (alpha * x - x1))),
        Misconception("both signs are off: the derivative with respect to t is minus that with respect to 1 - t",
                      lambda *args: -conditional_fields(*args)),
        Misconception("this is the way from data to noise: take the four functions at 1 - t, and mind the chain rule, "
                      "d(1 - t)/dt = -1", lambda *args: -_fields(*args, clock=lambda t: t)),
        Misconception("these are the scores; asked are the velocities", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -(x - x1) / sigma**2,
            preserving=lambda x, x1, alpha, slope: -(x - alpha * x1) / (1 - alpha**2))),
        Misconception("this is the velocity of a straight line, (x_1 - x) / (1 - t); differentiate these two paths",
                      lambda x, x1, t, *schedules: ((x1 - x) / (1 - t)).expand(2, *x.shape)),
        Misconception("epsilon = (x - mean) / std: the division by std is missing", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -slope * (x - x1),
            preserving=lambda x, x1, alpha, slope: -slope * x1 + alpha * slope / (1 - alpha**2).sqrt() * (
                x - alpha * x1))),
        Misconception("VE is right; in VP epsilon = (x - alpha x_1) / std, and the division by std is missing",
                      _wrong_fields(preserving=lambda x, x1, alpha, slope: -slope * x1 + alpha * slope
                                    / (1 - alpha**2).sqrt() * (x - alpha * x1))),
        Misconception("the two have changed places: VE first, then VP", lambda *args:
                      conditional_fields(*args).flip(0)),
        Misconception("VE lacks the division by sigma", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -slope * (x - x1))),
        Misconception("VE divides by the variance, sigma^2; by sigma", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -slope / sigma**2 * (x - x1))),
        Misconception("VE lacks the derivative of sigma", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -(x - x1) / sigma)),
        Misconception("this VE field is the derivative of sigma^2, twice too large", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -2 * slope / sigma * (x - x1))),
        Misconception("VE forgets to subtract x_1", _wrong_fields(
            exploding=lambda x, x1, sigma, slope: -slope / sigma * x)),
        Misconception("VP divides by 1 - alpha; by 1 - alpha^2, the variance", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope / (1 - alpha) * (alpha * x - x1))),
        Misconception("VP divides by the standard deviation; by the variance, 1 - alpha^2", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope / (1 - alpha**2).sqrt() * (alpha * x - x1))),
        Misconception("VP lacks the division by 1 - alpha^2", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope * (alpha * x - x1))),
        Misconception("alpha stands with x in VP, not with x_1, once both terms of the velocity are put together",
                      _wrong_fields(preserving=lambda x, x1, alpha, slope:
                                    slope / (1 - alpha**2) * (x - alpha * x1))),
        Misconception("alpha stands with x in VP, not with x_1: both have it here", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope / (1 - alpha**2) * alpha * (x - x1))),
        Misconception("VP lacks the derivative of alpha", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: (alpha * x - x1) / (1 - alpha**2))),
        Misconception("VP lacks the alpha that multiplies x", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope / (1 - alpha**2) * (x - x1))),
        Misconception("x and x_1 have changed places", lambda x, x1, *rest: conditional_fields(x1, x, *rest)),
        Misconception("VP moves the noise only: the mean, alpha x_1, moves too", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: slope * alpha / (1 - alpha**2) * (x - alpha * x1))),
        Misconception("VP moves the mean only: the noise shrinks, too", _wrong_fields(
            preserving=lambda x, x1, alpha, slope: -slope * x1)),
        Misconception("one part of VP lacks the sign of the chain rule, d(1 - t)/dt = -1: mean and standard deviation "
                      "both depend on 1 - t", _wrong_fields(preserving=lambda x, x1, alpha, slope:
                                                            -slope * x1 - _spread(x, x1, alpha, slope))),
        Misconception("one part of VP lacks the sign of the chain rule, d(1 - t)/dt = -1: mean and standard deviation "
                      "both depend on 1 - t", _wrong_fields(preserving=lambda x, x1, alpha, slope:
                                                            slope * x1 + _spread(x, x1, alpha, slope))),
        Misconception("the derivative of VP's standard deviation, sqrt(1 - alpha^2), lacks its inner factor alpha: it "
                      "is -alpha alpha' / sqrt(1 - alpha^2)", _wrong_fields(preserving=lambda x, x1, alpha, slope:
                                                                            -slope * x1
                                                                            + _spread(x, x1, alpha, slope) / alpha)),
        Misconception("the derivative of VP's standard deviation, sqrt(1 - alpha^2), is twice too large: it is "
                      "-alpha alpha' / sqrt(1 - alpha^2)", _wrong_fields(preserving=lambda x, x1, alpha, slope:
                                                                         -slope * x1
                                                                         + 2 * _spread(x, x1, alpha, slope))),
        Misconception("VP takes alpha for the square of the mean's factor; the mean is alpha x_1, the variance "
                      "1 - alpha^2", _wrong_fields(preserving=lambda x, x1, alpha, slope: slope / (
                          2 * alpha.sqrt() * (1 - alpha)) * (alpha.sqrt() * x - x1))),
        Misconception("the derivatives are taken at t; all four functions are taken at 1 - t",
                      lambda x, x1, t, sigma, d_sigma, alpha, d_alpha: _fields(
                          x, x1, t, sigma, lambda s: d_sigma(1 - s), alpha, lambda s: d_alpha(1 - s))),
        Misconception("VE is right; VP is taken at t in place of 1 - t", lambda *args: torch.stack(
            [_fields(*args)[0], _fields(*args, clock=lambda t: t)[1]])),
        Misconception("VP is right; VE is taken at t in place of 1 - t", lambda *args: torch.stack(
            [_fields(*args, clock=lambda t: t)[0], _fields(*args)[1]])),
        Misconception("VE is right, VP is not: its field is alpha' / (1 - alpha^2) (alpha x - x_1), all at 1 - t",
                      symptom=lambda cases, values: _half_right(cases, values, 0)),
        Misconception("VP is right, VE is not: its field is -sigma' / sigma (x - x_1), all at 1 - t",
                      symptom=lambda cases, values: _half_right(cases, values, 1)),
    ),
)


def _spread(x: Tensor, x1: Tensor, alpha: Tensor, slope: Tensor) -> Tensor:
    """The part of VP's field that comes from its standard deviation."""
    return alpha * slope / (1 - alpha**2) * (x - alpha * x1)


def _half_right(cases: list[Case], values: list[np.ndarray], half: int) -> bool:
    return all(np.allclose(value[half], conditional_fields(*case.args)[half].numpy(), rtol=1e-4, atol=1e-6)
               for case, value in zip(cases, values, strict=True))


# 09-5: total variation and its floor

def tv_and_floor(p: Tensor, counts: Tensor) -> Tensor:
    return torch.stack([_variation(p, counts), _floor(p, int(counts.sum()))])


def _variation(p: Tensor, counts: Tensor) -> Tensor:
    return (counts / counts.sum() - p).abs().sum() / 2


def _floor(p: Tensor, num: int, distance: Callable | None = None) -> Tensor:
    """Half the sum over outcomes and counts of chance times distance, which a mistake makes of (k, N, p)."""
    distance = distance or (lambda k, num, p: (k / num - p).abs())
    k = torch.arange(num + 1, dtype=torch.float64)
    chance = (_log_choose(k, num) + torch.special.xlogy(k, p[:, None])
              + torch.special.xlog1py(num - k, -p[:, None])).exp()
    return (chance * distance(k, num, p[:, None])).sum() / 2


def _log_choose(k: Tensor, num: int) -> Tensor:
    return math.lgamma(num + 1) - torch.lgamma(k + 1) - torch.lgamma(num - k + 1)


def _wrong_floor(distance: Callable) -> Callable:
    """The floor that comes of another distance or, by a factor, of other chances."""
    return _pair(second=lambda p, counts: _floor(p, int(counts.sum()), distance))


def _pair(first: Callable | None = None, second: Callable | None = None) -> Callable:
    """Total variation and floor, or what a mistake makes of one, from (p, counts)."""
    first = first or _variation
    second = second or (lambda p, counts: _floor(p, int(counts.sum())))
    return lambda p, counts: torch.stack([torch.as_tensor(first(p, counts)).double(),
                                          torch.as_tensor(second(p, counts)).double()])


def _normal_floor(p: Tensor, counts: Tensor) -> Tensor:
    return (2 * p * (1 - p) / (math.pi * counts.sum())).sqrt().sum() / 2


def _root(p: Tensor, counts: Tensor) -> Tensor:
    return (p * (1 - p) / counts.sum()).sqrt().sum() / 2


def _variation_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(6, dtype=torch.float64, generator=generator) + 0.05
    p = p / p.sum()
    return [Case((p, torch.tensor([9, 2, 0, 14, 6, 9])), "K = 6, N = 40"),
            Case((p[:4] / p[:4].sum(), torch.tensor([1, 5, 2, 4])), "K = 4, N = 12"),
            Case((torch.tensor([0.5, 0.5, 0.0]).double(), torch.tensor([1, 1, 0])), "K = 3, N = 2"),
            Case((torch.tensor([1.0, 0.0]).double(), torch.tensor([5, 0])), "K = 2, a certain outcome",
                 edge="a certain outcome always comes up: both numbers are 0")]


TV_AND_FLOOR = Question(
    id="09-5-tv-and-floor",
    points=3,
    name="tv_and_floor",
    cases=_variation_cases,
    reference=tv_and_floor,
    misconceptions=(
        Misconception("the factor 1/2 is missing in both", lambda p, counts: 2 * tv_and_floor(p, counts)),
        Misconception("the factor 1/2 is missing in the total variation; the floor is right", _pair(
            first=lambda p, counts: 2 * _variation(p, counts))),
        Misconception("the factor 1/2 is missing in the floor; the total variation is right", _pair(
            second=lambda p, counts: 2 * _floor(p, int(counts.sum())))),
        Misconception("the floor is that of a normal approximation; the counts are small, so sum over the binomial "
                      "distribution", _pair(second=_normal_floor)),
        Misconception("the floor holds NaN where p is 0 or 1: 0 log 0 counts as 0 (torch.xlogy), and 0**0 is 1",
                      symptom=lambda cases, values: any(np.isnan(value[1]) for value in values)),
        Misconception("the floor lacks the binomial coefficients, math.comb(N, k)", _wrong_floor(
            lambda k, num, p: (k / num - p).abs() / _log_choose(k, num).exp())),
        Misconception("the floor lacks the factor (1 - p)**(N - k) of the binomial probabilities", _wrong_floor(
            lambda k, num, p: (k / num - p).abs() * torch.where(p < 1, (1 - p) ** (k - num), 1))),
        Misconception("the floor leaves out C = N: there are N + 1 values, 0 to N", _wrong_floor(
            lambda k, num, p: (k / num - p).abs() * (k < num))),
        Misconception("the floor leaves out C = 0: there are N + 1 values, 0 to N", _wrong_floor(
            lambda k, num, p: (k / num - p).abs() * (k > 0))),
        Misconception("the floor compares counts with p: C is divided by N first", _wrong_floor(
            lambda k, num, p: (k - p).abs())),
        Misconception("the floor is in counts: |C - N p| is divided by N", _wrong_floor(
            lambda k, num, p: (k - num * p).abs())),
        Misconception("the floor adds up variances; asked are mean *absolute* deviations", _wrong_floor(
            lambda k, num, p: (k / num - p) ** 2)),
        Misconception("the squares of the differences are added up, in both; take absolute values", _pair(
            first=lambda p, counts: (counts / counts.sum() - p).square().sum() / 2,
            second=lambda p, counts: _floor(p, int(counts.sum()), lambda k, num, p: (k / num - p) ** 2))),
        Misconception("the floor weighs the outcomes by p; each mean deviation counts the same", _wrong_floor(
            lambda k, num, p: p * (k / num - p).abs())),
        Misconception("the floor adds up standard deviations; asked are mean *absolute* deviations, which are smaller",
                      _pair(second=_root)),
        Misconception("the floor adds up standard deviations, without the 1/2; asked are mean *absolute* deviations",
                      _pair(second=lambda p, counts: 2 * _root(p, counts))),
        Misconception("the floor is taken from the samples; it belongs to p: what N *true* samples would show",
                      _pair(second=lambda p, counts: _floor(counts.double() / counts.sum(), int(counts.sum())))),
        Misconception("the floor draws its counts from the samples' shares, counts / N; the true samples come from p",
                      _pair(second=lambda p, counts: _floor(counts.double() / counts.sum(), int(counts.sum()),
                                                            lambda k, num, q: (k / num - p[:, None]).abs()))),
        Misconception("the floor is 0 here: the absolute value belongs inside the mean, or the deviations cancel",
                      _pair(second=lambda p, counts: torch.zeros(()))),
        Misconception("both are 0 here: without absolute values the differences cancel", lambda p, counts:
                      torch.zeros(2)),
        Misconception("the floor takes all outcomes for equally likely; each has its own p", _pair(
            second=lambda p, counts: _floor(torch.full_like(p, 1 / len(p)), int(counts.sum())))),
        Misconception("outcomes that never came up are left out; they deviate from p, too", lambda p, counts:
                      torch.stack([_variation(p[counts > 0], counts[counts > 0]),
                                   _floor(p[counts > 0], int(counts.sum()))])),
        Misconception("the floor is 1/sqrt(N): that is how it falls, not what it is", _pair(
            second=lambda p, counts: 1 / counts.sum().sqrt())),
        Misconception("the deviations are averaged over the outcomes; they add up", lambda p, counts:
                      2 * tv_and_floor(p, counts) / len(p)),
        Misconception("the deviations are averaged over the outcomes; they add up", lambda p, counts:
                      tv_and_floor(p, counts) / len(p)),
        Misconception("the squares of the differences are added up; total variation takes absolute values", _pair(
            first=lambda p, counts: (counts / counts.sum() - p).square().sum() / 2)),
        Misconception("the root of the sum of squares is another distance; total variation takes absolute values",
                      _pair(first=lambda p, counts: (counts / counts.sum() - p).square().sum().sqrt())),
        Misconception("this is the largest difference of one outcome; total variation adds up all, and halves", _pair(
            first=lambda p, counts: (counts / counts.sum() - p).abs().max())),
        Misconception("the counts are compared with p before they are divided by N", _pair(
            first=lambda p, counts: (counts - p).abs().sum() / 2)),
        Misconception("these are in counts; divide by N", lambda p, counts: counts.sum() * tv_and_floor(p, counts)),
        Misconception("the differences have lost their absolute values, so that they cancel", _pair(
            first=lambda p, counts: (counts / counts.sum() - p).sum() / 2)),
        Misconception("the floor comes first here; asked is the total variation, then the floor", lambda p, counts:
                      tv_and_floor(p, counts).flip(0)),
        Misconception("the floor is subtracted from the total variation; leave both as they are", _pair(
            first=lambda p, counts: _variation(p, counts) - _floor(p, int(counts.sum())))),
        Misconception("this is the ratio of the two; asked are both", lambda p, counts:
                      _variation(p, counts) / _floor(p, int(counts.sum()))),
        Misconception("this is the KL; asked is the total variation", _pair(
            first=lambda p, counts: torch.special.xlogy(counts, counts / counts.sum() / p)[counts > 0].sum()
            / counts.sum())),
        Misconception("the floor has the number of outcomes for N; N is the number of samples", _pair(
            second=lambda p, counts: _floor(p, len(p)))),
        Misconception("N is the number of samples, the sum of the counts; here it is the number of outcomes", _pair(
            first=lambda p, counts: (counts / len(p) - p).abs().sum() / 2,
            second=lambda p, counts: _floor(p, len(p)))),
        Misconception("the floor has N = 50; N is the sum of the counts", _pair(
            second=lambda p, counts: _floor(p, 50))),
        Misconception("the floor is right, the total variation is not: half the sum of |counts / N - p|",
                      symptom=lambda cases, values: _one_right(cases, values, 1)),
        Misconception("the total variation is right, the floor is near but not exact: no simulation, sum over the "
                      "N + 1 values of the binomial distribution", symptom=lambda cases, values: _one_right(
                          cases, values, 0) and _near_floor(cases, values)),
        Misconception("the total variation is right, the floor is not: (1/2) sum over the outcomes of E|C/N - p|, with "
                      "C ~ Binomial(N, p)", symptom=lambda cases, values: _one_right(cases, values, 0)),
    ),
)


def _one_right(cases: list[Case], values: list[np.ndarray], which: int) -> bool:
    return all(np.allclose(value[which], tv_and_floor(*case.args)[which].numpy(), rtol=1e-4, atol=1e-6)
               for case, value in zip(cases, values, strict=True))


def _near_floor(cases: list[Case], values: list[np.ndarray]) -> bool:
    return all(np.isclose(value[1], tv_and_floor(*case.args)[1].item(), rtol=0.1)
               for case, value in zip(cases, values, strict=True))


# 09-6: a place on the trilemma

def place(samples: Tensor, p: Tensor, modes: Tensor, num_calls: int) -> Tensor:
    return _placed(samples, p, modes, num_calls)


def _placed(samples: Tensor, p: Tensor, modes: Tensor, num_calls: int, *, quality: Callable | None = None,
            coverage: Callable | None = None, speed: Callable | None = None) -> Tensor:
    shares, due = _shares_of(samples, p, modes)
    quality = quality or (lambda shares, due: shares.sum())
    coverage = coverage or (lambda shares, due: (shares >= due / 2).double().mean())
    speed = speed or (lambda calls: 1 / calls)
    return torch.tensor([float(quality(shares, due)), float(coverage(shares, due)), float(speed(num_calls))],
                        dtype=torch.float64)


def _shares_of(samples: Tensor, p: Tensor, modes: Tensor) -> tuple[Tensor, Tensor]:
    frequency = torch.bincount(samples, minlength=len(p)).double() / len(samples)
    return modes.double() @ frequency, modes.double() @ p


def _wrong_place(**change) -> Callable:
    return lambda *args: _placed(*args, **change)


def _wrong_coverage(of: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """What a mistake makes of coverage, by outcome: of (has an outcome half of its due?, modes)."""
    def wrong(samples: Tensor, p: Tensor, modes: Tensor, num_calls: int) -> Tensor:
        enough = torch.bincount(samples, minlength=len(p)) / len(samples) >= p / 2
        return _placed(samples, p, modes, num_calls, coverage=lambda shares, due: of(enough, modes).double().mean())
    return wrong


def _place_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    modes = torch.zeros(4, 12, dtype=torch.bool)
    for mode, outcomes in enumerate(([0, 1], [3, 4, 5], [7], [9, 10])):
        modes[mode, outcomes] = True
    p = torch.where(modes.any(0), 1.0, 0.05).double() * (1 + torch.rand(12, dtype=torch.float64, generator=generator))
    p = p / p.sum()

    def drawn(share: list[float], num: int) -> Tensor:
        weights = torch.where(modes.any(0), (modes.double() * torch.tensor(share)[:, None]).sum(0) * p, p)
        return torch.multinomial(weights, num, replacement=True, generator=generator)

    def counted(counts: list[int]) -> Tensor:
        samples = torch.repeat_interleave(torch.arange(12), torch.tensor(counts))
        return samples[torch.randperm(len(samples), generator=generator)]

    # The truth in 64ths and 32nds, so that half of what is due is met exactly; much lies outside the modes.
    even = torch.tensor([8, 8, 4, 8, 4, 4, 4, 8, 4, 4, 4, 4]).double() / 64
    uneven = torch.tensor([8, 8, 2, 2, 1, 1, 2, 2, 2, 1, 1, 2]).double() / 32
    return [Case((counted([8, 0, 10, 10, 0, 0, 10, 5, 10, 3, 0, 8]), even, modes, 8), "64 samples, 8 calls"),
            Case((counted([9, 0, 5, 3, 0, 0, 5, 1, 5, 0, 0, 4]), uneven, modes, 2), "32 samples, 2 calls"),
            Case((drawn([1.0, 1.0, 0.0, 0.3], 500), p, modes, 1), "a fast one: 500 samples, 1 call"),
            Case((drawn([1.0, 1.2, 0.9, 1.1], 400), p, modes, 50), "a slow one: 400 samples, 50 calls"),
            Case((drawn([0.2, 2.0, 0.0, 0.0], 300), p, modes, 4), "a third: 300 samples, 4 calls"),
            Case((torch.tensor([2, 6, 8]), p, modes, 2), "nothing of what is drawn lies in a mode",
                 edge="quality and coverage can be 0")]


PLACE = Question(
    id="09-6-place",
    points=1,
    name="place",
    cases=_place_cases,
    reference=place,
    misconceptions=(
        Misconception("quality is taken from p; it is the share of the *samples* that lie in some mode", _wrong_place(
            quality=lambda shares, due: due.sum())),
        Misconception("quality is divided by what is due; asked is the share of the samples", _wrong_place(
            quality=lambda shares, due: shares.sum() / due.sum())),
        Misconception("quality is the share outside the modes", _wrong_place(
            quality=lambda shares, due: 1 - shares.sum())),
        Misconception("quality is averaged over the modes; the shares add up", _wrong_place(
            quality=lambda shares, due: shares.mean())),
        Misconception("coverage asks for more than half of what is due; exactly half is enough", _wrong_place(
            coverage=lambda shares, due: (shares > due / 2).double().mean())),
        Misconception("coverage divides by the number of samples in modes; what is due is a share of *all* samples",
                      _wrong_place(coverage=lambda shares, due: (shares / shares.sum() >= due / 2).double().mean())),
        Misconception("coverage divides what is due by the probability of all modes; due is a mode's probability under "
                      "p itself", _wrong_place(coverage=lambda shares, due: (
                          shares >= due / due.sum() / 2).double().mean())),
        Misconception("coverage asks every outcome of a mode for half of its due; asked is the mode as a whole",
                      _wrong_coverage(lambda enough, modes: (enough | ~modes).all(1))),
        Misconception("coverage counts outcomes; asked is the share of the *modes*", _wrong_coverage(
            lambda enough, modes: enough[modes.any(0)])),
        Misconception("coverage counts outcomes; asked is the share of the *modes*", _wrong_coverage(
            lambda enough, modes: enough)),
        Misconception("coverage counts every mode that was drawn at all (or compares counts with probabilities); at "
                      "least half of what is due is asked", _wrong_place(
                          coverage=lambda shares, due: (shares > 0).double().mean())),
        Misconception("outcomes of no mode are counted as if they were in one (argmax, say, gives 0 where no entry is "
                      "true)",
                      lambda samples, p, modes, num_calls: place(samples, p, torch.cat(
                          [modes[:1] | ~modes.any(0), modes[1:]]), num_calls)),
        Misconception("coverage asks for all that is due; half of it is enough", _wrong_place(
            coverage=lambda shares, due: (shares >= due).double().mean())),
        Misconception("coverage compares with 1/2; with half of what is due to each mode", _wrong_place(
            coverage=lambda shares, due: (shares >= 0.5).double().mean())),
        Misconception("coverage takes the same share for every mode; p gives each its own", _wrong_place(
            coverage=lambda shares, due: (shares >= 0.5 / len(due)).double().mean())),
        Misconception("coverage is a number of modes; asked is their share", _wrong_place(
            coverage=lambda shares, due: (shares >= due / 2).sum())),
        Misconception("coverage weighs the modes by p; each counts the same", _wrong_place(
            coverage=lambda shares, due: ((shares >= due / 2) * due).sum() / due.sum())),
        Misconception("coverage is the share of modes that are *lost*", _wrong_place(
            coverage=lambda shares, due: (shares < due / 2).double().mean())),
        Misconception("speed is the number of calls; asked is 1 over it", _wrong_place(speed=lambda calls: calls)),
        Misconception("speed counts the samples: calls are per sample, 1 / num_calls is asked", lambda samples, p,
                      modes, num_calls: _placed(samples, p, modes, num_calls, speed=lambda calls:
                                                len(samples) / calls)),
        Misconception("speed counts the samples: calls are per sample, 1 / num_calls is asked", lambda samples, p,
                      modes, num_calls: _placed(samples, p, modes, num_calls, speed=lambda calls:
                                                1 / (calls * len(samples)))),
        Misconception("speed is rounded to a whole number: 1 / num_calls, not 1 // num_calls", _wrong_place(
            speed=lambda calls: 1 // calls)),
        Misconception("quality and coverage are in percent; asked are shares, from 0 to 1", lambda *args:
                      place(*args) * torch.tensor([100, 100, 1])),
        Misconception("quality and coverage have changed places", lambda *args: place(*args)[torch.tensor([1, 0, 2])]),
        Misconception("the order is quality, coverage, speed", lambda *args: place(*args).flip(0)),
        Misconception("quality is in counts; divide by the number of samples", lambda samples, *rest: torch.cat(
            [place(samples, *rest)[:1] * len(samples), place(samples, *rest)[1:]])),
        Misconception("quality counts a repeated sample once; every sample counts", lambda samples, p, modes, num_calls:
                      _placed(samples, p, modes, num_calls, quality=lambda shares, due:
                              modes.any(0)[samples.unique()].double().mean())),
        Misconception("a repeated sample counts once here: every sample counts", lambda samples, *rest:
                      place(samples.unique(), *rest)),
        Misconception("quality is wrong, coverage and speed are right: the share of samples in any of the modes",
                      symptom=lambda cases, values: _only_wrong(cases, values, 0)),
        Misconception("coverage is wrong, quality and speed are right: the share of modes with at least half of what "
                      "is due", symptom=lambda cases, values: _only_wrong(cases, values, 1)),
        Misconception("speed is wrong, quality and coverage are right: 1 / num_calls",
                      symptom=lambda cases, values: _only_wrong(cases, values, 2)),
    ),
)


def _only_wrong(cases: list[Case], values: list[np.ndarray], which: int) -> bool:
    others = [i for i in range(3) if i != which]
    return all(np.allclose(value[others], place(*case.args).numpy()[others], rtol=1e-4, atol=1e-6)
               for case, value in zip(cases, values, strict=True))


QUESTIONS = (LOG_LIKELIHOOD, FLOW_LOG_PROB, VAE_BOUND, CONDITIONAL_FIELDS, TV_AND_FLOOR, PLACE)
