"""Alibaba's Qwen Image: offered, with inputs that no page describes."""

from apixo_mcp.catalog.model import images_without_page

MODELS = images_without_page(
    "Alibaba",
    (
        "qwen-image",
        "Qwen Image",
        "Makes images; Alibaba's model card names text in pictures, Chinese too, as its strength.",
    ),
    ("qwen-2-image", "Qwen 2 Image", "Said to make images from text, in a standard and a pro mode."),
)
