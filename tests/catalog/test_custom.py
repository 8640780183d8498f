"""A user's own models: added, overridden, checked; a broken file is told and changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from apixo_mcp.catalog.custom import load_custom
from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema import input_schema, media_fields
from apixo_mcp.catalog.translate import inputs, translate
from apixo_mcp.catalog.validate import validate
from apixo_mcp.errors import InvalidInput, SettingsError

TOML = """
[models."dream-9"]
gateway = "apixo"
modality = "image"
title = "Dream 9"
aliases = ["dream nine"]
schedule = { first_wait = 4, interval = 2, maximum = 90 }
spelling = { num_images = "count", image_urls = "pictures" }
quiet_defaults = { count = 1 }

[models."dream-9".input]
required = ["prompt"]
additionalProperties = false

[models."dream-9".input.properties]
prompt = { type = "string", maxLength = 20 }
mode = { enum = ["text-to-image", "image-to-image"] }
count = { type = "integer", minimum = 1, maximum = 4 }
ratio = { "$ref" = "#/$defs/ratio" }
pictures = { type = "array", items = { type = "string", format = "uri" }, maxItems = 2 }

[models."dream-9".input."$defs"]
ratio = { enum = ["1:1", "16:9"] }

[models."ruxa/new-thing"]
gateway = "ruxa"
modality = "video"

[models."nano-banana"]
schedule = { maximum = 500 }

[models."suno"]
input = "any"
"""


def write(folder: Path, text: str, name: str = "models.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(extra=load_custom(write(tmp_path, TOML)))


def test_adds_a_model_with_a_schema(catalog: Catalog) -> None:
    model = catalog.find("Dream Nine", "image")
    assert (model.id, model.wire_id, model.gateway, model.facts) == ("dream-9", "dream-9", "apixo", "full")
    assert (model.schedule.first_wait, model.schedule.interval, model.schedule.maximum) == (4, 2, 90)
    assert model.modes == ("text-to-image", "image-to-image")
    assert inputs(model) == ("prompt", "mode", "num_images", "ratio", "image_urls")
    assert media_fields(model.input) == {"pictures"}
    assert "$ref" not in json.dumps(input_schema(model.input))
    draft = translate(model, {"prompt": "a cat", "image_urls": ["https://example.com/a.png"]}, {"ratio": "16:9"})
    assert draft.notes == ("count was set to 1, mode to image-to-image, as none was given.",)
    assert validate(model, draft.values, draft.problems).wire() == {
        "prompt": "a cat",
        "pictures": ["https://example.com/a.png"],
        "ratio": "16:9",
        "mode": "image-to-image",
        "count": 1,
    }


def test_holds_its_inputs_to_the_schema(catalog: Catalog) -> None:
    model = catalog.find("dream-9")
    wrong = {"count": 9, "ratio": "2:1", "extra": True, "pictures": [5]}
    with pytest.raises(InvalidInput) as caught:
        validate(model, wrong)
    told = {problem.field: str(problem) for problem in caught.value.problems}
    assert set(told) == {"prompt", "num_images", "ratio", "extra", "image_urls.0"}
    assert "required" in told["prompt"]
    assert "at most 4" in told["num_images"]
    assert "9" in told["num_images"]
    assert "1:1, 16:9" in told["ratio"]
    assert "it takes prompt, mode" in told["extra"]
    with pytest.raises(InvalidInput, match="prompt: at most 20 characters"):
        validate(model, {"prompt": "x" * 21})
    assert translate(model, {"prompt": "a cat", "duration": 5}, {}).problems[0].field == "duration"


def test_adds_a_pass_through_and_overrides(catalog: Catalog) -> None:
    new = catalog.find("ruxa/New Thing", "video")
    assert (new.id, new.wire_id, new.input, new.facts) == ("ruxa/new-thing", "new-thing", AnyInput, "none")
    assert validate(new, {"anything": 1}).wire() == {"anything": 1}
    builtin = Catalog().find("nano-banana")
    changed = catalog.find("nano-banana")
    assert changed.schedule.maximum == 500
    assert (changed.schedule.interval, changed.input, changed.title) == (3, builtin.input, "Nano Banana")
    assert builtin.schedule.maximum == 120
    suno = catalog.find("suno")
    assert (suno.input, suno.infer, suno.modality) == (AnyInput, None, "audio")
    assert len(catalog) == len(Catalog()) + 2


def test_reads_json_too(tmp_path: Path) -> None:
    entry = {"gateway": "apixo", "modality": "audio", "input": {"properties": {"text": {"type": "string"}}}}
    (model,) = load_custom(write(tmp_path, json.dumps({"models": {"speech-1": entry}}), "models.json"))
    assert (model.id, model.modality, model.schedule.first_wait) == ("speech-1", "audio", 30)
    assert validate(model, {"text": "hello", "more": 1}).wire() == {"text": "hello", "more": 1}


def _entry(**fields: Any) -> dict[str, Any]:
    return {"gateway": "apixo", "modality": "image"} | fields


BROKEN: list[tuple[Any, list[str]]] = [
    ({"model": {}}, ["models"]),
    ([], ["models"]),
    ({"models": {"x": 1}}, ['models."x"', "table"]),
    ({"models": {"x": {"modality": "image"}}}, ['models."x"', "gateway", "apixo, ruxa"]),
    ({"models": {"x": {"gateway": "apixo"}}}, ['models."x"', "modality", "image, video, audio"]),
    ({"models": {"x": _entry(gateway="ruxa")}}, ['models."x"', "ruxa/"]),
    ({"models": {"ruxa/x": _entry()}}, ['models."ruxa/x"', "ruxa/"]),
    ({"models": {"": _entry()}}, ["id"]),
    ({"models": {"x": _entry(shedule={})}}, ['models."x"', "shedule", "schedule"]),
    ({"models": {"x": _entry(schedule=5)}}, ["schedule", "table"]),
    ({"models": {"x": _entry(schedule={"first": 5})}}, ["schedule.first", "first_wait"]),
    ({"models": {"x": _entry(schedule={"interval": 0})}}, ["schedule.interval", "above 0"]),
    ({"models": {"x": _entry(schedule={"interval": "3"})}}, ["schedule.interval", "seconds"]),
    ({"models": {"x": _entry(input="all")}}, ["input", "any"]),
    ({"models": {"x": _entry(input={"type": "array"})}}, ["input", "object"]),
    ({"models": {"x": _entry(input={"properties": {"a": {"type": "text"}}})}}, ["input", "properties.a.type", "text"]),
    ({"models": {"x": _entry(input={"properties": {"a": {"$ref": "https://x.y/z"}}})}}, ["input", "https://x.y/z"]),
    ({"models": {"x": _entry(input={"properties": {"a": {"$ref": "#/$defs/b"}}})}}, ["input", "#/$defs/b"]),
    ({"models": {"x": _entry(spelling={"shape": "ratio"})}}, ["spelling.shape", "aspect_ratio"]),
    ({"models": {"x": _entry(spelling={"seed": 1})}}, ["spelling.seed", "text"]),
    ({"models": {"x": _entry(aliases="y")}}, ["aliases", "list"]),
    ({"models": {"x": _entry(title="")}}, ["title", "text"]),
    ({"models": {"x": _entry(quiet_defaults=[1])}}, ["quiet_defaults", "table"]),
]


@pytest.mark.parametrize(("document", "says"), BROKEN, ids=[str(row[0]) for row in BROKEN])
def test_a_broken_file_is_told(tmp_path: Path, document: Any, says: list[str]) -> None:
    path = write(tmp_path, json.dumps(document), "models.json")
    with pytest.raises(SettingsError) as caught:
        load_custom(path)
    for words in (str(path), *says):
        assert words in str(caught.value)


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_custom(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_custom(write(tmp_path, "[models"))
    with pytest.raises(SettingsError, match="not valid JSON"):
        load_custom(write(tmp_path, "{", "models.json"))


def test_a_schema_that_holds_itself_is_told_flat(tmp_path: Path) -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}}
    schema = {"properties": {"tree": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}}
    (model,) = load_custom(write(tmp_path, json.dumps({"models": {"x": _entry(input=schema)}}), "models.json"))
    assert input_schema(model.input)["properties"]["tree"]["properties"]["child"]["type"] == "object"
    with pytest.raises(InvalidInput, match=r"tree\.child"):
        validate(model, {"tree": {"child": 5}})


def test_a_file_that_begins_with_a_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text('[models."dream-9"]\ngateway = "apixo"\nmodality = "image"\n', "utf-8-sig")
    assert [model.id for model in load_custom(path)] == ["dream-9"]


def test_a_file_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    entry = '{"models": {"x": {"gateway": "apixo", "modality": "image", "input": {"properties": %s}}}}'
    for text in ('{"models":' * 100_000, entry % ('{"a": {"properties": ' * 300 + "{}" + "}}" * 300)):
        with pytest.raises(SettingsError, match=r"models\.json is nested too deeply"):
            load_custom(write(tmp_path, text, "models.json"))


@pytest.mark.parametrize(("first", "second"), [("a.b", "a-b"), ("sora.2", "sora-2"), ("ruxa/x", "ruxa-x")])
def test_ids_that_look_alike_are_refused(tmp_path: Path, first: str, second: str) -> None:
    def entry(name: str) -> dict[str, Any]:
        return _entry(gateway="ruxa" if name.startswith("ruxa/") else "apixo")

    text = json.dumps({"models": {second: entry(second), first: entry(first)}})
    with pytest.raises(SettingsError, match="rename it"):
        load_custom(write(tmp_path, text, "models.json"))


def test_a_list_that_may_be_null_is_a_list(tmp_path: Path) -> None:
    texts = {"type": ["array", "null"], "items": {"type": "string", "format": "uri"}}
    text = json.dumps({"models": {"x": _entry(input={"properties": {"pictures": texts}})}})
    (model,) = load_custom(write(tmp_path, text, "models.json"))
    assert input_schema(model.input)["properties"]["pictures"]["type"] == "array"
    assert translate(model, {}, {"pictures": "https://example.com/a.png"}).values == {
        "pictures": ["https://example.com/a.png"]
    }
    assert validate(model, {"pictures": ["https://example.com/a.png"]}).wire()
