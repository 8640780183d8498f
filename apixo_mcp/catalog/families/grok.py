"""xAI's Grok: images and videos."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, items, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import EarlierTask
from apixo_mcp.catalog.model import IMAGE_FAST, POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model
from apixo_mcp.catalog.rules import one_of, refused, required, rule


class GrokImageInput(ModelInput):
    """The input of grok-image."""

    RULES = (
        required("image_urls", when={"mode": ["image-to-image"]}),
        refused("aspect_ratio", when={"mode": ["image-to-image"]}),
    )

    mode: Literal["text-to-image", "image-to-image"] = "text-to-image"
    prompt: str = prompt(5000)
    image_urls: list[Url] | None = items(1, "The picture to change, for image-to-image.")
    aspect_ratio: Literal["1:1", "3:2", "2:3"] | None = about("For text-to-image.")


class GrokVideoInput(ModelInput):
    """The input of grok-video."""

    RULES = (
        one_of("image_urls", "task_id", when={"mode": ["image-to-video"]}),
        rule(
            "index is required with task_id",
            "index",
            "task_id",
            broken=lambda given: given["task_id"] is not None and given["index"] is None,
        ),
    )

    mode: Literal["text-to-video", "image-to-video"] = "text-to-video"
    prompt: str = prompt(5000)
    duration: int = span(6, 30, "Seconds.", 6)
    resolution: Literal["480p", "720p"] = "480p"
    aspect_ratio: Literal["1:1", "3:2", "2:3", "16:9", "9:16"] | None = None
    style: str | None = about("normal is documented; other values are not.")
    image_urls: list[Url] | None = items(1, "The picture to animate, for image-to-video.")
    task_id: Annotated[str | None, EarlierTask(("grok-image",), index="index")] = about(
        "A grok-image task, by our id or the gateway's, in place of image_urls."
    )
    index: int | None = span(0, 5, "Which of that task's images.")


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"mode": "image-to-video"} if given.get("task_id") else {}


MODELS = (
    Model(
        id="grok-image",
        title="Grok Image",
        vendor="xAI",
        modality="image",
        input=GrokImageInput,
        schedule=IMAGE_FAST,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/grok-image",),
    ),
    Model(
        id="grok-video",
        title="Grok Video",
        vendor="xAI",
        modality="video",
        input=GrokVideoInput,
        schedule=VIDEO_SCHEDULE,
        infer=_infer,
        tips=("An image of an earlier grok-image task can be animated by task_id and index.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/pl/docs/models/video/grok-video",),
    ),
)
