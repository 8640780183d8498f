"""Callbacks of the gateways: nothing signs them, so their address is the secret, and a poll confirms what they say."""

import hashlib
import hmac
from dataclasses import dataclass

from apixo_mcp.errors import InvalidInput
from apixo_mcp.foreign import read_aside
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.engine import Engine
from apixo_mcp.tasks.settlement import Settlement
from apixo_mcp.tasks.store import Store
from apixo_mcp.tasks.task import FOLLOWED, State, Task


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
        resolver: settles a task in state `unknown`, if the gateway confirms the id that is named.
    """

    def __init__(
        self,
        addresses: Addresses,
        store: Store,
        engine: Engine,
        accounts: Accounts,
        resolver: Settlement,
    ) -> None:
        self._addresses = addresses
        self._store = store
        self._engine = engine
        self._accounts = accounts
        self._resolver = resolver

    async def task_of(self, token: str) -> Task | None:
        """Returns the task whose address holds this token."""
        task_id = self._addresses.task_id(token)
        return await self._store.get(task_id) if task_id else None

    async def take(self, task: Task, body: bytes) -> bool:
        """Acts on a callback for a task.

        Returns:
            Whether that is done; else the gateway should call again later.
        """
        if task.state in FOLLOWED:
            self._engine.hurry(task.task_id)
        if task.state is State.UNKNOWN:
            return await self._settle(task, body)
        # While the submit's own answer is outstanding this may be the only one to name the gateway's id.
        return task.state is not State.SUBMITTING or task.sent_at is None

    async def _settle(self, task: Task, body: bytes) -> bool:
        account = self._accounts.held(task.key_print)
        remote_id = await read_aside(len(body), account.gateway.task_in_callback, body) if account else ""
        if not remote_id:
            if task.named_id:
                self._engine.hurry(task.task_id)
            return True
        try:
            await self._resolver.resolve(task, remote_id)
        except InvalidInput:
            now = await self._store.get(task.task_id)
            return now is None or now.state is not State.UNKNOWN
        return True
