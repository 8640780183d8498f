"""Small words that all views share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.foreign import clipped

PROMPT_SHOWN = 120
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def iso(seconds: float) -> str:
    """Returns a Unix time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compact(structure: Mapping[str, Any]) -> str:
    """Returns JSON without spaces, non-ASCII text as it is."""
    return json.dumps(structure, ensure_ascii=False, separators=(",", ":"))


def counted(count: int, what: str) -> str:
    """Returns a count and what is counted."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def amount_of(size: int) -> str:
    """Returns bytes as a person reads them."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 or not size else f"{size / 1e3:.0f} kB"


def ordinal(number: int) -> str:
    """Returns a place in a row: `second`, `11th`."""
    return _ORDINALS[number - 1] if 1 <= number <= len(_ORDINALS) else f"{number}th"


def priced(usd: float | None) -> str:
    """Returns an estimate in words."""
    return "an unknown price (APIXO_MCP_PRICES can give it)" if usd is None else f"about {dollars(usd)}"


def shown_prompt(prompt: str, longest: int = PROMPT_SHOWN) -> str:
    """Returns the prompt, or its beginning: at most so many characters, and a third more bytes."""
    return clipped(clipped(prompt, longest), longest * 4 // 3, lambda char: len(char.encode(errors="replace")))


def given(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields that have a value."""
    return {name: value for name, value in entries.items() if value not in (None, "")}


def in_zone(seconds: float) -> str:
    """Returns a Unix time as a person at this machine reads it, to the minute and with the zone."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="minutes")
