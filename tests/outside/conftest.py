from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.desk import Sit, seated

from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=50) as box:
        yield box


@pytest.fixture
def sit(box: Sandbox, tmp_path: Path) -> Sit:
    return seated(box, tmp_path)
