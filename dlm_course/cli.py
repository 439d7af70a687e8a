"""The command line: `dlm-course lab | check | reset | grade | export | release | train | sample`.

Heavy imports stand inside the commands, so that `--help` answers at once.
"""

import codecs
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from dlm_course.course.verdict import Verdict
    from dlm_course.model.training import Evaluation, Run

app = typer.Typer(help="Discrete diffusion language models, step by step.", no_args_is_help=True,
                  add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

FAILED, COULD_NOT_RUN = 1, 2

# What stands for a character where the terminal's code page lacks it; for others it is Python's escape, such as \u03bb.
IN_ASCII = {"✓": "ok", "✗": "not ok", "○": "--", "▢": "_", "±": "+-", "’": "'"}


@app.command()
def lab(port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
        browser: Annotated[bool, typer.Option(help="Open the browser.")] = True) -> None:
    """Open the course in JupyterLab, at the first notebook. Ctrl-C ends it."""
    from dlm_course.course.lab import LabError, open_lab

    try:
        code = open_lab(_checkout(), port=port, browser=browser)
    except LabError as error:
        _stop(str(error))
    raise typer.Exit(code)


@app.command()
def check(notebooks: Annotated[list[str] | None, typer.Argument(
        help="A topic (01) or the path of a notebook; all exercises if left out.")] = None,
          json: Annotated[Path | None, typer.Option(
              metavar="FILE", help="Write the verdicts as JSON, too, in the form that GitHub Classroom reads.")] = None,
          ) -> None:
    """Try your answers: one line a question, and of all exercises a line of progress.

    Exit code 0 if all pass, 1 if not, 2 if something could not run.
    """
    from dlm_course.course.student.check_notebook import check_notebook

    code = 0
    verdicts: list[Verdict] = []
    for path in _exercises(notebooks):
        outcome = check_notebook(path)
        verdicts += outcome.verdicts
        for note in outcome.notes:
            _print(f"note: {note}")
        for verdict in outcome.verdicts:
            _print(str(verdict))
        if outcome.problem:
            _print(outcome.problem, err=True)
        code = max(code, COULD_NOT_RUN if outcome.problem else 0 if outcome.passed else FAILED)
    if not notebooks:
        _print(_progress(verdicts))
    if json:
        _write_verdicts(json, verdicts, code)
    raise typer.Exit(code)


def _progress(verdicts: "list[Verdict]") -> str:
    """How far one is in all exercises, and which task comes next: the first, in their order, that has not passed."""
    from dlm_course.course.topics import TOPICS, notebook_name, task_points

    points = {id_: worth for topic in TOPICS for id_, worth in task_points(topic).items()}
    passed = {verdict.id for verdict in verdicts if verdict.passed}
    left = [id_ for id_ in points if id_ not in passed]
    earned = sum(points[id_] for id_ in passed)
    return (f"{len(passed)} of {len(points)} tasks, {earned} of {sum(points.values())} points"
            + (f"; next: {left[0]}, in exercises/{notebook_name(left[0][:2])}" if left else ""))


def _write_verdicts(path: Path, verdicts: "list[Verdict]", code: int) -> None:
    """The verdicts as JSON. A file that could not run has none in it, so that the status says it."""
    from json import dumps

    from dlm_course.course.grading.report.exports import check_result
    from dlm_course.files import write_whole

    result = check_result(verdicts)
    if code == COULD_NOT_RUN:
        result["status"] = "error"
    try:
        write_whole(path, dumps(result, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        _stop(f"{path} cannot be written: {error.strerror or error}")


@app.command()
def reset(topics: Annotated[list[str], typer.Argument(help="The topics to reset: 01, for example.")]) -> None:
    """Put an untouched exercise notebook in place; yours is kept beside it."""
    from dlm_course.course.student.reset import reset as put_back
    from dlm_course.course.topics import notebook_name

    for topic in (topic.zfill(2) for topic in topics):
        try:
            kept = put_back(topic, _checkout() / "exercises")
        except (ValueError, OSError) as error:
            _stop(str(error))
        _print(f"exercises/{notebook_name(topic)} is as released"
               + (f"; yours is kept as {kept.name}" if kept else ""))


@app.command()
def grade(submissions: Annotated[Path, typer.Argument(
              help="A folder with one folder a student, nbgrader's submitted/, or the zip that a platform exports.")],
          out: Annotated[Path, typer.Option(help="The report's folder; what it holds already is not graded again.")],
          topic: Annotated[str, typer.Option(help="01, for example; if left out, what the files are called by.")] = "",
          seed: Annotated[int | None, typer.Option(
              help="Of the hidden cases; drawn for a new report, and kept there. Keep it from the students.")] = None,
          jobs: Annotated[int | None, typer.Option(
              min=1, help="Graders at a time on this machine; one a processor if left out.")] = None,
          scheduler: Annotated[str, typer.Option(help="A Dask scheduler's address: grade on its cluster.")] = "",
          container: Annotated[str, typer.Option(help="An image: docker or podman in place of bubblewrap.")] = "",
          no_sandbox: Annotated[bool, typer.Option(
              "--no-sandbox", help="Run students' code as you. Only for code that you have read.")] = False,
          seconds: Annotated[float | None, typer.Option(
              min=1, max=3600, help="Of computing for a question, and twice as many in all; 30 if left out.")] = None,
          again: Annotated[list[str] | None, typer.Option(help="Grade this student again, whatever is there.")] = None,
          ) -> None:
    """For instructors: grade a class, in a sandbox, on cases that no student has seen. Ctrl-C loses nothing.

    Exit code 0 if every submission could be graded, 1 if a file could not be read, 2 if grading could not go on.
    """
    from tqdm import tqdm

    from dlm_course.course.grading import grade as grading
    from dlm_course.course.grading.handed_in.submissions import SubmissionsError
    from dlm_course.course.grading.records import RecordError
    from dlm_course.course.grading.report.spreadsheets import TableError
    from dlm_course.course.grading.sandbox.box import SandboxError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how batch systems end a run: the same as Ctrl-C
    warnings.simplefilter("ignore")    # numpy's, of a student's odd numbers, are for nobody's eyes
    if container and no_sandbox:
        _stop("--container and --no-sandbox exclude each other")
    if no_sandbox:
        _print("warning: without a sandbox students' code runs as you: it can read, change and send away what you can, "
               "and find the right answers. The report says that there was none", err=True)
    kind = "none" if no_sandbox else f"container:{container}" if container else "bubblewrap"
    try:
        done = grading.grade(submissions, out, topic.zfill(2) if topic else grading.topic_in(submissions), seed=seed,
                             sandbox=kind, jobs=jobs or _processors(), scheduler=scheduler, seconds=seconds,
                             again=again or (), progress=lambda records, number: tqdm(
                                 records, "graded", number, unit=" submissions", disable=None))
    except KeyboardInterrupt:
        _print(f"interrupted; what is graded stands in {out}, and the same command goes on from there" if out.exists()
               else "interrupted before anything was graded", err=True)
        raise typer.Exit(130) from None
    except SandboxError as error:
        said = str(error).replace("container:IMAGE", "--container IMAGE")
        if kind == "bubblewrap" and not scheduler:
            said += "" if "--container" in said else "; --container IMAGE grades in docker or podman"
            said += "; --no-sandbox grades without any, for code that you have read"
        _stop(said)
    except (grading.GradeError, SubmissionsError, RecordError, TableError, ImportError, OSError) as error:
        _stop(str(error))
    for note in done.notes:
        _print(f"note: {note}")
    if done.others:
        _print(f"note: {done.others} in the report have no submission in {submissions} any more; they stay in it")
    _print(f"{done.graded} graded" + (f", {done.before} were graded before" if done.before else "")
           + (f"; in the report {done.problems} could not be graded" if done.problems else "")
           + f". See {out / 'overview.html'}")
    raise typer.Exit(FAILED if done.problems else 0)


def _processors() -> int:
    """Those that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@app.command()
def export(report: Annotated[Path, typer.Argument(help="The folder that `dlm-course grade` wrote.")],
           canvas: Annotated[Path | None, typer.Option(
               metavar="EXPORTED", help="The gradebook as Canvas exports it; needs --assignment.")] = None,
           assignment: Annotated[str, typer.Option(help="How Canvas calls it, or its number there.")] = "",
           moodle: Annotated[Path | None, typer.Option(
               metavar="WORKSHEET", help="The grading worksheet of the assignment, as Moodle gives it.")] = None,
           gradescope: Annotated[bool, typer.Option(
               "--gradescope", help="An autograder for Gradescope that hands out the results.")] = False,
           nbgrader: Annotated[str, typer.Option(
               metavar="DATABASE", help="Enter the points into nbgrader's: gradebook.db, for example.")] = "",
           ) -> None:
    """For instructors: take over the points that words.csv holds by now, and write what a platform imports.

    Exit code 0 if all is written, 1 if a student was left out or may be another, 2 if something could not be
    written.
    """
    from dlm_course.course.grading.grade import given_points, write_report
    from dlm_course.course.grading.report import exports, lms

    if (canvas is None) != (not assignment):
        _stop("--canvas and --assignment go together: the gradebook that Canvas exported, and the assignment in it")
    left_out = False
    try:
        records, notes = write_report(report)
        given = given_points(report, records)
        waiting = sum((record.student, words.question) not in given for record in records for words in record.words)
        _print(f"written: {report / 'gradebook.csv'}, overview.html, {len(records)} in pages/"
               + (f"; answers in words without points: {waiting}, see words.csv" if waiting else ""))
        for note in notes:
            _print(f"note: {note}")
        if waiting and (canvas or moodle or gradescope or nbgrader):
            _print(f"note: {waiting} answers in words have no points yet, and count 0 in what was exported")
        if canvas:
            path = report / "for-canvas.csv"
            left_out |= _exported(path, lms.canvas(records, canvas, assignment, path, given))
        if moodle:
            path = report / "for-moodle.csv"
            left_out |= _exported(path, lms.moodle(records, moodle, path, given))
        if gradescope:
            path = report / "for-gradescope.zip"
            exports.gradescope(records, path, given)
            _exported(path)
        if nbgrader:
            database = nbgrader if "://" in nbgrader else f"sqlite:///{nbgrader}"
            left_out |= _exported(nbgrader, exports.nbgrader(records, database, given))
    except (ImportError, ValueError, OSError) as error:
        _stop(str(error))
    except Exception as error:
        if not type(error).__module__.startswith("sqlalchemy"):    # it comes with nbgrader, which need not be there
            raise
        _stop(f"{nbgrader}: is no gradebook that nbgrader can use ({str(error).splitlines()[0][:200]})")
    raise typer.Exit(FAILED if left_out else 0)


def _exported(path: Path | str, notes: Sequence[str] = ()) -> bool:
    """Say what was written, and the notes on it; whether one of them is on a student who is to be looked at."""
    _print(f"written: {path}")
    for note in notes:
        _print(f"note: {note}")
    return any(not note.startswith("points were scaled") for note in notes)


@app.command()
def release(topics: Annotated[list[str] | None, typer.Argument(help="Topics (01); all if left out.")] = None) -> None:
    """For authors: make exercises/ and the package's copies from solutions/."""
    from dlm_course.course.author.release import write_release
    from dlm_course.course.topics import TOPICS

    root = _checkout()
    for topic in (topic.zfill(2) for topic in topics or TOPICS):
        try:
            changed = write_release(topic, root)
        except (ValueError, OSError) as error:
            _stop(str(error))
        _print(f"{topic}: " + (", ".join(str(path.relative_to(root)) for path in changed) or "unchanged"))


@app.command()
def train(context: typer.Context, text: Annotated[str, typer.Argument(
              help="python-reference, tiny-shakespeare, or the path of a text file.")] = "python-reference",
          out: Annotated[Path, typer.Option(help="The checkpoint to write.")] = Path("model.safetensors"),
          steps: Annotated[int, typer.Option(help="Budget, in training steps.")] = 2000,
          batch_size: Annotated[int, typer.Option(help="Sequences in a step.")] = 16,
          length: Annotated[int, typer.Option(help="Characters in a sequence.")] = 128,
          width: Annotated[int, typer.Option(help="Channels of the network.")] = 96,
          depth: Annotated[int, typer.Option(help="Blocks of the network.")] = 3,
          causal: Annotated[bool, typer.Option("--causal", help="Train the autoregressive model instead.")] = False,
          twin: Annotated[bool, typer.Option("--twin", help="Then its autoregressive twin, and compare.")] = False,
          loss: Annotated[str, typer.Option(
              help="mask-count, mask-rate, mask-rate-stratified or unweighted.")] = "mask-count",
          mixed_precision: Annotated[bool, typer.Option(
              "--mixed-precision", help="The network in bfloat16, for a GPU.")] = False,
          device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
          seed: Annotated[int, typer.Option(help="Of every random number.")] = 0,
          resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that `out` holds.")] = False,
          ) -> None:
    """Train a masked diffusion language model. Ctrl-C leaves the last checkpoint; --resume goes on from it.

    Several processes or GPUs: torchrun --nproc-per-node 2 -m dlm_course.cli train ...
    """
    from dlm_course.model.checkpoint import CheckpointError, read_checkpoint
    from dlm_course.model.training import RunOptions, TrainingConfig, train, train_from, train_twin, twin_path
    from dlm_course.text.corpora import DataError, load_text

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how batch systems end a run: the same as Ctrl-C
    # A progress bar would fill a log with thousands of lines.
    options: RunOptions = {"device": device, "progress": _is_first_process() and sys.stderr.isatty()}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if causal and (twin or "loss" in given):
        _stop("--causal trains the autoregressive model alone, which has one loss: leave out --twin and --loss")
    again = "--resume --twin" if twin else "--resume"
    try:
        _check_device(device)
        corpus = load_text(text)
        if resume:
            settings = [name for name in given if name not in ("text", "out", "device", "twin", "resume")]
            if settings:
                _stop("--resume takes the settings of its run: leave out " +
                      ", ".join("--" + name.replace("_", "-") for name in settings))
            if not (twin and _is_finished(out)):
                _report(train_from(out, corpus, **options), out, again)
        else:
            for path in [out, twin_path(out)] if twin else [out]:
                if path.exists():
                    _stop(f"{path} exists: choose another name with --out, or, if its run was interrupted, {again}")
            config = TrainingConfig(num_steps=steps, batch_size=batch_size, length=length, seed=seed, loss=loss,
                                    mixed_precision=mixed_precision)
            _report(train(corpus, config, {"width": width, "depth": depth, "causal": causal}, checkpoint=out,
                          **options), out, again)
        if twin:
            history = read_checkpoint(out)[1]["notes"]["history"]
            run = train_twin(out, corpus, **options)
            _report(run, twin_path(out), again)
            _compare(history, run.history)
    except (DataError, CheckpointError, ValueError, OSError) as error:
        _stop(_in_options(str(error)))
    except (MemoryError, RuntimeError) as error:
        _stop_if_out_of_memory(error, "--width, --depth, --batch-size or --length")


def _is_finished(checkpoint: Path) -> bool:
    from dlm_course.model.checkpoint import read_checkpoint

    return "training" not in read_checkpoint(checkpoint)[1]


def _report(run: "Run", path: Path, again: str) -> None:
    """Print the record of a run. One that was interrupted ends the command."""
    for entry in run.history:
        _say(f"step {entry['step']}: {_bits(entry)} bits per character on held-out text"
             f"{'' if run.model.config.causal else ' (bound)'}")
    if run.interrupted:
        kept = f"{path} holds the last checkpoint; {again} goes on from it" if path.exists() else \
            f"{path} had not been written yet"
        _say(f"interrupted at step {run.step} of {run.num_steps}; {kept}", err=True)
        raise typer.Exit(130)
    _say(f"written: {path}")


def _compare(masked: "list[Evaluation]", twin: "list[Evaluation]") -> None:
    """Print a table of two records: the last evaluations, and the best, which for the twin may be an early one."""
    _say(f"\n{'held-out bits per character':<29}{'last':<17}best")
    for name, history in (("masked model (upper bound)", masked), ("autoregressive twin (exact)", twin)):
        best = min(history, key=lambda entry: entry["held_out"])
        _say(f"{name:<29}{_bits(history[-1]):<17}{_bits(best)} at step {best['step']}")


def _bits(entry: "Evaluation") -> str:
    return f"{entry['held_out']:.3f} ± {entry['standard_error']:.3f}"


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"  # set by torchrun and by `accelerate launch`


def _say(message: str, *, err: bool = False) -> None:
    """Print; of several processes, the first one alone."""
    if _is_first_process():
        _print(message, err=err)


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
    from dlm_course.model.checkpoint import CheckpointError
    from dlm_course.model.writing import write

    try:
        _check_device(device)
        result = write(template, checkpoint=checkpoint, num=num, length=length, num_sampling_steps=steps,
                       temperature=temperature, device=device, seed=seed)
        if save:
            result.save(save)
    except (CheckpointError, ValueError, OSError) as error:
        _stop(_in_options(str(error)))
    except (MemoryError, RuntimeError) as error:
        _stop_if_out_of_memory(error, "--num or --steps")
    for number in range(num):
        if show_steps:
            shown = None
            for step, texts in enumerate(result.steps):
                if texts[number] != shown:
                    _print(f"{step:4d}  {texts[number]!r}")
                shown = texts[number]
        else:
            _print(result.texts[number])


def _in_options(message: str) -> str:
    """A message that begins with the name of a parameter, with its option in that place."""
    name, _, rest = message.partition(" ")
    option = {"num_steps": "--steps", "num_sampling_steps": "--steps", "batch_size": "--batch-size"}.get(name)
    if name in ("length", "width", "depth", "loss", "seed", "num", "temperature", "device"):
        option = f"--{name}"
    return f"{option} {rest}" if option else message


def _stop_if_out_of_memory(error: MemoryError | RuntimeError, options: str) -> None:
    """End the command where memory did not suffice, on the CPU or on a GPU; raise any other error again."""
    message = " ".join(str(error).split())
    if not (isinstance(error, MemoryError) or "allocat" in message or "out of memory" in message.lower()):
        raise error
    _stop(f"the memory of this machine does not suffice ({message[:120]}): choose a smaller {options}")


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
        exercises = place / "exercises"
        if exercises.is_dir() and ((place / "lectures").is_dir() or any(exercises.glob("[0-9][0-9]_*.ipynb"))):
            return place    # a class's repository has exercises alone
    _stop("the course's notebooks were not found: run this inside the checkout, where lectures/ and exercises/ are")


def _exercises(names: list[str] | None) -> list[Path]:
    from dlm_course.course.topics import TOPICS, notebook_name

    if not names:
        return [_checkout() / "exercises" / notebook_name(topic) for topic in TOPICS]
    try:  # digits alone are meant as a topic, and one that does not exist is said to
        return [_checkout() / "exercises" / notebook_name(name.zfill(2)) if name.isdigit() else Path(name)
                for name in names]
    except ValueError as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    _print(message, err=True)
    raise typer.Exit(COULD_NOT_RUN)


def _print(message: str, *, err: bool = False) -> None:
    # Not typer.echo: to a terminal that knows ASCII alone it writes UTF-8.
    print(message, file=sys.stderr if err else sys.stdout, flush=True)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """For `codecs`: characters that the terminal does not have, in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start:error.end]
    return "".join(IN_ASCII.get(char) or char.encode("ascii", "backslashreplace").decode() for char in lost), error.end


def main() -> None:
    """The entry point of the `dlm-course` command."""
    codecs.register_error("dlm_course.replaced", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="dlm_course.replaced")
    app()


if __name__ == "__main__":  # for torchrun, which starts a module
    main()
