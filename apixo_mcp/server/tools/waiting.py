"""The wait of a call for its task, and what its client hears meanwhile."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from apixo_mcp.app import App
from apixo_mcp.server.caller import has_left, origin_of, profile_of_caller
from apixo_mcp.server.tools.learning import Learning
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.sentences import WAITS_ITSELF
from apixo_mcp.views.several import are_settled, progress_words
from apixo_mcp.views.tasks import structure_of

SOME_WAIT = 0.5
LONGEST_WISH = 50.0  # the most that `wait_seconds` takes
NEARLY = 0.99  # the most that is shown of a task that is not settled


class Waiting:
    """The waiting of the calls of one running program."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._learning = Learning()
        self._waits: set[anyio.CancelScope] = set()
        self._has_ended = False

    def end(self) -> None:
        """Ends every wait, and each that begins from now on: this program ends, and tells how far the tasks are."""
        self._has_ended = True
        for scope in self._waits:
            scope.cancel()

    @contextmanager
    def _until_the_end(self) -> Generator[None]:
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                if self._has_ended:
                    scope.cancel()
                yield
            finally:
                self._waits.discard(scope)

    def deadline(
        self, given: Mapping[str, Any], context: Context, tasks: Sequence[Task], *, makes: bool = False
    ) -> float:
        """Returns until when a call may wait, by `time.monotonic()`.

        Args:
            given: the arguments of the call; `wait_seconds` says how long, where the caller knows better.
            context: of the call: the server may have been loading since it came, or a person have been asked.
            tasks: that it waits for.
            makes: whether it makes something, or only asks. What is made must not be asked for again by a client that
                gave up: it never waits for longer than its client bears, whatever the call says.
        """
        origin, profile = self._origin(context), profile_of_caller(context, self._app.settings)
        patience = self._learning.of(origin, (task.task_id for task in tasks), inherits=profile.grows)
        wish: float = given.get("wait_seconds", -1)
        asks = patience.bound if wish >= 0 else patience.asks(profile)
        most = patience.makes(profile) if makes else asks
        return deadline_of(most, now=time.monotonic(), since=origin.since, wish=wish)

    def next_wait(self, context: Context) -> float:
        """Returns for how many seconds the next question of a caller will wait by itself, as far as is known of it.

        Returns:
            0 where that is short, and it would not wait longer either if it were asked to.
        """
        profile = profile_of_caller(context, self._app.settings)
        patience = self._learning.of(self._origin(context), inherits=profile.grows)
        waits = patience.asks(profile)
        return waits if waits >= WAITS_ITSELF or patience.bound >= LONGEST_WISH else 0.0

    def _origin(self, context: Context) -> Origin:
        return origin_of(context, self._app.delivery.process)

    def _learns(self, tasks: Sequence[Task], context: Context) -> AbstractContextManager[None]:
        profile = profile_of_caller(context, self._app.settings)
        return self._learning.wait(self._origin(context), (task.task_id for task in tasks), inherits=profile.grows)

    async def settled(self, task: Task, deadline: float, context: Context) -> Task:
        """Waits for a task to settle, and returns it, or as it is at the deadline.

        Raises:
            CallerLeft: nobody waits any more.
        """
        shown = 0.0

        async def tick(now: Task) -> None:
            nonlocal shown
            structure = structure_of(self._app, now)
            shown = 1.0 if now.is_settled else progress_after(shown, float(structure.get("progress", 0)))
            eta = f", about {structure['eta_seconds']} s to go" if "eta_seconds" in structure else ""
            is_saving = now.state is State.SUCCESS and not now.is_settled
            await context.report_progress(shown, 1.0, "saving" if is_saving else f"{now.state}{eta}")

        seconds = max(0.0, deadline - time.monotonic())
        with self._learns([task], context):
            with self._until_the_end():
                return await self._app.service.wait(task, seconds, tick, lambda: has_left(context))
            return await self._now(task)

    async def all_settled(self, tasks: Sequence[Task], deadline: float, context: Context) -> list[Task]:
        """Waits for tasks to settle all, and returns them, or as they are at the deadline.

        Raises:
            CallerLeft: nobody waits any more.
        """
        shown = 0.0

        async def tick(now: Sequence[Task]) -> None:
            nonlocal shown
            each = [1.0 if task.is_settled else structure_of(self._app, task).get("progress", 0.0) for task in now]
            shown = 1.0 if are_settled(now) else progress_after(shown, sum(each) / len(each))
            await context.report_progress(shown, 1.0, progress_words(now))

        seconds = max(0.0, deadline - time.monotonic())
        with self._learns(tasks, context):
            with self._until_the_end():
                return await self._app.service.wait_for_all(tasks, seconds, tick, lambda: has_left(context))
            return [await self._now(task) for task in tasks]

    async def _now(self, task: Task) -> Task:
        return await self._app.store.get(task.task_id) or task


def deadline_of(most: float, *, now: float, since: float, wish: float = -1) -> float:
    """Returns until when a call waits.

    Args:
        most: for how many seconds its client bears it.
        now: the present, by any clock.
        since: when its client began to wait.
        wish: for how many seconds the call says it may wait; less than 0: it does not say it.
    """
    borne = max(now + SOME_WAIT, since + most)
    return borne if wish < 0 else min(now + wish, borne)


def progress_after(shown: float, progress: float) -> float:
    """Returns what is shown next of a task that runs: more than before, as the protocol asks, and below `NEARLY`."""
    return max(min(progress, NEARLY - 0.01), shown + (NEARLY - shown) * 0.01)
