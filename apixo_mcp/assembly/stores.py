"""Chooses the task store: a file of this machine's, or a database that several machines share."""

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from apixo_mcp.errors import SettingsError
from apixo_mcp.settings import Settings
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.stores.store import TaskStore

if TYPE_CHECKING:
    from apixo_mcp.stores.moving.moves import MoveEnd

_FILE = "tasks.sqlite3"


def store_of(settings: Settings) -> AbstractAsyncContextManager[TaskStore]:
    """Returns the task store that the settings name, which is open for as long as its context lasts.

    Raises:
        SettingsError: what a database takes is not installed, or its address cannot be read.
    """
    if not settings.database_url:
        return SqliteStore(settings.home / _FILE)
    with _extra():
        # Imported here: an extra brings what it takes.
        from apixo_mcp.stores.postgres.store import PostgresStore
    return PostgresStore(settings.database_url.get_secret_value())


def move_end_of(settings: Settings) -> "AbstractContextManager[MoveEnd]":
    """Returns the task store that the settings name, as it leaves for another database, or arrives from one.

    Raises:
        SettingsError: see `store_of`.
    """
    if not settings.database_url:
        # Imported here: only a move needs it.
        from apixo_mcp.stores.sqlite.move_end import sqlite_end

        return sqlite_end(settings.home / _FILE)
    with _extra():
        from apixo_mcp.stores.postgres.move_end import postgres_end
    return postgres_end(settings.database_url.get_secret_value())


@contextmanager
def reached(place: str) -> "Generator[MoveEnd | None]":
    """Opens the store that another one came from, where this machine has it; None where it does not."""
    path = Path(place)
    if not place or not path.is_file() or not path.stat().st_size:
        yield None
        return
    from apixo_mcp.stores.sqlite.move_end import is_newest, sqlite_end

    with sqlite_end(path) as end:
        yield end if is_newest(path) else None


def missing_extra() -> SettingsError:
    """Returns what is raised where what a database takes is not installed."""
    from apixo_mcp.installation import adding  # loaded where something is missing alone

    return SettingsError(
        f"APIXO_MCP_DATABASE_URL takes the extra `postgres`, which is not installed. {adding('postgres')}"
    )


@contextmanager
def _extra() -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_pool"):
            raise
        raise missing_extra() from None
