"""An entry of the catalog: a model, with its schedule, prices and spelling."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from apixo_mcp.catalog.inputs import AnyInput, ModelInput
from apixo_mcp.errors import Problem
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.generation import Modality

ModelFacts = Literal["full", "partial", "none"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times at which a task of this model is polled, in seconds.

    Attributes:
        first_wait: from the submit to the first poll.
        interval: to the second poll; later ones back off from it.
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
VIDEO_SCHEDULE = Schedule(60, 15, 600, _GUIDE)
AUDIO_SCHEDULE = Schedule(30, 10, 300, _GUIDE)
BY_MODALITY: Mapping[Modality, Schedule] = {
    "image": IMAGE_HIGH_QUALITY,
    "video": VIDEO_SCHEDULE,
    "audio": AUDIO_SCHEDULE,
}

RUXA_IMAGE = Schedule(5, 5, 300, "Ruxa AI best practices guide: every 5 s, 60 times")
RUXA_VIDEO = Schedule(20, 5, 900, "Ruxa AI best practices guide (interval); first wait and maximum chosen for videos")

POLICY_OR_IMAGE = ("CONTENT_VIOLATION", "INVALID_IMAGE_URL")
"""The failCodes that most APIXO model pages name."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price that was seen somewhere, on some day: an estimate and never a promise.

    Attributes:
        usd: in US dollars, per `per`.
        per: `image`, `video`, `second`, `task`.
        seen: where and when.
        when: the input values it holds for (None: not given); empty for all. The first that holds counts.
        least: the lower end, where the page shows a range and not what it depends on; `usd` is the upper one.
        fewest: of what `per` counts, as many are paid at least.
    """

    usd: float
    per: Literal["image", "video", "second", "task"]
    seen: str
    when: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    least: float | None = None
    fewest: float = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """A plain word on a model, and the document that has it.

    Attributes:
        text: the word or two.
        source: where it stands.
    """

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Sound:
    """Tells what is heard with a video.

    Attributes:
        kind: `always`, `optional` (it can be switched), or `given` (it comes from an input).
        text: the same in a few words.
        source: the document that says so.
    """

    kind: Literal["always", "optional", "given"]
    text: str
    source: str


OPENAI_SOUND = Sound("always", "with sound, says OpenAI", "OpenAI on Sora 2; no page of the gateway speaks of sound")
GOOGLE_SOUND = Sound("always", "with sound, says Google", "Google on Veo 3; no page of the gateway speaks of sound")


@dataclass(frozen=True, slots=True)
class Spelling:
    """The spelling of one common argument on this model's wire.

    Attributes:
        field: the name on the wire.
        values: common value to wire value, where they differ.
    """

    field: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Aspect ratio and resolution said in one field on the wire, in pixels.

    Attributes:
        field: the name on the wire.
        table: size by resolution, then by aspect ratio; the first of each stands in for one that was not given.
        modes: those that take the field; empty for all.
        resolution_alone: the field `resolution` is taken in those modes too, and says enough by itself.
    """

    field: str
    table: Mapping[str, Mapping[str, str]]
    modes: tuple[str, ...] = ()
    resolution_alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of one gateway.

    Attributes:
        id: ours; it begins as the gateway's ids do (`ruxa/sora-2`; those of APIXO are bare).
        wire_id: the gateway's; ours without that beginning if left out.
        input: the pydantic class of its input, fields named as on the wire.
        spelling: common arguments whose name or values differ on the wire; the rest are passed under their own name.
        sizes: where aspect ratio and resolution make up one field.
        quiet_defaults: safe, cheap values for fields that the gateway requires and users do not think of; the answer
            mentions each that was used. One that a rule refuses in the given mode is left out.
        infer: the fields that follow from the given ones where the caller left them out; a mode of None is not guessed.
        doubt: what the caller must say before anything is inferred from the given inputs and paid for, or None.
        usual_seconds: shortest and longest usual time to finish, or None where no document says.
        times: the documented times, as text.
        facts: how much of the input is documented.
        result_hours: how long result URLs live: the shorter of conflicting documents, None where unknown.
        recommended_for: the purposes the gateways' guides name this model for.
        gateway: its name in the directory.
        made_for: what it is good for beyond its modality, in words that people look for.
        sound: what is heard with its videos; None where no document says more than that it has a switch for it.
        quality: a plain word on how good its results are, where a document has one.
        speed: a plain word on how quick it is, where a document has one.
        voices: the ids of voices that a document names.
    """

    id: str
    title: str
    vendor: str
    modality: Modality
    input: type[ModelInput]
    schedule: Schedule
    sources: tuple[str, ...]
    gateway: str = "apixo"
    wire_id: str = ""
    facts: ModelFacts = "full"
    usual_seconds: tuple[int, int] | None = None
    times: str = ""
    aliases: tuple[str, ...] = ()
    spelling: Mapping[str, Spelling] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    sizes: Sizes | None = None
    quiet_defaults: Mapping[str, Any] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    infer: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    doubt: Callable[[Mapping[str, Any]], Problem | None] | None = None
    tips: tuple[str, ...] = ()
    fail_codes: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    result_hours: float | None = 24
    recommended_for: tuple[str, ...] = ()
    made_for: tuple[str, ...] = ()
    sound: Sound | None = None
    quality: Remark | None = None
    speed: Remark | None = None
    voices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.wire_id:
            object.__setattr__(self, "wire_id", self.id.removeprefix(GATEWAYS[self.gateway].id_prefix))

    @cached_property
    def modes(self) -> tuple[str, ...]:
        """The allowed values of `mode`, empty where the model has none."""
        return tuple(str(value) for value in self.input.choices("mode"))


def images_without_page(vendor: str, *entries: tuple[str, str, str]) -> tuple[Model, ...]:
    """Returns APIXO image models whose inputs no page describes.

    Args:
        vendor: whose models they are.
        entries: id, title and tip of each.
    """
    return tuple(
        Model(
            id=name,
            title=title,
            vendor=vendor,
            modality="image",
            input=AnyInput,
            schedule=IMAGE_HIGH_QUALITY,
            facts="none",
            tips=(tip,),
            sources=("a public list of APIXO model ids; no page describes its inputs",),
        )
        for name, title, tip in entries
    )
