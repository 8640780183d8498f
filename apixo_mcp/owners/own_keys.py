"""Accounts for the gateway keys that owners have of their own: held while an owner names them, or a task needs them.

A row names where a key is read, never the key. Whoever pays is asked at each request; beside that a sweep over the
owners holds the keys with which open tasks are followed, also those of owners who were revoked since.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.owners.key_sources import KeyMissing, read_key
from apixo_mcp.owners.store import OwnerStore
from apixo_mcp.tasks.accounts import Account, Accounts, NoKey
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import Store

SWEPT_EVERY = 3.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """How keys are read and become accounts.

    Attributes:
        value_of: returns the value of a variable of this process, empty where it is not set.
        print_of: returns the print that tasks carry in place of a key, by its gateway's name and the key.
        account_of: makes an account of a gateway's name, a key, and what the key is called in advice.
    """

    value_of: Callable[[str], str]
    print_of: Callable[[str, str], str]
    account_of: Callable[[str, str, str], Account]


class OwnKeys:
    """Knows by whose key a task is paid.

    Args:
        owners: who name keys of their own.
        store: tells whether a key is still needed.
        accounts: of this process; those of owners are added to them, and taken away.
        ring: how keys are read.
    """

    def __init__(self, owners: OwnerStore, store: Store, accounts: Accounts, ring: KeyRing) -> None:
        self._owners = owners
        self._store = store
        self._accounts = accounts
        self._ring = ring
        self._told: set[str] = set()

    async def account(self, owner: Owner, gateway: str) -> Account | NoKey | None:
        """Returns what an owner's task on a gateway is paid with: their own key where their row names one.

        The row is asked anew: a call may have waited long, as for the answer to a question.

        Returns:
            None where the server's key is used and there is none; the reason where their own cannot be read.
        """
        row = None if owner.is_here else await self._owners.find(owner.name)
        source = (row or owner).keys.get(gateway)
        if source is None:
            return self._accounts.get(gateway)
        return await self._held(gateway, source)

    async def _held(self, gateway: str, source: str) -> Account | NoKey:
        key = await anyio.to_thread.run_sync(read_key, source, self._ring.value_of)
        if isinstance(key, KeyMissing):
            return NoKey(key.why)
        held = self._accounts.held(self._ring.print_of(gateway, key))
        if held is None:
            held = self._ring.account_of(gateway, key, source.partition(":")[2])
            self._accounts.add_own(held)
        return held

    async def run(self) -> None:
        """Holds the keys that are needed, until it is cancelled."""
        while True:
            await anyio.sleep(SWEPT_EVERY)
            await self.sweep()

    async def sweep(self) -> None:
        """Adds the accounts of keys that owners name by now, and lets go of those that nothing needs any more."""
        try:
            await self._sweep()
        except StoreError:
            log.exception("the keys of owners were not looked through; it is tried again")

    async def _sweep(self) -> None:
        named: set[str] = set()
        for known in await self._owners.all():
            for gateway, source in known.owner.keys.items():
                if gateway not in GATEWAYS:
                    continue
                account = await self._needed(gateway, source) if known.revoked_at else await self._held(gateway, source)
                if isinstance(account, Account):
                    named.add(account.key_print)
                elif isinstance(account, NoKey):
                    self._tell(f"{known.owner.name} cannot pay on {gateway}: {account.why}")
        for key_print in self._accounts.own_prints:
            if key_print not in named and not await self._store.open_count([key_print]):
                self._accounts.remove(key_print)

    async def _needed(self, gateway: str, source: str) -> Account | None:
        """Returns the account of somebody who was revoked, while a task of theirs is still followed with it."""
        key = await anyio.to_thread.run_sync(read_key, source, self._ring.value_of)
        if isinstance(key, KeyMissing) or not await self._store.open_count([self._ring.print_of(gateway, key)]):
            return None
        held = await self._held(gateway, source)
        return held if isinstance(held, Account) else None

    def _tell(self, problem: str) -> None:
        if problem not in self._told:
            self._told.add(problem)
            log.warning("%s", problem)
