"""Shows a file in the folder that it stands in, on the screen of this machine."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from apixo_mcp.errors import MediaError


def command_for(path: Path, platform: str = sys.platform) -> Sequence[str]:
    """Returns what opens the folder of a file; where the system can, with the file chosen in it."""
    if platform == "darwin":
        return ("open", "-R", str(path))
    if platform == "win32":
        return ("explorer", f"/select,{path}")
    return ("xdg-open", str(path.parent))


async def reveal(path: Path) -> None:
    """Opens the folder of a file.

    Raises:
        MediaError: this machine has nothing to show it with.
    """
    await to_thread.run_sync(_start, command_for(path))


def _start(command: Sequence[str]) -> None:
    silent = subprocess.DEVNULL
    try:
        # It may run as long as the window is open; nobody waits for it.
        subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True)
    except OSError as error:
        raise MediaError(f"The folder cannot be shown here: {command[0]} {error.strerror or error}.") from None
