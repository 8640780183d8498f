"""Where the database is, and how it is connected to: what is told of that holds no password."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import ProgrammingError

from apixo_mcp.errors import SettingsError
from apixo_mcp.postgres.connections import conninfo_of

_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where the database is.

    Attributes:
        conninfo: the parameters of a connection, with the password.
        shown: as it is told to people.
        password: that must not be told, empty where there is none in it.
    """

    conninfo: Mapping[str, Any]
    shown: str
    password: str

    def without_password(self, text: str) -> str:
        """Returns a text that may be told."""
        return text.replace(self.password, _HIDDEN) if self.password else text


def database_address(url: str) -> DatabaseAddress:
    """Reads what `APIXO_MCP_DATABASE_URL` holds.

    Raises:
        SettingsError: libpq cannot read it; nothing of it is told.
    """
    try:
        given = {} if _is_torn(url) else conninfo_of(url, "apixo-mcp")
    except ProgrammingError:
        given = {}
    if not given:
        raise SettingsError(
            "APIXO_MCP_DATABASE_URL: must be an address such as postgresql://user:password@host:5432/database; "
            "in a password the signs / @ : % ? # are written in percent signs"
        )
    host, port = given.get("host") or given.get("hostaddr") or "localhost", given.get("port") or "5432"
    return DatabaseAddress(
        conninfo=given,
        shown=f"postgresql://{host}:{port}/{given.get('dbname') or given.get('user') or ''}",
        password=str(given.get("password") or ""),
    )


def _is_torn(url: str) -> bool:
    """Tells whether a sign in a password ends it too early: libpq would take the rest for a host or a database."""
    _, is_url, rest = url.partition("://")
    places, _, options = rest.partition("?")
    is_late = "@" in places.partition("/")[2] or "@" in options.partition("=")[0]
    return bool(is_url) and (places.count("@") > 1 or is_late)
