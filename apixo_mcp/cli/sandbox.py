"""`sandbox`, and the server beside a sandbox of its own."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from anyio.from_thread import start_blocking_portal

from apixo_mcp.cli.start import errors_told, serve_stdio, settings_or_exit
from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.sandbox import Sandbox, serve
from apixo_mcp.server.stdio.early import Early
from apixo_mcp.settings import Settings

SPEED = 4.0
KEY = "sk-sandbox"


def run_sandbox(host: str, port: int, speed: float) -> None:
    """Serves the sandbox until it is interrupted."""

    def tell(address: str) -> None:
        click.echo(f"Sandbox of APIXO and Ruxa AI at {address}, {speed:g} times as fast as they are. To use it:")
        for name, value in (
            *(
                pair
                for listing in GATEWAYS.values()
                for pair in ((listing.base_url_variable, address), (listing.key_variable, KEY))
            ),
            ("APIXO_MCP_ALLOW_PRIVATE_HOSTS", "1"),
            ("APIXO_MCP_POLL_SCALE", f"{1 / speed:g}"),
        ):
            click.echo(f"  {name}={value}")

    try:
        serve(host=host, port=port, speed=speed, on_ready=tell)
    except OSError as error:
        reason = f"{host} port {port} cannot be listened on: {error.strerror}. Choose another --port."
        raise click.ClickException(reason) from error


def serve_with_sandbox(early: Early | None = None) -> None:
    """Serves MCP on stdio beside a sandbox of its own.

    Args:
        early: what listens on stdio already, if anything does.
    """
    with sandboxed() as settings:
        serve_stdio(settings, early)


@contextmanager
def sandboxed() -> Generator[Settings]:
    """Runs a sandbox in place of the gateways; the settings lead to it and to a data folder of its own."""
    home = settings_or_exit().home / "sandbox"
    with errors_told():
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"APIXO_MCP_HOME: {home} cannot be made: {error.strerror}") from None
    box = Sandbox(speed=SPEED, port=_port(home / "port"), data_dir=home / "gateways")
    with start_blocking_portal() as portal, ExitStack() as stack:
        with errors_told():
            try:
                stack.enter_context(portal.wrap_async_context_manager(box))
                if not (home / "port").exists():
                    (home / "port").write_text(box.url.rpartition(":")[2], encoding="ascii")
            except OSError as error:
                raise SettingsError(f"The sandbox cannot be started in {home}: {error.strerror or error}") from None
        yield settings_or_exit(home=home, **sandbox_settings(box.url))


def _port(remembered: Path) -> int:
    """The port of the last time, where it is free: tasks made then belong to its address. Else any."""
    try:
        port = int(remembered.read_text("ascii"))
        with socket.create_server(("127.0.0.1", port)):
            return port
    except (OSError, ValueError, OverflowError):
        return 0


def sandbox_settings(url: str) -> dict[str, Any]:
    """Returns the settings that lead to a sandbox at `url`, those of every gateway: none there costs money."""
    return {
        **{listing.base_url_variable.lower(): url for listing in GATEWAYS.values()},
        **{listing.key_variable.lower(): KEY for listing in GATEWAYS.values()},
        "allow_private_hosts": True,
        "poll_scale": 1 / SPEED,
    }
