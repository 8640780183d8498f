"""The composition root: the one place where parts meet their implementations."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from pydantic import SecretStr

from apixo_mcp.catalog.own import own_catalog
from apixo_mcp.catalog.prices import estimate
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.engines.embedded import EmbeddedEngine, SweepLimits
from apixo_mcp.errors import StoreError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.media.inputs import Inputs, url_answers
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.preview.previews import Previews
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.saver import Saver
from apixo_mcp.media.uploads import UPLOADS_FOLDER, UploadLimits, Uploads
from apixo_mcp.media.ways import Way
from apixo_mcp.net.http import Http
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.outside.limits import TunnelLimits
from apixo_mcp.outside.public import UNKNOWN_FOR, Public
from apixo_mcp.outside.set_up import INPUT_SECRET, SERVED, Outside, outside_of
from apixo_mcp.owners.audited import AuditedOwners
from apixo_mcp.owners.key_sources import KeyMissing, read_key
from apixo_mcp.owners.own_keys import KeyRing, OwnKeys
from apixo_mcp.owners.store import OwnerStore, SignInStore
from apixo_mcp.settings import Settings, value_of
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.accounts import Account, Accounts, NoKey
from apixo_mcp.tasks.asking.admission import Admission
from apixo_mcp.tasks.asking.delivery import Delivery
from apixo_mcp.tasks.asking.drafts import Drafts
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.callbacks import Callbacks
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.engine import Engine
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.parts import StepLimits, StepParts
from apixo_mcp.tasks.running.reach import Reach
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.running.throttle import Throttle
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.settlement import Settlement
from apixo_mcp.tasks.store import KEY_SALT, Sending, Store
from apixo_mcp.tasks.task import key_fingerprint
from apixo_mcp.tasks.transitions.context import Contexts
from apixo_mcp.telemetry import logs
from apixo_mcp.telemetry.facts import Telemetry

if TYPE_CHECKING:
    from apixo_mcp.health import Health, HealthLimits
    from apixo_mcp.outside.tunnel import Tunnel

log = logging.getLogger(__name__)

_FLUSHED_WITHIN = 1.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits and time-outs of the parts.

    Attributes:
        loaded_after: seconds after the start until the catalog is built.
    """

    timeouts: Timeouts = Timeouts()
    transfers: TransferLimits = TransferLimits()
    steps: StepLimits = StepLimits()
    sweep: SweepLimits = SweepLimits()
    tunnel: TunnelLimits = TunnelLimits()
    health: "HealthLimits | None" = None
    uploads: UploadLimits = UploadLimits()
    loaded_after: float = 1.0


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The parts that the others are built of."""

    settings: Settings
    limits: Limits
    store: Store
    owners: OwnerStore
    sign_ins: SignInStore
    http: Http
    accounts: Accounts
    payers: OwnKeys
    catalog: Catalog
    warnings: tuple[str, ...]
    telemetry: Telemetry
    changes: Changes
    contexts: Contexts
    leases: Leases
    delivery: Delivery
    budget: Budget
    files: ResultFiles
    saver: Saver
    roots: Roots


@dataclass(frozen=True, kw_only=True)
class App(_Parts):
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

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Lists the warnings: of the variables that are set, then of the files."""
        return (*self.settings.warnings, *self.warnings)

    async def spending(self, owner: Owner, days: int, within: float) -> dict[str, Any]:
        """Reports what an owner has spent (`usage.report`); the gateways have `within` seconds to tell balances."""
        from apixo_mcp.usage.report import spending

        paying = {name: await self.payers.account(owner, name) for name in GATEWAYS}
        gateways = {name: account.gateway for name, account in paying.items() if isinstance(account, Account)}
        limits = await self.store.limits(owner, self.budget)
        report = await spending(self.store, gateways, limits, owner, days=days, within=within)
        without = {name: {"note": account.why} for name, account in paying.items() if isinstance(account, NoKey)}
        return {**report, "balances": {**report["balances"], **without}}

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
    leave: Callable[[], None] | None = None,
    public: bool = False,
    lasting: bool = False,
    limits: Limits = Limits(),
) -> AsyncGenerator[App]:
    """Opens the store, the HTTP client and the background, and closes them again: submits under way are finished first.

    Args:
        settings: of this process.
        follow: whether this process follows tasks; off for commands that only read.
        leave: called at the end where tasks are still open, to have another process follow them.
        public: whether this process serves what `APIXO_MCP_PUBLIC_URL` leads to.
        lasting: whether it runs for long: then it tells how it is, and sees to how long results are kept.
        limits: of the parts.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteStore(settings.home / "tasks.sqlite3"))
        http = Http(allow_private_hosts=settings.allow_private_hosts, timeouts=limits.timeouts)
        await stack.enter_async_context(http)
        parts = await _parts(settings, limits, store, http)
        if settings.is_traced:
            await stack.enter_async_context(_traced(parts.telemetry))
        await _end_lapsed(store)
        outside = await outside_of(settings, store, http, parts.roots, limits.tunnel, public=public)
        runner = _runner(parts, outside.reach)
        engine = EmbeddedEngine(runner, store, parts.leases, parts.accounts, limits.sweep)
        settlement = Settlement(
            store=store,
            accounts=parts.accounts,
            payers=parts.payers,
            contexts=parts.contexts,
            engine=engine,
            changes=parts.changes,
        )
        uploads = _uploads(parts, outside)
        drafts = _drafts(parts, outside, uploads)
        served = _served(parts, engine, settlement, outside, limits.tunnel.lingers)
        app = App(
            **vars(parts),
            engine=engine,
            health=_health(parts, engine) if lasting else None,
            runner=runner,
            settlement=settlement,
            service=_service(parts, engine),
            drafts=drafts,
            admission=_admission(parts, engine, drafts),
            previews=Previews(parts.files),
            seal=await store.secret("request_state"),
            way=outside.way,
            public=served if outside.tunnel is None else None,
            tunnel=outside.tunnel,
            uploads=uploads,
        )
        stack.push_async_callback(_leave, store, parts.leases.holder, parts.accounts, leave)
        async with anyio.create_task_group() as background:
            if follow:
                background.start_soon(engine.run)
                background.start_soon(parts.payers.run)
                background.start_soon(parts.delivery.keep)
                background.start_soon(parts.delivery.keep_wanted)
                background.start_soon(_load_ahead, parts.catalog, limits.loaded_after)
            if public:
                background.start_soon(uploads.keep_clear)
            if app.health is not None:
                background.start_soon(app.health.run)
            if lasting and settings.keep_days is not None:
                await _begin_retention(parts, settings.keep_days, background)
            if outside.tunnel is not None and served is not None:
                outside.tunnel.lead_to(served)
                background.start_soon(outside.tunnel.run)
            try:
                yield app
            finally:
                background.cancel_scope.cancel()


async def _parts(settings: Settings, limits: Limits, store: SqliteStore, http: Http) -> _Parts:
    catalog, problems = own_catalog(settings)
    for problem in problems:
        log.error("%s", problem)
    telemetry, files = Telemetry(logs.write), LocalFiles(settings.download_dir)
    accounts, payers = await _accounts(settings, store, http)
    return _Parts(
        settings=settings,
        limits=limits,
        store=store,
        owners=AuditedOwners(store.owners, telemetry),
        sign_ins=store.sign_ins,
        http=http,
        accounts=accounts,
        payers=payers,
        catalog=catalog,
        warnings=(*store.warnings, *problems),
        telemetry=telemetry,
        changes=Changes(store, telemetry),
        contexts=Contexts(catalog, settings.poll_scale, settings.auto_retry, limits.steps.save_again_after),
        leases=Leases(store),
        delivery=Delivery(store),
        budget=_budget_of_all(settings),
        files=files,
        saver=Saver(http, files, limits.transfers),
        roots=Roots(settings.roots),
    )


def _budget_of_all(settings: Settings) -> Budget:
    """Returns the limits that hold for all owners together."""
    return Budget(
        settings.daily_budget_usd,
        settings.daily_task_limit,
        settings.confirm_above_usd,
        settings.monthly_budget_usd,
    )


async def _accounts(settings: Settings, store: SqliteStore, http: Http) -> tuple[Accounts, OwnKeys]:
    """Returns the accounts of the server's keys, and those of owners that are known by now."""
    salt = await store.secret(KEY_SALT)

    def print_of(name: str, key: str) -> str:
        return key_fingerprint(f"{name} {settings.base_urls[name]} {key}", salt)

    def account_of(name: str, key: str, called: str = "") -> Account:
        # Loaded here: a server without keys, and the commands that only read, need no gateway's class.
        from apixo_mcp.gateways.client import Client

        gateway: Gateway = GATEWAYS[name].load()(http, SecretStr(key), settings.base_urls[name])
        if called and isinstance(gateway, Client):
            gateway.name_key(called)
        return Account(gateway, print_of(name, key))

    accounts = Accounts()
    for name, key in settings.keys.items():
        accounts.add(account_of(name, key.get_secret_value()))
    ring = KeyRing(value_of=value_of, print_of=print_of, account_of=account_of)
    payers = OwnKeys(store.owners, store, accounts, ring)
    await payers.sweep()
    return accounts, payers


def _served(
    parts: _Parts, engine: EmbeddedEngine, settlement: Settlement, outside: Outside, lingers: float
) -> Public | None:
    if outside.addresses is None or outside.links is None:
        return None
    callbacks = Callbacks(outside.addresses, parts.store, engine, parts.accounts, parts.contexts, settlement)
    return Public(callbacks, outside.links, parts.store, parts.telemetry, lingers)


def _runner(parts: _Parts, reach: Reach) -> Runner:
    step_parts = StepParts(
        store=parts.store,
        changes=parts.changes,
        accounts=parts.accounts,
        contexts=parts.contexts,
        terms=Sending(budget=parts.budget, process=parts.delivery.process),
        throttle=Throttle(parts.limits.steps.throttle),
        telemetry=parts.telemetry,
        limits=parts.limits.steps,
    )
    return Runner(step_parts, leases=parts.leases, saver=parts.saver, reach=reach)


def _uploads(parts: _Parts, outside: Outside) -> Uploads:
    async def is_needed(path: Path) -> bool:
        links = outside.links
        try:
            token = await anyio.to_thread.run_sync(links.token_of, path) if links else ""
            return bool(token) and await parts.store.needs_input(token, parts.limits.tunnel.lingers, UNKNOWN_FOR)
        except OSError:
            return False
        except StoreError:
            return True  # a paid task may need it

    return Uploads(parts.settings.home / UPLOADS_FOLDER, is_needed, parts.limits.uploads)


def _drafts(parts: _Parts, outside: Outside, uploads: Uploads) -> Drafts:
    inputs = Inputs(
        parts.roots,
        allow_private=parts.settings.allow_private_hosts,
        data_urls=parts.settings.data_urls,
        publish=outside.publish,
        answers=partial(url_answers, parts.http),
        way=outside.way,
    )
    return Drafts(
        store=parts.store,
        catalog=parts.catalog,
        payers=parts.payers,
        inputs=inputs,
        estimate=estimate,
        find_upload=uploads.find,
        told_once=parts.settings.money_warnings,
    )


def _health(parts: _Parts, engine: EmbeddedEngine) -> "Health":
    # Imported here: a server that a host starts for itself is not asked.
    from apixo_mcp.health import Health, HealthLimits

    return Health(
        store=parts.store,
        engine=engine,
        accounts=parts.accounts,
        http=parts.http,
        holder=parts.leases.holder,
        limits=parts.limits.health or HealthLimits(),
    )


@asynccontextmanager
async def _traced(telemetry: Telemetry) -> AsyncGenerator[None]:
    """Exports spans meanwhile, where what that takes is installed."""
    try:
        # Imported here: an extra brings it, and it takes its time.
        from apixo_mcp.telemetry.tracing import Tracing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        log.warning("OTEL_* asks for traces, and what that takes is not installed: pip install 'apixo-mcp[server]'")
        yield
        return
    tracing = Tracing()
    telemetry.subscribe(tracing)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_FLUSHED_WITHIN):
            await anyio.to_thread.run_sync(tracing.flush, abandon_on_cancel=True)


async def _begin_retention(parts: _Parts, days: int, background: TaskGroup) -> None:
    from apixo_mcp.media.input_links import InputLinks
    from apixo_mcp.retention import Retention

    # The tokens are the same whatever the address is by which a file is reached.
    secret, folder = await parts.store.secret(INPUT_SECRET), parts.settings.home / SERVED
    retention = Retention(
        store=parts.store,
        changes=parts.changes,
        files=parts.files,
        tokens=InputLinks("", secret, folder, parts.roots),
        telemetry=parts.telemetry,
        days=days,
    )
    background.start_soon(retention.run)


def _service(parts: _Parts, engine: EmbeddedEngine) -> Service:
    return Service(
        store=parts.store,
        engine=engine,
        changes=parts.changes,
        contexts=parts.contexts,
        is_there=parts.saver.is_there,
    )


def _admission(parts: _Parts, engine: EmbeddedEngine, drafts: Drafts) -> Admission:
    return Admission(
        drafts=drafts,
        store=parts.store,
        engine=engine,
        delivery=parts.delivery,
        budget=parts.budget,
        attempts=1 + parts.settings.auto_retry,
        telemetry=parts.telemetry,
    )


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


async def _load_ahead(catalog: Catalog, seconds: float) -> None:
    """Builds the catalog once the start is over, so that the first call need not wait for it."""
    await anyio.sleep(seconds)
    await anyio.to_thread.run_sync(catalog.load)
    for warning in (*catalog.warnings, *catalog.price_warnings):
        log.warning("%s", warning)
