"""Validate: nbval runs the assembled notebook, and its outcome becomes one verdict a question.

It is nbval, as for the course's own notebooks, so that a class's repository can run the same in its tests.
The verdict is the line that a question's check printed when nbval ran it. Other output in that cell, of a logging
handler that the student has set up for example, costs nothing. Neither do the plugins, the settings and the variables
that pytest finds on a student's machine: it is run with none of them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from dlm_course.course.student.assemble import Assembly
from dlm_course.course.student.causes import why_no_verdict
from dlm_course.course.topics import task_ids
from dlm_course.course.verdict import Verdict, in_short

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from dlm_course.course.student.nbval_report import Report

CELL_TIMEOUT = 60  # seconds for one cell of a student's notebook

# Prefixes of the variables that would change what pytest, nbval or `check` does.
_NOT_PASSED_ON = ("PYTEST_", "NBVAL", "NBGRADER_")


class CouldNotRun(RuntimeError):
    """The notebook did not run to its end; `verdicts` are those of the questions, as far as there was a kernel."""

    def __init__(self, message: str, verdicts: list[Verdict]):
        super().__init__(message)
        self.verdicts = verdicts


def validate(assembly: Assembly, folder: Path, cell_timeout: float = CELL_TIMEOUT) -> list[Verdict]:
    """Run nbval on the assembled notebook, its working directory the student's `folder`; a verdict a question.

    Raises: CouldNotRun where the kernel did not start, a cell hung, the kernel died or nbval itself failed.
    """
    notebook = nbformat.from_dict(assembly.notebook)
    # What the answers are used for after the tasks is to be looked at, and must not cost the time of a check.
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != "reward"]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(
        f"import os as _os; _os.chdir({str(folder.resolve())!r}); del _os", metadata={"tags": ["nbval-ignore-output"]}))
    report = _run_nbval(notebook, cell_timeout)
    ids = list(report["cells"])
    hung = next((id for id, cell in report["cells"].items() if "Timeout" in cell["message"] or "died" in
                 cell["message"].lower()), None)
    ran = ids if hung is None else ids[:ids.index(hung)]
    verdicts = []
    told: dict[str, str] = {}  # a reason for there being no verdict -> the first question that it was said of
    for id_ in task_ids(assembly.topic):
        verdict = _printed_verdict(id_, report)
        if verdict is None and f"{id_}-check" in ran:
            reason = why_no_verdict(id_, report, folder)
            first = told.setdefault(reason, id_)
            verdict = Verdict(id_, "✗", f"not judged: {reason if first == id_ else f'the same as for {first}'}")
        elif verdict is None and hung is not None:
            own = hung in (id_, f"{id_}-check")
            verdict = Verdict(id_, "✗" if own else "○", "not judged: " + (
                f"it did not finish within {cell_timeout:.0f} seconds, or ended its kernel" if own else
                "the notebook did not run as far as this"))
        if verdict is not None:
            verdicts.append(verdict)
    if hung is not None:
        line = next((line for line in report["cells"][hung]["source"].splitlines() if line.strip()), "")
        raise CouldNotRun(f"a cell did not finish within {cell_timeout:.0f} seconds, or ended its kernel: `{line}`",
                          verdicts)
    if len(verdicts) < len(task_ids(assembly.topic)):
        raise CouldNotRun(f"could not run: {report['problems'][0]}", verdicts)
    return verdicts


def _printed_verdict(question_id: str, report: "Report") -> Verdict | None:
    """The verdict that the question's check printed, None if it printed none."""
    cells = report["cells"]
    printed = cells[f"{question_id}-check"]["printed"] if f"{question_id}-check" in cells else ""
    said = re.findall(rf"^([✓✗○]) {question_id}(?:: (.*))?$", printed, re.MULTILINE)
    if not said:
        return None
    status, reason = said[-1]
    raised = cells[question_id]["raised"] if question_id in cells else ""
    if raised and status == "○":  # it was attempted, but its cell did not even run
        status, reason = "✗", f"its cell raised {in_short(raised)}"
    return Verdict(question_id, status, reason)


def _run_nbval(notebook: "NotebookNode", cell_timeout: float) -> "Report":
    with tempfile.TemporaryDirectory(prefix="dlm-course-", ignore_cleanup_errors=True) as place:
        path, result = Path(place) / "notebook.ipynb", Path(place) / "report.json"
        nbformat.write(notebook, path)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "DLM_COURSE_REPORT": str(result)}
        environment.setdefault("OMP_NUM_THREADS", "1")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", place, "--noconftest",
             "-p", "no:cacheprovider", "-p", "nbval.plugin", "-p", "dlm_course.course.student.nbval_report",
             "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={cell_timeout}", str(path)],
            cwd=place, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False)
        said = " ".join((done.stdout + done.stderr).split())[-400:]
        if not result.exists():
            raise CouldNotRun(f"could not run: nbval did not start: {said}", [])
        report: Report = json.loads(result.read_text(encoding="utf-8"))
        return {**report, "problems": [*report["problems"], f"nbval ended early: {said}"]}
