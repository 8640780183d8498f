"""The alerts that were raised, in the database: written once, for every database."""

from collections.abc import Iterable

from apixo_mcp.stores.database import Database
from apixo_mcp.stores.outbox import put_webhook
from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED

_RAISED = "select 1 from alert where alert_id = :alert_id"
_RAISE = "insert into alert values (:alert_id, :now) on conflict (alert_id) do nothing"
_FORGET_OLD = "delete from alert where raised_at < :now - :kept"

_KEPT = 40 * 86400.0
"""Seconds for which it is known what was told: longer than any period."""


def raise_alerts(database: Database, alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Notes alerts, with their webhooks, and returns those that were not told before. Part of a transaction."""
    raised: list[Alert] = []
    now = database.now()
    for alert in alerts:
        if database.execute(_RAISED, {"alert_id": alert.once}):
            continue
        for name in (alert.once, *alert.includes):
            database.execute(_RAISE, {"alert_id": name, "now": now})
        put_webhook(database, alert.webhook_id, ALERT_RAISED, alert.data)
        raised.append(alert)
    if raised:
        database.execute(_FORGET_OLD, {"now": now, "kept": _KEPT})
    return tuple(raised)


def raise_alert(database: Database, alert: Alert) -> bool:
    """See `Store.raise_alert`."""
    if database.execute(_RAISED, {"alert_id": alert.once}):
        return False
    with database.transaction():
        return bool(raise_alerts(database, [alert]))
