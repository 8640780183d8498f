"""What the tests' own listeners hold: they end quietly whenever somebody connects."""

import socket

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import ByteStream
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
