"""Kuaishou's Kling."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from apixo_mcp.catalog.fields import about, items, optional_prompt, prompt, span, text_field
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import Files, Shape
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Remark
from apixo_mcp.catalog.rules import count, refused, required


def _in_tenths(value: float) -> float:
    if abs(value * 10 - round(value * 10)) > 1e-9:
        raise PydanticCustomError("step", "must be from 0 to 1 in steps of 0.1")
    return value


_MODE = Literal["text-to-video", "image-to-video"]
_RATIO = Literal["16:9", "9:16", "1:1"]
_Strength = Annotated[float, Field(ge=0, le=1), AfterValidator(_in_tenths)]
_FIRST_FRAME = required("image_urls", when={"mode": ["image-to-video"]})
_NO_RATIO = refused("aspect_ratio", when={"mode": ["image-to-video"]}, why="the picture gives it")
_FRAMES = "The first frame and, if wanted, the last, for image-to-video."


class Kling21Input(ModelInput):
    """The input of kling-2-1."""

    RULES = (
        required(
            "image_urls",
            when={"mode": ["standard-image-to-video", "pro-image-to-video", "master-image-to-video"]},
        ),
        count("image_urls", 1, 1, when={"mode": ["standard-image-to-video", "master-image-to-video"]}),
        required("aspect_ratio", when={"mode": ["master-text-to-video"]}),
    )

    mode: Literal["standard-image-to-video", "pro-image-to-video", "master-text-to-video", "master-image-to-video"] = (
        "standard-image-to-video"
    )
    prompt: str = prompt(5000)
    duration: Literal[5, 10] = about("Seconds.", 5)
    image_urls: list[Url] | None = items(2, "The first frame; in pro also the last.")
    # Required in this mode; its page names it for no other.
    aspect_ratio: Annotated[_RATIO | None, Shape(modes=("master-text-to-video",))] = about(
        "For master-text-to-video; 16:9 by default."
    )
    negative_prompt: str | None = text_field(500, "What to avoid.")
    cfg_scale: _Strength | None = about("0 to 1 in steps of 0.1.")


class Kling25TurboProInput(ModelInput):
    """The input of kling-2-5-turbo-pro."""

    RULES = (_FIRST_FRAME, _NO_RATIO)

    mode: _MODE = "text-to-video"
    prompt: str = prompt(2500)
    duration: Literal[5, 10] = about("Seconds.", 5)
    image_urls: list[Url] | None = items(2, _FRAMES)
    aspect_ratio: _RATIO | None = about("For text-to-video; 16:9 if left out.")
    negative_prompt: str | None = text_field(2500, "What to avoid.")
    cfg_scale: _Strength | None = about("0 to 1 in steps of 0.1.")


class Kling26Input(ModelInput):
    """The input of kling-2-6."""

    RULES = (_FIRST_FRAME, _NO_RATIO)

    mode: _MODE
    prompt: str = prompt(1000)
    duration: Literal[5, 10] = Field(description="Seconds.")
    sound: bool = Field(description="Must be said.")
    image_urls: list[Url] | None = items(2, _FRAMES)
    aspect_ratio: _RATIO | None = about("For text-to-video.")


class Kling30StdInput(ModelInput):
    """The input of kling-3-0-std."""

    RULES = (
        required("prompt", when={"mode": ["text-to-video", "image-to-video"]}),
        required("image_urls", when={"mode": ["image-to-video", "motion-control"]}),
        count("image_urls", 1, 1, when={"mode": ["motion-control"]}),
        required("video_urls", when={"mode": ["motion-control"]}),
        refused("duration", when={"mode": ["motion-control"]}, why="the video gives it"),
        refused("aspect_ratio", when={"mode": ["image-to-video", "motion-control"]}),
    )

    mode: Literal["text-to-video", "image-to-video", "motion-control"]
    prompt: str | None = optional_prompt(least=1)
    image_urls: list[Url] | None = items(2, f"{_FRAMES} Exactly one for motion-control.")
    video_urls: Annotated[list[Url] | None, Files(None, ("mp4", "mov", "m4v"))] = items(
        1, "The motion to follow: MP4, MOV or M4V of at most 30 s."
    )
    duration: int | None = span(3, 15, "Seconds; 5 if left out.")
    aspect_ratio: _RATIO | None = about("For text-to-video.")
    sound: bool | None = about("Whether there is sound.")


class Kling30TurboInput(ModelInput):
    """The input of kling-3-0-turbo."""

    RULES = (_FIRST_FRAME, _NO_RATIO)

    mode: _MODE
    prompt: str = prompt()
    resolution: Literal["720p", "1080p"] | None = None
    duration: int | None = span(3, 15, "Seconds.")
    aspect_ratio: _RATIO | None = about("For text-to-video.")
    image_urls: list[Url] | None = items(1, "The first frame, for image-to-video.")


def _infer_21(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Chooses the version: only master works from text alone, and only pro takes a last frame."""
    pictures = len(given.get("image_urls") or ())
    by_pictures = {0: "master-text-to-video", 1: "standard-image-to-video"}
    mode = given.get("mode") or by_pictures.get(pictures, "pro-image-to-video")
    return {"mode": mode} | ({"aspect_ratio": "16:9"} if mode == "master-text-to-video" else {})


def _infer_30(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"mode": "motion-control"} if given.get("video_urls") else {}


MODELS = (
    Model(
        id="kling-2-1",
        title="Kling 2.1",
        vendor="Kuaishou",
        modality="video",
        input=Kling21Input,
        schedule=VIDEO_SCHEDULE,
        infer=_infer_21,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/kling-2-1",),
    ),
    Model(
        id="kling-2-5-turbo-pro",
        title="Kling 2.5 Turbo Pro",
        vendor="Kuaishou",
        modality="video",
        input=Kling25TurboProInput,
        schedule=VIDEO_SCHEDULE,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/kling-2-5-turbo-pro",),
    ),
    Model(
        id="kling-2-6",
        title="Kling 2.6",
        vendor="Kuaishou",
        modality="video",
        input=Kling26Input,
        schedule=VIDEO_SCHEDULE,
        quiet_defaults={"duration": 5, "sound": False},
        aliases=("kling-v2-6",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/kling-2-6",),
    ),
    Model(
        id="kling-3-0-std",
        title="Kling 3.0 Std",
        vendor="Kuaishou",
        modality="video",
        input=Kling30StdInput,
        schedule=VIDEO_SCHEDULE,
        quality=Remark("standard", "APIXO kling-3-0-std page"),
        infer=_infer_30,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/fr/docs/models/video/kling-3-0-std",),
    ),
    Model(
        id="kling-3-0-turbo",
        title="Kling 3.0 Turbo",
        vendor="Kuaishou",
        modality="video",
        input=Kling30TurboInput,
        schedule=VIDEO_SCHEDULE,
        speed=Remark("fast", "APIXO kling-3-0-turbo page"),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/kling-3-0-turbo",),
    ),
)
