"""What is to be told to the operator's address, in the task store's SQLite file."""

from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.stores import outbox
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.ports.outbox import OutboxCount, Webhook


class SqliteOutbox:
    """Implements `Outbox`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def begin(self) -> None:
        """See `Outbox.begin`."""
        await self._database.run(outbox.begin_telling, self._database)

    async def collect(self) -> int:
        """See `Outbox.collect`."""
        return await self._database.run(outbox.collect_webhooks, self._database)

    async def put(self, webhook_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """See `Outbox.put`."""
        await self._database.run(outbox.put_webhook, self._database, webhook_id, kind, data)

    async def take(self, lasts: float, limit: int) -> Sequence[Webhook]:
        """See `Outbox.take`."""
        return await self._database.run(outbox.take_webhooks, self._database, lasts, limit)

    async def taken(self, webhook_id: str) -> None:
        """See `Outbox.taken`."""
        await self._database.run(outbox.webhook_taken, self._database, webhook_id)

    async def put_off(self, webhook_id: str, seconds: float) -> None:
        """See `Outbox.put_off`."""
        await self._database.run(outbox.put_webhook_off, self._database, webhook_id, seconds)

    async def give_up(self, webhook_id: str) -> None:
        """See `Outbox.give_up`."""
        await self._database.run(outbox.give_webhook_up, self._database, webhook_id)

    async def count(self) -> OutboxCount:
        """See `Outbox.count`."""
        return await self._database.run(outbox.count_webhooks, self._database)
