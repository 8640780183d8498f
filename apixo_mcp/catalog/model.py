"""What a catalog entry is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from apixo_mcp.catalog.inputs import ModelInput

Modality = Literal["image", "video", "audio"]
Facts = Literal["full", "partial", "none"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look at a task of this model, in seconds.

    Attributes:
        first_wait: from the submit to the first look.
        interval: to the second look; later ones back off from it.
        maximum: after which the task counts as overdue.
        source: the document that says so.
    """

    first_wait: float
    interval: float
    maximum: float
    source: str


_GUIDE = "APIXO best practices guide"
IMAGE_FAST = Schedule(5, 3, 120, _GUIDE)
IMAGE_HIGH_QUALITY = Schedule(10, 5, 180, _GUIDE)
VIDEO = Schedule(60, 15, 600, _GUIDE)
AUDIO = Schedule(30, 10, 300, _GUIDE)


@dataclass(frozen=True, slots=True)
class Price:
    """A price that was seen somewhere, on some day: an estimate and never a promise.

    Attributes:
        usd: in US dollars, per `per`.
        per: `image`, `video`, `second`, `task`.
        seen: where and when.
        when: the input values it holds for; empty for all.
    """

    usd: float
    per: Literal["image", "video", "second", "task"]
    seen: str
    when: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one common argument is spelt on this model's wire.

    Attributes:
        field: the name on the wire.
        values: common value to wire value, where they differ.
    """

    field: str
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of one gateway.

    Attributes:
        id: ours; Ruxa ids carry the gateway (`ruxa/sora-2`).
        wire_id: the gateway's.
        input: the pydantic class of its input, fields named as on the wire.
        spelling: common arguments whose name or values differ on the wire; the rest are passed under their own name.
        quiet_defaults: safe, cheap values for fields that the gateway requires and users do not think of; the answer
            mentions each that was used.
        infer: the fields that follow from the given ones where the caller left them out (a mode that is called otherwise).
        usual_seconds: shortest and longest usual time to finish, or None where no document says.
        times: the documented times, as text.
        facts: how much of the input is documented.
        result_hours: how long result URLs live: the shorter of conflicting documents, None where unknown.
        recommended_for: the purposes the gateways' guides name this model for.
    """

    id: str
    gateway: Literal["apixo", "ruxa"]
    wire_id: str
    title: str
    vendor: str
    modality: Modality
    input: type[ModelInput]
    schedule: Schedule
    facts: Facts
    sources: tuple[str, ...]
    usual_seconds: tuple[int, int] | None = None
    times: str = ""
    aliases: tuple[str, ...] = ()
    spelling: Mapping[str, Spelling] = field(default_factory=lambda: MappingProxyType({}))
    quiet_defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    infer: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    tips: tuple[str, ...] = ()
    fail_codes: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    result_hours: float | None = 24
    recommended_for: tuple[str, ...] = ()

    @cached_property
    def modes(self) -> tuple[str, ...]:
        """The allowed values of `mode`, empty where the model has none."""
        return tuple(str(value) for value in self.input.choices("mode"))
