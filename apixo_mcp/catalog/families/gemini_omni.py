"""Google's Gemini Omni."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, optional_prompt
from apixo_mcp.catalog.inputs import OpenInput, Url
from apixo_mcp.catalog.marks import InferredName
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Sound
from apixo_mcp.catalog.rules import refused, required, rule

_NOT_VIDEO = {"mode": ["gemini-omni-audio", "gemini-omni-character"]}


class GeminiOmniInput(OpenInput):
    """The fields of the audio and character modes are not all documented: an unknown field is passed on as given."""

    RULES = (
        required("voice_key", when={"mode": ["gemini-omni-audio"]}),
        required("prompt", when={"mode": ["gemini-omni-video"]}),
        *(
            refused(name, when=_NOT_VIDEO)
            for name in ("resolution", "duration", "aspect_ratio", "audio_ids", "character_ids", "video_urls")
        ),
        rule(
            "duration is not accepted with video_urls",
            "duration",
            "video_urls",
            broken=lambda given: given["duration"] is not None and bool(given["video_urls"]),
        ),
    )

    mode: Literal["gemini-omni-audio", "gemini-omni-character", "gemini-omni-video"]
    voice_key: str | None = about("An official base voice, for gemini-omni-audio; the list is not documented here.")
    prompt: str | None = optional_prompt(about="What to make; its part in the other modes is not documented.")
    resolution: Literal["720p", "1080p", "4k"] | None = about("For gemini-omni-video.")
    duration: Literal["4", "6", "8", "10"] | None = about("Seconds as a string, for gemini-omni-video without a video.")
    aspect_ratio: Literal["16:9", "9:16"] | None = about("For gemini-omni-video.")
    audio_ids: list[str] | None = about("Ids that gemini-omni-audio answered with, for gemini-omni-video.")
    character_ids: list[str] | None = about("Ids that gemini-omni-character answered with, for gemini-omni-video.")
    image_urls: Annotated[list[Url] | None, InferredName()] = about(
        "A reference for a video; for gemini-omni-character the name is inferred."
    )
    video_urls: list[Url] | None = about("A video to work from, for gemini-omni-video.")


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"mode": "gemini-omni-audio" if given.get("voice_key") else "gemini-omni-video"}


MODELS = (
    Model(
        id="gemini-omni",
        title="Gemini Omni",
        vendor="Google",
        modality="video",
        input=GeminiOmniInput,
        schedule=VIDEO_SCHEDULE,
        facts="partial",
        infer=_infer,
        sound=Sound("given", "voices of its own (audio_ids)", "APIXO gemini-omni page"),
        tips=("The audio and character modes answer at once with an id to use in gemini-omni-video.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/fr/docs/models/video/gemini-omni",),
    ),
)
