"""The topics: their numbers, their names, and where the package keeps its copies of their exercises."""

from pathlib import Path

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
