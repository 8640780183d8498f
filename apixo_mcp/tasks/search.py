"""What somebody remembers of a task: words of its prompt, and since when it was made. Pure."""

import re
from datetime import date, datetime, timedelta, tzinfo

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import cut, shorten

MOST_WORDS = 24
_LONGEST = 60
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")

_AGO = re.compile(r"(\d{1,6})\s*([a-z]{1,8})(?:\s+ago)?")
_UNITS = {
    "m": 60,
    "min": 60,
    "mins": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hour": 3600,
    "hours": 3600,
    "d": 86400,
    "day": 86400,
    "days": 86400,
    "w": 7 * 86400,
    "week": 7 * 86400,
    "weeks": 7 * 86400,
}
_DAYS_AGO = {"today": 0, "今天": 0, "yesterday": 1, "昨天": 1}
_ALLOWED = "must be today, yesterday, 2h, 7d, or a date or time like 2026-05-17 or 2026-05-17T09:30Z"


def words_of(query: str) -> tuple[str, ...]:
    """Returns the words of a query. Chinese is written without spaces, so each of its characters is one."""
    text = cut(query).encode(errors="replace").decode().replace("\0", " ")
    words = _HAN.sub(r" \g<0> ", text).split()
    return tuple(word[:_LONGEST] for word in dict.fromkeys(words))[:MOST_WORDS]


def moment_of(text: str, now: float, zone: tzinfo | None = None) -> float:
    """Reads since when somebody asks, as Unix seconds.

    Days, and times without a zone, are those of this machine: its user's, where it is theirs.

    Args:
        text: as it was given.
        now: Unix seconds.
        zone: in place of this machine's.

    Raises:
        InvalidInput: it cannot be read, or names no moment that there is.
    """
    meant = cut(text).strip().lower()
    try:
        if meant in _DAYS_AGO:
            today = datetime.fromtimestamp(now, zone).date()
            return _began(today - timedelta(days=_DAYS_AGO[meant]), zone)
        if (ago := _AGO.fullmatch(meant)) and ago[2] in _UNITS:
            return max(0.0, now - int(ago[1]) * _UNITS[ago[2]])
        moment = datetime.fromisoformat(meant.upper())
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError, OSError):
        raise InvalidInput([Problem("since", shorten(text), _ALLOWED)]) from None


def _began(day: date, zone: tzinfo | None) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
