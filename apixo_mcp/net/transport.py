"""Connections of the HTTP library over a network backend of ours."""

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from apixo_mcp.net.heads import LenientBackend
from apixo_mcp.net.turns import read_in_small_pieces


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
        import httpcore2

        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
