"""Topic 00: the share of masked tokens, a warm-up that shows the three verdicts."""

import torch
from torch import Tensor

from dlm_course.course.questions.question import Case, Misconception, Question


def mask_share(xt: Tensor, mask_id: int) -> Tensor:
    return (xt == mask_id).double().mean(-1)


def _cases(seed: int) -> list[Case]:
    generator = torch.Generator().manual_seed(seed)
    cases = []
    for shape, num_states, mask_id in (((3, 8), 4, 3), ((4, 5), 3, 0), ((2, 6), 2, 1)):
        xt = torch.randint(num_states, shape, generator=generator)
        xt[0, 0], xt[0, 1] = mask_id, (mask_id + 1) % num_states
        cases.append(Case((xt, mask_id), f"xt of shape {shape}, mask_id = {mask_id}"))
    return cases


MASK_SHARE = Question(
    id="00-1-mask-share",
    points=1,
    name="mask_share",
    cases=_cases,
    reference=mask_share,
    misconceptions=(
        Misconception("these are counts; the share is the count divided by the length n of the sequence",
                      lambda xt, mask_id: (xt == mask_id).sum(-1)),
        Misconception("these are counts; the share is the count divided by the length n of the sequence",
                      lambda xt, mask_id: (xt == mask_id).double().sum(-1)),
        Misconception("this is the share of *visible* tokens", lambda xt, mask_id: (xt != mask_id).double().mean(-1)),
        Misconception("this is one share for the whole batch; each sequence has its own: average over the last "
                      "dimension only", lambda xt, mask_id: (xt == mask_id).double().mean()),
        Misconception("this is one share for the whole batch; each sequence has its own: average over the last "
                      "dimension only", lambda xt, mask_id: (xt == mask_id).double().mean().expand(len(xt))),
        Misconception("this is in per cent; a share lies between 0 and 1",
                      lambda xt, mask_id: 100 * (xt == mask_id).double().mean(-1)),
        Misconception("this is the ratio of masked to visible tokens; a share is the count divided by the length n",
                      lambda xt, mask_id: (xt == mask_id).sum(-1) / (xt != mask_id).sum(-1)),
        Misconception("this is the mean of the states themselves: compare them with mask_id first",
                      lambda xt, mask_id: xt.double().mean(-1)),
        Misconception("the mask is not always state 0: compare with mask_id",
                      lambda xt, mask_id: (xt == 0).double().mean(-1)),
        Misconception("the average runs over the sequences, position by position; it must run over the tokens of a "
                      "sequence, the last dimension", lambda xt, mask_id: (xt == mask_id).double().mean(0)),
        Misconception("the mask is not always the last state: compare with mask_id",
                      lambda xt, mask_id: (xt == xt.max()).double().mean(-1)),
        Misconception("divided by the number of sequences; a share is the count divided by the length n",
                      lambda xt, mask_id: (xt == mask_id).double().sum(-1) / len(xt)),
    ),
)

QUESTIONS = (MASK_SHARE,)
