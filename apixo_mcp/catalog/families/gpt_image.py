"""OpenAI's GPT Image, on both gateways."""

from typing import Literal

from apixo_mcp.catalog.fields import about, items, prompt
from apixo_mcp.catalog.inputs import AnyInput, ModelInput, Url
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, RUXA_IMAGE, Model, Price, Schedule
from apixo_mcp.catalog.rules import required


class GptImage1Input(ModelInput):
    """The input of gpt-image-1."""

    mode: Literal["gpt-image-1"] = "gpt-image-1"
    prompt: str = prompt(10000)
    image_urls: list[Url] | None = items(5, "Pictures to edit.", least=0)
    aspect_ratio: Literal["1:1", "2:3", "3:2"] = "1:1"
    num_images: Literal[1, 2, 4] | None = about("1 if left out.")
    isEnhance: bool | None = about("Older pages; false if left out.")


class GptImage2Input(ModelInput):
    """The input of gpt-image-2."""

    RULES = (required("image_urls", when={"mode": ["image-to-image"]}),)

    mode: Literal["text-to-image", "image-to-image"] = "text-to-image"
    prompt: str = prompt(20000)
    image_urls: list[Url] | None = items(16, "Reference images, for image-to-image.")
    aspect_ratio: Literal["auto", "1:1", "4:3", "3:4", "16:9", "9:16"] | None = about("auto if left out.")
    resolution: Literal["1k", "2k", "4k"] | None = about("1k if left out.")
    quality: str | None = about("Not on any page. Inferred from client code: low, medium, high.")


MODELS = (
    Model(
        id="gpt-image-1",
        title="GPT Image 1",
        vendor="OpenAI",
        modality="image",
        input=GptImage1Input,
        schedule=Schedule(40, 10, 180, "APIXO gpt-image-1 page"),
        usual_seconds=(40, 70),
        times="40-70 s",
        tips=(
            "A picture in image_urls turns the request into an edit of it.",
            # OpenAI's guide to image generation.
            "Renders text in pictures: posters, logos.",
        ),
        fail_codes=POLICY_OR_IMAGE,
        prices=(Price(0.035, "image", "an APIXO model page of late 2025 (another shows 0.35, probably a slip)"),),
        sources=("apixo.ai/docs/models/image/gpt-image-1",),
    ),
    Model(
        id="gpt-image-2",
        title="GPT Image 2",
        vendor="OpenAI",
        modality="image",
        input=GptImage2Input,
        schedule=Schedule(30, 10, 300, "a comparison page (ezkit.app)"),
        usual_seconds=(30, 240),
        times="1k 30-120 s, 2k 60-180 s, 4k 120-240 s (a comparison page)",
        fail_codes=POLICY_OR_IMAGE,
        prices=tuple(
            Price(0.02, "task", "a price table at ezkit.app, 2026", {"resolution": given}) for given in ("1k", None)
        ),
        sources=("apixo.ai/docs/models/image/gpt-image-2",),
    ),
    *(
        Model(
            id=f"ruxa/{name}",
            gateway="ruxa",
            title=f"{title} (Ruxa)",
            vendor="OpenAI",
            modality="image",
            input=AnyInput,
            schedule=RUXA_IMAGE,
            facts="none",
            aliases=aliases,
            result_hours=None,
            tips=("Seen in client code, not on a page: size 1:1; quality medium; image, a URL, to edit.",),
            sources=("public client code; no page of Ruxa describes it",),
        )
        for name, title, aliases in (
            ("gpt-image-1.5", "GPT Image 1.5", ("ruxa/gpt-image-1-5",)),
            ("gpt-image-1", "GPT Image 1", ()),
            ("gpt-4o-image", "GPT-4o Image", ()),
        )
    ),
)
