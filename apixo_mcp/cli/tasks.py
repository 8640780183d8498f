"""`tasks`: look after earlier and running tasks."""

import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import anyio
import click

from apixo_mcp.app import App
from apixo_mcp.cli.folders import in_command, made
from apixo_mcp.cli.following import follow, placed, report, say_what_stays
from apixo_mcp.cli.run import with_app
from apixo_mcp.cli.start import errors_told
from apixo_mcp.cli.terminal import laid_out, say, say_json, width_of
from apixo_mcp.cli.words import on_one_line
from apixo_mcp.errors import InvalidInput, NotFound
from apixo_mcp.server.caller import LOCAL
from apixo_mcp.server.tools.results import structure_of
from apixo_mcp.tasks.settlement import Reread
from apixo_mcp.tasks.task import FOLLOWED, TERMINAL, State, Task
from apixo_mcp.views.faces import SHELL, error_text


def list_tasks(state: str, limit: int) -> None:
    """Prints a line a task, newest first."""
    if state and state not in set(State):
        raise click.BadParameter(f"{state!r} is not one of {', '.join(State)}", param_hint="--state")

    async def work(app: App) -> Sequence[Task]:
        return await app.service.page(LOCAL, state=State(state) if state else None, limit=limit)

    tasks = with_app(work)
    columns = width_of(sys.stdout) if sys.stdout.isatty() else None
    for task in tasks:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(task.created_at))
        prompt = on_one_line(task.prompt[:60])
        say(laid_out((task.task_id, when, f"{task.state:<10}", on_one_line(task.model), prompt), columns))
    if not tasks:
        say(f"No task is in state {state}." if state else "There are no tasks yet.", err=True)


def show_task(task_id: str) -> None:
    """The task's structure as JSON."""

    async def work(app: App) -> dict[str, Any]:
        return structure_of(app, await app.service.find(LOCAL, task_id), face=SHELL)

    say_json(with_app(work))


def wait_for(task_id: str) -> None:
    """Follows a task to its end."""

    async def work(app: App) -> Task:
        return await _followed(app, await app.service.check(LOCAL, task_id))

    report(with_app(work, follow=True))


async def _followed(app: App, task: Task, then: str = "") -> Task:
    """Waits for a task; where that is interrupted, says how to go on."""
    try:
        [task] = await follow(app, [task])
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            task = await app.store.get(task.task_id) or task
        say_what_stays(app, task, then=then)
        raise
    return task


def download(task_id: str, directory: str | None) -> None:
    """Saves what is not saved, and copies everything into `directory` if one is given."""
    with errors_told():
        folder = made(directory) if directory else None

    async def work(app: App) -> Task:
        task = await app.service.check(LOCAL, task_id)
        then = f"apixo-mcp tasks download {task.task_id} {in_command(directory)}" if directory else ""
        return await placed(app, await _followed(app, task, then), folder)

    report(with_app(work, follow=True))


def resolve(task_id: str, remote_id: str | None, *, wait: bool) -> None:
    """Settles a task in state unknown, and follows it if the gateway has it."""

    async def work(app: App) -> tuple[Task, bool]:
        task = await app.settlement.resolve(await app.service.find(LOCAL, task_id), remote_id)
        is_ours = task.key_print in app.key_prints
        if wait and remote_id is not None and is_ours:
            task = await _followed(app, task)
        return task, is_ours

    task, is_ours = with_app(work, follow=wait and remote_id is not None, lingers=True)
    if remote_id is None:
        say("It is settled: failed, for it never ran. The same request can be made anew.")
    elif not is_ours:
        say(f"Its key is not set here: a server with that key for {task.base_url} follows it.", err=True)
    else:
        report(task)


def reread_answer(task_id: str, *, wait: bool) -> None:
    """Reads the answer anew that named no result, and saves what is found in it."""

    async def work(app: App) -> Reread:
        found = await app.settlement.reread(await app.service.find(LOCAL, task_id))
        if not found.told and wait:
            return replace(found, task=await _followed(app, found.task))
        return found

    found = with_app(work, follow=wait)
    if not found.told:
        report(found.task)
        return
    if found.raw:
        say(found.raw)
    say(f"Nothing was changed: {found.told}.", err=True)
    if found.raw:
        say("Above is the answer that is kept. A later version may be able to read it.", err=True)
    raise SystemExit(1)


def rekey(task_ids: Sequence[str]) -> None:
    """Moves tasks to the key that is set now, a line each; every one of another key where none is named."""

    async def work(app: App) -> list[bool]:
        moved: list[bool] = []
        for task_id in task_ids or [task.task_id async for task in _of_other_keys(app)]:
            try:
                task = await app.settlement.rekey(await app.service.find(LOCAL, task_id))
                say(f"{task.task_id}  {task.state:<10}  moved to the key that is set now")
                moved.append(True)
            except InvalidInput as error:
                say(f"{task_id}  not moved: {'; '.join(problem.allowed for problem in error.problems)}")
                moved.append(False)
            except NotFound as error:
                say(f"{task_id}  not moved: {error_text(error, SHELL)}")
                moved.append(False)
        return moved

    moved = with_app(work, lingers=True)
    if any(moved):
        say("A worker or a server goes on with what was moved; or here: apixo-mcp worker", err=True)
    if not all(moved):
        raise SystemExit(1)
    if not moved:
        say("Every open task belongs to a key that is set here.", err=True)


async def _of_other_keys(app: App) -> AsyncIterator[Task]:
    """The open tasks that no key of this process belongs to."""
    last = ""
    while page := await app.store.dump(last):
        last = page[-1].task_id
        for task in page:
            is_open = task.state in (State.SUBMITTING, *FOLLOWED) or (task.due is not None and not task.is_confirming)
            if is_open and task.owner == LOCAL and task.key_print not in app.key_prints:
                yield task


def cancel(task_id: str) -> None:
    """Cancels a task that was not sent yet."""

    async def work(app: App) -> Task:
        return await app.service.cancel(LOCAL, task_id)

    task = with_app(work)
    if task.state is State.CANCELLED:
        say("Cancelled; nothing was sent or charged.")
    elif task.state in TERMINAL:
        say(f"It had ended already, in state {task.state}; nothing was changed.", err=True)
        report(task)
    elif task.cancel_requested and task.state is not State.UNKNOWN:
        say("It was already sent and is paid for, so it runs on and its files will be saved.")
    else:
        report(task)
