"""Words: a notebook's answers in words, each with its question and the rules for points that stand with it.

They are markdown cells that nbgrader calls manually graded. A student's is found by its id, by nbgrader's name for it,
or by the heading of the question that it stands below.
"""

import re
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from dlm_course.course.grading.records import Words
from dlm_course.course.student.assemble import is_written
from dlm_course.course.topics import RELEASED, notebook_name

MOST = 30_000   # characters of an answer: a cell of a spreadsheet holds 32,767
COURSE_TEXT = "SOURCE is the course's own text: the answers in words count half, as the rubric says"    # a note

_SOURCE = re.compile(r"^[ \t]*SOURCE[ \t]*=[ \t]*(['\"])(.*?)\1", re.MULTILINE)    # `\s*` takes lines for ever


@dataclass(frozen=True)
class _Question:
    """A question to be answered in words: the released cell for the answer, and the cell with the question."""

    answer: NotebookNode
    asked: NotebookNode

    @property
    def heading(self) -> str:
        return _first_line(self.asked.source)


def words_of(notebook: NotebookNode, topic: str) -> tuple[tuple[Words, ...], tuple[str, ...]]:
    """The answers in words to all questions of a topic that ask for them, "" where there is none; and notes.

    What counts is the answer's cell, the student's own text below it up to the next given cell, and what was typed into
    the cell of the question.
    """
    released = nbformat.read(RELEASED / notebook_name(topic), as_version=4)
    asked = [_Question(cell, before) for before, cell in zip(released.cells, released.cells[1:], strict=False)
             if is_written(cell)]
    if not asked:
        return (), ()
    found, notes = _texts(notebook, released, asked)
    words = []
    for question in asked:
        text = "\n\n".join(found[question.answer.id])
        if len(text) > MOST:
            notes.append(f"{question.answer.id}: the answer has {len(text):,} characters; {MOST:,} are in the table")
            text = f"{text[:MOST]}…"
        words.append(Words(question.answer.id, text, question.asked.source,
                           float(question.answer.metadata["nbgrader"]["points"])))
    source = _source_of(released)
    if source and _source_of(notebook) == source:
        notes.append(COURSE_TEXT)
    return tuple(words), tuple(notes)


def _texts(notebook: NotebookNode, released: NotebookNode,
           asked: list[_Question]) -> tuple[dict[str, list[str]], list[str]]:
    """By question the parts of its answer in order, and notes on where they stood."""
    by_answer = {question.answer.id: question for question in asked}
    by_asked = {name: question for question in asked for name in (question.asked.id, question.heading)}
    given = {name for cell in released.cells if not is_written(cell) for name in (cell.id, cell.source.strip())}
    found: dict[str, list[str]] = {id_: [] for id_ in by_answer}
    notes: list[str] = []
    current: _Question | None = None
    for cell in notebook.cells:
        names = {cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id")} - {None}
        text = cell.source
        own = next((by_answer[name] for name in names if name in by_answer), None)
        above = next((by_asked[name] for name in (*names, _first_line(text)) if name in by_asked), None)
        if own:
            current = own
            note = "" if cell.cell_type == "markdown" else f"stands in a {cell.cell_type} cell"
        elif above:
            current = above
            text = _added(text, above.asked.source)
            note = "was typed into the cell of the question"
        elif names & given or text.strip() in given:
            current = None
            continue
        else:
            text = text if cell.cell_type in ("markdown", "raw") else ""
            note = "goes on in a cell of the student's own" if current and found[current.answer.id] else ""
        if current is None:
            continue
        text = "\n".join(line for line in text.splitlines() if line.strip() != current.answer.source.strip()).strip()
        if text:
            found[current.answer.id].append(text)
            if note and f"{current.answer.id}: the answer {note}" not in notes:
                notes.append(f"{current.answer.id}: the answer {note}")
    return found, notes


def _added(text: str, asked: str) -> str:
    """What was added to a question's cell: its lines without those of the question."""
    lines = {line.strip() for line in asked.splitlines()}
    return "\n".join(line for line in text.splitlines() if line.strip() not in lines)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _source_of(notebook: NotebookNode) -> str:
    """What SOURCE is set to, the last time in code; "" if nowhere."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return ([found[2] for found in _SOURCE.finditer(code)] or [""])[-1]
