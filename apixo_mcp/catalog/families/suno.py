"""Suno: music."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from apixo_mcp.catalog.fields import about, optional_prompt, span, text_field
from apixo_mcp.catalog.inputs import ModelInput
from apixo_mcp.catalog.model import AUDIO_SCHEDULE, Model, Price, Spelling
from apixo_mcp.catalog.rules import required, rule
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.generation import NextAction


class SunoInput(ModelInput):
    """The input of suno."""

    RULES = (
        required("prompt", when={"customMode": [False]}),
        required("prompt", when={"customMode": [True], "instrumental": [False]}, why="it is the text that is sung"),
        required("style", when={"customMode": [True]}),
        required("title", when={"customMode": [True]}),
        rule(
            "prompt has at most 500 characters when customMode is false",
            "prompt",
            "customMode",
            broken=lambda given: not given["customMode"] and len(given["prompt"] or "") > 500,
        ),
        rule(
            "prompt has at most 3,000 characters when customMode is true and mode is V4",
            "prompt",
            "customMode",
            "mode",
            broken=lambda given: given["customMode"] and given["mode"] == "V4" and len(given["prompt"] or "") > 3000,
        ),
        rule(
            "style has at most 200 characters when mode is V4",
            "style",
            "mode",
            broken=lambda given: given["mode"] == "V4" and len(given["style"] or "") > 200,
        ),
    )

    LEFT_OUT: ClassVar[Mapping[str, str]] = {"customMode": "true with a style or title"}

    mode: Literal["V4", "V4_5", "V4_5ALL", "V4_5PLUS", "V5", "V5_5"]
    customMode: bool = about(
        "false: prompt describes the song; true: prompt is sung, style and title are given.", False
    )
    instrumental: bool = about("true for music without singing.", False)
    prompt: str | None = optional_prompt(5000, least=1, about="At most 500 unless customMode; 3,000 for V4.")
    style: str | None = text_field(1000, "At most 200 for V4.")
    title: str | None = text_field(80)
    negativeTags: str | None = about("Styles to avoid.")
    styleWeight: float | None = span(0, 1)
    weirdnessConstraint: float | None = span(0, 1)
    audioWeight: float | None = span(0, 1)
    vocalGender: Literal["m", "f"] | None = None


def _infer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: a style or a title is a matter of the custom mode."""
    return {"customMode": True} if given.get("style") or given.get("title") else {}


def _doubt(given: Mapping[str, Any]) -> Problem | None:
    """Refuses to guess what becomes of lyrics: without the custom mode they would only describe a song."""
    text = given.get("prompt")
    is_said = any(given.get(name) is not None for name in ("customMode", "style", "title")) or given.get("instrumental")
    if is_said or not isinstance(text, str):
        return None
    # Imported here: its patterns take longer to compile than all families but two to load.
    from apixo_mcp.catalog.lyrics import sign_of_lyrics

    if not (sign := sign_of_lyrics(text)):
        return None
    allowed = f"reads like lyrics ({sign}), and lyrics are sung only with a style and a title"
    return Problem("prompt", shorten(text), allowed, next_action=NextAction.SING_OR_DESCRIBE)


MODELS = (
    Model(
        id="suno",
        title="Suno",
        made_for=("music", "songs"),
        vendor="Suno",
        modality="audio",
        input=SunoInput,
        schedule=AUDIO_SCHEDULE,
        usual_seconds=(120, 180),
        times="2-3 min",
        spelling={"negative_prompt": Spelling("negativeTags")},
        quiet_defaults={"mode": "V5"},
        aliases=("suno-v5",),  # the mode where none is given
        infer=_infer,
        doubt=_doubt,
        tips=(
            "A task makes 2 tracks with covers.",
            "V5_5 is named by the newest page only.",
            "Lyrics, with tags such as [Verse], are sung only with style and title; else prompt describes the song.",
            "The length cannot be set.",
        ),
        fail_codes=("CONTENT_VIOLATION",),
        prices=(Price(0.12, "task", "an APIXO model page of December 2025 (an older one: 0.18)"),),
        sources=("apixo.ai/docs/models/audio/suno",),
    ),
)
