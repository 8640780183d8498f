"""The words that people look for models by (`everyday.toml`), in English and Chinese, and what is meant by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from apixo_mcp.generation import Modality


@dataclass(frozen=True, slots=True)
class Everyday:
    """What some words mean.

    Attributes:
        forms: the words.
        want: what a model is to have: a key of `WANTS`; empty where the words name a kind of result or a brand alone.
        makes: the modality that the words speak of, if one.
        weight: how surely they do: of several, the surest counts.
        names: words of the ids, titles or vendors that are meant, one of which is to be there.
    """

    forms: tuple[str, ...]
    want: str = ""
    makes: Modality | None = None
    weight: int = 1
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Want:
    """Something that a model may have.

    Attributes:
        label: in words, for an answer that says which models lack it.
        evidence: phrases of a model's purposes, tips, modes and inputs that show it; empty where it is worked out.
        weight: how much it counts beside other wants.
        of: the modality for which alone it means anything, if there is such a one.
    """

    label: str
    evidence: tuple[str, ...] = ()
    weight: float = 2.0
    of: Modality | None = None


WANTS: Mapping[str, Want] = MappingProxyType(
    {
        "from_text": Want("a start from text"),
        "from_image": Want("a start from a picture"),
        "from_video": Want("a start from a video"),
        "edit": Want("editing"),
        "video_edit": Want("editing of videos", ("video-edit",)),
        "references": Want("several reference pictures"),
        "frames": Want("first and last frame"),
        "sound": Want("sound"),
        "silent": Want("a switch for the sound"),
        "many": Want("several results a call"),
        "8k": Want("8K"),
        "4k": Want("4K"),
        "2k": Want("2K"),
        "1080p": Want("1080p"),
        "720p": Want("720p"),
        "480p": Want("480p"),
        "hd": Want("high resolution"),
        "cheap": Want("a known price", weight=1.5),
        "fast": Want("a documented short time", weight=1.5),
        "best": Want("a documented high quality", weight=1.5),
        "long": Want("long videos", of="video"),
        "wide": Want("wide formats"),
        "tall": Want("tall formats"),
        "square": Want("square formats"),
        "png": Want("a choice of png", ("png",)),
        "seed": Want("a seed", ("seed",), 1.5),
        "negative": Want("a negative prompt", ("negative_prompt", "negativetags"), 1.5),
        "lora": Want("LoRA files", ("lora",)),
        "music": Want("music", ("music", "songs"), 3.0),
        "singing": Want("singing", ("is sung",), 2.0, of="audio"),
        "instrumental": Want("music without singing", ("instrumental",), 2.0, of="audio"),
        "bgm": Want("background music", ("background music",), 1.0),
        "speech": Want("speech", ("speech", "narration"), 3.0),
        "voice": Want("voices", ("voice", "narration"), 2.0),
        "clone": Want("voice cloning", ("voice cloning",), 3.0),
        "voice_design": Want("voice design", ("voice design",), 3.0),
        "lip_sync": Want("lip sync", ("lip sync", "talking portrait"), 3.0),
        "upscale": Want("upscaling", ("upscaling", "upscale"), 3.0),
        "watermark": Want("watermark removal", ("watermark removal",), 3.0),
        "cut_out": Want("a cut-out", ("png keeps transparency",), 1.0),
        "text": Want("text in pictures", ("text in pictures", "posters"), of="image"),
        "banner": Want("banners and wallpapers", ("banners", "wallpapers"), 1.5, of="image"),
        "avatar": Want("portraits", ("avatars", "portrait"), 1.0, of="image"),
        "anime": Want("anime", ("anime", "niji")),
        "storyboard": Want("pictures that belong together", ("storyboards", "sequential"), 2.5),
        "motion": Want("motion control", ("motion-control", "movement"), 2.5),
        "camera": Want("camera control", ("fixed_lens", "movement"), 1.0),
        "character": Want("characters that stay the same", ("character", "reference-to-video", "omni_reference"), 1.5),
        "cinematic": Want("cinematic quality", ("cinematic",)),
        "artistic": Want("an artistic style", ("artistic", "stylization"), 1.5, of="image"),
        "draft": Want("quick drafts", ("prototype", "previews", "draft"), 1.5),
        "print": Want("print", ("print",), 1.5, of="image"),
        "web": Want("a look into the web", ("web_search", "google_search")),
        "palette": Want("a given palette", ("color_palette",), of="image"),
        "region": Want("editing of a region", ("bbox_list", "mask", "region")),
        "translate": Want("a translated prompt", ("enabletranslation", "language_boost"), 1.0),
    }
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The table of words.

    Attributes:
        entries: what is meant by which words; of two that share a word the first counts.
        absent: names of well-known models that neither gateway documents, with what they make.
    """

    entries: tuple[Everyday, ...]
    absent: Mapping[str, Modality]


@cache
def vocabulary() -> Vocabulary:
    """Returns the table of words; it is read at the first search."""
    import tomllib  # only a search needs it

    table = resources.files(__name__.rpartition(".")[0]).joinpath("everyday.toml").read_text(encoding="utf-8")
    document: dict[str, Any] = tomllib.loads(table)
    absent = {name: kind for kind, names in document["absent"].items() for name in _listed(names)}
    return Vocabulary(
        tuple(
            Everyday(**entry | {"forms": _listed(entry["forms"]), "names": tuple(entry.get("names", ()))})
            for entry in document["word"]
        ),
        MappingProxyType(absent),
    )


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(","))
