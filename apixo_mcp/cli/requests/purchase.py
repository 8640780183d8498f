"""One purchase of one or several prompts: what it would be, and asking for it."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import click

from apixo_mcp.app import App
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.asking.request import GenerationRequest, Prospect, Quote, Submission
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.usage import quoted

_WANTS_YES = "that is above APIXO_MCP_CONFIRM_ABOVE_USD; say --yes to agree"
_OF_PROMPT = re.compile(r"prompts\[(\d{1,9})\](?:, )?(.*)", re.DOTALL)


async def checked_ahead(app: App, request: GenerationRequest) -> Sequence[Task]:
    """Returns the tasks that a request would become; nothing is stored or sent.

    Raises:
        InvalidInput: it cannot be.
    """
    try:
        repeats = await app.drafts.repeats(request)
        return (repeats[0] if repeats else await app.drafts.draft(request)).tasks
    except InvalidInput as error:
        raise InvalidInput(map(_as_typed, error.problems)) from None


async def prospect_of(app: App, request: GenerationRequest) -> Prospect:
    """Tells what a request would be; nothing is sent.

    Raises:
        InvalidInput: it cannot be.
    """
    try:
        return await app.admission.prospect(request)
    except InvalidInput as error:
        raise InvalidInput(map(_as_typed, error.problems)) from None


def _as_typed(problem: Problem) -> Problem:
    """Returns a problem of one of several prompts under the name that the command line has for it."""
    if (found := _OF_PROMPT.fullmatch(problem.field)) is None:
        return problem
    return replace(problem, field=f"PROMPT {int(found[1]) + 1}: {found[2] or 'prompt'}")


@asynccontextmanager
async def bought(app: App, request: GenerationRequest, *, confirmed: bool) -> AsyncGenerator[Submission]:
    """Makes a request its tasks, all or none; its answer counts as given when the context is left.

    Raises:
        InvalidInput: the limits do not allow it.
        click.ClickException: its price wants a yes.
    """
    async with app.admission.asking(request) as submission:
        if isinstance(submission, Submission):
            yield submission
            return
    if not confirmed:
        raise click.ClickException(f"{quoted(submission)}; {_WANTS_YES}")
    say(f"agreed to: {quoted(submission)}", err=True)
    async with app.admission.asking(replace(request, agreed=submission)) as submission:
        if isinstance(submission, Quote):
            raise click.ClickException(f"The price has changed meanwhile: {quoted(submission)}; {_WANTS_YES}")
        yield submission
