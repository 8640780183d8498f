"""Alibaba's Wan: images."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, items, prompt, span, text_field
from apixo_mcp.catalog.inputs import ModelInput, OpenInput, Url
from apixo_mcp.catalog.marks import Files
from apixo_mcp.catalog.model import IMAGE_HIGH_QUALITY, POLICY_OR_IMAGE, Model
from apixo_mcp.catalog.rules import only, refused, required, rule

_MODE = Literal["text-to-image", "image-to-image"]
_FORMATS = ("jpg", "png", "bmp", "webp")
_PLAIN_RATIO = Literal["1:1", "3:4", "4:3", "9:16", "16:9"]


class Wan25ImageInput(ModelInput):
    """The input of wan-2-5-image."""

    RULES = (
        required("image_urls", when={"mode": ["image-to-image"]}),
        only("aspect_ratio", _PLAIN_RATIO.__args__, when={"mode": ["text-to-image"]}),
    )

    mode: _MODE = "text-to-image"
    prompt: str = prompt(2000)
    negative_prompt: str | None = text_field(500, "What to avoid.")
    num_images: int | None = span(1, 4, "4 if left out; each image is billed.")
    image_urls: Annotated[list[Url] | None, Files(10, _FORMATS)] = items(
        3, "For image-to-image: JPEG, PNG, BMP or WebP, 384 to 5000 pixels, 10 MB."
    )
    aspect_ratio: Literal["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9"] | None = None


class Wan26ImageInput(ModelInput):
    """The input of wan-2-6-image."""

    RULES = (
        required("image_urls", when={"mode": ["image-to-image"]}),
        refused("aspect_ratio", when={"mode": ["image-to-image"]}, why="the result is always 2K"),
    )

    mode: _MODE = "text-to-image"
    prompt: str = prompt(2000)
    negative_prompt: str | None = text_field(500, "What to avoid.")
    num_images: int | None = span(1, 3, "1 if left out.")
    aspect_ratio: _PLAIN_RATIO | None = about("For text-to-image.")
    image_urls: Annotated[list[Url] | None, Files(10)] = items(
        3, "For image-to-image: 240 to 8000 pixels, at most 10 MB each."
    )


class Wan27ImageInput(OpenInput):
    """Whether it has a field for the aspect ratio or size is not documented: an unknown field is passed on as given."""

    RULES = (
        rule(
            "4k is for omni-image-pro, without image_urls and without enable_sequential",
            "resolution",
            "mode",
            "image_urls",
            "enable_sequential",
            broken=lambda given: (
                given["resolution"] == "4k"
                and (given["mode"] != "omni-image-pro" or bool(given["image_urls"]) or bool(given["enable_sequential"]))
            ),
        ),
        rule(
            "num_images is at most 4 without enable_sequential",
            "num_images",
            "enable_sequential",
            broken=lambda given: (given["num_images"] or 1) > 4 and not given["enable_sequential"],
        ),
        rule(
            "bbox_list needs image_urls and has one entry for each of them",
            "bbox_list",
            "image_urls",
            broken=lambda given: (
                given["bbox_list"] is not None and len(given["bbox_list"]) != len(given["image_urls"] or ())
            ),
        ),
        rule(
            "color_palette is not accepted with enable_sequential",
            "color_palette",
            "enable_sequential",
            broken=lambda given: given["color_palette"] is not None and bool(given["enable_sequential"]),
        ),
    )

    mode: Literal["omni-image", "omni-image-pro"]
    prompt: str = prompt(5000, about="What to make; the model itself would cut a longer text.")
    image_urls: Annotated[list[Url] | None, Files(20, _FORMATS)] = items(
        9, "JPEG, PNG, BMP or WebP, 240 to 8000 pixels, 20 MB each.", least=0
    )
    resolution: Literal["1k", "2k", "4k"] | None = None
    num_images: int | None = span(1, 12, "1 if left out; up to 4, or 12 with enable_sequential.")
    enable_sequential: bool | None = about("false if left out (inferred).")
    bbox_list: list[Any] | None = about(
        "Regions to edit: an entry for each picture, at most 2 boxes in each. Shape not documented."
    )
    color_palette: list[dict[str, Any]] | None = items(
        10, "Colours with ratios that add up to 100.00%; the keys are not documented.", least=3
    )


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: only omni-image-pro makes 4k; else the plain one."""
    return {"mode": "omni-image-pro" if str(given.get("resolution")).casefold() == "4k" else "omni-image"}


MODELS = (
    Model(
        id="wan-2-5-image",
        title="Wan 2.5 Image",
        vendor="Alibaba",
        modality="image",
        input=Wan25ImageInput,
        schedule=IMAGE_HIGH_QUALITY,
        quiet_defaults={"num_images": 1},
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/wan-2-5-image",),
    ),
    Model(
        id="wan-2-6-image",
        title="Wan 2.6 Image",
        vendor="Alibaba",
        modality="image",
        input=Wan26ImageInput,
        schedule=IMAGE_HIGH_QUALITY,
        tips=("image-to-image results are always 2K.",),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/wan-2-6-image",),
    ),
    Model(
        id="wan-2-7-image",
        title="Wan 2.7 Image",
        vendor="Alibaba",
        modality="image",
        input=Wan27ImageInput,
        schedule=IMAGE_HIGH_QUALITY,
        facts="partial",
        infer=_infer,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/de/docs/models/image/wan-2-7-image",),
    ),
)
