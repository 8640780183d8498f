"""The languages of the sign-in page."""

from dataclasses import fields
from string import Formatter

import pytest

from apixo_mcp.server.http.sign_in.words import CHINESE, ENGLISH, page_words_of


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("", "en"),
        ("de", "en"),
        ("*", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.5,en;q=0.4", "zh-Hans"),
        ("zh;q=0,en;q=0.1", "en"),
        (";;;,zh;q=x", "en"),
        ("zh-Hans-CN", "zh-Hans"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for(accepted: str, lang: str) -> None:
    assert page_words_of(accepted).lang == lang


def test_both_languages_say_all_and_fill_in_the_same() -> None:
    for field in fields(ENGLISH):
        english, chinese = getattr(ENGLISH, field.name), getattr(CHINESE, field.name)
        if isinstance(english, dict):
            assert english.keys() == chinese.keys()
            continue
        names = [{name for _, name, _, _ in Formatter().parse(words) if name} for words in (english, chinese)]
        assert names[0] == names[1], field.name
        assert chinese != english or field.name == "lang"
