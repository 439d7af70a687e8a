"""The types: mypy finds nothing to say of the package, and a user's editor knows every public name."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import dlm_course

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dlm_course"


# mypy, once for the package and for a user's file that stands outside of it

@pytest.fixture(scope="module")
def users_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "names.py"
    lines = ["import dlm_course", *(f"reveal_type(dlm_course.{name})" for name in dlm_course.__all__)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def messages(users_file, pytestconfig):
    """What mypy says, a dict for each message. Its cache is in pytest's: only the first run takes a minute."""
    cache = pytestconfig.cache.mkdir("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy", "--output=json", f"--cache-dir={cache}", PACKAGE.name,
                           str(users_file)], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "MYPYPATH": ""})
    assert done.returncode in (0, 1), done.stdout + done.stderr     # 2: mypy itself failed
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_mypy_finds_nothing(messages):
    errors = [f"{m['file']}:{m['line']}: {m['message']} [{m['code']}]" for m in messages if m["severity"] == "error"]
    assert not errors, "\n".join(errors)


@pytest.mark.slow
def test_the_type_of_every_public_name_is_known(messages, users_file):
    revealed = {m["line"]: m["message"] for m in messages if Path(m["file"]).name == users_file.name}
    for line, name in enumerate(dlm_course.__all__, 2):
        found = re.fullmatch('Revealed type is "(.*)"', revealed[line])
        assert found, f"{name}: {revealed[line]}"
        # What JSON holds, and keyword arguments for another's function, may be anything.
        assert not re.search(r"\bAny\b", found[1].replace("dict[str, Any]", "dict")), f"{name}: {found[1]}"


# The stub, which editors and lazy_loader read

STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
IMPORTS = [(f"dlm_course.{node.module}", alias) for node in STUB.body if isinstance(node, ast.ImportFrom)
           for alias in node.names]


def test_the_stub_names_the_public_names():
    assert sorted(alias.name for _, alias in IMPORTS) == sorted(dlm_course.__all__)
    assert len(set(dlm_course.__all__)) == len(dlm_course.__all__)


def test_the_stub_holds_nothing_but_public_names_and_the_version():
    others = [node for node in STUB.body if not isinstance(node, ast.ImportFrom)]
    assert [ast.unparse(node) for node in others[1:]] == ["__version__: str"]
    assert ast.get_docstring(STUB)
    assert isinstance(dlm_course.__version__, str)


@pytest.mark.parametrize(("module", "alias"), IMPORTS, ids=[alias.name for _, alias in IMPORTS])
def test_a_public_name_is_found_where_the_stub_says(module, alias):
    assert alias.asname == alias.name    # `as` is what makes a name of a stub public
    assert getattr(dlm_course, alias.name) is getattr(import_module(module), alias.name)


@pytest.mark.parametrize("name", [name for name in dlm_course.__all__ if name not in ("SHIPPED", "plotting")])
def test_a_public_class_or_function_is_defined_where_the_stub_says(name):
    module = next(module for module, alias in IMPORTS if alias.name == name)
    assert getattr(dlm_course, name).__module__ == module


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = dlm_course.no_such_name
    assert set(dlm_course.__all__) <= set(dir(dlm_course))


def test_the_types_are_installed_with_the_package():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert {"py.typed", "*.pyi"} <= set(data["dlm_course"])
    assert (PACKAGE / "py.typed").is_file()
