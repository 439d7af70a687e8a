"""README, NOTATION, ERRATA and the page for instructors say what the package and the notebooks really hold."""

import dataclasses
import doctest
import inspect
import json
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import dlm_course
from dlm_course.cli import app
from dlm_course.course.grading.handed_in.listing import MEBI, FileLimits
from dlm_course.course.grading.records import Record, Result, Words
from dlm_course.course.grading.sandbox.wire import Limits

ROOT = Path(__file__).parents[1]
MODULES = ("chain.categorical", "chain.schedule", "chain.transition", "bound.discrete", "bound.continuous",
           "sampling.exact", "sampling.heuristic", "sampling.laws", "text.corpora", "model.denoiser", "families.paths",
           "families.family")


def test_the_readme_example_prints_what_it_says():
    failures, examples = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert examples > 3
    assert failures == 0


def code_names():
    rows = [line.split(" | ") for line in (ROOT / "NOTATION.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| ") and "---" not in line][1:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[2])]


@pytest.mark.parametrize("name", code_names())
def test_every_code_name_of_the_notation_table_exists(name):
    dotted, _, parameter = name.rstrip(")").partition("(")
    first, *rest = dotted.split(".")
    found = next((getattr(module, first) for module in (dlm_course, *map(_module, MODULES)) if hasattr(module, first)),
                 None)
    assert found is not None, f"{first} is not in the package"
    for part in rest:
        found = getattr(found, part)
    if parameter:
        assert parameter in inspect.signature(found).parameters


def _module(name):
    return import_module(f"dlm_course.{name}")


def test_the_notation_table_is_not_empty():
    assert len(code_names()) > 20


@pytest.mark.parametrize("document", ["README.md", "NOTATION.md", "ERRATA.md", "CONTRIBUTING.md", "LICENSE-TEXTS.md"])
def test_every_link_leads_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        if link.startswith("http"):
            continue
        path, _, cell = link.partition("#")
        assert (ROOT / path).is_file(), link
        if cell:  # the id of a cell in a notebook
            ids = [c["id"] for c in json.loads((ROOT / path).read_text(encoding="utf-8"))["cells"]]
            assert cell.removeprefix("cell-id=") in ids, link  # the form that JupyterLab follows


def test_the_public_names_resolve_and_are_documented():
    for name in dlm_course.__all__:
        assert inspect.getdoc(getattr(dlm_course, name)), name


# License, citation, changes

def test_the_license_is_said_wherever_one_looks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT AND CC-BY-4.0"
    assert all((ROOT / name).is_file() for name in project["license-files"])
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(LICENSE)" in readme
    assert "(LICENSE-TEXTS.md)" in readme
    assert "Isachenko" in readme


NOTEBOOKS = [path for folder in ("lectures", "exercises", "solutions", "dlm_course/course/released")
             for path in sorted((ROOT / folder).glob("*.ipynb"))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_last_cell_of_a_notebook_says_its_license(path):
    last = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][-1]["source"])
    assert "(../LICENSE-TEXTS.md)" in last
    assert "(../LICENSE)" in last
    assert "Isachenko" in last


def test_the_citation_is_of_this_version_and_names_the_lecture():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dlm_course.__version__
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    assert [author["family-names"] for author in citation["references"][0]["authors"]] == ["Isachenko"]


def test_the_changelog_has_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(dlm_course.__version__)}$", text, re.MULTILINE)


def test_the_paths_and_commands_of_contributing_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^make ([\w-]+)", text, re.MULTILINE)
    assert len(commands) >= 5
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)
    paths = [path for path in re.findall(r"`((?:dlm_course|tests)/[\w/.-]+)`", text) if "NN" not in path]
    assert len(paths) >= 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


# The page for instructors

GRADING = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")


def test_the_links_of_the_page_for_instructors_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", GRADING, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)\s]+)\)", GRADING)
    assert len(links) > 12
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("http"):
            assert (ROOT / "docs" / link).is_file(), link


def test_the_commands_of_the_page_for_instructors_exist():
    commands = {command.name or command.callback.__name__: inspect.signature(command.callback).parameters
                for command in app.registered_commands}
    used = re.findall(r"dlm-course +(\w+)([^`\n]*)", GRADING)
    assert {"grade", "export", "check"} <= {name for name, _ in used}
    for name, arguments in used:
        assert name in commands
        for option in re.findall(r"--([a-z-]+)", arguments):
            assert option.replace("-", "_") in commands[name], f"{name} --{option}"


def test_the_example_of_the_page_for_instructors_prints_what_it_says():
    assert doctest.testfile(str(ROOT / "docs" / "grading.md"), module_relative=False) == (0, 3)


def test_the_page_for_instructors_names_every_field_of_a_record():
    for kind, more in ((Record, ()), (Result, ("question",)), (Words, ("question",))):
        for field in dataclasses.fields(kind):
            assert f"`{field.name}`" in GRADING or field.name in more, field.name


def test_the_page_for_instructors_says_the_limits_as_they_are():
    limits, files = Limits(), FileLimits()
    assert f"{limits.cpu} seconds of computing, and {limits.wall:g} seconds in all" in GRADING
    assert f"more than {files.size // MEBI} MiB, {files.cells:,} cells" in GRADING
