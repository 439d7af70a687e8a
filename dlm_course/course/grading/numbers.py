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
_FEWEST = 100           # windows, where not all can be looked at in that time
_CELL = """
import dataclasses

import torch
from dlm_course.model.comparison import compare, load_comparison

def numbers(content, most_draws, most_work, fewest):
    with open("models.safetensors", "wb") as file:
        file.write(content)
    comparison = load_comparison("models.safetensors")
    windows = comparison.windows
    work = windows.numel() * sum(weights.numel() for weights in comparison.masked.parameters())
    every = -(-2 * work // most_work)    # the n-th window is looked at, all through the text
    if len(windows) // every < min(fewest, len(windows)):
        raise ValueError(f"{len(windows):,} windows of {windows.shape[1]:,} characters take too long with these models")
    seen = dataclasses.replace(comparison, windows=windows[::every])
    bounds, exact = compare(seen, num_draws=max(1, min(most_draws, most_work * every // work - 1)))
    about = exact.new_tensor([windows.shape[1], len(windows), len(windows.unique(dim=0))])
    return torch.cat([bounds, exact[None], about[:, None].expand(-1, len(exact))])
"""


def numbers_job(models: bytes) -> Job:
    """What the sandbox does with a checkpoint of `save_comparison`."""
    return Job((("numbers", _CELL),), "numbers",
               cloudpickle.dumps(({}, [((models, _DRAWS, _MOST_WORK, _FEWEST), None, False, None, "")])))


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
        *bounds, exact, lengths, wholes, differents = torch.from_numpy(output.value).double()
        if not bool(torch.stack([*bounds, exact]).isfinite().all()):
            raise ValueError("the models give NaN or infinity")
        length, whole, different = (int(each[0]) for each in (lengths, wholes, differents))
        nats = {"masked model (bound)": torch.stack(bounds).mean(0), "twin (exact)": exact}
        errors = ", ".join(f"{name} {_bits(each, length, len(exact) == whole)}" for name, each in nats.items())
    except (WireError, ValueError) as error:
        return f"{NOT_COMPUTED}: {printable(str(error).replace('models.safetensors', 'the file'), 200)}"
    windows = f"{len(exact):,} windows" if len(exact) == whole else f"{len(exact):,} of {whole:,} windows"
    repeated = "" if different == whole else f"; only {different:,} of the windows differ"
    masks = estimate(torch.stack(bounds).mean(1) / length / math.log(2)).standard_error if len(bounds) > 1 else None
    by_masks = f", which alone move the bound by ± {masks:.3f}" if masks is not None else ""
    return (f"{COMPUTED}, on {windows} of {length} characters, in bits per character: {errors}; {len(bounds)} "
            f"set{'s' if len(bounds) > 1 else ''} of masks{by_masks}{repeated}")


def _bits(nats: torch.Tensor, length: int, whole: bool) -> str:
    """With its error over windows, and over passages where there are two of them and the text is whole."""
    windows = estimate(nats / length / math.log(2))
    passages = nats.split(max(1, _PASSAGE // length))
    if len(passages) < 2 or not whole:
        return f"{windows} over windows"
    mean, error = bits_with_error(torch.stack([part.sum() for part in passages]),
                                  torch.tensor([length * len(part) for part in passages])).tolist()
    return f"{windows} over windows, ± {Estimate(mean, error).standard_error:.3f} over passages"
