"""Calls that ask for the same: which repeats an earlier one, and what is told of one that is meant as well.

Many clients give up without a word and ask again, while their first call is still waited for here. What tells such a
call from one that is meant as well is when the two came. All is decided from the moments at which they reached this
process, never from those at which it got round to them: it may have been loading, or busy. A part of delivery, which
`tasks.asking.delivery` tells whole.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.task import State, Task

JOINS_AFTER = 2.0
"""Seconds between two equal calls from which on the later one repeats the earlier; calls meant as several are closer.

The shortest limit of a client that is known is 5 s, and calls that a model makes together come within moments.
"""

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a call came, and when.

    Attributes:
        connection: that it came over, empty where there is none that lasts.
        client: in the place of that, whom calls that have none come from; empty: nobody that another could come from.
        at: by `time.monotonic()`, when it was read.
        since: by the same clock, the earliest moment at which it can have come.
    """

    connection: str = ""
    client: str = ""
    at: float
    since: float

    @property
    def mark(self) -> str:
        """What tells its client from others in the names of calls; one for all where that is not known."""
        return hashlib.blake2b(self.client.encode(errors="replace"), digest_size=8).hexdigest()

    @property
    def hearer(self) -> Hearer:
        """Who is given the answer to it."""
        return Hearer(self.connection, self.mark)

    @property
    def line(self) -> str:
        """What it came over, or from: calls over one line are of one client. Empty where that is not known."""
        return self.connection or self.client

    def apart(self, other: "Origin") -> float:
        """Returns the most seconds that can lie between two calls, whichever was the first."""
        return max(self.at - other.since, other.at - self.since)


def seconds_after(call: Origin, earlier: Iterable[Origin]) -> float | None:
    """Returns how long after the open calls for a task one came that repeats them; None where it does not.

    Args:
        earlier: those calls, at least one. In doubt about when they came the call repeats them, which costs nothing.
    """
    origins = tuple(earlier)
    after = min(call.apart(origin) for origin in origins)
    is_same = bool(call.line) and any(origin.line == call.line for origin in origins)
    return after if is_same and after >= JOINS_AFTER else None


def equal_note(earlier: Task, seconds: float) -> str:
    """Says that a task is a second one: an equal one was asked for some seconds ago."""
    ago = f"{max(0.0, seconds):.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"
    match earlier.state:
        case State.SUCCESS:
            how = "is done"
        case State.UNKNOWN:
            how = "may have been sent"
        case _:
            how = "still runs"
    return f"An equal task {earlier.task_id} was asked for {ago} ago and {how}; both are charged."
