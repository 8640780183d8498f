"""Reads the settings, starts the log, and tells errors that have a reader."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from apixo_mcp.cli.process.log import start_logging
from apixo_mcp.cli.terminal.text import printable
from apixo_mcp.errors import ApixoError
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
    """Returns the settings of this process; ends it with a clear message where one cannot be used."""
    with errors_told():
        settings = read_settings(**overrides)
    start_logging(settings)
    if not overrides:  # those with overrides are read after those without, and the environment is told once
        for problem in settings.warnings:
            log.warning("%s", problem)
    return settings
