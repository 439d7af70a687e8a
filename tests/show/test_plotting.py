"""The course's pictures: what is drawn where, and text without empty boxes, whatever it holds."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from dlm_course.show import plotting
from dlm_course.show.plotting import COLOURS, STATE_COLOURS


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def blocks(ax):
    """(centre of x, centre of y, colour, alpha) of each rectangle."""
    return [(round(patch.get_x() + patch.get_width() / 2, 9), round(patch.get_y() + patch.get_height() / 2, 9),
             patch.get_facecolor()[:3], patch.get_facecolor()[3]) for patch in ax.patches]


def test_the_theme_is_set_in_one_place():
    with plt.rc_context():
        plotting.set_theme()
        assert plt.rcParams["figure.constrained_layout.use"]
        assert (plt.rcParams["figure.dpi"], plt.rcParams["image.interpolation"]) == (100, "nearest")


def test_a_matrix_is_written_out_with_its_column_framed(ax):
    values = torch.tensor([[1.0, 0.25], [0.0, 0.75]], dtype=torch.float64)
    plotting.matrix(values, ["a", "▢"], ax=ax, title="Q", column=1)
    assert np.array_equal(ax.images[0].get_array(), values.numpy())
    texts = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert texts == {(0, 0): ("1", "white"), (1, 0): ("0.25", "0.15"), (0, 1): ("0", "0.15"), (1, 1): ("0.75", "white")}
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Q", "from $x_{t-1} = j$", "to $x_{t} = i$")
    frame, = ax.patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((0.5, -0.5), 1, 2)


def test_a_matrix_of_many_steps_says_so_and_has_its_own_darkest_blue(ax):
    plotting.matrix(torch.full((2, 2), 0.04), ["0", "1"], ax=ax, title="", step="7", top=0.05)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("from $x_0 = j$", "to $x_{7} = i$")
    assert ax.images[0].get_clim() == (0, 0.05)
    assert {text.get_color() for text in ax.texts} == {"white"}
    assert not ax.patches


def test_samples_are_bars_and_what_they_should_land_on_marks(ax):
    plotting.landing(np.array([0.2, 0.8]), np.array([0.25, 0.75]), ["a", "b"], ax=ax, title="where")
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.8]
    assert ax.lines[0].get_xydata().tolist() == [[0, 0.25], [1, 0.75]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert (ax.get_ylim(), ax.get_title()) == ((0, 1), "where")


def test_paths_are_rows_of_the_states_colours(ax):
    states = np.array([[0, 1, 2], [2, 2, 0]])
    plotting.mosaic(states, ["a", "b", "▢"], ax=ax)
    image = ax.images[0]
    assert np.allclose(image.to_rgba(image.get_array())[..., :3], np.array(STATE_COLOURS)[states])
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "▢"]
    assert [patch.get_facecolor()[:3] for patch in legend.get_patches()] == STATE_COLOURS[:3]


def test_a_passage_has_blocks_for_masks_and_breaks_its_lines(ax):
    plotting.passage("ab▢d", ax=ax, width=2)
    assert {text.get_text(): text.get_position() for text in ax.texts} == {"a": (0, 0), "b": (1, 0), "d": (1, -1)}
    assert blocks(ax) == [(0, -1, COLOURS["absorbing"], 1)]


def test_a_passage_shows_what_changed_and_what_is_fresh(ax):
    plotting.passage("a \nx", ax=ax, clean="abcx", fresh="a▢\nx", changed="sampled")
    assert [(text.get_text(), to_rgba(text.get_color())) for text in ax.texts] == [
        ("a", to_rgba(COLOURS["computed"])), ("␣", to_rgba(COLOURS["sampled"])), ("⏎", to_rgba(COLOURS["sampled"])),
        ("x", to_rgba(COLOURS["computed"]))]
    assert blocks(ax) == [(1, 0, COLOURS["absorbing"], 0.3)]


def test_revealed_shades_each_character_by_its_step_and_leaves_the_template_white(ax):
    plotting.revealed(["a▢▢▢", "a▢▢d", "ab▢d", "abcd"], ax=ax)
    assert [text.get_text() for text in ax.texts] == list("abcd")
    viridis = plt.get_cmap("viridis_r")
    assert [(x, alpha) for x, _, _, alpha in blocks(ax)] == [(1, 0.45), (2, 0.45), (3, 0.45)]
    for (_, _, colour, _), place in zip(blocks(ax), (0.5, 1.0, 0.0), strict=True):
        assert np.allclose(colour, viridis(place)[:3])


def test_what_the_font_lacks_is_drawn_as_one_sign_and_without_a_warning(ax):
    assert plotting.drawable("aé→你😀z") == "aé→��z"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plotting.passage("a\t你\n😀▢", ax=ax)
        ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["a", " ", "�", " ", "�"]
