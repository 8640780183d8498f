"""The common arguments of the tools, said in one model's own words."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.catalog.doubts import doubts
from apixo_mcp.catalog.model import Model, Sizes, Spelling
from apixo_mcp.catalog.near_names import nearest_name
from apixo_mcp.catalog.schema import input_schema, list_fields
from apixo_mcp.catalog.shapes import PictureSize, first_picture, keep_shape, said_shape
from apixo_mcp.catalog.sounds import is_without_switch, switched
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten

COMMON_ARGUMENTS = (
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
_SHAPE = ("aspect_ratio", "resolution")
_SECONDS = ("duration", "seconds")
_IN_SECONDS = re.compile(r"\s{0,9}([0-9]{1,9})\s{0,9}s(?:ec(?:ond)?s?)?\.?\s{0,9}", re.IGNORECASE)
_SIDES = re.compile(r"(\d{1,9})\s{0,9}[:x×*/]\s{0,9}(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Draft:
    """A model's input before it is validated.

    Attributes:
        values: by the wire's field names.
        notes: what was filled in for the caller, as sentences.
        problems: arguments that this model cannot take.
        kept: the field in which the shape of an input picture was put, empty where none was.
    """

    values: Mapping[str, Any]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Spelt:
    """What a caller gave, in one model's own words; nothing is filled in yet.

    Attributes:
        values: by the wire's field names.
        shape: aspect ratio and resolution, where they make up one field on the wire.
        problems: arguments that this model cannot take.
        notes: what was left out, as sentences.
    """

    values: Mapping[str, Any]
    shape: Mapping[str, Any]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def translate(
    model: Model, arguments: Mapping[str, Any], options: Mapping[str, Any], size: PictureSize | None = None
) -> Draft:
    """Says `arguments` (common names) and `options` (the model's own names) in the model's own words, and completes it.

    Nothing is dropped: an argument that the model does not have is a problem, or noted where it is so anyway.
    """
    return complete(model, spell(model, arguments, options), size, model.sizes)


def spell(model: Model, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Spelt:
    """Says `arguments` and `options` in the model's own words."""
    values: dict[str, Any] = {}
    shape: dict[str, Any] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    entries = [(name, name, value) for name, value in arguments.items()]
    entries += [(f"options.{name}", name, value) for name, value in options.items()]
    for called, name, value in entries:
        if value is None or (called != name and value in ("", []) and _is_neutral(model, name)):
            continue
        if name == "sound" and is_without_switch(model) and (called == name or not model.input.is_open()):
            outcome = switched(model, called, value)
            notes += [outcome] if isinstance(outcome, str) else []
            problems += [outcome] if isinstance(outcome, Problem) else []
            continue
        own = called != name and name in model.input.names()
        spelling = Spelling(name) if own else model.spelling.get(name, Spelling(name))
        is_shape = model.sizes is not None and name in _SHAPE
        target, field = (shape, name) if is_shape else (values, spelling.field)
        if not is_shape and called == name and not _takes(model, field):
            problems.append(_not_taken(model, name, value))
            continue
        spelt = value if is_shape else _spell(model, spelling, value)
        if field in target and target[field] != spelt:
            problems.append(Problem(called, shorten(value), f"given twice; {shorten(target[field])} before"))
            continue
        target[field] = spelt
    return Spelt(values, shape, tuple(problems), tuple(dict.fromkeys(notes)))


def complete(model: Model, spelt: Spelt, size: PictureSize | None, sizes: Sizes | None) -> Draft:
    """Fills in what the caller left out.

    Args:
        size: of the first input picture, None where it is not known here.
        sizes: the table of the model's sizes, also where the caller speaks of them by the model's own name.
    """
    values, problems, notes = dict(spelt.values), list(spelt.problems), list(spelt.notes)
    given = frozenset(values)
    problems += doubts(model, values)
    _infer(model, values)
    shape = dict(spelt.shape)
    if model.sizes is not None and "resolution" in shape:
        shape["resolution"] = _choice(shape["resolution"], tuple(model.sizes.table))
    is_row = model.sizes is None or shape.get("resolution") in (None, *model.sizes.table)
    kept = None
    if is_row and "aspect_ratio" not in shape:
        kept = said_shape(model, values | shape, given, sizes)
        if kept is None and first_picture(model, values):
            kept = keep_shape(model, values | shape, given, size, sizes)
    if kept is not None:
        notes.append(kept.note)
        values |= {kept.field: kept.value}
        given |= {kept.field}
    if model.sizes is not None and shape:
        given |= {model.sizes.field, *shape}
        if kept is None or (kept.value is None and model.sizes.resolution_alone):
            problems += _fit(model, model.sizes, values, shape, notes)
        elif kept.value is None:
            why = f"required with resolution, as {kept.field} says both and the picture's size is not known here"
            problems.append(Problem("aspect_ratio", "", why))
    _fill_in(model, values)
    values = {name: value for name, value in values.items() if value is not None}
    if filled := _filled(model, values, given):
        # One short sentence: it is part of every answer.
        notes.append(f"{', '.join(filled).replace(' to ', ' was set to ', 1)}, as none was given.")
    return Draft(values, tuple(notes), tuple(problems), kept.field if kept else "")


def inputs(model: Model) -> tuple[str, ...]:
    """Returns the names under which a caller gives this model's inputs: common where there is one, else its own."""
    common: dict[str, tuple[str, ...]] = {spelling.field: (name,) for name, spelling in model.spelling.items()}
    if model.sizes is not None:
        common[model.sizes.field] = (*_SHAPE, model.sizes.field)
    return tuple(dict.fromkeys(name for field in model.input.names() for name in common.get(field, (field,))))


def common(model: Model) -> dict[str, str]:
    """Returns the common arguments that this model takes, each with the field it is spelt as on the wire."""
    taken: dict[str, str] = {}
    fields = frozenset(model.input.names())
    for name in COMMON_ARGUMENTS:
        spelling = model.spelling.get(name)
        field = name if spelling is None else spelling.field
        if model.sizes is not None and name in _SHAPE:
            taken[name] = model.sizes.field
        elif field in fields or model.facts == "none":
            taken[name] = field
    return taken


def _takes(model: Model, name: str) -> bool:
    return model.facts == "none" or name in model.input.names()


def _is_neutral(model: Model, name: str) -> bool:
    """Tells whether an empty value of this field is what some frameworks send for one that was left out."""
    if name == "prompt":
        # An empty one is told where it is needed, and where nobody knows.
        return model.facts != "none" and "prompt" not in input_schema(model.input).get("required", ())
    return name in model.input.names() or name in model.spelling or (model.sizes is not None and name in _SHAPE)


def _not_taken(model: Model, name: str, value: Any) -> Problem:
    names = inputs(model)
    near = nearest_name(name, names)
    way_out = "; a field that its page does not name goes into options" if model.input.is_open() else ""
    if name == "num_images":
        way_out = "; leave it out, and for several pictures give several prompts, or take a model that has num_images"
    allowed = f"not an input of {model.id}; it takes {', '.join(names)}{way_out}"
    return Problem(name, shorten(value), allowed, near)


def _spell(model: Model, spelling: Spelling, value: Any) -> Any:
    field = spelling.field
    choices = model.input.choices(field)
    if spelling.values and isinstance(value, str | int):
        plain = str(_choice(value, tuple(spelling.values)))
        if plain in spelling.values:
            return spelling.values[plain]
    is_list = field in list_fields(model.input)
    if is_list and isinstance(value, str):
        return [value]
    if field in model.input.names() and not is_list and isinstance(value, list):
        items = cast(list[Any], value)
        return items[0] if len(items) == 1 else items
    if field in _SECONDS and isinstance(value, str) and (seconds := _IN_SECONDS.fullmatch(value)):
        value = seconds[1]
    entry: Mapping[str, Any] = input_schema(model.input)["properties"].get(field, {})
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not choices and is_number and entry.get("type") == "string" and "format" not in entry:
        return f"{value:g}" if isinstance(value, float) else str(value)
    return _choice(value, choices)


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    """Returns the choice that `value` means (`2K` for `2k`, `jpeg` for `jpg`, 10 for "10"), else `value`."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return value
    if value in choices:
        return next(choice for choice in choices if choice == value)
    plain = str(value).strip().casefold()
    meant = {plain}
    if sides := _SIDES.fullmatch(plain):
        meant |= {f"{sides[1]}{between}{sides[2]}" for between in ":x*"}
    for choice in choices:
        other = str(choice).casefold()
        if other in meant or any({plain, other} <= same for same in _SAME):
            return choice
    return value


def _infer(model: Model, values: dict[str, Any]) -> None:
    if model.infer is not None:
        inferred: Mapping[str, Any] = {}
        # Values of a wrong type stop the inference; validation reports them.
        with suppress(TypeError, AttributeError):
            inferred = model.infer(values)
        values.update({name: value for name, value in inferred.items() if name not in values})
    if "mode" not in values and "mode" not in model.quiet_defaults and (mode := _mode(model, values)):
        values["mode"] = mode
    if values.get("mode", "") is None:
        # Several modes fit: validation asks for one and names them.
        del values["mode"]


def _mode(model: Model, values: Mapping[str, Any]) -> str | None:
    """Returns the mode that the given inputs imply: text-to-… without an input picture, image-to-… with one."""
    if not model.modes:
        return None
    default = str(model.input.defaults().get("mode") or model.modes[0])
    image_field = model.spelling.get("image_urls", Spelling("image_urls")).field
    if values.get(image_field):
        wanted = default.replace("text-to-", "image-to-")
    else:
        wanted = default.replace("image-to-", "text-to-")
    return wanted if wanted in model.modes else default


def _fit(
    model: Model, sizes: Sizes, values: dict[str, Any], shape: Mapping[str, Any], notes: list[str]
) -> list[Problem]:
    """Puts the size that `shape` means into `values`."""
    ratio, resolution = shape.get("aspect_ratio"), shape.get("resolution")
    mode = values.get("mode")
    fits = not sizes.modes or mode in sizes.modes
    if not fits or (ratio is None and sizes.resolution_alone):
        if resolution is not None:
            values["resolution"] = _choice(resolution, model.input.choices("resolution"))
        if ratio is None:
            return []
        return [Problem("aspect_ratio", shorten(ratio), f"not accepted when mode is {mode}")]
    if values.get(sizes.field) is not None:
        name = "aspect_ratio" if ratio is not None else "resolution"
        return [Problem(name, shorten(shape[name]), f"given twice; {sizes.field} is {shorten(values[sizes.field])}")]
    row = str(_choice(resolution, tuple(sizes.table))) if resolution is not None else next(iter(sizes.table))
    if row not in sizes.table:
        return [Problem("resolution", shorten(resolution), f"must be one of {', '.join(sizes.table)}")]
    column = str(_choice(ratio, tuple(sizes.table[row]))) if ratio is not None else next(iter(sizes.table[row]))
    if column not in sizes.table[row]:
        return [Problem("aspect_ratio", shorten(ratio), f"must be one of {', '.join(sizes.table[row])} at {row}")]
    values[sizes.field] = sizes.table[row][column]
    if ratio is None or resolution is None:
        given, missing = ("resolution", f"aspect_ratio {column}") if ratio is None else ("aspect_ratio", row)
        notes.append(f"{sizes.field} was set to {values[sizes.field]}, as {given} was given without {missing}.")
    return []


def _fill_in(model: Model, values: dict[str, Any]) -> None:
    for name, value in model.quiet_defaults.items():
        if name in values:
            continue
        problems = model.input.broken_rules({**values, name: value}, skip=frozenset())
        if not any(problem.field == name for problem in problems):
            values[name] = value


def _filled(model: Model, values: Mapping[str, Any], given: frozenset[str]) -> list[str]:
    """Tells what is sent although it was not given, as "field to value": first what was chosen here."""
    quiet = [name for name in model.quiet_defaults if name in values]
    sent = {**model.input.sent_defaults(), **values}
    # What has one value only was not chosen.
    names = [name for name in dict.fromkeys((*quiet, *sent)) if len(model.input.choices(name)) != 1]
    return [f"{name} to {_word(sent[name])}" for name in names if name not in given]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
