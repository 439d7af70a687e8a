"""Near-identical answers: copies are found, renamed or not; independent answers are not."""

import importlib
import random
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from small_class import COPY, CUMULATIVE, NEXT, PATHS, RIGHT, SAMPLE, record, result

from dlm_course.course.grading.records import Result
from dlm_course.course.grading.report import similar
from dlm_course.course.grading.report.similar import near_identical, own_tokens
from dlm_course.course.grading.report.tasks import task

ANSWERS = Path(__file__).parents[3] / "answers"


def of(question, **sources):
    return [record(student, [result(question, source=source)]) for student, source in sources.items()]


def test_a_copy_is_found_letter_for_letter_and_renamed():
    groups = near_identical(of(PATHS, anna=RIGHT[PATHS], ben=COPY, chloe=RIGHT[PATHS]))
    assert [(group.question, group.students) for group in groups] == [(PATHS, ("anna", "ben", "chloe"))]
    assert groups[0].likeness == 1
    assert groups[0].same_text == (("anna", "chloe"),)
    assert not groups[0].common


def test_comments_docstrings_and_layout_hide_nothing():
    disguised = COPY.replace("    K =", '    """Mine."""\n    # my own idea\n\n    K =').replace(" = ", "  =  ")
    assert len(near_identical(of(PATHS, anna=RIGHT[PATHS], ben=disguised))) == 1


def test_a_copy_with_a_change_is_still_near():
    changed = COPY.replace("return out", "out = out\n    return out")
    group, = near_identical(of(PATHS, anna=RIGHT[PATHS], ben=changed))
    assert 0.7 <= group.likeness < 1


def test_another_way_is_not_reported():
    other = """
        def marginal_by_paths(matrices, x0, t):
            if t == 0:
                return torch.nn.functional.one_hot(torch.tensor(x0), matrices.shape[-1]).to(matrices.dtype)
            before = marginal_by_paths(matrices, x0, t - 1)
            return sum(before[j] * matrices[t - 1][:, j] for j in range(matrices.shape[-1]))
    """
    assert near_identical(of(PATHS, anna=RIGHT[PATHS], ben=dedent(other))) == []


def test_inserted_lines_and_exchanged_ones_leave_a_copy_near():
    lines = COPY.splitlines()
    lines[3:5] = [lines[4].replace("    for", "    extra = 0\n    for"), lines[3]]
    group, = near_identical(of(PATHS, anna=RIGHT[PATHS], ben="\n".join(lines)))
    assert 0.7 <= group.likeness < 1


def test_short_answers_and_stubs_are_not_compared():
    assert near_identical(of(NEXT, anna=RIGHT[NEXT], ben=RIGHT[NEXT])) == []
    assert near_identical(of(CUMULATIVE, anna=task(CUMULATIVE).given, ben=task(CUMULATIVE).given)) == []
    assert own_tokens(CUMULATIVE, task(CUMULATIVE).given) == ()
    untouched = [record(student, [result(PATHS, "○", source=RIGHT[PATHS])]) for student in ("anna", "ben")]
    assert near_identical([*untouched]) == []


def test_answers_to_different_questions_are_not_compared():
    assert near_identical([*of(PATHS, anna=RIGHT[PATHS]), *of(SAMPLE, ben=RIGHT[PATHS])]) == []


def test_what_many_found_is_common():
    many = {f"s{n:02d}": RIGHT[PATHS] for n in range(5)}
    group, = near_identical(of(PATHS, **many))
    assert group.common
    few, = near_identical(of(PATHS, **dict(list(many.items())[:4])))
    assert not few.common


def test_the_order_of_the_records_changes_nothing():
    records = of(PATHS, anna=RIGHT[PATHS], ben=COPY, chloe=RIGHT[PATHS], dora=COPY.replace("out", "result"))
    expected = near_identical(records)
    for seed in range(3):
        random.Random(seed).shuffle(records)
        assert near_identical(records) == expected


@pytest.mark.parametrize("source", ["def (", "'''", "\x00", "(" * 5000, "\ud800", "print 'two'", "1+" * 9_000,
                                    "é\n\t\r"])
def test_no_source_is_too_strange(source):
    assert len(own_tokens(CUMULATIVE, source * 2)) <= similar.MOST_TOKENS
    near_identical(of(CUMULATIVE, anna=source, ben=f"{source} "))


def test_an_unknown_question_is_compared_as_it_is():
    source = "\n".join(f"name{n} = {n}" for n in range(30))
    assert len(own_tokens("77-1-unknown", source)) == 90


def test_right_answers_that_were_written_to_differ_are_not_near_identical(monkeypatch):
    """The limits are set on these: one pair, in which one answer was made from the other."""
    monkeypatch.setattr(sys, "path", [str(ANSWERS), *sys.path])
    records = []
    for path in sorted(ANSWERS.glob("test_[0-9]*.py")):
        module = importlib.import_module(path.stem)
        for n, right in enumerate(module.RIGHT):
            found = Result(right.task, 1, 1, "✓", source=dedent(right.source))
            records.append(record(f"{right.task} {n}", [found]))
    assert len(records) > 400
    assert len(near_identical(records)) <= 1
