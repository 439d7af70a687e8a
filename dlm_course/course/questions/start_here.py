"""Topic 00: the share of masked tokens, a warm-up that shows the three verdicts."""

import torch
from torch import Tensor

from dlm_course.course.questions.mistakes import mistakes, slip
from dlm_course.course.questions.question import Case, Question


def mask_share(xt: Tensor, mask_id: int) -> Tensor:
    return (xt == mask_id).double().mean(-1)


def _cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for shape, num_states, mask_id in (
            ((3, 8), 4, 3), ((4, 5), 3, 0), ((2, 6), 2, 1), ((4, 4), 5, 2), ((7, 3), 4, 1), ((1, 5), 3, 1)):
        xt = torch.randint(num_states, shape, generator=generator)
        xt[0, 0], xt[0, 1] = mask_id, (mask_id + 1) % num_states
        cases.append(Case((xt, mask_id), f"xt of shape {shape}, mask_id = {mask_id}"))
    large = torch.randint(40, 300, (3, 1201), generator=generator)     # counts and states beyond 255
    large[0], large[1, ::2] = 299, 299
    return [*cases, Case((large, 299), "xt of shape (3, 1201), mask_id = 299"),
            Case((torch.tensor([[0, 1, 2, 1], [2, 2, 2, 2], [1, 0, 0, 1]]), 2), "a text without masks, one of masks")]


MASK_SHARE = Question(
    id="00-1-mask-share",
    points=1,
    name="mask_share",
    cases=_cases,
    reference=mask_share,
    misconceptions=mistakes({
        "these are counts; the share is the count divided by the length n of the sequence":
            slip(mask_share, lambda share, xt: share * xt.shape[-1]),
        "this is the share of *visible* tokens": slip(mask_share, lambda share: 1 - share),
        "this is one share for the whole batch; each sequence has its own: average over the last dimension only": (
            slip(mask_share, lambda share: share.mean()),
            slip(mask_share, lambda share: share.mean().expand(len(share)))),
        "this is in per cent; a share lies between 0 and 1": slip(mask_share, lambda share: 100 * share),
        "this is the ratio of masked to visible tokens; a share is the count divided by the length n": (
            slip(mask_share, lambda share: share / (1 - share)),
            slip(mask_share, lambda share, xt: (share / (1 - share).clamp(min=1 / xt.shape[-1])).clamp(max=1))),
        "the count does not fit its type: a uint8 ends at 255 and begins again at 0":
            slip(mask_share, lambda share, xt: (share * xt.shape[-1]).round() % 256 / xt.shape[-1]),
        "divided by the longer side of the batch; a share is the count divided by the length n":
            slip(mask_share, lambda share, xt: share * xt.shape[-1] / max(xt.shape)),
        "divided by n - 1; there are n tokens": slip(mask_share, lambda share, xt: share * xt.shape[-1] / (
            xt.shape[-1] - 1)),
        "this says whether a sequence has a mask at all; how many of its tokens are masks?":
            slip(mask_share, lambda share: (share > 0).double()),
        "this is the mean of the states themselves: compare them with mask_id first":
            lambda xt, mask_id: xt.double().mean(-1),
        "the mask is not always state 0: compare with mask_id": slip(mask_share, mask_id=lambda: 0),
        "the average runs over the sequences, position by position; it must run over the tokens of a sequence, the "
        "last dimension": slip(mask_share, xt=lambda xt: xt.T),
        "the mask is not always the last state: compare with mask_id": slip(mask_share, mask_id=lambda xt: xt.max()),
        "divided by the number of tokens of the whole batch; a share is the count divided by the length n":
            slip(mask_share, lambda share, xt: share / len(xt)),
        "states above mask_id are counted, too; only mask_id itself is the mask":
            lambda xt, mask_id: (xt >= mask_id).double().mean(-1),
        "divided by the number of sequences; a share is the count divided by the length n":
            slip(mask_share, lambda share, xt: share * xt.shape[-1] / len(xt)),
    }),
)

QUESTIONS = (MASK_SHARE,)
