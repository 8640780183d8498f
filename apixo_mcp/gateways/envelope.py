"""Reading an HTTP answer: both gateways wrap everything in `{"code": int, "message": str, "data": ...}`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast

from apixo_mcp.foreign import cut, read_json

_LONGEST_WAIT = 86_400.0
_LONGEST_HEADER = 100
_TELLING = ("state", "taskId", "task_id")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a gateway itself answered.

    Attributes:
        status: of HTTP.
        code: of the body, None where a bare object came without one (Ruxa's callbacks).
        message: the gateway's words, empty where there are none.
        data: an object, a number, or None; APIXO's bad-key answer has none at all.
        whole: all of the answer.
    """

    status: int
    code: int | None
    message: str
    data: Any
    whole: Any = None

    @property
    def effective(self) -> int:
        """The body's code where it tells more than success, else the HTTP status: errors may come under HTTP 200."""
        if self.code is not None and self.code != 200:
            return self.code
        return 200 if 200 <= self.status < 300 else self.status

    @property
    def fields(self) -> dict[str, Any] | None:
        """`data` where it is an object."""
        data = self.data
        return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def parse_object(body: bytes | str) -> dict[str, Any] | None:
    """Returns the JSON object in a body, None for anything else."""
    value = read_json(body)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def read_envelope(status: int, body: bytes) -> Envelope | None:
    """Reads the envelope of an answer; None for HTML, other JSON, and anything without a number as `code`."""
    return _envelope(status, parse_object(body))


def _envelope(status: int, found: dict[str, Any] | None) -> Envelope | None:
    code = _code(found)
    if found is None or code is None:
        return None
    return Envelope(status, code, _text(found), found.get("data"), found)


def read_bare(status: int, body: bytes) -> Envelope | None:
    """Reads as `read_envelope` does, but what tells of a task needs no `code` and no `data` around it."""
    return _bare(status, parse_object(body))


def _bare(status: int, found: dict[str, Any] | None) -> Envelope | None:
    if found is None:
        return None
    for fields in (found.get("data"), found):
        if isinstance(fields, dict) and any(cast("dict[str, Any]", fields).get(name) for name in _TELLING):
            return Envelope(status, _code(found), _text(found), fields, found)
    return _envelope(status, found)


def read_leniently(status: int, body: bytes) -> Envelope | None:
    """Reads as `read_bare` does, for answers that settle nothing about money.

    They may be in any encoding, with something behind the JSON, and with `data` in a list of one or as a text of JSON.
    """
    found = parse_leniently(body)
    answer = _bare(status, cast("dict[str, Any]", found)) if isinstance(found, dict) else None
    if answer is not None and answer.fields is not None:
        return answer
    if isinstance(found, list) and len(cast("list[Any]", found)) == 1:
        found = cast("list[Any]", found)[0]
    if not isinstance(found, dict):
        return answer
    fields = cast("dict[str, Any]", found)
    data: Any = fields.get("data")
    data = parse_leniently(data) if isinstance(data, str) else data
    if isinstance(data, list) and len(several := cast("list[Any]", data)) == 1:
        data = several[0]
    inner = cast("dict[str, Any]", data) if isinstance(data, dict) else None
    return _bare(status, {**fields, "data": inner}) or answer


def parse_leniently(body: bytes | str) -> Any:
    """Reads the JSON value that a body begins with, in any encoding, whatever follows; None without one."""
    return read_json(body if isinstance(body, str) else decode_envelope(body), only_beginning=True)


def decode_envelope(body: bytes) -> str:
    """Returns the text of a body. What is not UTF-8, -16 or -32 is read as Latin-1, which never fails."""
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding, "replace" if "16" in encoding or "32" in encoding else "strict")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _code(found: Mapping[str, Any] | None) -> int | None:
    """Reads the `code` of a body. Documents have only numbers and 200; text, 0 and other successes are inferred."""
    value = found.get("code") if found is not None else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return 200 if value == 0 or 200 < value < 300 else value


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Returns seconds that a `Retry-After` header asks for, as a number or a date (RFC 9110, 10.2.3); None without one.

    Args:
        headers: with lower-case names.
        now: Unix seconds, in place of the answer's own `Date`.
    """
    value = headers.get("retry-after", "")[:_LONGEST_HEADER].strip()
    try:
        seconds = float(value)
    except ValueError:
        when = _date(value)
        if when is None:
            return None
        seconds = when - (_date(headers.get("date", "")[:_LONGEST_HEADER]) or now)
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None


def unix_time(value: Any) -> float | None:
    """Reads a gateway's time as Unix seconds: it has milliseconds (APIXO model pages), or seconds (inferred)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if not 1e9 <= value < 1e14:  # 2001 in seconds, the year 5138 in milliseconds
        return None
    return value / 1000 if value >= 1e11 else float(value)


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _text(found: Mapping[str, Any]) -> str:
    """Reads the message (`message`, `msg`) and what is wrong with a field (`data.error`, APIXO error-codes page)."""
    words = [found.get("message"), found.get("msg")]
    if isinstance(data := found.get("data"), dict):
        words.append(cast("dict[str, Any]", data).get("error"))
    told = (cut(word).strip() for word in words if isinstance(word, str))
    return cut(": ".join(dict.fromkeys(filter(None, told))))
