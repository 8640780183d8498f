"""`tasks resolve`, `reread` and `rekey`: settle what the program cannot settle by itself."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.requests.whose import Whose, of_owner, owner_option
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.cli.waiting.follow import followed
from apixo_mcp.cli.waiting.outcome import report
from apixo_mcp.errors import InvalidInput, NotFound
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.settlement import Reread
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.views.faces import SHELL, error_text


@click.command()
@click.argument("task_id")
@click.option("--remote-id", metavar="ID", help="The gateway's task id, found on its dashboard.")
@click.option("--never-ran", is_flag=True, help="The dashboard does not have it: nothing ran, nothing was charged.")
@click.option("--no-wait", is_flag=True, help="Leave the following to a worker.")
@of_owner
def resolve(task_id: str, remote_id: str | None, never_ran: bool, no_wait: bool, whose: Whose) -> None:
    """Settle a task of which it is not known whether the gateway has it, after looking at the gateway's dashboard."""
    if (remote_id is None) is not never_ran:
        raise click.UsageError("say either --remote-id ID or --never-ran")
    is_followed = remote_id is not None and not no_wait

    async def work(app: App) -> tuple[Task, bool]:
        _, task = await whose.find(app, task_id)
        task = await app.settlement.resolve(task, remote_id)
        is_ours = task.key_print in app.key_prints
        if is_followed and is_ours:
            task = await followed(app, task)
        return task, is_ours

    task, is_ours = with_app(work, follow=is_followed, lingers=True)
    if remote_id is None:
        say("It is settled: failed, for it never ran. The same request can be made anew.")
    elif not is_ours:
        say(f"Its key is not set here: a server with that key for {task.base_url} follows it.", err=True)
    else:
        report(task)


@click.command("reread")
@click.argument("task_id")
@click.option("--no-wait", is_flag=True, help="Leave the saving to a worker.")
@of_owner
def reread_answer(task_id: str, no_wait: bool, whose: Whose) -> None:
    """Read the answer of a task anew that ended well and named no result, and save what is found.

    The gateway is asked once more where the answer that is kept does not help.
    """

    async def work(app: App) -> Reread:
        owner, task = await whose.find(app, task_id)
        reading = await app.settlement.reread(task, owner)
        is_followed = not reading.told and not no_wait
        return replace(reading, task=await followed(app, reading.task)) if is_followed else reading

    reading = with_app(work, follow=not no_wait)
    if not reading.told:
        report(reading.task)
        return
    if reading.raw:
        say(reading.raw)
    say(f"Nothing was changed: {reading.told}.", err=True)
    if reading.raw:
        say("Above is the answer that is kept. A later version may be able to read it.", err=True)
    raise SystemExit(1)


@click.command()
@click.argument("task_ids", metavar="[TASK_ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every open task whose key is not set here.")
@owner_option
def rekey(task_ids: Sequence[str], every: bool, owner: str) -> None:
    """Go on with tasks of another API key by the one that is set now.

    Each is moved once the gateway confirms that this key sees it.
    """
    if bool(task_ids) is every:
        raise click.UsageError("say either TASK_ID or --all")

    async def work(app: App) -> list[bool]:
        moved: list[bool] = []
        (whose,) = await Whose(owner.strip()).owners(app)
        for task_id in task_ids or [task.task_id async for task in _of_other_keys(app, whose)]:
            try:
                task = await app.settlement.rekey(await app.service.find(whose, task_id), whose)
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


async def _of_other_keys(app: App, owner: Owner) -> AsyncIterator[Task]:
    """Finds the open tasks of an owner that no key of this process belongs to."""
    last = ""
    while page := await app.store.dump(last):
        last = page[-1].task_id
        for task in page:
            is_open = task.state in (State.SUBMITTING, *FOLLOWED) or (task.due is not None and not task.is_confirming)
            if is_open and owner.owns(task) and task.key_print not in app.key_prints:
                yield task
