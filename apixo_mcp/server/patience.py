"""Waits that learn: how long the client of a connection bears a call, as far as its calls have shown. Pure.

    answered after a whole step ──► the next step, for a client of which nothing is known and for calls that only ask
    cancelled after t seconds ────► no call lasts longer than 0.8 t from then on
    made again while it is open ──► the same; and as the client gives up without a word, the first step at most

A client that gives up without a word may think for a while before it asks again: it gave up earlier than it says, how
much earlier nobody knows. And an answer that it did not wait for looks as if it had been read. So such a client is
kept for as short as every client is known to bear. A wait that was too long costs a client an answer, never money.
"""

import math
from dataclasses import dataclass, replace

from apixo_mcp.server.profiles import UNKNOWN, Profile

STEPS = (3.9, 6.0, 9.0, 14.0, 22.0, 33.0, 48.0)
"""Seconds that a client of which nothing is known is kept waiting by calls that ask; none hits a usual limit."""

WITHIN = 0.8
"""The part of what a client bore that a call may take: an answer is on its way for a while, too."""

PERSON = 0.5
"""Seconds: no client has a limit so short. Who cancels sooner has changed its mind."""

_NEARLY = 0.95


@dataclass(frozen=True, slots=True)
class Patience:
    """What one client has been seen to bear.

    Attributes:
        step: how often it was kept waiting for a whole step and had its answer.
        most: seconds that no call may exceed.
        silent: whether it has given up without a word.
    """

    step: int = 0
    most: float = math.inf
    silent: bool = False

    @property
    def bound(self) -> float:
        """Seconds that no call of its may last, whatever it asks for."""
        return min(self.most, STEPS[0]) if self.silent else self.most

    def at_least(self, seconds: float) -> "Patience":
        """Returns the same for another connection of such a client, which may be kept waiting for so long."""
        return replace(self, most=max(self.most, seconds))

    def asks(self, profile: Profile) -> float:
        """Returns for how many seconds a call may last that only asks."""
        grown = STEPS[self.step] if profile.grows else profile.check_seconds or profile.wait_seconds
        return min(grown, self.bound)

    def makes(self, profile: Profile) -> float:
        """Returns for how many seconds a call may last that makes something."""
        return min(profile.wait_seconds, self.most, UNKNOWN.wait_seconds if self.silent else math.inf)

    def answered(self, after: float) -> "Patience":
        """Returns what is known once a call that asks was answered after so many seconds."""
        is_whole = after >= STEPS[self.step] * _NEARLY and STEPS[self.step] <= self.most
        return replace(self, step=min(self.step + 1, len(STEPS) - 1)) if is_whole and not self.silent else self

    def cancelled(self, after: float) -> "Patience":
        """Returns what is known once a client has given a call up after so many seconds, and said so."""
        return replace(self, most=min(self.most, WITHIN * after)) if after >= PERSON else self

    def repeated(self, after: float) -> "Patience":
        """Returns what is known once a call was made again so many seconds after one that is still open."""
        return replace(self, most=min(self.most, WITHIN * after), silent=True)
