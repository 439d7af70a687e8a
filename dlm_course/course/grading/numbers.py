"""Numbers: what the models of a project achieve on their text, computed again from the checkpoint that was handed in.

The checkpoint is a stranger's file: it is read, and its models are run, in the sandbox, by code of the course alone.
What comes back are nats; bits and errors are made of them here. Whether the text is what the student says it is, and
whether the models have seen it, no computation tells.
"""

import math

import cloudpickle
import torch

from dlm_course.course.grading.handed_in.names import printable
from dlm_course.course.grading.sandbox.wire import Job, Reply, WireError, decode_outputs
from dlm_course.course.questions.capstone import bits_with_error
from dlm_course.model.evaluation import Estimate, estimate

# How a note begins on what was computed, and on why nothing was.
COMPUTED = "computed again from the models that were handed in"
NOT_COMPUTED = "the numbers of the project were not computed again"

_DRAWS = 8              # of masks, at most
_PASSAGE = 1024         # characters, as in the notebook
_MOST_WORK = 15 * 10**10    # weights times characters, of all passes: some ten seconds
_CELL = """
from dlm_course.model.comparison import compare, load_comparison

def numbers(content, most_draws, most_work):
    with open("models.safetensors", "wb") as file:
        file.write(content)
    comparison = load_comparison("models.safetensors")
    weights = sum(weights.numel() for weights in comparison.masked.parameters())
    passes = most_work // (weights * comparison.windows.numel())
    if passes < 2:
        raise ValueError(f"{weights:,} weights on {comparison.windows.numel():,} characters take too long")
    bounds, exact = compare(comparison, num_draws=min(most_draws, passes - 1))
    length = exact.new_full(exact.shape, comparison.windows.shape[1])
    return bounds.new_tensor([*bounds.tolist(), exact.tolist(), length.tolist()])
"""


def numbers_job(models: bytes) -> Job:
    """What the sandbox does with a checkpoint of `save_comparison`."""
    return Job((("numbers", _CELL),), "numbers",
               cloudpickle.dumps(({}, [((models, _DRAWS, _MOST_WORK), None, None, "")])))


def numbers_said(reply: Reply | None) -> str:
    """A note on what came back; one that begins with NOT_COMPUTED where it was no numbers."""
    if reply is None or reply.ended != "done":
        how = "took the sandbox with it" if reply is None else {
            "time": "took too long", "memory": "took too much memory"}.get(reply.ended, "ended the process")
        return f"{NOT_COMPUTED}: that {how}"
    try:
        output = decode_outputs(reply.raw, 1)[0]
        if output.value is None:
            raise ValueError(output.error.removeprefix("raised ").partition(", at `")[0])
        *bounds, exact, lengths = torch.from_numpy(output.value).double()
        if not bool(torch.stack([*bounds, exact]).isfinite().all()):
            raise ValueError("the models give NaN or infinity")
        length = int(lengths[0])
        nats = {"masked model (bound)": torch.stack(bounds).mean(0), "twin (exact)": exact}
        errors = ", ".join(f"{name} {_bits(each, length)}" for name, each in nats.items())
    except (WireError, ValueError) as error:
        return f"{NOT_COMPUTED}: {printable(str(error), 200)}"
    return (f"{COMPUTED}, on {len(exact):,} windows of {length} characters, in bits per character: {errors}; "
            f"{len(bounds)} sets of masks")


def _bits(nats: torch.Tensor, length: int) -> str:
    """With its error over windows, and over passages where there are two of them."""
    windows = estimate(nats / length / math.log(2))
    passages = nats.split(max(1, _PASSAGE // length))
    if len(passages) < 2:
        return f"{windows} over windows"
    mean, error = bits_with_error(torch.stack([part.sum() for part in passages]),
                                  torch.tensor([length * len(part) for part in passages])).tolist()
    return f"{windows} over windows, ± {Estimate(mean, error).standard_error:.3f} over passages"
