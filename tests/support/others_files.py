"""Files that others signed or described, of each kind that could tell where it came from."""

import struct
import zlib
from uuid import UUID

from support.described import FILMS, PICTURES
from support.media_wire import a_box
from support.samples import picture, png_chunk, with_chunk

SIGNED = "it is signed: a change would break that"
DESCRIBED = "another program has described it already"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
C2PA_BOX = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def riff(data: bytes, *chunks: bytes) -> bytes:
    """A WebP picture with more chunks at its end."""
    whole = data[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


PNG, JPEG, WEBP, MP4 = PICTURES["png"](), PICTURES["jpeg"](), PICTURES["webp"](), FILMS["mp4"]()
EXTENDED = PICTURES["webp, exif"]()
FTYP = MP4.index(b"moov") - 4
PACKED = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)

OF_OTHERS = {
    "png, C2PA": (with_chunk(PNG, png_chunk(b"caBX", b"jumb")), SIGNED),
    "png, XMP": (with_chunk(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)), DESCRIBED),
    "png, XMP packed": (with_chunk(PNG, png_chunk(b"iTXt", PACKED)), DESCRIBED),
    "png, XMP last": (PNG[:-12] + png_chunk(b"iTXt", PACKED) + PNG[-12:], DESCRIBED),
    "png, XMP of old": (
        with_chunk(PNG, png_chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(b"x"))),
        DESCRIBED,
    ),
    "jpeg, C2PA": (JPEG[:2] + segment(0xEB, b"JP\0\1\0\0\0\1") + JPEG[2:], SIGNED),
    "jpeg, XMP": (JPEG[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP) + JPEG[2:], DESCRIBED),
    "jpeg, several": (
        JPEG[:2] + segment(0xE2, b"MPF\0II*\0") + JPEG[2:],
        "it holds several pictures, whose places it names",
    ),
    "webp, C2PA": (riff(EXTENDED, chunk(b"C2PA", b"jumb")), SIGNED),
    "webp, XMP": (picture("WEBP", xmp=XMP), DESCRIBED),
    "mp4, C2PA": (MP4[:FTYP] + a_box(b"uuid", C2PA_BOX + b"x") + MP4[FTYP:], SIGNED),
    "mp4, XMP": (MP4 + a_box(b"uuid", XMP_BOX + XMP), DESCRIBED),
    "mp4, JUMBF": (MP4 + a_box(b"jumb", b"x"), SIGNED),
    "mp4, XMP of QuickTime": (
        MP4[: MP4.index(b"moov") - 4]
        + a_box(b"moov", a_box(b"udta", a_box(b"XMP_", XMP) + bytes(4)))
        + MP4[MP4.index(b"mdat") - 4 :],
        DESCRIBED,
    ),
}
