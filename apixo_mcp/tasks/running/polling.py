"""Asks the gateway how a task is, and decides what that makes of it."""

import logging
import time
from dataclasses import dataclass

import anyio

from apixo_mcp.gateways.gateway import Failed, NoAnswer, Polled, Running, Succeeded
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.alerts import tell_alerts
from apixo_mcp.tasks.budget import reason
from apixo_mcp.tasks.changes import ref_of
from apixo_mcp.tasks.keeping import keep_answer
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions import delays, polls
from apixo_mcp.telemetry.facts import PollAnswered, RateLimited

log = logging.getLogger(__name__)

_OUTCOMES: dict[type[Polled], str] = {
    Running: "running",
    Succeeded: "succeeded",
    Failed: "failed",
    NoAnswer: "no_answer",
}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a key's polls are refused, and until when none is made."""

    failure: Failure
    until: float


class Poller:
    """Polls tasks that the gateway has, or may have."""

    def __init__(self, parts: StepParts) -> None:
        self._parts = parts
        self._limit = anyio.CapacityLimiter(parts.limits.polling)
        self._troubles: dict[str, _Trouble] = {}

    async def turn(self, key_print: str) -> bool:
        """Waits for a turn to poll with this key; False where there is none, as the gateway refuses it for long."""
        return not self._refused_for(key_print) and await self._parts.throttle.line_up(key_print)

    def _refused_for(self, key_print: str) -> float:
        trouble = self._troubles.get(key_print)
        return max(0.0, trouble.until - time.time()) if trouble else 0.0

    async def poll(self, task: Task, *, has_turn: bool) -> Task | None:
        """Polls a task. Returns it as it is stored then; None where another process has it.

        Args:
            task: that was claimed.
            has_turn: whether it was waited for before that.
        """
        parts, key = self._parts, task.key_print
        if not has_turn and not await self.turn(key):
            wait = self._refused_for(key) or parts.throttle.paused(key)
            return await parts.changes.commit(task, delays.held_back(task, time.time(), wait))
        async with self._limit:
            gateway, inputs = parts.accounts.gateway(task.key_print), task.inputs
            began = time.monotonic()
            if task.is_confirming:
                sent_at = task.attempts[-1].sent_at if task.attempts else task.created_at
                polled = await gateway.poll(task.wire_model, task.named_id, inputs=inputs, since=sent_at)
            else:
                polled = await gateway.poll(task.wire_model, task.remote_id, inputs=inputs)
        parts.telemetry.emit(PollAnswered(ref_of(task), _OUTCOMES[type(polled)], round(time.monotonic() - began, 3)))
        self._heed(task, polled)
        if isinstance(polled, NoAnswer) and polled.failure:
            await parts.heed_key(task, polled.failure)
        if isinstance(polled, NoAnswer) and polled.too_fast:
            await parts.heed_pace(task)
        await parts.contexts.learn(task)
        context = await parts.context_of(task)
        if task.is_confirming:
            return await parts.changes.commit(task, polls.after_confirming(task, polled, context))
        after = polls.after_poll(task, polled, context)
        if context.net is not None and after.state not in FOLLOWED:
            await parts.store.arrivals.ended_uncalled(task)
        if after.state is State.FAILED and isinstance(polled, Failed) and polled.raw:
            await keep_answer(parts.store, task, polled.raw)
        if after.state is not State.SUBMITTING:
            written = await parts.changes.commit(task, after)
            if written is not None and isinstance(polled, Succeeded):
                await parts.contexts.note(task, context.now, polled.took)
            return written
        clearance = await parts.store.try_again(task, after, parts.terms)
        tell_alerts(parts.telemetry, clearance.alerts)
        if clearance.how == "within":
            await parts.changes.announce(task, after)
            return after
        if clearance.how == "lost":
            return None
        if clearance.how in ("no_room", "lapsed", "by_another"):
            raise AssertionError("that is asked when it is sent")
        why = reason(clearance.how, clearance.limits, task.estimate_usd, task)
        return await parts.changes.commit(task, polls.not_tried_again(task, polled, context, why))

    def _heed(self, task: Task, polled: Polled) -> None:
        """Slows down for a gateway that asks for it, and stops polling with a key that it refuses.

        Once in a while one poll tries whether that has changed.
        """
        key = task.key_print
        if not isinstance(polled, NoAnswer):
            self._parts.throttle.go_on(key)
            self._troubles.pop(key, None)
            return
        log.debug("no answer about task %s: %s", task.task_id, polled.reason)  # the gateway's words
        if polled.too_fast:
            self._parts.throttle.slow_down(key, polled.retry_after)
            self._parts.telemetry.emit(RateLimited(ref_of(task), "poll", polled.retry_after))
        if failure := polled.failure:
            if key not in self._troubles:
                log.warning("%s cannot be asked with this key: %s. %s", task.gateway, failure.code, failure.advice)
            pause = self._parts.limits.refused_key_every * self._parts.contexts.poll_scale
            self._troubles[key] = _Trouble(failure, time.time() + pause)

    def trouble(self, key_print: str) -> Failure | None:
        """Returns why polls with this key are refused just now."""
        trouble = self._troubles.get(key_print)
        return trouble.failure if trouble else None
