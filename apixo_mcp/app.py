"""The running program: the parts that `assembly` puts together, opened and closed again."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from apixo_mcp.assembly.asking import admission_of, drafts_of, uploads_of
from apixo_mcp.assembly.following import Background, engine_of, public_of, runner_of, service_of, settlement_of
from apixo_mcp.assembly.lasting import health_of, keep_searchable, retention_of, traced
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.assembly.parts import Parts, put_together
from apixo_mcp.assembly.stores import store_of
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.media.inputs.uploads import Uploads
from apixo_mcp.media.inputs.ways import Way
from apixo_mcp.media.preview.previews import Previews
from apixo_mcp.net.http import Http
from apixo_mcp.outside.public import Public
from apixo_mcp.outside.set_up import Outside, outside_of
from apixo_mcp.owners.key_sources import KeyMissing, read_key
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.accounts import Account, Accounts, NoKey
from apixo_mcp.tasks.asking.admission import Admission
from apixo_mcp.tasks.asking.drafts import Drafts
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.settlement import Settlement
from apixo_mcp.usage.meter import Meter
from apixo_mcp.variables.environment import value_of

if TYPE_CHECKING:
    from apixo_mcp.health import Health
    from apixo_mcp.outside.tunnel import Tunnel
    from apixo_mcp.tasks.ports.reports import BalanceLoss

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class App(Parts):
    """The running program, as the tools and the command line see it.

    Attributes:
        budget: of all owners together.
        engine: follows the tasks.
        health: tells whether this process can do its work, where it runs for long.
        seal: the secret that seals what a client keeps for this server.
        way: the one that local input files take.
        public: what is reached by the public URL, where there is one.
        tunnel: opened when something must be reached from outside, where one is set.
        uploads: what owners brought to be used as inputs.
        meter: measures what is spent by what balances lose.
    """

    engine: Engine
    health: "Health | None"
    runner: Runner
    settlement: Settlement
    service: Service
    drafts: Drafts
    admission: Admission
    previews: Previews
    seal: bytes
    way: Way
    public: Public | None
    tunnel: "Tunnel | None"
    uploads: Uploads
    meter: Meter

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Lists the warnings: of the variables that are set, then of the files."""
        return (*self.settings.warnings, *self.warnings)

    async def spending(self, owner: Owner | None, days: int, within: float) -> dict[str, Any]:
        """Reports what an owner has spent (`usage.report`), or all together with the balances of the server's keys.

        The gateways have `within` seconds to tell balances.
        """
        from apixo_mcp.usage.report import spending

        paying = await self._paying(owner)
        accounts = {name: account for name, account in paying.items() if isinstance(account, Account)}
        limits = await self.store.limits(owner, self.budget)
        report = await spending(self.store, self.meter, accounts, limits, owner, days=days, within=within)
        without = {name: {"note": account.why} for name, account in paying.items() if isinstance(account, NoKey)}
        return {**report, "balances": {**report["balances"], **without}}

    async def measured(self, owner: Owner | None, days: int, within: float) -> "Sequence[BalanceLoss]":
        """Tells what balances lost that are an owner's alone (`usage.report`), or all that are known of; asks first."""
        from apixo_mcp.usage.report import asked_balances, measured_spending

        paying = await self._paying(owner)
        accounts = {name: account for name, account in paying.items() if isinstance(account, Account)}
        await asked_balances(self.meter, accounts, owner, within)
        return await measured_spending(self.store, self.meter, accounts, owner, days)

    async def _paying(self, owner: Owner | None) -> Mapping[str, Account | NoKey | None]:
        return {name: await self.payers.account(owner or LOCAL, name) for name in GATEWAYS}

    def key_problems(self, owner: Owner) -> Mapping[str, str]:
        """Returns why the keys of an owner that this process cannot read are missing, by their gateways' names."""
        keys = {gateway: read_key(source, value_of) for gateway, source in owner.keys.items()}
        return {gateway: key.why for gateway, key in keys.items() if isinstance(key, KeyMissing)}

    @property
    def key_prints(self) -> tuple[str, ...]:
        """The keys whose tasks this process follows."""
        return self.accounts.key_prints


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    follow: bool = True,
    worker: bool = False,
    leave: Callable[[], None] | None = None,
    public: bool = False,
    lasting: bool = False,
    owners: bool = True,
    limits: Limits = Limits(),
) -> AsyncGenerator[App]:
    """Opens the store, the HTTP client and the background, and closes them again: submits under way are finished first.

    Args:
        settings: of this process.
        follow: whether this process sends and follows tasks; off for commands that only read. With a database it sends
            what it is asked for, and workers follow.
        worker: whether it is one of those workers.
        leave: called at the end where tasks are still open, to have another process follow them.
        public: whether this process serves what `APIXO_MCP_PUBLIC_URL` leads to.
        lasting: whether it runs for long: then it tells how it is, and sees to how long results are kept.
        owners: whether tasks are followed that owners pay with keys of their own. Whoever serves one person alone need
            not ask the store again and again for such keys.
        limits: of the parts.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(store_of(settings))
        http = Http(allow_private_hosts=settings.allow_private_hosts, timeouts=limits.timeouts)
        await stack.enter_async_context(http)
        parts = await put_together(settings, limits, store, http)
        if follow and parts.space is not None:
            from apixo_mcp.assembly.bucket import try_out

            await try_out(parts.space)
        if owners:
            await parts.payers.sweep()
        if settings.is_traced:
            await stack.enter_async_context(traced(parts.telemetry))
        await _end_lapsed(store)
        outside = await outside_of(settings, store, http, parts.roots, limits.tunnel, public=public, space=parts.space)
        app, beside = await _app(parts, outside, lasting=lasting, worker=worker)
        stack.push_async_callback(_leave, store, parts.leases.holder, parts.accounts, leave)
        async with anyio.create_task_group() as background:
            if follow:
                _follow(app, background)
                for run in beside:
                    background.start_soon(run)
            if follow and owners:
                background.start_soon(app.payers.run)
            if public:
                background.start_soon(app.uploads.keep_clear)
            if app.health is not None:
                background.start_soon(app.health.run)
            if lasting:
                background.start_soon(keep_searchable, store)
            if lasting and settings.keep_days is not None:
                background.start_soon((await retention_of(parts, settings.keep_days)).run)
            if app.tunnel is not None:
                background.start_soon(app.tunnel.run)
            try:
                yield app
            finally:
                background.cancel_scope.cancel()


async def _app(parts: Parts, outside: Outside, *, lasting: bool, worker: bool) -> tuple[App, Sequence[Background]]:
    runner = runner_of(parts, outside.reach)
    engine, beside = engine_of(parts, runner, worker=worker, lasting=lasting)
    settlement = settlement_of(parts, engine)
    uploads = uploads_of(parts, outside)
    drafts = drafts_of(parts, outside, uploads)
    served = public_of(parts, engine, settlement, outside)
    if outside.tunnel is not None and served is not None:
        outside.tunnel.lead_to(served)
    app = App(
        **vars(parts),
        engine=engine,
        health=health_of(parts, engine) if lasting else None,
        runner=runner,
        settlement=settlement,
        service=service_of(parts, engine),
        drafts=drafts,
        admission=admission_of(parts, engine, drafts),
        previews=Previews(parts.files, parts.reading),
        seal=await parts.store.secret("request_state"),
        way=outside.way,
        public=served if outside.tunnel is None else None,
        tunnel=outside.tunnel,
        uploads=uploads,
        meter=Meter(parts.accounts, parts.store.reports, parts.limits.metered_after),
    )
    return app, beside


def _follow(app: App, background: TaskGroup) -> None:
    background.start_soon(app.engine.run)
    background.start_soon(app.delivery.keep)
    background.start_soon(app.delivery.keep_wanted)
    app.changes.listen(app.meter.hear)
    background.start_soon(app.meter.run)
    background.start_soon(_load_ahead, app.catalog, app.accounts, app.limits.loaded_after)


async def _end_lapsed(store: Store) -> None:
    try:
        await store.end_lapsed()  # those of other keys too, which no process here follows
    except StoreError:
        log.exception("what lapsed has not been ended; it is tried again")


async def _leave(store: Store, holder: str, accounts: Accounts, leave: Callable[[], None] | None) -> None:
    """Gives the leases back, and has somebody else follow what is still open."""
    with anyio.CancelScope(shield=True):
        try:
            await store.release(holder)
            is_open = await store.open_count(accounts.key_prints) > 0
        except StoreError:
            log.exception("leases were not released; they run out by themselves")
            is_open = True  # as far as is known: a follower leaves by itself where nothing is
        if leave is not None and is_open:
            leave()


async def _load_ahead(catalog: Catalog, accounts: Accounts, seconds: float) -> None:
    """Builds the catalog and the gateways once the start is over, so that the first call need not wait for them."""
    await anyio.sleep(seconds)
    await anyio.to_thread.run_sync(accounts.load)
    await anyio.to_thread.run_sync(catalog.load)
    for warning in (*catalog.warnings, *catalog.price_warnings):
        log.warning("%s", warning)
