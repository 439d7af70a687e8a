"""Do the checks of topic 06 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_FLOATS, NO_LOGITS, NO_TEXTS, NO_TIME, no

DISCRETE = "06-1-discrete-bound"
RATES = "06-2-stratified-rates"
ESTIMATE = "06-3-continuous-estimate"
EXACTLY = "06-4-mask-exactly"
EXACT = "06-5-exact-bound"
FUNCTIONS = {DISCRETE: "discrete_bound", RATES: "stratified_rates", ESTIMATE: "continuous_estimate",
             EXACTLY: "mask_exactly", EXACT: "exact_bound"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 06-1
    Right(DISCRETE, "diff-and-sum", """
        def discrete_bound(F, mask_rate):
            widths = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))
            return (widths * F(mask_rate) / mask_rate).sum()
    """),
    Right(DISCRETE, "loop-over-numbers-of-no-dimension", """
        def discrete_bound(F, mask_rate):
            total, prev = 0.0, torch.tensor(0.0)
            for lam in mask_rate:
                total = total + (lam - prev) / lam * F(lam)
                prev = lam
            return total
    """),
    Right(DISCRETE, "numpy-number-returned", """
        def discrete_bound(F, mask_rate):
            lam = mask_rate.numpy()
            rho = np.diff(lam, prepend=0) / lam
            return np.dot(rho, np.asarray(F(mask_rate)))
    """),
    Right(DISCRETE, "float32-inside", """
        def discrete_bound(F, mask_rate):
            lam = mask_rate.float()
            before = torch.cat([torch.zeros(1), lam[:-1]])
            return torch.einsum("t,t->", (lam - before) / lam, F(lam))
    """),
    Right(DISCRETE, "one-minus-the-quotient", """
        def discrete_bound(F, mask_rate):
            before = torch.roll(mask_rate, 1)
            before[0] = 0
            return (1 - before / mask_rate) @ F(mask_rate)
    """),
    Right(DISCRETE, "python-float", """
        from itertools import pairwise

        def discrete_bound(F, mask_rate):
            levels = [0.0, *mask_rate.tolist()]
            return sum((b - a) / b * float(F(torch.tensor([b], dtype=torch.float64))) for a, b in pairwise(levels))
    """),
    Right(DISCRETE, "column", """
        def discrete_bound(F, mask_rate):
            lam = mask_rate[:, None]
            left = torch.nn.functional.pad(mask_rate, (1, 0))[:-1, None]
            return torch.sum(F(lam) * (lam - left) / lam)
    """),
    Right(DISCRETE, "areas-with-indices", """
        def discrete_bound(F, mask_rate):
            heights = F(mask_rate) / mask_rate
            area = heights[0] * mask_rate[0]
            for t in range(1, len(mask_rate)):
                area += heights[t] * (mask_rate[t] - mask_rate[t - 1])
            return area
    """),

    # ---- 06-2
    Right(RATES, "arange", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u) / B
    """),
    Right(RATES, "loop", """
        def stratified_rates(u):
            lam = torch.zeros_like(u)
            for i in range(u.shape[0]):
                lam[i] = (i + 1 - u[i]) / u.shape[0]
            return lam
    """),
    Right(RATES, "numpy-array-returned", """
        def stratified_rates(u):
            u = u.numpy()
            return (np.arange(1, u.size + 1) - u) / u.size
    """),
    Right(RATES, "right-ends-minus-a-share-of-the-width", """
        def stratified_rates(u):
            B = u.numel()
            right = torch.linspace(1 / B, 1, B)
            return right - u / B
    """),
    Right(RATES, "between-the-ends-float32", """
        def stratified_rates(u):
            edges = torch.arange(len(u) + 1, dtype=torch.float32) / len(u)
            return torch.lerp(edges[1:], edges[:-1], u.float())
    """),
    Right(RATES, "list-comprehension", """
        def stratified_rates(u):
            B = len(u)
            return torch.tensor([(i + 1 - x) / B for i, x in enumerate(u.tolist())])
    """),
    Right(RATES, "counted-by-cumsum", """
        def stratified_rates(u):
            return torch.ones_like(u).cumsum(0).sub(u).div(len(u))
    """),

    # ---- 06-3
    Right(ESTIMATE, "where-and-sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density)
    """),
    Right(ESTIMATE, "masked-fill", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            paid = log_p.masked_fill(~masked, 0).sum(dim=1).neg()
            return paid / mask_rate / density
    """),
    Right(ESTIMATE, "two-loops", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            batch, n = log_p.shape
            out = torch.zeros(batch)
            for b in range(batch):
                for i in range(n):
                    if masked[b, i]:
                        out[b] -= log_p[b, i]
                out[b] = out[b] / (mask_rate[b] * density[b])
            return out
    """),
    Right(ESTIMATE, "numpy-array-returned", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            loss = np.where(masked.numpy(), -log_p.numpy(), 0).sum(axis=-1)
            return loss / (mask_rate.numpy() * density.numpy())
    """),
    Right(ESTIMATE, "index-add", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            b, i = masked.nonzero(as_tuple=True)
            total = torch.zeros_like(mask_rate).index_add(0, b, -log_p[b, i])
            return total * (1 / mask_rate) * (1 / density)
    """),
    Right(ESTIMATE, "selected-row-after-row", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.stack([-lp[m].sum() / (lam * g) for lp, m, lam, g in zip(log_p, masked, mask_rate, density)])
    """),
    Right(ESTIMATE, "nansum-float32", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            loss = torch.nansum(-log_p.float() * masked.float(), dim=-1)
            return loss / (mask_rate * density).float()
    """),
    Right(ESTIMATE, "infinities-removed-first-einsum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            finite = torch.nan_to_num(log_p, neginf=0.0)
            return -torch.einsum("bn,bn,b->b", finite, masked.double(), 1 / (mask_rate * density))
    """),
    Right(ESTIMATE, "weights-before-the-sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = torch.exp(-mask_rate.log() - density.log())
            loss = torch.zeros_like(log_p)
            loss[masked] = -log_p[masked]
            return (weight.unsqueeze(-1) * loss).sum(-1)
    """),

    Right(ESTIMATE, "guarded-by-next-to-nothing", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            loss = -torch.where(masked, log_p, torch.zeros_like(log_p))
            return loss.sum(1).div((mask_rate * density).clamp(min=1e-12))
    """),

    # ---- 06-4
    Right(EXACTLY, "ranks", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Right(EXACTLY, "one-argsort-is-a-permutation-too", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            perm = torch.argsort(torch.rand(*x0.shape, generator=generator), dim=1)
            return x0.masked_fill(perm < num_masked.unsqueeze(1), mask_id)
    """),
    Right(EXACTLY, "scatter", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            order = torch.rand(x0.shape, generator=generator, dtype=torch.float64).argsort(1)
            first = torch.arange(x0.shape[1]).expand_as(x0) < num_masked[:, None]
            hide = torch.zeros_like(x0, dtype=torch.bool).scatter(1, order, first)
            xt = x0.clone()
            xt[hide] = mask_id
            return xt
    """),
    Right(EXACTLY, "largest-by-threshold", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            noise = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
            falling = noise.sort(-1, descending=True).values
            falling = torch.cat([torch.full((len(x0), 1), torch.inf, dtype=torch.float64), falling], dim=1)
            limit = falling.gather(1, num_masked[:, None].long())
            return torch.where(noise >= limit, mask_id, x0)
    """),
    Right(EXACTLY, "position-after-position-int32", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            # selection sampling: position i is taken with probability (still to place) / (places left)
            left, n = num_masked.clone(), x0.shape[1]
            xt = x0.clone()
            for i in range(n):
                take = torch.rand(len(x0), generator=generator) < left / (n - i)
                xt[take, i] = mask_id
                left = left - take.long()
            return xt.int()
    """),
    Right(EXACTLY, "numpy-seeded-by-the-generator", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rng = np.random.default_rng(int(torch.randint(2**60, (), generator=generator)))
            n = x0.shape[1]
            hide = np.arange(n) < num_masked.numpy()[:, None]
            return np.where(rng.permuted(hide, axis=1), mask_id, x0.numpy())
    """),
    Right(EXACTLY, "randperm-per-row", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            xt = x0.clone()
            for b in range(len(x0)):
                places = torch.randperm(x0.shape[1], generator=generator)[:num_masked[b]]
                xt[b, places] = mask_id
            return xt
    """, slow=True),
    Right(EXACTLY, "topk-per-row", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rows = []
            for row, k in zip(x0, num_masked.tolist()):
                places = torch.rand(len(row), generator=generator).topk(k).indices
                rows.append(row.index_fill(0, places, mask_id))
            return torch.stack(rows)
    """, slow=True),
    Right(EXACTLY, "drawn-again-until-k-differ", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            xt, n = x0.tolist(), x0.shape[1]
            for row, k in zip(xt, num_masked.tolist()):
                chosen = set()
                while len(chosen) < k:
                    chosen.add(int(torch.randint(n, (1,), generator=generator)))
                for i in chosen:
                    row[i] = mask_id
            return torch.tensor(xt)
    """, slow=True),

    # ---- 06-5
    Right(EXACT, "product", """
        import itertools

        def exact_bound(losses):
            n = losses.ndim
            total = torch.zeros((), dtype=losses.dtype)
            for pattern in itertools.product((0, 1), repeat=n):
                k = sum(pattern)
                if k > 0:
                    total = total + losses[pattern] / (k * math.comb(n, k))
            return total
    """),
    Right(EXACT, "python-float-and-bits-of-a-number", """
        def exact_bound(losses):
            n = losses.dim()
            flat = losses.flatten().tolist()
            return sum(flat[s] / (s.bit_count() * math.comb(n, s.bit_count())) for s in range(1, 2**n))
    """),
    Right(EXACT, "numpy-indices", """
        def exact_bound(losses):
            a = losses.numpy()
            k = np.indices(a.shape).sum(axis=0)
            w = np.array([0] + [1 / (j * math.comb(a.ndim, j)) for j in range(1, a.ndim + 1)])
            return (w[k] * a).sum()
    """),
    Right(EXACT, "mean-of-each-size", """
        def exact_bound(losses):
            n = losses.ndim
            k = torch.zeros(losses.shape, dtype=torch.long)
            for axis in range(n):
                shape = [1] * n
                shape[axis] = 2
                k = k + torch.arange(2).reshape(shape)
            return sum(losses[k == j].mean() / j for j in range(1, n + 1))
    """),
    Right(EXACT, "combinations-of-positions", """
        from itertools import combinations

        def exact_bound(losses):
            n = losses.ndim
            total = 0
            for k in range(1, n + 1):
                for S in combinations(range(n), k):
                    s = tuple(1 if i in S else 0 for i in range(n))
                    total += losses[s] * math.factorial(k - 1) * math.factorial(n - k) / math.factorial(n)
            return total
    """),
    Right(EXACT, "beta-function-float32", """
        def exact_bound(losses):
            n = losses.ndim
            where = torch.ones(losses.shape).nonzero()
            k = where.sum(1).float()
            weight = torch.exp(torch.lgamma(k) + torch.lgamma(n - k + 1) - math.lgamma(n + 1))
            weight[k == 0] = 0
            return weight @ losses.float().flatten()
    """),
    Right(EXACT, "quadrature", """
        def exact_bound(losses):
            x, w = np.polynomial.legendre.leggauss(20)
            total = 0.0
            for lam, weight in zip((x + 1) / 2, w / 2):
                F = losses
                for _ in range(losses.ndim):
                    F = (1 - lam) * F[0] + lam * F[1]
                total += weight * float(F) / lam
            return torch.tensor(total)
    """),
]

# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 06-1
    Wrong(DISCRETE, "left-ends", r"left|right|lambda_\{?t-1|lambda_0", """
        def discrete_bound(F, mask_rate):
            left = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            return ((mask_rate - left) * F(left) / left).sum()
    """),
    Wrong(DISCRETE, "left-ends-and-no-first-rectangle", r"left|right|first", """
        def discrete_bound(F, mask_rate):
            left = mask_rate[:-1]
            return (mask_rate.diff() * F(left) / left).sum()
    """),
    Wrong(DISCRETE, "left-ends-with-a-small-number", r"left|right|lambda_\{?t-1", """
        def discrete_bound(F, mask_rate):
            left = torch.cat([mask_rate.new_full((1,), 1e-6), mask_rate[:-1]])
            return ((mask_rate - left) * F(left) / left).sum()
    """),
    Wrong(DISCRETE, "midpoints", r"mid|right", """
        def discrete_bound(F, mask_rate):
            widths = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))
            middle = mask_rate - widths / 2
            return (widths * F(middle) / middle).sum()
    """),
    Wrong(DISCRETE, "trapezoids", r"trapez|first|right|mean of", """
        def discrete_bound(F, mask_rate):
            return torch.trapezoid(F(mask_rate) / mask_rate, mask_rate)
    """),
    Wrong(DISCRETE, "one-over-t", r"1/t|linear", """
        def discrete_bound(F, mask_rate):
            t = torch.arange(1, len(mask_rate) + 1)
            return (F(mask_rate) / t).sum()
    """),
    Wrong(DISCRETE, "not-divided-by-lambda", r"lambda_t|1/lambda|divi", """
        def discrete_bound(F, mask_rate):
            widths = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))
            return (widths * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "widths-forgotten", r"width|lambda_t - lambda", """
        def discrete_bound(F, mask_rate):
            return (F(mask_rate) / mask_rate).sum()
    """),
    Wrong(DISCRETE, "mean-for-widths", r"width|equal|1/T|mean|linear", """
        def discrete_bound(F, mask_rate):
            return (F(mask_rate) / mask_rate).mean()
    """),
    Wrong(DISCRETE, "no-weight-at-all", r"rho|weight", """
        def discrete_bound(F, mask_rate):
            return F(mask_rate).sum()
    """),
    Wrong(DISCRETE, "divided-by-the-rate-before", r"lambda_\{?t-1|before|infinit", """
        def discrete_bound(F, mask_rate):
            total, prev = 0.0, 0.0 * mask_rate[0]
            for lam in mask_rate:
                total += (lam - prev) / prev * F(lam)
                prev = lam
            return total
    """),
    Wrong(DISCRETE, "divided-by-the-rate-before-kept-above-0", r"lambda_\{?t-1|before|infinit", """
        def discrete_bound(F, mask_rate):
            prev = torch.nn.functional.pad(mask_rate[:-1], (1, 0))
            rho = (mask_rate - prev) / prev.clamp(min=1e-8)
            return rho @ F(mask_rate)
    """),
    Wrong(DISCRETE, "beta-for-rho", r"beta|1 - lambda|visible", """
        def discrete_bound(F, mask_rate):
            prev = torch.cat([torch.zeros(1), mask_rate[:-1]])
            return ((mask_rate - prev) / (1 - prev) * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "rho-one-step-late", r"one step|same (step|t)\b|off by one|next|step off", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho[:-1] * F(mask_rate)[1:]).sum()
    """),
    Wrong(DISCRETE, "F-one-step-early", r"one step|left|lambda_\{?t-1|F\(lambda_t\)|right", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho[1:] * F(mask_rate)[:-1]).sum()
    """),
    Wrong(DISCRETE, "first-step-missing", r"first|t = 1|lambda_0", """
        def discrete_bound(F, mask_rate):
            lam = mask_rate[1:]
            return (torch.diff(mask_rate) / lam * F(lam)).sum()
    """),
    Wrong(DISCRETE, "last-step-missing", r"last|t = T|T-1", """
        def discrete_bound(F, mask_rate):
            total = 0.0
            prev = 0.0
            for t in range(len(mask_rate) - 1):
                total += (mask_rate[t] - prev) / mask_rate[t] * F(mask_rate[t])
                prev = mask_rate[t]
            return total
    """),
    Wrong(DISCRETE, "widths-appended", r"width|left|next|lambda_\{?t\+1|first", """
        def discrete_bound(F, mask_rate):
            widths = torch.diff(mask_rate, append=mask_rate.new_ones(1))
            return (widths * F(mask_rate) / mask_rate).sum()
    """),
    Wrong(DISCRETE, "rolled-and-the-first-not-set", r"lambda_0|first", """
        def discrete_bound(F, mask_rate):
            prev = mask_rate.roll(1)
            return ((mask_rate - prev) / mask_rate * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "mean-over-the-steps", r"mean|sum", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho * F(mask_rate)).mean()
    """),
    Wrong(DISCRETE, "not-summed", r"shape", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return rho * F(mask_rate)
    """),
    Wrong(DISCRETE, "diff-without-the-zero", r"raised|size", """
        def discrete_bound(F, mask_rate):
            return (mask_rate.diff() / mask_rate * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "minus", r"sign|negative", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return -(rho * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "widths-the-wrong-way-round", r"sign|negative", """
        def discrete_bound(F, mask_rate):
            prev = torch.cat([torch.zeros(1).double(), mask_rate[:-1]])
            return ((prev - mask_rate) / mask_rate * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "bits", r"\bbits\b", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho * F(mask_rate)).sum() / math.log(2)
    """),
    Wrong(DISCRETE, "sum-times-sum", None, """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return rho.sum() * F(mask_rate).sum()
    """),
    Wrong(DISCRETE, "F-of-the-widths", r"F\(|width|lambda_t", """
        def discrete_bound(F, mask_rate):
            widths = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))
            return (F(widths) * widths / mask_rate).sum()
    """),
    Wrong(DISCRETE, "divided-twice", r"twice|lambda_t\^2|square", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho * F(mask_rate) / mask_rate).sum()
    """),
    Wrong(DISCRETE, "equal-steps-whatever-the-schedule", r"linear|equal|given|mask_rate", """
        def discrete_bound(F, mask_rate):
            T = len(mask_rate)
            lam = torch.arange(1, T + 1) / T
            return sum(F(l) / l / T for l in lam)
    """),
    Wrong(DISCRETE, "the-integral-itself", r"integral|continuous|area|steps", """
        def discrete_bound(F, mask_rate):
            N = 20000
            lam = (torch.arange(N, dtype=torch.float64) + 0.5) / N
            return (F(lam) / lam).mean()
    """),
    Wrong(DISCRETE, "one-minus-rho", r"1 ?- ?rho|before", """
        def discrete_bound(F, mask_rate):
            prev = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            return ((prev / mask_rate) * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "shape-of-one", r"shape", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            return (rho * F(mask_rate)).sum(0, keepdim=True)
    """),
    Wrong(DISCRETE, "list-for-number", r"a list", """
        def discrete_bound(F, mask_rate):
            prev, parts = 0.0, []
            for lam in mask_rate:
                parts.append(float((lam - prev) / lam * F(lam)))
                prev = lam
            return parts
    """),
    Wrong(DISCRETE, "forgotten-return", r"return statement", """
        def discrete_bound(F, mask_rate):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            nelbo = (rho * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "writes-into-the-rates", r"in place", """
        def discrete_bound(F, mask_rate):
            height = F(mask_rate) / mask_rate
            mask_rate[1:] -= mask_rate[:-1].clone()
            return (height * mask_rate).sum()
    """),

    # ---- 06-2
    Wrong(RATES, "from-the-left", r"left|\b0\b.*(weigh|mask|never)|1 ?- ?u|right", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + u) / B
    """),
    Wrong(RATES, "from-the-left-modulo-1", r"left|1 ?- ?u|right", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) / B + u / B) % 1
    """),
    Wrong(RATES, "from-the-left-with-a-floor", r"left|1 ?- ?u|right", """
        def stratified_rates(u):
            return ((torch.arange(len(u)) + u) / len(u)).clamp(min=1e-5)
    """),
    Wrong(RATES, "plus-u", r"above 1|larger|minus|- ?u", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 + u) / B
    """),
    Wrong(RATES, "right-ends", r"u_i|random|\bu\b", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B, dtype=u.dtype) + 1) / B
    """),
    Wrong(RATES, "midpoints", r"mid|u_i|random|\bu\b", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 0.5) / B
    """),
    Wrong(RATES, "just-one-minus-u", r"piece|strat", """
        def stratified_rates(u):
            return 1 - u
    """),
    Wrong(RATES, "one-minus-u-sorted", r"piece|strat", """
        def stratified_rates(u):
            return (1 - u).sort().values
    """),
    Wrong(RATES, "all-in-the-first-piece", r"first piece|piece|number", """
        def stratified_rates(u):
            return (1 - u) / len(u)
    """),
    Wrong(RATES, "one-offset", r"one (offset|draw|u)|u_i|same u|own", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u[0]) / B
    """),
    Wrong(RATES, "mean-of-u", None, """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u.mean()) / B
    """),
    Wrong(RATES, "draws-of-its-own", r"given|own|draw", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - torch.rand(B)) / B
    """),
    Wrong(RATES, "not-divided", r"divi|above 1|/ ?B", """
        def stratified_rates(u):
            return torch.arange(len(u)) + 1 - u
    """),
    Wrong(RATES, "only-u-divided", r"bracket|above 1|/ ?B", """
        def stratified_rates(u):
            B = len(u)
            return torch.arange(B) + (1 - u) / B
    """),
    Wrong(RATES, "brackets-missing", r"bracket|above 1|/ ?B", """
        def stratified_rates(u):
            B = len(u)
            return torch.arange(B) + 1 - u / B
    """),
    Wrong(RATES, "one-forgotten", r"\+ ?1|negative|one piece|off by one|below", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) - u) / B
    """),
    Wrong(RATES, "one-added-twice", r"\+ ?1|above 1|one piece|off by one|twice", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(1, B + 1) + 1 - u) / B
    """),
    Wrong(RATES, "counted-from-the-top", r"order|increas|decreas|revers|top", """
        def stratified_rates(u):
            B = len(u)
            return (B - torch.arange(B) - u) / B
    """),
    Wrong(RATES, "flipped", r"order|increas|decreas|revers", """
        def stratified_rates(u):
            B = len(u)
            return ((torch.arange(B) + 1 - u) / B).flip(0)
    """),
    Wrong(RATES, "shuffled", r"order|increas|shuffl|permut|sort", """
        def stratified_rates(u):
            B = len(u)
            lam = (torch.arange(B) + 1 - u) / B
            return lam[torch.randperm(B)]
    """),
    Wrong(RATES, "u-sorted-first", r"sort|own|u_i|order", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u.sort().values) / B
    """),
    Wrong(RATES, "over-B-minus-1", r"/ ?B|B ?- ?1|pieces", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u) / (B - 1)
    """),
    Wrong(RATES, "over-B-plus-1", r"/ ?B|B ?\+ ?1|pieces", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u) / (B + 1)
    """),
    Wrong(RATES, "linspace-from-0", None, """
        def stratified_rates(u):
            B = len(u)
            return torch.linspace(0, 1, B) + (1 - u) / B
    """),
    Wrong(RATES, "kept-away-from-0", r"eps|squeez|stretch|\(0, 1\]|away|0\.001|clip", """
        def stratified_rates(u):
            B, eps = len(u), 1e-3
            return eps + (1 - eps) * (torch.arange(B) + 1 - u) / B
    """),
    Wrong(RATES, "cumulative-steps", None, """
        def stratified_rates(u):
            return torch.cumsum((1 - u) / len(u), 0)
    """),
    Wrong(RATES, "floor-division", r"//|round|floor|whole", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B) + 1 - u) // B
    """),
    Wrong(RATES, "integers", r"dtype|integer", """
        def stratified_rates(u):
            lam = torch.arange(len(u))
            for i in range(len(u)):
                lam[i] = (i + 1 - u[i]) / len(u)
            return lam
    """),
    Wrong(RATES, "square", r"shape", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(B)[:, None] + 1 - u) / B
    """),
    Wrong(RATES, "one-piece-too-few", r"raised", """
        def stratified_rates(u):
            B = len(u)
            return (torch.arange(1, B) - u) / B
    """),
    Wrong(RATES, "list-for-tensor", r"a list", """
        def stratified_rates(u):
            return [(i + 1 - float(x)) / len(u) for i, x in enumerate(u)]
    """),
    Wrong(RATES, "forgotten-return", r"return statement", """
        def stratified_rates(u):
            B = len(u)
            lam = (torch.arange(B) + 1 - u) / B
    """),
    Wrong(RATES, "writes-into-u", r"in place", """
        def stratified_rates(u):
            for i in range(len(u)):
                u[i] = (i + 1 - u[i]) / len(u)
            return u
    """),

    # ---- 06-3
    Wrong(ESTIMATE, "all-tokens", r"masked|visible|all", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "all-finite-tokens", r"masked|visible|all", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            log_p = torch.where(torch.isinf(log_p), 0.0, log_p)
            return -log_p.sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "visible-tokens", r"masked|visible", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, 0.0, -log_p).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "zero-times-infinity", r"0 (\* |times )?(-?inf)|NaN", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -(log_p * masked).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "zero-times-infinity-then-zero", r"NaN|inf|whole|visible", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return (-(log_p * masked).sum(-1) / (mask_rate * density)).nan_to_num()
    """),
    Wrong(ESTIMATE, "mean-over-the-masked", r"mean|sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            total = torch.where(masked, -log_p, 0.0).sum(-1)
            return total / masked.sum(-1).clamp(min=1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "mean-over-the-masked-nan-without-masks", r"mean|sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            out = []
            for b in range(len(log_p)):
                out.append(-log_p[b][masked[b]].mean() / (mask_rate[b] * density[b]))
            return torch.stack(out)
    """),
    Wrong(ESTIMATE, "mean-over-all-positions", r"mean|sum|/ ?n|per token|a sequence|sequence", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).mean(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "mean-over-the-masked-without-1-over-lambda", r"mean|sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / masked.sum(-1).clamp(min=1) / density
    """),
    Wrong(ESTIMATE, "lambda-forgotten", r"1 ?/ ?\(?lambda|lambda", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / density
    """),
    Wrong(ESTIMATE, "density-forgotten", r"density|\bg\b", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / mask_rate
    """),
    Wrong(ESTIMATE, "no-weight", r"weight|1 ?/ ?\(?lambda", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Wrong(ESTIMATE, "times-the-density", r"density|\bg\b", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return density * torch.where(masked, -log_p, 0.0).sum(-1) / mask_rate
    """),
    Wrong(ESTIMATE, "brackets-missing", r"bracket|density|\bg\b", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.masked_fill(~masked, 0).sum(-1) / mask_rate * density
    """),
    Wrong(ESTIMATE, "times-lambda", r"lambda", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.masked_fill(~masked, 0).sum(-1) * mask_rate / density
    """),
    Wrong(ESTIMATE, "times-both", r"divi|multipl|weight|times", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.masked_fill(~masked, 0).sum(-1) * mask_rate * density
    """),
    Wrong(ESTIMATE, "rate-of-the-visible", r"1 ?- ?lambda|visible|masked", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.masked_fill(~masked, 0).sum(-1) / ((1 - mask_rate) * density)
    """),
    Wrong(ESTIMATE, "inverse-clipped-at-100", r"clip|clamp|small|0\.01", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = (1 / mask_rate).clamp(max=100)
            return weight * torch.where(masked, -log_p, 0.0).sum(-1) / density
    """),
    Wrong(ESTIMATE, "inverse-clipped-at-5", r"clip|clamp|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) * (1 / mask_rate).clamp(max=5) / density
    """),
    Wrong(ESTIMATE, "eps-added-to-the-product", r"add|eps|clip|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density + 1e-5)
    """),
    Wrong(ESTIMATE, "rate-clipped-at-0.01", r"clip|clamp|small|0\.01", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate.clamp(min=1e-2) * density)
    """),
    Wrong(ESTIMATE, "rate-clipped-at-0.001", r"clip|clamp|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            lam = torch.maximum(mask_rate, torch.tensor(1e-3, dtype=mask_rate.dtype))
            return torch.where(masked, -log_p, 0.0).sum(-1) / (lam * density)
    """),
    Wrong(ESTIMATE, "rate-clipped-at-0.0001", r"clip|clamp|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return -log_p.masked_fill(~masked, 0).sum(-1) / (mask_rate.clamp(1e-4, 1) * density)
    """),
    Wrong(ESTIMATE, "whole-weight-clipped-at-100", r"clip|clamp|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = (1 / (mask_rate * density)).clamp(max=100)
            return weight * torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Wrong(ESTIMATE, "whole-weight-clipped-at-1000", r"clip|clamp|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = torch.clip(1 / (mask_rate * density), 0, 1000)
            return weight * torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Wrong(ESTIMATE, "eps-added-to-the-rate", r"add|eps|clip|small", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / ((mask_rate + 1e-3) * density)
    """),
    Wrong(ESTIMATE, "small-rates-left-out", r"small|clip|left out|weight|drop|\b0\b", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            loss = torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density)
            return torch.where(mask_rate < 0.01, 0.0, loss)
    """),
    Wrong(ESTIMATE, "count-for-rate", r"n ?/ ?k|count|number of masks|lambda", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            k = masked.sum(-1).clamp(min=1)
            return log_p.shape[1] / k * torch.where(masked, -log_p, 0.0).sum(-1) / density
    """),
    Wrong(ESTIMATE, "count-for-rate-and-no-density", r"n ?/ ?k|count|number of masks|lambda", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            k = masked.sum(-1)
            return log_p.shape[1] / k * torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Wrong(ESTIMATE, "minus-forgotten", r"sign|minus|negative", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, log_p, 0.0).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "bits", r"\bbits\b", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density * math.log(2))
    """),
    Wrong(ESTIMATE, "mean-over-the-batch", r"shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return (torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density)).mean()
    """),
    Wrong(ESTIMATE, "sum-over-the-batch-dimension", r"raised|shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(0) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "not-summed", r"shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0) / (mask_rate * density)[:, None]
    """),
    Wrong(ESTIMATE, "kept-dimension", r"shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            total = torch.where(masked, -log_p, 0.0).sum(-1, keepdim=True)
            return total / (mask_rate * density)[:, None]
    """),
    Wrong(ESTIMATE, "kept-dimension-broadcast", r"shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1, keepdim=True) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "first-rate-for-all", r"own|every sequence|each|first", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate[0] * density[0])
    """),
    Wrong(ESTIMATE, "mean-rate-for-all", None, """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate.mean() * density)
    """),
    Wrong(ESTIMATE, "probabilities-for-logarithms", r"log|exp|probabilit", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, 1 - log_p.exp(), 0.0).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "logarithm-of-a-logarithm", r"log|NaN", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -torch.log(log_p), 0.0).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "weights-normalised", r"normali|sum of|weight", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            w = 1 / (mask_rate * density)
            return w / w.sum() * torch.where(masked, -log_p, 0.0).sum(-1)
    """),
    Wrong(ESTIMATE, "sum-for-product", r"product|added|\+|sum", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate + density)
    """),
    Wrong(ESTIMATE, "log-p-clipped", r"log p.*clip|clip.*log p", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            log_p = log_p.clamp(min=-10)
            return -(log_p * masked).sum(-1) / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "list-for-tensor", r"a list", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return [float(-log_p[b][masked[b]].sum() / mask_rate[b] / density[b]) for b in range(len(log_p))]
    """),
    Wrong(ESTIMATE, "forgotten-return", r"return statement", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            loss = torch.where(masked, -log_p, 0.0).sum(-1)
            loss /= mask_rate * density
    """),
    Wrong(ESTIMATE, "writes-into-log-p", r"in place", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            log_p[~masked] = 0
            return -log_p.sum(-1) / (mask_rate * density)
    """),

    # ---- 06-4
    Wrong(EXACTLY, "coins", r"exactly|coin|number of masks|num_masked", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            return torch.where(u < num_masked[:, None] / x0.shape[1], mask_id, x0)
    """),
    Wrong(EXACTLY, "with-replacement", r"replace|twice|fewer|exactly", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            n = x0.shape[1]
            draws = torch.randint(n, x0.shape, generator=generator)
            used = torch.arange(n) < num_masked[:, None]
            hide = torch.zeros(x0.shape).scatter_add(1, draws, used.float()) > 0
            return torch.where(hide, mask_id, x0)
    """),
    Wrong(EXACTLY, "multinomial-with-replacement", r"replace|twice|fewer|exactly", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            xt = x0.clone()
            for b, k in enumerate(num_masked.tolist()):
                if k:
                    places = torch.ones(x0.shape[1]).multinomial(k, replacement=True, generator=generator)
                    xt[b, places] = mask_id
            return xt
    """),
    Wrong(EXACTLY, "same-set-for-the-batch", r"same|every sequence|own|each sequence|together", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.randperm(x0.shape[1], generator=generator)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "same-ranks-for-pairs", r"depend|together|own|other sequence|same", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            B, n = x0.shape
            rank = torch.rand((B + 1) // 2, n, generator=generator).argsort(-1).repeat_interleave(2, 0)[:B]
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "one-permutation-rolled", r"depend|together|own|other sequence|same|neighbour", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            B, n = x0.shape
            perm = torch.randperm(n, generator=generator)
            rank = perm[(torch.arange(n) + torch.arange(B)[:, None]) % n]
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "first-k", r"first|random|draw|always", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            return torch.where(torch.arange(x0.shape[1]) < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "last-k", r"last|random|draw|always", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            n = x0.shape[1]
            return torch.where(torch.arange(n) >= n - num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "block-with-a-random-start", r"block|equally likely|contiguous|neighbour|sets", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            B, n = x0.shape
            start = torch.randint(n, (B, 1), generator=generator)
            return torch.where((torch.arange(n) - start) % n < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "one-too-many", r"k ?\+ ?1|one (mask |token )?too many|one more|<=|off by one", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank <= num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "one-too-few", r"k ?- ?1|one (mask |token )?too few|one less|one fewer|off by one", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1) + 1
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "strictly-below-the-kth", r"k ?- ?1|one (mask |token )?too few|one less|one fewer|off by one", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            kth = u.sort(-1).values.gather(1, (num_masked[:, None] - 1).clamp(min=0))
            return torch.where(u < kth, mask_id, x0)
    """),
    Wrong(EXACTLY, "one-mask-where-k-is-0", r"k = 0|num_masked.*0|no mask|nothing", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            kth = u.sort(-1).values.gather(1, (num_masked[:, None] - 1).clamp(min=0))
            return torch.where(u <= kth, mask_id, x0)
    """),
    Wrong(EXACTLY, "never-all", r"k = n|all|num_masked.*n\b", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            n = x0.shape[1]
            rank = torch.rand(x0.shape, generator=generator).argsort(-1)
            return torch.where(rank < num_masked.clamp(max=n - 1)[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "index-beyond-the-end", r"raised", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            limit = u.sort(-1).values.gather(1, num_masked[:, None])
            return torch.where(u < limit, mask_id, x0)
    """),
    Wrong(EXACTLY, "quantile", None, """
        def mask_exactly(x0, num_masked, mask_id, generator):
            u = torch.rand(x0.shape, generator=generator)
            q = torch.stack([torch.quantile(row, float(k) / len(row)) for row, k in zip(u, num_masked)])
            return torch.where(u < q[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "first-number-for-all", r"own k|own number|num_masked\[b\]|every sequence|same number", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[0], mask_id, x0)
    """),
    Wrong(EXACTLY, "largest-number-for-all", r"own k|own number|num_masked\[b\]|every sequence|same number", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            k = int(num_masked.max())
            places = torch.rand(x0.shape, generator=generator).topk(k, dim=-1).indices
            return x0.scatter(1, places, mask_id)
    """),
    Wrong(EXACTLY, "k-stay-visible", r"visible|n ?- ?k|other way", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], x0, mask_id)
    """),
    Wrong(EXACTLY, "generator-ignored", r"generator", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "rand-like", r"generator", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand_like(x0, dtype=torch.float32).argsort(-1)
            return x0.masked_fill(rank < num_masked[:, None], mask_id)
    """),
    Wrong(EXACTLY, "randperm-without-the-generator", r"generator", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.stack([torch.randperm(x0.shape[1]) for _ in range(len(x0))])
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "python-random", r"generator", """
        import random

        def mask_exactly(x0, num_masked, mask_id, generator):
            xt = x0.clone()
            for b, k in enumerate(num_masked.tolist()):
                xt[b, random.sample(range(x0.shape[1]), k)] = mask_id
            return xt
    """),
    Wrong(EXACTLY, "seeded-anew", r"seed", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            generator.manual_seed(0)
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "seeded-anew-for-each-sequence", r"seed|same|every sequence|own", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            xt = x0.clone()
            for b, k in enumerate(num_masked.tolist()):
                generator = torch.Generator().manual_seed(42)
                xt[b, torch.randperm(x0.shape[1], generator=generator)[:k]] = mask_id
            return xt
    """),
    Wrong(EXACTLY, "initial-seed-taken-again", r"generator|seed", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            torch.manual_seed(123)
            rank = torch.rand(x0.shape).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "coins-mended-from-the-left", r"equally likely|biased|sets|left", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            B, n = x0.shape
            hide = torch.rand(B, n, generator=generator) < num_masked[:, None] / n
            for i in range(n):
                hide[hide.sum(1) < num_masked, i] = True
            for i in range(n):
                hide[hide.sum(1) > num_masked, i] = False
            return torch.where(hide, mask_id, x0)
    """),
    Wrong(EXACTLY, "left-preferred", r"equally likely|biased|sets", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            B, n = x0.shape
            noise = torch.rand(B, n, generator=generator) + torch.arange(n) / n
            return torch.where(noise.argsort(-1).argsort(-1) < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "small-random-integers-sorted", r"equally likely|biased|sets", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            n = x0.shape[1]
            rank = torch.randint(n, x0.shape, generator=generator).argsort(dim=-1, stable=True).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "first-position-always-visible", r"equally likely|first|biased|sets|exactly|number of masks", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            noise = torch.rand(x0.shape, generator=generator)
            noise[:, 0] = 2.0
            return torch.where(noise.argsort(-1).argsort(-1) < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "sorted-by-state", r"equally likely|biased|sets|state|x0", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            noise = torch.rand(x0.shape, generator=generator) * (1 + x0)
            return torch.where(noise.argsort(-1).argsort(-1) < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "one-random-number-a-state", None, """
        def mask_exactly(x0, num_masked, mask_id, generator):
            noise = torch.rand(len(x0), int(x0.max()) + 1, generator=generator).gather(1, x0)
            return torch.where(noise.argsort(-1).argsort(-1) < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "complement-for-every-second-sequence", r"depend|tell|own|other", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            # antithetic: what one sequence draws first, its neighbour draws last
            B, n = x0.shape
            rank = torch.rand((B + 1) // 2, n, generator=generator).argsort(-1).argsort(-1)
            rank = torch.stack([rank, n - 1 - rank], dim=1).reshape(-1, n)[:B]
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "tokens-shuffled-before-masking", r"not masked|stay", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            n = x0.shape[1]
            order = torch.rand(x0.shape, generator=generator).argsort(-1)
            hidden = torch.arange(n) < num_masked[:, None]
            return torch.where(hidden, mask_id, x0.gather(1, order))
    """),
    Wrong(EXACTLY, "last-state-for-mask-id", r"mask_id", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked[:, None], x0.max() + 1, x0)
    """),
    Wrong(EXACTLY, "minus-one-for-mask-id", r"mask_id", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return x0.masked_fill(rank < num_masked[:, None], -1)
    """),
    Wrong(EXACTLY, "the-set-itself", r"dtype|boolean", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return rank < num_masked[:, None]
    """),
    Wrong(EXACTLY, "floats", r"dtype|integer", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            hide = (rank < num_masked[:, None]).float()
            return hide * mask_id + (1 - hide) * x0
    """),
    Wrong(EXACTLY, "counts-of-a-tensor", r"raised", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            xt = x0.clone()
            xt[:, torch.randperm(x0.shape[1], generator=generator)[:num_masked]] = mask_id
            return xt
    """),
    Wrong(EXACTLY, "column-forgotten", r"raised", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return torch.where(rank < num_masked, mask_id, x0)
    """),
    Wrong(EXACTLY, "list-for-tensor", r"a list", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            return [torch.where(r < k, mask_id, x) for r, k, x in zip(rank, num_masked, x0)]
    """),
    Wrong(EXACTLY, "forgotten-return", r"return statement", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            xt = torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "writes-into-x0", r"in place", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            x0[rank < num_masked[:, None]] = mask_id
            return x0
    """),

    # ---- 06-5
    Wrong(EXACT, "one-over-the-binomial", r"1 ?/ ?\(?k|\bk\b", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] / math.comb(n, sum(s)) for s in product((0, 1), repeat=n))
    """),
    Wrong(EXACT, "one-over-k", r"C\(n|binomial|comb", """
        from itertools import product

        def exact_bound(losses):
            return sum(losses[s] / sum(s) for s in product((0, 1), repeat=losses.ndim) if any(s))
    """),
    Wrong(EXACT, "n-over-k", r"C\(n|binomial|comb", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] * n / sum(s) for s in product((0, 1), repeat=n) if any(s))
    """),
    Wrong(EXACT, "n-over-k-over-the-binomial", r"\bn times|factor n|n/k|average over k|1/n|times n|multiplied by n", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total += n / k * losses[s] / math.comb(n, k)
            return total
    """),
    Wrong(EXACT, "brackets-missing", r"bracket|C\(n|binomial|comb", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total += losses[s] / k * math.comb(n, k)
            return total
    """),
    Wrong(EXACT, "k-over-the-binomial", r"\bk\b", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(sum(s) * losses[s] / math.comb(n, sum(s)) for s in product((0, 1), repeat=n))
    """),
    Wrong(EXACT, "one-over-lambda-forgotten", r"1 ?/ ?lambda|n ?\+ ?1|\bk\b", """
        from itertools import product

        def exact_bound(losses):
            # the integral of lambda^k (1 - lambda)^(n - k)
            n = losses.ndim
            return sum(losses[s] / ((n + 1) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n))
    """),
    Wrong(EXACT, "binomial-without-the-token-itself", r"C\(n|binomial|comb|n ?- ?1", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] / (sum(s) * math.comb(n - 1, sum(s) - 1))
                       for s in product((0, 1), repeat=n) if sum(s) > 0)
    """),
    Wrong(EXACT, "binomial-of-k-minus-1", r"C\(n|binomial|comb|k ?- ?1", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] / (sum(s) * math.comb(n, sum(s) - 1))
                       for s in product((0, 1), repeat=n) if sum(s) > 0)
    """),
    Wrong(EXACT, "binomial-the-wrong-way-round", r"raised|ZeroDivision|divided by 0.*comb\(n, k\)", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] / (sum(s) * math.comb(sum(s), n)) for s in product((0, 1), repeat=n) if sum(s))
    """),
    Wrong(EXACT, "k-counts-the-visible", r"visible", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = s.count(0)
                if k:
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "k-counts-the-visible-tensor", r"visible|does k count the masked", """
        def exact_bound(losses):
            n = losses.ndim
            patterns = torch.ones(losses.shape).nonzero()
            k = n - patterns.sum(1)
            binom = torch.tensor([math.comb(n, int(j)) for j in k])
            return (losses.flatten() / (k * binom)).sum()
    """),
    Wrong(EXACT, "empty-pattern-divides-by-0", r"ZeroDivision|empty|0/0", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(float(losses[s]) / (sum(s) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n))
    """),
    Wrong(EXACT, "empty-pattern-gives-nan", r"NaN|empty|0/0", """
        def exact_bound(losses):
            n = losses.ndim
            k = torch.ones(losses.shape).nonzero().sum(1)
            binom = torch.tensor([math.comb(n, int(j)) for j in k])
            return (losses.flatten() / (k * binom)).sum()
    """),
    Wrong(EXACT, "no-weights", r"weight|1 ?/ ?\(?k", """
        def exact_bound(losses):
            return losses.sum()
    """),
    Wrong(EXACT, "mean-over-the-patterns", r"weight|mean|1 ?/ ?\(?k|equal", """
        def exact_bound(losses):
            return losses.mean()
    """),
    Wrong(EXACT, "mean-over-the-patterns-that-mask", r"weight|mean|1 ?/ ?\(?k|equal", """
        def exact_bound(losses):
            return losses.sum() / (2 ** losses.ndim - 1)
    """),
    Wrong(EXACT, "all-masked-only", r"all masked|every pattern|patterns|only", """
        def exact_bound(losses):
            n = losses.ndim
            return losses[(1,) * n] / n
    """),
    Wrong(EXACT, "all-masked-forgotten", r"all (tokens )?masked|k = n|full", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if 0 < k < n:
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "single-masks-forgotten", r"single|k = 1|one mask", """
        from itertools import combinations

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for k in range(2, n + 1):
                for S in combinations(range(n), k):
                    s = tuple(int(i in S) for i in range(n))
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "prefixes-only", None, """
        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[(1,) * k + (0,) * (n - k)] / k for k in range(1, n + 1))
    """),
    Wrong(EXACT, "mean-of-each-size-not-over-k", r"1 ?/ ?\(?k|\bk\b", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for k in range(1, n + 1):
                sets = [losses[s] for s in product((0, 1), repeat=n) if sum(s) == k]
                total += sum(sets) / len(sets)
            return total
    """),
    Wrong(EXACT, "average-over-0-to-n", r"n ?\+ ?1|k = 0|empty", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            total = 0.0
            for s in product((0, 1), repeat=n):
                if sum(s):
                    total += n / sum(s) * losses[s] / math.comb(n, sum(s))
            return total / (n + 1)
    """),
    Wrong(EXACT, "divided-by-n", r"/ ?n|token|sequence|divi", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] / (n * sum(s) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n) if sum(s))
    """),
    Wrong(EXACT, "n-is-the-length-of-the-first-axis", r"dim|shape|\bn\b", """
        from itertools import product

        def exact_bound(losses):
            n = len(losses)
            total = 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "n-of-the-first-axis-in-the-binomial", r"raised|ZeroDivision|dim", """
        from itertools import product

        def exact_bound(losses):
            n = losses.shape[0]
            total = 0.0
            for s in product((0, 1), repeat=losses.ndim):
                k = sum(s)
                if k:
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "n-is-the-number-of-patterns", None, """
        from itertools import product

        def exact_bound(losses):
            n = losses.numel()
            total = 0.0
            for s in product((0, 1), repeat=losses.ndim):
                k = sum(s)
                if k:
                    total += losses[s] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "indexed-by-a-list", r"shape|raised", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total = total + losses[list(s)] / (k * math.comb(n, k))
            return total
    """),
    Wrong(EXACT, "three-tokens-whatever-n", r"raised|shape", """
        def exact_bound(losses):
            total = 0.0
            for a in range(2):
                for b in range(2):
                    for c in range(2):
                        k = a + b + c
                        if k:
                            total += losses[a, b, c] / (k * math.comb(3, k))
            return total
    """),
    Wrong(EXACT, "rate-one-half", None, """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return sum(losses[s] * 0.5 ** n / 0.5 for s in product((0, 1), repeat=n))
    """),
    Wrong(EXACT, "coarse-integral", None, """
        def exact_bound(losses):
            total, N = 0.0, 20
            for j in range(1, N + 1):
                lam, F = j / N, losses
                for _ in range(losses.ndim):
                    F = (1 - lam) * F[0] + lam * F[1]
                total += F / lam / N
            return total
    """),
    Wrong(EXACT, "bits", r"\bbits\b", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            nats = sum(losses[s] / (sum(s) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n) if sum(s))
            return nats / math.log(2)
    """),
    Wrong(EXACT, "minus", r"sign|minus|negative|already", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return -sum(losses[s] / (sum(s) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n) if sum(s))
    """),
    Wrong(EXACT, "not-summed", r"shape", """
        def exact_bound(losses):
            n = losses.ndim
            k = torch.ones(losses.shape).nonzero().sum(1).reshape(losses.shape)
            w = torch.tensor([0.0] + [1 / (j * math.comb(n, j)) for j in range(1, n + 1)])
            return w[k] * losses
    """),
    Wrong(EXACT, "one-number-a-size", r"shape", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            by_size = torch.zeros(n + 1)
            for s in product((0, 1), repeat=n):
                if sum(s):
                    by_size[sum(s)] += losses[s] / (sum(s) * math.comb(n, sum(s)))
            return by_size
    """),
    Wrong(EXACT, "integer-total", r"dtype|integer", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, torch.tensor(0)
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total = total + (losses[s] / (k * math.comb(n, k))).long()
            return total
    """),
    Wrong(EXACT, "return-inside-the-loop", r"dtype|first|\breturn\b|\b0\b", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                k = sum(s)
                if k:
                    total += losses[s] / (k * math.comb(n, k))
                return total
    """),
    Wrong(EXACT, "list-for-number", r"a list", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            return [losses[s] / (sum(s) * math.comb(n, sum(s))) for s in product((0, 1), repeat=n) if sum(s)]
    """),
    Wrong(EXACT, "forgotten-return", r"return statement", """
        from itertools import product

        def exact_bound(losses):
            n, total = losses.ndim, 0.0
            for s in product((0, 1), repeat=n):
                if sum(s):
                    total += losses[s] / (sum(s) * math.comb(n, sum(s)))
    """),
    Wrong(EXACT, "writes-into-the-losses", r"in place", """
        from itertools import product

        def exact_bound(losses):
            n = losses.ndim
            for s in product((0, 1), repeat=n):
                if sum(s):
                    losses[s] /= sum(s) * math.comb(n, sum(s))
            return losses.sum()
    """),

    # ---- what the cases could leave open
    Wrong(DISCRETE, "epsilon-in-the-denominator", r"limited|added", """
        def discrete_bound(F, mask_rate):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            return ((mask_rate - before) / (mask_rate + 1e-6) * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "rates-not-below-a-thousandth", r"limited|added", """
        def discrete_bound(F, mask_rate):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            return ((mask_rate - before) / mask_rate.clamp(min=1e-3) * F(mask_rate)).sum()
    """),
    Wrong(DISCRETE, "trapezoid", r"trapezoid|both ends", """
        def discrete_bound(F, mask_rate):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            return ((mask_rate - before) / mask_rate * (F(before) + F(mask_rate)) / 2).sum()
    """),
    Wrong(DISCRETE, "F-at-zero", r"F takes rates in \(0,", """
        def discrete_bound(F, mask_rate):
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            rho = torch.zeros_like(lam)
            rho[1:] = 1 - lam[:-1] / lam[1:]
            return (rho * F(lam)).sum()
    """),
    Wrong(DISCRETE, "log-weights", r"the weights are log\(lambda_t / lambda_\{t\-1\}\),", """
        def discrete_bound(F, mask_rate):
            weights = torch.ones_like(mask_rate)
            weights[1:] = torch.log(mask_rate[1:] / mask_rate[:-1])
            return weights @ F(mask_rate)
    """),
    Wrong(DISCRETE, "trapezoid-2", r"this is the trapezoidal rule, but", """
        def discrete_bound(F, mask_rate):
            y = F(mask_rate) / mask_rate
            first = mask_rate[0] * y[0]
            return first + torch.trapezoid(y, mask_rate)
    """),
    Wrong(RATES, "clipped-at-a-percent", r"threshold|clamp", """
        def stratified_rates(u):
            return ((torch.arange(len(u)) + 1 - u) / len(u)).clamp(min=1e-2)
    """),
    Wrong(RATES, "clipped-at-a-ten-thousandth", r"threshold|clamp", """
        def stratified_rates(u):
            return ((torch.arange(len(u)) + 1 - u) / len(u)).clamp(min=1e-4)
    """),
    Wrong(RATES, "pieces-counted-in-eight-bits", r"large|raised", """
        def stratified_rates(u):
            return (torch.arange(len(u)).to(torch.uint8).double() + 1 - u) / len(u)
    """),
    Wrong(RATES, "cancellation", r"the rate is 2\^\-26 there,", """
        def stratified_rates(u):
            B = u.shape[0]
            above = torch.arange(B - 1, -1, -1, dtype=u.dtype)
            return 1 - (above + u) / B
    """),
    Wrong(ESTIMATE, "log-p-not-below-minus-60", r"clipped", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            paid = torch.where(masked, -log_p.clamp(min=-60), 0.0).sum(-1)
            return paid / (mask_rate * density)
    """),
    Wrong(ESTIMATE, "rates-along-the-text-where-they-fit", None, """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = 1 / (mask_rate * density)
            weight = weight if len(weight) == log_p.shape[1] else weight[:, None]
            return (torch.where(masked, -log_p, 0.0) * weight).sum(-1)
    """),
    Wrong(ESTIMATE, "squeezed", r"batch of one|shape", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            return (torch.where(masked, -log_p, 0.0).sum(-1) / (mask_rate * density)).squeeze()
    """),
    Wrong(ESTIMATE, "self-normalised", r"the weights are normalised over the", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            weight = 1 / (mask_rate * density)
            weight = weight / (weight * mask_rate).mean()
            return weight * -torch.where(masked, log_p, 0).sum(-1)
    """),
    Wrong(ESTIMATE, "clamped-log-p", r"log p must not be", """
        def continuous_estimate(log_p, masked, mask_rate, density):
            nll = -log_p.clamp(min=-100.0)
            return (nll * masked).sum(-1) / (mask_rate * density)
    """),
    Wrong(EXACTLY, "copy-of-the-generator", r"second call|move", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            own = torch.Generator()
            own.set_state(generator.get_state())
            rank = torch.rand(x0.shape, generator=own).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "states-in-a-byte", r"stay|mask_id|changed", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0.byte().long())
    """),
    Wrong(EXACTLY, "numbers-in-a-byte", r"any of 0", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1)
            return torch.where(rank < num_masked.byte()[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "batch-for-length", None, """
        def mask_exactly(x0, num_masked, mask_id, generator):
            num_masked = num_masked.clamp(max=len(x0))
            rank = torch.rand(x0.shape, generator=generator).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0)
    """),
    Wrong(EXACTLY, "squeezed", r"one sequence|shape", """
        def mask_exactly(x0, num_masked, mask_id, generator):
            rank = torch.rand(x0.shape, generator=generator).argsort(-1)
            return torch.where(rank < num_masked[:, None], mask_id, x0).squeeze()
    """),
    Wrong(EXACT, "four-tokens-at-most", None, """
        import itertools
        import math

        def exact_bound(losses):
            n = min(losses.ndim, 4)
            losses = losses[(0,) * (losses.ndim - n)]
            total = 0.0
            for S in itertools.product((0, 1), repeat=n):
                if sum(S):
                    total = total + losses[S] / (sum(S) * math.comb(n, sum(S)))
            return total
    """),
    Wrong(EXACT, "losses-limited", r"not limited", """
        import itertools
        import math

        def exact_bound(losses):
            n = losses.ndim
            losses = losses.clamp(max=50)
            total = 0.0
            for S in itertools.product((0, 1), repeat=n):
                if sum(S):
                    total = total + losses[S] / (sum(S) * math.comb(n, sum(S)))
            return total
    """),
    Wrong(EXACT, "gauss-three", r"n may be larger: every", """
        import numpy as np

        def exact_bound(losses):
            n = losses.ndim
            nodes, weights = np.polynomial.legendre.leggauss(3)
            total = losses.new_zeros(())
            for x, w in zip(nodes, weights):
                lam = (x + 1) / 2
                table = losses
                for _ in range(n):                         # average over the coin of one position after another
                    table = (1 - lam) * table[0] + lam * table[1]
                total = total + (w / 2) * table / lam
            return total
    """),
    Wrong(EXACT, "mean-of-nonzero", r"a pattern whose loss is", """
        def exact_bound(losses):
            n = losses.ndim
            size = sum(torch.arange(2).reshape([2 if d == i else 1 for d in range(n)]) for i in range(n))
            total = losses.new_zeros(())
            for k in range(1, n + 1):
                of_size = losses[size == k]
                of_size = of_size[of_size != 0]
                if len(of_size):
                    total = total + of_size.mean() / k
            return total
    """),
    Wrong(EXACT, "suffixes", r"of each number k of masks", """
        def exact_bound(losses):
            n = losses.ndim
            total = losses.new_zeros(())
            for k in range(1, n + 1):
                pattern = (0,) * (n - k) + (1,) * k
                total = total + losses[pattern] / k
            return total
    """),
    Wrong(EXACT, "wrong-identity", r"k C\(n, k\) is n C\(n\-1,", """
        def exact_bound(losses):
            n = losses.ndim
            flat = losses.reshape(-1)
            total = losses.new_zeros(())
            for code in range(1, 2 ** n):
                k = code.bit_count()
                total = total + flat[code] / (n * max(1, math.comb(n - 1, k)))
            return total
    """),
    Wrong(EXACT, "eight-bits", r"n may be larger: every", """
        def exact_bound(losses):
            n = losses.ndim
            popcount = [bin(i).count("1") for i in range(256)]
            total = 0.0
            for i, loss in enumerate(losses.flatten().tolist()):
                k = popcount[i & 255]
                if k:
                    total += loss / (k * math.comb(n, k))
            return torch.tensor(total, dtype=losses.dtype)
    """),
    Wrong(EXACT, "stops-when-free", r"the losses of all numbers", """
        from itertools import combinations

        def exact_bound(losses):
            n = losses.ndim
            total, k = losses.new_zeros(()), 1
            while k <= n:
                paid = sum(losses[tuple(int(i in S) for i in range(n))] for S in combinations(range(n), k))
                if paid == 0:
                    break
                total = total + paid / (k * math.comb(n, k))
                k += 1
            return total
    """),
    Wrong(EXACT, "riemann-100", r"near the bound, but not it:", """
        import itertools

        def exact_bound(losses):
            n, T = losses.ndim, 100
            lam = torch.arange(1, T + 1, dtype=torch.float64) / T
            F = torch.zeros_like(lam)
            for pattern in itertools.product((0, 1), repeat=n):
                k = sum(pattern)
                F += lam ** k * (1 - lam) ** (n - k) * losses[pattern].double()
            return (F / lam / T).sum().to(losses.dtype)
    """),
]

TABLE = {
    DISCRETE: {
        "rare mass": "rates are small at most by what a schedule makes small; see odd rates",
        "odd rates": ("epsilon-in-the-denominator", "rates-not-below-a-thousandth"),
        "ends of time": lambda cases: any(len(case.args[1]) == 1 for case in cases),
        "both floats": True,
        "long or many": "terms are added: nothing underflows",
        "shapes": "mask_rate has one dimension",
        "letters": "has no states",
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS,
    },
    RATES: {
        "rare mass": "a rate below 1e-12 would need u closer to 1 than float32 has numbers",
        "odd rates": ("clipped-at-a-percent", "clipped-at-a-ten-thousandth"),
        "batch sizes": lambda cases: {1, 4, 300} <= {len(case.args[0]) for case in cases},
        "ordinary batch": lambda cases: any(bool(((case.args[0] > 0) & (case.args[0] < 1)).all()) for case in cases),
        "both floats": True,
        "long or many": ("pieces-counted-in-eight-bits",),
        "shapes": "u has one dimension",
        "letters": "has no states",
        **no("u is given", "two calls", "across the batch", "along the text"),
        **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
    ESTIMATE: {
        "rare mass": True,
        "-inf": True,
        "odd rates": lambda cases: any(bool((case.args[2] < 1e-4).any()) for case in cases),
        "batch sizes": lambda cases: {(1, 6), (4, 6), (4, 4), (4, 2)} <= {tuple(case.args[0].shape) for case in cases},
        "ordinary batch": lambda cases: any(bool(case.args[1].any(1).all()) for case in cases),
        "both floats": "a stored right answer fixes float64",
        "large logits": "takes log-probabilities; see rare mass",
        "long or many": "logarithms are added: nothing underflows",
        "shapes": "log_p has two dimensions",
        "letters": "has no states",
        "ends of time": "the rates are given; see odd rates",
        **DRAWS_NOTHING, **NO_CHAIN,
    },
    EXACTLY: {
        "two calls": True,
        "batch sizes": True,
        "long or many": ("numbers-in-a-byte", "batch-for-length"),
        "letters": ("states-in-a-byte",),
        "across the batch": ("same-ranks-for-pairs", "one-permutation-rolled", "complement-for-every-second-sequence",
                             "same-set-for-the-batch"),
        "along the text": ("block-with-a-random-start", "left-preferred", "coins-mended-from-the-left"),
        "ordinary batch": lambda cases: any(len(case.args[0]) == 1 and 0 < int(case.args[1][0]) < case.args[0].shape[1]
                                            for case in cases),
        "odd rates": "takes numbers, and no rate",
        "shapes": "texts have two dimensions",
        **NO_FLOATS, **NO_CHAIN, **NO_TIME,
    },
    EXACT: {
        "rare mass": ("losses-limited",),
        "both floats": True,
        "long or many": ("four-tokens-at-most",),
        "shapes": lambda cases: {1, 2, 3, 4, 5} <= {case.args[0].ndim for case in cases},
        **no("takes the losses of all patterns, and no texts, states or rates", "letters", "odd rates"),
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
}

TOPIC = Topic("06_continuous_mask_rate", FUNCTIONS, RIGHT, WRONG, samplers=(EXACTLY,), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {DISCRETE: "left-ends", RATES: "loop", ESTIMATE: "zero-times-infinity",   # noqa: RUF012
             EXACTLY: "coins"}


class TestSampler(SamplerTests):
    topic = TOPIC
    task = EXACTLY
    steady = ("ranks", "one-argsort-is-a-permutation-too", "scatter", "largest-by-threshold",
              "position-after-position-int32", "numpy-seeded-by-the-generator")
    never = ("coins", "same-set-for-the-batch", "same-ranks-for-pairs", "one-permutation-rolled",
             "complement-for-every-second-sequence", "block-with-a-random-start", "coins-mended-from-the-left",
             "left-preferred", "small-random-integers-sorted", "sorted-by-state", "one-random-number-a-state")
