"""Answers a tool call: reads its arguments, has the work done, and tells what went wrong as a result."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from apixo_mcp.errors import ApixoError, InvalidInput, Problem, SettingsError
from apixo_mcp.server.caller import owner_of, request_of
from apixo_mcp.server.tools import schemas
from apixo_mcp.server.tools.arguments import Reading, read_arguments, read_inputs
from apixo_mcp.server.tools.handlers.generate import submit_and_wait
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import refusal_result
from apixo_mcp.server.tools.telling import with_news
from apixo_mcp.server.tools.tool import ToolDefinition
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.views.faces import chat_of, error_text, problem_text

log = logging.getLogger(__name__)


async def answer_call(
    definition: ToolDefinition, tools: ToolParts, arguments: Mapping[str, Any], context: Context
) -> CallToolResult | InputRequiredResult:
    """Answers a call, and tells its caller what they have not heard of besides."""
    answer = await _answered(definition, tools, arguments, context)
    if isinstance(answer, CallToolResult) and definition.is_read:
        return await with_news(tools, answer, context)
    return answer


async def _answered(
    definition: ToolDefinition, tools: ToolParts, arguments: Mapping[str, Any], context: Context
) -> CallToolResult | InputRequiredResult:
    """Answers a call. What is wrong with it comes back as an error result that says what to change."""
    face = chat_of(tools.app.settings)
    if not owner_of(context).scope.includes(definition.scope):
        return refusal_result(not_allowed(definition.scope))
    try:
        reading = _read(definition, arguments)
        if definition.modality is not None and "model" in reading.given:
            own_names = bool(definition.model)
            return await submit_and_wait(tools, definition.modality, reading, context, own_names=own_names)
        if reading.problems or definition.handler is None:
            raise InvalidInput(reading.problems)
        return await definition.handler(tools, reading.given, context)
    except InvalidInput as error:
        problems = "\n".join(f"- {problem_text(problem, face)}" for problem in error.problems)
        costs = "" if definition.modality is None else "Nothing was sent or charged. "
        return refusal_result(f"{costs}Please correct:\n{problems}{await _offer(tools, error.problems, context)}")
    except SettingsError as error:  # a variable that is nearly the one it names may be the reason
        return refusal_result(" ".join((error_text(error, face), *tools.app.settings.warnings)))
    except ApixoError as error:
        return refusal_result(error_text(error, face))
    except Exception:
        log.exception("%s failed", definition.name)
        return refusal_result(
            f"{definition.name} failed inside the server; its log says why. Nothing is lost: call list_tasks."
        )


async def _offer(tools: ToolParts, problems: Iterable[Problem], context: Context) -> str:
    """Returns links to upload what is wanted and not here, as lines; empty over a pipe, whose files are all here."""
    if request_of(context) is None:
        return ""
    # Imported here: a server over a pipe needs none of it.
    from apixo_mcp.server.upload_links import upload_offer

    return await upload_offer(tools.app, problems, context)


def not_allowed(scope: Scope) -> str:
    """Tells a caller that they may not do something."""
    return (
        f"Not done, nothing was sent or charged: this sign-in does not have the scope `{scope}`. Sign in again and "
        "allow it; where that does not help, whoever runs this server has to give it to you."
    )


def _read(definition: ToolDefinition, arguments: Mapping[str, Any]) -> Reading:
    if not definition.model:
        return read_arguments(definition.input, arguments)
    reading = read_inputs(definition.input, schemas.CONTROLS, arguments)
    reading.given["model"] = definition.model
    return reading
