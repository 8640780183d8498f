"""What is not worth keeping: a page, and a small document that tells of an error, where a file was paid for."""

import json
import re
from itertools import islice
from typing import Any, cast

from apixo_mcp.errors import MediaError
from apixo_mcp.media.probing.signatures import HEAD

LARGEST_DOCUMENT = 64 * 1024
"""Bytes of a JSON or XML document that can be nothing but an error."""

_EXCERPT = 1000
_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# The tags by which browsers know a page: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
_TAGS = (
    "!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|center|noscript|form"
)
_PAGE = re.compile(rf"<(?:{_TAGS})[\s>/]", re.IGNORECASE)
_XHTML = re.compile(r"<(?:!doctype html|html)[\s>/]", re.IGNORECASE)
_TAG = re.compile(r"<(?:[A-Za-z_][\w.-]{0,40}:)?([A-Za-z_][\w.-]{0,60})")
_BLANK = re.compile("[\ufeff \t\r\n\f\x0b]+")
_ERROR = re.compile(
    r"(?:err|error|fail|failure)_?(?:s|code|msg|message|type|name|detail|details|description|reason|info)?"
    r"|errors?|fault|exception|(?:is|has)_?error"
)
_ELEMENT = re.compile(r"\w{0,40}(?:error|exception|fault)s?(?:response|report|message)?", re.ASCII)
_WRAPPER = re.compile(r"\w{0,40}(?:response|result|reply|answer|envelope|root|body|data|rsp|xml)", re.ASCII)
_CODES = ("code", "status", "state", "statuscode", "status_code", "success", "ok")
_WORDS = ("message", "msg", "detail", "details", "reason")
_BESIDE = frozenset(
    (
        *_CODES,
        *_WORDS,
        *("title", "type", "instance", "path", "timestamp", "time", "trace", "trace_id", "traceid", "id"),
        *("request_id", "requestid", "method", "url", "docs", "documentation_url", "host_id"),
    )
)
"""What stands beside the code and the words of an error; anything else in a document is something of substance."""
_NOTHING: tuple[Any, ...] = (None, False, 0, "", "0", [], {})
_AROUND = ("data", "result", "response", "body")
_FAILURE = re.compile(r"\w{0,40}(?:err|fail|denied|forbidden|expired|false|invalid|not_?found|mismatch)\w{0,40}")


class Unwanted(MediaError):
    """What arrives is not worth having, now or later."""


def is_wanted(start: bytes | bytearray) -> bool:
    """Tells whether a body that begins so is to be stored; not yet, while it may be a page or an error.

    Raises:
        Unwanted: it is one.
    """
    if len(start) < HEAD:
        return False
    return not is_text(start[:HEAD]) or refuse(bytes(start[: LARGEST_DOCUMENT + 1]), is_whole=False)


def refuse(body: bytes, *, is_whole: bool) -> bool:
    """Decides whether a body is kept; False where more of it must be seen.

    Raises:
        Unwanted: it is a page, an error, or nothing.
    """
    if not body:
        raise Unwanted("An empty file came")
    what = content_refusal(body, is_whole=is_whole) if is_text(body[:HEAD]) else ""
    if what:
        words = f": {excerpt(body)}" if what != "a web page" else ""
        raise Unwanted(f"{what.capitalize()} came where a media file was expected{words}")
    return what is not None


def is_text(head: bytes | bytearray) -> bool:
    """Tells whether a body that begins so may be a page or a document."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f\x0b")[:1] in (b"<", b"{", b"[", b"")


def content_refusal(body: bytes, *, is_whole: bool) -> str | None:
    """Says what is wrong with a textual body.

    Args:
        body: as much of it as has come, up to a little more than `LARGEST_DOCUMENT`.
        is_whole: whether nothing follows.

    Returns:
        What came, in words; empty where it is to be kept; None where more of it must be seen.
    """
    text = _text(body)
    start, has_prolog, is_open = _start(text)
    if (_XHTML if has_prolog else _PAGE).match(start):
        return "a web page"
    if not is_whole and len(body) <= LARGEST_DOCUMENT:
        return None
    if is_open or not is_whole or len(body) > LARGEST_DOCUMENT:
        return ""
    if start[:1] in ("{", "["):
        return "a JSON document" if _tells_error(start) else ""
    return "an XML document" if start[:1] == "<" and _names_error(start) else ""


def excerpt(body: bytes) -> str:
    """Returns a refused document in one line, to be told: it is all that is kept of it."""
    return " ".join("".join(char if char.isprintable() else " " for char in _text(body[:8000])).split())[:_EXCERPT]


def _text(body: bytes) -> str:
    for mark, encoding in _ENCODINGS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, errors="replace")
    return body.decode(errors="replace")


def _start(text: str) -> tuple[str, bool, bool]:
    """Finds the first element or value; whether an XML declaration came before, and whether one has no end."""
    at, has_prolog = 0, False
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if text.startswith("<!--", at):
            end, width = text.find("-->", at + 4), 3
        elif text.startswith("<?", at):
            end, width, has_prolog = text.find("?>", at + 2), 2, True
        else:
            return text[at:], has_prolog, False
        if end < 0:
            return "", has_prolog, True
        at = end + width


def _tells_error(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    entries = cast("list[Any]", value)[:3] if isinstance(value, list) else [value]
    return bool(entries) and all(
        isinstance(entry, dict) and _is_error(cast("dict[str, Any]", entry), 2) for entry in entries
    )


def _is_error(entry: dict[str, Any], depth: int) -> bool:
    lower = {key.lower().replace("-", "_"): value for key, value in entry.items()}
    if any(value not in _NOTHING and _ERROR.fullmatch(key) for key, value in lower.items()):
        return True
    around = [cast("dict[str, Any]", lower[key]) for key in _AROUND if isinstance(lower.get(key), dict)]
    beside = {key: value for key, value in lower.items() if value not in _NOTHING and value not in around}
    if any(
        key not in _BESIDE or (isinstance(value, list | dict) and key not in _WORDS) for key, value in beside.items()
    ):
        return False
    if depth > 0 and any(_is_error(value, depth - 1) for value in around):
        return True
    is_told = any(isinstance(lower.get(key), str) and lower[key] for key in _WORDS)
    return is_told and not any(around) and any(_is_failure(lower[key]) for key in _CODES if key in lower)


def _is_failure(code: Any) -> bool:
    if isinstance(code, str):
        code = int(code) if code.isascii() and code.isdigit() and len(code) < 6 else code.lower()
    if isinstance(code, str):
        return _FAILURE.fullmatch(code) is not None
    if isinstance(code, bool) or not isinstance(code, int):
        return code is False
    return code not in (0, 1) and not 100 <= code < 400


def _names_error(text: str) -> bool:
    """Tells whether the root is an error, or the first element in a root that says nothing."""
    names = [tag[1].lower() for tag in islice(_TAG.finditer(text), 2)] or [""]
    return any(_ELEMENT.fullmatch(name) for name in (names if _WRAPPER.fullmatch(names[0]) else names[:1]))
