"""Watches how tasks end, what they cost and how they are taken, and has what is unusual raised, once.

It reads the store only where something is odd already in what it was told, and never more than a model's newest tasks
or one day's sums: a task that ends well in its time costs nothing.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks import oddities
from apixo_mcp.tasks.alerts import Alert, tell_alerts
from apixo_mcp.tasks.budget import DAY
from apixo_mcp.tasks.owner import LOCAL, Owner, known_by_name
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.telemetry.facts import Telemetry

log = logging.getLogger(__name__)

SUMS_EVERY = 60.0
"""Seconds between two looks at one owner's sums."""
_ASKED_KEPT = 50


@dataclass(slots=True)
class _Sums:
    """A day's sum, as it was read and with what this process has bought since, and what would be unusual."""

    read_at: float
    usd: float
    odd_above: float


class Watch:
    """Has what is unusual raised.

    Args:
        store: where it is raised, and what there was before.
        catalog: tells how long a model usually takes.
        telemetry: told of what is raised.
        clock: Unix seconds.
    """

    def __init__(
        self, store: Store, catalog: Catalog, telemetry: Telemetry, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._telemetry = telemetry
        self._clock = clock
        self._asked: defaultdict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=_ASKED_KEPT))
        self._sums: dict[str, _Sums] = {}
        self._raised: dict[str, float] = {}

    async def changed(self, task: Task) -> None:
        """Hears of every change of a task. Never raises: the change is stored all the same."""
        try:
            if task.polls == 0 and task.state in (State.PENDING, State.SUCCESS):
                await self._bought(task.owner, max(0.0, task.estimate_usd or 0.0))
            if task.state is State.FAILED and task.sent_at is not None:
                await self._failed(task)
            elif task.state is State.SUCCESS:
                await self._made(task)
        except StoreError:
            log.debug("it is not seen whether task %s is unusual: the store does not answer", task.task_id)

    async def limited(self, gateway: str, owner: str) -> None:
        """Notes that a gateway asks for fewer requests.

        Args:
            gateway: that asks.
            owner: whose own key it is; empty: the server's.
        """
        now, asked = self._clock(), self._asked[gateway, owner]
        asked.append(now)
        try:
            await self._raise(oddities.pace_alert(gateway, owner, asked, now))
        except StoreError:
            log.debug("it is not told that %s asks for fewer requests: the store does not answer", gateway)

    async def _bought(self, name: str, usd: float) -> None:
        if name != LOCAL.name:
            await self._spent(known_by_name(name), usd)
        await self._spent(None, usd)

    async def _spent(self, owner: Owner | None, usd: float) -> None:
        """Sees whether a day's sum is unusual by now. Other processes add to it, so it is read anew now and then."""
        name, now = owner.name if owner else "", self._clock()
        known = self._sums.get(name)
        if known is not None:
            known.usd += usd
            if known.usd <= known.odd_above and known.read_at <= now < known.read_at + SUMS_EVERY:
                return
        sums = await self._store.alerts.day_sums(owner, oddities.USUAL_DAYS)
        alert = oddities.spending_alert(name, sums, now)
        self._sums[name] = _Sums(now, sums.today, inf if alert else oddities.odd_above(sums))
        await self._raise(alert)

    async def _failed(self, task: Task) -> None:
        if task.failure is None or not oddities.is_telling(task.failure.category):
            return
        ended = await self._store.alerts.ended(task.model, oddities.RECENT, oddities.LOOKED_AT)
        await self._raise(oddities.failures_alert(task.gateway, task.model, ended, self._clock()))

    async def _made(self, task: Task) -> None:
        if task.sent_at is None or task.completed_at is None:
            return
        model = self._catalog.get(task.model)
        documented = float(model.usual_seconds[1]) if model and model.usual_seconds else None
        if not oddities.is_slow(task.completed_at - task.sent_at, documented or 0.0):
            return
        ended = await self._store.alerts.ended(task.model, oddities.LOOKED_BACK, oddities.LOOKED_AT)
        await self._raise(oddities.latency_alert(task.gateway, task.model, ended, documented, self._clock()))

    async def _raise(self, alert: Alert | None) -> None:
        if alert is None or alert.once in self._raised:
            return
        if await self._store.raise_alert(alert):
            tell_alerts(self._telemetry, [alert])
        now = self._clock()
        self._raised = {name: at for name, at in self._raised.items() if now - at < DAY} | {alert.once: now}
