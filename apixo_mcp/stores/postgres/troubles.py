"""Tells what helps with a server that fails: by the class of its error, never by its words, in whatever language."""

import re
from collections.abc import Mapping
from typing import Any

import psycopg

_ADVICE = {
    # By SQLSTATE: appendix A of Postgres' manual.
    "28": "Check the user and the password in APIXO_MCP_DATABASE_URL.",
    "3D": "Create the database, or name another one in APIXO_MCP_DATABASE_URL.",
    "3F000": "The user's search_path names no schema that is there: make one, or change it.",
    "42P07": "Something in it has a name that is needed: give apixo-mcp a database of its own.",
    "42501": "Give the user of APIXO_MCP_DATABASE_URL the right to connect, and to create, read and write tables.",
    "53": "Make room on the server, or let it and this user have more connections, and try again.",
    "55000": "End this program, and start it where its tasks go on.",
    "55P03": "Another process is busy with it; try again.",
    "57P03": "It is starting or ending; try again in a moment.",
    "57014": "It took too long; try again.",
    "25006": "It can only be read, as a standby can: name the server that is written to.",
}
_UNREACHED = "Check that the server runs and can be reached, and try again."
_REFUSED = (
    "The server refuses: check the user, the password and the database in APIXO_MCP_DATABASE_URL, and whether the "
    "server lets this user connect from here and have more connections, and try again."
)
_SEVERITY = re.compile(r" failed: [^\s:]{1,40}:  ")
"""As libpq passes on what a server says that lets nobody in: without a SQLSTATE, after a severity in its language and
two spaces (pqBuildErrorMessage3 in its fe-protocol3.c). Its own words have no such mark."""
_MAINTENANCE = "postgres"
_MAY_CONNECT = """select has_database_privilege(oid, 'connect') and datallowconn as may from pg_database
  where datname = %s"""


def advice_on(error: psycopg.Error) -> str:
    """Returns what to do about an error of the server, empty where nothing is known."""
    state = error.sqlstate or ""
    known = next((text for start, text in _ADVICE.items() if state.startswith(start)), "")
    return known or (_UNREACHED if isinstance(error, psycopg.OperationalError) else "")


def advice_on_start(error: psycopg.Error, conninfo: Mapping[str, Any]) -> str:
    """Returns what to do about an error of a first connection: of a server that refuses it is found out why. Blocking.

    Args:
        error: that it ended with.
        conninfo: the parameters of that connection.
    """
    is_refused = error.sqlstate is None and _SEVERITY.search(str(error)) is not None
    return _ADVICE.get(_refused_with(conninfo), _REFUSED) if is_refused else advice_on(error)


def _refused_with(conninfo: Mapping[str, Any]) -> str:
    """Returns the SQLSTATE by which a server refuses a database, as another one of its tells; empty: not known."""
    elsewhere: dict[str, Any] = {**conninfo, "dbname": _MAINTENANCE, "autocommit": True}
    try:
        with psycopg.connect(**elsewhere) as connection:
            name = conninfo.get("dbname") or connection.info.user
            row = connection.execute(_MAY_CONNECT, [name]).fetchone()
    except psycopg.Error:
        return ""
    if row is None:
        return "3D"
    return "53" if row[0] else "42501"


def is_of_former_schema(error: BaseException) -> bool:
    """Tells whether a statement was prepared before a newer program, in an upgrade, added a column to its table."""
    # The place in the server's source says it in every language; JDBC's driver goes by it too.
    is_cached_plan = isinstance(error, psycopg.errors.FeatureNotSupported)
    return is_cached_plan and error.diag.source_function == "RevalidateCachedQuery"
