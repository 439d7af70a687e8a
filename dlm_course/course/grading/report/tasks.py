"""Tasks as the released notebook has them: titles, the cells as handed out, and what to read again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import nbformat

from dlm_course.course.grading.report.sections import SECTIONS
from dlm_course.course.topics import RELEASED, notebook_name

_SIGNS = {"alpha": "α", "beta": "β", "lambda": "λ", "rho": "ρ", "pi": "π", "sigma": "σ", "theta": "θ", "bar": "",
          "mathcal": "", "mathrm": "", "text": ""}


@dataclass(frozen=True)
class Task:
    """One task of a released notebook.

    number      "01-2"; for an answer in words its question's, "10-5"
    title       "Many steps in one matrix"
    given       the source of the answer's cell as handed out
    read_again  where the matter is explained: 'lecture 01, section 6 · The order of the product'
    """

    question: str
    number: str
    title: str
    given: str
    read_again: str


@dataclass(frozen=True)
class Sheet:
    """The exercises of a topic: their title, their tasks by question, and all code that is handed out."""

    topic: str
    title: str
    tasks: Mapping[str, Task]
    code: str


@cache
def sheet(topic: str) -> Sheet:
    """The exercises of a topic. Raises ValueError for an unknown one."""
    notebook = nbformat.read(RELEASED / notebook_name(topic), as_version=4)
    title, heading, section, tasks = "", "", "", {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for found in re.findall(r"^(##? .*)$", cell.source, re.MULTILINE):
                if found.startswith("# "):
                    title = title or plain(found[2:])
                elif re.match(r"## \d+ · ", found):
                    section = plain(found[3:])
                else:
                    heading = plain(found[3:])
        question = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            tasks[question] = Task(question, question[:4], heading.partition(" · ")[2] or heading, cell.source,
                                   _read_again(topic, question, section))
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return Sheet(topic, title, tasks, code)


def task(question: str) -> Task:
    """The task of a question; where no released notebook has it, one that is called by its id."""
    try:
        return sheet(question[:2]).tasks[question]
    except (ValueError, KeyError):
        return Task(question, question[:4], question, "", "")


def _read_again(topic: str, question: str, section: str) -> str:
    """The section of the notebook, if it has any; else the lecture, and its section where that is known."""
    if section:
        return f"these exercises, section {section}"
    return f"lecture {topic}" + (f", section {SECTIONS[question]}" if question in SECTIONS else "")


def plain(heading: str) -> str:
    r"""A heading without the marks of mathematics and code: "From $t$ to $\lambda$" is "From t to λ"."""
    def without(formula: re.Match[str]) -> str:
        text = re.sub(r"\\([a-zA-Z]+)", lambda sign: _SIGNS.get(sign[1], sign[1]), formula[1])
        return re.sub(r"[{}\\]", "", text)

    return re.sub(r"\$([^$]*)\$", without, heading).replace("`", "").strip()
