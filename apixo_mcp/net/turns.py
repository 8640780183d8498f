"""Other work gets its turn while an answer is read, whatever pieces it comes in.

A server can put tens of thousands of chunks, headers or interim answers into what one read of the network brings. The
HTTP library goes through all of them before anything else in the process may run: for most of a second.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from anyio.lowlevel import checkpoint

_AT_A_TIME = 8 * 1024  # bytes; the library's own measure is eight times that
_LONGEST_HEAD = 48 * 1024
_TURN = 0.005


def read_in_small_pieces() -> None:
    """Has the library take less from the network at a time, and give up on a head that goes on and on."""
    import httpcore2  # takes a tenth of a second, which a starting server can do without

    connection: Any = httpcore2.AsyncHTTP11Connection
    connection.READ_NUM_BYTES = _AT_A_TIME
    connection.MAX_INCOMPLETE_EVENT_SIZE = _LONGEST_HEAD


async def in_turns(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Hands the pieces on, and lets others run whenever that has taken a while."""
    began = time.monotonic()
    async for piece in pieces:
        yield piece
        if time.monotonic() - began > _TURN:
            await checkpoint()
            began = time.monotonic()
