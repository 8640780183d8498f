"""Requests that contradict themselves, or leave out what decides what is paid for: asked back and not guessed."""

import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.catalog.marks import prompt_pictures
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import picture_fields
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import cut

_LONGEST = 5000
_SOUND = re.compile(
    r"\bwith\s(?:[a-z]{1,12}\s){0,2}(?:sound|audio|music|dialogue|voice-?\s?over|narration|soundtrack)\b"
    r"|\bvoice-?over\b|带声音|有声音|带音乐|配音|配乐|带音效",
    re.IGNORECASE,
)
_SILENT = re.compile(r"\b(?:no|without|silent|mute|muted)\b|无声|静音", re.IGNORECASE)


def doubts(model: Model, given: Mapping[str, Any]) -> list[Problem]:
    """Returns what is to be said before a request is paid for.

    Args:
        given: what the caller gave, by the wire's field names; nothing is inferred yet.
    """
    found = (model.doubt(given) if model.doubt else None, _picture_in_text_mode(model, given), _sound(model, given))
    return [problem for problem in found if problem is not None]


def asks_for_sound(prompt: str) -> bool:
    """Tells whether a prompt asks for a video with sound."""
    text = cut(prompt, _LONGEST)
    return _SOUND.search(text) is not None and _SILENT.search(text) is None


def _picture_in_text_mode(model: Model, given: Mapping[str, Any]) -> Problem | None:
    """Refuses a mode of text alone beside a picture, which would be paid for and not looked at."""
    mode = given.get("mode")
    if not isinstance(mode, str) or mode.replace("text-to-", "image-to-") not in {*model.modes} - {mode}:
        return None
    pictures = [name for name in model.input.names() if name in picture_fields(model.input) and given.get(name)]
    pictures = [name for name in pictures if name not in prompt_pictures(model.input)]
    refused = {problem.field for problem in model.input.broken_rules(given, skip=frozenset())}
    if not pictures or refused & {*pictures}:
        return None
    other = mode.replace("text-to-", "image-to-")
    return Problem(
        "mode", mode, f"makes nothing of a picture, and one is given; leave mode out, or give {other}", other
    )


def _sound(model: Model, given: Mapping[str, Any]) -> Problem | None:
    """Refuses to make a silent video of a prompt that asks for sound, or one with sound, which may cost more."""
    prompt = given.get("prompt")
    is_off = model.quiet_defaults.get("sound") is False and given.get("sound") is None
    if not is_off or not isinstance(prompt, str) or not asks_for_sound(prompt):
        return None
    why = "must be said, on or off: the prompt asks for sound, which is off unless it is asked for, and may cost more"
    return Problem("sound", "", why)
