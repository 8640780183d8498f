"""The fixtures of the media tests."""

from collections.abc import AsyncIterator

import anyio
import anyio.abc
import pytest
from support.media_wire import Wire

from apixo_mcp.net.http import Http


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    wire = Wire(f"http://127.0.0.1:{port}")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, wire.serve)
        yield wire
        group.cancel_scope.cancel()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http(allow_private_hosts=True) as http:
        yield http
