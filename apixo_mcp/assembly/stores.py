"""Chooses the task store: a file of this machine's, or a database that several machines share."""

from contextlib import AbstractAsyncContextManager

from apixo_mcp.errors import SettingsError
from apixo_mcp.settings import Settings
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.stores.store import TaskStore

MISSING = "APIXO_MCP_DATABASE_URL takes an extra: pip install 'apixo-mcp[postgres]'"


def store_of(settings: Settings) -> AbstractAsyncContextManager[TaskStore]:
    """Returns the task store that the settings name, which is open for as long as its context lasts.

    Raises:
        SettingsError: what a database takes is not installed, or its address cannot be read.
    """
    if not settings.database_url:
        return SqliteStore(settings.home / "tasks.sqlite3")
    try:
        # Imported here: an extra brings what it takes.
        from apixo_mcp.stores.postgres.store import PostgresStore
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_pool"):
            raise
        raise SettingsError(MISSING) from None
    return PostgresStore(settings.database_url.get_secret_value())
