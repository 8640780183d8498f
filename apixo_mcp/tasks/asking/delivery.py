"""Delivery: whether the caller of a task got its answer, and the calls of this process that are waited for.

Each task keeps what became of the answer to the last call that asked for it (`docs/delivery.md` has more):

    awaited ──► given    the answer has left this process: an equal request is a new task
       ├──────► lost     its caller has gone, or its process has died: an equal request adopts the task
       └──────► awaited  by an equal call that came over the same connection well after: it has joined the task

- A call is open from its first moment to its answer (`Delivery.open`). Meanwhile this process vouches for it in the
  store (`keep`), so that others know that it lives.
- Where only the wire knows when an answer has left, the call is handed over to it (`Call.hand_over`,
  `server.tools.receipts`); else it is given when it ends, and lost when it ends by an exception.
- An equal request finds the task in the transaction that would have made a new one (`stores.money.admit`). Where its
  answer is still awaited, the request joins it where it repeats that call (`tasks.asking.repeats`); else it waits a
  moment to see whether that call lives (`tasks.asking.admission`). If it does, both are meant.
- Whoever is given an answer has heard of the tasks that it names; so has who is given any other answer that names them
  (`Delivery.mention`). What is meant by `last` is one of those (`tasks.asking.last`).
- Where several calls wait for one task, that of the last one counts. If it is lost while an earlier one is open, an
  equal request may adopt the task, until the earlier one has its answer.
"""

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from apixo_mcp.tasks.asking.repeats import Origin, seconds_after
from apixo_mcp.tasks.hearing import Hearer, heard_after
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import Delivered, Task

log = logging.getLogger(__name__)

VOUCHED_EVERY = 0.75
WANTED_EVERY = 10.0
WANTED_UNTIL = 30.0  # from the last sign of life of the process that was asked for a task
VOUCHED_FOR = 2.5  # how long an equal request in another process waits to see whether a call's process lives


class Call:
    """One call that asks for a task.

    Attributes:
        name: unique among all calls of all processes: its process, its connection, its client's mark and a name; tasks
            carry it as `asked_by`.
        origin: how it came, and when.
        task_ids: the tasks that it got, none before.
    """

    def __init__(self, name: str, calls: "Delivery", origin: Origin) -> None:
        self.name = name
        self.origin = origin
        self.task_ids: tuple[str, ...] = ()
        self._calls = calls
        self.is_handed_over = False

    def hand_over(self) -> None:
        """Leaves it to somebody else to tell when the answer has left this process: by `given` or `lost`."""
        self.is_handed_over = True

    async def given(self) -> None:
        """Notes that the caller has its answer."""
        await self._calls.end(self, "given")

    async def lost(self) -> None:
        """Notes that the caller has gone without it: the same request may adopt the task."""
        await self._calls.end(self, "lost")


class Mention:
    """An answer that names tasks, whoever asked for them: who reads it has heard of them."""

    def __init__(self, task_ids: Iterable[str], hearer: Hearer, store: Store) -> None:
        self._task_ids = tuple(task_ids)
        self._hearer = hearer
        self._store = store

    def hand_over(self) -> None:
        """Leaves it to somebody else to tell when the answer has left this process."""

    async def given(self) -> None:
        """Notes that the answer has left. Never raises: it must not be lost over it."""
        with anyio.CancelScope(shield=True):
            try:
                await self._store.mark_heard(self._task_ids, self._hearer)
            except Exception:
                log.exception("it is not noted who has heard of %s", ", ".join(self._task_ids))

    async def lost(self) -> None:
        """Leaves all as it is: nobody has read it."""


class Delivery:
    """Keeps track of calls, so that an equal request knows whether an earlier one is still waited for.

    Args:
        store: where answers are noted, and that this process lives.
    """

    def __init__(self, store: Store) -> None:
        self.process = uuid.uuid4().hex
        self._store = store
        self._open: dict[str, Call] = {}
        self._some = anyio.Event()
        self._ended = anyio.Event()
        self._asked = anyio.Event()

    @property
    def open_names(self) -> frozenset[str]:
        """The calls that are waited for."""
        return frozenset(self._open)

    @asynccontextmanager
    async def open(self, origin: Origin | None = None) -> AsyncGenerator[Call]:
        """Opens a call for as long as its answer takes; one that ends by an exception is lost.

        Args:
            origin: how it came, and when; None: just now, over nothing.
        """
        if origin is None:
            now = time.monotonic()
            origin = Origin(at=now, since=now)
        call = Call(f"{self.process}/{origin.connection}/{origin.mark}/{uuid.uuid4().hex}", self, origin)
        self._open[call.name] = call
        self._some.set()
        self._asked.set()
        try:
            yield call
            await anyio.lowlevel.checkpoint_if_cancelled()  # a caller that left just now has no answer
        except BaseException:
            await call.lost()
            raise
        if not call.is_handed_over:
            await call.given()

    async def end(self, call: Call, answer: Delivered) -> None:
        """Notes what became of a call. Never raises: its caller's answer must not be lost over it."""
        self._open.pop(call.name, None)
        self._ended.set()
        self._ended = anyio.Event()
        if not call.task_ids:
            return
        with anyio.CancelScope(shield=True):
            try:
                others = [other for other in self._open.values() if set(other.task_ids) & set(call.task_ids)]
                last = max(others, key=lambda other: other.origin.at, default=None) if answer == "lost" else None
                await self._store.mark_answer(call.task_ids, call.name, answer, then=last.name if last else "")
            except Exception:
                log.exception("it is not noted that the answer about %s was %s", ", ".join(call.task_ids), answer)

    def mention(self, tasks: Iterable[Task], hearer: Hearer) -> Mention | None:
        """Returns what is to be noted once an answer that names tasks has left; None where all of it is noted."""
        news = [task.task_id for task in tasks if heard_after(task.heard_by, task.asked_by, hearer) != task.heard_by]
        return Mention(news, hearer, self._store) if news else None

    def repeated_by(self, call: Call) -> Mapping[str, float]:
        """Returns the tasks of open calls that a call repeats if it asks for the same, and how long after it came."""
        origins: defaultdict[str, list[Origin]] = defaultdict(list)
        for other in self._open.values():
            if other is not call:
                for task_id in other.task_ids:
                    origins[task_id].append(other.origin)
        afters = {task_id: seconds_after(call.origin, earlier) for task_id, earlier in origins.items()}
        return {task_id: after for task_id, after in afters.items() if after is not None}

    async def ended(self, name: str, within: float) -> bool:
        """Waits until a call of this process has ended, and tells whether it did within some seconds."""
        with anyio.move_on_after(within):
            while name in self._open:
                await self._ended.wait()
        return name not in self._open

    async def keep_wanted(self) -> None:
        """Notes that this process lives, in the open tasks that it was asked for, until it is cancelled.

        Others leave what is unsent to it, or end it once this falls silent (`tasks.transitions.unsent`).
        """
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            has_some = True
            while has_some:
                await anyio.sleep(WANTED_EVERY)
                try:
                    has_some = await self._store.want(self.process, WANTED_UNTIL) or bool(self._open)
                except Exception:
                    log.exception("the tasks of this process are not vouched for; it is tried again")

    async def keep(self) -> None:
        """Vouches for the open calls, until it is cancelled: other processes take one that falls silent for lost."""
        while True:
            if not self._open:
                self._some = anyio.Event()
                await self._some.wait()
            try:
                asked = [(task_id, call.name) for call in self._open.values() for task_id in call.task_ids]
                if asked:
                    await self._store.vouch(asked, VOUCHED_FOR)
            except Exception:
                log.exception("the waiting calls are not vouched for; it is tried again")
            await anyio.sleep(VOUCHED_EVERY)
