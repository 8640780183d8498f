"""`generate`: one wish from the command line."""

import json
import math
from dataclasses import replace
from typing import Any

import anyio
import click

from apixo_mcp.app import App
from apixo_mcp.catalog.translate import COMMON
from apixo_mcp.cli.bar import Bar
from apixo_mcp.cli.run import with_app
from apixo_mcp.cli.words import in_shell
from apixo_mcp.errors import SettingsError
from apixo_mcp.server.answers import sentence
from apixo_mcp.server.caller import LOCAL
from apixo_mcp.server.confirm import quoted
from apixo_mcp.server.reply import structure_of
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.wish import Quote, Wish

FOR_EVER = math.inf


def run_generate(
    model: str, prompt: str, inputs: tuple[str, ...], *, provider: str, wait: bool, confirmed: bool
) -> None:
    """Submits, follows with a progress bar, and prints each saved file's path."""
    given = {"prompt": prompt} | dict(_named(entry) for entry in inputs)

    async def work(app: App) -> Task | Quote:
        wish = Wish(
            owner=LOCAL,
            model=model,
            arguments={name: value for name, value in given.items() if name in COMMON},
            options={name: value for name, value in given.items() if name not in COMMON},
            provider=provider,
        )
        try:
            async with app.service.asking(wish) as submission:
                if not isinstance(submission, Quote):
                    return await follow(app, submission.task, until_sent=not wait)
            if not confirmed:
                return submission
            click.echo(f"agreed to: {quoted(submission)}", err=True)
            async with app.service.asking(replace(wish, agreed=submission)) as agreed:
                return agreed if isinstance(agreed, Quote) else await follow(app, agreed.task, until_sent=not wait)
        except SettingsError:
            raise SettingsError(_no_key(app.catalog.find(model).gateway)) from None

    outcome = with_app(work, follow=True)
    if isinstance(outcome, Quote):
        raise click.ClickException(f"{quoted(outcome)}; say --yes to agree")
    report(outcome)


def _no_key(gateway: str) -> str:
    """What the service says to the user of a host, said to one of a shell."""
    site = {"apixo": "https://apixo.ai", "ruxa": "https://ruxa.ai/dashboard"}[gateway]
    return (
        f"No {gateway.upper()}_API_KEY is set in this shell, so nothing was sent. Get a key at {site}, set the "
        "variable to it and run the command again. `apixo-mcp demo` needs no key."
    )


def _named(entry: str) -> tuple[str, Any]:
    name, found, text = entry.partition("=")
    if not found or not name:
        raise click.BadParameter(f"{entry!r} is not NAME=VALUE", param_hint="--set")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


async def follow(app: App, task: Task, *, until_sent: bool = False) -> Task:
    """Waits for a task behind a progress bar; where that is interrupted, says how to go on."""
    try:
        with Bar(str(task.state)) as bar:
            while not task.is_settled and not (until_sent and task.state is not State.SUBMITTING):
                task = await app.service.wait(task, 0.5)
                bar.show(float(structure_of(app, task).get("progress", 0.0)), str(task.state))
    except anyio.get_cancelled_exc_class():
        click.echo("\nThe task is kept. To go on with it:", err=True)
        click.echo(f"apixo-mcp tasks wait {task.task_id}")
        raise
    return task


def report(task: Task) -> None:
    """Prints what became of a task; ends with 1 where it failed."""
    if task.state is State.SUCCESS:
        for result in task.results:
            click.echo(result.path or result.shown_url or result.asset_id)
            if result.problem:
                click.echo(f"  {in_shell(result.problem)}", err=True)
        return
    click.echo(in_shell(sentence(task)), err=True)
    if task.state in (State.SUBMITTING, State.PENDING, State.PROCESSING):
        click.echo(f"apixo-mcp tasks wait {task.task_id}")
        return
    if task.failure:
        click.echo(in_shell(task.failure.advice), err=True)
    if task.state is State.UNKNOWN:
        click.echo(f"apixo-mcp tasks resolve {task.task_id} --remote-id ID   if the dashboard has it, else --never-ran")
    raise SystemExit(1)
