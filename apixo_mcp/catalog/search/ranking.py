"""The models that fit a query, the best first, and what they lack."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.search.costs import by_price, smallest_call
from apixo_mcp.catalog.search.everyday import WANTS
from apixo_mcp.catalog.search.found import Found
from apixo_mcp.catalog.search.traits import ModelTraits, traits_of
from apixo_mcp.catalog.search.wording import Query, read_query
from apixo_mcp.foreign import cut

_NAME, _VERSION, _OLDER, _VENDOR, _ASIDE, _PAIR = 3.0, 3.5, 1.0, 2.0, 0.6, 1.0
_LENGTH, _PHRASE, _CALLED, _WHOLE = 2.0, 4.0, 0.1, 6.0
_RANK = 0.3
_LONGEST = 300  # characters in which ids are looked for
_BETWEEN = ("", "and", "or", "vs", "vs.", "versus", "compare", "和", "与")
_AS_GOOD = 0.6
"""The part of the best score that still counts as fitting."""


class Index:
    """The models that are on offer, prepared for searching."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = tuple(models)
        cheapness: dict[str, float] = {}
        for modality in ("image", "video", "audio"):
            priced = by_price(
                model for model in self._models if model.modality == modality and smallest_call(model) is not None
            )
            cheapness |= {model.id: 1 - 0.6 * place / len(priced) for place, model in enumerate(priced)}
        self._traits = tuple(traits_of(model, cheapness.get(model.id, 0.0)) for model in self._models)

    def search(self, query: str, modality: str = "") -> Found:
        """Returns the models that fit a query, of one modality where that is given or meant."""
        if named := self._named(query, modality):
            return Found(named)
        read = read_query(query)
        makes = modality or read.makes or ""
        scope = [entry for entry in self._traits if makes in ("", entry.model.modality)]
        found = _best(scope, read, makes)
        if not found.models and not modality and makes and not read.is_of_a_modality_alone:
            # No model of that kind has any of it: another kind may.
            wider = _best(self._traits, read, "")
            return replace(wider, elsewhere=makes, lacking=found.lacking) if wider.models else found
        if not found.models and read.is_of_a_modality_alone and not any(_score(entry, read) for entry in self._traits):
            # It tells what is to be seen, and that may be a picture.
            offered = {entry.model.modality for entry in self._traits}
            kind = makes or next((one for one in ("image", "video", "audio") if one in offered), "")
            general = [entry for entry in self._traits if entry.model.modality == kind]
            general.sort(key=lambda entry: (entry.is_special, -entry.rank))
            behind = frozenset(entry.model.id for entry in general if entry.is_special)
            models = tuple(entry.model for entry in general)
            return Found(models, is_ranked=False, is_general=bool(models), behind=behind)
        if makes and not found.is_ranked:
            words = [word for word in read.words if word.isalpha() and len(word) > 2]
            named = [entry.model for entry in self._traits if entry.names.intersection(words)]
            return replace(found, namesakes=tuple(model for model in named if model.modality != makes))
        return found

    def _named(self, query: str, modality: str) -> tuple[Model, ...]:
        """Returns the models whose ids a query lists and nothing else, in its order; none for any other query."""
        ids = {entry.model.id.casefold(): entry.model for entry in self._traits}
        names = [name for name in re.split(r"[\s,;，、；]+", cut(query, _LONGEST).casefold()) if name not in _BETWEEN]
        if any(name not in ids for name in names):
            return ()
        models = tuple(dict.fromkeys(ids[name].id for name in names))
        return tuple(ids[name.casefold()] for name in models if modality in ("", ids[name.casefold()].modality))


def _best(scope: Sequence[ModelTraits], read: Query, makes: str) -> Found:
    scored = [(_score(entry, read), entry) for entry in scope]
    best = max((score for score, _ in scored), default=0.0)
    found = Found((), read.wants, best > 0, absent=read.absent, seconds=read.seconds, lacking=_not_had((), read))
    if makes and best < _VENDOR and (read.absent or read.is_of_a_modality_alone):
        # A kind alone, or a well-known model that is not to be had: all that make such a thing come near.
        models = sorted(scored, key=lambda pair: (_is_behind(pair[1], read), -(pair[0] + pair[1].rank)))
        behind = frozenset(entry.model.id for entry in scope if _is_behind(entry, read))
        kind = tuple(entry.model for _, entry in models)
        return replace(found, models=kind, is_ranked=bool(read.absent), behind=behind)
    fitting = sorted(
        (pair for pair in scored if pair[0] > 0 and pair[0] >= best * _AS_GOOD),
        # One that is called by the very words is first, and sends nothing away.
        key=lambda pair: (
            _is_behind(pair[1], read),
            -(pair[0] + _RANK * pair[1].rank + _WHOLE * (read.name in pair[1].called)),
        ),
    )
    models = tuple(entry.model for _, entry in fitting)
    lacking = _not_had([entry for _, entry in fitting[:1]], read)
    behind = frozenset(entry.model.id for _, entry in fitting if _is_behind(entry, read))
    return replace(found, models=models, lacking=lacking, behind=behind)


def _is_behind(entry: ModelTraits, read: Query) -> bool:
    """Tells whether a model for one use alone stands behind all others, as no use of it was asked for."""
    return entry.is_special and read.is_of_no_use and not entry.names.intersection(read.words)


def _not_had(first: Sequence[ModelTraits], read: Query) -> tuple[str, ...]:
    labels = [WANTS[want].label for want in read.wants if not any(entry.traits.get(want) for entry in first)]
    if read.seconds and not any(_fits(entry, read.seconds) or not entry.lengths for entry in first):
        labels.append(f"{read.seconds} s")
    return tuple(labels)


def _fits(entry: ModelTraits, seconds: int) -> bool:
    return seconds > 0 and seconds in entry.lengths


def _length(entry: ModelTraits, seconds: int) -> float:
    """Returns how near a model comes to a length: 1 where it makes it, less the shorter its longest video is."""
    if not seconds or not entry.lengths:
        return 0.0
    return 1.0 if _fits(entry, seconds) else 0.5 * min(1.0, max(entry.lengths) / seconds)


def _score(entry: ModelTraits, read: Query) -> float:
    score = sum(WANTS[want].weight * entry.traits.get(want, 0.0) for want in read.wants)
    score += _LENGTH * _length(entry, read.seconds)
    known = entry.names | {entry.vendor}
    brand = sum(_NAME for names in read.brands if known.intersection(names))
    brand += sum(
        _NAME if word in entry.names else _VENDOR for word in read.words if word in known and word[0].isalpha()
    )
    # "Black Forest Labs" makes no picture of a black cat its own.
    brand += _VENDOR if " " in entry.vendor and f" {entry.vendor} " in f" {read.phrase} " else 0.0
    score += brand + _PHRASE * (read.phrase in entry.purposes) + _CALLED * (read.name in entry.called)
    if brand:
        score += sum(_version(entry, word) for word in read.words if word[0].isdigit())
    aside = [word for word in read.words if word not in known and word in entry.words and word[0].isalpha()]
    # One word of several that tell what is to be seen says nothing about a model.
    if score or read.makes or len(aside) == len(read.words):
        score += _ASIDE * min(len(aside), 2)
    return score + _PAIR * sum(pair in entry.text for pair in read.pairs)


def _version(entry: ModelTraits, word: str) -> float:
    if word in entry.names:
        return _VERSION
    return _OLDER if any(name.startswith(f"{word}.") for name in entry.names) else 0.0
