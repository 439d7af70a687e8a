"""The report of a made-up class in Chromium: nothing of a student's runs, nothing leaves, and it fits a phone."""

import socket

import pytest
from small_class import capstone_class, small_class

from dlm_course.course.grading.report.overview import write_overview
from dlm_course.course.grading.report.pages import write_pages

pytestmark = [pytest.mark.slow, pytest.mark.browser]

INJECTED = """port => {
    const image = new Image();
    image.src = `http://127.0.0.1:${port}/x.png`;
    document.body.append(image);
    const script = document.createElement('script');
    script.textContent = 'alert(1)';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<p style="color: red" onclick="alert(2)" id="t">x</p>');
    document.getElementById('t').click();
}"""
SIZES = {"desktop": {"width": 1180, "height": 900}, "phone": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A folder with the overview, the pages of forty hostile students, and the capstone's; the names of the pages."""
    folder = tmp_path_factory.mktemp("report")
    names = write_pages(small_class(), folder / "pages")
    write_overview(small_class(), folder / "overview.html", {name: f"pages/{page}" for name, page in names.items()})
    capstone = write_pages(capstone_class(), folder / "capstone")
    write_overview(capstone_class(), folder / "capstone.html",
                   {name: f"capstone/{page}" for name, page in capstone.items()})
    return folder, names


class Visit:
    """A tab in which files are opened, and what happened there."""

    def __init__(self, context, path):
        self.page, self.happened = context.new_page(), []
        self.page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else
                     self.happened.append(f"request {request.url}"))
        self.page.on("dialog", lambda dialog: (self.happened.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("console", lambda message: self.happened.append(f"console {message.text}"))
        self.page.on("pageerror", lambda error: self.happened.append(f"error {error}"))
        self.open(path)

    def open(self, path):
        self.page.goto(path.as_uri())


@pytest.fixture(params=SIZES)
def visit(browser, request):
    context = browser.new_context(viewport=SIZES[request.param])
    yield lambda path: Visit(context, path)
    context.close()


def test_nothing_runs_nothing_leaves_and_nothing_is_wider_than_the_window(report, visit):
    folder, names = report
    assert len(names) == 40
    seen = visit(folder / "overview.html")
    for path in sorted(folder.rglob("*.html")):
        seen.open(path)
        seen.page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        wider = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (seen.happened, wider) == ([], 0), path.name
        assert seen.page.evaluate("document.scripts.length + document.querySelectorAll('iframe, object').length") == 0


def test_the_policy_stops_what_would_run_or_be_loaded(report, visit):
    """Were anything not escaped, the policy would still hold."""
    folder, names = report
    seen = visit(folder / "pages" / names["anna"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        seen.page.evaluate(INJECTED, server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()    # nobody called
    assert not [what for what in seen.happened if what.startswith("dialog")]
    refused = " ".join(what for what in seen.happened if what.startswith("console"))
    assert refused.count("Content Security Policy") >= 3


def test_the_style_sheet_is_taken_in_light_and_in_dark(report, browser):
    folder, names = report
    grounds = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = Visit(context, folder / "pages" / names["anna"]).page
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        context.close()
    assert len(grounds) == 2


def test_the_overview_leads_to_each_page_and_unfolds_who_said_what(report, browser):
    folder, _ = report
    context = browser.new_context()
    page = Visit(context, folder / "overview.html").page
    page.get_by_text("the product is in the wrong order").click()
    assert page.locator("details[open] p a").first.is_visible()
    rows = page.locator("tbody tr")
    assert rows.count() == 40
    for name in ("<script>alert(1)</script>", "CON", "Ada Lovelace", "ADA LOVELACE", "يوسف الخوارزمي"):
        rows.get_by_role("link", name=name, exact=True).click()
        assert page.locator("h1").inner_text() == name
        page.go_back()
    context.close()


def test_the_keyboard_reaches_questions_and_sources(report, browser):
    folder, names = report
    context = browser.new_context(viewport=SIZES["phone"])
    page = Visit(context, folder / "pages" / names["anna"]).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#01-1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "PRE"
    context.close()
