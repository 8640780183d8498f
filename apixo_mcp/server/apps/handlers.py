"""The tools of the app: how its tasks are, the bytes of their files, and what is made of them after a click.

A look of the app does not count as an answer: the model that made the call may never have heard of its task, and would
then get it, unpaid, by the same call (`tasks.asking.delivery`).
"""

import base64
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.errors import InvalidInput, NotFound, Problem
from apixo_mcp.generation import Modality
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.server.apps.offers import call_of, offers_of
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.tools.arguments import Reading
from apixo_mcp.server.tools.handlers.generate import answer_submission, generation_of
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import refusal_result, text_result
from apixo_mcp.server.whereabouts import whereabouts_of
from apixo_mcp.tasks.asking.request import Submission
from apixo_mcp.tasks.budget import Agreement
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import FileState, Result, Task
from apixo_mcp.views.cards import LOOK_AGAIN_MS, SELDOM_MS, card_of, missing_card
from apixo_mcp.views.faces import SCREEN
from apixo_mcp.views.quotes import PRICE_AGAIN, quote_structure
from apixo_mcp.views.sentences import why_no_file
from apixo_mcp.views.several import MOST_AT_ONCE
from apixo_mcp.views.usage import budget_left
from apixo_mcp.views.words import counted

CHUNK = 393_216  # bytes: a multiple of three, so that parts in base64 join
_LARGEST = 50 * 1024 * 1024
_LOOKED_THROUGH = 60  # of the newest tasks, for those of a call that is still open
_CLOCKS_DIFFER = 3.0  # seconds
_LONG = 3600.0  # seconds that hardly a task takes
_ANY_ATTEMPTS = 1_000  # how many there may be stands in the notes that are shown


async def app_tasks(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Tells how tasks are: those with some ids, or those that a call has just made of some prompts."""
    if "prompts" in given:
        cards = [await _card(tools, task, context) for task in await _just_made(tools, given, context)]
    else:
        ids = given.get("task_ids", [])
        if not 0 < len(ids) <= MOST_AT_ONCE:
            raise InvalidInput([Problem("task_ids", f"{len(ids)} ids", f"from 1 to {MOST_AT_ONCE}")])
        look = given.get("look", False)
        cards = [await _card_with_id(tools, any_id, context, look=look) for any_id in dict.fromkeys(ids)]
    return _told(cards)


async def app_bytes(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Returns a part of a saved file, or a small picture of it."""
    task = await tools.app.service.find(owner_of(context), given["task_id"])
    index = max(0, given.get("index", 0))
    if index >= len(task.results):
        raise InvalidInput([Problem("index", str(index), f"the task has {counted(len(task.results), 'result')}")])
    result = task.results[index]
    if result.file is not FileState.SAVED:
        return refusal_result(why_no_file(task, result))
    if given.get("small"):
        preview = await tools.app.previews.preview(result.path, result.mime_type)
        if preview is None:
            return refusal_result("There is no small picture of this file.")
        return _part(preview.data, len(preview.data), preview.mime_type)
    try:
        data, total = await tools.app.reading.run(_read, tools.app.files, result, max(0, given.get("offset", 0)))
    except OSError as error:
        return refusal_result(f"The file cannot be read: {error.strerror}.")
    if total > _LARGEST:
        return refusal_result(f"The file has {total} bytes, more than are handed out here.")
    return _part(data, total, result.mime_type)


async def app_cancel(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Ends a task that is not sent."""
    task = await tools.app.service.cancel(owner_of(context), given["task_id"])
    return _told([await _card(tools, task, context)])


async def app_make(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Prices what an offer would make, or makes it: by the very same way as `generate_*`.

    The click is its idempotency key: however often it arrives, it buys once. It buys at the price that a quote has
    shown a while ago; where that has risen since, or none was shown, nothing is bought, and the page asks for it anew.
    """
    owner = owner_of(context)
    task = await tools.app.service.find(owner, given["task_id"])
    asked = call_of(task, tools.app.catalog.only(owner.models), given)
    is_quote = given.get("quote", False)
    if not is_quote and "click" not in given:
        raise InvalidInput([Problem("click", "", "required to make something, so that it is made once")])
    key = {"idempotency_key": f"app-{given['click']}"} if "click" in given else {}
    reading = Reading({**asked.arguments, **key}, ())
    if not is_quote:
        return await _bought(tools, asked.modality, reading, _seen(given), context)
    prospect = await tools.app.admission.prospect(generation_of(tools, asked.modality, reading, context))
    left = await budget_left(tools.app, owner)
    structure = quote_structure(prospect, face=SCREEN, left=left)
    structure["had"] = prospect.takes_up is not None
    structure["can_buy"] = prospect.can_be_had
    return text_result("Nothing was sent.", structure)


async def _bought(
    tools: ToolParts, modality: Modality, reading: Reading, seen: Agreement | None, context: Context
) -> CallToolResult:
    """Buys what was priced, and tells of it at once."""
    if tools.receipts is not None:
        await tools.receipts.noted()
    reading.given["wait_seconds"] = 0
    request = generation_of(tools, modality, reading, context)
    request = replace(request, confirmed=True, only_as_quoted=True, seen=seen)
    async with tools.app.admission.asking(request) as submitted:
        if isinstance(submitted, Submission):
            return await answer_submission(tools, submitted, reading.given, context)
    return refusal_result(PRICE_AGAIN)


def _seen(given: dict[str, Any]) -> Agreement | None:
    """Returns the price that was seen; None of a page that does not tell.

    Raises:
        InvalidInput: it is none.
    """
    if "seen" not in given:
        return None
    try:
        return Agreement(None if given["seen"] == "null" else float(given["seen"]), _ANY_ATTEMPTS)
    except ValueError:
        raise InvalidInput([Problem("seen", given["seen"], "must be dollars, or null")]) from None


async def _just_made(tools: ToolParts, given: dict[str, Any], context: Context) -> Sequence[Task]:
    """Returns the tasks that a call which is still open has made, one a prompt; none until all are there."""
    prompts = [prompt.strip() for prompt in given["prompts"]]
    since = time.time() - max(0, given.get("seconds", 0)) - _CLOCKS_DIFFER
    made = [*await tools.app.service.page(owner_of(context), TaskQuery(since=since, limit=_LOOKED_THROUGH))]
    chosen: list[Task] = []
    for prompt in prompts:
        found = next((task for task in made if task.prompt.strip() == prompt), None)
        if found is None:
            return []
        made.remove(found)
        chosen.append(found)
    return chosen


async def _card_with_id(tools: ToolParts, any_id: str, context: Context, *, look: bool) -> dict[str, Any]:
    """Returns a task as the app draws it.

    Args:
        tools: of the server.
        any_id: of the task.
        context: of the call.
        look: whether what was given up is taken up once more: where a person has just come, and not with every look.
    """
    service, owner = tools.app.service, owner_of(context)
    try:
        task = await service.check(owner, any_id) if look else await service.find(owner, any_id)
    except NotFound:
        return missing_card(any_id)
    return await _card(tools, task, context)


async def _card(tools: ToolParts, task: Task, context: Context) -> dict[str, Any]:
    owner = owner_of(context)
    may_make = owner.scope.includes(Scope.GENERATE)
    offers = offers_of(task, tools.app.catalog.only(owner.models)) if may_make else []
    place = await tools.app.service.place(task)
    card = card_of(tools.app, task, place=place, at=await whereabouts_of(tools.app, context), offers=offers)
    return card if may_make else {name: value for name, value in card.items() if name != "can_cancel"}


def _told(cards: Sequence[dict[str, Any]]) -> CallToolResult:
    youngest = min((card["elapsed_seconds"] for card in cards if "elapsed_seconds" in card), default=0.0)
    pace = LOOK_AGAIN_MS if youngest < _LONG else SELDOM_MS
    return text_result(counted(len(cards), "task"), {"tasks": list(cards), "poll_after_ms": pace})


def _part(data: bytes, total: int, mime_type: str) -> CallToolResult:
    part = {"base64": base64.b64encode(data).decode(), "bytes": len(data), "total": total, "mime_type": mime_type}
    answer = text_result(f"{len(data)} of {total} bytes")
    answer.structured_content = part
    return answer


def _read(files: ResultFiles, result: Result, offset: int) -> tuple[bytes, int]:
    with files.open(result.path) as file:
        total = file.seek(0, os.SEEK_END)
        file.seek(min(offset, total))
        return file.read(CHUNK), total
