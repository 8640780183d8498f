"""What comes of `sound` where a model has no switch for it."""

from typing import Any

import pytest
from support.catalog_facts import CATALOG

from apixo_mcp.catalog.translate import translate

ALWAYS = ("veo-3-1", "sora-2", "sora-2-pro", "ruxa/sora-2", "ruxa/sora-2-hd", "happyHorse")


@pytest.mark.parametrize("name", ALWAYS)
@pytest.mark.parametrize("value", [True, "on", "true"])
def test_sound_that_is_always_there_is_noted_and_not_sent(name: str, value: Any) -> None:
    for arguments, options in (({"sound": value}, {}), ({}, {"sound": value})):
        draft = translate(CATALOG.find(name), {"prompt": "a fox", **arguments}, options)
        assert draft.problems == ()
        assert "sound" not in draft.values
        assert f"{name} always makes sound, so sound was left out." in draft.notes


@pytest.mark.parametrize("name", ALWAYS)
def test_a_model_that_cannot_be_silent_says_so(name: str) -> None:
    (problem,) = translate(CATALOG.find(name), {"prompt": "a fox", "sound": False}, {}).problems
    assert (problem.field, problem.given) == ("sound", "off")
    assert "cannot be silent" in problem.allowed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hailuo-2-3", "no page says whether its videos are silent"),
        ("wan-2-5-video", "of its sound its page says: your sound track (audio_urls)"),
        ("infinitetalk", "of its sound its page says: speaks your recording"),
    ],
)
@pytest.mark.parametrize(("value", "given"), [(True, "on"), (False, "off"), ("on", "on")])
def test_a_model_without_a_switch_says_what_is_known_of_its_sound(name: str, said: str, value: Any, given: str) -> None:
    (problem,) = translate(CATALOG.find(name), {"prompt": "a fox", "sound": value}, {}).problems
    assert (problem.field, problem.given) == ("sound", given)
    assert said in problem.allowed


def test_what_is_neither_on_nor_off_is_refused_and_a_model_without_a_page_gets_it_as_given() -> None:
    (problem,) = translate(CATALOG.find("veo-3-1"), {"prompt": "a fox", "sound": "loud"}, {}).problems
    assert "must be on or off" in problem.allowed
    assert translate(CATALOG.find("ruxa/veo3"), {"prompt": "a fox", "sound": True}, {}).values["sound"] is True
    passed = translate(CATALOG.find("wan-2-7-video"), {"prompt": "a fox"}, {"sound": True})
    assert (passed.problems, passed.values["sound"]) == ((), True)
