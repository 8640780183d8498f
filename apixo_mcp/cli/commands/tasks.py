"""`tasks list`, `show`, `wait`, `download` and `cancel`: looks after earlier and running tasks."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.requests.folders import made
from apixo_mcp.cli.terminal.printing import say, say_json, width_of
from apixo_mcp.cli.terminal.text import laid_out, on_one_line
from apixo_mcp.cli.waiting.follow import followed
from apixo_mcp.cli.waiting.outcome import is_well, placed, report, to_download
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import TERMINAL, State, Task
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.tasks import structure_of


@click.command("list")
@click.option("--state", default="", help="Only this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def list_all(state: str, limit: int) -> None:
    """List tasks, newest first."""
    if state and state not in set(State):
        raise click.BadParameter(f"{state!r} is not one of {', '.join(State)}", param_hint="--state")

    async def work(app: App) -> Sequence[Task]:
        return await app.service.page(LOCAL, state=State(state) if state else None, limit=limit)

    tasks = with_app(work)
    columns = width_of(sys.stdout) if sys.stdout.isatty() else None
    for task in tasks:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(task.created_at))
        prompt = on_one_line(task.prompt[:60])
        say(laid_out((task.task_id, when, f"{_state(task):<10}", on_one_line(task.model), prompt), columns))
    if not tasks:
        say(f"No task is in state {state}." if state else "There are no tasks yet.", err=True)


def _state(task: Task) -> str:
    return "not saved" if task.state is State.SUCCESS and not is_well(task) else str(task.state)


@click.command("show")
@click.argument("task_id")
def show_task(task_id: str) -> None:
    """Show one task as JSON."""

    async def work(app: App) -> dict[str, Any]:
        return structure_of(app, await app.service.find(LOCAL, task_id), face=SHELL)

    say_json(with_app(work))


@click.command("wait")
@click.argument("task_id")
def wait_for(task_id: str) -> None:
    """Wait until a task has ended and its files are saved."""

    async def work(app: App) -> Task:
        return await followed(app, await app.service.check(LOCAL, task_id))

    report(with_app(work, follow=True))


@click.command()
@click.argument("task_id")
@click.argument("folder", required=False)
def download(task_id: str, folder: str | None) -> None:
    """Save a task's files, or copy them into FOLDER: any one, made if missing."""
    with errors_told():
        target = made(folder) if folder else None

    async def work(app: App) -> tuple[list[Task], list[str]]:
        task = await app.service.check(LOCAL, task_id)
        then = to_download(task, folder) if folder else ""
        return await placed(app, [await followed(app, task, then)], target)

    [task], problems = with_app(work, follow=True)
    report(task, problems)


@click.command()
@click.argument("task_id")
def cancel(task_id: str) -> None:
    """Cancel a task that was not sent yet."""

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
