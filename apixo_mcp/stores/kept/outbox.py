"""What is to be told to the operator's address, in the database: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.stores.database import Database, Row, Worker
from apixo_mcp.tasks.ports.outbox import TASK_FINISHED, OutboxCount, Webhook

_ENDED = "state in ('success', 'failed', 'cancelled', 'unknown')"
_BEGUN = "select 1 from webhooks_began"
_BEGIN = "insert into webhooks_began values (:now)"
_TOLD_ALL = f"update task set told = state where told <> state and {_ENDED}"
_UNTOLD = f"""select task_id, state from task where told <> state and {_ENDED}
  and (state <> 'success' or instr(results, '"file": "saving"') = 0) limit :limit"""
_TOLD = "update task set told = :state where task_id = :task_id"
_PUT = """insert into webhook (webhook_id, kind, task_id, state, data, made_at, due, tries)
  values (:webhook_id, :kind, :task_id, :state, :data, :now, :now, 0) on conflict (webhook_id) do nothing"""
_DUE = "select webhook_id from webhook where due <= :now order by due limit :limit"
_TAKE = """update webhook set tries = tries + 1, due = :now + :lasts
  where webhook_id = :webhook_id and due <= :now returning *"""
_TAKEN = "delete from webhook where webhook_id = :webhook_id"
_PUT_OFF = "update webhook set due = :now + :seconds where webhook_id = :webhook_id and due is not null"
_GIVE_UP = "update webhook set due = null, given_up_at = :now where webhook_id = :webhook_id"
_FORGET_OLD = "delete from webhook where given_up_at < :now - :kept"
_COUNT = """select count(due) as waiting, count(given_up_at) as given_up from webhook"""

_AT_ONCE = 200
_KEPT = 7 * 86400.0
"""Seconds for which it is known what was given up."""


def begin_telling(database: Database) -> None:
    """See `Outbox.begin`."""
    if database.execute(_BEGUN, {}):
        return
    with database.transaction("webhooks"):
        if not database.execute(_BEGUN, {}):
            database.execute(_BEGIN, {"now": database.now()})
            database.execute(_TOLD_ALL, {})


def collect_webhooks(database: Database) -> int:
    """See `Outbox.collect`."""
    if not database.execute(_UNTOLD, {"limit": 1}):
        return 0
    with database.transaction("webhooks"):
        now = database.now()
        database.execute(_FORGET_OLD, {"now": now, "kept": _KEPT})
        ended = database.execute(_UNTOLD, {"limit": _AT_ONCE})
        for row in ended:
            about = {"task_id": row["task_id"], "state": row["state"]}
            webhook_id = f"msg_{str(row['task_id']).removeprefix('tsk_')}_{row['state']}"
            named = {"webhook_id": webhook_id, "kind": TASK_FINISHED, "data": "{}", "now": now}
            database.execute(_PUT, {**about, **named})
            database.execute(_TOLD, about)
        return len(ended)


def put_webhook(database: Database, webhook_id: str, kind: str, data: Mapping[str, Any]) -> None:
    """See `Outbox.put`. May be part of a transaction."""
    if database.execute(_BEGUN, {}):
        named = {"webhook_id": webhook_id, "kind": kind, "data": json.dumps(dict(data)), "now": database.now()}
        database.execute(_PUT, {**named, "task_id": "", "state": ""})


def tell_nothing_of(database: Database, task_id: str, state: str) -> None:
    """Notes that a task was told as it is: one that ended elsewhere is no news."""
    database.execute(_TOLD, {"task_id": task_id, "state": state})


def take_webhooks(database: Database, lasts: float, limit: int) -> Sequence[Webhook]:
    """See `Outbox.take`."""
    if not database.execute(_DUE, {"now": database.now(), "limit": 1}):
        return ()
    with database.transaction():
        now = database.now()
        taken: list[Row] = []
        for due in database.execute(_DUE, {"now": now, "limit": limit}):
            taken += database.execute(_TAKE, {"webhook_id": due["webhook_id"], "now": now, "lasts": lasts})
    return [_webhook(row) for row in taken]


def _webhook(row: Row) -> Webhook:
    names = ("webhook_id", "kind", "task_id", "state", "made_at", "tries")
    return Webhook(data=json.loads(row["data"]), **{name: row[name] for name in names})


def webhook_taken(database: Database, webhook_id: str) -> None:
    """See `Outbox.taken`."""
    database.execute(_TAKEN, {"webhook_id": webhook_id})


def put_webhook_off(database: Database, webhook_id: str, seconds: float) -> None:
    """See `Outbox.put_off`."""
    database.execute(_PUT_OFF, {"webhook_id": webhook_id, "now": database.now(), "seconds": seconds})


def give_webhook_up(database: Database, webhook_id: str) -> None:
    """See `Outbox.give_up`."""
    database.execute(_GIVE_UP, {"webhook_id": webhook_id, "now": database.now()})


def count_webhooks(database: Database) -> OutboxCount:
    """See `Outbox.count`."""
    row = database.execute(_COUNT, {})[0]
    return OutboxCount(int(row["waiting"]), int(row["given_up"]))


class KeptOutbox:
    """Implements `Outbox`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def begin(self) -> None:
        """See `Outbox.begin`."""
        await self._worker.run(begin_telling)

    async def collect(self) -> int:
        """See `Outbox.collect`."""
        return await self._worker.run(collect_webhooks)

    async def put(self, webhook_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """See `Outbox.put`."""
        await self._worker.run(put_webhook, webhook_id, kind, data)

    async def take(self, lasts: float, limit: int) -> Sequence[Webhook]:
        """See `Outbox.take`."""
        return await self._worker.run(take_webhooks, lasts, limit)

    async def taken(self, webhook_id: str) -> None:
        """See `Outbox.taken`."""
        await self._worker.run(webhook_taken, webhook_id)

    async def put_off(self, webhook_id: str, seconds: float) -> None:
        """See `Outbox.put_off`."""
        await self._worker.run(put_webhook_off, webhook_id, seconds)

    async def give_up(self, webhook_id: str) -> None:
        """See `Outbox.give_up`."""
        await self._worker.run(give_webhook_up, webhook_id)

    async def count(self) -> OutboxCount:
        """See `Outbox.count`."""
        return await self._worker.run(count_webhooks)
