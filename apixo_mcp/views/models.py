"""The catalog as text: a line a model, and everything about one."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema import brief_schema, input_schema, media_fields
from apixo_mcp.catalog.translate import common
from apixo_mcp.foreign import shorten
from apixo_mcp.generation import Modality
from apixo_mcp.views.faces import CHAT, SHELL, Face
from apixo_mcp.views.words import compact

_FILLER = frozenset({"a", "an", "and", "for", "of", "the", "with", "to", "model", "models", "video", "image", "audio"})

_DOCUMENTED = {"full": "", "partial": "partly; more inputs may exist", "none": "inputs unknown, passed on as given"}
_IN_THE_SENTENCE = ("title", "vendor", "modality", "tool")


def tool_of(model: Model, face: Face) -> str:
    """Returns what makes something with a model; where tools are typed, that is one of its own."""
    own_name = re.sub(r"[^a-z0-9]+", "_", model.id.casefold()).strip("_")
    return face.say("{generate}", modality=model.modality, model=own_name)


def list_text(catalog: Catalog, modality: str, query: str, warnings: Iterable[str] = (), *, face: Face = CHAT) -> str:
    """Lists the offered models that fit, one line each, by modality; then what is wrong with the user's own models."""
    fitting = [model for model in catalog if modality in ("", model.modality)]
    words = [word for word in query.casefold().replace(",", " ").split() if word not in _FILLER]
    if words:
        scored = [(_score(model, words), model) for model in fitting]
        best = max((score for score, _ in scored), default=0)
        fitting = [model for score, model in scored if score == best and best > 0]
    if not fitting and catalog.warnings:
        return "\n".join(catalog.warnings)
    if not fitting:
        near = _near(catalog, query)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        see_all = face.say("{see_models} without a query shows all")
        return f"No offered model fits {shorten(query or modality)}.{hint} {see_all} {len(catalog)}."
    lines = [f"{len(fitting)} of {len(catalog)} models (id: modes; limits; usual time; price seen; purpose)"]
    for kind in get_args(Modality):
        of_kind = [model for model in fitting if model.modality == kind]
        if of_kind and face.is_typed:
            lines += [kind.upper(), *(f"{tool_of(model, face)} makes {_line(model)}" for model in of_kind)]
        elif of_kind:
            lines += [f"{kind.upper()} ({tool_of(of_kind[0], face)})", *map(_line, of_kind)]
    return "\n".join((*lines, *catalog.warnings, *catalog.price_warnings, *warnings))


def _score(model: Model, words: list[str]) -> int:
    parts = (model.id, model.title, model.vendor, model.modality, *model.modes, *_kinds(model), *model.aliases)
    parts += (*model.recommended_for, *model.made_for)
    # Written apart, with a hyphen or as one: lip sync, lip-sync, lipsync.
    parts += tuple(part.replace(" ", between) for part in model.made_for for between in ("-", ""))
    haystack = " ".join(parts).casefold()
    return sum(word in haystack for word in words)


def _near(catalog: Catalog, query: str) -> list[str]:
    """Returns the ids that are spelt most like what was looked for: as a whole, or in one of their words."""
    plain = query.casefold().replace(" ", "-")[:100]
    ids = [model.id for model in catalog]
    if near := difflib.get_close_matches(plain, ids, n=3, cutoff=0.5):
        return near
    words = {word: name for name in ids for word in re.split(r"[-/]", name) if len(word) > 2}
    return [words[word] for word in difflib.get_close_matches(plain, words, n=3, cutoff=0.6)]


def _kinds(model: Model) -> tuple[str, ...]:
    """Tells what a model makes something from, as other models call their modes; empty where that is not known."""
    if model.facts == "none" or model.modality == "audio":
        return ()
    takes = common(model).get("image_urls") in media_fields(model.input)
    from_text = not takes or not model.input.broken_rules({"prompt": "x"}, skip=frozenset())
    sources = (*(["text"] if from_text else []), *(["image"] if takes else []))
    return tuple(f"{source}-to-{model.modality}" for source in sources)


def _line(model: Model) -> str:
    facts = [
        "/".join(mode for mode in model.modes or _kinds(model) if mode != model.wire_id),
        _limits(model),
        _short_time(model),
        _price(model.prices),
        ", ".join((*model.recommended_for, *model.made_for)),
        "inputs not documented, passed on as given" if model.facts == "none" else "",
    ]
    return f"{model.id}: " + "; ".join(fact for fact in facts if fact)


def _limits(model: Model) -> str:
    """Tells the few limits that choose between models: picture count, sizes, seconds."""
    properties: dict[str, Any] = input_schema(model.input)["properties"]
    limits: list[str] = []
    spelt = common(model)
    for name, word in (("image_urls", "in"), ("num_images", "out")):
        entry = properties.get(spelt.get(name, ""), {})
        most = entry.get("maxItems") or entry.get("maximum")
        if most:
            limits.append(f"{most} {word}")
    for name in ("resolution", "duration"):
        entry = properties.get(spelt.get(name, ""), {})
        if choices := entry.get("enum"):
            unit = " s" if name == "duration" else ""
            limits.append("/".join(str(choice) for choice in choices) + unit)
        elif "maximum" in entry and name == "duration":
            limits.append(f"{entry.get('minimum', 1)}-{entry['maximum']} s")
    return ", ".join(limits)


def _short_time(model: Model) -> str:
    if model.usual_seconds is None:
        return ""
    least, most = model.usual_seconds
    return f"{least}-{most} s" if least < most else f"about {most} s"


def _price(prices: Iterable[Price]) -> str:
    entries = tuple(prices)
    if not entries:
        return ""
    amounts = sorted(amount for price in entries for amount in (price.least, price.usd) if amount is not None)
    span = f"${amounts[0]:g}" if amounts[0] == amounts[-1] else f"${amounts[0]:g}-{amounts[-1]:g}"
    return f"{span}/{entries[0].per}"


def describe(model: Model, face: Face = CHAT) -> dict[str, Any]:
    """Tells everything about a model that a caller can use; to a shell also what is behind it."""
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
        "times": model.times or _short_time(model),
        "good_for": [*model.recommended_for, *model.made_for],
        "tips": list(model.tips),
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
    }


def describe_text(model: Model, face: Face = CHAT) -> str:
    """Tells the same as one sentence and compact JSON, each fact in one of them."""
    made = f"{model.title} by {model.vendor}, made with {tool_of(model, face)}."
    told = {name: value for name, value in describe(model, face).items() if name not in _IN_THE_SENTENCE}
    return f"{made}\n{compact(told)}"
