"""Reading JSON Schemas."""

from collections.abc import Iterator
from typing import Any

BANNED = {"$ref", "$defs", "oneOf", "anyOf", "allOf", "const", "discriminator"}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from nodes(child)
