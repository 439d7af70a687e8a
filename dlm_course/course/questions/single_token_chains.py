"""Topic 01: a column of Q_t, the order of a product, sums over paths, sampled paths, a matrix from counted pairs."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dlm_course.chain.categorical import one_hot
from dlm_course.chain.transition import MatrixTransition
from dlm_course.course.questions.mistakes import (
    Shows,
    against,
    close,
    dependent,
    everywhere,
    mistakes,
    only_where,
    rare_lost,
    seeding,
    slip,
    somewhere,
    too_even,
)
from dlm_course.course.questions.question import Case, Question


def _random_matrices(num_steps: int, num_states: int, generator: torch.Generator) -> Tensor:
    matrices = torch.rand(num_steps, num_states, num_states, dtype=torch.float64, generator=generator) ** 2
    return matrices / matrices.sum(-2, keepdim=True)


def _sparse_matrices(num_steps: int, generator: torch.Generator) -> Tensor:
    """Four states, zeros in every column, and a step from 0 to 3 with probability 1e-15, the only way into 3."""
    r = 0.2 + 0.6 * torch.rand(num_steps, 4, dtype=torch.float64, generator=generator)
    matrices = torch.zeros(num_steps, 4, 4, dtype=torch.float64)
    for j, i in ((0, 1), (1, 2), (2, 1), (3, 0)):
        matrices[:, j, j], matrices[:, i, j] = r[:, j], 1 - r[:, j]
    matrices[:, 3, 0] = 1e-15
    return matrices


def _relative(case: Case, expected: np.ndarray) -> np.ndarray:
    """What is rare counts, too: sums and products of numbers that are not negative lose no digits."""
    return 1e-25 + 1e-4 * np.abs(expected)


def _kept(right: Callable[..., Tensor], first: int, second: int) -> Shows:
    """Where the first of two cases is right, and the second has its result once more."""
    return Shows(lambda cases, values: close(values[first], right(*cases[first].args).numpy())
                 and close(values[second], values[first]))


_all_zero = everywhere(lambda value, *_: (value == 0).all())
_sums_off_one = somewhere(lambda value, *_: np.abs(value.sum(0) - 1).max() > 1e-3)


# 01-1: a column, not a row

# The references are as lenient as a student's own function would be, since later tasks may call them.

_NOTEBOOK_Q = torch.tensor([[0.7, 0.0, 0.1, 0.1], [0.0, 0.6, 0.2, 0.1], [0.2, 0.1, 0.6, 0.0], [0.1, 0.3, 0.1, 0.8]],
                           dtype=torch.float64)


def next_distribution(matrix: Tensor, x: Tensor) -> Tensor:
    return matrix.T[x]


def _next_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for num_states, shape in ((4, ()), (4, (3,)), (3, (2, 5)), (3, (1,)), (4, (2, 3, 4))):
        matrix = _random_matrices(1, num_states, generator)[0]
        x = torch.randint(num_states, shape, generator=generator)
        if len(shape) == 3:
            matrix = _sparse_matrices(1, generator)[0]
            x[0, 0] = torch.arange(4)
        label = f"K = {num_states}, x of shape {tuple(shape)}" if shape else f"K = {num_states}, x = {int(x)}"
        cases.append(Case((matrix, x), label))
    return cases


NEXT_DISTRIBUTION = Question(
    id="01-1-next-distribution",
    points=1,
    name="next_distribution",
    cases=_next_cases,
    reference=next_distribution,
    tolerance=_relative,
    misconceptions=mistakes({
        "you read a row of Q; the distribution of x_t given x_{t-1} = j is column j, Q[:, j]. A row does not even sum "
        "to 1": lambda matrix, x: matrix[x],
        "this is a row of Q, normalised; the distribution of x_t given x_{t-1} = j is column j, which sums to 1 by "
        "itself": lambda matrix, x: matrix[x] / matrix[x].sum(-1, keepdim=True),
        "the columns are right, but the states must be the last dimension: shape (..., K), and Q[:, x] puts them "
        "first": lambda matrix, x: matrix[:, x],
        "the columns are there, but `reshape` and `view` only cut the numbers anew; to bring a dimension to the end "
        "use `.T` before indexing, or `movedim`": lambda matrix, x: matrix[:, x].reshape(*x.shape, len(matrix)),
        "this is the most probable next state; asked is the whole distribution over the K states":
            lambda matrix, x: matrix.argmax(0)[x],
        "the states are counted from 0: column x is Q[:, x], not Q[:, x - 1]":
            slip(next_distribution, x=lambda x: x - 1),
        "this uses the notebook's Q; use the argument, matrix": slip(next_distribution, matrix=lambda: _NOTEBOOK_Q),
        "this is one_hot(x), where the token is; asked is where it goes, Q one_hot(x)":
            lambda matrix, x: one_hot(x, len(matrix)),
        "these are logarithms; asked are the probabilities themselves": lambda matrix, x: matrix.T[x].log(),
        "the columns of Q are probabilities already; a softmax makes others of them":
            lambda matrix, x: matrix.T[x].softmax(-1),
        "1 stands at the most probable next state and 0 elsewhere; asked is the whole distribution":
            lambda matrix, x: one_hot(matrix.argmax(0)[x], len(matrix)),
        **rare_lost(next_distribution),
    }),
)


# 01-2: the newest matrix stands on the left

def cumulative_matrix(matrices: Tensor, t: int) -> Tensor:
    result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
    for matrix in matrices[:t]:
        result = matrix @ result
    return result


def _in_pairs(matrices: Tensor, t: int) -> Tensor:
    """The product in a tree of pairs, each time with the last one first where their number is odd."""
    left = list(matrices[:t])
    while len(left) > 1:
        odd = [left.pop()] if len(left) % 2 else []
        left = odd + [after @ before for before, after in zip(left[::2], left[1::2], strict=True)]
    return left[0] if left else cumulative_matrix(matrices, t)


def _cumulative_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    matrices = _random_matrices(4, 3, generator)
    return [*(Case((matrices, t), f"T = 4, t = {t}") for t in (1, 2, 3, 4)),
            Case((_random_matrices(4, 3, generator), 2), "another chain, T = 4, t = 2"),
            *(Case((_sparse_matrices(3, generator), t), f"K = 4, a chain with zeros, T = 3, t = {t}") for t in (2, 3)),
            Case((matrices, 0), "T = 4, t = 0",
                 edge="at t = 0 nothing has happened yet, so Q_{1:0} is the identity matrix"),
            Case((matrices[:1], 1), "T = 1, t = 1", edge="a chain may have a single step")]


CUMULATIVE_MATRIX = Question(
    id="01-2-cumulative-matrix",
    points=2,
    name="cumulative_matrix",
    cases=_cumulative_cases,
    reference=cumulative_matrix,
    tolerance=_relative,
    misconceptions=mistakes({
        "another chain got the matrix of the first: was it kept from an earlier call?":
            _kept(cumulative_matrix, first=1, second=4),
        "the product is in the wrong order: the first step acts first, so Q_1 stands on the right, next to x_0, and "
        "each later matrix goes to its left: Q_t ... Q_2 Q_1":
            slip(cumulative_matrix, matrices=lambda matrices, t: matrices[:t].flip(0)),
        "a matrix that has no partner goes to the front, where the first steps stand: it comes last": _in_pairs,
        "the matrices are transposed: columns of Q sum to 1 here, so Q acts on the column x_0 from the left":
            slip(cumulative_matrix, lambda result: result.T),
        "each matrix was transposed before multiplying: columns of Q sum to 1 here already":
            slip(cumulative_matrix, matrices=lambda matrices: matrices.mT),
        "one step too few: Q_{1:t} has t factors, and Q_t is matrices[t - 1]":
            slip(cumulative_matrix, t=lambda t: t - 1),
        "one step too many: Q_{1:t} has t factors, and Q_t is matrices[t - 1]":
            slip(cumulative_matrix, t=lambda t: t + 1),
        "Q_1 is left out: Q_{1:t} has t factors, and Q_1 is matrices[0]":
            lambda matrices, t: cumulative_matrix(matrices[1:], t - 1),
        "these are the last t matrices, not the first t: take matrices[:t] before you turn the order round":
            (slip(cumulative_matrix, matrices=lambda matrices: matrices.flip(0)),
             slip(cumulative_matrix, matrices=lambda matrices, t: matrices[len(matrices) - t:])),
        "this is the product of all T matrices, whatever t is":
            slip(cumulative_matrix, t=lambda matrices: len(matrices)),
        "this is Q_1 for every t; does the return stand inside the loop?": lambda matrices, t: matrices[0],
        "Q_t itself, or a power of it, is the cumulative matrix only if every step has the same matrix":
            (lambda matrices, t: matrices[t - 1],
             lambda matrices, t: torch.linalg.matrix_power(matrices[t - 1], t)),
        "Q_1 to the power t is the cumulative matrix only if every step has the same matrix":
            lambda matrices, t: torch.linalg.matrix_power(matrices[0], t),
        "entries were multiplied one by one (*); steps are chained by the matrix product (@), which sums over the "
        "state in between": (lambda matrices, t: matrices[:t].prod(0),
                             lambda matrices, t: torch.eye(matrices.shape[-1]) * matrices[:t].prod(0)),
        "the product starts from zeros; start from the identity, which changes nothing": _all_zero,
        "the columns of the result do not sum to 1: chain the steps with the matrix product (@), starting from the "
        "identity": _sums_off_one,
        **rare_lost(cumulative_matrix),
    }),
)


# 01-3: the same by brute force

def marginal_by_paths(matrices: Tensor, x0: int, t: int) -> Tensor:
    return cumulative_matrix(matrices, t)[:, x0]


_LONG = 6     # from so many states on, a path is long


def path_law(matrices: Tensor, x0: Tensor, *, from_x0: bool = False) -> Tensor:
    """The probability of every path x_0, x_1, ..., x_T, shape (K,) * (T+1), x_0 distributed as in `x0`.

    With from_x0 each step draws from column x_0, not x_{s-1}, of Q_s.
    """
    num_states = matrices.shape[-1]
    law = torch.bincount(x0, minlength=num_states).double() / len(x0)
    for s, matrix in enumerate(matrices):
        column = matrix.T.reshape(num_states, *(1,) * s, num_states) if from_x0 else matrix.T
        law = law[..., None] * column
    return _ends(law)


def _ends(law: Tensor) -> Tensor:
    """Of long paths only the two ends are looked at: (K, K), x_0 first."""
    return law if law.ndim <= _LONG else law.sum(tuple(range(1, law.ndim - 1)))


def _combined(rule: Callable[[Tensor], Tensor]) -> Callable:
    """The function that combines the probabilities of the paths from x_0, (paths, K), by this rule, not the sum."""
    return lambda matrices, x0, t: rule(
        path_law(matrices[:t], torch.tensor([x0]))[x0].reshape(-1, matrices.shape[-1]))


def _path_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for num_states, num_steps, t in ((3, 3, 3), (3, 3, 2), (3, 4, 1), (2, 5, 5), (3, 2, 0)):
        x0 = int(torch.randint(num_states, (), generator=generator))
        cases.append(Case((_random_matrices(num_steps, num_states, generator), x0, t),
                          f"K = {num_states}, T = {num_steps}, x0 = {x0}, t = {t}",
                          edge="" if t else "at t = 0 the only path is x_0 itself, with probability 1"))
    first, fair = cases[0], torch.full((3, 2, 2), 0.5, dtype=torch.float64)
    return [first,
            Case((_random_matrices(3, 3, generator), *first.args[1:]), f"another chain, {first.label}"),
            *(Case((_sparse_matrices(3, generator), 0, t), f"K = 4, a chain with zeros, T = 3, x0 = 0, t = {t}")
              for t in (2, 3)),
            Case((fair, 1, 3), "K = 2, T = 3, every step to either state with 1/2, x0 = 1, t = 3"),
            *cases[1:],
            Case((first.args[0][:1], *first.args[1:2], 1), f"K = 3, T = 1, x0 = {first.args[1]}, t = 1",
                 edge="a chain may have a single step")]


def _steps_of_paths(matrices: Tensor, x0: int, t: int) -> list[tuple[int, Tensor]]:
    """Of every path where it ends, and the probabilities of its steps, (t,)."""
    paths = [(x0, *states) for states in itertools.product(range(matrices.shape[-1]), repeat=t)]
    return [(path[-1], torch.stack([matrices.new_ones(()), *(matrices[s, path[s + 1], path[s]] for s in range(t))])[1:])
            for path in paths]


def _never_reset(matrices: Tensor, x0: int, t: int) -> Tensor:
    result, product = matrices.new_zeros(matrices.shape[-1]), matrices.new_ones(())
    for end, steps in _steps_of_paths(matrices, x0, t):
        product = product * steps.prod()
        result[end] += product
    return result


def _steps_added(matrices: Tensor, x0: int, t: int) -> Tensor:
    result = matrices.new_zeros(matrices.shape[-1])
    for end, steps in _steps_of_paths(matrices, x0, t):
        result[end] += 1 + steps.sum()
    return result


MARGINAL_BY_PATHS = Question(
    id="01-3-marginal-by-paths",
    points=3,
    name="marginal_by_paths",
    cases=_path_cases,
    reference=marginal_by_paths,
    tolerance=_relative,
    misconceptions=mistakes({
        "another chain got the result of the first: was it kept from an earlier call?":
            _kept(marginal_by_paths, first=0, second=1),
        "each step reads Q[from, to]; here Q[i, j] is the probability of going from j to i, so a step from x_{s-1} to "
        "x_s weighs Q_s[x_s, x_{s-1}]": slip(marginal_by_paths, matrices=lambda matrices: matrices.mT),
        "this is row x_0 of Q_{1:t}, how likely each state is to *become* x_0; asked is where x_0 goes, column x_0":
            lambda matrices, x0, t: cumulative_matrix(matrices, t)[x0],
        "the matrices are used in the wrong order: the step out of x_0 is Q_1, matrices[0]":
            slip(marginal_by_paths, matrices=lambda matrices, t: matrices[:t].flip(0)),
        "the wrong matrix for each step: step s uses Q_s, which is matrices[s - 1]":
            (slip(marginal_by_paths, matrices=lambda matrices: matrices.roll(-1, 0)),
             slip(marginal_by_paths, matrices=lambda matrices: matrices.roll(1, 0))),
        "every step uses the same matrix; step s uses Q_s, which is matrices[s - 1]":
            (slip(marginal_by_paths, matrices=lambda matrices: matrices[:1].expand_as(matrices)),
             slip(marginal_by_paths, matrices=lambda matrices, t: matrices[t - 1].expand_as(matrices))),
        "only the most probable path into each state is counted; a state is reached along any path, so their "
        "probabilities add up": _combined(lambda paths: paths.amax(0)),
        "the paths are averaged; they exclude each other, so their probabilities add up":
            (_combined(lambda paths: paths.mean(0)),
             slip(marginal_by_paths, lambda result, matrices, t: result / matrices.shape[-1] ** t)),
        "paths of equal probability are counted once, as in a set; every path counts":
            _combined(lambda paths: torch.stack([column.unique().sum() for column in paths.T])),
        "one path into each state overwrites another; their probabilities add up: use +=":
            _combined(lambda paths: paths[-1]),
        "everything is added to the state where the path starts; add it to the one where it ends":
            slip(marginal_by_paths, t=lambda: 0),
        "the sum runs over the starting state too; x_0 is given, so every path starts there":
            lambda matrices, x0, t: cumulative_matrix(matrices, t).sum(1),
        "one step too few: a path to x_t takes t steps": slip(marginal_by_paths, t=lambda t: t - 1),
        "one step too many: a path to x_t takes t steps": slip(marginal_by_paths, t=lambda t: t + 1),
        "always T steps were taken; a path to x_t takes t of them":
            slip(marginal_by_paths, t=lambda matrices: len(matrices)),
        "the result is 0: does the probability of a path start from 0? A product starts from 1": _all_zero,
        "the product is not begun anew: each path needs its own, which starts from 1": _never_reset,
        "the probabilities of the steps are added; a path's probability is their product": _steps_added,
        "each step starts from x_0 again; step s of a path goes from x_{s-1} to x_s":
            lambda matrices, x0, t: matrices[t - 1, :, x0] if t else cumulative_matrix(matrices, 0)[x0],
        "one step of each path is left out, the last step, say; a path to x_t takes t steps":
            everywhere(lambda value, matrices, x0, t: t == 0 or np.allclose(value, 1)),
        "the probabilities of the K states do not sum to 1. Is a path's probability the *product* of its t steps, "
        "begun anew at 1 for each path, and added to the state where it ends?": _sums_off_one,
        **rare_lost(marginal_by_paths),
    }),
)


# 01-4: a path, each state drawn from the one before

_NUM_PATHS = 6000
_SAME_COLUMNS = 7   # the case in which they are


def sample_paths(matrices: Tensor, x0: Tensor, generator: torch.Generator) -> Tensor:
    return MatrixTransition(matrices).sample_path(x0, generator=generator)


def _one_number_for_all_steps(matrices: Tensor, x0: Tensor) -> Tensor:
    """The law when a token's single random number u chooses its state in every step."""
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    law = torch.zeros((matrices.shape[-1],) * (len(matrices) + 1), dtype=torch.float64)
    for start in x0.unique():
        path = [start.expand_as(u)]
        for matrix in matrices:
            path.append((matrix.T[path[-1]].cumsum(-1) <= u[:, None]).sum(-1).clamp(max=len(matrix) - 1))
        law.index_put_(tuple(path), (x0 == start).double().mean() / len(u), accumulate=True)
    return _ends(law)


def _path_frequencies(case: Case, paths: np.ndarray) -> np.ndarray:
    matrices, x0 = case.args
    num_states = matrices.shape[-1]
    if paths.min() < 0 or paths.max() >= num_states:
        raise ValueError(f"the states are 0..{num_states - 1}, but a path holds {paths.min()}..{paths.max()}")
    if (paths[0] != x0.numpy()).any():
        raise ValueError("the first row of the result must be x_0 itself, before any step")
    looked_at = paths if len(paths) <= _LONG else paths[[0, -1]]
    counts = np.zeros((num_states,) * len(looked_at))
    np.add.at(counts, tuple(looked_at), 1)
    return counts / paths.shape[1]


def _path_entry(case: Case, index: tuple[int, ...]) -> str:
    matrices, x0 = case.args
    way = " → ".join(map(str, index)) if len(index) == len(matrices) + 1 else \
        f"from {index[0]} to {index[1]} in {len(matrices)} steps"
    return f"of {len(x0):,} paths, the share that goes {way}"


def _path_tolerance(case: Case, law: np.ndarray) -> np.ndarray:
    """Five standard errors of a frequency, and four counts where the normal approximation is poor."""
    num_paths = len(case.args[1])
    return np.where(law > 0, 5 * np.sqrt(law * (1 - law) / num_paths) + 4 / num_paths, 0.0)


def _tells_of_another(paths: np.ndarray, matrices: np.ndarray, x0: np.ndarray) -> bool:
    """True if the path of one token tells of that of another."""
    if (paths[0] != x0).any():
        return False
    visits = paths[1:_LONG, :, None] == np.arange(matrices.shape[-1])
    return len(x0) == _NUM_PATHS and dependent(visits.swapaxes(0, 1).reshape(len(x0), -1), x0)


def _too_even(cases: Sequence[Case], paths: Sequence[np.ndarray]) -> bool:
    """True if the states come up nearly as often as they should in every step, as no independent draws do."""
    matrices, x0 = cases[_SAME_COLUMNS].args
    counts = (paths[_SAME_COLUMNS][1:, :, None] == np.arange(matrices.shape[-1])).sum(1)
    expected = len(x0) * matrices[..., 0].numpy()
    return too_even(((counts - expected)**2 / expected).sum(), freedom=counts.size - len(counts))


def _impossible(paths: np.ndarray, matrices: np.ndarray, x0: np.ndarray) -> bool:
    """True if a path, which starts where it must, holds a step of probability 0."""
    if paths.min() < 0 or paths.max() >= matrices.shape[-1] or (paths[0] != x0).any():
        return False
    return any((matrix[after, before] == 0).any() for matrix, before, after in
               zip(matrices, paths[:-1], paths[1:], strict=True))


def _sample_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    matrices, others = (_random_matrices(3, 3, generator) for _ in range(2))
    start, mixed = torch.full((_NUM_PATHS,), 1), torch.arange(_NUM_PATHS) % 3
    sparse = _random_matrices(2, 4, generator)
    sparse[:, [1, 2, 3, 0], [0, 1, 2, 3]] = 0
    sparse[:, [2, 3, 0, 1], [0, 1, 2, 3]] *= 0.05
    rare = torch.eye(3, dtype=torch.float64)        # never to 2, and seldom to 1
    rare[:2, 0] = torch.tensor([1 - 9e-4, 9e-4])
    same = others[0, :, :1].expand(3, 3)            # the next state does not depend on the last
    few = (others, mixed[:300])
    return [Case((matrices, start), "K = 3, T = 3, x0 all 1", 10 + seed),
            *[Case(few, "K = 3, T = 3, 300 tokens", 10 + seed)] * 2,
            other := Case(few, "K = 3, T = 3, 300 tokens", 11 + seed),
            replace(other, goes_on=True),
            Case((sparse / sparse.sum(-2, keepdim=True), mixed),
                 "K = 4, T = 2, x0 = 0, 1, 2, 0, 1, 2, ..., chain with zeros", 12 + seed),
            Case((rare.expand(8, 3, 3).clone(), start - 1), "K = 3, T = 8, x0 all 0, rare steps", 13 + seed),
            Case((same.expand(16, 3, 3).clone(), mixed[:600]), "K = 3, T = 16, equal columns, 600 tokens", 15 + seed),
            Case((matrices, start[:1]), "a single token", 14 + seed,
                 edge="N may be 1, and the result then has shape (T + 1, 1): does a squeeze() take off more than the "
                      "last dimension?")]


SAMPLE_PATHS = Question(
    id="01-4-sample-paths",
    points=3,
    name="sample_paths",
    cases=_sample_cases,
    reference=path_law,
    stand_in=sample_paths,
    view=_path_frequencies,
    expects=lambda case: ((len(case.args[0]) + 1, len(case.args[1])), "i"),
    entry=_path_entry,
    tolerance=_path_tolerance,
    misconceptions=mistakes({
        "nothing is random here: this takes the most probable next state, without drawing":
            slip(path_law, matrices=lambda matrices: one_hot(matrices.argmax(-2), matrices.shape[-1]).mT),
        "the state never leaves x_0: append the new state and start the next step from it":
            slip(path_law, matrices=lambda matrices: torch.eye(matrices.shape[-1]).expand_as(matrices)),
        "all tokens move together: each needs a random number of its own":
            Shows(lambda cases, values: (values[0] == values[0][:, :1]).all()),
        **seeding(same=[(1, 2)], other=(1, 3), again=(3, 4)),
        "a token's random number is the same in every step: draw anew in each": _one_number_for_all_steps,
        "the paths do not belong to their tokens: column n of the result must start in x0[n]. Were the tokens sorted "
        "or grouped by state?":    # x_1, ..., x_T are independent of x_0
            slip(path_law, lambda law: law.sum(tuple(range(1, law.ndim)), keepdim=True) * law.sum(0)),
        "every x_t is drawn from q(x_t | x_0) by itself: the marginals are right, but a path needs x_t to be drawn "
        "from the column of the state just before, x_{t-1}":
            slip(path_law, from_x0=True, matrices=lambda matrices: torch.stack(
                [cumulative_matrix(matrices, t) for t in range(1, len(matrices) + 1)])),
        "every step starts again from x_0; step t starts from x_{t-1}": slip(path_law, from_x0=True),
        "each step draws from a row of Q_t; the distribution of x_t given x_{t-1} = j is column j":
            slip(path_law, matrices=lambda matrices: matrices.mT / matrices.sum(-1)[:, None]),
        "the matrices are used in the wrong order: the first step uses Q_1, matrices[0]":
            slip(path_law, matrices=lambda matrices: matrices.flip(0)),
        "step t uses the wrong matrix: Q_t is matrices[t - 1]":
            (slip(path_law, matrices=lambda matrices: matrices.roll(-1, 0)),
             slip(path_law, matrices=lambda matrices: matrices.roll(1, 0))),
        "every step uses Q_1; step t uses Q_t, which is matrices[t - 1]":
            slip(path_law, matrices=lambda matrices: matrices[:1].expand_as(matrices)),
        "each step draws uniformly among the states instead of from column x_{t-1} of Q_t":
            slip(path_law, matrices=lambda matrices: torch.full_like(matrices, 1 / matrices.shape[-1])),
        "the path of one token tells of that of another: every token needs random numbers of its own":
            somewhere(_tells_of_another, always=True),
        "the states come up too evenly: independent tokens differ from what is expected by about a standard deviation. "
        "Do the tokens share one set of evenly spread random numbers?": Shows(_too_even, always=True),
        "a path takes a step from x_{t-1} to x_t whose probability in Q_t is 0":
            somewhere(_impossible),
        "a step of probability 0.0009 is never taken: is there a threshold, or are the random numbers too coarse?":
            Shows(lambda cases, values: (values[6] == 0).all()),
    }),
)


# 01-5: the matrix from counted pairs

def estimate_matrix(before: Tensor, after: Tensor, num_states: int) -> Tensor:
    frequencies = _columns(_pair_counts(before, after, num_states))
    return frequencies.nan_to_num(1 / num_states)    # 0/0 in the column of a state that was never seen


def _columns(counts: Tensor) -> Tensor:
    return counts / counts.sum(0)


def _pair_counts(before: Tensor, after: Tensor, num_states: int) -> Tensor:
    pairs = torch.bincount(after * num_states + before, minlength=num_states**2)
    return pairs.reshape(num_states, num_states).double()


def _flatter(value: np.ndarray, right: np.ndarray) -> bool:
    """True if every column lies between the right one and 1/K everywhere, on the straight line, and not at the ends."""
    even = 1 / len(right)
    way = ((value - right) * (even - right)).sum(0) / np.maximum(((even - right)**2).sum(0), 1e-12)
    seen = np.abs(right - even).max(0) > 1e-6
    return bool(np.allclose(value, right + way * (even - right), atol=1e-9)
                and seen.any() and (way[seen] > 1e-9).all() and (way[seen] < 0.5).all())


def _estimate_cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for num_states, unseen in ((4, None), (3, None), (5, 2), (4, 3)):
        matrix = _random_matrices(1, num_states, generator)[0]
        before = torch.randint(num_states, (200,), generator=generator)
        label, edge = f"K = {num_states}, 200 pairs", ""
        if unseen is not None:
            before[before == unseen] = 0
            label += f", state {unseen} does not occur in before"
            edge = "the column of a state that is not in `before` is 1/K everywhere, and there are num_states columns"
        after = MatrixTransition(matrix, num_steps=1).sample(before, 1, generator=generator)
        if unseen == num_states - 1:
            after[after == unseen] = 0
        cases.append(Case((before, after, num_states), label, edge=edge))
    twelve = torch.arange(144).repeat(2)
    return [*cases[:2], _many_pairs(generator), *cases[2:],
            Case((twelve // 12, (twelve % 12 + twelve // 12 * 5) % 12 // 3 * 2, 12), "K = 12, 288 pairs",
                 edge="there may be ten states and more: do two pairs have the same number?"),
            Case((torch.arange(300).flip(0), 7 * torch.arange(300) % 300, 300), "K = 300, each state once",
                 edge="what was seen once has the frequency 1; and there may be hundreds of states, more than 8 bits "
                      "can number")]


def _many_pairs(generator: torch.Generator) -> Case:
    """One pair occurs more often than 16 bits can count, others once or twice."""
    before, after = (torch.cat([torch.zeros(33_000, dtype=torch.int64), torch.randint(4, (1_500,), generator=generator),
                                extra]) for extra in (torch.tensor([4, 4, 0]), torch.tensor([0, 4, 4])))
    order = torch.randperm(len(before), generator=generator)
    return Case((before[order], after[order], 5), "K = 5, 34503 pairs, most of them 0, 0")


ESTIMATE_MATRIX = Question(
    id="01-5-estimate-matrix",
    points=2,
    name="estimate_matrix",
    cases=_estimate_cases,
    reference=estimate_matrix,
    misconceptions=mistakes({
        "the matrix is transposed: Q[i, j] counts the pairs that go from j to i, so `after` chooses the row and "
        "`before` the column": slip(estimate_matrix, lambda matrix: matrix.T),
        "before and after are exchanged: this is the way back, how often i stood before j":
            lambda before, after, num_states: estimate_matrix(after, before, num_states),
        "the rows are normalised; each column must sum to 1: divide by how often j stood before a step":
            lambda before, after, num_states: estimate_matrix(after, before, num_states).T,
        "this is the joint frequency of the pair (i, j); divide each column by its own sum, not by the number of "
        "pairs": slip(_pair_counts, lambda counts: counts / counts.sum()),
        "these are counts; divide each column by its sum": _pair_counts,
        "pairs that occur several times are counted once: `counts[after, before] += 1` adds 1 to each entry it names, "
        "however often. Use a loop, torch.bincount or index_put_(accumulate=True)":
            slip(_pair_counts, lambda counts: _columns(counts.sign())),
        "divided along the wrong dimension: `counts / counts.sum(0)` divides each column by its sum; with [:, None] "
        "it divides the rows": slip(_pair_counts, lambda counts: counts / counts.sum(0)[:, None]),
        "1/K belongs only in the column of a state that was never seen; a pair that never occurred has frequency 0":
            somewhere(lambda value, *_: np.abs(value.sum(0) - 1).max() > 1e-3
                      and (np.abs(value - 1 / len(value)) < 1e-6).any()),
        "a number is added to every count, or something like it: the columns are nearer to 1/K than the plain "
        "frequencies are": against(estimate_matrix, _flatter),
        "these are the pairs of neighbours in `before`, or in `after`, as if both were one text; the n-th pair is "
        "before_n and after_n":
            (slip(estimate_matrix, after=lambda before, after: torch.cat([before[1:], after[-1:]])),
             lambda before, after, num_states: estimate_matrix(before[:-1], before[1:], num_states),
             lambda before, after, num_states: estimate_matrix(after[:-1], after[1:], num_states)),
        "one was added to every count (smoothing); the task asks for the plain frequencies":
            slip(_pair_counts, lambda counts: _columns(counts + 1)),
        "a pair is left out: every n counts, the first and the last, too":
            (slip(estimate_matrix, before=lambda before: before[:-1], after=lambda after: after[:-1]),
             slip(estimate_matrix, before=lambda before: before[1:], after=lambda after: after[1:])),
        "every column is the distribution of `after`; column j counts only the pairs with before_n = j":
            lambda before, after, num_states: _columns(torch.bincount(after, minlength=num_states)[:, None].expand(
                -1, num_states).double()),
        "the columns do not sum to 1: divide each column by how often its state stood before a step": _sums_off_one,
        "right for 200 pairs, but not for 34,503: does a dtype of 8 or 16 bits hold the counts, or are rare pairs "
        "cut off?":
            only_where(estimate_matrix, lambda before: len(before) == 200),
    }),
)

QUESTIONS = (NEXT_DISTRIBUTION, CUMULATIVE_MATRIX, MARGINAL_BY_PATHS, SAMPLE_PATHS, ESTIMATE_MATRIX)
