"""A verdict on a page that someone looks at: lines wrap between words, symbols are set, a long check shows its work.

Everywhere else, in a terminal and under nbval or nbgrader, `check` prints the plain line and nothing of this is used.
"""

import html
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from uuid import uuid4

from IPython import get_ipython

from dlm_course.course.verdict import Verdict

PATIENCE = 2.0  # seconds until a check says that it is at work

_GREEK = {"alpha_bar": "ᾱ", "alpha": "α", "beta": "β", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ"}
_GROUP = r"\{[^{}]*\}|\([^()]*\)"
# A letter with what stands below it, or a Greek letter by its name; not within a longer name, nor Python's <lambda>.
_BELOW = rf"_({_GROUP}|[A-Za-z]|\d+)"
_SYMBOL = re.compile(rf"(?<![\w.&'])(?:({'|'.join(_GREEK)})(?:{_BELOW})?|([A-Za-z]){_BELOW})(?!\w|\.\w)")
_POWER = re.compile(rf"(?<=[\w)\]>])\^({_GROUP}|-?[A-Za-z0-9]+)")
_MINUS = re.compile(r"(?<![\w-])([A-Za-z])-(\d+|[A-Za-z])(?![\w-])")  # t-1, which a page would break after the hyphen
_EMPHASIS = re.compile(r"(?<![\w*])\*(\w(?:[^*]*\w)?)\*(?![\w*])")


class Page:
    """The place below one cell: holds the sign that a check is at work, then the verdict in its place."""

    def __init__(self, publish: Callable[..., None]):
        """`publish` is that of IPython's display publisher, as it is before an answer runs and output is caught."""
        self._publish = publish
        self._id = uuid4().hex
        self._used = False

    @contextmanager
    def at_work(self, question_id: str) -> Iterator[None]:
        """Within the block, once it takes long, a line says so. If an exception ends the block, the line goes."""
        sign = f"… {question_id}: still checking"
        timer = threading.Timer(PATIENCE, copy_context().run, [self._put, sign, html.escape(sign)])
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            _end(timer)
            if self._used:
                self._put("", "")
            raise
        _end(timer)

    def show(self, verdict: Verdict, name: str) -> None:
        """`name` is that of the student's function."""
        self._put(str(verdict), as_html(verdict, name))

    def _put(self, plain: str, rich: str) -> None:
        with suppress(Exception):  # of a sys.stdout of the student's, which the publisher flushes
            self._publish({"text/plain": plain, "text/html": rich}, transient={"display_id": self._id},
                          update=self._used)
            self._used = True


def watched() -> Page | None:
    """The page below the running cell; None where output goes elsewhere, as under nbval, nbgrader and %%capture.

    Pages send with a cell the id under which they know it; programs that only run a notebook do not.
    """
    shell = get_ipython()
    kernel, streams = getattr(shell, "kernel", None), sys.modules.get("ipykernel.iostream")
    if kernel is None or streams is None or not isinstance(sys.stdout, streams.OutStream):
        return None
    request = kernel.get_parent("shell") or {}
    return Page(shell.display_pub.publish) if "cellId" in request.get("metadata", {}) else None


def as_html(verdict: Verdict, name: str) -> str:
    """The verdict's line with its symbols set, `code` and *emphasis*.

    What an exception says is left as it is, up to the case after the student's line. So is the name of the student's
    function, which may be `rho`.
    """
    raised = re.search(r"\braised [A-Z_]\w*", verdict.reason)
    has_line = re.search(r", at `[^`]*`[^`]*$", verdict.reason)
    start, colon, _ = str(verdict).partition(": ")
    parts = verdict.reason.split("`")
    if len(parts) % 2 == 0:  # a single backquote is no code
        parts = [verdict.reason]
    return html.escape(start) + colon + "".join(
        f"<code>{html.escape(part)}</code>" if place % 2 else
        html.escape(part) if raised and not (has_line and part is parts[-1]) else _set(part, name)
        for place, part in enumerate(parts))


def _set(text: str, name: str) -> str:
    def letter(found: re.Match[str]) -> str:
        greek, below_greek, latin, below_latin = found.groups()
        below = below_greek or below_latin
        if greek == name and not below:
            return name
        return (_GREEK[greek] if greek else latin) + (f"<sub>{_inner(below)}</sub>" if below else "")

    text = _SYMBOL.sub(letter, html.escape(text, quote=False))
    text = _MINUS.sub(r"\1−\2", text)
    text = _POWER.sub(lambda found: f"<sup>{_inner(found[1])}</sup>", text)
    return _EMPHASIS.sub(r"<em>\1</em>", text)


def _inner(group: str) -> str:
    """What stands above or below, without the braces or brackets that hold it together."""
    return (group[1:-1] if group[0] in "{(" else group).replace("-", "−")


def _end(timer: threading.Timer) -> None:
    timer.cancel()
    timer.join()
