"""Alibaba's HappyHorse."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, items, optional_prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import Timed
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Sound, Spelling
from apixo_mcp.catalog.rules import count, refused, required


class HappyHorseInput(ModelInput):
    """The input of happyHorse."""

    RULES = (
        required("prompt", when={"mode": ["text-to-video", "reference-to-video", "video-edit"]}),
        refused("ratio", when={"mode": ["image-to-video", "video-edit"]}),
        refused("duration", when={"mode": ["video-edit"]}, why="the video gives it"),
        required("image_urls", when={"mode": ["image-to-video", "reference-to-video"]}),
        count("image_urls", 1, 1, when={"mode": ["image-to-video"]}),
        count("image_urls", 0, 5, when={"mode": ["video-edit"]}),
        required("video_urls", when={"mode": ["video-edit"]}),
        refused("audio_setting", when={"mode": ["text-to-video", "image-to-video", "reference-to-video"]}),
    )

    mode: Literal["text-to-video", "image-to-video", "reference-to-video", "video-edit"]
    prompt: str | None = optional_prompt(2500)
    ratio: Literal["16:9", "9:16", "1:1", "4:3", "3:4"] | None = about("For the text and reference modes.")
    resolution: Literal["720p", "1080p"] | None = None
    duration: int | None = span(3, 15, "Seconds; not for video-edit.")
    image_urls: list[Url] | None = items(9, "The first frame (exactly one), or references.", least=0)
    video_urls: Annotated[list[Url] | None, Timed(("video-edit",))] = items(1, "The video to edit.")
    audio_setting: Literal["auto", "origin"] | None = about("For video-edit.")
    watermark: bool | None = about("Whether there is a watermark.")
    seed: int | None = span(0, 2147483647, "Random if left out.")


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: a video is to be edited; one picture is a first frame, more are references."""
    pictures = len(given.get("image_urls") or ())
    if given.get("video_urls"):
        return {"mode": "video-edit"}
    return {"mode": "text-to-video" if not pictures else "image-to-video" if pictures == 1 else "reference-to-video"}


MODELS = (
    Model(
        id="happyHorse",
        title="HappyHorse",
        vendor="Alibaba",
        modality="video",
        input=HappyHorseInput,
        schedule=VIDEO_SCHEDULE,
        spelling={"aspect_ratio": Spelling("ratio")},
        infer=_infer,
        sound=Sound("always", "with sound", "APIXO happyhorse page"),
        tips=("video-edit is billed by the length of the given video.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/happyhorse",),
    ),
)
