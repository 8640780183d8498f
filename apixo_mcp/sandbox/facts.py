"""The facts that the gateways document about each model, read once from ``models.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

Gateway = Literal["apixo", "ruxa"]
Kind = Literal["image", "video", "audio"]

USUAL_SECONDS: Mapping[Kind, tuple[float, float]] = {"image": (15, 25), "video": (90, 150), "audio": (30, 50)}
"""Where no time is documented: typical of the modality, inside the guides' polling windows."""


@dataclass(frozen=True)
class Field:
    """The documented limits of one input field."""

    name: str
    type: str
    required: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    any_case: bool = False
    pattern: str = ""
    min: float | None = None
    max: float | None = None
    step: float | None = None
    min_length: int = 0
    max_length: int | None = None
    min_items: int = 0
    max_items: int | None = None
    modes: tuple[str, ...] = ()
    task_of: str = ""


@dataclass(frozen=True)
class Rule:
    """A condition between fields of one model while ``when`` is true."""

    when: Mapping[str, Any] = field(default_factory=dict[str, Any])
    require: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    same_length: tuple[str, ...] = ()
    total: Mapping[str, Any] = field(default_factory=dict[str, Any])
    limit: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


@dataclass(frozen=True)
class Model:
    """One model of one gateway.

    ``open`` models are known by id only: any input is taken. A ``closed`` one is documented to take no
    other field than those listed.
    """

    id: str
    gateway: Gateway
    kind: Kind
    fields: Mapping[str, Field]
    rules: tuple[Rule, ...] = ()
    aliases: tuple[str, ...] = ()
    seconds: tuple[float, float] | None = None
    seconds_by: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    files: str = ""
    files_fixed: int = 1
    files_by_mode: Mapping[str, int] = field(default_factory=dict[str, int])
    format: str = ""
    credits_status: int = 400
    pending: bool = True
    open: bool = False
    closed: bool = False
    any_provider: bool = False
    answer: str = ""
    answer_by_mode: Mapping[str, str] = field(default_factory=dict[str, str])
    upstream: str = ""

    def value(self, given: Mapping[str, Any], name: str) -> Any:
        """Returns what ``name`` means in ``given``: the value sent, else the documented default."""
        if given.get(name) is not None:
            return given[name]
        known = self.fields.get(name)
        return known.default if known else None

    def file_count(self, given: Mapping[str, Any]) -> int:
        """Returns how many files a task with this input produces."""
        count = self.value(given, self.files) if self.files else None
        if isinstance(count, int) and not isinstance(count, bool):
            return max(1, min(count, 16))
        return self.files_by_mode.get(str(self.value(given, "mode")), self.files_fixed)

    def usual_seconds(self, given: Mapping[str, Any]) -> tuple[float, float]:
        """Returns the documented range of how long such a task takes."""
        for name in ("resolution", "speed"):
            span = self.seconds_by.get(str(self.value(given, name)))
            if span:
                return span
        return self.seconds or USUAL_SECONDS[self.kind]


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(one) for key, one in cast("dict[str, Any]", value).items()}
    return tuple(_frozen(one) for one in cast("list[Any]", value)) if isinstance(value, list) else value


def _field(name: str, raw: Mapping[str, Any]) -> Field:
    return Field(name=name, **_frozen(raw))


def _rule(raw: Mapping[str, Any]) -> Rule:
    return Rule(**_frozen(raw))


def _model(gateway: Gateway, name: str, raw: Mapping[str, Any]) -> Model:
    rest = _frozen({key: value for key, value in raw.items() if key not in {"fields", "rules", "seconds_by"}})
    fields = cast("Mapping[str, Mapping[str, Any]]", raw.get("fields", {}))
    rules = cast("list[Mapping[str, Any]]", raw.get("rules", []))
    spans = cast("Mapping[str, list[float]]", raw.get("seconds_by", {}))
    return Model(
        id=name,
        gateway=gateway,
        fields={key: _field(key, value) for key, value in fields.items()},
        rules=tuple(_rule(rule) for rule in rules),
        seconds_by={key: (span[0], span[1]) for key, span in spans.items()},
        **rest,
    )


@cache
def models() -> Mapping[Gateway, Mapping[str, Model]]:
    """Returns every model by gateway and id; an alias is an id of its own."""
    raw = tomllib.loads(
        resources.files(__name__.rpartition(".")[0]).joinpath("models.toml").read_text(encoding="utf-8")
    )
    by_gateway: dict[Gateway, dict[str, Model]] = {"apixo": {}, "ruxa": {}}
    for gateway, table in by_gateway.items():
        for name, facts in raw[gateway].items():
            model = _model(gateway, name, facts)
            table.update(dict.fromkeys((name, *model.aliases), model))
    return by_gateway


def find(gateway: Gateway, model_id: str) -> Model | None:
    """Returns the model of that id or alias, or None."""
    return models()[gateway].get(model_id)
