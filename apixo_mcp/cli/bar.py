"""A progress bar with state and elapsed time, on standard error."""

import sys
import time
from typing import Any, Self

import click


class Bar:
    """Click's bar, fed with absolute progress. Where no person watches it prints a line at each new state."""

    def __init__(self, label: str) -> None:
        self._started = time.monotonic()
        self._watched = sys.stderr.isatty()
        self._said = ""
        self._at = 0
        self._bar: Any = click.progressbar(
            length=1000,
            label=f"{label:<20.20}",
            file=sys.stderr,
            show_eta=False,
            item_show_func=lambda _: f"{time.monotonic() - self._started:5.1f} s",
        )

    def __enter__(self) -> Self:
        if self._watched:
            self._bar.__enter__()
            self._bar.update(0, None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._watched:
            self._bar.__exit__(None, None, None)

    def show(self, progress: float, state: str) -> None:
        """Shows the progress, 0 to 1, which never goes back, and the state."""
        word = state.split(",")[0]
        if not self._watched:
            if word != self._said:
                click.echo(f"{time.monotonic() - self._started:5.1f} s  {word}", err=True)
            self._said = word
            return
        target = max(self._at, min(1000, round(progress * 1000)))
        self._bar.label = f"{word:<20.20}"
        self._bar.update(target - self._at, 0)
        self._bar.render_progress()
        self._at = target
