"""The workflows: those of this repository, and the one that an instructor copies into a class's."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CLASSROOM = ROOT / "docs" / "classroom" / "check.yml"
ACTIONLINT = Path(sys.executable).with_name("actionlint")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*WORKFLOWS, CLASSROOM], ids=lambda path: path.name)
def test_actionlint_finds_nothing(path):
    done = subprocess.run([ACTIONLINT, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_a_fault(tmp_path):
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    path = tmp_path / "broken.yml"
    path.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert subprocess.run([ACTIONLINT, path], capture_output=True, check=False).returncode == 1


def test_the_quick_tests_run_on_three_systems_and_every_python_that_is_supported():
    jobs = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    matrices = [job["strategy"]["matrix"] for job in jobs.values()]
    assert {matrix["python"].__str__() for matrix in matrices} == {"['3.11', '3.12', '3.13']"}
    systems = {job["runs-on"] for job in jobs.values()} | set(matrices[0]["os"])
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= systems


def test_every_make_target_of_a_workflow_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in WORKFLOWS:
        for target in re.findall(r"run: make ([\w-]+)", path.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path.name}: {target}"


def test_pre_commit_takes_the_ruff_that_is_pinned():
    pinned = re.search(r"^ruff==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    hooks = {repo["repo"]: repo.get("rev") for repo in read(ROOT / ".pre-commit-config.yaml")["repos"]}
    assert hooks["https://github.com/astral-sh/ruff-pre-commit"] == f"v{pinned}"


# The class's workflow: its own lines, run in a class's repository

def script(name):
    return next(step["run"] for step in read(CLASSROOM)["jobs"]["check"]["steps"] if step.get("name") == name)


def in_a_class(script, folder, **environment):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, text=True,
                          capture_output=True, check=False, timeout=300,
                          env={**os.environ, "PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
                               "RUNNER_TEMP": str(folder), **environment})


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="GitHub runs it on Linux")
def test_a_push_shows_a_verdict_for_every_task(tmp_path):
    (tmp_path / "exercises").mkdir()
    shutil.copy(ROOT / "exercises" / "00_start_here.ipynb", tmp_path / "exercises")
    notebook = json.loads((ROOT / "solutions" / "01_single_token_chains.ipynb").read_text(encoding="utf-8"))
    (tmp_path / "exercises" / "01_single_token_chains.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (tmp_path / "exercises" / "01_single_token_chains.old-1.ipynb").write_text("kept by reset", encoding="utf-8")
    (tmp_path / "exercises" / "02_not_due.ipynb").write_text("not due yet", encoding="utf-8")
    done = in_a_class(script("Check the answers"), tmp_path, TOPICS="00 01")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert done.returncode == 1, done.stderr      # 00 is not answered yet
    assert re.findall(r"^### (.*)$", summary, re.MULTILINE) == ["00_start_here", "01_single_token_chains"]
    assert len(re.findall(r"^✓ 01-\d-", summary, re.MULTILINE)) == 5
    assert re.search(r"^○ 00-1-", summary, re.MULTILINE)
    assert "✓ 01-1-" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="GitHub runs it on Linux")
def test_a_workflow_that_was_copied_without_naming_the_course_says_what_to_set(tmp_path):
    done = in_a_class(script("Install the course"), tmp_path, COURSE=read(CLASSROOM)["env"]["COURSE"], VERSION="main")
    assert done.returncode == 2
    assert "Set COURSE in this workflow" in done.stderr
