"""Answers as servers really send them, made such that a strict parser takes them. Pure, but for the stream."""

import re
from typing import Any

import anyio

from apixo_mcp.errors import MediaError

LARGEST_HEAD = 256 * 1024
"""Bytes of all heads before a body, those of `100 Continue` included."""

DOUBT = "x-doubt"
"""A header that this module alone makes: why what follows may not be a whole file."""

HEADLESS = "it came without the head of an HTTP answer"

_LENGTHLESS = "its head says that nothing follows"
_LONGEST_VALUE, _LONGEST_HEAD = 16 * 1024, 32 * 1024  # of what is handed on: the parser has limits of its own
_READ = frozenset(
    (b"content-type", b"content-encoding", b"content-range", b"etag", b"accept-ranges", b"retry-after", b"location")
)
"""The headers that are read, beside those that tell where the body ends."""
_LATER = 1.0
"""Seconds in which the first bytes come behind a head that says that none follow."""
_LONGEST_START, _LONGEST_CHUNK_LINE = 64, 2048  # bytes in which an answer, or the size of a chunk, can be told

_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"([A-Za-z]{1,8})(?:/([0-9.]{1,5}))? +([0-9]{3})(?![0-9])")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\xff]")
_SIZE = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")


def is_answer(line: bytes) -> bool:
    """Tells whether the first line of what came is that of an HTTP answer, at least nearly."""
    return _STATUS.match(line) is not None


def status_of(head: bytes) -> int:
    """Returns the status of a head whose first line is an answer's."""
    found = _STATUS.match(head)
    return int(found[3]) if found else 0


def cleaned(head: bytes, body: bytes = b"") -> bytes:
    """Returns a head with the lines that are read, and with one readable statement of where the body ends, or none.

    Args:
        head: with its blank line.
        body: the first bytes after it, as far as they are there.
    """
    status = _STATUS.match(head.lstrip(b"\r\n"))
    if status is None:
        return head
    fields = _fields(head)
    version = b"1.0" if status[1].upper() != b"HTTP" or status[2] == b"1.0" else b"1.1"
    text, size = [b"HTTP/%s %s X" % (version, status[3])], 0
    for name, value in _framing(fields, body) + [field for field in fields if field[0].lower() in _READ]:
        line = b"%s: %s" % (name, _CONTROL.sub(b" ", value).strip())
        size += len(line)
        if size <= _LONGEST_HEAD:
            text.append(line)
    if b"close" in [word.strip().lower() for word in _values(fields, b"connection")]:
        text.append(b"Connection: close")
    return b"\r\n".join([*text, b"", b""])


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    for line in head.strip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n")[1:]:
        if line[:1] in (b" ", b"\t") and fields:  # a value that goes on in the next line
            fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        if colon and len(value) <= _LONGEST_VALUE and _TOKEN.fullmatch(name.strip()):
            fields.append((name.strip(), value.strip()))
    return fields


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
    if not _SIZE.fullmatch(size):
        return []
    return [(b"Content-Length", size)] if int(size) or not body else [(DOUBT.encode(), _LENGTHLESS.encode())]


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [word for field, value in fields if field.lower() == name for word in value.split(b",")]


class Chunks:
    """The chunks of a body, written anew as a strict parser wants them: with their sizes, and nothing else."""

    def __init__(self) -> None:
        self._came = bytearray()
        self._left = 0
        self._state = "size"

    def feed(self, data: bytes) -> bytes:
        """Returns what the next bytes are to the parser; nothing while a line is not all there."""
        self._came += data
        chunks = bytearray()
        while self._came and self._state not in ("ended", "broken"):
            if self._state == "bytes":
                piece = self._came[: self._left]
                chunks += b"%x\r\n%s\r\n" % (len(piece), piece)
                del self._came[: len(piece)]
                self._left -= len(piece)
                self._state = "bytes" if self._left else "behind"
            elif b"\n" not in self._came[:_LONGEST_CHUNK_LINE]:
                if len(self._came) < _LONGEST_CHUNK_LINE:
                    break
                self._state = "broken"
            else:
                chunks += self._line()
        return bytes(chunks) + (b"!\r\n" if self._state == "broken" else b"")

    def end(self) -> bytes:
        """Returns what the end of the connection is to the parser: all that matters came before a trailer."""
        return b"0\r\n\r\n" if self._state == "trailer" else b""

    def _line(self) -> bytes:
        pattern = _CHUNK if self._state == "size" else _LINE_END
        line = pattern.match(self._came)
        if self._state == "trailer":
            del self._came[: self._came.index(b"\n") + 1]
            self._state = "ended" if line else "trailer"
            return b"0\r\n\r\n" if line else b""
        if line is None:
            self._state = "broken"
            return b""
        if self._state == "size":
            self._left = int(line[1], 16)
        is_end = self._state == "size" and not self._left
        self._state = "trailer" if is_end else "bytes" if self._state == "size" else "size"
        del self._came[: line.end()]
        return b""


class LenientStream:
    """A network stream of the HTTP library whose answers have clean heads and clean chunks.

    Heads that only announce another one (1xx) are left out: h11 would read them without end.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._in_body = False
        self._is_first = True
        self._ready = b""
        self._chunks: Chunks | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the library has it
        """Reads the next bytes, the first of them a whole head."""
        if not self._in_body:
            self._ready = await self._head(max_bytes, timeout)
            self._in_body = True
            self._is_first = False
        while not self._ready:
            data = await self._inner.read(max_bytes, timeout)
            if self._chunks is None:
                return data
            self._ready = self._chunks.feed(data) if data else self._chunks.end()
            if not data:
                self._chunks = None
                break
        data, self._ready = self._ready[:max_bytes], self._ready[max_bytes:]
        return data

    async def _head(self, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        raw, seen, total = bytearray(), 0, 0
        while True:
            start = bytes(raw[:_LONGEST_START])
            if (b"\n" in start or len(start) == _LONGEST_START) and not is_answer(start):
                return self._bare(bytes(raw))
            if end := _END.search(raw, max(0, seen - 3)):
                head, rest = bytes(raw[: end.end()]), bytes(raw[end.end() :])
                if 100 <= status_of(head) < 200 and status_of(head) != 101:
                    raw, seen = bytearray(rest.lstrip(b"\r\n")), 0
                    continue
                return await self._begun(head, rest, max_bytes, timeout)
            seen = len(raw)
            data = await self._inner.read(max_bytes, timeout)
            if not data:
                return bytes(raw) if is_answer(start) else self._bare(bytes(raw))
            total += len(data)
            raw += data if raw else data.lstrip(b"\r\n")
            if total > LARGEST_HEAD and not _END.search(raw, max(0, seen - 3)):
                raise MediaError("the head of its answer has no end")

    async def _begun(self, head: bytes, rest: bytes, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        """Returns a clean head and the first bytes behind it: what it says of the body is held against these."""
        if 200 <= status_of(head) < 300 and status_of(head) != 204:
            framing = dict(_framing(_fields(head), b""))
            if b"Transfer-Encoding" in framing:
                while len(rest) < 20 and not _CHUNK.match(rest):
                    data = await self._inner.read(max_bytes, timeout)
                    if not data:
                        break
                    rest += data
            elif framing and not int(framing[b"Content-Length"]) and not rest:
                with anyio.move_on_after(_LATER):
                    rest = await self._inner.read(max_bytes, timeout)
        clean = cleaned(head, rest)
        if b"\r\nTransfer-Encoding: chunked\r\n" in clean:
            self._chunks = Chunks()
            return clean + self._chunks.feed(rest)
        return clean + rest

    def _bare(self, body: bytes) -> bytes:
        """Returns a body that came without a head, with one: never what an earlier answer may have left behind."""
        if not self._is_first or not _BINARY.search(body[:_LONGEST_START]):
            return body
        return b"HTTP/1.0 200 X\r\n%s: %s\r\n\r\n%s" % (DOUBT.encode(), HEADLESS.encode(), body)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Sends a request, or a piece of it: an answer with a head of its own follows."""
        self._in_body, self._chunks, self._ready = False, None, b""
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
