"""Answer heads as servers really send them, made such that a strict parser takes them. Pure, but for the stream."""

import re
from typing import Any

from apixo_mcp.errors import MediaError

LARGEST_HEAD = 256 * 1024
"""Bytes of all heads before a body, those of `100 Continue` included."""
_LONGEST_VALUE = 16 * 1024  # of a header that is handed on: no one that is read here is longer

_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"([A-Za-z]{1,8})(?:/([0-9.]{1,5}))? +([0-9]{3})(?![0-9])")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_SIZE = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]*(?:;[^\n]{0,1000})?\r?\n")


def is_answer(line: bytes) -> bool:
    """Tells whether the first line of what came is that of an HTTP answer, at least nearly."""
    return _STATUS.match(line) is not None


def status_of(head: bytes) -> int:
    """Returns the status of a head whose first line is an answer's."""
    found = _STATUS.match(head)
    return int(found[3]) if found else 0


def cleaned(head: bytes, body: bytes = b"") -> bytes:
    """Returns a head without the lines that are none, and with one readable statement of where the body ends, or none.

    Args:
        head: with its blank line.
        body: the first bytes after it, as far as they are there.
    """
    first, *lines = head.strip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n")
    status = _STATUS.match(first)
    if status is None:
        return head
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:  # a value that goes on in the next line
            fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        if colon and len(value) <= _LONGEST_VALUE and _TOKEN.fullmatch(name.strip()):
            fields.append((name.strip(), value.strip()))
    version = b"1.0" if status[1].upper() != b"HTTP" or status[2] == b"1.0" else b"1.1"
    kept = [(name, value) for name, value in fields if name.lower() not in (b"content-length", b"transfer-encoding")]
    kept += _framing(fields, body)
    text = [b"HTTP/%s %s X" % (version, status[3])]
    text += [b"%s: %s" % (name, _CONTROL.sub(b" ", value).strip()) for name, value in kept]
    return b"\r\n".join([*text, b"", b""])


def _framing(fields: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
    codings = [word.strip().lower() for word in _values(fields, b"transfer-encoding")]
    if b"chunked" in codings and not (len(body) >= 20 and not _CHUNK.match(body)):
        packed = [word for word in codings if word not in (b"chunked", b"identity", b"")]
        return [
            (b"Transfer-Encoding", b"chunked"),
            *([(b"Content-Encoding", b", ".join(packed))] if packed else []),
        ]
    sizes = {word.strip() for word in _values(fields, b"content-length")}
    size = sizes.pop() if len(sizes) == 1 else b""
    return [(b"Content-Length", size)] if _SIZE.fullmatch(size) else []


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [word for field, value in fields if field.lower() == name for word in value.split(b",")]


class LenientStream:
    """A network stream of the HTTP library whose answers have clean heads; bodies pass as they are.

    Heads that only announce another one (1xx) are left out: h11 would read them without end.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._in_body = False
        self._ready = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the library has it
        """Reads the next bytes, the first of them a whole head."""
        if not self._in_body:
            self._ready = await self._head(max_bytes, timeout)
            self._in_body = True
        if self._ready:
            data, self._ready = self._ready[:max_bytes], self._ready[max_bytes:]
            return data
        return await self._inner.read(max_bytes, timeout)

    async def _head(self, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        raw, seen, total = bytearray(), 0, 0
        while True:
            if end := _END.search(raw, max(0, seen - 3)):
                head, rest = bytes(raw[: end.end()]), bytes(raw[end.end() :])
                if 100 <= status_of(head) < 200 and status_of(head) != 101:
                    raw, seen = bytearray(rest.lstrip(b"\r\n")), 0
                    continue
                return cleaned(head, rest) + rest
            line = raw.find(b"\n", 0, 4096)
            if line >= 0 and not is_answer(bytes(raw[:line])):
                return bytes(raw)
            seen = len(raw)
            data = await self._inner.read(max_bytes, timeout)
            if not data:
                return bytes(raw)
            total += len(data)
            raw += data if raw else data.lstrip(b"\r\n")
            if total > LARGEST_HEAD and not _END.search(raw, max(0, seen - 3)):
                raise MediaError("the head of its answer has no end")

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Sends a request, or a piece of it: an answer with a head of its own follows."""
        self._in_body = False
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> "LenientStream":
        """Goes on inside TLS."""
        return LenientStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Returns whatever the library asks about the connection."""
        return self._inner.get_extra_info(info)
