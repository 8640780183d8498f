"""`tasks`: look after earlier and running tasks."""

import json
import time
from dataclasses import replace

import click

from apixo_mcp.app import App
from apixo_mcp.cli.generate import FOR_EVER, follow, report
from apixo_mcp.cli.run import OWNER, with_app
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.server.tools import Tools
from apixo_mcp.tasks.task import FileState, State, Task


def show_list(state: str, limit: int) -> None:
    """A line a task, newest first."""

    async def work(app: App) -> None:
        if state and state not in set(State):
            raise InvalidInput([Problem("--state", state, f"must be one of {', '.join(State)}")])
        for task in await app.service.page(OWNER, state=State(state) if state else None, limit=limit):
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(task.created_at))
            click.echo(f"{task.task_id}  {when}  {task.state:<10}  {task.model}  {task.prompt[:60]}")

    with_app(work)


def show_one(task_id: str) -> None:
    """The task's structure as JSON."""

    async def work(app: App) -> None:
        structure = Tools(app).structure(await app.service.find(OWNER, task_id))
        click.echo(json.dumps(structure, indent=2, ensure_ascii=False))

    with_app(work)


def wait_for(task_id: str) -> None:
    """Follows a task to its end."""

    async def work(app: App) -> Task:
        return await follow(app, await app.service.check(OWNER, task_id))

    report(with_app(work, follow=True))


def download(task_id: str, directory: str | None) -> None:
    """Saves what is not saved, and copies everything into `directory` if one is given."""

    async def work(app: App) -> Task:
        task = await app.service.check(OWNER, task_id)
        task = await app.service.save_again(task)
        task = await app.service.wait(task, FOR_EVER)
        if directory is None or task.state is not State.SUCCESS:
            return task
        folder = app.roots.writable_dir(directory)
        results = [
            replace(result, path=str(await app.saver.copy(task, result, folder)))
            if result.file is FileState.SAVED
            else result
            for result in task.results
        ]
        return replace(task, results=tuple(results))

    report(with_app(work, follow=True))


def resolve(task_id: str, remote_id: str | None, *, wait: bool) -> None:
    """Settles a task in state unknown, and follows it if the gateway has it."""

    async def work(app: App) -> tuple[Task, bool]:
        task = await app.service.resolve(OWNER, task_id, remote_id)
        is_ours = task.key_print in app.key_prints
        if wait and remote_id is not None and is_ours:
            task = await follow(app, task)
        return task, is_ours

    task, is_ours = with_app(work, follow=wait and remote_id is not None)
    if remote_id is None:
        click.echo("It is settled: failed, for it never ran. The same request can be made anew.")
    elif not is_ours:
        click.echo(f"Its key is not set here: a server with that key for {task.base_url} follows it.", err=True)
    else:
        report(task)


def cancel(task_id: str) -> None:
    """Cancels a task that was not sent yet."""

    async def work(app: App) -> Task:
        return await app.service.cancel(OWNER, task_id)

    task = with_app(work)
    if task.state is State.CANCELLED:
        click.echo("Cancelled; nothing was sent or charged.")
    elif task.cancel_requested:
        click.echo("It was already sent and is paid for, so it runs on and its files will be saved.")
    else:
        report(task)
