"""A lecture's names keep their meaning: a cell that is run again, alone and in any order, still means the same."""

import ast
import json
import subprocess
import symtable
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LECTURES = [pytest.param(path, id=path.stem) for path in sorted((ROOT / "lectures").glob("*.ipynb"))]
AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}    # scopes that are run where they stand


def cells_of(path):
    """Cell id -> source, of the code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}


def bound(source):
    """The names that a cell binds: assigned, imported, defined. Not symtable: from Python 3.12 on it counts the
    variables of a comprehension, too."""
    names, todo = set(), [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            names |= {part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
                names.add(node.name)
            todo += ast.iter_child_nodes(node)
    return names - {None}


def read_later(table):
    """The globals that the functions of a cell read when they are called."""
    found = set()
    for scope in table.get_children():
        if scope.get_type() == "function" and scope.get_name() not in AT_ONCE:
            found |= {name.get_name() for name in scope.get_symbols() if name.is_global() and name.is_referenced()}
        found |= read_later(scope)
    return found


def read_from_outside(sources, folder):
    """Cell id -> the names that it takes from other cells: to ruff they are undefined."""
    for id_, source in sources.items():
        (folder / f"{id_}.py").write_text(source, encoding="utf-8")
    done = subprocess.run([Path(sys.executable).with_name("ruff"), "check", "--isolated", "--select", "F821",
                           "--output-format", "json", folder], capture_output=True, text=True, check=False)
    found = {id_: set() for id_ in sources}
    for fault in json.loads(done.stdout):
        assert fault["code"] == "F821", fault
        found[Path(fault["filename"]).stem].add(fault["message"].split("`")[1])
    return found


def ambiguous(sources, folder):
    """What would change its meaning: (cell, name, the cells that bind the name)."""
    binders = defaultdict(list)
    for id_, source in sources.items():
        for name in bound(source):
            binders[name].append(id_)
    outside = read_from_outside(sources, folder)
    found = [(id_, name, binders[name]) for id_ in sources for name in sorted(outside[id_]) if len(binders[name]) != 1]
    for id_, source in sources.items():
        table = symtable.symtable(source, "cell", "exec")
        exported = {name for name in bound(source) if any(name in names for names in outside.values())}
        for node in ast.parse(source).body:    # functions and classes of this cell that others call
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in exported:
                own = next(scope for scope in table.get_children() if scope.get_name() == node.name)
                reads = {name.get_name() for name in own.get_symbols() if name.is_global()} | read_later(own)
                found += [(id_, f"{name}, in {node.name}", binders[name])
                          for name in sorted(reads) if len(binders[name]) > 1]
    return found


@pytest.mark.parametrize("path", LECTURES)
def test_what_a_cell_takes_from_others_is_bound_in_one_of_them(path, tmp_path):
    assert ambiguous(cells_of(path), tmp_path) == []


@pytest.mark.parametrize(("sources", "found"), [
    ({"a": "x = 1", "b": "print(x)"}, []),
    ({"a": "x = 1", "b": "x = 2", "c": "print(x)"}, [("c", "x", ["a", "b"])]),
    ({"a": "for t in range(3): pass", "b": "for t in range(4): print(t)"}, []),
    ({"a": "x = 1", "b": "x = x + 1"}, [("b", "x", ["a", "b"])]),
    ({"a": "x = [t for t in range(3)]", "b": "t = 5", "c": "print(t, x)"}, []),
    ({"a": "x = [(y := t) for t in range(3)]", "b": "import numpy as y", "c": "print(y)"}, [("c", "y", ["a", "b"])]),
    ({"a": "z = 1\ndef f():\n    return z", "b": "z = 2", "c": "f()"}, [("a", "z, in f", ["a", "b"])]),
    ({"a": "z = 1\ndef f():\n    return z\nf()", "b": "z = 2"}, []),
    ({"a": "z = 1\nclass C:\n    def f(self):\n        return z", "b": "z = 2", "c": "C().f()"},
     [("a", "z, in C", ["a", "b"])]),
    ({"a": "print(nowhere)"}, [("a", "nowhere", [])]),
], ids=["once", "twice", "own", "updated", "comprehension", "walrus", "function", "function-of-its-own", "class",
        "never"])
def test_what_is_ambiguous(sources, found, tmp_path):
    assert ambiguous(sources, tmp_path) == found
