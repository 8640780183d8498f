"""Makes something: asks for a task, and waits for it."""

import time
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from apixo_mcp.catalog.translate import COMMON_ARGUMENTS
from apixo_mcp.errors import CallerLeft
from apixo_mcp.generation import Modality
from apixo_mcp.server.caller import connection_name, has_left, owner_of
from apixo_mcp.server.tools import task_handle
from apixo_mcp.server.tools.arguments import Reading
from apixo_mcp.server.tools.consent.confirm import No, ask, quote_text
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import refusal_result, task_answer
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission


async def submit_and_wait(
    tools: ToolParts, modality: Modality, reading: Reading, context: Context, *, own_names: bool = False
) -> CallToolResult | InputRequiredResult:
    """Submits and waits as long as the client bears; asks first where the owner wants to be asked.

    Raises:
        ApixoError: nothing was sent.
    """
    given = reading.given
    if "sound" in given:
        given["sound"] = given["sound"] == "on"
    request = GenerationRequest(
        owner=owner_of(context),
        model=given["model"],
        modality=modality,
        arguments={name: given[name] for name in COMMON_ARGUMENTS if name in given},
        options=given.get("options", {}),
        provider=given.get("provider", ""),
        idempotency_key=given.get("idempotency_key", ""),
        confirmed=given.get("confirm", False),
        connection=connection_name(context, tools.app.delivery.process),
        problems=reading.problems,
        own_names=own_names,
    )
    began = time.monotonic()
    async with tools.app.admission.asking(request) as submitted:
        if isinstance(submitted, Submission):
            return await _followed(tools, submitted, given, context, began)
    consent = await ask(submitted, context, tools.questions)
    if isinstance(consent, InputRequiredResult):
        return consent
    if isinstance(consent, No):
        noted = tools.app.admission.declined if consent.is_final else tools.app.admission.quoted
        await noted(request.owner, submitted)
        return refusal_result(consent.reason)
    request = replace(request, agreed=submitted, idempotency_key=request.idempotency_key or consent.key)
    async with tools.app.admission.asking(request) as submitted:
        if isinstance(submitted, Submission):
            return await _followed(tools, submitted, given, context, began)
    await tools.app.admission.quoted(request.owner, submitted)  # its price has risen since
    return refusal_result(quote_text(submitted))


async def _followed(
    tools: ToolParts, submission: Submission, given: dict[str, Any], context: Context, began: float
) -> CallToolResult:
    task = submission.task
    deadline = tools.waiting.deadline(given, context, made_since=began)
    if not task_handle.taken(task):
        task = await tools.waiting.settled(task, deadline, context)
    deduplicated = submission.how != "new"
    answer = await task_answer(tools.app, task, context, deduplicated=deduplicated, deadline=deadline)
    request_id = context.request_context.request_id
    if tools.receipts is not None and request_id is not None:
        tools.receipts.expect(request_id, submission.call)
    elif await has_left(context):
        raise CallerLeft("The connection ended; the task goes on.")
    return answer
