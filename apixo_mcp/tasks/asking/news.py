"""Alerts that the caller has not heard of, for the next answer that they are given.

Each is taken for one answer, of whichever process, and noted as heard once that has left (`tasks.ports.alerts`).
"""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.alerts import RaisedAlert
from apixo_mcp.tasks.ports.store import Store

log = logging.getLogger(__name__)

TAKEN_FOR = 30.0
"""Seconds in which an answer leaves, or its process has died over it."""
_WITHIN = 0.3


class News:
    """Alerts that one answer tells of.

    Attributes:
        alerts: what it tells.
    """

    def __init__(self, owner: Owner, call: str, alerts: Sequence[RaisedAlert], store: Store) -> None:
        self.alerts = tuple(alerts)
        self._owner = owner
        self._call = call
        self._store = store

    def hand_over(self) -> None:
        """Leaves it to somebody else to tell when the answer has left this process."""

    async def given(self) -> None:
        """Notes that the answer has left. Never raises: it must not be lost over it."""
        with anyio.CancelScope(shield=True):
            try:
                await self._store.alerts.heard(self._owner, self._call, [alert.name for alert in self.alerts])
            except Exception:
                log.exception("it is not noted that %s has heard of alerts", self._owner.name)

    async def lost(self) -> None:
        """Lets another answer tell of them: nobody has read this one."""
        with anyio.CancelScope(shield=True), suppress(StoreError):
            await self._store.alerts.give_back(self._owner, self._call)


async def news_for(owner: Owner, store: Store) -> News | None:
    """Takes what an owner has not heard of for an answer to them; None where there is nothing, or not in time.

    Never raises: the answer itself must not be lost over it.
    """
    call = uuid.uuid4().hex
    try:
        with anyio.move_on_after(_WITHIN):
            if alerts := await store.alerts.take(owner, call, TAKEN_FOR):
                return News(owner, call, alerts, store)
    except Exception:  # the answer may be about something that was paid for
        log.exception("it is not told what %s has not heard of", owner.name)
    return None
