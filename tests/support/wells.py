"""Whether a process that runs is well, as whatever watches over it asks."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import anyio
from anyio.to_thread import run_sync
from support.amounts import in_time


def probed(port: int, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    """The status and the words of a probe; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)
    except OSError:
        return 0, {}


async def becomes(port: int, fits: Callable[[int], bool], within: float) -> float:
    """Returns once the status of `/readyz` is so, and after how many seconds that was."""
    began = time.monotonic()
    with in_time(within):
        while not fits((await run_sync(probed, port))[0]):
            await anyio.sleep(0.1)
    return time.monotonic() - began


async def becomes_ready(port: int, within: float) -> None:
    """Returns once the process is ready."""
    await becomes(port, lambda status: status == 200, within)
