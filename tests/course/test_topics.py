"""The topics and the notebooks that carry their names."""

from pathlib import Path

import pytest

from dlm_course.course.questions import questions
from dlm_course.course.topics import RELEASED, TOPICS, notebook_name, task_ids

ROOT = Path(__file__).parents[2]


def test_numbers_count_up_and_every_topic_has_its_exercise():
    assert list(TOPICS) == [f"{number:02d}" for number in range(len(TOPICS))]
    names = {notebook_name(topic) for topic in TOPICS}
    assert names == {path.name for path in (ROOT / "exercises").glob("[0-9]*_*.ipynb") if ".old-" not in path.name}
    assert names == {path.name for path in RELEASED.glob("*.ipynb")}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_tasks_of_the_released_exercise_are_the_questions(topic):
    assert list(task_ids(topic)) == [question.id for question in questions(topic)]


@pytest.mark.parametrize("topic", ["99", "1", "", "single_token_chains", None])
def test_an_unknown_topic_is_an_error_that_names_the_known_ones(topic):
    for of in (notebook_name, questions, task_ids):
        with pytest.raises(ValueError, match=r"no exercises for topic .*; there are exercises for 00, 01, "):
            of(topic)
