"""`demo`: the main job with nothing set up, and with none of the user's own settings."""

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anyio
import click
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation

from apixo_mcp import __version__
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.requests.folders import made
from apixo_mcp.cli.terminal.bar import Bar
from apixo_mcp.cli.terminal.interrupts import INTERRUPTED, Interrupts
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import ApixoError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.views.faces import CHAT
from apixo_mcp.views.models import tool_of

DEMO_LASTS_AT_MOST = 600.0  # a video takes a minute; a server that hangs says nothing by itself

_OF_THE_NETWORK = frozenset(
    {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"}
)


class _Over(ApixoError):
    """The demo cannot go on; the message says why."""


@click.command()
@click.argument("prompt", default="a lighthouse on a cliff at sunset, watercolour")
@click.option("--model", default="nano-banana", show_default=True, help="Any model that makes pictures.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where the file goes.",
)
def demo(prompt: str, model: str, output: Path) -> None:
    """Make a picture with nothing set up: a sandbox, the server and a real MCP client."""
    started = time.monotonic()
    interrupts = Interrupts()
    with errors_told(), interrupts.heard():
        prompt = prompt.strip()
        if not prompt:
            raise _Over("The prompt must not be empty.")
        folder = made(output)
        asked = Catalog().find(model)
        say(f"Asking {model} (sandbox: no key, no cost) for: {prompt}")
        answer = _answer(prompt, asked, folder, interrupts)
    if answer is None:
        say("The demo was stopped. Nothing was sent to a gateway, and nothing is charged.", err=True)
        raise SystemExit(INTERRUPTED)
    _tell(answer)
    say(f"Took {time.monotonic() - started:.1f} s, from the start of the server to the saved file.")


def _tell(answer: Mapping[str, Any]) -> None:
    if answer.get("state") != "success":
        error: Mapping[str, Any] = answer.get("error") or {}
        reason = " ".join(str(error[name]) for name in ("code", "message", "advice") if name in error)
        say(f"It ended in state {answer.get('state')}: {reason or answer.get('next_step')}", err=True)
        raise SystemExit(1)
    for result in answer["results"]:
        if "path" not in result:
            say(f"The picture was made, and could not be saved: {result.get('problem')}", err=True)
            raise SystemExit(1)
        say(f"Saved: {result['path']}")
        size = f"{result['width']}x{result['height']}, " if "width" in result else ""
        say(f"       {result['mime_type']}, {size}{result['bytes']:,} bytes")


def _answer(prompt: str, model: Model, folder: Path, interrupts: Interrupts) -> dict[str, Any] | None:
    """Asks for the picture, and returns what became of it; None where the demo was interrupted.

    Raises:
        ApixoError: it could not be asked for.
    """
    answers: list[dict[str, Any]] = []

    async def run(home: Path, log: Any, bar: Bar) -> None:
        with interrupts.scope():
            with anyio.fail_after(DEMO_LASTS_AT_MOST):
                answers.append(await _ask(prompt, model, folder, home, log, bar))

    try:
        # A folder that goes away: the demo leaves nothing behind but the picture.
        with (
            tempfile.TemporaryDirectory(prefix="apixo-mcp-demo-", ignore_cleanup_errors=True) as home,
            tempfile.TemporaryFile() as log,
        ):
            try:
                with Bar("starting the server") as bar:
                    anyio.run(run, Path(home), log, bar)
            except ExceptionGroup as errors:
                raise _reason(errors, log) from None
            except Exception as error:
                raise _reason(error, log) from None
    except OSError as error:
        raise _Over(f"There is no folder for temporary files: {error.strerror or error}.") from None
    return answers[0] if answers else None


def _reason(error: Exception, log: Any) -> Exception:
    """Says why the demo failed, in a sentence: what the server said, or how it ended."""
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cast(BaseExceptionGroup[BaseException], cause).exceptions[0]
    if isinstance(cause, ApixoError | BrokenPipeError):
        return cause
    if isinstance(cause, TimeoutError):
        return _Over(f"The server did not end the task within {DEMO_LASTS_AT_MOST:.0f} s.")
    log.seek(0)
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    words = lines[-1].removeprefix("apixo-mcp: ") if lines else str(cause) or type(cause).__name__
    return _Over(f"The demo's own server ended before the picture was there: {words}")


def surroundings(environment: Mapping[str, str], home: Path, folder: Path) -> dict[str, str]:
    """Returns the environment of the demo's server: without the user's settings, proxies and certificates."""
    not_the_demos = ("APIXO_MCP_", *(listing.prefix for listing in GATEWAYS.values()))
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(not_the_demos) and name.upper() not in _OF_THE_NETWORK
    }
    return kept | {
        "APIXO_MCP_HOME": str(home),
        "APIXO_MCP_DOWNLOAD_DIR": str(folder),
        "APIXO_MCP_LINGER": "0",
        "PYTHONUTF8": "1",  # files have the names that the prompt asks for, whatever the terminal's encoding
        "NO_PROXY": "*",  # nor those that the system has set
    }


async def _ask(prompt: str, model: Model, folder: Path, home: Path, log: Any, bar: Bar) -> dict[str, Any]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "apixo_mcp", "serve", "--sandbox"],
        env=surroundings(os.environ, home, folder),
        cwd=None if _is_somewhere() else home,
    )
    name = Implementation(name="apixo-mcp", version=__version__)
    async with Client(stdio_client(server, errlog=log), client_info=name) as client:
        bar.show(0.0, "submitting")

        async def show(progress: float, total: float | None, message: str | None) -> None:
            bar.show(progress / (total or 1.0), (message or "").split(",")[0])

        arguments: dict[str, Any] = {"model": model.id, "prompt": prompt, "wait_seconds": 0}
        answer = _structure(await client.call_tool(tool_of(model, CHAT), arguments))
        while _is_open(answer):
            bar.show(answer.get("progress", 0.0), answer["state"])
            follow = {"task_id": answer["task_id"], "wait_seconds": 1}
            answer = _structure(await client.call_tool("check_task", follow, progress_callback=show))
        bar.show(1.0, answer["state"])
        return answer


def _is_somewhere() -> bool:
    """Tells whether the working directory still exists, in which a program can be started."""
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False


def _is_open(answer: dict[str, Any]) -> bool:
    is_saving = any(result.get("file") == "saving" for result in answer.get("results", ()))
    return is_saving or answer["state"] in ("submitting", "pending", "processing")


def _structure(answer: Any) -> dict[str, Any]:
    if answer.is_error:
        raise _Over(answer.content[0].text)
    return answer.structured_content
