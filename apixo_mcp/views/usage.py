"""Spending as it is shown."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.generation import Failure
from apixo_mcp.views.faces import Face, advice_of
from apixo_mcp.views.tasks import counted


def usage_structure(report: Mapping[str, Any], face: Face) -> dict[str, Any]:
    """Returns a report of spending as plain JSON values."""
    return {**report, "balances": {name: _balance(entry, face) for name, entry in report["balances"].items()}}


def _balance(entry: Mapping[str, Any] | Failure, face: Face) -> Mapping[str, Any]:
    return {"error": entry.message, "advice": advice_of(entry, face)} if isinstance(entry, Failure) else entry


def usage_sentence(found: Mapping[str, Any]) -> str:
    """Tells a report of spending in a sentence or two."""
    totals = found["totals"]
    said = f"{counted(totals['tasks'], 'task')} in this time"
    if totals["attempts"] > totals["tasks"]:
        said += f" ({totals['attempts']} paid attempts)"
    said += f", about ${totals['estimated_usd']:.2f} by the prices known."
    for name, entry in found["balances"].items():
        if "amount" in entry:
            said += f" Balance of {name}: {entry['amount']:.2f} {entry['currency']}."
    return said
