"""What a file is, told from its first bytes alone: declared types and names are often wrong."""

from dataclasses import dataclass

from apixo_mcp.tasks.task import Modality

HEAD = 1024
"""Bytes that are enough to tell."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A file type.

    Attributes:
        extension: with its dot.
        words: what a person calls it.
    """

    mime_type: str
    extension: str
    modality: Modality
    words: str


PNG = Kind("image/png", ".png", "image", "a PNG picture")
JPEG = Kind("image/jpeg", ".jpg", "image", "a JPEG picture")
WEBP = Kind("image/webp", ".webp", "image", "a WebP picture")
GIF = Kind("image/gif", ".gif", "image", "a GIF picture")
BMP = Kind("image/bmp", ".bmp", "image", "a BMP picture")
TIFF = Kind("image/tiff", ".tiff", "image", "a TIFF picture")
AVIF = Kind("image/avif", ".avif", "image", "an AVIF picture")
HEIC = Kind("image/heic", ".heic", "image", "a HEIC picture")
MP4 = Kind("video/mp4", ".mp4", "video", "an MP4 video")
MOV = Kind("video/quicktime", ".mov", "video", "a QuickTime video")
WEBM = Kind("video/webm", ".webm", "video", "a WebM video")
MKV = Kind("video/x-matroska", ".mkv", "video", "a Matroska video")
MP3 = Kind("audio/mpeg", ".mp3", "audio", "an MP3 recording")
WAV = Kind("audio/wav", ".wav", "audio", "a WAV recording")
FLAC = Kind("audio/flac", ".flac", "audio", "a FLAC recording")
OGG = Kind("audio/ogg", ".ogg", "audio", "an Ogg recording")
M4A = Kind("audio/mp4", ".m4a", "audio", "an M4A recording")
AAC = Kind("audio/aac", ".aac", "audio", "an AAC recording")

KINDS = (PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, MP4, MOV, WEBM, MKV, MP3, WAV, FLAC, OGG, M4A, AAC)

_BY_MIME = {kind.mime_type: kind for kind in KINDS} | {
    "image/jpg": JPEG,
    "image/heif": HEIC,
    "audio/mp3": MP3,
    "audio/x-wav": WAV,
    "audio/wave": WAV,
    "audio/x-flac": FLAC,
    "audio/x-m4a": M4A,
    "audio/m4a": M4A,
    "audio/opus": OGG,
}
_BY_EXTENSION = {kind.extension: kind for kind in KINDS} | {
    ".jpeg": JPEG,
    ".tif": TIFF,
    ".heif": HEIC,
    ".m4v": MP4,
    ".oga": OGG,
    ".opus": OGG,
}
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"ID3", MP3),
    (b"fLaC", FLAC),
    (b"OggS", OGG),
)
_BRANDS = {b"avif": AVIF, b"avis": AVIF, b"qt  ": MOV, b"M4A ": M4A, b"M4B ": M4A} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC
)


def for_mime(mime_type: str) -> Kind | None:
    """The kind that a declared type names, None for a type that is not known here."""
    return _BY_MIME.get(mime_type.partition(";")[0].strip().lower())


def for_extension(extension: str) -> Kind | None:
    """The kind of `.png` and the like, None where it is not known here."""
    return _BY_EXTENSION.get(extension.lower())


def sniff(head: bytes) -> Kind | None:
    """The kind of a file that starts with these bytes, None where they are no media file's."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12])
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return BMP
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM if b"webm" in head[:128] else MKV
    if head[4:8] == b"ftyp":
        return _branded(head)
    if head[4:8] in (b"moov", b"mdat", b"wide") and head[:2] == b"\0\0":
        return MOV
    return _framed(head)


def textual(head: bytes) -> str:
    """What a text body is, in words, for who expected a media file; empty where it is not text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "text"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = start[:256].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title")):
        return "a web page"
    if lower.startswith(b"<"):
        return "a web page" if b"<html" in head.lower() else "an XML document"
    if not _is_text(start):
        return ""
    return "a JSON document" if start.startswith((b"{", b"[")) else "text"


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 > 0  # a character cut at the end of the head
    return True


def _branded(head: bytes) -> Kind:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] in (b"mif1", b"msf1"):  # says no more than "a still picture": the codec is among the compatible brands
        brands.sort(key=lambda brand: brand in (b"mif1", b"msf1"))
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), HEIC)
    return _BRANDS.get(brands[0], MP4)


def _framed(head: bytes) -> Kind | None:
    """MPEG audio without a container, known by the header of its first frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if head[1] & 0xF6 == 0xF0:
        return AAC if head[2] >> 2 & 15 < 13 else None
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    return MP3 if version != 1 and layer in (1, 2) and bit_rate not in (0, 15) and rate != 3 else None
