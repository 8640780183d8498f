"""Callbacks of the gateways: nothing signs them, so their address is the secret, and a poll confirms what they say.

What is known of whether they arrive, and how often one task may be called about: `tasks.ports.arrivals`.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from weakref import WeakValueDictionary

import anyio

from apixo_mcp.errors import InvalidInput
from apixo_mcp.foreign import read_aside
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.settlement import Settlement
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions.context import Contexts


@dataclass(frozen=True, slots=True)
class Addresses:
    """An unguessable URL for each task.

    Attributes:
        url: what the gateways reach this server by, without a trailing slash.
        secret: stays with the task store, so that an address outlives the process that gave it.
    """

    url: str
    secret: bytes

    def of(self, task_id: str) -> str:
        """Tells where the gateway is to call when this task ends."""
        return f"{self.url}/callbacks/{self._token(task_id)}"

    def task_id(self, token: str) -> str | None:
        """Returns the task that a token was made for, None where nobody here made it."""
        task_id = token.partition(".")[0]
        return task_id if hmac.compare_digest(self._token(task_id).encode(), token.encode()) else None

    def _token(self, task_id: str) -> str:
        proof = hmac.new(self.secret, f"callback {task_id}".encode(), hashlib.sha256).hexdigest()
        return f"{task_id}.{proof}"


class Callbacks:
    """Takes callbacks.

    Args:
        contexts: tell how often a model's tasks are polled.
        resolver: settles a task in state `unknown`, if the gateway confirms the id that is named.
    """

    def __init__(
        self,
        addresses: Addresses,
        store: Store,
        engine: Engine,
        accounts: Accounts,
        contexts: Contexts,
        resolver: Settlement,
    ) -> None:
        self._addresses = addresses
        self._store = store
        self._engine = engine
        self._accounts = accounts
        self._contexts = contexts
        self._resolver = resolver
        self._settling = WeakValueDictionary[str, anyio.Lock]()

    async def task_of(self, token: str) -> Task | None:
        """Returns the task whose address holds this token."""
        task_id = self._addresses.task_id(token)
        return await self._store.get(task_id) if task_id else None

    async def take(self, task: Task, body: bytes) -> bool:
        """Acts on a callback for a task.

        Returns:
            Whether that is done; else the gateway should call again later.
        """
        interval = self._contexts.of(task).poll_schedule.interval
        if task.state is State.UNKNOWN:
            lock = self._settling.setdefault(task.task_id, anyio.Lock())
            async with lock:  # several at once are one: the first may settle it
                return await self._settle(task, body, interval)
        wait = await self._store.arrivals.came(task.task_id, interval)
        if wait is not None and task.state in (*FOLLOWED, State.SUBMITTING):
            await self._poll_in(task, wait)
        # While the submit's own answer is outstanding this may be the only one to name the gateway's id.
        return task.state is not State.SUBMITTING or task.sent_at is None

    async def _poll_in(self, task: Task, seconds: float) -> None:
        if not seconds:
            self._engine.hurry(task.task_id)
            return
        await self._store.wake(task.task_id, seconds)
        self._engine.wake(task.task_id, time.time() + seconds)

    async def _settle(self, task: Task, body: bytes, interval: float) -> bool:
        now = await self._store.get(task.task_id)
        if now is None or now.state is not State.UNKNOWN:
            return True
        account = self._accounts.held(task.key_print)
        remote_id = await read_aside(len(body), account.gateway.task_in_callback, body) if account else ""
        wait = await self._store.arrivals.came(task.task_id, interval)
        if not remote_id:
            if task.named_id and wait is not None:
                await self._poll_in(task, wait)
            return True
        if wait != 0:
            return False  # the gateway was asked a moment ago; it calls again
        try:
            await self._resolver.resolve(task, remote_id)
        except InvalidInput:
            now = await self._store.get(task.task_id)
            return now is None or now.state is not State.UNKNOWN
        return True
