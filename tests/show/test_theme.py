"""The theme: seaborn's, without seaborn's import."""

import subprocess
import sys

import matplotlib as mpl

from dlm_course import plotting
from dlm_course.show import theme


def test_the_style_file_is_seaborns_theme():
    assert theme.STYLE.read_text(encoding="utf-8") == theme.of_seaborn(), "run python -m dlm_course.show.theme"


def test_setting_the_theme_sets_what_seaborn_sets():
    import seaborn as sns

    with mpl.rc_context():
        mpl.rcdefaults()
        plotting.set_theme()
        ours = dict(mpl.rcParams)
        mpl.rcdefaults()
        sns.set_theme(style="whitegrid", palette="colorblind", font_scale=0.9)
        palette = [mpl.colors.to_hex(colour) for colour in sns.color_palette()]
        differ = {name for name, value in mpl.rcParams.items() if ours[name] != value}
    assert ours["axes.prop_cycle"].by_key()["color"] == palette
    assert differ == {"axes.prop_cycle", "image.cmap", "savefig.dpi", "figure.constrained_layout.use", "axes.titlesize",
                      "axes.grid", "image.interpolation"}    # the first two: written otherwise; nothing is drawn in it


def test_notebooks_do_not_wait_for_seaborn_and_scipy():
    code = ("import sys, dlm_course\ndlm_course.plotting.set_theme()\n"
            "print({'seaborn', 'scipy', 'pandas'} & {*sys.modules})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
