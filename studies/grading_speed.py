"""How fast `dlm-course grade` is, and nbgrader's autograde on the same submissions, in one run on one machine.

Two hundred synthetic submissions of topic 01, drawn from the right and wrong answers of tests/answers, are graded on
two cores by `dlm-course grade`: first twenty of them, then all. In between nbgrader grades a sample of the twenty, one
after the other, as it does. Each program is started as an instructor would, and its start counts. Printed are
submissions a minute, how many answers both give full points, and the memory at its highest: if that of the grader grew
with the number of submissions, a large class would not fit.

For Linux, with bubblewrap and nbgrader. About ten minutes. A quick look: `python studies/grading_speed.py
--submissions 40 --sample 6`.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "answers"))

from test_01_single_token_chains import TOPIC  # noqa: E402

SHARE_RIGHT = 0.7       # of the answers
FEW = 20                # submissions, for the memory at a small number
CORES = 2
MEBI = 2**20


@dataclass(frozen=True)
class Run:
    """What a run of a program took: seconds, and bytes at the highest of it alone and of all its processes together."""

    seconds: float
    own: int
    together: int


def write_class(folder: Path, number: int) -> list[Path]:
    """A folder a student, as nbgrader wants them, the number of each in its name."""
    rng = random.Random(0)
    students = []
    for n in range(number):
        notebook = TOPIC.notebook
        for cell in notebook["cells"]:
            if cell["id"] == "setup":      # the answers may use numpy
                cell["source"] = "".join(cell["source"]) + "\nimport numpy as np\n"
            if cell["id"] in TOPIC.functions:
                kind = TOPIC.right if rng.random() < SHARE_RIGHT else TOPIC.wrong
                answer = rng.choice([answer for answer in kind if answer.task == cell["id"]])
                cell["source"] = f"# Task {cell['id'][:4]}\n{dedent(answer.source).strip()}\n"
        place = folder / f"student{n:03d}" / "01"
        place.mkdir(parents=True)
        (place / f"{TOPIC.name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        students.append(place.parent)
    return students


def measured(command: list[str | Path], folder: Path) -> Run:
    """Run a program to its end. Raises CalledProcessError, with what it said, where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])    # for nbgrader's alembic
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env={**os.environ, "PATH": path})
        highest = {"own": 0, "together": 0}
        watch = threading.Thread(target=_watch, args=(process.pid, highest))
        watch.start()
        code = process.wait()
        seconds = time.perf_counter() - begin
        watch.join()
        said.seek(0)
        if code:
            raise subprocess.CalledProcessError(code, list(map(str, command)), stderr=said.read()[-2000:])
    return Run(seconds, **highest)


def _watch(pid: int, highest: dict[str, int]) -> None:
    """Note the memory of a process, and with shared pages counted once that of all below it, as long as it runs."""
    try:
        process = psutil.Process(pid)
        for n in _ticks():
            highest["own"] = max(highest["own"], process.memory_info().rss)
            if n % 10 == 0:
                highest["together"] = max(highest["together"], sum(map(_share, [process, *process.children(True)])))
            if process.status() == psutil.STATUS_ZOMBIE:
                return
    except psutil.NoSuchProcess:
        return


def _ticks() -> Iterator[int]:
    n = 0
    while True:
        yield n
        time.sleep(0.1)
        n += 1


def _share(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:    # it has ended, or nobody may look into it
        return 0


def grade(students: list[Path], folder: Path) -> tuple[Run, dict[tuple[str, str], bool]]:
    """Ours: what it took, and by student and question whether there are full points."""
    submissions = folder / "submitted"
    for student in students:
        shutil.copytree(student, submissions / student.name)
    run = measured([sys.executable, "-m", "dlm_course.cli", "grade", submissions, "--out", folder / "report", "--jobs",
                    str(CORES), "--seed", "1"], folder)
    records = [json.loads(line) for line in (folder / "report" / "records.jsonl").read_text("ascii").splitlines()]
    assert len(records) == len(students)
    return run, {(record["student"], result["question"]): result["points"] == result["out_of"] for record in records
                 for result in record["results"]}


def autograde(students: list[Path], folder: Path) -> tuple[Run, dict[tuple[str, str], bool]]:
    """nbgrader's, from an assignment that was generated before."""
    nbgrader = [sys.executable, "-m", "nbgrader"]
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "speed"\n',
                                               encoding="utf-8")
    source = folder / "source" / "01"
    source.mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{TOPIC.name}.ipynb", source)
    measured([*nbgrader, "generate_assignment", "01"], folder)
    for student in students:
        shutil.copytree(student, folder / "submitted" / student.name)
    run = measured([*nbgrader, "autograde", "01"], folder)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", course_id="speed") as book:
        return run, {(student.name, grade.name.removesuffix("-check")): grade.score == grade.max_score
                     for student in students for notebook in book.find_submission("01", student.name).notebooks
                     for grade in notebook.grades}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--sample", type=int, default=15, help=f"of them, for nbgrader, at most {FEW}")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("class", "few", "theirs", "all"):
            (folder / part).mkdir()
        students = write_class(folder / "class", options.submissions)
        print(f"load of this machine at the start: {os.getloadavg()[0]:.1f}", flush=True)
        few, _ = grade(students[:FEW], folder / "few")
        print(f"grade: {FEW} submissions in {few.seconds:.0f} s, {_rate(FEW, few):.0f} a minute", flush=True)
        sample = students[:min(FEW, options.sample)]
        theirs, their_points = autograde(sample, folder / "theirs")
        print(f"nbgrader autograde: {len(sample)} submissions in {theirs.seconds:.0f} s, "
              f"{_rate(len(sample), theirs):.1f} a minute", flush=True)
        ours, points = grade(students, folder / "all")
        with (folder / "all" / "report" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.DictReader(file))) == len(students)
        print(f"grade: {len(students)} submissions in {ours.seconds:.0f} s, {_rate(len(students), ours):.0f} a minute: "
              f"{_rate(len(students), ours) / _rate(len(sample), theirs):.1f} times nbgrader's rate")
        same = sum(points[key] == full for key, full in their_points.items())
        print(f"full points or not: both say the same of {same} of {len(their_points)} answers")
        print(f"memory of the grader: {few.own / MEBI:.0f} MiB with {FEW} submissions, {ours.own / MEBI:.0f} MiB with "
              f"{len(students)}; with its sandboxes {few.together / MEBI:.0f} and {ours.together / MEBI:.0f} MiB; "
              f"nbgrader with its kernel {theirs.together / MEBI:.0f} MiB")
        print(f"load of this machine at the end: {os.getloadavg()[0]:.1f}")


def _rate(number: int, run: Run) -> float:
    return 60 * number / run.seconds


if __name__ == "__main__":
    main()
