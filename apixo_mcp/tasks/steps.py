"""One step of one task: send it, look at it or save its files, under a lease."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import anyio

from apixo_mcp.catalog.model import AUDIO, IMAGE_HIGH_QUALITY, VIDEO
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.gateways.gateway import Accepted, Gateway, NoAnswer, Refused, Running, Submitted
from apixo_mcp.tasks import life
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.leases import Leases
from apixo_mcp.tasks.life import Moment
from apixo_mcp.tasks.schedule import Pace
from apixo_mcp.tasks.store import Store
from apixo_mcp.tasks.task import Failure, Result, State, Task

log = logging.getLogger(__name__)

STORE_AGAIN_AFTER = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)  # between tries to store what was paid for

_BY_MODALITY = {"image": IMAGE_HIGH_QUALITY, "video": VIDEO, "audio": AUDIO}


class Saver(Protocol):
    """Whoever saves the file of a result."""

    async def save(self, task: Task, result: Result) -> Result:
        """The result as it is afterwards; never raises for what the wire or the disk does."""
        ...


class Steps:
    """Moves tasks on, one step at a time.

    Args:
        gateways: by key print; tasks of other keys are left alone.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        gateways: Mapping[str, Gateway],
        saver: Saver,
        leases: Leases,
        changes: Changes,
        poll_scale: float = 1.0,
        auto_retry: int = 2,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._gateways = gateways
        self._saver = saver
        self._leases = leases
        self._changes = changes
        self._poll_scale = poll_scale
        self._auto_retry = auto_retry
        self._clock = clock
        self._sending = anyio.CapacityLimiter(32)
        self._saving = anyio.CapacityLimiter(8)
        self.troubles: dict[str, Failure] = {}

    def moment(self, task: Task) -> Moment:
        """What a decision about this task depends on, right now."""
        model = self._catalog.get(task.model)
        plan = model.schedule if model else _BY_MODALITY[task.modality]
        pace = Pace(plan.first_wait, plan.interval, plan.maximum).scaled(self._poll_scale)
        hours = model.result_hours if model else None
        seconds = hours * 3600 if hours is not None else None
        return Moment(self._clock(), random.random(), pace, self._auto_retry, seconds)

    async def advance(self, task_id: str) -> float | None:
        """Takes the task's next step if it is due and nobody else works on it.

        Returns:
            When its next step is due, Unix seconds; None where none is left or another process has it.
        """
        async with self._leases.claim(task_id, self._gateways) as task:
            if task is None:
                return None
            if task.state is State.SUBMITTING:
                after = await self._send(task) if task.sent_at is None else await self._found_sent(task)
            elif life.is_followed(task):
                after = await self._look(task)
            else:
                after = await self._save(task)
        return after.due if after else None

    async def _commit(self, before: Task, after: Task) -> Task | None:
        if not await self._store.commit(before, after):
            log.info("task %s was moved on by another process", before.task_id)
            return None
        await self._changes.announce(after)
        return after

    async def _send(self, task: Task) -> Task | None:
        async with self._sending:
            # Shielded: once the POST may have left, nothing may keep its answer from the store.
            with anyio.CancelScope(shield=True):
                now = self._clock()
                if not await self._store.mark_sent(task, now):
                    return await self._not_sent(task)
                gateway = self._gateways[task.key_print]
                outcome = await gateway.submit(task.wire_model, task.inputs, provider=task.provider)
                return await self._record(replace(task, sent_at=now), outcome)

    async def _not_sent(self, task: Task) -> Task | None:
        now = await self._store.get(task.task_id)
        if now is None or not now.cancel_requested or now.fence != task.fence or now.state is not State.SUBMITTING:
            return None
        return await self._commit(now, life.cancelled(now, self.moment(now)))

    async def _record(self, task: Task, outcome: Submitted) -> Task | None:
        """Stores a submit's outcome, come what may: it may be the only trace of something that was paid for."""
        for pause in (*STORE_AGAIN_AFTER, None):
            try:
                if after := await self._commit(task, life.after_submit(task, outcome, self.moment(task))):
                    return after
                # The lease was slept through, and another process took the submit for lost: its late answer settles it.
                row = await self._store.get(task.task_id)
                if row is None or not isinstance(outcome, Accepted | Refused):
                    return None
                if row.state is State.UNKNOWN:
                    return await self._commit(row, life.settled(row, outcome, self.moment(row)))
                if row.state is not State.SUBMITTING:
                    return None
                # It has claimed the task and is about to write that down: after that.
                if pause is not None:
                    await anyio.sleep(pause)
            except Exception:
                remote_id = outcome.remote_id if isinstance(outcome, Accepted) else "none"
                log.exception("task %s (gateway task %s): its submit's answer is not stored", task.task_id, remote_id)
                if pause is not None:
                    await anyio.sleep(pause)
        return None

    async def _found_sent(self, task: Task) -> Task | None:
        reason = "The process that sent it ended before the gateway's answer was stored."
        return await self._commit(task, life.unclear(task, self.moment(task), reason))

    async def _look(self, task: Task) -> Task | None:
        look = await self._gateways[task.key_print].look(task.wire_model, task.remote_id)
        if isinstance(look, NoAnswer):
            log.info("no answer about task %s: %s", task.task_id, look.reason)
        if isinstance(look, NoAnswer) and look.failure is not None:
            self.troubles[task.key_print] = look.failure
        elif isinstance(look, Running):
            self.troubles.pop(task.key_print, None)
        return await self._commit(task, life.after_look(task, look, self.moment(task)))

    async def _save(self, task: Task) -> Task | None:
        results = list(task.results)
        for result in life.unsaved(task):
            async with self._saving:
                results[result.index] = await self._saver.save(task, result)
        return await self._commit(task, life.after_saving(task, results, self.moment(task)))
