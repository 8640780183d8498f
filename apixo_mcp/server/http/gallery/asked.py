"""What a page asks for in its address, read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast, get_args

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.gallery.deleting import What
from apixo_mcp.generation import Modality
from apixo_mcp.provenance.ends import Ends
from apixo_mcp.server.tools.cursor import read_cursor
from apixo_mcp.tasks.budget import DAY
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.search import words_of
from apixo_mcp.tasks.task import State

_LIMIT, _MOST = 50, 200
_DAYS, _MOST_DAYS = 30, 366
_LONGEST = 2_000  # characters of a query
_LONGEST_CURSOR = 200
_LARGEST = 99_999_999_999  # bytes of a file of which a part is sent


def tasks_asked(given: Mapping[str, str]) -> TaskQuery:
    """Reads which tasks are asked for. What is empty is not given.

    Raises:
        InvalidInput: something of it cannot be read.
    """
    since, until = _day(given["day"]) if given.get("day") else (0.0, None)
    return TaskQuery(
        state=State(_chosen(given, "state", tuple(State))) if given.get("state") else None,
        modality=cast("Modality", _chosen(given, "modality", get_args(Modality))) if given.get("modality") else None,
        model=_plain(given.get("model", ""), 200),
        since=since,
        until=until,
        words=words_of(_plain(given.get("query", ""), _LONGEST)),
        limit=_number(given, "limit", _LIMIT, _MOST),
        before=read_cursor(given["before"][:_LONGEST_CURSOR]) if given.get("before") else None,
    )


def like_asked(given: Mapping[str, str]) -> str:
    """Reads the id of a task whose prompt is to be theirs too; empty: any may be."""
    return _plain(given.get("like", ""), 100)


def days_asked(given: Mapping[str, str]) -> int:
    """Reads for how many days spending is asked for.

    Raises:
        InvalidInput: it is no number.
    """
    return _number(given, "days", _DAYS, _MOST_DAYS)


def size_asked(given: Mapping[str, str]) -> int:
    """Reads how large a file is of which parts are sent; 0: as large as what is sent.

    Raises:
        InvalidInput: it is no number.
    """
    return _number(given, "size", 0, _LARGEST)


def file_sent(content: bytes, size: int) -> Ends:
    """Returns a file of which its beginning and its end are here, half and half, or all of it."""
    if size <= len(content):
        return Ends(len(content), content)
    middle = len(content) // 2
    return Ends(size, content[:middle], content[middle:])


def what_asked(given: Mapping[str, str]) -> What:
    """Reads what is to be deleted of a task; nothing is taken for granted.

    Raises:
        InvalidInput: it is none of what there is.
    """
    return cast("What", _chosen(given, "what", get_args(What)))


def _chosen(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name, "")
    if value not in allowed:
        raise InvalidInput([Problem(name, shorten(value), f"must be one of {', '.join(allowed)}")])
    return value


def _number(given: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 12) or not 1 <= int(text) <= most:
        raise InvalidInput([Problem(name, shorten(text), f"must be a number from 1 to {most}")])
    return int(text)


def _day(text: str) -> tuple[float, float]:
    try:
        began = datetime.strptime(text[:20], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise InvalidInput([Problem("day", shorten(text), "must be a day (UTC) like 2026-05-17")]) from None
    return began, began + DAY


def _plain(text: str, longest: int) -> str:
    return text[:longest].encode(errors="replace").decode()
