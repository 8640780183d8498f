"""`worker`, and how a server that ends with open tasks leaves one behind."""

import subprocess
import sys
from typing import Any

import anyio
import click

from apixo_mcp.app import open_app
from apixo_mcp.cli.start import fail, settings_or_exit
from apixo_mcp.errors import ApixoError
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.follower import follow_until_idle

COMMAND = ("-m", "apixo_mcp", "worker", "--until-idle")


def run_worker() -> None:
    """Follows and saves what is open in the data folder, and nothing else."""

    async def work(settings: Settings) -> bool:
        async with open_app(settings) as app:
            return await follow_until_idle(app.store, app.key_prints)

    try:
        stayed = anyio.run(work, settings_or_exit())
    except ApixoError as error:
        fail(error)
    if not stayed:
        click.echo("nothing to follow, or another worker has this data folder", err=True)


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
