"""Near-identical answers, for a person's look: within a question, on what was written beyond the cell as handed out.

Answers are lists of tokens (Pygments reads them, which never fails and needs no valid Python), without comments,
docstrings and layout, and without the lines of the released cell. Names are numbered in the order in which they come,
but for those of the language, of what is imported and of the tasks, so a renamed copy is a copy. What remains is
compared by `difflib.SequenceMatcher`.

Why no other library: of those for plagiarism in code, copydetect has had no release since 2024 and its fingerprints are
made for files of some hundred lines, pycode-similar none since 2020; datasketch is for millions of texts and brings
scipy; RapidFuzz is good and fast, but 3 MB of compiled code which a class does not need. With the bound below, difflib
compares the five answers of 200 students in a few seconds.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

import numpy as np
from pygments.lexers import PythonLexer
from pygments.token import Token

from dlm_course.course.grading.records import Record
from dlm_course.course.grading.tasks import sheet, task

LIKENESS = 0.9          # of two answers, from here on: twice the common tokens over all tokens
FEWEST_TOKENS = 40      # shorter answers are not compared: all right ones are alike
MOST_TOKENS, MOST_CHARACTERS = 1_000, 20_000    # longer answers are cut there; right ones have up to 205 tokens
COMMON_NUMBER, COMMON_SHARE = 4, 0.1

# Of the 456 right answers to 50 questions in tests/answers, written to differ, these two limits report one pair.


@dataclass(frozen=True)
class Group:
    """Students whose answers to one question are near-identical.

    likeness   of the least alike pair that holds the group together, 0.9 to 1
    same_text  those whose answers are the same text, comments and names included
    common     so many that it is rather the form that comes to mind first: more than four, and more than a tenth of all
    """

    question: str
    students: tuple[str, ...]
    likeness: float
    same_text: tuple[tuple[str, ...], ...]
    common: bool


def near_identical(records: Iterable[Record]) -> list[Group]:
    """The groups of near-identical answers, by question, small groups first."""
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in records:
        for result in record.results:
            if result.status != "○" and result.source:
                answers[result.question].append((record.student, result.source[:MOST_CHARACTERS]))
    groups = [group for question, found in answers.items() for group in _groups(question, found)]
    return sorted(groups, key=lambda group: (group.question, len(group.students), group.students))


def _groups(question: str, answers: Sequence[tuple[str, str]]) -> list[Group]:
    by_form: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for student, source in answers:
        form = own_tokens(question, source)
        if len(form) >= FEWEST_TOKENS:
            by_form[form].append((student, source))
    forms = sorted(by_form)
    pairs = _alike(forms)
    groups = []
    for members in _connected(len(forms), pairs):
        students = sorted(member for n in members for member in by_form[forms[n]])
        if len(students) > 1:
            likeness = min([pairs[pair] for pair in pairs if pair[0] in members], default=1.0)
            texts: dict[str, list[str]] = defaultdict(list)
            for student, source in students:
                texts[" ".join(source.split())].append(student)
            groups.append(Group(question, tuple(student for student, _ in students), likeness,
                                tuple(tuple(same) for same in texts.values() if len(same) > 1),
                                len(students) > max(COMMON_NUMBER, COMMON_SHARE * len(answers))))
    return groups


def own_tokens(question: str, source: str) -> tuple[str, ...]:
    """The tokens that a student added to the released cell, names of the student's choice numbered."""
    given = Counter(_lines(task(question).given))
    names = _names_of(question[:2])
    tokens: list[str] = []
    numbers: dict[str, str] = {}
    for line in _lines(source):
        if given[line] > 0:
            given[line] -= 1
            continue
        for kind, text in line:
            own = kind == "name" and text not in names and tokens[-1:] != ["."]
            tokens.append(numbers.setdefault(text, f"name {len(numbers)}") if own else text)
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
    for kind, text in _LEXER.get_tokens(source):
        if kind in Token.Text:
            lines += [[] for _ in range(text.count("\n"))]
        elif kind not in Token.Comment and kind not in Token.Literal.String.Doc:
            own = kind in Token.Name and kind not in Token.Name.Builtin
            lines[-1].append(("name" if own else "", text))
    return [tuple(line) for line in lines if line]


def _alike(forms: Sequence[tuple[str, ...]]) -> dict[tuple[int, int], float]:
    """The pairs (i, j), i < j, of forms that are alike, and how much.

    What two forms can have in common at most is what they have in common when order does not matter; that is counted
    for all at once, and only the few pairs above the limit are aligned.
    """
    if len(forms) < 2:
        return {}
    vocabulary = {token: n for n, token in enumerate(sorted({token for form in forms for token in form}))}
    counts = np.zeros((len(forms), len(vocabulary)), dtype=np.int32)
    for n, form in enumerate(forms):
        for token, count in Counter(form).items():
            counts[n, vocabulary[token]] = count
    sizes = counts.sum(1)
    found = {}
    for i in range(len(forms) - 1):
        most = 2 * np.minimum(counts[i], counts[i + 1:]).sum(1) / (sizes[i] + sizes[i + 1:])
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(forms[i])
        for j in (int(place) + i + 1 for place in np.flatnonzero(most >= LIKENESS)):
            matcher.set_seq1(forms[j])
            likeness = matcher.ratio()
            if likeness >= LIKENESS:
                found[i, j] = likeness
    return found


def _connected(size: int, pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """The numbers 0..size-1 in groups that pairs connect."""
    group_of = {n: {n} for n in range(size)}
    for i, j in pairs:
        if group_of[i] is not group_of[j]:
            group_of[i] |= group_of[j]
            for n in group_of[j]:
                group_of[n] = group_of[i]
    return list({id(group): group for group in group_of.values()}.values())
