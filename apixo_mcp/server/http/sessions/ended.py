"""The sessions that their clients have ended: known to every process on the same data, and after a restart."""

import logging
import time

from apixo_mcp.errors import StoreError
from apixo_mcp.owners.store import Bound, EntryKind, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import secret_hash
from apixo_mcp.server.http.sessions.ids import LASTS, HttpSession

log = logging.getLogger(__name__)

_BOUND = Bound(most=20_000, of_owner=True, spared=0.0)
"""Beyond that the oldest is forgotten: its id could be taken up again, by its own owner alone."""
_CLOCKS = 120.0  # seconds by which two clocks may differ


class EndedSessions:
    """Keeps which sessions have ended, each for as long as its id would be good.

    Args:
        entries: of the task store; nothing of a session is in them but a hash.
    """

    def __init__(self, entries: SignInStore) -> None:
        self._entries = entries

    async def has(self, session: HttpSession) -> bool:
        """Tells whether a session has ended, as far as the store tells."""
        try:
            return await self._entries.get(EntryKind.ENDED_SESSION, secret_hash(session.nonce)) is not None
        except StoreError:
            log.exception("it is not known whether a session was ended; it is held to be open")
            return False

    async def note(self, session: HttpSession) -> None:
        """Notes that a session has ended."""
        lasts = session.opened_at + LASTS + _CLOCKS - time.time()
        entry = SignInEntry(EntryKind.ENDED_SESSION, secret_hash(session.nonce), "{}", session.owner)
        try:
            await self._entries.put(entry, lasts, _BOUND)
        except StoreError:
            log.exception("a session was ended, and that could not be stored")
