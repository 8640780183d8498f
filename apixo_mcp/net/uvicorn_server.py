"""uvicorn inside an event loop that somebody else owns: no signals, no log of its own, and an end within a second."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import partial
from typing import Any, cast

import anyio
import uvicorn
from starlette.types import ASGIApp

from apixo_mcp.net.bounded_protocol import BoundedProtocol, TellRefused, WireLimits

FINISHING = 0.3
"""Seconds that answers which are being written may take once the server ends; open streams are cut then."""

NOTICING = 0.2
"""How long a handler may take to notice that its client was cut off, before it is cancelled."""


Drain = Callable[[], Awaitable[None]]

BEATS_EVERY = 1.0
LATE = 0.5
"""Seconds beyond that, after which an event loop was held up: what came meanwhile was not seen coming."""

SETTLES_IN = 0.3
"""How long a loop that was held up takes to get round to what came meanwhile."""


async def _nothing() -> None:
    pass


class Pulse:
    """Tells when an event loop was held up, and so since when at the earliest something can have come that it sees."""

    def __init__(self) -> None:
        self._beat = time.monotonic()
        self._held = (0.0, 0.0)

    def beat(self) -> None:
        """Notes that the loop runs. It must be called every `BEATS_EVERY` seconds."""
        now = time.monotonic()
        if now - self._beat > BEATS_EVERY + LATE:
            self._held = (self._beat, now)
        self._beat = now

    def since(self, now: float) -> float:
        """Returns the earliest moment, by `time.monotonic()`, at which something can have come that is seen now."""
        if now - self._beat > BEATS_EVERY + LATE:
            return self._beat
        began, ended = self._held
        return began if now - ended < SETTLES_IN else now


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens on an address; port 0 takes any free one.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP outright: asyncio turns Nagle's delay off for such sockets only, else every answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # some systems would leave IPv4 out
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def let_open(files: int) -> None:
    """Lets this process open so many files and connections, as far as the system does: many begin with 1,024."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def url_of(listener: socket.socket) -> str:
    """Tells what clients on this machine reach the socket by."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.asynccontextmanager
async def listening(
    app: ASGIApp,
    listener: socket.socket,
    *,
    lifespan: bool = False,
    finishing: float = FINISHING,
    pulse: Pulse | None = None,
    limits: WireLimits = WireLimits(),
    refused: TellRefused = lambda _: None,
    drain: Drain = _nothing,
) -> AsyncGenerator[None]:
    """Serves an application on a listening socket while the context is open, and closes the socket.

    Args:
        app: what is served.
        listener: from `listen`.
        lifespan: whether the application is told of its start and its end.
        finishing: seconds that answers which are being written may take once the server ends.
        pulse: beats while it is served.
        limits: of each connection.
        refused: is told the status of what is refused before the application has it.
        drain: is awaited once nobody can connect any more and what is idle is closed, before anything is cut.
    """
    protocol = cast(Any, partial(BoundedProtocol, limits=limits, refused=refused))
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on" if lifespan else "off",
        log_config=None,
        log_level=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep idle connections: else they reuse one that is just closing
    )
    server = _Guest(config, finishing, pulse or Pulse(), drain)

    async def run() -> None:
        # An owner that is cancelled still gets its connections closed: the end comes by `stop` alone.
        with anyio.CancelScope(shield=True):
            await server.serve([listener])

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        try:
            await server.ready.wait()
            yield
        finally:
            server.stop.set()


class _Guest(uvicorn.Server):
    """A server that is ended by its owner."""

    def __init__(self, config: uvicorn.Config, finishing: float, pulse: Pulse, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._pulse = pulse
        self._finishing = finishing
        self.ready = anyio.Event()
        self.stop = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leaves signals to the owner of the loop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and tells the owner."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Keeps the date that answers carry, without uvicorn's ten wake-ups a second."""
        while not self.stop.is_set():
            await self.on_tick(0)
            self._pulse.beat()
            with anyio.move_on_after(BEATS_EVERY):
                await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets short answers end, then cuts every connection."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._drain()
        await self._requests_end(self._finishing)
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        await self._requests_end(NOTICING)
        for request in list(self.server_state.tasks):
            request.cancel()
        await self._requests_end(NOTICING)
        await self.lifespan.shutdown()

    async def _requests_end(self, seconds: float) -> None:
        if seconds and self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks), timeout=seconds)
