"""Release: from solutions/NN the students' exercises/NN and the package's own copy of it.

In a solution, the answer to question "01-2-..." is a code cell with that id; what is to be taken out stands between
`### BEGIN SOLUTION` and `### END SOLUTION`. Its check is the cell with "-check" appended to the id. Both carry
nbgrader's metadata (schema 3), so that nbgrader's own tools work on the same files.
An answer in words, which a person grades, is a markdown cell that is both an answer and graded. All of it is taken out.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from dlm_course.arguments import as_int
from dlm_course.course.author.execute import execute, write_if_changed
from dlm_course.course.questions import questions
from dlm_course.course.student.assemble import is_written
from dlm_course.course.student.reset import with_verdicts
from dlm_course.course.topics import RELEASED, notebook_name

UNWRITTEN = "YOUR ANSWER HERE"  # nbgrader's own words
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION(?=\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """What comes of one solution: the three notebooks as they should be stored."""

    solution: NotebookNode
    exercise: NotebookNode
    released: NotebookNode


def release(topic: str, solutions: Path) -> Release:
    """Execute the topic's solution and its stubs, and build the three notebooks. Nothing is written.

    Raises: FileNotFoundError where there is no solution, ValueError where its cells do not fit the questions, a
    solution does not pass its own check, or a stub is judged as anything but not attempted.
    """
    path = solutions / notebook_name(topic)
    if not path.is_file():
        raise FileNotFoundError(f"no solutions in {solutions}: {path.name} is missing; run from the course's checkout")
    source = nbformat.read(path, as_version=4)
    _check_cells(source, topic)
    folder = path.parent
    try:
        solution = execute(source, folder)
    except CellExecutionError as error:
        raise ValueError(f"a cell of {path.name} raises {error.ename}: {error.evalue}") from None
    _check_verdicts(solution, topic, "✓", "the solution does not pass")
    exercise = execute(clear(solution), folder)
    _check_verdicts(exercise, topic, "○", "the stub is not judged as not attempted")
    released = with_verdicts(exercise, "✓")
    return Release(solution, exercise, released)


def clear(solution: NotebookNode) -> NotebookNode:
    """The notebook with every marked solution replaced by `...`, and every answer in words by UNWRITTEN."""
    notebook = nbformat.from_dict(solution)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = SOLUTION.sub(r"\1...", cell.source)
        elif is_written(cell):
            cell.source = UNWRITTEN
    return notebook


def write_release(topic: str, root: Path) -> list[Path]:
    """Release a topic into the checkout `root`; returns the files that changed. Raises as `release`."""
    result = release(topic, root / "solutions")
    name = notebook_name(topic)
    targets = {root / "solutions" / name: result.solution, root / "exercises" / name: result.exercise,
               RELEASED / name: result.released}
    return [path for path, notebook in targets.items() if write_if_changed(notebook, path)]


def _check_cells(notebook: NotebookNode, topic: str) -> None:
    cells = {cell.get("id"): (number, cell) for number, cell in enumerate(notebook.cells)}
    last = -1
    if any("### BEGIN SOLUTION" in cell.source or "### END SOLUTION" in cell.source for cell in clear(notebook).cells):
        raise ValueError(f"the solution of topic {topic} has a marker, BEGIN or END SOLUTION, without its partner: "
                         "what it marks would be handed out")
    for question in questions(topic):
        for id_, grade in ((question.id, False), (f"{question.id}-check", True)):
            if id_ not in cells:
                raise ValueError(f"the solution of topic {topic} has no cell with the id {id_}")
            number, cell = cells[id_]
            wanted = {"grade": grade, "grade_id": id_, "locked": grade, "schema_version": 3, "solution": not grade,
                      "task": False} | ({"points": question.points} if grade else {})
            if cell.metadata.get("nbgrader") != wanted:
                raise ValueError(f"cell {id_} needs the nbgrader metadata {wanted}")
            if number < last:
                raise ValueError(f"cell {id_} stands before that of an earlier question")
            last = number
        answer, check = cells[question.id][1].source, cells[f"{question.id}-check"][1].source
        if not SOLUTION.search(answer) or not answer.startswith(f"# Task {question.id[:4]}\n"):
            raise ValueError(f"cell {question.id} needs a first line `# Task {question.id[:4]}` and a marked solution")
        if check != f'check("{question.id}")':
            raise ValueError(f'cell {question.id}-check must be: check("{question.id}")')
    _check_written(notebook)


def _check_written(notebook: NotebookNode) -> None:
    for cell in filter(is_written, notebook.cells):
        points = cell.metadata["nbgrader"].get("points")
        wanted = {"grade": True, "grade_id": cell.id, "locked": False, "points": points, "schema_version": 3,
                  "solution": True, "task": False}
        if cell.metadata["nbgrader"] != wanted or (as_int(points) or 0) < 1:
            raise ValueError(f"cell {cell.id}, an answer in words, needs points and the nbgrader metadata {wanted}")
        if not cell.source.strip() or UNWRITTEN in cell.source:
            raise ValueError(f"cell {cell.id}, an answer in words, holds no model answer")


def _check_verdicts(notebook: NotebookNode, topic: str, status: str, problem: str) -> None:
    cells = {cell.id: cell for cell in notebook.cells}
    for question in questions(topic):
        text = "".join(output.get("text", "") for output in cells[f"{question.id}-check"].outputs)
        if not text.startswith(f"{status} {question.id}"):
            raise ValueError(f"{problem}: {text.strip() or 'the check printed nothing'}")
