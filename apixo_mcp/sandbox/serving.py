"""uvicorn as a guest of somebody else's event loop: no signals, no log, and gone at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Generator

import anyio
import uvicorn
from starlette.types import ASGIApp

LAST_RESORT = 0.3
"""How long a handler may take to notice that its client has gone, before it is cancelled."""


class GuestServer(uvicorn.Server):
    """A server that its owner stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()
        self.stop = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the owner of the loop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the owner."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Keep the server's second hand going until stopped, without its ten wake-ups a second."""
        while not self.stop.is_set():
            await self.on_tick(0)
            with anyio.move_on_after(1):
                await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners and every connection, then the application."""
        for listener in self.servers:
            listener.close()
        for one in sockets or []:
            one.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        if self.server_state.tasks:
            _, late = await asyncio.wait(list(self.server_state.tasks), timeout=LAST_RESORT)
            for task in late:
                task.cancel()
        await self.lifespan.shutdown()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to that address; port 0 takes any free one."""
    # Named TCP outright: asyncio turns Nagle's delay off for such sockets only, else every answer takes 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve an application on a bound socket while the context is open."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=None,
        access_log=False,
        ws="none",
        http="h11",
        lifespan="on",
        timeout_keep_alive=75,
    )
    server = GuestServer(config)

    async def run() -> None:
        # An owner that is cancelled still gets its connections closed: stopping is by `stop` alone.
        with anyio.CancelScope(shield=True):
            await server.serve([listener])

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        try:
            await server.ready.wait()
            yield
        finally:
            server.stop.set()
