"""Answering, in the sandbox: a student's cells, then the function on the cases, and what comes of it on the wire.

`prepare` is called once, in the warm parent, and `answer` in a fork of it, which ends with it.
"""

import gc
import os
import sys
import types
from collections.abc import Sequence

import cloudpickle
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dlm_course.course.grading.wire import Job, cell_begins, cell_raised, decode_job, encode_outputs, write_all
from dlm_course.course.questions.question import Case, Output
from dlm_course.course.questions.running import run

_OUT = 3    # the file descriptor to which the reports go, the only one besides the standard ones


def prepare(imports: Sequence[str] = ()) -> InteractiveShell:
    """The shell that runs cells, with everything loaded that an answer needs; and import statements, run once.

    Cells need no history, and nobody sees what they show: that would only take time.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot
    import torch

    torch.set_num_threads(1)
    _without_check()
    for line in imports:
        exec(line, {})
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.ast_node_interactivity = "none"
    shell = _Shell.instance(config=config)
    shell.magics_manager.magics["line"]["matplotlib"] = lambda line: None    # the pictures of %matplotlib inline
    gc.collect()
    gc.freeze()    # so that collections in the forks do not copy what they share
    return shell


class _Shell(InteractiveShell):
    """A shell that draws no tracebacks: nobody reads them, and they take longer than most cells."""

    def showtraceback(self, *_: object, **__: object) -> None:
        pass

    showsyntaxerror = showtraceback


def _without_check() -> None:
    """A student's own cell may call `check`: it is a function that does nothing, since no question is here."""
    module = types.ModuleType("dlm_course.course.student.check")
    module.check = lambda *_, **__: None    # type: ignore[attr-defined]
    sys.modules[module.__name__] = module


def answer(shell: InteractiveShell, job: bytes, out: int) -> None:
    """Run a job, as `wire.encode_job` made it, and report to the file descriptor `out`.

    All other file descriptors are closed, and the standard ones lead nowhere.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if out != _OUT:
        os.dup2(out, _OUT)
    os.closerange(_OUT + 1, 1024)
    sys.stdin = open(0, encoding="utf-8", closefd=False)    # noqa: SIM115
    sys.stdout, sys.stderr = (open(fd, "w", encoding="utf-8", errors="replace", closefd=False) for fd in (1, 2))
    write_all(_OUT, encode_outputs(_outputs(shell, decode_job(job))))


def _outputs(shell: InteractiveShell, job: Job) -> list[Output]:
    earlier, cases = cloudpickle.loads(job.payload)
    _withhold(job.name)
    sys.modules["__main__"] = shell.user_module
    for id_, source in job.cells:
        write_all(_OUT, cell_begins(id_))
        try:
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        if error is not None:
            write_all(_OUT, cell_raised(id_, f"{type(error).__name__}: {' '.join(str(error).split())}"))
    write_all(_OUT, cell_begins(""))
    given = [Case(args, "", seed, raises=raises, says=says) for args, seed, raises, says in cases]
    try:
        return run(shell.user_ns.get(job.name), given, earlier)
    except BaseException as error:    # run lets through what is no Exception: KeyboardInterrupt, for one
        return [Output(error=f"raised {type(error).__name__}")]


def _withhold(name: str) -> None:
    """What a task asks for cannot be imported from the package, where it has the same name there.

    The package's own functions go on using it, so that this is a hint to the honest; the grader looks at the sources.
    """
    class Withheld(types.ModuleType):
        def __getattribute__(self, attribute: str) -> object:
            if attribute == name:
                raise AttributeError(f"{name} is what the task asks for: it cannot be taken from dlm_course")
            return super().__getattribute__(attribute)

    root = __name__.partition(".")[0]
    for key, module in list(sys.modules.items()):
        if key == root or (key.startswith(root + ".") and isinstance(vars(module).get(name), types.FunctionType)):
            module.__class__ = Withheld
