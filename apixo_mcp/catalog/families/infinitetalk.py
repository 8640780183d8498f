"""InfiniteTalk: a portrait that speaks."""

from typing import Annotated, Literal

from apixo_mcp.catalog.fields import about, needed, optional_prompt
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import Files, Timed
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Price, Schedule, Sound


class InfiniteTalkInput(ModelInput):
    """The input of infinitetalk."""

    mode: Literal["image-to-video"] = "image-to-video"
    image_urls: list[Url] = needed(2, "The portrait and, if wanted, a mask of the regions that may move.")
    audio_urls: Annotated[list[Url], Files(128, ("mp3", "wav", "m4a")), Timed()] = needed(
        1, "What to say: MP3, WAV or M4A of at most 600 s and 128 MB."
    )
    prompt: str | None = optional_prompt()
    resolution: Literal["480p", "720p"] | None = None
    seed: int | None = about("-1 is random.")


MODELS = (
    Model(
        id="infinitetalk",
        title="InfiniteTalk",
        made_for=("talking portrait", "lip sync"),
        vendor="MeiGen (inferred)",
        modality="video",
        input=InfiniteTalkInput,
        schedule=Schedule(
            60, VIDEO_SCHEDULE.interval, 1800, "APIXO best practices guide; maximum chosen for long recordings"
        ),
        sound=Sound("given", "speaks your recording", "APIXO infinitetalk page"),
        tips=("Billed by the second of sound, at least 5.",),
        fail_codes=(*POLICY_OR_IMAGE, "INVALID_AUDIO_URL"),
        prices=(
            Price(0.03, "second", "APIXO infinitetalk page, early 2026", {"resolution": "480p"}, fewest=5),
            Price(0.06, "second", "APIXO infinitetalk page, early 2026", {"resolution": "720p"}, fewest=5),
        ),
        sources=("apixo.ai/docs/models/video/infinitetalk",),
    ),
)
