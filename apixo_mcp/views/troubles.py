"""What is wrong just now, though the program works without, as sentences."""

import contextlib

from apixo_mcp.app import App
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.ports.arrivals import Arrivals


async def troubles(app: App) -> tuple[str, ...]:
    """Lists what its operator should know: of the variables, of the files, and of callbacks that are missing."""
    return (*app.all_warnings, *map(missing, await callbacks_missed(app)))


async def callbacks_missed(app: App) -> tuple[Arrivals, ...]:
    """Returns the gateways whose callbacks do not arrive any more at the public URL that is set."""
    if not app.settings.public_url:
        return ()
    with contextlib.suppress(StoreError):
        known = await app.store.arrivals.known()
        return tuple(one for one in known if one.url == app.settings.public_url and not one.go_on)
    return ()


def missing(arrivals: Arrivals) -> str:
    """Tells whose callbacks do not arrive any more."""
    return (
        f"Callbacks of {arrivals.gateway} do not arrive at {arrivals.url} (APIXO_MCP_PUBLIC_URL) any more, so its "
        "tasks are polled as usual until one does: nothing is lost."
    )
