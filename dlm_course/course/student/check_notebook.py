"""Check a notebook: what `dlm-course check` does with one file."""

from dataclasses import dataclass
from pathlib import Path

from dlm_course.course.student.assemble import NotebookError, assemble, read_notebook, topic_of
from dlm_course.course.student.validate import CouldNotRun, validate
from dlm_course.course.verdict import Verdict


@dataclass(frozen=True)
class Outcome:
    """What came of a file: the verdicts, notes on how its answers were found, and why it could not run, if so."""

    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether every question of the notebook was tried and passed."""
        return not self.problem and all(verdict.passed for verdict in self.verdicts)


def check_notebook(path: Path) -> Outcome:
    """Read the student's file, put its answers into the package's copy of the exercise, run that, and judge.

    Nothing that a file can hold raises: the outcome says what the matter is, so that others can be checked.
    """
    notes: tuple[str, ...] = ()
    try:
        student = read_notebook(path)
        assembly = assemble(student, topic_of(student, path))
        notes = assembly.notes
        return Outcome(tuple(validate(assembly, path.parent)), notes)
    except NotebookError as error:
        return Outcome(problem=str(error))
    except CouldNotRun as error:
        return Outcome(tuple(error.verdicts), notes, f"{path}: {error}")
    except Exception as error:  # a full disk, or a file that nobody thought of
        reason = " ".join(str(error).split())[:200]
        return Outcome(notes=notes, problem=f"{path}: could not be checked ({type(error).__name__}: {reason})")
