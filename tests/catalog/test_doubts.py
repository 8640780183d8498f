"""What contradicts itself, or leaves out what decides what is paid for, is asked back."""

from typing import Any

import pytest
from support.catalog_facts import CATALOG, urls

from apixo_mcp.catalog.doubts import doubts
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import picture_fields
from apixo_mcp.catalog.shapes import PictureSize
from apixo_mcp.catalog.translate import translate
from apixo_mcp.catalog.unmet import remarks


@pytest.mark.parametrize("model", [model for model in CATALOG if picture_fields(model.input)], ids=lambda m: m.id)
def test_a_picture_beside_a_mode_of_text_alone_is_refused(model: Model) -> None:
    field = next(name for name in model.input.names() if name in picture_fields(model.input))
    for mode in model.modes:
        given = {"mode": mode, field: urls(1)}
        told = [problem.field for problem in doubts(model, given)]
        is_text = "text-to-" in mode and mode.replace("text-to-", "image-to-") in model.modes
        refused = {problem.field for problem in model.input.broken_rules(given, skip=frozenset())}
        assert told == (["mode"] if is_text and model.id != "midjourney" and field not in refused else []), mode
        assert doubts(model, {"mode": mode}) == []
        assert doubts(model, {field: urls(1)}) == []


@pytest.mark.parametrize(
    ("prompt", "given", "refused"),
    [
        ("a fox barks, with sound", {}, True),
        ("a fox, with a voice-over", {}, True),
        ("一只狐狸，配音", {}, True),
        ("a fox, with sound", {"sound": True}, False),
        ("a fox, with sound", {"sound": False}, False),
        ("a fox, with no sound", {}, False),
        ("a fox in the snow", {}, False),
    ],
)
def test_a_silent_video_of_a_prompt_that_asks_for_sound_is_not_bought(
    prompt: str, given: dict[str, Any], refused: bool
) -> None:
    for name in ("kling-2-6", "seedance-1-5-pro"):
        problems = translate(CATALOG.find(name), {"prompt": prompt, **given}, {}).problems
        assert [problem.field for problem in problems] == (["sound"] if refused else [])
    assert translate(CATALOG.find("vidu-q3"), {"prompt": prompt, **given}, {}).problems == ()


@pytest.mark.parametrize(
    ("model", "prompt", "sent"),
    [
        ("nano-banana", "a fox, 16:9 aspect ratio", "16:9"),
        ("sora-2", "a vertical 9:16 film of a fox", "portrait"),
        ("ruxa/sora-2", "a fox, vertical format 9:16", "720x1280"),
        ("sora-2-pro", "a fox, portrait 9:16", "720*1280"),
        ("ruxa/google/nano-banana", "竖屏 9:16，一只狐狸", "9:16"),
        ("nano-banana", "the train of 9:16 in the morning", "1:1"),
        ("nano-banana", "in the ratio 16:9 or 9:16", "1:1"),
        ("gpt-image-1", "a fox, 16:9 aspect ratio", "1:1"),
    ],
)
def test_a_ratio_that_the_prompt_names_is_the_one_that_is_made(model: str, prompt: str, sent: str) -> None:
    entry = CATALOG.find(model)
    draft = translate(entry, {"prompt": prompt}, {})
    wire = entry.input.sent_defaults() | dict(draft.values)
    assert next(wire[name] for name in ("aspect_ratio", "image_size", "size") if name in wire) == sent
    assert any(note.endswith("as the prompt says.") for note in draft.notes) is (sent != "1:1")


def test_a_ratio_of_the_prompt_outranks_the_pictures_and_one_that_is_given_both() -> None:
    model = CATALOG.find("nano-banana")
    given = {"prompt": "extend it to a 16:9 format", "image_urls": urls(1)}
    assert translate(model, given, {}, PictureSize(10, 10)).values["aspect_ratio"] == "16:9"
    assert translate(model, given | {"aspect_ratio": "1:1"}, {}).values["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(
    ("model", "given", "told"),
    [
        ("flux-2", {"prompt": "a fox in 4k"}, "The prompt asks for 4k: that is set by resolution, which is 1K."),
        ("kling-3-0-turbo", {"prompt": "a fox, 1080p"}, "that is set by resolution, which was left out."),
        ("flux-2", {"prompt": "a fox in 4k", "resolution": "2K"}, ""),
        ("grok-video", {"prompt": "a fox, 480p"}, ""),
        ("seedream-4-5", {"prompt": "four variations of a logo"}, "number is set by num_images, which is 1."),
        ("seedream-4-5", {"prompt": "four variations of a logo", "num_images": 4}, ""),
        ("seedream-4-5", {"prompt": "four foxes"}, ""),
        ("grok-video", {"prompt": "a fox, with music"}, "no page says that videos of grok-video have any."),
        ("kling-3-0-std", {"prompt": "a fox, with music"}, "that is set by sound, which was left out."),
        ("happyHorse", {"prompt": "a fox, with music"}, ""),
    ],
)
def test_what_a_prompt_asks_for_beside_its_input_is_noted(model: str, given: dict[str, Any], told: str) -> None:
    entry = CATALOG.find(model)
    draft = translate(entry, given, {})
    spelt = {"max_images" if name == "num_images" else name: value for name, value in given.items()}
    assert told in (said := " ".join(remarks(entry, spelt, draft.values)))
    assert bool(told) is bool(said)
