"""The schema of a database: what version it has, and the way to the newest_schema one."""

from psycopg import Connection
from psycopg.rows import DictRow

from apixo_mcp.errors import SchemaTooNew
from apixo_mcp.stores.migrations import migrations_of
from apixo_mcp.stores.postgres.session import lock_of

_ROOM = "apixo_mcp.stores.postgres"
_THERE = "select to_regclass('schema_of_apixo_mcp') is not null as there"
_VERSION = "select coalesce(max(version), 0) as version from schema_of_apixo_mcp"
_MAKE = """create table if not exists schema_of_apixo_mcp (
  version integer primary key, applied_at timestamptz not null default now())"""
_APPLIED = "insert into schema_of_apixo_mcp (version) values (%s)"


def newest_schema() -> int:
    """Returns the version that this program writes."""
    return migrations_of(_ROOM)[-1][0]


def schema_version(line: Connection[DictRow]) -> int:
    """Returns the version that a database has; 0 for an empty one."""
    row = line.execute(_THERE).fetchone()
    if row is None or not row["there"]:
        return 0
    row = line.execute(_VERSION).fetchone()
    return row["version"] if row else 0


def upgrade_schema(line: Connection[DictRow], shown: str) -> None:
    """Runs what is missing, once, however many processes start together; all of it or nothing.

    Args:
        line: to the database.
        shown: its address, as it is told.

    Raises:
        SchemaTooNew: a newer version of this program has brought it up to date.
    """
    have = schema_version(line)
    if have < newest_schema():
        with line.transaction():
            line.execute("set local statement_timeout = 0")
            line.execute(lock_of("schema").encode())
            line.execute(_MAKE)
            have = schema_version(line)  # again: from here on nobody else changes it
            for number, script in migrations_of(_ROOM):
                if have < number:
                    line.execute(script.encode())
                    line.execute(_APPLIED, (number,))
    if have > newest_schema():
        raise SchemaTooNew(
            f"{shown} was written by a newer apixo-mcp (schema {have}; this one knows {newest_schema()}). "
            "Update apixo-mcp, or set APIXO_MCP_DATABASE_URL to another database."
        )
