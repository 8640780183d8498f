"""Black Forest Labs' Flux."""

from typing import Literal

from apixo_mcp.catalog.fields import about, items, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, Url
from apixo_mcp.catalog.model import IMAGE_HIGH_QUALITY, POLICY_OR_IMAGE, Model, Price, Remark, Schedule
from apixo_mcp.catalog.rules import required, rule


class Flux2Input(ModelInput):
    """The input of flux-2."""

    RULES = (required("image_urls", when={"mode": ["pro-image-to-image", "flex-image-to-image"]}),)

    mode: Literal["pro-text-to-image", "pro-image-to-image", "flex-text-to-image", "flex-image-to-image"] = (
        "pro-text-to-image"
    )
    prompt: str = prompt(5000, least=3)
    image_urls: list[Url] | None = items(8, "Reference images, for the image-to-image modes.")
    aspect_ratio: Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "auto"] = "1:1"
    resolution: Literal["1K", "2K"] = "1K"


class FluxKontextInput(ModelInput):
    """The input of flux-kontext."""

    RULES = (
        rule(
            "image_url is the older form of image_urls; give image_urls alone",
            "image_url",
            "image_urls",
            broken=lambda given: bool(given["image_url"] and given["image_urls"]),
        ),
    )

    mode: Literal["pro", "max"]
    prompt: str = prompt(10000)
    image_urls: list[Url] | None = items(1, "One picture to edit.", least=0)
    image_url: Url | None = about("Older pages: one picture to edit.")
    aspect_ratio: Literal["1:1", "4:3", "3:4", "9:16", "16:9", "21:9"] = "16:9"
    output_format: Literal["jpeg", "png"] | None = about("jpeg if left out.")
    promptUpsampling: bool | None = about("Older pages; false if left out.")
    enableTranslation: bool | None = about("Older pages; true if left out.")
    safetyTolerance: int | None = span(0, 2, "Older pages; 2 if left out.")
    watermark: str | None = about("Older pages.")
    uploadCn: bool | None = about("Older pages; false if left out.")


MODELS = (
    Model(
        id="flux-2",
        title="Flux 2",
        vendor="Black Forest Labs",
        modality="image",
        input=Flux2Input,
        schedule=IMAGE_HIGH_QUALITY,
        usual_seconds=(20, 30),
        times="20-30 s",
        aliases=("flux2", "flux-2-pro"),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(0.13, "image", "an APIXO model page of late 2025: 0.05-0.13 by mode and resolution", least=0.05),
        ),
        recommended_for=("production",),
        quality=Remark("production quality", "APIXO best practices guide"),
        sources=("apixo.ai/docs/models/image/flux-2", "APIXO best practices guide"),
    ),
    Model(
        id="flux-kontext",
        title="Flux Kontext",
        vendor="Black Forest Labs",
        modality="image",
        input=FluxKontextInput,
        schedule=Schedule(8, 3, 120, "APIXO flux-kontext page"),
        usual_seconds=(10, 15),
        times="10-15 s",
        quiet_defaults={"mode": "pro"},
        aliases=("flux-kontext-pro", "flux-1-kontext-pro"),  # pro is what is asked for where no mode is given
        tips=("A picture in image_urls turns the request into an edit of it.",),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(0.03, "image", "APIXO model pages of late 2025", {"mode": "pro"}),
            Price(0.06, "image", "APIXO model pages of late 2025", {"mode": "max"}),
        ),
        sources=("apixo.ai/docs/models/image/flux-kontext",),
    ),
)
