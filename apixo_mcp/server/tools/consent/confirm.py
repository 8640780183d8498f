"""Asks before spending: the person where the client can, and otherwise with a quote that the model passes on.

A quote that the model was told is noted, and `confirm: true` counts for that very call for half an hour. Where a person
could be asked and said no, it does not count: a client that answers within a moment, though, has not asked anybody.
"""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.server.tools.consent.elicitation import Elicitation
from apixo_mcp.tasks.asking.request import Quote
from apixo_mcp.tasks.task import INTERNAL_KEY
from apixo_mcp.views.usage import quoted
from apixo_mcp.views.words import priced

QUESTION = "spend"
AT_ONCE = 1.0  # seconds within which no person reads the question and says no
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "proceed": {
            "type": "boolean",
            "title": "Spend it",
            "description": "Yes sends the request, and it is charged.",
            "default": True,
        }
    },
}


@dataclass(frozen=True, slots=True)
class Yes:
    """The agreement of a person.

    Attributes:
        key: stands for this one yes, so that it pays for one task however often it arrives; empty where it cannot
            arrive again.
    """

    key: str = ""


@dataclass(frozen=True, slots=True)
class No:
    """A refusal: nothing is sent.

    Attributes:
        reason: why, with the quote where a yes may still come.
        is_final: whether the person said no.
    """

    reason: str
    is_final: bool = False


async def ask(quote: Quote, context: Context, questions: Elicitation) -> Yes | InputRequiredResult | No:
    """Asks about a quote.

    Returns:
        The yes; the question itself, which the client puts and then makes its call again; or why nothing was sent.

    Raises:
        CallerLeft: the connection or this program ended before the person answered.
    """
    if not _takes_forms(context):
        return No(quote_text(quote))
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return _ask_by_return(quote, context)
    if not context.session.can_send_request:
        return No(quote_text(quote))

    async def put() -> ElicitResult:
        return await context.session.elicit_form(question(quote), _FORM, context.request_context.request_id)

    asked_at = time.monotonic()
    answer = await questions.put(put, context)
    if answer is None:
        return No(quote_text(quote))
    return Yes() if _agrees(answer) else _refused(quote, answer, time.monotonic() - asked_at)


def _takes_forms(context: Context) -> bool:
    """Tells whether the client puts forms to its user. An empty capability, its first shape, means forms too."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _ask_by_return(quote: Quote, context: Context) -> Yes | InputRequiredResult | No:
    """Asks by the question as an answer, or returns what the answer to it came to.

    The state goes through the client, sealed by the SDK and bound to the tool, its arguments and the caller: a yes
    cannot be made up, nor used for anything else. It names the price, because that may have changed meanwhile.
    """
    asked = _state(context)
    answer = (context.input_responses or {}).get(QUESTION)
    about = {"fingerprint": quote.fingerprint, "model": quote.model, "usd": quote.usd, "attempts": quote.attempts}
    if isinstance(answer, ElicitResult) and about.items() <= asked.items():
        took = time.time() - asked["asked_at"]
        return Yes(INTERNAL_KEY + asked["nonce"]) if _agrees(answer) else _refused(quote, answer, took)
    form = ElicitRequestFormParams(message=question(quote), requested_schema=_FORM)
    state = about | {"nonce": secrets.token_hex(16), "asked_at": time.time()}
    return InputRequiredResult(input_requests={QUESTION: ElicitRequest(params=form)}, request_state=json.dumps(state))


def _state(context: Context) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(context.request_state)) if context.request_state else {}


def _agrees(answer: ElicitResult) -> bool:
    return answer.action == "accept" and (answer.content or {}).get("proceed", True) is True


def _refused(quote: Quote, answer: ElicitResult, took: float) -> No:
    if answer.action == "decline" and 0 <= took < AT_ONCE:
        return No(quote_text(quote))
    if answer.action == "cancel":
        closed = "Nothing was sent or charged: the question about the cost was closed unanswered."
        return No(f"{closed} {quote_text(quote)}")
    reason = (
        f"Nothing was sent or charged: the user said no to {priced(quote.usd)} for {quote.model}. "
        "Do not make this call again unless the user asks for it."
    )
    return No(reason, is_final=True)


def question(quote: Quote) -> str:
    """Returns the question to the person."""
    return (
        f"{quoted(quote)}. You want to be asked above {dollars(quote.limit_usd)} "
        "(APIXO_MCP_CONFIRM_ABOVE_USD). Send it?"
    )


def quote_text(quote: Quote) -> str:
    """Returns the words for a model that has to ask the person itself."""
    return (
        f"Not sent yet: {quoted(quote)}, and APIXO_MCP_CONFIRM_ABOVE_USD "
        f"asks for a yes above {dollars(quote.limit_usd)}. Ask the user; after a yes make the very same call with "
        "confirm: true within 30 minutes."
    )
