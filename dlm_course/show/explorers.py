"""The explorers: a few sliders, one picture, one line of numbers. Without a kernel the stored picture stays."""

import io

import ipywidgets as widgets  # type: ignore[import-untyped]    # it brings no types
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Image, display

from dlm_course.chain.categorical import kl
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition, UniformTransition
from dlm_course.show import plotting

NUM_STEPS = 20
SCHEDULES = {"linear": Schedule.linear(NUM_STEPS), "cosine": Schedule.cosine(NUM_STEPS),
             "geometric": Schedule.geometric(NUM_STEPS, first=0.01), "constant": Schedule.constant(0.15, NUM_STEPS)}
KINDS = {"absorbing": AbsorbingTransition, "uniform": UniformTransition}


def explore_chain() -> None:
    """Show the chain explorer: K, kind, schedule, t and the followed column, each a control that the keyboard moves."""
    controls = {
        "num_states": widgets.IntSlider(4, 3, 12, description="K"),
        "kind": widgets.ToggleButtons(options=list(KINDS), description="chain"),
        "schedule": widgets.Dropdown(options=list(SCHEDULES), description="schedule"),
        "t": widgets.IntSlider(5, 0, NUM_STEPS, description="t"),
        "column": widgets.IntSlider(0, 0, 3, description="column"),
    }
    controls["num_states"].observe(lambda change: setattr(controls["column"], "max", change["new"] - 1), "value")
    output = widgets.interactive_output(draw_chain, controls)
    _show(widgets.VBox([widgets.HBox([controls["kind"], controls["schedule"]]),
                        widgets.HBox([controls["t"], controls["num_states"], controls["column"]]), output]))


def _show(widget: widgets.Widget) -> None:
    """Display a widget; where it cannot be shown, without a kernel, a line that says what is missing."""
    display({**widget._repr_mimebundle_(), "text/plain": "(Run the notebook up to this cell: sliders appear here.)"},
            raw=True)


def draw_chain(num_states: int, kind: str, schedule: str, t: int, column: int) -> None:
    """Draw Q_{1:t}, its followed column against the limit, and the information left; print the numbers.

    x_0 is uniform over the states, without the mask for the absorbing chain. A column beyond K means the last one.
    Raises: ValueError for an unknown kind or schedule, and for t outside 0..20, before anything is drawn.
    """
    if kind not in KINDS or schedule not in SCHEDULES:
        raise ValueError(f"kinds are {', '.join(KINDS)}, schedules are {', '.join(SCHEDULES)}; got {kind!r} and "
                         f"{schedule!r}")
    chain = KINDS[kind](num_states, SCHEDULES[schedule])
    mask_rate = float(chain.schedule.mask_rate(t))
    column = min(column, num_states - 1)
    names = [str(i) for i in range(num_states - 1)] + ["▢" if kind == "absorbing" else str(num_states - 1)]
    matrices = chain.cumulative_matrix(torch.arange(NUM_STEPS + 1))
    left = _information_shares(matrices, num_states - (kind == "absorbing"))

    # A slider should answer at once. So everything is placed by hand and drawn once; constrained layout, titles that
    # look for room and the notebook's tight cropping would each draw it again.
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.1), layout="none")
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.18, top=0.9, wspace=0.28)
    if num_states <= 6:
        plotting.matrix(matrices[t], names, ax=axes[0], title=rf"$Q_{{1:{t}}}$", column=column, step=str(t))
    else:
        axes[0].imshow(matrices[t], cmap="Blues", vmin=0, vmax=1)
        axes[0].add_patch(plt.Rectangle((column - 0.5, -0.5), 1, num_states, fill=False, lw=3,
                                        color=plotting.COLOURS["mistake"]))
        axes[0].set(xlabel="from $x_0 = j$", ylabel=f"to $x_{{{t}}} = i$", title=rf"$Q_{{1:{t}}}$")
    place = np.arange(num_states)
    axes[1].bar(place, matrices[t][:, column], width=0.7, color=plotting.COLOURS[kind], label=f"$x_{{{t}}}$")
    axes[1].plot(place, chain.stationary(), ls="", marker="_", ms=min(18, 130 / num_states), mew=3,
                 color=plotting.COLOURS["computed"], label="limit")
    axes[1].set(xticks=place, xticklabels=names, ylim=(0, 1.05), ylabel="probability",
                title=f"the column of {names[column]}")
    axes[1].legend(frameon=False, fontsize="x-small")
    axes[2].plot(left, color=plotting.COLOURS[kind])
    axes[2].plot(t, left[t], "o", color=plotting.COLOURS["computed"])
    axes[2].set(xlabel="step $t$", ylabel="$I(x_0; x_t)\\,/\\,H(x_0)$", ylim=(-0.02, 1.05), title="information left")
    for ax in axes:
        ax.set_title(ax.get_title(), y=1.0)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    plt.close(figure)
    display(Image(picture.getvalue()))
    print(f"{kind}, {schedule}, K = {num_states}, t = {t}: lambda_t = {mask_rate:.3f}, "
          f"information left {100 * float(left[t]):.1f} %")


def _information_shares(matrices: torch.Tensor, num_symbols: int) -> torch.Tensor:
    """I(x_0; x_t) / H(x_0) for t = 0..T, x_0 uniform over the first `num_symbols` states; 0/0 counts as 0."""
    columns = matrices[:, :, :num_symbols].transpose(1, 2)                                    # (T+1, V, K)
    information = kl(columns, columns.mean(1, keepdim=True).expand_as(columns)).mean(1)       # (T+1,)
    return information / information[0] if float(information[0]) > 0 else information
