"""Submit, wait, look up, cancel: what the tools and the command line ask for."""

import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

from apixo_mcp.catalog.inputs import shorten
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import CallerLeft, InvalidInput, NotFound, Problem, SettingsError
from apixo_mcp.gateways.gateway import NoAnswer
from apixo_mcp.tasks import life
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.leases import LASTS, Leases
from apixo_mcp.tasks.life import Moment
from apixo_mcp.tasks.poller import Poller
from apixo_mcp.tasks.store import Admitted, Limits, Store
from apixo_mcp.tasks.task import (
    TERMINAL,
    FileState,
    Modality,
    Request,
    Result,
    State,
    Task,
    new_task_id,
    request_fingerprint,
)
from apixo_mcp.tasks.wish import Account, Inputs, Quote, Spending, Submission, Wish, checked

ADOPTED_FOR = 600.0
ASK_AGAIN_AFTER = 0.5  # whether the process lives that an equal request is awaited in
FAR_OFF = 2 * 3600.0  # beyond every wait between two looks
REREAD_EVERY = 1.0  # another process may have moved the task on
TICK_EVERY = 4.0  # between two signs of life to a waiting client


Estimate = Callable[[Model, Mapping[str, Any]], float | None]
Tick = Callable[[Task], Awaitable[None]]


class Service:
    """The front of a task's life.

    Args:
        accounts: by gateway name; a gateway without a key is missing.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        accounts: Mapping[str, Account],
        inputs: Inputs,
        poller: Poller,
        leases: Leases,
        changes: Changes,
        estimate: Estimate,
        moment: Callable[[Task], Moment],
        is_there: Callable[[Result], Awaitable[bool]],
        spending: Spending,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.catalog = catalog
        self.accounts = accounts
        self._store = store
        self._inputs = inputs
        self._poller = poller
        self._leases = leases
        self._changes = changes
        self._estimate = estimate
        self._moment = moment
        self._is_there = is_there
        self.spending = spending
        self._clock = clock

    async def submit(self, wish: Wish) -> Submission | Quote:
        """Validates a wish and stores the intent; the background then sends it, whatever becomes of the caller.

        Raises:
            InvalidInput: nothing was stored, sent or spent.
            SettingsError: the model's gateway has no key.
        """
        try:
            model = self.catalog.find(wish.model, wish.modality)
        except InvalidInput as error:
            raise InvalidInput((*wish.problems, *error.problems)) from None
        checking = checked(model, wish, self._inputs, lambda task_id: self._store.find(wish.owner, task_id))
        found, notes = await checking
        account = self.accounts.get(model.gateway)
        if account is None:
            raise SettingsError(_no_key(model.gateway))
        inputs = found.wire()
        usd = self._estimate(model, inputs)
        request = Request(
            owner=wish.owner,
            model=model.id,
            gateway=model.gateway,
            wire_model=model.wire_id,
            modality=model.modality,
            prompt=str(inputs.get("prompt") or inputs.get("text") or ""),
            inputs=inputs,
            provider=wish.provider,
            idempotency_key=wish.idempotency_key,
            notes=notes,
            estimate_usd=usd,
        )
        limit = None if wish.confirmed else self._asks_first(usd)
        return await self._admit(request, account, limit)

    def _asks_first(self, usd: float | None) -> float | None:
        """The limit above which a yes is needed, if this submit is above it."""
        limit = self.spending.confirm_above_usd
        if limit is None or (usd is not None and usd <= limit):
            return None
        return limit

    async def _admit(self, request: Request, account: Account, limit: float | None) -> Submission | Quote:
        """Where money moves: the one place that lets a paid submit begin.

        Args:
            request: what is wished.
            account: who makes it.
            limit: above which a yes is needed, if this request is above it and has none.
        """
        now = self._clock()
        if self.spending.daily_usd is not None and request.estimate_usd is None:
            raise InvalidInput([Problem("model", request.model, _NO_PRICE)])
        task = Task(
            task_id=new_task_id(),
            owner=request.owner,
            gateway=request.gateway,
            base_url=account.gateway.base_url,
            key_print=account.key_print,
            model=request.model,
            wire_model=request.wire_model,
            modality=request.modality,
            state=State.SUBMITTING,
            prompt=request.prompt,
            inputs=request.inputs,
            provider=request.provider,
            fingerprint=request_fingerprint(request, account.gateway.base_url),
            idempotency_key=request.idempotency_key,
            created_at=now,
            updated_at=now,
            due=now,
            notes=request.notes,
            estimate_usd=request.estimate_usd,
            asked_by=self._leases.holder,
            asked_until=now + LASTS,
        )
        admitted = await self._admitted(task, ask_first=limit is not None)
        if admitted.how == "ask_first":
            return Quote(request.model, request.estimate_usd, limit or 0.0)
        if admitted.how == "same_key" and admitted.task.fingerprint != task.fingerprint:
            allowed = f"already used for task {admitted.task.task_id} with other arguments; use another key"
            raise InvalidInput([Problem("idempotency_key", request.idempotency_key, allowed)])
        if admitted.how == "over_budget":
            allowed = (
                f"this would cost about ${request.estimate_usd:.2f}, and ${admitted.spent_usd:.2f} of the day's "
                f"${self.spending.daily_usd:.2f} (APIXO_MCP_DAILY_BUDGET_USD) are spent; the day ends at midnight UTC"
            )
            raise InvalidInput([Problem("model", request.model, allowed)])
        if admitted.how == "over_limit":
            allowed = (
                f"{admitted.tasks_today} tasks were made today, and APIXO_MCP_DAILY_TASK_LIMIT allows "
                f"{self.spending.daily_tasks}; the day ends at midnight UTC"
            )
            raise InvalidInput([Problem("model", request.model, allowed)])
        assert admitted.how != "asked_elsewhere", "that is waited for"
        return Submission(admitted.task, admitted.how)

    async def _admitted(self, task: Task, *, ask_first: bool) -> Admitted:
        """What the store makes of a new task, once it is sure whether an equal request is still awaited elsewhere."""
        alive: set[str] = set()
        while True:
            now = self._clock()
            spending = self.spending
            midnight = now - now % 86400
            limits = Limits(
                midnight, spending.daily_usd, spending.daily_tasks, now - ADOPTED_FOR, now, ask_first, frozenset(alive)
            )
            admitted = await self._store.admit(task, limits)
            if admitted.how == "new":
                self._poller.wake(task.task_id, now)
            if admitted.how != "asked_elsewhere":
                return admitted
            # Its process vouches for it every few seconds if it lives; if it does not, its task is adopted.
            await anyio.sleep(ASK_AGAIN_AFTER)
            earlier = await self._store.get(admitted.task.task_id)
            if earlier is not None and earlier.asked_until > admitted.task.asked_until:
                alive.add(earlier.task_id)

    @asynccontextmanager
    async def answering(self, task_id: str) -> AsyncGenerator[None]:
        """Notes whether the caller got its answer: one that did not may adopt the task with the same request."""
        try:
            with self._leases.asking(task_id):
                yield
            await self._store.mark_answer(task_id, "given")
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._store.mark_answer(task_id, "lost")
            raise

    async def find(self, owner: str, any_id: str) -> Task:
        """The owner's task with this id, ours or the gateway's.

        Raises:
            NotFound: there is none.
        """
        # A shell or a client may give half a character, which no id holds and no store takes.
        task = await self._store.find(owner, any_id.strip().encode(errors="replace").decode())
        if task is None:
            raise NotFound(f"There is no task {shorten(any_id)}. list_tasks shows all of yours.")
        return task

    async def check(self, owner: str, any_id: str, *, save: bool = True) -> Task:
        """The owner's task; one whose looking was given up is looked at once more.

        Args:
            save: whether files that are missing are fetched again.

        Raises:
            NotFound: there is none.
        """
        task = await self.find(owner, any_id)
        # Far off: the clock was set back since its next look was planned.
        far_off = task.due is not None and task.due > self._clock() + FAR_OFF
        if (task.due is None or far_off) and task.state in (State.PENDING, State.PROCESSING):
            await self._store.wake(task.task_id, self._clock())
            self._poller.wake(task.task_id, self._clock())
        return await self.save_again(task) if save else task

    async def wait(
        self,
        task: Task,
        seconds: float,
        tick: Tick | None = None,
        has_left: Callable[[], Awaitable[bool]] | None = None,
    ) -> Task:
        """The task once it is settled, or as it is after `seconds`.

        Args:
            tick: called at each change and at least every 5 s.
            has_left: whether the caller has gone, where that is not told by a cancelled call.

        Raises:
            CallerLeft: nobody waits any more.
        """
        deadline = anyio.current_time() + seconds
        ticked = anyio.current_time()
        while not task.is_settled and (left := deadline - anyio.current_time()) > 0:
            await self._changes.wait(task.task_id, min(left, REREAD_EVERY))
            if has_left is not None and await has_left():
                raise CallerLeft("The connection ended; the task goes on.")
            now = await self._store.get(task.task_id) or task
            moved = now.state is not task.state
            task = now
            if tick is not None and (moved or anyio.current_time() - ticked >= TICK_EVERY):
                ticked = anyio.current_time()
                await tick(task)
        return task

    async def place(self, task: Task) -> int:
        """How many tasks are to be sent before this one; 0 for one that is sent."""
        return await self._store.place(task) if task.state is State.SUBMITTING and task.sent_at is None else 0

    async def cancel(self, owner: str, any_id: str) -> Task:
        """Ends an unsent task; for a sent one, which is paid for, ends only the waiting.

        Raises:
            NotFound: there is none.
        """
        task = await self.find(owner, any_id)
        if task.state in TERMINAL:
            return task
        changed = await self._store.request_cancel(task.task_id, self._clock())
        if changed is None:
            return await self.find(owner, task.task_id)
        await self._changes.announce(changed)
        return changed

    async def resolve(self, owner: str, any_id: str, remote_id: str | None) -> Task:
        """Settles a task of which it is not known whether the gateway has it, as a person found it there.

        Args:
            remote_id: the gateway's id for it; None where it never ran.

        Raises:
            NotFound: there is no such task.
            InvalidInput: its state is another, or the id is not its own.
        """
        task = await self.find(owner, any_id)
        if task.state is not State.UNKNOWN:
            allowed = f"only a task in state unknown can be resolved, and this one's is {task.state}"
            raise InvalidInput([Problem("task_id", task.task_id, allowed)])
        if remote_id is not None:
            remote_id = remote_id.strip()
            if problem := await self._wrong_id(task, remote_id):
                raise InvalidInput([Problem("remote_id", shorten(remote_id), problem)])
        after = life.resolved(task, remote_id or "", self._moment(task))
        if not await self._store.commit(task, after):
            return await self.resolve(owner, task.task_id, remote_id)  # it has moved meanwhile
        await self._changes.announce(after)
        if after.due is not None:
            self._poller.wake(after.task_id, after.due)
        return after

    async def _wrong_id(self, task: Task, remote_id: str) -> str:
        """Why this is not the gateway's id of the task. A wrong one would be followed for a day, with no way back."""
        if not _REMOTE_ID.fullmatch(remote_id):
            return "must be the gateway's task id, as its dashboard shows it"
        other = await self._store.find(task.owner, remote_id)
        if other is not None:
            return f"is the id of task {other.task_id}"
        account = next((one for one in self.accounts.values() if one.key_print == task.key_print), None)
        if account is not None:
            look = await account.gateway.look(task.wire_model, remote_id)
            if isinstance(look, NoAnswer):
                return f"the gateway does not confirm it, so nothing was changed ({look.reason})"
        return ""

    async def page(
        self,
        owner: str,
        *,
        state: State | None = None,
        modality: Modality | None = None,
        limit: int = 20,
        before: tuple[float, str] | None = None,
    ) -> Sequence[Task]:
        """The owner's tasks, newest first."""
        return await self._store.page(owner, state=state, modality=modality, limit=limit, before=before)

    async def save_again(self, task: Task) -> Task:
        """The finished task, with the saving begun once more of each file that is not where it should be."""
        if task.state is not State.SUCCESS or task.lease_until > self._clock():
            return task
        saved = [result for result in task.results if result.file is FileState.SAVED]
        missing = [result.index for result in saved if not await self._is_there(result)]
        again = life.save_again(task, missing, self._moment(task))
        if again is task or not await self._store.commit(task, again):
            return task
        self._poller.wake(task.task_id, self._clock())
        return again


_REMOTE_ID = re.compile(r"[!-~]{1,200}")  # no space, nothing that does not print

_NO_PRICE = (
    "has no known price, and a daily budget is set (APIXO_MCP_DAILY_BUDGET_USD); "
    "give its price in the file that APIXO_MCP_PRICES names"
)


def _no_key(gateway: str) -> str:
    variable = {"apixo": "APIXO_API_KEY", "ruxa": "RUXA_API_KEY"}[gateway]
    site = {"apixo": "https://apixo.ai", "ruxa": "https://ruxa.ai/dashboard"}[gateway]
    return (
        f"No {variable} is set, so nothing was sent. Get a key at {site}, put it into the `env` of this server in the "
        f'client\'s MCP configuration ("{variable}": "sk-…") and restart the client.'
    )
