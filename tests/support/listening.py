"""A listener of a test, to which it is no fault that somebody leaves, or connects while it is stopped."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener


@asynccontextmanager
async def listening(
    handle: Callable[[Any], Any], context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Handles each connection to an address of this machine until the end, over TLS with a context.

    A connection whose other side leaves is over: a browser opens some that it never asks anything by.

    Yields:
        The port.
    """

    async def handled(stream: Any) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await handle(stream)

    listener: Any = await anyio.create_tcp_listener(local_host=host)
    raw = listener.extra(SocketAttribute.raw_socket)
    async with listener, anyio.create_task_group() as group:
        outer = TLSListener(listener, context, standard_compatible=False) if context else listener
        group.start_soon(outer.serve, handled)
        try:
            yield raw.getsockname()[1]
        finally:
            # asyncio raises InvalidStateError where a connection comes in the moment its `accept` is cancelled.
            asyncio.get_running_loop().remove_reader(raw)
            group.cancel_scope.cancel()
