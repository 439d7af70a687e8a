"""Do the checks of topic 02 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong
from properties import DRAWS_NOTHING, NO_LOGITS, NO_TEXTS, NO_TIME, no

CLOSED = "02-1-closed-form"
MASK = "02-2-mask-tokens"
BETA = "02-3-beta-from-mask-rate"
INFORMATION = "02-4-mutual-information"
BAND = "02-5-gaussian-band"
FUNCTIONS = {CLOSED: "closed_form", MASK: "mask_tokens", BETA: "beta_from_mask_rate",
             INFORMATION: "mutual_information", BAND: "gaussian_band"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 02-1
    Right(CLOSED, "eye-and-outer", """
        def closed_form(alpha_bar, pi):
            K = len(pi)
            ones = torch.ones(K, dtype=pi.dtype)
            return alpha_bar * torch.eye(K, dtype=pi.dtype) + (1 - alpha_bar) * torch.outer(pi, ones)
    """),
    Right(CLOSED, "broadcasting", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(pi.shape[0]) + (1 - alpha_bar) * pi[:, None]
    """),
    Right(CLOSED, "two-loops", """
        def closed_form(alpha_bar, pi):
            K = pi.numel()
            Q = torch.zeros(K, K)
            for i in range(K):
                for j in range(K):
                    Q[i, j] = (1 - alpha_bar) * pi[i]
                    if i == j:
                        Q[i, j] += alpha_bar
            return Q
    """),
    Right(CLOSED, "numpy-array-returned", """
        def closed_form(alpha_bar, pi):
            p = np.asarray(pi)
            return alpha_bar * np.identity(p.size) + (1 - alpha_bar) * np.outer(p, np.ones_like(p))
    """),
    Right(CLOSED, "einsum-float32", """
        def closed_form(alpha_bar, pi):
            pi = pi.float()
            rank_one = torch.einsum("i,j->ij", pi, torch.ones_like(pi))
            return torch.lerp(rank_one, torch.eye(len(pi)), alpha_bar)
    """),
    Right(CLOSED, "column-after-column", """
        def closed_form(alpha_bar, pi):
            columns = []
            for j in range(len(pi)):
                e = torch.zeros_like(pi)
                e[j] = 1.0
                columns.append(alpha_bar * e + (1 - alpha_bar) * pi)
            return torch.stack(columns, dim=1)
    """),
    Right(CLOSED, "repeat-and-add-to-the-diagonal", """
        def closed_form(alpha_bar, pi):
            Q = ((1 - alpha_bar) * pi).repeat(len(pi), 1).T.clone()
            Q.diagonal().add_(alpha_bar)
            return Q
    """),

    # ---- 02-2
    Right(MASK, "where", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Right(MASK, "clone-and-assign", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            xt = x0.clone()
            xt[torch.rand(*x0.shape, generator=generator) < mask_rate] = mask_id
            return xt
    """),
    Right(MASK, "survivors-above-one-minus-the-rate", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.size(), generator=generator, dtype=torch.float64)
            hit = u >= 1 - mask_rate
            return x0.masked_fill(hit, mask_id)
    """),
    Right(MASK, "arithmetic", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            coin = (torch.rand(x0.shape, generator=generator) < mask_rate).long()
            return coin * mask_id + (1 - coin) * x0
    """),
    Right(MASK, "bernoulli-int32", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            coin = torch.bernoulli(torch.full(x0.shape, float(mask_rate)), generator=generator).bool()
            return torch.where(coin, torch.tensor(mask_id), x0).int()
    """),
    Right(MASK, "numpy-array-returned", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator).numpy()
            return np.where(u < mask_rate, mask_id, x0.numpy())
    """),
    Right(MASK, "numpy-generator-seeded-by-the-generator", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            rng = np.random.default_rng(int(torch.randint(2**40, (1,), generator=generator)))
            return torch.tensor(np.where(rng.random(x0.shape) < mask_rate, mask_id, x0))
    """),
    Right(MASK, "row-after-row", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            rows = []
            for row in x0:
                coins = torch.rand(len(row), generator=generator)
                rows.append(torch.tensor([mask_id if c < mask_rate else int(x) for c, x in zip(coins, row)]))
            return torch.stack(rows)
    """, slow=True),

    # ---- 02-3
    Right(BETA, "quotient-of-alpha-bars", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            before = torch.cat([torch.ones(1, dtype=mask_rate.dtype), alpha_bar[:-1]])
            return 1 - alpha_bar / before
    """),
    Right(BETA, "loop", """
        def beta_from_mask_rate(mask_rate):
            betas = torch.zeros(len(mask_rate))
            prev = 0.0
            for t, lam in enumerate(mask_rate):
                betas[t] = (lam - prev) / (1 - prev)
                prev = lam
            return betas
    """),
    Right(BETA, "share-of-the-visible", """
        def beta_from_mask_rate(mask_rate):
            prev = torch.roll(mask_rate, 1)
            prev[0] = 0
            return (mask_rate - prev) / (1 - prev)
    """),
    Right(BETA, "numpy-array-returned", """
        def beta_from_mask_rate(mask_rate):
            lam = mask_rate.numpy()
            return np.diff(lam, prepend=0) / (1 - np.r_[0, lam[:-1]])
    """),
    Right(BETA, "list-comprehension", """
        def beta_from_mask_rate(mask_rate):
            ab = [1.0] + [1 - l for l in mask_rate.tolist()]
            return torch.tensor([1 - b / a for a, b in zip(ab, ab[1:])])
    """),
    Right(BETA, "product-kept-by-hand", """
        def beta_from_mask_rate(mask_rate):
            out, survived = [], torch.tensor(1.0)
            for lam in mask_rate.float():
                b = 1 - (1 - lam) / survived
                out += [b]
                survived = survived * (1 - b)
            return torch.stack(out)
    """),
    Right(BETA, "logarithms", """
        def beta_from_mask_rate(mask_rate):
            logs = torch.log1p(-mask_rate)
            return -torch.expm1(torch.diff(logs, prepend=torch.zeros(1, dtype=logs.dtype)))
    """),

    # ---- 02-4
    Right(INFORMATION, "xlogy", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            first = (torch.special.xlogy(matrix, matrix) * p0).sum()
            return first - torch.special.xlogy(pt, pt).sum()
    """),
    Right(INFORMATION, "two-loops-python-float", """
        from math import log

        def mutual_information(p0, matrix):
            K = len(p0)
            pt = [sum(float(matrix[i, j]) * float(p0[j]) for j in range(K)) for i in range(K)]
            total = 0.0
            for i in range(K):
                for j in range(K):
                    joint = float(p0[j] * matrix[i, j])
                    if joint > 0:
                        total += joint * log(float(matrix[i, j]) / pt[i])
            return total
    """),
    Right(INFORMATION, "nansum", """
        def mutual_information(p0, matrix):
            pt = torch.einsum("ij,j->i", matrix, p0)
            return torch.nansum(p0 * matrix * torch.log(matrix / pt[:, None]))
    """),
    Right(INFORMATION, "numpy-number-returned", """
        def mutual_information(p0, matrix):
            p, Q = p0.numpy(), matrix.numpy()
            joint = Q * p
            indep = np.outer(joint.sum(1), p)
            ok = joint > 0
            return np.sum(joint[ok] * np.log(joint[ok] / indep[ok]))
    """),
    Right(INFORMATION, "entropies-float32", """
        def mutual_information(p0, matrix):
            def H(p):
                p = p[p > 0]
                return -(p * p.log()).sum()

            p0, matrix = p0.float(), matrix.float()
            return H(matrix @ p0) - sum(p0[j] * H(matrix[:, j]) for j in range(len(p0)))
    """),
    Right(INFORMATION, "entropies-the-other-way-round", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum()
            joint = matrix * p0
            return H(p0) + H(joint.sum(1)) - H(joint)
    """),
    Right(INFORMATION, "sum-of-divergences", """
        from dlm_course import kl

        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.stack([p * kl(matrix[:, j], pt) for j, p in enumerate(p0) if p > 0]).sum()
    """),
    Right(INFORMATION, "tiny-number-in-the-logarithm", """
        def mutual_information(p0, matrix):
            eps = 1e-40
            pt = matrix @ p0
            return (p0 * matrix * ((matrix + eps).log() - (pt + eps).log().unsqueeze(1))).sum()
    """),

    # ---- 02-5
    Right(BAND, "fill-the-diagonal", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states, dtype=torch.float64)
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma**2))
            q = w / w.sum(0).max()
            q.fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Right(BAND, "loops", """
        import math

        def gaussian_band(num_states, sigma):
            K = num_states
            w = [[math.exp(-(i - j) ** 2 / (2 * sigma ** 2)) for j in range(K)] for i in range(K)]
            c = max(sum(w[i][j] for i in range(K)) for j in range(K))
            Q = torch.zeros(K, K)
            for j in range(K):
                missing = 1.0
                for i in range(K):
                    if i != j:
                        Q[i, j] = w[i][j] / c
                        missing -= w[i][j] / c
                Q[j, j] = missing
            return Q
    """),
    Right(BAND, "missing-mass-added-to-the-whole", """
        def gaussian_band(num_states, sigma):
            # w_jj / c stays where it is: what is missing of the column comes on top
            x = torch.arange(num_states).float()
            Q = (-0.5 * ((x.unsqueeze(0) - x.unsqueeze(1)) / sigma).square()).exp()
            Q /= Q.sum(1).max()
            return Q + (1 - Q.sum(0)).diag()
    """),
    Right(BAND, "numpy-array-returned", """
        def gaussian_band(num_states, sigma):
            i, j = np.indices((num_states, num_states))
            w = np.exp(-(i - j) ** 2 / 2 / sigma ** 2)
            Q = w / w.sum(axis=0).max()
            np.fill_diagonal(Q, 0)
            np.fill_diagonal(Q, 1 - Q.sum(axis=0))
            return Q
    """),
    Right(BAND, "sum-of-the-middle-column-float32", """
        def gaussian_band(num_states, sigma):
            d = torch.arange(num_states)
            kernel = torch.exp(-d ** 2 / (2 * sigma ** 2))
            w = kernel[(d[:, None] - d).abs()]
            off = (1 - torch.eye(num_states)) * w / w[:, num_states // 2].sum()
            return off + torch.diag_embed(1 - off.sum(0))
    """),
]

# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 02-1
    Wrong(CLOSED, "pi-in-the-rows", r"\brow|transpos", """
        def closed_form(alpha_bar, pi):
            K = len(pi)
            return alpha_bar * torch.eye(K) + (1 - alpha_bar) * torch.outer(torch.ones(K, dtype=pi.dtype), pi)
    """),
    Wrong(CLOSED, "pi-broadcast-along-the-rows", r"\brow|transpos", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * pi
    """),
    Wrong(CLOSED, "weights-swapped", r"swap|exchang|other way|trade", """
        def closed_form(alpha_bar, pi):
            return (1 - alpha_bar) * torch.eye(len(pi)) + alpha_bar * pi[:, None]
    """),
    Wrong(CLOSED, "uniform-whatever-pi", r"uniform|1/K|pi", """
        def closed_form(alpha_bar, pi):
            K = len(pi)
            return alpha_bar * torch.eye(K) + (1 - alpha_bar) * torch.ones(K, K) / K
    """),
    Wrong(CLOSED, "mask-whatever-pi", r"mask|absorbing|pi", """
        def closed_form(alpha_bar, pi):
            K = len(pi)
            Q = alpha_bar * torch.eye(K)
            Q[-1] += 1 - alpha_bar
            return Q
    """),
    Wrong(CLOSED, "pi-on-the-diagonal", r"diag", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * torch.diag(pi)
    """),
    Wrong(CLOSED, "second-weight-forgotten", r"1 ?- ?alpha_bar|sum to", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + torch.outer(pi, torch.ones_like(pi))
    """),
    Wrong(CLOSED, "identity-without-its-weight", r"alpha_bar|sum to", """
        def closed_form(alpha_bar, pi):
            return torch.eye(len(pi)) + (1 - alpha_bar) * pi.view(-1, 1)
    """),
    Wrong(CLOSED, "identity-forgotten", r"identity|\bI\b|eye|diagonal", """
        def closed_form(alpha_bar, pi):
            return (alpha_bar + (1 - alpha_bar) * pi)[:, None].repeat(1, len(pi))
    """),
    Wrong(CLOSED, "second-part-only", r"identity|\bI\b|sum to", """
        def closed_form(alpha_bar, pi):
            return (1 - alpha_bar) * torch.outer(pi, torch.ones(len(pi)).double())
    """),
    Wrong(CLOSED, "outer-of-pi-and-pi", r"pi pi|outer|ones|sum to", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * torch.outer(pi, pi)
    """),
    Wrong(CLOSED, "resampled-to-another-state", r"diagonal|itself|add", """
        def closed_form(alpha_bar, pi):
            Q = (1 - alpha_bar) * pi[:, None].repeat(1, len(pi))
            return Q.fill_diagonal_(alpha_bar)
    """),
    Wrong(CLOSED, "diagonal-takes-the-rest", r"exchang", """
        def closed_form(alpha_bar, pi):
            Q = alpha_bar * pi[:, None].repeat(1, len(pi))
            Q.fill_diagonal_(0)
            return Q + torch.diag(1 - Q.sum(0))
    """),
    Wrong(CLOSED, "vector", r"shape", """
        def closed_form(alpha_bar, pi):
            return alpha_bar + (1 - alpha_bar) * pi
    """),
    Wrong(CLOSED, "integers", r"dtype|integer", """
        def closed_form(alpha_bar, pi):
            Q = torch.eye(len(pi), dtype=torch.long)
            for i in range(len(pi)):
                for j in range(len(pi)):
                    Q[i, j] = alpha_bar * (i == j) + (1 - alpha_bar) * pi[i]
            return Q
    """),
    Wrong(CLOSED, "outer-with-a-number", r"TypeError", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * torch.outer(pi, 1)
    """),
    Wrong(CLOSED, "list-for-tensor", r"a list", """
        def closed_form(alpha_bar, pi):
            return [[alpha_bar * (i == j) + (1 - alpha_bar) * float(p) for j in range(len(pi))]
                    for i, p in enumerate(pi)]
    """),
    Wrong(CLOSED, "forgotten-return", r"return statement", """
        def closed_form(alpha_bar, pi):
            Q = alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * pi[:, None]
    """),
    Wrong(CLOSED, "writes-into-pi", r"in place", """
        def closed_form(alpha_bar, pi):
            pi *= 1 - alpha_bar
            return alpha_bar * torch.eye(len(pi)) + pi[:, None]
    """),

    # ---- 02-2
    Wrong(MASK, "one-coin-a-sequence", r"sequence|together|coin", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape[0], 1, generator=generator)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "one-coin-a-position", r"position|together|coin", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape[1], generator=generator)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "one-coin-for-all", r"together|coin", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            if torch.rand((), generator=generator) < mask_rate:
                return torch.full_like(x0, mask_id)
            return x0.clone()
    """),
    Wrong(MASK, "one-coin-a-state", None, """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            K = int(x0.max()) + 1
            gone = torch.rand(K, generator=generator) < mask_rate
            return torch.where(gone[x0], mask_id, x0)
    """),
    Wrong(MASK, "generator-ignored", r"generator", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.where(torch.rand(x0.shape) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "rand-like", r"generator", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            xt = x0.clone()
            xt[torch.rand_like(x0.float()) < mask_rate] = mask_id
            return xt
    """),
    Wrong(MASK, "numpy-randomness", r"generator", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.tensor(np.where(np.random.rand(*x0.shape) < mask_rate, mask_id, x0))
    """),
    Wrong(MASK, "generator-seeded-anew", r"two seeds|seed", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            generator.manual_seed(42)
            return torch.where(torch.rand(x0.shape, generator=generator) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "rate-of-the-visible", r"1 ?- ?|other way|swap|exchang|visible|stay|kept", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            return torch.where(u < mask_rate, x0, mask_id)
    """),
    Wrong(MASK, "comparison-turned-round", r"1 ?- ?|other way|swap|exchang|visible|stay|kept", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            out = x0.clone()
            out[torch.rand(x0.shape, generator=generator) > mask_rate] = mask_id
            return out
    """),
    Wrong(MASK, "fair-coin", r"lambda|half|mask_rate", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.where(torch.rand(x0.shape, generator=generator) < 0.5, mask_id, x0)
    """),
    Wrong(MASK, "normal-numbers", None, """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.where(torch.randn(x0.shape, generator=generator) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "exact-number-in-a-sequence", r"same number|exact|number of masks|independent", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            batch, n = x0.shape
            k = round(mask_rate * n)
            xt = x0.clone()
            for b in range(batch):
                xt[b, torch.randperm(n, generator=generator)[:k]] = mask_id
            return xt
    """),
    Wrong(MASK, "exact-number-by-ranks", r"same number|exact|number of masks|independent", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            n = x0.shape[1]
            rank = torch.rand(x0.shape, generator=generator).argsort(1).argsort(1)
            return torch.where(rank < int(mask_rate * n), mask_id, x0)
    """),
    Wrong(MASK, "the-first-ones", r"random|first|coin|generator|draw", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            xt = x0.clone()
            xt[:, :int(mask_rate * x0.shape[1])] = mask_id
            return xt
    """),
    Wrong(MASK, "all-above-one-half", r"random|first|coin|generator|draw", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.full_like(x0, mask_id) if mask_rate > 0.5 else x0.clone()
    """),
    Wrong(MASK, "random-replacement", r"must stay|uniform|become", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            hit = torch.rand(x0.shape, generator=generator) < mask_rate
            other = torch.randint(mask_id + 1, x0.shape, generator=generator)
            return torch.where(hit, other, x0)
    """),
    Wrong(MASK, "mask-taken-for-the-highest-plus-one", r"mask_id|neither", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            hit = torch.rand(x0.shape, generator=generator) < mask_rate
            return torch.where(hit, x0.max() + 1, x0)
    """),
    Wrong(MASK, "mask-taken-for-0", r"mask_id|neither", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return x0 * (torch.rand(x0.shape, generator=generator) >= mask_rate)
    """),
    Wrong(MASK, "mask-taken-for-minus-one", r"mask_id|neither", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return x0.masked_fill(torch.rand(x0.shape, generator=generator) < mask_rate, -1)
    """),
    Wrong(MASK, "coin-times-mask-added", r"must stay|mask_id|add", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            coin = torch.rand(x0.shape, generator=generator) < mask_rate
            return x0 + coin * mask_id
    """),
    Wrong(MASK, "two-coins", None, """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            one = torch.rand(x0.shape, generator=generator) < mask_rate
            two = torch.rand(x0.shape, generator=generator) < mask_rate
            return torch.where(one | two, mask_id, x0)
    """),
    Wrong(MASK, "never-the-last-token", None, """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            xt = x0.clone()
            u = torch.rand(x0.shape, generator=generator)
            xt[:, :-1][u[:, :-1] < mask_rate] = mask_id
            return xt
    """),
    Wrong(MASK, "coins-instead", r"dtype|bool|integer", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.rand(x0.shape, generator=generator) < mask_rate
    """),
    Wrong(MASK, "floating-point-states", r"integer", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            m = torch.bernoulli(torch.full(x0.shape, float(mask_rate)), generator=generator)
            return m * mask_id + (1 - m) * x0
    """),
    Wrong(MASK, "nan-for-the-mask", r"integer", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            hit = torch.rand(x0.shape, generator=generator) < mask_rate
            return x0.float().masked_fill(hit, float("nan"))
    """),
    Wrong(MASK, "flat", r"shape", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            flat = x0.flatten()
            return torch.where(torch.rand(len(flat), generator=generator) < mask_rate, mask_id, flat)
    """),
    Wrong(MASK, "visible-tokens-only", r"shape", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return x0[torch.rand(x0.shape, generator=generator) >= mask_rate]
    """),
    Wrong(MASK, "list-for-tensor", r"a list", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            return torch.where(u < mask_rate, mask_id, x0).tolist()
    """),
    Wrong(MASK, "forgotten-return", r"return statement", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            xt = x0.clone()
            xt[torch.rand(x0.shape, generator=generator) < mask_rate] = mask_id
    """),
    Wrong(MASK, "writes-into-x0", r"in place", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            x0[torch.rand(x0.shape, generator=generator) < mask_rate] = mask_id
            return x0
    """),
    Wrong(MASK, "one-argument-too-many", r"TypeError", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            return torch.where(torch.rand_like(x0.float(), generator), mask_id, x0)
    """),

    # ---- 02-3
    Wrong(BETA, "differences", r"difference|visible|share of all|lambda_t - lambda", """
        def beta_from_mask_rate(mask_rate):
            return torch.diff(mask_rate, prepend=torch.zeros(1, dtype=mask_rate.dtype))
    """),
    Wrong(BETA, "differences-in-a-loop", r"difference|visible|share of all|lambda_t - lambda", """
        def beta_from_mask_rate(mask_rate):
            beta = mask_rate.clone()
            for t in range(1, len(beta)):
                beta[t] = mask_rate[t] - mask_rate[t - 1]
            return beta
    """),
    Wrong(BETA, "one-minus-beta", r"1 ?- ?beta|stay|surviv|alpha_t", """
        def beta_from_mask_rate(mask_rate):
            ab = torch.cat([torch.tensor([1.0]), 1 - mask_rate])
            return ab[1:] / ab[:-1]
    """),
    Wrong(BETA, "mask-rate-taken-for-alpha-bar", r"alpha_bar|mask rate|lambda", """
        def beta_from_mask_rate(mask_rate):
            prev = torch.cat([torch.ones(1), mask_rate[:-1]])
            return 1 - mask_rate / prev
    """),
    Wrong(BETA, "quotient-of-the-mask-rates", None, """
        def beta_from_mask_rate(mask_rate):
            beta = mask_rate.clone()
            beta[:-1] = mask_rate[:-1] / mask_rate[1:]
            return beta
    """),
    Wrong(BETA, "quotient-upside-down", r"visible before|upside", """
        def beta_from_mask_rate(mask_rate):
            ab = torch.cat([torch.ones(1), 1 - mask_rate])
            return 1 - ab[:-1] / ab[1:]
    """),
    Wrong(BETA, "divided-by-the-visible-afterwards", r"before|previous|lambda_\(?t ?- ?1|after", """
        def beta_from_mask_rate(mask_rate):
            prev = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return (mask_rate - prev) / (1 - mask_rate)
    """),
    Wrong(BETA, "divided-by-lambda", r"visible|divid|1 ?- ?lambda", """
        def beta_from_mask_rate(mask_rate):
            prev = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return (mask_rate - prev) / mask_rate
    """),
    Wrong(BETA, "first-one-left-out", r"shape", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            return 1 - alpha_bar[1:] / alpha_bar[:-1]
    """),
    Wrong(BETA, "first-one-zero", r"beta_1|first", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            beta = torch.zeros_like(mask_rate)
            beta[1:] = 1 - alpha_bar[1:] / alpha_bar[:-1]
            return beta
    """),
    Wrong(BETA, "first-one-one", r"beta_1|first", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            beta = torch.ones_like(mask_rate)
            for t in range(1, len(beta)):
                beta[t] = 1 - alpha_bar[t] / alpha_bar[t - 1]
            return beta
    """),
    Wrong(BETA, "roll-wraps-round", r"beta_1|first", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            return 1 - alpha_bar / alpha_bar.roll(1)
    """),
    Wrong(BETA, "one-entry-too-many", r"shape", """
        def beta_from_mask_rate(mask_rate):
            ab = torch.cat([torch.ones(2), 1 - mask_rate])
            return 1 - ab[1:] / ab[:-1]
    """),
    Wrong(BETA, "shifted-by-one-step", None, """
        def beta_from_mask_rate(mask_rate):
            ab = torch.cat([torch.ones(1).double(), 1 - mask_rate])
            beta = 1 - ab[1:] / ab[:-1]
            return torch.cat([beta[1:], beta[-1:]])
    """),
    Wrong(BETA, "backwards", r"revers|order|back|last", """
        def beta_from_mask_rate(mask_rate):
            ab = torch.cat([torch.ones(1).double(), 1 - mask_rate])
            return (1 - ab[1:] / ab[:-1]).flip(0)
    """),
    Wrong(BETA, "mask-rate-itself", r"mask rate|lambda|unchanged|cumulative", """
        def beta_from_mask_rate(mask_rate):
            return 1 - (1 - mask_rate) / 1.0
    """),
    Wrong(BETA, "mask-rate-from-beta", r"other (way|direction)|opposite|mask rate|cumprod|product|from the betas", """
        def beta_from_mask_rate(mask_rate):
            return 1 - torch.cumprod(1 - mask_rate, 0)
    """),
    Wrong(BETA, "linear-whatever-the-curve", r"linear", """
        def beta_from_mask_rate(mask_rate):
            T = len(mask_rate)
            return torch.tensor([1 / (T - t + 1) for t in range(1, T + 1)])
    """),
    Wrong(BETA, "same-beta-up-to-t", None, """
        def beta_from_mask_rate(mask_rate):
            t = torch.arange(1, len(mask_rate) + 1)
            return 1 - (1 - mask_rate) ** (1 / t)
    """),
    Wrong(BETA, "integers", r"dtype|integer", """
        def beta_from_mask_rate(mask_rate):
            beta, prev = torch.zeros(len(mask_rate), dtype=int), 0
            for t in range(len(mask_rate)):
                beta[t] = (mask_rate[t] - prev) / (1 - prev)
                prev = mask_rate[t]
            return beta
    """),
    Wrong(BETA, "one-step-too-far", r"IndexError", """
        def beta_from_mask_rate(mask_rate):
            beta = torch.zeros_like(mask_rate)
            for t in range(1, len(mask_rate) + 1):
                beta[t] = 1 - (1 - mask_rate[t]) / (1 - mask_rate[t - 1])
            return beta
    """),
    Wrong(BETA, "list-for-tensor", r"a list", """
        def beta_from_mask_rate(mask_rate):
            out, prev = [], 0
            for l in mask_rate:
                out.append((l - prev) / (1 - prev))
                prev = l
            return out
    """),
    Wrong(BETA, "forgotten-return", r"return statement", """
        def beta_from_mask_rate(mask_rate):
            prev = torch.cat([torch.zeros(1), mask_rate[:-1]])
            betas = (mask_rate - prev) / (1 - prev)
    """),
    Wrong(BETA, "writes-into-mask-rate", r"in place", """
        def beta_from_mask_rate(mask_rate):
            for t in reversed(range(1, len(mask_rate))):
                mask_rate[t] = (mask_rate[t] - mask_rate[t - 1]) / (1 - mask_rate[t - 1])
            return mask_rate
    """),
    Wrong(BETA, "overwrites-on-the-way", r"overwritten", """
        def beta_from_mask_rate(mask_rate):
            b = mask_rate.clone()
            for t in range(1, len(b)):
                b[t] = (b[t] - b[t - 1]) / (1 - b[t - 1])
            return b
    """),

    # ---- 02-4
    Wrong(INFORMATION, "nan-from-0-log-0", r"NaN|0 log|log 0|xlogy", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return (p0 * matrix * torch.log(matrix / pt[:, None])).sum()
    """),
    Wrong(INFORMATION, "nan-from-the-entropies", r"NaN|0 log|log 0|xlogy", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return (p0 * (matrix * matrix.log()).sum(0)).sum() - (pt * pt.log()).sum()
    """),
    Wrong(INFORMATION, "nan-made-zero-at-the-end", r"NaN|0 log|log 0|xlogy|0 everywhere|nan_to_num", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return (p0 * matrix * torch.log(matrix / pt[:, None])).sum().nan_to_num(0.0)
    """),
    Wrong(INFORMATION, "math-domain-error", r"ValueError|ZeroDivisionError", """
        import math

        def mutual_information(p0, matrix):
            pt = (matrix @ p0).tolist()
            total = 0
            for i, row in enumerate(matrix.tolist()):
                for j, q in enumerate(row):
                    total += p0[j] * q * math.log(q / pt[i])
            return total
    """),
    Wrong(INFORMATION, "bits", r"\bbits?\b|nats|log2", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(p0 * matrix * torch.log2(matrix / pt[:, None]))
    """),
    Wrong(INFORMATION, "log10", r"log10|natural|nats|base", """
        def mutual_information(p0, matrix):
            Q, p = matrix.numpy(), p0.numpy()
            ratio = Q / np.maximum(Q @ p, 1e-300)[:, None]
            return np.nansum(Q * p * np.log10(ratio))
    """),
    Wrong(INFORMATION, "sign", r"sign|minus|negative", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            xlogy = torch.special.xlogy
            return xlogy(pt, pt).sum() - (p0 * xlogy(matrix, matrix)).sum()
    """),
    Wrong(INFORMATION, "entropy-of-xt", r"entropy|H\(", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return -torch.special.xlogy(pt, pt).sum()
    """),
    Wrong(INFORMATION, "entropy-of-x0", r"entropy|H\(", """
        def mutual_information(p0, matrix):
            return torch.special.entr(p0).sum()
    """),
    Wrong(INFORMATION, "entropy-of-xt-given-x0", r"entropy|H\(", """
        def mutual_information(p0, matrix):
            return sum(p0[j] * torch.special.entr(matrix[:, j]).sum() for j in range(len(p0)))
    """),
    Wrong(INFORMATION, "entropies-added", r"sign|entropy|H\(|minus|subtract", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix @ p0) + (H(matrix) * p0).sum()
    """),
    Wrong(INFORMATION, "entropy-lost", r"entropy|H\(", """
        def mutual_information(p0, matrix):
            # how much uncertainty has grown
            H = lambda p: torch.special.entr(p).sum()
            return H(matrix @ p0) - H(p0)
    """),
    Wrong(INFORMATION, "transposed", r"transpos|\brow", """
        def mutual_information(p0, matrix):
            m = matrix.T
            pt = m @ p0
            return torch.nansum(p0 * m * torch.log(m / pt[:, None]))
    """),
    Wrong(INFORMATION, "rows-weighted-by-p0", r"transpos|\brow|column", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(p0[:, None] * matrix * torch.log(matrix / pt[:, None]))
    """),
    Wrong(INFORMATION, "not-weighted-by-p0", r"weigh|p0|p\(x_0", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(matrix * torch.log(matrix / pt[:, None]))
    """),
    Wrong(INFORMATION, "uniform-p0", r"uniform|p0|p\(x_0", """
        def mutual_information(p0, matrix):
            pt = matrix.mean(1)
            return torch.nansum(matrix / len(p0) * torch.log(matrix / pt[:, None]))
    """),
    Wrong(INFORMATION, "marginal-by-row-mean", r"p\(x_t|mean|pt|marginal", """
        def mutual_information(p0, matrix):
            pt = matrix.mean(dim=1, keepdim=True)
            return (p0 * (torch.special.xlogy(matrix, matrix) - torch.special.xlogy(matrix, pt))).sum()
    """),
    Wrong(INFORMATION, "p0-for-the-marginal", None, """
        def mutual_information(p0, matrix):
            ratio = matrix / p0[:, None].clamp(min=1e-12)
            return torch.special.xlogy(p0 * matrix, ratio).sum()
    """),
    Wrong(INFORMATION, "marginal-broadcast-along-the-rows", r"broadcast|pt\[:, None\]|p\(x_t = [ij]\)", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(p0 * matrix * torch.log(matrix / pt))
    """),
    Wrong(INFORMATION, "alpha-bar-times-the-entropy", None, """
        def mutual_information(p0, matrix):
            return matrix[0, 0] * torch.special.entr(p0).sum()
    """),
    Wrong(INFORMATION, "joint-for-the-conditional", r"H\(x_0 \| x_t\)|joint", """
        def mutual_information(p0, matrix):
            joint = matrix * p0
            pt = joint.sum(1, keepdim=True)
            # the log of joint / pt, where the conditional belongs
            return (torch.special.xlogy(joint, joint) - torch.special.xlogy(joint, pt)).sum()
    """),
    Wrong(INFORMATION, "mean-for-sum", None, """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nanmean(p0 * matrix * (matrix / pt[:, None]).log().nan_to_num(0, 0, 0))
    """),
    Wrong(INFORMATION, "share-of-the-entropy", r"H\(x_0\)|share|divid|normal|entropy", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return (H(matrix @ p0) - H(matrix) @ p0) / H(p0)
    """),
    Wrong(INFORMATION, "coarse-eps", None, """
        def mutual_information(p0, matrix):
            pt = matrix @ p0 + 1e-2
            return (p0 * matrix * ((matrix + 1e-2) / pt[:, None]).log()).sum()
    """),
    Wrong(INFORMATION, "one-number-a-letter", r"shape", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(p0 * matrix * torch.log(matrix / pt[:, None]), dim=0)
    """),
    Wrong(INFORMATION, "shape-of-one", r"shape", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return torch.nansum(p0 * matrix * torch.log(matrix / pt[:, None])).reshape(1)
    """),
    Wrong(INFORMATION, "list-for-tensor", r"a list", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            return [torch.nansum(p0 * matrix * torch.log(matrix / pt[:, None])).item()]
    """),
    Wrong(INFORMATION, "forgotten-return", r"return statement", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            info = torch.nansum(p0 * matrix * torch.log(matrix / pt[:, None]))
    """),
    Wrong(INFORMATION, "writes-into-the-matrix", r"in place", """
        def mutual_information(p0, matrix):
            pt = matrix @ p0
            pt[pt == 0] = 1
            joint = p0 * matrix
            matrix[matrix == 0] = 1
            return (joint * torch.log(matrix / pt[:, None])).sum()
    """),

    # ---- 02-5
    Wrong(BAND, "each-column-by-its-own-sum", r"own|symmetric", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            return w / w.sum(0)
    """),
    Wrong(BAND, "softmax", r"own|symmetric", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            return torch.softmax(-(level[:, None] - level) ** 2 / (2 * sigma ** 2), dim=0)
    """),
    Wrong(BAND, "each-row-by-its-own-sum", r"\brow|symmetric|transpos", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            return w / w.sum(1, keepdim=True)
    """),
    Wrong(BAND, "own-sum-then-symmetrised", r"sum to 1", """
        def gaussian_band(num_states, sigma):
            x = np.arange(num_states)
            w = np.exp(-(x[:, None] - x) ** 2 / (2 * sigma ** 2))
            w = w / w.sum(0)
            return (w + w.T) / 2
    """),
    Wrong(BAND, "diagonal-not-corrected", r"sum to 1", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            return w / w.sum(0).max()
    """),
    Wrong(BAND, "diagonal-left-at-zero", r"sum to 1", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            return (w / w.sum(0).max()).fill_diagonal_(0)
    """),
    Wrong(BAND, "own-diagonal-taken-off-twice", r"columns do not sum|columns .* sum to 1", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = w / w.sum(0).max()
            missing = 1 - q.sum(0)
            for j in range(num_states):
                q[j, j] = missing[j]
            return q
    """),
    Wrong(BAND, "largest-sum-without-the-diagonal", r"(?=.*largest)(?=.*diagonal)(?!.*negative)", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w.fill_diagonal_(0)
            w = w / w.sum(0).max()
            return w + torch.diag(1 - w.sum(0))
    """),
    Wrong(BAND, "smallest-sum", r"largest|smallest|negative", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).min()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "sum-of-the-first-column", r"largest|first|negative", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w[:, 0].sum()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "largest-weight", r"largest (column )?sum|column sum|not divided|negative", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "sum-of-everything", r"whole|all|column sum", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "off-diagonal-by-its-own-sum", r"own|symmetric", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0)).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "square-forgotten", r"square", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level).abs() / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "sigma-not-squared", r"sigma", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "two-forgotten", r"\b2\b|factor|half", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-((level[:, None] - level) / sigma) ** 2)
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "times-sigma-for-want-of-brackets", r"bracket|sigma|parenthes", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / 2 * sigma ** 2)
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "minus-forgotten", r"minus|sign|grow|far", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp((level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "minus-squared-too", r"minus|sign|grow|far", """
        import math

        def gaussian_band(num_states, sigma):
            K = num_states
            w = torch.tensor([[math.exp((-(i - j)) ** 2 / (2 * sigma ** 2)) for j in range(K)] for i in range(K)])
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "ring-of-levels", None, """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            d = (level[:, None] - level).abs()
            d = torch.minimum(d, num_states - d)
            w = torch.exp(-d ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "levels-between-0-and-1", r"levels?\b", """
        def gaussian_band(num_states, sigma):
            level = torch.linspace(0, 1, num_states)
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "nearest-neighbours-only", None, """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w = w.tril(1).triu(-1)
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "rows-and-columns-scaled-in-turn", None, """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            for _ in range(1000):
                w = w / w.sum(0)
                w = w / w.sum(1, keepdim=True)
            return (w + w.T) / 2
    """),
    Wrong(BAND, "one-state-too-many", r"shape", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states + 1).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "one-column", r"shape", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level - level) ** 2 / (2 * sigma ** 2))
            return w / w.sum(0).max()
    """),
    Wrong(BAND, "integers", r"dtype|integer", """
        def gaussian_band(num_states, sigma):
            Q = torch.zeros((num_states, num_states), dtype=torch.int64)
            w = np.exp(-np.subtract.outer(range(num_states), range(num_states)) ** 2 / (2 * sigma ** 2))
            for i in range(num_states):
                for j in range(num_states):
                    if i != j:
                        Q[i, j] = w[i, j] / w.sum(0).max()
            return Q + torch.diag(1 - Q.sum(0))
    """),
    Wrong(BAND, "exponential-of-math", r"raised", """
        import math

        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states)
            w = math.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "list-for-tensor", r"a list", """
        def gaussian_band(num_states, sigma):
            x = np.arange(num_states)
            w = np.exp(-(x[:, None] - x) ** 2 / (2 * sigma ** 2))
            q = w / w.sum(0).max()
            np.fill_diagonal(q, 0)
            return (q + np.diag(1 - q.sum(0))).tolist()
    """),
    Wrong(BAND, "forgotten-return", r"return statement", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            q += torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "numpy-fill-returned", r"return statement", """
        def gaussian_band(num_states, sigma):
            x = np.arange(num_states)
            w = np.exp(-(x[:, None] - x) ** 2 / (2 * sigma ** 2))
            q = w / w.sum(0).max()
            np.fill_diagonal(q, 0)
            return np.fill_diagonal(q, 1 - q.sum(0))
    """),

    # ---- what rare states, coarse numbers, kept results and dependent draws let through
    Wrong(CLOSED, "rare-states-cut-off", r"threshold", """
        def closed_form(alpha_bar, pi):
            pi = torch.where(pi > 1e-9, pi, 0.0)
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * pi[:, None]
    """),
    Wrong(CLOSED, "clamped-for-stability", r"threshold", """
        def closed_form(alpha_bar, pi):
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * pi.clamp(min=1e-10)[:, None]
    """),
    Wrong(CLOSED, "default-for-a-falsy-rate", None, """
        def closed_form(alpha_bar, pi):
            alpha_bar = alpha_bar or 1.0
            return alpha_bar * torch.eye(len(pi)) + (1 - alpha_bar) * pi[:, None]
    """),
    Wrong(CLOSED, "diagonal-by-rows", r"the diagonal is 1 minus the", """
        def closed_form(alpha_bar, pi):
            K = len(pi)
            Q = (1 - alpha_bar) * torch.outer(pi, torch.ones(K, dtype=pi.dtype))
            Q.fill_diagonal_(0)
            return Q + torch.diag(1 - Q.sum(1))
    """),
    Wrong(CLOSED, "never-back", r"a resampled token may draw its", """
        def closed_form(alpha_bar, pi):
            K = pi.shape[0]
            other = pi[:, None].expand(K, K).clone()
            other.fill_diagonal_(0)
            total = other.sum(0)
            other = torch.where(total > 0, other / total.clamp(min=torch.finfo(pi.dtype).tiny), 0)
            stay = torch.where(total > 0, alpha_bar, 1.0).to(pi.dtype)
            return other * (1 - alpha_bar) + torch.diag(stay)
    """),
    Wrong(MASK, "a-copy-of-the-generator", r"second call", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            g = torch.Generator().manual_seed(generator.initial_seed())
            return torch.where(torch.rand(x0.shape, generator=g) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "state-put-back", r"second call", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            state = generator.get_state()
            u = torch.rand(x0.shape, generator=generator)
            generator.set_state(state)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "percent-numbers", r"0\.0005", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.randint(100, x0.shape, generator=generator)
            return torch.where(u < 100 * mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "half-precision-coins", r"0\.0005", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator, dtype=torch.float16)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "exact-number-in-the-batch", r"whole batch", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            k = round(mask_rate * x0.numel())
            order = torch.randperm(x0.numel(), generator=generator)
            xt = x0.flatten().clone()
            xt[order[:k]] = mask_id
            return xt.reshape(x0.shape)
    """),
    Wrong(MASK, "a-span-in-each", r"sequences, the share|same number|tell", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            B, n = x0.shape
            k = torch.bernoulli(torch.full((B, n), mask_rate), generator=generator).sum(1, keepdim=True)
            start = torch.randint(n, (B, 1), generator=generator)
            return torch.where((torch.arange(n) - start) % n < k, mask_id, x0)
    """),
    Wrong(MASK, "antithetic-halves", r"one sequence tell of those of another", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            B, n = x0.shape
            u = torch.rand((B + 1) // 2, n, generator=generator)
            return torch.where(torch.cat([u, 1 - u])[:B] < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "antithetic-along-the-sequence", None, """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            B, n = x0.shape
            u = torch.rand(B, (n + 1) // 2, generator=generator)
            return torch.where(torch.cat([u, 1 - u], 1)[:, :n] < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "a-thousand-coins-repeated", r"in a long sequence", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            B, n = x0.shape
            u = torch.rand(B, 1000, generator=generator).repeat(1, -(-n // 1000))[:, :n]
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "systematic-numbers", r"whole batch", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            N = x0.numel()
            u = (torch.randperm(N, generator=generator) + torch.rand((), generator=generator)) / N
            return torch.where(u.reshape(x0.shape) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "small-rates-are-nothing", r"0\.0005", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            if mask_rate < 0.01:
                return x0.clone()
            return torch.where(torch.rand(x0.shape, generator=generator) < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "one-column-of-coins", r"positions are masked|shares one coin|Error", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            u = torch.rand(len(x0), 1, generator=generator)
            return torch.where(u < mask_rate, mask_id, x0)
    """),
    Wrong(MASK, "exact-count", r"the number of masks of a", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            batch, n = x0.shape
            count = torch.floor(mask_rate * n + torch.rand(batch, 1, generator=generator))
            rank = torch.rand(batch, n, generator=generator).argsort(1).argsort(1)
            return torch.where(rank < count, torch.full_like(x0, mask_id), x0)
    """),
    Wrong(MASK, "less-or-equal", r"random numbers lie in \[0,", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            coin = torch.rand(x0.shape, generator=generator)
            return torch.where(coin <= mask_rate, torch.full_like(x0, mask_id), x0)
    """),
    Wrong(MASK, "coin-per-type", r"equal tokens of a sequence are", """
        def mask_tokens(x0, mask_rate, mask_id, generator):
            '''Sequences under the absorbing chain at mask rate lambda.'''
            states = max(int(x0.max()), mask_id) + 1
            coins = torch.rand(states, generator=generator) < mask_rate
            return torch.where(coins[x0], torch.full_like(x0, mask_id), x0)
    """),
    Wrong(BETA, "difference-of-logs", r"^(?!.*divided by alpha_bar_t).*log\(1 - beta_t\)", """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return torch.log(1 - before) - torch.log(1 - mask_rate)
    """),
    Wrong(BETA, "difference-of-logs-made-finite", None, """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return (torch.log(1 - before) - torch.log(1 - mask_rate)).clamp(max=1)
    """),
    Wrong(BETA, "visible-share-clamped", r"near 1", """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return (mask_rate - before) / (1 - before).clamp(min=1e-4)
    """),
    Wrong(BETA, "epsilon-in-the-denominator", r"near 1", """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return (mask_rate - before) / (1 - before + 1e-6)
    """),
    Wrong(BETA, "small-betas-cut-off", r"lambda_0", """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            beta = (mask_rate - before) / (1 - before)
            return torch.where(beta < 1e-4, 0.0, beta)
    """),
    Wrong(BETA, "never-quite-one", None, """
        def beta_from_mask_rate(mask_rate):
            before = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return ((mask_rate - before) / (1 - before)).clamp(max=0.999)
    """),
    Wrong(BETA, "cumprod-of-alpha-bar", r"the alpha_bar_t are products already: divide", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            survived = torch.cumprod(torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]]), 0)
            return 1 - alpha_bar / survived
    """),
    Wrong(BETA, "adds-beta-to-hidden", r"the share that is masked grows", """
        def beta_from_mask_rate(mask_rate):
            hidden, visible = 0.0, 1.0
            betas = []
            for rate in mask_rate.tolist():
                beta = (rate - hidden) / visible
                visible *= 1 - beta
                hidden += beta
                betas.append(beta)
            return torch.tensor(betas, dtype=mask_rate.dtype)
    """),
    Wrong(BETA, "cap", r"beta_t is limited at 0\.999, as", """
        def beta_from_mask_rate(mask_rate):
            alpha_bar = 1 - mask_rate
            before = torch.cat([torch.ones(1, dtype=alpha_bar.dtype), alpha_bar[:-1]])
            return (1 - alpha_bar / before).clamp(max=0.999)
    """),
    Wrong(BETA, "constant-root", r"1 \- beta_t is not the", """
        def beta_from_mask_rate(mask_rate):
            t = torch.arange(1, len(mask_rate) + 1, dtype=mask_rate.dtype)
            return 1 - (1 - mask_rate) ** (1 / t)
    """),
    Wrong(INFORMATION, "entropy-of-x0-for-that-of-xt", r"^(?!.*weight).*H\(x_0\) - H\(x_t \| x_0\)", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(p0) - H(matrix) @ p0
    """),
    Wrong(INFORMATION, "reversed-divergence", r"^(?!.*weight .* missing).*wrong way round", """
        def mutual_information(p0, matrix):
            pt = (matrix @ p0)[:, None]
            w = p0 * pt
            return (torch.special.xlogy(w, pt) - torch.special.xlogy(w, matrix)).nansum()
    """),
    Wrong(INFORMATION, "mean-of-the-column-entropies", r"averaged", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix @ p0) - H(matrix).mean()
    """),
    Wrong(INFORMATION, "sum-of-the-column-entropies", r"added up", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix @ p0) - H(matrix).sum()
    """),
    Wrong(INFORMATION, "entropies-of-the-rows", r"rows", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix @ p0) - H(matrix.T) @ p0
    """),
    Wrong(INFORMATION, "as-if-xt-were-uniform", r"log K", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return torch.log(torch.tensor(len(p0))) - H(matrix) @ p0
    """),
    Wrong(INFORMATION, "entropy-of-the-mean-column", r"equally likely", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix.mean(1)) - H(matrix) @ p0
    """),
    Wrong(INFORMATION, "rare-terms-cut-off", r"rare", """
        def mutual_information(p0, matrix):
            pt = (matrix @ p0)[:, None]
            w = p0 * matrix
            terms = w * (matrix / pt).log()
            return terms[w > 1e-4].sum()
    """),
    Wrong(INFORMATION, "clamped-for-stability", None, """
        def mutual_information(p0, matrix):
            pt = (matrix @ p0)[:, None]
            q = matrix.clamp(min=1e-4)
            return (p0 * q * (q.log() - pt.clamp(min=1e-4).log())).sum()
    """),
    Wrong(INFORMATION, "negative-by-another-route", r"^(?!.*missing)", """
        def mutual_information(p0, matrix):
            H = lambda p: torch.special.entr(p).sum(0)
            return H(matrix @ p0) - 2 * H(matrix) @ p0 - H(p0)
    """),
    Wrong(INFORMATION, "clamped-logs", r"0 log 0 makes the whole", """
        def mutual_information(p0, matrix):
            log_q = matrix.clamp_min(1e-6).log()
            log_pt = (matrix @ p0).clamp_min(1e-6).log()
            return torch.einsum("j,ij,ij->", p0, matrix, log_q - log_pt[:, None])
    """),
    Wrong(INFORMATION, "absorbing-formula", r"this is alpha_bar H\(x_0\), as in", """
        def mutual_information(p0, matrix):
            alpha_bar = matrix.diagonal()[p0 > 0].min()
            entropy = -torch.special.xlogy(p0, p0).sum()
            return alpha_bar * entropy
    """),
    Wrong(INFORMATION, "drops-states", r"states that x_0 never has are", """
        def mutual_information(p0, matrix):
            keep = p0 > 0
            p = p0[keep]
            A = matrix[keep][:, keep]
            pt = A @ p
            joint = A * p
            return (torch.special.xlogy(joint, A) - torch.special.xlogy(joint, pt[:, None])).sum()
    """),
    Wrong(INFORMATION, "plain-mean-of-columns", r"the entropies of the columns are", """
        def mutual_information(p0, matrix):
            def entropy(p):
                return -torch.special.xlogy(p, p).sum(0)
            K = p0.shape[0]
            noise = entropy(matrix)[p0 > 0].mean()
            return entropy(matrix @ p0) - noise
    """),
    Wrong(BAND, "three-sigma-only", r"entries are 0", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w[(level[:, None] - level).abs() > 3 * sigma] = 0
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "weights-below-1e-12-cut-off", r"entries are 0", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w[w < 1e-12] = 0
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "clamped-for-stability", r"threshold", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w = w.clamp(min=1e-10)
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "half-precision", r"are 0", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            w = w.half().float()
            q = (w / w.sum(0).max()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "sum-of-a-column-by-the-middle", None, """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states).double()
            w = torch.exp(-(level[:, None] - level) ** 2 / (2 * sigma ** 2))
            q = (w / w[:, num_states // 2 - 1].sum()).fill_diagonal_(0)
            return q + torch.diag(1 - q.sum(0))
    """),
    Wrong(BAND, "average-of-both", r"each column is divided by its", """
        def gaussian_band(num_states, sigma):
            x = torch.arange(num_states, dtype=torch.float64)
            w = (-(x[:, None] - x[None, :]).square() / (2 * sigma ** 2)).exp()
            P = w / w.sum(0, keepdim=True)
            Q = (P + P.T) / 2
            off = Q - torch.diag(Q.diagonal())
            return off + torch.diag(1 - off.sum(0))
    """),
    Wrong(BAND, "circle", r"the levels lie on a ring", """
        def gaussian_band(num_states, sigma):
            level = torch.arange(num_states, dtype=torch.float64)
            d = (level[:, None] - level).abs()
            d = torch.minimum(d, num_states - d)
            w = torch.exp(-d ** 2 / (2 * sigma ** 2))
            Q = w / w.sum(0).max()
            Q.fill_diagonal_(0)
            Q.diagonal().copy_(1 - Q.sum(0))
            return Q
    """),
    Wrong(BAND, "sinkhorn", r"rows and columns are scaled until", """
        def gaussian_band(num_states, sigma):
            x = torch.arange(num_states, dtype=torch.float64)
            w = torch.exp(-((x[:, None] - x) / sigma) ** 2 / 2)
            scale = torch.ones(num_states, dtype=torch.float64)
            for _ in range(500):
                scale = torch.sqrt(scale / (w @ scale))
            return scale[:, None] * w * scale
    """),
]

DOUBLE = "an answer may be made for float64, the dtype of the notebook's tensors"
ONE_SHAPE = "arguments of one number of dimensions"
TABLE = {
    CLOSED: {"rare mass": True, **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, "shapes": ONE_SHAPE, "both floats": DOUBLE,
             "odd rates": lambda cases: any(round(10 * case.args[0]) != 10 * case.args[0] for case in cases),
             "letters": lambda cases: any(len(case.args[1]) >= 4 and 0 < case.args[1][case.args[1] > 0].min() < 1e-3
                                          for case in cases),
             "long or many": "every entry is computed by itself",
             **no("takes no matrices", "two chains", "sparse and late"),
             "ends of time": lambda cases: {0.0, 1.0} <= {case.args[0] for case in cases}},
    MASK: {"rare mass": "what has a probability below 1e-12 is never drawn", "two calls": True, **NO_LOGITS,
           "ordinary batch": "no text is special: every token has its own coin", "batch sizes": True,
           "odd rates": ("percent-numbers", "half-precision-coins", "small-rates-are-nothing"),
           "letters": "a token is masked whatever it is; the cases have five letters",
           "long or many": lambda cases: any(case.args[0].shape[1] > 70_000 for case in cases),
           "shapes": ONE_SHAPE, **no("takes no chain", "two chains", "sparse and late"),
           "across the batch": ("antithetic-halves", "exact-number-in-the-batch", "systematic-numbers"),
           "along the text": ("a-span-in-each", "antithetic-along-the-sequence", "a-thousand-coins-repeated"),
           "ends of time": lambda cases: {0.0, 1.0} <= {case.args[1] for case in cases},
           "both floats": "takes no tensor of floating point numbers"},
    BETA: {"rare mass": lambda cases: any(case.args[0][0] < 1e-4 and 0 < 1 - case.args[0][-2] < 1e-6 for case in cases
                                          if len(case.args[0]) > 1),     # below that, 1 - quotient loses all digits
           **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, "shapes": ONE_SHAPE, "both floats": DOUBLE,
           "odd rates": ("small-betas-cut-off", "visible-share-clamped"), "letters": "takes no letters",
           "long or many": "every beta_t is computed from two neighbours",
           "two chains": lambda cases: len({len(case.args[0]) for case in cases}) < len(cases),
           "sparse and late": "takes no matrices",
           "ends of time": lambda cases: any(case.args[0][-1] == 1 for case in cases)
           and any(len(case.args[0]) == 1 for case in cases)},
    INFORMATION: {"rare mass": lambda cases: any(0 < case.args[1][case.args[1] > 0].min() < 1e-4 for case in cases),
                  # p log p of less is smaller than what float32 can tell
                  **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, "shapes": ONE_SHAPE, "both floats": DOUBLE,
                  "odd rates": "takes no rates", "letters": ("rare-terms-cut-off", "clamped-for-stability"),
                  "long or many": "a sum over K^2 terms, of which none underflows",
                  "two chains": lambda cases: len({tuple(case.args[1].shape) for case in cases}) < len(cases),
                  "sparse and late": lambda cases: sum(bool((case.args[1] == 0).any()) for case in cases) >= 2,
                  "ends of time": lambda cases: {"t = 0", "absorbing, t = T"} <= {case.label for case in cases}},
    BAND: {"rare mass": ("weights-below-1e-12-cut-off", "clamped-for-stability", "three-sigma-only"),
           **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS, **NO_TIME, "shapes": "takes two numbers",
           "both floats": "takes no tensor", "odd rates": "takes no rates",
           "letters": lambda cases: {2, 3, 4, 30} <= {case.args[0] for case in cases},
           "long or many": "every entry is computed by itself",
           **no("takes no chain", "two chains", "sparse and late")},
}

TOPIC = Topic("02_uniform_vs_absorbing", FUNCTIONS, RIGHT, WRONG, samplers=(MASK,), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {CLOSED: "pi-in-the-rows", MASK: "one-coin-a-sequence", BETA: "loop",   # noqa: RUF012
             INFORMATION: "bits"}


class TestSampler(SamplerTests):
    topic = TOPIC
    task = MASK
    steady = ("where", "survivors-above-one-minus-the-rate", "bernoulli-int32")
    never = ("antithetic-halves", "exact-number-in-the-batch", "a-thousand-coins-repeated", "percent-numbers",
             "one-coin-a-sequence", "one-coin-a-position", "exact-number-in-a-sequence")
