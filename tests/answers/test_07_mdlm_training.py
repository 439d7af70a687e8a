"""Do the checks of topic 07 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_FLOATS, NO_LOGITS, NO_TEXTS, NO_TIME, no

CORRUPT = "07-1-corrupt"
LOSS = "07-2-mdlm-loss"
PAIRED = "07-3-paired-difference"
DESCEND = "07-4-descend"
FUNCTIONS = {CORRUPT: "corrupt", LOSS: "mdlm_loss", PAIRED: "paired_difference", DESCEND: "descend"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 07-1
    Right(CORRUPT, "randperm-and-ranks", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Right(CORRUPT, "float32-throughout-and-topk", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = torch.rand(B, generator=generator).add(torch.arange(B)).div(B)[torch.randperm(B, generator=generator)]
            k = (u * n).floor().long() + 1
            place = torch.rand(B, n, generator=generator).topk(n).indices
            hide = torch.zeros(B, n).scatter_(1, place, (torch.arange(n) < k[:, None]).float())
            return torch.where(hide.bool(), torch.full_like(x0, mask_id), x0)
    """),
    Right(CORRUPT, "one-minus-rand-float64", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            v = 1 - torch.rand(B, generator=generator, dtype=torch.float64)       # in (0, 1]
            u = (torch.randperm(B, generator=generator) + v) / B
            k = (u * n).ceil().long()
            perm = torch.rand(B, n, generator=generator, dtype=torch.float64).argsort(dim=1)
            return x0.masked_fill(perm < k.unsqueeze(1), mask_id)
    """),
    Right(CORRUPT, "floor-plus-one-shuffled-at-the-end", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.arange(B) + torch.rand(B, generator=generator)) / B
            k = (u * n).floor().long().add(1).clamp(max=n)
            k = k[torch.randperm(B, generator=generator)]
            order = torch.rand(B, n, generator=generator).argsort(1)
            hide = torch.zeros(B, n, dtype=torch.bool).scatter(1, order, torch.arange(n) < k[:, None])
            xt = x0.clone()
            xt[hide] = mask_id
            return xt
    """),
    Right(CORRUPT, "rows-of-the-mask-shuffled", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = torch.linspace(0, 1, B + 1)[:-1] + torch.rand(B, generator=generator) / B
            k = torch.ceil(n * u).clamp(1, n)
            noise = torch.randn(B, n, generator=generator, dtype=torch.float64)
            kth = noise.sort(-1).values.gather(1, k.long()[:, None] - 1)
            hide = (noise <= kth)[torch.randperm(B, generator=generator)]
            return torch.where(hide, mask_id, x0)
    """),
    Right(CORRUPT, "numpy-seeded-by-the-generator", """
        def corrupt(x0, mask_id, generator):
            rng = np.random.default_rng(int(torch.randint(2**60, (), generator=generator)))
            B, n = x0.shape
            u = (rng.permutation(B) + rng.random(B)) / B
            k = np.maximum(1, np.ceil(u * n))
            hide = rng.permuted(np.arange(n) < k[:, None], axis=1)
            return np.where(hide, mask_id, x0.numpy())
    """),
    Right(CORRUPT, "position-after-position-int32", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            pieces = torch.rand(B, generator=generator).argsort()
            left = torch.ceil((pieces + torch.rand(B, generator=generator)) / B * n).clamp(min=1)
            xt = x0.int()
            for i in range(n):
                take = torch.rand(B, generator=generator) * (n - i) < left
                xt[:, i] = torch.where(take, mask_id, xt[:, i])
                left = left - take.float()
            return xt
    """),
    Right(CORRUPT, "row-after-row", """
        import math

        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            xt = x0.clone()
            for b, piece in enumerate(torch.randperm(B, generator=generator).tolist()):
                u = (piece + 1 - torch.rand((), generator=generator).item()) / B
                k = math.ceil(u * n)
                xt[b, torch.randperm(n, generator=generator)[:k]] = mask_id
            return xt
    """, slow=True),
    Right(CORRUPT, "lists-and-rejection", """
        def corrupt(x0, mask_id, generator):
            rows, n = x0.tolist(), x0.shape[1]
            pieces = torch.randperm(len(rows), generator=generator).tolist()
            numbers = torch.rand(len(rows), generator=generator).tolist()
            for row, piece, number in zip(rows, pieces, numbers):
                k = max(1, -int(-(piece + number) / len(rows) * n // 1))
                chosen = set()
                while len(chosen) < k:
                    chosen.add(int(torch.randint(n, (), generator=generator)))
                for i in chosen:
                    row[i] = mask_id
            return torch.tensor(rows)
    """, slow=True),

    # ---- 07-2
    Right(LOSS, "as-the-hint-says", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(-1) * torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Right(LOSS, "no-gradients", """
        @torch.no_grad()
        def mdlm_loss(logits, x0, xt, mask_id):
            z = logits.index_fill(-1, torch.tensor(mask_id), -torch.inf)
            loss = -torch.distributions.Categorical(logits=z).log_prob(x0)
            masked = (xt == mask_id)
            loss[~masked] = 0
            return loss.sum(1) / masked.float().mean(1)
    """),
    Right(LOSS, "cross-entropy", """
        import torch.nn.functional as F

        def mdlm_loss(logits, x0, xt, mask_id):
            K = logits.shape[-1]
            logits = logits.masked_fill(torch.arange(K) == mask_id, float("-inf"))
            nll = F.cross_entropy(logits.transpose(1, 2), x0, reduction="none")
            masked = xt.eq(mask_id)
            return nll.masked_fill(~masked, 0).sum(1) * x0.size(1) / masked.sum(1)
    """),
    Right(LOSS, "column-left-out-of-the-normaliser", """
        def mdlm_loss(logits, x0, xt, mask_id):
            others = [v for v in range(logits.shape[-1]) if v != mask_id]
            nll = logits[..., others].logsumexp(-1) - logits.gather(2, x0.unsqueeze(2))[..., 0]
            masked = xt == mask_id
            return torch.where(masked, nll, torch.zeros_like(nll)).sum(1) / masked.double().mean(1)
    """),
    Right(LOSS, "column-deleted-and-states-renumbered", """
        def mdlm_loss(logits, x0, xt, mask_id):
            small = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1:]], dim=-1)
            log_p = torch.log_softmax(small, dim=-1)
            target = x0 - (x0 > mask_id).long()
            out = []
            for b in range(len(x0)):
                places = (xt[b] == mask_id).nonzero().flatten()
                out.append(-log_p[b, places, target[b, places]].mean() * x0.shape[1])
            return torch.stack(out)
    """),
    Right(LOSS, "three-loops", """
        import math

        def mdlm_loss(logits, x0, xt, mask_id):
            B, n, K = logits.shape
            out = torch.zeros(B, dtype=logits.dtype)
            for b in range(B):
                k, total = 0, 0.0
                for i in range(n):
                    if xt[b, i] == mask_id:
                        k += 1
                        row = [logits[b, i, v].item() for v in range(K) if v != mask_id]
                        top = max(row)
                        lse = top + math.log(sum(math.exp(v - top) for v in row))
                        total += lse - logits[b, i, x0[b, i]].item()
                out[b] = n / k * total
            return out
    """),
    Right(LOSS, "numpy-array-returned", """
        def mdlm_loss(logits, x0, xt, mask_id):
            z, x0 = logits.detach().numpy().copy(), x0.numpy()
            z[:, :, mask_id] = -np.inf
            top = z.max(-1, keepdims=True)
            log_p = z - top - np.log(np.exp(z - top).sum(-1, keepdims=True))
            score = np.take_along_axis(log_p, x0[..., None], -1)[..., 0]
            masked = xt.numpy() == mask_id
            return -np.where(masked, score, 0).sum(1) * x0.shape[1] / masked.sum(1)
    """),
    Right(LOSS, "masked-where-the-two-differ", """
        def mdlm_loss(logits, x0, xt, mask_id):
            B, n, K = logits.shape
            penalty = torch.zeros(K)
            penalty[mask_id] = -torch.inf
            log_p = (logits + penalty).log_softmax(2)
            b, i = (xt != x0).nonzero(as_tuple=True)
            paid = torch.zeros(B, dtype=log_p.dtype).index_add(0, b, -log_p[b, i, x0[b, i]])
            return paid * n / torch.bincount(b, minlength=B)
    """),
    Right(LOSS, "probabilities-renormalised", """
        def mdlm_loss(logits, x0, xt, mask_id):
            p = logits.softmax(-1)
            true = p.gather(-1, x0[..., None])[..., 0] / (1 - p[..., mask_id])
            masked = xt == mask_id
            return torch.where(masked, -true.log(), 0).sum(1) / (masked.sum(1) / xt.shape[1])
    """),
    Right(LOSS, "only-masked-positions-scored-float32", """
        def mdlm_loss(logits, x0, xt, mask_id):
            result = []
            for z, x, y in zip(logits.float(), x0, xt):
                hidden = y == mask_id
                z, x = z[hidden].clone(), x[hidden]
                z[:, mask_id] = -1e30
                total = torch.nn.functional.cross_entropy(z, x, reduction="sum")
                result.append(len(y) / hidden.sum() * total)
            return torch.stack(result)
    """),
    Right(LOSS, "times-the-masks", """
        def mdlm_loss(logits, x0, xt, mask_id):
            masked = (xt == mask_id).to(logits.dtype)
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return -(masked * log_p).sum(1) * x0.shape[1] / masked.sum(1)
    """),

    # ---- 07-3
    Right(PAIRED, "std", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() / len(d) ** 0.5])
    """),
    Right(PAIRED, "formula-by-hand", """
        def paired_difference(ours, theirs):
            N = ours.shape[0]
            d = ours - theirs
            mean = d.sum() / N
            sd = torch.sqrt(((d - mean) ** 2).sum() / (N - 1))
            return torch.tensor([mean, sd / N ** 0.5])
    """),
    Right(PAIRED, "numpy-array-returned", """
        def paired_difference(ours, theirs):
            d = (ours - theirs).numpy()
            return np.array([d.mean(), d.std(ddof=1) / np.sqrt(d.size)])
    """),
    Right(PAIRED, "statistics", """
        import statistics

        def paired_difference(ours, theirs):
            d = [a - b for a, b in zip(ours.tolist(), theirs.tolist())]
            return torch.tensor([statistics.fmean(d), statistics.stdev(d) / len(d) ** 0.5])
    """),
    Right(PAIRED, "population-sd-over-the-root-of-n-minus-1", """
        def paired_difference(ours, theirs):
            d = torch.sub(ours, theirs)
            return torch.stack((d.mean(), d.std(unbiased=False) / (d.numel() - 1) ** 0.5))
    """),
    Right(PAIRED, "variances-and-covariance", """
        def paired_difference(ours, theirs):
            C = torch.cov(torch.stack([ours, theirs]))
            var = C[0, 0] + C[1, 1] - 2 * C[0, 1]
            out = torch.empty(2, dtype=ours.dtype)
            out[0] = ours.mean() - theirs.mean()
            out[1] = (var / len(ours)).sqrt()
            return out
    """),
    Right(PAIRED, "loops", """
        import math

        def paired_difference(ours, theirs):
            N, mean, squares = len(ours), 0.0, 0.0
            for i in range(N):
                mean += float(ours[i] - theirs[i]) / N
            for i in range(N):
                squares += (float(ours[i] - theirs[i]) - mean) ** 2
            return torch.tensor([mean, math.sqrt(squares / (N * (N - 1)))])
    """),
    Right(PAIRED, "std-mean", """
        def paired_difference(ours, theirs):
            sd, mean = torch.std_mean(ours.double() - theirs.double())
            return torch.cat([mean.view(1), sd.view(1) / np.sqrt(len(ours))])
    """),

    # ---- 07-4
    Right(DESCEND, "autograd-grad", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(w, batch), w)
                w = w - learning_rate * g
            return w.detach()
    """),
    Right(DESCEND, "requires-grad-set-on-the-given-tensor", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.requires_grad_()
            for batch in batches:
                (g,) = torch.autograd.grad(loss_of(w, batch), w)
                w = (w - learning_rate * g).detach().requires_grad_()
            return w
    """),
    Right(DESCEND, "jacobian", """
        from torch.autograd.functional import jacobian

        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w - learning_rate * jacobian(lambda v: loss_of(v, batch), w)
            return w
    """),
    Right(DESCEND, "backward-and-zero", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_(True)
            for batch in batches:
                loss = loss_of(w, batch)
                loss.backward()
                with torch.no_grad():
                    w -= learning_rate * w.grad
                    w.grad.zero_()
            return w.detach()
    """),
    Right(DESCEND, "sgd", """
        def descend(loss_of, weights, batches, learning_rate):
            w = torch.nn.Parameter(weights.clone())
            optimizer = torch.optim.SGD([w], lr=learning_rate)
            for s in range(len(batches)):
                optimizer.zero_grad()
                loss_of(w, batches[s]).backward()
                optimizer.step()
            return w.data
    """),
    Right(DESCEND, "func-grad", """
        def descend(loss_of, weights, batches, learning_rate):
            gradient = torch.func.grad(loss_of)
            w = weights.clone()
            for batch in batches:
                w = w - learning_rate * gradient(w, batch)
            return w
    """),
    Right(DESCEND, "reduce", """
        from functools import reduce

        def descend(loss_of, weights, batches, learning_rate):
            def step(w, batch):
                v = w.clone().requires_grad_()
                return w - learning_rate * torch.autograd.grad(loss_of(v, batch), v)[0]
            return reduce(step, batches, weights)
    """),
    Right(DESCEND, "recursion", """
        def descend(loss_of, weights, batches, learning_rate):
            if batches.shape[0] == 0:
                return weights
            w = weights.detach().clone()
            w.requires_grad = True
            loss_of(w, batches[0]).backward()
            return descend(loss_of, weights - learning_rate * w.grad, batches[1:], learning_rate)
    """),
    Right(DESCEND, "data-and-grad-none", """
        def descend(loss_of, weights, batches, learning_rate):
            w = torch.tensor(weights.tolist(), dtype=weights.dtype, requires_grad=True)
            for i in range(batches.size(0)):
                loss_of(w, batches[i]).backward()
                w.data.sub_(w.grad, alpha=learning_rate)
                w.grad = None
            return w.detach().numpy()
    """),
    Right(DESCEND, "still-attached-to-its-graph", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                grad = torch.autograd.grad(loss_of(w, batch), w)[0]
                w = w - learning_rate * grad
            return w
    """),
    Right(DESCEND, "leaf-that-requires-gradients", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                w.grad = None
                loss_of(w, batch).backward()
                with torch.no_grad():
                    w -= learning_rate * w.grad
            return w
    """),
]


# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 07-1
    Wrong(CORRUPT, "coins", r"exactly|coin", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            hide = torch.rand(B, n, generator=generator) < u[:, None]
            return torch.where(hide, mask_id, x0)
    """),
    Wrong(CORRUPT, "coins-at-rate-k-over-n", r"exactly|coin", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n)
            return torch.where(torch.rand(B, n, generator=generator) < k[:, None] / n, mask_id, x0)
    """),
    Wrong(CORRUPT, "coins-with-one-mask-at-least", r"exactly|coin|strat|piece", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            noise = torch.rand(B, n, generator=generator)
            hide = (noise < u[:, None]) | (noise == noise.amin(1, keepdim=True))
            return torch.where(hide, mask_id, x0)
    """),
    Wrong(CORRUPT, "coins-at-independent-rates", r"exactly|coin|strat|piece", """
        def corrupt(x0, mask_id, generator):
            rate = torch.rand(len(x0), 1, generator=generator)
            return torch.where(torch.rand(x0.shape, generator=generator) < rate, mask_id, x0)
    """),
    Wrong(CORRUPT, "floor-for-ceil", r"0|ceil|round(ed)? (down|up)|floor", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).long()
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "floor-then-at-least-1", r"ceil|round(ed)? (down|up)|floor|\bn\b|all", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).long().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "round-for-ceil", r"ceil|\bround", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).round()
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "k-in-0-to-n-by-n-plus-1", r"\b0\b|ceil|without a mask|no mask|at least", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * (n + 1)).long()
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "never-all", r"\bn\b|all", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * (n - 1)).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "independent-counts", r"strat|piece|independent", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.randint(1, n + 1, (B, 1), generator=generator)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k, mask_id, x0)
    """),
    Wrong(CORRUPT, "independent-rates", r"strat|piece|independent", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.ceil(torch.rand(B, 1, generator=generator) * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k, mask_id, x0)
    """),
    Wrong(CORRUPT, "independent-counts-below-n", r"strat|piece|independent|all|\bn\b", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.randint(1, n, (B, 1), generator=generator)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k, mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-with-replacement", r"strat|piece|independent", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randint(B, (B,), generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-in-order", r"order|dealt|shuffl|perm", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.arange(B) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-in-falling-order", r"order|dealt|shuffl|perm", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.arange(B).flip(0) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-only-rolled", r"order|dealt|shuffl|perm|roll", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            start = torch.randint(B, (), generator=generator)
            u = ((torch.arange(B) + start) % B + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-up-or-down", r"order|dealt|shuffl|perm", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.arange(B) + torch.rand(B, generator=generator)) / B
            if torch.rand((), generator=generator) < 0.5:
                u = u.flip(0)
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-in-a-fixed-order", r"order|dealt|shuffl|perm|generator", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            order = torch.randperm(B, generator=torch.Generator().manual_seed(0))
            u = (order + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "middles-of-the-pieces", r"middle|uniform|one number|from each|same (k|counts|numbers)|random", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + 0.5) / B
            k = torch.ceil(u * n)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "right-ends-of-the-pieces", r"end|uniform|one number|from each|same (k|counts|numbers)|random", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.ceil((torch.randperm(B, generator=generator) + 1) * n / B)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "one-number-for-all-pieces", r"one (uniform )?number|own|from each|same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(1, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "brackets-missing", None, """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = torch.randperm(B, generator=generator) + torch.rand(B, generator=generator) / B
            k = torch.ceil(u * n).clamp(1, n)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-of-the-positions", r"piece|strat|\bB\b|raised", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / n
            k = torch.ceil(u * n).clamp(1, n)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "batch-for-length", r"piece|strat|\bB\b|\bn\b", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * B).clamp(1, n)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "one-k-for-the-batch", r"one k|same|own k|each text|piece|strat", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.randint(1, n + 1, (1,), generator=generator)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k, mask_id, x0)
    """),
    Wrong(CORRUPT, "half-of-the-tokens", r"same|own k|each text|piece|strat", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < n // 2, mask_id, x0)
    """),
    Wrong(CORRUPT, "one-permutation-for-the-batch", r"same|each text|own|independent|depend", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.randperm(n, generator=generator)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "one-permutation-rolled", r"same|each text|own|independent|depend", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            perm = torch.randperm(n, generator=generator)
            rank = perm[(torch.arange(n) + torch.arange(B)[:, None]) % n]
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "complement-for-every-second-text", r"same|each text|own|independent|depend", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand((B + 1) // 2, n, generator=generator).argsort(-1).argsort(-1)
            rank = torch.stack([rank, n - 1 - rank], dim=1).reshape(-1, n)[:B]
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "first-k", r"first|random set|always|uniformly", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            return torch.where(torch.arange(n) < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "last-k", r"last|random set|always|uniformly", """
        def corrupt(x0, mask_id, generator):
            xt = x0.clone()
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            for b, k in enumerate(torch.ceil(u * n).clamp(min=1).long().tolist()):
                xt[b, -k:] = mask_id
            return xt
    """),
    Wrong(CORRUPT, "block-with-a-random-start", r"block|equally likely|neighbour|uniformly|sets", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            start = torch.randint(n, (B, 1), generator=generator)
            return torch.where((torch.arange(n) - start) % n < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "left-preferred", r"equally likely|uniform|biased|sets", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            noise = torch.rand(B, n, generator=generator) + torch.arange(n) / n
            return torch.where(noise.argsort(-1).argsort(-1) < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "small-random-integers-sorted", r"equally likely|uniform|biased|sets", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.randint(n, (B, n), generator=generator).argsort(dim=-1, stable=True).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "with-replacement", r"replace|twice|fewer|exactly", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            draws = torch.randint(n, (B, n), generator=generator)
            hide = torch.zeros(B, n).scatter_add(1, draws, (torch.arange(n) < k[:, None]).float()) > 0
            return torch.where(hide, mask_id, x0)
    """),
    Wrong(CORRUPT, "one-too-many", r"k ?\+ ?1|one (mask |token )?too many|one more|<=|off by one|single", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank <= k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "one-too-few", r"k ?- ?1|one (mask |token )?too few|one fewer|off by one|ceil|\b0\b|no mask", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1) + 1
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "k-stay-visible", r"visible|n ?- ?k|without a mask|no mask|\b0\b", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], x0, mask_id)
    """),
    Wrong(CORRUPT, "generator-ignored", r"generator", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            k = torch.ceil((torch.randperm(B) + torch.rand(B)) / B * n).clamp(min=1)
            rank = torch.rand(B, n).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "generator-ignored-by-the-order", r"generator", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "generator-ignored-by-the-numbers", r"generator", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "generator-ignored-by-the-sets", r"generator", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand_like(x0, dtype=torch.float32).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "seeded-anew", r"seed", """
        def corrupt(x0, mask_id, generator):
            generator.manual_seed(0)
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "a-generator-of-its-own", r"generator|seed", """
        def corrupt(x0, mask_id, generator):
            g = torch.Generator().manual_seed(42)
            B, n = x0.shape
            u = (torch.randperm(B, generator=g) + torch.rand(B, generator=g)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=g).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "last-state-for-mask-id", r"mask_id", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], x0.max() + 1, x0)
    """),
    Wrong(CORRUPT, "zero-for-mask-id", r"mask_id", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return x0 * (rank >= k[:, None])
    """),
    Wrong(CORRUPT, "texts-shuffled-too", r"not masked|stay|other text|shuffl|changed", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            x0 = x0[torch.randperm(B, generator=generator)]
            k = torch.ceil((torch.arange(B) + torch.rand(B, generator=generator)) / B * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "tokens-shuffled", r"not masked|stay|shuffl|changed", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            order = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(torch.arange(n) < k[:, None], mask_id, x0.gather(1, order))
    """),
    Wrong(CORRUPT, "counts-for-texts", r"shape", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            return torch.ceil(u * n).clamp(min=1).long()
    """),
    Wrong(CORRUPT, "the-set-itself", r"dtype|boolean", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            return torch.rand(B, n, generator=generator).argsort(-1).argsort(-1) < k[:, None]
    """),
    Wrong(CORRUPT, "floats", r"dtype|integer", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            hide = (torch.rand(B, n, generator=generator).argsort(-1).argsort(-1) < k[:, None]).float()
            return hide * mask_id + (1 - hide) * x0
    """),
    Wrong(CORRUPT, "column-forgotten", r"raised", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k, mask_id, x0)
    """),
    Wrong(CORRUPT, "counts-returned-too", r"tuple", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0), k
    """),
    Wrong(CORRUPT, "forgotten-return", r"return statement", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            xt = torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "writes-into-x0", r"in place", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            x0[rank < k[:, None]] = mask_id
            return x0
    """),
    Wrong(CORRUPT, "nothing-masked", r"mask", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1).argsort(-1)
            x0.clone().masked_fill(rank < k[:, None], mask_id)
            return x0
    """),

    # ---- 07-2
    Wrong(LOSS, "all-tokens", r"visible|masked|all", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return -x0.shape[1] / (xt == mask_id).sum(1) * log_p.sum(1)
    """),
    Wrong(LOSS, "all-tokens-without-a-weight", r"visible|masked|all", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            return -logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0].sum(1)
    """),
    Wrong(LOSS, "visible-tokens", r"visible", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, 0.0, -log_p).sum(1)
    """),
    Wrong(LOSS, "mask-keeps-its-mass", r"mask.*(mass|probab|logit)|(mass|probab|logit).*mask", """
        def mdlm_loss(logits, x0, xt, mask_id):
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "minus-infinity-after-the-softmax", r"mask.*(mass|probab|logit)|(mass|probab|logit).*mask", """
        def mdlm_loss(logits, x0, xt, mask_id):
            log_p = logits.log_softmax(-1)
            log_p[..., mask_id] = -torch.inf
            log_p = log_p.gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "mask-logit-zero", r"mask.*(mass|probab|logit)|(mass|probab|logit).*mask", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = 0
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "mask-logit-minus-one", None, """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -1.0
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "last-state-for-the-mask", r"mask_id|last state|K ?- ?1", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., -1] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "last-state-for-the-masked-too", r"mask_id|last state|K ?- ?1", """
        def mdlm_loss(logits, x0, xt, mask_id):
            K = logits.shape[-1]
            log_p = logits[..., :-1].log_softmax(-1)
            masked = xt == K - 1
            nll = -log_p.gather(-1, x0.clamp(max=K - 2)[..., None])[..., 0]
            return x0.shape[1] / masked.sum(1) * torch.where(masked, nll, 0.0).sum(1)
    """),
    Wrong(LOSS, "mean-for-sum", r"mean|sum", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            k = masked.sum(1)
            return x0.shape[1] / k * torch.where(masked, -log_p, 0.0).sum(1) / k
    """),
    Wrong(LOSS, "mean-over-all-positions", r"mean|sum|per token|a token|/ ?n|by n", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).mean(1)
    """),
    Wrong(LOSS, "plain-mean-over-the-masked", r"mean|per token|a token|/ ?n|by n|factor n|times n|\bn\b", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1)
            return torch.stack([-p[y == mask_id].gather(1, x[y == mask_id][:, None]).mean()
                                for p, x, y in zip(log_p, x0, xt)])
    """),
    Wrong(LOSS, "no-weight", r"n ?/ ?k|weight", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return torch.where(xt == mask_id, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "weight-inverted", r"n ?/ ?k|inver|k ?/ ?n", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return torch.where(masked, -log_p, 0.0).sum(1) * masked.sum(1) / x0.shape[1]
    """),
    Wrong(LOSS, "weight-one-over-n", r"n ?/ ?k|\bk\b|weight|divi|mean", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return torch.where(xt == mask_id, -log_p, 0.0).mean(1)
    """),
    Wrong(LOSS, "weight-n", r"n ?/ ?k|\bk\b|weight|divi", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return x0.shape[1] * torch.where(xt == mask_id, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "one-k-for-the-batch", r"own k|own number|one k|that text|each text|same|batch", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            k = masked.sum() / len(x0)
            return x0.shape[1] / k * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "all-masks-of-the-batch-for-k", r"own k|own number|one k|that text|each text|same|batch", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum() * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "rate-of-the-batch", r"own k|own number|one k|that text|each text|same|batch", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return torch.where(masked, -log_p, 0.0).sum(1) / masked.float().mean()
    """),
    Wrong(LOSS, "first-k-for-the-batch", r"own k|own number|one k|that text|each text|same|batch|first", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked[0].sum() * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "k-counts-the-visible", r"visible|number of masks", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            k = (~masked).sum(1).clamp(min=1)
            return x0.shape[1] / k * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "batch-size-for-n", r"\bn\b|\bB\b", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return len(x0) / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "states-for-n", r"\bn\b|\bK\b", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return logits.shape[-1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "k-plus-1", r"k ?\+ ?1|n ?/ ?k|\bk\b", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / (masked.sum(1) + 1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "xt-scored", r"x_?t|mask.*scored|inf", """
        def mdlm_loss(logits, x0, xt, mask_id):
            log_p = logits.log_softmax(-1).gather(-1, xt[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "xt-scored-without-the-mask", r"x_?t|mask.*scored|inf", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, xt[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "softmax-over-positions", r"softmax|dimension|dim|positions|last", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "softmax-over-the-batch", r"softmax|dimension|dim|batch|last", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = torch.log_softmax(logits, 0).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "no-softmax", r"softmax|normali", """
        def mdlm_loss(logits, x0, xt, mask_id):
            score = logits.gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -score, 0.0).sum(1)
    """),
    Wrong(LOSS, "probability-for-its-logarithm", r"log", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            p = logits.softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -p, 0.0).sum(1)
    """),
    Wrong(LOSS, "minus-forgotten", r"sign|minus|negative", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "bits", r"\bbits\b|nats", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.softmax(-1).log2().gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "mean-over-the-batch", r"shape", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return (x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)).mean()
    """),
    Wrong(LOSS, "cross-entropy-of-the-masked", r"shape", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            masked = xt == mask_id
            return x0.shape[1] * torch.nn.functional.cross_entropy(logits[masked], x0[masked])
    """),
    Wrong(LOSS, "not-summed", r"shape", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1, keepdim=True) * torch.where(masked, -log_p, 0.0)
    """),
    Wrong(LOSS, "kept-dimension", r"shape", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])
            masked = (xt == mask_id)[..., None]
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "squeeze-forgotten", r"shape", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * -log_p.sum(1)
    """),
    Wrong(LOSS, "index-without-a-dimension", r"raised", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0)
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "cross-entropy-not-transposed", r"raised", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            nll = torch.nn.functional.cross_entropy(logits, x0, reduction="none")
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, nll, 0.0).sum(1)
    """),
    Wrong(LOSS, "reshaped-for-transposed", None, """
        def mdlm_loss(logits, x0, xt, mask_id):
            B, n, K = logits.shape
            logits = logits.clone()
            logits[..., mask_id] = -1e9
            nll = torch.nn.functional.cross_entropy(logits.reshape(B, K, n), x0, reduction="none")
            masked = xt == mask_id
            return n / masked.sum(1) * torch.where(masked, nll, 0.0).sum(1)
    """),
    Wrong(LOSS, "best-token-scored", r"largest|arg ?max|most probable|best|true token|x_?0", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).max(-1).values
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "nan-where-the-mask-is-weighted", r"NaN|0 (\* |times )?(-?inf)", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1)
            onehot = torch.nn.functional.one_hot(x0, logits.shape[-1])
            masked = xt == mask_id
            nll = -(onehot * log_p).sum(-1)
            return x0.shape[1] / masked.sum(1) * torch.where(masked, nll, 0.0).sum(1)
    """),
    Wrong(LOSS, "renormalised-the-wrong-way", None, """
        def mdlm_loss(logits, x0, xt, mask_id):
            p = logits.softmax(-1)
            true = p.gather(-1, x0[..., None])[..., 0] * (1 - p[..., mask_id])
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -true.log(), 0.0).sum(1)
    """),
    Wrong(LOSS, "writes-into-the-logits", r"in place", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            return x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),
    Wrong(LOSS, "list-for-tensor", r"a list", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            return [-len(y) * p[y == mask_id].mean() for p, y in zip(log_p, xt)]
    """),
    Wrong(LOSS, "forgotten-return", r"return statement", """
        def mdlm_loss(logits, x0, xt, mask_id):
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            log_p = logits.log_softmax(-1).gather(-1, x0[..., None])[..., 0]
            masked = xt == mask_id
            loss = x0.shape[1] / masked.sum(1) * torch.where(masked, -log_p, 0.0).sum(1)
    """),

    # ---- 07-3
    Wrong(PAIRED, "unpaired", r"pair|differences|same texts|independent", """
        def paired_difference(ours, theirs):
            N = len(ours)
            return torch.stack([ours.mean() - theirs.mean(), (ours.var() / N + theirs.var() / N).sqrt()])
    """),
    Wrong(PAIRED, "standard-errors-subtracted", r"pair|differences|subtract|standard error", """
        def paired_difference(ours, theirs):
            root = len(ours) ** 0.5
            return torch.stack([ours.mean() - theirs.mean(), ours.std() / root - theirs.std() / root])
    """),
    Wrong(PAIRED, "standard-errors-added", r"pair|differences|added|sum|standard error", """
        def paired_difference(ours, theirs):
            root = len(ours) ** 0.5
            return torch.stack([ours.mean() - theirs.mean(), (ours.std() + theirs.std()) / root])
    """),
    Wrong(PAIRED, "error-of-ours-alone", r"pair|differences|ours", """
        def paired_difference(ours, theirs):
            return torch.stack([(ours - theirs).mean(), ours.std() / len(ours) ** 0.5])
    """),
    Wrong(PAIRED, "error-of-all-losses", None, """
        def paired_difference(ours, theirs):
            both = torch.cat([ours, theirs])
            return torch.stack([(ours - theirs).mean(), both.std() / len(both) ** 0.5])
    """),
    Wrong(PAIRED, "plus-twice-the-covariance", None, """
        def paired_difference(ours, theirs):
            d, s = ours - theirs, ours + theirs
            return torch.stack([d.mean(), s.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "sd-for-standard-error", r"sqrt|root|standard deviation|\bsd\b", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std()])
    """),
    Wrong(PAIRED, "variance-for-standard-error", r"variance|root|sqrt", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.var()])
    """),
    Wrong(PAIRED, "squared-standard-error", r"variance|root|sqrt|square", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.var() / len(d)])
    """),
    Wrong(PAIRED, "variance-over-the-root", r"variance|root|sqrt|square", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.var() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "sd-over-n", r"sqrt|root|divided by N\b", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() / len(d)])
    """),
    Wrong(PAIRED, "sd-times-the-root", r"sqrt|root|divi", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() * len(d) ** 0.5])
    """),
    Wrong(PAIRED, "population-sd", r"N ?- ?1", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std(unbiased=False) / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "numpy-std", r"N ?- ?1", """
        def paired_difference(ours, theirs):
            d = (ours - theirs).numpy()
            return np.array([d.mean(), np.std(d) / np.sqrt(len(d))])
    """),
    Wrong(PAIRED, "n-minus-1-twice", r"N ?- ?1|sqrt\(?N|root", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() / (len(d) - 1) ** 0.5])
    """),
    Wrong(PAIRED, "theirs-minus-ours", r"ours - theirs|ours minus theirs|sign|order", """
        def paired_difference(ours, theirs):
            d = theirs - ours
            return torch.stack([d.mean(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "absolute-differences", r"absolut|abs|sign", """
        def paired_difference(ours, theirs):
            d = (ours - theirs).abs()
            return torch.stack([d.mean(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "absolute-mean", r"absolut|abs|sign", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean().abs(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "error-first", r"order|first|swap", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.std() / len(d) ** 0.5, d.mean()])
    """),
    Wrong(PAIRED, "sum-for-mean", r"mean|sum", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.sum(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "median-for-mean", r"median|mean", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.median(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "mean-not-subtracted", r"mean|cent(re|er)|deviation|d_i", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), ((d ** 2).sum() / (N - 1)).sqrt() / N ** 0.5])
    """),
    Wrong(PAIRED, "ninety-five-per-cent", r"1\.96|95|interval|2 standard", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), 1.96 * d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "interval", None, """
        def paired_difference(ours, theirs):
            d = ours - theirs
            se = d.std() / len(d) ** 0.5
            return torch.stack([d.mean() - se, d.mean() + se])
    """),
    Wrong(PAIRED, "in-standard-errors", None, """
        def paired_difference(ours, theirs):
            d = ours - theirs
            se = d.std() / len(d) ** 0.5
            return torch.stack([d.mean() / se, se])
    """),
    Wrong(PAIRED, "sorted-first", r"pair|differences|sort", """
        def paired_difference(ours, theirs):
            d = ours.sort().values - theirs.sort().values
            return torch.stack([d.mean(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "mean-of-ours", r"theirs|differ|ours", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([ours.mean(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "mean-only", r"shape", """
        def paired_difference(ours, theirs):
            return (ours - theirs).mean()
    """),
    Wrong(PAIRED, "a-column", r"shape", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() / len(d) ** 0.5])[:, None]
    """),
    Wrong(PAIRED, "differences-themselves", r"shape", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.cat([d, d.std()[None] / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "tuple-for-tensor", r"tuple", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return d.mean(), d.std() / len(d) ** 0.5
    """),
    Wrong(PAIRED, "list-for-tensor", r"a list", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            return [d.mean().item(), d.std().item() / len(d) ** 0.5]
    """),
    Wrong(PAIRED, "math-sqrt-of-a-tensor-of-n", r"raised", """
        import math

        def paired_difference(ours, theirs):
            d = ours - theirs
            return torch.stack([d.mean(), d.std() / math.sqrt(d)])
    """),
    Wrong(PAIRED, "forgotten-return", r"return statement", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            result = torch.stack([d.mean(), d.std() / len(d) ** 0.5])
    """),
    Wrong(PAIRED, "writes-into-ours", r"in place", """
        def paired_difference(ours, theirs):
            ours -= theirs
            return torch.stack([ours.mean(), ours.std() / len(ours) ** 0.5])
    """),

    # ---- 07-4
    Wrong(DESCEND, "gradients-not-zeroed", r"zero|add up|accumul", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
                with torch.no_grad():
                    w -= learning_rate * w.grad
            return w.detach()
    """),
    Wrong(DESCEND, "zeroed-between-backward-and-step", r"no step|not (moved|changed)|unchanged|zero|same", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
                w.grad.zero_()
                with torch.no_grad():
                    w -= learning_rate * w.grad
            return w.detach()
    """),
    Wrong(DESCEND, "uphill", r"uphill|sign|minus|ascent|descent|added", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w + learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "learning-rate-unused", r"learning.rate", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "learning-rate-hard-coded", r"learning.rate", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            optimizer = torch.optim.SGD([w], lr=0.01)
            for batch in batches:
                optimizer.zero_grad()
                loss_of(w, batch).backward()
                optimizer.step()
            return w.detach()
    """),
    Wrong(DESCEND, "divided-by-the-learning-rate", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - torch.autograd.grad(loss_of(w, batch), w)[0] / learning_rate
            return w.detach()
    """),
    Wrong(DESCEND, "writes-into-the-weights", r"in place", """
        def descend(loss_of, weights, batches, learning_rate):
            for batch in batches:
                w = weights.detach().clone().requires_grad_()
                weights -= learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return weights
    """),
    Wrong(DESCEND, "detach-shares-its-memory", r"in place", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.detach().requires_grad_()
            for batch in batches:
                g, = torch.autograd.grad(loss_of(w, batch), w)
                w.data -= learning_rate * g
            return w.detach()
    """),
    Wrong(DESCEND, "parameter-shares-its-memory", r"in place", """
        def descend(loss_of, weights, batches, learning_rate):
            w = torch.nn.Parameter(weights)
            optimizer = torch.optim.SGD([w], lr=learning_rate)
            for batch in batches:
                optimizer.zero_grad()
                loss_of(w, batch).backward()
                optimizer.step()
            return w.detach().clone()
    """),
    Wrong(DESCEND, "no-step", r"no step|not (moved|changed)|unchanged|same|as they (were|came)|given", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
            return w.detach()
    """),
    Wrong(DESCEND, "step-into-another-name", r"no step|not (moved|changed)|unchanged|as they were|given", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            new = w
            for batch in batches:
                new = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "each-step-from-the-start", r"last batch|from the (start|given|first)|last|start", """
        def descend(loss_of, weights, batches, learning_rate):
            new = weights.clone()
            for batch in batches:
                w = weights.clone().requires_grad_()
                new = weights - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return new
    """),
    Wrong(DESCEND, "return-inside-the-loop", r"first|return|one step", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
                return w.detach()
    """),
    Wrong(DESCEND, "return-inside-the-loop-with-a-second-return", r"first|return|one step", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for batch in batches:
                w.requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
                return w.detach()
            return w
    """),
    Wrong(DESCEND, "all-gradients-at-the-start", r"start|given weights|first weights|new weights|current", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            total = torch.zeros_like(weights)
            for batch in batches:
                total += torch.autograd.grad(loss_of(w, batch), w)[0]
            return weights - learning_rate * total
    """),
    Wrong(DESCEND, "backward-everywhere-one-step", r"start|given weights|first weights|new weights|one step", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
            return weights - learning_rate * w.grad if len(batches) else weights
    """),
    Wrong(DESCEND, "mean-gradient-one-step", r"start|given weights|first weights|mean|average|one step", """
        def descend(loss_of, weights, batches, learning_rate):
            if len(batches) == 0:
                return weights.clone()
            w = weights.clone().requires_grad_()
            loss = torch.stack([loss_of(w, batch) for batch in batches]).mean()
            return weights - learning_rate * torch.autograd.grad(loss, w)[0]
    """),
    Wrong(DESCEND, "last-batch-forgotten", r"last batch|S ?- ?1|last", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for s in range(len(batches) - 1):
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batches[s]), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "first-batch-forgotten", r"first batch|batches\[0\]|first", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for s in range(1, len(batches)):
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batches[s]), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "first-batch-every-time", r"first batch|batches\[0\]|same batch|each batch", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for s in range(len(batches)):
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batches[0]), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "batches-backwards", r"order|backward|last", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches.flip(0):
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "batches-in-random-order", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for s in torch.randperm(len(batches), generator=torch.Generator().manual_seed(1)):
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batches[s]), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "twice-through-the-batches", r"twice|two|each batch|once", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for epoch in range(2):
                for batch in batches:
                    w = w.detach().requires_grad_()
                    w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "two-steps-a-batch", r"twice|two|one step|once", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                for _ in range(2):
                    w = w.detach().requires_grad_()
                    w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "learning-rate-divided-by-the-steps", r"learning.rate|divi|\bS\b|mean", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate / len(batches) * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "loss-for-gradient", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w - learning_rate * loss_of(w, batch)
            return w
    """),
    Wrong(DESCEND, "momentum", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            optimizer = torch.optim.SGD([w], lr=learning_rate, momentum=0.9)
            for batch in batches:
                optimizer.zero_grad()
                loss_of(w, batch).backward()
                optimizer.step()
            return w.detach()
    """),
    Wrong(DESCEND, "adam", r"adam|sign|size of the gradient|plain|length", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            optimizer = torch.optim.Adam([w], lr=learning_rate)
            for batch in batches:
                optimizer.zero_grad()
                loss_of(w, batch).backward()
                optimizer.step()
            return w.detach()
    """),
    Wrong(DESCEND, "gradient-clipped", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                g, = torch.autograd.grad(loss_of(w, batch), w)
                w = w - learning_rate * g / max(1.0, g.norm().item())
            return w.detach()
    """),
    Wrong(DESCEND, "average-of-the-weights", r"average|mean|last", """
        def descend(loss_of, weights, batches, learning_rate):
            w, seen = weights, [weights]
            for batch in batches:
                w = w.detach().requires_grad_()
                w = (w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]).detach()
                seen.append(w)
            return torch.stack(seen).mean(0)
    """),
    Wrong(DESCEND, "change-for-weights", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w.detach() - weights
    """),
    Wrong(DESCEND, "all-weights-of-the-way", r"shape", """
        def descend(loss_of, weights, batches, learning_rate):
            way = [weights]
            for batch in batches:
                w = way[-1].detach().requires_grad_()
                way.append((w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]).detach())
            return torch.stack(way)
    """),
    Wrong(DESCEND, "list-of-the-way", r"a list", """
        def descend(loss_of, weights, batches, learning_rate):
            way = [weights]
            for batch in batches:
                w = way[-1].detach().requires_grad_()
                way.append((w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]).detach())
            return way
    """),
    Wrong(DESCEND, "flattened", r"shape|raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.flatten()
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w.view_as(weights), batch), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "last-loss-returned", r"shape", """
        def descend(loss_of, weights, batches, learning_rate):
            w, loss = weights, torch.tensor(0.0)
            for batch in batches:
                w = w.detach().requires_grad_()
                loss = loss_of(w, batch)
                w = w - learning_rate * torch.autograd.grad(loss, w)[0]
            return loss.detach()
    """),
    Wrong(DESCEND, "fails-without-batches", r"raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                new = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
                w = new
            return new.detach()
    """),
    Wrong(DESCEND, "gradient-of-no-leaf", r"raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
                w = w - learning_rate * w.grad
            return w.detach()
    """),
    Wrong(DESCEND, "no-gradients-asked-for", r"raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for batch in batches:
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
            return w
    """),
    Wrong(DESCEND, "tuple-not-unpacked", r"raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)
            return w.detach()
    """),
    Wrong(DESCEND, "leaf-changed-without-no-grad", r"raised", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone().requires_grad_()
            for batch in batches:
                loss_of(w, batch).backward()
                w -= learning_rate * w.grad
                w.grad = None
            return w.detach()
    """),
    Wrong(DESCEND, "arguments-swapped", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(batch, w), w)[0]
            return w.detach()
    """),
    Wrong(DESCEND, "forgotten-return", r"return statement", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights
            for batch in batches:
                w = w.detach().requires_grad_()
                w = w - learning_rate * torch.autograd.grad(loss_of(w, batch), w)[0]
    """),
    Wrong(CORRUPT, "generator-copied", r"second call", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            copy = torch.Generator().manual_seed(generator.initial_seed())
            generator = copy
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "generator-put-back", r"second call", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            state = generator.get_state()
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            generator.set_state(state)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "global-generator-seeded-by-it", r"second call", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            torch.manual_seed(generator.initial_seed())
            u = 1 - (torch.randperm(B) + torch.rand(B)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-by-a-copy", r"some draws are the same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            copy = torch.Generator().manual_seed(generator.initial_seed())
            u = 1 - (torch.randperm(B, generator=copy) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "numbers-by-a-copy", r"some draws are the same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            copy = torch.Generator().manual_seed(generator.initial_seed())
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=copy)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "sets-by-a-copy", r"some draws are the same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            copy = torch.Generator().manual_seed(generator.initial_seed())
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=copy).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "sets-by-seed-0", r"some draws are the same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=torch.Generator().manual_seed(0)).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "numbers-by-seed-0", r"some draws are the same", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            own = torch.Generator().manual_seed(0)
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=own)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "k-never-above-b", r"longer texts", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            k = (k - 1) % B + 1 if B > 1 else k
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "k-in-eight-bits", r"longer texts", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1).to(torch.uint8)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "k-at-most-255", r"longer texts", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(1, 255)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "independent-where-texts-are-long", r"longer texts", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            piece = torch.randperm(B, generator=generator) if B > n else torch.randint(B, (B,), generator=generator)
            u = 1 - (piece + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "round-then-at-least-1", r"^(?!.*stratified).*nearest number, and 0 made 1", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).round().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "rounded-down-then-at-least-1", r"^(?!.*stratified).*rounded down, and 0 made 1", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).floor().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "numbers-of-half-the-piece", r"in one half", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator) / 2) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "numbers-of-the-middle-of-the-piece", r"in one half", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + (0.25 + torch.rand(B, generator=generator) / 2)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "a-single-text-is-masked-all", r"a single text", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1) if B > 1 else torch.tensor([n])
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "a-single-text-is-masked-half", r"a single text", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1) if B > 1 else torch.tensor([n // 2])
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "pieces-in-mirrored-pairs", r"^(?!.*dealt in o).*number of masks of one text tells", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            half = torch.randperm(B // 2, generator=generator)
            turn = torch.rand(B // 2, generator=generator) < 0.5
            half = torch.where(turn, half, B - 1 - half)
            piece = torch.stack([half, B - 1 - half], 1).flatten() if B > 1 else torch.zeros(1)
            u = 1 - (piece + torch.rand(B, generator=generator)) / B
            rank = torch.rand(B, n, generator=generator).argsort(-1)
            return torch.where(rank < (u * n).ceil().clamp(min=1)[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "one-set-for-seven-texts", r"masks of one text tell", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand(B, n, generator=generator).argsort(-1)[torch.arange(B) // 7 * 7]
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "second-half-gets-the-sets-of-the-first", r"masks of one text tell", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            u = 1 - (torch.randperm(B, generator=generator) + torch.rand(B, generator=generator)) / B
            k = (u * n).ceil().clamp(min=1)
            rank = torch.rand((B + 1) // 2, n, generator=generator).argsort(-1).repeat(2, 1)[:B]
            return torch.where(rank < k[:, None], mask_id, x0)
    """),
    Wrong(CORRUPT, "naive-shuffle", r"the numbers of masks are right,", """
        def corrupt(x0, mask_id, generator):
            B, n = x0.shape
            piece = torch.randperm(B, generator=generator)
            u = (piece + 1 - torch.rand(B, generator=generator)) / B
            k = torch.ceil(u * n).long()
            flags = torch.arange(n)[None, :] < k[:, None]
            rows = torch.arange(B)
            for i in range(n):
                j = torch.randint(n, (B,), generator=generator)
                here = flags[:, i].clone()
                flags[:, i] = flags[rows, j]
                flags[rows, j] = here
            return torch.where(flags, mask_id, x0)
    """),
    Wrong(LOSS, "log-probabilities-clamped-at-minus-5", r"clamped, or a number is added", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).clamp(min=-5).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "log-probabilities-clamped-at-minus-20", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).clamp(min=-20).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "log-probabilities-clamped-at-minus-50", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).clamp(min=-50).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "probabilities-clamped-at-a-thousandth", r"clamped, or a number is added", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.softmax(-1).clamp_min(1e-3).log().gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "probabilities-clamped-at-1e-20", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.softmax(-1).clamp_min(1e-20).log().gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "small-number-in-the-logarithm", r"clamped, or a number is added", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = (z.softmax(-1) + 1e-8).log().gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "very-small-number-in-the-logarithm", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = (z.softmax(-1) + 1e-12).log().gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "losses-above-30-dropped", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked & (log_p > -30), -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "losses-below-a-thousandth-dropped", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked & (log_p < -1e-3), -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "losses-of-a-hundredth-at-least", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, (-log_p).clamp(min=1e-2), 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "logits-clamped-at-30", r"without clamps", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            logits = logits.clamp(-30, 30)
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "mask-logit-minus-50", r"only differences of logits count", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -50.0
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "mask-logit-minus-100", r"only differences of logits count", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -100.0
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "exponentials-without-a-maximum", r"only differences of logits count", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = (z.exp() / z.exp().sum(-1, keepdim=True)).log().gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "logarithm-of-the-product", r"product of so many", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return -torch.where(masked, log_p.exp(), 1.0).prod(-1).log() * n / k
    """),
    Wrong(LOSS, "masks-counted-in-eight-bits", r"eight or sixteen bits", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1, dtype=torch.uint8)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(LOSS, "float16", None, """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return (torch.where(masked, -log_p, 0.0).half().sum(-1) * n / k).to(logits)
    """),
    Wrong(LOSS, "middle-state-of-the-mask-forgotten", r"not finite|mask", """
        def mdlm_loss(logits, x0, xt, mask_id):
            n = x0.shape[1]
            mask_id = mask_id if mask_id == 0 else logits.shape[-1] - 1
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            log_p = z.log_softmax(-1).gather(-1, x0[..., None]).squeeze(-1)
            masked = xt == mask_id
            k = masked.sum(-1)
            return torch.where(masked, -log_p, 0.0).sum(-1) * n / k
    """),
    Wrong(PAIRED, "population-sd-itself", r"standard deviation, and its variance divides by N", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), d.std(correction=0)])
    """),
    Wrong(PAIRED, "error-times-the-root-of-2", r"too large by sqrt\(2\)", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), d.std() * (2 / N) ** 0.5])
    """),
    Wrong(PAIRED, "error-over-the-root-of-2", r"too small by sqrt\(2\)", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), d.std() / (2 * N) ** 0.5])
    """),
    Wrong(PAIRED, "two-standard-errors", r"two standard errors", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), 2 * d.std() / N ** 0.5])
    """),
    Wrong(PAIRED, "standard-error-at-least-a-thousandth", r"nearly the same", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), (d.std() / N ** 0.5).clamp(min=1e-3)])
    """),
    Wrong(PAIRED, "small-number-in-the-root", r"nearly the same", """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            return torch.stack([d.mean(), ((d.var() + 1e-6) / N).sqrt()])
    """),
    Wrong(PAIRED, "outliers-dropped", None, """
        def paired_difference(ours, theirs):
            d = ours - theirs
            N = len(d)
            kept = d[(d - d.median()).abs() <= 5]
            return torch.stack([kept.mean(), kept.std() / len(kept) ** 0.5])
    """),
    Wrong(PAIRED, "covariance-over-n", r"the variances of both divide by", """
        def paired_difference(ours, theirs):
            N = ours.shape[0]
            co = ((ours - ours.mean()) * (theirs - theirs.mean())).mean()
            var = ours.var() + theirs.var() - 2 * co
            return torch.stack([ours.mean() - theirs.mean(), (var / N) ** 0.5])
    """),
    Wrong(PAIRED, "mixed-corrections", r"the variances of both divide by", """
        def paired_difference(ours, theirs):
            N = ours.shape[0]
            cov = (ours * theirs).mean() - ours.mean() * theirs.mean()
            var = ours.var() + theirs.var() - 2 * cov
            return torch.stack((ours.mean() - theirs.mean(), (var.clamp(min=0) / N).sqrt()))
    """),
    Wrong(DESCEND, "gradient-of-norm-1-at-most", r"gradient is clipped", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * g / max(float(g.norm()), 1.0)
            return w
    """),
    Wrong(DESCEND, "gradient-of-norm-5-at-most", r"gradient is clipped", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * g * min(1.0, 5.0 / max(float(g.norm()), 1e-9))
            return w
    """),
    Wrong(DESCEND, "entries-of-1-at-most", r"gradient is clipped", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * g.clamp(-1, 1)
            return w
    """),
    Wrong(DESCEND, "gradient-of-norm-1000-at-most", r"nothing is clipped", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * g * min(1.0, 1000.0 / max(float(g.norm()), 1e-9))
            return w
    """),
    Wrong(DESCEND, "gradient-of-length-1", r"divided by its length", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * g / g.norm()
            return w
    """),
    Wrong(DESCEND, "weights-kept-below-10", r"nothing is clipped", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = (w - learning_rate * g).clamp(-10, 10)
            return w
    """),
    Wrong(DESCEND, "weight-decay", r"decay", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * (g + 0.01 * w)
            return w
    """),
    Wrong(DESCEND, "learning-rate-that-falls", r"learning rate falls", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate / (s + 1) * g
            return w
    """),
    Wrong(DESCEND, "learning-rate-that-warms-up", r"warms up", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - learning_rate * (s + 1) / len(batches) * g
            return w
    """),
    Wrong(DESCEND, "learning-rate-at-most-1", None, """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                w = w - min(learning_rate, 1.0) * g
            return w
    """),
    Wrong(DESCEND, "stops-at-a-small-gradient", r"however small", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                if g.norm() < 1e-6:
                    break
                w = w - learning_rate * g
            return w
    """),
    Wrong(DESCEND, "stops-at-a-gradient-of-0", r"however small", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                if not g.any():
                    break
                w = w - learning_rate * g
            return w
    """),
    Wrong(DESCEND, "nesterov", r"^(?!.*Adam).*Nesterov", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                m = 0.9 * (m if s else 0) + g
                w = w - learning_rate * (g + 0.9 * m)
            return w
    """),
    Wrong(DESCEND, "adagrad", r"squares", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.clone()
            for s, batch in enumerate(batches):
                v = w.clone().requires_grad_()
                (g,) = torch.autograd.grad(loss_of(v, batch), v)
                total = (total if s else 0) + g**2
                w = w - learning_rate * g / (total.sqrt() + 1e-10)
            return w
    """),
    Wrong(DESCEND, "finite-differences", r"finite differences", """
        def descend(loss_of, weights, batches, learning_rate):
            w = weights.double()
            for batch in batches:
                g = torch.zeros_like(w).flatten()
                for i in range(len(g)):
                    e = torch.zeros_like(g)
                    e[i] = 1e-5
                    e = e.reshape(w.shape)
                    g[i] = (loss_of(w + e, batch) - loss_of(w - e, batch)) / 2e-5
                w = w - learning_rate * g.reshape(w.shape)
            return w
    """),
    Wrong(DESCEND, "gradient-through-all-steps", r"the gradients are those with respect", """
        def descend(loss_of, weights, batches, learning_rate):
            first = weights.detach().clone().requires_grad_()
            w = first
            for batch in batches:
                loss = loss_of(w, batch)
                (g,) = torch.autograd.grad(loss, first, create_graph=True)
                w = w - learning_rate * g
            return w.detach()
    """),
    Wrong(DESCEND, "gradient-one-step-late", r"each gradient but the first is", """
        def descend(loss_of, weights, batches, learning_rate):
            def gradient(at, batch):
                v = at.detach().clone().requires_grad_()
                return torch.autograd.grad(loss_of(v, batch), v)[0]
            w = weights.detach().clone()
            S = len(batches)
            if S == 0:
                return w
            pending = gradient(w, batches[0])
            for s in range(S):
                following = gradient(w, batches[s + 1]) if s + 1 < S else None
                w = w - learning_rate * pending
                pending = following
            return w
    """),
]

TABLE = {
    CORRUPT: {
        "two calls": True,
        "batch sizes": True,
        "long or many": ("k-in-eight-bits", "k-at-most-255", "k-never-above-b"),
        "across the batch": ("one-permutation-for-the-batch", "one-permutation-rolled", "pieces-in-mirrored-pairs",
                             "complement-for-every-second-text", "one-set-for-seven-texts",
                             "second-half-gets-the-sets-of-the-first"),
        "along the text": ("block-with-a-random-start", "left-preferred"),
        "odd rates": "takes no rate; its numbers u are drawn",
        **no("what the letters are does not matter, and no text is special", "letters", "ordinary batch"),
        **no("texts of a batch have two dimensions", "shapes"),
        **NO_FLOATS, **NO_CHAIN, **NO_TIME,
    },
    LOSS: {
        **dict.fromkeys(("rare mass", "batch sizes", "both floats", "large logits"), True),
        "letters": lambda cases: {3, 4, 5, 6} <= {case.args[0].shape[2] for case in cases},
        "long or many": lambda cases: any(case.args[1].shape[1] > 1000 for case in cases),
        "odd rates": "takes no rate",
        "ordinary batch": "no text is special: each has a mask",
        "shapes": "logits have three dimensions",
        "-inf": "the logits of a network are finite; that of the mask becomes -inf in the answer",
        **DRAWS_NOTHING, **NO_CHAIN, **NO_TIME,
    },
    PAIRED: {
        "rare mass": ("standard-error-at-least-a-thousandth", "small-number-in-the-root"),
        "long or many": lambda cases: any(len(case.args[0]) > 1000 for case in cases),
        "both floats": True,
        **no("takes losses of whole texts", "odd rates", "letters"),
        "shapes": "the losses have one dimension",
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
    DESCEND: {
        "rare mass": ("stops-at-a-small-gradient", "stops-at-a-gradient-of-0"),
        "odd rates": ("learning-rate-hard-coded", "learning-rate-at-most-1"),
        "shapes": True,
        "both floats": True,
        **no("each step is like the one before, and nothing is counted", "long or many", "letters"),
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
}

TOPIC = Topic("07_mdlm_training", FUNCTIONS, RIGHT, WRONG, samplers=(CORRUPT,), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {CORRUPT: "pieces-in-order", LOSS: "cross-entropy", DESCEND: "gradients-not-zeroed"}   # noqa: RUF012


class TestSampler(SamplerTests):
    topic = TOPIC
    task = CORRUPT
    steady = ("randperm-and-ranks", "one-minus-rand-float64", "floor-plus-one-shuffled-at-the-end",
              "rows-of-the-mask-shuffled", "numpy-seeded-by-the-generator", "position-after-position-int32",
              "float32-throughout-and-topk")
    never = ("generator-copied", "pieces-by-a-copy", "numbers-by-a-copy", "sets-by-a-copy", "sets-by-seed-0",
             "k-never-above-b", "k-in-eight-bits", "independent-where-texts-are-long", "pieces-in-mirrored-pairs",
             "coins", "coins-with-one-mask-at-least", "floor-then-at-least-1", "independent-counts",
             "pieces-with-replacement", "pieces-in-order", "pieces-only-rolled", "pieces-up-or-down",
             "middles-of-the-pieces", "pieces-in-a-fixed-order", "one-number-for-all-pieces",
             "one-permutation-for-the-batch", "one-permutation-rolled", "complement-for-every-second-text",
             "block-with-a-random-start", "left-preferred", "small-random-integers-sorted")
