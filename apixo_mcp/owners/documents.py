"""Documents that clients have on the web to say who they are (client id metadata documents).

A stranger names the address, so it is fetched through the host guard: never from a private network, without following
a redirect, bounded in size and time, a few at once, and kept for a while.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import anyio

from apixo_mcp.errors import MediaError
from apixo_mcp.net.fetcher import Fetcher

_LONGEST_ID = 500  # characters
_LARGEST = 64_000  # bytes
_WITHIN = 10.0  # seconds
_KEPT_FOR, _REFUSED_FOR = 600.0, 30.0
_MOST_KEPT = 500
_AT_ONCE = 4


class ClientDocuments:
    """Fetches the documents of clients.

    Args:
        fetcher: fetches from addresses that strangers name.
        clock: tells the time.
    """

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._at_once = anyio.CapacityLimiter(_AT_ONCE)
        self._kept: OrderedDict[str, tuple[float, dict[str, Any] | None]] = OrderedDict()

    async def find(self, client: str) -> dict[str, Any] | None:
        """Returns the document of a client whose id is its address; None where there is none that says so."""
        until, document = self._kept.get(client, (0.0, None))
        if until > self._clock():
            return document
        async with self._at_once:
            document = await self._fetched(client)
        self._kept[client] = self._clock() + (_REFUSED_FOR if document is None else _KEPT_FOR), document
        self._kept.move_to_end(client)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return document

    async def _fetched(self, client: str) -> dict[str, Any] | None:
        body = bytearray()
        try:
            with anyio.fail_after(_WITHIN):
                async with self._fetcher.fetch(client, follow=False) as answer:
                    if answer.status != 200 or answer.doubt:
                        return None
                    async for piece in answer.chunks:
                        body += piece
                        if len(body) > _LARGEST:
                            return None
            told = json.loads(body)
        except (MediaError, TimeoutError, ValueError, RecursionError):
            return None
        document = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        return document if document.get("client_id") == client else None


def is_document(client: str) -> bool:
    """Tells whether the id of a client is the address of its document: https, with a path, and without tricks."""
    try:
        parts = urlsplit(client)
        port = parts.port
    except ValueError:
        return False
    segments = unquote(parts.path).split("/")
    return (
        len(client) <= _LONGEST_ID
        and client.isascii()
        and client.isprintable()
        and parts.scheme == "https"
        and bool(parts.hostname)
        and (port is None or port > 0)
        and parts.username is None
        and len(parts.path) > 1
        and "#" not in client
        and not any(segment in (".", "..") for segment in segments)
    )
