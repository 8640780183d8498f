"""Browsers that people have signed in with: by an invitation, once, or by their token."""

import json
from dataclasses import dataclass

from apixo_mcp.owners.store import EntryKind, OwnerStore, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import BY_TOKEN, PREFIX, new_family, new_secret, secret_hash
from apixo_mcp.tasks.owner import Owner

BROWSER_LASTS = 30 * 86_400.0
"""Seconds that a browser stays signed in."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose a browser is.

    Attributes:
        owner: the person before it.
        is_by_token: whether they signed in with their token; what they allow ends with it.
    """

    owner: Owner
    is_by_token: bool


class Browsers:
    """Signs browsers in, and knows whose they are.

    Args:
        owners: of the task store.
        sign_ins: of the task store.
    """

    def __init__(self, owners: OwnerStore, sign_ins: SignInStore) -> None:
        self._owners = owners
        self._sign_ins = sign_ins

    async def invited(self, invitation: str) -> Owner | None:
        """Returns the owner as whom an invitation lets in; it stays as good as it was."""
        entry = await self._sign_ins.get(EntryKind.INVITATION, secret_hash(invitation))
        return None if entry is None else await self._owners.find(json.loads(entry.value)["owner"])

    async def sign_in(self, secret: str) -> str | None:
        """Returns the secret for a browser whose person has an invitation, which is used up, or a token.

        Returns:
            None where what they have is neither.
        """
        if secret.startswith(PREFIX):
            owner = await self._owners.of_token(secret_hash(secret))
        else:
            owner = await self.invited(secret)
        if owner is None:
            return None
        browser, is_by_token = new_secret(), secret.startswith(PREFIX)
        family = new_family(is_by_token=is_by_token)
        entry = SignInEntry(EntryKind.BROWSER, secret_hash(browser), "{}", owner.name, family)
        if is_by_token:
            return browser if await self._sign_ins.put(entry, BROWSER_LASTS) else None
        taken = await self._sign_ins.exchange(EntryKind.INVITATION, secret_hash(secret), [(entry, BROWSER_LASTS)])
        return None if taken is None else browser

    async def find(self, browser: str) -> SignedIn | None:
        """Returns whose a browser is, None where it is nobody's, or its owner was revoked."""
        entry = await self._sign_ins.get(EntryKind.BROWSER, secret_hash(browser)) if browser else None
        owner = await self._owners.find(entry.owner) if entry else None
        return SignedIn(owner, entry.family.startswith(BY_TOKEN)) if entry and owner else None

    async def sign_out(self, browser: str) -> None:
        """Forgets a browser."""
        await self._sign_ins.take(EntryKind.BROWSER, secret_hash(browser))
