"""What every page has: nothing is loaded or run, and all of it can be read."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from small_class import CUMULATIVE, HOSTILE_SOURCE, capstone_class, record, result, small_class

from dlm_course.course.grading.report import rendering
from dlm_course.course.grading.report.overview import overview
from dlm_course.course.grading.report.pages import page
from dlm_course.course.grading.report.rendering import MOST_SHOWN, image, render
from dlm_course.course.grading.report.summary import items

STYLE = (Path(rendering.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")


def every_page():
    records = small_class()
    questions = items(records)
    for one in records:
        yield page(one, questions, {}, {})
    yield overview(records, {record.student: "pages/x.html" for record in records}, {})
    yield overview(capstone_class(), {}, {})
    yield page(capstone_class()[0], items(capstone_class()), {}, {})


PAGES = list(every_page())


class Elements(HTMLParser):
    """The tags of a page with their attributes, and whether they close in order."""

    VOID = ("meta", "link", "img", "rect", "line")

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("text", PAGES, ids=len)
def test_a_page_is_well_formed_and_holds_no_script(text):
    found = Elements(text).found
    tags = {tag for tag, _ in found}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "video", "audio", "foreignobject", "use"}
    for tag, attributes in found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:", "pages/")), (tag, attributes)
    assert ("html", {"lang": "en"}) in found
    assert len([tag for tag in found if tag[0] == "h1"]) == 1


@pytest.mark.parametrize("text", PAGES[:1] + PAGES[-3:], ids=len)
def test_the_policy_allows_its_own_style_sheet_by_hash_and_nothing_else(text):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
                      "form-action 'none'")
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("text", PAGES, ids=len)
def test_headings_do_not_skip_a_level_and_ids_are_unique(text):
    found = Elements(text).found
    levels = [int(tag[1]) for tag, _ in found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found:
        for name in ("aria-labelledby", "href"):
            target = attributes.get(name, "").removeprefix("#")
            if attributes.get(name, "").startswith("#") or name == "aria-labelledby":
                assert not target or target in ids


def test_a_page_holds_no_character_that_cannot_be_seen():
    for text in PAGES:
        assert not set("\x00\x1b\u202e\u2066") & set(text)
        text.encode("utf-8")


def test_a_long_source_is_cut_and_says_so():
    long = record("anna", [result(CUMULATIVE, source="x = 1\n" * MOST_SHOWN)])
    text = page(long, items([long]), {}, {})
    assert len(text) < 20 * MOST_SHOWN
    assert "… and 100000 characters more" in re.sub("<[^>]*>", "", text)


def test_a_source_is_shown_as_it_is():
    text = next(text for text in PAGES if "reversed" in text)
    shown = html.unescape(re.sub("<[^>]*>", "", text[text.index('Your answer to 01-2"'):]))
    assert HOSTILE_SOURCE.strip().replace("\u202e", r"\u202e").replace("\x1b", r"\x1b") in shown


def test_an_image_stands_in_the_page():
    assert image(b"\x89PNG") == "data:image/png;base64,iVBORw=="


def test_an_unknown_value_of_a_template_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        render("page.html")


# Colours

def colours(scheme):
    light = re.search(r":root \{(.*?)\n\}", STYLE, re.DOTALL)[1]
    dark = re.search(r"prefers-color-scheme: dark\) \{\s*:root \{(.*?)\n  \}", STYLE, re.DOTALL)[1]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", light))
    return found if scheme == "light" else {**found, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", dark))}


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n:n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055)**2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_what_is_behind_it(scheme):
    """WCAG 2, level AA: 4.5 for text, 3 for bars."""
    palette = colours(scheme)
    for ground in ("paper", "wash"):
        for name in ("ink", "soft", "link", "right", "half", "wrong", "open", "keyword", "string", "comment", "number",
                     "name"):
            assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)
    assert contrast(palette["bar"], palette["paper"]) >= 3


def test_printed_pages_are_light():
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE
    assert STYLE.count("prefers-color-scheme") == 1
