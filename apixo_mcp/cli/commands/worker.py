"""`worker`: follows and saves what is open, without serving anybody."""

from contextlib import AsyncExitStack

import anyio
import click

from apixo_mcp.app import open_app
from apixo_mcp.cli.process.run import ENDED_AT_ONCE
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.interrupts import Interrupts
from apixo_mcp.engines.follower import follow_always, follow_until_idle
from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import key_variables
from apixo_mcp.settings import Settings
from apixo_mcp.webhooks.sending import TOLD_AT_LAST, sending


@click.command()
@click.option("--until-idle", is_flag=True, help="Leave when nothing is open, or after an hour.")
@click.option(
    "--health-port",
    type=click.IntRange(1, 65535),
    help="Answer /healthz, /readyz and /metrics there, for whatever watches over this process.",
)
@click.option(
    "--health-host", default="127.0.0.1", show_default=True, help="An address of this machine, 0.0.0.0 or :: for all."
)
def worker(until_idle: bool, health_port: int | None, health_host: str) -> None:
    """Follow and save what is open in the data folder, without serving anybody, until it is told to end.

    With APIXO_MCP_DATABASE_URL any number of workers share what is open in that database; one that ends finishes its
    steps, and gives what it follows to the others.
    """
    interrupts = Interrupts()
    interrupts.leave(ENDED_AT_ONCE)
    stayed = True

    async def work(settings: Settings) -> None:
        nonlocal stayed
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_app(settings, worker=True, lasting=not until_idle))
            await stack.enter_async_context(sending(app, at_last=TOLD_AT_LAST if until_idle else 0.0))
            if not app.key_prints and not until_idle:
                raise SettingsError(f"No key is set, so nothing could be followed. Set {key_variables()}.")
            if health_port is not None:
                # Imported here: a worker that is not watched over serves nothing.
                from apixo_mcp.server.http.probed import probed

                await stack.enter_async_context(probed(app, health_host, health_port))
            with interrupts.scope():
                if settings.database_url and not until_idle:
                    _tell("the database")
                    await anyio.sleep_forever()
                elif until_idle:
                    stayed = await follow_until_idle(app.store, app.key_prints)
                else:
                    await follow_always(app.store, lambda: _tell("the data folder"))

    with errors_told(), interrupts.heard():
        anyio.run(work, settings_or_exit())
    if not stayed:
        click.echo("nothing to follow, or another worker has this data folder", err=True)


def _tell(where: str) -> None:
    click.echo(f"apixo-mcp: following what is open in {where}; Ctrl-C ends it", err=True)
