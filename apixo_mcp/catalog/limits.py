"""Tells what people ask for and no documented model does, where it is asked for: it is not left to a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from apixo_mcp.foreign import cut
from apixo_mcp.generation import Modality

_LONGEST = 200
_LONGEST_PROMPT = 5000
LENGTHS = (
    *("duration", "length", "seconds", "secs", "duration_seconds", "length_seconds", "video_length", "song_length"),
    *("track_length", "max_duration", "target_duration", "minutes"),
)
"""Inputs by which a length is asked for, here or elsewhere."""

LONGEST_CLIP = 30
"""The longest video that any page names (grok-video), in seconds."""

_NOT_ASKED = ("", "false", "no", "off", "0", "none")


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that no model's page offers.

    Attributes:
        modality: of the models that are asked for it.
        words: by which people look for it, in English and Chinese, in lower case.
        sentence: that it cannot be had, and what comes nearest.
        nearest: the ids of models that come nearest.
        why: why those come nearest, as a sentence; empty where the sentence says so.
        said: by which a prompt asks for it and for nothing else, in lower case.
        inputs: names of inputs by which it is asked for, each with the values that ask for it; empty for any value.
    """

    modality: Modality
    words: tuple[str, ...]
    sentence: str
    nearest: tuple[str, ...] = ()
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    said: tuple[str, ...] = ()
    why: str = ""


LIMITS = (
    # No page of either gateway names a field for it. That of nano-banana-pro says only that png keeps transparency.
    Limit(
        "image",
        (
            *("transparent", "transparency", "alpha channel", "cut out", "cutout", "background removal"),
            *("remove background", "remove the background", "透明", "抠图", "去背景", "去除背景", "免抠"),
        ),
        "No model's page offers a transparent background or the removal of one: a prompt that asks for one may give a "
        "painted chequerboard. Ask for a plain white background, and cut it out in a picture editor.",
        ("nano-banana-pro",),
        {
            "background": ("transparent", "alpha"),
            "transparent": (),
            "transparency": (),
            "transparent_background": (),
            "background_removal": (),
            "remove_background": (),
            "alpha": (),
        },
        ("transparent background", "transparent png", "background transparent", "透明背景", "透明底", "背景透明"),
        "nano-banana-pro comes nearest, as its page says that its png keeps transparency, and not how to get any.",
    ),
    # The output formats that pages name are png, jpeg and webp.
    Limit(
        "image",
        ("vector", "svg", "矢量"),
        "No model makes vector files (SVG): results are PNG, JPEG or WebP. Ask for a flat logo with few colours, and "
        "trace it in a drawing program.",
        inputs={"output_format": ("svg", "eps", "pdf", "ai"), "format": ("svg", "eps", "pdf"), "vector": ()},
    ),
    Limit(
        "image",
        ("gif", "animated picture", "动图", "动态图"),
        "No model makes animated GIFs. Make a short video, and convert it.",
        inputs={"output_format": ("gif",), "format": ("gif",)},
    ),
    Limit(
        "image",
        ("3d model", "mesh", "stl file", "三维模型", "3d模型"),
        "No model makes three-dimensional files; models make pictures that look so.",
    ),
    # Videos: the longest that pages name are 30 s (grok-video), 20 s (ltx-2-19b) and 16 s (vidu-q3).
    Limit(
        "video",
        ("join", "joining", "merge", "concatenate", "concat", "stitch", "montage", "拼接", "合并", "剪辑", "连接视频"),
        "No model joins clips, and none makes more than 30 s (grok-video). Make the clips, each from the last frame of "
        "the one before where it goes on, and join the files in a video editor.",
        ("grok-video", "ltx-2-19b", "vidu-q3"),
        {"clips": (), "concat": (), "join": (), "merge": (), "extend": (), "continue_from": ()},
    ),
    Limit(
        "video",
        ("subtitles", "captions", "字幕"),
        "No model sets subtitles. Add them in a video editor.",
        inputs={"subtitles": (), "captions": ()},
    ),
    Limit(
        "video",
        ("upscale video", "video upscaling", "enhance video", "视频放大", "视频增强"),
        "No model enlarges videos; image-upscaler takes pictures. Make the video at the highest resolution of its "
        "model.",
    ),
    # Only suno makes music, and none of its pages names a length.
    Limit(
        "audio",
        ("song length", "track length", "length of a song", "歌曲时长", "音乐时长", "时长"),
        "The length cannot be set: suno decides how long a song is, and speech lasts as long as its text.",
        ("suno",),
        dict.fromkeys(LENGTHS, ()),
    ),
    Limit(
        "audio",
        ("sound effect", "sound effects", "sfx", "foley", "音效"),
        "No model makes sound effects alone: suno makes music, minimax-speech-2-8 speech, and some video models sound.",
        ("suno",),
    ),
    Limit(
        "audio",
        ("transcription", "transcribe", "speech to text", "speech-to-text", "stt", "转文字", "语音识别", "听写"),
        "No model writes down what is said: the audio models make sound from text.",
    ),
    Limit(
        "audio",
        ("stems", "vocal remover", "separate vocals", "karaoke", "分轨", "人声分离", "去人声"),
        "No model takes a recording apart into its voices. suno makes music without singing with instrumental.",
        ("suno",),
    ),
)
"""In the order in which they are told."""


def limits_looked_for(query: str, modality: str = "") -> tuple[Limit, ...]:
    """Returns what a search asks for that no model does."""
    text = f" {' '.join(cut(query, _LONGEST).casefold().replace(',', ' ').split())} "
    return tuple(
        limit
        for limit in LIMITS
        # Chinese has no spaces between words.
        if modality in ("", limit.modality)
        and any((f" {word} " if word.isascii() else word) in text for word in limit.words)
    )


def limits_said(modality: Modality, prompt: str) -> tuple[Limit, ...]:
    """Returns what a prompt asks for that no model of this modality does."""
    text = cut(prompt, _LONGEST_PROMPT).casefold()
    return tuple(limit for limit in LIMITS if limit.modality == modality and any(word in text for word in limit.said))


def limit_asked_for(modality: Modality, name: str, value: Any) -> Limit | None:
    """Returns what an input asks for that no model of this modality does."""
    plain, given = name.casefold(), cut(str(value), _LONGEST).strip().casefold()
    for limit in LIMITS:
        if limit.modality == modality and plain in limit.inputs and given not in _NOT_ASKED:
            values = limit.inputs[plain]
            if not values or given in values:
                return limit
    return None
