"""What this process has learned of each model, read anew from the store now and then: no poll waits for it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.lesson import FEWEST_DURATIONS, Lesson, learn
from apixo_mcp.tasks.learning.pooling import durations_for
from apixo_mcp.tasks.ports.durations import DurationStore
from apixo_mcp.tasks.schedule import PollSchedule

log = logging.getLogger(__name__)

LOOKED_UP_EVERY = 30.0
"""Seconds, scaled, after which it is looked whether other processes have noted more."""
LEARNED_EVERY = 5.0
"""Seconds, scaled, between two lessons of one kind while this process sees tasks end."""


class HasDurations(Protocol):
    """A store, as far as it keeps durations."""

    @property
    def durations(self) -> DurationStore:
        """How long tasks took."""
        ...


@dataclass(slots=True)
class _Known:
    """What is known of a variant: the durations that it was learned from, and how many were noted here since."""

    read_at: float
    durations: Sequence[Duration] = ()
    lesson: Lesson | None = None
    noted: int = 0


class Memory:
    """Remembers what was learned, by model and variant.

    Args:
        store: keeps the durations, for all processes that share it.
        clock: seconds, running evenly.
    """

    def __init__(self, store: HasDurations, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        self._limit = anyio.CapacityLimiter(1)  # of its own: a folder that hangs may hold all threads that are shared

    def lesson(self, model: str, variant: str) -> Lesson | None:
        """Returns what was learned when it was last looked, None where that is nothing."""
        known = self._known.get((model, variant))
        return known.lesson if known else None

    async def note(self, model: str, variant: str, duration: Duration) -> None:
        """Notes how long a task took, as well as that can be noted just now."""
        try:
            await self._store.durations.note(model, variant, duration)
        except StoreError:
            log.debug("it is not noted how long a task of %s took: the store does not answer", model)
            return
        if known := self._known.get((model, variant)):
            known.noted += 1

    async def refresh(self, model: str, variant: str, document: PollSchedule, scale: float = 1.0) -> None:
        """Learns anew where that is due, if it can. While one caller does, the others go on with what is known.

        Args:
            model: whose tasks.
            variant: of them.
            document: the documents' schedule, scaled.
            scale: of the times between two looks.
        """
        now, known = self._clock(), self._known.get((model, variant))
        if known is not None:
            aged = now - known.read_at
            has_more = known.noted > len(known.durations) // 20 and aged >= LEARNED_EVERY * scale
            if not has_more and aged < LOOKED_UP_EVERY * scale:
                return
        self._known[model, variant] = replace(known or _Known(now), read_at=now, noted=0)
        if seen := await self._seen(model):
            await self._learn(model, variant, document, seen)

    async def lessons(self, model: str, document: PollSchedule) -> Mapping[str, Lesson]:
        """Returns what all processes' tasks of a model have taught by now, by variant; nothing of too few.

        Args:
            model: whose tasks.
            document: the documents' schedule, scaled.
        """
        seen = await self._seen(model)
        enough = [variant for variant, durations in seen.items() if len(durations) >= FEWEST_DURATIONS]
        learned = {variant: await self._learn(model, variant, document, seen) for variant in enough}
        return {variant: lesson for variant, lesson in learned.items() if lesson}

    async def _seen(self, model: str) -> Mapping[str, Sequence[Duration]]:
        """Reads the durations of a model by variant; none where the store does not answer."""
        try:
            return await self._store.durations.newest(model)
        except StoreError:
            log.debug("what was learned of %s is not read anew: the store does not answer", model)
            return {}

    async def _learn(
        self, model: str, variant: str, document: PollSchedule, seen: Mapping[str, Sequence[Duration]]
    ) -> Lesson | None:
        known, read_at = self._known.get((model, variant)), self._clock()
        try:
            durations = durations_for(variant, seen)
            if known and durations == known.durations:
                return known.lesson
            lesson = await anyio.to_thread.run_sync(learn, document, durations, limiter=self._limit)
        except Exception:  # no step of a task fails for it
            log.exception("nothing is learned of %s from the durations that are kept", model)
            return known.lesson if known else None
        self._known[model, variant] = _Known(read_at, durations, lesson)
        return lesson
