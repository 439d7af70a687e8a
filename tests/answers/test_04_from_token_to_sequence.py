"""Do the checks of topic 04 deserve trust? The answers were written from the exercise alone."""

import numpy as np
import torch
from answers import AnswersTests, NotebookTests, Right, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_LOGITS, NO_TEXTS, NO_TIME, leaves, no

FORWARD = "04-1-forward-log-prob"
TC = "04-2-total-correlation"
BAYES = "04-3-bayes-denoiser"
KL = "04-4-sequence-kl"
ORDERED = "04-5-ordered-nll"
FUNCTIONS = {FORWARD: "forward_log_prob", TC: "total_correlation", BAYES: "bayes_denoiser", KL: "sequence_kl",
             ORDERED: "ordered_nll"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 04-1
    Right(FORWARD, "pairs-of-indices", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().sum(-1)
    """),
    Right(FORWARD, "two-loops-math-log", """
        import math

        def forward_log_prob(matrix, x0, xt):
            out = torch.zeros(x0.shape[0], dtype=torch.float64)
            for b in range(x0.shape[0]):
                for i in range(x0.shape[1]):
                    p = matrix[xt[b, i], x0[b, i]].item()
                    out[b] += math.log(p) if p > 0 else -math.inf
            return out
    """),
    Right(FORWARD, "one-hot-einsum", """
        def forward_log_prob(matrix, x0, xt):
            E = torch.eye(len(matrix), dtype=matrix.dtype)
            factors = torch.einsum("bni,ij,bnj->bn", E[xt], matrix, E[x0])
            return factors.log().sum(dim=1)
    """),
    Right(FORWARD, "numpy-array-returned", """
        def forward_log_prob(matrix, x0, xt):
            with np.errstate(divide="ignore"):
                logs = np.log(matrix.numpy())
            return logs[xt.numpy(), x0.numpy()].sum(axis=1)
    """),
    Right(FORWARD, "gather-float32", """
        def forward_log_prob(matrix, x0, xt):
            log_q = matrix.float().log().T                  # row x0, column xt
            return log_q[x0].gather(-1, xt.unsqueeze(-1)).squeeze(-1).sum(-1)
    """),
    Right(FORWARD, "counts-of-pairs", """
        def forward_log_prob(matrix, x0, xt):
            K = matrix.shape[0]
            counts = torch.zeros(len(x0), K * K, dtype=matrix.dtype)
            counts.scatter_add_(1, xt * K + x0, torch.ones(x0.shape, dtype=matrix.dtype))
            return torch.special.xlogy(counts, matrix.reshape(-1)).sum(1)
    """),
    Right(FORWARD, "position-after-position", """
        def forward_log_prob(matrix, x0, xt):
            total = 0
            for before, after in zip(x0.unbind(1), xt.unbind(1)):
                total = total + matrix[after, before].log()
            return total
    """),
    Right(FORWARD, "columns-then-cross-entropy", """
        def forward_log_prob(matrix, x0, xt):
            columns = matrix[:, x0].permute(1, 0, 2).log()  # (batch, K, n)
            return -torch.nn.functional.nll_loss(columns, xt, reduction="none").sum(-1)
    """),

    # ---- 04-2
    Right(TC, "sum-over-the-other-dimensions", """
        def total_correlation(joint):
            n = joint.dim()
            total = -torch.special.entr(joint).sum()
            for i in range(n):
                others = [j for j in range(n) if j != i]
                marginal = joint.sum(dim=others) if others else joint
                total = total + torch.special.entr(marginal).sum()
            return total
    """),
    Right(TC, "movedim-and-flatten", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            return sum(H(joint.movedim(i, 0).flatten(1).sum(1)) if joint.ndim > 1 else H(joint)
                       for i in range(joint.ndim)) - H(joint)
    """),
    Right(TC, "movedim-and-reshape", """
        def total_correlation(joint):
            V = joint.shape[0]
            marginals = torch.stack([joint.movedim(i, 0).reshape(V, -1).sum(-1) for i in range(joint.dim())])
            return torch.special.entr(marginals).sum() - torch.special.entr(joint).sum()
    """),
    Right(TC, "itertools-python-float", """
        import itertools
        import math

        def total_correlation(joint):
            n, V = joint.dim(), joint.shape[0]
            tables = [[0.0] * V for _ in range(n)]
            h_joint = 0.0
            for x in itertools.product(range(V), repeat=n):
                p = float(joint[x])
                if p > 0:
                    h_joint -= p * math.log(p)
                for i, v in enumerate(x):
                    tables[i][v] += p
            h_alone = sum(-p * math.log(p) for table in tables for p in table if p > 0)
            return h_alone - h_joint
    """),
    Right(TC, "divergence-from-the-product", """
        def total_correlation(joint):
            n = joint.dim()
            product = torch.ones_like(joint)
            for i in range(n):
                m = joint
                for j in range(n):
                    if j != i:
                        m = m.sum(j, keepdim=True)
                product = product * m
            ratio = torch.where(joint > 0, joint / product, 1.0)
            return (joint * ratio.log()).sum()
    """),
    Right(TC, "numpy-number-returned", """
        def total_correlation(joint):
            p = joint.numpy()

            def H(q):
                q = q[q > 0]
                return -np.sum(q * np.log(q))

            axes = range(p.ndim)
            return sum(H(p.sum(axis=tuple(a for a in axes if a != i))) for i in axes) - H(p)
    """),
    Right(TC, "einsum-float32", """
        def total_correlation(joint):
            joint = joint.float()
            H = lambda q: -torch.special.xlogy(q, q).sum()
            dims = list(range(joint.dim()))
            return torch.stack([H(torch.einsum(joint, dims, [i])) for i in dims]).sum() - H(joint)
    """),
    Right(TC, "one-position-more-at-a-time", """
        def total_correlation(joint):
            # TC of all = TC of all but the last + what the last shares with the others
            if joint.dim() == 1:
                return torch.tensor(0.0)
            H = lambda q: torch.special.entr(q).sum()
            rest = joint.sum(-1)
            last = joint.flatten(0, -2).sum(0)
            return total_correlation(rest) + H(rest) + H(last) - H(joint)
    """),
    Right(TC, "log-domain", """
        def total_correlation(joint):
            logp = joint.log()
            n = joint.dim()
            alone = torch.zeros_like(logp)
            for i in range(n):
                others = tuple(j for j in range(n) if j != i)
                alone = alone + (torch.logsumexp(logp, dim=others, keepdim=True) if others else logp)
            return torch.nansum(joint * (logp - alone))
    """),
    Right(TC, "tiny-number-in-the-logarithm", """
        def total_correlation(joint):
            n = len(joint.shape)
            H = lambda p: -(p * torch.log(p + 1e-15)).sum()
            s = 0.
            for i in range(n):
                m = joint.transpose(0, i)
                while m.dim() > 1:
                    m = m.sum(-1)
                s += H(m)
            return s - H(joint)
    """),

    # ---- 04-3
    Right(BAYES, "zero-out-and-marginalise", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for i, token in enumerate(xt.tolist()):
                if token != mask_id:
                    view = table.movedim(i, 0)
                    for v in range(V):
                        if v != token:
                            view[v] = 0
            table /= table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Right(BAYES, "itertools-product", """
        from itertools import product

        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            num = torch.zeros(n, V, dtype=joint.dtype)
            for x in product(range(V), repeat=n):
                if all(int(xt[k]) in (mask_id, x[k]) for k in range(n)):
                    for i in range(n):
                        num[i, x[i]] += joint[x]
            return num / num.sum(1, keepdim=True)
    """),
    Right(BAYES, "evidence-vectors-einsum", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            evidence = torch.where(xt[:, None] == mask_id, 1.0, (xt[:, None] == torch.arange(V)).double())
            args = [joint.double(), list(range(n))]
            for i in range(n):
                args += [evidence[i], [i]]
            rows = torch.stack([torch.einsum(*args, [i]) for i in range(n)])
            return rows / rows.sum(-1, keepdim=True)
    """),
    Right(BAYES, "slice-of-the-table", """
        def bayes_denoiser(joint, xt, mask_id):
            V = joint.shape[0]
            hidden = [i for i in range(len(xt)) if xt[i] == mask_id]
            part = joint[tuple(slice(None) if x == mask_id else int(x) for x in xt)]
            part = part / part.sum()
            out = torch.zeros(len(xt), V)
            for i, x in enumerate(xt):
                if x == mask_id:
                    d = hidden.index(i)
                    rest = [k for k in range(part.dim()) if k != d]
                    out[i] = part.sum(rest) if rest else part
                else:
                    out[i, x] = 1
            return out
    """),
    Right(BAYES, "numpy-array-returned", """
        def bayes_denoiser(joint, xt, mask_id):
            p, xt = joint.numpy(), xt.numpy()
            grid = np.indices(p.shape)
            ok = np.ones(p.shape, dtype=bool)
            for i in np.flatnonzero(xt != mask_id):
                ok &= grid[i] == xt[i]
            w = np.where(ok, p, 0)
            return np.array([[w[grid[i] == v].sum() for v in range(p.shape[0])] for i in range(p.ndim)]) / w.sum()
    """),
    Right(BAYES, "log-domain-float32", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.size(0)
            logp = joint.float().log()
            for i in range(n):
                if xt[i] != mask_id:
                    penalty = torch.full((V,), -torch.inf)
                    penalty[xt[i]] = 0
                    shape = [1] * n
                    shape[i] = V
                    logp = logp + penalty.view(shape)
            rows = [torch.logsumexp(logp.movedim(i, 0).reshape(V, -1), dim=1) for i in range(n)]
            return torch.stack(rows).softmax(-1)
    """),
    Right(BAYES, "recursion-over-the-visible", """
        def bayes_denoiser(joint, xt, mask_id):
            def condition(table, i):
                if i == len(xt):
                    return table / table.sum()
                if xt[i] == mask_id:
                    return condition(table, i + 1)
                kept = torch.zeros_like(table)
                index = (slice(None),) * i + (int(xt[i]),)
                kept[index] = table[index]
                return condition(kept, i + 1)

            table = condition(joint, 0)
            rows = []
            for i in range(len(xt)):
                row = table
                for j in reversed(range(len(xt))):
                    if j != i:
                        row = row.sum(j)
                rows.append(row)
            return torch.stack(rows)
    """),
    Right(BAYES, "likelihood-by-task-1", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            # half of the tokens masked: a likelihood that is the same for all sequences that agree
            Q = torch.zeros(V + 1, V + 1, dtype=joint.dtype)
            Q[:V, :V] = 0.5 * torch.eye(V)
            Q[V] = 0.5
            Q[V, V] = 1
            words = torch.stack(torch.meshgrid(*[torch.arange(V)] * n, indexing="ij"), -1).reshape(-1, n)
            damaged = torch.where(xt == mask_id, V, xt).expand_as(words)
            weight = joint.reshape(-1) * forward_log_prob(Q, words, damaged).exp()
            weight = weight / weight.sum()
            return torch.einsum("s,siv->iv", weight, torch.nn.functional.one_hot(words, V).to(weight.dtype))
    """),

    # ---- 04-4
    Right(KL, "xlogy", """
        def sequence_kl(posterior, model):
            terms = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return terms.sum(dim=(1, 2))
    """),
    Right(KL, "kl-div-of-torch", """
        import torch.nn.functional as F

        def sequence_kl(posterior, model):
            return F.kl_div(model.log(), posterior, reduction="none").sum(-1).sum(-1)
    """),
    Right(KL, "three-loops-math-log", """
        import math

        def sequence_kl(posterior, model):
            result = []
            for q, p in zip(posterior.tolist(), model.tolist()):
                kl = 0.0
                for qi, pi in zip(q, p):
                    for a, b in zip(qi, pi):
                        if a > 0:
                            kl += a * math.log(a / b)
                result.append(kl)
            return torch.tensor(result)
    """),
    Right(KL, "nansum", """
        def sequence_kl(posterior, model):
            return torch.nansum(posterior * torch.log(posterior / model), dim=(-1, -2))
    """),
    Right(KL, "numpy-array-returned", """
        def sequence_kl(posterior, model):
            q, p = np.asarray(posterior), np.asarray(model)
            log_ratio = np.log(np.where(q > 0, q, 1)) - np.log(p)
            return np.einsum("bnk,bnk->b", q, log_ratio)
    """),
    Right(KL, "cross-entropy-less-entropy-float32", """
        def sequence_kl(posterior, model):
            posterior, model = posterior.float(), model.float()
            cross_entropy = -(posterior * model.log()).sum((1, 2))
            return cross_entropy - torch.special.entr(posterior).sum((1, 2))
    """),
    Right(KL, "distributions", """
        from torch.distributions import Categorical, Independent, kl_divergence

        def sequence_kl(posterior, model):
            return kl_divergence(Independent(Categorical(posterior), 1), Independent(Categorical(model), 1))
    """),
    Right(KL, "clamped-logarithm", """
        def sequence_kl(posterior, model):
            log_ratio = posterior.clamp(min=1e-30).log() - model.log()
            return torch.einsum("bik,bik->b", posterior, log_ratio)
    """),

    # ---- 04-5
    Right(ORDERED, "predict-then-reveal", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                probs = denoiser(xt)
                nll = nll - probs[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Right(ORDERED, "math-log-python-float", """
        import math

        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.tensor([mask_id] * len(x0))
            total = 0
            for j in range(len(order)):
                row = denoiser(xt)[order[j]]
                total += -math.log(row[int(x0[order[j]])])
                xt[order[j]] = x0[order[j]]
            return total
    """),
    Right(ORDERED, "states-first-then-losses", """
        def ordered_nll(denoiser, x0, order, mask_id):
            n = len(x0)
            rank = torch.empty(n, dtype=torch.long)
            rank[torch.tensor(order)] = torch.arange(n)
            states = torch.where(rank[None, :] < torch.arange(n)[:, None], x0, mask_id)
            rows = torch.stack([denoiser(state)[i] for state, i in zip(states, order)])
            return -rows.gather(1, x0[order][:, None]).log().sum()
    """),
    Right(ORDERED, "recursion", """
        def ordered_nll(denoiser, x0, order, mask_id):
            def rest(xt, order):
                if not order:
                    return torch.zeros(())
                i, *later = order
                loss = -torch.log(denoiser(xt)[i][x0[i]])
                seen = xt.clone()
                seen[i] = x0[i]
                return loss + rest(seen, later)

            return rest(torch.full(x0.shape, mask_id), order)
    """),
    Right(ORDERED, "numpy-number-returned", """
        def ordered_nll(denoiser, x0, order, mask_id):
            probs = []
            for j, i in enumerate(order):
                visible = order[:j]
                xt = np.full(len(x0), mask_id)
                xt[visible] = x0.numpy()[visible]
                probs.append(denoiser(torch.from_numpy(xt)).numpy()[i, x0[i]])
            return -np.sum(np.log(probs))
    """),
    Right(ORDERED, "masks-put-on-backwards", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0.clone()
            losses = []
            for i in reversed(order):
                xt[i] = mask_id
                losses.append(-denoiser(xt).log()[i, x0[i]])
            return torch.stack(losses).sum()
    """),
    Right(ORDERED, "nll-loss-logarithm-in-place", """
        import torch.nn.functional as F

        def ordered_nll(denoiser, x0, order, mask_id):
            hidden = torch.ones(len(x0), dtype=torch.bool)
            total = torch.tensor(0.0, dtype=torch.float64)
            for i in order:
                log_probs = denoiser(x0.masked_fill(hidden, mask_id)).log_()
                total += F.nll_loss(log_probs[i:i + 1], x0[i:i + 1])
                hidden[i] = False
            return total
    """),
]

# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 04-1
    Wrong(FORWARD, "indices-exchanged", r"transpos|exchang|swap|column|other way", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[x0, xt].log().sum(-1)
    """),
    Wrong(FORWARD, "rows-of-the-clean-token", r"transpos|exchang|swap|column|other way", """
        def forward_log_prob(matrix, x0, xt):
            rows = torch.nn.functional.one_hot(x0, len(matrix)).to(matrix.dtype) @ matrix
            return rows.gather(-1, xt[..., None])[..., 0].log().sum(1)
    """),
    Wrong(FORWARD, "log-of-the-product-underflows", r"underflow", """
        def forward_log_prob(matrix, x0, xt):
            return torch.log(torch.prod(matrix[xt, x0], dim=1))
    """),
    Wrong(FORWARD, "product-without-the-log", r"\blog", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].prod(-1)
    """),
    Wrong(FORWARD, "sum-without-the-log", r"\blog", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].sum(-1)
    """),
    Wrong(FORWARD, "log-of-the-sum", r"log of (the|a) sum|product|logarithms add|added before the log", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].sum(-1).log()
    """),
    Wrong(FORWARD, "log-of-the-mean", r"mean|averag|product", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].mean(-1).log()
    """),
    Wrong(FORWARD, "mean-over-positions", r"mean|averag|divid", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().mean(dim=-1)
    """),
    Wrong(FORWARD, "negative", r"minus|sign|negative|-log q", """
        def forward_log_prob(matrix, x0, xt):
            return -matrix[xt, x0].log().sum(-1)
    """),
    Wrong(FORWARD, "bits", r"bits|log2|nats|base", """
        def forward_log_prob(matrix, x0, xt):
            return torch.log2(matrix[xt, x0]).sum(-1)
    """),
    Wrong(FORWARD, "log10", None, """
        def forward_log_prob(matrix, x0, xt):
            return torch.log10(matrix[xt, x0]).sum(-1)
    """),
    Wrong(FORWARD, "tiny-number-added", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            return (matrix[xt, x0] + 1e-12).log().sum(-1)
    """),
    Wrong(FORWARD, "clamped", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            return matrix.clamp(min=1e-8).log()[xt, x0].sum(-1)
    """),
    Wrong(FORWARD, "nan-to-num", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            return torch.nan_to_num(matrix[xt, x0].log().sum(-1))
    """),
    Wrong(FORWARD, "impossible-positions-left-out", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix[xt, x0]
            return torch.where(p > 0, p.log(), 0.0).sum(-1)
    """),
    Wrong(FORWARD, "zero-where-it-cannot-happen", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix[xt, x0].prod(-1)
            out = torch.zeros_like(p)
            out[p > 0] = p[p > 0].log()
            return out
    """),
    Wrong(FORWARD, "zero-times-minus-infinity", r"NaN|0 log 0|0 \* ?-?inf", """
        def forward_log_prob(matrix, x0, xt):
            E = torch.eye(len(matrix), dtype=matrix.dtype)
            return torch.einsum("bni,ij,bnj->b", E[xt], matrix.log(), E[x0])
    """),
    Wrong(FORWARD, "changed-positions-only", r"chang|every position|all positions|kept|unchanged|same", """
        def forward_log_prob(matrix, x0, xt):
            logs = matrix[xt, x0].log()
            return torch.where(xt != x0, logs, 0.0).sum(-1)
    """),
    Wrong(FORWARD, "kept-positions-only", r"chang|every position|all positions|kept|unchanged|same", """
        def forward_log_prob(matrix, x0, xt):
            logs = matrix[xt, x0].log()
            return logs.masked_fill(xt != x0, 0).sum(-1)
    """),
    Wrong(FORWARD, "reverse-chain", r"Bayes|row|p\(x_0|q\(x_0|normalis|divid", """
        def forward_log_prob(matrix, x0, xt):
            reverse = matrix / matrix.sum(1, keepdim=True)  # p(x_0 | x_t) under a flat prior
            return reverse[xt, x0].log().sum(-1)
    """),
    Wrong(FORWARD, "matrix-taken-for-logits", r"softmax|logits|probabilit", """
        def forward_log_prob(matrix, x0, xt):
            return matrix.log_softmax(0)[xt, x0].sum(-1)
    """),
    Wrong(FORWARD, "clean-token-on-both-sides", r"xt|x_t|diagonal|x0", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[x0, x0].log().sum(-1)
    """),
    Wrong(FORWARD, "last-position-only", r"every position|all positions|last|sum", """
        def forward_log_prob(matrix, x0, xt):
            for i in range(x0.shape[1]):
                logp = matrix[xt[:, i], x0[:, i]].log()
            return logp
    """),
    Wrong(FORWARD, "first-position-left-out", None, """
        def forward_log_prob(matrix, x0, xt):
            logp = 0
            for i in range(1, x0.shape[1]):
                logp = logp + matrix[xt[:, i], x0[:, i]].log()
            return logp
    """),
    Wrong(FORWARD, "two-symbols-suffice", None, """
        def forward_log_prob(matrix, x0, xt):
            same = (xt == x0).sum(-1)
            return same * matrix[0, 0].log() + (xt.shape[1] - same) * matrix[1, 0].log()
    """),
    Wrong(FORWARD, "matrix-squared", None, """
        def forward_log_prob(matrix, x0, xt):
            return (matrix @ matrix)[xt, x0].log().sum(-1)
    """),
    Wrong(FORWARD, "not-summed", r"shape", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log()
    """),
    Wrong(FORWARD, "summed-over-the-batch", r"shape", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().sum(0)
    """),
    Wrong(FORWARD, "summed-over-everything", r"shape", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().sum()
    """),
    Wrong(FORWARD, "column-for-vector", r"shape", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().sum(-1, keepdim=True)
    """),
    Wrong(FORWARD, "list-for-tensor", r"a list", """
        def forward_log_prob(matrix, x0, xt):
            return [matrix[b, a].log().sum().item() for a, b in zip(x0, xt)]
    """),
    Wrong(FORWARD, "forgotten-return", r"return statement", """
        def forward_log_prob(matrix, x0, xt):
            logp = matrix[xt, x0].log().sum(-1)
    """),
    Wrong(FORWARD, "logarithm-in-place", r"in place", """
        def forward_log_prob(matrix, x0, xt):
            return matrix.log_()[xt, x0].sum(-1)
    """),
    Wrong(FORWARD, "logarithm-of-math", r"raised", """
        import math

        def forward_log_prob(matrix, x0, xt):
            return math.log(matrix[xt, x0].prod(-1))
    """),
    Wrong(FORWARD, "index-after-index", r"raised|shape", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt][x0].log().sum(-1)
    """),
    Wrong(FORWARD, "integers", r"dtype|integer", """
        def forward_log_prob(matrix, x0, xt):
            out = torch.zeros(len(x0)).long()
            for b in range(len(x0)):
                out[b] = max(matrix[xt[b], x0[b]].log().sum(), -1e9)
            return out
    """),

    # ---- 04-2
    Wrong(TC, "three-positions-by-name", r"n = 3|three|any length|length|raised", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            return H(joint.sum((1, 2))) + H(joint.sum((0, 2))) + H(joint.sum((0, 1))) - H(joint)
    """),
    Wrong(TC, "einsum-of-three-letters", r"n = 3|three|any length|length|raised", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            alone = [torch.einsum(f"abc->{k}", joint) for k in "abc"]
            return sum(map(H, alone)) - H(joint)
    """),
    Wrong(TC, "two-positions-by-name", r"n = 2|two|any length|length|every position|all positions|first", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            pair = joint.reshape(*joint.shape[:2], -1).sum(-1) if joint.dim() > 2 else joint
            if joint.dim() == 1:
                return torch.tensor(0.0)
            return H(pair.sum(0)) + H(pair.sum(1)) - H(pair)
    """),
    Wrong(TC, "at-most-three-positions", r"n = 3|three|any length|length|every position|all positions", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            marginals = [joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(min(3, joint.dim()))]
            return sum(map(H, marginals)) - H(joint)
    """),
    Wrong(TC, "sign-exchanged", r"sign|minus|negative|other way|exchang|swap", """
        def total_correlation(joint):
            V = joint.shape[0]
            result = torch.special.entr(joint).sum()
            for i in range(joint.dim()):
                result = result - torch.special.entr(joint.movedim(i, 0).reshape(V, -1).sum(1)).sum()
            return result
    """),
    Wrong(TC, "p-log-p-without-minus", r"sign|minus|negative|other way", """
        def total_correlation(joint):
            H = lambda p: torch.special.xlogy(p, p).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "added-instead-of-subtracted", None, """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) + H(joint)
    """),
    Wrong(TC, "bits", r"bits|log2|nats|base", """
        def total_correlation(joint):
            def H(p):
                p = p[p > 0]
                return -(p * p.log2()).sum()

            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "sums-out-the-position-itself", r"other|sums? out|dimension|marginal", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            return sum(H(joint.sum(i)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "nan-at-zero", r"NaN|0 log 0", """
        def total_correlation(joint):
            H = lambda p: -(p * p.log()).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "nan-at-zero-in-the-ratio", r"NaN|0 log 0", """
        def total_correlation(joint):
            product = torch.ones_like(joint)
            for i in range(joint.dim()):
                m = joint
                for j in range(joint.dim()):
                    m = m.sum(j, keepdim=True) if j != i else m
                product = product * m
            return (joint * torch.log(joint / product)).sum()
    """),
    Wrong(TC, "mean-of-the-marginal-entropies", r"mean|averag|sum", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            marginals = [joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(joint.dim())]
            return torch.stack([H(m) for m in marginals]).mean() - H(joint)
    """),
    Wrong(TC, "nats-a-position", r"\bn\b|per position|a position|divid|length|mean", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            n, V = joint.dim(), joint.shape[0]
            return (sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(n)) - H(joint)) / n
    """),
    Wrong(TC, "share-of-the-marginal-entropies", r"share|divid|normal", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            alone = sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim()))
            return (alone - H(joint)) / alone
    """),
    Wrong(TC, "first-marginal-n-times", r"first|own marginal|each position|every position", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            first = joint.reshape(joint.shape[0], -1).sum(1)
            return joint.dim() * H(first) - H(joint)
    """),
    Wrong(TC, "first-against-the-rest", r"first|rest|each position|every position|all positions", """
        def total_correlation(joint):
            if joint.dim() == 1:
                return torch.zeros(())
            H = lambda p: torch.special.entr(p).sum()
            return H(joint.flatten(1).sum(1)) + H(joint.sum(0)) - H(joint)
    """),
    Wrong(TC, "dual-total-correlation", r"dual|given (all )?the (others|rest)|conditional|sums? out|other", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            # H(X) less what each position has for itself, H(X^i | all others)
            return H(joint) - sum(H(joint) - H(joint.sum(i)) for i in range(joint.dim()))
    """),
    Wrong(TC, "pairs-of-positions", r"pair", """
        from itertools import combinations

        def total_correlation(joint):
            n = joint.dim()
            H = lambda p: torch.special.entr(p).sum()
            keep = lambda *dims: torch.einsum(joint, list(range(n)), list(dims))
            return sum((H(keep(i)) + H(keep(j)) - H(keep(i, j)) for i, j in combinations(range(n), 2)),
                       torch.tensor(0.0))
    """),
    Wrong(TC, "neighbours-only", r"neighbour|adjacent|pair", """
        def total_correlation(joint):
            n = joint.dim()
            H = lambda p: torch.special.entr(p).sum()
            keep = lambda *dims: torch.einsum(joint, list(range(n)), list(dims))
            total = torch.tensor(0.0)
            for i in range(n - 1):
                total = total + H(keep(i)) + H(keep(i + 1)) - H(keep(i, i + 1))
            return total
    """),
    Wrong(TC, "marginal-entropies-only", r"H\(X\)|joint|subtract", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim()))
    """),
    Wrong(TC, "joint-entropy-only", r"H\(X\)|joint|entropy", """
        def total_correlation(joint):
            return torch.special.entr(joint).sum()
    """),
    Wrong(TC, "divergence-swapped", r"swap|exchang|other way|argument", """
        def total_correlation(joint):
            product = torch.ones_like(joint)
            for i in range(joint.dim()):
                m = joint
                for j in range(joint.dim()):
                    m = m.sum(j, keepdim=True) if j != i else m
                product = product * m
            return (torch.special.xlogy(product, product) - torch.special.xlogy(product, joint)).sum()
    """),
    Wrong(TC, "divergence-swapped-zeros-left-out", r"swap|exchang|other way|argument|product", """
        def total_correlation(joint):
            product = torch.ones_like(joint)
            for i in range(joint.dim()):
                m = joint
                for j in range(joint.dim()):
                    m = m.sum(j, keepdim=True) if j != i else m
                product = product * m
            keep = joint > 0
            return (product[keep] * (product[keep] / joint[keep]).log()).sum()
    """),
    Wrong(TC, "flat-marginals", r"uniform|flat|log V|log\(V|marginal", """
        def total_correlation(joint):
            return np.log(joint.numel()) - torch.special.entr(joint).sum()
    """),
    Wrong(TC, "log-without-the-weight", None, """
        def total_correlation(joint):
            H = lambda p: -p[p > 0].log().sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "mean-over-the-table", r"mean|averag|sum", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).mean()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "last-position-left-out", r"left out|last|every position|each position|all positions", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim() - 1)) - H(joint)
    """),
    Wrong(TC, "counted-from-one", None, """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(1, joint.dim())) - H(joint)
    """),
    Wrong(TC, "coarse-eps", None, """
        def total_correlation(joint):
            H = lambda p: -(p * (p + 1e-2).log()).sum()
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "empty-list-of-dimensions", r"n = 1|one position|empty|nothing to sum|single", """
        def total_correlation(joint):
            n = joint.dim()
            H = lambda p: torch.special.entr(p).sum()
            return sum(H(joint.sum([j for j in range(n) if j != i])) for i in range(n)) - H(joint)
    """),
    Wrong(TC, "flatten-fails-for-one-position", r"n = 1|one position|nothing to sum|single", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            return sum(H(joint.movedim(i, 0).flatten(1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "one-number-a-position", r"shape", """
        def total_correlation(joint):
            V = joint.shape[0]
            marginals = torch.stack([joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(joint.dim())])
            return torch.special.entr(marginals).sum(1) - torch.special.entr(joint).sum()
    """),
    Wrong(TC, "shape-of-one", r"shape", """
        def total_correlation(joint):
            V = joint.shape[0]
            H = lambda p: torch.special.entr(p).sum()
            out = torch.zeros(1)
            for i in range(joint.dim()):
                out += H(joint.movedim(i, 0).reshape(V, -1).sum(1))
            return out - H(joint)
    """),
    Wrong(TC, "entropy-of-the-rows", r"shape", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum(-1)
            V = joint.shape[0]
            return sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "list-for-tensor", r"a list", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            return [float(sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint))]
    """),
    Wrong(TC, "forgotten-return", r"return statement", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            V = joint.shape[0]
            tc = sum(H(joint.movedim(i, 0).reshape(V, -1).sum(1)) for i in range(joint.dim())) - H(joint)
    """),
    Wrong(TC, "writes-into-the-table", r"in place", """
        def total_correlation(joint):
            V = joint.shape[0]
            marginals = [joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(joint.dim())]
            joint[joint == 0] = 1
            return sum(torch.special.entr(m).sum() for m in marginals) + (joint * joint.log()).sum()
    """),

    # ---- 04-3
    Wrong(BAYES, "naive-bayes", r"naive|independent|together|one by one|one at a time|jointly", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = []
            for i in range(n):
                if xt[i] != mask_id:
                    rows.append(torch.eye(V, dtype=joint.dtype)[xt[i]])
                    continue
                alone = torch.einsum(joint, list(range(n)), [i])
                w = alone.clone()
                for k in range(n):
                    if k != i and xt[k] != mask_id:
                        pair = torch.einsum(joint, list(range(n)), [i, k])
                        w = w * pair[:, xt[k]] / alone.clamp(min=1e-30)
                rows.append(w / w.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "product-of-experts", None, """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = torch.eye(V, dtype=joint.dtype)[torch.where(xt == mask_id, 0, xt)]
            for i in range(n):
                if xt[i] == mask_id:
                    w = torch.einsum(joint, list(range(n)), [i])
                    for k in range(n):
                        if xt[k] != mask_id:
                            pair = torch.einsum(joint, list(range(n)), [i, k])[:, xt[k]]
                            w = w * pair / pair.sum()
                    rows[i] = w / w.sum()
            return rows
    """),
    Wrong(BAYES, "mean-of-the-experts", None, """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = torch.zeros(n, V, dtype=joint.dtype)
            visible = [k for k in range(n) if xt[k] != mask_id]
            for i in range(n):
                if i in visible:
                    rows[i, xt[i]] = 1
                elif not visible:
                    rows[i] = torch.einsum(joint, list(range(n)), [i])
                else:
                    for k in visible:
                        pair = torch.einsum(joint, list(range(n)), [i, k])[:, xt[k]]
                        rows[i] += pair / pair.sum() / len(visible)
            return rows
    """),
    Wrong(BAYES, "left-only", r"left", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table, rows = joint.clone(), []
            for i in range(n):
                if xt[i] != mask_id:
                    keep = torch.arange(V) == xt[i]
                    table = table * keep.view([V if k == i else 1 for k in range(n)])
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.append(row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "right-only", r"right", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table, rows = joint.clone(), []
            for i in reversed(range(n)):
                if xt[i] != mask_id:
                    keep = torch.arange(V) == xt[i]
                    table = table * keep.view([V if k == i else 1 for k in range(n)])
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.insert(0, row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "neighbours-only", r"neighbour|adjacent|every visible|all visible", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = []
            for i in range(n):
                table = joint
                for k in (i - 1, i, i + 1):
                    if 0 <= k < n and xt[k] != mask_id:
                        keep = torch.arange(V) == xt[k]
                        table = table * keep.view([V if d == k else 1 for d in range(n)])
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.append(row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "first-visible-only", r"every visible|all visible|first|only one|single", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
                    break
            table = table / table.sum()
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            seen = xt != mask_id
            rows[seen] = torch.eye(V, dtype=joint.dtype)[xt[seen]]
            return rows
    """),
    Wrong(BAYES, "mask-taken-for-a-symbol", r"mask taken for a symbol", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                keep = torch.arange(V) == xt[k]
                table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "indexed-with-the-mask", r"raised IndexError", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = []
            for i in range(n):
                others = tuple(slice(None) if k == i else int(xt[k]) for k in range(n))
                row = joint[others]
                rows.append(row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "mask-is-always-V", r"mask_id .*V", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != V:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "what-is-below-mask-id-is-visible", r"mask_id is|compare", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] < mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "V-and-above-is-masked", r"mask_id is|compare", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = torch.zeros_like(joint)
            place = tuple(slice(None) if x >= V else int(x) for x in xt)
            table[place] = joint[place]
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "unnormalised", r"sum to 1|normalis|divid|denominator", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "divided-by-the-largest", r"sum to 1|normalis|divid|denominator", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            return rows / rows.max(1, keepdim=True).values
    """),
    Wrong(BAYES, "normalised-over-positions", r"sum to 1|normalis|row|dimension", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            return rows / (rows.sum(0) + 1e-30)
    """),
    Wrong(BAYES, "softmax-of-the-weights", r"softmax|divid|exponential", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            return rows.softmax(-1)
    """),
    Wrong(BAYES, "visible-rows-left-at-zero", r"visible|one-hot", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            hidden = [i for i in range(n) if xt[i] == mask_id]
            part = joint[tuple(slice(None) if i in hidden else int(xt[i]) for i in range(n))]
            rows = torch.zeros(n, V, dtype=joint.dtype)
            for d, i in enumerate(hidden):
                row = part.movedim(d, 0).reshape(V, -1).sum(1)
                rows[i] = row / row.sum()
            return rows
    """),
    Wrong(BAYES, "visible-rows-uniform", r"visible|one-hot", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            hidden = [i for i in range(n) if xt[i] == mask_id]
            part = joint[tuple(slice(None) if i in hidden else int(xt[i]) for i in range(n))]
            rows = torch.ones(n, V, dtype=joint.dtype) / V
            for d, i in enumerate(hidden):
                row = part.movedim(d, 0).reshape(V, -1).sum(1)
                rows[i] = row / row.sum()
            return rows
    """),
    Wrong(BAYES, "visible-rows-from-the-others", r"visible|one-hot|itself|own", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = []
            for i in range(n):
                table = joint
                for k in range(n):
                    if k != i and xt[k] != mask_id:
                        keep = torch.arange(V) == xt[k]
                        table = table * keep.view([V if d == k else 1 for d in range(n)])
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.append(row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "visible-rows-unconditional", r"visible|one-hot", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            hidden = [i for i in range(n) if xt[i] == mask_id]
            part = joint[tuple(slice(None) if i in hidden else int(xt[i]) for i in range(n))]
            rows = torch.stack([joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            for d, i in enumerate(hidden):
                row = part.movedim(d, 0).reshape(V, -1).sum(1)
                rows[i] = row / row.sum()
            return rows
    """),
    Wrong(BAYES, "marginals-of-the-language", r"visible|condition|ignor", """
        def bayes_denoiser(joint, xt, mask_id):
            V = joint.shape[0]
            return torch.stack([joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(joint.dim())])
    """),
    Wrong(BAYES, "each-position-by-itself", r"visible|condition|ignor|other positions|reads|by itself", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = torch.stack([joint.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            for i in range(n):
                if xt[i] != mask_id:
                    rows[i] = 0
                    rows[i, xt[i]] = 1
            return rows
    """),
    Wrong(BAYES, "most-probable-symbol", r"argmax|most (probable|likely)|largest|likeliest", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            return torch.nn.functional.one_hot(rows.argmax(1), V).double()
    """),
    Wrong(BAYES, "most-probable-sequence", r"argmax|most (probable|likely)|largest|likeliest", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            best = np.unravel_index(int(table.argmax()), table.shape)
            return torch.eye(V)[torch.tensor(best)]
    """),
    Wrong(BAYES, "largest-instead-of-the-sum", r"largest|likeliest.*add up", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).amax(1) for i in range(n)])
            return rows / rows.sum(1, keepdim=True)
    """),
    Wrong(BAYES, "logarithms-returned", r"\blog", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)]).log()
    """),
    Wrong(BAYES, "any-visible-token-suffices", r"every visible|all|any\b", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            agree = torch.zeros(joint.shape, dtype=torch.bool)
            for k in range(n):
                if xt[k] != mask_id:
                    agree |= (torch.arange(V) == xt[k]).view([V if d == k else 1 for d in range(n)])
            if (xt == mask_id).all():
                agree[...] = True
            table = joint * agree
            table = table / table.sum()
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            seen = xt != mask_id
            rows[seen] = torch.eye(V, dtype=joint.dtype)[xt[seen]]
            return rows
    """),
    Wrong(BAYES, "sequences-counted-not-weighed", r"p\(X\)|weigh|count|probabilit", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = (joint > 0).double()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "guesses-fed-back", r"guess|fill|visible tokens|feed|fed", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            rows = []
            for i in range(n):
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.append(row / row.sum())
                keep = torch.arange(V) == row.argmax()
                table = table * keep.view([V if d == i else 1 for d in range(n)])
            return torch.stack(rows)
    """),
    Wrong(BAYES, "coarse-eps", None, """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = (torch.arange(V) == xt[k]) + 1e-2
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "transposed", r"shape|transpos", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)], dim=1)
    """),
    Wrong(BAYES, "three-positions-by-name", r"raised|n = 3|three|length", """
        def bayes_denoiser(joint, xt, mask_id):
            a, b, c = [slice(None) if x == mask_id else [int(x)] for x in xt]
            table = torch.zeros_like(joint)
            table[a] += 1
            table[:, b] += 1
            table[:, :, c] += 1
            table = joint * (table == 3)
            table /= table.sum()
            return torch.stack([table.sum((1, 2)), table.sum((0, 2)), table.sum((0, 1))])
    """),
    Wrong(BAYES, "column-for-the-mask", r"shape", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
            return torch.nn.functional.pad(rows, (0, 1))
    """),
    Wrong(BAYES, "rows-of-the-masked-only", r"shape", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            hidden = [i for i in range(n) if xt[i] == mask_id]
            part = joint[tuple(slice(None) if i in hidden else int(xt[i]) for i in range(n))]
            part = part / part.sum()
            rows = torch.zeros(len(hidden), V)
            for d in range(len(hidden)):
                rows[d] = part.movedim(d, 0).reshape(V, -1).sum(1)
            return rows
    """),
    Wrong(BAYES, "integers", r"dtype|integer", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            rows = torch.zeros((n, V), dtype=torch.long)
            part = joint[tuple(slice(None) if x == mask_id else slice(int(x), int(x) + 1) for x in xt)]
            for i in range(n):
                row = part.movedim(i, 0).flatten(1).sum(1) if n > 1 else part
                rows[i] = row / row.sum() if xt[i] == mask_id else torch.arange(V) == xt[i]
            return rows
    """),
    Wrong(BAYES, "list-for-tensor", r"a list", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            return [table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)]
    """),
    Wrong(BAYES, "forgotten-return", r"return statement", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint.clone()
            for k in range(n):
                if xt[k] != mask_id:
                    keep = torch.arange(V) == xt[k]
                    table = table * keep.view([V if d == k else 1 for d in range(n)])
            table = table / table.sum()
            rows = torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),
    Wrong(BAYES, "writes-into-the-table", r"in place", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = joint.dim(), joint.shape[0]
            table = joint                                   # no copy
            for k in range(n):
                if xt[k] != mask_id:
                    for v in range(V):
                        if v != xt[k]:
                            table.movedim(k, 0)[v] = 0
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(V, -1).sum(1) for i in range(n)])
    """),

    # ---- 04-4
    Wrong(KL, "over-whole-sequences", r"long", """
        def sequence_kl(posterior, model):
            def whole(factors):                             # (n, K) -> (K ** n,)
                p = factors[0]
                for f in factors[1:]:
                    p = torch.outer(p, f).flatten()
                return p

            out = []
            for q, p in zip(posterior, model):
                q, p = whole(q), whole(p)
                keep = q > 0
                out.append((q[keep] * (q[keep] / p[keep]).log()).sum())
            return torch.stack(out)
    """),
    Wrong(KL, "mean-over-positions", r"mean|averag|divid|sum over", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum(-1).mean(-1)
    """),
    Wrong(KL, "mean-over-states", r"mean|averag|divid", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.mean(-1).sum(-1)
    """),
    Wrong(KL, "mean-over-both", r"mean|averag|divid", """
        def sequence_kl(posterior, model):
            return torch.nn.functional.kl_div(model.log(), posterior, reduction="none").mean(dim=(1, 2))
    """),
    Wrong(KL, "arguments-swapped", r"swap|exchang|other way|argument", """
        def sequence_kl(posterior, model):
            return (model * (model.log() - posterior.log())).sum((1, 2))
    """),
    Wrong(KL, "arguments-swapped-clamped", r"swap|exchang|other way|argument|KL\(model|KL\(p", """
        def sequence_kl(posterior, model):
            return (model * (model.log() - posterior.clamp(min=1e-12).log())).sum((1, 2))
    """),
    Wrong(KL, "arguments-swapped-zeros-left-out", r"swap|exchang|other way|argument|KL\(model|KL\(p", """
        def sequence_kl(posterior, model):
            terms = model * (model.log() - posterior.log())
            return torch.where(posterior > 0, terms, 0.0).sum((1, 2))
    """),
    Wrong(KL, "arguments-of-kl-div-exchanged", r"swap|exchang|other way|argument|kl_div", """
        import torch.nn.functional as F

        def sequence_kl(posterior, model):
            return F.kl_div(posterior.log(), model, reduction="none").sum(dim=(1, 2))
    """),
    Wrong(KL, "kl-div-without-the-log", r"\blog|kl_div", """
        import torch.nn.functional as F

        def sequence_kl(posterior, model):
            return F.kl_div(model, posterior, reduction="none").sum(dim=(1, 2))
    """),
    Wrong(KL, "cross-entropy", r"cross.entropy|entropy", """
        def sequence_kl(posterior, model):
            return -(posterior * model.log()).sum((1, 2))
    """),
    Wrong(KL, "entropy-with-the-wrong-sign", r"sign|entropy|minus|subtract", """
        def sequence_kl(posterior, model):
            cross_entropy = -(posterior * model.log()).sum((1, 2))
            return cross_entropy + torch.special.entr(posterior).sum((1, 2))
    """),
    Wrong(KL, "difference-of-entropies", None, """
        def sequence_kl(posterior, model):
            return (torch.special.entr(model) - torch.special.entr(posterior)).sum((1, 2))
    """),
    Wrong(KL, "nan-at-zero", r"NaN|0 log 0", """
        def sequence_kl(posterior, model):
            return (posterior * (posterior / model).log()).sum((1, 2))
    """),
    Wrong(KL, "bits", r"bits|log2|nats|base", """
        def sequence_kl(posterior, model):
            return torch.nansum(posterior * torch.log2(posterior / model), dim=(1, 2))
    """),
    Wrong(KL, "negative", r"sign|minus|negative", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return -kl.sum((1, 2))
    """),
    Wrong(KL, "product-over-positions", r"product|multipl|sum", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum(-1).prod(-1)
    """),
    Wrong(KL, "largest-over-positions", None, """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum(-1).max(-1).values
    """),
    Wrong(KL, "last-position-only", r"every position|all positions|last|each position", """
        def sequence_kl(posterior, model):
            for i in range(posterior.shape[1]):
                q, p = posterior[:, i], model[:, i]
                kl = (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
            return kl
    """),
    Wrong(KL, "ratio-not-weighed", r"weigh|expect|posterior", """
        def sequence_kl(posterior, model):
            log_ratio = posterior.clamp(min=1e-12).log() - model.log()
            return log_ratio.sum((1, 2))
    """),
    Wrong(KL, "posterior-for-one-token", r"argmax|most (probable|likely)|whole|all states|every state|one state", """
        def sequence_kl(posterior, model):
            best = posterior.argmax(-1, keepdim=True)
            return -model.gather(-1, best).log().squeeze(-1).sum(-1)
    """),
    Wrong(KL, "taken-for-logits", r"softmax|logits|probabilit", """
        def sequence_kl(posterior, model):
            log_model = model.log_softmax(-1)
            return (torch.special.xlogy(posterior, posterior) - posterior * log_model).sum((1, 2))
    """),
    Wrong(KL, "mean-distribution-of-the-positions", None, """
        def sequence_kl(posterior, model):
            q, p = posterior.mean(1), model.mean(1)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum(-1)
    """),
    Wrong(KL, "symmetrised", r"symmetri|both directions|swap|other way", """
        def sequence_kl(posterior, model):
            q, p = posterior.clamp(min=1e-12), model
            return 0.5 * ((q - p) * (q.log() - p.log())).sum((1, 2))
    """),
    Wrong(KL, "zeros-throw-the-position-away", r"zero|\b0\b", """
        def sequence_kl(posterior, model):
            kl = (posterior * (posterior / model).log()).sum(-1)
            return kl.nan_to_num(0).sum(-1)
    """),
    Wrong(KL, "square-distance", None, """
        def sequence_kl(posterior, model):
            return (posterior - model).square().sum((1, 2))
    """),
    Wrong(KL, "absolute-terms", r"absolute|sign", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.abs().sum((1, 2))
    """),
    Wrong(KL, "states-and-positions-exchanged", None, """
        def sequence_kl(posterior, model):
            q = posterior / posterior.sum(1, keepdim=True).clamp(min=1e-12)
            p = model / model.sum(1, keepdim=True)
            return (torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum((1, 2))
    """),
    Wrong(KL, "one-number-a-position", r"shape", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum(-1)
    """),
    Wrong(KL, "batchmean", r"shape", """
        import torch.nn.functional as F

        def sequence_kl(posterior, model):
            return F.kl_div(model.log(), posterior, reduction="batchmean")
    """),
    Wrong(KL, "summed-over-the-batch", r"shape", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum((0, 2))
    """),
    Wrong(KL, "column-for-vector", r"shape", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum(-1).sum(-1, keepdim=True)
    """),
    Wrong(KL, "list-for-tensor", r"a list", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return kl.sum((1, 2)).tolist()
    """),
    Wrong(KL, "forgotten-return", r"return statement", """
        def sequence_kl(posterior, model):
            kl = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            kl.sum((1, 2))
    """),
    Wrong(KL, "writes-into-the-posterior", r"in place", """
        def sequence_kl(posterior, model):
            posterior[posterior == 0] = 1e-30
            return (posterior * (posterior / model).log()).sum((1, 2))
    """),
    Wrong(KL, "logarithm-of-math", r"raised", """
        import math

        def sequence_kl(posterior, model):
            return (posterior * math.log(posterior / model)).sum((1, 2))
    """),

    # ---- 04-5
    Wrong(ORDERED, "reveal-before-predicting", r"reveal|before|first predict|already", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                xt[i] = x0[i]
                nll = nll - denoiser(xt)[i, x0[i]].log()
            return nll
    """),
    Wrong(ORDERED, "left-to-right", r"left|order", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in range(len(x0)):
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "order-reversed", r"revers|backward|opposite|last", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in reversed(order):
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "masks-in-this-order", r"revers|backward|opposite|mask", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0.clone()
            nll = torch.tensor(0.0)
            for i in order:
                xt[i] = mask_id
                nll = nll - denoiser(xt)[i, x0[i]].log()
            return nll
    """),
    Wrong(ORDERED, "inverse-permutation", r"inverse|argsort|rank|order\[", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in torch.tensor(order).argsort().tolist():
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "all-from-masks-only", r"masks|reveal|visible|parallel", """
        def ordered_nll(denoiser, x0, order, mask_id):
            probs = denoiser(torch.full_like(x0, mask_id))
            return -probs[order, x0[order]].log().sum()
    """),
    Wrong(ORDERED, "nothing-revealed", r"masks|reveal|visible|parallel", """
        def ordered_nll(denoiser, x0, order, mask_id):
            nll = 0.0
            for i in order:
                xt = torch.full_like(x0, mask_id)
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "all-others-visible", r"pseudo|all\*? (the )?others?|every other|later", """
        def ordered_nll(denoiser, x0, order, mask_id):
            nll = 0.0
            for i in order:
                xt = x0.clone()
                xt[i] = mask_id
                nll = nll - denoiser(xt)[i, x0[i]].log()
            return nll
    """),
    Wrong(ORDERED, "everything-visible", r"visible|reveal|already|masks", """
        def ordered_nll(denoiser, x0, order, mask_id):
            probs = denoiser(x0)
            return -sum(probs[i, x0[i]].log() for i in order)
    """),
    Wrong(ORDERED, "last-revealed-only", r"all|previous|last|earlier|forg[eo]t|keep", """
        def ordered_nll(denoiser, x0, order, mask_id):
            nll = 0.0
            for j, i in enumerate(order):
                xt = torch.full_like(x0, mask_id)
                if j > 0:
                    xt[order[j - 1]] = x0[order[j - 1]]
                nll = nll - denoiser(xt)[i, x0[i]].log()
            return nll
    """),
    Wrong(ORDERED, "guess-revealed", r"true token|guess|argmax|most (likely|probable)|truth|x0", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                probs = denoiser(xt)
                nll = nll - probs[i, x0[i]].log()
                xt[i] = probs[i].argmax()
            return nll
    """),
    Wrong(ORDERED, "pays-for-the-guess", r"true (token|one)|guess|argmax|likeliest|truth|largest", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i].max().log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "entropy-of-the-row", r"true token|entropy", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll + torch.special.entr(denoiser(xt)[i]).sum()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "step-number-for-position-in-the-row", r"order\[|order|row|position", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for j, i in enumerate(order):
                nll = nll - denoiser(xt)[j, x0[j]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "step-number-for-position-in-the-reveal", r"order\[|order|reveal|left", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for j, i in enumerate(order):
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[j] = x0[j]
            return nll
    """),
    Wrong(ORDERED, "token-of-the-step", None, """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for j, i in enumerate(order):
                nll = nll - denoiser(xt)[i, x0[j]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "negative", r"sign|minus|negative|-log p", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            log_p = 0.0
            for i in order:
                log_p = log_p + denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return log_p
    """),
    Wrong(ORDERED, "bits", r"bits|log2|nats|base", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log2()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "mean-over-positions", r"mean|averag|divid", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll / len(order)
    """),
    Wrong(ORDERED, "product-without-the-log", r"\blog", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            p = 1.0
            for i in order:
                p = p * denoiser(xt)[i, x0[i]]
                xt[i] = x0[i]
            return p
    """),
    Wrong(ORDERED, "sum-without-the-log", r"\blog", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]]
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "log-of-the-sum", r"log of (the|a) sum|sum of|product", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            p = 0.0
            for i in order:
                p = p + denoiser(xt)[i, x0[i]]
                xt[i] = x0[i]
            return -p.log()
    """),
    Wrong(ORDERED, "taken-for-logits", r"softmax|logits|probabilit", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt).log_softmax(-1)[i, x0[i]]
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "cross-entropy-of-torch", r"softmax|logits|probabilit", """
        import torch.nn.functional as F

        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll + F.cross_entropy(denoiser(xt)[i], x0[i])
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "every-masked-position-in-every-step", r"one position|next position|all (the )?mask|only", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for j, i in enumerate(order):
                probs = denoiser(xt)
                for k in order[j:]:
                    nll = nll - probs[k, x0[k]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "first-token-free", r"first", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            xt[order[0]] = x0[order[0]]
            nll = 0.0
            for i in order[1:]:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "last-token-only", r"last|every|each|sum|all", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            for i in order:
                nll = -denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "return-in-the-loop", r"first|every|each|sum|all", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
                return nll
    """),
    Wrong(ORDERED, "zeros-for-masks", r"mask_id", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.zeros_like(x0)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "minus-one-for-masks", r"mask_id", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = -torch.ones_like(x0)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "number-of-symbols-for-masks", r"mask_id", """
        def ordered_nll(denoiser, x0, order, mask_id):
            V = denoiser(x0).shape[-1]
            xt = torch.full_like(x0, V)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "starts-from-the-text", r"mask|visible|reveal|already", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0.clone()
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "mean-over-all-orders", r"order", """
        from itertools import permutations

        def ordered_nll(denoiser, x0, order, mask_id):
            total, count = 0.0, 0
            for sigma in permutations(range(len(x0))):
                xt = torch.full_like(x0, mask_id)
                for i in sigma:
                    total = total - denoiser(xt)[i, x0[i]].log()
                    xt[i] = x0[i]
                count += 1
            return total / count
    """),
    Wrong(ORDERED, "two-tokens-a-step", r"one (position|token)|at a time|each|visible|reveal", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for j in range(0, len(order), 2):
                probs = denoiser(xt)
                for i in order[j:j + 2]:
                    nll = nll - probs[i, x0[i]].log()
                    xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "clamped-loss", None, """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - (denoiser(xt)[i, x0[i]] + 0.05).log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "one-loss-a-step", r"shape", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            losses = []
            for i in order:
                losses.append(-denoiser(xt)[i, x0[i]].log())
                xt[i] = x0[i]
            return torch.stack(losses)
    """),
    Wrong(ORDERED, "whole-row", r"shape", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "list-for-tensor", r"a list", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            losses = []
            for i in order:
                losses.append(-float(denoiser(xt)[i, x0[i]].log()))
                xt[i] = x0[i]
            return losses
    """),
    Wrong(ORDERED, "forgotten-return", r"return statement", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            for i in order:
                nll -= denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
    """),
    Wrong(ORDERED, "masks-the-text-itself", r"in place", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0
            nll = 0.0
            for i in reversed(order):
                token = int(x0[i])
                xt[i] = mask_id
                nll = nll - denoiser(xt)[i, token].log()
            return nll
    """),
    Wrong(ORDERED, "text-masked-before-it-is-read", r"raised|in place", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0
            xt[:] = mask_id
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "order-used-up", r"in place", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full_like(x0, mask_id)
            nll = 0.0
            while order:
                i = order.pop(0)
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "batch-dimension-added", r"raised|shape", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = torch.full((1, len(x0)), mask_id)
            nll = 0.0
            for i in order:
                nll = nll - denoiser(xt)[0, i, x0[i]].log()
                xt[0, i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "minus-log-of-the-product-float32", r"underflow", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt = x0 * 0 + mask_id
            p = torch.ones(())
            for i in order:
                p = p * denoiser(xt)[i, x0[i]].float()
                xt[i] = x0[i]
            return -p.log()
    """),
    Wrong(ORDERED, "minus-log-of-the-product", r"underflow", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt, p = torch.full_like(x0, mask_id), 1.0
            for i in order:
                p = p * denoiser(xt)[i, x0[i]].double()
                xt[i] = x0[i]
            return -p.log()
    """),
    Wrong(ORDERED, "clamped-at-1e-12", r"small probabilities count", """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt, nll = torch.full_like(x0, mask_id), 0.0
            for i in order:
                nll = nll - denoiser(xt)[i, x0[i]].clamp(min=1e-12).log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "eps-of-1e-8", None, """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt, nll = torch.full_like(x0, mask_id), 0.0
            for i in order:
                nll = nll - (denoiser(xt)[i, x0[i]] + 1e-8).log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "four-steps-at-most", None, """
        def ordered_nll(denoiser, x0, order, mask_id):
            xt, nll = torch.full_like(x0, mask_id), 0.0
            for i in order[:4]:
                nll = nll - denoiser(xt)[i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(FORWARD, "clamped-at-minus-60", r"inf", """
        def forward_log_prob(matrix, x0, xt):
            return matrix[xt, x0].log().clamp(min=-60).sum(-1)
    """),
    Wrong(FORWARD, "rare-steps-clamped", r"small probabilities count", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix[xt, x0]
            return torch.where(p > 0, p.clamp(min=1e-12), p).log().sum(-1)
    """),
    Wrong(FORWARD, "rare-steps-taken-for-impossible", r"small probabilities count", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix[xt, x0]
            return torch.where(p > 1e-8, p, 0.0).log().sum(-1)
    """),
    Wrong(FORWARD, "first-matrix-kept", None, """
        kept = {}

        def forward_log_prob(matrix, x0, xt):
            logs = kept.setdefault(len(matrix), matrix.log())
            return logs[xt, x0].sum(-1)
    """),
    Wrong(FORWARD, "chunks-multiplied", r"underflow", """
        def forward_log_prob(matrix, x0, xt):
            parts = matrix[xt, x0].float().split(8, dim=1)
            return torch.stack([part.prod(1).log() for part in parts]).sum(0)
    """),
    Wrong(FORWARD, "float64-by-hand", r"float32", """
        def forward_log_prob(matrix, x0, xt):
            K = matrix.shape[0]
            eye = torch.eye(K, dtype=torch.float64)
            return ((eye[xt] @ matrix) * eye[x0]).sum(-1).log().sum(-1)
    """),
    Wrong(TC, "cut-off-at-1e-5", r"small probabilities count", """
        def total_correlation(joint):
            H = lambda p: -(p[p > 1e-5] * p[p > 1e-5].log()).sum()
            one = [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]
            return sum(H(p) for p in one) - H(joint)
    """),
    Wrong(TC, "clamped-at-1e-5", r"small probabilities count", """
        def total_correlation(joint):
            H = lambda p: -(p * p.clamp(min=1e-5).log()).sum()
            one = [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]
            return sum(H(p) for p in one) - H(joint)
    """),
    Wrong(TC, "eps-of-1e-8", r"small probabilities count", """
        def total_correlation(joint):
            H = lambda p: -(p * (p + 1e-8).log()).sum()
            one = [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]
            return sum(H(p) for p in one) - H(joint)
    """),
    Wrong(TC, "at-most-four-positions", r"any number of dimensions", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            one = [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]
            return sum(H(p) for p in one[:4]) - H(joint)
    """),
    Wrong(BAYES, "two-visible-tokens-at-most", r"first two visible", """
        def bayes_denoiser(joint, xt, mask_id):
            table = joint.clone()
            seen = [i for i in range(len(xt)) if xt[i] != mask_id]
            for i in seen[:2]:
                away = torch.arange(len(joint)) != xt[i]
                table.movedim(i, 0)[away] = 0
            rows = torch.stack([table.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(len(xt))])
            rows = rows / rows.sum(-1, keepdim=True)
            for i in seen:
                rows[i] = torch.eye(len(joint), dtype=rows.dtype)[xt[i]]
            return rows
    """),
    Wrong(BAYES, "window-of-two", r"distance of at most two", """
        def bayes_denoiser(joint, xt, mask_id):
            n, V = len(xt), len(joint)
            rows = []
            for i in range(n):
                table = joint.clone()
                for j in range(max(i - 2, 0), min(i + 3, n)):
                    if xt[j] != mask_id:
                        table.movedim(j, 0)[torch.arange(V) != xt[j]] = 0
                row = table.movedim(i, 0).reshape(V, -1).sum(1)
                rows.append(row / row.sum())
            return torch.stack(rows)
    """),
    Wrong(BAYES, "eps-of-1e-12-below-the-line", r"small probabilities count", """
        def bayes_denoiser(joint, xt, mask_id):
            table = joint.clone()
            for i in range(len(xt)):
                if xt[i] != mask_id:
                    table.movedim(i, 0)[torch.arange(len(joint)) != xt[i]] = 0
            table = table / (table.sum() + 1e-12)
            return torch.stack([table.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(len(xt))])
    """),
    Wrong(BAYES, "table-cut-off-at-1e-10", r"small probabilities count", """
        def bayes_denoiser(joint, xt, mask_id):
            table = joint * (joint > 1e-10)
            for i in range(len(xt)):
                if xt[i] != mask_id:
                    table.movedim(i, 0)[torch.arange(len(joint)) != xt[i]] = 0
            table = table / table.sum()
            return torch.stack([table.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(len(xt))])
    """),
    # A near miss: the sequences are not counted, each masked row is simply uniform.
    Wrong(BAYES, "masked-rows-uniform", r"^(?!.*counted).*uniform", """
        def bayes_denoiser(joint, xt, mask_id):
            V = len(joint)
            rows = torch.full((len(xt), V), 1 / V, dtype=joint.dtype)
            for i in range(len(xt)):
                if xt[i] != mask_id:
                    rows[i] = torch.eye(V, dtype=joint.dtype)[xt[i]]
            return rows
    """),
    Wrong(KL, "certain-positions-left-out", r"^(?!.*term with q).*position counts", """
        def sequence_kl(posterior, model):
            terms = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return (terms.sum(-1) * (posterior.amax(-1) < 1)).sum(-1)
    """),
    Wrong(KL, "model-clamped-at-1e-8", r"small probabilities count", """
        def sequence_kl(posterior, model):
            terms = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model.clamp(min=1e-8))
            return terms.sum((1, 2))
    """),
    Wrong(KL, "eps-of-1e-12", r"small probabilities count", """
        def sequence_kl(posterior, model):
            return (posterior * ((posterior + 1e-12) / (model + 1e-12)).log()).sum((1, 2))
    """),
    Wrong(KL, "sum-over-the-first-two-dimensions", r"shape", """
        def sequence_kl(posterior, model):
            terms = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return terms.sum((0, 1))
    """),
    Wrong(KL, "small-terms-left-out", r"small probabilities count", """
        def sequence_kl(posterior, model):
            terms = posterior * (posterior.clamp(min=1e-3) / model.clamp(min=1e-3)).log()
            return terms.sum((1, 2))
    """),
    Wrong(ORDERED, "predictions-kept-by-state", r"keep nothing", """
        kept = {}

        def ordered_nll(denoiser, x0, order, mask_id):
            xt, nll = torch.full_like(x0, mask_id), 0.0
            for i in order:
                state = tuple(xt.tolist())
                if state not in kept:
                    kept[state] = denoiser(xt)
                nll = nll - kept[state][i, x0[i]].log()
                xt[i] = x0[i]
            return nll
    """),
    Wrong(ORDERED, "reveals-repeats", r"every token with the same symbol", """
        def ordered_nll(denoiser, x0, order, mask_id):
            shown = torch.zeros_like(x0, dtype=torch.bool)
            total = 0.0
            for i in order:
                xt = torch.where(shown, x0, mask_id)
                total = total - torch.log(denoiser(xt)[i, x0[i]])
                shown |= x0 == x0[i]
            return total
    """),
    Wrong(FORWARD, "counts-of-uint8", r"count may be too large", """
        def forward_log_prob(matrix, x0, xt):
            K = len(matrix)
            counts = torch.zeros(len(x0), K, K, dtype=torch.uint8)
            for b in range(len(x0)):
                for a, c in zip(xt[b].tolist(), x0[b].tolist()):
                    counts[b, a, c] += 1
            return torch.xlogy(counts.to(matrix.dtype), matrix).sum((1, 2))
    """),
    Wrong(FORWARD, "kept-or-damaged", r"only whether a token stayed is", """
        def forward_log_prob(matrix, x0, xt):
            keep = matrix.diagonal()[x0]
            return torch.where(x0 == xt, keep, 1 - keep).log().sum(-1)
    """),
    Wrong(FORWARD, "rescue-too-late", r"the arguments may be float32:", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix[xt, x0]
            total = torch.zeros(p.shape[0], dtype=p.dtype)
            run = torch.ones(p.shape[0], dtype=p.dtype)
            for i in range(p.shape[1]):
                run = run * p[:, i]
                small = (run < 1e-200) & (run > 0)
                total = torch.where(small, total + run.log(), total)
                run = torch.where(small, torch.ones_like(run), run)
            return total + run.log()
    """),
    Wrong(FORWARD, "set-of-pairs", r"pairs that come up twice in", """
        import math

        def forward_log_prob(matrix, x0, xt):
            m = matrix.tolist()
            out = []
            for a_row, b_row in zip(xt.tolist(), x0.tolist()):
                pairs = {(a, b) for a, b in zip(a_row, b_row)}
                total = 0.0
                for a, b in pairs:
                    total += math.log(m[a][b]) if m[a][b] > 0 else -math.inf
                out.append(total)
            return torch.tensor(out, dtype=matrix.dtype)
    """),
    Wrong(FORWARD, "fancy-index-counts", r"pairs that come up twice in", """
        def forward_log_prob(matrix, x0, xt):
            B, n = x0.shape
            K = matrix.shape[0]
            counts = torch.zeros(B, K, K, dtype=matrix.dtype)
            rows = torch.arange(B)[:, None].expand(B, n)
            counts[rows, xt, x0] += 1
            terms = torch.where(counts > 0, counts * matrix.log(), torch.zeros_like(counts))
            return terms.sum((1, 2))
    """),
    Wrong(FORWARD, "product-in-chunks", r"small probabilities count like all", """
        def forward_log_prob(matrix, x0, xt):
            p = matrix.double()[xt, x0]
            # few logarithms: 100 doubles at a time do not underflow
            return torch.stack([c.prod(-1).log() for c in p.split(100, dim=-1)]).sum(0)
    """),
    Wrong(TC, "small-values-made-0", r"is not 0", """
        def total_correlation(joint):
            H = lambda p: torch.special.entr(p).sum()
            one = [joint.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(joint.ndim)]
            tc = sum(H(p) for p in one) - H(joint)
            return torch.where(tc < 2e-3, torch.zeros_like(tc), tc)
    """),
    Wrong(BAYES, "small-entries-made-0", r"small probabilities count", """
        def bayes_denoiser(joint, xt, mask_id):
            table = joint.clone()
            for i in range(len(xt)):
                if xt[i] != mask_id:
                    table.movedim(i, 0)[torch.arange(len(joint)) != xt[i]] = 0
            rows = torch.stack([table.movedim(i, 0).reshape(len(joint), -1).sum(1) for i in range(len(xt))])
            rows = rows / rows.sum(-1, keepdim=True)
            return torch.where(rows < 1e-2, 0.0, rows)
    """),
    Wrong(KL, "three-positions-at-most", None, """
        def sequence_kl(posterior, model):
            terms = torch.special.xlogy(posterior, posterior) - torch.special.xlogy(posterior, model)
            return terms[:, :3].sum((1, 2))
    """),
    Wrong(KL, "batchmean-2", r"this is the mean over the", """
        def sequence_kl(posterior, model):
            value = torch.nn.functional.kl_div(model.log(), posterior, reduction="batchmean")
            return value.expand(posterior.shape[0]).clone()
    """),
    Wrong(KL, "exp-prod", r"texts may be long: add", """
        def sequence_kl(posterior, model):
            log_ratio = torch.where(posterior > 0, posterior.log() - model.log(), 0.0)
            factor = torch.exp((posterior * log_ratio).sum(-1))     # the KL of a product is a product of these
            return factor.prod(-1).log()
    """),
    Wrong(KL, "crossed-einsum", r"every position of the posterior meets", """
        def sequence_kl(posterior, model):
            negative_entropy = torch.special.xlogy(posterior, posterior).sum(dim=(1, 2))
            cross = torch.einsum("bnk,bmk->b", posterior, model.log())
            return negative_entropy - cross
    """),
    Wrong(KL, "product-over-positions-2", r"the positions are multiplied to one", """
        def sequence_kl(posterior, model):
            log_q = posterior.log().sum(dim=1)
            log_p = model.log().sum(dim=1)
            log_q = log_q - log_q.logsumexp(-1, keepdim=True)
            log_p = log_p - log_p.logsumexp(-1, keepdim=True)
            q = log_q.exp()
            return torch.where(q > 0, q * (log_q - log_p), 0).sum(-1)
    """),
    Wrong(KL, "log-of-the-mean-ratio", r"logarithm and mean are exchanged, log", """
        def sequence_kl(posterior, model):
            ratio = posterior / model
            expected = torch.einsum("bnk,bnk->bn", posterior, ratio)
            return expected.log().sum(dim=1)
    """),
]


# ---------------------------------------------------------------------------------- what a wrong answer could exploit

def _sizes(shapes):
    """Of texts (batch, n, ...): B < n, B = n, B > n and B = 1."""
    return all(any(holds(*shape[:2]) for shape in shapes) for holds in (
        lambda b, n: 1 < b < n, lambda b, n: b == n, lambda b, n: b > n, lambda b, n: b == 1))


def _denoisers(cases):
    return [vars(case.args[0]).get("table", vars(case.args[0]).get("rows")) for case in cases]


def _mostly_small(cases):
    """Together they have weight, each of them has hardly any: the terms -p log p of rarer ones add up to nothing."""
    return any(joint.numel() > 10_000 and joint[joint < 1e-5].sum() > 0.01 for joint, in (case.args for case in cases))


def _rare_token_seen(cases):
    """A visible token whose probability is below 1e-12."""
    return any((joint.movedim(i, 0)[token].sum() < 1e-12)
               for joint, xt, mask_id in (case.args for case in cases)
               for i, token in enumerate(xt.tolist()) if token != mask_id)


NO_RATE = no("takes no rate", "odd rates")
ONE_LANGUAGE = no("takes no chain; three tables of one shape", "two chains", "sparse and late")
ONE_TEXT = no("takes one text", "ordinary batch", "batch sizes")

TABLE = {
    FORWARD: {
        **DRAWS_NOTHING, **NO_TIME, **NO_RATE,
        "rare mass": True, "both floats": True, "batch sizes": True,
        "ordinary batch": ("clamped",),     # one text that is impossible, and one that is not
        "letters": lambda cases: all(len(case.args[0]) == 4 for case in cases),
        "long or many": lambda cases: any(case.args[1].shape[1] > 5000 for case in cases),
        "shapes": "both texts have the shape (batch, n)",
        "two chains": ("first-matrix-kept",),
        "sparse and late": "the matrix is that of all steps",
        "large logits": "takes no logits",
        "-inf": ("clamped", "zero-where-it-cannot-happen", "clamped-at-minus-60"),
    },
    TC: {
        **DRAWS_NOTHING, **NO_TEXTS, **ONE_LANGUAGE, **NO_LOGITS, **NO_TIME, **NO_RATE,
        "rare mass": _mostly_small, "both floats": True,
        "letters": lambda cases: {len(case.args[0]) for case in cases} >= {2, 3, 4, 5},
        "long or many": "a table of V^n entries is never long; the longest here has n = 6",
        "shapes": lambda cases: {case.args[0].ndim for case in cases} >= {1, 2, 3, 4, 6},
    },
    BAYES: {
        **DRAWS_NOTHING, **ONE_TEXT, **ONE_LANGUAGE, **NO_LOGITS, **NO_TIME, **NO_RATE,
        "rare mass": _rare_token_seen, "both floats": True,
        "letters": lambda cases: any(len(joint) == 4 and joint.ndim == 5 for joint, *_ in (c.args for c in cases)),
        "long or many": "a table of V^n entries is never long; four visible tokens: two-visible-tokens-at-most",
        "shapes": "one text of the shape (n,); n = 3, 4 and 5",
    },
    KL: {
        **DRAWS_NOTHING, **NO_CHAIN, **NO_TIME, **NO_LOGITS, **NO_RATE,
        "rare mass": True, "both floats": True,
        "ordinary batch": lambda cases: any((case.args[0] > 0).all() for case in cases) and any(
            (case.args[0] == 0).any() and (case.args[0] < 1).all() for case in cases),
        "batch sizes": lambda cases: _sizes([case.args[0].shape for case in cases]),
        "letters": lambda cases: {case.args[0].shape[-1] for case in cases} >= {3, 4},
        "long or many": "a right answer may go through all K^n sequences",
        "shapes": "both are (batch, n, K)",
    },
    ORDERED: {
        **DRAWS_NOTHING, **ONE_TEXT, **NO_CHAIN, **NO_TIME, **NO_LOGITS, **NO_RATE,
        "two chains": ("predictions-kept-by-state",),    # two denoisers
        "rare mass": lambda cases: any((table < 1e-20).any() for table in _denoisers(cases)),
        "both floats": lambda cases: {table.dtype for table in _denoisers(cases)} == {torch.float32, torch.float64},
        "letters": lambda cases: any(table.shape[-1] > 50 for table in _denoisers(cases)),
        "long or many": lambda cases: any(
            np.prod([float(row[token]) for row, token in zip(case.args[0].rows, leaf, strict=True)]) == 0
            for case in cases if hasattr(case.args[0], "rows") for leaf in leaves(case.args[1])),
        "shapes": "one text of the shape (n,); n = 1, 3, 4, 5 and 250",
    },
}

TOPIC = Topic("04_from_token_to_sequence", FUNCTIONS, RIGHT, WRONG, table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {FORWARD: "indices-exchanged", TC: "einsum-float32", BAYES: "left-only",   # noqa: RUF012
             ORDERED: "inverse-permutation"}
