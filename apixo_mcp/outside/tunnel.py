"""The tunnel: opened when something here must be reached from outside, closed a while after.

    nothing is needed ──address()──► opening: a listener on loopback, the program of the tunnel, its address
            ▲                           │ it does not come, or does not lead here: whoever asked is told why
            │                           ▼
            └── nothing is needed ──  open: whoever asks gets the address
                for a while             │ the program ends, or its address leads here no more
                                        ▼
                                     opened again while something is needed; what was sent keeps the old address

One task of the program's own group does all that (`run`); the program never outlives it (`outside.program`).
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

import anyio

from apixo_mcp.errors import StoreError, Unreachable
from apixo_mcp.net.http import Http
from apixo_mcp.outside.commands import TunnelCommand
from apixo_mcp.outside.limits import TunnelLimits
from apixo_mcp.outside.printed_address import address_refusal, is_tunnel_end, proof_missing
from apixo_mcp.outside.program import Program, held
from apixo_mcp.outside.public import Proof, Public
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FOLLOWED, State, Task

log = logging.getLogger(__name__)

_FIX = "Start it once in a terminal to see whether it works there, correct APIXO_MCP_TUNNEL, or try once more."


class _Opening:
    """One try to open the tunnel, and what came of it for those who wait for that."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.waiting = 0
        self.url = ""
        self.trouble: Unreachable | None = None


class Tunnel:
    """Leads from outside to the routes that are served, while something needs it.

    Args:
        command: opens it.
        http: by which its own address is tried.
        store: tells when a task has ended.
        is_local: whether the gateways are on this machine, so that an address of this machine will do.
    """

    def __init__(
        self,
        command: TunnelCommand,
        http: Http,
        store: Store,
        *,
        is_local: bool,
        limits: TunnelLimits,
    ) -> None:
        self.command = command
        self._public: Public | None = None
        self._http = http
        self._store = store
        self._is_local = is_local
        self._limits = limits
        self._needed: set[str] = set()
        self._url = self._last_url = ""
        self._proved_at = 0.0
        self._proof = Proof()
        self._opening = _Opening()
        self._asked = anyio.Event()
        self._broken = anyio.Event()

    @property
    def url(self) -> str:
        """Its address, empty while it is not open."""
        return self._url

    def lead_to(self, public: Public) -> None:
        """Tells what is served, before anything needs it: that is made of parts which the tunnel is one of."""
        self._public = public

    def check(self) -> None:
        """Sees whether there is the program that opens it.

        Raises:
            Unreachable: there is not.
        """
        self.command.at(0)

    async def address(self, needed_by: str) -> str:
        """Returns the address that leads here, and keeps it so while it is needed. Opens the tunnel where it is closed.

        Args:
            needed_by: a task, which needs it until it ends; or anything else, until it lets go.

        Raises:
            Unreachable: it cannot be had; nothing that needs it must be sent.
        """
        self._needed.add(needed_by)
        if self._url:
            await self.leads_here(self._url)
        if self._url:  # the same, or that of a tunnel which was opened meanwhile
            return self._url
        opening = self._opening
        opening.waiting += 1
        self._asked.set()
        try:
            await opening.over.wait()
            if opening.trouble is not None:
                raise opening.trouble
        except BaseException:
            opening.waiting -= 1
            self.let_go(needed_by)
            raise
        return opening.url

    async def leads_here(self, url: str) -> bool:
        """Tells whether an address that was given is the tunnel's still; one not tried for a while is tried."""
        if url == self._url and time.monotonic() - self._proved_at > self._limits.proved_for:
            await self._prove_again(url)
        return url == self._url

    def let_go(self, needed_by: str) -> None:
        """Notes that something needs it no more."""
        self._needed.discard(needed_by)

    async def run(self) -> None:
        """Opens and closes it, until it is cancelled."""
        try:
            await self._run()
        finally:
            if left := _left(self._needed):
                log.warning("the tunnel is closed with this program; files may not be fetched any more%s", left)

    async def _run(self) -> None:
        tries = 0
        while True:
            await self._until_wanted(tries)
            trouble = await self._open_once()
            self._url = ""
            tries = tries + 1 if trouble is not None and self._last_url else 0
            if trouble is None:
                self._last_url = ""
            else:
                log.warning("the tunnel: %s%s", trouble, _left(self._needed))

    async def _until_wanted(self, tries: int) -> None:
        """Waits until somebody waits for it; after it broke down, also while what was sent needs it, for a pause."""
        pauses = self._limits.opened_again_after
        while not self._opening.waiting:
            self._asked = anyio.Event()
            if not tries or not self._needed:
                self._last_url = ""
                await self._asked.wait()
                continue
            with anyio.move_on_after(pauses[min(tries, len(pauses)) - 1]):
                await self._asked.wait()
                continue
            await self._forget_ended()
            if self._needed:
                return

    async def _open_once(self) -> Unreachable | None:
        """Opens it, and returns once nothing needs it; or why it is not open, or open no more."""
        # Loaded here: a server over stdio needs no web server before something must be reached.
        from apixo_mcp.net.uvicorn_server import listen, listening
        from apixo_mcp.outside.routes import public_app

        self._proof, self._broken = Proof(), anyio.Event()
        trouble: Unreachable | None = None
        is_open = False
        try:
            listener = listen("127.0.0.1", 0)
            port = int(listener.getsockname()[1])
            async with (
                listening(public_app(self._served(), self._proof), listener),
                held(self.command, port) as program,
            ):
                trouble = await self._led_here(program, port)
                if is_open := trouble is None:
                    self._tell_opened()
                    self._conclude(url=self._url)
                    trouble = await self._while_needed(program)
        except* Unreachable as errors:
            trouble = cast("Unreachable", _first(errors))
        except* OSError as errors:
            trouble = self._trouble(f"could not be started ({_first(errors)})")
        except* Exception:
            log.exception("the tunnel broke")
            trouble = self._trouble("could not be had for a fault of this server's own, which its log tells")
        if not is_open:
            self._conclude(trouble=trouble)
        return trouble

    def _served(self) -> Public:
        assert self._public is not None, "the tunnel leads to nothing yet"
        return self._public

    def _conclude(self, *, url: str = "", trouble: Unreachable | None = None) -> None:
        """Tells those who wait what came of it."""
        opening, self._opening = self._opening, _Opening()
        opening.url, opening.trouble = url, trouble
        opening.over.set()

    def _tell_opened(self) -> None:
        before, self._last_url = self._last_url, self._url
        if before and before != self._url:
            kept = f"What was sent before keeps the old address, and cannot be fetched any more{_left(self._needed)}"
            log.warning("the tunnel was opened again and has another address. %s", kept)
        else:
            log.info("the tunnel is open")

    async def _led_here(self, program: Program, port: int) -> Unreachable | None:
        """Waits until an address of the program leads here; returns why none does."""
        limits, why = self._limits, dict[str, str]()
        with anyio.move_on_after(limits.opens_within):
            with anyio.move_on_after(limits.quiet_for):
                while not program.ended.is_set() and not (program.addresses and program.is_ready):
                    await program.heard.wait()
            while not program.ended.is_set():
                for url in program.addresses:
                    why[url] = await self._why_not(url, port, is_meant=url in program.told_alone)
                    if not why[url]:
                        self._url, self._proved_at = url, time.monotonic()
                        return None
                with anyio.move_on_after(limits.tried_every):
                    await (program.ended.wait() if program.addresses else program.heard.wait())
        if program.ended.is_set():
            return self._ended(program, "before it gave an address that leads here")
        if why:
            url = next((url for url in why if not is_tunnel_end(url, port)), "")
            if not url:
                return self._trouble(f"gave no address within {limits.opens_within:g} s but the one that it leads to")
            reason = why[url]
            return self._trouble(f"gave the address {url}, which does not lead to this server ({reason})")
        said = f"; the last that it printed: {program.last_words}" if program.last_words else ""
        return self._trouble(f"gave no address within {limits.opens_within:g} s{said}")

    async def _why_not(self, url: str, port: int, *, is_meant: bool) -> str:
        reason = address_refusal(url, port, is_local=self._is_local, is_meant=is_meant)
        return reason or await proof_missing(self._http, url, self._proof)

    async def _prove_again(self, url: str) -> None:
        """Sees whether an address still leads here; where it does not, the tunnel is opened again."""
        why = await proof_missing(self._http, url, self._proof)
        if not why:
            self._proved_at = time.monotonic()
        elif url == self._url:
            self._url = ""
            self._broken.set()

    async def _while_needed(self, program: Program) -> Unreachable | None:
        """Returns once nothing has needed it for a while, or why it is open no more."""
        url, idle_since = self._url, 0.0
        while True:  # an address is given to nobody any more before it ends
            with anyio.move_on_after(self._limits.looked_after_every):
                async with anyio.create_task_group() as group:
                    group.start_soon(_then_cancel, program.ended, group.cancel_scope)
                    group.start_soon(_then_cancel, self._broken, group.cancel_scope)
            if program.ended.is_set():
                self._url = ""
                return self._ended(program, "while it was needed")
            if self._broken.is_set():
                return self._trouble(f"leads here no more: {url} does not answer")
            await self._forget_ended()
            now = time.monotonic()
            if self._needed:
                idle_since = 0.0
            elif not idle_since:
                idle_since = now
            elif now - idle_since >= self._limits.lingers:
                self._url = ""
                log.info("the tunnel is closed: nothing needs it")
                return None

    async def _forget_ended(self) -> None:
        with suppress(StoreError):
            for name in tuple(self._needed):
                task = await self._store.get(name) if name.startswith("tsk_") else None
                if name.startswith("tsk_") and not _needs(task, self._limits.unknown_for):
                    self._needed.discard(name)

    def _ended(self, program: Program, when: str) -> Unreachable:
        said = f"; the last that it printed: {program.last_words}" if program.last_words else ""
        return self._trouble(f"ended by itself (exit code {program.exit_code}) {when}{said}")

    def _trouble(self, what: str) -> Unreachable:
        return Unreachable(f"{self.command.name}, which APIXO_MCP_TUNNEL names, {what}", _FIX)


def _needs(task: Task | None, unknown_for: float) -> bool:
    """Tells whether a gateway may still fetch what a task needs."""
    if task is None:
        return False
    if task.state is State.UNKNOWN:
        return time.time() < (task.sent_at or task.created_at) + unknown_for
    return task.state is State.SUBMITTING or (task.state in FOLLOWED and task.due is not None)


def _left(needed: set[str]) -> str:
    tasks: Sequence[str] = sorted(name for name in needed if name.startswith("tsk_"))
    return f": {', '.join(tasks)}" if tasks else ""


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Exception)
    return found


async def _then_cancel(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
