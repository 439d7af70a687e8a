"""Topic 03: the posterior by Bayes, categorical KL, the mixture, the bound part by part, the model's likelihood."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import cross_entropy, kl
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, MatrixTransition
from dlm_course.course.questions.question import Case, Misconception, Question

# Every task is tried on random chains whose matrices differ from step to step, on one with zeros, and on the absorbing
# chain. Symmetric ones are left out: they hide the transpose.
#
# The references of tasks 1 and 2 are as lenient as a student's own function would be, since later tasks may call them:
# a pair that cannot meet has the posterior 0/0, and no sum is checked.


def _chain(seed: int, num_steps: int, num_states: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    matrices = torch.rand(num_steps, num_states, num_states, dtype=torch.float64, generator=generator) ** 2 + 0.02
    return matrices / matrices.sum(1, keepdim=True)


def _sparse_chain(seed: int) -> Tensor:
    """Some steps impossible: state 0 never comes from state 1, and state 2 never from state 0."""
    matrices = _chain(seed + 50, 3, 4)
    matrices[:, 0, 1] = matrices[:, 2, 0] = 0
    return matrices / matrices.sum(1, keepdim=True)


def _absorbing(num_steps: int) -> Tensor:
    return AbsorbingTransition(3, Schedule.cosine(num_steps)).step_matrix(torch.arange(1, num_steps + 1))


def _vector(x: int, Q: Tensor) -> Tensor:
    return torch.eye(Q.shape[-1], dtype=Q.dtype)[x]


def _upto(Q: Tensor, t: int) -> Tensor:
    """Q_{1:t}."""
    product = torch.eye(Q.shape[-1], dtype=Q.dtype)
    for matrix in Q[:t]:
        product = matrix @ product
    return product


def _backwards(Q: Tensor, t: int) -> Tensor:
    """Q_1 Q_2 ... Q_t, the product in the wrong order."""
    product = torch.eye(Q.shape[-1], dtype=Q.dtype)
    for matrix in Q[:t]:
        product = product @ matrix
    return product


def _looks_like(wrong: Callable) -> Callable:
    """The symptom of a mistake whose values hold NaN in some case: there too the two must agree."""
    def found(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        return all(np.allclose(value, wrong(*case.args).numpy(), rtol=1e-4, atol=1e-6, equal_nan=True)
                   for case, value in zip(cases, values, strict=True))

    return found


# 03-1: where did it come from?

def posterior(Q: Tensor, xt: int, x0: int, t: int) -> Tensor:
    return _normalised(_joint(Q, xt, x0, t))


def _joint(Q: Tensor, xt: int, x0: int, t: int) -> Tensor:
    return Q[t - 1][xt] * (_upto(Q, t - 1) @ _vector(x0, Q))


def _normalised(joint: Tensor) -> Tensor:
    return joint / joint.sum()


def _posterior_cases(seed: int) -> list[Case]:
    general, sparse = _chain(seed, 4, 4), _sparse_chain(seed)
    return [Case((general, 1, 2, 3), "random Q, K = 4, t = 3"),
            Case((general, 3, 0, 4), "random Q, K = 4, t = T = 4"),
            Case((general, 0, 1, 2), "random Q, K = 4, t = 2"),
            Case((sparse, 2, 1, 2), "Q with zeros, K = 4, t = 2"),
            Case((_absorbing(5), 2, 0, 3), "absorbing, K = 3, x_t masked, t = 3"),
            Case((_absorbing(5), 1, 1, 4), "absorbing, K = 3, x_t visible, t = 4"),
            Case((general, 2, 1, 1), "t = 1", edge="at t = 1 the state before is x_0 itself: Q_{1:0} is the identity")]


def _by_bayes(Q: Tensor, xt: int, prior: Tensor, t: int) -> Tensor:
    return _normalised(Q[t - 1][xt] * prior)


POSTERIOR = Question(
    id="03-1-posterior",
    points=3,
    name="posterior",
    cases=_posterior_cases,
    reference=posterior,
    misconceptions=(
        Misconception("this uses Q_t x_t, the column of x_t, as the slide prints it: where x_t would go. How well each "
                      "x_{t-1} explains x_t stands in the *row*, Q_t^T x_t",
                      lambda Q, xt, x0, t: Q[t - 1][:, xt] * (_upto(Q, t - 1) @ _vector(x0, Q)) / _upto(Q, t)[xt, x0]),
        Misconception("this uses Q_t x_t, the column of x_t, as the slide prints it, and normalises the result. How "
                      "well each x_{t-1} explains x_t stands in the *row*, Q_t^T x_t", lambda Q, xt, x0, t:
                      _normalised(Q[t - 1][:, xt] * (_upto(Q, t - 1) @ _vector(x0, Q)))),
        Misconception("a product of the right row and column, but it does not sum to 1: divide by its sum, which is "
                      "q(x_t | x_0)", lambda Q, xt, x0, t: Q[t - 1][xt] * (_upto(Q, t - 1) @ _vector(x0, Q))),
        Misconception("the prior is Q_{1:t} x_0 here, the state at t; it is that of the state at t-1, Q_{1:t-1} x_0",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q, t) @ _vector(x0, Q), t)),
        Misconception("the prior is Q_{1:t} x_0 here, the state at t; it is that of the state at t-1, Q_{1:t-1} x_0",
                      lambda Q, xt, x0, t: Q[t - 1][xt] * _upto(Q, t)[:, x0] / _upto(Q, t)[xt, x0]),
        Misconception("the prior is one matrix short: Q_{1:t-1} has t-1 factors, Q[0] to Q[t - 2]",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q, max(t - 2, 0)) @ _vector(x0, Q), t)),
        Misconception("Q_{1:t-1} is multiplied in the wrong order: the first step acts first, so Q_1 stands rightmost",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _backwards(Q, t - 1) @ _vector(x0, Q), t)),
        Misconception("Q_{1:t-1} is read by its row: what x_0 becomes stands in *column* x_0",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q, t - 1)[x0], t)),
        Misconception("x_0 is carried as a row, law @ Q[s]; it is a column, and a step is Q[s] @ law",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _backwards(Q, t - 1)[x0], t)),
        Misconception("row and column are exchanged: it is *row* x_t of Q_t times *column* x_0 of Q_{1:t-1}",
                      symptom=_looks_like(lambda Q, xt, x0, t: _normalised(Q[t - 1][:, xt] * _upto(Q, t - 1)[x0]))),
        Misconception("every matrix is transposed: Q[s][i, j] is the way from j to i", symptom=_looks_like(
            lambda Q, xt, x0, t: posterior(Q.transpose(1, 2), xt, x0, t))),
        Misconception("the prior takes the t-1 times power of one matrix; the matrices differ from step to step",
                      lambda Q, xt, x0, t:
                      _by_bayes(Q, xt, torch.linalg.matrix_power(Q[t - 1], t - 1) @ _vector(x0, Q), t)),
        Misconception("the prior takes the power of Q_1; the matrices differ from step to step", lambda Q, xt, x0, t:
                      _by_bayes(Q, xt, torch.linalg.matrix_power(Q[0], t - 1) @ _vector(x0, Q), t)),
        Misconception("Q_1 is missing from the prior: Q_{1:t-1} has t-1 factors, Q[0] to Q[t - 2]",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q[1:], max(t - 2, 0)) @ _vector(x0, Q), t)),
        Misconception("the prior is carried through Q[1] to Q[t - 1]; the factors of Q_{1:t-1} are Q[0] to Q[t - 2]",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q[1:], t - 1) @ _vector(x0, Q), t)),
        Misconception("the prior is that of one step, Q_{t-1} x_0; it needs all of them, Q_{1:t-1} x_0",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, Q[t - 2][:, x0] if t > 1 else _vector(x0, Q), t)),
        Misconception("Q[t - 2] is Q_{t-1}: the likelihood of x_t is row x_t of Q_t, which is Q[t - 1]",
                      lambda Q, xt, x0, t: _by_bayes(Q, xt, _upto(Q, t - 1) @ _vector(x0, Q), t - 1)),
        Misconception("the likelihood is row x_t of the whole product Q_{1:t}; from x_{t-1} it is one step, Q_t",
                      lambda Q, xt, x0, t: _normalised(_upto(Q, t)[xt] * (_upto(Q, t - 1) @ _vector(x0, Q)))),
        Misconception("x_t and x_0 are exchanged", symptom=_looks_like(
            lambda Q, xt, x0, t: posterior(Q, x0, xt, t))),
        Misconception("x_0 does not enter: the prior starts uniform; start it with the one-hot vector of x_0",
                      lambda Q, xt, x0, t:
                      _by_bayes(Q, xt, _upto(Q, t - 1) @ torch.full_like(Q[0, 0], 1 / Q.shape[-1]), t)),
        Misconception("this is the likeliest state, one-hot (argmax); asked is the whole distribution",
                      lambda Q, xt, x0, t: _vector(int(posterior(Q, xt, x0, t).argmax()), Q)),
        Misconception("this is Q_{1:t-1} x_0, what one knows *before* looking at x_t; multiply by the likelihood "
                      "Q_t^T x_t", lambda Q, xt, x0, t: _upto(Q, t - 1) @ _vector(x0, Q)),
        Misconception("this is the likelihood alone; multiply by the prior Q_{1:t-1} x_0",
                      lambda Q, xt, x0, t: Q[t - 1][xt]),
        Misconception("this is the likelihood alone, normalised; multiply by the prior Q_{1:t-1} x_0",
                      lambda Q, xt, x0, t: _normalised(Q[t - 1][xt])),
        Misconception("the softmax of the product is not its normalisation: divide by the sum", lambda Q, xt, x0, t:
                      (Q[t - 1][xt] * (_upto(Q, t - 1) @ _vector(x0, Q))).softmax(-1)),
        Misconception("the two factors are added; they belong multiplied, entry by entry", lambda Q, xt, x0, t:
                      _normalised(Q[t - 1][xt] + _upto(Q, t - 1) @ _vector(x0, Q))),
        Misconception("this is q(x_t | x_0) = Q_{1:t} x_0, the way forward",
                      lambda Q, xt, x0, t: _upto(Q, t) @ _vector(x0, Q)),
        Misconception("this is the column of x_t, where it would go next", lambda Q, xt, x0, t: Q[t - 1][:, xt]),
        Misconception("no entry is above 0: are these logarithms? Asked are the probabilities",
                      symptom=lambda cases, values: all((value <= 0).all() for value in values)),
        Misconception("the result does not sum to 1: divide the product of the two factors by its own sum",
                      symptom=lambda cases, values: any(
                          np.isfinite(value).all() and abs(value.sum() - 1) > 1e-3 for value in values)),
    ),
)


# 03-2: what a wrong belief costs

def categorical_kl(q: Tensor, p: Tensor) -> Tensor:
    return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)


def _kl_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    q, p = (torch.rand(2, 3, 4, dtype=torch.float64, generator=generator) + 0.05 for _ in range(2))
    q, p = q / q.sum(-1, keepdim=True), p / p.sum(-1, keepdim=True)
    q_zero, p_zero, some_zero = q.clone(), p.clone(), p[0].clone()
    q_zero[..., 1] = p_zero[..., 1] = some_zero[1:, 1] = 0
    q_zero, p_zero, some_zero = (law / law.sum(-1, keepdim=True) for law in (q_zero, p_zero, some_zero))
    return [Case((q[0, 0], p[0, 0]), "K = 4"), Case((q, p), "batch (2, 3), K = 4"), Case((q[0], q[0]), "q = p"),
            Case((q_zero[0], p[0]), "q with a zero", edge="a term with q_k = 0 is 0, the others stay"),
            Case((q_zero[0], p_zero[0]), "q and p with the same zero",
                 edge="where q_k and p_k are both 0 the term is 0"),
            Case((q_zero[0], q_zero[0]), "q = p with a zero", edge="where q_k and p_k are both 0 the term is 0"),
            Case((q[0], some_zero), "p with a zero where q has none, in two rows of three",
                 edge="there the KL is infinite, and should be; the other row is not")]


CATEGORICAL_KL = Question(
    id="03-2-categorical-kl",
    points=2,
    name="categorical_kl",
    cases=_kl_cases,
    reference=categorical_kl,
    misconceptions=(
        Misconception("the arguments are swapped: this is KL(p || q), weighed by p; weigh by q",
                      lambda q, p: kl(p, q)),
        Misconception("this is the cross-entropy H(q, p); the KL is H(q, p) - H(q)", cross_entropy),
        Misconception("this is H(p, q), the cross-entropy with its arguments swapped",
                      lambda q, p: cross_entropy(p, q)),
        Misconception("this is the entropy of q; it does not know p", lambda q, p: cross_entropy(q, q)),
        Misconception("this is minus the entropy of q; it does not know p", lambda q, p: -cross_entropy(q, q)),
        Misconception("the sign is off: a KL is never negative", lambda q, p: -kl(q, p)),
        Misconception("log(q_k/p_k) is weighed by p_k, which gives -KL(p || q); weigh by q_k",
                      lambda q, p: -kl(p, q)),
        Misconception("p enters without its logarithm: q_k log q_k - q_k log p_k (torch's kl_div takes log p first)",
                      lambda q, p: -cross_entropy(q, q) - (q * p).sum(-1)),
        Misconception("q enters without its logarithm, and the arguments are swapped: torch's kl_div(log p, q) is "
                      "KL(q || p)", lambda q, p: -cross_entropy(p, p) - (q * p).sum(-1)),
        Misconception("the logarithm is missing: the terms are q_k log(q_k/p_k)", lambda q, p: (q * q / p).sum(-1)),
        Misconception("the logarithm is taken of the sum; it belongs inside, q_k log(q_k/p_k) for every k",
                      lambda q, p: (q * q / p).sum(-1).log()),
        Misconception("the entropy is added; the KL is the cross-entropy *minus* the entropy of q",
                      lambda q, p: cross_entropy(q, p) + cross_entropy(q, q)),
        Misconception("this subtracts the entropy of p; the KL is H(q, p) - H(q)",
                      lambda q, p: cross_entropy(q, p) - cross_entropy(p, p)),
        Misconception("this is the difference of two entropies, which can be 0 for different distributions",
                      lambda q, p: cross_entropy(p, p) - cross_entropy(q, q)),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda q, p: kl(q, p) / np.log(2)),
        Misconception("this is to the base 10; the course computes in nats (natural logarithm)",
                      lambda q, p: kl(q, p) / np.log(10)),
        Misconception("the mean over the K states; the KL is the sum", lambda q, p: kl(q, p) / q.shape[-1]),
        Misconception("the terms are not weighed by q_k", lambda q, p: (q / p).log().sum(-1)),
        Misconception("the weights are missing, and the terms are averaged", lambda q, p: (q / p).log().mean(-1)),
        Misconception("this is the symmetric sum of both directions; asked is KL(q || p)",
                      lambda q, p: kl(q, p) + kl(p, q)),
        Misconception("this is the symmetric mean of both directions; asked is KL(q || p)",
                      lambda q, p: (kl(q, p) + kl(p, q)) / 2),
        Misconception("the probabilities are treated as logits: they are probabilities already, no softmax",
                      lambda q, p: kl(q.softmax(-1), p.softmax(-1))),
        Misconception("the absolute values of the terms are added; their signs belong to the KL",
                      lambda q, p: (q * (q / p).log()).abs().sum(-1)),
    ),
)


# 03-3: a guess of x_0 becomes a step back

def reverse_mixture(Q: Tensor, xt: int, x0_probs: Tensor, t: int) -> Tensor:
    return MatrixTransition(Q).reverse(torch.tensor(xt), x0_probs, t)


def _mixture_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed + 7)
    guess = torch.rand(4, dtype=torch.float64, generator=generator) + 0.1
    guess = guess / guess.sum()
    uneven = torch.tensor([0.02, 0.58, 0.1, 0.3], dtype=torch.float64)         # a small weight counts too
    general, sparse = _chain(seed + 1, 4, 4), _sparse_chain(seed + 1)
    # Under the sparse chain x_1 = 0 cannot come from x_0 = 1: no belief in it there, and no posterior.
    return [Case((general, 1, guess, 3), "random Q, K = 4, t = 3"),
            Case((general, 3, guess.flip(0), 4), "random Q, K = 4, t = T = 4"),
            Case((general, 0, uneven, 2), "random Q, K = 4, t = 2"),
            Case((_absorbing(5), 2, torch.tensor([0.3, 0.7, 0.0], dtype=torch.float64), 3),
                 "absorbing, K = 3, x_t masked, t = 3"),
            Case((general, 2, guess, 1), "t = 1", edge="at t = 1 the step back is the belief itself"),
            Case((_absorbing(5), 1, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), 3),
                 "absorbing, x_t visible, beliefs of 0",
                 edge="an x_0 of weight 0 that cannot lead to x_t has no posterior (0/0): leave it out"),
            Case((sparse, 0, torch.tensor([0.5, 0.0, 0.3, 0.2], dtype=torch.float64), 1), "Q with zeros, t = 1",
                 edge="an x_0 of weight 0 that cannot lead to x_t has no posterior (0/0): leave it out")]


def _mixed(Q: Tensor, xt: int, x0_probs: Tensor, t: int, part: Callable) -> Tensor:
    return sum(x0_probs[x0] * part(x0) for x0 in range(len(x0_probs)) if x0_probs[x0] > 0)


REVERSE_MIXTURE = Question(
    id="03-3-reverse-mixture",
    points=2,
    name="reverse_mixture",
    cases=_mixture_cases,
    reference=reverse_mixture,
    misconceptions=(
        Misconception("this is the plug-in form, x0_probs in the place of the one-hot x_0: it counts the evidence of "
                      "x_t twice. Average the *posteriors*, each normalised for its own x_0", lambda Q, xt, x0_probs, t:
                      _normalised(Q[t - 1][xt] * (_upto(Q, t - 1) @ x0_probs))),
        Misconception("this is the plug-in form, x0_probs in the place of the one-hot x_0, and it is not normalised "
                      "either. Average the posteriors, each normalised for its own x_0", lambda Q, xt, x0_probs, t:
                      Q[t - 1][xt] * (_upto(Q, t - 1) @ x0_probs)),
        Misconception("this is the plug-in form with the column of x_t (Q_t x_t) in it. Average the posteriors of "
                      "task 03-1", lambda Q, xt, x0_probs, t:
                      _normalised(Q[t - 1][:, xt] * (_upto(Q, t - 1) @ x0_probs))),
        Misconception("the posteriors are mixed with Q_t x_t, the column of x_t, in them; the row belongs there",
                      lambda Q, xt, x0_probs, t: _mixed(Q, xt, x0_probs, t, lambda x0: _normalised(
                          Q[t - 1][:, xt] * (_upto(Q, t - 1) @ _vector(x0, Q))))),
        Misconception("the posteriors are mixed with Q_{1:t} x_0 in them; the prior of x_{t-1} is Q_{1:t-1} x_0",
                      lambda Q, xt, x0_probs, t: _mixed(Q, xt, x0_probs, t, lambda x0: _by_bayes(
                          Q, xt, _upto(Q, t) @ _vector(x0, Q), t))),
        Misconception("the posteriors are mixed with the wrong order of matrices in them: Q_1 stands rightmost",
                      lambda Q, xt, x0_probs, t: _mixed(Q, xt, x0_probs, t, lambda x0: _by_bayes(
                          Q, xt, _backwards(Q, t - 1) @ _vector(x0, Q), t))),
        Misconception("xt and x0 are exchanged in the posteriors", symptom=_looks_like(
            lambda Q, xt, x0_probs, t: _mixed(Q, xt, x0_probs, t, lambda x0: posterior(Q, x0, xt, t)))),
        Misconception("only the likeliest x_0 is used: every x_0 counts, with its probability",
                      lambda Q, xt, x0_probs, t: posterior(Q, xt, int(x0_probs.argmax()), t)),
        Misconception("the posteriors are averaged with equal weights: weigh each by x0_probs[x_0]",
                      lambda Q, xt, x0_probs, t: torch.stack(
                          [posterior(Q, xt, x0, t) for x0 in range(len(x0_probs)) if x0_probs[x0] > 0]).mean(0)),
        Misconception("the posteriors are added without their weights x0_probs[x_0]",
                      lambda Q, xt, x0_probs, t: torch.stack(
                          [posterior(Q, xt, x0, t) for x0 in range(len(x0_probs)) if x0_probs[x0] > 0]).sum(0)),
        Misconception("the weights are a softmax of x0_probs, which are probabilities already: they are the weights",
                      lambda Q, xt, x0_probs, t: torch.stack([posterior(Q, xt, x0, t) for x0 in range(len(x0_probs))]).T
                      @ x0_probs.softmax(-1)),
        Misconception("the weights are a softmax of x0_probs, which are probabilities already: they are the weights",
                      lambda Q, xt, x0_probs, t: _mixed(
                          Q, xt, torch.where(x0_probs > 0, x0_probs, -torch.inf).softmax(-1), t,
                          lambda x0: posterior(Q, xt, x0, t))),
        Misconception("the *logarithms* of the posteriors are averaged; average the probabilities",
                      lambda Q, xt, x0_probs, t:
                      _mixed(Q, xt, x0_probs, t, lambda x0: posterior(Q, xt, x0, t).log()).softmax(-1)),
        Misconception("this is the mean of the mixture over x_0 rather than its sum: the weights already sum to 1",
                      lambda Q, xt, x0_probs, t: reverse_mixture(Q, xt, x0_probs, t) / len(x0_probs)),
        Misconception("this is the belief about x_{t-1} before x_t is looked at, Q_{1:t-1} x0_probs",
                      lambda Q, xt, x0_probs, t: _upto(Q, t - 1) @ x0_probs),
        Misconception("x0_probs does not enter: this is row x_t of Q_t, normalised",
                      lambda Q, xt, x0_probs, t: _normalised(Q[t - 1][xt])),
        Misconception("this is the belief about x_0 itself; take the step back to t-1, not to 0",
                      lambda Q, xt, x0_probs, t: x0_probs),
        Misconception("this weighs by the *entries* of the posterior: the sum runs over x_0, one posterior for each",
                      lambda Q, xt, x0_probs, t: _normalised(posterior(Q, xt, int(x0_probs.argmax()), t) * x0_probs)),
        Misconception("Q[t] is Q_{t+1}: the matrix of step t is Q[t - 1]", lambda Q, xt, x0_probs, t: _mixed(
            Q, xt, x0_probs, t,
            lambda x0: _by_bayes(Q, xt, _upto(Q, t - 1) @ _vector(x0, Q), t + 1 if t < len(Q) else 0))),
        Misconception("the posteriors are those of step t-1; the step back from x_t is at t", lambda Q, xt, x0_probs, t:
                      reverse_mixture(Q, xt, x0_probs, t - 1)),
        Misconception("no entry is above 0: are these logarithms? Asked are the probabilities",
                      symptom=lambda cases, values: all((value <= 0).all() for value in values)),
        Misconception("the weights run along the states x_{t-1}: each x0_probs[x_0] multiplies the whole posterior of "
                      "that x_0", lambda Q, xt, x0_probs, t: torch.stack(
                          [posterior(Q, xt, x0, t) * (w > 0) for x0, w in enumerate(x0_probs)]) @ x0_probs),
        Misconception("the result does not sum to 1, although the weights and each posterior do", symptom=lambda
                      cases, values: any(np.isfinite(value).all() and abs(value.sum() - 1) > 1e-3 for value in values)),
    ),
)


# 03-4: the bound, part by part

def bound_terms(Q: Tensor, reverse: Tensor, prior: Tensor, x0: int) -> Tensor:
    return _parts(Q, reverse, prior, x0)


def _parts(Q: Tensor, reverse: Tensor, prior: Tensor, x0: int, *, weight: Callable | None = None,
           divergence: Callable = categorical_kl, back: Callable = posterior, first: Callable | None = None,
           end: Callable = categorical_kl) -> Tensor:
    """The parts, with what a mistake puts in the place of a piece: weight(t), divergence(q, p), back(Q, xt, x0, t)."""
    weight = weight or (lambda t: _upto(Q, t)[:, x0])
    terms = []
    for t in range(1, len(Q) + 1):
        weights, reached = weight(t), _upto(Q, t)[:, x0] > 0
        each = divergence if t > 1 or first is None else first
        terms.append(sum(weights[xt] * each(back(Q, xt, x0, t), reverse[t - 1][:, xt])
                         for xt in range(Q.shape[-1]) if reached[xt]))
    return torch.stack([*terms, end(_upto(Q, len(Q))[:, x0], prior)])


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
                 edge="with one step there are L_1 and the prior term")]


def _swapped(q: Tensor, p: Tensor) -> Tensor:
    return categorical_kl(p, q)


def _only_wrong_in(place: int | slice) -> Callable:
    """True if the values are wrong in this place, and right in the others, in every case."""
    def found(cases: Sequence[Case], values: Sequence[np.ndarray]) -> bool:
        for case, value in zip(cases, values, strict=True):
            wrong = ~np.isclose(value, bound_terms(*case.args).numpy(), rtol=1e-4, atol=1e-6)
            there = np.zeros(len(value), dtype=bool)
            there[place] = True
            if (wrong != there).any():
                return False
        return True

    return found


BOUND_TERMS = Question(
    id="03-4-bound-terms",
    points=3,
    name="bound_terms",
    cases=_bound_cases,
    reference=bound_terms,
    misconceptions=(
        Misconception("the KL's arguments are swapped: KL(posterior || model), weighed by the posterior",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, divergence=_swapped, first=categorical_kl)),
        Misconception("the KL's arguments are swapped: KL(posterior || model), weighed by the posterior",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, divergence=_swapped, first=categorical_kl, end=_swapped)),
        Misconception("the KL's arguments are swapped, which makes L_1 infinite: KL(posterior || model)",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, divergence=_swapped)),
        Misconception("the KL's arguments are swapped, which makes L_1 infinite: KL(posterior || model)",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, divergence=_swapped, end=_swapped)),
        Misconception("the prior term is swapped: it is KL(q(x_T | x_0) || p(x_T)), in this order",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, end=_swapped)),
        Misconception("these are cross-entropies: subtract the entropy of the posterior (it is no part of the bound)",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, divergence=cross_entropy)),
        Misconception("these are cross-entropies: subtract the entropy of q, which is no part of the bound",
                      lambda Q, reverse, prior, x0:
                      _parts(Q, reverse, prior, x0, divergence=cross_entropy, end=cross_entropy)),
        Misconception("the KLs are added up over x_t without the weights q(x_t | x_0)", lambda Q, reverse, prior, x0:
                      _parts(Q, reverse, prior, x0, weight=lambda t: torch.ones(Q.shape[-1], dtype=Q.dtype))),
        Misconception("the KLs are averaged over x_t with equal weights; the weights are q(x_t | x_0)",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0,
                          weight=lambda t: torch.full((Q.shape[-1],), 1 / Q.shape[-1], dtype=Q.dtype))),
        Misconception("the weights are q(x_{t-1} | x_0); x_t is drawn from q(x_t | x_0), the product of t matrices",
                      lambda Q, reverse, prior, x0:
                      _parts(Q, reverse, prior, x0, weight=lambda t: _upto(Q, t - 1)[:, x0])),
        Misconception("the weights are those of a single step, Q_t x_0; x_t is drawn from q(x_t | x_0) = Q_{1:t} x_0",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, weight=lambda t: Q[t - 1][:, x0])),
        Misconception("the weights are the *row* of Q_{1:t}; q(x_t | x_0) is its column x_0", lambda Q, reverse, prior,
                      x0: _parts(Q, reverse, prior, x0, weight=lambda t: _upto(Q, t)[x0])),
        Misconception("q(x_t | x_0) is read from the *row* of Q_{1:t}; it is its column x_0",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, weight=lambda t: _upto(Q, t)[x0],
                          end=lambda q, p: categorical_kl(_upto(Q, len(Q))[x0], p))),
        Misconception("x_0 is carried as a row, law @ Q[t - 1]; it is a column, and a step is Q[t - 1] @ law",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, weight=lambda t: _backwards(Q, t)[x0],
                          end=lambda q, p: categorical_kl(_backwards(Q, len(Q))[x0], p))),
        Misconception("q(x_t | x_0) is taken from the power of one matrix; the matrices differ from step to step",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, weight=lambda t: torch.linalg.matrix_power(Q[t - 1], t)[:, x0],
                          end=lambda q, p: categorical_kl(torch.linalg.matrix_power(Q[-1], len(Q))[:, x0], p))),
        Misconception("Q_{1:t} is multiplied in the wrong order: the first step acts first",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, weight=lambda t: _backwards(Q, t)[:, x0],
                          end=lambda q, p: categorical_kl(_backwards(Q, len(Q))[:, x0], p))),
        Misconception("x_t and x_0 are exchanged in the posterior", lambda Q, reverse, prior, x0: _parts(
            Q, reverse, prior, x0, back=lambda Q, xt, x0, t: posterior(Q, x0, xt, t))),
        Misconception("the posteriors are those of step t-1; the posterior of x_t is that of step t",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0, back=lambda Q, xt, x0, t: posterior(Q, xt, x0, max(t - 1, 1)))),
        Misconception("the posterior is not normalised: divide by its sum, q(x_t | x_0) (task 03-1)",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse, prior, x0, back=_joint)),
        Misconception("the average over x_t is taken inside the KL; it is the average of the KLs, one for every x_t",
                      lambda Q, reverse, prior, x0: torch.stack([
                          *(categorical_kl(_upto(Q, t - 1)[:, x0], reverse[t - 1] @ _upto(Q, t)[:, x0])
                            for t in range(1, len(Q) + 1)), categorical_kl(_upto(Q, len(Q))[:, x0], prior)])),
        Misconception("L_t for t >= 2 is computed like L_1, -log of the model at x_0; it is the KL from the posterior",
                      lambda Q, reverse, prior, x0: torch.stack([
                          *(-_upto(Q, t)[:, x0] @ reverse[t - 1][x0].log() for t in range(1, len(Q) + 1)),
                          categorical_kl(_upto(Q, len(Q))[:, x0], prior)])),
        Misconception("the posterior has Q_t x_t, the column of x_t, in it; the row belongs there (task 03-1)",
                      lambda Q, reverse, prior, x0: _parts(
                          Q, reverse, prior, x0,
                          back=lambda Q, xt, x0, t: _normalised(Q[t - 1][:, xt] * (_upto(Q, t - 1) @ _vector(x0, Q))))),
        Misconception("the model is read by its rows: p(x_{t-1} | x_t = j) is *column* j of reverse[t - 1]",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse.transpose(1, 2), prior, x0)),
        Misconception("the model is read at x_0, reverse[t - 1][:, x0]; it has looked at x_t: reverse[t - 1][:, xt]",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse[:, :, [x0]].expand_as(reverse), prior, x0)),
        Misconception("the tables are read in reverse order: the table of step t is reverse[t - 1]",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse.flip(0), prior, x0)),
        Misconception("reverse[t - 2] is the table of step t-1; that of step t is reverse[t - 1]",
                      lambda Q, reverse, prior, x0: _parts(Q, reverse.roll(1, 0), prior, x0)),
        Misconception("these are minus the parts: the KLs and -log p are added, all with a plus sign",
                      lambda Q, reverse, prior, x0: -bound_terms(Q, reverse, prior, x0)),
        Misconception("the sign of L_1 is off: the reconstruction is -log p(x_0 | x_1), averaged",
                      lambda Q, reverse, prior, x0: _flip(bound_terms(Q, reverse, prior, x0), 0)),
        Misconception("the sign of the prior term is off: it is a KL, and is added",
                      lambda Q, reverse, prior, x0: _flip(bound_terms(Q, reverse, prior, x0), -1)),
        Misconception("the prior term comes first here; it was asked for last", lambda Q, reverse, prior, x0:
                      bound_terms(Q, reverse, prior, x0).roll(1)),
        Misconception("the terms stand in the order L_T, ..., L_1; L_1 comes first", lambda Q, reverse, prior, x0:
                      torch.cat([bound_terms(Q, reverse, prior, x0)[:-1].flip(0),
                                 bound_terms(Q, reverse, prior, x0)[-1:]])),
        Misconception("the parts stand in reverse order: L_1 comes first, the prior term last",
                      lambda Q, reverse, prior, x0: bound_terms(Q, reverse, prior, x0).flip(0)),
        Misconception("these are running sums; every part was asked for by itself", lambda Q, reverse, prior, x0:
                      bound_terms(Q, reverse, prior, x0).cumsum(0)),
        Misconception("these are running sums; every part was asked for by itself", lambda Q, reverse, prior, x0:
                      torch.cat([bound_terms(Q, reverse, prior, x0)[:-1].cumsum(0),
                                 bound_terms(Q, reverse, prior, x0)[-1:]])),
        Misconception("the parts are divided by T; their sum is the bound", lambda Q, reverse, prior, x0:
                      bound_terms(Q, reverse, prior, x0) / len(Q)),
        Misconception("L_1, ..., L_T are divided by T; the sum of the parts is the bound",
                      lambda Q, reverse, prior, x0: torch.cat([bound_terms(Q, reverse, prior, x0)[:-1] / len(Q),
                                                               bound_terms(Q, reverse, prior, x0)[-1:]])),
        Misconception("every part is divided by K: a KL is the sum over the K states, not their mean",
                      lambda Q, reverse, prior, x0: bound_terms(Q, reverse, prior, x0) / Q.shape[-1]),
        Misconception("this is in bits; the course computes in nats (natural logarithm)", lambda Q, reverse, prior, x0:
                      bound_terms(Q, reverse, prior, x0) / np.log(2)),
        Misconception("the result holds NaN: the posterior at t = 1 is one-hot, and its terms 0 log 0 are 0",
                      symptom=lambda cases, values: all(np.isnan(value[0]) for value in values)),
        Misconception("only L_1 is right: are the weights q(x_t | x_0) those of the t of the term, and does each term "
                      "use its own reverse[t - 1]?", symptom=_only_wrong_in(slice(1, None))),
        Misconception("only L_1 is wrong: it is the average of -log p(x_0 | x_1), with p(x_0 | x_1 = j) in column j of "
                      "reverse[0]", symptom=_only_wrong_in(0)),
        Misconception("only the prior term is wrong: it is KL(q(x_T | x_0) || p(x_T)), with q(x_T | x_0) the column "
                      "x_0 of Q_{1:T}", symptom=_only_wrong_in(-1)),
        Misconception("only L_T is wrong: does the loop over t go up to T?", symptom=_only_wrong_in(-2)),
        Misconception("L_2, ..., L_T are wrong, the other two right: each is the average over q(x_t | x_0) of "
                      "KL(posterior(Q, xt, x0, t) || reverse[t - 1][:, xt])", symptom=lambda cases, values: all(
                          np.isclose(value[[0, -1]], bound_terms(*case.args)[[0, -1]].numpy(), rtol=1e-4).all()
                          for case, value in zip(cases, values, strict=True))),
    ),
)


def _flip(values: Tensor, place: int) -> Tensor:
    values = values.clone()
    values[place] = -values[place]
    return values


# 03-5: what the model really believes

def log_likelihood(reverse: Tensor, prior: Tensor) -> Tensor:
    return _carried(reverse, prior).log()


def _carried(reverse: Tensor, law: Tensor) -> Tensor:
    for matrix in reverse.flip(0):
        law = matrix @ law
    return law


def _likeliest_path(reverse: Tensor, prior: Tensor) -> Tensor:
    best = prior.log()
    for matrix in reverse.flip(0):
        best = (matrix.log() + best).amax(1)
    return best


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
    return cases


def _sum_of_logs(reverse: Tensor, prior: Tensor) -> Tensor:
    total = prior.log()
    for matrix in reverse.flip(0):
        total = (matrix.log() + total).sum(1)
    return total


LOG_LIKELIHOOD = Question(
    id="03-5-log-likelihood",
    points=2,
    name="log_likelihood",
    cases=_likelihood_cases,
    reference=log_likelihood,
    misconceptions=(
        Misconception("the matrices act in the wrong order: generation begins at t = T, so reverse[T - 1] acts first",
                      lambda reverse, prior: _carried(reverse.flip(0), prior).log()),
        Misconception("the matrices act in the wrong order, and the logarithm is missing",
                      lambda reverse, prior: _carried(reverse.flip(0), prior)),
        Misconception("these are the probabilities; asked are their logarithms",
                      lambda reverse, prior: _carried(reverse, prior)),
        Misconception("this is -log p(x_0); asked is log p(x_0)",
                      lambda reverse, prior: -log_likelihood(reverse, prior)),
        Misconception("the matrices are transposed: column j of reverse[t - 1] is where x_t = j leads",
                      lambda reverse, prior: _carried(reverse.transpose(1, 2), prior).log()),
        Misconception("the matrices act on the wrong side, in the wrong order: column j of reverse[t - 1] is where "
                      "x_t = j leads", lambda reverse, prior: _carried(reverse.transpose(1, 2).flip(0), prior).log()),
        Misconception("p(x_T) does not enter: start with the prior", lambda reverse, prior:
                      _carried(reverse, torch.full_like(prior, 1 / len(prior))).log()),
        Misconception("p(x_T) does not enter, and the paths are only added: start with the prior",
                      lambda reverse, prior: _carried(reverse, torch.ones_like(prior)).log()),
        Misconception("the last step, t = 1, is missing", lambda reverse, prior: _carried(reverse[1:], prior).log()),
        Misconception("the first step back, t = T, is missing",
                      lambda reverse, prior: _carried(reverse[:-1], prior).log()),
        Misconception("only the likeliest path is counted; p(x_0) adds up all paths that end in x_0", _likeliest_path),
        Misconception("this is the average of the logarithm over paths, a bound; asked is the logarithm of the sum",
                      lambda reverse, prior: reverse[0].log() @ _carried(reverse[1:], prior)),
        Misconception("this is the average of the logarithm over x_T, a bound; asked is the logarithm of the sum",
                      lambda reverse, prior: _carried(reverse, torch.eye(len(prior), dtype=prior.dtype)).log() @ prior),
        Misconception("this is in bits; the course computes in nats (natural logarithm)",
                      lambda reverse, prior: log_likelihood(reverse, prior) / np.log(2)),
        Misconception("this is to the base 10; the course computes in nats (natural logarithm)",
                      lambda reverse, prior: log_likelihood(reverse, prior) / np.log(10)),
        Misconception("this is log(1 + p(x_0)), log1p; asked is log p(x_0)",
                      lambda reverse, prior: _carried(reverse, prior).log1p()),
        Misconception("the logarithm is divided by T; asked is log p(x_0) itself",
                      lambda reverse, prior: log_likelihood(reverse, prior) / len(reverse)),
        Misconception("this is a log-softmax of p(x_0), which is a distribution already: take its logarithm",
                      lambda reverse, prior: _carried(reverse, prior).log_softmax(-1)),
        Misconception("this is log p(x_T): the matrices do not act. A step is reverse[t - 1] @ law, the sum over x_t, "
                      "which is the second index", lambda reverse, prior: prior.log()),
        Misconception("this is one step only; the law goes through all T matrices",
                      lambda reverse, prior: (reverse[0] @ prior).log()),
        Misconception("this is one step only; the law goes through all T matrices",
                      lambda reverse, prior: (reverse[-1] @ prior).log()),
        Misconception("this is the power of one matrix; the matrices differ from step to step", lambda reverse, prior:
                      (torch.linalg.matrix_power(reverse[0], len(reverse)) @ prior).log()),
        Misconception("this is the power of one matrix; the matrices differ from step to step", lambda reverse, prior:
                      (torch.linalg.matrix_power(reverse[-1], len(reverse)) @ prior).log()),
        Misconception("the indices are one off: reverse[T - 1] acts first and reverse[0] last, here it is reverse[-1]",
                      lambda reverse, prior: _carried(reverse.roll(1, 0), prior).log()),
        Misconception("only the likeliest x_T is used; start with the whole prior", lambda reverse, prior:
                      _carried(reverse, torch.eye(len(prior), dtype=prior.dtype)[prior.argmax()]).log()),
        Misconception("the logarithms of the factors are added along matrices; add up the *probabilities* of the "
                      "paths, and take one logarithm at the end",
                      lambda reverse, prior: _carried(reverse.log(), prior.log())),
        Misconception("the logarithms are added up over the paths; add up the *probabilities* of the paths, and take "
                      "one logarithm at the end", lambda reverse, prior: _sum_of_logs(reverse, prior)),
        Misconception("the logarithm of p(x_T) is carried through the matrices; carry p(x_T) itself, and take the "
                      "logarithm at the end", lambda reverse, prior: _carried(reverse, prior.log())),
        Misconception("log p(x_0) is above 0, a probability above 1: is the sign off, or is something counted twice?",
                      symptom=lambda cases, values: any((value > 1e-6).any() for value in values)),
        Misconception("the probabilities of all x_0 do not sum to 1: columns of reverse[t - 1] do, and so does the "
                      "prior; is every step a product reverse[t - 1] @ law?", symptom=lambda cases, values: any(
                          abs(np.exp(value).sum() - 1) > 1e-3 for value in values)),
    ),
)


QUESTIONS = (POSTERIOR, CATEGORICAL_KL, REVERSE_MIXTURE, BOUND_TERMS, LOG_LIKELIHOOD)
