"""The registry: every offered model, found by id, alias or title."""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from apixo_mcp.catalog.model import Model, Price, Spelling
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.catalog.search.found import Found
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import cut, shorten
from apixo_mcp.generation import Modality, NextAction

if TYPE_CHECKING:
    from apixo_mcp.catalog.search.ranking import Index

_LONGEST_NAME = 100
_PARTS_KEPT = 64  # of owners who may use some models alone
_SOME = 6  # models in a sentence

OwnPrices = Mapping[str, tuple[Price, ...]]

_NO_PRICES: OwnPrices = MappingProxyType({})


def _families() -> Iterator[Model]:
    from apixo_mcp.catalog import families

    for module in sorted(pkgutil.iter_modules(families.__path__), key=lambda module: module.name):
        yield from importlib.import_module(f"{families.__name__}.{module.name}").MODELS


def _plain_pattern(pattern: str) -> str:
    return re.sub(r"[^a-z0-9/*?]+", "", pattern.casefold())


def _plain(name: str) -> str:
    """Returns a name without case and separators: `Nano Banana_Pro` and `nano-banana-pro` are the same."""
    return re.sub(r"[^a-z0-9/]+", "", name.casefold())


class Catalog:
    """The models that this server offers.

    Args:
        offered: ids with `*` for a part of one, or any exact name; empty offers all (setting `APIXO_MCP_MODELS`).
        extra: models of the user's own; one with a known id takes that one's place.
        prices: the user's own, by any name of a model; they take the place of those that were seen. None where their
            file is broken: then no price counts, as an old one might be too low for a limit.
        whole: the catalog that this one is a part of, with the models that one owner may use; `offered` says which.
    """

    def __init__(
        self,
        offered: Iterable[str] = (),
        extra: Iterable[Model] = (),
        prices: OwnPrices | None = _NO_PRICES,
        *,
        whole: "Catalog | None" = None,
    ) -> None:
        self._offered = tuple(offered)
        self._extra = tuple(extra)
        self._prices = prices
        self._whole = whole
        self._parts: dict[tuple[str, ...], Catalog] = {}

    def only(self, patterns: tuple[str, ...]) -> "Catalog":
        """Returns the part of the catalog that an owner may use: all of it where no pattern says otherwise."""
        if not patterns:
            return self
        if patterns not in self._parts:
            while len(self._parts) >= _PARTS_KEPT:
                self._parts.pop(next(iter(self._parts)))
            self._parts[patterns] = Catalog(patterns, whole=self)
        return self._parts[patterns]

    def allows(self, patterns: tuple[str, ...], model: str) -> bool:
        """Tells whether an owner who may use some models may use the one with this id, on offer here or not."""
        return not patterns or any(
            fnmatchcase(model, pattern) or model in self._matching(pattern) for pattern in patterns
        )

    def unmatched(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Tells of each pattern that means no model on offer, a sentence each."""
        return tuple(
            f"No model on offer matches {pattern!r}.{self._other_names(pattern) or self._hint(pattern)}"
            for pattern in patterns
            if not self._matching(pattern).intersection(self._models)
        )

    @cached_property
    def _known(self) -> dict[str, Model]:
        if self._whole is not None:
            return self._whole._known
        # Built at first use: fifty pydantic classes would slow the start of the server down.
        known = {model.id: model for model in (*_families(), *self._extra)}
        if self._prices is None:
            return {name: replace(model, prices=()) for name, model in known.items()}
        if not self._prices:
            return known
        names = _names(known.values())
        return {name: self._priced(model, names) for name, model in known.items()}

    def _priced(self, model: Model, names: Mapping[str, str]) -> Model:
        """Returns the model with the user's prices: in place of those seen, and those of its modality behind them."""
        own = self._prices or {}
        named = [called for called in own if names.get(_plain(called)) == model.id]
        # The very id outranks what else the model is called, and a longer pattern a shorter one.
        named.sort(key=lambda called: called == model.id, reverse=True)
        fitting = sorted((called for called in own if _fits(called, model)), key=len, reverse=True)
        chosen = [*named[:1], *fitting]
        named_prices = tuple(_spelt(model, price) for called in chosen for price in own[called])
        of_all = tuple(_spelt(model, price) for price in own.get(model.modality, ()))
        return replace(model, prices=(*(named_prices or model.prices), *of_all))

    @cached_property
    def _models(self) -> dict[str, Model]:
        if not self._offered:
            return self._known
        wanted = {name for pattern in self._offered for name in self._matching(pattern)}
        all_of_them = self._known if self._whole is None else self._whole._models
        return {name: model for name, model in all_of_them.items() if name in wanted}

    def _matching(self, pattern: str) -> frozenset[str]:
        """Returns the ids that a pattern means, in any case, with any separators; or the one that a name means."""
        exact = frozenset(name for name in self._known if fnmatchcase(name, pattern))
        if exact:
            return exact
        if _is_open(pattern):
            return frozenset(name for name, model in self._known.items() if _fits(pattern, model))
        name = self._every_name.get(_plain(pattern))
        return frozenset({name} if name else ())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Tells what is wrong with the ids to offer, a sentence each."""
        if self._whole is not None:
            return self._whole.warnings
        return tuple(
            f"APIXO_MCP_MODELS: no model matches {pattern!r}.{self._other_names(pattern) or self._hint(pattern)}"
            for pattern in self._offered
            if not self._matching(pattern)
        )

    @property
    def price_warnings(self) -> tuple[str, ...]:
        """Tells what in the user's prices counts for nothing, a sentence each."""
        if self._whole is not None:
            return self._whole.price_warnings
        warnings: list[str] = []
        for called, prices in (self._prices or {}).items():
            models = self._priced_by(called)
            unknown = [_unknown_conditions(model, prices) for model in models]
            if not models:
                hint = self._hint(called)
                warnings.append(f'APIXO_MCP_PRICES: prices."{called}" is of no model, and is ignored.{hint}')
            elif never := sorted(name for name in unknown[0] if all(name in others for others in unknown)):
                takes = f"; {models[0].id} takes {', '.join(models[0].input.names())}" if len(models) == 1 else ""
                warnings.append(f'APIXO_MCP_PRICES: prices."{called}": when.{never[0]} never holds{takes}.')
        return tuple(warnings)

    def _priced_by(self, called: str) -> list[Model]:
        """Returns the models that a name of the user's prices is for."""
        name = self._every_name.get(_plain(called))
        if name is not None:
            return [self._known[name]]
        return [model for model in self._known.values() if called == model.modality or _fits(called, model)]

    def _other_names(self, pattern: str) -> str:
        """Tells which models a pattern would mean by what they are called besides their ids."""
        plain = _plain_pattern(pattern)
        called = [
            model.id
            for model in self._known.values()
            if _is_open(pattern) and any(fnmatchcase(_plain(name), plain) for name in model.aliases)
        ]
        return f" A pattern is of ids; by other names it would be {', '.join(called)}." if called else ""

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._known, n=1)
        return f" Did you mean {near[0]}?" if near else ""

    @cached_property
    def _names(self) -> dict[str, str]:
        return _names(self._models.values())

    @cached_property
    def _every_name(self) -> dict[str, str]:
        return _names(self._known.values())

    @cached_property
    def _index(self) -> "Index":
        # Imported here: a server that starts searches nothing.
        from apixo_mcp.catalog.search.ranking import Index

        return Index(self)

    def load(self) -> None:
        """Builds what is otherwise built at first use: the models, their names, their schemas and the search."""
        if self._names:
            for model in self:
                input_schema(model.input)
            self.search("")

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def search(self, query: str, modality: str = "") -> Found:
        """Returns the offered models that fit a query, the best first."""
        return self._index.search(query, modality)

    def get(self, name: str) -> Model | None:
        """Returns the model with exactly this id, on offer or not, or None."""
        return self._known.get(name)

    def find(self, name: str, modality: Modality | None = None) -> Model:
        """Returns the model that `name` means: its id, an older id, its title, in any case and with any separators.

        Raises:
            InvalidInput: no offered model is meant, or it makes something else than `modality`.
        """
        name = cut(name, _LONGEST_NAME)
        model = self._models.get(name.strip()) or self._models.get(self._names.get(_plain(name), ""))
        if model is None:
            raise InvalidInput([self._withheld(name) or self._choice(name, modality)])
        if modality is not None and model.modality != modality:
            other = NextAction(f"make_{model.modality}")
            raise InvalidInput([Problem("model", shorten(name), f"{model.id} makes {model.modality}", "", other)])
        return model

    def _withheld(self, name: str) -> Problem | None:
        """Tells that a model is on offer, but not to the owner who asks; None where it is on offer to nobody."""
        if self._whole is None:
            return None
        try:
            model = self._whole.find(name)
        except InvalidInput:
            return None
        theirs = (
            f"only {', '.join(list(self._models)[:_SOME])}{' …' if len(self) > _SOME else ''}" if len(self) else "none"
        )
        why = (
            f"{model.id} is not among the models that you may use ({theirs}); whoever runs this server can change that"
        )
        return Problem("model", shorten(name), why, next_action=NextAction.SEE_MODELS)

    def _choice(self, name: str, modality: Modality | None) -> Problem:
        """Tells what is allowed in place of `name`, and the ids nearest to it: those that hold it, then by spelling."""
        ids = [model.id for model in self if modality in (None, model.modality)]
        if not ids:
            where = "see APIXO_MCP_MODELS" if self._whole is None else "whoever runs this server can change that"
            none = f"no {modality or ''} model is offered{'' if self._whole is None else ' to you'}; {where}"
            none = none.replace("  ", " ")
            return Problem("model", shorten(name), none)
        plain = _plain(name)
        holding = [name for name in ids if plain and plain in _plain(name)]
        spelt = difflib.get_close_matches(name.casefold().replace(" ", "-"), ids, n=3, cutoff=0.5)
        found = self.search(name, modality or "")
        meant = [model.id for model in found.models[:3]] if found.is_ranked and not spelt else []
        near = " or ".join(list(dict.fromkeys((*holding, *spelt, *meant)))[:6])
        if len(ids) <= 12:
            return Problem("model", shorten(name), f"must be one of {', '.join(ids)}", near)
        none = f"no such model among the {len(ids)} {modality or 'offered'} ones"
        return Problem("model", shorten(name), none, near, NextAction.SEE_MODELS)


def _names(models: Iterable[Model]) -> dict[str, str]:
    names: dict[str, str] = {}
    for model in models:
        # The bare name of a model that no page describes is too little to spend money on.
        wire = () if model.facts == "none" else (model.wire_id,)
        for name in (model.title, *model.aliases, *wire, model.id):
            # An id outranks what other models are merely called.
            if _plain(name) not in names or name == model.id:
                names[_plain(name)] = model.id
    return names


def _spelt(model: Model, price: Price) -> Price:
    """Returns the price with its conditions in the model's own words."""
    when: dict[str, Any] = {}
    for name, value in price.when.items():
        spelling = model.spelling.get(name, Spelling(name))
        if name in model.input.names() and spelling.field != name:
            spelling = Spelling(name)
        when[spelling.field] = spelling.values.get(str(value), value)
    return replace(price, when=when)


def _unknown_conditions(model: Model, prices: tuple[Price, ...]) -> set[str]:
    """Returns the inputs that prices depend on and that the model does not take, as far as that is known."""
    if model.input.is_open():
        return set()
    return {name for price in prices for name in price.when} - {*model.input.names(), *model.spelling}


def _fits(pattern: str, model: Model) -> bool:
    """Tells whether a pattern with `*` means a model, by its id alone: an alias may begin as others of its maker do."""
    return _is_open(pattern) and fnmatchcase(_plain(model.id), _plain_pattern(pattern))


def _is_open(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern
