"""Marks on the fields of an input class: what a document says of them that no schema shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from apixo_mcp.catalog.inputs import ModelInput


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a field takes.

    Attributes:
        max_mb: the size of one, None where no document says.
        formats: file extensions without the dot; empty where no document says.
    """

    max_mb: int | None = None
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierTask:
    """Marks a field that takes the gateway's id of an earlier task.

    Attributes:
        models: the wire ids of the models whose tasks it takes; empty where no document says.
        index: the field that says which of its results, where that result is an input picture.
    """

    models: tuple[str, ...] = ()
    index: str = ""


@dataclass(frozen=True, slots=True)
class InferredName:
    """Marks a field whose very name is inferred, so that another one may be the right one."""


@dataclass(frozen=True, slots=True)
class PromptPictures:
    """Marks a field of pictures that the text modes take too, beside the prompt."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Marks a field that says a shape, with what its choices do not tell.

    Attributes:
        ratios: those that are known of a field that takes any text.
        own: the value that is inferred to mean the shape of the input picture.
        modes: those in which it is of use; empty for all.
        left_out: what the gateway makes without it, where a document says.
    """

    ratios: tuple[str, ...] = ()
    own: str = ""
    modes: tuple[str, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Timed:
    """Marks files whose own length is what is made, and paid by the second.

    Attributes:
        modes: those in which it is so; empty for all.
    """

    modes: tuple[str, ...] = ()


@cache
def files(cls: type[ModelInput]) -> Mapping[str, Files]:
    """Returns the fields whose files are described."""
    return MappingProxyType({name: mark for name, mark in _marks(cls) if isinstance(mark, Files)})


@cache
def earlier_tasks(cls: type[ModelInput]) -> Mapping[str, EarlierTask]:
    """Returns the fields that name an earlier task."""
    return MappingProxyType({name: mark for name, mark in _marks(cls) if isinstance(mark, EarlierTask)})


@cache
def inferred_names(cls: type[ModelInput]) -> frozenset[str]:
    """Returns the fields whose names are inferred."""
    return frozenset(name for name, mark in _marks(cls) if isinstance(mark, InferredName))


@cache
def prompt_pictures(cls: type[ModelInput]) -> frozenset[str]:
    """Returns the fields of pictures that the text modes take too."""
    return frozenset(name for name, mark in _marks(cls) if isinstance(mark, PromptPictures))


@cache
def shapes(cls: type[ModelInput]) -> Mapping[str, Shape]:
    """Returns the fields that say a shape and are marked so."""
    return MappingProxyType({name: mark for name, mark in _marks(cls) if isinstance(mark, Shape)})


@cache
def timed(cls: type[ModelInput]) -> Mapping[str, Timed]:
    """Returns the fields whose files give the length."""
    return MappingProxyType({name: mark for name, mark in _marks(cls) if isinstance(mark, Timed)})


def _marks(cls: type[ModelInput]) -> list[tuple[str, object]]:
    return [(name, mark) for name, info in cls.model_fields.items() for mark in info.metadata]
