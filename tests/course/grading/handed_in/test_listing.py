"""listing.py: folders and zips of strangers are listed and read; nothing is followed, waited for or believed."""

import io
import os
import socket
import struct
import time
import zipfile
import zlib
from dataclasses import replace

import pytest
from small_submissions import lay, zip_of_link, zipped

from dlm_course.course.grading.handed_in import listing
from dlm_course.course.grading.handed_in.listing import Entry, FileLimits, Folder, Unreadable, Zip, files_below, tree_of

LIMITS = FileLimits()
posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


def files(tree, parts=(), limits=LIMITS):
    return {"/".join(entry.parts): entry.problem for entry in files_below(tree, parts, limits)}


def content(tree, *parts, most=1000, ratio=200):
    found = next(entry for entry in tree.children(parts[:-1]) if entry.name == parts[-1])
    with tree.copy(found, most, ratio) as file:
        return file.read()


def refused(tree, *parts, **limits):
    with pytest.raises(Unreadable) as caught:
        content(tree, *parts, **limits)
    return str(caught.value)


def opened(files, most=1000):
    return Zip(io.BytesIO(files if isinstance(files, bytes) else zipped(files)), most)


@pytest.fixture(params=["folder", "zip"])
def tree(request, tmp_path):
    """The same files in a folder and in a zip."""
    lying = {"b/2.txt": b"two", "a/1.txt": b"one", "a/deep/er/3.txt": b"three", "top.txt": b"top", ".hidden": b"",
             "__MACOSX/a/1.txt": b"", "a/.ipynb_checkpoints/1.txt": b"", "a/x.old-1.ipynb": b"", "empty/": b""}
    return Folder(lay(tmp_path, lying)) if request.param == "folder" else opened(lying)


def test_a_folder_is_listed_by_name_without_what_nobody_hands_in(tree):
    assert [(entry.name, entry.folder) for entry in tree.children(())] == [("a", True), ("b", True), ("empty", True),
                                                                          ("top.txt", False)]
    assert [entry.parts for entry in tree.children(("a",))] == [("a", "1.txt"), ("a", "deep")]
    assert tree.children(("empty",)) == []


def test_files_come_with_the_shallow_ones_first(tree):
    assert list(files(tree)) == ["top.txt", "a/1.txt", "b/2.txt", "a/deep/er/3.txt"]
    assert list(files(tree, ("a",))) == ["a/1.txt", "a/deep/er/3.txt"]


def test_a_file_is_read(tree):
    assert content(tree, "top.txt") == b"top"
    assert content(tree, "a", "deep", "er", "3.txt") == b"three"


def test_a_file_that_is_too_large_is_refused(tree):
    assert content(tree, "top.txt", most=3) == b"top"
    assert "is too large" in refused(tree, "top.txt", most=2)


def test_what_lies_too_deep_or_is_too_much_is_named_and_the_rest_is_read(tree):
    found = files(tree, limits=replace(LIMITS, depth=1))
    assert found == {"top.txt": "", "a/1.txt": "", "b/2.txt": "", "a/deep": "lies more than 1 folders deep"}
    assert files(tree, limits=replace(LIMITS, files=5))["a"] == "holds so many files that it was not looked into"
    with pytest.raises(Unreadable, match="holds so many files"):
        files(tree, limits=replace(LIMITS, files=1))


# Folders

@posix
def test_links_are_seen_and_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(b"secret")
    root = lay(tmp_path / "class", {"ada/": b""})
    (root / "ada/link.ipynb").symlink_to(secret)
    (root / "ada/broken.ipynb").symlink_to("nowhere")
    (root / "ada/itself").symlink_to(root / "ada", target_is_directory=True)
    (root / "bob").symlink_to(tmp_path, target_is_directory=True)
    tree = Folder(root)
    assert set(files(tree)) == {"ada/link.ipynb", "ada/broken.ipynb", "ada/itself", "bob"}
    assert all("is a symbolic link, which is not followed" in problem for problem in files(tree).values())
    for path in ("ada/link.ipynb", "ada/broken.ipynb", "ada/itself"):
        assert "is a symbolic link" in refused(tree, *path.split("/"))


@posix
@pytest.mark.parametrize("swapped", ["ada", "ada/x.ipynb"])
def test_a_link_that_is_put_there_after_the_listing_is_not_followed_either(tmp_path, swapped):
    other = lay(tmp_path / "other", {"x.ipynb": b"secret"})
    root = lay(tmp_path / "class", {"ada/x.ipynb": b"own"})
    found = next(files_below(Folder(root), (), LIMITS))
    (root / swapped).rename(tmp_path / "moved")
    (root / swapped).symlink_to(other if swapped == "ada" else other / "x.ipynb")
    with pytest.raises(Unreadable):
        Folder(root).copy(found, 1000, 200)


@posix
def test_without_the_calls_of_linux_links_are_looked_for_step_by_step(tmp_path, monkeypatch):
    """As on Windows."""
    monkeypatch.setattr(listing, "_NOFOLLOW", 0)
    root = lay(tmp_path / "class", {"ada/x.ipynb": b"own"})
    (root / "bob").symlink_to("ada")
    assert content(Folder(root), "ada", "x.ipynb") == b"own"
    for parts in (("bob", "x.ipynb"), ("bob",)):
        with pytest.raises(Unreadable, match="is a symbolic link"):
            Folder(root).copy(Entry(parts), 1000, 200)


@posix
def test_pipes_sockets_and_devices_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.ipynb"))
        start = time.monotonic()
        tree = Folder(tmp_path)
        for name in ("pipe.ipynb", "socket.ipynb"):
            assert "is no regular file" in refused(tree, name)
            with pytest.raises(Unreadable, match="is no regular file"):   # put there after the listing
                tree.copy(Entry((name,)), 1000, 200)
        with pytest.raises(Unreadable, match="is no regular file"):
            Folder(tmp_path.__class__("/dev")).copy(Entry(("zero",)), 1000, 200)
        assert time.monotonic() - start < 2


@posix
def test_a_sparse_file_is_refused_unread(tmp_path):
    with (tmp_path / "x.ipynb").open("wb") as file:
        file.truncate(4 * 2**30)
    assert "is too large: 4096.0 MiB, at most 20 MiB are read" in refused(Folder(tmp_path), "x.ipynb", most=LIMITS.size)


@posix
def test_what_may_not_be_read_says_so(tmp_path):
    lay(tmp_path, {"ada/x.ipynb": b"", "bob/y.ipynb": b""})
    (tmp_path / "ada/x.ipynb").chmod(0)
    (tmp_path / "bob").chmod(0)
    try:
        if os.access(tmp_path / "bob", os.R_OK):
            pytest.skip("root may read anything")
        assert "cannot be read: Permission denied" in refused(Folder(tmp_path), "ada", "x.ipynb")
        assert "cannot be listed: Permission denied" in files(Folder(tmp_path))["bob"]
    finally:
        (tmp_path / "bob").chmod(0o700)


def test_a_file_that_is_gone_says_so(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read: No such file"):
        Folder(tmp_path).copy(Entry(("x.ipynb",)), 1000, 200)


# Zips

@pytest.mark.parametrize("name", ["../x.ipynb", "ada/../../x.ipynb", "/etc/x.ipynb", "C:/x.ipynb", "c:x.ipynb",
                                  "..\\x.ipynb", "\\\\server\\x.ipynb", "ada/../x.ipynb"])
def test_names_that_lead_out_of_a_zip_are_refused(name):
    ((path, problem),) = files(opened({name: b"1"})).items()
    assert path.endswith("x.ipynb")
    assert ".." not in path
    assert "has a name in the zip that leads out of it" in problem


def test_backslashes_separate_folders_as_some_programs_of_windows_have_it():
    assert files(opened({"ada\\deep\\x.ipynb": b"1"})) == {"ada/deep/x.ipynb": ""}


def with_raw_name(name):
    """A zip with a member of this name in bytes, which are not declared to be UTF-8."""
    placeholder = b"N" * len(name)
    return zipped({placeholder.decode(): b"content"}).replace(placeholder, name)


@pytest.mark.parametrize(("raw", "name"), [("Żółć.ipynb".encode(), "Żółć.ipynb"), (b"M\x81ller.ipynb", "Müller.ipynb"),
                                           (b"\xff\xfe.ipynb", "\xa0■.ipynb")])
def test_names_that_declare_no_encoding_are_utf8_or_else_code_page_437(raw, name):
    tree = opened(with_raw_name(raw))
    assert list(files(tree)) == [name]
    assert content(tree, name) == b"content"


def test_a_name_that_declares_utf8_and_is_not_is_refused_with_its_zip():
    packed = zipped({"Ż.ipynb": b"1"}).replace("Ż".encode(), b"\xff\xfe")
    with pytest.raises(Unreadable, match=r"is no zip that can be read \(UnicodeDecodeError"):
        opened(packed)


def test_of_one_name_twice_both_are_there_the_later_one_last():
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed = zipped([("x.ipynb", b"first"), ("x.ipynb", b"second")])
    tree = opened(packed)
    first, second = files_below(tree, (), LIMITS)
    assert (first.member, second.member) == (0, 1)
    assert [tree.copy(entry, 100, 200).read() for entry in (first, second)] == [b"first", b"second"]


def test_a_name_that_is_a_file_and_a_folder_is_both():
    tree = opened({"ada": b"file", "ada/x.ipynb": b"1"})
    assert [(entry.name, entry.folder) for entry in tree.children(())] == [("ada", True), ("ada", False)]


def test_links_in_a_zip_are_not_followed():
    assert "is a symbolic link" in files(opened(zip_of_link("x.ipynb", "/etc/passwd")))["x.ipynb"]


def test_an_encrypted_file_is_refused():
    """The flag alone: Python writes no encrypted zips."""
    packed = bytearray(zipped({"x.ipynb": b"1"}))
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        packed[packed.index(signature) + offset] |= 1
    assert "is encrypted: it needs a password" in refused(opened(bytes(packed)), "x.ipynb")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_refused(method):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("x.ipynb", b"1")
    assert f"is packed by method {method}, which is not read" in refused(opened(packed.getvalue()), "x.ipynb")


def test_a_zip_bomb_is_stopped_early(monkeypatch):
    tree = opened({"x.ipynb": bytes(50 * 2**20)})
    read = []
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n, real=zipfile.ZipExtFile.read:
                        read.append(n) or real(self, n))
    assert "is too large: more than 2 MiB when unpacked" in refused(tree, "x.ipynb", most=2 * 2**20)
    assert "grows to more than 200 times its size" in refused(tree, "x.ipynb", most=20 * 2**20)
    assert sum(read) < 40 * 2**20


def test_a_header_that_lies_about_the_size_changes_nothing():
    """Zeros that say they are ten bytes: no more than ten are unpacked, and the checksum does not fit."""
    packed = zipped({"x.ipynb": bytes(10 * 2**20)})
    lying = packed.replace(struct.pack("<L", 10 * 2**20), struct.pack("<L", 10))
    assert lying != packed
    assert "is damaged in its zip (BadZipFile" in refused(opened(lying), "x.ipynb", most=100)


def test_a_damaged_member_is_refused_and_the_others_are_read():
    packed = zipped({"x.ipynb": bytes(range(256)), "y.ipynb": b"whole"})
    tree = opened(packed.replace(struct.pack("<L", zlib.crc32(bytes(range(256)))), b"\0\0\0\0"))
    assert "is damaged in its zip" in refused(tree, "x.ipynb")
    assert content(tree, "y.ipynb") == b"whole"


def test_a_zip_of_very_many_files_is_refused_before_each_becomes_an_object():
    packed = zipped({f"{n}.txt": b"" for n in range(60)})
    assert len(files(opened(packed, most=60))) == 60
    with pytest.raises(Unreadable, match="is a zip of more than 59 files"):
        opened(packed, most=59)


def test_a_very_deep_name_is_refused_and_makes_few_folders():
    ((path, problem),) = files(opened({"/".join("a" * 1000): b""}), limits=replace(LIMITS, depth=100)).items()
    assert path.count("/") == 15
    assert problem == "lies more than 16 folders deep"


@pytest.mark.parametrize("damaged", [b"", b"PK", b"not a zip", b"\x1f\x8b\x08", zipped({"x": b"1"})[:40],
                                     zipped({"x": b"1"})[:-10]],
                         ids=["empty", "two-letters", "text", "gzip", "start-of-a-zip", "without-its-end"])
def test_what_is_no_zip_says_so(damaged):
    with pytest.raises(Unreadable, match="is no zip that can be read"):
        opened(damaged)


def test_a_zip_is_listed_once_and_anew_when_it_changes(tmp_path):
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({"a.txt": b"1"}))
    assert tree_of(path, LIMITS) is tree_of(path, LIMITS)
    path.write_bytes(zipped({"a.txt": b"1", "b.txt": b"2"}))
    assert list(files(tree_of(path, LIMITS))) == ["a.txt", "b.txt"]


def test_neither_a_folder_nor_a_zip(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read: No such file"):
        tree_of(tmp_path / "nowhere", LIMITS)
    (tmp_path / "x.tar").write_bytes(b"tar")
    with pytest.raises(Unreadable, match="is no zip that can be read"):
        tree_of(tmp_path / "x.tar", LIMITS)
