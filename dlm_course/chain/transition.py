"""Transitions: the forward chain q(x_t | x_{t-1}) = Cat(Q_t x_{t-1}) of one token, and what Bayes makes of it.

Column-stochastic throughout: Q_t[i, j] = q(x_t = i | x_{t-1} = j), so columns sum to 1 and Q_{1:t} = Q_t ... Q_1.
`UniformTransition` and `AbsorbingTransition` work in O(K) a token from their closed forms; `MatrixTransition` takes any
matrices. Positions of a sequence are independent under q, so every method accepts states of any shape.

Shapes shared by all methods: states are integer tensors (...), distributions float64 (..., K). `t` is an int, or an
integer tensor whose shape is the leading part of that of the states: (batch,) for states (batch, n), for example.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from dlm_course.arguments import as_int, check_int
from dlm_course.chain.categorical import SUM_TOLERANCE, check_probabilities, check_states, one_hot, sample
from dlm_course.chain.schedule import Schedule, check_time

__all__ = ["AbsorbingTransition", "MatrixTransition", "Transition", "UniformTransition", "carry_over",
           "plug_in_reverse"]


class Transition(ABC):
    """A Markov chain of T steps on K states. Subclasses say what a row and a column of Q_t and Q_{1:t} are."""

    num_states: int
    num_steps: int

    @abstractmethod
    def step_matrix(self, t: int | Tensor) -> Tensor:
        """Q_t, shape (K, K), or (..., K, K) for t of shape (...); t in 1..T. Every column sums to 1."""

    @abstractmethod
    def cumulative_matrix(self, t: int | Tensor) -> Tensor:
        """Q_{1:t} = Q_t Q_{t-1} ... Q_1, shape (K, K), or (..., K, K) for t of shape (...); t in 0..T, Q_{1:0} = I."""

    @abstractmethod
    def _step_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        """Q_t x: for every state the distribution one step later, (..., K)."""

    @abstractmethod
    def _step_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        """Q_t^T x: for every state the likelihood of each state one step earlier, (..., K)."""

    @abstractmethod
    def _cumulative_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        """Q_{1:t} x: for every state the distribution t steps after the start, (..., K)."""

    @abstractmethod
    def _cumulative_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        """Q_{1:t}^T x: for every state the likelihood of each x_0, (..., K)."""

    @abstractmethod
    def _cumulative_apply(self, probs: Tensor, t: int | Tensor) -> Tensor:
        """Q_{1:t} p for vectors p of shape (..., K)."""

    def _check(self, t: int | Tensor, first: int, **states: Tensor) -> int | Tensor:
        """Check the arguments; return t with trailing dimensions added so that it broadcasts against the states."""
        t = check_time(t, first, self.num_steps)
        for name, x in states.items():
            check_states(x, self.num_states, name)
            if isinstance(t, Tensor) and t.shape != x.shape[:t.ndim]:
                raise ValueError(f"t of shape {tuple(t.shape)} does not fit {name} of shape {tuple(x.shape)}: "
                                 f"its shape must be the leading part of {name}'s")
        x = next(iter(states.values()))
        return t.to(x.device).long().reshape(t.shape + (1,) * (x.ndim - t.ndim)) if isinstance(t, Tensor) else t

    def marginal(self, x0: Tensor, t: int | Tensor) -> Tensor:
        """q(x_t | x_0) = Cat(Q_{1:t} x_0), for t in 0..T.

        Shapes: x0 (...) states; returns (..., K), float64.
        Raises: ValueError for t or a state out of range, TypeError for states that are not integers.
        Source: "Discrete Diffusion Markov Chain".
        """
        t = self._check(t, 0, x0=x0)
        return self._cumulative_column(x0, t)

    def step(self, x: Tensor, t: int | Tensor) -> Tensor:
        """q(x_t | x_{t-1} = x) = Cat(Q_t x), for t in 1..T: the columns `x` of Q_t.

        Shapes: x (...) states at t-1; returns (..., K), float64. Raises as `marginal`.
        Source: "Discrete Diffusion Markov Chain".
        """
        t = self._check(t, 1, x=x)
        return self._step_column(x, t)

    def likelihood(self, xt: Tensor, t: int | Tensor) -> Tensor:
        """q(x_t | x_0) as a function of x_0, for t in 0..T: the rows `xt` of Q_{1:t}, Q_{1:t}^T x_t.

        What a corrupted token tells of each x_0 it may come from; it does not sum to 1.
        Shapes: xt (...) states; returns (..., K), float64. Raises as `marginal`.
        """
        t = self._check(t, 0, xt=xt)
        return self._cumulative_row(xt, t)

    def sample(self, x0: Tensor, t: int | Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw x_t ~ q(x_t | x_0) in one jump, every token independently, for t in 0..T.

        Shapes: x0 (...) states; returns int64 (...). `generator` lives on the device of x0. Raises as `marginal`.
        """
        return sample(self.marginal(x0, t), generator=generator)

    def sample_path(self, x0: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw a whole path x_0, x_1, ..., x_T, each state from Cat(Q_t x_{t-1}).

        Shapes: x0 (...) states; returns int64 (T+1, ...), its first entry x0. Raises as `marginal`.
        """
        check_states(x0, self.num_states, "x0")
        path = [x0.long()]
        for t in range(1, self.num_steps + 1):
            path.append(sample(self.step(path[-1], t), generator=generator))
        return torch.stack(path)

    def posterior(self, xt: Tensor, x0: Tensor, t: int | Tensor) -> Tensor:
        """q(x_{t-1} | x_t, x_0) by Bayes, for t in 1..T.

        Formula: Cat( (Q_t^T x_t) * (Q_{1:t-1} x_0) / (x_t^T Q_{1:t} x_0) ). The slide prints Q_t x_t in place of
        Q_t^T x_t, which is right for symmetric Q_t only.
        Shapes: xt and x0 (...) states; returns (..., K), float64.
        Raises: ValueError where q(x_t | x_0) = 0, since there is nothing to condition on; otherwise as `marginal`.
        Source: "Discrete conditioned reverse distribution", corrected.
        """
        xt, x0 = torch.broadcast_tensors(xt, x0)
        t = self._check(t, 1, xt=xt, x0=x0)
        return _normalise(self._step_row(xt, t) * self._cumulative_column(x0, t - 1), _UNREACHABLE)

    def reverse(self, xt: Tensor, x0_probs: Tensor, t: int | Tensor) -> Tensor:
        """p(x_{t-1} | x_t) in the x_0-parametrisation, the mixture of posteriors, for t in 1..T.

        Formula: sum_{x_0} q(x_{t-1} | x_t, x_0) p(x_0 | x_t), with p renormalised over the x_0 from which x_t can be
        reached.
        Shapes: xt (...) states, x0_probs (..., K) probabilities; returns (..., K), float64.
        Raises: ValueError where x0_probs gives mass only to x_0 that cannot lead to x_t; otherwise as `marginal`.
        Source: the law of total probability; the slides make this choice silently. D3PM prints the plug-in form
        instead, see `plug_in_reverse`.
        """
        t, x0_probs = self._check_reverse(xt, x0_probs, t)
        evidence = self._cumulative_row(xt, t)
        x0_probs = _normalise(x0_probs * (evidence > 0), "x0_probs gives all its mass to x_0 from which x_t cannot be "
                                                         "reached, for {count} of the tokens")
        # Where the evidence is 0 so is the weight: dividing by 1 there avoids 0/0 without changing the sum.
        weights = x0_probs / torch.where(evidence > 0, evidence, 1.0)
        return self._step_row(xt, t) * self._cumulative_apply(weights, t - 1)

    def stationary(self) -> Tensor:
        """The distribution pi with Q_t pi = pi for every t, shape (K,), float64.

        It is the limit of q(x_t | x_0) only if the chain goes on long enough: for uniform and absorbing if the product
        of the (1 - beta_s) tends to 0.
        Raises: ValueError if the steps share no such distribution, or more than one.
        Source: "Uniform vs. Absorbing Transition Matrix", the row Q_{1:infinity}.
        """
        matrices = self.step_matrix(torch.arange(1, self.num_steps + 1))
        identity = torch.eye(self.num_states, dtype=torch.float64, device=matrices.device)
        # The null space of all Q_t - I at once. If it has one dimension, its vector is a distribution up to its sign.
        _, singular, right = torch.linalg.svd((matrices - identity).flatten(0, 1), full_matrices=False)
        solutions = int((singular < 1e-10 * max(1.0, float(singular[0]))).sum())
        if solutions != 1:
            problem = "no distribution is stationary for all steps" if solutions == 0 else \
                "more than one distribution is stationary: some states never reach each other"
            raise ValueError(f"{problem}, so there is no stationary law to return")
        pi = right[-1].abs()
        return pi / pi.sum()

    def _check_reverse(self, xt: Tensor, x0_probs: Tensor, t: int | Tensor) -> tuple[int | Tensor, Tensor]:
        t = self._check(t, 1, xt=xt)
        check_probabilities(x0_probs, "x0_probs")
        if x0_probs.shape != (*xt.shape, self.num_states):
            raise ValueError(f"x0_probs must have shape {(*tuple(xt.shape), self.num_states)} for xt of shape "
                             f"{tuple(xt.shape)} and num_states = {self.num_states}, got {tuple(x0_probs.shape)}")
        return t, x0_probs.to(torch.float64)


class _ResamplingTransition(Transition):
    """Q_t = (1 - beta_t) I + beta_t pi 1^T: with probability beta_t the token is drawn afresh from pi.

    The form is closed under products, Q_{1:t} = alpha_bar_t I + (1 - alpha_bar_t) pi 1^T, so that a row, a column or a
    product with a vector costs O(K): a multiple of pi, or a constant, and one number more at one state.
    """

    def __init__(self, num_states: int, schedule: Schedule, pi: Tensor):
        if not isinstance(schedule, Schedule):
            raise TypeError(f"schedule must be a Schedule, got {type(schedule).__name__}; Schedule(beta) builds one "
                            "from the numbers beta_1..beta_T")
        self.num_states = num_states
        self.schedule = schedule
        self.num_steps = schedule.num_steps
        self._pi = pi

    def _step_rates(self, t: int | Tensor) -> tuple[Tensor, Tensor]:
        beta = self.schedule.beta(t)[..., None]
        return 1 - beta, beta

    def _cumulative_rates(self, t: int | Tensor) -> tuple[Tensor, Tensor]:
        return self.schedule.alpha_bar(t)[..., None], self.schedule.mask_rate(t)[..., None]

    def _matrix(self, keep: Tensor, resample: Tensor) -> Tensor:
        identity = torch.eye(self.num_states, dtype=torch.float64, device=keep.device)
        return keep[..., None] * identity + resample[..., None] * self._pi.to(keep.device)[:, None]

    def _column(self, x: Tensor, keep: Tensor, resample: Tensor) -> Tensor:
        keep, resample, pi = (tensor.to(x.device) for tensor in (keep, resample, self._pi))
        return _add_at(x, keep, (resample * pi).expand(*x.shape, -1).clone())

    def _row(self, x: Tensor, keep: Tensor, resample: Tensor) -> Tensor:
        keep, resample, pi = (tensor.to(x.device) for tensor in (keep, resample, self._pi))
        return _add_at(x, keep, (resample * pi[x.long()][..., None]).expand(*x.shape, self.num_states).clone())

    def step_matrix(self, t: int | Tensor) -> Tensor:
        return self._matrix(*self._step_rates(t))

    def cumulative_matrix(self, t: int | Tensor) -> Tensor:
        return self._matrix(*self._cumulative_rates(t))

    def _step_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._column(x, *self._step_rates(t))

    def _step_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._row(x, *self._step_rates(t))

    def _cumulative_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._row(x, *self._cumulative_rates(t))

    def _cumulative_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._column(x, *self._cumulative_rates(t))

    def _cumulative_apply(self, probs: Tensor, t: int | Tensor) -> Tensor:
        keep, resample, pi = (tensor.to(probs.device) for tensor in (*self._cumulative_rates(t), self._pi))
        return keep * probs + resample * pi * probs.sum(-1, keepdim=True)

    def sample(self, x0: Tensor, t: int | Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        # A coin, and a state from pi, in place of a distribution over K states for every token.
        t = self._check(t, 0, x0=x0)
        u = torch.rand(x0.shape, dtype=torch.float64, device=x0.device, generator=generator)
        return torch.where(u < self.schedule.mask_rate(t).to(x0.device), self._fresh(x0, generator), x0.long())

    @abstractmethod
    def _fresh(self, x0: Tensor, generator: torch.Generator | None) -> Tensor:
        """A state drawn from pi for every token of x0, or the only one there is."""

    def posterior(self, xt: Tensor, x0: Tensor, t: int | Tensor) -> Tensor:
        # (k e_xt + r pi[xt] 1) * (k' e_x0 + r' pi), k and r of the step, k' and r' of the t - 1 before: a multiple of
        # pi, something more at xt, something more at x0, and k k' where they are the same.
        xt, x0 = torch.broadcast_tensors(xt, x0)
        t = self._check(t, 1, xt=xt, x0=x0)
        (keep, resample), (kept, resampled) = ([rate.to(xt.device) for rate in rates] for rates in (
            self._step_rates(t), self._cumulative_rates(t - 1)))
        pi = self._pi.to(xt.device)
        explained = resample * pi[xt.long()][..., None]
        spread = explained * resampled
        at_xt, at_x0 = keep * (resampled * pi[xt.long()][..., None] + kept * (xt == x0)[..., None]), explained * kept
        total = spread + at_xt + at_x0
        _check_reached(total)
        return _add_at(x0, at_x0 / total, _add_at(xt, at_xt / total, spread / total * pi))

    def stationary(self) -> Tensor:
        return self._pi.clone()  # unique, because a Schedule has beta_1 > 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_states={self.num_states}, schedule={self.schedule})"


class UniformTransition(_ResamplingTransition):
    """Q_t = (1 - beta_t) I + beta_t U with U = 1 1^T / K: with probability beta_t a token is replaced at random.

    Closed form: Q_{1:t} = alpha_bar_t I + (1 - alpha_bar_t) U. beta_t is the probability of being resampled; the token
    changes with probability beta_t (K-1)/K.
    Raises: ValueError unless num_states is an int >= 2.
    Source: "Uniform vs. Absorbing Transition Matrix".

        >>> UniformTransition(2, Schedule([0.5])).step_matrix(1).tolist()
        [[0.75, 0.25], [0.25, 0.75]]
    """

    def __init__(self, num_states: int, schedule: Schedule):
        num_states = check_int(num_states, "num_states", least=2)
        super().__init__(num_states, schedule, torch.full((num_states,), 1 / num_states, dtype=torch.float64))

    def _fresh(self, x0: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.randint(self.num_states, x0.shape, device=x0.device, generator=generator)

    def reverse(self, xt: Tensor, x0_probs: Tensor, t: int | Tensor) -> Tensor:
        # The evidence q(x_t | x_0) is one number for every x_0 but x_t, and so the mixture is a multiple of x0_probs
        # and a constant, but at x_t.
        t, x0_probs = self._check_reverse(xt, x0_probs, t)
        (keep, resample), (kept, resampled), (stays, replaced) = ([rate.to(xt.device) for rate in rates] for rates in (
            self._step_rates(t), self._cumulative_rates(t - 1), self._cumulative_rates(t)))
        resample, resampled, replaced = (rate / self.num_states for rate in (resample, resampled, replaced))
        at = xt.long()[..., None]
        total, here = x0_probs.sum(-1, keepdim=True), x0_probs.gather(-1, at)
        here, elsewhere = here / total / (replaced + stays), (1 - here / total) / replaced    # over their evidence
        all_of_it = resampled * (here + elsewhere)
        mixture = (resample * kept / replaced / total) * x0_probs
        mixture += resample * all_of_it
        return mixture.scatter_(-1, at, (resample + keep) * (kept * here + all_of_it))


class AbsorbingTransition(_ResamplingTransition):
    """Q_t = (1 - beta_t) I + beta_t e_m 1^T: with probability beta_t a token is masked, and stays so.

    Closed form: Q_{1:t} = alpha_bar_t I + (1 - alpha_bar_t) e_m 1^T. `num_states` counts the mask; `mask_id` is K-1
    unless given.
    Raises: ValueError unless num_states is an int >= 2 and mask_id one of 0..K-1.
    Source: "Absorbing Diffusion: Forward Process".

        >>> AbsorbingTransition(3, Schedule([0.5])).step_matrix(1).tolist()
        [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.5, 0.5, 1.0]]
    """

    def __init__(self, num_states: int, schedule: Schedule, mask_id: int | None = None):
        num_states = check_int(num_states, "num_states", least=2)
        self.mask_id = check_mask_id(num_states - 1 if mask_id is None else mask_id, num_states)
        super().__init__(num_states, schedule, one_hot(torch.tensor(self.mask_id), num_states))

    def _fresh(self, x0: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.tensor(self.mask_id, device=x0.device)

    def reverse(self, xt: Tensor, x0_probs: Tensor, t: int | Tensor) -> Tensor:
        """p(x_{t-1} | x_t) for t in 1..T, in closed form.

        Formula: a visible token stays, [x_{t-1} = x_t], whatever x0_probs says; a masked one is revealed with
        probability rho_t: Cat(rho_t p + (1 - rho_t) e_m).
        Shapes and errors as `Transition.reverse`, except that a visible token is never an error: a template may be
        clamped at t = T, where the chain itself would have masked it.
        Source: "Absorbing Diffusion", the conditioned reverse distribution.
        """
        t, x0_probs = self._check_reverse(xt, x0_probs, t)
        rho = self.schedule.rho(t)[..., None].to(xt.device)
        mask = one_hot(torch.tensor(self.mask_id, device=xt.device), self.num_states)
        x0_probs = x0_probs / x0_probs.sum(-1, keepdim=True)
        revealed = rho * x0_probs + (1 - rho) * mask
        return torch.where((xt.long() == self.mask_id)[..., None], revealed, one_hot(xt, self.num_states))


class MatrixTransition(Transition):
    """Any chain: Q_t given as matrices, Q_{1:t} multiplied out once.

    Arguments: `matrices` (T, K, K), or one (K, K) used at each of `num_steps` steps; each column sums to 1. The
    matrices are held in float64 on the device they come on; the states given to the methods must be there too.
    Raises: ValueError for a wrong shape, a negative number, or columns that do not sum to 1 (rows that do are named).
    Source: "Discrete Diffusion Markov Chain".

        >>> swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> MatrixTransition(swap, num_steps=2).cumulative_matrix(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, matrices: Tensor, num_steps: int | None = None):
        if not isinstance(matrices, Tensor) or matrices.ndim not in (2, 3) or matrices.shape[-1] != matrices.shape[-2] \
                or matrices.numel() == 0:
            given = f"shape {tuple(matrices.shape)}" if isinstance(matrices, Tensor) else type(matrices).__name__
            raise ValueError(f"matrices must be a tensor of shape (K, K) or (T, K, K), got {given}")
        _check_columns(matrices)
        # Float32 columns sum to 1 up to rounding only, which T products would add up.
        matrices = matrices.to(torch.float64) / matrices.sum(-2, keepdim=True, dtype=torch.float64)
        if matrices.ndim == 2:
            if num_steps is None:
                raise ValueError("a single (K, K) matrix needs num_steps, how often it is applied; got None")
            matrices = matrices.expand(check_int(num_steps, "num_steps"), -1, -1)
        elif num_steps is not None and as_int(num_steps) != len(matrices):
            raise ValueError(f"{len(matrices)} matrices were given, but num_steps = {num_steps!r}")
        self.num_steps, self.num_states = matrices.shape[:2]
        self._steps = matrices.clone()
        products = [torch.eye(self.num_states, dtype=torch.float64, device=matrices.device)]
        for matrix in matrices:
            products.append(matrix @ products[-1])
        self._cumulative = torch.stack(products)

    def step_matrix(self, t: int | Tensor) -> Tensor:
        t = check_time(t, 1, self.num_steps)
        return self._take(self._steps, t - 1)

    def cumulative_matrix(self, t: int | Tensor) -> Tensor:
        t = check_time(t, 0, self.num_steps)
        return self._take(self._cumulative, t)

    @staticmethod
    def _take(matrices: Tensor, t: int | Tensor) -> Tensor:
        return matrices[t.to(matrices.device).long()] if isinstance(t, Tensor) else matrices[t].clone()

    def _step_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._steps.transpose(-1, -2)[t - 1, x.long()]

    def _step_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._steps[t - 1, x.long()]

    def _cumulative_column(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._cumulative.transpose(-1, -2)[t, x.long()]

    def _cumulative_row(self, x: Tensor, t: int | Tensor) -> Tensor:
        return self._cumulative[t, x.long()]

    def _cumulative_apply(self, probs: Tensor, t: int | Tensor) -> Tensor:
        if not isinstance(t, Tensor):
            return probs @ self._cumulative[t].T
        applied = torch.empty_like(probs)
        for step in t.unique():    # a product for every t that occurs: no matrix is copied for a token
            here = (t == step).expand(probs.shape[:-1])
            applied[here] = probs[here] @ self._cumulative[step].T
        return applied

    def __repr__(self) -> str:
        return f"MatrixTransition(num_states={self.num_states}, num_steps={self.num_steps})"


def carry_over(logits: Tensor, xt: Tensor, mask_id: int) -> Tensor:
    """Make a denoiser's logits respect what an absorbing chain knows: the mask gets no mass, visible tokens stay.

    Formula: p(x_0^i | X_t) = [x_0^i = x_t^i] where x_t^i is visible; elsewhere softmax over the states but the mask.
    Shapes: logits (..., K), xt (...) states; returns logits (..., K) in the dtype of `logits`, -inf for excluded
    states. The input is not changed.
    Raises: ValueError for a shape that does not fit or a mask_id outside the vocabulary.
    Source: Sahoo et al. 2024 (MDLM), section 3.2.3; the slides assume it silently.
    """
    num_states = logits.shape[-1] if logits.ndim else 0
    if logits.shape[:-1] != xt.shape or num_states == 0:
        raise ValueError(f"logits must have shape {tuple(xt.shape)} + (K,), got {tuple(logits.shape)}")
    mask_id = check_mask_id(mask_id, num_states)
    check_states(xt, num_states, "xt")
    states = torch.arange(num_states, device=logits.device)
    xt = xt.long()  # a uint8 token would equal a mask_id of 256 modulo 256
    masked = (xt == mask_id).unsqueeze(-1)
    allowed = torch.where(masked, states != mask_id, states == xt.unsqueeze(-1))
    # A visible token's own logit becomes 0: even a logit of -inf must not undo what is seen.
    return torch.where(masked, logits, 0.0).masked_fill(~allowed, -torch.inf)


def plug_in_reverse(transition: Transition, xt: Tensor, x0_probs: Tensor, t: int | Tensor) -> Tensor:
    """The plug-in form of the reverse step: x_0 in the posterior's formula replaced by the probabilities of x_0.

    Formula: Cat( (Q_t^T x_t) * (Q_{1:t-1} p(x_0 | x_t)) / Z ). It differs from the mixture `Transition.reverse`: for a
    denoiser that reads its own position it counts x_t twice under the uniform chain. Under the absorbing chain the two
    agree when the mask has no mass and visible tokens are carried over.
    Shapes: xt (...) states, x0_probs (..., K) probabilities; returns (..., K), float64.
    Raises: as `Transition.reverse`.
    Source: Austin et al. 2021 (D3PM), section 3.3, where the sum runs over the joint q(x_{t-1}, x_t | x_0).
    """
    t, x0_probs = transition._check_reverse(xt, x0_probs, t)
    joint = transition._step_row(xt, t) * transition._cumulative_apply(x0_probs, t - 1)
    return _normalise(joint, "x0_probs gives all its mass to x_0 from which x_t cannot be reached, for {count} of the "
                             "tokens")


_UNREACHABLE = ("x_t cannot be reached from x_0: q(x_t | x_0) = 0 for {count} of the pairs, so q(x_{{t-1}} | x_t, x_0) "
                "is not defined there; were xt and x0 swapped, or x_t drawn at another t?")


def _normalise(weights: Tensor, message: str) -> Tensor:
    totals = weights.sum(-1, keepdim=True)
    _check_reached(totals, message)
    return weights / totals


def _check_reached(totals: Tensor, message: str = _UNREACHABLE) -> None:
    count = int((totals <= 0).sum())
    if count:
        raise ValueError(message.format(count=count))


def _add_at(x: Tensor, more: Tensor, to: Tensor) -> Tensor:
    """Add `more`, (..., 1), at state x of `to`, (..., K), in place."""
    return to.scatter_add_(-1, x.long()[..., None], more.expand(*x.shape, 1))


def _check_columns(matrices: Tensor) -> None:
    if not matrices.is_floating_point() or not bool(torch.isfinite(matrices).all()) or bool((matrices < 0).any()):
        raise ValueError("a transition matrix holds probabilities: finite floating-point numbers, none negative")
    columns = bool(((matrices.sum(-2, dtype=torch.float64) - 1).abs() <= SUM_TOLERANCE).all())
    rows = bool(((matrices.sum(-1, dtype=torch.float64) - 1).abs() <= SUM_TOLERANCE).all())
    if not columns:
        hint = "; its rows do: Q[i, j] = q(x_t = i | x_{t-1} = j) here, so transpose it" if rows else ""
        raise ValueError(f"every column of a transition matrix must sum to 1{hint}")


def check_mask_id(mask_id: int, num_states: int) -> int:
    """The mask's state as an int. Raises ValueError unless it is one of 0..num_states-1."""
    state = as_int(mask_id)
    if state is None or not 0 <= state < num_states:
        raise ValueError(f"mask_id must be one of the states 0..{num_states - 1}, got {mask_id!r}; num_states counts "
                         "the mask, so a vocabulary of V tokens has num_states = V + 1")
    return state
