"""The program over an imitated gateway whose answers can be anything, and what long tests wait for."""

from collections.abc import AsyncIterator

import pytest
from support.amounts import IN_FULL
from support.wire import Wire

from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as running:
        yield running


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Wire() as running:
        yield running


@pytest.fixture
def in_full() -> None:
    """For what takes long without much to do: only `make faults` and `.ci/run` wait for it."""
    if not IN_FULL:
        pytest.skip("takes a minute: make faults runs it")
