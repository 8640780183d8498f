"""Connections of the HTTP library over a network backend of ours."""

import select
import ssl
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

from apixo_mcp.errors import MediaError
from apixo_mcp.net.heads import (
    END,
    LARGEST_HEAD,
    LONGEST_START,
    Chunks,
    announced,
    bare,
    begins_chunk,
    cleaned,
    is_answer,
    is_head,
    is_over,
    status_of,
)
from apixo_mcp.net.turns import read_in_small_pieces

if TYPE_CHECKING:
    import httpcore2

_LATER = 1.0
"""Seconds in which more comes behind a head that says that nothing more follows."""
_AT_A_TIME = 256 * 1024
"""Bytes of a body that are read at once, where nothing but the body is among them: that takes no going through."""


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
        self._socket: Any = None
        self._poll: Any = None
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
            plain = self._chunks.left if self._chunks else _AT_A_TIME
            most = max(max_bytes, min(plain, _AT_A_TIME))
            data = await (self._late(max_bytes) if self._is_over else self._inner.read(most, timeout))
            if self._chunks is None:
                return data
            self._ready = self._chunks.feed(data) if data else self._chunks.end()
            if not data:
                self._chunks = None
                break
            if most > max_bytes:  # all of it is of one chunk
                data, self._ready = self._ready, b""
                return data
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
            start = bytes(raw[:LONGEST_START])
            is_begun = b"\n" in start or len(start) == LONGEST_START
            if is_begun and not is_answer(start) and not (self._keeps_all and self._is_first):
                return self._bare(bytes(raw))
            if end := END.search(raw, max(0, seen - 3)):
                head, rest = bytes(raw[: end.end()]), bytes(raw[end.end() :])
                status = status_of(head)
                if 100 <= status < 200 and (status != 101 or self._keeps_all):
                    raw[:], seen = rest.lstrip(b"\r\n"), 0
                    continue
                if not is_head(head):
                    return self._bare(bytes(raw))
                return await self._begun(head, rest, max_bytes, timeout)
            seen = len(raw)
            data = await self._inner.read(max_bytes, timeout)
            if not data:
                return bytes(raw) if is_answer(start) and not self._keeps_all else self._bare(bytes(raw))
            total += len(data)
            raw += data if raw else data.lstrip(b"\r\n")
            if total > LARGEST_HEAD and not END.search(raw, max(0, seen - 3)):
                if self._keeps_all:
                    return self._bare(bytes(raw))
                raise MediaError("the head of its answer has no end")

    async def _begun(self, head: bytes, rest: bytes, max_bytes: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        """Returns a clean head and the first bytes behind it: what it says of the body is held against these."""
        is_good = 200 <= status_of(head) < 300 and status_of(head) != 204
        if is_good or self._keeps_all:
            is_chunked, length = announced(head)
            while is_chunked and len(rest) < 20 and not begins_chunk(rest):
                data = await self._inner.read(max_bytes, timeout)
                if not data:
                    break
                rest += data
                self.unread += data
            if length == 0 and not rest and is_good:
                rest = await self._late(max_bytes)
            elif length and not rest and self._keeps_all and status_of(head) not in (204, 304):
                rest = await self._inner.read(max_bytes, timeout)
        clean = cleaned(head, rest, keeps_all=self._keeps_all)
        self._is_over = self._keeps_all and is_over(clean)
        if b"\r\nTransfer-Encoding: chunked\r\n" in clean:
            self._chunks = Chunks(keeps_all=self._keeps_all)
            return clean + self._chunks.feed(rest)
        return clean + rest

    def _bare(self, body: bytes) -> bytes:
        """Returns what came without a head; an earlier answer may have left behind what is not the first."""
        return bare(body, keeps_all=self._keeps_all) if self._is_first else body

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
        if info == "is_readable":
            return self._is_readable()
        return self._inner.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Tells whether a read would return at once: asked of all idle connections, before and after each request."""
        if self._poll is None:
            self._socket = self._inner.get_extra_info("socket")
            if self._socket is None or not hasattr(select, "poll"):  # Windows has none
                return bool(self._inner.get_extra_info("is_readable"))
            if self._socket.fileno() < 0:
                return True
            self._poll = select.poll()
            self._poll.register(self._socket, select.POLLIN)
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))


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


class LenientTransport(httpx2.AsyncBaseTransport):
    """A pool of connections, through a proxy or not, whose answers are read leniently.

    Args:
        context: of TLS, for the host and for a proxy that is reached by it.
        limits: of the pool.
        proxy: the way out; None where it is direct.
        around: puts another backend around the library's own, to connect its way.
        keeps_all: whether an answer that cannot be read is handed on all the same.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        limits: httpx2.Limits,
        proxy: httpx2.Proxy | None = None,
        *,
        around: Callable[[Any], Any] | None = None,
        keeps_all: bool = False,
    ) -> None:
        import httpcore2  # takes a tenth of a second, which a starting server can do without

        read_in_small_pieces()
        way = None
        if proxy is not None:
            way = httpcore2.Proxy(str(proxy.url), auth=proxy.raw_auth, ssl_context=proxy.ssl_context)
        own = httpcore2.AnyIOBackend()
        backend: Any = LenientBackend(around(own) if around else own, keeps_all=keeps_all)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            proxy=way,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends a request on a connection of the pool."""
        return client_response(await self.ask(bare_request(request)))

    async def ask(self, request: "httpcore2.Request") -> "httpcore2.Response":
        """Sends a request as the connections take it: a poll needs nothing else, and it costs half."""
        return await self._pool.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._pool.aclose()


def bare_request(request: httpx2.Request) -> "httpcore2.Request":
    """Returns a request of the library's client as the connections take it."""
    import httpcore2

    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def client_response(answer: "httpcore2.Response") -> httpx2.Response:
    """Returns an answer as the library's client gives it."""
    return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
