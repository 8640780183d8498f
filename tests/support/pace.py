"""A key's line of turns as it is meant, in a few lines: what a database's row is held against."""

from dataclasses import dataclass

from apixo_mcp.tasks.ports.pace import Turns
from apixo_mcp.tasks.running.turns import KeyTurns, ThrottleLimits


@dataclass
class Line:
    """Gives each turn once: an interval apart, none of long ago."""

    limits: ThrottleLimits
    next_turn: float = 0.0
    paused_until: float = 0.0
    pause: float = 0.0

    def take(self, now: float, count: int, *, goes_on: bool = False) -> Turns:
        starts = max(self.next_turn, now - self.limits.saved)
        self.next_turn = starts + count * self.limits.interval
        if not self.pause or (goes_on and self.paused_until <= now):
            self.pause = self.limits.first_pause
        return Turns(count, starts - now, max(0.0, self.paused_until - now), self.pause)

    def hold_back(self, now: float, seconds: float, next_pause: float) -> None:
        if self.paused_until < now:
            self.pause = next_pause
        self.paused_until = max(self.paused_until, now + seconds)


@dataclass
class Sharer:
    """A process that takes its turns from a line, which answers after a moment."""

    line: Line
    turns: KeyTurns
    asked: int = 0

    @classmethod
    def of(cls, line: Line) -> "Sharer":
        return cls(line, KeyTurns(line.limits, shared=True))

    def tries(self, now: float, waiting: int = 1, answered_after: float = 0.0) -> float:
        """Seconds until it has a turn, or 0 where one request leaves now."""
        if self.turns.asks(now):
            self.asked += 1
            given = self.line.take(now - answered_after, self.turns.wanted(now, waiting), goes_on=self.turns.goes_on)
            self.turns.given(now, given)
        return self.turns.take(now)


def most_beyond(moments: list[float], limits: ThrottleLimits) -> float:
    """By how many requests the fullest window exceeds what its length allows; a burst and one are meant."""
    ordered, beyond, least = sorted(moments), 0.0, float("inf")
    for number, moment in enumerate(ordered):
        # Of a window that begins with the `number`th and ends with a later one: its count less what its length allows.
        least = min(least, number - moment / limits.interval)
        beyond = max(beyond, number + 1 - moment / limits.interval - least)
    return beyond
