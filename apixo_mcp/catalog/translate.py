"""The common arguments of the tools, said in one model's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.catalog.inputs import shorten
from apixo_mcp.catalog.model import Model, Spelling
from apixo_mcp.catalog.schema import list_fields
from apixo_mcp.errors import Problem

COMMON = (
    "prompt",
    "mode",
    "image_urls",
    "video_urls",
    "audio_urls",
    "aspect_ratio",
    "resolution",
    "output_format",
    "num_images",
    "duration",
    "sound",
    "negative_prompt",
    "seed",
)
"""The arguments that mean the same for every model."""

_SAME = ({"jpg", "jpeg"},)


@dataclass(frozen=True, slots=True)
class Draft:
    """A model's input before it is validated.

    Attributes:
        values: by the wire's field names.
        notes: what was filled in for the caller, as sentences.
        problems: arguments that this model cannot take.
    """

    values: Mapping[str, Any]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def translate(model: Model, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Draft:
    """Says `arguments` (common names) and `options` (the model's own names) in the model's own words.

    Nothing is dropped: an argument that the model does not have is a problem.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in arguments.items():
        spelling = model.spelling.get(name, Spelling(name))
        if not _takes(model, spelling.field):
            problems.append(Problem(name, shorten(value), f"not an input of {model.id}; it takes {', '.join(inputs(model))}"))
            continue
        values[spelling.field] = _spell(model, spelling, value)
    for name, value in options.items():
        if name in values and values[name] != value:
            problems.append(Problem(f"options.{name}", shorten(value), f"given twice; {shorten(values[name])} before"))
            continue
        spelling = model.spelling.get(name, Spelling(name)) if not _has(model, name) else Spelling(name)
        values[spelling.field] = _spell(model, spelling, value)
    notes = _fill_in(model, values)
    return Draft(values, notes, tuple(problems))


def inputs(model: Model) -> tuple[str, ...]:
    """The names under which a caller gives this model's inputs: common where there is one, else its own."""
    common = {spelling.field: name for name, spelling in model.spelling.items()}
    return tuple(dict.fromkeys(common.get(name, name) for name in model.input.model_fields))


def _has(model: Model, name: str) -> bool:
    return name in model.input.model_fields


def _takes(model: Model, name: str) -> bool:
    return _has(model, name) or model.input.model_config.get("extra") == "allow"


def _spell(model: Model, spelling: Spelling, value: Any) -> Any:
    if isinstance(value, str | int | bool) and value in spelling.values:
        return spelling.values[value]
    is_list = spelling.field in list_fields(model.input)
    if is_list and isinstance(value, str):
        return [value]
    if not is_list and isinstance(value, list) and _has(model, spelling.field):
        items = cast(list[Any], value)
        return items[0] if len(items) == 1 else items
    return _choice(value, model.input.choices(spelling.field))


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    """The choice that `value` means (`2K` for `2k`, `jpeg` for `jpg`, 10 for "10"), else `value` itself."""
    if value in choices:
        return next(choice for choice in choices if choice == value)
    plain = str(value).casefold()
    for choice in choices:
        other = str(choice).casefold()
        if plain == other or any({plain, other} <= same for same in _SAME):
            return choice
    return value


def _fill_in(model: Model, values: dict[str, Any]) -> tuple[str, ...]:
    notes: list[str] = []
    if "mode" not in values and (mode := _mode(model, values)):
        values["mode"] = mode
    if model.infer is not None:
        values.update({name: value for name, value in model.infer(values).items() if name not in values})
    for name, value in model.quiet_defaults.items():
        if name not in values:
            values[name] = value
            notes.append(f"{name} was set to {str(value).lower() if isinstance(value, bool) else value}, as none was given.")
    return tuple(notes)


def _mode(model: Model, values: Mapping[str, Any]) -> str | None:
    """The mode that the given inputs imply: text-to-… without an input picture, image-to-… with one."""
    if not model.modes:
        return None
    default = str(model.input.defaults().get("mode") or model.modes[0])
    image_field = model.spelling.get("image_urls", Spelling("image_urls")).field
    if values.get(image_field):
        wanted = default.replace("text-to-", "image-to-")
    else:
        wanted = default.replace("image-to-", "text-to-")
    return wanted if wanted in model.modes else default
