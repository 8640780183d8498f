"""MiniMax: images, speech and voices. Its videos are in `hailuo`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from apixo_mcp.catalog.fields import about, items, optional_prompt, pixels, prompt, span
from apixo_mcp.catalog.inputs import ModelInput, OpenInput, Url
from apixo_mcp.catalog.marks import InferredName
from apixo_mcp.catalog.model import AUDIO_SCHEDULE, IMAGE_FAST, POLICY_OR_IMAGE, Model, Remark, Spelling
from apixo_mcp.catalog.rules import refused, required, rule


class MinimaxImage01Input(ModelInput):
    """The input of minimax-image-01."""

    RULES = (required("image_urls", when={"mode": ["image-to-image"]}),)

    mode: Literal["text-to-image", "image-to-image"] = "text-to-image"
    prompt: str = prompt(1500)
    image_urls: list[Url] | None = items(1, "The picture to change, for image-to-image.")
    num_images: int | None = span(1, 9, "Each image is billed.")
    resolution: Literal["1K", "2K"] | None = None
    aspect_ratio: Literal["1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9"] | None = None
    size: Annotated[str, pixels()] | None = about(
        "Pixels, as 1280x720 or 1280*720, in place of resolution and aspect_ratio."
    )
    seed: int | None = span(-1, 2147483647)
    prompt_optimizer: bool | None = about("Whether the prompt is reworded.")


class MinimaxSpeech28Input(OpenInput):
    """A list of pronunciations ("Alias/Pronunciation") can be given too, under a key that no page shows."""

    mode: Literal["speech-turbo", "speech-hd"]
    voice_id: str = Field(
        min_length=1, pattern=r"\S", description="A preset such as preset_general_wise_woman, or of minimax-voice."
    )
    prompt: str = prompt(10000, about="What to say. <#0.5#> is a pause; (laughs), (sighs), (coughs) are sounds.")
    speed: float | None = span(0.5, 2.0)
    volume: float | None = span(0.1, 10.0)
    pitch: int | None = span(-12, 12)
    format: str | None = about("mp3 is documented; other values are not.")


class MinimaxVoiceInput(OpenInput):
    """The field for the description of a designed voice is inferred to be prompt; another name can be given too."""

    RULES = (
        required("preview_text", when={"mode": ["design"]}),
        rule(
            "preview_text has at most 500 characters when mode is design",
            "preview_text",
            "mode",
            broken=lambda given: given["mode"] == "design" and len(given["preview_text"] or "") > 500,
        ),
        required("audio_urls", when={"mode": ["clone"]}),
        *(
            refused(name, when={"mode": ["design"]})
            for name in ("need_noise_reduction", "need_volume_normalization", "accuracy")
        ),
    )

    mode: Literal["design", "clone"]
    voice_id_prefix: str = Field(
        min_length=1, pattern=r"\S", description="The gateway adds to it: warm001 becomes warm001-a1b2c3."
    )
    prompt: Annotated[str | None, InferredName()] = optional_prompt(
        about="What the voice should be like, for design (name inferred)."
    )
    preview_text: str | None = Field(
        None, min_length=1, max_length=2000, description="What the voice says as a sample; at most 500 for design."
    )
    audio_urls: list[Url] | None = items(1, "The recording to clone.")
    need_noise_reduction: bool | None = about("For clone.")
    need_volume_normalization: bool | None = about("For clone.")
    accuracy: float | None = about("For clone; 0.7 is documented, its range is not.")
    language_boost: str | None = about("Chinese is documented; other values are not.")


def _voice_mode(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"mode": "clone" if given.get("audio_urls") else "design"}


MODELS = (
    Model(
        id="minimax-image-01",
        title="MiniMax Image 01",
        vendor="MiniMax",
        modality="image",
        input=MinimaxImage01Input,
        schedule=IMAGE_FAST,
        aliases=("image-01",),
        quiet_defaults={"num_images": 1},
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/image/minimax-image-01",),
    ),
    Model(
        id="minimax-speech-2-8",
        title="MiniMax Speech 2.8",
        made_for=("speech", "narration", "text to speech", "tts"),
        aliases=("minimax-speech-2-8-turbo", "speech-2-8-turbo"),  # the mode where none is given
        quality=Remark("high", "APIXO minimax-speech-2-8 page"),
        # The page of all presets is not at hand; this one stands on the model's own.
        voices=("preset_general_wise_woman",),
        vendor="MiniMax",
        modality="audio",
        input=MinimaxSpeech28Input,
        schedule=AUDIO_SCHEDULE,
        facts="partial",
        spelling={"output_format": Spelling("format")},
        quiet_defaults={"mode": "speech-turbo", "voice_id": "preset_general_wise_woman"},
        tips=(
            "voice_id takes a preset or a voice that minimax-voice made; APIXO's page of preset voices has all.",
            "The gateway ignores fields it does not know: check the spelling of what you put into options.",
        ),
        fail_codes=("CONTENT_VIOLATION",),
        sources=("apixo.ai/fr/docs/models/audio/minimax-speech-2-8",),
    ),
    Model(
        id="minimax-voice",
        title="MiniMax Voice",
        made_for=("voice cloning", "voice design"),
        vendor="MiniMax",
        modality="audio",
        input=MinimaxVoiceInput,
        schedule=AUDIO_SCHEDULE,
        facts="partial",
        infer=_voice_mode,
        tips=("The voice_id it answers with is for minimax-speech-2-8.",),
        fail_codes=("CONTENT_VIOLATION",),
        sources=("apixo.ai/tr/docs/models/audio/minimax-voice",),
    ),
)
