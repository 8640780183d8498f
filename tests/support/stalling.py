"""A proxy on loopback that can stop forwarding without closing anything, as a network does that has gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream
from support.listening import listening


@dataclass
class Stalling:
    """What stands before a server.

    Attributes:
        to: the server's port on loopback.
        port: its own.
    """

    to: int
    port: int = 0
    _moves: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self._moves.set()

    def stall(self) -> None:
        """Forwards nothing from now on; connections stay open, and new ones are taken."""
        self._moves = anyio.Event()

    def go_on(self) -> None:
        """Forwards again, what has come meanwhile first."""
        self._moves.set()

    async def handle(self, client: SocketStream) -> None:
        async with client:
            await self._moves.wait()
            try:
                server = await anyio.connect_tcp("127.0.0.1", self.to)
            except OSError:
                return
            async with server, anyio.create_task_group() as group:
                group.start_soon(self._pump, client, server, group.cancel_scope)
                group.start_soon(self._pump, server, client, group.cancel_scope)

    async def _pump(self, source: SocketStream, to: SocketStream, scope: anyio.CancelScope) -> None:
        try:
            async for piece in source:
                await self._moves.wait()
                await to.send(piece)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        await self._moves.wait()
        scope.cancel()


@asynccontextmanager
async def stalling(to: int) -> AsyncIterator[Stalling]:
    """Runs one before a port of loopback."""
    proxy = Stalling(to)
    async with listening(proxy.handle) as proxy.port:
        try:
            yield proxy
        finally:
            proxy.go_on()
