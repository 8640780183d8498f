"""Waits for tasks behind a progress bar, and stops those that were not sent."""

import time
from collections.abc import Callable, Sequence

import anyio

from apixo_mcp.app import App
from apixo_mcp.cli.terminal.bar import Bar
from apixo_mcp.cli.terminal.interrupts import leave_last_words
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.cli.waiting.outcome import lost_if_ended, say_what_stays
from apixo_mcp.cli.waiting.reasons import why
from apixo_mcp.errors import NotFound
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.tasks import structure_of

_LOOKED_AT_EVERY = 0.5
_NOBODY_FOLLOWS = 10.0  # seconds after which it is clear that no process moves on what is due


async def follow(app: App, tasks: Sequence[Task], *, until_sent: bool = False) -> list[Task]:
    """Waits until each task is settled, and says meanwhile why that takes long.

    Args:
        until_sent: wait only until the gateway has each, or it has ended.

    Raises:
        NotFound: no process follows one of them, and this one has not its key.
    """
    now = list(tasks)
    with Bar(_word(now)) as bar:
        while waiting := [task for task in now if _is_awaited(task, until_sent=until_sent)]:
            leave_last_words(lost_if_ended(now))
            await app.service.wait(waiting[0], _LOOKED_AT_EVERY)
            now = [await app.store.get(task.task_id) or task if task in waiting else task for task in now]
            workers = None if until_sent else app.engine.workers()  # what comes after that is told then
            reasons = [await _reason(app, task, workers) for task in now]
            bar.show(sum(_progress(app, task) for task in now) / len(now), _word(now), *reasons)
            _refuse_what_nobody_follows(app, now)
    return now


async def followed(app: App, task: Task, then: str = "") -> Task:
    """Waits until a task is settled; where that is interrupted, says how to go on."""
    try:
        [task] = await follow(app, [task])
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            task = await app.store.get(task.task_id) or task
        say_what_stays(app, task, then=then)
        raise
    return task


async def all_followed(app: App, tasks: Sequence[Task], then: str = "") -> list[Task]:
    """Waits until tasks are all settled; where that is interrupted, says of each how to go on."""
    if len(tasks) == 1:
        return [await followed(app, tasks[0], then)]
    try:
        return await follow(app, tasks) if tasks else []
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            for task in [await app.store.get(task.task_id) or task for task in tasks]:
                if not task.is_settled:
                    say_what_stays(app, task, which=f"{task.task_id}: ")
        raise


def _is_awaited(task: Task, *, until_sent: bool) -> bool:
    return not task.is_settled and not (until_sent and task.state is not State.SUBMITTING)


async def _reason(app: App, task: Task, workers: int | None) -> str:
    return why(
        task,
        time.time(),
        place=await app.service.place(task),
        paused=app.runner.paused(task.key_print),
        trouble=app.runner.trouble(task.key_print),
        is_ours=task.key_print in app.key_prints,
        missing=app.runner.missing(task.task_id),
        workers=workers,
        is_shared=bool(app.settings.database_url),
    )


def _progress(app: App, task: Task) -> float:
    return 1.0 if task.is_settled else float(structure_of(app, task).get("progress", 0.0))


def _word(tasks: Sequence[Task]) -> str:
    if len(tasks) == 1:
        is_saving = tasks[0].state is State.SUCCESS and not tasks[0].is_settled
        return "saving" if is_saving else str(tasks[0].state)
    return f"{sum(task.is_settled for task in tasks)} of {len(tasks)} done"


def _refuse_what_nobody_follows(app: App, tasks: Sequence[Task]) -> None:
    for task in tasks:
        is_ours = task.key_print in app.key_prints
        if not is_ours and not task.is_settled and (task.due is None or time.time() - task.due > _NOBODY_FOLLOWS):
            raise NotFound(
                f"Task {task.task_id} belongs to a key of {task.gateway} at {task.base_url} that is not set here, and "
                "no process follows it. Set that key and wait again; after a change of keys: apixo-mcp tasks rekey "
                f"{task.task_id}"
            )


async def stop_unsent(app: App, tasks: Sequence[Task], tell: Callable[[Task], None]) -> list[Task]:
    """Cancels what was not sent, and returns the tasks once it is certain what becomes of each.

    Args:
        tell: called with each as soon as that is certain: those on their way to the gateway come last.
    """
    now = list(tasks)
    with anyio.CancelScope(shield=True):
        now = [await _given_up(app, task) for task in tasks]
        on_their_way = [task for task in now if task.state is State.SUBMITTING]
        leave_last_words(lost_if_ended(now))
        for task in now:
            if task not in on_their_way:
                tell(task)
        if on_their_way:
            sent_at = max(task.sent_at or time.time() for task in on_their_way)
            last = sent_at + app.limits.timeouts.whole_submit - time.time()
            paid = "A paid request is" if len(on_their_way) == 1 else f"{len(on_their_way)} paid requests are"
            how_long = f"is waited for, at most {max(1, round(last))} s"
            say(f"{paid} on its way; its answer {how_long}. Ctrl-C once more ends at once.", err=True)
        for index, task in enumerate(now):
            while task.state is State.SUBMITTING:
                task = await _given_up(app, await app.service.wait(task, _LOOKED_AT_EVERY))
            if now[index] in on_their_way:
                tell(task)
            now[index] = task
            leave_last_words(lost_if_ended(now))
    return now


async def _given_up(app: App, task: Task) -> Task:
    """Returns the task as it is now: cancelled where it was not sent, else not sent once more if it fails."""
    return await app.service.cancel(LOCAL, task.task_id)
