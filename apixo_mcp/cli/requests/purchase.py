"""What several requests cost together, before the first is sent, and asking for each.

The limits are asked for the sum before anything is stored. Each is then admitted by itself: what another process spends
in between may refuse one in the middle, and `generate` stops then what it has not sent.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote, Submission
from apixo_mcp.tasks.budget import Budget, Spent, decide, reason
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.usage import quoted
from apixo_mcp.views.words import counted, priced

_WANTS_YES = "that is above APIXO_MCP_CONFIRM_ABOVE_USD; say --yes to agree"


async def drafted(app: App, requests: Sequence[GenerationRequest]) -> list[Task]:
    """Returns the tasks that requests would become; nothing is stored or sent.

    Raises:
        InvalidInput: one cannot be.
    """
    drafts: list[Task] = []
    for number, request in enumerate(requests, start=1):
        try:
            drafts.append(await app.drafts.draft(request))
        except InvalidInput as error:
            if len(requests) == 1:
                raise
            named = [replace(entry, field=f"PROMPT {number}: {entry.field}") for entry in error.problems]
            raise InvalidInput(named) from None
    return drafts


async def allowed(app: App, drafts: Sequence[Task], *, confirmed: bool) -> None:
    """Asks the owner's limits for several tasks together; for one its admission asks them.

    Raises:
        InvalidInput: they do not allow the sum.
        click.ClickException: the sum wants a yes.
    """
    if len(drafts) == 1 or not all(draft.key_print for draft in drafts):
        return
    budget, usd = app.budget, together(drafts)
    spent = await app.store.spent(LOCAL)
    verdict = decide(budget, Spent(spent.usd, spent.posts + len(drafts) - 1), usd, confirmed=confirmed)
    what = f"{counted(len(drafts), 'task')} of {drafts[0].model}"
    if verdict == "ask_first":
        raise click.ClickException(f"{what} would cost {priced(usd)} together; {_WANTS_YES}")
    if verdict != "within":
        why = reason(verdict, budget, spent, usd, drafts[0])
        fitting = _fitting(drafts, budget, spent)
        how_many = f"the first {fitting} of them alone would be within it" if fitting else "not even one would be"
        raise InvalidInput([Problem(what, "", f"{why}. Nothing was sent; {how_many}")])


async def obstacle(app: App, drafts: Sequence[Task]) -> str:
    """Tells, as a sentence, what keeps tasks from being sent now as they are; empty where nothing does."""
    spent, usd = await app.store.spent(LOCAL), together(drafts)
    verdict = decide(app.budget, Spent(spent.usd, spent.posts + len(drafts) - 1), usd, confirmed=False)
    match verdict:
        case "within":
            return ""
        case "ask_first":
            return "It is above APIXO_MCP_CONFIRM_ABOVE_USD and would want --yes."
        case _:
            return f"It would be refused: {reason(verdict, app.budget, spent, usd, drafts[0])}."


def _fitting(drafts: Sequence[Task], budget: Budget, spent: Spent) -> int:
    """Returns how many of the tasks, from the first, the day's limits allow."""
    for number, draft in enumerate(drafts):
        if decide(budget, spent, draft.estimate_usd, confirmed=True) != "within":
            return number
        spent = Spent(spent.usd + (draft.estimate_usd or 0.0), spent.posts + 1)
    return len(drafts)


async def asked(stack: AsyncExitStack, app: App, request: GenerationRequest, *, confirmed: bool) -> Submission:
    """Makes a request a task; its answer counts as given when the stack is left.

    Raises:
        InvalidInput: the limits do not allow it.
        click.ClickException: its price wants a yes.
    """
    submission = await stack.enter_async_context(app.admission.asking(request))
    if isinstance(submission, Quote):
        if not confirmed:
            raise click.ClickException(f"{quoted(submission)}; {_WANTS_YES}")
        say(f"agreed to: {quoted(submission)}", err=True)
        submission = await stack.enter_async_context(app.admission.asking(replace(request, agreed=submission)))
    if isinstance(submission, Quote):
        raise click.ClickException(f"The price has changed meanwhile: {quoted(submission)}; {_WANTS_YES}")
    return submission


def together(drafts: Sequence[Task]) -> float | None:
    """Returns what tasks are likely to cost, None where one has no known price."""
    known = [draft.estimate_usd for draft in drafts if draft.estimate_usd is not None]
    return sum(known) if len(known) == len(drafts) else None


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
