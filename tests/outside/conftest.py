from collections.abc import AsyncIterator

import pytest

from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=50) as box:
        yield box
