"""Web addresses in an answer: made fetchable, compared with what was sent, and told from those that are no file."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from apixo_mcp.generation import Modality

LONGEST_URL = 8192
_MOST_INSIDE = 1000  # files in one text of an answer
_BETWEEN = " \t\r\n,;|"
_LONGEST_HEAD = 200  # of a `data:` URL, before its comma

_EXTENSIONS: Mapping[str, Modality] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif", "avif", "bmp", "svg", "heic", "tif", "tiff", "jxl"), "image"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v", "mkv", "avi", "mpg", "mpeg", "m3u8"), "video"),
    **dict.fromkeys(("mp3", "wav", "flac", "ogg", "oga", "m4a", "aac", "opus", "aiff", "mid"), "audio"),
}
_OTHER_FILES = frozenset({"glb", "gltf", "obj", "fbx", "usdz", "ply", "stl", "zip", "pdf", "psd", "srt", "vtt", "bin"})
_PAGES = frozenset({"html", "htm", "xhtml", "php", "asp", "aspx", "jsp", "md"})
# Parts of a path that belong to an interface or a site, not to a file. Inferred, but for this gateway's own.
_NO_FILE = frozenset(
    {"status", "statustask", "generatetask", "poll", "polling", "cancel", "callback", "callbacks", "webhook"}
    | {"webhooks", "hook", "hooks", "notify", "docs", "documentation", "help", "support", "terms", "privacy"}
    | {"pricing", "faq", "dashboard"}
)
_START = re.compile(r"https?://|data:(?=[a-z]{1,20}/)", re.IGNORECASE)
_SEVERAL = re.compile(r"[\s,;|]https?://", re.IGNORECASE)
_STOP = re.compile(r"[\s\"'\\<>`]")
_EMBEDDED = re.compile(r"[A-Za-z0-9+/_-]{64}")  # what is shorter is no file
_PIECE, _SEAM = 64 * 1024, 32  # characters; the second: the most that one of the patterns that are searched for sees
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# The first bytes of files that come as bare Base64, and their types.
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "application/octet-stream"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)


def modality_of_address(url: str) -> Modality | None:
    """Tells what a file holds, by its name's ending or its `data:` type; None where that tells nothing."""
    if url[:5].lower() == "data:":
        head = url[5:40].lower()
        return next((kind for kind in ("image", "video", "audio") if head.startswith(kind)), None)
    return _EXTENSIONS.get(_ending(url))


def _ending(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    name, dot, ending = path.rpartition("/")[2].rpartition(".")
    return ending.lower() if name and dot else ""


def clean_url(value: Any, base: str = "") -> str:
    """Returns a web address as it can be fetched and stored, empty for anything else.

    What no address may hold (a space, a quote, `&amp;`, letters outside ASCII) is escaped; what is escaped stays so.

    Args:
        base: what a relative address is relative to; without it only whole addresses count.
    """
    if not isinstance(value, str) or len(value) > LONGEST_URL:
        return ""
    url = value.strip().replace("\\/", "/").replace("&amp;", "&")
    if _SEVERAL.search(url):
        return ""
    if any(char in url for char in "\t\r\n"):
        url = "".join(url.split())  # a line that was wrapped
    try:
        if base and not url.lower().startswith(("http://", "https://")) and ":" not in url.partition("/")[0]:
            url = urljoin(f"{base.rstrip('/')}/", url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 0) < 0:
            return ""
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        if not re.fullmatch(r"[!-~]+", host):
            return ""
        told = (_escaped(part) for part in (parts.path, parts.query, parts.fragment))
        url = urlunsplit((parts.scheme, host, *told))
    except ValueError:  # half a character or a host that cannot be, among others
        return ""
    return url if len(url) <= LONGEST_URL else ""


def _escaped(part: str) -> str:
    return quote(_BROKEN_ESCAPE.sub("%25", part), safe="%/:?#[]@!$&'()*+,;=~-._")


def data_url(value: Any) -> str:
    """Returns the `data:` URL (RFC 2397) of a file in the answer itself; empty for anything else and for pages."""
    if not isinstance(value, str) or value[:5].lower() != "data:":
        return ""
    head, comma, content = value[: _LONGEST_HEAD + 1].partition(",")
    is_page = head[5:].lower().lstrip().startswith(("text/html", "application/xhtml"))
    return value.strip() if comma and content and not is_page and head.isascii() else ""


def split_data_urls(text: str) -> list[str]:
    """Splits a text that is one `data:` URL, or several of Base64 in a row; empty for any other."""
    if text[:5].lower() != "data:":
        return []
    pieces: list[str] = []
    start, at = 0, text.find("data:", 5)
    while at > 0 and len(pieces) < _MOST_INSIDE:
        if text[at - 1] in _BETWEEN and ";base64," in text[start : start + _LONGEST_HEAD]:
            pieces.append(text[start:at].rstrip(_BETWEEN))
            start = at
        at = text.find("data:", at + 5)
    return [*pieces, text[start:]]


def embedded(value: Any) -> str:
    """Returns the `data:` URL of a file that stands in the answer as bare Base64, empty for anything else."""
    if not isinstance(value, str) or not _EMBEDDED.match(value):
        return ""
    try:
        head = base64.b64decode(value[:64].replace("-", "+").replace("_", "/"))
    except binascii.Error:
        return ""
    kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    kind = kind or ("video/mp4" if head[4:8] == b"ftyp" else "")
    return f"data:{kind};base64,{value.strip()}" if kind else ""


def addresses_in(text: str) -> Iterator[str]:
    """Splits a text that is a list of addresses: by lines, commas, spaces, or one that has spaces in it."""
    text = text.strip(" \t\r\n[]<>()\"'")
    starts = list(_starts(text))
    starts = [at for at in starts if at == 0 or text[at - 1] in " \t\r\n,;|\"'[<("]
    if not starts or starts[0] > 0:
        return  # words, which may speak of any address
    for at, until in zip(starts, (*starts[1:], len(text)), strict=True):
        piece = text[at:until].partition("\n")[0].rstrip(" \t\r,;|\"'[]<>")
        first = piece.split(maxsplit=1)[0]
        # Words behind a whole address are no part of it.
        yield first if first != piece and (modality_of_address(first) or _ending(first) in _OTHER_FILES) else piece


def addresses_within(text: str) -> Iterator[tuple[str, int]]:
    """Returns the addresses that stand anywhere in a text, each with where it begins."""
    at = 0
    while found := _next(_START, text, at):
        stop = _next(_STOP, text, found.end())
        at = stop.start() if stop else len(text)
        url = text[found.start() : at].rstrip(".,;:!?*]}")
        if url.endswith(")") and "(" not in url:
            url = url.rstrip(").,;:!?*")
        yield url, found.start()


def _starts(text: str) -> Iterator[int]:
    at = 0
    while found := _next(_START, text, at):
        yield found.start()
        at = found.end()


def _next(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str] | None:
    """Searches a piece at a time: one search of megabytes would keep every other thread from running meanwhile."""
    while at < len(text):
        if found := pattern.search(text, at, at + _PIECE):
            return found
        at += _PIECE - _SEAM
    return None


def canonical(url: str) -> str:
    """Returns the same for addresses that lead to the same file and are only written otherwise."""
    if url[:5].lower() == "data:":
        return url
    text = url.strip().replace("\\/", "/").replace("&amp;", "&")
    for _ in range(2):
        text = unquote(text)
    _, _, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    host = host.lower().removesuffix(":443").removesuffix(":80")
    whole = f"{host}{slash}{path.partition('#')[0].replace('+', ' ')}".rstrip("/")
    return unicodedata.normalize("NFC", whole)


@dataclass(frozen=True, slots=True)
class Sent:
    """The addresses that a request held: no answer makes them a result.

    Attributes:
        urls: in their canonical form.
        embedded: `data:` URLs, as they were.
    """

    urls: frozenset[str] = frozenset()
    embedded: frozenset[str] = frozenset()

    @classmethod
    def of(cls, inputs: Any) -> "Sent":
        """Tells what stands in a request's inputs, in texts too."""
        urls: set[str] = set()
        files: set[str] = set()
        for text in texts_in(inputs):
            if data_url(text):
                files.add(text.strip())
                continue
            for url in (text.strip(), *addresses_in(text), *(found for found, _ in addresses_within(text))):
                if url.lower().startswith(("http://", "https://")):
                    urls.add(canonical(url))
        return cls(frozenset(urls), frozenset(files))

    def holds(self, url: str) -> bool:
        """Tells whether the request held this address, however it is written."""
        return url in self.embedded or canonical(url) in self.urls


def texts_in(value: Any) -> Iterator[str]:
    """Returns every text of a nested value."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting.extend(cast("Mapping[Any, Any]", one).values())
        elif isinstance(one, list | tuple):
            waiting.extend(cast("Iterable[Any]", one))


def is_no_file(url: str) -> bool:
    """Tells whether an address looks like a page, or one to ask a status, call back or cancel at."""
    if url[:5].lower() == "data:":
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    ending = _ending(url)
    if ending in _EXTENSIONS or ending in _OTHER_FILES:
        return False
    steps = [step.lower() for step in parts.path.split("/") if step]
    if ending in _PAGES or (not steps and not parts.query):
        return True
    if (parts.hostname or "").split(".")[0] in ("docs", "help", "status", "support"):
        return True
    if any(one in ("task", "tasks") and two in ("query", "create") for one, two in pairwise(steps)):
        return True
    return any(word in _NO_FILE for step in steps for word in (step, *re.split(r"[-_.]", step)))
