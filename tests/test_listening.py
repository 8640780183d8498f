"""What the tests' own listeners hold: they end quietly whenever somebody connects, and let go whoever leaves."""

import socket
import struct

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import ByteStream
from support.amounts import in_time
from support.listening import listening

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("steps", range(4))
async def test_a_connection_comes_in_while_the_listener_is_stopped(steps: int) -> None:
    """After one step the loop has seen it, and what it then does stands behind the next step of the test."""
    async with listening(ByteStream.aclose) as port:
        await wait_all_tasks_blocked()
        with socket.create_connection(("127.0.0.1", port)):
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("lingers", [(0, 0), (1, 0)], ids=["closed", "reset"])
async def test_a_connection_that_asks_nothing_is_no_fault(lingers: tuple[int, int]) -> None:
    """As those of a browser that opens one more than it needs."""
    over = anyio.Event()

    async def handle(stream: ByteStream) -> None:
        try:
            async with stream:
                await stream.receive()
        finally:
            over.set()

    async with listening(handle) as port:
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *lingers))
        with in_time(5):
            await over.wait()
