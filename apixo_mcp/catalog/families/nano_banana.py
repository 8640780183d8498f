"""Google's Nano Banana, on both gateways."""

from typing import Annotated, Literal

from apixo_mcp.catalog.fields import about, items, prompt
from apixo_mcp.catalog.inputs import AnyInput, ModelInput, OpenInput, Url
from apixo_mcp.catalog.marks import Files, InferredName, Shape
from apixo_mcp.catalog.model import (
    IMAGE_FAST,
    IMAGE_HIGH_QUALITY,
    POLICY_OR_IMAGE,
    RUXA_IMAGE,
    Model,
    Price,
    Remark,
    Schedule,
    Spelling,
)
from apixo_mcp.catalog.rules import required, some_media

_MODE = Literal["text-to-image", "image-to-image"]
_RATIO = Literal["1:1", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "9:16", "16:9", "21:9", "auto"]
_SHAPES = tuple(ratio for ratio in _RATIO.__args__ if ratio != "auto")
_REFERENCES = required("image_urls", when={"mode": ["image-to-image"]})


class NanoBananaInput(ModelInput):
    """The input of nano-banana."""

    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = prompt(5000)
    image_urls: list[Url] | None = items(5, "Reference images, for image-to-image.")
    aspect_ratio: _RATIO = "1:1"
    output_format: Literal["png", "jpeg"] | None = about("jpeg if left out (older pages).")


class NanoBananaProInput(ModelInput):
    """The input of nano-banana-pro."""

    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = prompt()
    image_urls: Annotated[list[Url] | None, Files(10, ("jpg", "png", "webp"))] = items(
        10, "Reference images, for image-to-image: JPG, PNG or WebP of at most 10 MB each; 2 to 5 work best."
    )
    # The general page of APIXO's parameters lists all eleven for images; samples of this model's page show five.
    aspect_ratio: Annotated[str, Shape(_SHAPES, own="auto")] = about(
        "Documented: 1:1, 3:2, 9:16, 16:9, 21:9. Inferred: 4:3, 3:4, 2:3, 4:5, 5:4, auto.", "1:1"
    )
    resolution: Literal["1K", "2K", "4K"] | None = None
    output_format: Literal["png", "jpeg"] | None = about(
        "png if left out; png keeps transparency, jpeg keeps a 4K file small."
    )


class NanoBanana2Input(ModelInput):
    """The input of nano-banana-2."""

    RULES = (_REFERENCES,)

    mode: _MODE = "text-to-image"
    prompt: str = prompt(20000)
    image_urls: list[Url] | None = items(14, "Reference images, for image-to-image.")
    aspect_ratio: Literal[
        "auto", "1:1", "1:4", "4:1", "1:8", "3:2", "2:3", "3:4", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9"
    ]
    resolution: Literal["1k", "2k", "4k"]
    output_format: Literal["png", "jpeg", "jpg"] | None = None
    google_search: bool | None = about("Older pages.")


class RuxaNanoBananaInput(ModelInput):
    """The input of ruxa/google/nano-banana."""

    prompt: str = prompt()
    output_format: Literal["png", "jpeg"] = "png"
    image_size: _RATIO = about("An aspect ratio, in spite of its name.", "1:1")


class RuxaNanoBananaEditInput(OpenInput):
    """The page tells of a list of pictures without showing its name; another name than image_urls can be given too."""

    prompt: str = prompt(about="What to change.")
    image_urls: Annotated[list[Url] | None, InferredName()] = items(
        None, "The pictures to edit. The name is inferred, and so is a limit of 10."
    )
    output_format: Literal["png", "jpeg"] = "png"
    # Its page shows no values: those of the other Nano Banana pages of Ruxa.
    image_size: Annotated[str, Shape(_SHAPES, own="auto")] = about(
        f"An aspect ratio. Inferred: {', '.join(_RATIO.__args__)}.", "1:1"
    )

    RULES = (some_media("image_urls", ("prompt", "image_urls", "output_format", "image_size")),)


class RuxaNanoBananaProInput(ModelInput):
    """The input of ruxa/google/nano-banana-pro."""

    prompt: str = prompt()
    image_input: list[Url] | None = about("Reference images; their number is not documented (inferred: at most 8).")
    aspect_ratio: _RATIO | None = about("1:1 if left out (inferred).")
    resolution: Literal["1k", "2k", "4k"] | None = about("1k if left out (inferred).")
    output_format: Literal["png", "jpg"] | None = about("png if left out (inferred).")


MODELS = (
    Model(
        id="nano-banana",
        title="Nano Banana",
        vendor="Google",
        modality="image",
        input=NanoBananaInput,
        schedule=IMAGE_FAST,
        usual_seconds=(10, 15),
        times="10-15 s",
        fail_codes=POLICY_OR_IMAGE,
        prices=(Price(0.03, "image", "an APIXO model page of late 2025"),),
        recommended_for=("fast prototype",),
        aliases=("gemini-2.5-flash-image",),  # Google's own name of it
        speed=Remark("fast", "APIXO nano-banana page and best practices guide"),
        sources=("apixo.ai/docs/models/image/nano-banana", "APIXO best practices guide"),
    ),
    Model(
        id="nano-banana-pro",
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
            "1:1 for avatars, 16:9 and 9:16 for wallpapers, 21:9 for banners.",
            # Google's page of Gemini 3 Pro Image.
            "Renders legible text in pictures: posters, logos, infographics.",
            "png keeps transparency; use jpeg at 4K to keep the file small.",
            "2 to 5 reference images give the best results.",
            'Words such as "ultra detailed" and "high quality" help at high resolution.',
        ),
        fail_codes=POLICY_OR_IMAGE,
        aliases=("gemini-3-pro-image", "gemini-3-pro-image-preview"),  # Google's own names of it
        quality=Remark("high, rich in detail", "APIXO nano-banana-pro page"),
        sources=("apixo.ai/docs/pl/models/image/nano-banana-pro",),
    ),
    Model(
        id="nano-banana-2",
        title="Nano Banana 2",
        vendor="Google",
        modality="image",
        input=NanoBanana2Input,
        schedule=IMAGE_HIGH_QUALITY,
        quiet_defaults={"aspect_ratio": "auto", "resolution": "1k"},
        aliases=("gemini-3.1-flash-image", "gemini-3.1-flash-image-preview"),  # Google's own names of it
        quality=Remark("high", "APIXO nano-banana-2 page"),
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/ko/docs/models/image/nano-banana-2", "apixo.ai/docs/zh/models/image/nano-banana-2"),
    ),
    Model(
        id="ruxa/google/nano-banana",
        gateway="ruxa",
        title="Nano Banana (Ruxa)",
        vendor="Google",
        modality="image",
        input=RuxaNanoBananaInput,
        schedule=RUXA_IMAGE,
        aliases=("ruxa/nano-banana",),
        spelling={"aspect_ratio": Spelling("image_size")},
        result_hours=None,
        recommended_for=("fast prototype",),
        speed=Remark("fast", "Ruxa AI best practices guide"),
        sources=("docs.ruxa.ai/en/ai-images/google-imagen/nano-banana", "Ruxa AI best practices guide"),
    ),
    Model(
        id="ruxa/google/nano-banana-edit",
        gateway="ruxa",
        title="Nano Banana Edit (Ruxa)",
        vendor="Google",
        modality="image",
        input=RuxaNanoBananaEditInput,
        schedule=RUXA_IMAGE,
        facts="partial",
        aliases=("ruxa/nano-banana-edit",),
        spelling={"aspect_ratio": Spelling("image_size")},
        result_hours=None,
        sources=("docs.ruxa.ai/en/ai-images/google-imagen/nano-banana-edit",),
    ),
    Model(
        id="ruxa/google/nano-banana-pro",
        gateway="ruxa",
        title="Nano Banana Pro (Ruxa)",
        vendor="Google",
        modality="image",
        input=RuxaNanoBananaProInput,
        schedule=RUXA_IMAGE,
        aliases=("ruxa/nano-banana-pro",),
        spelling={"image_urls": Spelling("image_input")},
        result_hours=None,
        recommended_for=("high-quality image",),
        quality=Remark("high", "Ruxa AI best practices guide"),
        sources=("docs.ruxa.ai/en/ai-images/google-imagen/nano-banana-pro", "Ruxa AI best practices guide"),
    ),
    Model(
        id="ruxa/google/nano-banana-2",
        gateway="ruxa",
        title="Nano Banana 2 (Ruxa)",
        vendor="Google",
        modality="image",
        input=AnyInput,
        schedule=RUXA_IMAGE,
        facts="none",
        aliases=("ruxa/nano-banana-2",),
        result_hours=None,
        sources=("public client code; no page of Ruxa describes it",),
    ),
)
