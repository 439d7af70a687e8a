"""One submission graded: read, put together, run in the box, judged. One record, whatever the submission holds.

A question is run on top of the reference answers to the tasks before it, on cases that no student has seen; the verdict
is computed here, outside of the box, by the same rules as the student's own check.
"""

from dataclasses import dataclass, field
from typing import Self

from nbformat import NotebookNode

from dlm_course.course.grading.box import Box, BoxLost, make_job, open_box
from dlm_course.course.grading.flags import flags_of
from dlm_course.course.grading.listing import MEBI, FileLimits
from dlm_course.course.grading.notebooks import notebook_of
from dlm_course.course.grading.records import Record, Result, Words, key_of
from dlm_course.course.grading.submissions import Submission, read
from dlm_course.course.grading.wire import Job, Limits, Reply, WireError, decode_outputs
from dlm_course.course.grading.words import words_of
from dlm_course.course.questions import Question, answer_key, judge, questions
from dlm_course.course.student.assemble import Assembly, assemble
from dlm_course.course.student.reset import untouched
from dlm_course.course.verdict import Verdict

HALF = "right, except in a border case"    # how a verdict begins that leaves half of the points
_LONGEST = 400    # characters of a reason in a record


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
        """The key of the record of a submission that has been read."""
        return key_of(submission.content, self.topic, self.seed, self.sandbox, self.limits, self.file_limits,
                      problem=submission.problem)


class Grader:
    """Grades submissions one by one, in a box that is opened anew where it is lost. For one thread; a context manager.

    Raises: SandboxError where the box does not open.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self._box = self._open()
        notebook = untouched(assignment.topic)
        self._given = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._box.close()

    def grade(self, submission: Submission) -> Record:
        """The record of a submission. Raises SandboxError where no box opens any more; nothing that it holds raises."""
        topic = self.assignment.topic
        submission = read(submission, self.assignment.file_limits)
        reading = notebook_of(submission, topic, self.assignment.file_limits)
        if reading.notebook is None:
            results = tuple(Result(question.id, 0, question.points, "○", "nothing could be graded")
                            for question in questions(topic))
            return self._record(submission, reading.problem, reading.notes, results)
        assembly = assemble(reading.notebook, topic)
        results = tuple(self._result(question, assembly) for question in questions(topic))
        words, words_notes = words_of(reading.notebook, topic)
        return self._record(submission, "", (*reading.notes, *assembly.notes, *words_notes), results, words)

    def _record(self, submission: Submission, problem: str, notes: tuple[str, ...], results: tuple[Result, ...],
                words: tuple[Words, ...] = ()) -> Record:
        return Record(submission.student, self.assignment.topic, submission.file, self.assignment.key(submission),
                      self.assignment.seed, self._box.name, problem, tuple(dict.fromkeys(notes)), results, words)

    def _result(self, question: Question, assembly: Assembly) -> Result:
        cells = self._cells_before_check(question, assembly.notebook)
        job = make_job(question, self.assignment.seed, [(cell.id, cell.source) for cell in cells])
        verdict, ending = self._verdict(question, job)
        points = question.points if verdict.passed else question.points / 2 if verdict.reason.startswith(HALF) else 0
        answer = assembly.answers.get(question.id)
        sources = (*answer.before, answer.source) if answer else ()
        own = [cell.source for cell in cells if cell.id not in self._given and cell.source not in sources]
        flags = (*ending, *flags_of(sources, own, self._given.values()))
        return Result(question.id, points, question.points, verdict.status, verdict.reason[:_LONGEST], flags,
                      answer.source if answer else "")

    def _cells_before_check(self, question: Question, notebook: NotebookNode) -> list[NotebookNode]:
        """The code cells that ran when the student checked the answer: what comes later may mean other things."""
        ids = [cell.id for cell in notebook.cells]
        return [cell for cell in notebook.cells[:ids.index(f"{question.id}-check")] if cell.cell_type == "code"
                and not (cell.id.endswith("-check") and cell.id in self._given)]

    def _verdict(self, question: Question, job: Job) -> tuple[Verdict, tuple[str, ...]]:
        """What is said of the answer; and a flag where a limit, or something odd, ended it."""
        reply = self._ask(job)
        if reply is None:
            return Verdict(question.id, "✗", "the sandbox was lost whenever this ran"), ("sandbox lost",)
        limits = self.assignment.limits
        where = "" if reply.at in ("", question.id) else f", in the cell {reply.at}" if reply.at in self._given else \
            ", in a cell of your own"
        ended = {"time": f"it did not finish within {limits.wall:.0f} seconds{where}",
                 "memory": f"it took more than {limits.memory // MEBI:,} MiB of memory{where}",
                 "size": f"it gave back more than {limits.output // MEBI} MiB{where}",
                 "died": f"its process ended before there was a result ({reply.detail or 'no reason known'}){where}"}
        if reply.ended != "done":
            return Verdict(question.id, "✗", ended[reply.ended]), ("timeout" if reply.ended == "time" else reply.ended,)
        key = answer_key(question, self.assignment.seed)
        try:
            outputs = decode_outputs(reply.raw, len(key.cases))
        except WireError as error:
            return Verdict(question.id, "✗", f"what came back cannot be used: {error}"), ("odd result",)
        try:
            verdict = judge(key, outputs)
        except Exception as error:    # numbers that no judge has thought of must not stop the class
            reason = f"what came back cannot be judged ({type(error).__name__})"
            return Verdict(question.id, "✗", reason), ("odd result",)
        raised = dict(reply.raised).get(question.id)
        if verdict.status == "○" and raised:    # it was attempted, but its cell did not even run
            verdict = Verdict(question.id, "✗", f"its cell raised {raised[:160]}")
        return verdict, ()

    def _ask(self, job: Job) -> Reply | None:
        """The box's reply, if need be from a new box; None where the job has taken two boxes with it."""
        for _ in range(2):
            try:
                return self._box.ask(job)
            except BoxLost:
                self._box.close()
                self._box = self._open()
        return None

    def _open(self) -> Box:
        return open_box(self.assignment.sandbox, self.assignment.limits, self.assignment.topic)
