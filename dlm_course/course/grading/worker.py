"""One submission graded: read, put together, run in the box, judged. One record, whatever the submission holds.

A question is run on top of the reference answers to the tasks before it, on cases that no student has seen; the verdict
is computed here, outside of the box, by the same rules as the student's own check.

What is settled by rule, and noted in the record:

- A cell that raises is passed over. So is one that does not come to an end or ends the process, if it is not the
  answer itself: it is left out, at most three of a submission, and the question asked again.
- The cells that run are those before the question's check, as in the notebook.
- A task whose cell is as it was released, or missing, is not attempted, unless the student has cells of their own.
"""

import hashlib
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from nbformat import NotebookNode

from dlm_course.course.grading.flags import flags_given, flags_of
from dlm_course.course.grading.handed_in.listing import MEBI, FileLimits
from dlm_course.course.grading.handed_in.names import printable
from dlm_course.course.grading.handed_in.notebooks import notebook_of
from dlm_course.course.grading.handed_in.submissions import Submission, read
from dlm_course.course.grading.handed_in.words import words_of
from dlm_course.course.grading.numbers import NOT_COMPUTED, numbers_job, numbers_said
from dlm_course.course.grading.records import ENDED, Record, Result, Words, key_of
from dlm_course.course.grading.sandbox.box import Box, BoxLost, SandboxError, make_job, open_box
from dlm_course.course.grading.sandbox.wire import Job, Limits, Reply, WireError, decode_outputs
from dlm_course.course.questions import Question, answer_key, judge, questions
from dlm_course.course.student.assemble import Assembly, assemble
from dlm_course.course.student.reset import untouched
from dlm_course.course.topics import is_project
from dlm_course.course.verdict import Verdict, in_short

HALF = "right, except in a border case"    # how a verdict begins that leaves half of the points

_LONGEST = 400              # characters of a reason
_LONGEST_SOURCE = 20_000    # of a source, in a record
_MOST_NOTES = 20
_MOST_LEFT_OUT = 3          # cells: each can take all the time that there is


@dataclass(frozen=True)
class Assignment:
    """What is graded, and how: the same assignment and submission give the same record.

    seed     of the cases; keep it from the students
    sandbox  "bubblewrap", "container:IMAGE" or "none"
    """

    topic: str
    seed: int
    sandbox: str = "bubblewrap"
    limits: Limits = field(default_factory=Limits)
    file_limits: FileLimits = field(default_factory=FileLimits)

    def key(self, submission: Submission) -> str:
        """The key of the record of a submission that has been read: of all that the record depends on."""
        models = hashlib.sha256(submission.models).hexdigest() if submission.models else ""
        found = (submission.topic, submission.file, submission.notes, models, submission.no_models)
        return key_of(submission.content, self.topic, self.seed, self.sandbox, self.limits, self.file_limits, found,
                      problem=submission.problem)


class Stopped(RuntimeError):
    """Grading was stopped from another thread."""


class Grader:
    """Grades submissions one by one, in a box that is opened anew where it is lost. For one thread; a context manager.

    Raises, when it is entered: SandboxError where the box does not open.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        notebook = untouched(assignment.topic)
        self._given = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}
        self._flags_given = flags_given(self._given.values())
        self._box: Box | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def stop(self) -> None:
        """Make `grade`, which runs in another thread, raise Stopped at once."""
        self._stopped = True
        box = self._box
        if box:
            box.interrupt()

    def grade(self, submission: Submission) -> Record:
        """The record of a submission, whatever it holds.

        Raises: Stopped; SandboxError where no box opens any more; OSError and MemoryError where this machine has no
        room, for which no student must pay.
        """
        submission = read(submission, self.assignment.file_limits)
        try:
            return self._graded(submission)
        except (Stopped, SandboxError, OSError, MemoryError):
            raise
        except Exception as error:    # whatever nobody thought of: the next submission must be graded
            reason = printable(f"{type(error).__name__}: {' '.join(str(error).split())}", 200)
            return self._record(submission, f"the grader failed on it ({reason}); please report this, and grade it by "
                                            "hand", submission.notes)

    def _graded(self, submission: Submission) -> Record:
        topic = self.assignment.topic
        reading = notebook_of(submission, topic, self.assignment.file_limits)
        if reading.notebook is None:
            return self._record(submission, reading.problem, reading.notes)
        assembly = assemble(reading.notebook, topic)
        left_out: dict[str, str] = {}
        looked_at: set[str] = set()
        results = tuple(self._result(question, assembly, left_out, looked_at) for question in questions(topic))
        words, words_notes = words_of(reading.notebook, topic)
        notes = [*reading.notes, *assembly.notes, *left_out.values(), *words_notes]
        if is_project(topic):
            notes.append(self._numbers(submission))
        return self._record(submission, "", notes, results, words)

    def _record(self, submission: Submission, problem: str, notes: Sequence[str], results: tuple[Result, ...] = (),
                words: tuple[Words, ...] = ()) -> Record:
        topic, sandbox = self.assignment.topic, self.assignment.sandbox
        results = results or tuple(Result(question.id, 0, question.points, "○", "nothing could be graded")
                                   for question in questions(topic))
        notes = list(dict.fromkeys(notes))
        if len(notes) > _MOST_NOTES:
            notes[_MOST_NOTES:] = [f"and {len(notes) - _MOST_NOTES} more notes"]
        return Record(submission.student, topic, submission.file, self.assignment.key(submission),
                      self.assignment.seed, sandbox.replace("container:", "container ", 1), problem, tuple(notes),
                      results, words)

    # One question

    def _result(self, question: Question, assembly: Assembly, left_out: dict[str, str],
                looked_at: set[str]) -> Result:
        """What came of a question. Both grow from question to question:

        left_out   the cells that are left out, and the notes on them
        looked_at  the sources of the student's own cells in which flags were looked for
        """
        cells = self._cells_before_check(question, assembly.notebook)
        answer = assembly.answers.get(question.id)
        sources = (*answer.before, answer.source) if answer else ()
        own = [cell.source for cell in cells if cell.id not in self._given and cell.source not in sources]
        if not own and all(source.strip() == self._given[question.id].strip() for source in sources):
            return Result(question.id, 0, question.points, "○", "not attempted", (), sources[-1] if sources else "")
        verdict, flags = self._verdict(question, cells, left_out)
        points = question.points if verdict.passed else question.points / 2 if verdict.reason.startswith(HALF) else 0
        others = own + [other.source for id_, other in assembly.answers.items() if id_ != question.id]
        flags = (*flags, *flags_of(sources, others, self._flags_given, beside=set(own) - looked_at))
        looked_at.update(own)
        source = answer.source if answer else ""
        if len(source) > _LONGEST_SOURCE:
            source = f"{source[:_LONGEST_SOURCE]}…"
        return Result(question.id, points, question.points, verdict.status, verdict.reason[:_LONGEST], flags, source)

    def _cells_before_check(self, question: Question, notebook: NotebookNode) -> list[NotebookNode]:
        """The code cells that ran when the student checked the answer: what comes later may mean other things."""
        ids = [cell.id for cell in notebook.cells]
        return [cell for cell in notebook.cells[:ids.index(f"{question.id}-check")] if cell.cell_type == "code"
                and not (cell.id.endswith("-check") and cell.id in self._given)]

    def _verdict(self, question: Question, cells: Sequence[NotebookNode],
                 left_out: dict[str, str]) -> tuple[Verdict, tuple[str, ...]]:
        """What is said of the answer; and a flag where a limit, or something odd, ended it."""
        seed = self.assignment.seed
        sources = {cell.id: cell.source for cell in cells}
        while True:
            running = [(id_, source) for id_, source in sources.items() if id_ not in left_out]
            reply = self._ask(question, running)
            if reply is None:
                return Verdict(question.id, "✗", "the sandbox was lost whenever this ran"), ("sandbox lost",)
            if reply.ended == "done":
                break
            if reply.at in dict(running) and reply.at != question.id and len(left_out) < _MOST_LEFT_OUT:
                left_out[reply.at] = f"{self._ending(question, reply, sources)}; the cell was left out"
                continue
            return Verdict(question.id, "✗", self._ending(question, reply, sources)), (ENDED[reply.ended],)
        key = answer_key(question, seed)
        try:
            outputs = decode_outputs(reply.raw, len(key.cases))
        except WireError as error:
            return Verdict(question.id, "✗", f"what came back cannot be used: {error}"), ("odd result",)
        try:
            with np.errstate(all="ignore"):
                verdict = judge(key, outputs)
        except Exception as error:    # numbers that no judge has thought of must not stop the class
            reason = f"what came back cannot be judged ({type(error).__name__})"
            return Verdict(question.id, "✗", reason), ("odd result",)
        raised = dict(reply.raised).get(question.id)
        if verdict.status == "○" and raised:    # it was attempted, but its cell did not even run
            raised = re.sub(r"\(<ipython-input[^>]*>, line (\d+)\)", r"(line \1)", raised)
            verdict = Verdict(question.id, "✗", f"its cell raised {in_short(raised).rstrip(': ')}")
        return verdict, ()

    def _ending(self, question: Question, reply: Reply, sources: Mapping[str, str]) -> str:
        """In words how a job ended that gave no outputs, and where."""
        limits = self.assignment.limits
        if not reply.at:
            what = question.name
        elif reply.at == question.id:
            what = "its cell"
        elif reply.at in self._given:
            what = f"the cell {reply.at}"
        else:
            first = next(iter(sources.get(reply.at, "").strip().splitlines()), "")
            what = f"a cell of your own, `{textwrap.shorten(printable(first, 60), 60)}`,"
        return {"time": f"{what} did not finish in time; there are {limits.cpu} seconds of computing, and "
                        f"{limits.wall:g} seconds in all",
                "memory": f"{what} took more than {limits.memory // MEBI:,} MiB of memory",
                "size": f"{what} gave back more than {limits.output // MEBI:,} MiB",
                "died": f"{what} ended the process before there was a result ({reply.detail or 'it is not known how'})",
                }[reply.ended]

    def _numbers(self, submission: Submission) -> str:
        """A note on the numbers of a project: what its models achieve, or why that was not computed."""
        if submission.models is None:
            return f"{NOT_COMPUTED}: {submission.no_models or 'no models were handed in with it'}"
        return numbers_said(self._asked(numbers_job(submission.models)))

    # The box

    def _ask(self, question: Question, cells: Sequence[tuple[str, str]]) -> Reply | None:
        return self._asked(make_job(question, self.assignment.seed, cells))

    def _asked(self, job: Job) -> Reply | None:
        """The box's reply, if need be from a new box; None where the job has taken two boxes with it."""
        for _ in range(2):
            try:
                if self._box is None:
                    self._open()
                assert self._box
                return self._box.ask(job)
            except BoxLost:
                self._close()
        if self._stopped:
            raise Stopped("grading was stopped")
        return None

    def _open(self) -> None:
        if not self._stopped:
            self._box = open_box(self.assignment.sandbox, self.assignment.limits, self.assignment.topic)
        if self._stopped:    # perhaps while it opened
            self._close()
            raise Stopped("grading was stopped")

    def _close(self) -> None:
        box, self._box = self._box, None
        if box:
            box.close()
