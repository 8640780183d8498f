"""What a file is: the one table of types, and how a type is told from a file's first bytes, or else from what is said.

Declared types and names are often wrong, so the bytes come first. What only the inside of a file tells (a Matroska file
without a picture is a recording) is in `contents`.
"""

import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote, urlsplit

from apixo_mcp.generation import Modality
from apixo_mcp.media.probing import formats, signatures

HEAD = 1024
"""Bytes that are enough to tell."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A file type.

    Attributes:
        extension: with its dot.
        modality: None for what is neither a picture nor a video nor a recording.
        words: what a person calls it.
    """

    mime_type: str
    extension: str
    modality: Modality | None
    words: str


PNG = Kind("image/png", ".png", "image", "a PNG picture")
JPEG = Kind("image/jpeg", ".jpg", "image", "a JPEG picture")
WEBP = Kind("image/webp", ".webp", "image", "a WebP picture")
GIF = Kind("image/gif", ".gif", "image", "a GIF picture")
BMP = Kind("image/bmp", ".bmp", "image", "a BMP picture")
TIFF = Kind("image/tiff", ".tiff", "image", "a TIFF picture")
AVIF = Kind("image/avif", ".avif", "image", "an AVIF picture")
HEIC = Kind("image/heic", ".heic", "image", "a HEIC picture")
HEIF = Kind("image/heif", ".heif", "image", "a HEIF picture")
SVG = Kind("image/svg+xml", ".svg", "image", "an SVG drawing")
PSD = Kind("image/vnd.adobe.photoshop", ".psd", "image", "a Photoshop picture")
JXL = Kind("image/jxl", ".jxl", "image", "a JPEG XL picture")
JP2 = Kind("image/jp2", ".jp2", "image", "a JPEG 2000 picture")
J2K = Kind("image/j2c", ".j2c", "image", "a JPEG 2000 picture")
ICO = Kind("image/vnd.microsoft.icon", ".ico", "image", "an icon")

MP4 = Kind("video/mp4", ".mp4", "video", "an MP4 video")
MOV = Kind("video/quicktime", ".mov", "video", "a QuickTime video")
WEBM = Kind("video/webm", ".webm", "video", "a WebM video")
MKV = Kind("video/x-matroska", ".mkv", "video", "a Matroska video")
THREE_GP = Kind("video/3gpp", ".3gp", "video", "a 3GP video")
THREE_G2 = Kind("video/3gpp2", ".3g2", "video", "a 3G2 video")
OGV = Kind("video/ogg", ".ogv", "video", "an Ogg video")
AVI = Kind("video/x-msvideo", ".avi", "video", "an AVI video")
FLV = Kind("video/x-flv", ".flv", "video", "a Flash video")
WMV = Kind("video/x-ms-wmv", ".wmv", "video", "a Windows Media video")
ASF = Kind("video/x-ms-asf", ".asf", "video", "a Windows Media file")
MPEG_TS = Kind("video/mp2t", ".ts", "video", "an MPEG transport stream")
MPEG_PS = Kind("video/mpeg", ".mpg", "video", "an MPEG video")

MP3 = Kind("audio/mpeg", ".mp3", "audio", "an MP3 recording")
MP2 = Kind("audio/mpeg", ".mp2", "audio", "an MP2 recording")
WAV = Kind("audio/wav", ".wav", "audio", "a WAV recording")
W64 = Kind("audio/x-w64", ".w64", "audio", "a Wave64 recording")
FLAC = Kind("audio/flac", ".flac", "audio", "a FLAC recording")
OGG = Kind("audio/ogg", ".ogg", "audio", "an Ogg recording")
M4A = Kind("audio/mp4", ".m4a", "audio", "an M4A recording")
AAC = Kind("audio/aac", ".aac", "audio", "an AAC recording")
WEBM_AUDIO = Kind("audio/webm", ".webm", "audio", "a WebM recording")
MKA = Kind("audio/x-matroska", ".mka", "audio", "a Matroska recording")
THREE_GP_AUDIO = Kind("audio/3gpp", ".3gp", "audio", "a 3GP recording")
THREE_G2_AUDIO = Kind("audio/3gpp2", ".3g2", "audio", "a 3G2 recording")
WMA = Kind("audio/x-ms-wma", ".wma", "audio", "a Windows Media recording")
AIFF = Kind("audio/aiff", ".aiff", "audio", "an AIFF recording")
AU = Kind("audio/basic", ".au", "audio", "an AU recording")
CAF = Kind("audio/x-caf", ".caf", "audio", "a CAF recording")
AMR = Kind("audio/amr", ".amr", "audio", "an AMR recording")
AMR_WB = Kind("audio/amr-wb", ".awb", "audio", "an AMR recording")
AC3 = Kind("audio/ac3", ".ac3", "audio", "an AC-3 recording")
EAC3 = Kind("audio/eac3", ".eac3", "audio", "an E-AC-3 recording")
MIDI = Kind("audio/midi", ".mid", "audio", "a MIDI file")

ZIP = Kind("application/zip", ".zip", None, "a ZIP archive")
GZIP = Kind("application/gzip", ".gz", None, "a gzip file")
JSON = Kind("application/json", ".json", None, "a JSON document")
XML = Kind("application/xml", ".xml", None, "an XML document")
TEXT = Kind("text/plain", ".txt", None, "text")
OTHER = Kind("application/octet-stream", ".bin", None, "an unknown kind of file")

KINDS: tuple[Kind, ...] = (
    *(PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, HEIF, SVG, PSD, JXL, JP2, J2K, ICO),
    *(MP4, MOV, WEBM, MKV, THREE_GP, THREE_G2, OGV, AVI, FLV, WMV, ASF, MPEG_TS, MPEG_PS),
    *(MP3, WAV, W64, FLAC, OGG, M4A, AAC, MKA, WMA, AIFF, AU, CAF, AMR, AMR_WB, AC3, EAC3, MIDI),
)
"""Pictures, videos and recordings; each is what its type and its extension stand for."""

_ALL = (
    *KINDS,
    *(MP2, WEBM_AUDIO, THREE_GP_AUDIO, THREE_G2_AUDIO, ZIP, GZIP, JSON, XML, TEXT, OTHER),
    *(Kind(*row) for row in formats.RARE),
)
_MAIN_TYPES = {kind.mime_type: kind for kind in reversed(_ALL)}  # of two with one type the first counts
_MAIN_EXTENSIONS = {kind.extension: kind for kind in reversed(_ALL)}
_BY_MIME = _MAIN_TYPES | {
    other: _MAIN_TYPES[usual] for usual, others in formats.OTHER_TYPES.items() for other in others.split()
}
_BY_EXTENSION = _MAIN_EXTENSIONS | {
    other: _MAIN_EXTENSIONS[usual] for usual, others in formats.OTHER_EXTENSIONS.items() for other in others.split()
}
_MODALITIES: dict[str, Modality] = {"image": "image", "video": "video", "audio": "audio"}
_HARMLESS = ("image/", "video/", "audio/", "model/", "font/")
_CONTAINERS = (ZIP, GZIP)
"""What another kind may well be inside: a declared type that says more counts then."""
_WRITTEN = (
    *("text/", "model/", "application/json", "application/xml", "application/x-subrip", "application/postscript"),
    *("application/dash+xml", "application/vnd.apple.mpegurl", "audio/x-mpegurl", "image/svg+xml", "image/x-xbitmap"),
)
_SAYS_NOTHING = (
    *("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/binary"),
    *("application/unknown", "application/x-download", "application/force-download"),
)
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,60}")


def for_mime(mime_type: str) -> Kind | None:
    """Returns the kind that a declared type names, None for a type that is not known here."""
    return _BY_MIME.get(mime_type[:200].partition(";")[0].strip().lower())


def for_extension(extension: str) -> Kind | None:
    """Returns the kind of `.png` and the like, None where it is not known here."""
    return _BY_EXTENSION.get(extension.lower())


def are_alike(one: Kind, other: Kind) -> bool:
    """Tells whether a reader of the one takes the other too: only what they hold, or how it is called, differs."""
    pair = {one, other}
    if pair in ({MP4, M4A}, {HEIC, HEIF}, {WEBM, WEBM_AUDIO}, {MKV, MKA}, {ASF, WMV}, {ASF, WMA}):
        return True
    return one.mime_type == other.mime_type or one.extension == other.extension


def sniff(head: bytes) -> Kind | None:
    """Returns the kind of a file that starts with these bytes, None where they tell nothing."""
    return _BY_EXTENSION.get(found) or _BY_MIME.get(found) if (found := signatures.told(head)) else None


def best_kind(head: bytes, declared_type: str = "", url: str = "") -> Kind:
    """Tells the kind of a file by its first bytes, else its declared type, else its URL's ending.

    Args:
        declared_type: a Content-Type, as it came.
        url: where the file came from.
    """
    found = sniff(head)
    if found and found not in _CONTAINERS:
        return found
    text = "" if found or not head else textual(head)
    for kind in (_declared(declared_type), _ending(url)):
        if kind and (_is_written(kind) if text else _is_binary(kind) and (found is None or kind.modality is None)):
            return kind
    return found or {"": OTHER, "a JSON document": JSON, "an XML document": XML}.get(text, TEXT)


def _declared(mime_type: str) -> Kind | None:
    """Returns the kind of a declared type, made up where the table does not have it; None where it says nothing."""
    name = mime_type[:200].partition(";")[0].strip().lower()
    if name in _SAYS_NOTHING or not _MIME.fullmatch(name):
        return None
    if kind := _BY_MIME.get(name):
        return kind
    modality = _MODALITIES.get(name.partition("/")[0])
    extension = _named().guess_extension(name) if name.startswith(_HARMLESS) else None
    return Kind(name, extension or OTHER.extension, modality, f"a file of type {name}")


def _ending(url: str) -> Kind | None:
    """Returns the kind that the ending of a URL's path names, None where it names none."""
    try:
        path = unquote(urlsplit(url[:2000]).path)
    except ValueError:
        return None
    dot = re.search(r"\.[A-Za-z0-9]{1,8}$", path[-16:])
    if not dot:
        return None
    extension = dot[0].lower()
    if kind := _BY_EXTENSION.get(extension):
        return kind
    name = _named().guess_type(f"a{extension}")[0] or ""
    return _declared(name) if name.startswith(_HARMLESS) else None


@cache
def _named() -> mimetypes.MimeTypes:
    """Returns the library's own table: that of the system differs between machines."""
    return mimetypes.MimeTypes(filenames=())


def _is_binary(kind: Kind) -> bool:
    return kind not in (JSON, XML) and not kind.mime_type.startswith("text/")


def _is_written(kind: Kind) -> bool:
    """Tells whether files of this kind may be text."""
    return kind.mime_type.startswith(_WRITTEN) and kind.mime_type != "text/html"


def textual(head: bytes) -> str:
    """Tells what a text body is, in words, for who expected a media file; empty where it is not text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        wide = head[: len(head) & ~1].decode("utf-16", "replace")
        return "text" if sum(" " <= character <= "~" for character in wide) * 2 > len(wide) else ""
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
