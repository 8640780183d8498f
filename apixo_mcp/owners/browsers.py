"""Browsers that people have signed in with: by an invitation, once, or by their token."""

import json

from apixo_mcp.owners.store import EntryKind, OwnerStore, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import PREFIX, new_secret, secret_hash
from apixo_mcp.tasks.owner import Owner

BROWSER_LASTS = 30 * 86_400.0
"""Seconds that a browser stays signed in."""


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
        browser = new_secret()
        entry = SignInEntry(EntryKind.BROWSER, secret_hash(browser), "{}", owner.name)
        if secret.startswith(PREFIX):
            return browser if await self._sign_ins.put(entry, BROWSER_LASTS) else None
        taken = await self._sign_ins.exchange(EntryKind.INVITATION, secret_hash(secret), [(entry, BROWSER_LASTS)])
        return None if taken is None else browser

    async def owner_of(self, browser: str) -> Owner | None:
        """Returns whose a browser is, None where it is nobody's, or its owner was revoked."""
        entry = await self._sign_ins.get(EntryKind.BROWSER, secret_hash(browser)) if browser else None
        return None if entry is None else await self._owners.find(entry.owner)

    async def sign_out(self, browser: str) -> None:
        """Forgets a browser."""
        await self._sign_ins.take(EntryKind.BROWSER, secret_hash(browser))
