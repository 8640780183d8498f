"""Models are found by what people call them."""

import subprocess
import sys

import pytest

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput
from apixo_mcp.generation import NextAction

CATALOG = Catalog()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("nano banana pro", "nano-banana-pro"),
        ("Nano_Banana-PRO", "nano-banana-pro"),
        (" seedream 4.5 ", "seedream-4-5"),
        ("flux2", "flux-2"),
        ("Flux-2 Pro", "flux-2"),
        ("wan-2-5", "wan-2-5-video"),
        ("Wan 2.6", "wan-2-6-video"),
        ("wan-2-7", "wan-2-7-video"),
        ("happyhorse", "happyHorse"),
        ("happy horse", "happyHorse"),
        ("Veo 3.1", "veo-3-1"),
        ("sora-2", "sora-2"),
        ("ruxa/sora 2", "ruxa/sora-2"),
        ("ruxa/nano-banana", "ruxa/google/nano-banana"),
        ("google/nano-banana-edit", "ruxa/google/nano-banana-edit"),
        ("ruxa/veo-3-1", "ruxa/veo3.1"),
        ("ImageUpscaler", "image-upscaler"),
    ],
)
def test_finds(name: str, wanted: str) -> None:
    assert CATALOG.find(name).id == wanted


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("sora", ["sora-2", "sora-2-pro"]),
        ("kling", ["kling-2-1", "kling-2-6"]),
        ("kling 3.0", ["kling-3-0-std", "kling-3-0-turbo"]),
        ("wan", ["wan-2-5-image", "wan-2-7-video"]),
        ("nano-bananna-2", ["nano-banana-2"]),
        ("sedream-4-5", ["seedream-4-5"]),
        ("veo 3", ["veo-3-1", "ruxa/veo3"]),
        ("gpt-4o-image", ["ruxa/gpt-4o-image"]),
    ],
)
def test_asks_with_the_nearest_ids(name: str, offered: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        CATALOG.find(name)
    (problem,) = caught.value.problems
    assert problem.field == "model"
    assert repr(name) in str(problem)
    for wanted in offered:
        assert wanted in problem.nearest


def test_asks_for_the_right_tool() -> None:
    with pytest.raises(InvalidInput, match="suno makes audio") as caught:
        CATALOG.find("suno", "image")
    assert caught.value.problems[0].next_action is NextAction.MAKE_AUDIO


def test_offers_a_part() -> None:
    part = Catalog(offered=("ruxa/*", "suno"))
    assert {model.id.split("/")[0] for model in part} == {"ruxa", "suno"}
    assert part.find("sora 2").id == "ruxa/sora-2"
    with pytest.raises(InvalidInput):
        part.find("flux-2")
    assert part.get("flux-2") is not None, "a task of a model that is no longer on offer is still followed"


def test_tells_of_an_offer_that_matches_no_model() -> None:
    part = Catalog(offered=("flux-22", "suno"))
    assert [model.id for model in part] == ["suno"]
    assert part.warnings == ("APIXO_MCP_MODELS: no model matches 'flux-22'. Did you mean flux-2?",)


def test_no_two_models_share_a_name() -> None:
    for model in CATALOG:
        assert CATALOG.find(model.id) is model
        for alias in model.aliases:
            assert CATALOG.find(alias) is model, alias
        assert CATALOG.find(model.title) is model


def test_guides_recommend_one_model_a_purpose() -> None:
    purposes = {(model.gateway, purpose): model.id for model in CATALOG for purpose in model.recommended_for}
    assert purposes == {
        ("apixo", "fast prototype"): "nano-banana",
        ("apixo", "production"): "flux-2",
        ("apixo", "high end"): "midjourney",
        ("apixo", "short video"): "wan-2-5-video",
        ("apixo", "cinematic video"): "sora-2",
        ("ruxa", "fast prototype"): "ruxa/google/nano-banana",
        ("ruxa", "high-quality image"): "ruxa/google/nano-banana-pro",
        ("ruxa", "standard-definition video"): "ruxa/sora-2",
        ("ruxa", "high-definition video"): "ruxa/sora-2-hd",
    }


def test_importing_the_registry_loads_no_family() -> None:
    script = (
        "import sys, apixo_mcp.catalog.registry, apixo_mcp.catalog.translate, apixo_mcp.catalog.validate;"
        "print([name for name in sys.modules if 'families' in name or name in ('jsonschema', 'tomllib')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("Nano Banana Pro", ["nano-banana-pro"]),
        ("HAPPYHORSE", ["happyHorse"]),
        ("wan-2-5", ["wan-2-5-video"]),
        ("seedream 4.*", ["seedream-4-5", "seedream-4-0"]),
        ("ruxa/nano-banana-2", ["ruxa/google/nano-banana-2"]),
        ("ruxa/nano-banana-pro", ["ruxa/google/nano-banana-pro"]),
        ("sora-2*", ["sora-2", "sora-2-pro"]),
    ],
)
def test_models_are_offered_by_any_of_their_names(pattern: str, ids: list[str]) -> None:
    part = Catalog(offered=(pattern,))
    assert sorted(model.id for model in part) == sorted(ids)
    assert part.warnings == ()


@pytest.mark.parametrize("pattern", ["gemini*", "Gemini*", "GEMINI *", "gemini?omni"])
def test_a_pattern_is_of_ids_alone(pattern: str) -> None:
    part = Catalog(offered=(pattern,))
    assert [model.id for model in part] == ["gemini-omni"], "the makers of Nano Bananas call them so too"
    assert part.warnings == ()
    assert [model.id for model in Catalog(offered=("gemini-2.5-flash-image",))] == ["nano-banana"]


def test_a_pattern_of_other_names_is_told_which_ids_are_meant() -> None:
    part = Catalog(offered=("gemini-2.5-flash*",))
    assert not len(part)
    (warning,) = part.warnings
    assert warning.endswith("A pattern is of ids; by other names it would be nano-banana.")


def test_says_when_nothing_is_offered() -> None:
    with pytest.raises(InvalidInput, match="no model is offered; see APIXO_MCP_MODELS"):
        Catalog(offered=("nothing",)).find("sora-2")
    with pytest.raises(InvalidInput, match="no audio model is offered; see APIXO_MCP_MODELS"):
        Catalog(offered=("sora-2",)).find("suno", "audio")


@pytest.mark.parametrize("name", ["ruxa/nano-banana-2", "ruxa/nano-banana-pro"])
def test_ruxa_models_are_found_without_their_vendor(name: str) -> None:
    assert CATALOG.find(name).id == name.replace("ruxa/", "ruxa/google/")
