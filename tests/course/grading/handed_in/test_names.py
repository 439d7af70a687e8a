"""names.py: whose a file is, of which topic and which attempt, by what the systems call it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_course.course.grading.handed_in.names import (
    Owner,
    attempt_said,
    in_natural_order,
    is_junk,
    is_plain,
    owner_of_file,
    owner_of_folder,
    printable,
    submitters,
    topic_said,
)
from dlm_course.course.topics import TOPICS, notebook_name

NAME = notebook_name("01")
UUID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


@pytest.mark.parametrize(("name", "owner"), [
    # Moodle, without folders (its default before 3.1)
    (f"Ada Lovelace_12345_assignsubmission_file_{NAME}", Owner("Ada Lovelace_12345", NAME, 0, "Moodle")),
    ("Participant_77_assignsubmission_file_homework.ipynb", Owner("Participant_77", "homework.ipynb", 0, "Moodle")),
    ("Default group_assignsubmission_file_a.zip", Owner("Default group", "a.zip", 0, "Moodle")),
    ("ada_Ada L_5_assignsubmission_onlinetext_onlinetext.html",
     Owner("ada_Ada L_5", "onlinetext.html", 0, "Moodle")),
    # Canvas
    (f"lovelaceada_123_4567_{NAME}", Owner("lovelaceada_123", NAME, 4567, "Canvas")),
    (f"lovelaceada_LATE_123_4567_{NAME[:-6]}-1.ipynb",
     Owner("lovelaceada_123", f"{NAME[:-6]}-1.ipynb", 4567, "Canvas")),
    (f"lovelaceada_late_123_4567_{NAME}", Owner("lovelaceada_123", NAME, 4567, "Canvas")),
    ("łukasiewiczjan_9_88_report.pdf", Owner("łukasiewiczjan_9", "report.pdf", 88, "Canvas")),
    ("lovelaceada_123_text.html", Owner("lovelaceada_123", "", 0, "Canvas")),
    ("lovelaceada_LATE_123_link.html", Owner("lovelaceada_123", "", 0, "Canvas")),
    (f"anon_Xy12z_4567_{NAME}", Owner("anon_Xy12z", NAME, 4567, "Canvas")),
    (f"LATE_anon_Xy12z_4567_{NAME}", Owner("anon_Xy12z", NAME, 4567, "Canvas")),
    # people
    (f"ada_{NAME}", Owner("ada", NAME)),
    (f"ada_17_{NAME}", Owner("ada_17", NAME)),
    (f"ada_lovelace_17 {NAME}", Owner("ada_lovelace_17", NAME)),
    ("ada-single-token-chains.ipynb", Owner("ada", "single-token-chains.ipynb")),
    ("ADA_01 Single Token Chains.IPYNB", Owner("ADA", "01 Single Token Chains.IPYNB")),
    (f"ada_{NAME[:-6]}-2.ipynb", Owner("ada", f"{NAME[:-6]}-2.ipynb")),
    (f"{NAME[:-6]}_ada.ipynb", Owner("ada", f"{NAME[:-6]}_ada.ipynb", sure=False)),
    (NAME, Owner(NAME[:-6], NAME, sure=False)),
    (f"{NAME[:-6]}-1.ipynb", Owner(NAME[:-6], f"{NAME[:-6]}-1.ipynb", sure=False)),
    ("ada.ipynb", Owner("ada", "ada.ipynb", sure=False)),
    ("student_01.ipynb", Owner("student_01", "student_01.ipynb", sure=False)),
    ("ada.zip", Owner("ada", "ada.zip", sure=False)),
    ("README.txt", None), ("grades.csv", None), ("single_token_chains", None), ("", None),
])
def test_whose_a_file_is(name, owner):
    assert owner_of_file(name) == owner


@pytest.mark.parametrize(("name", "owner"), [
    ("Ada Lovelace_12345_assignsubmission_file_", Owner("Ada Lovelace_12345", "", 0, "Moodle")),
    ("Ada Lovelace_12345_assignsubmission_onlinetext_", Owner("Ada Lovelace_12345", "", 0, "Moodle")),
    ("submission_123456", Owner("submission_123456", "", 0, "Gradescope")),
    ("submission_of_ada", Owner("submission_of_ada", "")),
    ("ada", Owner("ada", "")), ("=1+1", Owner("=1+1", "")), ("a\nb", Owner("a\nb", "")),
])
def test_whose_a_folder_is(name, owner):
    assert owner_of_folder(name) == owner


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_said_by_its_name_or_by_a_number_in_front(topic):
    name = notebook_name(topic)
    for said in (name, f"ada_{name}", name.upper(), name[3:], name.replace("_", " "), name.replace("_", "-"), topic,
                 f"{topic}.ipynb", f"{topic}-homework.ipynb", f"Copy of {name}", f"{name[:-6]} (3).ipynb"):
        assert topic_said(said) == topic, said


@pytest.mark.parametrize("name", ["homework.ipynb", "1.ipynb", "011.ipynb", "99_x.ipynb", "ada", "", "x01.ipynb"])
def test_names_that_say_no_topic(name):
    assert topic_said(name) is None


@pytest.mark.parametrize(("name", "attempt", "plain"), [
    (NAME, 0, True), (f"{NAME[:-6]}-1.ipynb", 1, True), (f"{NAME[:-6]}-12.ipynb", 12, True),
    (f"{NAME[:-6]} (2).ipynb", 2, True), (f"{NAME[:-6]}(3).ipynb", 3, True), (f"{NAME[:-6]}-{UUID}.ipynb", 0, True),
    (f"{NAME[:-6]}-Copy1.ipynb", 0, False), (f"Copy of {NAME}", 0, False), (f"{NAME[:-6]}_final.ipynb", 0, False),
    ("homework-2.ipynb", 2, False), ("homework.ipynb", 0, False), ("1-1-2020.ipynb", 0, False)])
def test_attempts(name, attempt, plain):
    assert attempt_said(name) == attempt
    assert is_plain(name) == plain


def test_numbers_are_sorted_as_numbers():
    names = ["a-10", "a-9", "a-", "a-09b", "b", "a²"]
    assert sorted(names, key=in_natural_order) == ["a-", "a-9", "a-09b", "a-10", "a²", "b"]


@given(st.lists(st.text(), min_size=2))
def test_any_names_can_be_sorted(names):
    assert sorted(sorted(names, key=in_natural_order)) == sorted(names)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", ".hidden.ipynb", "._x.ipynb", "__MACOSX", "__pycache__",
                                  f"{NAME[:-6]}.old-1.ipynb", f"{NAME[:-6]}.old-23.ipynb", ".DS_Store"])
def test_what_nobody_hands_in_on_purpose(name):
    assert is_junk(name)


@pytest.mark.parametrize("name", [NAME, "old-1.ipynb", "ada", "x.old-1", "MACOSX"])
def test_what_somebody_may_hand_in(name):
    assert not is_junk(name)


METADATA = """---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: '100'
    :email: ada@example.org
  :created_at: 2025-01-01 10:00:00.000000000 Z
  :score: 3.0
  :results:
    output: |
      submission_9:
        :submitters:
        - :name: Mallory
          :email: mallory@example.org
  :history:
  - :id: 7
    :name: nobody
'submission_2':
  :submitters:
  - :name: Grace
    :sid: 200
    :email: grace@example.org
  - :name: "O\\"Brien"
    :sid:
    :email:
submission_3:
  :submitters:
  - :name: '=HYPERLINK(''x'')'
    :sid: ~
submission_4:
  :submitters: []
"""


def test_gradescopes_submitters():
    assert submitters(METADATA) == {"submission_1": ["ada@example.org"], "submission_3": ["=HYPERLINK('x')"],
                                    "submission_2": ['O"Brien', "grace@example.org"]}


@given(st.text(st.sampled_from("\n :-'\"submiter_1nae"), max_size=200))
def test_any_text_is_read_as_gradescopes(text):
    assert all(people and all(people) for people in submitters(f"submission_1:\n  :submitters:\n{text}").values())


@pytest.mark.parametrize(("text", "printed"), [
    ("Ada", "Ada"), ("Żółć 李 😀", "Żółć 李 😀"), ("a\nb\tc", r"a\nb\tc"), ("\udcff", r"\udcff"),
    ("\x1b[31m", r"\x1b[31m"),
    ("a\u202etxt", r"a\u202etxt"), ("می\u200cخواهم", "می\u200cخواهم"), ("<b>=1", "<b>=1"), ("\u2028", r"\u2028")])
def test_what_steers_a_terminal_is_escaped(text, printed):
    assert printable(text) == printed


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_printable_text_can_be_encoded_and_is_short(text, most):
    printed = printable(text, most)
    printed.encode()
    assert len(printed) <= most
    assert len(printed.splitlines()) <= 1
