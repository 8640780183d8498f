"""The documented limits of every model, checked the sandbox's own way."""

from typing import Any

import httpx2
import pytest

from apixo_mcp.sandbox.facts import find, models
from apixo_mcp.sandbox.rules import problems

pytestmark = pytest.mark.anyio

PIC, PICS = ["https://example.com/a.png"], ["https://example.com/a.png", "https://example.com/b.png"]
CLIP, SONG = ["https://example.com/a.mp4"], ["https://example.com/a.mp3"]
T2I, I2I = {"mode": "text-to-image", "prompt": "a fox"}, {"mode": "image-to-image", "prompt": "a fox"}
T2V, I2V = {"mode": "text-to-video", "prompt": "a fox"}, {"mode": "image-to-video", "prompt": "a fox"}
SEEDANCE = {**T2V, "duration": 5}
OPEN = {"anything": [1, 2], "prompt": 7}

GOOD: dict[str, list[dict[str, Any]]] = {
    "nano-banana": [T2I, {**I2I, "image_urls": PIC * 5, "aspect_ratio": "auto", "output_format": "png"}],
    "nano-banana-pro": [T2I, {**I2I, "image_urls": PIC * 10, "resolution": "4K"}],
    "nano-banana-2": [
        {**T2I, "aspect_ratio": "1:8", "resolution": "1k"},
        {**T2I, "aspect_ratio": "8:1", "resolution": "2K"},
    ],
    "flux-2": [{"mode": "flex-text-to-image", "prompt": "fox", "aspect_ratio": "auto", "resolution": "2K"}],
    "flux-kontext": [{"mode": "max", "prompt": "x", "aspect_ratio": "21:9", "image_urls": PIC}],
    "midjourney": [
        {**T2I, "image_urls": PIC * 20, "speed": "relaxed", "stylization": 1000},
        {"mode": "image-edit", "prompt": "x", "image_urls": PIC},
        {**T2I, "speed": "draft", "version": "7"},
    ],
    "gpt-image-1": [{"mode": "gpt-image-1", "prompt": "x", "aspect_ratio": "3:2", "num_images": 4}],
    "gpt-image-2": [T2I, {**I2I, "image_urls": PIC * 16, "resolution": "4k"}],
    "grok-image": [{**T2I, "aspect_ratio": "2:3"}, {**I2I, "image_urls": PIC}],
    "minimax-image-01": [{**T2I, "num_images": 9, "size": "1024x768", "seed": -1}, {**T2I, "size": "1024*768"}],
    "seedream-4-5": [{**T2I, "max_images": 10, "size": "2048X1024"}, {**I2I, "max_images": 1, "image_urls": PIC * 14}],
    "seedream-5-0": [{**T2I, "max_images": 1, "resolution": "3K", "web_search": True}],
    "seedream-5-0-pro": [OPEN],
    "seedream-4-0": [OPEN],
    "qwen-image": [OPEN],
    "qwen-2-image": [OPEN],
    "runway-gen4-image": [OPEN],
    "runway-gen4-image-turbo": [OPEN],
    "wan-2-5-image": [{**T2I, "aspect_ratio": "16:9"}, {**I2I, "image_urls": PIC * 3, "aspect_ratio": "21:9"}],
    "wan-2-6-image": [{**T2I, "num_images": 3, "aspect_ratio": "3:4"}, {**I2I, "image_urls": PIC}],
    "wan-2-7-image": [
        {"mode": "omni-image-pro", "prompt": "x", "resolution": "4k"},
        {"mode": "omni-image", "prompt": "x", "num_images": 12, "enable_sequential": True},
        {"mode": "omni-image", "prompt": "x", "image_urls": PIC, "bbox_list": [[[0, 0, 1, 1]]]},
    ],
    "image-upscaler": [{"mode": "image-to-image", "image_urls": PIC, "resolution": "8k", "output_format": "webp"}],
    "image-watermark-remover": [{"image_urls": PIC}, {"mode": "image-to-image", "image_urls": PIC}],
    "sora-2": [{**T2V, "duration": 12, "aspect_ratio": "portrait"}, {**I2V, "image_urls": PIC}],
    "sora-2-pro": [{**T2V, "size": "720*1280"}, {**I2V, "resolution": "1080p", "image_urls": PIC}],
    "veo-3-1": [
        {"mode": "quality", "generationType": "TEXT_2_VIDEO", "prompt": "x"},
        {"mode": "fast", "generationType": "REFERENCE_2_VIDEO", "prompt": "x", "image_urls": PIC * 3},
    ],
    "kling-2-1": [
        {"mode": "pro-image-to-video", "prompt": "x", "duration": 5, "image_urls": PICS, "cfg_scale": 0.6},
        {"mode": "master-text-to-video", "prompt": "x", "duration": 10, "aspect_ratio": "1:1"},
    ],
    "kling-2-5-turbo-pro": [
        {**T2V, "duration": 5, "aspect_ratio": "9:16"},
        {**I2V, "duration": 10, "image_urls": PICS},
    ],
    "kling-2-6": [{**T2V, "duration": 5, "sound": False}],
    "kling-3-0-std": [
        {**T2V, "duration": 3},
        {"mode": "motion-control", "image_urls": PIC, "video_urls": CLIP},
    ],
    "kling-3-0-turbo": [{**T2V, "duration": 15}, {**I2V, "image_urls": PIC}],
    "seedance-1-5-pro": [{**T2V, "sound": True, "duration": 7}],
    "seedance-2-0": [SEEDANCE, {"mode": "omni_reference", "prompt": "x", "duration": 4, "video_urls": CLIP}],
    "seedance-2-0-fast": [SEEDANCE, {**SEEDANCE, "mode": "first_and_last_frames", "image_urls": PICS}],
    "seedance-2-0-mini": [
        SEEDANCE,
        {**SEEDANCE, "mode": "omni_reference", "image_urls": PIC * 9, "audio_urls": SONG * 3},
    ],
    "hailuo-2-3": [
        {"mode": "standard-text-to-video", "prompt": "x", "duration": 6},
        {"mode": "pro-text-to-video", "prompt": "x"},
    ],
    "hailuo-2-3-fast": [{"mode": "pro-image-to-video", "image_urls": PIC}],
    "wan-2-5-video": [
        {**T2V, "resolution": "480p", "aspect_ratio": "1:1"},
        {"mode": "image-to-video", "image_urls": PIC},
    ],
    "wan-2-6-video": [
        {**T2V, "size": "1280*720", "duration": 15},
        {"mode": "reference-to-video", "prompt": "x", "image_urls": PIC * 2, "video_urls": CLIP * 3, "duration": 10},
        {"mode": "image-to-video-flash", "prompt": "x", "image_urls": PIC, "sound": False},
    ],
    "wan-2-7-video": [
        T2V,
        {"mode": "image-to-video", "image_urls": PICS, "duration": 2},
        {"mode": "video-edit", "prompt": "x", "video_urls": CLIP, "duration": 0},
    ],
    "happyHorse": [{**T2V, "ratio": "9:16"}, {"mode": "video-edit", "prompt": "x", "video_urls": CLIP}],
    "vidu-q3": [{**T2V, "style": "anime", "duration": 16}, {**I2V, "mode": "turbo-image-to-video", "image_urls": PICS}],
    "grok-video": [{**T2V, "duration": 30, "resolution": "480p"}],
    "ltx-2-19b": [
        {**T2V, "resolution": "1080p", "duration": 20, "seed": -1},
        {
            "mode": "image-to-video-LoRA",
            "prompt": "x",
            "resolution": "480p",
            "duration": 5,
            "image_urls": PIC,
            "loras": [{"path": "https://example.com/l", "scale": 1}],
        },
    ],
    "infinitetalk": [{"mode": "image-to-video", "image_urls": PICS, "audio_urls": SONG}],
    "gemini-omni": [
        {"mode": "gemini-omni-audio", "voice_key": "calm"},
        {"mode": "gemini-omni-character"},
        {"mode": "gemini-omni-video", "prompt": "x", "duration": "8", "audio_ids": ["a"]},
    ],
    "suno": [
        {"mode": "V5_5", "customMode": False, "instrumental": True, "prompt": "x" * 500},
        {"mode": "V4", "customMode": True, "instrumental": True, "style": "x" * 200, "title": "t"},
    ],
    "minimax-speech-2-8": [
        {"mode": "speech-turbo", "voice_id": "v", "prompt": "x", "speed": 2, "pitch": -12, "unknown": 1}
    ],
    "minimax-voice": [
        {"mode": "design", "voice_id_prefix": "a", "preview_text": "x" * 500},
        {"mode": "clone", "voice_id_prefix": "a", "audio_urls": SONG, "preview_text": "x" * 2000},
    ],
}

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("nano-banana", {"prompt": "x"}, "mode"),
    ("nano-banana", {"mode": "text-to-image"}, "prompt"),
    ("nano-banana", {"mode": "text-to-image", "prompt": "  "}, "prompt"),
    ("nano-banana", {"mode": "text-to-image", "prompt": ["x"]}, "prompt"),
    ("nano-banana", {**T2I, "prompt": "x" * 5001}, "prompt"),
    ("nano-banana", I2I, "image_urls"),
    ("nano-banana", {**I2I, "image_urls": PIC * 6}, "image_urls"),
    ("nano-banana", {**I2I, "image_urls": PIC[0]}, "image_urls"),
    ("nano-banana", {**I2I, "image_urls": ["/home/a.png"]}, "image_urls"),
    ("nano-banana", {**I2I, "image_urls": ["data:image/png;base64,AA"]}, "image_urls"),
    ("nano-banana", {**T2I, "aspect_ratio": "7:5"}, "aspect_ratio"),
    ("nano-banana", {**T2I, "output_format": "webp"}, "output_format"),
    ("nano-banana-pro", {**T2I, "resolution": "2k"}, "resolution"),
    ("nano-banana-pro", {**I2I, "image_urls": PIC * 11}, "image_urls"),
    ("nano-banana-2", {**T2I, "aspect_ratio": "1:1"}, "resolution"),
    ("nano-banana-2", {**T2I, "resolution": "1k"}, "aspect_ratio"),
    ("flux-2", {"mode": "pro-text-to-image", "prompt": "ab", "aspect_ratio": "1:1", "resolution": "1K"}, "prompt"),
    (
        "flux-2",
        {"mode": "pro-image-to-image", "prompt": "abc", "aspect_ratio": "1:1", "resolution": "1K"},
        "image_urls",
    ),
    ("flux-kontext", {"mode": "pro", "prompt": "x"}, "aspect_ratio"),
    ("midjourney", {"mode": "vary", "imageIndex": 1}, "taskId"),
    ("midjourney", {"mode": "upscale", "taskId": "x"}, "imageIndex"),
    ("midjourney", {"mode": "image-edit", "prompt": "x", "image_urls": PICS}, "image_urls"),
    ("midjourney", {**T2I, "prompt": "x" * 2001}, "prompt"),
    ("midjourney", {"mode": "image-edit", "prompt": "x", "image_urls": PIC, "speed": "draft"}, "mode"),
    ("gpt-image-1", {"mode": "gpt-image-1", "prompt": "x", "aspect_ratio": "1:1", "num_images": 3}, "num_images"),
    ("gpt-image-2", {**T2I, "resolution": "2K"}, "resolution"),
    ("grok-image", {**I2I, "image_urls": PIC, "aspect_ratio": "1:1"}, "aspect_ratio"),
    ("minimax-image-01", {**T2I, "size": "big"}, "size"),
    ("minimax-image-01", {**T2I, "num_images": 10}, "num_images"),
    ("minimax-image-01", {**T2I, "num_images": True}, "num_images"),
    ("seedream-4-5", T2I, "max_images"),
    ("seedream-4-5", {**T2I, "max_images": 11}, "max_images"),
    ("seedream-4-5", {**T2I, "max_images": 1, "resolution": "1K"}, "resolution"),
    ("seedream-5-0", {**T2I, "max_images": 1, "web_search": "yes"}, "web_search"),
    ("wan-2-5-image", {**T2I, "aspect_ratio": "21:9"}, "aspect_ratio"),
    ("wan-2-6-image", {**I2I, "image_urls": PIC, "aspect_ratio": "1:1"}, "aspect_ratio"),
    ("wan-2-7-image", {"mode": "omni-image", "prompt": "x", "resolution": "4k"}, "mode"),
    ("wan-2-7-image", {"mode": "omni-image", "prompt": "x", "num_images": 5}, "num_images"),
    ("wan-2-7-image", {"mode": "omni-image", "prompt": "x", "image_urls": PICS, "bbox_list": [[]]}, "bbox_list"),
    (
        "wan-2-7-image",
        {"mode": "omni-image", "prompt": "x", "enable_sequential": True, "color_palette": [{}, {}, {}]},
        "color_palette",
    ),
    ("image-upscaler", {"mode": "image-to-image", "image_urls": PIC, "prompt": "x"}, "prompt"),
    ("image-watermark-remover", {"image_urls": PIC, "prompt": "x"}, "prompt"),
    ("image-watermark-remover", {"image_urls": PIC, "resolution": "2k"}, "resolution"),
    ("sora-2", {**T2V, "duration": 10}, "duration"),
    ("sora-2", {**T2V, "duration": "8"}, "duration"),
    ("sora-2", {**T2V, "aspect_ratio": "16:9"}, "aspect_ratio"),
    ("sora-2-pro", T2V, "size"),
    ("sora-2-pro", {**I2V, "image_urls": PIC}, "resolution"),
    ("sora-2-pro", {**T2V, "size": "720x1280"}, "size"),
    ("sora-2-pro", {**T2V, "size": "720*1280", "resolution": "720p"}, "resolution"),
    ("veo-3-1", {"mode": "quality", "prompt": "x"}, "generationType"),
    ("veo-3-1", {"mode": "quality", "generationType": "TEXT_2_VIDEO", "prompt": "x", "image_urls": PIC}, "image_urls"),
    ("veo-3-1", {"mode": "quality", "generationType": "REFERENCE_2_VIDEO", "prompt": "x", "image_urls": PIC}, "mode"),
    (
        "veo-3-1",
        {"mode": "fast", "generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO", "prompt": "x", "image_urls": PIC * 3},
        "image_urls",
    ),
    ("kling-2-1", {"mode": "standard-image-to-video", "prompt": "x", "duration": 5, "image_urls": PICS}, "image_urls"),
    ("kling-2-1", {"mode": "master-text-to-video", "prompt": "x", "duration": 5}, "aspect_ratio"),
    ("kling-2-5-turbo-pro", {**T2V, "duration": 5, "cfg_scale": 0.55}, "cfg_scale"),
    ("kling-2-5-turbo-pro", {**I2V, "duration": 5, "image_urls": PIC, "aspect_ratio": "1:1"}, "aspect_ratio"),
    ("kling-2-6", {**T2V, "duration": 5}, "sound"),
    ("kling-3-0-std", {"mode": "motion-control", "image_urls": PIC}, "video_urls"),
    ("kling-3-0-std", {"mode": "motion-control", "image_urls": PICS, "video_urls": CLIP}, "image_urls"),
    ("kling-3-0-std", {"mode": "motion-control", "image_urls": PIC, "video_urls": CLIP, "duration": 5}, "duration"),
    ("seedance-1-5-pro", {**T2V, "prompt": "ab", "sound": True}, "prompt"),
    ("seedance-2-0", {**SEEDANCE, "image_urls": PIC}, "image_urls"),
    ("seedance-2-0", {**SEEDANCE, "mode": "omni_reference", "audio_urls": SONG}, "image_urls or input.video_urls"),
    ("seedance-2-0", {**SEEDANCE, "mode": "first_and_last_frames", "image_urls": PIC * 3}, "image_urls"),
    ("seedance-2-0-fast", {**SEEDANCE, "resolution": "1080p"}, "resolution"),
    ("hailuo-2-3", {"mode": "standard-text-to-video", "prompt": "x"}, "duration"),
    ("hailuo-2-3-fast", {"mode": "standard-text-to-video", "prompt": "x", "image_urls": PIC}, "mode"),
    ("wan-2-5-video", {**T2V, "resolution": "480p", "aspect_ratio": "4:3"}, "aspect_ratio"),
    ("wan-2-6-video", {**I2V, "image_urls": PICS}, "image_urls"),
    ("wan-2-6-video", {**T2V, "audio_url": SONG[0]}, "audio_url"),
    ("wan-2-6-video", {**T2V, "sound": True}, "sound"),
    ("wan-2-6-video", {"mode": "reference-to-video", "prompt": "x", "video_urls": CLIP, "duration": 11}, "duration"),
    (
        "wan-2-6-video",
        {"mode": "reference-to-video", "prompt": "x", "image_urls": PIC * 3, "video_urls": CLIP * 3},
        "image_urls",
    ),
    ("wan-2-7-video", {**T2V, "duration": 1}, "duration"),
    ("wan-2-7-video", {"mode": "video-edit", "prompt": "x", "video_urls": CLIP, "duration": 1}, "duration"),
    ("wan-2-7-video", {"mode": "reference-to-video", "prompt": "x", "video_urls": CLIP, "duration": 12}, "duration"),
    ("happyHorse", {**I2V, "image_urls": PICS}, "image_urls"),
    ("happyHorse", {**I2V, "image_urls": PIC, "ratio": "1:1"}, "ratio"),
    ("vidu-q3", {**T2V, "duration": 17}, "duration"),
    ("grok-video", {**I2V, "duration": 6, "resolution": "480p"}, "image_urls"),
    (
        "grok-video",
        {**I2V, "duration": 6, "resolution": "480p", "image_urls": PIC, "task_id": "x", "index": 0},
        "task_id",
    ),
    ("grok-video", {**I2V, "duration": 6, "resolution": "480p", "task_id": "x"}, "index"),
    ("ltx-2-19b", {"mode": "text-to-video-LoRA", "prompt": "x", "resolution": "480p", "duration": 5}, "loras"),
    ("infinitetalk", {"mode": "image-to-video", "image_urls": PIC}, "audio_urls"),
    ("gemini-omni", {"mode": "gemini-omni-audio"}, "voice_key"),
    ("gemini-omni", {"mode": "gemini-omni-video", "prompt": "x", "duration": 8}, "duration"),
    ("gemini-omni", {"mode": "gemini-omni-video", "prompt": "x", "duration": "8", "video_urls": CLIP}, "duration"),
    ("suno", {"mode": "V5", "customMode": False, "instrumental": True}, "prompt"),
    ("suno", {"mode": "V5", "customMode": False, "instrumental": True, "prompt": "x" * 501}, "prompt"),
    ("suno", {"mode": "V5", "customMode": True, "instrumental": True, "title": "t"}, "style"),
    ("suno", {"mode": "V5", "customMode": True, "instrumental": False, "style": "s", "title": "t"}, "prompt"),
    ("suno", {"mode": "V4", "customMode": True, "instrumental": True, "style": "s" * 201, "title": "t"}, "style"),
    ("suno", {"mode": "V5", "prompt": "x"}, "customMode"),
    ("minimax-speech-2-8", {"mode": "speech-hd", "prompt": "x"}, "voice_id"),
    ("minimax-speech-2-8", {"mode": "speech-hd", "prompt": "x", "voice_id": "v", "speed": 2.5}, "speed"),
    ("minimax-speech-2-8", {"mode": "speech-hd", "prompt": "x", "voice_id": "v", "pitch": 0.5}, "pitch"),
    ("minimax-voice", {"mode": "design", "voice_id_prefix": "a"}, "preview_text"),
    ("minimax-voice", {"mode": "design", "voice_id_prefix": "a", "preview_text": "x" * 501}, "preview_text"),
    ("minimax-voice", {"mode": "clone", "voice_id_prefix": "a"}, "audio_urls"),
    (
        "minimax-voice",
        {"mode": "design", "voice_id_prefix": "a", "preview_text": "x", "need_noise_reduction": True},
        "need_noise_reduction",
    ),
]

RUXA_GOOD: list[tuple[str, dict[str, Any]]] = [
    ("google/nano-banana", {"prompt": "x", "image_size": "auto", "output_format": "jpeg"}),
    ("google/nano-banana-edit", {"prompt": "x", "image_size": "1:1", "output_format": "png", "image_urls": PIC}),
    ("google/nano-banana-pro", {"prompt": "x", "image_input": [], "resolution": "4k", "output_format": "jpg"}),
    ("sora-2", {"prompt": "x", "seconds": "15", "size": "720x1280", "character_timestamps": "1,3"}),
    ("sora-2-hd", {"prompt": "x", "seconds": "25", "size": "1792x1024", "input_reference": PIC[0]}),
    ("veo3.1", {"whatever": 1}),
    ("veo-3-1", {"whatever": 1}),
    ("gpt-4o-image", {}),
]

RUXA_BAD: list[tuple[str, dict[str, Any], str]] = [
    ("google/nano-banana", {"image_size": "1:1"}, "prompt"),
    ("google/nano-banana", {"prompt": "x", "output_format": "jpg"}, "output_format"),
    ("google/nano-banana-edit", {"prompt": "x", "image_urls": PIC, "image_size": "1:1"}, "output_format"),
    ("google/nano-banana-pro", {"prompt": "x", "resolution": "4K"}, "resolution"),
    ("google/nano-banana-pro", {"prompt": "x", "output_format": "jpeg"}, "output_format"),
    ("sora-2", {"prompt": "x", "seconds": 10}, "seconds"),
    ("sora-2", {"prompt": "x", "seconds": "25"}, "seconds"),
    ("sora-2", {"prompt": "x", "size": "1792x1024"}, "size"),
    ("sora-2", {"prompt": "x", "style": "noir"}, "style"),
    ("sora-2", {"prompt": "x", "character_timestamps": "1,9"}, "character_timestamps"),
    ("sora-2", {"prompt": "x", "input_reference": "file.png"}, "input_reference"),
    ("sora-2-hd", {"prompt": "x", "character_from_task": "nothing"}, "character_from_task"),
]


def test_every_model_has_a_good_input():
    assert {model.id for model in models()["apixo"].values()} == set(GOOD)
    assert len(GOOD) == 49


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, many in GOOD.items() for given in many])
def test_good_inputs_are_taken(name: str, given: dict[str, Any]):
    model = find("apixo", name)
    assert model is not None
    assert problems(model, given) == []


@pytest.mark.parametrize(("name", "given", "field"), BAD)
def test_bad_inputs_are_told_by_their_field(name: str, given: dict[str, Any], field: str):
    model = find("apixo", name)
    assert model is not None
    assert any(f"input.{field}" in one for one in problems(model, given)), problems(model, given)


@pytest.mark.parametrize(("name", "given"), RUXA_GOOD)
async def test_good_ruxa_inputs_are_taken(client: httpx2.AsyncClient, name: str, given: dict[str, Any]):
    answer = await client.post("/api/v1/tasks/create", json={"model": name, "input": given})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("name", "given", "field"), RUXA_BAD)
async def test_bad_ruxa_inputs_are_422(client: httpx2.AsyncClient, name: str, given: dict[str, Any], field: str):
    answer = await client.post("/api/v1/tasks/create", json={"model": name, "input": given})
    assert (answer.status_code, answer.json()["code"]) == (422, 422)
    assert f"input.{field}" in answer.json()["message"]


async def test_no_value_of_any_field_is_too_odd_to_be_judged(client: httpx2.AsyncClient):
    odd: list[Any] = [None, "", " ", "x", -1, 0, 1e400, 10**400, 0.05, True, [], [None], [[]], {}, {"a": 1}, "\ud800"]
    for table in models().values():
        for model in table.values():
            for name in ("mode", *model.fields):
                for value in odd:
                    assert isinstance(problems(model, {"mode": "text-to-video", name: value}), list)
    half = b'{"input":{"mode":"text-to-image","prompt":"\\ud800"}}'
    for content in (b'{"input":{"prompt":NaN}}', b"[" * 100_000, half):
        answer = await client.post("/api/v1/generateTask/nano-banana", content=content)
        assert answer.status_code in (200, 400)
    assert (await client.get("/_sandbox/log")).status_code == 200


def test_of_two_limits_the_narrower_holds():
    model = find("apixo", "suno")
    assert model is not None
    given = {"mode": "V4", "customMode": False, "instrumental": False, "prompt": "x" * 501}
    assert problems(model, given) == ["input.prompt must have at most 500 characters"]


async def test_all_problems_are_told_at_once(submit):
    answer = await submit("", mode="text", aspect_ratio="9", output_format="gif")
    assert answer.status_code == 400
    error = answer.json()["data"]["error"]
    assert all(f"input.{name}" in error for name in ("prompt", "mode", "aspect_ratio", "output_format"))


async def test_an_unsupported_mode_of_hailuo_fast_has_its_own_message(submit):
    answer = await submit(model="hailuo-2-3-fast", mode="pro-text-to-video", image_urls=PIC)
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid mode type")


async def test_a_field_that_names_a_task_needs_one_of_the_gateways_own(submit):
    wrong = await submit(model="midjourney", mode="reroll", taskId="tsk_not_the_gateways")
    assert "input.taskId" in wrong.json()["data"]["error"]
    banana = (await submit()).json()["data"]["taskId"]
    assert (await submit(model="midjourney", mode="reroll", taskId=banana)).status_code == 400
    first = (await submit(model="midjourney")).json()["data"]["taskId"]
    assert (await submit(model="midjourney", mode="vary", taskId=first, imageIndex=0)).status_code == 200
    enhance = {"model": "midjourney", "mode": "enhance", "imageIndex": 0}
    assert "draft" in (await submit(**enhance, taskId=first)).json()["data"]["error"]
    draft = (await submit(model="midjourney", speed="draft", version="7")).json()["data"]["taskId"]
    assert (await submit(**enhance, taskId=draft)).status_code == 200
