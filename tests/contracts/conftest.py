"""The fixtures of the contract of a store."""

from collections.abc import AsyncIterator

import pytest
from support.store_tasks import CLOCK, NOW
from support.stores import Open

from apixo_mcp.tasks.ports.store import Store


@pytest.fixture
async def both(open_store: Open) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes on the same data."""
    CLOCK.now = NOW
    async with open_store() as one, open_store() as two:
        yield one, two


@pytest.fixture
def store(both: tuple[Store, Store]) -> Store:
    """The store of the first of them."""
    return both[0]


@pytest.fixture
def elsewhere(both: tuple[Store, Store]) -> Store:
    """The store of the second."""
    return both[1]
