"""Commands as a person types them, on a data folder of their own beside the sandbox."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from anyio.to_thread import run_sync
from click.testing import Result
from support.amounts import in_time

Typed = Callable[..., Result]
"""Runs a command; keyword arguments are variables, but for `home` and `key`."""

UNHURRIED = {"APIXO_MCP_POLL_SCALE": "0.4"}
"""The first look comes two seconds after the submit: a command that does not wait is over by then."""

COMMAND = (sys.executable, "-m", "apixo_mcp")


async def run(typed: Typed, *words: object, **given: str) -> Result:
    with in_time(60):
        return await run_sync(lambda: typed(*words, **given))


async def made(typed: Typed, prompt: str = "a fox", **given: str) -> str:
    """The id of a task that `generate` made."""
    await run(typed, "generate", "nano-banana", prompt, **given)
    return (await run(typed, "tasks", "list", **given)).stdout.split()[0]


async def newest(typed: Typed) -> dict[str, Any]:
    """The task that was made last; empty where there is none yet."""
    lines = (await run(typed, "tasks", "list", "--limit", 1)).stdout.split()
    return await shown(typed, lines[0]) if lines else {}


async def shown(typed: Typed, task_id: str, **given: str) -> dict[str, Any]:
    return json.loads((await run(typed, "tasks", "show", task_id, **given)).stdout)


def alone(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own, to its end."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        [*COMMAND, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def started(*words: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts a command that stays."""
    return subprocess.Popen(
        [*COMMAND, *words],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
