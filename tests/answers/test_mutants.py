"""The operators of `make mutants`, and how it tells the survivors apart."""

import json
from dataclasses import dataclass

import pytest
import torch
from mutants import OPERATORS, Chunk, Judge, judged, known_equivalents, mutants, sources_of, varied
from test_00_start_here import SHARE, TOPIC

from dlm_course.course.questions import Case

EXAMPLES = {    # operator: a source, and lines that its mutants must hold
    "arithmetic": ("y = a * b", ["a / b"]),
    "operand dropped": ("y = a * b + c", ["y = a * b", "y = c", "y = a + c"]),
    "factor doubled": ("y = a * b", ["a * b * a", "a * b * b"]),
    "operands exchanged": ("y = a - b", ["b - a"]),
    "constant": ("y = x.sum(-1) * 0.5", ["sum(-2)", "sum(-0)", "* 1.0", "* 0.25"]),
    "index": ("y = x[i, :n]", ["x[i + 1, :n]", "x[i - 1, :n]", "x[i, :]", "x[i, :n - 1]"]),
    "ends of a range": ("y = range(n)", ["range(n - 1)", "range(n + 1)", "range(1, n)"]),
    "comparison": ("y = a < b", ["a <= b", "a > b"]),
    "condition": ("if a:\n    y = 1", ["if not a:", "if True:", "if False:"]),
    "sign": ("y = -a", ["y = a"]),
    "function": ("y = x.argmax(-1)", ["x.argmin(-1)"]),
    "call dropped": ("y = torch.log(x).sum()", ["torch.log(x)", "y = x.sum()"]),
    "argument dropped": ("y = x.sum(1, keepdim=True)", ["x.sum(keepdim=True)", "x.sum(1)"]),
    "keepdim": ("y = x.sum(1)", ["x.sum(1, keepdim=True)"]),
    "sort direction": ("y = x.argsort()", ["x.argsort(descending=True)"]),
    "transposition": ("y = a[i, j] @ b.T", ["a[j, i] @ b.T", "a[i, j].T @ b.T", "a[i, j] @ b"]),
    "other parameter": ("def f(a, b):\n    return a", ["return b"]),
    "clamp or epsilon": ("y = x.log() / z", ["(x + 1e-12).log()", "x.clamp(min=1e-12).log()", "x.log() / (z + 1e-12)"]),
    "lower dtype": ("y = x.double().to(torch.float32)", ["x.float()", "x.half()", "torch.float16"]),
    "generator": ("y = torch.rand(3, generator=generator)", ["generator=torch.Generator().manual_seed(0)",
                                                            "generator=generator.clone_state()", "generator=None"]),
    "loops": ("for i in x:\n    y = i", ["    break"]),
    "statement dropped": ("y = 1\nx = 2", ["pass"]),
    "argument changed": ("def f(a, generator=None):\n    return a", [
        "a = a.half()", "a = a.flip(0)", "generator = generator.clone_state()"]),
}


def test_every_operator_has_its_example():
    assert EXAMPLES.keys() == OPERATORS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_operator_makes_its_mutants(name):
    source, lines = EXAMPLES[name]
    made = [mutant.source for mutant in mutants(source, "f") if mutant.operator == name]
    assert [line for line in lines if not any(line in text for text in made)] == []


def test_mutants_are_programs_each_another_and_none_the_original():
    source = TOPIC.source_of(SHARE, "two-loops")
    made = [mutant.source for mutant in mutants(source, "mask_share")]
    assert len(made) > 30
    assert len({*made, source}) == len(made) + 1
    for text in made:
        compile(text, "mutant", "exec")


def test_docstrings_and_annotations_stay():
    source = "def f(a: int) -> float:\n    '''Of 1 and 2.'''\n    return a"
    assert all("a: int" in mutant.source and "Of 1 and 2." in mutant.source for mutant in mutants(source))


def test_the_change_is_shown_by_its_lines():
    changes = {mutant.change for mutant in mutants("x = 1\ny = a < b\nz = 3")}
    assert "-y = a < b\n+y = a <= b" in changes


def test_the_sources_are_the_solution_and_the_right_answers():
    assert [*sources_of(TOPIC, SHARE)][:2] == ["solution", "mean-of-doubles"]


def test_varied_inputs_differ_in_size_in_rarity_and_in_dtype():
    case = Case((torch.tensor([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]), torch.tensor([[1], [2]]), 5), "two rows")
    made = [other.args for other in varied(case)]
    shapes = {(tuple(args[0].shape), tuple(args[1].shape)) for args in made}
    assert shapes == {((2, 3), (2, 1)), ((1, 3), (1, 1)), ((4, 3), (4, 1)), ((2, 3), (2, 2))}
    given = Case((lambda xt: torch.tensor([0.1, 0.9]), 3), "a function that is given")
    assert any(0 < other.args[0](3)[0] < 1e-11 for other in varied(given))
    assert any(0 < args[0].min() < 1e-12 for args in made)
    assert {args[0].dtype for args in made} == {torch.float32, torch.float64}
    assert any(args[1].max() == 302 and args[2] == 305 for args in made)
    assert case.args[0].shape == (2, 3)


def test_varied_inputs_are_those_that_the_task_allows():
    rates = torch.tensor([0.1, 0.4, 0.7])    # twice after each other they would fall
    assert all((other.args[0].diff() > 0).all() for other in varied(Case((rates,), "rates")))
    rare = Case((torch.tensor([0.2, 0.1, 0.7]), torch.tensor([-1.0, 3.0])), "rare")
    assert min(other.args[0].min() for other in varied(rare)) < 1e-20
    assert min(other.args[0].min() for other in varied(rare, "04-4-sequence-kl")) > 1e-16
    labels = {task: {other.label for other in varied(rare, task)} for task in ("", "07-4-descend")}
    assert labels[""] - labels["07-4-descend"] == {"rare, logits times 50"}


SOURCES = {
    "rejected": "return (xt != mask_id).double().mean(-1)",
    "same": "return (mask_id == xt).double().mean(-1)",
    "close": "return (xt == mask_id).float().mean(-1)",
    "HOLE": "return (xt == mask_id).double().mean(-1) if len(xt) < 8 else xt.double().mean(-1)",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_survivors_are_told_apart(kind):
    judge = Judge(TOPIC, SHARE, TOPIC.source_of(SHARE, "mean-of-doubles"))
    found = judge.outcome("def mask_share(xt, mask_id):\n    " + SOURCES[kind])
    assert (found.kind or found.status) == kind, found


@dataclass
class Endless:
    source: str = "def mask_share(xt, mask_id):\n    while True:\n        pass"


@dataclass
class Fine:
    source: str = "def mask_share(xt, mask_id):\n    return xt.double()"


def test_an_endless_loop_is_ended_and_what_comes_after_it_is_judged():
    pytest.importorskip("resource")
    judge = Judge(TOPIC, SHARE, TOPIC.source_of(SHARE, "mean-of-doubles"))
    steps = []
    found = [outcome for _, _, outcome in judged([Chunk(judge, [Endless(), Fine()], 2)], 1, lambda: steps.append(1))]
    assert [outcome.status for outcome in found] == ["rejected", "rejected"]
    assert found[0].message == "takes too long"
    assert len(steps) == 2


def test_a_known_equivalent_that_no_longer_occurs_is_refused(tmp_path):
    path = tmp_path / "known.json"
    assert known_equivalents({SHARE: {"abc"}}, path) == {}
    path.write_text(json.dumps({SHARE: {"abc": "a reason"}, "05-1-rho": {"of another topic": ""}}), encoding="utf-8")
    assert known_equivalents({SHARE: {"abc"}}, path)[SHARE] == {"abc": "a reason"}
    with pytest.raises(SystemExit, match="abc"):
        known_equivalents({SHARE: {"def"}}, path)
