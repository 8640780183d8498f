"""A scripted gateway, and a front door above it."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.door import Door, Enter, door
from support.scripted_gateway import Gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.fixture
def enter(gateway: Gateway, tmp_path: Path) -> Enter:
    """Opens the server and a client of it; keyword arguments are settings."""

    @asynccontextmanager
    async def opened(client: str = "claude-ai", **settings: Any) -> AsyncIterator[Door]:
        async with door(gateway.url, tmp_path, client, **settings) as entered:
            yield entered

    return opened


@pytest.fixture(autouse=True)
def _no_crash(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing from outside may raise where nobody expects it."""
    caplog.set_level(logging.ERROR)
    yield
    assert not [record for record in caplog.records if record.exc_info], caplog.text[:3000]
