"""Do the checks of topic 05 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, SamplerTests, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_LOGITS, NO_TEXTS, NO_TIME, no

RHO = "05-1-rho"
POSTERIOR = "05-2-absorbing-posterior"
CARRY = "05-3-carry-over"
LOSS = "05-4-weighted-loss"
SINGLE = "05-5-single-term"
FUNCTIONS = {RHO: "rho", POSTERIOR: "absorbing_posterior", CARRY: "carry_over", LOSS: "weighted_loss",
             SINGLE: "single_term"}


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    # ---- 05-1
    Right(RHO, "cumprod-and-a-one-in-front", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1, dtype=beta.dtype), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar)
    """),
    Right(RHO, "loop-over-python-numbers", """
        def rho(beta):
            out = []
            alpha_bar = 1.0
            for b in beta.tolist():
                after = alpha_bar * (1 - b)
                out.append(b * alpha_bar / (1 - after))
                alpha_bar = after
            return torch.tensor(out)
    """),
    Right(RHO, "differences-of-the-mask-rate", """
        def rho(beta):
            lam = 1 - (1 - beta).cumprod(0)
            return torch.diff(lam, prepend=lam.new_zeros(1)) / lam
    """),
    Right(RHO, "numpy-array-returned", """
        def rho(beta):
            b = beta.numpy()
            ab = np.cumprod(1 - b)
            return b * np.r_[1.0, ab[:-1]] / (1 - ab)
    """),
    Right(RHO, "recursion", """
        def rho(beta):
            def alpha_bar(t):
                return 1.0 if t == 0 else alpha_bar(t - 1) * (1 - float(beta[t - 1]))

            result = torch.zeros(len(beta))
            for t in range(1, len(beta) + 1):
                result[t - 1] = float(beta[t - 1]) * alpha_bar(t - 1) / (1 - alpha_bar(t))
            return result
    """),
    Right(RHO, "roll-float32", """
        def rho(beta):
            beta = beta.float()
            alpha_bar = torch.cumprod(1 - beta, dim=0)
            prev = alpha_bar.roll(1)
            prev[0] = 1
            return beta * prev / (1 - alpha_bar)
    """),
    Right(RHO, "fresh-masks-over-all-masks", """
        def rho(beta):
            alpha_bar = torch.ones(len(beta) + 1, dtype=torch.float64)
            for t, b in enumerate(beta):
                alpha_bar[t + 1] = alpha_bar[t] * (1 - b)
            fresh = beta * alpha_bar[:-1]
            return fresh / fresh.cumsum(0)
    """),
    Right(RHO, "logarithms", """
        def rho(beta):
            log_ab = torch.log1p(-beta).cumsum(0)
            before = torch.cat([torch.zeros(1), log_ab[:-1]]).exp()
            return -beta * before / torch.expm1(log_ab)
    """),
    Right(RHO, "one-minus-the-old-ones", """
        def rho(beta):
            lam = [torch.zeros(())]
            for b in beta:
                lam.append(lam[-1] + (1 - lam[-1]) * b)
            lam = torch.stack(lam)
            return 1 - lam[:-1] / lam[1:]
    """),
    Right(RHO, "triangle-of-products", """
        def rho(beta):
            T = beta.shape[0]
            steps = torch.arange(T)
            earlier = steps[None, :] < steps[:, None]
            factors = torch.where(earlier, 1 - beta, torch.ones(T, T, dtype=beta.dtype))
            before = factors.prod(1)
            return beta * before / (1 - before * (1 - beta))
    """),
    Right(RHO, "matrices-of-two-states", """
        def rho(beta):
            p = torch.tensor([1.0, 0.0], dtype=beta.dtype)       # visible, masked
            values = []
            for b in beta:
                Q = torch.tensor([[1 - b, 0], [b, 1]], dtype=beta.dtype)
                after = Q @ p
                values.append(Q[1, 0] * p[0] / after[1])         # Bayes
                p = after
            return torch.stack(values)
    """),

    # ---- 05-2
    Right(POSTERIOR, "comparison-and-where", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            states = torch.arange(num_states)
            r = rho[:, None, None]
            revealed = r * (x0[..., None] == states) + (1 - r) * (states == mask_id)
            visible = (xt[..., None] == states).to(rho.dtype)
            return torch.where((xt == mask_id)[..., None], revealed, visible)
    """),
    Right(POSTERIOR, "three-loops", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            batch, n = xt.shape
            q = torch.zeros(batch, n, num_states)
            for b in range(batch):
                for i in range(n):
                    for k in range(num_states):
                        if xt[b, i] != mask_id:
                            q[b, i, k] = float(k == xt[b, i])
                        else:
                            q[b, i, k] = rho[b] * (k == x0[b, i]) + (1 - rho[b]) * (k == mask_id)
            return q
    """),
    Right(POSTERIOR, "functional-one-hot", """
        import torch.nn.functional as F

        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            masked = (xt == mask_id).unsqueeze(-1)
            old = F.one_hot(xt, num_states).to(rho)
            true = F.one_hot(x0, num_states).to(rho)
            rho = rho.reshape(-1, 1, 1)
            return masked * (rho * true + (1 - rho) * old) + ~masked * old
    """),
    Right(POSTERIOR, "no-cases-at-all", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            # a visible token has x_t = x_0: the mixture is one-hot by itself
            x = torch.eye(num_states, dtype=rho.dtype)
            return torch.lerp(x[xt], x[x0], rho[:, None, None])
    """),
    Right(POSTERIOR, "scatter-add", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            r = rho[:, None, None].expand(*x0.shape, 1)
            q = torch.zeros(*x0.shape, num_states, dtype=rho.dtype)
            q.scatter_add_(-1, xt.unsqueeze(-1), 1 - r)
            q.scatter_add_(-1, x0.unsqueeze(-1), r)
            return q
    """),
    Right(POSTERIOR, "numpy-array-returned", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye = np.eye(num_states)
            r = rho.numpy().reshape(-1, 1, 1)
            mixture = r * eye[x0.numpy()] + (1 - r) * eye[mask_id]
            return np.where(xt.numpy()[..., None] == mask_id, mixture, eye[xt.numpy()])
    """),
    Right(POSTERIOR, "boolean-indices", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            out = torch.zeros(xt.shape + (num_states,), dtype=torch.float64)
            b, i = torch.where(xt == mask_id)
            out[b, i, x0[b, i]] = rho[b].double()
            out[b, i, mask_id] = 1 - rho[b].double()
            b, i = torch.where(xt != mask_id)
            out[b, i, xt[b, i]] = 1.0
            return out
    """),
    Right(POSTERIOR, "einsum-float32", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states)
            share = torch.where(xt == mask_id, rho.float()[:, None], 1.0)       # (batch, n)
            return torch.einsum("bi,bik->bik", share, e[x0]) + torch.einsum("bi,k->bik", 1 - share, e[mask_id])
    """),
    Right(POSTERIOR, "sequence-after-sequence", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            def token(now, clean, r):
                q = [0.0] * num_states
                q[now] += 1 - r
                q[clean] += r
                return q

            return torch.stack([torch.tensor([token(a, b, r) for a, b in zip(now, clean)])
                                for now, clean, r in zip(xt.tolist(), x0.tolist(), rho.tolist())])
    """),
    Right(POSTERIOR, "one-minus-what-stays", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            stays = (1 - rho)[:, None, None]
            e = torch.eye(num_states, dtype=rho.dtype)
            return torch.where((xt == mask_id)[..., None], (1 - stays) * e[x0] + stays * e[mask_id], e[xt])
    """),
    Right(POSTERIOR, "masked-where-it-differs", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            hidden = xt != x0
            q = torch.nn.functional.one_hot(xt, num_states).to(rho.dtype)
            r = rho.view(-1, 1).expand_as(xt)[hidden]
            q[hidden] = (1 - r)[:, None] * q[hidden]
            letters = q[hidden]
            letters[torch.arange(len(letters)), x0[hidden]] = r
            q[hidden] = letters
            return q
    """),

    # ---- 05-3
    Right(CARRY, "allowed-states", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            masked = (xt == mask_id)[..., None]
            allowed = torch.where(masked, states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf)
    """),
    Right(CARRY, "loops", """
        def carry_over(logits, xt, mask_id):
            out = torch.full(logits.shape, float("-inf"), dtype=logits.dtype)
            for b in range(xt.shape[0]):
                for i in range(xt.shape[1]):
                    if xt[b, i] == mask_id:
                        for k in range(logits.shape[2]):
                            if k != mask_id:
                                out[b, i, k] = logits[b, i, k]
                    else:
                        out[b, i, xt[b, i]] = 0.0
            return out
    """),
    Right(CARRY, "the-lowest-finite-number", """
        def carry_over(logits, xt, mask_id):
            low, out = torch.finfo(logits.dtype).min, logits.clone()
            hidden = xt.eq(mask_id)
            out[hidden, mask_id] = low
            seen = torch.full_like(logits, low).scatter(2, xt.unsqueeze(2), 0.0)
            out[~hidden] = seen[~hidden]
            return out
    """),
    Right(CARRY, "clone-and-assign", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            b, i = torch.nonzero(xt != mask_id, as_tuple=True)
            out[b, i] = -torch.inf
            out[b, i, xt[b, i]] = 0
            return out
    """),
    Right(CARRY, "masked-fill", """
        import torch.nn.functional as F

        def carry_over(logits, xt, mask_id):
            K = logits.size(-1)
            token = F.one_hot(xt, K).bool()
            # not at a mask: everything but the token; at a mask: the token, which is the mask
            forbidden = token ^ (xt != mask_id).unsqueeze(-1)
            return logits.masked_fill(forbidden, float("-inf"))
    """),
    Right(CARRY, "scatter", """
        def carry_over(logits, xt, mask_id):
            nothing = torch.full_like(logits, -torch.inf)
            kept = nothing.scatter(-1, xt[..., None], 0.0)
            guess = logits.index_fill(-1, torch.tensor([mask_id]), -torch.inf)
            return torch.where((xt == mask_id)[..., None], guess, kept)
    """),
    Right(CARRY, "logarithm-of-a-one-hot-added", """
        def carry_over(logits, xt, mask_id):
            one_hot = torch.eye(logits.shape[-1], dtype=logits.dtype)
            bias = torch.where((xt == mask_id)[..., None], 1 - one_hot[mask_id], one_hot[xt]).log()
            return logits + bias
    """),
    Right(CARRY, "numpy-array-returned", """
        def carry_over(logits, xt, mask_id):
            out = logits.numpy().copy()
            x = xt.numpy()
            for b, i in np.ndindex(*x.shape):
                keep = out[b, i, x[b, i]]
                if x[b, i] == mask_id:
                    out[b, i, mask_id] = -np.inf
                else:
                    out[b, i] = -np.inf
                    out[b, i, x[b, i]] = keep
            return out
    """),
    Right(CARRY, "float32", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1]).expand(logits.shape)
            visible = (xt != mask_id)[..., None].expand(logits.shape)
            same = states == xt[..., None]
            return torch.where(visible == same, logits.float(), torch.tensor(float("-inf")))
    """),
    Right(CARRY, "row-after-row", """
        def carry_over(logits, xt, mask_id):
            def row(values, x):
                return [v if (k == x) != (x == mask_id) else float("-inf") for k, v in enumerate(values)]

            return torch.tensor([[row(v, x) for v, x in zip(values, states)]
                                 for values, states in zip(logits.tolist(), xt.tolist())], dtype=logits.dtype)
    """),
    Right(CARRY, "very-negative-number", """
        def carry_over(logits, xt, mask_id):
            # exp(-1e9) is 0: as good as -inf
            out = logits.clone()
            out[..., mask_id] = -1e9
            token = torch.zeros_like(logits, dtype=torch.bool).scatter_(-1, xt[..., None], True)
            certain = torch.where(token, 0.0, -1e9).to(logits.dtype)
            return torch.where(xt[..., None] == mask_id, out, certain)
    """),

    # ---- 05-4
    Right(LOSS, "gather-and-where", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Right(LOSS, "two-loops", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            losses = []
            for b in range(len(x0)):
                total = torch.tensor(0.0)
                for i in range(x0.shape[1]):
                    if xt[b, i] == mask_id:
                        total = total - log_probs[b, i, x0[b, i]]
                losses.append(rho[b] * total)
            return torch.stack(losses)
    """),
    Right(LOSS, "functional-nll-loss", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = F.nll_loss(log_probs.transpose(1, 2), x0, reduction="none")
            return (rho[:, None] * nll.masked_fill(xt != mask_id, 0)).sum(1)
    """),
    Right(LOSS, "functional-cross-entropy", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            # its log_softmax leaves log-probabilities as they are
            masked = xt == mask_id
            safe = torch.where(masked[..., None], log_probs, 0.0)
            ce = F.cross_entropy(safe.flatten(0, 1), x0.flatten(), reduction="none").view(x0.shape)
            return rho * torch.where(masked, ce, 0.0).sum(-1)
    """),
    Right(LOSS, "ignore-index", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            target = x0.masked_fill(xt != mask_id, -100)
            return rho * F.nll_loss(log_probs.permute(0, 2, 1), target, ignore_index=-100, reduction="none").sum(-1)
    """),
    Right(LOSS, "one-hot-product", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            hidden = xt == mask_id
            finite = log_probs.masked_fill(~hidden[..., None], 0.0)
            one_hot = (x0[..., None] == torch.arange(log_probs.shape[-1])).to(log_probs.dtype)
            return -torch.einsum("b,bi,bik,bik->b", rho, hidden.to(rho.dtype), one_hot, finite)
    """),
    Right(LOSS, "numpy-array-returned", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            lp = np.take_along_axis(log_probs.numpy(), x0.numpy()[..., None], axis=-1)[..., 0]
            return -rho.numpy() * np.where(xt.numpy() == mask_id, lp, 0).sum(axis=-1)
    """),
    Right(LOSS, "index-add-float32", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            b, i = torch.where(xt == mask_id)
            nll = -log_probs[b, i, x0[b, i]].float()
            return torch.zeros(len(x0)).index_add(0, b, nll * rho[b].float())
    """),
    Right(LOSS, "nansum", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            mask = (xt == mask_id).double()
            token = log_probs.gather(2, x0.unsqueeze(2)).squeeze(2)
            return -rho * torch.nansum(mask * token, dim=1)         # 0 times -inf is NaN, and left out
    """),
    Right(LOSS, "weight-out-of-the-posterior", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            q = absorbing_posterior(xt, x0, rho, mask_id, log_probs.shape[-1])
            pick = lambda values: values.gather(-1, x0[..., None])[..., 0]
            return torch.where(xt == mask_id, -pick(q) * pick(log_probs), 0).sum(-1)
    """),
    Right(LOSS, "list-of-boolean-selections", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            return torch.tensor([
                -r * lp[torch.arange(len(clean)), clean][noisy == mask_id].sum()
                for lp, clean, noisy, r in zip(log_probs, x0, xt, rho)
            ])
    """),

    # ---- 05-5
    Right(SINGLE, "index-from-zero", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Right(SINGLE, "t-from-1-to-T", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = mask_rate.numel()
            lam = torch.cat([torch.zeros(1, dtype=mask_rate.dtype), mask_rate])       # lam[t], t = 0..T
            t = torch.randint(1, T + 1, (x0.shape[0],), generator=generator)
            u = torch.rand(x0.shape, generator=generator, dtype=torch.float64)
            xt = x0.clone()
            xt[u < lam[t].unsqueeze(1)] = mask_id
            weight = T * (lam[t] - lam[t - 1]) / lam[t]
            return weight * masked_loss(xt)
    """),
    Right(SINGLE, "floor-of-a-uniform-number", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            t = (torch.rand(len(x0), generator=generator) * T).long().clamp(max=T - 1)
            rho = 1 - mask_rate[t - 1] / mask_rate[t]
            rho = torch.where(t == 0, torch.ones_like(rho), rho)
            xt = x0.masked_fill(torch.rand(x0.shape, generator=generator) < mask_rate[t][:, None], mask_id)
            return masked_loss(xt) * rho * T
    """),
    Right(SINGLE, "multinomial-and-bernoulli", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            batch, n = x0.shape
            T = len(mask_rate)
            p = torch.full((T,), 1 / T)
            k = torch.multinomial(p, batch, replacement=True, generator=generator)
            m = torch.bernoulli(mask_rate[k, None].expand(batch, n), generator=generator).long()
            xt = m * mask_id + (1 - m) * x0
            rho = torch.diff(mask_rate, prepend=torch.zeros(1).to(mask_rate)) / mask_rate
            return rho[k] * masked_loss(xt) / p[k]
    """),
    Right(SINGLE, "numpy-array-returned", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            lam = mask_rate.numpy()
            rho = np.diff(lam, prepend=0) / lam
            step = torch.randint(len(lam), (x0.shape[0],), generator=generator).numpy()
            coins = torch.rand(x0.shape, generator=generator).numpy() < lam[step][:, None]
            xt = torch.from_numpy(np.where(coins, mask_id, x0.numpy()))
            return len(lam) * rho[step] * np.asarray(masked_loss(xt))
    """),
    Right(SINGLE, "numpy-generator-seeded-by-the-generator", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            rng = np.random.default_rng(int(torch.randint(2**40, (1,), generator=generator)))
            T, lam = len(mask_rate), np.concatenate([[0.0], mask_rate.numpy()])
            t = rng.integers(1, T, size=len(x0), endpoint=True)
            xt = torch.tensor(np.where(rng.random(x0.shape) < lam[t, None], mask_id, x0))
            return torch.tensor(T * (1 - lam[t - 1] / lam[t])) * masked_loss(xt)
    """),
    Right(SINGLE, "first-answer-by-name", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            alpha_bar = torch.cat([torch.ones(1).double(), 1 - mask_rate.double()])
            fresh = rho(1 - alpha_bar[1:] / alpha_bar[:-1])
            T = len(mask_rate)
            steps = torch.randint(0, T, size=(x0.size(0),), generator=generator)
            stays = torch.rand(x0.shape, generator=generator) >= mask_rate[steps].view(-1, 1)
            return T * fresh[steps] * masked_loss(torch.where(stays, x0, mask_id))
    """),
    Right(SINGLE, "chain-step-by-step", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            t = torch.randint(1, T + 1, (len(x0), 1), generator=generator)
            xt, before = x0.clone(), 0.0
            weight = torch.zeros(len(x0), 1)
            for s, lam in enumerate(mask_rate.tolist(), 1):
                beta = (lam - before) / (1 - before)
                hit = (torch.rand(x0.shape, generator=generator) < beta) & (s <= t)
                xt = xt.masked_fill(hit, mask_id)
                weight[t == s] = T * (lam - before) / lam
                before = lam
            return weight.squeeze(1) * masked_loss(xt)
    """),
    Right(SINGLE, "row-after-row", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            rows, weights = [], []
            for row in x0:
                t = int(torch.randint(len(mask_rate), (), generator=generator))
                coins = torch.rand(len(row), generator=generator)
                rows.append(torch.where(coins < mask_rate[t], mask_id, row))
                prev = mask_rate[t - 1] if t > 0 else 0.0
                weights.append(len(mask_rate) * (mask_rate[t] - prev) / mask_rate[t])
            return torch.stack(weights) * masked_loss(torch.stack(rows))
    """, slow=True),
]

# --------------------------------------------------------------------------------------------------- wrong answers

WRONG = [
    # ---- 05-1
    Wrong(RHO, "alpha-bar-t-for-t-minus-1", r"t ?- ?1|previous|before", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            return beta * alpha_bar / (1 - alpha_bar)
    """),
    Wrong(RHO, "product-updated-too-early", r"t ?- ?1|previous|before", """
        def rho(beta):
            out = torch.zeros_like(beta)
            alpha_bar = 1.0
            for i, b in enumerate(beta):
                alpha_bar = alpha_bar * (1 - b)
                out[i] = b * alpha_bar / (1 - alpha_bar)
            return out
    """),
    Wrong(RHO, "alpha-bar-t-and-the-first-one-set-to-1", r"t ?- ?1|previous|before", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            r = beta * alpha_bar / (1 - alpha_bar)
            r[0] = 1
            return r
    """),
    Wrong(RHO, "two-steps-before", r"t ?- ?[12]|two|before", """
        def rho(beta):
            ab = torch.cat([torch.ones(2), torch.cumprod(1 - beta, 0)])
            return beta * ab[:-2] / (1 - ab[1:-1]).clamp(min=1e-12)
    """),
    Wrong(RHO, "alpha-bar-two-too-early", r"t ?- ?[12]|two|before", """
        def rho(beta):
            T = len(beta)
            alpha_bar = torch.cumprod(1 - beta, 0)
            out = torch.ones(T)
            for t in range(1, T):
                prev = alpha_bar[t - 2] if t >= 2 else 1.0
                out[t] = beta[t] * prev / (1 - alpha_bar[t])
            return out
    """),
    Wrong(RHO, "beta-itself", r"beta", """
        def rho(beta):
            return beta.clone()
    """),
    Wrong(RHO, "share-of-the-visible", r"beta|visible|lambda_t\b", """
        def rho(beta):
            lam = 1 - torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.zeros(1), lam[:-1]])
            return (lam - before) / (1 - before).clamp(min=1e-30)
    """),
    Wrong(RHO, "denominator-forgotten", r"divi|denominator|given|1 ?- ?alpha_bar", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before
    """),
    Wrong(RHO, "divided-by-the-masked-before", r"1 ?- ?alpha_bar|lambda|divi|before|denominator", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - before)
    """),
    Wrong(RHO, "growth-of-the-mask-rate", r"1 ?- ?alpha_bar|lambda|divi|before|denominator", """
        def rho(beta):
            lam = torch.cat([torch.zeros(1), 1 - torch.cumprod(1 - beta, 0)])
            r = (lam[1:] - lam[:-1]) / lam[:-1]
            r[0] = 1
            return r
    """),
    Wrong(RHO, "divided-by-alpha-bar", r"1 ?- ?alpha_bar|divi|denominator", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / alpha_bar
    """),
    Wrong(RHO, "divided-by-the-last-mask-rate", r"divi|denominator|1 ?- ?alpha_bar|lambda|last", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar[-1])
    """),
    Wrong(RHO, "one-minus-rho", r"1 ?- ?rho|complement|already|old", """
        def rho(beta):
            lam = 1 - torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.zeros(1), lam[:-1]])
            return before / lam
    """),
    Wrong(RHO, "brackets-forgotten", r"bracket|parenthes|divi|negative", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / 1 - alpha_bar
    """),
    Wrong(RHO, "zero-in-front", r"rho_1|alpha_bar_0|first", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.zeros_like(beta)
            before[1:] = alpha_bar[:-1]
            return beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "roll-wraps-round", r"rho_1|alpha_bar_0|first", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            return beta * alpha_bar.roll(1) / (1 - alpha_bar)
    """),
    Wrong(RHO, "index-minus-one-wraps-round", r"rho_1|alpha_bar_0|first", """
        def rho(beta):
            ab = np.cumprod(1 - beta.numpy())
            return torch.tensor([float(beta[t]) * ab[t - 1] / (1 - ab[t]) for t in range(len(beta))])
    """),
    Wrong(RHO, "loop-stops-too-early", None, """
        def rho(beta):
            out = torch.zeros(len(beta))
            alpha_bar = 1.0
            for t in range(len(beta) - 1):
                out[t] = beta[t] * alpha_bar / (1 - alpha_bar * (1 - beta[t]))
                alpha_bar = alpha_bar * (1 - beta[t])
            return out
    """),
    Wrong(RHO, "alpha-for-alpha-bar", r"product|alpha_bar|cumprod|beta", """
        def rho(beta):
            alpha = 1 - beta
            before = torch.cat([torch.ones(1), alpha[:-1]])
            return beta * before / (1 - alpha)
    """),
    Wrong(RHO, "sum-for-product", r"product|cumprod|sum", """
        def rho(beta):
            alpha_bar = 1 - torch.cumsum(beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "product-of-the-betas", r"1 ?- ?beta|product", """
        def rho(beta):
            alpha_bar = torch.cumprod(beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "one-over-t", r"linear|1/t|schedule|beta", """
        def rho(beta):
            return 1 / torch.arange(1, len(beta) + 1).double()
    """),
    Wrong(RHO, "divided-back-by-one-minus-beta", r"NaN|beta(_t)? ?= ?1|0/0|divi", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = alpha_bar / (1 - beta)
            return beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "backwards", r"order|revers|backward", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return (beta * before / (1 - alpha_bar)).flip(0)
    """),
    Wrong(RHO, "small-number-in-the-denominator", None, """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar + 1e-2)
    """),
    Wrong(RHO, "first-one-left-out", r"shape", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            return beta[1:] * alpha_bar[:-1] / (1 - alpha_bar[1:])
    """),
    Wrong(RHO, "one-in-front-nothing-cut", r"raised|shape", """
        def rho(beta):
            alpha_bar = torch.cat([torch.ones(1), torch.cumprod(1 - beta, 0)])
            return beta * alpha_bar / (1 - alpha_bar)
    """),
    Wrong(RHO, "one-entry-too-many", r"shape", """
        def rho(beta):
            lam = torch.cat([torch.zeros(1), 1 - torch.cumprod(1 - beta, 0)])
            before = torch.cat([torch.zeros(1), lam[:-1]])
            return (lam - before) / lam
    """),
    Wrong(RHO, "last-one-only", r"shape", """
        def rho(beta):
            alpha_bar = torch.prod(1 - beta)
            return beta[-1] * alpha_bar / (1 - beta[-1]) / (1 - alpha_bar)
    """),
    Wrong(RHO, "list-for-tensor", r"a list", """
        def rho(beta):
            out, ab = [], 1.0
            for b in beta.tolist():
                out.append(b * ab / (1 - ab * (1 - b)))
                ab *= 1 - b
            return out
    """),
    Wrong(RHO, "forgotten-return", r"return statement", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            result = beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "writes-into-beta", r"in place", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta, 0)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            beta *= before
            return beta / (1 - alpha_bar)
    """),
    Wrong(RHO, "cumprod-without-a-dimension", r"raised", """
        def rho(beta):
            alpha_bar = torch.cumprod(1 - beta)
            before = torch.cat([torch.ones(1), alpha_bar[:-1]])
            return beta * before / (1 - alpha_bar)
    """),

    # ---- 05-2
    Wrong(POSTERIOR, "rho-and-one-minus-rho-exchanged", r"1 ?- ?rho|swap|exchang|other way", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], (1 - r) * e[x0] + r * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "rest-on-the-last-state", r"mask_id|last", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[-1], e[xt])
    """),
    Wrong(POSTERIOR, "last-state-taken-for-the-mask", r"mask_id|last", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            m = num_states - 1
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == m)[..., None], r * e[x0] + (1 - r) * e[m], e[xt])
    """),
    Wrong(POSTERIOR, "last-state-asked-for-the-mask", r"mask_id|last", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == num_states - 1)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "state-0-taken-for-the-mask", r"mask_id|state 0|first state", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == 0)[..., None], r * e[x0] + (1 - r) * e[0], e[xt])
    """),
    Wrong(POSTERIOR, "rho-along-the-positions", r"dimension|raised|position|broadcast", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None]
            return torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "rho-along-the-states", r"dimension|raised|states|broadcast", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            return torch.where((xt == mask_id)[..., None], rho * e[x0] + (1 - rho) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "rho-of-the-first-sequence", r"own|first|sequence", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[0]
            return torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "mean-of-the-rhos", r"own|mean|sequence", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho.mean()
            return torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "loop-keeps-the-last-rho", r"own|last|sequence", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            for r in rho:
                q = torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
            return q
    """),
    Wrong(POSTERIOR, "visible-tokens-with-a-coin", r"visible|x_t", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return r * e[x0] + (1 - r) * e[mask_id]
    """),
    Wrong(POSTERIOR, "coin-for-all-by-scatter", r"visible|x_t", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            q = torch.zeros(*xt.shape, num_states, dtype=rho.dtype)
            q[..., mask_id] = 1 - rho[:, None]
            q.scatter_(-1, x0[..., None], rho[:, None, None].expand(*xt.shape, 1))
            return q
    """),
    Wrong(POSTERIOR, "cases-exchanged", r"visible|swap|exchang|cases|other way", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], e[xt], r * e[x0] + (1 - r) * e[mask_id])
    """),
    Wrong(POSTERIOR, "as-the-slide-prints-it", r"x_?0|sum to|slide|printed", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "mask-stays-a-mask", r"x_?0|reveal|rho", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            return (xt[..., None] == torch.arange(num_states)).to(rho.dtype)
    """),
    Wrong(POSTERIOR, "xt-for-x0", r"x_?0|reveal", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * e[xt] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "revealed-for-certain", r"1 ?- ?rho|rho", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            return (x0[..., None] == torch.arange(num_states)).to(rho.dtype)
    """),
    Wrong(POSTERIOR, "rest-forgotten", r"1 ?- ?rho|sum to", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            return torch.where((xt == mask_id)[..., None], rho[:, None, None] * e[x0], e[xt])
    """),
    Wrong(POSTERIOR, "visible-tokens-left-at-zero", r"visible|sum to", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            q = torch.zeros(*xt.shape, num_states, dtype=rho.dtype)
            for b, i in (xt == mask_id).nonzero().tolist():
                q[b, i, x0[b, i]] = rho[b]
                q[b, i, mask_id] = 1 - rho[b]
            return q
    """),
    Wrong(POSTERIOR, "letter-not-known", r"x_?0|letter|uniform|spread", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            letters = (1 - e[mask_id]) / (num_states - 1)
            return torch.where((xt == mask_id)[..., None], r * letters + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "rest-spread-over-the-other-states", r"mask|spread|uniform", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            spread = (1 - e[x0]) / (num_states - 1)
            return torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * spread, e[xt])
    """),
    Wrong(POSTERIOR, "half-and-half", r"rho", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            return torch.where((xt == mask_id)[..., None], (e[x0] + e[mask_id]) / 2, e[xt])
    """),
    Wrong(POSTERIOR, "logarithms", r"log|negative|sum to", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            q = torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
            return q.log()
    """),
    Wrong(POSTERIOR, "softmax-at-the-end", None, """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            q = torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
            return q.softmax(-1)
    """),
    Wrong(POSTERIOR, "drawn-states", r"shape|dtype|integer", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            reveal = (xt == mask_id) & (torch.rand(xt.shape) < rho[:, None])
            return torch.where(reveal, x0, xt)
    """),
    Wrong(POSTERIOR, "letters-in-the-middle", r"shape", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            q = torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
            return q.transpose(1, 2)
    """),
    Wrong(POSTERIOR, "flat", r"shape", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho.repeat_interleave(xt.shape[1])[:, None]
            now, clean = xt.flatten(), x0.flatten()
            return torch.where((now == mask_id)[:, None], r * e[clean] + (1 - r) * e[mask_id], e[now])
    """),
    Wrong(POSTERIOR, "without-the-mask-state", r"shape|raised", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            letters = torch.arange(num_states - 1)
            r = rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * (x0[..., None] == letters),
                               (xt[..., None] == letters).to(rho.dtype))
    """),
    Wrong(POSTERIOR, "integers", r"dtype|integer", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            q = torch.nn.functional.one_hot(xt, num_states)
            for b, i in (xt == mask_id).nonzero().tolist():
                q[b, i, mask_id] = 1 - rho[b]
                q[b, i, x0[b, i]] = rho[b]
            return q
    """),
    Wrong(POSTERIOR, "condition-without-its-dimension", r"raised|dimension", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            return torch.where(xt == mask_id, r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "list-for-tensor", r"a list", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            return [torch.where((x == mask_id)[:, None], r * e[c] + (1 - r) * e[mask_id], e[x])
                    for x, c, r in zip(xt, x0, rho)]
    """),
    Wrong(POSTERIOR, "forgotten-return", r"return statement", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            r = rho[:, None, None]
            q = torch.where((xt == mask_id)[..., None], r * e[x0] + (1 - r) * e[mask_id], e[xt])
    """),
    Wrong(POSTERIOR, "writes-into-xt", r"in place", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            masked = xt == mask_id
            xt[masked] = x0[masked]
            r = torch.where(masked, rho[:, None], 1.0)[..., None]
            return r * e[xt] + (1 - r) * e[mask_id]
    """),
    Wrong(POSTERIOR, "writes-into-rho", r"in place", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            e = torch.eye(num_states, dtype=rho.dtype)
            q = rho[:, None, None] * e[x0]
            rho.neg_().add_(1)
            q = q + rho[:, None, None] * e[mask_id]
            return torch.where((xt == mask_id)[..., None], q, e[xt])
    """),

    # ---- 05-3
    Wrong(CARRY, "visible-tokens-not-carried-over", r"visible", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            return out
    """),
    Wrong(CARRY, "mask-keeps-its-mass", r"mask", """
        def carry_over(logits, xt, mask_id):
            own = xt[..., None] == torch.arange(logits.shape[-1])
            visible = (xt != mask_id)[..., None]
            return torch.where(visible & ~own, -torch.inf, logits)
    """),
    Wrong(CARRY, "mask-forbidden-where-tokens-are-visible", r"mask", """
        def carry_over(logits, xt, mask_id):
            visible = xt != mask_id
            out = logits.clone()
            out[..., mask_id][visible] = -torch.inf
            return out
    """),
    Wrong(CARRY, "nothing-done", r"visible|mask|as they (were|are)|unchanged|nothing is changed", """
        def carry_over(logits, xt, mask_id):
            return logits.clone()
    """),
    Wrong(CARRY, "cases-exchanged", r"visible|swap|exchang|cases|other way", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            visible = (xt != mask_id)[..., None]
            allowed = torch.where(visible, (states != mask_id), states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "masks-certain-too", r"mask", """
        def carry_over(logits, xt, mask_id):
            own = xt[..., None] == torch.arange(logits.shape[-1])
            return torch.where(own, logits, -torch.inf)
    """),
    Wrong(CARRY, "own-state-forbidden-everywhere", r"visible", """
        def carry_over(logits, xt, mask_id):
            return logits.scatter(-1, xt[..., None], -torch.inf)
    """),
    Wrong(CARRY, "probabilities", r"probabilit|softmax|logarithm", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            masked = (xt == mask_id)[..., None]
            allowed = torch.where(masked, states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf).softmax(-1)
    """),
    Wrong(CARRY, "one-hot-for-logits", r"one-hot|-inf|probabilit", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            own = (xt[..., None] == torch.arange(logits.shape[-1])).to(logits.dtype)
            return torch.where((xt == mask_id)[..., None], out, own)
    """),
    Wrong(CARRY, "plus-inf-on-the-visible-token", r"\+ ?inf|NaN", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            b, i = torch.where(xt != mask_id)
            out[b, i, xt[b, i]] = torch.inf
            return out
    """),
    Wrong(CARRY, "plus-inf-on-the-forbidden", r"\+ ?inf|NaN", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, torch.inf)
    """),
    Wrong(CARRY, "visible-rows-with-nothing", r"NaN|nothing|-inf", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            out[xt != mask_id] = -torch.inf
            return out
    """),
    Wrong(CARRY, "masked-rows-with-nothing", r"NaN|nothing|-inf", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = (states == xt[..., None]) & (states != mask_id)
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "product-of-0-and-inf", r"NaN", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return logits + (1 - allowed.to(logits.dtype)) * -torch.inf
    """),
    Wrong(CARRY, "logits-times-allowed", r"logit 0|logit of 0|\b0 is|-inf|probability", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return logits * allowed
    """),
    Wrong(CARRY, "mask-at-logit-0", r"logit 0|logit of 0|\b0 is|-inf|mask", """
        def carry_over(logits, xt, mask_id):
            own = xt[..., None] == torch.arange(logits.shape[-1])
            out = torch.where((xt != mask_id)[..., None] & ~own, -torch.inf, logits)
            out[..., mask_id] = torch.where(xt == mask_id, 0.0, out[..., mask_id])
            return out
    """),
    Wrong(CARRY, "minus-ten-for-minus-inf", r"-inf|probability|mass|mask", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -10.0)
    """),
    Wrong(CARRY, "visible-token-gets-ten-more", r"visible|certain", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            own = xt[..., None] == torch.arange(logits.shape[-1])
            return torch.where(own & (xt != mask_id)[..., None], out + 10, out)
    """),
    Wrong(CARRY, "letters-all-alike", r"keep|logits", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.zeros_like(logits).masked_fill(~allowed, -torch.inf)
    """),
    Wrong(CARRY, "most-likely-letter-certain", r"keep|logits|argmax|likely", """
        def carry_over(logits, xt, mask_id):
            letters = logits.clone()
            letters[..., mask_id] = -torch.inf
            states = torch.where(xt == mask_id, letters.argmax(-1), xt)
            allowed = states[..., None] == torch.arange(logits.shape[-1])
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "last-state-forbidden", r"mask_id|last", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            m = logits.shape[-1] - 1
            allowed = torch.where((xt == mask_id)[..., None], states != m, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "last-state-taken-for-the-mask", r"mask_id|last", """
        def carry_over(logits, xt, mask_id):
            K = logits.shape[-1]
            own = torch.nn.functional.one_hot(xt, K).bool()
            hidden = (xt == K - 1).unsqueeze(-1)
            return logits.masked_fill(own == hidden, -torch.inf)
    """),
    Wrong(CARRY, "whole-sequences", r"visible|token|position", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            for b in range(len(xt)):
                if (xt[b] == mask_id).any():
                    out[b, :, mask_id] = -torch.inf
                else:
                    out[b] = -torch.inf
                    out[b, torch.arange(xt.shape[1]), xt[b]] = 0
            return out
    """),
    Wrong(CARRY, "mask-taken-for-a-position", r"raised|NaN|dimension|position", """
        def carry_over(logits, xt, mask_id):
            own = xt[..., None] == torch.arange(logits.shape[-1])
            out = torch.where((xt != mask_id)[..., None] & ~own, -torch.inf, logits)
            out[:, mask_id] = -torch.inf
            return out
    """),
    Wrong(CARRY, "minus-sign-lost", None, """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, -logits, -torch.inf)
    """),
    Wrong(CARRY, "logits-squashed", r"keep|logits|probabilit|softmax", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits.softmax(-1), -torch.inf)
    """),
    Wrong(CARRY, "softmax-over-the-positions", None, """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits.log_softmax(1), -torch.inf)
    """),
    Wrong(CARRY, "what-is-allowed", r"dtype|bool|floating", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            return torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
    """),
    Wrong(CARRY, "mask-cut-off", r"shape", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            out = torch.where(allowed, logits, -torch.inf)
            return out[..., states != mask_id]
    """),
    Wrong(CARRY, "masked-positions-only", r"shape", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            return out[xt == mask_id]
    """),
    Wrong(CARRY, "comparison-without-its-dimension", r"raised|shape", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt)
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "list-for-tensor", r"a list", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf).tolist()
    """),
    Wrong(CARRY, "forgotten-return", r"return statement", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            out = torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "writes-into-the-logits", r"in place", """
        def carry_over(logits, xt, mask_id):
            logits[..., mask_id] = -torch.inf
            b, i = torch.where(xt != mask_id)
            logits[b, i] = -torch.inf
            logits[b, i, xt[b, i]] = 0
            return logits
    """),
    Wrong(CARRY, "masked-fill-with-an-underscore", r"in place", """
        def carry_over(logits, xt, mask_id):
            own = xt[..., None] == torch.arange(logits.shape[-1])
            out = logits
            out.masked_fill_(own == (xt == mask_id)[..., None], float("-inf"))
            return out
    """),
    Wrong(CARRY, "writes-into-xt", r"in place", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -torch.inf
            visible = xt != mask_id
            out[visible] = -torch.inf
            xt[~visible] = 0
            kept = torch.zeros_like(logits).scatter_(-1, xt[..., None], 1.0).bool()
            return torch.where(kept & visible[..., None], 0.0, out)
    """),

    # ---- 05-4
    Wrong(LOSS, "all-tokens", r"visible|all tokens|every token", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * nll.sum(-1)
    """),
    Wrong(LOSS, "all-tokens-without-the-infinite-ones", r"visible|all tokens|every token", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(nll.isinf(), 0.0, nll).sum(-1)
    """),
    Wrong(LOSS, "visible-tokens-instead", r"visible", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, 0.0, nll).sum(-1)
    """),
    Wrong(LOSS, "mean-over-all", r"\bmean\b|divi|sum", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, nll, 0.0).mean(-1)
    """),
    Wrong(LOSS, "mean-over-the-masked", r"\bmean\b|divi|sum", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            masked = xt == mask_id
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(masked, nll, 0.0).sum(-1) / masked.sum(-1).clamp(min=1)
    """),
    Wrong(LOSS, "mean-over-the-masked-nan-without-any", r"\bmean\b|divi|sum|NaN", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            out = torch.zeros(len(x0))
            for b in range(len(x0)):
                m = xt[b] == mask_id
                out[b] = -rho[b] * log_probs[b, m, x0[b, m]].mean()
            return out
    """),
    Wrong(LOSS, "mean-over-the-masked-times-n", r"\bmean\b|divi|sum|number of masked", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            masked = xt == mask_id
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            mean = torch.where(masked, nll, 0.0).sum(-1) / masked.sum(-1).clamp(min=1)
            return rho * x0.shape[1] * mean
    """),
    Wrong(LOSS, "rho-forgotten", r"rho", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "one-minus-rho", r"1 ?- ?rho", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return (1 - rho) * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "divided-by-rho", r"divi|1 ?/ ?rho", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return torch.where(xt == mask_id, nll, 0.0).sum(-1) / rho
    """),
    Wrong(LOSS, "rho-of-the-first-sequence", r"own|first|sequence", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho[0] * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "rho-along-the-positions", r"raised|dimension|position|broadcast", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return (rho * torch.where(xt == mask_id, nll, 0.0)).sum(-1)
    """),
    Wrong(LOSS, "rho-inside-the-logarithm", r"logarithm|inside|rho", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            p = rho[:, None] * log_probs.gather(-1, x0[..., None]).squeeze(-1).exp()
            return torch.where(xt == mask_id, -p.log(), 0.0).sum(-1)
    """),
    Wrong(LOSS, "sign-forgotten", r"sign|minus|negative", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            log_p = log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, log_p, 0.0).sum(-1)
    """),
    Wrong(LOSS, "xt-for-x0", r"x_?t|x_?0", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, xt[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "0-times-inf", r"NaN|-inf", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * (nll * (xt == mask_id)).sum(-1)
    """),
    Wrong(LOSS, "nan-set-to-0-after-the-sum", r"NaN|-inf|0", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return torch.nan_to_num(rho * (nll * (xt == mask_id)).sum(-1))
    """),
    Wrong(LOSS, "one-hot-product-with-inf", r"NaN|-inf", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            one_hot = torch.eye(log_probs.shape[-1], dtype=log_probs.dtype)[x0]
            ce = -(one_hot * log_probs).sum(-1)
            return rho * ((xt == mask_id) * ce).sum(-1)
    """),
    Wrong(LOSS, "last-state-taken-for-the-mask", r"mask_id|last", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == log_probs.shape[-1] - 1, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "sum-over-the-batch", r"shape", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return (rho[:, None] * torch.where(xt == mask_id, nll, 0.0)).sum()
    """),
    Wrong(LOSS, "mean-over-the-batch", r"shape", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return (rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)).mean()
    """),
    Wrong(LOSS, "number-per-token", r"shape", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho[:, None] * torch.where(xt == mask_id, nll, 0.0)
    """),
    Wrong(LOSS, "keepdim", r"shape", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho[:, None] * torch.where(xt == mask_id, nll, 0.0).sum(-1, keepdim=True)
    """),
    Wrong(LOSS, "column-times-row", r"shape", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho[:, None] * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "library-mean", r"shape", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            masked = xt == mask_id
            return (rho * F.nll_loss(log_probs[masked], x0[masked])).mean()
    """),
    Wrong(LOSS, "library-mean-of-the-batch-times-rho", r"\bmean\b|sequence|sum", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            masked = xt == mask_id
            return rho * F.nll_loss(log_probs[masked], x0[masked])
    """),
    Wrong(LOSS, "library-sum-of-the-batch-times-rho", r"batch|sequence", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            masked = xt == mask_id
            return rho * F.nll_loss(log_probs[masked], x0[masked], reduction="sum")
    """),
    Wrong(LOSS, "library-without-the-transpose", r"raised", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = F.nll_loss(log_probs, x0, reduction="none")
            return rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "sequence-skipped-over-a-visible-token", None, """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            all_masked = (xt == mask_id).all(-1)
            return rho * torch.where(all_masked, nll.sum(-1), 0.0)
    """),
    Wrong(LOSS, "bits", r"bits|nats|log", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            p = log_probs.gather(-1, x0[..., None]).squeeze(-1).exp()
            return rho * torch.where(xt == mask_id, -p.log2(), 0.0).sum(-1)
    """),
    Wrong(LOSS, "logarithm-taken-twice", r"log", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            p = log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, -torch.log(p), 0.0).sum(-1)
    """),
    Wrong(LOSS, "probabilities-for-logarithms", r"log|probabilit", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            p = log_probs.exp().gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, 1 - p, 0.0).sum(-1)
    """),
    Wrong(LOSS, "largest-for-the-true", r"x_?0|true|largest|max", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.max(-1).values
            return rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "entropy-of-the-guess", None, """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            H = -(log_probs.exp() * log_probs).sum(-1)
            return rho * torch.where(xt == mask_id, H, 0.0).sum(-1)
    """),
    Wrong(LOSS, "all-states-summed", None, """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            return rho * torch.where(xt == mask_id, -log_probs.sum(-1), 0.0).sum(-1)
    """),
    Wrong(LOSS, "list-for-tensor", r"a list", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return [float(r * row[x == mask_id].sum()) for r, row, x in zip(rho, nll, xt)]
    """),
    Wrong(LOSS, "forgotten-return", r"return statement", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            loss = rho * torch.where(xt == mask_id, nll, 0.0).sum(-1)
    """),
    Wrong(LOSS, "writes-into-the-log-probs", r"in place", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            log_probs[xt != mask_id] = 0
            return -rho * log_probs.gather(-1, x0[..., None]).squeeze(-1).sum(-1)
    """),
    Wrong(LOSS, "writes-into-x0", r"in place", """
        import torch.nn.functional as F

        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            x0[xt != mask_id] = -100
            return rho * F.nll_loss(log_probs.transpose(1, 2), x0, reduction="none").sum(-1)
    """),

    # ---- 05-5
    Wrong(SINGLE, "factor-forgotten", r"\bT\b", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(len(mask_rate), (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "divided-by-T", r"\bT\b", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return rho[step] * masked_loss(torch.where(coins, mask_id, x0)) / T
    """),
    Wrong(SINGLE, "times-t-for-times-T", r"\bT\b", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(len(mask_rate), (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return (step + 1) * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "times-T-minus-1", r"\bT\b", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            return (T - 1) * (1 - lam[t - 1] / lam[t]) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "rho-of-the-linear-schedule", r"linear|1/t|T/t", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[t - 1, None]
            return T / t * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "masked-with-t-over-T", r"linear|t/T|lambda_t", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < (t / T)[:, None]
            return T * (1 - lam[t - 1] / lam[t]) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "rho-forgotten", r"rho", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "no-weight-at-all", r"\bT\b|rho|weight", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            step = torch.randint(len(mask_rate), (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "one-over-lambda", r"1 ?/ ?lambda|rho", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            step = torch.randint(len(mask_rate), (len(x0),), generator=generator)
            lam = mask_rate[step]
            coins = torch.rand(x0.shape, generator=generator) < lam[:, None]
            return masked_loss(torch.where(coins, mask_id, x0)) / lam
    """),
    Wrong(SINGLE, "difference-not-divided", r"divi|lambda_t\b|rho", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            weight = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1))
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * weight[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "beta-for-rho", r"beta", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            beta = (lam[t] - lam[t - 1]) / (1 - lam[t - 1])
            return T * beta * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "one-minus-rho", r"1 ?- ?rho|rho", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            return T * lam[t - 1] / lam[t] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "roll-wraps-round", r"rho_1|lambda_0|first|t = 1|negative", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = (mask_rate - mask_rate.roll(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "rho-of-the-next-step", None, """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            after = (step + 1).clamp(max=T - 1)
            return T * rho[after] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "last-step-never-drawn", r"never|t = T|last|1\.\.T", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            return T * (1 - lam[t - 1] / lam[t]) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "first-step-never-drawn", r"never|t = 1|first|1\.\.T", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            step = torch.randint(1, T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            rho = 1 - mask_rate[step - 1] / mask_rate[step]
            return T * rho * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "t-from-0", r"NaN|never|t = 0|1\.\.T", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            return T * (lam[t] - lam[t - 1]) / lam[t] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "t-from-0-and-no-nan", r"never|t = 0|t = T|1\.\.T", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            rho = torch.cat([lam.new_zeros(1), (lam[1:] - lam[:-1]) / lam[1:]])
            t = torch.randint(0, T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t, None]
            return T * rho[t] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "index-out-of-range", r"raised|IndexError", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[t, None]
            return T * rho[t] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "one-t-for-the-batch", r"batch|one t|own|every sequence", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            step = int(torch.randint(T, (1,), generator=generator))
            before = mask_rate[step - 1] if step else 0.0
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step]
            rho = (mask_rate[step] - before) / mask_rate[step]
            return T * rho * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "a-t-for-every-token", None, """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, x0.shape, generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step]
            return T * rho[step].mean(-1) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "steps-in-turn", r"random|draw|turn|generator|independent|uniform", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.arange(len(x0)) % T
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "every-step-equally-often", None, """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randperm(len(x0), generator=generator) % T
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "late-steps-more-often", r"uniform|probab", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.multinomial(mask_rate, len(x0), replacement=True, generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "steps-all-summed", r"one t|once|every t|all t|single", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            total, before = 0.0, 0.0
            for lam in mask_rate:
                coins = torch.rand(x0.shape, generator=generator) < lam
                total = total + (lam - before) / lam * masked_loss(torch.where(coins, mask_id, x0))
                before = lam
            return total
    """),
    Wrong(SINGLE, "masked-with-the-rate-before", r"lambda_\{?\(?t ?- ?1|before|previous", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            lam = torch.cat([mask_rate.new_zeros(1), mask_rate])
            t = torch.randint(1, T + 1, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < lam[t - 1, None]
            return T * (1 - lam[t - 1] / lam[t]) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "masked-with-rho", r"rho|lambda", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < rho[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "comparison-turned-round", r"1 ?- ?lambda|other way|swap|exchang|visible|stay", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) > mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "one-coin-a-sequence", r"coin|each token|together|by itself|sequence", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(len(x0), 1, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "one-coin-a-position", r"coin|each token|together|by itself|position", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape[1], generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "exact-number-of-masks", r"number|exact|by itself|coin|independent", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, n = len(mask_rate), x0.shape[1]
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            rank = torch.rand(x0.shape, generator=generator).argsort(-1).argsort(-1)
            coins = rank < (mask_rate[step, None] * n).round()
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "at-least-one-mask", None, """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            u = torch.rand(x0.shape, generator=generator)
            coins = (u < mask_rate[step, None]) | (u == u.min(-1, keepdim=True).values)
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "masked-tokens-averaged", r"\bmean\b|divi|number of masked|sum", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            loss = masked_loss(torch.where(coins, mask_id, x0))
            return T * rho[step] * loss / coins.sum(-1).clamp(min=1)
    """),
    Wrong(SINGLE, "nats-a-token", r"\bn\b|a token|per token|divi|\bmean\b", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, n = len(mask_rate), x0.shape[1]
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0)) / n
    """),
    Wrong(SINGLE, "steps-drawn-without-the-generator", r"generator", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),))
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "coins-drawn-without-the-generator", r"generator", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand_like(x0.double()) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "numpy-randomness", r"generator", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, lam = len(mask_rate), mask_rate.numpy()
            rho = np.diff(lam, prepend=0) / lam
            step = np.random.randint(T, size=len(x0))
            coins = torch.tensor(np.random.rand(*x0.shape) < lam[step][:, None])
            return torch.tensor(T * rho[step]) * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "generator-seeded-anew", r"seed", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            generator = torch.Generator().manual_seed(0)
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "given-generator-seeded-anew", r"seed", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            generator.manual_seed(42)
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "same-numbers-for-t-and-coins", None, """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            u = torch.rand(x0.shape, generator=generator)
            step = (u[:, 0] * T).long()
            return T * rho[step] * masked_loss(torch.where(u < mask_rate[step, None], mask_id, x0))
    """),
    Wrong(SINGLE, "nothing-masked", r"x_?0|mask", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            return T * rho[step] * masked_loss(x0)
    """),
    Wrong(SINGLE, "everything-masked", r"mask", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            return T * rho[step] * masked_loss(torch.full_like(x0, mask_id))
    """),
    Wrong(SINGLE, "mask-taken-for-the-highest-plus-one", r"mask_id|neither", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, x0.max() + 1, x0))
    """),
    Wrong(SINGLE, "mask-taken-for-0", r"mask_id|neither", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            return T * rho[step] * masked_loss(
                x0 * (torch.rand(x0.shape, generator=generator) >= mask_rate[step, None]))
    """),
    Wrong(SINGLE, "coins-for-tokens", r"masked_loss|states|bool|integer", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return T * rho[step] * masked_loss(coins)
    """),
    Wrong(SINGLE, "floating-point-states", r"masked_loss|integer", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            m = torch.bernoulli(mask_rate[step, None].expand(x0.shape), generator=generator)
            return T * rho[step] * masked_loss(m * mask_id + (1 - m) * x0)
    """),
    Wrong(SINGLE, "one-sequence-at-a-time", r"masked_loss|shape|raised", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            out = torch.zeros(len(x0))
            for b, row in enumerate(x0):
                step = torch.randint(T, (), generator=generator)
                coins = torch.rand(len(row), generator=generator) < mask_rate[step]
                out[b] = T * rho[step] * masked_loss(torch.where(coins, mask_id, row))
            return out
    """),
    Wrong(SINGLE, "rate-without-its-dimension", r"raised", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "mean-over-the-batch", r"shape", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return (T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))).mean()
    """),
    Wrong(SINGLE, "column-times-row", r"shape", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0), 1), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "list-for-tensor", r"a list", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return (T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))).tolist()
    """),
    Wrong(SINGLE, "forgotten-return", r"return statement", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            loss = T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "writes-into-x0", r"in place", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (len(x0),), generator=generator)
            x0[torch.rand(x0.shape, generator=generator) < mask_rate[step, None]] = mask_id
            return T * rho[step] * masked_loss(x0)
    """),
    Wrong(SINGLE, "writes-into-the-mask-rate", r"in place", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            step = torch.randint(T, (len(x0),), generator=generator)
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            rho = mask_rate
            rho[1:] = 1 - mask_rate[:-1] / mask_rate[1:]
            rho[0] = 1
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),

    # ---- what the cases could leave open
    Wrong(RHO, "epsilon-in-the-denominator", r"added to the denominator", """
        def rho(beta):
            bar = torch.cumprod(1 - beta, 0)
            return beta * torch.cat([torch.ones(1, dtype=beta.dtype), bar[:-1]]) / (1 - bar + 1e-4)
    """),
    Wrong(RHO, "small-epsilon-in-the-denominator", None, """
        def rho(beta):
            bar = torch.cumprod(1 - beta, 0)
            return beta * torch.cat([torch.ones(1, dtype=beta.dtype), bar[:-1]]) / (1 - bar + 1e-6)
    """),
    Wrong(RHO, "denominator-not-below-a-percent", r"limited|added", """
        def rho(beta):
            bar = torch.cumprod(1 - beta, 0)
            return beta * torch.cat([torch.ones(1, dtype=beta.dtype), bar[:-1]]) / (1 - bar).clamp(min=0.01)
    """),
    Wrong(RHO, "product-with-a-float64", r"raised|float32", """
        def rho(beta):
            T = len(beta)
            lower = torch.tril(torch.ones(T, T, dtype=torch.float64))
            bar = (lower @ torch.log1p(-beta.clamp(max=1 - 1e-15))[:, None])[:, 0].exp()
            return beta * torch.cat([torch.ones(1, dtype=beta.dtype), bar[:-1]]) / (1 - bar)
    """),
    Wrong(RHO, "all-masked-at-end", r"the last denominator is 1, as", """
        def rho(beta):
            alpha_bar = torch.cat([beta.new_ones(1), torch.cumprod(1 - beta, 0)])
            alpha_bar[-1] = 0
            return beta * alpha_bar[:-1] / (1 - alpha_bar[1:])
    """),
    Wrong(RHO, "cumsum", r"the betas are added up; a", """
        def rho(beta):
            masked = torch.cumsum(beta, 0).clamp(max=1)
            before = torch.cat([beta.new_zeros(1), masked[:-1]])
            return beta * (1 - before) / masked
    """),
    Wrong(RHO, "divide-back", r"0 where beta_t = 1: alpha_bar_\{t\-1\}", """
        def rho(beta):
            alpha = 1 - beta
            alpha_bar = alpha.cumprod(0)
            before = torch.where(alpha > 0, alpha_bar / alpha, 0)
            return beta * before / (1 - alpha_bar)
    """),
    Wrong(RHO, "stops-early", r"what is still visible may", """
        def rho(beta):
            out = torch.zeros_like(beta)
            visible = 1.0
            for t in range(len(beta)):
                if visible < 1e-3:
                    break
                after = visible * (1 - beta[t])
                out[t] = beta[t] * visible / (1 - after)
                visible = after
            return out
    """),
    Wrong(RHO, "suffix-product", r"the products run from the end,", """
        def rho(beta):
            alpha = 1 - beta
            products = alpha.flip(0).cumprod(0).flip(0)                  # one pass from the right
            before = torch.cat([products[1:], products.new_ones(1)])
            return beta * before / (1 - products)
    """),
    Wrong(RHO, "certain-step", r"1 where beta_t = 1; a", """
        def rho(beta):
            after = (1 - beta).cumprod(0)
            before = torch.ones_like(after)
            before[1:] = after[:-1]
            return torch.where(beta == 1, torch.ones_like(beta), beta * before / (1 - after))
    """),
    Wrong(RHO, "powers", r"alpha_bar_t is \(1 \- beta_t\)\^t here,", """
        def rho(beta):
            t = torch.arange(1, len(beta) + 1)
            keep = 1 - beta
            return beta * keep ** (t - 1) / (1 - keep ** t)
    """),
    Wrong(RHO, "stops-at-zero", r"0 from the first beta_t =", """
        def rho(beta):
            out = torch.zeros_like(beta)
            alive = 1.0
            for t, b in enumerate(beta.tolist()):
                if b == 0:
                    break
                before, alive = alive, alive * (1 - b)
                out[t] = b * before / (1 - alive)
            return out
    """),
    Wrong(RHO, "product-from-the-end", r"the products run from the end,", """
        def rho(beta):
            keep = 1 - beta
            bar = keep.flip(0).cumprod(0).flip(0)
            before = torch.cat([torch.ones_like(bar[:1]), bar[:-1]])
            return beta * before / (1 - bar)
    """),
    Wrong(RHO, "sum-of-betas", r"the betas are added up; a", """
        def rho(beta):
            lam = torch.cumsum(beta, dim=0).clamp(max=1)
            before = torch.cat([torch.zeros_like(lam[:1]), lam[:-1]])
            return (lam - before) / lam
    """),
    Wrong(RHO, "one-later", r"one place \*earlier\*", """
        def rho(beta):
            bar = (1 - beta).cumprod(0)
            return beta * torch.cat([bar[1:], torch.ones(1)]) / (1 - bar)
    """),
    Wrong(RHO, "times-the-steps", r"multiplied by T", """
        def rho(beta):
            bar = (1 - beta).cumprod(0)
            return len(beta) * beta * torch.cat([torch.ones(1), bar[:-1]]) / (1 - bar)
    """),
    Wrong(RHO, "half-precision", None, """
        def rho(beta):
            bar = (1 - beta).cumprod(0)
            return (beta * torch.cat([torch.ones(1), bar[:-1]]) / (1 - bar)).half()
    """),
    Wrong(RHO, "constant-schedule", r"alpha_bar_t is \(1 \- beta_t\)\^t here,", """
        def rho(beta):
            t = torch.arange(1, len(beta) + 1, dtype=beta.dtype)
            now = (1 - beta) ** t
            before = (1 - beta) ** (t - 1)
            rho_t = beta * before / (1 - now)
            return torch.where(beta > 0, rho_t, torch.zeros_like(beta))
    """),
    Wrong(RHO, "probabilities-added", r"the betas are added up; a", """
        def rho(beta):
            lam = torch.cumsum(beta, 0).clamp(max=1)
            lam_before = torch.cat([torch.zeros_like(beta[:1]), lam[:-1]])
            return (lam - lam_before) / lam
    """),
    Wrong(POSTERIOR, "the-way-forward", r"way forward", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye = torch.eye(num_states, dtype=torch.float64)
            visible = (1 - rho)[:, None, None] * eye[xt] + rho[:, None, None] * eye[mask_id]
            return torch.where((xt == mask_id)[..., None], eye[xt], visible)
    """),
    Wrong(POSTERIOR, "rho-not-below-a-thousandth", r"threshold|clamp", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye, r = torch.eye(num_states, dtype=torch.float64), rho.clamp(min=1e-3)[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * eye[x0] + (1 - r) * eye[mask_id], eye[xt])
    """),
    Wrong(POSTERIOR, "small-rho-is-none", r"threshold|clamp", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye, r = torch.eye(num_states, dtype=torch.float64), torch.where(rho < 1e-12, 0, rho)[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * eye[x0] + (1 - r) * eye[mask_id], eye[xt])
    """),
    Wrong(POSTERIOR, "states-in-a-byte", None, """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye, r = torch.eye(num_states, dtype=torch.float64), rho[:, None, None]
            x0 = x0.byte().long()
            return torch.where((xt == mask_id)[..., None], r * eye[x0] + (1 - r) * eye[mask_id], eye[xt])
    """),
    Wrong(POSTERIOR, "rho-along-the-text-where-it-fits", None, """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            eye = torch.eye(num_states, dtype=torch.float64)
            r = rho[None, :, None] if len(rho) == xt.shape[1] else rho[:, None, None]
            return torch.where((xt == mask_id)[..., None], r * eye[x0] + (1 - r) * eye[mask_id], eye[xt])
    """),
    Wrong(POSTERIOR, "repeat", r"the rho_t do not go with", """
        def absorbing_posterior(xt, x0, rho, mask_id, num_states):
            batch, n = xt.shape
            flat_t, flat_0 = xt.reshape(-1), x0.reshape(-1)
            r = rho.repeat(n)
            out = torch.zeros(batch * n, num_states, dtype=rho.dtype)
            rows = torch.arange(batch * n)
            masked = flat_t == mask_id
            out[rows, flat_0] = torch.where(masked, r, torch.ones_like(r))
            out[:, mask_id] += torch.where(masked, 1 - r, torch.zeros_like(r))
            return out.reshape(batch, n, num_states)
    """),
    Wrong(CARRY, "something-added-before-the-logarithm", r"small probability", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return (torch.where(allowed, logits, -torch.inf).softmax(-1) + 1e-12).log()
    """),
    Wrong(CARRY, "something-larger-added-before-the-logarithm", r"small probability", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return (torch.where(allowed, logits, -torch.inf).softmax(-1) + 1e-8).log()
    """),
    Wrong(CARRY, "minus-fifty-for-the-mask", r"whatever|-inf", """
        def carry_over(logits, xt, mask_id):
            out = logits.clone()
            out[..., mask_id] = -50.0
            fixed = torch.full_like(logits, -torch.inf).scatter(-1, xt[..., None], 0.0)
            return torch.where((xt == mask_id)[..., None], out, fixed)
    """),
    Wrong(CARRY, "logits-limited", r"keep their logits", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits.clamp(-50, 50), -torch.inf)
    """),
    Wrong(CARRY, "squeezed", r"shape|raised", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf).squeeze(0)
    """),
    Wrong(CARRY, "first-text-for-all-where-square", r"as large", """
        def carry_over(logits, xt, mask_id):
            xt = xt.T if len(xt) == xt.shape[1] else xt
            states = torch.arange(logits.shape[-1])
            allowed = torch.where((xt == mask_id)[..., None], states != mask_id, states == xt[..., None])
            return torch.where(allowed, logits, -torch.inf)
    """),
    Wrong(CARRY, "plus-ten-thousand", r"a network may be as", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            masked = (xt == mask_id)[..., None]
            here = xt[..., None] == states
            no_mask = torch.where(states == mask_id, -torch.inf, logits)
            return torch.where(masked, no_mask, logits + 1e4 * here)
    """),
    Wrong(CARRY, "through-softmax", r"a network may be as", """
        def carry_over(logits, xt, mask_id):
            states = torch.arange(logits.shape[-1])
            probs = logits.softmax(-1)
            probs = torch.where(states == mask_id, 0.0, probs)
            probs = probs / probs.sum(-1, keepdim=True)
            visible = (xt != mask_id)[..., None]
            probs = torch.where(visible, (xt[..., None] == states).to(probs.dtype), probs)
            return probs.log()
    """),
    Wrong(LOSS, "log-p-limited", r"not limited", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            log_p = log_probs.gather(-1, x0[..., None]).squeeze(-1).clamp(min=-50)
            return rho * torch.where(xt == mask_id, -log_p, 0.0).sum(-1)
    """),
    Wrong(LOSS, "epsilon-in-the-logarithm", r"not limited", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            p = log_probs.exp().gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, -(p + 1e-20).log(), 0.0).sum(-1)
    """),
    Wrong(LOSS, "rho-along-the-text-where-it-fits", None, """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            log_p = log_probs.gather(-1, x0[..., None]).squeeze(-1)
            r = rho if len(rho) == xt.shape[1] else rho[:, None]
            return (r * torch.where(xt == mask_id, -log_p, 0.0)).sum(-1)
    """),
    Wrong(LOSS, "states-in-a-byte", None, """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            log_p = log_probs.gather(-1, x0.byte().long()[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, -log_p, 0.0).sum(-1)
    """),
    Wrong(LOSS, "bincount", r"where nothing is masked the", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            rows, cols = (xt == mask_id).nonzero(as_tuple=True)
            ce = -log_probs[rows, cols, x0[rows, cols]]
            sums = torch.bincount(rows, weights=ce)
            return rho[:len(sums)] * sums
    """),
    Wrong(LOSS, "floor", r"a model that is sure", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            lp = log_probs.clamp(min=-100)
            ce = -lp.gather(-1, x0[..., None])[..., 0]
            return rho * (ce * (xt == mask_id)).sum(-1)
    """),
    Wrong(LOSS, "no-accumulation", r"of each sequence only one masked", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            rows, cols = (xt == mask_id).nonzero(as_tuple=True)
            ce = -log_probs[rows, cols, x0[rows, cols]]
            out = torch.zeros(x0.shape[0], dtype=log_probs.dtype)
            out[rows] += ce
            return rho * out
    """),
    Wrong(LOSS, "rho-inside", r"rho_t stands inside the logarithm, too;", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            r = rho[:, None]
            log_back = r.log() + log_probs.gather(-1, x0[..., None])[..., 0]     # log p(x_{t-1} = x0)
            return torch.where(xt == mask_id, -r * log_back, 0).sum(-1)
    """),
    Wrong(LOSS, "ignore-index-zero", r"masked tokens whose symbol is 0", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            target = torch.where(xt == mask_id, x0, 0).long()
            nll = torch.nn.functional.nll_loss(log_probs.movedim(-1, 1), target, ignore_index=0, reduction="none")
            return rho * nll.sum(dim=1)
    """),
    Wrong(LOSS, "the-weight-alone", r"do not hang on log_probs", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            return rho
    """),
    Wrong(LOSS, "divided-by-the-batch", r"divided by the number of sequences", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = -log_probs.gather(-1, x0[..., None]).squeeze(-1)
            return rho * torch.where(xt == mask_id, nll, 0.0).sum(-1) / len(xt)
    """),
    Wrong(LOSS, "flattened-by-the-mask", r"boolean mask flattens", """
        def weighted_loss(log_probs, x0, xt, rho, mask_id):
            nll = torch.nn.functional.nll_loss(log_probs.flatten(0, 1), x0.flatten(), reduction="none").view(xt.shape)
            return rho * nll[xt == mask_id].sum(-1)
    """),
    Wrong(SINGLE, "copy-of-the-generator", r"second call|move", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            own = torch.Generator()
            own.set_state(generator.get_state())
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            step = torch.randint(len(mask_rate), x0.shape[:1], generator=own)
            masked = torch.rand(x0.shape, generator=own) < mask_rate[step, None]
            rho = (mask_rate - before) / mask_rate
            return len(mask_rate) * rho[step] * masked_loss(torch.where(masked, mask_id, x0))
    """),
    Wrong(SINGLE, "antithetic-coins", r"tells of another", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            step = torch.randint(len(mask_rate), x0.shape[:1], generator=generator)
            half = torch.rand((len(x0) + 1) // 2, x0.shape[1], generator=generator)
            masked = torch.cat([half, 1 - half])[:len(x0)] < mask_rate[step, None]
            rho = (mask_rate - before) / mask_rate
            return len(mask_rate) * rho[step] * masked_loss(torch.where(masked, mask_id, x0))
    """),
    Wrong(SINGLE, "two-texts-share-a-step", r"tells of another", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            step = torch.randint(len(mask_rate), ((len(x0) + 1) // 2,), generator=generator)
            step = step.repeat_interleave(2)[:len(x0)]
            masked = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            rho = (mask_rate - before) / mask_rate
            return len(mask_rate) * rho[step] * masked_loss(torch.where(masked, mask_id, x0))
    """),
    Wrong(SINGLE, "states-in-a-byte", r"raised|states|neither", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            step = torch.randint(len(mask_rate), x0.shape[:1], generator=generator)
            masked = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            rho = (mask_rate - before) / mask_rate
            return len(mask_rate) * rho[step] * masked_loss(torch.where(masked, mask_id, x0.byte()).long())
    """),
    Wrong(SINGLE, "squeezed", r"one sequence|shape", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            step = torch.randint(len(mask_rate), x0.shape[:1], generator=generator)
            masked = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            rho = (mask_rate - before) / mask_rate
            return (len(mask_rate) * rho[step] * masked_loss(torch.where(masked, mask_id, x0))).squeeze()
    """),
    Wrong(SINGLE, "step-in-proportion-to-rho", r"in proportion to rho", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            before = torch.cat([mask_rate.new_zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            step = torch.multinomial(rho, len(x0), replacement=True, generator=generator)
            masked = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            return rho.sum() * masked_loss(torch.where(masked, mask_id, x0))
    """),
    Wrong(SINGLE, "never-empty", r"no sequence is without masks: the", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T = len(mask_rate)
            step = torch.randint(T, (x0.shape[0],), generator=generator)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            coins = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
            while not coins.any(-1).all():
                again = torch.rand(x0.shape, generator=generator) < mask_rate[step, None]
                coins = torch.where(coins.any(-1, keepdim=True), coins, again)
            xt = torch.where(coins, mask_id, x0)
            return T * rho[step] * masked_loss(xt)
    """),
    Wrong(SINGLE, "systematic-coins", r"the number of masks of a sequence", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            batch, n = x0.shape
            T = len(mask_rate)
            rho = torch.diff(mask_rate, prepend=mask_rate.new_zeros(1)) / mask_rate
            step = torch.randint(T, (batch,), generator=generator)
            u = torch.rand(batch, 1, generator=generator)
            coins = (u + torch.arange(n) / n) % 1.0 < mask_rate[step, None]
            return T * rho[step] * masked_loss(torch.where(coins, mask_id, x0))
    """),
    Wrong(SINGLE, "all-steps-added", r"right on average", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, before = len(mask_rate), torch.cat([torch.zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            total = 0
            for t in range(T):
                masked = torch.rand(x0.shape, generator=generator) < mask_rate[t]
                total = total + rho[t] * masked_loss(torch.where(masked, mask_id, x0))
            return total
    """),
    Wrong(SINGLE, "mean-over-masked-nan", r"0/0 where there is none", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, before = len(mask_rate), torch.cat([torch.zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            t = torch.randint(T, (len(x0),), generator=generator)
            xt = torch.where(torch.rand(x0.shape, generator=generator) < mask_rate[t, None], mask_id, x0)
            return T * rho[t] * masked_loss(xt) / (xt == mask_id).sum(-1)
    """),
    Wrong(SINGLE, "mean-of-the-weights", r"all t have one weight", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, before = len(mask_rate), torch.cat([torch.zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            t = torch.randint(T, (len(x0),), generator=generator)
            xt = torch.where(torch.rand(x0.shape, generator=generator) < mask_rate[t, None], mask_id, x0)
            return T * rho.mean() * masked_loss(xt)
    """),
    Wrong(SINGLE, "divided-by-the-share", r"share of the tokens", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, before = len(mask_rate), torch.cat([torch.zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            t = torch.randint(T, (len(x0),), generator=generator)
            xt = torch.where(torch.rand(x0.shape, generator=generator) < mask_rate[t, None], mask_id, x0)
            return T * rho[t] * masked_loss(xt) / (xt == mask_id).double().mean(-1).clamp(min=0.1)
    """),
    Wrong(SINGLE, "two-times", r"another step", """
        def single_term(masked_loss, x0, mask_rate, mask_id, generator):
            T, before = len(mask_rate), torch.cat([torch.zeros(1), mask_rate[:-1]])
            rho = (mask_rate - before) / mask_rate
            t = torch.randint(T, (len(x0),), generator=generator)
            xt = torch.where(torch.rand(x0.shape, generator=generator) < mask_rate[t, None], mask_id, x0)
            return T * rho[torch.randint(T, (len(x0),), generator=generator)] * masked_loss(xt)
    """),
]

TABLE = {
    RHO: {
        "rare mass": "right answers subtract alpha_bars: below 1e-12 their digits are lost",
        "odd rates": ("epsilon-in-the-denominator", "small-epsilon-in-the-denominator",
                      "denominator-not-below-a-percent"),
        "ends of time": lambda cases: any(len(case.args[0]) == 1 for case in cases),
        "both floats": True,
        "long or many": "what underflows in a product of many 1 - beta is 0 in the right result, too",
        "letters": "has no states",
        "shapes": "beta has one dimension",
        **no("the schedule is the whole argument: each is another chain", "two chains", "sparse and late"),
        **DRAWS_NOTHING, **NO_TEXTS, **NO_LOGITS,
    },
    POSTERIOR: {
        **dict.fromkeys(("rare mass", "batch sizes", "both floats"), True),
        "ordinary batch": lambda cases: any(bool((case.args[0] == case.args[3]).any(1).all()) and not bool(
            (case.args[0] == case.args[3]).all(1).any()) for case in cases),
        "odd rates": ("rho-not-below-a-thousandth", "small-rho-is-none"),
        "letters": lambda cases: any(case.args[4] > 256 for case in cases),
        "long or many": "each token is by itself",
        "shapes": "texts have two dimensions",
        "ends of time": lambda cases: any(bool((case.args[2] == 1).any()) for case in cases),
        **DRAWS_NOTHING, **NO_CHAIN, **NO_LOGITS,
    },
    CARRY: {
        **dict.fromkeys(("batch sizes", "both floats", "large logits"), True),
        "rare mass": ("minus-fifty-for-the-mask", "logits-limited", "something-added-before-the-logarithm"),
        "-inf": "the logits given are finite; -inf is what the answer puts in, see rare mass",
        "ordinary batch": lambda cases: any(bool((case.args[1] != case.args[2]).any(1).all()) for case in cases),
        "letters": "the states are looked at one by one",
        "long or many": "each token is by itself",
        "shapes": "logits have three dimensions",
        "odd rates": "takes no rate",
        **DRAWS_NOTHING, **NO_CHAIN, **NO_TIME,
    },
    LOSS: {
        **dict.fromkeys(("rare mass", "batch sizes", "both floats", "-inf"), True),
        "large logits": "takes log-probabilities; see rare mass",
        "ordinary batch": lambda cases: any(bool((case.args[2] == case.args[4]).any(1).all()) for case in cases),
        "letters": lambda cases: any(case.args[0].shape[2] > 256 for case in cases),
        "long or many": "logarithms are added: nothing underflows",
        "shapes": "log_probs have three dimensions",
        "odd rates": lambda cases: any(float(rate) * 10 % 1 > 0.01 for case in cases for rate in case.args[3]),
        "ends of time": "takes rho, and no t",
        **DRAWS_NOTHING, **NO_CHAIN,
    },
    SINGLE: {
        "two calls": True,
        "batch sizes": lambda cases: {1, 2, 6000} <= {len(case.args[1]) for case in cases},
        "across the batch": ("antithetic-coins", "two-texts-share-a-step", "one-coin-a-position",
                             "every-step-equally-often", "one-t-for-the-batch"),
        "along the text": ("one-coin-a-sequence", "exact-number-of-masks"),
        "ends of time": ("last-step-never-drawn", "first-step-never-drawn"),
        "letters": ("states-in-a-byte",),
        "odd rates": "the rates of the schedule tell the draws apart: small ones would need more texts",
        "rare mass": "the price of a text is computed by masked_loss, and its weight is not small",
        "ordinary batch": "no text is special",
        "long or many": "the tokens of a text are few, so that a draw tells its t and its masks",
        "shapes": "texts have two dimensions",
        "both floats": "the only numbers are the rates; a right answer may compute in either",
        **NO_CHAIN, **NO_LOGITS,
    },
}

TOPIC = Topic("05_rho_weighted_loss", FUNCTIONS, RIGHT, WRONG, samplers=(SINGLE,), table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {RHO: "alpha-bar-t-for-t-minus-1", POSTERIOR: "scatter-add", CARRY: "one-hot-for-logits",   # noqa: RUF012
             SINGLE: "first-answer-by-name"}


class TestSampler(SamplerTests):
    topic = TOPIC
    task = SINGLE
    steady = ("index-from-zero", "multinomial-and-bernoulli", "chain-step-by-step")
    never = ("one-t-for-the-batch", "one-coin-a-sequence", "one-coin-a-position", "exact-number-of-masks",
             "last-step-never-drawn", "first-step-never-drawn", "antithetic-coins", "two-texts-share-a-step")
