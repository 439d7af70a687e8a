"""What the tests of questions and of `check` share."""

import pytest


@pytest.fixture
def made_up(monkeypatch):
    """Puts made-up questions in the place of topic 01's."""
    def put(*made):
        monkeypatch.setattr("dlm_course.course.questions.single_token_chains.QUESTIONS", made)
    return put
