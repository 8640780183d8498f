"""One Chromium for all, and the program that its pages come from."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.chromium import chromium, window
from support.person import Raw, invitation_of, registered

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Any]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def page(browser: Any) -> AsyncIterator[Any]:
    async with window(browser, ignore_https_errors=True) as page:
        yield page


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


@pytest.fixture
async def house(box: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[App, Raw]]:
    async with registered(box, tmp_path) as running:
        yield running


@pytest.fixture
async def signed_in(house: tuple[App, Raw], page: Any) -> Any:
    """A page of Alice's browser."""
    app, raw = house
    await page.goto(f"{raw.url}/sign-in/{await invitation_of(app, 'alice')}")
    await page.get_by_role("button").click()
    await page.wait_for_url("**/sign-in")
    return page
