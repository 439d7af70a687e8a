"""Do the checks of topic 09 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_LOGITS, NO_TEXTS, NO_TIME, no

from dlm_course.course.questions import find

LIKELIHOOD = "09-1-log-likelihood"
FLOW = "09-2-flow-log-prob"
BOUND = "09-3-vae-bound"
FIELDS = "09-4-conditional-fields"
FLOOR = "09-5-tv-and-floor"
PLACE = "09-6-place"
FUNCTIONS = {LIKELIHOOD: "log_likelihood", FLOW: "flow_log_prob", BOUND: "vae_bound", FIELDS: "conditional_fields",
             FLOOR: "tv_and_floor", PLACE: "place"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 09-1
    Right(LIKELIHOOD, "as-the-hint-says", """
        def log_likelihood(conditional, x):
            total = torch.zeros(len(x), dtype=torch.float64)
            for i in range(x.shape[1]):
                p = conditional(x[:, :i])
                total += p.gather(1, x[:, i:i + 1]).squeeze(1).log()
            return total
    """),
    Right(LIKELIHOOD, "stacked-and-summed", """
        def log_likelihood(conditional, x):
            P = torch.stack([conditional(x[:, :i]) for i in range(x.shape[1])], dim=1)
            return P.log().gather(-1, x[..., None])[..., 0].sum(-1)
    """),
    Right(LIKELIHOOD, "fancy-indices-float32", """
        def log_likelihood(conditional, x):
            rows, total = torch.arange(x.size(0)), 0
            for i in range(x.size(1)):
                total = total + torch.log(conditional(x[:, :i]).float())[rows, x[:, i]]
            return total
    """),
    Right(LIKELIHOOD, "text-after-text", """
        def log_likelihood(conditional, x):
            out = []
            for text in x:
                out.append(sum(math.log(conditional(text[None, :i])[0, text[i]].item()) for i in range(len(text))))
            return torch.tensor(out)
    """),
    Right(LIKELIHOOD, "nll-loss", """
        import torch.nn.functional as F

        def log_likelihood(conditional, x):
            losses = [F.nll_loss(conditional(x[:, :i]).log(), x[:, i], reduction="none") for i in range(x.shape[1])]
            return -torch.stack(losses).sum(0)
    """),
    Right(LIKELIHOOD, "cross-entropy-of-the-logarithms", """
        import torch.nn.functional as F

        def log_likelihood(conditional, x):
            log_p = torch.stack([conditional(x[:, :i]).log() for i in range(x.shape[1])], dim=-1)    # (B, V, n)
            return -F.cross_entropy(log_p, x, reduction="none").sum(1)
    """),
    Right(LIKELIHOOD, "categorical", """
        def log_likelihood(conditional, x):
            return sum(torch.distributions.Categorical(probs=conditional(x[:, :i])).log_prob(x[:, i])
                       for i in range(x.shape[1]))
    """),
    Right(LIKELIHOOD, "one-hot-and-numpy", """
        def log_likelihood(conditional, x):
            out = np.zeros(x.shape[0])
            for i in range(x.shape[1]):
                p = conditional(x[:, :i]).numpy()
                chosen = (np.eye(p.shape[1])[x[:, i].numpy()] * p).sum(1)
                out += np.log(chosen)
            return out
    """),
    Right(LIKELIHOOD, "from-the-last-symbol-back", """
        def log_likelihood(conditional, x):
            *_, n = x.shape
            if n == 1:
                return conditional(x[:, :0]).gather(1, x).log()[:, 0]
            last = conditional(x[:, :-1]).gather(1, x[:, -1:]).log()[:, 0]
            return last + log_likelihood(conditional, x[:, :-1])
    """),
    Right(LIKELIHOOD, "table-of-float32-filled", """
        def log_likelihood(conditional, x):
            table = torch.empty(x.shape)
            for i in range(x.shape[1]):
                table[:, i] = torch.take_along_dim(conditional(x[:, :i]), x[:, [i]], dim=1)[:, 0]
            return table.log().sum(dim=1)
    """),
    Right(LIKELIHOOD, "float32-from-the-start", """
        def log_likelihood(conditional, x):
            p = torch.stack([conditional(x[:, :i]).float() for i in range(x.shape[1])], dim=1)
            return torch.log(p).gather(2, x.unsqueeze(2)).squeeze(2).sum(1)
    """),

    # ---- 09-2
    Right(FLOW, "as-the-hint-says", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x[:, 0], x[:, 1]
            s = log_scale(x1)
            z2 = (x2 - shift(x1)) * torch.exp(-s)
            return -0.5 * (x1 ** 2 + z2 ** 2) - math.log(2 * math.pi) - s
    """),
    Right(FLOW, "two-normals", """
        def flow_log_prob(x, log_scale, shift):
            first = torch.distributions.Normal(0.0, 1.0).log_prob(x[:, 0])
            second = torch.distributions.Normal(shift(x[:, 0]), log_scale(x[:, 0]).exp()).log_prob(x[:, 1])
            return first + second
    """),
    Right(FLOW, "standard-normal-and-log-det", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x.unbind(-1)
            s, t = log_scale(x1), shift(x1)
            z = torch.stack([x1, (x2 - t) / s.exp()], dim=-1)
            base = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
            return base.log_prob(z).sum(-1) - s
    """),
    Right(FLOW, "multivariate-normal", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x.T
            z = torch.stack([x1, (x2 - shift(x1)) / torch.exp(log_scale(x1))], 1)
            normal = torch.distributions.MultivariateNormal(torch.zeros(2, dtype=x.dtype), torch.eye(2, dtype=x.dtype))
            return normal.log_prob(z) + torch.log(torch.exp(-log_scale(x1)))
    """),
    Right(FLOW, "jacobian-by-autograd", """
        def flow_log_prob(x, log_scale, shift):
            def inverse(point):
                first = point[:1]
                return torch.cat([first, (point[1:] - shift(first)) * torch.exp(-log_scale(first))])
            out = []
            for point in x:
                z, J = inverse(point), torch.autograd.functional.jacobian(inverse, point)
                out.append(-(z @ z) / 2 - math.log(2 * math.pi) + torch.linalg.slogdet(J).logabsdet)
            return torch.stack(out)
    """),
    Right(FLOW, "derivative-of-the-sum", """
        def flow_log_prob(x, log_scale, shift):
            x = x.clone().requires_grad_()
            z1 = x[:, 0]
            z2 = (x[:, 1] - shift(z1)) / log_scale(z1).exp()
            slope = torch.autograd.grad(z2.sum(), x, retain_graph=True)[0][:, 1]
            return -(z1 ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) + slope.abs().log()
    """),
    Right(FLOW, "numpy-inside", """
        def flow_log_prob(x, log_scale, shift):
            s, t = log_scale(x[:, 0]).numpy(), shift(x[:, 0]).numpy()
            a = x.numpy()
            z = np.column_stack([a[:, 0], (a[:, 1] - t) / np.exp(s)])
            return (-z ** 2 / 2 - np.log(np.sqrt(2 * np.pi))).sum(axis=1) - s
    """),
    Right(FLOW, "point-after-point", """
        def flow_log_prob(x, log_scale, shift):
            def log_normal(v):
                return -v * v / 2 - math.log(2 * math.pi) / 2

            out = torch.zeros(len(x))
            for b in range(len(x)):
                s, t = log_scale(x[b, :1]).item(), shift(x[b, :1]).item()
                z2 = (x[b, 1].item() - t) / math.exp(s)
                out[b] = log_normal(x[b, 0].item()) + log_normal(z2) - s
            return out
    """),
    Right(FLOW, "density-of-a-normal-with-that-variance", """
        def flow_log_prob(x, log_scale, shift):
            x = x.float()
            x1, x2 = x[:, 0], x[:, 1]
            log_var = 2 * log_scale(x1)
            a = x1.square() + math.log(2 * math.pi)
            b = (x2 - shift(x1)).square() / log_var.exp() + math.log(2 * math.pi) + log_var
            return -(a + b) / 2
    """),
    Right(FLOW, "transformed-distribution", """
        def flow_log_prob(x, log_scale, shift):
            from torch.distributions import AffineTransform, Normal, TransformedDistribution
            x1, x2 = x[:, 0], x[:, 1]
            zero, one = torch.zeros_like(x1), torch.ones_like(x1)
            given = TransformedDistribution(Normal(zero, one), [AffineTransform(shift(x1), log_scale(x1).exp())])
            return Normal(zero, one).log_prob(x1) + given.log_prob(x2)
    """),
    Right(FLOW, "float32-throughout", """
        def flow_log_prob(x, log_scale, shift):
            x = x.float()
            s, t = log_scale(x[:, 0]).float(), shift(x[:, 0]).float()
            z = torch.stack([x[:, 0], (x[:, 1] - t) / torch.exp(s)], 1)
            return -0.5 * (z * z).sum(1) - math.log(2 * math.pi) - s
    """),

    # ---- 09-3
    Right(BOUND, "as-the-hint-says", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(-1)
            kl = 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(-1)
            return log_p - kl
    """),
    Right(BOUND, "cross-entropy", """
        import torch.nn.functional as F

        def vae_bound(logits, x, mean, log_var):
            nll = F.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1)
            kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp(), dim=1)
            return -(nll + kl)
    """),
    Right(BOUND, "cross-entropy-flattened", """
        import torch.nn.functional as F

        def vae_bound(logits, x, mean, log_var):
            B, n, K = logits.shape
            nll = F.cross_entropy(logits.reshape(B * n, K), x.reshape(-1), reduction="none").view(B, n)
            var = torch.exp(log_var)
            return -nll.sum(1) - ((mean.square() + var) / 2 - torch.log(torch.sqrt(var)) - 0.5).sum(1)
    """),
    Right(BOUND, "distributions", """
        from torch.distributions import Categorical, Independent, Normal, kl_divergence

        def vae_bound(logits, x, mean, log_var):
            q = Independent(Normal(mean, (log_var / 2).exp()), 1)
            prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
            return Categorical(logits=logits).log_prob(x).sum(-1) - kl_divergence(q, prior)
    """),
    Right(BOUND, "three-loops", """
        def vae_bound(logits, x, mean, log_var):
            out = []
            for b in range(len(x)):
                total = 0.0
                for i in range(x.shape[1]):
                    row = logits[b, i].tolist()
                    top = max(row)
                    total += row[x[b, i]] - top - math.log(sum(math.exp(v - top) for v in row))
                for m, lv in zip(mean[b].tolist(), log_var[b].tolist()):
                    total -= (m * m + math.exp(lv) - lv - 1) / 2
                out.append(total)
            return torch.tensor(out)
    """),
    Right(BOUND, "numpy-inside", """
        def vae_bound(logits, x, mean, log_var):
            z, mu, lv = logits.numpy(), mean.numpy(), log_var.numpy()
            z = z - z.max(axis=-1, keepdims=True)
            log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
            score = np.take_along_axis(log_p, x.numpy()[:, :, None], axis=2).sum(axis=(1, 2))
            return score - 0.5 * (mu ** 2 + np.exp(lv) - 1 - lv).sum(1)
    """),
    Right(BOUND, "float32-and-logsumexp", """
        def vae_bound(logits, x, mean, log_var):
            logits, mean, log_var = logits.float(), mean.float(), log_var.float()
            chosen = torch.take_along_dim(logits, x.unsqueeze(-1), -1).squeeze(-1)
            kl = (mean * mean + torch.expm1(log_var) - log_var).sum(1).div(2)
            return (chosen - torch.logsumexp(logits, -1)).sum(1) - kl
    """),
    Right(BOUND, "one-hot-and-einsum", """
        import torch.nn.functional as F

        def vae_bound(logits, x, mean, log_var):
            hot = F.one_hot(x, logits.shape[-1]).to(logits.dtype)
            log_p = torch.einsum("bik,bik->b", hot, torch.log_softmax(logits, dim=2))
            sigma = torch.exp(0.5 * log_var)
            kl = torch.einsum("bd->b", 0.5 * (sigma ** 2 + mean ** 2 - 1) - sigma.log())
            return log_p - kl
    """),
    Right(BOUND, "multivariate-kl", """
        def vae_bound(logits, x, mean, log_var):
            d = mean.shape[1]
            cov = torch.diag_embed(log_var.exp())
            trace = cov.diagonal(dim1=-2, dim2=-1).sum(-1)
            kl = (trace + (mean[:, None] @ mean[:, :, None])[:, 0, 0] - d - torch.logdet(cov)) / 2
            b, i = torch.arange(len(x))[:, None], torch.arange(x.shape[1])
            return logits.log_softmax(-1)[b, i, x].sum(1) - kl
    """),
    Right(BOUND, "entropy-plus-expected-prior", """
        def vae_bound(logits, x, mean, log_var):
            c = math.log(2 * math.pi)
            entropy = (0.5 * (c + 1 + log_var)).sum(1)
            prior = (-0.5 * (c + mean ** 2 + torch.exp(log_var))).sum(1)
            decoder = -torch.nn.functional.nll_loss(logits.log_softmax(2).permute(0, 2, 1), x, reduction="none").sum(1)
            return decoder + prior + entropy
    """),
    Right(BOUND, "categorical-float32", """
        def vae_bound(logits, x, mean, log_var):
            log_p = torch.distributions.Categorical(logits=logits.float()).log_prob(x).sum(1)
            sigma = torch.exp(log_var.float() / 2)
            return log_p - (0.5 * (mean.float() ** 2 + sigma ** 2 - 1) - torch.log(sigma)).sum(1)
    """),
    Right(BOUND, "logarithm-of-the-softmax", """
        def vae_bound(logits, x, mean, log_var):
            chosen = torch.nn.functional.one_hot(x, logits.shape[2])
            probability = (torch.softmax(logits, 2) * chosen).sum(2)
            twice = (log_var.exp() + mean * mean - log_var).sum(1) - mean.shape[1]
            return torch.log(probability).sum(1) - twice / 2
    """),

    # ---- 09-4
    Right(FIELDS, "the-formulas-of-the-slide", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Right(FIELDS, "mean-and-standard-deviation", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            def velocity(m, dm, s, ds):
                eps = (x - m * x1) / s
                return dm * x1 + ds * eps

            a, da = alpha(1 - t), -d_alpha(1 - t)
            s = torch.sqrt(1 - a ** 2)
            return torch.stack((velocity(1.0, 0.0, sigma(1 - t), -d_sigma(1 - t)), velocity(a, da, s, -a * da / s)))
    """),
    Right(FIELDS, "central-differences", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            h = 1e-5
            paths = (lambda t: 1.0, lambda t: sigma(1 - t)), \\
                    (lambda t: alpha(1 - t), lambda t: (1 - alpha(1 - t) ** 2) ** 0.5)
            out = []
            for m, s in paths:
                eps = (x.double() - m(t) * x1.double()) / s(t)
                out.append((m(t + h) * x1 + s(t + h) * eps - m(t - h) * x1 - s(t - h) * eps) / (2 * h))
            return torch.stack(out)
    """),
    Right(FIELDS, "autograd", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            time = torch.tensor(t, dtype=torch.float64, requires_grad=True)
            out = torch.zeros(2, *x.shape, dtype=torch.float64)
            for k, (m, s) in enumerate([(torch.ones(()), sigma(1 - time)),
                                        (alpha(1 - time), (1 - alpha(1 - time) ** 2).sqrt())]):
                eps = ((x - m * x1) / s).detach()
                for index in np.ndindex(*x.shape):
                    place = m * x1[index] + s * eps[index]
                    out[k][index] = torch.autograd.grad(place, time, retain_graph=True)[0]
            return out
    """),
    Right(FIELDS, "loops-over-numbers", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            S, dS, A, dA = (float(f(1 - t)) for f in (sigma, d_sigma, alpha, d_alpha))
            out = torch.zeros(2, *x.shape)
            for b in range(x.shape[0]):
                for i in range(x.shape[1]):
                    out[0, b, i] = (x1[b, i] - x[b, i]) * dS / S
                    out[1, b, i] = dA * (A * x[b, i] - x1[b, i]) / ((1 - A) * (1 + A))
            return out
    """),
    Right(FIELDS, "numpy-array-returned", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            a, b = x.numpy(), x1.numpy()
            s, ds, al, dal = [np.asarray(f(1 - t)) for f in (sigma, d_sigma, alpha, d_alpha)]
            std = np.sqrt(1 - al ** 2)
            ve = -ds * (a - b) / s
            vp = -dal * b + (al * dal / std) * (a - al * b) / std
            return np.stack([ve, vp])
    """),
    Right(FIELDS, "logarithmic-derivatives", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            tau = 1.0 - t
            rate_ve = -d_sigma(tau) / sigma(tau)                              # d log s / dt
            rate_vp = alpha(tau) * d_alpha(tau) / (1 - alpha(tau) ** 2)
            out = torch.empty((2,) + x.shape, dtype=torch.float64)
            out[0] = rate_ve * (x - x1)
            out[1] = -d_alpha(tau) * x1 + rate_vp * (x - alpha(tau) * x1)
            return out
    """),
    Right(FIELDS, "score-form-of-the-flow", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            r = 1 - t
            score_ve = -(x - x1) / sigma(r) ** 2
            score_vp = -(x - alpha(r) * x1) / (1 - alpha(r) ** 2)
            ve = sigma(r) * d_sigma(r) * score_ve
            vp = -d_alpha(r) / alpha(r) * (x + score_vp)
            return torch.cat([ve[None], vp[None]])
    """),
    Right(FIELDS, "variance-and-its-derivative-float32", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            x, x1 = x.float(), x1.float()
            var = torch.stack([sigma(1 - t) ** 2, 1 - alpha(1 - t) ** 2]).float().view(2, 1, 1)
            d_var = torch.stack([-2 * sigma(1 - t) * d_sigma(1 - t),
                                 2 * alpha(1 - t) * d_alpha(1 - t)]).float().view(2, 1, 1)
            m = torch.stack([torch.ones(()), alpha(1 - t).float()]).view(2, 1, 1)
            d_m = torch.stack([torch.zeros(()), -d_alpha(1 - t).float()]).view(2, 1, 1)
            return d_m * x1 + d_var / (2 * var) * (x - m * x1)
    """),
    Right(FIELDS, "float32-throughout", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = torch.tensor(1 - t)
            s, ds, a, da = (f(u).float() for f in (sigma, d_sigma, alpha, d_alpha))
            x, x1 = x.float(), x1.float()
            return torch.stack([-ds / s * (x - x1), da / (1 - a ** 2) * (a * x - x1)])
    """),
    Right(FIELDS, "coarser-central-differences", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            def place(time, eps):
                a = alpha(1 - time)
                return torch.stack([x1 + sigma(1 - time) * eps[0], a * x1 + (1 - a ** 2).sqrt() * eps[1]])

            a, h = alpha(1 - t), 1e-4
            eps = torch.stack([(x - x1) / sigma(1 - t), (x - a * x1) / (1 - a ** 2).sqrt()])
            return (place(t + h, eps) - place(t - h, eps)) / (2 * h)
    """),

    # ---- 09-5
    Right(FLOOR, "as-the-hint-says", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            tv = 0.5 * (counts / N - p).abs().sum()
            floor = 0.0
            for k in range(N + 1):
                floor = floor + math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs()
            return torch.stack([tv, 0.5 * floor.sum()])
    """),
    Right(FLOOR, "pure-python", """
        def tv_and_floor(p, counts):
            p, counts = p.tolist(), counts.tolist()
            N = sum(counts)
            tv = sum(abs(c / N - q) for c, q in zip(counts, p)) / 2
            floor = sum(math.comb(N, k) * q ** k * (1 - q) ** (N - k) * abs(k / N - q)
                        for q in p for k in range(N + 1)) / 2
            return torch.tensor([tv, floor])
    """),
    Right(FLOOR, "binomial-of-torch-distributions", """
        def tv_and_floor(p, counts):
            N = counts.sum().item()
            tv = torch.sum(torch.abs(counts.double() / N - p)) / 2
            k = torch.arange(N + 1, dtype=torch.float64)[:, None]
            inside = p[(p > 0) & (p < 1)]
            pmf = torch.distributions.Binomial(N, probs=inside).log_prob(k).exp()
            return torch.stack([tv, (pmf * (k / N - inside).abs()).sum() / 2])
    """),
    Right(FLOOR, "outer-grid", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            k = torch.arange(N + 1, dtype=p.dtype)
            ways = torch.tensor([math.comb(N, i) for i in range(N + 1)], dtype=p.dtype)
            pmf = ways * p[:, None] ** k * (1 - p[:, None]) ** (N - k)
            floor = (pmf * (k / N - p[:, None]).abs()).sum() / 2
            return torch.tensor([(counts / N - p).abs().sum() / 2, floor])
    """),
    Right(FLOOR, "numpy-inside", """
        def tv_and_floor(p, counts):
            p, c = p.numpy(), counts.numpy()
            N = c.sum()
            k = np.arange(N + 1)
            comb = np.array([math.comb(N, i) for i in k], dtype=float)
            pmf = comb * np.power.outer(p, k) * np.power.outer(1 - p, N - k)
            return 0.5 * np.array([np.abs(c / N - p).sum(), (pmf * np.abs(np.subtract.outer(p, k / N))).sum()])
    """),
    Right(FLOOR, "law-by-adding-coins", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = 0.0
            for q in p.tolist():
                law = [1.0]
                for _ in range(N):
                    law = [a * (1 - q) + b * q for a, b in zip(law + [0.0], [0.0] + law)]
                floor += 0.5 * sum(w * abs(k / N - q) for k, w in enumerate(law))
            return torch.tensor([0.5 * float((counts / N - p).abs().sum()), floor])
    """),
    Right(FLOOR, "de-moivre", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = 0.0
            for q in p.tolist():
                m = min(math.floor(N * q) + 1, N)
                floor += m * math.comb(N, m) * q ** m * (1 - q) ** (N - m + 1) / N    # half of 2 m (1 - q) P(C = m) / N
            return torch.tensor([((counts / N - p).abs() / 2).sum().item(), floor])
    """),
    Right(FLOOR, "log-space-with-xlogy", """
        def tv_and_floor(p, counts):
            N = counts.sum().double()
            k = torch.arange(int(N) + 1).double().unsqueeze(1)
            log_ways = torch.lgamma(N + 1) - torch.lgamma(k + 1) - torch.lgamma(N - k + 1)
            pmf = torch.exp(log_ways + torch.xlogy(k, p) + torch.xlogy(N - k, 1 - p))
            mean_deviation = (pmf * torch.abs(k / N - p)).sum(dim=0)
            return torch.stack([(counts / N - p).abs().sum(), mean_deviation.sum()]) / 2
    """),
    Right(FLOOR, "positive-parts-float32", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            tv = torch.clamp(counts / N - p, min=0).sum()
            floor = sum((math.comb(N, k) * p ** k * (1 - p) ** (N - k) * torch.relu(k / N - p)).sum()
                        for k in range(N + 1))
            return torch.stack([tv, floor]).float()
    """),
    Right(FLOOR, "tiny-clamp-and-logarithms", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            q, k = p.clamp(1e-12, 1 - 1e-12), torch.arange(N + 1).double()[:, None]
            ways = torch.tensor([math.log(math.comb(N, i)) for i in range(N + 1)]).double()[:, None]
            pmf = (ways + k * q.log() + (N - k) * (1 - q).log()).exp()
            return torch.stack([(counts / N - p).abs().sum(), (pmf * (k / N - p).abs()).sum()]) / 2
    """),

    # ---- 09-6
    Right(PLACE, "as-the-hint-says", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)) / len(samples)
            got = modes.double() @ freq.double()
            due = modes.double() @ p
            return torch.stack([got.sum(), (got >= due / 2).double().mean(), torch.tensor(1 / num_calls).double()])
    """),
    Right(PLACE, "modes-at-the-samples", """
        def place(samples, p, modes, num_calls):
            hit = modes[:, samples]
            quality = hit.any(0).float().mean()
            coverage = (hit.float().mean(1) >= 0.5 * (modes * p).sum(1)).float().mean()
            return torch.tensor([quality, coverage, 1 / num_calls])
    """),
    Right(PLACE, "pure-python", """
        def place(samples, p, modes, num_calls):
            inside, covered = 0, 0
            for mode in modes:
                outcomes = {k for k in range(len(p)) if mode[k]}
                got = sum(1 for s in samples.tolist() if s in outcomes)
                inside += got
                if got / len(samples) >= sum(p[k].item() for k in outcomes) / 2:
                    covered += 1
            return torch.tensor([inside / len(samples), covered / len(modes), 1 / num_calls])
    """),
    Right(PLACE, "numpy-inside", """
        def place(samples, p, modes, num_calls):
            s, p, modes = samples.numpy(), p.numpy(), modes.numpy()
            counts = np.bincount(s, minlength=p.size)
            got = (modes * counts).sum(axis=1)
            due = len(s) * (modes * p).sum(axis=1)
            return np.array([got.sum() / len(s), np.mean(2 * got >= due), 1.0 / num_calls])
    """),
    Right(PLACE, "mode-after-mode", """
        def place(samples, p, modes, num_calls):
            quality = coverage = 0.0
            for m in range(modes.shape[0]):
                share = modes[m][samples].float().mean().item()
                quality += share
                coverage += (share >= p[modes[m]].sum().item() / 2) / modes.shape[0]
            return torch.tensor([quality, coverage, num_calls ** -1])
    """),
    Right(PLACE, "one-hot", """
        import torch.nn.functional as F

        def place(samples, p, modes, num_calls):
            freq = F.one_hot(samples, p.numel()).to(p.dtype).mean(0)
            M = modes.to(p.dtype)
            in_some_mode = modes.any(dim=0)
            quality = freq[in_some_mode].sum()
            coverage = torch.ge(M @ freq, (M @ p) / 2).sum() / len(modes)
            return torch.stack([quality, coverage.to(p.dtype), torch.tensor(num_calls, dtype=p.dtype).reciprocal()])
    """),
    Right(PLACE, "label-of-each-outcome", """
        def place(samples, p, modes, num_calls):
            M = len(modes)
            label = torch.where(modes.any(0), modes.int().argmax(0), M)              # M: in no mode
            got = torch.bincount(label[samples], minlength=M + 1)[:M] / len(samples)
            due = torch.zeros(M + 1, dtype=p.dtype).index_add(0, label, p)[:M]
            out = torch.zeros(3)
            out[0], out[1], out[2] = got.sum(), (got >= due / 2).float().mean(), 1 / num_calls
            return out
    """),
    Right(PLACE, "isin-and-einsum", """
        def place(samples, p, modes, num_calls):
            quality = torch.isin(samples, modes.any(0).nonzero().flatten()).double().mean()
            hist = torch.zeros(len(p), dtype=torch.float64)
            hist.scatter_add_(0, samples, torch.ones(len(samples), dtype=torch.float64))
            got, due = torch.einsum("mk,ck->cm", modes.double(), torch.stack([hist / hist.sum(), p]))
            return torch.cat([quality[None], (got - due / 2 >= 0).double().mean()[None],
                              torch.ones(1, dtype=torch.float64) / num_calls])
    """),
    Right(PLACE, "quality-by-the-complement", """
        def place(samples, p, modes, num_calls):
            junk = ~modes.any(0)
            counts = torch.bincount(samples, minlength=modes.size(1)).double()
            N = counts.sum()
            starved = (modes.double() @ counts) < N * (modes.double() @ p) / 2
            return torch.tensor([1 - counts[junk].sum() / N, 1 - starved.double().mean(), 1 / num_calls])
    """),
]


# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 09-1
    Wrong(LIKELIHOOD, "every-symbol-given-itself", r"itself|own", """
        def log_likelihood(conditional, x):
            total = 0
            for i in range(x.shape[1]):
                total = total + conditional(x[:, :i + 1]).gather(1, x[:, i:i + 1])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "bits", r"bits|log2", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log2() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "decimal-logarithm", r"log10|natural|nats", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log10() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "probability-for-its-logarithm", r"logarithm|\blog\b", """
        def log_likelihood(conditional, x):
            out = torch.ones(len(x), dtype=torch.float64)
            for i in range(x.shape[1]):
                out = out * conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0]
            return out
    """),
    Wrong(LIKELIHOOD, "product-then-logarithm", r"underflow|product", """
        def log_likelihood(conditional, x):
            out = torch.ones(len(x), dtype=torch.float64)
            for i in range(x.shape[1]):
                out = out * conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0]
            return out.log()
    """),
    Wrong(LIKELIHOOD, "product-then-logarithm-float32", r"underflow|product", """
        def log_likelihood(conditional, x):
            P = torch.stack([conditional(x[:, :i]).float().gather(1, x[:, [i]])[:, 0] for i in range(x.shape[1])])
            return P.prod(0).log()
    """),
    Wrong(LIKELIHOOD, "mean-over-the-symbols", r"averag|mean", """
        def log_likelihood(conditional, x):
            terms = [conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1])]
            return torch.stack(terms).mean(0)
    """),
    Wrong(LIKELIHOOD, "negative-log-likelihood", r"sign|minus|negative|−", """
        def log_likelihood(conditional, x):
            return -sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "perplexity", r"perplexity|exp", """
        def log_likelihood(conditional, x):
            terms = [conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1])]
            return torch.exp(-torch.stack(terms).mean(0))
    """),
    Wrong(LIKELIHOOD, "first-symbol-forgotten", r"first", """
        def log_likelihood(conditional, x):
            total = torch.zeros(len(x), dtype=torch.float64)
            for i in range(1, x.shape[1]):
                total += conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "last-symbol-forgotten", r"last", """
        def log_likelihood(conditional, x):
            total = torch.zeros(len(x), dtype=torch.float64)
            for i in range(x.shape[1] - 1):
                total += conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "return-inside-the-loop", r"first|return", """
        def log_likelihood(conditional, x):
            total = torch.zeros(len(x), dtype=torch.float64)
            for i in range(x.shape[1]):
                total += conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log()
                return total
    """),
    Wrong(LIKELIHOOD, "total-overwritten", r"last|sum|add", """
        def log_likelihood(conditional, x):
            for i in range(x.shape[1]):
                total = conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "sum-of-probabilities-then-logarithm", r"sum|product", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0] for i in range(x.shape[1])).log()
    """),
    Wrong(LIKELIHOOD, "sum-of-probabilities", r"logarithm|\blog\b", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0] for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "one-number-for-the-batch", r"batch", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1]).log().sum() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "batch-total-for-each-text", r"batch|all texts|other texts|each text", """
        def log_likelihood(conditional, x):
            total = sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1]).log().sum() for i in range(x.shape[1]))
            return total.expand(len(x))
    """),
    Wrong(LIKELIHOOD, "dimension-kept", r"shape", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1]).log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "not-summed", r"add", """
        def log_likelihood(conditional, x):
            return torch.cat([conditional(x[:, :i]).gather(1, x[:, i:i + 1]).log() for i in range(x.shape[1])], 1)
    """),
    Wrong(LIKELIHOOD, "every-text-with-every-symbol", r"shape", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i])[:, x[:, i]].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "last-symbol-as-the-prefix", r"only the (last|symbol)|whole prefix", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, max(i - 1, 0):i]).gather(1, x[:, i:i + 1])[:, 0].log()
                       for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "whole-text-as-the-prefix", r"whole text", """
        def log_likelihood(conditional, x):
            return conditional(x).log().gather(1, x).sum(1)
    """),
    Wrong(LIKELIHOOD, "prefix-too-short", r"prefix|before", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :max(i - 1, 0)]).gather(1, x[:, i:i + 1])[:, 0].log()
                       for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "empty-prefix-everywhere", r"empty|prefix", """
        def log_likelihood(conditional, x):
            return conditional(x[:, :0]).gather(1, x).log().sum(1)
    """),
    Wrong(LIKELIHOOD, "symbol-before-scored", r"symbol before|before|previous|last of the prefix|i - 1|shift", """
        def log_likelihood(conditional, x):
            total = conditional(x[:, :0]).gather(1, x[:, :1])[:, 0].log()
            for i in range(1, x.shape[1]):
                total = total + conditional(x[:, :i]).gather(1, x[:, i - 1:i])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "most-probable-symbol-scored", r"most probable|largest|max|stands", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).max(1).values.log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "entropy", r"entropy|all symbols|stands|mean", """
        def log_likelihood(conditional, x):
            def term(p):
                return torch.xlogy(p, p).sum(1)
            return sum(term(conditional(x[:, :i])) for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "probabilities-taken-for-logits", r"logits|softmax|already probabilities", """
        import torch.nn.functional as F

        def log_likelihood(conditional, x):
            return -sum(F.cross_entropy(conditional(x[:, :i]), x[:, i], reduction="none") for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "categorical-with-logits", r"logits|softmax|already probabilities", """
        def log_likelihood(conditional, x):
            return sum(torch.distributions.Categorical(logits=conditional(x[:, :i])).log_prob(x[:, i])
                       for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "nll-loss-of-probabilities", r"logarithm|\blog\b", """
        import torch.nn.functional as F

        def log_likelihood(conditional, x):
            return -sum(F.nll_loss(conditional(x[:, :i]), x[:, i], reduction="none") for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "from-right-to-left", r"right|behind|after|before|suffix", """
        def log_likelihood(conditional, x):
            n = x.shape[1]
            return sum(conditional(x[:, i + 1:]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(n))
    """),
    Wrong(LIKELIHOOD, "prefix-reversed", r"reverse", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i].flip(1)).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "prefix-of-the-first-text", r"first text|own prefix|each text|every text", """
        def log_likelihood(conditional, x):
            B = len(x)
            return sum(conditional(x[:1, :i]).expand(B, -1).gather(1, x[:, i:i + 1])[:, 0].log()
                       for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "rows-for-columns", r"raised", """
        def log_likelihood(conditional, x):
            total = 0
            for i in range(len(x)):
                total = total + conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log()
            return total
    """),
    Wrong(LIKELIHOOD, "guard-inside-the-logarithm", None, """
        def log_likelihood(conditional, x):
            return sum((conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0] + 1e-3).log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "list-of-terms", r"a list", """
        def log_likelihood(conditional, x):
            return [conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1])]
    """),
    Wrong(LIKELIHOOD, "forgotten-return", r"return statement", """
        def log_likelihood(conditional, x):
            total = sum(conditional(x[:, :i]).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "epsilon-of-1e-8", r"epsilon", """
        def log_likelihood(conditional, x):
            return sum((conditional(x[:, :i]) + 1e-8).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "epsilon-of-1e-12", r"epsilon", """
        def log_likelihood(conditional, x):
            return sum((conditional(x[:, :i]) + 1e-12).gather(1, x[:, i:i + 1])[:, 0].log() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "clamp-of-1e-3", None, """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).clamp_min(1e-3).gather(1, x[:, i:i + 1])[:, 0].log()
                    for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "logarithms-clamped", r"clamp", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).log().clamp(min=-20).gather(1, x[:, i:i + 1])[:, 0]
                    for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "total-clamped", r"cut nothing off", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).log().gather(1, x[:, i:i + 1])[:, 0]
                    for i in range(x.shape[1])).clamp(min=-100)
    """),
    Wrong(LIKELIHOOD, "target-shifted", r"behind the right one", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).log().gather(1, x[:, i + 1:i + 2])[:, 0]
                    for i in range(x.shape[1] - 1)) if x.shape[1] > 1 else torch.zeros(len(x))
    """),
    Wrong(LIKELIHOOD, "text-rolled-left", r"behind the right one", """
        def log_likelihood(conditional, x):
            y = x.roll(-1, 1)
            return sum(conditional(x[:, :i]).log().gather(1, y[:, i:i + 1])[:, 0] for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "text-rolled-right", r"symbol before", """
        def log_likelihood(conditional, x):
            y = x.roll(1, 1)
            return sum(conditional(x[:, :i]).log().gather(1, y[:, i:i + 1])[:, 0] for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "memory-by-prefix", None, """
        memory = {}
        def log_likelihood(conditional, x):
            out = []
            for row in x.tolist():
                total = 0.0
                for i, symbol in enumerate(row):
                    key = tuple(row[:i])
                    if key not in memory:
                        memory[key] = conditional(torch.tensor([row[:i]], dtype=torch.long))[0]
                    total += float(memory[key][symbol].log())
                out.append(total)
            return torch.tensor(out)
    """),
    Wrong(LIKELIHOOD, "squeezed", r"^shape(?!.*underflow)", """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).log().gather(1, x[:, i:i + 1]).squeeze() for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "halves", None, """
        def log_likelihood(conditional, x):
            return sum(conditional(x[:, :i]).half().log().gather(1, x[:, i:i + 1])[:, 0] for i in range(x.shape[1]))
    """),
    Wrong(LIKELIHOOD, "slide-prefix", r"each symbol is given itself, too:", """
        def log_likelihood(conditional, x):
            n = x.shape[1]
            terms = []
            for i in range(n):
                prefix = x[:, :min(i + 1, n - 1)]
                probs = conditional(prefix)
                terms.append(torch.log(probs[torch.arange(len(x)), x[:, i]]))
            return torch.stack(terms, dim=1).sum(1)
    """),

    # ---- 09-2
    Wrong(FLOW, "log-det-with-the-wrong-sign", r"sign|minus|[−-] ?s|subtract|added", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) + s
    """),
    Wrong(FLOW, "log-det-forgotten", r"det|stretch|volume|jacobian|missing", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi)
    """),
    Wrong(FLOW, "scale-for-its-logarithm", r"log", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s.exp()
    """),
    Wrong(FLOW, "inverse-determinant-added", r"log", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) + torch.exp(-s)
    """),
    Wrong(FLOW, "log-det-twice", r"twice|one|once|x\^?1|both", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z = torch.stack([x[:, 0], (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)], 1)
            return (torch.distributions.Normal(0, 1).log_prob(z) - s[:, None]).sum(1)
    """),
    Wrong(FLOW, "log-det-halved", r"half|halv|varian", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s / 2
    """),
    Wrong(FLOW, "normaliser-forgotten", r"normalis", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - s
    """),
    Wrong(FLOW, "normaliser-of-one-number", r"normalis|both|two|each", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - 0.5 * math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "normaliser-twice", r"normalis", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - 2 * math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "normaliser-with-the-wrong-sign", r"normalis", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 + math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "pi-as-31", None, """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * 3.1) - s
    """),
    Wrong(FLOW, "half-forgotten", r"halv|half", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "inverse-stretched-again", r"invers|undo|divid|exp\(−s\)|multipl", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "inverse-stretched-again-and-plus-s", r"invers|undo|divid|exp\(−s\)|multipl", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) + s
    """),
    Wrong(FLOW, "forward-for-the-inverse", r"wrong way", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = torch.exp(s) * x[:, 1] + shift(x[:, 0])
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "forward-for-the-inverse-and-plus-s", r"wrong way", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = torch.exp(s) * x[:, 1] + shift(x[:, 0])
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) + s
    """),
    Wrong(FLOW, "shift-after-the-scale", r"shift|t first|order|before", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = x[:, 1] * torch.exp(-s) - shift(x[:, 0])
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "shift-added", r"shift|\bt\b|subtract", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] + shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "shift-forgotten", r"shift|\bt\b", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = x[:, 1] * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "functions-of-x2", r"x.?[12²]|first number|first", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 1])
            z2 = (x[:, 1] - shift(x[:, 1])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "first-and-second-swapped", r"first|swap|x.?[12²]", """
        def flow_log_prob(x, log_scale, shift):
            x2, x1 = x.unbind(1)
            s = log_scale(x1)
            z2 = (x2 - shift(x1)) * torch.exp(-s)
            return -(x1 ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "scale-and-shift-swapped", r"swap|log_scale|\bs\b.*\bt\b", """
        def flow_log_prob(x, log_scale, shift):
            t, s = log_scale(x[:, 0]), shift(x[:, 0])
            z2 = (x[:, 1] - t) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "log-scale-taken-for-log-variance", r"varian", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s / 2)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s / 2
    """),
    Wrong(FLOW, "variance-given-as-the-scale", r"varian|square|twice", """
        def flow_log_prob(x, log_scale, shift):
            from torch.distributions import Normal
            s = log_scale(x[:, 0])
            return Normal(0, 1).log_prob(x[:, 0]) + Normal(shift(x[:, 0]), torch.exp(2 * s)).log_prob(x[:, 1])
    """),
    Wrong(FLOW, "log-scale-given-as-the-scale", r"raised|exp", """
        def flow_log_prob(x, log_scale, shift):
            from torch.distributions import Normal
            return Normal(0, 1).log_prob(x[:, 0]) + Normal(shift(x[:, 0]), log_scale(x[:, 0])).log_prob(x[:, 1])
    """),
    Wrong(FLOW, "log-scale-divides", r"exp|log_scale|logarithm", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) / s
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s.abs().log()
    """),
    Wrong(FLOW, "first-number-only", r"both|second|x.?[12²]", """
        def flow_log_prob(x, log_scale, shift):
            return torch.distributions.Normal(0, 1).log_prob(x[:, 0])
    """),
    Wrong(FLOW, "second-number-only", r"first|both|x.?[12²]", """
        def flow_log_prob(x, log_scale, shift):
            s, t = log_scale(x[:, 0]), shift(x[:, 0])
            return torch.distributions.Normal(t, s.exp()).log_prob(x[:, 1])
    """),
    Wrong(FLOW, "no-flow", r"x itself|itself|flow|\bz\b", """
        def flow_log_prob(x, log_scale, shift):
            return torch.distributions.Normal(0, 1).log_prob(x).sum(1)
    """),
    Wrong(FLOW, "both-numbers-transformed", r"x.?[1¹]|first", """
        def flow_log_prob(x, log_scale, shift):
            s, t = log_scale(x[:, 0]), shift(x[:, 0])
            z = (x - t[:, None]) * torch.exp(-s)[:, None]
            return torch.distributions.Normal(0, 1).log_prob(z).sum(1) - s
    """),
    Wrong(FLOW, "mean-over-the-numbers", r"mean|sum|half|halv|add", """
        def flow_log_prob(x, log_scale, shift):
            s, t = log_scale(x[:, 0]), shift(x[:, 0])
            z = torch.stack([x[:, 0], (x[:, 1] - t) * torch.exp(-s)], 1)
            return torch.distributions.Normal(0, 1).log_prob(z).mean(1) - s
    """),
    Wrong(FLOW, "negative-log-likelihood", r"sign|minus|negative|−", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (x[:, 0] ** 2 + z2 ** 2) / 2 + math.log(2 * math.pi) + s
    """),
    Wrong(FLOW, "density-for-its-logarithm", r"logarithm|\blog\b", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return torch.exp(-(x[:, 0] ** 2 + z2 ** 2) / 2) / (2 * math.pi) * torch.exp(-s)
    """),
    Wrong(FLOW, "bits", r"bits|log2|log\(2\)|ln 2", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (-(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s) / math.log(2)
    """),
    Wrong(FLOW, "noise-drawn", r"different results", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z = torch.randn_like(x)
            return -(z ** 2).sum(1) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "batch-mean", r"batch", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (-(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s).mean()
    """),
    Wrong(FLOW, "dimension-kept", r"shape", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z = torch.stack([x[:, 0], (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)], 1)
            return torch.distributions.Normal(0, 1).log_prob(z).sum(1, keepdim=True) - s[:, None]
    """),
    Wrong(FLOW, "two-numbers-a-point", r"shape", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z = torch.stack([x[:, 0], (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)], 1)
            return torch.distributions.Normal(0, 1).log_prob(z) - s[:, None]
    """),
    Wrong(FLOW, "pairs-of-points", r"shape", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x[:, :1], x[:, 1:]
            s = log_scale(x1[:, 0])
            z2 = (x2 - shift(x1[:, 0])) * torch.exp(-s)
            return -(x1 ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "rows-for-columns", r"raised|shape", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x[0], x[1]
            s = log_scale(x1)
            z2 = (x2 - shift(x1)) * torch.exp(-s)
            return -(x1 ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "writes-into-x", r"in place", """
        def flow_log_prob(x, log_scale, shift):
            s, t = log_scale(x[:, 0]), shift(x[:, 0])
            z = x
            z[:, 1] = (x[:, 1] - t) * torch.exp(-s)
            return -(z ** 2).sum(1) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "forgotten-return", r"return statement", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            log_p = -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "logarithm-of-the-density", r"underflow", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (torch.exp(-(x[:, 0] ** 2 + z2 ** 2) / 2) / (2 * math.pi) * torch.exp(-s)).log()
    """),
    Wrong(FLOW, "log-p-clamped", r"cut nothing off", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (-(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s).clamp(min=-100)
    """),
    Wrong(FLOW, "s-clamped", r"clamp", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0]).clamp(-5, 5)
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "epsilon-beside-the-scale", r"epsilon", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) / (torch.exp(s) + 1e-9)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "epsilon-in-the-logarithm", r"epsilon", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - (s.exp() + 1e-8).log()
    """),
    Wrong(FLOW, "log-det-averaged-over-the-batch", r"log-determinant is averaged over the batch", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s.mean()
    """),
    Wrong(FLOW, "log-det-summed-over-the-batch", r"log-determinant is added up over the batch", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s.sum()
    """),
    Wrong(FLOW, "log-det-averaged-over-the-coordinates", r"mean over the two", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - torch.stack([0*s, s]).mean(0)
    """),
    Wrong(FLOW, "squeezed", r"shape", """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (-(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s).squeeze()
    """),
    Wrong(FLOW, "halves", None, """
        def flow_log_prob(x, log_scale, shift):
            s = log_scale(x[:, 0])
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return (-(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s).half()
    """),
    Wrong(FLOW, "tanh-of-s", None, """
        def flow_log_prob(x, log_scale, shift):
            s = torch.tanh(log_scale(x[:, 0]))
            z2 = (x[:, 1] - shift(x[:, 0])) * torch.exp(-s)
            return -(x[:, 0] ** 2 + z2 ** 2) / 2 - math.log(2 * math.pi) - s
    """),
    Wrong(FLOW, "absolute-value", r"the log\-determinant has lost its sign:", """
        def flow_log_prob(x, log_scale, shift):
            x1, x2 = x[:, 0], x[:, 1]
            s = log_scale(x1)
            z2 = (x2 - shift(x1)) * (-s).exp()
            log_det = s.abs()
            return -(x1 * x1 + z2 * z2) / 2 - math.log(2 * math.pi) - log_det
    """),

    # ---- 09-3
    Wrong(BOUND, "kl-added", r"sign|subtract|minus|added", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p + 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "loss-for-the-bound", r"sign|loss|minus|negative", """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1)
            return nll + 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "cross-entropy-minus-kl", r"sign|cross.entropy|minus|−", """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1)
            return nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "kl-forgotten", r"KL", """
        def vae_bound(logits, x, mean, log_var):
            return logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
    """),
    Wrong(BOUND, "kl-only", r"decoder|log p\(x|x given z|x ?\| ?z|reconstruction", """
        def vae_bound(logits, x, mean, log_var):
            return -0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "kl-not-halved", r"half|halv|½|/ ?2|twice", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "kl-without-its-one", r"\b1\b|one|[−-] ?1", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var).sum(1)
    """),
    Wrong(BOUND, "one-subtracted-once", r"each|every|\b1\b|one", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * ((mean ** 2 + log_var.exp() - log_var).sum(1) - 1)
    """),
    Wrong(BOUND, "log-var-with-the-wrong-sign", r"sign|log.?(var|σ|sigma)", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() + log_var - 1).sum(1)
    """),
    Wrong(BOUND, "log-var-forgotten", r"log.?(var|σ|sigma)", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - 1).sum(1)
    """),
    Wrong(BOUND, "mean-forgotten", r"μ|mean|mu\b", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "mean-not-squared", r"square|μ²|mean", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "variance-forgotten", r"σ²|varian|exp", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "log-var-taken-for-log-sigma", r"log.?(var|σ|sigma)|standard deviation|varian", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + torch.exp(2 * log_var) - 2 * log_var - 1).sum(1)
    """),
    Wrong(BOUND, "exp-squared-only", r"log.?(var|σ|sigma)|standard deviation|varian", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() ** 2 - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "sigma-for-its-square", r"σ|varian|standard deviation|log.?var", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + torch.exp(log_var / 2) - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "log-var-as-the-scale-of-normal", r"varian|standard deviation|log.?(var|σ|sigma)", """
        from torch.distributions import Normal, kl_divergence

        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - kl_divergence(Normal(mean, log_var.exp()), Normal(0.0, 1.0)).sum(1)
    """),
    Wrong(BOUND, "log-var-taken-for-the-variance", r"log_var is a logarithm", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var - torch.log(log_var) - 1).sum(1)
    """),
    Wrong(BOUND, "kl-reversed", r"revers|swap|KL\(q|other way|wrong way|KL\(p", """
        from torch.distributions import Normal, kl_divergence

        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - kl_divergence(Normal(0.0, 1.0), Normal(mean, (log_var / 2).exp())).sum(1)
    """),
    Wrong(BOUND, "kl-averaged-over-the-latent-numbers", r"mean|averag|sum|divid", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).mean(1)
    """),
    Wrong(BOUND, "kl-of-the-batch", r"batch|each point|other points", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum()
    """),
    Wrong(BOUND, "kl-of-the-first-latent-number", r"first|all|each|every|sum", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1)[:, 0]
    """),
    Wrong(BOUND, "positions-averaged", r"mean|averag|sum|divid", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].mean(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "everything-divided-by-n", r"mean|averag|sum|divid", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return (log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)) / x.shape[1]
    """),
    Wrong(BOUND, "softmax-forgotten", r"softmax", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "softmax-over-the-positions", r"softmax|position|last axis|axis", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "probabilities-not-logarithms", r"logarithm|\blog\b|log_softmax", """
        def vae_bound(logits, x, mean, log_var):
            p = logits.softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "softmax-twice", r"twice|softmax", """
        def vae_bound(logits, x, mean, log_var):
            p = logits.softmax(-1)
            nll = torch.nn.functional.cross_entropy(p.transpose(1, 2), x, reduction="none").sum(1)
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "logarithm-of-the-summed-probabilities", r"logarithm|sum|product|each position", """
        def vae_bound(logits, x, mean, log_var):
            p = logits.softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return p.log() - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "all-bins-summed", r"bin|stands|x\b|gather", """
        def vae_bound(logits, x, mean, log_var):
            return logits.log_softmax(-1).sum((1, 2)) - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "most-probable-bin", r"most probable|largest|max|bin|stands", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).max(-1).values.sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "reshaped-for-transposed", r"transpose|view|reshape|scrambl", """
        def vae_bound(logits, x, mean, log_var):
            B, n, K = logits.shape
            nll = torch.nn.functional.cross_entropy(logits.reshape(B, K, n), x, reduction="none").sum(1)
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "cross-entropy-averaged-over-the-batch", r"reduction|batch|averag|mean", """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), x)
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "cross-entropy-summed-over-the-batch", r"batch|each point|reduction|other points", """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), x, reduction="sum")
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "cross-entropy-without-transpose", r"raised", """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits, x, reduction="none").sum(1)
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "bits", r"bits|log2|log\(2\)|ln 2", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return (log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)) / math.log(2)
    """),
    Wrong(BOUND, "kl-by-simulation", r"different results", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            eps = torch.randn_like(mean)
            z = mean + torch.exp(log_var / 2) * eps
            return log_p - 0.5 * (z ** 2 - eps ** 2 - log_var).sum(1)
    """),
    Wrong(BOUND, "entropy-for-the-kl", None, """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p + 0.5 * (log_var + 1 + math.log(2 * math.pi)).sum(1)
    """),
    Wrong(BOUND, "beta-of-one-fifth", r"beta", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.1 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "one-number", r"batch", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return (log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)).mean()
    """),
    Wrong(BOUND, "a-term-a-position", r"shape", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0]
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1, keepdim=True)
    """),
    Wrong(BOUND, "two-terms-returned", r"a tuple", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p, 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "writes-into-log-var", r"in place", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            kl = -0.5 * (1 + log_var - mean ** 2).sum(1)
            return log_p - kl - 0.5 * log_var.exp_().sum(1)
    """),
    Wrong(BOUND, "forgotten-return", r"return statement", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            bound = log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "epsilon-in-the-logarithm", r"epsilon", """
        def vae_bound(logits, x, mean, log_var):
            log_p = (logits.softmax(-1) + 1e-12).log().gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "probabilities-clamped", r"clamp", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.softmax(-1).clamp(1e-7, 1).log().gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "logarithm-of-a-float32-softmax", r"log_softmax", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.float().softmax(-1).log().gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "log-var-clamped", r"log_var.*clamp", """
        def vae_bound(logits, x, mean, log_var):
            log_var = log_var.clamp(-10, 10)
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "epsilon-beside-the-variance", r"log_var.*epsilon", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - (log_var.exp() + 1e-8).log() - 1).sum(1)
    """),
    Wrong(BOUND, "beta-of-4", r"beta", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 4 * 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "free-bits", r"free bits", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - (0.5 * (mean ** 2 + log_var.exp() - log_var - 1)).clamp(min=0.5).sum(1)
    """),
    Wrong(BOUND, "kl-of-one-draw", r"different results", """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            z = torch.distributions.Normal(mean, (log_var/2).exp())
            w = z.sample()
            return log_p - (z.log_prob(w) - torch.distributions.Normal(0., 1.).log_prob(w)).sum(1)
    """),
    Wrong(BOUND, "softmax-over-positions-where-square", None, """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(1 if len(x) == x.shape[1] else -1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "label-smoothing", None, """
        def vae_bound(logits, x, mean, log_var):
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), x, reduction="none",
                    label_smoothing=0.1).sum(1)
            return -nll - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "squeezed", None, """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None]).squeeze().sum(-1)
            return log_p - 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(1)
    """),
    Wrong(BOUND, "free-bits-of-0.3", None, """
        def vae_bound(logits, x, mean, log_var):
            log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(1)
            return log_p - (0.5 * (mean ** 2 + log_var.exp() - log_var - 1)).clamp(min=0.3).sum(1)
    """),
    Wrong(BOUND, "global-max", r"each row of logits stands", """
        def vae_bound(logits, x, mean, log_var):
            shifted = logits - logits.max()
            log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()
            log_px = log_probs.gather(-1, x[..., None]).squeeze(-1).sum(-1)
            kl = 0.5 * (mean ** 2 + log_var.exp() - log_var - 1).sum(-1)
            return log_px - kl
    """),

    # ---- 09-4
    Wrong(FIELDS, "inner-derivative-forgotten", r"sign|chain rule|inner|1 [−-] t", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = d_sigma(u) / sigma(u) * (x - x1)
            vp = -d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "inner-derivative-forgotten-in-ve", r"sign|chain rule|inner|1 [−-] t", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "inner-derivative-forgotten-in-vp", r"sign|chain rule|inner|1 [−-] t", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = -d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "inner-derivative-in-the-mean-only", r"sign|chain rule|inner|1 [−-] t", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = -da * x1 - a * da / s * (x - a * x1) / s
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "inner-derivative-in-the-spread-only", r"sign|chain rule|inner|1 [−-] t", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = da * x1 + a * da / s * (x - a * x1) / s
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "at-t-for-1-minus-t", r"1 [−-] t|backward|time", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            ve = -d_sigma(t) / sigma(t) * (x - x1)
            vp = d_alpha(t) / (1 - alpha(t) ** 2) * (alpha(t) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "at-t-with-plus-signs", r"1 [−-] t|time|noise", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            ve = d_sigma(t) / sigma(t) * (x - x1)
            vp = -d_alpha(t) / (1 - alpha(t) ** 2) * (alpha(t) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "ve-at-t", r"1 [−-] t|time", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(t) / sigma(t) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "derivatives-at-t", r"1 [−-] t|time", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(t) / sigma(u) * (x - x1)
            vp = d_alpha(t) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "order-swapped", r"order|swap|VE first|first VE|VE, then VP", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([vp, ve])
    """),
    Wrong(FIELDS, "ve-twice", None, """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            ve = -d_sigma(1 - t) / sigma(1 - t) * (x - x1)
            return torch.stack([ve, ve])
    """),
    Wrong(FIELDS, "ve-without-the-data-point", r"x_?1|x₁|data point|mean", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * x
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "ve-not-divided-by-sigma", r"σ|sigma|divid|ε|eps", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "ve-divided-by-the-variance", r"σ|sigma|varian|divid", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) ** 2 * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "derivative-of-the-variance", r"varian|σ²|2|twice", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -2 * sigma(u) * d_sigma(u) / sigma(u) ** 2 * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-denominator-not-squared", r"square|α²|alpha", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u)) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-denominator-is-the-standard-deviation", r"1 [−-] α|std|standard deviation|varian|root", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / torch.sqrt(1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-alpha-on-the-data-point", r"α ?x|alpha|x_?1|x₁|swap", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (x - alpha(u) * x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-without-alpha", r"α ?x|alpha|mean", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-mean-held-fixed", r"mean", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da = alpha(u), d_alpha(u)
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = a * da / (1 - a ** 2) * (x - a * x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-spread-held-fixed", r"std|standard deviation|noise|ε|spread|shrink", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = -d_alpha(u) * x1
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-derivative-of-the-root-wrong", r"deriv|root|chain|std|standard deviation", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = -da * x1 + da / s * (x - a * x1) / s
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "vp-derivative-of-the-root-half", r"deriv|root|chain|std|standard deviation|half|twice|2", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = -da * x1 + 2 * a * da / s * (x - a * x1) / s
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "noise-not-divided-by-the-spread", r"divid|ε|eps|noise", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            ve = -d_sigma(u) * (x - x1)
            vp = -da * x1 + a * da / s * (x - a * x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "fresh-noise", r"different results", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da, s = alpha(u), d_alpha(u), torch.sqrt(1 - alpha(u) ** 2)
            eps = torch.randn_like(x)
            return torch.stack([-d_sigma(u) * eps, -da * x1 + a * da / s * eps])
    """),
    Wrong(FIELDS, "scores", r"score", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            return torch.stack([-(x - x1) / sigma(u) ** 2, -(x - alpha(u) * x1) / (1 - alpha(u) ** 2)])
    """),
    Wrong(FIELDS, "straight-lines", r"straight", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            v = (x1 - x) / (1 - t)
            return torch.stack([v, v])
    """),
    Wrong(FIELDS, "alpha-taken-for-its-square", r"α|alpha|square|root", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a, da = torch.sqrt(alpha(u)), d_alpha(u) / (2 * torch.sqrt(alpha(u)))
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = da / (1 - a ** 2) * (a * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "place-and-data-point-swapped", r"swap|x_?1|x₁|place", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            x, x1 = x1, x
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "place-for-velocity", None, """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            eps_ve = (x - x1) / sigma(u)
            eps_vp = (x - alpha(u) * x1) / torch.sqrt(1 - alpha(u) ** 2)
            return torch.stack([x1 + sigma(u) * eps_ve, alpha(u) * x1 + torch.sqrt(1 - alpha(u) ** 2) * eps_vp])
    """),
    Wrong(FIELDS, "stacked-behind-the-batch", r"shape", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.stack([ve, vp], dim=1)
    """),
    Wrong(FIELDS, "concatenated", r"shape", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return torch.cat([ve, vp])
    """),
    Wrong(FIELDS, "a-pair", r"a tuple", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            return ve, vp
    """),
    Wrong(FIELDS, "ve-only", r"shape", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            return -d_sigma(1 - t) / sigma(1 - t) * (x - x1)
    """),
    Wrong(FIELDS, "writes-into-x", r"in place", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            x -= x1
            return torch.stack([-d_sigma(u) / sigma(u) * x, vp])
    """),
    Wrong(FIELDS, "functions-not-called", r"raised", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            ve = -d_sigma / sigma * (x - x1)
            vp = d_alpha / (1 - alpha ** 2) * (alpha * x - x1)
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "forgotten-return", r"return statement", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            ve = -d_sigma(u) / sigma(u) * (x - x1)
            vp = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)
            fields = torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "memory-by-time", r"earlier call", """
        memory = {}
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            if t not in memory:
                memory[t] = sigma(u), d_sigma(u), alpha(u), d_alpha(u)
            s, ds, a, da = memory[t]
            return torch.stack([-ds / s * (x - x1), da / (1 - a ** 2) * (a * x - x1)])
    """),
    Wrong(FIELDS, "denominators-clamped", r"clamp", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            return torch.stack([-d_sigma(u) / sigma(u).clamp(min=1e-2) * (x - x1),
                    d_alpha(u) / (1 - alpha(u) ** 2).clamp(min=1e-2) * (alpha(u) * x - x1)])
    """),
    Wrong(FIELDS, "epsilon-in-the-denominators", r"epsilon", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            return torch.stack([-d_sigma(u) / (sigma(u) + 1e-5) * (x - x1),
                    d_alpha(u) / (1 - alpha(u) ** 2 + 1e-5) * (alpha(u) * x - x1)])
    """),
    Wrong(FIELDS, "alpha-clamped", r"alpha.*clamp", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            a = alpha(u).clamp(0.01, 0.99)
            return torch.stack([-d_sigma(u) / (sigma(u)) * (x - x1), d_alpha(u) / (1 - a ** 2) * (a * x - x1)])
    """),
    Wrong(FIELDS, "time-clipped", r"border case", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = min(max(1 - t, 0.1), 0.9)
            return torch.stack([-d_sigma(u) / (sigma(u)) * (x - x1),
                    d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)])
    """),
    Wrong(FIELDS, "two-coordinates-only", None, """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            out = torch.zeros(2, *x.shape)
            for i in range(2):
                out[0, :, i] = -d_sigma(u) / (sigma(u)) * (x - x1)[:, i]
                out[1, :, i] = d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)[:, i]
            return out
    """),
    Wrong(FIELDS, "transposed-where-square", None, """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            if len(x) == x.shape[1]: x = x.T
            return torch.stack([-d_sigma(u) / (sigma(u)) * (x - x1),
                    d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)])
    """),
    Wrong(FIELDS, "halves", None, """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            return torch.stack([-d_sigma(u) / (sigma(u)) * (x - x1),
                    d_alpha(u) / (1 - alpha(u) ** 2) * (alpha(u) * x - x1)]).half()
    """),
    Wrong(FIELDS, "one-data-point", r"all paths go to the data", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            target = x1[0]
            u = 1 - t
            a, da = alpha(u), d_alpha(u)
            ve = -(d_sigma(u) / sigma(u)) * (x - target)
            vp = da * (a * x - target) / (1 - a * a)
            return torch.stack([ve, vp], dim=0)
    """),
    Wrong(FIELDS, "sde-drift", r"the score counts twice, as in", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            u = 1 - t
            s, ds, a, da = sigma(u), d_sigma(u), alpha(u), d_alpha(u)
            score_ve = -(x - x1) / s ** 2
            ve = 2 * s * ds * score_ve
            score_vp = -(x - a * x1) / (1 - a ** 2)
            f, g2 = da / a, -2 * da / a
            vp = -f * x + g2 * score_vp
            return torch.stack([ve, vp])
    """),
    Wrong(FIELDS, "coarse-difference", r"near the fields, but not them:", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha, h=0.01):
            def ve_path(time, eps):
                return x1 + sigma(1 - time) * eps

            def vp_path(time, eps):
                a = alpha(1 - time)
                return a * x1 + torch.sqrt(1 - a**2) * eps

            eps_ve = (x - x1) / sigma(1 - t)
            eps_vp = (x - alpha(1 - t) * x1) / torch.sqrt(1 - alpha(1 - t) ** 2)
            return torch.stack([(ve_path(t + h, eps_ve) - x) / h, (vp_path(t + h, eps_vp) - x) / h])
    """),
    Wrong(FIELDS, "variance-for-std", r"the variances are differentiated, and divided", """
        def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
            r = 1 - t
            var, dvar = sigma(r) ** 2, -2 * sigma(r) * d_sigma(r)
            ve = dvar / var * (x - x1)
            m, dm = alpha(r), -d_alpha(r)
            var, dvar = 1 - m**2, -2 * m * dm
            vp = dm * x1 + dvar / var * (x - m * x1)
            return torch.stack((ve, vp))
    """),

    # ---- 09-5
    Wrong(FLOOR, "no-half", r"half|½|/ ?2", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor])
    """),
    Wrong(FLOOR, "no-half-in-the-floor", r"half|½|/ ?2", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([0.5 * (counts / N - p).abs().sum(), floor])
    """),
    Wrong(FLOOR, "no-half-in-the-total-variation", r"half|½|/ ?2", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor / 2])
    """),
    Wrong(FLOOR, "counts-not-divided", r"divid|/ ?N|counts|share", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "values-not-divided", r"divid|/ ?N|share", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "deviation-of-counts", r"divid|/ ?N|share|counts", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k - N * p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "standard-deviation", r"standard deviation|std|root", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            return torch.stack([(counts / N - p).abs().sum(), (p * (1 - p) / N).sqrt().sum()]) / 2
    """),
    Wrong(FLOOR, "normal-approximation", r"normal|approx", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            return torch.stack([(counts / N - p).abs().sum(), (2 * p * (1 - p) / (math.pi * N)).sqrt().sum()]) / 2
    """),
    Wrong(FLOOR, "variance", r"varian", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            return torch.stack([(counts / N - p).abs().sum(), (p * (1 - p) / N).sum()]) / 2
    """),
    Wrong(FLOOR, "poisson", None, """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(torch.exp(-N * p) * (N * p) ** k / math.gamma(k + 1) * (k / N - p).abs() for k in range(99))
            return torch.stack([(counts / N - p).abs().sum(), floor.sum()]) / 2
    """),
    Wrong(FLOOR, "squares", r"squar|absolute|abs", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p) ** 2 for k in range(N + 1)).sum()
            return torch.stack([((counts / N - p) ** 2).sum(), floor]) / 2
    """),
    Wrong(FLOOR, "floor-of-the-samples", r"truth|counts|samples'|\bp\b", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            q = counts / N
            floor = sum(math.comb(N, k) * q ** k * (1 - q) ** (N - k) * (k / N - q).abs() for k in range(N + 1)).sum()
            return torch.stack([(q - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "law-of-the-samples-distance-to-the-truth", r"truth|counts|samples'|\bp\b", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            q = counts / N
            floor = sum(math.comb(N, k) * q ** k * (1 - q) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(q - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "absolute-value-of-the-mean", r"\b0\b|outside|inside|before|mean", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            mean = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * k / N for k in range(N + 1))
            return torch.stack([(counts / N - p).abs().sum(), (mean - p).abs().sum()]) / 2
    """),
    Wrong(FLOOR, "no-absolute-value-in-the-floor", r"absolute|abs|sign|cancel", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p) for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "no-absolute-values", r"absolute|abs|sign|cancel", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p) for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).sum(), floor]) / 2
    """),
    Wrong(FLOOR, "binomial-coefficient-forgotten", r"comb|coefficient|ways", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "failures-forgotten", r"1 [−-] p|binomial", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "value-N-left-out", r"C = N|\bN\b", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "value-0-left-out", r"\b0\b|zero", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs()
                        for k in range(1, N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "K-for-N", r"\bN\b|sum of|len", """
        def tv_and_floor(p, counts):
            N = len(counts)
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "fifty-for-N", r"50|\bN\b|sum of", """
        def tv_and_floor(p, counts):
            N = 50
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / counts.sum() - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "simulation", r"different results", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            draws = torch.multinomial(p.expand(20000, -1), N, replacement=True)
            C = torch.nn.functional.one_hot(draws, len(p)).sum(1)
            return torch.stack([(counts / N - p).abs().sum(), (C / N - p).abs().sum(1).mean()]) / 2
    """),
    Wrong(FLOOR, "order-swapped", r"order|swap|first", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([floor, (counts / N - p).abs().sum()]) / 2
    """),
    Wrong(FLOOR, "excess-over-the-floor", r"subtract|difference|itself", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            tv = (counts / N - p).abs().sum() / 2
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([tv - floor / 2, floor / 2])
    """),
    Wrong(FLOOR, "mean-over-the-outcomes", r"mean|averag|sum|\bK\b", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1))
            return torch.stack([(counts / N - p).abs().mean(), floor.mean()]) / 2
    """),
    Wrong(FLOOR, "floor-weighted-by-p", r"weigh|sum", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1))
            return torch.stack([(counts / N - p).abs().sum() / 2, (p * floor).sum() / 2])
    """),
    Wrong(FLOOR, "largest-for-sum", r"largest|max|sum", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().max(), floor / 2])
    """),
    Wrong(FLOOR, "kl-for-the-distance", r"KL", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            q = counts / N
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            seen = q > 0
            return torch.stack([(q[seen] * (q[seen] / p[seen]).log()).sum(), floor / 2])
    """),
    Wrong(FLOOR, "uniform-law-for-the-floor", r"uniform|own|1/K|\bp\b", """
        def tv_and_floor(p, counts):
            N, q = int(counts.sum()), torch.full_like(p, 1 / len(p))
            floor = sum(math.comb(N, k) * q ** k * (1 - q) ** (N - k) * (k / N - q).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "floor-of-one-over-the-root-of-N", r"exact|root|√|1 ?/|rule of thumb", """
        def tv_and_floor(p, counts):
            N = counts.sum()
            return torch.stack([(counts / N - p).abs().sum() / 2, 1 / N.sqrt()])
    """),
    Wrong(FLOOR, "logarithm-of-zero", r"NaN|raised|\b0\b|zero", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            k = torch.arange(N + 1).double()[:, None]
            ways = torch.lgamma(torch.tensor(N + 1.0).double()) - torch.lgamma(k + 1) - torch.lgamma(N - k + 1)
            pmf = torch.exp(ways + k * p.log() + (N - k) * torch.log1p(-p))
            return torch.stack([(counts / N - p).abs().sum(), (pmf * (k / N - p).abs()).sum()]) / 2
    """),
    Wrong(FLOOR, "outcomes-never-drawn-left-out", r"never|zero|\b0\b|all outcomes|every outcome|not drawn|came up", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            p, counts = p[counts > 0], counts[counts > 0]
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "a-number-an-outcome", r"shape", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1))
            return torch.stack([(counts / N - p).abs(), floor]) / 2
    """),
    Wrong(FLOOR, "total-variation-only", r"shape", """
        def tv_and_floor(p, counts):
            return (counts / counts.sum() - p).abs().sum() / 2
    """),
    Wrong(FLOOR, "a-pair", r"a tuple", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return (counts / N - p).abs().sum() / 2, floor / 2
    """),
    Wrong(FLOOR, "comb-of-a-tensor", r"raised", """
        def tv_and_floor(p, counts):
            N = counts.sum().double()
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(int(N) + 1))
            return torch.stack([(counts / N - p).abs().sum(), floor.sum()]) / 2
    """),
    Wrong(FLOOR, "integers-divided-in-place", r"raised", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            counts /= N
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "forgotten-return", r"return statement", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            both = torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "p-clamped", r"^(?!.*simul).*0 or 1.*clamp", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            q = p.clamp(1e-4, 1 - 1e-4)
            floor = sum(math.comb(N, k) * q ** k * (1 - q) ** (N - k) * (k / N - q).abs() for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "up-to-40", r"near but not exact", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(min(N,
                    40) + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "floor-kept-by-its-size", None, """
        memory = {}
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            if (N, len(p)) not in memory:
                memory[N, len(p)] = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs()
                        for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), memory[N, len(p)]]) / 2
    """),
    Wrong(FLOOR, "seeded-simulation", r"near but not exact", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            g = torch.Generator().manual_seed(0)
            C = torch.nn.functional.one_hot(torch.multinomial(p.expand(20000, -1), N, replacement=True, generator=g),
                    len(p)).sum(1)
            return torch.stack([(counts / N - p).abs().sum(), (C / N - p).abs().sum(1).mean()]) / 2
    """),
    Wrong(FLOOR, "factorials-that-overflow", r"floor is not", """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            def f(n): return torch.arange(1, n + 1).prod().double()
            floor = sum(f(N) / f(k) / f(N - k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs()
                    for k in range(N + 1)).sum()
            return torch.stack([(counts / N - p).abs().sum(), floor]) / 2
    """),
    Wrong(FLOOR, "halves", None, """
        def tv_and_floor(p, counts):
            N = int(counts.sum())
            floor = sum(math.comb(N, k) * p ** k * (1 - p) ** (N - k) * (k / N - p).abs() for k in range(N + 1)).sum()
            return (torch.stack([(counts / N - p).abs().sum(), floor]) / 2).half()
    """),
    Wrong(FLOOR, "positive-parts", r"both are half of what is", """
        def tv_and_floor(p, counts):
            N = counts.sum().item()
            tv = 0.5 * (counts / N - p).clamp(min=0).sum()
            c = torch.arange(N + 1, dtype=torch.float64)
            comb = torch.tensor([math.comb(N, k) for k in range(N + 1)], dtype=torch.float64)
            pmf = comb * p[:, None] ** c * (1 - p[:, None]) ** (N - c)
            floor = 0.5 * (pmf * (c / N - p[:, None]).clamp(min=0)).sum()
            return torch.stack([tv, floor])
    """),

    # ---- 09-6
    Wrong(PLACE, "order-swapped", r"changed places", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([(got >= due / 2).double().mean(), got.sum(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-of-the-truth", r"sample|truth|\bp\b", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([due.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-outside-the-modes", r"outside|in no mode|complement|1 [−-]", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([1 - got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-of-distinct-outcomes", r"once", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            quality = modes.any(0)[samples.unique()].double().mean()
            return torch.tensor([quality, (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-in-counts", r"share|divid|/ ?N|count", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([modes.any(0)[samples].sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-in-percent", r"percent|share|between 0 and 1|100", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([100 * got.sum(), 100 * (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-averaged-over-the-modes", r"mean|averag|sum|divid", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.mean(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "outcomes-of-no-mode-in-the-first", r"no mode|first mode|argmax", """
        def place(samples, p, modes, num_calls):
            M, label = len(modes), modes.int().argmax(0)
            got = torch.bincount(label[samples], minlength=M) / len(samples)
            due = torch.zeros(M, dtype=p.dtype).index_add(0, label, p)
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "more-than-half", r"at least|exactly half|>=|≥", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got > due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "all-that-is-due", r"half", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "one-sample-covers", r"half|one sample|any sample|due|single", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got > 0).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "half-of-an-equal-share", r"equal|1/M|due|under p|own", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got = M @ freq.double()
            return torch.tensor([got.sum(), (got >= 0.5 / len(M)).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "one-half-of-everything", r"due|half of", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got = M @ freq.double()
            return torch.tensor([got.sum(), (got >= 0.5).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "starved-modes", r"starv|fewer|less|at least|invert|wrong way|miss|uncovered|lost", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got < due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "coverage-in-modes", r"share|number of modes|divid|/ ?M|count", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().sum(), 1 / num_calls])
    """),
    Wrong(PLACE, "coverage-weighted-by-p", r"weigh|equal|count|every mode|each mode", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), due[got >= due / 2].sum() / due.sum(), 1 / num_calls])
    """),
    Wrong(PLACE, "soft-coverage", None, """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got / due).clamp(max=1).mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "counts-against-probabilities", r"count|divid|share|/ ?N", """
        def place(samples, p, modes, num_calls):
            M, counts = modes.double(), torch.bincount(samples, minlength=len(p)).double()
            got, due = M @ counts, M @ p
            return torch.tensor([got.sum() / len(samples), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "shares-of-the-samples-in-modes", r"all\*? samples|every sample", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got / got.sum() >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "due-among-the-modes", r"all|renormalis|divid|under p|p itself", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / due.sum() / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "every-outcome-of-the-mode-must-be-covered", r"outcome|whole mode|together|sum", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)) / len(samples)
            ok = (freq >= p / 2) | ~modes
            return torch.tensor([modes.any(0)[samples].double().mean(), ok.all(1).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "coverage-of-outcomes", r"outcome|modes", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)) / len(samples)
            inside = modes.any(0)
            covered = (freq >= p / 2)[inside].double().mean()
            return torch.tensor([inside[samples].double().mean(), covered, 1 / num_calls])
    """),
    Wrong(PLACE, "outcomes-seen", r"outcome|modes", """
        def place(samples, p, modes, num_calls):
            quality = modes.any(0)[samples].double().mean()
            return torch.tensor([quality, len(samples.unique()) / len(p), 1 / num_calls])
    """),
    Wrong(PLACE, "calls-for-speed", r"1 (over|/)|invers|recipro|num_calls", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), num_calls])
    """),
    Wrong(PLACE, "calls-of-all-samples", r"a sample|per sample|each sample|already|number of samples|\bN\b", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / (num_calls * len(samples))])
    """),
    Wrong(PLACE, "samples-per-call", r"a sample|per sample|each sample|already|number of samples|\bN\b", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), len(samples) / num_calls])
    """),
    Wrong(PLACE, "speed-in-whole-numbers", r"whole|integer|//|round", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 // num_calls])
    """),
    Wrong(PLACE, "minus-the-calls", None, """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 - num_calls / 1000])
    """),
    Wrong(PLACE, "counts-too-short", r"raised", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "boolean-matrix-product", r"raised", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)).double() / len(samples)
            got, due = modes @ freq, modes @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "whole-numbers", r"dtype", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls]).long()
    """),
    Wrong(PLACE, "two-numbers", r"shape", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean()])
    """),
    Wrong(PLACE, "a-tuple", r"a tuple", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            return got.sum().item(), (got >= due / 2).double().mean().item(), 1 / num_calls
    """),
    Wrong(PLACE, "forgotten-return", r"return statement", """
        def place(samples, p, modes, num_calls):
            M, freq = modes.double(), torch.bincount(samples, minlength=len(p)) / len(samples)
            got, due = M @ freq.double(), M @ p
            out = torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "counts-in-uint8", None, """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)).byte().double() / len(samples)
            got, due = modes.double() @ freq, modes.double() @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "means-of-halves", r"quality is wrong", """
        def place(samples, p, modes, num_calls):
            hit = modes[:, samples].half()
            got, due = hit.mean(1), modes.double() @ p
            return torch.tensor([got.sum(), (got >= due / 2).double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "always-four-modes", r"coverage is wrong", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)).double() / len(samples)
            got, due = modes.double() @ freq, modes.double() @ p
            return torch.tensor([got.sum(), (got >= due / 2).sum() / 4, 1 / num_calls])
    """),
    Wrong(PLACE, "rare-modes-skipped", r"coverage is wrong", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)).double() / len(samples)
            got, due = modes.double() @ freq, modes.double() @ p
            ok = (got >= due / 2)[due > 0.02]
            return torch.tensor([got.sum(), ok.double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "quality-of-covered-modes", r"quality is wrong", """
        def place(samples, p, modes, num_calls):
            freq = torch.bincount(samples, minlength=len(p)).double() / len(samples)
            got, due = modes.double() @ freq, modes.double() @ p
            ok = got >= due / 2
            return torch.tensor([got[ok].sum(), ok.double().mean(), 1 / num_calls])
    """),
    Wrong(PLACE, "modes-as-intervals", r"a mode is a set", """
        def place(samples, p, modes, num_calls):
            N = len(samples)
            hit = torch.zeros(N, dtype=torch.bool)
            covered = 0
            for mode in modes:
                members = mode.nonzero().flatten()
                low, high = members.min(), members.max()
                mine = (samples >= low) & (samples <= high)
                hit |= mine
                covered += bool(mine.sum() / N >= 0.5 * p[low:high + 1].sum())
            return torch.tensor([hit.sum() / N, covered / len(modes), 1 / num_calls])
    """),
]



def unlikely(task):
    """Of cases: one of them has a log-probability below -60."""
    return lambda cases: any(bool((find(task).reference(*case.args) < -60).any()) for case in cases)


def sizes(cases):
    """The batches of points (B, n), or of log-probabilities (B, n, K): B < n, B = n, B > n and B = 1."""
    found = [case.args[0].shape[:2] for case in cases]
    return all(any(holds(*size) for size in found) for holds in (
        lambda b, n: 1 < b < n, lambda b, n: b == n, lambda b, n: b > n, lambda b, n: b == 1))


ONE_TEXT = no("every text or point is a row by itself, none is special", "ordinary batch")
NO_RATES = no("takes no rates", "odd rates")
NO_LETTERS = no("takes no letters", "letters")
ONE_SHAPE = no("the arguments have one shape, by the task", "shapes")
IN_FLOAT64 = no("cases are float64; what is computed in float32 is right, too, and stored among the right answers",
                "both floats")

TABLE = {
    LIKELIHOOD: {
        **DRAWS_NOTHING, **NO_LOGITS, **NO_TIME, **NO_RATES, **ONE_TEXT, **ONE_SHAPE,
        **no("the conditional gives float64, by the task", "both floats"),
        "rare mass": unlikely(LIKELIHOOD),
        "batch sizes": True,
        "letters": ("epsilon-of-1e-12", "clamp-of-1e-3", "logarithms-clamped"),
        "long or many": ("product-then-logarithm", "product-then-logarithm-float32", "total-clamped"),
        "two chains": ("memory-by-prefix",),
        "sparse and late": "takes a conditional, all of whose probabilities are above 0, by the task",
    },
    FLOW: {
        **DRAWS_NOTHING, **NO_CHAIN, **NO_LOGITS, **NO_TIME, **NO_RATES, **NO_LETTERS, **ONE_TEXT, **ONE_SHAPE,
        **IN_FLOAT64,
        "rare mass": unlikely(FLOW),
        "batch sizes": lambda cases: {1, 2, 3, 5} <= {len(case.args[0]) for case in cases},       # n is 2, by the task
        "long or many": ("logarithm-of-the-density", "log-p-clamped", "s-clamped"),
    },
    BOUND: {
        **DRAWS_NOTHING, **NO_CHAIN, **NO_TIME, **NO_RATES, **ONE_TEXT, **ONE_SHAPE, **IN_FLOAT64,
        **no("the logits are finite, and with them every logarithm", "-inf"),
        "rare mass": unlikely(BOUND),
        "batch sizes": sizes,
        "letters": ("most-probable-bin", "epsilon-in-the-logarithm", "probabilities-clamped"),
        "long or many": ("logarithm-of-a-float32-softmax", "log-var-clamped", "epsilon-beside-the-variance"),
        "large logits": True,
    },
    FIELDS: {
        **DRAWS_NOTHING, **NO_LOGITS, **NO_RATES, **NO_LETTERS, **ONE_TEXT, **ONE_SHAPE, **IN_FLOAT64,
        **no("a field has no probabilities; its small denominators stand under the ends of time", "rare mass"),
        **no("nothing is added up", "long or many"),
        "batch sizes": sizes,
        "two chains": ("memory-by-time",),
        "sparse and late": "takes schedules, not chains",
        "ends of time": lambda cases: min(c.args[2] for c in cases) < 0.05 and max(c.args[2] for c in cases) > 0.9,
    },
    FLOOR: {
        **DRAWS_NOTHING, **NO_CHAIN, **NO_LOGITS, **NO_TIME, **NO_TEXTS, **NO_RATES, **ONE_SHAPE,
        **no("p is float64, by the task", "both floats"),
        "rare mass": "a floor is a sum in which what is rare counts little; p of 0 and 1 occur, see \"p-clamped\"",
        "letters": lambda cases: max(len(case.args[0]) for case in cases) >= 60,
        "long or many": ("factorials-that-overflow", "up-to-40"),
    },
    PLACE: {
        **DRAWS_NOTHING, **NO_LOGITS, **NO_TIME, **NO_TEXTS, **NO_RATES, **ONE_SHAPE, **NO_CHAIN,
        **no("p is float64, by the task", "both floats"),
        "rare mass": ("rare-modes-skipped",),
        "letters": ("rare-modes-skipped", "counts-too-short", "always-four-modes"),
        "long or many": ("counts-in-uint8", "means-of-halves"),
    },
}

TOPIC = Topic("09_course_overview", FUNCTIONS, RIGHT, WRONG, table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {LIKELIHOOD: "categorical", FLOW: "two-normals", BOUND: "kl-added",   # noqa: RUF012
             FIELDS: "mean-and-standard-deviation", PLACE: "more-than-half"}
