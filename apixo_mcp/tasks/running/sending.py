"""The one paid request of an attempt: sent once, and its answer stored, come what may."""

import logging
import random
import time
from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.gateway import Accepted, Later, Refused, Submitted, Unclear
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.alerts import tell_alerts
from apixo_mcp.tasks.budget import reason
from apixo_mcp.tasks.changes import plain_code, ref_of
from apixo_mcp.tasks.keeping import put_aside
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.ports.terms import Clearance
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.running.reach import NotNow, Prepared, Reach, Sendable
from apixo_mcp.tasks.running.sent import SentBefore, SentHere
from apixo_mcp.tasks.task import Task, new_task_id
from apixo_mcp.tasks.transitions import delays, submits, unsent
from apixo_mcp.telemetry.facts import RateLimited, SubmitRefused

log = logging.getLogger(__name__)

_SLEPT = Failure(
    code="NEVER_SENT",
    category="unavailable",
    message="When it was about to be sent, it was not sure to be this program's own still, as after a computer's sleep",
    advice="Nothing was sent. Generate it anew if it is still wanted.",
    retryable=True,
    charged="no",
)
_NOT_SURE = Failure(
    code="NOT_SENT",
    category="unavailable",
    message="When it was about to be sent, it was not sure any more that the gateway could fetch its files",
    advice="Nothing was sent. It is sent by itself once that is sure.",
    retryable=True,
    charged="no",
)

_STORE_AWAY = replace(
    _NOT_SURE,
    message="When it was about to be sent, the task store could not be asked whether it still is this program's own",
)


class Sender:
    """Sends what is not sent yet.

    Args:
        reach: leads to this machine what the gateway fetches, and its callbacks.
    """

    def __init__(self, parts: StepParts, reach: Reach) -> None:
        self._parts = parts
        self._reach = reach
        self._limit = anyio.CapacityLimiter(parts.limits.sending)
        self._missing: dict[str, str] = {}
        self._sent = SentHere()

    def missing(self, task_id: str) -> str:
        """Returns what this process lacks to send a task, empty where nothing is known of that."""
        return self._missing.get(task_id, "")

    async def send(self, task: Task) -> Task | None:
        """Sends an unsent task, if it may leave. Returns it as it is stored then; None where another process has it."""
        parts, key = self._parts, task.key_print
        if before := self._sent.of(task):
            return await self._record_again(before)
        sendable = await self._reach.prepared(task)
        self._missing.pop(task.task_id, None)
        if not isinstance(sendable, Sendable):
            if isinstance(sendable, NotNow) and sendable.missing:
                self._missing[task.task_id] = sendable.missing
            return await self._not_reached(task, sendable)
        gateway = parts.accounts.gateway(key)  # loaded before anything is noted as sent
        await parts.contexts.learn(task)  # of the first wait: once there is an answer, nothing comes before storing it
        async with self._limit:
            if wait := await parts.throttle.turn(key):
                return await parts.changes.commit(task, delays.held_back(task, time.time(), wait))
            # Asked again: it may have waited long for its place and its turn.
            confirmed = await self._reach.confirmed(task, sendable)
            if not isinstance(confirmed, Sendable):
                parts.throttle.give_back(key)
                return await self._not_reached(task, confirmed)
            # Shielded: once the POST may have left, nothing may keep its answer from the store.
            with anyio.CancelScope(shield=True) as shield:
                reached_at = sendable.address if sendable.callback_url else ""
                clearance = await parts.store.mark_sent(replace(task, reached_at=reached_at), parts.terms)
                tell_alerts(parts.telemetry, clearance.alerts)
                if clearance.how != "within":
                    parts.throttle.give_back(key)
                    return await self._not_sent(task, clearance)
                sent = replace(task, sent_at=clearance.sent_at)
                # It may have slept since, and another process have taken the task over.
                is_ours: bool | None = None
                with suppress(StoreError):
                    is_ours = await parts.store.still_sends(sent, LEASE_LASTS)
                if not is_ours:
                    parts.throttle.give_back(key)
                    if is_ours is None and (recorded := await self._record(sent, Later(_STORE_AWAY), shield)):
                        return recorded
                    return await self._record(sent, Refused(_SLEPT, has_left=False), shield)
                # And again: the store may have been busy. What follows is the POST.
                confirmed = await self._confirmed(task, sendable)
                if not isinstance(confirmed, Sendable):
                    parts.throttle.give_back(key)
                    why_not = Later(_NOT_SURE) if isinstance(confirmed, NotNow) else Refused(confirmed, has_left=False)
                    return await self._record(sent, why_not, shield)
                began = time.monotonic()
                self._sent.leaves(sent)
                outcome = await gateway.submit(
                    task.wire_model, confirmed.inputs, provider=task.provider, callback_url=confirmed.callback_url
                )
                self._sent.answered(sent, outcome)
                self._tell(task, outcome, time.monotonic() - began)
                if isinstance(outcome, Later) and outcome.failure.category == "rate_limited":
                    parts.throttle.slow_down(key, outcome.retry_after)
                elif isinstance(outcome, Accepted):
                    parts.throttle.go_on(key)
                recorded = await self._record(sent, outcome, shield)
                if isinstance(outcome, Refused):
                    await parts.heed_key(task, outcome.failure)
                elif isinstance(outcome, Later) and outcome.failure.category == "rate_limited":
                    await parts.heed_pace(task)
                return recorded

    def _tell(self, task: Task, outcome: Submitted, seconds: float) -> None:
        """Tells of an answer that cost nothing; the others are told with the change that they make."""
        if not isinstance(outcome, Refused | Later):
            return
        ref, code, is_final = ref_of(task), plain_code(outcome.failure.code), isinstance(outcome, Refused)
        self._parts.telemetry.emit(SubmitRefused(ref, code, is_final, round(seconds, 3)))
        if isinstance(outcome, Later) and outcome.failure.category == "rate_limited":
            self._parts.telemetry.emit(RateLimited(ref, "submit", outcome.retry_after))

    async def _confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """Looks for the last time before the POST; where that fails nothing has left, and it is prepared anew."""
        try:
            return await self._reach.confirmed(task, sendable)
        except Exception:
            log.exception("task %s: it could not be seen whether it can be sent; it is tried again", task.task_id)
            return NotNow()

    async def _not_reached(self, task: Task, why: Failure | NotNow) -> Task | None:
        """Keeps a task from being sent whose files the gateway could not fetch."""
        parts, now = self._parts, time.time()
        row = await parts.store.get(task.task_id)
        if row is None or row.fence != task.fence or not row.is_unsent:
            return None
        if row.cancel_requested:
            after = unsent.cancelled(row, now)
        elif isinstance(why, NotNow):
            after = delays.held_back(row, now, parts.limits.left_alone_for if why.missing else 0.0)
        else:
            after = unsent.not_reached(row, why, now)
        return await parts.changes.commit(row, after)

    async def _not_sent(self, task: Task, clearance: Clearance) -> Task | None:
        parts = self._parts
        row = await parts.store.get(task.task_id)
        if row is None or row.fence != task.fence or not row.is_unsent:
            return None
        now = time.time()
        match clearance.how:
            case _ if row.cancel_requested:
                after = unsent.cancelled(row, now)
            case "lost":  # its lease has run out, and nobody has claimed it yet
                after = delays.held_back(row, now)
            case "no_room":
                after = delays.queued(row, await parts.store.place(row), now, random.random())
            case "by_another":
                after = delays.held_back(row, now, parts.limits.left_alone_for)
            case "lapsed":
                after = unsent.lapsed(row, now)
            case "not_allowed" | "not_offered":
                why = reason(clearance.how, clearance.limits, row.estimate_usd, row)
                after = unsent.withdrawn(row, why, now)
            case "no_price" | "over_budget" | "over_month" | "over_limit" | "ask_first" | "within":
                why = reason(clearance.how, clearance.limits, row.estimate_usd, row)
                after = unsent.not_sent(row, why, now)
        return await parts.changes.commit(row, after)

    async def _record(self, sent: Task, outcome: Submitted, shield: anyio.CancelScope) -> Task | None:
        """Stores a submit's outcome, come what may: it may be the only trace of something that was paid for.

        Where the store cannot be written to for long it goes on trying, but no longer keeps the process from ending.
        """
        parts, pauses = self._parts, self._parts.limits.store_again_after
        remote_id = outcome.remote_id if isinstance(outcome, Accepted) else "none"
        for pause in chain(pauses, repeat(pauses[-1])):
            try:
                row = await parts.store.get(sent.task_id)
                if row is None or not submits.is_open_to(row, sent, outcome):
                    await self._keep_apart(row, sent, outcome)
                    return None
                # A store that was set back shows it as unsent.
                answered = replace(row, sent_at=sent.sent_at) if row.is_unsent else row
                after = submits.after_outcome(answered, outcome, await parts.context_of(row))
                if written := await parts.changes.commit(row, after):
                    return written
            except IdTaken as error:
                log.error("task %s: %s", sent.task_id, error)
                if isinstance(outcome, Accepted | Unclear):
                    outcome = submits.without_id(outcome, sent, error)
                    continue
            except Exception:
                log.exception("task %s (gateway task %s): its submit's answer is not stored", sent.task_id, remote_id)
            await anyio.sleep(pause)
            if pause == pauses[-1]:
                shield.shield = False
        return None

    async def _record_again(self, before: SentBefore) -> Task | None:
        """Stores a submit's outcome in a store that was set back to before that was known."""
        log.error("task %s was sent before: the store has been set back to an earlier state", before.sent.task_id)
        with anyio.CancelScope(shield=True) as shield:
            return await self._record(before.sent, before.outcome, shield)

    async def _keep_apart(self, row: Task | None, sent: Task, outcome: Submitted) -> None:
        """Makes a task of its own of what an answer names that came too late for the task that it was sent for."""
        if not isinstance(outcome, Accepted | Unclear) or not (remote_id := submits.id_of(outcome)):
            return
        if row and remote_id in (row.named_id, *(attempt.remote_id for attempt in row.attempts)):
            return
        parts = self._parts
        apart = submits.answered_apart(sent, outcome, new_task_id(), parts.contexts.of(sent))
        if await parts.store.holder(apart, remote_id):
            return
        await parts.store.add([await put_aside(parts.store, apart)])
        log.warning(
            "task %s was settled without the gateway's task %s: task %s", sent.task_id, remote_id, apart.task_id
        )
        await parts.changes.announce(sent, apart)
        if row and (after := submits.proved_wrong(row, apart)) is not row:
            await parts.changes.commit(row, after)

    async def give_up(self, task: Task) -> Task | None:
        """Notes that it is not known what became of a POST whose sender ended."""
        before = self._sent.of(task)
        if before and submits.is_open_to(task, before.sent, before.outcome):
            return await self._record_again(before)
        why = "The process that sent it ended before the gateway's answer was stored."
        return await self._parts.changes.commit(task, submits.unclear(task, time.time(), why))
