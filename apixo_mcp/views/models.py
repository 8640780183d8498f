"""A model as text: everything about it that a caller can use."""

import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import brief_schema
from apixo_mcp.catalog.translate import common
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.views.faces import CHAT, SHELL, Face
from apixo_mcp.views.learned import learned_entries
from apixo_mcp.views.words import compact

_DOCUMENTED = {"full": "", "partial": "partly; more inputs may exist", "none": "inputs unknown, passed on as given"}
_IN_THE_SENTENCE = ("title", "vendor", "modality", "tool")


def tool_of(model: Model, face: Face) -> str:
    """Returns what makes something with a model; where tools are typed, that is one of its own."""
    own_name = re.sub(r"[^a-z0-9]+", "_", model.id.casefold()).strip("_")
    return face.say("{generate}", modality=model.modality, model=own_name)


def describe(model: Model, face: Face = CHAT, lessons: Mapping[str, Lesson] = {}) -> dict[str, Any]:
    """Tells everything about a model that a caller can use; to a shell also what is behind it.

    Args:
        model: that is described.
        face: in whose words.
        lessons: what its tasks have taught here, by variant.
    """
    schema = brief_schema(model.input)
    entries: dict[str, Any] = {
        "id": model.id,
        "title": model.title,
        "vendor": model.vendor,
        "modality": model.modality,
        "command" if face is SHELL else "tool": tool_of(model, face).strip("`"),
        "documented": "" if "description" in schema and model.input.is_open() else _DOCUMENTED[model.facts],
        "input_schema": schema,
        "common_arguments": {name: field for name, field in common(model).items() if name != field},
        "filled_in_if_left_out": dict(model.quiet_defaults),
        "sound": sound_words(model),
        "quality": model.quality.text if model.quality is not None else "",
        "speed": model.speed.text if model.speed is not None else "",
        "times": model.times or short_time(model),
        "learned": learned_entries(model, lessons),
        "good_for": [*model.recommended_for, *model.made_for],
        "tips": list(model.tips),
        "voices": list(model.voices),
        "fail_codes": list(model.fail_codes),
        "prices": [
            {"usd": price.usd, "per": price.per}
            | ({"from_usd": price.least} if price.least is not None else {})
            | ({"when": dict(price.when)} if price.when else {})
            for price in model.prices
        ],
        "prices_seen": "; ".join(dict.fromkeys(price.seen for price in model.prices)),
        "also_called": list(model.aliases),
    }
    if face is SHELL:
        entries |= _inside(model)
    return {name: value for name, value in entries.items() if value not in (None, "", [], {})}


def _inside(model: Model) -> dict[str, Any]:
    """Tells how a model is followed, and from where what is known of it comes."""
    plan = model.schedule
    return {
        "gateway": model.gateway,
        "schedule": {
            "first_poll_s": plan.first_wait,
            "interval_s": plan.interval,
            "maximum_s": plan.maximum,
            "source": plan.source,
        },
        "result_urls_live_hours": model.result_hours,
        "sources": list(model.sources),
        "remarks_from": [remark.source for remark in (model.sound, model.quality, model.speed) if remark is not None],
    }


def describe_text(model: Model, face: Face = CHAT, lessons: Mapping[str, Lesson] = {}) -> str:
    """Tells the same as one sentence and compact JSON, each fact in one of them."""
    made = f"{model.title} by {model.vendor}, made with {tool_of(model, face)}."
    told = {name: value for name, value in describe(model, face, lessons).items() if name not in _IN_THE_SENTENCE}
    return f"{made}\n{compact(told)}"


def sound_words(model: Model) -> str:
    """Tells in a few words what is heard with the videos of a model; empty for other models."""
    if model.sound is not None:
        return model.sound.text
    if model.modality != "video":
        return ""
    return "sound optional" if model.facts != "none" and "sound" in common(model) else "sound unknown"


def short_time(model: Model) -> str:
    """Tells in a few words how long a model usually takes; empty where that is not known."""
    if model.usual_seconds is None:
        return ""
    least, most = model.usual_seconds
    return f"{least}-{most} s" if least < most else f"about {most} s"
