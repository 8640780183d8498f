"""What the tools and the command line do with the tasks that there are."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack

import anyio

from apixo_mcp.errors import CallerLeft, NotFound
from apixo_mcp.foreign import shorten
from apixo_mcp.generation import NextAction
from apixo_mcp.tasks.asking.last import LastTask, last_tasks
from apixo_mcp.tasks.changes import Changes, Watching
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.leases import APART_AT_MOST
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FOLLOWED, TERMINAL, FileState, Result, State, Task
from apixo_mcp.tasks.transitions import files
from apixo_mcp.tasks.transitions.context import Contexts

FAR_OFF = 2 * 3600.0  # beyond every wait between two polls
INDEXED_AT_ONCE = 200  # prompts: some 30 ms
TICK_EVERY = 4.0  # between two signs of life to a waiting client


Tick = Callable[[Task], Awaitable[None]]


class Service:
    """The tasks that there are: looked up, waited for, cancelled, and their files saved again."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        changes: Changes,
        contexts: Contexts,
        is_there: Callable[[Result], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._engine = engine
        self._changes = changes
        self._contexts = contexts
        self._is_there = is_there

    async def find(self, owner: Owner, any_id: str) -> Task:
        """Finds the owner's task with this id, ours or the gateway's.

        Raises:
            NotFound: there is none.
        """
        # A shell or a client may give half a character, which no id holds and no store takes.
        task = await self._store.find(owner, any_id.strip().encode(errors="replace").decode())
        if task is None:
            raise NotFound(f"There is no task {shorten(any_id)}.", next_action=NextAction.SEE_TASKS)
        return task

    async def get(self, task_id: str) -> Task | None:
        """Returns the task with this id of ours, whoever owns it: for what no caller names."""
        return await self._store.get(task_id)

    async def last(self, owner: Owner, connection: str, *, with_results: bool = False) -> LastTask:
        """Finds the newest task of a connection, else of its owner.

        Raises:
            NotFound: there is none.
        """
        if last := await last_tasks(self._store, owner, connection, with_results=with_results, limit=1):
            return last[0]
        raise NotFound(f"There is no task {'with results ' if with_results else ''}yet.")

    async def check(self, owner: Owner, any_id: str, *, save: bool = True) -> Task:
        """Finds the owner's task; one whose polling was given up is polled once more.

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
        """Waits until a task is settled, for at most so many seconds, and returns it as it is then.

        Args:
            tick: called at each change and at least every 5 s.
            has_left: whether the caller has gone, where that is not told by a cancelled call.

        Raises:
            CallerLeft: nobody waits any more.
        """

        async def tell(tasks: Sequence[Task]) -> None:
            if tick is not None:
                await tick(tasks[0])

        return (await self.wait_for_all([task], seconds, tell, has_left))[0]

    async def wait_for_all(
        self,
        tasks: Sequence[Task],
        seconds: float,
        tick: Callable[[Sequence[Task]], Awaitable[None]],
        has_left: Callable[[], Awaitable[bool]] | None = None,
    ) -> list[Task]:
        """Waits until tasks are all settled, for at most so many seconds, and returns them as they are then.

        Args:
            tasks: in any state.
            seconds: for all of them together.
            tick: called with all at each change and at least every 5 s.
            has_left: whether the caller has gone, where that is not told by a cancelled call.

        Raises:
            CallerLeft: nobody waits any more.
        """
        now = list(tasks)
        deadline = anyio.current_time() + seconds
        ticked = anyio.current_time()
        watched, watching = "", Watching()
        with ExitStack() as stack:
            while (waiting := [task for task in now if not task.is_settled]) and (
                left := deadline - anyio.current_time()
            ) > 0:
                if waiting[0].task_id == watched:
                    before_tick = max(0.0, ticked + TICK_EVERY - anyio.current_time())
                    await watching.wait(min(left, self._changes.reread_every, before_tick))
                else:  # it may have changed before it was watched: it is read first
                    stack.close()
                    watched = waiting[0].task_id
                    watching = stack.enter_context(self._changes.watching(watched))
                if has_left is not None and await has_left():
                    raise CallerLeft("The connection ended; the task goes on.")
                before = [(task.state, task.is_settled) for task in now]
                now = [task if task.is_settled else await self._store.get(task.task_id) or task for task in now]
                moved = [(task.state, task.is_settled) for task in now] != before
                if moved or anyio.current_time() - ticked >= TICK_EVERY:
                    ticked = anyio.current_time()
                    await tick(now)
        return now

    async def place(self, task: Task) -> int:
        """Counts the tasks that are to be sent before this one; 0 for one that is sent."""
        return await self._store.place(task) if task.is_unsent else 0

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

    async def page(self, owner: Owner, query: TaskQuery = TaskQuery()) -> Sequence[Task]:
        """Lists the owner's tasks, newest first."""
        page = await self._store.page(owner, query)
        if query.words or query.like:
            await self._store.index_some(INDEXED_AT_ONCE)  # whoever searches makes the next search quicker
        return page

    async def save_again(self, task: Task) -> Task:
        """Begins once more to save each file of a finished task that is not where it should be."""
        if task.state is not State.SUCCESS or task.lease_until:  # leased: it is being saved, or will be after that
            return task
        saved = [result for result in task.results if result.file is FileState.SAVED]
        missing = [result.index for result in saved if not await self._is_there(result)]
        again = files.save_again(task, missing, self._contexts.of(task))
        if again is task or not await self._store.commit(task, again):
            return task
        self._engine.wake(task.task_id, time.time())
        return again
