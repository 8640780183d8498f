"""Starts a server once, as a host would, and looks at what it offers."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation, Tool

from apixo_mcp import __version__
from apixo_mcp.errors import ApixoError
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.machine import Machine

STARTS_WITHIN = 60.0
"""Seconds: the longest that Claude Desktop waits for an answer to `initialize`, a download included."""
_PATH_OF_APPS = "/usr/bin:/bin:/usr/sbin:/sbin"
"""What a program that was opened from the Dock sees on macOS (launchd's default)."""


class DoesNotStart(ApixoError):
    """A command line starts no server that answers. The message is the rest of a sentence about it."""


def tools_of(launch: Launch, machine: Machine) -> list[str]:
    """Returns the names of the tools that a server offers: it is started with exactly this command and environment.

    But for its data folder, which is an empty one: a trial is ended as soon as it has answered, and goes on with no
    task, so that nothing is sent and nothing paid.

    Raises:
        DoesNotStart: it does not answer, or offers nothing; with what it said last.
    """
    alone = tempfile.TemporaryDirectory(prefix="apixo-mcp-trial-", ignore_cleanup_errors=True)
    with tempfile.TemporaryFile() as log, alone as folder:
        env = {**launch.env, "APIXO_MCP_HOME": folder, "APIXO_MCP_LINGER": "0"}
        try:
            names = anyio.run(_asked, replace(launch, env=env), machine, log)
        except Exception as error:
            raise DoesNotStart(_reason(error, log)) from None
    if not names:
        raise DoesNotStart("answered, and offers no tools")
    return names


async def _asked(launch: Launch, machine: Machine, log: Any) -> list[str]:
    path = {"PATH": _PATH_OF_APPS} if machine.platform == "macos" else {}
    server = StdioServerParameters(
        command=launch.command,
        args=list(launch.args),
        env={**path, **launch.env},
        cwd=machine.home if machine.home.is_dir() else Path(tempfile.gettempdir()),
    )
    name = Implementation(name="apixo-mcp-install", version=__version__)
    with anyio.fail_after(STARTS_WITHIN):
        async with Client(stdio_client(server, errlog=log), client_info=name) as client:
            tools = (await client.list_tools()).tools
            # The list is answered before the server is loaded, and also where it cannot be.
            if free := next(filter(_is_free, tools), None):
                await client.call_tool(free.name, {})
            return [tool.name for tool in tools]


def _is_free(tool: Tool) -> bool:
    """Tells whether a tool reads what is here, asks nobody, and takes no argument that must be given."""
    says = tool.annotations
    return bool(
        says and says.read_only_hint and says.open_world_hint is False and not tool.input_schema.get("required")
    )


def _reason(error: BaseException, log: Any) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    if isinstance(error, TimeoutError):
        return f"did not answer within {STARTS_WITHIN:.0f} s"
    log.seek(0)
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    said = lines[-1].removeprefix("apixo-mcp: ")[:300] if lines else str(error)[:300] or type(error).__name__
    return f"does not start: {said}"
