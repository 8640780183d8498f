"""A slip in the name of an option is refused with the name that was meant; what may be ignored is said to be so."""

import pytest
from support.catalog_facts import CATALOG, KNOWN, Entry

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.near_names import nearest_name
from apixo_mcp.catalog.strays import strays
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS, inputs

SLIPS = [
    ("minimax-speech-2-8", "voice", "voice_id"),
    ("minimax-speech-2-8", "voiceId", "voice_id"),
    ("minimax-speech-2-8", "text", "prompt"),
    ("minimax-speech-2-8", "speeds", "speed"),
    ("minimax-voice", "noise_reduction", "need_noise_reduction"),
    ("midjourney", "asp_ratio", "aspect_ratio"),
    ("midjourney", "imageUrl", "image_urls"),
    ("midjourney", "stylize", "stylization"),
    ("midjourney", "task_id", "taskId"),
    ("wan-2-7-image", "n", "num_images"),
    ("wan-2-7-video", "Aspect-Ratio", "aspect_ratio"),
    ("wan-2-7-video", "audio_url", "audio_urls"),
    ("gemini-omni", "character_id", "character_ids"),
    ("ruxa/google/nano-banana-edit", "aspect", "aspect_ratio"),
]


@pytest.mark.parametrize(("name", "given", "meant"), SLIPS)
def test_a_slip_is_refused_with_what_was_meant(name: str, given: str, meant: str) -> None:
    problems, notes = strays(CATALOG.find(name), {given: "x"})
    assert [(problem.field, problem.nearest) for problem in problems] == [(given, meant)]
    assert notes == ()


def test_a_slip_for_what_the_model_does_not_take_is_refused_as_that() -> None:
    ((problem,), _) = strays(CATALOG.find("midjourney"), {"n": 4})
    assert "means num_images, which is not an input of midjourney" in problem.allowed


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(
            ("midjourney", name)
            for name in ("style_reference", "sref", "omni_reference", "seed", "niji", "image_weight")
        ),
        *(("wan-2-7-image", name) for name in ("size", "seed", "width", "prompt_extend")),
        *(("wan-2-7-video", name) for name in ("seed", "negative_prompt", "shot_type")),
        *(("minimax-speech-2-8", name) for name in ("emotion", "sample_rate", "pronunciation_dict")),
        # The names of these are inferred on their pages: another may be the right one.
        *(("ruxa/google/nano-banana-edit", name) for name in ("image_url", "image", "image_input")),
        ("minimax-voice", "description"),
    ],
)
def test_another_option_is_passed_on_and_said_to_be_perhaps_ignored(name: str, given: str) -> None:
    problems, (note,) = strays(CATALOG.find(name), {given: "x"})
    assert problems == []
    assert note.startswith(given)
    assert note.endswith(f"passed on as given; no page of {name} names it, so it may be ignored.")


def test_of_a_model_without_a_page_only_a_slip_is_told() -> None:
    model = CATALOG.find("qwen-image")
    assert strays(model, {"steps": 20, "size": "1024x1024", "aspect_ratio": "1:1"}) == ([], ())
    assert strays(model, {"n": 2})[1][0].startswith("n (did you mean num_images?): passed on as given")
    told = CATALOG.find("ruxa/gpt-image-1.5")  # whose tips name what client code sends
    assert strays(told, {"size": "1:1", "quality": "low", "image": "https://example.com/a.png"}) == ([], ())


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("image_url", "image_urls"),
        ("imageUrl", "image_urls"),
        ("numImages", "num_images"),
        ("aspectRatio", "aspect_ratio"),
        ("Aspect-Ratio", "aspect_ratio"),
    ],
)
def test_of_a_model_without_a_page_one_name_of_a_common_argument_is_tried(given: str, meant: str) -> None:
    (problem,), notes = strays(CATALOG.find("qwen-image"), {given: "x"})
    assert (problem.field, problem.nearest, notes) == (given, meant, ())
    assert "no page of qwen-image names either" in problem.allowed
    problems, (note,) = strays(CATALOG.find("qwen-image"), {}, {"prompt": "a fox", meant: "x"})
    assert problems == []
    assert note == f"{meant}: passed on as given; no page of qwen-image names it, so it may be ignored."


def test_an_option_without_a_value_is_none() -> None:
    assert strays(CATALOG.find("midjourney"), {"imageUrl": "", "n": None, "asp_ratio": []}) == ([], ())


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_no_documented_name_is_ever_taken_for_a_slip(entry: Entry) -> None:
    model = CATALOG.find(entry.id)
    names = (*entry.params, *inputs(model), *model.input.names(), *COMMON_ARGUMENTS)
    problems, _ = strays(model, dict.fromkeys(names, "x"))
    assert problems == []
    for name in entry.params:
        assert nearest_name(name, (*inputs(model), *model.input.names())) == "" or entry.params[name]["name_unknown"]


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_each_name_is_found_however_it_is_written(model: Model) -> None:
    names = tuple(dict.fromkeys((*inputs(model), *model.input.names())))
    for name in names:
        parts = name.split("_")
        camel = parts[0] + "".join(part.title() for part in parts[1:])
        for written in (camel, name.upper(), name.replace("_", "-"), name.replace("_", ""), f"{name}s"):
            found = nearest_name(written, names)
            assert written in names or (found and {name, found} <= set(names)), written
