"""A model's input class as a JSON Schema that every client reads: flat, inlined, no unions."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from apixo_mcp.catalog.inputs import ModelInput

_NOISE = ("$defs", "definitions", "title", "discriminator", "default", "anyOf", "oneOf", "allOf", "$ref")
_MEDIA = ("image_urls", "video_urls", "audio_urls")
_ANY_KEY = ("additionalProperties", True)
_PICTURE = re.compile(r"image|picture|photo|frame|reference", re.IGNORECASE)
_NO_PICTURE = re.compile(r"video|audio|mask", re.IGNORECASE)
SHAPE_FIELDS = ("aspect_ratio", "ratio", "image_size", "size")
"""The names on the wire of fields that say a shape; the first that a model has is the one that is filled in."""

_FACTS = (
    ("enum", None, ""),
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", " items"),
    ("minLength", "maxLength", " characters"),
)


@cache
def input_schema(cls: type[ModelInput]) -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) of a model's `input` object; it is cached and not to be changed.

    `X | None` becomes X with `nullable: true`; `const` becomes a one-valued `enum`; references are inlined; rules
    between fields stand as sentences in `description`, allowed values and ranges in each field's.
    """
    schema = dict(_flat_schema(cls))
    schema.pop("description", None)
    schema["type"] = "object"
    schema["properties"] = {name: _worded(_left_out(cls, name, entry)) for name, entry in flat_properties(cls).items()}
    schema["additionalProperties"] = cls.is_open()
    return schema | _described(cls, [rule.text for rule in cls.RULES])


def _described(cls: type[ModelInput], conditions: list[str]) -> dict[str, Any]:
    """Returns the description of the whole input, if there is anything to say of it."""
    about = str(_flat_schema(cls).get("description", "")) if cls.is_open() else ""
    sentences = [about.rstrip("."), *conditions]
    return {"description": ". ".join(filter(None, sentences)) + "."} if any(sentences) else {}


def _conditions(cls: type[ModelInput]) -> list[str]:
    """Returns the rules between fields as sentences: one for all the fields of which the same is said."""
    subjects: dict[str, list[str]] = {}
    for rule in cls.RULES:
        field, verb, rest = rule.text.partition(" is ")
        said = field == rule.fields[0] and verb != ""
        subjects.setdefault(rest if said else rule.text, []).extend([field] if said else [])
    return [
        f"{', '.join(fields)} {'is' if len(fields) == 1 else 'are'} {rest}" if fields else rest
        for rest, fields in subjects.items()
    ]


@cache
def brief_schema(cls: type[ModelInput]) -> dict[str, Any]:
    """Returns what `input_schema` does with each fact once: for a reader, who needs no limit in words beside it."""
    properties = {name: _brief(name, _left_out(cls, name, entry)) for name, entry in flat_properties(cls).items()}
    return input_schema(cls) | _described(cls, _conditions(cls)) | {"properties": properties}


def _brief(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a property without what goes without saying: what may be left out may be null, a URL is a URL."""
    kept = {key: value for key, value in entry.items() if key != "nullable" and (key, value) != _ANY_KEY}
    if isinstance(kept.get("items"), dict):
        kept["items"] = _brief(name, cast(dict[str, Any], kept["items"]))
    if kept.get("format") == "uri":
        kept.pop("minLength", None)
        if name.endswith(("_url", "_urls")):
            del kept["format"]
    return kept


def flat_properties(cls: type[ModelInput]) -> dict[str, Any]:
    """Returns the properties of a model's input as its document tells them; not to be changed."""
    return _flat_schema(cls).get("properties", {})


@cache
def _flat_schema(cls: type[ModelInput]) -> dict[str, Any]:
    raw = cls.model_json_schema()
    return _flat(raw, {**raw.get("definitions", {}), **raw.get("$defs", {})}, ())


def _left_out(cls: type[ModelInput], name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Returns the property without a default that is not the one that counts."""
    if "default" in entry and name in SHAPE_FIELDS and picture_fields(cls):
        # A client that fills it in would crop the input picture.
        about = f"Left out: the input picture's own; {entry['default']} without one."
        kept = {key: value for key, value in entry.items() if key != "default"}
        return {**kept, "description": " ".join(filter(None, (entry.get("description", ""), about)))}
    is_choice = entry.get("type") == "boolean" or len(entry.get("enum", ())) > 1
    if name not in cls.LEFT_OUT or "default" not in entry or not is_choice:
        return entry
    kept = {key: value for key, value in entry.items() if key != "default"}
    about = " ".join(filter(None, (entry.get("description", ""), f"Left out: {cls.LEFT_OUT[name]}.")))
    return {**kept, "description": about}


@cache
def media_fields(cls: type[ModelInput]) -> frozenset[str]:
    """Returns the fields that take the URL of an input file, or a list of them."""
    # An undocumented field is passed on as given, yet these names mean files for every model.
    return frozenset(_MEDIA if cls.is_open() else ()) | cls.file_fields()


@cache
def picture_fields(cls: type[ModelInput]) -> frozenset[str]:
    """Returns the fields that take input pictures."""
    return frozenset(
        name
        for name, entry in flat_properties(cls).items()
        if means_picture(name)
        and (name in _MEDIA or "uri" in (entry.get("format"), entry.get("items", {}).get("format")))
    )


def means_picture(name: str) -> bool:
    """Tells whether a field's name says that it takes a picture to work from."""
    return _PICTURE.search(name) is not None and _NO_PICTURE.search(name) is None


@cache
def list_fields(cls: type[ModelInput]) -> frozenset[str]:
    """Returns the fields that take a list."""
    properties: dict[str, Any] = input_schema(cls)["properties"]
    return frozenset(name for name, entry in properties.items() if entry.get("type") == "array")


def _flat(node: Any, definitions: Mapping[str, Any], seen: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_flat(item, definitions, seen) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    entry = cast(dict[str, Any], node)
    if "$ref" in entry:
        name = str(entry["$ref"]).rsplit("/", 1)[-1]
        # A schema that holds itself has no flat form: told as any object.
        target = definitions[name] if name in definitions and name not in seen else {"type": "object"}
        entry = {**target, **{key: value for key, value in entry.items() if key != "$ref"}}
        seen = (*seen, name)
    for part in cast(list[dict[str, Any]], entry.get("allOf", [])):
        entry = {**_flat(part, definitions, seen), **entry}
    out: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "properties":
            out[key] = {name: _flat(child, definitions, seen) for name, child in cast(dict[str, Any], value).items()}
        elif key == "const":
            out["enum"] = [value]
        elif key not in _NOISE:
            out[key] = _flat(value, definitions, seen)
    if isinstance(out.get("type"), list):
        # As a user's own schema may say it; `nullable` is how the classes of the catalog come out.
        types = [name for name in cast(list[str], out.pop("type")) if name != "null"]
        out |= {"type": types[0]} if len(types) == 1 else _merged([{"type": name} for name in types])
        out |= {"nullable": True} if len(types) < len(cast(list[str], entry["type"])) else {}
    union = entry.get("anyOf", entry.get("oneOf"))
    if union is not None:
        kinds = cast(list[dict[str, Any]], _flat(union, definitions, seen))
        real = [kind for kind in kinds if kind.get("type") != "null"]
        out = {**(real[0] if len(real) == 1 else _merged(real)), **out}
        if len(real) < len(kinds):
            out["nullable"] = True
    if entry.get("default") is not None:
        out["default"] = entry["default"]
    return out


def _merged(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns a union that JSON Schema would spell `anyOf`, told in words; the server checks it."""
    return {"description": "One of: " + ", ".join(str(kind.get("type", "any")) for kind in kinds)}


def _worded(entry: dict[str, Any]) -> dict[str, Any]:
    """Returns the property with its limits repeated in words, since many clients show the description alone."""
    facts: list[str] = []
    for low, high, unit in _FACTS:
        if high is None:
            facts += ["One of " + ", ".join(map(str, entry["enum"]))] if entry.get("enum") else []
        elif entry.get(low) is not None and entry.get(high) is not None:
            facts.append(f"{entry[low]} to {entry[high]}{unit}")
        elif entry.get(high) is not None:
            facts.append(f"at most {entry[high]}{unit}")
        elif entry.get(low) is not None and low != "minLength":
            facts.append(f"at least {entry[low]}{unit}")
    words = "; ".join(facts)
    text = " ".join(filter(None, (entry.get("description", ""), f"{words[:1].upper()}{words[1:]}." if words else "")))
    return {**entry, "description": text} if text else entry
