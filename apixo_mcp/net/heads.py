"""Answers as servers really send them, made such that a strict parser takes them. Pure, but for the stream."""

import re
from typing import Any

import anyio

from apixo_mcp.errors import MediaError

LARGEST_HEAD = 256 * 1024
"""Bytes of all heads before a body, those of `100 Continue` included."""

DOUBT = "x-doubt"
"""A header that this module alone makes: why what follows may not be a whole file, or a whole answer."""

HEADLESS = "it came without the head of an HTTP answer"

_LENGTHLESS = "its head says that nothing follows"
_LONGER = "it is longer than its head says"
_MISFRAMED = "its head does not say where it ends"
_ILL_FORMED = "its head is not one of HTTP"
_OVER = (_LENGTHLESS.encode(), _LONGER.encode())  # so that little more is to come
_LONGEST_VALUE, _LONGEST_HEAD = 16 * 1024, 32 * 1024  # of what is handed on: the parser has limits of its own
_MOST_LINES = 5_000  # of a head that are read: it takes 10 ms
_READ = re.compile(
    rb"content-(?:type|encoding|range|location)|etag|accept-ranges|retry-after|date|(?:operation-)?location"
    rb"|(?:[a-z0-9]{1,30}[-_]){0,3}task[-_]?ids?",
    re.IGNORECASE,
)
"""The headers that are read, beside those that tell where the body ends."""
_LATER = 1.0
"""Seconds in which more comes behind a head that says that nothing more follows."""
_LONGEST_START, _LONGEST_CHUNK_LINE = 64, 2048  # bytes in which an answer, or the size of a chunk, can be told

_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"([A-Za-z]{1,8})(?:/([0-9.]{1,5}))? +([0-9]{3})(?![0-9])")
_STRICT_STATUS = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\xff]")
_SIZE = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_MAY_BEGIN = {"size": re.compile(rb"[ \t0-9A-Fa-f]"), "behind": re.compile(rb"[\r\n]"), "trailer": re.compile(rb"")}


def is_answer(line: bytes) -> bool:
    """Tells whether the first line of what came is that of an HTTP answer, at least nearly."""
    return _STATUS.match(line) is not None


def status_of(head: bytes) -> int:
    """Returns the status of a head whose first line is an answer's."""
    found = _STATUS.match(head)
    return int(found[3]) if found else 0


def cleaned(head: bytes, body: bytes = b"", *, keeps_all: bool = False) -> bytes:
    """Returns a head with the lines that are read, and with one readable statement of where the body ends, or none.

    Args:
        head: with its blank line.
        body: the first bytes after it, as far as they are there.
        keeps_all: whether every doubt is told, and all that came is handed on for it.
    """
    head = head.lstrip(b"\r\n")
    status = _STATUS.match(head)
    if status is None and not keeps_all:
        return head
    fields, is_odd = _fields(head)
    framing, doubt = _framing(fields, body, keeps_all=keeps_all)
    number, version = status[3] if status else b"200", b"1.1"
    if status and (status[1].upper() != b"HTTP" or status[2] == b"1.0"):
        version = b"1.0"
    if keeps_all:
        if is_odd or not _STRICT_STATUS.fullmatch(head.partition(b"\n")[0].rstrip(b"\r")):
            doubt = doubt or _ILL_FORMED
        if body and int(number) in (204, 304):  # the parser would not read it
            number, doubt = b"200", _LENGTHLESS
        if int(number) < 200:
            number, doubt = b"200", doubt or _ILL_FORMED
    elif doubt != _LENGTHLESS:
        doubt = ""
    text, size = [b"HTTP/%s %s X" % (version, number)], 0
    if doubt:
        framing = [*framing, (DOUBT.encode(), doubt.encode())]
    for name, value in framing + [field for field in fields if _READ.fullmatch(field[0])]:
        line = b"%s: %s" % (name, _CONTROL.sub(b" ", value).strip())
        size += len(line)
        if size <= _LONGEST_HEAD:
            text.append(line)
    if b"close" in [word.strip().lower() for word in _values(fields, b"connection")]:
        text.append(b"Connection: close")
    return b"\r\n".join([*text, b"", b""])


def _fields(head: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Returns the fields of a head, and whether it holds anything else."""
    fields: list[tuple[bytes, bytes]] = []
    is_odd = False
    for line in head.strip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n", _MOST_LINES)[1:]:
        if line[:1] in (b" ", b"\t") and fields:  # a value that goes on in the next line
            if len(fields[-1][1]) + len(line) <= _LONGEST_VALUE:
                fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        is_odd = is_odd or not (colon and _TOKEN.fullmatch(name)) or b"\0" in value
        if colon and len(value) <= _LONGEST_VALUE and _TOKEN.fullmatch(name.strip()):
            fields.append((name.strip(), value.strip()))
    return fields, is_odd


def _framing(
    fields: list[tuple[bytes, bytes]], body: bytes, *, keeps_all: bool = False
) -> tuple[list[tuple[bytes, bytes]], str]:
    """Returns the fields that say where the body ends, and why that is in doubt."""
    codings, doubt = [word.lower() for value in _values(fields, b"transfer-encoding") for word in value.split()], ""
    if b"chunked" in codings:
        if len(body) < 20 or _CHUNK.match(body):
            packed = [word for word in codings if word not in (b"chunked", b"identity")]
            chunked = [(b"Transfer-Encoding", b"chunked")]
            return chunked + ([(b"Content-Encoding", b", ".join(packed))] if packed else []), ""
        doubt = _MISFRAMED
    sizes = {word.strip() for word in _values(fields, b"content-length")}
    size = sizes.pop() if len(sizes) == 1 else b""
    if not _SIZE.fullmatch(size):
        return [], _MISFRAMED if size or sizes else doubt
    if not int(size) and body:
        return [], _LENGTHLESS
    if keeps_all and len(body.rstrip()) > int(size):
        return [], _LONGER
    return [(b"Content-Length", size)], doubt


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [word for field, value in fields if field.lower() == name for word in value.split(b",")]


class Chunks:
    """The chunks of a body, written anew as a strict parser wants them: with their sizes, and nothing else.

    Args:
        keeps_all: whether what is not a chunk is handed on too, without an end.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
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
            elif not _MAY_BEGIN[self._state].match(self._came):
                self._state = "broken"
            elif b"\n" not in self._came[:_LONGEST_CHUNK_LINE]:
                if len(self._came) < _LONGEST_CHUNK_LINE:
                    break
                self._state = "broken"
            else:
                chunks += self._line()
        if self._state == "broken":
            chunks += self._rest() if self._keeps_all else b"!\r\n"
        return bytes(chunks)

    def end(self) -> bytes:
        """Returns what the end of the connection is to the parser: all that matters came before a trailer."""
        if self._state == "trailer":
            return b"0\r\n\r\n"
        return self._rest() if self._keeps_all else b""

    def _rest(self) -> bytes:
        rest = bytes(self._came)
        self._came.clear()
        return b"%x\r\n%s\r\n" % (len(rest), rest) if rest else b""

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

    Heads that only announce another one (1xx) are left out: h11 would read them without end. What a proxy says before
    the way through it is open passes as it is.

    Attributes:
        unread: what came of a head that has no end yet.

    Args:
        inner: the library's own stream.
        keeps_all: whether an answer that cannot be read is handed on all the same, with what is in doubt about it.
    """

    def __init__(self, inner: Any, *, keeps_all: bool = False) -> None:
        self._inner = inner
        self._keeps_all = keeps_all
        self._is_written = False
        self._in_body = False
        self._is_first = True
        self._is_over = False
        self._ready = b""
        self._chunks: Chunks | None = None
        self.unread = bytearray()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the library has it
        """Reads the next bytes, the first of them a whole head."""
        self._is_written = False
        if not self._in_body:
            self._ready = await self._head(max_bytes, timeout)
            self._in_body = True
            self._is_first = False
            self.unread.clear()
        while not self._ready:
            data = await (self._late(max_bytes) if self._is_over else self._inner.read(max_bytes, timeout))
            if self._chunks is None:
                return data
            self._ready = self._chunks.feed(data) if data else self._chunks.end()
            if not data:
                self._chunks = None
                break
        data, self._ready = self._ready[:max_bytes], self._ready[max_bytes:]
        return data

    async def _late(self, max_bytes: int) -> bytes:
        """Reads what comes behind the end of an answer; nothing once that takes too long."""
        with anyio.move_on_after(_LATER):
            return await self._inner.read(max_bytes)
        return b""

    async def _head(self, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        raw, seen, total = self.unread, 0, 0
        while True:
            start = bytes(raw[:_LONGEST_START])
            is_begun = b"\n" in start or len(start) == _LONGEST_START
            if is_begun and not is_answer(start) and not (self._keeps_all and self._is_first):
                return self._bare(bytes(raw))
            if end := _END.search(raw, max(0, seen - 3)):
                head, rest = bytes(raw[: end.end()]), bytes(raw[end.end() :])
                status = status_of(head)
                if 100 <= status < 200 and (status != 101 or self._keeps_all):
                    raw[:], seen = rest.lstrip(b"\r\n"), 0
                    continue
                if not status and b"HTTP" not in start.upper() and not _fields(head)[0]:
                    return self._bare(bytes(raw))
                return await self._begun(head, rest, max_bytes, timeout)
            seen = len(raw)
            data = await self._inner.read(max_bytes, timeout)
            if not data:
                return bytes(raw) if is_answer(start) and not self._keeps_all else self._bare(bytes(raw))
            total += len(data)
            raw += data if raw else data.lstrip(b"\r\n")
            if total > LARGEST_HEAD and not _END.search(raw, max(0, seen - 3)):
                if self._keeps_all:
                    return self._bare(bytes(raw))
                raise MediaError("the head of its answer has no end")

    async def _begun(self, head: bytes, rest: bytes, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        """Returns a clean head and the first bytes behind it: what it says of the body is held against these."""
        is_good = 200 <= status_of(head) < 300 and status_of(head) != 204
        if is_good or self._keeps_all:
            framing = dict(_framing(_fields(head)[0], b"")[0])
            if b"Transfer-Encoding" in framing:
                while len(rest) < 20 and not _CHUNK.match(rest):
                    data = await self._inner.read(max_bytes, timeout)
                    if not data:
                        break
                    rest += data
                    self.unread += data
            elif framing and not rest:
                if not int(framing[b"Content-Length"]):
                    rest = await self._late(max_bytes) if is_good else b""
                elif self._keeps_all and status_of(head) not in (204, 304):
                    rest = await self._inner.read(max_bytes, timeout)
        clean = cleaned(head, rest, keeps_all=self._keeps_all)
        self._is_over = self._keeps_all and any(b"%s: %s\r" % (DOUBT.encode(), one) in clean for one in _OVER)
        if b"\r\nTransfer-Encoding: chunked\r\n" in clean:
            self._chunks = Chunks(keeps_all=self._keeps_all)
            return clean + self._chunks.feed(rest)
        return clean + rest

    def _bare(self, body: bytes) -> bytes:
        """Returns a body that came without a head, with one: never what an earlier answer may have left behind."""
        is_kept = bool(body) if self._keeps_all else _BINARY.search(body[:_LONGEST_START]) is not None
        if not self._is_first or not is_kept:
            return body
        return b"HTTP/1.0 200 X\r\n%s: %s\r\n\r\n%s" % (DOUBT.encode(), HEADLESS.encode(), body)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Sends a request, or a piece of it: an answer with a head of its own follows."""
        if not self._is_written:
            self._is_written = True
            is_request = buffer[:1].isalpha() and not buffer.startswith(b"CONNECT ")
            self._in_body, self._is_over, self._chunks, self._ready = not is_request, False, None, b""
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
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return LenientStream(inner, keeps_all=self._keeps_all)

    def get_extra_info(self, info: str) -> Any:
        """Returns whatever the library asks about the connection."""
        return self._inner.get_extra_info(info)


class LenientBackend:
    """A network backend of the HTTP library whose connections are lenient streams.

    Args:
        inner: the backend that connects.
        keeps_all: as of the streams.
    """

    def __init__(self, inner: Any, *, keeps_all: bool = False) -> None:
        self._inner = inner
        self._keeps_all = keeps_all

    async def connect_tcp(self, *args: Any, **named: Any) -> LenientStream:
        """Connects."""
        return LenientStream(await self._inner.connect_tcp(*args, **named), keeps_all=self._keeps_all)

    async def connect_unix_socket(self, *args: Any, **named: Any) -> LenientStream:
        """Connects."""
        return LenientStream(await self._inner.connect_unix_socket(*args, **named), keeps_all=self._keeps_all)

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._inner.sleep(seconds)
