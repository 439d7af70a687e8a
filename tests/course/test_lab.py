"""`dlm-course lab` as a student meets it: a process that prints one URL, and that Ctrl-C ends with all it started."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FIRST = sorted((ROOT / "lectures").glob("*.ipynb"))[0].relative_to(ROOT).as_posix()
URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab/tree/(\S+)\?token=(\S+)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(port):
    program = shutil.which("dlm-course", path=str(Path(sys.executable).parent))
    assert program, "the package is not installed beside this Python"
    return [program, "lab", "--no-browser", "--port", str(port)]


@contextmanager
def running_lab(folder):
    """A lab in a session of its own, with no Jupyter settings but the course's; what it started ends with the block."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    port, printed, log = free_port(), folder / "stdout", folder / "stderr"
    with printed.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(command(port), cwd=ROOT, stdout=out, stderr=err, start_new_session=True,
                                   env={**os.environ, **{name: str(folder / name) for name in names}})
    try:
        deadline = time.monotonic() + 60
        while not (found := URL.search(printed.read_text(encoding="utf-8"))):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "no URL within a minute\n" + log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield SimpleNamespace(process=process, port=port, printed=printed, page=found[2], token=found[3])
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            _, alive = psutil.wait_procs([psutil.Process(process.pid), *family], timeout=15)
            for left in alive:
                left.kill()


def ask(lab, path, *, token=None, method="GET"):
    """The status, the final address and the body of the answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{lab.port}/{path}", method=method,
                                     data=b"{}" if method == "POST" else None,
                                     headers={"Authorization": f"token {token}"} if token else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.url, error.read().decode()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def test_prints_one_url_with_its_token(lab):
    printed = lab.printed.read_text(encoding="utf-8")
    assert printed.count("http") == 1
    assert f"http://127.0.0.1:{lab.port}/lab/tree/{FIRST}?token={lab.token}" in printed
    assert len(lab.token) >= 32
    assert "Ctrl-C" in printed


def test_listens_on_the_loopback_alone(lab):
    for interface in psutil.net_if_addrs().values():
        for family, address, *_ in interface:
            if family in (socket.AF_INET, socket.AF_INET6) and address != "127.0.0.1":
                with pytest.raises(OSError):  # noqa: PT011
                    socket.create_connection((address, lab.port), timeout=5).close()
    socket.create_connection(("127.0.0.1", lab.port), timeout=5).close()


def test_opens_nothing_without_the_token(lab):
    for token in (None, "wrong"):
        status, url, _ = ask(lab, "lab", token=token)
        assert status == 403 or "/login" in url
        assert ask(lab, "api/contents", token=token)[0] == 403
        assert ask(lab, "api/kernels", token=token, method="POST")[0] == 403


def test_serves_the_first_notebook_with_the_token(lab):
    assert lab.page == FIRST
    assert ask(lab, f"lab/tree/{FIRST}", token=lab.token)[0] == 200
    status, _, body = ask(lab, f"api/contents/{FIRST}", token=lab.token)
    assert status == 200
    cells = json.loads((ROOT / FIRST).read_text(encoding="utf-8"))["cells"]
    assert [cell["source"] for cell in json.loads(body)["content"]["cells"]] == ["".join(c["source"]) for c in cells]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_shows_the_token_on_no_command_line(lab):
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue  # it has ended meanwhile
    assert any(str(lab.port).encode() in line for line in lines)
    assert not any(lab.token.encode() in line for line in lines)


@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False),
                                               (signal.SIGHUP, False)], ids=["ctrl-c", "int", "term", "hup"])
def test_a_signal_ends_it_and_all_it_started(tmp_path, number, to_all):
    with running_lab(tmp_path) as lab:
        assert ask(lab, "api/kernels", token=lab.token, method="POST")[0] == 201
        family = psutil.Process(lab.process.pid).children(recursive=True)
        assert len(family) >= 2  # the server and a kernel
        if to_all:
            os.killpg(lab.process.pid, number)
        else:
            lab.process.send_signal(number)
        assert lab.process.wait(timeout=15) == 0
        assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_taken_port_is_named_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(command(port), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"port {port} " in done.stderr
    assert "make lab PORT=" in done.stderr
    assert "dlm-course lab --port" in done.stderr
