"""One purchase of one or several prompts: what it would be, and asking for it."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote, Submission
from apixo_mcp.tasks.budget import decide, reason, together
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.usage import quoted

_WANTS_YES = "that is above APIXO_MCP_CONFIRM_ABOVE_USD; say --yes to agree"
_OF_PROMPT = re.compile(r"prompts\[(\d{1,9})\](?:, )?(.*)", re.DOTALL)


async def drafted(app: App, request: GenerationRequest) -> Sequence[Task]:
    """Returns the tasks that a request would become; nothing is stored or sent.

    Raises:
        InvalidInput: it cannot be.
    """
    try:
        return await app.drafts.draft(request)
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


async def obstacle(app: App, drafts: Sequence[Task]) -> str:
    """Tells, as a sentence, what keeps tasks from being sent now as they are; empty where nothing does."""
    spent, usd = await app.store.spent(LOCAL), together(draft.estimate_usd for draft in drafts)
    verdict = decide(app.budget, spent, usd, posts=len(drafts), confirmed=False)
    match verdict:
        case "within":
            return ""
        case "ask_first":
            return "It is above APIXO_MCP_CONFIRM_ABOVE_USD and would want --yes."
        case _:
            return f"It would be refused: {reason(verdict, app.budget, spent, usd, drafts[0], len(drafts))}."


async def quotes(app: App, drafts: Sequence[Task]) -> list[dict[str, Any]]:
    """Tells what would be sent, and for how much."""
    left = (await app.spending(LOCAL, 1, 0.0)).get("budget_left_usd")
    quoted_each: list[dict[str, Any]] = []
    for draft in drafts:
        usd = draft.estimate_usd
        cost = (
            {"basis": "unknown"} if usd is None else {"amount": round(usd, 4), "currency": "USD", "basis": "estimated"}
        )
        quote: dict[str, Any] = {"model": draft.model, "inputs": dict(draft.inputs), "cost": cost}
        if draft.notes:
            quote["notes"] = list(draft.notes)
        if left is not None:
            quote["budget_left"] = left
        quoted_each.append(quote)
    return quoted_each
