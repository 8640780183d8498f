"""The lines of turns in a database that processes share, a row for each key: one statement, whatever is taken.

The row is not waited for to reach the disk: what a power cut takes back are turns of a moment ago.
"""

from typing import Any

from apixo_mcp.stores.database import Notable, Worker
from apixo_mcp.tasks.ports.pace import Spacing, Turns

_DEEPEST = 60.0
"""Seconds: no line is so long, which would be thousands of processes that wait. One that seems to be was written before
the server's clock was set back."""
_LONGEST_PAUSE = 3600.0  # seconds; as long as `Retry-After` is heeded

_NEXT = """case when pace.next_turn between :now - :saved and :now + :deepest
    then pace.next_turn else :now - :saved end"""
_IS_PAUSED = f"""(:now between pace.paused_at and pace.paused_until
    and :now <= pace.paused_at + {_LONGEST_PAUSE})"""  # none that was asked for later than now, or is longer than any
_TAKE = f"""insert into pace (key_print, next_turn, paused_at, paused_until, pause)
    values (:key_print, :now - :saved + :lasts, 0, 0, :first_pause)
  on conflict (key_print) do update set next_turn = {_NEXT} + :lasts,
    pause = case when :goes_on = 1 and not {_IS_PAUSED} then :first_pause else pace.pause end
  returning next_turn - :lasts - :now as starts_in, pause,
    case when {_IS_PAUSED} then paused_until - :now else 0 end as paused_for"""

_HOLD_BACK = f"""insert into pace (key_print, next_turn, paused_at, paused_until, pause)
    values (:key_print, :now, :now, :now + :seconds, :next_pause)
  on conflict (key_print) do update set paused_at = :now,
    pause = case when {_IS_PAUSED} then pace.pause else :next_pause end,
    paused_until = case when {_IS_PAUSED} and pace.paused_until > :now + :seconds
      then pace.paused_until else :now + :seconds end returning key_print"""


def take_turns(database: Notable, count: int, interval: float, asked: dict[str, Any]) -> Turns:
    """See `PaceStore.take`."""
    named = {**asked, "now": database.now(), "lasts": count * interval, "deepest": _DEEPEST}
    row = database.execute_fleeting(_TAKE, named)[0]
    return Turns(count, row["starts_in"], min(_LONGEST_PAUSE, row["paused_for"]), row["pause"])


def hold_back(database: Notable, asked: dict[str, Any]) -> None:
    """See `PaceStore.hold_back`."""
    database.execute_fleeting(_HOLD_BACK, {**asked, "now": database.now()})


class KeptPace:
    """Implements `PaceStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def take(self, key_print: str, count: int, spacing: Spacing, *, goes_on: bool) -> Turns:
        """See `PaceStore.take`."""
        asked = {"key_print": key_print, "saved": spacing.saved, "first_pause": spacing.first_pause}
        return await self._worker.note(take_turns, count, spacing.interval, {**asked, "goes_on": int(goes_on)})

    async def hold_back(self, key_print: str, seconds: float, next_pause: float) -> None:
        """See `PaceStore.hold_back`."""
        asked = {"key_print": key_print, "seconds": min(seconds, _LONGEST_PAUSE), "next_pause": next_pause}
        await self._worker.note(hold_back, asked)
