"""Validate: nbval runs the assembled notebook, and its outcome becomes one verdict a question.

The verdict is the line that a question's check printed when nbval ran it. Other output in that cell, of a logging
handler that the student has set up for example, costs nothing.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlm_course.course.questions import Verdict, questions
from dlm_course.course.student.assemble import Assembly

CELL_TIMEOUT = 60  # seconds for one cell of a student's notebook


class CouldNotRun(RuntimeError):
    """The notebook did not run to its end; `verdicts` are those of the questions that were reached."""

    def __init__(self, message: str, verdicts: list[Verdict]):
        super().__init__(message)
        self.verdicts = verdicts


def validate(assembly: Assembly, folder: Path, cell_timeout: float = CELL_TIMEOUT) -> list[Verdict]:
    """Run nbval on the assembled notebook, its working directory the student's `folder`; a verdict a question.

    Raises: CouldNotRun where a cell hung, the kernel died or nbval itself failed.
    """
    notebook = nbformat.from_dict(assembly.notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(
        f"import os as _os; _os.chdir({str(folder.resolve())!r}); del _os", metadata={"tags": ["nbval-ignore-output"]}))
    report = _run_nbval(notebook, cell_timeout)
    hung = next((cell["source"] for cell in report.values() if "Timeout" in cell["message"] or "died" in
                 cell["message"].lower()), None)
    verdicts = []
    for question in questions(assembly.topic):
        cell = report.get(f"{question.id}-check")
        said = re.findall(rf"^[✓✗○] {question.id}(?:: .*)?$", cell["printed"] if cell else "", re.MULTILINE)
        line = said[-1] if said else ""
        raised = report.get(question.id, {}).get("raised", "")
        if raised and line[:1] == "○":  # it was attempted, but its cell did not even run
            line = f"✗ {question.id}: its cell raised {' '.join(raised.split())[:160]}"
        if line == str(Verdict(question.id, "✓")):
            verdicts.append(Verdict(question.id, "✓"))
        elif line[:1] in ("✗", "○"):
            status, _, rest = line.partition(" ")
            verdicts.append(Verdict(question.id, status, rest.removeprefix(question.id).removeprefix(": ")))
        elif hung is None:
            verdicts.append(Verdict(question.id, "✗", "its check did not print a verdict: "
                                    + (cell["message"] if cell else "the cell did not run")[:160]))
    if hung is not None:
        first = next((line for line in hung.splitlines() if line.strip()), "")
        raise CouldNotRun(f"a cell did not finish within {cell_timeout:.0f} seconds, or ended its kernel: `{first}`",
                          verdicts)
    return verdicts


def _run_nbval(notebook: NotebookNode, cell_timeout: float) -> dict:
    with tempfile.TemporaryDirectory(prefix="dlm-course-") as place:
        path, result = Path(place) / "notebook.ipynb", Path(place) / "report.json"
        nbformat.write(notebook, path)
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        environment["DLM_COURSE_REPORT"] = str(result)
        environment.setdefault("OMP_NUM_THREADS", "1")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", place, "-p", "no:cacheprovider",
             "-p", "dlm_course.course.student.nbval_report", "--nbval", "--nbval-current-env",
             f"--nbval-cell-timeout={cell_timeout}", str(path)],
            cwd=place, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if not result.exists():
            raise CouldNotRun("nbval did not run: " + " ".join((done.stdout + done.stderr).split())[-400:], [])
        return json.loads(result.read_text(encoding="utf-8"))
