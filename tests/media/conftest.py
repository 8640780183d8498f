"""The fixtures of the media tests."""

from collections.abc import AsyncIterator

import pytest
from support.media_wire import Wire, serving

from apixo_mcp.net.http import Http


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with serving() as wire:
        yield wire


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http(allow_private_hosts=True) as http:
        yield http
