"""What no model does is told where it is asked for."""

import pytest
from support.catalog_facts import CATALOG

from apixo_mcp.catalog.limits import LIMITS, limit_asked_for, limits_looked_for


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("a logo with transparent background", "transparent"),
        ("svg logo", "SVG"),
        ("透明背景", "transparent"),
        ("join two clips", "joins clips"),
        ("视频拼接", "joins clips"),
        ("song length", "suno decides how long"),
        ("sound effects", "sound effects"),
    ],
)
def test_a_search_for_what_no_model_does_is_answered_so(query: str, says: str) -> None:
    assert says in limits_looked_for(query)[0].sentence


@pytest.mark.parametrize("query", ["", "logo", "cinematic video", "vectorised", "joint", "song", "海报"])
def test_a_search_for_what_models_do_is_not(query: str) -> None:
    assert limits_looked_for(query) == ()


def test_an_input_that_asks_for_it_is_known() -> None:
    assert limit_asked_for("image", "background", " Transparent ") is not None
    assert limit_asked_for("image", "transparent", True) is not None
    assert limit_asked_for("image", "transparent", False) is None
    assert limit_asked_for("image", "background", "white") is None
    assert limit_asked_for("video", "background", "transparent") is None


def test_what_comes_nearest_is_offered() -> None:
    for limit in LIMITS:
        assert all(CATALOG.get(name) for name in limit.nearest)
        assert all(word == word.casefold() for word in limit.words)
