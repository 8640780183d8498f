"""What the first bytes of a file tell of its kind. Pure.

What has a long mark of its own comes first, what is known by a few bits of its first frame last.
"""

import re
import struct

from apixo_mcp.media import kinds
from apixo_mcp.media.kinds import Kind

HEAD = 1024
"""Bytes that are enough to tell."""

_RIFF = {
    b"WEBP": "image/webp",
    b"WAVE": "audio/wav",
    b"AVI ": "video/x-msvideo",
    b"AVIX": "video/x-msvideo",
    b"AMV ": "video/x-amv",
    b"RMID": "audio/midi",
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
    b"jp2 ": "image/jp2",
    b"jxl ": "image/jxl",
}
_ANY_PICTURE = (b"mif1", b"msf1", b"mif2", b"miaf")
"""Brands that say no more than "a still picture": the codec is among the compatible brands."""
_PICTURE_TEXT = re.compile(rb"P([1-6])(?:\s|#[^\n]{0,200}\n){1,20}\d{1,6}\s")
_PORTABLE = ("bit", "gray", "pix") * 2
_SVG = re.compile(rb"<(?:svg|[a-z]{1,8}:svg)[\s>]")


def sniff(head: bytes) -> Kind | None:
    """Returns the kind of a file that starts with these bytes, None where they tell nothing."""
    if head[:3] == b"ID3" and len(head) >= 10:
        behind = head[tag_size(head) :]
        return (sniff(behind) if behind and behind[:3] != b"ID3" else None) or kinds.MP3
    for mark, kind in kinds.MARKS:
        if head.startswith(mark):
            return kind
    name = _contained(head) or _pictured(head) or _streamed(head) or _framed(head)
    return kinds.for_extension(name) if name.startswith(".") else kinds.for_mime(name)


def tag_size(head: bytes) -> int:
    """Counts the bytes of the ID3 tag that these begin, 0 without one. Tags stand before sound of any format."""
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return size + (20 if head[5] & 0x10 else 10)


def _contained(head: bytes) -> str:
    """Recognises containers whose mark stands beside a length, or says no more than the container."""
    name = head[4:8]
    if head[:4] in (b"RIFF", b"RIFX"):
        return _RIFF.get(head[8:12], "")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:128] else "video/x-matroska"
    if head[:4] == b"OggS":
        has_picture = any(mark in head for mark in (b"\x80theora", b"BBCD\0", b"\x01video\0", b"OVP80"))
        return "video/ogg" if has_picture else "audio/ogg"
    if name == b"ftyp":
        return _branded(head)
    if head[:2] == b"\0\0" and name in (b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"):
        return "video/quicktime"
    if head[:2] == b"\0\0" and name in (b"styp", b"moof", b"sidx"):
        return "video/mp4"
    if head[:4] == b"FILM" and head[16:20] == b"FDSC":
        return "video/x-film-cpk"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if name in (b"\xf8\x72\x6f\xba", b"\xf8\x72\x6f\xbb"):
        return "audio/x-truehd" if name[3] == 0xBA else "audio/x-mlp"
    return "audio/x-apm" if head[:2] == b"\0\x20" and b"vs12" in head[:32] else ""


def _branded(head: bytes) -> str:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] in _ANY_PICTURE:
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "image/heif")
    if brands[0][:3] in (b"3gp", b"3gr", b"3gs", b"3ge", b"3gg"):
        return "video/3gpp"
    if brands[0][:3] == b"3g2":
        return "video/3gpp2"
    return _BRANDS.get(brands[0], "video/mp4")


def _pictured(head: bytes) -> str:
    """Recognises pictures with a short mark, believed only with what comes after it."""
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if head[:3] == b"\0\0\x01" and head[3:4] in (b"\0", b"\x02") and len(head) >= 22:
        count, size, at = struct.unpack("<H8xII", head[4:22])
        if 0 < count <= 256 and head[9] == 0 and size and at >= 6 + 16 * count and head[3] == 0:
            return "image/vnd.microsoft.icon"
    if re.match(rb"\n[\x02\x03\x05]\x01[\x01\x02\x04\x08]", head):
        return "image/vnd.zbrush.pcx"
    if head[:2] == b"\x01\xda" and head[2:3] in (b"\0", b"\x01") and head[3:4] in (b"\x01", b"\x02"):
        return "image/x-sgi"
    if match := _PICTURE_TEXT.match(head[:4400]):
        return f"image/x-portable-{_PORTABLE[int(match[1]) - 1]}map"
    if head[:3] == b"P7\n" and b"WIDTH" in head[:400]:
        return "image/x-portable-arbitrarymap"
    if head[:3] in (b"PF\n", b"Pf\n"):
        return "image/x-portable-floatmap"
    if head[:3] in (b"PH\n", b"Ph\n"):
        return "image/x-portable-halfmap"
    if len(head) >= 100 and head[4:8] == b"\0\0\0\x07" and 100 <= int.from_bytes(head[:4], "big") <= 1000:
        return "image/x-xwindowdump"
    if len(head) > 18 and head[1] < 2 and head[2] in (1, 2, 3, 9, 10, 11) and (head[1] or not any(head[3:8])):
        width, height, depth, flags = struct.unpack("<HHBB", head[12:18])
        if width and height and depth in (8, 16, 24, 32) and not flags & 0xC0 and head[2] & 7 != 1 - head[1]:
            return "image/x-tga"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"<" and (match := _SVG.search(start.lower())) and b"<html" not in start[: match.start()].lower():
        return "image/svg+xml"
    if start.startswith(b"#define ") and b"_width " in start[:300]:
        return "image/x-xbitmap"
    return ""


def _streamed(head: bytes) -> str:
    """Recognises streams of packets and of coded pictures: known by start codes, and by marks that come again."""
    if _repeats(head, 0x47, 188):
        return "video/mp2t"
    if _repeats(head[4:], 0x47, 192):
        return "video/mp2t"
    if head[:4] == b"\0\0\x01\xba":
        return "video/mpeg"
    if head[:3] == b"\x1f\x07\0" and head[3:4] in (b"\x3f", b"\xbf"):
        return "video/x-dv"
    if head[4:8] == b"aPv1":
        return "video/x-apv"
    if head[:2] == b"$H" and head[12:16] == b"\x30\x26\xb2\x75":
        return "video/x-ms-asf"
    if head[:2] == b"\0\0" and len(head) > 4 and head[2] & 0xFC == 0x80 and head[3] & 3 == 2:
        return "video/h263"
    if head[3:4] == b"\xc5" and head[4:8] == b"\x04\0\0\0":
        return "video/x-rcv"
    if head[:3] == b"\x12\0\x0a":
        return "video/av1"
    code = re.match(rb"\0{0,8}\0\0\x01", head[:16])
    return _coded(head[code.end() : code.end() + 6]) if code else ""


def _coded(unit: bytes) -> str:
    """Tells what a start code begins: it is not unique, so that the byte after it decides."""
    if len(unit) < 3:
        return ""
    code = unit[0]
    if code == 0xB3:
        return "video/mpeg"
    if code == 0x0F and unit[1] & 0xC0 == 0xC0:
        return "video/vc1"
    if code in (0xB0, 0xB5) or (code <= 0x1F and code != 0x09 and unit[1:3] == b"\0\0"):
        return "video/mp4v-es"
    if code == 0x09 or (code & 0x9F == 7 and code != 7):
        return "video/h264"
    if code >> 1 in (32, 33, 35) and unit[1] == 1:
        return "video/h265"
    if code == 0 and unit[1] >> 3 in (14, 15, 20) and unit[1] & 7 == 1:
        return "video/h266"
    return ""


def _repeats(head: bytes, mark: int, step: int) -> bool:
    marks = head[0 : step * 5 : step]
    return len(marks) >= 2 and all(byte == mark for byte in marks)


def _framed(head: bytes) -> str:
    """Recognises sound without a container by the header of its first frame."""
    if len(head) < 4:
        return ""
    if head[:2] == b"\x0b\x77" and len(head) > 5:
        return "audio/eac3" if 10 < head[5] >> 3 <= 16 else "audio/ac3"
    if head[0] == 0x56 and head[1] & 0xE0 == 0xE0 and _is_next(head, 3 + ((head[1] & 0x1F) << 8 | head[2]), b"\x56"):
        return "audio/mp4a-latm"
    if head[0] == 0x80 and head[1] == 0 and b"(c)CRI" in head:
        return "audio/x-adx"
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return ""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac" if head[2] >> 2 & 15 < 13 else ""
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bit_rate in (0, 15) or rate == 3:
        return ""
    return "audio/mpeg" if layer == 1 else ".mp2"


def _is_next(head: bytes, at: int, mark: bytes) -> bool:
    """Tells whether a next frame begins where the first one ends, as far as the bytes at hand go."""
    return at >= len(head) or head[at : at + 1] == mark
