"""What a request would become: read and checked, before anything is stored, sent or spent."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.asking.last import last_tasks, names_last, with_last
from apixo_mcp.tasks.asking.prompts import of_prompts
from apixo_mcp.tasks.asking.references import InputResolver
from apixo_mcp.tasks.asking.request import GenerationRequest, checked
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.purchase import bought_together
from apixo_mcp.tasks.store import Store
from apixo_mcp.tasks.task import State, Task, fingerprint, new_task_id

_LOOKED_AT = 60  # tasks among which the last one is looked for that is none of an unanswered call's own

Estimate = Callable[[Model, Mapping[str, Any], float | None], float | None]


@dataclass(frozen=True, slots=True)
class _TasksOf:
    """The earlier tasks of an owner; see `FindTask`."""

    store: Store
    owner: Owner

    async def __call__(self, any_id: str, /) -> Task | None:
        return await self.store.find(self.owner, any_id)

    async def saved_at(self, path: str) -> Task | None:
        return await self.store.saved_at(self.owner, path)


class Drafts:
    """Drafts the tasks of requests.

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
        estimate: Estimate,
        told_once: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._accounts = accounts
        self._inputs = inputs
        self._estimate = estimate
        self._told_once = told_once

    async def draft(self, request: GenerationRequest) -> tuple[Task, ...]:
        """Returns the tasks that a request would become. Without a key for their gateway they have no key's print.

        Raises:
            InvalidInput: with all that is wrong with it; one prompt that is wrong refuses all.
        """
        if not names_last(request):
            return await self._drafts(request)
        newest = await last_tasks(self._store, request.owner, request.connection, with_results=True, limit=_LOOKED_AT)
        if not newest:
            return await self._drafts(request)
        request = replace(request, asked_for={**request.arguments, **request.options})
        own = self._print_of(request)
        # A repeat of a call whose answer did not arrive means what that call meant, and none of its results.
        before = [last for last in newest if last.task.fingerprint != own or last.task.answer == "given"]
        return await self._drafts(with_last(request, (before or newest)[0]))

    def _print_of(self, request: GenerationRequest) -> str:
        """Returns the fingerprint of a call by what it says alone; empty where there is no such model."""
        with suppress(InvalidInput):
            model = self._catalog.find(request.model, request.modality)
            return bought_together([self._intent(single, model, {}) for single in _singles(request)])[0].fingerprint
        return ""

    async def _drafts(self, request: GenerationRequest) -> tuple[Task, ...]:
        notes = self._told_once
        if not request.prompts:
            return (await self._draft(request, notes),)
        tasks: list[Task] = []
        problems: list[tuple[Problem, ...]] = []
        for single in _singles(request):
            try:
                tasks.append(await self._draft(single, () if tasks else notes))
            except InvalidInput as error:
                problems.append(error.problems)
            else:
                problems.append(())
        if any(problems):
            raise InvalidInput(of_prompts(problems))
        return bought_together(tasks)

    async def _draft(self, request: GenerationRequest, told_once: tuple[str, ...]) -> Task:
        try:
            model = self._catalog.find(request.model, request.modality)
        except InvalidInput as error:
            raise InvalidInput((*request.problems, *error.problems)) from None
        checking = await checked(model, request, self._inputs, _TasksOf(self._store, request.owner))
        inputs = checking.input.wire()
        task = self._intent(request, model, inputs, kept=checking.kept)
        notes = (*request.notes, *checking.notes, *told_once)
        return replace(task, notes=notes, estimate_usd=self._estimate(model, inputs, checking.seconds))

    def _intent(self, request: GenerationRequest, model: Model, inputs: Mapping[str, Any], *, kept: str = "") -> Task:
        """Returns the task of a request for one prompt.

        Args:
            kept: the field with a shape that was not asked for: an equal call may find another, and is equal still.
        """
        account = self._accounts.get(model.gateway)
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
        )
        if request.asked_for is None:
            asked_for = {name: value for name, value in inputs.items() if name != kept}
        else:
            asked_for = {"said": {**request.asked_for, "prompt": request.arguments.get("prompt", "")}}
        return replace(task, fingerprint=fingerprint(task, asked_for))

    def forget_told(self) -> None:
        """Leaves out of further tasks what is told once: a task that tells it is paid for."""
        self._told_once = ()


def _singles(request: GenerationRequest) -> list[GenerationRequest]:
    """Returns a request for each prompt, or the only one."""
    arguments = [{**request.arguments, "prompt": prompt} for prompt in request.prompts]
    return [replace(request, prompts=(), arguments=given) for given in arguments] or [request]
