"""The owners in the database, and what is kept of their sign-in: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apixo_mcp.owners.store import Bound, EntryKind, KnownOwner, SignInEntry
from apixo_mcp.owners.tokens import BY_TOKEN
from apixo_mcp.stores.database import Database, Readable, Row
from apixo_mcp.stores.rows import NotATask
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Raise, Scope

_GET = "select * from owner where name = :name and revoked_at is null"
_STANDING = "select * from owner where name = :name"
_ALL = "select * from owner order by name"
_ANY = "select 1 from owner limit 1"
_BY_TOKEN = "select * from owner where token_hash = :token_hash and token_hash <> '' and revoked_at is null"
_ADD = """insert into owner (name, token_hash, terms, made_at, changed_at)
  select :name, :token_hash, :terms, :now, :now
    where not exists (select 1 from owner where lower(name) = lower(:name)) returning name"""
_CHANGE = "update owner set terms = :terms, changed_at = :now where name = :name"
_SET_TOKEN = """update owner set token_hash = :token_hash, changed_at = :now, revoked_at = null
  where name = :name returning name"""
_REVOKE = """update owner set token_hash = '', changed_at = :now, revoked_at = coalesce(revoked_at, :now)
  where name = :name returning name"""

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
_END_OF_OWNER = "delete from sign_in where owner = :name"
_END_OF_TOKEN = "delete from sign_in where owner = :name and family like :families"
_HAS_FAMILY = "select 1 from sign_in where family = :family and family <> '' and until > :now limit 1"


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """An owner in the moment in which money is decided on.

    Attributes:
        owner: as their row has them.
        is_revoked: whether nothing lets them in any more.
    """

    owner: Owner
    is_revoked: bool

    @property
    def may_generate(self) -> bool:
        """Whether anything may be made for them."""
        return not self.is_revoked and self.owner.scope.includes(Scope.GENERATE)


def standing_of(database: Database, name: str) -> OwnerRow | None:
    """Returns how an owner stands, None where there never was one of that name."""
    rows = database.execute(_STANDING, {"name": name})
    return OwnerRow(owner_of_row(rows[0]), rows[0]["revoked_at"] is not None) if rows else None


def terms_of(owner: Owner) -> str:
    """Returns what stands in the row of an owner besides the name, as JSON."""
    told: dict[str, Any] = {
        "scope": str(owner.scope),
        "models": owner.models,
        "budget": {name: value for name, value in asdict(owner.budget).items() if value is not None},
        "keys": dict(owner.keys),
    }
    return json.dumps(told | ({"raised": asdict(owner.raised)} if owner.raised else {}))


def with_nothing(name: str) -> Owner:
    """Returns what stands in the place of an owner whose row is lost: they may look, and spend nothing."""
    return Owner(name, Scope.READ, budget=Budget(daily_usd=0.0, daily_tasks=0, monthly_usd=0.0))


class NotAnOwner(NotATask):
    """A row of an owner that is damaged."""


def owner_of_row(row: Row) -> Owner:
    """Returns the owner of a row.

    Raises:
        NotAnOwner: the row is damaged.
    """
    try:
        told: Mapping[str, Any] = json.loads(row["terms"])
        return Owner(
            row["name"],
            Scope(told["scope"]),
            tuple(told["models"]),
            Budget(**told["budget"]),
            Raise(**told["raised"]) if "raised" in told else None,
            told["keys"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotAnOwner(f"a row holds no owner: {type(error).__name__}") from error


def owner_named(database: Readable, name: str) -> Owner | None:
    """Returns an owner who may come in, None where there is none of that name."""
    rows = database.execute(_GET, {"name": name})
    return owner_of_row(rows[0]) if rows else None


def owner_of_token(database: Readable, token_hash: str) -> Owner | None:
    """Returns the owner whom a token lets in."""
    rows = database.execute(_BY_TOKEN, {"token_hash": token_hash})
    return owner_of_row(rows[0]) if rows else None


def known_owners(database: Database) -> Sequence[KnownOwner]:
    """Returns all owners, those that were revoked too."""
    return [
        KnownOwner(
            owner=owner_of_row(row),
            has_token=bool(row["token_hash"]),
            made_at=row["made_at"],
            revoked_at=row["revoked_at"],
        )
        for row in database.execute(_ALL, {})
    ]


def has_owners(database: Readable) -> bool:
    """Tells whether there ever was an owner."""
    return bool(database.execute(_ANY, {}))


def add_owner(database: Database, owner: Owner, token_hash: str) -> bool:
    """Adds an owner; False where the name is taken."""
    named = {"name": owner.name, "token_hash": token_hash, "terms": terms_of(owner), "now": database.now()}
    with database.transaction():
        return bool(database.execute(_ADD, named))


def change_owner(database: Database, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
    """Changes the terms of an owner from what they are at that moment; None where there is none of that name."""
    with database.transaction():
        standing = standing_of(database, name)
        if standing is None:
            return None
        owner = how(standing.owner)
        database.execute(_CHANGE, {"name": name, "terms": terms_of(owner), "now": database.now()})
        return owner


def set_owner_token(database: Database, name: str, token_hash: str) -> bool:
    """Gives an owner another token; False where there is none of that name."""
    with database.transaction():
        database.execute(_END_OF_TOKEN, {"name": name, "families": f"{BY_TOKEN}%"})
        return bool(database.execute(_SET_TOKEN, {"name": name, "token_hash": token_hash, "now": database.now()}))


def revoke_owner(database: Database, name: str) -> bool:
    """Ends every way in of an owner; False where there is none of that name."""
    with database.transaction():
        database.execute(_END_OF_OWNER, {"name": name})
        return bool(database.execute(_REVOKE, {"name": name, "now": database.now()}))


def put_entry(database: Database, entry: SignInEntry, lasts: float, bound: Bound | None) -> bool:
    """Keeps an entry of a sign-in; False where there are too many of its kind, and none makes room."""
    with database.transaction():
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
    with database.transaction():
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
