"""The words of the sign-in page."""

from dataclasses import fields
from string import Formatter

from apixo_mcp.server.http.sign_in.words import CHINESE, ENGLISH


def test_both_languages_say_all_and_fill_in_the_same() -> None:
    for field in fields(ENGLISH):
        english, chinese = getattr(ENGLISH, field.name), getattr(CHINESE, field.name)
        if isinstance(english, dict):
            assert english.keys() == chinese.keys()
            continue
        names = [{name for _, name, _, _ in Formatter().parse(words) if name} for words in (english, chinese)]
        assert names[0] == names[1], field.name
        assert chinese != english or field.name == "lang"
