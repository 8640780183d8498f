"""The program itself, on one folder, and the sandbox behind it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from support.task_steps import Start

from apixo_mcp.app import App, open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as box:
        yield box


@pytest.fixture
def start(box: Sandbox, tmp_path: Path) -> Start:
    """Starts the program, as often as wanted, on one and the same folder."""

    def open_it(*, follow: bool = True, **given: Any) -> AbstractAsyncContextManager[App]:
        values = {
            "home": tmp_path / "home",
            "download_dir": tmp_path / "pictures",
            "apixo_api_key": "sk-mine",
            "apixo_base_url": box.url,
            "allow_private_hosts": True,
            "poll_scale": 0.01,
        }
        return open_app(read_settings(**{**values, **given}), follow=follow)

    return open_it
