"""The command line: `dlm-course lab | check | reset | release`.

Heavy imports stand inside the commands, so that `--help` answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Discrete diffusion language models, step by step.", no_args_is_help=True,
                  add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

FAILED, COULD_NOT_RUN = 1, 2


@app.command()
def lab(port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
        browser: Annotated[bool, typer.Option(help="Open the browser.")] = True) -> None:
    """Open the course in JupyterLab, at the first notebook. Ctrl-C ends it."""
    from dlm_course.lab import LabError, open_lab

    try:
        code = open_lab(_checkout(), port=port, browser=browser)
    except LabError as error:
        _stop(str(error))
    raise typer.Exit(code)


@app.command()
def check(notebooks: Annotated[list[str] | None, typer.Argument(
        help="A topic (01) or the path of a notebook; all exercises if left out.")] = None) -> None:
    """Try your answers: one line a question. Exit code 0 if all pass, 1 if not, 2 if something could not run."""
    from dlm_course.authoring.assemble import NotebookError, assemble, read_notebook, topic_of
    from dlm_course.authoring.validate import CouldNotRun, validate

    code = 0
    for path in _exercises(notebooks):
        try:
            student = read_notebook(path)
            assembly = assemble(student, topic_of(student, path))
            verdicts = validate(assembly, path.parent)
        except NotebookError as error:
            typer.echo(str(error), err=True)
            code = COULD_NOT_RUN
            continue
        except CouldNotRun as error:
            for verdict in error.verdicts:
                typer.echo(str(verdict))
            typer.echo(f"{path}: {error}", err=True)
            code = COULD_NOT_RUN
            continue
        for note in assembly.notes:
            typer.echo(f"note: {note}")
        for verdict in verdicts:
            typer.echo(str(verdict))
        if not all(verdict.passed for verdict in verdicts):
            code = max(code, FAILED)
    raise typer.Exit(code)


@app.command()
def reset(topics: Annotated[list[str], typer.Argument(help="The topics to reset: 01, for example.")]) -> None:
    """Put an untouched exercise notebook in place; yours is kept beside it."""
    from dlm_course.authoring import notebook_name
    from dlm_course.authoring.release import reset as put_back

    for topic in (topic.zfill(2) for topic in topics):
        try:
            kept = put_back(topic, _checkout() / "exercises")
        except (ValueError, OSError) as error:
            _stop(str(error))
        typer.echo(f"exercises/{notebook_name(topic)} is as released"
                   + (f"; yours is kept as {kept.name}" if kept else ""))


@app.command()
def release(topics: Annotated[list[str] | None, typer.Argument(help="Topics (01); all if left out.")] = None) -> None:
    """For authors: make exercises/ and the package's copies from solutions/."""
    from dlm_course.authoring.release import write_release
    from dlm_course.checks import TOPICS

    root = _checkout()
    for topic in topics or list(TOPICS):
        try:
            changed = write_release(topic, root)
        except (ValueError, OSError) as error:
            _stop(str(error))
        typer.echo(f"{topic}: " + (", ".join(str(path.relative_to(root)) for path in changed) or "unchanged"))


def _checkout() -> Path:
    """The course's folder: where we are, above it, or where the package stands."""
    for place in (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[1]):
        if (place / "lectures").is_dir() and (place / "exercises").is_dir():
            return place
    _stop("the course's notebooks were not found: run this inside the checkout, where lectures/ and exercises/ are")


def _exercises(names: list[str] | None) -> list[Path]:
    from dlm_course.authoring import notebook_name
    from dlm_course.checks import TOPICS

    if not names:
        return [_checkout() / "exercises" / notebook_name(topic) for topic in TOPICS]
    try:  # digits alone are meant as a topic, and one that does not exist is said to
        return [_checkout() / "exercises" / notebook_name(name.zfill(2)) if name.isdigit() else Path(name)
                for name in names]
    except ValueError as error:
        _stop(str(error))


def _stop(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(COULD_NOT_RUN)


def main() -> None:
    """The entry point of the `dlm-course` command."""
    app()
