"""The course's pictures that are drawn more than once, and the one place where colours and theme are set."""

from collections.abc import Sequence
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rc_params_from_file, rcParams
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.font_manager import findfont, get_font
from torch import Tensor

from dlm_course.show.theme import STYLE

_THEME = rc_params_from_file(STYLE, use_default_template=False)
_PALETTE = [to_rgb(colour) for colour in _THEME["axes.prop_cycle"].by_key()["color"]]

# The same colour for the same thing in every notebook (seaborn's colour-blind safe palette).
COLOURS = {
    "computed": "0.15",
    "sampled": _PALETTE[0],
    "data": _PALETTE[7],
    "mistake": _PALETTE[3],
    "absorbing": _PALETTE[4],
    "uniform": _PALETTE[1],
}
STATE_COLOURS = [_PALETTE[i] for i in (9, 8, 2, 5, 6, 7, 0, 1)]


def set_theme() -> None:
    """Set the course's theme, which is seaborn's (see theme.py); every notebook calls it once, at its top."""
    rcParams.update(_THEME)


def matrix(values: Tensor, names: Sequence[str], *, ax: Axes, title: str, column: int | None = None,
           step: str = "t", top: float = 1.0) -> None:
    """Draw a transition matrix as a heat map with its numbers; `column` is framed.

    Shapes: values (K, K), column-stochastic; names K labels of the states; `step` is the time of the row's state; `top`
    is the value of the darkest blue.
    """
    ax.imshow(values.cpu().numpy(), cmap="Blues", vmin=0, vmax=top)
    for (i, j), value in np.ndenumerate(values.cpu().numpy()):
        ax.text(j, i, f"{value:.3f}".rstrip("0").rstrip("."), ha="center", va="center", size="small",
                color="white" if value > 0.5 * top else "0.15")
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


def drawable(text: str) -> str:
    """The text with what the fixed-width font lacks as �: matplotlib would draw empty boxes, and warn of each."""
    return "".join(character if ord(character) in _glyphs() else "�" for character in text)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont("monospace")).get_charmap())


def passage(text: str, *, ax: Axes, width: int = 80, clean: str | None = None, mask_char: str = "▢",
            changed: str = "mistake", fresh: str | None = None) -> None:
    """Draw text character by character, `width` a line: masks as blocks, characters that differ from `clean` in the
    colour of `changed` (blanks among them as ␣ and ⏎), characters that were a mask in the text `fresh` shaded.
    """
    for place, character in enumerate(text):
        x, y = place % width, -(place // width)
        if character == mask_char:
            ax.add_patch(plt.Rectangle((x - 0.45, y - 0.4), 0.9, 0.8, lw=0, color=COLOURS["absorbing"]))
            continue
        if fresh is not None and fresh[place] == mask_char:
            ax.add_patch(plt.Rectangle((x - 0.5, y - 0.45), 1, 0.9, lw=0, color=COLOURS["absorbing"], alpha=0.3))
        same = clean is None or clean[place] == character
        shown = {"\n": " ", "\t": " "} if same else {" ": "␣", "\n": "⏎", "\t": "⇥"}
        ax.text(x, y, drawable(shown.get(character, character)), ha="center", va="center", family="monospace", size=9,
                color=COLOURS["computed"] if same else COLOURS[changed])
    ax.set(xlim=(-1, width), ylim=(-((len(text) - 1) // width) - 0.6, 0.6))
    ax.axis("off")


def revealed(steps: Sequence[str], *, ax: Axes, width: int = 80, mask_char: str = "▢") -> None:
    """Draw the last of the sampler's steps, each character on the colour of the step in which it was revealed.

    `steps` are the texts after steps 0..L; what is visible in the first (the template) stays on white.
    """
    passage(steps[-1], ax=ax, width=width)
    shade = ScalarMappable(Normalize(1, len(steps) - 1), cmap="viridis_r")
    for place in range(len(steps[-1])):
        step = next(number for number, text in enumerate(steps) if text[place] != mask_char)
        if step:
            x, y = place % width, -(place // width)
            colour = shade.to_rgba(np.array(step), alpha=0.45)
            ax.add_patch(plt.Rectangle((x - 0.5, y - 0.45), 1, 0.9, lw=0, color=colour))
    ax.figure.colorbar(shade, ax=ax, label="revealed in step", shrink=0.9, pad=0.01, alpha=0.45)
