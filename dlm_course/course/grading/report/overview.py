"""An HTML page for the instructor: what needs a look, how the points are distributed, and what each question tells."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from dlm_course.course.grading.records import Record, Result
from dlm_course.course.grading.report import similar
from dlm_course.course.grading.report.rendering import render
from dlm_course.course.grading.report.summary import (
    Given,
    Item,
    is_half,
    items,
    numbers_missing,
    numbers_of,
    points_of,
    result_of,
    total,
)
from dlm_course.course.grading.report.tasks import sheet, task
from dlm_course.course.grading.wording import number, one_line
from dlm_course.course.questions import find
from dlm_course.files import write_whole

FEWEST = 8              # submissions, for a correlation to be worth a sentence
SOURCES_SHOWN = 3       # different texts of a group of near-identical answers
KINDS = {"right": "✓", "half": "½", "wrong": "✗", "open": "○"}


def write_overview(records: Sequence[Record], path: Path, pages: Mapping[str, str], given: Given | None = None) -> None:
    """Write the overview. `pages` names each student's page, relative to the overview: "pages/anna.html"."""
    write_whole(path, overview(records, pages, given or {}))


def overview(records: Sequence[Record], pages: Mapping[str, str], given: Given) -> str:
    """The overview of the records of one topic, in the order given.

    Submissions that could not be graded are named, and left out of every statistic.
    """
    groups = similar.near_identical(record for record in records if not record.problem)
    sources = _sources(groups, records)
    everyone, records = records, [_without_sources(record) for record in records]
    questions = items(records)
    graded = [record for record in records if not record.problem]
    totals = [total(record, questions, given) for record in graded]
    topic = records[0].topic if records else ""
    try:
        title = sheet(topic).title
    except ValueError:
        title = f"Exercises {one_line(topic, 40)}"
    people = {record.student: {"name": one_line(record.student, 80), "page": pages.get(record.student, "")}
              for record in records}
    return render(
        "overview.html", title=title, num=len(records), num_graded=len(graded),
        out_of=sum(item.out_of for item in questions), mean=fmean(totals) if totals else None,
        median=median(totals) if totals else None, chart=chart(totals, sum(item.out_of for item in questions)),
        seeds=sorted({record.seed for record in records}),
        sandboxes=sorted({one_line(record.sandbox, 100) for record in records}),
        problems=[{"person": people[record.student], "text": one_line(record.problem, 1_000)} for record in records
                  if record.problem],
        flags=[{"person": people[record.student], "number": result.question[:4], "text": one_line(flag)}
               for record in records for result in record.results for flag in result.flags],
        groups=[_group(group, sources, people) for group in groups if not group.common],
        common=[_group(group, sources, people) for group in groups if group.common],
        waiting=[waits for item in questions if (waits := _waiting(item, records, given, people))["count"]],
        projects=_projects(everyone, people),
        computed=[{"person": people[record.student], "text": one_line(numbers, 1_000)} for record in records
                  if (numbers := numbers_of(record))],
        questions=[_question(item, graded, questions, given, people) for item in questions],
        numbers=[item.question[:4] for item in questions],
        students=[{"person": people[record.student], "total": "–" if record.problem else number(
            total(record, questions, given)), "cells": [_cell(record, item, given) for item in questions]}
            for record in records],
        limits={"share": round(100 * similar.LIKENESS), "run": similar.RUN, "tokens": similar.FEWEST_TOKENS,
                "common": similar.COMMON_NUMBER, "tenth": round(100 * similar.COMMON_SHARE)}, fewest=FEWEST)


# The distribution

def chart(totals: Sequence[float], out_of: float) -> dict[str, Any]:
    """The bars of a histogram of the totals, in the units of its drawing: at most 23 of them, 1, 2, 5, 10, ... wide.

    A bar begins with its lower end; full points are in a bar of their own, or in the last one.
    """
    width = next(step for power in range(9) for step in (10**power, 2 * 10**power, 5 * 10**power)
                 if out_of / step <= 22)
    num = int(out_of // width) + 1
    counts = Counter(min(int(value // width), num - 1) for value in totals)
    most, left, right, top, bottom = max(counts.values(), default=0), 8, 8, 22, 34
    room, height = (440 - left - right) / num, 200 - top - bottom
    bars = []
    for n in range(num):
        low = n * width
        high = min(low + width, out_of)
        label = number(low) if width == 1 else f"{number(low)}–{number(high)}"
        tall = height * counts[n] / most if most else 0
        bars.append({"x": round(left + n * room + 1, 2), "y": round(top + height - tall, 2),
                     "width": round(room - 2, 2), "height": round(tall, 2), "middle": round(left + (n + 0.5) * room, 2),
                     "count": counts[n], "label": label, "tick": number(low)})
    return {"bars": bars, "base": top + height, "width": width,
            "every": math.ceil(num / 12), "words": ", ".join(f"{bar['label']}: {bar['count']}" for bar in bars
                                                             if bar["count"])}


# One question

@dataclass(frozen=True)
class Discrimination:
    """How the points of a question go with the points of all others.

    r      their correlation, -1 to 1; None where it does not exist: too few submissions, or all have the same points
    error  its standard error, about
    words  what it says
    """

    r: float | None
    error: float
    words: str


def discrimination(points: Sequence[float], rest: Sequence[float]) -> Discrimination:
    """The correlation of an item with the rest of the total, and what that says. Shapes: (num_students,) each."""
    if len(points) < FEWEST:
        return Discrimination(None, 0, f"Fewer than {FEWEST} submissions say nothing of how it goes with the rest")
    if np.ptp(points) == 0 or np.ptp(rest) == 0:
        what = "for this question" if np.ptp(points) == 0 else "for the rest"
        return Discrimination(None, 0, f"All have the same points {what}, so the two cannot go together")
    r = float(np.corrcoef(points, rest)[0, 1])
    error = (1 - r**2) / math.sqrt(len(points) - 1)
    if r < -max(0.1, error):
        words = "who does well on the rest does worse here: look at the question, and at what its wrong answers say"
    elif r < max(0.1, error):
        words = "it has little to do with the rest"
    elif r < 0.3:
        words = "who does well on the rest does a little better here"
    else:
        words = "who does well on the rest does well here"
    return Discrimination(r, error, words)


def _question(item: Item, graded: Sequence[Record], questions: Sequence[Item], given: Given,
              people: Mapping[str, Any]) -> dict[str, Any]:
    points = {record.student: points_of(record, item, given) for record in graded}
    known = {student: value for student, value in points.items() if value is not None}
    rest = [total(record, [other for other in questions if other != item], given) for record in graded
            if record.student in known]
    kinds = Counter(kind_of(result_of(record, item.question)) for record in graded) if not item.in_words else Counter()
    titles, found = task(item.question), discrimination(list(known.values()), rest)
    bars, place = [], 0.0
    for kind in KINDS:
        share = 100 * kinds[kind] / len(graded) if graded and not item.in_words else 0
        bars.append({"kind": kind, "x": round(place, 3), "width": round(share, 3)})
        place += share
    return {
        "number": titles.number, "title": titles.title, "out_of": item.out_of, "in_words": item.in_words,
        "mean": round(100 * fmean(known.values()) / item.out_of) if known and item.out_of else None,
        "num": len(known), "bars": bars,
        "kinds": [{"kind": kind, "sign": sign, "count": kinds[kind]} for kind, sign in KINDS.items()],
        "r": None if found.r is None else f"{found.r:.2f}".replace("-", "−"), "error": f"{found.error:.2f}",
        "discrimination": found.words, "messages": messages(item.question, graded, people),
    }


def kind_of(result: Result | None) -> str:
    """right, half, wrong or open."""
    if result is None or result.status == "○":
        return "open"
    if result.status == "✓":
        return "right"
    return "half" if is_half(result) else "wrong"


def messages(question: str, graded: Sequence[Record], people: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the verdicts on a question say, the most frequent first: text, count, by whom, whether a known mistake.

    Messages that differ in numbers only are one, in which the numbers are "…".
    """
    try:
        known = {one_line(mistake.message) for mistake in find(question).misconceptions}
    except ValueError:
        known = set()
    found: dict[str, list[tuple[str, str]]] = {}
    for record in graded:
        result = result_of(record, question)
        if result and result.status == "✗":
            text = one_line(result.reason)
            pattern = text if text in known else re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", "…", text)
            found.setdefault(pattern, []).append((text, record.student))
    rows = []
    for pattern, said in found.items():
        texts = {text for text, _ in said}
        rows.append({"text": texts.pop() if len(texts) == 1 else pattern, "count": len(said),
                     "known": any(text in known for text, _ in said), "people": [people[name] for _, name in said]})
    return sorted(rows, key=lambda row: (-row["count"], row["text"]))


# Students

# By question, then source: who wrote it.
_Sources = Mapping[str, Mapping[str, Sequence[str]]]


def _sources(groups: Sequence[similar.Group], records: Iterable[Record]) -> _Sources:
    """The answers in groups of near-identical ones: of the others the overview shows no source."""
    wanted = {(group.question, student) for group in groups for student in group.students}
    found: dict[str, dict[str, list[str]]] = {group.question: {} for group in groups}
    for record in records:
        for result in record.results:
            if (result.question, record.student) in wanted:
                found[result.question].setdefault(result.source, []).append(record.student)
    return found


def _without_sources(record: Record) -> Record:
    """What the statistics need of a record: the sources of a class are not held in memory."""
    return replace(record, results=tuple(replace(result, source="") for result in record.results),
                   words=tuple(replace(words, text="", rubric="") for words in record.words))


def _group(group: similar.Group, sources: _Sources, people: Mapping[str, Any]) -> dict[str, Any]:
    by_source = {source: own for source, students in sources[group.question].items()
                 if (own := [student for student in students if student in group.students])}
    return {"number": group.question[:4], "title": task(group.question).title,
            "people": [people[student] for student in group.students],
            "likeness": math.floor(100 * group.likeness),
            "same": [[people[student] for student in same] for same in group.same_text],
            "num_texts": len(by_source),
            "sources": [{"source": source, "people": [people[student] for student in students]}
                        for source, students in list(by_source.items())[:SOURCES_SHOWN]]}


def _waiting(item: Item, records: Sequence[Record], given: Given, people: Mapping[str, Any]) -> dict[str, Any]:
    """Who has an answer in words to this question that no person has graded."""
    waiting = [record.student for record in records if points_of(record, item, given) is None]
    return {"number": item.question[:4], "title": task(item.question).title, "out_of": item.out_of,
            "count": len(waiting), "people": [people[student] for student in waiting]}


def _projects(records: Iterable[Record], people: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Whose project's numbers were not computed again, by the reason."""
    found: dict[str, list[str]] = {}
    for record in records:
        if reason := numbers_missing(record):
            found.setdefault(one_line(reason, 1_000), []).append(record.student)
    return [{"text": reason, "people": [people[student] for student in found[reason]]} for reason in sorted(found)]


def _cell(record: Record, item: Item, given: Given) -> dict[str, str]:
    points = points_of(record, item, given)
    if item.in_words:
        return {"kind": "open", "sign": "", "points": "…" if points is None else number(points)}
    kind = kind_of(result_of(record, item.question))
    return {"kind": kind, "sign": KINDS[kind], "points": number(points or 0)}
