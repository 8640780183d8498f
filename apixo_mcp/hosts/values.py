"""What was read of a host's file, as values of known types. Pure."""

from collections.abc import Mapping
from typing import Any, cast


def object_of(value: Any) -> Mapping[str, Any] | None:
    """Returns a value as an object by its keys; None where it is none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def value_at(value: Any, keys: tuple[str, ...]) -> Any:
    """Returns what keys lead to; None where they lead nowhere."""
    for key in keys:
        value = (object_of(value) or {}).get(key)
    return value
