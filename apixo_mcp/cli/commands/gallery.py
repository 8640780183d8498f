"""`gallery`: the pictures of whoever uses this machine, in their browser."""

import sys
import webbrowser
from contextlib import AsyncExitStack

import anyio
import anyio.to_thread
import click

from apixo_mcp.app import open_app
from apixo_mcp.cli.process.follower import follower_of
from apixo_mcp.cli.process.run import ENDED_AT_ONCE
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.interrupts import Interrupts
from apixo_mcp.net.uvicorn_server import url_of
from apixo_mcp.server.http.gallery.own import serving_own_gallery
from apixo_mcp.server.http.gallery.page import page_content
from apixo_mcp.server.http.transport import listen_on
from apixo_mcp.settings import Settings
from apixo_mcp.webhooks.sending import sending


@click.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Of this machine; 0 takes any free one.")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def gallery(port: int, no_browser: bool) -> None:
    """Show what was made here in a browser, until Ctrl-C.

    The address that is printed works once, in one browser of this machine. Nothing is paid for but by a click on the
    price of a form there.
    """
    if not page_content():
        raise click.ClickException("this installation has no page to show; install apixo-mcp from a release")
    interrupts = Interrupts()
    interrupts.leave(ENDED_AT_ONCE)

    async def work(settings: Settings) -> None:
        listener = listen_on("127.0.0.1", port)
        url = url_of(listener)
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_app(settings, leave=follower_of(settings)))
            await stack.enter_async_context(sending(app))
            path = await stack.enter_async_context(serving_own_gallery(app, listener))
            with interrupts.scope():
                told = f"apixo-mcp: your pictures are at {url}{path} (works once); Ctrl-C ends this"
                print(told, file=sys.stderr, flush=True)
                if not no_browser:
                    await anyio.to_thread.run_sync(webbrowser.open, url + path, abandon_on_cancel=True)
                await anyio.sleep_forever()

    with errors_told(), interrupts.heard():
        anyio.run(work, settings_or_exit())
