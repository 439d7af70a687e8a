"""The exercises in JupyterLab, answered as a student answers them."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

EXERCISE = "exercises/01_single_token_chains.ipynb"
ANSWER, CHECK = "01-2-cumulative-matrix", "01-2-cumulative-matrix-check"

WRONG_ORDER = """\
result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
    for matrix in matrices[:t]:
        result = result @ matrix
    return result"""


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
