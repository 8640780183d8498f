"""Alibaba's Wan: videos."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from apixo_mcp.catalog.fields import about, items, optional_prompt, prompt, span, text_field
from apixo_mcp.catalog.inputs import ModelInput, OpenInput, Url
from apixo_mcp.catalog.marks import Files, InferredName, Shape, Timed
from apixo_mcp.catalog.model import POLICY_OR_IMAGE, VIDEO_SCHEDULE, Model, Price, Remark, Sizes, Sound, Spelling
from apixo_mcp.catalog.rules import count, one_of, only, refused, required, rule

_RATIO = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]


class Wan25VideoInput(ModelInput):
    """The input of wan-2-5-video."""

    RULES = (
        required("prompt", when={"mode": ["text-to-video"]}),
        one_of("image_urls", "image_url", when={"mode": ["image-to-video"]}, at_most=2),
        rule(
            "image_url is the older form of image_urls; give image_urls alone",
            "image_url",
            "image_urls",
            broken=lambda given: bool(given["image_url"] and given["image_urls"]),
        ),
        refused("aspect_ratio", when={"mode": ["image-to-video"]}),
        only("aspect_ratio", ["16:9", "9:16", "1:1"], when={"resolution": ["480p"]}),
    )

    mode: Literal["text-to-video", "image-to-video"] = "text-to-video"
    prompt: str | None = optional_prompt(1500)
    negative_prompt: str | None = text_field(500, "What to avoid.")
    image_urls: Annotated[list[Url] | None, Files(20)] = items(
        1, "The picture to animate: 240 to 8000 pixels, at most 20 MB."
    )
    audio_urls: Annotated[list[Url] | None, Files(15, ("wav", "mp3"))] = items(
        1, "A sound track: WAV or MP3, 3 to 30 s, at most 15 MB.", least=0
    )
    resolution: Literal["480p", "720p", "1080p"] | None = None
    duration: Literal[5, 10] | None = about("Seconds.")
    aspect_ratio: _RATIO | None = about("For text-to-video; 4:3 and 3:4 at 720p and 1080p only.")
    seed: int | None = about("Older pages.")
    enable_prompt_expansion: bool | None = about("Older pages; true if left out.")
    image_url: Annotated[Url | None, Files(20)] = about("Oldest page: the picture to animate.")


_REFERENCE = ["reference-to-video", "reference-to-video-flash"]
_IMAGE = ["image-to-video", "image-to-video-flash"]
# fmt: off
_SIZE = Literal[
    "1280*720", "720*1280", "960*960", "1088*832", "832*1088",
    "1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632",
]
# fmt: on


class Wan26VideoInput(ModelInput):
    """The input of wan-2-6-video."""

    RULES = (
        refused("size", when={"mode": _IMAGE}),
        rule(
            "the reference modes make at most 10 seconds",
            "duration",
            "mode",
            broken=lambda given: given["mode"] in _REFERENCE and (given["duration"] or 5) > 10,
        ),
        required("image_urls", when={"mode": _IMAGE}),
        count("image_urls", 1, 1, when={"mode": _IMAGE}),
        refused("video_urls", when={"mode": ["text-to-video", *_IMAGE]}),
        rule(
            "the reference modes take 1 to 5 pictures and videos in all",
            "image_urls",
            "video_urls",
            "mode",
            broken=lambda given: (
                given["mode"] in _REFERENCE
                and not 1 <= len(given["image_urls"] or ()) + len(given["video_urls"] or ()) <= 5
            ),
        ),
        refused("sound", when={"mode": ["text-to-video", "image-to-video", "reference-to-video"]}),
    )

    mode: Literal[
        "text-to-video", "image-to-video-flash", "image-to-video", "reference-to-video-flash", "reference-to-video"
    ]
    prompt: str = prompt(1500)
    negative_prompt: str | None = text_field(500, "What to avoid.")
    resolution: Literal["720p", "1080p"] | None = None
    size: _SIZE | None = about("For the text and reference modes.")
    duration: int | None = span(2, 15, "Seconds; 5 if left out, at most 10 in the reference modes.")
    image_urls: list[Url] | None = items(5, "The first frame (exactly one), or references.")
    video_urls: list[Url] | None = about("References; with the pictures at most 5.")
    audio_urls: list[Url] | None = about("Sound to use; its limits are not documented.")
    sound: bool | None = about("For the flash modes; true if left out.")
    prompt_extend: bool | None = about("true if left out.")


class Wan27VideoInput(OpenInput):
    """Whether it takes seed, negative_prompt or prompt_extend is not documented: an unknown field is passed on."""

    RULES = (
        required("prompt", when={"mode": ["text-to-video", "reference-to-video", "video-edit"]}),
        refused("ratio", when={"mode": ["image-to-video"]}),
        rule(
            "duration is 2 to 15; 2 to 10 in reference-to-video with a video; 0 (keep) or 2 to 10 in video-edit",
            "duration",
            "mode",
            "video_urls",
            broken=lambda given: (
                given["duration"] is not None
                and not (
                    given["duration"] == 0
                    if given["mode"] == "video-edit" and given["duration"] < 2
                    else 2 <= given["duration"] <= _longest(given)
                )
            ),
        ),
        required("image_urls", when={"mode": ["image-to-video"]}),
        count("image_urls", 1, 2, when={"mode": ["image-to-video"]}),
        required("video_urls", when={"mode": ["video-edit"]}),
    )

    mode: Literal["text-to-video", "image-to-video", "reference-to-video", "video-edit"]
    prompt: str | None = optional_prompt()
    resolution: Literal["720p", "1080p"] | None = None
    ratio: Annotated[
        _RATIO | None, InferredName(), Shape(modes=("text-to-video", "reference-to-video"), left_out="16:9")
    ] = about("The aspect ratio (name inferred); 16:9 if left out in the text and reference modes.")
    duration: int | None = span(0, 15, "Seconds; 5 if left out; in video-edit 0, the default, keeps the length.")
    image_urls: list[Url] | None = about("image-to-video: the first frame and, if wanted, the last; else references.")
    video_urls: Annotated[list[Url] | None, Timed(("video-edit",))] = about("The video to edit, or references.")
    audio_urls: list[Url] | None = None


def _longest(given: Mapping[str, Any]) -> int:
    mode = given["mode"]
    return 10 if mode == "video-edit" or (mode == "reference-to-video" and given["video_urls"]) else 15


def _infer_26(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: one picture is a first frame, more are references; sound is for the flash modes."""
    pictures = given.get("image_urls") or ()
    if not pictures and not given.get("video_urls"):
        return {"mode": "text-to-video"}
    mode = "reference-to-video" if given.get("video_urls") or len(pictures) > 1 else "image-to-video"
    return {"mode": mode if given.get("sound") is None else f"{mode}-flash"}


def _infer_27(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Infers the mode: a video alone is edited, two pictures are first and last frame, the rest references."""
    pictures = given.get("image_urls") or ()
    if given.get("video_urls"):
        return {"mode": "reference-to-video" if pictures else "video-edit"}
    return {
        "mode": "text-to-video" if not pictures else "image-to-video" if len(pictures) < 3 else "reference-to-video"
    }


_SIZES = Sizes(
    "size",
    {
        "720p": {"16:9": "1280*720", "9:16": "720*1280", "1:1": "960*960", "4:3": "1088*832", "3:4": "832*1088"},
        "1080p": {"16:9": "1920*1080", "9:16": "1080*1920", "1:1": "1440*1440", "4:3": "1632*1248", "3:4": "1248*1632"},
    },
    modes=("text-to-video", *_REFERENCE),
    resolution_alone=True,
)

MODELS = (
    Model(
        id="wan-2-5-video",
        title="Wan 2.5 Video",
        vendor="Alibaba",
        modality="video",
        input=Wan25VideoInput,
        schedule=VIDEO_SCHEDULE,
        usual_seconds=(100, 250),
        times="100-250 s (oldest page)",
        aliases=("wan-2-5",),
        sound=Sound("given", "your sound track (audio_urls)", "APIXO wan-2-5 page"),
        fail_codes=POLICY_OR_IMAGE,
        prices=(
            Price(0.08, "second", "the oldest APIXO page of wan-2-5, late 2025", {"resolution": "720p"}),
            Price(0.13, "second", "the oldest APIXO page of wan-2-5, late 2025", {"resolution": "1080p"}),
        ),
        recommended_for=("short video",),
        speed=Remark("efficient for short videos", "APIXO best practices guide"),
        sources=("apixo.ai/docs/models/video/wan-2-5", "APIXO best practices guide"),
    ),
    Model(
        id="wan-2-6-video",
        title="Wan 2.6 Video",
        vendor="Alibaba",
        modality="video",
        input=Wan26VideoInput,
        schedule=VIDEO_SCHEDULE,
        facts="partial",
        aliases=("wan-2-6",),
        sound=Sound("optional", "sound in the flash modes", "APIXO wan-2-6-video page"),
        sizes=_SIZES,
        infer=_infer_26,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/wan-2-6-video",),
    ),
    Model(
        id="wan-2-7-video",
        title="Wan 2.7 Video",
        vendor="Alibaba",
        modality="video",
        input=Wan27VideoInput,
        schedule=VIDEO_SCHEDULE,
        facts="partial",
        aliases=("wan-2-7",),
        sound=Sound("given", "your sound track (audio_urls)", "APIXO wan-2-7-video page"),
        spelling={"aspect_ratio": Spelling("ratio")},
        infer=_infer_27,
        fail_codes=POLICY_OR_IMAGE,
        sources=("apixo.ai/docs/models/video/wan-2-7-video",),
    ),
)
