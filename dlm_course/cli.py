"""The command line: `dlm-course lab | check | reset | release | train | sample`.

Heavy imports stand inside the commands, so that `--help` answers at once.
"""

import sys
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
    for topic in (topic.zfill(2) for topic in topics or TOPICS):
        try:
            changed = write_release(topic, root)
        except (ValueError, OSError) as error:
            _stop(str(error))
        typer.echo(f"{topic}: " + (", ".join(str(path.relative_to(root)) for path in changed) or "unchanged"))


@app.command()
def train(context: typer.Context, text: Annotated[str, typer.Argument(
              help="python-reference, tiny-shakespeare, or the path of a text file.")] = "python-reference",
          out: Annotated[Path, typer.Option(help="The checkpoint to write.")] = Path("model.safetensors"),
          steps: Annotated[int, typer.Option(help="Budget, in training steps.")] = 2000,
          batch_size: Annotated[int, typer.Option(help="Sequences in a step.")] = 16,
          length: Annotated[int, typer.Option(help="Characters in a sequence.")] = 128,
          width: Annotated[int, typer.Option(help="Channels of the network.")] = 96,
          depth: Annotated[int, typer.Option(help="Blocks of the network.")] = 3,
          causal: Annotated[bool, typer.Option("--causal", help="Train the autoregressive twin instead.")] = False,
          device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
          seed: Annotated[int, typer.Option(help="Of every random number.")] = 0,
          resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that `out` holds.")] = False,
          ) -> None:
    """Train a masked diffusion language model. Ctrl-C leaves the last checkpoint; --resume goes on from it."""
    from dlm_course.checkpoint import CheckpointError
    from dlm_course.data import DataError, load_text
    from dlm_course.training import TrainingConfig, train, train_from

    progress = sys.stderr.isatty()  # a progress bar would fill a log with thousands of lines
    try:
        _check_device(device)
        corpus = load_text(text)
        if resume:
            given = [name for name in ("steps", "batch_size", "length", "width", "depth", "causal", "seed")
                     if context.get_parameter_source(name).name == "COMMANDLINE"]
            if given:
                _stop("--resume takes the settings of its run: leave out " +
                      ", ".join("--" + name.replace("_", "-") for name in given))
            run = train_from(out, corpus, device=device, progress=progress)
        elif out.exists():
            _stop(f"{out} exists: choose another name with --out, or, if its run was interrupted, --resume")
        else:
            config = TrainingConfig(num_steps=steps, batch_size=batch_size, length=length, seed=seed)
            run = train(corpus, config, {"width": width, "depth": depth, "causal": causal}, device=device,
                        checkpoint=out, progress=progress)
    except (DataError, CheckpointError, ValueError, OSError) as error:
        _stop(str(error))
    for entry in run.history:
        typer.echo(f"step {entry['step']}: {entry['held_out']:.3f} ± {entry['standard_error']:.3f} bits per character "
                   f"on held-out text{'' if run.model.config.causal else ' (bound)'}")
    if run.interrupted:
        kept = f"{out} holds the last checkpoint; --resume goes on from it" if out.exists() else \
            "nothing had been written yet"
        typer.echo(f"interrupted at step {run.step} of {run.num_steps}; {kept}", err=True)
        raise typer.Exit(130)
    typer.echo(f"written: {out}")


@app.command()
def sample(template: Annotated[str | None, typer.Argument(
               help="Text with blanks: each _ (or ▢) is a character to fill in. Free text if left out.")] = None,
           checkpoint: Annotated[Path | None, typer.Option(help="A model; the course's own if left out.")] = None,
           num: Annotated[int, typer.Option(help="How many samples.")] = 1,
           length: Annotated[int | None, typer.Option(help="Characters of a free sample.")] = None,
           steps: Annotated[int, typer.Option(help="Steps of the sampler; more are slower and better.")] = 256,
           temperature: Annotated[float, typer.Option(help="Below 1: likelier text, no longer the model's law.")] = 1.0,
           show_steps: Annotated[bool, typer.Option("--show-steps", help="Print each step that changed.")] = False,
           save: Annotated[Path | None, typer.Option(help="Write all steps of all samples to this JSON file.")] = None,
           device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
           seed: Annotated[int | None, typer.Option(help="For the same samples again.")] = None) -> None:
    """Write text with a model: free, or filling the blanks of a template such as "the ____ of a class"."""
    from dlm_course.checkpoint import CheckpointError
    from dlm_course.writing import write

    try:
        _check_device(device)
        result = write(template, checkpoint=checkpoint, num=num, length=length, num_sampling_steps=steps,
                       temperature=temperature, device=device, seed=seed)
        if save:
            result.save(save)
    except (CheckpointError, ValueError, OSError) as error:
        _stop(str(error))
    for number in range(num):
        if show_steps:
            shown = None
            for step, texts in enumerate(result.steps):
                if texts[number] != shown:
                    typer.echo(f"{step:4d}  {texts[number]!r}")
                shown = texts[number]
        else:
            typer.echo(result.texts[number])


def _check_device(device: str) -> None:
    import torch

    try:
        torch.rand(1, dtype=torch.float64, device=device, generator=torch.Generator(device))
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"device {device!r} cannot be used here ({reason}); cpu always works") from None


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
