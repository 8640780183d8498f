"""Who transfers: few whose bytes flow, and beside them many that wait for theirs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from apixo_mcp.errors import MediaError

FLOWING = 16
"""Transfers at once that bring more than a trickle."""

CONNECTIONS = 96
"""Connections at once, those included that wait for an answer or for the next byte of a body."""

STALLED_AFTER = 5.0
"""Seconds without bytes of the body after which a transfer gives its place to others."""

_TRICKLE = 16 * 1024
_LOOKED_EVERY = 0.25

T = TypeVar("T")


class Places:
    """Shares out what a process may transfer at once. A host has no share of its own: all results come from one."""

    def __init__(self, flowing: int = FLOWING, connections: int = CONNECTIONS) -> None:
        self._flowing = anyio.CapacityLimiter(flowing)
        self._connections = anyio.CapacityLimiter(connections)

    async def during(self, work: "Callable[[Turn], Awaitable[T]]") -> T:
        """Runs one transfer while there is a connection for it.

        Raises:
            MediaError: it brought nothing for so long that others took its connection; or what `work` raises.
        """
        turn = Turn(self._flowing)
        done: list[T] = []
        failed: list[Exception] = []
        async with self._connections:
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._watch, turn, group.cancel_scope)
                    try:
                        done.append(await work(turn))
                    except Exception as error:  # carried out of the group, which would wrap it
                        failed.append(error)
                    group.cancel_scope.cancel()
            finally:
                turn.leave()
        if failed:
            raise failed[0]
        if not done:
            raise MediaError(f"it brought nothing for {STALLED_AFTER:.0f} s, and others were waiting")
        return done[0]

    async def _watch(self, turn: "Turn", scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(_LOOKED_EVERY)
            if turn.is_stalled:
                turn.leave()
                if self._connections.statistics().tasks_waiting:
                    scope.cancel()


class Turn:
    """One transfer: it holds a place only while its bytes flow, and asks for one again when they do."""

    def __init__(self, flowing: anyio.CapacityLimiter) -> None:
        self._flowing = flowing
        self._holds = self._waits = False
        self._count = 0
        self._flowed_at = anyio.current_time()

    @property
    def is_stalled(self) -> bool:
        """Whether no more than a trickle has come of late."""
        return not self._waits and anyio.current_time() - self._flowed_at >= STALLED_AFTER

    async def came(self, count: int) -> None:
        """Counts bytes of the body, and waits for a place where they are more than a trickle."""
        self._count += count
        if self._count < _TRICKLE:
            return
        self._count = 0
        if not self._holds:
            self._waits = True
            try:
                await self._flowing.acquire_on_behalf_of(self)
            finally:
                self._waits = False
            self._holds = True
        self._flowed_at = anyio.current_time()

    def leave(self) -> None:
        """Gives the place to others."""
        if self._holds:
            self._holds = False
            self._flowing.release_on_behalf_of(self)
