"""One step of one task: send it, look at it or save its files, under a lease."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, repeat

import anyio

from apixo_mcp.catalog.model import BY_MODALITY
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.gateway import Accepted, Failed, Later, NoAnswer, Refused, Submitted, Unclear
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.budget import Budget, reason
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.running.keeping import ResultSaver, drop_saved, keep_answer, put_aside, save_from
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.throttle import Throttle, ThrottleLimits
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.store import LEASE_LASTS, Clearance, IdTaken, Sending, Store
from apixo_mcp.tasks.task import FOLLOWED, Result, State, Task
from apixo_mcp.tasks.transitions import delays, files, polls, submits, unsent
from apixo_mcp.tasks.transitions.context import SAVE_AGAIN_AFTER, DecisionContext
from apixo_mcp.tasks.transitions.polls import after_confirming, not_tried_again
from apixo_mcp.tasks.transitions.submits import named_late, without_id
from apixo_mcp.tasks.transitions.unsent import lapsed, not_sent

log = logging.getLogger(__name__)

_SLEPT = Failure(
    code="NEVER_SENT",
    category="unavailable",
    message="When it was about to be sent, it was not sure to be this program's own still, as after a computer's sleep",
    advice="Nothing was sent. Generate it anew if it is still wanted.",
    retryable=True,
    charged="no",
)


@dataclass(frozen=True, slots=True)
class StepLimits:
    """How much is done at once, and seconds until a step is tried again.

    Attributes:
        sending: submits at once.
        polling: polls at once.
        store_again_after: between tries to store what was paid for; the last one goes on.
        refused_key_every: between two polls with a key that the gateway refuses.
        left_alone_for: what another process was asked for and is to send.
        crash_pause: after a step that failed for a fault of our own; then ever longer.
        save_again_after: between tries to save a result's file.
        throttle: of the requests of each key.
    """

    sending: int = 32
    polling: int = 64
    store_again_after: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
    refused_key_every: float = 300.0
    left_alone_for: float = 10.0
    crash_pause: float = 10.0
    save_again_after: tuple[float, ...] = SAVE_AGAIN_AFTER
    throttle: ThrottleLimits = ThrottleLimits()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a key's looks are refused, and until when none is made."""

    failure: Failure
    until: float


class Runner:
    """Moves tasks on, one step at a time.

    Args:
        accounts: tasks of other keys are left alone.
        budget: the owner's, which each paid request asks before it leaves.
        process: what the names of this process' calls begin with.
        callback_url: where the gateway is to call when this task ends.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        accounts: Accounts,
        saver: ResultSaver,
        leases: Leases,
        changes: Changes,
        budget: Budget,
        process: str = "",
        poll_scale: float = 1.0,
        auto_retry: int = 2,
        callback_url: Callable[[str], str] | None = None,
        limits: StepLimits = StepLimits(),
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._accounts = accounts
        self._saver = saver
        self._leases = leases
        self._changes = changes
        self._budget = budget
        self._process = process
        self._poll_scale = poll_scale
        self._auto_retry = auto_retry
        self._callback_url = callback_url
        self._sending = anyio.CapacityLimiter(limits.sending)
        self._polling = anyio.CapacityLimiter(limits.polling)
        self._throttle = Throttle(limits.throttle)
        self._limits = limits
        self._troubles: dict[str, _Trouble] = {}

    def context(self, task: Task) -> DecisionContext:
        """What a decision about this task depends on, right now."""
        model = self._catalog.get(task.model)
        plan = model.schedule if model else BY_MODALITY[task.modality]
        poll_schedule = PollSchedule(plan.first_wait, plan.interval, plan.maximum).scaled(self._poll_scale)
        hours = model.result_hours if model else None
        seconds = hours * 3600 if hours is not None else None
        again = self._limits.save_again_after
        return DecisionContext(time.time(), random.random(), poll_schedule, self._auto_retry, seconds, again)

    async def advance(self, task_id: str) -> float | None:
        """Takes the task's next step if it is due and nobody else works on it. One that fails is put off.

        Returns:
            When its next step is due, Unix seconds; None where none is left or another process has it.
        """
        async with self._leases.claim(task_id, self._accounts.key_prints) as task:
            if task is None:
                return None
            try:
                after = await self._step(task)
            except Exception as error:
                log.exception("a step of task %s failed; it is tried again", task_id)
                after = await self._put_off(task, error)
        return after.due if after else None

    async def _step(self, task: Task) -> Task | None:
        if task.state is State.SUBMITTING:
            return await self._send(task) if task.sent_at is None else await self._found_sent(task)
        is_polled = task.state in FOLLOWED or task.is_confirming
        return await self._poll(task) if is_polled else await self._save(task)

    async def _put_off(self, task: Task, error: Exception) -> Task | None:
        """Stores when a step that failed is tried again, so that neither a restart nor another process hurries it."""
        row = await self._store.get(task.task_id)
        if row is None or row.fence != task.fence:
            return None
        return await self._commit(row, delays.crashed(row, type(error).__name__, time.time(), self._limits.crash_pause))

    async def _commit(self, before: Task, after: Task) -> Task | None:
        after = await put_aside(self._store, after)
        if not await self._store.commit(before, after):
            log.info("task %s was moved on by another process", before.task_id)
            return None
        await self._changes.announce(before, after)
        return after

    async def _send(self, task: Task) -> Task | None:
        key = task.key_print
        async with self._sending:
            if wait := await self._throttle.turn(key):
                return await self._commit(task, _waiting(task, wait))
            callback = self._callback_url(task.task_id) if self._callback_url else ""
            # Shielded: once the POST may have left, nothing may keep its answer from the store.
            with anyio.CancelScope(shield=True) as shield:
                clearance = await self._store.mark_sent(task, self._terms())
                if clearance.how != "within":
                    return await self._not_sent(task, clearance)
                sent = replace(task, sent_at=clearance.sent_at)
                # It may have slept since, and another process have taken the task over.
                is_ours = False
                with suppress(StoreError):
                    is_ours = await self._store.still_sends(sent, LEASE_LASTS)
                if not is_ours:
                    return await self._record(sent, Refused(_SLEPT), shield)
                outcome = await self._accounts.gateway(key).submit(
                    task.wire_model, task.inputs, provider=task.provider, callback_url=callback
                )
                if isinstance(outcome, Later) and outcome.failure.category == "rate_limited":
                    self._throttle.slow_down(key, outcome.retry_after)
                elif isinstance(outcome, Accepted):
                    self._throttle.go_on(key)
                return await self._record(sent, outcome, shield)

    def _terms(self) -> Sending:
        return Sending(budget=self._budget, process=self._process)

    async def _not_sent(self, task: Task, clearance: Clearance) -> Task | None:
        row = await self._store.get(task.task_id)
        if row is None or row.fence != task.fence or not row.is_unsent:
            return None
        now = time.time()
        match clearance.how:
            case _ if row.cancel_requested:
                after = unsent.cancelled(row, now)
            case "lost":  # its lease has run out, and nobody has claimed it yet
                after = delays.held_back(row, now, now)
            case "no_room":
                after = delays.queued(row, await self._store.place(row), now, random.random())
            case "by_another":
                after = delays.held_back(row, now + self._limits.left_alone_for, now)
            case "lapsed":
                after = lapsed(row, now)
            case "no_price" | "over_budget" | "over_limit" | "ask_first" | "within":
                why = reason(clearance.how, self._budget, clearance.spent, row.estimate_usd)
                after = not_sent(row, why, now)
        return await self._commit(row, after)

    async def end_lapsed(self) -> None:
        """Ends what was not sent and nobody wants any more, and tells whoever waits for it."""
        for task in await self._store.end_lapsed(self._process):
            await self._changes.announce(replace(task, state=State.SUBMITTING), task)

    async def _record(self, task: Task, outcome: Submitted, shield: anyio.CancelScope) -> Task | None:
        """Stores a submit's outcome, come what may: it may be the only trace of something that was paid for.

        Where the store cannot be written to for long it goes on trying, but no longer keeps the process from ending.
        """
        told = outcome.remote_id if isinstance(outcome, Accepted) else "none"
        pauses = self._limits.store_again_after
        for pause in chain(pauses, repeat(pauses[-1])):
            try:
                row = await self._store.get(task.task_id)
                if row is None or not self._is_open_to(row, task, outcome):
                    known = [attempt.remote_id for attempt in row.attempts] if row else []
                    if isinstance(outcome, Accepted) and told not in known:
                        log.error("task %s moved on without the gateway's task %s", task.task_id, told)
                    return None
                context = self.context(row)
                if row.state is State.UNKNOWN and isinstance(outcome, Accepted | Refused):
                    decided = submits.answered_late(row, outcome, context)
                elif row.state is State.UNKNOWN and isinstance(outcome, Unclear):
                    decided = named_late(row, outcome, context)
                else:
                    decided = submits.after_submit(row, outcome, context)
                if after := await self._commit(row, decided):
                    return after
            except IdTaken as error:
                log.error("task %s: %s", task.task_id, error)
                if isinstance(outcome, Accepted | Unclear):
                    outcome = without_id(outcome, task, error)
                    continue
            except Exception:
                log.exception("task %s (gateway task %s): its submit's answer is not stored", task.task_id, told)
            await anyio.sleep(pause)
            if pause == pauses[-1]:
                shield.shield = False
        return None

    @staticmethod
    def _is_open_to(row: Task, sent: Task, outcome: Submitted) -> bool:
        """Whether the row still waits for this submit's outcome; another process may have taken it for lost."""
        tells = isinstance(outcome, Accepted | Refused) or (isinstance(outcome, Unclear) and bool(outcome.named_id))
        if row.state is State.SUBMITTING:
            return row.sent_at == sent.sent_at and (row.fence == sent.fence or tells)
        is_last = bool(row.attempts) and row.attempts[-1].sent_at == sent.sent_at
        return row.state is State.UNKNOWN and is_last and tells

    async def _found_sent(self, task: Task) -> Task | None:
        reason = "The process that sent it ended before the gateway's answer was stored."
        return await self._commit(task, submits.unclear(task, time.time(), reason))

    async def _poll(self, task: Task) -> Task | None:
        key = task.key_print
        trouble = self._troubles.get(key)
        if trouble is not None and time.time() < trouble.until:
            return await self._commit(task, delays.held_back(task, trouble.until, time.time()))
        async with self._polling:
            if wait := await self._throttle.turn(key):
                return await self._commit(task, _waiting(task, wait))
            gateway, inputs = self._accounts.gateway(key), task.inputs
            if task.is_confirming:
                sent_at = task.attempts[-1].sent_at if task.attempts else task.created_at
                polled = await gateway.poll(task.wire_model, task.named_id, inputs=inputs, since=sent_at)
            else:
                polled = await gateway.poll(task.wire_model, task.remote_id, inputs=inputs)
        if isinstance(polled, NoAnswer):
            log.debug("no answer about task %s: %s", task.task_id, polled.reason)  # the gateway's words
            if polled.too_fast:
                self._throttle.slow_down(key, polled.retry_after)
            if polled.failure is not None:
                self._hold_back(task, polled.failure)
        else:
            self._throttle.go_on(key)
            self._troubles.pop(key, None)
        context = self.context(task)
        if task.is_confirming:
            return await self._commit(task, after_confirming(task, polled, context))
        after = polls.after_poll(task, polled, context)
        if after.state is State.FAILED and isinstance(polled, Failed) and polled.raw:
            await keep_answer(self._store, task, polled.raw)
        if after.state is not State.SUBMITTING:
            return await self._commit(task, after)
        clearance = await self._store.try_again(task, after, self._terms())
        if clearance.how == "within":
            await self._changes.announce(task, after)
            return after
        if clearance.how == "lost":
            return None
        if clearance.how in ("no_room", "lapsed", "by_another"):
            raise AssertionError("that is asked when it is sent")
        why = reason(clearance.how, self._budget, clearance.spent, task.estimate_usd)
        return await self._commit(task, not_tried_again(task, polled, context, why))

    def _hold_back(self, task: Task, failure: Failure) -> None:
        """Stops looking with a key that the gateway refuses; once in a while one look tries whether that changed."""
        if task.key_print not in self._troubles:
            log.warning("%s cannot be asked with this key: %s. %s", task.gateway, failure.code, failure.advice)
        self._troubles[task.key_print] = _Trouble(
            failure, time.time() + self._limits.refused_key_every * self._poll_scale
        )

    def trouble(self, key_print: str) -> Failure | None:
        """Why looks with this key are refused just now."""
        found = self._troubles.get(key_print)
        return found.failure if found else None

    def paused(self, key_print: str) -> float:
        """For how many seconds this key's gateway is left alone, as it asked for fewer requests."""
        return self._throttle.paused(key_print)

    def _without_key(self, task: Task, result: Result) -> Result:
        """Takes the key out of what the host of a file said of it: it may be the gateway's own."""
        redact = self._accounts.gateway(task.key_print).redact
        is_clean = redact(result.mime_type) == result.mime_type
        mime_type = result.mime_type if is_clean else "application/octet-stream"
        return replace(result, problem=redact(result.problem), mime_type=mime_type)

    async def _save(self, task: Task) -> Task | None:
        before, task = task, files.saving(task)  # who asks meanwhile waits for this try
        if task is not before:
            now = time.time()
            before = await self._commit(before, replace(task, updated_at=now, lease_until=now + LEASE_LASTS)) or before
        results = list(task.results)
        lock, unsaved = anyio.Lock(), list(files.unsaved(task))

        async def save(result: Result) -> None:
            nonlocal before
            saved = await save_from(self._store, self._saver, task, result)
            results[result.index] = self._without_key(task, saved)
            unsaved.remove(result)
            if lock.statistics().tasks_waiting:
                return  # it stores this one too
            async with lock:
                if unsaved:  # those that are still coming may take long
                    partly = replace(task, results=tuple(results), updated_at=time.time())
                    before = await self._commit(before, partly) or before

        async with anyio.create_task_group() as group:
            for result in tuple(unsaved):
                group.start_soon(save, result)
        after = await self._commit(before, files.after_saving(task, results, self.context(task)))
        if after:
            await drop_saved(self._store, after)
        return after


def _waiting(task: Task, wait: float) -> Task:
    now = time.time()
    return delays.held_back(task, now + wait, now)
