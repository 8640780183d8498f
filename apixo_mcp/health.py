"""Whether this process can do its work: its task store, its sweep, and the gateways that it speaks to.

What asks the disk and the network runs in the background and is asked for: whoever wants to know gets an answer within
a bounded time, also where a disk hangs, and however many ask cause no more work than one.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.net.http import Http
from apixo_mcp.net.response import NotReached
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import Store

log = logging.getLogger(__name__)

_MARK = "health"
_NO_WORKER = "none follows tasks: start one on the same database, with the same keys"


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """Seconds of what is looked at.

    Attributes:
        answered_within: whoever asks waits no longer.
        fresh_for: a look counts for so long.
        sweep_within: the store must have been looked through for what is due.
        gateways_every: between two looks at the gateways, and at the bucket of results.
        connected_within: a gateway must answer.
    """

    answered_within: float = 2.0
    fresh_for: float = 1.0
    sweep_within: float = 15.0
    gateways_every: float = 30.0
    connected_within: float = 5.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How this process is.

    Attributes:
        store: empty where it can be written to, else what is wrong.
        sweep: empty where it is looked for what is due; else what is wrong.
        gateways: by name empty where it answers, else what is wrong; one that was not asked yet is missing.
        results: empty where the bucket of results answers, else what is wrong; None where none was asked yet.
        workers: empty where tasks are followed, as far as is known; else what is wrong.
        is_leaving: whether the process was told to end, and serves only what comes until others know.
    """

    store: str
    sweep: str
    gateways: Mapping[str, str] = field(default_factory=dict[str, str])
    results: str | None = None
    workers: str = ""
    is_leaving: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether calls are to be sent here. A gateway that is down would be so from everywhere."""
        return not (self.store or self.sweep or self.is_leaving)


class Health:
    """Looks after what this process needs. `run` must run beside it.

    Args:
        store: is written to, a little.
        engine: tells when it last swept.
        accounts: whose gateways are asked.
        http: asks them.
        holder: this process's name, as leases have it.
        trouble_with_results: asks the bucket of results, where there is one.
        limits: of the looks.
    """

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        accounts: Accounts,
        http: Http,
        holder: str,
        trouble_with_results: Callable[[], Awaitable[str]] | None = None,
        limits: HealthLimits = HealthLimits(),
    ) -> None:
        self._store = store
        self._engine = engine
        self._accounts = accounts
        self._http = http
        self._mark = f"{_MARK} {holder}"
        self._limits = limits
        self._asked = anyio.Event()
        self._looked = anyio.Event()
        self._looked_at = self._gateways_at = float("-inf")
        self._began = time.monotonic()
        self._trouble = ""
        self._gateways: dict[str, str] = {}
        self._trouble_with_results = trouble_with_results
        self._results: str | None = None
        self._is_leaving = False

    def leave(self) -> None:
        """Says from now on that calls are to be sent elsewhere."""
        self._is_leaving = True

    async def condition(self) -> Condition:
        """Returns how this process is, within a bounded time."""
        is_late = False
        if time.monotonic() - self._looked_at >= self._limits.fresh_for:
            self._asked.set()
            looked = self._looked
            with anyio.move_on_after(self._limits.answered_within) as waiting:
                await looked.wait()
            is_late = waiting.cancelled_caught
        store = f"it took longer than {self._limits.answered_within:g} s to write to it" if is_late else self._trouble
        workers = _NO_WORKER if self._engine.workers() == 0 else ""
        return Condition(store, self._sweep(), dict(self._gateways), self._results, workers, self._is_leaving)

    def _sweep(self) -> str:
        since = self._engine.since_sweep()
        ago = time.monotonic() - self._began if since is None else since
        return f"the last one was {ago:.0f} s ago" if ago > self._limits.sweep_within else ""

    async def run(self) -> None:
        """Looks when somebody asks, until it is cancelled."""
        async with anyio.create_task_group() as group:
            while True:
                await self._asked.wait()
                self._asked = anyio.Event()
                if time.monotonic() - self._gateways_at >= self._limits.gateways_every:
                    self._gateways_at = time.monotonic()
                    group.start_soon(self._ask_gateways)
                    if self._trouble_with_results is not None:
                        group.start_soon(self._ask_results, self._trouble_with_results)
                self._trouble = await self._written()
                self._looked_at = time.monotonic()
                looked, self._looked = self._looked, anyio.Event()
                looked.set()

    async def _written(self) -> str:
        """Returns what keeps the store from being written to, empty where nothing does."""
        try:
            await self._store.hold(self._mark, self._mark, self._limits.fresh_for)
            await self._store.let_go(self._mark, self._mark)
        except StoreError as error:
            return str(error)
        except Exception as error:
            log.exception("the task store could not be tried")
            return type(error).__name__
        return ""

    async def _ask_results(self, ask: Callable[[], Awaitable[str]]) -> None:
        self._results = await ask()

    async def _ask_gateways(self) -> None:
        gateways = self._accounts.addresses
        for name in self._gateways.keys() - gateways.keys():
            del self._gateways[name]

        async def ask(name: str, url: str) -> None:
            # No key, and no path that means anything: it costs nothing, and any answer is one.
            answer = None
            with anyio.move_on_after(self._limits.connected_within):
                answer = await self._http.call("GET", url, headers={}, read_timeout=self._limits.connected_within)
            if answer is None:
                self._gateways[name] = f"no answer within {self._limits.connected_within:g} s"
            else:
                self._gateways[name] = answer.reason if isinstance(answer, NotReached) else ""

        async with anyio.create_task_group() as group:
            for name, url in gateways.items():
                group.start_soon(ask, name, url)
