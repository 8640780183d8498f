"""The server on standard input and output."""

import logging
import os
import signal
import sys

import anyio

from apixo_mcp.app import App, open_app
from apixo_mcp.server.server import build_server
from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)


def run_stdio(settings: Settings) -> None:
    """Serves until standard input closes or the process is told to end; submits under way are finished first.

    Does not return: a reader that still sits in a blocking read of standard input would keep the process alive.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    anyio.run(_serve, settings)


async def _serve(settings: Settings) -> None:
    over = anyio.Event()
    async with anyio.create_task_group() as group:
        async with open_app(settings) as app:
            group.start_soon(_answer, app, over)
            if sys.platform != "win32":
                group.start_soon(_end_on_signal, over)
            await over.wait()
        _exit()


async def _answer(app: App, over: anyio.Event) -> None:
    try:
        await build_server(app).run_stdio_async()
    except Exception:
        log.exception("the connection on standard input and output broke")
    finally:
        over.set()


async def _end_on_signal(over: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("ending on signal %s", number)
            over.set()
            return


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            log.debug("a stream was closed before it was flushed")
    os._exit(0)
