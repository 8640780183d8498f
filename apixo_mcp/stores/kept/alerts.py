"""The alerts that were raised, in the database: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Readable, Row, Worker
from apixo_mcp.stores.kept.outbox import put_webhook
from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import DAY, day_start
from apixo_mcp.tasks.oddities import DaySums, Ended
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.ports.alerts import RaisedAlert
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED

_RAISED = "select 1 from alert where alert_id = :alert_id"
_RAISE = """insert into alert (alert_id, raised_at, owner, data, until, in_answers)
  values (:alert_id, :now, :owner, :data, :until, :in_answers) on conflict (alert_id) do nothing returning alert_id"""
_INCLUDED = """insert into alert (alert_id, raised_at) values (:alert_id, :now)
  on conflict (alert_id) do update set until = 0"""
_FORGET_OLD = "delete from alert where raised_at < :now - :kept"
_FORGET_HEARD = "delete from alert_heard where alert_id not in (select alert_id from alert)"

_CURRENT = """select alert_id, raised_at, data from alert
  where (owner = :owner or (owner = '' and :of_all)) and until > :now"""
_NEWEST_FIRST = f"{_CURRENT} order by raised_at desc, alert_id"
_UNHEARD = f"""{_CURRENT} and in_answers = 1 and not exists (select 1 from alert_heard as heard
    where heard.alert_id = alert.alert_id and heard.owner = :owner and (heard.until is null or heard.until > :now))
  order by raised_at, alert_id"""
_TAKE = """insert into alert_heard (alert_id, owner, call, until) values (:alert_id, :owner, :call, :now + :lasts)
  on conflict (alert_id, owner) do update set call = :call, until = :now + :lasts"""
_HEARD = "update alert_heard set until = null where alert_id = :alert_id and owner = :owner and call = :call"
_GIVE_BACK = "delete from alert_heard where owner = :owner and call = :call and until is not null"

_ENDED = """select state, completed_at, sent_at, failure from task
  where model = :model and completed_at > :now - :within and sent_at is not null and state in ('success', 'failed')
  order by completed_at desc limit :limit"""
_USUAL = "select sums from usual_spending where owner = :owner and day = :day"
_KEEP_USUAL = """insert into usual_spending values (:owner, :day, :sums)
  on conflict (owner) do update set day = :day, sums = :sums"""

_KEPT = 40 * 86400.0
"""Seconds for which it is known what was told: longer than any period."""


def raise_alerts(database: Database, alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Notes alerts, with their webhooks, and returns those that were not told before. Part of a transaction."""
    raised: list[Alert] = []
    now = database.now()
    for alert in alerts:
        data = json.dumps(alert.data)
        about = {"owner": alert.owner, "data": data, "in_answers": int(alert.is_in_answers)}
        # Who comes back the day after has not heard of it either.
        until = max(alert.until, now + DAY)
        if not database.execute(_RAISE, {**about, "alert_id": alert.once, "now": now, "until": until}):
            continue  # it was told before
        for name in alert.includes:
            database.execute(_INCLUDED, {"alert_id": name, "now": now})
        put_webhook(database, alert.webhook_id, ALERT_RAISED, alert.data)
        raised.append(alert)
    if raised:
        database.execute(_FORGET_OLD, {"now": now, "kept": _KEPT})
        database.execute(_FORGET_HEARD, {})
    return tuple(raised)


def raise_alert(database: Database, alert: Alert) -> bool:
    """See `Store.raise_alert`."""
    if database.execute(_RAISED, {"alert_id": alert.once}):
        return False
    with database.transaction():
        return bool(raise_alerts(database, [alert]))


def _whose(database: Readable, owner: Owner) -> dict[str, Any]:
    return {"owner": owner.name, "of_all": owner.scope.includes(Scope.ADMIN), "now": database.now()}


def has_unheard(database: Readable, owner: Owner) -> bool:
    """Tells whether there is anything that an owner has not heard of."""
    return bool(database.execute(_UNHEARD, _whose(database, owner)))


def take_alerts(database: Database, owner: Owner, call: str, lasts: float) -> Sequence[RaisedAlert]:
    """See `AlertStore.take`."""
    with database.transaction(f"alerts {owner.name}"):
        whose = _whose(database, owner)
        rows = database.execute(_UNHEARD, whose)
        for row in rows:
            taking = {"alert_id": row["alert_id"], "owner": owner.name, "call": call}
            database.execute(_TAKE, {**taking, "now": whose["now"], "lasts": lasts})
    return [_raised(row) for row in rows]


def heard_alerts(database: Database, owner: Owner, call: str, names: Sequence[str]) -> None:
    """See `AlertStore.heard`."""
    with database.transaction():
        for name in names:
            database.execute(_HEARD, {"alert_id": name, "owner": owner.name, "call": call})


def give_alerts_back(database: Database, owner: Owner, call: str) -> None:
    """See `AlertStore.give_back`."""
    database.execute(_GIVE_BACK, {"owner": owner.name, "call": call})


def current_alerts(database: Readable, owner: Owner) -> Sequence[RaisedAlert]:
    """See `AlertStore.current`."""
    return [_raised(row) for row in database.execute(_NEWEST_FIRST, _whose(database, owner))]


def _raised(row: Row) -> RaisedAlert:
    return RaisedAlert(row["alert_id"], row["raised_at"], json.loads(row["data"]))


def ended(database: Database, model: str, within: float, limit: int) -> Sequence[Ended]:
    """See `AlertStore.ended`."""
    named = {"model": model, "within": within, "limit": limit, "now": database.now()}
    return [_ended(row) for row in database.execute(_ENDED, named)]


def _ended(row: Row) -> Ended:
    at, failure = row["completed_at"], json.loads(row["failure"] or "null") if row["state"] == "failed" else None
    seconds = max(0.0, at - row["sent_at"])
    return Ended(at, seconds, failure["category"], failure["code"]) if failure else Ended(at, seconds)


def day_sums(database: Database, owner: str | None, days: int) -> DaySums:
    """See `AlertStore.day_sums`."""
    now = database.now()
    today, whose = day_start(now), owner or ""
    spent = _sums(database, owner, today).get(int(today // DAY), 0.0)
    if rows := database.execute(_USUAL, {"owner": whose, "day": int(today // DAY)}):
        return DaySums(spent, tuple(json.loads(rows[0]["sums"])))
    # An earlier day's sum hardly changes any more, and there may be many tasks behind it.
    by_day = _sums(database, owner, today - days * DAY)
    before = tuple(usd for day, usd in by_day.items() if day < today // DAY and usd > 0)
    database.execute(_KEEP_USUAL, {"owner": whose, "day": int(today // DAY), "sums": json.dumps(before)})
    return DaySums(spent, before)


def _sums(database: Database, owner: str | None, since: float) -> dict[int, float]:
    statement = statements.SPENT_EACH_DAY_BY_ALL if owner is None else statements.SPENT_EACH_DAY
    rows = database.execute(statement, {"since": since} | ({} if owner is None else {"owner": owner}))
    return {int(row["day"]): float(row["usd"]) for row in rows}


class KeptAlerts:
    """Implements `AlertStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def take(self, owner: Owner, call: str, lasts: float) -> Sequence[RaisedAlert]:
        """See `AlertStore.take`."""
        if not await self._worker.look_up(has_unheard, owner):
            return ()  # as with nearly every answer
        return await self._worker.run(take_alerts, owner, call, lasts)

    async def heard(self, owner: Owner, call: str, names: Iterable[str]) -> None:
        """See `AlertStore.heard`."""
        await self._worker.run(heard_alerts, owner, call, tuple(names))

    async def give_back(self, owner: Owner, call: str) -> None:
        """See `AlertStore.give_back`."""
        await self._worker.run(give_alerts_back, owner, call)

    async def current(self, owner: Owner) -> Sequence[RaisedAlert]:
        """See `AlertStore.current`."""
        return await self._worker.look_up(current_alerts, owner)

    async def ended(self, model: str, within: float, limit: int) -> Sequence[Ended]:
        """See `AlertStore.ended`."""
        return await self._worker.run(ended, model, within, limit)

    async def day_sums(self, owner: Owner | None, days: int) -> DaySums:
        """See `AlertStore.day_sums`."""
        return await self._worker.run(day_sums, owner.name if owner else None, days)
