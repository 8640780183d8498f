"""The store on the standard library's SQLite: one file, one worker thread, durable at every commit."""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from apixo_mcp.errors import SchemaTooNew, StoreError
from apixo_mcp.tasks.rows import COLUMNS, from_row, to_row
from apixo_mcp.tasks.store import IN_FLIGHT, Admission, Admitted, DayCount, Limits
from apixo_mcp.tasks.task import FOLLOWED, INTERNAL_KEY, Answer, Modality, State, Task, may_move

T = TypeVar("T")

_KEPT = (
    "task_id",
    "owner",
    "created_at",
    "fingerprint",
    "inputs",
    "prompt",
    "cancel_requested",
    "answer",
    "fence",
    "asked_by",
    "asked_until",
)
_SET = ", ".join(f"{name} = :{name}" for name in COLUMNS if name not in _KEPT)
_FREE_OF_CHARGE = """(state = 'cancelled' or (state = 'failed' and remote_id = '' and attempts = '[]'))"""


def _migrations() -> list[tuple[int, str]]:
    folder = resources.files("apixo_mcp.tasks") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.read_text(encoding="utf-8")) for entry in found)


def _keys(key_prints: Iterable[str]) -> tuple[str, dict[str, str]]:
    named = {f"key{number}": value for number, value in enumerate(key_prints)}
    return "(" + ", ".join(f":{name}" for name in named) + ")", named


class SqliteStore:
    """Implements `Store`. Several processes may open the same file.

    Args:
        path: of the database file; its folder is made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._limiter = anyio.CapacityLimiter(1)
        self._database: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """Opens the file and brings its schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program wrote it.
            StoreError: it cannot be opened.
        """
        await self._run(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._run(self._close)

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
            database.row_factory = sqlite3.Row
            self._database = database
            self._refuse_newer(database)
            database.execute("pragma journal_mode = wal")
            # FULL, not WAL's usual NORMAL: a commit that a power cut takes back could be a submit that was paid for.
            database.execute("pragma synchronous = full")
            self._migrate(database)
        except (OSError, sqlite3.Error) as error:
            self._close()
            raise StoreError(f"the task store {self._path} cannot be opened: {error}") from error
        except StoreError:
            self._close()
            raise

    def _migrate(self, database: sqlite3.Connection) -> None:
        steps = _migrations()
        have = database.execute("pragma user_version").fetchone()[0]
        if have == steps[-1][0]:
            return
        with self._transaction():
            have = self._refuse_newer(database)  # again: from here on nobody else migrates it
            for number, script in steps:
                if number > have:
                    for statement in filter(str.strip, script.split(";")):
                        database.execute(statement)
                    database.execute(f"pragma user_version = {number}")

    def _refuse_newer(self, database: sqlite3.Connection) -> int:
        """The schema of the file, asked before anything is written to it."""
        have, known = database.execute("pragma user_version").fetchone()[0], _migrations()[-1][0]
        if have > known:
            raise SchemaTooNew(
                f"{self._path} was written by a newer apixo-mcp (schema {have}; this one knows {known}). "
                "Update apixo-mcp, or set APIXO_MCP_HOME to another folder."
            )
        return have

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def _transaction(self) -> Any:
        database = self._connected
        database.execute("begin immediate")
        try:
            yield
        except BaseException:
            database.execute("rollback")
            raise
        database.execute("commit")

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError("the task store is closed")
        return self._database

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)

    def _read(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        return self._connected.execute(statement, values).fetchall()

    async def _query(self, statement: str, **values: Any) -> list[sqlite3.Row]:
        return await self._run(self._read, statement, values)

    async def _task(self, statement: str, **values: Any) -> Task | None:
        rows = await self._query(statement, **values)
        return from_row(rows[0]) if rows else None

    async def admit(self, task: Task, limits: Limits) -> Admitted:
        """See `Store.admit`."""
        return await self._run(self._admit, task, limits)

    def _admit(self, task: Task, limits: Limits) -> Admitted:
        with self._transaction():
            today = self._read(
                f"""select coalesce(sum(estimate_usd), 0) as usd, count(*) as tasks from task
                    where owner = :owner and created_at >= :start and not {_FREE_OF_CHARGE}""",
                {"owner": task.owner, "start": limits.day_start},
            )[0]
            usd, tasks = float(today["usd"]), int(today["tasks"])
            if task.idempotency_key:
                named = {"owner": task.owner, "key": task.idempotency_key}
                rows = self._read("select * from task where owner = :owner and idempotency_key = :key", named)
                if rows:
                    return Admitted("same_key", from_row(rows[0]), usd, tasks)
            is_internal = task.idempotency_key.startswith(INTERNAL_KEY)
            if (is_internal or not task.idempotency_key) and (earlier := self._unanswered(task, limits)):
                return Admitted(*earlier, usd, tasks)
            if limits.ask_first:
                return Admitted("ask_first", task, usd, tasks)
            if limits.usd is not None and usd + (task.estimate_usd or 0) > limits.usd:
                return Admitted("over_budget", task, usd, tasks)
            if limits.tasks is not None and tasks >= limits.tasks:
                return Admitted("over_limit", task, usd, tasks)
            names = ", ".join(COLUMNS)
            marks = ", ".join(f":{name}" for name in COLUMNS)
            self._connected.execute(f"insert into task ({names}) values ({marks})", to_row(task))
            return Admitted("new", task, usd, tasks)

    def _unanswered(self, task: Task, limits: Limits) -> tuple[Admission, Task] | None:
        """An earlier task of the same request whose caller never got the answer, or may still wait elsewhere."""
        rows = self._read(
            """select * from task where fingerprint = :fingerprint and owner = :owner
               and (idempotency_key = '' or substr(idempotency_key, 1, length(:internal)) = :internal)
               and created_at > :since and state not in ('failed', 'cancelled')
               and (answer = 'lost' or (answer = 'awaited' and (asked_until <= :now or asked_by <> :asker)))
               order by answer = 'awaited' and asked_until > :now, created_at""",
            {
                "fingerprint": task.fingerprint,
                "owner": task.owner,
                "since": limits.adopt_since,
                "now": limits.now,
                "asker": task.asked_by,
                "internal": INTERNAL_KEY,
            },
        )
        for earlier in map(from_row, rows):
            if earlier.answer == "awaited" and earlier.asked_until > limits.now:
                if earlier.task_id in limits.alive:
                    continue
                return "asked_elsewhere", earlier
            self._connected.execute(
                "update task set answer = 'awaited', asked_by = ?, asked_until = ? where task_id = ?",
                [task.asked_by, task.asked_until, earlier.task_id],
            )
            return "adopted", earlier
        return None

    async def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        return await self._task("select * from task where task_id = :task_id", task_id=task_id)

    async def find(self, owner: str, any_id: str) -> Task | None:
        """See `Store.find`."""
        statement = """select * from task
                       where owner = :owner and (task_id = :id or (remote_id = :id and remote_id <> ''))
                       order by created_at desc limit 1"""
        found = await self._task(statement, owner=owner, id=any_id)
        if found is not None or not any_id:
            return found
        # Rarely asked for, so without an index: the gateway's id of an earlier attempt.
        statement = """select * from task where owner = :owner and instr(attempts, :quoted) > 0
                       order by created_at desc limit 1"""
        return await self._task(statement, owner=owner, quoted=f'"remote_id": {json.dumps(any_id)}')

    async def page(
        self,
        owner: str,
        *,
        state: State | None = None,
        modality: Modality | None = None,
        limit: int = 20,
        before: tuple[float, str] | None = None,
    ) -> Sequence[Task]:
        """See `Store.page`."""
        moment, task_id = before or (float("inf"), "")
        rows = await self._query(
            """select * from task where owner = :owner and (:state = '' or state = :state)
               and (:modality = '' or modality = :modality)
               and (created_at < :moment or (created_at = :moment and task_id < :task_id))
               order by created_at desc, task_id desc limit :limit""",
            owner=owner,
            state=str(state or ""),
            modality=modality or "",
            moment=moment,
            task_id=task_id,
            limit=limit,
        )
        return [from_row(row) for row in rows]

    async def due(self, now: float, key_prints: Iterable[str], limit: int = 500) -> Sequence[tuple[str, float]]:
        """See `Store.due`."""
        keys, named = _keys(key_prints)
        rows = await self._query(
            f"""select task_id, due from task where due <= :now and lease_until <= :now and key_print in {keys}
                order by due limit :limit""",
            now=now,
            limit=limit,
            **named,
        )
        return [(row["task_id"], row["due"]) for row in rows]

    async def claim(
        self, task_id: str, holder: str, now: float, until: float, key_prints: Iterable[str]
    ) -> Task | None:
        """See `Store.claim`."""
        keys, named = _keys(key_prints)
        return await self._task(
            f"""update task set fence = fence + 1, lease_holder = :holder, lease_until = :until
                where task_id = :task_id and due <= :now and lease_until <= :now and key_print in {keys} returning *""",
            task_id=task_id,
            holder=holder,
            now=now,
            until=until,
            **named,
        )

    async def commit(self, before: Task, after: Task) -> bool:
        """See `Store.commit`."""
        if after.state is not before.state and not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        rows = await self._query(
            f"""update task set {_SET} where task_id = :task_id and fence = :fence and state = :state_before
                returning task_id""",
            **{**to_row(after), "fence": before.fence, "state_before": str(before.state)},
        )
        return bool(rows)

    async def mark_sent(self, task: Task, now: float, in_flight: int = IN_FLIGHT) -> bool:
        """See `Store.mark_sent`."""
        rows = await self._query(
            """update task set sent_at = :now, updated_at = :now where task_id = :task_id and fence = :fence
               and state = 'submitting' and sent_at is null and cancel_requested = 0
               and (select count(*) from task where key_print = :key_print
                    and (state in ('pending', 'processing') or (state = 'submitting' and sent_at is not null)))
                   < :in_flight returning task_id""",
            task_id=task.task_id,
            fence=task.fence,
            now=now,
            key_print=task.key_print,
            in_flight=in_flight,
        )
        return bool(rows)

    async def place(self, task: Task) -> int:
        """See `Store.place`."""
        rows = await self._query(
            """select count(*) from task where key_print = :key_print and state = 'submitting' and sent_at is null
               and created_at < :created_at""",
            key_print=task.key_print,
            created_at=task.created_at,
        )
        return int(rows[0][0])

    async def request_cancel(self, task_id: str, now: float) -> Task | None:
        """See `Store.request_cancel`."""
        # The fence moves on, so that a process that was just about to send finds its claim gone.
        unsent = "state = 'submitting' and sent_at is null"
        return await self._task(
            f"""update task set cancel_requested = 1, updated_at = :now,
                  due = case when {unsent} then null else due end,
                  completed_at = case when {unsent} then :now else completed_at end,
                  fence = case when {unsent} then fence + 1 else fence end,
                  idempotency_key = case when {unsent} and attempts = '[]' then '' else idempotency_key end,
                  state = case when {unsent} then (case when attempts = '[]' then 'cancelled' else 'failed' end)
                          else state end
                where task_id = :task_id and state not in ('success', 'failed', 'cancelled') returning *""",
            task_id=task_id,
            now=now,
        )

    async def mark_answer(self, task_id: str, answer: Answer) -> None:
        """See `Store.mark_answer`."""
        await self._query("update task set answer = :answer where task_id = :task_id", answer=answer, task_id=task_id)

    async def wake(self, task_id: str, at: float) -> bool:
        """See `Store.wake`."""
        states = ", ".join(f"'{state}'" for state in sorted(FOLLOWED))
        rows = await self._query(
            f"""update task set due = :at where task_id = :task_id and (due is null or due > :at)
                and (state in ({states}) or (state = 'success' and due is not null)) returning task_id""",
            task_id=task_id,
            at=at,
        )
        return bool(rows)

    async def vouch(self, holder: str, task_ids: Iterable[str], until: float) -> None:
        """See `Store.vouch`."""
        statement = "update task set asked_until = ? where task_id = ? and asked_by = ?"
        await self._run(self._write_many, statement, [(until, task_id, holder) for task_id in task_ids])

    def _write_many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._transaction():
            self._connected.executemany(statement, rows)

    async def renew(self, holder: str, task_ids: Iterable[str], until: float) -> None:
        """See `Store.renew`."""
        statement = "update task set lease_until = ? where task_id = ? and lease_holder = ? and lease_until > 0"
        await self._run(self._write_many, statement, [(until, task_id, holder) for task_id in task_ids])

    async def release(self, holder: str) -> None:
        """See `Store.release`."""
        await self._query(
            "update task set lease_holder = '', lease_until = 0 where lease_holder = :holder", holder=holder
        )

    async def hold(self, name: str, holder: str, now: float, until: float) -> bool:
        """See `Store.hold`."""
        rows = await self._query(
            """insert into lease values (:name, :holder, :until) on conflict (name) do update
               set holder = :holder, until = :until
               where lease.holder = :holder or lease.until <= :now returning name""",
            name=name,
            holder=holder,
            now=now,
            until=until,
        )
        return bool(rows)

    async def let_go(self, name: str, holder: str) -> None:
        """See `Store.let_go`."""
        await self._query("delete from lease where name = :name and holder = :holder", name=name, holder=holder)

    async def usage(self, owner: str, since: float) -> Sequence[DayCount]:
        """See `Store.usage`."""
        rows = await self._query(
            """select cast(created_at / 86400 as integer) as day, model, state, count(*) as tasks,
                 coalesce(sum(estimate_usd), 0) as usd,
                 sum(case when estimate_usd is null then 1 else 0 end) as unpriced
               from task where owner = :owner and created_at >= :since group by 1, 2, 3 order by 1 desc, 2, 3""",
            owner=owner,
            since=since,
        )
        return [
            DayCount(
                time.strftime("%Y-%m-%d", time.gmtime(row["day"] * 86400)),
                row["model"],
                State(row["state"]),
                row["tasks"],
                row["usd"],
                row["unpriced"],
            )
            for row in rows
        ]

    async def open_count(self, key_prints: Iterable[str]) -> int:
        """See `Store.open_count`."""
        keys, named = _keys(key_prints)
        rows = await self._query(f"select count(*) from task where due is not null and key_print in {keys}", **named)
        return int(rows[0][0])

    async def secret(self, name: str) -> bytes:
        """See `Store.secret`."""
        await self._query(
            "insert into secret values (:name, :value) on conflict do nothing", name=name, value=secrets.token_hex(32)
        )
        rows = await self._query("select value from secret where name = :name", name=name)
        return bytes.fromhex(rows[0][0])
