"""The server over HTTP on one port: how it listens, runs and ends. What it serves: `server.http.application`."""

import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext

import anyio

from apixo_mcp.app import App, open_app
from apixo_mcp.errors import SettingsError
from apixo_mcp.net.uvicorn_server import Pulse, listen, listening, url_of
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.server.resources import ApixoServer
from apixo_mcp.server.signals import ENDING
from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)


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
            serving(app, build_server(app), listener, streamable=streamable),
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
    app: App, server: ApixoServer, listener: socket.socket, *, streamable: bool = True
) -> AsyncGenerator[None]:
    """Serves an MCP server on a listening socket while the context is open.

    Every connection, of either transport and era, speaks to this one server; what it stands on is its caller's to
    open and close.
    """
    pulse = Pulse()
    web = web_app(app, server, streamable=streamable, pulse=pulse)
    async with server.session_manager.run() if streamable else nullcontext(), listening(web, listener, pulse=pulse):
        try:
            yield
        finally:
            await server.questions.close()
