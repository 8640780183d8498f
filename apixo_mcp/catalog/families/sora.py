"""OpenAI's Sora 2, on both gateways."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from apixo_mcp.catalog.fields import about, items, prompt
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import EarlierTask, Files, Shape
from apixo_mcp.catalog.model import (
    OPENAI_SOUND,
    POLICY_OR_IMAGE,
    RUXA_VIDEO,
    Model,
    Price,
    Remark,
    Schedule,
    Sizes,
    Spelling,
)
from apixo_mcp.catalog.rules import refused, required

_MODE = Literal["text-to-video", "image-to-video"]
_FIRST_FRAME = required("image_urls", when={"mode": ["image-to-video"]})


class Sora2Input(ModelInput):
    """The input of sora-2."""

    RULES = (_FIRST_FRAME,)

    mode: _MODE
    prompt: str = prompt(10000)
    image_urls: Annotated[list[Url] | None, Files(10, ("jpg", "png", "webp"))] = items(
        1, "The picture to animate: JPEG, PNG or WebP, at most 10 MB."
    )
    aspect_ratio: Annotated[Literal["landscape", "portrait"] | None, Shape(left_out="landscape")] = about(
        "landscape if left out."
    )
    duration: Literal[4, 8, 12] | None = about("Seconds.")
    remove_watermark: bool | None = about("Older pages; true if left out.")


class Sora2ProInput(ModelInput):
    """The input of sora-2-pro."""

    RULES = (
        _FIRST_FRAME,
        required("size", when={"mode": ["text-to-video"]}),
        refused("size", when={"mode": ["image-to-video"]}),
        required("resolution", when={"mode": ["image-to-video"]}),
        refused("resolution", when={"mode": ["text-to-video"]}),
    )

    mode: _MODE
    prompt: str = prompt(5000)
    size: Literal["720*1280", "1280*720", "1024*1792", "1792*1024"] | None = about("Width*height, for text-to-video.")
    resolution: Literal["720p", "1080p"] | None = about("For image-to-video.")
    image_urls: list[Url] | None = items(1, "The picture to animate, for image-to-video.")
    duration: Literal[4, 8, 12] | None = about("Seconds.")


def _span_of_seconds(value: str) -> str:
    parts = re.fullmatch(r"\s{0,9}(\d{1,9}(?:\.\d{1,9})?)\s{0,9},\s{0,9}(\d{1,9}(?:\.\d{1,9})?)\s{0,9}", value)
    if parts is None or not 1 <= float(parts[2]) - float(parts[1]) <= 3:
        raise PydanticCustomError("timestamps", "must be start,end in seconds, 1 to 3 seconds apart, as in 1,3")
    return f"{parts[1]},{parts[2]}"


class RuxaSora2Input(ModelInput):
    """The input of ruxa/sora-2."""

    prompt: str = prompt()
    seconds: Literal["10", "15"] | None = about("A string of digits.")
    size: Literal["720x1280", "1280x720"] | None = about("Width x height.")
    input_reference: Url | None = about("The picture to animate.")
    watermark: bool | None = about("false if left out.")
    private: bool | None = about("true hides the video and forbids remixes; false if left out.")
    style: Literal["winter", "comic", "news"] | None = None
    character_url: Url | None = about("A video to build a character from; it must not show real people.")
    character_timestamps: Annotated[str, AfterValidator(_span_of_seconds)] | None = about(
        "start,end in seconds, 1 to 3 seconds apart, as in 1,3."
    )
    character_from_task: Annotated[str | None, EarlierTask()] = about(
        "A finished task to take the character from, by our id or the gateway's."
    )
    character_create: bool | None = about("Builds a character from the new video once it is done.")
    metadata: str | None = about("Its meaning is not documented.")


class RuxaSora2HdInput(RuxaSora2Input):
    """The input of ruxa/sora-2-hd."""

    seconds: Literal["10", "15", "25"] | None = about("A string of digits.")  # pyright: ignore[reportIncompatibleVariableOverride]
    size: Literal["720x1280", "1280x720", "1024x1792", "1792x1024"] | None = about("Width x height.")  # pyright: ignore[reportIncompatibleVariableOverride]


_RUXA = {"image_urls": Spelling("input_reference"), "duration": Spelling("seconds")}
_SMALL = {"16:9": "1280x720", "9:16": "720x1280"}
_LARGE = {"16:9": "1792x1024", "9:16": "1024x1792"}
_PROVIDER = "An older page asks for provider official to be set explicitly."

MODELS = (
    Model(
        id="sora-2",
        title="Sora 2",
        vendor="OpenAI",
        modality="video",
        input=Sora2Input,
        schedule=Schedule(120, 15, 600, "APIXO sora-2 page"),
        usual_seconds=(120, 300),
        times="2-5 min",
        spelling={"aspect_ratio": Spelling("aspect_ratio", {"16:9": "landscape", "9:16": "portrait"})},
        tips=(_PROVIDER,),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(
                0.15, "video", "an APIXO model page of December 2025: 0.10-0.15 (an older one: 0.50-0.75)", least=0.10
            ),
        ),
        recommended_for=("cinematic video",),
        sound=OPENAI_SOUND,
        quality=Remark("top, cinematic", "APIXO sora-2 page and best practices guide"),
        sources=("apixo.ai/docs/models/video/sora-2", "APIXO best practices guide"),
    ),
    Model(
        id="sora-2-pro",
        title="Sora 2 Pro",
        vendor="OpenAI",
        modality="video",
        input=Sora2ProInput,
        schedule=Schedule(120, 15, 900, "APIXO sora-2 page; maximum chosen longer for pro"),
        sizes=Sizes(
            "size",
            {
                "720p": {"16:9": "1280*720", "9:16": "720*1280"},
                "1080p": {"16:9": "1792*1024", "9:16": "1024*1792"},
            },
            modes=("text-to-video",),
        ),
        quiet_defaults={"size": "1280*720", "resolution": "720p"},
        sound=OPENAI_SOUND,
        quality=Remark("premium", "APIXO sora-2-pro page"),
        tips=(_PROVIDER,),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/sora-2-pro",),
    ),
    Model(
        id="ruxa/sora-2",
        gateway="ruxa",
        title="Sora 2 (Ruxa)",
        vendor="OpenAI",
        modality="video",
        input=RuxaSora2Input,
        schedule=RUXA_VIDEO,
        spelling=_RUXA,
        sizes=Sizes("size", {"720p": _SMALL}),
        result_hours=None,
        recommended_for=("standard-definition video",),
        sound=OPENAI_SOUND,
        quality=Remark("standard definition", "Ruxa AI best practices guide"),
        sources=("docs.ruxa.ai/en/ai-videos/sora2/image-to-video", "Ruxa AI best practices guide"),
    ),
    Model(
        id="ruxa/sora-2-hd",
        gateway="ruxa",
        title="Sora 2 HD (Ruxa)",
        vendor="OpenAI",
        modality="video",
        input=RuxaSora2HdInput,
        schedule=RUXA_VIDEO,
        spelling=_RUXA,
        sizes=Sizes("size", {"720p": _SMALL, "1080p": _LARGE}),
        result_hours=None,
        recommended_for=("high-definition video",),
        sound=OPENAI_SOUND,
        quality=Remark("high definition", "Ruxa AI best practices guide"),
        sources=("docs.ruxa.ai/en/ai-videos/sora2/image-to-video", "Ruxa AI best practices guide"),
    ),
)
