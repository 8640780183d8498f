"""The registry: every offered model, found by id, alias or title."""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property

from apixo_mcp.catalog.inputs import shorten
from apixo_mcp.catalog.model import Modality, Model
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.errors import InvalidInput, Problem


def _families() -> Iterator[Model]:
    from apixo_mcp.catalog import families

    for module in sorted(pkgutil.iter_modules(families.__path__), key=lambda found: found.name):
        yield from importlib.import_module(f"{families.__name__}.{module.name}").MODELS


def _plain(name: str) -> str:
    """A name without case and separators: `Nano Banana_Pro` and `nano-banana-pro` are the same."""
    return re.sub(r"[^a-z0-9/]+", "", name.casefold())


class Catalog:
    """The models that this server offers.

    Args:
        offered: ids, which may hold `*`; empty offers all (setting `APIXO_MCP_MODELS`).
        extra: models of the user's own; one with a known id takes that one's place.
    """

    def __init__(self, offered: Iterable[str] = (), extra: Iterable[Model] = ()) -> None:
        self._offered = tuple(offered)
        self._extra = tuple(extra)

    @cached_property
    def _known(self) -> dict[str, Model]:
        # Built at first use: fifty pydantic classes would slow the start of the server down.
        return {model.id: model for model in (*_families(), *self._extra)}

    @cached_property
    def _models(self) -> dict[str, Model]:
        if not self._offered:
            return self._known
        return {name: model for name, model in self._known.items() if self._is_offered(name)}

    def _is_offered(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._offered)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the ids to offer, a sentence each."""
        found: list[str] = []
        for pattern in self._offered:
            if not any(fnmatchcase(name, pattern) for name in self._known):
                near = difflib.get_close_matches(pattern, self._known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                found.append(f"APIXO_MCP_MODELS: no model matches {pattern!r}.{hint}")
        return tuple(found)

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for model in self._models.values():
            # The bare name of a model that no page describes is too little to spend money on.
            wire = () if model.facts == "none" else (model.wire_id,)
            for name in (model.title, *model.aliases, *wire, model.id):
                # An id outranks what other models are merely called.
                if _plain(name) not in names or name == model.id:
                    names[_plain(name)] = model.id
        return names

    def load(self) -> None:
        """Builds what is otherwise built at first use: the models, their names and their schemas."""
        if self._names:
            for model in self:
                input_schema(model.input)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str) -> Model | None:
        """The model with exactly this id, on offer or not, or None."""
        return self._known.get(name)

    def find(self, name: str, modality: Modality | None = None) -> Model:
        """The model that `name` means: its id, an older id, its title, in any case and with any separators.

        Raises:
            InvalidInput: no offered model is meant, or it makes something else than `modality`.
        """
        found = self._models.get(name.strip()) or self._models.get(self._names.get(_plain(name), ""))
        if found is None:
            raise InvalidInput([Problem("model", shorten(name), *self._choice(name, modality))])
        if modality is not None and found.modality != modality:
            allowed = f"{found.id} makes {found.modality}; use generate_{found.modality}"
            raise InvalidInput([Problem("model", shorten(name), allowed)])
        return found

    def _choice(self, name: str, modality: Modality | None) -> tuple[str, str]:
        """What is allowed in place of `name`, and the ids nearest to it: those that hold it first, then by spelling."""
        ids = [model.id for model in self if modality in (None, model.modality)]
        plain = _plain(name)
        holding = [found for found in ids if plain and plain in _plain(found)]
        spelt = difflib.get_close_matches(name.casefold().replace(" ", "-"), ids, n=3, cutoff=0.5)
        near = list(dict.fromkeys((*holding, *spelt)))[:6]
        short = len(ids) <= 12
        allowed = (
            f"must be one of {', '.join(ids)}"
            if short
            else f"no such model; list_models shows all {len(ids)} {modality or ''}".rstrip()
        )
        return allowed, " or ".join(near)
