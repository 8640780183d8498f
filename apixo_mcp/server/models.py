"""The catalog as text: a line a model, and everything about one."""

from collections.abc import Iterable
from typing import Any

from apixo_mcp.catalog.inputs import shorten
from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.catalog.translate import common
from apixo_mcp.server.answers import compact

_FILLER = frozenset({"a", "an", "and", "for", "of", "the", "with", "to", "model", "models", "video", "image", "audio"})


def list_text(catalog: Catalog, modality: str, query: str, warnings: Iterable[str] = ()) -> str:
    """The offered models that fit, one line each, by modality; then what is wrong with the user's own models."""
    fitting = [model for model in catalog if modality in ("", model.modality)]
    words = [word for word in query.casefold().replace(",", " ").split() if word not in _FILLER]
    if words:
        scored = [(sum(word in _haystack(model) for word in words), model) for model in fitting]
        best = max((score for score, _ in scored), default=0)
        fitting = [model for score, model in scored if score == best and best > 0]
    if not fitting and catalog.warnings:
        return "\n".join(catalog.warnings)
    if not fitting:
        return (
            f"No offered model fits {shorten(query or modality)}. Call list_models without a query to see all "
            f"{len(catalog)}."
        )
    lines = [f"{len(fitting)} of {len(catalog)} models (id: modes; limits; usual time; price seen; purpose)"]
    for kind in ("image", "video", "audio"):
        of_kind = [_line(model) for model in fitting if model.modality == kind]
        lines += [f"{kind.upper()} (generate_{kind})", *of_kind] if of_kind else []
    return "\n".join((*lines, *catalog.warnings, *warnings))


def _haystack(model: Model) -> str:
    parts = (model.id, model.title, model.vendor, model.modality, *model.modes, *model.aliases)
    parts += (*model.recommended_for, *model.made_for)
    return " ".join(parts).casefold()


def _line(model: Model) -> str:
    facts = [
        "/".join(mode for mode in model.modes if mode != model.wire_id),
        _limits(model),
        _short_time(model),
        _price(model.prices),
        ", ".join((*model.recommended_for, *model.made_for)),
        "inputs not documented, passed on as given" if model.facts == "none" else "",
    ]
    return f"{model.id}: " + "; ".join(fact for fact in facts if fact)


def _limits(model: Model) -> str:
    """The few limits that choose between models: picture count, sizes, seconds."""
    properties: dict[str, Any] = input_schema(model.input)["properties"]
    found: list[str] = []
    spelt = common(model)
    for name, word in (("image_urls", "in"), ("num_images", "out")):
        entry = properties.get(spelt.get(name, ""), {})
        most = entry.get("maxItems") or entry.get("maximum")
        if most:
            found.append(f"{most} {word}")
    for name in ("resolution", "duration"):
        entry = properties.get(spelt.get(name, ""), {})
        if choices := entry.get("enum"):
            unit = " s" if name == "duration" else ""
            found.append("/".join(str(choice) for choice in choices) + unit)
        elif "maximum" in entry and name == "duration":
            found.append(f"{entry.get('minimum', 1)}-{entry['maximum']} s")
    return ", ".join(found)


def _short_time(model: Model) -> str:
    if model.usual_seconds is None:
        return ""
    least, most = model.usual_seconds
    return f"{least}-{most} s" if least < most else f"about {most} s"


def _price(prices: Iterable[Price]) -> str:
    entries = tuple(prices)
    if not entries:
        return ""
    amounts = sorted(price.usd for price in entries)
    span = f"${amounts[0]:g}" if amounts[0] == amounts[-1] else f"${amounts[0]:g}-{amounts[-1]:g}"
    return f"{span}/{entries[0].per}"


def describe(model: Model) -> dict[str, Any]:
    """Everything that is known about a model."""
    plan = model.schedule
    found: dict[str, Any] = {
        "id": model.id,
        "title": model.title,
        "vendor": model.vendor,
        "gateway": model.gateway,
        "modality": model.modality,
        "tool": f"generate_{model.modality}",
        "modes": list(model.modes),
        "input_schema": input_schema(model.input),
        "common_arguments": dict(common(model)),
        "filled_in_if_left_out": dict(model.quiet_defaults),
        "documented": {
            "full": "fully",
            "partial": "partly; more inputs may exist",
            "none": "inputs unknown, passed on as given",
        }[model.facts],
        "times": model.times or _short_time(model),
        "schedule": {
            "first_look_s": plan.first_wait,
            "interval_s": plan.interval,
            "maximum_s": plan.maximum,
            "source": plan.source,
        },
        "recommended_for": list(model.recommended_for),
        "made_for": list(model.made_for),
        "tips": list(model.tips),
        "fail_codes": list(model.fail_codes),
        "prices_seen": [
            {"usd": price.usd, "per": price.per, "seen": price.seen}
            | ({"when": dict(price.when)} if price.when else {})
            for price in model.prices
        ],
        "result_urls_live_hours": model.result_hours,
        "also_called": list(model.aliases),
        "sources": list(model.sources),
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def describe_text(model: Model) -> str:
    """The same as one sentence and compact JSON."""
    return f"{model.title} by {model.vendor}, made with generate_{model.modality}.\n{compact(describe(model))}"
