"""Reads the settings and starts the server on stdio."""

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from apixo_mcp.errors import ApixoError
from apixo_mcp.server.early import Early
from apixo_mcp.settings import Settings, read_settings


def settings_or_exit(**overrides: Any) -> Settings:
    """The settings of this process; ends it with a clear message where one cannot be used."""
    try:
        settings = read_settings(**overrides)
    except ApixoError as error:
        fail(error)
    start_logging(settings)
    return settings


def start_logging(settings: Settings) -> None:
    """Logs to standard error. Called before the SDK sets up a handler of its own."""
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    # Their INFO lines hold whole URLs (signed ones too), their DEBUG lines the headers, and with them the key.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def fail(error: ApixoError) -> NoReturn:
    """Ends the process with an error for its reader."""
    print(f"apixo-mcp: {error}", file=sys.stderr)
    raise SystemExit(1)


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
    from apixo_mcp.server.stdio import run_stdio

    gc.freeze()
    gc.enable()

    try:
        run_stdio(settings, early, leave)
    except* ApixoError as errors:
        fail(next(_leaves(errors)))


def follower_of(settings: Settings) -> Callable[[], None] | None:
    """What a server calls when it ends with open tasks; None where the settings want nothing left behind."""
    from apixo_mcp.cli.follower import leave_follower

    return leave_follower if settings.linger else None


def _leaves(group: BaseExceptionGroup[ApixoError]) -> Iterator[ApixoError]:
    for error in group.exceptions:
        if isinstance(error, ApixoError):
            yield error
        else:
            yield from _leaves(error)
