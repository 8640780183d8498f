"""The owners in the database: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apixo_mcp.owners.store import KnownOwner
from apixo_mcp.owners.tokens import BY_TOKEN
from apixo_mcp.stores.database import Database, Readable, Row, Worker
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
_END_OF_OWNER = "delete from sign_in where owner = :name"
_END_OF_TOKEN = "delete from sign_in where owner = :name and family like :families"


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
    with database.transaction("owners"):
        return bool(database.execute(_ADD, named))


def change_owner(database: Database, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
    """Changes the terms of an owner from what they are at that moment; None where there is none of that name."""
    with database.transaction("owners"):
        standing = standing_of(database, name)
        if standing is None:
            return None
        owner = how(standing.owner)
        database.execute(_CHANGE, {"name": name, "terms": terms_of(owner), "now": database.now()})
        return owner


def set_owner_token(database: Database, name: str, token_hash: str) -> bool:
    """Gives an owner another token; False where there is none of that name."""
    with database.transaction("owners"):
        database.execute(_END_OF_TOKEN, {"name": name, "families": f"{BY_TOKEN}%"})
        return bool(database.execute(_SET_TOKEN, {"name": name, "token_hash": token_hash, "now": database.now()}))


def revoke_owner(database: Database, name: str) -> bool:
    """Ends every way in of an owner; False where there is none of that name."""
    with database.transaction("owners"):
        database.execute(_END_OF_OWNER, {"name": name})
        return bool(database.execute(_REVOKE, {"name": name, "now": database.now()}))


class KeptOwners:
    """Implements `OwnerStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def any(self) -> bool:
        """See `OwnerStore.any`."""
        return await self._worker.look_up(has_owners)

    async def all(self) -> Sequence[KnownOwner]:
        """See `OwnerStore.all`."""
        return await self._worker.run(known_owners)

    async def find(self, name: str) -> Owner | None:
        """See `OwnerStore.find`."""
        return await self._worker.look_up(owner_named, name)

    async def of_token(self, token_hash: str) -> Owner | None:
        """See `OwnerStore.of_token`."""
        return await self._worker.look_up(owner_of_token, token_hash)

    async def add(self, owner: Owner, token_hash: str) -> bool:
        """See `OwnerStore.add`."""
        return await self._worker.run(add_owner, owner, token_hash)

    async def change(self, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
        """See `OwnerStore.change`."""
        return await self._worker.run(change_owner, name, how)

    async def set_token(self, name: str, token_hash: str) -> bool:
        """See `OwnerStore.set_token`."""
        return await self._worker.run(set_owner_token, name, token_hash)

    async def revoke(self, name: str) -> bool:
        """See `OwnerStore.revoke`."""
        return await self._worker.run(revoke_owner, name)
