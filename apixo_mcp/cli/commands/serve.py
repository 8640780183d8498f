"""`serve`: the server, on stdio or over HTTP."""

import os
import shlex
import socket
import sys
from contextlib import suppress
from typing import NoReturn

import click

from apixo_mcp.cli.process.follower import follower_of
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.process.stdio import serve_stdio, settings_of_server
from apixo_mcp.errors import SettingsError
from apixo_mcp.net.inherited import inherited_listener
from apixo_mcp.server.http.transport import listen_on, run_http


@click.command()
@click.option(
    "--transport",
    type=click.Choice(["stdio", "http", "sse"]),
    default="stdio",
    show_default=True,
    help="How MCP is spoken: see above.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="For http and sse: an address of this machine, 0.0.0.0 or :: for all.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="For http and sse; 0 takes any free one.",
)
@click.option(
    "--drain",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="For http and sse: seconds to serve on once told to end; /readyz answers 503, so that a proxy turns away.",
)
@click.option("--sandbox", is_flag=True, help="Use a built-in imitation of the gateways: no key, no cost.")
@click.pass_context
def serve(context: click.Context, transport: str, host: str, port: int, drain: float, sandbox: bool) -> None:
    """Serve MCP to a host.

    stdio: to the program that started it. http: Streamable HTTP at /mcp and legacy SSE at /sse, with /healthz, on one
    port. sse: without /mcp. A socket that systemd holds for it takes the place of --host and --port.
    """
    if transport != "stdio":
        _serve_http(host, port, streamable=transport == "http", drain=drain, sandbox=sandbox)
    for name in ("host", "port", "drain"):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is for --transport http or sse; stdio has no address, and ends at once")
    serve_stdio(sandbox=sandbox)


def _listener(host: str, port: int) -> socket.socket:
    """Returns the socket that is held for this process, else one of its own."""
    try:
        held = inherited_listener(os.environ)
    except ValueError as error:
        raise SettingsError(f"LISTEN_FDS: {error}.") from None
    return held or listen_on(host, port)


def _serve_http(host: str, port: int, *, streamable: bool, drain: float, sandbox: bool) -> NoReturn:
    """Serves on one port until the process is told to end, and ends it.

    Args:
        host: an address or a name of this machine, or `0.0.0.0` or `::` for all of them.
        port: 0 for any free one.
        streamable: whether `/mcp` is served beside `/sse`.
        drain: seconds that it serves on once it is told to end.
        sandbox: whether a sandbox of its own takes the place of the gateways.
    """
    paths = ("/mcp", "/sse") if streamable else ("/sse",)

    def tell(url: str) -> None:
        public = f", for {' and '.join(settings.public_url + path for path in paths)}" if settings.public_url else ""
        served = " and ".join(url + path for path in paths)
        print(f"apixo-mcp: serving at {served}{public}", file=sys.stderr, flush=True)
        if sandbox:
            no_database = "APIXO_MCP_DATABASE_URL= " if os.environ.get("APIXO_MCP_DATABASE_URL") else ""
            own = f"{no_database}APIXO_MCP_HOME={shlex.quote(str(settings.home))} apixo-mcp owners add NAME"
            print(f"apixo-mcp: the sandbox has tasks and owners of its own: {own}", file=sys.stderr, flush=True)

    with (
        errors_told(),
        settings_of_server(sandbox=sandbox) as settings,
        suppress(KeyboardInterrupt),  # Windows: what Ctrl-C leaves behind once the server has ended
    ):
        leave = None if sandbox else follower_of(settings)
        run_http(settings, _listener(host, port), tell, streamable=streamable, drain=drain, leave=leave)
    # Everything is closed: taking the interpreter apart would only keep whoever waits for the end.
    sys.stderr.flush()
    os._exit(0)
