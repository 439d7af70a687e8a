"""`make mutants`: right answers are broken by machine, and the checks must notice. Not part of `make test`.

The answer cells of solutions/ and the right answers stored beside this file are mutated, one small change at a time;
each mutant is judged as a student's answer is: on the cases of the standard seed, and if it passes on those of three
more. What passes is compared with the answer it was made from, on the cases of further seeds and on inputs that are
made from these by other shapes, rarer probabilities and other dtypes. A survivor is then one of

    same       the same numbers, bit for bit, wherever both were tried
    close      the same within the question's tolerance
    draws      a sampler that draws otherwise and passes on every seed
    HOLE       other numbers on an input that looks allowed: a case may be missing (or the input is not allowed)
    seed       rejected on one of the further seeds: the standard cases show it too seldom
    unknown    the comparison took too long

and stands in a file to look at. What a person has found equivalent goes, with the reason, into
equivalent_mutants.json, by task and by the hash of the mutant; the next run leaves it out.

Why not cosmic-ray or mutmut: both mutate the files of a package and run a test command for each, here mutants are
made from a piece of text and judged by a function. Their operators could be used alone, but over other trees (parso,
libcst) and for 27 or 9 more packages; they hold a third of the operators here, and none that knows tensors (dimensions,
keepdim, dtypes, clamps, generators). Python's own ast suffices.
"""

import argparse
import ast
import copy
import difflib
import hashlib
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import connection, get_context
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).parent / "equivalent_mutants.json"
MORE_SEEDS, FURTHER_SEEDS = (1, 2, 3), range(4, 14)
LATE = "takes too long"
SLOW = 0.4      # seconds a judgement: above it, fewer sources and seeds are tried


# Operators. Each takes a node and the names of the function's parameters, and yields nodes to stand in its place.

Operator = Callable[[ast.AST, tuple[str, ...]], Iterator[ast.AST]]

ARITHMETIC = {ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.Pow: [ast.Mult],
              ast.MatMult: [ast.Mult], ast.FloorDiv: [ast.Div], ast.Mod: [ast.FloorDiv], ast.BitAnd: [ast.BitOr],
              ast.BitOr: [ast.BitAnd], ast.BitXor: [ast.BitOr, ast.BitAnd]}
COMPARISONS = {ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt],
               ast.GtE: [ast.Gt, ast.LtE], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot],
               ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In]}
FUNCTIONS = {name: others.split() for name, others in {
    "sum": "mean", "mean": "sum", "prod": "sum", "cumsum": "cumprod", "cumprod": "cumsum", "max": "min", "min": "max",
    "amax": "amin", "amin": "amax", "argmax": "argmin", "argmin": "argmax", "maximum": "minimum", "minimum": "maximum",
    "log": "log2 log1p", "log2": "log", "softmax": "log_softmax", "log_softmax": "softmax", "logsumexp": "sum amax",
    "all": "any", "any": "all", "ones": "zeros", "zeros": "ones", "ones_like": "zeros_like",
    "zeros_like": "ones_like", "floor": "ceil", "ceil": "floor", "tril": "triu", "triu": "tril", "rand": "randn",
    "xlogy": "xlog1py", "zeros_": "ones_", "where": "", "clone": ""}.items()}
LOWER = {"double": ["float", "half"], "float": ["half"], "long": ["byte", "short"], "float64": ["float32", "float16"],
         "float32": ["float16"], "int64": ["uint8", "int16"]}
REDUCE = {"sum", "mean", "prod", "max", "min", "amax", "amin", "logsumexp", "all", "any", "argmax", "argmin"}


def expression(text: str, **parts: ast.AST) -> ast.expr:
    """The tree of a text in which names stand for parts."""
    class Filled(ast.NodeTransformer):
        def visit_Name(self, node):
            return parts.get(node.id, node)

    return Filled().visit(ast.parse(text, mode="eval").body)


def with_changes(node: ast.AST, **fields) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _called(node: ast.AST) -> str:
    """The last name of what is called, "log" for `torch.log(x)` and for `x.log()`."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_module(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in {"torch", "np", "math", "itertools", "F", "nn", "functools"}


def arithmetic(node, names):
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for other in ARITHMETIC.get(type(node.op), ()):
            yield with_changes(node, op=other())


def operand_dropped(node, names):
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    elif isinstance(node, ast.BoolOp):
        yield from node.values


def factor_doubled(node, names):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        for side in (node.left, node.right):
            yield ast.BinOp(node, node.op, side)


def operands_exchanged(node, names):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
        yield with_changes(node, left=node.right, right=node.left)


def constant(node, names):
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        elif isinstance(node.value, float):
            yield ast.Constant(node.value * 2 if node.value else 1.0)
            yield ast.Constant(node.value / 2 if node.value else -1.0)


def index(node, names):
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for at, part in enumerate(parts):
            for new in _indices(part):
                yield with_changes(node, slice=ast.Tuple([*parts[:at], new, *parts[at + 1:]], ast.Load())
                                   if len(parts) > 1 else new)


def _indices(part):
    if isinstance(part, ast.Name | ast.BinOp):
        yield expression("i + 1", i=part)
        yield expression("i - 1", i=part)
    elif isinstance(part, ast.Slice):
        for end in ("lower", "upper"):
            bound = getattr(part, end)
            if bound is not None:
                yield with_changes(part, **{end: None})
                if not isinstance(bound, ast.Constant):
                    yield with_changes(part, **{end: expression("i + 1", i=bound)})
                    yield with_changes(part, **{end: expression("i - 1", i=bound)})
        if part.lower is None and part.upper is None and part.step is None:
            yield ast.Slice(ast.Constant(1))
            yield ast.Slice(None, ast.Constant(-1))


def ends_of_a_range(node, names):
    if _called(node) in {"range", "arange"} and node.args:
        last = 0 if len(node.args) == 1 else 1
        for text in ("i + 1", "i - 1"):
            args = [*node.args]
            args[last] = expression(text, i=node.args[last])
            yield with_changes(node, args=args)
        if last == 0:
            yield with_changes(node, args=[ast.Constant(1), *node.args])


def comparison(node, names):
    if isinstance(node, ast.Compare):
        for other in COMPARISONS[type(node.ops[0])]:
            yield with_changes(node, ops=[other(), *node.ops[1:]])


def condition(node, names):
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield with_changes(node, test=ast.UnaryOp(ast.Not(), node.test))
        yield with_changes(node, test=ast.Constant(True))
        yield with_changes(node, test=ast.Constant(False))
    elif isinstance(node, ast.BoolOp):
        yield with_changes(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def sign(node, names):
    if isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    elif isinstance(node, ast.Return) and node.value is not None:
        yield with_changes(node, value=expression("-x", x=node.value))


def function(node, names):
    if isinstance(node, ast.Attribute):
        for other in FUNCTIONS.get(node.attr, ()):
            yield with_changes(node, attr=other)
    elif isinstance(node, ast.Name) and node.id not in names:
        for other in FUNCTIONS.get(node.id, ()):
            yield ast.Name(other, ast.Load())


def call_dropped(node, names):
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            yield node.func.value
        elif node.args and not isinstance(node.args[0], ast.Starred):
            yield node.args[0]


def argument_dropped(node, names):
    if isinstance(node, ast.Call):
        for at in range(len(node.args)):
            if len(node.args) > 1 or isinstance(node.func, ast.Attribute):
                yield with_changes(node, args=node.args[:at] + node.args[at + 1:])
        for at in range(len(node.keywords)):
            if node.keywords[at].arg != "generator":
                yield with_changes(node, keywords=node.keywords[:at] + node.keywords[at + 1:])


def keepdim(node, names):
    if _called(node) in REDUCE and (node.args or node.keywords) and \
            not any(k.arg in {"keepdim", "keepdims"} for k in node.keywords):
        yield with_changes(node, keywords=[*node.keywords, ast.keyword("keepdim", ast.Constant(True))])


def sort_direction(node, names):
    if _called(node) in {"sort", "argsort"} and not any(k.arg == "descending" for k in node.keywords):
        yield with_changes(node, keywords=[*node.keywords, ast.keyword("descending", ast.Constant(True))])
    elif _called(node) == "topk" and not any(k.arg == "largest" for k in node.keywords):
        yield with_changes(node, keywords=[*node.keywords, ast.keyword("largest", ast.Constant(False))])
    elif _called(node) == "sorted" and not any(k.arg == "reverse" for k in node.keywords):
        yield with_changes(node, keywords=[*node.keywords, ast.keyword("reverse", ast.Constant(True))])


def transposition(node, names):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield with_changes(node, left=expression("x.T", x=node.left))
        yield with_changes(node, right=expression("x.T", x=node.right))
    elif isinstance(node, ast.Attribute) and node.attr in {"T", "mT"}:
        yield node.value
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) > 1:
        first, second, *others = node.slice.elts
        yield with_changes(node, slice=ast.Tuple([second, first, *others], ast.Load()))
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        for at in range(len(node.args) - 1):
            args = [*node.args]
            args[at], args[at + 1] = args[at + 1], args[at]
            yield with_changes(node, args=args)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "->" in node.value:
        for term in {*node.value.replace("->", ",").replace(" ", "").split(",")}:
            if len(term) > 1 and term.isalpha():
                yield ast.Constant(node.value.replace(term, term[1] + term[0] + term[2:]))


def other_parameter(node, names):
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for other in names:
            if other not in {node.id, "generator"}:
                yield ast.Name(other, ast.Load())


def clamp_or_epsilon(node, names):
    if _called(node) in {"log", "log2", "sqrt", "rsqrt", "log10", "reciprocal"}:
        method = isinstance(node.func, ast.Attribute) and not _is_module(node.func.value)
        inner = node.func.value if method else node.args[0] if node.args else None
        for text in ("(x + 1e-12)", "x.clamp(min=1e-12)", "x.clamp(min=1e-30)", "x.clamp(1e-6, 1 - 1e-6)"):
            if inner is not None:
                new = expression(text, x=inner)
                yield with_changes(node, func=with_changes(node.func, value=new)) if method else \
                    with_changes(node, args=[new, *node.args[1:]])
    elif _called(node) == "exp":
        method = isinstance(node.func, ast.Attribute) and not _is_module(node.func.value)
        inner = node.func.value if method else node.args[0]
        new = expression("x.clamp(-50, 50)", x=inner)
        yield with_changes(node, func=with_changes(node.func, value=new)) if method else with_changes(node, args=[new])
    elif _called(node) == "xlogy" and len(node.args) == 2:
        for text in ("x + 1e-12", "x.clamp(min=1e-12)"):
            yield with_changes(node, args=[node.args[0], expression(text, x=node.args[1])])
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield with_changes(node, right=expression("x + 1e-12", x=node.right))
        yield with_changes(node, right=expression("x.clamp(min=1e-12)", x=node.right))
    elif isinstance(node, ast.Return) and node.value is not None:
        for text in ("x.clamp(min=0)", "x.clamp(min=1e-12)", "x.clamp(-50, 50)", "x.nan_to_num()", "x + 1e-12"):
            yield with_changes(node, value=expression(text, x=node.value))


def lower_dtype(node, names):
    if isinstance(node, ast.Attribute):
        for other in LOWER.get(node.attr, ()):
            yield with_changes(node, attr=other)
    elif isinstance(node, ast.Return) and node.value is not None:
        for text in ("x.float()", "x.half()", "x.to(torch.uint8)"):
            yield with_changes(node, value=expression(text, x=node.value))


def generator(node, names):
    if isinstance(node, ast.Name) and node.id == "generator" and isinstance(node.ctx, ast.Load):
        yield expression("torch.Generator().manual_seed(0)")
        yield expression("generator.clone_state()")
        yield expression("torch.Generator().manual_seed(generator.initial_seed())")
        yield ast.Constant(None)


def loops(node, names):
    if isinstance(node, ast.For | ast.While):
        yield with_changes(node, body=[*node.body, ast.Break()])
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def statement_dropped(node, names):
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.If | ast.For | ast.While | ast.Assert | ast.Raise) \
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield ast.Pass()


def argument_changed(node, names):
    """Of the function asked for alone: a first statement that takes an argument for something less."""
    if isinstance(node, ast.FunctionDef) and tuple(arg.arg for arg in _parameters(node)) == names:
        for name in names:
            lines = ["generator = torch.Generator().manual_seed(0)", "generator = generator.clone_state()"] \
                if name == "generator" else [
                f"{name} = {name}.{change}" for change in ("half()", "float()", "byte()", "flip(0)", "mT")]
            for line in lines:
                at = 1 if ast.get_docstring(node) is not None else 0
                yield with_changes(node, body=[*node.body[:at], *ast.parse(line).body, *node.body[at:]])


OPERATORS: dict[str, Operator] = {operator.__name__.replace("_", " "): operator for operator in (
    arithmetic, operand_dropped, factor_doubled, operands_exchanged, constant, index, ends_of_a_range, comparison,
    condition, sign, function, call_dropped, argument_dropped, keepdim, sort_direction, transposition, other_parameter,
    clamp_or_epsilon, lower_dtype, generator, loops, statement_dropped, argument_changed)}


# Mutants

class Mutant(NamedTuple):
    source: str
    operator: str
    change: str     # the lines before and after

    @property
    def key(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]


def _parameters(node: ast.FunctionDef | ast.Lambda) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where nodes can be replaced: the parent, its field, the place in a list. No annotations, no docstrings."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                yield node, name, at
                yield from _places(child)


def mutants(source: str, function: str = "") -> list[Mutant]:
    """All mutants of a source, each text once; `function` is the one whose arguments are changed."""
    tree = ast.parse(dedent(source))
    original = ast.unparse(tree)
    names = next((tuple(arg.arg for arg in _parameters(node)) for node in ast.walk(tree)
                  if isinstance(node, ast.FunctionDef) and node.name == function), ())
    found = {original: None}
    for parent, field, at in [*_places(tree)]:
        value = getattr(parent, field)
        node = value if at is None else value[at]
        for name, operator in OPERATORS.items():
            for new in operator(node, names):
                setattr(parent, field, new if at is None else [*value[:at], new, *value[at + 1:]])
                try:
                    text = ast.unparse(ast.fix_missing_locations(tree))
                    if text not in found:
                        compile(text, "<mutant>", "exec")
                        found[text] = Mutant(text, name, _change(original, text))
                except (SyntaxError, ValueError, AttributeError):
                    pass    # no program
                finally:
                    setattr(parent, field, value)
    return [mutant for mutant in found.values() if mutant]


def _change(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


# Inputs made from cases

# What the text of a task does not allow, or no computer holds: task, variation, why.
NOT_ALLOWED = {
    "05-3": {"integers + 300": "the states are 0..K-1, and K is that of the logits"},
    "07-4": {"logits times 50": "the weights leave what float32 holds"},
    "09-3": {"logits times 50": "a variance of e^50 and more leaves what float32 holds"},
    "09-4": {"logits times 50": "float32 loses the difference of x and x1 next to the data"},
    "09-5": {"integers + 300": "N is at most 50", "twice along dimension 0": "N is at most 50"},
    "10-3": {"integers + 300": "a table of so many triples leaves no memory"},
}
# torch.distributions, with which a right answer may be made, takes 2e-16 for every probability below.
LEAST_PROBABILITY = {"03-2": 1e-15, "04-4": 1e-15, "09-1": 1e-15}


def varied(case, task: str = "") -> Iterator:
    """Cases made from this one, as far as the task allows: other sizes, rarer probabilities, larger logits, dtypes."""
    for other in _varied(case, LEAST_PROBABILITY.get(task[:4], 1e-35)):
        if not other.label.endswith(tuple(NOT_ALLOWED.get(task[:4], ()))):
            yield other


def _varied(case, least: float) -> Iterator:
    tensors = [arg for arg in case.args if isinstance(arg, torch.Tensor)]
    for dim in (0, 1):
        for size in sorted({x.shape[dim] for x in tensors if x.ndim > dim}):
            if size > 1:
                yield _with(case, partial(_resized, dim=dim, size=size, to=range(size - 1)),
                            f"without the last along dimension {dim}")
                yield _with(case, partial(_resized, dim=dim, size=size, to=range(1)),
                            f"only the first along dimension {dim}")
            yield _with(case, partial(_resized, dim=dim, size=size, to=[*range(size)] * 2),
                        f"twice along dimension {dim}")
    for power in (12, 40):
        yield _with(case, partial(_sharper, power=power, least=least),
                    f"probabilities to the power {power}, normalised")
    yield _with(case, lambda x: x * 50 if x.is_floating_point() and (x < 0).any() else x, "logits times 50")
    if any(x.dtype == torch.long for x in tensors):
        yield _with(case, lambda x: x + 300 if not torch.is_tensor(x) or x.dtype == torch.long else x, "integers + 300")
    yield _with(case, lambda x: x.float() if x.is_floating_point() else x, "in float32")
    yield _with(case, lambda x: x.double() if x.is_floating_point() else x, "in float64")


def _changed(function, change, *args):
    result = function(*args)
    return change(result) if isinstance(result, torch.Tensor) else result


def _resized(x, dim, size, to):
    """The entries `to` of dimension `dim`; matrices of a chain, joints and distributions stay what they are."""
    if x.ndim <= dim or x.shape[dim] != size:
        return x
    if x.ndim == 1 and x.is_floating_point() and len(x) > 1 and x[0] > 0 and x[-1] <= 1 and (x.diff() > 0).all():
        return x    # mask rates, which increase
    square = x.is_floating_point() and x.ndim > 1 and bool((x >= 0).all())
    square = square and (len(set(x.shape)) == 1 or (x.shape[-1] == x.shape[-2] and dim >= x.ndim - 2))
    return x if square or dim in _summed(x) else x.index_select(dim, torch.tensor([*to]))


def _summed(x) -> tuple[int, ...]:
    """The dimensions over which a tensor of probabilities sums to 1; () if it is none."""
    if x.is_floating_point() and x.numel() > 1 and (x >= 0).all() and (x <= 1).all():
        for dims in ((x.ndim - 1,), (0,), tuple(range(x.ndim))):
            if torch.allclose(x.sum(dims), torch.ones((), dtype=x.dtype), atol=1e-4):
                return dims
    return ()


def _sharper(x, power, least=1e-35):
    """Probabilities to a power and normalised; what float32 can hold, since this may be a student's choice."""
    dims = _summed(x)
    if not dims:
        return x
    sharp = torch.where(x > 0, (x ** power).clamp(min=least), 0)
    return sharp / sharp.sum(dims, keepdim=True)


def _with(case, change, label):
    try:
        args = tuple(change(arg).clone() if isinstance(arg, torch.Tensor) else
                     partial(_changed, arg, change) if callable(arg) and "to the power" in label else
                     change(arg) if label == "integers + 300" and type(arg) is int else arg for arg in case.args)
    except RuntimeError:
        args = case.args
    return replace(case, args=args, label=f"{case.label}, {label}")


# Judging

@dataclass
class Outcome:
    status: str
    message: str = ""
    kind: str = ""


class Judge:
    """Judges mutants of one source."""

    def __init__(self, topic, task: str, source: str, alive: Callable[..., None] = lambda *passed: None) -> None:
        from dlm_course.course.questions import find, references_before

        self.topic, self.question, self.source, self.alive = topic, find(task), source, alive
        self.earlier = references_before(self.question)
        self.sampler = any(case.seed is not None for case in self.key(0).cases)
        self._outputs: dict = {}
        self.slow = False

    def key(self, seed):
        from dlm_course.course.questions import answer_key

        return answer_key(self.question, seed)

    def outputs(self, source, cases):
        from dlm_course.course.questions import run

        function = self.topic.namespace(source)[self.question.name]
        return run(function, cases, self.earlier)

    def verdict(self, source, seed):
        from dlm_course.course.questions import judge

        try:
            outputs = self.outputs(source, self.key(seed).cases)
        except Exception as error:
            return "✗", f"the cell raised {type(error).__name__}"
        found = judge(self.key(seed), outputs)
        return found.status, found.reason if hasattr(found, "reason") else str(found)

    def outcome(self, mutant: str) -> Outcome:
        for seed in (0, *MORE_SEEDS):
            status, message = self.verdict(mutant, seed)
            self.alive()
            if status != "✓":
                return Outcome("rejected", message) if seed == 0 else \
                    Outcome("survivor", f"seed {seed}: {message}", "seed")
        self.alive(True)
        return Outcome("survivor", *self.compared(mutant))

    def compared(self, mutant: str) -> tuple[str, str]:
        worst, where = "same", ""
        for seed in FURTHER_SEEDS if not self.slow else FURTHER_SEEDS[:3]:
            cases = self.key(seed).cases
            ours, theirs = self._reference(("seed", seed), cases), self.outputs(mutant, cases)
            self.alive()
            if self.sampler:
                status, message = self.verdict(mutant, seed)
                self.alive()
                if status != "✓":
                    return f"seed {seed}: {message}", "seed"
            pairs = [*zip(cases, ours, theirs, strict=False)]
            if len(ours) != len(theirs):
                return f"seed {seed}: {theirs[-1].error}", "seed"
            if not self.slow and seed < FURTHER_SEEDS[2]:
                for n, case in enumerate(cases):
                    if case.goes_on or case.raises:
                        continue
                    for m, other in enumerate(varied(case, self.question.id)):
                        a = self._reference((seed, n, m), [other])
                        if a[0].value is not None and not (a[0].value.dtype.kind == "f" and np.isnan(a[0].value).any()):
                            pairs.append((other, a[0], self.outputs(mutant, [other])[0]))
                            self.alive()
            for case, a, b in pairs:
                kind, detail = self._difference(case, a, b)
                if kind == "HOLE" and any(case is other for other in cases):
                    kind = "seed"
                if kind != "same" and worst in {"same", "close" if kind != "close" else ""}:
                    worst, where = kind, f"{case.label}, seed {seed}: {detail}"
                if worst in {"HOLE", "seed"}:
                    return where, worst
        return where, worst

    def _reference(self, name, cases):
        if name not in self._outputs:
            self._outputs[name] = self.outputs(self.source, cases)
        return self._outputs[name]

    def _difference(self, case, a, b):
        if a.value is None:
            return "same", ""
        if b.value is None or a.value.shape != b.value.shape or (b.mutated and not a.mutated):
            return "HOLE", b.error or (f"changes argument {b.mutated}" if b.mutated else "another shape")
        if a.value.dtype == b.value.dtype and np.array_equal(a.value, b.value, equal_nan=a.value.dtype.kind == "f"):
            return "same", ""
        if case.seed is not None and not np.array_equal(a.value, b.value, equal_nan=a.value.dtype.kind == "f"):
            return "draws", "other draws"
        if a.value.dtype.kind != b.value.dtype.kind and "b" in a.value.dtype.kind + b.value.dtype.kind:
            return "HOLE", f"dtype {b.value.dtype}"
        x, y = a.value, b.value
        if self.question.view and case.seed is None:
            try:
                x, y = self.question.view(case, x), self.question.view(case, y)
            except ValueError as error:
                return "HOLE", str(error)
        x, y = x.astype(float), y.astype(float)
        try:
            tolerance = self.question.tolerance(case, x)
        except Exception:
            tolerance = 1e-6 + 1e-4 * np.abs(x)
        with np.errstate(invalid="ignore"):
            off = ~((np.abs(x - y) <= tolerance) | (x == y) | (np.isnan(x) & np.isnan(y)))
        if not np.any(off):
            return "close", ""
        at = tuple(np.argwhere(off)[0])
        return "HOLE", f"{y[at]:.6g} instead of {x[at]:.6g}"


class Chunk(NamedTuple):
    judge: Judge
    todo: list
    limit: float


def _work(pipe, judge, todo):
    import resource  # not on Windows

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() \
        if Path("/proc/self/statm").exists() else 0
    if size:
        resource.setrlimit(resource.RLIMIT_AS, (size + 4 * 2**30,) * 2)
    judge.alive = lambda *passed: pipe.send(passed)
    for mutant in todo:
        try:
            found = judge.outcome(mutant.source)
        except BaseException as error:
            found = Outcome("rejected", f"raised {type(error).__name__} outside of the check")
        pipe.send(found)


def judged(chunks: list[Chunk], processes: int, advance: Callable[[], None]) -> Iterator[tuple[Judge, Mutant, Outcome]]:
    """Every mutant with its outcome, from forked processes; one that takes too long, or all memory, is rejected."""
    fork, waiting, busy = get_context("fork"), [*chunks], {}
    while waiting or busy:
        while waiting and len(busy) < processes:
            chunk = waiting.pop(0)
            ours, theirs = fork.Pipe(duplex=False)
            process = fork.Process(target=_work, args=(theirs, chunk.judge, chunk.todo), daemon=True)
            process.start()
            theirs.close()
            busy[ours] = [process, chunk, 0, time.monotonic() + chunk.limit, False]
        ready = connection.wait(busy, timeout=max(0, min(entry[3] for entry in busy.values()) - time.monotonic()))
        for pipe in [*busy]:
            process, chunk, done, deadline, passed = entry = busy[pipe]
            over = None
            if pipe in ready:
                entry[3] = time.monotonic() + chunk.limit
                try:
                    found = pipe.recv()
                    if isinstance(found, tuple):    # it is at work; (True,): the check has passed
                        entry[4] = passed or bool(found)
                    else:
                        entry[4] = False
                        advance()
                        yield chunk.judge, chunk.todo[done], found
                        entry[2] = done = done + 1
                except EOFError:
                    over = "the process died"
            elif time.monotonic() > deadline:
                over = LATE
            if over and done < len(chunk.todo):
                advance()
                yield chunk.judge, chunk.todo[done], \
                    Outcome("survivor", over, "unknown") if passed else Outcome("rejected", over)
                done += 1
                if done < len(chunk.todo):
                    waiting.insert(0, chunk._replace(todo=chunk.todo[done:]))
            if over or done >= len(chunk.todo):
                process.kill()
                process.join()
                pipe.close()
                del busy[pipe]


# A topic

def sources_of(topic, task: str) -> dict[str, str]:
    cells = json.loads((ROOT / "solutions" / f"{topic.name}.ipynb").read_text(encoding="utf-8"))["cells"]
    solution = "".join(next(cell for cell in cells if cell["id"] == task)["source"])
    return {"solution": solution} | {right.kind: right.source for right in topic.right if right.task == task}


def known_equivalents(every: dict[str, set[str]], path: Path = EQUIVALENT) -> dict[str, dict[str, str]]:
    """What a person has looked at. Raises: SystemExit, if a key is not among `every` mutant of its task."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    gone = [f"{task} {key}" for task, keys in known.items() if task in every for key in keys if key not in every[task]]
    if gone:
        raise SystemExit(f"{path.name} holds mutants that no longer occur; take them out: {', '.join(gone)}")
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutants of right answers, and what the checks say of them.")
    parser.add_argument("topics", nargs="*", help="two digits each; all, if none is given")
    parser.add_argument("--task", default="", help="only tasks that begin so")
    parser.add_argument("--sources", type=int, default=0, help="at most so many sources a task")
    parser.add_argument("--slow-sources", type=int, default=3, help="... where a judgement is slow")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--into", type=Path, default=Path(".venv/mutants"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.into.mkdir(parents=True, exist_ok=True)
    files = {file.stem[5:7]: file.stem for file in sorted(Path(__file__).parent.glob("test_[0-9][0-9]_*.py"))}
    topics = {number: importlib.import_module(name).TOPIC for number, name in files.items()
              if hasattr(importlib.import_module(name), "TOPIC")}
    for number in options.topics or topics:
        if number not in topics:
            parser.error(f"no answers for topic {number!r}; there are some for {', '.join(topics)}")
        examine(topics[number], options)


def examine(topic, options) -> None:
    from tqdm import tqdm

    tasks = {task: {name: (source, mutants(source, topic.functions[task]))
                    for name, source in sources_of(topic, task).items()} for task in topic.functions}
    known = known_equivalents({task: {mutant.key for _, found in sources.values() for mutant in found}
                               for task, sources in tasks.items()})
    print(f"{topic.name:42} sources  mutants  rejected   named  survivors  (same close draws HOLE seed unknown; known)")
    for task, sources in tasks.items():
        if not task.startswith(options.task):
            continue
        chunks, names, seen = [], {}, set()
        for name, (source, found) in sources.items():
            judge = Judge(topic, task, source)
            enough = options.slow_sources if any(other.slow for other in names) else options.sources
            if enough and len(names) >= enough:
                break
            judge.verdict(source, 0)
            start = time.monotonic()
            status, message = judge.verdict(source, 0)
            took = time.monotonic() - start
            judge.slow = took > SLOW
            if status != "✓":
                print(f"{task}: {name} is not right: {message}")
                continue
            names[judge] = name
            todo = [m for m in found if m.key not in seen and m.key not in known.get(task, {})]
            seen |= {m.key for m in found}
            chunks += [Chunk(judge, todo[at:at + 30], 4 + 10 * took) for at in range(0, len(todo), 30)]
        for judge in list(names)[:1]:
            _prepare(judge)
        total = sum(len(chunk.todo) for chunk in chunks)
        counts, kinds, survivors = Counter(), Counter(), []
        with tqdm(total=total, desc=task, leave=False, disable=None) as bar:
            for judge, mutant, found in judged(chunks, options.processes, bar.update):
                counts[found.status] += 1
                if found.status == "rejected":
                    counts["named"] += "wrong value:" not in found.message
                    counts["late"] += found.message == LATE
                else:
                    kinds[found.kind] += 1
                    survivors.append((names[judge], mutant, found))
        print(f"{task:42} {len(names):7}  {total:7}  {counts['rejected']:8}  {counts['named']:6}  {len(survivors):9}  ("
              + " ".join(f"{kinds[kind]}" for kind in ("same", "close", "draws", "HOLE", "seed", "unknown"))
              + f"; {len(known.get(task, {}))})"
              + (f"; of the rejected, {counts['late']} by the time limit" if counts["late"] else ""), flush=True)
        _write(options.into / f"{task}.txt", task, survivors)


def _prepare(judge: Judge) -> None:
    """What the key knows is computed once, before the processes part."""
    key = judge.key(0)
    for n in range(len(key.cases)):
        key.expected(n)
        for number, mistake in enumerate(judge.question.misconceptions):
            if mistake.wrong is not None:
                key.mistaken(number, n)
    for seed in MORE_SEEDS:
        for n in range(len(key.cases)):
            judge.key(seed).expected(n)


def _write(path: Path, task: str, survivors: list) -> None:
    order = ["HOLE", "seed", "draws", "unknown", "close", "same"]
    parts = [f"{found.kind}  {task}  {name}  {mutant.operator}  {mutant.key}\n{mutant.change}\n"
             + (f"    {found.message}\n" if found.message else "")
             for name, mutant, found in sorted(survivors, key=lambda entry: order.index(entry[2].kind))]
    path.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
