"""Shengshu's Vidu."""

from typing import Literal

from apixo_mcp.catalog.fields import about, items, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Sound
from apixo_mcp.catalog.rules import refused, required

_FROM_IMAGE = {"mode": ["image-to-video", "turbo-image-to-video"]}


class ViduQ3Input(ModelInput):
    """The input of vidu-q3."""

    RULES = (
        required("image_urls", when=_FROM_IMAGE),
        refused("style", when=_FROM_IMAGE),
        refused("aspect_ratio", when=_FROM_IMAGE),
    )

    mode: Literal["text-to-video", "image-to-video", "turbo-text-to-video", "turbo-image-to-video"]
    prompt: str = prompt(5000)
    resolution: Literal["540p", "720p", "1080p"] | None = None
    duration: int | None = span(1, 16, "Seconds.")
    style: Literal["general", "anime"] | None = about("For the text modes.")
    aspect_ratio: Literal["16:9", "9:16", "4:3", "3:4", "1:1"] | None = about("For the text modes.")
    image_urls: list[Url] | None = items(2, "For the image modes.")
    movement: Literal["auto", "small", "medium", "large"] | None = None
    sound: bool | None = about("true if left out.")
    bgm: bool | None = about("Background music; true if left out.")
    seed: int | None = span(-1, 2147483647)


MODELS = (
    Model(
        id="vidu-q3",
        title="Vidu Q3",
        vendor="Shengshu",
        modality="video",
        input=ViduQ3Input,
        schedule=VIDEO_SCHEDULE,
        sound=Sound("optional", "with sound unless switched off", "APIXO vidu-q3 page"),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/vidu-q3",),
    ),
)
