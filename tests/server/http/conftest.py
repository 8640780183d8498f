"""The program over HTTP, with two owners."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.house import REACHED_HERE, House, opened_house
from support.program import values_for

from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings


@pytest.fixture
def given() -> dict[str, Any]:
    """The settings of the program."""
    return {}


@pytest.fixture
async def house(box: Sandbox, tmp_path: Path, era: str, given: dict[str, Any]) -> AsyncIterator[House]:
    listener = listen("127.0.0.1", 0)
    values = values_for(box, tmp_path) | given
    if values.get("public_url") == REACHED_HERE:
        values["public_url"] = url_of(listener)
    async with opened_house(read_settings(**values), era, listener) as house:
        yield house
