"""Builds the parts that the others are built of."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apixo_mcp.assembly.accounts import accounts_of
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.catalog.own import own_catalog
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.media.folder_threads import FolderThreads, reading_threads
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.saver import Saver
from apixo_mcp.net.http import Http
from apixo_mcp.owners.audited import AuditedOwners
from apixo_mcp.owners.own_keys import OwnKeys
from apixo_mcp.owners.store import OwnerStore, SignInStore
from apixo_mcp.settings import Settings
from apixo_mcp.stores.store import TaskStore
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.asking.delivery import Delivery
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.learning.memory import Memory
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.watch import Watch
from apixo_mcp.tasks.transitions.context import Contexts
from apixo_mcp.telemetry import logs
from apixo_mcp.telemetry.facts import Telemetry

if TYPE_CHECKING:
    from apixo_mcp.media.bucket.space import BucketSpace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts that the others are built of.

    Attributes:
        reading: the threads in which the files of results are read.
        space: the part of a bucket that is shared by machines, where there is one.
    """

    settings: Settings
    limits: Limits
    store: Store
    store_told: str
    owners: OwnerStore
    sign_ins: SignInStore
    http: Http
    accounts: Accounts
    payers: OwnKeys
    catalog: Catalog
    warnings: tuple[str, ...]
    telemetry: Telemetry
    changes: Changes
    watch: Watch
    contexts: Contexts
    leases: Leases
    delivery: Delivery
    budget: Budget
    files: ResultFiles
    reading: FolderThreads
    space: "BucketSpace | None"
    saver: Saver
    roots: Roots


async def put_together(settings: Settings, limits: Limits, store: TaskStore, http: Http) -> Parts:
    """Builds the parts that need no others of this room."""
    catalog, problems = own_catalog(settings)
    for problem in problems:
        log.error("%s", problem)
    telemetry, space = Telemetry(logs.write), _space_of(settings)
    files = _files_of(settings, space)
    accounts, payers = await accounts_of(settings, store, http)
    roots, reading = Roots(settings.roots), reading_threads(files)
    changes, watch = Changes(store, telemetry), Watch(store, catalog, telemetry)
    changes.listen(watch.changed)
    return Parts(
        settings=settings,
        limits=limits,
        store=store,
        store_told=store.told,
        owners=AuditedOwners(store.owners, telemetry),
        sign_ins=store.sign_ins,
        http=http,
        accounts=accounts,
        payers=payers,
        catalog=catalog,
        warnings=(*store.warnings, *problems),
        telemetry=telemetry,
        changes=changes,
        watch=watch,
        contexts=Contexts(
            catalog, settings.poll_scale, settings.auto_retry, limits.steps.save_again_after, Memory(store)
        ),
        leases=Leases(store),
        delivery=Delivery(store),
        budget=_budget_of_all(settings),
        files=files,
        reading=reading,
        space=space,
        saver=Saver(http, files, limits.transfers, roots=roots, reading=reading, embeds=settings.embed),
        roots=roots,
    )


def _space_of(settings: Settings) -> "BucketSpace | None":
    if not settings.results:
        return None
    # Imported here: an extra brings what it takes.
    from apixo_mcp.assembly.bucket import space_of

    return space_of(settings)


def _files_of(settings: Settings, space: "BucketSpace | None") -> ResultFiles:
    folder = LocalFiles(settings.download_dir)
    if space is None:
        return folder
    from apixo_mcp.assembly.bucket import files_in

    return files_in(space, settings, folder)


def _budget_of_all(settings: Settings) -> Budget:
    """Returns the limits that hold for all owners together."""
    return Budget(
        settings.daily_budget_usd,
        settings.daily_task_limit,
        settings.confirm_above_usd,
        settings.monthly_budget_usd,
    )
