"""Plays a client on the first line of the Python SDK that gives up without a word: one paid task on every transport.

    python tests/examples/first_sdk.py

Needs the network for pip; `make examples` sets the rest up.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

HERE = Path(__file__).resolve().parent
CLIENT = HERE / "first_sdk"
sys.path.insert(0, str(HERE.parent))

from run import ENVIRONMENTS, install_pip, python_of  # noqa: E402
from support.program import environment, program, values_for  # noqa: E402

from apixo_mcp.sandbox import Sandbox  # noqa: E402


def installed() -> Path:
    """The Python of an environment that has the SDK's first line."""
    place = ENVIRONMENTS / "first_sdk"
    if not (place / "installed").is_file():
        install_pip(CLIENT / "requirements.txt", place)
        (place / "installed").touch()
    return python_of(place)


async def played(python: Path, box: Sandbox, folder: Path, transport: str) -> list[dict[str, Any] | None]:
    """The answers of the client, None for each call that it gave up."""
    values: Mapping[str, Any] = values_for(box, folder)
    if transport == "stdio":
        return await _answers(python, transport, sys.executable, environment(values))
    async with program("http", values) as dial:
        mcp = dial()
        target = mcp if transport == "http" else mcp.removesuffix("/mcp") + "/sse"
        return await _answers(python, transport, target, {})


async def _answers(python: Path, transport: str, target: str, more: Mapping[str, str]) -> list[dict[str, Any] | None]:
    command = [str(python), str(CLIENT / "gives_up.py"), transport, target]
    with anyio.fail_after(120):
        done = await anyio.run_process(command, env={**os.environ, **more}, stderr=None)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


async def main() -> bool:
    """Plays it on each transport, and tells whether it paid once on all."""
    python, is_well = await anyio.to_thread.run_sync(installed), True
    for transport in ("stdio", "http", "sse"):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            async with Sandbox(speed=1000.0) as box:
                answers = await played(python, box, Path(folder), transport)
                paid = len(box.submits())
        told = [answer for answer in answers if answer]
        # A process that is still loading may keep the second call waiting, too.
        is_right = paid == 1 and len(told) >= 2 and all("deduplicated" in one for one in told)
        is_well &= is_right
        print(f"first SDK line, {transport:6} {'ok' if is_right else 'FAIL'}: {paid} paid, {len(told)} answers in time")
    return is_well


if __name__ == "__main__":
    raise SystemExit(0 if anyio.run(main) else 1)
