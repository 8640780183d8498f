"""Alibaba's Qwen Image: offered, with inputs that no page describes."""

from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.model import IMAGE_HIGH_QUALITY, Model

MODELS = tuple(
    Model(
        id=name,
        title=title,
        vendor="Alibaba",
        modality="image",
        input=AnyInput,
        schedule=IMAGE_HIGH_QUALITY,
        facts="none",
        tips=(tip,),
        sources=("a public list of APIXO model ids; no page describes its inputs",),
    )
    for name, title, tip in (
        ("qwen-image", "Qwen Image", "Makes images; nothing else is known."),
        ("qwen-2-image", "Qwen 2 Image", "Said to make images from text, in a standard and a pro mode."),
    )
)
