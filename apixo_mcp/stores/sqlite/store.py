"""The store on the standard library's SQLite: one file, one worker thread, durable at every commit."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Row
from typing import Any, Self

import anyio

from apixo_mcp.gateways.gateway import EMPTY_RESULT
from apixo_mcp.generation import Modality
from apixo_mcp.stores import admit, taken
from apixo_mcp.stores.rows import from_row, insert_without_taken_key, to_row
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.stores.statements import CLAIM, COMMIT, POSTS, REREAD
from apixo_mcp.tasks.budget import Agreement
from apixo_mcp.tasks.store import BEYOND_LEASES, Admitted, Clearance, DayCount, IdTaken, Sending, Terms
from apixo_mcp.tasks.task import FOLLOWED, Delivered, State, Task, may_move

_FREE = f"(lease_until <= :now or lease_until > :now + {BEYOND_LEASES})"


def _keys(key_prints: Iterable[str]) -> tuple[str, dict[str, str]]:
    named = {f"key{number}": value for number, value in enumerate(key_prints)}
    return "(" + ", ".join(f":{name}" for name in named) + ")", named


def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86400))


class SqliteStore:
    """Implements `Store`. Several processes may open the same file.

    Args:
        path: of the database file; its folder is made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path)

    async def __aenter__(self) -> Self:
        """Opens the file, mended if it is damaged, and brings its schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program wrote it.
            StoreError: it cannot be opened.
        """
        await self._database.run(self._database.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._database.run(self._database.close)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about this file, as sentences: that it was damaged, and what was recovered."""
        return self._database.warnings

    async def _query(self, statement: str, **values: Any) -> list[Row]:
        return await self._database.run(self._database.read, statement, values)

    async def _task(self, statement: str, **values: Any) -> Task | None:
        rows = await self._query(statement, **values)
        return self._read(rows[0]) if rows else None

    def _read(self, row: Row | Mapping[str, Any]) -> Task:
        try:
            return from_row(row)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._database.trouble(ValueError(f"a row holds no task: {error}")) from error

    async def admit(self, task: Task, terms: Terms) -> Admitted:
        """See `Store.admit`."""
        return await self._database.run(admit.admit, self._database, task, terms)

    async def quote(self, owner: str, fingerprint: str, agreement: Agreement, now: float) -> None:
        """See `Store.quote`."""
        await self._database.run(admit.quote, self._database, owner, fingerprint, agreement, now)

    async def forget_quote(self, owner: str, fingerprint: str) -> None:
        """See `Store.forget_quote`."""
        await self._database.run(admit.forget_quote, self._database, owner, fingerprint)

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
        return [self._read(row) for row in rows]

    async def due(self, now: float, key_prints: Iterable[str], limit: int = 500) -> Sequence[tuple[str, float]]:
        """See `Store.due`."""
        keys, named = _keys(key_prints)
        rows = await self._query(
            f"""select task_id, case when {_FREE} then due else lease_until end as at
                from task where due <= :now and key_print in {keys} order by {_FREE} desc, due limit :limit""",
            now=now,
            limit=limit,
            **named,
        )
        return [(row["task_id"], row["at"]) for row in rows]

    async def claim(
        self, task_id: str, holder: str, now: float, until: float, key_prints: Iterable[str]
    ) -> Task | None:
        """See `Store.claim`."""
        keys, named = _keys(key_prints)
        rows = await self._database.run(
            self._database.read_fleeting,
            f"""update task set fence = fence + 1, lease_holder = :holder, lease_until = :until
                where task_id = :task_id and due <= :now and {_FREE} and key_print in {keys} returning *""",
            {"task_id": task_id, "holder": holder, "now": now, "until": until, **named},
        )
        return self._read(rows[0]) if rows else None

    async def commit(self, before: Task, after: Task) -> bool:
        """See `Store.commit`."""
        if after.state is not before.state and not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        # A look that found nothing new is made again where it is lost.
        found_nothing = before.state in FOLLOWED and after.state is before.state
        claim = taken.claimed_by(before, after)
        if claim and taken.is_of_earlier_attempt(before, claim):
            raise IdTaken(before.task_id, before.owner)
        write = self._database.read_fleeting if found_nothing else self._database.read_at_any_price
        rows = await self._database.run(
            write,
            CLAIM if claim else COMMIT,
            {**to_row(after), **claim, "fence": before.fence, "state_before": str(before.state)},
        )
        if claim and not rows and (holders := await self._query(taken.HOLDER, **claim)):
            raise IdTaken(*holders[0])
        return bool(rows)

    async def holder(self, task: Task, remote_id: str) -> IdTaken | None:
        """See `Store.holder`."""
        rows = await self._query(taken.HOLDER, **taken.claim(task, remote_id))
        return IdTaken(*rows[0]) if rows else None

    async def reread(self, before: Task, after: Task) -> bool:
        """See `Store.reread`."""
        if after.state is not State.SUCCESS:
            raise ValueError(f"a task that is read anew does not become {after.state}")
        code = f'"code": "{EMPTY_RESULT}"'
        named = {"fence": before.fence, "state_before": str(State.FAILED), "code": code}
        rows = await self._query(REREAD, **{**to_row(after), **named})
        return bool(rows)

    async def keep(self, task_id: str, name: str, text: str) -> None:
        """See `Store.keep`."""
        statement = """insert into kept values (:task_id, :name, :text)
                       on conflict (task_id, name) do update set text = :text"""
        await self._query(statement, task_id=task_id, name=name, text=text.encode(errors="replace").decode())

    async def kept(self, task_id: str, name: str) -> str | None:
        """See `Store.kept`."""
        statement = "select text from kept where task_id = :task_id and name = :name"
        rows = await self._query(statement, task_id=task_id, name=name)
        return str(rows[0][0]) if rows else None

    async def let_go_of(self, task_id: str, name: str) -> None:
        """See `Store.let_go_of`."""
        await self._query("delete from kept where task_id = :task_id and name = :name", task_id=task_id, name=name)

    async def mark_sent(self, task: Task, terms: Sending) -> Clearance:
        """See `Store.mark_sent`."""
        await self._database.run(self._database.keep_room)
        return await self._database.run(admit.mark_sent, self._database, task, terms)

    async def still_sends(self, task: Task, until: float) -> bool:
        """See `Store.still_sends`."""
        rows = await self._database.run(
            self._database.read_fleeting,
            """update task set lease_until = :until where task_id = :task_id and fence = :fence
               and lease_holder = :holder and state = 'submitting' and sent_at = :sent_at returning task_id""",
            {
                "until": until,
                "task_id": task.task_id,
                "fence": task.fence,
                "holder": task.lease_holder,
                "sent_at": task.sent_at,
            },
        )
        return bool(rows)

    async def try_again(self, before: Task, after: Task, terms: Sending) -> Clearance:
        """See `Store.try_again`."""
        if not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        return await self._database.run(admit.try_again, self._database, before, after, terms)

    async def unsent(self, now: float, older_than: float) -> Sequence[Task]:
        """See `Store.unsent`."""
        statement = """select * from task where state = 'submitting' and sent_at is null
                       and created_at not between :now - :age and :now + :age"""
        return [self._read(row) for row in await self._query(statement, now=now, age=older_than)]

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

    async def mark_answer(self, task_id: str, call: str, answer: Delivered) -> None:
        """See `Store.mark_answer`."""
        statement = "update task set answer = :answer where task_id = :task_id and asked_by = :call"
        await self._query(statement, answer=answer, task_id=task_id, call=call)

    async def wake(self, task_id: str, at: float) -> bool:
        """See `Store.wake`."""
        states = ", ".join(f"'{state}'" for state in sorted(FOLLOWED))
        rows = await self._query(
            f"""update task set due = :at where task_id = :id and (due is null or due > :at)
                and (state in ({states}) or (state = 'success' and due is not null)
                     or (state = 'unknown' and named_id <> '')) returning task_id""",
            **{"id": task_id, "at": at},
        )
        return bool(rows)

    async def vouch(self, asked: Iterable[tuple[str, str]], until: float) -> None:
        """See `Store.vouch`."""
        statement = "update task set asked_until = ? where task_id = ? and asked_by = ?"
        await self._database.run(self._write_many, statement, [(until, *call) for call in asked])

    def _write_many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._database.fleeting(), self._database.transaction():
            self._database.connected.executemany(statement, rows)

    async def want(self, process: str, until: float) -> bool:
        """See `Store.want`."""
        rows = await self._database.run(
            self._database.read_fleeting,
            """update task set wanted_until = :until where state in ('submitting', 'pending', 'processing')
               and substr(asked_by, 1, length(:asked)) = :asked returning task_id""",
            {"until": until, "asked": f"{process}/"},
        )
        return bool(rows)

    async def renew(self, holder: str, task_ids: Iterable[str], until: float) -> None:
        """See `Store.renew`."""
        statement = "update task set lease_until = ? where task_id = ? and lease_holder = ? and lease_until > 0"
        await self._database.run(self._write_many, statement, [(until, task_id, holder) for task_id in task_ids])

    async def release(self, holder: str) -> None:
        """See `Store.release`."""
        await self._query("update task set lease_holder = '', lease_until = 0 where lease_holder = :h", h=holder)

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
        of_day = "cast({} / 86400 as integer) as day"
        rows = await self._query(
            f"""select day, model, state, sum(task) as tasks, sum(left) as attempts, sum(usd) as usd,
                  sum(unpriced) as unpriced
                from (
                  select {of_day.format("counted_at")}, model, state, 1 as task, 0 as left, 0 as usd, 0 as unpriced
                  from task where owner = :owner and counted_at >= :since
                  union all
                  select {of_day.format("at")}, model, state, 0, left_at is not null, coalesce(usd, 0), usd is null
                  from ({POSTS})
                ) group by 1, 2, 3 order by 1 desc, 2, 3""",
            owner=owner,
            since=since,
        )
        return [
            DayCount(
                day=_date(row["day"]),
                model=row["model"],
                state=State(row["state"]),
                tasks=row["tasks"],
                attempts=row["attempts"],
                estimate_usd=row["usd"],
                without_price=row["unpriced"],
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
        return bytes.fromhex((await self._query("select value from secret where name = :name", name=name))[0][0])

    async def dump(self, after: str = "", limit: int = 500) -> Sequence[Task]:
        """See `Store.dump`."""
        statement = "select * from task where task_id > :after order by task_id limit :limit"
        return [self._read(row) for row in await self._query(statement, after=after, limit=limit)]

    async def add(self, tasks: Iterable[Task]) -> Sequence[str]:
        """See `Store.add`."""
        return await self._database.run(self._add, tuple(tasks))

    def _add(self, tasks: Sequence[Task]) -> list[str]:
        added: list[str] = []
        with self._database.transaction():
            for task in tasks:
                if not self._database.read("select 1 from task where task_id = :id", {"id": task.task_id}):
                    insert_without_taken_key(self._database.connected, task)
                    added.append(task.task_id)
        return added
