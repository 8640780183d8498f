"""A sandbox of this process in place of the gateways, with a data folder of its own."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import Settings

SANDBOX_KEY = "sk-sandbox"
_SPEED = 4.0


@contextmanager
def sandboxed() -> Generator[Settings]:
    """Runs a sandbox in place of the gateways; the settings lead to it and to a data folder of its own."""
    home = settings_or_exit().home / "sandbox"
    with errors_told():
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"APIXO_MCP_HOME: {home} cannot be made: {error.strerror}") from None
    box = Sandbox(speed=_SPEED, port=_port_of_last_time(home / "port"), data_dir=home / "gateways")
    with start_blocking_portal() as portal, ExitStack() as stack:
        with errors_told():
            try:
                stack.enter_context(portal.wrap_async_context_manager(box))
                if not (home / "port").exists():
                    (home / "port").write_text(box.url.rpartition(":")[2], encoding="ascii")
            except OSError as error:
                raise SettingsError(f"The sandbox cannot be started in {home}: {error.strerror or error}") from None
        yield settings_or_exit(home=home, database_url="", results="", **sandbox_settings(box.url))


def _port_of_last_time(file: Path) -> int:
    """Returns the port of the last time, where it is free: tasks made then belong to its address. Else any."""
    try:
        port = int(file.read_text("ascii"))
        with socket.create_server(("127.0.0.1", port)):
            return port
    except (OSError, ValueError, OverflowError):
        return 0


def sandbox_settings(url: str) -> dict[str, Any]:
    """Returns the settings that lead to a sandbox at `url`, those of every gateway: none there costs money."""
    return {
        **{listing.base_url_variable.lower(): url for listing in GATEWAYS.values()},
        **{listing.key_variable.lower(): SANDBOX_KEY for listing in GATEWAYS.values()},
        "allow_private_hosts": True,
        "poll_scale": 1 / _SPEED,
    }
