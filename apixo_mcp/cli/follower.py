"""How a server that ends with open tasks leaves a worker behind."""

import logging
import subprocess
import sys
from typing import Any

log = logging.getLogger(__name__)

COMMAND = ("-m", "apixo_mcp", "worker", "--until-idle")


def leave_follower() -> None:
    """Starts a worker that outlives this process. It reads the same environment, and writes to nobody's output."""
    detached: dict[str, Any] = (
        {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    try:
        _start(detached)
    except OSError:
        log.exception("no follower could be started; whoever opens this data folder next goes on with the open tasks")


def _start(detached: dict[str, Any]) -> None:
    subprocess.Popen(
        [sys.executable, *COMMAND],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        **detached,
    )
