"""The instructor's page: what needs a look, how points are distributed, what each question tells."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest
from small_class import (
    BORDER,
    CUMULATIVE,
    ESTIMATE,
    NEXT,
    PATHS,
    QUESTIONS,
    RIGHT,
    SAMPLE,
    WRONG_ORDER,
    capstone_class,
    record,
    result,
    small_class,
)

from dlm_course.course.grading.numbers import COMPUTED, NOT_COMPUTED
from dlm_course.course.grading.report.overview import chart, discrimination, kind_of, messages, overview, write_overview


def words_of(text):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text[text.index("</style>"):])).split())


def said(records, given=None, pages=None):
    return words_of(overview(records, pages or {}, given or {}))


def people(records):
    return {record.student: {"name": record.student, "page": ""} for record in records}


# The page

def test_it_counts_and_names_what_could_not_be_graded():
    text = said(small_class())
    assert ("Exercises 01 · Single-token chains 40 submissions 2 could not be graded 6.82 points on average, of 11 "
            "7 is the median") in text
    assert "Not graded (2) CON : not a notebook" in text
    assert "Seed 3, sandbox: bubblewrap." in text


def test_it_links_each_student_to_the_own_page():
    pages = {record.student: f"pages/{n}.html" for n, record in enumerate(small_class())}
    text = overview(small_class(), pages, {})
    links = re.findall(r'<th scope="row"><a href="(pages/\d+\.html)">', text)
    assert sorted(links) == sorted(pages.values())


def test_flags_near_identical_answers_and_answers_in_words_ask_for_a_look():
    text = said(small_class())
    assert "Flags (2) ben , 01-5: uses dlm_course.chain com1.html , 01-4: timeout" in text
    assert ("01-3 · The same, without matrix products : anna , ben , chloe . The same but for names, comments and "
            "layout; the same text: anna , chloe .") in text
    assert "Forms that many have in common (" in text
    assert "Answers of fewer than 40 tokens of the student's own are not compared" in text
    assert "Answers in words to grade (4) 2 × 10-5 · The text, 2 points each anna , ben" in said(capstone_class())
    given = {(student, question): 2 for student in ("anna", "ben") for question in ("10-5-the-text", "10-6-the-number")}
    assert "to grade (" not in said(capstone_class(), given)


def test_projects_whose_numbers_nobody_computed_are_named():
    made = [replace(one, notes=(f"{NOT_COMPUTED}: too large",)) for one in capstone_class()]
    assert "Numbers of projects to look at (2) Open these notebooks" in said(made)
    assert f"2 × {NOT_COMPUTED}: too large anna , ben" in said(made)
    assert "Numbers of projects" not in said(capstone_class())


def test_numbers_that_were_computed_again_are_shown():
    made = [replace(one, notes=(f"{COMPUTED}, on 3 windows: <b>3.1</b>",)) for one in capstone_class()]
    assert "Numbers of projects computed again (2)" in said(made)
    assert f"anna : {COMPUTED}, on 3 windows: <b>3.1</b>" in said(made)


def test_a_class_without_trouble_needs_no_look():
    assert "To look at Nothing asks for a look." in said([record("anna", [result(NEXT)])])


def test_without_a_sandbox_it_says_so():
    assert "Graded without a sandbox." in said(capstone_class())
    assert "Graded without a sandbox." not in said(small_class())


def test_what_students_wrote_is_text():
    text = overview(small_class(), {}, {})
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>bold" not in text
    assert "{{ 7 * 7 }}{% raw %}" in words_of(text)


def test_a_class_of_nobody_has_a_page(tmp_path):
    write_overview([], tmp_path / "overview.html", {})
    assert "No submission could be graded." in words_of((tmp_path / "overview.html").read_text(encoding="utf-8"))


def test_the_same_records_make_the_same_page():
    assert overview(small_class(), {}, {}) == overview(small_class(), {}, {})


# The distribution

@pytest.mark.parametrize(("totals", "out_of", "counts"), [
    ([0, 0.5, 1, 3], 3, {"0": 2, "1": 1, "3": 1}),
    ([11, 11, 10.5], 11, {"10": 1, "11": 2}),
    ([40, 39, 0], 40, {"0–2": 1, "38–40": 1, "40–40": 1}),
    ([100, 99], 100, {"95–100": 1, "100–100": 1}),
    ([], 5, {}), ([0], 0, {"0": 1}), ([0.5], 0.5, {"0": 1}),
])
def test_every_total_is_in_the_bar_that_holds_it(totals, out_of, counts):
    drawn = chart(totals, out_of)
    assert {bar["label"]: bar["count"] for bar in drawn["bars"] if bar["count"]} == counts
    assert len(drawn["bars"]) <= 23
    for bar in drawn["bars"]:
        assert bar["width"] > 0
        assert bar["x"] >= 0
        assert bar["x"] + bar["width"] <= 440
        assert 0 <= bar["y"] <= drawn["base"]


# Discrimination

def test_a_question_that_goes_with_the_rest():
    rest = list(range(20))
    found = discrimination([float(value >= 10) for value in rest], rest)
    assert found.r == pytest.approx(np.corrcoef([value >= 10 for value in rest], rest)[0, 1])
    assert found.words == "who does well on the rest does well here"


def test_a_question_that_the_stronger_ones_miss():
    rest = list(range(20))
    assert discrimination([float(value < 10) for value in rest], rest).words.startswith(
        "who does well on the rest does worse here: look at the question")


def test_a_question_that_has_little_to_do_with_the_rest():
    assert discrimination([n % 2 for n in range(20)], [n // 2 for n in range(20)]).words == (
        "it has little to do with the rest")


@pytest.mark.parametrize(("points", "rest", "words"), [
    ([1] * 10, list(range(10)), "All have the same points for this question"),
    (list(range(10)), [3] * 10, "All have the same points for the rest"),
    ([0, 1, 0], [1, 2, 3], "Fewer than 8 submissions")])
def test_where_there_is_no_correlation_it_says_why(points, rest, words):
    found = discrimination(points, rest)
    assert found.r is None
    assert found.words.startswith(words)


def test_the_rest_does_not_hold_the_question_itself():
    """One question alone: its rest is 0 for all, though its points vary."""
    records = [record(f"s{n}", [result(NEXT) if n % 2 else result(NEXT, "✗")]) for n in range(20)]
    assert "All have the same points for the rest" in said(records)


# Messages

def test_messages_are_counted_with_their_students_the_most_frequent_first():
    records = small_class()
    found = messages(CUMULATIVE, [one for one in records if not one.problem], people(records))
    assert [(row["text"], row["count"], row["known"]) for row in found[:2]] == [(WRONG_ORDER, 10, True),
                                                                               (BORDER, 7, False)]
    assert all(len(row["people"]) == row["count"] for row in found)


def test_messages_that_differ_in_numbers_only_are_one():
    records = [record(f"s{n}", [result(PATHS, "✗", f"entry [{n}, 1] is -1.{n}e-0{n}, expected 0.5 (a 3-state matrix)")])
               for n in range(3)]
    row, = messages(PATHS, records, people(records))
    assert (row["text"], row["count"]) == ("entry […, …] is -…, expected … (a …-state matrix)", 3)
    one, = messages(PATHS, records[:1], people(records))
    assert one["text"] == "entry [0, 1] is -1.0e-00, expected 0.5 (a 3-state matrix)"


def test_rare_messages_are_folded_away():
    records = [record(f"s{n}", [result(PATHS, "✗", f"no name {'x' * n}")]) for n in range(1, 15)]
    assert "1 × no name xxxxxxxxxxxx s12 2 rarer messages 1 × no name xxxxxxxxxxxxx s13" in said(records)


@pytest.mark.parametrize(("found", "kind"), [
    (None, "open"), (result(NEXT), "right"), (result(NEXT, "✗"), "wrong"), (result(NEXT, "○"), "open"),
    (result(CUMULATIVE, "✗", points=1), "half")])
def test_four_kinds_of_results(found, kind):
    assert kind_of(found) == kind


def test_each_question_says_its_mean_and_its_kinds():
    records = [record("anna", [result(CUMULATIVE)]), record("ben", [result(CUMULATIVE, "✗", BORDER, points=1)]),
               record("carl", [result(CUMULATIVE, "○")]), record("dora", [result(CUMULATIVE, "✗", WRONG_ORDER)])]
    assert ("01-2 · Many steps in one matrix 2 points 38 % of the points on average. ✓ right 1 ½ half 1 ✗ wrong 1 "
            "○ not attempted 1") in said(records)


def test_a_hundred_students_are_no_trouble():
    """In seconds, not minutes: only answers that can be alike are aligned."""
    records = []
    for n in range(100):
        sources = {question: f"{RIGHT[question]}\n" + "\n".join(f"x{n} = {n} * {k}" for k in range(n % 40))
                   for question in (SAMPLE, ESTIMATE)}
        records.append(record(f"s{n}", [result(question, source=sources.get(question)) for question in QUESTIONS]))
    assert "100 submissions" in said(records)
