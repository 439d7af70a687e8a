"""`run` on answers to small made-up questions."""

import functools
import random
import re
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_questions import DOUBLE, ID, asking, doubling, draw, drawing, verdict

from dlm_course import check
from dlm_course.course.questions import Case, find, references_before, run


def define(source, name="double", **namespace):
    """The function of that name as a notebook's cell would define it, with a namespace of its own."""
    namespace["torch"] = torch
    exec(source, namespace)
    return namespace[name]


# A call that must be refused

def refusing():
    return doubling(cases=lambda seed: [
        *doubling().cases(seed), Case((torch.ones(2),), "in float32", edge="float32 is refused", raises=ValueError)])


def double_of_double(x):
    if x.dtype != DOUBLE:
        raise ValueError("not in float64")
    return 2 * x


def double_with_a_key(x):
    return {DOUBLE: 2 * x}[x.dtype]


def test_a_call_that_must_be_refused():
    assert verdict(double_of_double, refusing()).passed
    assert str(verdict(lambda x: 2 * x, refusing())) == \
        f"✗ {ID}: right, except in a border case, in float32: float32 is refused"
    said = str(verdict(double_with_a_key, refusing()))
    assert "double raised KeyError" in said
    assert said.endswith("float32 is refused")


def test_a_refusal_must_say_what_it_is_asked_to():
    question = doubling(cases=lambda seed: [*doubling().cases(seed), Case(
        (torch.ones(2),), "in float32", edge="name the dtype", raises=ValueError, says="float32")])

    def refuse(message):
        def double(x):
            if x.dtype != DOUBLE:
                raise ValueError(message)
            return 2 * x
        return str(verdict(double, question))

    assert refuse("torch.float32 was given") == f"✓ {ID}"
    said = refuse("not this one")
    assert "double raised ValueError: not this one" in said
    assert "the message must name 'float32'; name the dtype" in said


def test_a_refusal_where_none_is_due_is_an_exception_like_any_other():
    def double(x):
        raise ValueError("never")

    assert "double raised ValueError: never" in str(verdict(double, refusing()))


# Not attempted

def only_ellipsis(x):
    ...


def only_pass(x):
    pass


def only_docstring(x):
    """What it should do."""


def docstring_and_ellipsis(x):
    """What it should do."""
    ...


def ellipsis_returned(x):
    return ...


def none_returned(x):
    return None


def not_implemented(x):
    raise NotImplementedError


def not_implemented_said(x):
    """nbgrader's stub."""
    # YOUR CODE HERE
    raise NotImplementedError("to do")


def not_implemented_below(x):
    return 2 * not_implemented(x)


UNANSWERED = [None, ..., only_ellipsis, only_pass, only_docstring, docstring_and_ellipsis, ellipsis_returned,
              none_returned, not_implemented, not_implemented_said, not_implemented_below,
              lambda x: ..., lambda x: None]


@pytest.mark.parametrize("answer", UNANSWERED, ids=lambda answer: getattr(answer, "__name__", str(answer)))
def test_unanswered(answer):
    assert str(verdict(answer)) == f"○ {ID}: not attempted"


def test_a_stub_of_a_question_with_a_generator_is_not_called():
    question = doubling(cases=lambda seed: [Case((torch.ones(3),), "drawn", 5)])
    assert verdict(define("def double(x, generator):\n    ...\n"), question).status == "○"


def test_a_part_that_is_not_attempted_leaves_all_not_attempted():
    def double(x):
        if x[0] < 0:
            raise NotImplementedError
        return 2 * x

    assert verdict(double).status == "○"


def test_a_decorated_stub_is_unanswered():
    assert verdict(torch.no_grad()(only_ellipsis)).status == "○"


@pytest.mark.parametrize("body", ["y = 2 * x", "2 * x", "print(2 * x)", "for k in x:\n        k * 2",
                                  "if True:\n        x + x", '"""Twice."""\n    y = x + x'])
def test_a_forgotten_return_is_an_attempt(body):
    said = str(verdict(define(f"def double(x):\n    {body}\n")))
    assert said.startswith(f"✗ {ID}: double returned None, expected a tensor; is the return statement missing?")


def test_a_return_forgotten_in_one_branch_is_an_attempt():
    def double(x):
        if x[0] > 0:
            return 2 * x

    assert "double returned None, expected a tensor; is the return statement missing?" in verdict(double).reason


# What is no function

@pytest.mark.parametrize(("answer", "kind"), [(3, "int"), (torch.ones(3), "Tensor"), ("2 * x", "str"), ([1], "list")])
def test_an_answer_that_is_no_function(answer, kind):
    said = verdict(answer)
    assert said.status == "✗"
    assert f"{kind}, not a function" in said.reason


def test_each_result_is_recorded_as_it_was_returned():
    """A function may return the same buffer each time."""
    buffer = torch.zeros(3, dtype=DOUBLE)

    def double(x):
        buffer.copy_(2 * x)
        return buffer

    assert str(verdict(double)) == f"✓ {ID}"


# Exceptions

def error_of(body, **namespace):
    said = str(verdict(define(f"def double(x):\n    {body}\n", **namespace)))
    assert "\n" not in said
    return said


def test_an_exception_is_named_with_its_case():
    assert error_of("return 1 / 0") == f"✗ {ID}: double raised ZeroDivisionError: division by zero (first)"


def test_an_exception_shows_the_line_of_a_function_with_a_file(tmp_path):
    file = tmp_path / "answer.py"
    file.write_text("def inner(x):\n    return missing_name * x\n\ndef double(x):\n    return inner(x)\n")
    namespace = {}
    exec(compile(file.read_text(), file, "exec"), namespace)
    assert str(verdict(namespace["double"])).endswith(
        "raised NameError: name 'missing_name' is not defined, at `return missing_name * x` (first)")


def test_an_exception_without_a_message():
    assert error_of("assert x is None") == f"✗ {ID}: double raised AssertionError (first)"


def test_a_message_of_many_lines_becomes_one():
    assert "raised ValueError: a b c (first)" in error_of("raise ValueError('a\\n   b\\n\\n\\tc\\n')")


def test_a_long_message_is_cut():
    assert len(error_of("raise ValueError('long ' * 1000)")) < 300


def test_of_a_long_message_the_start_and_the_end_are_said():
    said = error_of("raise ValueError('begin ' + 'more ' * 1000 + 'end')")
    assert "raised ValueError: begin more" in said
    assert " … " in said
    assert "more end (first)" in said
    assert len(error_of("raise ValueError('x' * 1000)")) < 300


@pytest.mark.parametrize(("body", "start", "end"), [
    ("return torch.ones(2, 3) @ torch.ones(2, 3)", "mat1 and mat2 shapes", "(2x3 and 2x3)"),
    ("return torch.ones(2, 3) + torch.ones(2, 4)", "The size of tensor a (3)", "at non-singleton dimension 1"),
    ("return torch.ones(2, 3).expand(4, 3)", "The expanded size", "Target sizes: [4, 3]. Tensor sizes: [2, 3]"),
    ("return torch.einsum('ijk,jk->ik', torch.ones(2, 3), torch.ones(3, 3))", "einsum(): the number of subscripts",
     "(2) for operand 0 and no ellipsis was given"),
    ("return torch.einsum('ij,jk->ik', torch.ones(2, 3), torch.ones(4, 3))", "einsum(): subscript j has size 4",
     "does not broadcast with previously seen size 3"),
    ("return torch.searchsorted(torch.ones(3, 2), torch.ones(2, 2))", "torch.searchsorted(): boundaries",
     "boundaries tensor [3, 2] and input value tensor [2, 2]"),
    ("return x[torch.tensor([0, 7])]", "index 7 is out of bounds for", "with size 3"),
    ("return torch.nn.Embedding(3, 4)(x)", "Expected tensor for argument #1 'indices'",
     "but got torch.DoubleTensor instead (while checking arguments for embedding)"),
    ("return torch.rand((2,), gen=3)", "rand() received an invalid combination", "got (tuple, gen=int)"),
    ("return torch.randint(0, 3, 5)", "randint() received an invalid combination", "got (int, int, int)"),
    ("return torch.bernoulli(2 + x ** 2)", "Expected p_in >= 0 && p_in <= 1", "but got false."),
    ("return torch.distributions.Categorical(torch.full((30, 3), torch.nan))", "Expected parameter probs (Tensor of",
     "nan, nan]])"),
    ("y = x.clone().requires_grad_().exp(); y[0] = 1; y.sum().backward()", "one of the variables needed for gradient",
     "is at version 1; expected version 0 instead."),
    ("return torch.nn.Linear(3, 4).load_state_dict({'weight': torch.ones(5, 5)})", "Error(s) in loading state_dict",
     "shape [5, 5] from checkpoint, the shape in current model is [4, 3]."),
    ("return torch.vmap(lambda a: a.item())(x)", "vmap: It looks like you're calling .item()",
     "rewrite what you're doing with other operations.")])
def test_of_torchs_messages_the_useful_parts_are_said(body, start, end):
    said = error_of(body)
    assert f"Error: {start}" in said
    assert said.endswith(f"{end} (first)")
    assert len(said) < 300
    assert not re.search(r"expected one of|error message be improved|anomaly|inside PyTorch|torch\.Size", said)


def in_files(folder, **sources):
    """What the cells of a notebook define: each has a file of its own, and they share their names."""
    namespace = {"torch": torch, "functools": functools}
    for name, source in sources.items():
        file = folder / f"{name}.py"
        file.write_text(source)
        exec(compile(source, file, "exec"), namespace)
    return namespace["double"]


@pytest.mark.parametrize("sources", [
    {"cell": "def double(x):\n    y = x + 1\n    return x @ torch.ones(7)\n"},
    {"cell": "@torch.no_grad()\ndef double(x):\n    return x @ torch.ones(7)\n"},
    {"cell": "@functools.lru_cache\ndef double(x):\n    return x @ torch.ones(7)\n"},
    {"cell": "def twice(x, more):\n    return x @ torch.ones(7)\n\ndouble = functools.partial(twice, more=1)\n"},
    {"cell": "class Double:\n    def __call__(self, x):\n        return x @ torch.ones(7)\n\ndouble = Double()\n"},
    {"helper": "def helper(x):\n    return x @ torch.ones(7)\n", "cell": "def double(x):\n    return helper(x)\n"}],
    ids=["plain", "no_grad", "lru_cache", "partial", "object", "helper-in-another-cell"])
def test_the_line_is_the_students_own_not_torchs(tmp_path, sources):
    said = str(verdict(in_files(tmp_path, **sources)))
    assert said.count(", at `") == 1
    assert ", at `return x @ torch.ones(7)` (first)" in said


def test_a_line_that_is_long_or_holds_backquotes_is_one_line_still(tmp_path):
    said = str(verdict(in_files(tmp_path, cell=f"def double(x):\n    return x @ torch.ones(7)  # `{'so ' * 200}`\n")))
    assert ", at `return x @ torch.ones(7)  # 'so so" in said
    assert said.endswith(" …` (first)")
    assert len(said) < 400


@pytest.mark.parametrize(("body", "message"), [("import sys; sys.exit(3)", "SystemExit: 3"), ("exit()", "SystemExit"),
                                               ("raise SystemExit('bye')", "SystemExit: bye")])
def test_an_exit_is_an_exception_like_others(body, message):
    assert f"double raised {message}" in error_of(body, exit=sys.exit)


def test_endless_recursion_is_an_exception_like_others():
    assert "raised RecursionError" in error_of("return double(x)")


@pytest.mark.parametrize("parameters", ["", "x, y", "*, x"])
def test_a_wrong_number_of_parameters_is_an_exception_like_others(parameters):
    assert "raised TypeError: double() " in str(verdict(define(f"def double({parameters}):\n    return 2 * x\n")))


def test_an_exception_in_the_second_case_names_that_case():
    def double(x):
        if x[0] < 0:
            raise ValueError("negative")
        return 2 * x

    assert "raised ValueError: negative" in verdict(double).reason
    assert verdict(double).reason.endswith("(second)")


def test_after_an_exception_no_further_case_is_run():
    seen = []

    def double(x):
        seen.append(x)
        raise ValueError

    verdict(double)
    assert len(seen) == 1


def test_the_stop_button_stops_and_leaves_nothing_changed():
    double = define("def double(x):\n    raise KeyboardInterrupt\n", triple="mine")
    before, output = np.random.get_state()[1].copy(), sys.stdout
    with pytest.raises(KeyboardInterrupt):
        verdict(double, earlier={"triple": lambda x: 3 * x})
    assert (np.random.get_state()[1] == before).all()
    assert double.__globals__["triple"] == "mine"
    assert sys.stdout is output


# What the answer must not leave behind

def test_prints_warnings_and_stderr_are_swallowed(capfd, made_up):
    made_up(doubling())

    def double(x):
        print("printed")
        print("an error", file=sys.stderr)
        sys.stdout.write("written")
        warnings.warn("a warning", stacklevel=1)
        return 2 * x

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        check(ID, double)
        assert warnings.filters == filters
    assert not caught
    captured = capfd.readouterr()
    assert captured.out == f"✓ {ID}\n"
    assert captured.err == ""


def test_output_before_an_exception_is_swallowed(capfd):
    error_of("print('so far'); import sys; print('so far', file=sys.stderr); 1 / 0")
    assert capfd.readouterr() == ("", "")


def test_a_warning_that_was_made_an_error_is_no_error():
    def double(x):
        warnings.warn("a warning", stacklevel=1)
        return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verdict(double).passed


def test_pictures_are_swallowed():
    """An open figure would be shown below the check, where nbval then finds an output too many."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")
    mine = plt.figure()

    def double(x):
        plt.figure()
        plt.plot([1, 2])
        return 2 * x

    try:
        assert verdict(double).passed
        assert plt.get_fignums() == [mine.number]
    finally:
        plt.close("all")


def test_global_random_states_are_fixed_for_the_call_and_restored():
    drawn = []

    def double(x):
        drawn.append((float(torch.rand(())), np.random.rand()))
        torch.manual_seed(99)
        np.random.seed(99)
        return 2 * x

    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    verdict(double)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()
    torch.rand(3)
    np.random.rand(3)
    verdict(double)
    assert drawn[:2] == drawn[2:]


def test_they_are_restored_after_an_exception_too():
    def double(x):
        torch.rand(3)
        np.random.rand(3)
        raise ValueError

    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    verdict(double)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state()[2] == numpy_state[2]


def test_pythons_own_random_state_too():
    drawn = []

    def double(x):
        drawn.append(random.random())
        return 2 * x

    before = random.getstate()
    verdict(double)
    assert random.getstate() == before
    random.random()
    verdict(double)
    assert drawn[:2] == drawn[2:]


# Arguments changed in place

def in_place(x):
    x *= 2
    return x


def entry_written(x):
    result = 2 * x
    x[0] = 7
    return result


def reshaped(x):
    x.unsqueeze_(0)
    return 2 * x[0]


@pytest.mark.parametrize("answer", [in_place, entry_written, reshaped])
def test_a_changed_argument_is_found(answer):
    assert verdict(answer).reason == "double changed its argument x in place; work on a copy (clone)"


def test_the_second_argument_is_counted_as_second():
    question = asking(torch.ones(2), torch.ones(2), reference=lambda x, y: x + y)
    assert "argument y in place" in verdict(lambda x, y: y.add_(x), question).reason


def test_a_changed_list_is_found():
    question = asking([1.0, 2.0], reference=lambda x: torch.tensor(x).sum())

    def double(x):
        x.append(0.0)
        return torch.tensor(x).sum()

    assert "argument x in place" in verdict(double, question).reason


def test_the_cases_stay_as_they_were():
    question = doubling()
    cases = question.cases(0)
    first = run(in_place, cases)
    second = run(in_place, cases)
    assert (first[0].value == second[0].value).all()
    assert torch.equal(cases[0].args[0], question.cases(0)[0].args[0])


@pytest.mark.parametrize("argument", [np.arange(3.0), [torch.ones(2), torch.zeros(2)], {"a": torch.ones(2)},
                                      torch.tensor([1.0, float("nan")])], ids=["array", "list", "dict", "nan"])
def test_an_argument_of_any_kind_that_was_not_changed(argument):
    question = asking(argument, reference=lambda x: torch.ones(2))
    assert str(verdict(lambda x: torch.ones(2), question)) == f"✓ {ID}"


# Earlier tasks

LATER = "def triple(x):\n    return 0 * x\n\ndef double(x):\n    return triple(x) - x\n"
EARLIER = {"triple": lambda x: 3 * x}


def test_an_earlier_mistake_is_not_counted_twice():
    double = define(LATER)
    mine = double.__globals__["triple"]
    assert "wrong value" in verdict(double).reason
    assert verdict(double, earlier=EARLIER).passed
    assert double.__globals__["triple"] is mine


@pytest.mark.parametrize("more", [
    "double = functools.partial(double)", "double = functools.partial(functools.partial(double))",
    "class Answer:\n    def __call__(self, x):\n        return triple(x) - x\n\ndouble = Answer()"])
def test_nor_is_it_where_the_answer_is_an_object(more):
    double = define(LATER + more, functools=functools)
    assert "wrong value" in verdict(double).reason
    assert verdict(double, earlier=EARLIER).passed


def test_an_earlier_task_not_attempted_does_not_leave_the_later_one_unattempted():
    assert verdict(define(LATER.replace("return 0 * x", "raise NotImplementedError")), earlier=EARLIER).passed


def test_an_earlier_task_may_be_reached_by_a_helper():
    helper = "def helper(x):\n    return triple(x)\n\n"
    assert verdict(define(helper + LATER.replace("triple(x) - x", "helper(x) - x")), earlier=EARLIER).passed


def test_an_earlier_name_that_was_not_defined_is_gone_afterwards():
    double = define("def double(x):\n    return triple(x) - x\n")
    assert verdict(double, earlier=EARLIER).passed
    assert "triple" not in double.__globals__


def test_the_namespace_is_restored_after_an_exception():
    double = define(LATER.replace("triple(x) - x", "triple(x) / missing"))
    mine = double.__globals__["triple"]
    assert "NameError" in verdict(double, earlier={**EARLIER, "fresh": lambda x: x}).reason
    assert double.__globals__["triple"] is mine
    assert "fresh" not in double.__globals__


def test_of_the_namespace_nothing_else_changes():
    double = define(LATER)
    before = dict(double.__globals__)
    verdict(double, earlier=EARLIER)
    assert double.__globals__ == before


@pytest.mark.parametrize("decorator", [torch.no_grad(), functools.lru_cache], ids=["no_grad", "lru_cache"])
def test_a_decorated_answer_gets_the_references_too(decorator):
    double = define(LATER)
    decorated = decorator(double)
    elsewhere = dict(getattr(decorated, "__globals__", {}))
    assert str(verdict(decorated, earlier=EARLIER)) == f"✓ {ID}"
    assert dict(getattr(decorated, "__globals__", {})) == elsewhere


def test_a_callable_object_can_be_an_answer():
    class Double:
        def __call__(self, x):
            return 2 * x

    assert verdict(Double(), earlier=EARLIER).passed


def test_a_stand_in_takes_the_place_of_a_reference_that_is_a_law(made_up):
    made_up(drawing(id="01-1-draw", name="draw", stand_in=draw), doubling(id="01-2-double"))
    assert references_before(find("01-2-double")) == {"draw": draw}
    double = define("def double(x):\n    return 2 * x + 0 * draw(x.abs() + 1, generator=torch.Generator())[0]\n")
    assert verdict(double, earlier=references_before(find("01-2-double"))).passed


def test_check_hands_over_the_references_of_the_earlier_tasks_only(made_up):
    made_up(doubling(id="01-1-triple", name="triple", reference=EARLIER["triple"]), doubling(id="01-2-double"),
            doubling(id="01-3-half", name="half"))
    assert references_before(find("01-1-triple")) == {}
    assert references_before(find("01-2-double")) == EARLIER
    assert list(references_before(find("01-3-half"))) == ["triple", "double"]


# The generator

def test_the_generator_has_the_seed_of_the_case():
    cases = drawing().cases(0)
    first, again, other = (output.value for output in run(draw, cases))
    assert (first == again).all()
    assert (first != other).any()


def test_a_case_may_go_on_with_the_generator_of_the_one_before():
    case = drawing().cases(0)[0]
    on = replace(case, goes_on=True)
    first, second, third, anew = (output.value for output in run(draw, [case, on, on, case]))
    generator = torch.Generator().manual_seed(case.seed)
    for value in (first, second, third):
        assert (value == draw(*case.args, generator=generator).numpy()).all()
    assert (anew == first).all()


def test_without_a_seed_there_is_no_generator():
    assert verdict(lambda x, **keywords: 2 * x if not keywords else x).passed
