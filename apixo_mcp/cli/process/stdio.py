"""Serves on stdio, as hosts start it."""

import gc
from contextlib import AbstractContextManager, nullcontext

from pydantic import BaseModel

from apixo_mcp.cli.process.follower import follower_of
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.errors import SettingsError
from apixo_mcp.server.stdio.early import Early
from apixo_mcp.settings import Settings

_ALLOCATED = 10_000
"""New objects after which rings are looked for: by the default, 700, that is 80 times before the first answer."""

_NOT_ON_STDIO = (
    "APIXO_MCP_DATABASE_URL: a database is shared over HTTP, where each has a name and limits; on standard input and "
    "output the server is one person's, and keeps a file. Run `apixo-mcp serve --transport http` and give the host its "
    "address, or take the variable out."
)


def serve_stdio(early: Early | None = None, *, sandbox: bool = False) -> None:
    """Serves on stdio until the client is gone.

    Args:
        early: what listens on stdio already, if anything does.
        sandbox: whether a sandbox of its own takes the place of the gateways.
    """
    with settings_of_server(sandbox=sandbox) as settings:
        if settings.database_url:
            with errors_told():
                raise SettingsError(_NOT_ON_STDIO)
        leave = None if sandbox else follower_of(settings)
        build_models_when_used()
        from apixo_mcp.server.stdio.transport import run_stdio

        gc.freeze()
        gc.set_threshold(_ALLOCATED)
        gc.enable()
        with errors_told():
            run_stdio(settings, early, leave)


def build_models_when_used() -> None:
    """Has pydantic build each model that is defined from now on when it is first used.

    The SDK defines more than five hundred, of which a server uses a few dozen.
    """
    BaseModel.model_config["defer_build"] = True


def settings_of_server(*, sandbox: bool) -> AbstractContextManager[Settings]:
    """Returns the settings of this process, or those of a sandbox that runs meanwhile."""
    if not sandbox:
        return nullcontext(settings_or_exit())
    from apixo_mcp.cli.process.sandboxed import sandboxed

    return sandboxed()
