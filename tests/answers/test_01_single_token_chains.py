"""Do the checks of topic 01 deserve trust? Right answers of many kinds pass; wrong ones fail, and hear what is wrong.

The answers were written from the exercise alone, by someone who had seen neither the checks nor the solutions.
"""

import numpy as np
import pytest
from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong, checked_in
from properties import DRAWS_NOTHING, NO_FLOATS, NO_LOGITS, NO_TEXTS, NO_TIME, leaves, no

NEXT = "01-1-next-distribution"
CUMULATIVE = "01-2-cumulative-matrix"
PATHS = "01-3-marginal-by-paths"
SAMPLE = "01-4-sample-paths"
ESTIMATE = "01-5-estimate-matrix"
FUNCTIONS = {NEXT: "next_distribution", CUMULATIVE: "cumulative_matrix", PATHS: "marginal_by_paths",
             SAMPLE: "sample_paths", ESTIMATE: "estimate_matrix"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 01-1
    Right(NEXT, "rows-of-the-transpose", """
        def next_distribution(matrix, x):
            return matrix.T[x]
    """),
    Right(NEXT, "lambda", """
        next_distribution = lambda matrix, x: matrix[:, x].movedim(0, -1)
    """),
    Right(NEXT, "other-parameter-names", """
        def next_distribution(Q, state):
            '''pick columns'''
            return Q.transpose(0, 1)[state, :]
    """),
    Right(NEXT, "einsum-with-one-hot", """
        import torch.nn.functional as F

        def next_distribution(matrix, x):
            onehot = F.one_hot(x.long(), matrix.shape[0]).to(matrix.dtype)
            return torch.einsum("ij,...j->...i", matrix, onehot)
    """),
    Right(NEXT, "loop-over-the-flat-states", """
        def next_distribution(matrix, x):
            K = len(matrix)
            flat = x.reshape(-1)
            out = torch.zeros(len(flat), K, dtype=torch.float64)
            for n in range(len(flat)):
                for i in range(K):
                    out[n, i] = matrix[i, flat[n]]
            return out.reshape(*x.shape, K)
    """),
    Right(NEXT, "recursion-over-dimensions", """
        def next_distribution(matrix, x):
            if x.dim() == 0:
                return matrix[:, int(x)]
            if len(x) == 0:
                return torch.zeros(*x.shape, len(matrix), dtype=matrix.dtype)
            return torch.stack([next_distribution(matrix, part) for part in x])
    """),
    Right(NEXT, "numpy-inside-tensor-out", """
        def next_distribution(matrix, x):
            m = matrix.numpy()
            return torch.from_numpy(np.take(m, x.numpy(), axis=1)).moveaxis(0, -1)
    """),
    Right(NEXT, "numpy-array-returned", """
        def next_distribution(matrix, x):
            return np.array(matrix).T[np.array(x)]
    """),
    Right(NEXT, "float32", """
        def next_distribution(matrix, x):
            return matrix.float().t()[x]
    """),
    Right(NEXT, "embedding-with-gradient", """
        def next_distribution(matrix, x):
            weights = torch.nn.Parameter(matrix.T.clone())
            return torch.nn.functional.embedding(x, weights)
    """),
    Right(NEXT, "prints-while-it-works", """
        def next_distribution(matrix, x):
            print("x is", x)
            print(matrix.shape)
            return matrix.T[x]
    """),

    # ---- 01-2
    Right(CUMULATIVE, "loop", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(1, t + 1):
                result = matrices[s - 1] @ result
            return result
    """),
    Right(CUMULATIVE, "recursion", """
        def cumulative_matrix(matrices, t):
            if t == 0:
                return torch.eye(matrices.shape[1], dtype=matrices.dtype)
            return matrices[t - 1] @ cumulative_matrix(matrices, t - 1)
    """),
    Right(CUMULATIVE, "reduce", """
        from functools import reduce

        def cumulative_matrix(matrices, t):
            return reduce(lambda acc, m: m @ acc, matrices[:t], torch.eye(len(matrices[0])).double())
    """),
    Right(CUMULATIVE, "from-the-left-end", """
        def cumulative_matrix(matrices, t):
            R = torch.eye(matrices.size(-1), dtype=matrices.dtype)
            for m in reversed(matrices[:t]):
                R = R @ m
            return R
    """),
    Right(CUMULATIVE, "multi-dot-with-cases", """
        def cumulative_matrix(matrices, t):
            if t == 0:
                return torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            if t == 1:
                return matrices[0]
            return torch.linalg.multi_dot(list(matrices[:t].flip(0)))
    """),
    Right(CUMULATIVE, "numpy-inside-tensor-out", """
        def cumulative_matrix(matrices, t):
            A = matrices.numpy()
            P = np.identity(A.shape[1])
            for k in range(t):
                P = np.dot(A[k], P)
            return torch.tensor(P)
    """),
    Right(CUMULATIVE, "numpy-array-returned", """
        def cumulative_matrix(matrices, t):
            P = np.eye(matrices.shape[1])
            for m in matrices.numpy()[:t]:
                P = np.einsum("ik,kj->ij", m, P)
            return P
    """),
    Right(CUMULATIVE, "float32", """
        def cumulative_matrix(matrices, t):
            res = torch.eye(matrices.shape[1])
            for i in range(t):
                res = torch.mm(matrices[i].float(), res)
            return res
    """),
    Right(CUMULATIVE, "three-loops-by-hand", """
        def cumulative_matrix(matrices, t):
            K = matrices.shape[1]
            now = [[float(i == j) for j in range(K)] for i in range(K)]
            for s in range(t):
                new = [[0.0] * K for _ in range(K)]
                for i in range(K):
                    for j in range(K):
                        for k in range(K):
                            new[i][j] += float(matrices[s][i][k]) * now[k][j]
                now = new
            return torch.tensor(now)
    """),
    Right(CUMULATIVE, "on-a-wrong-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[x]                # the row

        def cumulative_matrix(matrices, t):
            K = matrices.shape[-1]
            result = torch.eye(K, dtype=matrices.dtype)
            for m in matrices[:t]:
                result = next_distribution(m, torch.arange(K)).T @ result
            return result
    """),

    # ---- 01-3
    Right(PATHS, "loop", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(1, t + 1):
                    p *= matrices[s - 1, path[s], path[s - 1]]
                total[path[-1]] += p
            return total
    """),
    Right(PATHS, "paths-by-recursion", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K)

            def walk(state, s, p):
                if s == t:
                    total[state] += p
                    return
                for nxt in range(K):
                    walk(nxt, s + 1, p * float(matrices[s, nxt, state]))

            walk(x0, 0, 1.0)
            return total
    """),
    Right(PATHS, "math-prod-and-zip", """
        import math

        def marginal_by_paths(matrices, x0, t):
            M = matrices.tolist()
            K = len(M[0])
            out = [0.0] * K
            for p in product(range(K), repeat=t):
                path = [x0] + list(p)
                out[path[-1]] += math.prod(m[b][a] for m, a, b in zip(M, path, path[1:]))
            return torch.tensor(out, dtype=torch.float64)
    """),
    Right(PATHS, "all-paths-at-once", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            paths = torch.tensor(list(product([x0], *[range(K)] * t)))       # (K^t, t + 1)
            probs = torch.ones(len(paths), dtype=matrices.dtype)
            for s in range(t):
                probs = probs * matrices[s][paths[:, s + 1], paths[:, s]]
            return torch.zeros(K, dtype=matrices.dtype).index_add(0, paths[:, -1], probs)
    """),
    Right(PATHS, "numpy-array-returned", """
        def marginal_by_paths(matrices, x0, t):
            q = matrices.numpy()
            K = q.shape[1]
            res = np.zeros(K)
            for path in product(range(K), repeat=t + 1):
                if path[0] != x0:
                    continue
                res[path[-1]] += np.prod([q[s, path[s + 1], path[s]] for s in range(t)])
            return res
    """),
    Right(PATHS, "numpy-inside-float32-out", """
        def marginal_by_paths(matrices, x0, t):
            q, K = matrices.numpy(), matrices.shape[1]
            sums = dict.fromkeys(range(K), 0)
            for path in product(range(K), repeat=t):
                prob, now = 1, x0
                for s, nxt in enumerate(path):
                    prob, now = prob * q[s][nxt][now], nxt
                sums[now] += prob
            return torch.tensor([float(sums[k]) for k in range(K)])
    """),
    Right(PATHS, "forward-sums", """
        def marginal_by_paths(matrices, x0, t):
            # summing over paths that share their last state, step by step
            p = torch.zeros(matrices.shape[-1], dtype=matrices.dtype)
            p[x0] = 1
            for Q_s in matrices[:t]:
                p = (Q_s * p).sum(dim=1)
            return p
    """),
    Right(PATHS, "on-a-wrong-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[x] / matrix[x].sum()

        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                probability = 1.0
                for s in range(t):
                    probability *= float(next_distribution(matrices[s], torch.tensor(path[s]))[path[s + 1]])
                total[path[-1]] += probability
            return total
    """),
    Right(PATHS, "checks-itself-against-a-wrong-cumulative-matrix", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices[:t]:
                result = result @ m
            return result

        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0,) + states
                total[path[-1]] += torch.stack(
                    [torch.ones(()).double()] + [matrices[s, path[s + 1], path[s]] for s in range(t)]).prod()
            assert torch.allclose(total, cumulative_matrix(matrices, t)[:, x0])
            return total
    """),

    Right(PATHS, "checks-itself-on-the-first-t-matrices", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices:
                result = m @ result
            return result

        def marginal_by_paths(matrices, x0, t):
            M = matrices[:t]
            total = torch.zeros(matrices.shape[-1], dtype=torch.float64)
            for states in product(range(len(total)), repeat=t):
                p, here = 1.0, x0
                for m, there in zip(M, states):
                    p, here = p * m[there, here], there
                total[here] += p
            assert torch.allclose(total, cumulative_matrix(M, t)[:, x0])
            return total
    """),
    Right(PATHS, "an-int-into-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[:, x]             # right for one state

        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(next_distribution(matrices[s], path[s])[path[s + 1]])
                total[path[-1]] += p
            return total
    """),

    # ---- 01-4
    Right(SAMPLE, "multinomial", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Right(SAMPLE, "fills-a-tensor", """
        def sample_paths(matrices, x0, generator):
            T, N = len(matrices), len(x0)
            out = torch.zeros((T + 1, N), dtype=torch.long)
            out[0] = x0
            for t in range(1, T + 1):
                probs = matrices[t - 1][:, out[t - 1]].T
                out[t] = torch.multinomial(probs, 1, generator=generator)[:, 0]
            return out
    """),
    Right(SAMPLE, "inverse-of-the-cumulated-sum-int32", """
        def sample_paths(matrices, x0, generator):
            rows = [x0.int()]
            for m in matrices:
                cdf = m[:, rows[-1].long()].T.cumsum(-1)
                u = torch.rand(len(x0), 1, generator=generator, dtype=torch.float64)
                rows.append((u >= cdf[:, :-1]).sum(-1).int())
            return torch.stack(rows)
    """),
    Right(SAMPLE, "gumbel", """
        def sample_paths(matrices, x0, generator):
            xs = [x0]
            for Q_t in matrices:
                logits = Q_t.log()[:, xs[-1]].T
                u = torch.rand(logits.shape, generator=generator)
                xs.append((logits - torch.log(-torch.log(u))).argmax(-1))
            return torch.stack(xs, dim=0)
    """),
    Right(SAMPLE, "token-after-token", """
        def sample_paths(matrices, x0, generator):
            paths = []
            for start in x0.tolist():
                path = [start]
                for m in matrices:
                    path.append(int(torch.multinomial(m[:, path[-1]], 1, generator=generator)))
                paths.append(path)
            return torch.tensor(paths).T
    """, slow=True),
    Right(SAMPLE, "numpy-inside-and-returned", """
        def sample_paths(matrices, x0, generator):
            q = matrices.numpy()
            K = q.shape[1]
            u = torch.rand(len(q), len(x0), generator=generator).numpy()
            paths = np.zeros((len(q) + 1, len(x0)), dtype=int)
            paths[0] = x0.numpy()
            for t in range(len(q)):
                cdf = np.cumsum(q[t], axis=0)
                paths[t + 1] = np.minimum((u[t] >= cdf[:, paths[t]]).sum(0), K - 1)
            return paths
    """),
    Right(SAMPLE, "numpy-generator-seeded-by-the-generator", """
        def sample_paths(matrices, x0, generator):
            seed = torch.randint(2**31, (), generator=generator).item()
            rng = np.random.default_rng(seed)
            K = matrices.shape[-1]
            out = [x0.numpy()]
            for m in matrices.numpy():
                cdf = m.cumsum(0).T[out[-1]]
                u = rng.random((len(x0), 1))
                out.append(np.minimum((u > cdf).sum(1), K - 1))
            return torch.from_numpy(np.stack(out))
    """),
    Right(SAMPLE, "recursion-over-the-matrices", """
        def sample_paths(matrices, x0, generator):
            if len(matrices) == 0:
                return x0[None, :]
            nxt = torch.multinomial(matrices[0].T[x0], 1, generator=generator).flatten()
            return torch.cat([x0[None, :], sample_paths(matrices[1:], nxt, generator)])
    """),
    Right(SAMPLE, "the-sampler-of-the-package", """
        from dlm_course import sample

        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(sample(m[:, path[-1]].T, generator=generator))
            return torch.stack(path)
    """),
    Right(SAMPLE, "on-a-wrong-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[x]

        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(next_distribution(m, path[-1]), 1, generator=generator).squeeze(-1))
            return torch.stack(path)
    """),
    Right(SAMPLE, "on-the-next-distribution-above", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(next_distribution(m, path[-1]), 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Right(SAMPLE, "a-helper-on-a-wrong-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[:, x]             # K comes first

        def step(matrix, x, generator):
            probs = next_distribution(matrix, x)
            return torch.multinomial(probs, 1, generator=generator).view(-1)

        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(step(m, path[-1], generator))
            return torch.stack(path)
    """),
    Right(SAMPLE, "on-an-unanswered-next-distribution", """
        def next_distribution(matrix, x):
            ...

        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(next_distribution(m, path[-1]), 1, generator=generator)[..., 0])
            return torch.vstack(path)
    """),

    # ---- 01-5
    Right(ESTIMATE, "loop", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Right(ESTIMATE, "bincount", """
        def estimate_matrix(before, after, num_states):
            K = num_states
            counts = torch.bincount(after * K + before, minlength=K * K).reshape(K, K).double()
            counts[:, counts.sum(0) == 0] = 1
            return counts / counts.sum(0, keepdim=True)
    """),
    Right(ESTIMATE, "one-hots-and-einsum", """
        def estimate_matrix(before, after, num_states):
            a = torch.nn.functional.one_hot(after, num_states).double()
            b = torch.nn.functional.one_hot(before, num_states).double()
            est = torch.einsum("ni,nj->ij", a, b) / b.sum(0)
            return est.nan_to_num(nan=1 / num_states)
    """),
    Right(ESTIMATE, "column-by-column-float32", """
        def estimate_matrix(before, after, num_states):
            Q = torch.full((num_states, num_states), 1 / num_states)
            for j in range(num_states):
                went = after[before == j]
                if len(went):
                    Q[:, j] = torch.stack([(went == i).float().mean() for i in range(num_states)])
            return Q
    """),
    Right(ESTIMATE, "numpy-add-at-array-returned", """
        def estimate_matrix(before, after, num_states):
            c = np.zeros((num_states, num_states))
            np.add.at(c, (after.numpy(), before.numpy()), 1)
            s = c.sum(axis=0)
            with np.errstate(invalid="ignore"):
                return np.where(s == 0, 1 / num_states, c / s)
    """),
    Right(ESTIMATE, "histogram2d-tensor-out", """
        def estimate_matrix(before, after, num_states):
            bins = np.arange(num_states + 1) - 0.5
            h, _, _ = np.histogram2d(np.asarray(after), np.asarray(before), bins=[bins, bins])
            h[:, h.sum(0) == 0] = 1.0
            return torch.tensor(h / h.sum(0))
    """),
    Right(ESTIMATE, "counter-of-pairs", """
        from collections import Counter

        def estimate_matrix(before, after, num_states):
            pairs = Counter(zip(after.tolist(), before.tolist()))
            n = Counter(before.tolist())
            return torch.tensor([[pairs[i, j] / n[j] if n[j] else 1 / num_states for j in range(num_states)]
                                 for i in range(num_states)])
    """),
    Right(ESTIMATE, "index-put-accumulate", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states).double()
            counts.index_put_((after, before), torch.ones(len(before)).double(), accumulate=True)
            n = counts.sum(0)
            unseen = (n == 0).double()
            return (counts + unseen / num_states) / (n + unseen)
    """),
    Right(ESTIMATE, "tries-itself-on-a-wrong-next-distribution", """
        def next_distribution(matrix, x):
            return matrix[x]

        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for n in range(len(before)):
                counts[after[n], before[n]] += 1
            for j in range(num_states):
                counts[:, j] = counts[:, j] / counts[:, j].sum() if counts[:, j].sum() > 0 else 1 / num_states
            for j in range(num_states):
                assert (next_distribution(counts, torch.tensor(j)) == counts[:, j]).all()
            return counts
    """),
    Right(ESTIMATE, "tries-itself-with-sample-paths", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)

        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(0)
            estimate = torch.where(total > 0, counts / total, 1 / num_states)
            path = sample_paths(estimate[None], before, torch.Generator().manual_seed(0))
            assert path.shape == (2, len(before))
            return estimate
    """),
]


# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 01-1
    Wrong(NEXT, "row-for-column", r"\brow", """
        def next_distribution(matrix, x):
            return matrix[x]
    """),
    Wrong(NEXT, "one-hot-on-the-wrong-side", r"\brow", """
        def next_distribution(matrix, x):
            onehot = torch.nn.functional.one_hot(x, len(matrix)).to(matrix.dtype)
            return onehot @ matrix
    """),
    Wrong(NEXT, "row-made-to-sum-to-one", r"\brow", """
        def next_distribution(matrix, x):
            r = matrix[x]
            return r / r.sum(-1, keepdim=True)
    """),
    Wrong(NEXT, "states-come-first", r"last dimension", """
        def next_distribution(matrix, x):
            return matrix[:, x]
    """),
    Wrong(NEXT, "transpose-turns-all-dimensions", r"shape", """
        def next_distribution(matrix, x):
            return matrix[:, x].permute(*reversed(range(x.dim() + 1)))
    """),
    Wrong(NEXT, "flattens-the-batch", r"shape", """
        def next_distribution(matrix, x):
            return matrix.T[x.reshape(-1)]
    """),
    Wrong(NEXT, "states-counted-from-one", r"from 0|off by one|x - 1", """
        def next_distribution(matrix, x):
            return matrix.T[x - 1]
    """),
    Wrong(NEXT, "one-column-too-far", r"IndexError|out of (bounds|range)", """
        def next_distribution(matrix, x):
            return matrix.T[x + 1]
    """),
    Wrong(NEXT, "only-a-list-of-states", r"TypeError.* 0-d", """
        def next_distribution(matrix, x):
            return torch.stack([matrix[:, j] for j in x])
    """),
    Wrong(NEXT, "only-one-state", r"ValueError|RuntimeError", """
        def next_distribution(matrix, x):
            j = int(x)
            return matrix[:, j]
    """),
    Wrong(NEXT, "draws-instead", r"Error|shape|distribution", """
        def next_distribution(matrix, x):
            return torch.multinomial(matrix.T[x], 1)
    """),
    Wrong(NEXT, "rounded-to-integers", r"expected floating", """
        def next_distribution(matrix, x):
            return matrix.T[x].long()
    """),
    Wrong(NEXT, "forgotten-return", r"return statement", """
        def next_distribution(matrix, x):
            result = matrix.T[x]
    """),
    Wrong(NEXT, "prints-instead", r"return statement", """
        def next_distribution(matrix, x):
            print(matrix.T[x])
    """),
    Wrong(NEXT, "list-for-tensor", r"a list", """
        def next_distribution(matrix, x):
            return matrix.T[x].tolist()
    """),
    Wrong(NEXT, "transposes-the-input-in-place", r"in place", """
        def next_distribution(matrix, x):
            matrix.t_()
            return matrix[x]
    """),
    Wrong(NEXT, "scales-the-input-in-place", r"in place", """
        def next_distribution(matrix, x):
            matrix *= 100          # per cent
            matrix /= matrix.sum(0) + 1e-3
            return matrix.T[x]
    """),
    Wrong(NEXT, "the-notebooks-Q", r"notebook|argument", """
        def next_distribution(matrix, x):
            return Q.T[x]
    """),
    Wrong(NEXT, "four-states-only", r"IndexError", """
        def next_distribution(matrix, x):
            out = torch.zeros(*x.shape, 4, dtype=torch.float64)
            for k in range(4):
                out[..., k] = matrix[k][x]
            return out
    """),
    Wrong(NEXT, "average-over-the-batch", r"shape", """
        def next_distribution(matrix, x):
            return matrix.T[x].reshape(-1, len(matrix)).mean(0)
    """),
    Wrong(NEXT, "arguments-swapped", r"IndexError", """
        def next_distribution(x, matrix):
            return matrix[:, x]
    """),
    Wrong(NEXT, "argument-missing", r"1 positional argument", """
        def next_distribution(matrix):
            return matrix[:, 2]
    """),
    Wrong(NEXT, "logarithms", None, """
        def next_distribution(matrix, x):
            return torch.log(matrix.T[x])
    """),
    Wrong(NEXT, "softmax-of-probabilities", None, """
        def next_distribution(matrix, x):
            return torch.softmax(matrix.T[x], dim=-1)
    """),
    Wrong(NEXT, "most-likely-state-only", None, """
        def next_distribution(matrix, x):
            p = matrix.T[x]
            return torch.nn.functional.one_hot(p.argmax(-1), len(matrix)).double()
    """),

    # ---- 01-2
    Wrong(CUMULATIVE, "wrong-order", r"order", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = result @ matrices[s]
            return result
    """),
    Wrong(CUMULATIVE, "wrong-order-backwards-loop", r"order", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t, 0, -1):
                result = matrices[s - 1] @ result
            return result
    """),
    Wrong(CUMULATIVE, "transposed-result", r"transposed", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
            return result.T
    """),
    Wrong(CUMULATIVE, "transposed-steps", r"transposed", """
        def cumulative_matrix(matrices, t):
            P = np.eye(matrices.shape[1])
            for m in matrices[:t].numpy():
                P = m.T @ P
            return torch.tensor(P)
    """),
    Wrong(CUMULATIVE, "one-step-too-many", r"too many", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices[:t + 1]:
                result = m @ result
            return result
    """),
    Wrong(CUMULATIVE, "one-step-too-few", r"too few", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(1, t):
                result = matrices[s - 1] @ result
            return result
    """),
    Wrong(CUMULATIVE, "first-step-left-out", r"first|Q_1\b|too few", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(1, t):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "index-t-for-t-minus-one", r"IndexError", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(1, t + 1):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "entry-by-entry-product", r"one by one|\(\*\)", """
        def cumulative_matrix(matrices, t):
            result = torch.ones_like(matrices[0])
            for s in range(t):
                result = result * matrices[s]
            return result
    """),
    Wrong(CUMULATIVE, "identity-times-entry-by-entry", r"one by one|\(\*\)", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] * result
            return result
    """),
    Wrong(CUMULATIVE, "no-identity-at-zero", r"t = 0.* identity", """
        def cumulative_matrix(matrices, t):
            result = matrices[0]
            for s in range(1, t):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "starts-from-zeros", r"zero|identity", """
        def cumulative_matrix(matrices, t):
            result = torch.zeros(matrices.shape[1:], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "starts-from-ones", r"identity|sum to 1", """
        def cumulative_matrix(matrices, t):
            result = torch.ones(matrices.shape[1:], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "power-of-the-first", r"power.* same matrix", """
        def cumulative_matrix(matrices, t):
            return torch.linalg.matrix_power(matrices[0], t)
    """),
    Wrong(CUMULATIVE, "power-of-the-last", r"power.* same matrix", """
        def cumulative_matrix(matrices, t):
            return torch.linalg.matrix_power(matrices[t - 1], t)
    """),
    Wrong(CUMULATIVE, "one-step-for-many", r"Q_t itself", """
        def cumulative_matrix(matrices, t):
            if t == 0:
                return torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            return matrices[t - 1]
    """),
    Wrong(CUMULATIVE, "return-inside-the-loop", r"first step|only Q_1|Q_1 itself|inside the loop", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            if t == 0:
                return result
            for s in range(t):
                result = matrices[s] @ result
                return result
    """),
    Wrong(CUMULATIVE, "all-steps-whatever-t", r"\bT\b|all steps|whatever t", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices:
                result = m @ result
            return result
    """),
    Wrong(CUMULATIVE, "every-t-at-once", r"shape", """
        def cumulative_matrix(matrices, t):
            out = [torch.eye(matrices.shape[-1], dtype=matrices.dtype)]
            for m in matrices:
                out.append(m @ out[-1])
            return torch.stack(out)
    """),
    Wrong(CUMULATIVE, "a-batch-of-one", r"shape", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)[None]
            for m in matrices[:t]:
                result = m @ result
            return result
    """),
    Wrong(CUMULATIVE, "sum-for-product", None, """
        def cumulative_matrix(matrices, t):
            return matrices[:t].sum(0)
    """),
    Wrong(CUMULATIVE, "average-for-product", None, """
        def cumulative_matrix(matrices, t):
            if t == 0:
                return torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            return matrices[:t].mean(0)
    """),
    Wrong(CUMULATIVE, "writes-into-the-first-matrix", r"in place", """
        def cumulative_matrix(matrices, t):
            if t == 0:
                return torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            result = matrices[0]
            for s in range(1, t):
                result[:] = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "float32-identity", r"same dtype", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1])
            for s in range(t):
                result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "rounded-to-integers", r"expected floating", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=torch.long)
            for s in range(t):
                result = (matrices[s] @ result.double()).long()
            return result
    """),
    Wrong(CUMULATIVE, "list-for-tensor", r"a list", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
            return result.tolist()
    """),
    Wrong(CUMULATIVE, "forgotten-return", r"return statement", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
    """),
    Wrong(CUMULATIVE, "recursion-without-an-end", r"RecursionError|IndexError: index -", """
        def cumulative_matrix(matrices, t):
            return matrices[t - 1] @ cumulative_matrix(matrices, t - 1)
    """),
    Wrong(CUMULATIVE, "size-of-the-notebooks-letters", r"RuntimeError.*3x3 and 4x4", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(len(letters), dtype=torch.float64)
            for m in matrices[:t]:
                result = m @ result
            return result
    """),
    Wrong(CUMULATIVE, "wrong-order-and-no-identity", r"order|right", """
        def cumulative_matrix(matrices, t):
            result = matrices[0]
            for s in range(1, t):
                result = result @ matrices[s]
            return result
    """),
    Wrong(CUMULATIVE, "multi-dot-in-the-wrong-order", r"order|RuntimeError.* at least 2", """
        def cumulative_matrix(matrices, t):
            return torch.linalg.multi_dot(list(matrices[:t]))
    """),
    Wrong(CUMULATIVE, "nothing-defined-at-zero", r"UnboundLocalError.* t = 0|identity", """
        def cumulative_matrix(matrices, t):
            for s in range(t):
                if s == 0:
                    result = matrices[0]
                else:
                    result = matrices[s] @ result
            return result
    """),
    Wrong(CUMULATIVE, "no-branch-for-zero", r"t = 0|identity", """
        def cumulative_matrix(matrices, t):
            if t == 1:
                return matrices[0]
            if t > 1:
                return matrices[t - 1] @ cumulative_matrix(matrices, t - 1)
    """),
    Wrong(CUMULATIVE, "the-number-one-at-zero", r"shape \(\).* t = 0", """
        def cumulative_matrix(matrices, t):
            result = 1
            for m in matrices[:t]:
                result = m if isinstance(result, int) else m @ result
            return result
    """),

    # ---- 01-3
    Wrong(PATHS, "from-and-to-swapped", r"Q\[from, to\]|\brow", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(1, t + 1):
                    p *= matrices[s - 1, path[s - 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "row-of-the-product", r"Q\[from, to\]|\brow", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for s in range(t):
                result = matrices[s] @ result
            return result

        def marginal_by_paths(matrices, x0, t):
            return cumulative_matrix(matrices, t)[x0]
    """),
    Wrong(PATHS, "matrices-from-the-back", r"order", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(1, t + 1):
                    p *= matrices[t - s, path[s], path[s - 1]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "one-matrix-too-far", r"IndexError", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(1, t + 1):
                    p *= matrices[s, path[s], path[s - 1]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "one-matrix-too-early", r"step s|matrices\[s - 1\]|first step", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s - 1, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "first-matrix-at-every-step", r"every step|Q_1", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for a, b in zip(path, path[1:]):
                    p *= matrices[0][b][a]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "paths-from-every-start", r"starting state", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for path in product(range(K), repeat=t + 1):
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "average-over-paths", r"averag|divid|number of paths|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total / K ** t
    """),
    Wrong(PATHS, "mean-of-the-paths-to-a-state", r"averaged", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            found = [[] for _ in range(K)]
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                found[path[-1]].append(np.prod([float(matrices[s, path[s + 1], path[s]]) for s in range(t)]))
            return torch.tensor([np.mean(f) if f else 0.0 for f in found])
    """),
    Wrong(PATHS, "sum-along-the-path", r"product|multipl|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 0.0
                for s in range(t):
                    p += matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "product-starts-at-zero", r"zero|start|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 0.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "best-path-only", r"most probable path", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            best = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                best[path[-1]] = max(best[path[-1]], p)
            return best
    """),
    Wrong(PATHS, "overwrites-for-adds", r"overwr|\+=|add|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] = p
            return total
    """),
    Wrong(PATHS, "added-to-the-start", r"\bends\b|last state", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[0]] += p
            return total
    """),
    Wrong(PATHS, "product-never-started-anew", r"anew|(each|every) path|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            p = 1.0
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "last-factor-left-out", r"too few|last step|last factor|\bsums? to", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(1, t):
                    p *= matrices[s - 1, path[s], path[s - 1]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "first-factor-left-out", None, """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                p = 1.0
                for s in range(1, t):
                    p *= matrices[s, states[s], states[s - 1]]
                total[states[-1] if t else x0] += p
            return total
    """),
    Wrong(PATHS, "all-T-steps", r"always T steps", """
        def marginal_by_paths(matrices, x0, t):
            T, K, _ = matrices.shape
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=T):
                path = (x0, *states)
                p = 1.0
                for s in range(T):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "one-step-too-few", r"too few", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=max(t - 1, 0)):
                path = (x0, *states)
                p = 1.0
                for s in range(len(states)):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "one-step-too-many", r"too many", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=min(t + 1, len(matrices))):
                path = (x0, *states)
                p = 1.0
                for s in range(len(states)):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "nothing-at-zero", r"t = 0", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            if t == 0:
                return total
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "number-of-paths", None, """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                if all(matrices[s, path[s + 1], path[s]] > 0 for s in range(t)):
                    total[path[-1]] += 1
            return total
    """),
    Wrong(PATHS, "integer-sums", r"expected floating", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.tensor([0] * K)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                total[path[-1]] += int(p)
            return total
    """),
    Wrong(PATHS, "adds-fractions-to-integers", r"RuntimeError.* Long", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.tensor([0] * K)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = torch.ones((), dtype=matrices.dtype)
                for s in range(t):
                    p = p * matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "all-starts-as-a-matrix", r"shape", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, K, dtype=torch.float64)
            for path in product(range(K), repeat=t + 1):
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1], path[0]] += p
            return total
    """),
    Wrong(PATHS, "a-column-vector", r"shape", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = np.zeros((K, 1))
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                total[path[-1]] += p
            return torch.tensor(total)
    """),
    Wrong(PATHS, "list-for-tensor", r"a list", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = [0.0] * K
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "dictionary-for-tensor", r"a dict", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = {}
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                total[path[-1]] = total.get(path[-1], 0) + p
            return total
    """),
    Wrong(PATHS, "forgotten-return", r"return statement", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
    """),
    Wrong(PATHS, "multiplies-into-the-input", r"in place", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            if t == 0:
                total[x0] = 1
                return total
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = matrices[0, path[1], x0]
                for s in range(1, t):
                    p *= matrices[s, path[s + 1], path[s]]
                total[path[-1]] += p
            return total
    """),

    # ---- 01-4
    Wrong(SAMPLE, "generator-ignored", r"generator", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "numpy-randomness", r"generator", """
        def sample_paths(matrices, x0, generator):
            rng = np.random.default_rng()
            out = [x0.numpy()]
            for m in matrices.numpy():
                cdf = m.cumsum(0).T[out[-1]]
                out.append(np.minimum((rng.random((len(x0), 1)) > cdf).sum(1), len(m) - 1))
            return torch.from_numpy(np.stack(out))
    """),
    Wrong(SAMPLE, "a-generator-of-its-own", r"two seeds", """
        def sample_paths(matrices, x0, generator):
            generator = torch.Generator().manual_seed(0)
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "the-generator-seeded-anew", r"two seeds", """
        def sample_paths(matrices, x0, generator):
            generator.manual_seed(42)       # reproducible
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "the-global-seed", r"two seeds", """
        def sample_paths(matrices, x0, generator):
            torch.manual_seed(0)
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "one-random-number-for-all-tokens", r"tokens move together", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                u = torch.rand((), generator=generator)
                cdf = m[:, path[-1]].T.cumsum(-1)
                path.append((u > cdf[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "one-random-number-for-all-steps", r"random number", """
        def sample_paths(matrices, x0, generator):
            u = torch.rand(len(x0), 1, generator=generator)
            path = [x0]
            for m in matrices:
                cdf = m[:, path[-1]].T.cumsum(-1)
                path.append((u > cdf[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "one-draw-per-state", r"tokens move together", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                where_to = torch.multinomial(m.T, 1, generator=generator)[:, 0]
                path.append(where_to[path[-1]])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "jumps-from-the-start", r"just before", """
        def sample_paths(matrices, x0, generator):
            rows, total = [x0], torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices:
                total = m @ total
                rows.append(torch.multinomial(total.T[x0], 1, generator=generator).squeeze(1))
            return torch.stack(rows)
    """),
    Wrong(SAMPLE, "jumps-with-cumulative-matrix", r"just before", """
        def cumulative_matrix(matrices, t):
            ...

        def sample_paths(matrices, x0, generator):
            rows = [x0]
            for t in range(1, len(matrices) + 1):
                probs = cumulative_matrix(matrices, t)[:, x0].T
                rows.append(torch.multinomial(probs, 1, generator=generator).squeeze(1))
            return torch.stack(rows)
    """),
    Wrong(SAMPLE, "each-step-from-x0", r"again from x_0", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[x0], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "two-steps-back", None, """
        def sample_paths(matrices, x0, generator):
            T, N = len(matrices), len(x0)
            out = torch.zeros(T + 1, N, dtype=torch.long)
            out[0] = x0
            for t in range(1, T + 1):
                out[t] = torch.multinomial(matrices[t - 1].T[out[max(t - 2, 0)]], 1, generator=generator).view(-1)
            return out
    """),
    Wrong(SAMPLE, "pooled-over-tokens", None, """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]].mean(0)
                path.append(torch.multinomial(probs, len(x0), replacement=True, generator=generator))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "row-for-column", r"\brow\b", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "matrices-from-the-back", r"order", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices.flip(0):
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "first-matrix-at-every-step", r"every step uses Q_1", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for _ in range(len(matrices)):
                path.append(torch.multinomial(matrices[0].T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "one-matrix-too-early", r"wrong matrix", """
        def sample_paths(matrices, x0, generator):
            T, N = len(matrices), len(x0)
            out = torch.zeros(T + 1, N, dtype=torch.long)
            out[0] = x0
            for t in range(T):
                out[t + 1] = torch.multinomial(matrices[t - 1].T[out[t]], 1, generator=generator).view(-1)
            return out
    """),
    Wrong(SAMPLE, "one-matrix-too-far", r"IndexError", """
        def sample_paths(matrices, x0, generator):
            T, N = len(matrices), len(x0)
            out = torch.zeros(T + 1, N, dtype=torch.long)
            out[0] = x0
            for t in range(1, T + 1):
                out[t] = torch.multinomial(matrices[t].T[out[t - 1]], 1, generator=generator).view(-1)
            return out
    """),
    Wrong(SAMPLE, "most-likely-state", r"most probable|argmax|not random|no random|never draws|without drawing", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(m.T[path[-1]].argmax(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "any-state-alike", r"uniformly", """
        def sample_paths(matrices, x0, generator):
            T, K, _ = matrices.shape
            steps = torch.randint(0, K, (T, len(x0)), generator=generator)
            return torch.cat([x0[None], steps])
    """),
    Wrong(SAMPLE, "never-the-last-state", None, """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                cdf = m[:, path[-1]].T.cumsum(-1)
                u = torch.rand(len(x0), 1, generator=generator, dtype=torch.float64)
                path.append(((u > cdf).sum(-1) - 1).clamp(min=0))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "tokens-by-time", r"shape \(6000, 4\)", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path, dim=1)
    """),
    Wrong(SAMPLE, "start-left-out", r"shape|x_0", """
        def sample_paths(matrices, x0, generator):
            rows = []
            x = x0
            for m in matrices:
                x = torch.multinomial(m.T[x], 1, generator=generator).squeeze(1)
                rows.append(x)
            return torch.stack(rows)
    """),
    Wrong(SAMPLE, "last-step-left-out", r"shape", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for t in range(1, len(matrices)):
                path.append(torch.multinomial(matrices[t - 1].T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "dimension-of-multinomial-kept", r"shape", """
        def sample_paths(matrices, x0, generator):
            path = [x0.unsqueeze(1)]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1].squeeze(1)], 1, generator=generator))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "last-step-in-row-zero", r"first row", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.insert(0, torch.multinomial(m.T[path[0]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "row-zero-drawn-too", r"first row", """
        def sample_paths(matrices, x0, generator):
            x = torch.multinomial(matrices[0].T[x0], 1, generator=generator).squeeze(1)
            path = [x]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "floating-point-states", r"expected integer", """
        def sample_paths(matrices, x0, generator):
            out = torch.zeros(len(matrices) + 1, len(x0))
            out[0] = x0
            for t, m in enumerate(matrices):
                out[t + 1] = torch.multinomial(m.T[out[t].long()], 1, generator=generator)[:, 0]
            return out
    """),
    Wrong(SAMPLE, "list-for-tensor", r"a list", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return path
    """),
    Wrong(SAMPLE, "forgotten-return", r"return statement", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            torch.stack(path)
    """),
    Wrong(SAMPLE, "writes-into-x0", r"in place", """
        def sample_paths(matrices, x0, generator):
            out = torch.zeros(len(matrices) + 1, len(x0), dtype=torch.long)
            x = x0
            out[0] = x
            for t, m in enumerate(matrices):
                x[:] = torch.multinomial(m.T[x], 1, generator=generator)[:, 0]
                out[t + 1] = x
            return out
    """),
    Wrong(SAMPLE, "every-row-the-last", r"in place", """
        def sample_paths(matrices, x0, generator):
            x, path = x0, [x0]
            for m in matrices:
                x[:] = torch.multinomial(m.T[x], 1, generator=generator)[:, 0]
                path.append(x)
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "probabilities-instead", r"shape", """
        def sample_paths(matrices, x0, generator):
            p = torch.nn.functional.one_hot(x0, matrices.shape[-1]).double()
            out = [p]
            for m in matrices:
                out.append(out[-1] @ m.T)
            return torch.stack(out)
    """),
    Wrong(SAMPLE, "tokens-in-another-order", r"first row", """
        def sample_paths(matrices, x0, generator):
            path = [x0.sort().values]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1))
            return torch.stack(path)
    """),

    Wrong(SAMPLE, "never-leaves-x0", r"x_0|x0|stay|never|same state", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                x = torch.multinomial(m.T[path[-1]], 1, generator=generator).squeeze(1)
                path.append(x0)
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "one-tokens-state-for-all", None, """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m[:, path[-1][0]], len(x0), replacement=True, generator=generator))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "states-counted-from-one", r"the states are 0", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                path.append(torch.multinomial(m.T[path[-1] - 1], 1, generator=generator).squeeze(1) + 1)
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "paths-sorted-by-their-start", r"x_0|x0|start|token", """
        def sample_paths(matrices, x0, generator):
            blocks = []
            for k in range(matrices.shape[-1]):         # all tokens in state k at once
                x = x0[x0 == k]
                rows = []
                for m in matrices:
                    if len(x) > 0:
                        x = torch.multinomial(m.T[x], 1, generator=generator).squeeze(1)
                    rows.append(x)
                blocks.append(torch.stack(rows))
            return torch.cat([x0[None], torch.cat(blocks, dim=1)])
    """),

    # ---- 01-5
    Wrong(ESTIMATE, "transposed", r"transposed", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[j, i] += 1
            total = counts.sum(1, keepdim=True)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "before-and-after-swapped", r"exchanged", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for i, j in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "rows-sum-to-one", r"rows are normalised", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(1, keepdim=True)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "divided-along-the-wrong-dimension", r"\brow|column", """
        def estimate_matrix(before, after, num_states):
            K = num_states
            counts = torch.bincount(after * K + before, minlength=K * K).reshape(K, K).double()
            counts[:, counts.sum(0) == 0] = 1
            return counts / counts.sum(0)[:, None]
    """),
    Wrong(ESTIMATE, "nan-columns", r"0/0|NaN", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts / counts.sum(0)
    """),
    Wrong(ESTIMATE, "zero-columns", r"1/K", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return torch.nan_to_num(counts / counts.sum(0))
    """),
    Wrong(ESTIMATE, "zero-columns-by-clamping", r"1/K", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts / counts.sum(0).clamp(min=1)
    """),
    Wrong(ESTIMATE, "unseen-states-stay", r"1/K", """
        def estimate_matrix(before, after, num_states):
            Q = torch.eye(num_states, dtype=torch.float64)
            for j in before.unique().tolist():
                Q[:, j] = torch.bincount(after[before == j], minlength=num_states) / (before == j).sum()
            return Q
    """),
    Wrong(ESTIMATE, "ones-in-unseen-columns", r"1/K", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return torch.where(counts.sum(0) > 0, counts / counts.sum(0), 1.0)
    """),
    Wrong(ESTIMATE, "uniform-wherever-a-count-is-zero", r"belongs only in the column|\bsums? to", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return torch.where(counts == 0, 1 / num_states, counts / counts.sum(0))
    """),
    Wrong(ESTIMATE, "uniform-rows-for-states-never-reached", r"1/K", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            Q = counts / counts.sum(0).clamp(min=1)
            Q[counts.sum(1) == 0] = 1 / num_states
            return Q
    """),
    Wrong(ESTIMATE, "add-one-smoothing", r"smoothing", """
        def estimate_matrix(before, after, num_states):
            counts = torch.ones(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts / counts.sum(0)
    """),
    Wrong(ESTIMATE, "a-little-smoothing", None, """
        def estimate_matrix(before, after, num_states):
            counts = torch.full((num_states, num_states), 1e-3, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts / counts.sum(0)
    """),
    Wrong(ESTIMATE, "counts-not-divided", r"these are counts|sum to 1", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            counts[:, counts.sum(0) == 0] = 1 / num_states
            return counts
    """),
    Wrong(ESTIMATE, "divided-by-N", r"joint|sum to 1", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            Q = counts / len(before)
            Q[:, counts.sum(0) == 0] = 1 / num_states
            return Q
    """),
    Wrong(ESTIMATE, "integer-division", r"expected floating", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.long)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts // counts.sum(0).clamp(min=1)
    """),
    Wrong(ESTIMATE, "repeated-pairs-counted-once", r"once|repeat|accumul", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            counts[after, before] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "states-from-the-data", r"shape|num_states", """
        def estimate_matrix(before, after, num_states):
            K = int(max(before.max(), after.max())) + 1
            counts = torch.zeros(K, K, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / K)
    """),
    Wrong(ESTIMATE, "unseen-states-left-out", r"shape", """
        def estimate_matrix(before, after, num_states):
            seen = before.unique()
            cols = [torch.bincount(after[before == j], minlength=num_states) / (before == j).sum() for j in seen]
            return torch.stack(cols, dim=1)
    """),
    Wrong(ESTIMATE, "last-pair-left-out", None, """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for n in range(len(before) - 1):
                counts[after[n], before[n]] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "first-pair-left-out", None, """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for n in range(1, len(before)):
                counts[after[n], before[n]] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "neighbours-in-before", None, """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for n in range(len(before) - 1):
                counts[before[n + 1], before[n]] += 1
            total = counts.sum(0)
            return torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "frequencies-of-after-in-every-column", None, """
        def estimate_matrix(before, after, num_states):
            freq = torch.bincount(after, minlength=num_states) / max(len(after), 1)
            return freq[:, None].repeat(1, num_states)
    """),
    Wrong(ESTIMATE, "flat", r"shape", """
        def estimate_matrix(before, after, num_states):
            K = num_states
            c = torch.bincount(after * K + before, minlength=K * K).double()
            n = torch.bincount(before, minlength=K).repeat(K)
            return torch.where(n > 0, c / n, 1 / K)
    """),
    Wrong(ESTIMATE, "list-for-tensor", r"a list", """
        def estimate_matrix(before, after, num_states):
            b, a = before.tolist(), after.tolist()
            pairs = list(zip(a, b))
            return [[pairs.count((i, j)) / b.count(j) if j in b else 1 / num_states for j in range(num_states)]
                    for i in range(num_states)]
    """),
    Wrong(ESTIMATE, "forgotten-return", r"return statement", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states)
            for j, i in zip(before, after):
                counts[i, j] += 1
            total = counts.sum(0)
            Q = torch.where(total > 0, counts / total, 1 / num_states)
    """),
    Wrong(ESTIMATE, "writes-into-before", r"in place", """
        def estimate_matrix(before, after, num_states):
            K = num_states
            n = torch.bincount(before, minlength=K)
            before += K * after
            counts = torch.bincount(before, minlength=K * K).view(K, K)
            return torch.where(n > 0, counts / n, 1 / K)
    """),
    Wrong(ESTIMATE, "division-by-zero-in-python", r"ZeroDivisionError", """
        def estimate_matrix(before, after, num_states):
            b, a = before.tolist(), after.tolist()
            Q = torch.zeros(num_states, num_states)
            for j in range(num_states):
                for i in range(num_states):
                    Q[i, j] = sum(x == j and y == i for x, y in zip(b, a)) / b.count(j)
            return Q
    """),
    Wrong(ESTIMATE, "joint-frequencies", r"joint", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[i, j] += 1
            return counts / counts.sum()
    """),
    Wrong(ESTIMATE, "plain-counts", r"counts", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states)
            for n in range(before.numel()):
                counts[after[n].item(), before[n].item()] += 1.0
            return counts
    """),
    Wrong(ESTIMATE, "transposed-with-nan", r"transposed|0/0", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[j, i] += 1
            return counts / counts.sum(1, keepdim=True)
    """),
    Wrong(ESTIMATE, "transposed-with-zeros", r"transposed", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[j, i] += 1
            return counts / counts.sum(1, keepdim=True).clamp(min=1)
    """),
    Wrong(ESTIMATE, "exchanged-without-a-thought-of-0/0", r"exchanged", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for j, i in zip(before, after):
                counts[j, i] += 1
            return counts / counts.sum(0)
    """),

    # ---- what rare states, coarse numbers, kept results and dependent draws let through
    Wrong(NEXT, "small-entries-cut-off", r"threshold", """
        def next_distribution(matrix, x):
            q = torch.where(matrix > 1e-12, matrix, 0.0)
            return q.T[x]
    """),
    Wrong(NEXT, "clamped-for-stability", r"threshold", """
        def next_distribution(matrix, x):
            return matrix.clamp(min=1e-8).T[x]
    """),
    Wrong(NEXT, "squeezed", r"shape", """
        def next_distribution(matrix, x):
            return matrix.T[x.squeeze()]
    """),
    Wrong(NEXT, "two-dimensions-at-most", r"Error|shape", """
        def next_distribution(matrix, x):
            out = matrix[:, x]
            return out.permute(1, 2, 0) if x.dim() == 2 else out.T
    """),
    Wrong(NEXT, "half-precision", None, """
        def next_distribution(matrix, x):
            return matrix.half().T[x]
    """),
    Wrong(NEXT, "reshape-for-transpose", r"the columns are there, but `reshape`", """
        def next_distribution(matrix, x):
            K = matrix.shape[0]
            picked = matrix.index_select(1, x.flatten())
            return picked.reshape(*x.shape, K)
    """),
    Wrong(CUMULATIVE, "kept-by-time", r"shape", """
        kept = {}

        def cumulative_matrix(matrices, t):
            if t not in kept:
                result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
                for m in matrices[:t]:
                    result = m @ result
                kept[t] = result
            return kept[t]
    """),
    Wrong(CUMULATIVE, "kept-by-time-and-size", r"earlier call", """
        kept = {}

        def cumulative_matrix(matrices, t):
            key = (*matrices.shape, t)
            if key not in kept:
                result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
                for m in matrices[:t]:
                    result = m @ result
                kept[key] = result
            return kept[key]
    """),
    Wrong(CUMULATIVE, "small-entries-cut-off", r"threshold", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices[:t]:
                result = m @ result
            result[result < 1e-10] = 0
            return result
    """),
    Wrong(CUMULATIVE, "logarithms-with-an-epsilon", r"threshold", """
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for m in matrices[:t]:
                result = torch.logsumexp((m + 1e-12).log()[:, :, None] + (result + 1e-12).log(), 1).exp()
            return result
    """),
    Wrong(CUMULATIVE, "flips-before-slicing", r"these are the last t matrices,", """
        from functools import reduce

        def cumulative_matrix(matrices, t):
            K = matrices.shape[-1]
            factors = matrices.flip(0)[:t]          # Q_t, ..., Q_1
            return reduce(torch.matmul, factors, torch.eye(K, dtype=matrices.dtype))
    """),
    Wrong(CUMULATIVE, "last-t", r"these are the last t matrices,", """
        from functools import reduce

        def cumulative_matrix(matrices, t):
            chosen = matrices[-t:]
            return reduce(lambda done, step: step @ done, chosen)
    """),
    Wrong(CUMULATIVE, "log-clamp", r"nearly right everywhere, but not for", """
        def cumulative_matrix(matrices, t):
            K = matrices.shape[-1]
            logs = matrices.clamp(min=1e-6).log()
            out = torch.eye(K, dtype=matrices.dtype)
            if t == 0:
                return out
            log_out = logs[0]
            for s in range(1, t):
                log_out = torch.logsumexp(logs[s][:, :, None] + log_out[None], dim=1)
            return log_out.exp()
    """),
    Wrong(CUMULATIVE, "tree-leftover", r"a matrix that has no partner", """
        def cumulative_matrix(matrices, t):
            '''Q_{1:t}, so that q(x_t | x_0) = Cat(Q_{1:t} x_0).'''
            level = list(matrices[:t])
            if not level:
                return torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            while len(level) > 1:
                pairs = [level[i + 1] @ level[i] for i in range(0, len(level) - 1, 2)]
                if len(level) % 2:
                    pairs = [level[-1]] + pairs
                level = pairs
            return level[0]
    """),
    Wrong(PATHS, "kept-by-start-and-time", r"earlier call", """
        kept = {}

        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            if (K, x0, t) not in kept:
                p = torch.zeros(K, dtype=matrices.dtype)
                p[x0] = 1
                for m in matrices[:t]:
                    p = m @ p
                kept[K, x0, t] = p
            return kept[K, x0, t]
    """),
    Wrong(PATHS, "rare-paths-left-out", r"threshold", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                if p > 1e-9:
                    total[path[-1]] += p
            return total
    """),
    Wrong(PATHS, "logarithms-with-an-epsilon", r"threshold", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            total = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                logs = [torch.log(matrices[s, path[s + 1], path[s]] + 1e-8) for s in range(t)]
                total[path[-1]] += torch.exp(sum(logs)) if logs else 1
            return total
    """),
    Wrong(PATHS, "set-of-probabilities", r"paths of equal probability are counted", """
        from math import prod

        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            ways = {i: set() for i in range(K)}
            for states in product(range(K), repeat=t):
                path = (x0,) + states
                p = prod(matrices[s, path[s + 1], path[s]].item() for s in range(t))
                ways[path[-1]].add(p)
            return torch.tensor([sum(ways[i]) for i in range(K)], dtype=matrices.dtype)
    """),
    Wrong(PATHS, "equal-paths-once", r"paths of equal probability are counted", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            ends = [set() for _ in range(K)]
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                p = 1.0
                for s in range(t):
                    p *= float(matrices[s, path[s + 1], path[s]])
                ends[path[-1]].add(p)
            return torch.tensor([sum(e) for e in ends], dtype=matrices.dtype)
    """),
    Wrong(PATHS, "one-product-for-all-paths", r"not begun anew", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            out = torch.zeros(K, dtype=torch.float64)
            p = 1.0
            for states in product(range(K), repeat=t):
                path = (x0, *states)
                for s in range(1, t + 1):
                    p = p * matrices[s - 1, path[s], path[s - 1]]
                out[path[-1]] += p
            return out
    """),
    Wrong(PATHS, "without-the-last-step", r"the last step, say", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            out = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path, p = (x0, *states), 1.0
                for s in range(1, t):
                    p = p * matrices[s - 1, path[s], path[s - 1]]
                out[path[-1]] += p
            return out
    """),
    Wrong(PATHS, "steps-added", r"of the steps are added", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            out = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path, p = (x0, *states), 1.0
                for s in range(1, t + 1):
                    p += matrices[s - 1, path[s], path[s - 1]]
                out[path[-1]] += p
            return out
    """),
    Wrong(PATHS, "every-step-from-the-start", r"from x_0 again", """
        def marginal_by_paths(matrices, x0, t):
            K = matrices.shape[-1]
            out = torch.zeros(K, dtype=torch.float64)
            for states in product(range(K), repeat=t):
                path, p = (x0, *states), 1.0
                for s in range(1, t + 1):
                    p = p * matrices[s - 1, path[s], x0]
                out[path[-1]] += p
            return out
    """),
    Wrong(SAMPLE, "a-copy-of-the-generator", r"second call", """
        def sample_paths(matrices, x0, generator):
            generator = torch.Generator().manual_seed(generator.initial_seed())
            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]]
                path.append(torch.multinomial(probs, 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "a-copy-by-its-state", r"second call", """
        def sample_paths(matrices, x0, generator):
            generator = generator.clone_state()
            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]]
                path.append(torch.multinomial(probs, 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "antithetic-halves", r"path of one token", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            N = len(x0)
            for m in matrices:
                u = torch.rand((N + 1) // 2, 1, generator=generator, dtype=torch.float64)
                u = torch.cat([u, 1 - u])[:N]
                path.append((u >= m.T[path[-1]].cumsum(-1)[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "neighbours-share-their-numbers", r"path of one token", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            N = len(x0)
            for m in matrices:
                u = torch.rand((N + 1) // 2, generator=generator, dtype=torch.float64).repeat_interleave(2)[:N, None]
                path.append((u >= m.T[path[-1]].cumsum(-1)[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "rare-states-cut-off", r"threshold", """
        def sample_paths(matrices, x0, generator):

            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]]
                probs = torch.where(probs < 1e-2, 0.0, probs)
                path.append(torch.multinomial(probs, 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "very-rare-states-cut-off", r"threshold", """
        def sample_paths(matrices, x0, generator):

            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]]
                probs = torch.where(probs < 1e-3, 0.0, probs)
                path.append(torch.multinomial(probs, 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "clamped-for-stability", r"whose probability in Q_t is 0", """
        def sample_paths(matrices, x0, generator):

            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]]
                probs = probs.clamp(min=1e-3)
                path.append(torch.multinomial(probs, 1, generator=generator)[:, 0])
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "percent-numbers", r"coarse", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                u = torch.randint(100, (len(x0), 1), generator=generator) / 100
                path.append((u >= m.T[path[-1]].cumsum(-1)[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "squeezed-to-nothing", r"border case.*squeeze", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            for m in matrices:
                probs = m.T[path[-1]].reshape(-1, m.shape[-1])
                path.append(torch.multinomial(probs, 1, generator=generator).squeeze())
            return torch.stack([p.reshape(x0.shape) if len(matrices) > 8 else p.squeeze() for p in path])
    """),
    Wrong(SAMPLE, "systematic-numbers", r"second call|one token", """
        def sample_paths(matrices, x0, generator):
            path = [x0]
            N = len(x0)
            for m in matrices:
                u = ((torch.arange(N) + torch.rand((), generator=generator)) / N)[:, None]
                path.append((u >= m.T[path[-1]].cumsum(-1)[:, :-1]).sum(-1))
            return torch.stack(path)
    """),
    Wrong(SAMPLE, "stratified", r"the states come up too evenly:", """
        def sample_paths(matrices, x0, generator):
            N = x0.shape[0]
            path = [x0]
            for matrix in matrices:
                cdf = next_distribution(matrix, path[-1]).double().cumsum(-1)
                cdf[:, -1] = 1.0
                jitter = torch.rand(N, generator=generator, dtype=torch.float64)
                u = (torch.randperm(N, generator=generator) + jitter) / N
                path.append((u[:, None] >= cdf).sum(-1))
            return torch.stack(path)
    """),
    Wrong(ESTIMATE, "counts-in-eight-bits", r"8 or 16", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.uint8)
            for j, i in zip(before.tolist(), after.tolist()):
                counts[i, j] += 1
            seen = counts.sum(0)
            return torch.where(seen > 0, counts / seen.clamp(min=1), 1 / num_states)
    """),
    Wrong(ESTIMATE, "counts-in-sixteen-bits", r"8 or 16", """
        def estimate_matrix(before, after, num_states):
            pairs = torch.bincount(after * num_states + before, minlength=num_states ** 2)
            counts = pairs.reshape(num_states, num_states).to(torch.int16)
            seen = counts.sum(0)
            return torch.where(seen > 0, counts / seen.clamp(min=1), 1 / num_states)
    """),
    Wrong(ESTIMATE, "counts-in-half-precision", r"8 or 16", """
        def estimate_matrix(before, after, num_states):
            counts = torch.zeros(num_states * num_states, dtype=torch.float16)
            counts.index_add_(0, after * num_states + before, torch.ones(len(before), dtype=torch.float16))
            counts = counts.reshape(num_states, num_states).double()
            seen = counts.sum(0)
            return torch.where(seen > 0, counts / seen.clamp(min=1), 1 / num_states)
    """),
    Wrong(ESTIMATE, "rare-pairs-cut-off", None, """
        def estimate_matrix(before, after, num_states):
            pairs = torch.bincount(after * num_states + before, minlength=num_states ** 2)
            counts = pairs.reshape(num_states, num_states).double()
            counts[counts < 2] = 0
            seen = counts.sum(0)
            return torch.where(seen > 0, counts / seen.clamp(min=1), 1 / num_states)
    """),
    Wrong(ESTIMATE, "rare-frequencies-cut-off", r"sum to 1", """
        def estimate_matrix(before, after, num_states):
            pairs = torch.bincount(after * num_states + before, minlength=num_states ** 2)
            counts = pairs.reshape(num_states, num_states).double()
            seen = counts.sum(0)
            q = torch.where(seen > 0, counts / seen.clamp(min=1), 1 / num_states)
            return torch.where(q < 2e-2, 0.0, q)
    """),
    Wrong(ESTIMATE, "small-pseudo-count", r"a number is added to every", """
        def estimate_matrix(before, after, num_states):
            counts = torch.full((num_states, num_states), 1e-3, dtype=torch.float64)
            for n in range(len(before)):
                counts[after[n], before[n]] += 1
            return counts / counts.sum(0, keepdim=True)
    """),
    Wrong(ESTIMATE, "assumes-one-text", r"these are the pairs of neighbours", """
        def estimate_matrix(before, after, num_states):
            text = torch.cat([before, after[-1:]])
            pairs = text[1:] * num_states + text[:-1]
            counts = torch.bincount(pairs, minlength=num_states ** 2).reshape(num_states, num_states).double()
            seen = counts.sum(0)
            out = counts / seen.clamp(min=1)
            out[:, seen == 0] = 1 / num_states
            return out
    """),
    Wrong(ESTIMATE, "base-ten", r"there may be ten states", """
        def estimate_matrix(before, after, num_states):
            codes, how_often = torch.unique(10 * after + before, return_counts=True)
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            for code, c in zip(codes.tolist(), how_often.tolist()):
                a = min(code // 10, num_states - 1)
                counts[a, code - 10 * a] += c
            n = counts.sum(dim=0)
            return torch.where(n > 0, counts / n.clamp(min=1), 1.0 / num_states)
    """),
]


DOUBLE = "an answer may be made for float64, the dtype of the notebook's matrices"
TABLE = {
    NEXT: {"rare mass": True, **DRAWS_NOTHING, **NO_TEXTS, **NO_TIME, **NO_LOGITS, "shapes": True,
           "odd rates": "takes no rates", "both floats": DOUBLE, "letters": lambda cases: any(
               len(case.args[0]) >= 4 and 0 < case.args[0][case.args[0] > 0].min() < 1e-3 for case in cases),
           "long or many": "every state is looked up by itself",
           **no("a single step", "two chains", "sparse and late")},
    CUMULATIVE: {"rare mass": True, **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, "odd rates": "takes no rates",
                 "letters": lambda cases: any(case.args[0].shape[-1] >= 4 for case in cases),
                 "long or many": "the entries of a product of such matrices do not underflow, and a right answer may "
                                 "be a recursion, which Python ends after 1,000 steps",
                 "shapes": "matrices of one shape", "both floats": DOUBLE,
                 "two chains": ("kept-by-time", "kept-by-time-and-size"),
                 "sparse and late": lambda cases: any((case.args[0] == 0).any() and case.args[1] >= 2
                                                      for case in cases),
                 "ends of time": lambda cases: {0, 1, 4} <= {case.args[1] for case in cases}},
    PATHS: {"rare mass": True, **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, "odd rates": "takes no rates",
            "letters": lambda cases: any(case.args[0].shape[-1] >= 4 for case in cases),
            "long or many": "the number of paths is K^t", "shapes": "matrices of one shape", "both floats": DOUBLE,
            "two chains": ("kept-by-start-and-time",),
            "sparse and late": lambda cases: any((case.args[0] == 0).any() and case.args[2] >= 2 for case in cases),
            "ends of time": lambda cases: any(case.args[2] == 0 for case in cases)
            and any(case.args[2] == len(case.args[0]) > 1 for case in cases)},
    SAMPLE: {"rare mass": "what has a probability below 1e-12 is never drawn", "two calls": True, **NO_LOGITS,
             "ordinary batch": lambda cases: any(len(case.args[1].unique()) > 1 for case in cases),
             "batch sizes": lambda cases: {1, 300, 6000} <= {len(case.args[1]) for case in cases},
             "odd rates": ("rare-states-cut-off", "very-rare-states-cut-off", "percent-numbers"),
             "letters": lambda cases: any(case.args[0].shape[-1] >= 4 for case in cases),
             "long or many": lambda cases: any(len(case.args[0]) >= 8 for case in cases),
             "shapes": "x0 is a vector", "both floats": DOUBLE,
             "two chains": lambda cases: any(
                 one.args[0].shape == other.args[0].shape and (one.args[0] != other.args[0]).any()
                 for one in cases for other in cases),
             "sparse and late": lambda cases: any((case.args[0] == 0).any() and len(case.args[0]) >= 2
                                                  for case in cases),
             "across the batch": ("antithetic-halves", "neighbours-share-their-numbers", "systematic-numbers"),
             "along the text": ("one-random-number-for-all-steps",),
             "ends of time": "all T steps are drawn"},
    ESTIMATE: {**NO_FLOATS, **DRAWS_NOTHING, **NO_TEXTS, **NO_TIME, "odd rates": ("rare-frequencies-cut-off",),
               "letters": ("rare-pairs-cut-off",),
               "long or many": lambda cases: any(np.unique(np.stack([*leaves(case.args[:2])]), axis=1,
                                                           return_counts=True)[1].max() >= 2**15 for case in cases),
               "shapes": "vectors of pairs", **no("takes no chain", "two chains", "sparse and late")},
}

TOPIC = Topic("01_single_token_chains", FUNCTIONS, RIGHT, WRONG, samplers=(SAMPLE,), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {NEXT: "row-for-column", CUMULATIVE: "wrong-order", PATHS: "loop",      # noqa: RUF012
             SAMPLE: "on-the-next-distribution-above"}      # which is wrong here, and not counted twice


def test_the_students_own_functions_are_theirs_again_after_a_check(capsys):
    names = TOPIC.namespace(TOPIC.source_of(SAMPLE, "on-a-wrong-next-distribution"))
    own = names["next_distribution"]
    assert checked_in(names, SAMPLE, capsys) == f"✓ {SAMPLE}"
    assert names["next_distribution"] is own
    assert "cumulative_matrix" not in names
    assert checked_in(names, NEXT, capsys).startswith(f"✗ {NEXT}: ")


# ------------------------------------------------------------------------------------------------------ statistics

class TestSampler(SamplerTests):
    topic = TOPIC
    task = SAMPLE
    steady = ("multinomial", "inverse-of-the-cumulated-sum-int32", "gumbel", "numpy-inside-and-returned")
    never = ("antithetic-halves", "neighbours-share-their-numbers", "very-rare-states-cut-off", "percent-numbers")


@pytest.mark.slow
def test_separate_jumps_fail_whatever_the_seed():
    found = TOPIC.verdicts_over_seeds(SAMPLE, TOPIC.source_of(SAMPLE, "jumps-from-the-start"), range(20))
    assert [str(verdict) for verdict in found if verdict.status != "✗" or "just before" not in verdict.reason] == []


# -------------------------------------------------------------------------------------------- the notebook as a whole

@pytest.mark.slow
def test_a_notebook_of_right_answers_passes(tmp_path):
    answers = {task: next(answer.source for answer in RIGHT if answer.task == task) for task in FUNCTIONS}
    assert TOPIC.check_notebook(answers, tmp_path) == (0, [f"✓ {task}" for task in FUNCTIONS])


@pytest.mark.slow
def test_the_notebook_as_released_is_not_called_wrong(tmp_path):
    code, lines = TOPIC.check_notebook({}, tmp_path)
    assert code == 1
    assert [line[:1] for line in lines] == ["○"] * 5
