"""What a person tells about a task: what became of its submit, or that its API key was changed."""

import re
import time
from dataclasses import dataclass, replace

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.gateways.gateway import EMPTY_RESULT, Failed, NoAnswer, Polled, Succeeded
from apixo_mcp.tasks.accounts import Account, Accounts, NoKey, Payers
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.keeping import ANSWER, keep_answer, put_aside
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import IdTaken, Store
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions import polls, submits
from apixo_mcp.tasks.transitions.context import Contexts

_REMOTE_ID = re.compile(r"[!-~]{1,200}")  # no space, nothing that does not print


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of reading an answer anew.

    Attributes:
        task: as it is now: a success where its results were found.
        told: why it is not.
        raw: the answer itself then, for the reader's own eyes.
    """

    task: Task
    told: str = ""
    raw: str = ""


class Settlement:
    """Settles tasks in state `unknown`, and moves tasks to another key."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        payers: Payers,
        contexts: Contexts,
        engine: Engine,
        changes: Changes,
    ) -> None:
        self._payers = payers
        self._store = store
        self._accounts = accounts
        self._contexts = contexts
        self._engine = engine
        self._changes = changes

    async def resolve(self, task: Task, remote_id: str | None) -> Task:
        """Settles a task as somebody found it at the gateway.

        Args:
            task: in state `unknown`.
            remote_id: the gateway's id for it; None where it never ran.

        Raises:
            InvalidInput: its state is another, or the id is not its own.
        """
        if task.state is not State.UNKNOWN:
            allowed = f"only a task in state unknown can be resolved, and this one's is {task.state}"
            raise InvalidInput([Problem("task_id", task.task_id, allowed)])
        if remote_id is not None:
            remote_id = remote_id.strip()
            if problem := await self._wrong_id(task, remote_id):
                raise InvalidInput([Problem("remote_id", shorten(remote_id), problem)])
        after = submits.resolved_by_person(task, remote_id or "", self._contexts.of(task))
        try:
            written = await self._changes.commit(task, after)
        except IdTaken as error:
            raise InvalidInput([Problem("remote_id", shorten(remote_id or ""), _taken(task, error))]) from None
        if written is None:
            return await self.resolve(await self._store.get(task.task_id) or task, remote_id)  # it has moved meanwhile
        return self._going_on(written)

    async def _wrong_id(self, task: Task, remote_id: str) -> str:
        """Tells why this is not the gateway's id of the task: a wrong one would be followed for a day."""
        if not _REMOTE_ID.fullmatch(remote_id):
            return "must be the gateway's task id, as its dashboard shows it"
        if other := await self._store.holder(task, remote_id):
            return _taken(task, other)
        account = self._accounts.held(task.key_print)
        return await _unconfirmed(account, task, remote_id) if account is not None else ""

    async def reread(self, task: Task, owner: Owner) -> Reread:
        """Reads the answer anew that named no result when the task ended, and asks the gateway where that is of no use.

        Raises:
            InvalidInput: the task did not end so, or no key is set here for its gateway.
        """
        if task.state is not State.FAILED or task.failure is None or task.failure.code != EMPTY_RESULT:
            ended = f"{task.state}, {task.failure.code}" if task.failure else str(task.state)
            allowed = f"only a task that failed with {EMPTY_RESULT} can be read anew, and this one's state is {ended}"
            raise InvalidInput([Problem("task_id", task.task_id, allowed)])
        account = self._accounts.held(task.key_print) or await self._payers.account(owner, task.gateway)
        if not isinstance(account, Account):
            raise InvalidInput([Problem("task_id", task.task_id, f"no key is set here for {task.gateway}")])
        raw = await self._store.kept(task.task_id, ANSWER)
        poll = account.gateway.read_again(raw, task.inputs) if raw else None
        told = "the kept answer names no result" if raw else "no answer is kept"
        if not isinstance(poll, Succeeded) and account.key_print == task.key_print:
            poll = await account.gateway.poll(task.wire_model, task.remote_id, inputs=task.inputs)
            if isinstance(poll, Failed) and poll.raw:
                raw = poll.raw
                await keep_answer(self._store, task, raw)
            told += f", and the gateway, asked again, {_told_by(poll)}"
        if not isinstance(poll, Succeeded):
            return Reread(task, told, raw or "")
        after = await put_aside(self._store, polls.reread(task, poll, self._contexts.of(task)))
        if not await self._store.reread(task, after):
            return await self.reread(await self._store.get(task.task_id) or task, owner)  # it has moved meanwhile
        await self._changes.announce(task, after)
        return Reread(self._going_on(after))

    async def rekey(self, task: Task, owner: Owner) -> Task:
        """Goes on with a task by the key that is set now for its gateway, in place of the one it was sent with.

        Args:
            task: still open.
            owner: whose it is: where they have a key of their own, it is that one.

        Raises:
            InvalidInput: it has ended, no other key is set for its gateway's address, or that key does not see it.
        """
        account = await self._payers.account(owner, task.gateway)
        problem = ""
        if isinstance(account, NoKey):
            problem = account.why.rstrip(".")
        elif account is None or account.base_url != task.base_url:
            problem = f"no key is set here for {task.gateway} at {task.base_url}"
        elif account.key_print == task.key_print:
            problem = "its key is the one that is set here"
        elif not task.remote_id or (task.due is None and task.state not in FOLLOWED):
            problem = (
                f"only a task that the gateway has and that is not finished can be moved; its state is {task.state}"
            )
        elif task.state in FOLLOWED:
            problem = await _unconfirmed(account, task, task.remote_id)
        if problem or not isinstance(account, Account):
            raise InvalidInput([Problem("task_id", task.task_id, problem)])
        now = time.time()
        after = replace(task, key_print=account.key_print, due=now, updated_at=now, tries=0, failure=None)
        written = await self._changes.commit(task, after)
        if written is None:
            return await self.rekey(await self._store.get(task.task_id) or task, owner)  # it has moved meanwhile
        return self._going_on(written)

    def _going_on(self, task: Task) -> Task:
        if task.due is not None:
            self._engine.wake(task.task_id, task.due)
        return task


def _taken(task: Task, taken: IdTaken) -> str:
    return f"is the id of task {taken.task_id}" if taken.owner == task.owner else "is the id of another task"


def _told_by(polled: Polled) -> str:
    if isinstance(polled, NoAnswer):
        return f"did not tell ({polled.reason})"
    if isinstance(polled, Failed) and polled.failure.code != EMPTY_RESULT:
        return f"says that it failed ({polled.failure.code}: {polled.failure.message})"
    return "names none either" if isinstance(polled, Failed) else "says that it still runs"


async def _unconfirmed(account: Account, task: Task, remote_id: str) -> str:
    """Tells why the gateway does not confirm that it has a task under this id, empty where it does."""
    polled = await account.gateway.poll(task.wire_model, remote_id, inputs=task.inputs)
    if isinstance(polled, NoAnswer):
        return f"the gateway does not confirm it, so nothing was changed ({polled.reason})"
    return ""
