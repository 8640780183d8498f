"""What is made from a picture keeps the picture's shape, whatever the model, unless the caller asks for another."""

from dataclasses import replace
from typing import Any

import pytest
from support.catalog_facts import CATALOG, urls

from apixo_mcp.catalog.custom import load_custom
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema, picture_fields
from apixo_mcp.catalog.shapes import SHAPE_FIELDS, PictureSize, shape_field
from apixo_mcp.catalog.translate import complete, spell, translate
from apixo_mcp.catalog.validate import validate

WIDE, TALL, SQUARE = PictureSize(1200, 800), PictureSize(900, 1600), PictureSize(1000, 1000)
PICTURES = [model for model in CATALOG if picture_fields(model.input)]
SAYS_SHAPE = [model for model in PICTURES if shape_field(model)]

# model, mode: what is sent for a picture of 3:2, 9:16 and 1:1, and for one whose size is not known. None: nothing.
SENT: dict[tuple[str, str], tuple[str | None, ...]] = {
    ("nano-banana", ""): ("auto", "auto", "auto", "auto"),
    ("nano-banana-pro", ""): ("3:2", "9:16", "1:1", "auto"),
    ("nano-banana-2", ""): ("auto", "auto", "auto", "auto"),
    ("ruxa/google/nano-banana-edit", ""): ("3:2", "9:16", "1:1", "auto"),
    ("ruxa/google/nano-banana-pro", ""): ("auto", "auto", "auto", "auto"),
    ("flux-2", ""): ("auto", "auto", "auto", "auto"),
    ("flux-2", "flex-image-to-image"): ("auto", "auto", "auto", "auto"),
    # The page requires a ratio and names no auto: where the size is not known the default is sent, and told.
    ("flux-kontext", ""): ("4:3", "9:16", "1:1", "16:9"),
    ("gpt-image-1", ""): ("3:2", "2:3", "1:1", "1:1"),
    ("gpt-image-2", ""): ("auto", "auto", "auto", "auto"),
    ("grok-image", ""): (None, None, None, None),
    ("midjourney", ""): ("3:2", "9:16", "1:1", None),
    ("midjourney", "image-edit"): (None, None, None, None),
    ("minimax-image-01", ""): ("3:2", "9:16", "1:1", None),
    ("seedream-4-5", ""): ("3:2", "9:16", "1:1", None),
    ("seedream-5-0", ""): ("3:2", "9:16", "1:1", None),
    ("wan-2-5-image", ""): ("3:2", "9:16", "1:1", None),
    ("wan-2-6-image", ""): (None, None, None, None),
    ("sora-2", ""): ("landscape", "portrait", "landscape", None),
    ("sora-2-pro", ""): (None, None, None, None),
    ("ruxa/sora-2", ""): ("1280x720", "720x1280", "1280x720", None),
    ("ruxa/sora-2-hd", ""): ("1280x720", "720x1280", "1280x720", None),
    ("veo-3-1", ""): ("auto", "auto", "auto", "auto"),
    ("kling-2-1", ""): (None, None, None, None),
    ("kling-2-1", "master-image-to-video"): (None, None, None, None),
    ("kling-2-5-turbo-pro", ""): (None, None, None, None),
    ("kling-2-6", ""): (None, None, None, None),
    ("kling-3-0-std", ""): (None, None, None, None),
    ("kling-3-0-turbo", ""): (None, None, None, None),
    ("seedance-1-5-pro", ""): ("4:3", "9:16", "1:1", None),
    ("seedance-2-0", ""): ("auto", "auto", "auto", "auto"),
    ("seedance-2-0", "omni_reference"): ("auto", "auto", "auto", "auto"),
    ("seedance-2-0-fast", ""): ("auto", "auto", "auto", "auto"),
    ("seedance-2-0-mini", ""): ("auto", "auto", "auto", "auto"),
    ("wan-2-5-video", ""): (None, None, None, None),
    ("wan-2-6-video", ""): (None, None, None, None),
    ("wan-2-6-video", "reference-to-video"): ("1088*832", "720*1280", "960*960", None),
    ("wan-2-7-video", ""): (None, None, None, None),
    ("wan-2-7-video", "reference-to-video"): ("4:3", "9:16", "1:1", None),
    ("happyHorse", ""): (None, None, None, None),
    ("happyHorse", "reference-to-video"): ("4:3", "9:16", "1:1", None),
    ("vidu-q3", ""): (None, None, None, None),
    ("grok-video", ""): ("3:2", "9:16", "1:1", None),
    ("ltx-2-19b", ""): (None, None, None, None),
    ("gemini-omni", ""): ("16:9", "9:16", "16:9", None),
}
NEEDED = {"flux-kontext": "16:9", "gpt-image-1": "1:1"}


def edit(model: Model, size: PictureSize | None, mode: str = "", **given: Any) -> tuple[dict[str, Any], str]:
    arguments = {"prompt": "the same at night", **given} | ({"mode": mode} if mode else {})
    options = {} if given.keys() & {"image_urls"} else {_field(model): urls(1)[0]}
    draft = translate(model, arguments, options, size)
    return validate(model, draft.values, draft.problems).wire(), " ".join(draft.notes)


def _field(model: Model) -> str:
    return next(name for name in model.input.names() if name in picture_fields(model.input))


@pytest.mark.parametrize(("name", "mode"), SENT, ids=[f"{name}-{mode or 'inferred'}" for name, mode in SENT])
def test_what_is_sent_for_each_shape_of_picture(name: str, mode: str) -> None:
    model = CATALOG.find(name)
    for size, wanted in zip((WIDE, TALL, SQUARE, None), SENT[name, mode], strict=True):
        wire, notes = edit(model, size, mode)
        assert wire.get(shape_field(model)) == wanted, size
        if wanted is None:
            assert ("aspect_ratio was left out, as" in notes) is (size is None and any(SENT[name, mode]))
        elif size is not None and wanted != "auto":
            assert f"was set to {wanted}, the nearest to the picture's {size}." in notes
        else:
            assert f"was set to {wanted}, " in notes


def test_the_table_has_every_model_that_takes_pictures_and_says_a_shape() -> None:
    assert {name for name, _ in SENT} == {model.id for model in SAYS_SHAPE}


@pytest.mark.parametrize("model", PICTURES, ids=lambda model: model.id)
def test_no_default_of_a_shape_is_sent_with_a_picture(model: Model) -> None:
    """A picture of 1:30 is near no default: whatever shape is sent must have been chosen for it."""
    field = shape_field(model)
    defaults = {*model.input.sent_defaults().items(), *model.quiet_defaults.items()} if field else set()
    for mode in [mode for mode in model.modes or ("",) if not mode.startswith("text") and "-text" not in mode]:
        arguments = {"prompt": "the same at night", "image_urls": urls(1)} | ({"mode": mode} if mode else {})
        if "prompt" not in model.input.names():
            del arguments["prompt"]
        for size in (PictureSize(100, 3000), None):
            draft = translate(model, arguments, {}, size)
            sent = draft.values.get(field, model.input.sent_defaults().get(field))
            if sent is None or sent == "auto":
                continue
            if size is None:
                assert NEEDED.get(model.id) == sent
                assert "as the picture's size is not known here and one is required" in draft.notes[0]
            else:
                assert "the nearest to the picture's 100x3000" in draft.notes[0]
                assert sent != dict(defaults).get(field)


@pytest.mark.parametrize("model", SAYS_SHAPE, ids=lambda model: model.id)
def test_what_the_caller_asks_for_is_sent(model: Model) -> None:
    for mode in [mode for mode in model.modes or ("",) if not mode.startswith("text") and "-text" not in mode]:
        field = shape_field(model)
        for choice in map(str, model.input.choices(field) or ("21:9",)):
            options = {_field(model): urls(1)[0], field: choice} | ({"mode": mode} if mode else {})
            draft = translate(model, {"prompt": "x"}, options, TALL)
            assert draft.values[field] == choice
            assert not any("picture" in note for note in draft.notes)


def test_without_a_picture_everything_is_as_it_was() -> None:
    assert translate(CATALOG.find("nano-banana"), {"prompt": "x"}, {}).notes == (
        "mode was set to text-to-image, aspect_ratio to 1:1, as none was given.",
    )
    assert translate(CATALOG.find("sora-2"), {"prompt": "x"}, {}).values == {"prompt": "x", "mode": "text-to-video"}


def test_a_resolution_alone_takes_the_shape_of_the_picture() -> None:
    model = CATALOG.find("ruxa/sora-2-hd")
    wire, notes = edit(model, TALL, resolution="1080P")
    assert wire["size"] == "1024x1792"
    assert "size was set to 1024x1792, the nearest to the picture's 900x1600." in notes
    draft = translate(model, {"prompt": "x", "resolution": "1080p", "image_urls": urls(1)}, {}, None)
    assert [(problem.field, problem.allowed.partition(",")[0]) for problem in draft.problems] == [
        ("aspect_ratio", "required with resolution")
    ]
    wrong = translate(model, {"prompt": "x", "resolution": "4k", "image_urls": urls(1)}, {}, TALL)
    assert [problem.field for problem in wrong.problems] == ["resolution"]
    wan = translate(CATALOG.find("wan-2-6-video"), {"prompt": "x", "resolution": "1080p", "image_urls": urls(2)}, {})
    assert (wan.values.get("resolution"), wan.values.get("size"), wan.problems) == ("1080p", None, ())


def test_the_size_in_pixels_says_the_shape_too() -> None:
    for name, size in (("seedream-4-5", "2048x1024"), ("minimax-image-01", "1280*720")):
        draft = translate(CATALOG.find(name), {"prompt": "x", "image_urls": urls(1)}, {"size": size}, TALL)
        assert "aspect_ratio" not in draft.values


def test_where_only_one_shape_is_taken_that_is_told() -> None:
    draft = translate(CATALOG.find("veo-3-1"), {"prompt": "x", "image_urls": urls(3)}, {}, TALL)
    assert "aspect_ratio" not in draft.values
    assert draft.notes[0] == "aspect_ratio can only be 16:9 here, whatever the picture's shape."


def test_an_own_name_of_a_size_is_filled_in_by_the_models_table() -> None:
    """Where a caller speaks of all inputs by the model's own names, as in a tool of its own."""
    model = CATALOG.find("ruxa/sora-2-hd")
    own = replace(model, spelling={}, sizes=None)
    spelt = spell(own, {}, {"prompt": "x", "input_reference": urls(1)[0]})
    assert complete(own, spelt, TALL, model.sizes).values["size"] == "720x1280"


def test_a_picture_under_a_name_that_no_page_shows_counts() -> None:
    model = CATALOG.find("ruxa/google/nano-banana-edit")
    for options in ({"image_url": urls(1)[0]}, {"picture": "task:tsk_x/0"}, {"input_images": urls(2)}):
        assert translate(model, {"prompt": "x"}, options, WIDE).values["image_size"] == "3:2"


def test_the_picture_of_an_earlier_task_counts() -> None:
    draft = translate(CATALOG.find("grok-video"), {"prompt": "x"}, {"task_id": "tsk_x", "index": 2}, TALL)
    assert draft.values["aspect_ratio"] == "9:16"


@pytest.mark.parametrize("model", PICTURES, ids=lambda model: model.id)
def test_no_default_of_a_shape_is_published_to_be_filled_in_by_clients(model: Model) -> None:
    properties = input_schema(model.input)["properties"]
    for name in SHAPE_FIELDS:
        assert "default" not in properties.get(name, {})


def test_a_model_of_the_users_own_keeps_the_shape_too(tmp_path: Any) -> None:
    path = tmp_path / "models.toml"
    path.write_text("""
        [models.mine]
        gateway = "apixo"
        modality = "image"
        quiet_defaults = { aspect_ratio = "1:1" }
        [models.mine.input]
        type = "object"
        [models.mine.input.properties]
        prompt = { type = "string" }
        image_urls = { type = "array", items = { type = "string" } }
        aspect_ratio = { type = "string", enum = ["1:1", "2:3", "3:2"], default = "1:1" }
    """)
    (model,) = load_custom(path)
    given = {"prompt": "x", "image_urls": urls(1)}
    assert translate(model, given, {}, WIDE).values["aspect_ratio"] == "3:2"
    assert "as the picture's size is not known" in translate(model, given, {}, None).notes[0]
    assert translate(model, {"prompt": "x"}, {}).values["aspect_ratio"] == "1:1"
    assert "default" not in input_schema(model.input)["properties"]["aspect_ratio"]
