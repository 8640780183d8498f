"""Prompts that people start from a menu: how to ask well for pictures, videos and songs."""

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
        (
            prompts.variations,
            "Variations of a picture",
            "Tries several short prompts for one idea side by side, to find the one that works.",
        ),
        (prompts.edit, "Edit a picture", "Changes one thing of a picture and keeps the rest."),
        (prompts.video_shot, "One video shot", "Plans one shot and makes the video."),
        (prompts.storyboard, "Storyboard", "A series of pictures that tell a story with the same characters."),
        (prompts.product_shots, "Product shots", "Several views of a product from one photo."),
        (prompts.song, "Song", "A song from a theme, or with words that are sung as they are."),
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

    def variations(
        self,
        idea: Annotated[str, Field(description="What the picture shows, in a few words.")],
        count: Annotated[str, Field(description="How many variations.")] = "4",
        model: _Model = "",
    ) -> str:
        return (
            f"Find out what works best for this idea: {idea}.\n"
            # The Ruxa best practices guide: concise prompts, nothing long or redundant, try different ones.
            f"Write {count} prompts for it. Keep each short and clear, say nothing twice. Let each differ from the "
            "others in one thing only: style, viewpoint, light or composition.\n"
            f"Make all of them with {self._tool('image', model)}{self._at_once('these prompts')}. A quick model will "
            f"do, such as nano-banana. Each picture is charged: tell me first what {count} cost.\n"
            "Then show me the saved files, numbered, each with what makes it different, and ask which one to go on "
            "with. Only when I choose one make it again, with a model of high quality such as nano-banana-pro."
        )

    def edit(
        self,
        picture: Annotated[str, Field(description="URL, path, or task:<task_id>/<n>; task:last/0 is the newest.")],
        change: Annotated[str, Field(description="What is to be different.")],
        model: _Model = "",
    ) -> str:
        return (
            f"Edit this picture: {picture}. What is to change: {change}.\n"
            f"Use {self._tool('image', model)} that takes pictures, with image_urls set to it. Give no aspect_ratio, "
            "so that the picture keeps its shape, unless I ask for another one. Write a short prompt: the change "
            "first, then what stays exactly as it is (faces, text, colours, composition).\n"
            "Call it once. Compare the result with view_result, and tell me frankly whether the change is there and "
            "the rest is kept."
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
            f"{self._tool('image')}. Then make the others{self._at_once('their prompts')}, with the first as "
            'a reference (image_urls: ["task:<task_id>/0"]). Each '
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
            f"Use {self._tool('image')} in mode image-to-image with image_urls set to the photo"
            f"{self._at_once('a prompt for each setting')}. Keep shape, colour, "
            "label and text of the product unchanged; change only surroundings, light and angle. Each picture is "
            "charged."
        )

    def song(
        self,
        theme: Annotated[str, Field(description="What it is about, and its mood.")],
        style: Annotated[str, Field(description="e.g. folk ballad, female voice, 90 bpm.")] = "",
        lyrics: Annotated[str, Field(description="Words to be sung as they are.")] = "",
    ) -> str:
        wanted = f" Style: {style}." if style else ""
        at = "" if self.typed else "options."
        words = (
            "Sing exactly these words: give them as prompt, with [Verse] and [Chorus] lines where they help, and give "
            f"{at}style and {at}title as well; without those two they would not be sung.\n{lyrics}\n"
            if lyrics
            else f"Describe the song in the prompt, in at most 500 characters, with {at}customMode false; or, where "
            "I want to see the words first, write them, show them to me, and have them sung: the words as prompt, with "
            f"{at}style and {at}title.\n"
        )
        return (
            f"Make a song about: {theme}.{wanted}\n{words}"
            f"Call {self._tool('audio', 'suno')} once and follow it with check_task: it takes minutes and brings two "
            "versions. Its length follows the words and cannot be set; say so if I ask for one."
        )

    def _at_once(self, what: str) -> str:
        """Tells how several pictures are made; a model's own tool makes one a call."""
        return ", a call for each" if self.typed else f", all in one call: prompts set to {what}"

    def _tool(self, modality: Modality, model: str = "") -> str:
        if self.typed:
            return f"the generate_* tool of {model or 'a fitting model'} (list_models names it)"
        return f"generate_{modality} with {f'model {model}' if model else 'a fitting model (list_models)'}"
