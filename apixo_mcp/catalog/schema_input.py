"""An input class made from a JSON Schema, for models of the user's own."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from apixo_mcp.catalog.inputs import ModelInput, OpenInput
from apixo_mcp.catalog.schema import flat_properties
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten

_WORDS = {
    "enum": "must be one of {}",
    "const": "must be {}",
    "type": "must be of type {}",
    "pattern": "must match {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "must be a multiple of {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}


class SchemaInput(OpenInput):
    """Base of the input classes that are made from a JSON Schema."""

    SCHEMA: ClassVar[dict[str, Any]] = {}

    @model_validator(mode="after")
    def _obey_schema(self) -> Self:
        problems = _schema_problems(self.SCHEMA, self.wire())
        if problems:
            raise PydanticCustomError("rules", "{text}", {"text": "; ".join(map(str, problems)), "problems": problems})
        return self

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Returns the schema as it was given."""
        return dict(cls.SCHEMA)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Returns the properties of the schema."""
        return tuple(cls.SCHEMA.get("properties", {}))

    @classmethod
    def is_open(cls) -> bool:
        """Tells whether the schema allows other fields."""
        return cls.SCHEMA.get("additionalProperties", True) is not False

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Returns the defaults of the schema; they are the gateway's to apply, and are not sent."""
        return {name: _property(cls, name).get("default") for name in cls.names()}

    @classmethod
    def choices(cls, name: str) -> tuple[Any, ...]:
        """Returns the allowed values of a property."""
        return tuple(_property(cls, name).get("enum", ()))

    @classmethod
    def limits(cls, name: str) -> Mapping[str, Any]:
        """Returns the property: all that limits it stands there."""
        return _property(cls, name)

    @classmethod
    def file_fields(cls) -> frozenset[str]:
        """Returns the properties that are URLs, or lists of them."""
        return frozenset(
            name
            for name, entry in flat_properties(cls).items()
            if "uri" in (entry.get("format"), entry.get("items", {}).get("format"))
        )


def _property(cls: type[ModelInput], name: str) -> dict[str, Any]:
    return flat_properties(cls).get(name, {})


def _schema_problems(schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Problem, ...]:
    from jsonschema import Draft202012Validator  # slow to import, and rarely needed

    problems: list[Problem] = []
    for error in Draft202012Validator(schema).iter_errors(values):  # pyright: ignore[reportUnknownMemberType]
        name = ".".join(str(part) for part in error.absolute_path)
        expected: Any = error.validator_value  # pyright: ignore[reportUnknownMemberType]
        given = shorten(error.instance) if name else ""
        match error.validator:
            case "required" if not name:
                missing = [field for field in expected if field not in values]
                problems += [
                    Problem(field, "", "required")
                    for field in missing
                    if (field, "required") not in {(problem.field, problem.allowed) for problem in problems}
                ]
            case "additionalProperties" if not name:
                known = schema.get("properties", {})
                problems += [
                    Problem(field, shorten(values[field]), f"not an input; it takes {', '.join(known)}")
                    for field in values
                    if field not in known
                ]
            case str() as kind if kind in _WORDS:
                words = ", ".join(map(str, cast(list[Any], expected))) if isinstance(expected, list) else str(expected)
                problems.append(Problem(name or "input", given, _WORDS[kind].format(words)))
            case _:
                problems.append(Problem(name or "input", given, shorten(error.message, 200).strip("'\"")))
    return tuple(problems)


def stray_reference(schema: Mapping[str, Any]) -> str:
    """Returns the first reference to anything but an entry of the schema's own `$defs`, empty without one."""
    known = {f"#/{key}/{name}" for key in ("$defs", "definitions") for name in schema.get(key, {})}
    return next((reference for reference in _references(schema) if reference not in known), "")


def _references(node: Any) -> list[str]:
    parts: list[Any] = []
    own: list[str] = []
    if isinstance(node, dict):
        entry = cast(dict[str, Any], node)
        own = [entry["$ref"]] if isinstance(entry.get("$ref"), str) else []
        parts = list(entry.values())
    elif isinstance(node, list):
        parts = cast(list[Any], node)
    return [*own, *(reference for part in parts for reference in _references(part))]
