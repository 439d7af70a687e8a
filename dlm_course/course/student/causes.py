"""Why a check printed no verdict: what an earlier cell, or a file beside the notebook, did to it."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlm_course.course.student.nbval_report import Cell, Report

SETUP = "setup"  # the id of the cell, in every exercise, that imports `check`

# Lines of a student's that take from `check` its name or its voice.
_REBINDS = re.compile(r"^[\w\s,]*\bcheck\b[\w\s,]*=(?!=)|\b(?:def|class|as|for)\s+check\b")
_REMOVES = re.compile(r"^\s*(?:%reset\b|del\b.*\bcheck\b)")
_SILENCES = re.compile(r"\bsys\.stdout\b(?!\.(?:write|flush)\b)|\bprint\s*=(?!=)")

_TERMINAL_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def why_no_verdict(question_id: str, report: "Report", folder: Path) -> str:
    """The reason, in a student's words: the given cell that raised first, else the line that silences the check.

    The report holds the check's cell; `folder` is where the notebook ran.
    """
    setup, check = report["cells"].get(SETUP), report["cells"][f"{question_id}-check"]
    lines = _lines_before(question_id, report)
    if setup and setup["raised"]:
        return f"the set-up cell raised {_exception(setup)}{_renaming(setup, folder)}"
    if check["raised"].startswith("NameError") and "'check'" in check["raised"]:
        return f"`check` is no longer defined here; is it removed by {_suspect(_REMOVES, lines)}?"
    rebound = check["raised"].startswith("TypeError") and "is not callable" in check["raised"]
    if rebound or (not check["raised"] and any(map(_REBINDS.search, lines))):
        return (f"`check` means something else here{f' ({_exception(check)})' * rebound}; is it rebound by "
                f"{_suspect(_REBINDS, lines)}? Choose another name there")
    if check["raised"]:
        silenced = any(map(_SILENCES.search, lines))
        return (f"its check raised {_exception(check)}{_renaming(check, folder)}"
                + f"; is that of {_suspect(_SILENCES, lines)}?" * silenced)
    return f"its check printed nothing; is sys.stdout, or print, replaced by {_suspect(_SILENCES, lines)}?"


def _lines_before(question_id: str, report: "Report") -> list[str]:
    """The lines of all cells that ran before the question's check."""
    lines: list[str] = []
    for id_, cell in report["cells"].items():
        if id_ == f"{question_id}-check":
            break
        lines += cell["source"].splitlines()
    return lines


def _suspect(pattern: re.Pattern, lines: list[str]) -> str:
    """The last line that the pattern fits, quoted."""
    return next((f"`{line.strip()[:80]}`" for line in reversed(lines) if pattern.search(line)), "a cell of yours")


def _exception(cell: "Cell") -> str:
    return " ".join(cell["raised"].split())[:200]


def _renaming(cell: "Cell", folder: Path) -> str:
    """The advice to rename the file beside the notebook that the exception comes from, "" where there is none."""
    traceback = _TERMINAL_COLOURS.sub("", cell["traceback"])
    for path in sorted(folder.resolve().iterdir()):
        name = path.stem if path.suffix == ".py" else path.name if (path / "__init__.py").is_file() else ""
        named = re.search(rf"'{re.escape(name)}['.]|\b{re.escape(name)}\.py\b", cell["raised"])
        shown = str(path) in traceback or _from_home(path) in traceback
        if name and (named or shown) and _exists_outside(name, folder):
            return f"; {path.name} in the notebook's folder is taken for the module {name}: rename it"
    return ""


def _from_home(path: Path) -> str:
    """The path as IPython's tracebacks show it."""
    home = os.path.expanduser("~")
    return str(path).replace(home, "~", 1) if str(path).startswith(home) else str(path)


def _exists_outside(name: str, folder: Path) -> bool:
    """Whether there is a module of this name that a file in the folder can be taken for."""
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and folder.resolve() not in Path(spec.origin).parents
