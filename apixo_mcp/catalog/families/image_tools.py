"""Tools that change one picture and take no prompt."""

from typing import Literal

from apixo_mcp.catalog.fields import about, needed
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.model import IMAGE_HIGH_QUALITY, POLICY_OR_IMAGE, Model


class ImageUpscalerInput(ModelInput):
    """The input of image-upscaler."""

    mode: Literal["image-to-image"] = "image-to-image"
    image_urls: list[Url] = needed(1, "The picture to enlarge.")
    resolution: Literal["2k", "4k", "8k"] | None = about("4k if left out.")
    output_format: Literal["jpg", "png", "webp"] | None = about("jpg if left out.")


class WatermarkRemoverInput(ModelInput):
    """The input of image-watermark-remover."""

    mode: Literal["image-to-image"] = "image-to-image"
    image_urls: list[Url] = needed(1, "The picture to clean.")
    output_format: Literal["jpg", "jpeg", "png", "webp"] | None = about("jpg if left out.")


MODELS = (
    Model(
        id="image-upscaler",
        title="Image Upscaler",
        made_for=("upscaling",),
        vendor="APIXO",
        modality="image",
        input=ImageUpscalerInput,
        schedule=IMAGE_HIGH_QUALITY,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/ImageUpscaler",),
    ),
    Model(
        id="image-watermark-remover",
        title="Image Watermark Remover",
        made_for=("watermark removal",),
        vendor="APIXO",
        modality="image",
        input=WatermarkRemoverInput,
        schedule=IMAGE_HIGH_QUALITY,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/ImageWatermarkRemover",),
    ),
)
