"""nbgrader's own tools on topic 01: the same files give full points to the solutions and none to the stubs."""

import copy
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from dlm_course.course.questions import questions
from dlm_course.course.topics import notebook_name

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Object of type")]  # SQLAlchemy, of nbgrader

ROOT = Path(__file__).parents[3]
TOPIC = "01"
NAME = notebook_name(TOPIC)
POINTS = {f"{question.id}-check": question.points for question in questions(TOPIC)}
IDS = [question.id for question in questions(TOPIC)]


def half_solved():
    """Right answers to the first three tasks, a wrong one to the fourth, the stub for the fifth."""
    solved = nbformat.read(ROOT / "solutions" / NAME, as_version=4)
    exercise = nbformat.read(ROOT / "exercises" / NAME, as_version=4)
    answers = {cell.id: cell.source for cell in solved.cells if cell.id in IDS[:3]}
    answers[IDS[3]] = ("# Task 01-4\ndef sample_paths(matrices, x0, generator):\n"
                       "    return x0.repeat(len(matrices) + 1, 1)")
    for cell in exercise.cells:
        cell.source = answers.get(cell.id, cell.source)
    return exercise


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of nbgrader's, its assignment generated from our solutions, with four graded submissions."""
    api = pytest.importorskip("nbgrader.apps.api")
    from traitlets.config import Config

    root = tmp_path_factory.mktemp("course")
    source = root / "source" / TOPIC
    source.mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / NAME, source)
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "dlm"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # its alembic
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.chdir(root)
        grader = api.NbGraderAPI(config=config)
        done = grader.generate_assignment(TOPIC)
        assert done["success"], done["log"]
        for student, notebook in (("solved", ROOT / "solutions" / NAME), ("untouched", ROOT / "exercises" / NAME),
                                  ("released", root / "release" / TOPIC / NAME), ("half", half_solved())):
            folder = root / "submitted" / student / TOPIC
            folder.mkdir(parents=True)
            if isinstance(notebook, Path):
                shutil.copy(notebook, folder / NAME)
            else:
                nbformat.write(notebook, folder / NAME)
            done = grader.autograde(TOPIC, student)
            assert done["success"], done["log"]
        yield root, grader


def grades(course, student):
    _, grader = course
    with grader.gradebook as book:
        submission = book.find_submission(TOPIC, student)
        return {grade.name: (grade.score, grade.max_score)
                for notebook in submission.notebooks for grade in notebook.grades}


def test_the_points_are_those_of_the_questions(course):
    assert sum(POINTS.values()) == 11
    assert {name: most for name, (_, most) in grades(course, "solved").items()} == POINTS


def test_the_solutions_get_full_points(course):
    assert {name: score for name, (score, _) in grades(course, "solved").items()} == POINTS


@pytest.mark.parametrize("student", ["untouched", "released"])
def test_the_stubs_get_none(course, student):
    """Ours, `...`, and nbgrader's, which raises NotImplementedError."""
    assert {name: score for name, (score, _) in grades(course, student).items()} == dict.fromkeys(POINTS, 0)


def test_answers_are_graded_one_by_one(course):
    scores = [score for score, _ in grades(course, "half").values()]
    assert scores == [1, 2, 3, 0, 0]


def test_the_generated_assignment_holds_no_solution(course):
    root, _ = course
    generated = nbformat.read(root / "release" / TOPIC / NAME, as_version=4)
    exercise = nbformat.read(ROOT / "exercises" / NAME, as_version=4)
    assert [cell.id for cell in generated.cells] == [cell.id for cell in exercise.cells]
    for theirs, ours in zip(generated.cells, exercise.cells, strict=True):
        if theirs.id in IDS:
            todo = "    # YOUR CODE HERE\n    raise NotImplementedError()"
            assert theirs.source == ours.source.replace("    ...", todo)
        else:
            assert theirs.source == ours.source


def test_the_reason_stands_in_the_graded_notebook(course):
    root, _ = course
    graded = nbformat.read(root / "autograded" / "half" / TOPIC / NAME, as_version=4)
    said = {cell.id: cell.outputs[0] for cell in graded.cells if cell.id in POINTS}
    assert said[f"{IDS[0]}-check"]["text"] == f"✓ {IDS[0]}\n"
    assert said[f"{IDS[3]}-check"]["evalue"].startswith(f"✗ {IDS[3]}: ")
    assert said[f"{IDS[4]}-check"]["evalue"] == f"○ {IDS[4]}: not attempted"


def test_a_generated_assignment_can_be_checked_by_the_course_too(course):
    """A student who got nbgrader's release runs `dlm-course check` on it."""
    from dlm_course.course.student.assemble import assemble, topic_of

    root, _ = course
    generated = nbformat.read(root / "release" / TOPIC / NAME, as_version=4)
    before = copy.deepcopy(generated)
    assert topic_of(generated, Path(NAME)) == TOPIC
    assert assemble(generated, TOPIC).notes == ()
    assert generated == before


# Answers in words, in the capstone: without the cells of the project, on which no answer depends

@pytest.fixture(scope="module")
def capstone(tmp_path_factory):
    """The capstone released and graded by nbgrader, solved and untouched; `grades` of a student by name."""
    api = pytest.importorskip("nbgrader.apps.api")
    from traitlets.config import Config

    root, name = tmp_path_factory.mktemp("capstone"), notebook_name("10")

    def short(folder):
        notebook = nbformat.read(ROOT / folder / name, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if "project" not in cell.metadata.get("tags", [])]
        return notebook

    def write(notebook, *folders):
        place = root.joinpath(*folders)
        place.mkdir(parents=True)
        nbformat.write(notebook, place / name)

    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "dlm"
    write(short("solutions"), "source", "10")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.chdir(root)
        grader = api.NbGraderAPI(config=config)
        done = grader.generate_assignment("10")
        assert done["success"], done["log"]
        grades = {}
        for student, folder in (("solved", "solutions"), ("untouched", "exercises")):
            write(short(folder), "submitted", student, "10")
            done = grader.autograde("10", student)
            assert done["success"], done["log"]
            with grader.gradebook as book:
                grades[student] = {grade.name: (grade.auto_score, grade.max_score, grade.needs_manual_grade)
                                   for notebook in book.find_submission("10", student).notebooks
                                   for grade in notebook.grades}
        yield nbformat.read(root / "release" / "10" / name, as_version=4), short("exercises"), grades


def test_nbgrader_takes_out_answers_in_words_as_we_do(capstone):
    generated, exercise, _ = capstone
    words = [cell.source for cell in generated.cells if cell.cell_type == "markdown"]
    assert words == [cell.source for cell in exercise.cells if cell.cell_type == "markdown"]
    assert words.count("YOUR ANSWER HERE") == 4


def test_checks_are_graded_at_once_and_answers_in_words_wait_for_a_person(capstone):
    solved = capstone[2]["solved"]
    checked = {f"{question.id}-check": (question.points, question.points, False) for question in questions("10")}
    assert {name: grade for name, grade in solved.items() if name in checked} == checked
    written = [grade for name, grade in solved.items() if name not in checked]
    assert written == [(None, 2, True)] * 4
    assert sum(most for _, most, _ in solved.values()) == 20


def test_an_untouched_capstone_has_no_points(capstone):
    assert {score for score, _, _ in capstone[2]["untouched"].values()} <= {0, None}
