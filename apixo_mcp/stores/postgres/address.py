"""Where the database is, and how it is connected to: what is told of that holds no password."""

from dataclasses import dataclass
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from apixo_mcp.errors import SettingsError

_HIDDEN = "***"
_DEFAULTS: dict[str, Any] = {
    "application_name": "apixo-mcp",
    "client_encoding": "utf8",
    "connect_timeout": 5,
    # A server, or a network, that is gone without a word is noticed in some ten seconds.
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where the database is.

    Attributes:
        conninfo: as libpq takes it, with the password.
        defaults: what is asked of a connection where it does not say otherwise.
        shown: as it is told to people.
        password: that must not be told, empty where there is none in it.
    """

    conninfo: str
    defaults: dict[str, Any]
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
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise SettingsError(
            "APIXO_MCP_DATABASE_URL: must be an address such as postgresql://user:password@host:5432/database; "
            "in a password the signs / @ : % ? # are written in percent signs"
        ) from None
    host, port = given.get("host") or given.get("hostaddr") or "localhost", given.get("port") or "5432"
    return DatabaseAddress(
        conninfo=url,
        defaults={name: value for name, value in _DEFAULTS.items() if name not in given},
        shown=f"postgresql://{host}:{port}/{given.get('dbname') or given.get('user') or ''}",
        password=str(given.get("password") or ""),
    )
