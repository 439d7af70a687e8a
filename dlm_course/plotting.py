"""The course's pictures that are drawn more than once, and the one place where colours and theme are set."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

_PALETTE = sns.color_palette("colorblind")

# The same colour for the same thing in every notebook (seaborn's colour-blind safe palette).
COLOURS = {
    "computed": "0.15",
    "sampled": _PALETTE[0],
    "data": _PALETTE[7],
    "mistake": _PALETTE[3],
    "absorbing": _PALETTE[4],
    "uniform": _PALETTE[1],
}
STATE_COLOURS = [_PALETTE[i] for i in (0, 1, 2, 4, 8, 9, 5, 6)]


def set_theme() -> None:
    """Set the seaborn theme of the course; every notebook calls it once, at its top."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind", font_scale=0.9, rc={
        "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "axes.titlesize": "medium",
        "axes.grid": False, "image.interpolation": "nearest"})


def matrix(values: Tensor, names: Sequence[str], *, ax: Axes, title: str, column: int | None = None,
           step: str = "t") -> None:
    """Draw a transition matrix as a heat map with its numbers; `column` is framed.

    Shapes: values (K, K), column-stochastic; names K labels of the states; `step` is the time of the row's state.
    """
    ax.imshow(values.cpu().numpy(), cmap="Blues", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(values.cpu().numpy()):
        ax.text(j, i, f"{value:.2f}".rstrip("0").rstrip("."), ha="center", va="center", size="small",
                color="white" if value > 0.6 else "0.15")
    source = "x_{t-1}" if step == "t" else "x_0"
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(f"from ${source} = j$")
    ax.set_ylabel(f"to $x_{{{step}}} = i$")
    ax.set_title(title)
    if column is not None:
        ax.add_patch(plt.Rectangle((column - 0.5, -0.5), 1, len(names), fill=False, lw=3, color=COLOURS["mistake"]))


def landing(sampled: np.ndarray, computed: np.ndarray, names: Sequence[str], *, ax: Axes, title: str) -> None:
    """Draw frequencies of samples as bars and the probabilities they should land on as marks. Shapes: (K,) each."""
    place = np.arange(len(names))
    ax.bar(place, sampled, width=0.7, color=COLOURS["sampled"], label="frequency of samples")
    ax.plot(place, computed, ls="", marker="_", ms=min(18, 300 / len(names)), mew=3, color=COLOURS["computed"],
            label="computed probability")
    ax.set_xticks(place, names)
    ax.set_ylim(0, 1)
    ax.set_title(title)


def mosaic(states: np.ndarray, names: Sequence[str], *, ax: Axes) -> None:
    """Draw paths as rows of coloured cells, time to the right. Shape: states (num_paths, T+1), values 0..K-1."""
    colours = ListedColormap(STATE_COLOURS[:len(names)])
    ax.imshow(states, cmap=colours, vmin=-0.5, vmax=len(names) - 0.5, aspect="auto")
    ax.set_xlabel("step $t$")
    ax.set_ylabel("path")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colours(k)) for k in range(len(names))]
    ax.legend(handles, names, loc="center left", bbox_to_anchor=(1.01, 0.5), title="state", frameon=False)
