"""Makes something: asks for a task, and waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from apixo_mcp.catalog.translate import COMMON_ARGUMENTS
from apixo_mcp.errors import CallerLeft, Problem
from apixo_mcp.generation import Modality
from apixo_mcp.server.caller import has_left, origin_of, owner_of
from apixo_mcp.server.tools import task_handle
from apixo_mcp.server.tools.arguments import Reading
from apixo_mcp.server.tools.consent.confirm import No, ask, quote_text
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import refusal_result, several_answer, task_answer, text_result
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.views.quotes import quote_sentence, quote_structure
from apixo_mcp.views.sentences import joined_note
from apixo_mcp.views.several import MOST_AT_ONCE, earlier_note
from apixo_mcp.views.usage import budget_left


async def submit_and_wait(
    tools: ToolParts, modality: Modality, reading: Reading, context: Context, *, own_names: bool = False
) -> CallToolResult | InputRequiredResult:
    """Submits and waits as long as the client bears; asks first where the owner wants to be asked.

    Raises:
        ApixoError: nothing was sent.
    """
    if tools.receipts is not None:
        await tools.receipts.noted()
    given = reading.given
    request = generation_of(tools, modality, reading, context, own_names=own_names)
    if given.get("quote"):
        return await _quoted(tools, request)
    async with tools.app.admission.asking(request) as submitted:
        if isinstance(submitted, Submission):
            return await answer_submission(tools, submitted, given, context)
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
            return await answer_submission(tools, submitted, given, context)
    await tools.app.admission.quoted(request.owner, submitted)  # its price has risen since
    return refusal_result(quote_text(submitted))


def generation_of(
    tools: ToolParts, modality: Modality, reading: Reading, context: Context, *, own_names: bool = False
) -> GenerationRequest:
    """Returns what a call asks for."""
    given = reading.given
    if "sound" in given:
        given["sound"] = given["sound"] == "on"
    problems = (*reading.problems, *_problems_of_prompts(given))
    return GenerationRequest(
        owner=owner_of(context),
        model=given["model"],
        modality=modality,
        arguments={name: given[name] for name in COMMON_ARGUMENTS if name in given},
        prompts=_prompts(given, problems),
        options=given.get("options", {}),
        provider=given.get("provider", ""),
        idempotency_key=given.get("idempotency_key", ""),
        confirmed=given.get("confirm", False),
        origin=origin_of(context, tools.app.delivery.process),
        problems=problems,
        own_names=own_names,
    )


def _prompts(given: Mapping[str, Any], problems: Sequence[Problem]) -> tuple[str, ...]:
    if "prompt" in given:
        return ()
    if any(problem.field == "prompts" for problem in problems):
        return ("in place of what cannot be used",)  # so that no prompt is missed
    return tuple(given.get("prompts", ()))


def _problems_of_prompts(given: Mapping[str, Any]) -> list[Problem]:
    prompts = given.get("prompts", ())
    problems: list[Problem] = []
    if prompts and "prompt" in given:
        problems.append(Problem("prompts", "", "not together with prompt: give one of them"))
    if len(prompts) > MOST_AT_ONCE:
        problems.append(Problem("prompts", f"{len(prompts)} of them", f"at most {MOST_AT_ONCE} in one call"))
    return problems


async def _quoted(tools: ToolParts, request: GenerationRequest) -> CallToolResult:
    prospect = await tools.app.admission.prospect(request)
    left = await budget_left(tools.app, request.owner)
    return text_result(quote_sentence(prospect), quote_structure(prospect, face=tools.face, left=left))


async def answer_submission(
    tools: ToolParts, submission: Submission, given: dict[str, Any], context: Context
) -> CallToolResult:
    """Waits for what was submitted as long as the client bears, and answers.

    Raises:
        CallerLeft: the client has gone.
    """
    deadline = tools.waiting.deadline(given, context, submission.tasks, makes=True)
    if "prompts" in given:
        answer = await _all(tools, submission, deadline, context)
    else:
        answer = await _single(tools, submission, deadline, context)
    request_id = context.request_context.request_id
    if tools.receipts is not None and request_id is not None:
        tools.receipts.expect(request_id, submission.call)
    elif await has_left(context):
        raise CallerLeft("The connection ended; the task goes on.")
    return answer


async def _single(tools: ToolParts, submission: Submission, deadline: float, context: Context) -> CallToolResult:
    task = submission.task
    if not task_handle.taken(task):
        task = await tools.waiting.settled(task, deadline, context)
    joined = (joined_note(submission.after),) if submission.how == "joined" else ()
    task = replace(task, notes=(*task.notes, *submission.notes, *joined))
    deduplicated = submission.how != "new"
    return await task_answer(
        tools.app, task, context, waits=tools.waiting.next_wait(context), deduplicated=deduplicated, deadline=deadline
    )


async def _all(tools: ToolParts, submission: Submission, deadline: float, context: Context) -> CallToolResult:
    """Answers about all tasks of a purchase at once. There is no handle of several: the call waits as others do."""
    tasks = await tools.waiting.all_settled(submission.tasks, deadline, context)
    left = await budget_left(tools.app, owner_of(context))
    more: dict[str, Any] = {"budget_left": left} if left else {}
    if submission.how == "new":
        return await several_answer(
            tools.app, tasks, context, waits=tools.waiting.next_wait(context), more=more, deadline=deadline
        )
    more["deduplicated"] = True
    how = joined_note(submission.after) if submission.how == "joined" else earlier_note(tasks)
    notes = [*submission.notes, how]
    return await several_answer(
        tools.app, tasks, context, waits=tools.waiting.next_wait(context), notes=notes, more=more, deadline=deadline
    )
