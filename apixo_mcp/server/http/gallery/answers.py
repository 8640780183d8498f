"""Answers in JSON, which nothing that a task or a file holds breaks: half characters, and numbers that are none."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import Response

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def in_json(structure: Mapping[str, Any], status: int = 200) -> Response:
    """Returns an answer in JSON."""
    return Response(json_of(structure), status, _HEADERS, "application/json")


def json_of(structure: Mapping[str, Any]) -> bytes:
    """Returns JSON that every reader takes; what JSON cannot hold is left out, or a question mark."""
    try:
        text = json.dumps(structure, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(structure), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(entry) for name, entry in cast("Mapping[str, Any]", value).items()}
    return [_finite(entry) for entry in cast("list[Any]", value)] if isinstance(value, list | tuple) else value
