"""What is told by itself: in the log, at the operator's address, and in the next answer to whom it is about.

    money is decided on, or a gateway answers ──► `budget_alerts`, `key_alert`, `oddities`: what there is to be told
                                                     │ in the same transaction: a row under the alert's id, if none is
                                                     ▼ there yet, and its webhook
                                                  those that were new ──► a line in the log, a count
                                                     │ the row is taken for an answer (`tasks.ports.alerts`)
                                                     ▼
                                                  whom it is about has heard of it

So each is told once, by whichever of several processes comes upon it first.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.budget import CENT_FRACTION, DAY, Allowance, Verdict, day_start, month_end
from apixo_mcp.tasks.uses import Use, uses
from apixo_mcp.telemetry.facts import AlertRaised, Telemetry

LEVELS = (50, 80, 100)
"""Percents of a limit at which its use is told, each once a period."""

_REFUSED = ("over_budget", "over_month", "over_limit")


class AlertKind(StrEnum):
    """What an alert is about."""

    BUDGET_USED = "budget_used"
    """A limit of spending is used to a level."""
    PURCHASE_REFUSED = "purchase_refused"
    """A limit of spending does not allow what was to be bought: what it leaves is too little for that."""
    KEY_REFUSED = "key_refused"
    """A gateway refuses an API key."""
    CREDITS_USED_UP = "credits_used_up"
    """A gateway takes nothing on, since nothing is left on the account."""
    CALLBACKS_MISSED = "callbacks_missed"
    """The callbacks of a gateway do not arrive any more."""
    UNUSUAL_SPENDING = "unusual_spending"
    """Much more is spent on a day than is usual."""
    MANY_FAILURES = "many_failures"
    """Many of a model's newest tasks failed."""
    SLOW_RESULTS = "slow_results"
    """A model takes much longer than it usually does."""
    RATE_LIMITED = "rate_limited"
    """A gateway asks for fewer requests again and again."""


_TOLD_ANYWAY = (
    AlertKind.PURCHASE_REFUSED,
    AlertKind.KEY_REFUSED,
    AlertKind.CREDITS_USED_UP,
    AlertKind.CALLBACKS_MISSED,
)
"""What the answers that it concerns tell of by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to be told once.

    Attributes:
        kind: of it.
        once: names it: what has the same name was told.
        message: a sentence or two; nothing of a prompt, and no words of a gateway.
        owner: whom it is about; empty: the whole server.
        gateway: that it is about.
        details: further values that are told with it.
        includes: the names of lesser ones that need not be told any more.
        until: the end of its period, Unix seconds: after that it says nothing of the present.
    """

    kind: AlertKind
    once: str
    message: str
    owner: str = ""
    gateway: str = ""
    details: Mapping[str, Any] | None = None
    includes: tuple[str, ...] = ()
    until: float = 0.0

    @property
    def is_in_answers(self) -> bool:
        """Whether whom it is about is told of it with the next answer that they are given."""
        return self.kind not in _TOLD_ANYWAY

    @property
    def webhook_id(self) -> str:
        """The id of its webhook."""
        return f"msg_alert_{hashlib.sha256(self.once.encode()).hexdigest()[:32]}"

    @property
    def data(self) -> dict[str, Any]:
        """What is told."""
        about = {"alert": str(self.kind), "owner": self.owner, "gateway": self.gateway}
        known = {name: value for name, value in about.items() if value}
        return {**known, **(self.details or {}), "message": self.message}


def budget_alerts(
    owner: str, verdict: Verdict, limits: Sequence[Allowance], usd: float | None, posts: int, now: float
) -> tuple[Alert, ...]:
    """Returns what is to be told of the limits of a purchase.

    A limit that is changed is another one, of which is told anew.

    Args:
        owner: who buys.
        verdict: whether they may.
        limits: that it is held to, with what was spent before it.
        usd: what it is likely to cost, None where that is not known.
        posts: how many paid requests it is.
        now: Unix seconds.
    """
    if verdict not in ("within", *_REFUSED):
        return ()
    due: list[Alert] = []
    for use in uses(limits):
        more = posts if use.unit == "tasks" else max(usd or 0.0, 0.0)
        if verdict == "within":
            use = replace(use, used=use.used + more)
        elif use.used + more > use.most + CENT_FRACTION:
            due.append(_alert(AlertKind.PURCHASE_REFUSED, owner, use, now))
        levels = [level for level in LEVELS if 0 < use.most * level / 100 <= use.used + CENT_FRACTION]
        if levels:
            alerts = [_alert(AlertKind.BUDGET_USED, owner, use, now, level) for level in levels]
            due.append(replace(alerts[-1], includes=tuple(alert.once for alert in alerts[:-1])))
    return tuple(due)


def _alert(kind: AlertKind, buyer: str, use: Use, now: float, level: int = 0) -> Alert:
    owner = buyer if use.whose == "owner" else ""
    since = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d" if use.period == "day" else "%Y-%m")
    name = "/".join((kind, owner, use.period, since, use.unit, f"{use.most:g}", str(level)))
    whose = f"of {owner}" if owner else "for all owners together"
    if use.unit == "usd":
        limit, used, left = dollars(use.most), f"{dollars(use.used)} are spent", dollars(use.left)
    else:
        limit = f"{int(use.most)} paid requests"
        used, left = f"{int(use.used)} are made", str(int(use.left))
    held = f"the limit {whose} of {limit} a {use.period}"
    if kind is AlertKind.PURCHASE_REFUSED:
        message = f"A purchase was refused: {held} leaves {left}. The {use.period} is one of UTC."
    else:
        message = f"{level} % of {held} are used: {used}, {left} left ({since}, UTC)."
    details = {**use.structure, "since": since, **({"percent": level} if level else {})}
    until = day_start(now) + DAY if use.period == "day" else month_end(now)
    return Alert(kind=kind, once=name, message=message, owner=owner, details=details, until=until)


def key_alert(gateway: str, key_print: str, failure: Failure, owner: str, now: float) -> Alert | None:
    """Returns what is to be told where a gateway refuses a key: once a day for each key; None where it does not.

    Args:
        gateway: that refuses it.
        key_print: the fingerprint of the key.
        failure: what it answered.
        owner: whose own key it is; empty: the server's.
        now: Unix seconds.
    """
    whose = f"{owner}'s own API key" if owner else "the server's API key"
    match failure.category:
        case "auth":
            kind, what = AlertKind.KEY_REFUSED, f"{gateway} refuses {whose}: nothing is made with it"
        case "insufficient_credits":
            kind = AlertKind.CREDITS_USED_UP
            what = f"No credits are left on {gateway} for {whose}: nothing is made with it"
        case _:
            return None
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    message = f"{what} until that is set right."
    return Alert(
        kind=kind, once="/".join((kind, gateway, key_print, day)), message=message, owner=owner, gateway=gateway
    )


def callbacks_alert(gateway: str, now: float) -> Alert:
    """Returns what is to be told where the callbacks of a gateway have just been seen to be missing."""
    kind = AlertKind.CALLBACKS_MISSED
    message = f"A callback of {gateway} has not come: its tasks are polled as usual until one arrives again."
    return Alert(kind=kind, once=f"{kind}/{gateway}/{now:.3f}", message=message, gateway=gateway)


def tell_alerts(telemetry: Telemetry, alerts: Sequence[Alert]) -> None:
    """Tells of alerts that were raised."""
    for alert in alerts:
        percent = alert.data.get("percent")
        telemetry.emit(AlertRaised(str(alert.kind), alert.owner, alert.gateway, alert.message, percent))
