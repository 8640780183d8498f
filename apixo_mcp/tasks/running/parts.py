"""What every step of a task works with."""

import time
from contextlib import suppress
from dataclasses import dataclass

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.alerts import key_alert, tell_alerts
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.ports.arrivals import CALLED_WITHIN
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.ports.terms import MOST_IN_FLIGHT, Sending
from apixo_mcp.tasks.running.throttle import Throttle
from apixo_mcp.tasks.running.turns import ThrottleLimits
from apixo_mcp.tasks.running.watch import Watch
from apixo_mcp.tasks.task import Task
from apixo_mcp.tasks.transitions.context import SAVE_AGAIN_AFTER, Contexts, DecisionContext
from apixo_mcp.telemetry.facts import Telemetry


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
        store_pause: after one whose store could not be used; then ever longer.
        save_again_after: between tries to save a result's file.
        throttle: of the requests of each key.
        in_flight: tasks of one key that its gateway has at once; the others wait for room.
        called_within: a callback, once a poll has found its task ended (`tasks.ports.arrivals`).
    """

    sending: int = 32
    polling: int = 64
    store_again_after: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
    refused_key_every: float = 300.0
    left_alone_for: float = 10.0
    crash_pause: float = 10.0
    store_pause: float = 1.0
    save_again_after: tuple[float, ...] = SAVE_AGAIN_AFTER
    throttle: ThrottleLimits = ThrottleLimits()
    in_flight: int = MOST_IN_FLIGHT
    called_within: float = CALLED_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class StepParts:
    """What every step of a task works with.

    Attributes:
        accounts: tasks of other keys are left alone.
        terms: on which a paid request leaves.
        throttle: shared by submits and polls, and by all processes on one database.
        watch: has what is unusual raised.
    """

    store: Store
    changes: Changes
    accounts: Accounts
    contexts: Contexts
    terms: Sending
    throttle: Throttle
    telemetry: Telemetry
    watch: Watch
    limits: StepLimits = StepLimits()

    async def heed_key(self, task: Task, failure: Failure) -> None:
        """Tells whoever runs the server of a key that the gateway refuses, as well as that can be told just now."""
        alert = key_alert(task.gateway, task.key_print, failure, self._payer(task), time.time())
        if alert is None:
            return
        with suppress(StoreError):  # the answer itself is what matters, and what it was to must be stored
            if await self.store.raise_alert(alert):
                tell_alerts(self.telemetry, [alert])

    async def heed_pace(self, task: Task) -> None:
        """Notes that the gateway asks for fewer requests with the key of a task, and tells the other processes."""
        await self.throttle.tell(task.key_print)
        await self.watch.limited(task.gateway, self._payer(task))

    def _payer(self, task: Task) -> str:
        """Returns whose own key a task is paid with; empty: the server's."""
        return task.owner if task.key_print in self.accounts.own_prints else ""

    async def context_of(self, task: Task) -> DecisionContext:
        """Returns what a decision about a task depends on that the gateway has."""
        is_called = bool(task.reached_at) and await self.store.arrivals.arrive(task.gateway, task.reached_at)
        return self.contexts.of(task, is_called=is_called)
