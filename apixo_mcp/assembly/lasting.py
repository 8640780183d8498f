"""Adds what a process has that runs for long. Its modules are imported here alone: a host's own server needs none."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from apixo_mcp.assembly.parts import Parts
from apixo_mcp.errors import StoreError
from apixo_mcp.outside.set_up import INPUT_SECRET, SERVED
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.service import INDEXED_AT_ONCE
from apixo_mcp.telemetry.facts import Telemetry

if TYPE_CHECKING:
    from apixo_mcp.health import Health
    from apixo_mcp.media.preview.thumbnails import SharedThumbnails
    from apixo_mcp.retention import FileRemoval, InputTokens, Retention

log = logging.getLogger(__name__)

_FLUSHED_WITHIN = 1.5  # seconds
_BETWEEN_PROMPTS, _MORE_PROMPTS_AFTER = 0.2, 10.0  # seconds


def health_of(parts: Parts, engine: Engine) -> "Health":
    """Returns what tells whether this process can do its work."""
    # Imported here: a server that a host starts for itself is not asked.
    from apixo_mcp.health import Health, HealthLimits

    trouble_with_results = None
    if parts.space is not None:
        from apixo_mcp.assembly.bucket import bucket_trouble

        trouble_with_results = partial(bucket_trouble, parts.space)
    return Health(
        store=parts.store,
        engine=engine,
        accounts=parts.accounts,
        http=parts.http,
        holder=parts.leases.holder,
        trouble_with_results=trouble_with_results,
        limits=parts.limits.health or HealthLimits(),
    )


async def retention_of(parts: Parts, days: int) -> "Retention":
    """Returns what deletes saved results that are older than so many days."""
    from apixo_mcp.retention import Retention

    return Retention(parts.store, await removal_of(parts), days)


async def removal_of(parts: Parts) -> "FileRemoval":
    """Returns what deletes the saved results of a task."""
    from apixo_mcp.media.preview.thumbnails import folder_of_thumbnails, forget_thumbnails
    from apixo_mcp.retention import FileRemoval

    return FileRemoval(
        store=parts.store,
        changes=parts.changes,
        files=parts.files,
        tokens=await _tokens_of(parts),
        forget_thumbnails=partial(
            forget_thumbnails, folder_of_thumbnails(parts.settings.home), shared_thumbnails(parts)
        ),
        telemetry=parts.telemetry,
    )


def shared_thumbnails(parts: Parts) -> "SharedThumbnails | None":
    """Returns what has the small pictures of other machines, where they share a bucket."""
    if parts.space is None:
        return None
    from apixo_mcp.media.bucket.thumbnails import BucketThumbnails

    return BucketThumbnails(parts.space)


async def _tokens_of(parts: Parts) -> "InputTokens":
    from apixo_mcp.media.inputs.input_links import InputLinks

    # The tokens are the same whatever the address is by which a file is reached.
    secret, folder = await parts.store.secret(INPUT_SECRET), parts.settings.home / SERVED
    return InputLinks("", secret, folder, parts.roots)


async def keep_searchable(store: Store) -> None:
    """Makes prompts quick to search as they come, and those of a large store that was not searched so far."""
    while True:
        left = 0
        try:
            left = await store.index_some(INDEXED_AT_ONCE)
        except StoreError:
            log.exception("prompts are not made quick to search; it is tried again")
        await anyio.sleep(_BETWEEN_PROMPTS if left else _MORE_PROMPTS_AFTER)


@asynccontextmanager
async def traced(telemetry: Telemetry) -> AsyncGenerator[None]:
    """Exports spans meanwhile, where what that takes is installed."""
    try:
        # Imported here: an extra brings it, and it takes its time.
        from apixo_mcp.telemetry.tracing import Tracing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        from apixo_mcp.installation import adding  # loaded where something is missing alone

        log.warning("OTEL_* asks for traces, which take the extra `server`: it is not installed. %s", adding("server"))
        yield
        return
    tracing = Tracing()
    telemetry.subscribe(tracing)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_FLUSHED_WITHIN):
            await anyio.to_thread.run_sync(tracing.flush, abandon_on_cancel=True)
