"""What is kept of sign-ins in the database: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

from collections.abc import Sequence
from dataclasses import asdict

from apixo_mcp.owners.store import Bound, EntryKind, SignInEntry
from apixo_mcp.stores.database import Database, Readable, Row, Worker

_PUT = """insert into sign_in values (:kind, :key, :owner, :family, :value, :now, :now + :lasts)
  on conflict (kind, key) do update set owner = :owner, family = :family, value = :value, until = :now + :lasts"""
_ENTRY = "select * from sign_in where kind = :kind and key = :key and until > :now"
_TAKE = "delete from sign_in where kind = :kind and key = :key and until > :now returning *"
_RENEW = "update sign_in set until = :now + :lasts where kind = :kind and key = :key and until > :now returning key"
_COUNT = """select count(*) as count from sign_in
  where kind = :kind and key <> :key and (:of_owner = 0 or owner = :owner)"""
_MAKE_ROOM = """delete from sign_in where kind = :kind and key = (select key from sign_in
  where kind = :kind and key <> :key and (:of_owner = 0 or owner = :owner)
    and made_at <= :now - :spared and until <= :now + :lasts order by made_at limit 1) returning key"""
_FORGET_OLD = "delete from sign_in where until <= :now"
_END = "delete from sign_in where family = :family and family <> ''"
_HAS_FAMILY = "select 1 from sign_in where family = :family and family <> '' and until > :now limit 1"


def put_entry(database: Database, entry: SignInEntry, lasts: float, bound: Bound | None) -> bool:
    """Keeps an entry of a sign-in; False where there are too many of its kind, and none makes room."""
    with database.transaction("sign_ins"):
        now = database.now()
        database.execute(_FORGET_OLD, {"now": now})
        if bound is not None and not _has_room(database, entry, lasts, bound, now):
            return False
        _put(database, entry, lasts, now)
        return True


def get_entry(database: Readable, kind: EntryKind, key: str) -> SignInEntry | None:
    """Returns an entry that has not run out."""
    return _first(database.execute(_ENTRY, {"kind": str(kind), "key": key, "now": database.now()}))


def take_entry(database: Database, kind: EntryKind, key: str) -> SignInEntry | None:
    """Returns an entry and forgets it."""
    return _first(database.execute(_TAKE, {"kind": str(kind), "key": key, "now": database.now()}))


def exchange_entry(
    database: Database, kind: EntryKind, key: str, entries: Sequence[tuple[SignInEntry, float]]
) -> SignInEntry | None:
    """Takes an entry and keeps others in its place; returns the one that was taken."""
    with database.transaction("sign_ins"):
        now = database.now()
        taken = _first(database.execute(_TAKE, {"kind": str(kind), "key": key, "now": now}))
        if taken is not None:
            for entry, lasts in entries:
                _put(database, entry, lasts, now)
        return taken


def renew_entry(database: Database, kind: EntryKind, key: str, lasts: float) -> bool:
    """Keeps an entry for longer; False where it is not there."""
    named = {"kind": str(kind), "key": key, "lasts": lasts, "now": database.now()}
    return bool(database.execute(_RENEW, named))


def has_family(database: Database, family: str) -> bool:
    """Tells whether anything of a family is kept still."""
    return bool(database.execute(_HAS_FAMILY, {"family": family, "now": database.now()}))


def end_family(database: Database, family: str) -> None:
    """Forgets all entries of a family."""
    database.execute(_END, {"family": family})


def _has_room(database: Database, entry: SignInEntry, lasts: float, bound: Bound, now: float) -> bool:
    alike = {"kind": str(entry.kind), "key": entry.key, "owner": entry.owner, "of_owner": int(bound.of_owner)}
    if database.execute(_COUNT, alike)[0]["count"] < bound.most:
        return True
    aged = {**alike, "now": now, "spared": bound.spared, "lasts": lasts}
    return bound.spared is not None and bool(database.execute(_MAKE_ROOM, aged))


def _put(database: Database, entry: SignInEntry, lasts: float, now: float) -> None:
    database.execute(_PUT, {**asdict(entry), "kind": str(entry.kind), "now": now, "lasts": lasts})


def _first(rows: Sequence[Row]) -> SignInEntry | None:
    if not rows:
        return None
    row = rows[0]
    return SignInEntry(EntryKind(row["kind"]), row["key"], row["value"], row["owner"], row["family"])


class KeptSignIns:
    """Implements `SignInStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def put(self, entry: SignInEntry, lasts: float, bound: Bound | None = None) -> bool:
        """See `SignInStore.put`."""
        return await self._worker.run(put_entry, entry, lasts, bound)

    async def get(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """See `SignInStore.get`."""
        return await self._worker.look_up(get_entry, kind, key)

    async def take(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """See `SignInStore.take`."""
        return await self._worker.run(take_entry, kind, key)

    async def exchange(
        self, kind: EntryKind, key: str, entries: Sequence[tuple[SignInEntry, float]]
    ) -> SignInEntry | None:
        """See `SignInStore.exchange`."""
        return await self._worker.run(exchange_entry, kind, key, tuple(entries))

    async def renew(self, kind: EntryKind, key: str, lasts: float) -> bool:
        """See `SignInStore.renew`."""
        return await self._worker.run(renew_entry, kind, key, lasts)

    async def lasts(self, family: str) -> bool:
        """See `SignInStore.lasts`."""
        return await self._worker.run(has_family, family)

    async def end(self, family: str) -> None:
        """See `SignInStore.end`."""
        await self._worker.run(end_family, family)
