"""Runs a command's coroutine with the program open, and tells its errors."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import anyio

from apixo_mcp.app import App, open_app
from apixo_mcp.cli.process.follower import follower_of
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.interrupts import INTERRUPTED, Interrupts
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.asking.news import news_for
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.views.faces import SHELL
from apixo_mcp.webhooks.sending import sending

log = logging.getLogger(__name__)

T = TypeVar("T")

_TOLD_AT_LAST = 3.0  # seconds that a command gives to the webhooks of what it was asked for

ENDED_AT_ONCE = (
    "Ended at once. Where a paid request was on its way, it may have been charged: `apixo-mcp tasks list` shows its "
    "task, and `apixo-mcp tasks wait` what became of it."
)


def with_app(work: Callable[[App], Awaitable[T]], *, follow: bool = False, lingers: bool = False) -> T:
    """Returns the outcome of `work`; ends the process with a clear message where an error has a reader.

    Args:
        follow: whether this process sends and follows tasks meanwhile, and leaves a follower behind where some stay
            open.
        lingers: whether it leaves one behind without following itself.
    """
    interrupts = Interrupts()

    async def run(settings: Settings) -> T | Exception:
        outcome: T | Exception = _Interrupted()
        leave = follower_of(settings) if follow or lingers else None
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_app(settings, follow=follow, leave=leave))
            if follow:
                await stack.enter_async_context(sending(app, at_last=_TOLD_AT_LAST))
            for warning in app.warnings:
                say(f"apixo-mcp: {warning}", err=True)
            with interrupts.scope():
                try:
                    outcome = await work(app)
                    await _tell_news(app)
                except Exception as error:  # raised below: the app is closed in order first, and lets go of its leases
                    outcome = error
        return outcome

    if follow:
        interrupts.leave(ENDED_AT_ONCE)
    with errors_told(), interrupts.heard():
        outcome = anyio.run(run, settings_or_exit())
        if isinstance(outcome, _Interrupted):
            raise SystemExit(INTERRUPTED)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def _tell_news(app: App) -> None:
    """Tells the alerts that nobody here has heard of yet; beside what the command prints, which may be read by one."""
    news = await news_for(LOCAL, app.store)
    if news is None:
        return
    from apixo_mcp.views.alerts import alert_note

    try:
        for alert in news.alerts:
            say(alert_note(alert.data, SHELL), err=True)
    except Exception:  # what was asked for is told all the same
        log.exception("an alert cannot be told here")
        await news.lost()
    else:
        await news.given()


class _Interrupted(Exception):
    """Stands for the outcome of work that was interrupted."""
