"""Alerts as they are told to whom they are about: what it is, and what to do next."""

from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.generation import NextAction
from apixo_mcp.tasks.alerts import AlertKind
from apixo_mcp.tasks.ports.alerts import RaisedAlert
from apixo_mcp.views.faces import Face, with_action
from apixo_mcp.views.words import counted, iso

_VARIABLES: Mapping[tuple[str, str], str] = {
    ("day", "usd"): "APIXO_MCP_DAILY_BUDGET_USD",
    ("month", "usd"): "APIXO_MCP_MONTHLY_BUDGET_USD",
    ("day", "tasks"): "APIXO_MCP_DAILY_TASK_LIMIT",
}
_ENDS = {"day": "midnight UTC", "month": "midnight UTC of the month's last day"}


def alert_structures(alerts: Sequence[RaisedAlert], face: Face) -> list[dict[str, Any]]:
    """Returns alerts as plain JSON values."""
    return [
        {**alert.data, "message": alert_note(alert.data, face), "raised_at": iso(alert.raised_at)} for alert in alerts
    ]


def alert_note(data: Mapping[str, Any], face: Face) -> str:
    """Tells of an alert, and what to do about it, in a sentence or two."""
    match data["alert"]:
        case AlertKind.BUDGET_USED:
            return f"{_used(data, face)} {face.say('{see_usage}')} tells more."
        case AlertKind.UNUSUAL_SPENDING:
            whose = "of yours" if data.get("owner") else "of all"
            spent, usual = dollars(data["spent_usd"]), dollars(data["usual_usd"])
            return (
                f"Unusual: the spending {whose} today is {spent}, where {usual} a day are usual. "
                f"{face.say('{see_usage}')} tells what it went to; if that is not meant, stop and ask the user."
            )
        case AlertKind.MANY_FAILURES:
            code = f", most with {data['code']}" if data.get("code") else ""
            return (
                f"Unusual: {data['failed']} of the last {data['ended']} tasks of {data['model']} failed{code}. "
                f"Another model may do meanwhile: {face.say('{see_models}')}."
            )
        case AlertKind.SLOW_RESULTS:
            return (
                f"Unusual: {data['model']} takes about {data['seconds']} s just now, where {data['usual_seconds']} s "
                f"are usual. Its tasks are followed to their end: wait for them, and make none of them again."
            )
        case AlertKind.RATE_LIMITED:
            return (
                f"{data['gateway']} asks for fewer requests: they are held back by themselves, and take longer. Make "
                "fewer at once, and none again."
            )
        case _:
            return str(data["message"])


def _used(data: Mapping[str, Any], face: Face) -> str:
    """Tells how far a limit is used, what happens at its end, and who can raise it."""
    unit, period = "usd" if "limit_usd" in data else "tasks", data["period"]
    limit, left = dollars(data.get("limit_usd", 0)), f"{dollars(data.get('left_usd', 0))} are left"
    if unit == "tasks":
        limit, left = counted(data["limit_tasks"], "paid request"), f"{data['left_tasks']} are left"
    whose = "your own limit" if data["whose"] == "owner" else "the limit for all"
    used = (
        f"{data['percent']} % of {whose} of {limit} a {period} are used ({data['since']}): {left} until "
        f"{_ENDS[period]}, and what goes beyond that is refused."
    )
    if data["whose"] == "owner":
        return with_action(used, NextAction.RAISE_LIMIT, face)
    return f"{used} {_VARIABLES[period, unit]} sets it: whoever runs this server can raise it."
