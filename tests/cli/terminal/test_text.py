"""Texts as a terminal can show them."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.cli.terminal.bar import drawn
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.cli.terminal.text import columns_of, laid_out, on_one_line, printable


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_printed(text: str):
    assert all(char in "\n\t" or ord(char) >= 0x20 for char in printable(text))
    assert not set(printable(text)) & set("\x7f\x9b\u202e\u2066\ud800")
    assert "\n" not in on_one_line(text)


def test_what_is_plain_stays_as_it_is():
    assert printable("a fox 🦊 by 李, 50 %\n\tand more") == "a fox 🦊 by 李, 50 %\n\tand more"
    assert printable("\x1b]0;owned\x07\x1b[2J") == "?]0;owned??[2J"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_json_and_obeys_nothing(text: str):
    import click

    @click.command()
    def shown() -> None:
        say_json({"prompt": text})
        say(text, err=True)

    done = CliRunner().invoke(shown)
    assert json.loads(done.stdout) == {"prompt": text}
    assert not set(done.output) & set("\x1b\x7f\x9b\u202e")


@given(
    st.text(min_size=1, max_size=30).map(on_one_line),
    st.floats(0, 1),
    st.floats(0, 100_000),
    st.integers(1, 200),
)
def test_a_bar_fits(word: str, progress: float, seconds: float, columns: int):
    assert columns_of(drawn(word, progress, seconds, columns)) <= columns


@pytest.mark.parametrize(
    ("columns", "bar"),
    [
        (79, "processing  [##################------------------]   50%  12.3 s"),
        (39, "processing  [######-----]   50%  12.3 s"),
        (30, "processing 50% 12.3 s"),
        (19, "processing 50%"),
        (9, "processi…"),
    ],
)
def test_a_bar_gets_narrower_then_goes(columns: int, bar: str):
    assert drawn("processing", 0.5, 12.3, columns) == bar


CELLS = ("tsk_" + "a" * 26, "2026-11-27 10:00", "processing", "nano-banana", "a fox " * 10)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 120, 160])
def test_columns_fit_the_terminal(columns: int):
    lines = laid_out(CELLS, columns).splitlines()
    assert lines[0].startswith(CELLS[0])
    assert all(len(line) < columns for line in lines[1:])
    assert len(lines[0]) < columns or lines[0] == CELLS[0]


def test_where_nobody_watches_a_line_is_a_line():
    assert laid_out(CELLS, None) == "  ".join(CELLS).rstrip()
