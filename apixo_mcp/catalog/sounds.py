"""The sound of a video, where it is asked for of a model that has no switch for it."""

from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten

_ON, _OFF = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0"})


def is_without_switch(model: Model) -> bool:
    """Tells whether a model makes videos and has no input that switches their sound, as far as its page says."""
    field = model.spelling["sound"].field if "sound" in model.spelling else "sound"
    return model.modality == "video" and model.facts != "none" and field not in model.input.names()


def switched(model: Model, called: str, value: Any) -> Problem | str:
    """Returns what comes of `sound` where a model has no switch for it: why it cannot be taken, or what is noted.

    Args:
        called: the argument, as the caller knows it.
        value: what was given for it.
    """
    plain = str(value).strip().casefold()
    given = "on" if plain in _ON else "off" if plain in _OFF else ""
    sound = model.sound
    if not given:
        return Problem(called, shorten(value), f"must be on or off, and {model.id} has no switch for it; leave it out")
    if sound is not None and sound.kind == "always":
        if given == "on":
            return f"{model.id} always makes sound, so sound was left out."
        return Problem(called, given, f"{model.id} cannot be silent, it always makes sound; give on, or leave it out")
    if sound is not None:
        why = f"{model.id} has no switch for it: of its sound its page says: {sound.text}"
    else:
        why = f"{model.id} has no switch for it, and no page says whether its videos are silent"
    return Problem(called, given, f"{why}; leave it out, or choose a model that says so of its sound")
