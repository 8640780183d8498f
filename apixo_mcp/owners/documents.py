"""Documents that clients have on the web to say who they are (client id metadata documents).

A stranger names the address, so it is fetched through the host guard: never from a private network, without following
a redirect, bounded in size and time, a few for each who asks and a few at once, and kept for a while.
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
from apixo_mcp.owners.rates import Rates

_LONGEST_ID = 500  # characters
_LARGEST = 64_000  # bytes
_WITHIN = 10.0  # seconds
_KEPT_FOR, _REFUSED_FOR = 600.0, 30.0
_MOST_KEPT = 500
_AT_ONCE, _WAITED_FOR = 16, 5.0
_ASKED_FOR = 10  # times a minute that one address may have one fetched


class TooManyDocuments(Exception):
    """No further document is fetched just now.

    Attributes:
        wait: seconds until it is worth another try.
    """

    def __init__(self, wait: float) -> None:
        super().__init__("too many documents are asked for")
        self.wait = wait


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
        self._asking = Rates(_ASKED_FOR, 60.0, clock)
        self._kept: OrderedDict[str, tuple[float, dict[str, Any] | None]] = OrderedDict()

    async def find(self, client: str, asker: str) -> dict[str, Any] | None:
        """Returns the document of a client whose id is its address; None where there is none that says so.

        Args:
            client: its id.
            asker: the address for which it is looked for.

        Raises:
            TooManyDocuments: it would have to be fetched, and too many are.
        """
        until, document = self._kept.get(client, (0.0, None))
        if until > self._clock():
            return document
        if wait := self._asking.wait_for(asker):
            raise TooManyDocuments(wait)
        with anyio.move_on_after(_WAITED_FOR) as waiting:
            await self._at_once.acquire_on_behalf_of(waiting)
        if waiting.cancelled_caught:
            raise TooManyDocuments(_WAITED_FOR)
        try:
            document = await self._fetched(client)
        finally:
            self._at_once.release_on_behalf_of(waiting)
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
