"""Whom a token lets in: by the task store, or by a foreign issuer where one is trusted.

Everything is asked anew for each request: what was changed or revoked counts at once, in every process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.owners.grants import grant_of, narrowed
from apixo_mcp.owners.store import EntryKind, OwnerStore, SignInStore
from apixo_mcp.owners.tokens import TOKEN_PREFIX, secret_hash
from apixo_mcp.tasks.owner import LOCAL, Owner

LONGEST_TOKEN = 8192  # characters: those of large companies carry lists of groups


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """A token that lets nobody in.

    Attributes:
        reason: for a log, and for whoever came with it.
        is_known: whether it is good as such, and only lacks a scope.
        wait: seconds until it can be told whether it is good, where that cannot be told now; else 0.
    """

    reason: str
    is_known: bool = False
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who was let in, and by what.

    Attributes:
        owner: with no more than what let them in allows.
        token_hash: of their named token; empty where something else let them in.
        family: of what a client was given with its access token; empty where something else let them in.
    """

    owner: Owner
    token_hash: str = ""
    family: str = ""


class TrustedIssuer(Protocol):
    """Whoever makes tokens elsewhere that are taken here."""

    async def owner_of(self, token: str, resources: Sequence[str]) -> Owner | TokenRefused:
        """Returns the owner whom a token of theirs stands for."""
        ...


class Entrance:
    """Tells whom a token lets in.

    Args:
        owners: of the task store.
        sign_ins: of the task store.
        issuer: of tokens that are made elsewhere, where one is trusted.
    """

    def __init__(self, owners: OwnerStore, sign_ins: SignInStore, issuer: TrustedIssuer | None = None) -> None:
        self._owners = owners
        self._sign_ins = sign_ins
        self._issuer = issuer
        self._had_owners = False

    async def is_open(self) -> bool:
        """Tells whether there is nobody yet who could sign in: no owner ever was, and no issuer is trusted."""
        self._had_owners = self._had_owners or await self._owners.any()
        return not self._had_owners and self._issuer is None

    async def is_over(self, guest: Guest) -> bool:
        """Tells whether what let somebody in was taken back since; a token that has merely run out was not."""
        name = guest.owner.name
        if guest.token_hash:
            owner = await self._owners.of_token(guest.token_hash)
            return owner is None or owner.name != name
        if guest.family and not await self._sign_ins.lasts(guest.family):
            return True
        return await self.is_gone(name)

    async def is_gone(self, name: str) -> bool:
        """Tells whether nothing lets in the owner of a name any more: this machine's own, once anybody could sign in.

        One whom an issuer alone knows is never gone.
        """
        if name == LOCAL.name:
            return not await self.is_open()
        return any(one.owner.name == name and one.revoked_at is not None for one in await self._owners.all())

    async def guest_of(self, token: str, resources: Sequence[str]) -> Guest | TokenRefused:
        """Returns the owner whom a token lets in.

        Args:
            token: as it was sent.
            resources: the URLs of this server that a token may be for.
        """
        if len(token) > LONGEST_TOKEN:
            return TokenRefused("the token is too long")
        if token.startswith(TOKEN_PREFIX):
            token_hash = secret_hash(token)
            owner = await self._owners.of_token(token_hash)
            return Guest(owner, token_hash) if owner else TokenRefused("the token is not known or was revoked")
        if self._issuer is not None and token.count(".") == 2:
            found = await self._issuer.owner_of(token, resources)
            return Guest(found) if isinstance(found, Owner) else found
        return await self._of_access(token, resources)

    async def _of_access(self, token: str, resources: Sequence[str]) -> Guest | TokenRefused:
        entry = await self._sign_ins.get(EntryKind.ACCESS, secret_hash(token))
        if entry is None:
            return TokenRefused("the token is not known, has run out or was revoked")
        grant = grant_of(entry)
        if grant.resource not in resources:
            return TokenRefused("the token is for another server")
        owner = await self._owners.find(grant.owner)
        if owner is None:
            return TokenRefused("the owner was revoked")
        allowed = narrowed(owner, grant.scopes)
        if allowed is None:
            return TokenRefused("the owner may no longer do what was allowed", True)
        return Guest(allowed, family=grant.family)
