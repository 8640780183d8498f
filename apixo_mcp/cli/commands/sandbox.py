"""`sandbox`: a local imitation of both gateways."""

import click

from apixo_mcp.cli.process.sandboxed import SANDBOX_KEY
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.sandbox import serve


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="An address of this machine, 0.0.0.0 or :: for all."
)
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How many times faster than the real gateways.",
)
def sandbox(host: str, port: int, speed: float) -> None:
    """Run a local imitation of both gateways."""

    def tell(address: str) -> None:
        click.echo(f"Sandbox of APIXO and Ruxa AI at {address}, {speed:g} times as fast as they are. To use it:")
        for name, listing in GATEWAYS.items():
            click.echo(f"  {listing.base_url_variable}={address}")
            click.echo(f"  {listing.key_variable}={SANDBOX_KEY}-{name}")
        click.echo("  APIXO_MCP_ALLOW_PRIVATE_HOSTS=1")
        click.echo(f"  APIXO_MCP_POLL_SCALE={1 / speed:g}")

    try:
        serve(host=host, port=port, speed=speed, on_ready=tell)
    except OSError as error:
        reason = f"{host} port {port} cannot be listened on: {error.strerror}. Choose another --port."
        raise click.ClickException(reason) from error
