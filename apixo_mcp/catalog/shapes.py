"""The shape of what is made from a picture: the picture's own, unless the caller asks for another.

A default is meant for a request of text alone. Where there is an input picture, it would crop or stretch it.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.catalog.marks import Shape, earlier_tasks, shapes
from apixo_mcp.catalog.model import Model, Sizes
from apixo_mcp.catalog.schema import SHAPE_FIELDS, means_picture, picture_fields
from apixo_mcp.foreign import cut

_SAID = frozenset((*SHAPE_FIELDS, "aspect", "width", "height", "orientation", "canvas"))
"""Fields by which a caller says a shape."""

_OWN = ("auto", "adaptive", "match_input_image", "original")
"""Values that mean the picture's own shape, as pages of image and video models write them."""

_FILE = re.compile(r"[/\\]|^task:")
_SIDES = re.compile(r"(\d{1,9})\s?[:x×*/]\s?(\d{1,9})", re.IGNORECASE)
_SAME = 0.03  # 1792x1024 is called 16:9
_RATIO_SAID = re.compile(r"(?<![\d:.])(\d{1,2})\s?[:：]\s?(\d{1,2})(?![\d:：])")
_SHAPE_WORD = re.compile(
    r"\baspect|\bratio\b|\bformat\b|widescreen|\bvertical\b|\bhorizontal\b|\blandscape\b|\bportrait\b"
    r"|画幅|比例|横屏|竖屏|横版|竖版",
    re.IGNORECASE,
)
_WORDS = {"landscape": 16 / 9, "portrait": 9 / 16, "square": 1.0}


@dataclass(frozen=True, slots=True)
class PictureSize:
    """The size of the first input picture, in pixels as shown."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class KeptShape:
    """What is chosen for a shape, mostly so that a picture keeps its own.

    Attributes:
        field: that says the shape, on the wire.
        value: to be sent in it; None: the field is left as it is.
        note: what was chosen and why, as a sentence; empty where there was nothing to choose.
    """

    field: str
    value: str | None
    note: str


def first_picture(model: Model, values: Mapping[str, Any]) -> str:
    """Returns the first input picture as it was given, empty where there is none."""
    for name in model.input.names():
        if name in picture_fields(model.input) and (picture := _first(values.get(name))):
            return picture
    if model.input.is_open():
        # The picture may stand in a field whose name no page shows.
        for name in [name for name in values if name not in (*model.input.names(), *_SAID)]:
            if means_picture(name) and _FILE.search(picture := _first(values[name])):
                return picture
    for name, mark in earlier_tasks(model.input).items():
        if mark.index and isinstance(values.get(name), str):
            return f"task:{values[name].strip().removeprefix('task:')}/{values.get(mark.index, '')}"
    return ""


def shape_field(model: Model) -> str:
    """Returns the field on the wire that says a shape, empty where no page names one."""
    spelt = model.spelling["aspect_ratio"].field if "aspect_ratio" in model.spelling else ""
    wanted = (model.sizes.field if model.sizes else "", spelt, *SHAPE_FIELDS)
    return next((name for name in wanted if name in model.input.names()), "")


def keep_shape(
    model: Model,
    values: Mapping[str, Any],
    given: frozenset[str],
    size: PictureSize | None,
    sizes: Sizes | None,
) -> KeptShape | None:
    """Decides on the shape of what is made from a picture; None where that is not for us to say.

    Args:
        values: the input with a picture in it, so far.
        given: the fields that the caller gave.
        size: of the first picture, None where it is not known here.
        sizes: where aspect ratio and resolution make up one field.
    """
    field = shape_field(model)
    if not field or given & _SAID:
        return None
    mark = shapes(model.input).get(field, Shape())
    called = "aspect_ratio" if field in _spelt(model) else field
    choices = _choices(model, field, mark, values, sizes)
    allowed = [choice for choice in choices if _fits(model, values, field, choice, mark)]
    ratios = {choice: ratio for choice in allowed if (ratio := ratio_of(choice))}
    own = next((choice for choice in allowed if choice in _OWN), "")
    if own:
        return KeptShape(field, own, f"{called} was set to {own}, so that the picture keeps its shape.")
    default = (model.input.sent_defaults() | dict(model.quiet_defaults) | dict(values)).get(field)
    if len(ratios) == 1 and choices[1:]:
        only = next(iter(ratios))
        return KeptShape(field, default and only, f"{called} can only be {only} here, whatever the picture's shape.")
    if size is not None and ratios:
        chosen = nearest_ratio(size, ratios)
        return KeptShape(field, chosen, f"{called} was set to {chosen}, the nearest to the picture's {size}.")
    if mark.own and _fits(model, values, field, mark.own, mark):
        return KeptShape(field, mark.own, f"{called} was set to {mark.own}, as the picture's size is not known here.")
    if default is not None and _fits(model, values, field, default, mark):
        why = f"as the picture's size is not known here and one is required: give {called} if it has another shape"
        return KeptShape(field, str(default), f"{called} was set to {default}, {why}.")
    if not ratios:
        return None
    called = "aspect_ratio" if model.sizes else called
    then = f"; the gateway then makes {mark.left_out}" if mark.left_out else ""
    return KeptShape(field, None, f"{called} was left out, as the picture's size is not known here{then}.")


def said_shape(model: Model, values: Mapping[str, Any], given: frozenset[str], sizes: Sizes | None) -> KeptShape | None:
    """Decides on the shape where the prompt names one ratio and the caller gave none; None where it does not."""
    field, prompt = shape_field(model), values.get("prompt")
    if not field or given & _SAID or not isinstance(prompt, str) or not _SHAPE_WORD.search(text := cut(prompt, 5000)):
        return None
    wanted = {ratio for said in _RATIO_SAID.findall(text) if (ratio := ratio_of(f"{said[0]}:{said[1]}"))}
    if len(wanted) != 1:
        return None
    mark = shapes(model.input).get(field, Shape())
    for choice in _choices(model, field, mark, values, sizes):
        ratio = ratio_of(choice)
        if ratio and abs(math.log(ratio / next(iter(wanted)))) < _SAME and _fits(model, values, field, choice, mark):
            called = "aspect_ratio" if field in _spelt(model) else field
            return KeptShape(field, choice, f"{called} was set to {choice}, as the prompt says.")
    return None


def ratio_of(choice: str) -> float | None:
    """Returns width by height of `16:9`, `1280*720` or `portrait`, None for what is no shape."""
    if sides := _SIDES.fullmatch(choice.strip()):
        width, height = int(sides[1]), int(sides[2])
        return width / height if width and height else None
    return _WORDS.get(choice.casefold())


def nearest_ratio(size: PictureSize, ratios: Mapping[str, float]) -> str:
    """Returns the choice whose shape is the nearest to a picture's: half and double are equally far."""
    wanted = math.log(size.width / size.height)
    return min(ratios, key=lambda choice: abs(math.log(ratios[choice]) - wanted))


def _choices(model: Model, field: str, mark: Shape, values: Mapping[str, Any], sizes: Sizes | None) -> tuple[str, ...]:
    if sizes is not None and field == sizes.field:
        rows = sizes.table
        return tuple(rows.get(str(values.get("resolution")), rows[next(iter(rows))]).values())
    return tuple(map(str, model.input.choices(field))) or mark.ratios


def _fits(model: Model, values: Mapping[str, Any], field: str, choice: Any, mark: Shape) -> bool:
    if mark.modes and values.get("mode") not in mark.modes:
        return False
    problems = model.input.broken_rules({**values, field: choice}, skip=frozenset())
    return not any(problem.field == field for problem in problems)


def _spelt(model: Model) -> Iterable[str]:
    return [spelling.field for name, spelling in model.spelling.items() if name == "aspect_ratio"]


def _first(given: Any) -> str:
    items = cast(list[Any], given) if isinstance(given, list) else [given]
    return next((item for item in items if isinstance(item, str) and item.strip()), "")
