"""Topic 09: a likelihood of each kind, the two conditional fields, total variation with its floor, the trilemma."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlm_course.course.questions.given import GivenFunction
from dlm_course.course.questions.mistakes import Shows, against, agreeing, close, mistakes, slip, somewhere
from dlm_course.course.questions.question import Case, Question


def _changing(one: int, other: int) -> dict[str, Shows]:
    """The mistake that shows where these two cases, with the same arguments, give different results."""
    return {"two calls with the same arguments gave different results: nothing random belongs in here, and nothing is "
            "kept from one call for the next": Shows(lambda cases, values: not close(values[one], values[other]))}


# 09-1: the autoregressive likelihood

class _Conditional(GivenFunction):
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


def log_likelihood(conditional: Callable[[Tensor], Tensor], x: Tensor, *,
                   prefix: Callable[[Tensor, int], Tensor] = lambda x, i: x[:, :i],
                   symbol: Callable[[Tensor, int], Tensor] = lambda x, i: x[:, i],
                   factor: Callable[[Tensor, Tensor], Tensor] = lambda probs, symbol: probs.gather(
                       -1, symbol[:, None])[:, 0],
                   of: Callable[[Tensor], Tensor] = lambda factors: factors.log().sum(-1)) -> Tensor:
    """log p(x); or with other prefixes, symbols or factors p(x^i | prefix), or what else is made of all n factors."""
    return of(torch.stack([factor(conditional(prefix(x, i)), symbol(x, i)) for i in range(x.shape[1])], -1))


def _autoregressive_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    conditional = _Conditional(1.5 * torch.randn(5, 3, 3, dtype=torch.float64, generator=generator))
    x = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1], [1, 0, 0, 2]])
    more = torch.tensor([[2, 0, 1], [0, 0, 2], [1, 2, 1], [0, 1, 1], [2, 1, 0]])   # more texts than symbols
    weights = 0.1 * torch.randn(76, 3, 3, dtype=torch.float64, generator=generator)
    weights[0, 0] = torch.tensor([14.0, 0.0, 0.0])                                 # symbols 1 and 2 are unlikely
    rare = 0.5 * torch.randn(4, 5, 5, dtype=torch.float64, generator=generator)
    rare[0, 0] = torch.tensor([0.0, -27.0, -1.0, 0.0, 1.0])                        # symbol 1 is nearly impossible
    texts = torch.tensor([[0, 1, 4, 2], [1, 1, 3, 1], [3, 0, 2, 4], [2, 4, 0, 1]])
    other = _Conditional(1.5 * torch.randn(5, 3, 3, dtype=torch.float64, generator=generator))
    return [Case((conditional, x), "three texts, n = 4"), Case((other, more), "five texts, n = 3, another conditional"),
            Case((conditional, x[1:2]), "one text, n = 4"),
            Case((conditional, x[:, :1]), "n = 1", edge="the first symbol has the empty prefix, of shape (B, 0)"),
            Case((_Conditional(rare), texts), "V = 5, one symbol nearly impossible",
                 edge="probabilities of 1e-12 occur here; their logarithms are wanted as they are, without a clamp or "
                      "an epsilon"),
            Case((_Conditional(weights), torch.randint(1, 3, (1, 75), generator=generator)), "n = 75, unlikely",
                 edge="log p is below -800 here: a product of so many probabilities underflows to 0; add up their "
                      "logarithms, and cut nothing off")]


LOG_LIKELIHOOD = Question(
    id="09-1-log-likelihood",
    points=2,
    name="log_likelihood",
    cases=_autoregressive_cases,
    reference=log_likelihood,
    misconceptions=mistakes({
        "each symbol is given itself, too: x^i has the prefix x^1, ..., x^(i-1)":
            (slip(log_likelihood, prefix=lambda x, i: x[:, :i + 1]),
             slip(log_likelihood, prefix=lambda x, i: x[:, :min(i + 1, x.shape[1] - 1)])),
        "the *next* symbol's probability is gathered with the symbol before it: after a prefix of i symbols comes "
        "x^(i+1)": (slip(log_likelihood, symbol=lambda x, i: x[:, max(i - 1, 0)]),
                    slip(log_likelihood, symbol=lambda x, i: x[:, i - 1])),
        "the symbol behind the right one is scored: after a prefix of i symbols comes x^(i+1)": (
            slip(log_likelihood, symbol=lambda x, i: x[:, (i + 1) % x.shape[1]]),
            slip(log_likelihood, symbol=lambda x, i: x[:, min(i + 1, x.shape[1] - 1)]),
            slip(log_likelihood, symbol=lambda x, i: x[:, min(i + 1, x.shape[1] - 1)],
                 of=lambda factors: factors[:, :-1].log().sum(-1))),
        "each symbol is given the whole text; x^i has the prefix x^1, ..., x^(i-1)":
            slip(log_likelihood, prefix=lambda x, i: x),
        "only the symbol just before is seen; the prefix is everything before":
            slip(log_likelihood, prefix=lambda x, i: x[:, max(i - 1, 0):i]),
        "the prefix is one symbol too short: x^i has the prefix x^1, ..., x^(i-1)":
            slip(log_likelihood, prefix=lambda x, i: x[:, :max(i - 1, 0)]),
        "every text is given the prefix of the first text; each has its own":
            slip(log_likelihood, prefix=lambda x, i: x[:1, :i].expand(len(x), -1)),
        "each symbol is given what stands behind it; its prefix is what stands before":
            slip(log_likelihood, prefix=lambda x, i: x[:, i + 1:]),
        "nothing is seen: every symbol is given the empty prefix": slip(log_likelihood, prefix=lambda x, i: x[:, :0]),
        "the prefix comes in reverse order": slip(log_likelihood, prefix=lambda x, i: x[:, :i].flip(1)),
        "the text is read from right to left": slip(log_likelihood, x=lambda x: x.flip(1)),
        "the first symbol is left out; it has the empty prefix, of shape (B, 0)":
            slip(log_likelihood, of=lambda factors: factors[:, 1:].log().sum(-1)),
        "the last symbol is left out; there are n factors":
            slip(log_likelihood, of=lambda factors: factors[:, :-1].log().sum(-1)),
        "this is the last factor alone; add up the logarithms of all":
            slip(log_likelihood, of=lambda factors: factors[:, -1].log()),
        "this is the first factor alone; add up the logarithms of all, and return after the loop":
            slip(log_likelihood, of=lambda factors: factors[:, 0].log()),
        "this is the probability; asked is its logarithm": slip(log_likelihood, of=lambda factors: factors.prod(-1)),
        "the probabilities are added up; add their logarithms":
            slip(log_likelihood, of=lambda factors: factors.sum(-1)),
        "the logarithm of a sum is no sum of logarithms: take the logarithm of each factor first":
            slip(log_likelihood, of=lambda factors: factors.sum(-1).log()),
        "the sign is off: this is -log p": slip(log_likelihood, lambda log_p: -log_p),
        "averaged over the symbols; a text's log-likelihood is their sum":
            slip(log_likelihood, of=lambda factors: factors.log().mean(-1)),
        "this is the perplexity; asked is the sum of the logarithms":
            slip(log_likelihood, of=lambda factors: (-factors.log().mean(-1)).exp()),
        "this is in bits; asked are nats": slip(log_likelihood, lambda log_p: log_p / math.log(2)),
        "this is the decimal logarithm; asked are nats, the natural one":
            slip(log_likelihood, lambda log_p: log_p / math.log(10)),
        "added up over the batch; every text has its own": (
            slip(log_likelihood, lambda log_p: log_p.sum()),
            slip(log_likelihood, lambda log_p: log_p.sum().expand(len(log_p)))),
        "averaged over the batch; every text has its own": slip(log_likelihood, lambda log_p: log_p.mean()),
        "these are the logarithms one by one; add them up": slip(log_likelihood, of=torch.log),
        "the likeliest symbol is scored; score the one that stands there":
            slip(log_likelihood, factor=lambda probs, symbol: probs.amax(-1)),
        "this is minus the entropy of the conditionals; score the symbol that stands there, with weight 1":
            slip(log_likelihood, factor=lambda probs, symbol: torch.special.xlogy(probs, probs).sum(-1),
                 of=lambda terms: terms.sum(-1)),
        "the softmax is taken again: the conditional gives probabilities":
            slip(log_likelihood, conditional=lambda conditional: lambda prefix: conditional(prefix).softmax(-1)),
    }),
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


def _undone(b: Tensor, s: Tensor, t: Tensor) -> Tensor:
    return (b - t) * (-s).exp()


def _normal(z: Tensor) -> Tensor:
    return -0.5 * (z**2 + math.log(2 * math.pi))


def flow_log_prob(x: Tensor, log_scale: Callable[[Tensor], Tensor], shift: Callable[[Tensor], Tensor], *,
                  seen: int = 0,
                  first: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda a, s, t: a,
                  second: Callable[[Tensor, Tensor, Tensor], Tensor] = _undone,
                  log_p: Callable[[Tensor], Tensor] = lambda z: _normal(z).sum(-1),
                  log_det: Callable[[Tensor], Tensor] = torch.neg) -> Tensor:
    """log p(x); or with s and t from another coordinate, another z^1 or z^2, log p(z), or log-determinant."""
    s, t = log_scale(x[:, seen]), shift(x[:, seen])
    return log_p(torch.stack([first(x[:, 0], s, t), second(x[:, 1], s, t)], -1)) + log_det(s)


def _flow_cases(seed: int) -> list[Case]:
    x = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.3
    steep = torch.tensor([[-math.pi / 2, 2e-13], [math.pi / 2, 2e13], [0.2, 300.0]], dtype=torch.float64)
    far = torch.tensor([[0.4, 70.0], [-60.0, 1.0], [0.1, -0.2]], dtype=torch.float64)
    return [Case((x, _Waves(0.8, 1.3, 0.4), _Waves(1.1, 0.7, -0.5)), "five points"),
            Case((x, _Waves(0.8, 1.3, 0.4), _Waves(1.1, 0.7, -0.5)), "the same five points again"),
            Case((x[:1], _Waves(0.4, 1.7, 0.6), _Waves(0.5, 1.2, 0.7)), "a single point"),
            Case((x[:2], _Waves(0.5, 2.0, -0.9), _Waves(0.6, 1.5, 1.0)), "two points, another flow"),
            Case((x[:3], _Waves(0.7, 1.1, 0.3), _Waves(0.9, 1.9, 0.2)), "three points, another flow"),
            Case((far, _Waves(0.3, 1.1, 0.1), _Waves(0.5, 1.5, 0.3)), "points far out",
                 edge="log p is below -800 here: the density underflows to 0 where its logarithm does not; work with "
                      "logarithms, and cut nothing off"),
            Case((steep, _Waves(30.0, 1.0, 0.0), _Waves(0.0, 1.0, 0.0)), "a steep flow, s from -30 to 30",
                 edge="s is used as it is, without a clamp, and exp(s) without an epsilon")]


FLOW_LOG_PROB = Question(
    id="09-2-flow-log-prob",
    points=2,
    name="flow_log_prob",
    cases=_flow_cases,
    reference=flow_log_prob,
    misconceptions=mistakes({
        **_changing(0, 1),
        "the sign of the log-determinant: dz/dx = exp(-s), so its logarithm is -s; where the flow stretches, the "
        "density thins": slip(flow_log_prob, log_det=torch.clone),
        "the log-determinant is missing: log p(z) is no density of x": slip(flow_log_prob, log_det=torch.zeros_like),
        "the determinant is taken for its logarithm": (
            slip(flow_log_prob, log_det=lambda s: -s.exp()), slip(flow_log_prob, log_det=lambda s: (-s).exp())),
        "the flow is run the wrong way: from x to z, subtract the shift, then divide by exp(s)":
            slip(flow_log_prob, second=lambda b, s, t: b * s.exp() + t),
        "the flow is run the wrong way: from x to z, subtract the shift, then divide by exp(s); the log-determinant of "
        "that way is -s": slip(flow_log_prob, second=lambda b, s, t: b * s.exp() + t, log_det=torch.clone),
        "multiplied by exp(s) where the way back divides": (
            slip(flow_log_prob, second=lambda b, s, t: (b - t) * s.exp()),
            slip(flow_log_prob, second=lambda b, s, t: (b - t) * s.exp(), log_det=torch.clone)),
        "undone in the wrong order: subtract the shift first, then divide":
            slip(flow_log_prob, second=lambda b, s, t: b * (-s).exp() - t),
        "s is taken for the scale; the scale is exp(s)": (
            slip(flow_log_prob, second=lambda b, s, t: (b - t) / s),
            slip(flow_log_prob, second=lambda b, s, t: (b - t) / s, log_det=lambda s: -s.abs().log())),
        "the shift is forgotten": slip(flow_log_prob, shift=lambda: torch.zeros_like),
        "the shift is added; the way back subtracts it": slip(flow_log_prob, shift=lambda shift: lambda a: -shift(a)),
        "x is scored as if it were z: undo the flow first": (
            slip(flow_log_prob, second=lambda b, s, t: b, log_det=torch.zeros_like),
            slip(flow_log_prob, second=lambda b, s, t: b)),
        "the first coordinate is moved, too; z^1 = x^1": (
            slip(flow_log_prob, first=_undone), slip(flow_log_prob, first=_undone, log_det=lambda s: -2 * s)),
        "the second coordinate's density is missing: x^2, given x^1, is normal, too": (
            slip(flow_log_prob, log_p=lambda z: _normal(z[:, 0]), log_det=torch.zeros_like),
            slip(flow_log_prob, log_p=lambda z: _normal(z[:, 0]))),
        "averaged over the two coordinates; their logarithms add up": (
            slip(flow_log_prob, log_p=lambda z: _normal(z).mean(-1)), slip(flow_log_prob, lambda log_p: log_p / 2)),
        "the first coordinate's own density is missing: z^1 = x^1 is normal, too":
            slip(flow_log_prob, log_p=lambda z: _normal(z[:, 1])),
        "the normaliser of the normal density is missing: -log(2 pi)/2 for each coordinate":
            slip(flow_log_prob, lambda log_p: log_p + math.log(2 * math.pi)),
        "the normaliser of the normal density is counted once; there are two coordinates":
            slip(flow_log_prob, lambda log_p: log_p + math.log(2 * math.pi) / 2),
        "the normaliser is log(2 pi) for each coordinate; it is half of that":
            slip(flow_log_prob, lambda log_p: log_p - math.log(2 * math.pi)),
        "the normaliser of the normal density has the wrong sign: it is -log(2 pi)/2 for each coordinate":
            slip(flow_log_prob, lambda log_p: log_p + 2 * math.log(2 * math.pi)),
        "the square is not halved": slip(flow_log_prob, log_p=lambda z: (_normal(z) - 0.5 * z**2).sum(-1)),
        "scale and shift are computed from the second coordinate; they see the first only": slip(flow_log_prob, seen=1),
        "the coordinates have changed places: the first is left alone, the second is moved":
            slip(flow_log_prob, x=lambda x: x.flip(-1)),
        "log_scale and shift have changed places":
            slip(flow_log_prob, log_scale=lambda shift: shift, shift=lambda log_scale: log_scale),
        "the log-determinant has lost its sign: it is -s, above 0 where the flow shrinks":
            slip(flow_log_prob, log_det=lambda s: -s.abs()),
        "the log-determinant is halved: it is no mean over the two coordinates, and exp(s) is the scale, not the "
        "variance":
            slip(flow_log_prob, log_det=lambda s: -s / 2),
        "the log-determinant is averaged over the batch; every point has its own":
            slip(flow_log_prob, log_det=lambda s: -s.mean()),
        "the log-determinant is added up over the batch; every point has its own":
            slip(flow_log_prob, log_det=lambda s: -s.sum()),
        "exp(s) is taken for the variance; it is the scale":
            slip(flow_log_prob, log_scale=lambda log_scale: lambda a: log_scale(a) / 2),
        "the scale is squared: exp(s) is the standard deviation, which a Normal takes, not exp(2 s)":
            slip(flow_log_prob, log_scale=lambda log_scale: lambda a: 2 * log_scale(a)),
        "the log-determinant is counted twice": slip(flow_log_prob, log_det=lambda s: -2 * s),
        "the sign is off: this is -log p": slip(flow_log_prob, lambda log_p: -log_p),
        "this is the density; asked is its logarithm": slip(flow_log_prob, lambda log_p: log_p.exp()),
        "averaged over the batch; every point has its own": slip(flow_log_prob, lambda log_p: log_p.mean()),
        "added up over the batch; every point has its own": slip(flow_log_prob, lambda log_p: log_p.sum()),
        "this is in bits; asked are nats": slip(flow_log_prob, lambda log_p: log_p / math.log(2)),
    }),
)


# 09-3: the bound of a VAE

def vae_bound(logits: Tensor, x: Tensor, mean: Tensor, log_var: Tensor, *, weight: float = 1.0,
              log_probs: Callable[[Tensor], Tensor] = lambda logits: logits.log_softmax(-1),
              fit: Callable[[Tensor], Tensor] = lambda log_p: log_p.sum(-1),
              twice_kl: Callable[[Tensor, Tensor], Tensor] = lambda mean, log_var: (
                  mean**2 + log_var.exp() - log_var - 1),
              kl: Callable[[Tensor], Tensor] = lambda kls: kls.sum(-1)) -> Tensor:
    """The bound; or with another weight of the KL, other log-probabilities of the bins, sum of those of x (B, n),
    twice the KL of a latent number, or sum of these KLs (B, number of latents)."""
    log_p = log_probs(logits).gather(-1, x[..., None]).squeeze(-1)
    return fit(log_p) - weight * kl(twice_kl(mean, log_var) / 2)


def _same_weight(paid: list[np.ndarray], due: list[np.ndarray]) -> bool:
    """True if all that is paid is due times one number, whatever that is."""
    ours, right = np.concatenate(paid), np.concatenate(due)
    return bool(np.isfinite(ours).all()) and close(ours, right * (ours @ right) / (right @ right))


def _vae_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 2, 5, dtype=torch.float64, generator=generator)
    x = torch.randint(5, (3, 2), generator=generator)
    mean, log_var = (torch.randn(3, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    wide, long = (torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in ((2, 3, 4), (3, 3, 4)))
    sharp = torch.tensor([[[-200.0, 0.0, 100.0], [0.0, 1.0, 0.5]], [[200.0, 0.0, 0.0], [0.0, -1.0, 0.3]]]).double()
    narrow = torch.tensor([[-40.0, 0.5], [55.0, 4.0]], dtype=torch.float64)
    return [Case((logits, x, mean, log_var), "batch of 3, n = 2, K = 5, four latent numbers"),
            Case((logits, x, mean, log_var), "the same batch of 3 again"),
            Case((wide, torch.tensor([[0, 3, 1], [2, 2, 0]]), mean[:2], log_var[:2]), "batch of 2, n = 3, K = 4"),
            Case((long, torch.tensor([[0, 3, 1], [2, 2, 0], [1, 0, 3]]), mean[:, :2], log_var[:, :2]),
                 "batch of 3, n = 3, K = 4, two latent numbers"),
            Case((logits[:1], x[:1], mean[:1, :1], log_var[:1, :1] - 1), "a single point, one latent number"),
            Case((logits[:2], x[:2], 0.1 * mean[:2], 0.1 * log_var[:2]), "an encoder near the prior"),
            Case((logits[:, :1], x[:, :1], mean, log_var), "n = 1"),
            Case((logits, x, 0 * mean, 0 * log_var), "an encoder that ignores x",
                 edge="where the encoder gives the prior the KL is 0"),
            Case((sharp, torch.tensor([[0, 1], [1, 2]]), mean[:2, :2], log_var[:2, :2]), "logits up to 300 apart",
                 edge="a bin's probability is down to exp(-300) here, and its logarithm is wanted as it is: take "
                      "log_softmax of the logits, without a clamp or an epsilon"),
            Case((logits, x, torch.zeros(3, 300).double(), torch.full((3, 300), -3.0).double()), "300 latent numbers",
                 edge="the product of so many variances is 0 for the computer: add up their logarithms"),
            Case((long + torch.tensor([0.0, 2000.0, -500.0]).double()[:, None, None], torch.tensor([[0, 3, 1]] * 3),
                  mean, log_var), "logits of one point 2,000 above those of another",
                 edge="each row of logits stands for itself, wherever it lies: only differences within it count"),
            Case((logits[:2], x[:2], mean[:2, :2], narrow), "a log_var of -40 and one of 55",
                 edge="where the variance is nearly 0, or huge, the KL is large: log_var is used as it is, without a "
                      "clamp or an epsilon")]


VAE_BOUND = Question(
    id="09-3-vae-bound",
    points=2,
    name="vae_bound",
    cases=_vae_cases,
    reference=vae_bound,
    misconceptions=mistakes({
        **_changing(0, 1),
        "the KL is added; it is subtracted: a bound *below* log p": slip(vae_bound, weight=-1.0),
        "the KL is missing: this is the reconstruction alone": slip(vae_bound, weight=0.0),
        "this is the KL alone; log p(x | z) is missing": slip(vae_bound, log_probs=torch.zeros_like, weight=-1.0),
        "this is minus the KL alone; log p(x | z) is missing": slip(vae_bound, log_probs=torch.zeros_like),
        "the sign is off: this is the loss, minus the bound": slip(vae_bound, lambda bound: -bound),
        "this is KL(p || q), of the prior from the encoder; it is KL(q || p)":
            slip(vae_bound, twice_kl=lambda mean, log_var: (mean**2 + 1) * (-log_var).exp() + log_var - 1),
        "the KL is not halved": slip(vae_bound, weight=2.0),
        "the KL is halved twice": slip(vae_bound, weight=0.5),
        "the KL has another weight than 1, as in the loss of a beta-VAE; in the bound it counts once":
            Shows(lambda cases, values: _same_weight(
                [vae_bound(*case.args, weight=0.0).numpy() - value for case, value in zip(cases, values, strict=True)],
                [(vae_bound(*case.args, weight=0.0) - vae_bound(*case.args)).numpy() for case in cases])),
        "a small KL is raised to a least value (\"free bits\"); in the bound every latent number pays its own": tuple(
            slip(vae_bound, twice_kl=lambda mean, log_var, least=least: (
                mean**2 + log_var.exp() - log_var - 1).clamp(min=2 * least)) for least in (0.1, 0.25, 0.5, 1.0, 2.0)),
        "a small KL is raised to a least value (\"free bits\"), the sum of a point's latent numbers; in the bound it "
        "counts as it is": tuple(slip(vae_bound, kl=lambda kls, least=least: kls.sum(-1).clamp(min=least))
                                 for least in (0.5, 1.0, 2.0, 3.0)),
        "the result holds NaN: log_var is a logarithm and may be negative; the variance is its exponential":
            somewhere(lambda value, *_: np.isnan(value).any()),
        "log_var is taken for the variance: its exponential is":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + log_var - log_var.abs().log() - 1),
        "log_var is taken for the logarithm of the standard deviation; it is that of the variance":
            slip(vae_bound, log_var=lambda log_var: 2 * log_var),
        "the variance is squared; it is exp(log_var), and log_var its logarithm":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + (2 * log_var).exp() - log_var - 1),
        "the term -1 of the KL is missing: it is 0 where the encoder gives the prior":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + log_var.exp() - log_var),
        "the 1 of the KL is subtracted once; it belongs to each latent number":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + log_var.exp() - log_var - 1 / mean.shape[1]),
        "the variance itself is missing in the KL: (mu^2 + sigma^2 - log sigma^2 - 1)/2":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 - log_var - 1),
        "the term -log sigma^2 is missing in the KL: (mu^2 + sigma^2 - log sigma^2 - 1)/2":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + log_var.exp() - 1),
        "the standard deviation stands where the variance belongs, exp(log_var)":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + (log_var / 2).exp() - log_var - 1),
        "the mean is not squared": slip(vae_bound, twice_kl=lambda mean, log_var: mean + log_var.exp() - log_var - 1),
        "the logarithm of the variance has the wrong sign in the KL":
            slip(vae_bound, twice_kl=lambda mean, log_var: mean**2 + log_var.exp() + log_var - 1),
        "the mean does not enter the KL": slip(vae_bound, mean=lambda mean: 0 * mean),
        "the logits are taken for log-probabilities: a log_softmax is missing":
            slip(vae_bound, log_probs=lambda logits: logits),
        "the probability is taken for its logarithm": slip(vae_bound, log_probs=lambda logits: logits.softmax(-1)),
        "the cross-entropy is added; log p(x | z) is minus the cross-entropy":
            slip(vae_bound, fit=lambda log_p: -log_p.sum(-1)),
        "the reconstruction is averaged over the coordinates; their logarithms add up":
            slip(vae_bound, fit=lambda log_p: log_p.mean(-1)),
        "the KL is averaged over the latent numbers; it adds up": slip(vae_bound, kl=lambda kls: kls.mean(-1)),
        "the bound is averaged over the coordinates; it is a sum": slip(vae_bound, lambda bound, x: bound / x.shape[1]),
        "only the first latent number pays its KL; add up over all": slip(vae_bound, kl=lambda kls: kls[:, 0]),
        "the KL is added up over the batch; every point has its own": slip(vae_bound, kl=torch.sum),
        "the KL is averaged over the batch; every point has its own":
            slip(vae_bound, kl=lambda kls: kls.sum(-1).mean()),
        "the cross-entropy is averaged over the batch and the coordinates (reduction='mean'); each point has its own "
        "sum": slip(vae_bound, fit=torch.mean),
        "the cross-entropy is added up over the batch; every point has its own": slip(vae_bound, fit=torch.sum),
        "the softmax runs over the coordinates; it belongs over the bins, the last dimension":
            slip(vae_bound, log_probs=lambda logits: logits.log_softmax(1)),
        "the softmax is taken twice: log_softmax and cross_entropy take the logits":
            slip(vae_bound, log_probs=lambda logits: logits.softmax(-1).log_softmax(-1)),
        "the logits are reshaped where their axes should change places: transpose(1, 2)":
            slip(vae_bound, logits=lambda logits: logits.reshape(logits.mT.shape).mT),
        "the probabilities are added up over the coordinates before the logarithm; add their logarithms":
            slip(vae_bound, fit=lambda log_p: log_p.exp().sum(-1).log()),
        "every bin is scored, not only the true one: gather x":
            slip(vae_bound, log_probs=lambda logits: logits.log_softmax(-1).sum(-1, keepdim=True).expand_as(logits)),
        "the likeliest bin is scored; score the true one: gather x":
            slip(vae_bound, x=lambda logits: logits.argmax(-1)),
        "averaged over the batch; every point has its own": slip(vae_bound, lambda bound: bound.mean()),
        "added up over the batch; every point has its own": slip(vae_bound, lambda bound: bound.sum()),
        "this is in bits; asked are nats": slip(vae_bound, lambda bound: bound / math.log(2)),
    }),
)


# 09-4: the two conditional fields

@dataclass(frozen=True)
class _Growth:
    """sigma(s) = low + (high - low) s^2: the noise of a variance exploding process, s from 0 (data) to 1 (noise)."""

    low: float
    high: float
    derivative: bool = False

    def __call__(self, s: float) -> Tensor:
        time = _checked(s)
        return 2 * (self.high - self.low) * time if self.derivative else self.low + (self.high - self.low) * time**2


@dataclass(frozen=True)
class _Straight:
    """sigma(s) = s."""

    derivative: bool = False

    def __call__(self, s: float) -> Tensor:
        time = _checked(s)
        return torch.ones_like(time) if self.derivative else time


@dataclass(frozen=True)
class _Decay:
    """alpha(s) = exp(-rate s^2): what the variance preserving process keeps of the data at s."""

    rate: float
    derivative: bool = False

    def __call__(self, s: float) -> Tensor:
        time = _checked(s)
        value = (-self.rate * time**2).exp()
        return -2 * self.rate * time * value if self.derivative else value


def _checked(s: float) -> Tensor:
    time = torch.as_tensor(s, dtype=torch.float64)
    if not bool(((time >= 0) & (time <= 1)).all()):
        raise ValueError(f"sigma and alpha take times in [0, 1], got {s}")
    return time


_Schedule = Callable[[float], Tensor]
_Field = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]    # of x, x1, and sigma or alpha with its derivative


def conditional_fields(x: Tensor, x1: Tensor, t: float, sigma: _Schedule, d_sigma: _Schedule, alpha: _Schedule,
                       d_alpha: _Schedule, *, clock: Callable[[float], float] = lambda t: 1 - t,
                       ve: _Field = lambda x, x1, sigma, slope: -slope / sigma * (x - x1),
                       vp: _Field = lambda x, x1, alpha, slope: slope / (1 - alpha**2) * (alpha * x - x1)) -> Tensor:
    """Both fields; or at another time than 1 - t, or with another formula of one of them."""
    s = clock(t)
    return torch.stack([ve(x, x1, sigma(s), d_sigma(s)), vp(x, x1, alpha(s), d_alpha(s))])


def _vp_of_parts(of: Callable[[Tensor, Tensor, Tensor], Tensor], **switches: _Field) -> Callable:
    """VP's field made of the velocities of its mean and of its noise, whose sum is right, and of alpha."""
    return slip(conditional_fields, vp=lambda x, x1, alpha, slope: of(
        -slope * x1, alpha * slope / (1 - alpha**2) * (x - alpha * x1), alpha), **switches)


def _reversed(schedule: _Schedule) -> _Schedule:
    return lambda s: schedule(1 - s)


def _field_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    x, x1 = (torch.randn(4, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    ve, vp = (_Growth(0.1, 5.0), _Growth(0.1, 5.0, True)), (_Decay(2.0), _Decay(2.0, True))
    wide, wide1 = (torch.randn(2, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    square, square1 = (torch.randn(3, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    slow, strong = (_Decay(0.7), _Decay(0.7, True)), (_Decay(6.0), _Decay(6.0, True))
    fine = _Growth(1e-6, 3.0), _Growth(1e-6, 3.0, True)
    return [Case((x, x1, 0.3, *ve, *vp), "four points, t = 0.3"),
            Case((x, x1, 0.3, *ve, *vp), "the same four points again"),
            Case((wide, wide1, 0.3, *fine, *slow), "two points of three numbers, t = 0.3, other schedules"),
            Case((x, x1, 0.8, *ve, *vp), "four points, t = 0.8"),
            Case((x[:1], x1[:1], 0.5, _Growth(0.2, 2.0), _Growth(0.2, 2.0, True), _Decay(0.7), _Decay(0.7, True)),
                 "one point, t = 0.5, other schedules"),
            Case((square, square1, 0.6, *ve, *slow), "three points of three numbers, t = 0.6"),
            Case((x, x1, 0.02, *ve, *strong), "t = 0.02, near the noise",
                 edge="alpha is nearly 0 there; use it as it is, without a clamp"),
            Case((x, x1, 0.97, _Straight(), _Straight(True), *slow), "t = 0.97, next to the data",
                 edge="sigma and 1 - alpha^2 are nearly 0 there; divide by them as they are, without a clamp or an "
                      "epsilon"),
            Case((x, x1, 0.92, *fine, *slow), "t = 0.92, near the data",
                 edge="sigma and 1 - alpha^2 are nearly 0 there; divide by them as they are, without a clamp or an "
                      "epsilon")]


CONDITIONAL_FIELDS = Question(
    id="09-4-conditional-fields",
    points=2,
    name="conditional_fields",
    cases=_field_cases,
    reference=conditional_fields,
    misconceptions=mistakes({
        "all paths go to the data point of the first one; each has its own x_1":
            slip(conditional_fields, x1=lambda x1: x1[:1].expand_as(x1)),
        "the score counts twice, as in the drift of the reverse SDE, which has noise beside it; the velocity with the "
        "noise held fixed has half of that": slip(
            conditional_fields, ve=lambda x, x1, sigma, slope: -2 * slope / sigma * (x - x1),
            vp=lambda x, x1, alpha, slope: -slope / alpha * x + 2 * slope / alpha * (x - alpha * x1) / (1 - alpha**2)),
        **_changing(0, 1),
        "sigma and alpha are taken at t; the path runs from noise (t = 0) to data (t = 1), so they are taken at 1 - t":
            slip(conditional_fields, clock=lambda t: t),
        "the sign of VE: sigma falls along the path, so with d(1 - t)/dt = -1 the field points to x_1":
            slip(conditional_fields, ve=lambda x, x1, sigma, slope: slope / sigma * (x - x1)),
        "the sign of VP: alpha' is taken at 1 - t, and d(1 - t)/dt = -1 (the chain rule)":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: -slope / (1 - alpha**2) * (alpha * x - x1)),
        "both signs are off: the derivative with respect to t is minus that with respect to 1 - t":
            slip(conditional_fields, lambda fields: -fields),
        "this is the way from data to noise: take the four functions at 1 - t, and mind the chain rule, "
        "d(1 - t)/dt = -1": slip(conditional_fields, lambda fields: -fields, clock=lambda t: t),
        "these are the scores; asked are the velocities":
            slip(conditional_fields, ve=lambda x, x1, sigma, slope: -(x - x1) / sigma**2,
                 vp=lambda x, x1, alpha, slope: -(x - alpha * x1) / (1 - alpha**2)),
        "this is the velocity of a straight line, (x_1 - x) / (1 - t); differentiate these two paths":
            slip(conditional_fields, lambda fields, x, x1, t: ((x1 - x) / (1 - t)).expand_as(fields)),
        "epsilon = (x - mean) / std: the division by std is missing":
            _vp_of_parts(lambda mean, noise, alpha: mean + noise * (1 - alpha**2).sqrt(),
                         ve=lambda x, x1, sigma, slope: -slope * (x - x1)),
        "VE is right; in VP epsilon = (x - alpha x_1) / std, and the division by std is missing":
            _vp_of_parts(lambda mean, noise, alpha: mean + noise * (1 - alpha**2).sqrt()),
        "the two have changed places: VE first, then VP": slip(conditional_fields, lambda fields: fields.flip(0)),
        "VE lacks the division by sigma": slip(conditional_fields, ve=lambda x, x1, sigma, slope: -slope * (x - x1)),
        "VE divides by the variance, sigma^2; by sigma":
            slip(conditional_fields, ve=lambda x, x1, sigma, slope: -slope / sigma**2 * (x - x1)),
        "VE lacks the derivative of sigma": slip(conditional_fields, ve=lambda x, x1, sigma, slope: -(x - x1) / sigma),
        "this VE field is the derivative of sigma^2, twice too large":
            slip(conditional_fields, ve=lambda x, x1, sigma, slope: -2 * slope / sigma * (x - x1)),
        "VE forgets to subtract x_1": slip(conditional_fields, ve=lambda x, x1, sigma, slope: -slope / sigma * x),
        "VP divides by 1 - alpha; by 1 - alpha^2, the variance":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (1 - alpha) * (alpha * x - x1)),
        "VP divides by the standard deviation; by the variance, 1 - alpha^2":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (1 - alpha**2).sqrt() * (alpha * x - x1)),
        "VP lacks the division by 1 - alpha^2":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope * (alpha * x - x1)),
        "alpha stands with x in VP, not with x_1, once both terms of the velocity are put together":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (1 - alpha**2) * (x - alpha * x1)),
        "alpha stands with x in VP, not with x_1: both have it here":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (1 - alpha**2) * alpha * (x - x1)),
        "VP lacks the derivative of alpha":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: (alpha * x - x1) / (1 - alpha**2)),
        "VP lacks the alpha that multiplies x":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (1 - alpha**2) * (x - x1)),
        "x and x_1 have changed places": slip(conditional_fields, x=lambda x1: x1, x1=lambda x: x),
        "VP moves the noise only: the mean, alpha x_1, moves too": _vp_of_parts(lambda mean, noise, alpha: noise),
        "VP moves the mean only: the noise shrinks, too": _vp_of_parts(lambda mean, noise, alpha: mean),
        "one part of VP lacks the sign of the chain rule, d(1 - t)/dt = -1: mean and standard deviation both depend on "
        "1 - t": (_vp_of_parts(lambda mean, noise, alpha: mean - noise),
                  _vp_of_parts(lambda mean, noise, alpha: noise - mean)),
        "the derivative of VP's standard deviation, sqrt(1 - alpha^2), lacks its inner factor alpha: it is "
        "-alpha alpha' / sqrt(1 - alpha^2)": _vp_of_parts(lambda mean, noise, alpha: mean + noise / alpha),
        "the derivative of VP's standard deviation, sqrt(1 - alpha^2), is twice too large: it is "
        "-alpha alpha' / sqrt(1 - alpha^2)": _vp_of_parts(lambda mean, noise, alpha: mean + 2 * noise),
        "VP takes alpha for the square of the mean's factor; the mean is alpha x_1, the variance 1 - alpha^2":
            slip(conditional_fields, vp=lambda x, x1, alpha, slope: slope / (2 * alpha.sqrt() * (1 - alpha)) * (
                alpha.sqrt() * x - x1)),
        "the derivatives are taken at t; all four functions are taken at 1 - t":
            slip(conditional_fields, d_sigma=lambda d_sigma: _reversed(d_sigma),
                 d_alpha=lambda d_alpha: _reversed(d_alpha)),
        "VE is right; VP is taken at t in place of 1 - t":
            slip(conditional_fields, alpha=lambda alpha: _reversed(alpha), d_alpha=lambda d_alpha: _reversed(d_alpha)),
        "VP is right; VE is taken at t in place of 1 - t":
            slip(conditional_fields, sigma=lambda sigma: _reversed(sigma), d_sigma=lambda d_sigma: _reversed(d_sigma)),
        "sigma and alpha are those of an earlier call at the same time; every call brings its own functions":
            Shows(lambda cases, values: close(values[2], conditional_fields(
                *cases[2].args[:3], *cases[0].args[3:]).numpy())),
        "the variances are differentiated, and divided by variances: the noise moves twice too fast. It is std'/std":
            _vp_of_parts(lambda mean, noise, alpha: mean + 2 * noise,
                         ve=lambda x, x1, sigma, slope: -2 * slope / sigma * (x - x1)),
        "near the fields, but not them: is a difference quotient taken? The derivatives are given, and exact":
            against(conditional_fields, lambda value, right: np.allclose(value, right, rtol=0.06,
                                                                         atol=0.06 * abs(right).max())),
        "VE is right, VP is not: its field is alpha' / (1 - alpha^2) (alpha x - x_1), all at 1 - t":
            agreeing(conditional_fields, 0),
        "VP is right, VE is not: its field is -sigma' / sigma (x - x_1), all at 1 - t": agreeing(conditional_fields, 1),
    }),
)


# 09-5: total variation and its floor

def _variation(p: Tensor, shares: Tensor) -> Tensor:
    return (shares - p).abs().sum() / 2


def _floor_of(deviation: Callable[[Tensor, int, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Half the sum over the outcomes of what the deviation, of (k, N, p) with k = 0..N, is on average."""
    def floor(p: Tensor, counts: Tensor) -> Tensor:
        num = int(counts.sum())
        k, p = torch.arange(num + 1, dtype=torch.float64), p[:, None]
        log_chance = _log_choose(k, num) + torch.special.xlogy(k, p) + torch.special.xlog1py(num - k, -p)
        return (log_chance.exp() * deviation(k, num, p)).sum() / 2
    return floor


def _log_choose(k: Tensor, num: int) -> Tensor:
    return math.lgamma(num + 1) - torch.lgamma(k + 1) - torch.lgamma(num - k + 1)


_floor = _floor_of(lambda k, num, p: (k / num - p).abs())
_squares_floor = _floor_of(lambda k, num, p: (k / num - p) ** 2)


def _standard_deviations(p: Tensor, counts: Tensor) -> Tensor:
    """The floor with standard deviations in the place of mean absolute ones."""
    return (p * (1 - p) / counts.sum()).sqrt().sum() / 2


def tv_and_floor(p: Tensor, counts: Tensor, *, variation: Callable[[Tensor, Tensor], Tensor] = _variation,
                 floor: Callable[[Tensor, Tensor], Tensor] = _floor) -> Tensor:
    """Both numbers; or another distance of p from counts / N, or another floor of (p, counts)."""
    return torch.stack([variation(p, counts / counts.sum()), floor(p, counts)])


def _variation_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(6, dtype=torch.float64, generator=generator) + 0.05
    p = p / p.sum()
    many = torch.rand(60, dtype=torch.float64, generator=generator) + 0.05
    many[7] = 6 * many.sum()                                                       # so that C = N = 50 is not rare
    drawn = torch.multinomial(many, 50, replacement=True, generator=generator)
    return [Case((p, torch.tensor([9, 2, 0, 14, 6, 9])), "K = 6, N = 40"),
            Case((p, torch.tensor([9, 2, 0, 14, 6, 9])), "K = 6, N = 40, again"),
            Case((many / many.sum(), torch.bincount(drawn, minlength=60)), "K = 60, N = 50"),
            Case((p[:3] / p[:3].sum(), torch.tensor([0, 1, 0])), "K = 3, N = 1"),
            Case((p[:4] / p[:4].sum(), torch.tensor([1, 5, 2, 4])), "K = 4, N = 12"),
            Case((p[2:] / p[2:].sum(), torch.tensor([3, 3, 4, 2])), "K = 4, N = 12, another truth"),
            Case((torch.tensor([0.5, 0.5, 0.0]).double(), torch.tensor([1, 1, 0])), "K = 3, N = 2"),
            Case((torch.tensor([1.0, 0.0]).double(), torch.tensor([1, 1])), "K = 2, an impossible outcome came up",
                 edge="what should not come up counts in the total variation"),
            Case((torch.tensor([1.0, 0.0]).double(), torch.tensor([5, 0])), "K = 2, a certain outcome",
                 edge="a certain outcome always comes up: both numbers are 0")]


TV_AND_FLOOR = Question(
    id="09-5-tv-and-floor",
    points=3,
    name="tv_and_floor",
    cases=_variation_cases,
    reference=tv_and_floor,
    misconceptions=mistakes({
        **_changing(0, 1),
        "both are half of what is asked: is 1/2 in them twice? The positive deviations alone are half of the sum":
            slip(tv_and_floor, lambda both: both / 2),
        "the factor 1/2 is missing in both": slip(tv_and_floor, lambda both: 2 * both),
        "the factor 1/2 is missing in the total variation; the floor is right":
            slip(tv_and_floor, variation=lambda p, shares: 2 * _variation(p, shares)),
        "the factor 1/2 is missing in the floor; the total variation is right":
            slip(tv_and_floor, floor=lambda p, counts: 2 * _floor(p, counts)),
        "the floor is that of a normal approximation; the counts are small, so sum over the binomial distribution":
            slip(tv_and_floor, floor=lambda p, counts: math.sqrt(2 / math.pi) * _standard_deviations(p, counts)),
        "the floor holds NaN where p is 0 or 1: 0 log 0 counts as 0 (torch.xlogy), and 0**0 is 1":
            somewhere(lambda value, *_: np.isnan(value[1])),
        "both are right, except the floor where p is 0 or 1: C is 0 or N there, for certain. With 0**0 = 1, or "
        "torch.xlogy, p can be taken as it is, without a clamp or an epsilon": Shows(lambda cases, values: all(
            close(value[0], right[0]) and close(value[1], right[1]) == bool((case.args[0] > 0).all())
            for case, value in zip(cases, values, strict=True) for right in [tv_and_floor(*case.args).numpy()])),
        "the floor lacks the binomial coefficients, math.comb(N, k)": slip(tv_and_floor, floor=_floor_of(
            lambda k, num, p: (k / num - p).abs() / _log_choose(k, num).exp())),
        "the floor lacks the factor (1 - p)**(N - k) of the binomial probabilities": slip(tv_and_floor, floor=_floor_of(
            lambda k, num, p: (k / num - p).abs() * torch.where(p < 1, (1 - p) ** (k - num), 1))),
        "the floor leaves out C = N: there are N + 1 values, 0 to N":
            slip(tv_and_floor, floor=_floor_of(lambda k, num, p: (k / num - p).abs() * (k < num))),
        "the floor leaves out C = 0: there are N + 1 values, 0 to N":
            slip(tv_and_floor, floor=_floor_of(lambda k, num, p: (k / num - p).abs() * (k > 0))),
        "the floor compares counts with p: C is divided by N first":
            slip(tv_and_floor, floor=_floor_of(lambda k, num, p: (k - p).abs())),
        "the floor is in counts: |C - N p| is divided by N":
            slip(tv_and_floor, floor=_floor_of(lambda k, num, p: (k - num * p).abs())),
        "the floor adds up variances; asked are mean *absolute* deviations": slip(tv_and_floor, floor=_squares_floor),
        "the squares of the differences are added up, in both; take absolute values": slip(
            tv_and_floor, variation=lambda p, shares: (shares - p).square().sum() / 2, floor=_squares_floor),
        "the floor weighs the outcomes by p; each mean deviation counts the same":
            slip(tv_and_floor, floor=_floor_of(lambda k, num, p: p * (k / num - p).abs())),
        "the floor adds up standard deviations; asked are mean *absolute* deviations, which are smaller":
            slip(tv_and_floor, floor=_standard_deviations),
        "the floor adds up standard deviations, without the 1/2; asked are mean *absolute* deviations":
            slip(tv_and_floor, floor=lambda p, counts: 2 * _standard_deviations(p, counts)),
        "the floor is taken from the samples; it belongs to p: what N *true* samples would show":
            slip(tv_and_floor, floor=lambda p, counts: _floor(counts / counts.sum(), counts)),
        "the floor draws its counts from the samples' shares, counts / N; the true samples come from p":
            slip(tv_and_floor, floor=lambda p, counts: _floor_of(lambda k, num, share: (k / num - p[:, None]).abs())(
                counts / counts.sum(), counts)),
        "the floor is 0 here: the absolute value belongs inside the mean, or the deviations cancel":
            slip(tv_and_floor, floor=lambda p, counts: 0 * p.sum()),
        "both are 0 here: without absolute values the differences cancel": slip(tv_and_floor, lambda both: 0 * both),
        "the floor takes all outcomes for equally likely; each has its own p":
            slip(tv_and_floor, floor=lambda p, counts: _floor(torch.full_like(p, 1 / len(p)), counts)),
        "outcomes that never came up are left out; they deviate from p, too":
            slip(tv_and_floor, p=lambda p, counts: p[counts > 0], counts=lambda counts: counts[counts > 0]),
        "the floor is 1/sqrt(N): that is how it falls, not what it is":
            slip(tv_and_floor, floor=lambda p, counts: 1 / counts.sum().sqrt()),
        "the deviations are averaged over the outcomes; they add up": (
            slip(tv_and_floor, lambda both, p: 2 * both / len(p)), slip(tv_and_floor, lambda both, p: both / len(p))),
        "the squares of the differences are added up; total variation takes absolute values":
            slip(tv_and_floor, variation=lambda p, shares: (shares - p).square().sum() / 2),
        "the root of the sum of squares is another distance; total variation takes absolute values":
            slip(tv_and_floor, variation=lambda p, shares: (shares - p).square().sum().sqrt()),
        "this is the largest difference of one outcome; total variation adds up all, and halves":
            slip(tv_and_floor, variation=lambda p, shares: (shares - p).abs().max()),
        "the counts are compared with p before they are divided by N":
            lambda p, counts: torch.stack([_variation(p, counts), _floor(p, counts)]),
        "these are in counts; divide by N": slip(tv_and_floor, lambda both, counts: counts.sum() * both),
        "the differences have lost their absolute values, so that they cancel":
            slip(tv_and_floor, variation=lambda p, shares: (shares - p).sum() / 2),
        "the floor comes first here; asked is the total variation, then the floor":
            slip(tv_and_floor, lambda both: both.flip(0)),
        "the floor is subtracted from the total variation; leave both as they are":
            slip(tv_and_floor, lambda both: torch.stack([both[0] - both[1], both[1]])),
        "this is the ratio of the two; asked are both": slip(tv_and_floor, lambda both: both[0] / both[1]),
        "this is the KL; asked is the total variation": slip(
            tv_and_floor, variation=lambda p, shares: torch.special.xlogy(shares, shares / p)[shares > 0].sum()),
        "the floor has the number of outcomes for N; N is the number of samples":
            slip(tv_and_floor, floor=lambda p, counts: _floor(p, torch.tensor(len(p)))),
        "N is the number of samples, the sum of the counts; here it is the number of outcomes":
            lambda p, counts: torch.stack([_variation(p, counts / len(p)), _floor(p, torch.tensor(len(p)))]),
        "the floor has N = 50; N is the sum of the counts":
            slip(tv_and_floor, floor=lambda p, counts: _floor(p, torch.tensor(50))),
        "the floor is right, the total variation is not: half the sum of |counts / N - p|": agreeing(tv_and_floor, 1),
        "the total variation is right, the floor is near but not exact. It is the sum over the N + 1 values of the "
        "binomial distribution, with the p that was given, as it is: nothing is drawn, approximated or clamped":
            agreeing(tv_and_floor, rtol=np.array([1e-4, 0.1])),
        "the total variation is right, the floor is not: (1/2) sum over the outcomes of E|C/N - p|, with "
        "C ~ Binomial(N, p)": agreeing(tv_and_floor, 0),
    }),
)


# 09-6: a place on the trilemma

def place(samples: Tensor, p: Tensor, modes: Tensor, num_calls: int, *,
          quality: Callable[[Tensor, Tensor], Tensor] = lambda shares, due: shares.sum(),
          covered: Callable[[Tensor, Tensor], Tensor] = lambda shares, due: shares >= due / 2,
          speed: Callable[[int], float] = lambda calls: 1 / calls) -> Tensor:
    """Quality, coverage (the mean of `covered`) and speed; or others, of the modes' shares, what is due, and calls."""
    frequency = torch.bincount(samples, minlength=len(p)).double() / len(samples)
    shares, due = modes.double() @ frequency, modes.double() @ p
    return torch.tensor([quality(shares, due), covered(shares, due).double().mean(), speed(num_calls)],
                        dtype=torch.float64)


def _coverage_of_outcomes(of: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """Coverage as the mean of `of`, of which outcomes have half of their due, and the modes."""
    def wrong(right: Tensor, samples: Tensor, p: Tensor, modes: Tensor) -> Tensor:
        enough = torch.bincount(samples, minlength=len(p)) / len(samples) >= p / 2
        return torch.stack([right[0], of(enough, modes).double().mean(), right[2]])
    return slip(place, wrong)


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
    apart = torch.tensor([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]]).bool()
    three = torch.tensor([340.0, 300, 20, 150, 100, 50, 30, 4, 6]).double() / 1000
    crowd = torch.repeat_interleave(torch.arange(9), torch.tensor([1503, 701, 40, 302, 151, 203, 85, 3, 12]))
    return [Case((counted([8, 0, 10, 10, 0, 0, 10, 5, 10, 3, 0, 8]), even, modes, 8), "64 samples, 8 calls"),
            Case((counted([9, 0, 5, 3, 0, 0, 5, 1, 5, 0, 0, 4]), uneven, modes, 2), "32 samples, 2 calls"),
            Case((drawn([1.0, 1.0, 0.0, 0.3], 500), p, modes, 1), "a fast one: 500 samples, 1 call"),
            Case((drawn([1.0, 1.2, 0.9, 1.1], 400), p, modes, 50), "a slow one: 400 samples, 50 calls"),
            Case((drawn([0.2, 2.0, 0.0, 0.0], 300), p, modes, 4), "a third: 300 samples, 4 calls"),
            Case((crowd, three, modes[:3, :9], 25), "3000 samples, three modes, one of them rare, 25 calls"),
            Case((torch.tensor([1, 1, 3, 1, 3, 4]), torch.tensor([0.3, 0.2, 0.3, 0.1, 0.1]).double(), apart, 3),
                 "modes of outcomes that are no neighbours", edge="a mode is a set of outcomes, not an interval"),
            Case((torch.tensor([0, 1, 0, 0]), p, modes, 2), "all that is drawn lies in the first mode",
                 edge="a mode of which nothing is drawn counts among the modes, as not covered"),
            Case((torch.tensor([0, 1, 1, 0]), torch.tensor([0.5, 0.5 - 1e-9, 1e-9]).double(), torch.eye(3).bool(), 5),
                 "a mode of probability 1e-9", edge="a rare mode of which nothing is drawn is not covered"),
            Case((torch.tensor([2, 6, 8]), p, modes, 2), "nothing of what is drawn lies in a mode",
                 edge="quality and coverage can be 0")]


PLACE = Question(
    id="09-6-place",
    points=1,
    name="place",
    cases=_place_cases,
    reference=place,
    misconceptions=mistakes({
        "quality is taken from p; it is the share of the *samples* that lie in some mode":
            slip(place, quality=lambda shares, due: due.sum()),
        "quality is divided by what is due; asked is the share of the samples":
            slip(place, quality=lambda shares, due: shares.sum() / due.sum()),
        "quality is the share outside the modes": slip(place, quality=lambda shares, due: 1 - shares.sum()),
        "quality is averaged over the modes; the shares add up": slip(place, quality=lambda shares, due: shares.mean()),
        "coverage asks for more than half of what is due; exactly half is enough":
            slip(place, covered=lambda shares, due: shares > due / 2),
        "coverage divides by the number of samples in modes; what is due is a share of *all* samples":
            slip(place, covered=lambda shares, due: shares / shares.sum() >= due / 2),
        "coverage divides what is due by the probability of all modes; due is a mode's probability under p itself":
            slip(place, covered=lambda shares, due: shares >= due / due.sum() / 2),
        "coverage asks every outcome of a mode for half of its due; asked is the mode as a whole":
            _coverage_of_outcomes(lambda enough, modes: (enough | ~modes).all(1)),
        "coverage counts outcomes; asked is the share of the *modes*": (
            _coverage_of_outcomes(lambda enough, modes: enough[modes.any(0)]),
            _coverage_of_outcomes(lambda enough, modes: enough)),
        "coverage counts every mode that was drawn at all (or compares counts with probabilities); at least half of "
        "what is due is asked": slip(place, covered=lambda shares, due: shares > 0),
        "outcomes of no mode are counted as if they were in one (argmax, say, gives 0 where no entry is true)":
            slip(place, modes=lambda modes: torch.cat([modes[:1] | ~modes.any(0), modes[1:]])),
        "coverage asks for all that is due; half of it is enough":
            slip(place, covered=lambda shares, due: shares >= due),
        "coverage compares with 1/2; with half of what is due to each mode":
            slip(place, covered=lambda shares, due: shares >= 0.5),
        "coverage takes the same share for every mode; p gives each its own":
            slip(place, covered=lambda shares, due: shares >= 0.5 / len(due)),
        "coverage is a number of modes; asked is their share":
            slip(place, covered=lambda shares, due: len(due) * (shares >= due / 2)),
        "coverage weighs the modes by p; each counts the same":
            slip(place, covered=lambda shares, due: (shares >= due / 2) * due / due.mean()),
        "coverage is the share of modes that are *lost*": slip(place, covered=lambda shares, due: shares < due / 2),
        "speed is the number of calls; asked is 1 over it": slip(place, speed=lambda calls: calls),
        "speed counts the samples: calls are per sample, 1 / num_calls is asked": (
            slip(place, num_calls=lambda num_calls, samples: num_calls / len(samples)),
            slip(place, num_calls=lambda num_calls, samples: num_calls * len(samples))),
        "speed is rounded to a whole number: 1 / num_calls, not 1 // num_calls":
            slip(place, speed=lambda calls: 1 // calls),
        "quality and coverage are in percent; asked are shares, from 0 to 1":
            slip(place, lambda right: right * torch.tensor([100, 100, 1])),
        "quality and coverage have changed places": slip(place, lambda right: right[[1, 0, 2]]),
        "the order is quality, coverage, speed": slip(place, lambda right: right.flip(0)),
        "quality is in counts; divide by the number of samples":
            slip(place, lambda right, samples: right * torch.tensor([len(samples), 1, 1])),
        "quality counts a repeated sample once; every sample counts": lambda samples, *others: torch.cat(
            [place(samples.unique(), *others)[:1], place(samples, *others)[1:]]),
        "a repeated sample counts once here: every sample counts":
            slip(place, samples=lambda samples: samples.unique()),
        "quality is wrong, coverage and speed are right: the share of samples in any of the modes":
            agreeing(place, [1, 2]),
        "coverage is wrong, quality and speed are right: the share of modes with at least half of what is due":
            agreeing(place, [0, 2]),
        "speed is wrong, quality and coverage are right: 1 / num_calls": agreeing(place, [0, 1]),
    }),
)

QUESTIONS = (LOG_LIKELIHOOD, FLOW_LOG_PROB, VAE_BOUND, CONDITIONAL_FIELDS, TV_AND_FLOOR, PLACE)
