"""How a server that ends with open tasks leaves a worker behind."""

import subprocess
import sys
from typing import Any

COMMAND = ("-m", "apixo_mcp", "worker", "--until-idle")


def leave_follower() -> None:
    """Starts a worker that outlives this process. It reads the same environment, and writes to nobody's output."""
    detached: dict[str, Any] = (
        {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    subprocess.Popen(
        [sys.executable, *COMMAND],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        **detached,
    )
