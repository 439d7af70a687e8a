"""HTML that holds all it shows: templates, one style sheet, and a policy under which nothing else is loaded or run.

Every text goes through jinja2's autoescape; sources go through Pygments, which escapes as well. The policy
(Content-Security-Policy) allows this style sheet, by its hash, and images that stand in the page itself.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from dlm_course.course.grading.wording import number, one_line, printable, without_blank_runs

MOST_SHOWN = 20_000     # characters of a source or of an answer in words


def render(template: str, **values: Any) -> str:
    """The page that a template of templates/ makes of the values."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("dlm_course.course.grading.report"), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    filters: dict[str, Callable[..., Any]] = {"number": number, "one_line": one_line, "text": _text, "python": _python}
    environment.filters.update(filters)
    environment.globals.update(style=Markup(style), policy=(
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"))
    return environment


def _text(text: str) -> str:
    """Printable, with its lines; a long one is cut, and says so."""
    shown = printable(text[:MOST_SHOWN].replace("\r\n", "\n"), keep="\n\t")
    return shown if len(text) <= MOST_SHOWN else f"{shown}\n… and {len(text) - MOST_SHOWN} characters more"


def _python(source: str) -> Markup:
    """Python with its tokens marked; escaped by Pygments."""
    shown = without_blank_runs(_text(source))
    return Markup(highlight(shown, PythonLexer(), HtmlFormatter(nowrap=True, classprefix="t-")))


def image(png: bytes) -> str:
    """The address of an image that stands in the page."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
