"""Do the checks of topic 10 deserve trust? An answer is given as the body of the function that its task asks for."""

from textwrap import dedent, indent

from answers import AnswersTests, NotebookTests, Right, Topic, Wrong
from properties import DRAWS_NOTHING, NO_CHAIN, NO_FLOATS, NO_LOGITS, NO_TEXTS, NO_TIME, no

LEAKED = "10-1-leaked"
BITS = "10-2-bits-with-error"
DISTANCE = "10-3-bigram-distance"
TEMPLATE = "10-4-template-tokens"
FUNCTIONS = {LEAKED: "leaked", BITS: "bits_with_error", DISTANCE: "bigram_distance", TEMPLATE: "template_tokens"}
ARGUMENTS = {LEAKED: "train_starts, held_out_starts, length", BITS: "nats, lengths",
             DISTANCE: "samples, reference, num_states", TEMPLATE: "template, alphabet, blank"}


def define(task, body):
    return f"def {FUNCTIONS[task]}({ARGUMENTS[task]}):\n{indent(dedent(body).strip(), '    ')}"


def right(task, answers):
    return [Right(task, kind, define(task, body)) for kind, body in answers.items()]


def wrong(task, answers):
    return [Wrong(task, mistake, words, define(task, body)) for mistake, (words, body) in answers.items()]


# --------------------------------------------------------------------------------------------------- right answers

RIGHT = [
    *right(LEAKED, {
        "broadcast": """
            places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
            return ((places >= train_starts) & (places < train_starts + length)).any(-1).float().mean(-1)
        """,
        "isin-of-all-places": """
            offsets = torch.arange(length)
            seen = (train_starts[:, None] + offsets).flatten()
            return torch.isin(held_out_starts[:, None] + offsets, seen).double().mean(1)
        """,
        "python-sets": """
            seen = {s + i for s in train_starts.tolist() for i in range(length)}
            return torch.tensor([len(seen & set(range(h, h + length))) / length for h in held_out_starts.tolist()])
        """,
        "map-of-the-text": """
            last = max([0, *train_starts.tolist(), *held_out_starts.tolist()]) + length
            seen = torch.zeros(last, dtype=torch.bool)
            for s in train_starts:
                seen[s:s + length] = True
            return torch.stack([seen[h:h + length].double().mean() for h in held_out_starts])
        """,
        "running-sum-numpy": """
            size = int(max([0, *train_starts.tolist(), *held_out_starts.tolist()])) + length + 1
            change = np.zeros(size)
            for s in train_starts.numpy():
                change[s] += 1
                change[s + length] -= 1
            seen = np.concatenate([[0], np.cumsum(np.cumsum(change) > 0)])
            held = held_out_starts.numpy()
            return (seen[held + length] - seen[held]) / length
        """,
        "three-loops": """
            out = torch.zeros(len(held_out_starts))
            for j, h in enumerate(held_out_starts.tolist()):
                for place in range(h, h + length):
                    for s in train_starts.tolist():
                        if s <= place < s + length:
                            out[j] += 1 / length
                            break
            return out
        """,
        "difference-between-0-and-length": """
            gap = held_out_starts[:, None] + torch.arange(length)
            gap = gap.unsqueeze(-1) - train_starts
            return torch.logical_and(gap >= 0, gap < length).any(2).sum(1) / length
        """,
        "nearest-neighbours": """
            if len(train_starts) == 0:
                return torch.zeros(len(held_out_starts))
            t = train_starts.sort().values
            i = torch.searchsorted(t, held_out_starts, right=True)
            before, after = t[(i - 1).clamp(min=0)], t[i.clamp(max=len(t) - 1)]
            head = torch.where(i > 0, (before + length - held_out_starts).clamp(0, length), 0)
            tail = torch.where(i < len(t), (held_out_starts + length - after).clamp(0, length), 0)
            return (head + tail).clamp(max=length) / length
        """,
    }),
    *right(BITS, {
        "as-the-hint-says": """
            R = nats.sum() / lengths.sum()
            s = (nats - R * lengths).std()
            return torch.stack([R, s * len(nats) ** 0.5 / lengths.sum()]) / np.log(2)
        """,
        "sums-by-hand": """
            import math
            D, C = len(nats), float(lengths.sum())
            R = float(nats.sum()) / C
            squares = sum((float(a) - R * float(c)) ** 2 for a, c in zip(nats, lengths))
            return torch.tensor([R / math.log(2), math.sqrt(D * squares / (D - 1)) / C / math.log(2)])
        """,
        "bits-first": """
            bits = nats / torch.log(torch.tensor(2.0, dtype=nats.dtype))
            R = bits.sum() / lengths.sum()
            e = bits - R * lengths
            return torch.stack((R, (e.square().sum() * len(e) / (len(e) - 1)).sqrt() / lengths.sum()))
        """,
        "weighted-mean": """
            w = lengths / lengths.sum()
            r = nats / lengths / np.log(2)
            R = (w * r).sum()
            D = len(w)
            return torch.stack([R, ((w * (r - R)) ** 2).sum().mul(D / (D - 1)).sqrt()])
        """,
        "numpy-array-returned": """
            a, c = nats.numpy() / np.log(2), lengths.numpy()
            R = a.sum() / c.sum()
            return np.array([R, np.std(a - R * c, ddof=1) / np.sqrt(len(a)) / c.mean()])
        """,
        "float32": """
            nats, lengths = nats.float(), lengths.float()
            R = nats.mean() / lengths.mean()
            error = (nats - R * lengths).var().div(len(nats)).sqrt() / lengths.mean()
            return torch.tensor([R, error]) * 1.442695
        """,
        "covariances": """
            D = len(nats)
            C = torch.cov(torch.stack([nats, lengths.double()]))
            R = nats.sum() / lengths.sum()
            variance = C[0, 0] - 2 * R * C[0, 1] + R ** 2 * C[1, 1]
            return torch.stack([R, (D * variance).sqrt() / lengths.sum()]) / np.log(2)
        """,
    }),
    *right(DISTANCE, {
        "bincount": """
            def shares(x):
                pairs = (x[:, :-1] * num_states + x[:, 1:]).flatten()
                return torch.bincount(pairs, minlength=num_states ** 2) / pairs.numel()
            return (shares(samples) - shares(reference)).abs().sum() / 2
        """,
        "counters": """
            from collections import Counter
            p, q = (Counter(pair for row in x.tolist() for pair in zip(row, row[1:])) for x in (samples, reference))
            P, Q = sum(p.values()), sum(q.values())
            return 0.5 * sum(abs(p[pair] / P - q[pair] / Q) for pair in {*p, *q})
        """,
        "one-hot-matrices": """
            def table(x):
                e = torch.nn.functional.one_hot(x, num_states).double()
                t = torch.einsum("sia,sib->ab", e[:, :-1], e[:, 1:])
                return t / t.sum()
            return torch.sum(torch.abs(table(samples) - table(reference))) * 0.5
        """,
        "positive-part": """
            tables = []
            for x in (samples, reference):
                t = torch.zeros(num_states, num_states, dtype=torch.float64)
                t.index_put_((x[:, :-1].flatten(), x[:, 1:].flatten()), torch.tensor(1.0, dtype=torch.float64),
                             accumulate=True)
                tables.append(t / t.sum())
            return (tables[0] - tables[1]).clamp(min=0).sum()
        """,
        "one-minus-the-overlap": """
            p, q = (torch.histc((x[:, 1:] + num_states * x[:, :-1]).double(), num_states ** 2, 0, num_states ** 2)
                    for x in (samples, reference))
            return 1 - torch.minimum(p / p.sum(), q / q.sum()).sum()
        """,
        "numpy-histogram": """
            h = []
            for x in (samples.numpy(), reference.numpy()):
                t, _, _ = np.histogram2d(x[:, :-1].ravel(), x[:, 1:].ravel(), bins=num_states,
                                         range=[[0, num_states]] * 2)
                h.append(t / t.sum())
            return np.abs(h[0] - h[1]).sum() / 2
        """,
        "unfold-and-loops": """
            def frequency(x, a, b):
                pairs = x.unfold(1, 2, 1).reshape(-1, 2)
                return ((pairs[:, 0] == a) & (pairs[:, 1] == b)).float().mean()
            return sum((frequency(samples, a, b) - frequency(reference, a, b)).abs()
                       for a in range(num_states) for b in range(num_states)) / 2
        """,
    }),
    *right(TEMPLATE, {
        "a-look-first": """
            for place, c in enumerate(template):
                if c != blank and c not in alphabet:
                    raise ValueError(f"{c} at {place} is none of {alphabet}")
            return torch.tensor([len(alphabet) if c == blank else alphabet.index(c) for c in template])
        """,
        "dictionary": """
            state = {c: i for i, c in enumerate(alphabet + blank)}
            unknown = sorted(set(template) - set(state))
            if unknown:
                raise ValueError(f"unknown: {unknown}")
            return torch.tensor([state[c] for c in template], dtype=torch.int32)
        """,
        "key-error-turned": """
            state = dict(zip(alphabet, range(len(alphabet))))
            state[blank] = len(alphabet)
            try:
                return torch.tensor([state[c] for c in template])
            except KeyError as error:
                raise ValueError(f"the model does not know {error}") from None
        """,
        "index-turned": """
            try:
                return torch.tensor(list(map((alphabet + blank).index, template)))
            except ValueError as error:
                raise ValueError(f"{template!r} has a character that is not in {alphabet!r}") from error
        """,
        "loop-into-a-full-tensor": """
            x = torch.full((len(template),), len(alphabet))
            for i, c in enumerate(template):
                if c != blank:
                    place = alphabet.find(c)
                    if place < 0:
                        raise ValueError(f"{c!r} at {i} is not in the alphabet")
                    x[i] = place
            return x
        """,
        "tokenizer-of-the-package": """
            from dlm_course import CharTokenizer
            own = CharTokenizer(alphabet, mask_char=blank)
            place = torch.tensor([alphabet.index(c) for c in own.alphabet] + [len(alphabet)])
            return place[own.encode(template)]
        """,
        "numpy-array-returned": """
            known = np.array(list(alphabet + blank))
            hit = np.array(list(template))[:, None] == known
            if not hit.any(1).all():
                raise ValueError(f"unknown, at {np.flatnonzero(~hit.any(1)).tolist()} of {template}")
            return hit.argmax(1)
        """,
    }),
]


# --------------------------------------------------------------------------------------------------- wrong answers

SEEN = """
    places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
    seen = (train_starts <= places) & (places < train_starts + length)
"""
LEFT = "overlap = (length - (held_out_starts[:, None] - train_starts).abs()).clamp(min=0)\n"
RATIO = "R = nats.sum() / lengths.sum()\ne = nats - R * lengths\nD = len(nats)\nC = lengths.sum()\n"
SHARES = """
    def shares(x):
        pairs = (x[:, :-1] * num_states + x[:, 1:]).flatten()
        return torch.bincount(pairs, minlength=num_states ** 2).double() / len(pairs)
    p, q = shares(samples), shares(reference)
"""
CODES = """
    def shares(x):
        pairs = {}.flatten()
        return torch.bincount(pairs, minlength=4 * num_states ** 2).double() / len(pairs)
    return (shares(samples) - shares(reference)).abs().sum() / 2
"""


def seen(line):
    return dedent(SEEN) + line


def ratio(second, first="R"):
    return RATIO + f"return torch.stack([{first}, {second}]) / np.log(2)"


def shares(line):
    return dedent(SHARES) + line


def codes(pairs):
    return dedent(CODES).rstrip().format(pairs)


def states(mask="len(alphabet)", state="alphabet.index(c)", of="template", to="torch.tensor"):
    return f"return {to}([{mask} if c == blank else {state} for c in {of}])"


WRONG = [
    *wrong(LEAKED, {
        "any-overlap": (r"whole|share", LEFT + "return (overlap > 0).any(1).double()"),
        "overlaps-added": (r"twice", LEFT + "return overlap.sum(1) / length"),
        "overlaps-added-and-cut-off": (r"twice", LEFT + "return (overlap.sum(1) / length).clamp(max=1)"),
        "largest-overlap": (r"shares most|any of them|shape|raised",
                            LEFT + "return overlap.amax(1) / length if len(train_starts) else overlap.sum(1) / length"),
        "number-of-characters": (r"number of characters|divide", seen("return seen.any(-1).double().sum(-1)")),
        "integer-count": (r"number of characters", seen("return seen.any(-1).sum(-1)")),
        "percent": (r"percent", seen("return 100 * seen.any(-1).double().mean(-1)")),
        "what-does-not-leak": (r"not\W+ leak", seen("return 1 - seen.any(-1).double().mean(-1)")),
        "one-number": (r"shape", seen("return seen.any(-1).double().mean()")),
        "a-share-a-character": (r"shape", seen("return seen.any(-1).double()")),
        "of-the-training-windows": (r"shape", """
            places = train_starts[:, None, None] + torch.arange(length)[:, None]
            inside = (held_out_starts <= places) & (places < held_out_starts + length)
            return inside.any(-1).double().mean(-1)
        """),
        "only-earlier-windows": (r"before", """
            d = held_out_starts[:, None] - train_starts
            share = torch.where((d >= 0) & (d < length), (length - d) / length, 0.0)
            return share.amax(1) if len(train_starts) else torch.zeros(len(held_out_starts))
        """),
        "only-later-windows": (r"after", """
            d = train_starts - held_out_starts[:, None]
            share = torch.where((d >= 0) & (d < length), (length - d) / length, 0.0)
            return share.amax(1) if len(train_starts) else torch.zeros(len(held_out_starts))
        """),
        "same-start": (r"same start", "return torch.isin(held_out_starts, train_starts).double()"),
        "end-included": (r"ends one before|that character included", """
            places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
            return ((train_starts <= places) & (places <= train_starts + length)).any(-1).double().mean(-1)
        """),
        "end-one-too-early": (r"length - 1", """
            places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
            return ((train_starts <= places) & (places < train_starts + length - 1)).any(-1).double().mean(-1)
        """),
        "start-excluded": (r"start is left out", """
            places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
            return ((train_starts < places) & (places < train_starts + length)).any(-1).double().mean(-1)
        """),
        "from-first-to-last": (r"gaps|between the first and the last", """
            if len(train_starts) == 0:
                return torch.zeros(len(held_out_starts))
            places = held_out_starts[:, None] + torch.arange(length)
            return ((places >= train_starts.min()) & (places < train_starts.max() + length)).double().mean(1)
        """),
        "starts-only": (r"starts", """
            return torch.isin(held_out_starts[:, None] + torch.arange(length), train_starts).double().mean(1)
        """),
        "first-character": (r"first character", seen("return seen[:, 0].any(-1).double()")),
        "last-character": (r"last character", seen("return seen[:, -1].any(-1).double()")),
        "both-ends": (r"first and the last", seen("return seen[:, [0, -1]].any(-1).double().mean(-1)")),
        "return-in-the-loop": (r"first training window", """
            for s in train_starts:
                d = (held_out_starts - s).abs()
                return (length - d).clamp(min=0) / length
            return torch.zeros(len(held_out_starts))
        """),
        "overwritten-in-the-loop": (r"last training window|overwrite", """
            share = torch.zeros(len(held_out_starts))
            for s in train_starts:
                share = (length - (held_out_starts - s).abs()).clamp(min=0) / length
            return share
        """),
        "mean-over-windows": (r"averaged|raised|border", seen("return seen.double().mean((1, 2))")),
        "in-all-windows": (r"every training window", seen("return seen.all(-1).double().mean(-1)")),
        "relative-to-all": (r"together", """
            offsets = torch.arange(length)
            seen = torch.isin(held_out_starts[:, None] + offsets, train_starts[:, None] + offsets).double().sum(1)
            return seen / seen.sum().clamp(min=1)
        """),
        "nan-without-training": (r"border case|raised|nothing", """
            places = held_out_starts[:, None] + torch.arange(length)
            seen = torch.isin(places, train_starts[:, None] + torch.arange(length)).double().mean(1)
            return seen * len(train_starts) / torch.tensor(float(len(train_starts)))
        """),
        "held-out-included": (None, """
            starts = torch.cat([train_starts, held_out_starts[:1]])
            places = held_out_starts[:, None, None] + torch.arange(length)[:, None]
            return ((starts <= places) & (places < starts + length)).any(-1).double().mean(-1)
        """),
        "strided-by-two": (None, """
            places = held_out_starts[:, None, None] + 2 * torch.arange(length)[:, None]
            return ((train_starts <= places) & (places < train_starts + length)).any(-1).double().mean(-1)
        """),
        "loops-swapped": (r"raised|shape", """
            seen = set((train_starts[:, None] + torch.arange(length)).flatten())
            return torch.tensor([float(h in seen) for h in train_starts])
        """),
        "list": (r"a list", seen("return seen.any(-1).double().mean(-1).tolist()")),
        "forgotten-return": (r"return statement", seen("share = seen.any(-1).double().mean(-1)")),
        "at-least-two-characters": (None, """
            d = (held_out_starts[:, None] - train_starts).abs()
            places = held_out_starts[:, None, None] + torch.arange(max(length, 2))[:, None]
            return ((places >= train_starts) & (places < train_starts + length)).any(-1).double().mean(-1)
        """),
        "places-in-int16": (None, """
            places = (held_out_starts[:, None] + torch.arange(length)).short()
            return torch.isin(places, (train_starts[:, None] + torch.arange(length)).short()).double().mean(1)
        """),
        "places-in-halves": (None, """
            places = (held_out_starts[:, None] + torch.arange(length)).half()
            return torch.isin(places, (train_starts[:, None] + torch.arange(length)).half()).double().mean(1)
        """),
        "counted-in-uint8": (None, """
            places = (held_out_starts[:, None] + torch.arange(length))
            return torch.isin(places, (train_starts[:, None] + torch.arange(length))).byte().sum(1,
                    dtype=torch.uint8) / length
        """),
        "neighbours-of-unsorted-starts": (None, """
            if len(train_starts) == 0:
                return torch.zeros(len(held_out_starts))
            t = train_starts
            i = torch.searchsorted(t, held_out_starts, right=True)
            before = t[(i - 1).clamp(min=0)]
            after = t[i.clamp(max=len(t) - 1)]
            a = torch.where(i > 0, (before + length - held_out_starts).clamp(0, length), 0)
            b = torch.where(i < len(t), (held_out_starts + length - after).clamp(0, length), 0)
            return (a + b).clamp(max=length) / length
        """),
    }),
    *wrong(BITS, {
        "mean-of-ratios": (r"short passage", """
            r = nats / lengths / np.log(2)
            return torch.stack([r.mean(), r.std() / len(r) ** 0.5])
        """),
        "mean-of-ratios-in-nats": (r"nats", """
            r = nats / lengths
            return torch.stack([r.mean(), r.std() / len(r) ** 0.5])
        """),
        "error-of-the-mean-of-ratios": (r"residuals", ratio("(nats / lengths).std() / D ** 0.5")),
        "error-of-the-nats": (r"nats alone|long passage", ratio("nats.std() * D ** 0.5 / C")),
        "mean-of-ratios-right-error": (r"first number", ratio("e.std() * D ** 0.5 / C", "(nats / lengths).mean()")),
        "nats": (r"log 2", RATIO + "return torch.stack([R, e.std() * D ** 0.5 / C])"),
        "times-log-2": (r"Multiplied|divide", RATIO + "return torch.stack([R, e.std() * D ** 0.5 / C]) * np.log(2)"),
        "error-in-nats": (r"error still in nats", RATIO +
                          "return torch.stack([R / np.log(2), e.std() * D ** 0.5 / C])"),
        "number-in-nats": (r"first number is in nats", RATIO +
                           "return torch.stack([R, e.std() * D ** 0.5 / C / np.log(2)])"),
        "log-10": (r"log 10", RATIO + "return torch.stack([R, e.std() * D ** 0.5 / C]) / np.log(10)"),
        "divided-by-d": (r"D - 1", ratio("e.std(correction=0) * D ** 0.5 / C")),
        "root-of-d-missing": (r"too small", ratio("e.std() / C")),
        "spread-of-passages": (r"spread|too large", ratio("e.std() / lengths.double().mean()")),
        "not-over-the-characters": (r"number of characters", ratio("e.std() * D ** 0.5")),
        "over-the-root-of-d-only": (r"sqrt\(D\) only", ratio("e.std() / D ** 0.5")),
        "variance": (r"variance", RATIO + """
s = e.std() * D ** 0.5 / C / np.log(2)
return torch.stack([R / np.log(2), s ** 2])"""),
        "error-first": (r"comes first", ratio("R", "e.std() * D ** 0.5 / C")),
        "interval": (r"1\.96|95", ratio("1.96 * e.std() * D ** 0.5 / C")),
        "characters-independent": (r"every character", ratio("e.std() / C ** 0.5")),
        "bits-a-passage": (r"passage", "b = nats / np.log(2)\nreturn torch.stack([b.mean(), b.std() / len(b) ** 0.5])"),
        "bits-of-the-text": (r"whole text", RATIO + "return torch.stack([nats.sum(), e.std() * D ** 0.5]) / np.log(2)"),
        "characters-a-bit": (r"characters per bit", RATIO + """
return torch.stack([np.log(2) / R, e.std() * D ** 0.5 / C / np.log(2)])"""),
        "median": (r"median", ratio("e.std() * D ** 0.5 / C", "(nats / lengths).quantile(0.5)")),
        "mean-subtracted": (r"long passage|mean of the nats", ratio("((nats - nats.mean()) ** 2).sum().sqrt() / C")),
        "jackknife": (r"jackknife", RATIO + """
out = torch.stack([(nats.sum() - nats[d]) / (C - lengths[d]) for d in range(D)])
s = ((D - 1) / D * ((out - out.mean()) ** 2).sum()).sqrt()
return torch.stack([R, s]) / np.log(2)"""),
        "residuals-added": (r"add(ed)? up|squares", ratio("e.sum().abs() / C")),
        "mean-absolute": (r"sizes|squares", ratio("e.abs().mean() * D ** 0.5 / C")),
        "longest-for-all": (r"longest", """
            r = nats / lengths.max() / np.log(2)
            return torch.stack([r.mean(), r.std() / len(r) ** 0.5])
        """),
        "residuals-of-another-r": (r"R is that|residuals", RATIO + """
e = nats - (nats / lengths).mean() * lengths
return torch.stack([R, e.std() * D ** 0.5 / C]) / np.log(2)"""),
        "bootstrap": (r"error is not", RATIO + """
g = torch.Generator().manual_seed(0)
draw = torch.randint(D, (200, D), generator=g)
return torch.stack([R, (nats[draw].sum(1) / lengths[draw].sum(1)).std()]) / np.log(2)"""),
        "lengths-of-the-first": (None, "r = nats / lengths[0] / np.log(2)\n"
                                       "return torch.stack([r.mean(), r.std() / len(r) ** 0.5])"),
        "number-only": (r"shape", "return nats.sum() / lengths.sum() / np.log(2)"),
        "tuple": (r"a tuple", RATIO + "return R / np.log(2), e.std() * D ** 0.5 / C / np.log(2)"),
        "lengths-summed-in-place": (r"in place", "nats /= np.log(2)\n" + RATIO +
                                    "return torch.stack([R, e.std() * D ** 0.5 / C])"),
        "forgotten-return": (r"return statement", RATIO + "torch.stack([R, e.std() * D ** 0.5 / C]) / np.log(2)"),
        "halves": (None, """
            R = nats.sum() / lengths.sum()
            e = nats - R * lengths
            return (torch.stack([R, e.std() * len(e) ** 0.5 / lengths.sum()]) / np.log(2)).half()
        """),
        "lengths-in-int16": (None, """
            lengths = lengths.short().double()
            R = nats.sum() / lengths.sum()
            e = nats - R * lengths
            return torch.stack([R, e.std() * len(e) ** 0.5 / lengths.sum()]) / np.log(2)
        """),
        "error-clamped": (r"error is not", """
            R = nats.sum() / lengths.sum()
            e = nats - R * lengths
            return torch.stack([R, (e.std() * len(e) ** 0.5 / lengths.sum()).clamp(min=0.01)]) / np.log(2)
        """),
        "divided-by-d-minus-2": (r"error is not", """
            R = nats.sum() / lengths.sum()
            e = nats - R * lengths
            D = len(e)
            return torch.stack([R, (D * (e ** 2).sum() / max(D - 2, 1)).sqrt() / lengths.sum()]) / np.log(2)
        """),
        "weighted-spread": (r"each squared residual", """
            R = nats.sum() / lengths.sum()
            r = nats / lengths
            w = lengths / lengths.sum()
            return torch.stack([R, ((w * (r - R) ** 2).sum() / (len(r) - 1)).sqrt()]) / np.log(2)
        """),
    }),
    *wrong(DISTANCE, {
        "numbered-by-the-largest-state-of-each-set": (None, """
            histograms = []
            for texts in (samples, reference):
                base = int(texts.max()) + 1
                code = texts[:, :-1] * base + texts[:, 1:]
                histograms.append(torch.bincount(code.flatten(), minlength=num_states ** 2).double() / code.numel())
            return (histograms[0] - histograms[1]).abs().sum() / 2
        """),
        "numbers-of-16-bits": (r"16 bits", """
            def shares(texts):
                texts = texts.to(torch.int16)
                code = texts[:, :-1] * num_states + texts[:, 1:]
                code = code.flatten().long() % num_states ** 2
                return torch.bincount(code, minlength=num_states ** 2).double() / code.numel()

            return 0.5 * (shares(samples) - shares(reference)).abs().sum()
        """),
        "last-beside-the-first": (r"roll", """
            def shares(texts):
                texts = texts.long()
                code = texts * num_states + torch.roll(texts, -1, dims=1)
                return torch.bincount(code.reshape(-1), minlength=num_states ** 2) / code.numel()

            return (shares(samples) - shares(reference)).abs().sum() / 2
        """),
        "cut-to-the-same-size": (r"cut", """
            rows, columns = min(len(samples), len(reference)), min(samples.shape[1], reference.shape[1])
            shares = []
            for texts in (samples[:rows, :columns], reference[:rows, :columns]):
                pairs = texts[:, :-1].long() * num_states + texts[:, 1:]
                counts = torch.bincount(pairs.flatten(), minlength=num_states ** 2)
                shares.append(counts / counts.sum())
            return 0.5 * (shares[0] - shares[1]).abs().sum()
        """),
        "transition-tables": (r"p.b given a", """
            def joint(texts):
                table = torch.zeros(num_states, num_states, dtype=torch.float64)
                ones = torch.ones(texts[:, 1:].numel(), dtype=torch.float64)
                return table.index_put_((texts[:, :-1].reshape(-1), texts[:, 1:].reshape(-1)), ones, accumulate=True)

            p, q = joint(samples), joint(reference)
            first = p.sum(1) / p.sum()
            p = p / p.sum(1, keepdim=True).clamp(min=1)
            q = q / q.sum(1, keepdim=True).clamp(min=1)
            return (first * 0.5 * (p - q).abs().sum(1)).sum()
        """),
        "half-missing": (r"half", shares("return (p - q).abs().sum()")),
        "across-the-rows": (r"last character|separate", """
            def shares(x):
                x = x.flatten()
                pairs = x[:-1] * num_states + x[1:]
                return torch.bincount(pairs, minlength=num_states ** 2).double() / len(pairs)
            return (shares(samples) - shares(reference)).abs().sum() / 2
        """),
        "single-characters": (r"single characters", codes("x")),
        "single-characters-without-half": (r"single characters", codes("x") + " * 2"),
        "unordered": (r"order of a pair", codes(
            "(torch.minimum(x[:, :-1], x[:, 1:]) * num_states + torch.maximum(x[:, :-1], x[:, 1:]))")),
        "sum-of-codes": (r"same number", codes("(x[:, :-1] + x[:, 1:])")),
        "product-of-codes": (None, codes("(x[:, :-1] * x[:, 1:])")),
        "base-one-too-small": (r"same number", codes("(x[:, :-1] * (num_states - 1) + x[:, 1:])")),
        "pairs-that-do-not-overlap": (r"do not overlap", """
            def shares(x):
                even = x.shape[1] // 2 * 2
                pairs = (x[:, 0:even:2] * num_states + x[:, 1:even:2]).flatten()
                return torch.bincount(pairs, minlength=num_states ** 2).double() / len(pairs)
            return (shares(samples) - shares(reference)).abs().sum() / 2
        """),
        "down-the-columns": (r"columns", codes("(x[:-1] * num_states + x[1:])").replace(
            "shares(samples)", "shares(samples if len(samples) > 1 else samples.T)")),
        "conditional-averaged": (r"row of the table|p\(b given a\)", shares("""
def rows(p):
    p = p.reshape(num_states, num_states)
    return p / p.sum(1, keepdim=True).clamp(min=1e-12)
return (rows(p) - rows(q)).abs().sum() / 2 / num_states""")),
        "conditional-added": (r"p\(b given a\)", shares("""
def rows(p):
    p = p.reshape(num_states, num_states)
    return p / p.sum(1, keepdim=True).clamp(min=1e-12)
return (rows(p) - rows(q)).abs().sum() / 2""")),
        "counts": (r"counts", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2).double()
                    for x in (samples, reference))
            return (p - q).abs().sum() / 2
        """),
        "added-by-index": (r"however often it is named", """
            p, q = torch.zeros(2, num_states, num_states, dtype=torch.float64)
            p[samples[:, :-1], samples[:, 1:]] += 1
            q[reference[:, :-1], reference[:, 1:]] += 1
            return (p / p.sum() - q / q.sum()).abs().sum() / 2
        """),
        "over-the-samples-total": (r"each by its own", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2).double()
                    for x in (samples, reference))
            return (p - q).abs().sum() / 2 / p.sum()
        """),
        "over-the-references-total": (r"each by its own", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2).double()
                    for x in (samples, reference))
            return (p - q).abs().sum() / 2 / q.sum()
        """),
        "over-the-characters": (r"n - 1 pairs", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2) / x.numel()
                    for x in (samples, reference))
            return (p - q).abs().sum() / 2
        """),
        "over-the-texts": (r"number of texts", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2) / len(x)
                    for x in (samples, reference))
            return (p - q).abs().sum() / 2
        """),
        "largest": (r"largest", shares("return (p - q).abs().max()")),
        "euclidean": (r"Euclid", shares("return torch.linalg.norm(p - q)")),
        "squares": (r"squares", shares("return ((p - q) ** 2).sum()")),
        "half-the-squares": (r"squares", shares("return ((p - q) ** 2).sum() / 2")),
        "mean-difference": (r"averaged|mean", shares("return (p - q).abs().mean()")),
        "half-the-mean": (r"mean", shares("return (p - q).abs().mean() / 2")),
        "signs": (r"signs", shares("return (p - q).sum() / 2")),
        "overlap": (r"overlap", shares("return torch.minimum(p, q).sum()")),
        "only-the-samples-pairs": (r"samples hold", shares("return (p - q).abs()[p > 0].sum() / 2")),
        "only-the-texts-pairs": (r"text holds", shares("return (p - q).abs()[q > 0].sum() / 2")),
        "which-occur": (r"which pairs", shares(
            "return 1 - ((p > 0) & (q > 0)).double().sum() / ((p > 0) | (q > 0)).double().sum()")),
        "kl": (r"Kullback", shares("return torch.where(p > 0, p * (p / q).log(), 0.0).sum()")),
        "kl-the-other-way": (r"Kullback", shares("return torch.where(q > 0, q * (q / p).log(), 0.0).sum()")),
        "smoothed": (r"smoothing|count of 1", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2) + 1.0
                    for x in (samples, reference))
            return (p / p.sum() - q / q.sum()).abs().sum() / 2
        """),
        "one-between": (r"between", codes("(x[:, :-2] * num_states + x[:, 2:])").replace(
            "def shares(x):", "def shares(x):\n    x = torch.cat([x, x[:, :1]], 1) if x.shape[1] == 2 else x")),
        "each-sample-alone": (r"by itself", shares("""
return torch.stack([(shares(row[None]) - q).abs().sum() / 2 for row in samples]).mean()""")),
        "first-sample": (r"first sample", shares("return (shares(samples[:1]) - q).abs().sum() / 2")),
        "hellinger": (None, shares("return ((p.sqrt() - q.sqrt()) ** 2).sum().div(2).sqrt()")),
        "table-returned": (r"shape", shares("return (p - q).abs() / 2")),
        "minlength-forgotten": (r"raised", """
            p, q = (torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten()) for x in (samples, reference))
            return (p / p.sum() - q[:-1] / q.sum()).abs().sum() / 2
        """),
        "forgotten-return": (r"return statement", shares("(p - q).abs().sum() / 2")),
        "counts-in-uint8": (None, """
            def f(x):
                c = torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(),
                        minlength=num_states ** 2).byte().double()
                return c / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
        "codes-in-uint8": (None, """
            def f(x):
                c = torch.bincount((x[:, :-1] * num_states + x[:, 1:]).byte().flatten(),
                        minlength=num_states ** 2).double()
                return c / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
        "codes-in-halves": (None, """
            def f(x):
                c = torch.bincount((x[:, :-1].half() * num_states + x[:, 1:].half()).long().flatten(),
                        minlength=num_states ** 2).double()
                return c[:num_states**2] / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
        "base-ten": (None, """
            def f(x):
                c = torch.bincount((x[:, :-1] * 10 + x[:, 1:]).flatten(), minlength=10000).double()
                return c / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
        "shares-in-halves": (None, """
            def f(x):
                c = torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(), minlength=num_states ** 2).half()
                return c / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
        "first-thirty-texts": (None, """
            def f(x):
                x = x[:30]
                c = torch.bincount((x[:, :-1] * num_states + x[:, 1:]).flatten(),
                        minlength=num_states ** 2).double()
                return c / c.sum()
            return (f(samples) - f(reference)).abs().sum() / 2
        """),
    }),
    *wrong(TEMPLATE, {
        "a-class-of-the-raw-alphabet": (r"ValueError", """
            import re
            unknown = re.search(f"[^{alphabet}{blank}]", template)
            if unknown:
                raise ValueError(f"unknown character {unknown.group()!r}")
            number = dict(zip(alphabet + blank, range(len(alphabet) + 1)))
            return torch.tensor([number[char] for char in template if char in number])
        """),
        "mask-0": (r"state 0", states("0")),
        "mask-the-last-character": (r"V - 1", states("len(alphabet) - 1")),
        "mask-v-plus-1": (r"V \+ 1", states("len(alphabet) + 1")),
        "find-for-blanks-too": (r"-1", "return torch.tensor([alphabet.find(c) for c in template])"),
        "from-one": (r"counted from 1", states(state="alphabet.index(c) + 1")),
        "all-one-too-high": (r"one too high", states("len(alphabet) + 1", "alphabet.index(c) + 1")),
        "blanks-dropped": (r"dropped|shape|raised", "return torch.tensor([alphabet.index(c) for c in template "
                                                    "if c != blank])"),
        "blanks-joined": (r"shape|one mask", """
            while blank * 2 in template:
                template = template.replace(blank * 2, blank)
            return torch.tensor([(alphabet + blank).index(c) for c in template])
        """),
        "alphabet-sorted": (r"sorted", "alphabet = ''.join(sorted(alphabet))\n" + states()),
        "stripped": (r"shape|stripped", states(of="template.strip()")),
        "underscore-for-blank": (r"always|'_'", """
            return torch.tensor([len(alphabet) if c == "_" else max(alphabet.find(c), 0) for c in template])
        """),
        "underscore-fixed-raises": (r"raised", """
            return torch.tensor([len(alphabet) if c == "_" else alphabet.index(c) for c in template])
        """),
        "underscore-too": (r"as well", states().replace("c == blank", "c in (blank, '_')")),
        "spaces-masked": (r"spaces", states().replace("c == blank", "c in (blank, ' ')")),
        "no-letters-masked": (r"no letter", states().replace("c == blank", "not c.isalpha()")),
        "everything-masked": (r"everything", "return torch.full((len(template),), len(alphabet))"),
        "exchanged": (r"exchanged", "return torch.tensor([0 if c == blank else len(alphabet) for c in template])"),
        "turned-round": (r"turned round", states(of="reversed(template)")),
        "ord": (r"ord|Unicode", states(state="ord(c)")),
        "first-blank-only": (r"first blank|only the first", """
            x = torch.tensor([0 if c == blank else alphabet.index(c) for c in template])
            if blank in template:
                x[template.index(blank)] = len(alphabet)
            return x
        """),
        "alphabet-of-the-template": (r"taken from the template", """
            own = sorted(set(template) - {blank})
            return torch.tensor([len(own) if c == blank else own.index(c) for c in template])
        """),
        "where-the-blanks-are": (r"where the blanks are", "return torch.tensor([int(c == blank) for c in template])"),
        "boolean": (r"dtype", "return torch.tensor([c == blank for c in template])"),
        "from-the-end": (r"from the end", states(state="len(alphabet) - 1 - alphabet.index(c)")),
        "bare-index": (r"substring not found.*name '7'", """
            return torch.tensor([len(alphabet) if c == blank else alphabet.index(c) for c in template])
        """),
        "says-nothing": (r"must name '7'", states().replace("return", """
if set(template) - set(alphabet + blank):
    raise ValueError
return""".strip())),
        "a-general-message": (r"must name '7'", states().replace("return", """
if set(template) - set(alphabet + blank):
    raise ValueError("the model does not know every character of the template")
return""".strip())),
        "unknown-masked": (r"must raise ValueError", states(state="(alphabet + c).index(c)")),
        "unknown-dropped": (r"must raise ValueError",
                            "return torch.tensor([(alphabet + blank).index(c) for c in template "
                            "if c in alphabet + blank])"),
        "unknown-minus-one": (r"must raise ValueError", states(state="alphabet.find(c)")),
        "unknown-space": (r"must raise ValueError", states(state="max(alphabet.find(c), 0)")),
        "unknown-lowered": (r"must raise ValueError", states(
            state="alphabet.index(c if c in alphabet else c.lower())")),
        "key-error": (r"raised KeyError.*must raise ValueError", """
            state = {c: i for i, c in enumerate(alphabet + blank)}
            return torch.tensor([state[c] for c in template])
        """),
        "printed-only": (r"must raise ValueError", """
            for c in template:
                if c not in alphabet + blank:
                    print("unknown:", c)
                    return torch.tensor([])
            return torch.tensor([(alphabet + blank).index(c) for c in template])
        """),
        "lowered": (r"raised|must raise|lower", states(of="template.lower()")),
        "floats": (r"dtype", states() + ".double()"),
        "a-batch": (r"shape", states() + "[None]"),
        "list": (r"a list", states(to="list")),
        "one-mask-more": (r"shape", "template = template + blank\n" + states()),
        "forgotten-return": (r"return statement", states().replace("return", "x =")),
        "states-in-uint8": (None, """
            bad = set(template) - set(alphabet + blank)
            if bad:
                raise ValueError(f"{bad}")
            return torch.tensor([(alphabet + blank).index(c) % 256 for c in template], dtype=torch.uint8)
        """),
        "last-character-unchecked": (r"must raise ValueError", """
            bad = set(template[:-1]) - set(alphabet + blank)
            if bad:
                raise ValueError(f"{bad}")
            return torch.tensor([len(alphabet) if c == blank else alphabet.find(c) for c in template])
        """),
        "latin-only": (r"raised ValueError", """
            bad = set(template) - set(alphabet + blank) | {c for c in template if ord(c) > 255}
            if bad:
                raise ValueError(f"{bad}")
            return torch.tensor([(alphabet + blank).index(c) for c in template])
        """),
        "lines-joined": (r"shape", """
            template = template.replace(chr(10), "")
            bad = set(template) - set(alphabet + blank)
            if bad:
                raise ValueError(f"{bad}")
            return torch.tensor([(alphabet + blank).index(c) for c in template])
        """),
        "names-the-alphabet-only": (r"must name '7'", """
            if set(template) - set(alphabet + blank):
                raise ValueError(f"the model only knows {alphabet}")
            return torch.tensor([(alphabet + blank).index(c) for c in template])
        """),
        "alphabet-kept-by-its-size": (None, """
            kept = globals().setdefault("kept", {})
            table = kept.setdefault(len(alphabet), {c: i for i, c in enumerate(alphabet)})
            unknown = set(template) - set(alphabet + blank)
            if unknown:
                raise ValueError(f"unknown: {unknown}")
            return torch.tensor([len(alphabet) if c == blank else table[c] for c in template])
        """),
    }),
    Wrong(LEAKED, "difference-array", r"a place where one training window", """
        def leaked(train_starts, held_out_starts, length):
            size = int(torch.cat([train_starts, held_out_starts]).max()) + 2 * length + 1
            change = torch.zeros(size, dtype=torch.int64)
            change[train_starts] = 1
            change[train_starts + length] = -1
            covered = change.cumsum(0) > 0
            return torch.stack([covered[start:start + length].double().mean() for start in held_out_starts.tolist()])
    """),
    Wrong(LEAKED, "sorted-windows", r"the held\-out windows are sorted; the", """
        def leaked(train_starts, held_out_starts, length):
            trained = set()
            for start in train_starts.tolist():
                trained.update(range(start, start + length))
            return torch.tensor([sum(place in trained for place in range(start, start + length)) / length
                                 for start in sorted(held_out_starts.tolist())])
    """),
    Wrong(LEAKED, "unsorted-search", r"the training windows are searched as", """
        def leaked(train_starts, held_out_starts, length):
            places = held_out_starts[:, None] + torch.arange(length)
            if len(train_starts) == 0:
                return torch.zeros(len(held_out_starts))
            index = torch.searchsorted(train_starts.contiguous(), places, right=True) - 1
            last = train_starts[index.clamp(min=0)]
            covered = (index >= 0) & (places < last + length)
            return covered.float().mean(1)
    """),
    Wrong(DISTANCE, "cut-to-the-shorter", r"the counts are cut to the", """
        def bigram_distance(samples, reference, num_states):
            def shares(texts):
                counts = torch.bincount((texts[:, :-1] * num_states + texts[:, 1:]).flatten())
                return (counts / counts.sum()).tolist()

            return torch.tensor(sum(abs(p - q) for p, q in zip(shares(samples), shares(reference))) / 2)
    """),
    Wrong(DISTANCE, "transitions", r"this compares what follows each character,", """
        def bigram_distance(samples, reference, num_states):
            def table(texts):
                codes = (texts[:, :-1] * num_states + texts[:, 1:]).flatten()
                return torch.bincount(codes, minlength=num_states**2).view(num_states, num_states).double()

            P, Q = table(samples), table(reference)
            weight = Q.sum(1) / Q.sum()
            p = P / P.sum(1, keepdim=True).clamp(min=1)
            q = Q / Q.sum(1, keepdim=True).clamp(min=1)
            return 0.5 * (weight * (p - q).abs().sum(1)).sum()
    """),
    Wrong(TEMPLATE, "normalised", r"template_tokens raised ValueError: 'é' does not", """
        import unicodedata


        def template_tokens(template, alphabet, blank):
            states = []
            for char in unicodedata.normalize("NFC", template):
                if char == blank:
                    states.append(len(alphabet))
                    continue
                state = alphabet.find(char)
                if state < 0:
                    raise ValueError(f"{char!r} does not occur in the text")
                states.append(state)
            return torch.tensor(states)
    """),
]

SAME = {**DRAWS_NOTHING, **NO_TIME, **no("takes no rates", "odd rates"),
        **no("the arguments have one shape, by the task", "shapes")}

TABLE = {
    LEAKED: {
        **SAME, **NO_CHAIN, **NO_FLOATS, **NO_TEXTS, **no("takes places, not letters", "letters"),
        "ordinary batch": lambda cases: any(bool((c.args[1][:, None] == c.args[0]).any()) for c in cases),
        "batch sizes": lambda cases: {len(c.args[0]) - len(c.args[1]) > 0 for c in cases} == {True, False},
        "long or many": ("places-in-int16", "places-in-halves", "counted-in-uint8"),
    },
    BITS: {
        **SAME, **NO_CHAIN, **NO_LOGITS, **NO_TEXTS, **no("takes no letters", "letters"),
        **no("what is computed in float32 is right, too, and stored among the right answers", "both floats"),
        "rare mass": ("error-clamped",),            # of a text that is nearly certain both numbers are small
        "long or many": ("lengths-in-int16", "halves"),
    },
    DISTANCE: {
        **SAME, **NO_CHAIN, **NO_FLOATS,
        "ordinary batch": lambda cases: any(len(case.args[0]) > 3 for case in cases),
        "batch sizes": True,
        "letters": ("codes-in-uint8", "codes-in-halves", "base-ten"),
        "long or many": ("counts-in-uint8", "first-thirty-texts"),
    },
    TEMPLATE: {
        **SAME, **NO_FLOATS, **NO_TEXTS,
        "letters": ("latin-only", "alphabet-sorted"),
        "long or many": ("states-in-uint8",),
        "two chains": ("alphabet-kept-by-its-size",),
        "sparse and late": "takes no chain",
    },
}

TOPIC = Topic("10_capstone", FUNCTIONS, RIGHT, WRONG, table=TABLE)


class TestAnswers(AnswersTests):
    topic = TOPIC


class TestNotebook(NotebookTests):
    topic = TOPIC
    mixed = {LEAKED: "isin-of-all-places", BITS: "mean-of-ratios", TEMPLATE: "key-error"}   # noqa: RUF012
