"""When a lease in the file is over: decided without believing that its holder's clock is this process's.

A lease says when it ends, by the clock of its holder. A file may be shared by processes whose clocks differ, and a
clock may be set while a lease runs. So a lease is over only once it

- has ended by this process's clock, or lasts longer by it than any lease does, and
- was seen unchanged for `SILENT_FOR`, which a holder that lives does not let pass: it renews every `RENEWED_EVERY`.

Only the second needs no clock but one that runs. A process that follows tasks sees every lease in time for that, with
its sweeps; one that has just started waits `SILENT_FOR` for what a process left that died a moment ago.
"""

import threading
from collections.abc import Callable

from apixo_mcp.tasks.ports.leases import APART_AT_MOST, LEASE_LASTS, RENEWED_EVERY

SILENT_FOR = 2 * RENEWED_EVERY


class LeaseWatch:
    """The leases of others that were seen, and since when each is as it is.

    Args:
        elapsed: a clock that runs evenly, whatever its zero is.
        silent_for: seconds for which a lease must have been seen unchanged; 0 where all leases are set and compared by
            one clock.
    """

    def __init__(self, elapsed: Callable[[], float], silent_for: float = SILENT_FOR) -> None:
        self._elapsed = elapsed
        self._silent_for = silent_for
        self._seen: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()  # some is claimed in the worker thread, some on the thread that asks

    def wait(self, name: str, until: float, now: float) -> float:
        """Notes a lease as it is just now, and returns for how many seconds more it is left to its holder.

        Args:
            name: of what is leased.
            until: when the lease ends, as its holder wrote it.
            now: by this process's clock.
        """
        here = self._elapsed()
        with self._lock:
            noted, free_at = self._seen.get(name, (0.0, 0.0))
            if noted != until:
                left = until - now
                free_at = here + (0.0 if left < -APART_AT_MOST else max(self._silent_for, min(left, LEASE_LASTS)))
                self._seen[name] = until, free_at
        return max(0.0, free_at - here)

    def over(self, name: str) -> float:
        """Returns until when the lease was to last that is known to be over; 0 where none is."""
        until, free_at = self._seen.get(name, (0.0, 0.0))
        return until if free_at <= self._elapsed() else 0.0

    def forget(self) -> None:
        """Forgets what was over long ago, or renewed and not seen since."""
        long_ago = self._elapsed() - APART_AT_MOST
        with self._lock:
            self._seen = {name: seen for name, seen in self._seen.items() if seen[1] > long_ago}
