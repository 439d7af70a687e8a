"""From solutions to exercises, and from a student's notebook back to a verdict.

    execute    run a notebook as a reader would, store its outputs
    release    solutions/NN -> exercises/NN (stubs) and released/NN (the package's copy, every verdict ✓)
    assemble   a student's answers put into the package's copy
    validate   nbval on the assembled notebook: a verdict a question
"""

from pathlib import Path

from dlm_course.checks import TOPICS

RELEASED = Path(__file__).parents[1] / "released"


def notebook_name(topic: str) -> str:
    """The file name that a topic has in lectures/, exercises/ and solutions/. ValueError for an unknown topic."""
    if topic not in TOPICS:
        raise ValueError(f"no exercises for topic {topic!r}; there are exercises for {', '.join(TOPICS)}")
    return f"{topic}_{TOPICS[topic]}.ipynb"
