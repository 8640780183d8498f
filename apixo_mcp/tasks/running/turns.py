"""The turns that a process has of one key: when each may be used. Pure, in seconds of any clock that runs evenly.

A process alone has all of them. Where processes share a database each has some at a time, taken from one line
(`tasks.ports.pace`): a turn may be used from its moment on, until it is `burst` intervals old. So of any window of time
only turns are used that lie in it or up to `burst` intervals before it, whoever uses them:

    at most  window / interval + burst + 1  requests

as of one process alone; what comes on top where the database is slow is one for each interval by which one taking
lasts longer than another.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apixo_mcp.tasks.ports.pace import Turns


_BLOCK = 0.25
"""Seconds of a process's need that are taken at once: a statement for that, however many requests leave in it."""
_HEARD_WITHIN = 1.0
"""Seconds after which a process that sends asks how the key is, though it has turns: somebody may have met a 429."""
_SAVED = 0.75
"""Of the burst, the part that is given out for the past: what is given is to be used before it lapses."""
_WHOLE = 0.999  # of an interval: sums of fractions are not exact


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How fast the requests of a key may follow each other.

    Attributes:
        per_minute: APIXO's seedream-4-5 and nano-banana-pro pages ("Requests per minute 10,000"). That it counts by key
            and not by account is inferred. Ruxa documents none; that it takes as many is inferred.
        burst: requests that may leave at once after a silence.
        patience: seconds for which a turn is waited.
        first_pause: seconds after a 429 that names none; each doubles the one before, up to `longest_pause`.
    """

    per_minute: int = 10_000
    burst: int = 200
    patience: float = 2.0
    first_pause: float = 1.0
    longest_pause: float = 60.0

    @property
    def interval(self) -> float:
        """Seconds between two turns."""
        return 60.0 / self.per_minute

    @property
    def saved(self) -> float:
        """Seconds before now from which turns are still given to one of several processes."""
        return _SAVED * self.burst * self.interval


class KeyTurns:
    """The turns of a key, and the pause that its gateway asked for.

    Args:
        limits: of the key.
        shared: whether they are taken from a line that processes share; else this process has all of them.
    """

    def __init__(self, limits: ThrottleLimits, *, shared: bool = False) -> None:
        self._limits = limits
        self._next = 0.0
        self._starts, self._ends = -math.inf, -math.inf if shared else math.inf
        self._taken_at, self._heard_at = -math.inf, -math.inf
        self._used, self._ahead = 0, 0.0
        self._pause = limits.first_pause
        self.paused_until = 0.0
        self.goes_on = self.is_untold = False

    @property
    def next_pause(self) -> float:
        """Seconds of the next pause whose length the gateway does not say."""
        return self._pause

    def take(self, now: float) -> float:
        """Returns seconds until there is a turn, or 0 and the turn is taken."""
        if self.paused_until > now:
            return self.paused_until - now
        start, interval = self._start(now), self._limits.interval
        if self._has_none_from(start):
            return interval
        if start > now:
            return start - now
        self._next = start + interval
        self._used += 1
        return 0.0

    def _start(self, now: float) -> float:
        return max(self._next, now - self._limits.burst * self._limits.interval)

    def _has_none_from(self, start: float) -> bool:
        return start > self._ends - _WHOLE * self._limits.interval

    def give_back(self) -> None:
        """Notes that a turn was not used: nothing left."""
        self._next = max(self._starts, self._next - self._limits.interval)
        self._used = max(0, self._used - 1)

    def slow_down(self, now: float, retry_after: float | None) -> None:
        """Notes that the gateway asked for fewer requests."""
        if self.paused_until > now:
            return  # answers to requests that had left before the pause began
        self.paused_until = now + (min(retry_after, 3600.0) if retry_after is not None else self._pause)
        self._pause = min(self._pause * 2, self._limits.longest_pause)
        self.is_untold = True

    def go_on(self, now: float) -> None:
        """Notes that the gateway took a request again."""
        if self._pause != self._limits.first_pause and self.paused_until <= now:
            self._pause, self.goes_on = self._limits.first_pause, True

    # Where processes share a line

    def asks(self, now: float) -> bool:
        """Tells whether the line is to be asked before the next turn is used."""
        return self.paused_until <= now and (self.has_none(now) or now - self._heard_at > _HEARD_WITHIN)

    def has_none(self, now: float) -> bool:
        """Tells whether all turns in hand are used, or have lapsed."""
        return self._has_none_from(self._start(now))

    def wanted(self, now: float, waiting: int) -> int:
        """Returns how many turns to take: for those who wait, and as many as were used lately in a part of a second.

        Where the line is long, since many processes use up the limit, each takes fewer: none waits long for another's.
        """
        if not self.has_none(now):
            return 0
        most = _BLOCK / self._limits.interval * _BLOCK / (_BLOCK + self._ahead)
        lately = self._used * _BLOCK / max(now - self._taken_at, 1e-3)
        return max(1, min(int(most), max(waiting, math.ceil(lately))))

    def given(self, now: float, turns: "Turns") -> None:
        """Takes what the line gave."""
        self._heard_at, self.goes_on = now, False
        # In this order: what is no number at all is the first pause.
        self._pause = min(self._limits.longest_pause, max(self._limits.first_pause, turns.pause))
        if turns.paused_for > 0:
            self.paused_until = max(self.paused_until, now + turns.paused_for)
        if turns.count:
            self._starts = self._next = now + turns.starts_in
            self._ends = self._starts + turns.count * self._limits.interval
            self._taken_at, self._used, self._ahead = now, 0, max(0.0, turns.starts_in)

    def unheard(self, now: float) -> None:
        """Notes that the line could not be asked: the turns in hand may be used, and it is asked again in a second."""
        self._heard_at = now
