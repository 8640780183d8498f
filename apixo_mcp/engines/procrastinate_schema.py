"""procrastinate's tables: made, brought up to date, and made anew where somebody wiped them.

Its own `apply_schema` cannot be repeated, and it leaves to its user which of its migrations have been made. Both are
done here in one transaction, under a lock: however many processes start, one does it.
"""

from importlib import resources
from typing import Any, LiteralString, cast

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

LOCK = 8_217_350_946_101
"""Of the database's advisory locks; no other program takes this one."""

_TABLES = ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers", "procrastinate_periodic_defers")

_KNOWN = "create table if not exists apixo_mcp_queue (migration text not null)"

_WIPE = """do $$ declare one record; begin
  for one in select oid::regclass as name from pg_class
      where relkind = 'r' and relname like 'procrastinate\\_%' and relnamespace = current_schema()::regnamespace loop
    execute format('drop table if exists %s cascade', one.name); end loop;
  for one in select oid::regprocedure as name from pg_proc
      where proname like 'procrastinate\\_%' and pronamespace = current_schema()::regnamespace loop
    execute format('drop function if exists %s cascade', one.name); end loop;
  for one in select oid::regtype as name from pg_type where typtype in ('c', 'e')
      and typname like 'procrastinate\\_%' and typnamespace = current_schema()::regnamespace loop
    execute format('drop type if exists %s cascade', one.name); end loop;
end $$"""
"""Drops what is left of it: a part of it can neither be used nor made whole."""

_NEW_IDS = """do $$ declare first bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint; begin
  execute format('alter table procrastinate_workers alter id restart with %s', first);
  execute format('alter sequence procrastinate_jobs_id_seq restart with %s', first);
end $$"""
"""Counts from the present on: a worker of the tables that were there before must not end a new job by its number."""


async def make_queue_tables(pool: AsyncConnectionPool[Any]) -> None:
    """Makes the tables, or brings those of an earlier version up to date.

    Raises:
        psycopg.Error: it cannot be done now.
    """
    async with pool.connection() as connection, connection.transaction():
        if await _is_new(connection):
            return
        await connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        await connection.execute(_KNOWN)
        made = await _made(connection)
        whole = await _is_whole(connection)
        if not whole or not made:
            await connection.execute(_WIPE)
            await connection.execute(cast(LiteralString, _text("schema.sql")))
            await connection.execute(_NEW_IDS)
        else:
            for name in _migrations():
                if name > made:
                    await connection.execute(cast(LiteralString, _text(f"migrations/{name}")))
        # A later version's stays noted: its tables serve an earlier one, while both run.
        if not whole or not made or _newest() > made:
            await connection.execute("delete from apixo_mcp_queue")
            await connection.execute("insert into apixo_mcp_queue values (%s)", [_newest()])


async def _is_new(connection: AsyncConnection[Any]) -> bool:
    """Tells whether there is nothing to do, which is nearly always so, without taking the lock."""
    rows = await connection.execute("select to_regclass('apixo_mcp_queue')")
    known = await rows.fetchone()
    if known is None or known[0] is None:
        return False
    return await _is_whole(connection) and await _made(connection) >= _newest()


async def _made(connection: AsyncConnection[Any]) -> str:
    """Returns the last migration that was made; empty where none was."""
    row = await (await connection.execute("select max(migration) from apixo_mcp_queue")).fetchone()
    return str(row[0]) if row and row[0] else ""


async def _is_whole(connection: AsyncConnection[Any]) -> bool:
    tables = "('procrastinate_jobs'), ('procrastinate_events'), ('procrastinate_workers')"
    rows = await connection.execute(
        f"select bool_and(to_regclass(name) is not null) from (values {tables}) as t (name)"
    )
    row = await rows.fetchone()
    return bool(row and row[0])


def _migrations() -> list[str]:
    folder = resources.files("procrastinate.sql") / "migrations"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))


def _newest() -> str:
    return _migrations()[-1]


def _text(name: str) -> str:
    return (resources.files("procrastinate.sql") / name).read_text(encoding="utf-8")
