"""Sends webhooks while a program is open, where an address is set for them."""

from contextlib import AbstractAsyncContextManager, nullcontext

from apixo_mcp.app import App

TOLD_AT_LAST = 16.0
"""Seconds for which a worker that is about to leave sends on: one try of each."""


def sending(app: App, *, at_last: float = 0.0) -> AbstractAsyncContextManager[None]:
    """Sends the program's webhooks while the context is open; nothing where `APIXO_MCP_NOTIFY_URL` is not set.

    Args:
        app: the program.
        at_last: seconds that are given at the end to what has just ended.

    Raises:
        SettingsError: there is nothing to sign with.
    """
    if not app.settings.notify_url:
        return nullcontext()
    from apixo_mcp.webhooks.sender import sending_webhooks  # here: nobody else loads it

    return sending_webhooks(app, at_last=at_last)
