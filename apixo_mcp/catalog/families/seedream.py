"""ByteDance's Seedream."""

from typing import Annotated, Literal

from apixo_mcp.catalog.fields import about, items, pixels, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.marks import Files
from apixo_mcp.catalog.model import (
    IMAGE_HIGH_QUALITY,
    POLICY_OR_IMAGE,
    Model,
    Price,
    Remark,
    Schedule,
    Spelling,
    images_without_page,
)
from apixo_mcp.catalog.rules import required

_MODE = Literal["text-to-image", "image-to-image"]
_RATIO = Literal["1:1", "2:3", "3:2", "4:3", "3:4", "9:16", "16:9", "21:9"]
_REFERENCES = required("image_urls", when={"mode": ["image-to-image"]})


class Seedream45Input(ModelInput):
    """The input of seedream-4-5."""

    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = prompt(5000)
    image_urls: Annotated[list[Url] | None, Files(10, ("jpg", "png", "webp"))] = items(
        14, "Reference images, for image-to-image: JPG, PNG or WebP of at most 10 MB."
    )
    max_images: int = span(1, 10, "How many images at most; each one produced is billed.", 1)
    resolution: Literal["2K", "4K"] | None = about("2K if left out.")
    aspect_ratio: _RATIO | None = None
    sequential_image_generation: Literal["disabled", "auto"] | None = about(
        "auto makes related images (storyboards, comic panels); disabled, the default, independent ones."
    )
    size: Annotated[str, pixels("2K", "4K")] | None = about(
        "Newer pages: 2K, 4K or pixels (2048x2048, 2048*2048), not resolution and aspect_ratio."
    )
    prompt_optimize_mode: Literal["standard"] | None = about("Newer pages.")


class Seedream50Input(ModelInput):
    """The input of seedream-5-0."""

    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = prompt(5000)
    max_images: int = span(1, 10, "How many images at most; each one produced is billed.", 1)
    image_urls: list[Url] | None = items(14, "Reference images, for image-to-image.")
    resolution: Literal["2K", "3K"] | None = None
    aspect_ratio: _RATIO | None = None
    sequential_image_generation: Literal["disabled", "auto"] | None = about("Older pages; disabled if left out.")
    web_search: bool | None = about("false if left out.")
    output_format: Literal["jpeg", "png"] | None = about("jpeg if left out.")
    size: Annotated[str, pixels("2K", "3K")] | None = about(
        "Newer pages: 2K, 3K or pixels (2048x2048, 2048*2048), not resolution and aspect_ratio."
    )
    prompt_optimize_mode: Literal["standard"] | None = about("Newer pages.")


_SPELLING = {"num_images": Spelling("max_images")}
_ONE = {"max_images": 1}

MODELS = (
    Model(
        id="seedream-4-5",
        title="Seedream 4.5",
        vendor="ByteDance",
        modality="image",
        input=Seedream45Input,
        schedule=Schedule(20, 3, 300, "APIXO seedream-4-5 page (20 s, then every 3 s; 5 min on an older one)"),
        usual_seconds=(25, 55),
        times="2K 25-35 s, 4K 40-55 s",
        spelling=_SPELLING,
        quiet_defaults=_ONE,
        tips=(
            "2K suits most uses, 4K print and professional work.",
            # Public pages of the model.
            "Strong at typography, text in pictures: posters, logos.",
            "sequential_image_generation auto makes storyboards and comic panels that belong together.",
            "Up to 14 reference images are fused; more give a richer mix.",
            "16:9 and 21:9 for banners, 9:16 for phones, 1:1 for social media.",
        ),
        fail_codes=POLICY_OR_IMAGE,
        prices=(Price(0.04, "image", "an APIXO model page of late 2025"),),
        aliases=("doubao-seedream-4-5",),
        quality=Remark("highest at 4K, for print", "APIXO seedream-4-5 page"),
        sources=("apixo.ai/docs/pl/models/image/seedream-4-5", "apixo.ai/docs/models/image/seedream-4-5"),
    ),
    Model(
        id="seedream-5-0",
        title="Seedream 5.0",
        vendor="ByteDance",
        modality="image",
        input=Seedream50Input,
        schedule=IMAGE_HIGH_QUALITY,
        spelling=_SPELLING,
        quiet_defaults=_ONE,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/seedream-5-0",),
    ),
    *images_without_page(
        "ByteDance",
        ("seedream-5-0-pro", "Seedream 5.0 Pro", "Said to make a single image from text or a picture."),
        ("seedream-4-0", "Seedream 4.0", "Said to have 1K, 2K and 4K presets, from text or a picture."),
    ),
)
