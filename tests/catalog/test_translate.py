"""The common arguments in each model's own words: nothing is lost, nothing is guessed without a word."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalog_facts import CATALOG, KNOWN, Entry, minimal, urls
from support.checks import EVERY

from apixo_mcp.catalog.inputs import ModelInput
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS, common, inputs, translate
from apixo_mcp.catalog.validate import validate
from apixo_mcp.errors import InvalidInput

QUICK = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=EVERY,
)

# model, common arguments, what must be on the wire
SPELT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("seedream-4-5", {"num_images": 3, "resolution": "4k"}, {"max_images": 3, "resolution": "4K"}),
    ("seedream-4-5", {}, {"max_images": 1, "mode": "text-to-image"}),
    (
        "nano-banana",
        {"image_urls": urls(2), "output_format": "jpg"},
        {"mode": "image-to-image", "output_format": "jpeg"},
    ),
    ("nano-banana-2", {"resolution": "2K"}, {"resolution": "2k", "aspect_ratio": "auto"}),
    ("flux-2", {"image_urls": urls(1)}, {"mode": "pro-image-to-image"}),
    ("flux-kontext", {}, {"mode": "pro"}),
    ("gpt-image-1", {"num_images": "2"}, {"num_images": 2, "mode": "gpt-image-1"}),
    ("gpt-image-2", {"resolution": "1K"}, {"resolution": "1k"}),
    ("wan-2-5-image", {}, {"num_images": 1}),
    ("wan-2-7-image", {"resolution": "4K"}, {"mode": "omni-image-pro", "resolution": "4k"}),
    ("wan-2-7-image", {}, {"mode": "omni-image"}),
    (
        "image-upscaler",
        {"image_urls": urls(1)[0], "output_format": "jpeg"},
        {"image_urls": urls(1), "output_format": "jpg"},
    ),
    ("sora-2", {"aspect_ratio": "16:9", "duration": "8"}, {"aspect_ratio": "landscape", "duration": 8}),
    ("sora-2", {"aspect_ratio": "9:16"}, {"aspect_ratio": "portrait"}),
    ("sora-2", {"aspect_ratio": "portrait"}, {"aspect_ratio": "portrait"}),
    ("sora-2-pro", {"aspect_ratio": "9:16", "resolution": "1080p"}, {"size": "1024*1792", "mode": "text-to-video"}),
    ("sora-2-pro", {"image_urls": urls(1), "resolution": "1080p"}, {"resolution": "1080p", "mode": "image-to-video"}),
    ("sora-2-pro", {"image_urls": urls(1)}, {"resolution": "720p"}),
    ("sora-2-pro", {}, {"size": "1280*720"}),
    ("ruxa/sora-2", {"aspect_ratio": "9:16", "duration": 10}, {"size": "720x1280", "seconds": "10"}),
    ("ruxa/sora-2-hd", {"aspect_ratio": "16:9", "resolution": "1080P"}, {"size": "1792x1024"}),
    ("ruxa/sora-2", {"image_urls": urls(1)}, {"input_reference": urls(1)[0]}),
    ("ruxa/google/nano-banana", {"aspect_ratio": "21:9"}, {"image_size": "21:9"}),
    (
        "ruxa/google/nano-banana-pro",
        {"image_urls": urls(2), "output_format": "jpeg", "resolution": "4K"},
        {"image_input": urls(2), "output_format": "jpg", "resolution": "4k"},
    ),
    ("veo-3-1", {}, {"generationType": "TEXT_2_VIDEO", "mode": "fast"}),
    ("veo-3-1", {"image_urls": urls(2)}, {"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO"}),
    ("veo-3-1", {"image_urls": urls(3)}, {"generationType": "REFERENCE_2_VIDEO", "mode": "fast"}),
    ("kling-2-1", {}, {"mode": "master-text-to-video", "aspect_ratio": "16:9", "duration": 5}),
    ("kling-2-1", {"image_urls": urls(1)}, {"mode": "standard-image-to-video"}),
    ("kling-2-1", {"image_urls": urls(2)}, {"mode": "pro-image-to-video"}),
    ("kling-2-6", {}, {"sound": False, "duration": 5, "mode": "text-to-video"}),
    ("kling-2-6", {"sound": "on", "duration": "10"}, {"sound": True, "duration": 10}),
    ("kling-3-0-std", {"image_urls": urls(1), "video_urls": urls(1, "video_urls")}, {"mode": "motion-control"}),
    ("seedance-2-0", {"image_urls": urls(1)}, {"mode": "first_and_last_frames"}),
    ("seedance-2-0", {"image_urls": urls(3)}, {"mode": "omni_reference"}),
    ("seedance-1-5-pro", {}, {"sound": False}),
    ("hailuo-2-3", {}, {"mode": "standard-text-to-video", "duration": 6}),
    ("hailuo-2-3", {"mode": "pro-text-to-video"}, {"mode": "pro-text-to-video"}),
    ("hailuo-2-3-fast", {"image_urls": urls(1)}, {"mode": "standard-image-to-video"}),
    ("wan-2-5-video", {"image_urls": urls(1)}, {"mode": "image-to-video"}),
    ("sora-2", {"aspect_ratio": " 16x9 ", "duration": "8s"}, {"aspect_ratio": "landscape", "duration": 8}),
    ("nano-banana", {"aspect_ratio": "16 : 9"}, {"aspect_ratio": "16:9"}),
    ("kling-3-0-std", {"duration": "7 seconds"}, {"duration": 7}),
    ("ruxa/sora-2", {"aspect_ratio": "16x9", "duration": "10 sec"}, {"size": "1280x720", "seconds": "10"}),
    ("sora-2-pro", {"size": "1280x720"}, {"size": "1280*720"}),
    ("seedream-4-5", {"size": "2k"}, {"size": "2K"}),
    ("midjourney", {"version": 7}, {"version": "7"}),
    ("midjourney", {"version": 6.1}, {"version": "6.1"}),
    ("kling-2-6", {"sound": "true"}, {"sound": True}),
    ("minimax-voice", {"audio_urls": urls(1, "audio_urls"), "voice_id_prefix": "warm"}, {"mode": "clone"}),
    ("minimax-voice", {"preview_text": "hello", "voice_id_prefix": "warm"}, {"mode": "design"}),
    ("wan-2-6-video", {"aspect_ratio": "1:1", "resolution": "1080p"}, {"size": "1440*1440"}),
    ("wan-2-6-video", {"resolution": "1080p"}, {"resolution": "1080p", "mode": "text-to-video"}),
    ("wan-2-6-video", {"image_urls": urls(1), "sound": True}, {"mode": "image-to-video-flash", "sound": True}),
    (
        "wan-2-6-video",
        {"image_urls": urls(2), "aspect_ratio": "9:16"},
        {"mode": "reference-to-video", "size": "720*1280"},
    ),
    ("wan-2-7-video", {"aspect_ratio": "4:3"}, {"ratio": "4:3", "mode": "text-to-video"}),
    ("wan-2-7-video", {"video_urls": urls(1, "video_urls")}, {"mode": "video-edit"}),
    ("happyHorse", {"image_urls": urls(4), "aspect_ratio": "1:1"}, {"mode": "reference-to-video", "ratio": "1:1"}),
    ("vidu-q3", {"image_urls": urls(1)}, {"mode": "image-to-video"}),
    (
        "gemini-omni",
        {"duration": 8, "resolution": "4K"},
        {"duration": "8", "resolution": "4k", "mode": "gemini-omni-video"},
    ),
    ("suno", {"negative_prompt": "drums"}, {"negativeTags": "drums", "mode": "V5", "customMode": False}),
    ("minimax-speech-2-8", {}, {"mode": "speech-turbo", "voice_id": "preset_general_wise_woman"}),
    ("qwen-image", {"aspect_ratio": "1:1", "image_urls": urls(1)}, {"aspect_ratio": "1:1", "image_urls": urls(1)}),
]


@pytest.mark.parametrize(("name", "arguments", "wanted"), SPELT, ids=[f"{name}-{given}" for name, given, _ in SPELT])
def test_common_arguments(name: str, arguments: dict[str, Any], wanted: dict[str, Any]) -> None:
    model = CATALOG.find(name)
    prompt = {} if name == "image-upscaler" else {"prompt": "a quiet harbour"}
    common = {name: value for name, value in arguments.items() if name in COMMON_ARGUMENTS}
    options = {name: value for name, value in arguments.items() if name not in COMMON_ARGUMENTS}
    draft = translate(model, {**prompt, **common}, options)
    wire = validate(model, draft.values, draft.problems).wire()
    assert {field: wire.get(field) for field in wanted} == wanted
    assert all(type(wire[field]) is type(value) for field, value in wanted.items())


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("nano-banana", {"num_images": 2}, "num_images", "not an input of nano-banana"),
    ("nano-banana", {"num_images": 1}, "num_images", "leave it out, and for several pictures give several prompts"),
    ("nano-banana", {"resolution": "4K"}, "resolution", "it takes mode, prompt, image_urls, aspect_ratio"),
    ("suno", {"duration": 30}, "duration", "not an input"),
    ("sora-2", {"aspect_ratio": "1:1"}, "aspect_ratio", "16:9 (landscape), 9:16 (portrait)"),
    ("sora-2-pro", {"aspect_ratio": "1:1"}, "aspect_ratio", "16:9, 9:16"),
    ("sora-2-pro", {"resolution": "4k"}, "resolution", "720p, 1080p"),
    ("nano-banana", {"aspect_ratio": "17x9"}, "aspect_ratio", "16:9"),
    ("kling-2-6", {"duration": "7s"}, "duration", "5, 10"),
    (
        "sora-2-pro",
        {"aspect_ratio": "16:9", "image_urls": urls(1)},
        "aspect_ratio",
        "not accepted when mode is image-to-video",
    ),
    ("ruxa/sora-2", {"image_urls": urls(2)}, "image_urls", "not a list"),
    ("ruxa/sora-2", {"resolution": "1080p"}, "resolution", "720p"),
    ("ruxa/sora-2", {"duration": 25}, "duration", "10, 15"),
    ("seedream-4-5", {"num_images": 11}, "num_images", "from 1 to 10"),
    ("wan-2-6-video", {"aspect_ratio": "21:9"}, "aspect_ratio", "16:9, 9:16, 1:1"),
    ("wan-2-7-image", {"aspect_ratio": "1:1"}, "aspect_ratio", "options"),
    (
        "kling-2-6",
        {"image_urls": urls(1), "aspect_ratio": "1:1"},
        "aspect_ratio",
        "not accepted when mode is image-to-video",
    ),
    ("ruxa/google/nano-banana-pro", {"image_urls": ["cat.png"]}, "image_urls.0", "URL"),
]


@pytest.mark.parametrize(("name", "arguments", "field", "says"), REFUSED, ids=[f"{row[0]}-{row[1]}" for row in REFUSED])
def test_what_a_model_cannot_take_is_told(name: str, arguments: dict[str, Any], field: str, says: str) -> None:
    model = CATALOG.find(name)
    draft = translate(model, {"prompt": "a quiet harbour", **arguments}, {})
    with pytest.raises(InvalidInput) as caught:
        validate(model, draft.values, draft.problems)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert says in problem.allowed


def test_quiet_defaults_are_told() -> None:
    draft = translate(CATALOG.find("kling-2-6"), {"prompt": "waves"}, {})
    assert draft.notes == ("duration was set to 5, sound to false, mode to text-to-video, as none was given.",)
    draft = translate(CATALOG.find("sora-2-pro"), {"prompt": "waves", "resolution": "1080p"}, {})
    assert draft.notes == (
        "size was set to 1792*1024, as resolution was given without aspect_ratio 16:9.",
        "mode was set to text-to-video, as none was given.",
    )
    said = {"prompt": "w", "mode": "text-to-video", "duration": 5, "sound": False}
    assert translate(CATALOG.find("kling-2-6"), said, {}).notes == ()


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("kling-2-1", {}, "mode was set to master-text-to-video, duration to 5, aspect_ratio to 16:9"),
        ("kling-2-5-turbo-pro", {"mode": "text-to-video"}, "duration was set to 5"),
        ("seedance-2-0", {}, "mode was set to text-to-video, duration to 5"),
        ("grok-video", {}, "mode was set to text-to-video, duration to 6, resolution to 480p"),
        ("ltx-2-19b", {"duration": 5}, "mode was set to text-to-video, resolution to 720p"),
        ("nano-banana-pro", {}, "mode was set to text-to-image, aspect_ratio to 1:1"),
        ("gpt-image-1", {}, "aspect_ratio was set to 1:1"),
    ],
)
def test_every_filled_in_value_is_told_in_one_sentence(name: str, arguments: dict[str, Any], told: str) -> None:
    notes = translate(CATALOG.find(name), {"prompt": "waves", **arguments}, {}).notes
    assert notes == (f"{told}, as none was given.",)


def test_a_mode_that_could_be_several_is_asked_for() -> None:
    model = CATALOG.find("midjourney")
    draft = translate(model, {"prompt": "a cat"}, {"taskId": "abc"})
    with pytest.raises(InvalidInput, match=r"mode: required; one of text-to-image, .*upscale"):
        validate(model, draft.values, draft.problems)
    assert translate(model, {"prompt": "a cat"}, {}).values["mode"] == "text-to-image"


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_values_of_any_type_are_answered(model: Model) -> None:
    """Options come from a language model: whatever they hold, the answer is a problem and never a crash."""
    for wrong in (5, "text", [5], {"a": 1}, [["x"]], True, None, 1.5, float("nan"), [], ""):
        options = dict.fromkeys((*model.input.names(), *COMMON_ARGUMENTS), wrong)
        draft = translate(model, {}, options)
        with contextlib.suppress(InvalidInput):
            validate(model, draft.values, draft.problems)


def test_options_are_the_models_own_names() -> None:
    model = CATALOG.find("seedream-4-5")
    draft = translate(model, {"prompt": "a cat"}, {"max_images": 4, "sequential_image_generation": "AUTO"})
    assert validate(model, draft.values, draft.problems).wire()["sequential_image_generation"] == "auto"
    assert draft.values["max_images"] == 4
    draft = translate(model, {"prompt": "a cat", "num_images": 2}, {"max_images": 4})
    (problem,) = draft.problems
    assert (problem.field, problem.given) == ("options.max_images", "4")
    assert translate(model, {"num_images": 4}, {"max_images": 4}).problems == ()
    draft = translate(model, {"prompt": "a cat"}, {"unheard_of": 1})
    with pytest.raises(InvalidInput, match="unheard_of: not an input"):
        validate(model, draft.values, draft.problems)
    open_model = CATALOG.find("midjourney")
    draft = translate(open_model, {"prompt": "a cat"}, {"style_reference": "x"})
    assert validate(open_model, draft.values, draft.problems).wire()["style_reference"] == "x"


def test_size_is_not_said_twice() -> None:
    model = CATALOG.find("sora-2-pro")
    draft = translate(model, {"prompt": "waves", "aspect_ratio": "9:16"}, {"size": "1280*720"})
    assert [problem.field for problem in draft.problems] == ["aspect_ratio"]


def test_inputs_are_named_as_the_caller_knows_them() -> None:
    assert inputs(CATALOG.find("ruxa/sora-2"))[:5] == ("prompt", "duration", "aspect_ratio", "resolution", "size")
    assert "num_images" in inputs(CATALOG.find("seedream-4-5"))
    assert inputs(CATALOG.find("nano-banana")) == ("mode", "prompt", "image_urls", "aspect_ratio", "output_format")


def test_common_arguments_of_a_model_are_listed() -> None:
    assert common(CATALOG.find("seedream-4-5"))["num_images"] == "max_images"
    assert "num_images" not in common(CATALOG.find("nano-banana"))
    assert common(CATALOG.find("ruxa/sora-2")) == {
        "prompt": "prompt",
        "image_urls": "input_reference",
        "aspect_ratio": "size",
        "resolution": "size",
        "duration": "seconds",
    }
    assert tuple(common(CATALOG.find("qwen-image"))) == COMMON_ARGUMENTS


# What each common argument is called on the wire, where it is called otherwise.
WIRE_NAMES = {
    "seedream-4-5": {"num_images": "max_images"},
    "seedream-5-0": {"num_images": "max_images"},
    "happyHorse": {"aspect_ratio": "ratio"},
    "wan-2-7-video": {"aspect_ratio": "ratio"},
    "suno": {"negative_prompt": "negativeTags"},
    "minimax-speech-2-8": {"output_format": "format"},
    "ruxa/google/nano-banana": {"aspect_ratio": "image_size"},
    "ruxa/google/nano-banana-edit": {"aspect_ratio": "image_size"},
    "ruxa/google/nano-banana-pro": {"image_urls": "image_input"},
    "ruxa/sora-2": {"image_urls": "input_reference", "duration": "seconds"},
    "ruxa/sora-2-hd": {"image_urls": "input_reference", "duration": "seconds"},
}
SHAPE = {"aspect_ratio", "resolution"}
WIRE_VALUES = {"16:9": "landscape", "9:16": "portrait"}

ARGUMENTS = st.fixed_dictionaries(
    {"prompt": st.sampled_from(["a quiet harbour", "snow on a red roof"])},
    optional={
        "image_urls": st.integers(1, 4).map(urls),
        "video_urls": st.integers(1, 2).map(lambda count: urls(count, "video_urls")),
        "audio_urls": st.integers(1, 2).map(lambda count: urls(count, "audio_urls")),
        "aspect_ratio": st.sampled_from(["1:1", "16:9", "9:16", "4:3", "21:9", "auto"]),
        "resolution": st.sampled_from(["480p", "720p", "1080P", "1k", "2K", "4K"]),
        "output_format": st.sampled_from(["png", "jpg", "jpeg", "webp", "mp3"]),
        "num_images": st.integers(1, 5),
        "duration": st.sampled_from([4, 5, 6, 8, 10, 15, "5", "10"]),
        "sound": st.booleans(),
        "negative_prompt": st.sampled_from(["blur", "text"]),
        "seed": st.integers(1, 2**31 - 1),
    },
)


def _means(wire: Any, given: Any) -> bool:
    if isinstance(wire, list) or isinstance(given, list):
        return (wire if isinstance(wire, list) else [wire]) == (given if isinstance(given, list) else [given])
    alike = {str(value).casefold().replace("jpeg", "jpg") for value in (wire, given)}
    return len(alike) == 1 or WIRE_VALUES.get(str(given)) == wire


def _fits(size: str, name: str, given: str) -> bool:
    """Whether a size in pixels has the given shape, or the given number of pixels."""
    width, height = (int(side) for side in size.replace("*", "x").split("x"))
    if name == "aspect_ratio":
        left, right = (int(side) for side in given.split(":"))
        return abs(width / height - left / right) < 0.06
    return (max(width, height) <= 1280) is (given.casefold() == "720p")


@pytest.mark.parametrize("entry", KNOWN, ids=str)
@QUICK
@given(arguments=ARGUMENTS)
def test_translating_loses_nothing(entry: Entry, arguments: dict[str, Any]) -> None:
    model = CATALOG.find(entry.id)
    draft = translate(model, arguments, {})
    refused = {problem.field for problem in draft.problems}
    try:
        wire = dict(validate(model, draft.values).wire())
    except InvalidInput:
        wire = dict(draft.values)
    for name, value in arguments.items():
        field = WIRE_NAMES.get(entry.id, {}).get(name, name)
        if name in SHAPE and model.sizes is not None and refused & SHAPE:
            continue
        if name == "sound" and value and model.sound is not None and model.sound.kind == "always":
            assert any("always makes sound" in note for note in draft.notes)
        elif name in refused:
            assert field not in wire or entry.params[field].get("default") == wire[field]
        elif "size" in wire and name in ("aspect_ratio", "resolution") and field not in wire:
            assert _fits(wire["size"], name, value)
        else:
            assert _means(wire[field], value), name
    names = {WIRE_NAMES.get(entry.id, {}).get(name, name) for name in COMMON_ARGUMENTS}
    assert refused <= set(COMMON_ARGUMENTS)
    own = set() if model.sizes is None else SHAPE
    assert not refused & names & set(entry.params) - own, "what the page names is taken"


def _values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a property's JSON Schema allows, and a few that it may not."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum", -10), schema.get("maximum", 10**6))
        case "number":
            return st.floats(schema.get("minimum", 0), schema.get("maximum", 10), allow_nan=False)
        case "boolean":
            return st.booleans()
        case "array":
            most = min(schema.get("maxItems", 3), 5)
            return st.lists(
                _values(schema.get("items", {})), min_size=min(schema.get("minItems", 0), most), max_size=most
            )
        case "object" if "properties" in schema:
            return st.fixed_dictionaries({name: _values(entry) for name, entry in schema["properties"].items()})
        case "object":
            return st.dictionaries(st.text("abc", max_size=5), st.integers(), max_size=2)
        case "string" if schema.get("format") == "uri":
            return st.integers(0, 99).map(lambda number: f"https://example.com/{number}.png")
        case _:
            return st.text(
                "ab é你🎨'\n", min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 30), 30)
            )


@pytest.mark.parametrize("entry", KNOWN, ids=str)
@QUICK
@given(data=st.data())
def test_what_validates_reads_back_equal(entry: Entry, data: st.DataObject) -> None:
    model = CATALOG.find(entry.id)
    properties = input_schema(model.input)["properties"]
    base = minimal(entry, data.draw(st.sampled_from(entry.modes)))
    names = data.draw(st.lists(st.sampled_from([*properties]), max_size=3, unique=True))
    values = {**base, **{name: data.draw(_values(properties[name])) for name in names if name != "mode"}}
    problems, checked = (), None
    try:
        checked = validate(model, values)
    except InvalidInput as error:
        problems = error.problems
    assert checked or problems
    assert all(problem.field for problem in problems)
    checked = checked or validate(model, base)
    again: ModelInput = validate(model, json.loads(json.dumps(checked.wire())))
    assert again == checked
    assert again.wire() == checked.wire()


@pytest.mark.parametrize("model", [model for model in CATALOG if model.modes], ids=lambda model: model.id)
def test_no_default_is_published_that_would_choose_in_place_of_the_inputs(model: Model) -> None:
    """A framework that sends every published default would otherwise pay for a picture that ignores its references."""
    properties = input_schema(model.input)["properties"]
    published = {name: entry["default"] for name, entry in properties.items() if "default" in entry}
    assert "mode" not in published or len(model.modes) == 1
    bare = translate(model, {}, {}).values
    arguments = {"image_urls": urls(1), "video_urls": urls(1, "video_urls")}
    with_files = translate(model, {k: v for k, v in arguments.items() if k in common(model)}, {"style": "rock"}).values
    for name, value in published.items():
        assert bare.get(name, value) == value, name
        assert with_files.get(name, value) == value, name


def test_a_default_that_is_not_published_is_told_in_words() -> None:
    for name, field, words in (
        ("nano-banana", "mode", "Left out: chosen by the inputs."),
        ("veo-3-1", "mode", "Left out: fast."),
        ("veo-3-1", "generationType", "Left out: chosen by the inputs."),
    ):
        assert words in input_schema(CATALOG.find(name).input)["properties"][field]["description"]
