"""The task store, as it is on every database: its verbs, each one decision in the database's thread."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apixo_mcp.gateways.gateway import EMPTY_RESULT
from apixo_mcp.stores import answers, statements, taken
from apixo_mcp.stores.counting import Counting
from apixo_mcp.stores.database import Database, Notable, Row, Worker
from apixo_mcp.stores.kept import alerts
from apixo_mcp.stores.kept.alerts import KeptAlerts
from apixo_mcp.stores.kept.arrivals import KeptArrivals
from apixo_mcp.stores.kept.durations import KeptDurations
from apixo_mcp.stores.kept.outbox import KeptOutbox
from apixo_mcp.stores.kept.owners import KeptOwners
from apixo_mcp.stores.kept.reports import KeptReports
from apixo_mcp.stores.kept.sign_ins import KeptSignIns
from apixo_mcp.stores.leasing import Leasing
from apixo_mcp.stores.lookups import Lookups, Search
from apixo_mcp.stores.money import admit, clearance
from apixo_mcp.stores.rows import from_row, is_mere_poll, poll_row, to_row
from apixo_mcp.stores.watch import SILENT_FOR
from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import Agreement
from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.ports.terms import Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import FOLLOWED, Delivered, State, Task, may_move

if TYPE_CHECKING:
    from apixo_mcp.tasks.ports.pace import PaceStore


class TaskStore(Lookups, Leasing, Counting):
    """Implements `Store`, but for how its database is opened and closed.

    Args:
        worker: has the database.
        search: its index of prompts.
        elapsed: a clock that runs evenly, whatever its zero is.
        silent_for: see `Leasing`.

    Attributes:
        alerts: what was raised, and who has heard of it.
        arrivals: what is known of callbacks.
        durations: how long tasks took.
        outbox: what is to be told to the operator's address.
        pace: how fast all processes together talk to a gateway; None where each does as fast as one may.
        reports: what is added up for a report.
        owners: who may come in over HTTP.
        sign_ins: what is kept of how they did.
    """

    def __init__(
        self,
        worker: Worker,
        search: Search,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        silent_for: float = SILENT_FOR,
    ) -> None:
        Lookups.__init__(self, worker, search)
        Leasing.__init__(self, worker, elapsed, silent_for)
        self.alerts = KeptAlerts(worker)
        self.arrivals = KeptArrivals(worker)
        self.durations = KeptDurations(worker)
        self.outbox = KeptOutbox(worker)
        self.pace: PaceStore | None = None
        self.reports = KeptReports(worker)
        self.owners = KeptOwners(worker)
        self.sign_ins = KeptSignIns(worker)

    @property
    def told(self) -> str:
        """What kind of store it is, and where, as `doctor` tells it."""
        return ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the store, as sentences."""
        return ()

    async def admit(self, tasks: Sequence[Task], terms: Terms) -> Admitted:
        """See `Store.admit`."""
        return await self._worker.decide(admit.admit, tuple(tasks), terms)

    async def quote(self, owner: Owner, fingerprint: str, agreement: Agreement) -> None:
        """See `Store.quote`."""
        await self._worker.decide(admit.quote, owner, fingerprint, agreement)

    async def forget_quote(self, owner: Owner, fingerprint: str) -> None:
        """See `Store.forget_quote`."""
        await self._worker.run(admit.forget_quote, owner, fingerprint)

    async def commit(self, before: Task, after: Task) -> bool:
        """See `Store.commit`."""
        if after.state is not before.state and not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        if before.state in FOLLOWED and after.state in FOLLOWED and is_mere_poll(before, after):
            return bool(await self._worker.note(_note_poll, poll_row(before, after)))
        claim = taken.claimed_by(before, after)
        if claim and taken.is_of_earlier_attempt(before, claim):
            raise IdTaken(before.task_id, before.owner)
        return await self._worker.run(_write, {**to_row(after), **_before(before)}, claim)

    async def holder(self, task: Task, remote_id: str) -> IdTaken | None:
        """See `Store.holder`."""
        rows = await self._query(statements.HOLDER, **taken.claim(task, remote_id))
        return _taken(rows[0]) if rows else None

    async def move_files(self, before: Task, after: Task) -> bool:
        """See `Store.move_files`."""
        return await self._worker.run(_move_files, before, to_row(after)["results"])

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
        return str(rows[0]["text"]) if rows else None

    async def let_go_of(self, task_id: str, name: str) -> None:
        """See `Store.let_go_of`."""
        await self._query(statements.LET_GO_OF, task_id=task_id, name=name)

    async def mark_sent(self, task: Task, terms: Sending) -> Clearance:
        """See `Store.mark_sent`."""
        return await self._worker.decide(_mark_sent, task, terms)

    async def try_again(self, before: Task, after: Task, terms: Sending) -> Clearance:
        """See `Store.try_again`."""
        if not may_move(before.state, after.state):
            raise ValueError(f"a task does not move from {before.state} to {after.state}")
        return await self._worker.decide(clearance.try_again, before, after, terms)

    async def end_lapsed(self, process: str = "") -> Sequence[Task]:
        """See `Store.end_lapsed`."""
        return await self._worker.decide(clearance.end_lapsed, process)

    async def request_cancel(self, task_id: str) -> Task | None:
        """See `Store.request_cancel`."""
        return await self._worker.run(_cancel, task_id)

    async def mark_answer(self, task_ids: Iterable[str], call: str, answer: Delivered, then: str = "") -> None:
        """See `Store.mark_answer`."""
        await self._worker.run(answers.mark_answer, tuple(task_ids), call, answer, then)

    async def mark_heard(self, task_ids: Iterable[str], hearer: Hearer) -> None:
        """See `Store.mark_heard`."""
        await self._worker.run(answers.mark_heard, tuple(task_ids), hearer)

    async def raise_alert(self, alert: Alert) -> bool:
        """See `Store.raise_alert`."""
        return await self._worker.run(alerts.raise_alert, alert)

    async def secret(self, name: str) -> bytes:
        """See `Store.secret`."""
        await self._query(statements.MAKE_SECRET, name=name, value=secrets.token_hex(32))
        return bytes.fromhex((await self._query(statements.SECRET, name=name))[0]["value"])

    async def add(self, tasks: Iterable[Task]) -> Sequence[str]:
        """See `Store.add`."""
        return await self._worker.decide(admit.add, tuple(tasks))


def _before(task: Task) -> Mapping[str, Any]:
    return {"fence": task.fence, "state_before": str(task.state)}


def _note_poll(database: Notable, row: Mapping[str, Any]) -> bool:
    # Without waiting for the disk: a poll that a power cut takes back is made again, and costs nothing.
    return bool(database.execute_fleeting(statements.NOTE_POLL, row))


def _write(database: Database, row: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    """Writes a row over the one that it was made from.

    Raises:
        IdTaken: another row has the id that it takes.
    """
    if not claim:
        return bool(database.execute_at_any_price(statements.COMMIT, row))
    with database.alone(f"id {claim['claimed']}"):
        if database.execute_at_any_price(statements.CLAIM, {**row, **claim}):
            return True
    if holders := database.execute(statements.HOLDER, claim):
        raise _taken(holders[0])
    return False


def _move_files(database: Database, before: Task, results: str) -> bool:
    rows = database.execute(statements.GET, {"task_id": before.task_id})
    if not rows or from_row(rows[0]).results != before.results:
        return False
    # Compared as it is written: what another version wrote may be written in another way here.
    named = {"task_id": before.task_id, "results": results, "as_read": rows[0]["results"], **_before(before)}
    return bool(database.execute(statements.MOVE_FILES, named))


def _taken(holder: Row) -> IdTaken:
    return IdTaken(holder["task_id"], holder["owner"])


def _cancel(database: Database, task_id: str) -> Task | None:
    rows = database.execute(statements.CANCEL, {"task_id": task_id, "now": database.now()})
    return from_row(rows[0]) if rows else None


def _mark_sent(database: Database, task: Task, terms: Sending) -> Clearance:
    database.keep_room()
    return clearance.mark_sent(database, task, terms)
