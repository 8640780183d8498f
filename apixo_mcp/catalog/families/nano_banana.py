"""Google's Nano Banana, on both gateways."""

from typing import Literal

from pydantic import Field

from apixo_mcp.catalog.inputs import ModelInput, Url, required
from apixo_mcp.catalog.model import IMAGE_FAST, Model, Price, Schedule, Spelling

_MODE = Literal["text-to-image", "image-to-image"]
_RATIO = Literal["1:1", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "9:16", "16:9", "21:9", "auto"]
_REFERENCES = required("image_urls", when={"mode": ["image-to-image"]})


class NanoBananaInput(ModelInput):
    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = Field(min_length=1, max_length=5000)
    """What to make."""
    image_urls: list[Url] | None = Field(None, min_length=1, max_length=5)
    """Reference images, for image-to-image."""
    aspect_ratio: _RATIO = "1:1"
    output_format: Literal["png", "jpeg"] | None = None
    """jpeg if left out (older page)."""


class NanoBananaProInput(ModelInput):
    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = Field(min_length=1, max_length=5000)
    """What to make. 5,000 is the generic image limit; this model's own page names none."""
    image_urls: list[Url] | None = Field(None, min_length=1, max_length=10)
    """Reference images, for image-to-image: JPG, PNG or WebP of at most 10 MB each; 2 to 5 work best."""
    aspect_ratio: str = Field(
        "1:1", description="Documented: 1:1, 3:2, 9:16, 16:9, 21:9. Inferred: 4:3, 3:4, 2:3, 4:5, 5:4, auto."
    )
    resolution: Literal["1K", "2K", "4K"] | None = None
    output_format: Literal["png", "jpeg"] | None = None
    """png if left out; png keeps transparency, jpeg keeps a 4K file small."""


class RuxaNanoBananaInput(ModelInput):
    prompt: str = Field(min_length=1, max_length=5000)
    """What to make. Its length limit is not documented."""
    output_format: Literal["png", "jpeg"] = "png"
    image_size: Literal["1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto"] = "1:1"
    """An aspect ratio, in spite of its name."""


class RuxaNanoBananaProInput(ModelInput):
    prompt: str = Field(min_length=1, max_length=5000)
    """What to make. Its length limit is not documented."""
    image_input: list[Url] | None = None
    """Reference images; their number is not documented (inferred: at most 8)."""
    aspect_ratio: (
        Literal["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "auto"] | None
    ) = None
    resolution: Literal["1k", "2k", "4k"] | None = None
    output_format: Literal["png", "jpg"] | None = None


_RUXA_IMAGE = Schedule(5, 5, 300, "Ruxa AI best practices guide: every 5 s, 60 times")

MODELS = (
    Model(
        id="nano-banana",
        gateway="apixo",
        wire_id="nano-banana",
        title="Nano Banana",
        vendor="Google",
        modality="image",
        input=NanoBananaInput,
        schedule=IMAGE_FAST,
        facts="full",
        usual_seconds=(10, 15),
        times="10-15 s",
        fail_codes=("CONTENT_VIOLATION", "INVALID_IMAGE_URL"),
        prices=(Price(0.03, "image", "an APIXO model page of early 2026"),),
        recommended_for=("fast prototype",),
        sources=("apixo.ai/docs/models/image/nano-banana",),
    ),
    Model(
        id="nano-banana-pro",
        gateway="apixo",
        wire_id="nano-banana-pro",
        title="Nano Banana Pro",
        vendor="Google",
        modality="image",
        input=NanoBananaProInput,
        schedule=Schedule(20, 3, 180, "APIXO nano-banana-pro page (first wait, interval); guide (maximum)"),
        facts="partial",
        usual_seconds=(20, 60),
        times="1K 20-30 s, 2K 30-45 s, 4K 45-60 s",
        tips=(
            "1K for previews, 2K for most uses, 4K for print.",
            "png keeps transparency; use jpeg at 4K to keep the file small.",
            "2 to 5 reference images give the best results.",
            'Words such as "ultra detailed" and "high quality" help at high resolution.',
        ),
        fail_codes=("CONTENT_VIOLATION", "INVALID_IMAGE_URL"),
        sources=("apixo.ai/docs/pl/models/image/nano-banana-pro",),
    ),
    Model(
        id="ruxa/google/nano-banana",
        gateway="ruxa",
        wire_id="google/nano-banana",
        title="Nano Banana (Ruxa)",
        vendor="Google",
        modality="image",
        input=RuxaNanoBananaInput,
        schedule=_RUXA_IMAGE,
        facts="full",
        aliases=("ruxa/nano-banana",),
        spelling={"aspect_ratio": Spelling("image_size")},
        result_hours=None,
        recommended_for=("fast prototype",),
        sources=("docs.ruxa.ai/en/ai-images/google-imagen/nano-banana",),
    ),
    Model(
        id="ruxa/google/nano-banana-pro",
        gateway="ruxa",
        wire_id="google/nano-banana-pro",
        title="Nano Banana Pro (Ruxa)",
        vendor="Google",
        modality="image",
        input=RuxaNanoBananaProInput,
        schedule=_RUXA_IMAGE,
        facts="full",
        aliases=("ruxa/nano-banana-pro",),
        spelling={"image_urls": Spelling("image_input")},
        result_hours=None,
        recommended_for=("high-quality image",),
        sources=("docs.ruxa.ai/en/ai-images/google-imagen/nano-banana-pro",),
    ),
)
