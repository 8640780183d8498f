"""Documented answers and real files, changed at random in the ways that gateways and lines change them."""

import gzip
import json
import random
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.wire import answer

ADVERSARIAL: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    200,
    400,
    429,
    500,
    503,
    1e308,
    2**63,
    "",
    " ",
    "\0",
    "null",
    "1e999",
    "@BIG@",
    "@NAN@",
    "@LONE@",
    "🦊" * 300,
    "x" * 60_000,
    "https://a" * 3000,
    "prompt " * 4000,
    "data:image/png;base64,",
    "../../etc",
    "<html>",
    "success",
    "failed",
    "SUCCESS",
    "processing",
    "canceled",
    "CONTENT_VIOLATION",
    "X_TIMEOUT",
    "//host/a.png",
    "/a.png",
    "http://[::1",
    "javascript:1",
    [],
    {},
    [None],
    [[[]]],
    {"url": None},
    {"": ""},
    ["http://127.0.0.1:9/x.png"] * 150,
    {"error": {"code": 500}},
)
KEYS = (
    "taskId",
    "task_id",
    "id",
    "state",
    "status",
    "data",
    "code",
    "message",
    "msg",
    "resultJson",
    "resultUrls",
    "failCode",
    "failMsg",
    "createTime",
    "url",
    "error",
    "",
    "x",
    "output",
)
STATUSES = (200,) * 12 + (
    201,
    202,
    204,
    206,
    301,
    302,
    304,
    307,
    400,
    401,
    402,
    403,
    404,
    405,
    408,
    409,
    413,
    418,
    422,
    429,
    451,
    500,
    501,
    502,
    503,
    504,
    511,
    520,
    599,
    999,
)
HEADERS = (
    {},
    {},
    {},
    {},
    {"retry_after": "1"},
    {"retry_after": "1e999"},
    {"retry_after": "-5"},
    {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"date": "?"},
    {"date": "Wed, 21 Oct 2099 07:28:00 GMT"},
    {"content_type": "text/html; charset=nonsense"},
    {"x": "y" * 20_000},
    {"location": "/elsewhere"},
    {"location": "http://[::1"},
    {"set_cookie": "a=b"},
    {"content_encoding": "identity"},
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += _places(value[key], (*path, key))
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            found += _places(entry, (*path, at))
    return found


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(entry, path[1:], change) if key == path[0] else entry for key, entry in value.items()}
    return [_changed(entry, path[1:], change) if at == path[0] else entry for at, entry in enumerate(value)]


def _nested(value: Any, chance: random.Random) -> Any:
    for _ in range(chance.choice((1, 2, 5, 60))):
        value = chance.choice(({"data": value}, [value], {"x": value, "y": None}))
    return value


def changed_value(whole: Any, chance: random.Random) -> Any:
    """A document with one of its places changed."""
    path = chance.choice(_places(whole))
    how = chance.randrange(8)
    if how == 0 and path and isinstance(path[-1], str):  # a key by another name
        name = chance.choice(KEYS)
        parent = lambda value: {name if key == path[-1] else key: entry for key, entry in value.items()}  # noqa: E731
        return _changed(whole, path[:-1], parent)
    if how == 1 and path and isinstance(path[-1], str):  # a key less
        return _changed(whole, path[:-1], lambda value: {key: entry for key, entry in value.items() if key != path[-1]})
    if how == 2:
        return _changed(whole, path, lambda value: json.dumps(value))
    if how == 3:
        return _changed(whole, path, lambda value: _nested(value, chance))
    if how == 4:
        more = {chance.choice(KEYS): chance.choice(ADVERSARIAL)}
        return _changed(
            whole, path, lambda value: {**value, **more} if isinstance(value, dict) else [value, *more.values()]
        )
    if how == 5:
        return _changed(whole, path, lambda value: str(value) if isinstance(value, int) else [value])
    return _changed(whole, path, lambda _: chance.choice(ADVERSARIAL))


def as_bytes(whole: Any, chance: random.Random) -> bytes:
    text = json.dumps(whole, ensure_ascii=chance.random() < 0.5)
    text = text.replace('"@BIG@"', "9" * 5000).replace('"@NAN@"', "NaN").replace("@LONE@", "\\ud800")
    return text.encode(errors="replace")


def changed_bytes(body: bytes, chance: random.Random) -> bytes:
    """The bytes changed in one place, or in their encoding."""
    place, size = chance.randrange(len(body) + 1), chance.choice((1, 1, 2, 8, 60))
    match chance.randrange(12):
        case 0 | 1:
            return body[:place]
        case 2:
            return body[:place] + chance.randbytes(size) + body[place + size :]
        case 3:
            return body[:place] + body[place + size :]
        case 4:
            return body[:place] + body[max(0, place - size) : place] * chance.choice((2, 30)) + body[place:]
        case 5:
            return b"\xef\xbb\xbf" + body
        case 6:
            return chance.choice((b"<!-- x -->", b"/* x */", b"callback(", b"\n\n", b"<br>Warning: x\n")) + body
        case 7:
            return body + chance.choice((b"<!-- x -->", b");", b"\0", b"}", body))
        case 8:
            return body.decode(errors="replace").encode(
                chance.choice(("utf-16", "utf-16-le", "latin-1", "gbk")), errors="replace"
            )
        case 9:
            return body.replace(b'"', b"'")
        case 10:
            return json.dumps(body.decode(errors="replace")).encode()
        case _:
            return b"[" + body + b"]"


@dataclass
class Mutated:
    """An answer to send.

    Attributes:
        body: what arrives of its body at the least, where the reader is not asked to unpack it; else None.
    """

    raw: bytes
    status: int
    body: bytes | None


def mutated(whole: Any, chance: random.Random) -> Mutated:
    """An answer that was this document once."""
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        whole = changed_value(whole, chance)
    body = as_bytes(whole, chance)
    if chance.random() < 0.35:
        body = changed_bytes(body, chance)
    status = chance.choice(STATUSES)
    headers = dict(chance.choice(HEADERS))
    match chance.randrange(14):
        case 0:
            packed = gzip.compress(body)
            cut = packed[: chance.randrange(len(packed) + 1)] if chance.random() < 0.5 else packed
            return Mutated(
                answer(cut, status, **{**headers, "content_encoding": chance.choice(("gzip", "x-gzip"))}), status, None
            )
        case 1:
            return Mutated(
                answer(body, status, **{**headers, "content_encoding": chance.choice(("gzip", "deflate", "br"))}),
                status,
                None,
            )
        case 2:
            return Mutated(answer(body, status, **{**headers, "content_length": str(len(body) + 500)}), status, body)
        case 3:
            told = len(body) // 2
            return Mutated(answer(body, status, **{**headers, "content_length": str(told)}), status, body[:told])
        case 4:
            pieces = b"".join(
                b"%x\r\n%s\r\n" % (len(body[at : at + 50]), body[at : at + 50]) for at in range(0, len(body), 50)
            )
            end = chance.choice((b"0\r\n\r\n", b"", b"zz\r\n"))
            return Mutated(answer(pieces + end, status, **{**headers, "transfer_encoding": "chunked"}), status, body)
        case _:
            return Mutated(answer(body, status, **headers), status, body)


ID_FIELD = re.compile(rb'"taskId"\s*:\s*"(fz[0-9]+)"')


def may_be_sent_again(told: Mutated) -> bool:
    """Whether the rule of the submit lets this answer lead to another one: 429, or 503, and no task named."""
    body = told.body if told.body is not None else b"429"  # packed: not looked into
    return told.status in (429, 503) or bool(re.search(rb"429|503", body))


# Files.


def changed_file(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes changed."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4))):
        place, size = chance.randrange(len(data) + 1), chance.choice((1, 2, 4, 16, 300, 5000))
        match chance.randrange(9):
            case 0:
                data = data[: max(1, place)]
            case 1:
                data = data[:place] + chance.randbytes(size) + data[place + size :]
            case 2:
                data = data[:place] + bytes(size) + data[place + size :]
            case 3:
                data = data[:place] + b"\xff" * size + data[place + size :]
            case 4:
                data = data[:place] + data[place + size :]
            case 5:
                data = data[:place] + data[place : place + size] * chance.choice((2, 9)) + data[place:]
            case 6:
                data += chance.randbytes(size)
            case 7:
                data = (
                    chance.choice((b"ID3\x04\0\0\0\0\x07\x68" + bytes(1000), bytes(size), b"\r\n", b"\xef\xbb\xbf"))
                    + data
                )
            case _:
                data = data[:place] + other[place:]
        data = data or b"\0"
    return data


@dataclass
class Sent:
    """How a file is served.

    Attributes:
        replies: in order; the last for ever.
        data: the bytes of the file.
        whole: whether all of it arrives.
    """

    replies: list[bytes]
    data: bytes
    whole: bool = True
    how: str = field(default="")


FILE_HEADERS = (
    {},
    {},
    {},
    {"etag": '"x"'},
    {"etag": "x" * 9000},
    {"content_range": "bytes 0-1/" + "9" * 5000},
    {"content_range": "bytes */*"},
    {"accept_ranges": "bytes"},
    {"last_modified": "?"},
    {"content_disposition": 'attachment; filename="../../x.html"'},
    {"cache_control": "x" * 5000},
    {"age": "-1"},
    {"content_md5": "AAAA"},
)
KINDS = (
    "image/png",
    "image/jpeg",
    "video/mp4",
    "audio/mpeg",
    "application/octet-stream",
    "text/html",
    "text/plain",
    "application/json",
    "x",
    "",
)


def sent(data: bytes, chance: random.Random) -> Sent:
    """A way to serve a file."""
    kind, headers = chance.choice(KINDS), dict(chance.choice(FILE_HEADERS))
    status = chance.choice((200,) * 8 + (201, 203, 206))

    def full(**more: str) -> bytes:
        return answer(data, status, kind, **{**headers, **more})

    def chunks(end: bytes = b"0\r\n\r\n", **more: str) -> bytes:
        step = chance.choice((700, 5000, 70_000))
        pieces = b"".join(
            b"%x\r\n%s\r\n" % (len(data[at : at + step]), data[at : at + step]) for at in range(0, len(data), step)
        )
        return answer(pieces + end, status, kind, **{**headers, "transfer_encoding": "chunked", **more})

    def packed(pack: Callable[[bytes], bytes], name: str) -> bytes:
        return answer(pack(data), status, kind, **{**headers, "content_encoding": name})

    how = chance.choice(
        (
            "full",
            "full",
            "full",
            "chunked",
            "chunked",
            "open",
            "gzip",
            "x-gzip",
            "deflate",
            "plain as gzip",
            "both",
            "cut once",
            "cut chunk once",
            "too long",
            "trouble once",
            "closed once",
        )
    )
    match how:
        case "chunked":
            replies = [chunks()]
        case "open":
            replies = [f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + data]
        case "gzip" | "x-gzip":
            replies = [packed(gzip.compress, how)]
        case "deflate":
            replies = [packed(zlib.compress, how)]
        case "plain as gzip":
            replies = [full(content_encoding="gzip")]
        case "both":
            replies = [chunks(content_length="5")]
        case "cut once":
            whole = full()
            replies = [whole[: -(len(data) // 2 + 1)], full()]
        case "cut chunk once":
            replies = [chunks(b"")[:-3], chunks()]
        case "too long":
            return Sent([full(content_length=str(len(data) + 100))], data, False, how)
        case "trouble once":
            replies = [answer("busy", 503, "text/plain"), full()]
        case "closed once":
            replies = [b"", full()]
        case _:
            replies = [full()]
    return Sent(replies, data, True, how)


def may_be_refused(data: bytes) -> bool:
    """Whether this is empty, a page, or a small document that may tell of an error."""
    start = data.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
    return not data.strip() or start in (b"<", b"{", b"[")
