"""Do the checks of topic 03 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_LOGITS, NO_TEXTS, NO_TIME, floats, no

POSTERIOR = "03-1-posterior"
KL = "03-2-categorical-kl"
MIXTURE = "03-3-reverse-mixture"
BOUND = "03-4-bound-terms"
LIKELIHOOD = "03-5-log-likelihood"
FUNCTIONS = {POSTERIOR: "posterior", KL: "categorical_kl", MIXTURE: "reverse_mixture", BOUND: "bound_terms",
             LIKELIHOOD: "log_likelihood"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 03-1
    Right(POSTERIOR, "carried-one-hot", """
        def posterior(Q, xt, x0, t):
            law = torch.zeros(Q.shape[-1], dtype=Q.dtype)
            law[x0] = 1
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Right(POSTERIOR, "matrix-product-and-evidence", """
        def posterior(Q, xt, x0, t):
            before = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(1, t):
                before = Q[s - 1] @ before
            after = Q[t - 1] @ before
            return Q[t - 1, xt, :] * before[:, x0] / after[xt, x0]
    """),
    Right(POSTERIOR, "multi-dot-turned-round", """
        def posterior(Q, xt, x0, t):
            matrices = [torch.eye(Q.size(-1), dtype=Q.dtype)] * 2 + list(Q[:t - 1])
            cumulative = torch.linalg.multi_dot(matrices[::-1])
            return torch.nn.functional.normalize(Q[t - 1].T[:, xt] * cumulative[:, x0], p=1, dim=0)
    """),
    Right(POSTERIOR, "recursion-of-python-numbers", """
        def posterior(Q, xt, x0, t):
            K = Q.shape[1]

            def reach(i, s):
                if s == 0:
                    return float(i == x0)
                return sum(float(Q[s - 1, i, j]) * reach(j, s - 1) for j in range(K))

            weights = [float(Q[t - 1, xt, j]) * reach(j, t - 1) for j in range(K)]
            return torch.tensor([w / sum(weights) for w in weights])
    """),
    Right(POSTERIOR, "numpy-array-returned", """
        def posterior(Q, xt, x0, t):
            A = np.asarray(Q)
            col = np.eye(A.shape[1])[x0]
            for M in A[:t - 1]:
                col = M.dot(col)
            out = A[t - 1, xt] * col
            return out / out.sum()
    """),
    Right(POSTERIOR, "log-domain", """
        def posterior(Q, xt, x0, t):
            logQ = Q.log()
            law = torch.full((Q.shape[1],), -torch.inf, dtype=Q.dtype)
            law[x0] = 0.
            for s in range(t - 1):
                law = torch.logsumexp(logQ[s] + law, dim=1)
            return torch.softmax(logQ[t - 1, xt] + law, dim=0)
    """),
    Right(POSTERIOR, "float32-inside-einsum", """
        def posterior(Q, xt, x0, t):
            Q = Q.float()
            v = torch.nn.functional.one_hot(torch.tensor(x0), Q.shape[-1]).float()
            e = torch.nn.functional.one_hot(torch.tensor(xt), Q.shape[-1]).float()
            for step in Q[:t - 1]:
                v = torch.einsum("ij,j->i", step, v)
            p = torch.einsum("ij,i,j->j", Q[t - 1], e, v)
            return p / p.sum()
    """),
    Right(POSTERIOR, "every-path", """
        from itertools import product

        def posterior(Q, xt, x0, t):
            K = Q.shape[1]
            A = Q.tolist()
            weights = torch.zeros(K, dtype=Q.dtype)
            for middle in product(range(K), repeat=t - 1):
                path = (x0, *middle, xt)
                w = 1.0
                for s in range(t):
                    w *= A[s][path[s + 1]][path[s]]
                weights[path[-2]] += w
            return weights / weights.sum()
    """),
    Right(POSTERIOR, "row-vector-carried-back", """
        def posterior(Q, xt, x0, t):
            # from the other end: all of Q_{1:t-1} as it acts on the rows of the identity
            back = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 2, -1, -1):
                back = back @ Q[s]
            joint = back[:, x0].clone()
            joint *= Q[t - 1][xt]
            joint /= joint.sum()
            return joint
    """),

    Right(POSTERIOR, "of-the-package", """
        from dlm_course import MatrixTransition

        def posterior(Q, xt, x0, t):
            return MatrixTransition(Q).posterior(torch.tensor(xt), torch.tensor(x0), t)
    """),

    # ---- 03-2
    Right(KL, "xlogy", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Right(KL, "where", """
        def categorical_kl(q, p):
            terms = q * torch.log(q / p)
            return torch.where(q == 0, torch.zeros_like(q), terms).sum(dim=-1)
    """),
    Right(KL, "torch-distributions", """
        from torch.distributions import Categorical, kl_divergence

        def categorical_kl(q, p):
            return kl_divergence(Categorical(probs=q), Categorical(probs=p))
    """),
    Right(KL, "loops-of-python-numbers", """
        import math

        def categorical_kl(q, p):
            K = q.shape[-1]
            out = []
            for a, b in zip(q.reshape(-1, K).tolist(), p.reshape(-1, K).tolist()):
                total = 0.0
                for x, y in zip(a, b):
                    if x > 0 and y > 0:
                        total += x * (math.log(x) - math.log(y))
                    elif x > 0:
                        total = math.inf
                out.append(total)
            return torch.tensor(out).reshape(q.shape[:-1])
    """),
    Right(KL, "numpy-array-returned", """
        def categorical_kl(q, p):
            q, p = q.numpy(), p.numpy()
            with np.errstate(all="ignore"):
                terms = np.where(q > 0, q * np.log(q / p), 0)
            return terms.sum(axis=-1)
    """),
    Right(KL, "cross-entropy-minus-entropy-float32", """
        def categorical_kl(q, p):
            q, p = q.float(), p.float()
            cross = -torch.xlogy(q, p).sum(-1)
            return cross - torch.special.entr(q).sum(-1)
    """),
    Right(KL, "nansum-of-the-quotient", """
        def categorical_kl(q, p):
            return torch.nansum(q * torch.log(q / p), dim=-1)
    """),
    Right(KL, "kl-div-of-torch-with-a-guard", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            log_p = torch.where(q > 0, p, 1.0).log()
            return F.kl_div(log_p, q, reduction="none").sum(-1)
    """),
    Right(KL, "rounding-below-zero-cut-off", """
        def categorical_kl(q, p):
            q, p = torch.broadcast_tensors(q, p)
            safe = torch.where(q > 0, q, torch.ones_like(q))
            other = torch.where(q > 0, p, torch.ones_like(p))
            return torch.einsum("...k,...k->...", q, safe.log() - other.log()).clamp(min=0)
    """),

    Right(KL, "of-the-package", """
        from dlm_course import kl as categorical_kl
    """),

    # ---- 03-3
    Right(MIXTURE, "one-line-with-posterior", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Right(MIXTURE, "own-posterior-by-its-side", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()

        def reverse_mixture(Q, xt, x0_probs, t):
            mix = torch.zeros_like(x0_probs)
            for x0 in range(len(x0_probs)):
                if x0_probs[x0] != 0:
                    mix += x0_probs[x0] * posterior(Q, xt, x0, t)
            return mix
    """),
    Right(MIXTURE, "all-x0-at-once", """
        def reverse_mixture(Q, xt, x0_probs, t):
            before = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                before = Q[s] @ before
            joint = Q[t - 1][xt][:, None] * before          # [x_{t-1}, x_0]
            ratio = x0_probs / joint.sum(0)
            ratio = torch.where(x0_probs > 0, ratio, 0.0)
            return joint @ ratio
    """),
    Right(MIXTURE, "stack-and-nan-to-num", """
        def reverse_mixture(Q, xt, x0_probs, t):
            K = Q.shape[1]
            C = torch.eye(K, dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            posts = torch.stack([Q[t - 1, xt] * C[:, k] / (Q[t - 1] @ C)[xt, k] for k in range(K)])
            return torch.einsum("k,kj->j", x0_probs, posts.nan_to_num(0.0))
    """),
    Right(MIXTURE, "numpy-array-returned", """
        def reverse_mixture(Q, xt, x0_probs, t):
            A, w = Q.numpy(), x0_probs.numpy()
            C = np.eye(len(w))
            for M in A[:t - 1]:
                C = M @ C
            keep = w > 0
            joint = A[t - 1, xt][:, None] * C[:, keep]
            return (joint / joint.sum(axis=0) * w[keep]).sum(axis=1)
    """),
    Right(MIXTURE, "nonzero-float32", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros(Q.shape[1])
            for x0 in x0_probs.nonzero().flatten().tolist():
                out += float(x0_probs[x0]) * posterior(Q, xt, x0, t).float()
            return out / out.sum()
    """),
    Right(MIXTURE, "tiny-number-below-the-line", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(1, t):
                C = Q[s - 1] @ C
            evidence = Q[t - 1][xt] @ C
            return Q[t - 1][xt] * (C @ (x0_probs / (evidence + 1e-30)))
    """),
    Right(MIXTURE, "recursion-over-x0", """
        def reverse_mixture(Q, xt, x0_probs, t):
            def rest(k):
                if k == len(x0_probs):
                    return torch.zeros(len(x0_probs), dtype=x0_probs.dtype)
                if x0_probs[k].item() == 0.0:
                    return rest(k + 1)
                return x0_probs[k] * posterior(Q, xt, k, t) + rest(k + 1)
            return rest(0)
    """),
    Right(MIXTURE, "first-step-by-itself", """
        def reverse_mixture(Q, xt, x0_probs, t):
            if t == 1:
                return x0_probs.clone()         # the state before the first step is x_0
            kept = [k for k in range(len(x0_probs)) if x0_probs[k] > 0]
            return x0_probs[kept] @ torch.stack([posterior(Q, xt, k, t) for k in kept])
    """),

    Right(MIXTURE, "own-posterior-of-every-x0-and-nan-to-num", """
        def reverse_mixture(Q, xt, x0_probs, t):
            posts = torch.stack([posterior(Q, xt, x0, t) for x0 in range(len(x0_probs))], dim=1)
            return posts.nan_to_num(0) @ x0_probs
    """),
    Right(MIXTURE, "states-as-tensors", """
        def reverse_mixture(Q, xt, x0_probs, t):
            kept = torch.where(x0_probs > 0)[0]
            return torch.stack([x0_probs[k] * posterior(Q, xt, k, t) for k in kept]).sum(0)
    """),
    Right(MIXTURE, "of-the-package", """
        from dlm_course import MatrixTransition

        def reverse_mixture(Q, xt, x0_probs, t):
            return MatrixTransition(Q).reverse(torch.tensor(xt), x0_probs, t)
    """),

    # ---- 03-4
    Right(BOUND, "carried-law-with-earlier-answers", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            law = torch.eye(K, dtype=Q.dtype)[x0]
            terms = []
            for t in range(1, T + 1):
                law = Q[t - 1] @ law
                total = torch.tensor(0.0, dtype=Q.dtype)
                for xt in range(K):
                    if law[xt] > 0:
                        total += law[xt] * categorical_kl(posterior(Q, xt, x0, t), reverse[t - 1][:, xt])
                terms.append(total)
            terms.append(categorical_kl(law, prior))
            return torch.stack(terms)
    """),
    Right(BOUND, "reconstruction-by-itself", """
        def bound_terms(Q, reverse, prior, x0):
            T, K = Q.shape[:2]
            marginals = [torch.nn.functional.one_hot(torch.tensor(x0), K).to(Q)]
            for step in Q:
                marginals.append(step @ marginals[-1])
            out = torch.zeros(T + 1, dtype=Q.dtype)
            out[0] = -(marginals[1] * reverse[0][x0].log()).sum()
            for t in range(2, T + 1):
                reached = [x for x in range(K) if marginals[t][x] > 0]
                out[t - 1] = sum(marginals[t][x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1, :, x])
                                 for x in reached)
            out[T] = categorical_kl(marginals[T], prior)
            return out
    """),
    Right(BOUND, "joint-without-posteriors", """
        def bound_terms(Q, reverse, prior, x0):
            # law[j] KL(joint[:, j] / law[j] || r) = sum joint log joint - joint log law - joint log r
            law = torch.zeros(Q.shape[-1], dtype=Q.dtype)
            law[x0] = 1
            out = []
            for step, back in zip(Q, reverse):
                joint = step.T * law[:, None]           # [x_{t-1}, x_t]
                law = joint.sum(0)
                out.append((torch.xlogy(joint, joint) - torch.xlogy(joint, law) - torch.xlogy(joint, back)).sum())
            out.append((torch.xlogy(law, law) - torch.xlogy(law, prior)).sum())
            return torch.tensor(out)
    """),
    Right(BOUND, "loops-of-python-numbers", """
        from math import log

        def bound_terms(Q, reverse, prior, x0):
            T, K = len(Q), len(prior)
            A, R = Q.tolist(), reverse.tolist()
            before = [1.0 if k == x0 else 0.0 for k in range(K)]
            out = []
            for t in range(T):
                now = [sum(A[t][i][j] * before[j] for j in range(K)) for i in range(K)]
                term = 0.0
                for i in range(K):
                    for j in range(K):
                        w = A[t][i][j] * before[j]
                        if w > 0:
                            term += w * log(w / now[i] / R[t][j][i])
                out.append(term)
                before = now
            out.append(sum(b * log(b / float(p)) for b, p in zip(before, prior) if b > 0))
            return torch.tensor(out)
    """),
    Right(BOUND, "numpy-array-returned", """
        def bound_terms(Q, reverse, prior, x0):
            Q, R, p = Q.numpy(), reverse.numpy(), prior.numpy()
            law = np.eye(len(p))[x0]
            out = []
            for A, B in zip(Q, R):
                joint = A * law
                law = joint.sum(1)
                i, j = np.nonzero(joint)
                out.append((joint[i, j] * np.log(joint[i, j] / law[i] / B[j, i])).sum())
            k = law > 0
            return np.array([*out, (law[k] * np.log(law[k] / p[k])).sum()])
    """),
    Right(BOUND, "matrix-products-of-float32", """
        def bound_terms(Q, reverse, prior, x0):
            Q, reverse, prior = Q.float(), reverse.float(), prior.float()
            C = [torch.eye(Q.shape[1])]
            for step in Q:
                C.append(step @ C[-1])
            terms = torch.zeros(len(Q) + 1)
            for t in range(1, len(Q) + 1):
                for xt in range(Q.shape[1]):
                    w = C[t][xt, x0]
                    if w > 0:
                        post = Q[t - 1][xt] * C[t - 1][:, x0] / w
                        terms[t - 1] += w * torch.nansum(post * (post / reverse[t - 1][:, xt]).log())
            last = C[-1][:, x0]
            terms[-1] = torch.nansum(last * (last / prior).log())
            return terms
    """),
    Right(BOUND, "batched-kl-of-reached-states", """
        from dlm_course import kl

        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(Q.shape[1], dtype=Q.dtype)[x0], []
            for t, (step, back) in enumerate(zip(Q, reverse), 1):
                law = step @ law
                reached = (law > 0).nonzero().flatten()
                posteriors = torch.stack([posterior(Q, int(x), x0, t) for x in reached])
                out.append(law[reached] @ kl(posteriors, back[:, reached].T))
            return torch.stack(out + [kl(law, prior)])
    """),
    Right(BOUND, "recursion-by-t", """
        def bound_terms(Q, reverse, prior, x0):
            def law(t):
                return torch.eye(len(prior), dtype=Q.dtype)[x0] if t == 0 else Q[t - 1] @ law(t - 1)

            def term(t):
                w = law(t)
                return sum(w[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                           for x in range(len(w)) if w[x] > 0)

            T = len(Q)
            return torch.tensor([term(t) for t in range(1, T + 1)] + [categorical_kl(law(T), prior)])
    """),

    Right(BOUND, "kl-of-every-xt-and-nan-to-num-float32", """
        def bound_terms(Q, reverse, prior, x0):
            Q, reverse = Q.float(), reverse.float()
            law, out = torch.eye(len(prior))[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                each = torch.stack([categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                                    for x in range(len(prior))])
                out.append(float(law @ each.nan_to_num(0)))
            return torch.tensor([*out, float(categorical_kl(law, prior))])
    """),
    Right(BOUND, "of-the-package", """
        from dlm_course import MatrixTransition, exact_bound

        def bound_terms(Q, reverse, prior, x0):
            bound = exact_bound(lambda xt, t: reverse[t[:, None] - 1, :, xt], torch.tensor([[x0]]), MatrixTransition(Q),
                                prior=prior)
            return torch.cat([bound.terms[0], bound.prior])
    """),

    # ---- 03-5
    Right(LIKELIHOOD, "carried-law", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Right(LIKELIHOOD, "log-domain", """
        def log_likelihood(reverse, prior):
            law = torch.log(prior)
            for table in torch.flip(reverse, dims=[0]):
                law = torch.logsumexp(torch.log(table) + law[None, :], dim=-1)
            return law
    """),
    Right(LIKELIHOOD, "recursion", """
        def log_likelihood(reverse, prior):
            def law(t):
                if t == reverse.shape[0]:
                    return prior
                return torch.mv(reverse[t], law(t + 1))
            return torch.log(law(0))
    """),
    Right(LIKELIHOOD, "matrices-in-reading-order", """
        def log_likelihood(reverse, prior):
            whole = torch.eye(len(prior), dtype=reverse.dtype)
            for table in reverse:
                whole = whole @ table
            return (whole @ prior).log()
    """),
    Right(LIKELIHOOD, "numpy-array-returned", """
        from functools import reduce

        def log_likelihood(reverse, prior):
            law = reduce(lambda v, M: M @ v, reverse.numpy()[::-1], prior.numpy())
            with np.errstate(divide="ignore"):
                return np.log(law)
    """),
    Right(LIKELIHOOD, "einsum-float32", """
        def log_likelihood(reverse, prior):
            law = prior.float()
            for t in reversed(range(reverse.shape[0])):
                law = torch.einsum("ij,j->i", reverse[t].float(), law)
            return law.log()
    """),
    Right(LIKELIHOOD, "every-path", """
        from itertools import product
        import math

        def log_likelihood(reverse, prior):
            T, K, _ = reverse.shape
            R, p = reverse.tolist(), prior.tolist()
            total = [0.0] * K
            for path in product(range(K), repeat=T + 1):
                w = p[path[-1]]
                for t in range(1, T + 1):
                    w *= R[t - 1][path[t - 1]][path[t]]
                total[path[0]] += w
            return torch.tensor([math.log(x) if x > 0 else -math.inf for x in total])
    """),
    Right(LIKELIHOOD, "row-vector-times-transposes", """
        def log_likelihood(reverse, prior):
            law = prior.clone().unsqueeze(0)
            for table in reversed(list(reverse)):
                law = law @ table.T
            return law.squeeze(0).log_()
    """),
]


# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 03-1
    Wrong(POSTERIOR, "column-for-row", r"\brow|column|transpos|Q_t\^T", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][:, xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "column-for-row-as-printed", r"\brow|column|transpos|Q_t\^T", """
        def posterior(Q, xt, x0, t):
            K = Q.shape[-1]
            before = torch.eye(K, dtype=Q.dtype)
            for s in range(t - 1):
                before = Q[s] @ before
            x = torch.eye(K, dtype=Q.dtype)
            return (Q[t - 1] @ x[xt]) * (before @ x[x0]) / (Q[t - 1] @ before)[xt, x0]
    """),
    Wrong(POSTERIOR, "cumulative-up-to-t", r"Q_\{?1:t\}?|t ?- ?1|too (many|far)", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "cumulative-up-to-t-by-the-evidence", r"Q_\{?1:t\}?|t ?- ?1|too (many|far)", """
        def posterior(Q, xt, x0, t):
            C = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(1, t + 1):
                C = Q[s - 1] @ C
            return Q[t - 1][xt] * C[:, x0] / C[xt, x0]
    """),
    Wrong(POSTERIOR, "product-in-the-wrong-order", r"order", """
        def posterior(Q, xt, x0, t):
            C = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                C = C @ Q[s]
            joint = Q[t - 1][xt] * C[:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "one-hot-carried-from-the-wrong-end", r"order", """
        def posterior(Q, xt, x0, t):
            v = np.eye(Q.shape[-1])[x0]
            for s in range(t - 1, 0, -1):
                v = Q[s - 1].numpy() @ v
            v = Q[t - 1][xt].numpy() * v
            return v / v.sum()
    """),
    Wrong(POSTERIOR, "one-hot-times-the-matrix", r"\brow|column|transpos|left", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = law @ Q[s]
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "row-of-the-product", r"\brow|column|transpos", """
        def posterior(Q, xt, x0, t):
            C = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt] * C[x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "column-of-Q-and-row-of-the-product", r"\brow|column|transpos", """
        def posterior(Q, xt, x0, t):
            C = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][:, xt] * C[x0, :]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "everything-transposed", r"\brow|column|transpos", """
        def posterior(Q, xt, x0, t):
            M = Q.transpose(1, 2)
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = M[s] @ law
            joint = M[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "index-t-for-the-last-matrix", r"IndexError", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(1, t):
                law = Q[s] @ law
            joint = Q[t][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "last-matrix-one-too-early", r"Q\[t ?- ?[12]\]|Q_t\b|Q_\{?t ?- ?1", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 2][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "first-matrix-left-out", r"Q_1\b|Q\[0\]|first|start", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(1, t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "one-matrix-too-few", r"t ?- ?[12]|too few|missing|left out|short", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 2):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "matrices-2-to-t", r"Q_1\b|Q\[0\]|first|Q\[1:t\]|off by one|one (step )?(too )?late", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(1, t):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "not-normalised", r"normal|sum to 1|divid", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return Q[t - 1][xt] * law
    """),
    Wrong(POSTERIOR, "softmax", r"softmax|divid|normal", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return torch.softmax(Q[t - 1][xt] * law, dim=0)
    """),
    Wrong(POSTERIOR, "divided-by-the-norm", r"norm|sum to 1|divid", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return torch.nn.functional.normalize(Q[t - 1][xt] * law, dim=0)
    """),
    Wrong(POSTERIOR, "divided-by-the-largest", r"largest|max|sum to 1|normal", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.max()
    """),
    Wrong(POSTERIOR, "divided-by-the-likelihoods-sum", r"normal|sum to 1|divid", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            likelihood = Q[t - 1][xt] / Q[t - 1][xt].sum()
            return likelihood * law
    """),
    Wrong(POSTERIOR, "likelihood-only", r"x_?0|prior|Q_\{?1:t-1|other factor|likelihood", """
        def posterior(Q, xt, x0, t):
            return Q[t - 1][xt] / Q[t - 1][xt].sum()
    """),
    Wrong(POSTERIOR, "prior-only", r"x_?t\b|likelihood|other factor|look", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return law
    """),
    Wrong(POSTERIOR, "law-of-xt", r"q\(x_t ?\| ?x_0\)|x_t\b|forward|where .* goes", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t):
                law = Q[s] @ law
            return law
    """),
    Wrong(POSTERIOR, "next-state-of-xt", None, """
        def posterior(Q, xt, x0, t):
            return Q[t - 1][:, xt].clone()
    """),
    Wrong(POSTERIOR, "sum-for-product", r"\bsum\b|add|product|multipl", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            both = Q[t - 1][xt] + law
            return both / both.sum()
    """),
    Wrong(POSTERIOR, "arguments-exchanged", r"exchang|swap|other way|trade|xt and x0|x0 and xt|x_t and x_0", """
        def posterior(Q, x0, xt, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "power-of-the-last-matrix", r"power|differ|same (matrix|at every)|every step", """
        def posterior(Q, xt, x0, t):
            step = Q[t - 1]
            joint = step[xt] * torch.linalg.matrix_power(step, t - 1)[:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "power-of-the-first-matrix", r"power|differ|same (matrix|at every)|every step", """
        def posterior(Q, xt, x0, t):
            before = torch.linalg.matrix_power(Q[0], t - 1)
            joint = Q[t - 1][xt] * before[:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "previous-matrix-only", r"Q_\{?1:t|product|t ?- ?1|all|only", """
        def posterior(Q, xt, x0, t):
            law = Q[t - 2][:, x0] if t > 1 else torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "cumulative-likelihood", r"Q_t\b|Q_\{?1:t|last (matrix|step)|one step|whole", """
        def posterior(Q, xt, x0, t):
            C = [torch.eye(Q.shape[-1], dtype=Q.dtype)]
            for step in Q:
                C.append(step @ C[-1])
            joint = C[t][xt] * C[t - 1][:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "uniform-x0", r"x_?0", """
        def posterior(Q, xt, x0, t):
            law = torch.full((Q.shape[-1],), 1 / Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "first-step-uniform", r"t = 1|Q_\{?1:0|identity|first step", """
        def posterior(Q, xt, x0, t):
            K = Q.shape[-1]
            if t == 1:
                return torch.ones(K, dtype=Q.dtype) / K
            law = Q[0][:, x0]
            for s in range(1, t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "first-step-without-x0", r"t = 1|Q_\{?1:0|identity|first step", """
        def posterior(Q, xt, x0, t):
            joint = Q[t - 1][xt].clone()
            if t > 1:
                C = Q[0]
                for s in range(1, t - 1):
                    C = Q[s] @ C
                joint *= C[:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "product-of-nothing", r"raised", """
        def posterior(Q, xt, x0, t):
            C = torch.linalg.multi_dot([*Q[:t - 1].flip(0)])
            joint = Q[t - 1][xt] * C[:, x0]
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "most-likely-state", r"argmax|one-hot|most likely|likeliest|largest", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            best = (Q[t - 1][xt] * law).argmax()
            return torch.eye(Q.shape[-1], dtype=Q.dtype)[best]
    """),
    Wrong(POSTERIOR, "logarithm", r"\blog", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return torch.log_softmax(Q[t - 1][xt].log() + law.log(), dim=0)
    """),
    Wrong(POSTERIOR, "zeros-cut-off", None, """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt].clamp(min=0.01) * law.clamp(min=0.01)
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "table-of-pairs", r"shape", """
        def posterior(Q, xt, x0, t):
            C = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt][:, None] * C
            return joint / joint.sum(0)
    """),
    Wrong(POSTERIOR, "column-vector", r"shape", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[:, [x0]]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1].T[:, [xt]] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "dot-for-the-entrywise-product", r"shape", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            return (Q[t - 1][xt] @ law) / (Q[t - 1][xt] @ law).sum()
    """),
    Wrong(POSTERIOR, "one-hot-of-integers", r"raised RuntimeError", """
        def posterior(Q, xt, x0, t):
            law = torch.nn.functional.one_hot(torch.tensor(x0), Q.shape[-1])
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "list-for-tensor", r"a list", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = (Q[t - 1][xt] * law).tolist()
            return [w / sum(joint) for w in joint]
    """),
    Wrong(POSTERIOR, "forgotten-return", r"return statement", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            joint = joint / joint.sum()
    """),
    Wrong(POSTERIOR, "writes-into-the-row-of-Q", r"in place", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            row = Q[t - 1][xt]
            row *= law
            row /= row.sum()
            return row
    """),

    # ---- 03-2
    Wrong(KL, "swapped", r"swap|exchang|KL\(p|other way", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)
    """),
    Wrong(KL, "swapped-in-the-where", r"swap|exchang|KL\(p|other way", """
        def categorical_kl(q, p):
            return torch.where(p > 0, p * torch.log(p / q), 0.).sum(-1)
    """),
    Wrong(KL, "kl-div-of-torch-swapped", r"swap|exchang|KL\(p|other way", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(q.log(), p, reduction="none").nan_to_num(0, torch.inf).sum(-1)
    """),
    Wrong(KL, "kl-div-of-torch-swapped-with-nan", r"swap|exchang|KL\(p|other way|NaN", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(q.log(), p, reduction="none").sum(-1)
    """),
    Wrong(KL, "swapped-and-sign", r"swap|exchang|KL\(p|weigh|sign", """
        def categorical_kl(q, p):
            return torch.nansum(p * torch.log(q / p), dim=-1)
    """),
    Wrong(KL, "kl-div-of-torch", r"NaN|0 log|log 0", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(p.log(), q, reduction="none").sum(-1)
    """),
    Wrong(KL, "kl-div-without-the-log", r"\blog", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(p, q, reduction="none").sum(-1)
    """),
    Wrong(KL, "kl-div-without-the-log-swapped", r"\blog", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(q, p, reduction="none").sum(-1)
    """),
    Wrong(KL, "kl-div-of-two-logarithms", r"NaN|\blog", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(p.log(), q.log(), reduction="none").sum(-1)
    """),
    Wrong(KL, "kl-div-mean", r"shape", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(torch.log(p), q, reduction="mean")
    """),
    Wrong(KL, "kl-div-batchmean", r"shape", """
        import torch.nn.functional as F

        def categorical_kl(q, p):
            return F.kl_div(torch.log(p), q, reduction="batchmean")
    """),
    Wrong(KL, "cross-entropy", r"cross-entropy|H\(q", """
        def categorical_kl(q, p):
            return -torch.special.xlogy(q, p).sum(-1)
    """),
    Wrong(KL, "entropy", r"entropy|H\(q", """
        def categorical_kl(q, p):
            return torch.special.entr(q).sum(-1)
    """),
    Wrong(KL, "minus-the-entropy", r"entropy|H\(q|log p|no p", """
        def categorical_kl(q, p):
            return torch.special.xlogy(q, q).sum(-1)
    """),
    Wrong(KL, "entropies-subtracted", r"entrop|H\(|weigh", """
        def categorical_kl(q, p):
            return torch.special.entr(p).sum(-1) - torch.special.entr(q).sum(-1)
    """),
    Wrong(KL, "sum-of-the-two-entropies", r"sign|minus|added|entrop", """
        def categorical_kl(q, p):
            return torch.special.entr(q).sum(-1) - torch.special.xlogy(q, p).sum(-1)
    """),
    Wrong(KL, "sign", r"sign|minus|negative", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, p) - torch.special.xlogy(q, q)).sum(-1)
    """),
    Wrong(KL, "bits", r"\bbits?\b|nats|log2", """
        def categorical_kl(q, p):
            return torch.where(q > 0, q * torch.log2(q / p), 0).sum(-1)
    """),
    Wrong(KL, "log10", r"log10|nats|natural|base", """
        def categorical_kl(q, p):
            return torch.nansum(q * torch.log10(q / p), -1)
    """),
    Wrong(KL, "mean-for-sum", r"mean|averag|divid", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).mean(-1)
    """),
    Wrong(KL, "sum-over-everything", r"shape", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum()
    """),
    Wrong(KL, "mean-over-the-batch", r"shape", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1).mean()
    """),
    Wrong(KL, "sum-over-the-first-dimension", r"shape|last dimension|dim", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(0)
    """),
    Wrong(KL, "sum-over-dimension-1", r"shape|last dimension|dim|IndexError", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(dim=1)
    """),
    Wrong(KL, "dimension-kept", r"shape", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1, keepdim=True)
    """),
    Wrong(KL, "not-summed", r"shape", """
        def categorical_kl(q, p):
            return torch.special.xlogy(q, q) - torch.special.xlogy(q, p)
    """),
    Wrong(KL, "boolean-index-flattens", r"shape", """
        def categorical_kl(q, p):
            keep = q > 0
            return (q[keep] * torch.log(q[keep] / p[keep])).sum(-1)
    """),
    Wrong(KL, "nan-from-0-log-0", r"NaN|0 log|log 0|xlogy", """
        def categorical_kl(q, p):
            return (q * torch.log(q / p)).sum(-1)
    """),
    Wrong(KL, "nan-from-the-logarithm-of-q", r"NaN|0 log|log 0|xlogy", """
        def categorical_kl(q, p):
            return (q * (q.log() - p.log())).sum(-1)
    """),
    Wrong(KL, "nan-from-the-logarithm-of-p", r"NaN|0 log|log 0|xlogy", """
        def categorical_kl(q, p):
            return -torch.special.entr(q).sum(-1) - (q * torch.log(p)).sum(-1)
    """),
    Wrong(KL, "nan-to-num-of-the-terms", r"infinit", """
        def categorical_kl(q, p):
            return (q * (q / p).log()).nan_to_num().sum(-1)
    """),
    Wrong(KL, "nan-to-num-of-the-result", r"NaN|0 log|log 0|xlogy|infinit|0 everywhere|others", """
        def categorical_kl(q, p):
            return (q * (q / p).log()).sum(-1).nan_to_num(0)
    """),
    Wrong(KL, "infinity-made-zero", r"infinit", """
        def categorical_kl(q, p):
            terms = q * (q / p).log()
            return torch.where(terms.isfinite(), terms, 0).sum(-1)
    """),
    Wrong(KL, "p-cut-off-from-below", r"infinit", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - q * p.clamp(min=1e-8).log()).sum(-1)
    """),
    Wrong(KL, "both-cut-off-from-below", r"infinit", """
        def categorical_kl(q, p):
            q, p = q.clamp_min(1e-12), p.clamp_min(1e-12)
            return (q * (q / p).log()).sum(-1)
    """),
    Wrong(KL, "eps-in-the-logarithms", r"infinit", """
        def categorical_kl(q, p):
            eps = 1e-10
            return (q * ((q + eps).log() - (p + eps).log())).sum(-1)
    """),
    Wrong(KL, "coarse-eps", None, """
        def categorical_kl(q, p):
            q, p = q + 1e-2, p + 1e-2
            return (q * (q / p).log()).sum(-1)
    """),
    Wrong(KL, "terms-where-p-is-zero-left-out", r"infinit", """
        def categorical_kl(q, p):
            keep = (q > 0) & (p > 0)
            return torch.where(keep, q * (q / p).log(), 0).sum(-1)
    """),
    Wrong(KL, "logarithm-of-zero-taken-for-zero", r"infinit", """
        def categorical_kl(q, p):
            log = lambda x: torch.where(x > 0, x, 1).log()
            return (q * (log(q) - log(p))).sum(-1)
    """),
    Wrong(KL, "error-where-p-is-zero", r"raised ValueError", """
        def categorical_kl(q, p):
            if ((q > 0) & (p == 0)).any():
                raise ValueError("p excludes what q does not")
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "nan-made-zero-where-both-are-zero", r"NaN|0 log|log 0|both 0|others", """
        def categorical_kl(q, p):
            kl = torch.special.xlogy(q, q).sum(-1) - (q * p.log()).sum(-1)
            return torch.where(kl.isnan(), 0, kl)
    """),
    Wrong(KL, "whole-batch-infinite", r"infinit", """
        def categorical_kl(q, p):
            if ((q > 0) & (p == 0)).any():
                return torch.full(q.shape[:-1], torch.inf)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "infinite-wherever-p-is-zero", r"infinit|both 0", """
        def categorical_kl(q, p):
            terms = torch.where(q > 0, q * (q / p).log(), 0)
            terms[p == 0] = torch.inf
            return terms.sum(-1)
    """),
    Wrong(KL, "weights-forgotten", r"weigh|q_k|average", """
        def categorical_kl(q, p):
            return torch.where(q > 0, torch.log(q / p), 0).sum(-1)
    """),
    Wrong(KL, "symmetrised", r"symmetr|both directions|KL\(p|Jeffreys", """
        def categorical_kl(q, p):
            one = torch.nansum(q * (q / p).log(), -1)
            other = torch.nansum(p * (p / q).log(), -1)
            return (one + other) / 2
    """),
    Wrong(KL, "jensen-shannon", None, """
        def categorical_kl(q, p):
            m = (p + q) / 2
            kl = lambda a, b: (torch.xlogy(a, a) - torch.xlogy(a, b)).sum(-1)
            return (kl(q, m) + kl(p, m)) / 2
    """),
    Wrong(KL, "absolute-terms", r"absolute|abs\b|\bsigns?\b|negative", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).abs().sum(-1)
    """),
    Wrong(KL, "total-variation", None, """
        def categorical_kl(q, p):
            return (q - p).abs().sum(-1) / 2
    """),
    Wrong(KL, "logarithm-outside-the-sum", r"\blog|outside|Jensen", """
        def categorical_kl(q, p):
            return torch.where(q > 0, q * q / p, 0).sum(-1).log()
    """),
    Wrong(KL, "logarithm-forgotten", r"\blog", """
        def categorical_kl(q, p):
            return torch.where(q > 0, q * q / p, 0).sum(-1)
    """),
    Wrong(KL, "softmax-first", r"softmax|logit", """
        def categorical_kl(q, p):
            log_q, log_p = q.log_softmax(-1), p.log_softmax(-1)
            return (log_q.exp() * (log_q - log_p)).sum(-1)
    """),
    Wrong(KL, "cross-entropy-of-torch", None, """
        def categorical_kl(q, p):
            K = q.shape[-1]
            loss = torch.nn.functional.cross_entropy(p.reshape(-1, K), q.reshape(-1, K), reduction="none")
            return loss.reshape(q.shape[:-1])
    """),
    Wrong(KL, "math-domain-error", r"ValueError|ZeroDivisionError", """
        from math import log

        def categorical_kl(q, p):
            K = q.shape[-1]
            rows = [sum(float(a) * log(float(a) / float(b)) for a, b in zip(x, y))
                    for x, y in zip(q.reshape(-1, K), p.reshape(-1, K))]
            return torch.tensor(rows).reshape(q.shape[:-1])
    """),
    Wrong(KL, "list-for-tensor", r"a list", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1).reshape(-1).tolist()
    """),
    Wrong(KL, "forgotten-return", r"return statement", """
        def categorical_kl(q, p):
            terms = torch.special.xlogy(q, q) - torch.special.xlogy(q, p)
            kl = terms.sum(-1)
    """),
    Wrong(KL, "writes-into-both", r"in place", """
        def categorical_kl(q, p):
            zero = q == 0
            q[zero] = p[zero] = 1
            return (q * (q / p).log()).sum(-1)
    """),

    # ---- 03-3
    Wrong(MIXTURE, "plug-in", r"plug-?in|twice", """
        def reverse_mixture(Q, xt, x0_probs, t):
            law = x0_probs
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(MIXTURE, "plug-in-from-joints", r"plug-?in|twice|each posterior|normal", """
        def reverse_mixture(Q, xt, x0_probs, t):
            total = torch.zeros_like(x0_probs)
            for x0, w in enumerate(x0_probs):
                column = torch.eye(len(x0_probs), dtype=Q.dtype)[x0]
                for s in range(t - 1):
                    column = Q[s] @ column
                total += w * Q[t - 1][xt] * column
            return total / total.sum()
    """),
    Wrong(MIXTURE, "plug-in-not-normalised", r"plug-?in|twice|normal|sum to 1", """
        def reverse_mixture(Q, xt, x0_probs, t):
            law = x0_probs
            for s in range(t - 1):
                law = Q[s] @ law
            return Q[t - 1][xt] * law
    """),
    Wrong(MIXTURE, "plug-in-up-to-t", None, """
        def reverse_mixture(Q, xt, x0_probs, t):
            law = x0_probs
            for s in range(t):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(MIXTURE, "likelihood-forgotten", r"x_t\b|likelihood|look|forward|posterior", """
        def reverse_mixture(Q, xt, x0_probs, t):
            law = x0_probs
            for s in range(t - 1):
                law = Q[s] @ law
            return law
    """),
    Wrong(MIXTURE, "weights-of-zero-not-left-out", r"NaN|raised|0/0|0 / 0|weight", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs))
    """),
    Wrong(MIXTURE, "nan-from-all-x0-at-once", r"NaN", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt][:, None] * C
            return (joint / joint.sum(0)) @ x0_probs
    """),
    Wrong(MIXTURE, "nan-made-zero-at-the-end", r"NaN|0/0|0 / 0|nan_to_num|weight|0 everywhere|sum to 1", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt][:, None] * C
            return ((joint / joint.sum(0)) @ x0_probs).nan_to_num(0)
    """),
    Wrong(MIXTURE, "uniform-weights", r"weight|uniform|x0_probs|mean", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return torch.stack([posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0]).mean(0)
    """),
    Wrong(MIXTURE, "weights-forgotten", r"weight|sum to 1|x0_probs", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(posterior(Q, xt, x0, t) for x0 in range(len(x0_probs)) if x0_probs[x0] > 0)
    """),
    Wrong(MIXTURE, "mean-for-sum", r"mean|divid|sum to 1|averag", """
        def reverse_mixture(Q, xt, x0_probs, t):
            parts = [w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0]
            return torch.stack(parts).mean(0)
    """),
    Wrong(MIXTURE, "likeliest-x0-only", r"likeliest|most likely|argmax|largest", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return posterior(Q, xt, int(x0_probs.argmax()), t)
    """),
    Wrong(MIXTURE, "x0-drawn", None, """
        def reverse_mixture(Q, xt, x0_probs, t):
            return posterior(Q, xt, int(torch.multinomial(x0_probs, 1)), t)
    """),
    Wrong(MIXTURE, "last-x0-only", r"last|\+=|overw|add|sum", """
        def reverse_mixture(Q, xt, x0_probs, t):
            for x0 in range(len(x0_probs)):
                if x0_probs[x0] > 0:
                    out = x0_probs[x0] * posterior(Q, xt, x0, t)
            return out
    """),
    Wrong(MIXTURE, "stops-at-the-first-zero", r"sum to 1|left out|weight|skip|stop", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros_like(x0_probs)
            for x0, w in enumerate(x0_probs):
                if w == 0:
                    break
                out = out + w * posterior(Q, xt, x0, t)
            return out
    """),
    Wrong(MIXTURE, "first-x0-left-out", r"sum to 1|left out|first|weight|every", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(x0_probs[x0] * posterior(Q, xt, x0, t) for x0 in range(1, len(x0_probs)) if x0_probs[x0] > 0)
    """),
    Wrong(MIXTURE, "last-x0-left-out", r"sum to 1|left out|last|weight|every", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros_like(x0_probs)
            for x0 in range(len(x0_probs) - 1):
                if x0_probs[x0] > 0:
                    out += x0_probs[x0] * posterior(Q, xt, x0, t)
            return out
    """),
    Wrong(MIXTURE, "own-state-skipped", None, """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0 and x0 != xt)
    """),
    Wrong(MIXTURE, "small-weights-left-out", r"sum to 1|left out|weight|small", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0.15)
    """),
    Wrong(MIXTURE, "weighted-twice", r"twice|weight|square|plug-?in|evidence|q\(x_t", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t):
                C = Q[s] @ C
            weights = x0_probs * C[xt]                  # times how well x_0 explains x_t
            weights = weights / weights.sum()
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(weights) if w > 0)
    """),
    Wrong(MIXTURE, "product-of-posteriors", r"product|geometric|\blog", """
        def reverse_mixture(Q, xt, x0_probs, t):
            log_p = sum(w * posterior(Q, xt, x0, t).log() for x0, w in enumerate(x0_probs) if w > 0)
            return torch.softmax(log_p, dim=0)
    """),
    Wrong(MIXTURE, "joints-not-normalised", r"normal|sum to 1", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            return torch.einsum("j,jk,k->j", Q[t - 1][xt], C, x0_probs)
    """),
    Wrong(MIXTURE, "weights-on-the-wrong-axis", r"axis|x_\{?t-1|column|\brow|dimension|weight", """
        def reverse_mixture(Q, xt, x0_probs, t):
            K = len(x0_probs)
            posts = torch.stack([posterior(Q, xt, k, t) if x0_probs[k] > 0 else torch.zeros(K, dtype=Q.dtype)
                                 for k in range(K)])
            return posts @ x0_probs
    """),
    Wrong(MIXTURE, "normalised-over-x0", r"normal|sum to 1|axis", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt][:, None] * C
            share = joint / joint.sum(1, keepdim=True)
            return share.nan_to_num(0) @ x0_probs
    """),
    Wrong(MIXTURE, "column-for-row", r"\brow|column|transpos|Q_t\^T", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros_like(x0_probs)
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            for x0, w in enumerate(x0_probs):
                if w > 0:
                    joint = Q[t - 1][:, xt] * C[:, x0]
                    out += w * joint / joint.sum()
            return out
    """),
    Wrong(MIXTURE, "product-in-the-wrong-order", r"order", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros_like(x0_probs)
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = C @ Q[s]
            for x0, w in enumerate(x0_probs):
                if w > 0:
                    joint = Q[t - 1][xt] * C[:, x0]
                    out += w * joint / joint.sum()
            return out
    """),
    Wrong(MIXTURE, "cumulative-up-to-t", r"Q_\{?1:t\}?|t ?- ?1|too (many|far)", """
        def reverse_mixture(Q, xt, x0_probs, t):
            out = torch.zeros_like(x0_probs)
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t):
                C = Q[s] @ C
            for x0, w in enumerate(x0_probs):
                if w > 0:
                    joint = Q[t - 1][xt] * C[:, x0]
                    out += w * joint / joint.sum()
            return out
    """),
    Wrong(MIXTURE, "arguments-exchanged", r"exchang|swap|order|xt and x0|x0 and xt|x_t and x_0|NaN|raised", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, x0, xt, t) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "posterior-of-t-minus-1", r"t ?- ?1|one step|NaN|raised", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t - 1) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "posterior-of-t-plus-1", r"IndexError", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t + 1) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "weights-for-states", r"raised", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(x0 * posterior(Q, xt, x0, t) for x0 in x0_probs if x0 > 0)
    """),
    Wrong(MIXTURE, "softmax-of-the-probabilities", r"softmax|logit|probabilit", """
        def reverse_mixture(Q, xt, x0_probs, t):
            weights = torch.where(x0_probs > 0, x0_probs, -torch.inf).softmax(0)
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(weights) if w > 0)
    """),
    Wrong(MIXTURE, "the-guess-itself", r"x0_probs|guess|belief|x_0\b", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return x0_probs.clone()
    """),
    Wrong(MIXTURE, "likelihood-only", None, """
        def reverse_mixture(Q, xt, x0_probs, t):
            return Q[t - 1][xt] / Q[t - 1][xt].sum()
    """),
    Wrong(MIXTURE, "first-step-uniform", r"t = 1|first step", """
        def reverse_mixture(Q, xt, x0_probs, t):
            if t == 1:
                return torch.full_like(x0_probs, 1 / len(x0_probs))
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "first-step-plug-in", r"t = 1|first step|plug-?in|twice", """
        def reverse_mixture(Q, xt, x0_probs, t):
            if t == 1:
                joint = Q[0][xt] * x0_probs
                return joint / joint.sum()
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "logarithm", r"\blog", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0).log()
    """),
    Wrong(MIXTURE, "not-summed", r"shape", """
        def reverse_mixture(Q, xt, x0_probs, t):
            K = len(x0_probs)
            return torch.stack([x0_probs[k] * posterior(Q, xt, k, t) if x0_probs[k] > 0
                                else torch.zeros(K, dtype=Q.dtype) for k in range(K)])
    """),
    Wrong(MIXTURE, "summed-over-both", r"shape", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum((w * posterior(Q, xt, x0, t)).sum() for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "list-for-tensor", r"a list", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 0).tolist()
    """),
    Wrong(MIXTURE, "forgotten-return", r"return statement", """
        def reverse_mixture(Q, xt, x0_probs, t):
            mix = 0
            for x0, w in enumerate(x0_probs):
                if w > 0:
                    mix = mix + w * posterior(Q, xt, x0, t)
    """),
    Wrong(MIXTURE, "writes-into-the-belief", r"in place", """
        def reverse_mixture(Q, xt, x0_probs, t):
            posts = [posterior(Q, xt, k, t) if x0_probs[k] > 0 else 0 * x0_probs for k in range(len(x0_probs))]
            weights = x0_probs.tolist()
            x0_probs.zero_()
            for w, post in zip(weights, posts):
                x0_probs += w * post
            return x0_probs
    """),

    # ---- 03-4
    Wrong(BOUND, "kl-swapped", r"swap|exchang|KL\(p|other way", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(reverse[t - 1][:, x], posterior(Q, x, x0, t))
                               for x in range(len(prior)) if law[x] > 0))
            out.append(categorical_kl(law, prior))
            return torch.stack(out)
    """),
    Wrong(BOUND, "kl-swapped-from-t-2-on", r"swap|exchang|KL\(p|other way", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(reverse[t - 1][:, x], posterior(Q, x, x0, t))
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "every-kl-swapped", r"swap|exchang|KL\(p|other way", """
        def bound_terms(Q, reverse, prior, x0):
            kl = lambda q, p: torch.where(p > 0, p * (p / q).log(), 0).sum()
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [kl(law, prior)])
    """),
    Wrong(BOUND, "prior-term-swapped", r"(?=.*prior)(?=.*swap)", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            out.append(categorical_kl(prior, law))
            return torch.stack(out)
    """),
    Wrong(BOUND, "prior-term-forgotten", r"shape", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out)
    """),
    Wrong(BOUND, "prior-term-left-at-zero", r"prior", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            law, out = torch.eye(K, dtype=Q.dtype)[x0], torch.zeros(T + 1)
            for t in range(1, T + 1):
                law = Q[t - 1] @ law
                for x in range(K):
                    if law[x] > 0:
                        out[t - 1] += law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
            return out
    """),
    Wrong(BOUND, "prior-term-first", r"prior|order|last", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            law, out = torch.eye(K, dtype=Q.dtype)[x0], torch.zeros(T + 1)
            for t in range(1, T + 1):
                law = Q[t - 1] @ law
                for x in range(K):
                    if law[x] > 0:
                        out[t] += law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
            out[0] = categorical_kl(law, prior)
            return out
    """),
    Wrong(BOUND, "from-T-down-to-1", r"order|L_1|first", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            laws = [torch.eye(K, dtype=Q.dtype)[x0]]
            for step in Q:
                laws.append(step @ laws[-1])
            out = [sum(laws[t][x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                       for x in range(K) if laws[t][x] > 0) for t in range(T, 0, -1)]
            return torch.stack(out + [categorical_kl(laws[T], prior)])
    """),
    Wrong(BOUND, "from-the-prior-term-down-to-L1", r"order|L_1|first", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            laws = [torch.eye(K, dtype=Q.dtype)[x0]]
            for step in Q:
                laws.append(step @ laws[-1])
            out = [categorical_kl(laws[T], prior)]
            for t in range(T, 0, -1):
                out.append(sum(laws[t][x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                           for x in range(K) if laws[t][x] > 0))
            return torch.stack(out)
    """),
    Wrong(BOUND, "prior-term-without-the-chain", r"prior|x_T|Q_\{?1:T", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            start = law
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(start, prior)])
    """),
    Wrong(BOUND, "prior-term-of-the-last-step-only", r"prior|x_T|Q_\{?1:T", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(Q[-1][:, x0], prior)])
    """),
    Wrong(BOUND, "prior-term-as-cross-entropy", r"prior|cross-entropy|entropy", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [-(law * prior.log()).sum()])
    """),
    Wrong(BOUND, "prior-term-of-one-step-less", r"prior|x_T|T ?- ?1", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                before = law
                law = Q[t - 1] @ before
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(before, prior)])
    """),
    Wrong(BOUND, "first-term-dropped", r"shape", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], []
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-left-at-zero", r"L_1|reconstruction|t = 1|first", """
        def bound_terms(Q, reverse, prior, x0):
            out = torch.zeros(len(Q) + 1, dtype=Q.dtype)
            law = Q[0][:, x0]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                for x in range(len(prior)):
                    if law[x] > 0:
                        out[t - 1] += law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
            out[-1] = categorical_kl(law, prior)
            return out
    """),
    Wrong(BOUND, "first-term-without-the-minus", r"sign|minus|negative", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-logarithm-of-the-average", r"L_1|outside|averag|Jensen|expect", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] @ reverse[0][x0]).log()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-without-the-logarithm", r"L_1|\blog", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0]).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-at-x0-only", r"L_1|averag|expect|weigh|x_1", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-reverse[0][x0, x0].log()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-not-weighted", r"L_1|weigh", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-reverse[0][x0].log().sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-from-the-column", r"L_1|\brow|column|transpos", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][:, x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-with-the-row-of-Q", r"L_1|\brow|column|transpos", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "first-term-from-the-data-side", None, """
        def bound_terms(Q, reverse, prior, x0):
            # the chain's own q(x_1 | x_0) where the model's p(x_0 | x_1) belongs
            law, out = Q[0][:, x0], [-torch.xlogy(Q[0][:, x0], Q[0][:, x0]).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "last-step-left-at-zero", r"L_T|last|t = T", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            out = torch.zeros(T + 1, dtype=Q.dtype)
            law = torch.eye(K, dtype=Q.dtype)[x0]
            for t in range(1, T):
                law = Q[t - 1] @ law
                out[t - 1] = sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                                 for x in range(K) if law[x] > 0)
            out[T] = categorical_kl(Q[T - 1] @ law, prior)
            return out
    """),
    Wrong(BOUND, "rows-of-reverse", r"reverse|\brow|column", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "rows-of-reverse-from-t-2-on", r"reverse|\brow|column", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "model-read-at-x0", r"x_t\b|\bxt\b", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x0])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "index-t-for-reverse", r"IndexError", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "reverse-read-from-the-end", r"reverse", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[-t][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "reverse-one-too-early", r"reverse", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 2][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "not-weighted", r"weigh|expect|averag|q\(x_t ?\| ?x_0\)", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "not-weighted-from-t-2-on", r"weigh|expect|averag|q\(x_t ?\| ?x_0\)", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "mean-over-the-reached-states", r"weigh|expect|mean|uniform|q\(x_t ?\| ?x_0\)", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(torch.stack([categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                                        for x in range(len(prior)) if law[x] > 0]).mean())
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "likeliest-xt-only", None, """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                x = int(law.argmax())
                out.append(categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x]))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "one-xt-drawn", None, """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                x = int(torch.multinomial(law, 1))
                out.append(categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x]))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "many-xt-drawn", None, """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                draws = torch.multinomial(law, 200, replacement=True).tolist()
                out.append(sum(categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x]) for x in draws) / 200)
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "weights-of-the-step-before", r"weigh|q\(x_t ?\| ?x_0\)|q\(x_\{?t-1", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                after = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if after[x] > 0))
                law = after
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "weights-of-one-step", r"weigh|q\(x_t ?\| ?x_0\)|Q_\{?1:t|product", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(Q[t - 1][x, x0] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "weights-from-the-row", r"\brow|column|transpos", """
        def bound_terms(Q, reverse, prior, x0):
            K = len(prior)
            C, out = torch.eye(K, dtype=Q.dtype), []
            for t in range(1, len(Q) + 1):
                C = Q[t - 1] @ C
                law = C[x0]
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(K) if C[x, x0] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "weights-from-the-row-but-the-prior-term-right", r"\brow|column|transpos", """
        def bound_terms(Q, reverse, prior, x0):
            K = len(prior)
            C, out = torch.eye(K, dtype=Q.dtype), []
            for t in range(1, len(Q) + 1):
                C = Q[t - 1] @ C
                out.append(sum(C[x0, x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(K) if C[x, x0] > 0))
            return torch.stack(out + [categorical_kl(C[:, x0], prior)])
    """),
    Wrong(BOUND, "weights-from-the-transposes", r"\brow|column|transpos", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            C = torch.eye(len(prior), dtype=Q.dtype)
            for t in range(1, len(Q) + 1):
                law, C = law @ Q[t - 1], Q[t - 1] @ C
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if C[x, x0] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "product-in-the-wrong-order", r"order", """
        def bound_terms(Q, reverse, prior, x0):
            K = len(prior)
            C, right, out = torch.eye(K, dtype=Q.dtype), torch.eye(K, dtype=Q.dtype), []
            for t in range(1, len(Q) + 1):
                C, right = C @ Q[t - 1], Q[t - 1] @ right
                law = C[:, x0]
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(K) if right[x, x0] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "power-of-the-matrix", r"power|differ|same (matrix|at every)|every step", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            out = []
            for t in range(1, T + 1):
                law = torch.linalg.matrix_power(Q[t - 1], t)[:, x0]
                total = 0
                for x in range(K):
                    post = posterior(Q, x, x0, t)
                    if law[x] > 0 and post.isfinite().all():
                        total += law[x] * categorical_kl(post, reverse[t - 1][:, x])
                out.append(total)
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "unreachable-states-not-left-out", r"NaN|raised", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior))))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "nan-from-own-posteriors", r"NaN", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for step, back in zip(Q, reverse):
                post = step.T * law[:, None]
                law = step @ law
                post = post / law
                out.append((law * torch.xlogy(post, post / back).sum(0)).sum())
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "nan-from-0-log-0", r"NaN", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                total = 0
                for x in range(len(prior)):
                    if law[x] > 0:
                        post = posterior(Q, x, x0, t)
                        total += law[x] * (post * (post / reverse[t - 1][:, x]).log()).sum()
                out.append(total)
            return torch.stack(out + [(law * (law / prior).log()).sum()])
    """),
    Wrong(BOUND, "nan-in-the-prior-term", r"(?=.*NaN)(?=.*prior)", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [(law * (law / prior).log()).sum()])
    """),
    Wrong(BOUND, "nan-made-zero-at-the-end", r"NaN|no posterior|leave", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior))))
            return torch.stack(out + [categorical_kl(law, prior)]).nan_to_num(0)
    """),
    Wrong(BOUND, "cross-entropies", r"cross-entropy|H\(|entropy", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(-law[x] * (posterior(Q, x, x0, t) * reverse[t - 1][:, x].log()).sum()
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "cross-entropies-everywhere", r"cross-entropy|H\(|entropy", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(-law[x] * (posterior(Q, x, x0, t) * reverse[t - 1][:, x].log()).sum()
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [-(law * prior.log()).sum()])
    """),
    Wrong(BOUND, "reconstruction-at-every-t", r"L_t|KL|x_0|posterior|reconstruction", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(-(law * reverse[t - 1][x0].log()).sum())
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "every-sign-turned", r"sign|minus|negative", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(-sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                                for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [-categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "prior-term-with-a-minus", r"(?=.*prior)(?=.*(sign|minus|negative))", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [-categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "bits", r"\bbits?\b|nats|log2", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for step, back in zip(Q, reverse):
                joint = step.T * law[:, None]
                law = joint.sum(0)
                out.append(torch.nansum(joint * torch.log2(joint / law / back)))
            out.append(torch.nansum(law * torch.log2(law / prior)))
            return torch.stack(out)
    """),
    Wrong(BOUND, "divided-by-T", r"divid|averag|mean|\bT\b", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0) / len(Q))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "mean-inside-the-kl", r"mean|divid|averag|\bK\b|sum", """
        def bound_terms(Q, reverse, prior, x0):
            kl = lambda q, p: (torch.xlogy(q, q) - torch.xlogy(q, p)).mean()
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [kl(law, prior)])
    """),
    Wrong(BOUND, "running-sums", r"running|cumul|add(ed)? up|cumsum|\beach\b", """
        def bound_terms(Q, reverse, prior, x0):
            law, out, total = torch.eye(len(prior), dtype=Q.dtype)[x0], [], torch.tensor(0.0).double()
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                for x in range(len(prior)):
                    if law[x] > 0:
                        total = total + law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                out.append(total)
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "column-for-row-in-the-posterior", r"\brow|column|transpos|posterior", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                before, law = law, Q[t - 1] @ law
                total = 0
                for x in range(len(prior)):
                    post = Q[t - 1][:, x] * before
                    if law[x] > 0 and post.sum() > 0:
                        total = total + law[x] * categorical_kl(post / post.sum(), reverse[t - 1][:, x])
                out.append(total)
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "posterior-not-normalised", r"normal|posterior|weigh|joint", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                before, law = law, Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(Q[t - 1][x] * before, reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "posterior-arguments-exchanged", r"exchang|swap|posterior|NaN|raised", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x0, x, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "posterior-of-t-minus-1", r"t ?- ?1|posterior|NaN|raised", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t - 1), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "forward-step-for-the-posterior", None, """
        def bound_terms(Q, reverse, prior, x0):
            law, out = Q[0][:, x0], [-(Q[0][:, x0] * reverse[0][x0].log()).sum()]
            for t in range(2, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(Q[t - 1][:, x], reverse[t - 1][:, x])
                               for x in range(len(prior))))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "kl-of-the-averages", r"averag|each x_t|every x_t|expect|outside|inside|before", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                before, law = law, Q[t - 1] @ law
                out.append(categorical_kl(before, reverse[t - 1] @ law))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "summed-up", r"shape", """
        def bound_terms(Q, reverse, prior, x0):
            law = torch.eye(len(prior), dtype=Q.dtype)[x0]
            total = 0
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                for x in range(len(prior)):
                    if law[x] > 0:
                        total += law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
            return total + categorical_kl(law, prior)
    """),
    Wrong(BOUND, "one-column", r"shape", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append([sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                                for x in range(len(prior)) if law[x] > 0)])
            return torch.tensor(out + [[categorical_kl(law, prior)]])
    """),
    Wrong(BOUND, "list-for-tensor", r"a list", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return out + [categorical_kl(law, prior)]
    """),
    Wrong(BOUND, "tuple-of-terms-and-prior", r"a tuple", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            return torch.stack(out), categorical_kl(law, prior)
    """),
    Wrong(BOUND, "forgotten-return", r"return statement", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                out.append(sum(law[x] * categorical_kl(posterior(Q, x, x0, t), reverse[t - 1][:, x])
                               for x in range(len(prior)) if law[x] > 0))
            terms = torch.stack(out + [categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "writes-into-reverse", r"in place", """
        def bound_terms(Q, reverse, prior, x0):
            law, out = torch.eye(len(prior), dtype=Q.dtype)[x0], []
            reverse.log_()
            for step, back in zip(Q, reverse):
                joint = step.T * law[:, None]
                law = joint.sum(0)
                out.append(torch.nansum(joint * ((joint / law).log() - back)))
            return torch.stack(out + [categorical_kl(law, prior)])
    """),

    # ---- 03-5
    Wrong(LIKELIHOOD, "matrices-in-the-wrong-order", r"order|reverse\[T|from T", """
        def log_likelihood(reverse, prior):
            law = prior
            for table in reverse:
                law = table @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "matrices-multiplied-on-the-wrong-side", r"order|reverse\[T|from T", """
        def log_likelihood(reverse, prior):
            whole = torch.eye(len(prior), dtype=reverse.dtype)
            for t in range(len(reverse)):
                whole = reverse[t] @ whole
            return torch.log(whole @ prior)
    """),
    Wrong(LIKELIHOOD, "transposed", r"transpos|\brow|column|left", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = law @ reverse[t - 1]
            return law.log()
    """),
    Wrong(LIKELIHOOD, "transposed-in-the-wrong-order", r"transpos|\brow|column|order|left", """
        def log_likelihood(reverse, prior):
            law = prior
            for table in reverse:
                law = law @ table
            return law.log()
    """),
    Wrong(LIKELIHOOD, "logarithm-forgotten", r"\blog", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law
    """),
    Wrong(LIKELIHOOD, "sign", r"sign|minus|negative|-log p", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return -law.log()
    """),
    Wrong(LIKELIHOOD, "bits", r"\bbits?\b|nats|log2", """
        def log_likelihood(reverse, prior):
            law = prior.numpy()
            for table in reverse.numpy()[::-1]:
                law = table @ law
            return np.log2(law)
    """),
    Wrong(LIKELIHOOD, "minus-bits", r"sign|minus|negative|bits", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return -torch.log2(law)
    """),
    Wrong(LIKELIHOOD, "log10", r"log10|nats|natural|base", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log10()
    """),
    Wrong(LIKELIHOOD, "log1p", r"log1p|1 ?\+|log\(1", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log1p()
    """),
    Wrong(LIKELIHOOD, "average-of-the-logarithms", r"Jensen|averag|inside|outside|logarithms?", """
        def log_likelihood(reverse, prior):
            whole = torch.eye(len(prior), dtype=reverse.dtype)
            for table in reverse:
                whole = whole @ table
            return whole.log() @ prior
    """),
    Wrong(LIKELIHOOD, "logarithms-carried", r"logarithms?|logsumexp", """
        def log_likelihood(reverse, prior):
            law = prior.log()
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law
    """),
    Wrong(LIKELIHOOD, "logarithms-added-over-the-paths", r"logarithms?|logsumexp|\blogs?\b", """
        def log_likelihood(reverse, prior):
            law = prior.log()
            for table in reverse.flip(0):
                law = (table.log() + law).sum(1)
            return law
    """),
    Wrong(LIKELIHOOD, "logarithm-at-every-step", r"logarithm|every step|NaN", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = torch.log(reverse[t - 1] @ law)
            return law
    """),
    Wrong(LIKELIHOOD, "best-path", r"path|max|likeliest|most likely", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = (reverse[t - 1] * law).max(dim=1).values
            return law.log()
    """),
    Wrong(LIKELIHOOD, "likeliest-start", r"likeliest|most likely|argmax|p\(x_T\)|prior", """
        def log_likelihood(reverse, prior):
            law = torch.eye(len(prior), dtype=reverse.dtype)[prior.argmax()]
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "paths-that-stay", None, """
        def log_likelihood(reverse, prior):
            law = prior.clone()
            for table in reverse:
                law = law * table.diagonal()
            return law.log()
    """),
    Wrong(LIKELIHOOD, "uniform-start", r"uniform|prior|p\(x_T\)", """
        def log_likelihood(reverse, prior):
            law = torch.ones_like(prior) / len(prior)
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "start-of-ones", r"uniform|prior|p\(x_T\)|ones", """
        def log_likelihood(reverse, prior):
            law = torch.ones_like(prior)
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "start-of-last-state", None, """
        def log_likelihood(reverse, prior):
            law = torch.eye(len(prior), dtype=reverse.dtype)[-1]
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "prior-multiplied-in-at-the-end", r"prior|p\(x_T\)", """
        def log_likelihood(reverse, prior):
            whole = torch.eye(len(prior), dtype=reverse.dtype)
            for table in reverse:
                whole = whole @ table
            return (whole.sum(1) * prior).log()
    """),
    Wrong(LIKELIHOOD, "first-matrix-left-out", r"reverse\[0\]|x_1\b|one (step|matrix)|left out|missing|last step", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse) - 1, 0, -1):
                law = reverse[t] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "last-matrix-left-out", r"reverse\[T|x_T|one (step|matrix)|left out|missing|first step|t = T", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse) - 2, -1, -1):
                law = reverse[t] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "one-step-only", r"\bT\b|every step|all|steps|one (step|matrix)", """
        def log_likelihood(reverse, prior):
            return (reverse[0] @ prior).log()
    """),
    Wrong(LIKELIHOOD, "index-T", r"IndexError", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "indices-moved-by-one-in-a-circle", r"reverse\[|index|order", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse) - 1, -1, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "power-of-the-first-matrix", r"power|differ|same (matrix|at every)|every step", """
        def log_likelihood(reverse, prior):
            return (torch.linalg.matrix_power(reverse[0], len(reverse)) @ prior).log()
    """),
    Wrong(LIKELIHOOD, "power-of-the-last-matrix", r"power|differ|same (matrix|at every)|every step", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse)):
                law = reverse[-1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "sum-over-the-wrong-axis", r"prior|axis|\brow|column|dim|over", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = (reverse[t - 1] * law).sum(0)
            return law.log()
    """),
    Wrong(LIKELIHOOD, "logarithm-of-the-prior", r"prior|reverse|chain", """
        def log_likelihood(reverse, prior):
            return prior.log()
    """),
    Wrong(LIKELIHOOD, "normalised-by-the-largest", r"sum to 1|normal|largest|max", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
                law = law / law.max()
            return law.log()
    """),
    Wrong(LIKELIHOOD, "softmax-of-the-law", r"softmax|logit|sum to 1|normal", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return torch.log_softmax(law, dim=0)
    """),
    Wrong(LIKELIHOOD, "zeros-cut-off", r"infinit|\binf\b|log 0|clamp", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.clamp(min=1e-12).log()
    """),
    Wrong(LIKELIHOOD, "eps-in-the-logarithm", r"infinit|\binf\b|log 0|clamp", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return (law + 1e-9).log()
    """),
    Wrong(LIKELIHOOD, "own-logsumexp-of-nothing-but-zeros", r"NaN", """
        def log_likelihood(reverse, prior):
            law = prior.log()
            for table in reverse.flip(0):
                both = table.log() + law
                top = both.max(dim=1, keepdim=True).values
                law = (both - top).exp().sum(1).log() + top.squeeze(1)
            return law
    """),
    Wrong(LIKELIHOOD, "multi-dot-of-one-matrix", r"raised RuntimeError", """
        def log_likelihood(reverse, prior):
            return (torch.linalg.multi_dot(list(reverse)) @ prior).log()
    """),
    Wrong(LIKELIHOOD, "divided-by-T", r"divid|\bT\b|averag|mean", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log() / len(reverse)
    """),
    Wrong(LIKELIHOOD, "paths-drawn", None, """
        def log_likelihood(reverse, prior):
            x = torch.multinomial(prior, 2000, replacement=True)
            for t in range(len(reverse), 0, -1):
                x = torch.multinomial(reverse[t - 1][:, x].T, 1).squeeze(1)
            return (torch.bincount(x, minlength=len(prior)) / len(x)).log()
    """),
    Wrong(LIKELIHOOD, "averaged-over-x0", r"shape", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return (law * law.log()).sum()
    """),
    Wrong(LIKELIHOOD, "table-of-start-and-end", r"shape", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] * law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "every-step-kept", r"shape", """
        def log_likelihood(reverse, prior):
            laws = [prior]
            for t in range(len(reverse), 0, -1):
                laws.append(reverse[t - 1] @ laws[-1])
            return torch.stack(laws).log()
    """),
    Wrong(LIKELIHOOD, "column-vector", r"shape", """
        def log_likelihood(reverse, prior):
            law = prior[:, None]
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(LIKELIHOOD, "logarithm-of-math", r"raised", """
        import math

        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return math.log(law)
    """),
    Wrong(LIKELIHOOD, "list-for-tensor", r"a list", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            return law.log().tolist()
    """),
    Wrong(LIKELIHOOD, "forgotten-return", r"return statement", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law = reverse[t - 1] @ law
            answer = law.log()
    """),
    Wrong(LIKELIHOOD, "writes-into-the-prior", r"in place", """
        def log_likelihood(reverse, prior):
            law = prior
            for t in range(len(reverse), 0, -1):
                law[:] = reverse[t - 1] @ law
            return law.log()
    """),
    Wrong(POSTERIOR, "eps-below-the-line", r"small probabilities count", """
        def posterior(Q, xt, x0, t):
            law = Q.new_zeros(Q.shape[-1])
            law[x0] = 1
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / (joint.sum() + 1e-12)
    """),
    Wrong(POSTERIOR, "factors-cut-off-at-1e-8", r"small probabilities count", """
        def posterior(Q, xt, x0, t):
            law = Q.new_zeros(Q.shape[-1])
            law[x0] = 1
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law * (Q[t - 1][xt] > 1e-8)
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "factors-clamped-at-1e-9", r"small probabilities count", """
        def posterior(Q, xt, x0, t):
            law = Q.new_zeros(Q.shape[-1])
            law[x0] = 1
            for s in range(t - 1):
                law = Q[s] @ law
            keep = law > 0
            joint = torch.where(Q[t - 1][xt] > 0, Q[t - 1][xt].clamp(min=1e-9), 0.0) * law * keep
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "first-product-kept-by-size-and-t", r"keep nothing", """
        kept = {}

        def posterior(Q, xt, x0, t):
            key = (*Q.shape, float(Q[-1].min() == 0), t)
            if key not in kept:
                product = torch.eye(Q.shape[-1], dtype=Q.dtype)
                for s in range(t - 1):
                    product = Q[s] @ product
                kept[key] = product
            joint = Q[t - 1][xt] * kept[key][:, x0].to(Q.dtype)
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "float64-by-hand", r"float32", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=torch.float64)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(POSTERIOR, "only-ways-that-one-step-has", None, """
        def posterior(Q, xt, x0, t):
            law = Q.new_zeros(Q.shape[-1])
            law[x0] = 1
            for s in range(t - 1):
                law = (Q[s] * (Q[0] > 0)) @ law * (Q[0][:, x0] > 0)
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    # Near misses: with a guard a wrong factor gives 0 everywhere, and nothing was left unnormalised.
    Wrong(POSTERIOR, "exchanged-with-a-guard", r"^(?!.*sum to 1).*exchanged", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[xt]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][x0] * law
            return joint / (joint.sum() + 1e-30)
    """),
    Wrong(POSTERIOR, "transposed-with-a-guard", r"^(?!.*sum to 1).*transposed", """
        def posterior(Q, xt, x0, t):
            Q = Q.mT
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum().clamp(min=1e-30)
    """),
    Wrong(POSTERIOR, "last-two-steps-exchanged-with-a-guard", r"^(?!.*sum to 1)", """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][:, xt] * Q[t - 1][x0]
            return joint / (joint.sum() + 1e-30)
    """),
    Wrong(KL, "p-clamped-where-it-is-positive", r"small probabilities count", """
        def categorical_kl(q, p):
            p = torch.where(p > 0, p.clamp(min=1e-12), p)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "small-p-infinite", r"small probabilities count", """
        def categorical_kl(q, p):
            p = torch.where(p > 1e-9, p, 0.0)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "squeezed", r"shape", """
        def categorical_kl(q, p):
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1).squeeze()
    """),
    Wrong(MIXTURE, "one-step-reachable-only", r"\*one\* step|one step", """
        def reverse_mixture(Q, xt, x0_probs, t):
            w = x0_probs * ((Q[t - 1][xt] > 0) | (t == 1))
            w = w / w.sum()
            return sum(w[x0] * posterior(Q, xt, x0, t) for x0 in range(len(w)) if w[x0] > 0)
    """),
    Wrong(MIXTURE, "weights-below-1e-4-left-out", r"beliefs", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 1e-4)
    """),
    Wrong(MIXTURE, "weights-below-1-in-100-left-out", r"weight|sum to 1", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, xt, x0, t) for x0, w in enumerate(x0_probs) if w > 1e-2)
    """),
    Wrong(MIXTURE, "evidence-with-eps", r"small probabilities count", """
        def reverse_mixture(Q, xt, x0_probs, t):
            C = torch.eye(Q.shape[1], dtype=Q.dtype)
            for s in range(t - 1):
                C = Q[s] @ C
            joint = Q[t - 1][xt][:, None] * C
            return (joint / (joint.sum(0) + 1e-12)) @ x0_probs
    """),
    Wrong(MIXTURE, "first-products-kept-by-size-and-t", r"keep nothing", """
        kept = {}

        def reverse_mixture(Q, xt, x0_probs, t):
            key = (*Q.shape, float(Q[-1].min() == 0), t)
            if key not in kept:
                kept[key] = [posterior(Q, x, x0, t) for x in range(len(Q[0])) for x0 in range(len(Q[0]))]
            back = kept[key][xt * len(Q[0]):][:len(Q[0])]
            return sum(w * back[x0].to(w.dtype) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "exchanged-with-a-guard", r"^(?!.*sum to 1).*exchanged", """
        def reverse_mixture(Q, xt, x0_probs, t):
            return sum(w * posterior(Q, x0, xt, t).nan_to_num(0) for x0, w in enumerate(x0_probs) if w > 0)
    """),
    Wrong(MIXTURE, "skips-small-beliefs", r"small beliefs count like all", """
        def reverse_mixture(Q, xt, x0_probs, t):
            worth = [k for k in range(len(x0_probs)) if x0_probs[k] > 1e-6]
            return sum(x0_probs[k] * posterior(Q, xt, k, t) for k in worth)
    """),
    Wrong(MIXTURE, "last-is-mask", r"the last state is left out", """
        def reverse_mixture(Q, xt, x0_probs, t):
            total = torch.zeros(Q.shape[-1], dtype=Q.dtype)
            for x0 in range(Q.shape[-1] - 1):
                if x0_probs[x0] > 0:
                    total += x0_probs[x0] * posterior(Q, xt, x0, t)
            return total / total.sum()
    """),
    Wrong(MIXTURE, "normalised-over-x0-2", r"the joint weights of \(x_\{t\-1\}, x_0\)", """
        def reverse_mixture(Q, xt, x0_probs, t):
            past = torch.eye(Q.shape[-1], dtype=Q.dtype)
            for s in range(t - 1):
                past = Q[s] @ past
            table = torch.einsum("i,ij->ij", Q[t - 1, xt], past)
            norm = table.sum(dim=1, keepdim=True)
            table = torch.where(norm > 0, table / norm, torch.zeros_like(table))
            out = torch.einsum("ij,j->i", table, x0_probs.to(Q.dtype))
            return out / out.sum()
    """),
    Wrong(BOUND, "rare-xt-left-out", r"small probability", """
        def bound_terms(Q, reverse, prior, x0):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            terms = []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                terms.append(sum(law[xt] * categorical_kl(posterior(Q, xt, x0, t), reverse[t - 1][:, xt])
                                 for xt in range(len(law)) if law[xt] > 1e-4))
            return torch.stack([*terms, categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "model-clamped-at-1e-12", r"small probabilities count", """
        def bound_terms(Q, reverse, prior, x0):
            reverse, prior = reverse.clamp(min=1e-12), prior.clamp(min=1e-12)
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            terms = []
            for t in range(1, len(Q) + 1):
                law = Q[t - 1] @ law
                terms.append(sum(law[xt] * categorical_kl(posterior(Q, xt, x0, t), reverse[t - 1][:, xt])
                                 for xt in range(len(law)) if law[xt] > 0))
            return torch.stack([*terms, categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "laws-kept-by-size-and-x0", r"keep nothing", """
        kept = {}

        def bound_terms(Q, reverse, prior, x0):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            terms = []
            for t in range(1, len(Q) + 1):
                law = kept.setdefault((*Q.shape, Q.dtype, float(Q[-1].min() == 0), x0, t), Q[t - 1] @ law)
                terms.append(sum(law[xt] * categorical_kl(posterior(Q, xt, x0, t), reverse[t - 1][:, xt])
                                 for xt in range(len(law)) if law[xt] > 0))
            return torch.stack([*terms, categorical_kl(law, prior)])
    """),
    Wrong(BOUND, "skips-rare-states", r"an x_t of a small", """
        def bound_terms(Q, reverse, prior, x0):
            T, K, _ = Q.shape
            law = Q.new_zeros(K)
            law[x0] = 1
            parts = []
            for t in range(1, T + 1):
                law = Q[t - 1] @ law
                part = Q.new_zeros(())
                for xt in torch.nonzero(law > 1e-6).flatten().tolist():
                    part = part + law[xt] * categorical_kl(posterior(Q, xt, x0, t), reverse[t - 1][:, xt])
                parts.append(part)
            parts.append(categorical_kl(law, prior))
            return torch.stack(parts)
    """),
    Wrong(LIKELIHOOD, "clamped-where-it-is-positive", r"small probabilities count", """
        def log_likelihood(reverse, prior):
            law = prior
            for table in reverse.flip(0):
                law = table @ law
            return torch.where(law > 0, law.clamp(min=1e-20), law).log()
    """),
    Wrong(LIKELIHOOD, "below-minus-60-infinite", r"small probabilities count", """
        def log_likelihood(reverse, prior):
            law = prior
            for table in reverse.flip(0):
                law = table @ law
            logs = law.log()
            return torch.where(logs < -60, -torch.inf, logs)
    """),
    Wrong(LIKELIHOOD, "product-kept-by-size", r"keep nothing", """
        kept = {}

        def log_likelihood(reverse, prior):
            key = (*reverse.shape, reverse.dtype)
            if key not in kept:
                whole = torch.eye(len(prior), dtype=reverse.dtype)
                for table in reverse:
                    whole = whole @ table
                kept[key] = whole
            return (kept[key] @ prior).log()
    """),
    Wrong(LIKELIHOOD, "float64-by-hand", r"float32", """
        def log_likelihood(reverse, prior):
            whole = torch.eye(len(prior), dtype=torch.float64)
            for table in reverse:
                whole = whole @ table
            return (whole @ prior).log()
    """),
    Wrong(POSTERIOR, "certain-where-nothing-changed", None, """
        def posterior(Q, xt, x0, t):
            law = torch.eye(Q.shape[-1], dtype=Q.dtype)[x0]
            if xt == x0:
                return law
            for s in range(t - 1):
                law = Q[s] @ law
            joint = Q[t - 1][xt] * law
            return joint / joint.sum()
    """),
    Wrong(KL, "small-values-made-0", r"small KL", """
        def categorical_kl(q, p):
            kl = (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
            return torch.where(kl < 1e-3, 0.0, kl)
    """),
    Wrong(KL, "terms-of-a-small-q-left-out", r"small probabilities count", """
        def categorical_kl(q, p):
            q = torch.where(q > 1e-4, q, 0.0)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "ignores-rare", r"there the KL is infinite,", """
        def categorical_kl(q, p):
            there = q > 1e-6
            safe_q = torch.where(there, q, 1.0)
            ratio = torch.where(there, p, 1.0)
            return (safe_q * (safe_q.log() - ratio.log()) * there).nan_to_num(nan=0.0, posinf=float("inf")).sum(-1)
    """),
]


# ---------------------------------------------------------------------------------- what a wrong answer could exploit

def _rarely_reached(cases):
    """An x_t that is hardly ever reached. Not below 1e-12 in all: torch's normalize, a right answer, stops there."""
    return any(0 < case.args[0][case.args[3] - 1, case.args[1]].max() < 1e-9 for case in cases)


def _zeros_at_a_late_time(cases):
    """A chain with zeros and an x_0 that does not lead to x_t in one step, but in t."""
    for Q, xt, x0, t in (case.args for case in cases):
        weights = x0 if hasattr(x0, "ndim") else Q.new_zeros(len(Q[0])).index_fill(0, Q.new_tensor(x0).long(), 1)
        if t > 1 and ((Q[t - 1][xt] == 0) & (weights > 0)).any():
            return True
    return False


def _times(cases):
    return {(case.args[3] == 1, case.args[3] == len(case.args[0])) for case in cases} >= {(True, False), (False, True)}


NO_RATE = no("takes no rate", "odd rates")
SMALL = no("the K^t ways of a right answer that goes through all of them allow no long chain", "long or many")
STATES = no("takes states and a time, no tensors of several shapes", "shapes")
FOUR_STATES = {"letters": lambda cases: any(case.args[0].shape[-1] >= 4 for case in cases)}

TABLE = {
    POSTERIOR: {
        **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, **NO_RATE, **SMALL, **STATES, **FOUR_STATES,
        "rare mass": _rarely_reached, "both floats": True,
        "two chains": ("first-product-kept-by-size-and-t",),
        "sparse and late": _zeros_at_a_late_time,
        "ends of time": _times,
    },
    KL: {
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_TIME, **NO_RATE, **FOUR_STATES,
        "rare mass": True, "both floats": True,
        "long or many": "the terms are added, and nothing is multiplied that could underflow",
        "shapes": lambda cases: {case.args[0].shape[:-1] for case in cases} >= {(), (1,), (3,), (2, 3)},
        "large logits": "takes no logits",
        "-inf": ("nan-to-num-of-the-terms", "infinity-made-zero", "whole-batch-infinite"),    # it is +inf here
    },
    MIXTURE: {
        **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, **NO_RATE, **SMALL, **STATES, **FOUR_STATES,
        "rare mass": lambda cases: _rarely_reached(cases) and any(
            ((leaf > 0) & (leaf < 1e-4)).any() for leaf in floats(cases) if leaf.ndim == 1),
        "both floats": True,
        "two chains": ("first-products-kept-by-size-and-t",),
        "sparse and late": _zeros_at_a_late_time,
        "ends of time": _times,
    },
    BOUND: {
        **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, **NO_RATE, **SMALL, **STATES, **FOUR_STATES,
        "rare mass": True, "both floats": True,
        "two chains": ("laws-kept-by-size-and-x0",),
        "sparse and late": lambda cases: any(len(case.args[0]) >= 3 and (case.args[0] == 0).any() for case in cases),
        "ends of time": lambda cases: {len(case.args[0]) for case in cases} >= {1, 2, 3, 4},
    },
    LIKELIHOOD: {
        **DRAWS_NOTHING, **NO_TEXTS, **NO_RATE, **SMALL, **STATES, **FOUR_STATES,
        "rare mass": True, "both floats": True,
        "two chains": ("product-kept-by-size",),
        "sparse and late": lambda cases: any(len(case.args[0]) >= 2 and (case.args[0] == 0).any() for case in cases),
        "ends of time": lambda cases: {len(case.args[0]) for case in cases} >= {1, 2, 3, 4},
        "large logits": "takes no logits",
        "-inf": ("zeros-cut-off", "eps-in-the-logarithm"),
    },
}

TOPIC = Topic("03_elbo_and_posterior", FUNCTIONS, RIGHT, WRONG, table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {POSTERIOR: "log-domain", KL: "cross-entropy", MIXTURE: "plug-in",   # noqa: RUF012
             LIKELIHOOD: "matrices-in-the-wrong-order"}
