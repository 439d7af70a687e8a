"""Figures of students: sound PNG comes through, with its pixels and nothing else; the rest does not."""

import io
import struct
import zlib

import matplotlib.pyplot as plt
import pytest
from PIL import Image, PngImagePlugin

from dlm_course.course.grading.report import figures
from dlm_course.course.grading.report.figures import clean_png, size_of


def chunk(kind, data):
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=2, height=2, depth=8, colour=2, interlace=0, rows=None, more=b"", after=b"", pixels=None):
    rows = height * (b"\0" + bytes(width * 3)) if rows is None else rows
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    pixels = zlib.compress(rows) if pixels is None else pixels
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"") + after)


def pixels_of(content):
    with Image.open(io.BytesIO(content)) as picture:
        return picture.mode, picture.size, picture.convert("RGBA").tobytes()


def test_a_figure_of_matplotlib_keeps_every_pixel():
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 4, 9])
    content = io.BytesIO()
    figure.savefig(content, metadata={"Title": "<script>alert(1)</script>"})
    plt.close(figure)
    cleaned = clean_png(content.getvalue())
    assert size_of(cleaned) == (300, 200)
    assert pixels_of(cleaned) == pixels_of(content.getvalue())
    assert b"script" in content.getvalue()
    assert b"script" not in cleaned


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_known(mode):
    content = io.BytesIO()
    Image.new(mode, (33, 7)).save(content, "png", transparency=0 if mode in ("L", "P") else None)
    assert pixels_of(clean_png(content.getvalue())) == pixels_of(content.getvalue())


def test_texts_profiles_and_what_follows_the_end_are_left_out():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Comment", "<script>alert(1)</script>")
    content = io.BytesIO()
    Image.new("RGB", (4, 4)).save(content, "png", pnginfo=info, icc_profile=b"profile")
    hidden = content.getvalue() + b"PK\x03\x04<html><script>alert(2)</script>"
    cleaned = clean_png(hidden)
    assert pixels_of(cleaned) == pixels_of(content.getvalue())
    for trace in (b"script", b"iTXt", b"iCCP", b"PK"):
        assert trace not in cleaned
    assert clean_png(cleaned) == cleaned


@pytest.mark.parametrize("content", [
    b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"\xff\xd8\xff\xe0JFIF", png()[:-5],
    png()[:40], b"\x89PNG\r\n\x1a\n", png().replace(b"IDAT", b"IDAX"), png(width=0), png(height=0),
    png(width=5000, rows=b""), png(width=2**31, rows=b""), png(depth=3), png(colour=5), png(colour=3), png(interlace=1),
    png(rows=b"\0" * 13), png(rows=b"\0" * 15), png(rows=b"\5" + bytes(13)), png(pixels=b"no zlib"), png(pixels=b""),
    png(pixels=zlib.compress(bytes(14)) + b"more"), png(pixels=zlib.compress(bytes(14))[:-6]),
    png(more=chunk(b"tRNS", b"\0")), png(colour=3, rows=b"\0\0\0" * 2, more=chunk(b"PLTE", bytes(4))),
], ids=lambda content: f"{len(content)}-bytes")
def test_what_is_no_sound_png_is_not_shown(content):
    assert clean_png(content) is None


def test_a_file_that_unpacks_to_a_gigabyte_is_refused_early(monkeypatch):
    bomb = zlib.compress(bytes(10_000_000), 9)
    assert clean_png(png(pixels=bomb)) is None
    monkeypatch.setattr(figures, "MOST_UNPACKED", 13)
    assert clean_png(png()) is None


def test_a_large_file_is_not_even_read(monkeypatch):
    monkeypatch.setattr(figures, "MOST_BYTES", len(png()) - 1)
    assert clean_png(png()) is None
    monkeypatch.setattr(figures, "MOST_BYTES", len(png()))
    assert clean_png(png()) is not None
