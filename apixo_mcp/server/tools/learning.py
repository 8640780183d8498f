"""What the connections of this process have shown to bear, and the waits of theirs that are open."""

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import anyio

from apixo_mcp.errors import CallerLeft
from apixo_mcp.server.patience import PERSON, STEPS, Patience
from apixo_mcp.tasks.asking.repeats import Origin, seconds_after

REMEMBERED_FOR = 600.0  # seconds since it last changed, where no connection lasts: its client may be another by now
_MOST_KEPT = 1000

Tasks = frozenset[str]


class Learning:
    """Learns from how the waits of calls end.

    A new connection begins with what those of the same client have shown lately: some frameworks open one for each
    call. What it may be kept waiting is never less then than every client is known to bear.

    Args:
        clock: runs evenly.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._known: OrderedDict[str, tuple[Patience, float]] = OrderedDict()
        self._open: list[tuple[Origin, Tasks]] = []

    def of(self, origin: Origin, tasks: Iterable[str] = (), *, inherits: bool = False) -> Patience:
        """Returns what is known of the maker of a call.

        Args:
            origin: of the call.
            tasks: that it waits for: if an earlier wait for them is open, its client has given that up.
            inherits: whether a new connection begins with what others of the same client have shown.
        """
        patience = self._patience(origin, inherits)
        named = frozenset(tasks)
        earlier = [open_origin for open_origin, open_tasks in self._open if open_tasks == named]
        after = seconds_after(origin, earlier) if earlier else None
        if after is not None:
            patience = patience.repeated(after)
            self._note(origin, patience)
        return patience

    @contextmanager
    def wait(self, origin: Origin, tasks: Iterable[str], *, inherits: bool = False) -> Generator[None]:
        """Learns from how a wait for some tasks ends."""
        wait = (origin, frozenset(tasks))
        self._open.append(wait)
        began = self._clock()
        try:
            yield
        except (CallerLeft, anyio.get_cancelled_exc_class()) as error:
            now = self._clock()
            if now - began >= PERSON:  # else it was given up before it was begun: that says nothing of waits
                known = self._patience(origin, inherits).cancelled(now - origin.since)
                self._note(origin, known, to_others=not isinstance(error, CallerLeft))
            raise
        else:
            if inherits:
                self._note(origin, self._patience(origin, inherits).answered(self._clock() - origin.since))
        finally:
            self._open.remove(wait)

    def _patience(self, origin: Origin, inherits: bool) -> Patience:
        if origin.connection and (known := self._known.get(f"line {origin.line}")):
            return known[0]
        patience, since = self._known.get(f"client {origin.client}", (Patience(), 0.0))
        if self._clock() - since > REMEMBERED_FOR or (origin.connection and not inherits):
            return Patience()
        return patience.at_least(STEPS[0]) if origin.connection else patience

    def _note(self, origin: Origin, patience: Patience, *, to_others: bool = True) -> None:
        if patience == self._patience(origin, inherits=False):
            return
        names = [f"line {origin.line}"] if origin.connection else []
        names += [f"client {origin.client}"] if to_others or not origin.connection else []
        for name in names:
            self._known[name] = (patience, self._clock())
            self._known.move_to_end(name)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
