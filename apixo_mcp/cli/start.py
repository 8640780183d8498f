"""Reads the settings and starts the server on stdio."""

import gc
import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from apixo_mcp.cli.log import start_logging
from apixo_mcp.cli.words import printable
from apixo_mcp.errors import ApixoError
from apixo_mcp.server.stdio.early import Early
from apixo_mcp.settings import Settings, read_settings

log = logging.getLogger(__name__)


@contextmanager
def errors_told() -> Generator[None]:
    """Ends the process with a clear message where an error has a reader, alone or inside the groups of tasks."""
    failure: BaseException | None = None
    try:
        yield
    except* ApixoError as errors:
        failure = errors
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
    if isinstance(failure, ApixoError):  # not above: what is raised there comes out as a group
        from apixo_mcp.views.faces import SHELL, error_text

        print(f"apixo-mcp: {printable(error_text(failure, SHELL))}", file=sys.stderr)
        raise SystemExit(1)


def settings_or_exit(**overrides: Any) -> Settings:
    """The settings of this process; ends it with a clear message where one cannot be used."""
    with errors_told():
        settings = read_settings(**overrides)
    start_logging(settings)
    if not overrides:  # those with overrides are read after those without, and the environment is told once
        for problem in settings.warnings:
            log.warning("%s", problem)
    return settings


def serve_stdio(settings: Settings | None = None, early: Early | None = None) -> None:
    """Serves on stdio until the client is gone.

    Args:
        settings: by default those of the environment.
        early: what listens on stdio already, if anything does.
    """
    # Imports make many objects and drop none: without the collector the start takes a tenth less.
    gc.disable()
    leave = None
    if settings is None:
        settings = settings_or_exit()
        leave = follower_of(settings)
    from apixo_mcp.server.stdio.transport import run_stdio

    gc.freeze()
    gc.enable()

    with errors_told():
        run_stdio(settings, early, leave)


def follower_of(settings: Settings) -> Callable[[], None] | None:
    """What a server calls when it ends with open tasks; None where the settings want nothing left behind."""
    from apixo_mcp.cli.follower import leave_follower

    return leave_follower if settings.linger else None
