"""Open the course in JupyterLab: one server on the loopback, one URL with its token."""

import html
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from types import FrameType

HOST = "127.0.0.1"
START_TIMEOUT = 60  # seconds
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the loopback is behind no proxy
SETTINGS = Path(__file__).parent / "lab_settings"


class LabError(RuntimeError):
    """JupyterLab could not be started."""


def open_lab(root: Path, *, port: int = 0, browser: bool = True) -> int:
    """Serve the folder `root` and open its first notebook; returns the server's exit code once it has ended.

    Ctrl-C, or a signal that ends this process, ends the server too, without asking. Raises LabError where the port is
    taken or the server does not answer.
    """
    port = _free_port(port)
    token = secrets.token_urlsafe(24)
    first = sorted((root / "lectures").glob("*.ipynb"))
    page = f"lab/tree/{first[0].relative_to(root).as_posix()}" if first else "lab"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.ip={HOST}",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}",
               "--ServerApp.answer_yes=True", "--ServerApp.log_level=ERROR", "--LabApp.log_level=ERROR",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if os.name == "posix":  # a login shell, JupyterLab's own choice where there is no tty, would reset PATH
        shell = os.environ.get("SHELL", "/bin/sh")
        command.append(f"--ServerApp.terminado_settings={{'shell_command': ['{shell}']}}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    # The terminals that JupyterLab opens should find `dlm-course`, also where the environment is not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # Settings of the course, below the reader's own: markdown files open rendered.
    settings = os.pathsep.join(filter(None, [os.environ.get("JUPYTER_CONFIG_PATH"), str(SETTINGS)]))
    # The token goes by environment, since other users of the machine can read a command line.
    environment = {**os.environ, "JUPYTER_TOKEN": token, "PATH": path, "JUPYTER_CONFIG_PATH": settings}
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    server, page_file = None, None
    try:
        server = subprocess.Popen(command, cwd=root, env=environment)
        _wait(server, f"http://{HOST}:{port}/api")
        _refuse_if_open(f"http://{HOST}:{port}/api/status")
        url = f"http://{HOST}:{port}/{page}?token={token}"
        print(f"The course is open at {url}\nCtrl-C ends it.", flush=True)
        if browser:
            page_file = _open_in_browser(url)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if server:
            _end(server)
        if page_file:
            page_file.unlink(missing_ok=True)


def _open_in_browser(url: str) -> Path:
    """Open the URL by way of a file that only its owner can read: the browser's command line then shows no token."""
    handle, name = tempfile.mkstemp(prefix="dlm-course-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<meta http-equiv="refresh" content="0;url={html.escape(url)}">')
    webbrowser.open(Path(name).as_uri())
    return Path(name)


def _refuse_if_open(url: str) -> None:
    """Raise LabError if the server answers without a token, as a configuration of the reader's own can make it."""
    try:
        with _DIRECT.open(url, timeout=10):
            pass
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return
        raise LabError(f"JupyterLab answered with an error of its own ({error})") from None
    raise LabError("the server answers without its token: your Jupyter configuration switches it off "
                   "(IdentityProvider.token), so that every user of this machine could run code as you")


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            other = port + 1 if 0 < port < 65_535 else 8888
            raise LabError(f"port {port} cannot be used ({error}); is the course open already? Take another (make lab "
                           f"PORT={other}, or dlm-course lab --port {other}), or name none: a free one is found"
                           ) from None
        return probe.getsockname()[1]


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wait(server: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise LabError(f"JupyterLab ended at once, with exit code {server.returncode}; its message stands above")
        try:
            with _DIRECT.open(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise LabError(f"JupyterLab did not answer within {START_TIMEOUT} seconds")


def _end(server: subprocess.Popen) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=5)  # its kernels are down by then; an idle thread can keep it for longer
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            server.kill()
            server.wait()
