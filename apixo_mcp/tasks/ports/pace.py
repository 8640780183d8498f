"""How fast the processes that share a database may talk to a gateway with one key, all of them together.

A key has one line of turns, an interval apart: a row, which says when the next one is (GCRA, the "virtual scheduling"
of ITU-T I.371). A process takes some turns at once from its front, and no two have the same. A turn that is not used
soon lapses: so one that dies with turns in hand costs the others the time of these turns, and no window ever sees more
requests than one process would make (`tasks.running.turns`).
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Turns:
    """What a process was given of a key's line.

    Attributes:
        count: how many turns, each an interval after the one before; 0: it only asked how the key is.
        starts_in: seconds until the first of them, below 0 where that was before now.
        paused_for: seconds for which the gateway asked all that use the key to hold back; 0: it did not.
        pause: seconds of the next pause whose length the gateway does not say.
    """

    count: int
    starts_in: float
    paused_for: float
    pause: float


class Spacing(Protocol):
    """How far apart the turns of a line are: seconds, the same in every process that takes from it."""

    @property
    def interval(self) -> float:
        """Seconds between two turns."""
        ...

    @property
    def saved(self) -> float:
        """The first turn may be so many seconds before now, where nobody has taken one for that long."""
        ...

    @property
    def first_pause(self) -> float:
        """Seconds of the first pause whose length the gateway does not say."""
        ...


class PaceStore(Protocol):
    """Keeps the line of each key. A turn is never given twice."""

    async def take(self, key_print: str, count: int, spacing: Spacing, *, goes_on: bool) -> Turns:
        """Takes turns from the front of a key's line.

        Args:
            key_print: of the key.
            count: how many; 0 to only see how the key is.
            spacing: of its turns.
            goes_on: whether the gateway took a request again since its last pause.
        """
        ...

    async def hold_back(self, key_print: str, seconds: float, next_pause: float) -> None:
        """Has all processes send nothing with a key for so many seconds.

        Args:
            key_print: of the key.
            seconds: from now on.
            next_pause: see `Turns.pause`; it counts where no pause was under way.
        """
        ...
