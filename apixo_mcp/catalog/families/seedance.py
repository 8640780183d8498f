"""ByteDance's Seedance."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from apixo_mcp.catalog.fields import about, items, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model
from apixo_mcp.catalog.rules import count, refused, required, rule


class Seedance15ProInput(ModelInput):
    """The input of seedance-1-5-pro."""

    RULES = (required("image_urls", when={"mode": ["image-to-video"]}),)

    mode: Literal["text-to-video", "image-to-video"]
    prompt: str = prompt(2500, least=3)
    image_urls: list[Url] | None = items(2, "The first frame and, if wanted, the last.")
    aspect_ratio: Literal["1:1", "3:4", "4:3", "9:16", "16:9", "21:9"] | None = None
    resolution: Literal["480p", "720p"] | None = None
    duration: int | None = span(4, 12, "Seconds; 4, 8 and 12 are the steps of the price.")
    sound: bool = Field(description="Must be said.")
    fixed_lens: bool | None = about("Whether the camera stands still.")


_OMNI = {"mode": ["omni_reference"]}
_FRAMES = {"mode": ["first_and_last_frames"]}


class Seedance20FastInput(ModelInput):
    """The input of seedance-2-0-fast and seedance-2-0-mini."""

    RULES = (
        required("image_urls", when=_FRAMES),
        count("image_urls", 1, 2, when=_FRAMES),
        refused("image_urls", when={"mode": ["text-to-video"]}),
        refused("video_urls", when={"mode": ["text-to-video", "first_and_last_frames"]}),
        refused("audio_urls", when={"mode": ["text-to-video", "first_and_last_frames"]}),
        rule(
            "omni_reference needs at least one picture or video",
            "image_urls",
            "video_urls",
            "mode",
            broken=lambda given: (
                given["mode"] == "omni_reference" and not given["image_urls"] and not given["video_urls"]
            ),
        ),
    )

    mode: Literal["text-to-video", "first_and_last_frames", "omni_reference"] = "text-to-video"
    prompt: str = prompt()
    resolution: Literal["480p", "720p"] | None = None
    duration: int = span(4, 15, "Seconds.", 5)
    aspect_ratio: Literal["auto", "16:9", "4:3", "1:1", "3:4", "9:16", "21:9"] | None = None
    sound: bool | None = about("Whether there is sound.")
    web_search: bool | None = about("Whether it may search the web.")
    image_urls: list[Url] | None = items(9, "The first and last frame (1 or 2), or references (up to 9).")
    video_urls: list[Url] | None = items(3, "References for omni_reference, 2 to 15 s each and 15 s in all.")
    audio_urls: list[Url] | None = items(3, "References for omni_reference, 2 to 15 s each and 15 s in all.")


class Seedance20Input(Seedance20FastInput):
    """The input of seedance-2-0."""

    resolution: Literal["480p", "720p", "1080p"] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: up to two pictures alone are first and last frame; all else is reference material."""
    pictures = len(given.get("image_urls") or ())
    if given.get("video_urls") or given.get("audio_urls") or pictures > 2:
        return {"mode": "omni_reference"}
    return {"mode": "first_and_last_frames" if pictures else "text-to-video"}


MODELS = (
    Model(
        id="seedance-1-5-pro",
        title="Seedance 1.5 Pro",
        vendor="ByteDance",
        modality="video",
        input=Seedance15ProInput,
        schedule=VIDEO_SCHEDULE,
        quiet_defaults={"sound": False},
        aliases=("doubao-seedance-1-5-pro",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/seedance-1-5-pro",),
    ),
    *(
        Model(
            id=name,
            title=title,
            vendor="ByteDance",
            modality="video",
            input=cls,
            schedule=VIDEO_SCHEDULE,
            infer=_infer,
            aliases=(f"doubao-{name}",),
            tips=(
                "first_and_last_frames animates 1 or 2 pictures; omni_reference takes up to 9 pictures, 3 videos and "
                "3 sounds as references.",
                "A reference video changes the price.",
            ),
            fail_codes=POLICY_OR_IMAGE,
            sources=(source,),
        )
        for name, title, cls, source in (
            ("seedance-2-0", "Seedance 2.0", Seedance20Input, "apixo.ai/ko/docs/models/video/seedance-2-0"),
            (
                "seedance-2-0-fast",
                "Seedance 2.0 Fast",
                Seedance20FastInput,
                "apixo.ai/es/docs/models/video/seedance-2-0-fast",
            ),
            (
                "seedance-2-0-mini",
                "Seedance 2.0 Mini",
                Seedance20FastInput,
                "apixo.ai/docs/models/video/seedance-2-0-mini",
            ),
        )
    ),
)
