"""A database as a store leaves it, or arrives in it."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from apixo_mcp.errors import StoreError
from apixo_mcp.postgres.connections import WHOLE_TABLES_WITHIN
from apixo_mcp.stores.listing import lowered
from apixo_mcp.stores.moving.moves import MoveEnd, twice
from apixo_mcp.stores.postgres.address import DatabaseAddress, database_address
from apixo_mcp.stores.postgres.connection import ServerLine, Unfit, set_up
from apixo_mcp.stores.postgres.dialect import translated
from apixo_mcp.stores.postgres.schema import upgrade_schema
from apixo_mcp.stores.postgres.session import NOW

_ALONE = """set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
  set local lock_timeout = '8s';
  lock table schema_of_apixo_mcp, secret, task, owner in access exclusive mode"""
"""Who opens the database reads the version of its schema first, and has to wait from here on."""
_OTHERS = """select count(distinct coalesce(client_addr::text, '') || coalesce(client_port, 0)) as count,
    string_agg(distinct coalesce(host(client_addr), 'this machine'), ', ') as hosts from pg_stat_activity
  where datname = current_database() and application_name like 'apixo-mcp%%' and pid <> pg_backend_pid()"""
_LEASED = "select count(*) as count from task where lease_until > extract(epoch from clock_timestamp())"
_COLUMNS = """select attname as name, atttypid = 'text'::regtype as is_text from pg_attribute
  where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum"""
_SEARCHED = "insert into searched (owner, created_at, task_id, text) values (%s, %s, %s, %s)"
_SHUT = ("task", "owner", "kept", "webhook")
_MAKE_REFUSAL = """create or replace function refuse_moved() returns trigger language plpgsql as $$
  begin
    raise exception 'its tasks were moved to another store' using errcode = '55000';
  end $$"""
_ORDER = {"duration": "number"}
_TOGETHER = 500
_GONE_WITHIN = 2.0  # seconds


class PostgresEnd:
    """Implements `MoveEnd` on one connection."""

    place = ""

    def __init__(self, line: ServerLine, shown: str) -> None:
        self._line = line
        self.shown = shown

    @contextmanager
    def alone(self) -> Generator[None]:
        """See `MoveEnd.alone`."""
        with self._line.transaction():
            self._line.execute(_ALONE.encode())
            self._refuse_others()
            yield
            self._refuse_others()  # a process may have been between two connections before

    def _refuse_others(self) -> None:
        others = self._others()
        if others["count"]:
            raise StoreError(
                f"another program has {self.shown} open (from {others['hosts']}), and nothing was changed. End every "
                "replica and worker, and do this again."
            )
        if self.execute_as_it_is(_LEASED)[0]["count"]:
            raise StoreError(
                f"a program that has just ended was at work on tasks of {self.shown}, and nothing was changed. Do this "
                "again in ten seconds."
            )

    def _others(self) -> Mapping[str, Any]:
        """Returns how many other programs have the database open, and from where.

        What the server does for a program that has just ended may be seen for a moment still.
        """
        until = time.monotonic() + _GONE_WITHIN
        while (others := self.execute_as_it_is(_OTHERS)[0])["count"] and time.monotonic() < until:
            time.sleep(0.1)
            self.execute_as_it_is("select pg_stat_clear_snapshot()")  # else a transaction sees one and the same
        return others

    def transaction(self) -> Any:
        """See `MoveEnd.transaction`."""
        return self._line.transaction()

    def now(self) -> float:
        """Returns the present by the server's clock."""
        return self.execute_as_it_is(NOW)[0]["microseconds"] / 1e6

    def execute(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """See `Readable.execute`."""
        cursor = self._line.execute(translated(statement).encode(), values)
        return cursor.fetchall() if cursor.description else []

    def execute_as_it_is(self, statement: str, *values: Any) -> Sequence[Mapping[str, Any]]:
        """Executes a statement of Postgres' own, and returns its rows."""
        return self._line.execute(statement.encode(), values).fetchall()

    def columns(self, table: str) -> Mapping[str, bool]:
        """See `MoveEnd.columns`."""
        return {row["name"]: row["is_text"] for row in self.execute_as_it_is(_COLUMNS, table)}

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        """See `MoveEnd.rows`."""
        with self._line.transaction():
            self._line.execute("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0")
            with self._line.cursor("rows", binary=True) as cursor:
                cursor.itersize = _TOGETHER
                cursor.execute(f"select * from {table} order by {_ORDER.get(table, 'ctid')}".encode())
                yield from cursor

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """See `MoveEnd.insert`."""
        names = tuple(rows[0])
        statement = f"insert into {table} ({', '.join(names)}) values ({', '.join(f'%({name})s' for name in names)})"
        with self._line.cursor() as cursor:
            cursor.executemany(statement.encode(), rows)
            if table == "task":
                searched = [(row["owner"], row["created_at"], row["task_id"], lowered(row["prompt"])) for row in rows]
                cursor.executemany(_SEARCHED.encode(), searched)

    def empty(self, tables: Sequence[str]) -> None:
        """See `MoveEnd.empty`."""
        self.shut(False)  # or what refuses writes refuses this one
        for table in (*tables, "searched"):
            self._line.execute(f"delete from {table}".encode())

    def shut(self, is_moved: bool) -> None:
        """See `MoveEnd.shut`."""
        self._line.execute(_MAKE_REFUSAL)
        for table in _SHUT:
            self._line.execute(f"drop trigger if exists moved_away on {table}".encode())
            if is_moved:
                self._line.execute(
                    f"""create trigger moved_away before insert or update or delete on {table}
                      for each statement execute function refuse_moved()""".encode()
                )


@contextmanager
def postgres_end(url: str) -> Generator[MoveEnd]:
    """Opens a database for a move.

    Raises:
        StoreError: it cannot be used.
    """
    address = database_address(url)
    try:
        with ServerLine.connect(**address.conninfo) as line:
            set_up(line)
            line.answers_within = WHOLE_TABLES_WITHIN
            upgrade_schema(line, address.shown)
            yield PostgresEnd(line, address.shown)
    except psycopg.IntegrityError as error:
        raise twice(address.shown, _told(error, address)) from error
    except psycopg.Error as error:
        raise StoreError(f"{address.shown} cannot be used: {_told(error, address)}. Nothing was changed.") from error


def _told(error: psycopg.Error, address: DatabaseAddress) -> str:
    if isinstance(error, Unfit):
        return str(error)
    lines = str(error).strip().splitlines()
    return address.without_password(lines[0].rstrip(".") if lines else type(error).__name__)
