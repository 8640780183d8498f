"""What holds for every input class: flat schemas, told limits, covered rules."""

import json
import subprocess
import sys
from typing import Any

import pytest
from support.catalog_facts import CATALOG, KNOWN, LIMITS

from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema, media_fields
from apixo_mcp.catalog.translate import inputs
from apixo_mcp.catalog.validate import nearest, validate
from apixo_mcp.errors import InvalidInput

EVERY = list(CATALOG)
NOT_FLAT = {"$ref", "$defs", "definitions", "oneOf", "anyOf", "allOf", "const"}


def _keys(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set(node).union(*(_keys(value) for value in node.values())) if node else set()
    return set().union(*(_keys(value) for value in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.id)
def test_schema_is_flat(model: Model) -> None:
    schema = input_schema(model.input)
    assert not NOT_FLAT & _keys(schema)
    assert schema["type"] == "object"
    assert tuple(schema["properties"]) == model.input.names()
    assert schema["additionalProperties"] is model.input.is_open()
    json.dumps(schema)


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.id)
def test_the_limits_of_a_field_are_those_of_its_schema(model: Model) -> None:
    for name, entry in input_schema(model.input)["properties"].items():
        limits = {key: entry[key] for key in ("enum", "minimum", "maximum", "maxItems") if key in entry}
        assert model.input.limits(name) == limits, name
    assert model.input.limits("no such field") == {}


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.id)
def test_the_fields_of_files_are_those_whose_schema_says_so(model: Model) -> None:
    properties = input_schema(model.input)["properties"]
    told = {
        name
        for name, entry in properties.items()
        if "uri" in (entry.get("format"), entry.get("items", {}).get("format"))
    }
    assert model.input.file_fields() == told


def test_listing_the_models_builds_no_validator() -> None:
    """Sixty of them take a tenth of a second, for which the first call after a start would wait."""
    code = (
        "from apixo_mcp.catalog.registry import Catalog; from apixo_mcp.views.model_list import list_text\n"
        "catalog = Catalog(); list_text(catalog, '', '')\n"
        "print([model.id for model in catalog if model.input.__pydantic_complete__])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.id)
def test_schema_tells_the_limits(model: Model) -> None:
    schema = input_schema(model.input)
    for name, entry in schema["properties"].items():
        told = entry.get("description", "")
        for choice in entry.get("enum", []):
            assert str(choice) in told, name
        for key in ("minimum", "maximum", "maxItems", "maxLength"):
            if key in entry:
                assert str(entry[key]) in told, name
    for rule in model.input.RULES:
        assert rule.text in schema["description"]
    if model.input.is_open():
        assert (model.input.__doc__ or "").rstrip(".") in schema["description"]


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_schema_limits_are_the_documented_ones(entry: Any) -> None:
    model = CATALOG.get(entry.id)
    assert model is not None
    properties = input_schema(model.input)["properties"]
    for name, fact in entry.params.items():
        if fact.get("name_unknown"):
            continue
        shown = properties[name]
        for key, theirs in (
            *(("minimum", "min"), ("maximum", "max"), ("minItems", "min_items"), ("maxItems", "max_items")),
            *(("maxLength", "max_length"), ("enum", "enum")),
        ):
            if theirs == "max_length" and name == "prompt":
                assert shown["maxLength"] == fact.get("max_length", 5000)
            elif theirs == "min_items":
                # A list that is given at all holds something, documented or not.
                assert shown.get(key, 0) in (fact.get(theirs, 0), 1)
            elif key == "enum":
                assert sorted(shown.get(key, [])) == sorted(fact.get(theirs, [])), name
            else:
                assert shown.get(key) == fact.get(theirs), (name, key)


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_every_rule_is_covered_by_a_limit(entry: Any) -> None:
    model = CATALOG.get(entry.id)
    assert model is not None
    broken = [limit.values for limit in LIMITS if limit.entry is entry]
    for index, rule in enumerate(model.input.RULES):
        others = model.input.RULES[:index] + model.input.RULES[index + 1 :]
        for values in broken:
            full = model.input.defaults() | dict(values)
            try:
                if rule.check(full) and not any(other.check(full) for other in others):
                    break
            except (TypeError, AttributeError):
                continue
        else:
            pytest.fail(f"no documented limit is held by this rule alone: {rule.text}")


def test_pictures_sounds_and_videos_are_known_as_files() -> None:
    def files(name: str) -> set[str]:
        model = CATALOG.get(name)
        assert model is not None
        return set(media_fields(model.input))

    assert files("nano-banana") == {"image_urls"}
    assert files("seedance-2-0") == {"image_urls", "video_urls", "audio_urls"}
    assert files("ruxa/sora-2") == {"input_reference", "character_url"}
    assert files("flux-kontext") == {"image_urls", "image_url"}
    assert files("suno") == set()
    # Where nothing is documented, the common names mean files all the same.
    assert files("qwen-image") == {"image_urls", "video_urls", "audio_urls"}


def test_unknown_field_is_refused_with_the_nearest() -> None:
    model = CATALOG.find("seedream-4-5")
    with pytest.raises(InvalidInput) as caught:
        validate(model, {"prompt": "a cat", "max_image": 2})
    (problem,) = caught.value.problems
    assert problem.field == "max_image"
    assert problem.nearest == "max_images"
    assert "num_images" in problem.allowed


def test_all_problems_are_told_at_once() -> None:
    model = CATALOG.find("kling-2-6")
    with pytest.raises(InvalidInput) as caught:
        validate(model, {"mode": "image-to-video", "prompt": "", "duration": 7, "aspect_ratio": "2:1"})
    assert {problem.field for problem in caught.value.problems} >= {"prompt", "duration", "sound", "aspect_ratio"}
    assert "image_urls: required when mode is image-to-video" in str(caught.value)
    assert "Did you mean 5?" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "choices", "wanted"),
    [
        (7, (4, 8, 12), "8"),
        ("9", (5, 10), "10"),
        ("2:1", ("1:1", "16:9", "9:16"), "16:9"),
        ("4k", ("480p", "720p", "1080p"), "1080p"),
        ("720p", ("1K", "2K"), "1K"),
        ("pngg", ("png", "jpeg"), "png"),
        ("text-to-vidoe", ("text-to-video", "image-to-video"), "text-to-video"),
        ("quite other", ("a", "b"), ""),
        (None, ("16:9",), ""),
    ],
)
def test_nearest_choice(value: Any, choices: tuple[Any, ...], wanted: str) -> None:
    assert nearest(value, choices) == wanted


def test_undocumented_model_passes_everything_on() -> None:
    model = CATALOG.find("qwen-image")
    assert model.input is AnyInput
    values = {"prompt": "a cat", "anything": [1, {"deep": True}], "image_urls": ["https://example.com/a.png"]}
    assert validate(model, values).wire() == values
    assert inputs(model) == ("prompt",)


def test_an_input_cannot_be_changed() -> None:
    model = CATALOG.find("nano-banana")
    checked = validate(model, {"prompt": "a cat"})
    with pytest.raises(ValueError, match="frozen"):
        setattr(checked, "prompt", "a dog")  # noqa: B010


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.id)
def test_a_number_with_underscores_is_refused_and_not_read_as_ten(model: Model) -> None:
    numbers = [
        name
        for name, entry in input_schema(model.input)["properties"].items()
        if entry.get("type") in ("integer", "number") and "enum" not in entry
    ]
    for name in numbers:
        for text in ("1_0", "1_0.0", " +1_0 "):
            with pytest.raises(InvalidInput) as refused:
                validate(model, {name: text})
            assert "number" in str(refused.value), (name, str(refused.value))
