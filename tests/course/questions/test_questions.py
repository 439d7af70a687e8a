"""What every question of the course must satisfy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dlm_course.course.questions import answer_key, judge, questions, references_before, run
from dlm_course.course.topics import TOPICS

ALL = [pytest.param(question, id=question.id)
       for topic in TOPICS for question in questions(topic)]
WRONG = [pytest.param(question, number, id=f"{question.id}-{number}",
                      marks=[pytest.mark.slow] if number > 1 else [])
         for topic in TOPICS for question in questions(topic)
         for number, mistake in enumerate(question.misconceptions) if mistake.wrong is not None]


def compared(question):
    """The question as it is compared: answers give what a view would show; symptoms would have no raw values to see."""
    if question.view is None:
        return question
    return replace(question, view=None, expects=None,
                   misconceptions=tuple(mistake for mistake in question.misconceptions if mistake.wrong is not None))


def without_generator(function):
    return lambda *args, generator=None: function(*args)


@pytest.mark.parametrize("topic", TOPICS)
def test_ids_and_names_are_unique_and_in_order(topic):
    asked = questions(topic)
    assert [question.id.split("-")[:2] for question in asked] == [[topic, str(n)] for n in range(1, len(asked) + 1)]
    assert len({question.id[:4] for question in asked}) == len(asked), "ids are told apart by their first four signs"
    assert len({question.name for question in asked}) == len(asked)
    assert all(question.points > 0 for question in asked)


@pytest.mark.parametrize("question", ALL)
def test_the_seed_decides_the_cases(question):
    def drawn(seed):
        return [[arg.tolist() if isinstance(arg, torch.Tensor) else arg for arg in case.args] + [case.seed, case.label]
                for case in question.cases(seed)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert all(case.label for case in question.cases(3))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("question", ALL)
def test_the_reference_passes(question, seed):
    question = compared(question)
    outputs = run(without_generator(question.reference), question.cases(seed))
    assert str(judge(answer_key(question, seed), outputs)) == f"✓ {question.id}"


@pytest.mark.parametrize("question", ALL)
def test_a_result_in_float32_passes(question):
    question = compared(question)

    def single(*args, generator=None):
        result = question.reference(*args)
        return result.float() if result.is_floating_point() else result

    assert judge(answer_key(question, 0), run(single, question.cases(0))).passed


@pytest.mark.parametrize(("question", "number"), WRONG)
def test_a_misconception_is_rejected_with_its_own_message(question, number):
    """Or with that of one before it that has the same values; but not for every seed: it would never be named."""
    mistake = question.misconceptions[number]
    before = [other.message for other in question.misconceptions[:number] if other.wrong is not None]
    question = compared(question)
    reasons = set()
    for seed in range(5):
        said = judge(answer_key(question, seed), run(without_generator(mistake.wrong), question.cases(seed)))
        assert said.status == "✗"
        assert said.reason in [mistake.message, *before]
        reasons.add(said.reason)
    assert mistake.message in reasons


@pytest.mark.parametrize("question", ALL)
def test_what_stands_in_for_an_earlier_task_can_be_called_like_it(question):
    """A later task calls its functions with a generator where the task has one, and gets what the task returns."""
    stand_ins = references_before(question)
    for earlier in questions(question.id[:2]):
        if earlier.name not in stand_ins:
            break
        case = earlier.cases(0)[0]
        keywords = {} if case.seed is None else {"generator": torch.Generator().manual_seed(case.seed)}
        result = np.asarray(stand_ins[earlier.name](*case.args, **keywords))
        shape, kind = earlier.expects(case) if earlier.expects else (result.shape, result.dtype.kind)
        assert (result.shape, result.dtype.kind) == (tuple(shape), kind)
