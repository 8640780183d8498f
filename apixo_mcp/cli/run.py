"""Runs a command's coroutine with the program open, and tells its errors."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import click

from apixo_mcp.app import App, open_app
from apixo_mcp.cli.start import errors_told, settings_or_exit
from apixo_mcp.errors import ApixoError
from apixo_mcp.server.signals import end_as_on_interrupt
from apixo_mcp.settings import Settings

T = TypeVar("T")

INTERRUPTED = 130  # as shells tell of Ctrl-C


def with_app(work: Callable[[App], Awaitable[T]], *, follow: bool = False) -> T:
    """The outcome of `work`; ends the process with a clear message where an error has a reader.

    Args:
        follow: whether this process sends and follows tasks meanwhile.
    """

    async def run(settings: Settings) -> T | ApixoError:
        async with open_app(settings, follow=follow) as app:
            for warning in app.warnings:
                click.echo(f"apixo-mcp: {warning}", err=True)
            try:
                return await work(app)
            except ApixoError as error:
                return error  # raised below: the app is closed in order first, and lets go of its leases

    end_as_on_interrupt()
    with errors_told():
        try:
            outcome = anyio.run(run, settings_or_exit())
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        if isinstance(outcome, ApixoError):
            raise outcome
    return outcome
