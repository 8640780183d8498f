"""Every store that keeps the contract: a test that asks for `open_store` runs on each."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from support.store_tasks import CLOCK

from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.stores.sqlite.store import SqliteStore

Clocks = Callable[[], float]
Open = Callable[..., AbstractAsyncContextManager[Any]]


def sqlite_store(path: Path, clock: Clocks = CLOCK) -> SqliteStore:
    return SqliteStore(path, clock=clock, elapsed=clock)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store again and again, as several processes would, each with a clock (`CLOCK`).

    On Postgres there is one clock, the server's: it is `CLOCK`.
    """
    if request.param == "sqlite":
        return lambda clock=CLOCK: sqlite_store(tmp_path / "data" / "tasks.sqlite3", clock)
    url: str = request.getfixturevalue("postgres_store_url")
    return lambda clock=CLOCK: PostgresStore(url, clock=CLOCK)
