"""A proxy before several servers that hands each new connection to the one that is set, as one does in a deploy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketStream
from support.listening import listening


class Switch:
    """Where connections are handed on to."""

    def __init__(self) -> None:
        self.url = ""
        self.to = ""

    async def handle(self, client: SocketStream) -> None:
        """Hands one connection on until either side closes it."""
        async with client:
            try:
                server = await anyio.connect_tcp("127.0.0.1", int(self.to.rpartition(":")[2]))
            except OSError:
                return
            async with server, anyio.create_task_group() as group:
                group.start_soon(self._pump, client, server, group.cancel_scope)
                group.start_soon(self._pump, server, client, group.cancel_scope)

    async def _pump(self, source: SocketStream, to: SocketStream, scope: anyio.CancelScope) -> None:
        try:
            async for piece in source:
                await to.send(piece)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def switching() -> AsyncIterator[Switch]:
    """Runs one."""
    switch = Switch()
    async with listening(switch.handle) as port:
        switch.url = f"http://127.0.0.1:{port}"
        yield switch
