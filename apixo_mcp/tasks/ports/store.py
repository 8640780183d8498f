"""The protocol of the task store, in the words of a task's life.

Its parts stand beside it: who works on a task (`leases`), which there are (`lookups`), what they add up to (`counts`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import Agreement
from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.alerts import AlertStore
from apixo_mcp.tasks.ports.arrivals import ArrivalStore
from apixo_mcp.tasks.ports.counts import CountStore
from apixo_mcp.tasks.ports.durations import DurationStore
from apixo_mcp.tasks.ports.leases import LeaseStore
from apixo_mcp.tasks.ports.lookups import LookupStore
from apixo_mcp.tasks.ports.outbox import Outbox
from apixo_mcp.tasks.ports.reports import ReportStore
from apixo_mcp.tasks.ports.terms import Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import Delivered, Task

if TYPE_CHECKING:
    from apixo_mcp.tasks.ports.pace import PaceStore

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


class Store(LeaseStore, LookupStore, CountStore, Protocol):
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

    async def try_again(self, before: Task, after: Task, terms: Sending) -> Clearance:
        """Commits a task's way back to submitting, if its further attempt is within the owner's limits."""
        ...

    async def end_lapsed(self, process: str = "") -> Sequence[Task]:
        """Ends every unsent task that nobody wants any more, of any owner and key, and returns them.

        Args:
            process: the one that asks, as the names of its calls begin; empty: one that was never asked for a task.
        """
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

    async def raise_alert(self, alert: Alert) -> bool:
        """Notes an alert, and its webhook; False where it was told before."""
        ...

    async def secret(self, name: str) -> bytes:
        """Returns a random value that stays with this store, made when first asked for."""
        ...

    async def add(self, tasks: Iterable[Task]) -> Sequence[str]:
        """Adds tasks that lived elsewhere, all or none; one whose id is there already is left as it is there.

        A task whose idempotency key is taken here goes without it.

        Returns:
            The ids of those that were added.
        """
        ...
