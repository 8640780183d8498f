"""One model as it is described: whole, each fact once, and short."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.catalog_facts import CATALOG, KNOWN, Entry, full, minimal

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.views.faces import SHELL, TYPED_CHAT
from apixo_mcp.views.models import describe, describe_text

LIMITS = ("type", "enum", "default", "minimum", "maximum", "minItems", "maxItems", "maxLength", "pattern")
MODES = [pytest.param(entry, mode, id=f"{entry}-{mode}") for entry in KNOWN for mode in entry.modes]
FULLER = {
    "midjourney": 4811,
    "gemini-omni": 3329,
    "wan-2-6-video": 3279,
    "wan-2-5-video": 3000,
    "seedance-2-0-fast": 2920,
}
"""Bytes of the five longest descriptions when all of the inside was told too, and many a fact twice."""
FULLER_ON_AVERAGE = 2007


def schema_of(model: Model) -> dict[str, Any]:
    return describe(model)["input_schema"]


@pytest.mark.parametrize(("entry", "mode"), MODES)
def test_the_schema_that_is_shown_takes_what_the_page_takes(entry: Entry, mode: str | None) -> None:
    schema = schema_of(CATALOG.find(entry.id))
    Draft202012Validator.check_schema(schema)
    for values in (minimal(entry, mode), full(entry, mode)):
        needed = [name for name in schema.get("required", ()) if name not in values]
        sent = values | {name: schema["properties"][name].get("default") for name in needed}
        assert not list(Draft202012Validator(schema).iter_errors(sent))  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_the_schema_that_is_shown_has_every_limit_and_says_it_once(model: Model) -> None:
    shown, whole = schema_of(model), input_schema(model.input)
    assert set(shown) == set(whole)
    for name, entry in whole["properties"].items():
        brief = shown["properties"][name]
        assert {key: brief.get(key) for key in LIMITS} == {key: entry.get(key) for key in LIMITS}
        assert "nullable" not in brief
        assert "One of " not in brief.get("description", "")


def test_a_description_is_a_third_shorter_than_all_that_is_known() -> None:
    sizes = {model.id: len(describe_text(model).encode()) for model in CATALOG}
    average = sum(sizes.values()) / len(sizes)
    print(f"\n{'model':<20} {'fuller':>6} {'now':>6}")
    for name, fuller in (*FULLER.items(), ("on average", FULLER_ON_AVERAGE)):
        print(f"{name:<20} {fuller:>6} {sizes.get(name, average):>6.0f}")
    assert average <= FULLER_ON_AVERAGE * 2 / 3
    assert {name for name, fuller in FULLER.items() if sizes[name] > fuller * 2 / 3} == set()


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_a_description_tells_nothing_of_the_inside_and_nothing_twice(model: Model) -> None:
    made, _, text = describe_text(model).partition("\n")
    told = json.loads(text)
    for hidden in (*model.sources, model.schedule.source):
        assert hidden not in text
    assert model.title in made
    assert not {"title", "vendor", "tool", "modality", "gateway", "schedule", "sources", "modes"} & set(told)
    assert all(name != field for name, field in told.get("common_arguments", {}).items())


def test_a_shell_is_shown_what_is_behind_a_model_too() -> None:
    told = describe(CATALOG.find("seedream-4-5"), SHELL)
    assert told["schedule"]["first_poll_s"] == 20
    assert told["result_urls_live_hours"] == 24
    assert told["sources"]
    assert told["command"] == "apixo-mcp generate"


def test_where_tools_are_typed_a_model_is_described_with_its_own() -> None:
    assert describe_text(CATALOG.find("suno"), TYPED_CHAT).startswith("Suno by Suno, made with generate_suno.\n")
