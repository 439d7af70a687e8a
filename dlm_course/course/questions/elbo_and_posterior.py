"""Topic 03: the posterior by Bayes, categorical KL, the mixture, the bound part by part, the model's likelihood."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import cross_entropy, entropy
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition
from dlm_course.course.questions.mistakes import Shows, against, close, everywhere, mistakes, slip, somewhere
from dlm_course.course.questions.question import Case, Question

# Every task is tried on random chains whose matrices differ from step to step, on one with zeros, and on the absorbing
# chain. Symmetric ones are left out: they hide the transpose.
#
# The references are as lenient as a student's own function would be, since later tasks may call them: a pair that
# cannot meet has the posterior 0/0, and no sum is checked.


def _chain(seed: int, num_steps: int, num_states: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    matrices = torch.rand(num_steps, num_states, num_states, dtype=torch.float64, generator=generator) ** 2 + 0.02
    return matrices / matrices.sum(1, keepdim=True)


def _sparse_chain(seed: int) -> Tensor:
    """Some steps impossible: state 0 never comes from state 1, and state 2 never from state 0."""
    matrices = _chain(seed + 50, 3, 4)
    matrices[:, 0, 1] = matrices[:, 2, 0] = 0
    return matrices / matrices.sum(1, keepdim=True)


def _rare(Q: Tensor, state: int, t: int, share: float) -> Tensor:
    """This chain, in which hardly anything comes to the state at step t.

    Not below 1e-11 in all where it is normalised: torch's `normalize`, a right answer, divides by 1e-12 at least.
    """
    Q = Q.clone()
    Q[t - 1, state] *= share
    return Q / Q.sum(1, keepdim=True)


def _single(*args: Any) -> tuple[Any, ...]:
    """These arguments in float32."""
    return tuple(arg.float() if isinstance(arg, Tensor) else arg for arg in args)


_ANOTHER_CHAIN = "the result belongs to the matrices of this call: keep nothing from the calls before"
_RARE = ("small probabilities count like all others. Is there a threshold, a clamp, a number that is added, or a "
         "product that underflows?")
_SINGLE = "the arguments may be float32: create tensors with the dtype of what was given"


def _absorbing(num_steps: int) -> Tensor:
    return AbsorbingTransition(3, Schedule.cosine(num_steps)).step_matrix(torch.arange(1, num_steps + 1))


def _product(factors: Tensor) -> Tensor:
    """The matrix of these steps, the first of which acts first; of none, the identity."""
    product = torch.eye(factors.shape[-1], dtype=factors.dtype)
    for matrix in factors:
        product = matrix @ product
    return product


# A vector over the states that belongs to Q, a state and a step. Those below stand for q(x_s | x_0), the first rightly.
_Law = Callable[[Tensor, int, int], Tensor]


def _of_factors(factors: Callable[[Tensor, int], Tensor]) -> _Law:
    """Column x_0 of the product of these matrices, factors(Q, s)."""
    return lambda Q, x0, s: _product(factors(Q, s))[:, x0]


_marginal = _of_factors(lambda Q, s: Q[:s])
_in_wrong_order = _of_factors(lambda Q, s: Q[:s].flip(0))


def _read_by_row(Q: Tensor, x0: int, s: int) -> Tensor:
    return _product(Q[:s])[x0]


def _carried_as_row(Q: Tensor, x0: int, s: int) -> Tensor:
    return _product(Q[:s].flip(0))[x0]


# 03-1: where did it come from?

def _normalised(joint: Tensor) -> Tensor:
    return joint / joint.sum()


def posterior(Q: Tensor, xt: int, x0: int, t: int, *, likelihood: _Law = lambda Q, xt, t: Q[t - 1][xt],
              prior: _Law = _marginal, finish: Callable[[Tensor], Tensor] = _normalised) -> Tensor:
    """Bayes' rule; or with another likelihood (Q, xt, t) or prior (Q, x0, t - 1), or not normalised."""
    return finish(likelihood(Q, xt, t) * prior(Q, x0, t - 1))


def _posterior_cases(seed: int) -> list[Case]:
    general, sparse = _chain(seed, 4, 4), _sparse_chain(seed)
    return [Case((general, 1, 2, 3), "random Q, K = 4, t = 3"),
            Case((general, 3, 0, 4), "random Q, K = 4, t = T = 4"),
            Case((general, 1, 1, 2), "random Q, K = 4, t = 2, x_t = x_0"),
            Case((sparse, 2, 1, 2), "Q with zeros, K = 4, t = 2"),
            Case((_absorbing(5), 2, 0, 3), "absorbing, K = 3, x_t masked, t = 3"),
            Case((_absorbing(5), 1, 1, 4), "absorbing, K = 3, x_t visible, t = 4"),
            Case((sparse, 0, 1, 3), "Q with zeros, K = 4, t = T = 3"),
            Case((general, 2, 1, 1), "t = 1", edge="at t = 1 the state before is x_0 itself: Q_{1:0} is the identity"),
            Case((_chain(seed + 70, 4, 4), 1, 2, 3), "another Q of the same size, t = 3", edge=_ANOTHER_CHAIN),
            Case((_rare(general, 1, 3, 1e-10), 1, 2, 3), "x_t of a probability near 1e-11", edge=_RARE),
            Case(_single(general, 3, 2, 4), "Q in float32", edge=_SINGLE)]


def _column(Q: Tensor, xt: int, t: int) -> Tensor:
    return Q[t - 1][:, xt]


_not_normalised = slip(posterior, finish=torch.clone)
_with_column = slip(posterior, likelihood=_column)
_with_states_exchanged = slip(posterior, xt=lambda x0: x0, x0=lambda xt: xt)
def _close_or_0(law: np.ndarray, other: np.ndarray) -> bool:
    """The same; or 0, by a guard, where the other is 0/0."""
    return close(law, other) or bool(np.isnan(other).all() and (law == 0).all())


_no_entry_above_0 = everywhere(lambda law, *_: (law <= 0).all())
_all_0 = somewhere(lambda law, *_: (law == 0).all())
_does_not_sum_to_1 = somewhere(lambda law, *_: np.isfinite(law).all() and abs(law.sum() - 1) > 1e-3)

POSTERIOR = Question(
    id="03-1-posterior",
    points=3,
    name="posterior",
    cases=_posterior_cases,
    reference=posterior,
    misconceptions=mistakes({
        "this uses Q_t x_t, the column of x_t, as the slide prints it: where x_t would go. How well each x_{t-1} "
        "explains x_t stands in the *row*, Q_t^T x_t":
            lambda Q, xt, x0, t: _column(Q, xt, t) * _marginal(Q, x0, t - 1) / _marginal(Q, x0, t)[xt],
        "this uses Q_t x_t, the column of x_t, as the slide prints it, and normalises the result. How well each "
        "x_{t-1} explains x_t stands in the *row*, Q_t^T x_t": _with_column,
        "a product of the right row and column, but it does not sum to 1: divide by its sum, which is q(x_t | x_0)":
            _not_normalised,
        "the prior is Q_{1:t} x_0 here, the state at t; it is that of the state at t-1, Q_{1:t-1} x_0": (
            slip(posterior, prior=_of_factors(lambda Q, s: Q[:s + 1])),
            lambda Q, xt, x0, t: Q[t - 1][xt] * _marginal(Q, x0, t) / _marginal(Q, x0, t)[xt]),
        "the prior is one matrix short: Q_{1:t-1} has t-1 factors, Q[0] to Q[t - 2]":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[:max(s - 1, 0)])),
        "Q_{1:t-1} is multiplied in the wrong order: the first step acts first, so Q_1 stands rightmost":
            slip(posterior, prior=_in_wrong_order),
        "Q_{1:t-1} is read by its row: what x_0 becomes stands in *column* x_0": slip(posterior, prior=_read_by_row),
        "x_0 is carried as a row, law @ Q[s]; it is a column, and a step is Q[s] @ law":
            slip(posterior, prior=_carried_as_row),
        "row and column are exchanged: it is *row* x_t of Q_t times *column* x_0 of Q_{1:t-1}":
            against(slip(posterior, likelihood=_column, prior=_read_by_row), _close_or_0),
        "every matrix is transposed: Q[s][i, j] is the way from j to i":
            against(slip(posterior, Q=lambda Q: Q.mT), _close_or_0),
        "the prior takes the t-1 times power of one matrix; the matrices differ from step to step":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[s:s + 1].repeat(s, 1, 1))),
        "the prior takes the power of Q_1; the matrices differ from step to step":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[:1].repeat(s, 1, 1))),
        "Q_1 is missing from the prior: Q_{1:t-1} has t-1 factors, Q[0] to Q[t - 2]":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[1:s])),
        "the prior is carried through Q[1] to Q[t - 1]; the factors of Q_{1:t-1} are Q[0] to Q[t - 2]":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[1:s + 1])),
        "the prior is that of one step, Q_{t-1} x_0; it needs all of them, Q_{1:t-1} x_0":
            slip(posterior, prior=_of_factors(lambda Q, s: Q[s - 1:s])),
        "Q[t - 2] is Q_{t-1}: the likelihood of x_t is row x_t of Q_t, which is Q[t - 1]":
            slip(posterior, likelihood=lambda Q, xt, t: Q[t - 2][xt]),
        "the likelihood is row x_t of the whole product Q_{1:t}; from x_{t-1} it is one step, Q_t":
            slip(posterior, likelihood=_read_by_row),
        "x_t and x_0 are exchanged": against(_with_states_exchanged, _close_or_0),
        "x_0 does not enter: the prior starts uniform; start it with the one-hot vector of x_0":
            slip(posterior, prior=lambda Q, x0, s: _product(Q[:s]).mean(1)),
        "this is the likeliest state, one-hot (argmax); asked is the whole distribution":
            slip(posterior, lambda law: (law == law.max()).double()),
        "this is Q_{1:t-1} x_0, what one knows *before* looking at x_t; multiply by the likelihood Q_t^T x_t":
            lambda Q, xt, x0, t: _marginal(Q, x0, t - 1),
        "this is the likelihood alone; multiply by the prior Q_{1:t-1} x_0": lambda Q, xt, x0, t: Q[t - 1][xt],
        "this is the likelihood alone, normalised; multiply by the prior Q_{1:t-1} x_0":
            lambda Q, xt, x0, t: _normalised(Q[t - 1][xt]),
        "the softmax of the product is not its normalisation: divide by the sum":
            slip(posterior, finish=lambda joint: joint.softmax(-1)),
        "the two factors are added; they belong multiplied, entry by entry":
            lambda Q, xt, x0, t: _normalised(Q[t - 1][xt] + _marginal(Q, x0, t - 1)),
        "this is q(x_t | x_0) = Q_{1:t} x_0, the way forward": lambda Q, xt, x0, t: _marginal(Q, x0, t),
        "this is the column of x_t, where it would go next": lambda Q, xt, x0, t: _column(Q, xt, t),
        "no entry is above 0: are these logarithms? Asked are the probabilities": _no_entry_above_0,
        "the result is 0 everywhere for a pair that can meet: is it row x_t of Q_t times column x_0 of Q_{1:t-1}?":
            _all_0,
        "the result does not sum to 1: divide the product of the two factors by its own sum": _does_not_sum_to_1,
    }),
)


# 03-2: what a wrong belief costs

def categorical_kl(q: Tensor, p: Tensor) -> Tensor:
    return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)


def _swapped(q: Tensor, p: Tensor) -> Tensor:
    return categorical_kl(p, q)


def _kl_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    q, p = (torch.rand(2, 3, 4, dtype=torch.float64, generator=generator) + 0.05 for _ in range(2))
    q, p = q / q.sum(-1, keepdim=True), p / p.sum(-1, keepdim=True)
    q_zero, p_zero, some_zero = q.clone(), p.clone(), p[0].clone()
    q_zero[..., 1] = p_zero[..., 1] = some_zero[1:, 1] = 0
    q_zero, p_zero, some_zero = (law / law.sum(-1, keepdim=True) for law in (q_zero, p_zero, some_zero))
    q_rare, p_rare, near = q[0].clone(), p[0].clone(), q[1] * (1 + 0.3 * p[1])
    q_rare[0, 3] = 1e-5
    p_rare[1:, 2] = p_rare[0, 3] = 1e-14     # torch.distributions, a right answer, takes 2e-16 for all that is below
    q_rare, p_rare, near = (law / law.sum(-1, keepdim=True) for law in (q_rare, p_rare, near))
    return [Case((q[0, 0], p[0, 0]), "K = 4"), Case((q, p), "batch (2, 3), K = 4"),
            Case((q[:1, 1], p[:1, 1]), "batch of 1, K = 4"), Case((q[0], q[0]), "q = p"),
            Case((q_zero[0], p[0]), "q with a zero", edge="a term with q_k = 0 is 0, the others stay"),
            Case((q_zero[0], p_zero[0]), "q and p with the same zero",
                 edge="where q_k and p_k are both 0 the term is 0"),
            Case((q_zero[0], q_zero[0]), "q = p with a zero", edge="where q_k and p_k are both 0 the term is 0"),
            Case((q[0], some_zero), "p with a zero where q has none, in two rows of three",
                 edge="there the KL is infinite, and should be; the other row is not"),
            Case((q_rare, p_rare), "p of 1e-14 where q is larger", edge=_RARE),
            Case((torch.tensor([1 - 1e-7, 1e-7]).double(), torch.tensor([1.0, 0.0]).double()), "q of 1e-7 where p is 0",
                 edge="there the KL is infinite, however small q is"),
            Case((q[1], near), "p close to q", edge="a small KL is not 0"),
            Case(_single(q[1], p[1]), "float32", edge=_SINGLE)]


CATEGORICAL_KL = Question(
    id="03-2-categorical-kl",
    points=2,
    name="categorical_kl",
    cases=_kl_cases,
    reference=categorical_kl,
    misconceptions=mistakes({
        "the arguments are swapped: this is KL(p || q), weighed by p; weigh by q": _swapped,
        "this is the cross-entropy H(q, p); the KL is H(q, p) - H(q)": cross_entropy,
        "this is H(p, q), the cross-entropy with its arguments swapped": lambda q, p: cross_entropy(p, q),
        "this is the entropy of q; it does not know p": lambda q, p: entropy(q),
        "this is minus the entropy of q; it does not know p": lambda q, p: -entropy(q),
        "the sign is off: a KL is never negative": slip(categorical_kl, lambda nats: -nats),
        "log(q_k/p_k) is weighed by p_k, which gives -KL(p || q); weigh by q_k": slip(_swapped, lambda nats: -nats),
        "p enters without its logarithm: q_k log q_k - q_k log p_k (torch's kl_div takes log p first)":
            lambda q, p: -entropy(q) - (q * p).sum(-1),
        "q enters without its logarithm, and the arguments are swapped: torch's kl_div(log p, q) is KL(q || p)":
            lambda q, p: -entropy(p) - (q * p).sum(-1),
        "the logarithm is missing: the terms are q_k log(q_k/p_k)": lambda q, p: (q * q / p).sum(-1),
        "the logarithm is taken of the sum; it belongs inside, q_k log(q_k/p_k) for every k":
            lambda q, p: (q * q / p).sum(-1).log(),
        "the entropy is added; the KL is the cross-entropy *minus* the entropy of q":
            lambda q, p: cross_entropy(q, p) + entropy(q),
        "this subtracts the entropy of p; the KL is H(q, p) - H(q)": lambda q, p: cross_entropy(q, p) - entropy(p),
        "this is the difference of two entropies, which can be 0 for different distributions":
            lambda q, p: entropy(p) - entropy(q),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(categorical_kl, lambda nats: nats / math.log(2)),
        "this is to the base 10; the course computes in nats (natural logarithm)":
            slip(categorical_kl, lambda nats: nats / math.log(10)),
        "the mean over the K states; the KL is the sum": slip(categorical_kl, lambda nats, q: nats / q.shape[-1]),
        "the terms are not weighed by q_k": lambda q, p: (q / p).log().sum(-1),
        "the weights are missing, and the terms are averaged": lambda q, p: (q / p).log().mean(-1),
        "this is the symmetric sum of both directions; asked is KL(q || p)":
            lambda q, p: categorical_kl(q, p) + categorical_kl(p, q),
        "this is the symmetric mean of both directions; asked is KL(q || p)":
            lambda q, p: (categorical_kl(q, p) + categorical_kl(p, q)) / 2,
        "the probabilities are treated as logits: they are probabilities already, no softmax":
            lambda q, p: categorical_kl(q.softmax(-1), p.softmax(-1)),
        "the absolute values of the terms are added; their signs belong to the KL":
            lambda q, p: (q * (q / p).log()).abs().sum(-1),
    }),
)


# 03-3: a guess of x_0 becomes a step back

def reverse_mixture(Q: Tensor, xt: int, x0_probs: Tensor, t: int, *, back: Callable = posterior) -> Tensor:
    """The mixture of the posteriors, or of what is given as `back`, over the x_0 that have weight."""
    possible = [x0 for x0 in range(len(x0_probs)) if x0_probs[x0] > 0]
    return x0_probs[possible] @ torch.stack([back(Q, xt, x0, t) for x0 in possible])


def _mixture_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 7)
    guess = torch.rand(4, dtype=torch.float64, generator=generator) + 0.1
    guess = guess / guess.sum()
    uneven = torch.tensor([0.001, 0.599, 0.1, 0.3], dtype=torch.float64)       # a small weight counts too
    general, sparse = _chain(seed + 1, 4, 4), _sparse_chain(seed + 1)
    # Under the sparse chain x_1 = 0 cannot come from x_0 = 1: no belief in it there, and no posterior.
    return [Case((general, 1, guess, 3), "random Q, K = 4, t = 3"),
            Case((general, 3, guess.flip(0), 4), "random Q, K = 4, t = T = 4"),
            Case((general, 0, uneven, 2), "random Q, K = 4, t = 2"),
            Case((_absorbing(5), 2, torch.tensor([0.3, 0.7, 0.0], dtype=torch.float64), 3),
                 "absorbing, K = 3, x_t masked, t = 3"),
            # Here x_0 = 1 leads to x_t = 0, but not in one step.
            Case((sparse, 0, guess, 3), "Q with zeros, K = 4, t = T = 3"),
            Case((general, 2, guess, 1), "t = 1", edge="at t = 1 the step back is the belief itself"),
            Case((_absorbing(5), 1, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), 3),
                 "absorbing, x_t visible, beliefs of 0",
                 edge="an x_0 of weight 0 that cannot lead to x_t has no posterior (0/0): leave it out"),
            Case((sparse, 0, torch.tensor([0.5, 0.0, 0.3, 0.2], dtype=torch.float64), 1), "Q with zeros, t = 1",
                 edge="an x_0 of weight 0 that cannot lead to x_t has no posterior (0/0): leave it out"),
            Case((_chain(seed + 71, 4, 4), 1, guess, 3), "another Q of the same size, t = 3", edge=_ANOTHER_CHAIN),
            Case((_absorbing(5), 2, torch.tensor([2e-5, 1 - 2e-5, 0.0], dtype=torch.float64), 3),
                 "absorbing, a belief of 2e-5", edge="small beliefs count like all others: leave out only those of 0"),
            Case((_absorbing(5), 2, torch.tensor([1e-9, 1 - 1e-9, 0.0], dtype=torch.float64), 3),
                 "absorbing, a belief of 1e-9", edge="small beliefs count like all others: leave out only those of 0"),
            Case((_rare(general, 1, 3, 1e-10), 1, guess, 3), "x_t of a probability near 1e-11", edge=_RARE),
            Case(_single(general, 3, guess, 4), "float32", edge=_SINGLE)]


# x0_probs in the place of the one-hot x_0
_plug_in = functools.partial(posterior, prior=lambda Q, x0_probs, s: _product(Q[:s]) @ x0_probs)

def _over_x0(Q: Tensor, xt: int, x0_probs: Tensor, t: int) -> Tensor:
    table = Q[t - 1][xt][:, None] * _product(Q[:t - 1])
    return _normalised((table / table.sum(1, keepdim=True)).nan_to_num(0) @ x0_probs.to(Q.dtype))


REVERSE_MIXTURE = Question(
    id="03-3-reverse-mixture",
    points=2,
    name="reverse_mixture",
    cases=_mixture_cases,
    reference=reverse_mixture,
    tolerance=lambda case, expected: 1e-12 + 1e-4 * np.abs(expected),     # what is rare counts, too
    misconceptions=mistakes({
        "this is the plug-in form, x0_probs in the place of the one-hot x_0: it counts the evidence of x_t twice. "
        "Average the *posteriors*, each normalised for its own x_0": _plug_in,
        "this is the plug-in form, x0_probs in the place of the one-hot x_0, and it is not normalised either. Average "
        "the posteriors, each normalised for its own x_0": slip(_plug_in, finish=torch.clone),
        "the last state is left out as if it were a mask, which x_0 cannot be; here any state may be x_0":
            lambda Q, xt, x0_probs, t: _normalised(reverse_mixture(
                Q, xt, torch.where(torch.arange(len(x0_probs)) < len(x0_probs) - 1, x0_probs, 0), t)),
        "the joint weights of (x_{t-1}, x_0) are normalised over x_0, for each x_{t-1}; a posterior is normalised over "
        "x_{t-1}, for each x_0": _over_x0,
        "this is the plug-in form with the column of x_t (Q_t x_t) in it. Average the posteriors of task 03-1":
            slip(_plug_in, likelihood=_column),
        "the posteriors are mixed with Q_t x_t, the column of x_t, in them; the row belongs there":
            slip(reverse_mixture, back=_with_column),
        "the posteriors are mixed with Q_{1:t} x_0 in them; the prior of x_{t-1} is Q_{1:t-1} x_0":
            slip(reverse_mixture, back=slip(posterior, prior=_of_factors(lambda Q, s: Q[:s + 1]))),
        "the posteriors are mixed with the wrong order of matrices in them: Q_1 stands rightmost":
            slip(reverse_mixture, back=slip(posterior, prior=_in_wrong_order)),
        "xt and x0 are exchanged in the posteriors":
            against(slip(reverse_mixture, back=_with_states_exchanged), _close_or_0),
        "an x_0 is left out that does not lead to x_t in *one* step; from time 0 there are t steps, and belief in it "
        "counts": slip(reverse_mixture, x0_probs=lambda Q, xt, x0_probs, t: _normalised(
            x0_probs.where((Q[t - 1][xt] > 0) | (x0_probs == 0) | (t == 1), 0.0))),
        "only the likeliest x_0 is used: every x_0 counts, with its probability":
            lambda Q, xt, x0_probs, t: posterior(Q, xt, int(x0_probs.argmax()), t),
        "the posteriors are averaged with equal weights: weigh each by x0_probs[x_0]":
            slip(reverse_mixture, x0_probs=lambda x0_probs: _normalised((x0_probs > 0).double())),
        "the posteriors are added without their weights x0_probs[x_0]":
            slip(reverse_mixture, x0_probs=lambda x0_probs: (x0_probs > 0).double()),
        "the weights are a softmax of x0_probs, which are probabilities already: they are the weights": (
            slip(reverse_mixture, x0_probs=lambda x0_probs: x0_probs.softmax(-1)),
            slip(reverse_mixture, x0_probs=lambda x0_probs: x0_probs.where(x0_probs > 0, -math.inf).softmax(-1))),
        "the *logarithms* of the posteriors are averaged; average the probabilities":
            slip(reverse_mixture, lambda mean: mean.softmax(-1), back=slip(posterior, lambda law: law.log())),
        "this is the mean of the mixture over x_0 rather than its sum: the weights already sum to 1":
            slip(reverse_mixture, lambda law: law / len(law)),
        "this is the belief about x_{t-1} before x_t is looked at, Q_{1:t-1} x0_probs":
            lambda Q, xt, x0_probs, t: _product(Q[:t - 1]) @ x0_probs,
        "x0_probs does not enter: this is row x_t of Q_t, normalised":
            lambda Q, xt, x0_probs, t: _normalised(Q[t - 1][xt]),
        "this is the belief about x_0 itself; take the step back to t-1, not to 0": lambda Q, xt, x0_probs, t: x0_probs,
        "this weighs by the *entries* of the posterior: the sum runs over x_0, one posterior for each":
            lambda Q, xt, x0_probs, t: _normalised(posterior(Q, xt, int(x0_probs.argmax()), t) * x0_probs),
        "Q[t] is Q_{t+1}: the matrix of step t is Q[t - 1]": slip(
            reverse_mixture, back=slip(posterior, likelihood=lambda Q, xt, t: Q[min(t, len(Q) - 1)][xt])),
        "the posteriors are those of step t-1; the step back from x_t is at t":
            slip(reverse_mixture, t=lambda t: t - 1),
        "no entry is above 0: are these logarithms? Asked are the probabilities": _no_entry_above_0,
        "the weights run along the states x_{t-1}: each x0_probs[x_0] multiplies the whole posterior of that x_0":
            lambda Q, xt, x0_probs, t: torch.stack(
                [posterior(Q, xt, x0, t) * (w > 0) for x0, w in enumerate(x0_probs)]) @ x0_probs,
        "the result does not sum to 1, although the weights and each posterior do": _does_not_sum_to_1,
    }),
)


# 03-4: the bound, part by part

def bound_terms(Q: Tensor, reverse: Tensor, prior: Tensor, x0: int, *, law: _Law = _marginal,
                weights: _Law | None = None, back: Callable = posterior, divergence: Callable = categorical_kl,
                last: Callable = categorical_kl) -> Tensor:
    """The parts; or with another q(x_t | x_0), in all of them or as weights only, other posteriors or divergences."""
    terms = []
    for t in range(1, len(Q) + 1):
        reached = _marginal(Q, x0, t).nonzero().flatten().tolist()
        costs = [divergence(back(Q, xt, x0, t), reverse[t - 1][:, xt]) for xt in reached]
        terms.append((weights or law)(Q, x0, t)[reached] @ torch.stack(costs))
    return torch.stack([*terms, last(law(Q, x0, len(Q)), prior)])


def _bound_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 13)

    def model(num_steps: int, num_states: int) -> tuple[Tensor, Tensor]:
        reverse = torch.rand(num_steps, num_states, num_states, dtype=torch.float64, generator=generator) + 0.1
        prior = torch.rand(num_states, dtype=torch.float64, generator=generator) + 0.2
        return reverse / reverse.sum(1, keepdim=True), prior / prior.sum()

    return [Case((_chain(seed + 2, 4, 3), *model(4, 3), 1), "random Q, K = 3, T = 4"),
            Case((_chain(seed + 3, 3, 4), *model(3, 4), 0), "random Q, K = 4, T = 3"),
            Case((_chain(seed + 3, 3, 4), *model(3, 4), 3), "random Q, K = 4, T = 3, x_0 = 3"),
            Case((_absorbing(4), *model(4, 3), 0), "absorbing, K = 3, T = 4",
                 edge="states that x_0 cannot reach have weight 0 and no posterior: leave them out, in the prior term "
                      "too"),
            Case((_sparse_chain(seed), *model(3, 4), 1), "Q with zeros",
                 edge="states that x_0 cannot reach have weight 0 and no posterior: leave them out, in the prior term "
                      "too"),
            Case((_chain(seed + 4, 1, 3), *model(1, 3), 2), "T = 1",
                 edge="with one step there are L_1 and the prior term"),
            Case((_chain(seed + 72, 3, 4), *model(3, 4), 0), "another Q of the same size", edge=_ANOTHER_CHAIN),
            Case((_chain(seed + 5, 3, 4), *_surprised(*model(3, 4)), 2), "a model with probabilities of 1e-14",
                 edge=_RARE),
            Case(_right_but_once(_rare(_rare(_chain(seed + 6, 3, 4), 3, 2, 1e-5), 3, 3, 1e-5), 0),
                 "a model that is wrong in a rare x_t only",
                 edge="an x_t of a small probability counts, too: leave out only those of probability 0"),
            Case((_two_states(1e-7, 0.5), _two_states(1e-9, 1e-14), torch.full((2,), 0.5, dtype=torch.float64), 0),
                 "K = 2, T = 1, an x_1 of probability 1e-7, from which the model does not know the way back",
                 edge="an x_t of a small probability counts, too: leave out only those of probability 0"),
            Case((_two_states(0.999, 0.5), _two_states(0.5, 1e-27), torch.tensor([1 - 1e-27, 1e-27]).double(), 0),
                 "K = 2, T = 1, a model that is sure of the wrong states",
                 edge="a model that is sure of the wrong state pays for it: no part is limited"),
            Case(_single(_chain(seed + 7, 2, 3), *model(2, 3), 1), "float32", edge=_SINGLE)]


def _two_states(from_0: float, from_1: float) -> Tensor:
    """One matrix: the probabilities of going from 0 to 1, and from 1 to 0."""
    return torch.tensor([[[1 - from_0, from_1], [from_0, 1 - from_1]]], dtype=torch.float64)


def _surprised(reverse: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    """This model, with hardly any belief in state 1."""
    reverse[:, 1], prior[1] = 1e-14, 1e-14
    return reverse / reverse.sum(1, keepdim=True), prior / prior.sum()


def _right_but_once(Q: Tensor, x0: int) -> tuple[Tensor, Tensor, Tensor, int]:
    """A model that knows x_0, but where x_t is the last state takes the likeliest x_{t-1} for nearly impossible."""
    num_steps, num_states = Q.shape[:2]
    reverse = torch.stack([torch.stack([posterior(Q, xt, x0, t) for xt in range(num_states)], 1)
                           for t in range(1, num_steps + 1)])
    for matrix in reverse[1:]:
        matrix[matrix[:, -1].argmax(), -1] = 0
    reverse = reverse.clamp(min=1e-14)
    return Q, reverse / reverse.sum(1, keepdim=True), _marginal(Q, x0, num_steps), x0


def _only_wrong_in(place: int | slice) -> Shows:
    """Where the values are wrong in this place, and right in the others, in every case."""
    def wrong_there(value: np.ndarray, right: np.ndarray) -> bool:
        agrees = np.isclose(value, right, rtol=1e-4, atol=1e-6)
        return bool(np.delete(agrees, place).all() and not agrees[place].any())

    return against(bound_terms, wrong_there)


def _all_but_the_first_term(**switches: Callable) -> Callable:
    """The slips of these switches, with L_1 as it should be."""
    return slip(bound_terms, lambda terms, Q, reverse, prior, x0: torch.cat(
        [bound_terms(Q, reverse, prior, x0)[:1], terms[1:]]), **switches)


def _all_but_the_prior_term(change: Callable[[Tensor], Tensor]) -> Callable:
    return slip(bound_terms, lambda terms: torch.cat([change(terms[:-1]), terms[-1:]]))


BOUND_TERMS = Question(
    id="03-4-bound-terms",
    points=3,
    name="bound_terms",
    cases=_bound_cases,
    reference=bound_terms,
    misconceptions=mistakes({
        "the KL's arguments are swapped: KL(posterior || model), weighed by the posterior": (
            _all_but_the_first_term(divergence=_swapped),
            _all_but_the_first_term(divergence=_swapped, last=_swapped)),
        "the KL's arguments are swapped, which makes L_1 infinite: KL(posterior || model)": (
            slip(bound_terms, divergence=_swapped), slip(bound_terms, divergence=_swapped, last=_swapped)),
        "the prior term is swapped: it is KL(q(x_T | x_0) || p(x_T)), in this order": slip(bound_terms, last=_swapped),
        "these are cross-entropies: subtract the entropy of the posterior (it is no part of the bound)":
            slip(bound_terms, divergence=cross_entropy),
        "these are cross-entropies: subtract the entropy of q, which is no part of the bound":
            slip(bound_terms, divergence=cross_entropy, last=cross_entropy),
        "the KLs are added up over x_t without the weights q(x_t | x_0)":
            slip(bound_terms, weights=lambda Q, x0, t: torch.ones_like(Q[0, 0])),
        "the KLs are averaged over x_t with equal weights; the weights are q(x_t | x_0)":
            slip(bound_terms, weights=lambda Q, x0, t: torch.full_like(Q[0, 0], 1 / Q.shape[-1])),
        "the weights are q(x_{t-1} | x_0); x_t is drawn from q(x_t | x_0), the product of t matrices":
            slip(bound_terms, weights=_of_factors(lambda Q, t: Q[:t - 1])),
        "the weights are those of a single step, Q_t x_0; x_t is drawn from q(x_t | x_0) = Q_{1:t} x_0":
            slip(bound_terms, weights=_of_factors(lambda Q, t: Q[t - 1:t])),
        "the weights are the *row* of Q_{1:t}; q(x_t | x_0) is its column x_0": slip(bound_terms, weights=_read_by_row),
        "q(x_t | x_0) is read from the *row* of Q_{1:t}; it is its column x_0": slip(bound_terms, law=_read_by_row),
        "x_0 is carried as a row, law @ Q[t - 1]; it is a column, and a step is Q[t - 1] @ law":
            slip(bound_terms, law=_carried_as_row),
        "q(x_t | x_0) is taken from the power of one matrix; the matrices differ from step to step":
            slip(bound_terms, law=_of_factors(lambda Q, t: Q[t - 1:t].repeat(t, 1, 1))),
        "Q_{1:t} is multiplied in the wrong order: the first step acts first": slip(bound_terms, law=_in_wrong_order),
        "x_t and x_0 are exchanged in the posterior": slip(bound_terms, back=_with_states_exchanged),
        "the posteriors are those of step t-1; the posterior of x_t is that of step t":
            slip(bound_terms, back=slip(posterior, t=lambda t: max(t - 1, 1))),
        "the posterior is not normalised: divide by its sum, q(x_t | x_0) (task 03-1)":
            slip(bound_terms, back=_not_normalised),
        "the average over x_t is taken inside the KL; it is the average of the KLs, one for every x_t":
            lambda Q, reverse, prior, x0: torch.stack([
                *(categorical_kl(_marginal(Q, x0, t - 1), reverse[t - 1] @ _marginal(Q, x0, t))
                  for t in range(1, len(Q) + 1)), categorical_kl(_marginal(Q, x0, len(Q)), prior)]),
        "L_t for t >= 2 is computed like L_1, -log of the model at x_0; it is the KL from the posterior":
            slip(bound_terms, back=lambda Q, xt, x0, t: _marginal(Q, x0, 0)),
        "the posterior has Q_t x_t, the column of x_t, in it; the row belongs there (task 03-1)":
            slip(bound_terms, back=_with_column),
        "the model is read by its rows: p(x_{t-1} | x_t = j) is *column* j of reverse[t - 1]":
            slip(bound_terms, reverse=lambda reverse: reverse.mT),
        "the model is read at x_0, reverse[t - 1][:, x0]; it has looked at x_t: reverse[t - 1][:, xt]":
            slip(bound_terms, reverse=lambda reverse, x0: reverse[:, :, [x0]].expand_as(reverse)),
        "the tables are read in reverse order: the table of step t is reverse[t - 1]":
            slip(bound_terms, reverse=lambda reverse: reverse.flip(0)),
        "reverse[t - 2] is the table of step t-1; that of step t is reverse[t - 1]":
            slip(bound_terms, reverse=lambda reverse: reverse.roll(1, 0)),
        "these are minus the parts: the KLs and -log p are added, all with a plus sign":
            slip(bound_terms, lambda terms: -terms),
        "the sign of L_1 is off: the reconstruction is -log p(x_0 | x_1), averaged":
            slip(bound_terms, lambda terms: torch.cat([-terms[:1], terms[1:]])),
        "the sign of the prior term is off: it is a KL, and is added":
            slip(bound_terms, lambda terms: torch.cat([terms[:-1], -terms[-1:]])),
        "the prior term comes first here; it was asked for last": slip(bound_terms, lambda terms: terms.roll(1)),
        "the terms stand in the order L_T, ..., L_1; L_1 comes first":
            _all_but_the_prior_term(lambda terms: terms.flip(0)),
        "the parts stand in reverse order: L_1 comes first, the prior term last":
            slip(bound_terms, lambda terms: terms.flip(0)),
        "these are running sums; every part was asked for by itself": (
            slip(bound_terms, lambda terms: terms.cumsum(0)), _all_but_the_prior_term(lambda terms: terms.cumsum(0))),
        "the parts are divided by T; their sum is the bound": slip(bound_terms, lambda terms, Q: terms / len(Q)),
        "L_1, ..., L_T are divided by T; the sum of the parts is the bound":
            _all_but_the_prior_term(lambda terms: terms / len(terms)),
        "every part is divided by K: a KL is the sum over the K states, not their mean":
            slip(bound_terms, lambda terms, prior: terms / len(prior)),
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(bound_terms, lambda terms: terms / math.log(2)),
        "the result holds NaN: the posterior at t = 1 is one-hot, and its terms 0 log 0 are 0":
            everywhere(lambda terms, *_: np.isnan(terms[0])),
        "only L_1 is right: are the weights q(x_t | x_0) those of the t of the term, and does each term use its own "
        "reverse[t - 1]?": _only_wrong_in(slice(1, None)),
        "only L_1 is wrong: it is the average of -log p(x_0 | x_1), with p(x_0 | x_1 = j) in column j of reverse[0]":
            _only_wrong_in(0),
        "only the prior term is wrong: it is KL(q(x_T | x_0) || p(x_T)), with q(x_T | x_0) the column x_0 of Q_{1:T}":
            _only_wrong_in(-1),
        "only L_T is wrong: does the loop over t go up to T?": _only_wrong_in(-2),
        "L_2, ..., L_T are wrong, the other two right: each is the average over q(x_t | x_0) of KL(posterior(Q, xt, "
        "x0, t) || reverse[t - 1][:, xt])":
            against(bound_terms, lambda value, right: close(value[[0, -1]], right[[0, -1]])),
    }),
)


# 03-5: what the model really believes

def log_likelihood(reverse: Tensor, prior: Tensor, *, step: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
                   finish: Callable[[Tensor], Tensor] = torch.log) -> Tensor:
    """log p(x_0) for every x_0; or with other steps, or something else of p(x_0)."""
    for matrix in reverse.flip(0):
        prior = step(matrix, prior)
    return finish(prior)


def _likelihood_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 31)
    cases = []
    for num_steps, num_states in ((3, 4), (4, 3), (2, 5), (1, 3)):
        reverse = torch.rand(num_steps, num_states, num_states, dtype=torch.float64, generator=generator) ** 2 + 0.05
        prior = torch.rand(num_states, dtype=torch.float64, generator=generator) + 0.1
        cases.append(Case((reverse / reverse.sum(1, keepdim=True), prior / prior.sum()),
                          f"T = {num_steps}, K = {num_states}",
                          edge="with one step it is one product" if num_steps == 1 else ""))
    # Unmasking: from the mask to a letter at the last step at the latest, and a letter stays.
    stays = torch.eye(3, dtype=torch.float64)
    unmask = torch.stack([torch.cat([stays[:, :2], torch.tensor([[0.3], [0.7], [0.0]], dtype=torch.float64)], 1),
                          torch.cat([stays[:, :2], torch.tensor([[0.1], [0.5], [0.4]], dtype=torch.float64)], 1)])
    cases.append(Case((unmask, stays[2]), "a model that unmasks everything",
                      edge="there p(x_0) = 0 for the mask, and the logarithm is -inf, as it should be"))
    reverse, prior = cases[0].args
    rare = reverse.clone()
    rare[0, 1] = 1e-36
    return [*cases,
            Case((_chain(seed + 73, 3, 4), prior.flip(0)), "another model of the same size", edge=_ANOTHER_CHAIN),
            Case((rare / rare.sum(1, keepdim=True), prior), "a state of probability 1e-36", edge=_RARE),
            Case(_single(reverse, prior), "float32", edge=_SINGLE)]


LOG_LIKELIHOOD = Question(
    id="03-5-log-likelihood",
    points=2,
    name="log_likelihood",
    cases=_likelihood_cases,
    reference=log_likelihood,
    misconceptions=mistakes({
        "the matrices act in the wrong order: generation begins at t = T, so reverse[T - 1] acts first":
            slip(log_likelihood, reverse=lambda reverse: reverse.flip(0)),
        "the matrices act in the wrong order, and the logarithm is missing":
            slip(log_likelihood, reverse=lambda reverse: reverse.flip(0), finish=torch.clone),
        "these are the probabilities; asked are their logarithms": slip(log_likelihood, finish=torch.clone),
        "this is -log p(x_0); asked is log p(x_0)": slip(log_likelihood, lambda logs: -logs),
        "the matrices are transposed: column j of reverse[t - 1] is where x_t = j leads":
            slip(log_likelihood, reverse=lambda reverse: reverse.mT),
        "the matrices act on the wrong side, in the wrong order: column j of reverse[t - 1] is where x_t = j leads":
            slip(log_likelihood, reverse=lambda reverse: reverse.mT.flip(0)),
        "p(x_T) does not enter: start with the prior":
            slip(log_likelihood, prior=lambda prior: torch.full_like(prior, 1 / len(prior))),
        "p(x_T) does not enter, and the paths are only added: start with the prior":
            slip(log_likelihood, prior=lambda prior: torch.ones_like(prior)),
        "the last step, t = 1, is missing": slip(log_likelihood, reverse=lambda reverse: reverse[1:]),
        "the first step back, t = T, is missing": slip(log_likelihood, reverse=lambda reverse: reverse[:-1]),
        "only the likeliest path is counted; p(x_0) adds up all paths that end in x_0":
            slip(log_likelihood, step=lambda matrix, law: (matrix * law).amax(1)),
        "this is the average of the logarithm over paths, a bound; asked is the logarithm of the sum":
            lambda reverse, prior: reverse[0].log() @ log_likelihood(reverse[1:], prior, finish=torch.clone),
        "this is the average of the logarithm over x_T, a bound; asked is the logarithm of the sum":
            lambda reverse, prior: log_likelihood(reverse, torch.eye(len(prior), dtype=prior.dtype)) @ prior,
        "this is in bits; the course computes in nats (natural logarithm)":
            slip(log_likelihood, lambda nats: nats / math.log(2)),
        "this is to the base 10; the course computes in nats (natural logarithm)":
            slip(log_likelihood, lambda nats: nats / math.log(10)),
        "this is log(1 + p(x_0)), log1p; asked is log p(x_0)": slip(log_likelihood, finish=torch.log1p),
        "the logarithm is divided by T; asked is log p(x_0) itself":
            slip(log_likelihood, lambda logs, reverse: logs / len(reverse)),
        "this is a log-softmax of p(x_0), which is a distribution already: take its logarithm":
            slip(log_likelihood, finish=lambda law: law.log_softmax(-1)),
        "this is log p(x_T): the matrices do not act. A step is reverse[t - 1] @ law, the sum over x_t, which is the "
        "second index": slip(log_likelihood, reverse=lambda reverse: reverse[:0]),
        "this is one step only; the law goes through all T matrices": (
            slip(log_likelihood, reverse=lambda reverse: reverse[:1]),
            slip(log_likelihood, reverse=lambda reverse: reverse[-1:])),
        "this is the power of one matrix; the matrices differ from step to step": (
            slip(log_likelihood, reverse=lambda reverse: reverse[:1].expand_as(reverse)),
            slip(log_likelihood, reverse=lambda reverse: reverse[-1:].expand_as(reverse))),
        "the indices are one off: reverse[T - 1] acts first and reverse[0] last, here it is reverse[-1]":
            slip(log_likelihood, reverse=lambda reverse: reverse.roll(1, 0)),
        "only the likeliest x_T is used; start with the whole prior":
            slip(log_likelihood, prior=lambda prior: (prior == prior.max()).double()),
        "the logarithms of the factors are added along matrices; add up the *probabilities* of the paths, and take one "
        "logarithm at the end":
            lambda reverse, prior: log_likelihood(reverse.log(), prior.log(), finish=torch.clone),
        "the logarithms are added up over the paths; add up the *probabilities* of the paths, and take one logarithm "
        "at the end": slip(log_likelihood, prior=lambda prior: prior.log(), finish=torch.clone,
                           step=lambda matrix, logs: (matrix.log() + logs).sum(1)),
        "the logarithm of p(x_T) is carried through the matrices; carry p(x_T) itself, and take the logarithm at the "
        "end": slip(log_likelihood, prior=lambda prior: prior.log(), finish=torch.clone),
        "log p(x_0) is above 0, a probability above 1: is the sign off, or is something counted twice?":
            somewhere(lambda logs, *_: (logs > 1e-6).any()),
        "the probabilities of all x_0 do not sum to 1: columns of reverse[t - 1] do, and so does the prior; is every "
        "step a product reverse[t - 1] @ law?": somewhere(lambda logs, *_: abs(np.exp(logs).sum() - 1) > 1e-3),
    }),
)

QUESTIONS = (POSTERIOR, CATEGORICAL_KL, REVERSE_MIXTURE, BOUND_TERMS, LOG_LIKELIHOOD)
