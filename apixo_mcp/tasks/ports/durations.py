"""What is kept of how long tasks took, of all owners together: nothing else of a task stands beside it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from apixo_mcp.tasks.durations import Duration

DURATIONS_KEPT = 60
"""Durations that are kept of each variant of a model: what is older tells of a gateway as it was."""


class DurationStore(Protocol):
    """Keeps the newest durations of each variant of a model."""

    async def note(self, model: str, variant: str, duration: Duration) -> None:
        """Notes how long a task took. One of the last may be lost in a power cut."""
        ...

    async def newest(self, model: str) -> Mapping[str, Sequence[Duration]]:
        """Returns what is kept of a model by variant, in the order in which they were noted."""
        ...
