"""The wait of a call for its task, and what its client hears meanwhile."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server.mcpserver import Context

from apixo_mcp.app import App
from apixo_mcp.server.caller import has_left, profile_of_caller
from apixo_mcp.server.profiles import Profile
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.several import are_settled, progress_words
from apixo_mcp.views.tasks import structure_of

FRESH = 1.5  # a call that comes so soon after the start has waited for the server to load, as a rule
SOME_WAIT = 0.5
NEARLY = 0.99  # the most that is shown of a task that is not settled


class Waiting:
    """The waiting of the calls of one running program.

    Args:
        app: the program.
        began: `time.monotonic()` since when a client may wait for it to be loaded; None where none does.
    """

    def __init__(self, app: App, began: float | None = None) -> None:
        self._app = app
        self._loaded_at = time.monotonic()  # it may be built before any event loop runs
        self._began = began

    def deadline(self, given: Mapping[str, Any], context: Context, *, made_since: float | None = None) -> float:
        """Returns until when a call may wait, by `time.monotonic()`.

        Args:
            given: the arguments of the call; `wait_seconds` says how long, where the caller knows better.
            made_since: when the call began, by that clock, where it makes something: a person who was asked first may
                have taken some time. None: it only asks.
        """
        now = time.monotonic()
        seconds = given.get("wait_seconds", -1)
        if seconds >= 0:
            return now + seconds
        since = now if made_since is None else made_since
        if self._began is not None and since < self._loaded_at + FRESH:
            since = self._began
        profile = profile_of_caller(context, self._app.settings)
        return deadline_of(profile, now=now, since=since, makes=made_since is not None)

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
        return await self._app.service.wait(task, seconds, tick, lambda: has_left(context))

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
        return await self._app.service.wait_for_all(tasks, seconds, tick, lambda: has_left(context))


def deadline_of(profile: Profile, *, now: float, since: float, makes: bool) -> float:
    """Returns until when a call waits that does not say it.

    Args:
        profile: of its client.
        now: the present, by any clock.
        since: when its client began to wait.
        makes: whether it makes something, or only asks.
    """
    most = profile.wait_seconds if makes or profile.check_seconds is None else profile.check_seconds
    return max(now + SOME_WAIT, since + most)


def progress_after(shown: float, progress: float) -> float:
    """Returns what is shown next of a task that runs: more than before, as the protocol asks, and below `NEARLY`."""
    return max(min(progress, NEARLY - 0.01), shown + (NEARLY - shown) * 0.01)
