"""Codes and tokens of clients: given out, exchanged once each, and ended together.

    a yes ──► code (60 s) ──► access token (1 h) and refresh token (30 d)
                                   refresh token ──► another access token and another refresh token ──► …

What was exchanged is remembered: whoever comes with it again is not the one it was given to, or is, and somebody else
has it too. All that comes from that consent ends then.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apixo_mcp.owners.grants import Grant, grant_of
from apixo_mcp.owners.store import EntryKind, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import ACCESS_PREFIX, REFRESH_PREFIX, new_secret, secret_hash
from apixo_mcp.tasks.owner import Scope

CODE_LASTS = 60.0
ACCESS_LASTS = 3600.0
REFRESH_LASTS = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Issued:
    """What a code stands for.

    Attributes:
        redirect_uri: where it was sent.
        challenge: the hash of what the client has to show.
    """

    grant: Grant
    redirect_uri: str
    challenge: str


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets for a code or a refresh token."""

    access: str
    refresh: str
    grant: Grant


class Issuing:
    """Exchanges codes and refresh tokens.

    Args:
        sign_ins: of the task store.
    """

    def __init__(self, sign_ins: SignInStore) -> None:
        self._sign_ins = sign_ins

    async def find_code(self, code: str) -> Issued | None:
        """Returns what a code stands for; one that was exchanged before ends what came from it."""
        entry = await self._found(EntryKind.CODE, code)
        if entry is None:
            return None
        told = json.loads(entry.value)
        return Issued(grant_of(entry), told["redirect_uri"], told["challenge"])

    async def find_refresh(self, token: str) -> Grant | None:
        """Returns what a refresh token stands for; one that was exchanged before ends all that came from it."""
        entry = await self._found(EntryKind.REFRESH, token)
        return None if entry is None else grant_of(entry)

    async def find_access(self, token: str) -> Grant | None:
        """Returns what an access token stands for."""
        entry = await self._sign_ins.get(EntryKind.ACCESS, secret_hash(token))
        return None if entry is None else grant_of(entry)

    async def redeem(self, code: str, grant: Grant) -> TokenPair | None:
        """Exchanges a code; None where somebody else just has."""
        return await self._exchange(EntryKind.CODE, code, grant, grant.scopes)

    async def renew(self, token: str, grant: Grant, scopes: Sequence[Scope]) -> TokenPair | None:
        """Exchanges a refresh token; the access token may have less scopes. None where somebody else just has."""
        return await self._exchange(EntryKind.REFRESH, token, grant, scopes)

    async def end(self, grant: Grant) -> None:
        """Ends all that came from a consent."""
        await self._sign_ins.end(grant.family)

    async def _found(self, kind: EntryKind, secret: str) -> SignInEntry | None:
        key = secret_hash(secret)
        entry = await self._sign_ins.get(kind, key)
        if entry is None and (spent := await self._sign_ins.get(EntryKind.SPENT_REFRESH, key)) is not None:
            await self._sign_ins.end(spent.family)
        return entry

    async def _exchange(self, kind: EntryKind, secret: str, grant: Grant, scopes: Sequence[Scope]) -> TokenPair | None:
        pair = TokenPair(ACCESS_PREFIX + new_secret(), REFRESH_PREFIX + new_secret(), grant)
        allowed = replace(grant, scopes=tuple(scopes))
        entries = [
            (_entry(EntryKind.ACCESS, pair.access, allowed, allowed.text()), ACCESS_LASTS),
            (_entry(EntryKind.REFRESH, pair.refresh, grant, grant.text()), REFRESH_LASTS),
            (_entry(EntryKind.SPENT_REFRESH, secret, grant, "{}"), REFRESH_LASTS),
        ]
        if await self._sign_ins.exchange(kind, secret_hash(secret), entries) is None:
            await self._sign_ins.end(grant.family)
            return None
        return replace(pair, grant=allowed)


def code_entry(code: str, issued: Issued) -> tuple[SignInEntry, float]:
    """Returns what is kept of a code, and for how long."""
    told = json.loads(issued.grant.text()) | {
        "redirect_uri": issued.redirect_uri,
        "challenge": issued.challenge,
    }
    return _entry(EntryKind.CODE, code, issued.grant, json.dumps(told)), CODE_LASTS


def _entry(kind: EntryKind, secret: str, grant: Grant, value: str) -> SignInEntry:
    return SignInEntry(kind, secret_hash(secret), value, grant.owner, grant.family)
