"""What a verdict reads like."""

import pytest

from dlm_course.course.verdict import Verdict


@pytest.mark.parametrize(("verdict", "line", "passed"), [
    (Verdict("01-1-double", "✓"), "✓ 01-1-double", True), (Verdict("01-1-double", "○", "not attempted"),
                                                             "○ 01-1-double: not attempted", False),
    (Verdict("01-1-double", "✗", "shape (2,)"), "✗ 01-1-double: shape (2,)", False)])
def test_a_verdict_is_one_line(verdict, line, passed):
    assert str(verdict) == line
    assert verdict.passed is passed
