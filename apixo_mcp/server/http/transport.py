"""The server over HTTP on one port: how it listens, runs and ends. What it serves: `server.http.application`."""

import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext

import anyio

from apixo_mcp.app import App, open_app
from apixo_mcp.errors import SettingsError
from apixo_mcp.net.bounded_protocol import WireLimits
from apixo_mcp.net.proxies import is_loopback
from apixo_mcp.net.uvicorn_server import Pulse, let_open, listen, listening, url_of
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.middleware.calls import OpenCalls
from apixo_mcp.server.resources import ApixoServer
from apixo_mcp.server.signals import ENDING
from apixo_mcp.settings import Settings
from apixo_mcp.telemetry.facts import RequestRefused
from apixo_mcp.variables.addresses import IN_THE_CLEAR
from apixo_mcp.webhooks.sending import sending

log = logging.getLogger(__name__)

_FILES = 200
"""What a server has open besides its connections, at most."""

DRAINING = 2.0
"""Seconds that calls have to be answered once the server ends: those that wait are told how far their tasks are."""


def listen_on(host: str, port: int) -> socket.socket:
    """Returns a socket that listens on an address of this machine, or on all of them; port 0 takes any free one.

    Args:
        host: an address, `0.0.0.0` or `::` for all (the latter with those of IPv4), or a name of this machine.

    Raises:
        SettingsError: the address is not this machine's own, or cannot be had.
    """
    try:
        return listen(_address_of(host), port)
    except OSError as error:
        is_the_port = error.errno in (errno.EADDRINUSE, errno.EACCES)  # the latter: of the ports below 1024
        advice = "Choose another port." if is_the_port else "Choose an address of this machine."
        reason = error.strerror or str(error)
        raise SettingsError(f"{host} port {port} cannot be listened on: {reason}. {advice}") from None


def _address_of(host: str) -> str:
    bare = host.strip("[]")
    try:
        ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        if host.lower() == "localhost":
            return "127.0.0.1"  # whatever comes first: clients try both
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    return bare


def run_http(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str], None],
    *,
    streamable: bool = True,
    drain: float = 0.0,
    leave: Callable[[], None] | None = None,
) -> None:
    """Serves until the process is told to end; submits under way are finished first.

    Args:
        settings: of this process.
        listener: from `listen_on`; it is closed at the end.
        ready: called with the server's URL once it answers.
        streamable: whether `/mcp` is served beside `/sse`.
        drain: seconds that it serves on once it is told to end, while it says that it is not ready.
        leave: called at the end where tasks are still open, to have somebody follow them on.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    if settings.is_public_in_the_clear:
        raise SettingsError(IN_THE_CLEAR)
    _quiet()
    let_open(WireLimits().connections + _FILES)
    anyio.run(_serve, settings, listener, ready, streamable, drain, leave)


async def _serve(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str], None],
    streamable: bool,
    drain: float,
    leave: Callable[[], None] | None,
) -> None:
    @asynccontextmanager
    async def running() -> AsyncGenerator[App]:
        url = url_of(listener)
        async with (
            open_app(settings, leave=leave, public=True, lasting=True) as app,
            _closed_to_strangers(app, listener),
            serving(app, build_server(app), listener, streamable=streamable),
            sending(app),
        ):
            ready(url)
            yield app

    if sys.platform == "win32":
        async with running():
            await anyio.sleep_forever()  # Ctrl-C cancels this
    # Opened before everything else: a signal during the start ends the server in the same orderly way.
    with anyio.open_signal_receiver(*ENDING) as signals:
        async with running() as app:
            async for number in signals:
                log.info("ending on signal %s", number)
                break
            if app.health is not None:
                app.health.leave()
            with anyio.move_on_after(drain):
                async for _ in signals:
                    break  # told twice: at once


@asynccontextmanager
async def _closed_to_strangers(app: App, listener: socket.socket) -> AsyncGenerator[None]:
    await check_reach(app, listener.getsockname()[0])
    yield


async def check_reach(app: App, host: str) -> None:
    """Refuses to serve on an address that others reach while nobody could sign in.

    Raises:
        SettingsError: it is so; tells the three ways on.
    """
    if is_loopback(host) or app.settings.auth_issuer or await app.owners.any():
        return
    raise SettingsError(
        f"--host {host}: other machines reach this address, and nobody can sign in yet, so anybody could spend your "
        "credits. One of these first:\n"
        "- `apixo-mcp owners add NAME` prints a token, for clients that take one (Claude Code, Cursor, VS Code);\n"
        "- `apixo-mcp owners invite NAME` prints a link for a person who signs in with a browser, for clients that "
        "take nothing else (claude.ai, ChatGPT);\n"
        "- APIXO_MCP_AUTH_ISSUER and APIXO_MCP_AUTH_AUDIENCE name an identity provider whose tokens are taken.\n"
        "Or serve on 127.0.0.1, for this machine alone."
    )


def _quiet() -> None:
    # Their INFO and DEBUG lines hold session ids, and whole messages of the users.
    for name in ("uvicorn", "sse_starlette", "mcp.server"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # A warning for whatever is no request: it is a fact of ours as well, and strangers write as many as they like.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


@asynccontextmanager
async def serving(
    app: App,
    server: ApixoServer,
    listener: socket.socket,
    *,
    streamable: bool = True,
    limits: HttpLimits = HttpLimits(),
) -> AsyncGenerator[None]:
    """Serves an MCP server on a listening socket while the context is open.

    Every connection, of either transport and era, speaks to this one server; what it stands on is its caller's to
    open and close.
    """
    pulse = Pulse()
    calls = OpenCalls()
    web = web_app(app, server, streamable=streamable, pulse=pulse, limits=limits, calls=calls)

    async def drain() -> None:
        server.waiting.end()
        await server.questions.close()
        await calls.ended(DRAINING)

    def refused(status: int) -> None:
        app.telemetry.emit(RequestRefused("", "", status, "", ""))

    async with (
        server.session_manager.run() if streamable else nullcontext(),
        listening(web, listener, pulse=pulse, limits=limits.wire, refused=refused, drain=drain),
    ):
        yield
