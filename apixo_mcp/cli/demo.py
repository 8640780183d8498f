"""`demo`: the main job with nothing set up."""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import click
from mcp import Client, StdioServerParameters
from mcp.types import Implementation

from apixo_mcp import __version__
from apixo_mcp.cli.bar import Bar
from apixo_mcp.cli.start import errors_told
from apixo_mcp.errors import ApixoError


def run_demo(prompt: str, model: str, output: Path) -> None:
    """Starts the server with a sandbox, asks it over MCP for a picture, and says where the file is."""
    started = time.monotonic()
    click.echo(f"Asking {model} (sandbox: no key, no cost) for: {prompt}")
    # A folder that goes away: the demo leaves nothing behind but the picture.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        errors_told(),
        Bar("starting the server") as bar,
    ):
        answer = anyio.run(_ask, prompt, model, output, Path(home), bar)
    if answer.get("state") != "success":
        click.echo(
            f"It ended in state {answer.get('state')}: {answer.get('error') or answer.get('next_step')}", err=True
        )
        raise SystemExit(1)
    for result in answer["results"]:
        click.echo(f"Saved: {result['path']}")
        size = f"{result['width']}x{result['height']}, " if "width" in result else ""
        click.echo(f"       {result['mime_type']}, {size}{result['bytes']:,} bytes")
    click.echo(f"Took {time.monotonic() - started:.1f} s, from the start of the server to the saved file.")


async def _ask(prompt: str, model: str, output: Path, home: Path, bar: Bar) -> dict[str, Any]:
    environment = {**os.environ, "APIXO_MCP_HOME": str(home), "APIXO_MCP_DOWNLOAD_DIR": str(output)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "apixo_mcp", "serve", "--sandbox"], env=environment
    )
    async with Client(server, client_info=Implementation(name="apixo-mcp", version=__version__)) as client:
        modality = await _modality(client, model)
        bar.show(0.0, "submitting")

        async def show(progress: float, total: float | None, message: str | None) -> None:
            bar.show(progress / (total or 1.0), message or "")

        arguments: dict[str, Any] = {"model": model, "prompt": prompt, "wait_seconds": 0}
        answer = _structure(await client.call_tool(f"generate_{modality}", arguments))
        while _is_open(answer):
            bar.show(answer.get("progress", 0.0), answer["state"])
            follow = {"task_id": answer["task_id"], "wait_seconds": 1}
            answer = _structure(await client.call_tool("check_task", follow, progress_callback=show))
        bar.show(1.0, answer["state"])
        return answer


async def _modality(client: Client, model: str) -> str:
    described = await client.call_tool("describe_model", {"model": model})
    text = described.content[0].text if described.content[0].type == "text" else ""
    if described.is_error:
        raise ApixoError(text)
    return next(word for word in ("image", "video", "audio") if f"generate_{word}" in text)


def _is_open(answer: dict[str, Any]) -> bool:
    is_saving = any(result.get("file") == "saving" for result in answer.get("results", ()))
    return is_saving or answer["state"] in ("submitting", "pending", "processing")


def _structure(answer: Any) -> dict[str, Any]:
    if answer.is_error:
        raise ApixoError(answer.content[0].text)
    return answer.structured_content
