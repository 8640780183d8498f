"""What each model has of what people want, from 0 to 1: read from its inputs, its purposes and its documents."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import flat_properties, input_schema, media_fields
from apixo_mcp.catalog.search.chinese import simplified
from apixo_mcp.catalog.search.everyday import WANTS
from apixo_mcp.catalog.search.wording import reduced, tokens
from apixo_mcp.catalog.translate import common

_LINES = {"480": "480p", "540": "480p", "720": "720p", "1080": "1080p", "1792": "1080p", "1920": "1080p"}
_ASIDE = re.compile(r"\([^()]*\)")
_PIXELS = re.compile(r"\d{3,4}")
_QUICK_NAMES = ("fast", "turbo", "flash", "mini", "lite")
_SOUND = {"always": 1.0, "optional": 0.9, "given": 0.5}
_PURPOSE, _TIP, _INPUT = 1.0, 0.8, 0.6


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """One model as a search sees it.

    Attributes:
        model: the model.
        traits: what it has of each want; what is not there is 0.
        called: its id, title and other names, each as one word.
        names: the words and versions of its id, its titles and its other names.
        vendor: the name of its vendor, as it is compared; one of several words counts as a whole alone.
        words: the words of all else that is known of it.
        purposes: what it is made and recommended for.
        text: its title, other names, purposes and tips, in which pairs of Chinese characters are looked for.
        lengths: the seconds that its videos can have; empty where that is not known.
        rank: what sets it before others that fit as well.
        is_special: it takes no prompt, or needs files beside a picture: it is for one use alone.
    """

    model: Model
    traits: Mapping[str, float]
    called: frozenset[str]
    names: frozenset[str]
    vendor: str
    words: frozenset[str]
    purposes: frozenset[str]
    text: str
    lengths: frozenset[int]
    rank: float
    is_special: bool = False


def traits_of(model: Model, cheapness: float) -> ModelTraits:
    """Returns a model as a search sees it.

    Args:
        model: any.
        cheapness: from 1, the cheapest of its modality, to 0: its price is not known.
    """
    fields = flat_properties(model.input)
    lengths = _lengths(model, fields)
    purposes = " ".join((*model.recommended_for, *model.made_for)).casefold()
    remarks = " ".join(entry.text for entry in (model.quality, model.speed) if entry is not None)
    tips = " ".join((*model.tips, *model.voices, remarks)).casefold()
    inputs = " ".join((*model.modes, *_texts(fields))).casefold()
    traits = _worked_out(model, fields) | {"cheap": cheapness, "long": min(max(lengths, default=0) / 30, 1.0)}
    for want, entry in WANTS.items():
        shown = max((_shown(phrase, purposes, tips, inputs) for phrase in entry.evidence), default=0.0)
        traits[want] = max(shown, traits.get(want, 0.0))
    names = [tokens(name) for name in (model.id, model.wire_id, model.title, *model.aliases)]
    return ModelTraits(
        model=model,
        traits=traits,
        called=frozenset("".join(words) for words in names if words),
        names=frozenset(word for words in names for word in words),
        vendor=" ".join(tokens(_ASIDE.sub("", model.vendor))),
        words=frozenset(tokens(f"{purposes} {tips} {inputs}")),
        purposes=frozenset(map(reduced, (*model.recommended_for, *model.made_for))),
        text=simplified(" ".join((model.title, *model.aliases, purposes, tips))),
        lengths=lengths,
        rank=_rank(model, traits),
        is_special=_is_special(model, fields),
    )


def _is_special(model: Model, fields: Mapping[str, Any]) -> bool:
    if model.facts == "none" or model.modality == "audio":
        return False
    needed = {*input_schema(model.input).get("required", ())} & {*media_fields(model.input)}
    return "prompt" not in fields or bool(needed - {common(model).get("image_urls", "")})


def _rank(model: Model, traits: Mapping[str, float]) -> float:
    """Returns what sets a model before others: it is known well, and works from text alone."""
    known = {"full": 0.2, "partial": 0.15, "none": 0.0}[model.facts]
    return known + 0.2 * traits.get("from_text", 0.0) + 0.1 * bool(model.recommended_for) + 0.05 * bool(model.prices)


def _shown(phrase: str, purposes: str, tips: str, inputs: str) -> float:
    places = ((purposes, _PURPOSE), (tips, _TIP), (inputs, _INPUT))
    return max(worth if phrase in place else 0.0 for place, worth in places)


def _texts(fields: Mapping[str, Any]) -> Iterable[str]:
    for name, entry in fields.items():
        yield name
        yield str(entry.get("description", ""))
        yield from (str(choice) for choice in entry.get("enum", ()))


def _worked_out(model: Model, fields: Mapping[str, Any]) -> dict[str, float]:
    taken, media = common(model), media_fields(model.input)
    pictures: Mapping[str, Any] = fields.get(taken.get("image_urls", ""), {})
    takes_pictures = taken.get("image_urls") in media
    from_text = model.facts == "none" or not model.input.broken_rules({"prompt": "x"}, skip=frozenset())
    needs_pictures = taken.get("image_urls", "") in input_schema(model.input).get("required", ())
    most = pictures.get("maxItems", 4 if pictures.get("type") == "array" else 1) if takes_pictures else 0
    traits = {
        "from_text": float(from_text and not needs_pictures and "prompt" in fields),
        "from_image": float(takes_pictures and model.modality == "video"),
        "from_video": float(taken.get("video_urls", "") in fields),
        "references": min(1.0, 0.4 + most / 23) if most > 1 else 0.0,
        "frames": float("last" in f"{pictures.get('description', '')} {' '.join(model.modes)}".casefold()),
        "sound": _sound(model, taken),
        "silent": float(taken.get("sound", "") in fields),
        "many": _many(fields.get(taken.get("num_images", ""), {})),
        "fast": _fast(model),
        "best": _best(model),
        "edit": _edit(model, takes_pictures),
    }
    traits |= _sizes(model, fields, taken) | _ratios(fields, taken)
    if model.modality == "video":
        traits["voice"] = 0.8 * traits["sound"]
    # Any picture from text may be a portrait or a wallpaper; a document that says so counts more.
    return traits | {"avatar": 0.5 * traits["from_text"], "banner": 0.5 * traits["from_text"] * traits["wide"]}


def _edit(model: Model, takes_pictures: bool) -> float:
    if model.modality == "video":
        return 0.8 if any("edit" in mode for mode in model.modes) else 0.0
    if not takes_pictures or model.modality != "image":
        return 0.0
    if "prompt" not in model.input.names():
        return 0.3  # a tool for one purpose
    return 1.0 if "edit" in " ".join((model.id, *model.modes, *model.tips)).casefold() else 0.9


def _sound(model: Model, taken: Mapping[str, str]) -> float:
    if model.modality == "audio":
        return 0.8
    if model.sound is not None:
        return _SOUND[model.sound.kind] - (0.15 if "says" in model.sound.text else 0.0)
    return _SOUND["optional"] if model.facts != "none" and "sound" in taken else 0.0


def _many(entry: Mapping[str, Any]) -> float:
    most = entry.get("maximum") or max((one for one in entry.get("enum", ()) if isinstance(one, int)), default=0)
    return min(1.0, most / 10)


def _fast(model: Model) -> float:
    if model.speed is not None:
        return 1.0
    names = " ".join((model.id, *model.modes)).casefold()
    named = 0.8 if any(word in names for word in _QUICK_NAMES) else 0.0
    if model.usual_seconds is None:
        return named
    most = model.usual_seconds[1] / (4 if model.modality == "video" else 1)
    return max(named, 1.0 if most <= 15 else 0.8 if most <= 30 else 0.5 if most <= 60 else 0.2)


def _best(model: Model) -> float:
    if model.quality is not None:
        return 0.2 if model.quality.text.startswith("standard") else 1.0
    return 0.4 if any(word in tokens(model.id) for word in ("pro", "hd", "max", "master")) else 0.0


def _sizes(model: Model, fields: Mapping[str, Any], taken: Mapping[str, str]) -> dict[str, float]:
    names = (taken.get("resolution", ""), "resolution", "size")
    offered = {str(choice).casefold() for name in names for choice in fields.get(name, {}).get("enum", ())}
    offered |= {_LINES[side] for choice in tuple(offered) for side in _PIXELS.findall(choice) if side in _LINES}
    told = re.findall(r"[a-z0-9]+", " ".join((*model.tips, model.times)).casefold())
    offered |= {"4k", "2k", "1080p", "768p"}.intersection(told)
    traits = {size: float(size in offered) for size in ("8k", "4k", "2k", "1080p", "720p", "480p")}
    if model.modality == "video":
        high = 1.0 if offered & {"4k", "1080p"} else 0.4 if offered & {"720p", "768p"} else 0.0
    else:
        high = 1.0 if offered & {"4k", "8k"} else 0.7 if offered & {"2k", "3k"} else 0.0
    return traits | {"hd": high}


def _ratios(fields: Mapping[str, Any], taken: Mapping[str, str]) -> dict[str, float]:
    entry: Mapping[str, Any] = fields.get(taken.get("aspect_ratio", ""), {})
    told = " ".join((*map(str, entry.get("enum", ())), str(entry.get("description", "")))).casefold()
    return {
        "tall": float("9:16" in told or "portrait" in told or "720x1280" in told),
        "wide": float("16:9" in told or "landscape" in told or "1280x720" in told),
        "square": float("1:1" in told),
    }


def _lengths(model: Model, fields: Mapping[str, Any]) -> frozenset[int]:
    name = common(model).get("duration", "") if model.modality == "video" else ""
    entry: Mapping[str, Any] = fields.get(name, {})
    if choices := entry.get("enum"):
        return frozenset(int(choice) for choice in choices if str(choice).isdigit())
    return frozenset(range(int(entry.get("minimum", 1)), int(entry.get("maximum", 0)) + 1))
