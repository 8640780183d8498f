"""The server over HTTP on one port: Streamable HTTP at `/mcp`, legacy SSE at `/sse`, `/healthz`, the public routes."""

import ipaddress
import logging
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext

import anyio
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from mcp.types.jsonrpc import JSONRPCError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp import __version__
from apixo_mcp.app import open_app
from apixo_mcp.errors import SettingsError
from apixo_mcp.foreign import read_aside
from apixo_mcp.net.uvicorn_server import Pulse, listen, listening, url_of
from apixo_mcp.outside.public import Public
from apixo_mcp.outside.routes import open_paths, public_routes
from apixo_mcp.server.build import build_server
from apixo_mcp.server.caller import note_arrival
from apixo_mcp.server.http.session_ids import SessionIds
from apixo_mcp.server.http.sessions import Sessions
from apixo_mcp.server.messages import bounded_body, refusal_of_body
from apixo_mcp.server.resources import ApixoServer
from apixo_mcp.server.signals import ENDING
from apixo_mcp.settings import Settings
from apixo_mcp.telemetry.facts import RequestRefused, Telemetry

log = logging.getLogger(__name__)

_SHOWN = 2  # parts of a path that are told: what follows may be a secret
_LONGEST = 100  # characters of what a client sent

_STREAMABLE, _MESSAGES = "/mcp", "/messages/"  # where clients send
_NAMES = ("127.0.0.1", "localhost", "[::1]")

SECURITY = TransportSecuritySettings(
    enable_dns_rebinding_protection=True,
    allowed_hosts=[*_NAMES, *(f"{name}:*" for name in _NAMES)],
    allowed_origins=[f"http://{name}{port}" for name in _NAMES for port in ("", ":*")],
)
"""A web page that got a name of its own to point at this machine is refused: its Host is 421, its Origin 403."""


def listen_on_loopback(host: str, port: int) -> socket.socket:
    """Returns a socket that listens on an address of this machine; port 0 takes any free one.

    Raises:
        SettingsError: the address is not this machine's own, or cannot be had.
    """
    address = "127.0.0.1" if host == "localhost" else host
    if not _is_loopback(address):
        raise SettingsError(
            f"--host {host}: only 127.0.0.1, ::1 and localhost can be served. There is no authentication yet, so "
            "whoever reached the server on another address could spend your credits."
        )
    try:
        return listen(address, port)
    except OSError as error:
        raise SettingsError(
            f"{host} port {port} cannot be listened on: {error.strerror}. Choose another --port."
        ) from None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def run_http(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str], None],
    *,
    streamable: bool = True,
    leave: Callable[[], None] | None = None,
) -> None:
    """Serves until the process is told to end; submits under way are finished first.

    Args:
        settings: of this process.
        listener: from `listen_on_loopback`; it is closed at the end.
        ready: called with the server's URL once it answers.
        streamable: whether `/mcp` is served beside `/sse`.
        leave: called at the end where tasks are still open, to have somebody follow them on.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    _quiet()
    anyio.run(_serve, settings, listener, ready, streamable, leave)


async def _serve(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str], None],
    streamable: bool,
    leave: Callable[[], None] | None,
) -> None:
    @asynccontextmanager
    async def running() -> AsyncGenerator[None]:
        url = url_of(listener)
        async with (
            open_app(settings, leave=leave, public=True) as app,
            serving(build_server(app), listener, streamable=streamable, public=app.public),
        ):
            ready(url)
            yield

    if sys.platform == "win32":
        async with running():
            await anyio.sleep_forever()  # Ctrl-C cancels this
    # Opened before everything else: a signal during the start ends the server in the same orderly way.
    with anyio.open_signal_receiver(*ENDING) as signals:
        async with running():
            async for number in signals:
                log.info("ending on signal %s", number)
                break


def _quiet() -> None:
    # Their INFO and DEBUG lines hold session ids, and whole messages of the users.
    for name in ("uvicorn", "sse_starlette", "mcp.server"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


@asynccontextmanager
async def serving(
    server: ApixoServer, listener: socket.socket, *, streamable: bool = True, public: Public | None = None
) -> AsyncGenerator[None]:
    """Serves an MCP server on a listening socket while the context is open.

    Every connection, of either transport and era, speaks to this one server; what it stands on is its caller's to
    open and close.
    """
    pulse = Pulse()
    app = web_app(server, streamable=streamable, public=public, pulse=pulse)
    async with server.session_manager.run() if streamable else nullcontext(), listening(app, listener, pulse=pulse):
        try:
            yield
        finally:
            await server.questions.close()


def web_app(
    server: ApixoServer, *, streamable: bool = True, public: Public | None = None, pulse: Pulse | None = None
) -> Starlette:
    """Returns the application; with `streamable`, `server.session_manager` must be run while they are served.

    Args:
        server: what is served.
        streamable: whether `/mcp` is served beside `/sse`.
        public: what is served to the gateways.
        pulse: of the loop that it is served on, where it has one.
    """
    routes: list[BaseRoute] = [Route("/healthz", _healthz)]
    if streamable:
        routes += server.streamable_http_app(streamable_http_path=_STREAMABLE, transport_security=SECURITY).routes
    sse = server.sse_app(sse_path="/sse", message_path=_MESSAGES, transport_security=SECURITY).routes
    for route in sse:
        if isinstance(route, Route) and route.methods:
            route.methods.discard("HEAD")  # Starlette adds it to GET, and the SDK would open a stream for it
    routes += sse
    routes += public_routes(public) if public else ()
    messages = (_STREAMABLE, _MESSAGES) if streamable else (_MESSAGES,)
    guard = Middleware(_Guard, server.telemetry, messages, open_paths(public) if public else (), pulse)
    sessions = Middleware(Sessions, SessionIds(server.seal), _STREAMABLE)
    return Starlette(routes=routes, middleware=[guard, sessions])


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


class _Guard:
    """Checks Host and Origin before any route does: the SDK's own check on `/sse` answers, and then raises as well.

    Args:
        messages: the paths that take messages of JSON-RPC.
        open_paths: beginnings of paths that are guarded by an unguessable token in place of that.
        pulse: of the loop: it tells when a request can have come; None: when it is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        telemetry: Telemetry,
        messages: Sequence[str],
        open_paths: Sequence[str],
        pulse: Pulse | None,
    ) -> None:
        self._app = app
        self._telemetry = telemetry
        self._messages = messages
        self._open_paths = tuple(open_paths)
        self._pulse = pulse
        self._check = TransportSecurityMiddleware(SECURITY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        now = time.monotonic()
        note_arrival(Request(scope), now, self._pulse.since(now) if self._pulse else now)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                self._telemetry.emit(_refused(scope, message["status"]))
            await send(message)

        if not scope["path"].startswith(self._open_paths):
            refusal = await self._check.validate_request(Request(scope))
            if refusal is not None:
                await refusal(scope, receive, tell)
                return
            if scope["method"] == "POST":
                receive, refusal = await _bounded(receive)
                if refusal is not None and scope["path"] in self._messages:
                    await JSONResponse(refusal.model_dump(exclude_unset=True), 400)(scope, receive, tell)
                    return
        await self._app(scope, receive, tell)


async def _bounded(receive: Receive) -> tuple[Receive, JSONRPCError | None]:
    """Returns what a client sends, once its body has come and is made small, and the answer where it is no message."""
    body = bytearray()
    last: Message = {"type": "http.request", "more_body": True}
    while last["type"] == "http.request" and last.get("more_body") and len(body) <= DEFAULT_MAX_REQUEST_BODY_SIZE:
        last = await receive()
        body += last.get("body", b"")
    waiting: list[Message] = [last]
    refusal: JSONRPCError | None = None
    if last["type"] == "http.request":
        content = bytes(body)
        if not last.get("more_body"):
            content, refusal = await read_aside(len(body), _read, content)
        waiting = [{**last, "body": content}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay, refusal


def _read(body: bytes) -> tuple[bytes, JSONRPCError | None]:
    content = bounded_body(body)
    return content, refusal_of_body(content)


def _refused(scope: Scope, status: int) -> RequestRefused:
    """Returns the fact that a request was refused; never a token that stands in its path, nor its query."""
    headers = {name: value.decode("latin-1")[:_LONGEST] for name, value in scope["headers"]}
    path = "/".join(scope["path"].split("/")[:_SHOWN])[:_LONGEST]
    host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
    return RequestRefused(scope["method"][:_LONGEST], path, status, host, origin)
