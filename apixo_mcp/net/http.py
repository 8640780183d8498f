"""HTTP, for both gateways and for media. The only module that imports the HTTP library."""

import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

import anyio
import httpx2

from apixo_mcp import __version__
from apixo_mcp.errors import HostRefused, MediaError, SettingRefused
from apixo_mcp.net import guard
from apixo_mcp.net.bare_get import bare_get, parsed, user_header
from apixo_mcp.net.certificates import tls_context
from apixo_mcp.net.excerpt import MAX_BODY, Excerpt
from apixo_mcp.net.fetcher import Download, download_of
from apixo_mcp.net.guarded_connect import GuardedBackend, ResolveHost, resolve_name
from apixo_mcp.net.heads import DOUBT
from apixo_mcp.net.proxies import Proxies, Proxy, is_loopback, no_connection
from apixo_mcp.net.response import Answered, Broken, HttpResponse, NotReached, host_of, words_for
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.net.transport import LenientStream, LenientTransport, bare_request, client_response
from apixo_mcp.net.turns import in_turns
from apixo_mcp.net.unpacking import Unpacker, encodings, unpacked

if TYPE_CHECKING:
    import httpcore2

MAX_REDIRECTS = 5

_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=10, keepalive_expiry=20.0)
# A paid POST on a connection that the server is just closing would be one of which nobody knows whether it arrived.
_NONE_KEPT = httpx2.Limits(max_connections=100, max_keepalive_connections=0)
_AGENT = f"apixo-mcp/{__version__}"
_MEDIA_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=10, keepalive_expiry=20.0)
_NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL"}
)
"""Errors of the library, by name, that it raises only before the first byte of a request is written."""


class _Client(httpx2.AsyncClient):
    """The library's client, with the connections beneath it.

    Args:
        connections: of this client.
        more: headers of each request.
    """

    def __init__(self, connections: LenientTransport, more: Mapping[str, str] | None = None) -> None:
        self.connections = connections
        headers = {"User-Agent": _AGENT, **(more or {})}
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        super().__init__(transport=connections, headers=headers, cookies=cookies, trust_env=False)


class Http:
    """The connections of one process: a pool for the gateways, and another for media that never sees a key.

    A POST has a connection of its own.

    Opens nothing until the first request. Implements `media.fetcher.Fetcher`.

    Args:
        allow_private_hosts: lets media URLs lead to private addresses. URLs given to `call` are never guarded.
        resolve: in place of the system's name resolution, for media.
        timeouts: of each step of a request.
    """

    def __init__(
        self,
        *,
        allow_private_hosts: bool = False,
        resolve: ResolveHost | None = None,
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        self.timeouts = timeouts
        self._allow_private = allow_private_hosts
        self._resolve = resolve or resolve_name
        self._clients: dict[str, _Client] = {}
        self._proxies = Proxies()
        self._context: ssl.SSLContext | None = None
        self._lock = anyio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            for client in self._clients.values():
                await client.aclose()
        self._clients.clear()

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        read_timeout: float,
        telling: re.Pattern[bytes] | None = None,
    ) -> HttpResponse:
        """Sends one request, once. No redirect is followed, nothing is retried, and nothing but cancellation raises.

        However slowly an answer comes, headers included, it is waited for no longer than `read_timeout` and
        `Timeouts.answer_grace`.

        Args:
            telling: what is looked for in an answer that is too large to be kept.
        """
        where, proxy, way = host_of(url), None, None
        try:
            proxy = self._proxy_of(parsed(url))
            client = await self._gateway_client(url, proxy, fresh=method == "POST")
            timeout = self._timeout(read_timeout)
            if method == "GET" and proxy is None:  # nothing to watch: what fails then has a name for it
                named = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
                extensions = {"timeout": timeout.as_dict()}
                request = bare_get(parsed(url), params, [*client.headers.raw, *named], extensions)
            else:
                written = client.build_request(
                    method, url, headers=headers, json=json, data=form, params=params, timeout=timeout
                )
                written.extensions["trace"] = way = _Way()
                request = bare_request(written)
        except SettingRefused as error:
            return NotReached(f"{where} was not asked: {error}", error.variable)
        except Exception as error:
            return NotReached(f"the request to {where} could not be written ({words_for(error)})")
        excerpt, headers = Excerpt(telling), dict[str, str]()
        try:
            with anyio.fail_after(read_timeout + self.timeouts.answer_grace):
                response = await client.connections.ask(request)
                headers.update((name.lower(), value) for name, value in httpx2.Headers(response.headers).items())
                doubt = headers.pop(DOUBT, "")
                try:
                    async for chunk in _plain(response, headers):
                        if not excerpt.add(chunk):
                            break
                finally:
                    await response.aclose()
        except Exception as error:
            if (way is not None and way.is_being_opened) or type(error).__name__ in _NEVER_SENT:
                return no_connection(where, error, proxy)
            reason = f"no whole answer came back from {where} ({words_for(error)})"
            unread = way.unread if way is not None else b""
            return Broken(reason, excerpt.body() or unread, MappingProxyType(headers))
        if excerpt.is_cut:
            reason = f"the answer of {where} is larger than {MAX_BODY // 1024 // 1024} MB"
            return Broken(reason, excerpt.body(), MappingProxyType(headers))
        if doubt:
            reason = f"no answer that can be relied on came back from {where}: {doubt}"
            return Broken(reason, excerpt.body(), MappingProxyType(headers), response.status)
        return Answered(response.status, MappingProxyType(headers), excerpt.body())

    async def deliver(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes = b"", within: float
    ) -> HttpResponse:
        """Sends one request to an address of the operator's own, which may be this machine's, and is guarded else.

        No redirect is followed, nothing of the answer's body is read, and nothing but cancellation raises.
        """
        where = host_of(url)
        try:
            target = httpx2.URL(url)
            if self._allow_private or is_loopback(target.host):
                client = await self._gateway_client(url, self._proxy_of(target), fresh=True)
            else:
                guard.check_url(url, allow_private=False)
                client = await self._media_client(target)
            with anyio.fail_after(within):
                more = {**headers, "Connection": "close"}
                timeout = self._timeout(within)
                request = client.build_request(method, url, headers=more, content=content, timeout=timeout)
                response = await client.send(request, stream=True)
                await response.aclose()
        except (HostRefused, SettingRefused) as error:
            return NotReached(f"{where} was not asked: {error}")
        except Exception as error:
            return Broken(f"{where} did not answer ({words_for(error)})")
        return Answered(response.status_code, MappingProxyType({}), b"")

    @asynccontextmanager
    async def fetch(
        self, url: str, *, offset: int = 0, etag: str = "", unpack: bool = True, follow: bool = True
    ) -> AsyncGenerator[Download, None]:
        """See `Fetcher.fetch`."""
        answer, host = await self._open(url, offset, etag, follow=follow)
        try:
            if answer.status == 416 and offset:
                # Nothing follows that offset: the file is another one now, or was whole already.
                await answer.aclose()
                offset = 0
                answer, host = await self._open(url, offset, "", follow=follow)
            headers = httpx2.Headers(answer.headers)
            packed = encodings(headers.get("content-encoding", "")) if unpack else []
            chunks = _chunks(answer, host, [Unpacker(name) for name in packed], self.timeouts.idle)
            try:
                yield download_of(host, answer.status, headers, offset, chunks, is_packed=bool(packed))
            finally:
                await chunks.aclose()
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()

    async def _open(self, url: str, offset: int, etag: str, *, follow: bool) -> "tuple[httpcore2.Response, str]":
        headers = [(b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", _AGENT.encode())]
        where = [host_of(url)]
        try:
            if offset:
                headers.append((b"Range", b"bytes=%d-" % offset))
                if etag:
                    headers.append((b"If-Range", etag.encode("ascii")))
            with anyio.fail_after(self.timeouts.until_body):
                return await self._follow(url, headers, where, MAX_REDIRECTS if follow else 0), where[0]
        except MediaError:
            raise
        except Exception as error:
            raise MediaError(f"{where[0]} could not be fetched from ({words_for(error)})") from None

    async def _follow(
        self, url: str, headers: list[tuple[bytes, bytes]], where: list[str], most: int
    ) -> "httpcore2.Response":
        # What is read has its limits here: the whole way to the body has one, and each piece of the body.
        extensions = {"timeout": self._timeout(None).as_dict()}
        target = httpx2.URL(url)
        for _ in range(most + 1):
            where[0] = target.host
            guard.check_url(str(target), allow_private=self._allow_private)
            client = await self._media_client(target)
            answer = await client.connections.ask(bare_get(target, None, [*headers, *user_header(target)], extensions))
            location = httpx2.Headers(answer.headers).get("location", "")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            await answer.aclose()
            target = target.join(location.strip())
        raise MediaError(f"{where[0]} redirects more than {most} times")

    def _timeout(self, read: float | None) -> httpx2.Timeout:
        steps = self.timeouts
        return httpx2.Timeout(connect=steps.connect, read=read, write=steps.write, pool=steps.pool)

    async def _gateway_client(self, url: str, proxy: Proxy | None, *, fresh: bool) -> _Client:
        scheme = "https" if url[:6].lower() == "https:" else "http"
        name = f"{'fresh ' if fresh else ''}{scheme} {proxy.url if proxy else ''}"
        if (ready := self._clients.get(name)) is not None:
            return ready
        async with self._lock:
            if (known := self._clients.get(name)) is None:
                limits = _NONE_KEPT if fresh else _LIMITS
                transport = LenientTransport(
                    await self._tls(scheme), limits, await self._way_out(proxy), keeps_all=True
                )
                known = self._clients[name] = _Client(transport, {"Connection": "close"} if fresh else {})
            return known

    async def _media_client(self, url: httpx2.URL) -> _Client:
        proxy = self._proxy_of(url)
        if proxy and not self._allow_private:
            guard.check_name(url.host)  # the proxy resolves it
        name = f"media {url.scheme} {proxy.url if proxy else ''}"
        async with self._lock:
            if (known := self._clients.get(name)) is None:
                transport = LenientTransport(
                    await self._tls(url.scheme),
                    _MEDIA_LIMITS,
                    await self._way_out(proxy),
                    around=partial(self._guarded, https=url.scheme == "https") if proxy is None else None,
                )
                known = self._clients[name] = _Client(transport)
            return known

    def _guarded(self, backend: Any, *, https: bool) -> GuardedBackend:
        return GuardedBackend(backend, self._resolve, allow_private=self._allow_private, https=https)

    def _proxy_of(self, url: httpx2.URL) -> Proxy | None:
        return self._proxies.get(url.scheme, url.host, url.port)

    async def _way_out(self, proxy: Proxy | None) -> httpx2.Proxy | None:
        if proxy is None:
            return None
        return httpx2.Proxy(proxy.url, ssl_context=await self._tls("https") if proxy.url[:6] == "https:" else None)

    async def _tls(self, scheme: str) -> ssl.SSLContext:
        if scheme != "https":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; the real one takes 50 ms to load
        if self._context is None:
            self._context = await anyio.to_thread.run_sync(tls_context)
        return self._context


class _Way:
    """Watches a request leave: until the way through a proxy is open, nothing of it is sent.

    Attributes:
        is_being_opened: seen for certain: the last that happened belongs to the opening, or that failed.
    """

    def __init__(self) -> None:
        self.is_being_opened = False
        self._stream: LenientStream | None = None

    @property
    def unread(self) -> bytes:
        """What came of a head that had no end, on a connection that was made for this request."""
        return bytes(self._stream.unread) if self._stream is not None else b""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Takes the library's report of a step."""
        if isinstance(stream := info.get("return_value"), LenientStream):
            self._stream = stream
        if event.endswith("send_request_headers.started"):
            self.is_being_opened = getattr(info.get("request"), "method", b"") == b"CONNECT"
        elif event.endswith(("connect_tcp.failed", "setup_socks5_connection.failed", "start_tls.failed")):
            self.is_being_opened = True


def _plain(answer: "httpcore2.Response", headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yields the body of an answer, unpacked; as it came where it only claims to be packed."""
    names = encodings(headers.get("content-encoding", ""))
    if not names:
        return in_turns(cast("AsyncIterator[bytes]", answer.stream))
    unpackers = [Unpacker(name) for name in names]
    if any(unpacker.packed for unpacker in unpackers):
        return in_turns(client_response(answer).aiter_bytes())
    return unpacked(in_turns(answer.aiter_stream()), unpackers)


async def _chunks(
    answer: "httpcore2.Response", where: str, unpackers: list[Unpacker], idle: float
) -> AsyncGenerator[bytes, None]:
    pieces = _in_time(answer, idle)
    try:
        async for piece in unpacked(pieces, unpackers) if unpackers else pieces:
            yield piece
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"the line to {where} broke ({words_for(error)})") from None


async def _in_time(answer: "httpcore2.Response", idle: float) -> AsyncGenerator[bytes, None]:
    raw = in_turns(cast("AsyncIterator[bytes]", answer.stream))
    while True:
        with anyio.fail_after(idle):  # what is no part of the body (a trailer, the size of a chunk) is no progress
            data = await anext(raw, None)
        if data is None:
            return
        yield data
