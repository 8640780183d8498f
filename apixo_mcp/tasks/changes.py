"""The changes of tasks: written, told to waiters in this process, and told as facts to all who listen."""

import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager

import anyio

from apixo_mcp.tasks.keeping import put_aside
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import TERMINAL, FileState, State, Task
from apixo_mcp.telemetry.facts import (
    AttemptFailed,
    Fact,
    Finished,
    Saved,
    SaveFailed,
    SubmitAccepted,
    SubmitUnanswered,
    TaskRef,
    Telemetry,
)

log = logging.getLogger(__name__)

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,39}")
_NOT_SAVED = (FileState.FAILED, FileState.EXPIRED)

Listener = Callable[[Task], Awaitable[None]]
REREAD_EVERY = 0.5  # another process may have moved a task on


class Watching:
    """Hears of the changes of a task, for one who waits for them."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def hear(self) -> None:
        """Ends the wait, or the next one."""
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Returns once there was a change since the last wait, or after `seconds`."""
        with anyio.move_on_after(seconds):
            await self._changed.wait()
        self._changed = anyio.Event()


class Changes:
    """Writes the changes of tasks: waiters wake, and listeners are told.

    Attributes:
        reread_every: seconds after which whoever waits for a task reads it anew, whatever they hear.
    """

    def __init__(self, store: Store, telemetry: Telemetry) -> None:
        self.reread_every = REREAD_EVERY
        self._store = store
        self._telemetry = telemetry
        self._watching: defaultdict[str, set[Watching]] = defaultdict(set)
        self._listeners: list[Listener] = []
        self._elsewhere: list[Callable[[str], Awaitable[None]]] = []

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with every changed task."""
        self._listeners.append(listener)

    def listen_elsewhere(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Calls `listener` with the id of every task that another process changed, where that is heard of."""
        self._elsewhere.append(listener)

    async def hear(self, task_id: str) -> None:
        """Hears that another process changed a task, and told the facts of it: waiters wake, and read it anew."""
        self._wake(task_id)
        for listener in self._elsewhere:
            try:
                await listener(task_id)
            except Exception:
                log.exception("a listener failed; the task %s is as it is all the same", task_id)

    async def commit(self, before: Task, after: Task) -> Task | None:
        """Writes a change, and announces it. Files that came inside an answer are put aside first.

        Returns:
            The task as it is written; None where another process has moved it on.

        Raises:
            IdTaken: another row has the gateway's id that `after` takes; nothing is written.
        """
        after = await put_aside(self._store, after)
        if not await self._store.commit(before, after):
            log.info("task %s was moved on by another process", before.task_id)
            return None
        await self.announce(before, after)
        return after

    async def announce(self, before: Task, task: Task) -> None:
        """Emits the facts of a change that is stored, wakes whoever waits for this task, and calls the listeners."""
        for fact in facts_of(before, task):
            self._telemetry.emit(fact)
        self._wake(task.task_id)
        for listener in self._listeners:
            try:
                await listener(task)
            except Exception:
                log.exception("a listener failed; the task %s is stored all the same", task.task_id)

    def _wake(self, task_id: str) -> None:
        for watching in self._watching.get(task_id, ()):
            watching.hear()

    async def wait(self, task_id: str, seconds: float) -> None:
        """Returns at the next change of the task, or after `seconds`."""
        with self.watching(task_id) as watching:
            await watching.wait(seconds)

    @contextmanager
    def watching(self, task_id: str) -> Generator[Watching]:
        """Yields what hears of the changes of a task from now on, also of those between two waits."""
        watching, all_of_it = Watching(), self._watching[task_id]
        all_of_it.add(watching)
        try:
            yield watching
        finally:
            all_of_it.discard(watching)
            if not all_of_it:
                self._watching.pop(task_id, None)


def ref_of(task: Task) -> TaskRef:
    """Names a task for the facts about it."""
    return TaskRef(task.task_id, task.owner, task.model, task.gateway)


def facts_of(before: Task, after: Task) -> Iterator[Fact]:
    """Tells what a change amounts to, where it is more than another poll."""
    ref = ref_of(after)
    if before.state is State.SUBMITTING and len(after.attempts) > len(before.attempts):
        kind = SubmitAccepted if after.remote_id or after.state is State.SUCCESS else SubmitUnanswered
        took = _seconds(before.sent_at or after.attempts[-1].sent_at, after.updated_at)
        yield kind(ref, plain_code(after.remote_id), took, after.estimate_usd)
    if before.state is not State.SUBMITTING and after.state is State.SUBMITTING:
        yield AttemptFailed(ref, _error(after), len(after.attempts))
    if after.state is not before.state and after.state in (*TERMINAL, State.UNKNOWN):
        took = _seconds(after.created_at, after.completed_at or after.updated_at)
        ended = Finished(ref, str(after.state), took, max(before.polls, after.polls))
        if after.state is State.SUCCESS:
            yield ended._replace(results=len(after.results))
        elif after.failure is not None and after.state is not State.CANCELLED:
            yield ended._replace(error=_error(after), charged=after.failure.charged)
        else:
            yield ended
    earlier = {result.index: result for result in before.results}
    for result in after.results:
        old = earlier.get(result.index)
        if result.file is FileState.SAVED and (old is None or old.file is not FileState.SAVED):
            took = _seconds(after.completed_at, after.updated_at) if after.completed_at is not None else None
            yield Saved(ref, result.index, result.bytes, result.mime_type, took)
        elif result.file in _NOT_SAVED and (old is None or result.tries > old.tries):
            yield SaveFailed(ref, result.index, str(result.file), result.tries)


def _seconds(start: float, end: float) -> float:
    return round(max(0.0, end - start), 3)


def _error(task: Task) -> str:
    return plain_code(task.failure.code) if task.failure else ""


def plain_code(code: str) -> str:
    """Returns a code or an id of a gateway, if it looks like one."""
    return code.replace(" ", "_") if _CODE.fullmatch(code) else "(odd)" if code else ""
