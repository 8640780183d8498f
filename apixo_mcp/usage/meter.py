"""Measures what is spent by what balances lose: asked for with each report, and now and then while tasks move on.

How it goes::

    a task moves on ──► its key is noted ──► after a while its balance is asked for, once a minute at most
    a report is made ──────────────────────► each balance that is its reader's
                                                 │
                                                 ▼
                              the store: what it lost since it was last told
"""

import logging
import time
from collections import defaultdict

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.gateway import Balance
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.accounts import Account, Accounts
from apixo_mcp.tasks.ports.reports import BalanceReading, ReportStore
from apixo_mcp.tasks.task import Task

READ_AFTER = 5.0
"""Seconds after which a balance is first asked for, so that a command that is soon over asks for none."""
READ_EVERY = 60.0
"""Seconds between two questions, in which all that moves meanwhile is covered by one."""

log = logging.getLogger(__name__)


class Meter:
    """Asks gateways for balances, and notes what they tell.

    Args:
        accounts: of this process.
        reports: where readings are noted.
        after: seconds until the first question that no report asks.
        every: seconds between two of these.
    """

    def __init__(
        self, accounts: Accounts, reports: ReportStore, after: float = READ_AFTER, every: float = READ_EVERY
    ) -> None:
        self._accounts = accounts
        self._reports = reports
        self._after = after
        self._every = every
        self._asking: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._moved: dict[str, str] = {}
        self._some = anyio.Event()

    def is_own(self, account: Account) -> bool:
        """Tells whether an account is that of an owner's own key."""
        return account.key_print in self._accounts.own_prints

    async def read(self, account: Account, payer: str) -> Balance | Failure | None:
        """Asks for the balance of an account and notes it; None where its gateway documents no such call.

        Args:
            account: whose key is asked about.
            payer: whose key that is; empty: the server's.
        """
        async with self._asking[account.key_print]:
            began = time.monotonic()
            told = await account.gateway.balance()
            if isinstance(told, Balance) and told.currency == "USD":
                reading = BalanceReading(
                    payer=payer,
                    gateway=account.name,
                    key_print=account.key_print,
                    amount=told.amount,
                    took=time.monotonic() - began,
                )
                try:
                    await self._reports.note_balance(reading)
                except StoreError:
                    log.exception("what %s tells of a balance was not noted", account.name)
        return told

    async def hear(self, task: Task) -> None:
        """Notes that a task has moved on, for which something may have been paid."""
        if task.attempts:
            self._moved[task.key_print] = task.owner
            self._some.set()

    async def run(self) -> None:
        """Asks for the balances of keys whose tasks move on, until it is cancelled."""
        wait = self._after
        while True:
            await self._some.wait()
            await anyio.sleep(wait)
            wait = self._every
            self._some = anyio.Event()
            moved, self._moved = self._moved, {}
            for key_print, owner in moved.items():
                if account := self._accounts.held(key_print):
                    await self.read(account, owner if self.is_own(account) else "")
