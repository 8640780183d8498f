"""Waits for tasks behind a progress bar, and says what became of them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio

from apixo_mcp.app import App
from apixo_mcp.cli.bar import Bar
from apixo_mcp.cli.interrupts import leave_last_words
from apixo_mcp.cli.reasons import why
from apixo_mcp.cli.terminal import say
from apixo_mcp.errors import NotFound
from apixo_mcp.server.tools.results import structure_of
from apixo_mcp.tasks.task import FOLLOWED, FileState, State, Task
from apixo_mcp.views.copies import copied
from apixo_mcp.views.faces import SHELL, advice_of
from apixo_mcp.views.tasks import sentence, to_fetch_again

LOOKED_AT_EVERY = 0.5
NOBODY_FOLLOWS = 10.0  # seconds after which it is clear that no process moves on what is due


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
            await app.service.wait(waiting[0], LOOKED_AT_EVERY)
            now = [await app.store.get(task.task_id) or task if task in waiting else task for task in now]
            reasons = [await _reason(app, task) for task in now]
            bar.show(sum(_progress(app, task) for task in now) / len(now), _word(now), *reasons)
            _refuse_what_nobody_follows(app, now)
    return now


def _is_awaited(task: Task, *, until_sent: bool) -> bool:
    return not task.is_settled and not (until_sent and task.state is not State.SUBMITTING)


async def _reason(app: App, task: Task) -> str:
    return why(
        task,
        time.time(),
        place=await app.service.place(task),
        paused=app.runner.paused(task.key_print),
        trouble=app.runner.trouble(task.key_print),
        is_ours=task.key_print in app.key_prints,
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
        if not is_ours and not task.is_settled and (task.due is None or time.time() - task.due > NOBODY_FOLLOWS):
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
        now = [await _unless_sent(app, task) for task in tasks]
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
                task = await _unless_sent(app, await app.service.wait(task, LOOKED_AT_EVERY))
            if now[index] in on_their_way:
                tell(task)
            now[index] = task
            leave_last_words(lost_if_ended(now))
    return now


async def _unless_sent(app: App, task: Task) -> Task:
    """Returns the task as it is now, cancelled where it was not sent."""
    task = await app.store.get(task.task_id) or task
    is_unsent = task.state is State.SUBMITTING and task.sent_at is None
    return await app.service.cancel(task.owner, task.task_id) if is_unsent else task


def lost_if_ended(tasks: Sequence[Task]) -> str:
    """Says what an end at once leaves uncertain, and how each task is settled then."""
    lines = [
        f"Task {task.task_id} may have reached {task.gateway}, and may have been charged. What became of it: "
        f"apixo-mcp tasks wait {task.task_id}\nWhere its answer was lost: {_to_settle(task)}"
        for task in tasks
        if task.state is State.SUBMITTING
    ]
    lines += [
        f"Task {task.task_id} was sent and is paid for: {_to_wait(task)}" for task in tasks if task.state in FOLLOWED
    ]
    return "\n".join(("Ended at once.", *lines))


def say_what_stays(app: App, task: Task, *, which: str = "", then: str = "", err: bool = False) -> None:
    """Says what becomes of a task, and of its money, that is waited for no longer.

    Args:
        which: names it where there are several, at the beginning of a sentence.
        then: the command that goes on with it; by default the one that waits.
        err: whether that command goes to standard error too.
    """
    match task.state:
        case State.CANCELLED:
            say(f"{which}Stopped before it was sent: nothing was charged.", err=True)
        case State.SUBMITTING | State.PENDING | State.PROCESSING:
            whose = "a worker" if app.settings.linger else "the next server, or apixo-mcp worker,"
            if task.state is State.SUBMITTING:
                say(f"{which}The task is kept, not sent yet; {whose} goes on with it. To wait for it:", err=True)
            else:
                paid = f"{which}The task is kept. It was sent and is paid for"
                say(f"{paid}; {whose} follows it and saves its files. To wait for it:", err=True)
            say(then or f"apixo-mcp tasks wait {task.task_id}", err=err)
        case _:
            is_saving = task.state is State.SUCCESS and not task.is_settled
            said = "The task is kept. It is done and paid for; its files are still being saved. To wait for them:"
            say(f"{which}{said if is_saving else sentence(task)}", err=True)
            if is_saving or task.state is State.UNKNOWN:
                say(_to_settle(task) if task.state is State.UNKNOWN else then or _to_wait(task), err=err)


def _to_wait(task: Task) -> str:
    return f"apixo-mcp tasks wait {task.task_id}"


def _to_settle(task: Task) -> str:
    return f"apixo-mcp tasks resolve {task.task_id} --remote-id ID   if the dashboard has it, else --never-ran"


async def placed(app: App, task: Task, folder: Path | None) -> Task:
    """The task with its saved files copied into a folder, which need not be an allowed one: a person names it.

    Raises:
        MediaError: a file is no longer there, or the disk refuses.
    """
    return task if folder is None or task.state is not State.SUCCESS else await copied(app, task, folder)


def is_well(task: Task) -> bool:
    """Whether a task has not failed, and no file of it could not be saved."""
    lost = [result for result in task.results if result.file in (FileState.FAILED, FileState.EXPIRED)]
    return task.state in (State.SUCCESS, State.SUBMITTING, *FOLLOWED) and not lost


def tell(task: Task) -> None:
    """Prints what became of a task: the paths of its files on standard output, all else on standard error."""
    if task.state is State.SUCCESS:
        for result in task.results:
            say(result.path or result.shown_url or result.asset_id)
            if result.problem:
                say(f"  {result.problem}", err=True)
        if not is_well(task):
            say(f"{to_fetch_again(task, SHELL)}.", err=True)
        return
    say(sentence(task), err=True)
    if task.state in (State.SUBMITTING, State.PENDING, State.PROCESSING):
        say(_to_wait(task))
        return
    if task.failure:
        say(advice_of(task.failure, SHELL, task.task_id), err=True)
    if task.state is State.UNKNOWN:
        say(_to_settle(task))


def report(task: Task) -> None:
    """Prints what became of a task; ends with 1 where it failed, or a file of it could not be saved."""
    tell(task)
    if not is_well(task):
        raise SystemExit(1)
