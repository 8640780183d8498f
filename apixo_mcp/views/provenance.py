"""What is shown of a file that tells where it came from."""

import json
from typing import Any

from apixo_mcp.foreign import clipped
from apixo_mcp.media.telling.told import Told

_LONGEST_INPUT = 300

_BY = {"file": "the file itself, into which anybody may write", "record": "the record that was saved beside it"}


def provenance_structure(told: Told) -> dict[str, Any]:
    """Returns it as plain JSON values."""
    return {**told.provenance.structure, "told_by": told.by}


def provenance_lines(told: Told) -> list[str]:
    """Returns it as lines for a person; the prompt is told whole."""
    provenance = told.provenance
    index = f", result {provenance.index}" if provenance.index else ""
    rows = [
        ("prompt", provenance.prompt),
        ("model", f"{provenance.model} ({provenance.gateway})" if provenance.gateway else provenance.model),
        ("task", provenance.task_id + index),
        ("made", provenance.created_at),
        *((f"  {_on_a_line(clipped(name, 40))}", _shown(value)) for name, value in provenance.inputs.items()),
        ("with", provenance.app),
        ("told by", _BY[told.by]),
    ]
    return [f"{name:<9} {_on_a_line(text)}" for name, text in rows if text]


def _on_a_line(text: str) -> str:
    """Returns a text such that nothing in a file begins a line of its own."""
    return " ".join(text.split())


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clipped(text, _LONGEST_INPUT)
