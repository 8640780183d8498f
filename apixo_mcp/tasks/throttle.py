"""How fast this process may talk to a gateway with one key: its documented limit, and less after a 429."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

PER_MINUTE = 10_000  # APIXO seedream-4-5 and nano-banana-pro pages: requests a minute; Ruxa documents none
BURST = 200
PATIENCE = 2
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class _Line:
    """The callers of one key: when the next one may go, and how the gateway last took it."""

    next_turn: float = 0.0
    paused_until: float = 0.0
    pause: float = field(default=FIRST_PAUSE)


class Throttle:
    """Spaces the requests of each key. A 429 holds all callers of that key back, and so does its `Retry-After`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}

    async def turn(self, key: str) -> float:
        """Waits a moment for a request with this key to be allowed.

        Returns:
            0 when it may leave now; else after how many seconds to ask again, as that is too long to wait for here.
        """
        for _ in range(PATIENCE):
            wait = self._wait(key)
            if wait == 0 or wait > PATIENCE:
                return wait
            await anyio.sleep(wait)
        return self._wait(key)

    def _wait(self, key: str) -> float:
        """Seconds until there is a turn, or 0 and the turn is taken."""
        line = self._lines.setdefault(key, _Line())
        now = self._clock()
        if line.paused_until > now:
            return line.paused_until - now
        interval = 60.0 / PER_MINUTE
        start = max(line.next_turn, now - BURST * interval)
        if start > now:
            return start - now
        line.next_turn = start + interval
        return 0.0

    def paused(self, key: str) -> float:
        """For how many seconds the callers of the key are held back."""
        line = self._lines.get(key)
        return max(0.0, line.paused_until - self._clock()) if line else 0.0

    def slow_down(self, key: str, retry_after: float | None) -> None:
        """Holds back every caller of the key: as long as was asked, else 1, 2, 4 … 60 s."""
        line = self._lines.setdefault(key, _Line())
        now = self._clock()
        if line.paused_until > now:
            return  # answers to requests that had left before the pause began
        line.paused_until = now + (min(retry_after, 3600.0) if retry_after is not None else line.pause)
        line.pause = min(line.pause * 2, LONGEST_PAUSE)

    def go_on(self, key: str) -> None:
        """The gateway took a request again."""
        line = self._lines.get(key)
        if line is not None and line.paused_until <= self._clock():
            line.pause = FIRST_PAUSE
