"""`judge` on outputs made by hand and on those of answers to small made-up questions."""

import numpy as np
import pytest
import torch
from small_questions import DOUBLE, asking, doubling, draw, drawing, verdict

from dlm_course.course.questions import AnswerKey, Case, Misconception, Output, answer_key, judge, run
from dlm_course.course.questions.given import GivenFunction
from dlm_course.course.questions.mistakes import mistakes, slip

# The order of judgement, on outputs made by hand

RIGHT = [np.array([2.0, 4.0, 6.0]), np.array([-2.0, 0.0, 2.0])]
FAULTS = [
    ("○", "not attempted", Output(attempted=False)),
    ("✗", "raised ValueError", Output(error="raised ValueError")),
    ("✗", "returned a list", Output(type_name="list")),
    ("✗", "shape (2,)", Output(value=np.array([2, 4]), mutated="number 1")),
    ("✗", "dtype int64", Output(value=np.array([1, 2, 3]), mutated="number 1")),
    ("✗", "changed its argument x", Output(value=np.array([1.0, 2.0, 3.0]), mutated="number 1")),
    ("✗", "wrong value", Output(value=np.array([1.0, 2.0, 3.0]))),
]


@pytest.mark.parametrize(("status", "reason", "output"), FAULTS, ids=[reason for _, reason, _ in FAULTS])
def test_of_several_faults_the_first_in_order_is_named(status, reason, output):
    question = doubling()
    said = judge(answer_key(question, 0), [output, Output(value=RIGHT[1])])
    assert said.status == status
    assert reason in said.reason


@pytest.mark.parametrize("earlier", range(len(FAULTS) - 1))
def test_a_graver_fault_in_a_later_case_comes_first(earlier):
    question = doubling()
    status, reason, grave = FAULTS[earlier]
    for _, _, lighter in FAULTS[max(earlier + 1, 3):]:
        said = judge(answer_key(question, 0), [lighter, grave])
        assert said.status == status
        assert reason in said.reason


@pytest.mark.parametrize("number", [0, 1, 3])
def test_as_many_outputs_as_cases_are_needed(number):
    with pytest.raises(ValueError, match=f"{number} outputs for 2 cases of 01-1-double: one a case is needed"):
        judge(answer_key(doubling(), 0), (2 * [Output(value=value) for value in RIGHT])[:number])
    assert not judge(answer_key(doubling(), 0), [Output(error="raised ValueError")]).passed


def test_the_form_is_judged_before_symptoms_and_values():
    called = []
    question = doubling(misconceptions=(Misconception("a symptom", symptom=lambda cases, values: called.append(1)),))
    assert "shape" in verdict(lambda x: x[:2], question).reason
    assert not called


# Values

def test_the_first_wrong_entry_is_shown_with_what_was_expected():
    assert verdict(lambda x: 2 * x + torch.tensor([0, 0, 0.5])).reason == \
        "wrong value: entry [2] is 6.5, expected 6 (first)"


def test_a_wrong_number_without_dimensions_has_no_entry():
    question = asking(torch.tensor(3.0), reference=lambda x: 2 * x)
    assert verdict(lambda x: x, question).reason == "wrong value: it is 3, expected 6 (only)"


@pytest.mark.parametrize(("change", "said"), [
    (lambda y: y * 1.5, "; every entry of every case is 1.5 times what is expected"),
    (lambda y: y - 0.25, "; every entry of every case is too small by 0.25"),
    (lambda y: y + 0.25, "; every entry of every case is too large by 0.25"),
    (lambda y: y**2, "")])
def test_what_all_entries_have_in_common_is_said(change, said):
    assert verdict(lambda x: change(2 * x)).reason.partition(")")[2] == said


@pytest.mark.parametrize(("number", "wrong", "said"), [
    (3, [2], "; right in all other cases"), (4, [0, 2], "; wrong also in: x = 2; right in all others"),
    (6, [0, 1, 3, 4, 5], "; right only in: x = 2"), (10, [0, 2, 4, 6, 8], "; right in 5 of 10 cases"),
    (3, [0, 1, 2], "")])
def test_where_it_is_right_and_wrong_is_said(number, wrong, said):
    question = doubling(cases=lambda seed: [Case((torch.tensor(float(x)),), f"x = {x}") for x in range(number)])
    assert verdict(lambda x: 2 * x + x**2 + 1 if int(x) in wrong else 2 * x, question).reason.partition(")")[2] == said


def scaled(x, *, factor=2.0, power=1):
    return factor * x**power


BOTH = mistakes({
    "squared": slip(scaled, power=2),
    "tripled": slip(scaled, factor=3.0),
    "the sign is off": slip(scaled, lambda y: -y),
    "one too many": slip(scaled, lambda y: y + 1)})


@pytest.mark.parametrize(("answer", "said"), [
    (lambda x: 3 * x**2, "two mistakes at once. squared. And: tripled"),
    (lambda x: -2 * x**2, "two mistakes at once. squared. And: the sign is off"),
    (lambda x: -2 * x + 1, "two mistakes at once. the sign is off. And: one too many"),
    (lambda x: -2 * x, "the sign is off"), (lambda x: -3 * x**2, "wrong value"), (lambda x: 2 * x**3, "wrong value")])
def test_two_mistakes_at_once_are_both_said(answer, said):
    question = doubling(reference=scaled, misconceptions=BOTH)
    assert verdict(answer, question).reason.startswith(said)


def test_slips_of_two_functions_or_of_the_same_switch_do_not_go_together():
    squared, tripled, other = slip(scaled, power=2), slip(scaled, power=3), slip(lambda x: x)
    assert squared.and_also(tripled) is None
    assert squared.and_also(other) is None


def test_of_what_a_sampler_draws_only_the_entry_is_said():
    question = doubling(entry=lambda case, index: f"the share {index[0]}")
    assert verdict(lambda x: 3 * x, question).reason == "wrong value: the share 0 is 3, expected 2 (first)"


@pytest.mark.parametrize("where", [slice(None), 1])
def test_nan_is_wrong(where):
    def double(x):
        y = 2 * x
        y[where] = float("nan")
        return y

    assert verdict(double).reason == "the result holds NaN (first)"


def test_infinity_equals_itself_only():
    question = asking(torch.tensor([0.0, 1.0]), reference=torch.log)
    assert verdict(torch.log, question).passed
    assert "entry [0] is inf, expected -inf" in verdict(lambda x: torch.log(x).abs(), question).reason
    assert "entry [0] is -1e+30" in verdict(lambda x: torch.log(x).clamp(min=-1e30), question).reason
    assert "entry [1] is inf" in verdict(lambda x: torch.log(x) + torch.tensor([0, torch.inf]), question).reason


@pytest.mark.parametrize(("error", "passed"), [(0.0, True), (5e-5, True), (-5e-5, True), (5e-4, False), (-5e-4, False)])
def test_the_tolerance_is_relative(error, passed):
    question = asking(torch.tensor([1e-3, 1.0, 1e5], dtype=DOUBLE), reference=lambda x: 2 * x)
    assert verdict(lambda x: 2 * x * (1 + error), question).passed is passed


@pytest.mark.parametrize(("error", "passed"), [(5e-7, True), (5e-6, False)])
def test_and_absolute_near_zero(error, passed):
    question = asking(torch.zeros(2, dtype=DOUBLE), reference=lambda x: 2 * x)
    assert verdict(lambda x: 2 * x + error, question).passed is passed


def test_the_tolerance_admits_float32():
    x = torch.rand(1000, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    question = asking(x, reference=lambda x: x.log().softmax(0) @ x)
    assert verdict(lambda x: x.float().log().softmax(0) @ x.float(), question).passed


@pytest.mark.parametrize("size", [1, 100, 20_000, 10**9])
def test_integers_are_exact(size):
    question = asking(torch.tensor([size]), reference=lambda x: 2 * x)
    assert verdict(lambda x: (2 * x).int() if size < 10**9 else 2 * x, question).passed
    assert not verdict(lambda x: 2 * x + 1, question).passed


def test_booleans_are_exact():
    question = asking(torch.tensor([1.0, -1.0]), reference=lambda x: x > 0)
    assert verdict(lambda x: x > 0, question).passed
    assert "wrong value: entry [0] is" in verdict(lambda x: x < 0, question).reason
    assert "dtype int64, expected boolean" in verdict(lambda x: (x > 0).long(), question).reason


@pytest.mark.parametrize(("convert", "dtype"), [(lambda y: y.int(), "int32"), (lambda y: y > 0, "bool"),
                                                (lambda y: y + 0j, "complex128")])
def test_a_wrong_kind_of_number_is_named(convert, dtype):
    assert verdict(lambda x: convert(2 * x)).reason == f"dtype {dtype}, expected floating point"


SHAPES = [(), (1,), (3,), (1, 3), (3, 1), (3, 3), (1, 1, 3), (0,), (0, 3)]


@pytest.mark.parametrize("expected", SHAPES)
@pytest.mark.parametrize("given", SHAPES)
def test_broadcasting_never_makes_a_wrong_shape_right(given, expected):
    """All entries are equal, so that every pair of shapes that can be broadcast would agree."""
    question = asking(0, reference=lambda _: torch.full(expected, 0.5),
                      misconceptions=(Misconception("a scalar", lambda _: torch.tensor(0.5)),))
    said = verdict(lambda _: torch.full(given, 0.5), question)
    if given == expected:
        assert said.passed
    elif given == ():
        assert said.reason == "a scalar"
    else:
        assert said.reason == f"shape {given}, expected {expected} (only)"


# Views

def test_a_view_compares_what_was_drawn_with_the_law():
    assert verdict(draw, drawing()).passed
    assert verdict(lambda probs, generator: draw(probs.flip(0), generator), drawing()).reason.startswith("wrong value")


def test_an_entry_of_a_view_is_called_by_its_name():
    question = drawing(entry=lambda case, index: f"the frequency of {index[0]} with {case.label}")
    said = verdict(lambda probs, generator: torch.zeros(3000, dtype=torch.long), question)
    assert said.reason.startswith("wrong value: the frequency of 0 with seed 5 is 1, expected 0.2")


def test_an_exception_that_says_little_is_explained():
    question = drawing(misconceptions=(Misconception("drawn from logits", raised="multinomial distribution|weights"),))
    said = verdict(lambda probs, generator: draw(probs.log(), generator), question).reason
    assert "raised RuntimeError: invalid multinomial distribution" in said
    assert said.endswith("; drawn from logits")
    assert "drawn" not in verdict(lambda probs, generator: draw(probs.flip(0), generator), question).reason


def test_shape_and_kind_are_those_expected_of_the_raw_result():
    assert "shape (3,), expected (3000,)" in verdict(lambda probs, generator: probs, drawing()).reason
    assert "dtype float32, expected integer" in \
        verdict(lambda probs, generator: draw(probs, generator).float(), drawing()).reason


def test_a_view_may_refuse_with_a_reason():
    def view(case, states):
        if states.max() > 2:
            raise ValueError("the states are 0..2")
        return np.bincount(states, minlength=3) / len(states)

    assert verdict(lambda probs, generator: draw(probs, generator) + 1, drawing(view=view)).reason == \
        "the states are 0..2 (seed 5)"


def test_a_misconception_is_compared_with_what_the_view_shows():
    question = drawing(misconceptions=(Misconception("reversed", lambda probs: probs.flip(0)),
                                       Misconception("uniform", lambda probs: torch.full_like(probs, 1 / 3))))
    assert verdict(lambda probs, generator: draw(torch.ones(3), generator), question).reason == "uniform"
    assert verdict(lambda probs, generator: draw(probs.flip(0), generator), question).reason == "reversed"
    assert verdict(draw, question).passed


@pytest.mark.parametrize(("law", "state"), [([1.0, 1.0, 1.0], 0), ([0.2, 0.3, 0.5], 1)])
def test_a_view_of_another_shape_is_a_wrong_value(law, state):
    """A bincount is as long as the largest state says: a verdict that is neither ✓ by broadcasting nor a traceback."""
    question = drawing(view=lambda case, states: np.bincount(states) / len(states),
                       cases=lambda seed: [Case((torch.tensor(law, dtype=DOUBLE),), "only", 5)])
    assert verdict(lambda probs, generator: torch.full((3000,), state), question).status == "✗"


# Misconceptions and symptoms

MISTAKES = (
    Misconception("squared", lambda x: x**2),
    Misconception("cannot be made here", lambda x: x[10]),
    Misconception("the first two entries only", lambda x: 2 * x[:2]),
    Misconception("tripled", lambda x: 3 * x),
    Misconception("tripled, said again", lambda x: 3 * x),
)


@pytest.mark.parametrize(("answer", "message"), [
    (lambda x: x**2, "squared"), (lambda x: 3 * x, "tripled"), (lambda x: 2 * x[:2], "the first two entries only"),
    (lambda x: x.float() * 3, "tripled"), (lambda x: (3 * x).long(), "tripled")])
def test_a_known_mistake_earns_its_message(answer, message):
    assert verdict(answer, doubling(misconceptions=MISTAKES)).reason == message


def test_a_mistake_must_agree_on_every_case():
    said = verdict(lambda x: x**2 if x[0] > 0 else x, doubling(misconceptions=MISTAKES))
    assert said.reason.startswith("wrong value")


def test_a_mistake_that_shows_in_no_case_does_not_reject_a_right_answer():
    question = doubling(misconceptions=(Misconception("added", lambda x: x + x),))
    assert verdict(lambda x: 2 * x, question).passed


def shown(cases, values):
    """A symptom: the first value is three times the first argument."""
    return len(cases) == len(values) == 2 and bool((values[0] == 3 * cases[0].args[0].numpy()).all())


def test_a_symptom_sees_cases_and_values():
    question = doubling(misconceptions=(Misconception("seen", symptom=shown), *MISTAKES))
    assert verdict(lambda x: 3 * x, question).reason == "seen"
    assert verdict(lambda x: 3 * x if x[0] > 0 else x, question).reason == "seen"
    assert verdict(lambda x: x**2, question).reason == "squared"
    assert verdict(lambda x: 2 * x, question).passed


@pytest.mark.parametrize(("always", "reason"), [(True, "seen"), (False, "")])
def test_a_symptom_counts_where_the_values_pass_if_it_always_does(always, reason):
    symptom = Misconception("seen", symptom=lambda cases, values: True, always=always)
    assert verdict(lambda x: 2 * x, doubling(misconceptions=(*MISTAKES, symptom))).reason == reason
    assert verdict(lambda x: 5 * x, doubling(misconceptions=(*MISTAKES, symptom))).reason == "seen"


# Border cases

def bordered(**changes):
    """The border case is an empty tensor, where the answer is a single zero."""
    return doubling(
        cases=lambda seed: [*doubling().cases(seed), Case((torch.zeros(0, dtype=DOUBLE),), "empty", edge="it is 0")],
        reference=lambda x: 2 * x if len(x) else torch.zeros(1, dtype=DOUBLE), **changes)


def at_the_border(inside, border):
    return lambda x: inside(x) if len(x) else border(x)


def test_a_border_case_belongs_to_a_right_answer():
    assert verdict(at_the_border(lambda x: 2 * x, lambda x: torch.zeros(1)), bordered()).passed


@pytest.mark.parametrize(("border", "said"), [
    (lambda x: torch.ones(1), ""), (lambda x: x, "shape (0,), expected (1,)"),
    (lambda x: x[3], "double raised IndexError"), (lambda x: None, "double returned None")])
def test_where_only_the_border_is_wrong_the_sentence_says_what_belongs(border, said):
    reason = verdict(at_the_border(lambda x: 2 * x, border), bordered(misconceptions=MISTAKES)).reason
    assert reason.startswith(f"right, except in a border case, empty: {said}")
    assert reason.endswith(" it is 0")


@pytest.mark.parametrize("border", [lambda x: torch.zeros(1), lambda x: torch.ones(1), lambda x: x, lambda x: x[3],
                                    lambda x: None])
def test_a_mistake_is_recognised_whatever_it_does_at_the_border(border):
    question = bordered(misconceptions=(Misconception("shown", symptom=shown), *MISTAKES))
    assert verdict(at_the_border(lambda x: x**2, border), question).reason == "squared"
    assert verdict(at_the_border(lambda x: 3 * x, border), question).reason == "shown"
    assert verdict(at_the_border(lambda x: 5 * x, border), question).reason.startswith("wrong value")
    assert "IndexError" in verdict(at_the_border(lambda x: x[7], border), question).reason


# The answer key

def test_judge_is_pure():
    key = answer_key(doubling(), 0)
    outputs = [Output(value=value.copy()) for value in RIGHT]
    assert judge(key, outputs) == judge(key, outputs)
    assert all((output.value == value).all() for output, value in zip(outputs, RIGHT, strict=True))


def test_reference_and_known_mistakes_are_called_once_a_case_however_many_answers_are_judged():
    called = []

    def wrong(x):
        called.append("wrong")
        return 3 * x

    def right(x):
        called.append("right")
        return 2 * x

    key = AnswerKey(doubling(reference=right, misconceptions=(Misconception("tripled", wrong),)), 0)
    for factor in (2, 3, 2, 3):
        assert judge(key, run(lambda x, factor=factor: factor * x, key.question.cases(0))).passed == (factor == 2)
    assert sorted(called) == ["right"] * 2 + ["wrong"] * 2


def test_a_key_is_made_once_for_a_question_and_a_seed():
    question = doubling()
    assert answer_key(question, 3) is answer_key(question, 3)
    assert answer_key(question, 3) is not answer_key(question, 4)
    assert answer_key(question, 3) is not answer_key(doubling(), 3)


def test_what_an_answer_does_to_its_cases_does_not_reach_the_key():
    class Factor(GivenFunction):
        value = 2.0

        def __call__(self, x):
            return self.value * x

    question = doubling(reference=lambda f, x: f(x),
                        cases=lambda seed: [Case((Factor(), torch.ones(3, dtype=DOUBLE)), "only")])

    def double(f, x):
        f.value = 5.0
        return 5 * x

    assert verdict(double, question).reason.startswith("wrong value: entry [0] is 5, expected 2 (only)")
    assert verdict(lambda f, x: f(x), question).passed
