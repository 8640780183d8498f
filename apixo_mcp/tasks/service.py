"""Submit, wait, look up, cancel: what the tools and the command line ask for."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import CallerLeft, InvalidInput, NotFound, SettingsError
from apixo_mcp.foreign import shorten
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.generation import Modality, NextAction
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.asking.admission import Admission
from apixo_mcp.tasks.asking.delivery import Call, Delivery
from apixo_mcp.tasks.asking.request import GenerationRequest, InputResolver, Quote, Submission, checked
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.engine import Engine
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.store import APART_AT_MOST, Store
from apixo_mcp.tasks.task import FOLLOWED, TERMINAL, FileState, Result, State, Task, fingerprint, new_task_id
from apixo_mcp.tasks.transitions import files
from apixo_mcp.tasks.transitions.context import DecisionContext

FAR_OFF = 2 * 3600.0  # beyond every wait between two looks
REREAD_EVERY = 1.0  # another process may have moved the task on
TICK_EVERY = 4.0  # between two signs of life to a waiting client


Estimate = Callable[[Model, Mapping[str, Any]], float | None]
Tick = Callable[[Task], Awaitable[None]]


class Service:
    """The front of a task's transitions.

    Args:
        accounts: a gateway without a key is missing.
        told_once: notes for the first task that is paid for.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        accounts: Accounts,
        inputs: InputResolver,
        till: Admission,
        engine: Engine,
        calls: Delivery,
        changes: Changes,
        estimate: Estimate,
        context: Callable[[Task], DecisionContext],
        is_there: Callable[[Result], Awaitable[bool]],
        told_once: tuple[str, ...] = (),
    ) -> None:
        self.catalog = catalog
        self._accounts = accounts
        self._store = store
        self._till = till
        self._inputs = inputs
        self._engine = engine
        self.calls = calls
        self._changes = changes
        self._estimate = estimate
        self._moment = context
        self._is_there = is_there
        self._told_once = told_once

    @asynccontextmanager
    async def asking(self, request: GenerationRequest) -> AsyncGenerator[Submission | Quote]:
        """Validates a request and stores the intent; the background then sends it, whatever becomes of the caller.

        It is noted whether the caller got the answer: the same request of one that did not adopts the task.
        The answer counts as given when the context ends, unless the submission's call was handed over.

        Raises:
            InvalidInput: nothing was stored, sent or spent.
            SettingsError: the model's gateway has no key.
        """
        async with self.calls.open() as call:
            submission = await self._submit(request, call)
            if isinstance(submission, Submission) and submission.how == "new":
                self._told_once = ()
            yield submission

    async def drafted(self, request: GenerationRequest) -> Task:
        """The task that a request would become; nothing is stored, sent or spent. Without a key it has no key's print.

        Raises:
            InvalidInput: with all that is wrong with it.
        """
        try:
            model = self.catalog.find(request.model, request.modality)
        except InvalidInput as error:
            raise InvalidInput((*request.problems, *error.problems)) from None
        checking = checked(model, request, self._inputs, lambda task_id: self._store.find(request.owner, task_id))
        found, notes = await checking
        account = self._accounts.get(model.gateway)
        inputs = found.wire()
        now = time.time()
        task = Task(
            task_id=new_task_id(),
            owner=request.owner.name,
            gateway=model.gateway,
            base_url=account.gateway.base_url if account else "",
            key_print=account.key_print if account else "",
            model=model.id,
            wire_model=model.wire_id,
            modality=model.modality,
            state=State.SUBMITTING,
            prompt=str(inputs.get("prompt") or inputs.get("text") or ""),
            inputs=inputs,
            provider=request.provider,
            idempotency_key=request.idempotency_key,
            created_at=now,
            updated_at=now,
            due=now,
            notes=(*notes, *self._told_once),
            estimate_usd=self._estimate(model, inputs),
        )
        return replace(task, fingerprint=fingerprint(task))

    async def _submit(self, request: GenerationRequest, call: Call) -> Submission | Quote:
        task = await self.drafted(request)
        if not task.key_print:
            raise SettingsError(_no_key(task.gateway))
        agreed = request.agreed.agreement if request.agreed else None
        return await self._till.admit(task, call, confirmed=request.confirmed, agreed=agreed)

    async def quoted(self, owner: Owner, quote: Quote) -> None:
        """Notes that the owner was told a quote, so that a yes to it counts."""
        await self._till.quoted(owner, quote)

    async def declined(self, owner: Owner, quote: Quote) -> None:
        """Notes that the owner said no to a quote."""
        await self._till.declined(owner, quote)

    async def find(self, owner: Owner, any_id: str) -> Task:
        """The owner's task with this id, ours or the gateway's.

        Raises:
            NotFound: there is none.
        """
        # A shell or a client may give half a character, which no id holds and no store takes.
        task = await self._store.find(owner, any_id.strip().encode(errors="replace").decode())
        if task is None:
            raise NotFound(f"There is no task {shorten(any_id)}.", next_action=NextAction.SEE_TASKS)
        return task

    async def check(self, owner: Owner, any_id: str, *, save: bool = True) -> Task:
        """The owner's task; one whose looking was given up is looked at once more.

        Args:
            save: whether files that are missing are fetched again.

        Raises:
            NotFound: there is none.
        """
        task = await self.find(owner, any_id)
        now = time.time()
        # The clock was set back since its next poll was planned: two clocks differ by less.
        far_off = task.due is not None and (task.due > now + FAR_OFF or task.updated_at > now + APART_AT_MOST)
        is_open = task.state in FOLLOWED or (task.state is State.UNKNOWN and bool(task.named_id))
        if (task.due is None or far_off) and is_open:
            await self._store.wake(task.task_id)
            self._engine.wake(task.task_id, time.time())
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
            before_tick = max(0.0, ticked + TICK_EVERY - anyio.current_time())
            await self._changes.wait(task.task_id, min(left, REREAD_EVERY, before_tick))
            if has_left is not None and await has_left():
                raise CallerLeft("The connection ended; the task goes on.")
            now = await self._store.get(task.task_id) or task
            moved = now.state is not task.state
            task = now
            if moved or anyio.current_time() - ticked >= TICK_EVERY:
                ticked = anyio.current_time()
                if tick is not None:
                    await tick(task)
        return task

    async def place(self, task: Task) -> int:
        """How many tasks are to be sent before this one; 0 for one that is sent."""
        return await self._store.place(task) if task.state is State.SUBMITTING and task.sent_at is None else 0

    async def cancel(self, owner: Owner, any_id: str) -> Task:
        """Ends an unsent task; for a sent one, which is paid for, ends only the waiting.

        Raises:
            NotFound: there is none.
        """
        task = await self.find(owner, any_id)
        if task.state in TERMINAL:
            return task
        changed = await self._store.request_cancel(task.task_id)
        if changed is None:
            return await self.find(owner, task.task_id)
        await self._changes.announce(task, changed)
        return changed

    async def page(
        self,
        owner: Owner,
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
        if (
            task.state is not State.SUCCESS or task.lease_until
        ):  # leased: it is being saved, or will be once that is over
            return task
        saved = [result for result in task.results if result.file is FileState.SAVED]
        missing = [result.index for result in saved if not await self._is_there(result)]
        again = files.save_again(task, missing, self._moment(task))
        if again is task or not await self._store.commit(task, again):
            return task
        self._engine.wake(task.task_id, time.time())
        return again


def _no_key(gateway: str) -> str:
    variable, site = GATEWAYS[gateway].key_variable, GATEWAYS[gateway].site
    return (
        f"No {variable} is set, so nothing was sent. Get a key at {site}, put it into the `env` of this server in the "
        f'client\'s MCP configuration ("{variable}": "sk-…") and restart the client.'
    )
