"""`tasks list`, `show`, `wait`, `download` and `cancel`: looks after earlier and running tasks."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.requests.folders import made
from apixo_mcp.cli.requests.told_files import file_named, tell_of
from apixo_mcp.cli.requests.wanted import read_modality, task_named, wanted_of, with_folder
from apixo_mcp.cli.requests.whose import Whose, of_owner
from apixo_mcp.cli.terminal.printing import say, say_json, width_of
from apixo_mcp.cli.terminal.text import laid_out, on_one_line
from apixo_mcp.cli.waiting.follow import all_followed
from apixo_mcp.cli.waiting.outcome import is_well, placed, report, report_all, to_download
from apixo_mcp.media.files import is_address
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.search import moment_of, words_of
from apixo_mcp.tasks.task import TERMINAL, FileState, State, Task
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.whereabouts import whereabouts_in
from apixo_mcp.views.words import in_zone

_since = click.option("--since", default="", help="Made since: today, yesterday, 2h, 7d, or an ISO date or time.")
_modality = click.option("--modality", default="", help="Only image, video or audio.")


@click.command("list")
@click.option("--state", default="", help="Only this state.")
@_modality
@_since
@click.option("--query", default="", help="Words that are all in the prompt.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Show no more than these.")
@of_owner
def list_all(state: str, modality: str, since: str, query: str, limit: int, whose: Whose) -> None:
    """List tasks, newest first."""
    if state and state not in set(State):
        raise click.BadParameter(f"{state!r} is not one of {', '.join(State)}", param_hint="--state")
    with errors_told():
        moment = moment_of(since, time.time()) if since else 0.0
    wanted = TaskQuery(
        state=State(state) if state else None,
        modality=read_modality(modality),
        since=moment,
        words=words_of(query),
        limit=limit,
    )

    async def work(app: App) -> tuple[Sequence[Task], str]:
        tasks = await whose.page(app, wanted)
        return tasks, "" if tasks else await whose.others(app)

    tasks, others = with_app(work)
    columns = width_of(sys.stdout) if sys.stdout.isatty() else None
    for task in tasks:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(task.created_at))
        prompt = on_one_line(task.prompt[:60])
        owner = (on_one_line(task.owner),) if whose.is_all else ()
        line = laid_out((task.task_id, when, *owner, f"{_state(task):<10}", on_one_line(task.model), prompt), columns)
        place = on_one_line(_place(task))  # whole, however wide the terminal is
        say(f"{line}{'  ' if columns is None else chr(10) + '  '}{place}" if place else line)
    if not tasks and (modality or since or query):
        made_since = f" made since {in_zone(moment)}" if since else ""
        say(f"There are no such tasks{made_since}.{others}", err=True)
    elif not tasks:
        say(f"{f'No task is in state {state}.' if state else 'There are no tasks yet.'}{others}", err=True)


def _place(task: Task) -> str:
    """Returns where the files of a task are: its file, the folder of several, or an empty text."""
    paths = [result.path for result in task.results if result.file is FileState.SAVED]
    if len(paths) < 2:
        return "".join(paths)
    return paths[0].rpartition("/")[0] if is_address(paths[0]) else str(Path(paths[0]).parent)


def _state(task: Task) -> str:
    return "not saved" if task.state is State.SUCCESS and not is_well(task) else str(task.state)


@click.command("show")
@click.argument("task_id", metavar="TASK_ID|FILE")
@click.option("--json", "as_json", is_flag=True, help="A file's story as JSON too; a task always is.")
@of_owner
def show_task(task_id: str, as_json: bool, whose: Whose) -> None:
    """Show one task as JSON; `last` is the newest. Of a FILE, made on whatever machine, what it tells of itself."""
    if (file := file_named(task_id)) is not None:
        tell_of(file, as_json=as_json)
        return

    async def work(app: App) -> dict[str, Any]:
        task = await task_named(app, task_id, whose, is_shown=True)
        return structure_of(app, task, face=SHELL, at=await whereabouts_in(app))

    say_json(with_app(work))


@click.command("wait")
@click.argument("task_ids", metavar="[TASK_ID]...", nargs=-1)
@_since
@of_owner
def wait_for(task_ids: tuple[str, ...], since: str, whose: Whose) -> None:
    """Wait until tasks have ended and their files are saved; `last` is the newest."""
    wanted = wanted_of(task_ids, since, whose=whose)

    async def work(app: App) -> tuple[list[Task], list[str]]:
        tasks, problems = await wanted.found(app)
        return await all_followed(app, tasks), problems

    tasks, problems = with_app(work, follow=True)
    report_all(tasks, problems)


@click.command()
@click.argument("task_ids", metavar="[TASK_ID]... [FOLDER]", nargs=-1)
@_since
@_modality
@of_owner
def download(task_ids: tuple[str, ...], since: str, modality: str, whose: Whose) -> None:
    """Save the files of tasks, or copy them into FOLDER: any one, made if missing. `last` is the newest task."""
    kind = read_modality(modality)

    async def work(app: App) -> tuple[list[Task], list[str]]:
        ids, folder = await with_folder(app, task_ids, whose, is_alone=bool(since))
        target = made(folder) if folder else None
        tasks, problems = await wanted_of(ids, since, kind, ended_well=bool(since), whose=whose).found(app)
        then = to_download(tasks[0], folder) if folder and len(tasks) == 1 else ""
        there, wrong = await placed(app, await all_followed(app, tasks, then), target)
        return there, [*problems, *wrong]

    tasks, problems = with_app(work, follow=True)
    report_all(tasks, problems)


@click.command()
@click.argument("task_id")
@of_owner
def cancel(task_id: str, whose: Whose) -> None:
    """Cancel a task that was not sent yet."""

    async def work(app: App) -> Task:
        owner, task = await whose.find(app, task_id)
        return await app.service.cancel(owner, task.task_id)

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
