"""The schema of a task store's file: what version it has, and the way to the newest one, with a copy kept first."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from apixo_mcp.errors import SchemaTooNew, StoreError
from apixo_mcp.stores.listing import lowered
from apixo_mcp.stores.migrations import migrations_of
from apixo_mcp.stores.sqlite.whole import whole

COPIES_KEPT = 3


def migrations() -> tuple[tuple[int, str], ...]:
    """Returns number and script of each step, in order."""
    return migrations_of("apixo_mcp.stores.sqlite")


def newest() -> int:
    """Returns the version that this program writes."""
    return migrations()[-1][0]


def version(database: sqlite3.Connection) -> int:
    """Returns the version that a file has; 0 for an empty one."""
    return int(database.execute("pragma user_version").fetchone()[0])


def refuse_newer(path: Path, have: int) -> None:
    """Stops before anything is written to a file that this program does not understand.

    Raises:
        SchemaTooNew: it is one.
    """
    if have > newest():
        raise SchemaTooNew(
            f"{path} was written by a newer apixo-mcp (schema {have}; this one knows {newest()}). "
            "Update apixo-mcp, or set APIXO_MCP_HOME to another folder."
        )


def teach(database: sqlite3.Connection) -> None:
    """Gives a connection the lower case of all letters: SQLite's own knows those of English alone."""
    database.create_function("lower", 1, _lower, deterministic=True)
    database.execute("pragma trusted_schema = on")  # or a build that is wary of schemas lets no trigger call it


def _lower(value: Any) -> Any:
    return lowered(value) if isinstance(value, str) else value


def _statements(script: str) -> Iterator[str]:
    """Returns the statements of a script; a trigger is one, though there are others in it."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if part.strip() and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def upgrade(database: sqlite3.Connection, have: int) -> None:
    """Runs what is missing. The caller holds the transaction, and has taught the connection."""
    for number, script in migrations():
        if have < number:
            for statement in _statements(script):
                database.execute(statement)
            database.execute(f"pragma user_version = {number}")


def bring_up_to_date(path: Path) -> None:
    """Upgrades a file that an older program made, and keeps a copy of it.

    The caller is alone with the file: an older program that has it open could not write what it paid for.

    Raises:
        StoreError: there is no room for the copy; nothing was changed.
    """
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
        if 0 < (have := version(database)) < newest():
            teach(database)
            with whole(database):
                _keep_copy(path, have)
                upgrade(database, have)


def stamp() -> str:
    """Returns the present moment as part of a file's name."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def free_name(path: Path, ending: str) -> Path:
    """Returns `path` with the ending, and a number where that name is taken."""
    free = path.with_name(f"{path.name}.{ending}")
    number = 2
    while any(path.parent.glob(f"{free.name}*")):
        free = path.with_name(f"{path.name}.{ending}-{number}")
        number += 1
    return free


def _keep_copy(path: Path, have: int) -> None:
    """Copies the file as it is before a migration, and drops all but the newest such copies.

    The caller holds a write transaction that has changed nothing yet, so that this is what the migration starts from.
    """
    copy = free_name(path, f"before-{newest()}-{stamp()}")
    part = copy.with_name(f"{copy.name}.part")
    try:
        with closing(sqlite3.connect(path, timeout=10)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"{path} has an older schema ({have}), and the copy that is kept before it is changed could not be "
            f"written: {error}. Nothing was changed. Make room on the disk, or make the folder writable, and start "
            "again."
        ) from error
    copies = [entry for entry in path.parent.glob(f"{path.name}.before-*") if not entry.name.endswith(".part")]
    # By the moment in the name: the modification time is that of whoever last touched it.
    copies.sort(key=lambda entry: entry.name.removeprefix(f"{path.name}.before-").partition("-")[2])
    for old in copies[:-COPIES_KEPT]:
        old.unlink(missing_ok=True)
