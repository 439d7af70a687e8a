"""A stand-in for docker: it does with bubblewrap what its `run` and `kill` are asked for here. It needs root.

The image "without-namespaces" forbids them to the container, as docker does by default; "with-namespaces" does not;
there are no other images.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from dlm_course.course.grading.sandbox import confine, launch

IMAGES = ("with-namespaces", "without-namespaces")
ALLOW, REFUSE = 0x7FFF0000, 0x00050001


def installed(folder):
    """Make `docker` in this folder."""
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\nPYTHONPATH={os.pathsep.join(filter(None, sys.path))} "
                      f"exec {sys.executable} {__file__} {folder} \"$@\"\n")
    docker.chmod(0o755)


def _options(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in ("--rm", "--interactive", "--read-only"):
        parser.add_argument(flag, action="store_true")
    for option in ("--name", "--pull", "--network", "--hostname", "--user", "--ipc", "--shm-size", "--memory",
                   "--memory-swap", "--pids-limit", "--log-driver", "--workdir", "--entrypoint"):
        parser.add_argument(option)
    for option in ("--cap-drop", "--cap-add", "--security-opt", "--tmpfs", "--ulimit", "--volume", "--env"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def _run(folder, options):
    if options.image not in IMAGES:
        sys.exit("Unable to find image locally")
    assert options.entrypoint == "python3"
    assert options.network == "none"
    if options.name is None:    # the look for the course, which only reads
        os.execv(sys.executable, [sys.executable, *options.command])
    assert options.read_only
    assert options.interactive
    assert options.cap_drop == ["ALL"]
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--as-pid-1", "--die-with-parent",
               "--clearenv", "--cap-drop", "ALL"]
    for capability in options.cap_add:
        command += ["--cap-add", f"CAP_{capability}"]
    made = set()
    for place in launch._seen_and_hidden()[0]:
        command += [*launch._folders_above(Path(place), made), "--ro-bind", place, place]
    for place in ("/bin", "/lib", "/lib64"):
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
    for volume in options.volume:
        source, target, mode = volume.split(":")
        assert mode.split(",")[0] == "ro"
        command += ["--ro-bind", source, target]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--size", options.shm_size, "--tmpfs", "/dev/shm"]
    for place, _, how in (text.partition(":") for text in options.tmpfs):
        sizes = [text[5:] for text in how.split(",") if text.startswith("size=") and text[5:].isdigit()]
        command += ["--size", *(sizes or ["4096"]), "--perms", "1777", "--tmpfs", place]
        command += ["--remount-ro", place] if "ro" in how.split(",") else []
    for key, _, value in (text.partition("=") for text in options.env):
        command += ["--setenv", key, value]
    command += ["--setenv", "PYTHONPATH", launch._python_path(launch.COURSE), "--chdir", options.workdir,
                "--remount-ro", "/"]
    if options.image == "without-namespaces":
        number = confine._REFUSED["unshare"][confine._MACHINES[os.uname().machine][0]]
        file = tempfile.TemporaryFile()    # noqa: SIM115
        file.write(b"".join(struct.pack("HBBI", *line) for line in (
            (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, REFUSE), (0x06, 0, 0, ALLOW))))
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        command += ["--seccomp", str(file.fileno())]
    (folder / options.name).write_text(str(os.getpid()))
    os.execvp("bwrap", [*command, "--", sys.executable, *options.command])


if __name__ == "__main__":
    what, arguments = sys.argv[2], sys.argv[3:]
    if what == "run":
        _run(Path(sys.argv[1]), _options(arguments))
    elif what == "kill":
        subprocess.run(["kill", "-9", (Path(sys.argv[1]) / arguments[0]).read_text()], check=False)
