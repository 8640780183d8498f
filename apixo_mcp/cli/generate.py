"""`generate`: one wish from the command line."""

import json
from collections.abc import Mapping
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.catalog.translate import COMMON
from apixo_mcp.cli.bar import Bar
from apixo_mcp.cli.run import OWNER, with_app
from apixo_mcp.server.answers import sentence
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.wish import Quote, Wish

FOR_EVER = 7 * 24 * 3600.0


def run_generate(
    model: str, prompt: str, inputs: tuple[str, ...], *, provider: str, wait: bool, confirmed: bool
) -> None:
    """Submits, follows with a progress bar, and prints each saved file's path."""
    given = {"prompt": prompt} | dict(_named(entry) for entry in inputs)

    async def work(app: App) -> Task | Quote:
        wish = Wish(
            owner=OWNER,
            model=model,
            arguments={name: value for name, value in given.items() if name in COMMON},
            options={name: value for name, value in given.items() if name not in COMMON},
            provider=provider,
            confirmed=confirmed,
        )
        submission = await app.service.submit(wish)
        if isinstance(submission, Quote):
            return submission
        async with app.service.answering(submission.task.task_id):
            return await follow(app, submission.task, until_sent=not wait)

    try:
        outcome = with_app(work, follow=True)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; the task is kept: apixo-mcp tasks list") from None
    if isinstance(outcome, Quote):
        price = f"about ${outcome.usd:.2f}" if outcome.usd is not None else "an unknown price"
        raise click.ClickException(f"{outcome.model} would cost {price}; say --yes to agree")
    report(outcome)


def _named(entry: str) -> tuple[str, Any]:
    name, found, text = entry.partition("=")
    if not found or not name:
        raise click.BadParameter(f"{entry!r} is not NAME=VALUE", param_hint="--set")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


async def follow(app: App, task: Task, *, until_sent: bool = False) -> Task:
    """Waits for a task behind a progress bar."""
    with Bar(str(task.state)) as bar:
        while not task.is_settled and not (until_sent and task.state is not State.SUBMITTING):
            task = await app.service.wait(task, 0.5)
            shown = _progress(app, task)
            bar.show(float(shown.get("progress", 0.0)), str(task.state))
    return task


def _progress(app: App, task: Task) -> Mapping[str, Any]:
    from apixo_mcp.server.answers import task_structure

    model = app.catalog.get(task.model)
    return task_structure(task, app.steps.moment(task), model.usual_seconds if model else None)


def report(task: Task) -> None:
    """Prints what became of a task; ends with 1 where it failed."""
    if task.state is State.SUCCESS:
        for result in task.results:
            click.echo(result.path or result.url or result.asset_id)
            if result.problem:
                click.echo(f"  {result.problem}", err=True)
        return
    click.echo(sentence(task), err=True)
    if task.state in (State.SUBMITTING, State.PENDING, State.PROCESSING):
        click.echo(f"apixo-mcp tasks wait {task.task_id}")
        return
    if task.failure:
        click.echo(task.failure.advice, err=True)
    raise SystemExit(1)
