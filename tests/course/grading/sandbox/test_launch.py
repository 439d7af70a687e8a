"""How a warm parent is started: what it sees of the package and of this machine, and with which rights."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from small_sandboxes import found, opened

from dlm_course.course.grading.sandbox import launch
from dlm_course.course.grading.sandbox.wire import SCRATCH, Limits
from dlm_course.course.topics import TOPICS


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    launch.copy_package(folder)
    return folder


# The copy of the package

def test_the_copy_has_no_question_no_solution_and_no_grader(copy):
    files = {path.relative_to(copy / "dlm_course").as_posix() for path in copy.rglob("*") if path.is_file()}
    assert {file for file in files if any(name in file for name in TOPICS.values())} == set()
    assert {file for file in files if file.startswith("course/")} == {f"course/{file}" for file in launch._SEEN}
    assert {"__init__.py", "__init__.pyi", "chain/transition.py", "model/shipped/python_reference.safetensors"} <= files
    assert not any("__pycache__" in file for file in files)


def test_all_that_is_named_is_there():
    assert [file for file in launch._SEEN if not (launch._PACKAGE / "course" / file).is_file()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_every_user_can_read_the_copy_whatever_the_rights_of_the_package(copy):
    assert {path.stat().st_mode & 0o777 for path in copy.rglob("*")} == {0o755, 0o644}


def test_the_copy_is_enough_for_the_warm_parent(copy):
    code = "from dlm_course.course.grading.sandbox import answering, warm_parent; print(answering.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(copy)})
    assert done.stdout.startswith(str(copy)), done.stderr


# What is loaded beforehand

@pytest.mark.parametrize("topic", TOPICS)
def test_the_imports_of_a_notebook(topic):
    lines = launch.given_imports(topic)
    assert any(line.startswith("import torch") for line in lines)
    for line in lines:
        compile(line, "", "exec")
        assert line.startswith(("import ", "from "))


# bubblewrap

@pytest.fixture
def command(monkeypatch, tmp_path):
    def of(uid):
        monkeypatch.setattr(os, "geteuid", lambda: uid, raising=False)
        return launch.bubblewrap(tmp_path).command
    return of


def pairs(command, option, length=2):
    return [tuple(command[n + 1:n + length]) for n, word in enumerate(command) if word == option]


def test_an_ordinary_user_gets_a_namespace_of_users_and_no_capability(command):
    words = command(1000)
    assert {"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--die-with-parent",
            "--new-session", "--clearenv"} <= set(words)
    assert pairs(words, "--cap-drop") == [("ALL",)]
    assert "--cap-add" not in words


def test_root_gets_no_namespace_of_users_and_becomes_nobody_inside(command):
    words = command(0)
    assert "--unshare-user" not in words
    assert "--uid" not in words
    assert set(pairs(words, "--cap-add")) == {("CAP_SETUID",), ("CAP_SETGID",), ("CAP_SETPCAP",), ("CAP_SYS_ADMIN",)}


def test_what_is_mounted_is_read_only(command):
    words = command(1000)
    assert "--bind" not in words
    assert {place for place, in pairs(words, "--remount-ro")} >= {"/", "/dev"}
    assert ("1777", "--tmpfs", SCRATCH) in pairs(words, "--perms", 4)
    seen = [place for place, _ in pairs(words, "--ro-bind", 3)]
    private = ["/", "/home", "/root", "/usr", "/etc", "/var", str(Path.home()), str(launch._PACKAGE.parent)]
    assert [place for place in private if place in seen] == []


def test_no_variable_of_the_grader_is_passed_on(command, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    words = command(1000)
    assert set(launch.bubblewrap(Path("x")).environment) == {"PATH"}
    assert {name for name, _ in pairs(words, "--setenv", 3)} == {*launch._ENVIRONMENT, "PYTHONPATH"}


def test_the_course_is_hidden_wherever_it_is_installed(tmp_path, monkeypatch):
    """In an environment's own folder, it would be seen with the libraries; and so would a checkout in it."""
    site = tmp_path / "environment" / "lib" / "python3.11" / "site-packages"
    questions = site / "dlm_course" / "course" / "questions"
    questions.mkdir(parents=True)
    (questions / "single_token_chains.py").write_text("ANSWER = 42")
    (site / "other.py").write_text("")
    checkout = tmp_path / "environment" / "lib" / "course"
    (checkout / "dlm_course").mkdir(parents=True)
    (checkout / "solutions").mkdir()
    (checkout / "pyproject.toml").write_text("")
    monkeypatch.setattr(sys, "exec_prefix", str(tmp_path / "environment"))
    seen, hidden = launch._seen_and_hidden()
    assert str(tmp_path / "environment" / "lib") in seen
    assert str(site / "dlm_course") in hidden
    monkeypatch.setattr(launch, "_PACKAGE", checkout / "dlm_course")
    assert str(checkout) in launch._seen_and_hidden()[1]
    monkeypatch.undo()
    monkeypatch.setattr(sys, "exec_prefix", str(tmp_path / "environment"))
    with opened() as box:
        assert found(box, f"""
            import os
            def answer():
                return [os.listdir({str(site)!r}), os.listdir({str(site / "dlm_course")!r})]
            """) == [sorted(os.listdir(site)), []]


# Containers

def test_the_command_of_a_container(tmp_path):
    limits = Limits(memory=3 * 2**30, processes=10, scratch=777)
    start = launch.container("podman", "course:1", tmp_path, limits, ["/opt/course"], "a-name")
    command = start.command
    assert command[:2] == ("podman", "run")
    for option, values in {"--network": ["none"], "--cap-drop": ["ALL"], "--cap-add": ["SETUID", "SETGID", "KILL"],
                           "--security-opt": ["no-new-privileges"], "--pull": ["never"], "--user": ["0:0"],
                           "--memory": [str(4 * 2**30)], "--memory-swap": [str(4 * 2**30)], "--pids-limit": ["26"],
                           "--volume": [f"{tmp_path}:{launch.COURSE}:ro,z"], "--log-driver": ["none"],
                           "--entrypoint": ["python3"], "--name": ["a-name"], "--shm-size": ["777"],
                           "--tmpfs": [f"{SCRATCH}:rw,nosuid,nodev,mode=1777,size=777", "/opt/course:ro,size=4k"],
                           }.items():
        assert [value for value, in pairs(command, option)] == values
    assert {"--rm", "--read-only", "--interactive"} <= set(command)
    assert not {"--privileged", "-v", "--device", "--pid"} & set(command)
    assert command[-6:-2] == ("python3", "course:1", "-P", "-m")
    assert command[-2:] == ("dlm_course.course.grading.sandbox.warm_parent", "container")
    assert f"PYTHONPATH={launch.COURSE}" in [value for value, in pairs(command, "--env")]
    assert start.kill == ("podman", "kill", "a-name")


@pytest.mark.parametrize("environment", [False, True], ids=["apart", "in the checkout"])
def test_the_course_is_looked_for_in_the_image(tmp_path, environment):
    """The command's own code, in an interpreter that has a checkout: its solutions are beside the package."""
    checkout = tmp_path / "checkout"
    for folder in ("dlm_course", "solutions"):
        (checkout / folder).mkdir(parents=True)
    (checkout / "dlm_course" / "__init__.py").touch()
    (checkout / "pyproject.toml").touch()
    python = Path(sys.executable)
    if environment:
        venv.create(checkout / ".venv", symlinks=True)
        python = checkout / ".venv" / "bin" / "python"
    *_, flag, code = launch.looking_for_the_course("docker", "course")
    assert flag == "-c"
    done = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(checkout)})
    hidden = [checkout / "dlm_course", checkout / "solutions"] if environment else [checkout]
    assert json.loads(done.stdout) == list(map(str, hidden))
