"""Prompts that people start from a menu: how to ask well for pictures and videos."""

from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import Field

from apixo_mcp.generation import Modality

_Model = Annotated[str, Field(description="Model id; left out: choose one with list_models.")]


def add_prompts(server: MCPServer[Any], *, typed: bool = False) -> None:
    """Registers the prompts. Their names differ from those of tools and resources: some hosts make tools of prompts.

    Args:
        server: the server.
        typed: whether each model has a tool of its own.
    """
    prompts = _Prompts(typed)
    for write, title, description in (
        (
            prompts.picture_from_idea,
            "Picture from an idea",
            "Builds a good image prompt from an idea and makes the picture.",
        ),
        (prompts.video_shot, "One video shot", "Plans one shot and makes the video."),
        (prompts.storyboard, "Storyboard", "A series of pictures that tell a story with the same characters."),
        (prompts.product_shots, "Product shots", "Several views of a product from one photo."),
    ):
        server.prompt(name=write.__name__, title=title, description=description)(write)


@dataclass(frozen=True, slots=True)
class _Prompts:
    """The texts of the prompts; the names of methods and parameters are those that clients see."""

    typed: bool

    def picture_from_idea(
        self,
        idea: Annotated[str, Field(description="What the picture shows, in a few words.")],
        style: Annotated[str, Field(description="e.g. watercolour, product photo.")] = "",
        model: _Model = "",
    ) -> str:
        wanted = f" in the style of {style}" if style else ""
        return (
            f"Make a picture of: {idea}{wanted}.\n"
            # The formula is the APIXO best practices guide's.
            "First write one prompt in this order: subject, action or pose, setting, style, technical detail (light, "
            "lens, composition). Be concrete, name the style, say what is there rather than what is not.\n"
            f"Then call {self._tool('image', model)} once and show me the saved file."
        )

    def video_shot(
        self,
        scene: Annotated[str, Field(description="What happens.")],
        seconds: Annotated[str, Field(description="Length, e.g. 5.")] = "",
        model: _Model = "",
    ) -> str:
        length = f" of about {seconds} seconds" if seconds else ""
        return (
            f"Make one video shot{length}: {scene}.\n"
            "Write one prompt: subject and action, camera (distance, movement), setting and light, mood, sound if the "
            "model makes sound. One continuous action; no cuts.\n"
            f"Check the allowed durations with describe_model, call {self._tool('video', model)} once, then "
            "follow it with check_task until the file is saved. Never submit it twice."
        )

    def storyboard(
        self,
        story: Annotated[str, Field(description="The story in a few sentences.")],
        frames: Annotated[str, Field(description="How many pictures.")] = "4",
    ) -> str:
        return (
            f"Make a storyboard of {frames} pictures for this story: {story}.\n"
            "Describe each character once, in words that you repeat in every prompt. Make the first picture with "
            f"{self._tool('image')}; give the following ones the first as a reference "
            '(image_urls: ["task:<task_id>/0"]). Each '
            f"picture is charged: tell me what {frames} pictures will cost if list_models shows a price, and "
            "wait for my yes."
        )

    def product_shots(
        self,
        photo: Annotated[str, Field(description="URL or path of a photo of the product.")],
        settings: Annotated[str, Field(description="Where to show it, separated by commas.")] = "white studio, in use",
    ) -> str:
        return (
            f"Make product pictures from this photo: {photo}. One for each of: {settings}.\n"
            f"Use {self._tool('image')} in mode image-to-image with image_urls set to the photo. Keep shape, colour, "
            "label and text of the product unchanged; change only surroundings, light and angle. Each picture is "
            "charged."
        )

    def _tool(self, modality: Modality, model: str = "") -> str:
        if self.typed:
            return f"the generate_* tool of {model or 'a fitting model'} (list_models names it)"
        return f"generate_{modality} with {f'model {model}' if model else 'a fitting model (list_models)'}"
