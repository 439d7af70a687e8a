"""Figures of students: a PNG is taken apart, checked, and put together again from what an image needs.

No image library decodes what a student made. https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Iterator

MOST_BYTES = 2 << 20
MOST_PIXELS = 4_000     # in each direction
MOST_UNPACKED = 64 << 20

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}                          # by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def clean_png(content: bytes) -> bytes | None:
    """The same picture with nothing else in the file; None for what is no sound PNG, is too large, or is interlaced.

    Kept: header, palette, transparency and pixels, which must unpack to exactly as many bytes as the header says.
    Texts, colour profiles, animations and whatever follows the end are left out.
    """
    try:
        return _clean(content) if len(content) <= MOST_BYTES else None
    except (ValueError, struct.error, zlib.error):
        return None


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a clean PNG."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def _clean(content: bytes) -> bytes:
    chunks = _chunks(content)
    kind, header = next(chunks)
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if kind != b"IHDR" or not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise ValueError("no header, or a size that is not shown")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace:
        raise ValueError("a format that is not shown")
    kept, pixels = {}, b""
    for kind, data in chunks:
        if kind == b"IDAT":
            pixels += data
        elif kind in (b"PLTE", b"tRNS"):
            kept[kind] = data
        elif kind == b"IEND":
            break
    _check_palette(colour, depth, kept)
    _check_pixels(pixels, height, 1 + (width * depth * _CHANNELS[colour] + 7) // 8)
    return b"".join([_SIGNATURE, _chunk(b"IHDR", header), *(_chunk(kind, kept[kind]) for kind in sorted(kept)),
                     _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")])


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to the end, each (kind, data). Raises ValueError where the file is damaged."""
    if not content.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    place, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8:place + 8 + length]
        check, = struct.unpack_from(">I", content, place + 8 + length)
        if zlib.crc32(kind + data) != check:
            raise ValueError("damaged")
        yield kind, data
        place += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def _check_palette(colour: int, depth: int, kept: dict[bytes, bytes]) -> None:
    """Raises ValueError where palette and transparency do not fit the colour type; drops those that have no use."""
    if colour != 3:
        kept.pop(b"PLTE", None)
    palette, clear = kept.get(b"PLTE", b""), kept.get(b"tRNS")
    if colour == 3 and (not palette or len(palette) % 3 or len(palette) > 3 << depth):
        raise ValueError("a wrong palette")
    if clear is not None:
        sizes = {0: {2}, 2: {6}, 3: set(range(1, len(palette) // 3 + 1))}.get(colour, set())
        if len(clear) not in sizes:
            raise ValueError("a wrong transparency")


def _check_pixels(pixels: bytes, height: int, row: int) -> None:
    """Raises ValueError or zlib.error unless the pixels unpack to `height` rows, whose first byte names a filter."""
    if height * row > MOST_UNPACKED:
        raise ValueError("too many pixels")
    unpacker = zlib.decompressobj()
    rows = unpacker.decompress(pixels, height * row + 1)
    if len(rows) != height * row or not unpacker.eof or unpacker.unused_data:
        raise ValueError("the wrong number of pixels")
    if any(kind > 4 for kind in rows[::row]):
        raise ValueError("an unknown filter")
