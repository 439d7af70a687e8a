"""The exercises in JupyterLab, answered as a student answers them."""

import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

EXERCISE = "exercises/01_single_token_chains.ipynb"
ANSWER, CHECK = "01-2-cumulative-matrix", "01-2-cumulative-matrix-check"

WRONG_ORDER = """\
result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
    for matrix in matrices[:t]:
        result = result @ matrix
    return result"""


WRONG_RATES = """\
visible = torch.cumprod(1 - beta, 0)
    return beta * visible / (1 - visible)"""

# The characters at the end of each line of a verdict as it is set, and whether it is wider than its place.
LINE_ENDS = """output => {
    const ends = [], range = document.createRange(), walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
    let above = null, last = '';
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        for (let place = 0; place < node.length; place++) {
            if (!node.data[place].trim()) {
                last = ' ';
                continue;
            }
            range.setStart(node, place);
            range.setEnd(node, place + 1);
            const box = range.getBoundingClientRect();
            if (above !== null && box.top > above + 12) ends.push(last + node.data[place]);
            above = box.top;
            last = node.data[place];
        }
    return {ends, overflows: output.scrollWidth > output.clientWidth};
}"""


def test_exercise_01_untouched_runs_to_its_end(open_notebook):
    notebook = open_notebook(EXERCISE)
    assert notebook.left_as_typed() == []
    notebook.restart_and_run_all()
    assert notebook.complaints() == []
    checks = [cell["id"] for cell in notebook.stored if cell["id"].endswith("-check")]
    assert len(checks) == 5
    for cell_id in checks:
        assert notebook.output(cell_id).strip() == f"○ {cell_id.removesuffix('-check')}: not attempted"


def test_a_wrong_answer_is_told_why_and_the_right_one_passes(open_notebook):
    notebook = open_notebook(EXERCISE)
    notebook.run("setup")
    notebook.type_over(ANSWER, "...", WRONG_ORDER)
    notebook.run(ANSWER)
    shown = notebook.run(CHECK)
    assert shown.startswith(f"✗ {ANSWER}: ")
    assert "wrong order" in shown
    assert len(shown.strip().splitlines()) == 1

    notebook.type_over(ANSWER, "result = result @ matrix", "result = matrix @ result")
    notebook.run(ANSWER)
    assert notebook.run(CHECK).strip() == f"✓ {ANSWER}"
    assert notebook.complaints() == []


def test_a_long_verdict_wraps_between_words_and_its_symbols_are_set(open_notebook):
    notebook = open_notebook("exercises/05_rho_weighted_loss.ipynb")
    answer = "05-1-rho"
    notebook.run("setup")
    notebook.type_over(answer, "...", WRONG_RATES)
    notebook.run(answer)
    shown = notebook.run(f"{answer}-check")
    notebook.page.set_viewport_size({"width": 800, "height": 1000})
    assert shown.startswith(f"✗ {answer}: ")
    assert "ᾱ" in shown
    assert not re.search(r"alpha_bar|lambda_|rho_|beta_", shown)
    output = notebook.cell(f"{answer}-check").locator(".jp-OutputArea-output")
    assert output.count() == 1
    assert output.locator("sub").count()
    found = output.evaluate(LINE_ENDS)
    assert found["ends"]
    assert all(end[0] == " " for end in found["ends"])
    assert not found["overflows"]


def test_a_check_that_takes_long_shows_that_it_is_at_work_and_nothing_of_it_stays(open_notebook):
    notebook = open_notebook(EXERCISE)
    notebook.run("setup")
    notebook.type_over(ANSWER, "...", "import time; time.sleep(4); return 3")
    notebook.run(ANSWER)
    notebook.cell(CHECK).locator(".cm-content").click()
    notebook.page.keyboard.press("Shift+Enter")
    output = notebook.cell(CHECK).locator(".jp-OutputArea-output")
    output.get_by_text(f"… {ANSWER}: still checking").wait_for(timeout=20_000)
    output.get_by_text(f"✗ {ANSWER}: ").wait_for(timeout=60_000)
    assert output.count() == 1
    assert "still checking" not in notebook.output(CHECK)

    notebook.type_over(ANSWER, "import time; time.sleep(4); return 3", "import time; time.sleep(99)")
    notebook.run(ANSWER)
    notebook.cell(CHECK).locator(".cm-content").click()
    notebook.page.keyboard.press("Shift+Enter")
    output.get_by_text(f"… {ANSWER}: still checking").wait_for(timeout=20_000)
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("i")
    notebook.page.keyboard.press("i")
    notebook.cell(CHECK).get_by_text("KeyboardInterrupt").first.wait_for(timeout=20_000)
    assert "still checking" not in notebook.output(CHECK)
