"""The protocol of the task store, in the words of a task's life.

**The store owns time.** Its verbs take durations and say after how many seconds something can be done; no caller hands
it a moment to compare with, since the clocks of two machines differ. A lease is set and compared with the store's own
clock, and a store whose processes each bring a clock of their own must not believe it over a holder that renews: a task
is never taken, and never held for lost, while its holder renews its lease, whatever the clocks say. (On SQLite that is
`stores.watch`; a database server has one clock.)

The other moments in a row (when it was made, when its next step is due) are written with the clock of the process that
decided on them. A clock that is ahead may make one poll early with them, or end an unsent task early; it takes no task
from its holder and makes none `unknown`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from apixo_mcp.generation import Modality
from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import Agreement, Allowance, Budget, Spent
from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.alerts import AlertStore
from apixo_mcp.tasks.ports.arrivals import ArrivalStore
from apixo_mcp.tasks.ports.counts import DayCount, Totals
from apixo_mcp.tasks.ports.durations import DurationStore
from apixo_mcp.tasks.ports.outbox import Outbox
from apixo_mcp.tasks.ports.reports import ReportStore
from apixo_mcp.tasks.ports.terms import Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import Delivered, State, Task

if TYPE_CHECKING:
    from apixo_mcp.tasks.ports.pace import PaceStore

LEASE_LASTS = 8.0
RENEWED_EVERY = 2.5
APART_AT_MOST = 120.0  # no two clocks differ by more
BEYOND_LEASES = 60.0  # no lease lasts so long: one that seems to was written before the clock was set back

KEY_SALT = "key_print_salt"
"""Name of the secret that the prints of API keys are made with."""


class IdTaken(Exception):
    """Another row has the gateway's id that a row was to take.

    Attributes:
        task_id: of that row, or of this one, where an earlier attempt had it.
        owner: of that row.
    """

    def __init__(self, task_id: str, owner: str) -> None:
        self.task_id = task_id
        self.owner = owner
        super().__init__(f"task {task_id} has that id of the gateway")


class Store(Protocol):
    """Keeps tasks. Every change is durable when the call returns, and compare-and-set where it moves a task.

    Only leases and what a poll wrote that brought nothing (its count, and when the next one is due) may be lost, and
    only in a power cut: no living process needs them then, and the poll is made again. A lease lets one process at a
    time work on a task; the fence, which grows with each claim, refuses the late write of one that slept through its
    lease.
    """

    @property
    def alerts(self) -> AlertStore:
        """What was raised, and who has heard of it."""
        ...

    @property
    def arrivals(self) -> ArrivalStore:
        """What is known of callbacks."""
        ...

    @property
    def durations(self) -> DurationStore:
        """How long tasks took."""
        ...

    @property
    def outbox(self) -> Outbox:
        """What is to be told to the operator's address."""
        ...

    @property
    def pace(self) -> "PaceStore | None":
        """The lines of turns that processes share; None where each keeps the limit of a gateway for itself."""
        ...

    @property
    def reports(self) -> ReportStore:
        """What is added up for a report."""
        ...

    async def admit(self, tasks: Sequence[Task], terms: Terms) -> Admitted:
        """Adds the tasks of a purchase, all or none, unless its key or an equal purchase has some already.

        An equal one counts whose answer did not arrive, or that an open call waits for which this one repeats.

        On terms that only take up it never adds any: the answer is `none` then.

        The limits are asked for their sum. `awaited` stores nothing: an equal request may still be waited for, or its
        caller may just have gone. A quote that was said yes to is used up by the purchase that it allowed.

        Args:
            tasks: one, or several as `tasks.purchase` makes them.
            terms: on which they are admitted.
        """
        ...

    async def quote(self, owner: Owner, fingerprint: str, agreement: Agreement) -> None:
        """Notes what was quoted to an owner for a request: a yes to that counts for `QUOTED_FOR`."""
        ...

    async def forget_quote(self, owner: Owner, fingerprint: str) -> None:
        """Takes a quote back: the owner said no."""
        ...

    async def get(self, task_id: str) -> Task | None:
        """Returns the task with this id of ours, whoever owns it: for what no caller names."""
        ...

    async def get_each(self, task_ids: Iterable[str]) -> Sequence[Task]:
        """Returns those of some tasks that there are, in any order, whoever owns them: for what no caller names."""
        ...

    async def find(self, owner: Owner, any_id: str) -> Task | None:
        """Returns the owner's task with this id, ours or the gateway's."""
        ...

    async def saved_at(self, owner: Owner, path: str) -> Task | None:
        """Returns the owner's newest task that has a result whose file was saved at this very path."""
        ...

    async def made_at(self, owner: Owner, url: str) -> Task | None:
        """Returns the owner's newest task that has a result at this very URL of its gateway."""
        ...

    async def page(
        self,
        owner: Owner,
        *,
        state: State | None = None,
        modality: Modality | None = None,
        model: str = "",
        since: float = 0.0,
        until: float | None = None,
        words: Iterable[str] = (),
        connection: str = "",
        like: str | None = None,
        limit: int = 20,
        before: tuple[float, str] | None = None,
        with_deleted: bool = False,
    ) -> Sequence[Task]:
        """Lists the owner's tasks, newest first. No page takes longer for the tasks that there are.

        Args:
            model: that made it, by its id.
            since: made at this moment (Unix seconds) or later.
            until: made before this moment; None: whenever after that.
            words: each of which its prompt holds, in small letters or capitals.
            connection: that asked for it last.
            like: a prompt that is the same as its own, but for small letters and capitals; None: any.
            before: older than this (creation time and id).
            with_deleted: whether what is left of those whose entry was deleted is among them.
        """
        ...

    async def changed_since(self, moment: float, limit: int = 500) -> Sequence[Task]:
        """Lists tasks of every owner that were written at a moment (Unix seconds) or later, the earliest first.

        Those whose entries were deleted are among them.
        """
        ...

    async def delete_entry(self, task: Task, note: str) -> bool:
        """Deletes what an entry tells: its prompt, inputs, results, notes, and what is kept beside it.

        What counts stays: its purchase, its key and the gateway's ids, so that nothing is bought anew for it, and all
        that is added up. From then on no verb finds it by its id, and none lists it.

        Args:
            task: as it was read.
            note: stands in it from now on, for a purchase that is made again under its key.

        Returns:
            False where it goes on, is not settled, holds an answer that was paid for and is still to be read, or was
            written since it was read.
        """
        ...

    async def index_some(self, count: int) -> int:
        """Makes so many prompts more quick to search, where that is not done as they are stored; says how many wait."""
        ...

    async def due(
        self, key_prints: Iterable[str], late_by: float = 0.0, limit: int = 500
    ) -> Sequence[tuple[str, float]]:
        """Returns the ids of tasks of these keys whose next step is due, and has been for so many seconds.

        So with those of any key whose POST was cut off: that is noted without one. Each stands with after how many
        seconds it can be taken: once its lease has run out; less than 0 where it is overdue.
        """
        ...

    async def claim(self, task_id: str, holder: str, lasts: float, key_prints: Iterable[str]) -> Task | None:
        """Takes the lease of a task that is due and free, for so many seconds; None where it is not.

        Of keys that are not named only those whose POST was cut off are taken.
        """
        ...

    async def commit(self, before: Task, after: Task) -> bool:
        """Writes `after` if the row still has the fence and the state of `before`.

        `cancel_requested`, `answer` and who asked when are left as they are in the row: their verbs below own them. The
        lease is given back where `after` has none, else left as it is.

        Raises:
            ValueError: the table of moves does not allow this one.
            IdTaken: another row, of any owner, has the gateway's id that `after` takes; nothing is written.
        """
        ...

    async def move_files(self, before: Task, after: Task) -> bool:
        """Writes where the files of a task's results are by now, of one that is over: nothing else of it changes.

        Returns:
            False where the row has not the fence, the state and the results of `before` any more, or somebody works on
            it. Its fence grows, so that nobody who read it before writes over it.
        """
        ...

    async def reread(self, before: Task, after: Task) -> bool:
        """Writes `after`, a success, over a task that still failed with EMPTY_RESULT: the one way out of an end."""
        ...

    async def keep(self, task_id: str, name: str, text: str) -> None:
        """Keeps a text with a task, in place of one of the same name: an answer, or a file that came in one."""
        ...

    async def kept(self, task_id: str, name: str) -> str | None:
        """Returns the text that is kept under a name."""
        ...

    async def let_go_of(self, task_id: str, name: str) -> None:
        """Forgets a text that was kept."""
        ...

    async def holder(self, task: Task, remote_id: str) -> IdTaken | None:
        """Tells which other row of any owner has that id of the task's gateway."""
        ...

    async def mark_sent(self, task: Task, terms: Sending) -> Clearance:
        """Notes that the POST is about to leave, if it may: the one transaction before every paid request.

        What it costs counts for the present day from then on. The address at which the gateway is to call back about it
        (`Task.reached_at`) is noted with it.
        """
        ...

    async def still_sends(self, task: Task, lasts: float) -> bool:
        """Prolongs the lease under which a POST is about to leave.

        Returns:
            False where it must not: another process has taken the task over since it was marked as sent.
        """
        ...

    async def try_again(self, before: Task, after: Task, terms: Sending) -> Clearance:
        """Commits a task's way back to submitting, if its further attempt is within the owner's limits."""
        ...

    async def end_lapsed(self, process: str = "") -> Sequence[Task]:
        """Ends every unsent task that nobody wants any more, of any owner and key, and returns them.

        Args:
            process: the one that asks, as the names of its calls begin; empty: one that was never asked for a task.
        """
        ...

    async def place(self, task: Task) -> int:
        """Counts the unsent tasks of the same key that are before this one."""
        ...

    async def request_cancel(self, task_id: str) -> Task | None:
        """Cancels an unsent task; for a sent one notes only that the waiting ended."""
        ...

    async def mark_answer(self, task_ids: Iterable[str], call: str, answer: Delivered, then: str = "") -> None:
        """Notes what became of the answer to a call in all its tasks, where it is the last one that asked for them.

        Where it was given, its caller has heard of them, whichever call was the last.

        Args:
            task_ids: of the tasks.
            call: by its name.
            answer: what became of it.
            then: another call for them that is open, whose answer counts from now on.
        """
        ...

    async def mark_heard(self, task_ids: Iterable[str], hearer: Hearer) -> None:
        """Notes that somebody was given an answer that names tasks, where that tells more than is noted."""
        ...

    async def wake(self, task_id: str, after: float = 0.0) -> bool:
        """Makes an open task, or one with an id to confirm, due after so many seconds if that is earlier than it is."""
        ...

    async def vouch(self, asked: Iterable[tuple[str, str]], lasts: float) -> None:
        """Notes that calls (task id and name of the call) are still waited for, which counts for so many seconds."""
        ...

    async def want(self, process: str, lasts: float) -> bool:
        """Notes in the open tasks that a process was asked for that it lives; False where it has none."""
        ...

    async def renew(self, holder: str, task_ids: Iterable[str], lasts: float) -> None:
        """Prolongs the leases of `holder` on these tasks, so that they last for so many seconds from now on."""
        ...

    async def release(self, holder: str) -> None:
        """Gives back every lease of `holder`."""
        ...

    async def hold(self, name: str, holder: str, lasts: float) -> bool:
        """Takes or prolongs a lease that is not a task's; False while somebody else has it."""
        ...

    async def let_go(self, name: str, holder: str) -> None:
        """Gives such a lease back."""
        ...

    async def spent(self, owner: Owner | None) -> Spent:
        """Adds up the paid requests of today and of this month (UTC), with those that are still to be sent.

        Args:
            owner: whose; None: of all together.
        """
        ...

    async def limits(self, owner: Owner | None, budget: Budget) -> Sequence[Allowance]:
        """Returns the limits that a purchase would be held to now, with what is spent of each.

        Args:
            owner: whose own limits are read from their row; None: those of all alone.
            budget: of all owners together.
        """
        ...

    async def usage(self, owner: Owner | None, days: int) -> Sequence[DayCount]:
        """Counts by UTC day, model and state, over so many days up to the present one.

        Args:
            owner: whose tasks; None: those of all together.
            days: how many.
        """
        ...

    async def totals(self) -> Totals:
        """Counts the tasks of all owners that are open, and adds up what each has spent."""
        ...

    async def owner_names(self) -> Sequence[str]:
        """Lists everybody who has tasks: this machine's own, and those whom an issuer alone knows, too."""
        ...

    async def raise_alert(self, alert: Alert) -> bool:
        """Notes an alert, and its webhook; False where it was told before."""
        ...

    async def open_count(self, key_prints: Iterable[str]) -> int:
        """Counts the tasks that still have a next step."""
        ...

    async def needs_input(self, text: str, ended_within: float, unknown_for: float) -> bool:
        """Tells whether a gateway may still fetch an input in which a text stands.

        It may for a task that goes on, for one that has ended within so many seconds, and for so many seconds since it
        was sent for one of which nobody knows whether the gateway has it.
        """
        ...

    async def kept_for(self, seconds: float, after: str, limit: int) -> tuple[Sequence[Task], str]:
        """Lists tasks of every owner that ended well so long ago, rest, and have files.

        Args:
            seconds: since each was last written.
            after: looks at those behind this id, in the order of their ids.
            limit: how many are looked at: of a large store a part at a time.

        Returns:
            Those among them, and the id to go on behind; empty where there are no more.
        """
        ...

    async def secret(self, name: str) -> bytes:
        """Returns a random value that stays with this store, made when first asked for."""
        ...

    async def dump(self, after: str = "", limit: int = 500) -> Sequence[Task]:
        """Lists tasks of every owner in the order of their ids, those behind the id `after`."""
        ...

    async def add(self, tasks: Iterable[Task]) -> Sequence[str]:
        """Adds tasks that lived elsewhere, all or none; one whose id is there already is left as it is there.

        A task whose idempotency key is taken here goes without it.

        Returns:
            The ids of those that were added.
        """
        ...
