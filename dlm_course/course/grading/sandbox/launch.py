"""How a warm parent is started: with which command, in which environment, and what of this machine it sees.

It sees the interpreter with its libraries, the system's libraries, and a copy of the package without what gives
answers away: the questions of every topic, released notebooks, the author's tools, the grader itself.
"""

import ast
import importlib.util
import json
import os
import shutil
import site
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dlm_course.course.grading.sandbox.wire import SCRATCH, Limits
from dlm_course.course.topics import RELEASED, notebook_name

COURSE = "/course"    # where the copy of the package is in a sandbox

_PACKAGE = Path(__file__).parents[3]
# What of dlm_course/course is copied; a file that is not named here is not seen.
_SEEN = ("__init__.py", "topics.py", "verdict.py", "student/__init__.py", "questions/__init__.py",
         "questions/question.py", "questions/running.py", "questions/judging.py", "questions/arrays.py",
         "questions/given.py", "questions/mistakes.py", "grading/__init__.py",
         *(f"grading/sandbox/{name}.py" for name in ("__init__", "wire", "confine", "processes", "forked", "answering",
                                                      "warm_parent")))
_LOADED = ("torch", "numpy", "matplotlib", "IPython", "cloudpickle")
_OTHER_IMPORTS = {"07": ["import torch._dynamo"]}    # the first optimizer of a process loads it, for seconds
_MODULE = ("-P", "-m", "dlm_course.course.grading.sandbox.warm_parent")
_ENVIRONMENT = {
    "HOME": SCRATCH, "TMPDIR": SCRATCH, "USER": "nobody", "LOGNAME": "nobody", "LANG": "C.UTF-8", "TZ": "UTC",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1",
    "MPLBACKEND": "Agg", "MPLCONFIGDIR": SCRATCH, "IPYTHONDIR": SCRATCH,
    "PIP_NO_INDEX": "1",    # there is no network: `%pip install` says so at once
}


@dataclass(frozen=True)
class Launch:
    """A command, its whole environment, and the command that ends what it started, if there is one."""

    command: tuple[str, ...]
    environment: dict[str, str]
    kill: tuple[str, ...] = ()


def copy_package(folder: Path) -> None:
    """Put into the folder what an answer may see of the package, readable for every user."""
    course = _PACKAGE / "course"
    for source in sorted(_PACKAGE.rglob("*")):
        if source.is_dir() or "__pycache__" in source.parts:
            continue
        if course in source.parents and source.relative_to(course).as_posix() not in _SEEN:
            continue
        target = folder / source.relative_to(_PACKAGE.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def given_imports(topic: str) -> list[str]:
    """What the warm parent may load beforehand: the import statements of a topic's notebook as it was released, and
    what its answers often need besides."""
    notebook = json.loads((RELEASED / notebook_name(topic)).read_text(encoding="utf-8"))
    cells = (cell for cell in notebook["cells"]
             if cell["cell_type"] == "code" and "project" not in cell["metadata"].get("tags", []))
    statements = (statement for cell in cells for statement in ast.parse("".join(cell["source"])).body)
    imports = [ast.unparse(statement) for statement in statements
               if isinstance(statement, ast.Import | ast.ImportFrom)]
    return imports + _OTHER_IMPORTS.get(topic, [])


# Without a sandbox

def plain(copy: Path) -> Launch:
    """The warm parent as a process like any other."""
    environment = {**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": _python_path(str(copy))}
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"):
        environment[name] = str(copy.parent)
    return Launch((sys.executable, *_MODULE, "none"), environment)


# In bubblewrap

def bubblewrap(copy: Path) -> Launch:
    """The warm parent in namespaces of its own.

    For root, a namespace of users would only rename it. So root makes none, and the warm parent becomes nobody once it
    has made /proc complete; for this alone it has a few of root's capabilities.
    """
    command = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
               "--hostname", "grader", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if os.geteuid() == 0:
        for capability in ("SETUID", "SETGID", "SETPCAP", "SYS_ADMIN"):
            command += ["--cap-add", f"CAP_{capability}"]
    else:
        command += ["--unshare-user"]
    seen, hidden = _seen_and_hidden()
    made: set[Path] = set()
    for place in seen:
        command += [*_folders_above(Path(place), made), "--ro-bind", place, place]
    for place in hidden:
        command += ["--tmpfs", place, "--remount-ro", place]
    for place in ("/bin", "/lib", "/lib64"):
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
    command += ["--ro-bind", str(copy), COURSE, "--proc", "/proc", "--perms", "0755", "--tmpfs", "/dev"]
    for name in ("null", "zero", "full", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    command += ["--symlink", "/proc/self/fd", "/dev/fd", "--perms", "0755", "--dir", "/dev/shm", "--remount-ro", "/dev",
                "--perms", "1777", "--tmpfs", SCRATCH,
                "--perms", "0755", "--dir", "/tmp", "--chdir", SCRATCH, "--remount-ro", "/"]
    for name, value in {**_ENVIRONMENT, "PYTHONPATH": _python_path(COURSE)}.items():
        command += ["--setenv", name, value]
    command += ["--", sys.executable, *_MODULE, "bubblewrap"]
    return Launch(tuple(command), {"PATH": os.environ.get("PATH", os.defpath)})


def _folders_above(place: Path, made: set[Path]) -> Iterator[str]:
    """Arguments that make the folders above this one, which bubblewrap by itself makes for root alone."""
    for folder in reversed(place.parents[:-1]):
        if folder not in made:
            made.add(folder)
            yield from ("--perms", "0755", "--dir", str(folder))


def _seen_and_hidden() -> tuple[list[str], list[str]]:
    """The files and folders of this machine that are seen, in an order in which they can be mounted; and what is
    hidden in them: every installation of the package, and the folder of the course if it lies in one of them."""
    seen = {Path(prefix, name) for prefix in ("/usr", *_prefixes())
            for name in ("bin", "lib", "lib32", "lib64", "pyvenv.cfg")}
    seen |= {Path(place) for place in ("/bin", "/lib", "/lib64") if not os.path.islink(place)}
    seen |= {Path("/etc/ld.so.cache"), Path("/etc/alternatives"), *_library_folders()}
    seen = {place for place in seen if place.exists()}
    seen = {place for place in seen if not any(above in seen for above in place.parents)}
    inside = [folder / "dlm_course" for folder in _library_folders()]
    inside += [found for place in seen for found in place.glob("python3*/*-packages/dlm_course")]
    root = _PACKAGE.parent
    inside.append(root if (root / "pyproject.toml").exists() else _PACKAGE)
    hidden = {place for place in inside if place.is_dir() and any(above in seen for above in (place, *place.parents))}
    hidden = {place for place in hidden if not any(above in hidden for above in place.parents)}
    return [str(place) for place in sorted(seen)], [str(place) for place in sorted(hidden)]


def _prefixes() -> Iterator[str]:
    """Where the interpreter and the environment are, also by their names without links."""
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
        yield from (prefix, os.path.realpath(prefix))


def _library_folders() -> list[Path]:
    """The folders from which this process has what the warm parent loads."""
    found = dict.fromkeys(Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages")))
    for name in _LOADED:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            found.setdefault(Path(spec.origin).parents[1])
    return [folder for folder in found if folder.is_dir()]


def _python_path(course: str) -> str:
    found_anyway = {os.path.realpath(folder) for folder in site.getsitepackages()}
    others = [str(folder) for folder in _library_folders() if os.path.realpath(folder) not in found_anyway]
    return os.pathsep.join([course, *others])


# In a container

# An engine's own limits are higher than what a machine may allow that is itself a container: then it starts nothing.
_ULIMITS = ("--ulimit", "core=0", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


def container(engine: str, image: str, copy: Path, limits: Limits, hidden: Iterable[str], name: str) -> Launch:
    """The warm parent in `docker run` or `podman run`.

    It runs as the container's root, with the capabilities to run answers as another user and to kill them, no others.
    `hidden` are folders of the image in which the course is installed.
    """
    memory = str(limits.memory + 2**30)    # the warm parent's own beside the answer's
    command = [engine, "run", "--rm", "--interactive", "--name", name, "--pull", "never", "--network", "none",
               "--hostname", "grader", "--read-only", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "SETUID",
               "--cap-add", "SETGID", "--cap-add", "KILL", "--security-opt", "no-new-privileges", "--ipc", "private",
               "--shm-size", str(limits.scratch),
               "--tmpfs", f"{SCRATCH}:rw,nosuid,nodev,mode=1777,size={limits.scratch}",
               "--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + 16),
               *_ULIMITS, "--log-driver", "none", "--volume", f"{copy}:{COURSE}:ro,z", "--workdir", SCRATCH]
    for place in hidden:
        command += ["--tmpfs", f"{place}:ro,size=4k"]
    for key, value in {**_ENVIRONMENT, "PYTHONPATH": COURSE}.items():
        command += ["--env", f"{key}={value}"]
    command += ["--entrypoint", "python3", image, *_MODULE, "container"]
    return Launch(tuple(command), dict(os.environ), (engine, "kill", name))


def looking_for_the_course(engine: str, image: str) -> tuple[str, ...]:
    """The command that prints, as a list in JSON, the folders of the image that `container` must hide."""
    return (engine, "run", "--rm", "--pull", "never", "--network", "none", *_ULIMITS, "--log-driver", "none",
            "--entrypoint", "python3", image, "-c", _LOOKING)


# Where the package is installed from a checkout, all of that; where its environment lies in there, all but this.
_LOOKING = """
import importlib.util, json, pathlib, sys
spec = importlib.util.find_spec("dlm_course")
found = []
for package in map(pathlib.Path, spec.submodule_search_locations if spec else ()):
    root = package.parent if (package.parent / "pyproject.toml").exists() else package
    needed = [pathlib.Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    needed = {place for prefix in needed for place in (prefix, *prefix.parents)}
    inside = [place for place in sorted(root.iterdir()) if place.is_dir() and place not in needed]
    found += inside if root in needed else [root]
print(json.dumps(list(map(str, found))))
"""
