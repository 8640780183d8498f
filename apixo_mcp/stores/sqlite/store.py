"""The store on the standard library's SQLite: one file, one worker thread, durable at every commit."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Row
from typing import Any, Self

import anyio

from apixo_mcp.gateways.gateway import EMPTY_RESULT
from apixo_mcp.stores import admit, alerts, statements, taken
from apixo_mcp.stores.rows import is_mere_poll, poll_row, to_row
from apixo_mcp.stores.sqlite import counts, leases, search
from apixo_mcp.stores.sqlite.alerts import SqliteAlerts
from apixo_mcp.stores.sqlite.arrivals import SqliteArrivals
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.stores.sqlite.durations import SqliteDurations
from apixo_mcp.stores.sqlite.inline import Inline
from apixo_mcp.stores.sqlite.listing import SqliteListing
from apixo_mcp.stores.sqlite.outbox import SqliteOutbox
from apixo_mcp.stores.sqlite.owners import SqliteOwners, SqliteSignIns
from apixo_mcp.stores.sqlite.reports import SqliteReports
from apixo_mcp.stores.sqlite.watch import LeaseWatch
from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import Agreement, Allowance, Budget, Spent
from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.counts import DayCount, Totals
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR, Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import FOLLOWED, Delivered, State, Task, may_move


def _wall_clock() -> float:
    return time.time()


def _note_poll(database: SqliteDatabase | Inline, row: Mapping[str, Any]) -> list[Row]:
    # Without waiting for the disk: a poll that a power cut takes back is made again, and costs nothing.
    return database.execute_fleeting(statements.NOTE_POLL, row)


class SqliteStore(SqliteListing):
    """Implements `Store`. Several processes may open the same file.

    Args:
        path: of the database file; its folder is made if it is missing.
        clock: this process's, Unix seconds.
        elapsed: one that runs evenly, whatever its zero is.

    Attributes:
        alerts: what was raised, and who has heard of it.
        arrivals: what is known of callbacks.
        durations: how long tasks took.
        outbox: what is to be told to the operator's address.
        reports: what is added up for a report.
        owners: who may come in over HTTP.
        sign_ins: what is kept of how they did.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = _wall_clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(SqliteDatabase(path, clock))
        self._watch = LeaseWatch(elapsed)
        self.alerts = SqliteAlerts(self._database)
        self.arrivals = SqliteArrivals(self._database)
        self.durations = SqliteDurations(self._database)
        self.outbox = SqliteOutbox(self._database)
        self.reports = SqliteReports(self._database)
        self.owners = SqliteOwners(self._database)
        self.sign_ins = SqliteSignIns(self._database)

    async def __aenter__(self) -> Self:
        """Opens the file, repaired if it is damaged, and brings its schema up to date.

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
        """What the user should know about the file, as sentences: that it was damaged, and what was recovered."""
        return self._database.warnings

    async def admit(self, tasks: Sequence[Task], terms: Terms) -> Admitted:
        """See `Store.admit`."""
        return await self._database.run(admit.admit, self._database, tuple(tasks), terms)

    async def quote(self, owner: Owner, fingerprint: str, agreement: Agreement) -> None:
        """See `Store.quote`."""
        await self._database.run(admit.quote, self._database, owner, fingerprint, agreement)

    async def forget_quote(self, owner: Owner, fingerprint: str) -> None:
        """See `Store.forget_quote`."""
        await self._database.run(admit.forget_quote, self._database, owner, fingerprint)

    async def delete_entry(self, task: Task, note: str) -> bool:
        """See `Store.delete_entry`."""
        return await self._database.run(self._delete_entry, task, note)

    def _delete_entry(self, task: Task, note: str) -> bool:
        named = {"task_id": task.task_id, "owner": task.owner, "created_at": task.created_at}
        failure = replace(task.failure, message="", advice="") if task.failure else None  # its code counts
        bare = to_row(replace(task, failure=failure, notes=(note,)))
        gone = {name: bare[name] for name in ("task_id", "fence", "notes", "failure")}
        gone |= {"now": self._database.now(), "adopted_for": ADOPTED_FOR}
        with self._database.transaction():
            if not self._database.execute(statements.DELETE_ENTRY, gone):
                return False
            search.forget_text(self._database, named)
            return True

    async def index_some(self, count: int) -> int:
        """See `Store.index_some`."""
        return await self._database.run(search.index_some, self._database, count)

    async def due(
        self, key_prints: Iterable[str], late_by: float = 0.0, limit: int = 500
    ) -> Sequence[tuple[str, float]]:
        """See `Store.due`."""
        return await self._database.run(leases.due, self._database, self._watch, tuple(key_prints), late_by, limit)

    async def claim(self, task_id: str, holder: str, lasts: float, key_prints: Iterable[str]) -> Task | None:
        """See `Store.claim`."""
        return await self._database.note(leases.lease_task, self._watch, task_id, holder, lasts, tuple(key_prints))

    async def commit(self, before: Task, after: Task) -> bool:
        """See `Store.commit`."""
        if after.state is not before.state and not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        if before.state in FOLLOWED and after.state in FOLLOWED and is_mere_poll(before, after):
            return bool(await self._database.note(_note_poll, poll_row(before, after)))
        claim = taken.claimed_by(before, after)
        if claim and taken.is_of_earlier_attempt(before, claim):
            raise IdTaken(before.task_id, before.owner)
        rows = await self._database.run(
            self._database.execute_at_any_price,
            statements.CLAIM if claim else statements.COMMIT,
            {**to_row(after), **claim, "fence": before.fence, "state_before": str(before.state)},
        )
        if claim and not rows and (holders := await self._query(statements.HOLDER, **claim)):
            raise IdTaken(*holders[0])
        return bool(rows)

    async def holder(self, task: Task, remote_id: str) -> IdTaken | None:
        """See `Store.holder`."""
        rows = await self._query(statements.HOLDER, **taken.claim(task, remote_id))
        return IdTaken(*rows[0]) if rows else None

    async def reread(self, before: Task, after: Task) -> bool:
        """See `Store.reread`."""
        if after.state is not State.SUCCESS:
            raise ValueError(f"a task that is read anew does not become {after.state}")
        named = {"fence": before.fence, "state_before": str(State.FAILED), "code": f'"code": "{EMPTY_RESULT}"'}
        return bool(await self._query(statements.REREAD, **{**to_row(after), **named}))

    async def keep(self, task_id: str, name: str, text: str) -> None:
        """See `Store.keep`."""
        # A text may hold half a character, which no database takes.
        text = text.encode(errors="replace").decode()
        await self._query(statements.KEEP, task_id=task_id, name=name, text=text)

    async def kept(self, task_id: str, name: str) -> str | None:
        """See `Store.kept`."""
        rows = await self._query(statements.SELECT_KEPT, task_id=task_id, name=name)
        return str(rows[0][0]) if rows else None

    async def let_go_of(self, task_id: str, name: str) -> None:
        """See `Store.let_go_of`."""
        await self._query(statements.LET_GO_OF, task_id=task_id, name=name)

    async def mark_sent(self, task: Task, terms: Sending) -> Clearance:
        """See `Store.mark_sent`."""
        await self._database.run(self._database.keep_room)
        return await self._database.run(admit.mark_sent, self._database, task, terms)

    async def still_sends(self, task: Task, lasts: float) -> bool:
        """See `Store.still_sends`."""
        named = {name: getattr(task, name) for name in ("task_id", "fence", "sent_at")}
        return await self._note_fleeting(statements.STILL_SENDS, holder=task.lease_holder, lasts=lasts, **named)

    async def _note_fleeting(self, statement: str, **values: Any) -> bool:
        """Writes what only living processes need; returns whether there was a row for it."""
        values["now"] = self._database.now()
        return bool(await self._database.run(self._database.execute_fleeting, statement, values))

    async def try_again(self, before: Task, after: Task, terms: Sending) -> Clearance:
        """See `Store.try_again`."""
        if not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        return await self._database.run(admit.try_again, self._database, before, after, terms)

    async def end_lapsed(self, process: str = "") -> Sequence[Task]:
        """See `Store.end_lapsed`."""
        return await self._database.run(admit.end_lapsed, self._database, process)

    async def place(self, task: Task) -> int:
        """See `Store.place`."""
        rows = await self._query(statements.PLACE, key_print=task.key_print, created_at=task.created_at)
        return int(rows[0]["count"])

    async def request_cancel(self, task_id: str) -> Task | None:
        """See `Store.request_cancel`."""
        return await self._task(statements.CANCEL, task_id=task_id, now=self._database.now())

    async def mark_answer(self, task_ids: Iterable[str], call: str, answer: Delivered, then: str = "") -> None:
        """See `Store.mark_answer`."""
        await self._database.run(admit.mark_answer, self._database, tuple(task_ids), call, answer, then)

    async def mark_heard(self, task_ids: Iterable[str], hearer: Hearer) -> None:
        """See `Store.mark_heard`."""
        await self._database.run(admit.mark_heard, self._database, tuple(task_ids), hearer)

    async def wake(self, task_id: str, after: float = 0.0) -> bool:
        """See `Store.wake`."""
        return bool(await self._query(statements.WAKE, task_id=task_id, at=self._database.now() + after))

    async def vouch(self, asked: Iterable[tuple[str, str]], lasts: float) -> None:
        """See `Store.vouch`."""
        calls = [{"task_id": task_id, "call": call} for task_id, call in asked]
        await self._database.run(self._write_many, statements.VOUCH, calls, lasts)

    def _write_many(self, statement: str, rows: Sequence[Mapping[str, str]], lasts: float) -> None:
        now = self._database.now()
        with self._database.fleeting(), self._database.transaction():
            for row in rows:
                self._database.execute(statement, {**row, "now": now, "lasts": lasts})

    async def want(self, process: str, lasts: float) -> bool:
        """See `Store.want`."""
        return await self._note_fleeting(statements.WANT, asked=f"{process}/", lasts=lasts)

    async def renew(self, holder: str, task_ids: Iterable[str], lasts: float) -> None:
        """See `Store.renew`."""
        leased = [{"task_id": task_id, "holder": holder} for task_id in task_ids]
        await self._database.run(self._write_many, statements.RENEW, leased, lasts)

    async def release(self, holder: str) -> None:
        """See `Store.release`."""
        await self._query(statements.RELEASE, holder=holder)

    async def hold(self, name: str, holder: str, lasts: float) -> bool:
        """See `Store.hold`."""
        return await self._database.run(leases.lease_name, self._database, self._watch, name, holder, lasts)

    async def let_go(self, name: str, holder: str) -> None:
        """See `Store.let_go`."""
        await self._query(statements.LET_GO, name=name, holder=holder)

    async def spent(self, owner: Owner | None) -> Spent:
        """See `Store.spent`."""
        return await self._database.run(admit.spent, self._database, owner.name if owner else None)

    async def limits(self, owner: Owner | None, budget: Budget) -> Sequence[Allowance]:
        """See `Store.limits`."""
        return await self._database.run(admit.limits, self._database, owner.name if owner else None, budget)

    async def usage(self, owner: Owner | None, days: int) -> Sequence[DayCount]:
        """See `Store.usage`."""
        return await self._database.run(counts.count_days, self._database, owner.name if owner else None, days)

    async def totals(self) -> Totals:
        """See `Store.totals`."""
        return await self._database.run(counts.totals, self._database)

    async def owner_names(self) -> Sequence[str]:
        """See `Store.owner_names`."""
        return await self._database.run(counts.owner_names, self._database)

    async def raise_alert(self, alert: Alert) -> bool:
        """See `Store.raise_alert`."""
        return await self._database.run(alerts.raise_alert, self._database, alert)

    async def open_count(self, key_prints: Iterable[str]) -> int:
        """See `Store.open_count`."""
        keys, named = statements.keys(key_prints)
        return int((await self._query(statements.OPEN_COUNT.format(keys=keys), **named))[0]["count"])

    async def needs_input(self, text: str, ended_within: float, unknown_for: float) -> bool:
        """See `Store.needs_input`."""
        named = {"ended_within": ended_within, "unknown_for": unknown_for, "now": self._database.now()}
        return bool(await self._query(statements.NEEDS_INPUT, text=text, **named))

    async def secret(self, name: str) -> bytes:
        """See `Store.secret`."""
        await self._query(statements.MAKE_SECRET, name=name, value=secrets.token_hex(32))
        return bytes.fromhex((await self._query(statements.SECRET, name=name))[0]["value"])

    async def add(self, tasks: Iterable[Task]) -> Sequence[str]:
        """See `Store.add`."""
        return await self._database.run(admit.add, self._database, tuple(tasks))
