"""How much a process transfers at once: few whose bytes flow, beside them many that wait; each task has its share."""

from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

from apixo_mcp.errors import MediaError
from apixo_mcp.generation import Modality

_TRICKLE = 16 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLimits:
    """Limits of saving, for all transfers of a process.

    Attributes:
        caps: the most bytes that are taken for a result of each kind: far more than any model makes, so that an
            endless body ends. What the disk takes is the limit before that.
        pauses: seconds before a fetch that failed is tried again while its caller still waits; later tries are the
            task's.
        parts: the most requests of one go for a file that its server hands out in parts.
        least_bytes: what must arrive in `least_every` seconds: an endless trickle would hold up its task.
        in_work: results that are looked for, fetched or waited with at once: each holds a folder open.
        flowing: transfers at once that bring more than a trickle. So many begin at once, too: with more connections
            than are read, what a line can bring would go to those that wait.
        connections: at once, those included that wait for an answer or for the next byte of a body.
        stalled_after: seconds without bytes of the body after which a transfer gives its place to others.
        looked_every: seconds between two looks for those that stall, and those in which others wait for one that begins
            to flow.
        looking: threads at once that look into one folder; `writing`: that write into it; `putting`: that put finished
            files in their place, each of which may hold a part of one in memory; those that hang included.
        answers_within: seconds after which a folder that keeps one of them waiting counts as hanging.
        written_after: seconds after which less than a block is written too: no more of a slow file goes with its line.
    """

    caps: Mapping[Modality, int] = field(
        default_factory=lambda: {"image": 2_000_000_000, "audio": 4_000_000_000, "video": 20_000_000_000}
    )
    pauses: tuple[float, ...] = (0.5, 1.5)
    parts: int = 1000
    least_bytes: int = 64 * 1024
    least_every: float = 30.0
    in_work: int = 200
    flowing: int = 16
    connections: int = 96
    stalled_after: float = 5.0
    looked_every: float = 0.25
    looking: int = 4
    writing: int = 32
    putting: int = 8
    answers_within: float = 30.0
    written_after: float = 1.0


class Shares:
    """Places shared out between tasks: next is who has fewest, then who waits longest; one has half at most."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._most = max(1, total // 2)
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[anyio.Event]] = {}

    @property
    def are_wanted(self) -> bool:
        """Whether anyone waits for a place."""
        return bool(self._waiting)

    @asynccontextmanager
    async def place(self, task_id: str) -> AsyncGenerator[None]:
        """Holds a place meanwhile, once there is one."""
        await self.take(task_id)
        try:
            yield
        finally:
            self.give_back(task_id)

    async def take(self, task_id: str) -> None:
        """Waits for a place, and takes it."""
        turn = anyio.Event()
        self._waiting.setdefault(task_id, deque()).append(turn)
        self._hand_out()
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.give_back(task_id)
            else:
                self._leave_queue(task_id, turn)
            raise

    def give_back(self, task_id: str) -> None:
        """Gives a place to whoever is next."""
        self._free += 1
        self._held -= Counter((task_id,))
        self._hand_out()

    def _hand_out(self) -> None:
        # Of those with as few, the one that came first: a task that is served goes to the end of the line.
        while self._free and (able := [task for task in self._waiting if self._held[task] < self._most]):
            task_id = min(able, key=lambda task: self._held[task])
            turn = self._waiting[task_id][0]
            self._leave_queue(task_id, turn)
            if task_id in self._waiting:
                self._waiting[task_id] = self._waiting.pop(task_id)
            self._free -= 1
            self._held[task_id] += 1
            turn.set()

    def _leave_queue(self, task_id: str, turn: anyio.Event) -> None:
        self._waiting[task_id].remove(turn)
        if not self._waiting[task_id]:
            del self._waiting[task_id]


class Places:
    """Shares out what a process may transfer at once. A host has no share of its own: all results come from one."""

    def __init__(self, limits: TransferLimits) -> None:
        self._limits = limits
        self._beginning = Shares(limits.flowing)
        self._flowing = Shares(limits.flowing)
        self._connections = Shares(limits.connections)

    async def during(self, task_id: str, work: "Callable[[Turn], Awaitable[T]]") -> T:
        """Runs one transfer of a task while there is a connection for it.

        Raises:
            MediaError: it brought nothing for so long that others took its connection; or what `work` raises.
        """
        done: list[T] = []
        failed: list[Exception] = []
        await self._beginning.take(task_id)
        turn = Turn(self._beginning, self._flowing, task_id, self._limits.stalled_after)
        try:
            async with self._connections.place(task_id), anyio.create_task_group() as group:
                group.start_soon(self._watch, turn, group.cancel_scope)
                try:
                    done.append(await work(turn))
                except Exception as error:  # carried out of the group, which would wrap it
                    failed.append(error)
                group.cancel_scope.cancel()
        finally:
            turn.leave()
        if failed:
            raise failed[0]
        if not done:
            raise MediaError(f"it brought nothing for {self._limits.stalled_after:.0f} s, and others were waiting")
        return done[0]

    async def _watch(self, turn: "Turn", scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(self._limits.looked_every)
            if not turn.flows:
                turn.let_others_begin()
            if turn.is_stalled:
                turn.leave()
                if self._connections.are_wanted:
                    scope.cancel()


class Turn:
    """One transfer: it holds a place only while its bytes flow, and asks for one again when they do.

    Others begin when it is over, or when it keeps them waiting for its bytes.
    """

    def __init__(self, beginning: Shares, flowing: Shares, task_id: str, stalled_after: float) -> None:
        """Begins, with a place that was taken among those that begin."""
        self._beginning = beginning
        self._begins = True
        self._flowing = flowing
        self._task_id = task_id
        self._stalled_after = stalled_after
        self._holds = self._waits = False
        self._count = 0
        self._flowed_at = anyio.current_time()

    @property
    def flows(self) -> bool:
        """Whether more than a trickle came, and not too long ago."""
        return self._holds or self._waits

    @property
    def is_stalled(self) -> bool:
        """Whether no more than a trickle has come of late."""
        return not self._waits and anyio.current_time() - self._flowed_at >= self._stalled_after

    async def came(self, count: int) -> None:
        """Counts bytes of the body, and waits for a place where they are more than a trickle."""
        self._count += count
        if self._count < _TRICKLE:
            return
        self._count = 0
        if not self._holds:
            self._waits = True
            try:
                await self._flowing.take(self._task_id)
            finally:
                self._waits = False
            self._holds = True
        self._flowed_at = anyio.current_time()

    def leave(self) -> None:
        """Gives the place to others."""
        self.let_others_begin()
        if self._holds:
            self._holds = False
            self._flowing.give_back(self._task_id)

    def let_others_begin(self) -> None:
        """Keeps nobody from beginning any more."""
        if self._begins:
            self._begins = False
            self._beginning.give_back(self._task_id)
