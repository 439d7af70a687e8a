"""Made-up questions, as small as can be, and the verdict on an answer to one."""

import numpy as np
import torch

from dlm_course.course.questions import Case, Question, answer_key, judge, run

DOUBLE = torch.float64
ID = "01-1-double"


def doubling(**changes):
    """A question with the answer 2 x, asked for two tensors of shape (3,)."""
    parts = {
        "id": ID, "points": 1, "name": "double", "reference": lambda x: 2 * x,
        "cases": lambda seed: [Case((torch.tensor([1, 2, 3], dtype=DOUBLE) + seed,), "first"),
                               Case((torch.tensor([-1, 0, 1], dtype=DOUBLE),), "second")]}
    return Question(**{**parts, **changes})


def asking(*args, reference, **changes):
    """A question with a single case."""
    return doubling(cases=lambda seed: [Case(args, "only")], reference=reference, **changes)


def verdict(answer, question=None, earlier=None):
    question = question or doubling()
    return judge(answer_key(question, 0), run(answer, question.cases(0), earlier))


def drawing(**changes):
    """A question whose answers draw: 3000 states of 3, compared by their frequencies."""
    parts = {
        "cases": lambda seed: [Case((torch.tensor([0.2, 0.3, 0.5], dtype=DOUBLE),), f"seed {s}", s) for s in (5, 5, 6)],
        "reference": lambda probs: probs,
        "view": lambda case, states: np.bincount(states, minlength=3) / len(states),
        "expects": lambda case: ((3000,), "i"),
        "tolerance": lambda case, law: 5 * np.sqrt(law * (1 - law) / 3000),
    }
    return doubling(**{**parts, **changes})


def draw(probs, generator):
    return torch.multinomial(probs, 3000, replacement=True, generator=generator)
