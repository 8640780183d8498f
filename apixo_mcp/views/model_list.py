"""The catalog as text: a line a model, those that fit what is asked for first."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from apixo_mcp.catalog.limits import LONGEST_CLIP, Limit, limit_asked_for, limits_looked_for
from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.prices import dollars
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema import media_fields
from apixo_mcp.catalog.search.chinese import simplified
from apixo_mcp.catalog.search.costs import by_price, shortest_video, smallest_call
from apixo_mcp.catalog.search.found import Found
from apixo_mcp.catalog.translate import common
from apixo_mcp.foreign import cut, shorten
from apixo_mcp.generation import Modality
from apixo_mcp.views.faces import CHAT, Face
from apixo_mcp.views.models import short_time, sound_words, tool_of
from apixo_mcp.views.words import counted

_MOST = 8
"""Models that are shown of those that fit a query."""

_MOST_UNPRICED = 3
"""The same of those without a known price, where the cheapest are looked for."""

_LONGEST_QUERY = 300  # characters that are looked at
_TALK = frozenset({"voice", "speech", "clone", "voice_design"})


def list_text(
    catalog: Catalog,
    modality: str,
    query: str,
    warnings: Iterable[str] = (),
    *,
    sort: str = "",
    face: Face = CHAT,
) -> str:
    """Lists the offered models that fit, one line each, by modality; then what is wrong with the user's own models.

    Args:
        sort: `price` for the cheapest of each modality first, those without a known price last.
    """
    offered = tuple(model for model in catalog if modality in ("", model.modality))
    found = catalog.search(query, modality) if query.strip() else Found(offered, is_ranked=False)
    limits = limits_looked_for(simplified(cut(query, _LONGEST_QUERY)), modality)
    if found.seconds and any(model.modality == "audio" for model in found.models):
        length = limit_asked_for("audio", "duration", found.seconds)
        limits = (*limits, length) if length is not None and length not in limits else limits
    if found.seconds > LONGEST_CLIP and f"{found.seconds} s" in found.lacking:
        clips = limit_asked_for("video", "clips", found.seconds)
        limits = (*limits, clips) if clips is not None and clips not in limits else limits
    if found.is_general and (limits or _near(catalog, query)):
        found = Found()
    if limits and not found.is_ranked:
        nearest = {name for limit in limits for name in limit.nearest}
        found = replace(found, models=tuple(model for model in found.models if model.id in nearest))
    fitting = _by_price(found) if sort == "price" else found.models
    remarks = [*_limit_remarks(limits, found), *_remarks(found)]
    if not fitting:
        return _nothing(catalog, modality, query, remarks or _why_nothing(catalog, found, modality, query), face)
    shown = _shown(fitting, sort) if query.strip() else fitting
    lines = [_header(catalog, shown, fitting, sort), *remarks]
    kinds = dict.fromkeys(model.modality for model in shown)  # that of the best comes first
    for kind in kinds if query.strip() else (one for one in get_args(Modality) if one in kinds):
        of_kind = [model for model in shown if model.modality == kind]
        told = [_line(model, sort=sort, with_voices=bool(_TALK.intersection(found.wants))) for model in of_kind]
        if face.is_typed:
            named = [f"{tool_of(model, face)} makes {line}" for model, line in zip(of_kind, told, strict=True)]
            lines += [kind.upper(), *named]
        else:
            lines += [f"{kind.upper()} ({tool_of(of_kind[0], face)})", *told]
    lines += _unseen(catalog, found, fitting, shown, sort)
    return "\n".join((*lines, *catalog.warnings, *catalog.price_warnings, *warnings))


def _by_price(found: Found) -> tuple[Model, ...]:
    """Returns those that fit with the cheapest first, and those for one use alone behind the others with a price."""
    models = by_price(found.models)
    return tuple(sorted(models, key=lambda model: (smallest_call(model) is None, model.id in found.behind)))


def _shown(fitting: tuple[Model, ...], sort: str) -> tuple[Model, ...]:
    """Returns the first of those that fit; by price all that have one, and a few that have none."""
    if not sort:
        return fitting[:_MOST]
    priced = sum(smallest_call(model) is not None for model in fitting)
    return fitting[: priced + _MOST_UNPRICED]


def _unseen(
    catalog: Catalog, found: Found, fitting: tuple[Model, ...], shown: tuple[Model, ...], sort: str
) -> list[str]:
    """Tells of what is not shown."""
    more = len(fitting) - len(shown)
    told = [f"{more} more{', without a known price' if sort else ''}: ask for one by a name, or by what it is to have."]
    if "cheap" not in found.wants or not shown:
        return told if more else []
    kind = shown[0].modality if len({model.modality for model in shown}) == 1 else ""
    unpriced = sum(kind in ("", model.modality) and smallest_call(model) is None for model in catalog)
    note = f"{counted(unpriced, f'{kind} model'.strip())} without a known price." if unpriced else ""
    return [*(told if more else []), *([note] if note else [])]


def _limit_remarks(limits: Iterable[Limit], found: Found) -> Iterable[str]:
    """Tells what no model does, and why a model comes nearest where one is shown."""
    shown = {model.id for model in found.models}
    for limit in limits:
        yield f"{limit.sentence} {limit.why}".rstrip() if shown.intersection(limit.nearest) else limit.sentence


def _header(catalog: Catalog, shown: tuple[Model, ...], fitting: tuple[Model, ...], sort: str) -> str:
    count = str(len(shown)) if len(shown) == len(fitting) else f"The first {len(shown)} of {len(fitting)} that fit,"
    order = ", cheapest call first (one picture, one task or the shortest video), unknown prices last" if sort else ""
    facts = "id: modes; limits; sound; usual time; price if seen; purpose"
    return f"{count} of {len(catalog)} models{order} ({facts})"


def _remarks(found: Found) -> list[str]:
    """Tells what those that are shown lack."""
    remarks: list[str] = []
    lacking = " and ".join(found.lacking)
    if found.is_general:
        kind = found.models[0].modality
        remarks.append(
            f"Nothing in it names a model or what one is to have: these are general {kind} models. For another kind "
            "say picture, video, music or speech."
        )
    if found.absent:
        remarks.append(f"{found.absent} is not on offer; nearest is what makes the same.")
    if found.namesakes:
        remarks.append(f"Something else is made by {_with_modality(found.namesakes)}.")
    if found.elsewhere:
        remarks.append(f"No {found.elsewhere} model has {lacking}; these have, and make something else.")
    elif lacking and found.models:
        remarks.append(f"No model has all of it: the first comes nearest, without {lacking}.")
    return remarks


def _nothing(catalog: Catalog, modality: str, query: str, remarks: list[str], face: Face) -> str:
    """Tells that no model fits, why, and what comes nearest."""
    if not len(catalog) and catalog.warnings:
        return "\n".join(catalog.warnings)
    none = f"No offered {modality + ' ' if modality else ''}model fits {shorten(query or modality)}."
    see_all = f"{face.say('{see_models}')} without a query shows all {len(catalog)}."
    return " ".join((none, *remarks, see_all))


def _why_nothing(catalog: Catalog, found: Found, modality: str, query: str) -> list[str]:
    others = catalog.search(query).models if modality else ()
    if others:
        return [f"What fits makes something else: {_with_modality(others)}."]
    if found.lacking:
        return [f"None has {' or '.join(found.lacking)}."]
    if near := _near(catalog, query):
        return [f"Did you mean {' or '.join(near)}?"]
    if query.strip():
        return ["Ask by what is made (picture, video, music, speech), a name or a purpose, not by what is to be seen."]
    return []


def _with_modality(models: tuple[Model, ...]) -> str:
    return ", ".join(f"{model.id} ({model.modality})" for model in models[:3])


def _near(catalog: Catalog, query: str) -> list[str]:
    """Returns the ids that are spelt most like what was looked for: as a whole, or in one of their words."""
    plain = query.casefold().replace(" ", "-")[:100]
    ids = [model.id for model in catalog]
    if near := difflib.get_close_matches(plain, ids, n=3, cutoff=0.6):
        return near
    words = {word: name for name in ids for word in re.split(r"[-/]", name) if len(word) > 2}
    return [words[word] for word in difflib.get_close_matches(plain, words, n=3, cutoff=0.7)]


def _kinds(model: Model) -> tuple[str, ...]:
    """Tells what a model makes something from, as other models call their modes; empty where that is not known."""
    if model.facts == "none" or model.modality == "audio":
        return ()
    takes = common(model).get("image_urls") in media_fields(model.input)
    from_text = not takes or not model.input.broken_rules({"prompt": "x"}, skip=frozenset())
    sources = (*(["text"] if from_text else []), *(["image"] if takes else []))
    return tuple(f"{source}-to-{model.modality}" for source in sources)


def _line(model: Model, *, sort: str = "", with_voices: bool = False) -> str:
    facts = [
        "/".join(mode for mode in model.modes or _kinds(model) if mode != model.wire_id),
        _limits(model),
        sound_words(model),
        short_time(model),
        _price(model.prices),
        _smallest(model) if sort else "",
        ", ".join((*model.recommended_for, *model.made_for)),
        f"voices {', '.join(model.voices)}" if with_voices and model.voices else "",
        "inputs not documented, passed on as given" if model.facts == "none" else "",
    ]
    return f"{model.id}: " + "; ".join(fact for fact in facts if fact)


def _smallest(model: Model) -> str:
    """Tells what the shortest video costs where the price counts seconds, so that it compares with the others."""
    usd = smallest_call(model)
    if usd is None or not any(price.per == "second" for price in model.prices):
        return ""
    return f"{dollars(usd)} for {shortest_video(model):g} s"


def _limits(model: Model) -> str:
    """Tells the few limits that choose between models: picture count, sizes, seconds."""
    limits: list[str] = []
    spelt = common(model)
    for name, word in (("image_urls", "in"), ("num_images", "out")):
        entry = model.input.limits(spelt.get(name, ""))
        most = entry.get("maxItems") or entry.get("maximum")
        if most:
            limits.append(f"{most} {word}")
    for name in ("resolution", "duration"):
        entry = model.input.limits(spelt.get(name, ""))
        if name == "resolution" and model.sizes is not None:
            limits.append("/".join(model.sizes.table))
        elif choices := entry.get("enum"):
            unit = " s" if name == "duration" else ""
            limits.append("/".join(str(choice) for choice in choices) + unit)
        elif "maximum" in entry and name == "duration":
            limits.append(f"{entry.get('minimum', 1)}-{entry['maximum']} s")
    return ", ".join(limits)


def _price(prices: Iterable[Price]) -> str:
    entries = tuple(prices)
    if not entries:
        return ""
    amounts = sorted(amount for price in entries for amount in (price.least, price.usd) if amount is not None)
    span = f"${amounts[0]:g}" if amounts[0] == amounts[-1] else f"${amounts[0]:g}-{amounts[-1]:g}"
    return f"{span}/{entries[0].per}"
