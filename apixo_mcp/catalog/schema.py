"""A model's input class as a JSON Schema that every client reads: flat, inlined, no unions."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from apixo_mcp.catalog.inputs import ModelInput

_NOISE = ("title", "discriminator", "default")


@cache
def input_schema(cls: type[ModelInput]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a model's `input` object.

    `X | None` becomes X with `nullable: true`; `const` becomes a one-valued `enum`; references are inlined; rules
    between fields stand as sentences in `description`.
    """
    raw = cls.model_json_schema()
    schema = _flat(raw, raw.get("$defs", {}))
    schema.pop("description", None)
    schema["type"] = "object"
    schema["additionalProperties"] = cls.model_config.get("extra") == "allow"
    if cls.RULES:
        schema["description"] = ". ".join(rule.text for rule in cls.RULES) + "."
    return schema


@cache
def media_fields(cls: type[ModelInput]) -> frozenset[str]:
    """The fields that take the URL of an input file, or a list of them."""
    properties: dict[str, Any] = input_schema(cls)["properties"]
    return frozenset(
        name for name, entry in properties.items() if "uri" in (entry.get("format"), entry.get("items", {}).get("format"))
    )


@cache
def list_fields(cls: type[ModelInput]) -> frozenset[str]:
    """The fields that take a list."""
    properties: dict[str, Any] = input_schema(cls)["properties"]
    return frozenset(name for name, entry in properties.items() if entry.get("type") == "array")


def _flat(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_flat(item, definitions) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    entry = cast(dict[str, Any], node)
    if "$ref" in entry:
        target = definitions[entry["$ref"].rsplit("/", 1)[1]]
        entry = {**target, **{key: value for key, value in entry.items() if key != "$ref"}}
    out: dict[str, Any] = {}
    default = entry.get("default")
    for key, value in entry.items():
        if key in ("$defs", "anyOf") or key in _NOISE and not (key == "title" and isinstance(value, dict)):
            continue
        if key == "properties":
            out[key] = {name: _flat(child, definitions) for name, child in cast(dict[str, Any], value).items()}
        elif key == "const":
            out["enum"] = [value]
        else:
            out[key] = _flat(value, definitions)
    if "anyOf" in entry:
        kinds = [_flat(kind, definitions) for kind in cast(list[Any], entry["anyOf"])]
        real = [kind for kind in kinds if kind.get("type") != "null"]
        out = {**(real[0] if len(real) == 1 else _merged(real)), **out}
        if len(real) < len(kinds):
            out["nullable"] = True
    if default is not None:
        out["default"] = default
    return out


def _merged(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """A union that JSON Schema would spell `anyOf`, told in words; the server checks it."""
    return {"description": "One of: " + ", ".join(str(kind.get("type", "any")) for kind in kinds)}
