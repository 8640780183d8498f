"""The base of every model's input class."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from apixo_mcp.errors import Problem

if TYPE_CHECKING:
    from apixo_mcp.catalog.rules import Rule


def _is_url(value: str) -> str:
    if not value.startswith(("http://", "https://", "data:")):
        raise PydanticCustomError("url_scheme", "must be a URL that starts with https:// or http://")
    return value


_OF_URL = {"format": "uri"}
Url = Annotated[str, Field(min_length=1, json_schema_extra=dict(_OF_URL)), AfterValidator(_is_url)]
"""A public URL of an input file. Gateways take nothing else (APIXO and Ruxa document no upload)."""

UNDOCUMENTED_PROMPT = 5000
"""The longest prompt where no page names a limit: what the APIXO best practices guide checks for."""


class ModelInput(BaseModel):
    """Base of the input classes: frozen, strict about unknown fields, fields named as on the wire.

    A field that is None was not given and is not sent. Documented limits are field constraints or `RULES`. What a
    document only implies stands in the field's description as "inferred" and is never enforced.
    """

    # Deferred: the validators of sixty classes take longer to build than a server may take to start.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)

    RULES: ClassVar["tuple[Rule, ...]"] = ()
    LEFT_OUT: ClassVar[Mapping[str, str]] = MappingProxyType({"mode": "chosen by the inputs"})
    """Tells of the fields whose default is not published: a client that fills it in would choose in our place."""

    @field_validator("*", mode="before")
    @classmethod
    def _read_no_underscores(cls, value: Any, info: ValidationInfo) -> Any:
        # Pydantic reads 1_0 as ten, as Python does: whoever wrote it hardly meant that.
        if isinstance(value, str) and "_" in value and not value.strip("0123456789_.+- \t"):
            field = cls.model_fields.get(info.field_name or "")
            if field is not None and not {str, Any}.intersection(_kinds(field.annotation)):
                raise PydanticCustomError("number", "must be a number in digits alone")
        return value

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        problems = self.broken_rules(self.model_dump(), skip=frozenset())
        if problems:
            raise PydanticCustomError("rules", "{text}", {"text": "; ".join(map(str, problems)), "problems": problems})
        return self

    @classmethod
    def broken_rules(cls, values: Mapping[str, Any], *, skip: frozenset[str]) -> tuple[Problem, ...]:
        """Returns the problems that `RULES` finds in `values`, leaving out rules that read a field of `skip`."""
        full = cls.defaults() | {name: value for name, value in values.items() if value is not None}
        problems = (_checked(entry, full) for entry in cls.RULES if not skip.intersection(entry.fields))
        return tuple(problem for problem in problems if problem is not None)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Returns the documented fields, in the order of the document."""
        return tuple(cls.model_fields)

    @classmethod
    def is_open(cls) -> bool:
        """Tells whether fields that are not documented are passed on."""
        return cls.model_config.get("extra") == "allow"

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Returns every field's default, None where it has none."""
        return {name: None if info.is_required() else info.default for name, info in cls.model_fields.items()}

    @classmethod
    def sent_defaults(cls) -> dict[str, Any]:
        """Returns the defaults that are sent where a field is left out."""
        return {
            name: info.default
            for name, info in cls.model_fields.items()
            if not info.is_required() and info.default is not None
        }

    @classmethod
    def choices(cls, name: str) -> tuple[Any, ...]:
        """Returns the allowed values of a field, empty where it takes any."""
        return _choices(cls).get(name, ())

    @classmethod
    def limits(cls, name: str) -> Mapping[str, Any]:
        """Returns what limits a field, as its schema says it: `enum`, `minimum`, `maximum` and `maxItems`.

        Read from the field itself: building the schemas of all models takes a tenth of a second.
        """
        info = cls.model_fields.get(name)
        if info is None:
            return {}
        is_list = list in (get_origin(info.annotation), *map(get_origin, get_args(info.annotation)))
        limits: dict[str, Any] = {} if is_list or not cls.choices(name) else {"enum": [*cls.choices(name)]}
        for entry in (*info.metadata, *(() if is_list else _constraints(info.annotation))):
            match entry:
                case Ge(ge=least):
                    limits["minimum"] = least
                case Le(le=most):
                    limits["maximum"] = most
                case MaxLen(max_length=most) if is_list:
                    limits["maxItems"] = most
                case _:
                    pass
        return limits

    @classmethod
    def file_fields(cls) -> frozenset[str]:
        """Returns the fields that take the URL of an input file, or a list of them; read as `limits` are."""
        return frozenset(
            name
            for name, info in cls.model_fields.items()
            if any(getattr(note, "json_schema_extra", None) == _OF_URL for note in (info, *_notes(info.annotation)))
        )

    def wire(self) -> dict[str, Any]:
        """Returns the `input` object as it is sent: JSON values, without the fields that were not given."""
        return self.model_dump(mode="json", exclude_none=True)


class OpenInput(ModelInput):
    """The input of a model with fields whose names no document shows: an unknown field is passed on as given."""

    model_config = ConfigDict(extra="allow")


class AnyInput(OpenInput):
    """No document lists the inputs of this model: everything is passed on as given, nothing is checked."""

    prompt: str | None = Field(
        None, min_length=1, max_length=UNDOCUMENTED_PROMPT, description="What to make. Its length limit is inferred."
    )


def _checked(entry: "Rule", values: Mapping[str, Any]) -> Problem | None:
    try:
        return entry.check(values)
    except (TypeError, ValueError, AttributeError):
        # Of the wrong type somewhere, which its own field reports.
        return None


def _literals(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(value for part in get_args(annotation) for value in _literals(part))


def _notes(annotation: Any) -> Iterator[Any]:
    """Yields what is noted of the types that an annotation is made of."""
    for part in get_args(annotation):
        yield from getattr(part, "__metadata__", ())
        yield from _notes(part)


def _constraints(annotation: Any) -> Iterator[Any]:
    """Yields the limits among what is noted."""
    for note in _notes(annotation):
        yield from getattr(note, "metadata", ())


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """Returns the types that an annotation is made of."""
    parts = () if get_origin(annotation) is Literal else get_args(annotation)
    return tuple(kind for part in parts for kind in _kinds(part)) if parts else (annotation,)


@cache
def _choices(cls: type[ModelInput]) -> Mapping[str, tuple[Any, ...]]:
    return MappingProxyType({name: _literals(info.annotation) for name, info in cls.model_fields.items()})
