"""The sections that tasks send to are in the lectures, word for word."""

import re
from pathlib import Path

import nbformat
import pytest

from dlm_course.course.grading.report.sections import SECTIONS
from dlm_course.course.grading.report.tasks import plain, sheet
from dlm_course.course.topics import TOPICS, notebook_name

LECTURES = Path(__file__).parents[4] / "lectures"
WITH_LECTURE = [topic for topic in TOPICS if (LECTURES / notebook_name(topic)).exists()]


@pytest.mark.parametrize("topic", WITH_LECTURE)
def test_every_task_of_a_topic_sends_to_a_section_of_its_lecture(topic):
    lecture = nbformat.read(LECTURES / notebook_name(topic), as_version=4)
    headings = {plain(heading) for cell in lecture.cells if cell.cell_type == "markdown"
                for heading in re.findall(r"^## (\d+ · .*)$", cell.source, re.MULTILINE)}
    listed = {question: section for question, section in SECTIONS.items() if question.startswith(topic)}
    assert set(listed) == set(sheet(topic).tasks)
    assert set(listed.values()) <= headings
