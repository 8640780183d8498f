"""What a request would become: read and checked, before anything is stored, sent or spent."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput, Problem, SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.tasks.accounts import Account, NoKey, Payers
from apixo_mcp.tasks.asking.last import (
    LastTask,
    Meant,
    last_tasks,
    meant_by,
    names_last,
    note_as_before,
    which_is_meant,
    with_last,
)
from apixo_mcp.tasks.asking.prompts import of_prompts
from apixo_mcp.tasks.asking.references import InputResolver
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.asking.request import GenerationRequest, checked
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR
from apixo_mcp.tasks.purchase import bought_together
from apixo_mcp.tasks.task import INTERNAL_KEY, State, Task, fingerprint, new_task_id

_LOOKED_AT = 60  # tasks among which the last one is looked for: more than one purchase has
_RECENT = 300  # tasks among which an unanswered call is looked for

FindUpload = Callable[[str, str], Path | None]
Estimate = Callable[[Model, Mapping[str, Any], float | None], float | None]


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a request would become.

    Attributes:
        tasks: one, or one for each prompt.
        last: names the task that stands in the place of `last`, as a sentence; empty where nothing said so.
        unclear: why it must not be bought: that task is a guess; None where it may be.
    """

    tasks: tuple[Task, ...]
    last: str = ""
    unclear: InvalidInput | None = None


@dataclass(frozen=True, slots=True)
class _TasksOf:
    """The earlier tasks and the uploads of an owner; see `FindTask`."""

    store: Store
    owner: Owner
    find_upload: FindUpload

    @property
    def is_here(self) -> bool:
        return self.owner.is_here

    async def __call__(self, any_id: str, /) -> Task | None:
        return await self.store.find(self.owner, any_id)

    async def saved_at(self, path: str) -> Task | None:
        return await self.store.saved_at(self.owner, path)

    def uploaded(self, upload_id: str) -> Path | None:
        return self.find_upload(self.owner.name, upload_id)


class Drafts:
    """Drafts the tasks of requests.

    Args:
        payers: tell by whose key a task is paid.
        find_upload: returns the file that an owner has uploaded under an id.
        told_once: notes for the first task that is paid for.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        payers: Payers,
        inputs: InputResolver,
        estimate: Estimate,
        find_upload: FindUpload = lambda owner, upload_id: None,
        told_once: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._payers = payers
        self._inputs = inputs
        self._estimate = estimate
        self._find_upload = find_upload
        self._told_once = told_once

    async def draft(self, request: GenerationRequest) -> Drafted:
        """Drafts what a request would be bought as. Without a key for their gateway its tasks have no key's print.

        Raises:
            InvalidInput: with all that is wrong with it; one prompt that is wrong refuses all. Or it is not clear which
                task is `last`.
            SettingsError: the owner's own key cannot be read.
        """
        meant = _meant(request, await self._newest(request)) if names_last(request) else Meant()
        if meant.unclear:
            return await self._unclear(request, meant.unclear)
        if meant.last is None:
            return Drafted(await self._drafts(request))
        return Drafted(await self._drafts(with_last(request, meant.last, meant.note)), meant.note)

    async def _unclear(self, request: GenerationRequest, candidates: Sequence[LastTask]) -> Drafted:
        """Drafts a request as one that it may be, where its own key may tell what was bought before.

        Raises:
            InvalidInput: it has none, or is wrong in any case.
        """
        asked = which_is_meant(request, candidates)
        if not _has_key_of_its_own(request):
            raise asked
        last = candidates[0]
        return Drafted(await self._drafts(with_last(request, last, "")), unclear=asked)

    async def repeats(self, request: GenerationRequest) -> Sequence[Drafted]:
        """Drafts a request that says `last` as each unanswered call of its caller that it would repeat.

        None of them is ever to be bought: what they name as `last` was so for an earlier call, or is so for a caller
        that has not heard of its newest task.
        """
        if not names_last(request) or _has_key_of_its_own(request):
            return ()
        if not (newest := await self._newest(request)) or not (unanswered := await self._unanswered(request, newest)):
            return ()
        now, ids = _meant(request, newest), {task.task_id for task in unanswered}
        guesses = [now.last] if now.last else [last for last in now.unclear if last.task.task_id not in ids]
        meant = [*await self._meant_by(request.owner, unanswered), *guesses]
        return await self._equal(request, meant, unanswered, now.last)

    async def repeat_of(self, request: GenerationRequest, earlier: Task) -> Drafted | None:
        """Drafts a request as the call that made an earlier task meant `last`; None where that makes another one.

        Args:
            request: that seems to be another one by now.
            earlier: found by its idempotency key.
        """
        if not names_last(request):
            return None
        newest = await self._newest(request)
        meant = await self._meant_by(request.owner, [earlier])
        known = _meant(request, [last for last in newest if last.task.task_id != earlier.task_id]).last
        return next(iter(await self._equal(request, meant, [earlier], known)), None)

    async def _newest(self, request: GenerationRequest) -> Sequence[LastTask]:
        return await last_tasks(
            self._store, request.owner, request.connection, with_results=True, limit=_LOOKED_AT, with_deleted=True
        )

    async def _unanswered(self, request: GenerationRequest, newest: Sequence[LastTask]) -> Sequence[Task]:
        """Finds what may be repeated: what its caller asked for itself, and did not fail.

        Where a connection has a last task of its own, only what was asked for over it.
        """
        recent = await self._store.page(request.owner, TaskQuery(since=time.time() - ADOPTED_FOR, limit=_RECENT))
        origin = _origin(request)
        own = f"/{origin.connection if origin.connection and not newest[0].is_elsewhere else origin.mark}/"
        return [
            task
            for task in recent
            if task.answer != "given" and own in task.asked_by and task.state not in (State.FAILED, State.CANCELLED)
        ]

    async def _meant_by(self, owner: Owner, earlier: Iterable[Task]) -> Sequence[LastTask]:
        """Returns the tasks that the callers of earlier ones meant by `last`."""
        ids = dict.fromkeys(task.meant_last for task in earlier if task.meant_last)
        found = [await self._store.find(owner, task_id) for task_id in ids]
        return [LastTask(task, is_elsewhere=False) for task in found if task is not None]

    async def _equal(
        self, request: GenerationRequest, meant: Iterable[LastTask], earlier: Iterable[Task], known: LastTask | None
    ) -> Sequence[Drafted]:
        """Drafts a request with each task that `last` may stand for, as far as that makes one of some earlier tasks."""
        prints = {task.fingerprint for task in earlier}
        drafts: dict[str, Drafted] = {}
        for last in meant:
            with suppress(InvalidInput):
                note = note_as_before(last, known)
                tasks = await self._drafts(with_last(request, last, note))
                if tasks[0].fingerprint in prints:
                    drafts.setdefault(tasks[0].fingerprint, Drafted(tasks, note))
        return tuple(drafts.values())

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
            model = self._catalog.only(request.owner.models).find(request.model, request.modality)
        except InvalidInput as error:
            raise InvalidInput((*request.problems, *error.problems)) from None
        checking = await checked(model, request, self._inputs, _TasksOf(self._store, request.owner, self._find_upload))
        inputs = checking.input.wire()
        account = await self._account(request.owner, model.gateway)
        now = time.time()
        task = Task(
            task_id=new_task_id(),
            owner=request.owner.name,
            gateway=model.gateway,
            base_url=account.base_url if account else "",
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
            notes=(*request.notes, *checking.notes, *told_once),
            meant_last=request.meant_last,
            heard_by="",
            estimate_usd=self._estimate(model, inputs, checking.seconds),
        )
        # A shape that was not asked for counts for nothing: an equal call may know more of its picture by then.
        asked_for = {name: value for name, value in inputs.items() if name != checking.kept}
        return replace(task, fingerprint=fingerprint(task, asked_for))

    async def _account(self, owner: Owner, gateway: str) -> Account | None:
        """Returns what a task is paid with, None where no key is set.

        Raises:
            SettingsError: the owner has a key of their own, and it cannot be read: nobody else's is taken in its place.
        """
        account = await self._payers.account(owner, gateway)
        if isinstance(account, NoKey):
            whose = f"The key that {owner.name} has for {GATEWAYS[gateway].title} cannot be used"
            raise SettingsError(f"{whose}: {account.why} Nothing was sent or charged.")
        return account

    def allows(self, models: tuple[str, ...], model: str) -> bool:
        """Tells whether somebody who may use some models may use this one (`tasks.ports.terms.Allows`)."""
        return self._catalog.allows(models, model)

    def forget_told(self) -> None:
        """Leaves out of further tasks what is told once: a task that tells it is paid for."""
        self._told_once = ()


def _singles(request: GenerationRequest) -> list[GenerationRequest]:
    """Returns a request for each prompt, or the only one."""
    arguments = [{**request.arguments, "prompt": prompt} for prompt in request.prompts]
    return [replace(request, prompts=(), arguments=given) for given in arguments] or [request]


def _origin(request: GenerationRequest) -> Origin:
    return request.origin or Origin(at=0.0, since=0.0)


def _meant(request: GenerationRequest, newest: Sequence[LastTask]) -> Meant:
    return meant_by(_origin(request).hearer, newest, time.time())


def _has_key_of_its_own(request: GenerationRequest) -> bool:
    """Tells whether its caller said itself what is the same."""
    return bool(request.idempotency_key) and not request.idempotency_key.startswith(INTERNAL_KEY)
