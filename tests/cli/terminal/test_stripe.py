"""Stripes beside a table: as long as amounts are large, in signs that the output can carry."""

from io import BytesIO, TextIOWrapper

import click
import pytest

from apixo_mcp.cli.terminal.stripe import stripes


def output(encoding: str = "utf-8") -> TextIOWrapper:
    return TextIOWrapper(BytesIO(), encoding=encoding)


def test_the_largest_is_as_long_as_there_is_room_and_none_but_nothing_is_gone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert stripes([4.0, 2.0, 0.25, 0.001, 0.0], 4, output()) == ["████", "██", "▎", "▏", ""]


def test_an_output_without_blocks_gets_plain_signs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert stripes([4.0, 2.0, 0.001, 0.0], 4, output("cp1252")) == ["####", "##", "#", ""]


def test_they_are_coloured_unless_nobody_wants_that(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    (one,) = stripes([1.0], 3, output())
    assert one != "███"
    assert click.unstyle(one) == "███"


@pytest.mark.parametrize(("amounts", "columns"), [([], 9), ([0.0], 9), ([1.0], 0)])
def test_where_there_is_nothing_to_draw_there_is_nothing(amounts: list[float], columns: int):
    assert stripes(amounts, columns, output()) == ["" for _ in amounts]
