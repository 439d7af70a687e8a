"""The topics: their numbers, their names, their tasks, and where the package keeps its copies of their exercises."""

import functools
import json
from pathlib import Path
from typing import Any

TOPICS = {
    "00": "start_here",
    "01": "single_token_chains",
    "02": "uniform_vs_absorbing",
    "03": "elbo_and_posterior",
    "04": "from_token_to_sequence",
    "05": "rho_weighted_loss",
    "06": "continuous_mask_rate",
    "07": "mdlm_training",
    "08": "mdlm_sampling",
    "09": "course_overview",
    "10": "capstone",
}

RELEASED = Path(__file__).parent / "released"


def notebook_name(topic: str) -> str:
    """The file name that a topic has in lectures/, exercises/ and solutions/. ValueError for an unknown topic."""
    if topic not in TOPICS:
        raise ValueError(f"no exercises for topic {topic!r}; there are exercises for {', '.join(TOPICS)}")
    return f"{topic}_{TOPICS[topic]}.ipynb"


@functools.cache
def task_ids(topic: str) -> tuple[str, ...]:
    """The ids of the topic's tasks, in order: the cells of its exercise that a check follows. ValueError as above.

    They are those of its questions; but reading a notebook takes no torch, for which a student's check would wait.
    """
    ids = [cell["id"] for cell in _released_cells(topic)]
    return tuple(id_ for id_ in ids if f"{id_}-check" in ids)


@functools.cache
def task_points(topic: str) -> dict[str, int]:
    """The points of each of the topic's tasks, by id, in order. ValueError as above."""
    cells = {cell["id"]: cell for cell in _released_cells(topic)}
    return {id_: cells[f"{id_}-check"]["metadata"]["nbgrader"]["points"] for id_ in task_ids(topic)}


@functools.cache
def is_project(topic: str) -> bool:
    """True for a topic in which students train models of a text of their own. ValueError as above."""
    return any("project" in cell["metadata"].get("tags", []) for cell in _released_cells(topic))


def _released_cells(topic: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads((RELEASED / notebook_name(topic)).read_text(encoding="utf-8"))["cells"]
    return cells
