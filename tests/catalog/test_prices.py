"""Prices are estimates: dated, by the input, and unknown where nothing is known."""

from pathlib import Path
from typing import Any

import pytest
from support.asking import submit

from apixo_mcp.app import open_app
from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.prices import estimate, load_prices, price_line
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput, SettingsError
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest
from apixo_mcp.tasks.owner import LOCAL

CATALOG = Catalog()


@pytest.mark.parametrize(
    ("name", "values", "usd"),
    [
        ("nano-banana", {}, 0.03),
        ("seedream-4-5", {}, 0.04),
        ("seedream-4-5", {"max_images": 3}, 0.12),
        ("seedream-4-5", {"max_images": "4"}, 0.16),
        ("gpt-image-1", {"num_images": 4}, 0.14),
        ("gpt-image-2", {}, 0.02),
        ("gpt-image-2", {"resolution": "4k"}, None),
        ("flux-kontext", {"mode": "max"}, 0.06),
        ("flux-kontext", {}, None),
        ("midjourney", {}, 0.10),
        ("midjourney", {"speed": "turbo"}, 0.20),
        ("midjourney", {"speed": "draft"}, None),
        ("veo-3-1", {"mode": "fast"}, 0.20),
        ("veo-3-1", {}, 1.50),
        ("wan-2-5-video", {"resolution": "1080p", "duration": 10}, 1.30),
        ("wan-2-5-video", {"resolution": "1080p"}, None),
        ("wan-2-5-video", {"resolution": "480p", "duration": 10}, None),
        ("infinitetalk", {"resolution": "480p"}, None),
        ("suno", {"mode": "V5"}, 0.12),
        ("nano-banana-pro", {}, None),
        ("ruxa/sora-2", {"seconds": "10"}, None),
    ],
)
def test_estimates(name: str, values: dict[str, Any], usd: float | None) -> None:
    assert estimate(CATALOG.find(name), values) == (None if usd is None else pytest.approx(usd))


def test_every_price_is_dated() -> None:
    priced = [(model, price) for model in CATALOG for price in model.prices]
    assert len({model.id for model, _ in priced}) == 12
    for model, price in priced:
        assert price.seen, model.id
        assert price.usd > 0
        assert set(price.when) <= set(model.input.names())


def test_own_prices_take_the_place_of_the_catalogs(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        '[prices."seedream-4-5"]\nusd = 0.01\nper = "image"\n'
        '[[prices."ruxa/sora-2"]]\nusd = 0.05\nper = "second"\nwhen = { size = "720x1280" }\n'
        '[[prices."ruxa/sora-2"]]\nusd = 1\nper = "task"\n',
        "utf-8",
    )
    prices = load_prices(path)
    assert prices["seedream-4-5"] == (Price(0.01, "image", "prices.toml", {}),)
    catalog = Catalog(prices=prices)
    assert estimate(catalog.find("seedream-4-5"), {"max_images": 2}) == pytest.approx(0.02)
    sora = catalog.find("ruxa/sora-2")
    assert estimate(sora, {"size": "720x1280", "seconds": "10"}) == pytest.approx(0.5)
    assert estimate(sora, {"seconds": "10"}) == pytest.approx(1)
    assert estimate(catalog.find("nano-banana"), {}) == pytest.approx(0.03)


def test_a_length_that_only_the_given_video_knows_has_no_estimate() -> None:
    prices = {"wan-2-7-video": (Price(0.1, "second", "a test"),)}
    model = Catalog(prices=prices).find("wan-2-7-video")
    assert estimate(model, {"mode": "video-edit", "duration": 0}) is None
    assert estimate(model, {"mode": "video-edit", "duration": 0}, 7.2) == pytest.approx(0.8), "where it is known"
    assert estimate(model, {"mode": "text-to-video", "duration": 4}) == pytest.approx(0.4)


def test_a_recording_gives_a_price_by_the_second_at_least_for_the_fewest():
    model = CATALOG.find("infinitetalk")
    assert estimate(model, {"resolution": "480p"}, 61.5) == pytest.approx(1.86)
    assert estimate(model, {"resolution": "720p"}, 2) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[prices", "not valid TOML"),
        ("[price.x]\nusd = 1", "prices"),
        ("prices = 5", "prices"),
        ("[prices]\nx = 5", 'prices."x"'),
        ('[prices.x]\nper = "image"', "usd"),
        ('[prices.x]\nusd = -1\nper = "image"', "usd"),
        ('[prices.x]\nusd = nan\nper = "image"', "usd"),
        ('[prices.x]\nusd = true\nper = "image"', "usd"),
        (f'[prices.x]\nusd = 1\nper = "task"\n{price_line("y", "image")}', "at the top of the file"),
        ("[prices.x]\nusd = 1", "per must be one of image, video, second, task"),
        ('[prices.x]\nusd = 1\nper = "task"\nfor = "x"', "for is not known"),
        ('[prices.x]\nusd = 1\nper = "task"\nwhen = 5', "when"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_prices(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"APIXO_MCP_PRICES.*cannot be read"):
        load_prices(tmp_path / "none.toml")


def test_prices_count_under_every_name_of_a_model() -> None:
    own = {
        "Seedream 4.5": (Price(0.01, "image", "a test"),),
        "flux2": (Price(0.02, "image", "a test"),),
        "flux-2": (Price(0.03, "image", "a test"),),
        "sora-2": (Price(0.5, "video", "a test", {"aspect_ratio": "16:9"}),),
    }
    catalog = Catalog(prices=own)
    assert estimate(catalog.find("seedream-4-5"), {}) == pytest.approx(0.01)
    assert estimate(catalog.find("flux-2"), {}) == pytest.approx(0.03), "its id outranks its other names"
    assert estimate(catalog.find("sora-2"), {"aspect_ratio": "landscape"}) == pytest.approx(0.5)
    assert estimate(catalog.find("nano-banana"), {}) == pytest.approx(0.03)
    assert catalog.price_warnings == ()


def test_a_pattern_prices_each_model_that_it_means_and_a_longer_one_outranks_a_shorter():
    own = {
        "seedream-*": (Price(0.5, "image", "a test"),),
        "seedream-5*": (Price(0.6, "image", "a test"),),
        "Seedream 4.0": (Price(0.7, "image", "a test", {"resolution": "4K"}),),
    }
    catalog = Catalog(prices=own)
    assert estimate(catalog.find("seedream-4-5"), {}) == pytest.approx(0.5), "what was seen gives way"
    assert estimate(catalog.find("seedream-5-0"), {}) == pytest.approx(0.6)
    assert estimate(catalog.find("seedream-4-0"), {"resolution": "4K"}) == pytest.approx(0.7)
    assert estimate(catalog.find("seedream-4-0"), {"resolution": "2K"}) == pytest.approx(0.5)
    assert estimate(catalog.find("nano-banana"), {}) == pytest.approx(0.03)
    assert catalog.price_warnings == ()


def test_a_modality_prices_what_nothing_else_does():
    catalog = Catalog(prices={"image": (Price(0.9, "image", "a test"),), "audio": (Price(2, "task", "a test"),)})
    assert estimate(catalog.find("nano-banana-pro"), {}) == pytest.approx(0.9)
    assert estimate(catalog.find("gpt-image-2"), {"resolution": "4k"}) == pytest.approx(0.9), "no page prices that"
    assert estimate(catalog.find("gpt-image-2"), {}) == pytest.approx(0.02), "what a page says comes first"
    assert estimate(catalog.find("minimax-voice"), {}) == pytest.approx(2)
    assert estimate(catalog.find("vidu-q3"), {}) is None
    assert catalog.price_warnings == ()


def test_a_pattern_of_no_model_and_a_condition_that_none_takes_are_told():
    condition = {"lenght": 8}
    own = {"nothing-*": (Price(1, "image", "a test"),), "sora-*": (Price(0.5, "video", "a test", condition),)}
    unknown, never = Catalog(prices=own).price_warnings
    assert 'prices."nothing-*" is of no model' in unknown
    assert 'prices."sora-*": when.lenght never holds.' in never


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_the_line_that_would_price_a_model_does(tmp_path: Path, model: Model):
    path = tmp_path / "prices.toml"
    path.write_text(f'{price_line(model.id, model.modality)}\n[prices."other"]\nusd = 1\nper = "task"\n')
    priced = Catalog(prices=load_prices(path)).find(model.id)
    assert estimate(priced, {}) is not None


def test_prices_that_count_for_nothing_are_told() -> None:
    own = {
        "seedraem-4-5": (Price(0.01, "image", "a test"),),
        "sora-2": (Price(0.5, "video", "a test", {"lenght": 8}),),
    }
    unknown, condition = Catalog(prices=own).price_warnings
    assert 'prices."seedraem-4-5" is of no model' in unknown
    assert "Did you mean seedream-4-5?" in unknown
    assert 'prices."sora-2": when.lenght never holds; sora-2 takes mode' in condition


def test_no_price_is_known_while_the_file_is_broken() -> None:
    catalog = Catalog(prices=None)
    assert all(model.prices == () for model in catalog)
    assert estimate(catalog.find("nano-banana"), {}) is None


@pytest.mark.anyio
@pytest.mark.parametrize("text", [None, "[prices"])
async def test_a_broken_file_stops_nothing_but_what_needs_a_price(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "prices.toml"
    if text is not None:
        path.write_text(text)
    settings = read_settings(
        home=tmp_path / "home",
        download_dir=tmp_path / "pictures",
        prices=path,
        apixo_api_key="sk-mine",
        apixo_base_url="http://127.0.0.1:9",
        daily_budget_usd=5,
        confirm_above_usd=None,
    )
    async with open_app(settings, follow=False) as app:
        (warning,) = app.warnings
        assert "APIXO_MCP_PRICES" in warning
        assert str(path) in warning
        with pytest.raises(InvalidInput, match="no known price") as refusal:
            await submit(app, GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": "a fox"}))
        assert price_line("nano-banana", "image") in str(refusal.value)
