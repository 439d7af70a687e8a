"""Near-identical answers, for a person's look: within a question, on what was written beyond the cell as handed out.

Answers become lists of tokens (Pygments reads them, which never fails and needs no valid Python), without comments,
docstrings and layout, and without the lines of the released cell. Names are all one sign, but for attributes and those
of the language, of what is imported and of the tasks: a renamed copy is a copy. `difflib.SequenceMatcher` aligns two
such lists; only what they have in common in runs of at least ten tokens counts, since brackets and dots are common to
all.

Why difflib, and no library for plagiarism or for text: tried on the 386 right answers of forty tokens and more in
tests/answers, written to differ, and on copies of them with every name changed and with edits (a line inserted, two
exchanged, an operator changed), both limits set so that one pair of 1461 independent ones is reported, it finds of 386
copies without edits 384, with one 370, with three 315; copydetect finds 386, 364, 274. That one hashes with Python's
seeded `hash`, so that its default reports differ from run to run, and it has had no release since March 2024. RapidFuzz
aligns faster, but reports no runs, and is 3 MB of compiled code; datasketch is for millions of texts.
"""

import ast
import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from pygments.lexers import PythonLexer
from pygments.token import Token

from dlm_course.course.grading.records import Record
from dlm_course.course.grading.report.tasks import sheet, task
from dlm_course.course.grading.wording import without_blank_runs

RUN = 10                # tokens in a row that two answers must have in common for these to count
LIKENESS = 0.7          # from here on a pair is reported: twice the tokens in such runs over all tokens of the two
FEWEST_TOKENS = 40      # shorter answers are not compared: all right ones are alike
MOST_TOKENS, MOST_CHARACTERS = 1_000, 20_000    # longer answers are cut there; right ones have up to 205 tokens
COMMON_NUMBER, COMMON_SHARE = 4, 0.05


@dataclass(frozen=True)
class Group:
    """Students whose answers to one question are near-identical.

    likeness   of the least alike pair that holds the group together, 0.7 to 1
    same_text  those whose answers are the same text, comments and names included
    common     so many that it is rather the form that comes to mind first: more than four, and more than a twentieth
    """

    question: str
    students: tuple[str, ...]
    likeness: float
    same_text: tuple[tuple[str, ...], ...]
    common: bool


def near_identical(records: Iterable[Record]) -> list[Group]:
    """The groups of near-identical answers, by question, small groups first."""
    answers: dict[str, list[_Answer]] = defaultdict(list)
    for record in records:
        for result in record.results:
            if result.status != "○" and result.source:
                answers[result.question].append(_answer(record.student, result.question, result.source))
    groups = [group for question, found in answers.items() for group in _groups(question, found)]
    return sorted(groups, key=lambda group: (group.question, len(group.students), group.students))


@dataclass(frozen=True)
class _Answer:
    """What is compared of an answer: its tokens, and a hash of its text without layout. The text may be long."""

    student: str
    form: tuple[str, ...]
    text: bytes


def _answer(student: str, question: str, source: str) -> _Answer:
    source = source[:MOST_CHARACTERS]
    text = " ".join(source.split()).encode("utf-8", "surrogatepass")
    return _Answer(student, own_tokens(question, source), hashlib.sha256(text).digest())


def _groups(question: str, answers: Sequence[_Answer]) -> list[Group]:
    by_form: dict[tuple[str, ...], list[_Answer]] = defaultdict(list)
    for answer in answers:
        if len(answer.form) >= FEWEST_TOKENS:
            by_form[answer.form].append(answer)
    forms = sorted(by_form)
    groups = []
    for members, likeness in _alike(forms):
        alike = sorted((answer for n in members for answer in by_form[forms[n]]), key=lambda answer: answer.student)
        if len(alike) > 1:
            texts: dict[bytes, list[str]] = defaultdict(list)
            for answer in alike:
                texts[answer.text].append(answer.student)
            groups.append(Group(question, tuple(answer.student for answer in alike), likeness,
                                tuple(tuple(same) for same in texts.values() if len(same) > 1),
                                len(alike) > max(COMMON_NUMBER, COMMON_SHARE * len(answers))))
    return groups


def own_tokens(question: str, source: str) -> tuple[str, ...]:
    """The tokens that a student added to the released cell, names of the student's choice as one sign."""
    given = Counter(_lines(task(question).given))
    names = _names_of(question[:2])
    tokens: list[str] = []
    for line in _lines(source):
        if given[line] > 0:
            given[line] -= 1
            continue
        for kind, text in line:
            own = kind == "name" and text not in names and tokens[-1:] != ["."]
            tokens.append("a name" if own else sys.intern(text))    # of a class's tokens most are the same
    return tuple(tokens[:MOST_TOKENS])


@cache
def _names_of(topic: str) -> frozenset[str]:
    """What the released notebook imports and defines as functions: a student has not chosen these names."""
    try:
        given = ast.parse(sheet(topic).code)
    except ValueError:
        return frozenset()
    names: set[str] = set()
    for node in given.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return frozenset(names)


_LEXER = PythonLexer()


def _lines(source: str) -> list[tuple[tuple[str, str], ...]]:
    """The lines of a source, each as tokens (kind, text), without comments, docstrings and layout."""
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, text in _LEXER.get_tokens(without_blank_runs(source)):
        if kind in Token.Text:
            lines += [[] for _ in range(text.count("\n"))]
        elif kind not in Token.Comment and kind not in Token.Literal.String.Doc:
            own = kind in Token.Name and kind not in Token.Name.Builtin
            lines[-1].append(("name" if own else "", text))
    return [tuple(line) for line in lines if line]


def _alike(forms: Sequence[tuple[str, ...]]) -> list[tuple[list[int], float]]:
    """The numbers of the forms in groups of alike ones, each with the likeness of its least alike pair.

    A run of ten tokens that two have in common consists of pieces of ten that both have. So what such pieces cover
    bounds what can be in common, and only the few pairs for which that is enough are aligned; and of these only those
    that are not in one group already.
    """
    pieces = [{form[n:n + RUN] for n in range(len(form) - RUN + 1)} for form in forms]
    group_of = list(range(len(forms)))
    least = dict.fromkeys(group_of, 1.0)
    for i, form in enumerate(forms):
        matcher: SequenceMatcher[str] = SequenceMatcher(autojunk=False)
        matcher.set_seq2(form)
        for j in range(i + 1, len(forms)):
            common = pieces[i] & pieces[j] if group_of[i] != group_of[j] else set()
            size = len(form) + len(forms[j])
            if not common or 2 * min(_covered(form, common), _covered(forms[j], common)) < LIKENESS * size:
                continue
            matcher.set_seq1(forms[j])
            likeness = 2 * sum(block.size for block in matcher.get_matching_blocks() if block.size >= RUN) / size
            if likeness >= LIKENESS:
                joined, other = group_of[i], group_of[j]
                least[joined] = min(least[joined], least[other], likeness)
                group_of = [joined if group == other else group for group in group_of]
    return [([n for n, member in enumerate(group_of) if member == group], least[group])
            for group in sorted(set(group_of))]


def _covered(form: tuple[str, ...], pieces: set[tuple[str, ...]]) -> int:
    """How many tokens of a form lie in one of the pieces."""
    covered, end = 0, 0
    for n in range(len(form) - RUN + 1):
        if form[n:n + RUN] in pieces:
            covered += n + RUN - max(n, end)
            end = n + RUN
    return covered
