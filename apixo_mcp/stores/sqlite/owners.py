"""Owners and sign-ins in the task store's SQLite file."""

from collections.abc import Callable, Sequence

from apixo_mcp.owners.store import Bound, EntryKind, KnownOwner, SignInEntry
from apixo_mcp.stores import owners
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.owner import Owner


class SqliteOwners:
    """Implements `OwnerStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def any(self) -> bool:
        """See `OwnerStore.any`."""
        return await self._database.look_up(owners.has_owners)

    async def all(self) -> Sequence[KnownOwner]:
        """See `OwnerStore.all`."""
        return await self._database.run(owners.known_owners, self._database)

    async def find(self, name: str) -> Owner | None:
        """See `OwnerStore.find`."""
        return await self._database.look_up(owners.owner_named, name)

    async def of_token(self, token_hash: str) -> Owner | None:
        """See `OwnerStore.of_token`."""
        return await self._database.look_up(owners.owner_of_token, token_hash)

    async def add(self, owner: Owner, token_hash: str) -> bool:
        """See `OwnerStore.add`."""
        return await self._database.run(owners.add_owner, self._database, owner, token_hash)

    async def change(self, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
        """See `OwnerStore.change`."""
        return await self._database.run(owners.change_owner, self._database, name, how)

    async def set_token(self, name: str, token_hash: str) -> bool:
        """See `OwnerStore.set_token`."""
        return await self._database.run(owners.set_owner_token, self._database, name, token_hash)

    async def revoke(self, name: str) -> bool:
        """See `OwnerStore.revoke`."""
        return await self._database.run(owners.revoke_owner, self._database, name)


class SqliteSignIns:
    """Implements `SignInStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def put(self, entry: SignInEntry, lasts: float, bound: Bound | None = None) -> bool:
        """See `SignInStore.put`."""
        return await self._database.run(owners.put_entry, self._database, entry, lasts, bound)

    async def get(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """See `SignInStore.get`."""
        return await self._database.look_up(owners.get_entry, kind, key)

    async def take(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """See `SignInStore.take`."""
        return await self._database.run(owners.take_entry, self._database, kind, key)

    async def exchange(
        self, kind: EntryKind, key: str, entries: Sequence[tuple[SignInEntry, float]]
    ) -> SignInEntry | None:
        """See `SignInStore.exchange`."""
        return await self._database.run(owners.exchange_entry, self._database, kind, key, tuple(entries))

    async def renew(self, kind: EntryKind, key: str, lasts: float) -> bool:
        """See `SignInStore.renew`."""
        return await self._database.run(owners.renew_entry, self._database, kind, key, lasts)

    async def lasts(self, family: str) -> bool:
        """See `SignInStore.lasts`."""
        return await self._database.run(owners.has_family, self._database, family)

    async def end(self, family: str) -> None:
        """See `SignInStore.end`."""
        await self._database.run(owners.end_family, self._database, family)
