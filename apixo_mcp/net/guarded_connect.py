"""Connecting to a name whose addresses the guard has passed."""

import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import anyio

from apixo_mcp.errors import HostRefused, MediaError
from apixo_mcp.net import guard

ResolveHost = Callable[[str, int], Awaitable[Sequence[str]]]

_PATIENCE = 2.5
"""Seconds for one address of a name that has others left."""


class GuardedBackend:
    """A network backend of the HTTP library that connects to checked addresses only.

    It resolves the name, and connects to an address that passed the check itself: so what was checked is what is
    connected to, however the name resolves a moment later. TLS and the Host header still have the name.

    Args:
        inner: the library's own backend, which connects.
        resolve: finds the addresses of a name.
        allow_private: whether to check at all.
        https: what the connection is for, as the guard asks.
    """

    def __init__(self, inner: Any, resolve: ResolveHost, *, allow_private: bool, https: bool) -> None:
        self._inner = inner
        self._resolve = resolve
        self._allow_private = allow_private
        self._https = https

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> Any:
        """Connects to the first address that passes and answers.

        Raises:
            HostRefused: every address is private.
            MediaError: the name has no address.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):  # a timeout is one too
            addresses = ()
        if not addresses:
            raise MediaError(f"the name {host} cannot be resolved")
        if not self._allow_private:
            addresses = guard.passing(host, addresses, https=self._https)
        for address in addresses[:-1]:
            try:
                patience = min(_PATIENCE, timeout or _PATIENCE)
                return await self._inner.connect_tcp(address, port, patience, local_address, socket_options)
            except Exception:  # the next address may answer, and the last one's error is told
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> Any:
        """Refuses: no URL leads there."""
        raise HostRefused(f"{path} is not a web address")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await anyio.sleep(seconds)


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Returns the addresses of a name, by this system's resolver, in its order.

    Not in the few threads in which the event loop resolves, nor in those that blocking work shares: a stranger's name
    that is slow, or a folder that hangs, would keep the gateways' names waiting. The pools of connections are the
    limit.
    """
    look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await anyio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
