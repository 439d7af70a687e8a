"""Flags: what in a student's source a person should look at. A flag costs no points by itself.

Who wants to can hide what is done, behind `getattr` and strings for example; that such things are used is a flag, too.
"""

import ast
import re
from collections.abc import Iterable, Sequence

from IPython.core.inputtransformer2 import TransformerManager

# What reaches beyond an exercise: files, processes, the network, the insides of the interpreter.
_REACHING = frozenset(
    """asyncio atexit builtins cffi cloudpickle code ctypes dill dis faulthandler gc http importlib inspect io marshal
    multiprocessing os pathlib pickle pkgutil psutil pty requests runpy shutil signal socket subprocess sys tempfile
    threading traceback urllib""".split())  # noqa: SIM905
_CALLS = frozenset({"__import__", "compile", "delattr", "eval", "exec", "get_ipython", "getattr", "globals", "locals",
                    "open", "setattr", "vars"})
_HARMLESS = frozenset({"__init__", "__call__", "__len__", "__name__", "__doc__", "__main__", "__getitem__", "__iter__",
                       "__next__", "__post_init__", "__repr__", "__str__"})


def flags_of(answer: Sequence[str], own: Sequence[str], given: Iterable[str]) -> tuple[str, ...]:
    """What a person should look at in an answer, and in the student's own cells that it uses; sorted.

    answer  the sources that answer the question, the last one counting
    own     the sources of the student's other cells
    given   those of the notebook as it was released; what these take from the package may be used
    """
    allowed = set().union(*(_package_names(_tree(source)) for source in given))
    found: set[str] = set()
    for source in _used(answer, own):
        tree = _tree(source)
        found |= {f"uses {name}" for name in _package_names(tree) - allowed}
        found |= _reaching(tree)
    return tuple(sorted(found))


def _used(answer: Sequence[str], own: Sequence[str]) -> list[str]:
    """The answer, and the own cells that bind a name which it or another of these uses."""
    taken, rest = list(answer), list(own)
    while rest:
        words = {word for source in taken for word in re.findall(r"[^\W\d]\w*", source)}
        more = [source for source in rest if words & _bound(_tree(source))]
        if not more:
            break
        taken += more
        rest = [source for source in rest if source not in more]
    return taken


def _tree(source: str) -> ast.Module:
    """The syntax of a cell, its magics made calls; nothing for what is not Python and so does not run."""
    try:
        if source.lstrip().startswith("%%"):
            source = source.lstrip().partition("\n")[2]
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _bound(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


def _package_names(tree: ast.Module) -> set[str]:
    """What is taken from the course's package, "dlm_course.entropy" for example, and the package itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "dlm_course":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] == "dlm_course"}
    return found


def _reaching(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found |= {f"imports {root}" for module in modules if (root := module.partition(".")[0]) in _REACHING}
        elif isinstance(node, ast.Name) and node.id in _CALLS:
            found.add(f"calls {node.id}")
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr not in _HARMLESS:
            found.add(f"uses {node.attr}")
        elif isinstance(node, ast.FunctionDef) and re.fullmatch("__(eq|ne|array.*|torch_function|bool)__", node.name):
            found.add(f"defines {node.name}")
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {f"replaces {ast.unparse(target)}" for target in targets if isinstance(target, ast.Attribute)
                      and isinstance(target.value, ast.Name) and target.value.id in ("torch", "np", "numpy", "json")}
    return found
