"""What is said of a wrong type, and how near an answer must come to the reference."""

import numpy as np
import pytest
from small_questions import doubling

from dlm_course.course.questions.question import with_article


@pytest.mark.parametrize(("type_name", "called"), [("list", "a list"), ("int", "an int"), ("NoneType", "None")])
def test_what_was_given_is_called_as_in_a_sentence(type_name, called):
    assert with_article(type_name) == called


def test_a_float_may_be_off_by_what_float32_rounds_and_an_integer_not_at_all():
    tolerance = doubling().tolerance
    np.testing.assert_allclose(tolerance(None, np.array([0.0, 10.0])), [1e-6, 1e-3 + 1e-6])
    assert tolerance(None, np.array([10])) == 0
