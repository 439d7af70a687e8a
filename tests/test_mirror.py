"""The tests mirror the package: `dlm_course/chain/schedule.py` is tested in `tests/chain/test_schedule.py`.

The topics among course/questions are tested by answers to their tasks, in `tests/answers/test_NN_<topic>.py`.
"""

import re
from pathlib import Path

import pytest

from dlm_course.course.topics import TOPICS

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "dlm_course"

# Modules without a test file of their own, and why.
TESTED_ELSEWHERE = {
    "course/student/nbval_report": "a pytest plugin, which only the pytest that `validate` starts can load",
}

# Test files without a module, and why.
WITHOUT_MODULE = {
    "answers/test_mutants": "the operators of `make mutants`, a tool beside the answers",
    "course/questions/test_questions": "what every question must satisfy, whatever its topic",
    "course/author/test_nbgrader": "what is released, under nbgrader's own tools",
    "model/test_processes": "model/training.py in several processes; the file is also what they run",
}

def place_of_tests(module):
    """Where a module's tests are, below tests/."""
    for number, topic in TOPICS.items():
        if module == Path("course", "questions", topic):
            return Path("answers", f"test_{number}_{topic}.py")
    return module.parent / f"test_{module.name}.py"


EXPECTED = {module.as_posix(): place_of_tests(module) for module in (
    path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py") if path.stem != "__init__")}
FOLDERS = {TESTS / path.parent for path in EXPECTED.values()} - {TESTS}


def test_the_package_is_found():
    assert {"chain/schedule", "families/family", "course/author/release", "files"} <= set(EXPECTED)
    assert sum(path.parent.name == "answers" for path in EXPECTED.values()) == len(TOPICS)


@pytest.mark.parametrize("module", sorted(set(EXPECTED) - set(TESTED_ELSEWHERE)))
def test_a_module_has_its_test_file(module):
    path = TESTS / EXPECTED[module]
    assert path.is_file(), f"dlm_course/{module}.py is not tested in {path.relative_to(TESTS.parent)}"
    assert re.search(r"^(def test_|class Test)", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_test_file_is_named_after_a_module():
    found = {path.relative_to(TESTS) for folder in FOLDERS for path in folder.glob("test_*.py")}
    extra = found - set(EXPECTED.values())
    assert {path.with_suffix("").as_posix() for path in extra} == set(WITHOUT_MODULE)


def test_no_folder_of_tests_lies_beside_the_package():
    """A folder of tests belongs to a folder of the package, but for what is about notebooks."""
    folders = {path.parent for path in TESTS.rglob("test_*.py")} - {TESTS}
    assert folders - FOLDERS == {TESTS / "browser", TESTS / "notebooks"}


def test_the_exceptions_are_true():
    for module in TESTED_ELSEWHERE:
        assert not (TESTS / EXPECTED[module]).exists(), f"{module} has its test file: take it out of the table"
