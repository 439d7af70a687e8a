"""Where the theme of all figures comes from: seaborn's, kept in a style file that matplotlib reads.

Seaborn brings scipy's statistics along, and its import takes longer than all else that a figure needs. So it is asked
once, by the author: `python -m dlm_course.show.theme` writes the file anew, and a test holds the two together.
"""

from enum import Enum
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import Cycler

from dlm_course.files import write_whole

STYLE = Path(__file__).with_name("theme.mplstyle")


def of_seaborn() -> str:
    """The style file's text: seaborn's theme, and what the course changes of it.

    Its colour map for images is left out, which only seaborn's import brings: our pictures name theirs.
    """
    import seaborn as sns

    ours = {"figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "axes.titlesize": "medium",
            "axes.grid": False, "image.interpolation": "nearest"}
    with mpl.rc_context():
        sns.set_theme(context="notebook", style="whitegrid", palette="colorblind", font_scale=0.9, rc=ours)
        names = {*sns.axes_style(), *sns.plotting_context(), *ours, "axes.prop_cycle"} - {"image.cmap"}
        lines = [f"{name}: {_written(mpl.rcParams[name])}" for name in sorted(names)]
    return "\n".join(["# Written by python -m dlm_course.show.theme", *lines, ""])


def _written(value: Any) -> str:
    if isinstance(value, Cycler):
        return f"cycler('color', {[mpl.colors.to_hex(colour)[1:] for colour in value.by_key()['color']]})"
    if isinstance(value, Enum):
        value = value.value
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    write_whole(STYLE, of_seaborn())
