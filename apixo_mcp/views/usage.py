"""Spending as it is shown."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.views.tasks import counted


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
