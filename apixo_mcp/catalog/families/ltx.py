"""Lightricks' LTX."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from apixo_mcp.catalog.fields import about, items, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Schedule
from apixo_mcp.catalog.rules import refused, required


def _not_zero(value: int) -> int:
    if value == 0:
        raise PydanticCustomError("seed", "must be -1 or from 1 to 2147483647")
    return value


class Lora(BaseModel):
    """One LoRA file and its weight."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    path: Url = Field(description="Where the file is.")
    scale: float = Field(description="Its weight.")


class Ltx219bInput(ModelInput):
    """The input of ltx-2-19b."""

    RULES = (
        required("image_urls", when={"mode": ["image-to-video", "image-to-video-LoRA"]}),
        refused("aspect_ratio", when={"mode": ["image-to-video", "image-to-video-LoRA"]}),
        required("loras", when={"mode": ["text-to-video-LoRA", "image-to-video-LoRA"]}),
    )

    mode: Literal["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"] = "text-to-video"
    prompt: str = prompt(5000)
    image_urls: list[Url] | None = items(1, "The picture to animate.")
    aspect_ratio: Literal["16:9", "9:16"] | None = about("For the text modes; 16:9 if left out.")
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    duration: int = span(5, 20, "Seconds.", 10)
    loras: list[Lora] | None = items(3, "Up to 3 LoRA files, for the LoRA modes.", least=0)
    seed: Annotated[int, Field(ge=-1, le=2147483647), AfterValidator(_not_zero)] | None = about(
        "-1 (newest page) or 1 to 2147483647."
    )


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    start = "image-to-video" if given.get("image_urls") else "text-to-video"
    return {"mode": f"{start}-LoRA" if given.get("loras") else start}


MODELS = (
    Model(
        id="ltx-2-19b",
        title="LTX-2 19B",
        vendor="Lightricks",
        modality="video",
        input=Ltx219bInput,
        schedule=Schedule(40, 10, VIDEO_SCHEDULE.maximum, "chosen from the times of the APIXO ltx-2-19b page"),
        usual_seconds=(40, 90),
        times="480p 40-60 s, 720p 60-90 s",
        infer=_infer,
        fail_codes=(*POLICY_OR_IMAGE, "INVALID_LORA_URL"),
        sources=("apixo.ai/docs/models/video/ltx-2-19b",),
    ),
)
