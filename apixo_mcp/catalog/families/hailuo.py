"""MiniMax's Hailuo videos."""

from typing import Annotated, Literal

from apixo_mcp.catalog.fields import about, items, needed, optional_prompt, prompt
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import Files
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model
from apixo_mcp.catalog.rules import refused, required

_PICTURE = "The picture to animate: JPG or PNG, shorter side above 300 pixels, between 2:5 and 5:2, at most 20 MB."

_FILES = Files(20, ("jpg", "png"))


class Hailuo23Input(ModelInput):
    """The input of hailuo-2-3."""

    RULES = (
        required("duration", when={"mode": ["standard-text-to-video", "standard-image-to-video"]}),
        refused("duration", when={"mode": ["pro-text-to-video", "pro-image-to-video"]}, why="pro always makes 5 s"),
        required("image_urls", when={"mode": ["standard-image-to-video", "pro-image-to-video"]}),
    )

    mode: Literal["standard-text-to-video", "standard-image-to-video", "pro-text-to-video", "pro-image-to-video"]
    prompt: str = prompt()
    duration: Literal[6, 10] | None = about("Seconds, for the standard modes (768p); pro makes 5 s at 1080p.")
    image_urls: Annotated[list[Url] | None, _FILES] = items(1, _PICTURE)


class Hailuo23FastInput(ModelInput):
    """The input of hailuo-2-3-fast."""

    RULES = (
        required("duration", when={"mode": ["standard-image-to-video"]}),
        refused("duration", when={"mode": ["pro-image-to-video"]}, why="pro always makes 6 s"),
    )

    mode: Literal["standard-image-to-video", "pro-image-to-video"]
    prompt: str | None = optional_prompt(about="What should happen; whether it is required is not documented.")
    image_urls: Annotated[list[Url], _FILES] = needed(1, _PICTURE)
    duration: Literal[6, 10] | None = about("Seconds, for the standard mode (768p); pro makes 6 s at 1080p.")


MODELS = (
    Model(
        id="hailuo-2-3",
        title="Hailuo 2.3",
        vendor="MiniMax",
        modality="video",
        input=Hailuo23Input,
        schedule=VIDEO_SCHEDULE,
        quiet_defaults={"duration": 6},
        aliases=("minimax-hailuo-2-3",),
        tips=("standard makes 6 or 10 s at 768p, pro 5 s at 1080p.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/fr/docs/models/video/hailuo-2-3",),
    ),
    Model(
        id="hailuo-2-3-fast",
        title="Hailuo 2.3 Fast",
        vendor="MiniMax",
        modality="video",
        input=Hailuo23FastInput,
        schedule=VIDEO_SCHEDULE,
        quiet_defaults={"duration": 6},
        aliases=("minimax-hailuo-2-3-fast",),
        tips=("Works from a picture only. standard makes 6 or 10 s at 768p, pro 6 s at 1080p.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/it/docs/models/video/hailuo-2-3-fast",),
    ),
)
