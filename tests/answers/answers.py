"""What the files of this folder share: a topic's answers, how each is judged, and the tests that every topic passes.

An answer is a source text, run in a namespace of its own that holds what the notebook's setup cell provides, so that
its globals are the student's, as in the notebook.
"""

import io
import json
import linecache
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import numpy as np
import pytest
from properties import PROPERTIES

from dlm_course import check
from dlm_course.course.questions import answer_key, find, judge, references_before, run

EXERCISES = Path(__file__).parents[2] / "exercises"
GENERIC = re.compile(r"wrong value: (entry|it|the frequency of|of [\d,]+) ")


class Right(NamedTuple):
    task: str
    kind: str
    source: str
    slow: bool = False


class Wrong(NamedTuple):
    task: str
    mistake: str
    words: str | None      # a pattern that the message must hold; None: no message needs to know this mistake
    source: str


UNANSWERED = {
    "undefined": "",
    "none": "{name} = None",
    "ellipsis": "{name} = ...",
    "pass": "def {name}(*args, **kwargs):\n    pass",
    "docstring-only": "def {name}(*args, **kwargs):\n    '''To do.'''",
    "returns-none": "def {name}(*args, **kwargs):\n    return None",
    "returns-ellipsis": "def {name}(*args, **kwargs):\n    result = ...\n    return result",
    "lambda": "{name} = lambda *args, **kwargs: ...",
    "not-implemented": "def {name}(*args, **kwargs):\n    raise NotImplementedError",
    "not-implemented-with-words": "def {name}(*args, generator=None):\n    raise NotImplementedError('later')",
}


@dataclass
class Topic:
    """An exercise set and the answers to its tasks.

    functions  the name of the function that each task asks for, in the order of the tasks
    samplers   the tasks whose verdict on a wrong answer may hang on the draws
    table      of each task, how its cases show each of PROPERTIES, or why it cannot matter
    """

    name: str
    functions: dict
    right: list
    wrong: list
    samplers: tuple = ()
    table: dict = field(default_factory=dict)
    _verdicts: dict = field(default_factory=dict)

    @property
    def notebook(self):
        return json.loads((EXERCISES / f"{self.name}.ipynb").read_text(encoding="utf-8"))

    def cell(self, id):
        return "".join(next(cell for cell in self.notebook["cells"] if cell["id"] == id)["source"])

    def source_of(self, task, name):
        """The source of the right or wrong answer that goes by this name."""
        return next(answer.source for answer in (*self.right, *self.wrong) if answer[:2] == (task, name))

    def namespace(self, source):
        """What a student's kernel holds after the setup cell and this answer; tracebacks can show its lines."""
        names = {"__name__": "__main__", "np": np}
        exec(self.cell("setup"), names)
        text = dedent(source).strip() + "\n"
        file = f"<answer {hash(text)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), names)
        return names

    def verdict(self, task, source):
        """The one line that `check` prints for this answer."""
        if (task, source) not in self._verdicts:
            answer = self.namespace(source)[self.functions[task]]
            printed = io.StringIO()
            with redirect_stdout(printed):
                check(task, answer)
            assert re.fullmatch(rf"[✓✗○] {task}(: .+)?\n", printed.getvalue()), printed.getvalue()
            self._verdicts[task, source] = printed.getvalue().strip()
        return self._verdicts[task, source]

    def verdicts_over_seeds(self, task, source, seeds):
        """What is said of this answer when the cases are drawn with these seeds."""
        question = find(task)
        function = self.namespace(source)[question.name]
        found = []
        for seed in seeds:
            outputs = run(function, question.cases(seed), references_before(question))
            found.append(judge(answer_key(question, seed), outputs))
        return found

    def check_notebook(self, answers, folder):
        """`dlm-course check` on a copy of the exercise with these answers: its exit code and its lines."""
        notebook = self.notebook
        for cell in notebook["cells"]:
            if cell["id"] in answers:
                cell["source"] = dedent(answers[cell["id"]]).strip()
        path = folder / f"{self.name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        command = [sys.executable, "-c", "from dlm_course.cli import main; main()", "check", path]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, encoding="utf-8",
                              env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()


def checked_in(names, task, capsys):
    """What `check("...")` prints where a cell of the student's notebook calls it."""
    exec(f"check({task!r})", names)
    return capsys.readouterr().out.strip()


def _named(answers, quick):
    """The answers as parameters; of each task the first `quick` are tried by `make test-quick`, too."""
    seen = Counter()
    for answer in answers:
        seen[answer.task] += 1
        slow = seen[answer.task] > quick or getattr(answer, "slow", False)
        yield pytest.param(answer, id=f"{answer.task[:4]}-{answer[1]}", marks=[pytest.mark.slow] if slow else [])


class AnswersTests:
    """The tests of a topic's answers; a file's subclass says which `topic`."""

    topic: Topic

    def pytest_generate_tests(self, metafunc):
        topic = self.topic
        for argument, values in {"right": [*_named(topic.right, 3)], "wrong": [*_named(topic.wrong, 6)],
                                 "form": ["stub", *UNANSWERED], "task": topic.functions,
                                 "certain": [task for task in topic.functions if task not in topic.samplers]}.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values)

    def test_a_right_answer_passes(self, right):
        assert self.topic.verdict(right.task, right.source) == f"✓ {right.task}"

    def test_a_wrong_answer_fails_and_hears_why(self, wrong):
        line = self.topic.verdict(wrong.task, wrong.source)
        assert line.startswith("✗ "), line
        numbers = re.search(r"is (\S+), expected (\S+)", line)
        assert not numbers or numbers[1] != numbers[2], f"what is the difference? {line}"
        if wrong.words is not None:
            assert not GENERIC.search(line), f"not named: {line}"
            reason = line.split(": ", 1)[1]
            assert re.search(wrong.words, reason, re.IGNORECASE), f"{wrong.words!r} is not in: {line}"

    @pytest.mark.slow
    def test_four_in_five_wrong_answers_get_a_message_of_their_own(self, task):
        lines = {wrong.mistake: self.topic.verdict(task, wrong.source)
                 for wrong in self.topic.wrong if wrong.task == task}
        unnamed = [mistake for mistake, line in lines.items() if line.startswith("✓") or GENERIC.search(line)]
        assert len(unnamed) <= len(lines) / 5, f"{len(unnamed)} of {len(lines)} are not named: {', '.join(unnamed)}"

    def test_there_are_enough_answers_of_either_kind(self, task):
        right = [answer.kind for answer in self.topic.right if answer.task == task]
        wrong = [answer.mistake for answer in self.topic.wrong if answer.task == task]
        assert len(set(right)) == len(right) >= 3
        assert len(set(wrong)) == len(wrong) >= 6
        assert sum(answer.words is None for answer in self.topic.wrong if answer.task == task) <= len(wrong) / 5

    def test_the_cases_have_every_property_that_can_matter(self, task):
        row = self.topic.table[task]
        assert row.keys() == PROPERTIES.keys()
        stored = {wrong.mistake for wrong in self.topic.wrong if wrong.task == task}
        for seed in (0, 5):
            cases = find(task).cases(seed)
            for name, shown in row.items():
                if isinstance(shown, tuple):
                    assert shown
                    assert set(shown) <= stored, f"{name}: no stored wrong answer is called so"
                elif not isinstance(shown, str):
                    shows = PROPERTIES[name][1] if shown is True else shown
                    assert shows(cases), f"{name}: the cases of seed {seed} do not show it"

    @pytest.mark.slow
    def test_other_cases_give_the_same_verdicts(self, certain):
        for answer in (*self.topic.right, *self.topic.wrong):
            if answer.task == certain:
                expected = self.topic.verdict(certain, answer.source)[0]
                for seed, found in enumerate(self.topic.verdicts_over_seeds(certain, answer.source, (1, 2, 3)), 1):
                    assert found.status == expected, f"{answer[1]}, seed {seed}: {found}"

    def test_an_unanswered_task_is_not_called_wrong(self, form, task, capsys):
        name = self.topic.functions[task]
        source = self.topic.cell(task) if form == "stub" else UNANSWERED[form].format(name=name)
        assert checked_in(self.topic.namespace(source), task, capsys).startswith(f"○ {task}")

    def test_the_check_finds_the_answer_by_its_name(self, task, capsys):
        right = next(answer for answer in self.topic.right if answer.task == task)
        wrong = next(answer for answer in self.topic.wrong if answer.task == task)
        assert checked_in(self.topic.namespace(right.source), task, capsys) == f"✓ {task}"
        assert checked_in(self.topic.namespace(wrong.source), task, capsys).startswith(f"✗ {task}: ")


@pytest.mark.slow
class SamplerTests:
    """The tests of a topic's sampler over many seeds; a file's subclass says which `topic` and `task`.

    steady  right answers that must pass whatever the seed
    never   wrong ones, by dependence, bias or what is never drawn, that must fail whatever the seed
    """

    topic: Topic
    task: str
    steady: tuple
    never: tuple

    def pytest_generate_tests(self, metafunc):
        for argument, values in {"kind": self.steady, "mistake": self.never}.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values)

    def _verdicts(self, name):
        return self.topic.verdicts_over_seeds(self.task, self.topic.source_of(self.task, name), seeds=range(20))

    def test_a_right_sampler_passes_whatever_the_seed(self, kind):
        assert [str(verdict) for verdict in self._verdicts(kind) if not verdict.passed] == []

    def test_dependent_biased_or_missing_draws_fail_whatever_the_seed(self, mistake):
        assert {verdict.status for verdict in self._verdicts(mistake)} == {"✗"}


@pytest.mark.slow
class NotebookTests:
    """The test of `dlm-course check`; a file's subclass says which `topic`, and a `mixed` set of answers by name."""

    topic: Topic
    mixed: dict

    def test_a_notebook_hears_of_each_of_its_answers(self, tmp_path):
        answers = {task: self.topic.source_of(task, name) for task, name in self.mixed.items()}
        code, lines = self.topic.check_notebook(answers, tmp_path)
        assert code == (0 if all(line.startswith("✓") for line in lines) else 1)
        assert len(lines) == len(self.topic.functions)
        for task, line in zip(self.topic.functions, lines, strict=True):
            if task in answers:
                assert line == self.topic.verdict(task, answers[task])
            else:
                assert line.startswith(f"○ {task}")
