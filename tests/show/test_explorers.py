"""The chain explorer without a browser: what it draws, by hand; what it prints and refuses; what its controls move."""

import math

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlm_course.show import explorers
from dlm_course.show.explorers import draw_chain, explore_chain

MASK_RATES = {"linear": lambda t: t / 20, "cosine": lambda t: 1 - math.cos(math.pi * t / 40),
              "geometric": lambda t: 0.01 ** ((20 - t) / 19) if t else 0.0, "constant": lambda t: 1 - 0.85**t}


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in order."""
    found = []
    monkeypatch.setattr(explorers, "display", lambda thing, **_: found.append(thing))
    return found


@pytest.fixture
def figures(monkeypatch, shown):
    """The figures, kept open for a look."""
    found, close = [], plt.close
    monkeypatch.setattr(plt, "close", found.append)
    yield found
    monkeypatch.undo()
    for figure in found:
        close(figure)


def cumulative(num_states, kind, mask_rate):
    """Q_{1:t}, entry by entry: kept with probability 1 - lambda_t, else the mask or any state."""
    return np.array([[(1 - mask_rate) * (i == j) + mask_rate * ((i == num_states - 1) if kind == "absorbing" else
                                                                1 / num_states)
                      for j in range(num_states)] for i in range(num_states)])


def information_left(q, num_symbols):
    """I(x_0; x_t) / H(x_0) for x_0 uniform over the symbols: a sum over both."""
    marginal = q[:, :num_symbols].mean(1)
    return sum(q[i, j] / num_symbols * math.log(q[i, j] / marginal[i])
               for j in range(num_symbols) for i in range(len(q)) if q[i, j]) / math.log(num_symbols)


@pytest.mark.parametrize(("num_states", "kind", "schedule", "t", "column"), [
    (4, "absorbing", "linear", 5, 0), (3, "uniform", "cosine", 20, 2), (6, "uniform", "geometric", 0, 1),
    (12, "absorbing", "constant", 20, 11), (7, "uniform", "linear", 13, 3),
])
def test_it_draws_the_matrix_its_column_and_the_information(figures, num_states, kind, schedule, t, column):
    draw_chain(num_states, kind, schedule, t, column)
    (matrix, bars, curve), = (figure.axes for figure in figures)
    due = [cumulative(num_states, kind, MASK_RATES[schedule](at)) for at in range(21)]
    names = [*map(str, range(num_states - 1)), "▢" if kind == "absorbing" else str(num_states - 1)]

    assert np.allclose(matrix.images[0].get_array(), due[t], atol=1e-9)
    frame, = matrix.patches
    assert (frame.get_x(), frame.get_width(), frame.get_height()) == (column - 0.5, 1, num_states)
    assert len(matrix.texts) == (num_states**2 if num_states <= 6 else 0)      # more numbers could not be read
    assert matrix.get_ylabel() == f"to $x_{{{t}}} = i$"

    assert np.allclose([bar.get_height() for bar in bars.patches], due[t][:, column], atol=1e-9)
    limit, = bars.lines
    assert np.allclose(limit.get_ydata(), cumulative(num_states, kind, 1)[:, 0], atol=1e-9)
    assert [label.get_text() for label in bars.get_xticklabels()] == names
    assert bars.get_title() == f"the column of {names[column]}"

    left = [information_left(q, num_states - (kind == "absorbing")) for q in due]
    line, point = curve.lines
    assert np.allclose(line.get_ydata(), left, atol=1e-9)
    assert point.get_xydata().tolist() == [[t, pytest.approx(left[t], abs=1e-9)]]


def test_it_shows_one_png_prints_the_numbers_and_leaves_no_figure_open(shown, capsys):
    before = plt.get_fignums()
    draw_chain(4, "absorbing", "linear", 5, 0)
    picture, = shown
    assert picture.data.startswith(b"\x89PNG")
    assert capsys.readouterr() == ("absorbing, linear, K = 4, t = 5: lambda_t = 0.250, information left 75.0 %\n", "")
    assert plt.get_fignums() == before


@pytest.mark.parametrize("kind", explorers.KINDS)
def test_one_symbol_holds_no_information(kind, figures, capsys):
    """Two states with a mask: x_0 is known, and 0/0 counts as 0."""
    draw_chain(2, kind, "linear", 5, 0)
    share = 0.0 if kind == "absorbing" else 100 * information_left(cumulative(2, kind, 0.25), 2)
    assert f"information left {share:.1f} %" in capsys.readouterr().out


def test_a_column_beyond_the_last_is_the_last(figures):
    for column in (2, 9):
        draw_chain(3, "absorbing", "linear", 5, column)
    heights = [[bar.get_height() for bar in figure.axes[1].patches] for figure in figures]
    assert heights[0] == heights[1] == [0, 0, 1]
    assert figures[1].axes[1].get_title() == "the column of ▢"


@pytest.mark.parametrize(("arguments", "message"), [
    ((4, "masked", "linear", 5, 0), "kinds are absorbing, uniform, schedules are .*got 'masked' and 'linear'"),
    ((4, "uniform", "square", 5, 0), "schedules are linear, cosine, geometric, constant; got 'uniform' and 'square'"),
    ((4, "uniform", "linear", 21, 0), r"t = 21 is outside 0\.\.20"),
    ((4, "uniform", "linear", -1, 0), r"t = -1 is outside 0\.\.20"),
    ((1, "uniform", "linear", 5, 0), "num_states"),
])
def test_what_cannot_be_drawn_is_refused_before_anything_is_shown(shown, capsys, arguments, message):
    before = plt.get_fignums()
    with pytest.raises(ValueError, match=message):
        draw_chain(*arguments)
    assert shown == []
    assert capsys.readouterr().out == ""
    assert plt.get_fignums() == before


# The controls

@pytest.fixture
def explorer(monkeypatch):
    """The controls by name, and what was drawn with which of their values, the last one last."""
    drawn, root = [], []

    def caught(num_states, kind, schedule, t, column):
        drawn.append((num_states, kind, schedule, t, column))

    monkeypatch.setattr(explorers, "draw_chain", caught)
    monkeypatch.setattr(explorers, "_show", root.append)
    explore_chain()
    (choices, sliders, output), = (box.children for box in root)
    assert isinstance(output, widgets.Output)
    return {control.description: control for box in (choices, sliders) for control in box.children}, drawn


def test_every_control_moves_what_is_drawn(explorer):
    controls, drawn = explorer
    assert list(controls) == ["chain", "schedule", "t", "K", "column"]
    assert drawn == [(4, "absorbing", "linear", 5, 0)]
    for name, value, due in (("t", 6, (4, "absorbing", "linear", 6, 0)),
                             ("column", 3, (4, "absorbing", "linear", 6, 3)),
                             ("chain", "uniform", (4, "uniform", "linear", 6, 3)),
                             ("schedule", "cosine", (4, "uniform", "cosine", 6, 3)),
                             ("K", 8, (8, "uniform", "cosine", 6, 3))):
        controls[name].value = value
        assert drawn[-1] == due


def test_the_column_stays_one_of_the_matrix(explorer):
    controls, drawn = explorer
    controls["K"].value = 12
    controls["column"].value = 11
    controls["K"].value = 3
    assert (controls["column"].max, controls["column"].value) == (2, 2)
    assert (drawn[-1][0], drawn[-1][-1]) == (3, 2)


def test_the_controls_offer_all_that_can_be_drawn_and_no_more(explorer):
    controls, _ = explorer
    assert controls["chain"].options == tuple(explorers.KINDS)
    assert controls["schedule"].options == tuple(MASK_RATES)
    assert (controls["t"].min, controls["t"].max) == (0, 20)
    assert (controls["K"].min, controls["K"].max) == (3, 12)


def test_where_widgets_cannot_be_shown_a_line_says_what_is_missing(shown, monkeypatch):
    monkeypatch.setattr(explorers, "draw_chain", lambda num_states, kind, schedule, t, column: None)
    explore_chain()
    bundle, = shown
    assert bundle["text/plain"] == "(Run the notebook up to this cell: sliders appear here.)"
    assert "application/vnd.jupyter.widget-view+json" in bundle
