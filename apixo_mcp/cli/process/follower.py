"""How a process that ends with open tasks leaves a worker behind."""

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)

_COMMAND = ("-m", "apixo_mcp", "worker", "--until-idle")


def follower_of(settings: Settings) -> Callable[[], None] | None:
    """Returns what a process calls when it ends with open tasks; None where nothing is to be left behind.

    What is kept in a database is followed by the workers and servers that share it.
    """
    return _leave_follower if settings.linger and not settings.database_url else None


def _leave_follower() -> None:
    """Starts a worker that outlives this process. It reads the same environment, and writes to nobody's output."""
    detached: dict[str, Any] = (
        {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    nobody = subprocess.DEVNULL
    try:
        subprocess.Popen([sys.executable, *_COMMAND], stdin=nobody, stdout=nobody, stderr=nobody, **detached)
    except OSError:
        log.exception("no follower could be started; whoever opens this data folder next goes on with the open tasks")
