"""What kind a file is: by its first bytes, by what is said of it, and by its inside.

Declared types and names are often wrong, so the bytes come first. Only the inside tells that a Matroska file without a
picture is a recording, or what sound stands behind a tag.
"""

import mimetypes
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from apixo_mcp.generation import Modality
from apixo_mcp.media import kinds
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import frames
from apixo_mcp.media.probing.probe import read_facts
from apixo_mcp.media.probing.signatures import HEAD, sniff

_SOUND = {
    kinds.MP4: kinds.M4A,
    kinds.WEBM: kinds.WEBM_AUDIO,
    kinds.MKV: kinds.MKA,
    kinds.THREE_GP: kinds.THREE_GP_AUDIO,
    kinds.THREE_G2: kinds.THREE_G2_AUDIO,
    kinds.ASF: kinds.WMA,
}
"""What a container of videos is called where it holds sound alone; others keep their type."""
_MODALITIES: dict[str, Modality] = {"image": "image", "video": "video", "audio": "audio"}
_HARMLESS = ("image/", "video/", "audio/", "model/", "font/")
_CONTAINERS = (kinds.ZIP, kinds.GZIP)
"""What another kind may well be inside: a declared type that says more counts then."""
_WRITTEN = (
    *("text/", "model/", "application/json", "application/xml", "application/x-subrip", "application/postscript"),
    *("application/dash+xml", "application/vnd.apple.mpegurl", "audio/x-mpegurl", "image/svg+xml", "image/x-xbitmap"),
)
_SAYS_NOTHING = (
    *("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/binary"),
    *("application/unknown", "application/x-download", "application/force-download"),
)
_BY_WORDS = {"": kinds.OTHER, "a JSON document": kinds.JSON, "an XML document": kinds.XML}
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,60}")


def kind_of_content(path: Path, declared_type: str = "", url: str = "") -> Kind:
    """Returns the kind of a whole file; `declared_type` and `url` count where the bytes say nothing.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return kind_in(file, declared_type, url)


def kind_in(file: BinaryIO, declared_type: str = "", url: str = "") -> Kind:
    """Returns the kind of a whole file that is open; see `kind_of_content`."""
    file.seek(0)
    head = file.read(HEAD)
    kind = _behind(file) or best_kind(head, declared_type, url)
    if kind.extension == kinds.OTHER.extension or (kind.modality == "audio" and sniff(head) is None):
        kind = _searched(file) or kind
    if kind.modality == "video":
        facts = read_facts(file, kind)
        if facts.is_sound_alone:
            return _SOUND.get(kind) or replace(kind, modality="audio")
        if kind == kinds.ASF and facts.width:
            return kinds.WMV
    return kind


def _behind(file: BinaryIO) -> Kind | None:
    """Returns the kind of the sound behind a tag or zero bytes, None where the file begins with neither."""
    begin = frames.start(file)
    if not begin:
        return None
    file.seek(begin)
    kind = sniff(file.read(HEAD))
    return kind if kind and kind.modality == "audio" else None


def _searched(file: BinaryIO) -> Kind | None:
    """Returns the kind of the frames of sound that begin somewhere behind other bytes."""
    first_frame = frames.first(file, frames.start(file))
    if first_frame is None:
        return None
    file.seek(first_frame[0])
    return sniff(file.read(HEAD))


def best_kind(head: bytes, declared_type: str = "", url: str = "") -> Kind:
    """Returns the kind of a file by its first bytes, else its declared type, else its URL's ending.

    Args:
        declared_type: a Content-Type, as it came.
        url: where the file came from.
    """
    sniffed = sniff(head)
    if sniffed and sniffed not in _CONTAINERS:
        return sniffed
    text = "" if sniffed or not head else textual(head)
    for kind in (_declared(declared_type), _ending(url)):
        if kind and (_is_written(kind) if text else _is_binary(kind) and (sniffed is None or kind.modality is None)):
            return kind
    return sniffed or _BY_WORDS.get(text, kinds.TEXT)


def _declared(mime_type: str) -> Kind | None:
    """Returns the kind of a declared type, made up where the table does not have it; None where it says nothing."""
    name = mime_type[:200].partition(";")[0].strip().lower()
    if name in _SAYS_NOTHING or not _MIME.fullmatch(name):
        return None
    if kind := kinds.for_mime(name):
        return kind
    modality = _MODALITIES.get(name.partition("/")[0])
    extension = _named().guess_extension(name) if name.startswith(_HARMLESS) else None
    return Kind(name, extension or kinds.OTHER.extension, modality, f"a file of type {name}")


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
    if kind := kinds.for_extension(extension):
        return kind
    name = _named().guess_type(f"a{extension}")[0] or ""
    return _declared(name) if name.startswith(_HARMLESS) else None


@cache
def _named() -> mimetypes.MimeTypes:
    """Returns the library's own table: that of the system differs between machines."""
    return mimetypes.MimeTypes(filenames=())


def _is_binary(kind: Kind) -> bool:
    return kind not in (kinds.JSON, kinds.XML) and not kind.mime_type.startswith("text/")


def _is_written(kind: Kind) -> bool:
    """Tells whether files of this kind may be text."""
    return kind.mime_type.startswith(_WRITTEN) and kind.mime_type != "text/html"


def textual(head: bytes) -> str:
    """Says what a text body is, in words, for who expected a media file; empty where it is not text."""
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
