"""What every stored notebook must be, read as JSON: nothing is run here."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {folder: sorted((ROOT / folder).glob("*.ipynb")) for folder in ("lectures", "solutions", "exercises")}
EVERY = [pytest.param(path, id=f"{folder}-{path.stem}") for folder, paths in FOLDERS.items() for path in paths]
LECTURES = [pytest.param(path, id=path.stem) for path in FOLDERS["lectures"]]

HOME = re.compile(r"""(?:^|(?<=[\s"'`=:(\[{,>]))(?:file://)?/(?:home|root|work|tmp|Users)(?![\w.-])|[A-Z]:\\\\?Users\\""",
                  re.MULTILINE)
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:href|src)\s*=\s*["']([^"']+)["']|^\[[^\]]+\]:\s*(\S+)""",
                  re.MULTILINE)
READABLE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
UNSAID = re.compile(r"^\s*#+\s*(?:NBVAL_IGNORE_OUTPUT|NBVAL_SKIP|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)


@cache
def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def text_of(part):
    return part if isinstance(part, str) else "".join(part)


def cells_of(path, kind=None):
    return [cell for cell in read(path)["cells"] if kind in (None, cell["cell_type"])]


def tags_of(cell):
    return cell["metadata"].get("tags", [])


def printed(cell):
    return "".join(text_of(output["text"]) for output in cell["outputs"]
                   if output["output_type"] == "stream" and output["name"] == "stdout")


def is_unchecked(cell):
    """True for a cell whose output nbval does not compare."""
    return bool({"nbval-ignore-output", "nbval-skip"} & set(tags_of(cell)) or UNSAID.search(text_of(cell["source"])))


def texts(path):
    """(cell id, text) of all that a reader or a program can read: sources, outputs without pictures, metadata."""
    notebook = read(path)
    yield "metadata", json.dumps({**notebook["metadata"], "widgets": None})
    for cell in notebook["cells"]:
        yield cell["id"], text_of(cell["source"])
        yield cell["id"], json.dumps(cell["metadata"])
        for output in cell.get("outputs", []):
            yield cell["id"], text_of(output.get("text", ""))
            yield cell["id"], "\n".join(output.get("traceback", []))
            for kind, content in output.get("data", {}).items():
                if kind.startswith("text/"):
                    yield cell["id"], text_of(content)


def test_there_are_notebooks_to_look_at():
    assert all(FOLDERS.values())


# Files

def test_the_names_of_the_three_folders_match():
    lectures, solutions, exercises = ({path.name for path in paths} for paths in FOLDERS.values())
    assert exercises == solutions
    assert {name for name in exercises if not name.startswith("10_")} <= lectures


def test_the_packaged_copies_have_the_same_names():
    assert {path.name for path in (ROOT / "dlm_course" / "course" / "released").glob("*.ipynb")} == \
        {path.name for path in FOLDERS["exercises"]}


@pytest.mark.parametrize("path", EVERY)
def test_name_and_size(path):
    assert re.fullmatch(r"\d\d_[a-z0-9]+(_[a-z0-9]+)*\.ipynb", path.name)
    assert path.stat().st_size < 1_000_000


def test_a_number_belongs_to_one_topic():
    names = {path.name for paths in FOLDERS.values() for path in paths}
    assert len({name[:2] for name in names}) == len(names)


@pytest.mark.parametrize("path", EVERY)
def test_format_and_kernel(path):
    notebook = read(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "dlm_course", "widgets"}


@pytest.mark.parametrize("path", EVERY)
def test_the_outputs_are_those_of_the_present_source(path):
    digest = hashlib.sha256()
    for cell in cells_of(path):
        digest.update(f"{cell['cell_type']}\0{text_of(cell['source'])}\0".encode())
    assert read(path)["metadata"]["dlm_course"]["source_sha256"] == digest.hexdigest()


# Cells

@pytest.mark.parametrize("path", EVERY)
def test_cell_ids_are_unique_and_for_people(path):
    ids = [cell["id"] for cell in cells_of(path)]
    assert len(set(ids)) == len(ids)
    for id_ in ids:
        assert READABLE.fullmatch(id_), id_
        assert not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?", id_), f"{id_} is a machine's"


@pytest.mark.parametrize("path", EVERY)
def test_every_cell_was_executed_once_and_in_order(path):
    code = cells_of(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert all(text_of(cell["source"]).strip() for cell in code), "an empty cell"


@pytest.mark.parametrize("path", EVERY)
def test_no_error_is_stored_unless_it_is_meant(path):
    for cell in cells_of(path, "code"):
        errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
        assert bool(errors) == ("raises-exception" in tags_of(cell)), cell["id"]


@pytest.mark.parametrize("path", EVERY)
def test_nothing_stands_on_stderr(path):
    for cell in cells_of(path, "code"):
        for output in cell["outputs"]:
            assert output.get("name") != "stderr", f"{cell['id']}: {text_of(output['text'])[:200]}"


@pytest.mark.parametrize("path", EVERY)
def test_few_cells_go_unchecked_and_a_claim_follows_each(path):
    code = cells_of(path, "code")
    unchecked = [number for number, cell in enumerate(code) if is_unchecked(cell)]
    assert 5 * len(unchecked) <= len(code)
    for number in unchecked:
        following = code[number + 1] if number + 1 < len(code) else None
        assert following is not None, f"{code[number]['id']} is the last code cell"
        assert not is_unchecked(following), following["id"]
        assert "✓" in printed(following), f"{code[number]['id']} is not followed by a claim"


@pytest.mark.parametrize("path", EVERY)
def test_only_known_tags(path):
    known = {"nbval-ignore-output", "nbval-check-output", "nbval-skip", "raises-exception", "project"}
    for cell in cells_of(path):
        assert set(tags_of(cell)) <= known, cell["id"]
        assert set(cell["metadata"]) <= {"tags", "nbgrader"}, cell["id"]


@pytest.mark.parametrize("path", EVERY)
def test_no_path_of_a_machine(path):
    for id_, text in texts(path):
        assert not HOME.search(text), f"{id_}: {HOME.search(text).group()}"


@pytest.mark.parametrize(("text", "found"), [
    ("/home/me/x.py", True), ("at /tmp/ipykernel_12/3.py", True), ("File '/root/a'", True), ("path=/work/main", True),
    ("file:///Users/me", True), ("C:\\Users\\me", True), ("(/tmp)", True), ("https://x.org/home/a", False),
    ("the /homework of", False), ("a/tmp/b", False), ("1/work", False), ("../tmp/x", False)])
def test_what_a_path_of_a_machine_is(text, found):
    assert bool(HOME.search(text)) is found


# Links

def links(path):
    for cell in cells_of(path, "markdown"):
        source = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "", text_of(cell["source"]), flags=re.DOTALL)
        for groups in LINK.findall(source):
            yield cell["id"], next(target for target in groups if target)


@pytest.mark.parametrize("path", EVERY)
def test_links_lead_somewhere(path):
    for id_, link in links(path):
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https://", "http://", "mailto:", "attachment:")), f"{id_}: {link}"
            continue
        file, _, place = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT), f"{id_}: {link} leaves the course"
        assert target.exists(), f"{id_}: {link}"
        if file and place and target.suffix == ".ipynb":
            assert place in [cell["id"] for cell in cells_of(target)], f"{id_}: {link}"


# Lectures

@pytest.mark.parametrize("path", LECTURES)
def test_a_lecture_begins_with_what_it_gives_and_needs(path):
    first = cells_of(path)[0]
    assert first["cell_type"] == "markdown"
    text = text_of(first["source"])
    assert text.startswith(f"# {path.name[:2]} · ")
    places = [text.find(heading) for heading in ("**After this lecture you can**", "**You need**", "**Time**")]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("path", LECTURES)
def test_a_lecture_prints_claims(path):
    claims = [line for cell in cells_of(path, "code") if not is_unchecked(cell) for line in printed(cell).splitlines()
              if line.startswith("✓")]
    assert claims
    assert not any("✗" in printed(cell) for cell in cells_of(path, "code"))


@pytest.mark.parametrize("path", LECTURES)
def test_a_lecture_closes_with_a_summary_what_to_do_and_references(path):
    text = text_of(cells_of(path)[-1]["source"])
    for part in ("## Summary", "**References**"):
        assert part in text
    if (ROOT / "exercises" / path.name).exists():
        assert f"(../exercises/{path.name})" in text


# Exercises and solutions

def is_written(cell):
    """True for an answer in words, which a person grades."""
    nbgrader = cell["metadata"].get("nbgrader", {})
    return bool(nbgrader.get("solution") and nbgrader.get("grade"))


@pytest.mark.parametrize("name", [path.name for path in FOLDERS["exercises"]])
def test_an_exercise_differs_from_its_solution_in_the_answers_only(name):
    exercise, solution = (cells_of(ROOT / folder / name) for folder in ("exercises", "solutions"))
    assert [cell["id"] for cell in exercise] == [cell["id"] for cell in solution]
    for ours, theirs in zip(exercise, solution, strict=True):
        if is_written(theirs):
            assert text_of(ours["source"]) == "YOUR ANSWER HERE" != text_of(theirs["source"])
        elif theirs["metadata"].get("nbgrader", {}).get("solution"):
            assert "### BEGIN SOLUTION" in text_of(theirs["source"])
            assert "SOLUTION" not in text_of(ours["source"])
            assert re.search(r"^ *\.\.\.$", text_of(ours["source"]), re.MULTILINE)
        else:
            assert text_of(ours["source"]) == text_of(theirs["source"])


@pytest.mark.parametrize("name", [path.name for path in FOLDERS["exercises"]])
def test_every_answer_has_its_check_and_the_points_are_said(name):
    cells = cells_of(ROOT / "exercises" / name)
    answers = [cell["id"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("solution")
               and not is_written(cell)]
    graded = {cell["id"]: cell["metadata"]["nbgrader"]["points"] for cell in cells
              if cell["metadata"].get("nbgrader", {}).get("grade") and not is_written(cell)}
    written = [cell["metadata"]["nbgrader"]["points"] for cell in cells if is_written(cell)]
    assert list(graded) == [f"{id_}-check" for id_ in answers]
    assert re.search(rf"\b{sum(graded.values()) + sum(written)} points?\b", text_of(cells[0]["source"]))
    tasks = {match.group(1): int(match.group(2)) for cell in cells if cell["cell_type"] == "markdown"
             for match in [re.search(r"^## Task (\d\d-\d+) · .*?(\d+) points?$", text_of(cell["source"]),
                                     re.MULTILINE | re.DOTALL)] if match}
    assert tasks == {id_[:4]: points for id_, points in graded.items()}
    for number, cell in enumerate(cells):
        if is_written(cell):  # the question before it says the points, and a table what they are given for
            question = text_of(cells[number - 1]["source"])
            assert int(re.search(r"^(\d+) points?$", question, re.MULTILINE).group(1)) == \
                sum(map(int, re.findall(r"^\| (\d+) \|", question, re.MULTILINE))) == \
                cell["metadata"]["nbgrader"]["points"]


@pytest.mark.parametrize("name", [path.name for path in FOLDERS["exercises"]])
def test_solved_all_pass_and_untouched_none_is_attempted(name):
    for folder, mark in (("solutions", "✓"), ("exercises", "○")):
        for cell in cells_of(ROOT / folder / name, "code"):
            if cell["metadata"].get("nbgrader", {}).get("grade"):
                assert printed(cell).startswith(f"{mark} {cell['id'].removesuffix('-check')}")
                assert len(cell["outputs"]) == printed(cell).count("\n") == 1


@pytest.mark.parametrize("name", [path.name for path in FOLDERS["exercises"] if not path.name.startswith("10_")])
def test_a_set_ends_with_a_reward_that_waits_for_its_tasks(name):
    """The capstone uses the student's functions all along."""
    solution, exercise = (cells_of(ROOT / folder / name, "code")[-1] for folder in ("solutions", "exercises"))
    assert solution["id"] == exercise["id"] == "reward"
    tasks = re.search(r"^if yours := passed\((.*)\):$", text_of(solution["source"]), re.MULTILINE).group(1)
    ids = re.findall(r'"(\d\d-\d)"', tasks)
    functions = {cell["id"][:4]: re.search(r"^def (\w+)", text_of(cell["source"]), re.MULTILINE).group(1)
                 for cell in cells_of(ROOT / "exercises" / name, "code")
                 if cell["metadata"].get("nbgrader", {}).get("solution")}
    used = {id_ for id_, function in functions.items() if f"yours.{function}(" in text_of(solution["source"])}
    assert used <= {*ids} <= {*functions}       # and those that a student may have built these from
    assert len(printed(solution)) > 100
    assert printed(exercise).startswith("○ this cell waits for task")
