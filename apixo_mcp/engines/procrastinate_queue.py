"""The job queue on procrastinate, in the task store's own Postgres.

Its tables stand beside those of the store, and are named `procrastinate_…`: a schema of their own would need a
`search_path`, which a transaction pooler hands to others. What is set, and why:

- `queueing_lock` is the task's id, so that a task waits once; never `lock`: the `doing` job of a dead worker would
  block its successor.
- A worker looks for jobs twice a second and does not listen: a following comes seconds before it is due, and a
  listening connection that has gone deaf is procrastinate's best-known fault.
- A queue is named after a key, so that a worker is given only what it can poll.
- A job takes whatever a later version gives it.
"""

import logging
import math
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from apixo_mcp.engines.job_queue import Follow, Following, WithNextStep
from apixo_mcp.engines.procrastinate_schema import make_queue_tables
from apixo_mcp.errors import StoreError
from apixo_mcp.postgres.connections import BoundedAsyncConnection, conninfo_of, set_up_connection

log = logging.getLogger(__name__)

TASK = "apixo_mcp.follow"
SLOTS = 4_000
"""Tasks that a worker follows at once. A slot is some 5 KB; full ones would let new tasks wait."""
STALLED_AFTER = 15.0  # seconds without a heartbeat
_HEARTBEAT_EVERY = 4.0
FETCHED_EVERY = 0.5  # seconds
_TAKEN_EARLY = 60.0
"""Seconds before a task is due that it is given out, as `QueueLimits.kept_for`; one due sooner is given out at once."""
_TIDIED = 500
_LOOKED_AT, _PAGES = 200, 20
"""Jobs of a page, and pages that are looked at in one go, as long as something is cleared away on each."""
_LONGEST = 30 * 86_400.0
"""Seconds for which a job waits at most: a date that Postgres or Python does not know would hold up all of a put."""

_PUT = b"""insert into procrastinate_jobs as waiting (queue_name, task_name, queueing_lock, args, scheduled_at)
  select key, %(task)s, id, jsonb_build_object('task_id', id, 'due', due, 'key_print', key), given_out
  from unnest(%(ids)s::text[], %(keys)s::text[], %(dues)s::double precision[], %(given_out)s::timestamptz[])
    as one (id, key, due, given_out)
  on conflict (queueing_lock) where status = 'todo' do update
    set scheduled_at = excluded.scheduled_at, args = excluded.args
    where waiting.scheduled_at > coalesce(excluded.scheduled_at, clock_timestamp())"""
"""Its own verb refuses all jobs where one of them waits already, and does not say which. The table's columns are those
that its verb writes; its triggers do the rest."""


_TIDY = b"""delete from procrastinate_jobs where id in (
    select job.id from procrastinate_jobs as job left join procrastinate_workers as worker on worker.id = job.worker_id
    where job.status = 'doing' and job.task_name = %s
      and (worker.id is null or worker.last_heartbeat < now() - %s * interval '1 second')
    limit %s for update of job skip locked)
  returning args ->> 'task_id'"""
"""Its own verbs read all stalled jobs and end one at a time, of which a worker that is killed leaves thousands."""

_LISTED = b"""select id, coalesce(queueing_lock, args ->> 'task_id', '') from procrastinate_jobs
  where task_name = %s and id > %s order by id limit %s"""
_CLEAR = b"delete from procrastinate_jobs where id = any(%s)"

_WORKERS = "select count(*) from procrastinate_workers where last_heartbeat > now() - %s * interval '1 second'"


class ProcrastinateQueue:
    """Implements `JobQueue`.

    Args:
        url: of the database.
        keys: the keys that this process holds just now.
        slots: tasks that are followed at once.
        looks_every: seconds between two looks for jobs, once there are none.
    """

    def __init__(
        self,
        url: str,
        keys: Callable[[], Sequence[str]],
        slots: int = SLOTS,
        looks_every: float = FETCHED_EVERY,
    ) -> None:
        _be_quiet()
        self._looks_every = looks_every
        self._keys = keys
        self._slots = slots
        self._follow: Follow | None = None
        self._worker: Worker | None = None
        self._is_stopped = False
        self._looked_at = 0
        # psycopg_pool doubles the time between its tries, up to `reconnect_timeout`; then the next caller tries anew.
        self.pool = AsyncConnectionPool(
            kwargs=conninfo_of(url, "apixo-mcp queue") | {"autocommit": True},
            connection_class=BoundedAsyncConnection,
            configure=set_up_connection,
            min_size=1,
            max_size=4,
            timeout=5.0,
            reconnect_timeout=5.0,
            name="apixo-mcp queue",
            open=False,
        )
        self._app = procrastinate.App(connector=_Connector())
        self._app.task(name=TASK)(self._run)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """See `JobQueue.opened`."""
        await self.pool.open(wait=False)
        try:
            async with self._app.open_async(self.pool):
                yield  # its tables are made when they are first missed
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self.pool.close(timeout=2)

    async def put(self, followings: Sequence[Following]) -> None:
        """See `JobQueue.put`."""
        if not followings:
            return
        try:
            await self._insert(followings)
        except psycopg.ProgrammingError:
            await self._repair()
            await self._insert_again(followings)
        except psycopg.Error as error:
            raise _trouble(error) from error

    async def _insert(self, followings: Sequence[Following]) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(_PUT, _rows_of(followings))

    async def _insert_again(self, followings: Sequence[Following]) -> None:
        try:
            await self._insert(followings)
        except psycopg.Error as error:
            raise _trouble(error) from error

    async def take(self, follow: Follow) -> None:
        """See `JobQueue.take`. procrastinate's worker ends where the database does not answer: another one begins."""
        self._follow = follow
        while not self._is_stopped:
            try:
                await make_queue_tables(self.pool)
                self._worker = _Worker(self._app, self._keys, self._slots, self._looks_every)
                if not self._is_stopped:
                    await self._worker.run()
            except Exception as error:
                log.warning("the job queue cannot be used just now; it is tried again: %s", _words(error))
                await self.pool.drain()  # what was prepared for tables that were made anew fails on each connection
            if not self._is_stopped:
                await anyio.sleep(random.uniform(0.5, 1.5))

    def stop(self) -> None:
        """See `JobQueue.stop`."""
        self._is_stopped = True
        if self._worker is not None:
            self._worker.stop()

    async def tidy(self) -> Sequence[str]:
        """See `JobQueue.tidy`: ends the jobs whose workers have fallen silent."""
        try:
            async with self.pool.connection() as connection:
                ended = await connection.execute(_TIDY, [TASK, STALLED_AFTER, _TIDIED])
                return [row[0] for row in await ended.fetchall() if row[0]]
        except psycopg.ProgrammingError:
            await self._repair()
            return ()
        except psycopg.Error as error:
            await self.pool.drain()
            raise _trouble(error) from error

    async def clear(self, ask: WithNextStep) -> None:
        """See `JobQueue.clear`."""
        for _ in range(_PAGES):
            try:
                if not await self._clear_page(ask):
                    return
            except psycopg.ProgrammingError:
                return  # the first worker makes the tables
            except psycopg.Error as error:
                raise _trouble(error) from error

    async def _clear_page(self, ask: WithNextStep) -> bool:
        """Looks at the next page, and tells whether anything was cleared away."""
        async with self.pool.connection() as connection:
            listed = await connection.execute(_LISTED, [TASK, self._looked_at, _LOOKED_AT])
            jobs: list[tuple[int, str]] = await listed.fetchall()
        self._looked_at = jobs[-1][0] if len(jobs) == _LOOKED_AT else 0
        # Asked without a connection in hand. One that is put meanwhile and lost with this the sweep finds.
        open_ones = await ask(list({task_id for _, task_id in jobs}))
        over = [number for number, task_id in jobs if task_id not in open_ones]
        if over:
            async with self.pool.connection() as connection:
                await connection.execute(_CLEAR, [over])
        return bool(over)

    async def workers(self) -> int:
        """See `JobQueue.workers`."""
        try:
            async with self.pool.connection() as connection:
                row = await (await connection.execute(_WORKERS, [STALLED_AFTER])).fetchone()
        except psycopg.ProgrammingError:
            return 0  # the first worker makes the tables
        except psycopg.Error as error:
            raise _trouble(error) from error
        return row[0] if row else 0

    async def _repair(self) -> None:
        """Makes the tables anew where they are not there, or not as they should be."""
        await self.pool.drain()
        try:
            await make_queue_tables(self.pool)
        except psycopg.Error as error:
            raise _trouble(error) from error

    async def _run(self, task_id: object = "", due: object = 0.0, key_print: object = "", **_: object) -> None:
        """Runs a job: it lasts as long as its task is followed here. What another program wrote is nothing."""
        assert self._follow is not None
        if isinstance(task_id, str) and task_id:
            await self._follow(Following(task_id, _moment(due), key_print if isinstance(key_print, str) else ""))


class _Worker(Worker):
    """procrastinate's worker, with its settings, and with the keys that are held at each moment."""

    def __init__(
        self, app: procrastinate.App, keys: Callable[[], Sequence[str]], slots: int, looks_every: float
    ) -> None:
        self._keys = keys
        super().__init__(
            app,
            name=None,
            concurrency=slots,
            fetch_job_polling_interval=looks_every,
            shutdown_graceful_timeout=2.0,
            listen_notify=False,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=_HEARTBEAT_EVERY,
            stalled_worker_timeout=STALLED_AFTER,
        )

    @property
    def queues(self) -> Sequence[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return list(self._keys())

    @queues.setter
    def queues(self, _: object) -> None:
        """Takes none: the keys that are held say it."""


class _Connector(procrastinate.PsycopgConnector):
    """The connection to the database, which does not mind that a job it ends has been cleared away by others.

    Nor that another program's job has arguments that are none: procrastinate's worker would end at each of them.
    """

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        return _with_arguments(await super().execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        return [_with_arguments(row) for row in await super().execute_query_all_async(query, **arguments)]

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if "procrastinate_finish_job" not in query:
                raise
            log.debug("a job is not ended: %s", _words(error))  # a sweep clears it away


def _rows_of(followings: Sequence[Following]) -> dict[str, Any]:
    """Returns the columns of the jobs: one for each task, its earliest, in one order, so that no two puts deadlock."""
    earliest: dict[str, Following] = {}
    for one in sorted(followings, key=lambda one: (one.task_id, one.due)):
        earliest.setdefault(one.task_id, one)
    now = datetime.now(UTC).timestamp()
    given_out = [min(one.due - _TAKEN_EARLY, now + _LONGEST) for one in earliest.values()]
    return {
        "task": TASK,
        "ids": list(earliest),
        "keys": [one.key_print for one in earliest.values()],
        "dues": [one.due for one in earliest.values()],
        "given_out": [datetime.fromtimestamp(at, UTC) if at > now else None for at in given_out],
    }


def _with_arguments(row: dict[str, Any]) -> dict[str, Any]:
    is_odd = row.get("id") is not None and not isinstance(row.get("args", {}), dict)
    return row | {"args": {}} if is_odd else row


def _moment(value: object) -> float:
    """Returns a time that a job tells, 0 where it is none."""
    try:
        moment = float(cast(float, value))
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return moment if math.isfinite(moment) else 0.0


def _trouble(error: Exception) -> StoreError:
    return StoreError(f"The job queue in the task store cannot be used just now: {_words(error)}. Try again.")


def _words(error: BaseException) -> str:
    cause = error.__cause__ or error
    return str(cause).strip() or type(cause).__name__


def _be_quiet() -> None:
    # It tells of each job, with its arguments, and of each try while the database is away: told here in a line.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    # What ends in the middle of a statement, as a command does that has its answer, closes its connection: no news.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
