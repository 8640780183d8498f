"""Runway's Gen-4 images: offered, with inputs that no page describes."""

from apixo_mcp.catalog.model import images_without_page

MODELS = images_without_page(
    "Runway",
    ("runway-gen4-image", "Runway Gen4 Image", "Said to take reference images."),
    ("runway-gen4-image-turbo", "Runway Gen4 Image Turbo", "Said to be the faster variant of runway-gen4-image."),
)
