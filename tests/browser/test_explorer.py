"""The chain explorer of lecture 02: still without a kernel, alive under the keyboard with one."""

import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LECTURE = "lectures/02_uniform_vs_absorbing.ipynb"


def test_without_running_there_is_a_figure_with_its_caption_and_no_error(open_notebook):
    notebook = open_notebook(LECTURE)
    cell = notebook.cell("explorer")
    cell.scroll_into_view_if_needed()
    assert cell.locator("img").first.is_visible()
    shown = cell.inner_text()
    assert "absorbing, linear, K = 4, t = 5" in shown
    assert "information left 75.0 %" in shown
    assert not re.search(r"error|not found|could not|VBox", shown, re.IGNORECASE)
    assert not notebook.complaints()


def test_the_keyboard_moves_the_sliders_and_the_numbers_follow(open_notebook):
    notebook = open_notebook(LECTURE)
    notebook.run("setup")
    assert "t = 5: lambda_t = 0.250, information left 75.0 %" in notebook.run("explorer")
    cell = notebook.cell("explorer")
    sliders = cell.locator('.widget-slider [role="slider"]')      # t, K, column
    sliders.nth(0).focus()
    notebook.page.keyboard.press("ArrowRight")
    cell.get_by_text("t = 6: lambda_t = 0.300, information left 70.0 %").wait_for(timeout=20_000)
    sliders.nth(1).focus()
    notebook.page.keyboard.press("ArrowLeft")
    cell.get_by_text("K = 3, t = 6").wait_for(timeout=20_000)

    cell.get_by_role("button", name="uniform").focus()
    notebook.page.keyboard.press("Enter")
    changed = cell.get_by_text(re.compile(r"uniform, linear, K = 3, t = 6: lambda_t = 0\.300, information left \S+ %"))
    changed.wait_for(timeout=20_000)
    assert float(re.search(r"left (\S+) %", changed.inner_text())[1]) < 70
    assert not notebook.complaints()
