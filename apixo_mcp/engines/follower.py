"""The follower: a process that goes on with open tasks after the last server on a data folder has gone."""

import logging
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.ports.leases import LEASE_LASTS, RENEWED_EVERY
from apixo_mcp.tasks.ports.store import Store

log = logging.getLogger(__name__)

FOLLOWER_LEASE = "follower"
STAYS_AT_MOST = 3600.0


async def follow_until_idle(
    store: Store,
    key_prints: Iterable[str],
    *,
    at_most: float = STAYS_AT_MOST,
) -> bool:
    """Stays while the engine beside it has open tasks, for at most an hour.

    Args:
        store: whose tasks are followed.
        key_prints: of the keys that this process holds; tasks of others are none of its business.
        at_most: seconds after which it leaves in any case.

    Returns:
        False where the data folder has a follower already.
    """
    keys = tuple(key_prints)
    holder = uuid.uuid4().hex
    if not keys or not await _taken(store, holder):
        return False
    # Not the wall clock: an hour of a laptop's sleep is no hour of following.
    end = anyio.current_time() + at_most
    try:
        while anyio.current_time() < end:
            try:
                if not await store.open_count(keys):
                    break
                if not await store.hold(FOLLOWER_LEASE, holder, LEASE_LASTS):
                    log.info("another follower took over")  # this one slept through its lease
                    return False
            except StoreError:
                log.exception("the task store does not answer; it is tried again")
            await anyio.sleep(RENEWED_EVERY)
    finally:
        with anyio.CancelScope(shield=True), suppress(StoreError):
            await store.let_go(FOLLOWER_LEASE, holder)
    return True


async def follow_always(store: Store, began: Callable[[], None]) -> None:
    """Stays until it is cancelled. While it does, no other follower is needed, and those that begin leave.

    Args:
        store: whose tasks are followed.
        began: called once it has begun.

    Raises:
        StoreError: the store cannot be used from the start.
    """
    holder = uuid.uuid4().hex
    await store.hold(FOLLOWER_LEASE, holder, LEASE_LASTS)
    began()
    try:
        while True:
            await anyio.sleep(RENEWED_EVERY)
            try:
                await store.hold(FOLLOWER_LEASE, holder, LEASE_LASTS)
            except StoreError:
                log.exception("the task store does not answer; it is tried again")
    finally:
        with anyio.CancelScope(shield=True), suppress(StoreError):
            await store.let_go(FOLLOWER_LEASE, holder)


async def _taken(store: Store, holder: str) -> bool:
    """Tells whether the lease was to be had, for which a follower that is about to leave, or died, is given a while."""
    for patience in (RENEWED_EVERY, RENEWED_EVERY, RENEWED_EVERY, LEASE_LASTS, None):
        if await store.hold(FOLLOWER_LEASE, holder, LEASE_LASTS):
            return True
        if patience is not None:
            await anyio.sleep(patience)
    return False
