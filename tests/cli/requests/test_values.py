"""`--set NAME=VALUE`, read as the model takes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.requests.values import named, values_of

CATALOG = Catalog()


def read(model: str, *entries: str) -> tuple[dict[str, Any], list[str]]:
    values, problems = values_of(CATALOG.find(model), named(entries))
    return values, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("model", "entries", "values"),
    [
        ("nano-banana", ["aspect_ratio=16:9"], {"aspect_ratio": "16:9"}),
        ("nano-banana", ["prompt=123"], {"prompt": "123"}),
        ("nano-banana", ["prompt=[1] and = more"], {"prompt": "[1] and = more"}),
        ("nano-banana", ["image_urls=https://a/1.png"], {"image_urls": ["https://a/1.png"]}),
        (
            "nano-banana",
            ["image_urls=https://a/1", "image_urls=https://a/2"],
            {"image_urls": ["https://a/1", "https://a/2"]},
        ),
        ("nano-banana", ['image_urls=["https://a/1", "https://a/2"]'], {"image_urls": ["https://a/1", "https://a/2"]}),
        (
            "nano-banana",
            ["image_urls=https://a/1", 'image_urls=["https://a/2"]'],
            {"image_urls": ["https://a/1", "https://a/2"]},
        ),
        ("seedream-4-5", ["max_images=2"], {"max_images": 2}),
    ],
)
def test_a_value_is_read_as_meant(model: str, entries: list[str], values: dict[str, Any]):
    assert read(model, *entries) == (values, [])


@pytest.mark.parametrize(
    ("model", "entries", "problem"),
    [
        (
            "nano-banana",
            ["aspect_ratio=1:1", "aspect_ratio=16:9"],
            "aspect_ratio: given several times, and it takes one",
        ),
        ("nano-banana", ["prompt=a", "prompt=a"], "prompt: given several times"),
        ("nano-banana", ["image_urls=[https://a/1"], "image_urls: is not a JSON list"),
        ("nano-banana", ["aspectratio=1:1"], "Did you mean aspect_ratio?"),
        ("nano-banana", ["image_url=https://a/1"], "Did you mean image_urls?"),
        ("ruxa/sora-2", ["nonsense=null"], ""),
        ("suno", ["sound=on"], "sound: not an input of suno"),
    ],
)
def test_a_value_that_cannot_be_meant(model: str, entries: list[str], problem: str):
    _, problems = read(model, *entries)
    assert problem in " ".join(problems)


@pytest.mark.parametrize("word", ["true", "True", "on", "yes", "1"])
def test_a_flag_in_any_word(word: str):
    found = [
        (model.id, name)
        for model in CATALOG
        for name, entry in model.input.model_json_schema().get("properties", {}).items()
        if entry.get("type") == "boolean"
    ]
    assert found
    model, name = found[0]
    assert read(model, f"{name}={word}") == ({name: True}, [])


@given(st.sampled_from([model.id for model in CATALOG]), st.data())
def test_any_text_is_a_value_or_a_problem(model: str, data: st.DataObject):
    properties = [*CATALOG.find(model).input.names(), "prompt", "image_urls", "colour"]
    name = data.draw(st.sampled_from(properties))
    texts = data.draw(
        st.lists(st.text() | st.sampled_from(["[" * 100_000, "9" * 5000, "NaN", "null", "{}", "[1", "1e999"]))
    )
    values, problems = read(model, *(f"{name}={text}" for text in texts))
    assert not texts or len(values) + len(problems) == 1
    json.dumps(values)
