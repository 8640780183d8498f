"""What is not worth keeping: a page, and a small document that tells of an error, where a file was paid for."""

import json
import re
from typing import Any, cast

LARGEST_DOCUMENT = 64 * 1024
"""Bytes of a JSON or XML document that can be nothing but an error."""

_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# The tags by which browsers know a page: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
_TAGS = (
    "!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|center|noscript|form"
)
_PAGE = re.compile(rf"<(?:{_TAGS})[\s>/]", re.IGNORECASE)
_XHTML = re.compile(r"<(?:!doctype html|html)[\s>/]", re.IGNORECASE)
_TAG = re.compile(r"<(?:[A-Za-z_][\w.-]{0,40}:)?([A-Za-z_][\w.-]{0,60})")
_BLANK = re.compile("[\ufeff \t\r\n\f\x0b]+")
_ERROR = re.compile(r"err(?:or)?s?|errmsg|errcode|fault|exception|fail(?:ure|ed|code|msg|_code|_msg)?")
_CODES = ("code", "status", "statuscode", "status_code", "success", "ok")
_WORDS = ("message", "msg", "detail", "details", "reason", "title")
_GOOD = (None, True, 0, 1, "", "0", "ok", "success", "succeeded", "completed", "done", "true")


def is_text(head: bytes) -> bool:
    """Tells whether a body that begins so may be a page or a document."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f\x0b")[:1] in (b"<", b"{", b"[", b"")


def content_refusal(body: bytes, *, is_whole: bool) -> str | None:
    """Tells what is wrong with a textual body.

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
    return any(_is_error(cast("dict[str, Any]", entry), 2) for entry in entries if isinstance(entry, dict))


def _is_error(entry: dict[str, Any], depth: int) -> bool:
    lower = {key.lower(): value for key, value in entry.items()}
    for key, value in lower.items():
        plain = key.replace("-", "_")
        if value not in (None, False, 0, "", "0", [], {}) and (_ERROR.fullmatch(plain) or "error" in plain):
            return True
    words = any(isinstance(lower.get(key), str) and lower[key] for key in _WORDS)
    if words and any(not _is_good(lower[key]) for key in _CODES if key in lower):
        return True
    inner = [cast("dict[str, Any]", value) for value in lower.values() if isinstance(value, dict)]
    return depth > 0 and any(_is_error(value, depth - 1) for value in inner[:20])


def _is_good(code: Any) -> bool:
    if code is False:
        return False
    if isinstance(code, str):
        code = int(code) if code.isascii() and code.isdigit() and len(code) < 6 else code.lower()
    if isinstance(code, int) and not isinstance(code, bool) and 100 <= code < 600:
        return code < 400
    return isinstance(code, str | int | None) and code in _GOOD


def _names_error(text: str) -> bool:
    names = [found[1].lower() for found in _TAG.finditer(text)]
    if not names or names[0] == "svg":
        return False
    return any(_ERROR.fullmatch(name) or "error" in name for name in names)
