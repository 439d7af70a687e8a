"""Flags: what in a student's source a person should look at. A flag costs no points by itself.

Who wants to can hide what is done, behind `getattr` and strings for example; that such things are used is a flag, too.
A source is parsed here and never run. What would take long to parse is not parsed, and that is a flag.
"""

import ast
import functools
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

_LONGEST = 100_000      # characters of an answer and the cells that it may use: more take seconds
_MOST_STEPS = 10**5     # IPython reads a cell again for each of its magics: characters times magics
_MAGIC = re.compile(r"[%!?]|^[ \t]*[,;/]", re.MULTILINE)

# What reaches beyond an exercise: files, processes, the network, the insides of the interpreter.
_REACHING = frozenset(
    """asyncio atexit builtins cffi cloudpickle code ctypes dill dis faulthandler gc http importlib inspect io joblib
    marshal multiprocessing os pathlib pickle pkgutil psutil pty requests runpy shutil signal socket subprocess sys
    tempfile threading traceback urllib""".split())  # noqa: SIM905
_CALLS = frozenset({"__import__", "compile", "delattr", "eval", "exec", "get_ipython", "getattr", "globals", "locals",
                    "open", "setattr", "vars"})
# Of any object: what reads files, and what leads from a function or a frame to others.
_ATTRIBUTES = frozenset({"f_back", "f_globals", "f_locals", "fromfile", "genfromtxt", "gi_frame", "hub", "load",
                         "loadtxt", "memmap", "read_bytes", "read_text", "tb_frame"})
_HARMLESS = frozenset({"__init__", "__call__", "__len__", "__name__", "__doc__", "__main__", "__getitem__", "__iter__",
                       "__next__", "__post_init__", "__repr__", "__str__", "__version__"})
_MAGICS = frozenset({"bash", "file", "load", "loadpy", "macro", "perl", "python", "python3", "run", "script", "sh",
                     "store", "sx", "system", "writefile"})
_INSTALLS = re.compile(r"(pip3?|conda|mamba) install [\w .=<>\[\]-]*")    # which fails, there being no network
_COMPARING = re.compile("__(eq|ne|array.*|torch_function|bool)__")
_LIBRARIES = frozenset({"builtins", "F", "IPython", "json", "math", "nn", "np", "numpy", "plt", "random", "sys",
                        "torch"})
_MACHINERY = "dlm_course.course."    # what tries the answers
# So common in students' own cells that they say nothing where the answer does not use them.
_COMMON = frozenset(
    [f"imports {name}" for name in ("asyncio", "inspect", "io", "os", "pathlib", "sys", "tempfile", "threading",
                                    "traceback")]
    + [f"calls {name}" for name in ("getattr", "globals", "locals", "vars")] + [f"uses {name}" for name in _ATTRIBUTES])


def flags_given(sources: Iterable[str]) -> frozenset[str]:
    """The flags of the notebook as it was released: what its own cells do, students may do."""
    return frozenset(flag for source in sources for flag in _of_cell(_look(source)))


BESIDE = ", in a cell that the answer does not use"    # how a flag ends that is not on the answer itself


def flags_of(answer: Sequence[str], others: Sequence[str], given: Collection[str],
             beside: Collection[str] = ()) -> tuple[str, ...]:
    """What a person should look at in an answer, in the other cells that it uses, and in some that it does not; sorted.

    answer  the sources that answer the question, the last one counting
    others  the sources of the student's other cells that ran before
    given   what is no flag, of `flags_given`
    beside  those of the others that are looked at even if the answer does not use them
    """
    if sum(map(len, (*answer, *others))) > _LONGEST:
        return ("too long to be looked at",)
    other_cells = [_look(source) for source in others]
    used = _used([_look(source) for source in answer], other_cells)
    found: set[str] = set()
    for look in used:
        found |= _of_cell(look)
    for look in other_cells:
        if look.source in beside and not any(look is known for known in used):
            found |= {f"{flag}{BESIDE}" for flag in _of_cell(look) - _COMMON - set(given)
                      if not flag.startswith("uses dlm_course") or flag.startswith(f"uses {_MACHINERY}")}
    return tuple(sorted(found - set(given)))


def _of_cell(look: "_Look") -> set[str]:
    if look.tree is None:
        return {"cannot be looked at"}
    return {f"uses {name}" for name in _package_names(look.tree)} | _reaching(look)


@dataclass(frozen=True)
class _Look:
    """A cell: its text; its syntax, its magics made calls, None if that cannot be had; the cell magic before it."""

    source: str
    tree: ast.Module | None
    magic: str = ""


@functools.lru_cache(maxsize=256)
def _look(source: str) -> _Look:
    magic = re.match(r"\s*%%(\w+)[^\n]*\n?", source)
    text = source[magic.end():] if magic else source
    return _Look(source, _tree(text), magic[1] if magic else "")


def _tree(text: str) -> ast.Module | None:
    """Nothing is in the tree of what is not Python, since it does not run."""
    try:
        try:
            return ast.parse(text)
        except SyntaxError:
            if len(text) * len(_MAGIC.findall(text)) > _MOST_STEPS:
                return None
            return ast.parse(TransformerManager().transform_cell(text))
    except (SyntaxError, ValueError):
        return ast.Module([], [])
    except (RuntimeError, MemoryError):    # too deep, or too many magics
        return None


def _used(answer: Sequence[_Look], others: Sequence[_Look]) -> list[_Look]:
    """The answer's cells, and those of the others that bind a name which one of these holds."""
    binding: dict[str, list[_Look]] = {}
    for other in others:
        for name in _bound(other):
            binding.setdefault(name, []).append(other)
    taken = [*answer, *binding.pop("*", [])]
    for look in taken:    # which grows meanwhile
        for word in set(_words(look.source)):
            taken += [other for other in binding.pop(word, []) if not any(other is known for known in taken)]
    return taken


def _words(source: str) -> list[str]:
    return re.findall(r"[^\W\d]\w*", unicodedata.normalize("NFKC", source))    # as Python reads names


def _bound(look: _Look) -> set[str]:
    """The names that a cell may bind; "*" if that cannot be known."""
    if look.tree is None:
        return {word for word in _words(look.source) if not keyword.iskeyword(word)}
    nodes = list(ast.walk(look.tree))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    names |= {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    # What puts something into a thing that another cell has made: `store.append(x)`, `store[0] = x`.
    names |= {root for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
        root := _root(node.func.value)) and root not in _LIBRARIES}
    names |= {root for node in nodes if isinstance(node, ast.Subscript | ast.Attribute)
              and isinstance(node.ctx, ast.Store) and (root := _root(node.value)) and root not in _LIBRARIES}
    todo: list[ast.AST] = [look.tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)    # what is bound inside is its own
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping | ast.ExceptHandler):
            names |= {name for name in (getattr(node, "name", None), getattr(node, "rest", None)) if name}
            todo += ast.iter_child_nodes(node)
        elif not isinstance(node, ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return names


def _root(node: ast.expr) -> str:
    """The name at which `name.a[0].b` begins; "" if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _package_names(tree: ast.Module) -> set[str]:
    """What is taken from the course's package, "dlm_course.entropy" for example, and the package itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "dlm_course":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] == "dlm_course"}
    return found


def _reaching(look: _Look) -> set[str]:
    assert look.tree
    found = {f"uses %%{look.magic}"} if look.magic in _MAGICS else set()
    for node in ast.walk(look.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found |= {f"imports {root}" for module in modules if (root := module.partition(".")[0]) in _REACHING
                      or (root == "IPython" and module != "IPython.display")}
        elif isinstance(node, ast.Call):
            found |= _magics(node)
        elif isinstance(node, ast.Name):
            if node.id in _CALLS and (node.id != "get_ipython" or "get_ipython" in look.source):
                found.add(f"calls {node.id}")
            if isinstance(node.ctx, ast.Store) and _COMPARING.fullmatch(node.id):
                found.add(f"defines {node.id}")
        elif isinstance(node, ast.Attribute):
            if node.attr in _ATTRIBUTES or (node.attr.startswith("__") and node.attr not in _HARMLESS):
                found.add(f"uses {node.attr}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _COMPARING.fullmatch(node.name):
            found.add(f"defines {node.name}")
    return found | _replaced(look)


def _magics(call: ast.Call) -> set[str]:
    """What a line of IPython's own, which was made a call, does beyond an exercise."""
    of_ipython = (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
                  and isinstance(call.func.value.func, ast.Name) and call.func.value.func.id == "get_ipython")
    if not of_ipython or not isinstance(call.func, ast.Attribute):
        return set()
    text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if call.func.attr in ("system", "getoutput"):
        return set() if isinstance(text, str) and _INSTALLS.fullmatch(text) else {"runs a shell line"}
    return {f"uses %{text}"} if isinstance(text, str) and text in _MAGICS else set()


def _replaced(look: _Look) -> set[str]:
    """What of a library a cell puts something else in the place of."""
    found = set()
    for node in ast.walk(look.tree) if look.tree else ():
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            parts = [node.attr]
            inner: ast.expr = node.value
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in _LIBRARIES:
                found.add("replaces " + ".".join([inner.id, *reversed(parts)]))
    return found
