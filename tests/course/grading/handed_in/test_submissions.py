"""submissions.py: every student is in the list once, whatever lies there; what is read is what was handed in."""

import contextlib
import os
import pickle
import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_submissions import NAME, OTHER_NAME, SOLVED, lay, zip_of_link, zipped

from dlm_course.course.grading.handed_in.submissions import (
    LIMITS,
    SubmissionsError,
    find_submissions,
    read,
    topics_said,
)

STEM = NAME.removesuffix(".ipynb")
posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and names of bytes as POSIX has them")


def found(source, **limits):
    """What is found in a folder or zip, each submission read, by student."""
    submissions = find_submissions(source, "01", replace(LIMITS, **limits))
    students = [submission.student for submission in submissions]
    assert students == sorted(set(students))
    return {submission.student: read(submission, replace(LIMITS, **limits)) for submission in submissions}


def one(tmp_path, lying, **limits):
    (submission,) = found(lay(tmp_path, lying), **limits).values()
    return submission


# What is found

def test_students_are_sorted_and_nothing_is_read_at_first(tmp_path):
    source = lay(tmp_path, {f"{name}/{NAME}": name.encode() for name in ("bob", "ada", "Eve")})
    submissions = find_submissions(source, "01")
    assert [(s.student, s.topic, s.file, s.content) for s in submissions] == [
        ("Eve", "01", f"Eve/{NAME}", None), ("ada", "01", f"ada/{NAME}", None), ("bob", "01", f"bob/{NAME}", None)]
    assert [read(s).content for s in submissions] == [b"Eve", b"ada", b"bob"]


def test_a_submission_that_was_read_is_not_read_again(tmp_path):
    (submission,) = find_submissions(lay(tmp_path, {f"ada/{NAME}": b"1"}), "01")
    once = read(submission)
    shutil.rmtree(tmp_path / "ada")
    assert read(once) is once
    assert "cannot be read: No such file" in read(submission).problem


def test_a_submission_can_be_sent_to_another_process(tmp_path):
    (tmp_path / "class.zip").write_bytes(zipped({f"ada/{NAME}": b"1"}))
    (submission,) = find_submissions(tmp_path / "class.zip", "01")
    assert read(pickle.loads(pickle.dumps(submission))).content == b"1"


def test_a_single_notebook(tmp_path):
    lay(tmp_path, {f"ada_{NAME}": b"1", "bob.ipynb": b"2"})
    assert found(tmp_path / f"ada_{NAME}")["ada"].content == b"1"
    assert found(tmp_path / "bob.ipynb")["bob"].content == b"2"


def test_the_zip_of_a_class(tmp_path):
    (tmp_path / "class.zip").write_bytes(zipped({f"ada/{NAME}": b"1", f"bob/{NAME}": b"2"}))
    for source in (tmp_path / "class.zip", tmp_path):    # itself, and the folder that holds nothing else
        submissions = found(source)
        assert {student: s.content for student, s in submissions.items()} == {"ada": b"1", "bob": b"2"}
        assert submissions["ada"].file == f"class.zip!/ada/{NAME}"


@pytest.mark.parametrize(("name", "files", "student", "content"), [
    ("class.zip", {f"ada/{NAME}": b"1"}, "ada", b"1"),
    ("homework.zip", {NAME: b"1"}, "homework", b"1"),
    ("lovelaceada_1_2_homework.zip", {f"homework/{NAME}": b"1"}, "lovelaceada_1", b"1"),
    ("export.zip", {f"lovelaceada_1_2_{NAME}": b"1"}, "lovelaceada_1", b"1"),
    ("export.zip", {f"Ada_1_assignsubmission_file_/{NAME}": b"1"}, "Ada_1", b"1"),
])
def test_a_zip_that_lies_alone_is_a_students_if_it_holds_one_students_work(tmp_path, name, files, student, content):
    submission = one(tmp_path, {name: zipped(files), "README.txt": b""})
    assert (submission.student, submission.content) == (student, content)


@pytest.mark.parametrize("make", [
    lambda folder: folder / "nowhere", lambda folder: lay(folder, {"class.tar": b"x"}) / "class.tar",
    lambda folder: lay(folder, {"class.zip": b"x"}) / "class.zip", lambda folder: folder,
    lambda folder: lay(folder, {"README.txt": b"", "a.csv": b""}),
    lambda folder: lay(folder, {"empty.zip": zipped({})}) / "empty.zip"],
    ids=["missing", "tar", "damaged zip", "empty", "strange files", "empty zip"])
def test_where_there_is_nothing_to_grade_the_message_says_what_to_give(tmp_path, make):
    with pytest.raises(SubmissionsError) as caught:
        find_submissions(make(tmp_path), "01")
    assert str(caught.value).startswith(str(tmp_path))
    assert "submission" in str(caught.value)


def test_an_unknown_topic(tmp_path):
    with pytest.raises(ValueError, match="no exercises for topic '99'"):
        find_submissions(tmp_path, "99")


# Which of several is taken

@pytest.mark.parametrize(("files", "taken"), [
    ([f"ada/{NAME}"], 0),
    (["ada/homework.ipynb", f"ada/{NAME}"], 1),
    ([f"ada/{STEM}_final.ipynb", f"ada/{NAME}"], 1),
    ([f"ada/{STEM}-Copy1.ipynb", f"ada/{NAME}", f"ada/Copy of {NAME}"], 1),
    (["ada/01.ipynb", "ada/homework.ipynb"], 0),
    (["ada/01/homework.ipynb", "ada/homework.ipynb"], 0),
    ([f"ada/{NAME}", f"ada/{STEM}-1.ipynb", f"ada/{STEM}-10.ipynb", f"ada/{STEM}-9.ipynb"], 2),
    ([f"ada/{NAME}", f"ada/{STEM} (1).ipynb"], 1),
    ([f"ada/{NAME}", f"ada/old/{NAME}"], 0),
    (["ada/v9.ipynb", "ada/v10.ipynb"], 1),
    (["ada/a.zip", "ada/homework.ipynb"], 1),
    (["ada/a.zip", f"ada/{OTHER_NAME}"], 0),
    ([f"ada_1_30_{NAME}", f"ada_1_29_{STEM}-2.ipynb"], 0),       # Canvas's numbers of files
    ([f"ada_1_30_{NAME}", f"ada_1_31_{STEM}-1.ipynb"], 1),
    ([f"ada_LATE_1_30_{NAME}", "ada_1_31_essay.ipynb"], 0),
])
def test_the_rule_for_several_notebooks_by_one_student(tmp_path, files, taken):
    contents = {file: zipped({NAME: file.encode()}) if file.endswith(".zip") else file.encode() for file in files}
    submission = one(tmp_path, contents)
    assert submission.content == files[taken].encode()
    others = [file for file in files if file != files[taken] and OTHER_NAME not in file]
    if others:
        (note,) = submission.notes
        assert note.startswith(f"{len(others) + 1} files were handed in: {files[taken]} is graded, not ")
        assert all(file in note for file in others[:3])
    else:
        assert submission.notes == ()


def test_in_as_many_folders_the_last_name_is_taken(tmp_path):
    submissions = found(lay(tmp_path, {f"ada/a/{NAME}": b"1", f"ada/b/{NAME}": b"2", f"bob/{NAME}": b""}))
    assert submissions["ada"].content == b"2"
    assert submissions["ada"].notes == (f"2 files were handed in: ada/b/{NAME} is graded, not ada/a/{NAME}",)


def test_other_exercises_of_the_same_student_are_not_worth_a_note(tmp_path):
    submission = one(tmp_path, {f"submitted/ada/{topic}/{name}": name.encode() for topic, name in
                                (("01", NAME), ("02", OTHER_NAME), ("10", "10_capstone.ipynb"))})
    assert (submission.content, submission.notes) == (NAME.encode(), ())


def test_the_notebook_of_another_exercise_is_taken_where_there_is_no_other(tmp_path):
    submission = one(tmp_path, {f"ada/{OTHER_NAME}": b"2"})
    assert (submission.content, submission.topic, submission.problem) == (b"2", "02", "")


def test_many_are_counted(tmp_path):
    (note,) = one(tmp_path, {f"ada/v{n}.ipynb": b"" for n in range(9)}).notes
    assert note == ("9 files were handed in: ada/v8.ipynb is graded, not ada/v0.ipynb, ada/v1.ipynb, ada/v2.ipynb and "
                    "5 more")


def test_of_one_name_twice_in_a_zip_the_later_one_is_taken(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        (tmp_path / "class.zip").write_bytes(zipped([(f"ada/{NAME}", b"first"), (f"ada/{NAME}", b"second")]))
    submission = found(tmp_path)["ada"]
    assert submission.content == b"second"
    assert submission.notes == (f"2 files were handed in: ada/{NAME} is graded, not another of the same name",)


def test_what_reset_has_kept_and_checkpoints_and_hidden_files_are_not_considered(tmp_path):
    submission = one(tmp_path, {f"ada/{NAME}": b"1", f"ada/{STEM}.old-1.ipynb": b"", f"ada/.{NAME}": b"",
                                f"ada/.ipynb_checkpoints/{STEM}-checkpoint.ipynb": b"", f"__MACOSX/ada/._{NAME}": b"",
                                ".git/x.ipynb": b""})
    assert (submission.content, submission.notes) == (b"1", ())


# Students' zips

def test_a_zip_in_place_of_a_notebook(tmp_path):
    submission = one(tmp_path, {"ada/homework.zip": zipped({f"work/{NAME}": b"1", "work/data.csv": b"",
                                                            f"__MACOSX/work/._{NAME}": b""})})
    assert (submission.content, submission.file, submission.topic) == (b"1", f"ada/homework.zip!/work/{NAME}", "01")


def test_a_zip_within_the_zip_of_a_class(tmp_path):
    inner = zipped({NAME: b"1", f"{STEM}-1.ipynb": b"2"})
    (tmp_path / "class.zip").write_bytes(zipped({"ada/homework.zip": inner, f"bob/{NAME}": b"3"}))
    submissions = found(tmp_path)
    assert submissions["ada"].content == b"2"
    assert submissions["ada"].file == f"class.zip!/ada/homework.zip!/{STEM}-1.ipynb"
    assert submissions["ada"].notes == (f"2 files were handed in: {STEM}-1.ipynb is graded, not {NAME}",)
    assert submissions["bob"].content == b"3"


ZIPS = {
    "damaged": (b"PK\3\4 and no more", "is no zip that can be read"),
    "empty": (zipped({}), "holds no notebook"),
    "without a notebook": (zipped({"a.pdf": b"", "b.txt": b""}), "holds no notebook; there is a.pdf, b.txt"),
    "of a zip": (zipped({"a.zip": zipped({NAME: b""})}), "a zip within the zip, which is not opened"),
    "of a class": (zipped({f"a_1_2_{NAME}": b"", f"b_2_3_{NAME}": b""}), "is the export of a whole class"),
    "of a link": (zip_of_link(NAME, "/etc/passwd"), "is a symbolic link"),
    "zip-slip": (zipped({f"../../{NAME}": b"1"}), "has a name in the zip that leads out of it"),
    "zip bomb": (zipped({NAME: bytes(2**26)}), "grows to more than 200 times its size"),
    "of many files": (zipped({f"{n}.txt": b"" for n in range(50)}), "is a zip of more than 40 files"),
}


@pytest.mark.parametrize("kind", ZIPS)
def test_a_zip_in_which_nothing_can_be_graded(tmp_path, kind):
    content, problem = ZIPS[kind]
    for place in (lay(tmp_path / "a", {"ada/x.zip": content, f"bob/{NAME}": b"1"}),
                  lay(tmp_path / "b", {"class.zip": zipped({"ada/x.zip": content, f"bob/{NAME}": b"1"})})):
        submissions = found(place, files=40)
        assert submissions["ada"].content is None
        assert problem in submissions["ada"].problem
        assert "ada/x.zip" in submissions["ada"].problem
        assert submissions["bob"].content == b"1"


@pytest.mark.parametrize("name", [f"../{NAME}", f"../bob/{NAME}", f"/ada/../../{NAME}", f"ada/../bob/{NAME}"])
def test_names_that_lead_out_of_a_classs_zip_touch_nobody_elses_work(tmp_path, name):
    (tmp_path / "class.zip").write_bytes(zipped({name: b"bad", f"bob/{NAME}": b"good", f"ada/{NAME}": b"good"}))
    submissions = found(tmp_path)
    assert {s.content for student, s in submissions.items() if student in ("ada", "bob")} == {b"good"}
    assert all("leads out of it" in s.problem for s in submissions.values() if s.content is None)
    assert all(path.is_file() and path.name == "class.zip" for path in tmp_path.iterdir())


# Names

HOSTILE = ["Żółć 李 😀", "a\nb", "=HYPERLINK(1)", "<script>alert(1)<script>", "+1", "'; DROP TABLE", "a\x1b[31mb"]


@posix
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_names_of_all_kinds(tmp_path, packed):
    files = {f"{name}/{NAME}": name.encode() for name in HOSTILE}
    source = lay(tmp_path / "class", files)
    if packed:
        shutil.rmtree(source)
        lay(source, {"class.zip": zipped(files)})
    submissions = found(source)
    assert {s.content.decode() for s in submissions.values()} == set(HOSTILE)
    escaped = {"a\nb": r"a\nb", "a\x1b[31mb": r"a\x1b[31mb"}
    assert set(submissions) == {escaped.get(name, name) for name in HOSTILE}
    assert all(s.file.isprintable() for s in submissions.values())


@posix
def test_a_name_that_is_not_utf8(tmp_path):
    os.makedirs(os.path.join(os.fsencode(tmp_path), b"M\xfcller"))
    Path(os.path.join(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"M\xfcller")), NAME)).write_bytes(b"1")
    lay(tmp_path, {rf"M\udcfcller/{NAME}": b"2"})    # a name that looks like the other, escaped
    submissions = found(tmp_path)
    assert {student: s.content for student, s in submissions.items()} == {r"M\udcfcller": b"2",
                                                                          r"M\udcfcller (2)": b"1"}
    for submission in submissions.values():
        (submission.student + submission.file).encode()


@pytest.mark.parametrize(("first", "second"), [("ada", "Ada"), ("\u00e9ve", "e\u0301ve"), ("straße", "STRASSE")])
def test_names_that_differ_in_case_only_are_two_students_and_noted(tmp_path, first, second):
    (tmp_path / "class.zip").write_bytes(zipped({f"{first}/{NAME}": b"1", f"{second}/{NAME}": b"2", f"x/{NAME}": b"3"}))
    submissions = found(tmp_path)
    assert {student: s.content for student, s in submissions.items()} == {first: b"1", second: b"2", "x": b"3"}
    note = ("another student's name differs in case, or in how accents are written, only",)
    assert [submissions[name].notes for name in (first, second, "x")] == [note, note, ()]


PARTS = st.sampled_from(["ada", "Ada", "class", "..", ".", "", "a\nb", "=1", NAME, OTHER_NAME, f"x_{NAME}", "h.zip",
                         "a.pdf", f"ada_1_2_{NAME}", "Bob_7_assignsubmission_file_", "submitted", "submission_1",
                         "__MACOSX", "submission_metadata.yml", "C:", "a\\b", "01", "\x00"]) | st.text(max_size=3)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=5).map("/".join), min_size=1, max_size=8, unique=True))
def test_whatever_names_a_zip_has_each_student_is_there_once_and_is_read_or_has_a_problem(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("class") / "class.zip"
    try:
        path.write_bytes(zipped([(name if name.strip("\0") else "x", b"content") for name in names]))
    except (UnicodeEncodeError, IndexError):    # names that Python's own zips cannot have
        return
    with contextlib.suppress(SubmissionsError):
        for submission in found(path).values():
            assert (submission.content is None) == bool(submission.problem)
            (submission.student + submission.file + submission.problem).encode()


def test_threads_read_one_zip_at_the_same_time(tmp_path):
    (tmp_path / "class.zip").write_bytes(zipped({f"s{n}/{NAME}": SOLVED + str(n).encode() for n in range(200)}))
    submissions = find_submissions(tmp_path, "01")
    with ThreadPoolExecutor(8) as pool:
        for submission in pool.map(read, submissions):
            assert submission.content == SOLVED + submission.student[1:].encode()


# What cannot be read

@posix
def test_links_pipes_and_folders_in_the_place_of_notebooks(tmp_path):
    root = lay(tmp_path / "class", {f"ada/{NAME}": b"1", f"folder/{NAME}/x.txt": b"", "bob/": b"", "carl/": b"",
                                    f"eve/homework/{NAME}": b"own", "empty/": b"", "pdf/a.pdf": b""})
    (root / f"bob/{NAME}").symlink_to(root / f"ada/{NAME}")
    os.mkfifo(root / f"carl/{NAME}")
    (root / "dave").symlink_to("ada")
    (root / f"eve/{NAME}").symlink_to(root / f"ada/{NAME}")
    submissions = found(root)
    problems = {student: s.problem for student, s in submissions.items() if s.content is None}
    assert set(problems) == {"folder", "bob", "carl", "dave", "empty", "pdf"}
    assert problems["bob"] == f"bob/{NAME} is a symbolic link, which is not followed: hand in the file itself"
    assert problems["carl"] == f"carl/{NAME} is no regular file but a pipe, a socket or a device"
    assert problems["dave"].startswith("no notebook was handed in; there is dave is a symbolic link")
    assert problems["empty"] == "no notebook was handed in"
    assert problems["pdf"] == "no notebook was handed in; there is a.pdf"
    assert problems["folder"] == "no notebook was handed in; there is x.txt"
    assert submissions["eve"].content == b"own"
    assert submissions["eve"].notes == (f"{NAME} is a symbolic link, which is not followed: hand in the file itself",)


def test_an_oversized_notebook(tmp_path):
    assert "is too large: 0.0 MiB" in one(tmp_path, {f"ada/{NAME}": bytes(101)}, size=100).problem
    assert one(tmp_path, {f"ada/{NAME}": bytes(100)}, size=100).content == bytes(100)


def test_a_folder_of_very_many_files(tmp_path):
    files = {f"ada/venv/{n}.py": b"" for n in range(60)} | {f"ada/{NAME}": b"1"}
    submission = one(tmp_path, files, files=50)
    assert submission.content == b"1"
    submissions = found(lay(tmp_path, {f"ada/{n}.py": b"" for n in range(60)}), files=50)
    assert "holds so many files" in submissions["ada"].problem


# Very many students

def peak_while_reading(source, count):
    """How much memory it takes to read `count` submissions one after the other, in bytes."""
    submissions = find_submissions(source, "01")[:count]
    assert len(submissions) == count
    read(submissions[0])
    tracemalloc.start()
    try:
        for submission in submissions:
            assert len(read(submission).content) == len(SOLVED)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_topics_are_counted_by_student(tmp_path):
    files = dict.fromkeys([f"ada/{NAME}", f"ada/old/{NAME}", f"ben/{NAME}", f"ben/{OTHER_NAME}", "eve/x.ipynb"], b"")
    assert topics_said(lay(tmp_path / "class", files)) == {"01": 2, "02": 1}
    (tmp_path / "class.zip").write_bytes(zipped(files))
    assert topics_said(tmp_path / "class.zip") == {"01": 2, "02": 1}
    with pytest.raises(SubmissionsError):
        topics_said(tmp_path / "not there")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_memory_does_not_grow_with_the_number_of_submissions(tmp_path, packed):
    files = {f"student{n:03}/{NAME}": SOLVED for n in range(500)}
    if packed:
        (tmp_path / "class.zip").write_bytes(zipped(files))
    else:
        lay(tmp_path, files)
    few, many = peak_while_reading(tmp_path, 20), peak_while_reading(tmp_path, 500)
    assert many < 1.5 * few + 100_000, (few, many)
    assert few < 3 * 2**20


# The models of a project

PROJECT_NAME = "10_capstone.ipynb"


def of_project(source, **limits):
    return {submission.student: read(submission, replace(LIMITS, **limits))
            for submission in find_submissions(source, "10", replace(LIMITS, **limits))}


def test_models_lie_beside_the_notebook_of_a_project_wherever_it_lies(tmp_path):
    moodle, canvas = "Eve Roy_41_assignsubmission_file_", "royeve_900"
    lay(tmp_path / "folders", {f"ada/{PROJECT_NAME}": b"{}", "ada/10_capstone.safetensors": b"1",
                               f"bob/work/{PROJECT_NAME}": b"{}", "bob/models/mine.safetensors": b"2",
                               f"eve/{PROJECT_NAME}": b"{}"})
    assert {student: made.models for student, made in of_project(tmp_path / "folders").items()} == {
        "ada": b"1", "bob": b"2", "eve": None}
    lay(tmp_path / "one", {f"ada_{PROJECT_NAME}": b"{}", "ada_10_capstone.safetensors": b"1",
                           f"bob_{PROJECT_NAME}": b"{}", "10_capstone.safetensors": b"nobody's",
                           "mine.safetensors": b"nobody's"})
    assert {student: made.models for student, made in of_project(tmp_path / "one").items()} == {
        "ada": b"1", "bob": None}
    lay(tmp_path / "moodle", {f"{moodle}/{PROJECT_NAME}": b"{}", f"{moodle}/10_capstone.safetensors": b"3",
                              f"Bo Li_42_assignsubmission_file_/{PROJECT_NAME}": b"{}"})
    assert {student: made.models for student, made in of_project(tmp_path / "moodle").items()} == {
        "Eve Roy_41": b"3", "Bo Li_42": None}
    (tmp_path / "canvas.zip").write_bytes(zipped({
        f"{canvas}_5551_{PROJECT_NAME}": b"{}", f"{canvas}_5552_10_capstone.safetensors": b"4",
        f"{canvas}_5560_10_capstone-1.safetensors": b"5", f"li_901_5553_{PROJECT_NAME}": b"{}"}))
    assert {student: made.models for student, made in of_project(tmp_path / "canvas.zip").items()} == {
        "royeve_900": b"5", "li_901": None}


def test_models_in_a_students_zip_come_before_those_beside_it(tmp_path):
    lay(tmp_path, {"ada/all.zip": zipped({PROJECT_NAME: b"{}", "10_capstone.safetensors": b"within"}),
                   "ada/10_capstone.safetensors": b"beside", "bob/10.zip": zipped({PROJECT_NAME: b"{}"}),
                   "bob/10_capstone.safetensors": b"beside"})
    assert {student: made.models for student, made in of_project(tmp_path).items()} == {
        "ada": b"within", "bob": b"beside"}


@posix
def test_models_that_cannot_be_read_are_a_note_and_cost_nothing(tmp_path):
    lay(tmp_path, {f"{name}/{PROJECT_NAME}": b"{}" for name in ("ada", "bob", "eve")})
    lay(tmp_path, {"ada/10_capstone.safetensors": bytes(40), "eve/10_capstone.safetensors/x": b""})
    (tmp_path / "bob" / "10_capstone.safetensors").symlink_to(tmp_path / "ada" / "10_capstone.safetensors")
    made = of_project(tmp_path, checkpoint=39)
    assert {submission.models for submission in made.values()} == {None}
    assert [submission.problem for submission in made.values()] == ["", "", ""]
    assert "10_capstone.safetensors is too large: 0.0 MiB" in made["ada"].no_models
    assert made["bob"].no_models == ("10_capstone.safetensors is a symbolic link, which is not followed: hand in the "
                                     "file itself")
    assert made["eve"].no_models == ""


def test_of_two_files_of_models_a_note_says_which_is_read(tmp_path):
    lay(tmp_path, {f"ada/{PROJECT_NAME}": b"{}", "ada/10_capstone.safetensors": b"1",
                   "ada/twin-1a2b.safetensors": b"2"})
    (made,) = of_project(tmp_path).values()
    assert made.models == b"1"
    assert made.notes == ("2 files of models were handed in: ada/10_capstone.safetensors is read, not "
                          "ada/twin-1a2b.safetensors",)


def test_models_without_a_notebook_are_named_and_no_other_topic_reads_any(tmp_path):
    lay(tmp_path, {f"ada/{NAME}": b"{}", "ada/m.safetensors": b"1"})
    assert one(tmp_path, {}).models is None
    (without,) = of_project(lay(tmp_path / "class", {"bob/10_capstone.safetensors": b"1"})).values()
    assert without.problem == "no notebook was handed in; there is 10_capstone.safetensors"
