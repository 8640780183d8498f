"""What a request would be, as it is shown before anything is sent."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.foreign import clipped
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.tasks.asking.request import Prospect
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.faces import CHAT, Face
from apixo_mcp.views.usage import would_cost
from apixo_mcp.views.words import given, shown_prompt

PRICE_AGAIN = "Nothing was sent or charged: its price is another by now, or was shown too long ago. Look at it again."
"""What a click is told whose price has changed since it was shown."""

_LONGEST = 200
_PROMPT = 60  # one of several
_PROMPTS = 5  # their caller has just written them


def quote_structure(
    prospect: Prospect, *, face: Face = CHAT, left: Mapping[str, Any] | None = None, whole: bool = False
) -> dict[str, Any]:
    """Returns what would be sent, for how much, and what speaks against it.

    Args:
        prospect: of one task, or of several.
        face: in whose words what to do next is said.
        left: what the limits leave before it.
        whole: whether long texts are shown whole.
    """
    inputs, prompts = _common(prospect.tasks)
    listed = prompts
    if not whole:
        inputs, listed = _shortened(inputs), [shown_prompt(prompt, _PROMPT) for prompt in prompts[:_PROMPTS]]
        if more := len(prompts) - len(listed):
            listed.append(f"and {more} more")
    usd = prospect.quote.usd if prospect.takes_up is None else 0.0
    known = {"amount": round(usd, 4), "currency": "USD", "basis": "estimated"} if usd is not None else {}
    return given(
        {
            "model": prospect.quote.model,
            "count": len(prompts) or None,
            "inputs": inputs,
            "prompts": listed or None,
            "cost": known or {"basis": "unknown"},
            "notes": list(quote_notes(prospect, face)) or None,
            "budget_left": left or None,
            "next_step": quote_step(prospect, face),
        }
    )


def quote_sentence(prospect: Prospect) -> str:
    """Tells what a request would cost, in a sentence; what is to be known besides is among the notes."""
    if prospect.takes_up is not None:
        return "Nothing was sent: an equal call has bought this already, and nothing more would be charged."
    return f"Nothing was sent: {would_cost(prospect.quote)}."


def quote_notes(prospect: Prospect, face: Face) -> Sequence[str]:
    """Tells what is to be known before a yes: what was filled in, and what would keep it from being sent."""
    notes = dict.fromkeys(note for task in prospect.tasks for note in task.notes)
    if prospect.takes_up is not None:
        first, *others = prospect.tasks
        more = f" and {len(others)} more" if others else ""
        had = f"An equal earlier call made {first.task_id}{more}: the same call would get that."
        return (*notes, *prospect.takes_up, had)
    quote = prospect.quote
    if quote.attempts > 1:
        most = f": at most {dollars(quote.usd * quote.attempts)} in all" if quote.usd is not None else ""
        notes[f"Where the gateway says to try again, up to {quote.attempts} attempts are charged{most}."] = None
    if prospect.why:
        notes[f"It would be refused: {prospect.why}."] = None
    if prospect.verdict == "ask_first":
        notes[f"It is above {dollars(quote.limit_usd)} (APIXO_MCP_CONFIRM_ABOVE_USD) and wants a yes."] = None
    if not prospect.tasks[0].key_print:
        listing = GATEWAYS[prospect.tasks[0].gateway]
        notes[face.say("{no_key}", variable=listing.key_variable, site=listing.site)] = None
    return tuple(notes)


def quote_step(prospect: Prospect, face: Face) -> str:
    """Tells the reader how the request is bought, or that it cannot be as it is."""
    if prospect.takes_up is not None:
        return face.say("{take_up}")
    if not prospect.tasks[0].key_print:
        return f"It cannot be bought now: no {GATEWAYS[prospect.tasks[0].gateway].key_variable} is set."
    if prospect.verdict == "no_price":
        return "It cannot be bought now: its price is not known."
    if prospect.fits:
        return f"It cannot be bought now; the first {prospect.fits} alone would be within the limit."
    if prospect.why:
        which = "it is not" if len(prospect.tasks) == 1 else "not even one is"
        return f"It cannot be bought now: {which} within the limit."
    return face.say("{buy_after_yes}" if prospect.verdict == "ask_first" else "{buy}")


def _common(tasks: Sequence[Task]) -> tuple[dict[str, Any], list[str]]:
    """Returns the inputs that all tasks have, and the prompts where there are several."""
    first = tasks[0].inputs
    if len(tasks) == 1:
        return dict(first), []
    shared = {name: value for name, value in first.items() if all(task.inputs.get(name) == value for task in tasks)}
    return shared, [task.prompt for task in tasks]


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return clipped(value, _LONGEST)
    if isinstance(value, Mapping):
        return {name: _shortened(part) for name, part in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_shortened(part) for part in cast("Sequence[Any]", value)]
    return value
