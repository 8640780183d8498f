"""`worker`: follows and saves what is open, without serving anybody."""

import anyio
import click

from apixo_mcp.app import open_app
from apixo_mcp.cli.start import errors_told, settings_or_exit
from apixo_mcp.server.signals import end_as_on_interrupt
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.follower import follow_until_idle


def run_worker() -> None:
    """Follows and saves what is open in the data folder, and nothing else."""

    async def work(settings: Settings) -> bool:
        async with open_app(settings) as app:
            return await follow_until_idle(app.store, app.key_prints)

    end_as_on_interrupt()
    with errors_told():
        stayed = anyio.run(work, settings_or_exit())
    if not stayed:
        click.echo("nothing to follow, or another worker has this data folder", err=True)
