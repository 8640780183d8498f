"""The composition root: the one place where parts meet their implementations."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.prices import estimate, load_prices
from apixo_mcp.catalog.registry import Catalog, OwnPrices
from apixo_mcp.engines.embedded import EmbeddedEngine, SweepLimits
from apixo_mcp.errors import SettingsError, StoreError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.media.input_links import InputLinks
from apixo_mcp.media.inputs import Inputs, url_answers
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.preview.previews import Previews
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.saver import Saver, is_there
from apixo_mcp.net.http import Http
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.settings import Settings
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.accounts import Account, Accounts
from apixo_mcp.tasks.asking.admission import Admission
from apixo_mcp.tasks.asking.delivery import Delivery
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.callbacks import Addresses, Callbacks
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.runner import Runner, StepLimits
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.settlement import Settlement
from apixo_mcp.tasks.store import KEY_SALT, Store
from apixo_mcp.tasks.task import key_fingerprint
from apixo_mcp.telemetry import logs
from apixo_mcp.telemetry.facts import Telemetry

log = logging.getLogger(__name__)


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
    loaded_after: float = 1.0


@dataclass(frozen=True, slots=True)
class Public:
    """Holds what the gateways may reach from outside.

    Attributes:
        prefixes: paths that the routes stand under: none, and that of the public URL.
    """

    prefixes: tuple[str, ...]
    callbacks: Callbacks
    input_links: InputLinks
    telemetry: Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The running program, as the tools and the command line see it.

    Attributes:
        seal: the secret that seals what a client keeps for this server.
    """

    settings: Settings
    limits: Limits
    catalog: Catalog
    store: Store
    service: Service
    settlement: Settlement
    runner: Runner
    changes: Changes
    telemetry: Telemetry
    saver: Saver
    previews: Previews
    roots: Roots
    accounts: Accounts
    budget: Budget
    seal: bytes
    warnings: tuple[str, ...] = ()
    public: Public | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """Lists the warnings: of the variables that are set, then of the files."""
        return (*self.settings.warnings, *self.warnings)

    async def spending(self, owner: str, days: int, within: float) -> dict[str, Any]:
        """Reports what an owner has spent (`usage.report`); the gateways have `within` seconds to tell balances."""
        from apixo_mcp.usage.report import spending

        gateways = {name: account.gateway for name, account in self.accounts.items()}
        return await spending(self.store, gateways, self.budget, owner, days=days, within=within)

    @property
    def key_prints(self) -> tuple[str, ...]:
        """The keys whose tasks this process follows."""
        return self.accounts.key_prints


async def _accounts(settings: Settings, store: Store, http: Http) -> Accounts:
    salt = await store.secret(KEY_SALT)
    accounts = Accounts()
    for name, key in settings.keys.items():
        # Loaded here: a server without keys, and the commands that only read, need no gateway's class.
        gateway: Gateway = GATEWAYS[name].load()(http, key, settings.base_urls[name])
        secret = f"{name} {gateway.base_url} {key.get_secret_value()}"
        accounts.add(Account(gateway, key_fingerprint(secret, salt)))
    return accounts


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    follow: bool = True,
    leave: Callable[[], None] | None = None,
    public: bool = False,
    limits: Limits = Limits(),
) -> AsyncGenerator[App]:
    """Opens the store, the HTTP client and the background, and closes them again: submits under way are finished first.

    Args:
        follow: whether this process follows tasks; off for commands that only read.
        leave: called at the end where tasks are still open, to have another process follow them.
        public: whether this process serves what `APIXO_MCP_PUBLIC_URL` leads to.
        limits: of the parts.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteStore(settings.home / "tasks.sqlite3"))
        http = Http(allow_private_hosts=settings.allow_private_hosts, timeouts=limits.timeouts)
        await stack.enter_async_context(http)
        accounts = await _accounts(settings, store, http)
        seal = await store.secret("request_state")
        catalog, problems = own_catalog(settings)
        for problem in problems:
            log.error("%s", problem)
        warnings = (*store.warnings, *problems)
        try:
            await store.end_lapsed()  # those of other keys too, which no process here follows
        except StoreError:
            log.exception("what lapsed has not been ended; it is tried again")
        telemetry = Telemetry(logs.write)
        changes = Changes(telemetry)
        leases = Leases(store)
        calls = Delivery(store)
        budget = Budget(settings.daily_budget_usd, settings.daily_task_limit, settings.confirm_above_usd)
        saver = Saver(http, settings.download_dir, limits.transfers)
        roots = Roots(settings.roots)
        addresses = served = None
        if public and settings.public_url:
            addresses = Addresses(settings.public_url, await store.secret("public_urls"))
            served = InputLinks(settings.public_url, addresses.secret, settings.home / "served", roots)
        steps = Runner(
            store=store,
            catalog=catalog,
            accounts=accounts,
            saver=saver,
            leases=leases,
            changes=changes,
            budget=budget,
            process=calls.process,
            poll_scale=settings.poll_scale,
            auto_retry=settings.auto_retry,
            callback_url=addresses.of if addresses else None,
            limits=limits.steps,
        )
        engine = EmbeddedEngine(steps, store, leases, accounts, limits.sweep)
        resolver = Settlement(store=store, accounts=accounts, steps=steps, engine=engine, changes=changes)
        service = Service(
            store=store,
            catalog=catalog,
            accounts=accounts,
            inputs=Inputs(
                roots,
                allow_private=settings.allow_private_hosts,
                data_urls=settings.data_urls,
                publish=served.url_of if served else None,
                answers=partial(url_answers, http),
            ),
            till=Admission(store=store, engine=engine, calls=calls, budget=budget, attempts=1 + settings.auto_retry),
            engine=engine,
            calls=calls,
            changes=changes,
            estimate=estimate,
            context=steps.context,
            is_there=is_there,
            told_once=settings.money_warnings,
        )
        face: Public | None = None
        if addresses and served:
            callbacks = Callbacks(addresses, store, engine, accounts, resolver)
            face = Public(tuple({"", urlsplit(settings.public_url).path}), callbacks, served, telemetry)
        stack.push_async_callback(_leave, store, leases.holder, accounts, leave)
        async with anyio.create_task_group() as group:
            if follow:
                group.start_soon(engine.run)
                group.start_soon(calls.keep)
                group.start_soon(calls.keep_wanted)
                group.start_soon(_load_ahead, catalog, limits.loaded_after)
            try:
                yield App(
                    settings=settings,
                    limits=limits,
                    catalog=catalog,
                    store=store,
                    service=service,
                    settlement=resolver,
                    runner=steps,
                    changes=changes,
                    telemetry=telemetry,
                    saver=saver,
                    previews=Previews(),
                    roots=roots,
                    accounts=accounts,
                    budget=budget,
                    seal=seal,
                    warnings=warnings,
                    public=face,
                )
            finally:
                group.cancel_scope.cancel()


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


def own_models(settings: Settings) -> tuple[Model, ...]:
    """The models of the user's own file in the data folder, if there is one."""
    for name in ("models.toml", "models.json"):
        path = settings.home / name
        if path.is_file():
            from apixo_mcp.catalog.custom import load_custom

            return load_custom(path)
    return ()


def own_catalog(settings: Settings) -> tuple[Catalog, tuple[str, ...]]:
    """The models on offer with the user's own and their prices, and what is wrong with the files of those.

    A broken file takes nothing else down; but while that of the prices is broken, no price counts.
    """
    problems: list[str] = []
    models: tuple[Model, ...] = ()
    prices: OwnPrices | None = {}
    try:
        models = own_models(settings)
    except SettingsError as error:
        problems.append(str(error))
    try:
        prices = load_prices(settings.prices) if settings.prices else {}
    except SettingsError as error:
        prices = None
        problems.append(f"{error}. Until it is mended, no price is known.")
    return Catalog(settings.models, models, prices), tuple(problems)
