"""Small words that all views share."""

import pytest

from apixo_mcp.views.words import ordinal


@pytest.mark.parametrize(("number", "word"), [(1, "first"), (2, "second"), (10, "tenth"), (11, "11th")])
def test_a_place_in_a_row(number: int, word: str):
    assert ordinal(number) == word
