"""Browsers that people have signed in with: by an invitation, once, or by their token.

The secret of a browser is made of that of its visit to the page, so that a form that is sent twice signs in once.
"""

import json
from dataclasses import dataclass

from apixo_mcp.owners.store import EntryKind, OwnerStore, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import BY_TOKEN, TOKEN_PREFIX, derived_secret, new_family, secret_hash
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
        own: secret that stays with the task store.
    """

    def __init__(self, owners: OwnerStore, sign_ins: SignInStore, own: bytes) -> None:
        self._owners = owners
        self._sign_ins = sign_ins
        self._own = own

    async def invited(self, invitation: str) -> Owner | None:
        """Returns the owner as whom an invitation lets in; it stays as good as it was."""
        entry = await self._sign_ins.get(EntryKind.INVITATION, secret_hash(invitation))
        return None if entry is None else await self._owners.find(json.loads(entry.value)["owner"])

    async def sign_in(self, secret: str, visit: str) -> str | None:
        """Returns the secret for a browser whose person has an invitation, which is used up, or a token.

        Args:
            secret: an invitation or a token.
            visit: what the browser got with the page, and nobody else has.

        Returns:
            None where what they have is neither.
        """
        browser = derived_secret(self._own, f"browser {visit} {secret}")
        is_by_token = secret.startswith(TOKEN_PREFIX)
        owner = await (self._owners.of_token(secret_hash(secret)) if is_by_token else self.invited(secret))
        if owner is not None:
            family = new_family(is_by_token=is_by_token)
            entry = SignInEntry(EntryKind.BROWSER, secret_hash(browser), "{}", owner.name, family)
            if is_by_token:
                return browser if await self._sign_ins.put(entry, BROWSER_LASTS) else None
            taken = await self._sign_ins.exchange(EntryKind.INVITATION, secret_hash(secret), [(entry, BROWSER_LASTS)])
            if taken is not None:
                return browser
        return browser if not is_by_token and await self.find(browser) else None  # its form was sent twice

    async def find(self, browser: str) -> SignedIn | None:
        """Returns whose a browser is, None where it is nobody's, or its owner was revoked."""
        entry = await self._sign_ins.get(EntryKind.BROWSER, secret_hash(browser)) if browser else None
        owner = await self._owners.find(entry.owner) if entry else None
        return SignedIn(owner, entry.family.startswith(BY_TOKEN)) if entry and owner else None

    async def sign_out(self, browser: str) -> None:
        """Forgets a browser."""
        await self._sign_ins.take(EntryKind.BROWSER, secret_hash(browser))
