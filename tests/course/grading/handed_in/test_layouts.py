"""layouts.py: in every layout that people and systems make, each student is found with what they handed in."""

import io
import os

import pytest
from small_submissions import NAME, OTHER_NAME, lay, zipped

from dlm_course.course.grading.handed_in.layouts import students_in, whose
from dlm_course.course.grading.handed_in.listing import FileLimits, Folder, Zip

LIMITS = FileLimits()
STEM = NAME.removesuffix(".ipynb")
METADATA = (b"submission_11:\n  :submitters:\n  - :name: Ada\n    :sid: '1'\n    :email: ada@x.org\n"
            b"submission_12:\n  :submitters:\n  - :name: Grace\n    :email: grace@x.org\n  - :name: Bob\n    :email:\n")

# By layout: the files, and by student the paths of what they handed in.
LAYOUTS = {
    "a folder a student": ({f"ada/{NAME}": b"", f"bob/deep/er/{NAME}": b"", "eve/": b""},
                           {"ada": [f"ada/{NAME}"], "bob": [f"bob/deep/er/{NAME}"], "eve": []}),
    "one student alone": ({f"ada/{NAME}": b""}, {"ada": [f"ada/{NAME}"]}),
    "one student with folders": ({f"ada/{STEM}/{NAME}": b"", f"ada/02/{OTHER_NAME}": b""},
                                 {"ada": [f"ada/{STEM}/{NAME}", f"ada/02/{OTHER_NAME}"]}),
    "one student in a folder of their own making": ({f"ada/homework/{NAME}": b"", "ada/data/x.csv": b""},
                                                    {"ada": [f"ada/homework/{NAME}"]}),
    "two notebooks by one student": ({"ada/a.ipynb": b"", "ada/b.ipynb": b""}, {"ada": ["ada/a.ipynb", "ada/b.ipynb"]}),
    "a folder around": ({f"class/ada/{NAME}": b"", f"class/bob/{NAME}": b""},
                        {"ada": [f"class/ada/{NAME}"], "bob": [f"class/bob/{NAME}"]}),
    "two folders around": ({f"2025/class/ada/{NAME}": b"", f"2025/class/bob/{NAME}": b"", "README.txt": b""},
                           {"ada": [f"2025/class/ada/{NAME}"], "bob": [f"2025/class/bob/{NAME}"]}),
    "nbgrader": ({f"submitted/ada/{STEM}/{NAME}": b"", f"submitted/ada/{STEM}/timestamp.txt": b"",
                  f"submitted/bob/ps1/{NAME}": b"", f"source/{STEM}/{NAME}": b"", f"release/{STEM}/{NAME}": b"",
                  f"autograded/ada/{STEM}/{NAME}": b"", "gradebook.db": b"", "nbgrader_config.py": b""},
                 {"ada": [f"submitted/ada/{STEM}/{NAME}"], "bob": [f"submitted/bob/ps1/{NAME}"]}),
    "nbgrader in a folder": ({f"course/submitted/ada/{STEM}/{NAME}": b"", "course/gradebook.db": b""},
                             {"ada": [f"course/submitted/ada/{STEM}/{NAME}"]}),
    "flat": ({f"ada_{NAME}": b"", f"bob-{STEM}-2.ipynb": b"", "eve.ipynb": b"", f"eve_{OTHER_NAME}": b"",
              "notes.txt": b""},
             {"ada": [f"ada_{NAME}"], "bob": [f"bob-{STEM}-2.ipynb"], "eve": ["eve.ipynb", f"eve_{OTHER_NAME}"]}),
    "flat in a folder": ({f"class/ada_{NAME}": b"", f"class/bob_{NAME}": b""},
                         {"ada": [f"class/ada_{NAME}"], "bob": [f"class/bob_{NAME}"]}),
    "flat, numbers for names": ({f"student_01_{NAME}": b"", f"student_02_{NAME}": b""},
                                {"student_01": [f"student_01_{NAME}"], "student_02": [f"student_02_{NAME}"]}),
    "a zip a student": ({"ada.zip": b"", f"bob_{STEM}.zip": b""}, {"ada": ["ada.zip"], "bob": [f"bob_{STEM}.zip"]}),
    "Moodle": ({f"Ada L_11_assignsubmission_file_/{NAME}": b"", "Ada L_11_assignsubmission_onlinetext_/o.html": b"",
                f"Ada L_12_assignsubmission_file_/sub/{NAME}": b"", "Bob_13_assignsubmission_onlinetext_/o.html": b""},
               {"Ada L_11": [f"Ada L_11_assignsubmission_file_/{NAME}"], "Bob_13": [],
                "Ada L_12": [f"Ada L_12_assignsubmission_file_/sub/{NAME}"]}),
    "Moodle without folders": ({f"Ada L_11_assignsubmission_file_{NAME}": b"", "Bob_2_assignsubmission_file_b.md": b""},
                               {"Ada L_11": [f"Ada L_11_assignsubmission_file_{NAME}"], "Bob_2": []}),
    "Moodle in a folder, one student": ({f"DGM-01-7/Ada L_11_assignsubmission_file_/{NAME}": b""},
                                        {"Ada L_11": [f"DGM-01-7/Ada L_11_assignsubmission_file_/{NAME}"]}),
    "Canvas": ({f"lovelaceada_1_501_{NAME}": b"", f"lovelaceada_1_502_{STEM}-1.ipynb": b"",
                f"hopper_LATE_2_503_{NAME}": b"", "eve_3_text.html": b"", "mallory_4_504_essay.pdf": b""},
               {"lovelaceada_1": [f"lovelaceada_1_501_{NAME}", f"lovelaceada_1_502_{STEM}-1.ipynb"],
                "hopper_2": [f"hopper_LATE_2_503_{NAME}"], "eve_3": [], "mallory_4": []}),
    "Canvas in a folder, one student": ({f"submissions/lovelaceada_1_501_{NAME}": b""},
                                        {"lovelaceada_1": [f"submissions/lovelaceada_1_501_{NAME}"]}),
    "Gradescope": ({"assignment_5_export/submission_metadata.yml": METADATA,
                    f"assignment_5_export/submission_11/{NAME}": b"", f"assignment_5_export/submission_12/{NAME}": b"",
                    f"assignment_5_export/submission_13/{NAME}": b""},
                   {"ada@x.org": [f"assignment_5_export/submission_11/{NAME}"],
                    "grace@x.org": [f"assignment_5_export/submission_12/{NAME}"],
                    "Bob": [f"assignment_5_export/submission_12/{NAME}"],
                    "submission_13": [f"assignment_5_export/submission_13/{NAME}"]}),
    "nobody": ({"README.txt": b"", "data.csv": b""}, {}),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_student_is_found_with_what_they_handed_in(tmp_path, layout, packed):
    files, expected = LAYOUTS[layout]
    tree = Zip(io.BytesIO(zipped(files)), 1000) if packed else Folder(lay(tmp_path, files))
    found = {student: sorted("/".join(file.entry.parts) for file in handed_in.files)
             for student, handed_in in students_in(tree, LIMITS).items()}
    assert found == expected


def test_in_nbgraders_folder_one_student_with_one_folder_is_no_class(tmp_path):
    tree = Folder(lay(tmp_path, {f"ada/bob/{NAME}": b"", f"ada/eve/{NAME}": b""}))
    assert list(students_in(tree, LIMITS, is_submitted=True)) == ["ada"]
    assert list(students_in(tree, LIMITS)) == ["bob", "eve"]


def test_what_a_student_called_a_file_and_which_topic_the_names_say(tmp_path):
    tree = Folder(lay(tmp_path, {
        f"ada_1_7_{STEM}-1.ipynb": b"", f"bob/{STEM}/homework.ipynb": b"", f"bob/03/{OTHER_NAME}": b"",
        "eve/homework.ipynb": b""}))
    students = students_in(tree, LIMITS)
    (ada,), (bob, bobs_other), (eve,) = (sorted(students[name].files, key=lambda file: file.name, reverse=True)
                                         for name in ("ada_1", "bob", "eve"))
    assert (ada.name, ada.topic, ada.attachment, ada.depth) == (f"{STEM}-1.ipynb", "01", 7, 0)
    assert (bob.name, bob.topic, bob.depth) == ("homework.ipynb", "01", 1)
    assert (bobs_other.topic, eve.topic) == ("02", None)


def test_what_lies_where_a_notebook_is_missing(tmp_path):
    tree = Folder(lay(tmp_path, {"ada/a.pdf": b"", "ada/b.docx": b"", "ada/c.txt": b"", "ada/d.py": b"", "bob/": b""}))
    students = students_in(tree, LIMITS)
    assert students["ada"].instead == "; there is a.pdf, b.docx, c.txt"
    assert students["bob"].instead == ""


def test_a_group_of_gradescopes_is_one_submission_each():
    tree = Zip(io.BytesIO(zipped(LAYOUTS["Gradescope"][0])), 1000)
    students = students_in(tree, LIMITS)
    assert students["grace@x.org"].remarks == ["handed in together with Bob"]
    assert students["Bob"].remarks == ["handed in together with grace@x.org"]
    assert students["ada@x.org"].remarks == []


@pytest.mark.parametrize("metadata", [b"", b"\xff\xfe", b"{{{", b":submitters:", b"submission_11: [", bytes(100)])
def test_without_gradescopes_file_the_folders_are_the_students(tmp_path, metadata):
    tree = Folder(lay(tmp_path, {"submission_metadata.yml": metadata, f"submission_11/{NAME}": b""}))
    assert list(students_in(tree, LIMITS)) == ["submission_11"]


def test_what_a_system_has_named_is_known_by_it():
    children = Zip(io.BytesIO(zipped(LAYOUTS["Moodle"][0] | LAYOUTS["Canvas"][0] | {"x/y": b""})), 99).children(())
    assert {owner.system for owner in whose(children)} == {"Moodle", "Canvas"}


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_a_link_in_the_place_of_a_students_folder_or_file_is_the_students(tmp_path):
    root = lay(tmp_path / "class", {f"ada/{NAME}": b""})
    (root / "bob").symlink_to("ada")
    (root / f"eve_{NAME}").symlink_to(f"ada/{NAME}")
    students = students_in(Folder(root), LIMITS)
    assert set(students) == {"ada", "bob", "eve"}
    assert "bob is a symbolic link" in students["bob"].instead
    assert "is a symbolic link" in students["eve"].files[0].entry.problem
