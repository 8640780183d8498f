"""A progress bar with state and elapsed time, on standard error."""

import sys
import time
from typing import Self

import click

from apixo_mcp.cli.terminal.printing import is_terminal, width_of
from apixo_mcp.cli.terminal.text import columns_of, on_one_line
from apixo_mcp.foreign import clipped

WIDEST = 36


class Bar:
    """Shows how far something is, and why it takes long. Where no person watches, a line at each new state."""

    def __init__(self, word: str) -> None:
        self._started = time.monotonic()
        self._watched = is_terminal(sys.stderr)
        self._word = ""
        self._reasons: set[str] = set()
        self._progress = 0.0
        self._drawn = 0
        self._first = word

    def __enter__(self) -> Self:
        if self._watched:
            self._draw(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def close(self) -> None:
        """Leaves the bar as it is, and goes on below it."""
        if self._drawn:
            self._drawn = 0
            click.echo(err=True)

    def show(self, progress: float, word: str, *reasons: str) -> None:
        """Shows the progress, 0 to 1, which never goes back, the state, and each reason to wait once."""
        self._progress = max(self._progress, min(1.0, progress))
        if not self._watched and word != self._word:
            self._line(word)
        self._word = word
        for reason in reasons:
            if reason and reason not in self._reasons:
                self._reasons.add(reason)
                self._line(reason)
        if self._watched:
            self._draw(word)

    def _line(self, text: str) -> None:
        if self._drawn:
            click.echo(f"\r{' ' * self._drawn}\r", err=True, nl=False)
        click.echo(f"{self.seconds:5.1f} s  {on_one_line(text)}", err=True)

    def _draw(self, word: str) -> None:
        # Without the last column: many terminals go on to the next line once it is filled.
        text = drawn(on_one_line(word), self._progress, self.seconds, width_of(sys.stderr) - 1)
        columns = columns_of(text)
        click.echo(f"\r{text}{' ' * (self._drawn - columns)}", err=True, nl=False)
        self._drawn = columns


def drawn(word: str, progress: float, seconds: float, columns: int) -> str:
    """Draws a bar that fits: first it gets narrower, then it goes, then the time does."""
    percent, took = f"{round(progress * 100)}%", f"{seconds:.1f} s"
    named = clipped(word, 20, columns_of)
    named += " " * (10 - columns_of(named))
    room = min(WIDEST, columns - columns_of(named) - len(took) - 12)
    if room >= 4:
        filled = round(progress * room)
        return f"{named}  [{'#' * filled}{'-' * (room - filled)}]  {percent:>4}  {took}"
    texts = (f"{named.strip()} {percent} {took}", f"{named.strip()} {percent}")
    return next((text for text in texts if columns_of(text) <= columns), clipped(named.strip(), columns, columns_of))
