"""The program over an imitated gateway whose answers can be anything, and what long tests wait for."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from amounts import IN_FULL
from wire import Wire

from apixo_mcp.sandbox import Sandbox

sys.path += [str(Path(__file__).parent.parent / name) for name in ("e2e",)]


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
