"""What is added up for a report, in the database: written once, for every database."""

import json
import time
from collections.abc import Sequence
from typing import Any, cast

from apixo_mcp.generation import Failure
from apixo_mcp.stores.database import Database, Readable, Worker
from apixo_mcp.stores.rows import to_failure
from apixo_mcp.tasks.budget import DAY, day_start
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.reports import BalanceLoss, BalanceReading, FailureCount, Outcomes, TimeTaken

_SEVERAL = "instr(attempts, '}, {') > 0"
_ATTEMPTS = "json_each(case when json_valid(attempts) then attempts else '[]' end) as one"

_FAILURES = """select max(failure) as failure, count(*) as tasks from task
  where {whose}counted_at >= :since and state in ('failed', 'unknown') and json_valid(failure)
  group by gateway, json_extract(failure, '$.code'), json_extract(failure, '$.category'),
    json_extract(failure, '$.charged')
  order by 2 desc, 1"""

_RETRIED = f"""select json_extract(one.value, '$.failure_code') as code, count(*) as attempts from task, {_ATTEMPTS}
  where {{whose}}counted_at >= :since and ({_SEVERAL} or state = 'submitting')
    and (one.key < json_array_length(attempts) - 1 or state = 'submitting')
    and json_extract(one.value, '$.failure_code') <> ''
  group by 1 order by 2 desc, 1"""

_TIMED = 10_000
"""Of so many of the newest results it is told how long they took: more would tell the same, and take its time."""

# By rank: the middle one, or what lies between the two in the middle; and the first that nine in ten do not pass.
_TIMES = f"""select model, max(tasks) as tasks,
    avg(case when place in ((tasks + 1) / 2, (tasks + 2) / 2) then took end) as median,
    max(case when place = (9 * tasks + 9) / 10 then took end) as p90
  from (
    select model, took, row_number() over (partition by model order by took) as place,
      count(*) over (partition by model order by took rows between unbounded preceding and unbounded following) as tasks
    from (
      select model, case when completed_at < began_at then 0 else completed_at - began_at end as took
      from (
        select model, completed_at, coalesce(case when {_SEVERAL} and json_valid(attempts)
          then cast(json_extract(attempts, '$[0].sent_at') as double precision) end, sent_at) as began_at
        from task where {{whose}}counted_at >= :since and state = 'success' and completed_at is not null
          and sent_at is not null
        order by counted_at desc limit {_TIMED}) as newest) as timed) as placed
  group by model order by model"""

_LAST = "select * from balance where key_print = :key_print order by day desc limit 1"
_BEGIN = """insert into balance values
  (:payer, :gateway, :key_print, :day, :began, :now, :amount, :spent, :added)"""
_GO_ON = """update balance set payer = :payer, seen_at = :now, amount = :amount, spent = spent + :spent,
    added = added + :added
  where key_print = :key_print and day = :day"""
_MEASURED = """select day, gateway, sum(spent) as spent, sum(added) as added, min(began_at) as since
  from balance where day >= :day and seen_at <> began_at and (:of_all or payer = :payer)
  group by day, gateway order by day desc, gateway"""

_BEYOND = 60.0
"""Seconds: a reading that seems to be so far ahead was noted before the clock was set back."""


def outcomes(database: Readable, owner: str | None, days: int) -> Outcomes:
    """See `ReportStore.outcomes`."""
    whose = "" if owner is None else "owner = :owner and "
    named: dict[str, Any] = {"since": day_start(database.now()) - (days - 1) * DAY}
    named |= {} if owner is None else {"owner": owner}
    failures, retried, times = (
        database.execute(statement.replace("{whose}", whose), named) for statement in (_FAILURES, _RETRIED, _TIMES)
    )
    return Outcomes(
        [FailureCount(_failure(row["failure"]), row["tasks"]) for row in failures],
        {row["code"]: row["attempts"] for row in retried},
        [TimeTaken(row["model"], row["tasks"], round(row["median"], 3), round(row["p90"], 3)) for row in times],
    )


def _failure(text: str) -> Failure:
    return to_failure(cast("dict[str, Any]", json.loads(text)))


def note_balance(database: Database, reading: BalanceReading) -> None:
    """See `ReportStore.note_balance`."""
    now = database.now()
    named: dict[str, Any] = {"payer": reading.payer, "gateway": reading.gateway, "key_print": reading.key_print}
    named |= {"now": now, "amount": reading.amount, "day": int(now // DAY), "began": now}
    named |= {"spent": 0.0, "added": 0.0}
    with database.transaction(f"balance {reading.key_print}"):
        last = next(iter(database.execute(_LAST, named)), None)
        if last is None:
            database.execute(_BEGIN, named)
            return
        if now - reading.took < last["seen_at"] < now + _BEYOND:
            return  # which of the two is the later one is not known; the next one tells
        fell = round(last["amount"] - reading.amount, 6)
        named |= {"spent": max(fell, 0.0), "added": max(-fell, 0.0), "began": last["seen_at"]}
        if last["day"] >= named["day"]:
            database.execute(_GO_ON, {**named, "day": last["day"]})
        else:
            database.execute(_BEGIN, named)


def measured(database: Readable, payer: str | None, days: int) -> Sequence[BalanceLoss]:
    """See `ReportStore.measured`."""
    named = {"day": int(database.now() // DAY) - (days - 1), "payer": payer, "of_all": payer is None}
    return [
        BalanceLoss(
            time.strftime("%Y-%m-%d", time.gmtime(row["day"] * DAY)),
            row["gateway"],
            round(row["spent"], 6),
            round(row["added"], 6),
            row["since"],
        )
        for row in database.execute(_MEASURED, named)
    ]


class KeptReports:
    """Implements `ReportStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def outcomes(self, owner: Owner | None, days: int) -> Outcomes:
        """See `ReportStore.outcomes`."""
        return await self._worker.run(outcomes, owner.name if owner else None, days)

    async def note_balance(self, reading: BalanceReading) -> None:
        """See `ReportStore.note_balance`."""
        await self._worker.run(note_balance, reading)

    async def measured(self, payer: str | None, days: int) -> Sequence[BalanceLoss]:
        """See `ReportStore.measured`."""
        return await self._worker.run(measured, payer, days)
