"""JupyterLab in Chromium, as a student sees it: `dlm-course lab` on a copy of the notebooks, and a hand on the page."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync"]
KERNEL_TIMEOUT = 60_000  # milliseconds, for all cells of a notebook
COMPLAINT = '.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"]'  # so JupyterLab shows tracebacks as well

LEFT_AS_TYPED = r"""() => [...document.querySelectorAll('.jp-Notebook .jp-RenderedMarkdown')].flatMap(cell => {
    const wrong = [...cell.querySelectorAll('mjx-merror, mjx-mtext[style*=red]')].map(part => part.outerHTML);
    const text = cell.cloneNode(true);
    text.querySelectorAll('code, pre, mjx-container').forEach(part => part.remove());
    return [...wrong, ...(text.textContent.match(/.*([$`\\]|\*\*|<\/?[a-z]+>).*/g) || [])];
})"""


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium; a skip where there is none, a failure where DLM_COURSE_REQUIRE_BROWSER is set."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
        if not Path(program).exists():
            reason = f"no Chromium found (looked for {', '.join(BROWSERS)}, and for Playwright's own)"
            if os.environ.get("DLM_COURSE_REQUIRE_BROWSER"):
                pytest.fail(f"{reason}, and DLM_COURSE_REQUIRE_BROWSER is set")
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield chromium
        chromium.close()


class Lab:
    """A running `dlm-course lab`: its folder, its address and its token."""

    def __init__(self, folder: Path, address: str, token: str):
        self.folder, self.address, self.token = folder, address, token

    def url(self, notebook: str) -> str:
        return f"{self.address}/lab/tree/{notebook}?token={self.token}&reset"

    def wait_for_kernel(self) -> None:
        """Until one kernel is idle and connected: before that the page shows "idle" as well, having none yet."""
        deadline = time.monotonic() + KERNEL_TIMEOUT / 1000
        while (states := self._kernel_states()) != [("idle", 1)]:
            assert time.monotonic() < deadline, states
            time.sleep(0.1)

    def _kernel_states(self) -> list[tuple]:
        try:
            return [(kernel["execution_state"], kernel["connections"]) for kernel in self._get("kernels")]
        except urllib.error.HTTPError as error:  # asked while a kernel was coming or going
            return [(error.code, 0)]

    def end_kernels(self) -> None:
        for session in self._get("sessions"):
            with suppress(urllib.error.HTTPError):  # one that has just ended by itself
                self._api(f"sessions/{session['id']}", "DELETE")

    def _get(self, path: str) -> list[dict]:
        return json.loads(self._api(path))

    def _api(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"{self.address}/api/{path}", method=method,
                                         headers={"Authorization": f"token {self.token}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return answer.read()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """`dlm-course lab` on a copy of the notebooks. Every cell is kept in the page, also those out of sight."""
    home = tmp_path_factory.mktemp("home")
    settings = home / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}', encoding="utf-8")
    folder = tmp_path_factory.mktemp("course")
    for name in ("lectures", "exercises"):
        shutil.copytree(ROOT / name, folder / name)
    names = ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
             "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    program = shutil.which("dlm-course", path=str(Path(sys.executable).parent))
    printed = home / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen([program, "lab", "--no-browser"], cwd=folder, stdout=out, stderr=out,
                                   env={**os.environ, **{name: str(home / name) for name in names}})
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\S+)", printed.read_text("utf-8"))):
            assert process.poll() is None, printed.read_text("utf-8")
            assert time.monotonic() < deadline, printed.read_text("utf-8")
            time.sleep(0.1)
        yield Lab(folder, found[1], found[2])
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)                                # its kernels end first
        finally:
            process.kill()


@pytest.fixture
def open_notebook(browser, lab):
    """A function: the path of a notebook -> a fresh copy of it, open and with an idle kernel."""
    contexts = []

    def open_fresh(path: str) -> "Notebook":
        shutil.copyfile(ROOT / path, lab.folder / path)
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 1000}))
        return Notebook(contexts[-1].new_page(), lab, path)

    yield open_fresh
    for context in contexts:
        context.close()
    lab.end_kernels()


class Notebook:
    """An open notebook. Cells go by the ids that they have in the file."""

    def __init__(self, page, lab: Lab, path: str):
        self.page, self.lab = page, lab
        self.stored = json.loads((lab.folder / path).read_text(encoding="utf-8"))["cells"]
        self.elsewhere = []  # requests that leave this machine
        page.on("request", lambda request: None if request.url.startswith((lab.address, "data:", "blob:")) else
                self.elsewhere.append(request.url))
        page.goto(lab.url(path))
        self.cells = page.locator(".jp-Notebook .jp-Cell")
        page.wait_for_function("n => document.querySelectorAll('.jp-Notebook .jp-Cell').length == n",
                               arg=len(self.stored))
        lab.wait_for_kernel()
        self.wait_for_idle()

    def cell(self, cell_id: str):
        return self.cells.nth([cell["id"] for cell in self.stored].index(cell_id))

    def wait_for_idle(self) -> None:
        self.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=KERNEL_TIMEOUT)

    def restart_and_run_all(self) -> None:
        """Every cell from the top in a new kernel; returns at the end, or at once where something complains."""
        self._menu("Edit", "Clear Outputs of All Cells")
        self._menu("Kernel", "Restart Kernel and Run All Cells…")
        self.page.click(".jp-Dialog .jp-mod-accept")
        self.page.wait_for_function(
            """complaint => document.querySelector(complaint) ||
                   [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
                       .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))""",
            arg=COMPLAINT, timeout=KERNEL_TIMEOUT)
        self.wait_for_idle()

    def run(self, cell_id: str) -> str:
        """Shift+Enter in one cell; returns the text that it then shows."""
        self.cell(cell_id).evaluate("""cell => {
            window.ran = null;
            new MutationObserver(() => {
                const prompt = cell.querySelector('.jp-InputPrompt').textContent;
                if (prompt.includes('*')) window.ran = 'running';
                else if (window.ran && /\\d/.test(prompt)) window.ran = 'done';
            }).observe(cell, {childList: true, characterData: true, subtree: true});
        }""")
        self.cell(cell_id).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function("() => window.ran == 'done'", timeout=KERNEL_TIMEOUT)
        self.wait_for_idle()
        return self.output(cell_id)

    def output(self, cell_id: str) -> str:
        return "\n".join(self.cell(cell_id).locator(".jp-OutputArea-output").all_inner_texts())

    def outputs(self) -> str:
        return "\n".join(self.page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts())

    def complaints(self) -> list[str]:
        """All tracebacks and whatever else was written to stderr."""
        return self.page.locator(COMPLAINT).all_inner_texts()

    def left_as_typed(self) -> list[str]:
        """What Markdown and MathJax did not render, folded parts included: signs, tags, broken formulas."""
        deadline = time.monotonic() + 15
        while (found := self.page.evaluate(LEFT_AS_TYPED)) and time.monotonic() < deadline:
            self.page.wait_for_timeout(200)  # formulas are set one after the other
        return found

    def type_over(self, cell_id: str, line: str, text: str) -> None:
        """Replace one line of a cell, but for its indentation, by `text`."""
        lines = self.cell(cell_id).locator(".cm-line").all_inner_texts()
        where = [number for number, shown in enumerate(lines) if shown.strip() == line]
        assert len(where) == 1, f"{line!r} stands {len(where)} times in {lines}"
        self.cell(cell_id).locator(".cm-line").nth(where[0]).click()
        self.page.keyboard.press("End")
        self.page.keyboard.press("Shift+Home")
        self.page.keyboard.insert_text(text)

    def _menu(self, title: str, item: str) -> None:
        self.page.click(f'.lm-MenuBar-item:has-text("{title}")')
        self.page.click(f'.lm-Menu-item:has-text("{item}")')
