"""Runway's Gen-4 images: offered, with inputs that no page describes."""

from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.model import IMAGE_HIGH_QUALITY, Model

MODELS = tuple(
    Model(
        id=name,
        title=title,
        vendor="Runway",
        modality="image",
        input=AnyInput,
        schedule=IMAGE_HIGH_QUALITY,
        facts="none",
        tips=(tip,),
        sources=("a public list of APIXO model ids; no page describes its inputs",),
    )
    for name, title, tip in (
        ("runway-gen4-image", "Runway Gen4 Image", "Said to take reference images."),
        ("runway-gen4-image-turbo", "Runway Gen4 Image Turbo", "Said to be the faster variant of runway-gen4-image."),
    )
)
