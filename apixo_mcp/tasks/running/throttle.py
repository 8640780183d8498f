"""How fast this process may talk to a gateway with one key: its documented limit, and less after a 429."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

_ASKED = 2  # times for a turn
_TOGETHER = 0.05  # seconds: those in line whose turns come within them leave together, which spares waking up for each


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How fast the requests of a key may follow each other.

    Attributes:
        per_minute: APIXO's seedream-4-5 and nano-banana-pro pages; Ruxa documents none.
        burst: requests that may leave at once after a silence.
        patience: seconds for which a turn is waited.
        first_pause: seconds after a 429 that names none; each doubles the one before, up to `longest_pause`.
    """

    per_minute: int = 10_000
    burst: int = 200
    patience: float = 2.0
    first_pause: float = 1.0
    longest_pause: float = 60.0


@dataclass(slots=True)
class _Line:
    """The callers of one key: when the next one may go, who waits for that, and how the gateway last took it."""

    pause: float
    next_turn: float = 0.0
    paused_until: float = 0.0
    line: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))  # hands on in order
    before_it: int = 0


class Throttle:
    """Spaces the requests of each key. A 429 holds all callers of that key back, and so does its `Retry-After`."""

    def __init__(self, limits: ThrottleLimits = ThrottleLimits(), *, clock: Callable[[], float] | None = None) -> None:
        self._limits = limits
        self._clock = clock or time.monotonic
        self._lines: dict[str, _Line] = {}

    async def turn(self, key: str) -> float:
        """Waits a moment for a request with this key to be allowed.

        Returns:
            0 when it may leave now; else after how many seconds to ask again, as that is too long to wait for here.
        """
        callers = self._line(key)
        callers.before_it += 1
        try:
            for _ in range(_ASKED):
                wait = self.take(key)
                if wait == 0 or wait > self._limits.patience:
                    return wait
                await anyio.sleep(wait)
            return self.take(key)
        finally:
            callers.before_it -= 1

    async def line_up(self, key: str) -> bool:
        """Waits for a turn behind all who lined up before, and behind whoever asks for a `turn`.

        Returns:
            False where the gateway asked for a pause that is too long to wait for here (`paused`).
        """
        callers, interval = self._line(key), 60.0 / self._limits.per_minute
        at_least = min(_TOGETHER, interval * self._limits.burst / 2)
        async with callers.line:
            while wait := (interval if callers.before_it else self.take(key)):
                if self.paused(key) > self._limits.patience:
                    return False
                await anyio.sleep(max(wait, at_least))
        return True

    def take(self, key: str) -> float:
        """Returns seconds until there is a turn, or 0 and the turn is taken."""
        line = self._line(key)
        now = self._clock()
        if line.paused_until > now:
            return line.paused_until - now
        interval = 60.0 / self._limits.per_minute
        start = max(line.next_turn, now - self._limits.burst * interval)
        if start > now:
            return start - now
        line.next_turn = start + interval
        return 0.0

    def give_back(self, key: str) -> None:
        """Notes that a turn was not used: nothing left."""
        self._line(key).next_turn -= 60.0 / self._limits.per_minute

    def _line(self, key: str) -> _Line:
        return self._lines.setdefault(key, _Line(self._limits.first_pause))

    def paused(self, key: str) -> float:
        """Returns for how many seconds the callers of the key are held back."""
        line = self._lines.get(key)
        return max(0.0, line.paused_until - self._clock()) if line else 0.0

    def slow_down(self, key: str, retry_after: float | None) -> None:
        """Holds back every caller of the key: as long as was asked, else 1, 2, 4 … 60 s."""
        line = self._line(key)
        now = self._clock()
        if line.paused_until > now:
            return  # answers to requests that had left before the pause began
        line.paused_until = now + (min(retry_after, 3600.0) if retry_after is not None else line.pause)
        line.pause = min(line.pause * 2, self._limits.longest_pause)

    def go_on(self, key: str) -> None:
        """Notes that the gateway took a request again."""
        line = self._lines.get(key)
        if line is not None and line.paused_until <= self._clock():
            line.pause = self._limits.first_pause
