"""An HTML page a student, and what it is called."""

import html
import io
import re

import matplotlib.pyplot as plt
import pytest
from small_class import (
    BORDER,
    CUMULATIVE,
    ESTIMATE,
    NEXT,
    PATHS,
    STUDENTS,
    WRONG_ORDER,
    capstone_class,
    record,
    result,
    small_class,
)

from dlm_course.course.grading.report.pages import page, page_names, write_pages
from dlm_course.course.grading.report.summary import items

WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def words_of(text):
    """What a page says, without tags; the style sheet left out."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text[text.index("</style>"):])).split())


def section(text, number):
    return text[text.index(f'<section class="question" id="{number}"'):].partition("</section>")[0]


@pytest.fixture
def figure():
    drawn, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 2])
    content = io.BytesIO()
    drawn.savefig(content)
    plt.close(drawn)
    return content.getvalue()


# What it says

def test_no_lecture_is_named_for_an_answer_that_never_ended():
    one = record("anna", [result(NEXT, "✗", "did not finish in time", flags=["timeout"])])
    assert "read again" not in words_of(page(one, items([one]), {}, {}))


def test_each_question_has_title_points_message_what_to_read_and_the_answer():
    one = record("anna", [result(NEXT), result(CUMULATIVE, "✗", BORDER, points=1), result(PATHS, "✗", "no tensor"),
                          result(ESTIMATE, "○", "not attempted")])
    text = page(one, items([one]), {}, {})
    said = words_of(text)
    assert "Exercises 01 · Single-token chains anna 2 of 8 points" in said
    right, half, wrong, none = (words_of("</style>" + section(text, f"01-{n}")) for n in (1, 2, 3, 5))
    assert right.startswith("Task 01-1 · Where does it go? ✓ right · 1 of 1 point Your answer # Task 01-1 def ")
    assert "read again" not in right
    assert half.startswith("Task 01-2 · Many steps in one matrix ½ half right · 1 of 2 points "
                           f"{BORDER} To read again: lecture 01, section 6 · The order of the product. Your answer")
    assert wrong.startswith("Task 01-3 · The same, without matrix products ✗ not right · 0 of 3 points no tensor To ")
    assert none == ("Task 01-5 · Learn the matrix from data ○ not attempted · 0 of 2 points To read again: lecture 01, "
                    "section 2 · One step: read the column.")


def test_notes_say_how_the_file_was_read():
    one = record("anna", [result(NEXT)], notes=["01-2: 2 cells hold <b>an</b> answer"])
    assert "How your file was read 01-2: 2 cells hold <b>an</b> answer" in words_of(page(one, items([one]), {}, {}))


def test_a_file_that_could_not_be_graded_has_a_page_that_says_why():
    one = next(one for one in small_class() if one.student == "hiro")
    text = page(one, items(small_class()), {}, {})
    assert "hiro 0 of 11 points Your file could not be graded. not a notebook (JSONDecodeError" in words_of(text)
    assert "<section" not in text


def test_answers_in_words_are_shown_with_their_points_or_wait():
    anna, ben = capstone_class()
    text = page(anna, items([anna, ben]), {("anna", "10-5-the-text"): 1.5}, {})
    assert "4.5 of 10 points so far; 1 answer in words is not graded yet" in words_of(text)
    assert "In words 10-5 · The text • graded by a person · 1.5 of 2 points Your answer My diary, <b>210,000</b>" in (
        words_of(text))
    assert "In words 10-6 · The number … not graded yet Your answer YOUR ANSWER HERE" in words_of(text)


def test_a_page_says_nothing_of_others(tmp_path):
    """No name, source or number of anybody else: each page is the same when its student is alone."""
    records = small_class()
    questions = items(records)
    names = write_pages(records, tmp_path)
    for one in records:
        alone = page(one, questions, {}, {})
        assert (tmp_path / names[one.student]).read_text(encoding="utf-8") == alone
        others = {other.student for other in records} - {one.student}
        said = words_of(alone)
        for other in others:
            assert other not in said or other in one.student or other in one.results[0].source or len(other) < 6


def test_the_same_records_make_the_same_pages(tmp_path):
    for folder in ("a", "b"):
        write_pages(small_class(), tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_known_mistake_is_said_in_full():
    one = record("anna", [result(CUMULATIVE, "✗", WRONG_ORDER)])
    assert WRONG_ORDER in words_of(page(one, items([one]), {}, {}))


# Figures

def test_a_figure_stands_below_its_answer(figure):
    one = record("anna", [result(NEXT), result(CUMULATIVE)])
    text = page(one, items([one]), {}, {CUMULATIVE: figure})
    assert "<img" not in section(text, "01-1")
    found = section(text, "01-2")
    assert 'src="data:image/png;base64,' in found
    assert 'width="300" height="200" alt="The figure that your notebook shows below your answer to 01-2"' in found


@pytest.mark.parametrize("content", [b"GIF89a", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_sound_figure_is_named_and_not_shown(content):
    one = record("anna", [result(NEXT)])
    text = page(one, items([one]), {}, {NEXT: content})
    assert "<img" not in text
    assert "It is not shown here: it is no sound PNG, or too large." in words_of(text)


def test_figures_are_asked_for_one_record_at_a_time(tmp_path, figure):
    asked = []

    def figures(one):
        asked.append(one.student)
        return {NEXT: figure}

    records = [record("anna", [result(NEXT)]), record("ben", [result(NEXT)])]
    write_pages(records, tmp_path, figures=figures)
    assert asked == ["anna", "ben"]
    assert all("<img" in path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


# File names

def test_file_names_are_safe_and_differ_whatever_the_students_are_called():
    names = page_names(STUDENTS)
    assert set(names) == set(STUDENTS)
    assert len({name.casefold() for name in names.values()}) == len(STUDENTS)
    for name in names.values():
        assert re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*\.html", name), name
        assert len(name) <= 70
        assert name.partition(".")[0] not in WINDOWS
        assert name != "index.html"


def test_a_plain_name_stays():
    assert page_names(["anna", "jane.doe", "s-1_2"]) == {"anna": "anna.html", "jane.doe": "jane.doe.html",
                                                         "s-1_2": "s-1_2.html"}


@pytest.mark.parametrize("student", ["Anna", "con", "nul.tar", "index", "a..b", ".a", "a.", "-a", "a b", "x" * 41, ""])
def test_others_get_a_part_of_their_hash(student):
    assert re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{12}\.html", page_names([student])[student])


def test_letters_with_marks_are_recognised():
    assert page_names(["Müller, Jörg"])["Müller, Jörg"].startswith("muller-jorg-")


def test_a_file_name_does_not_depend_on_the_others():
    names = page_names(STUDENTS)
    assert all(page_names([student])[student] == name for student, name in names.items())


def test_nobody_takes_another_ones_file_name():
    target = page_names(["Anna"])["Anna"].removesuffix(".html")
    names = page_names(["Anna", target, target.upper()])
    assert len(set(names.values())) == 3


def test_equal_hashes_are_told_apart(monkeypatch):
    class Hash:
        def __init__(self, content):
            self.content = content

        def hexdigest(self):
            return "0" * 12 + f"{len(self.content):052x}"

    monkeypatch.setattr("dlm_course.course.grading.report.pages.hashlib.sha256", Hash)
    names = page_names(["A-", "A--", "A---"])
    assert len(set(names.values())) == 3
