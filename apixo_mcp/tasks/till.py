"""Where money moves: what lets a paid submit begin."""

import time
from dataclasses import replace

import anyio

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.calls import VOUCHED_FOR, Call, Calls
from apixo_mcp.tasks.poller import Poller
from apixo_mcp.tasks.store import Admitted, Store, Terms
from apixo_mcp.tasks.task import Task
from apixo_mcp.tasks.wish import Quote, Submission
from apixo_mcp.usage.budget import Budget, refusal

ASK_AGAIN_AFTER = 0.5  # whether the process lives that an equal request is awaited in
LEAVING_TAKES = 1.2  # seconds until a call of this process whose caller has gone is sure to have noticed


class Till:
    """Takes a new task on, within the owner's budget and never twice.

    The one place that lets a paid submit begin. A further attempt after a transient failure, which the task's owner
    agreed to by `APIXO_MCP_AUTO_RETRY`, is decided on in `life`.
    """

    def __init__(self, *, store: Store, poller: Poller, calls: Calls, budget: Budget) -> None:
        self.budget = budget
        self._store = store
        self._poller = poller
        self._calls = calls

    async def admit(self, task: Task, call: Call, *, confirmed: bool) -> Submission | Quote:
        """Stores the intent, or finds the task that this request has already; the background then sends it.

        Args:
            task: as it is to be stored.
            call: that asks for it.
            confirmed: whether the owner has agreed to its price.

        Raises:
            InvalidInput: the budget does not allow it, or its idempotency key names another request. Nothing was
                stored, sent or spent.
        """
        admitted = await self._admitted(task, call, confirmed=confirmed)
        match admitted.how:
            case "ask_first":
                return Quote(task.model, task.estimate_usd, self.budget.confirm_above_usd or 0.0)
            case "same_key" if admitted.task.fingerprint != task.fingerprint:
                allowed = f"already used for task {admitted.task.task_id} with other arguments; use another key"
                raise InvalidInput([Problem("idempotency_key", task.idempotency_key, allowed)])
            case "new" | "same_key" | "adopted":
                call.task_id = admitted.task.task_id
                return Submission(admitted.task, admitted.how, call)
            case "awaited":
                raise AssertionError("that is waited for")
            case verdict:
                raise InvalidInput([refusal(verdict, self.budget, admitted.spent, task.model, task.estimate_usd)])

    async def _admitted(self, task: Task, call: Call, *, confirmed: bool) -> Admitted:
        """What the store makes of a new task, once it is sure whether an equal request is still waited for."""
        alive: frozenset[str] = frozenset()
        while True:
            now = time.time()
            task = replace(task, asked_by=call.name, asked_until=now + VOUCHED_FOR)
            terms = Terms(
                now=now,
                budget=self.budget,
                confirmed=confirmed,
                process=self._calls.process,
                waiting=self._calls.open_names,
                alive=alive,
            )
            admitted = await self._store.admit(task, terms)
            if admitted.how == "new":
                self._poller.wake(task.task_id, now)
            if admitted.how != "awaited":
                return admitted
            alive |= await self._outlived(admitted.task)

    async def _outlived(self, earlier: Task) -> frozenset[str]:
        """The calls that turn out to be waited for still: the one that an earlier task has, and others with it."""
        if earlier.asked_by in (waiting := self._calls.open_names):
            await self._calls.ended(earlier.asked_by, LEAVING_TAKES)
            return waiting & self._calls.open_names
        # Its process vouches for it every moment if it lives; if it does not, its task is adopted.
        await anyio.sleep(ASK_AGAIN_AFTER)
        now = await self._store.get(earlier.task_id)
        is_alive = now is not None and now.asked_by == earlier.asked_by and now.asked_until > earlier.asked_until
        return frozenset({earlier.asked_by}) if is_alive else frozenset()
