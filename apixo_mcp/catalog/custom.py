"""Models of the user's own, from a TOML or JSON file. Reading that file is the only I/O of the catalog."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.model import (
    BY_MODALITY,
    RUXA_IMAGE,
    RUXA_VIDEO,
    Model,
    Schedule,
    Spelling,
)
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema_input import SchemaInput, stray_reference
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS
from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.generation import Modality

_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*", re.ASCII)
_KEYS = (
    *("gateway", "modality", "wire_id", "title", "vendor", "input", "schedule", "aliases", "spelling"),
    *("quiet_defaults", "tips", "times"),
)
_SCHEDULES = {
    ("ruxa", "image"): RUXA_IMAGE,
    ("ruxa", "video"): RUXA_VIDEO,
}


def load_custom(path: Path) -> tuple[Model, ...]:
    """Returns the models of a `models.toml` or `models.json`: new ones, and new versions of known ones.

    An entry is a table under `models`, named after the model's id::

        [models."my-model"]
        gateway = "apixo"            # or another of the directory; the id of a Ruxa model starts with ruxa/
        modality = "image"           # image, video, audio
        input = "any"                # passed on as given, or a JSON Schema: [models."my-model".input]
        schedule = { first_wait = 5, interval = 3, maximum = 120 }

    What an entry for a known id leaves out stays as it is.

    Raises:
        SettingsError: naming the file, the entry and what is wrong with it. A broken file changes nothing.
    """
    try:
        return _load(path)
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply") from None


def _load(path: Path) -> tuple[Model, ...]:
    document = _read(path)
    table = document.get("models")
    if not isinstance(table, dict) or set(document) != {"models"}:
        raise SettingsError(
            f'{path} must hold entries under "models", each named after the id of a model, and nothing else'
        )
    known = Catalog()
    names: dict[str, str] = {_alike(model.id): model.id for model in known}
    for name in cast(dict[str, Any], table):
        if (other := names.setdefault(_alike(name), name)) != name:
            raise SettingsError(f'{path}: models."{name}" differs from {other} by separators or case only; rename it')
    return tuple(
        _model(f'{path}: models."{name}"', name, entry, known.get(name))
        for name, entry in cast(dict[str, Any], table).items()
    )


def _alike(name: str) -> str:
    """Returns an id as the name of a typed tool would have it: what is alike there could not be told apart."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")  # some editors on Windows begin a file with a mark
        document: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise SettingsError(
            f"{path} is not valid {'JSON' if path.suffix.lower() == '.json' else 'TOML'}: {error}"
        ) from None
    if not isinstance(document, dict):
        raise SettingsError(f'{path} must hold an object with the key "models"')
    return cast(dict[str, Any], document)


def _model(where: str, name: str, entry: Any, base: Model | None) -> Model:
    if not _ID.fullmatch(name):
        raise SettingsError(f"{where}: the id of a model is made of letters, digits, '.', '_', '-' and '/'")
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} must be a table")
    fields = cast(dict[str, Any], entry)
    if unknown := [key for key in fields if key not in _KEYS]:
        raise SettingsError(f"{where}: {unknown[0]} is not known; use {', '.join(_KEYS)}")
    gateway: str = _one_of(where, fields, "gateway", tuple(GATEWAYS), base.gateway if base else None)
    modality: Modality = _one_of(where, fields, "modality", get_args(Modality), base.modality if base else None)
    listing = GATEWAYS[gateway]
    for one in GATEWAYS.values():
        if one.id_prefix and (one is listing) != name.startswith(one.id_prefix):
            raise SettingsError(f"{where}: the ids of {one.title} models, and only theirs, start with {one.id_prefix}")
    model = base or Model(
        id=name,
        title=name,
        vendor="",
        modality=modality,
        input=AnyInput,
        schedule=_SCHEDULES.get((gateway, modality), BY_MODALITY[modality]),
        sources=(),
        gateway=gateway,
        facts="none",
        result_hours=listing.result_hours,
    )
    changes: dict[str, Any] = {"gateway": gateway, "modality": modality, "sources": (where.partition(": models.")[0],)}
    for key in ("wire_id", "title", "vendor", "times"):
        if key in fields:
            changes[key] = _text(where, key, fields[key])
    if not _ID.fullmatch(changes.get("wire_id", name)):
        raise SettingsError(f"{where}: wire_id is made of letters, digits, '.', '_', '-' and '/'")
    for key in ("aliases", "tips"):
        if key in fields:
            changes[key] = _texts(where, key, fields[key])
    if "schedule" in fields:
        changes["schedule"] = _schedule(where, fields["schedule"], model.schedule)
    if "spelling" in fields:
        changes["spelling"] = _spelling(where, fields["spelling"])
    if "quiet_defaults" in fields:
        changes["quiet_defaults"] = MappingProxyType(_table(where, "quiet_defaults", fields["quiet_defaults"]))
    if "input" in fields:
        # What belonged to the former input would not fit the new one.
        former: dict[str, Any] = {
            "spelling": {},
            "quiet_defaults": {},
            "infer": None,
            "doubt": None,
            "sizes": None,
            "prices": (),
            "sound": None,
            "voices": (),
        }
        changes = former | changes | _input(where, name, fields["input"])
    return replace(model, **changes)


def _input(where: str, name: str, given: Any) -> dict[str, Any]:
    if given == "any":
        return {"input": AnyInput, "facts": "none"}
    if not isinstance(given, dict):
        raise SettingsError(f'{where}: input must be "any" or a JSON Schema')
    schema = cast(dict[str, Any], given)
    from jsonschema import Draft202012Validator  # slow to import, and rarely needed
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)  # pyright: ignore[reportUnknownMemberType]
    except SchemaError as error:
        at = ".".join(str(part) for part in error.absolute_path)
        raise SettingsError(
            f"{where}: input is not a valid JSON Schema: {at + ': ' if at else ''}{error.message}"
        ) from None
    if schema.get("type", "object") != "object" or not isinstance(schema.get("properties"), dict):
        raise SettingsError(f"{where}: input must be a JSON Schema of an object with properties")
    if stray := stray_reference(schema):
        raise SettingsError(f"{where}: input refers to {stray!r}; only entries of its own $defs can be referred to")
    cls = type(f"Custom_{name}", (SchemaInput,), {"SCHEMA": schema, "__module__": __name__})
    return {"input": cls, "facts": "full"}


def _one_of(where: str, fields: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None) -> Any:
    value = fields.get(key, default)
    if value not in allowed:
        raise SettingsError(f"{where}: {key} must be one of {', '.join(allowed)}")
    return value


def _schedule(where: str, given: Any, base: Schedule) -> Schedule:
    table = _table(where, "schedule", given)
    names = ("first_wait", "interval", "maximum")
    for name, value in table.items():
        if name not in names:
            raise SettingsError(f"{where}: schedule.{name} is not known; use {', '.join(names)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
            raise SettingsError(f"{where}: schedule.{name} must be seconds, above 0 and at most 86400")
    return replace(base, source=where.partition(": models.")[0], **table)


def _spelling(where: str, given: Any) -> Mapping[str, Spelling]:
    spelling: dict[str, Spelling] = {}
    for name, value in _table(where, "spelling", given).items():
        if name not in COMMON_ARGUMENTS:
            raise SettingsError(f"{where}: spelling.{name} is not a common argument; use {', '.join(COMMON_ARGUMENTS)}")
        spelling[name] = Spelling(_text(where, f"spelling.{name}", value))
    return MappingProxyType(spelling)


def _table(where: str, key: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SettingsError(f"{where}: {key} must be a table")
    return cast(dict[str, Any], given)


def _text(where: str, key: str, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise SettingsError(f"{where}: {key} must be text")
    return given


def _texts(where: str, key: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise SettingsError(f"{where}: {key} must be a list of texts")
    return tuple(_text(where, key, item) for item in cast(list[Any], given))
