"""The course's pictures: text is drawn without empty boxes, whatever it holds."""

import warnings

import matplotlib.pyplot as plt

from dlm_course import plotting


def test_what_the_font_lacks_is_drawn_as_one_sign_and_without_a_warning():
    assert plotting.drawable("aé→你😀z") == "aé→��z"
    fig, ax = plt.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plotting.passage("a\t你\n😀▢", ax=ax)
        fig.canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["a", " ", "�", " ", "�"]
    plt.close(fig)
