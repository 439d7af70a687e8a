"""Does the check of topic 00 deserve trust? The answers were written from the exercise alone."""

from answers import AnswersTests, NotebookTests, Right, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_FLOATS, NO_TIME, no

SHARE = "00-1-mask-share"

RIGHT = [
    Right(SHARE, "mean-of-doubles", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean(-1)
    """),
    Right(SHARE, "count-over-length", """
        def mask_share(xt, mask_id):
            n_masked = (xt == mask_id).sum(dim=1)
            return n_masked / xt.shape[1]
    """),
    Right(SHARE, "two-loops", """
        def mask_share(xt, mask_id):
            batch, n = xt.shape
            out = torch.zeros(batch)
            for b in range(batch):
                c = 0
                for k in range(n):
                    if xt[b, k] == mask_id:
                        c += 1
                out[b] = c / n
            return out
    """),
    Right(SHARE, "lists-inside", """
        def mask_share(xt, mask_id):
            return torch.tensor([row.count(mask_id) / len(row) for row in xt.tolist()])
    """),
    Right(SHARE, "numpy-array-returned", """
        def mask_share(xt, mask_id):
            return np.mean(xt.numpy() == mask_id, axis=-1)
    """),
    Right(SHARE, "one-minus-the-visible", """
        def mask_share(xt, mask_id):
            return 1 - torch.ne(xt, mask_id).float().mean(dim=1)
    """),
    Right(SHARE, "einsum", """
        def mask_share(xt, mask_id):
            m = (xt == mask_id).to(torch.float32)
            return torch.einsum("bn,n->b", m, torch.ones(xt.size(1)) / xt.size(1))
    """),
    Right(SHARE, "lambda-over-one-hots", """
        mask_share = lambda xt, mask_id: torch.nn.functional.one_hot(xt, 1 + max(mask_id, int(xt.max()))
                                                                     ).float().mean(1)[:, mask_id]
    """),
]

WRONG = [
    Wrong(SHARE, "count", r"count|how many|number of", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).sum(-1)
    """),
    Wrong(SHARE, "count-as-float", r"count|how many|number of", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).float().sum(-1)
    """),
    Wrong(SHARE, "share-of-the-visible", r"visible|not masked|unmasked", """
        def mask_share(xt, mask_id):
            return (xt != mask_id).double().mean(-1)
    """),
    Wrong(SHARE, "mean-of-booleans", r"RuntimeError.*dtype", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).mean(-1)
    """),
    Wrong(SHARE, "whole-batch", r"shape|each sequence", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean()
    """),
    Wrong(SHARE, "whole-batch-for-each", r"whole batch|each sequence|all sequences", """
        def mask_share(xt, mask_id):
            share = (xt == mask_id).double().mean()
            return share.expand(len(xt))
    """),
    Wrong(SHARE, "over-the-batch", r"shape|first dimension|position", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean(0)
    """),
    Wrong(SHARE, "dimension-kept", r"shape", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).float().mean(-1, keepdim=True)
    """),
    Wrong(SHARE, "not-averaged", r"shape", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double()
    """),
    Wrong(SHARE, "per-cent", r"per ?cent|100", """
        def mask_share(xt, mask_id):
            return 100 * (xt == mask_id).double().mean(-1)
    """),
    Wrong(SHARE, "integer-division", r"integer|floating", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).sum(-1) // xt.shape[-1]
    """),
    Wrong(SHARE, "divided-by-the-batch", r"batch|length|\bn\b", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).sum(-1) / len(xt)
    """),
    Wrong(SHARE, "masked-to-visible", r"visible|odds|ratio", """
        def mask_share(xt, mask_id):
            m = (xt == mask_id).sum(-1)
            return m / (xt != mask_id).sum(-1)
    """),
    Wrong(SHARE, "share-of-all-masks", None, """
        def mask_share(xt, mask_id):
            m = (xt == mask_id).double().sum(-1)
            return m / m.sum()
    """),
    Wrong(SHARE, "mask-taken-for-the-highest", r"mask_id", """
        def mask_share(xt, mask_id):
            return (xt == xt.max()).double().mean(-1)
    """),
    Wrong(SHARE, "mask-taken-for-0", r"mask_id", """
        def mask_share(xt, mask_id):
            return (xt == 0).double().mean(-1)
    """),
    Wrong(SHARE, "mean-state", r"states|compar", """
        def mask_share(xt, mask_id):
            return xt.double().mean(-1)
    """),
    Wrong(SHARE, "any-masked", r"at all", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).any(-1).float()
    """),
    Wrong(SHARE, "off-by-one-length", r"n - 1", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).sum(-1) / (xt.shape[-1] - 1)
    """),
    Wrong(SHARE, "last-token-left-out", None, """
        def mask_share(xt, mask_id):
            shares = []
            for row in xt:
                hits = 0
                for k in range(len(row) - 1):
                    hits += int(row[k] == mask_id)
                shares.append(hits / len(row))
            return torch.tensor(shares)
    """),
    Wrong(SHARE, "list-for-tensor", r"a list", """
        def mask_share(xt, mask_id):
            return [float((row == mask_id).float().mean()) for row in xt]
    """),
    Wrong(SHARE, "forgotten-return", r"return statement", """
        def mask_share(xt, mask_id):
            share = (xt == mask_id).double().mean(-1)
    """),
    Wrong(SHARE, "prints-instead", r"return statement", """
        def mask_share(xt, mask_id):
            print((xt == mask_id).double().mean(-1))
    """),
    Wrong(SHARE, "writes-into-xt", r"in place", """
        def mask_share(xt, mask_id):
            hit = xt == mask_id
            xt[hit] = 1
            xt[~hit] = 0
            return xt.double().mean(-1)
    """),
    Wrong(SHARE, "counted-in-uint8", r"uint8", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).to(torch.uint8).sum(-1, dtype=torch.uint8) / xt.shape[-1]
    """),
    Wrong(SHARE, "mean-of-halves", None, """
        def mask_share(xt, mask_id):
            return (xt == mask_id).half().mean(-1)
    """),
    Wrong(SHARE, "states-in-uint8", None, """
        def mask_share(xt, mask_id):
            return (xt.byte() == mask_id % 256).double().mean(-1)
    """),
    Wrong(SHARE, "divided-by-the-longer-side", r"longer side", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).sum(-1) / max(xt.shape)
    """),
    Wrong(SHARE, "over-the-longer-axis", r"shape", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean(int(np.argmax(xt.shape)))
    """),
    Wrong(SHARE, "clamped", None, """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean(-1).clamp(1e-3, 1 - 1e-3)
    """),
    Wrong(SHARE, "squeezed", r"shape", """
        def mask_share(xt, mask_id):
            return (xt == mask_id).double().mean(-1).squeeze()
    """),
    Wrong(SHARE, "divides-by-all-tokens", r"divided by the number of tokens", """
        def mask_share(xt, mask_id):
            masked = (xt == mask_id).sum(-1)
            return masked / xt.numel()
    """),
    Wrong(SHARE, "mask-is-last-state", r"states above mask_id are counted, too;", """
        def mask_share(xt, mask_id):
            # the mask has the largest id of the vocabulary
            return torch.ge(xt, mask_id).to(torch.float64).mean(dim=1)
    """),
    Wrong(SHARE, "odds", r"this is the ratio of masked", """
        def mask_share(xt, mask_id):
            masked = (xt == mask_id).sum(-1)
            visible = (xt != mask_id).sum(-1)
            return (masked / visible.clamp(min=1)).clamp(max=1.0)
    """),
]

TABLE = {SHARE: {
    **DRAWS_NOTHING, **NO_CHAIN, **NO_FLOATS, **NO_TIME, **no("a batch has two dimensions here", "shapes"),
    "ordinary batch": lambda cases: any(0 < (x == mask).sum() < x.numel() for x, mask in (c.args for c in cases)),
    "batch sizes": True,
    "odd rates": ("clamped", "mean-of-halves"),
    "letters": ("mask-taken-for-the-highest", "mask-taken-for-0", "states-in-uint8"),
    "long or many": ("counted-in-uint8",),
}}

TOPIC = Topic("00_start_here", {SHARE: "mask_share"}, RIGHT, WRONG, table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {SHARE: "two-loops"}      # noqa: RUF012
