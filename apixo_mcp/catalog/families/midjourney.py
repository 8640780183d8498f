"""Midjourney."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, items, optional_prompt, span
from apixo_mcp.catalog.inputs import OpenInput, Url
from apixo_mcp.catalog.marks import EarlierTask, PromptPictures, Shape
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, Model, Price, Remark, Schedule
from apixo_mcp.catalog.rules import count, only, refused, required, rule, some_media

_MODES = Literal["text-to-image", "image-to-image", "image-edit", "vary", "upscale", "reroll", "enhance"]
_NOT_EDIT = {"mode": [mode for mode in _MODES.__args__ if mode != "image-edit"]}
_FIELDS = (
    *("mode", "prompt", "image_urls", "aspect_ratio", "speed", "version", "stylization", "variety", "weirdness"),
    *("taskId", "imageIndex", "mask", "canvas", "imgPos", "enableTranslation"),
)


class MidjourneyInput(OpenInput):
    """Fields for style and other references exist whose names no page shows: an unknown field is passed on as given."""

    RULES = (
        required("prompt", when={"mode": ["text-to-image", "image-to-image", "image-edit"]}),
        rule(
            "what follows '--' (as in --ar or --sref) in a prompt is removed by the gateway; use the fields instead",
            "prompt",
            broken=lambda given: "--" in (given["prompt"] or ""),
        ),
        some_media("image_urls", _FIELDS, when={"mode": ["image-to-image"]}),
        required("image_urls", when={"mode": ["image-edit"]}),
        count("image_urls", 1, 1, when={"mode": ["image-edit"]}),
        only("mode", ["text-to-image", "image-to-image"], when={"speed": ["draft"]}),
        rule(
            "draft works with version 7 only",
            "version",
            "speed",
            broken=lambda given: given["speed"] == "draft" and str(given["version"] or "7").lstrip("vV") != "7",
        ),
        required("taskId", when={"mode": ["vary", "upscale", "reroll", "enhance"]}),
        required("imageIndex", when={"mode": ["vary", "upscale", "enhance"]}),
        *(refused(name, when=_NOT_EDIT) for name in ("mask", "canvas", "imgPos")),
    )

    mode: _MODES
    prompt: str | None = optional_prompt(2000, least=1)
    image_urls: Annotated[list[Url] | None, PromptPictures()] = items(
        20, "Image prompts; the one picture to change for image-edit.", least=0
    )
    # In image-edit the gateway fills canvas and imgPos in by the picture; the other modes have a task before them.
    aspect_ratio: Annotated[
        Literal["1:1", "1:2", "2:1", "2:3", "3:2", "3:4", "4:3", "5:6", "6:5", "9:16", "16:9"] | None,
        Shape(modes=("text-to-image", "image-to-image")),
    ] = None
    speed: Literal["fast", "turbo", "draft"] | None = about("fast if left out. An older relaxed is billed as fast.")
    version: str | None = about("Inferred: 7, 6.1, 6, niji 6, niji 7 (v7 on older pages).")
    stylization: int | None = span(0, 1000, "Range from older pages.")
    variety: int | None = span(0, 100, "Range from older pages.")
    weirdness: int | None = span(0, 3000, "Range from older pages.")
    taskId: Annotated[str | None, EarlierTask(("midjourney",))] = about(
        "An earlier midjourney task, by our id or the gateway's: for vary, upscale, reroll, enhance."
    )
    imageIndex: int | None = about("Which of its results; whether it counts from 0 or 1 is not documented.")
    mask: dict[str, Any] | str | None = about("The region to edit; its shape is not documented.")
    canvas: dict[str, Any] | None = about("Filled in if left out; its shape is not documented.")
    imgPos: dict[str, Any] | None = about("Filled in if left out; its shape is not documented.")
    enableTranslation: bool | None = about("Older pages; false if left out.")


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers nothing: an earlier task can be varied, upscaled or drawn again: that is not guessed."""
    return {"mode": None} if given.get("taskId") else {}


_OLDEST = "the oldest APIXO midjourney page, late 2025, per task of 4 images"

MODELS = (
    Model(
        id="midjourney",
        title="Midjourney",
        vendor="Midjourney",
        modality="image",
        input=MidjourneyInput,
        schedule=Schedule(30, 5, 300, "chosen from the times of the oldest APIXO midjourney page"),
        facts="partial",
        usual_seconds=(30, 60),
        times="fast about 60 s, turbo about 30 s (oldest page)",
        infer=_infer,
        tips=(
            "A task makes 4 images (upscale and enhance 1).",
            "enhance works on a result made with speed draft only; reroll needs only taskId.",
        ),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(0.20, "task", _OLDEST, {"speed": "turbo"}),
            Price(0.10, "task", _OLDEST, {"speed": "fast"}),
            Price(0.10, "task", _OLDEST, {"speed": None}),
        ),
        aliases=("mj",),
        recommended_for=("high end",),
        quality=Remark("high end, artistic", "APIXO best practices guide"),
        sources=("apixo.ai/docs/models/image/midjourney", "APIXO best practices guide"),
    ),
)
