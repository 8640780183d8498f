"""What is added up for a report in the task store's SQLite file."""

from collections.abc import Sequence

from apixo_mcp.stores import reports
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.reports import BalanceLoss, BalanceReading, Outcomes


class SqliteReports:
    """Implements `ReportStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def outcomes(self, owner: Owner | None, days: int) -> Outcomes:
        """See `ReportStore.outcomes`."""
        return await self._database.run(reports.outcomes, self._database, owner.name if owner else None, days)

    async def note_balance(self, reading: BalanceReading) -> None:
        """See `ReportStore.note_balance`."""
        await self._database.run(reports.note_balance, self._database, reading)

    async def measured(self, payer: str | None, days: int) -> Sequence[BalanceLoss]:
        """See `ReportStore.measured`."""
        return await self._database.run(reports.measured, self._database, payer, days)
