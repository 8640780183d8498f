"""Starts the server as a host does that got a package, and asks it for a picture of the sandbox."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation
from PIL import Image

_OF_THE_NETWORK = ("UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Picture:
    """What came of it.

    Attributes:
        path: of the saved file.
        to_tools: seconds from the spawn to the list of tools.
        to_picture: seconds from the spawn to the saved file.
        structure: of the answer.
    """

    path: Path
    to_tools: float
    to_picture: float
    structure: dict[str, Any]


def desk(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user whose home folder is empty, with what this machine needs to reach the registries."""
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(_OF_THE_NETWORK)}
    home.mkdir(parents=True, exist_ok=True)
    found = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
        "UV_CACHE_DIR": str(home / "uv-cache"),
    }
    return {"PATH": os.environ["PATH"], **kept, **found, **more}


async def first_picture(command: str, words: Sequence[str], environment: Mapping[str, str], log: Path) -> Picture:
    """Starts a server, and asks it for its tools and for a picture, as Claude Desktop."""
    parameters = StdioServerParameters(command=command, args=list(words), env=dict(environment))
    who = Implementation(name="claude-ai", version="1.0")
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as told:
        async with Client(stdio_client(parameters, errlog=told), client_info=who, read_timeout_seconds=120) as client:
            assert len((await client.list_tools()).tools) == 11
            to_tools = time.monotonic() - start
            asked = {"model": "nano-banana", "prompt": "a fox in the snow", "wait_seconds": 50}
            structure = (await client.call_tool("generate_image", asked)).structured_content or {}
            while structure.get("state") in ("submitting", "pending", "processing"):
                again = {"task_id": structure["task_id"], "wait_seconds": 50}
                structure = (await client.call_tool("check_task", again)).structured_content or {}
            to_picture = time.monotonic() - start
    assert structure.get("state") == "success", structure
    path = Path(structure["results"][0]["path"])
    with Image.open(path) as picture:
        picture.load()
    return Picture(path, to_tools, to_picture, structure)
