"""How fast a process may talk to a gateway with one key: its documented limit, and less after a 429.

Where processes share a database they share the limit too: each takes turns from one line (`tasks.ports.pace`). It gets
none without the line: where the database does not answer, no request leaves, and each asks anew. Nothing is lost by
that: whatever leaves needs the database for its lease as well.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.running.turns import KeyTurns, ThrottleLimits

if TYPE_CHECKING:
    from apixo_mcp.tasks.ports.pace import PaceStore

log = logging.getLogger(__name__)

_ASKED = 2  # times for a turn
_TOGETHER = 0.05  # seconds: those in line whose turns come within them leave together, which spares waking up for each


@dataclass(slots=True)
class _Callers:
    """The callers of one key.

    Attributes:
        turns: that this process has.
        line: of those who line up; it hands on in order.
        asking: held by the one who takes turns for all.
        before_it: how many ask for a turn, who go before those in line.
        waiting: how many there are in all.
    """

    turns: KeyTurns
    line: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))
    asking: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))
    before_it: int = 0
    waiting: int = 0


class Throttle:
    """Spaces the requests of each key. A 429 holds all callers of that key back, and so does its `Retry-After`.

    Args:
        limits: of each key.
        pace: keeps the line of each key that processes share; None: this process is the only one.
        clock: runs evenly.
    """

    def __init__(
        self,
        limits: ThrottleLimits = ThrottleLimits(),
        *,
        pace: "PaceStore | None" = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._limits = limits
        self._pace = pace
        self._clock = clock or time.monotonic
        self._callers: dict[str, _Callers] = {}

    async def turn(self, key: str) -> float:
        """Waits a moment for a request with this key to be allowed.

        Returns:
            0 when it may leave now; else after how many seconds to ask again, as that is too long to wait for here.

        Raises:
            StoreError: the line that processes share cannot be asked.
        """
        callers = self._of(key)
        callers.before_it += 1
        callers.waiting += 1
        try:
            for _ in range(_ASKED):
                wait = await self._next(key, callers)
                if wait == 0 or wait > self._limits.patience:
                    return wait
                await anyio.sleep(wait)
            return await self._next(key, callers)
        finally:
            callers.before_it -= 1
            callers.waiting -= 1

    async def line_up(self, key: str) -> bool:
        """Waits for a turn behind all who lined up before, and behind whoever asks for a `turn`.

        Returns:
            False where the gateway asked for a pause that is too long to wait for here (`paused`).

        Raises:
            StoreError: the line that processes share cannot be asked.
        """
        callers, interval = self._of(key), self._limits.interval
        at_least = min(_TOGETHER, interval * self._limits.burst / 2)
        callers.waiting += 1
        try:
            async with callers.line:
                while wait := (interval if callers.before_it else await self._next(key, callers)):
                    if self.paused(key) > self._limits.patience:
                        return False
                    await anyio.sleep(max(wait, at_least))
            return True
        finally:
            callers.waiting -= 1

    async def _next(self, key: str, callers: _Callers) -> float:
        """Does what `take` does, once there are turns of the shared line where processes share one."""
        if self._pace is not None and callers.turns.asks(self._clock()):
            async with callers.asking:
                if callers.turns.asks(self._clock()):
                    await self._ask(self._pace, key, callers)
        return self.take(key)

    async def _ask(self, pace: "PaceStore", key: str, callers: _Callers) -> None:
        turns = callers.turns
        await self.tell(key)
        count = turns.wanted(self._clock(), callers.waiting)
        try:
            given = await pace.take(key, count, self._limits, goes_on=turns.goes_on)
        except StoreError:
            if turns.has_none(self._clock()):
                raise
            turns.unheard(self._clock())
        else:
            turns.given(self._clock(), given)

    def take(self, key: str) -> float:
        """Returns seconds until there is a turn, or 0 and the turn is taken: of those that this process has."""
        return self._of(key).turns.take(self._clock())

    def give_back(self, key: str) -> None:
        """Notes that a turn was not used: nothing left."""
        self._of(key).turns.give_back()

    def _of(self, key: str) -> _Callers:
        callers = self._callers.get(key)
        if callers is None:
            callers = self._callers[key] = _Callers(KeyTurns(self._limits, shared=self._pace is not None))
        return callers

    def paused(self, key: str) -> float:
        """Returns for how many seconds the callers of the key are held back, as far as this process knows."""
        callers = self._callers.get(key)
        return max(0.0, callers.turns.paused_until - self._clock()) if callers else 0.0

    def slow_down(self, key: str, retry_after: float | None) -> None:
        """Holds back every caller of the key: as long as was asked, else 1, 2, 4 … 60 s. See `tell`."""
        self._of(key).turns.slow_down(self._clock(), retry_after)

    async def tell(self, key: str) -> None:
        """Tells the other processes of a pause of which they were not told yet; never raises.

        They hear of it as they take turns, within a second. Where it cannot be told it is told before the next turn.
        """
        turns = self._of(key).turns
        if self._pace is None or not turns.is_untold:
            return
        turns.is_untold = False
        if (seconds := self.paused(key)) <= 0:
            return
        try:
            await self._pace.hold_back(key, seconds, turns.next_pause)
        except StoreError:
            turns.is_untold = True
            log.warning("the other processes are not told of a pause of %.0f s; it is tried again", seconds)

    def go_on(self, key: str) -> None:
        """Notes that the gateway took a request again."""
        if callers := self._callers.get(key):
            callers.turns.go_on(self._clock())
