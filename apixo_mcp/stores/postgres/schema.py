"""The schema of a database: what version it has, the way to the newest one, and which programs go on with it.

In an upgrade programs of two versions work on one database. A migration that only adds says so in its first line,

    -- Programs from schema 2 on go on with this.

and they do, though they do not know it. What a migration must not do then: take away or rename what they use, or add a
column without a default, a state, or a term that binds them (a kind of budget). One without that line ends the work of
older programs as they start anew: it is for a new minor version.
"""

import logging
import re

from psycopg import Connection
from psycopg.rows import DictRow

from apixo_mcp.errors import SchemaTooNew
from apixo_mcp.postgres.connections import WHOLE_TABLES_WITHIN
from apixo_mcp.stores.migrations import migrations_of
from apixo_mcp.stores.postgres.connection import ServerLine
from apixo_mcp.stores.postgres.session import lock_of

log = logging.getLogger(__name__)

_ROOM = "apixo_mcp.stores.postgres"
_THERE = "select to_regclass('schema_of_apixo_mcp') is not null as there"
_VERSION = """select coalesce(max(version), 0) as version, coalesce(max(coalesce(needs, version)), 0) as needs
  from schema_of_apixo_mcp"""
_MAKE = """create table if not exists schema_of_apixo_mcp (
  version integer primary key, needs integer, applied_at timestamptz not null default now())"""
_APPLIED = "insert into schema_of_apixo_mcp (version, needs) values (%s, %s)"
_GO_ON = re.compile(r"\A-- Programs from schema (\d{1,4}) on go on with this\.\n")


def newest_schema() -> int:
    """Returns the version that this program writes."""
    return migrations_of(_ROOM)[-1][0]


def needed_schema(number: int, script: str) -> int:
    """Returns the oldest schema whose programs go on once a migration was made: its own, where it says nothing."""
    said = _GO_ON.match(script)
    return int(said[1]) if said else number


def schema_version(line: Connection[DictRow]) -> tuple[int, int]:
    """Returns the version that a database has, 0 for an empty one, and which a program must know to use it."""
    row = line.execute(_THERE).fetchone()
    if row is None or not row["there"]:
        return 0, 0
    row = line.execute(_VERSION).fetchone()
    return (row["version"], row["needs"]) if row else (0, 0)


def upgrade_schema(line: ServerLine, shown: str) -> int:
    """Runs what is missing, once, however many processes start together; all of it or nothing.

    Args:
        line: to the database.
        shown: its address, as it is told.

    Returns:
        The version that it has then, which may be one that this program does not know.

    Raises:
        SchemaTooNew: a newer version of this program has brought it up to date, and this one cannot go on.
    """
    have, needs = schema_version(line)
    if have < newest_schema():
        usual, line.answers_within = line.answers_within, WHOLE_TABLES_WITHIN
        with line.transaction():
            line.execute("set local statement_timeout = 0")
            line.execute(lock_of("schema").encode())
            line.execute(_MAKE)
            have, needs = schema_version(line)  # again: from here on nobody else changes it
            for number, script in migrations_of(_ROOM):
                if have < number:
                    line.execute(script.encode())
                    line.execute(_APPLIED, (number, needed_schema(number, script)))
        line.answers_within = usual
    if needs > newest_schema():
        raise SchemaTooNew(
            f"{shown} was written by a newer apixo-mcp (schema {have}; this one knows {newest_schema()}). "
            "Update apixo-mcp, or set APIXO_MCP_DATABASE_URL to another database."
        )
    if have > newest_schema():
        log.info("%s is of schema %d, of a newer apixo-mcp; this one goes on with it", shown, have)
    return max(have, newest_schema())
