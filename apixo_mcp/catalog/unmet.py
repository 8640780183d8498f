"""What a request asks for that its model cannot do, said where it is asked for."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apixo_mcp.catalog.doubts import asks_for_sound
from apixo_mcp.catalog.limits import LENGTHS, LIMITS, LONGEST_CLIP, limit_asked_for, limits_said
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.translate import inputs
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import cut, shorten

_UNIT = r"(seconds?|secs?|minutes?|mins?|秒|分钟|分鐘)"
_FILM = r"(?:video|clip|film|movie|animation|footage|loop|reel|song|track|piece)"
_LENGTH_SAID = (
    # A film of the 80s is no length.
    re.compile(
        rf"\b(?![4-9]0s\s)(\d{{1,3}})[\s-]{{0,3}}(second|sec|s|minute|min)s?[\s-]{{1,3}}(?:[a-z]{{1,20}}\s){{0,2}}{_FILM}\b"
    ),
    re.compile(rf"(\d{{1,4}})[\s-]{{0,3}}{_UNIT}[\s-]{{1,3}}long\b"),
    re.compile(rf"(?:lasting|lasts|length|duration)(?:\sof|:)?\s{{1,3}}(\d{{1,4}})[\s-]{{0,3}}{_UNIT}"),
    re.compile(rf"时长[为:：约]{{0,2}}\s{{0,3}}(\d{{1,4}})\s{{0,3}}{_UNIT}"),
    re.compile(r"(\d{1,4})\s{0,3}(秒|分钟|分鐘)(?:长|的?(?:视频|短片|动画|歌|音乐|影片))"),
)
_RESOLUTION_SAID = re.compile(r"(?<![\w.])(?:2k|4k|480p|720p|1080p)(?![\w])")
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 8: "eight"}
_NUMBER_SAID = re.compile(
    rf"\b([2-9]|{'|'.join(_NUMBERS.values())})\s(?:different\s|separate\s)?"
    r"(?:images|pictures|variations|variants|versions|alternatives|options)\b"
)
_LENGTH_OF_SONG = re.compile(rf"(\d{{1,4}})[\s-]{{0,3}}{_UNIT}(?![a-z])")


def unmet(model: Model, name: str, value: Any) -> str:
    """Returns why an input that the model does not have cannot be met, as a sentence; empty for any other input."""
    if limit := limit_asked_for(model.modality, name, value):
        return limit.sentence
    if model.modality == "video" and model.facts != "none" and name.casefold() in LENGTHS:
        if not _length_field(model):
            return f"The length cannot be set: {model.id} has no input for it."
        if str(value).isdecimal() and int(value) > LONGEST_CLIP:
            return next(limit.sentence for limit in LIMITS if "clips" in limit.inputs)
    return ""


def explained(model: Model, problem: Problem) -> Problem:
    """Returns a problem with the reason why what it is about cannot be had from any model."""
    name = problem.field.removeprefix("options.")
    sentence = unmet(model, name, problem.given.strip("'\""))
    if not sentence:
        return problem
    if name in inputs(model):
        return replace(problem, allowed=f"{problem.allowed}. {sentence.rstrip('.')}")
    return replace(problem, allowed=sentence.rstrip("."), nearest="")


def remarks(model: Model, given: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what a prompt asks for in vain, as sentences.

    Args:
        given: what the caller gave, by the wire's field names.
        values: the same with what was filled in.
    """
    prompt = values.get("prompt")
    if not isinstance(prompt, str):
        return ()
    sentences = [limit.sentence for limit in limits_said(model.modality, prompt)]
    text = cut(prompt, 5000).casefold()
    others = (_resolution_remark, _number_remark, _sound_remark, _voice_remark) if model.facts != "none" else ()
    sentences += [sentence for remark in others if (sentence := remark(model, given, values, text))]
    return (*sentences, *_length_remarks(model, given, values, text))


def _resolution_remark(model: Model, given: Mapping[str, Any], values: Mapping[str, Any], prompt: str) -> str:
    said = _RESOLUTION_SAID.search(prompt)
    if said is None or model.modality == "audio" or {"resolution", "size"} & given.keys():
        return ""
    if "resolution" not in model.input.names():
        return ""
    sent = values.get("resolution", model.input.sent_defaults().get("resolution"))
    if str(sent).casefold() == said[0]:
        return ""
    set_to = f"which is {sent}" if sent is not None else "which was left out"
    return f"The prompt asks for {said[0]}: that is set by resolution, {set_to}."


def _number_remark(model: Model, given: Mapping[str, Any], values: Mapping[str, Any], prompt: str) -> str:
    said = _NUMBER_SAID.search(prompt)
    field = next((name for name in ("num_images", "max_images") if name in model.input.names()), "")
    if said is None or model.modality != "image" or not field or field in given:
        return ""
    sent = values.get(field, 1)
    if said[1] in (str(sent), _NUMBERS.get(sent, "")):
        return ""
    return f"The prompt asks for {said[0]}: their number is set by {_called(model, field)}, which is {sent}."


def _sound_remark(model: Model, given: Mapping[str, Any], values: Mapping[str, Any], prompt: str) -> str:
    if model.modality != "video" or "sound" in given or not asks_for_sound(prompt):
        return ""
    if "sound" in model.input.names() and model.sound is None:
        return "The prompt asks for sound: that is set by sound, which was left out."
    if "sound" not in model.input.names() and model.sound is None:
        return f"The prompt asks for sound: no page says that videos of {model.id} have any."
    return ""


def _voice_remark(model: Model, given: Mapping[str, Any], values: Mapping[str, Any], prompt: str) -> str:
    voice = given.get("voice_id")
    if not model.voices or not isinstance(voice, str) or voice in model.voices:
        return ""
    return (
        f"voice_id {shorten(voice)} is sent as given: known here is {', '.join(model.voices)}; other presets, and "
        "voices that were made, go by their exact ids."
    )


def _length_remarks(model: Model, given: Mapping[str, Any], values: Mapping[str, Any], prompt: str) -> list[str]:
    if model.facts == "none" or model.modality == "image":
        return []
    if model.modality == "audio":
        # Words that are sung or spoken may tell of minutes.
        is_description = "customMode" in model.input.names() and not values.get("customMode")
        is_asked = is_description and _LENGTH_OF_SONG.search(prompt)
        return [f"The prompt asks for {is_asked[0]}: the length of a song cannot be set."] if is_asked else []
    said = next((found for pattern in _LENGTH_SAID if (found := pattern.search(prompt))), None)
    field = _length_field(model)
    if said is None or (field and field in given):
        return []
    seconds = int(said[1]) * (60 if said[2].startswith(("m", "分")) else 1)
    if not field:
        return [f"The prompt asks for {seconds} s: {model.id} has no input for the length."]
    sent = values.get(field, model.input.sent_defaults().get(field))
    if str(sent) == str(seconds):
        return []
    set_to = f"which is {sent}" if sent is not None else "which was left out"
    return [f"The prompt asks for {seconds} s: the length is set by {_called(model, field)}, {set_to}."]


def _length_field(model: Model) -> str:
    return next((name for name in ("duration", "seconds") if name in model.input.names()), "")


def _called(model: Model, field: str) -> str:
    return next((name for name, spelling in model.spelling.items() if spelling.field == field), field)
