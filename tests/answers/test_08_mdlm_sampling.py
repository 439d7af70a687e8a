"""Do the checks of topic 08 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_LOGITS, NO_TEXTS, NO_TIME, no

REVEAL = "08-1-reveal-probabilities"
STEP = "08-2-step"
ONE = "08-3-one-at-a-time"
TEMPERATURE = "08-4-with-temperature"
PRICE = "08-5-price"
FUNCTIONS = {REVEAL: "reveal_probabilities", STEP: "step", ONE: "one_at_a_time", TEMPERATURE: "with_temperature",
             PRICE: "price"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 08-1
    Right(REVEAL, "one-minus-the-quotient", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1, dtype=torch.float64))
            return 1 - r[1:] / r[:-1]
    """),
    Right(REVEAL, "diff", """
        def reveal_probabilities(rate, num_steps):
            levels = rate(torch.arange(num_steps + 1) / num_steps)
            return -torch.diff(levels) / levels[:-1]
    """),
    Right(REVEAL, "loop-over-numbers-of-no-dimension", """
        def reveal_probabilities(rate, num_steps):
            found, before = [], 1.0
            for step in range(1, num_steps + 1):
                after = rate(torch.tensor(step / num_steps)).item()
                found.append((before - after) / before)
                before = after
            return torch.tensor(found)
    """),
    Right(REVEAL, "numpy-returned", """
        def reveal_probabilities(rate, num_steps):
            r = np.asarray(rate(torch.from_numpy(np.linspace(0, 1, num_steps + 1))))
            return (r[:-1] - r[1:]) / r[:-1]
    """),
    Right(REVEAL, "log-space", """
        def reveal_probabilities(rate, num_steps):
            logs = rate(torch.linspace(0, 1, num_steps + 1, dtype=torch.double)).log()
            return -torch.expm1(logs.diff())
    """),
    Right(REVEAL, "float32", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0.0, 1.0, num_steps + 1)).float()
            return (r[:-1] - r[1:]).div(r[:-1])
    """),
    Right(REVEAL, "two-calls", """
        def reveal_probabilities(rate, num_steps):
            width = 1 / num_steps
            start = torch.arange(num_steps, dtype=torch.float64) * width
            end = torch.arange(1, num_steps + 1, dtype=torch.float64) / num_steps
            return (rate(start) - rate(end)) / rate(start)
    """),
    Right(REVEAL, "pairwise-and-stack", """
        from itertools import pairwise

        def level(rate, step, num_steps):
            return rate(torch.tensor([step / num_steps], dtype=torch.float64))[0]

        def reveal_probabilities(rate, num_steps):
            levels = [level(rate, step, num_steps) for step in range(num_steps + 1)]
            return torch.stack([1 - b / a for a, b in pairwise(levels)])
    """),
    Right(REVEAL, "windows", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1).double())
            before, after = r.unfold(0, 2, 1).unbind(1)
            return torch.ones(num_steps).double() - after / before
    """),
    Right(REVEAL, "column-of-progress", """
        def reveal_probabilities(rate, num_steps):
            grid = torch.arange(num_steps + 1)[:, None].double() / num_steps
            r = rate(grid)
            kept = (r / r.roll(1, 0))[1:]
            return (1 - kept).squeeze(1)
    """),
    Right(REVEAL, "what-is-left-step-by-step", """
        def reveal_probabilities(rate, num_steps):
            left, p = torch.ones((), dtype=torch.float64), torch.zeros(num_steps, dtype=torch.float64)
            r = rate(torch.arange(1, num_steps + 1, dtype=torch.float64) / num_steps)
            for i in range(num_steps):
                p[i] = 1 - r[i] / left
                left = left * (1 - p[i])
            return p
    """),
    Right(REVEAL, "rate-of-a-number", """
        def reveal_probabilities(rate, num_steps):
            r = torch.tensor([rate(step / num_steps).item() for step in range(num_steps + 1)])
            return 1 - r[1:] / r[:-1]
    """),
    # ---- 08-2
    Right(STEP, "multinomial-and-where", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            logits = logits.clone()
            logits[..., mask_id] = -torch.inf
            draws = torch.multinomial(logits.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Right(STEP, "bernoulli-then-index", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x = xt.clone()
            p = torch.softmax(logits.double(), -1)
            p[:, :, mask_id] = 0
            heads = torch.bernoulli(torch.full(xt.shape, float(reveal_probability)), generator=generator).bool()
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view_as(xt)
            chosen = heads & (xt == mask_id)
            x[chosen] = draws[chosen]
            return x
    """),
    Right(STEP, "gumbel-argmax", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            u = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
            noisy = logits - (-u.log()).log()
            noisy[..., mask_id] = -float("inf")
            coin = torch.rand(xt.shape, generator=generator)
            return torch.where(xt.eq(mask_id) & (coin < reveal_probability), noisy.argmax(-1), xt)
    """),
    Right(STEP, "exponential-race", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            weights = (logits - logits.amax(-1, keepdim=True)).exp()
            clock = torch.empty_like(weights).exponential_(generator=generator) / weights
            clock[..., mask_id] = float("inf")
            first = clock.argmin(-1)
            keep = (xt != mask_id) | (torch.rand(xt.shape, generator=generator) >= reveal_probability)
            return xt * keep + first * ~keep
    """),
    Right(STEP, "inverse-cdf", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            others = torch.arange(logits.shape[-1]) != mask_id
            cdf = logits.double().masked_fill(~others, -1e30).softmax(-1).cumsum(-1)
            u = torch.rand(*xt.shape, 1, generator=generator, dtype=torch.float64) * cdf[..., -1:]
            draws = (cdf <= u).sum(-1)
            coin = torch.rand(xt.shape, generator=generator, dtype=torch.float64) < reveal_probability
            return draws.where(coin & (xt == mask_id), xt)
    """),
    Right(STEP, "without-the-column-of-the-mask", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            K = logits.shape[-1]
            tokens = torch.tensor([k for k in range(K) if k != mask_id])
            p = logits[..., tokens].softmax(-1)
            draws = tokens[torch.multinomial(p.reshape(-1, K - 1), 1, generator=generator)].reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator).lt(reveal_probability)
            return torch.where(coin.logical_and(xt == mask_id), draws, xt)
    """),
    Right(STEP, "stay-as-one-more-outcome", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x0 = logits.double().clone()
            x0[..., mask_id] = -torch.inf
            law = reveal_probability * x0.softmax(-1)
            law[..., mask_id] = 1 - reveal_probability
            visible = torch.nn.functional.one_hot(xt.long(), logits.shape[-1]).double()
            law = torch.where((xt == mask_id)[..., None], law, visible)
            return torch.multinomial(law.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
    """),
    Right(STEP, "numpy-seeded-by-the-generator-int32", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            rng = np.random.default_rng(torch.randint(2**60, (1,), generator=generator).item())
            z = logits.detach().numpy().astype(float)
            z = np.exp(z - z.max(-1, keepdims=True))
            z[..., mask_id] = 0
            cdf = np.cumsum(z / z.sum(-1, keepdims=True), -1)
            draws = np.minimum((cdf <= rng.random(xt.shape)[..., None]).sum(-1), z.shape[-1] - 1)
            reveal = (rng.random(xt.shape) < reveal_probability) & (xt.numpy() == mask_id)
            return np.where(reveal, draws, xt.numpy()).astype(np.int32)
    """),
    Right(STEP, "distributions-seeded-by-the-generator", """
        from torch.distributions import Bernoulli, Categorical

        def step(logits, xt, reveal_probability, mask_id, generator):
            torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
            at = torch.zeros(logits.shape[-1]).index_fill(0, torch.tensor(mask_id), -torch.inf)
            draws = Categorical(logits=logits + at).sample()
            coin = Bernoulli(probs=torch.tensor(reveal_probability)).sample(xt.shape).bool()
            return torch.where(coin * (xt == mask_id), draws, xt)
    """),
    Right(STEP, "only-what-is-revealed-is-drawn", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x = xt.clone()
            chosen = (x == mask_id) & (torch.rand(x.shape, generator=generator) < reveal_probability)
            if chosen.any():
                p = logits[chosen].softmax(-1)
                p[:, mask_id] = 0
                p = p / p.sum(-1, keepdim=True)
                x[chosen] = torch.multinomial(p, 1, generator=generator).squeeze(1).to(x.dtype)
            return x
    """),
    Right(STEP, "position-after-position", """
        def tokens_at(logits, mask_id, generator):
            p = logits.exp()
            p[:, mask_id] = 0.0
            return torch.multinomial(p, 1, generator=generator)[:, 0]

        def step(logits, xt, reveal_probability, mask_id, generator):
            columns = []
            for i in range(xt.shape[1]):
                token = tokens_at(logits[:, i], mask_id, generator)
                coin = torch.rand(len(xt), generator=generator) < reveal_probability
                columns.append(torch.where((xt[:, i] == mask_id) & coin, token, xt[:, i]))
            return torch.stack(columns, 1)
    """),
    Right(STEP, "token-after-token", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x = xt.clone()
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            for b, i in (xt == mask_id).nonzero().tolist():
                if torch.rand((), generator=generator) < reveal_probability:
                    x[b, i] = torch.multinomial(p[b, i], 1, generator=generator)
            return x
    """, slow=True),
    # ---- 08-3
    Right(ONE, "scores-drawn-once", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            rows = torch.arange(len(x))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = score.masked_fill(x != mask_id, -1).argmax(1)
                p = denoiser(x)[rows, chosen]
                token = torch.multinomial(p, 1, generator=generator).squeeze(1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, token, x[rows, chosen])
            return x
    """),
    Right(ONE, "a-new-position-in-each-step", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            while True:
                active = (x == mask_id).any(1).nonzero()[:, 0]
                if len(active) == 0:
                    return x
                where = torch.multinomial((x[active] == mask_id).double(), 1, generator=generator)[:, 0]
                p = denoiser(x[active])[torch.arange(len(active)), where]
                x[active, where] = torch.multinomial(p, 1, generator=generator)[:, 0]
    """),
    Right(ONE, "order-of-all-positions", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            B, n = template.shape
            order = torch.rand(B, n, generator=generator, dtype=torch.float64).argsort(1)
            x, rows = template.clone(), torch.arange(B)
            for k in range(n):
                i = order[:, k]
                p = denoiser(x)[rows, i]
                draw = (p.double().cumsum(1) <= torch.rand(B, 1, generator=generator, dtype=torch.float64)).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, draw, x[rows, i])
            return x
    """),
    Right(ONE, "ranks-and-gumbel", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            hidden = template == mask_id
            noise = torch.rand(template.shape, generator=generator) + ~hidden
            rank = noise.argsort(1).argsort(1)
            x = template
            for k in range(int(hidden.sum(1).max())):
                now = hidden & (rank == k)
                p = denoiser(x)
                gumbel = -torch.empty(p.shape).exponential_(generator=generator).log()
                x = torch.where(now, (p.log() + gumbel).argmax(-1), x)
            return x
    """),
    Right(ONE, "randperm-for-each-row", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            orders = []
            for row in template:
                masked = torch.nonzero(row == mask_id).flatten()
                orders.append(masked[torch.randperm(len(masked), generator=generator)].tolist())
            x = template.clone()
            for k in range(max(map(len, orders))):
                rows = [b for b, order in enumerate(orders) if len(order) > k]
                cols = [orders[b][k] for b in rows]
                p = denoiser(x)[rows, cols]
                x[rows, cols] = torch.multinomial(p, 1, generator=generator).flatten()
            return x
    """, slow=True),
    Right(ONE, "numpy-seeded-by-the-generator-int32", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            rng = np.random.default_rng(int(torch.randint(2**60, (), generator=generator)))
            x = template.numpy().copy()
            rank = rng.permuted(np.tile(np.arange(x.shape[1]), (len(x), 1)), axis=1)
            for _ in range(x.shape[1]):
                todo = x == mask_id
                rows = np.flatnonzero(todo.any(1))
                if rows.size == 0:
                    break
                cols = np.where(todo, rank, 10**6).argmin(1)[rows]
                p = np.asarray(denoiser(torch.from_numpy(x)))[rows, cols]
                cdf = np.cumsum(p, 1)
                x[rows, cols] = (cdf <= rng.random((len(rows), 1)) * cdf[:, -1:]).sum(1)
            return x.astype(np.int32)
    """),
    Right(ONE, "recursion", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            masked = template == mask_id
            if not masked.any():
                return template
            scores = torch.randn(template.shape, generator=generator).masked_fill(~masked, -torch.inf)
            here = torch.nn.functional.one_hot(scores.argmax(1), template.shape[1]).bool() & masked
            probs = denoiser(template).flatten(0, 1)
            draws = torch.multinomial(probs, 1, generator=generator).view_as(template)
            return one_at_a_time(denoiser, torch.where(here, draws, template), mask_id, generator)
    """),
    Right(ONE, "a-step-of-08-2-at-all-positions", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            return xt     # a mistake of the task before: the check puts the right one in its place

        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template
            left = (x == mask_id).sum(1).max()
            u = torch.where(x == mask_id, torch.rand(x.shape, generator=generator), 2.0)
            order = u.argsort(1)
            for k in range(left):
                at = torch.zeros(x.shape, dtype=torch.bool).scatter(1, order[:, k:k + 1], True)
                filled = step(denoiser(x).log(), x, 1.0, mask_id, generator)
                x = torch.where(at, filled, x)
            return x
    """),
    Right(ONE, "categorical-seeded-by-the-generator", """
        from torch.distributions import Categorical

        def one_at_a_time(denoiser, template, mask_id, generator):
            torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
            x = template.detach().clone()
            for _ in range(x.shape[1]):
                rows = torch.where((x == mask_id).any(1))[0]
                if rows.numel():
                    column = Categorical(probs=(x[rows] == mask_id).float()).sample()
                    x[rows, column] = Categorical(probs=denoiser(x)[rows, column]).sample()
            return x
    """),
    # ---- 08-4
    Right(TEMPERATURE, "softmax-of-logs", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() / temperature, dim=-1)
    """),
    Right(TEMPERATURE, "log-softmax", """
        def with_temperature(probs, temperature):
            return (torch.log(probs.double()) / temperature).log_softmax(-1).exp()
    """),
    Right(TEMPERATURE, "logsumexp", """
        def with_temperature(probs, temperature):
            scaled = probs.log().mul(1 / temperature)
            return (scaled - scaled.logsumexp(-1, keepdim=True)).exp()
    """),
    Right(TEMPERATURE, "powers-of-the-quotient-by-the-largest", """
        def with_temperature(probs, temperature):
            powers = (probs / probs.max(-1, keepdim=True).values) ** (1 / temperature)
            return powers / powers.sum(-1, keepdim=True)
    """),
    Right(TEMPERATURE, "numpy-returned", """
        def with_temperature(probs, temperature):
            with np.errstate(divide="ignore"):
                z = np.log(probs.numpy()) / temperature
            z = np.exp(z - z.max(axis=-1, keepdims=True))
            return z / z.sum(axis=-1, keepdims=True)
    """),
    Right(TEMPERATURE, "categorical", """
        def with_temperature(probs, temperature):
            return torch.distributions.Categorical(logits=probs.log() / temperature).probs
    """),
    Right(TEMPERATURE, "very-negative-for-zero", """
        def with_temperature(probs, temperature):
            logs = torch.where(probs > 0, torch.log(probs), torch.full_like(probs, -1e30))
            return torch.nn.functional.softmax(logs / temperature, -1)
    """),
    Right(TEMPERATURE, "row-after-row", """
        import math

        def sharpen(row, temperature):
            logs = [math.log(p) / temperature if p > 0 else -math.inf for p in row]
            top = max(logs)
            powers = [math.exp(value - top) for value in logs]
            return [value / sum(powers) for value in powers]

        def with_temperature(probs, temperature):
            rows = [sharpen(row, temperature) for row in probs.reshape(-1, probs.shape[-1]).tolist()]
            return torch.tensor(rows, dtype=torch.float64).reshape(probs.shape)
    """),
    Right(TEMPERATURE, "last-dimension-in-front", """
        def with_temperature(probs, temperature):
            z = probs.movedim(-1, 0).log() / temperature
            z = z - z.amax(0)
            return (z.exp() / z.exp().sum(0)).movedim(0, -1)
    """),
    Right(TEMPERATURE, "recursion-over-the-dimensions", """
        def with_temperature(probs, temperature):
            if probs.ndim > 1:
                return torch.stack([with_temperature(part, temperature) for part in probs])
            out = torch.zeros_like(probs)
            some = probs > 0
            out[some] = torch.softmax(probs[some].log() / temperature, 0)
            return out
    """),
    # ---- 08-5
    Right(PRICE, "entropies-of-marginals", """
        def entropy(p, keep):
            others = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(dim=others) if others else p
            return -(m * m.log()).sum()

        def price(p, order):
            order = order.tolist()
            total = 0.0
            for step in range(1, max(order) + 1):
                seen = [i for i, s in enumerate(order) if s < step]
                now = [i for i, s in enumerate(order) if s == step]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Right(PRICE, "law-of-the-texts", """
        def marginal(p, keep):
            for i in range(p.ndim):
                if not keep[i]:
                    p = p.sum(i, keepdim=True)
            return p

        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                seen = order < order[i]
                q = q * marginal(p, seen | (torch.arange(p.ndim) == i)) / marginal(p, seen)
            return (p * (p / q).log()).sum()
    """),
    Right(PRICE, "chain-rule-at-once", """
        def price(p, order):
            everything = set(range(p.ndim))
            m = lambda keep: p.sum([*everything - keep]) if keep != everything else p
            H = lambda keep: -torch.special.xlogy(m(keep), m(keep)).sum()
            before = [{j for j in everything if order[j] < order[i]} for i in range(p.ndim)]
            return sum(H(seen | {i}) - H(seen) for i, seen in enumerate(before)) - H(everything)
    """),
    Right(PRICE, "numpy-einsum", """
        def price(p, order):
            p, order = p.numpy(), order.numpy()
            axes = list(range(p.ndim))

            def H(keep):
                m = np.einsum(p, axes, sorted(keep))
                return -np.sum(m * np.log(m))

            cost = 0
            for s in np.unique(order):
                old, new = np.flatnonzero(order < s).tolist(), np.flatnonzero(order == s).tolist()
                cost += sum(H(old + [i]) for i in new) - (len(new) - 1) * H(old) - H(old + new)
            return cost
    """),
    Right(PRICE, "text-after-text-python-float", """
        import math
        from itertools import product

        def price(p, order):
            n, V = p.ndim, p.shape[0]
            table = {x: float(p[x]) for x in product(range(V), repeat=n)}
            order = [int(s) for s in order]

            def prob(x, where):
                return sum(w for y, w in table.items() if all(y[i] == x[i] for i in where))

            kl = 0.0
            for x, w in table.items():
                log_q = 0.0
                for i in range(n):
                    seen = [j for j in range(n) if order[j] < order[i]]
                    log_q += math.log(prob(x, seen + [i]) / prob(x, seen))
                kl += w * (math.log(w) - log_q)
            return kl
    """, slow=True),
    Right(PRICE, "log-space", """
        def price(p, order):
            logp = p.log()

            def log_marginal(keep):
                drop = torch.nonzero(~keep).flatten().tolist()
                return logp.logsumexp(drop, keepdim=True) if drop else logp

            log_q = torch.zeros_like(logp)
            for s in range(1, int(order.max()) + 1):
                for i in torch.nonzero(order == s).flatten().tolist():
                    own = torch.arange(p.ndim) == i
                    log_q = log_q + log_marginal((order < s) | own) - log_marginal(order < s)
            return torch.nn.functional.kl_div(log_q, logp, reduction="sum", log_target=True)
    """),
    Right(PRICE, "float32-and-kl-divergence", """
        from torch.distributions import Categorical, kl_divergence

        def price(p, order):
            p = p.float()
            q = torch.ones(p.shape)
            for i in range(p.ndim):
                others = [j for j in range(p.ndim) if order[j] >= order[i]]
                context = p.sum(others, keepdim=True)
                others.remove(i)
                q = q * (p.sum(others, keepdim=True) if others else p) / context
            return kl_divergence(Categorical(p.flatten()), Categorical(q.flatten()))
    """),
    Right(PRICE, "information-of-each-with-those-before-it", """
        def H(p, keep):
            drop = tuple(i for i in range(p.ndim) if i not in keep)
            m = (p.sum(drop) if drop else p).flatten()
            return torch.distributions.Categorical(m).entropy()

        def price(p, order):
            total = p.new_zeros(())
            for i in range(p.ndim):
                seen = {j for j in range(p.ndim) if order[j] < order[i]}
                beside = {j for j in range(i) if order[j] == order[i]}
                total += H(p, seen | {i}) - H(p, seen) - H(p, seen | beside | {i}) + H(p, seen | beside)
            return total
    """),
    Right(PRICE, "recursion-over-what-is-seen", """
        def price(p, order):
            order = order.tolist()
            if not order:
                return torch.tensor(0.0, dtype=torch.float64)
            now = [i for i, s in enumerate(order) if s == min(order)]
            later = [i for i, s in enumerate(order) if s != min(order)]
            p = p.permute(*now, *later)
            joint = p.sum(dim=tuple(range(len(now), p.ndim))) if later else p
            alone = 1.0
            for a in range(len(now)):
                drop = [b for b in range(len(now)) if b != a]
                alone = alone * (joint.sum(drop, keepdim=True) if drop else joint)
            cost = (joint * (joint / alone).log()).sum()
            if later:
                rest = torch.tensor([order[i] for i in later])
                flat = p.reshape(-1, *p.shape[len(now):])
                cost = cost + sum(part.sum() * price(part / part.sum(), rest) for part in flat)
            return cost
    """),
    Right(PRICE, "as-a-matrix-of-groups", """
        def conditional(p, target, given):
            rest = [i for i in range(p.ndim) if i not in target + given]
            sizes = [p.shape[0] ** len(group) for group in (given, target, rest)]
            m = p.permute(given + target + rest).reshape(sizes).sum(2)
            return -(m * (m / m.sum(1, keepdim=True)).log()).sum()

        def price(p, order):
            total = torch.tensor(0.0, dtype=p.dtype)
            for s in order.unique():
                given = (order < s).nonzero()[:, 0].tolist()
                group = (order == s).nonzero()[:, 0].tolist()
                total = total + sum(conditional(p, [i], given) for i in group) - conditional(p, group, given)
            return total
    """),
]


# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 08-1
    Wrong(REVEAL, "of-all-tokens", r"still masked|divide|all tokens|r_\{?.?ℓ?-?1|masked before", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return r[:-1] - r[1:]
    """),
    Wrong(REVEAL, "divided-by-the-level-after", r"before|divided by|r\(ℓ|after|start of the step|earlier", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (r[:-1] - r[1:]) / r[1:]
    """),
    Wrong(REVEAL, "divided-by-the-level-after-last-mended", r"before|r_\(l-1\)", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            p = (r[:-1] - r[1:]) / r[1:]
            p[-1] = 1
            return p
    """),
    Wrong(REVEAL, "sign", r"sign|negative|minus|falls", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return r.diff() / r[:-1]
    """),
    Wrong(REVEAL, "stays-masked", r"stay|remain|keep|1 ?-|1 minus|complement|not revealed", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "quotient-upside-down", r"NaN|inf|upside|before|quotient|probabilit|1 ?-", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return 1 - r[:-1] / r[1:]
    """),
    Wrong(REVEAL, "L-points", r"L \+ 1", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps))
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "L-points-and-a-last-one", r"L ?\+ ?1|points|L ?- ?1|grid|number of", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps))
            return torch.cat([1 - r[1:] / r[:-1], r.new_ones(1)])
    """),
    Wrong(REVEAL, "L-points-and-a-first-one", r"L ?\+ ?1|points|L ?- ?1|grid|number of|last", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps))
            return torch.cat([r.new_zeros(1), 1 - r[1:] / r[:-1]])
    """),
    Wrong(REVEAL, "never-reaches-the-end", r"L ?\+ ?1|points|last|r\(1\)|end|shape", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.arange(num_steps) / num_steps)
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "grid-of-L-plus-one-widths", r"last|L ?\+ ?1|/ ?L|r\(1\)|end|ℓ", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.arange(num_steps + 1) / (num_steps + 1))
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "one-step-too-many", r"one level too many", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 2))
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "backwards", r"order|backward|revers|first", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (1 - r[1:] / r[:-1]).flip(0)
    """),
    Wrong(REVEAL, "order-of-training", r"order|backward|revers|first|training|noising", """
        def reveal_probabilities(rate, num_steps):
            lam = rate(1 - torch.linspace(0, 1, num_steps + 1))
            return lam.diff() / lam[1:]
    """),
    Wrong(REVEAL, "rate-of-one-minus-progress", r"1 ?- ?l/L|1 ?- ?s|progress|levels rise", """
        def reveal_probabilities(rate, num_steps):
            r = rate(1 - torch.linspace(0, 1, num_steps + 1))
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "one-in-L", r"1 ?/ ?L|rate|same|equal|still masked", """
        def reveal_probabilities(rate, num_steps):
            return torch.full((num_steps,), 1 / num_steps)
    """),
    Wrong(REVEAL, "linear-whatever-the-rate", r"linear|rate|straight|1 ?- ?s", """
        def reveal_probabilities(rate, num_steps):
            return 1 / torch.arange(num_steps, 0, -1)
    """),
    Wrong(REVEAL, "linear-in-the-levels", r"linear|rate|straight|1 ?- ?s", """
        def reveal_probabilities(rate, num_steps):
            r = 1 - torch.linspace(0, 1, num_steps + 1)
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "levels-after", r"level|mask rate|r_ℓ|rates", """
        def reveal_probabilities(rate, num_steps):
            return rate(torch.linspace(0, 1, num_steps + 1))[1:]
    """),
    Wrong(REVEAL, "levels-before", r"level|mask rate|r_ℓ|rates|r_\(", """
        def reveal_probabilities(rate, num_steps):
            return rate(torch.arange(num_steps) / num_steps)
    """),
    Wrong(REVEAL, "revealed-by-then", r"visible|by then|masked before", """
        def reveal_probabilities(rate, num_steps):
            return 1 - rate(torch.arange(1, num_steps + 1) / num_steps)
    """),
    Wrong(REVEAL, "revealed-before", r"visible|masked before", """
        def reveal_probabilities(rate, num_steps):
            return 1 - rate(torch.arange(num_steps) / num_steps)
    """),
    Wrong(REVEAL, "log-quotient", r"logarithm", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (r[:-1] / r[1:]).log()
    """),
    Wrong(REVEAL, "derivative-at-the-start-of-the-step", None, """
        def reveal_probabilities(rate, num_steps):
            s = torch.arange(num_steps, dtype=torch.float64) / num_steps
            slope = (rate(s + 1e-6) - rate(s)) / 1e-6
            return -slope / rate(s) / num_steps
    """),
    Wrong(REVEAL, "midpoints", None, """
        def reveal_probabilities(rate, num_steps):
            r = rate((torch.arange(num_steps) + 0.5) / num_steps)
            before = torch.cat([r.new_ones(1), r[:-1]])
            return 1 - r / before
    """),
    Wrong(REVEAL, "divided-by-the-mean-level", None, """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (r[:-1] - r[1:]) / ((r[:-1] + r[1:]) / 2)
    """),
    Wrong(REVEAL, "last-one-zero", r"last", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            p = 1 - r[1:] / r[:-1]
            p[-1] = 0
            return p
    """),
    Wrong(REVEAL, "last-one-missing", r"last step", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (1 - r[1:] / r[:-1])[:-1]
    """),
    Wrong(REVEAL, "first-one-zero", r"shape", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return torch.cat([torch.zeros(1), 1 - r[1:] / r[:-1]])
    """),
    Wrong(REVEAL, "shifted-by-rolling", None, """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (1 - r[1:] / r[:-1]).roll(1)
    """),
    Wrong(REVEAL, "normalised", r"their sum|normalis", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            p = 1 - r[1:] / r[:-1]
            return p / p.sum()
    """),
    Wrong(REVEAL, "clamped-away-from-one", r"last|1", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1)).clamp(min=0.01)
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "masks-left-times-drop", None, """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return r[:-1] * (1 - r[1:])
    """),
    Wrong(REVEAL, "progress-in-steps", r"ℓ ?/ ?L|progress|NaN|divide", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.arange(num_steps + 1).double())
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "integer-progress", r"//|whole", """
        def reveal_probabilities(rate, num_steps):
            r = rate((torch.arange(num_steps + 1) // num_steps).double())
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "ten-steps", r"shape", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, 11))
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "divided-by-the-first-level", r"still masked|divide|all tokens|masked before", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (r[:-1] - r[1:]) / r[0]
    """),
    Wrong(REVEAL, "not-revealed-twice", None, """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (r[:-1] - r[1:]) / r[:-1] ** 2
    """),
    Wrong(REVEAL, "percent", r"above 1|percent", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return 100 * (1 - r[1:] / r[:-1])
    """),
    Wrong(REVEAL, "only-without-a-single-step", r"raised", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            inner = (r[:-2] - r[1:-1]) / r[:-2]
            inner[0] = 1 - r[1]
            return torch.cat([inner, torch.ones(1)])
    """),
    Wrong(REVEAL, "squeezed", r"shape", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return (1 - r[1:] / r[:-1]).squeeze()
    """),
    Wrong(REVEAL, "list", r"a list", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1)).tolist()
            return [1 - b / a for a, b in zip(r, r[1:])]
    """),
    Wrong(REVEAL, "column", r"shape", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))[:, None]
            return 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "draws-instead-of-probabilities", r"dtype|draw", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            return torch.rand(num_steps) < 1 - r[1:] / r[:-1]
    """),
    Wrong(REVEAL, "forgotten-return", r"return statement", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1))
            p = 1 - r[1:] / r[:-1]
    """),
    # ---- 08-2
    Wrong(STEP, "one-coin-for-all", r"coin", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand((), generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "one-coin-a-text", r"coin", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, 1, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "one-coin-a-position", r"coin", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "one-coin-for-two-texts", r"coin|independent|each other", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            u = torch.rand((B + 1) // 2, n, generator=generator)
            coin = torch.cat([u, 1 - u])[:B] < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coins-shifted-from-text-to-text", r"coin|independent|each other", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            u = torch.rand(B + n, generator=generator)
            coin = u.unfold(0, n, 1)[:B] < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-for-neighbours", r"coin|independent|each other", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            u = torch.rand(B, (n + 1) // 2, generator=generator).repeat_interleave(2, 1)[:, :n]
            return torch.where((xt == mask_id) & (u < reveal_probability), draws, xt)
    """),
    Wrong(STEP, "mask-may-be-drawn", r"mask", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            draws = torch.multinomial(logits.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logit-of-the-mask-zero", r"mask", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            logits = logits.clone()
            logits[..., mask_id] = 0
            draws = torch.multinomial(logits.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logit-of-the-mask-minus-one", r"mask never be drawn|the mask is|mask.s logit", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            logits = logits.clone()
            logits[..., mask_id] = -1
            draws = torch.multinomial(logits.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "last-state-forbidden", r"last state", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits[..., :-1].softmax(-1)
            draws = torch.multinomial(p.reshape(-1, K - 1), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "first-state-forbidden", r"state 0", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., 0] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "mask-left-out-but-states-not-moved", r"left out|counted up", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1:]], -1).softmax(-1)
            draws = torch.multinomial(p.reshape(-1, K - 1), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "mass-of-the-mask-shared-equally", r"tokens are not", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p = p + p[..., mask_id, None] / (K - 1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "stay-and-mask-added", r"mask", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = reveal_probability * logits.softmax(-1)
            p[..., mask_id] += 1 - reveal_probability
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            return torch.where(xt == mask_id, draws, xt)
    """),
    Wrong(STEP, "visible-tokens-redrawn", r"visible|not masked|carr|stay|keep|still masked", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where(coin, draws, xt)
    """),
    Wrong(STEP, "visible-tokens-masked-again", r"visible|not masked|carr|stay|keep|mask", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, mask_id)
    """),
    Wrong(STEP, "visible-replaced-by-the-prediction", r"visible|not masked|carr|stay|keep", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & ~coin, mask_id, draws)
    """),
    Wrong(STEP, "argmax", r"argmax|drawn|most probable|likeliest|largest", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, z.argmax(-1), xt)
    """),
    Wrong(STEP, "uniform-tokens", r"uniform|logits|equally", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            K = logits.shape[-1]
            draws = torch.randint(0, K - 1, xt.shape, generator=generator)
            draws = draws + (draws >= mask_id)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-turned-round", r"1 ?-|coin|complement|stay|turned|opposite|<", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) > reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "all-revealed", r"every mask|whatever its coin", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            return torch.where(xt == mask_id, draws, xt)
    """),
    Wrong(STEP, "normal-coin", r"coin|probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.randn(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-thrown-twice", r"coin|probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            p = torch.rand(B, n, generator=generator)
            coin = (p < reveal_probability) & (torch.rand(B, n, generator=generator) < reveal_probability)
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-of-tenths", r"share|uniform number", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.randint(0, 11, (B, n), generator=generator) < 10 * reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "fixed-number-revealed", r"same number", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            u = torch.rand(B, n, generator=generator).masked_fill(xt != mask_id, 2)
            rank = u.argsort(1).argsort(1)
            count = ((xt == mask_id).sum(1, keepdim=True) * reveal_probability).round()
            return torch.where((xt == mask_id) & (rank < count), draws, xt)
    """),
    Wrong(STEP, "right-number-at-random-but-the-surest", r"coin|sure|confiden|probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            hidden = xt == mask_id
            heads = (torch.rand(B, n, generator=generator) < reveal_probability) & hidden
            sure = p.amax(-1).masked_fill(~hidden, -1).argsort(1, descending=True).argsort(1)
            return torch.where(hidden & (sure < heads.sum(1, keepdim=True)), draws, xt)
    """),
    Wrong(STEP, "left-to-right", r"coin|left|position|probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            hidden = xt == mask_id
            heads = (torch.rand(B, n, generator=generator) < reveal_probability) & hidden
            return torch.where(hidden & (hidden.cumsum(1) <= heads.sum(1, keepdim=True)), draws, xt)
    """),
    Wrong(STEP, "generator-ignored-by-the-coins", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "generator-ignored-by-the-tokens", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "generator-ignored", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            draws = torch.distributions.Categorical(logits=z).sample()
            return torch.where((xt == mask_id) & (torch.rand(xt.shape) < reveal_probability), draws, xt)
    """),
    Wrong(STEP, "generator-of-its-own", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            g = torch.Generator().manual_seed(0)
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=g).reshape(B, n)
            coin = torch.rand(B, n, generator=g) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coins-by-a-generator-of-their-own", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=torch.Generator().manual_seed(7)) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "tokens-by-a-generator-of-their-own", r"generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            own = torch.Generator().manual_seed(7)
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=own).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "states-counted-from-one", r"none of|state", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n) + 1
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "generator-started-again-for-each-text", r"generator|same|shared|independent|each other|copies", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x, state = xt.clone(), generator.get_state()
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            u = torch.rand(xt.shape[1], generator=generator)
            v = torch.rand(xt.shape[1], 1, generator=generator)
            draws = (p.double().cumsum(-1) / p.sum(-1, keepdim=True) <= v).sum(-1)
            return torch.where((x == mask_id) & (u < reveal_probability), draws, x)
    """),
    Wrong(STEP, "one-uniform-for-coin-and-token", r"coin|same (random )?number|independent|of its own", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1).double()
            p[..., mask_id] = 0
            u = torch.rand(xt.shape, generator=generator)
            draws = (p.cumsum(-1) / p.sum(-1, keepdim=True) <= u[..., None]).sum(-1)
            return torch.where((xt == mask_id) & (u < reveal_probability), draws, xt)
    """),
    Wrong(STEP, "generator-put-back-between-coin-and-token", None, """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1).double()
            p[..., mask_id] = 0
            state = generator.get_state()
            u = torch.rand(xt.shape, generator=generator)
            generator.set_state(state)
            v = 1 - torch.rand(xt.shape, generator=generator)
            draws = (p.cumsum(-1) / p.sum(-1, keepdim=True) <= v[..., None]).sum(-1)
            return torch.where((xt == mask_id) & (u < reveal_probability), draws, xt)
    """),
    Wrong(STEP, "one-uniform-for-the-tokens-of-a-text", r"not drawn independently", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1).double()
            p[..., mask_id] = 0
            v = torch.rand(len(xt), 1, 1, generator=generator)
            draws = (p.cumsum(-1) / p.sum(-1, keepdim=True) <= v).sum(-1)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "one-uniform-for-the-tokens-of-a-position", r"independent|same|shared|of its own|each other", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1).double()
            p[..., mask_id] = 0
            v = torch.rand(xt.shape[1], 1, generator=generator)
            draws = (p.cumsum(-1) / p.sum(-1, keepdim=True) <= v).sum(-1)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "antithetic-tokens", r"independent|same|shared|of its own|each other", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1).double()
            p[..., mask_id] = 0
            u = torch.rand((len(xt) + 1) // 2, xt.shape[1], 1, generator=generator)
            v = torch.stack([u, 1 - u], 1).flatten(0, 1)[:len(xt)]
            draws = (p.cumsum(-1) / p.sum(-1, keepdim=True) <= v).sum(-1)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "softmax-over-positions", r"over the positions", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "softmax-over-texts", r"over the texts", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(0)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "softmax-twice", r"softmax|twice", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = -torch.inf
            draws = torch.multinomial(p.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "sigmoid", r"softmax", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.sigmoid()
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logits-for-probabilities", r"logits|raised", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            logits = logits.clone()
            logits[..., mask_id] = 0
            draws = torch.multinomial(logits.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "softmax-forgotten", r"logits are not probabilities", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            z = torch.where(torch.arange(K) == mask_id, -torch.inf, logits)
            draws = torch.multinomial(z.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "softmax-of-minus-logits", r"softmax of its own logits", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = (-logits).softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "normal-noise-for-gumbel", r"tokens are not", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            noisy = logits + torch.randn(logits.shape, generator=generator)
            noisy[..., mask_id] = -torch.inf
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, noisy.argmax(-1), xt)
    """),
    Wrong(STEP, "gumbel-on-probabilities", r"softmax|twice|logits|log", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            gumbel = -torch.empty(logits.shape).exponential_(generator=generator).log()
            noisy = logits.softmax(-1) + gumbel
            noisy[..., mask_id] = -torch.inf
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, noisy.argmax(-1), xt)
    """),
    Wrong(STEP, "same-draw-at-every-position", r"its own|position|independent", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits[:, 0].softmax(-1)
            p[:, mask_id] = 0
            draws = torch.multinomial(p, 1, generator=generator)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logits-of-the-first-position", r"of the first|own logits", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits[:, 0].softmax(-1)
            p[:, mask_id] = 0
            draws = torch.multinomial(p, xt.shape[1], replacement=True, generator=generator)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logits-of-the-first-text", r"texts|own logits", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits[0].softmax(-1)
            p[:, mask_id] = 0
            draws = torch.multinomial(p, len(xt), replacement=True, generator=generator).T
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "draws-folded-back-askew", r"place|position", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(n, B).T
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logits-of-the-neighbour", r"position|own logits|its logits|its own|shift|neighbour", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.roll(1, 1).softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "writes-into-the-states", r"in place", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            chosen = (xt == mask_id) & (torch.rand(B, n, generator=generator) < reveal_probability)
            xt[chosen] = draws[chosen]
            return xt
    """),
    Wrong(STEP, "writes-into-the-logits", r"in place", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            logits[..., mask_id] = -torch.inf
            draws = torch.multinomial(logits.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "position-forbidden-for-state", r"raised|mask|NaN", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            z = logits.clone()
            z[:, mask_id] = -torch.inf
            draws = torch.multinomial(z.softmax(-1).reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "draws-not-folded-back", r"shape|raised", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "not-flattened", r"raised", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p, 1, generator=generator)[..., 0]
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "floating-point-states", r"dtype", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            chosen = ((xt == mask_id) & (torch.rand(B, n, generator=generator) < reveal_probability)).float()
            return chosen * draws + (1 - chosen) * xt
    """),
    Wrong(STEP, "probabilities-returned", r"shape", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            p = reveal_probability * logits.softmax(-1)
            p[..., mask_id] = 1 - reveal_probability
            return p
    """),
    Wrong(STEP, "forgotten-return", r"return statement", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            p = logits.softmax(-1)
            p[..., mask_id] = 0
            draws = torch.multinomial(p.reshape(-1, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            x = torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "nothing-happens", r"nothing|unchanged|as it (was|came)|coin|never|reveal", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            x = xt.clone()
            for b in range(0):
                x[b] = 0
            return x
    """),
    # ---- 08-3
    Wrong(ONE, "asked-once", r"at that moment|again|once|stale|already|each step|visible|new", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            p = denoiser(x)
            for _ in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(p[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "denoiser-of-the-template", r"at that moment|again|once|stale|already|each step|visible|new", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(template)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "all-at-once", r"at that moment|again|once|together|one token|at a time|each step", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            p = denoiser(template).flatten(0, 1)
            draws = torch.multinomial(p, 1, generator=generator).view_as(template)
            return torch.where(template == mask_id, draws, template)
    """),
    Wrong(ONE, "one-step-late", r"one step old|at that moment", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            p = denoiser(x)
            for _ in range(x.shape[1]):
                new = denoiser(x)
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(p[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
                p = new
            return x
    """),
    Wrong(ONE, "asked-in-every-second-step", r"at that moment|again|stale|each step|two|once", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for k in range(x.shape[1]):
                if k % 2 == 0:
                    p = denoiser(x)
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(p[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "two-at-a-time", r"two|one token|at a time|together|each step|at that moment", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                hidden = x == mask_id
                rank = score.masked_fill(~hidden, -1).argsort(1, descending=True).argsort(1)
                draws = torch.multinomial(denoiser(x).flatten(0, 1), 1, generator=generator).view_as(x)
                x = torch.where(hidden & (rank < 2), draws, x)
            return x
    """),
    Wrong(ONE, "lambda-schedule", r"one token|at a time|together|each step|at that moment|coin|mask", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            n = x.shape[1]
            for k in range(n):
                draws = torch.multinomial(denoiser(x).flatten(0, 1), 1, generator=generator).view_as(x)
                coin = torch.rand(x.shape, generator=generator) < 1 / (n - k)
                x = torch.where((x == mask_id) & coin, draws, x)
            return x
    """),
    Wrong(ONE, "coins-of-one-probability", r"several tokens, as coins do", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            while (x == mask_id).any():
                draws = torch.multinomial(denoiser(x).flatten(0, 1), 1, generator=generator).view_as(x)
                coin = torch.rand(x.shape, generator=generator) < 0.3
                x = torch.where((x == mask_id) & coin, draws, x)
            return x
    """),
    Wrong(ONE, "left-to-right", r"left", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            for i in range(x.shape[1]):
                token = torch.multinomial(denoiser(x)[:, i], 1, generator=generator)[:, 0]
                x[:, i] = torch.where(x[:, i] == mask_id, token, x[:, i])
            return x
    """),
    Wrong(ONE, "right-to-left", r"right", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            for i in reversed(range(x.shape[1])):
                token = torch.multinomial(denoiser(x)[:, i], 1, generator=generator)[:, 0]
                x[:, i] = torch.where(x[:, i] == mask_id, token, x[:, i])
            return x
    """),
    Wrong(ONE, "left-to-right-or-right-to-left", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            sign = torch.randint(0, 2, (len(x), 1), generator=generator) * 2 - 1
            score = sign * torch.arange(x.shape[1])
            for _ in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -99).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "first-one-random-then-left-to-right", r"order|left", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for k in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -99).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
                score = -torch.arange(x.shape[1]).expand(x.shape)
            return x
    """),
    Wrong(ONE, "from-a-random-start-round-the-text", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            n = x.shape[1]
            start = torch.randint(0, n, (len(x),), generator=generator)
            for k in range(n):
                i = (start + k) % n
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "left-preferred", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator) - torch.arange(x.shape[1]) * 0.4
            for _ in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -99).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "zero-or-one-as-score", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.randint(0, 2, x.shape, generator=generator)
            for _ in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "next-mask-after-a-random-position", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            n = x.shape[1]
            for _ in range(n):
                i = torch.randint(0, n, (len(x),), generator=generator)
                for _ in range(n):
                    i = torch.where(x[rows, i] == mask_id, i, (i + 1) % n)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "surest-first", r"sure|confident|order|random|most probable", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            for _ in range(x.shape[1]):
                p = denoiser(x)
                i = p.amax(-1).masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(p[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "smallest-entropy-first", r"sure|confident|order|random|entropy", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            for _ in range(x.shape[1]):
                p = denoiser(x)
                i = torch.special.entr(p).sum(-1).masked_fill(x != mask_id, 99).argmin(1)
                token = torch.multinomial(p[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "drawn-everywhere-and-the-surest-draw-kept", r"surest draw", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            for _ in range(x.shape[1]):
                p = denoiser(x)
                draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view_as(x)
                sure = p.gather(-1, draws[..., None])[..., 0].masked_fill(x != mask_id, -1)
                i = sure.argmax(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, draws[rows, i], x[rows, i])
            return x
    """),
    Wrong(ONE, "one-order-for-the-batch", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            for i in torch.randperm(x.shape[1], generator=generator).tolist():
                token = torch.multinomial(denoiser(x)[:, i], 1, generator=generator)[:, 0]
                x[:, i] = torch.where(x[:, i] == mask_id, token, x[:, i])
            return x
    """),
    Wrong(ONE, "one-row-of-scores-for-the-batch", r"order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape[1], generator=generator).expand(x.shape)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "one-order-for-two-texts", r"tells of another", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            u = torch.rand((len(x) + 1) // 2, x.shape[1], generator=generator)
            score = u.repeat_interleave(2, 0)[:len(x)]
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "one-order-rolled-from-text-to-text", r"order|own", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            n = x.shape[1]
            order = torch.randperm(n, generator=generator)
            for k in range(n):
                i = (order[k] + rows) % n
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "argmax", r"argmax|drawn|most probable|likeliest|largest", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = denoiser(x)[rows, i].argmax(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "argmax-in-the-last-step", r"last token", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                last = (x == mask_id).sum(1) == 1
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                p = denoiser(x)[rows, i]
                token = torch.where(last, p.argmax(1), torch.multinomial(p, 1, generator=generator)[:, 0])
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "finished-texts-overwritten", r"finished", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                x[rows, i] = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
            return x
    """),
    Wrong(ONE, "template-overwritten", r"overwrit|template|own tokens|visible|stay", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for k in range(x.shape[1]):
                i = order[:, k]
                x[rows, i] = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
            return x
    """),
    Wrong(ONE, "started-from-masks-only", r"overwrit|template|own tokens|visible|stay", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = torch.full_like(template, mask_id), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for k in range(x.shape[1]):
                i = order[:, k]
                x[rows, i] = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
            return x
    """),
    Wrong(ONE, "template-put-back-at-the-end", None, """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = torch.full_like(template, mask_id), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for k in range(x.shape[1]):
                i = order[:, k]
                x[rows, i] = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
            return torch.where(template == mask_id, x, template)
    """),
    Wrong(ONE, "as-many-steps-as-the-first-text-has-masks", r"as many steps", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for _ in range((template[0] == mask_id).sum()):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "until-one-text-is-finished", r"as many steps", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any(1).all():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                x[rows, i] = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
            return x
    """),
    Wrong(ONE, "one-step-short", r"as many steps", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for _ in range((x == mask_id).sum(1).max() - 1):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "any-position-in-each-of-n-steps", r"still masked", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            for _ in range(x.shape[1]):
                i = torch.randint(0, x.shape[1], (len(x),), generator=generator)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "ranks-for-the-order", r"orders", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator).masked_fill(x != mask_id, 2)
            rank = score.argsort(1).argsort(1)
            for k in range((x == mask_id).sum(1).max()):
                i = rank[:, k]
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "smallest-score-wins-and-is-never-removed", r"mask", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator).masked_fill(x != mask_id, 2)
            for _ in range(x.shape[1]):
                i = score.argmin(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "mask-is-the-last-state", r"mask_id", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            last = denoiser(x).shape[-1] - 1
            score = torch.rand(x.shape, generator=generator)
            while (x == last).any():
                i = score.masked_fill(x != last, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == last, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "generator-ignored-by-the-order", r"generator", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "generator-ignored-by-the-tokens", r"generator", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "generator-ignored", r"generator", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.distributions.Categorical(denoiser(x)[rows, i]).sample()
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "numpy-without-the-generator", r"generator", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            rng = np.random.default_rng(0)
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.from_numpy(rng.random(tuple(x.shape)))
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                u = torch.from_numpy(rng.random((len(x), 1)))
                token = (denoiser(x)[rows, i].cumsum(1) <= u).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "one-uniform-a-step-for-the-batch", r"same tokens", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                u = torch.rand((), generator=generator)
                token = (denoiser(x)[rows, i].cumsum(1) <= u).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "antithetic-texts", r"tells of another", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                u = torch.rand((len(x) + 1) // 2, 1, generator=generator)
                u = torch.stack([u, 1 - u], 1).flatten(0, 1)[:len(x)]
                token = (denoiser(x)[rows, i].cumsum(1) <= u).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "one-uniform-a-text-for-all-steps", r"one random number", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            u = torch.rand(len(x), 1, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = (denoiser(x)[rows, i].cumsum(1) <= u).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "score-used-again-for-the-token", None, """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator, dtype=torch.float64)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = (denoiser(x)[rows, i].cumsum(1) <= score[rows, i, None]).sum(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "row-of-the-step-not-of-the-position", r"number of the step", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for k in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[:, k], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "row-of-the-first-text", None, """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for k in range(x.shape[1]):
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x[:1])[0, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "uniform-tokens", r"uniform|equally|denoiser", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            K = denoiser(template).shape[-1]
            draws = torch.randint(0, K - 1, template.shape, generator=generator)
            draws = draws + (draws >= mask_id)
            return torch.where(template == mask_id, draws, template)
    """),
    Wrong(ONE, "any-state-equally-likely", r"mask is drawn", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            K = denoiser(template).shape[-1]
            draws = torch.randint(0, K, template.shape, generator=generator)
            return torch.where(template == mask_id, draws, template)
    """),
    Wrong(ONE, "softmax-of-probabilities", r"softmax|probabilities|logits", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                p = denoiser(x)[rows, i].softmax(-1)
                p[:, mask_id] = 0
                token = torch.multinomial(p, 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "softmax-of-probabilities-and-the-mask-with-them", r"mask is drawn", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for i in order.T:
                p = denoiser(x)[rows, i].softmax(-1)
                token = torch.multinomial(p, 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "squared-probabilities", None, """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i] ** 2, 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x
    """),
    Wrong(ONE, "only-the-last-token-seen", r"last token only", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            seen = template.clone()
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(seen)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
                seen = template.clone()
                seen[rows, i] = x[rows, i]
            return x
    """),
    Wrong(ONE, "template-hidden-from-the-denoiser", None, """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            seen = torch.full_like(x, mask_id)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(seen)[rows, i], 1, generator=generator)[:, 0]
                token = torch.where(x[rows, i] == mask_id, token, x[rows, i])
                x[rows, i], seen[rows, i] = token, token
            return x
    """),
    Wrong(ONE, "most-masks-first-text-decides", r"share one order", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x = template.clone()
            while (x == mask_id).any():
                counts = (x == mask_id).sum(0)
                i = counts.argmax()
                token = torch.multinomial(denoiser(x)[:, i], 1, generator=generator)[:, 0]
                x[:, i] = torch.where(x[:, i] == mask_id, token, x[:, i])
            return x
    """),
    Wrong(ONE, "all-of-a-token-written-to-all-masks", r"same token", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            i = score.masked_fill(x != mask_id, -1).argmax(1)
            token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)
            return torch.where(x == mask_id, token, x)
    """),
    Wrong(ONE, "writes-into-the-template", r"in place", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            rows = torch.arange(len(template))
            score = torch.rand(template.shape, generator=generator)
            while (template == mask_id).any():
                i = score.masked_fill(template != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(template)[rows, i], 1, generator=generator)[:, 0]
                template[rows, i] = torch.where(template[rows, i] == mask_id, token, template[rows, i])
            return template
    """),
    Wrong(ONE, "return-inside-the-loop", r"as many steps", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                i = score.masked_fill(x != mask_id, -1).argmax(1)
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
                return x
    """),
    Wrong(ONE, "copy-by-index-lost", r"nothing is revealed", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            score = torch.rand(x.shape, generator=generator)
            for i in score.argsort(1).T:
                hidden = x[rows, i] == mask_id
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i][hidden] = token[hidden]
            return x
    """),
    Wrong(ONE, "text-and-order", r"a tuple", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for i in order.T:
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x, order
    """),
    Wrong(ONE, "floating-point-states", r"dtype|raised", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for i in order.T:
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
            return x.float()
    """),
    Wrong(ONE, "forgotten-return", r"return statement", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for i in order.T:
                token = torch.multinomial(denoiser(x)[rows, i], 1, generator=generator)[:, 0]
                x[rows, i] = torch.where(x[rows, i] == mask_id, token, x[rows, i])
    """),
    # ---- 08-4
    Wrong(TEMPERATURE, "powers", r"NaN|underflow|log", """
        def with_temperature(probs, temperature):
            powers = probs ** (1 / temperature)
            return powers / powers.sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "powers-with-a-small-number-below", r"NaN|underflow|log|sum", """
        def with_temperature(probs, temperature):
            powers = probs ** (1 / temperature)
            return powers / (powers.sum(-1, keepdim=True) + 1e-12)
    """),
    Wrong(TEMPERATURE, "powers-nan-to-zero", r"NaN|underflow|log|sum", """
        def with_temperature(probs, temperature):
            powers = probs ** (1 / temperature)
            return torch.nan_to_num(powers / powers.sum(-1, keepdim=True))
    """),
    Wrong(TEMPERATURE, "powers-of-exponentials", r"NaN|underflow|softmax|log", """
        def with_temperature(probs, temperature):
            powers = (probs.log() / temperature).exp()
            return powers / powers.sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "powers-not-normalised", r"sum|normalis", """
        def with_temperature(probs, temperature):
            return probs ** (1 / temperature)
    """),
    Wrong(TEMPERATURE, "exponentials-not-normalised", r"sum|normalis", """
        def with_temperature(probs, temperature):
            z = probs.log() / temperature
            return (z - z.max(-1, keepdim=True).values).exp()
    """),
    Wrong(TEMPERATURE, "temperature-turned-round", r"1 ?/ ?T|upside|turned|times|multipl|divid|power T", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() * temperature, -1)
    """),
    Wrong(TEMPERATURE, "power-of-the-temperature", r"1 ?/ ?T|upside|turned|times|multipl|divid|power T", """
        def with_temperature(probs, temperature):
            powers = probs ** temperature
            return powers / powers.sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "probabilities-as-logits", r"logits|logarithm|log", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs / temperature, -1)
    """),
    Wrong(TEMPERATURE, "log-softmax-of-probabilities", r"logits|logarithm|log", """
        def with_temperature(probs, temperature):
            return torch.softmax(torch.log_softmax(probs, -1) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "softmax-of-probabilities-then-power", r"logits|logarithm|log", """
        def with_temperature(probs, temperature):
            p = probs.softmax(-1)
            z = p.log() / temperature
            return z.softmax(-1)
    """),
    Wrong(TEMPERATURE, "softmax-of-powers", r"logits|softmax|log", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs ** (1 / temperature), -1)
    """),
    Wrong(TEMPERATURE, "softmax-over-the-first-dimension", r"dimension|\bdim\b", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() / temperature, 0)
    """),
    Wrong(TEMPERATURE, "softmax-over-the-second-dimension", r"dimension|\bdim\b|raised", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() / temperature, 1)
    """),
    Wrong(TEMPERATURE, "normalised-over-everything", r"dimension|\bdim\b|everything|sum", """
        def with_temperature(probs, temperature):
            z = probs.log() / temperature
            return z.flatten().softmax(0).view_as(probs)
    """),
    Wrong(TEMPERATURE, "largest-of-all-taken-off", r"NaN|row|underflow|largest|softmax|each", """
        def with_temperature(probs, temperature):
            z = probs.log() / temperature
            powers = (z - z.max()).exp()
            return powers / powers.sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "small-number-in-the-log", r"zero|\b0\b|small number|eps", """
        def with_temperature(probs, temperature):
            return torch.softmax((probs + 1e-8).log() / temperature, -1)
    """),
    Wrong(TEMPERATURE, "clamped", r"zero|\b0\b|clamp|small number|eps", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.clamp(min=1e-6).log() / temperature, -1)
    """),
    Wrong(TEMPERATURE, "clamped-very-low", r"zero|\b0\b|clamp|small number|eps", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.clamp(min=1e-12).log() / temperature, -1)
    """),
    Wrong(TEMPERATURE, "log-of-zero-set-to-zero", r"zero|\b0\b|-inf|infin", """
        def with_temperature(probs, temperature):
            logs = torch.where(probs > 0, probs.log(), 0.0)
            return torch.softmax(logs / temperature, -1)
    """),
    Wrong(TEMPERATURE, "infinity-to-zero", r"zero|\b0\b|-inf|infin", """
        def with_temperature(probs, temperature):
            logs = torch.nan_to_num(probs.log(), neginf=0.0)
            return torch.softmax(logs / temperature, -1)
    """),
    Wrong(TEMPERATURE, "zero-times-infinity", r"NaN", """
        def with_temperature(probs, temperature):
            z = probs.log() / temperature
            z = z - z.min(-1, keepdim=True).values
            return z.softmax(-1)
    """),
    Wrong(TEMPERATURE, "binary-logarithm", r"natural|log2|base", """
        def with_temperature(probs, temperature):
            return torch.softmax(torch.log2(probs) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "decimal-logarithm", r"natural|log10|base", """
        def with_temperature(probs, temperature):
            return torch.softmax(torch.log10(probs) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "log1p", None, """
        def with_temperature(probs, temperature):
            return torch.softmax(torch.log1p(probs) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "logarithms-returned", r"logarithm|\blog|exp", """
        def with_temperature(probs, temperature):
            return torch.log_softmax(probs.log() / temperature, -1)
    """),
    Wrong(TEMPERATURE, "scaled-logarithms-returned", r"logarithm|\blog|exp", """
        def with_temperature(probs, temperature):
            return probs.log() / temperature
    """),
    Wrong(TEMPERATURE, "divided-and-normalised", r"changes nothing", """
        def with_temperature(probs, temperature):
            scaled = probs / temperature
            return scaled / scaled.sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "subtracted", r"changes nothing", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() - temperature, -1)
    """),
    Wrong(TEMPERATURE, "divided", r"sum|normalis", """
        def with_temperature(probs, temperature):
            return probs / temperature
    """),
    Wrong(TEMPERATURE, "argmax", r"argmax|one-hot|largest|all (the )?mass|most probable", """
        def with_temperature(probs, temperature):
            return torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]).double()
    """),
    Wrong(TEMPERATURE, "temperature-twice", r"twice|T²|T\^2|squared", """
        def with_temperature(probs, temperature):
            z = probs.log() / temperature
            return torch.softmax(z / temperature, -1)
    """),
    Wrong(TEMPERATURE, "whole-powers", r"whole", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() * int(1 / temperature), -1)
    """),
    Wrong(TEMPERATURE, "rounded-powers", r"whole", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() * round(1 / temperature), -1)
    """),
    Wrong(TEMPERATURE, "floored-at-a-hundredth", r"border case", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() / max(temperature, 0.01), -1)
    """),
    Wrong(TEMPERATURE, "argmax-below-a-tenth", r"equally likely", """
        def with_temperature(probs, temperature):
            if temperature < 0.1:
                return torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]).to(probs.dtype)
            return torch.softmax(probs.log() / temperature, -1)
    """),
    Wrong(TEMPERATURE, "mixed-with-uniform", None, """
        def with_temperature(probs, temperature):
            return (probs + temperature / probs.shape[-1]) / (1 + temperature)
    """),
    Wrong(TEMPERATURE, "square-whatever-the-temperature", r"square", """
        def with_temperature(probs, temperature):
            return probs ** 2 / (probs ** 2).sum(-1, keepdim=True)
    """),
    Wrong(TEMPERATURE, "entropy-like", None, """
        def with_temperature(probs, temperature):
            return torch.softmax(torch.special.xlogy(probs, probs) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "sign", None, """
        def with_temperature(probs, temperature):
            return torch.softmax(-probs.log().clamp(min=-50) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "one-minus-temperature", None, """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() * (1 - temperature), -1)
    """),
    Wrong(TEMPERATURE, "divided-by-the-largest", r"sum|normalis", """
        def with_temperature(probs, temperature):
            return (probs / probs.amax(-1, keepdim=True)) ** (1 / temperature)
    """),
    Wrong(TEMPERATURE, "divided-by-the-sum-before", r"sum|normalis|NaN", """
        def with_temperature(probs, temperature):
            return (probs / probs.sum(-1, keepdim=True)) ** (1 / temperature)
    """),
    Wrong(TEMPERATURE, "keepdim-forgotten", r"raised|dimension|\bdim\b|sum|keepdim", """
        def with_temperature(probs, temperature):
            powers = (probs / probs.amax(-1, keepdim=True)) ** (1 / temperature)
            return powers / powers.sum(-1)
    """),
    Wrong(TEMPERATURE, "writes-into-the-probabilities", r"in place", """
        def with_temperature(probs, temperature):
            return probs.log_().div(temperature).softmax(-1)
    """),
    Wrong(TEMPERATURE, "draws", r"shape|dtype", """
        def with_temperature(probs, temperature):
            p = torch.softmax(probs.log() / temperature, -1)
            return torch.distributions.Categorical(p).sample()
    """),
    Wrong(TEMPERATURE, "math-log-of-a-tensor", r"raised", """
        import math

        def with_temperature(probs, temperature):
            return torch.softmax(math.log(probs) / temperature, -1)
    """),
    Wrong(TEMPERATURE, "list", r"a list", """
        def with_temperature(probs, temperature):
            return torch.softmax(probs.log() / temperature, -1).tolist()
    """),
    Wrong(TEMPERATURE, "rows-only", r"raised|shape", """
        def with_temperature(probs, temperature):
            B, K = probs.shape
            return torch.softmax(probs.log() / temperature, 1).view(B, K)
    """),
    Wrong(TEMPERATURE, "forgotten-return", r"return statement", """
        def with_temperature(probs, temperature):
            p = torch.softmax(probs.log() / temperature, -1)
    """),
    # ---- 08-5
    Wrong(PRICE, "nothing-visible", r"visible|conditional|given|earlier", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(entropy(p, [i]) for i in now) - entropy(p, now)
            return total
    """),
    Wrong(PRICE, "step-sees-itself", r"drawn together|itself", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] <= s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, {*seen, i}) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, {*seen, *now}) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "tokens-of-the-step-see-each-other", r"each other", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = -entropy(p, range(p.ndim))
            for i in range(p.ndim):
                seen = [j for j in range(p.ndim) if order[j] <= order[i] and j != i]
                total += entropy(p, seen + [i]) - entropy(p, seen)
            return total
    """),
    Wrong(PRICE, "one-after-the-other-in-the-step", r"drawn together", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total, seen = -entropy(p, range(p.ndim)), []
            for i in order.argsort(stable=True).tolist():
                total += entropy(p, seen + [i]) - entropy(p, seen)
                seen.append(i)
            return total
    """),
    Wrong(PRICE, "later-steps-visible", r"earlier|later|order|backward|revers", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] > s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "only-the-step-before-visible", r"earlier|all|step before|previous", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] == s - 1]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "everything-else-visible", r"other steps", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] != s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "last-step-forgotten", r"last", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = torch.tensor(0.0, dtype=p.dtype)
            for s in range(1, int(order.max())):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "steps-counted-from-zero", r"last|from 1|1\.\.L", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = torch.tensor(0.0, dtype=p.dtype)
            for s in range(len(order.unique())):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "first-step-only", r"first|return|all steps|each step", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
                return total
    """),
    Wrong(PRICE, "last-step-only", r"last|all steps|sum over|each step", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total = alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "mean-over-the-steps", r"mean|average|divi|sum", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            costs = []
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                costs.append(alone - (entropy(p, seen + now) - entropy(p, seen)))
            return torch.stack(costs).mean()
    """),
    Wrong(PRICE, "mean-over-the-positions", r"mean|average|divi|per (token|position)", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum() / p.ndim
    """),
    Wrong(PRICE, "bits", r"\bbits\b", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log2()).sum()
    """),
    Wrong(PRICE, "minus", r"sign|minus|negative", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (q / p).log()).sum()
    """),
    Wrong(PRICE, "entropies-without-minus", r"sign|minus|negative", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return (m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "divergence-turned-round", r"KL\(output", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (q * (q / p).log()).sum()
    """),
    Wrong(PRICE, "kl-div-with-its-arguments-swapped", r"KL\(output", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return torch.nn.functional.kl_div(p.log(), q, reduction="sum")
    """),
    Wrong(PRICE, "kl-div-averaged", r"averaged over the texts", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return torch.nn.functional.kl_div(q.log(), p)
    """),
    Wrong(PRICE, "log-quotients-not-weighed", r"weigh", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p / q).log().mean()
    """),
    Wrong(PRICE, "cross-entropy", r"cross.entropy|entropy", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return -(p * q.log()).sum()
    """),
    Wrong(PRICE, "total-variation", r"total variation", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p - q).abs().sum() / 2
    """),
    Wrong(PRICE, "perplexity", None, """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum().exp()
    """),
    Wrong(PRICE, "conditional-entropies-only", r"entropy|together|joint|cross|subtract", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for i in range(p.ndim):
                seen = [j for j in range(p.ndim) if order[j] < order[i]]
                total += entropy(p, seen + [i]) - entropy(p, seen)
            return total
    """),
    Wrong(PRICE, "entropy-of-the-language", r"H\(X\)", """
        def price(p, order):
            return -(p * p.log()).sum()
    """),
    Wrong(PRICE, "order-not-used", r"order|step|all at once|one step", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                q = q * p.sum([j for j in range(p.ndim) if j != i], keepdim=True)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "zero-by-the-perfect-denoiser", r"always 0", """
        def price(p, order):
            return torch.zeros((), dtype=torch.float64)
    """),
    Wrong(PRICE, "dimensions-that-stay-summed", r"summed over", """
        def entropy(p, keep):
            m = p.sum(list(keep)) if len(keep) else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "empty-list-of-dimensions", r"empty list", """
        def entropy(p, keep):
            m = p.sum(dim=[i for i in range(p.ndim) if i not in keep])
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                total += alone - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "empty-list-of-dimensions-in-the-law", r"empty list", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * p.sum(rest, keepdim=True) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "given-only-for-the-single-ones", r"visible|given|together|conditional", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now) - entropy(p, now)
            return total
    """),
    Wrong(PRICE, "given-only-for-the-group", r"condition each position", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(entropy(p, [i]) for i in now) - (entropy(p, seen + now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "visible-taken-off-once", r"H\(S\) is not subtracted", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(entropy(p, seen + [i]) for i in now) - entropy(p, seen + now)
            return total
    """),
    Wrong(PRICE, "visible-taken-off-the-marginal", r"not H\(A\) - H\(S\)", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(entropy(p, [i]) - entropy(p, seen) for i in now) - (entropy(p, now) - entropy(p, seen))
            return total
    """),
    Wrong(PRICE, "argsort-for-the-order", r"order\[i\]", """
        def price(p, order):
            order = order.argsort()
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "information-of-pairs", None, """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            total = 0.0
            for i in range(p.ndim):
                for j in range(i):
                    if order[i] == order[j]:
                        seen = [k for k in range(p.ndim) if order[k] < order[i]]
                        total += entropy(p, seen + [i]) + entropy(p, seen + [j])
                        total -= entropy(p, seen) + entropy(p, seen + [i, j])
            return total
    """),
    Wrong(PRICE, "contexts-equally-likely", None, """
        def price(p, order):
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                m = p.sum([i for i in range(p.ndim) if order[i] > s], keepdim=True) if s < order.max() else p
                joint = m / m.sum(now, keepdim=True)
                alone = torch.ones_like(joint)
                for i in now:
                    rest = [j for j in now if j != i]
                    alone = alone * (joint.sum(rest, keepdim=True) if rest else joint)
                total += (joint * (joint / alone).log()).sum() / joint.sum()
            return total
    """),
    Wrong(PRICE, "product-not-divided-by-what-is-visible", r"division by p\(visible\)", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                rest = [j for j in range(p.ndim) if order[j] >= order[i] and j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "one-number-a-step", r"shape", """
        def entropy(p, keep):
            drop = [i for i in range(p.ndim) if i not in keep]
            m = p.sum(drop) if drop else p
            return -(m * m.log()).sum()

        def price(p, order):
            costs = []
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                alone = sum(entropy(p, seen + [i]) - entropy(p, seen) for i in now)
                costs.append(alone - (entropy(p, seen + now) - entropy(p, seen)))
            return torch.stack(costs)
    """),
    Wrong(PRICE, "not-summed-over-the-texts", r"shape", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return p * (p / q).log()
    """),
    Wrong(PRICE, "three-positions-whatever-n", r"raised", """
        def price(p, order):
            a, b, c = order.tolist()
            return torch.tensor(0.0)
    """),
    Wrong(PRICE, "positions-from-one", r"raised", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(1, p.ndim + 1):
                later = [j for j in range(1, p.ndim + 1) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "dimensions-lost-by-summing", r"keepdim", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest) if rest else p) / p.sum(later)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "writes-into-the-order", r"in place", """
        def price(p, order):
            order -= 1
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum()
    """),
    Wrong(PRICE, "two-numbers", r"a tuple", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            return (p * (p / q).log()).sum(), q
    """),
    Wrong(PRICE, "forgotten-return", r"return statement", """
        def price(p, order):
            q = torch.ones_like(p)
            for i in range(p.ndim):
                later = [j for j in range(p.ndim) if order[j] >= order[i]]
                rest = [j for j in later if j != i]
                q = q * (p.sum(rest, keepdim=True) if rest else p) / p.sum(later, keepdim=True)
            kl = (p * (p / q).log()).sum()
    """),
    Wrong(REVEAL, "small-number-below", r"has no smallest value", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            return (b - a) / (b + 1e-8)
    """),
    Wrong(REVEAL, "level-before-clamped", r"has no smallest value", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            return (b - a) / b.clamp(min=1e-12)
    """),
    Wrong(REVEAL, "small-levels-taken-for-0", r"has no smallest value", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            p = 1 - a / b
            p[b < 1e-6] = 1
            return p
    """),
    Wrong(REVEAL, "rate-read-as-the-visible-share",
          r"^(?!.*(not finite|divided by what is visible)).*read as the share that is .visible", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            return (a - b) / (1 - b)
    """),
    Wrong(REVEAL, "rate-read-as-the-visible-share-with-a-small-number", r"read as the share that is .visible", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            return (b - a) / (1 - b + 1e-8)
    """),
    Wrong(REVEAL, "widths-added-up", r"49 widths", """
        def reveal_probabilities(rate, num_steps):
            L = num_steps
            x = rate(torch.arange(L + 1, dtype=torch.float64) / L)
            b, a = x[:-1], x[1:]
            x = rate(torch.arange(0, 1 + 1 / L, 1 / L, dtype=torch.float64).clamp(max=1))
            return 1 - x[1:] / x[:-1]
    """),
    Wrong(REVEAL, "hazard-times-step", r"r'/r at the start", """
        def reveal_probabilities(rate, num_steps):
            L, h = num_steps, 1e-5
            s = torch.arange(L, dtype=torch.float64) / L
            hazard = (rate(s) - rate(s + h)) / h / rate(s)
            p = (hazard / L).clamp(0, 1)
            p[-1] = 1
            return p
    """),
    Wrong(REVEAL, "hazard-times-step-2", r"this is made of \-r'/r at", """
        def reveal_probabilities(rate, num_steps):
            s = torch.arange(num_steps, dtype=torch.float64) / num_steps
            h = 1e-6
            slope = (rate(s + h) - rate(s)) / h
            p = 1 - torch.exp(slope / rate(s) / num_steps)
            p[-1] = 1.0
            return p
    """),
    Wrong(REVEAL, "stops-before-the-end", r"the progress ends before 1: masks", """
        def reveal_probabilities(rate, num_steps):
            eps = 1e-3
            s = torch.linspace(0, 1 - eps, num_steps + 1, dtype=torch.float64)
            r = rate(s)
            return (r[:-1] - r[1:]) / r[:-1]
    """),
    Wrong(REVEAL, "survival-by-subtracting", r"what is still masked is multiplied", """
        def reveal_probabilities(rate, num_steps):
            r = rate(torch.linspace(0, 1, num_steps + 1, dtype=torch.float64))
            mass = r[:-1] - r[1:]
            alive, out = 1.0, []
            for m in mass.tolist():
                p = m / alive if alive > 0 else 1.0
                out.append(min(p, 1.0))
                alive = alive - out[-1]
            return torch.tensor(out, dtype=torch.float64)
    """),
    Wrong(STEP, "two-likeliest-only", r"four letters", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            K = logits.shape[-1]
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.masked_fill(z < z.topk(2).values[..., -1:], -torch.inf).softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "nothing-below-5-percent", r"four letters", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            p = p * (p > 0.05)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "nothing-below-1-5-percent", r"four letters", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            p = p * (p > 0.015)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "bernoulli-of-two-letters", r"four letters", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            one, two = [k for k in range(logits.shape[-1]) if k != mask_id][:2]
            share = p[..., one] / (p[..., one] + p[..., two])
            draws = torch.where(torch.rand(xt.shape, generator=generator) < share, one, two)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "mask-first-or-last", r"mask may be any state", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., 0 if mask_id == 0 else -1] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-of-hundredths", r"small probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.randint(100, xt.shape, generator=generator) / 100 < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "coin-of-eight-bits", r"small probability", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.randint(256, xt.shape, generator=generator) / 256 < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "logit-of-the-mask-minus-100", r"only differences of logits", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -100.0
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "generator-copied", r"second call", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            generator = torch.Generator().manual_seed(generator.initial_seed())
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "generator-put-back-at-the-end", r"second call", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            s0 = generator.get_state()
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return (generator.set_state(s0), torch.where((xt == mask_id) & coin, draws, xt))[1]
    """),
    Wrong(STEP, "coins-by-a-copy", r"coins follow the generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            c = torch.Generator().manual_seed(generator.initial_seed())
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=c) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "tokens-by-a-copy", r"coins follow the generator", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            c = torch.Generator().manual_seed(generator.initial_seed())
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=c).reshape(xt.shape)
            coin = torch.rand(xt.shape, generator=generator) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "the-surest-revealed", r"^(?!.*coins are the same).*same positions revealed", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            sure = p.amax(-1).masked_fill(xt != mask_id, -1.0)
            rank = sure.argsort(1, descending=True).argsort(1) + 0.5
            coin = rank / (xt == mask_id).sum(1, keepdim=True) < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "exact-share-of-the-batch", r"just the given share", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            m = xt == mask_id
            number = torch.where(m, torch.rand(xt.shape, generator=generator), 2).flatten()
            coin = (number.argsort().argsort().reshape(xt.shape) + 0.5) / m.sum() < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "antithetic-coins", r"tells of another", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            z = logits.clone()
            z[..., mask_id] = -torch.inf
            p = z.softmax(-1)
            draws = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
            u = torch.rand((len(xt) + 1) // 2, xt.shape[1], generator=generator)
            coin = torch.cat([u, 1 - u])[:len(xt)] < reveal_probability
            return torch.where((xt == mask_id) & coin, draws, xt)
    """),
    Wrong(STEP, "rare-tokens-cut", r"each of the four letters", """
        def step(logits, xt, reveal_probability, mask_id, generator):
            B, n, K = logits.shape
            probs = torch.softmax(logits.index_fill(-1, torch.tensor([mask_id]), -torch.inf), dim=-1)
            probs = torch.where(probs < 0.01 * probs.amax(-1, keepdim=True), 0.0, probs)
            draws = torch.multinomial(probs.reshape(B * n, K), 1, generator=generator).reshape(B, n)
            coin = torch.rand(B, n, generator=generator) < reveal_probability
            return torch.where(coin & (xt == mask_id), draws, xt)
    """),
    Wrong(ONE, "generator-copied", r"second call", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            generator = torch.Generator().manual_seed(generator.initial_seed())
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "order-by-a-copy", r"some draws are the same", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            c = torch.Generator().manual_seed(generator.initial_seed())
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=c)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "tokens-by-a-copy", r"some draws are the same", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            c = torch.Generator().manual_seed(generator.initial_seed())
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=c).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "order-by-seed-0", r"some draws are the same", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "tokens-by-seed-0", r"some draws are the same", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            c = torch.Generator().manual_seed(0)
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=c).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "two-likeliest-only", r"four letters", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p * (p >= p.topk(2).values[:, -1:]), 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "nothing-below-5-percent", r"four letters", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p * (p > 0.05), 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "bernoulli-of-two-letters", r"four letters", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).any():
                c = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, c]
                a, b = [k for k in range(p.shape[1]) if k != mask_id][:2]
                t = torch.where(torch.rand(len(x), generator=generator) < p[:, a], a, b)
                x[rows, c] = torch.where(x[rows, c] == mask_id, t, x[rows, c])
            return x
    """),
    Wrong(ONE, "all-positions-in-as-many-steps-as-masks", r"no text may keep a mask", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            order = torch.rand(x.shape, generator=generator).argsort(1)
            for s in range(int((template == mask_id).sum(1).max())):
                i = order[:, s]
                t = torch.multinomial(denoiser(x)[rows, i].clamp(min=0) + 1e-30, 1, generator=generator).squeeze(1)
                x[rows, i] = torch.where(x[rows, i] == mask_id, t, x[rows, i])
            return x
    """),
    Wrong(ONE, "until-no-text-is-masks-only", r"no text may keep a mask", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while (x == mask_id).all(1).any() or ((x == mask_id).any() and (template == mask_id).all(1).any()):
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(ONE, "nothing-revealed", r"^(?!.*seed).*nothing is revealed", """
        def one_at_a_time(denoiser, template, mask_id, generator):
            x, rows = template.clone(), torch.arange(len(template))
            B, n = x.shape
            place = torch.rand(x.shape, generator=generator)
            while False:
                chosen = torch.where(x == mask_id, place, -1.0).argmax(-1)
                p = denoiser(x)[rows, chosen]
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(-1)
                x[rows, chosen] = torch.where(x[rows, chosen] == mask_id, drawn, x[rows, chosen])
            return x
    """),
    Wrong(TEMPERATURE, "temperature-of-a-hundredth-at-least", r"^(?!.*stay with log).*however low", """
        def with_temperature(probs, temperature):
            T = temperature
            T = max(T, 0.01)
            return (probs.log() / T).softmax(-1)
    """),
    Wrong(TEMPERATURE, "small-number-added-to-the-temperature", r"^(?!.*stay with log).*however low", """
        def with_temperature(probs, temperature):
            T = temperature
            return (probs.log() / (T + 1e-6)).softmax(-1)
    """),
    Wrong(TEMPERATURE, "temperature-of-10-at-most", r"smallest or a largest", """
        def with_temperature(probs, temperature):
            T = temperature
            T = min(T, 10)
            return (probs.log() / T).softmax(-1)
    """),
    Wrong(TEMPERATURE, "clamped-at-the-smallest-float32", r"smallest or a largest", """
        def with_temperature(probs, temperature):
            T = temperature
            return (probs.clamp(min=1e-38).log() / T).softmax(-1)
    """),
    Wrong(TEMPERATURE, "rare-states-dropped", r"smallest or a largest", """
        def with_temperature(probs, temperature):
            T = temperature
            return (torch.where(probs > 1e-12, probs, torch.zeros_like(probs)).log() / T).softmax(-1)
    """),
    Wrong(TEMPERATURE, "logarithms-clamped-at-minus-100", r"smallest or a largest", """
        def with_temperature(probs, temperature):
            T = temperature
            return (probs.log().clamp(min=-100) / T).softmax(-1)
    """),
    Wrong(TEMPERATURE, "log-odds", r"these are the log\-odds, log\(p/\(1\-p\)\), of", """
        def with_temperature(probs, temperature):
            logits = torch.logit(probs.double(), eps=1e-300)
            return torch.softmax(logits / temperature, dim=-1)
    """),
    Wrong(PRICE, "a-thousandth-in-the-logarithm", r"clamped or dropped", """
        def price(p, order):
            def H(keep):
                drop = [i for i in range(p.ndim) if i not in keep]
                m = p.sum(drop) if drop else p
                return -(m * (m + 1e-3).log()).sum()
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(H(seen + [i]) - H(seen) for i in now) - (H(seen + now) - H(seen))
            return total
    """),
    Wrong(PRICE, "small-number-in-the-logarithm", r"clamped or dropped", """
        def price(p, order):
            def H(keep):
                drop = [i for i in range(p.ndim) if i not in keep]
                m = p.sum(drop) if drop else p
                return -(m * (m + 1e-5).log()).sum()
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(H(seen + [i]) - H(seen) for i in now) - (H(seen + now) - H(seen))
            return total
    """),
    Wrong(PRICE, "rare-texts-dropped", r"clamped or dropped", """
        def price(p, order):
            def H(keep):
                drop = [i for i in range(p.ndim) if i not in keep]
                m = p.sum(drop) if drop else p
                return -(m[m > 1e-2] * m[m > 1e-2].log()).sum()
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(H(seen + [i]) - H(seen) for i in now) - (H(seen + now) - H(seen))
            return total
    """),
    Wrong(PRICE, "very-small-number-in-the-logarithm", r"without clamps", """
        def price(p, order):
            def H(keep):
                drop = [i for i in range(p.ndim) if i not in keep]
                m = p.sum(drop) if drop else p
                return -(m * (m + 1e-6).log()).sum()
            total = 0.0
            for s in range(1, int(order.max()) + 1):
                seen = [i for i in range(p.ndim) if order[i] < s]
                now = [i for i in range(p.ndim) if order[i] == s]
                total += sum(H(seen + [i]) - H(seen) for i in now) - (H(seen + now) - H(seen))
            return total
    """),
    Wrong(PRICE, "groupby-without-sorting", r"the positions of a step that", """
        from itertools import groupby

        def H(p, keep):
            drop = [i for i in range(p.dim()) if i not in keep]
            q = p.sum(dim=drop) if drop else p
            return -torch.xlogy(q, q).sum()

        def price(p, order):
            steps = [int(o) for o in order]
            total = torch.tensor(0.0, dtype=p.dtype)
            for l, group in groupby(range(len(steps)), key=lambda i: steps[i]):
                now = list(group)
                seen = [i for i in range(len(steps)) if steps[i] < l]
                base = H(p, seen)
                total += sum(H(p, seen + [i]) - base for i in now) - (H(p, seen + now) - base)
            return total
    """),
    Wrong(PRICE, "rare-texts-ignored", r"small probabilities are clamped or dropped,", """
        def H(p, keep):
            drop = tuple(i for i in range(p.dim()) if i not in keep)
            q = p.sum(dim=drop) if drop else p
            q = q[q > 1e-3]
            return -(q * q.log()).sum()

        def price(p, order):
            order = torch.as_tensor(order)
            total = 0.0
            for l in order.unique().tolist():
                now = (order == l).nonzero().flatten().tolist()
                seen = (order < l).nonzero().flatten().tolist()
                single = sum(H(p, seen + [i]) - H(p, seen) for i in now)
                total = total + single - (H(p, seen + now) - H(p, seen))
            return torch.as_tensor(total, dtype=p.dtype)
    """),
    Wrong(PRICE, "sum-over-pairs", r"these are the informations that pairs", """
        from itertools import combinations

        def H(p, keep):
            drop = tuple(i for i in range(p.dim()) if i not in keep)
            q = p.sum(dim=drop) if drop else p
            return -(q * q.log()).sum()

        def price(p, order):
            order = [int(o) for o in order]
            total = torch.zeros((), dtype=torch.float64)
            for i, j in combinations(range(len(order)), 2):
                if order[i] == order[j]:
                    S = [k for k in range(len(order)) if order[k] < order[i]]
                    total += H(p, S + [i]) + H(p, S + [j]) - H(p, S + [i, j]) - H(p, S)
            return total
    """),
    Wrong(PRICE, "visible-entropy-counted-once", r"H\(S\) is subtracted once for a", """
        def H(p, keep):
            drop = tuple(i for i in range(p.dim()) if i not in keep)
            q = p.sum(dim=drop) if drop else p
            return -(q * q.log()).sum()

        def price(p, order):
            order = [int(o) for o in order]
            cost = torch.zeros((), dtype=p.dtype)
            for l in sorted(set(order)):
                now = [i for i, o in enumerate(order) if o == l]
                if len(now) == 1:
                    continue
                seen = [i for i, o in enumerate(order) if o < l]
                alone = sum(H(p, seen + [i]) for i in now)
                cost = cost + alone - H(p, seen + now) - H(p, seen)
            return cost
    """),
    Wrong(PRICE, "steps-are-runs", r"the positions of a step that", """
        import itertools
        def price(p, order):
            n = p.dim()
            def H(keep):
                if not keep:
                    return 0.0
                drop = [i for i in range(n) if i not in keep]
                q = p.sum(dim=drop) if drop else p
                return float(-(q * q.log()).sum())
            total, seen = 0.0, []
            for _, run in itertools.groupby(range(n), key=lambda i: int(order[i])):
                A = list(run)
                total += sum(H(seen + [i]) - H(seen) for i in A) - (H(seen + A) - H(seen))
                seen += A
            return torch.tensor(total, dtype=torch.float64)
    """),
]


def has_four_letters(cases):
    return any(case.args[0].shape[-1] == 5 for case in cases)


def has_a_batch_of_every_size(cases):
    shapes = [case.args[1].shape for case in cases]
    return all(any(holds(*shape) for shape in shapes) for holds in (
        lambda b, n: 1 < b < n, lambda b, n: b == n, lambda b, n: b > n, lambda b, n: b == 1))


TABLE = {
    REVEAL: {
        "rare mass": ("small-number-below", "level-before-clamped", "small-levels-taken-for-0"),
        "odd rates": lambda cases: any(case.args[0].outer not in (1, 1.5, 2) for case in cases),
        "ends of time": ("never-reaches-the-end", "last-one-zero", "divided-by-the-first-level", "levels-before"),
        "long or many": ("widths-added-up",),
        "both floats": "the rates are always float64, as the text says",
        **no("takes a function and a number", "shapes", "letters"),
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS,
    },
    STEP: {
        **dict.fromkeys(("two calls", "batch sizes", "both floats", "large logits"), True),
        "letters": has_four_letters,
        "odd rates": lambda cases: {0.004, 0.37, 0.617, 0.83} <= {case.args[2] for case in cases},
        "ordinary batch": lambda cases: any(bool((case.args[1] == case.args[3]).any(1).all()) and
                                            not bool((case.args[1] == case.args[3]).all(1).any()) for case in cases),
        "across the batch": ("one-coin-for-two-texts", "coins-shifted-from-text-to-text", "antithetic-tokens",
                             "antithetic-coins", "exact-share-of-the-batch"),
        "along the text": ("coin-for-neighbours", "one-uniform-for-the-tokens-of-a-text", "one-coin-a-text"),
        "rare mass": "a letter rarer than 1e-12 never comes up; the rare one has a probability of 0.01",
        "long or many": "nothing is multiplied or counted along the text",
        "shapes": "logits have three dimensions",
        "-inf": "the logits of a network are finite; that of the mask becomes -inf in the answer",
        "ends of time": ("all-revealed", "nothing-happens"),
        **NO_CHAIN,
    },
    ONE: {
        "two calls": True,
        "letters": lambda cases: any(case.args[0].vocab_size == 4 for case in cases),
        "batch sizes": has_a_batch_of_every_size,
        "ordinary batch": ("all-positions-in-as-many-steps-as-masks", "until-no-text-is-masks-only"),
        "across the batch": ("one-order-for-two-texts", "one-order-rolled-from-text-to-text", "antithetic-texts"),
        "along the text": ("left-preferred", "score-used-again-for-the-token", "one-uniform-a-text-for-all-steps"),
        "odd rates": "takes no rate",
        "rare mass": "a letter rarer than 1e-12 never comes up; the rare one has a probability of 0.03",
        "long or many": "nothing is multiplied or counted along the text",
        "shapes": "templates have two dimensions",
        "both floats": "the probabilities are only drawn from",
        **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
    TEMPERATURE: {
        "rare mass": True,
        "both floats": True,
        "shapes": lambda cases: {(1,), (5,), (2, 3, 4)} <= {tuple(case.args[0].shape) for case in cases},
        "odd rates": lambda cases: {0.3, 0.7, 0.08} <= {case.args[1] for case in cases},
        "letters": lambda cases: any(case.args[0].shape[-1] == 4 for case in cases),
        "-inf": ("log-of-zero-set-to-zero", "infinity-to-zero", "zero-times-infinity"),
        "large logits": "takes probabilities; their powers are those of 1/T up to 2000",
        "long or many": "nothing is multiplied or counted along the text",
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_TIME,
    },
    PRICE: {
        "rare mass": True,
        "letters": lambda cases: any(case.args[0].shape[0] == 4 for case in cases),
        "long or many": "a table of all texts is short",
        "odd rates": "takes no rate",
        "shapes": "p has a dimension for each position, and n is 3, 4 and 5",
        "both floats": "p is float64, as the text says",
        **DRAWS_NOTHING, **NO_TEXTS, **NO_CHAIN, **NO_LOGITS, **NO_TIME,
    },
}

TOPIC = Topic("08_mdlm_sampling", FUNCTIONS, RIGHT, WRONG, samplers=(STEP, ONE), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {REVEAL: "of-all-tokens", STEP: "one-coin-a-text", ONE: "asked-once", PRICE: "log-space"}   # noqa: RUF012


class TestSamplerOfAStep(SamplerTests):
    topic = TOPIC
    task = STEP
    steady = ("multinomial-and-where", "exponential-race", "stay-as-one-more-outcome",
              "numpy-seeded-by-the-generator-int32")
    never = ("generator-copied", "coins-by-a-copy", "tokens-by-a-copy", "two-likeliest-only",
             "nothing-below-1-5-percent", "coin-of-hundredths", "exact-share-of-the-batch", "one-coin-for-two-texts",
             "coins-shifted-from-text-to-text", "coin-for-neighbours",
             "mass-of-the-mask-shared-equally", "right-number-at-random-but-the-surest", "antithetic-tokens",
             "normal-noise-for-gumbel")


class TestSamplerOfOneAtATime(SamplerTests):
    topic = TOPIC
    task = ONE
    steady = ("scores-drawn-once", "a-new-position-in-each-step", "ranks-and-gumbel",
              "numpy-seeded-by-the-generator-int32")
    never = ("generator-copied", "order-by-a-copy", "tokens-by-a-copy", "order-by-seed-0", "tokens-by-seed-0",
             "two-likeliest-only", "nothing-below-5-percent", "all-positions-in-as-many-steps-as-masks",
             "two-at-a-time", "left-preferred", "next-mask-after-a-random-position", "one-order-for-two-texts",
             "one-order-rolled-from-text-to-text", "antithetic-texts", "score-used-again-for-the-token")
