"""The house: what is installed, by which command, from where, and who may import whom."""

import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = PROJECT["dependencies"]
EXTRAS = PROJECT["optional-dependencies"]


def run(*command, **environment):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, **environment})


def python(code):
    return run(sys.executable, "-c", code)


# Requirements

def requirements(lines):
    """Name -> (bounds, extras, marker)."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} is named twice"
        found[name] = (requirement.specifier, requirement.extras, requirement.marker)
    return found


@cache
def pip_section():
    """The pip entries of environment.yml and the lines before them, without a YAML parser: it must stay that plain."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    head, mark, tail = text.partition("\n  - pip:\n")
    assert mark, "environment.yml has no pip section"
    lines = [line for line in tail.splitlines() if line.strip()]
    assert all(line.startswith("      - ") for line in lines)
    return head, [line.removeprefix("      - ").strip().strip("\"'") for line in lines]


def test_conda_gets_the_requirements_of_pyproject():
    _, entries = pip_section()
    assert entries[-1] == "-e ."
    assert requirements(entries[:-1]) == requirements(CORE)


def test_conda_gets_the_python_of_pyproject():
    head, _ = pip_section()
    bounds = re.search(r"^  - python(.*)$", head, re.MULTILINE).group(1)
    assert Requirement(f"python{bounds}").specifier == Requirement(f"python{PROJECT['requires-python']}").specifier
    assert re.search(r"^  - pip$", head, re.MULTILINE)
    assert re.search(r"^name: dlm-course$", head, re.MULTILINE)


def constraint_lines():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_constraint_is_one_public_version():
    names = []
    for line in constraint_lines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
        name, _, version = line.partition("==")
        assert Version(version).local is None, line
        names.append(canonicalize_name(name))
    assert len(set(names)) == len(names)


def pinned():
    """Name -> version."""
    return {canonicalize_name(name): version for name, _, version in (c.partition("==") for c in constraint_lines())}


DIRECT = [(where, line) for where, lines in {"core": CORE, **EXTRAS}.items() for line in lines
          if canonicalize_name(Requirement(line).name) != "dlm-course"]


@pytest.mark.parametrize(("where", "line"), DIRECT, ids=[f"{where}-{Requirement(line).name}" for where, line in DIRECT])
def test_every_direct_dependency_is_pinned_within_its_bounds(where, line):
    requirement = Requirement(line)
    assert len(requirement.specifier) >= 1, "a dependency without bounds"
    assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


def test_every_pin_installs_on_the_first_release_of_each_python():
    """On Python 3.11.2, Debian 12's, a pin that needs 3.11.5 ends in a ResolutionImpossible."""
    supported = SpecifierSet(PROJECT["requires-python"])
    releases = [release for release in (f"3.{minor}.0" for minor in range(30)) if release in supported]
    assert "3.11.0" in releases
    pins, refused, seen = pinned(), [], 0
    for installed in distributions():
        name = canonicalize_name(installed.metadata["Name"])
        if Version(installed.version).public == pins.get(name):
            seen += 1
            needs = installed.metadata.get("Requires-Python") or ""
            refused += [(name, installed.version, release) for release in releases
                        if not SpecifierSet(needs).contains(release)]
    assert seen > len(CORE)
    assert not refused


def test_extras_that_name_the_project_name_its_extras():
    for line in (line for lines in EXTRAS.values() for line in lines):
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) == "dlm-course":
            assert requirement.extras
            assert requirement.extras <= set(EXTRAS)


# Imports

def test_lower_layers_import_no_upper_ones():
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_through_the_root():
    """`from dlm_course import Denoiser` in a lower layer would be an import that no contract sees."""
    through = re.compile(r"^\s*(?:from dlm_course import|import dlm_course\b(?!\.))", re.MULTILINE)
    assert [path.name for path in (ROOT / "dlm_course").rglob("*.py") if through.search(path.read_text("utf-8"))] == []


def test_importing_the_package_does_not_import_torch():
    done = python("import sys, dlm_course, dlm_course.cli\nprint('torch' in sys.modules, 'numpy' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False False\n", "")


def test_its_public_names_are_listed_before_and_found_on_first_use():
    done = python("import sys, dlm_course\nassert 'Schedule' in dir(dlm_course)\nassert 'torch' not in sys.modules\n"
                  "from dlm_course import *\nprint(Schedule.__name__, 'torch' in sys.modules)")
    assert done.stdout == "Schedule True\n", done.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["check", "--help"], ["reset", "--help"], ["grade", "--help"],
                                       ["release", "--help"], ["lab", "--help"]], ids=" ".join)
def test_help_does_not_import_torch(arguments):
    done = python(f"import sys\nfrom dlm_course.cli import main\nsys.argv = ['dlm-course', *{arguments}]\n"
                  "try:\n    main()\nfinally:\n    sys.stderr.write(str('torch' in sys.modules))")
    assert "Usage: dlm-course" in done.stdout + done.stderr
    assert done.stderr.endswith("False")


def test_the_command_is_installed_and_names_its_commands():
    done = run(str(Path(sys.executable).with_name("dlm-course")), "--help")
    assert done.returncode == 0
    for command in ("lab", "check", "reset", "grade", "release"):
        assert re.search(rf"^ *{command}\b", done.stdout, re.MULTILINE), command


# Make

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [[], ["help"]], ids=["make", "make-help"])
def test_make_prints_the_commands(arguments):
    done = run("make", "--no-print-directory", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("lab", "test", "test-quick", "notebooks", "clean"):
        assert re.search(rf"^make {command} ", done.stdout, re.MULTILINE), command
    assert "#" not in done.stdout


def test_every_command_that_help_names_is_a_target():
    named = re.findall(r"^# make ([\w-]+)", MAKEFILE, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE).group(1).split()
    for command in named:
        assert re.search(rf"^{command}:", MAKEFILE, re.MULTILINE), command
        assert command in phony, command


def test_help_makes_no_environment():
    done = run("make", "--dry-run", "help")
    assert "venv" not in done.stdout


def test_what_goes_first_is_there():
    text = (ROOT / "conftest.py").read_text(encoding="utf-8")
    first = re.findall(r'"([^"]+)"', re.search(r"^LONGEST = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)[1])
    assert first
    assert [start for start in first if not list(ROOT.glob(f"{start}*"))] == []


# Continuous integration

def test_the_ci_script_can_be_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!")
    assert run("bash", "-n", str(script)).returncode == 0


def test_the_ci_script_runs_the_readmes_test_command():
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
