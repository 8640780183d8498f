"""The size of a picture as shown, from its headers; and whether its end is there."""

import re
import struct
from typing import BinaryIO

from apixo_mcp.media import kinds
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing.facts import MediaFacts

_HEAD = 65_536
_PARTS = 5_000
"""Chunks or markers that are looked at: real files have fewer, and a hostile one could have millions."""
_ORIENTATION = 0x0112
_SVG_START = re.compile(rb"<(?:[a-z]{1,8}:)?svg\b[^>]{0,4000}>", re.IGNORECASE)
_SVG_SIDE = rb"\s%s\s{0,9}=\s{0,9}[\"']\s{0,9}(\d{1,6}(?:\.\d{1,6})?)(?:px)?\s{0,9}[\"']"
_SVG_BOX = re.compile(rb"\sviewBox\s{0,9}=\s{0,9}[\"'][-\d.]{1,20}[\s,]{1,9}[-\d.]{1,20}[\s,]{1,9}"
                      rb"(\d{1,6})(?:\.\d{0,9})?[\s,]{1,9}(\d{1,6})")  # fmt: skip


def measure_bitmap(file: BinaryIO, size: int, kind: Kind) -> MediaFacts:
    """Returns the size of a picture, None for each part that its headers do not tell."""
    match kind:
        case kinds.JPEG:
            return _jpeg(file, size)
        case kinds.PNG:
            return _png(file, size)
        case kinds.WEBP:
            return _webp(file, size)
        case kinds.GIF:
            return _gif(file, size)
        case kinds.TIFF:
            return _tiff(file)
        case _:
            return _fixed(file.read(_HEAD), size, kind)


def _fixed(head: bytes, size: int, kind: Kind) -> MediaFacts:
    """Reads formats whose size stands at one place."""
    match kind:
        case kinds.BMP:
            width, height = struct.unpack_from("<ii" if head[14] != 12 else "<HH", head, 18)
            is_cut = int.from_bytes(head[2:6], "little") > size
            return MediaFacts(width=abs(width), height=abs(height), is_cut=is_cut)
        case kinds.PSD:
            height, width = struct.unpack_from(">II", head, 14)
        case kinds.JP2 | kinds.J2K:
            at = head.find(b"\xff\x4f\xff\x51")
            if at < 0:
                return MediaFacts()
            right, bottom, left, top = struct.unpack_from(">IIII", head, at + 8)
            width, height = right - left, bottom - top
        case kinds.ICO:
            width, height = max(((head[at] or 256), (head[at + 1] or 256)) for at in range(6, 6 + 16 * head[4], 16))
        case kinds.SVG:
            return _svg(head)
        case _ if kind.mime_type == "image/qoi":
            width, height = struct.unpack_from(">II", head, 4)
        case _:
            return MediaFacts()
    return MediaFacts(width=width or None, height=height or None) if width > 0 and height > 0 else MediaFacts()


def _gif(file: BinaryIO, size: int) -> MediaFacts:
    width, height = struct.unpack_from("<HH", file.read(16), 6)
    end = _tail(file, size, 64)  # the last block is closed by a zero, and the file by a semicolon
    return _sized(width, height, 1, is_cut=b"\0;" not in end)


def _tail(file: BinaryIO, size: int, length: int = 4096) -> bytes:
    file.seek(max(0, size - length))
    return file.read(length)


def _sized(width: int, height: int, orientation: int, *, is_cut: bool) -> MediaFacts:
    """Turns a size to what is shown: from the fifth orientation on a picture lies on its side."""
    if not width or not height:
        return MediaFacts(is_cut=is_cut)
    width, height = (height, width) if 5 <= orientation <= 8 else (width, height)
    return MediaFacts(width=width, height=height, is_cut=is_cut)


def _png(file: BinaryIO, size: int) -> MediaFacts:
    is_cut = b"IEND" not in _tail(file, size)
    file.seek(16)
    width, height = struct.unpack(">II", file.read(8))
    orientation, at = 1, 8
    for _ in range(_PARTS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            break
        if head[4:] == b"eXIf":
            orientation = _oriented(file.read(min(int.from_bytes(head[:4], "big"), _HEAD)))
            break
        at += 12 + int.from_bytes(head[:4], "big")
    return _sized(width, height, orientation, is_cut=is_cut)


def _webp(file: BinaryIO, size: int) -> MediaFacts:
    head = file.read(32)
    whole = int.from_bytes(head[4:8], "little") + 8
    is_cut, orientation = whole > size, 1
    match head[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
            at = 30
            for _ in range(_PARTS if head[20] & 8 else 0):
                file.seek(at)
                chunk = file.read(8)
                if len(chunk) < 8:
                    break
                length = int.from_bytes(chunk[4:], "little")
                if chunk[:4] == b"EXIF":
                    orientation = _oriented(file.read(min(length, _HEAD)).removeprefix(b"Exif\0\0"))
                    break
                at += 8 + length + length % 2
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", head, 26))
        case _:
            return MediaFacts(is_cut=is_cut)
    return _sized(width, height, orientation, is_cut=is_cut)


def _jpeg(file: BinaryIO, size: int) -> MediaFacts:
    is_cut = b"\xff\xd9" not in _tail(file, size)
    file.seek(2)
    orientation = 1
    for _ in range(_PARTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            break
        if marker[1] == 0xFF:
            file.seek(-1, 1)
            continue
        length = int.from_bytes(file.read(2), "big")
        start = file.tell()
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return _sized(width, height, orientation, is_cut=is_cut)
        if marker[1] == 0xE1 and orientation == 1 and file.read(6) == b"Exif\0\0":
            orientation = _oriented(file.read(max(0, length - 8)))
        file.seek(start + length - 2)
    return MediaFacts(is_cut=is_cut)


def _oriented(exif: bytes) -> int:
    """Returns the orientation that EXIF data asks for, 1 (upright) where it asks for none."""
    try:
        return _entries(exif, (_ORIENTATION,)).get(_ORIENTATION, 1)
    except struct.error:
        return 1


def _entries(body: bytes, wanted: tuple[int, ...]) -> dict[int, int]:
    """Returns the whole numbers of the first directory of a TIFF, by their tags."""
    order = {b"II": "<", b"MM": ">"}.get(body[:2])
    if order is None:
        return {}
    (at,) = struct.unpack_from(f"{order}I", body, 4)
    (count,) = struct.unpack_from(f"{order}H", body, at)
    return _numbers(body[at + 2 :], order, count, wanted)


def _numbers(body: bytes, order: str, count: int, wanted: tuple[int, ...]) -> dict[int, int]:
    numbers: dict[int, int] = {}
    for number in range(min(count, len(body) // 12)):
        tag, form = struct.unpack_from(f"{order}HH", body, number * 12)
        if tag in wanted and form in (3, 4):
            (numbers[tag],) = struct.unpack_from(f"{order}{'H' if form == 3 else 'I'}", body, number * 12 + 8)
    return numbers


def _tiff(file: BinaryIO) -> MediaFacts:
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", head, 4)
    file.seek(at)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    numbers = _numbers(file.read(12 * min(count, _PARTS)), order, count, (256, 257, 274))
    return _sized(numbers.get(256, 0), numbers.get(257, 0), numbers.get(274, 1), is_cut=False)


def _svg(head: bytes) -> MediaFacts:
    """Returns the size in pixels, else that of the view box."""
    start = _SVG_START.search(head)
    if start is None:
        return MediaFacts()
    sides = [re.search(_SVG_SIDE % name, start[0]) for name in (b"width", b"height")]
    if all(sides):
        width, height = (round(float(side[1])) for side in sides if side)
    elif box := _SVG_BOX.search(start[0]):
        width, height = int(box[1]), int(box[2])
    else:
        return MediaFacts()
    return _sized(width, height, 1, is_cut=False)
